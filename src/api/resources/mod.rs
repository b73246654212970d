//! The handlers, one file per resource.

pub(crate) mod actions;
pub(crate) mod alias_execution;
pub(crate) mod aliases;
pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod executions;
pub(crate) mod gc;
pub(crate) mod inquiries;
pub(crate) mod keys;
pub(crate) mod packs;
pub(crate) mod people;
pub(crate) mod policies;
pub(crate) mod rights;
pub(crate) mod rules;
pub(crate) mod runners;
pub(crate) mod schedules;
pub(crate) mod sensors;
pub(crate) mod server;
pub(crate) mod traces;
pub(crate) mod triggers;
pub(crate) mod user;
pub(crate) mod webhooks;
pub(crate) mod workflows;

use crate::api::http::error::{ApiError, ApiResult};

/// 404 for things that are found by reference or id.
fn unknown_reference(reference: &str, nearest: Option<&str>) -> ApiError {
    ApiError::not_found(format!(
        "Resource with a reference or id \"{reference}\" not found{}",
        did_you_mean(nearest)
    ))
}

/// What follows a sentence about a name that does not exist.
fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(". Did you mean \"{nearest}\"?"))
}

/// Attributes of a resource, from one of its items: those that lists can be projected to.
fn attributes<'a>(items: &'a [serde_json::Value], always: &[&'a str]) -> Vec<&'a str> {
    let mut known: Vec<&str> = always.to_vec();
    if let Some(map) = items.first().and_then(serde_json::Value::as_object) {
        known.extend(map.keys().map(String::as_str));
    }
    known
}

/// Runs what may take long (files, large lists) without holding up other requests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> ApiResult<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(&error))
}
