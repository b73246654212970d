//! `/actions`: what can be executed, and the views of it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::{attributes, blocking, unknown_reference};
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::json as answer;
use crate::api::http::paging::{Projection, answer_list};
use crate::api::http::query::Query;
use crate::content::pack_text;
use crate::model::{Action, Id, JsonMap};

/// `GET /actions`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    let items = matching(&state, &query)
        .iter()
        .map(|action| action.to_api())
        .collect();
    listed(items, &query, &caller, &state)
}

/// `GET /actions/{ref_or_id}`.
pub(crate) async fn get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
    query: Query,
) -> ApiResult {
    let shown = find(&state, &wanted)?.to_api();
    let model = [shown.clone()];
    let projection = Projection::of(&query, &attributes(&model, &[]))?;
    answer(StatusCode::OK, &projection.apply(shown))
}

/// `GET /actions/views/parameters/{ref_or_id}`: what a request may give, runner's and action's together.
pub(crate) async fn view_parameters(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    let action = find(&state, &wanted)?;
    answer(StatusCode::OK, &json!({"parameters": merged(&state, &action)}))
}

/// `GET /actions/views/overview`.
pub(crate) async fn views_overview(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    let items = matching(&state, &query)
        .iter()
        .map(|action| overview(&state, action))
        .collect();
    listed(items, &query, &caller, &state)
}

/// `GET /actions/views/overview/{ref_or_id}`.
pub(crate) async fn view_overview(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    let action = find(&state, &wanted)?;
    answer(StatusCode::OK, &overview(&state, &action))
}

/// `GET /actions/views/entry_point/{ref_or_id}`: the source text of the entry point.
pub(crate) async fn view_entry_point(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    let action = find(&state, &wanted)?;
    let file = format!("actions/{}", action.entry_point);
    let text = match &action.entry_point_text {
        Some(text) => Some(text.to_string()),
        None => {
            let pack = state.content().snapshot().packs.get(&action.pack).cloned();
            let wanted = file.clone();
            blocking(move || pack.map_or(Ok(None), |pack| pack_text(&pack, &wanted)))
                .await?
                .map_err(ApiError::bad_request)?
        }
    };
    let text = text.filter(|_| !action.entry_point.is_empty()).ok_or_else(|| {
        ApiError::not_found(format!(
            "Action \"{}\" has no entry point that could be shown",
            action.reference
        ))
    })?;
    let kind = match action.entry_point.rsplit('.').next() {
        Some("yaml" | "yml") => "application/x-yaml",
        _ => "text/plain; charset=UTF-8",
    };
    let mut response = Response::new(Body::from(text));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// The action with this reference or id.
pub(super) fn find(state: &ApiState, wanted: &str) -> ApiResult<Arc<Action>> {
    let snapshot = state.content().snapshot();
    if let Some(action) = snapshot.action(wanted) {
        return Ok(Arc::clone(action));
    }
    let by_id = wanted
        .parse::<Id>()
        .ok()
        .and_then(|id| snapshot.actions.values().find(|action| action.id() == id));
    by_id
        .cloned()
        .ok_or_else(|| unknown_reference(wanted, snapshot.nearest_action(wanted)))
}

/// Actions that the filters of the query leave, by reference.
fn matching(state: &ApiState, query: &Query) -> Vec<Arc<Action>> {
    let (packs, names, tags) = (query.list("pack"), query.list("name"), query.list("tags"));
    let snapshot = state.content().snapshot();
    snapshot
        .actions
        .values()
        .filter(|action| packs.is_empty() || packs.contains(&action.pack.as_str()))
        .filter(|action| names.is_empty() || names.contains(&action.name.as_str()))
        .filter(|action| tags.iter().all(|wanted| has_tag(action, wanted)))
        .cloned()
        .collect()
}

/// A tag is asked for by its name, or by name and value, `env:prod`.
fn has_tag(action: &Action, wanted: &str) -> bool {
    let (name, value) = wanted
        .split_once(':')
        .map_or((wanted, None), |(name, value)| (name, Some(value)));
    action.tags.as_array().is_some_and(|tags| {
        tags.iter()
            .any(|tag| tag["name"] == name && value.is_none_or(|value| tag["value"] == value))
    })
}

fn listed(items: Vec<Value>, query: &Query, caller: &Caller, state: &ApiState) -> ApiResult {
    let model: Vec<Value> = items.first().cloned().into_iter().collect();
    let known = attributes(
        &model,
        // Known even when there is no action to show them on.
        &[
            "id",
            "ref",
            "name",
            "pack",
            "description",
            "enabled",
            "runner_type",
            "parameters",
            "tags",
            "notify",
        ],
    );
    answer_list(items, query, caller, state, &known)
}

fn overview(state: &ApiState, action: &Action) -> Value {
    let mut shown = action.to_api();
    shown["parameters"] = Value::Object(merged(state, action));
    shown
}

/// The runner's parameters with what the action says about them, then the action's own.
pub(super) fn merged(state: &ApiState, action: &Action) -> JsonMap {
    let mut merged = state
        .engine()
        .runners()
        .get(&action.runner_type)
        .map(|runner| runner.spec().parameters.clone())
        .unwrap_or_default();
    for (name, schema) in &action.parameters {
        match (merged.get_mut(name), schema) {
            (Some(Value::Object(inherited)), Value::Object(own)) => inherited.extend(own.clone()),
            _ => {
                merged.insert(name.clone(), schema.clone());
            }
        }
    }
    merged
}
