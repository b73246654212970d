//! Makes a driver's state from what is stored: at the start of a workflow, after a restart, and when a commit was refused.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::children::{self, Child, Children};
use super::journal;
use super::plans::Flaws;
use super::results::{ItemResults, TaskExecutions, TaskKey};
use crate::engine::prepared::FLOW;
use crate::engine::state::State;
use crate::expr::template::Options;
use crate::expr::value::{Dict, Value, from_json};
use crate::model::{Execution, Id};
use crate::store::{ExecutionFilter, Page, SortOrder, StoreError};
use crate::workflow::conductor::{self, Conductor, Delta, Parts};

/// Entries and executions that are read at once.
const PAGE: u32 = 500;

/// A workflow as it is stored.
pub(super) struct Loaded {
    pub(super) conductor: Conductor,
    /// Number of the next journal entry.
    pub(super) number: u64,
    pub(super) children: Children,
    pub(super) items: ItemResults,
    pub(super) executions: Arc<TaskExecutions>,
    /// Children that ended without the workflow hearing of it, because its driver had given up.
    pub(super) missed: Vec<Arc<Execution>>,
}

/// Why there is no driver.
pub(super) enum Unfit {
    /// The definition cannot be run; this is the execution's result.
    Flawed(Flaws),
    Store(StoreError),
}

impl From<StoreError> for Unfit {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Reads everything.
pub(super) async fn load(state: &Arc<State>, execution: &Execution) -> Result<Loaded, Unfit> {
    let text = text(state, execution).await?;
    let evaluator = Arc::clone(&state.parts.evaluator);
    let plan = state
        .plans
        .get(&execution.request.digest, &text, &evaluator)
        .map_err(Unfit::Flawed)?;
    let executions = Arc::new(TaskExecutions::new(&text));
    let parts = Parts {
        plan,
        evaluator,
        options: Options::default(),
        outside: Arc::clone(&executions) as Arc<_>,
    };
    let (deltas, number) = deltas(state, execution.id).await?;
    let (mut children, mut items) = (Children::default(), ItemResults::default());
    let mut missed = Vec::new();
    let conductor = if number == 0 {
        begin(state, execution, parts)?
    } else {
        let conductor = Conductor::restore(parts, deltas);
        missed = read_children(
            state,
            execution.id,
            &conductor,
            &executions,
            &mut children,
            &mut items,
        )
        .await?;
        conductor
    };
    Ok(Loaded {
        conductor,
        number,
        children,
        items,
        executions,
        missed,
    })
}

/// The text that was accepted: from the catalogue while it is still the same, else as it was stored.
async fn text(state: &State, execution: &Execution) -> Result<Arc<str>, Unfit> {
    let request = &execution.request;
    let current = state
        .parts
        .catalogue
        .action(&request.action)
        .filter(|action| action.digest == request.digest);
    if let Some(text) = current.and_then(|action| action.entry_point_text.clone()) {
        return Ok(text);
    }
    let document = state.parts.store.definition(request.digest.clone()).await?;
    let text = document.as_ref().and_then(|document| document[FLOW].as_str());
    text.map(Arc::from).ok_or_else(|| {
        let message = format!("the definition of {} as it was accepted is gone", request.action);
        let error = serde_json::json!({"type": "error", "message": message});
        Unfit::Flawed(Arc::new(serde_json::json!({"errors": [error], "output": null})))
    })
}

/// All deltas, and the number of the next entry.
pub(super) async fn deltas(state: &State, id: Id) -> Result<(Vec<Delta>, u64), StoreError> {
    let (mut deltas, mut number) = (Vec::new(), 0);
    loop {
        let page = state.parts.store.journal(id, number, PAGE).await?;
        let full = page.len() == PAGE as usize;
        for entry in &page {
            deltas.extend(journal::read(entry, &state.parts.key)?);
            number = entry.number + 1;
        }
        if !full {
            return Ok((deltas, number));
        }
    }
}

/// A workflow that begins: every parameter of its action is an input.
fn begin(state: &Arc<State>, execution: &Execution, parts: Parts) -> Result<Conductor, Unfit> {
    let request = &execution.request;
    let parameters = state.parts.key.open_all(&request.parameters, execution.id);
    let flawed = |message: String| {
        let error = serde_json::json!({"type": "error", "message": message});
        Unfit::Flawed(Arc::new(serde_json::json!({"errors": [error], "output": null})))
    };
    let action = state
        .parts
        .catalogue
        .action(&request.action)
        .ok_or_else(|| flawed(format!("the action `{}` is gone", request.action)))?;
    let prepared = state
        .parts
        .runners
        .get(&action.runner_type)
        .ok_or_else(|| format!("the runner `{}` is gone", action.runner_type))
        .and_then(|runner| state.prepared.get(&action, &**runner))
        .map_err(flawed)?;
    let config = state.parts.catalogue.config(&action.pack);
    let input = prepared
        .finals(&state.parts.jinja, parameters, &execution.context(), &config)
        .map_err(flawed)?;
    let context = children::context(execution, &state.parts.api_url);
    Ok(Conductor::new(
        parts,
        &dict(&Json::Object(input)),
        &dict(&context),
    ))
}

fn dict(json: &Json) -> Dict {
    match from_json(json) {
        Value::Dict(dict) => dict,
        _ => Dict::default(),
    }
}

/// Children that have not ended, and the results that may still be asked for.
async fn read_children(
    state: &State,
    workflow: Id,
    conductor: &Conductor,
    executions: &TaskExecutions,
    children: &mut Children,
    items: &mut ItemResults,
) -> Result<Vec<Arc<Execution>>, StoreError> {
    // Places at work, and the last child that was asked for in each.
    let mut last: HashMap<(TaskKey, Option<usize>), Option<Id>> = at_work(conductor);
    let unfinished_items: Vec<_> = conductor
        .staged()
        .filter_map(|staged| {
            let count = staged.items.as_ref()?.statuses().len();
            Some(((Arc::clone(&staged.id), staged.route), count))
        })
        .collect();
    for (key, count) in &unfinished_items {
        items.begin(key.clone(), *count);
    }
    let mut page = Page {
        order: SortOrder::Ascending,
        limit: Some(PAGE),
        ..Page::default()
    };
    loop {
        let filter = ExecutionFilter {
            parent: Some(workflow),
            ..ExecutionFilter::default()
        };
        let found = state.parts.store.executions(filter, page.clone()).await?.items;
        for child in &found {
            let Some((task, item, _)) = children::place(child) else {
                continue;
            };
            if let Some(last) = last.get_mut(&(task.clone(), item)) {
                *last = child.status.is_completed().then_some(child.id);
            }
            if !child.status.is_completed() {
                let runner = state.parts.runners.get(&child.request.runner);
                children.insert(
                    child.id,
                    Child {
                        status: child.status,
                        conducted: runner.is_some_and(|runner| runner.conducts().is_some()),
                    },
                );
                continue;
            }
            let asked = match item {
                Some(_) => unfinished_items.iter().any(|(key, _)| *key == task),
                None => executions.wanted(),
            };
            if !asked {
                continue;
            }
            // Lists carry no results.
            if let Some(whole) = state.parts.store.execution(child.id).await? {
                let result = super::heard::result_of(state, &whole);
                match item {
                    Some(item) => items.set(&task, item, result),
                    None => executions.set(task.clone(), super::heard::task_shown(&whole, &task, &result)),
                }
            }
        }
        match found.last() {
            Some(last) if found.len() == PAGE as usize => page.after = Some(last.id),
            _ => break,
        }
    }
    let mut missed: Vec<Id> = last.into_values().flatten().collect();
    missed.sort_unstable();
    let mut ended = Vec::with_capacity(missed.len());
    for id in missed {
        ended.extend(state.parts.store.execution(id).await?.map(Arc::new));
    }
    Ok(ended)
}

/// Tasks and items that the conductor takes to be at work.
fn at_work(conductor: &Conductor) -> HashMap<(TaskKey, Option<usize>), Option<Id>> {
    let mut places = HashMap::new();
    let busy = |status: conductor::Status| !status.is_completed() && status != conductor::Status::Null;
    for (index, entry) in conductor.sequence().iter().enumerate() {
        if busy(entry.status) && conductor.latest(&entry.id, entry.route) == Some(index) {
            places.insert(((Arc::clone(&entry.id), entry.route), None), None);
        }
    }
    for staged in conductor.staged() {
        let statuses = staged.items.as_ref().map_or(&[][..], |items| items.statuses());
        for (item, status) in statuses.iter().enumerate() {
            if busy(*status) {
                places.insert(((Arc::clone(&staged.id), staged.route), Some(item)), None);
            }
        }
    }
    places
}
