//! Workflows made ready, once per text.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::expr::template::Evaluator;
use crate::model::JsonMap;
use crate::workflow::conductor::Plan;
use crate::workflow::definition::{Document, Workflow};
use crate::workflow::inspect::Inspector;

/// So many are kept; beyond it the cache starts anew.
const LIMIT: usize = 5000;

/// Why a workflow cannot be run, as the result of its execution.
pub(super) type Flaws = Arc<Value>;

/// Plans by the digest of their action.
#[derive(Default)]
pub(in crate::engine) struct Plans {
    known: Mutex<HashMap<String, Result<Arc<Plan>, Flaws>>>,
}

impl Plans {
    /// The plan of a text; made at the first use of its digest.
    pub(super) fn get(&self, digest: &str, text: &str, evaluator: &Evaluator) -> Result<Arc<Plan>, Flaws> {
        if let Some(known) = self.known.lock().get(digest) {
            return known.clone();
        }
        let plan = make(text, evaluator).map(Arc::new).map_err(Arc::new);
        let mut known = self.known.lock();
        if known.len() >= LIMIT {
            known.clear();
        }
        known.insert(digest.to_owned(), plan.clone());
        plan
    }
}

/// Variables that every workflow has: what it is part of.
pub(super) const CONTEXT: [&str; 2] = ["st2", "parent"];

fn make(text: &str, evaluator: &Evaluator) -> Result<Plan, Value> {
    let names = CONTEXT.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let report = Inspector::new(evaluator).with_context(names).inspect_text(text);
    if !report.is_valid() {
        let mut errors: Vec<_> = report.errors.iter().map(|found| found.to_error(text)).collect();
        let place = |error: &Value, key: &str| error[key].as_str().unwrap_or_default().to_owned();
        errors.sort_by_cached_key(|error| (place(error, "type"), place(error, "schema_path")));
        return Err(json!({"errors": errors, "output": null}));
    }
    let document = Document::parse(text).map_err(|error| {
        let error = json!({"type": "syntax", "message": error.to_string()});
        json!({"errors": [error], "output": null})
    })?;
    Ok(Plan::new(Arc::new(Workflow::read(&document)), evaluator))
}

/// Refuses a workflow whose parameter `notify` lists tasks that it does not define (NOT-7).
pub(super) fn check_notified(parameters: &JsonMap, plan: &Plan) -> Result<(), Flaws> {
    let listed = parameters.get("notify").and_then(Value::as_array);
    let names = listed.into_iter().flatten().filter_map(Value::as_str);
    let unknown: Vec<_> = names.filter(|name| !plan.has_task(name)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let message = format!(
        "The following tasks in the notify parameter do not exist in the workflow definition: {}.",
        unknown.join(", ")
    );
    let error = json!({"type": "error", "message": message});
    Err(Arc::new(json!({"errors": [error], "output": null})))
}
