//! Conversations by the names that people give them.

use serde_json::{Value, json};

use super::web::Failure;
use super::{SlackGateway, events};
use crate::chat::conversations::Manner;
use crate::chat::gateway::{Rendered, SendError, Sent};
use crate::model::Place;

impl SlackGateway {
    /// Sends a message; `#ops` is looked up among the channels that the bot is in.
    pub(super) async fn deliver(&self, mut message: Rendered) -> Result<Sent, SendError> {
        if let Some(name) = message.place.conversation.strip_prefix('#') {
            let found = self.names.named(name).await.map_err(|failure| match failure {
                Failure::Limited(wait) => SendError::RateLimited(wait),
                other => SendError::Retry {
                    reason: other.to_string(),
                    retry_after: None,
                },
            })?;
            message.place.conversation = found.ok_or_else(|| {
                SendError::Permanent(format!("the bot is in no channel #{name}: invite it"))
            })?;
        }
        self.sender.send(message).await
    }

    /// Tells chat what the settings file says about channels.
    pub(super) fn seed(&self) {
        for channel in &self.options.channels {
            let verbosity = channel.verbosity.as_deref().and_then(|word| {
                serde_json::from_value(json!(word))
                    .inspect_err(|_| {
                        tracing::error!(
                            chat.gateway = self.name,
                            "`{word}` is no verbosity: `full`, `short` or `quiet`"
                        );
                    })
                    .ok()
            });
            let manner = Manner {
                prefix: channel.prefix.clone(),
                threads: channel.threads,
                verbosity,
                packs: Some(channel.packs.clone()).filter(|packs| !packs.is_empty()),
                digest: None,
            };
            self.hub.seed(&self.name, &channel.id, manner);
        }
    }

    /// The conversation between the bot and the owner of an account of this workspace.
    pub(super) fn home_of(&self, account: &str) -> Option<Place> {
        let me = self.me.read().clone()?;
        let user = account
            .strip_prefix("slack:")?
            .strip_prefix(&me.team)?
            .strip_prefix(':')?;
        events::id(&Value::String(user.to_owned())).map(|user| Place {
            gateway: self.name.clone(),
            conversation: user,
            thread: None,
            name: None,
        })
    }
}
