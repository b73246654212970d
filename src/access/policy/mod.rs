//! The permission decision: a pure function of identity, action, parameters and place, with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::RwLock;

use super::file::{AccessFile, Known, Rule};
use super::options::{AccessOptions, AllowRule, Mode};
use super::rulebook::Written;
use super::when::Truth;
use super::{Ask, Authority, glob};
use crate::approval::same_person;
use crate::model::{Action, Decision, Identity, Need, Place, Problem};

/// The role that may do everything.
pub const ADMIN: &str = "admin";

/// Runner of the built-in chat commands.
const BUILTIN: &str = "builtin";
/// Entry points of built-in commands that are open to everyone who can talk to the bot: those that only tell, and
/// those that decide by themselves who may (what is answered names who may answer).
const FOR_ALL: [&str; 19] = [
    "help",
    "whoami",
    "why",
    "break_glass",
    "link",
    "unlink",
    "reviews",
    "review",
    "status",
    "explain",
    "inquiries",
    "answer",
    "approvals",
    "approve",
    "deny",
    "delegate",
    "key_get",
    "key_list",
    "key_set",
];

/// Decides by the settings in `[access]` and by `access.yaml`.
#[derive(Debug)]
pub struct Policy {
    options: AccessOptions,
    rules: RwLock<InForce>,
}

/// What of the rules may change while the server runs.
#[derive(Clone, Debug, Default)]
struct InForce {
    file: Option<Arc<AccessFile>>,
    /// What was made by command.
    written: Arc<Written>,
    /// Both; `None`: neither is there.
    all: Option<Arc<AccessFile>>,
    /// What of what was made is not in force, and why.
    ineffective: Arc<Vec<Problem>>,
    /// What is wrong with the file as it is on disk; what was good before stays in force.
    problems: Arc<Vec<Problem>>,
    /// People that were deactivated by command.
    deactivated: Arc<BTreeSet<String>>,
    /// Accounts that were linked by command, with their people.
    links: BTreeMap<String, String>,
}

impl InForce {
    fn merge(&mut self, known: &Known) {
        if self.written.is_empty() {
            self.all = self.file.clone();
            self.ineffective = Arc::default();
            return;
        }
        let (all, ineffective) = self.written.merged(self.file.as_deref(), known);
        self.all = Some(Arc::new(all));
        self.ineffective = Arc::new(ineffective);
    }
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
            Ok(Self {
                options,
                rules: RwLock::default(),
            })
        } else {
            Err(problems)
        }
    }

    /// The settings that it decides by.
    #[must_use]
    pub const fn options(&self) -> &AccessOptions {
        &self.options
    }

    /// Names that the settings bring, for checking a file.
    #[must_use]
    pub fn known(&self) -> Known {
        let ruled = self.options.allow.iter().flat_map(|rule| &rule.who);
        let groups = self
            .options
            .groups
            .values()
            .flatten()
            .chain(ruled.filter(|name| *name != "*"));
        Known {
            people: groups
                .chain(&self.options.admins)
                .chain(std::iter::once(&self.options.token_user))
                .cloned()
                .collect(),
            roles: self.options.groups.keys().cloned().collect(),
        }
    }

    /// Puts a file in force; `None`: there is none.
    pub fn set_file(&self, file: Option<AccessFile>) {
        let known = self.known();
        let mut rules = self.rules.write();
        rules.file = file.map(Arc::new);
        rules.problems = Arc::default();
        rules.merge(&known);
    }

    /// Puts in force what was made by command.
    pub fn set_written(&self, written: Written) {
        let known = self.known();
        let mut rules = self.rules.write();
        rules.written = Arc::new(written);
        rules.merge(&known);
    }

    /// What was made by command.
    #[must_use]
    pub fn written(&self) -> Arc<Written> {
        Arc::clone(&self.rules.read().written)
    }

    /// What would be in force with this beside the file, and what of it would not.
    #[must_use]
    pub fn merge(&self, written: &Written) -> (AccessFile, Vec<Problem>) {
        written.merged(self.on_disk().as_deref(), &self.known())
    }

    /// What of what was made by command is not in force, and why.
    #[must_use]
    pub fn ineffective(&self) -> Arc<Vec<Problem>> {
        Arc::clone(&self.rules.read().ineffective)
    }

    /// Remembers what is wrong with the file; what was in force stays in force.
    pub fn set_problems(&self, problems: Vec<Problem>) {
        self.rules.write().problems = Arc::new(problems);
    }

    /// What is wrong with the file as it is on disk.
    #[must_use]
    pub fn problems(&self) -> Arc<Vec<Problem>> {
        Arc::clone(&self.rules.read().problems)
    }

    /// Everything in force: the file, and what was made by command. `None` when there is neither.
    #[must_use]
    pub fn file(&self) -> Option<Arc<AccessFile>> {
        self.rules.read().all.clone()
    }

    /// The file alone.
    #[must_use]
    pub fn on_disk(&self) -> Option<Arc<AccessFile>> {
        self.rules.read().file.clone()
    }

    /// Whether reading is open to everybody: while there is no access file.
    fn reads_are_open(&self) -> bool {
        self.rules.read().file.is_none()
    }

    /// Sets who was deactivated by command.
    pub fn set_deactivated(&self, people: BTreeSet<String>) {
        self.rules.write().deactivated = Arc::new(people);
    }

    /// Sets whose account one is by command, or that it is nobody's any more.
    pub fn set_link(&self, account: &str, user: Option<&str>) {
        let mut rules = self.rules.write();
        match user {
            Some(user) => drop(rules.links.insert(account.to_owned(), user.to_owned())),
            None => drop(rules.links.remove(account)),
        }
    }

    /// Why the person is refused everywhere; `None` when they are not.
    #[must_use]
    pub fn inactive(&self, user: &str) -> Option<String> {
        let rules = self.rules.read();
        if rules.deactivated.iter().any(|name| same_person(name, user)) {
            return Some(format!(
                "{user} is deactivated; `sayso user activate {user}` takes that back"
            ));
        }
        let file = rules.all.as_ref()?;
        let (name, person) = file.person(user)?;
        (!person.active).then(|| format!("{name} is deactivated ({}:{})", file.name, person.line))
    }

    /// Whether this user may do everything.
    #[must_use]
    pub fn is_admin(&self, user: &str) -> bool {
        self.roles(user).iter().any(|role| role == ADMIN)
    }

    /// The identity of a user: with the role `admin` when the settings or the file say so, and with the groups and roles
    /// that they have. Somebody who is deactivated has none.
    #[must_use]
    pub fn identity(&self, user: &str, via: &str) -> Identity {
        let user = self.spelled(user);
        let roles = if self.inactive(&user).is_some() {
            Vec::new()
        } else {
            self.roles(&user)
        };
        Identity {
            user,
            roles,
            via: via.to_owned(),
            account: None,
        }
    }

    /// A name as rules write it: whoever spells it otherwise is the same person, with the same rights and denials.
    #[must_use]
    pub fn spelled(&self, user: &str) -> String {
        if let Some(file) = self.file()
            && let Some((name, _)) = file.person(user)
        {
            return name.to_owned();
        }
        let options = &self.options;
        let groups = options.groups.values().flatten();
        let allowed = options.allow.iter().flat_map(|rule| &rule.who);
        let listed = || {
            std::iter::once(&options.token_user)
                .chain(&options.admins)
                .chain(groups.clone())
                .chain(allowed.clone())
        };
        if listed().any(|name| name == user) {
            return user.to_owned();
        }
        listed()
            .find(|name| same_person(name, user))
            .map_or_else(|| user.to_owned(), Clone::clone)
    }

    /// The roles that the settings give.
    pub(super) fn settings_roles(&self, user: &str) -> Vec<String> {
        let options = &self.options;
        let mut roles = Vec::new();
        if user == options.token_user || options.admins.iter().any(|admin| admin == user) {
            roles.push(ADMIN.to_owned());
        }
        roles.extend(
            options
                .groups
                .iter()
                .filter(|(_, users)| users.iter().any(|name| name == user))
                .map(|(group, _)| group.clone()),
        );
        roles
    }

    fn roles(&self, user: &str) -> Vec<String> {
        let roles = self.settings_roles(user);
        self.file()
            .map_or_else(|| roles.clone(), |file| file.roles_of(user, &roles))
    }

    fn fit<'a>(rule: &'a AllowRule, ask: &Ask<'_>) -> Fit<'a> {
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
        if is_in(&rule.places, ask.place) {
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
        if self.inactive(&identity.user).is_some() {
            return false;
        }
        if is_open_to_all(action) {
            return true;
        }
        let file = self.file();
        let (user, roles) = (&identity.user, &identity.roles);
        let fits = |rule: &&Rule| {
            rule.is_about(user, roles, action, alias) && (place.is_none() || rule.is_in(place))
        };
        let rules = || file.iter().flat_map(|file| &file.rules);
        let mut denials = rules().filter(|rule| rule.denies && rule.when.is_none() && rule.times.is_empty());
        if denials.any(|rule| fits(&rule)) {
            return false;
        }
        identity.is_admin()
            || self.options.mode == Mode::Open
            || (action.read_only && self.reads_are_open())
            || rules().filter(|rule| !rule.denies).any(|rule| fits(&rule))
            || self.options.allow.iter().any(|rule| {
                names(&rule.who, user)
                    && (glob::any(&rule.actions, &action.reference)
                        || alias.is_some_and(|alias| glob::any(&rule.aliases, alias)))
                    && (place.is_none() || is_in(&rule.places, place))
            })
    }

    /// Who could grant what is missing, for the end of a refusal.
    fn who_could_grant(&self) -> String {
        let place = self
            .on_disk()
            .map_or_else(|| "[access]".to_owned(), |file| file.name.clone());
        let mut admins = self.options.admins.clone();
        if let Some(file) = self.file() {
            for name in file.with_role(ADMIN) {
                if !admins.contains(&name) {
                    admins.push(name);
                }
            }
        }
        admins.retain(|name| self.inactive(name).is_none());
        match admins.as_slice() {
            [] => format!("`{}` could allow it in {place}", self.options.token_user),
            [first, second, rest @ ..] if !rest.is_empty() => {
                format!(
                    "{first}, {second} and {} more could allow it in {place}",
                    rest.len()
                )
            }
            admins => format!("{} could allow it in {place}", admins.join(" or ")),
        }
    }

    /// The denial that holds, when there is one.
    fn denied(file: &AccessFile, ask: &Ask<'_>) -> Option<Decision> {
        let (user, roles) = (&ask.identity.user, &ask.identity.roles);
        let rule = file.rules.iter().filter(|rule| rule.denies).find(|rule| {
            rule.is_about(user, roles, ask.action, ask.alias)
                && rule.is_in(ask.place)
                && (rule.times.is_empty() || rule.times.iter().any(|window| window.holds(ask.now)))
                // What cannot be compared denies.
                && rule.when.as_ref().is_none_or(|when| when.test(ask.parameters) != Truth::No)
        })?;
        let reason = rule
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(": {reason}"));
        Some(Decision {
            reason: format!(
                "{} forbids {user} to run {}{reason}",
                rule.label(&file.name),
                ask.action.reference
            ),
            line: Some(rule.place(&file.name)),
            ..Decision::default()
        })
    }

    /// What the grants of a file say: those that hold, and else the one that comes nearest.
    fn granted(file: &AccessFile, ask: &Ask<'_>) -> Result<Option<Decision>, String> {
        let (user, roles, action) = (&ask.identity.user, &ask.identity.roles, &ask.action.reference);
        let (mut found, mut nearest): (Option<Decision>, Option<(u8, String)>) = (None, None);
        let about = file
            .rules
            .iter()
            .filter(|rule| !rule.denies && rule.is_about(user, roles, ask.action, ask.alias));
        for rule in about {
            let label = rule.label(&file.name);
            let line = rule.place(&file.name);
            // The better a grant fits, the more it tells: parameters say more than times, times more than places.
            let missing = if !rule.is_in(ask.place) {
                Some((0, format!("in {}", rule.places.join(", "))))
            } else if !rule.times.is_empty() && !rule.times.iter().any(|window| window.holds(ask.now)) {
                let times: Vec<&str> = rule.times.iter().map(super::times::Window::text).collect();
                Some((1, format!("at {}", times.join(", or "))))
            } else {
                let when = rule
                    .when
                    .as_ref()
                    .filter(|when| when.test(ask.parameters) != Truth::Yes);
                // The condition is told, the values are not: they may be secret.
                when.map(|when| (2, format!("when {}", when.text())))
            };
            if let Some((rank, missing)) = missing {
                if nearest.as_ref().is_none_or(|(best, _)| rank > *best) {
                    nearest = Some((
                        rank,
                        format!("{label} allows {user} to run {action} only {missing}"),
                    ));
                }
                continue;
            }
            let decision = found.get_or_insert_with(|| Decision {
                allowed: true,
                reason: format!("{label} allows {action} to {user}"),
                line: Some(line),
                needs: Vec::new(),
            });
            if let Some(terms) = &rule.approval {
                let need = Need {
                    terms: terms.clone(),
                    source: label,
                };
                if !decision.needs.iter().any(|other| other.terms == need.terms) {
                    decision.needs.push(need);
                }
            }
        }
        match (found, nearest) {
            (Some(decision), _) => Ok(Some(decision)),
            (None, Some((_, why))) => Err(why),
            (None, None) => Ok(None),
        }
    }

    /// Everything but the approvals that action and alias ask for themselves.
    fn judge(&self, ask: &Ask<'_>) -> Decision {
        let allowed = |reason: String| Decision {
            allowed: true,
            reason,
            ..Decision::default()
        };
        let refused = |reason: String| Decision {
            reason,
            ..Decision::default()
        };
        let (user, action) = (&ask.identity.user, &ask.action.reference);
        if let Some(why) = self.inactive(user) {
            return refused(why);
        }
        if is_open_to_all(ask.action) {
            return allowed(format!("{action} is open to everybody"));
        }
        let file = self.file();
        if let Some(decision) = file.as_ref().and_then(|file| Self::denied(file, ask)) {
            return decision;
        }
        if ask.identity.is_admin() {
            return allowed(format!("{user} has the role admin"));
        }
        if self.options.mode == Mode::Open {
            return allowed("access.mode is open".to_owned());
        }
        if ask.action.read_only && self.reads_are_open() {
            return allowed(format!("{action} is read-only, and there is no access file"));
        }
        let mut nearest: Option<String> = None;
        let mut found: Option<Decision> = None;
        match file.as_ref().map_or(Ok(None), |file| Self::granted(file, ask)) {
            Ok(decision) => found = decision,
            Err(why) => nearest = Some(why),
        }
        for (index, rule) in self.options.allow.iter().enumerate() {
            let label = label(index, rule);
            match Self::fit(rule, ask) {
                Fit::Allows if found.is_none() => {
                    found = Some(allowed(format!("{label} allows {action} to {user}")));
                }
                Fit::Allows => {}
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
        found.unwrap_or_else(|| {
            let missing = nearest.unwrap_or_else(|| format!("no rule allows {user} to run {action}"));
            refused(format!("{missing}; {}", self.who_could_grant()))
        })
    }
}

impl Authority for Policy {
    fn decide(&self, ask: &Ask<'_>) -> Decision {
        let mut decision = self.judge(ask);
        if decision.allowed
            && let Some(terms) = &ask.action.approval
        {
            decision.needs.push(Need {
                terms: terms.clone(),
                source: format!("action {}", ask.action.reference),
            });
        }
        decision
    }

    fn could(&self, identity: &Identity, action: &Action, place: Option<&Place>) -> bool {
        self.some_way(identity, None, action, place)
    }

    fn members(&self, group: &str) -> Vec<String> {
        let mut members: Vec<String> = Vec::new();
        if group == ADMIN {
            members.push(self.options.token_user.clone());
            members.extend(self.options.admins.iter().cloned());
        } else {
            members.extend(self.options.groups.get(group).into_iter().flatten().cloned());
        }
        for name in self.file().map(|file| file.with_role(group)).unwrap_or_default() {
            if !members.contains(&name) {
                members.push(name);
            }
        }
        members.retain(|name| self.inactive(name).is_none());
        members
    }

    fn could_say(&self, identity: &Identity, alias: &str, action: &Action, place: Option<&Place>) -> bool {
        self.some_way(identity, Some(alias), action, place)
    }

    fn person(&self, user: &str, via: &str) -> Identity {
        self.identity(user, via)
    }

    fn inactive(&self, user: &str) -> Option<String> {
        Self::inactive(self, user)
    }

    fn behind(&self, account: &str) -> Option<String> {
        let rules = self.rules.read();
        let by_file = rules.all.as_ref().and_then(|file| file.owner_of(account));
        by_file
            .or_else(|| rules.links.get(account).map(String::as_str))
            .map(str::to_owned)
    }

    fn is_in(&self, user: &str, group: &str) -> bool {
        self.identity(user, "").roles.iter().any(|role| role == group)
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.options.mode == Mode::Open {
            warnings
                .push("access.mode is open: everybody who can talk to the bot may run everything".to_owned());
        }
        let ineffective = self.ineffective();
        if let Some(first) = ineffective.first() {
            let more = match ineffective.len() {
                1 => String::new(),
                count => format!(" (and {} more of what was made by command)", count - 1),
            };
            warnings.push(format!("{}: {}{more}", first.file, first.message));
        }
        let problems = self.problems();
        if let Some(first) = problems.first() {
            let place = if first.line > 0 {
                format!("{}:{}", first.file, first.line)
            } else {
                first.file.clone()
            };
            warnings.push(format!(
                "{place}: {}{}; what was in force before stays in force",
                first.message,
                if problems.len() > 1 {
                    format!(" (and {} more problems)", problems.len() - 1)
                } else {
                    String::new()
                }
            ));
        }
        warnings
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

/// Whether a place is one of those that patterns mean; no pattern means everywhere.
pub(super) fn is_in(patterns: &[String], place: Option<&Place>) -> bool {
    if patterns.is_empty() {
        return true;
    }
    let Some(place) = place else {
        return glob::any(patterns, "api");
    };
    glob::any(patterns, &place.gateway)
        || glob::any(patterns, &format!("{}/{}", place.gateway, place.conversation))
        || place.name.as_ref().is_some_and(|name| {
            glob::any(patterns, name) || glob::any(patterns, &format!("{}/{name}", place.gateway))
        })
}

#[cfg(test)]
pub(crate) mod matrix;
#[cfg(test)]
pub(super) mod tests;
