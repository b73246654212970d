//! Actions made ready to run: parameters compiled, definition written out, once per digest.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::keys::Around;
use super::state::State;
use super::{Definition, SecretKey, apart};
use crate::expr::jinja::{Jinja, KeyLookup};
use crate::model::{Action, Execution, Id, JsonMap, Status};
use crate::params::{self, CompiledParameters, OutputSchema, ParamError, ParamLimits, RenderContext};
use crate::rules::{Facts, Rule, Surroundings};
use crate::runners::Runner;

/// Key of a workflow's text in the stored definition of its action.
pub(super) const FLOW: &str = "workflow";

/// So many digests are kept; beyond it a cache starts anew (a storm of reloads, not normal life).
const CACHE_LIMIT: usize = 20_000;

/// An action ready to be requested and run.
pub(super) struct Prepared {
    parameters: CompiledParameters,
    output: OutputSchema,
    document: Value,
}

/// Prepared actions and definitions by digest.
#[derive(Default)]
pub(super) struct PreparedCache {
    prepared: Mutex<HashMap<String, Arc<Prepared>>>,
    definitions: Mutex<HashMap<String, Arc<Definition>>>,
    /// Digests whose definition is in the store.
    stored: Mutex<HashSet<String>>,
}

impl PreparedCache {
    /// The action made ready; compiled at the first use of its digest.
    pub(super) fn get(&self, action: &Action, runner: &dyn Runner) -> Result<Arc<Prepared>, String> {
        if let Some(prepared) = self.prepared.lock().get(&action.digest) {
            return Ok(Arc::clone(prepared));
        }
        let prepared = Arc::new(Prepared::new(action, runner)?);
        let definition =
            Definition::from_document(prepared.document.clone()).map_err(|error| error.to_string())?;
        insert(&self.prepared, &action.digest, &prepared);
        insert(&self.definitions, &action.digest, &Arc::new(definition));
        Ok(prepared)
    }

    /// The definition with this digest, when it is in memory.
    pub(super) fn definition(&self, digest: &str) -> Option<Arc<Definition>> {
        self.definitions.lock().get(digest).cloned()
    }

    /// Keeps a definition that was read from the store.
    pub(super) fn remember(&self, digest: &str, definition: &Arc<Definition>) {
        insert(&self.definitions, digest, definition);
    }

    /// Whether the definition with this digest is in the store.
    pub(super) fn is_stored(&self, digest: &str) -> bool {
        self.stored.lock().contains(digest)
    }

    /// The definition with this digest is in the store now.
    pub(super) fn mark_stored(&self, digest: &str) {
        let mut stored = self.stored.lock();
        if !stored.contains(digest) {
            stored.insert(digest.to_owned());
        }
    }
}

fn insert<T>(cache: &Mutex<HashMap<String, Arc<T>>>, digest: &str, value: &Arc<T>) {
    let mut cache = cache.lock();
    if cache.len() >= CACHE_LIMIT {
        cache.clear();
    }
    cache.insert(digest.to_owned(), Arc::clone(value));
}

/// The action of an execution made ready: as it was when it was accepted while that is known, else as it is now; `None`
/// when it is gone.
pub(super) fn of(state: &State, execution: &Execution) -> Option<Arc<Prepared>> {
    let accepted = state
        .prepared
        .prepared
        .lock()
        .get(&execution.request.digest)
        .cloned();
    if accepted.is_some() {
        return accepted;
    }
    let action = state.parts.catalogue.action(&execution.request.action)?;
    let runner = state.parts.runners.get(&action.runner_type)?;
    state.prepared.get(&action, &**runner).ok()
}

impl Prepared {
    fn new(action: &Action, runner: &dyn Runner) -> Result<Self, String> {
        let conducts = runner.conducts().is_some();
        let runner = runner.spec();
        let parameters =
            CompiledParameters::compile(&runner.parameters, &action.parameters).map_err(|problems| {
                let first = problems
                    .iter()
                    .find(|problem| problem.severity == params::Severity::Error);
                let why = first.map_or_else(String::new, |problem| {
                    format!("{}: {}", problem.path, problem.message)
                });
                format!(
                    "the action `{}` declares its parameters wrongly: {why}",
                    action.reference
                )
            })?;
        let output = OutputSchema::new(&action.output_schema, runner.output_key).map_err(|why| {
            format!(
                "the action `{}` has a wrong output_schema: {why}",
                action.reference
            )
        })?;
        let mut document = json!({"action": action.to_api(), "runner": runner.to_api()});
        // What a workflow runs is what was accepted, whatever becomes of the file.
        if conducts {
            document[FLOW] = json!(action.entry_point_text);
        }
        Ok(Self {
            parameters,
            output,
            document,
        })
    }

    /// `{action, runner}` as API clients see them.
    pub(super) fn definition_document(&self) -> Value {
        self.document.clone()
    }

    /// Live parameters: `given` rendered, cast and validated, `data` taken as it is.
    pub(super) fn live(
        &self,
        jinja: &Jinja,
        given: JsonMap,
        data: JsonMap,
        context: &JsonMap,
        around: &Around<'_>,
    ) -> Result<JsonMap, ParamError> {
        let limits = ParamLimits::default();
        let live = |given, context: &RenderContext| {
            params::live(jinja, &limits, &self.parameters, given, data, context)
        };
        match render_context(&self.parameters, &given, context, around) {
            Some(context) => apart(|| live(given, &context)),
            None => live(given, &RenderContext::default()),
        }
    }

    /// The parameters that a rule gives for an event.
    pub(super) fn rule_parameters(
        &self,
        rule: &Rule,
        facts: &Facts<'_>,
        around: &Surroundings,
    ) -> Result<JsonMap, ParamError> {
        rule.parameters(facts, &self.parameters, &ParamLimits::default(), around)
    }

    /// Final parameters: every declared one has a value.
    pub(super) fn finals(
        &self,
        jinja: &Jinja,
        live: JsonMap,
        context: &JsonMap,
        around: &Around<'_>,
    ) -> Result<JsonMap, String> {
        let limits = ParamLimits::default();
        let finals = |live, context: &RenderContext| {
            params::final_params(jinja, &limits, &self.parameters, live, context)
        };
        match render_context(&self.parameters, &live, context, around) {
            Some(context) => apart(|| finals(live, &context)),
            None => finals(live, &RenderContext::default()),
        }
        .map_err(|error| error.explain())
    }

    /// Texts of the secret parameters, to be removed from the sentence that was typed.
    pub(super) fn secret_texts(&self, parameters: &JsonMap) -> Vec<String> {
        let mut texts = Vec::new();
        let mut copy = parameters.clone();
        params::each_secret(&mut copy, &self.parameters, &mut |value| match value {
            Value::Null | Value::Bool(_) => {}
            Value::String(text) => texts.push(text.clone()),
            other => texts.push(other.to_string()),
        });
        texts
    }

    /// The parameters with secret values sealed for the execution.
    pub(super) fn seal_parameters(&self, parameters: &JsonMap, key: &SecretKey, owner: Id) -> JsonMap {
        let mut sealed = parameters.clone();
        params::each_secret(&mut sealed, &self.parameters, &mut |value| {
            *value = key.seal(value, owner)
        });
        sealed
    }

    /// The result with the values sealed that the output schema declares secret.
    pub(super) fn seal_result(&self, mut result: Value, key: &SecretKey, owner: Id) -> Value {
        self.output
            .each_secret(&mut result, &mut |value| *value = key.seal(value, owner));
        result
    }

    /// Status and result after the output schema was applied: a result that does not fit fails (ACT-18).
    pub(super) fn check_result(&self, status: Status, result: Value, validate: bool) -> (Status, Value) {
        if !validate || status != Status::Succeeded {
            return (status, result);
        }
        match self.output.problem(&result) {
            None => (status, result),
            Some(problem) => {
                let error = format!("the result does not fit the action's output_schema: {problem}");
                (
                    Status::Failed,
                    json!({"error": error, "message": "Error validating output. See error output for more details."}),
                )
            }
        }
    }
}

/// What templates of parameters see; `None` when nothing is a template.
fn render_context(
    compiled: &CompiledParameters,
    values: &JsonMap,
    context: &JsonMap,
    around: &Around<'_>,
) -> Option<RenderContext> {
    if !compiled.has_templated_defaults() && !params::any_template(values) {
        return None;
    }
    Some(RenderContext {
        action_context: Arc::new(Value::Object(context.clone())),
        config_context: Arc::new(around.config()),
        keys: Some(Arc::clone(around.keys()) as Arc<dyn KeyLookup>),
        given_keys: around.given().map(|keys| keys as Arc<dyn KeyLookup>),
        extra: Vec::new(),
    })
}
