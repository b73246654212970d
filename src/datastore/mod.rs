//! The datastore: texts under names, for everybody (`system`) or for one person (`user`), some of them secret.
//!
//! Keys are named values of the store and held in memory, so that expressions read them without waiting. A change is
//! one commit together with its audit entry and what observers add; it is seen by everybody when [`Datastore::put`]
//! returns. Secrets are sealed for their owner before they are stored: a sealed text copied elsewhere does not open.

mod change;
mod lookup;
mod pair;
mod rights;
mod seal;
mod shelf;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use parking_lot::RwLock;
use thiserror::Error;
use tokio::sync::broadcast;

pub use change::Put;
pub use lookup::Keys;
pub use pair::{ALL, Owner, Pair};
pub use rights::{Reach, Wish};
use shelf::Shelf;

use crate::engine::SecretKey;
use crate::model::{Identity, JsonMap};
use crate::store::{CommitError, Store, StoreError, Write};

/// Characters of a name.
pub const LONGEST_NAME: usize = 255;
/// Bytes of a value.
pub const LARGEST: usize = 1 << 20;
/// Keys of everybody together.
pub const MOST: usize = 100_000;
/// Bytes of all names and values together.
pub const ROOM: usize = 64 << 20;
/// Seconds that a key may live: a hundred years.
pub const LONGEST_LIFE: i64 = 100 * 365 * 24 * 3600;

/// Changes that a slow follower may lag behind.
const FOLLOWED: usize = 1024;
/// Locks of which each change takes one, so that changes of one key come one after another.
const LOCKS: usize = 64;

/// Why something was not done.
#[derive(Debug, Error)]
pub enum KeyError {
    /// There is no such key (any more).
    #[error("The key \"{0}\" does not exist in the StackStorm datastore.")]
    Unknown(String),
    /// The request makes no sense, or goes beyond a limit.
    #[error("{0}")]
    Refused(String),
    /// The person may not.
    #[error("{0}")]
    Forbidden(String),
    /// The store failed; an internal error.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for KeyError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Self::Store(error),
            other => Self::Store(StoreError::Database(other.to_string())),
        }
    }
}

/// A committed change of a key: what it was, and what it is.
#[derive(Clone, Debug)]
pub struct Change {
    /// `None`: it is new.
    pub before: Option<Arc<Pair>>,
    /// `None`: it is gone.
    pub after: Option<Arc<Pair>>,
}

/// Adds rows to the commit of a change, so that what follows is as durable as the change.
pub trait KeyObserver: Send + Sync + 'static {
    /// Rows for a change, told in the form of the API; secret values are sealed. Must be quick and do no I/O.
    fn rows(&self, before: Option<&JsonMap>, after: Option<&JsonMap>) -> Vec<Write>;
}

/// The datastore.
pub struct Datastore {
    store: Arc<dyn Store>,
    key: SecretKey,
    observers: Vec<Arc<dyn KeyObserver>>,
    /// Access control is off.
    open: bool,
    shelf: RwLock<Shelf>,
    /// A change of a key holds the lock of its name; removing what has expired holds the gate alone.
    locks: Vec<tokio::sync::Mutex<()>>,
    gate: tokio::sync::RwLock<()>,
    changes: broadcast::Sender<Change>,
}

impl Datastore {
    /// Reads what is stored. `open`: access control is off, see [`Reach`]. What cannot be read is left out, and told in the log.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(
        store: Arc<dyn Store>,
        key: SecretKey,
        observers: Vec<Arc<dyn KeyObserver>>,
        open: bool,
    ) -> Result<Arc<Self>, StoreError> {
        let mut shelf = Shelf::default();
        for (name, value) in store.settings(pair::STORED.to_owned()).await? {
            match serde_json::from_value::<Pair>(value) {
                Ok(pair) => shelf.put(Arc::new(pair)),
                Err(error) => {
                    tracing::error!(key = %name, %error, "a stored key cannot be read and is left out");
                }
            }
        }
        Ok(Arc::new(Self {
            store,
            key,
            observers,
            open,
            shelf: RwLock::new(shelf),
            locks: (0..LOCKS).map(|_| tokio::sync::Mutex::default()).collect(),
            gate: tokio::sync::RwLock::default(),
            changes: broadcast::Sender::new(FOLLOWED),
        }))
    }

    /// What somebody may do here.
    #[must_use]
    pub const fn reach<'a>(&self, identity: &'a Identity) -> Reach<'a> {
        Reach {
            identity,
            open: self.open,
        }
    }

    /// A key that has not expired.
    #[must_use]
    pub fn get(&self, owner: &Owner, name: &str) -> Option<Arc<Pair>> {
        let pair = self.shelf.read().get(owner, name)?;
        pair.lives().then_some(pair)
    }

    /// A key that has not expired.
    ///
    /// # Errors
    /// [`KeyError::Unknown`].
    pub fn need(&self, owner: &Owner, name: &str) -> Result<Arc<Pair>, KeyError> {
        self.get(owner, name)
            .ok_or_else(|| KeyError::Unknown(owner.full_name(name)))
    }

    /// The keys of an owner whose names begin with `prefix`, in order of their names.
    #[must_use]
    pub fn list(&self, owner: &Owner, prefix: &str) -> Vec<Arc<Pair>> {
        let mut found = self.shelf.read().list(owner, prefix);
        found.retain(|pair| pair.lives());
        found
    }

    /// The plain text of a key; `None` when it was sealed with another key than that of this data folder.
    #[must_use]
    pub fn plain(&self, pair: &Pair) -> Option<String> {
        if pair.secret {
            seal::open(&self.key, &pair.owner, &pair.value)
        } else {
            Some(pair.value.clone())
        }
    }

    /// Follows committed changes.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}
