//! Functions that read the scene: `ctx`, `result`, `item`, `task_status`, `succeeded` and their kin, `task`.

use super::{Answer, Failure};
use crate::expr::ErrorKind;
use crate::expr::jinja::nearest;
use crate::expr::scene::{CurrentTask, Scene, Variables};
use crate::expr::value::{Dict, Value, str};

/// The status text of a task that has not started.
const UNSET: &str = "null";
/// The statuses for which `completed()` is true.
const COMPLETED: [&str; 5] = ["succeeded", "failed", "timeout", "abandoned", "canceled"];
/// Names that the conductor itself keeps in a context; they exist for messages, though a scene has them elsewhere.
const OWN_NAMES: [&str; 3] = ["__state", "__current_task", "__current_item"];

/// `ctx(key)`; `all` gives the dictionary that `ctx()` shows, in the form of the language.
pub(super) fn ctx(scene: &dyn Scene, key: &Value, all: fn(&Variables) -> &Dict) -> Answer {
    let variables = scene.variables();
    if !key.is_true() {
        return Ok(Value::Dict(variables.map(all).cloned().unwrap_or_default()));
    }
    let found = match (variables, key) {
        (Some(variables), Value::Str(name)) => variables.get(name),
        (Some(variables), key) if key_like(key) => variables.all().get(key),
        (Some(_), key) => {
            let class = key.type_name();
            return Err(Failure::type_error(format!("unhashable type: '{class}'")));
        }
        (None, _) => None,
    };
    let name = str(key);
    if name.starts_with("__") && (found.is_some() || (variables.is_some() && OWN_NAMES.contains(&&*name))) {
        return Err(Failure::new(
            ErrorKind::Private,
            "VariableInaccessibleError",
            format!("The variable \"{name}\" is for internal use and inaccessible."),
        ));
    }
    found.cloned().ok_or_else(|| {
        Failure::new(
            ErrorKind::Undefined,
            "VariableUndefinedError",
            format!("The variable \"{name}\" is undefined."),
        )
        .hint(variables.and_then(|variables| near_variable(variables, &name)))
    })
}

fn key_like(key: &Value) -> bool {
    !matches!(
        key,
        Value::List(_) | Value::Dict(_) | Value::Set(_) | Value::Tuple(_) | Value::Opaque(_)
    )
}

/// Advice for a variable that does not exist.
pub(in crate::expr::template) fn near_variable(variables: &Variables, name: &str) -> Option<String> {
    let names = variables.public().keys().take(1000).filter_map(Value::as_str);
    nearest(name, names).map(|near| format!("did you mean '{near}'?"))
}

fn current(scene: &dyn Scene) -> Result<CurrentTask<'_>, Failure> {
    scene.current_task().ok_or_else(|| {
        Failure::evaluation("The current task is not set in the context.")
            .hint(Some("it is known in `next` and in `retry.when` only".to_owned()))
    })
}

/// `result()`
pub(super) fn result(scene: &dyn Scene) -> Answer {
    current(scene).map(|task| task.result.clone())
}

/// `succeeded()`, `failed()`, `completed()`: whether the current task's status is among some.
pub(super) fn ended(scene: &dyn Scene, statuses: &[&str]) -> Answer {
    let task = current(scene)?;
    let status = status(scene, task.id, task.route)?;
    Ok(Value::Bool(statuses.contains(&status)))
}

/// `succeeded()`
pub(super) fn succeeded(scene: &dyn Scene) -> Answer {
    ended(scene, &["succeeded"])
}

/// `failed()`
pub(super) fn failed(scene: &dyn Scene) -> Answer {
    ended(scene, &["failed"])
}

/// `completed()`
pub(super) fn completed(scene: &dyn Scene) -> Answer {
    ended(scene, &COMPLETED)
}

/// `task_status(task_id, route)`
pub(super) fn task_status(scene: &dyn Scene, task: &Value, route: &Value) -> Answer {
    let route = route_or_current(scene, route)?;
    status(scene, &str(task), route).map(Value::from)
}

fn route_or_current(scene: &dyn Scene, route: &Value) -> Result<i64, Failure> {
    match route {
        Value::Null => Ok(scene.current_task().map_or(0, |task| task.route)),
        Value::Int(_) | Value::Bool(_) => Ok(route.as_i64().unwrap_or_default()),
        Value::Float(float) => Ok(*float as i64),
        other => Err(Failure::type_error(format!(
            "'>' not supported between instances of '{}' and 'int'",
            other.type_name()
        ))),
    }
}

fn status<'s>(scene: &'s dyn Scene, task: &str, route: i64) -> Result<&'s str, Failure> {
    in_routes(scene, route, &|route| scene.task_status(task, route)).map(|found| found.unwrap_or(UNSET))
}

/// What is known in a route, or else in the nearest earlier route that led to it.
fn in_routes<T>(
    scene: &dyn Scene,
    mut route: i64,
    look: &dyn Fn(i64) -> Option<T>,
) -> Result<Option<T>, Failure> {
    loop {
        if let Some(found) = look(route) {
            return Ok(Some(found));
        }
        if route <= 0 {
            return Ok(None);
        }
        let way = scene.route(route).ok_or_else(|| {
            Failure::new(ErrorKind::Index, "IndexError", "list index out of range")
                .hint(Some(format!("there is no route {route}")))
        })?;
        let earlier = (0..route).rev().find(|earlier| {
            scene
                .route(*earlier)
                .is_some_and(|steps| steps.iter().all(|step| way.contains(step)))
        });
        match earlier {
            Some(earlier) => route = earlier,
            None => return Ok(None),
        }
    }
}

/// `item(key)`
pub(super) fn item(scene: &dyn Scene, key: &Value) -> Answer {
    let item = scene.current_item().unwrap_or(&Value::Null);
    if !key.is_true() {
        return Ok(item.clone());
    }
    let Value::Dict(members) = item else {
        return Err(Failure::evaluation(
            "Item is not type of collections.abc.Mapping.",
        ));
    };
    let found = match key {
        Value::Str(name) => members.get_str(name),
        key if key_like(key) => members.get(key),
        _ => None,
    };
    found.cloned().ok_or_else(|| {
        let name = str(key);
        let near = nearest(&name, members.keys().take(1000).filter_map(Value::as_str));
        Failure::evaluation(format!("Item does not have key \"{name}\"."))
            .hint(near.map(|near| format!("did you mean '{near}'?")))
    })
}

/// `task(task_id, route)`
pub(super) fn task(scene: &dyn Scene, task: &Value, route: &Value) -> Answer {
    let id = match task {
        Value::Null => current(scene)?.id.to_owned(),
        other => str(other),
    };
    let route = route_or_current(scene, route)?;
    // The state of the workflow says in which route, the store what became of it there.
    let known = in_routes(scene, route, &|route| {
        scene.task_status(&id, route).map(|_| route)
    })?;
    known
        .and_then(|route| scene.task_execution(&id, route))
        .or_else(|| scene.task_execution(&id, route))
        .ok_or_else(|| Failure::evaluation(format!("Unable to find task execution for \"{id}\".")))
}
