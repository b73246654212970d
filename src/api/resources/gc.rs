//! `/gc`: what is old enough is deleted now, and what the last run did (GCR-7).

use axum::extract::State;
use http::StatusCode;
use serde_json::json;

use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::Payload;
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::json as answer;
use crate::model::Timestamp;

/// `POST /gc/run`: `{dry_run?}`.
pub(crate) async fn run(State(state): State<ApiState>, caller: Caller, Payload(body): Payload) -> ApiResult {
    caller.require_admin("delete what is old")?;
    let dry_run = match body.get("dry_run") {
        None => false,
        Some(flag) => flag
            .as_bool()
            .ok_or_else(|| ApiError::bad_request("`dry_run` is true or false"))?,
    };
    let by = &caller.identity.user;
    let report = state.retention().run(Timestamp::now(), dry_run, by).await?;
    answer(StatusCode::OK, &report)
}

/// `GET /gc/status`.
pub(crate) async fn status(State(state): State<ApiState>, caller: Caller) -> ApiResult {
    caller.require_admin("see what is deleted")?;
    let retention = state.retention();
    answer(
        StatusCode::OK,
        &json!({"settings": retention.options(), "last": retention.last()}),
    )
}
