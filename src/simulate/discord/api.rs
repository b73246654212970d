//! The stand-in's API over HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::{Asked, BOT, DIRECT, GUILD, Inner, OPS, Posted, ROLE, TOKEN, World, socket, strict};

/// First answers later than this are refused.
const FIRST_ANSWER: Duration = Duration::from_secs(3);
/// Answers by an interaction's token later than this are refused.
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);
/// So long a nonce is remembered: "the past few minutes".
const NONCE: Duration = Duration::from_secs(180);
const EPHEMERAL: u64 = 1 << 6;
const LOADING: u64 = 1 << 7;
/// Bytes of a request.
const BODY: usize = 25 << 20;

type Refusal = (u16, Value);
type Answer = Result<(u16, Value), Refusal>;

pub(super) fn router(inner: Arc<Inner>) -> Router {
    Router::new().fallback(handle).with_state(inner)
}

async fn handle(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    inner
        .world
        .lock()
        .requests
        .push(format!("{} {path}", parts.method));
    let hangs = {
        let faults = &mut inner.world.lock().faults;
        let hangs = faults.hung_requests > 0 && parts.method == Method::POST && path.ends_with("/messages");
        faults.hung_requests = faults.hung_requests.saturating_sub(u32::from(hangs));
        hangs
    };
    if hangs {
        // Nobody ever answers; only the client can end this.
        std::future::pending::<()>().await;
    }
    let (headers, paced) = paced(&inner, &parts.method, &path);
    let answer = match paced {
        Some(refusal) => Err(refusal),
        None => answer(&inner, &parts.method, &path, &query, &parts.headers, &body),
    };
    inner.changed.notify_waiters();
    if let Err((400, refusal)) = &answer
        && refusal["code"] == 50035
    {
        inner.world.lock().violations.push(refusal.to_string());
    }
    let (status, body) = answer.unwrap_or_else(|refusal| refusal);
    inner.world.lock().pace.count(status);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if body.is_null() {
        status.into_response()
    } else {
        (status, axum::Json(body)).into_response()
    };
    response.headers_mut().extend(headers);
    response
}

/// What a request is told about its pace, and the refusal when it is too fast.
fn paced(inner: &Inner, method: &Method, path: &str) -> (HeaderMap, Option<Refusal>) {
    let mut world = inner.world.lock();
    let world = &mut *world;
    if world.pace.bans() {
        return (HeaderMap::new(), Some((403, json!("error code: 1015"))));
    }
    let parts: Vec<&str> = path.trim_start_matches("/api/v10/").split('/').collect();
    let open = matches!(parts[0], "interactions" | "webhooks");
    let faults = &mut world.faults;
    let forced = if !open && faults.limited_globally > 0 {
        faults.limited_globally -= 1;
        Some((0.3, true))
    } else if method == Method::POST && parts.last() == Some(&"messages") {
        faults.limited.pop_front().map(|wait| (wait, false))
    } else {
        None
    };
    let verdict = world.pace.judge(method.as_str(), &parts, forced);
    world.violations.extend(verdict.violation);
    (verdict.headers, verdict.refusal.map(|body| (429, body)))
}

const fn refuse(status: u16, code: i64, message: &str) -> (u16, i64, &str) {
    (status, code, message)
}

fn no((status, code, message): (u16, i64, &str)) -> Refusal {
    (status, json!({"code": code, "message": message}))
}

/// The JSON of a body, and the file that came with it.
fn read(headers: &HeaderMap, body: &Bytes) -> Option<(Value, Option<String>)> {
    let kind = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if body.is_empty() {
        return Some((Value::Null, None));
    }
    let Some((_, boundary)) = kind.split_once("boundary=") else {
        return Some((serde_json::from_slice(body).ok()?, None));
    };
    let text = String::from_utf8_lossy(body);
    let (mut json, mut file) = (None, None);
    for part in text.split(&format!("--{}", boundary.trim_matches('"'))) {
        let Some((head, content)) = part.split_once("\r\n\r\n") else {
            continue;
        };
        let content = content.strip_suffix("\r\n").unwrap_or(content);
        if head.contains("name=\"payload_json\"") {
            json = serde_json::from_str(content).ok();
        } else if head.contains("name=\"files[0]\"") && head.contains("filename=") {
            file = Some(content.to_owned());
        }
    }
    Some((json?, file))
}

fn answer(
    inner: &Arc<Inner>,
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Answer {
    let path = path
        .strip_prefix("/api/v10/")
        .ok_or_else(|| no(refuse(404, 0, "404: Not Found")))?;
    let parts: Vec<&str> = path.split('/').collect();
    let (body, file) = read(headers, body)
        .ok_or_else(|| no(refuse(400, 50109, "The request body contains invalid JSON.")))?;
    let open = matches!(parts[0], "interactions" | "webhooks");
    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
    if !open && token != Some(&format!("Bot {TOKEN}")) {
        return Err((401, json!({"code": 0, "message": "401: Unauthorized"})));
    }
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["gateway", "bot"]) => Ok((
            200,
            json!({
                "url": format!("ws://{}", inner.gateway),
                "shards": 1,
                "session_start_limit": {"total": 1000, "remaining": 1000 - inner.world.lock().identifies.min(1000), "reset_after": 3_600_000, "max_concurrency": 1},
            }),
        )),
        ("GET", ["users", "@me"]) => Ok((200, json!({"id": BOT, "username": "sayso", "bot": true}))),
        ("GET", ["applications", "@me"]) => {
            let allowed = !inner.world.lock().faults.no_message_content;
            Ok((
                200,
                json!({"id": BOT, "name": "sayso", "flags": if allowed { 1 << 19 } else { 0 }}),
            ))
        }
        ("GET", ["users", "@me", "guilds"]) => Ok((200, json!([{"id": GUILD, "name": "simulated"}]))),
        ("GET", ["guilds", _, "members", _]) => Ok((200, json!({"user": {"id": BOT}, "roles": [ROLE]}))),
        ("GET", ["guilds", _, "roles"]) => Ok((
            200,
            json!([
                {"id": GUILD, "name": "@everyone", "permissions": "0"},
                {"id": ROLE, "name": "sayso", "permissions": "309237763072"},
            ]),
        )),
        ("GET", ["guilds", _, "channels"]) => Ok((
            200,
            json!([{"id": OPS, "type": 0, "name": "ops", "permission_overwrites": []}]),
        )),
        ("POST", ["users", "@me", "channels"]) => {
            body["recipient_id"]
                .as_str()
                .ok_or_else(|| no(refuse(400, 50035, "Invalid Form Body")))?;
            Ok((200, json!({"id": DIRECT, "type": 1})))
        }
        ("GET", ["channels", channel, "messages"]) => history(inner, channel, query),
        ("POST", ["channels", channel, "messages"]) => post(inner, channel, &body, file),
        ("PATCH", ["channels", channel, "messages", id]) => edit(inner, channel, id, &body, file),
        ("POST", ["channels", _, "messages", id, "threads"]) => thread(inner, id, &body),
        ("POST", ["interactions", id, token, "callback"]) => callback(inner, id, token, &body),
        (_, ["webhooks", application, token, rest @ ..]) => {
            if *application != BOT {
                return Err(no(refuse(404, 10015, "Unknown Webhook")));
            }
            webhook(inner, method, token, rest, &body, file)
        }
        (_, ["applications", BOT, "commands", rest @ ..])
        | (_, ["applications", BOT, "guilds", GUILD, "commands", rest @ ..]) => {
            commands(inner, method, rest, &body)
        }
        _ => Err(no(refuse(404, 0, "404: Not Found"))),
    }
}

fn history(inner: &Inner, channel: &str, query: &str) -> Answer {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let get = |name: &str| {
        pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    let after: u64 = get("after").and_then(|text| text.parse().ok()).unwrap_or(0);
    let limit: usize = get("limit").and_then(|text| text.parse().ok()).unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err((400, strict::form_body(&["limit: 1 to 100".to_owned()])));
    }
    let world = inner.world.lock();
    let id = |posted: &Posted| {
        posted.message["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .unwrap_or(0_u64)
    };
    let mut found: Vec<&Posted> = world
        .messages
        .iter()
        .filter(|posted| posted.message["channel_id"] == channel && !posted.ephemeral && id(posted) > after)
        .take(limit)
        .collect();
    // The newest come first, as Discord has it.
    found.reverse();
    Ok((
        200,
        found.into_iter().map(|posted| posted.message.clone()).collect(),
    ))
}

impl World {
    /// A message of the bot.
    fn write(&mut self, channel: &str, body: &Value, file: Option<String>, flags: u64) -> Value {
        let id = self.next_id();
        let message = json!({
            "id": id,
            "channel_id": channel,
            "type": 0,
            "content": body["content"].as_str().unwrap_or_default(),
            "embeds": body["embeds"].as_array().cloned().unwrap_or_default(),
            "components": body["components"].as_array().cloned().unwrap_or_default(),
            "attachments": body["attachments"].as_array().cloned().unwrap_or_default(),
            "nonce": body["nonce"],
            "flags": flags,
            "timestamp": jiff::Timestamp::now().to_string(),
            "edited_timestamp": null,
            "author": {"id": BOT, "username": "sayso", "bot": true},
            "mentions": [],
            "mention_roles": [],
        });
        self.messages.push(Posted {
            message: message.clone(),
            edits: 0,
            ephemeral: flags & EPHEMERAL != 0,
            file,
        });
        if flags & EPHEMERAL == 0 {
            // The bot hears its own messages, too.
            let mut told = message.clone();
            if channel != DIRECT {
                told["guild_id"] = json!(GUILD);
            }
            self.send("MESSAGE_CREATE", &told);
        }
        message
    }

    fn fails(&mut self) -> bool {
        let fails = self.faults.fail_after_applying > 0;
        self.faults.fail_after_applying = self.faults.fail_after_applying.saturating_sub(1);
        fails
    }

    fn rewrite(&mut self, id: &str, body: &Value, file: Option<String>) -> Answer {
        let posted = self
            .messages
            .iter_mut()
            .find(|posted| posted.message["id"] == id)
            .ok_or_else(|| no(refuse(404, 10008, "Unknown Message")))?;
        for name in ["content", "embeds", "components", "attachments"] {
            if !body[name].is_null() {
                posted.message[name] = body[name].clone();
            }
        }
        let flags = posted.message["flags"].as_u64().unwrap_or(0) & !LOADING;
        posted.message["flags"] = json!(flags);
        posted.file = file.or_else(|| posted.file.take());
        posted.edits += 1;
        Ok((200, posted.message.clone()))
    }
}

fn post(inner: &Inner, channel: &str, body: &Value, file: Option<String>) -> Answer {
    if !socket::is_channel(inner, channel) {
        return Err(no(refuse(404, 10003, "Unknown Channel")));
    }
    strict::message(body, false)?;
    let mut world = inner.world.lock();
    if world.faults.no_embeds && body["embeds"].as_array().is_some_and(|embeds| !embeds.is_empty()) {
        return Err(no(refuse(403, 50013, "Missing Permissions")));
    }
    let nonce = body["nonce"]
        .as_str()
        .filter(|_| body["enforce_nonce"] == true)
        .map(str::to_owned);
    let known = nonce
        .as_ref()
        .and_then(|nonce| world.nonces.get(&(channel.to_owned(), nonce.clone())))
        .filter(|(_, at)| at.elapsed() < NONCE)
        .map(|(id, _)| id.clone());
    if let Some(known) = known
        && let Some(posted) = world
            .messages
            .iter()
            .find(|posted| posted.message["id"] == known.as_str())
    {
        return Ok((200, posted.message.clone()));
    }
    let message = world.write(channel, body, file, 0);
    if let Some(nonce) = nonce {
        let id = message["id"].as_str().unwrap_or_default().to_owned();
        world
            .nonces
            .insert((channel.to_owned(), nonce), (id, Instant::now()));
    }
    if world.fails() {
        return Err((500, json!({"message": "500: Internal Server Error", "code": 0})));
    }
    Ok((200, message))
}

fn edit(inner: &Inner, channel: &str, id: &str, body: &Value, file: Option<String>) -> Answer {
    strict::message(body, true)?;
    let mut world = inner.world.lock();
    if world.faults.too_many_edits > 0 {
        world.faults.too_many_edits -= 1;
        let text = "Maximum number of edits to messages older than 1 hour reached. Try again later";
        return Err(no(refuse(400, 30046, text)));
    }
    let known = world
        .messages
        .iter()
        .find(|posted| {
            posted.message["id"] == id && posted.message["channel_id"] == channel && !posted.ephemeral
        })
        .ok_or_else(|| no(refuse(404, 10008, "Unknown Message")))?;
    if known.message["author"]["id"] != BOT {
        return Err(no(refuse(
            403,
            50005,
            "Cannot edit a message authored by another user",
        )));
    }
    world.rewrite(id, body, file)
}

fn thread(inner: &Inner, id: &str, body: &Value) -> Answer {
    let name = body["name"].as_str().unwrap_or_default();
    if !(1..=100).contains(&name.chars().count()) {
        return Err((400, strict::form_body(&["name: 1 to 100 in length".to_owned()])));
    }
    let mut world = inner.world.lock();
    let posted = world
        .messages
        .iter_mut()
        .find(|posted| posted.message["id"] == id)
        .ok_or_else(|| no(refuse(404, 10008, "Unknown Message")))?;
    if posted.message["thread"].is_object() {
        return Err(no(refuse(
            400,
            160_004,
            "A thread has already been created for this message",
        )));
    }
    posted.message["thread"] = json!({"id": id, "type": 11, "name": name});
    Ok((201, posted.message["thread"].clone()))
}

fn callback(inner: &Inner, id: &str, token: &str, body: &Value) -> Answer {
    let mut world = inner.world.lock();
    let at = world
        .asked
        .iter()
        .position(|asked| asked.id == id && asked.token == token && asked.at.elapsed() < FIRST_ANSWER)
        .ok_or_else(|| no(refuse(404, 10062, "Unknown interaction")))?;
    if world.asked[at].answer.is_some() {
        return Err(no(refuse(
            400,
            40060,
            "Interaction has already been acknowledged.",
        )));
    }
    strict::callback(world.asked[at].kind, body)?;
    world.asked[at].answer = Some(body.clone());
    let channel = world.asked[at].channel.clone();
    let flags = body["data"]["flags"].as_u64().unwrap_or(0) & EPHEMERAL;
    let original = match body["type"].as_u64() {
        Some(4) => Some(world.write(&channel, &body["data"], None, flags)),
        Some(5) => Some(world.write(&channel, &json!({}), None, flags | LOADING)),
        _ => None,
    };
    world.asked[at].original = original.and_then(|message| message["id"].as_str().map(str::to_owned));
    Ok((204, Value::Null))
}

fn webhook(
    inner: &Inner,
    method: &Method,
    token: &str,
    rest: &[&str],
    body: &Value,
    file: Option<String>,
) -> Answer {
    let mut world = inner.world.lock();
    let asked: Asked = world
        .asked
        .iter()
        .find(|asked| asked.token == token && asked.answer.is_some() && asked.at.elapsed() < TOKEN_LIFE)
        .cloned()
        .ok_or_else(|| no(refuse(404, 10015, "Unknown Webhook")))?;
    let target = match rest {
        ["messages", "@original"] => asked
            .original
            .clone()
            .ok_or_else(|| no(refuse(404, 10008, "Unknown Message")))?,
        ["messages", id] => (*id).to_owned(),
        _ => String::new(),
    };
    match (method.as_str(), rest) {
        ("POST", []) => {
            strict::message(body, false)?;
            let flags = body["flags"].as_u64().unwrap_or(0) & EPHEMERAL;
            Ok((200, world.write(&asked.channel, body, file, flags)))
        }
        ("GET", ["messages", _]) => world
            .messages
            .iter()
            .find(|posted| posted.message["id"] == target.as_str())
            .map(|posted| (200, posted.message.clone()))
            .ok_or_else(|| no(refuse(404, 10008, "Unknown Message"))),
        ("PATCH", ["messages", _]) => {
            strict::message(body, true)?;
            world.rewrite(&target, body, file)
        }
        ("DELETE", ["messages", _]) => {
            world
                .messages
                .retain(|posted| posted.message["id"] != target.as_str());
            Ok((204, Value::Null))
        }
        _ => Err(no(refuse(405, 0, "405: Method Not Allowed"))),
    }
}

fn commands(inner: &Inner, method: &Method, rest: &[&str], body: &Value) -> Answer {
    let mut world = inner.world.lock();
    match (method.as_str(), rest) {
        ("GET", []) => Ok((200, Value::Array(world.commands.clone()))),
        ("POST", []) => {
            strict::command(body)?;
            let name = body["name"].clone();
            let kind = body["type"].as_u64().unwrap_or(1);
            let same = |command: &Value| command["type"].as_u64().unwrap_or(1) == kind;
            let known = world
                .commands
                .iter()
                .position(|command| same(command) && command["name"] == name);
            let most = if kind == 1 { 100 } else { 5 };
            if known.is_none() && world.commands.iter().filter(|command| same(command)).count() >= most {
                return Err(no(refuse(
                    400,
                    30032,
                    "Maximum number of application commands reached",
                )));
            }
            let mut command = body.clone();
            command["id"] = json!(world.next_id());
            match known {
                Some(at) => world.commands[at] = command.clone(),
                None => world.commands.push(command.clone()),
            }
            Ok((201, command))
        }
        ("PATCH", [id]) => {
            let command = world
                .commands
                .iter_mut()
                .find(|command| command["id"] == *id)
                .ok_or_else(|| no(refuse(404, 10063, "Unknown application command")))?;
            let mut changed = body.clone();
            changed["id"] = command["id"].clone();
            changed["type"] = command["type"].clone();
            strict::command(&changed)?;
            *command = changed.clone();
            Ok((200, changed))
        }
        ("DELETE", [id]) => {
            world.commands.retain(|command| command["id"] != *id);
            Ok((204, Value::Null))
        }
        _ => Err(no(refuse(405, 0, "405: Method Not Allowed"))),
    }
}
