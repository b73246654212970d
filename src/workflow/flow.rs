//! One interface over workflows and action chains, for whoever drives them.
//!
//! A driver keeps a list of texts: after each event it stores what [`Flow::take_journal`] gives with whatever else the
//! event changed, in one commit; now and then, when the journal has doubled, it stores [`Flow::snapshot`] in its place.
//! [`Flow::restore`] makes the flow again from them. Nothing here knows a clock or does I/O.
//!
//! ```text
//! start → request(Requested), request(Running) → next_tasks → for each action: event Running, then run it
//! an action ends → event → finish → next_tasks → …  until status is completed or next_tasks is empty
//! ```

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::chain::{Chain, ChainConductor, ChainDelta, ChainNode, ChainParts, ChainState};
use super::conductor::{
    ActionEvent, Conductor, ConductorError, Delta, Dispatch, ItemEvent, Parts, RerunTask, Snapshot, Status,
};
use crate::expr::value::{Dict, Value, to_json};

/// A running workflow or action chain.
#[derive(Debug)]
pub enum Flow {
    /// A workflow.
    Workflow(Box<Conductor>),
    /// An action chain.
    Chain(Box<ChainConductor>),
}

/// What a flow works with.
#[derive(Clone)]
pub enum FlowParts {
    /// Of a workflow.
    Workflow(Parts),
    /// Of an action chain.
    Chain(ChainParts),
}

/// A task or node that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowTask {
    /// Its name.
    pub id: Arc<str>,
    /// Number of its route; 0 in chains.
    pub route: u32,
    /// Where it stands.
    pub status: Status,
}

/// A journal that makes no sense: damaged, or of another kind of flow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal of the workflow cannot be read: {0}")]
pub struct BadJournal(pub String);

impl Flow {
    /// Begins a flow. `input` and `context` are a workflow's; a chain has its own parameters in its parts.
    #[must_use]
    pub fn start(parts: FlowParts, input: &Dict, context: &Dict) -> Self {
        match parts {
            FlowParts::Workflow(parts) => Self::Workflow(Box::new(Conductor::new(parts, input, context))),
            FlowParts::Chain(parts) => Self::Chain(Box::new(ChainConductor::new(parts))),
        }
    }

    /// Makes a flow again from its latest snapshot, if there is one, and what [`Flow::take_journal`] gave since.
    ///
    /// # Errors
    ///
    /// A text is damaged, of a newer version or of another kind of flow.
    pub fn restore<T: AsRef<str>>(
        parts: FlowParts,
        snapshot: Option<&str>,
        journal: impl IntoIterator<Item = T>,
    ) -> Result<Self, BadJournal> {
        let bad = |error: serde_json::Error| BadJournal(error.to_string());
        Ok(match parts {
            FlowParts::Workflow(parts) => {
                let deltas = read::<Delta, T>(journal)?;
                Self::Workflow(Box::new(match snapshot {
                    None => Conductor::restore(parts, deltas),
                    Some(text) => {
                        let snapshot: Snapshot = serde_json::from_str(text).map_err(bad)?;
                        Conductor::restore_from(parts, &snapshot, deltas)
                            .map_err(|error| BadJournal(error.to_string()))?
                    }
                }))
            }
            FlowParts::Chain(parts) => {
                let deltas = read::<ChainDelta, T>(journal)?;
                let state = match snapshot {
                    None => ChainState::default(),
                    Some(text) => serde_json::from_str(text).map_err(bad)?,
                };
                Self::Chain(Box::new(ChainConductor::restore(parts, state, deltas)))
            }
        })
    }

    /// The changes since the last call as one line of JSON; none if there were none. To be stored with what the event
    /// changed elsewhere.
    ///
    /// # Panics
    ///
    /// Never: changes are made of what JSON can say.
    pub fn take_journal(&mut self) -> Option<String> {
        let written = match self {
            Self::Workflow(conductor) => {
                let journal = conductor.take_journal();
                (!journal.is_empty()).then(|| serde_json::to_string(&journal))
            }
            Self::Chain(conductor) => {
                let journal = conductor.take_journal();
                (!journal.is_empty()).then(|| serde_json::to_string(&journal))
            }
        };
        written.map(|text| text.expect("changes are made of what JSON can say"))
    }

    /// The whole state as one line of JSON.
    ///
    /// # Panics
    ///
    /// Never: the state is made of what JSON can say.
    #[must_use]
    pub fn snapshot(&self) -> String {
        let written = match self {
            Self::Workflow(conductor) => serde_json::to_string(&conductor.snapshot()),
            Self::Chain(conductor) => serde_json::to_string(conductor.snapshot()),
        };
        written.expect("the state is made of what JSON can say")
    }

    /// Where the flow stands.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Workflow(conductor) => conductor.status(),
            Self::Chain(conductor) => conductor.status(),
        }
    }

    /// The tasks to start now. The caller tells of each action that it runs before it asks again.
    pub fn next_tasks(&mut self) -> Vec<Dispatch> {
        match self {
            Self::Workflow(conductor) => conductor.next_tasks(),
            Self::Chain(conductor) => conductor.next_tasks(),
        }
    }

    /// Something happened to a task's action.
    ///
    /// # Errors
    ///
    /// There is no such task, or it takes no such event now. Nothing has changed then.
    pub fn action_event(
        &mut self,
        task: &str,
        route: u32,
        event: &ActionEvent,
    ) -> Result<(), ConductorError> {
        match self {
            Self::Workflow(conductor) => conductor.action_event(task, route, event),
            Self::Chain(conductor) => conductor.action_event(task, event),
        }
    }

    /// Something happened to the action of an item. `results` gives the results of all items so far, null where there
    /// is none; it is asked for only when the task has ended.
    ///
    /// # Errors
    ///
    /// There is no such task or item, or it takes no such event now. Nothing has changed then.
    pub fn item_event(
        &mut self,
        task: &str,
        route: u32,
        event: &ItemEvent,
        results: &dyn Fn() -> Value,
    ) -> Result<(), ConductorError> {
        match self {
            Self::Workflow(conductor) => conductor.item_event(task, route, event, results),
            Self::Chain(_) => Err(ConductorError::UnknownItem {
                task: task.to_owned(),
                item: event.item,
            }),
        }
    }

    /// Asks for a status: `running`, `paused`, `resuming`, `canceled`, `failed` …
    ///
    /// # Errors
    ///
    /// The flow cannot get there from where it is.
    pub fn request(&mut self, status: Status) -> Result<(), ConductorError> {
        match self {
            Self::Workflow(conductor) => conductor.request(status),
            Self::Chain(conductor) => conductor.request(status),
        }
    }

    /// Runs tasks again after the end: the named ones, or all that failed and ended the workflow.
    ///
    /// # Errors
    ///
    /// The flow is still active, a task has not run, or it is a chain: those run again as a whole only.
    pub fn rerun(&mut self, tasks: Option<&[RerunTask]>) -> Result<(), ConductorError> {
        match self {
            Self::Workflow(conductor) => conductor.rerun(tasks),
            Self::Chain(_) => {
                let names = tasks.unwrap_or_default().iter().map(|task| task.task.clone());
                Err(ConductorError::NotRerunnable(
                    names.collect::<Vec<_>>().join(", "),
                ))
            }
        }
    }

    /// Renders the output of a workflow that has ended. To be called after each event; does nothing before the end.
    pub fn finish(&mut self) {
        if let Self::Workflow(conductor) = self {
            conductor.render_output();
        }
    }

    /// All tasks that have begun, in order, engine commands included.
    #[must_use]
    pub fn tasks(&self) -> Vec<FlowTask> {
        match self {
            Self::Workflow(conductor) => conductor
                .sequence()
                .iter()
                .map(|entry| FlowTask {
                    id: Arc::clone(&entry.id),
                    route: entry.route,
                    status: entry.status,
                })
                .collect(),
            Self::Chain(conductor) => {
                let nodes = &conductor.chain().nodes;
                let entries = conductor.sequence().iter();
                entries
                    .filter_map(|entry| {
                        Some(FlowTask {
                            id: nodes.get(entry.node)?.name.as_str().into(),
                            route: 0,
                            status: entry.status,
                        })
                    })
                    .collect()
            }
        }
    }

    /// What the flow takes to be at work: tasks by name and route, and items of tasks that have some.
    #[must_use]
    pub fn at_work(&self) -> Vec<(Arc<str>, u32, Option<usize>)> {
        let busy = |status: Status| !status.is_completed() && status != Status::Null;
        let mut places = Vec::new();
        match self {
            Self::Workflow(conductor) => {
                for (index, entry) in conductor.sequence().iter().enumerate() {
                    if busy(entry.status) && conductor.latest(&entry.id, entry.route) == Some(index) {
                        places.push((Arc::clone(&entry.id), entry.route, None));
                    }
                }
                for staged in conductor.staged() {
                    let statuses = staged.items.as_ref().map_or(&[][..], |items| items.statuses());
                    let working = statuses.iter().enumerate().filter(|(_, status)| busy(**status));
                    places
                        .extend(working.map(|(item, _)| (Arc::clone(&staged.id), staged.route, Some(item))));
                }
            }
            Self::Chain(conductor) => {
                let last = conductor.sequence().last().filter(|entry| busy(entry.status));
                let node = last.and_then(|entry| conductor.chain().nodes.get(entry.node));
                places.extend(node.map(|node| (node.name.as_str().into(), 0, None)));
            }
        }
        places
    }

    /// Tasks with items that have not ended, and how many items each has.
    #[must_use]
    pub fn unfinished_items(&self) -> Vec<(Arc<str>, u32, usize)> {
        let Self::Workflow(conductor) = self else {
            return Vec::new();
        };
        let staged = conductor.staged().filter_map(|staged| {
            let items = staged.items.as_ref()?;
            Some((Arc::clone(&staged.id), staged.route, items.statuses().len()))
        });
        staged.collect()
    }

    /// Whether a task waits to be handed out, or for its items.
    #[must_use]
    pub fn is_staged(&self, task: &str, route: u32) -> bool {
        match self {
            Self::Workflow(conductor) => conductor
                .staged()
                .any(|staged| &*staged.id == task && staged.route == route),
            Self::Chain(_) => false,
        }
    }

    /// The number of the latest execution of a task in a route, counted over all tasks.
    #[must_use]
    pub fn latest(&self, task: &str, route: u32) -> Option<usize> {
        match self {
            Self::Workflow(conductor) => conductor.latest(task, route),
            Self::Chain(conductor) => {
                let nodes = &conductor.chain().nodes;
                let is_it = |number: usize| nodes.get(number).is_some_and(|node| node.name == task);
                conductor.sequence().iter().rposition(|entry| is_it(entry.node))
            }
        }
    }

    /// A chain, and one of its nodes.
    #[must_use]
    pub fn chain_node(&self, name: &str) -> Option<(&Chain, &ChainNode)> {
        match self {
            Self::Workflow(_) => None,
            Self::Chain(conductor) => {
                let chain = conductor.chain();
                let node = chain.nodes.iter().find(|node| node.name == name)?;
                Some((chain, node))
            }
        }
    }

    /// The result of the execution. A workflow's has `output` and, unless it went well, `errors`; a chain's has
    /// `published` and, when something could not be rendered, `error` and `traceback`. The list of a chain's tasks is
    /// the caller's to add: only it knows their executions.
    #[must_use]
    pub fn result(&self) -> Json {
        match self {
            Self::Workflow(conductor) => {
                let of =
                    |value: &Value| to_json(value).unwrap_or_else(|_| crate::expr::value::str(value).into());
                let output = conductor.output().map(|output| of(&Value::Dict(output.clone())));
                let mut result = json!({"output": output});
                if conductor.status().is_abended() {
                    let errors: Vec<Json> = conductor
                        .errors()
                        .iter()
                        .map(|error| of(&error.shown()))
                        .collect();
                    result["errors"] = errors.into();
                }
                result
            }
            Self::Chain(conductor) => {
                let mut result = json!({"published": conductor.published()});
                if let Some(error) = conductor.error() {
                    result["error"] = error.into();
                    result["traceback"] = error.into();
                }
                result
            }
        }
    }
}

fn read<D: serde::de::DeserializeOwned, T: AsRef<str>>(
    journal: impl IntoIterator<Item = T>,
) -> Result<Vec<D>, BadJournal> {
    let mut deltas = Vec::new();
    for text in journal {
        let read: Vec<D> =
            serde_json::from_str(text.as_ref()).map_err(|error| BadJournal(error.to_string()))?;
        deltas.extend(read);
    }
    Ok(deltas)
}
