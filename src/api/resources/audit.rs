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
use crate::model::{AuditEntry, Id};
use crate::store::{AuditFilter, chain};

/// Entries that are verified at once.
const ENTRIES: u32 = 1_000;

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
        words: query.text("q").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        newest_first: query.text("sort") != Some("asc"),
        limit: paging.limit.unwrap_or(0),
    };
    let entries = state.store().audit(filter).await?;
    let shown: Vec<Value> = entries.iter().map(shown).collect::<ApiResult<_>>()?;
    let mut response = answer(StatusCode::OK, &shown)?;
    paging.headers(&mut response, None);
    Ok(response)
}

/// `GET /audit/verify`: recomputes every hash.
pub(crate) async fn verify(State(state): State<ApiState>, caller: Caller) -> ApiResult {
    caller.require_admin("verify the audit log")?;
    let mut previous = chain::GENESIS;
    let mut last = 0;
    loop {
        let filter = AuditFilter { after: Some(last), limit: ENTRIES, ..AuditFilter::default() };
        let entries = state.store().audit(filter).await?;
        if entries.is_empty() {
            break;
        }
        for entry in &entries {
            if let Some(complaint) = broken(&previous, last + 1, entry)? {
                return answer(
                    StatusCode::OK,
                    &json!({
                        "ok": false,
                        "entries": last,
                        "first_broken": last + 1,
                        "message": complaint,
                    }),
                );
            }
            previous = entry.hash;
            last = entry.number;
        }
    }
    answer(StatusCode::OK, &json!({"ok": true, "entries": last, "hash": hex::encode(previous)}))
}

/// What is wrong with an entry that should have this number and follow this hash.
fn broken(previous: &[u8; 32], number: u64, entry: &AuditEntry) -> ApiResult<Option<String>> {
    if entry.number != number {
        return Ok(Some(format!("entry {number} is missing: entry {} follows {}", entry.number, number - 1)));
    }
    let text = chain::text(&entry.draft).map_err(|error| ApiError::internal(&error))?;
    if chain::hash(previous, number, &text) != entry.hash {
        return Ok(Some(format!("entry {number} does not fit its hash: it or an entry before it was changed")));
    }
    Ok(None)
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
