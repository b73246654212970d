//! `/traces`: what followed from one event or request (TRC).

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::Value;

use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::error::{ApiError, ApiResult, unknown_id};
use crate::api::http::json as answer;
use crate::api::http::paging::Paging;
use crate::api::http::query::Query;
use crate::events::TraceFilter;
use crate::model::Id;

/// Parts of each trace in a list.
const IN_LISTS: usize = 100;
/// Parts of a trace that is shown alone.
const ALONE: usize = 10_000;

/// `GET /traces`, newest first.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let paging = Paging::of(&query, &caller, &state)?;
    let id = |name: &str| -> ApiResult<Option<Id>> {
        let parsed = query.text(name).map(|text| {
            text.parse::<Id>()
                .map_err(|_| ApiError::bad_request(format!("`{text}` is no id")))
        });
        parsed.transpose()
    };
    let rule = match query.text("rule") {
        Some(wanted) => Some(super::rules::reference_of(state.events(), wanted)?),
        None => None,
    };
    let filter = TraceFilter {
        tag: query.text("trace_tag").map(str::to_owned),
        execution: id("execution")?,
        instance: id("trigger_instance")?,
        rule,
    };
    let part = (
        usize::try_from(paging.offset).unwrap_or(usize::MAX),
        paging.limit.map_or(usize::MAX, |limit| limit as usize),
    );
    let mut found = state.events().traces(&filter, part, IN_LISTS).await?;
    if query.flag("sort_asc")? {
        found.reverse();
    }
    let shown: Vec<Value> = found.iter().map(crate::events::Trace::shown).collect();
    let mut response = answer(StatusCode::OK, &shown)?;
    paging.headers(&mut response, None);
    Ok(response)
}

/// `GET /traces/{id}`; the id of any event or execution in it will do.
pub(crate) async fn get(State(state): State<ApiState>, _caller: Caller, Path(id): Path<String>) -> ApiResult {
    let unknown = || unknown_id(&id);
    let parsed: Id = id.parse().map_err(|_| unknown())?;
    let found = state.events().trace(parsed, ALONE).await?;
    answer(StatusCode::OK, &found.ok_or_else(unknown)?.shown())
}
