//! What tasks have given, as long as somebody may still ask for it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::engine::Reading;
use crate::expr::jinja::KeyLookup;
use crate::expr::value::{DateTime, Value};
use crate::model::{Id, Status, Timestamp};
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
    known: Mutex<HashMap<TaskKey, Record>>,
    keys: Option<Arc<Reading>>,
}

/// One execution of a task.
#[derive(Debug)]
struct Record {
    id: Id,
    workflow: Id,
    status: Status,
    result: Value,
    /// Status and result of each item, when the task has items.
    items: Option<Vec<Option<(Status, Value)>>>,
    started: Timestamp,
    ended: Option<Timestamp>,
}

/// A task that begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beginning {
    /// Of the task's execution.
    pub(super) id: Id,
    pub(super) workflow: Id,
    /// How many items it has, when it has items.
    pub(super) items: Option<usize>,
    pub(super) at: Timestamp,
}

impl TaskExecutions {
    /// For a workflow with this text, whose expressions read these keys.
    pub(super) fn new(text: &str, keys: Arc<Reading>) -> Self {
        let asks = text.match_indices("task").any(|(at, word)| {
            let rest = text[at + word.len()..].trim_start();
            rest.starts_with('(')
        });
        Self {
            wanted: asks,
            known: Mutex::default(),
            keys: Some(keys),
        }
    }

    /// What expressions of the workflow have decrypted.
    pub(super) fn secrets(&self) -> Vec<String> {
        self.keys.as_ref().map_or_else(Vec::new, |keys| keys.taken())
    }

    /// Whether anybody asks.
    pub(super) const fn wanted(&self) -> bool {
        self.wanted
    }

    /// An execution of a task begins, or one more of its items.
    /// False when that was known.
    pub(super) fn began(&self, task: &TaskKey, beginning: Beginning) -> bool {
        let mut known = self.known.lock();
        if known.get(task).is_some_and(|record| record.id == beginning.id) {
            return false;
        }
        let record = Record {
            id: beginning.id,
            workflow: beginning.workflow,
            status: Status::Running,
            result: Value::Null,
            items: beginning.items.map(|count| vec![None; count]),
            started: beginning.at,
            ended: None,
        };
        known.insert(task.clone(), record);
        true
    }

    /// What became of a task's action, or of that of one of its items. Only ends, standstills and going on are told.
    pub(super) fn happened(
        &self,
        task: &TaskKey,
        item: Option<usize>,
        status: Status,
        result: &Value,
        at: Timestamp,
    ) {
        let mut known = self.known.lock();
        let Some(record) = known.get_mut(task) else {
            return;
        };
        match (&mut record.items, item) {
            (Some(items), Some(item)) => {
                if let Some(place) = items.get_mut(item) {
                    *place = Some((status, result.clone()));
                }
                let ended = |item: &Option<(Status, Value)>| {
                    item.as_ref().is_some_and(|(status, _)| status.is_completed())
                };
                let succeeded = |item: &Option<(Status, Value)>| matches!(item, Some((Status::Succeeded, _)));
                if items.iter().all(ended) {
                    let all_well = items.iter().all(succeeded);
                    record.status = if all_well {
                        Status::Succeeded
                    } else {
                        Status::Failed
                    };
                }
            }
            _ => {
                record.status = status;
                if result.is_true() {
                    record.result = result.clone();
                }
            }
        }
        record.ended = record.status.is_completed().then_some(at);
    }
}

impl Record {
    fn shown(&self, task: &str, route: u32) -> Value {
        let result = match &self.items {
            Some(items) => {
                let item = |item: &Option<(Status, Value)>| match item {
                    None => Value::Null,
                    Some((status, result)) => Value::dict([
                        ("status", Value::text(status.as_str())),
                        ("result", result.clone()),
                    ]),
                };
                Value::dict([("items", Value::list(items.iter().map(item)))])
            }
            None if self.result.is_true() => self.result.clone(),
            None => Value::dict::<Value>([]),
        };
        Value::dict([
            ("task_execution_id", Value::text(self.id.to_string())),
            ("workflow_execution_id", Value::text(self.workflow.to_string())),
            ("task_name", Value::text(task)),
            ("task_id", Value::text(task)),
            ("route", Value::from(route)),
            ("result", result),
            ("status", Value::text(self.status.as_str())),
            ("start_timestamp", Value::text(python_time(Some(self.started)))),
            ("end_timestamp", Value::text(python_time(self.ended))),
        ])
    }
}

/// A time as Python prints it.
fn python_time(time: Option<Timestamp>) -> String {
    let time = time.and_then(|time| {
        let micros = i128::from(time.micros());
        Some(DateTime::from_local_micros(micros, Some(0), Some("UTC".into()))?.iso(" "))
    });
    time.unwrap_or_else(|| "None".to_owned())
}

impl Outside for TaskExecutions {
    fn task_execution(&self, task: &str, route: u32) -> Option<Value> {
        let known = self.known.lock();
        Some(known.get(&(Arc::from(task), route))?.shown(task, route))
    }

    fn datastore(&self) -> Option<&dyn KeyLookup> {
        self.keys.as_deref().map(|keys| keys as &dyn KeyLookup)
    }
}
