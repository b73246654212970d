//! What has become of a workflow: its execution and those below it as a tree of tasks.
//!
//! It is made from executions as the API shows them; of each it needs `id`, `parent`, `status`, `start_timestamp`,
//! `end_timestamp`, `action.ref`, `action.runner_type`, `context` and, of those that failed, `result`.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde_json::Value;

use crate::model::visible;

/// Runners whose executions have tasks.
pub const RUNNERS: [&str; 3] = ["orquesta", "action-chain", "mistral-v2"];
/// Deepest nesting of workflows that is shown.
const MAX_DEPTH: usize = 20;
/// Most workflows among the items of a task that are shown with their own tasks.
const ITEMS_SHOWN: usize = 3;
/// Longest reason of a failure, in characters.
const REASON: usize = 200;

/// The execution of a workflow or chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// The workflow itself.
    pub run: Run,
    /// In order of start.
    pub tasks: Vec<Task>,
    /// What went wrong besides its tasks.
    pub reasons: Vec<String>,
}

/// What is shown of one execution.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Reference of its action.
    pub action: String,
    /// Its status.
    pub status: String,
    /// When it was requested.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// A task that was started: one execution of it, or one for each item.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// Status of all its executions together, and the execution that matters most: the first that failed or waits.
    pub run: Run,
    /// How often it was tried, when that is more than once.
    pub tries: usize,
    /// Its items, when it has some.
    pub items: Option<Items>,
    /// Why it failed.
    pub reason: Option<String>,
    /// Its own tasks, when it is a workflow; of several items those that did not succeed.
    pub inner: Vec<Flow>,
}

/// The items of a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Items {
    /// Items that ended.
    pub ended: usize,
    /// Items that failed.
    pub failed: usize,
    /// Items altogether.
    pub all: usize,
}

/// Whether nothing more happens in this status.
#[must_use]
pub fn is_over(status: &str) -> bool {
    matches!(
        status,
        "succeeded" | "failed" | "timeout" | "abandoned" | "canceled"
    )
}

/// Whether this status is a failure.
#[must_use]
pub fn is_failed(status: &str) -> bool {
    matches!(status, "failed" | "timeout" | "abandoned")
}

/// Whether an execution, as the API gives it, has tasks.
#[must_use]
pub fn is_flow(execution: &Value) -> bool {
    let runner = attribute(execution, "action.runner_type").as_str();
    runner.is_some_and(|runner| RUNNERS.contains(&runner))
}

/// The name of the task that a child execution belongs to.
#[must_use]
pub fn task_name(execution: &Value) -> &str {
    ["context.orquesta.task_name", "context.chain.name", "action.ref"]
        .into_iter()
        .find_map(|path| attribute(execution, path).as_str())
        .unwrap_or("?")
}

/// What a path of keys leads to; `null` when there is nothing.
fn attribute<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(object, |value, key| &value[key])
}

impl Run {
    /// Of an execution as the API gives it.
    #[must_use]
    pub fn of(execution: &Value) -> Self {
        let text = |path: &str| visible(attribute(execution, path).as_str().unwrap_or_default());
        let time = |path: &str| {
            attribute(execution, path)
                .as_str()
                .and_then(|text| text.parse().ok())
        };
        Self {
            id: text("id"),
            action: text("action.ref"),
            status: text("status"),
            started: time("start_timestamp"),
            ended: time("end_timestamp"),
        }
    }

    /// Seconds that it took, or has taken so far.
    #[must_use]
    pub fn seconds(&self, now: Timestamp) -> Option<f64> {
        let end = match self.ended {
            Some(end) => end,
            None if is_over(&self.status) => return None,
            None => now,
        };
        Some((end.duration_since(self.started?).as_secs_f64()).max(0.0))
    }
}

impl Flow {
    /// The tree below `root`, from it and its descendants in any order.
    #[must_use]
    pub fn of(root: &Value, descendants: &[Value]) -> Self {
        let mut children: HashMap<&str, Vec<&Value>> = HashMap::new();
        for one in descendants {
            if let Some(parent) = one["parent"].as_str() {
                children.entry(parent).or_default().push(one);
            }
        }
        for siblings in children.values_mut() {
            siblings.sort_by_key(|one| {
                let text = |path| one[path].as_str().unwrap_or_default();
                (text("start_timestamp"), text("id"))
            });
        }
        Self::below(root, &children, 0)
    }

    fn below(root: &Value, children: &HashMap<&str, Vec<&Value>>, depth: usize) -> Self {
        let run = Run::of(root);
        let mut errors = Errors::of(&root["result"]);
        let mut groups: Vec<(String, Vec<&Value>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let own = children.get(root["id"].as_str().unwrap_or_default());
        for child in own.into_iter().flatten() {
            let context = &child["context"]["orquesta"];
            let key = match context["task_execution_id"].as_str() {
                Some(id) => id.to_owned(),
                None => child["id"].as_str().unwrap_or_default().to_owned(),
            };
            let place = *places.entry(key.clone()).or_insert(groups.len());
            if place == groups.len() {
                groups.push((key, Vec::new()));
            }
            groups[place].1.push(child);
        }
        let mut tasks: Vec<Task> = groups
            .iter()
            .map(|(_, runs)| task(runs, children, depth, &mut errors))
            .collect();
        // A task that never got an execution failed before it: its parameters could not be made, for instance.
        let reasons = errors.rest(&mut tasks);
        Self { run, tasks, reasons }
    }
}

fn task(runs: &[&Value], children: &HashMap<&str, Vec<&Value>>, depth: usize, errors: &mut Errors) -> Task {
    let item = |run: &Value| run["context"]["orquesta"]["item_id"].as_u64();
    // The last try of each item counts.
    let mut latest: BTreeMap<Option<u64>, &Value> = BTreeMap::new();
    for run in runs {
        latest.insert(item(run), run);
    }
    let with_items = latest.keys().any(Option::is_some);
    let status = |run: &&Value| run["status"].as_str().unwrap_or_default().to_owned();
    let rank = |status: &str| match status {
        "pending" => 0,
        "failed" | "timeout" | "abandoned" => 1,
        "paused" | "pausing" => 2,
        "running" | "canceling" | "resuming" => 3,
        "requested" | "scheduled" | "delayed" => 4,
        "canceled" => 5,
        _ => 6,
    };
    let shown = latest.values().min_by_key(|run| rank(&status(run))).copied();
    let shown = shown.unwrap_or(&Value::Null);
    let mut run = Run::of(shown);
    let mut items = None;
    if with_items {
        let states: Vec<String> = latest.values().map(status).collect();
        let first = &runs[0]["context"]["orquesta"];
        let known = first["items_count"]
            .as_u64()
            .and_then(|count| usize::try_from(count).ok());
        let all = known.unwrap_or(0).max(states.len());
        let counted = Items {
            ended: states.iter().filter(|status| is_over(status)).count(),
            failed: states.iter().filter(|status| is_failed(status)).count(),
            all,
        };
        let active = states
            .iter()
            .find(|status| !is_over(status) && *status != "pending");
        if run.status != "pending"
            && let Some(active) = active
        {
            run.status.clone_from(active);
        }
        items = Some(counted);
    }
    run.started = runs.iter().filter_map(|one| Run::of(one).started).min();
    run.ended = if is_over(&run.status) {
        latest.values().filter_map(|one| Run::of(one).ended).max()
    } else {
        None
    };
    let name = visible(task_name(shown));
    let route = shown["context"]["orquesta"]["task_route"].as_i64().unwrap_or(0);
    let told = errors.take(&name, route);
    let reason = is_failed(&run.status).then(|| reason(shown).or(told)).flatten();
    let mut inner: Vec<Flow> = Vec::new();
    if depth < MAX_DEPTH {
        let flows = latest.values().filter(|run| is_flow(run));
        let wanted = flows.filter(|run| !with_items || run["status"] != "succeeded");
        inner.extend(
            wanted
                .take(ITEMS_SHOWN)
                .map(|run| Flow::below(run, children, depth + 1)),
        );
    }
    Task {
        name,
        run,
        tries: if with_items { 1 } else { runs.len().max(1) },
        items,
        // What its tasks say is told below it.
        reason: reason.filter(|_| {
            inner
                .iter()
                .all(|flow| flow.tasks.iter().all(|task| task.reason.is_none()))
        }),
        inner,
    }
}

/// The errors that a workflow's result lists, until a task has taken them.
struct Errors(Vec<(Option<String>, i64, String)>);

impl Errors {
    fn of(result: &Value) -> Self {
        let listed = result["errors"].as_array().into_iter().flatten();
        Self(
            listed
                .filter_map(|one| {
                    let task = one["task_id"].as_str().map(visible);
                    let message = reason(one).or_else(|| one["message"].as_str().and_then(one_line))?;
                    Some((task, one["route"].as_i64().unwrap_or(0), message))
                })
                .collect(),
        )
    }

    fn take(&mut self, task: &str, route: i64) -> Option<String> {
        let fits = |one: &(Option<String>, i64, String)| one.0.as_deref() == Some(task) && one.1 == route;
        let place = self.0.iter().position(fits)?;
        Some(self.0.remove(place).2)
    }

    /// What no task took: of a task that has a reason already nothing, the rest in words.
    fn rest(self, tasks: &mut [Task]) -> Vec<String> {
        let mut rest = Vec::new();
        for (task, _, message) in self.0 {
            let text = match &task {
                Some(name) => {
                    if let Some(task) = tasks
                        .iter_mut()
                        .find(|task| task.name == *name && is_failed(&task.run.status))
                    {
                        task.reason.get_or_insert(message);
                        continue;
                    }
                    format!("{name}: {message}")
                }
                None => message,
            };
            if !rest.contains(&text) {
                rest.push(text);
            }
        }
        rest
    }
}

/// Why an execution failed, in one line: from its result.
#[must_use]
pub fn reason(execution: &Value) -> Option<String> {
    let result = &execution["result"];
    let listed = || {
        let errors = result["errors"].as_array()?;
        errors
            .iter()
            .find_map(|one| reason(one).or_else(|| one["message"].as_str().and_then(one_line)))
    };
    let last_line = |name: &str| {
        let text = result[name].as_str()?;
        text.lines().rev().find_map(one_line)
    };
    let exit = || {
        let code = result["return_code"]
            .as_i64()
            .or_else(|| result["exit_code"].as_i64())?;
        (code != 0).then(|| format!("exit status {code}"))
    };
    let status = || match execution["status"].as_str()? {
        "timeout" => Some("it took longer than it may".to_owned()),
        "abandoned" => Some("nobody knows how it ended: the service stopped meanwhile".to_owned()),
        _ => None,
    };
    let texts = ["error", "message"].into_iter();
    listed()
        .or_else(|| texts.filter_map(|name| result[name].as_str()).find_map(one_line))
        .or_else(|| last_line("stderr"))
        .or_else(|| {
            result["status_code"]
                .as_i64()
                .map(|code| format!("HTTP status {code}"))
        })
        .or_else(exit)
        .or_else(status)
        .or_else(|| result.as_str().and_then(one_line))
}

/// The first line that is not empty, without control characters.
fn one_line(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let mut line = visible(line);
    if let Some((end, _)) = line.char_indices().nth(REASON) {
        line.truncate(end);
        line.push('…');
    }
    Some(line)
}
