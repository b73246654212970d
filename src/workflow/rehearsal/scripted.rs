//! The short form of tests: a script, and what to expect of the run.

use std::sync::Arc;

use super::{BadRehearsal, Outcome, bad, compare, names, refusal};
use crate::expr::template::{Evaluator, Options};
use crate::expr::value::{Dict, Value, to_tagged};
use crate::workflow::simulate::{Case, Script, simulate};

/// Fields of a test.
const FIELDS: [&str; 9] = [
    "name",
    "inputs",
    "context",
    "results",
    "default",
    "control",
    "kv",
    "expect",
    "max_steps",
];
/// What can be expected.
const EXPECTATIONS: [&str; 8] = [
    "status",
    "output",
    "tasks",
    "ran",
    "not_ran",
    "errors",
    "parameters",
    "invalid",
];

#[derive(Clone, Debug)]
pub(super) struct Test {
    name: String,
    inputs: Dict,
    context: Dict,
    script: Script,
    expect: Dict,
}

impl Test {
    pub(super) fn read(test: &Value, number: usize) -> Result<Self, BadRehearsal> {
        let name = test.get("name").and_then(Value::as_str);
        let name = name.map_or_else(|| format!("test {number}"), str::to_owned);
        let members = test
            .as_dict()
            .ok_or_else(|| bad(format!("{name} is no mapping")))?;
        known_only(&name, members, &FIELDS)?;
        let mapping = |field: &str| match test.get(field) {
            None | Some(Value::Null) => Ok(Dict::default()),
            Some(Value::Dict(dict)) => Ok(dict.clone()),
            Some(other) => Err(bad(format!(
                "`{field}` of {name} is {} instead of a mapping",
                other.type_name()
            ))),
        };
        let expect = mapping("expect")?;
        if expect.is_empty() {
            return Err(bad(format!(
                "{name} expects nothing: write `expect:` and below it `status: succeeded`"
            )));
        }
        known_only(&format!("`expect` of {name}"), &expect, &EXPECTATIONS)?;
        let mut script = members.clone().into_map();
        if let Some(Value::Dict(results)) = test.get("results") {
            script.insert(Value::text("results"), by_task(results));
        }
        let script = Script::read(&Value::Dict(Dict::new(script)));
        Ok(Self {
            inputs: mapping("inputs")?,
            context: mapping("context")?,
            script: script.map_err(|error| bad(format!("{name}: {error}")))?,
            expect,
            name,
        })
    }

    pub(super) fn run(&self, definition: &str, evaluator: &Arc<Evaluator>) -> Outcome {
        let case = Case {
            definition,
            inputs: self.inputs.clone(),
            context: self.context.clone(),
            inspect: true,
        };
        let mut failures = Vec::new();
        let is_refused = self.expect.get_str("invalid").is_some_and(Value::is_true);
        match simulate(&case, &self.script, evaluator, Options::default()) {
            Ok(_) if is_refused => failures.push("the workflow should not be valid, but is".to_owned()),
            Ok(picture) => self.check(&picture, &mut failures),
            Err(_) if is_refused => {}
            Err(refused) => failures = refusal(&refused),
        }
        Outcome {
            name: self.name.clone(),
            failures,
        }
    }

    fn check(&self, picture: &Value, failures: &mut Vec<String>) {
        let shown = |name: &str| picture.get(name).cloned().unwrap_or_default();
        let ran = names(picture, |_| true);
        let has = |task: &Value| ran.as_items().is_some_and(|ran| ran.contains(task));
        for (what, expected) in self.expect.iter() {
            match what.as_str().unwrap_or_default() {
                "status" => {
                    let before = failures.len();
                    compare(failures, "the status", expected, &shown("status"));
                    // Why it came to that is in the workflow's errors.
                    if let Some(failure) = failures.get_mut(before)
                        && let Some(first) = messages(picture).first()
                    {
                        failure.push_str(": ");
                        failure.push_str(first);
                    }
                }
                "tasks" => compare(failures, "the tasks", expected, &ran),
                "ran" => {
                    let missing = listed(expected).iter().filter(|task| !has(task));
                    failures.extend(
                        missing.map(|task| format!("{} should have run, but did not", to_tagged(task))),
                    );
                }
                "not_ran" => {
                    let extra = listed(expected).iter().filter(|task| has(task));
                    failures.extend(
                        extra.map(|task| format!("{} should not have run, but did", to_tagged(task))),
                    );
                }
                "output" => match (expected, shown("output")) {
                    (Value::Dict(wanted), Value::Dict(found)) => {
                        for (name, expected) in wanted.iter() {
                            let name = name.as_str().unwrap_or_default();
                            let found = found.get_str(name).cloned().unwrap_or_default();
                            compare(failures, &format!("output `{name}`"), expected, &found);
                        }
                    }
                    (expected, found) => compare(failures, "the output", expected, &found),
                },
                "errors" => errors(expected, picture, failures),
                "parameters" => parameters(expected, picture, failures),
                _ => {}
            }
        }
    }
}

/// A number of errors, or texts that each must be in one of them.
fn errors(expected: &Value, picture: &Value, failures: &mut Vec<String>) {
    let found = picture
        .get("errors")
        .and_then(Value::as_items)
        .unwrap_or_default();
    if let Some(count) = expected.as_i64() {
        compare(
            failures,
            "the number of errors",
            &Value::from(count),
            &Value::from(found.len()),
        );
        return;
    }
    let messages = messages(picture);
    for text in listed(expected) {
        let text = text.as_str().unwrap_or_default();
        if !messages.iter().any(|message| message.contains(text)) {
            failures.push(format!("no error has the text {text:?}; errors are {messages:?}"));
        }
    }
}

/// What the workflow's errors say.
fn messages(picture: &Value) -> Vec<&str> {
    let errors = picture
        .get("errors")
        .and_then(Value::as_items)
        .unwrap_or_default();
    let messages = errors.iter();
    messages
        .filter_map(|error| error.get("message").and_then(Value::as_str))
        .collect()
}

/// Parameters with which each task ran last.
fn parameters(expected: &Value, picture: &Value, failures: &mut Vec<String>) {
    let dispatches = picture
        .get("dispatches")
        .and_then(Value::as_items)
        .unwrap_or_default();
    for (task, wanted) in expected.as_dict().into_iter().flat_map(|dict| dict.iter()) {
        let task = task.as_str().unwrap_or_default();
        let dispatch = dispatches
            .iter()
            .rev()
            .find(|dispatch| dispatch.get("id").and_then(Value::as_str) == Some(task));
        let Some(dispatch) = dispatch else {
            failures.push(format!("{task:?} has no parameters: it did not run"));
            continue;
        };
        let actions = dispatch
            .get("actions")
            .and_then(Value::as_items)
            .unwrap_or_default();
        let input = actions.first().and_then(|call| call.get("input"));
        for (name, expected) in wanted.as_dict().into_iter().flat_map(|dict| dict.iter()) {
            let name = name.as_str().unwrap_or_default();
            let found = input
                .and_then(|input| input.get(name))
                .cloned()
                .unwrap_or_default();
            compare(
                failures,
                &format!("parameter `{name}` of {task:?}"),
                expected,
                &found,
            );
        }
    }
}

/// `task: result`, or `task: {status: failed, result: …}`, as rules of a script.
fn by_task(results: &Dict) -> Value {
    Value::list(results.iter().map(|(task, told)| {
        let mut rule = match told {
            Value::Dict(rule) if rule.get_str("status").is_some() || rule.get_str("sequence").is_some() => {
                rule.clone().into_map()
            }
            result => {
                let mut rule = Dict::builder(2);
                rule.insert(Value::text("result"), result.clone());
                rule
            }
        };
        rule.insert(Value::text("task"), task.clone());
        Value::Dict(Dict::new(rule))
    }))
}

fn listed(value: &Value) -> &[Value] {
    value.as_items().unwrap_or_else(|| std::slice::from_ref(value))
}

fn known_only(place: &str, members: &Dict, known: &[&str]) -> Result<(), BadRehearsal> {
    for name in members.keys() {
        let name = name.as_str().unwrap_or_default();
        if !known.contains(&name) {
            let near = crate::workflow::words::suggestion(name, known.iter().copied());
            let hint = near.map_or_else(
                || format!("there are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(bad(format!("{place} has `{name}`: {hint}")));
        }
    }
    Ok(())
}
