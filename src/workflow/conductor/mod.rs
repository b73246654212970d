//! The conductor: a workflow as a state machine. Events go in, tasks to start come out; there is no clock and no I/O.
//!
//! Every change is a [`Delta`]. [`Conductor::take_journal`] gives those since the last call, to be stored with
//! whatever they belong to; [`Conductor::restore`] makes the conductor again from all of them. A step costs the same
//! however many came before: contexts are shared and merged once, items are counted as they move.
//!
//! Semantics are those of orquesta's native conductor (tasks, joins, splits into routes, cycles, retries, delays, items,
//! remediation, engine commands, pausing, canceling, running again), except where `docs/compatibility.md` says otherwise.

mod codec;
mod contexts;
mod delta;
mod error;
mod items;
mod machine;
mod next;
mod output;
mod patch;
mod plan;
mod request;
mod rerun;
mod snapshot;
mod start;
mod state;
mod status;
mod update;
mod view;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

pub use delta::Delta;
pub use error::ConductorError;
pub use items::Items;
pub use next::{ActionCall, Dispatch};
pub use plan::Plan;
pub use rerun::RerunTask;
pub use snapshot::{BadSnapshot, Snapshot};
pub use state::{Entry, ErrorEntry, RetryState, Staged};
pub use status::{Status, UnknownStatus};
pub use update::{ActionEvent, ItemEvent};

use self::state::{Key, State};
use self::view::View;
use crate::expr::jinja::KeyLookup;
use crate::expr::scene::{CurrentTask, Variables};
use crate::expr::template::{Evaluator, Options, Statement, TemplateError};
use crate::expr::value::{Dict, Value};

/// What expressions of a workflow may ask of the world outside of the conductor.
pub trait Outside: Send + Sync {
    /// What `task()` shows of the latest execution of a task in a route.
    fn task_execution(&self, task: &str, route: u32) -> Option<Value> {
        let _ = (task, route);
        None
    }

    /// The keys that `st2kv()` reads.
    fn datastore(&self) -> Option<&dyn KeyLookup> {
        None
    }
}

/// Nothing outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Outside for Nothing {}

/// What a conductor works with; shared by all executions of a workflow.
#[derive(Clone)]
pub struct Parts {
    /// The workflow, made ready.
    pub plan: Arc<Plan>,
    /// Evaluates its expressions.
    pub evaluator: Arc<Evaluator>,
    /// How.
    pub options: Options,
    /// What they may ask of the outside.
    pub outside: Arc<dyn Outside>,
}

/// A running workflow.
pub struct Conductor {
    parts: Parts,
    state: State,
    journal: Vec<Delta>,
    /// Rendered tasks that are staged; only a memory, made again when lost.
    rendered: HashMap<Key, Arc<next::Rendered>>,
}

impl std::fmt::Debug for Conductor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conductor")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Conductor {
    /// Begins a workflow: renders inputs and vars over the caller's context and stages the first tasks. If one of them
    /// cannot be rendered the workflow is failed from the start, see [`Conductor::errors`].
    #[must_use]
    pub fn new(parts: Parts, input: &Dict, context: &Dict) -> Self {
        let mut conductor = Self::restore(parts, []);
        conductor.start(input, context);
        conductor
    }

    /// Makes a conductor again from all of its deltas.
    #[must_use]
    pub fn restore(parts: Parts, journal: impl IntoIterator<Item = Delta>) -> Self {
        Self::with_state(parts, State::default(), journal)
    }

    /// Makes a conductor again from a snapshot and the deltas since.
    ///
    /// # Errors
    ///
    /// The snapshot is damaged or of a newer version.
    pub fn restore_from(
        parts: Parts,
        snapshot: &Snapshot,
        journal: impl IntoIterator<Item = Delta>,
    ) -> Result<Self, BadSnapshot> {
        Ok(Self::with_state(parts, snapshot.state()?, journal))
    }

    fn with_state(parts: Parts, mut state: State, journal: impl IntoIterator<Item = Delta>) -> Self {
        for delta in journal {
            state.apply(&delta);
        }
        Self {
            parts,
            state,
            journal: Vec::new(),
            rendered: HashMap::new(),
        }
    }

    /// The whole state, deltas that were not taken yet included. Its size is that of what the workflow has done, so
    /// make one when the journal has doubled, not at each step.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.state)
    }

    /// What it works with.
    #[must_use]
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The changes since the last call.
    pub fn take_journal(&mut self) -> Vec<Delta> {
        std::mem::take(&mut self.journal)
    }

    /// Where the workflow stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.state.status
    }

    /// What went wrong so far.
    #[must_use]
    pub fn errors(&self) -> &[ErrorEntry] {
        &self.state.errors
    }

    /// The output, once it is rendered and not empty.
    #[must_use]
    pub fn output(&self) -> Option<&Dict> {
        self.state.output.as_ref()
    }

    /// The routes: for each the ways that led to it.
    #[must_use]
    pub fn routes(&self) -> &[Arc<[Arc<str>]>] {
        &self.state.routes
    }

    /// All executions of tasks and engine commands, in the order in which they began.
    #[must_use]
    pub fn sequence(&self) -> &[Entry] {
        &self.state.sequence
    }

    /// Place in [`Conductor::sequence`] of the latest execution of a task in a route.
    #[must_use]
    pub fn latest(&self, task: &str, route: u32) -> Option<usize> {
        self.state.index(task, route)
    }

    /// Tasks that wait.
    pub fn staged(&self) -> impl Iterator<Item = &Staged> {
        self.state.staging.iter()
    }

    /// The variables with which an entry of [`Conductor::sequence`] began.
    #[must_use]
    pub fn variables(&self, entry: &Entry) -> Dict {
        entry.contexts.variables().public().clone()
    }

    /// Makes a change and writes it down.
    fn change(&mut self, delta: Delta) {
        self.state.apply(&delta);
        self.journal.push(delta);
    }

    /// Notes that something went wrong outside: the request for an action that does not exist, for instance. The status
    /// stays as it is.
    pub fn log_error(&mut self, message: &str, task: Option<&str>, route: Option<u32>) {
        self.note(ErrorEntry {
            message: message.into(),
            task_id: task.map(Arc::from),
            route,
            task_transition_id: None,
            result: None,
        });
    }

    /// Notes that something went wrong; the same thing is noted once.
    fn note(&mut self, error: ErrorEntry) {
        if !self.state.is_noted(&error) {
            self.change(Delta::Error(error));
        }
    }

    /// Evaluates a statement of the workflow at some point.
    fn evaluate(
        &self,
        statement: &Statement,
        variables: &Variables,
        task: Option<CurrentTask<'_>>,
        item: Option<&Value>,
    ) -> Result<Value, TemplateError> {
        let view = View {
            state: &self.state,
            outside: &*self.parts.outside,
            variables,
            task,
            item,
        };
        self.parts
            .evaluator
            .evaluate_statement(statement, &view, self.parts.options)
            .map(codec::plain)
    }
}

/// Variables with one more, replaced and not merged.
fn with(variables: &Variables, name: &Arc<str>, value: Value) -> Variables {
    let mut all = variables.all().clone().into_map();
    all.insert(Value::Str(Arc::clone(name)), value);
    Variables::new(Dict::new(all))
}

/// The entry of a failed evaluation.
fn failed(error: &TemplateError) -> ErrorEntry {
    complaint(error.class, &error.message)
}

fn complaint(class: &str, message: &str) -> ErrorEntry {
    ErrorEntry {
        message: format!("{class}: {message}").into(),
        task_id: None,
        route: None,
        task_transition_id: None,
        result: None,
    }
}
