//! The permission decision: a pure function of identity, action, parameters and place, with its reason.

use super::options::{AccessOptions, AllowRule, Mode};
use super::{Ask, Authority, glob};
use crate::model::{Action, Decision, Identity, Place};

/// The role that may do everything.
pub const ADMIN: &str = "admin";

/// Runner of the built-in chat commands.
const BUILTIN: &str = "builtin";
/// Entry points of built-in commands that are open to everyone who can talk to the bot: those that only tell, and
/// those that decide by themselves who may (what is answered names who may answer).
const FOR_ALL: [&str; 10] = [
    "help",
    "whoami",
    "status",
    "explain",
    "inquiries",
    "answer",
    "approvals",
    "approve",
    "deny",
    "delegate",
];

/// Decides by the settings in `[access]`.
#[derive(Clone, Debug)]
pub struct Policy {
    options: AccessOptions,
}

/// How far a rule went along with a question.
enum Fit<'a> {
    /// It allows it.
    Allows,
    /// Everything but the place fits.
    ElsewhereOnly,
    /// Everything but this parameter fits.
    Parameter(&'a str),
    /// It is about something else.
    No,
}

impl Policy {
    /// A policy of these settings.
    ///
    /// # Errors
    /// One sentence for each rule that could never mean anything (nobody in it, nothing allowed by it).
    pub fn new(options: AccessOptions) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        for (index, rule) in options.allow.iter().enumerate() {
            let label = label(index, rule);
            if rule.who.is_empty() {
                problems.push(format!(
                    "access.allow, {label}: `who` is missing: name users, or \"*\" for everybody"
                ));
            }
            if rule.actions.is_empty() && rule.aliases.is_empty() {
                problems.push(format!(
                    "access.allow, {label}: it allows nothing: give `actions` or `aliases`, \"*\" for all"
                ));
            }
        }
        for (name, users) in &options.groups {
            if name.trim().is_empty() || name == ADMIN {
                problems.push(format!(
                    "access.groups: a group cannot be called \"{name}\"; administrators are named in access.admins"
                ));
            }
            if users.iter().any(|user| user.trim().is_empty()) {
                problems.push(format!("access.groups.{name}: a name in it is empty"));
            }
        }
        if options.token_user.trim().is_empty() {
            problems.push("access.token_user: it is empty: name the user as whom the token acts".to_owned());
        }
        if problems.is_empty() {
            Ok(Self { options })
        } else {
            Err(problems)
        }
    }

    /// The settings that it decides by.
    #[must_use]
    pub const fn options(&self) -> &AccessOptions {
        &self.options
    }

    /// Whether this user may do everything.
    #[must_use]
    pub fn is_admin(&self, user: &str) -> bool {
        user == self.options.token_user || self.options.admins.iter().any(|admin| admin == user)
    }

    /// The identity of a user: with the role `admin` when the settings say so, and with the groups that they are in.
    #[must_use]
    pub fn identity(&self, user: &str, via: &str) -> Identity {
        let mut roles = if self.is_admin(user) {
            vec![ADMIN.to_owned()]
        } else {
            Vec::new()
        };
        let groups = self.options.groups.iter();
        roles.extend(
            groups
                .filter(|(_, users)| users.iter().any(|name| name == user))
                .map(|(group, _)| group.clone()),
        );
        Identity {
            user: user.to_owned(),
            roles,
            via: via.to_owned(),
            account: None,
        }
    }

    fn fit<'a>(&self, rule: &'a AllowRule, ask: &Ask<'_>) -> Fit<'a> {
        let said = ask.alias.is_some_and(|alias| glob::any(&rule.aliases, alias));
        if !names(&rule.who, &ask.identity.user) || !(said || glob::any(&rule.actions, &ask.action.reference))
        {
            return Fit::No;
        }
        if let Some((name, _)) = rule
            .parameters
            .iter()
            .find(|(name, condition)| !condition.holds(ask.parameters.get(name.as_str())))
        {
            return Fit::Parameter(name);
        }
        if is_in(rule, ask.place) {
            Fit::Allows
        } else {
            Fit::ElsewhereOnly
        }
    }

    /// Whether there are parameters with which it would be allowed.
    fn some_way(
        &self,
        identity: &Identity,
        alias: Option<&str>,
        action: &Action,
        place: Option<&Place>,
    ) -> bool {
        identity.is_admin()
            || self.options.mode == Mode::Open
            || is_open_to_all(action)
            || self.options.allow.iter().any(|rule| {
                names(&rule.who, &identity.user)
                    && (glob::any(&rule.actions, &action.reference)
                        || alias.is_some_and(|alias| glob::any(&rule.aliases, alias)))
                    && (place.is_none() || is_in(rule, place))
            })
    }

    /// Who could grant what is missing, for the end of a refusal.
    fn who_could_grant(&self) -> String {
        match self.options.admins.as_slice() {
            [] => format!("`{}` could allow it in [access]", self.options.token_user),
            admins => format!("{} could allow it in [access]", admins.join(" or ")),
        }
    }
}

impl Authority for Policy {
    fn decide(&self, ask: &Ask<'_>) -> Decision {
        let allowed = |reason: String| Decision {
            allowed: true,
            reason,
        };
        let (user, action) = (&ask.identity.user, &ask.action.reference);
        if ask.identity.is_admin() {
            return allowed(format!("{user} has the role admin"));
        }
        if is_open_to_all(ask.action) {
            return allowed(format!("{action} is open to everybody"));
        }
        if self.options.mode == Mode::Open {
            return allowed("access.mode is open".to_owned());
        }
        let mut nearest: Option<String> = None;
        for (index, rule) in self.options.allow.iter().enumerate() {
            let label = label(index, rule);
            match self.fit(rule, ask) {
                Fit::Allows => return allowed(format!("{label} allows {action} to {user}")),
                Fit::ElsewhereOnly => {
                    nearest = Some(format!(
                        "{label} allows {user} to run {action} only in {}",
                        rule.places.join(", ")
                    ));
                }
                // The condition is told, the value is not: it may be a secret.
                Fit::Parameter(name) => {
                    let condition = rule
                        .parameters
                        .get(name)
                        .map(super::Condition::text)
                        .unwrap_or_default();
                    nearest = Some(format!(
                        "{label} allows {user} to run {action} only with {name} = {condition}"
                    ));
                }
                Fit::No => {}
            }
        }
        let missing = nearest.unwrap_or_else(|| format!("no rule allows {user} to run {action}"));
        Decision {
            allowed: false,
            reason: format!("{missing}; {}", self.who_could_grant()),
        }
    }

    fn could(&self, identity: &Identity, action: &Action, place: Option<&Place>) -> bool {
        self.some_way(identity, None, action, place)
    }

    fn members(&self, group: &str) -> Vec<String> {
        if group == ADMIN {
            let admins = self.options.admins.iter();
            return std::iter::once(&self.options.token_user)
                .chain(admins)
                .cloned()
                .collect();
        }
        self.options.groups.get(group).cloned().unwrap_or_default()
    }

    fn could_say(&self, identity: &Identity, alias: &str, action: &Action, place: Option<&Place>) -> bool {
        self.some_way(identity, Some(alias), action, place)
    }
}

fn label(index: usize, rule: &AllowRule) -> String {
    if rule.name.is_empty() {
        format!("rule {}", index + 1)
    } else {
        format!("rule `{}`", rule.name)
    }
}

fn names(who: &[String], user: &str) -> bool {
    who.iter().any(|name| name == "*" || name == user)
}

fn is_open_to_all(action: &Action) -> bool {
    action.runner_type == BUILTIN && FOR_ALL.contains(&action.entry_point.as_str())
}

fn is_in(rule: &AllowRule, place: Option<&Place>) -> bool {
    if rule.places.is_empty() {
        return true;
    }
    let Some(place) = place else {
        return glob::any(&rule.places, "api");
    };
    glob::any(&rule.places, &place.gateway)
        || glob::any(&rule.places, &format!("{}/{}", place.gateway, place.conversation))
        || place.name.as_ref().is_some_and(|name| {
            glob::any(&rule.places, name) || glob::any(&rule.places, &format!("{}/{name}", place.gateway))
        })
}

#[cfg(test)]
mod tests;
