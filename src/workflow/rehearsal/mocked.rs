//! The reference's rehearsals: mocked executions of actions, and what is expected of the run.

use std::sync::Arc;

use super::{BadRehearsal, Outcome, bad, compare, names, refusal};
use crate::expr::template::{Evaluator, Options};
use crate::expr::value::{Dict, Value, loads};
use crate::workflow::conductor::{ActionEvent, Conductor, Dispatch, ItemEvent, Status};
use crate::workflow::simulate::{Case, Refusal, conductor, picture};

/// Most rounds of a rehearsal: a circle without end is a mistake of the workflow or of its mocks.
const MOST_ROUNDS: usize = 10_000;

#[derive(Clone, Debug)]
pub(super) struct Test {
    name: String,
    inputs: Dict,
    mocks: Vec<Mock>,
    expected: Value,
}

#[derive(Clone, Debug)]
struct Mock {
    task: String,
    route: u32,
    item: Option<usize>,
    /// Uses that are left.
    times: i64,
    status: Status,
    result: Value,
}

impl Test {
    pub(super) fn read(
        value: &Value,
        load: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, BadRehearsal> {
        let mocks = value
            .get("mock_action_executions")
            .filter(|mocks| !mocks.is_null());
        let mocks = match mocks {
            None => Vec::new(),
            Some(mocks) => {
                let list = mocks
                    .as_items()
                    .ok_or_else(|| bad("`mock_action_executions` is no list"))?;
                list.iter()
                    .map(|mock| Mock::read(mock, load))
                    .collect::<Result<_, _>>()?
            }
        };
        let inputs = value.get("inputs").filter(|inputs| !inputs.is_null());
        Ok(Self {
            name: value
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            inputs: match inputs {
                None => Dict::default(),
                Some(inputs) => inputs
                    .as_dict()
                    .cloned()
                    .ok_or_else(|| bad("`inputs` is no mapping"))?,
            },
            mocks,
            expected: value.clone(),
        })
    }

    pub(super) fn run(&self, definition: &str, evaluator: &Arc<Evaluator>) -> Outcome {
        let expected = |name: &str| self.expected.get(name).filter(|value| !value.is_null());
        let mut failures = Vec::new();
        let wants_errors = expected("expected_inspection_errors").filter(|errors| errors.is_true());
        let case = Case {
            definition,
            inputs: self.inputs.clone(),
            context: Dict::default(),
            inspect: true,
        };
        match (conductor(&case, evaluator, Options::default()), wants_errors) {
            (Ok(_), Some(_)) => failures.push("the workflow should not be valid, but is".to_owned()),
            (Ok(mut conductor), None) => {
                self.conduct(&mut conductor, &mut failures);
                self.check(&picture(&conductor), &mut failures);
            }
            (Err(Refusal::Invalid(report)), Some(errors)) => {
                let found = report
                    .errors
                    .iter()
                    .map(|one| Value::from(one.to_json(definition)));
                let found: Vec<Value> = found.collect();
                inspected(errors, &found, &mut failures);
            }
            (Err(refused), _) => failures = refusal(&refused),
        }
        Outcome {
            name: self.name.clone(),
            failures,
        }
    }

    /// Starts all tasks that may start, lets them end one after the other, and asks again.
    fn conduct(&self, conductor: &mut Conductor, failures: &mut Vec<String>) {
        let mut mocks = self.mocks.clone();
        if !conductor.status().is_completed() {
            for status in [Status::Requested, Status::Running] {
                if let Err(error) = conductor.request(status) {
                    failures.push(error.to_string());
                }
            }
        }
        let mut results = std::collections::HashMap::new();
        for round in 0.. {
            let tasks = conductor.next_tasks();
            if tasks.is_empty() {
                break;
            }
            if round == MOST_ROUNDS {
                failures.push(format!("the workflow does not end after {MOST_ROUNDS} rounds"));
                break;
            }
            let mut told = Vec::new();
            for task in &tasks {
                told.extend(starting(task));
            }
            for (task, item) in &told {
                tell(
                    conductor,
                    task,
                    *item,
                    Status::Running,
                    Value::Null,
                    &mut results,
                    failures,
                );
            }
            for (task, item) in &told {
                let (status, result) = used(&mut mocks, task, *item);
                tell(conductor, task, *item, status, result, &mut results, failures);
            }
        }
        conductor.render_output();
    }

    fn check(&self, picture: &Value, failures: &mut Vec<String>) {
        let expected = |name: &str| self.expected.get(name).filter(|value| !value.is_null());
        let shown = |name: &str| picture.get(name).cloned().unwrap_or_default();
        if let Some(sequence) = expected("expected_task_sequence") {
            compare(
                failures,
                "the sequence of tasks",
                sequence,
                &names(picture, |_| true),
            );
        }
        let routes = expected("expected_routes").cloned();
        let routes = routes.unwrap_or_else(|| Value::list([Value::list([])]));
        compare(failures, "the routes", &routes, &shown("routes"));
        if let Some(terms) = expected("expected_term_tasks") {
            let found = names(picture, |task| task.get("terminal").is_some_and(Value::is_true));
            compare(failures, "the last tasks", &sorted(terms), &sorted(&found));
        }
        let status = expected("expected_workflow_status").cloned();
        let status = status.unwrap_or_else(|| Value::text("succeeded"));
        compare(failures, "the status", &status, &shown("status"));
        let errors = expected("expected_errors")
            .cloned()
            .unwrap_or_else(|| Value::list([]));
        compare(failures, "the errors", &errors, &shown("errors"));
        if let Some(output) = self.expected.get("expected_output") {
            compare(failures, "the output", output, &shown("output"));
        }
    }
}

/// The executions of a task that start now: one, or one for each item.
fn starting(task: &Dispatch) -> Vec<(&Dispatch, Option<usize>)> {
    match task.items_count {
        None | Some(0) => vec![(task, None)],
        Some(_) => task.actions.iter().map(|call| (task, call.item)).collect(),
    }
}

type Results = std::collections::HashMap<(Arc<str>, u32), Vec<Value>>;

fn tell(
    conductor: &mut Conductor,
    task: &Dispatch,
    item: Option<usize>,
    status: Status,
    result: Value,
    results: &mut Results,
    failures: &mut Vec<String>,
) {
    let told = match item {
        None => conductor.action_event(&task.id, task.route, &ActionEvent { status, result }),
        Some(item) => {
            let known = results.entry((Arc::clone(&task.id), task.route)).or_default();
            known.resize(task.items_count.unwrap_or_default(), Value::Null);
            if let Some(place) = known.get_mut(item) {
                *place = result.clone();
            }
            let known = &*known;
            let event = ItemEvent { item, status, result };
            conductor.item_event(&task.id, task.route, &event, &|| {
                Value::list(known.iter().cloned())
            })
        }
    };
    if let Err(error) = told {
        failures.push(error.to_string());
    }
}

/// What the next mock for an execution gives; without one it succeeds with nothing.
fn used(mocks: &mut [Mock], task: &Dispatch, item: Option<usize>) -> (Status, Value) {
    let mock = mocks.iter_mut().find(|mock| {
        mock.times > 0
            && mock.task == *task.id
            && mock.route == task.route
            && (mock.item.is_none() || mock.item == item)
    });
    match mock {
        None => (Status::Succeeded, Value::Null),
        Some(mock) => {
            mock.times -= 1;
            (mock.status, mock.result.clone())
        }
    }
}

impl Mock {
    fn read(mock: &Value, load: &dyn Fn(&str) -> Result<String, String>) -> Result<Self, BadRehearsal> {
        let text = |name: &str| mock.get(name).and_then(Value::as_str);
        let number = |name: &str| mock.get(name).and_then(Value::as_i64);
        let task = text("task_id").ok_or_else(|| bad("a mocked execution has no `task_id`"))?;
        let status = match text("status") {
            None => Status::Succeeded,
            Some(word) => word
                .parse()
                .map_err(|error| bad(format!("the mock of {task:?}: {error}")))?,
        };
        let result = match text("result_path") {
            None => mock.get("result").cloned().unwrap_or_default(),
            Some(path) => {
                let text = load(path).map_err(bad)?;
                loads(&text).unwrap_or_else(|_| Value::text(text))
            }
        };
        Ok(Self {
            task: task.to_owned(),
            route: number("route")
                .and_then(|route| u32::try_from(route).ok())
                .unwrap_or_default(),
            item: number("item_id").and_then(|item| usize::try_from(item).ok()),
            times: number("num_iter").unwrap_or(1).max(1),
            status,
            result,
        })
    }
}

fn sorted(list: &Value) -> Value {
    let mut items = list.as_items().unwrap_or_default().to_vec();
    items.sort_by_key(crate::expr::value::str);
    Value::list(items)
}

/// Errors that inspection should have found, by category.
fn inspected(expected: &Value, found: &[Value], failures: &mut Vec<String>) {
    for (category, errors) in expected.as_dict().into_iter().flat_map(|dict| dict.iter()) {
        let category = category.as_str().unwrap_or_default();
        for error in errors.as_items().unwrap_or_default() {
            let fits = |one: &&Value| {
                one.get("category").and_then(Value::as_str) == Some(category)
                    && error
                        .as_dict()
                        .into_iter()
                        .flat_map(|dict| dict.iter())
                        .all(|(name, value)| {
                            let name = match name.as_str().unwrap_or_default() {
                                "type" => "language",
                                other => other,
                            };
                            one.get(name).unwrap_or(&Value::Null) == value
                        })
            };
            if !found.iter().any(|one| fits(&one)) {
                let told = crate::expr::value::to_tagged(error);
                failures.push(format!("inspection does not find {category} {told}"));
            }
        }
    }
}
