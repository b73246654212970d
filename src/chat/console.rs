//! The console gateway: terminals and other plain clients behind the API.
//!
//! A conversation is a terminal session. Messages go to whoever listens to it; while nobody does they wait in
//! the outbox. A client that comes back names the last message it has seen and is told what it missed, so a
//! crash on either side loses and repeats nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::card::Card;
use super::gateway::{Capabilities, Gateway, Limits, Markup, Rendered, SendError, Sent};
use crate::model::{Id, Status};

/// Instance name of the gateway.
pub const GATEWAY: &str = "console";

/// Messages that a listener may be behind before it has to ask the store.
const BACKLOG: usize = 256;

/// A message as a terminal gets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsoleEvent {
    /// The cursor; absent for passing progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// What kind of message, the name of its template.
    pub kind: String,
    /// Messages with the same card replace each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Whether it replaces an earlier message of its card.
    pub edit: bool,
    /// Nothing follows about this execution or message.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// The execution that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Id>,
    /// Where that execution stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// False when the message that it answers was no command or not allowed.
    pub understood: bool,
    /// There is nothing to show.
    pub silent: bool,
    /// Executions that were started by this one and answer in the same conversation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<Id>,
    /// The message as plain text.
    pub text: String,
    /// The message as a card, for clients with colours.
    pub blocks: Card,
}

/// Whether an answer of this kind means that the message was understood and allowed.
#[must_use]
pub fn is_understood(kind: &str) -> bool {
    !matches!(
        kind,
        "not_understood" | "ambiguous" | "denied" | "parameters" | "unusable"
    )
}

impl From<Rendered> for ConsoleEvent {
    fn from(message: Rendered) -> Self {
        Self {
            id: message.id,
            understood: is_understood(&message.kind),
            kind: message.kind,
            card: message.card_key,
            edit: message.edit.is_some(),
            is_final: message.is_final,
            execution: message.execution,
            status: message.status,
            silent: message.silent,
            starts: message.starts,
            text: message.text,
            blocks: message.card,
        }
    }
}

/// The console gateway.
#[derive(Default)]
pub struct Console {
    sessions: Mutex<HashMap<String, broadcast::Sender<Arc<ConsoleEvent>>>>,
}

impl Console {
    /// Listens to a conversation from now on.
    pub(crate) fn listen(&self, conversation: &str) -> broadcast::Receiver<Arc<ConsoleEvent>> {
        let mut sessions = self.sessions.lock();
        sessions.retain(|_, sender| sender.receiver_count() > 0);
        let sender = sessions
            .entry(conversation.to_owned())
            .or_insert_with(|| broadcast::Sender::new(BACKLOG));
        sender.subscribe()
    }

    /// Whether somebody listens to a conversation.
    #[must_use]
    pub fn is_heard(&self, conversation: &str) -> bool {
        self.sessions
            .lock()
            .get(conversation)
            .is_some_and(|sender| sender.receiver_count() > 0)
    }

    /// What the gateway can do, for messages that are made again.
    pub(crate) const fn can() -> Capabilities {
        Capabilities {
            limits: Limits {
                text: 64 << 10,
                file: 0,
                lines: 60,
                post_interval: Duration::ZERO,
                edit_interval: Duration::from_millis(250),
                edits: None,
                in_flight: 64,
            },
            can_edit: true,
            can_thread: false,
            files: false,
            markup: Markup::Plain,
            can_recall: false,
            hears_silence: true,
        }
    }
}

impl Gateway for Console {
    fn name(&self) -> &str {
        GATEWAY
    }

    fn capabilities(&self) -> Capabilities {
        Self::can()
    }

    fn send(&self, message: Rendered) -> BoxFuture<'_, Result<Sent, SendError>> {
        let sender = self.sessions.lock().get(&message.place.conversation).cloned();
        let message_ref = message.edit.clone().or_else(|| message.card_key.clone());
        let message_ref = message_ref
            .or_else(|| message.id.map(|id| id.to_string()))
            .unwrap_or_default();
        let heard = sender.is_some_and(|sender| sender.send(Arc::new(message.into())).is_ok());
        let answer = if heard {
            Ok(Sent { message_ref })
        } else {
            Err(SendError::Away("nobody listens to this session".to_owned()))
        };
        Box::pin(std::future::ready(answer))
    }

    fn health(&self) -> String {
        let open = self
            .sessions
            .lock()
            .values()
            .filter(|sender| sender.receiver_count() > 0)
            .count();
        match open {
            1 => "1 open session".to_owned(),
            open => format!("{open} open sessions"),
        }
    }
}
