//! All keys in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Owner, Pair};

type Keys = BTreeMap<String, Arc<Pair>>;

/// Keys by owner and name, those that have expired among them until they are removed.
#[derive(Default)]
pub(super) struct Shelf {
    system: Keys,
    users: HashMap<String, Keys>,
    count: usize,
    bytes: usize,
}

impl Shelf {
    fn keys(&self, owner: &Owner) -> Option<&Keys> {
        match owner {
            Owner::System => Some(&self.system),
            Owner::User(user) => self.users.get(user),
        }
    }

    pub(super) fn get(&self, owner: &Owner, name: &str) -> Option<Arc<Pair>> {
        self.keys(owner)?.get(name).cloned()
    }

    pub(super) fn system(&self, name: &str) -> Option<&Arc<Pair>> {
        self.system.get(name)
    }

    pub(super) fn user(&self, user: &str, name: &str) -> Option<&Arc<Pair>> {
        self.users.get(user)?.get(name)
    }

    pub(super) fn list(&self, owner: &Owner, prefix: &str) -> Vec<Arc<Pair>> {
        let Some(keys) = self.keys(owner) else {
            return Vec::new();
        };
        keys.range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded))
            .take_while(|(name, _)| name.starts_with(prefix))
            .map(|(_, pair)| Arc::clone(pair))
            .collect()
    }

    /// All keys, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Pair>> {
        self.system
            .values()
            .chain(self.users.values().flat_map(BTreeMap::values))
    }

    pub(super) fn put(&mut self, pair: Arc<Pair>) {
        let keys = match &pair.owner {
            Owner::System => &mut self.system,
            Owner::User(user) => self.users.entry(user.clone()).or_default(),
        };
        self.bytes += pair.size();
        self.count += 1;
        if let Some(before) = keys.insert(pair.name.clone(), pair) {
            self.bytes -= before.size();
            self.count -= 1;
        }
    }

    pub(super) fn remove(&mut self, owner: &Owner, name: &str) {
        let removed = match owner {
            Owner::System => self.system.remove(name),
            Owner::User(user) => {
                let removed = self.users.get_mut(user).and_then(|keys| keys.remove(name));
                if self.users.get(user).is_some_and(BTreeMap::is_empty) {
                    self.users.remove(user);
                }
                removed
            }
        };
        if let Some(removed) = removed {
            self.bytes -= removed.size();
            self.count -= 1;
        }
    }

    /// How many keys there are.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// What they take up.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}
