//! What expressions of a simulated workflow may ask of the outside: records of task executions, and keys.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::expr::jinja::{KeyLookup, KeyScope};
use crate::expr::value::{self, DateTime, Value};
use crate::workflow::conductor::{Outside, Status};

/// What a secret reads as.
const SEALED: &str = "<encrypted>";

/// Records of task executions as `task()` shows them, and the keys of `st2kv()`.
#[derive(Debug)]
pub(super) struct Records {
    workflow: Value,
    keys: Keys,
    tasks: Mutex<Tasks>,
}

#[derive(Debug, Default)]
struct Tasks {
    latest: HashMap<(String, u32), Record>,
    last: u64,
}

#[derive(Debug)]
struct Record {
    number: u64,
    status: Status,
    result: Value,
    /// Status and result of each item, when there are items.
    items: Option<Vec<Option<(Status, Value)>>>,
    started: i64,
    ended: Option<i64>,
}

impl Records {
    pub(super) fn new(context: &Value, kv: &Value) -> Self {
        let workflow = context
            .get("st2")
            .and_then(|st2| st2.get("workflow_execution_id"));
        Self {
            workflow: workflow.cloned().unwrap_or_default(),
            keys: Keys::new(kv),
            tasks: Mutex::default(),
        }
    }

    /// A task was handed out. One with items that is still at work keeps its record.
    pub(super) fn began(&self, task: &str, route: u32, items: Option<usize>, now: i64) {
        let mut tasks = self.tasks.lock();
        let key = (task.to_owned(), route);
        if let Some(known) = tasks.latest.get(&key)
            && items.is_some()
            && !known.status.is_completed()
        {
            return;
        }
        tasks.last += 1;
        let record = Record {
            number: tasks.last,
            status: Status::Running,
            result: Value::Null,
            items: items.map(|count| vec![None; count]),
            started: now,
            ended: None,
        };
        tasks.latest.insert(key, record);
    }

    /// Something happened to the action of a task or of one of its items. Gives the results of all items so far.
    pub(super) fn happened(
        &self,
        task: &str,
        route: u32,
        item: Option<usize>,
        status: Status,
        result: &Value,
        now: i64,
    ) {
        let mut tasks = self.tasks.lock();
        let Some(record) = tasks.latest.get_mut(&(task.to_owned(), route)) else {
            return;
        };
        match (&mut record.items, item) {
            (Some(items), Some(item)) => {
                if let Some(place) = items.get_mut(item) {
                    *place = Some((status, result.clone()));
                }
                let all = || items.iter().map(|item| item.as_ref().map(|(status, _)| *status));
                if all().all(|status| status.is_some_and(Status::is_completed)) {
                    let has = |wanted: fn(Status) -> bool| all().flatten().any(wanted);
                    record.status = match () {
                        () if has(|status| status == Status::Canceled) => Status::Canceled,
                        () if has(Status::is_abended) => Status::Failed,
                        () => Status::Succeeded,
                    };
                }
            }
            _ => {
                record.status = status;
                record.result = result.clone();
            }
        }
        if record.status.is_completed() {
            record.ended = Some(now);
        }
    }

    /// The results of all items so far, null where there is none.
    pub(super) fn results(&self, task: &str, route: u32) -> Value {
        let tasks = self.tasks.lock();
        let items = tasks
            .latest
            .get(&(task.to_owned(), route))
            .and_then(|record| record.items.as_ref());
        let result = |item: &Option<(Status, Value)>| match item {
            Some((_, result)) => result.clone(),
            None => Value::Null,
        };
        Value::list(items.into_iter().flatten().map(result))
    }
}

impl Outside for Records {
    fn task_execution(&self, task: &str, route: u32) -> Option<Value> {
        let tasks = self.tasks.lock();
        let record = tasks.latest.get(&(task.to_owned(), route))?;
        let result = match &record.items {
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
            None if record.result.is_true() => record.result.clone(),
            None => Value::dict::<Value>([]),
        };
        Some(Value::dict([
            (
                "task_execution_id",
                Value::text(format!("{:024x}", record.number)),
            ),
            ("workflow_execution_id", self.workflow.clone()),
            ("task_name", Value::text(task)),
            ("task_id", Value::text(task)),
            ("route", Value::from(route)),
            ("result", result),
            ("status", Value::text(record.status.as_str())),
            ("start_timestamp", Value::text(timestamp(Some(record.started)))),
            ("end_timestamp", Value::text(timestamp(record.ended))),
        ]))
    }

    fn datastore(&self) -> Option<&dyn KeyLookup> {
        Some(&self.keys)
    }
}

/// Seconds since 1970 as Python prints such a time.
fn timestamp(seconds: Option<i64>) -> String {
    let time = seconds.and_then(|seconds| {
        let micros = i128::from(seconds) * 1_000_000;
        let time = DateTime::from_local_micros(micros, Some(0), Some("UTC".into()))?;
        Some(time.iso(" "))
    });
    time.unwrap_or_else(|| "None".to_owned())
}

/// `{"system": {"key": "text", "other": {"secret": "text"}}, "user": {…}}`. A secret reads as `<encrypted>` unless it
/// is decrypted.
#[derive(Debug)]
struct Keys {
    keys: Value,
    /// The secret that was read last: all secrets read alike, and whoever decrypts one has just read it.
    last: Mutex<Option<String>>,
}

impl Keys {
    fn new(keys: &Value) -> Self {
        Self {
            keys: keys.clone(),
            last: Mutex::new(None),
        }
    }
}

impl KeyLookup for Keys {
    fn get(&self, scope: KeyScope, key: &str) -> Option<String> {
        let scope = match scope {
            KeyScope::System => "system",
            KeyScope::User => "user",
        };
        match self.keys.get(scope)?.get(key)? {
            Value::Dict(sealed) => {
                *self.last.lock() = sealed.get_str("secret").map(value::str);
                Some(SEALED.to_owned())
            }
            text => Some(value::str(text)),
        }
    }

    fn decrypt(&self, ciphertext: &str) -> Result<String, String> {
        if ciphertext != SEALED {
            return Ok(ciphertext.to_owned());
        }
        let last = self.last.lock().clone();
        last.ok_or_else(|| "no secret was read".to_owned())
    }
}
