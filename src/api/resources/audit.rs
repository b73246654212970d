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
use crate::model::{AuditDraft, AuditEntry, Id};
use crate::store::{AuditFilter, AuditRecord, AuditRecords, chain};

/// Records that are verified at once.
const RECORDS: u32 = 1_000;

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

/// `GET /audit/verify`: recomputes every hash and compares the end with what the writer keeps apart.
pub(crate) async fn verify(State(state): State<ApiState>, caller: Caller) -> ApiResult {
    caller.require_admin("verify the audit log")?;
    let mut previous = chain::GENESIS;
    let mut last = 0;
    let anchor = loop {
        let AuditRecords { anchor, records } = state.store().audit_records(last, RECORDS).await?;
        if records.is_empty() {
            break anchor;
        }
        for record in &records {
            if let Some(complaint) = complaint(&previous, last + 1, record) {
                return verdict(last, Some(complaint), &previous);
            }
            previous = chain::hash(&previous, record.number, &record.text);
            last = record.number;
        }
    };
    let complaint = match anchor {
        Some((number, _)) if number > last => Some(format!(
            "the log should end with entry {number}, but entry {} is missing",
            last + 1
        )),
        Some((number, hash)) if number == last && hash != previous => Some(format!(
            "entry {number} does not have the hash that the writer remembers"
        )),
        None if last > 0 => Some("the writer does not remember where the log ends".to_owned()),
        _ => None,
    };
    verdict(last, complaint, &previous)
}

fn verdict(entries: u64, complaint: Option<String>, hash: &[u8; 32]) -> ApiResult {
    let verdict = match complaint {
        None => json!({"ok": true, "entries": entries, "hash": hex::encode(hash)}),
        Some(message) => {
            json!({"ok": false, "entries": entries, "first_broken": entries + 1, "message": message})
        }
    };
    answer(StatusCode::OK, &verdict)
}

/// What is wrong with a record that should have this number and follow this hash.
fn complaint(previous: &[u8; 32], number: u64, record: &AuditRecord) -> Option<String> {
    if record.number != number {
        return Some(format!(
            "entry {number} is missing: entry {} follows {}",
            record.number,
            number - 1
        ));
    }
    if chain::hash(previous, number, &record.text)[..] != record.hash[..] {
        return Some(format!("entry {number} does not fit its hash: it was changed"));
    }
    let Ok(draft) = serde_json::from_str::<AuditDraft>(&record.text) else {
        return Some(format!("entry {number} does not read back"));
    };
    let same = draft.timestamp == record.timestamp
        && draft.kind == record.kind
        && draft.actor == record.actor
        && draft.action == record.action
        && draft.execution == record.execution;
    (!same).then(|| format!("entry {number} is found under other words than it has"))
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
