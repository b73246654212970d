//! The scene of a workflow as a context describes it: its private keys hold the state, the current task and item.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::expr::jinja::{KeyLookup, KeyScope};
use crate::expr::scene::{CurrentTask, Scene, Variables};
use crate::expr::value::{self, Dict, Value};

/// What a secret reads as.
const SEALED: &str = "<encrypted>";

/// A scene made from a context and a datastore.
pub(super) struct RowScene {
    variables: Option<Variables>,
    task: Option<Task>,
    item: Option<Value>,
    statuses: HashMap<(String, i64), String>,
    executions: HashMap<(String, i64), Value>,
    routes: Vec<Vec<Arc<str>>>,
    datastore: Option<Arc<Datastore>>,
}

struct Task {
    id: String,
    route: i64,
    result: Value,
}

impl RowScene {
    pub(super) fn new(context: Option<&Value>, kv: Option<&Value>) -> Self {
        let all = context.and_then(Value::as_dict);
        let private = |name: &str| {
            all.and_then(|all| all.get_str(name))
                .filter(|value| value.is_true())
        };
        let task = private("__current_task").map(|task| Task {
            id: task.get("id").map(value::str).unwrap_or_default(),
            route: task.get("route").and_then(Value::as_i64).unwrap_or(0),
            result: task.get("result").cloned().unwrap_or_default(),
        });
        let mut scene = Self {
            variables: all.map(|all| Variables::new(all.clone())),
            task,
            item: all.and_then(|all| all.get_str("__current_item")).cloned(),
            statuses: HashMap::new(),
            executions: HashMap::new(),
            routes: Vec::new(),
            datastore: kv.map(|kv| Arc::new(Datastore::new(kv))),
        };
        if let Some(state) = private("__state") {
            scene.read(state);
        }
        scene
    }

    /// Takes in `{"tasks": {"t1__r0": 0}, "sequence": [{"id", "route", "status"}], "routes": [[…]]}`.
    fn read(&mut self, state: &Value) {
        let sequence = state
            .get("sequence")
            .and_then(Value::as_items)
            .unwrap_or_default();
        let pointers = state
            .get("tasks")
            .and_then(Value::as_dict)
            .cloned()
            .unwrap_or_default();
        for (name, index) in pointers.iter() {
            let key = name.as_str().and_then(|name| name.rsplit_once("__r"));
            let entry = index
                .as_i64()
                .and_then(|index| sequence.get(usize::try_from(index).ok()?));
            let Some(((task, route), entry)) = key.zip(entry) else {
                continue;
            };
            let Ok(route) = route.parse::<i64>() else {
                continue;
            };
            let status = entry.get("status").map_or_else(|| "null".to_owned(), value::str);
            let record = record(task, route, &status, entry);
            self.statuses.insert((task.to_owned(), route), status);
            self.executions.insert((task.to_owned(), route), record);
        }
        for route in state.get("routes").and_then(Value::as_items).unwrap_or_default() {
            let steps = route.as_items().unwrap_or_default().iter();
            self.routes
                .push(steps.map(|step| value::str(step).into()).collect());
        }
    }

    /// The datastore, for templates.
    pub(super) fn lookup(&self) -> Option<Arc<dyn KeyLookup>> {
        self.datastore.clone().map(|store| store as Arc<dyn KeyLookup>)
    }
}

/// What `task()` shows of an entry; a context has no more than this.
fn record(task: &str, route: i64, status: &str, entry: &Value) -> Value {
    let of = |name: &str| entry.get(name).cloned().unwrap_or_default();
    Value::dict([
        ("task_execution_id", of("task_execution_id")),
        ("workflow_execution_id", of("workflow_execution_id")),
        ("task_name", Value::text(task)),
        ("task_id", Value::text(task)),
        ("route", Value::from(route)),
        ("result", of("result")),
        ("status", Value::text(status)),
        ("start_timestamp", of("start_timestamp")),
        ("end_timestamp", of("end_timestamp")),
    ])
}

impl Scene for RowScene {
    fn variables(&self) -> Option<&Variables> {
        self.variables.as_ref()
    }

    fn current_task(&self) -> Option<CurrentTask<'_>> {
        self.task.as_ref().map(|task| CurrentTask {
            id: &task.id,
            route: task.route,
            result: &task.result,
        })
    }

    fn current_item(&self) -> Option<&Value> {
        self.item.as_ref()
    }

    fn task_status(&self, task: &str, route: i64) -> Option<&str> {
        self.statuses.get(&(task.to_owned(), route)).map(String::as_str)
    }

    fn route(&self, route: i64) -> Option<&[Arc<str>]> {
        self.routes.get(usize::try_from(route).ok()?).map(Vec::as_slice)
    }

    fn task_execution(&self, task: &str, route: i64) -> Option<Value> {
        self.executions.get(&(task.to_owned(), route)).cloned()
    }

    fn datastore(&self) -> Option<&dyn KeyLookup> {
        self.datastore.as_deref().map(|store| store as &dyn KeyLookup)
    }
}

/// `{"system": {"key": "text", "other": {"secret": "text"}}, "user": {…}}`. A secret reads as `<encrypted>`.
pub(super) struct Datastore {
    system: Dict,
    user: Dict,
    /// The secret that was read last: all secrets read alike, and whoever decrypts one has just read it.
    last: Mutex<Option<String>>,
}

impl Datastore {
    fn new(kv: &Value) -> Self {
        let keys = |scope: &str| {
            kv.get(scope)
                .and_then(Value::as_dict)
                .cloned()
                .unwrap_or_default()
        };
        Self {
            system: keys("system"),
            user: keys("user"),
            last: Mutex::new(None),
        }
    }
}

impl KeyLookup for Datastore {
    fn get(&self, scope: KeyScope, key: &str) -> Option<String> {
        let keys = match scope {
            KeyScope::System => &self.system,
            KeyScope::User => &self.user,
        };
        match keys.get_str(key)? {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn scene() -> RowScene {
        let context = value::loads(
            r#"{"x": 1, "__current_item": 5, "__current_task": {"id": "t1", "route": 1, "result": {"a": 1}},
                "__state": {"tasks": {"t1__r0": 0, "a__rb__r2": 1, "gone__r0": 9}, "routes": [[], ["t1__t0"]],
                "sequence": [{"id": "t1", "status": "succeeded"}, {"id": "a__rb", "status": "failed"}]}}"#,
        );
        let kv =
            value::loads(r#"{"system": {"k": "v", "s": {"secret": "plain"}}, "user": {"k": "own", "n": 5}}"#);
        RowScene::new(Some(&context.unwrap()), Some(&kv.unwrap()))
    }

    #[test]
    fn private_keys_of_a_context_set_the_scene() {
        let scene = scene();
        let task = scene.current_task().unwrap();
        assert_eq!((task.id, task.route), ("t1", 1));
        assert_eq!(scene.task_status("t1", 0), Some("succeeded"));
        assert_eq!(scene.task_status("a__rb", 2), Some("failed"));
        assert_eq!(scene.task_status("gone", 0), None);
        assert_eq!(scene.route(1).unwrap(), [Arc::from("t1__t0")]);
        assert!(scene.route(2).is_none());
        assert_eq!(scene.current_item().and_then(Value::as_i64), Some(5));
    }

    #[test]
    fn secrets_read_as_encrypted_until_they_are_decrypted() {
        let store = scene().lookup().unwrap();
        assert_eq!(store.get(KeyScope::System, "k").as_deref(), Some("v"));
        assert_eq!(store.get(KeyScope::User, "k").as_deref(), Some("own"));
        assert_eq!(store.get(KeyScope::User, "n").as_deref(), Some("5"));
        assert_eq!(store.get(KeyScope::User, "s"), None);
        assert!(store.decrypt(SEALED).is_err());
        let sealed = store.get(KeyScope::System, "s").unwrap();
        assert_eq!(sealed, SEALED);
        assert_eq!(store.decrypt(&sealed).as_deref(), Ok("plain"));
    }
}
