//! Makes a driver's state from what is stored: at the start of a workflow, after a restart, and when a commit was refused.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::children::{self, Children};
use super::history;
use super::journal::{Journal, Pen};
use super::plans::{Flaws, check_notified};
use super::results::{ItemResults, TaskExecutions};
use super::veils::Veils;
use crate::engine::Reading;
use crate::engine::keys::{self, Around};
use crate::engine::prepared::FLOW;
use crate::engine::state::State;
use crate::expr::jinja::KeyLookup;
use crate::expr::template::Options;
use crate::expr::value::{Dict, Value, from_json};
use crate::model::{Execution, Id, JsonMap, Severity};
use crate::runners::FlowLanguage;
use crate::store::StoreError;
use crate::workflow::chain::{Chain, ChainParts};
use crate::workflow::conductor::Parts;
use crate::workflow::flow::{Flow, FlowParts};

/// Entries that are read at once.
const PAGE: u32 = 500;

/// A workflow as it is stored.
pub(super) struct Loaded {
    pub(super) flow: Flow,
    pub(super) pen: Pen,
    pub(super) children: Children,
    pub(super) items: ItemResults,
    pub(super) executions: Arc<TaskExecutions>,
    /// The tasks of a chain that have ended, as its result lists them.
    pub(super) listed: Vec<Json>,
    /// Secrets of failed children.
    pub(super) veils: Veils,
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
    let user = &execution.request.user;
    let keys = keys::reading(state, user);
    // What was hidden among its parameters stays so where it hands them on.
    let sealed = state
        .parts
        .key
        .sealed_texts(&execution.request.parameters, execution.id);
    sealed.iter().for_each(|secret| keys.take(secret));
    let executions = Arc::new(TaskExecutions::new(&text, Arc::clone(&keys)));
    let journal = journal(state, execution.id).await?;
    if journal.pen.number > 0 && text.contains("decrypt") {
        // Nobody knows any more which secrets it decrypted before: all that it could have are hidden.
        for secret in state.parts.keys.iter().flat_map(|source| source.secrets(user)) {
            keys.take(&secret);
        }
    }
    let parts = parts(state, execution, &text, &executions, &keys)?;
    let pen = journal.pen;
    let past = if pen.number == 0 {
        let (input, context) = match &parts {
            FlowParts::Workflow(_) => (
                dict(&Json::Object(finals(state, execution)?)),
                dict(&children::context(execution, &state.parts.api_url)),
            ),
            // They are among its parts.
            FlowParts::Chain(_) => (Dict::default(), Dict::default()),
        };
        (Flow::start(parts, &input, &context), history::Past::default())
    } else {
        let flow = Flow::restore(parts, journal.snapshot.as_deref(), journal.texts).map_err(|error| {
            Unfit::Store(StoreError::Corrupt {
                what: format!("execution {}: {error}", execution.id),
            })
        })?;
        let past = history::read(state, execution, &flow, &executions).await?;
        (flow, past)
    };
    let (flow, past) = past;
    Ok(Loaded {
        flow,
        pen,
        children: past.children,
        items: past.items,
        executions,
        listed: past.listed,
        veils: past.veils,
        missed: past.missed,
    })
}

/// What the flow of an execution works with.
fn parts(
    state: &Arc<State>,
    execution: &Execution,
    text: &str,
    executions: &Arc<TaskExecutions>,
    keys: &Arc<Reading>,
) -> Result<FlowParts, Unfit> {
    let runner = state.parts.runners.get(&execution.request.runner);
    if runner.and_then(|runner| runner.conducts()) == Some(FlowLanguage::ActionChain) {
        return chain_parts(state, execution, text, keys).map(FlowParts::Chain);
    }
    let evaluator = Arc::clone(&state.parts.evaluator);
    let plan = state
        .plans
        .get(digest(execution), text, &evaluator)
        .map_err(Unfit::Flawed)?;
    check_notified(&execution.request.parameters, &plan).map_err(Unfit::Flawed)?;
    Ok(FlowParts::Workflow(Parts {
        plan,
        evaluator,
        options: Options {
            legacy_reevaluate: state.parts.catalogue.reevaluates(pack_of(execution)),
        },
        outside: Arc::clone(executions) as Arc<_>,
    }))
}

/// What a chain works with. One that makes no sense has failed in the reference's words (CHN-3).
fn chain_parts(
    state: &Arc<State>,
    execution: &Execution,
    text: &str,
    keys: &Arc<Reading>,
) -> Result<ChainParts, Unfit> {
    let file = state
        .parts
        .catalogue
        .action(&execution.request.action)
        .map(|action| action.entry_point.clone());
    let report = Chain::read(text, file.as_deref().unwrap_or("chain"));
    let Some(chain) = report.chain else {
        let first = report
            .problems
            .iter()
            .find(|problem| problem.severity == Severity::Error);
        let told = first.map_or_else(String::new, ToString::to_string);
        let told = json!({"error": format!("Failed initializing action chain: {told}"), "traceback": told, "tasks": []});
        return Err(Unfit::Flawed(Arc::new(told)));
    };
    let mut parent = execution.context();
    parent.shift_insert(0, "execution_id".to_owned(), json!(execution.id));
    Ok(ChainParts {
        chain: Arc::new(chain),
        jinja: Arc::clone(&state.parts.jinja),
        parameters: Arc::new(finals(state, execution)?),
        action_context: Arc::new(json!({ "parent": parent })),
        config_context: Arc::new(Json::Object(keys::config(state, pack_of(execution), keys))),
        keys: Some(Arc::clone(keys) as Arc<dyn KeyLookup>),
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
        let error = json!({"type": "error", "message": message});
        Unfit::Flawed(Arc::new(json!({"errors": [error], "output": null})))
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

/// The journal of a workflow, from its last snapshot.
pub(super) async fn journal(state: &State, id: Id) -> Result<Journal, StoreError> {
    let mut journal = Journal::default();
    loop {
        let from = journal.pen.number;
        let page = state.parts.store.journal(id, from, PAGE).await?;
        for entry in &page {
            journal.add(entry, &state.parts.key)?;
        }
        if page.len() < PAGE as usize {
            return Ok(journal);
        }
    }
}

/// The final parameters of the workflow's own action: its input.
fn finals(state: &Arc<State>, execution: &Execution) -> Result<JsonMap, Unfit> {
    let request = &execution.request;
    let parameters = state.parts.key.open_all(&request.parameters, execution.id);
    let flawed = |message: String| {
        let error = json!({"type": "error", "message": message});
        Unfit::Flawed(Arc::new(json!({"errors": [error], "output": null})))
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
    let around = Around::new(state, &action.pack, &request.user, true);
    prepared
        .finals(&state.parts.jinja, parameters, &execution.context(), &around)
        .map_err(flawed)
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
