//! The question "may they?" and who answers it.

use crate::model::{Action, Decision, Identity, JsonMap, Place, Timestamp};

/// Everything a permission decision may depend on. Parameters are typed and in clear.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Who asks.
    pub identity: &'a Identity,
    /// What they want to run.
    pub action: &'a Action,
    /// Alias that was used, `pack.name`.
    pub alias: Option<&'a str>,
    /// With which parameters, rendered and cast.
    pub parameters: &'a JsonMap,
    /// Where they asked, for chat.
    pub place: Option<&'a Place>,
    /// When.
    pub now: Timestamp,
}

/// Answers permission questions. The answer depends on nothing but the question and the configuration.
pub trait Authority: Send + Sync + 'static {
    /// Whether the identity may do this here and now, and why.
    fn decide(&self, ask: &Ask<'_>) -> Decision;

    /// Whether the identity could run the action by its name, with some parameters.
    fn could(&self, identity: &Identity, action: &Action, place: Option<&Place>) -> bool;

    /// The users in a group, or with a role; empty when there is no such group.
    fn members(&self, group: &str) -> Vec<String> {
        let _ = group;
        Vec::new()
    }

    /// The identity of a person as it is now: with the roles that they have.
    fn person(&self, user: &str, via: &str) -> Identity {
        Identity {
            user: user.to_owned(),
            via: via.to_owned(),
            ..Identity::default()
        }
    }

    /// What about the rules needs somebody's attention, for `status`.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Why a person is refused everywhere; `None` when they are not.
    fn inactive(&self, user: &str) -> Option<String> {
        let _ = user;
        None
    }

    /// The person behind an account, when it belongs to one.
    fn behind(&self, account: &str) -> Option<String> {
        let _ = account;
        None
    }

    /// Whether somebody is in a group or has a role now.
    fn is_in(&self, user: &str, group: &str) -> bool {
        let _ = (user, group);
        true
    }

    /// Whether the identity could run the action by saying this alias, with some parameters: what `help` shows.
    fn could_say(&self, identity: &Identity, alias: &str, action: &Action, place: Option<&Place>) -> bool {
        let _ = alias;
        self.could(identity, action, place)
    }
}
