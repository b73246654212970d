//! Messages that stream: begun as a reply to somebody, added to in chunks, stopped; and not to be edited meanwhile.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Inner;
use super::api::{Answer, Arguments, Refusal, no};
use super::messages::{add_of_bot, checked_thread, own, writable};
use super::strict;
use super::world::{Kind, World};

/// Characters of markdown in one call.
const MARKDOWN: usize = 12_000;
/// Characters of a title.
const TITLE: usize = 256;

fn wrong(what: String) -> Refusal {
    Refusal {
        error: "invalid_chunks".to_owned(),
        messages: vec![what],
    }
}

/// The chunks of a call, checked.
fn chunks(arguments: &Arguments) -> Result<Vec<Value>, Refusal> {
    let given = arguments.value("chunks", "invalid_chunks")?;
    let text = arguments.text("markdown_text");
    if text.as_ref().is_some_and(|text| text.chars().count() > MARKDOWN) {
        return Err(no("msg_too_long"));
    }
    let mut chunks = match given {
        None => Vec::new(),
        Some(Value::Array(chunks)) => chunks,
        Some(_) => return Err(no("invalid_chunks")),
    };
    for (at, chunk) in chunks.iter().enumerate() {
        check(chunk).map_err(|refusal| match refusal.messages.as_slice() {
            [] => refusal,
            messages => Refusal {
                messages: messages
                    .iter()
                    .map(|what| format!("chunks/{at}: {what}"))
                    .collect(),
                error: refusal.error.clone(),
            },
        })?;
    }
    if let Some(text) = text {
        chunks.insert(0, json!({"type": "markdown_text", "text": text}));
    }
    Ok(chunks)
}

fn check(chunk: &Value) -> Result<(), Refusal> {
    let text = |name: &str, most: usize, needed: bool| match &chunk[name] {
        Value::Null if !needed => Ok(()),
        Value::String(text) if text.chars().count() <= most && !(needed && text.is_empty()) => Ok(()),
        _ => Err(wrong(format!(
            "{name} must be a text of at most {most} characters"
        ))),
    };
    let fields = |known: &[&str]| {
        let mut all = chunk.as_object().into_iter().flat_map(serde_json::Map::keys);
        match all.find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(wrong(format!("invalid additional property: {name}"))),
            None => Ok(()),
        }
    };
    match chunk["type"].as_str() {
        Some("markdown_text") => {
            fields(&["type", "text"])?;
            text("text", MARKDOWN, true)
        }
        Some("plan_update") => {
            fields(&["type", "title"])?;
            text("title", TITLE, true)
        }
        Some("task_update") => {
            fields(&["type", "id", "title", "status", "details", "output", "sources"])?;
            text("id", TITLE, true)?;
            text("title", TITLE, true)?;
            text("details", TITLE, false)?;
            text("output", TITLE, false)?;
            match chunk["status"].as_str() {
                Some("pending" | "in_progress" | "complete" | "error") => Ok(()),
                _ => Err(wrong("no such status".to_owned())),
            }
        }
        Some("blocks") => {
            fields(&["type", "blocks"])?;
            strict::message_blocks(&chunk["blocks"])
        }
        _ => Err(wrong("no such type".to_owned())),
    }
}

/// Takes chunks into the blocks of a message: a plan with its tasks first.
fn take(message: &mut Value, chunks: Vec<Value>) {
    for chunk in chunks {
        match chunk["type"].as_str() {
            Some("markdown_text") => {
                let text = message["text"].as_str().unwrap_or_default().to_owned();
                message["text"] = json!(text + chunk["text"].as_str().unwrap_or_default());
            }
            Some("plan_update") => plan(message)["title"] = chunk["title"].clone(),
            Some("task_update") => {
                let plan = plan(message);
                let mut tasks = plan["tasks"].as_array().cloned().unwrap_or_default();
                let mut card = json!({"type": "task_card", "task_id": chunk["id"], "title": chunk["title"],
                    "status": chunk["status"]});
                let known = tasks.iter().position(|task| task["task_id"] == chunk["id"]);
                let old = known.map_or(Value::Null, |at| tasks[at].clone());
                for name in ["details", "output"] {
                    // What is told of a task is added to what was told.
                    let text = [&old[name], &chunk[name]].map(|part| part.as_str().unwrap_or_default());
                    if !text.concat().is_empty() {
                        card[name] = json!(text.concat());
                    }
                }
                match known {
                    Some(at) => tasks[at] = card,
                    None => tasks.push(card),
                }
                plan["tasks"] = json!(tasks);
            }
            _ => {
                let more = strict::with_ids(&chunk["blocks"]);
                let mut blocks = message["blocks"].as_array().cloned().unwrap_or_default();
                blocks.extend(more.as_array().cloned().unwrap_or_default());
                message["blocks"] = json!(blocks);
            }
        }
    }
}

fn plan(message: &mut Value) -> &mut Value {
    let mut blocks = message["blocks"].as_array().cloned().unwrap_or_default();
    if blocks.first().is_none_or(|block| block["type"] != "plan") {
        blocks.insert(
            0,
            json!({"type": "plan", "block_id": "plan", "title": "", "tasks": []}),
        );
    }
    message["blocks"] = json!(blocks);
    &mut message["blocks"][0]
}

pub(super) fn start(inner: &Arc<Inner>, world: &mut World, arguments: &Arguments) -> Answer {
    let channel = arguments.needed("channel", "channel_not_found")?;
    writable(world, &channel)?;
    arguments.needed("thread_ts", "invalid_thread_ts")?;
    let thread = checked_thread(world, &channel, arguments)?;
    if world.channels[&channel].kind != Kind::Im {
        let user = arguments.needed("recipient_user_id", "missing_recipient_user_id")?;
        let team = arguments.needed("recipient_team_id", "missing_recipient_team_id")?;
        if !world.people.contains_key(&user) {
            return Err(no("user_not_found"));
        }
        if team != super::TEAM {
            return Err(no("team_not_found"));
        }
    }
    match arguments.text("task_display_mode").as_deref() {
        None | Some("timeline" | "plan") => {}
        Some(_) => return Err(no("invalid_arguments")),
    }
    let chunks = chunks(arguments)?;
    let mut message = json!({"type": "message", "text": "", "blocks": []});
    take(&mut message, chunks);
    let ts = add_of_bot(inner, world, &channel, message, thread);
    let number = world.find(&channel, &ts).ok_or_else(|| no("internal_error"))?;
    world.messages[number].streaming = true;
    Ok(json!({"channel": channel, "ts": ts}))
}

fn streaming(world: &World, arguments: &Arguments) -> Result<(String, usize), Refusal> {
    let (channel, number) = own(world, arguments, "message_not_owned_by_app")?;
    if !world.messages[number].streaming {
        return Err(no("message_not_in_streaming_state"));
    }
    Ok((channel, number))
}

pub(super) fn append(world: &mut World, arguments: &Arguments) -> Answer {
    let (channel, number) = streaming(world, arguments)?;
    let chunks = chunks(arguments)?;
    if chunks.is_empty() {
        return Err(no("no_text"));
    }
    take(&mut world.messages[number].message, chunks);
    Ok(json!({"channel": channel, "ts": world.messages[number].ts()}))
}

pub(super) fn stop(world: &mut World, arguments: &Arguments) -> Answer {
    let (channel, number) = streaming(world, arguments)?;
    let mut chunks = chunks(arguments)?;
    if let Some(blocks) = arguments.value("blocks", "invalid_blocks_format")? {
        strict::message_blocks(&blocks)?;
        chunks.push(json!({"type": "blocks", "blocks": blocks}));
    }
    let posted = &mut world.messages[number];
    take(&mut posted.message, chunks);
    posted.streaming = false;
    Ok(json!({"channel": channel, "ts": posted.ts(), "message": posted.message}))
}
