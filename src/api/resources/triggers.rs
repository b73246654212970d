//! `/triggertypes`, `/triggers`, `/triggerinstances` and `/timers`, in the reference's shapes (TRG, TIM-11).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::Payload;
use crate::api::http::error::{ApiError, ApiResult, unknown_id};
use crate::api::http::paging::{Paging, Projection, answer_page};
use crate::api::http::query::Query;
use crate::api::http::{json as answer, no_content};
use crate::events::{Emission, EmitError, NamedTrigger};
use crate::model::{Id, InstanceStatus, JsonMap, TriggerInstance};
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
    answer_page(&matching, &paging, |found| kind(found))
}

/// `GET /triggertypes/{ref_or_id}`.
pub(crate) async fn kind_get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    answer(StatusCode::OK, &kind(&*find_kind(&state, &wanted)?))
}

fn find_kind(state: &ApiState, wanted: &str) -> ApiResult<Arc<TriggerType>> {
    let id = wanted.parse::<Id>().ok();
    let mut kinds = state.events().book().kinds().into_iter();
    let found = kinds.find(|kind| kind.reference == wanted || id == Some(Id::of_name(&kind.uid())));
    found.ok_or_else(|| unknown_reference(wanted))
}

fn unknown_reference(wanted: &str) -> ApiError {
    ApiError::not_found(format!("Resource with a reference or id \"{wanted}\" not found"))
}

/// What of a body is about the thing itself: clients send back what they were shown.
fn own_fields(body: JsonMap) -> Value {
    let mut body = body;
    for shown in ["id", "uid", "ref", "metadata_file"] {
        body.remove(shown);
    }
    // The reference's clients send what they do not know as null.
    body.retain(|_, value| !value.is_null());
    if !body.contains_key("pack") {
        body.insert("pack".to_owned(), "default".into());
    }
    Value::Object(body)
}

fn need(body: &JsonMap, names: &[&str]) -> ApiResult<()> {
    for name in names {
        if !body.contains_key(*name) {
            return Err(ApiError::bad_request(format!("'{name}' is a required property")));
        }
    }
    Ok(())
}

fn gone() -> Response {
    no_content()
}

/// `POST /triggertypes`.
pub(crate) async fn kind_create(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(body): Payload,
) -> ApiResult {
    caller.require_admin("make trigger types")?;
    need(&body, &["name"])?;
    let made = state
        .events()
        .book()
        .put_kind(&own_fields(body), None, &caller.identity.user)
        .await?;
    answer(StatusCode::CREATED, &kind(&made))
}

/// `PUT /triggertypes/{ref_or_id}`.
pub(crate) async fn kind_update(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
    Payload(body): Payload,
) -> ApiResult {
    caller.require_admin("change trigger types")?;
    need(&body, &["name"])?;
    let before = find_kind(&state, &wanted)?;
    let mut value = own_fields(body);
    if value["pack"] == "default" {
        value["pack"] = before.pack.clone().into();
    }
    let book = state.events().book();
    let made = book
        .put_kind(&value, Some(&before.reference), &caller.identity.user)
        .await?;
    answer(StatusCode::OK, &kind(&made))
}

/// `DELETE /triggertypes/{ref_or_id}`.
pub(crate) async fn kind_delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    caller.require_admin("remove trigger types")?;
    let found = find_kind(&state, &wanted)?;
    let book = state.events().book();
    book.delete_kind(&found.reference, &caller.identity.user).await?;
    Ok(gone())
}

/// `POST /triggers`.
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(body): Payload,
) -> ApiResult {
    caller.require_admin("make triggers")?;
    need(&body, &["name", "type"])?;
    let by = (state.events().zone(), caller.identity.user.as_str());
    let book = state.events().book();
    let made = book.put_trigger(&own_fields(body), None, by).await?;
    answer(StatusCode::CREATED, &named(&made))
}

/// `PUT /triggers/{ref_or_id}`.
pub(crate) async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
    Payload(body): Payload,
) -> ApiResult {
    caller.require_admin("change triggers")?;
    need(&body, &["name", "type"])?;
    let before = find_trigger(&state, &wanted)?.trigger;
    let mut value = own_fields(body);
    if value["pack"] == "default" {
        value["pack"] = before.pack.clone().into();
    }
    let by = (state.events().zone(), caller.identity.user.as_str());
    let book = state.events().book();
    let made = book.put_trigger(&value, Some(&before.reference()), by).await?;
    answer(StatusCode::OK, &named(&made))
}

/// `DELETE /triggers/{ref_or_id}`.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    caller.require_admin("remove triggers")?;
    let found = find_trigger(&state, &wanted)?.trigger.reference();
    let book = state.events().book();
    book.delete_trigger(&found, &caller.identity.user).await?;
    Ok(gone())
}

/// A trigger with what it is for, where somebody said so.
fn named(named: &NamedTrigger) -> Value {
    let mut shown = trigger(&named.trigger);
    if !named.description.is_empty() {
        shown["description"] = named.description.clone().into();
    }
    shown
}

fn find_trigger(state: &ApiState, wanted: &str) -> ApiResult<NamedTrigger> {
    let id = wanted.parse::<Id>().ok();
    let mut all = state.events().book().triggers().into_iter();
    let found = all
        .find(|named| named.trigger.reference() == wanted || id == Some(Id::of_name(&named.trigger.uid())));
    found.ok_or_else(|| unknown_reference(wanted))
}

/// `GET /triggers`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let paging = Paging::of(&query, &caller, &state)?;
    let types = query.list("type");
    let all = state.events().book().triggers();
    let matching: Vec<&NamedTrigger> = all
        .iter()
        .filter(|named| types.is_empty() || types.contains(&named.trigger.type_ref.as_str()))
        .collect();
    answer_page(&matching, &paging, |found| named(found))
}

/// `GET /triggers/{ref_or_id}`.
pub(crate) async fn get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    answer(StatusCode::OK, &named(&find_trigger(&state, &wanted)?))
}

/// Timers of enabled rules, with the next times that they fire and what becomes of missed ones.
async fn all_timers(state: &ApiState) -> ApiResult<Vec<Value>> {
    let mut shown = Vec::new();
    for timer in state.events().upcoming().await? {
        let Some(kind) = state.events().book().kind(&timer.type_ref) else {
            continue;
        };
        let text = |name: &str| timer.parameters.get(name).and_then(Value::as_str);
        let zone = text("timezone")
            .unwrap_or_else(|| state.events().zone())
            .to_owned();
        let misfire = text("misfire").unwrap_or("skip").to_owned();
        let mut one = trigger(&Trigger::new(&kind, timer.parameters.clone()));
        one["next"] = json!(timer.next);
        one["timezone"] = zone.into();
        one["misfire"] = misfire.into();
        one["rules"] = json!(timer.rules);
        shown.push(one);
    }
    Ok(shown)
}

/// `GET /timers`.
pub(crate) async fn timers(State(state): State<ApiState>, _caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let mut shown = all_timers(&state).await?;
    if let Some(wanted) = query.text("timer_type") {
        shown.retain(|timer| timer["type"] == wanted);
    }
    answer(StatusCode::OK, &shown)
}

/// `GET /timers/{ref_or_id}`: by the ref or id of the timer, or the ref of a rule that it is for.
pub(crate) async fn timer_get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    let of_rule = |timer: &Value| {
        let rules = timer["rules"].as_array();
        rules.is_some_and(|rules| rules.iter().any(|rule| *rule == wanted))
    };
    let all = all_timers(&state).await?;
    let found = all
        .iter()
        .find(|timer| timer["ref"] == wanted || timer["id"] == wanted)
        .or_else(|| all.iter().find(|timer| of_rule(timer)));
    answer(StatusCode::OK, found.ok_or_else(|| unknown_reference(&wanted))?)
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
    let triggers = match (query.text("trigger"), query.text("trigger_type")) {
        (Some(trigger), _) => vec![trigger.to_owned()],
        // Types without parameters have one trigger, which is called as they are; others one for each set of parameters.
        (None, Some(kind)) => {
            let all = state.events().book().triggers();
            let of_kind = all.iter().filter(|one| one.trigger.type_ref == kind);
            let mut refs: Vec<String> = of_kind.map(|one| one.trigger.reference()).collect();
            refs.push(kind.to_owned());
            refs.sort();
            refs.dedup();
            refs
        }
        (None, None) => Vec::new(),
    };
    let filter = InstanceFilter {
        triggers,
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
