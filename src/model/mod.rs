//! The nouns of Sayso as plain values: ids, statuses, actions, executions, identities.
//!
//! Everything here is data: no I/O, no locks. Other layers pass these values to each other.

mod action;
mod execution;
mod finding;
mod id;
mod identity;
mod messages;
mod nearest;
mod occurrence;
mod problem;
pub mod rows;
mod status;
mod text;
mod time;

pub use action::{Action, Pack};
pub use execution::{Continues, Execution, LogEntry, Origin, OutputChunk, OutputStream, Progress, Request};
pub use finding::Finding;
pub use id::Id;
pub use identity::{Decision, Identity, Need, Place};
pub use messages::{AuditDraft, AuditEntry, InboxClaim, OutboxMessage, OutboxState};
pub use nearest::nearest;
pub use occurrence::{Enforcement, HeldBack, InstanceDetail, InstanceStatus, TriggerInstance};
pub use problem::{Problem, Severity};
pub use status::Status;
pub use text::visible;
pub use time::Timestamp;

/// A JSON object; keys keep the order in which they were written.
pub type JsonMap = serde_json::Map<String, serde_json::Value>;

/// The text that stands in for a secret wherever one would be shown (the reference's mask, SEC-3).
pub const MASK: &str = "********";
