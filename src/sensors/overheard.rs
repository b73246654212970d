//! Chat messages that are no commands, as events (`core.st2.chat.message`).

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use tokio::time::Instant;

use super::claim;
use crate::events::{Emission, EmitError, Events};
use crate::store::StoreError;
use crate::triggers::TriggerKey;

/// The trigger.
const CHAT_MESSAGE: &str = "core.st2.chat.message";
/// Seconds whose messages may come at once.
const BURST: u32 = 5;
/// How often is told that messages were left out.
const TELL: Duration = Duration::from_secs(60);

/// A chat message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The same for every delivery of the same message.
    pub key: String,
    /// What was written.
    pub text: String,
    /// Who wrote it, as the platform names the account.
    pub account: String,
    /// Their name on the platform.
    pub user: String,
    /// `slack`, `discord`, `console`.
    pub platform: String,
    /// Name of the gateway.
    pub gateway: String,
    /// Id of the conversation.
    pub channel: String,
    /// Its name, where known.
    pub channel_name: Option<String>,
    /// Id of the thread.
    pub thread: Option<String>,
    /// Id of the message on the platform.
    pub message_id: Option<String>,
    /// Accounts that the text mentions.
    pub mentions: Vec<String>,
    /// Whether the bot is mentioned.
    pub mentioned: bool,
    /// Whether only the bot reads it.
    pub direct: bool,
}

/// Makes events of messages, at a bounded rate, while a rule wants them.
pub struct Overheard {
    events: Events,
    rate: u32,
    bucket: Mutex<Bucket>,
}

struct Bucket {
    left: f64,
    filled: Instant,
    dropped: u64,
    told: Option<Instant>,
}

impl Overheard {
    /// At most `rate` messages per second become events.
    #[must_use]
    pub fn new(events: Events, rate: u32) -> Self {
        Self {
            events,
            rate,
            bucket: Mutex::new(Bucket {
                left: f64::from(rate.saturating_mul(BURST)),
                filled: Instant::now(),
                dropped: 0,
                told: None,
            }),
        }
    }

    /// Whether a rule wants messages now.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        let index = self.events.book().index();
        !index.rules(&TriggerKey::of_type(CHAT_MESSAGE)).is_empty()
    }

    /// Takes a message: returns after what follows from it is committed. The same message counts once; one that comes
    /// too fast is left out.
    ///
    /// # Errors
    /// When the store fails: nothing of it is stored then.
    pub async fn take(&self, message: Message) -> Result<(), StoreError> {
        if !self.is_wanted() || !self.may(Instant::now()) {
            return Ok(());
        }
        let event = Emission {
            type_ref: CHAT_MESSAGE.to_owned(),
            payload: Arc::new(json!({
                "text": message.text,
                "user": message.user,
                "account": message.account,
                "platform": message.platform,
                "gateway": message.gateway,
                "channel": message.channel,
                "channel_name": message.channel_name,
                "thread": message.thread,
                "message_id": message.message_id,
                "mentions": message.mentions,
                "mentioned": message.mentioned,
                "direct": message.direct,
            })),
            with: vec![claim(CHAT_MESSAGE, &message.key)],
            ..Emission::default()
        };
        match self.events.emit(event).await {
            Ok(_) | Err(EmitError::Duplicate(_)) => Ok(()),
            Err(EmitError::Store(error)) => Err(error),
            Err(error) => {
                tracing::warn!(%error, "a chat message could not become an event");
                Ok(())
            }
        }
    }

    fn may(&self, now: Instant) -> bool {
        let mut bucket = self.bucket.lock();
        let most = f64::from(self.rate.saturating_mul(BURST));
        let earned = now.duration_since(bucket.filled).as_secs_f64() * f64::from(self.rate);
        bucket.left = (bucket.left + earned).min(most);
        bucket.filled = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return true;
        }
        bucket.dropped += 1;
        if bucket.told.is_none_or(|told| now.duration_since(told) >= TELL) {
            bucket.told = Some(now);
            tracing::warn!(
                left_out = bucket.dropped,
                rate = self.rate,
                "chat messages come faster than they may become events (setting sensors.chat_messages)"
            );
            bucket.dropped = 0;
        }
        false
    }
}
