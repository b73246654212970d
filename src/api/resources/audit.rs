//! `/audit`: who did what, and whether the log is intact.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::error::{ApiError, ApiResult, unknown_id};
use crate::api::http::json as answer;
use crate::api::http::paging::Paging;
use crate::api::http::query::Query;
use crate::audit::{self, VerifyError};
use crate::model::{AuditEntry, Id};
use crate::store::AuditFilter;

/// `GET /audit`: entries, newest first unless `sort=asc`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    caller.require_admin("read the audit log")?;
    query.check()?;
    let paging = Paging::of(&query, &caller, &state)?;
    let number = |name: &str| -> ApiResult<Option<u64>> {
        let given = query.integer(name)?;
        given
            .map(|number| {
                u64::try_from(number)
                    .map_err(|_| ApiError::bad_request(format!("Parameter \"{name}\" must not be negative")))
            })
            .transpose()
    };
    let execution = query
        .text("execution")
        .map(|text| text.parse::<Id>().map_err(|_| unknown_id(&text)))
        .transpose()?;
    let filter = AuditFilter {
        after: number("after")?,
        before: number("before")?,
        since: query.time("since")?,
        until: query.time("until")?,
        actor: query.text("actor").map(str::to_owned),
        kind: query.text("kind").map(str::to_owned),
        action: query.text("action").map(str::to_owned),
        execution,
        words: query
            .text("q")
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        newest_first: query.text("sort") != Some("asc"),
        limit: paging.limit.unwrap_or(0),
    };
    let entries = state.store().audit(filter).await?;
    let shown: Vec<Value> = entries.iter().map(shown).collect::<ApiResult<_>>()?;
    let mut response = answer(StatusCode::OK, &shown)?;
    paging.headers(&mut response, None);
    Ok(response)
}

/// `GET /audit/verify`: goes through the whole log.
pub(crate) async fn verify(State(state): State<ApiState>, caller: Caller) -> ApiResult {
    caller.require_admin("verify the audit log")?;
    let verdict = match audit::verify(&**state.store()).await {
        Ok(whole) => json!({"ok": true, "entries": whole.count, "hash": hex::encode(whole.hash)}),
        Err(VerifyError::Broken(broken)) => json!({
            "ok": false,
            "entries": broken.number.saturating_sub(1),
            "first_broken": broken.number,
            "message": broken.to_string(),
        }),
        Err(VerifyError::Store(error)) => return Err(error.into()),
    };
    answer(StatusCode::OK, &verdict)
}

fn shown(entry: &AuditEntry) -> ApiResult<Value> {
    let mut shown = json!({"number": entry.number});
    let draft = serde_json::to_value(&entry.draft).map_err(|error| ApiError::internal(&error))?;
    if let (Some(shown), Value::Object(draft)) = (shown.as_object_mut(), draft) {
        shown.extend(draft);
        shown.insert("hash".to_owned(), hex::encode(entry.hash).into());
    }
    Ok(shown)
}
