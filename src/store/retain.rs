//! What may be deleted when it is old enough.

use crate::model::Id;

/// A kind of rows with an age of its own. The audit log is none: its chain is never cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kept {
    /// Executions that have ended, with result, output and journal; not inquiries and approvals.
    Executions,
    /// Questions and approvals that have ended.
    Inquiries,
    /// Output of executions that have ended.
    Output,
    /// Journals of workflows that have ended; without one single tasks cannot be run again.
    Journals,
    /// Trigger instances that are done with.
    Instances,
    /// Enforcements.
    Enforcements,
    /// Messages that were sent or given up.
    Outbox,
}

impl Kept {
    /// All kinds, in the order in which they are looked at.
    pub const ALL: [Self; 7] = [
        Self::Output,
        Self::Journals,
        Self::Executions,
        Self::Inquiries,
        Self::Enforcements,
        Self::Instances,
        Self::Outbox,
    ];

    /// Its name in settings and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Executions => "executions",
            Self::Inquiries => "inquiries",
            Self::Output => "output",
            Self::Journals => "journals",
            Self::Instances => "instances",
            Self::Enforcements => "enforcements",
            Self::Outbox => "outbox",
        }
    }
}

/// Something that may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// What it is (for output and journals the execution).
    pub id: Id,
    /// The store's own number for it.
    pub number: i64,
}
