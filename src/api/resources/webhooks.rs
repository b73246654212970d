//! `/webhooks`: events from outside (WHK).

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use http::{StatusCode, header};
use serde_json::{Map, Value, json};

use super::triggers::trigger;
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::{form, json as parse, multipart, raw};
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::json as answer;
use crate::events::{Delivery, Emission, EmitError, Refused, Sender};
use crate::model::JsonMap;
use crate::triggers::webhook::{Auth, GENERIC, normalised};
use crate::triggers::{Trigger, WEBHOOK};

/// Triggers of webhooks that enabled rules listen on, by URL.
fn registered(state: &ApiState) -> Vec<Trigger> {
    let book = state.events().book();
    let Some(kind) = book.kind(WEBHOOK) else {
        return Vec::new();
    };
    let index = book.index();
    let mut found: Vec<Trigger> = index
        .triggers()
        .filter(|key| key.type_ref() == WEBHOOK)
        .filter_map(|key| index.rules(key).first())
        .map(|rule| Trigger::new(&kind, rule.trigger.parameters.clone()))
        .collect();
    found.sort_by(|one, other| url_of(one).cmp(url_of(other)));
    found
}

fn url_of(trigger: &Trigger) -> &str {
    let url = trigger.parameters.get("url").and_then(Value::as_str);
    normalised(url.unwrap_or_default())
}

/// A webhook with its whole URL, and the rules that listen there with what they want of senders.
fn hook(state: &ApiState, found: &Trigger) -> Value {
    let mut shown = trigger(found);
    let base = state.options().web_base();
    shown["url"] = format!("{base}/api/v1/webhooks/{}", url_of(found)).into();
    let listeners = state.events().listeners(url_of(found));
    let rules = listeners.iter().map(|rule| {
        let auth = rule.webhook.as_ref().unwrap_or(&Auth::Account);
        json!({"ref": rule.reference, "action": rule.action.reference, "senders": auth.sentence()})
    });
    shown["rules"] = rules.collect();
    shown
}

/// `GET /webhooks`.
pub(crate) async fn list(State(state): State<ApiState>, _caller: Caller) -> ApiResult {
    let shown: Vec<Value> = registered(&state)
        .iter()
        .map(|found| hook(&state, found))
        .collect();
    answer(StatusCode::OK, &shown)
}

/// `GET /webhooks/{url}`.
pub(crate) async fn get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(url): Path<String>,
) -> ApiResult {
    let url = normalised(&url);
    let found = registered(&state);
    match found.iter().find(|trigger| url_of(trigger) == url) {
        Some(found) => answer(StatusCode::OK, &hook(&state, found)),
        None => Err(ApiError::not_found("The resource could not be found.")),
    }
}

/// `POST /webhooks/{url}`: 202 when the event, and everything that follows from it, is stored.
pub(crate) async fn post(
    State(state): State<ApiState>,
    Path(url): Path<String>,
    request: Request,
) -> ApiResult {
    let (parts, body) = request.into_parts();
    let caller = state.authenticate(&parts.method, &parts.uri, &parts.headers);
    let generic = normalised(&url) == GENERIC;
    if generic {
        caller.as_ref().map_err(Clone::clone)?;
    }
    let bytes = raw(&parts.headers, body, state.options().body_limit).await?;
    let content_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let body = match kind.as_str() {
        "application/x-www-form-urlencoded" => form(&bytes)?,
        "multipart/form-data" => multipart(content_type, bytes.clone()).await?,
        _ if bytes.is_empty() => Value::Object(Map::new()),
        _ => parse(&bytes)?,
    };
    if generic {
        let by = caller?;
        by.require_admin("send any event")?;
        return emit(&state, body).await;
    }
    let headers = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let delivery = Delivery {
        url: &url,
        headers,
        raw: &bytes,
        body: body.clone(),
    };
    let sender = if caller.is_ok() {
        Sender::Known
    } else {
        Sender::Unknown
    };
    match state.events().deliver(delivery, sender).await {
        // Sent again: it was accepted, and says so again.
        Ok(_) | Err(Refused::Event(EmitError::Duplicate(_))) => answer(StatusCode::ACCEPTED, &body),
        Err(Refused::NotRegistered) => Err(ApiError::not_found(format!(
            "Webhook {} not registered with st2",
            normalised(&url)
        ))),
        Err(Refused::Unauthorized(why)) => Err(match caller {
            Err(refused) if why.starts_with("One of") => refused,
            _ => ApiError::new(StatusCode::UNAUTHORIZED, format!("Unauthorized - {why}")),
        }),
        Err(Refused::Event(error)) => Err(error.into()),
    }
}

/// The generic webhook (WHK-2): `{trigger, payload, trace?}`.
async fn emit(state: &ApiState, body: Value) -> ApiResult {
    let Value::Object(fields) = &body else {
        return Err(ApiError::bad_request("The body is not of type 'object'"));
    };
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let name = text("trigger").ok_or_else(|| ApiError::bad_request("'trigger' is a required property"))?;
    let payload = fields.get("payload").cloned().unwrap_or_else(|| json!({}));
    let (type_ref, parameters) = resolve(state, name);
    let event = Emission {
        type_ref,
        parameters,
        payload: Arc::new(payload.clone()),
        trace_tag: text("trace").map(str::to_owned),
        ..Emission::default()
    };
    match state.events().emit_from_outside(event).await {
        Ok(_) => answer(StatusCode::ACCEPTED, &body),
        Err(error @ (EmitError::UnknownType(_) | EmitError::BadPayload(_))) => {
            Err(ApiError::bad_request(format!(
                "Trigger payload validation failed and validation is enabled, not dispatching a trigger \"{name}\" ({}): {error}",
                crate::expr::pyvalue::str(&payload)
            )))
        }
        Err(error) => Err(error.into()),
    }
}

/// The type and parameters behind the ref of a type or of a trigger of some rule.
fn resolve(state: &ApiState, name: &str) -> (String, JsonMap) {
    let book = state.events().book();
    if book.kind(name).is_some() {
        return (name.to_owned(), JsonMap::new());
    }
    let mut all = book.triggers().into_iter();
    let found = all.find(|known| known.trigger.reference() == name);
    found.map_or_else(
        || (name.to_owned(), JsonMap::new()),
        |known| (known.trigger.type_ref, known.trigger.parameters),
    )
}
