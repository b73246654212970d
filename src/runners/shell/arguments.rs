//! Parameters of a script action as its command-line arguments (RUN-3, RUN-4).

use std::cmp::Ordering;

use serde_json::Value;

use crate::expr::pyvalue;
use crate::model::JsonMap;

/// The arguments: named ones in the order of `parameters`, then positional ones by position.
///
/// `schemas` are the action's parameters and `of_runner` the runner's, which are no arguments.
pub(super) fn script_arguments(
    schemas: &JsonMap,
    of_runner: &JsonMap,
    parameters: &JsonMap,
    kwarg_op: &str,
) -> Vec<String> {
    let positional = positions(schemas);
    let mut arguments = Vec::new();
    for (name, value) in parameters {
        if of_runner.contains_key(name) || positional.contains(&name.as_str()) {
            continue;
        }
        match value {
            Value::Null | Value::Bool(false) => {}
            Value::String(text) if text.is_empty() => {}
            Value::Bool(true) => arguments.push(format!("{kwarg_op}{name}")),
            value => arguments.push(format!("{kwarg_op}{name}={}", pyvalue::str(value))),
        }
    }
    for name in positional {
        let value = if of_runner.contains_key(name) {
            None
        } else {
            parameters.get(name)
        };
        let kind = schemas
            .get(name)
            .and_then(|schema| schema.get("type"))
            .and_then(Value::as_str);
        arguments.push(positional_text(kind, value.unwrap_or(&Value::Null)));
    }
    arguments
}

/// Names of the positional parameters in order; of several with the same position the last one counts and the
/// others are named.
fn positions(schemas: &JsonMap) -> Vec<&str> {
    let mut found: Vec<(f64, &str)> = Vec::new();
    for (name, schema) in schemas {
        if let Some(position) = schema.get("position").and_then(Value::as_f64) {
            match found.iter_mut().find(|(taken, _)| *taken == position) {
                Some(entry) => entry.1 = name,
                None => found.push((position, name)),
            }
        }
    }
    found.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    found.into_iter().map(|(_, name)| name).collect()
}

/// One positional argument. The reference tests for "falsy" where the type is none of those that it names, so
/// the integer 0 becomes an empty argument.
fn positional_text(kind: Option<&str>, value: &Value) -> String {
    match (kind, value) {
        (_, Value::Null) | (Some("null"), _) => String::new(),
        (Some("boolean"), value) => String::from(if pyvalue::is_true(value) { "1" } else { "0" }),
        (Some("string" | "number" | "float"), value) => pyvalue::str(value),
        (_, value) if !pyvalue::is_true(value) => String::new(),
        (Some("array" | "list"), Value::Array(items)) => {
            items.iter().map(pyvalue::str).collect::<Vec<_>>().join(",")
        }
        (Some("object"), value) => value.to_string(),
        (_, value) => pyvalue::str(value),
    }
}
