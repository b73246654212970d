//! Who is behind a chat account.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::gateway::Inbound;
use crate::model::Identity;

/// Finds the identity behind an account.
pub trait Identities: Send + Sync + 'static {
    /// Who sent the message.
    ///
    /// The error is a sentence for the sender: why the account is nobody yet and what to do.
    fn of<'a>(&'a self, message: &'a Inbound) -> BoxFuture<'a, Result<Identity, String>>;

    /// The identity of a person by internal name, for work that goes on after the message.
    fn named(&self, user: &str, via: &str) -> Identity;
}

/// Gives the identity (with its roles) for a user's name and a way of asking.
pub type Named = dyn Fn(&str, &str) -> Identity + Send + Sync;

/// Identities of consoles: whoever holds a token is who the token says; gateways without accounts of their
/// own are not known.
pub struct ConsoleIdentities {
    named: Arc<Named>,
}

impl ConsoleIdentities {
    /// With a function that gives the identity (with its roles) for a user's name and a way of asking.
    #[must_use]
    pub fn new(named: Arc<Named>) -> Self {
        Self { named }
    }
}

impl Identities for ConsoleIdentities {
    fn of<'a>(&'a self, message: &'a Inbound) -> BoxFuture<'a, Result<Identity, String>> {
        let known = message.identity.clone().map(|mut identity| {
            identity.account.get_or_insert_with(|| message.account.clone());
            identity
        });
        let answer = known.ok_or_else(|| {
            format!(
                "the account `{}` belongs to nobody that I know: ask an administrator to link it",
                message.account
            )
        });
        Box::pin(std::future::ready(answer))
    }

    fn named(&self, user: &str, via: &str) -> Identity {
        (self.named)(user, via)
    }
}
