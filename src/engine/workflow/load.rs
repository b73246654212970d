//! Makes a driver's state from what is stored: at the start of a workflow, after a restart, and when a commit was refused.

use std::sync::Arc;

use serde_json::Value as Json;

use super::children::{self, Children};
use super::plans::Flaws;
use super::results::{ItemResults, TaskExecutions};
use super::{history, journal};
use crate::engine::prepared::FLOW;
use crate::engine::state::State;
use crate::expr::template::Options;
use crate::expr::value::{Dict, Value, from_json};
use crate::model::{Execution, Id};
use crate::store::StoreError;
use crate::workflow::conductor::{Conductor, Delta, Parts};

/// Entries that are read at once.
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
        .get(digest(execution), &text, &evaluator)
        .map_err(Unfit::Flawed)?;
    let executions = Arc::new(TaskExecutions::new(&text));
    let parts = Parts {
        plan,
        evaluator,
        options: Options {
            legacy_reevaluate: state.parts.catalogue.reevaluates(pack_of(execution)),
        },
        outside: Arc::clone(&executions) as Arc<_>,
    };
    let (deltas, number) = deltas(state, execution.id).await?;
    let (mut children, mut items) = (Children::default(), ItemResults::default());
    let mut missed = Vec::new();
    let conductor = if number == 0 {
        begin(state, execution, parts)?
    } else {
        let conductor = Conductor::restore(parts, deltas);
        let past = history::read(state, execution, &conductor, &executions).await?;
        (children, items, missed) = (past.children, past.items, past.missed);
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
pub(super) async fn text(state: &State, execution: &Execution) -> Result<Arc<str>, Unfit> {
    let request = &execution.request;
    let current = state
        .parts
        .catalogue
        .action(&request.action)
        .filter(|action| action.digest == digest(execution));
    if let Some(text) = current.and_then(|action| action.entry_point_text.clone()) {
        return Ok(text);
    }
    let document = state.parts.store.definition(digest(execution).to_owned()).await?;
    let text = document.as_ref().and_then(|document| document[FLOW].as_str());
    text.map(Arc::from).ok_or_else(|| {
        let message = format!("the definition of {} as it was accepted is gone", request.action);
        let error = serde_json::json!({"type": "error", "message": message});
        Unfit::Flawed(Arc::new(serde_json::json!({"errors": [error], "output": null})))
    })
}

/// Digest of the action whose definition an execution runs.
pub(super) fn digest(execution: &Execution) -> &str {
    let request = &execution.request;
    request
        .continues
        .as_ref()
        .map_or(&request.digest, |continues| &continues.digest)
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

fn pack_of(execution: &Execution) -> &str {
    let action = &execution.request.action;
    action.split_once('.').map_or(action, |(pack, _)| pack)
}
