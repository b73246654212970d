//! What the engine tells the world.

use std::sync::Arc;

use crate::model::{Execution, Id, OutputChunk, Status};
use crate::runners::Announcement;
use crate::store::Write;

/// Something that happened; sent after it was committed. A follower that is too slow loses events and is
/// told so by its receiver: it then reads the store.
#[derive(Clone, Debug)]
pub enum Event {
    /// An execution was accepted or took a step.
    Execution {
        /// Its state after the step, with the result when it just ended.
        execution: Arc<Execution>,
        /// True for the first event of an execution.
        created: bool,
    },
    /// A running execution wrote output.
    Output(Arc<OutputChunk>),
    /// An action announced something.
    Announcement {
        /// The execution that did.
        execution: Id,
        /// What.
        announcement: Arc<Announcement>,
    },
}

/// Adds rows to the engine's commits, so that what follows from a step is as durable as the step.
pub trait Observer: Send + Sync + 'static {
    /// Rows to commit with the step from `before` (`None`: just accepted) to the state of `after`. Both are `pending`
    /// when only what is known of a pending execution changed, such as a vote.
    /// Must be quick and do no I/O.
    fn rows(&self, before: Option<Status>, after: &Execution) -> Vec<Write>;
}
