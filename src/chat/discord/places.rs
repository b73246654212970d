//! Conversations by the names that people give them.

use super::rest::Failure;
use super::{DiscordGateway, events};
use crate::chat::gateway::{Rendered, SendError, Sent};
use crate::model::Place;

impl DiscordGateway {
    /// Sends a message; `#ops` is looked up among the channels of the bot's servers, `@123` is a person.
    pub(super) async fn deliver(&self, mut message: Rendered) -> Result<Sent, SendError> {
        let to = message.place.conversation.clone();
        if let Some(name) = to.strip_prefix('#') {
            let world = self.world.lock();
            if world.guilds.is_empty() {
                return Err(SendError::Retry {
                    reason: "the channels are not known yet".to_owned(),
                    retry_after: None,
                });
            }
            let found = world.named(name);
            drop(world);
            message.place.conversation = found.ok_or_else(|| {
                SendError::Permanent(format!("there is no channel #{name} where the bot is"))
            })?;
        } else if let Some(user) = to.strip_prefix('@') {
            message.place.conversation = self.sender.direct(user).await.map_err(|failure| match failure {
                Failure::Limited(wait) => SendError::RateLimited(wait),
                Failure::Unreachable(reason) => SendError::Retry {
                    reason,
                    retry_after: None,
                },
                other => SendError::Permanent(other.to_string()),
            })?;
        }
        self.sender.send(message).await
    }

    /// The conversation between the bot and the owner of an account.
    pub(super) fn home_of(&self, account: &str) -> Option<Place> {
        let user = account.strip_prefix("discord:")?;
        events::id(&user.into()).map(|user| Place {
            gateway: self.name.clone(),
            conversation: format!("@{user}"),
            thread: None,
            name: None,
        })
    }
}
