//! Why the engine refuses.

use thiserror::Error;

use crate::model::{Decision, Id, InboxClaim, Status};
use crate::params::ParamError;
use crate::store::{CommitError, StoreError};

/// Why a request was not accepted. Nothing of it was stored.
#[derive(Debug, Error)]
pub enum SubmitError {
    /// No such action.
    #[error("there is no action `{action}`{}", suggestion(.nearest))]
    UnknownAction {
        /// What was asked for.
        action: String,
        /// The nearest known reference.
        nearest: Option<String>,
    },
    /// The action is switched off.
    #[error("the action `{0}` is disabled")]
    Disabled(String),
    /// The action's runner does not exist here.
    #[error("the action `{action}` needs the runner `{runner}`, which this Sayso does not have")]
    UnknownRunner {
        /// The action.
        action: String,
        /// Its runner.
        runner: String,
    },
    /// The action declares something that cannot work; whoever looks after the pack can correct it.
    #[error("{0}")]
    BadAction(String),
    /// The parameters do not fit. `message` of the inner error is worded as the reference words it.
    #[error("{}", .0.explain())]
    Parameters(Box<ParamError>),
    /// The identity may not do this.
    #[error("not allowed: {}", .0.reason)]
    Denied(Decision),
    /// Too much waits already.
    #[error("{0} executions are waiting already: try again when there are fewer")]
    QueueFull(usize),
    /// The server is stopping.
    #[error("the server is stopping and takes no new requests")]
    Stopping,
    /// The chat event was handled before.
    #[error("the event {} was handled before", .0.key)]
    Duplicate(Box<InboxClaim>),
    /// The tasks that were to run again cannot.
    #[error("{0}")]
    NotRerunnable(String),
    /// The execution that was to run again does not exist.
    #[error("there is no execution {0}")]
    UnknownExecution(Id),
    /// The store failed; an internal error.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// For commits of new executions.
impl From<CommitError> for SubmitError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Duplicate(claim) => Self::Duplicate(claim),
            CommitError::Store(error) => Self::Store(error),
            CommitError::Conflict(id) => {
                Self::Store(StoreError::Database(format!("the id {id} exists already")))
            }
        }
    }
}

impl SubmitError {
    /// True when the asker can do something about it; false for our own failures.
    #[must_use]
    pub const fn is_user_error(&self) -> bool {
        !matches!(self, Self::Store(_))
    }
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map_or_else(String::new, |nearest| format!(" (did you mean `{nearest}`?)"))
}

/// Why a cancel request failed.
#[derive(Debug, Error)]
pub enum CancelError {
    /// No such execution.
    #[error("there is no execution {0}")]
    Unknown(Id),
    /// The identity may not.
    #[error("not allowed: {}", .0.reason)]
    Denied(Decision),
    /// The store failed; an internal error.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a workflow was not paused or resumed.
#[derive(Debug, Error)]
pub enum ControlError {
    /// No such execution.
    #[error("there is no execution {0}")]
    Unknown(Id),
    /// Only workflows can.
    #[error("\"{action}\" is run by the \"{runner}\" runner, and only workflows can be paused and resumed")]
    NoWorkflow {
        /// The action.
        action: String,
        /// Its runner.
        runner: String,
    },
    /// Not from where it is.
    #[error("execution {0} is {1}, so it cannot be {2}")]
    Refused(Id, Status, &'static str),
    /// The identity may not.
    #[error("not allowed: {}", .0.reason)]
    Denied(Decision),
    /// The store failed; an internal error.
    #[error(transparent)]
    Store(#[from] StoreError),
}
