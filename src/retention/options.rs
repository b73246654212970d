//! Settings of retention.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::store::Kept;

/// Section `[retention]`: how many days things are kept; 0 is for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionOptions {
    /// Executions that have ended.
    pub executions_days: u32,
    /// Questions and approvals that have ended.
    pub inquiries_days: u32,
    /// Output of executions that have ended.
    pub output_days: u32,
    /// Journals of workflows that have ended.
    pub journals_days: u32,
    /// Trigger instances.
    pub instances_days: u32,
    /// Enforcements.
    pub enforcements_days: u32,
    /// Messages that were sent or given up.
    pub outbox_days: u32,
    /// Folder for what is deleted, as compressed JSON lines; `None`: it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<PathBuf>,
    /// Minutes between runs.
    pub every_minutes: u32,
    /// Rows that are deleted at once.
    pub batch: u32,
    /// Milliseconds between batches.
    pub pause_ms: u32,
}

impl Default for RetentionOptions {
    fn default() -> Self {
        Self {
            executions_days: 0,
            inquiries_days: 0,
            output_days: 0,
            journals_days: 0,
            instances_days: 0,
            enforcements_days: 0,
            outbox_days: 0,
            archive: None,
            every_minutes: 10,
            batch: 100,
            pause_ms: 20,
        }
    }
}

impl RetentionOptions {
    /// Days that a kind is kept; 0: for ever.
    #[must_use]
    pub const fn days(&self, kind: Kept) -> u32 {
        match kind {
            Kept::Executions => self.executions_days,
            Kept::Inquiries => self.inquiries_days,
            Kept::Output => self.output_days,
            Kept::Journals => self.journals_days,
            Kept::Instances => self.instances_days,
            Kept::Enforcements => self.enforcements_days,
            Kept::Outbox => self.outbox_days,
        }
    }
}
