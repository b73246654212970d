//! What tasks have given, as long as somebody may still ask for it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::expr::value::Value;
use crate::workflow::conductor::Outside;

/// Results of the items of one task, null where there is none yet.
pub(super) type Items = Vec<Value>;

/// A task in a route.
pub(super) type TaskKey = (Arc<str>, u32);

/// Results of items of tasks that are at work.
#[derive(Debug, Default)]
pub(super) struct ItemResults(HashMap<TaskKey, Items>);

impl ItemResults {
    /// A task begins with so many items, or goes on with those that are known.
    pub(super) fn begin(&mut self, key: TaskKey, count: usize) {
        self.0.entry(key).or_default().resize(count, Value::Null);
    }

    pub(super) fn set(&mut self, key: &TaskKey, item: usize, result: Value) {
        let items = self.0.entry(key.clone()).or_default();
        if items.len() <= item {
            items.resize(item + 1, Value::Null);
        }
        items[item] = result;
    }

    pub(super) fn of(&self, key: &TaskKey) -> Value {
        Value::list(self.0.get(key).cloned().unwrap_or_default())
    }

    /// The task has ended and its results were published.
    pub(super) fn forget(&mut self, key: &TaskKey) {
        self.0.remove(key);
    }
}

/// What `task('name')` shows: the latest execution of each task, kept only for workflows that ask.
#[derive(Debug, Default)]
pub(super) struct TaskExecutions {
    wanted: bool,
    known: Mutex<HashMap<TaskKey, Value>>,
}

impl TaskExecutions {
    /// For a workflow with this text.
    pub(super) fn new(text: &str) -> Self {
        let asks = text.match_indices("task").any(|(at, word)| {
            let rest = text[at + word.len()..].trim_start();
            rest.starts_with('(')
        });
        Self {
            wanted: asks,
            known: Mutex::default(),
        }
    }

    /// Whether anybody asks.
    pub(super) const fn wanted(&self) -> bool {
        self.wanted
    }

    pub(super) fn set(&self, key: TaskKey, shown: Value) {
        self.known.lock().insert(key, shown);
    }
}

impl Outside for TaskExecutions {
    fn task_execution(&self, task: &str, route: u32) -> Option<Value> {
        self.known.lock().get(&(Arc::from(task), route)).cloned()
    }
}
