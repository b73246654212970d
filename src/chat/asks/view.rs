//! Approvals and questions as templates see them.

use serde_json::{Value, json};

use crate::answers::{approvals, inquiries};
use crate::chat::say::readable;
use crate::engine::Engine;
use crate::model::{Execution, Identity, Status, Timestamp};
use crate::params::ResponseSchema;

/// Characters of an answer that a card shows.
const SHOWN: usize = 200;

/// What the card of an approval shows; it is for everybody in a conversation, so whoever presses a button learns there
/// whether they may.
pub(in crate::chat) fn approval(
    engine: &Engine,
    execution: &Execution,
    asker: bool,
    now: Timestamp,
) -> Value {
    let view = approvals::view(engine, execution, &Identity::default(), now);
    let mut shown = detail(&view, execution, now);
    shown["may"] = json!(shown["waiting"] == true && !asker);
    json!({"approval": shown, "approvals": [], "omitted": 0})
}

/// What the card of a question shows.
pub(in crate::chat) fn question(engine: &Engine, execution: &Execution, now: Timestamp) -> Value {
    let schema = inquiries::schema(execution).ok();
    let waits = execution.status == Status::Pending;
    let shown = engine.shown(execution, false).result.unwrap_or(Value::Null);
    let answer: Vec<Value> = match &shown["response"] {
        Value::Object(map) if !waits => map
            .iter()
            .map(|(name, value)| {
                let text: String = readable(value).chars().take(SHOWN).collect();
                json!({"name": name, "value": text})
            })
            .collect(),
        _ => Vec::new(),
    };
    json!({
        "id": execution.id,
        "user": execution.request.user,
        "status": execution.status,
        "waits": waits,
        "question": schema.as_ref().map(asks).unwrap_or_default(),
        "fields": schema.as_ref().map(fields).unwrap_or_default(),
        "form": schema.as_ref().map(form).unwrap_or_default(),
        "answer": answer,
        "age": now.seconds_since(execution.start),
        "over": execution.progress.wake,
    })
}

/// What is asked for, one by one.
pub(in crate::chat) fn fields(schema: &ResponseSchema) -> Vec<Value> {
    schema
        .fields()
        .map(|(name, field)| {
            let kind = match (&field["enum"], &field["type"]) {
                (Value::Array(choices), _) => choices.iter().map(readable).collect::<Vec<_>>().join(" or "),
                (_, Value::String(kind)) => kind.clone(),
                _ => "any value".to_owned(),
            };
            let required = field["required"] == json!(true);
            json!({
                "name": name,
                "kind": if required { kind } else { format!("{kind}, if you like") },
                "description": field["description"].as_str().unwrap_or_default(),
            })
        })
        .collect()
}

/// What is asked, on one line.
pub(in crate::chat) fn asks(schema: &ResponseSchema) -> String {
    schema
        .fields()
        .map(|(name, field)| field["description"].as_str().unwrap_or(name))
        .collect::<Vec<_>>()
        .join("; ")
}

/// How the answer is written: `continue=… env=…`.
pub(in crate::chat) fn form(schema: &ResponseSchema) -> String {
    schema
        .fields()
        .map(|(name, _)| format!("{name}=…"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Seconds that are left; null for ever.
pub(in crate::chat) fn left(view: &Value, now: Timestamp) -> Value {
    let deadline = view["deadline"]
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok());
    deadline.map_or(Value::Null, |deadline| {
        json!(deadline.seconds_since(now).max(0.0))
    })
}

fn texts(value: &Value) -> String {
    let items = value.as_array().into_iter().flatten();
    items.map(readable).collect::<Vec<_>>().join(", ")
}

/// Everything about one approval that somebody who decides needs, for templates; `view` is [`approvals::view`].
pub(in crate::chat) fn detail(view: &Value, execution: &Execution, now: Timestamp) -> Value {
    let parameters: Vec<Value> = view["parameters"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| json!({"name": name, "value": readable(value)}))
        .collect();
    let votes: Vec<Value> = view["votes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|vote| {
            let word = if vote["verdict"] == json!("approve") {
                "approved"
            } else {
                "denied"
            };
            let behalf = texts(&vote["on_behalf_of"]);
            json!({
                "user": vote["user"],
                "word": if behalf.is_empty() { word.to_owned() } else { format!("{word} for {behalf}") },
                "at": vote["at"],
                "reason": vote["reason"].as_str().unwrap_or_default(),
            })
        })
        .collect();
    let diff: Vec<Value> = view["voided"]
        .as_array()
        .and_then(|voided| voided.last())
        .and_then(|last| last["diff"].as_array())
        .into_iter()
        .flatten()
        .map(|difference| {
            let side = |value: &Value| {
                if value.is_null() {
                    "nothing".to_owned()
                } else {
                    readable(value)
                }
            };
            json!({
                "path": difference["path"],
                "before": side(&difference["before"]),
                "after": side(&difference["after"]),
            })
        })
        .collect();
    let diff_is_there = !diff.is_empty();
    let missing: Vec<String> = view["missing"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(group, number)| format!("{number} from {group}"))
        .collect();
    json!({
        "id": execution.id,
        "state": view["state"],
        "status": execution.status,
        "title": view["title"].as_str().unwrap_or(&execution.request.action),
        "reason": view["reason"].as_str().unwrap_or_default(),
        "requesters": texts(&view["requesters"]),
        "action": view["action"].as_str().unwrap_or_default(),
        "version": view["version"].as_str().unwrap_or_default(),
        "parameters": parameters,
        "asked": view["asked"].as_str().unwrap_or_default(),
        "given": view["given"].as_u64().unwrap_or(0),
        "needed": view["needed"].as_u64().unwrap_or(0),
        "missing": missing.join(", "),
        "votes": votes,
        "diff": diff,
        "left": left(view, now),
        "may": view["may_vote"] == json!(true),
        "waiting": view["state"] == json!("waiting"),
        "error": view["error"].as_str().unwrap_or_default(),
        "seen": if diff_is_there {
            format!(" {}", view["fingerprint"].as_str().and_then(|text| text.get(..8)).unwrap_or_default())
        } else {
            String::new()
        },
    })
}
