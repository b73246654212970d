//! Workflows at work. Each has one driver: a task that owns its conductor and is told what becomes of its children.
//!
//! A step of a child that matters to its workflow is not committed by the child itself. Its rows are handed to the
//! driver, which adds what follows from it (journal, new children, the workflow's own step) and commits all of it at
//! once. So a crash never finds a child that has ended and a workflow that does not know. What waits while a commit is
//! on its way is done together in the next one.

mod children;
mod control;
mod deadline;
mod driver;
mod due;
mod heard;
mod history;
mod journal;
mod load;
mod plans;
mod rerun;
mod results;
mod step;
mod tree;
mod veils;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

pub(super) use control::{Answer, Control, ControlKind, pause, resume};
pub(super) use plans::Plans;
pub(super) use rerun::take_over;
pub use tree::Tree;

use super::state::State;
use crate::model::{Execution, Id, Status};
use crate::store::{CommitError, Transaction};

/// What a driver is told.
#[derive(Debug)]
pub(super) enum Message {
    /// A child takes a step; its rows wait to be committed.
    Step(Box<ChildStep>),
    /// Somebody wants the workflow to pause, go on or stop.
    Control(Control),
    /// The time that the workflow had is over.
    Deadline,
}

impl Message {
    /// The end of a child that is committed already.
    fn missed(child: Arc<Execution>) -> Self {
        let (answer, _) = oneshot::channel();
        Self::Step(Box::new(ChildStep {
            before: Status::Running,
            child,
            rows: Vec::new(),
            answer,
        }))
    }
}

/// A step of a child on its way to be committed.
#[derive(Debug)]
pub(super) struct ChildStep {
    /// Where the child stood.
    before: Status,
    /// Where it stands afterwards.
    child: Arc<Execution>,
    /// What to commit.
    rows: Transaction,
    /// Told how it went; dropped without a word when the driver ends before it gets here.
    answer: oneshot::Sender<Result<(), CommitError>>,
}

/// The drivers of all workflows that are at work.
#[derive(Default)]
pub(super) struct Drivers {
    mailboxes: Mutex<HashMap<Id, mpsc::UnboundedSender<Message>>>,
}

impl Drivers {
    fn open(&self, id: Id) -> mpsc::UnboundedReceiver<Message> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.mailboxes.lock().insert(id, sender);
        receiver
    }

    /// Whether the workflow has a driver.
    pub(super) fn has(&self, id: Id) -> bool {
        self.mailboxes.lock().contains_key(&id)
    }

    /// Tells a driver something; gives it back when there is none.
    pub(super) fn tell(&self, id: Id, message: Message) -> Result<(), Message> {
        let mailboxes = self.mailboxes.lock();
        match mailboxes.get(&id) {
            Some(mailbox) => mailbox.send(message).map_err(|unsent| unsent.0),
            None => Err(message),
        }
    }

    /// Takes the driver's mailbox away when it is empty; whoever comes later finds no driver.
    fn close(&self, id: Id, mailbox: &mut mpsc::UnboundedReceiver<Message>) -> bool {
        let mut mailboxes = self.mailboxes.lock();
        if !mailbox.is_empty() {
            return false;
        }
        mailboxes.remove(&id);
        true
    }

    /// Takes the driver's mailbox away whatever is in it.
    fn abandon(&self, id: Id) {
        self.mailboxes.lock().remove(&id);
    }
}

/// Starts the driver of a workflow whose start is committed.
pub(super) fn conduct(state: &Arc<State>, execution: Arc<Execution>) {
    let mailbox = state.drivers.open(execution.id);
    tokio::spawn(driver::run(Arc::downgrade(state), execution, mailbox));
}

/// Commits a step of an execution: with its workflow when it is part of one and the step matters there.
pub(super) async fn commit(
    state: &State,
    before: Status,
    after: &Arc<Execution>,
    rows: Transaction,
) -> Result<(), CommitError> {
    let parent = part_of(after).filter(|_| matters(state, before, after));
    let Some(parent) = parent else {
        return state.parts.store.commit(rows).await;
    };
    let (answer, answered) = oneshot::channel();
    let step = ChildStep {
        before,
        child: Arc::clone(after),
        rows: rows.clone(),
        answer,
    };
    if state.drivers.tell(parent, Message::Step(Box::new(step))).is_ok()
        && let Ok(answer) = answered.await
    {
        return answer;
    }
    // The workflow has ended, or its parent is no workflow.
    state.parts.store.commit(rows).await
}

/// The workflow that asked for an execution. Clients may name any parent; only the engine makes parts of workflows.
pub(super) fn part_of(execution: &Execution) -> Option<Id> {
    let request = &execution.request;
    request.parent.filter(|_| request.origin.kind == children::ORIGIN)
}

/// Whether a workflow has to know of its child's step: its ends and standstills, and that it goes on after one. That it
/// runs was known when it was asked for.
fn matters(state: &State, before: Status, after: &Execution) -> bool {
    match after.status {
        Status::Paused => true,
        Status::Pending => before != Status::Pending && !holds_branch_only(state, after),
        Status::Running | Status::Resuming => matches!(before, Status::Paused | Status::Pending),
        status => status.is_completed(),
    }
}

/// Whether the rest of the workflow goes on while the child waits for people.
fn holds_branch_only(state: &State, child: &Execution) -> bool {
    let runner = state.parts.runners.get(&child.request.runner);
    runner.is_some_and(|runner| runner.holds_branch_only())
}
