//! Setting and deleting keys.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{MutexGuard, RwLockReadGuard};

use super::{
    Change, Datastore, KeyError, LARGEST, LOCKS, LONGEST_LIFE, LONGEST_NAME, MOST, Owner, Pair, ROOM, seal,
};
use crate::model::{AuditDraft, Id, Timestamp};
use crate::store::Write;

/// Characters of a description.
const LONGEST_DESCRIPTION: usize = 2000;
/// Names that an audit entry lists.
const LISTED: usize = 100;

/// A key that is to be set.
#[derive(Clone, Default)]
pub struct Put {
    /// Name.
    pub name: String,
    /// The text.
    pub value: String,
    /// Seal it.
    pub secret: bool,
    /// `value` is sealed already, for the same owner and by this installation (KVS-5).
    pub encrypted: bool,
    /// Seconds that it lives; `None` and 0: for ever. One below 0 makes it expire at once.
    pub ttl: Option<i64>,
    /// What it is for; `None` keeps what was said before.
    pub description: Option<String>,
}

impl Datastore {
    /// Sets a key. Returns after it is committed; everybody sees it then.
    ///
    /// # Errors
    /// [`KeyError::Refused`] for names and values beyond the limits, and for sealed values that do not open.
    pub async fn put(&self, owner: Owner, put: Put, by: &str) -> Result<Arc<Pair>, KeyError> {
        check(&put)?;
        let _one = self.one(&owner, &put.name).await;
        let before = self.get(&owner, &put.name);
        let after = Arc::new(self.made(owner, put, before.as_deref())?);
        self.check_room(&after)?;
        let kind = if before.is_some() {
            "key.updated"
        } else {
            "key.created"
        };
        let mut rows = vec![
            Write::Setting {
                key: after.owner.stored(&after.name),
                value: Some(serde_json::to_value(&*after).map_err(|error| {
                    KeyError::Refused(format!("the key cannot be written as JSON: {error}"))
                })?),
            },
            audit(kind, &after, by),
        ];
        let (old, new) = (before.as_ref().map(|pair| pair.shown(None)), after.shown(None));
        for observer in &self.observers {
            rows.extend(observer.rows(old.as_ref(), Some(&new)));
        }
        self.store.commit(rows).await?;
        self.shelf.write().put(Arc::clone(&after));
        self.told(before, Some(Arc::clone(&after)));
        Ok(after)
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// [`KeyError::Unknown`].
    pub async fn delete(&self, owner: &Owner, name: &str, by: &str) -> Result<Arc<Pair>, KeyError> {
        let _one = self.one(owner, name).await;
        let before = self.need(owner, name)?;
        let mut rows = vec![
            Write::Setting {
                key: owner.stored(name),
                value: None,
            },
            audit("key.deleted", &before, by),
        ];
        let old = before.shown(None);
        for observer in &self.observers {
            rows.extend(observer.rows(Some(&old), None));
        }
        self.store.commit(rows).await?;
        self.shelf.write().remove(owner, name);
        self.told(Some(Arc::clone(&before)), None);
        Ok(before)
    }

    /// Notes in the audit log who was shown secrets in clear. To be called before they are shown.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn note_decrypted(&self, pairs: &[Arc<Pair>], by: &str) -> Result<(), KeyError> {
        let secret = || pairs.iter().filter(|pair| pair.secret);
        let names: Vec<String> = secret()
            .take(LISTED)
            .map(|pair| pair.owner.uid(&pair.name))
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let draft = AuditDraft {
            timestamp: Timestamp::now(),
            kind: "key.decrypted".to_owned(),
            actor: by.to_owned(),
            detail: json!({"keys": names, "count": secret().count()}),
            ..AuditDraft::default()
        };
        Ok(self.store.commit(vec![Write::Audit(draft)]).await?)
    }

    /// The lock under which a key is changed.
    async fn one(&self, owner: &Owner, name: &str) -> (RwLockReadGuard<'_, ()>, MutexGuard<'_, ()>) {
        let mut hasher = DefaultHasher::new();
        (owner, name).hash(&mut hasher);
        // The remainder fits any integer.
        #[allow(clippy::cast_possible_truncation)]
        let place = (hasher.finish() % LOCKS as u64) as usize;
        (self.gate.read().await, self.locks[place].lock().await)
    }

    /// The key as it will be stored.
    fn made(&self, owner: Owner, put: Put, before: Option<&Pair>) -> Result<Pair, KeyError> {
        let mut value = put.value;
        if put.encrypted {
            value = value.trim().to_uppercase();
            if seal::open(&self.key, &owner, &value).is_none() {
                return Err(KeyError::Refused(format!(
                    "Failed to verify the integrity of the provided value for key \"{}\". Ensure that the value is \
                     encrypted with the correct key and not corrupted: it must come from this installation and the \
                     same owner's keys.",
                    put.name
                )));
            }
        } else if put.secret {
            // The same text stays the same seal: then nobody hears of a new value.
            let same = before.filter(|before| before.secret && self.plain(before).as_ref() == Some(&value));
            value = match same {
                Some(before) => before.value.clone(),
                None => seal::seal(&self.key, &owner, &value),
            };
        }
        let expires = put
            .ttl
            .filter(|ttl| *ttl != 0)
            .map(|ttl| Timestamp::now().plus_millis(ttl.saturating_mul(1000)));
        Ok(Pair {
            id: before.map_or_else(Id::new, |before| before.id),
            owner,
            name: put.name,
            value,
            secret: put.secret || put.encrypted,
            expires,
            description: put
                .description
                .or_else(|| before.and_then(|before| before.description.clone())),
        })
    }

    fn check_room(&self, new: &Pair) -> Result<(), KeyError> {
        let shelf = self.shelf.read();
        let before = shelf.get(&new.owner, &new.name);
        let grows = new
            .size()
            .saturating_sub(before.as_ref().map_or(0, |pair| pair.size()));
        if before.is_none() && shelf.count() >= MOST {
            return Err(KeyError::Refused(format!(
                "the datastore holds {MOST} keys, the limit: delete some, or give those that nobody needs for long a ttl"
            )));
        }
        if grows > 0 && shelf.bytes() + grows > ROOM {
            return Err(KeyError::Refused(format!(
                "the datastore holds {} MiB, the limit: delete keys, or keep large texts in files",
                ROOM >> 20
            )));
        }
        Ok(())
    }

    pub(super) fn told(&self, before: Option<Arc<Pair>>, after: Option<Arc<Pair>>) {
        // Nobody may be listening.
        let _ = self.changes.send(Change { before, after });
    }
}

fn check(put: &Put) -> Result<(), KeyError> {
    let refused = |why: String| Err(KeyError::Refused(why));
    let name = &put.name;
    if name.is_empty() || name.chars().any(char::is_control) {
        return refused("the name of a key is a text without control characters".to_owned());
    }
    if name.chars().count() > LONGEST_NAME {
        return refused(format!("the name of a key has at most {LONGEST_NAME} characters"));
    }
    if put.value.len() > LARGEST {
        return refused(format!(
            "the value of \"{name}\" has {} bytes, at most {LARGEST} are allowed: keep large texts in files",
            put.value.len()
        ));
    }
    if put
        .ttl
        .is_some_and(|ttl| !(-LONGEST_LIFE..=LONGEST_LIFE).contains(&ttl))
    {
        return refused(format!("the ttl of a key is at most {LONGEST_LIFE} seconds"));
    }
    if put
        .description
        .as_ref()
        .is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION)
    {
        return refused(format!(
            "the description of a key has at most {LONGEST_DESCRIPTION} characters"
        ));
    }
    Ok(())
}

/// The entry about a change: never the value, not even a plain one.
fn audit(kind: &str, pair: &Pair, by: &str) -> Write {
    let mut detail = json!({"key": pair.owner.uid(&pair.name), "secret": pair.secret});
    if let Some(expires) = pair.expires {
        detail["expires"] = json!(expires);
    }
    entry(kind, by, detail)
}

pub(super) fn entry(kind: &str, by: &str, detail: Value) -> Write {
    Write::Audit(AuditDraft {
        timestamp: Timestamp::now(),
        kind: kind.to_owned(),
        actor: by.to_owned(),
        detail,
        ..AuditDraft::default()
    })
}
