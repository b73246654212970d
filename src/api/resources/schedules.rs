//! `/schedules`: run this at these times, on behalf of whoever asks.

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::Value;

use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::{Fields as _, Payload};
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::{json as answer, no_content};
use crate::events::{NewSchedule, Schedule, ScheduleError};

impl From<ScheduleError> for ApiError {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::Unknown(_) => Self::not_found(error.to_string()),
            ScheduleError::Bad { message, hint } if hint.is_empty() => Self::bad_request(message),
            ScheduleError::Bad { message, hint } => Self::bad_request(format!("{message}: {hint}")),
            ScheduleError::Store(error) => error.into(),
        }
    }
}

/// `GET /schedules`: the caller's own, all for administrators.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller) -> ApiResult {
    let found = state.events().schedules(&caller.identity).await?;
    let shown: Vec<Value> = found.iter().map(Schedule::shown).collect();
    answer(StatusCode::OK, &shown)
}

fn number(text: &str) -> ApiResult<u64> {
    text.parse()
        .map_err(|_| ApiError::bad_request(format!("`{text}` is no number of a schedule")))
}

/// `GET /schedules/{number}`.
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    let wanted = number(&wanted)?;
    let all = state.events().schedules(&caller.identity).await?;
    let found = all.iter().find(|schedule| schedule.number == wanted);
    let found = found.ok_or(ScheduleError::Unknown(wanted))?;
    answer(StatusCode::OK, &found.shown())
}

/// `POST /schedules`: `{when, command}` or `{when, action, parameters}`.
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(mut body): Payload,
) -> ApiResult {
    let when = body.need_text("when")?;
    let command = body.take_text("command")?;
    let mut new = NewSchedule {
        when,
        timezone: body.take_text("timezone")?,
        misfire: body.take_text("misfire")?,
        grace: body.take_text("grace")?,
        ..NewSchedule::default()
    };
    match (command, body.take_text("action")?) {
        (Some(command), None) => {
            let (alias, parameters) =
                super::alias_execution::meaning(&state, &caller, command.clone()).await?;
            new.action.clone_from(&alias.action_ref);
            new.parameters = parameters;
            new.alias = Some(alias.reference());
            new.command = Some(command);
        }
        (None, Some(action)) => {
            new.action = action;
            new.parameters = body.take_object("parameters")?.unwrap_or_default();
        }
        _ => {
            return Err(ApiError::bad_request(
                "either `command` or `action` is needed: what is to run",
            ));
        }
    }
    let made = state.events().schedule(new, &caller.identity).await?;
    answer(StatusCode::CREATED, &made.shown())
}

/// `POST /schedules/{number}/pause`.
pub(crate) async fn pause(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    let events = state.events();
    let changed = events
        .pause_schedule(number(&wanted)?, true, &caller.identity)
        .await?;
    answer(StatusCode::OK, &changed.shown())
}

/// `POST /schedules/{number}/resume`.
pub(crate) async fn resume(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    let events = state.events();
    let changed = events
        .pause_schedule(number(&wanted)?, false, &caller.identity)
        .await?;
    answer(StatusCode::OK, &changed.shown())
}

/// `DELETE /schedules/{number}`.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    let events = state.events();
    events.remove_schedule(number(&wanted)?, &caller.identity).await?;
    Ok(no_content())
}
