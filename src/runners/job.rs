//! What a runner is given and what it gives back.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::{Action, Id, JsonMap, OutputStream, Status, Timestamp};

/// One action to carry out.
#[derive(Debug)]
pub struct Job {
    /// The execution.
    pub execution: Id,
    /// The action.
    pub action: Arc<Action>,
    /// Final parameters of action and runner: every declared one is present, null where nothing was given.
    /// Secrets are in clear.
    pub parameters: JsonMap,
    /// Context of the execution.
    pub context: JsonMap,
    /// On whose behalf.
    pub user: String,
    /// A private folder for this execution, created on demand by the runner and removed by it.
    pub scratch: PathBuf,
    /// Fires when the execution is to stop.
    pub cancel: CancellationToken,
    /// Takes output while it is produced.
    pub output: OutputSink,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// A completed status, or `pending` for runners that wait for people.
    pub status: Status,
    /// The result as stored and shown.
    pub result: Value,
    /// Messages to publish on the event stream with the commit of the result.
    pub announcements: Vec<Announcement>,
    /// With `pending`: when [`super::Runner::due`] is asked, should nobody have answered by then.
    pub wake: Option<Timestamp>,
}

impl Outcome {
    /// An outcome without announcements.
    #[must_use]
    pub const fn new(status: Status, result: Value) -> Self {
        Self {
            status,
            result,
            announcements: Vec::new(),
            wake: None,
        }
    }

    /// An outcome that waits for people, at most until `wake`.
    #[must_use]
    pub const fn pending(result: Value, wake: Option<Timestamp>) -> Self {
        Self {
            status: Status::Pending,
            result,
            announcements: Vec::new(),
            wake,
        }
    }
}

/// What becomes of an execution that waits for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Amendment {
    /// The change.
    pub change: Change,
    /// What the audit log tells about it.
    pub notes: Vec<Note>,
}

/// A change of a pending execution.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// None.
    Keep,
    /// It goes on waiting with another result, until `wake` at most.
    Amend {
        /// The new result.
        result: Value,
        /// When to look again.
        wake: Option<Timestamp>,
    },
    /// It ends.
    Settle {
        /// A completed status.
        status: Status,
        /// The final result.
        result: Value,
    },
}

/// An entry for the audit log beside the one of the step itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// `approval.approved`, `inquiry.answered`…
    pub kind: &'static str,
    /// Everything worth knowing; no secrets.
    pub detail: Value,
}

/// A message on the event stream, `st2.announcement__<route>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// Name of the route.
    pub route: String,
    /// What is announced.
    pub payload: Value,
}

/// One piece of output on its way to the store and to followers.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputWrite {
    /// From which stream.
    pub stream: OutputStream,
    /// Whole lines where possible.
    pub text: String,
}

/// Takes output of a running job. Waits when the store is slower than the output.
#[derive(Clone, Debug)]
pub struct OutputSink {
    sender: Option<mpsc::Sender<OutputWrite>>,
}

impl OutputSink {
    /// A sink with its receiving end.
    #[must_use]
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<OutputWrite>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { sender: Some(sender) }, receiver)
    }

    /// A sink that drops everything.
    #[must_use]
    pub const fn discard() -> Self {
        Self { sender: None }
    }

    /// Hands over output; waits while too much is on its way.
    pub async fn write(&self, stream: OutputStream, text: String) {
        if let Some(sender) = &self.sender
            && !text.is_empty()
        {
            // The receiver is gone only when the server gave up on the execution; then nobody reads it.
            let _ = sender.send(OutputWrite { stream, text }).await;
        }
    }
}
