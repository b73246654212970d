//! The grammar of workflows as types: what a definition means once defaults and short forms are resolved.
//!
//! Reading never fails on a part that makes no sense: such a part counts as absent, and inspection reports it. So
//! a [`Workflow`] exists for everything that is a mapping, and only inspection decides whether it may run.

mod command;
mod document;
mod inline;
mod items;
mod read;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use indexmap::IndexMap;

use crate::expr::value::Value;

pub use crate::yaml::Position;
pub use command::Command;
pub use document::{Document, LoadError};
pub(crate) use document::{entries, entry, get, is_falsy, list};
pub use inline::{Inline, Parameter};
pub use items::Items;
pub use value::from_node;

/// A workflow.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// What `version` says; the only one there is is 1.0.
    pub version: Value,
    /// The name that the definition gives itself; workflows are known by their action's reference.
    pub name: Option<Arc<str>>,
    /// What it is for.
    pub description: Option<Arc<str>>,
    /// Labels.
    pub tags: Vec<Value>,
    /// Inputs, in order.
    pub input: Vec<Input>,
    /// Variables, in order of evaluation.
    pub vars: Vec<Assignment>,
    /// Output, in order of evaluation; rendered for every way to end.
    pub output: Vec<Assignment>,
    /// Tasks by name, in order of writing. Engine commands are not among them, see [`Command`].
    pub tasks: IndexMap<Arc<str>, Task>,
}

/// An input of a workflow.
#[derive(Debug, Clone)]
pub struct Input {
    /// The variable that it becomes.
    pub name: Arc<str>,
    /// What it is when it is not given; a template. Null when none is written.
    pub default: Value,
    /// Whether a default is written, even null.
    pub has_default: bool,
    /// Where the name stands.
    pub at: Position,
}

/// A variable and the template of its value: an entry of `vars`, `output` or `publish`.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The variable.
    pub name: Arc<str>,
    /// A template: texts inside may be expressions.
    pub value: Value,
    /// Where the name stands; for inline parameters where the text starts.
    pub at: Position,
}

/// A task of a workflow.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name.
    pub name: Arc<str>,
    /// The action's reference or an expression of it, without inline parameters. A task without action succeeds at
    /// once.
    pub action: Option<Arc<str>>,
    /// Inline parameters of `action`; where there are some they are the whole input.
    pub inline: Option<Inline>,
    /// The action's parameters: a mapping of templates, or one expression that gives a mapping. Without any an empty
    /// mapping.
    pub input: Value,
    /// Seconds to wait before it starts: an integer or an expression.
    pub delay: Option<Value>,
    /// How many branches it waits for; `None` when it waits for none.
    pub join: Option<Join>,
    /// Repetition over a list.
    pub with: Option<With>,
    /// What to do when it does not go well.
    pub retry: Option<Retry>,
    /// What comes next, in order of writing.
    pub next: Vec<Transition>,
    /// Where its name stands.
    pub at: Position,
}

/// How many branches a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Join {
    /// All tasks that lead to it.
    All,
    /// This many of them; 0 acts as 1.
    Count(i64),
}

/// Repetition of a task over the items of a list.
#[derive(Debug, Clone)]
pub struct With {
    /// What to repeat over.
    pub items: Items,
    /// How many at once: an integer or an expression. Without it all at once.
    pub concurrency: Option<Value>,
    /// Where `with` stands.
    pub at: Position,
}

/// When and how often a task is run again.
#[derive(Debug, Clone)]
pub struct Retry {
    /// An expression that asks for another attempt; without it failures do.
    pub when: Option<Arc<str>>,
    /// How many more attempts: an integer or an expression. Required by inspection.
    pub count: Option<Value>,
    /// Seconds before each: an integer or an expression; without it none.
    pub delay: Option<Value>,
    /// Where `retry` stands.
    pub at: Position,
}

/// A way on from a task.
#[derive(Debug, Clone)]
pub struct Transition {
    /// Its place in `next`.
    pub index: usize,
    /// The condition; without one it holds.
    pub when: Option<Arc<str>>,
    /// Variables to set when it is taken, in order of evaluation.
    pub publish: Vec<Assignment>,
    /// The text of `publish` where it is inline parameters.
    pub inline: Option<Inline>,
    /// Names of tasks and engine commands, in order of writing; `continue` alone when none are written.
    pub targets: Vec<Arc<str>>,
    /// Whether `do` is written.
    pub explicit: bool,
    /// Where it starts.
    pub at: Position,
}

impl Workflow {
    /// The meaning of a document.
    #[must_use]
    pub fn read(document: &Document) -> Self {
        read::workflow(document)
    }

    /// A task by its name.
    #[must_use]
    pub fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.get(name)
    }
}

impl Task {
    /// Where this stands among the parts of a definition: `tasks.<name>`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tasks.{}", self.name)
    }
}
