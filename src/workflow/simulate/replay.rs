//! Calls on one conductor, one after the other, as the reference's tests make them.

use std::sync::Arc;

use super::script::{BadScript, rerun_tasks};
use super::{Case, Refusal, picture};
use crate::expr::template::{Evaluator, Options};
use crate::expr::value::Value;
use crate::workflow::conductor::{
    ActionEvent, Conductor, ConductorError, Delta, ItemEvent, Snapshot, Status,
};
use crate::workflow::definition::Command;

/// What a call led to besides a change of state.
enum Done {
    Nothing,
    Next(Value),
    Raised { class: String, message: String },
}

/// Makes the calls and shows where the workflow stands after each, and at the end.
///
/// # Errors
///
/// The definition is no workflow, or a call is none.
pub fn replay(
    case: &Case<'_>,
    ops: &[Value],
    evaluator: &Arc<Evaluator>,
    options: Options,
) -> Result<Value, Refusal> {
    let records = Arc::new(super::records::Records::new(
        &Value::Dict(case.context.clone()),
        &Value::Null,
    ));
    let parts = case.parts(evaluator, options, &records)?;
    let mut conductor = Conductor::new(parts, &case.inputs, &case.context);
    let mut steps = Vec::with_capacity(ops.len());
    for (number, op) in ops.iter().enumerate() {
        let done;
        (conductor, done) = call(conductor, op, &format!("ops[{number}]"))?;
        steps.push(step(&conductor, done));
    }
    Ok(Value::dict([
        ("steps", Value::list(steps)),
        ("final", picture::picture(&conductor)),
    ]))
}

fn step(conductor: &Conductor, done: Done) -> Value {
    let tasks = conductor.sequence().iter().map(|entry| {
        Value::list([
            Value::Str(Arc::clone(&entry.id)),
            Value::from(entry.route),
            picture::status(entry.status),
        ])
    });
    let mut members = vec![
        ("status", Value::text(conductor.status().as_str())),
        ("tasks", Value::list(tasks)),
        ("errors", Value::from(conductor.errors().len())),
    ];
    match done {
        Done::Nothing => {}
        Done::Next(next) => members.push(("next", next)),
        Done::Raised { class, message } => {
            let raised = Value::dict([("type", Value::text(class)), ("message", Value::text(message))]);
            members.push(("raises", raised));
        }
    }
    Value::dict(members)
}

fn raised(result: Result<(), ConductorError>) -> Done {
    match result {
        Ok(()) => Done::Nothing,
        Err(error) => Done::Raised {
            class: error.class().to_owned(),
            message: error.to_string(),
        },
    }
}

fn call(mut conductor: Conductor, op: &Value, place: &str) -> Result<(Conductor, Done), BadScript> {
    let text = |name: &str| op.get(name).and_then(Value::as_str);
    let number = |name: &str| op.get(name).and_then(Value::as_i64).unwrap_or_default();
    let (task, route) = (
        text("task").unwrap_or_default(),
        u32::try_from(number("route")).unwrap_or(u32::MAX),
    );
    let kind = text("op").ok_or_else(|| BadScript(format!("{place} has no text `op`")))?;
    let status = || {
        let word = text("status").unwrap_or_default();
        word.parse::<Status>().map_err(|_| Done::Raised {
            class: "InvalidStatus".to_owned(),
            message: format!("Status \"{word}\" is not valid."),
        })
    };
    let result = op.get("result").cloned().unwrap_or_default();
    let done = match kind {
        "request_status" => match status() {
            Ok(status) => raised(conductor.request(status)),
            Err(refused) => refused,
        },
        "next_tasks" => {
            let tasks = conductor.next_tasks();
            Done::Next(Value::list(
                tasks.iter().map(|task| picture::dispatch(task, None)),
            ))
        }
        "action_event" => match status() {
            Ok(status) => raised(conductor.action_event(task, route, &ActionEvent { status, result })),
            Err(refused) => refused,
        },
        "item_event" => match status() {
            Ok(status) => {
                let item = usize::try_from(number("item")).unwrap_or(usize::MAX);
                let results = op.get("accumulated_result").cloned().unwrap_or_default();
                let results = || match results.is_null() {
                    true => Value::list([]),
                    false => results.clone(),
                };
                let event = ItemEvent { item, status, result };
                raised(conductor.item_event(task, route, &event, &results))
            }
            Err(refused) => refused,
        },
        "engine_event" => match text("name").and_then(Command::named) {
            Some(command) => raised(conductor.engine_event(task, route, command)),
            None => return Err(BadScript(format!("{place} has no `name` of an engine command"))),
        },
        "rerun" => {
            let tasks = op.get("tasks").filter(|tasks| !tasks.is_null());
            let tasks = tasks.map(|tasks| rerun_tasks(place, tasks.as_items().unwrap_or_default()));
            raised(conductor.rerun(tasks.transpose()?.as_deref()))
        }
        "render_output" => {
            conductor.render_output();
            Done::Nothing
        }
        "roundtrip" => {
            conductor = reloaded(conductor).map_err(|error| BadScript(format!("{place}: {error}")))?;
            Done::Nothing
        }
        other => return Err(BadScript(format!("{place}: there is no op `{other}`"))),
    };
    Ok((conductor, done))
}

/// The conductor as it is after its state was stored and read.
pub(super) fn reloaded(mut conductor: Conductor) -> Result<Conductor, String> {
    let snapshot = serde_json::to_string(&conductor.snapshot()).map_err(|error| error.to_string())?;
    let snapshot: Snapshot = serde_json::from_str(&snapshot).map_err(|error| error.to_string())?;
    // What the snapshot holds already must not be applied again; it is read as a journal's reader would.
    let journal = serde_json::to_string(&conductor.take_journal()).map_err(|error| error.to_string())?;
    let _: Vec<Delta> = serde_json::from_str(&journal).map_err(|error| error.to_string())?;
    Conductor::restore_from(conductor.parts().clone(), &snapshot, []).map_err(|error| error.to_string())
}
