//! Settings of single conversations: prefix, threads, how much is told, packs, digest.
//!
//! The settings file gives what a conversation starts with; what people change is kept in the store and wins. A thread that is
//! a conversation of its own (Discord) goes by its channel.

mod manner;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use manner::{Manner, NAMES, Verbosity};

use super::misses::place_text;
use super::outbox::Gateways;
use crate::model::{AuditDraft, Place, Timestamp};
use crate::store::{CommitError, Store, StoreError, Write};

/// Named values: `chat.conversation.<gateway>/<conversation>`.
const STORED: &str = "chat.conversation.";
/// Conversations with settings of their own.
const MOST: usize = 10_000;
/// The pack of the bot's own commands.
const OWN_PACK: &str = "chatops";
/// The audit log's word for a change.
const CHANGED: &str = "conversation.changed";

/// A conversation with settings of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Where; without a thread.
    pub place: Place,
    /// How the bot behaves there.
    pub manner: Manner,
}

/// Settings of conversations.
pub struct Conversations {
    store: Arc<dyn Store>,
    seeds: RwLock<BTreeMap<String, Manner>>,
    stored: RwLock<BTreeMap<String, Conversation>>,
    changes: tokio::sync::Mutex<()>,
}

fn key(gateway: &str, conversation: &str) -> String {
    format!("{gateway}/{conversation}")
}

impl Conversations {
    /// Reads what was stored.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(store: Arc<dyn Store>) -> Result<Arc<Self>, StoreError> {
        let mut stored = BTreeMap::new();
        for (name, value) in store.settings(STORED.to_owned()).await? {
            let Some(key) = name.strip_prefix(STORED) else {
                continue;
            };
            match serde_json::from_value(value) {
                Ok(conversation) => {
                    stored.insert(key.to_owned(), conversation);
                }
                Err(error) => {
                    tracing::error!(%error, key, "the settings of a conversation cannot be read; they do not count");
                }
            }
        }
        Ok(Arc::new(Self {
            store,
            seeds: RwLock::default(),
            stored: RwLock::new(stored),
            changes: tokio::sync::Mutex::default(),
        }))
    }

    /// What the settings file says about a conversation.
    pub(crate) fn seed(&self, gateway: &str, conversation: &str, manner: Manner) {
        self.seeds.write().insert(key(gateway, conversation), manner);
    }

    /// The settings of exactly this conversation.
    fn own(&self, gateway: &str, conversation: &str) -> Manner {
        let key = key(gateway, conversation);
        let stored = self.stored.read().get(&key).map(|known| known.manner.clone());
        let seed = self.seeds.read().get(&key).cloned();
        stored.unwrap_or_default().or(seed.unwrap_or_default())
    }

    /// What was changed by people: all of it.
    #[must_use]
    pub fn all(&self) -> Vec<Conversation> {
        self.stored.read().values().cloned().collect()
    }

    /// What the settings file says of it and nobody changed is kept; the rest is stored with an audit entry.
    ///
    /// # Errors
    /// When there are too many, or the store cannot write.
    pub(crate) async fn change(
        &self,
        place: &Place,
        name: &str,
        act: impl FnOnce(&mut Manner) -> Result<(), String> + Send,
        by: &str,
    ) -> Result<Manner, ChangeError> {
        let _one_at_a_time = self.changes.lock().await;
        let key = key(&place.gateway, &place.conversation);
        let known = self.stored.read().get(&key).cloned();
        if known.is_none() && self.stored.read().len() >= MOST {
            return Err(ChangeError::Refused(format!(
                "{MOST} conversations have settings of their own: that is the limit"
            )));
        }
        let before = known
            .as_ref()
            .map(|known| known.manner.clone())
            .unwrap_or_default();
        let mut manner = before.clone();
        act(&mut manner).map_err(ChangeError::Refused)?;
        let conversation = Conversation {
            place: Place {
                thread: None,
                ..place.clone()
            },
            manner: manner.clone(),
        };
        let keep = manner != Manner::default();
        let entry = AuditDraft {
            timestamp: Timestamp::now(),
            kind: CHANGED.to_owned(),
            actor: by.to_owned(),
            place: place_text(place),
            text: None,
            execution: None,
            action: None,
            detail: json!({"name": name, "before": before.shown(name), "after": manner.shown(name)}),
        };
        let rows = vec![
            Write::Setting {
                key: format!("{STORED}{key}"),
                value: keep.then(|| json!(conversation)),
            },
            Write::Audit(entry),
        ];
        match self.store.commit(rows).await {
            Ok(()) => {}
            Err(CommitError::Store(error)) => return Err(ChangeError::Store(error)),
            Err(error) => return Err(ChangeError::Store(StoreError::Database(error.to_string()))),
        }
        let mut stored = self.stored.write();
        if keep {
            stored.insert(key, conversation);
        } else {
            stored.remove(&key);
        }
        Ok(manner)
    }
}

/// Why settings were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// One sentence for whoever wanted it.
    #[error("{0}")]
    Refused(String),
    /// The store failed; an internal error.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Settings of conversations together with who knows which thread belongs to which channel.
#[derive(Clone)]
pub(crate) struct Manners {
    pub(crate) conversations: Arc<Conversations>,
    pub(crate) gateways: Arc<Gateways>,
}

impl Manners {
    /// How the bot behaves in a place.
    pub(crate) fn of(&self, place: &Place) -> Manner {
        self.at(&place.gateway, &place.conversation)
    }

    /// The same by the conversation's id.
    pub(crate) fn at(&self, gateway: &str, conversation: &str) -> Manner {
        let own = self.conversations.own(gateway, conversation);
        match self.channel(gateway, conversation) {
            Some(channel) => own.or(self.conversations.own(gateway, &channel)),
            None => own,
        }
    }

    /// The place whose settings count: the channel of a thread.
    pub(crate) fn seat(&self, place: &Place) -> Place {
        let channel = self.channel(&place.gateway, &place.conversation);
        Place {
            thread: None,
            conversation: channel.unwrap_or_else(|| place.conversation.clone()),
            ..place.clone()
        }
    }

    fn channel(&self, gateway: &str, conversation: &str) -> Option<String> {
        self.gateways.get(gateway)?.channel_of(conversation)
    }
}
