//! The driver of one workflow: takes what it is told, asks its conductor what follows, and commits both together.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::mpsc;

use super::children::{Call, Children};
use super::control::Answer;
use super::deadline::Deadline;
use super::journal::Pen;
use super::load::{Loaded, Unfit, load};
use super::results::{ItemResults, TaskExecutions};
use super::step::{Launch, Order, Step};
use super::veils::Veils;
use super::{ControlKind, Message};
use crate::engine::dispatch::commit_step;
use crate::engine::state::State;
use crate::engine::step::{set_result, step};
use crate::engine::{accept, apart, cancel, policing};
use crate::model::{Execution, Id, Identity, Status, Timestamp};
use crate::store::{CommitError, StoreError, Write};
use crate::workflow::flow::Flow;

/// Messages that are handled in one commit.
const BATCH: usize = 256;
/// Pause before something is tried again while the store cannot be read or written.
const RETRY: Duration = Duration::from_secs(1);
/// Steps that were refused in a row because somebody else had changed something; more cannot happen by chance.
const REFUSALS: u32 = 16;
/// The clock may be set while we sleep: no sleep is longer than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);

/// Everything about one workflow at work.
pub(super) struct Driver {
    /// Its execution as it was committed last.
    pub(super) execution: Arc<Execution>,
    pub(super) flow: Flow,
    pen: Pen,
    pub(super) children: Children,
    pub(super) items: ItemResults,
    pub(super) executions: Arc<TaskExecutions>,
    /// The tasks of a chain that have ended, as its result lists them.
    pub(super) listed: Vec<Json>,
    /// Secrets of failed children.
    pub(super) veils: Veils,
    /// Until when it may take, when its action says so.
    pub(super) deadline: Option<Deadline>,
    /// Actions that are due and not asked for yet.
    pub(super) calls: VecDeque<Call>,
    /// One commit could not take all that is due: more may follow at once.
    pub(super) more: bool,
    /// What was missed before it was loaded.
    missed: Vec<Message>,
}

/// Runs until the workflow has ended and all of its children have, or the engine is gone.
pub(super) async fn run(
    state: Weak<State>,
    execution: Arc<Execution>,
    mut mailbox: mpsc::UnboundedReceiver<Message>,
) {
    let id = execution.id;
    let Some(mut driver) = Driver::start(&state, execution).await else {
        if let Some(state) = state.upgrade() {
            state.drivers.abandon(id);
            state.left.notify_waiters();
        }
        return;
    };
    let mut batch: Vec<Message> = std::mem::take(&mut driver.missed);
    loop {
        let Some(strong) = state.upgrade() else { return };
        if driver.is_late() {
            batch.push(Message::Deadline);
        }
        match driver.step(&strong, std::mem::take(&mut batch)).await {
            Ok(()) => {}
            Err(StoreError::Closed) => {
                strong.drivers.abandon(id);
                return;
            }
            Err(error) => {
                tracing::error!(execution.id = %id, %error, "a workflow cannot go on; it will at the next start");
                strong.drivers.abandon(id);
                return;
            }
        }
        if driver.has_ended() && strong.drivers.close(id, &mut mailbox) {
            return;
        }
        let more = driver.more && !strong.lanes.lock().stopping;
        drop(strong);
        if more {
            while batch.len() < BATCH
                && let Ok(message) = mailbox.try_recv()
            {
                batch.push(message);
            }
        } else {
            let heard = mailbox.recv_many(&mut batch, BATCH);
            let heard = match driver.rest() {
                None => Some(heard.await),
                Some(rest) => tokio::time::timeout(rest, heard).await.ok(),
            };
            if heard == Some(0) {
                return;
            }
        }
    }
}

impl Driver {
    /// Reads the workflow; one that cannot be run ends here.
    async fn start(state: &Weak<State>, execution: Arc<Execution>) -> Option<Self> {
        loop {
            let strong = state.upgrade()?;
            match load(&strong, &execution).await {
                Ok(loaded) => return Some(Self::new(&strong, execution, loaded)),
                Err(Unfit::Flawed(result)) => {
                    end_flawed(&strong, &execution, &result).await;
                    return None;
                }
                Err(Unfit::Store(StoreError::Closed)) => return None,
                Err(Unfit::Store(error)) => {
                    tracing::error!(execution.id = %execution.id, %error, "a workflow cannot be read; trying again");
                    drop(strong);
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    fn new(state: &State, execution: Arc<Execution>, loaded: Loaded) -> Self {
        Self {
            deadline: Deadline::of(state, &execution),
            veils: loaded.veils,
            execution,
            flow: loaded.flow,
            pen: loaded.pen,
            children: loaded.children,
            items: loaded.items,
            executions: loaded.executions,
            listed: loaded.listed,
            calls: VecDeque::new(),
            more: false,
            missed: loaded.missed.into_iter().map(Message::missed).collect(),
        }
    }

    fn has_ended(&self) -> bool {
        self.execution.status.is_completed() && self.children.is_empty()
    }

    /// Whether its time is over and nobody has been told yet.
    fn is_late(&self) -> bool {
        let deadline = self.deadline.as_ref().filter(|deadline| !deadline.is_over);
        deadline.is_some_and(|deadline| deadline.at <= Timestamp::now())
            && !self.execution.status.is_completed()
    }

    /// How long to wait for messages until the time may be over; `None`: for ever.
    fn rest(&self) -> Option<Duration> {
        let deadline = self.deadline.as_ref().filter(|deadline| !deadline.is_over)?;
        if self.execution.status.is_completed() {
            return None;
        }
        let micros = deadline.at.micros() - Timestamp::now().micros();
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)).min(LONGEST_SLEEP))
    }

    /// Handles messages, starts what is due, commits, and does what follows. On an error everybody who waits finds no
    /// driver and commits alone, or not at all when the store is closed.
    async fn step(&mut self, state: &Arc<State>, mut batch: Vec<Message>) -> Result<(), StoreError> {
        for _ in 0..REFUSALS {
            let mut step = apart(|| self.prepare(state, batch));
            match self.commit(state, &mut step).await {
                Ok(()) => {
                    self.done(state, step);
                    return Ok(());
                }
                Err(CommitError::Store(error)) => {
                    step.drop_new(state);
                    let shared = Arc::new(error);
                    for (control, _) in step.controls {
                        control.tell(Answer::Failed(Arc::clone(&shared)));
                    }
                    return Err(Arc::try_unwrap(shared).unwrap_or(StoreError::Closed));
                }
                // Somebody else was faster: that child's step is refused, and the others are taken again from
                // what is stored.
                Err(refused @ (CommitError::Conflict(_) | CommitError::Duplicate(_))) => {
                    batch = self.refuse(state, step, &refused);
                    self.reload(state).await?;
                    batch.append(&mut self.missed);
                }
            }
        }
        Err(StoreError::Database(format!(
            "workflow {} changes faster than it can be conducted",
            self.execution.id
        )))
    }

    /// What the messages bring about, and what is due now. Ends quickly and waits for nothing.
    fn prepare(&mut self, state: &Arc<State>, batch: Vec<Message>) -> Step {
        let mut step = Step::default();
        let mut by = None;
        let status = self.flow.status();
        for message in batch {
            match message {
                Message::Step(child) => self.child_stepped(state, *child, &mut step),
                Message::Control(control) => {
                    by = Some(control.user.clone());
                    self.controlled(control, &mut step);
                }
                Message::Deadline => self.too_late(state, &mut step),
            }
        }
        if self.flow.status() != status {
            // What is due in the new status is asked for again.
            self.calls.clear();
        }
        if !state.lanes.lock().stopping {
            self.start_due(state, &mut step);
        }
        self.mirror(state, &mut step, by.as_deref());
        let parts = &state.parts;
        let after = parts.options.snapshot_after;
        let entry = self
            .pen
            .write(self.execution.id, &mut self.flow, after, &parts.key);
        step.rows.extend(entry.map(Write::Journal));
        step
    }

    /// Commits the step; together with the parent workflow's when it matters there.
    async fn commit(&self, state: &Arc<State>, step: &mut Step) -> Result<(), CommitError> {
        if step.rows.is_empty() {
            return Ok(());
        }
        let mut told = false;
        loop {
            let rows = step.rows.clone();
            let committed = match &step.own {
                Some((before, after)) => super::commit(state, *before, after, rows).await,
                None => state.parts.store.commit(rows).await,
            };
            match committed {
                Err(CommitError::Store(error)) if !matches!(error, StoreError::Closed) => {
                    if !told {
                        tracing::error!(%error, "cannot store a step of a workflow; trying again until it works");
                        told = true;
                    }
                    tokio::time::sleep(RETRY).await;
                }
                other => return other,
            }
        }
    }

    /// After the commit: answers, events, and the start of what was asked for.
    fn done(&mut self, state: &Arc<State>, step: Step) {
        for child in step.told {
            let _ = child.answer.send(Ok(())); // the child's own task may be gone; it is committed all the same
        }
        for (child, launch) in step.new {
            accept::inserted(state, &child);
            match launch {
                Launch::Ended => {}
                Launch::Held => policing::settled(state, &child),
                Launch::Work(work) => drop(tokio::spawn(work.run())),
                Launch::Queue => state.enqueue(child.id, &child.request.user, child.request.not_before),
                Launch::Conduct => super::conduct(state, child),
            }
        }
        if let Some((_, own)) = step.own {
            self.execution = own;
            state.announce(&self.execution, false);
        }
        for (control, granted) in step.controls {
            let execution = Arc::clone(&self.execution);
            control.tell(if granted {
                Answer::Done(execution)
            } else {
                Answer::Refused(execution)
            });
        }
        for (child, order) in step.orders {
            tell_child(state, child, order);
        }
    }

    /// The messages of a refused step without the one that was refused.
    fn refuse(&self, state: &State, mut step: Step, refused: &CommitError) -> Vec<Message> {
        tracing::debug!(execution.id = %self.execution.id, error = %refused, "a step of a workflow was refused");
        step.drop_new(state);
        let mut again = Vec::new();
        for child in step.told {
            match refused {
                CommitError::Conflict(id) if *id == child.child.id => {
                    let _ = child.answer.send(Err(CommitError::Conflict(*id)));
                }
                _ => again.push(Message::Step(Box::new(child))),
            }
        }
        let controls = step.controls.into_iter();
        again.extend(controls.map(|(control, _)| Message::Control(control)));
        again
    }

    /// Reads everything anew.
    async fn reload(&mut self, state: &Arc<State>) -> Result<(), StoreError> {
        let stored = state.parts.store.execution(self.execution.id).await?;
        let execution = stored.map_or_else(|| Arc::clone(&self.execution), Arc::new);
        match load(state, &execution).await {
            Ok(loaded) => {
                *self = Self::new(state, execution, loaded);
                Ok(())
            }
            Err(Unfit::Store(error)) => Err(error),
            Err(Unfit::Flawed(_)) => Err(StoreError::Corrupt {
                what: format!("the definition of workflow {}", execution.id),
            }),
        }
    }
}

/// Ends a workflow whose definition cannot be run.
async fn end_flawed(state: &Arc<State>, execution: &Arc<Execution>, result: &serde_json::Value) {
    let Some(mut next) = step(execution, Status::Failed, Timestamp::now()) else {
        return;
    };
    set_result(&mut next, result.clone());
    loop {
        match commit_step(state, execution.status, next.clone(), None).await {
            Ok(_) | Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(execution.id = %execution.id, %error, "cannot store the end of a workflow; trying again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Passes on what a workflow was told. It is done beside the driver, which the child will come back to.
fn tell_child(state: &Arc<State>, child: Id, order: Order) {
    match order {
        Order::Control(kind, user) => {
            let message = Message::Control(super::Control {
                kind,
                user,
                answer: None,
            });
            // Without a driver the child has ended, or waits for its time.
            if let Err(Message::Control(control)) = state.drivers.tell(child, message)
                && let ControlKind::Cancel { now } = control.kind
            {
                stop(state, child, control.user, now);
            }
        }
        Order::Cancel { user, now } => stop(state, child, user, now),
    }
}

fn stop(state: &Arc<State>, child: Id, user: String, now: bool) {
    let state = Arc::clone(state);
    tokio::spawn(async move {
        let identity = Identity {
            user,
            roles: vec!["admin".to_owned()], // whoever may stop the workflow may stop its parts
            via: "workflow".to_owned(),
            account: None,
        };
        if let Err(error) = cancel::cancel_part(&state, child, &identity, now).await {
            tracing::warn!(execution.id = %child, %error, "a part of a canceled workflow could not be canceled");
        }
    });
}
