//! The contexts that a task has come by: a list that grows at its end, shared with every branch that has it as its
//! beginning, with the merged variables kept where they were needed.
//!
//! The reference merges all contexts of a task from the first one at each evaluation. Here a step adds one context
//! to variables that are merged already, so it costs the same however long the way was. Only a join walks the
//! contexts of its later branches, in order, because merging is not associative: null published in between resets a
//! dictionary that would otherwise be merged.

use std::sync::{Arc, OnceLock};

use crate::expr::scene::Variables;
use crate::expr::value::{Dict, DictMap, Value};

/// Numbers of contexts, in the order in which they are merged.
#[derive(Clone, Debug)]
pub(super) struct Contexts(Arc<Link>);

#[derive(Debug)]
struct Link {
    before: Option<Contexts>,
    number: u32,
    length: usize,
    /// What is published here.
    own: Dict,
    merged: OnceLock<Variables>,
}

impl Contexts {
    /// The start context alone.
    pub(super) fn first(start: Dict) -> Self {
        Self(Arc::new(Link {
            before: None,
            number: 0,
            length: 1,
            merged: OnceLock::from(Variables::new(start.clone())),
            own: start,
        }))
    }

    /// With one more at the end.
    pub(super) fn and(&self, number: u32, own: Dict) -> Self {
        Self(Arc::new(Link {
            before: Some(self.clone()),
            number,
            length: self.0.length + 1,
            own,
            merged: OnceLock::new(),
        }))
    }

    /// With all of another list at the end, except the start context.
    pub(super) fn join(&self, other: &Self) -> Self {
        let mut joined = self.clone();
        for link in other.links() {
            if link.number != 0 {
                joined = joined.and(link.number, link.own.clone());
            }
        }
        joined
    }

    /// The numbers, in order.
    pub(super) fn numbers(&self) -> Vec<u32> {
        self.links().iter().map(|link| link.number).collect()
    }

    fn links(&self) -> Vec<&Link> {
        let mut links = Vec::with_capacity(self.0.length);
        let mut next = Some(self);
        while let Some(contexts) = next {
            links.push(&*contexts.0);
            next = contexts.0.before.as_ref();
        }
        links.reverse();
        links
    }

    /// All of them merged, the later ones winning.
    pub(super) fn variables(&self) -> &Variables {
        // Back to where something is merged already, then forward; without recursion, as the way may be long.
        let mut open = Vec::new();
        let mut link = &*self.0;
        while link.merged.get().is_none() {
            open.push(link);
            match &link.before {
                Some(before) => link = &*before.0,
                None => break,
            }
        }
        let mut known = link.merged.get().cloned().unwrap_or_default();
        for link in open.into_iter().rev() {
            let all = merged(known.all(), &link.own);
            known = link.merged.get_or_init(|| Variables::new(all)).clone();
        }
        self.0.merged.get_or_init(|| known)
    }
}

impl Drop for Link {
    /// One link after the other: a long way must not exhaust the stack.
    fn drop(&mut self) {
        let mut next = self.before.take();
        while let Some(Contexts(link)) = next {
            next = Arc::into_inner(link).and_then(|mut link| link.before.take());
        }
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
    use super::*;
    use crate::expr::value::Value;
    use serde_json::json;

    fn dict(json: serde_json::Value) -> Dict {
        match Value::from(json) {
            Value::Dict(dict) => dict,
            other => panic!("no dictionary: {other:?}"),
        }
    }

    fn all(contexts: &Contexts) -> Value {
        Value::Dict(contexts.variables().all().clone())
    }

    #[test]
    fn later_contexts_win_and_dictionaries_merge() {
        let start = Contexts::first(dict(json!({"a": 1, "d": {"x": 1, "y": {"p": 1}}})));
        let next = start.and(1, dict(json!({"a": 2, "d": {"z": 3, "y": {"q": 2}}})));
        assert_eq!(
            all(&next),
            Value::from(json!({"a": 2, "d": {"x": 1, "y": {"p": 1, "q": 2}, "z": 3}}))
        );
        assert_eq!(all(&start), Value::from(json!({"a": 1, "d": {"x": 1, "y": {"p": 1}}})));
    }

    #[test]
    fn null_in_between_resets_a_dictionary() {
        let start = Contexts::first(dict(json!({"d": {"x": 1}})));
        let reset = start.and(1, dict(json!({"d": null}))).and(2, dict(json!({"d": {"z": 3}})));
        assert_eq!(all(&reset), Value::from(json!({"d": {"z": 3}})));
    }

    #[test]
    fn a_join_repeats_what_both_branches_had() {
        let start = Contexts::first(dict(json!({})));
        let fork = start.and(1, dict(json!({"x": 1})));
        let (left, right) = (fork.and(2, dict(json!({"x": 2}))), fork.and(3, dict(json!({"y": 3}))));
        let joined = left.join(&right);
        assert_eq!(joined.numbers(), [0, 1, 2, 1, 3]);
        assert_eq!(all(&joined), Value::from(json!({"x": 1, "y": 3})));
    }

    #[test]
    fn a_long_way_needs_no_stack() {
        let mut contexts = Contexts::first(dict(json!({})));
        for number in 1..200_000 {
            contexts = contexts.and(number, dict(json!({"n": number})));
        }
        assert_eq!(contexts.variables().all().len(), 1);
    }
}
