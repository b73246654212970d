//! The audit log: append-only, hash-chained, searchable, verifiable.
//!
//! Entries are written by the store, in the same commit as the change that they are about; this layer reads
//! them: [`verify`] proves that nobody changed them, [`search`] understands what people type, [`summary`] tells
//! what a person or an action has been up to.
//!
//! What verification detects, and what not: each entry's hash covers its number, its text and the hash before
//! it, and the newest number and hash are kept a second time apart from the log. So a changed text, a changed
//! hash, a changed search column, an entry taken out or put in, and a cut end all show. Somebody who may write
//! the database file and rewrites every entry from some point on *and* the copy of the newest hash leaves a log
//! that verifies: against that, keep hashes (number and hash of [`Verified`]) or exported entries elsewhere.

pub mod search;
mod summary;
mod verify;

pub use summary::{ActionSummary, Counts, Failure, Longest, PersonSummary, Summary, Sums, summary};
pub use verify::{Broken, Fault, Verified, VerifyError, verify};

/// Key of [`crate::model::AuditDraft::detail`] that holds how long an execution took, in seconds.
pub const DETAIL_SECONDS: &str = "seconds";
/// Key of [`crate::model::AuditDraft::detail`] that holds why something failed or was refused.
pub const DETAIL_REASON: &str = "reason";
/// Key of [`crate::model::AuditDraft::detail`] that holds for how many events an entry stands.
pub const DETAIL_COUNT: &str = "count";

/// Kind of the entries for messages in chat that mean nothing.
pub const CHAT_NOT_UNDERSTOOD: &str = "chat.not_understood";
/// Kind of the entries for messages in chat that mean several things, so that nothing ran.
pub const CHAT_AMBIGUOUS: &str = "chat.ambiguous";
