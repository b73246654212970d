//! `POST /executions`: the request for an execution.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use http::StatusCode;
use http::request::Parts;
use serde_json::Value;

use super::sees_secrets;
use crate::api::http::auth::Caller;
use crate::api::http::body::{Fields as _, Payload};
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::query::Query;
use crate::api::{ApiState, view};
use crate::engine::{ON_BEHALF_BY, Submit};
use crate::model::{Id, Identity, JsonMap, Origin};

/// `POST /executions`.
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    query: Query,
    header: ContextHeader,
    Payload(mut body): Payload,
) -> ApiResult {
    let secrets = sees_secrets(&state, &caller, &query)?;
    let action = body.need_text("action")?;
    let mut context = body.take_object("context")?.unwrap_or_default();
    check_trace(&state, &context).await?;
    context.extend(header.0);
    let identity = on_behalf(&caller, body.take_text("user")?)?;
    note_asker(&caller, &identity, &mut context);
    let submit = Submit {
        action,
        parameters: body.take_object("parameters")?.unwrap_or_default(),
        identity,
        origin: origin(&caller),
        parent: parent(&context),
        context,
        delay: body.take_count("delay")?.map(Duration::from_millis),
        break_glass: body
            .take_text("break_glass")?
            .filter(|reason| !reason.trim().is_empty()),
        notify: body
            .take_object("notify")?
            .filter(|notify| !notify.is_empty())
            .map(Value::Object),
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
        Some(_) if !caller.is_admin() => Err(ApiError::forbidden(
            "\"user\" attribute can only be provided by admins",
        )),
        Some(user) => {
            let via = format!("{} of {}", identity.via, identity.user);
            Ok(Identity {
                user,
                via,
                ..(**identity).clone()
            })
        }
    }
}

/// Keeps who really asks in the context of what is asked on behalf of somebody else: neither may approve it.
fn note_asker(caller: &Caller, identity: &Identity, context: &mut JsonMap) {
    context.remove(ON_BEHALF_BY);
    if let Some(asker) = asker(caller, identity) {
        context.insert(ON_BEHALF_BY.to_owned(), asker.into());
    }
}

/// Who really asks, when it is on behalf of somebody else.
pub(super) fn asker(caller: &Caller, identity: &Identity) -> Option<String> {
    (identity.user != caller.identity.user).then(|| caller.identity.user.clone())
}

pub(super) fn origin(caller: &Caller) -> Origin {
    let kind = if caller.identity.via == "cli" {
        "cli"
    } else {
        "api"
    };
    Origin {
        kind: kind.to_owned(),
        ..Origin::default()
    }
}

/// The context that actions of packs hand on in a header.
pub(crate) struct ContextHeader(pub(crate) JsonMap);

impl<S: Sync> FromRequestParts<S> for ContextHeader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        let Some(value) = parts.headers.get("st2-context").filter(|value| !value.is_empty()) else {
            return Ok(Self(JsonMap::new()));
        };
        serde_json::from_slice(value.as_bytes())
            .map(Self)
            .map_err(|_| ApiError::bad_request("Unable to convert st2-context from the headers into JSON."))
    }
}

/// Refuses a request that joins a trace which there is not: it would be in none.
async fn check_trace(state: &ApiState, context: &JsonMap) -> ApiResult<()> {
    let named = context.get("trace_context").and_then(|trace| trace.get("id_"));
    let Some(named) = named.and_then(Value::as_str).filter(|id| !id.is_empty()) else {
        return Ok(());
    };
    let known = match named.parse() {
        Ok(id) => state.events().is_traced(id).await?,
        Err(_) => false,
    };
    if known {
        return Ok(());
    }
    Err(ApiError::not_found(format!(
        "There is no trace with the id \"{named}\". `sayso trace list` lists the traces that there are."
    )))
}

/// The execution that asks, where the context names one.
fn parent(context: &JsonMap) -> Option<Id> {
    context.get("parent")?.get("execution_id")?.as_str()?.parse().ok()
}
