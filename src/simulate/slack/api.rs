//! The stand-in's Web API: bodies, tokens, faults, and the way to each method.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use super::world::{Kind, World};
use super::{
    APP, APP_TOKEN, BOT, BOT_ID, BOT_TOKEN, Call, Inner, TEAM, files, messages, socket, streams, views,
};

/// Bytes of a request.
const BODY: usize = 32 << 20;

/// Methods that read take forms only.
const FORMS_ONLY: &[&str] = &[
    "conversations.info",
    "conversations.history",
    "conversations.replies",
    "conversations.list",
    "conversations.members",
    "users.info",
    "users.list",
    "users.conversations",
    "files.getUploadURLExternal",
    "chat.getPermalink",
];

/// Which scope a method needs; where there are many, one is enough.
const SCOPES: &[(&str, &[&str])] = &[
    ("chat.", &["chat:write"]),
    (
        "conversations.history",
        &["channels:history", "groups:history", "im:history", "mpim:history"],
    ),
    (
        "conversations.replies",
        &["channels:history", "groups:history", "im:history", "mpim:history"],
    ),
    (
        "conversations.info",
        &["channels:read", "groups:read", "im:read", "mpim:read"],
    ),
    (
        "conversations.list",
        &["channels:read", "groups:read", "im:read", "mpim:read"],
    ),
    (
        "users.conversations",
        &["channels:read", "groups:read", "im:read", "mpim:read"],
    ),
    ("conversations.open", &["im:write", "mpim:write"]),
    ("conversations.join", &["channels:join"]),
    ("users.info", &["users:read"]),
    ("users.list", &["users:read"]),
    ("files.", &["files:write"]),
    ("reactions.add", &["reactions:write"]),
];

/// All scopes that a bot's token can have here.
const ALL_SCOPES: &[&str] = &[
    "app_mentions:read",
    "channels:history",
    "channels:join",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "mpim:write",
    "reactions:read",
    "reactions:write",
    "usergroups:read",
    "users:read",
    "users:read.email",
];

/// Slack's no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub error: String,
    pub messages: Vec<String>,
}

pub(super) fn no(error: &str) -> Refusal {
    Refusal {
        error: error.to_owned(),
        messages: Vec::new(),
    }
}

pub(super) type Answer = Result<Value, Refusal>;

/// Arguments of a call: from a form everything is text, from JSON it is what it is.
pub(super) struct Arguments(pub Map<String, Value>);

impl Arguments {
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub(super) fn needed(&self, name: &str, error: &str) -> Result<String, Refusal> {
        self.text(name).ok_or_else(|| no(error))
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Value::Bool(true)))
            || matches!(self.text(name).as_deref(), Some("true" | "1"))
    }

    /// Something structured: itself or as JSON in a text.
    pub(super) fn value(&self, name: &str, error: &str) -> Result<Option<Value>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|_| no(error)),
            Some(value) => Ok(Some(value.clone())),
        }
    }
}

pub(super) fn router(inner: Arc<Inner>) -> Router {
    Router::new().fallback(handle).with_state(inner)
}

async fn handle(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = parts.uri.path().to_owned();
    let response = if let Some(method) = path.strip_prefix("/api/") {
        let query = parts.uri.query().unwrap_or_default();
        call(&inner, method, query, &parts.headers, &body).await
    } else if let Some(id) = path.strip_prefix("/respond/") {
        messages::respond(&inner, id, &body)
    } else if let Some(id) = path.strip_prefix("/upload/") {
        files::upload(&inner, id, &body)
    } else {
        StatusCode::NOT_FOUND.into_response()
    };
    inner.changed.notify_waiters();
    response
}

fn header<'headers>(headers: &'headers HeaderMap, name: &str) -> &'headers str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The arguments of a request.
fn read(method: &str, query: &str, headers: &HeaderMap, body: &Bytes) -> Result<Arguments, Refusal> {
    let mut fields = Map::new();
    let pairs = |text: &[u8], fields: &mut Map<String, Value>| {
        for (name, value) in url::form_urlencoded::parse(text) {
            fields.insert(name.into_owned(), json!(value));
        }
    };
    pairs(query.as_bytes(), &mut fields);
    let kind = header(headers, "content-type");
    let plain = kind.split(';').next().unwrap_or_default().trim();
    match plain {
        "application/x-www-form-urlencoded" => pairs(body, &mut fields),
        "application/json" if FORMS_ONLY.contains(&method) => {}
        "application/json" => match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => fields.extend(object),
            Ok(_) => return Err(no("json_not_object")),
            Err(_) => return Err(no("invalid_json")),
        },
        "" if body.is_empty() => {}
        "" => return Err(no("missing_post_type")),
        _ => return Err(no("invalid_post_type")),
    }
    Ok(Arguments(fields))
}

fn limited(seconds: u64) -> Response {
    let mut response = (
        StatusCode::TOO_MANY_REQUESTS,
        axum::Json(json!({"ok": false, "error": "ratelimited"})),
    )
        .into_response();
    response
        .headers_mut()
        .insert("retry-after", HeaderValue::from(seconds));
    response
}

async fn call(inner: &Arc<Inner>, method: &str, query: &str, headers: &HeaderMap, body: &Bytes) -> Response {
    let arguments = read(method, query, headers, body);
    let (slow, hung) = {
        let faults = &mut inner.world.lock().faults;
        let hung = method == "apps.connections.open" && socket::taken(&mut faults.hung_opens);
        (faults.slow.get(method).copied(), hung)
    };
    if hung {
        inner.stop.cancelled().await;
    }
    if let Some(slow) = slow {
        tokio::time::sleep(slow).await;
    }
    let token = header(headers, "authorization")
        .strip_prefix("Bearer ")
        .unwrap_or_default();
    let mut world = inner.world.lock();
    let world = &mut *world;
    let given = arguments
        .as_ref()
        .map_or(Value::Null, |arguments| json!(arguments.0));
    world.calls.push(Call {
        method: method.to_owned(),
        arguments: given,
        at: Instant::now(),
        error: None,
    });
    let number = world.calls.len() - 1;
    let mark = |world: &mut World, error: &str| world.calls[number].error = Some(error.to_owned());
    if let Some(seconds) = world
        .faults
        .limited
        .get_mut(method)
        .and_then(std::collections::VecDeque::pop_front)
    {
        mark(world, "ratelimited");
        return limited(seconds);
    }
    if socket::taken_of(&mut world.faults.fail_before, method) {
        mark(world, "500");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let answer = arguments.and_then(|arguments| {
        allowed(world, method, token)?;
        if let Some(error) = world
            .faults
            .refuse
            .get_mut(method)
            .and_then(std::collections::VecDeque::pop_front)
        {
            return Err(no(&error));
        }
        if world.faults.strict_rates
            && matches!(
                method,
                "chat.postMessage" | "chat.postEphemeral" | "chat.startStream"
            )
        {
            paced(world, &arguments)?;
        }
        apply(inner, world, method, &arguments)
    });
    let told = match answer {
        Ok(mut told) => {
            if socket::taken_of(&mut world.faults.fail_after, method) {
                mark(world, "500");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            told["ok"] = json!(true);
            told
        }
        Err(refusal) => {
            mark(world, &refusal.error);
            if refusal.error == "ratelimited" {
                return limited(1);
            }
            if !refusal.messages.is_empty() {
                let text = format!("{method}: {}: {}", refusal.error, refusal.messages.join("; "));
                world.violations.push(text);
            }
            let mut told = json!({"ok": false, "error": refusal.error});
            if refusal.error == "missing_scope" {
                told["needed"] = json!(refusal.messages.join(","));
                told["provided"] = json!(scopes(world));
            } else if !refusal.messages.is_empty() {
                told["response_metadata"] = json!({"messages": refusal.messages});
            }
            told
        }
    };
    let mut response = axum::Json(told).into_response();
    if let Ok(scopes) = HeaderValue::from_str(&scopes(world)) {
        response.headers_mut().insert("x-oauth-scopes", scopes);
    }
    response
}

fn scopes(world: &World) -> String {
    let missing = &world.faults.missing_scopes;
    let there = ALL_SCOPES
        .iter()
        .filter(|scope| !missing.iter().any(|name| name == *scope));
    there.copied().collect::<Vec<_>>().join(",")
}

/// Whether the token counts for the method.
fn allowed(world: &World, method: &str, token: &str) -> Result<(), Refusal> {
    if token.is_empty() {
        return Err(no("not_authed"));
    }
    if token != BOT_TOKEN && token != APP_TOKEN {
        return Err(no("invalid_auth"));
    }
    if let Some(error) = &world.faults.token {
        return Err(no(error));
    }
    if (method == "apps.connections.open") != (token == APP_TOKEN) && method != "auth.test" {
        return Err(no("not_allowed_token_type"));
    }
    let needed = SCOPES
        .iter()
        .find(|(start, _)| method.starts_with(start))
        .map_or(&[][..], |(_, scopes)| scopes);
    let there = |scope: &&&str| !world.faults.missing_scopes.iter().any(|name| name == **scope);
    if needed.is_empty() || needed.iter().any(|scope| there(&scope)) {
        Ok(())
    } else {
        Err(Refusal {
            error: "missing_scope".to_owned(),
            messages: needed.iter().map(|&scope| scope.to_owned()).collect(),
        })
    }
}

/// One message a second in a channel, five at once now and then.
fn paced(world: &mut World, arguments: &Arguments) -> Result<(), Refusal> {
    let channel = arguments.text("channel").unwrap_or_default();
    let posts = world.posts.entry(channel).or_default();
    while posts
        .front()
        .is_some_and(|at| at.elapsed() > Duration::from_secs(5))
    {
        posts.pop_front();
    }
    if posts.len() >= 5 {
        return Err(no("ratelimited"));
    }
    posts.push_back(Instant::now());
    Ok(())
}

fn apply(inner: &Arc<Inner>, world: &mut World, method: &str, arguments: &Arguments) -> Answer {
    match method {
        "auth.test" => Ok(json!({
            "url": "https://simulated.slack.com/", "team": "simulated", "user": "sayso",
            "team_id": TEAM, "user_id": BOT, "bot_id": BOT_ID, "is_enterprise_install": false,
        })),
        "apps.connections.open" => {
            if world.faults.link_disabled {
                return Err(no("socket_mode_disabled"));
            }
            let ticket = world.id("ticket");
            world.tickets.insert(ticket.clone());
            let url = format!("ws://{}/link/?ticket={ticket}&app_id={APP}", inner.gateway);
            Ok(json!({"url": url}))
        }
        "conversations.info" => {
            let id = arguments.needed("channel", "invalid_arguments")?;
            let channel = visible(world, &id)?;
            Ok(json!({"channel": channel}))
        }
        "conversations.list" | "users.conversations" => {
            list(world, arguments, method == "users.conversations")
        }
        "conversations.members" => {
            let id = arguments.needed("channel", "invalid_arguments")?;
            visible(world, &id)?;
            let members = &world.channels[&id].members;
            Ok(json!({"members": members, "response_metadata": {"next_cursor": ""}}))
        }
        "conversations.join" => {
            let id = arguments.needed("channel", "invalid_arguments")?;
            visible(world, &id)?;
            let channel = world
                .channels
                .get_mut(&id)
                .ok_or_else(|| no("channel_not_found"))?;
            if channel.kind != Kind::Public {
                return Err(no("method_not_supported_for_channel_type"));
            }
            channel.members.insert(BOT.to_owned());
            Ok(json!({"channel": world.channel(&id)}))
        }
        "conversations.open" => {
            let users = arguments.needed("users", "users_list_not_supplied")?;
            match world.people.get(&users) {
                None => return Err(no("user_not_found")),
                Some(person) if person.deleted => return Err(no("user_disabled")),
                Some(person) if person.is_bot => return Err(no("cannot_dm_bot")),
                Some(_) => {}
            }
            let id = world.direct(&users);
            Ok(json!({"channel": {"id": id}}))
        }
        "users.info" => {
            let id = arguments.needed("user", "user_not_found")?;
            let user = world.person(&id).ok_or_else(|| no("user_not_found"))?;
            Ok(json!({"user": user}))
        }
        "users.list" => {
            let ids: Vec<String> = world.people.keys().cloned().collect();
            let members: Vec<Value> = ids.iter().filter_map(|id| world.person(id)).collect();
            Ok(json!({"members": members, "response_metadata": {"next_cursor": ""}}))
        }
        "reactions.add" => {
            let channel = arguments.needed("channel", "no_item_specified")?;
            let ts = arguments.needed("timestamp", "no_item_specified")?;
            let name = arguments.needed("name", "invalid_name")?;
            let number = world.find(&channel, &ts).ok_or_else(|| no("message_not_found"))?;
            let message = &mut world.messages[number].message;
            let mut there = message["reactions"].as_array().cloned().unwrap_or_default();
            if there.iter().any(|reaction| reaction["name"] == name.as_str()) {
                return Err(no("already_reacted"));
            }
            there.push(json!({"name": name, "users": [BOT], "count": 1}));
            message["reactions"] = json!(there);
            Ok(json!({}))
        }
        "conversations.history" => messages::history(world, arguments, false),
        "conversations.replies" => messages::history(world, arguments, true),
        "chat.postMessage" => messages::post(inner, world, arguments),
        "chat.postEphemeral" => messages::post_ephemeral(world, arguments),
        "chat.update" => messages::update(inner, world, arguments),
        "chat.startStream" => streams::start(inner, world, arguments),
        "chat.appendStream" => streams::append(world, arguments),
        "chat.stopStream" => streams::stop(world, arguments),
        "chat.delete" => messages::delete(inner, world, arguments),
        "chat.getPermalink" => {
            let channel = arguments.needed("channel", "channel_not_found")?;
            let ts = arguments.needed("message_ts", "message_not_found")?;
            world.find(&channel, &ts).ok_or_else(|| no("message_not_found"))?;
            let link = format!(
                "https://simulated.slack.com/archives/{channel}/p{}",
                ts.replace('.', "")
            );
            Ok(json!({"channel": channel, "permalink": link}))
        }
        "views.open" | "views.push" => views::open(world, arguments, method == "views.push"),
        "views.update" => views::update(world, arguments),
        "views.publish" => views::publish(world, arguments),
        "files.getUploadURLExternal" => files::begin(world, arguments),
        "files.completeUploadExternal" => files::complete(inner, world, arguments),
        _ => Err(no("unknown_method")),
    }
}

/// A channel that the bot may know of.
pub(super) fn visible(world: &World, id: &str) -> Answer {
    let channel = world.channels.get(id).ok_or_else(|| no("channel_not_found"))?;
    if channel.kind != Kind::Public && !channel.members.contains(BOT) {
        return Err(no("channel_not_found"));
    }
    world.channel(id).ok_or_else(|| no("channel_not_found"))
}

fn list(world: &World, arguments: &Arguments, mine: bool) -> Answer {
    let types = arguments
        .text("types")
        .unwrap_or_else(|| "public_channel".to_owned());
    let types: Vec<&str> = types.split(',').map(str::trim).collect();
    if types
        .iter()
        .any(|kind| !["public_channel", "private_channel", "im", "mpim"].contains(kind))
    {
        return Err(no("invalid_types"));
    }
    let limit: usize = arguments
        .text("limit")
        .map_or(Ok(100), |limit| limit.parse())
        .map_err(|_| no("invalid_limit"))?;
    if limit == 0 || limit > 1000 {
        return Err(no("invalid_limit"));
    }
    let from: usize = match arguments.text("cursor") {
        Some(cursor) => cursor.parse().map_err(|_| no("invalid_cursor"))?,
        None => 0,
    };
    let fits = |id: &&String| {
        let channel = &world.channels[*id];
        let member = channel.members.contains(BOT);
        types.contains(&channel.kind.of_list())
            && (member || (!mine && channel.kind == Kind::Public))
            && !(channel.archived && arguments.flag("exclude_archived"))
    };
    let all: Vec<Value> = world
        .channels
        .keys()
        .filter(fits)
        .filter_map(|id| world.channel(id))
        .collect();
    let page: Vec<Value> = all.iter().skip(from).take(limit).cloned().collect();
    let next = if from + limit < all.len() {
        (from + limit).to_string()
    } else {
        String::new()
    };
    Ok(json!({"channels": page, "response_metadata": {"next_cursor": next}}))
}
