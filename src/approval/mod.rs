//! Approvals: who may say yes to exactly what, how often it must be said, and what time does to it.
//!
//! Pure: an [`Approval`] and something that somebody does (a vote, a delegation, the passing of time, a change of what
//! is to be approved) give the next [`Approval`] and remarks for the audit log. The clock is an argument, and so is
//! what is known of the people. Persons are judged, not accounts: a person counts once however often and from
//! wherever they vote.

mod span;
mod state;
mod subject;
mod tally;
mod terms;
mod time;
mod votes;
mod who;

#[cfg(test)]
mod tests;

pub use span::{minutes, span};
pub use state::{Approval, Delegation, Escalation, State, Verdict, Voided, Vote};
pub use subject::{Difference, Subject, differences, fingerprint};
pub use tally::Tally;
pub use terms::Terms;
pub use votes::{Ballot, Refusal, RefusalKind, Turn};
pub use who::{Approver, Voter, same_person};

use serde_json::Value;

/// Something for the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct Remark {
    /// `approval.approved`, `approval.denied`, `approval.delegated`, `approval.voided`, `approval.reminded`,
    /// `approval.escalated`, `approval.expired`.
    pub kind: &'static str,
    /// What else is worth knowing.
    pub detail: Value,
}

impl Remark {
    pub(crate) const fn new(kind: &'static str, detail: Value) -> Self {
        Self { kind, detail }
    }
}
