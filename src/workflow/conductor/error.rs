//! What the conductor refuses, under the reference's names.

use super::status::Status;

/// A call that makes no sense in the workflow's state. The state is as it was before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConductorError {
    /// The workflow cannot get into the status that was asked for.
    #[error("Unable to process event \"{event}\" for workflow in \"{status}\" status.")]
    WorkflowTransition {
        /// The workflow's status.
        status: Status,
        /// The event that the request amounts to.
        event: String,
    },
    /// Nobody can ask for such a status, or tell of it.
    #[error("Event \"{0}\" is not valid.")]
    InvalidEvent(String),
    /// Nothing can become of a task before it has begun.
    #[error(
        "Unable to process event \"{event}\" for task \"{task}\": it has not begun. Tell first that it runs."
    )]
    NotBegun {
        /// The task.
        task: String,
        /// The event.
        event: String,
    },
    /// A task in such a status takes no more events.
    #[error("Unable to process event \"{event}\" for task in \"{status}\" status.")]
    TaskTransition {
        /// The task's status.
        status: Status,
        /// The event.
        event: String,
    },
    /// There is no such task.
    #[error("Task \"{0}\" does not exist.")]
    UnknownTask(String),
    /// The task was neither handed out nor has it run.
    #[error("Task \"{0}\" is not staged or has not started yet.")]
    NotStaged(String),
    /// A task that has ended is not to run again.
    #[error("Task \"{0}\" has ended and is not staged to run again.")]
    HasEnded(String),
    /// The task has no item of this number.
    #[error("Task \"{task}\" has no item {item}.")]
    UnknownItem {
        /// The task.
        task: String,
        /// The number.
        item: usize,
    },
    /// Only a workflow that has ended can be run again.
    #[error("Unable to rerun workflow because it is not in a completed state.")]
    StillActive,
    /// Tasks that are to be run again have not run.
    #[error("Unable to rerun task|route(s) because it doesn't exist or isn't rerunnable: {0}")]
    NotRerunnable(String),
    /// There is nothing that could be run again.
    #[error("Unable to rerun workflow because no task has failed: name the tasks to run again.")]
    NothingToRerun,
}

impl ConductorError {
    /// The class of the exception that the reference raises.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::WorkflowTransition { .. } => "InvalidWorkflowStatusTransition",
            Self::InvalidEvent(_) => "InvalidEvent",
            Self::NotBegun { .. } => "KeyError",
            Self::TaskTransition { .. } => "InvalidTaskStatusTransition",
            Self::UnknownTask(_) => "InvalidTask",
            Self::NotStaged(_) => "InvalidTaskStateEntry",
            Self::HasEnded(_) => "TypeError",
            Self::UnknownItem { .. } => "IndexError",
            Self::StillActive => "WorkflowIsActiveAndNotRerunableError",
            Self::NotRerunnable(_) | Self::NothingToRerun => "InvalidTaskRerunRequest",
        }
    }
}
