//! Messages: posted, changed, deleted, read, and answers through addresses that came with an interaction.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::api::{Answer, Arguments, Refusal, no, visible};
use super::strict;
use super::world::{Kind, World, order};
use super::{APP, BOT, BOT_ID, Inner, Posted, TEAM};

/// How long an address for answers counts.
const ADDRESS_AGE: Duration = Duration::from_secs(30 * 60);
const ADDRESS_USES: u32 = 5;
/// Texts that are longer are cut.
const TEXT: usize = 40_000;
/// Edits that are longer are refused.
const EDIT: usize = 4_000;

/// A channel in which the bot may write.
pub(super) fn writable(world: &World, id: &str) -> Result<(), Refusal> {
    visible(world, id)?;
    let channel = &world.channels[id];
    if channel.archived {
        return Err(no("is_archived"));
    }
    if !channel.members.contains(BOT) {
        return Err(no("not_in_channel"));
    }
    Ok(())
}

/// The fields of a message, checked.
fn message(arguments: &Arguments) -> Result<Value, Refusal> {
    let text = arguments.text("text").unwrap_or_default();
    let blocks = arguments.value("blocks", "invalid_blocks_format")?;
    let attachments = arguments.value("attachments", "invalid_attachments")?;
    let metadata = arguments.value("metadata", "invalid_metadata_format")?;
    let empty = |value: &Option<Value>| value.as_ref().and_then(Value::as_array).is_none_or(Vec::is_empty);
    if text.is_empty() && empty(&blocks) && empty(&attachments) {
        return Err(no("no_text"));
    }
    let mut message = json!({"type": "message", "text": text.chars().take(TEXT).collect::<String>()});
    if let Some(blocks) = &blocks {
        strict::message_blocks(blocks)?;
        message["blocks"] = strict::with_ids(blocks);
    }
    if let Some(attachments) = attachments {
        let list = attachments.as_array().ok_or_else(|| no("invalid_attachments"))?;
        if list.len() > 100 {
            return Err(no("too_many_attachments"));
        }
        for attachment in list {
            if !attachment["blocks"].is_null() {
                strict::message_blocks(&attachment["blocks"])?;
            }
        }
        message["attachments"] = attachments;
    }
    if let Some(metadata) = metadata {
        strict::metadata(&metadata)?;
        message["metadata"] = metadata;
    }
    Ok(message)
}

/// Where `channel` is: people are reached in their direct conversation.
fn destination(world: &mut World, arguments: &Arguments) -> Result<String, Refusal> {
    let channel = arguments.needed("channel", "channel_not_found")?;
    if world.people.contains_key(&channel) && channel != BOT {
        return Ok(world.direct(&channel));
    }
    Ok(channel)
}

pub(super) fn checked_thread(
    world: &World,
    channel: &str,
    arguments: &Arguments,
) -> Result<Option<String>, Refusal> {
    let Some(thread) = arguments.text("thread_ts") else {
        return Ok(None);
    };
    let number = world
        .find(channel, &thread)
        .ok_or_else(|| no("thread_not_found"))?;
    let root = &world.messages[number];
    if root.only_for.is_some() {
        return Err(no("cannot_reply_to_message"));
    }
    // An answer to an answer lands in the same thread.
    Ok(Some(root.thread().unwrap_or(thread)))
}

pub(super) fn post(inner: &Arc<Inner>, world: &mut World, arguments: &Arguments) -> Answer {
    let channel = destination(world, arguments)?;
    writable(world, &channel)?;
    let thread = checked_thread(world, &channel, arguments)?;
    let message = message(arguments)?;
    let ts = add_of_bot(inner, world, &channel, message, thread);
    let number = world.find(&channel, &ts).ok_or_else(|| no("internal_error"))?;
    let told = world.messages[number].message.clone();
    Ok(json!({"channel": channel, "ts": ts, "message": told}))
}

/// Adds a message of the bot, and tells of it.
pub(super) fn add_of_bot(
    inner: &Arc<Inner>,
    world: &mut World,
    channel: &str,
    mut message: Value,
    thread: Option<String>,
) -> String {
    message["user"] = json!(BOT);
    message["bot_id"] = json!(BOT_ID);
    message["app_id"] = json!(APP);
    message["team"] = json!(TEAM);
    message["bot_profile"] = json!({"id": BOT_ID, "app_id": APP, "name": "sayso", "team_id": TEAM});
    let ts = world.stamp();
    message["ts"] = json!(ts);
    if let Some(thread) = thread {
        message["thread_ts"] = json!(thread);
    }
    world.messages.push(Posted {
        channel: channel.to_owned(),
        message: message.clone(),
        edits: 0,
        only_for: None,
        file: None,
        streaming: false,
    });
    if let Some(fields) = message.as_object_mut() {
        fields.remove("metadata");
    }
    // The bot hears itself, too.
    world.tell(inner, channel, message);
    ts
}

pub(super) fn post_ephemeral(world: &mut World, arguments: &Arguments) -> Answer {
    let channel = arguments.needed("channel", "channel_not_found")?;
    writable(world, &channel)?;
    let user = arguments.needed("user", "user_not_found")?;
    if !world.people.contains_key(&user) {
        return Err(no("user_not_found"));
    }
    if !world.channels[&channel].members.contains(&user) {
        return Err(no("user_not_in_channel"));
    }
    let thread = checked_thread(world, &channel, arguments)?;
    let message = message(arguments)?;
    let ts = add_private(world, &channel, &user, message, thread);
    Ok(json!({"message_ts": ts}))
}

/// Adds a message that one person sees.
pub(super) fn add_private(
    world: &mut World,
    channel: &str,
    user: &str,
    mut message: Value,
    thread: Option<String>,
) -> String {
    let ts = world.stamp();
    message["ts"] = json!(ts);
    message["user"] = json!(BOT);
    message["bot_id"] = json!(BOT_ID);
    if let Some(thread) = thread {
        message["thread_ts"] = json!(thread);
    }
    world.messages.push(Posted {
        channel: channel.to_owned(),
        message,
        edits: 0,
        only_for: Some(user.to_owned()),
        file: None,
        streaming: false,
    });
    ts
}

/// A message of the bot that everybody sees.
pub(super) fn own(world: &World, arguments: &Arguments, refused: &str) -> Result<(String, usize), Refusal> {
    let channel = arguments.needed("channel", "channel_not_found")?;
    visible(world, &channel)?;
    let ts = arguments.needed("ts", "message_not_found")?;
    let number = world.find(&channel, &ts).ok_or_else(|| no("message_not_found"))?;
    let posted = &world.messages[number];
    if posted.only_for.is_some() {
        return Err(no("message_not_found"));
    }
    if posted.message["bot_id"] != BOT_ID {
        return Err(no(refused));
    }
    Ok((channel, number))
}

pub(super) fn update(inner: &Arc<Inner>, world: &mut World, arguments: &Arguments) -> Answer {
    let (channel, number) = own(world, arguments, "cant_update_message")?;
    if arguments
        .text("text")
        .is_some_and(|text| text.chars().count() > EDIT)
    {
        return Err(no("msg_too_long"));
    }
    if world.messages[number].streaming {
        return Err(no("streaming_state_conflict"));
    }
    let new = message(arguments)?;
    let stamp = world.stamp();
    let posted = &mut world.messages[number];
    let before = posted.message.clone();
    posted.message["text"] = new["text"].clone();
    posted.message["blocks"] = new["blocks"].clone();
    for name in ["attachments", "metadata"] {
        if !new[name].is_null() {
            posted.message[name] = new[name].clone();
        }
    }
    posted.message["edited"] = json!({"user": BOT, "ts": stamp});
    posted.edits += 1;
    let now = posted.message.clone();
    world.tell_change(inner, &channel, &now, &before);
    Ok(json!({"channel": channel, "ts": now["ts"], "text": now["text"], "message": now}))
}

pub(super) fn delete(inner: &Arc<Inner>, world: &mut World, arguments: &Arguments) -> Answer {
    let (channel, number) = own(world, arguments, "cant_delete_message")?;
    let gone = world.messages.remove(number);
    world.tell_deletion(inner, &channel, &gone.message);
    Ok(json!({"channel": channel, "ts": gone.ts()}))
}

pub(super) fn history(world: &World, arguments: &Arguments, of_thread: bool) -> Answer {
    let id = arguments.needed("channel", "channel_not_found")?;
    visible(world, &id)?;
    let channel = &world.channels[&id];
    if !channel.members.contains(BOT) {
        return Err(no("not_in_channel"));
    }
    let scope = match channel.kind {
        Kind::Public => "channels:history",
        Kind::Private => "groups:history",
        Kind::Im => "im:history",
        Kind::Mpim => "mpim:history",
    };
    if world.faults.missing_scopes.iter().any(|name| name == scope) {
        return Err(Refusal {
            error: "missing_scope".to_owned(),
            messages: vec![scope.to_owned()],
        });
    }
    let limit: usize = arguments
        .text("limit")
        .map_or(Ok(100), |limit| limit.parse())
        .map_err(|_| no("invalid_limit"))?;
    if limit == 0 || limit > 999 {
        return Err(no("invalid_limit"));
    }
    let oldest = arguments.text("oldest").unwrap_or_else(|| "0".to_owned());
    let latest = arguments.text("latest");
    let inclusive = arguments.flag("inclusive");
    let metadata = arguments.flag("include_all_metadata");
    let thread = if of_thread {
        Some(arguments.needed("ts", "thread_not_found")?)
    } else {
        None
    };
    if let Some(thread) = &thread {
        world.find(&id, thread).ok_or_else(|| no("thread_not_found"))?;
    }
    let from: usize = match arguments.text("cursor") {
        Some(cursor) => cursor
            .strip_prefix("next:")
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| no("invalid_cursor"))?,
        None => 0,
    };
    let within = |ts: &str| {
        let after = order(ts) > order(&oldest) || (inclusive && ts == oldest);
        let before = latest
            .as_ref()
            .is_none_or(|latest| order(ts) < order(latest) || (inclusive && ts == latest));
        after && before
    };
    let fits = |posted: &&Posted| {
        let ts = posted.ts();
        let parent = posted.thread().filter(|thread| *thread != ts);
        let here = posted.channel == id && posted.only_for.is_none();
        here && match &thread {
            // The first message of a thread comes with every page of time.
            Some(thread) => ts == *thread || (parent.as_ref() == Some(thread) && within(&ts)),
            None => (parent.is_none() || posted.message["subtype"] == "thread_broadcast") && within(&ts),
        }
    };
    let mut found: Vec<&Posted> = world.messages.iter().filter(fits).collect();
    found.sort_by_key(|posted| order(&posted.ts()));
    if !of_thread {
        found.reverse();
    }
    let page = found.iter().skip(from).take(limit).map(|posted| {
        let mut message = posted.message.clone();
        if !metadata && let Some(fields) = message.as_object_mut() {
            fields.remove("metadata");
        }
        let ts = posted.ts();
        let replies: Vec<&Posted> = world
            .messages
            .iter()
            .filter(|reply| {
                reply.channel == id
                    && reply.only_for.is_none()
                    && reply.thread().as_ref() == Some(&ts)
                    && reply.ts() != ts
            })
            .collect();
        if let Some(last) = replies.last() {
            message["thread_ts"] = json!(ts);
            message["reply_count"] = json!(replies.len());
            message["latest_reply"] = json!(last.ts());
        }
        message
    });
    let page: Vec<Value> = page.collect();
    let more = from + limit < found.len();
    let next = if more {
        format!("next:{}", from + limit)
    } else {
        String::new()
    };
    Ok(json!({"messages": page, "has_more": more, "response_metadata": {"next_cursor": next}}))
}

/// An answer through an address that came with an interaction.
pub(super) fn respond(inner: &Arc<Inner>, id: &str, body: &Bytes) -> Response {
    let mut world = inner.world.lock();
    let world = &mut *world;
    let refuse = |error: &str| {
        let told = axum::Json(json!({"ok": false, "error": error}));
        (StatusCode::NOT_FOUND, told).into_response()
    };
    let Some(address) = world.addresses.iter_mut().find(|address| address.id == id) else {
        return refuse("invalid_url");
    };
    if address.expired || address.at.elapsed() > ADDRESS_AGE {
        return refuse("expired_url");
    }
    if address.uses >= ADDRESS_USES {
        return refuse("used_url");
    }
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return (StatusCode::BAD_REQUEST, "invalid_payload").into_response();
    };
    address.uses += 1;
    let (user, channel, ts) = (address.user.clone(), address.channel.clone(), address.ts.clone());
    match answer(inner, world, &user, &channel, ts, &Arguments(fields)) {
        Ok(()) => "ok".into_response(),
        Err(refusal) => {
            let text = format!("answer: {}: {}", refusal.error, refusal.messages.join("; "));
            world.violations.push(text);
            let told = axum::Json(json!({"ok": false, "error": refusal.error}));
            (StatusCode::BAD_REQUEST, told).into_response()
        }
    }
}

/// An answer to an interaction: at its address or with its acknowledgement.
pub(super) fn answer(
    inner: &Arc<Inner>,
    world: &mut World,
    user: &str,
    channel: &str,
    clicked: Option<String>,
    arguments: &Arguments,
) -> Result<(), Refusal> {
    let clicked = clicked.and_then(|ts| world.find(channel, &ts));
    if arguments.flag("delete_original") {
        if let Some(number) = clicked {
            world.messages.remove(number);
        }
        return Ok(());
    }
    let mut message = message(arguments)?;
    if arguments.flag("replace_original")
        && let Some(number) = clicked
    {
        let posted = &mut world.messages[number];
        posted.message["text"] = message["text"].take();
        posted.message["blocks"] = message["blocks"].take();
        posted.edits += 1;
        return Ok(());
    }
    let thread = arguments.text("thread_ts");
    match arguments.text("response_type").as_deref() {
        Some("in_channel") => {
            add_of_bot(inner, world, channel, message, thread);
        }
        None | Some("ephemeral") => {
            add_private(world, channel, user, message, thread);
        }
        Some(_) => return Err(no("invalid_arguments")),
    }
    Ok(())
}
