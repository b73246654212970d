//! `/runnertypes`: the ways an action can be carried out.

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::Value;

use super::attributes;
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::json;
use crate::api::http::paging::answer_list;
use crate::api::http::query::Query;

/// `GET /runnertypes`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    let names = query.list("name");
    let items: Vec<Value> = shown(&state)
        .filter(|runner| names.is_empty() || runner["name"].as_str().is_some_and(|name| names.contains(&name)))
        .collect();
    let model: Vec<Value> = items.clone();
    answer_list(items, &query, &caller, &state, &attributes(&model, &["output_key"]))
}

/// `GET /runnertypes/{name_or_id}`.
pub(crate) async fn get(State(state): State<ApiState>, _caller: Caller, Path(wanted): Path<String>) -> ApiResult {
    let found = shown(&state)
        .find(|runner| runner["name"] == wanted.as_str() || runner["id"] == wanted.as_str())
        .ok_or_else(|| ApiError::not_found(format!("Resource with a name or id \"{wanted}\" not found")))?;
    json(StatusCode::OK, &found)
}

/// Runners as clients of the reference see them: without an output key where there is none.
fn shown(state: &ApiState) -> impl Iterator<Item = Value> {
    state.engine().runners().specs().map(|spec| {
        let mut shown = spec.to_api();
        if let Some(map) = shown.as_object_mut()
            && map.get("output_key").is_some_and(Value::is_null)
        {
            map.shift_remove("output_key");
        }
        shown
    })
}
