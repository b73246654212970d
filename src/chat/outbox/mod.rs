//! The way of messages out: from rows in the store to the platforms.
//!
//! One task owns the [`schedule`] and does nothing while nothing happens: it is woken by committed rows, by
//! the engine's events, by gateways that come back, and by its own next due time. What the store says is the
//! truth: at start, and whenever events were missed, the pending rows are read again.

mod schedule;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use schedule::Patience;

use super::gateway::{Capabilities, Gateway};
use super::say::Speaker;
use crate::access::People;
use crate::engine::Engine;
use crate::model::{OutboxMessage, Place, Timestamp};

/// Tells the time; tests bring their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Settings of the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxOptions {
    /// How patiently messages are delivered.
    pub patience: Patience,
    /// How often the store is read although nothing was announced.
    pub fallback: Duration,
}

impl Default for OutboxOptions {
    fn default() -> Self {
        Self {
            patience: Patience::default(),
            fallback: Duration::from_secs(60),
        }
    }
}

pub(crate) enum Command {
    /// Rows that were committed just now.
    Rows(Vec<OutboxMessage>),
    /// A gateway, or one conversation on it, can be reached again.
    Back(String, Option<String>),
}

/// Gateways by instance name.
#[derive(Default)]
pub(crate) struct Gateways(RwLock<BTreeMap<String, Arc<dyn Gateway>>>);

impl Gateways {
    pub(crate) fn get(&self, name: &str) -> Option<Arc<dyn Gateway>> {
        self.0.read().get(name).cloned()
    }

    pub(crate) fn capabilities(&self, name: &str) -> Option<Capabilities> {
        self.get(name).map(|gateway| gateway.capabilities())
    }

    pub(crate) fn add(&self, gateway: Arc<dyn Gateway>) {
        self.0.write().insert(gateway.name().to_owned(), gateway);
    }

    pub(crate) fn remove(&self, name: &str) {
        self.0.write().remove(name);
    }

    /// The conversation that people call so: `slack:#ops`, `slack:acme:#ops`, `console:ana`. It is looked up by its
    /// gateway when something is sent there; `None` when no gateway has such a name.
    pub(crate) fn place(&self, name: &str) -> Option<Place> {
        let (gateway, conversation) = name.trim().rsplit_once(':')?;
        let gateways = self.0.read();
        let platform = |known: &&String| known.split(':').next() == Some(gateway);
        let gateway = gateways
            .get_key_value(gateway)
            .map(|(name, _)| name)
            .or_else(|| gateways.keys().find(platform))?;
        Some(Place {
            gateway: gateway.clone(),
            conversation: conversation.to_owned(),
            thread: None,
            name: conversation.starts_with('#').then(|| conversation.to_owned()),
        })
    }

    pub(crate) fn all(&self) -> Vec<Arc<dyn Gateway>> {
        self.0.read().values().cloned().collect()
    }
}

/// What the outbox works with.
pub(crate) struct OutboxParts {
    pub(crate) engine: Engine,
    pub(crate) people: Option<Arc<People>>,
    pub(crate) speaker: Arc<Speaker>,
    pub(crate) gateways: Arc<Gateways>,
    pub(crate) options: OutboxOptions,
    pub(crate) clock: Clock,
    pub(crate) stop: CancellationToken,
}

/// Handle of the outbox. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outbox {
    commands: mpsc::UnboundedSender<Command>,
}

impl Outbox {
    /// Starts the worker; it ends when the token of `parts` fires.
    pub(crate) fn start(parts: OutboxParts) -> (Self, tokio::task::JoinHandle<()>) {
        // Unbounded, but never fuller than the commits that fill it: each command follows one.
        let (commands, receiver) = mpsc::unbounded_channel();
        let worker = worker::Worker::new(parts, receiver);
        (Self { commands }, tokio::spawn(worker.run()))
    }

    /// Rows that were committed just now.
    pub(crate) fn committed(&self, rows: Vec<OutboxMessage>) {
        if !rows.is_empty() {
            // The worker is gone only when the server stops; the rows are in the store.
            let _ = self.commands.send(Command::Rows(rows));
        }
    }

    /// A gateway, or one conversation on it, can be reached again.
    pub(crate) fn back(&self, gateway: &str, conversation: Option<&str>) {
        let _ = self
            .commands
            .send(Command::Back(gateway.to_owned(), conversation.map(str::to_owned)));
    }
}
