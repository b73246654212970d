//! Statuses of workflows and tasks inside the conductor: those of executions, and two more.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a workflow, a task or an item stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not begun.
    #[default]
    Null,
    /// Asked for.
    Requested,
    /// Has its place in a queue.
    Scheduled,
    /// Waits for its time.
    Delayed,
    /// At work.
    Running,
    /// Waits for an answer from outside.
    Pending,
    /// Asked to pause; parts are still at work.
    Pausing,
    /// Stands still.
    Paused,
    /// Asked to go on.
    Resuming,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Its time was over.
    Timeout,
    /// Nobody knows how it ended.
    Abandoned,
    /// Ended, and is about to be run again.
    Retrying,
    /// Asked to stop; parts are still at work.
    Canceling,
    /// Stopped on request.
    Canceled,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Null,
        Self::Requested,
        Self::Scheduled,
        Self::Delayed,
        Self::Running,
        Self::Pending,
        Self::Pausing,
        Self::Paused,
        Self::Resuming,
        Self::Succeeded,
        Self::Failed,
        Self::Timeout,
        Self::Abandoned,
        Self::Retrying,
        Self::Canceling,
        Self::Canceled,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Requested => "requested",
            Self::Scheduled => "scheduled",
            Self::Delayed => "delayed",
            Self::Running => "running",
            Self::Pending => "pending",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Resuming => "resuming",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Abandoned => "abandoned",
            Self::Retrying => "retrying",
            Self::Canceling => "canceling",
            Self::Canceled => "canceled",
        }
    }

    /// On its way to run, or waiting for an answer: a task in such a status that was completed begins anew.
    #[must_use]
    pub const fn is_starting(self) -> bool {
        matches!(
            self,
            Self::Requested | Self::Scheduled | Self::Delayed | Self::Running | Self::Pending
        )
    }

    /// New tasks may be started.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(
            self,
            Self::Requested
                | Self::Scheduled
                | Self::Delayed
                | Self::Running
                | Self::Resuming
                | Self::Retrying
        )
    }

    /// Something is at work.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(
            self,
            Self::Requested
                | Self::Scheduled
                | Self::Delayed
                | Self::Running
                | Self::Resuming
                | Self::Pausing
                | Self::Canceling
        )
    }

    /// On the way to a standstill or there.
    #[must_use]
    pub const fn is_paused(self) -> bool {
        matches!(self, Self::Pausing | Self::Paused)
    }

    /// On the way to being stopped or there.
    #[must_use]
    pub const fn is_canceled(self) -> bool {
        matches!(self, Self::Canceling | Self::Canceled)
    }

    /// Ended other than well.
    #[must_use]
    pub const fn is_abended(self) -> bool {
        matches!(self, Self::Failed | Self::Timeout | Self::Abandoned)
    }

    /// Ended.
    #[must_use]
    pub const fn is_completed(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Timeout | Self::Abandoned | Self::Canceled
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no status of a workflow or task")]
pub struct UnknownStatus(pub String);

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}
