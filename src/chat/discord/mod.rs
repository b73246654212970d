//! Discord: a bot's gateway connection, its messages, slash commands, buttons and forms.
//!
//! What comes in is committed before it is acknowledged; what goes out cannot ring anybody. `gateway` keeps the
//! connection, `rest` sends requests, `events` reads, `embeds` shows, `sending` delivers, `interactions` answers what
//! is pressed and picked, `catchup` reads what was said meanwhile, `doctor` finds what is not set up,
//! `invitation` is how it gets into a server.

mod catchup;
mod commands;
pub mod doctor;
mod embeds;
mod events;
#[cfg(test)]
mod fuzz;
mod gateway;
mod interactions;
pub mod invitation;
pub mod limits;
mod places;
mod progress;
mod rest;
mod sending;
#[cfg(test)]
mod sending_tests;
#[cfg(test)]
mod tests;
mod tickets;
mod world;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use secrecy::SecretString;
use serde_json::{Value, json};
use serenity::model::gateway::GatewayIntents;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::commands::Table;
use self::events::Said;
use self::gateway::{Door, Listener, Shard, State};
use self::progress::Mark;
use self::rest::{Failure, Rest};
use self::sending::Sender;
use self::world::World;
use super::gateway::{Capabilities, Dialect, Gateway, Inbound, Limits, Markup, Rendered, SendError, Sent};
use super::hub::Hub;
use crate::model::{Place, Timestamp};
use crate::settings::DiscordOptions;
use crate::store::{Store, Write};

/// A message is taken again when it could not be stored within this time.
const TAKE: Duration = Duration::from_secs(60);
/// How often it is looked whether commands have changed and cursors have moved.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two looks at the commands.
const COMMANDS_EVERY: u64 = 20;
/// Between two tries of something that failed.
const AGAIN: Duration = Duration::from_secs(5);
/// Interactions that are worked on at the same time.
const INTERACTIONS: usize = 256;

/// What a bot is made with.
pub struct DiscordParts {
    /// Name of the instance in the settings.
    pub instance: String,
    /// Its settings.
    pub options: DiscordOptions,
    /// Chat.
    pub hub: Hub,
    /// For cursors and texts of buttons.
    pub store: Arc<dyn Store>,
    /// Ends it.
    pub stop: CancellationToken,
}

/// One bot on Discord.
pub struct DiscordGateway {
    name: String,
    options: DiscordOptions,
    hub: Hub,
    store: Arc<dyn Store>,
    stop: CancellationToken,
    rest: Arc<Rest>,
    sender: Sender,
    world: Mutex<World>,
    table: Mutex<Table>,
    queues: Mutex<HashMap<String, mpsc::UnboundedSender<Job>>>,
    /// Last handled messages by channel that are not written yet.
    moved: Mutex<HashMap<String, Moved>>,
    interactions: tokio::sync::Semaphore,
    states: Mutex<HashMap<u32, State>>,
}

/// How far a channel is handled.
#[derive(Clone, Debug, Default)]
struct Moved {
    last: String,
    direct: bool,
}

/// Work in the order of a channel.
enum Job {
    Said(Box<Said>, Mark),
    CatchUp(Mark),
}

/// The token of the settings: itself, or from its file.
///
/// # Errors
/// A sentence when there is none.
pub fn token(options: &DiscordOptions) -> Result<SecretString, String> {
    if let Some(token) = &options.token {
        return Ok(token.clone());
    }
    let path = options
        .token_file
        .as_ref()
        .ok_or("no token is set: put it into the variable SAYSO_DISCORD_TOKEN or name a `token_file`")?;
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the token file {} cannot be read: {error}", path.display()))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("the token file {} is empty", path.display()));
    }
    Ok(SecretString::from(text.to_owned()))
}

impl DiscordGateway {
    /// Starts a bot: it connects, stays connected and hands on what it hears until it is stopped.
    ///
    /// # Errors
    /// A sentence when the settings cannot work.
    pub fn start(parts: DiscordParts) -> Result<Arc<Self>, String> {
        let rest = Arc::new(Rest::new(
            parts.options.api_url.as_deref(),
            token(&parts.options)?,
        )?);
        let bot = Arc::new(Self {
            name: format!("discord:{}", parts.instance),
            sender: Sender::new(Arc::clone(&rest), Arc::clone(&parts.store)),
            options: parts.options,
            hub: parts.hub,
            store: parts.store,
            stop: parts.stop,
            rest,
            world: Mutex::default(),
            table: Mutex::default(),
            queues: Mutex::default(),
            moved: Mutex::default(),
            interactions: tokio::sync::Semaphore::new(INTERACTIONS),
            states: Mutex::new(HashMap::from([(0, State::Connecting)])),
        });
        bot.hub.attach(Arc::clone(&bot) as Arc<dyn Gateway>);
        tokio::spawn(Arc::clone(&bot).connect());
        tokio::spawn(Arc::clone(&bot).look_after());
        Ok(bot)
    }

    fn intents(&self) -> GatewayIntents {
        let mut intents =
            GatewayIntents::GUILDS | GatewayIntents::GUILD_MESSAGES | GatewayIntents::DIRECT_MESSAGES;
        if self.options.message_content {
            intents |= GatewayIntents::MESSAGE_CONTENT;
        }
        intents
    }

    /// As many connections as Discord wants, each in a task of its own.
    async fn connect(self: Arc<Self>) {
        let door = Arc::new(Door {
            rest: Arc::clone(&self.rest),
            intents: self.intents(),
            address: self.options.gateway_url.clone(),
            stop: self.stop.clone(),
            identified: tokio::sync::Mutex::default(),
        });
        let of = loop {
            match gateway::plan(&door).await {
                Ok((_, shards, ..)) => break shards,
                Err(Failure::Token) => {
                    let reason = "Discord does not take the bot's token".to_owned();
                    tracing::error!(chat.gateway = self.name, "{reason}");
                    self.states.lock().insert(0, State::Refused(reason));
                    return;
                }
                Err(error) => {
                    tracing::warn!(chat.gateway = self.name, "not connected: {error}");
                    self.states.lock().insert(0, State::Lost(error.to_string()));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN.mul_f64(0.2 + rand::random::<f64>())) => {}
                () = self.stop.cancelled() => return,
            }
        };
        for number in 0..of {
            let shard = Shard {
                door: Arc::clone(&door),
                number,
                of,
                listener: Arc::new(Ears {
                    bot: Arc::clone(&self),
                    shard: number,
                }),
                session: Mutex::default(),
            };
            tokio::spawn(async move {
                // A panic in the loop must not leave the bot deaf.
                while std::panic::AssertUnwindSafe(shard.run())
                    .catch_unwind()
                    .await
                    .is_err()
                {
                    tracing::error!("the gateway loop failed inside; it begins again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
        }
    }

    /// Writes cursors, registers commands that have changed.
    async fn look_after(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut registered: Option<(Table, String)> = None;
        let (mut count, mut next): (u64, u64) = (0, 0);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.stop.cancelled() => {
                    self.write_cursors().await;
                    return;
                }
            }
            self.write_cursors().await;
            count += 1;
            if !self.options.commands || count < next {
                continue;
            }
            let application = self.application();
            let Some(application) = application else { continue };
            let table = Table::of(&self.hub.menu());
            if registered
                .as_ref()
                .is_some_and(|(known, by)| *known == table && *by == application)
            {
                next = count + COMMANDS_EVERY;
                continue;
            }
            next = count + COMMANDS_EVERY;
            *self.table.lock() = table.clone();
            let mut again = false;
            let mut scopes: Vec<Option<&str>> = self
                .options
                .guilds
                .iter()
                .map(|guild| Some(guild.as_str()))
                .collect();
            if scopes.is_empty() {
                scopes.push(None);
            }
            for guild in scopes {
                match commands::register(&self.rest, &application, guild, &table.bodies).await {
                    Ok(changes) => {
                        tracing::info!(chat.gateway = self.name, changes, "slash commands are registered");
                    }
                    Err(error) => {
                        tracing::warn!(
                            chat.gateway = self.name,
                            "slash commands are not registered: {error}"
                        );
                        again |= !matches!(error, Failure::Refused { .. });
                    }
                }
            }
            // What was refused is tried again only when something changes: it counts against a daily limit.
            if !again {
                registered = Some((table, application));
            }
        }
    }

    fn application(&self) -> Option<String> {
        self.options
            .application_id
            .clone()
            .or_else(|| self.world.lock().application.clone())
    }

    async fn write_cursors(&self) {
        let moved = std::mem::take(&mut *self.moved.lock());
        if moved.is_empty() {
            return;
        }
        let writes = moved.iter().map(|(channel, last)| Write::Setting {
            key: self.cursor(channel),
            value: Some(json!({"last": last.last, "direct": last.direct})),
        });
        if let Err(error) = self.store.commit(writes.collect()).await {
            tracing::warn!("cursors of channels cannot be written: {error}");
            let mut newer = self.moved.lock();
            for (channel, last) in moved {
                newer.entry(channel).or_insert(last);
            }
        }
    }

    fn cursor(&self, channel: &str) -> String {
        format!("chat.discord.seen.{}.{channel}", self.name)
    }

    /// A message is done with.
    fn passed(&self, said: &Said) {
        if said.edited {
            return;
        }
        let mut moved = self.moved.lock();
        let last = moved.entry(said.channel.clone()).or_default();
        last.direct = said.guild.is_none();
        if events::order(&said.id) > events::order(&last.last) {
            last.last.clone_from(&said.id);
        }
    }

    fn place(&self, said: &Said) -> Place {
        let manner = self.hub.manner(&self.name, &said.channel);
        let threads = manner.threads.unwrap_or(self.options.threads);
        let world = self.world.lock();
        let in_thread = world
            .channels
            .get(&said.channel)
            .is_some_and(world::Channel::is_thread);
        let opens = threads && said.guild.is_some() && !in_thread;
        Place {
            gateway: self.name.clone(),
            conversation: said.channel.clone(),
            thread: opens.then(|| said.id.clone()),
            name: world.told(&said.channel),
        }
    }

    /// Whether the bot listens to who says it, and where.
    fn listens(&self, said: &Said) -> bool {
        let world = self.world.lock();
        if world.bot.as_deref() == Some(&said.author) || world.bot.is_none() {
            return false;
        }
        if said.machine && !self.options.allowed_bots.contains(&said.author) {
            return false;
        }
        let channels = &self.options.channels;
        let parent = world
            .channels
            .get(&said.channel)
            .and_then(|channel| channel.parent.clone());
        said.guild.is_none()
            || channels.is_empty()
            || channels.contains(&said.channel)
            || parent.is_some_and(|parent| channels.contains(&parent))
    }

    fn inbound(&self, said: &Said) -> Inbound {
        Inbound {
            key: format!("discord:{}", said.id),
            place: self.place(said),
            dialect: Dialect::Discord,
            account: format!("discord:{}", said.author),
            display_name: said.name.clone(),
            identity: None,
            text: said.text.clone(),
            is_direct: said.guild.is_none(),
            mentions_bot: said.mentions_bot,
            bot: self.world.lock().bot.clone(),
            edited: said.edited,
            reply_to: said
                .reply_to
                .as_ref()
                .map(|message| format!("{}/{message}", said.channel)),
            picked: None,
            private: false,
            reply: None,
            email: None,
            received: Timestamp::now(),
        }
    }

    /// Takes a message; again until it is stored, because Discord does not deliver it twice.
    async fn take(&self, said: &Said) {
        if !self.listens(said) {
            return;
        }
        let mut wait = Duration::from_millis(200);
        while !self.stop.is_cancelled() {
            match tokio::time::timeout(TAKE, self.hub.receive(self.inbound(said))).await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) => tracing::error!(chat.gateway = self.name, "{error}"),
                Err(_) => tracing::error!(chat.gateway = self.name, "a message was not taken in time"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(AGAIN);
        }
    }

    /// Puts work into the queue of its channel.
    fn queue(self: &Arc<Self>, channel: &str, job: Job) {
        let mut queues = self.queues.lock();
        let job = match queues.get(channel) {
            Some(queue) => match queue.send(job) {
                Ok(()) => return,
                Err(unsent) => unsent.0,
            },
            None => job,
        };
        let (queue, mut jobs) = mpsc::unbounded_channel();
        let _ = queue.send(job);
        queues.insert(channel.to_owned(), queue);
        let (bot, channel) = (Arc::clone(self), channel.to_owned());
        tokio::spawn(async move {
            loop {
                let job = match tokio::time::timeout(Duration::from_secs(60), jobs.recv()).await {
                    Ok(Some(job)) => job,
                    Ok(None) => return,
                    // Nothing is said here for a while: the queue goes away, unless somebody was faster.
                    Err(_) => {
                        let mut queues = bot.queues.lock();
                        match jobs.try_recv() {
                            Ok(job) => job,
                            Err(_) => {
                                queues.remove(&channel);
                                return;
                            }
                        }
                    }
                };
                let working = std::panic::AssertUnwindSafe(bot.work(&channel, job)).catch_unwind();
                if working.await.is_err() {
                    tracing::error!(
                        chat.gateway = bot.name,
                        "a message made its handler fail; it is passed over"
                    );
                }
            }
        });
    }

    async fn work(&self, channel: &str, job: Job) {
        match job {
            Job::Said(said, _mark) => {
                self.take(&said).await;
                if !self.stop.is_cancelled() {
                    self.passed(&said);
                }
            }
            Job::CatchUp(_mark) => self.catch_up(channel).await,
        }
    }

    fn heard(self: &Arc<Self>, kind: &str, data: &Value, mark: Mark) {
        match kind {
            "READY" => {
                let mut world = self.world.lock();
                world.bot = events::id(&data["user"]["id"]);
                world.name = data["user"]["username"].as_str().unwrap_or_default().to_owned();
                world.application = events::id(&data["application"]["id"]);
                drop(world);
                tracing::info!(chat.gateway = self.name, "connected");
                let bot = Arc::clone(self);
                tokio::spawn(async move { bot.catch_up_direct(mark).await });
            }
            "GUILD_CREATE" => {
                let found = self.world.lock().guild(data);
                let listened: HashSet<&String> = self.options.channels.iter().collect();
                for channel in found {
                    let parent = self
                        .world
                        .lock()
                        .channels
                        .get(&channel)
                        .and_then(|it| it.parent.clone());
                    if listened.is_empty()
                        || listened.contains(&channel)
                        || parent.is_some_and(|parent| listened.contains(&parent))
                    {
                        self.queue_catch_up(&channel);
                    }
                }
            }
            "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => {
                self.world.lock().channel(data, None);
            }
            "CHANNEL_DELETE" | "THREAD_DELETE" => {
                if let Some(id) = events::id(&data["id"]) {
                    self.world.lock().channels.remove(&id);
                }
            }
            "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => self.world.lock().role(&data["role"]),
            "MESSAGE_CREATE" | "MESSAGE_UPDATE" => {
                let said = {
                    let world = self.world.lock();
                    let Some(bot) = &world.bot else { return };
                    events::message(data, bot, &world.roles, kind == "MESSAGE_UPDATE")
                };
                if let Some(said) = said {
                    let channel = said.channel.clone();
                    self.queue(&channel, Job::Said(Box::new(said), mark));
                }
            }
            "INTERACTION_CREATE" => {
                let Some(interaction) = events::interaction(data) else {
                    tracing::debug!(
                        chat.gateway = self.name,
                        "an interaction of a kind that is not known"
                    );
                    return;
                };
                let bot = Arc::clone(self);
                tokio::spawn(async move {
                    let _mark = mark;
                    let working = std::panic::AssertUnwindSafe(bot.interact(interaction)).catch_unwind();
                    if working.await.is_err() {
                        tracing::error!(chat.gateway = bot.name, "an interaction made its handler fail");
                    }
                });
            }
            _ => {}
        }
    }
}

/// A shard's way to its bot.
struct Ears {
    bot: Arc<DiscordGateway>,
    shard: u32,
}

impl Listener for Ears {
    fn heard(&self, kind: &str, data: Value, mark: Mark) {
        let handled = std::panic::AssertUnwindSafe(|| self.bot.heard(kind, &data, mark));
        if std::panic::catch_unwind(handled).is_err() {
            tracing::error!(
                chat.gateway = self.bot.name,
                "an event made its handler fail; it is passed over"
            );
        }
    }

    fn state(&self, state: State) {
        let connected = state == State::Connected;
        if matches!(&state, State::Refused(reason) if reason.contains("token")) {
            self.bot.rest.give_up();
        }
        self.bot.states.lock().insert(self.shard, state);
        if connected {
            self.bot.hub.back(&self.bot.name, None);
        }
    }
}

impl Gateway for DiscordGateway {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            limits: Limits {
                text: limits::CONTENT,
                file: limits::FILE,
                lines: 40,
                post_interval: Duration::from_millis(200),
                edit_interval: Duration::from_millis(1500),
                edits: None,
                in_flight: 32,
            },
            can_edit: true,
            can_thread: true,
            files: true,
            markup: Markup::Markdown,
            can_recall: false,
            hears_silence: true,
        }
    }

    fn send(&self, message: Rendered) -> BoxFuture<'_, Result<Sent, SendError>> {
        Box::pin(self.deliver(message))
    }

    fn channel_of(&self, conversation: &str) -> Option<String> {
        self.world.lock().parent_of(conversation)
    }

    fn home(&self, account: &str) -> Option<Place> {
        self.home_of(account)
    }

    fn health(&self) -> String {
        let states = self.states.lock();
        let worst = states.values().max_by_key(|state| match state {
            State::Connected => 0,
            State::Connecting => 1,
            State::Lost(_) => 2,
            State::Refused(_) => 3,
        });
        match worst {
            Some(State::Connected) if states.len() > 1 => format!("connected, {} shards", states.len()),
            Some(State::Connected) => "connected".to_owned(),
            Some(State::Lost(reason)) => format!("connecting again: {reason}"),
            Some(State::Refused(reason)) => format!("off: {reason}"),
            Some(State::Connecting) | None => "connecting".to_owned(),
        }
    }
}
