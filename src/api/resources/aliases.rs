//! `/actionalias`: the sentences that start actions, which of them a command means, and help.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use super::{attributes, blocking, unknown_reference};
use crate::alias::{Definition, Match, Outcome, help};
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::{Fields as _, Payload};
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::json as answer;
use crate::api::http::paging::{Paging, Projection, answer_list};
use crate::api::http::query::Query;
use crate::model::Id;

/// `GET /actionalias`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    let (packs, names) = (query.list("pack"), query.list("name"));
    let items: Vec<Value> = state
        .content()
        .snapshot()
        .aliases
        .values()
        .filter(|alias| packs.is_empty() || packs.contains(&alias.pack.as_str()))
        .filter(|alias| names.is_empty() || names.contains(&alias.name.as_str()))
        .map(|alias| shown(alias))
        .collect();
    let model: Vec<Value> = items.first().cloned().into_iter().collect();
    let known = attributes(
        &model,
        &[
            "id",
            "ref",
            "name",
            "pack",
            "description",
            "enabled",
            "formats",
            "action_ref",
        ],
    );
    answer_list(items, &query, &caller, &state, &known)
}

/// `GET /actionalias/{ref_or_id}`.
pub(crate) async fn get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
    query: Query,
) -> ApiResult {
    let snapshot = state.content().snapshot();
    let by_id = || {
        let id = wanted.parse::<Id>().ok()?;
        snapshot.aliases.values().find(|alias| id_of(alias) == id)
    };
    let found = snapshot
        .aliases
        .get(&wanted)
        .or_else(by_id)
        .ok_or_else(|| unknown_reference(&wanted, None))?;
    let shown = shown(found);
    let model = [shown.clone()];
    let projection = Projection::of(&query, &attributes(&model, &[]))?;
    answer(StatusCode::OK, &projection.apply(shown))
}

/// `POST /actionalias/match`: the alias that a command means.
pub(crate) async fn match_command(
    State(state): State<ApiState>,
    _caller: Caller,
    Payload(mut body): Payload,
) -> ApiResult {
    let found = find(&state, body.need_text("command")?).await?;
    answer(
        StatusCode::OK,
        &json!({
            "actionalias": shown(&found.alias),
            "display": found.display,
            "representation": found.representation,
        }),
    )
}

/// `GET /actionalias/help`: the commands there are; `filter` is a regular expression.
pub(crate) async fn help(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    let snapshot = state.content().snapshot();
    let packs = query.list("pack");
    let paging = match query.text("limit") {
        Some(_) => Paging::of(&query, &caller, &state)?,
        // The bots of the reference read the whole help at once.
        None => Paging {
            limit: None,
            ..Paging::of(&query, &caller, &state)?
        },
    };
    let filter = query.text("filter").map(str::to_owned);
    let lines = help::lines(
        snapshot
            .aliases
            .values()
            .map(|alias| &**alias)
            .filter(|alias| packs.is_empty() || packs.contains(&alias.pack.as_str())),
    );
    let lines = match filter {
        None => lines,
        Some(filter) => blocking(move || help::with_pattern(lines, &filter))
            .await?
            .map_err(|error| {
                ApiError::bad_request(format!("The filter is no regular expression: {error}"))
            })?,
    };
    let limit = paging.limit.map_or(0, |limit| limit as usize);
    let page = help::page(lines, limit, usize::try_from(paging.offset).unwrap_or(usize::MAX));
    answer(StatusCode::OK, &page)
}

/// The one alias that a command means, by the reference's reading first, then by the lenient one.
pub(super) async fn find(state: &ApiState, command: String) -> ApiResult<Box<Match>> {
    let matcher = Arc::clone(&state.content().snapshot().matcher);
    // Formats are regular expressions of other people: bounded, but not always quick.
    let (outcome, command) = blocking(move || (matcher.find(&command), command)).await?;
    match outcome {
        Outcome::Matched(found) => Ok(found),
        Outcome::Ambiguous {
            candidates, multiple, ..
        } => {
            let kind = if multiple { "(multi) pattern" } else { "pattern" };
            let list = candidates
                .iter()
                .map(|candidate| {
                    let form = candidate.display.as_deref().unwrap_or(&candidate.representation);
                    format!("{} ({form})", candidate.alias)
                })
                .collect::<Vec<_>>()
                .join(", ");
            Err(ApiError::bad_request(format!(
                "Command '{command}' matched more than 1 {kind}: {list}"
            )))
        }
        Outcome::None { nearest } => {
            let hint = nearest
                .first()
                .map(|nearest| format!(". Did you mean \"{}\"?", nearest.display))
                .unwrap_or_default();
            Err(ApiError::bad_request(format!(
                "Command '{command}' matched no patterns{hint}"
            )))
        }
        Outcome::Limit(limit) => Err(ApiError::bad_request(limit.to_string())),
    }
}

pub(super) fn id_of(alias: &Definition) -> Id {
    Id::of_name(&alias.uid())
}

/// An alias as clients of the reference see it.
pub(super) fn shown(alias: &Definition) -> Value {
    let mut shown = json!({
        "uid": alias.uid(),
        "metadata_file": alias.metadata_file,
        "name": alias.name,
        "ref": alias.reference(),
        "description": alias.description,
        "pack": alias.pack,
        "enabled": alias.enabled,
        "action_ref": alias.action_ref,
        "formats": alias.formats,
        "ack": alias.ack,
        "result": alias.result,
        "extra": alias.extra,
        "immutable_parameters": alias.immutable_parameters,
        "id": id_of(alias),
    });
    if let Some(map) = shown.as_object_mut() {
        for key in ["ack", "result"] {
            match &mut map[key] {
                Value::Object(section) => section.retain(|name, value| {
                    // On by default; the reference shows them only where they are written.
                    !(matches!(name.as_str(), "enabled" | "append_url") && *value == true)
                }),
                section => *section = json!({}),
            }
        }
        if map["description"].is_null() {
            map.shift_remove("description");
        }
    }
    shown
}
