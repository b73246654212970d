//! Slack: a workspace's events over sockets or requests, its messages, slash commands, buttons and forms.
//!
//! What comes in is committed before it is acknowledged; what goes out cannot ring anybody. `socket` and `http` bring
//! envelopes, `events` reads them, `interactions` answers what is pressed and picked, `blocks` and `modals` show, `sending` and
//! `files` deliver, `web` calls, `catchup` reads what was said meanwhile, `manifest` and `doctor` help to set it up.

mod blocks;
mod catchup;
pub mod doctor;
mod events;
mod files;
mod http;
mod interactions;
pub mod limits;
pub mod manifest;
mod modals;
mod names;
mod places;
mod sending;
mod socket;
mod stream;
#[cfg(test)]
mod tests;
mod web;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::catchup::Seen;
use self::events::{Me, Said};
use self::http::Door;
use self::names::Names;
use self::sending::Sender;
use self::socket::{Done, Listener, Plug, State};
use self::web::{Failure, Web};
use super::gateway::{
    Capabilities, Dialect, Gateway, Inbound, Limits, Markup, Receipt, Rendered, SendError, Sent,
};
use super::hub::Hub;
use super::router::ReceiveError;
use crate::model::{Place, Timestamp};
use crate::settings::{SlackMode, SlackOptions};
use crate::store::Store;

pub use self::http::Doors;

/// How long storing may take until Slack is left to deliver it again.
const TAKE: Duration = Duration::from_secs(20);
/// How often cursors are written.
const TICK: Duration = Duration::from_secs(1);
/// Between two tries to find out who the bot is.
const AGAIN: Duration = Duration::from_secs(5);
/// Between the openings of the sockets, so that they are not renewed together.
const APART: Duration = Duration::from_secs(3);

/// What a workspace is connected with.
pub struct SlackParts {
    /// Name of the instance in the settings.
    pub instance: String,
    /// Its settings.
    pub options: SlackOptions,
    /// Chat.
    pub hub: Hub,
    /// For cursors and texts of buttons.
    pub store: Arc<dyn Store>,
    /// Where requests come in.
    pub doors: Doors,
    /// Ends it.
    pub stop: CancellationToken,
}

/// One workspace on Slack.
pub struct SlackGateway {
    name: String,
    options: SlackOptions,
    hub: Hub,
    store: Arc<dyn Store>,
    stop: CancellationToken,
    web: Arc<Web>,
    sender: Sender,
    names: Names,
    me: RwLock<Option<Arc<Me>>>,
    states: Mutex<HashMap<usize, State>>,
    /// How far each channel is handled.
    seen: Mutex<HashMap<String, Seen>>,
    /// Channels whose cursor is not written yet.
    moved: Mutex<HashSet<String>>,
    /// Channels whose cursor is not written, because what was missed there is still being read.
    held: Mutex<HashSet<String>>,
    /// Buttons that work once, with the press that was let through.
    pressed: Mutex<HashMap<String, String>>,
}

/// A secret of the settings: itself, or from its file.
fn secret(
    value: Option<&SecretString>,
    file: Option<&PathBuf>,
    what: &str,
) -> Result<Option<SecretString>, String> {
    if let Some(value) = value {
        return Ok(Some(value.clone()));
    }
    let Some(path) = file else { return Ok(None) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the file {} with {what} cannot be read: {error}", path.display()))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("the file {} with {what} is empty", path.display()));
    }
    Ok(Some(SecretString::from(text.to_owned())))
}

/// The secrets of a workspace and how its events come.
struct Secrets {
    bot: SecretString,
    app: Option<SecretString>,
    signing: Option<SecretString>,
    mode: SlackMode,
}

fn secrets(options: &SlackOptions) -> Result<Secrets, String> {
    let bot = secret(
        options.bot_token.as_ref(),
        options.bot_token_file.as_ref(),
        "the bot token",
    )?
    .ok_or(
        "no bot token is set: put it into the variable SAYSO_SLACK_BOT_TOKEN or name a `bot_token_file`",
    )?;
    let app = secret(
        options.app_token.as_ref(),
        options.app_token_file.as_ref(),
        "the app token",
    )?;
    let signing = secret(
        options.signing_secret.as_ref(),
        options.signing_secret_file.as_ref(),
        "the signing secret",
    )?;
    let mode = match options.mode {
        Some(mode) => mode,
        None if app.is_some() => SlackMode::Socket,
        None => SlackMode::Http,
    };
    match mode {
        SlackMode::Socket if app.is_none() => Err(
            "no app token is set: put it into the variable SAYSO_SLACK_APP_TOKEN or name an `app_token_file`"
                .to_owned(),
        ),
        SlackMode::Http if signing.is_none() => Err(
            "neither an app token (for sockets) nor a signing secret (for requests) is set: put one into the variable SAYSO_SLACK_APP_TOKEN or SAYSO_SLACK_SIGNING_SECRET"
                .to_owned(),
        ),
        mode => Ok(Secrets {
            bot,
            app,
            signing,
            mode,
        }),
    }
}

/// Reads the answer of `auth.test`.
async fn whoami(web: &Web) -> Result<Me, Failure> {
    let answer = web.call("auth.test", &json!({})).await?;
    let of = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    let me = Me {
        team: of("team_id"),
        user: of("user_id"),
        bot: of("bot_id"),
        name: of("user"),
    };
    if me.user.is_empty() || me.team.is_empty() {
        return Err(Failure::Unreachable {
            reason: "auth.test does not tell who the bot is".to_owned(),
            doubtful: false,
        });
    }
    Ok(me)
}

impl SlackGateway {
    /// Starts a workspace: it connects, stays connected and hands on what it hears until it is stopped.
    ///
    /// # Errors
    /// A sentence when the settings cannot work.
    pub fn start(parts: SlackParts) -> Result<Arc<Self>, String> {
        let secrets = secrets(&parts.options)?;
        let web = Arc::new(Web::new(
            parts.options.api_url.as_deref(),
            secrets.bot,
            secrets.app,
        )?);
        let name = format!("slack:{}", parts.instance);
        let bot = Arc::new(Self {
            sender: Sender::new(
                Arc::clone(&web),
                Arc::clone(&parts.store),
                name.clone(),
                parts.options.task_stream,
            ),
            names: Names::new(Arc::clone(&web)),
            name,
            options: parts.options,
            hub: parts.hub,
            store: parts.store,
            stop: parts.stop,
            web,
            me: RwLock::default(),
            states: Mutex::new(HashMap::from([(0, State::Connecting)])),
            pressed: Mutex::default(),
            seen: Mutex::default(),
            moved: Mutex::default(),
            held: Mutex::default(),
        });
        bot.seed();
        bot.hub.attach(Arc::clone(&bot) as Arc<dyn Gateway>);
        if let (SlackMode::Http, Some(secret)) = (secrets.mode, secrets.signing) {
            let door = Door {
                bot: Arc::clone(&bot),
                secret,
            };
            parts.doors.open(&parts.instance, door);
        }
        tokio::spawn(Arc::clone(&bot).begin(secrets.mode));
        tokio::spawn(Arc::clone(&bot).look_after());
        Ok(bot)
    }

    /// Finds out who the bot is, then listens.
    async fn begin(self: Arc<Self>, mode: SlackMode) {
        // Before anything is heard: what was said since is told apart from what is said now.
        while let Err(error) = self.read_cursors().await {
            tracing::warn!(chat.gateway = self.name, "cursors cannot be read: {error}");
            if self.pause(AGAIN).await {
                return;
            }
        }
        loop {
            match whoami(&self.web).await {
                Ok(me) => {
                    tracing::info!(chat.gateway = self.name, "is {} in {}", me.name, me.team);
                    *self.me.write() = Some(Arc::new(me));
                    break;
                }
                Err(failure) => {
                    tracing::warn!(chat.gateway = self.name, "not connected: {failure}");
                    let (state, pause) = match &failure {
                        Failure::Token(_) => (State::Refused(failure.to_string()), Duration::from_secs(60)),
                        Failure::Limited(wait) => (State::Lost(failure.to_string()), *wait),
                        _ => (State::Lost(failure.to_string()), AGAIN),
                    };
                    self.states.lock().insert(0, state);
                    if self.pause(pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await {
                        return;
                    }
                }
            }
        }
        if mode == SlackMode::Http {
            self.set_state(0, State::Connected);
            return;
        }
        let open = socket::room();
        for number in 0..limits::SOCKETS {
            let plug = Arc::new(Plug {
                number,
                web: Arc::clone(&self.web),
                listener: Arc::new(Ears(Arc::clone(&self))),
                open: Arc::clone(&open),
                stop: self.stop.clone(),
            });
            tokio::spawn(async move {
                // A panic in the loop must not leave the bot deaf.
                while !plug.stop.is_cancelled() {
                    let running = Arc::clone(&plug);
                    if let Err(error) = tokio::spawn(running.run()).await {
                        tracing::error!("the loop of a socket failed inside; it begins again: {error}");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            });
            if self.pause(APART).await {
                return;
            }
        }
    }

    /// Waits; true when it is time to stop.
    async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => false,
            () = self.stop.cancelled() => true,
        }
    }

    /// Writes cursors.
    async fn look_after(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.write_cursors().await,
                () = self.stop.cancelled() => {
                    self.write_cursors().await;
                    // What is being handled still moves them.
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    self.write_cursors().await;
                    return;
                }
            }
        }
    }

    fn me(&self) -> Option<Arc<Me>> {
        self.me.read().clone()
    }

    fn set_state(self: &Arc<Self>, socket: usize, state: State) {
        let connected = state == State::Connected;
        let first = {
            let mut states = self.states.lock();
            let any = states.values().any(|state| *state == State::Connected);
            states.insert(socket, state);
            connected && !any
        };
        if first {
            tracing::info!(chat.gateway = self.name, "connected");
            // From here on messages are heard again; what came before is looked up, from where it was known then.
            let from = self.seen.lock().clone();
            self.held.lock().extend(from.keys().cloned());
            tokio::spawn(Arc::clone(self).catch_up(from));
            self.hub.back(&self.name, None);
        }
    }

    /// Handles an envelope to the point where it is committed.
    async fn handle(self: &Arc<Self>, kind: &str, payload: Value) -> Done {
        let Some(me) = self.me() else {
            return Done::Again;
        };
        match kind {
            "events_api" => self.event(&me, &payload).await,
            "slash_commands" => match events::slash(&payload) {
                Some(slash) => self.slash(&me, slash).await,
                None => self.unknown(kind, &payload),
            },
            "interactive" => match events::interaction(&payload) {
                Some(interaction) => self.interact(&me, interaction).await,
                None => self.unknown(kind, &payload),
            },
            "ssl_check" => Done::Ack(None),
            _ => self.unknown(kind, &payload),
        }
    }

    fn unknown(&self, kind: &str, payload: &Value) -> Done {
        let of = payload["type"].as_str().unwrap_or_default();
        tracing::info!(
            chat.gateway = self.name,
            "something of Slack is not known and passed over: {} {}",
            limits::cut(kind, 40),
            limits::cut(of, 40)
        );
        Done::Ack(None)
    }

    async fn event(self: &Arc<Self>, me: &Arc<Me>, payload: &Value) -> Done {
        if payload["type"] == "app_rate_limited" {
            tracing::warn!(
                chat.gateway = self.name,
                "Slack drops events: there are more than it delivers in an hour"
            );
            return Done::Ack(None);
        }
        let event = &payload["event"];
        match event["type"].as_str() {
            Some("message" | "app_mention") => match events::message(event, me, None) {
                Some(said) => self.take(me, &said).await,
                None => Done::Ack(None),
            },
            Some("app_home_opened") => {
                if event["tab"].as_str().is_none_or(|tab| tab == "home")
                    && let Some(user) = events::id(&event["user"])
                {
                    let bot = Arc::clone(self);
                    tokio::spawn(async move { bot.publish_home(&user).await });
                }
                Done::Ack(None)
            }
            Some("channel_rename" | "group_rename") => {
                if let Some(id) = events::id(&event["channel"]["id"]) {
                    self.names.forget_channel(&id);
                }
                Done::Ack(None)
            }
            Some("user_change") => {
                if let Some(id) = events::id(&event["user"]["id"]) {
                    self.names.forget_user(&id);
                }
                Done::Ack(None)
            }
            Some("member_joined_channel") => {
                if event["user"] == me.user.as_str()
                    && let Some(channel) = events::id(&event["channel"])
                {
                    let now = catchup::now();
                    self.passed(&channel, &now);
                }
                Done::Ack(None)
            }
            Some("tokens_revoked" | "app_uninstalled") => {
                tracing::error!(
                    chat.gateway = self.name,
                    "the app was removed from the workspace, or its tokens were revoked"
                );
                Done::Ack(None)
            }
            _ => Done::Ack(None),
        }
    }

    /// Whether the bot listens to who says it.
    fn listens(&self, said: &Said) -> bool {
        said.machine.is_empty()
            || said
                .machine
                .iter()
                .any(|id| self.options.allowed_bots.contains(id))
    }

    /// Whether it looks like something for the bot; else nobody has to know who said it.
    fn addressed(&self, said: &Said) -> bool {
        // The text is as Slack writes it: three characters are escaped.
        let text = said
            .text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&");
        said.direct
            || said.mentions_bot
            || self
                .hub
                .might_mean(&self.name, &said.channel, said.thread.is_some(), &text)
    }

    /// Whether commands in a channel are answered in threads.
    fn opens_threads(&self, channel: &str) -> bool {
        let manner = self.hub.manner(&self.name, channel);
        manner.threads.unwrap_or(self.options.threads)
    }

    fn account(me: &Me, team: Option<&str>, user: &str) -> String {
        format!("slack:{}:{user}", team.unwrap_or(&me.team))
    }

    async fn inbound(&self, me: &Me, said: &Said) -> Inbound {
        let naming = async {
            if said.direct {
                None
            } else {
                self.names.channel(&said.channel).await
            }
        };
        let (known, name) = tokio::join!(self.names.user(&said.user), naming);
        let own = said.team.is_none();
        Inbound {
            key: format!("slack:{}:{}:{}", me.team, said.channel, said.ts),
            place: Place {
                gateway: self.name.clone(),
                conversation: said.channel.clone(),
                thread: said
                    .thread
                    .clone()
                    .or_else(|| (!said.direct && self.opens_threads(&said.channel)).then(|| said.ts.clone())),
                name,
            },
            dialect: Dialect::Slack,
            account: Self::account(me, said.team.as_deref(), &said.user),
            display_name: known.name.unwrap_or_else(|| said.user.clone()),
            // The address of somebody from elsewhere is what their workspace says.
            email: known.email.filter(|_| own && said.machine.is_empty()),
            identity: None,
            text: said.text.clone(),
            is_direct: said.direct,
            mentions_bot: said.mentions_bot,
            bot: Some(me.user.clone()),
            edited: said.edited,
            reply_to: None,
            picked: None,
            private: false,
            reply: None,
            received: Timestamp::now(),
        }
    }

    /// Takes a message to the point where it is committed.
    async fn take(self: &Arc<Self>, me: &Arc<Me>, said: &Said) -> Done {
        if self.listens(said) && self.addressed(said) {
            let message = self.inbound(me, said).await;
            if self.receive(message).await.is_err() {
                return Done::Again;
            }
        }
        if !said.edited {
            self.passed(&said.channel, &said.ts);
        }
        Done::Ack(None)
    }

    /// Hands a message on; it goes on when nobody waits any longer.
    async fn receive(&self, message: Inbound) -> Result<Receipt, String> {
        let hub = self.hub.clone();
        self.finish(tokio::spawn(async move { hub.receive(message).await }))
            .await
    }

    /// What became of work in a task of its own, with a sentence for the person when nothing did.
    async fn finish<T>(&self, work: tokio::task::JoinHandle<Result<T, ReceiveError>>) -> Result<T, String> {
        match tokio::time::timeout(TAKE, work).await {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(error))) => {
                tracing::error!(chat.gateway = self.name, "{error}");
                Err("It could not be stored, so nothing happened. Try again.".to_owned())
            }
            Ok(Err(_)) => {
                tracing::error!(chat.gateway = self.name, "a message made its handler fail");
                Err("Something failed inside. Try again; the log tells more.".to_owned())
            }
            Err(_) => {
                tracing::error!(chat.gateway = self.name, "a message was not taken in time");
                Err("It took too long. Try again.".to_owned())
            }
        }
    }
}

/// A socket's way to its workspace.
struct Ears(Arc<SlackGateway>);

impl Listener for Ears {
    fn heard(self: Arc<Self>, kind: String, payload: Value) -> BoxFuture<'static, Done> {
        Box::pin(async move { self.0.handle(&kind, payload).await })
    }

    fn state(&self, socket: usize, state: State) {
        self.0.set_state(socket, state);
    }
}

impl Gateway for SlackGateway {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            limits: Limits {
                text: limits::TEXT,
                file: limits::FILE,
                lines: 40,
                post_interval: limits::POST_INTERVAL,
                edit_interval: limits::EDIT_INTERVAL,
                edits: Some(limits::EDITS),
                in_flight: 16,
            },
            can_edit: true,
            can_thread: true,
            files: true,
            markup: Markup::Slack,
            can_recall: true,
            hears_silence: false,
        }
    }

    fn send(&self, message: Rendered) -> BoxFuture<'_, Result<Sent, SendError>> {
        Box::pin(self.deliver(message))
    }

    fn home(&self, account: &str) -> Option<Place> {
        self.home_of(account)
    }

    fn health(&self) -> String {
        let states = self.states.lock();
        let open = states
            .values()
            .filter(|state| **state == State::Connected)
            .count();
        let refused = states.values().find_map(|state| match state {
            State::Refused(reason) => Some(format!("off: {reason}")),
            _ => None,
        });
        let lost = states.values().find_map(|state| match state {
            State::Lost(reason) => Some(format!("connecting again: {reason}")),
            _ => None,
        });
        match open {
            0 => refused.or(lost).unwrap_or_else(|| "connecting".to_owned()),
            1 => "connected".to_owned(),
            open => format!("connected, {open} sockets"),
        }
    }
}
