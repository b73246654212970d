//! What a runner is given and what it gives back.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::{Action, Id, JsonMap, OutputStream, Status};

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
}

impl Outcome {
    /// An outcome without announcements.
    #[must_use]
    pub const fn new(status: Status, result: Value) -> Self {
        Self {
            status,
            result,
            announcements: Vec::new(),
        }
    }
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
