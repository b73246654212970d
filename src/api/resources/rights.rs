//! `/access/grants` and `/access/roles`: the rules of the access file, and those that are made here. People made here, too.

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use crate::access::file::{AccessFile, Role, Rule};
use crate::access::rulebook::{Made, number_of};
use crate::access::{RuleError, Window};
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::{Fields as _, Payload};
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::json as answer;
use crate::api::http::query::Query;

impl From<RuleError> for ApiError {
    fn from(error: RuleError) -> Self {
        match error {
            RuleError::Invalid(_) => Self::bad_request(error.to_string()),
            RuleError::Forbidden(why) => Self::forbidden(why),
            RuleError::Conflict(why) => Self::new(StatusCode::CONFLICT, why),
            RuleError::Unknown(why) => Self::not_found(why),
            RuleError::Store(error) => error.into(),
        }
    }
}

/// A rule as clients see it.
pub(super) fn view(file: &AccessFile, rule: &Rule) -> Value {
    let texts = |items: Vec<String>| json!(items);
    let mut view = json!({
        "id": rule.source.as_ref().map(|source| &source.id),
        "name": rule.name,
        "line": rule.place(&file.name),
        "denies": rule.denies,
        "to": texts(rule.to.iter().map(ToString::to_string).collect()),
        "except": texts(rule.except.iter().map(ToString::to_string).collect()),
        "run": texts(rule.run.iter().map(ToString::to_string).collect()),
        "in": rule.places,
        "at": texts(rule.times.iter().map(|window| Window::text(window).to_owned()).collect()),
        "when": rule.when.as_ref().map(crate::access::When::text),
        "approval": rule.approval,
        "reason": rule.reason,
    });
    if let Some(source) = &rule.source {
        view["by"] = json!(source.by);
        view["made"] = json!(source.at);
    }
    view
}

fn role_view(file: &AccessFile, name: &str, role: &Role, made: Option<&Made>) -> Value {
    let mut view = json!({
        "name": name,
        "line": (role.line > 0 && made.is_none()).then(|| format!("{}:{}", file.name, role.line)),
        "includes": role.includes,
        "members": role.members,
        "people": file.with_role(name),
    });
    if let Some(made) = made {
        view["by"] = json!(made.by);
        view["made"] = json!(made.at);
    }
    view
}

/// `GET /access/grants`: those of the file, and those made here.
pub(crate) async fn grants(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    state.people().may_write(&caller.identity)?;
    let file = state.policy().file();
    let rules: Vec<Value> = file
        .iter()
        .flat_map(|file| file.rules.iter().map(move |rule| view(file, rule)))
        .collect();
    answer(StatusCode::OK, &rules)
}

/// `GET /access/grants/{id}`: with its keys as they were written; what is not in force says why.
pub(crate) async fn grant(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult {
    state.people().may_write(&caller.identity)?;
    shown(&state, &id, StatusCode::OK)
}

fn shown(state: &ApiState, id: &str, status: StatusCode) -> ApiResult {
    let unknown = || {
        ApiError::not_found(format!(
            "there is no grant {id}; `sayso access list` shows them all"
        ))
    };
    let number = number_of(id).ok_or_else(unknown)?;
    let written = state.policy().written();
    let made = written.grants.get(&number).ok_or_else(unknown)?;
    let file = state.policy().file();
    let in_force = file.as_ref().and_then(|file| {
        let rule = file
            .rules
            .iter()
            .find(|rule| rule.source.as_ref().is_some_and(|source| source.id == id))?;
        Some(view(file, rule))
    });
    let mut view = in_force.unwrap_or_else(|| json!({"id": id, "by": made.by, "made": made.at}));
    view["body"] = json!(made.body);
    let name = format!("grant {id}");
    let problems = state.policy().ineffective();
    if let Some(problem) = problems.iter().find(|problem| problem.file == name) {
        view["problem"] = json!(problem.message);
    }
    answer(status, &view)
}

/// `POST /access/grants`: the keys of a grant or a denial of the access file.
pub(crate) async fn make_grant(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(body): Payload,
) -> ApiResult {
    let id = state.people().make_grant(body, &caller.identity).await?;
    shown(&state, &id, StatusCode::CREATED)
}

/// `PUT /access/grants/{id}`: all of its keys.
pub(crate) async fn change_grant(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Payload(body): Payload,
) -> ApiResult {
    state.people().change_grant(&id, body, &caller.identity).await?;
    shown(&state, &id, StatusCode::OK)
}

/// `DELETE /access/grants/{id}`.
pub(crate) async fn delete_grant(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult {
    state.people().delete_grant(&id, &caller.identity).await?;
    answer(StatusCode::OK, &json!({"id": id, "deleted": true}))
}

/// `GET /access/roles`: those of the file, and those made here.
pub(crate) async fn roles(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    state.people().may_write(&caller.identity)?;
    let file = state.policy().file();
    let names: Vec<String> = file.iter().flat_map(|file| file.roles.keys().cloned()).collect();
    let rows: Vec<Value> = names.iter().filter_map(|name| role_of(&state, name)).collect();
    answer(StatusCode::OK, &rows)
}

fn role_of(state: &ApiState, name: &str) -> Option<Value> {
    let file = state.policy().file()?;
    let role = file.roles.get(name)?;
    let written = state.policy().written();
    let disk = state.policy().on_disk();
    let by_file = disk.is_some_and(|disk| disk.roles.contains_key(name));
    let made = written.roles.get(name).filter(|_| !by_file);
    Some(role_view(&file, name, role, made))
}

/// `GET /access/roles/{name}`.
pub(crate) async fn role(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult {
    state.people().may_write(&caller.identity)?;
    told(&state, &name, StatusCode::OK)
}

fn told(state: &ApiState, name: &str, status: StatusCode) -> ApiResult {
    let view = role_of(state, name).ok_or_else(|| {
        let file = state.policy().file();
        let names: Vec<String> = file.iter().flat_map(|file| file.roles.keys().cloned()).collect();
        let near = crate::content::nearest(name, names.iter().map(String::as_str))
            .map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
        ApiError::not_found(format!("there is no role `{name}`{near}"))
    })?;
    answer(status, &view)
}

/// `POST /access/roles`: `{name, includes, members}`.
pub(crate) async fn make_role(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(mut body): Payload,
) -> ApiResult {
    let name = body.need_text("name")?;
    body.shift_remove("name");
    state
        .people()
        .put_role(&name, body, false, &caller.identity)
        .await?;
    told(&state, &name, StatusCode::CREATED)
}

/// `PUT /access/roles/{name}`: `{includes, members}`; makes the role when there is none.
pub(crate) async fn change_role(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    Payload(mut body): Payload,
) -> ApiResult {
    if body.take_text("name")?.is_some_and(|given| given != name) {
        return Err(ApiError::bad_request("a role keeps its name: make another one"));
    }
    body.shift_remove("name");
    state
        .people()
        .put_role(&name, body, true, &caller.identity)
        .await?;
    told(&state, &name, StatusCode::OK)
}

/// `DELETE /access/roles/{name}`.
pub(crate) async fn delete_role(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult {
    state.people().delete_role(&name, &caller.identity).await?;
    answer(StatusCode::OK, &json!({"name": name, "deleted": true}))
}

/// `POST /people`: `{name, email, roles}`.
pub(crate) async fn make_person(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(mut body): Payload,
) -> ApiResult {
    let name = body.need_text("name")?;
    body.shift_remove("name");
    state.people().make_person(&name, body, &caller.identity).await?;
    let known = state.people().get(&name);
    answer(StatusCode::CREATED, &known)
}

/// `DELETE /people/{name}`: only who was made here.
pub(crate) async fn delete_person(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult {
    state.people().delete_person(&name, &caller.identity).await?;
    answer(StatusCode::OK, &json!({"name": name, "deleted": true}))
}
