//! `POST /executions`: the request for an execution.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::sees_secrets;
use crate::api::http::auth::Caller;
use crate::api::http::body::{Fields as _, Payload};
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::query::Query;
use crate::api::{ApiState, view};
use crate::engine::Submit;
use crate::model::{Id, Identity, JsonMap, Origin};

/// `POST /executions`.
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    query: Query,
    headers: HeaderMap,
    Payload(mut body): Payload,
) -> ApiResult {
    let secrets = sees_secrets(&state, &caller, &query)?;
    let action = body.need_text("action")?;
    let mut context = body.take_object("context")?.unwrap_or_default();
    context_header(&headers, &mut context)?;
    let user = body.take_text("user")?;
    let submit = Submit {
        action,
        parameters: body.take_object("parameters")?.unwrap_or_default(),
        identity: on_behalf(&caller, user)?,
        origin: origin(&caller),
        parent: parent(&context),
        context,
        delay: body.take_count("delay")?.map(Duration::from_millis),
        notify: body.take_object("notify")?.filter(|notify| !notify.is_empty()).map(Value::Object),
        ..Submit::default()
    };
    let accepted = state.engine().submit(submit).await?;
    view::answer(&state, StatusCode::CREATED, &accepted.execution, secrets).await
}

/// The identity of a request that names a user. Only administrators may name one, and it is their rights
/// that count: the name says on whose behalf.
pub(super) fn on_behalf(caller: &Caller, user: Option<String>) -> ApiResult<Identity> {
    let identity: &Arc<Identity> = &caller.identity;
    match user.filter(|user| *user != identity.user && !user.is_empty()) {
        None => Ok((**identity).clone()),
        Some(_) if !caller.is_admin() => {
            Err(ApiError::forbidden("\"user\" attribute can only be provided by admins"))
        }
        Some(user) => {
            let via = format!("{} of {}", identity.via, identity.user);
            Ok(Identity { user, via, ..(**identity).clone() })
        }
    }
}

pub(super) fn origin(caller: &Caller) -> Origin {
    let kind = if caller.identity.via == "cli" { "cli" } else { "api" };
    Origin { kind: kind.to_owned(), ..Origin::default() }
}

/// Merges the context that actions of packs hand on in a header.
pub(crate) fn context_header(headers: &HeaderMap, context: &mut JsonMap) -> ApiResult<()> {
    let Some(value) = headers.get("st2-context").filter(|value| !value.is_empty()) else { return Ok(()) };
    let more: JsonMap = serde_json::from_slice(value.as_bytes()).map_err(|_| {
        ApiError::bad_request("Unable to convert st2-context from the headers into JSON.")
    })?;
    context.extend(more);
    Ok(())
}

/// The execution that asks, where the context names one.
fn parent(context: &JsonMap) -> Option<Id> {
    context.get("parent")?.get("execution_id")?.as_str()?.parse().ok()
}
