//! Durable state: every write goes through one grouping writer, reads never wait for it.
//!
//! [`Store`] is what the rest of Sayso sees; `sqlite/` implements it. A [`Transaction`] is committed whole
//! or not at all, and [`Store::commit`] returns only after it is on disk. The writer takes whatever waits
//! and commits it as one database transaction, so that a thousand callers share one fsync.

pub mod chain;
mod error;
mod query;
mod retain;
pub mod sqlite;

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::model::{
    AuditDraft, AuditEntry, Enforcement, Execution, Id, InboxClaim, InstanceStatus, OutboxMessage,
    OutboxState, OutputChunk, OutputStream, Timestamp, TriggerInstance,
};

pub use error::{CommitError, StoreError};
pub use query::{
    AuditFilter, AuditRecord, AuditRecords, EnforcementFilter, ExecutionFilter, ExecutionPage,
    InstanceFilter, Listed, OutboxCounts, Page, SortOrder, StoreStats,
};

pub use retain::{Expired, Kept};

/// One write inside a transaction.
#[derive(Clone, Debug)]
pub enum Write {
    /// A new execution at revision 0 (which may already be completed: then it is written once).
    Insert(Arc<Execution>),
    /// An execution that took a step: the whole new state, with `revision` one above the stored one.
    /// When the stored revision is not `revision - 1` the transaction is refused with
    /// [`CommitError::Conflict`]. The immutable request is not written again.
    Transition(Arc<Execution>),
    /// Output of a running execution.
    Output(Vec<OutputChunk>),
    /// An entry for the audit log; number and hash are assigned by the writer, in commit order.
    Audit(AuditDraft),
    /// The claim of an inbound event; when its key was claimed before the whole transaction is refused
    /// with [`CommitError::Duplicate`].
    Claim(InboxClaim),
    /// A new outbound message.
    Outbox(Box<OutboxMessage>),
    /// A new state of an outbound message after an attempt to send it.
    OutboxUpdate {
        /// Which message.
        id: Id,
        /// Its new state.
        state: OutboxState,
        /// How often sending was tried by now.
        attempts: u32,
        /// When to try again.
        next_attempt: Timestamp,
        /// The platform's id of the posted message.
        message_ref: Option<String>,
        /// Why the attempt failed.
        error: Option<String>,
    },
    /// The text of an action's definition, kept once per digest.
    Definition {
        /// Digest of the action.
        digest: String,
        /// `{action, runner}` as API clients see them.
        document: Value,
    },
    /// The next step in the journal of a workflow. Numbers of one execution go up by one from 0; a number that is
    /// there already refuses the transaction with [`CommitError::Conflict`].
    Journal(JournalEntry),
    /// A new trigger instance.
    Instance(Arc<TriggerInstance>),
    /// A new status of a trigger instance.
    InstanceStatus {
        /// Which instance.
        id: Id,
        /// Its new status.
        status: InstanceStatus,
    },
    /// What a rule made of an instance.
    Enforcement(Enforcement),
    /// A small named value (settings of conversations, cursors); `None` removes it.
    Setting {
        /// Name, `chat.conversation.<gateway>.<id>`.
        key: String,
        /// Value.
        value: Option<Value>,
    },
}

/// A step in the journal of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// The workflow's execution.
    pub execution: Id,
    /// From 0, without gaps.
    pub number: u64,
    /// What happened, as the engine wrote it: opaque to the store.
    pub data: Arc<[u8]>,
    /// It stands for all entries before it: they are not read any more.
    pub whole: bool,
}

/// Writes that are committed together or not at all.
pub type Transaction = Vec<Write>;

/// Durable state. All methods may be called from many tasks at once.
pub trait Store: Send + Sync + 'static {
    /// Commits the transaction and returns after it is durable.
    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<(), CommitError>>;

    /// One execution with its result.
    fn execution(&self, id: Id) -> BoxFuture<'_, Result<Option<Execution>, StoreError>>;
    /// A page of executions without results, with the number of all that match when asked for.
    fn executions(
        &self,
        filter: ExecutionFilter,
        page: Page,
    ) -> BoxFuture<'_, Result<ExecutionPage, StoreError>>;
    /// All executions that are not completed, oldest first, without results. Recovery reads them at start.
    fn unfinished(&self) -> BoxFuture<'_, Result<Vec<Execution>, StoreError>>;
    /// The newest execution's id, `None` in an empty store.
    fn newest_execution(&self) -> BoxFuture<'_, Result<Option<Id>, StoreError>>;
    /// Output of an execution in order, from chunk number `from`, at most `limit` chunks, of one stream or all.
    fn output(
        &self,
        execution: Id,
        from: u32,
        limit: u32,
        stream: Option<OutputStream>,
    ) -> BoxFuture<'_, Result<Vec<OutputChunk>, StoreError>>;
    /// The stored definition with this digest.
    fn definition(&self, digest: String) -> BoxFuture<'_, Result<Option<Value>, StoreError>>;
    /// Digests of all stored definitions.
    fn definition_digests(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>>;

    /// The journal of a workflow in order, from entry number `from`, at most `limit` entries. It begins with the last
    /// entry that stands for all before it.
    fn journal(
        &self,
        execution: Id,
        from: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<JournalEntry>, StoreError>>;

    /// One trigger instance.
    fn instance(&self, id: Id) -> BoxFuture<'_, Result<Option<TriggerInstance>, StoreError>>;
    /// A page of trigger instances, with the number of all that match when asked for.
    fn instances(
        &self,
        filter: InstanceFilter,
        page: Page,
    ) -> BoxFuture<'_, Result<Listed<TriggerInstance>, StoreError>>;
    /// One enforcement.
    fn enforcement(&self, id: Id) -> BoxFuture<'_, Result<Option<Enforcement>, StoreError>>;
    /// A page of enforcements, with the number of all that match when asked for.
    fn enforcements(
        &self,
        filter: EnforcementFilter,
        page: Page,
    ) -> BoxFuture<'_, Result<Listed<Enforcement>, StoreError>>;

    /// The claim with this key, when there is one.
    fn claim(&self, key: String) -> BoxFuture<'_, Result<Option<InboxClaim>, StoreError>>;
    /// All pending outbound messages, oldest first, at most `limit`.
    fn outbox_pending(&self, limit: u32) -> BoxFuture<'_, Result<Vec<OutboxMessage>, StoreError>>;
    /// Outbound messages of a conversation after `after`, oldest first, whatever their state.
    fn outbox_conversation(
        &self,
        gateway: String,
        conversation: String,
        after: Option<Id>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<OutboxMessage>, StoreError>>;
    /// The outbound messages of a card, oldest first.
    fn outbox_card(&self, card: String) -> BoxFuture<'_, Result<Vec<OutboxMessage>, StoreError>>;
    /// Rows of all cards whose key begins so, oldest first.
    fn outbox_cards(&self, prefix: String) -> BoxFuture<'_, Result<Vec<OutboxMessage>, StoreError>>;
    /// How many outbound messages are in each state, per gateway: `(gateway, state, count)`.
    fn outbox_counts(&self) -> BoxFuture<'_, Result<OutboxCounts, StoreError>>;

    /// A named value.
    fn setting(&self, key: String) -> BoxFuture<'_, Result<Option<Value>, StoreError>>;
    /// All named values whose key starts with `prefix`, in key order.
    fn settings(&self, prefix: String) -> BoxFuture<'_, Result<Vec<(String, Value)>, StoreError>>;

    /// Audit entries, in the filter's order.
    fn audit(&self, filter: AuditFilter) -> BoxFuture<'_, Result<Vec<AuditEntry>, StoreError>>;
    /// Raw audit records with numbers above `after`, oldest first, at most `limit`, and where the log should
    /// end: what `audit::verify` needs.
    fn audit_records(&self, after: u64, limit: u32) -> BoxFuture<'_, Result<AuditRecords, StoreError>>;

    /// Sizes and counts for `status`, `doctor` and metrics.
    fn stats(&self) -> BoxFuture<'_, Result<StoreStats, StoreError>>;
    /// The database's own integrity check: a list of complaints, empty when all is well.
    fn check(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>>;
    /// Writes a consistent copy to `target` while work goes on.
    fn backup<'a>(&'a self, target: &'a Path) -> BoxFuture<'a, Result<(), StoreError>>;
    /// The oldest rows of a kind that may go because they are older than `before`, at most `limit`.
    fn expired(
        &self,
        _kind: Kept,
        _before: Timestamp,
        _limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Expired>, StoreError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
    /// Deletes rows; gives how many. Other commits wait that long, so give few at a time.
    fn delete(&self, _kind: Kept, _rows: Vec<Expired>) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(std::future::ready(Ok(0)))
    }
    /// Deletes claims older than `before`; returns how many (they only guard against redelivery).
    fn forget_claims(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>>;
    /// Commits what waits, folds the write-ahead log into the database and closes it.
    fn close(&self) -> BoxFuture<'_, ()>;
}
