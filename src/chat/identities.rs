//! Who is behind a chat account.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::console;
use super::gateway::Inbound;
use crate::access::{Mode, People};
use crate::model::Identity;

/// Finds the identity behind an account.
pub trait Identities: Send + Sync + 'static {
    /// Who sent the message.
    ///
    /// The error is a sentence for the sender: why the account is nobody yet and what to do.
    fn of<'a>(&'a self, message: &'a Inbound) -> BoxFuture<'a, Result<Identity, String>>;

    /// For an account that belongs to nobody: what it has to say elsewhere to be linked, as an answer for its eyes only.
    /// `None` where accounts cannot be linked like that.
    fn invite<'a>(&'a self, message: &'a Inbound) -> BoxFuture<'a, Option<String>> {
        let _ = message;
        Box::pin(std::future::ready(None))
    }

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

/// Identities of linked accounts, and of consoles.
pub struct LinkedIdentities {
    people: Arc<People>,
}

impl LinkedIdentities {
    /// Those of these people.
    #[must_use]
    pub const fn new(people: Arc<People>) -> Self {
        Self { people }
    }

    async fn find(&self, message: &Inbound) -> Result<Identity, String> {
        let policy = self.people.policy();
        let refuse = |user: &str| policy.inactive(user).map_or(Ok(()), Err);
        if let Some(mut identity) = message.identity.clone() {
            refuse(&identity.user)?;
            identity.account.get_or_insert_with(|| message.account.clone());
            return Ok(identity);
        }
        let via = message.place.gateway.split(':').next().unwrap_or_default();
        let mut user = self.people.person_of(&message.account);
        if user.is_none() {
            user = self.by_email(message).await;
        }
        let open = policy.options().mode == Mode::Open;
        let known = user.is_some();
        // In open mode an account that belongs to nobody acts as itself.
        let user = match user {
            Some(user) => user,
            None if open => message.account.clone(),
            None => {
                return Err(format!(
                    "the account `{}` belongs to nobody that I know. Say `link` to me in a direct message, or ask an \
                     administrator for `sayso user link {} NAME`",
                    message.account, message.account
                ));
            }
        };
        refuse(&user)?;
        if known
            && message.is_direct
            && message.place.gateway != console::GATEWAY
            && let Err(error) = self.people.saw(&user, &message.place).await
        {
            tracing::warn!(%error, "cannot remember where somebody can be told something in private");
        }
        let mut identity = policy.identity(&user, via);
        identity.account = Some(message.account.clone());
        Ok(identity)
    }

    /// The person with the verified mail address of the account; the account is theirs from now on.
    async fn by_email(&self, message: &Inbound) -> Option<String> {
        let policy = self.people.policy();
        let email = message
            .email
            .as_deref()
            .filter(|_| policy.options().link_by_email)?;
        let file = policy.file()?;
        let user = file.with_email(email)?;
        match self
            .people
            .link(&message.account, user, "email", &message.account)
            .await
        {
            Ok(link) => Some(link.user),
            Err(error) => {
                tracing::warn!(%error, account = message.account, "an account cannot be linked by its mail address");
                None
            }
        }
    }
}

impl Identities for LinkedIdentities {
    fn of<'a>(&'a self, message: &'a Inbound) -> BoxFuture<'a, Result<Identity, String>> {
        Box::pin(self.find(message))
    }

    fn invite<'a>(&'a self, message: &'a Inbound) -> BoxFuture<'a, Option<String>> {
        Box::pin(async move {
            if self.people.person_of(&message.account).is_some() || message.identity.is_some() {
                return None;
            }
            if !message.is_direct && !message.private {
                return Some(
                    "say `link` to me in a direct message: the code is for your eyes only".to_owned(),
                );
            }
            Some(match self.people.code(&message.account).await {
                Ok(code) => format!(
                    "your code is `{code}`, good for ten minutes. Enter it where I know you: say `link {code}` from an \
                     account of yours, or run `sayso user link --code {code}`"
                ),
                Err(error) => error.to_string(),
            })
        })
    }

    fn named(&self, user: &str, via: &str) -> Identity {
        self.people.policy().identity(user, via)
    }
}
