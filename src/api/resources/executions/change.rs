//! Changes of an execution: cancel, run again, and the status changes that the reference's clients send.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::request::{asker, on_behalf, origin};
use super::{find, find_id, sees_secrets};
use crate::api::http::auth::Caller;
use crate::api::http::body::{Fields as _, Payload, excerpt};
use crate::api::http::error::{ApiError, ApiResult, unknown_id};
use crate::api::http::query::Query;
use crate::api::{ApiState, view};
use crate::engine::{Cancelled, ControlError, RerunOptions};
use crate::model::{Execution, Id, Status};

/// `DELETE /executions/{id}`. With `?now=true` also the actions of a workflow are stopped that are at work.
///
/// What cannot be canceled any more is told with status 200, as the reference does.
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> ApiResult {
    let secrets = sees_secrets(&state, &caller, &query)?;
    let id = find_id(&state, &id).await?;
    let canceled = if query.flag("now")? {
        state.engine().cancel_now(id, &caller.identity).await?
    } else {
        state.engine().cancel(id, &caller.identity).await?
    };
    match canceled {
        Cancelled::Asked(execution) => view::answer(&state, StatusCode::OK, &execution, secrets).await,
        Cancelled::NotCancelable(execution) if execution.status == Status::Canceled => {
            view::answer(&state, StatusCode::OK, &execution, secrets).await
        }
        Cancelled::NotCancelable(execution) => Ok(not_cancelable(&execution)),
    }
}

fn not_cancelable(execution: &Execution) -> Response {
    let text = format!("Action cannot be canceled. State = {}.", execution.status);
    ApiError::new(StatusCode::OK, text).into_response()
}

/// `PUT /executions/{id}`: a new status. Workflows are paused and resumed, everything is canceled; the rest is refused
/// with its reason.
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
    Payload(mut body): Payload,
) -> ApiResult {
    let secrets = sees_secrets(&state, &caller, &query)?;
    let word = body.need_text("status")?;
    let status: Status = word.parse().map_err(|_| {
        let known = Status::ALL.map(|status| format!("'{status}'")).join(", ");
        ApiError::bad_request(format!("'{}' is not one of [{known}]", excerpt_text(&word)))
    })?;
    let execution = find(&state, &id).await?;
    let refused = |reason: &str| Err(ApiError::bad_request(reason));
    match status {
        Status::Pausing | Status::Paused => {
            let paused = state.engine().pause(execution.id, &caller.identity).await;
            let paused = paused.map_err(|error| refusal("pause", execution.id, error))?;
            view::answer(&state, StatusCode::OK, &paused, secrets).await
        }
        Status::Resuming | Status::Running if status == Status::Resuming || is_paused(&execution) => {
            let resumed = state.engine().resume(execution.id, &caller.identity).await;
            let resumed = resumed.map_err(|error| refusal("resume", execution.id, error))?;
            view::answer(&state, StatusCode::OK, &resumed, secrets).await
        }
        _ if execution.status.is_completed() => refused("Execution is already in completed state."),
        Status::Canceling | Status::Canceled => {
            match state.engine().cancel(execution.id, &caller.identity).await? {
                Cancelled::Asked(execution) => {
                    view::answer(&state, StatusCode::OK, &execution, secrets).await
                }
                Cancelled::NotCancelable(execution) if execution.status == Status::Canceling => {
                    view::answer(&state, StatusCode::OK, &execution, secrets).await
                }
                Cancelled::NotCancelable(execution) => Err(ApiError::bad_request(format!(
                    "Action cannot be canceled. State = {}.",
                    execution.status
                ))),
            }
        }
        // A status that is set by hand would contradict the runner that is at work.
        status => refused(&format!(
            "Failed updating execution. The status \"{status}\" cannot be set by hand: it comes from the runner. \
             Only \"pausing\", \"resuming\" and \"canceling\" can be asked for."
        )),
    }
}

/// Why a workflow is not paused or resumed, in the reference's words where it has some.
fn refusal(verb: &str, id: Id, error: ControlError) -> ApiError {
    let why = match error {
        ControlError::Unknown(id) => return unknown_id(&id),
        ControlError::Denied(decision) => {
            return ApiError::forbidden(format!("Not allowed: {}", decision.reason));
        }
        ControlError::Store(error) => return error.into(),
        ControlError::NoWorkflow { runner, .. } => {
            format!("it is not supported by the \"{runner}\" runner.")
        }
        ControlError::Refused(_, status, _) => format!("it is in \"{status}\" state."),
    };
    ApiError::bad_request(format!(
        "Failed updating execution. Unable to {verb} liveaction \"{id}\" because {why}"
    ))
}

fn is_paused(execution: &Execution) -> bool {
    matches!(execution.status, Status::Pausing | Status::Paused)
}

fn excerpt_text(word: &str) -> String {
    excerpt(&serde_json::Value::String(word.to_owned()))
        .trim_matches('"')
        .to_owned()
}

/// `POST /executions/{id}/re_run`.
pub(crate) async fn rerun(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
    Payload(mut body): Payload,
) -> ApiResult {
    let secrets = sees_secrets(&state, &caller, &query)?;
    let no_merge = query.flag("no_merge")?;
    let parameters = body.take_object("parameters")?.unwrap_or_default();
    let tasks = body.take_texts("tasks")?.unwrap_or_default();
    let reset = body.take_texts("reset")?.unwrap_or_default();
    let delay = body.take_count("delay")?.map(std::time::Duration::from_millis);
    let user = body.take_text("user")?;
    if !parameters.is_empty() && (!tasks.is_empty() || !reset.is_empty()) {
        return Err(ApiError::bad_request(
            "Parameters override is not supported when re-running task(s) for a workflow.",
        ));
    }
    if reset.iter().any(|task| !tasks.contains(task)) {
        return Err(ApiError::bad_request(
            "List of tasks to reset does not match the tasks to rerun.",
        ));
    }
    let original = find(&state, &id).await?;
    if !tasks.is_empty() && original.request.runner != "orquesta" {
        return Err(ApiError::bad_request(
            "Task option is only supported for Orquesta workflows.",
        ));
    }
    let identity = on_behalf(&caller, user)?;
    let options = RerunOptions {
        parameters,
        no_merge,
        delay,
        tasks,
        reset,
        on_behalf_by: asker(&caller, &identity),
        ..RerunOptions::default()
    };
    let accepted = state
        .engine()
        .rerun(original.id, identity, origin(&caller), options)
        .await?;
    view::answer(&state, StatusCode::CREATED, &accepted.execution, secrets).await
}
