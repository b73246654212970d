//! Chat as one thing: gateways on one side, the engine on the other.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::builtin::{BuiltinRunner, Desk, condition};
use super::cards::is_live;
use super::console::{Console, ConsoleEvent};
use super::conversations::{ChangeError, Conversation, Conversations, Manner, Manners};
use super::digest::Digests;
use super::gateway::{Bystander, Form, Gateway, Inbound, Receipt};
use super::identities::Identities;
use super::outbox::{Clock, Gateways, Outbox, OutboxOptions, OutboxParts};
use super::phrasebook::{Command, Shelf};
use super::prefix::PrefixOptions;
use super::router::{ReceiveError, Router, system_clock};
use super::say::{self, Speaker};
use super::templates::TemplateOptions;
use crate::access::{Authority, People};
use crate::datastore::Datastore;
use crate::engine::Engine;
use crate::expr::jinja::Limits;
use crate::model::{Id, Identity, OutboxMessage, OutboxState, Place, Timestamp};
use crate::store::{Store, StoreError};

/// Messages that are told again at once to somebody who comes back.
const REPLAY: u32 = 500;

/// Settings of chat.
#[derive(Clone, Debug, Default)]
pub struct ChatOptions {
    /// Where templates come from.
    pub templates: TemplateOptions,
    /// How commands begin where others talk too.
    pub prefixes: PrefixOptions,
    /// How patiently messages are delivered.
    pub outbox: OutboxOptions,
    /// Address of the web pages for links, when there are any.
    pub web_url: Option<String>,
    /// Bounds of the formats of aliases.
    pub formats: Limits,
    /// Time zone of schedules that name none; empty: UTC.
    pub zone: String,
}

/// What chat is made of. The engine must have been started with [`super::cards::Cards`] and [`super::Asks`] among its observers and
/// with `builtin` among its runners.
pub struct HubParts {
    /// The engine.
    pub engine: Engine,
    /// The content.
    pub shelf: Arc<dyn Shelf>,
    /// Permissions, for help and explanations.
    pub authority: Arc<dyn Authority>,
    /// People and their accounts, for the commands about them.
    pub people: Option<Arc<People>>,
    /// Settings of single conversations.
    pub conversations: Arc<Conversations>,
    /// The datastore, for the commands about it.
    pub keys: Option<Arc<Datastore>>,
    /// Who is behind an account.
    pub identities: Arc<dyn Identities>,
    /// The runner of the built-in commands that the engine was given.
    pub builtin: Arc<BuiltinRunner>,
    /// Settings.
    pub options: ChatOptions,
    /// The clock; `None`: the system's.
    pub clock: Option<Clock>,
}

/// Chat. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    router: Router,
    desk: Arc<Desk>,
    console: Arc<Console>,
    builtin: Arc<BuiltinRunner>,
    clock: Clock,
    stop: CancellationToken,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl Hub {
    /// Starts chat with the console as its first gateway: what was pending is delivered, messages are taken.
    #[must_use]
    pub fn start(parts: HubParts) -> Self {
        let HubParts {
            engine,
            shelf,
            authority,
            people,
            conversations,
            keys,
            identities,
            builtin,
            options,
            clock,
        } = parts;
        let clock = clock.unwrap_or_else(system_clock);
        let stop = CancellationToken::new();
        let formats = Arc::new(say::formats(options.formats));
        let gateways = Arc::new(Gateways::default());
        let manners = Manners {
            conversations,
            gateways: Arc::clone(&gateways),
        };
        let zone = if options.zone.is_empty() {
            "UTC".to_owned()
        } else {
            options.zone
        };
        let speaker = Arc::new(Speaker::new(
            engine.clone(),
            Arc::clone(&shelf),
            manners.clone(),
            options.templates,
            options.web_url,
            Arc::clone(&formats),
        ));
        let console = Arc::new(Console::default());
        gateways.add(Arc::clone(&console) as Arc<dyn Gateway>);
        let (outbox, worker) = Outbox::start(OutboxParts {
            engine: engine.clone(),
            people: people.clone(),
            speaker: Arc::clone(&speaker),
            gateways: Arc::clone(&gateways),
            options: options.outbox,
            clock: Arc::clone(&clock),
            stop: stop.clone(),
        });
        let router = Router {
            engine: engine.clone(),
            shelf: Arc::clone(&shelf),
            identities: Arc::clone(&identities),
            prefixes: options.prefixes,
            manners: manners.clone(),
            outbox: outbox.clone(),
            callers: Arc::clone(&builtin.callers),
            formats: Arc::clone(&formats),
            clock: Arc::clone(&clock),
            misses: Arc::default(),
            stop: stop.clone(),
        };
        let desk = Arc::new(Desk {
            engine,
            shelf,
            authority,
            people,
            keys,
            identities,
            speaker,
            formats,
            gateways,
            outbox,
            manners,
            zone,
            started: clock(),
            positions: Mutex::default(),
            bystander: OnceLock::new(),
        });
        builtin.open(Arc::clone(&desk));
        Self {
            inner: Arc::new(Inner {
                router,
                desk,
                console,
                builtin,
                clock,
                stop,
                worker: Mutex::new(Some(worker)),
            }),
        }
    }

    /// Takes a message. When it returns, its claim and what follows from it are committed: the gateway may
    /// acknowledge it to the platform.
    ///
    /// # Errors
    /// When nothing could be stored: the platform should deliver the message again.
    pub async fn receive(&self, message: Inbound) -> Result<Receipt, ReceiveError> {
        let heard = self
            .inner
            .desk
            .bystander
            .get()
            .filter(|bystander| bystander.listens() && !message.edited && message.picked.is_none())
            .map(|bystander| (bystander, message.clone()));
        let receipt = Box::pin(self.inner.router.receive(message)).await?;
        if let Some((bystander, message)) = heard
            && receipt.is_no_command()
        {
            bystander.hear(message).await?;
        }
        Ok(receipt)
    }

    /// Has somebody hear the messages that are no commands, and say what is wrong elsewhere. Only the first one counts.
    pub fn listen(&self, bystander: Arc<dyn Bystander>) {
        let _ = self.inner.desk.bystander.set(bystander);
    }

    /// Posts digests from now on, until chat ends.
    pub fn post_digests(&self) {
        let desk = &self.inner.desk;
        let digests = Digests {
            engine: desk.engine.clone(),
            manners: desk.manners.clone(),
            outbox: desk.outbox.clone(),
            clock: Arc::clone(&self.inner.clock),
            zone: desk.zone.clone(),
            stop: self.inner.stop.clone(),
        };
        tokio::spawn(digests.run());
    }

    /// What the settings file says about a conversation.
    pub(crate) fn seed(&self, gateway: &str, conversation: &str, manner: Manner) {
        self.inner
            .desk
            .manners
            .conversations
            .seed(gateway, conversation, manner);
    }

    /// Conversations whose settings were changed.
    #[must_use]
    pub fn conversations(&self) -> Vec<Conversation> {
        self.inner.desk.manners.conversations.all()
    }

    /// The conversation that is written so: `slack:default/C024BE91L`, or by its name when it has settings.
    #[must_use]
    pub fn conversation(&self, text: &str) -> Option<Place> {
        let named = |known: &Conversation| {
            let (gateway, name) = text.rsplit_once(':').unwrap_or(("", text));
            let fits = gateway.is_empty() || known.place.gateway.starts_with(gateway);
            fits && known.place.name.as_deref() == Some(name)
        };
        if let Some(known) = self.conversations().into_iter().find(named) {
            return Some(known.place);
        }
        let (gateway, conversation) = text.split_once('/')?;
        let clean = !conversation.is_empty() && conversation.len() <= 200;
        let known = self.inner.desk.gateways.get(gateway).is_some();
        (clean && known && !conversation.chars().any(char::is_control)).then(|| Place {
            gateway: gateway.to_owned(),
            conversation: conversation.to_owned(),
            ..Place::default()
        })
    }

    /// Changes a setting of a conversation, as `set` does.
    ///
    /// # Errors
    /// A sentence when the value does not fit, or when the store fails.
    pub async fn set(&self, place: &Place, name: &str, value: &str, by: &str) -> Result<Manner, ChangeError> {
        let desk = &self.inner.desk;
        let place = desk.manners.seat(place);
        let act = |manner: &mut Manner| manner.set(name, value, &desk.zone, Timestamp::now());
        desk.manners.conversations.change(&place, name, act, by).await
    }

    /// Names of the gateways, with a word on how they are.
    #[must_use]
    pub fn gateways(&self) -> Vec<(String, String)> {
        let all = self.inner.desk.gateways.all();
        all.iter()
            .map(|gateway| (gateway.name().to_owned(), gateway.health()))
            .collect()
    }

    /// How the service is, as `status` in chat tells it: `healthy`, `complaints`, `gateways`, numbers.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn condition(&self) -> Result<Value, StoreError> {
        condition::condition(&self.inner.desk).await
    }

    /// The store.
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        self.inner.desk.engine.store()
    }

    /// How the bot behaves in a conversation.
    pub(crate) fn manner(&self, gateway: &str, conversation: &str) -> Manner {
        self.inner.desk.manners.at(gateway, conversation)
    }

    /// Whether a message in a shared channel may be meant for the bot although it is not mentioned: it begins with the
    /// prefix that counts there, reads like an answer in a thread, or somebody wants to hear all that is said. Who said it has to be known only then.
    pub(crate) fn might_mean(&self, gateway: &str, conversation: &str, in_thread: bool, text: &str) -> bool {
        let router = &self.inner.router;
        let prefixes = router.prefixes_of(&self.manner(gateway, conversation));
        let text = text.trim_start();
        let marked = prefixes
            .prefixes
            .iter()
            .any(|prefix| !prefix.is_empty() && text.starts_with(prefix.as_str()));
        let overheard = || {
            let bystander = self.inner.desk.bystander.get();
            bystander.is_some_and(|bystander| bystander.listens())
        };
        marked || (in_thread && super::asks::Reply::read(text).is_some()) || overheard()
    }

    /// The mark before commands in a conversation; empty when only mentions count.
    pub(crate) fn prefix_of(&self, gateway: &str, conversation: &str) -> String {
        let prefixes = self.inner.router.prefixes_of(&self.manner(gateway, conversation));
        prefixes.prefixes.into_iter().next().unwrap_or_default()
    }

    /// Adds a gateway, or puts another one in the place of one with the same name, and delivers what waits
    /// for it.
    pub fn attach(&self, gateway: Arc<dyn Gateway>) {
        let name = gateway.name().to_owned();
        self.inner.desk.gateways.add(gateway);
        self.back(&name, None);
    }

    /// Removes a gateway; its messages wait.
    pub fn detach(&self, name: &str) {
        self.inner.desk.gateways.remove(name);
    }

    /// Tells that a gateway, or one conversation on it, can be reached again after [`super::gateway::SendError::Away`].
    pub fn back(&self, gateway: &str, conversation: Option<&str>) {
        self.inner.desk.outbox.back(gateway, conversation);
    }

    /// Delivers rows that were committed just now.
    pub(super) fn deliver(&self, rows: Vec<OutboxMessage>) {
        self.inner.desk.outbox.committed(rows);
    }

    /// Reads the templates again, after the content was reloaded by somebody else.
    pub fn reload_templates(&self) {
        self.inner.desk.speaker.reload();
    }

    /// The console gateway.
    #[must_use]
    pub fn console(&self) -> &Arc<Console> {
        &self.inner.console
    }

    /// Commands that somebody may say in a place.
    #[must_use]
    pub fn completions(&self, identity: &Identity, place: &Place) -> Vec<Command> {
        let book = self.inner.desk.shelf.current();
        let mut commands = book.commands();
        commands.retain(|command| {
            book.action(&command.action).is_some_and(|action| {
                let authority = &self.inner.desk.authority;
                action.enabled && authority.could_say(identity, &command.alias, &action, Some(place))
            })
        });
        commands
    }

    /// The identity of somebody by name, as requests on their behalf have it.
    #[must_use]
    pub fn named(&self, user: &str, via: &str) -> Identity {
        self.inner.desk.identities.named(user, via)
    }

    /// Messages of a console session after `after`, for a client that comes back: those that were delivered
    /// and those that wait. What waits comes through the outbox as well; the listener drops what it knows.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn missed(&self, conversation: &str, after: Id) -> Result<Vec<ConsoleEvent>, StoreError> {
        let desk = &self.inner.desk;
        let gateway = super::console::GATEWAY.to_owned();
        let rows = desk
            .engine
            .store()
            .outbox_conversation(gateway, conversation.to_owned(), Some(after), REPLAY)
            .await?;
        let mut events = Vec::new();
        for row in rows.into_iter().filter(is_told) {
            let edit = is_live(&row).then(|| row.message_ref.clone()).flatten();
            let made = desk
                .speaker
                .message(&row, Form::Rich, &Console::can(), edit)
                .await?;
            events.extend(made.map(ConsoleEvent::from));
        }
        Ok(events)
    }

    /// Ends delivery: what is on its way arrives, the rest waits in the store. Messages that were only counted
    /// are logged.
    pub async fn shutdown(&self) {
        self.inner.stop.cancel();
        self.inner.builtin.close();
        let worker = self.inner.worker.lock().take();
        if let Some(worker) = worker
            && let Err(error) = worker.await
        {
            tracing::error!("the outbox ended with a panic: {error}");
        }
        self.inner.router.settle().await;
    }

    pub(super) fn desk(&self) -> &Desk {
        &self.inner.desk
    }

    /// Fires when chat ends; streams to clients end then.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.inner.stop.clone()
    }
}

/// Whether a message is told to a client that comes back. A delivered message is still pending in the store
/// until its new state is written, so pending ones are told too, except passing and replaceable ones.
fn is_told(row: &OutboxMessage) -> bool {
    let replaceable = is_live(row) || row.body["brief"] == true;
    row.state == OutboxState::Sent || (row.state == OutboxState::Pending && !replaceable)
}
