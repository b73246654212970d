//! Rows that travel with a transition: audit entries, inbound claims, outbound messages.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Id, Place, Timestamp};

/// An entry for the audit log before it has its number and hash.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditDraft {
    /// When it happened.
    pub timestamp: Timestamp,
    /// What kind: `execution.requested`, `execution.succeeded`, `access.denied`, `content.reloaded`…
    pub kind: String,
    /// Internal name of the person or service.
    pub actor: String,
    /// Where: `slack:default #ops`, `api`, `cli`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// The sentence as typed, secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The execution that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Id>,
    /// The action that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Everything else: masked parameters, reason, duration in seconds, outcome.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

/// An entry of the audit log: append-only, each bound to the one before by its hash.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Number of the entry, from 1, without gaps.
    pub number: u64,
    /// What was logged.
    pub draft: AuditDraft,
    /// SHA-256 over the previous hash and this entry's text.
    pub hash: [u8; 32],
}

/// The claim of an inbound chat event; committed with the work that it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InboxClaim {
    /// De-duplication key, `slack:T1:C2:1700000000.000100`; a second claim of it is refused.
    pub key: String,
    /// When the event was received.
    pub received: Timestamp,
    /// Where it was said.
    pub place: Place,
    /// The execution that answers it, when it started one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Id>,
}

/// State of an outbound message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutboxState {
    /// To be sent, possibly after earlier attempts.
    Pending,
    /// Accepted by the platform.
    Sent,
    /// Given up after the last attempt or refused for good.
    Failed,
    /// A later edit of the same card replaced it before it was sent.
    Superseded,
}

/// A message to a conversation in the durable outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxMessage {
    /// Its identity; messages of one conversation are sent in this order.
    pub id: Id,
    /// Where it goes.
    pub place: Place,
    /// Messages with the same card share one platform message: the first posts it, later ones edit it.
    pub card: Option<String>,
    /// The execution that it is about.
    pub execution: Option<Id>,
    /// What to say, as data that templates render at the time of sending.
    pub body: Value,
    /// Where it stands.
    pub state: OutboxState,
    /// How often sending was tried.
    pub attempts: u32,
    /// Not before this time.
    pub next_attempt: Timestamp,
    /// The platform's id of the posted message, once sent.
    pub message_ref: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was written.
    pub created: Timestamp,
}
