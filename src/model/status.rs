//! The fourteen statuses of an execution and which may follow which.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an execution stands (EXE-1). The numbers are what the store keeps; never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Status {
    /// Accepted and committed; nothing has happened yet.
    Requested = 0,
    /// Has a place in the queue of work.
    Scheduled = 1,
    /// Waits for its time or for a policy.
    Delayed = 2,
    /// Its runner is at work.
    Running = 3,
    /// Asked to stop; the runner has not stopped yet.
    Canceling = 4,
    /// Waits for a person's answer.
    Pending = 5,
    /// Asked to pause; parts are still at work.
    Pausing = 6,
    /// Stands still until resumed.
    Paused = 7,
    /// Asked to go on.
    Resuming = 8,
    /// Ended well.
    Succeeded = 16,
    /// Ended badly.
    Failed = 17,
    /// Was stopped because its time was over.
    Timeout = 18,
    /// Nobody knows how it ended: its worker died or was told to stop.
    Abandoned = 19,
    /// Was stopped because somebody asked for it.
    Canceled = 20,
}

impl Status {
    /// All statuses, in the reference's order.
    pub const ALL: [Self; 14] = [
        Self::Requested,
        Self::Scheduled,
        Self::Delayed,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Timeout,
        Self::Abandoned,
        Self::Canceling,
        Self::Canceled,
        Self::Pending,
        Self::Pausing,
        Self::Paused,
        Self::Resuming,
    ];

    /// The word used in the API, in chat and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Scheduled => "scheduled",
            Self::Delayed => "delayed",
            Self::Running => "running",
            Self::Canceling => "canceling",
            Self::Pending => "pending",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Resuming => "resuming",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Abandoned => "abandoned",
            Self::Canceled => "canceled",
        }
    }

    /// The number that the store keeps.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// From the stored number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// True when nothing more will happen (EXE-2).
    #[must_use]
    pub const fn is_completed(self) -> bool {
        self.code() >= 16
    }

    /// True for the completed statuses that mean "did not work" (EXE-2).
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Timeout | Self::Abandoned)
    }

    /// True when a cancel request has an effect on the execution itself (EXE-3). Pending ones can be canceled here;
    /// in the reference only with their workflow.
    #[must_use]
    pub const fn is_cancelable(self) -> bool {
        matches!(
            self,
            Self::Requested
                | Self::Scheduled
                | Self::Delayed
                | Self::Running
                | Self::Pending
                | Self::Pausing
                | Self::Paused
                | Self::Resuming
        )
    }

    /// Whether `next` may follow `self`.
    ///
    /// What is pending may be requested again: it waited for the consent of others and goes into the queue.
    ///
    /// Completed statuses are final (EXE-12: a late success does not overwrite `canceled`). A status may
    /// be requested again from `running` only by recovery (`scheduled` after a crash of an idempotent action).
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use Status::{
            Abandoned, Canceled, Canceling, Delayed, Failed, Paused, Pausing, Pending, Requested, Resuming,
            Running, Scheduled, Succeeded, Timeout,
        };
        match self {
            Requested => matches!(
                next,
                Scheduled
                    | Delayed
                    | Running
                    | Succeeded
                    | Failed
                    | Timeout
                    | Abandoned
                    | Canceling
                    | Canceled
            ),
            Scheduled | Delayed => {
                matches!(
                    next,
                    Scheduled
                        | Delayed
                        | Running
                        | Succeeded
                        | Failed
                        | Timeout
                        | Abandoned
                        | Canceling
                        | Canceled
                )
            }
            Running => matches!(
                next,
                Scheduled
                    | Succeeded
                    | Failed
                    | Timeout
                    | Abandoned
                    | Canceling
                    | Canceled
                    | Pending
                    | Pausing
                    | Paused
            ),
            Canceling => matches!(next, Succeeded | Failed | Timeout | Abandoned | Canceled),
            Pending => matches!(
                next,
                Requested
                    | Delayed
                    | Running
                    | Succeeded
                    | Failed
                    | Timeout
                    | Abandoned
                    | Canceling
                    | Canceled
            ),
            Pausing => matches!(
                next,
                Paused | Succeeded | Failed | Timeout | Abandoned | Canceling | Canceled | Resuming
            ),
            Paused => matches!(
                next,
                Resuming | Running | Failed | Timeout | Abandoned | Canceling | Canceled
            ),
            Resuming => matches!(
                next,
                Running | Pausing | Paused | Succeeded | Failed | Timeout | Abandoned | Canceling | Canceled
            ),
            Succeeded | Failed | Timeout | Abandoned | Canceled => false,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::as_str).join(", ");
                format!("`{text}` is no status: one of {known}")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completed_is_final_and_codes_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::from_code(status.code()), Some(status));
            assert_eq!(status.as_str().parse(), Ok(status));
            if status.is_completed() {
                assert!(
                    Status::ALL.into_iter().all(|next| !status.may_become(next)),
                    "{status} is not final"
                );
            } else {
                assert!(status.may_become(Status::Canceled), "{status} cannot be canceled");
                assert!(
                    status.may_become(Status::Abandoned),
                    "{status} cannot be abandoned"
                );
            }
        }
        assert!(!Status::Canceling.may_become(Status::Running));
    }
}
