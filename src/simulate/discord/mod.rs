//! A stand-in for Discord: its API over HTTP and its gateway over websockets, as documented and without mercy.
//!
//! It refuses what Discord refuses (limits, unknown fields of messages, second first answers, late answers), replays
//! after a resumption, and can be told to fail: see [`Faults`]. What happened is kept in [`Simulator::messages`] and
//! [`Simulator::requests`].

mod api;
mod pace;
mod socket;
mod strict;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use self::pace::Limits;

/// The token that is taken.
pub const TOKEN: &str = "simulated-token";
/// The bot's account and application.
pub const BOT: &str = "1100000000000000001";
/// The only server.
pub const GUILD: &str = "1100000000000000002";
/// The channel `#ops`.
pub const OPS: &str = "1100000000000000003";
/// Somebody who writes.
pub const ANA: &str = "1100000000000000004";
/// Somebody else who writes.
pub const BO: &str = "1100000000000000007";
/// Another bot that writes.
pub const ROBOT: &str = "1100000000000000008";
/// The bot's role in the server.
pub const ROLE: &str = "1100000000000000005";
/// A direct conversation between the bot and [`ANA`].
pub const DIRECT: &str = "1100000000000000006";

/// What goes wrong; numbers count down with each occurrence.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Posts that are answered 429 for their bucket, each with this many seconds to wait.
    pub limited: VecDeque<f64>,
    /// Requests that are answered 429 for everything.
    pub limited_globally: u32,
    /// Posts that take effect and are answered 500.
    pub fail_after_applying: u32,
    /// Connections whose handshake never ends.
    pub hung_handshakes: u32,
    /// Connections that never say hello.
    pub no_hello: u32,
    /// Heartbeats are not answered any more on connections that are open now.
    pub deaf: bool,
    /// Resumptions that are refused with an invalid session.
    pub refuse_resume: u32,
    /// Edits that are refused because the message is old.
    pub too_many_edits: u32,
    /// Posts that are refused because the bot may not embed.
    pub no_embeds: bool,
    /// The intent for the text of messages is not allowed.
    pub no_message_content: bool,
    /// Every event is sent so many more times.
    pub copies: u32,
    /// Posts of messages that are never answered.
    pub hung_requests: u32,
    /// An event waits until the next one has been sent.
    pub reordered: bool,
    /// Identifications that are answered with an invalid session.
    pub refuse_identify: u32,
}

/// A message in a channel.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The message as the API gives it.
    pub message: Value,
    /// How often it was edited.
    pub edits: u32,
    /// It was seen by one person only.
    pub ephemeral: bool,
    /// Content of an attached file.
    pub file: Option<String>,
}

impl Posted {
    /// Everything that can be read in it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut parts = vec![self.message["content"].as_str().unwrap_or_default().to_owned()];
        for embed in self.message["embeds"].as_array().map_or(&[][..], Vec::as_slice) {
            for name in ["title", "description"] {
                parts.push(embed[name].as_str().unwrap_or_default().to_owned());
            }
        }
        parts.retain(|part| !part.is_empty());
        parts.join("\n")
    }

    /// Ids of its buttons by label.
    #[must_use]
    pub fn buttons(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for row in self.message["components"]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
        {
            for button in row["components"].as_array().map_or(&[][..], Vec::as_slice) {
                let text = |name: &str| button[name].as_str().unwrap_or_default().to_owned();
                found.insert(text("label"), text("custom_id"));
            }
        }
        found
    }
}

/// An interaction that was sent out.
#[derive(Clone, Debug)]
struct Asked {
    id: String,
    token: String,
    channel: String,
    kind: u64,
    at: Instant,
    answer: Option<Value>,
    /// The message of the first answer.
    original: Option<String>,
}

#[derive(Default)]
struct Session {
    /// Everything that was sent, by number from 1.
    events: Vec<Value>,
    /// Where the client is connected: events are sent there.
    connection: Option<tokio::sync::mpsc::UnboundedSender<socket::Order>>,
    intents: u64,
}

#[derive(Default)]
struct World {
    last_id: u64,
    messages: Vec<Posted>,
    nonces: HashMap<(String, String), (String, Instant)>,
    pace: pace::Pace,
    last_identify: Option<Instant>,
    /// Kept back by [`Faults::reordered`].
    held: Option<(String, Value)>,
    commands: Vec<Value>,
    asked: Vec<Asked>,
    sessions: BTreeMap<String, Session>,
    requests: Vec<String>,
    identifies: u32,
    resumes: u32,
    heartbeats: u32,
    connections: u32,
    faults: Faults,
    /// What clients did that Discord would not forgive.
    violations: Vec<String>,
}

struct Inner {
    world: Mutex<World>,
    changed: Notify,
    heartbeat: Duration,
    api: SocketAddr,
    gateway: SocketAddr,
    stop: CancellationToken,
}

/// A running stand-in; it ends when the last handle is dropped.
#[derive(Clone)]
pub struct Simulator {
    inner: Arc<Inner>,
    _end: Arc<tokio_util::sync::DropGuard>,
}

impl Simulator {
    /// Starts one on ports that are free.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(heartbeat: Duration) -> std::io::Result<Self> {
        Self::start_on("127.0.0.1:0", "127.0.0.1:0", heartbeat).await
    }

    /// Starts one with its API and its gateway at these addresses.
    ///
    /// # Errors
    /// When an address cannot be had.
    pub async fn start_on(api: &str, gateway: &str, heartbeat: Duration) -> std::io::Result<Self> {
        let api = TcpListener::bind(api).await?;
        let gateway = TcpListener::bind(gateway).await?;
        let stop = CancellationToken::new();
        let inner = Arc::new(Inner {
            world: Mutex::default(),
            changed: Notify::new(),
            heartbeat,
            api: api.local_addr()?,
            gateway: gateway.local_addr()?,
            stop: stop.clone(),
        });
        inner.world.lock().last_id = 1_200_000_000_000_000_000;
        let router = api::router(Arc::clone(&inner));
        let ends = stop.clone();
        tokio::spawn(async move {
            let serving = axum::serve(api, router).with_graceful_shutdown(ends.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::error!("the stand-in's API ended: {error}");
            }
        });
        tokio::spawn(socket::accept(Arc::clone(&inner), gateway));
        Ok(Self {
            inner,
            _end: Arc::new(stop.drop_guard()),
        })
    }

    /// Base of the API, for the setting `api_url`.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}", self.inner.api)
    }

    /// Changes how fast clients may be.
    pub fn limits(&self, change: impl FnOnce(&mut Limits)) {
        change(&mut self.inner.world.lock().pace.limits);
    }

    /// Answers 401, 403 and 429 so far, for which Discord bans an address in the end.
    #[must_use]
    pub fn refusals(&self) -> usize {
        self.inner.world.lock().pace.refusals()
    }

    /// Changes what goes wrong.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.inner.world.lock().faults);
    }

    /// Messages of a channel that bots wrote, oldest first.
    #[must_use]
    pub fn messages(&self, channel: &str) -> Vec<Posted> {
        let world = self.inner.world.lock();
        let here = |posted: &&Posted| {
            posted.message["channel_id"] == channel && posted.message["author"]["id"] == BOT
        };
        world.messages.iter().filter(here).cloned().collect()
    }

    /// Messages of all channels that bots wrote, oldest first.
    #[must_use]
    pub fn everything(&self) -> Vec<Posted> {
        let world = self.inner.world.lock();
        let own = |posted: &&Posted| posted.message["author"]["id"] == BOT;
        world.messages.iter().filter(own).cloned().collect()
    }

    /// `METHOD /path` of all requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.inner.world.lock().requests.clone()
    }

    /// Registered commands.
    #[must_use]
    pub fn commands(&self) -> Vec<Value> {
        self.inner.world.lock().commands.clone()
    }

    /// `(identifications, resumptions, heartbeats)` so far.
    #[must_use]
    pub fn counts(&self) -> (u32, u32, u32) {
        let world = self.inner.world.lock();
        (world.identifies, world.resumes, world.heartbeats)
    }

    /// Connections that were opened so far, however they went on.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.inner.world.lock().connections
    }

    /// What clients did that the documentation forbids.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.inner.world.lock().violations.clone()
    }

    /// Whether a client is connected and identified.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        let world = self.inner.world.lock();
        world
            .sessions
            .values()
            .any(|session| session.connection.is_some())
    }

    /// Somebody writes a message; gives its id.
    pub fn say(&self, channel: &str, text: &str) -> String {
        self.say_at(channel, text, jiff::Timestamp::now())
    }

    /// The same, written at a certain time.
    pub fn say_at(&self, channel: &str, text: &str, at: jiff::Timestamp) -> String {
        self.say_as(ANA, channel, text, at)
    }

    /// The same by [`ANA`] or [`BO`].
    pub fn say_as(&self, who: &str, channel: &str, text: &str, at: jiff::Timestamp) -> String {
        self.write(who, channel, text, at, None)
    }

    /// Somebody answers a message.
    pub fn reply(&self, who: &str, on: &Posted, text: &str) -> String {
        let channel = on.message["channel_id"].as_str().unwrap_or_default().to_owned();
        self.write(who, &channel, text, jiff::Timestamp::now(), Some(on))
    }

    fn write(
        &self,
        who: &str,
        channel: &str,
        text: &str,
        at: jiff::Timestamp,
        on: Option<&Posted>,
    ) -> String {
        let (name, shown) = match who {
            BO => ("bo", "Bo"),
            ROBOT => ("robot", "Robot"),
            _ => ("ana", "Ana"),
        };
        let mut world = self.inner.world.lock();
        let id = world.next_id();
        let mut message = json!({
            "id": id,
            "channel_id": channel,
            "type": 0,
            "content": text,
            "timestamp": at.to_string(),
            "edited_timestamp": null,
            "author": {"id": who, "username": name, "global_name": shown, "bot": who == ROBOT},
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "components": [],
        });
        if text.contains(&format!("<@{BOT}>")) {
            message["mentions"] = json!([{"id": BOT, "username": "sayso", "bot": true}]);
        }
        if let Some(on) = on {
            message["type"] = json!(19);
            message["message_reference"] = json!({
                "type": 0, "message_id": on.message["id"], "channel_id": channel, "guild_id": GUILD,
            });
            message["referenced_message"] = on.message.clone();
        }
        if text.contains(&format!("<@&{ROLE}>")) {
            message["mention_roles"] = json!([ROLE]);
        }
        world.messages.push(Posted {
            message: message.clone(),
            edits: 0,
            ephemeral: false,
            file: None,
        });
        if channel != DIRECT {
            message["guild_id"] = json!(GUILD);
        }
        world.send("MESSAGE_CREATE", &message);
        id
    }

    /// Somebody changes what they wrote.
    pub fn change(&self, id: &str, text: &str) {
        let mut world = self.inner.world.lock();
        let Some(posted) = world
            .messages
            .iter_mut()
            .find(|posted| posted.message["id"] == id)
        else {
            return;
        };
        posted.message["content"] = json!(text);
        posted.message["edited_timestamp"] = json!(jiff::Timestamp::now().to_string());
        let mut message = posted.message.clone();
        if message["channel_id"] != DIRECT {
            message["guild_id"] = json!(GUILD);
        }
        world.send("MESSAGE_UPDATE", &message);
    }

    /// Any event, also one that is not as documented.
    pub fn event(&self, kind: &str, data: &Value) {
        self.inner.world.lock().send(kind, data);
    }

    /// Somebody uses an interaction; gives its id. `kind` and `data` as documented.
    pub fn interact(&self, channel: &str, kind: u64, data: &Value, on: Option<&Posted>) -> String {
        self.interact_as(ANA, channel, kind, data, on)
    }

    /// The same by [`ANA`] or [`BO`].
    pub fn interact_as(
        &self,
        who: &str,
        channel: &str,
        kind: u64,
        data: &Value,
        on: Option<&Posted>,
    ) -> String {
        let (name, shown) = if who == BO { ("bo", "Bo") } else { ("ana", "Ana") };
        let mut world = self.inner.world.lock();
        let id = world.next_id();
        let direct = channel == DIRECT;
        let user = json!({"id": who, "username": name, "global_name": shown});
        let token = format!("aW50ZXJhY3Rpb24{id}");
        let mut interaction = json!({
            "id": id,
            "application_id": BOT,
            "type": kind,
            "token": token,
            "version": 1,
            "data": data,
            "channel_id": channel,
            "channel": {"id": channel, "type": u8::from(direct)},
            "context": u8::from(direct),
            "authorizing_integration_owners": {"0": GUILD},
            "attachment_size_limit": 10_485_760,
            "entitlements": [],
            "app_permissions": "562949953421311",
            "locale": "en-GB",
        });
        if direct {
            interaction["user"] = user;
        } else {
            interaction["guild_id"] = json!(GUILD);
            interaction["member"] = json!({"nick": null, "user": user, "roles": [], "permissions": "0"});
        }
        if let Some(on) = on {
            interaction["message"] = on.message.clone();
        }
        world.asked.push(Asked {
            id: id.clone(),
            token,
            channel: channel.to_owned(),
            kind,
            at: Instant::now(),
            answer: None,
            original: None,
        });
        world.send("INTERACTION_CREATE", &interaction);
        id
    }

    /// The first answer to an interaction.
    #[must_use]
    pub fn answer(&self, interaction: &str) -> Option<Value> {
        let world = self.inner.world.lock();
        let asked = world.asked.iter().find(|asked| asked.id == interaction)?;
        asked.answer.clone()
    }

    /// The message that an interaction's first answer became.
    #[must_use]
    pub fn original(&self, interaction: &str) -> Option<Posted> {
        let world = self.inner.world.lock();
        let asked = world.asked.iter().find(|asked| asked.id == interaction)?;
        let id = asked.original.as_deref()?;
        world
            .messages
            .iter()
            .find(|posted| posted.message["id"] == id)
            .cloned()
    }

    /// Makes the tokens of all interactions so far worthless, as a quarter of an hour does.
    pub fn expire_tokens(&self) {
        for asked in &mut self.inner.world.lock().asked {
            asked.token = "expired".to_owned();
        }
    }

    /// Ends all connections: `Some`: with a close code, `None`: without a word.
    pub fn drop_connections(&self, code: Option<u16>) {
        self.inner.world.lock().order(&socket::Order::Close(code));
    }

    /// Sends an opcode with data on all connections: 7, 9.
    pub fn opcode(&self, op: u8, data: &Value) {
        let payload = json!({"op": op, "d": data, "s": null, "t": null});
        self.inner.world.lock().order(&socket::Order::Send(payload));
    }

    /// Waits until something has happened; returns after a while in any case.
    pub async fn changed(&self) {
        let _ = tokio::time::timeout(Duration::from_millis(50), self.inner.changed.notified()).await;
    }
}

impl World {
    fn next_id(&mut self) -> String {
        self.last_id += 1;
        self.last_id.to_string()
    }

    /// An event for all sessions, connected or not.
    fn send(&mut self, kind: &str, data: &Value) {
        if self.faults.reordered && self.held.is_none() {
            self.held = Some((kind.to_owned(), data.clone()));
            return;
        }
        self.send_now(kind, data);
        if let Some((kind, data)) = self.held.take() {
            self.send_now(&kind, &data);
        }
    }

    fn send_now(&mut self, kind: &str, data: &Value) {
        let copies = self.faults.copies;
        for session in self.sessions.values_mut() {
            let mut data = data.clone();
            session.hide(kind, &mut data);
            for _ in 0..=copies {
                let number = session.events.len() + 1;
                let payload = json!({"op": 0, "t": kind, "s": number, "d": data});
                session.events.push(payload.clone());
                if let Some(connection) = &session.connection {
                    let _ = connection.send(socket::Order::Send(payload));
                }
            }
        }
    }

    fn order(&mut self, order: &socket::Order) {
        for session in self.sessions.values_mut() {
            if let Some(connection) = &session.connection {
                let _ = connection.send(order.clone());
            }
        }
    }
}

impl Session {
    /// Without the intent texts are empty, except where the bot is meant.
    fn hide(&self, kind: &str, data: &mut Value) {
        let hidden = self.intents & (1 << 15) == 0;
        let meant = data["guild_id"].is_null()
            || data["mentions"]
                .as_array()
                .is_some_and(|users| users.iter().any(|user| user["id"] == BOT));
        if kind.starts_with("MESSAGE_") && hidden && !meant {
            data["content"] = json!("");
        }
    }
}
