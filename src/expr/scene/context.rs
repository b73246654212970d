//! A scene read from a context of the reference: a dictionary whose private keys say what the conductor would.

use std::sync::Arc;

use super::{CurrentTask, Scene, Variables};
use crate::expr::jinja::KeyLookup;
use crate::expr::value::{Value, str};

/// A scene made of a workflow context with the keys `__state` (`tasks`: index by `task__rN`, `sequence`: states with
/// `status`, `routes`), `__current_task` (`id`, `route`, `result`) and `__current_item`.
pub struct ContextScene {
    variables: Option<Variables>,
    task: Option<(String, i64, Value)>,
    item: Option<Value>,
    routes: Vec<Arc<[Arc<str>]>>,
    datastore: Option<Arc<dyn KeyLookup>>,
}

impl ContextScene {
    /// The scene of a context; `null` is no context at all.
    pub fn new(context: &Value) -> Self {
        let present = |key: &str| context.get(key).filter(|value| value.is_true());
        let task = present("__current_task").map(|task| {
            let id = task.get("id").map(str).unwrap_or_default();
            let route = task.get("route").and_then(Value::as_i64).unwrap_or(0);
            (id, route, task.get("result").cloned().unwrap_or_default())
        });
        let routes = present("__state").and_then(|state| state.get("routes")?.as_items());
        Self {
            variables: context.as_dict().cloned().map(Variables::new),
            task,
            item: context.get("__current_item").cloned(),
            routes: routes.unwrap_or_default().iter().map(steps).collect(),
            datastore: None,
        }
    }

    /// Adds the keys that `st2kv()` reads.
    #[must_use]
    pub fn with_datastore(mut self, datastore: Arc<dyn KeyLookup>) -> Self {
        self.datastore = Some(datastore);
        self
    }

    fn state(&self) -> Option<&Value> {
        self.variables.as_ref()?.get("__state")
    }
}

fn steps(route: &Value) -> Arc<[Arc<str>]> {
    let steps = route.as_items().unwrap_or_default();
    steps.iter().map(|step| Arc::from(str(step))).collect()
}

impl Scene for ContextScene {
    fn variables(&self) -> Option<&Variables> {
        self.variables.as_ref()
    }

    fn current_task(&self) -> Option<CurrentTask<'_>> {
        self.task.as_ref().map(|(id, route, result)| CurrentTask {
            id,
            route: *route,
            result,
        })
    }

    fn current_item(&self) -> Option<&Value> {
        self.item.as_ref()
    }

    fn task_status(&self, task: &str, route: i64) -> Option<&str> {
        let state = self.state()?;
        let index = state.get("tasks")?.get(&format!("{task}__r{route}"))?.as_i64()?;
        let entry = state
            .get("sequence")?
            .as_items()?
            .get(usize::try_from(index).ok()?)?;
        entry.get("status")?.as_str()
    }

    fn route(&self, route: i64) -> Option<&[Arc<str>]> {
        self.routes
            .get(usize::try_from(route).ok()?)
            .map(|steps| &**steps)
    }

    fn datastore(&self) -> Option<&dyn KeyLookup> {
        self.datastore.as_deref()
    }
}
