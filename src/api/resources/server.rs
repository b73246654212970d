//! The server itself: whether it is well, its numbers, its content, its database.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::{Fields as _, Payload};
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::json as answer;
use crate::api::http::query::Query;
use crate::api::metrics::Metrics;
use crate::model::Severity;

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> ApiResult {
    answer(StatusCode::OK, &json!({"status": "ok"}))
}

/// `GET /readyz`: requests are accepted.
pub(crate) async fn readyz(State(state): State<ApiState>) -> ApiResult {
    if !state.is_ready() {
        return Err(ApiError::unavailable(
            "Not ready: the server is starting or stopping.",
        ));
    }
    answer(StatusCode::OK, &json!({"status": "ready"}))
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(state): State<ApiState>) -> ApiResult {
    let text = Metrics::global().render(&state).await?;
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    Ok(response)
}

/// `GET /status`: the numbers that people ask for first.
pub(crate) async fn status(State(state): State<ApiState>, _caller: Caller) -> ApiResult {
    let snapshot = state.content().snapshot();
    let mut outbox = Map::new();
    for (gateway, state, count) in state.store().outbox_counts().await? {
        let word = serde_json::to_value(state).map_err(|error| ApiError::internal(&error))?;
        let counts = outbox.entry(gateway).or_insert_with(|| json!({}));
        counts[word.as_str().unwrap_or_default()] = count.into();
    }
    let errors = snapshot
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count();
    let told = state.condition().await?.unwrap_or_default();
    answer(
        StatusCode::OK,
        &json!({
            "version": env!("CARGO_PKG_VERSION"),
            "healthy": told["healthy"],
            "complaints": told["complaints"],
            "gateways": told["gateways"],
            "ready": state.is_ready(),
            "uptime_seconds": state.uptime_seconds(),
            "engine": state.engine().stats(),
            "store": state.store().stats().await?,
            "content": {
                "generation": snapshot.generation,
                "loaded": snapshot.loaded,
                "packs": snapshot.packs.len(),
                "actions": snapshot.actions.len(),
                "aliases": snapshot.aliases.len(),
                "errors": errors,
                "warnings": snapshot.problems.len() - errors,
            },
            "outbox": outbox,
            "sensors": super::sensors::summary(state.sensors()),
        }),
    )
}

/// `POST /reload`: reads the content again.
pub(crate) async fn reload(State(state): State<ApiState>, caller: Caller) -> ApiResult {
    caller.require_admin("reload the content")?;
    let summary = (state.reload())(Arc::clone(&caller.identity))
        .await
        .map_err(ApiError::bad_request)?;
    answer(StatusCode::OK, &summary)
}

/// `GET /content/problems`: what is wrong in packs and aliases, by file and line.
pub(crate) async fn problems(State(state): State<ApiState>, _caller: Caller, query: Query) -> ApiResult {
    let severity = match query.text("severity") {
        None => None,
        Some("error") => Some(Severity::Error),
        Some("warning") => Some(Severity::Warning),
        Some(_) => {
            return Err(ApiError::bad_request(
                "Parameter \"severity\" is not one of error, warning",
            ));
        }
    };
    let snapshot = state.content().snapshot();
    let problems: Vec<_> = snapshot
        .problems
        .iter()
        .filter(|problem| severity.is_none_or(|severity| problem.severity == severity))
        .collect();
    answer(
        StatusCode::OK,
        &json!({
            "generation": snapshot.generation,
            "loaded": snapshot.loaded,
            "problems": problems,
            "notes": snapshot.notes,
        }),
    )
}

/// `GET /db/stats`.
pub(crate) async fn db_stats(State(state): State<ApiState>, caller: Caller) -> ApiResult {
    caller.require_admin("look into the database")?;
    answer(StatusCode::OK, &state.store().stats().await?)
}

/// `GET /db/check`: the database's own integrity check.
pub(crate) async fn db_check(State(state): State<ApiState>, caller: Caller) -> ApiResult {
    caller.require_admin("check the database")?;
    let complaints = state.store().check().await?;
    answer(
        StatusCode::OK,
        &json!({"ok": complaints.is_empty(), "complaints": complaints}),
    )
}

/// `POST /db/backup`: a consistent copy while work goes on, to a path on the server.
pub(crate) async fn db_backup(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(mut body): Payload,
) -> ApiResult {
    caller.require_admin("back up the database")?;
    let target = PathBuf::from(body.need_text("target")?);
    if !target.is_absolute() {
        return Err(ApiError::bad_request(
            "\"target\" must be an absolute path on the server",
        ));
    }
    let exists = tokio::fs::try_exists(&target).await.unwrap_or(false);
    if exists {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            format!(
                "\"{}\" exists already: a backup does not replace anything",
                target.display()
            ),
        ));
    }
    state.store().backup(&target).await?;
    let bytes = tokio::fs::metadata(&target)
        .await
        .map_or(Value::Null, |metadata| metadata.len().into());
    answer(
        StatusCode::CREATED,
        &json!({"target": target.display().to_string(), "bytes": bytes}),
    )
}
