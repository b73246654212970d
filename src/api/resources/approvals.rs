//! `/approvals`: what waits for people to agree.

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::Value;

use crate::answers::approvals::{self, Say};
use crate::answers::{self, Answerer};
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::{Fields as _, Payload};
use crate::api::http::error::{ApiError, ApiResult, unknown_id};
use crate::api::http::json as answer;
use crate::api::http::paging::Paging;
use crate::api::http::query::Query;
use crate::approval::Verdict;
use crate::model::{Execution, Id, Timestamp};
use crate::runners::APPROVAL;
use crate::store::Page;

/// `GET /approvals`: those that wait, newest first; with `all` those that are over, too.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let paging = Paging::of(&query, &caller, &state)?;
    let (all, mine) = (query.flag("all")?, query.flag("mine")?);
    let page = Page {
        offset: paging.offset,
        limit: paging.limit,
        count: true,
        ..Page::default()
    };
    let (found, total) = answers::list(state.engine(), APPROVAL, all, page).await?;
    let now = Timestamp::now();
    let shown: Vec<Value> = found
        .iter()
        .filter(|execution| !mine || approvals::may_vote(execution, &caller.identity, now))
        .map(|execution| approvals::view(state.engine(), execution, &caller.identity, now))
        .collect();
    let mut response = answer(StatusCode::OK, &shown)?;
    paging.headers(&mut response, total.filter(|_| !mine));
    Ok(response)
}

/// `GET /approvals/{id}`.
pub(crate) async fn get(State(state): State<ApiState>, caller: Caller, Path(id): Path<String>) -> ApiResult {
    let execution = approvals::find(state.engine(), read_id(&id)?).await?;
    show(&state, &caller, &execution)
}

/// `POST /approvals/{id}/vote`: `{vote: approve|deny, reason, fingerprint}`.
pub(crate) async fn vote(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Payload(mut body): Payload,
) -> ApiResult {
    let verdict = match body.need_text("vote")?.as_str() {
        "approve" => Verdict::Approve,
        "deny" => Verdict::Deny,
        other => {
            let other: String = other.chars().take(60).collect();
            return Err(ApiError::bad_request(format!(
                "'{other}' is not one of ['approve', 'deny']"
            )));
        }
    };
    let (reason, seen) = (body.take_text("reason")?, body.take_text("fingerprint")?);
    let say = Say {
        verdict,
        reason: reason.as_deref(),
        seen: seen.as_deref(),
    };
    let execution = approvals::vote(state.engine(), read_id(&id)?, &say, answerer(&caller)).await?;
    show(&state, &caller, &execution)
}

/// `POST /approvals/{id}/delegate`: `{to}`.
pub(crate) async fn delegate(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Payload(mut body): Payload,
) -> ApiResult {
    let to = body.need_text("to")?;
    let execution = approvals::delegate(state.engine(), read_id(&id)?, &to, answerer(&caller)).await?;
    show(&state, &caller, &execution)
}

/// `PUT /approvals/{id}`: `{parameters}`; votes given so far are void.
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Payload(mut body): Payload,
) -> ApiResult {
    let parameters = body
        .take_object("parameters")?
        .ok_or_else(|| ApiError::bad_request("'parameters' is a required property"))?;
    let execution = approvals::change(state.engine(), read_id(&id)?, &parameters, answerer(&caller)).await?;
    show(&state, &caller, &execution)
}

fn answerer(caller: &Caller) -> Answerer<'_> {
    Answerer {
        identity: &caller.identity,
        place: None,
    }
}

fn show(state: &ApiState, caller: &Caller, execution: &Execution) -> ApiResult {
    let view = approvals::view(state.engine(), execution, &caller.identity, Timestamp::now());
    answer(StatusCode::OK, &view)
}

fn read_id(text: &str) -> ApiResult<Id> {
    text.parse().map_err(|_| unknown_id(&text))
}
