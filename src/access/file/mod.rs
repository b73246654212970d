//! `access.yaml`: people, roles, grants and denials, each with the line that says so.
//!
//! Whatever is not understood is an error with its place, so that a typing error never opens a door.

mod read;
#[cfg(test)]
mod tests;

pub(crate) use read::terms_of;

use std::collections::BTreeMap;

use super::glob;
use super::rulebook::Source;
use super::times::Window;
use super::when::When;
use crate::approval::same_person;
use crate::model::{Action, Place, Problem};

/// A file that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessFile {
    /// Its name, for reasons: `access.yaml`.
    pub name: String,
    /// People by internal name.
    pub people: BTreeMap<String, Person>,
    /// Roles by name.
    pub roles: BTreeMap<String, Role>,
    /// Grants and denials, as written.
    pub rules: Vec<Rule>,
    /// Who hears of runs without approval, and reviews them.
    pub owners: Vec<Subject>,
}

/// A person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Line of the file.
    pub line: u32,
    /// Mail addresses, in lower case.
    pub emails: Vec<String>,
    /// Roles that the person is given.
    pub roles: Vec<String>,
    /// Chat accounts, `slack:T1:U1`.
    pub accounts: Vec<String>,
    /// False: refused everywhere.
    pub active: bool,
}

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Line of the file.
    pub line: u32,
    /// Roles whose rights it has, too.
    pub includes: Vec<String>,
    /// People who have it.
    pub members: Vec<String>,
}

/// Who is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Everybody.
    All,
    /// A person.
    Person(String),
    /// Everybody with a role, or in a group.
    Role(String),
}

/// What is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Actions, as a pattern of references.
    Action(String),
    /// Aliases, as a pattern of references: what was said in chat.
    Alias(String),
    /// Everything in packs: their actions, and whatever their aliases run.
    Pack(String),
}

/// A grant, or a denial.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it is called in reasons; empty: its line.
    pub name: String,
    /// Line of the file.
    pub line: u32,
    /// True: it takes away instead of giving.
    pub denies: bool,
    /// Who.
    pub to: Vec<Subject>,
    /// Who not, of those.
    pub except: Vec<Subject>,
    /// What.
    pub run: Vec<Target>,
    /// Patterns of places; empty: everywhere.
    pub places: Vec<String>,
    /// Times; empty: always.
    pub times: Vec<Window>,
    /// Condition on the parameters.
    pub when: Option<When>,
    /// Terms of the approval that is needed, as `core.approve` takes them.
    pub approval: Option<crate::model::JsonMap>,
    /// Why something is denied.
    pub reason: Option<String>,
    /// Where it comes from when it stands in no file.
    pub source: Option<Source>,
}

impl AccessFile {
    /// Reads the text of a file. `known` are names of people and roles that the settings know.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the file.
    pub fn read(name: &str, text: &str, known: &Known) -> Result<Self, Vec<Problem>> {
        read::read(name, text, known)
    }

    /// The person with this name. Upper and lower case are the same.
    #[must_use]
    pub fn person(&self, user: &str) -> Option<(&str, &Person)> {
        if let Some((name, person)) = self.people.get_key_value(user) {
            return Some((name, person));
        }
        self.people
            .iter()
            .find(|(name, _)| same_person(name, user))
            .map(|(name, person)| (name.as_str(), person))
    }

    /// All roles of a person, those included by others, too. `more` are roles they have from elsewhere.
    #[must_use]
    pub fn roles_of(&self, user: &str, more: &[String]) -> Vec<String> {
        let mut roles: Vec<String> = more.to_vec();
        if let Some((_, person)) = self.person(user) {
            roles.extend(person.roles.iter().cloned());
        }
        roles.extend(
            self.roles
                .iter()
                .filter(|(_, role)| role.members.iter().any(|member| member == user))
                .map(|(name, _)| name.clone()),
        );
        let mut next = 0;
        while next < roles.len() {
            if let Some(role) = self.roles.get(&roles[next]) {
                let new: Vec<String> = role
                    .includes
                    .iter()
                    .filter(|name| !roles.contains(name))
                    .cloned()
                    .collect();
                roles.extend(new);
            }
            next += 1;
        }
        let mut seen = Vec::new();
        roles.retain(|role| {
            let new = !seen.contains(role);
            seen.push(role.clone());
            new
        });
        roles
    }

    /// The people who have a role.
    #[must_use]
    pub fn with_role(&self, role: &str) -> Vec<String> {
        let members = self.roles.values().flat_map(|role| role.members.iter());
        let mut names: Vec<String> = self.people.keys().chain(members).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| self.roles_of(name, &[]).iter().any(|held| held == role));
        names
    }

    /// The person that an account is linked with in the file.
    #[must_use]
    pub fn owner_of(&self, account: &str) -> Option<&str> {
        self.people
            .iter()
            .find(|(_, person)| person.accounts.iter().any(|own| own == account))
            .map(|(name, _)| name.as_str())
    }

    /// The person with a mail address.
    #[must_use]
    pub fn with_email(&self, email: &str) -> Option<&str> {
        let email = email.trim().to_lowercase();
        self.people
            .iter()
            .find(|(_, person)| person.emails.contains(&email))
            .map(|(name, _)| name.as_str())
    }
}

/// Names that the settings bring.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Users named there.
    pub people: Vec<String>,
    /// Groups there.
    pub roles: Vec<String>,
}

impl Subject {
    /// Whether somebody is meant. `loose` takes another spelling of a name for the same person.
    #[must_use]
    pub fn names(&self, user: &str, roles: &[String], loose: bool) -> bool {
        match self {
            Self::All => true,
            Self::Person(name) => name == user || (loose && same_person(name, user)),
            Self::Role(role) => roles.contains(role),
        }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Person(name) => f.write_str(name),
            Self::Role(role) => write!(f, "role:{role}"),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Action(pattern) => f.write_str(pattern),
            Self::Alias(pattern) => write!(f, "alias:{pattern}"),
            Self::Pack(pattern) => write!(f, "pack:{pattern}"),
        }
    }
}

impl Target {
    /// Whether running the action, by saying the alias, is meant.
    #[must_use]
    pub fn covers(&self, action: &Action, alias: Option<&str>) -> bool {
        match self {
            Self::Action(pattern) => glob::matches(pattern, &action.reference),
            Self::Alias(pattern) => alias.is_some_and(|alias| glob::matches(pattern, alias)),
            Self::Pack(pattern) => {
                let said = alias
                    .and_then(|alias| alias.split_once('.'))
                    .map(|(pack, _)| pack);
                glob::matches(pattern, &action.pack) || said.is_some_and(|pack| glob::matches(pattern, pack))
            }
        }
    }
}

impl Rule {
    /// Where it stands: `access.yaml:14`, or the id of what stands in no file, `g-12`.
    #[must_use]
    pub fn place(&self, file: &str) -> String {
        match &self.source {
            Some(source) => source.id.clone(),
            None => format!("{file}:{}", self.line),
        }
    }

    /// What it is called: ``grant `deploys` (access.yaml:14)``, `grant g-12 made by ana on 2026-11-23`.
    #[must_use]
    pub fn label(&self, file: &str) -> String {
        let kind = if self.denies { "denial" } else { "grant" };
        if let Some(source) = &self.source {
            let name = if self.name.is_empty() {
                String::new()
            } else {
                format!(" `{}`", self.name)
            };
            let date = source.at.to_string();
            let date = date.split('T').next().unwrap_or_default();
            return format!("{kind} {}{name} made by {} on {date}", source.id, source.by);
        }
        if self.name.is_empty() {
            format!("the {kind} in {file}:{}", self.line)
        } else {
            format!("{kind} `{}` ({file}:{})", self.name, self.line)
        }
    }

    /// Whether it is about this person and this command, whatever place, time and parameters.
    #[must_use]
    pub fn is_about(&self, user: &str, roles: &[String], action: &Action, alias: Option<&str>) -> bool {
        self.to
            .iter()
            .any(|subject| subject.names(user, roles, self.denies))
            && !self
                .except
                .iter()
                .any(|subject| subject.names(user, roles, !self.denies))
            && self.run.iter().any(|target| target.covers(action, alias))
    }

    /// Whether it holds in the place.
    #[must_use]
    pub fn is_in(&self, place: Option<&Place>) -> bool {
        super::policy::is_in(&self.places, place)
    }
}
