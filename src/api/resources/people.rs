//! `/people`, `/access` and `/reviews`: who is who, who may do what, and what was done without approval.

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use crate::access::{Ask, PeopleError, reviews};
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::{Fields as _, Payload};
use crate::api::http::error::{ApiError, ApiResult, unknown_id};
use crate::api::http::json as answer;
use crate::api::http::query::Query;
use crate::model::{Action, Decision, Id, Identity, JsonMap, Place, Timestamp};

impl From<PeopleError> for ApiError {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Refused(why) => Self::bad_request(why),
            PeopleError::Unknown(why) => Self::not_found(why),
            PeopleError::Store(error) => error.into(),
        }
    }
}

/// `GET /people`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller) -> ApiResult {
    caller.require_admin("see everybody")?;
    answer(StatusCode::OK, &state.people().all())
}

/// `GET /people/{name}`: administrators see everybody, others themselves.
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult {
    if name != caller.identity.user {
        caller.require_admin("see other people")?;
    }
    show(&state, &name)
}

fn show(state: &ApiState, name: &str) -> ApiResult {
    let known = state
        .people()
        .get(name)
        .ok_or_else(|| ApiError::not_found(format!("Nobody called \"{name}\" is known.")))?;
    answer(StatusCode::OK, &known)
}

/// `POST /people/{name}/accounts`: `{account}`.
pub(crate) async fn link(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    Payload(mut body): Payload,
) -> ApiResult {
    caller.require_admin("link accounts")?;
    let account = body.need_text("account")?;
    let by = &caller.identity.user;
    let link = state.people().link(&account, &name, "administrator", by).await?;
    show(&state, &link.user)
}

/// `POST /accounts/link`: `{code}`: the account that the code was given to is the caller's from now on.
pub(crate) async fn redeem(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(mut body): Payload,
) -> ApiResult {
    let code = body.need_text("code")?;
    let account = state.people().redeem(&code, &caller.identity).await?;
    answer(
        StatusCode::OK,
        &json!({"account": account, "user": caller.identity.user}),
    )
}

/// `POST /accounts/unlink`: `{account}`: administrators any, others their own.
pub(crate) async fn unlink(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(mut body): Payload,
) -> ApiResult {
    let account = body.need_text("account")?;
    let of = (!caller.is_admin()).then_some(caller.identity.user.as_str());
    let link = state.people().unlink(&account, of, &caller.identity.user).await?;
    answer(StatusCode::OK, &json!({"account": account, "user": link.user}))
}

/// `POST /people/{name}/deactivate`.
pub(crate) async fn deactivate(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult {
    set_active(&state, &caller, &name, false).await
}

/// `POST /people/{name}/activate`.
pub(crate) async fn activate(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult {
    set_active(&state, &caller, &name, true).await
}

async fn set_active(state: &ApiState, caller: &Caller, name: &str, active: bool) -> ApiResult {
    caller.require_admin("deactivate people")?;
    state
        .people()
        .set_active(name, active, &caller.identity.user)
        .await?;
    show(state, name)
}

/// What is asked about somebody's rights.
struct Question {
    action: std::sync::Arc<Action>,
    alias: Option<String>,
    parameters: JsonMap,
    place: Option<Place>,
    now: Timestamp,
}

async fn question(state: &ApiState, caller: &Caller, body: &mut JsonMap) -> ApiResult<Question> {
    let mut alias = body.take_text("alias")?;
    let mut wanted = body.take_text("action")?;
    let mut given = body.take_object("parameters")?.unwrap_or_default();
    if let Some(command) = body.take_text("command")? {
        let (meant, said) = super::alias_execution::meaning(state, caller, command).await?;
        wanted = Some(meant.action_ref.clone());
        alias = Some(meant.reference());
        given = said;
    }
    let snapshot = state.content().snapshot();
    if let (None, Some(alias)) = (&wanted, &alias) {
        wanted = snapshot.aliases.get(alias).map(|alias| alias.action_ref.clone());
    }
    let wanted = wanted.ok_or_else(|| {
        ApiError::bad_request("'action' is a required property, or 'command', or a known 'alias'")
    })?;
    let action = snapshot.action(&wanted).cloned().ok_or_else(|| {
        let near = snapshot.nearest_action(&wanted);
        super::unknown_reference(&wanted, near)
    })?;
    let mut parameters = JsonMap::new();
    for (name, schema) in &action.parameters {
        if let Some(default) = schema.get("default") {
            parameters.insert(name.clone(), default.clone());
        }
    }
    parameters.extend(given);
    let place = body.take_text("place")?.map(|text| {
        let (gateway, name) = text.rsplit_once('/').unwrap_or((text.as_str(), ""));
        Place {
            gateway: gateway.to_owned(),
            conversation: name.to_owned(),
            thread: None,
            name: (!name.is_empty()).then(|| name.to_owned()),
        }
    });
    let now = match body.take_text("at")? {
        None => Timestamp::now(),
        Some(text) => text.parse().map_err(|_| {
            ApiError::bad_request(format!("'{text}' is no point in time: 2026-11-23T09:00:00Z"))
        })?,
    };
    Ok(Question {
        action,
        alias,
        parameters,
        place,
        now,
    })
}

fn judge(state: &ApiState, question: &Question, identity: &Identity) -> Decision {
    state.engine().decide(&Ask {
        identity,
        action: &question.action,
        alias: question.alias.as_deref(),
        parameters: &question.parameters,
        place: question.place.as_ref(),
        now: question.now,
    })
}

/// `POST /access/check`: `{user, command | action, alias, parameters, place, at}`.
pub(crate) async fn check(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(mut body): Payload,
) -> ApiResult {
    let user = body.take_text("user")?;
    let identity = match &user {
        Some(user) if *user != caller.identity.user => {
            caller.require_admin("ask what others may do")?;
            state.policy().identity(user, "simulated")
        }
        _ => (*caller.identity).clone(),
    };
    let question = question(&state, &caller, &mut body).await?;
    let decision = judge(&state, &question, &identity);
    let mut view =
        json!({"user": identity.user, "action": question.action.reference, "roles": identity.roles});
    add(&mut view, &decision);
    answer(StatusCode::OK, &view)
}

fn add(view: &mut Value, decision: &Decision) {
    view["allowed"] = json!(decision.allowed);
    view["reason"] = json!(decision.reason);
    view["line"] = json!(decision.line);
    view["needs"] = json!(decision.needs);
}

/// `POST /access/who-can`: `{action, alias, parameters, place, at}`: everybody who may.
pub(crate) async fn who_can(
    State(state): State<ApiState>,
    caller: Caller,
    Payload(mut body): Payload,
) -> ApiResult {
    caller.require_admin("ask what others may do")?;
    let question = question(&state, &caller, &mut body).await?;
    let mut found = Vec::new();
    for known in state.people().all() {
        let decision = judge(
            &state,
            &question,
            &state.policy().identity(&known.name, "simulated"),
        );
        if decision.allowed {
            let mut view = json!({"user": known.name, "roles": known.roles});
            add(&mut view, &decision);
            found.push(view);
        }
    }
    answer(StatusCode::OK, &found)
}

/// `GET /access`: what is in force, and what is wrong with the file.
pub(crate) async fn access(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    caller.require_admin("see the rules")?;
    let policy = state.policy();
    let file = policy.file();
    let (broken, ineffective) = (policy.problems(), policy.ineffective());
    let problems: Vec<Value> = broken
        .iter()
        .chain(ineffective.iter())
        .map(|problem| json!({"problem": problem, "text": problem.to_string()}))
        .collect();
    let rules: Vec<Value> = file
        .iter()
        .flat_map(|file| file.rules.iter().map(move |rule| (file, rule)))
        .map(|(file, rule)| super::rights::view(file, rule))
        .collect();
    answer(
        StatusCode::OK,
        &json!({
            "mode": policy.options().mode,
            "file": policy.on_disk().map(|file| file.name.clone()),
            "rules": rules,
            "owners": state.people().owners(),
            "problems": problems,
        }),
    )
}

/// `GET /reviews`: runs without approval that nobody has looked at yet.
pub(crate) async fn reviews(State(state): State<ApiState>, caller: Caller) -> ApiResult {
    let may = may_review(&state, &caller);
    let mut open = reviews::open(&**state.store()).await?;
    open.retain(|review| may || review.user == caller.identity.user);
    answer(StatusCode::OK, &open)
}

/// `POST /reviews/{id}`: `{note}`.
pub(crate) async fn review(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Payload(mut body): Payload,
) -> ApiResult {
    let id: Id = id.parse().map_err(|_| unknown_id(&id))?;
    let note = body.need_text("note")?;
    let may = may_review(&state, &caller);
    let signed = reviews::sign(
        &**state.store(),
        id,
        &note,
        &caller.identity,
        may,
        |account: &str| state.engine().authority().behind(account),
        Timestamp::now(),
    )
    .await;
    match signed {
        Ok(review) => answer(StatusCode::OK, &review),
        Err(reviews::ReviewError::Unknown(_)) => Err(unknown_id(&id)),
        Err(reviews::ReviewError::Forbidden(why)) => Err(ApiError::forbidden(why)),
        Err(reviews::ReviewError::Store(error)) => Err(error.into()),
    }
}

fn may_review(state: &ApiState, caller: &Caller) -> bool {
    caller.is_admin() || state.people().owners().contains(&caller.identity.user)
}
