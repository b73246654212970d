//! `/rules` and `/ruleenforcements`, in the reference's shapes (RUL-27, RUL-31, RUL-32); `POST /rules/test` explains.

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::{Fields as _, Payload};
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::paging::{Paging, Projection, answer_page};
use crate::api::http::query::Query;
use crate::api::http::{json as answer, no_content};
use crate::events::{Events, RuleError};
use crate::model::{Enforcement, Id, JsonMap};
use crate::rules::Rule;
use crate::store::EnforcementFilter;
use crate::triggers::Trigger;

const ATTRIBUTES: [&str; 14] = [
    "tags",
    "uid",
    "metadata_file",
    "name",
    "ref",
    "description",
    "pack",
    "type",
    "trigger",
    "criteria",
    "action",
    "context",
    "enabled",
    "id",
];
/// Keys of rules that only we have, and `metadata`.
const OWN: [&str; 5] = ["throttle", "dedup", "run_as", "webhook", "metadata"];
const ENFORCEMENT: [&str; 10] = [
    "held_back",
    "trigger_instance_id",
    "execution_id",
    "failure_reason",
    "rule",
    "enforced_at",
    "status",
    "id",
    "trigger_instance",
    "execution",
];

impl From<RuleError> for ApiError {
    fn from(error: RuleError) -> Self {
        match error {
            RuleError::Unknown(_) => Self::not_found(error.to_string()),
            RuleError::Exists(ref reference) => Self::conflict(id_of(reference), error.to_string()),
            RuleError::Taken(_, ref uid) => Self::conflict(Id::of_name(uid), error.to_string()),
            RuleError::OfPack(..) | RuleError::Fixed(..) | RuleError::InUse(..) => {
                Self::bad_request(error.to_string())
            }
            RuleError::Flawed(findings) => {
                let lines = findings.iter().map(|finding| {
                    let hint = if finding.hint.is_empty() {
                        String::new()
                    } else {
                        format!(" ({})", finding.hint)
                    };
                    format!("{}: {}{hint}", finding.path, finding.message)
                });
                Self::bad_request(lines.collect::<Vec<_>>().join("\n"))
            }
            RuleError::Store(error) => error.into(),
        }
    }
}

/// The id that a rule has for API clients.
fn id_of(reference: &str) -> Id {
    crate::events::rule_id(reference)
}

/// The ref of a rule that is named by its ref or id; a rule that is gone may still be named by its ref.
pub(super) fn reference_of(events: &Events, wanted: &str) -> ApiResult<String> {
    match find(events, wanted) {
        Ok(rule) => Ok(rule.reference.clone()),
        Err(_) if wanted.contains('.') => Ok(wanted.to_owned()),
        Err(error) => Err(error),
    }
}

/// A rule as the API shows it.
fn view(events: &Events, rule: &Rule) -> Value {
    let (pack, name) = (&rule.pack, &rule.name);
    let mut trigger = json!({"type": rule.trigger.type_ref, "parameters": rule.trigger.parameters});
    if let Some(kind) = events.book().kind(&rule.trigger.type_ref) {
        let full = Trigger::new(&kind, rule.trigger.parameters.clone());
        trigger["ref"] = full.reference().into();
    }
    let part = |name: &str| rule.source.get(name).cloned();
    let mut shown = json!({
        "tags": rule.tags,
        "uid": format!("rule:{pack}:{name}"),
        "metadata_file": rule.metadata_file,
        "name": name,
        "ref": rule.reference,
        "description": rule.description,
        "pack": pack,
        "type": {"ref": rule.kind.as_str(), "parameters": {}},
        "trigger": trigger,
        "criteria": part("criteria").unwrap_or_else(|| json!({})),
        "action": {"ref": rule.action.reference, "parameters": rule.action.parameters},
        "context": rule.context,
        "enabled": rule.enabled,
        "id": id_of(&rule.reference),
    });
    // What the reference does not have: shown where it is said, so that sending a rule back loses nothing.
    for name in OWN {
        if let Some(value) = part(name) {
            shown[name] = value;
        }
    }
    shown
}

/// A rule with what its trigger and action are for (RUL-32).
fn described(state: &ApiState, rule: &Rule) -> Value {
    let mut shown = view(state.events(), rule);
    if let Some(kind) = state.events().book().kind(&rule.trigger.type_ref) {
        shown["trigger"]["description"] = kind.description.clone().into();
    }
    let snapshot = state.content().snapshot();
    if let Some(action) = snapshot.action(&rule.action.reference) {
        shown["action"]["description"] = action.description.clone().into();
    }
    shown
}

/// The rule with this ref or id.
fn find(events: &Events, wanted: &str) -> ApiResult<std::sync::Arc<Rule>> {
    if let Some(rule) = events.book().rule(wanted) {
        return Ok(rule);
    }
    let by_id = wanted.parse::<Id>().ok().and_then(|id| {
        let mut all = events.book().all().into_iter();
        all.find(|rule| id_of(&rule.reference) == id)
    });
    by_id.ok_or_else(|| RuleError::Unknown(wanted.to_owned()).into())
}

/// `GET /rules`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    listed(&state, &caller, &query, false)
}

/// `GET /rules/views`.
pub(crate) async fn views(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    listed(&state, &caller, &query, true)
}

fn listed(state: &ApiState, caller: &Caller, query: &Query, views: bool) -> ApiResult {
    query.check()?;
    let projection = Projection::of(query, &ATTRIBUTES)?;
    let paging = Paging::of(query, caller, state)?;
    let wanted = |name: &str, value: &str| {
        let list = query.list(name);
        list.is_empty() || list.contains(&value)
    };
    let enabled = query
        .text("enabled")
        .map(|text| text.eq_ignore_ascii_case("true"));
    let events = state.events();
    let all = events.book().all();
    let matching: Vec<_> = all
        .iter()
        .filter(|rule| {
            wanted("pack", &rule.pack)
                && wanted("name", &rule.name)
                && wanted("action", &rule.action.reference)
                && wanted("trigger", &rule.trigger.type_ref)
                && enabled.is_none_or(|enabled| enabled == rule.enabled)
        })
        .collect();
    answer_page(&matching, &paging, |rule| {
        projection.apply(if views {
            described(state, rule)
        } else {
            view(events, rule)
        })
    })
}

/// `GET /rules/{ref_or_id}`.
pub(crate) async fn get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
    query: Query,
) -> ApiResult {
    query.check()?;
    let projection = Projection::of(&query, &ATTRIBUTES)?;
    let rule = find(state.events(), &wanted)?;
    answer(StatusCode::OK, &projection.apply(view(state.events(), &rule)))
}

/// `GET /rules/views/{ref_or_id}`.
pub(crate) async fn view_get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
    query: Query,
) -> ApiResult {
    query.check()?;
    let projection = Projection::of(&query, &ATTRIBUTES)?;
    let rule = find(state.events(), &wanted)?;
    answer(StatusCode::OK, &projection.apply(described(&state, &rule)))
}

fn read(state: &ApiState, body: JsonMap) -> ApiResult<std::sync::Arc<Rule>> {
    let mut body = body;
    // What clients send back of what they were shown.
    for shown in ["id", "uid", "ref", "metadata_file"] {
        body.remove(shown);
    }
    if let Some(Value::Object(trigger)) = body.get_mut("trigger") {
        trigger.remove("ref");
        trigger.remove("description");
    }
    if let Some(Value::Object(action)) = body.get_mut("action") {
        action.remove("description");
    }
    for needed in ["name", "trigger", "action"] {
        if !body.contains_key(needed) {
            return Err(ApiError::bad_request(format!(
                "'{needed}' is a required property"
            )));
        }
    }
    Ok(state
        .events()
        .book()
        .read(&Value::Object(body), state.events().zone())?)
}

/// `POST /rules`.
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(mut body): Payload,
) -> ApiResult {
    caller.require_admin("make rules: they run with the system's rights")?;
    signed(&mut body, &caller.identity.user);
    let rule = read(&state, body)?;
    let by = &caller.identity.user;
    state
        .events()
        .book()
        .create(std::sync::Arc::clone(&rule), by)
        .await?;
    answer(StatusCode::CREATED, &view(state.events(), &rule))
}

/// Who wrote the rule is in its context, unless the context says so itself.
fn signed(body: &mut JsonMap, user: &str) {
    let context = body.entry("context").or_insert_with(|| json!({}));
    if let Value::Object(context) = context {
        context.entry("user").or_insert_with(|| user.into());
    }
}

/// `GET /ruletypes`.
pub(crate) async fn kinds(_caller: Caller) -> ApiResult {
    answer(StatusCode::OK, &rule_types())
}

/// `GET /ruletypes/{name_or_id}`.
pub(crate) async fn kind(_caller: Caller, Path(wanted): Path<String>) -> ApiResult {
    let mut all = rule_types().into_iter();
    match all.find(|kind| kind["name"] == wanted.as_str() || kind["id"] == wanted.as_str()) {
        Some(found) => answer(StatusCode::OK, &found),
        None => Err(ApiError::not_found(format!(
            "There is no rule type \"{wanted}\" (standard, backstop)."
        ))),
    }
}

/// The kinds of rules (API-75).
fn rule_types() -> Vec<Value> {
    let kind = |name: &str, description: &str| {
        json!({
            "name": name,
            "description": description,
            "enabled": true,
            "parameters": {},
            "id": Id::of_name(&format!("rule_type:{name}")),
        })
    };
    vec![
        kind("standard", "Judged for every event of its trigger."),
        kind("backstop", "Judged when no other rule of its trigger matched."),
    ]
}

/// `PUT /rules/{ref_or_id}`.
pub(crate) async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
    Payload(mut body): Payload,
) -> ApiResult {
    caller.require_admin("change rules: they run with the system's rights")?;
    signed(&mut body, &caller.identity.user);
    let before = find(state.events(), &wanted)?;
    let rule = read(&state, body)?;
    let book = state.events().book();
    book.update(&before.reference, rule, &caller.identity.user)
        .await?;
    let now = find(state.events(), &before.reference)?;
    answer(StatusCode::OK, &view(state.events(), &now))
}

/// `DELETE /rules/{ref_or_id}`.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    caller.require_admin("remove rules")?;
    let rule = find(state.events(), &wanted)?;
    let book = state.events().book();
    book.delete(&rule.reference, &caller.identity.user).await?;
    Ok(no_content())
}

/// `POST /rules/test`: `{rule, payload}` or `{rule, trigger_instance}`; `rule` is a ref or a whole rule. Tells of every
/// criterion what it found and why it matches or not, and the parameters that the action would get (RUL-33).
pub(crate) async fn test(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(mut body): Payload,
) -> ApiResult {
    caller.require_admin("see what rules find in events")?;
    let events = state.events();
    let rule = match body.remove("rule") {
        Some(Value::String(reference)) => find(events, &reference)?,
        Some(Value::Object(rule)) => read(&state, rule)?,
        _ => return Err(ApiError::bad_request("'rule' is a required property")),
    };
    let payload = match (body.take_text("trigger_instance")?, body.remove("payload")) {
        (Some(id), _) => {
            let id: Id = id.parse().map_err(|_| ApiError::no_route())?;
            let instance = state.store().instance(id).await?;
            instance.ok_or_else(ApiError::no_route)?.payload
        }
        (None, Some(payload)) => std::sync::Arc::new(payload),
        (None, None) => return Err(ApiError::bad_request("'payload' is a required property")),
    };
    answer(StatusCode::OK, &events.explain(&rule, &payload))
}

fn enforcement(found: &Enforcement) -> Value {
    let (pack, name) = found.rule.split_once('.').unwrap_or(("", &found.rule));
    let mut shown = json!({
        "trigger_instance_id": found.instance,
        "execution_id": found.execution,
        "failure_reason": found.failure.as_deref().unwrap_or_default(),
        "rule": {"ref": found.rule, "id": id_of(&found.rule), "uid": format!("rule:{pack}:{name}")},
        "enforced_at": found.enforced_at,
        "status": match found {
            Enforcement { held_back: Some(_), .. } => "held_back",
            Enforcement { failure: Some(_), .. } => "failed",
            _ => "succeeded",
        },
        "id": found.id,
    });
    if let Some(held_back) = &found.held_back {
        shown["held_back"] = json!(held_back);
    }
    if found.execution.is_none()
        && let Some(shown) = shown.as_object_mut()
    {
        shown.shift_remove("execution_id");
    }
    shown
}

/// `GET /ruleenforcements` and, with instance and execution, `GET /ruleenforcements/views`.
async fn enforcements(state: &ApiState, caller: &Caller, query: &Query, views: bool) -> ApiResult {
    query.check()?;
    let projection = Projection::of(query, &ENFORCEMENT)?;
    let paging = Paging::of(query, caller, state)?;
    let id = |name: &str| query.text(name).map(str::parse::<Id>).transpose();
    let unknown = |_| ApiError::no_route();
    let rule = match (query.text("rule_ref"), query.text("rule_id")) {
        (Some(rule), _) => Some(rule.to_owned()),
        (None, Some(rule)) => Some(find(state.events(), rule)?.reference.clone()),
        (None, None) => None,
    };
    let filter = EnforcementFilter {
        rule,
        instance: id("trigger_instance").map_err(unknown)?,
        execution: id("execution").map_err(unknown)?,
        after: query.time("enforced_at_gt")?,
        before: query.time("enforced_at_lt")?,
    };
    let page = paging.page(query)?;
    let found = state.store().enforcements(filter, page).await?;
    let mut shown = Vec::with_capacity(found.items.len());
    for one in &found.items {
        let value = if views {
            whole(state, one).await?
        } else {
            enforcement(one)
        };
        shown.push(projection.apply(value));
    }
    let mut response = answer(StatusCode::OK, &shown)?;
    paging.headers(&mut response, found.total);
    Ok(response)
}

/// An enforcement with its instance and execution.
async fn whole(state: &ApiState, found: &Enforcement) -> ApiResult<Value> {
    let mut shown = enforcement(found);
    let instance = state.store().instance(found.instance).await?;
    shown["trigger_instance"] = instance
        .as_ref()
        .map_or_else(|| json!({}), super::triggers::instance);
    shown["execution"] = json!({});
    if let Some(id) = found.execution
        && let Some(execution) = state.engine().execution(id).await?
    {
        shown["execution"] =
            json!({"id": id, "status": execution.status, "action": {"ref": execution.request.action}});
    }
    Ok(shown)
}

pub(crate) async fn enforcement_list(
    State(state): State<ApiState>,
    caller: Caller,
    query: Query,
) -> ApiResult {
    enforcements(&state, &caller, &query, false).await
}

pub(crate) async fn enforcement_views(
    State(state): State<ApiState>,
    caller: Caller,
    query: Query,
) -> ApiResult {
    enforcements(&state, &caller, &query, true).await
}

/// `GET /ruleenforcements/{id}`.
pub(crate) async fn enforcement_get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(id): Path<String>,
) -> ApiResult {
    answer(
        StatusCode::OK,
        &enforcement(&find_enforcement(&state, &id).await?),
    )
}

/// `GET /ruleenforcements/views/{id}`.
pub(crate) async fn enforcement_view(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(id): Path<String>,
) -> ApiResult {
    let found = find_enforcement(&state, &id).await?;
    answer(StatusCode::OK, &whole(&state, &found).await?)
}

async fn find_enforcement(state: &ApiState, id: &str) -> ApiResult<Enforcement> {
    let unknown = || crate::api::http::error::unknown_id(&id);
    let id: Id = id.parse().map_err(|_| unknown())?;
    state.store().enforcement(id).await?.ok_or_else(unknown)
}
