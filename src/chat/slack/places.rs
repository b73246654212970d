//! Conversations by the names that people give them.

use serde_json::Value;

use super::web::Failure;
use super::{SlackGateway, events};
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
