//! Action chains: one action after the other.
//!
//! The same kind of state machine as a workflow's conductor, with the same calls, so that whoever drives one can drive
//! the other (see [`Flow`](super::flow::Flow)).

mod definition;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

pub use definition::{Chain, ChainNode, ChainReport};

use super::conductor::{ActionCall, ActionEvent, ConductorError, Dispatch, Status};
use crate::expr::jinja::{Context, ExprError, Jinja, KeyLookup, Undefined};
use crate::expr::value::{Dict, Value, to_json};

/// What a chain works with.
#[derive(Clone)]
pub struct ChainParts {
    /// The chain.
    pub chain: Arc<Chain>,
    /// Renders its templates.
    pub jinja: Arc<Jinja>,
    /// Parameters of the chain's own action.
    pub parameters: Arc<Map<String, Json>>,
    /// `action_context` in templates: user, pack, parent and the like.
    pub action_context: Arc<Json>,
    /// `config_context` in templates: the pack's configuration.
    pub config_context: Arc<Json>,
    /// The keys that `st2kv` reads.
    pub keys: Option<Arc<dyn KeyLookup>>,
}

/// A change of a running chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainDelta {
    /// The variables are rendered; the first node waits.
    Begin {
        /// Variables by name.
        vars: Map<String, Json>,
    },
    /// The chain's status.
    Status(Status),
    /// A node's action is about to run.
    Began {
        /// Number of the node.
        node: usize,
    },
    /// Where the action of the current node stands.
    Task(Status),
    /// The current node has ended.
    Ended {
        /// Its result.
        result: Json,
        /// What it published.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        published: Map<String, Json>,
        /// The node that waits now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<usize>,
    },
    /// Something could not be rendered.
    Error(String),
}

/// An execution of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChainEntry {
    /// Number of the node.
    pub node: usize,
    /// Where its action stands.
    pub status: Status,
}

/// Everything that is known of a running chain; also its snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChainState {
    status: Status,
    vars: Map<String, Json>,
    /// Results of nodes by name, and what was published.
    results: IndexMap<String, Json>,
    published: Map<String, Json>,
    sequence: Vec<ChainEntry>,
    /// The node that waits to be handed out.
    waiting: Option<usize>,
    error: Option<String>,
}

/// The name of a template that cannot be rendered, and why.
type Unrendered = (String, ExprError);

/// A running chain.
pub struct ChainConductor {
    parts: ChainParts,
    state: ChainState,
    journal: Vec<ChainDelta>,
}

impl std::fmt::Debug for ChainConductor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Parameters and results may be secret.
        f.debug_struct("ChainConductor")
            .field("status", &self.state.status)
            .finish_non_exhaustive()
    }
}

impl ChainState {
    fn apply(&mut self, chain: &Chain, delta: &ChainDelta) {
        match delta {
            ChainDelta::Begin { vars } => {
                self.vars.clone_from(vars);
                self.waiting = Some(chain.start);
            }
            ChainDelta::Status(status) => self.status = *status,
            ChainDelta::Began { node } => {
                self.waiting = None;
                self.sequence.push(ChainEntry {
                    node: *node,
                    status: Status::Null,
                });
            }
            ChainDelta::Task(status) => {
                if let Some(entry) = self.sequence.last_mut() {
                    entry.status = *status;
                }
            }
            ChainDelta::Ended {
                result,
                published,
                next,
            } => {
                let name = self.sequence.last().and_then(|entry| chain.nodes.get(entry.node));
                if let Some(node) = name {
                    self.results.insert(node.name.clone(), result.clone());
                }
                for (name, value) in published {
                    self.results.insert(name.clone(), value.clone());
                    self.published.insert(name.clone(), value.clone());
                }
                self.waiting = *next;
            }
            ChainDelta::Error(message) => self.error = Some(message.clone()),
        }
    }
}

impl ChainConductor {
    /// Begins a chain: renders its variables. If one cannot be rendered the chain has failed.
    #[must_use]
    pub fn new(parts: ChainParts) -> Self {
        let mut conductor = Self::restore(parts, ChainState::default(), []);
        let vars = conductor.render(&conductor.parts.chain.vars, |context| {
            conductor.add_parameters(context);
        });
        match vars {
            Ok(vars) => conductor.change(ChainDelta::Begin { vars }),
            Err(broken) => conductor.broken(&format!("variable `{}`", broken.0), &broken.1),
        }
        conductor
    }

    /// Makes a chain's conductor again from a state and the changes since.
    #[must_use]
    pub fn restore(
        parts: ChainParts,
        mut state: ChainState,
        journal: impl IntoIterator<Item = ChainDelta>,
    ) -> Self {
        for delta in journal {
            state.apply(&parts.chain, &delta);
        }
        Self {
            parts,
            state,
            journal: Vec::new(),
        }
    }

    /// The changes since the last call.
    pub fn take_journal(&mut self) -> Vec<ChainDelta> {
        std::mem::take(&mut self.journal)
    }

    /// The whole state.
    #[must_use]
    pub fn snapshot(&self) -> &ChainState {
        &self.state
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Arc<Chain> {
        &self.parts.chain
    }

    /// Where the chain stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.state.status
    }

    /// What could not be rendered.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.state.error.as_deref()
    }

    /// All executions of nodes, in order.
    #[must_use]
    pub fn sequence(&self) -> &[ChainEntry] {
        &self.state.sequence
    }

    /// What nodes have published.
    #[must_use]
    pub fn published(&self) -> &Map<String, Json> {
        &self.state.published
    }

    /// The node to start now, if there is one.
    pub fn next_tasks(&mut self) -> Vec<Dispatch> {
        if !self.state.status.is_running() {
            return Vec::new();
        }
        let Some(number) = self.state.waiting else {
            return Vec::new();
        };
        let chain = Arc::clone(&self.parts.chain);
        let Some(node) = chain.nodes.get(number) else {
            return Vec::new();
        };
        let rendered = self.render(&node.parameters, |context| {
            self.add_parameters(context);
            self.add_results(context);
        });
        match rendered {
            Ok(input) => vec![Dispatch {
                id: node.name.as_str().into(),
                route: 0,
                delay: None,
                items_count: None,
                concurrency: None,
                variables: Dict::default(),
                actions: vec![ActionCall {
                    action: Value::text(node.action.as_str()),
                    input: Value::from(Json::Object(input)),
                    item: None,
                }],
            }],
            Err(broken) => {
                let place = format!("parameter `{}` of task \"{}\"", broken.0, node.name);
                self.broken(&place, &broken.1);
                Vec::new()
            }
        }
    }

    /// Something happened to the action of a node.
    ///
    /// # Errors
    ///
    /// There is no such node, or it is not its turn.
    pub fn action_event(&mut self, task: &str, event: &ActionEvent) -> Result<(), ConductorError> {
        let chain = Arc::clone(&self.parts.chain);
        if chain.find(task).is_none() {
            return Err(ConductorError::UnknownTask(task.to_owned()));
        }
        let named = |number: usize| chain.nodes.get(number).filter(|node| node.name == task);
        let current = self
            .state
            .sequence
            .last()
            .filter(|entry| !entry.status.is_completed())
            .and_then(|entry| named(entry.node));
        let node = match (current, self.state.waiting) {
            (Some(node), _) => node,
            (None, Some(number)) if named(number).is_some() => {
                self.change(ChainDelta::Began { node: number });
                &chain.nodes[number]
            }
            _ => return Err(ConductorError::NotStaged(task.to_owned())),
        };
        if self.state.sequence.last().map(|entry| entry.status) != Some(event.status) {
            self.change(ChainDelta::Task(event.status));
        }
        if event.status.is_completed() {
            self.ended(node, event);
        } else {
            self.goes_with(event.status);
        }
        Ok(())
    }

    /// The chain cannot go on, whatever its nodes say: it has failed.
    pub fn fail(&mut self, message: String) {
        self.change(ChainDelta::Error(message));
        self.change(ChainDelta::Status(Status::Failed));
    }

    /// Asks for a status.
    ///
    /// # Errors
    ///
    /// The chain cannot get there from where it is.
    pub fn request(&mut self, status: Status) -> Result<(), ConductorError> {
        let before = self.state.status;
        let is_active = self.is_active();
        let becomes = match status {
            _ if before.is_completed() => before,
            Status::Requested | Status::Scheduled | Status::Delayed
                if before.is_starting() || before == Status::Null =>
            {
                status
            }
            Status::Running | Status::Resuming if before.is_canceled() => before,
            Status::Running | Status::Resuming => Status::Running,
            Status::Pausing | Status::Paused if before.is_canceled() => before,
            Status::Pausing | Status::Paused if is_active => Status::Pausing,
            Status::Pausing | Status::Paused => Status::Paused,
            Status::Canceling | Status::Canceled if is_active => Status::Canceling,
            Status::Canceling | Status::Canceled => Status::Canceled,
            Status::Failed => Status::Failed,
            _ => before,
        };
        let on_its_way = matches!(
            (status, becomes),
            (Status::Paused, Status::Pausing) | (Status::Canceled, Status::Canceling)
        );
        if becomes == before && status != before && !on_its_way {
            return Err(ConductorError::WorkflowTransition {
                status: before,
                event: format!("workflow_{status}"),
            });
        }
        if becomes != before {
            self.change(ChainDelta::Status(becomes));
        }
        // Resumed when its last node has ended already.
        if becomes == Status::Running && !is_active && self.state.waiting.is_none() {
            self.finish();
        }
        Ok(())
    }

    fn is_active(&self) -> bool {
        self.state
            .sequence
            .last()
            .is_some_and(|entry| entry.status.is_active())
    }

    /// What a node's status that is no end makes of the chain's.
    fn goes_with(&mut self, status: Status) {
        let before = self.state.status;
        let becomes = match status {
            Status::Pending | Status::Paused if !before.is_canceled() => Status::Paused,
            Status::Running if before.is_paused() && before != Status::Pausing => Status::Running,
            Status::Canceling => Status::Canceling,
            _ => before,
        };
        if becomes != before && !before.is_completed() {
            self.change(ChainDelta::Status(becomes));
        }
    }

    fn ended(&mut self, node: &ChainNode, event: &ActionEvent) {
        let result =
            to_json(&event.result).unwrap_or_else(|_| Json::String(crate::expr::value::str(&event.result)));
        let mut published = Map::new();
        let mut next = None;
        match event.status {
            Status::Succeeded => {
                let rendered = self.render(&node.publish, |context| {
                    self.add_parameters(context);
                    self.add_results(context);
                    let shared = Arc::new(result.clone());
                    context.set(node.name.clone(), &shared);
                    let mut results: Map<String, Json> = self.results();
                    results.insert(node.name.clone(), result.clone());
                    context.set("__results", &Arc::new(Json::Object(results)));
                });
                match rendered {
                    Ok(rendered) => {
                        published = rendered;
                        next = node.on_success;
                    }
                    Err(broken) => {
                        let place = format!("`{}` that task \"{}\" publishes", broken.0, node.name);
                        self.change(ChainDelta::Ended {
                            result,
                            published,
                            next,
                        });
                        self.broken(&place, &broken.1);
                        return;
                    }
                }
            }
            status if status.is_abended() => next = node.on_failure,
            _ => {}
        }
        self.change(ChainDelta::Ended {
            result,
            published,
            next,
        });
        self.after(event.status);
    }

    /// Where the chain stands after a node.
    fn after(&mut self, ended: Status) {
        let becomes = match self.state.status {
            before if before.is_completed() => before,
            Status::Canceling | Status::Canceled => Status::Canceled,
            _ if ended == Status::Canceled => Status::Canceled,
            Status::Pausing | Status::Paused => Status::Paused,
            before if self.state.waiting.is_some() => before,
            _ => return self.finish(),
        };
        if becomes != self.state.status {
            self.change(ChainDelta::Status(becomes));
        }
    }

    /// No node follows: the chain ends as the last one did.
    fn finish(&mut self) {
        let status = match self.state.sequence.last().map(|entry| entry.status) {
            Some(status) if status.is_completed() => status,
            Some(_) | None => return,
        };
        self.change(ChainDelta::Status(status));
    }

    fn broken(&mut self, place: &str, error: &ExprError) {
        self.fail(format!("Failed rendering {place}: {}", error.message));
    }

    fn change(&mut self, delta: ChainDelta) {
        self.state.apply(&self.parts.chain, &delta);
        self.journal.push(delta);
    }

    fn results(&self) -> Map<String, Json> {
        let results = self.state.results.iter();
        results
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    fn add_parameters(&self, context: &mut Context) {
        for (name, value) in self.parts.parameters.iter() {
            context.set(name.clone(), &Arc::new(value.clone()));
        }
    }

    fn add_results(&self, context: &mut Context) {
        for (name, value) in &self.state.results {
            context.set(name.clone(), &Arc::new(value.clone()));
        }
        context.set("__results", &Arc::new(Json::Object(self.results())));
        for (name, value) in &self.state.vars {
            context.set(name.clone(), &Arc::new(value.clone()));
        }
    }

    /// Renders templates by name; fails with the name of the first that cannot be rendered.
    fn render(
        &self,
        templates: &Map<String, Json>,
        fill: impl FnOnce(&mut Context),
    ) -> Result<Map<String, Json>, Box<Unrendered>> {
        if templates.is_empty() {
            return Ok(Map::new());
        }
        let mut context = Context::new();
        fill(&mut context);
        if let Some(keys) = &self.parts.keys {
            context.set_datastore(Arc::clone(keys));
        }
        context.set("action_context", &self.parts.action_context);
        context.set("config_context", &self.parts.config_context);
        let render = |(name, template): (&String, &Json)| {
            let rendered = self
                .parts
                .jinja
                .render_value(template, &context, Undefined::Strict);
            match rendered {
                Ok(value) => Ok((name.clone(), value)),
                Err(error) => Err(Box::new((name.clone(), error))),
            }
        };
        templates.iter().map(render).collect()
    }
}
