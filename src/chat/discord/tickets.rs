//! Interactions that can still be answered: for a quarter of an hour, with the token that came with them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::events::Interaction;
use super::limits;
use crate::model::{Id, Timestamp};

/// Tickets in memory; an older one is looked up at Discord instead.
const KEPT: usize = 10_000;
/// What a token's life is shortened by, for requests on their way.
const MARGIN: Duration = Duration::from_secs(30);

/// What the first answer to an interaction was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// There is none yet.
    Waiting,
    /// "Thinking": a message that waits to be written.
    Deferred {
        /// Only the person sees it.
        private: bool,
    },
    /// Something else; further messages can follow.
    Answered,
    /// It came too late, or was refused.
    Dead,
}

/// The way to answer an interaction, as it is stored with the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) application: String,
    pub(super) token: String,
    pub(super) interaction: String,
    pub(super) received: i64,
    /// Whether the first answer is a message of its own, which can be written later.
    pub(super) own_message: bool,
    /// Whether what follows is for the person alone.
    pub(super) private: bool,
}

impl Ticket {
    pub(super) fn of(interaction: &Interaction, own_message: bool) -> Self {
        Self {
            application: interaction.application.clone(),
            token: interaction.token.clone(),
            interaction: interaction.id.clone(),
            received: Timestamp::now().micros() / 1000,
            own_message,
            private: false,
        }
    }

    /// The same for what only the person who asks is to read.
    pub(super) fn private(interaction: &Interaction) -> Self {
        Self {
            private: true,
            ..Self::of(interaction, true)
        }
    }

    /// Written down, to come back as [`crate::chat::gateway::Rendered::reply`].
    pub(super) fn text(&self) -> String {
        let kind = match (self.own_message, self.private) {
            (true, true) => "p",
            (true, false) => "m",
            (false, _) => "c",
        };
        format!(
            "{}:{}:{}:{}:{kind}",
            self.application, self.token, self.interaction, self.received
        )
    }

    /// Reads one that was written down.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (application, token) = (parts.next()?, parts.next()?);
        let interaction = parts.next()?;
        let received = parts.next()?.parse().ok()?;
        let kind = parts.next()?;
        Some(Self {
            application: application.to_owned(),
            token: token.to_owned(),
            interaction: interaction.to_owned(),
            received,
            own_message: matches!(kind, "m" | "p"),
            private: kind == "p",
        })
    }

    /// Whether Discord still takes answers with it.
    pub(super) fn is_live(&self) -> bool {
        let age = Timestamp::now().micros() / 1000 - self.received;
        u128::try_from(age).is_ok_and(|age| age < (limits::TOKEN_LIFE - MARGIN).as_millis())
    }

    /// Path of messages that answer it.
    pub(super) fn path(&self) -> String {
        format!("/webhooks/{}/{}", self.application, self.token)
    }

    /// Path of the first answer.
    pub(super) fn original(&self) -> String {
        format!("{}/messages/@original", self.path())
    }

    /// The setting that tells which message took the first answer.
    pub(super) fn setting(&self) -> String {
        format!("chat.discord.first.{}", self.interaction)
    }
}

/// What is known about an interaction in this process.
pub(super) struct Known {
    first: watch::Sender<First>,
    /// The message that took the first answer; `Some(None)`: nobody can any more.
    pub(super) taken: tokio::sync::Mutex<Option<Option<Id>>>,
    since: Timestamp,
}

impl Known {
    pub(super) fn set(&self, first: First) {
        self.first.send_replace(first);
    }

    /// The first answer, once there is one.
    pub(super) async fn first(&self) -> First {
        let mut first = self.first.subscribe();
        let settled = first.wait_for(|first| *first != First::Waiting);
        match tokio::time::timeout(Duration::from_secs(5), settled).await {
            Ok(Ok(first)) => *first,
            _ => First::Dead,
        }
    }
}

/// All tickets of a bot.
#[derive(Default)]
pub(super) struct Tickets(Mutex<HashMap<String, Arc<Known>>>);

impl Tickets {
    /// An interaction came; `None` when it is known already.
    pub(super) fn open(&self, interaction: &str) -> Option<Arc<Known>> {
        let mut all = self.0.lock();
        if all.contains_key(interaction) {
            return None;
        }
        if all.len() >= KEPT {
            let now = Timestamp::now();
            let life = limits::TOKEN_LIFE.as_secs_f64();
            all.retain(|_, known| now.seconds_since(known.since) < life);
        }
        if all.len() >= KEPT {
            all.clear();
        }
        let known = Arc::new(Known {
            first: watch::Sender::new(First::Waiting),
            taken: tokio::sync::Mutex::default(),
            since: Timestamp::now(),
        });
        all.insert(interaction.to_owned(), Arc::clone(&known));
        Some(known)
    }

    /// What is known about one that came in this process.
    pub(super) fn get(&self, interaction: &str) -> Option<Arc<Known>> {
        self.0.lock().get(interaction).cloned()
    }
}
