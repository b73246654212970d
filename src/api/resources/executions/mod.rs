//! `/executions`: reading them. Requests, changes and parts are in the files beside this one.

mod change;
mod list;
mod parts;
mod request;

use axum::extract::{Path, State};

use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::error::{ApiError, ApiResult, unknown_id};
use crate::api::http::json_bytes;
use crate::api::http::paging::Projection;
use crate::api::http::query::Query;
use crate::api::view::{ATTRIBUTES, Look, Showing};
use crate::model::{Execution, Id};
use crate::store::{ExecutionFilter, Page};

pub(crate) use change::{cancel, put, rerun};
pub(crate) use list::{filters, list};
pub(crate) use parts::{attribute, children, output, output_type, result};
pub(crate) use request::{ContextHeader, create};

/// `GET /executions/{id}`; `last` is the newest one.
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> ApiResult {
    query.check()?;
    let projection = Projection::of(&query, &ATTRIBUTES)?;
    let max_result_size = query
        .integer("max_result_size")?
        .map(|most| {
            u64::try_from(most)
                .map_err(|_| ApiError::bad_request("Parameter \"max_result_size\" must not be negative"))
        })
        .transpose()?;
    let look = Look {
        secrets: sees_secrets(&state, &caller, &query)?,
        max_result_size,
    };
    let execution = find(&state, &id).await?;
    let bytes = Showing::of(&state, &execution, look).await?.bytes(&projection)?;
    Ok(json_bytes(http::StatusCode::OK, bytes))
}

/// The execution with this id, with its result.
pub(crate) async fn find(state: &ApiState, id: &str) -> ApiResult<std::sync::Arc<Execution>> {
    let id = find_id(state, id).await?;
    state.engine().execution(id).await?.ok_or_else(|| unknown_id(&id))
}

/// An id as clients give it; `last` is that of the newest execution that is no part of another one.
pub(crate) async fn find_id(state: &ApiState, id: &str) -> ApiResult<Id> {
    if id == "last" {
        let filter = ExecutionFilter {
            top_level: true,
            without_builtin: true,
            ..ExecutionFilter::default()
        };
        let newest = Page {
            limit: Some(1),
            ..Page::default()
        };
        let found = state.store().executions(filter, newest).await?.items;
        return found
            .first()
            .map(|newest| newest.id)
            .ok_or_else(|| ApiError::bad_request("No executions found in the database"));
    }
    id.parse().map_err(|_| unknown_id(&id))
}

/// Whether secrets are shown in clear: to administrators who ask for it.
pub(crate) fn sees_secrets(state: &ApiState, caller: &Caller, query: &Query) -> ApiResult<bool> {
    let asked = query.flag("show_secrets")?;
    Ok((asked && caller.is_admin()) || !state.options().mask_secrets)
}
