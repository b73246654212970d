//! A workflow as simulations show it.

use crate::expr::value::{Dict, Value};
use crate::workflow::conductor::{Conductor, Dispatch, Entry, Items, Staged, Status};

/// Where a workflow stands: status, output, errors, routes, tasks and contexts.
#[must_use]
pub fn picture(conductor: &Conductor) -> Value {
    let routes = conductor.routes().iter().map(|route| {
        let steps = route.iter().map(|step| Value::Str(step.clone()));
        Value::list(steps)
    });
    let terminal = conductor.terminal_context().map(|context| public(&context));
    Value::dict([
        ("status", Value::text(conductor.status().as_str())),
        (
            "output",
            conductor.output().cloned().map(Value::Dict).unwrap_or_default(),
        ),
        (
            "errors",
            Value::list(conductor.errors().iter().map(|error| error.shown())),
        ),
        ("log", Value::list([])),
        ("routes", Value::list(routes)),
        (
            "tasks",
            Value::list(conductor.sequence().iter().map(|entry| task(conductor, entry))),
        ),
        ("terminal_context", terminal.unwrap_or_default()),
        ("staged", Value::list(conductor.staged().map(staged))),
    ])
}

/// Variables that are not private.
fn public(context: &Dict) -> Value {
    let shown = context
        .iter()
        .filter(|(name, _)| !name.as_str().is_some_and(|name| name.starts_with("__")));
    Value::dict(shown.map(|(name, value)| (name.clone(), value.clone())))
}

/// A status; null for what has none yet.
pub(super) fn status(status: Status) -> Value {
    match status {
        Status::Null => Value::Null,
        known => Value::text(known.as_str()),
    }
}

fn task(conductor: &Conductor, entry: &Entry) -> Value {
    let prev = entry
        .prev
        .iter()
        .map(|(way, index)| (way.clone(), Value::from(*index)));
    let next = entry
        .next
        .iter()
        .map(|(way, taken)| (way.clone(), Value::from(*taken)));
    let mut members = vec![
        ("id", Value::Str(entry.id.clone())),
        ("route", Value::from(entry.route)),
        ("status", status(entry.status)),
        ("terminal", Value::from(entry.term)),
        ("prev", Value::dict(prev)),
        ("next", Value::dict(next)),
        ("context", Value::Dict(conductor.variables(entry))),
    ];
    members.extend(entry.retry.as_ref().map(|retry| {
        let shown = Value::dict([
            ("count", Value::from(retry.count)),
            ("delay", retry.delay.map(Value::from).unwrap_or_default()),
            ("tally", Value::from(retry.tally)),
        ]);
        ("retry", shown)
    }));
    Value::dict(members)
}

fn staged(staged: &Staged) -> Value {
    let statuses = |items: &Items| {
        let statuses = items.statuses().iter();
        Value::list(statuses.map(|status| Value::text(status.as_str())))
    };
    Value::dict([
        ("id", Value::Str(staged.id.clone())),
        ("route", Value::from(staged.route)),
        ("ready", Value::from(staged.ready)),
        ("items", staged.items.as_ref().map(statuses).unwrap_or_default()),
    ])
}

/// What is handed out; with a time if there is one.
pub(super) fn dispatch(dispatch: &Dispatch, time: Option<i64>) -> Value {
    let mut members = Vec::new();
    members.extend(time.map(|time| ("time", Value::from(time))));
    members.push(("id", Value::Str(dispatch.id.clone())));
    members.push(("route", Value::from(dispatch.route)));
    members.extend(dispatch.delay.map(|delay| ("delay", Value::from(delay))));
    if let Some(count) = dispatch.items_count {
        members.push(("items_count", Value::from(count)));
        let most = dispatch.concurrency.map(Value::from);
        members.push(("concurrency", most.unwrap_or_default()));
    }
    members.push(("context", Value::Dict(dispatch.variables.clone())));
    let actions = dispatch.actions.iter().map(|call| {
        let mut members = vec![("action", call.action.clone()), ("input", call.input.clone())];
        members.extend(call.item.map(|item| ("item_id", Value::from(item))));
        Value::dict(members)
    });
    members.push(("actions", Value::list(actions)));
    Value::dict(members)
}
