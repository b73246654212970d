//! `/triggertypes`, `/triggers`, `/triggerinstances` and `/timers`, in the reference's shapes (TRG, TIM-11).

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::error::{ApiError, ApiResult, unknown_id};
use crate::api::http::json as answer;
use crate::api::http::paging::{Paging, Projection};
use crate::api::http::query::Query;
use crate::events::{Emission, EmitError};
use crate::model::{Id, InstanceStatus, TriggerInstance};
use crate::store::InstanceFilter;
use crate::triggers::{Trigger, TriggerType, emitted_again};

const INSTANCE: [&str; 6] = [
    "suppressed",
    "trigger",
    "occurrence_time",
    "status",
    "id",
    "payload",
];

impl From<EmitError> for ApiError {
    fn from(error: EmitError) -> Self {
        match error {
            EmitError::UnknownType(_) | EmitError::BadPayload(_) => Self::bad_request(error.to_string()),
            EmitError::Busy(_) => Self::busy(error.to_string()),
            EmitError::Overloaded { retry_after, .. } => {
                Self::busy(error.to_string()).retry_after(retry_after)
            }
            EmitError::Duplicate(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            EmitError::Store(error) => error.into(),
        }
    }
}

fn kind(kind: &TriggerType) -> Value {
    json!({
        "description": kind.description,
        "tags": kind.tags,
        "uid": kind.uid(),
        "ref": kind.reference,
        "name": kind.name,
        "pack": kind.pack,
        "payload_schema": kind.payload_schema,
        "parameters_schema": kind.parameters_schema,
        "id": Id::of_name(&kind.uid()),
    })
}

/// A trigger as the API shows it.
pub(super) fn trigger(trigger: &Trigger) -> Value {
    json!({
        "uid": trigger.uid(),
        "ref": trigger.reference(),
        "name": trigger.name,
        "pack": trigger.pack,
        "type": trigger.type_ref,
        "parameters": trigger.parameters,
        "id": Id::of_name(&trigger.uid()),
    })
}

/// A trigger instance as the API shows it.
pub(super) fn instance(instance: &TriggerInstance) -> Value {
    let mut shown = json!({
        "trigger": instance.trigger,
        "occurrence_time": instance.occurrence_time,
        "status": instance.status,
        "id": instance.id,
        "payload": *instance.payload,
    });
    // Ours: rules that matched and did not run for it.
    if !instance.detail.suppressed.is_empty() {
        shown["suppressed"] = json!(instance.detail.suppressed);
    }
    shown
}

/// `GET /triggertypes`.
pub(crate) async fn kinds(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let paging = Paging::of(&query, &caller, &state)?;
    let packs = query.list("pack");
    let kinds = state.events().book().kinds();
    let matching: Vec<_> = kinds
        .iter()
        .filter(|kind| packs.is_empty() || packs.contains(&kind.pack.as_str()))
        .collect();
    let shown: Vec<Value> = matching
        .iter()
        .skip(usize::try_from(paging.offset).unwrap_or(usize::MAX))
        .take(paging.limit.map_or(usize::MAX, |limit| limit as usize))
        .map(|found| kind(found))
        .collect();
    let mut response = answer(StatusCode::OK, &shown)?;
    paging.headers(&mut response, u64::try_from(matching.len()).ok());
    Ok(response)
}

/// `GET /triggertypes/{ref_or_id}`.
pub(crate) async fn kind_get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    let mut kinds = state.events().book().kinds().into_iter();
    let found = kinds.find(|kind| {
        kind.reference == wanted || wanted.parse().is_ok_and(|id: Id| id == Id::of_name(&kind.uid()))
    });
    let found = found.ok_or_else(|| unknown_reference(&wanted))?;
    answer(StatusCode::OK, &kind(&found))
}

fn unknown_reference(wanted: &str) -> ApiError {
    ApiError::not_found(format!("Resource with a reference or id \"{wanted}\" not found"))
}

/// Triggers that there are: one for each type without parameters, and those of rules.
fn all(state: &ApiState) -> Vec<Trigger> {
    let book = state.events().book();
    let mut all: Vec<Trigger> = book
        .kinds()
        .iter()
        .filter(|kind| kind.parameters_schema.is_empty())
        .map(|kind| Trigger::new(kind, crate::model::JsonMap::new()))
        .collect();
    for rule in book.all() {
        if let Some(kind) = book.kind(&rule.trigger.type_ref) {
            let trigger = Trigger::new(&kind, rule.trigger.parameters.clone());
            if !all.iter().any(|known| known.key == trigger.key) {
                all.push(trigger);
            }
        }
    }
    all
}

/// `GET /triggers`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let paging = Paging::of(&query, &caller, &state)?;
    let types = query.list("type");
    let all = all(&state);
    let matching: Vec<&Trigger> = all
        .iter()
        .filter(|trigger| types.is_empty() || types.contains(&trigger.type_ref.as_str()))
        .collect();
    let shown: Vec<Value> = matching
        .iter()
        .skip(usize::try_from(paging.offset).unwrap_or(usize::MAX))
        .take(paging.limit.map_or(usize::MAX, |limit| limit as usize))
        .map(|found| trigger(found))
        .collect();
    let mut response = answer(StatusCode::OK, &shown)?;
    paging.headers(&mut response, u64::try_from(matching.len()).ok());
    Ok(response)
}

/// `GET /triggers/{ref_or_id}`.
pub(crate) async fn get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    let all = all(&state);
    let found = all.iter().find(|trigger| {
        trigger.reference() == wanted
            || wanted
                .parse()
                .is_ok_and(|id: Id| id == Id::of_name(&trigger.uid()))
    });
    answer(
        StatusCode::OK,
        &trigger(found.ok_or_else(|| unknown_reference(&wanted))?),
    )
}

/// `GET /timers`: those of enabled rules, with the next times that they fire.
pub(crate) async fn timers(State(state): State<ApiState>, _caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let wanted = query.text("timer_type");
    let all = all(&state);
    let mut shown = Vec::new();
    for timer in state.events().upcoming().await? {
        if wanted.is_some_and(|wanted| wanted != timer.type_ref) {
            continue;
        }
        let Some(found) = all.iter().find(|trigger| trigger.reference() == timer.reference) else {
            continue;
        };
        let mut one = trigger(found);
        one["next"] = json!(timer.next);
        one["rules"] = json!(timer.rules);
        shown.push(one);
    }
    answer(StatusCode::OK, &shown)
}

/// `GET /triggerinstances`, newest first.
pub(crate) async fn instances(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let projection = Projection::of(&query, &INSTANCE)?;
    let paging = Paging::of(&query, &caller, &state)?;
    let mut status = Vec::new();
    for text in query.list("status") {
        status.push(text.parse::<InstanceStatus>().map_err(ApiError::bad_request)?);
    }
    let trigger = match (query.text("trigger"), query.text("trigger_type")) {
        (Some(trigger), _) => Some(trigger.to_owned()),
        // Types without parameters have one trigger, which is called as they are.
        (None, Some(kind)) => Some(kind.to_owned()),
        (None, None) => None,
    };
    let filter = InstanceFilter {
        trigger,
        status,
        after: query.time("timestamp_gt")?,
        before: query.time("timestamp_lt")?,
    };
    let page = paging.page(&query)?;
    let found = state.store().instances(filter, page).await?;
    let shown: Vec<Value> = found
        .items
        .iter()
        .map(|found| projection.apply(instance(found)))
        .collect();
    let mut response = answer(StatusCode::OK, &shown)?;
    paging.headers(&mut response, found.total);
    Ok(response)
}

async fn find(state: &ApiState, id: &str) -> ApiResult<TriggerInstance> {
    let unknown = || unknown_id(&id);
    let id: Id = id.parse().map_err(|_| unknown())?;
    state.store().instance(id).await?.ok_or_else(unknown)
}

/// `GET /triggerinstances/{id}`.
pub(crate) async fn instance_get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(id): Path<String>,
) -> ApiResult {
    answer(StatusCode::OK, &instance(&find(&state, &id).await?))
}

/// `POST /triggerinstances/{id}/re_emit` (TRG-8).
pub(crate) async fn re_emit(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult {
    caller.require_admin("send events again")?;
    let original = find(&state, &id).await?;
    let payload = emitted_again(&original.payload, original.id);
    let event = Emission {
        type_ref: original.detail.type_ref,
        parameters: original.detail.parameters,
        payload: Arc::new(payload.clone()),
        trace_tag: original.detail.trace_tag,
        ..Emission::default()
    };
    let emitted = state.events().emit(event).await?;
    let message = format!("Trigger instance {id} succesfully re-sent.");
    answer(
        StatusCode::OK,
        &json!({"message": message, "payload": payload, "trigger_instance": emitted.instance}),
    )
}
