//! What can be asked of the store.

use crate::model::{Execution, Id, InstanceStatus, OutboxState, Status, Timestamp};

/// Which executions; empty fields do not restrict. Several values in a list mean "one of these".
#[derive(Clone, Debug, Default)]
pub struct ExecutionFilter {
    /// Statuses.
    pub status: Vec<Status>,
    /// Action references.
    pub action: Vec<String>,
    /// Runner names.
    pub runner: Vec<String>,
    /// Users.
    pub user: Vec<String>,
    /// Rules.
    pub rule: Vec<String>,
    /// Trigger instance.
    pub trigger_instance: Option<Id>,
    /// Children of this execution.
    pub parent: Option<Id>,
    /// Only executions without a parent.
    pub top_level: bool,
    /// Requested after this time.
    pub after: Option<Timestamp>,
    /// Requested before this time.
    pub before: Option<Timestamp>,
    /// Requested at exactly this time.
    pub at: Option<Timestamp>,
    /// Leaves out the built-in chat commands (`help`, `ps`…).
    pub without_builtin: bool,
    /// Only executions asked for in this conversation: (gateway, conversation).
    pub place: Option<(String, String)>,
}

/// Order of a list by time of request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// Newest first.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// Which part of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Order.
    pub order: SortOrder,
    /// Only what comes after this id in the order (keyset paging, constant cost at any depth).
    pub after: Option<Id>,
    /// Entries to skip (the reference's paging; cost grows with the offset).
    pub offset: u64,
    /// At most so many; `None`: all.
    pub limit: Option<u32>,
    /// Also count all that match.
    pub count: bool,
}

/// A page of executions.
#[derive(Clone, Debug, Default)]
pub struct ExecutionPage {
    /// The executions, without results.
    pub items: Vec<Execution>,
    /// How many match in all, when asked for; a store may stop counting and give how many it met by then.
    pub total: Option<u64>,
}

/// Which trigger instances; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct InstanceFilter {
    /// Refs of triggers, any of which.
    pub triggers: Vec<String>,
    /// Statuses.
    pub status: Vec<InstanceStatus>,
    /// Happened after this time.
    pub after: Option<Timestamp>,
    /// Happened before this time.
    pub before: Option<Timestamp>,
}

/// Which enforcements; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct EnforcementFilter {
    /// Ref of the rule.
    pub rule: Option<String>,
    /// The trigger instance.
    pub instance: Option<Id>,
    /// The execution.
    pub execution: Option<Id>,
    /// Enforced after this time.
    pub after: Option<Timestamp>,
    /// Enforced before this time.
    pub before: Option<Timestamp>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The things.
    pub items: Vec<T>,
    /// How many match in all, when asked for; a store may stop counting and give how many it met by then.
    pub total: Option<u64>,
}

/// How many outbound messages are in each state, per gateway.
pub type OutboxCounts = Vec<(String, OutboxState, u64)>;

/// Which audit entries; all given conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Numbers above this.
    pub after: Option<u64>,
    /// Numbers below this.
    pub before: Option<u64>,
    /// Not older than this.
    pub since: Option<Timestamp>,
    /// Older than this.
    pub until: Option<Timestamp>,
    /// Actor.
    pub actor: Option<String>,
    /// Kind or its prefix up to a dot (`execution` finds `execution.failed`).
    pub kind: Option<String>,
    /// Action reference.
    pub action: Option<String>,
    /// Execution.
    pub execution: Option<Id>,
    /// Words that must all occur in the entry's text, case-insensitive.
    pub words: Vec<String>,
    /// Newest first instead of oldest first.
    pub newest_first: bool,
    /// At most so many; 0: all.
    pub limit: u32,
}

/// An audit entry exactly as it is stored, for verification.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Its number.
    pub number: u64,
    /// The text that was hashed.
    pub text: String,
    /// The stored hash; 32 bytes unless somebody changed it.
    pub hash: Vec<u8>,
    /// What searches go by, repeated from the text: when.
    pub timestamp: Timestamp,
    /// Kind.
    pub kind: String,
    /// Actor.
    pub actor: String,
    /// Action.
    pub action: Option<String>,
    /// Execution.
    pub execution: Option<Id>,
}

/// A page of raw audit records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditRecords {
    /// Number and hash of the newest entry as the writer keeps them apart from the log, in the same commit;
    /// `None` while the log is empty.
    pub anchor: Option<(u64, [u8; 32])>,
    /// The records.
    pub records: Vec<AuditRecord>,
}

/// Sizes and counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct StoreStats {
    /// `sqlite` or `postgres`.
    pub kind: &'static str,
    /// Number of the newest migration.
    pub schema_version: i64,
    /// Bytes of the database file.
    pub bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Stored executions.
    pub executions: u64,
    /// Executions that are not completed.
    pub unfinished: u64,
    /// Audit entries.
    pub audit_entries: u64,
    /// Transactions committed for callers since start.
    pub transactions: u64,
    /// Database commits since start; below `transactions` where grouping worked.
    pub commits: u64,
    /// SQL statements run by the writer since start.
    pub statements: u64,
}
