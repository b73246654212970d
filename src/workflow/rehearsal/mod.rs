//! Tests of workflows as data: what actions give, and what the workflow must make of it. Nothing is run.
//!
//! Two forms are read. The short one has a list of `tests`, each with `results` as in the script of a simulation, and
//! what to `expect`; it runs on the simulation's clock. The other one is the reference's rehearsal
//! (`mock_action_executions`, `expected_task_sequence` …), with one test a file; all tasks that may start do, then they
//! end one after the other.

mod mocked;
mod scripted;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::expr::template::Evaluator;
use crate::expr::value::{Value, equal, to_tagged};
use crate::workflow::definition::from_node;
use crate::yaml;

/// Tests in a file.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The path of the workflow as it is written.
    pub workflow: String,
    tests: Vec<Test>,
}

#[derive(Clone, Debug)]
enum Test {
    Scripted(scripted::Test),
    Mocked(mocked::Test),
}

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The test's name; empty where it has none.
    pub name: String,
    /// What is not as expected, one sentence each. None: the test has passed.
    pub failures: Vec<String>,
}

/// Tests that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadRehearsal {
    /// What is wrong, with the place where the YAML is broken.
    pub message: String,
}

fn bad(message: impl Into<String>) -> BadRehearsal {
    BadRehearsal {
        message: message.into(),
    }
}

impl Rehearsal {
    /// Reads the tests in a file. `file` is named in messages; `load` reads a file that the tests name.
    ///
    /// # Errors
    ///
    /// The text is no YAML, or not in one of the two forms.
    pub fn read(
        text: &str,
        file: &str,
        load: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, BadRehearsal> {
        let document = yaml::parse(text).map_err(|fault| bad(fault.problem(file, Some(text)).to_string()))?;
        let value = from_node(&document.root);
        let of = |name: &str| value.get(name).filter(|value| !value.is_null());
        if of("workflow_state").is_some() || of("rerun_tasks").is_some() {
            return Err(bad(
                "`workflow_state` and `rerun_tasks` are the reference's inner state, which is not read here: \
                 write a test with `control: [{op: rerun}]` instead",
            ));
        }
        let workflow = of("workflow").and_then(Value::as_str);
        let workflow = workflow.ok_or_else(|| bad("there is no `workflow`: write the path of its file"))?;
        let tests = match of("tests") {
            Some(tests) => {
                let list = tests.as_items().ok_or_else(|| bad("`tests` is no list"))?;
                let one = |(number, test): (usize, &Value)| {
                    scripted::Test::read(test, number + 1).map(Test::Scripted)
                };
                list.iter().enumerate().map(one).collect::<Result<_, _>>()?
            }
            None => vec![Test::Mocked(mocked::Test::read(&value, load)?)],
        };
        Ok(Self {
            workflow: workflow.to_owned(),
            tests,
        })
    }

    /// Runs all tests on a definition.
    #[must_use]
    pub fn run(&self, definition: &str, evaluator: &Arc<Evaluator>) -> Vec<Outcome> {
        let run = |test: &Test| match test {
            Test::Scripted(test) => test.run(definition, evaluator),
            Test::Mocked(test) => test.run(definition, evaluator),
        };
        self.tests.iter().map(run).collect()
    }
}

/// Says where something is not as expected.
fn compare(failures: &mut Vec<String>, what: &str, expected: &Value, found: &Value) {
    if !equal(expected, found) {
        failures.push(format!(
            "{what} should be {}, but is {}",
            to_tagged(expected),
            to_tagged(found)
        ));
    }
}

/// `task`, or `task__r1`.
fn named(entry: &Value) -> Value {
    let id = entry.get("id").and_then(Value::as_str).unwrap_or_default();
    match entry.get("route").and_then(Value::as_i64) {
        None | Some(0) => Value::text(id),
        Some(route) => Value::text(format!("{id}__r{route}")),
    }
}

/// Names of a picture's tasks, in order.
fn names(picture: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let tasks = picture.get("tasks").and_then(Value::as_items).unwrap_or_default();
    Value::list(tasks.iter().filter(|task| wanted(task)).map(named))
}

/// Findings of inspection in a sentence each.
fn refusal(refusal: &crate::workflow::simulate::Refusal) -> Vec<String> {
    use crate::workflow::simulate::Refusal;
    match refusal {
        Refusal::Load(message) => vec![format!("the workflow cannot be read: {message}")],
        Refusal::Script(bad) => vec![bad.to_string()],
        Refusal::Invalid(report) => report
            .errors
            .iter()
            .map(|finding| format!("the workflow is not valid: {}", finding.message))
            .collect(),
    }
}
