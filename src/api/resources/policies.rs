//! `/policies` and `/policytypes`, in the reference's shapes (POL-1).

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::Payload;
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::paging::{Paging, Projection, answer_page};
use crate::api::http::query::Query;
use crate::api::http::{json as answer, no_content};
use crate::events::{PolicyBook, PolicyError};
use crate::model::{Id, JsonMap};
use crate::policies::{Policy, types};

const ATTRIBUTES: [&str; 11] = [
    "uid",
    "metadata_file",
    "name",
    "ref",
    "pack",
    "description",
    "enabled",
    "resource_ref",
    "policy_type",
    "parameters",
    "id",
];
const TYPE: [&str; 9] = [
    "name",
    "description",
    "uid",
    "ref",
    "resource_type",
    "enabled",
    "module",
    "parameters",
    "id",
];

impl From<PolicyError> for ApiError {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Unknown(_) => Self::not_found(error.to_string()),
            PolicyError::Exists(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            PolicyError::OfPack(..) => Self::bad_request(error.to_string()),
            PolicyError::Flawed(findings) => {
                let lines = findings.iter().map(|finding| {
                    let hint = match finding.hint.as_str() {
                        "" => String::new(),
                        hint => format!(" ({hint})"),
                    };
                    format!("{}: {}{hint}", finding.path, finding.message)
                });
                Self::bad_request(lines.collect::<Vec<_>>().join("\n"))
            }
            PolicyError::Store(error) => error.into(),
        }
    }
}

/// The id that a policy has for API clients.
fn id_of(reference: &str) -> Id {
    Id::of_name(&format!("policy:{reference}"))
}

/// A policy as the API shows it.
fn view(policy: &Policy) -> Value {
    let (pack, name) = (&policy.pack, &policy.name);
    let mut shown = json!({
        "uid": format!("policy:{pack}:{name}"),
        "metadata_file": policy.metadata_file,
        "name": name,
        "ref": policy.reference,
        "pack": pack,
        "description": policy.description,
        "enabled": policy.enabled,
        "resource_ref": policy.resource_ref,
        "policy_type": policy.kind.type_name(),
        "parameters": policy.source.get("parameters").cloned().unwrap_or_else(|| json!({})),
        "id": id_of(&policy.reference),
    });
    if policy.description.is_empty()
        && let Some(shown) = shown.as_object_mut()
    {
        shown.shift_remove("description");
    }
    shown
}

fn book(state: &ApiState) -> &Arc<PolicyBook> {
    state.events().book().policies()
}

/// The policy with this ref or id.
fn find(state: &ApiState, wanted: &str) -> ApiResult<Arc<Policy>> {
    if let Some(policy) = book(state).policy(wanted) {
        return Ok(policy);
    }
    let by_id = wanted.parse::<Id>().ok().and_then(|id| {
        let mut all = book(state).all().into_iter();
        all.find(|policy| id_of(&policy.reference) == id)
    });
    if let Some(policy) = by_id {
        return Ok(policy);
    }
    let all = book(state).all();
    let near = crate::model::nearest(wanted, all.iter().map(|policy| policy.reference.as_str()));
    Err(super::unknown_reference(wanted, near))
}

/// `GET /policies`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let projection = Projection::of(&query, &ATTRIBUTES)?;
    let paging = Paging::of(&query, &caller, &state)?;
    let wanted = |name: &str, value: &str| {
        let list = query.list(name);
        list.is_empty() || list.contains(&value)
    };
    let all = book(&state).all();
    let matching: Vec<_> = all
        .iter()
        .filter(|policy| {
            wanted("pack", &policy.pack)
                && wanted("name", &policy.name)
                && wanted("resource_ref", &policy.resource_ref)
                && wanted("policy_type", policy.kind.type_name())
        })
        .collect();
    answer_page(&matching, &paging, |policy| projection.apply(view(policy)))
}

/// `GET /policies/{ref_or_id}`.
pub(crate) async fn get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
    query: Query,
) -> ApiResult {
    query.check()?;
    let projection = Projection::of(&query, &ATTRIBUTES)?;
    let policy = find(&state, &wanted)?;
    answer(StatusCode::OK, &projection.apply(view(&policy)))
}

fn read(state: &ApiState, mut body: JsonMap, before: Option<&Policy>) -> ApiResult<Arc<Policy>> {
    // What clients send back of what they were shown.
    for shown in ["id", "uid", "ref", "metadata_file"] {
        body.remove(shown);
    }
    for needed in ["name", "resource_ref", "policy_type"] {
        if !body.contains_key(needed) {
            return Err(ApiError::bad_request(format!(
                "'{needed}' is a required property"
            )));
        }
    }
    if !body.contains_key("pack") {
        let pack = before.map_or("default", |policy| policy.pack.as_str());
        body.insert("pack".to_owned(), pack.into());
    }
    Ok(book(state).read(&Value::Object(body))?)
}

/// `POST /policies`.
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(body): Payload,
) -> ApiResult {
    caller.require_admin("make policies")?;
    let policy = read(&state, body, None)?;
    let by = &caller.identity.user;
    book(&state).create(Arc::clone(&policy), by).await?;
    state.engine().policies_changed().await?;
    answer(StatusCode::CREATED, &view(&policy))
}

/// `PUT /policies/{ref_or_id}`.
pub(crate) async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
    Payload(body): Payload,
) -> ApiResult {
    caller.require_admin("change policies")?;
    let before = find(&state, &wanted)?;
    let policy = read(&state, body, Some(&before))?;
    let by = &caller.identity.user;
    book(&state).update(&before.reference, policy, by).await?;
    state.engine().policies_changed().await?;
    let now = find(&state, &before.reference)?;
    answer(StatusCode::OK, &view(&now))
}

/// `DELETE /policies/{ref_or_id}`.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    caller.require_admin("remove policies")?;
    let policy = find(&state, &wanted)?;
    let by = &caller.identity.user;
    book(&state).delete(&policy.reference, by).await?;
    state.engine().policies_changed().await?;
    Ok(no_content())
}

/// `GET /policytypes`.
pub(crate) async fn kinds(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let projection = Projection::of(&query, &TYPE)?;
    let paging = Paging::of(&query, &caller, &state)?;
    let all = types();
    answer_page(&all, &paging, |kind| projection.apply(kind.clone()))
}

/// `GET /policytypes/{ref_or_id}`.
pub(crate) async fn kind(_caller: Caller, Path(wanted): Path<String>) -> ApiResult {
    let found = types()
        .into_iter()
        .find(|kind| kind["ref"] == *wanted || kind["id"] == *wanted);
    let found = found.ok_or_else(|| {
        let near = crate::model::nearest(&wanted, crate::policies::KINDS.map(|(name, _)| name));
        super::unknown_reference(&wanted, near)
    })?;
    answer(StatusCode::OK, &found)
}
