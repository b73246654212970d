//! The datastore as expressions see it.

use std::sync::Arc;

use super::{Datastore, Owner, seal};
use crate::engine::KeySource;
use crate::expr::jinja::{KeyLookup, KeyScope};

/// What expressions see on behalf of one person.
struct View {
    datastore: Arc<Datastore>,
    owner: Owner,
    /// Whether secrets of everybody are decrypted, too.
    everything: bool,
}

impl KeyLookup for View {
    fn get(&self, scope: KeyScope, key: &str) -> Option<String> {
        let shelf = self.datastore.shelf.read();
        let pair = match (scope, self.owner.user()) {
            (KeyScope::System, _) => shelf.system(key)?,
            (KeyScope::User, Some(user)) => shelf.user(user, key)?,
            (KeyScope::User, None) => return None,
        };
        pair.lives().then(|| pair.value.clone())
    }

    fn decrypt(&self, ciphertext: &str) -> Result<String, String> {
        let key = &self.datastore.key;
        if let Some(plain) = seal::open(key, &self.owner, ciphertext) {
            return Ok(plain);
        }
        match seal::open(key, &Owner::System, ciphertext) {
            Some(plain) if self.everything => Ok(plain),
            Some(_) => Err(
                "secrets of everybody (st2kv.system) are decrypted where packs ask for it, and in parameters that \
                 administrators give"
                    .to_owned(),
            ),
            None => Err("this is no secret of the datastore, or one of somebody else".to_owned()),
        }
    }
}

/// The engine's way to the datastore.
pub struct Keys(pub Arc<Datastore>);

impl KeySource for Keys {
    fn of(&self, user: &str, everything: bool) -> Arc<dyn KeyLookup> {
        Arc::new(View {
            datastore: Arc::clone(&self.0),
            owner: Owner::User(user.to_owned()),
            everything,
        })
    }

    fn secrets(&self, user: &str) -> Vec<String> {
        let owner = Owner::User(user.to_owned());
        let datastore = &self.0;
        let mut all = datastore.list(&Owner::System, "");
        all.extend(datastore.list(&owner, ""));
        all.iter()
            .filter(|pair| pair.secret)
            .filter_map(|pair| datastore.plain(pair))
            .collect()
    }
}
