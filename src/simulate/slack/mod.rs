//! A stand-in for Slack: its Web API, Socket Mode and signed HTTP requests, as documented and without mercy.
//!
//! It refuses what Slack refuses (kinds of tokens, sizes of blocks and views, late triggers, unknown channels), delivers
//! again what is not acknowledged, and can be told to fail: see [`Faults`]. What people do stands in
//! [`people`](self), what can be looked at afterwards in [`Simulator::messages`] and [`Simulator::calls`].

mod api;
mod deliver;
mod files;
mod http;
mod messages;
mod people;
mod socket;
mod streams;
mod strict;
#[cfg(test)]
mod tests;
mod views;
mod world;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use deliver::{Delivered, Pace};
pub use views::Opened;
pub use world::{Channel, Kind, Person};

/// The bot's token that is taken.
pub const BOT_TOKEN: &str = "xoxb-simulated-token";
/// The app's token that is taken.
pub const APP_TOKEN: &str = "xapp-1-simulated-token";
/// The secret with which requests are signed.
pub const SIGNING_SECRET: &str = "simulated-signing-secret";
/// The workspace.
pub const TEAM: &str = "T0SIMULATE";
/// The app.
pub const APP: &str = "A0SIMULATE";
/// The bot's account.
pub const BOT: &str = "U0SAYSOBOT";
/// The bot as the author of messages.
pub const BOT_ID: &str = "B0SAYSOBOT";
/// Somebody who writes.
pub const ANA: &str = "U0ANA00001";
/// Somebody else.
pub const BO: &str = "U0BO000001";
/// The channel `#ops`, with everybody in it.
pub const OPS: &str = "C0OPS00001";
/// The channel `#hall`, where the bot is not.
pub const HALL: &str = "C0HALL0001";
/// The private channel `#vault` of ana and the bot.
pub const VAULT: &str = "G0VAULT001";
/// The direct conversation of [`ANA`] with the bot.
pub const DIRECT: &str = "D0ANA00001";

/// What goes wrong; numbers and lists go down with each occurrence.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Calls of a method that are answered 429, each with this many seconds to wait.
    pub limited: BTreeMap<String, VecDeque<u64>>,
    /// Calls of a method that are answered 500 and have no effect.
    pub fail_before: BTreeMap<String, u32>,
    /// Calls of a method that take effect and are answered 500.
    pub fail_after: BTreeMap<String, u32>,
    /// Calls of a method that are refused with these errors: `msg_too_long`, `msg_blocks_too_long`, …
    pub refuse: BTreeMap<String, VecDeque<String>>,
    /// Every answer of a method comes this much later.
    pub slow: BTreeMap<String, Duration>,
    /// No token is taken, with this error: `token_revoked`, `account_inactive`.
    pub token: Option<String>,
    /// Calls of `apps.connections.open` that are never answered.
    pub hung_opens: u32,
    /// Connections whose handshake never ends.
    pub hung_handshakes: u32,
    /// Connections that never say hello.
    pub no_hello: u32,
    /// Nothing passes any more in both directions on connections that are open while this is set, for good.
    pub black_hole: bool,
    /// Every envelope is sent this many times more, also on other sockets.
    pub copies: u32,
    /// Two envelopes after each other change their places.
    pub reordered: bool,
    /// Triggers are expired when they arrive.
    pub expired_triggers: bool,
    /// Socket Mode is switched off.
    pub link_disabled: bool,
    /// More than one message a second in a channel is too fast, short bursts of five aside.
    pub strict_rates: bool,
    /// Scopes that the token lacks.
    pub missing_scopes: Vec<String>,
}

/// A message in a channel.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Where it is.
    pub channel: String,
    /// The message as the API gives it, with its metadata.
    pub message: Value,
    /// How often it was edited.
    pub edits: u32,
    /// Who alone sees it.
    pub only_for: Option<String>,
    /// Content of an attached file.
    pub file: Option<String>,
    /// It is a stream that has not been stopped.
    pub streaming: bool,
}

impl Posted {
    /// Its timestamp, which is its id in its channel.
    #[must_use]
    pub fn ts(&self) -> String {
        self.message["ts"].as_str().unwrap_or_default().to_owned()
    }

    /// The message that its thread hangs on.
    #[must_use]
    pub fn thread(&self) -> Option<String> {
        self.message["thread_ts"].as_str().map(str::to_owned)
    }

    /// Everything that can be read in it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut parts = Vec::new();
        match self.message["blocks"].as_array() {
            Some(blocks) if !blocks.is_empty() => blocks.iter().for_each(|block| texts(block, &mut parts)),
            _ => parts.push(self.message["text"].as_str().unwrap_or_default().to_owned()),
        }
        for attachment in self.message["attachments"].as_array().into_iter().flatten() {
            texts(attachment, &mut parts);
        }
        parts.extend(self.file.clone());
        parts.retain(|part| !part.is_empty());
        parts.join("\n")
    }

    /// Ids of the actions of its buttons by label.
    #[must_use]
    pub fn buttons(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for element in world::elements(&self.message["blocks"]) {
            if element["type"] == "button" {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                found.insert(text(&element["text"]["text"]), text(&element["action_id"]));
            }
        }
        found
    }
}

/// All that is text in a block.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == "text" => into.push(text.clone()),
                    Value::String(text) if name == "title" => {
                        let status = value["status"].as_str().map(|status| format!("[{status}] "));
                        into.push(status.unwrap_or_default() + text);
                    }
                    _ => texts(field, into),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|item| texts(item, into)),
        _ => {}
    }
}

/// A call of the Web API.
#[derive(Clone, Debug)]
pub struct Call {
    /// `chat.postMessage`.
    pub method: String,
    /// What it was called with.
    pub arguments: Value,
    /// When it came.
    pub at: Instant,
    /// Slack's error, when it was refused.
    pub error: Option<String>,
}

struct Inner {
    world: Mutex<world::World>,
    changed: Notify,
    api: SocketAddr,
    gateway: SocketAddr,
    stop: CancellationToken,
    http: reqwest::Client,
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
    pub async fn start() -> std::io::Result<Self> {
        let api = TcpListener::bind("127.0.0.1:0").await?;
        let gateway = TcpListener::bind("127.0.0.1:0").await?;
        let stop = CancellationToken::new();
        // Somebody may have installed it before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .map_err(std::io::Error::other)?;
        let inner = Arc::new(Inner {
            world: Mutex::new(world::World::new()),
            changed: Notify::new(),
            api: api.local_addr()?,
            gateway: gateway.local_addr()?,
            stop: stop.clone(),
            http,
        });
        inner.world.lock().base = format!("http://{}", inner.api);
        let router = api::router(Arc::clone(&inner));
        let ends = stop.clone();
        tokio::spawn(async move {
            let serving = axum::serve(api, router).with_graceful_shutdown(ends.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::error!("the stand-in's API ended: {error}");
            }
        });
        tokio::spawn(socket::accept(Arc::clone(&inner), gateway));
        tokio::spawn(deliver::again(Arc::clone(&inner)));
        Ok(Self {
            inner,
            _end: Arc::new(stop.drop_guard()),
        })
    }

    /// Base of the API, for the setting `api_url`.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}/api", self.inner.api)
    }

    /// Changes what goes wrong.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        let mut world = self.inner.world.lock();
        change(&mut world.faults);
        if world.faults.link_disabled {
            world.disconnect("link_disabled");
        }
        drop(world);
        self.inner.changed.notify_waiters();
    }

    /// How long acknowledgements are waited for, and when deliveries are repeated.
    pub fn pace(&self, pace: Pace) {
        self.inner.world.lock().pace = pace;
    }

    /// Sends events to this address instead of sockets, signed with [`SIGNING_SECRET`].
    pub fn over_http(&self, address: &str) {
        self.inner.world.lock().address = Some(address.to_owned());
    }

    /// Messages of a channel that everybody sees and the bot wrote, oldest first.
    #[must_use]
    pub fn messages(&self, channel: &str) -> Vec<Posted> {
        let of_bot = |posted: &Posted| posted.only_for.is_none() && posted.message["bot_id"] == BOT_ID;
        self.select(|posted| posted.channel == channel && of_bot(posted))
    }

    /// What everybody in the conversation sees and the bot wrote, in all conversations, oldest first.
    #[must_use]
    pub fn everything(&self) -> Vec<Posted> {
        self.select(|posted| posted.only_for.is_none() && posted.message["bot_id"] == BOT_ID)
    }

    /// Messages of a thread, whoever wrote them, with the one that it hangs on.
    #[must_use]
    pub fn thread(&self, channel: &str, ts: &str) -> Vec<Posted> {
        let in_it = |posted: &Posted| posted.ts() == ts || posted.thread().as_deref() == Some(ts);
        self.select(|posted| posted.channel == channel && posted.only_for.is_none() && in_it(posted))
    }

    /// What only this person saw.
    #[must_use]
    pub fn ephemerals(&self, user: &str) -> Vec<Posted> {
        self.select(|posted| posted.only_for.as_deref() == Some(user))
    }

    fn select(&self, fits: impl Fn(&Posted) -> bool) -> Vec<Posted> {
        let world = self.inner.world.lock();
        world
            .messages
            .iter()
            .filter(|posted| fits(posted))
            .cloned()
            .collect()
    }

    /// Views that are open for this person, the topmost last.
    #[must_use]
    pub fn views(&self, user: &str) -> Vec<Opened> {
        let world = self.inner.world.lock();
        world
            .views
            .iter()
            .filter(|view| view.user == user)
            .cloned()
            .collect()
    }

    /// The app's home as this person sees it.
    #[must_use]
    pub fn home(&self, user: &str) -> Option<Value> {
        self.inner.world.lock().homes.get(user).cloned()
    }

    /// All calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.inner.world.lock().calls.clone()
    }

    /// What was sent out so far, with how it was acknowledged.
    #[must_use]
    pub fn delivered(&self) -> Vec<Delivered> {
        self.inner.world.lock().envelopes.clone()
    }

    /// How something that was sent out was acknowledged.
    #[must_use]
    pub fn acknowledged(&self, envelope: &str) -> Option<Delivered> {
        let world = self.inner.world.lock();
        let found = world.envelopes.iter().find(|sent| sent.id == envelope)?;
        found.acked.is_some().then(|| found.clone())
    }

    /// What clients did that the documentation forbids.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.inner.world.lock().violations.clone()
    }

    /// How many sockets are open and greeted.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.inner.world.lock().sockets.len()
    }

    /// How many sockets were opened so far.
    #[must_use]
    pub fn opened_sockets(&self) -> u64 {
        self.inner.world.lock().opened
    }

    /// Cuts all sockets without a word.
    pub fn drop_sockets(&self) {
        self.inner.world.lock().order(&socket::Order::Cut);
    }

    /// Tells all sockets that they end: `warning`, `refresh_requested`; with the latter they are closed soon.
    pub fn disconnect(&self, reason: &str) {
        self.inner.world.lock().disconnect(reason);
    }

    /// Sends a text frame as it is on all sockets.
    pub fn frame(&self, text: &str) {
        self.inner
            .world
            .lock()
            .order(&socket::Order::Send(text.to_owned()));
    }

    /// Sends any payload, also one that is not as documented; gives the envelope's id.
    pub fn event(&self, kind: &str, payload: Value) -> String {
        let accepts = kind != "events_api";
        let mut world = self.inner.world.lock();
        world.deliver(&self.inner, kind, payload, accepts)
    }

    /// Changes users and channels.
    pub fn world(&self, change: impl FnOnce(&mut BTreeMap<String, Person>, &mut BTreeMap<String, Channel>)) {
        let world = &mut *self.inner.world.lock();
        change(&mut world.people, &mut world.channels);
    }

    /// Ends all streams, as Slack does after five minutes.
    pub fn end_streams(&self) {
        let mut world = self.inner.world.lock();
        world
            .messages
            .iter_mut()
            .for_each(|posted| posted.streaming = false);
    }

    /// Makes all triggers and addresses for answers worthless, as half an hour does.
    pub fn expire(&self) {
        let mut world = self.inner.world.lock();
        for trigger in &mut world.triggers {
            trigger.expired = true;
        }
        for address in &mut world.addresses {
            address.expired = true;
        }
    }

    /// Waits until something has happened; returns after a while in any case.
    pub async fn changed(&self) {
        let _ = tokio::time::timeout(Duration::from_millis(50), self.inner.changed.notified()).await;
    }
}
