//! What publishing changes, as a value of its own: changes can be put together without knowing what they change.
//!
//! Contexts merge: dictionaries member by member, anything else is replaced. A replacement in between resets a
//! dictionary, so merging two contexts first and the outcome onto a third is not the same as merging one after the
//! other. A patch remembers what was replaced, which makes it so; a join then costs as much as there are variables, not
//! as there were steps.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::expr::value::{Dict, DictMap, Hasher, Value};

/// A change of a dictionary.
#[derive(Clone, Debug, Default)]
pub(super) struct Patch(Arc<IndexMap<Value, Change, Hasher>>);

#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It is this now, whatever it was.
    Set(Value),
    /// A dictionary gets this; anything else becomes a dictionary of this.
    Merge(Patch),
}

impl Patch {
    /// The change that merging a context makes.
    pub(super) fn of(context: &Dict) -> Self {
        let changes = context.iter().map(|(key, value)| {
            let change = match value {
                Value::Dict(inner) => Change::Merge(Self::of(inner)),
                other => Change::Set(other.clone()),
            };
            (key.clone(), change)
        });
        Self(Arc::new(changes.collect()))
    }

    pub(super) fn from_changes(changes: impl IntoIterator<Item = (Value, Change)>) -> Self {
        Self(Arc::new(changes.into_iter().collect()))
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = (&Value, &Change)> {
        self.0.iter()
    }

    /// This change, then another one.
    pub(super) fn then(&self, later: &Self) -> Self {
        if later.0.is_empty() {
            return self.clone();
        }
        if self.0.is_empty() {
            return later.clone();
        }
        let mut all = IndexMap::clone(&self.0);
        for (key, change) in later.0.iter() {
            let change = match (all.get(key), change) {
                (Some(Change::Merge(old)), Change::Merge(new)) => Change::Merge(old.then(new)),
                (Some(Change::Set(Value::Dict(old))), Change::Merge(new)) => {
                    Change::Set(Value::Dict(new.onto(old)))
                }
                (Some(Change::Set(_)), Change::Merge(new)) => {
                    Change::Set(Value::Dict(new.onto(&Dict::default())))
                }
                (_, other) => other.clone(),
            };
            all.insert(key.clone(), change);
        }
        Self(Arc::new(all))
    }

    /// A dictionary with this change.
    pub(super) fn onto(&self, dict: &Dict) -> Dict {
        if self.0.is_empty() {
            return dict.clone();
        }
        let mut members = DictMap::clone(dict);
        for (key, change) in self.0.iter() {
            let value = match (members.get(key), change) {
                (_, Change::Set(value)) => value.clone(),
                (Some(Value::Dict(old)), Change::Merge(new)) => Value::Dict(new.onto(old)),
                (_, Change::Merge(new)) => Value::Dict(new.onto(&Dict::default())),
            };
            members.insert(key.clone(), value);
        }
        Dict::new(members)
    }
}

/// Both merged: dictionaries member by member, of anything else the right one stays.
pub(super) fn merged(left: &Dict, right: &Dict) -> Dict {
    if right.is_empty() {
        return left.clone();
    }
    if left.is_empty() {
        return right.clone();
    }
    let mut members = DictMap::clone(left);
    for (key, value) in right.iter() {
        let value = match (members.get(key), value) {
            (Some(Value::Dict(old)), Value::Dict(new)) => Value::Dict(merged(old, new)),
            _ => value.clone(),
        };
        members.insert(key.clone(), value);
    }
    Dict::new(members)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contexts() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), (0_i64..3).prop_map(Value::Int)];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(|members| {
                Value::dict(members.into_iter().map(|(key, value)| (Value::text(key), value)))
            })
        })
    }

    fn dict(value: &Value) -> Dict {
        value.as_dict().cloned().unwrap_or_default()
    }

    proptest! {
        #![proptest_config(crate::testing::cases(512))]

        #[test]
        fn patches_put_together_change_as_contexts_merged_one_after_the_other(
            all in prop::collection::vec(contexts(), 1..6),
            split in 0_usize..6,
        ) {
            let all: Vec<Dict> = all.iter().map(dict).collect();
            let expected = all.iter().skip(1).fold(all[0].clone(), |sum, one| merged(&sum, one));
            let patches: Vec<Patch> = all.iter().skip(1).map(Patch::of).collect();
            let split = split.min(patches.len());
            let sum = |some: &[Patch]| some.iter().fold(Patch::default(), |sum, one| sum.then(one));
            let patch = sum(&patches[..split]).then(&sum(&patches[split..]));
            prop_assert_eq!(Value::Dict(patch.onto(&all[0])), Value::Dict(expected));
        }
    }
}
