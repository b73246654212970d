//! Accounts of chat platforms that nobody is linked to, where everybody may do everything.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::chat::gateway::Inbound;
use crate::chat::identities::Identities;
use crate::model::Identity;

/// Takes an account that belongs to nobody as a person of its own name. For sites whose access is open: there
/// nothing depends on who somebody is.
pub(super) struct Strangers(pub(super) Arc<dyn Identities>);

impl Identities for Strangers {
    fn of<'a>(&'a self, message: &'a Inbound) -> BoxFuture<'a, Result<Identity, String>> {
        Box::pin(async {
            match self.0.of(message).await {
                Ok(identity) => Ok(identity),
                Err(_) => {
                    let via = message.place.gateway.split(':').next().unwrap_or("chat");
                    let mut identity = self.0.named(&message.account, via);
                    identity.account = Some(message.account.clone());
                    Ok(identity)
                }
            }
        })
    }

    fn named(&self, user: &str, via: &str) -> Identity {
        self.0.named(user, via)
    }
}
