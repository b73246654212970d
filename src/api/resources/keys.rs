//! `/keys`: the datastore, in the reference's shapes (KVS).

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::Value;

use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::{Fields as _, Payload};
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::paging::answer_list;
use crate::api::http::query::Query;
use crate::api::http::{json as answer, no_content};
use crate::datastore::{ALL, Datastore, KeyError, Owner, Pair, Put, Reach, Wish};
use crate::model::JsonMap;

const SYSTEM: &str = "system";

const ATTRIBUTES: [&str; 10] = [
    "uid",
    "scope",
    "name",
    "description",
    "value",
    "secret",
    "expire_timestamp",
    "id",
    "user",
    "encrypted",
];

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unknown(_) => Self::not_found(error.to_string()),
            KeyError::Refused(why) => Self::bad_request(why),
            KeyError::Forbidden(why) => Self::forbidden(why),
            KeyError::Store(error) => error.into(),
        }
    }
}

/// What a caller may do.
fn reach<'a>(state: &ApiState, caller: &'a Caller) -> Reach<'a> {
    state.keys().reach(&caller.identity)
}

/// Whose keys the query is about.
fn owner(query: &Query, caller: &Caller) -> ApiResult<Owner> {
    let user = query.text("user").unwrap_or(&caller.identity.user);
    Ok(Owner::of(query.text("scope").unwrap_or(SYSTEM), user)?)
}

/// A key as it is answered: in clear when it was asked for, and then the audit log knows.
async fn show(
    datastore: &Datastore,
    pairs: &[Arc<Pair>],
    decrypt: bool,
    caller: &Caller,
) -> ApiResult<Vec<Value>> {
    if decrypt {
        datastore.note_decrypted(pairs, &caller.identity.user).await?;
    }
    let show = |pair: &Arc<Pair>| {
        if !decrypt || !pair.secret {
            return Ok(Value::Object(pair.shown(None)));
        }
        let plain = datastore.plain(pair).ok_or_else(|| {
            ApiError::bad_request(format!(
                "The key \"{}\" was encrypted with another key than that of this installation: set it anew.",
                pair.owner.full_name(&pair.name)
            ))
        })?;
        Ok(Value::Object(pair.shown(Some(&plain))))
    };
    pairs.iter().map(show).collect()
}

/// `GET /keys`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let decrypt = query.flag("decrypt")?;
    let prefix = query.text("prefix").unwrap_or_default();
    let reach = reach(&state, &caller);
    let wishes: &[Wish] = if decrypt {
        &[Wish::View, Wish::Decrypt]
    } else {
        &[Wish::View]
    };
    let scope = query.text("scope").unwrap_or(ALL);
    let owners = if scope == ALL {
        let user = query.text("user").unwrap_or(&caller.identity.user);
        let own = Owner::User(user.to_owned());
        if query.text("user").is_some() {
            reach.check(Wish::View, &own, prefix)?;
        }
        // Of all there are those that the caller may see.
        let all = [Owner::System, own];
        let may = |owner: &Owner| wishes.iter().all(|wish| reach.may(*wish, owner));
        all.into_iter().filter(may).collect()
    } else {
        let owner = owner(&query, &caller)?;
        for wish in wishes {
            reach.check(*wish, &owner, prefix)?;
        }
        vec![owner]
    };
    let datastore = state.keys();
    let pairs: Vec<Arc<Pair>> = owners
        .iter()
        .flat_map(|owner| datastore.list(owner, prefix))
        .collect();
    let items = show(datastore, &pairs, decrypt, &caller).await?;
    answer_list(items, &query, &caller, &state, &ATTRIBUTES)
}

/// `GET /keys/{name}`.
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    query: Query,
) -> ApiResult {
    query.check()?;
    let owner = owner(&query, &caller)?;
    let decrypt = query.flag("decrypt")?;
    let reach = reach(&state, &caller);
    reach.check(Wish::View, &owner, &name)?;
    let datastore = state.keys();
    if decrypt {
        reach.check(Wish::Decrypt, &owner, &name)?;
    }
    let pair = datastore.need(&owner, &name)?;
    let shown = show(datastore, &[pair], decrypt, &caller).await?;
    answer(StatusCode::OK, &shown[0])
}

/// `PUT /keys/{name}`: `{value, scope, user, secret, encrypted, ttl, description}`.
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    query: Query,
    Payload(mut body): Payload,
) -> ApiResult {
    query.check()?;
    let mut owner = owner(&query, &caller)?;
    let (scope, user) = (body.take_text("scope")?, body.take_text("user")?);
    if scope.is_some() || user.is_some() {
        let user = user.as_deref().or_else(|| query.text("user"));
        let scope = scope.as_deref().or_else(|| query.text("scope")).unwrap_or(SYSTEM);
        owner = Owner::of(scope, user.unwrap_or(&caller.identity.user))?;
    }
    let put = Put {
        name,
        value: body.need_text("value")?,
        secret: flag(&body, "secret")?,
        encrypted: flag(&body, "encrypted")?,
        ttl: integer(&body, "ttl")?,
        description: body.take_text("description")?,
    };
    let reach = reach(&state, &caller);
    reach.check(Wish::Set, &owner, &put.name)?;
    if put.encrypted {
        reach.check(Wish::SetEncrypted, &owner, &put.name)?;
    }
    let pair = state.keys().put(owner, put, &caller.identity.user).await?;
    answer(StatusCode::OK, &pair.shown(None))
}

/// `DELETE /keys/{name}`.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    query: Query,
) -> ApiResult {
    query.check()?;
    let owner = owner(&query, &caller)?;
    reach(&state, &caller).check(Wish::Delete, &owner, &name)?;
    state.keys().delete(&owner, &name, &caller.identity.user).await?;
    Ok(no_content())
}

fn flag(body: &JsonMap, name: &str) -> ApiResult<bool> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(ApiError::bad_request(format!(
            "'{name}' is not of type 'boolean'"
        ))),
    }
}

fn integer(body: &JsonMap, name: &str) -> ApiResult<Option<i64>> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) => Ok(Some(number)),
            None => Err(ApiError::bad_request(format!(
                "'{name}' is not of type 'integer'"
            ))),
        },
    }
}
