//! Rules made by command or over the API: grants, denials, roles and people beside those of the access file.
//!
//! They are read by the code that reads the file, with the same mistakes told, and stored with who made them. Where
//! the file names a role or a person, too, the file wins; a grant that names somebody who is gone gives nothing.

mod change;
mod guard;
#[cfg(test)]
mod tests;

pub use change::RuleError;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::file::{AccessFile, Known, Person, Role, Rule, Subject};
use crate::model::{JsonMap, Problem, Severity, Timestamp};

/// Beginning of the names under which they are stored.
pub(super) const GRANT: &str = "access.grant.";
pub(super) const ROLE: &str = "access.role.";
pub(super) const PERSON: &str = "access.person.";
/// The number that the last grant got; numbers are not given twice.
pub(super) const LAST: &str = "access.last_grant";

/// Something that was made, by whom and when it was last changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// As in the access file: the keys of a grant, of a role, of a person.
    pub body: JsonMap,
    /// Who made it as it is.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Everything that was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// Grants and denials by number.
    pub grants: BTreeMap<u64, Made>,
    /// Roles by name.
    pub roles: BTreeMap<String, Made>,
    /// People by name.
    pub people: BTreeMap<String, Made>,
}

/// Where a rule comes from that stands in no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `g-12`.
    pub id: String,
    /// Who made it as it is.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The id of a grant by its number.
#[must_use]
pub fn id_of(number: u64) -> String {
    format!("g-{number}")
}

/// The number in an id.
#[must_use]
pub fn number_of(id: &str) -> Option<u64> {
    let number = id.strip_prefix("g-")?;
    number.parse().ok().filter(|found| id_of(*found) == id)
}

impl Written {
    /// Takes in a row of the store.
    pub(super) fn take(&mut self, key: &str, value: &Value) {
        let made = || {
            serde_json::from_value::<Made>(value.clone())
                .inspect_err(
                    |error| tracing::error!(%error, key, "a stored rule cannot be read; it does not count"),
                )
                .ok()
        };
        if let Some(number) = key.strip_prefix(GRANT).and_then(|number| number.parse().ok()) {
            self.grants.extend(made().map(|made| (number, made)));
        } else if let Some(name) = key.strip_prefix(ROLE) {
            self.roles.extend(made().map(|made| (name.to_owned(), made)));
        } else if let Some(name) = key.strip_prefix(PERSON) {
            self.people.extend(made().map(|made| (name.to_owned(), made)));
        }
    }

    /// Whether nothing was made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.grants.is_empty() && self.roles.is_empty() && self.people.is_empty()
    }

    /// Everything that is in force, of the file and of these, and what of these is not, and why.
    pub(super) fn merged(&self, file: Option<&AccessFile>, known: &Known) -> (AccessFile, Vec<Problem>) {
        let mut all = file.cloned().unwrap_or_else(|| AccessFile {
            name: "access.yaml".to_owned(),
            ..AccessFile::default()
        });
        let mut problems = Vec::new();
        let mut problem = |what: String, message: String| {
            problems.push(Problem {
                severity: Severity::Warning,
                file: what,
                line: 0,
                column: 0,
                message,
                hint: String::new(),
                text: String::new(),
            });
        };
        for (name, made) in &self.people {
            if let Some((own, person)) = all.person(name) {
                let told = format!("not in force: {own} stands in {}:{}, too", all.name, person.line);
                problem(format!("person {name}"), told);
                continue;
            }
            match person(name, &made.body) {
                Ok(mut person) => {
                    // An address belongs to one person: to the one whom the file gives it.
                    let taken = |email: &String| all.with_email(email).map(str::to_owned);
                    if let Some((email, owner)) = person
                        .emails
                        .iter()
                        .find_map(|email| Some((email.clone(), taken(email)?)))
                    {
                        let told = format!("the mail address {email} belongs to {owner} now");
                        problem(format!("person {name}"), told);
                    }
                    person.emails.retain(|email| taken(email).is_none());
                    all.people.insert(name.clone(), person);
                }
                Err(mistakes) => problem(format!("person {name}"), told(&mistakes)),
            }
        }
        for (name, made) in &self.roles {
            if let Some(role) = all.roles.get(name) {
                let told = format!("not in force: `{name}` stands in {}:{}, too", all.name, role.line);
                problem(format!("role {name}"), told);
                continue;
            }
            match role(name, &made.body, &named_in(&made.body)) {
                Ok(role) => drop(all.roles.insert(name.clone(), role)),
                Err(mistakes) => problem(format!("role {name}"), told(&mistakes)),
            }
        }
        for (number, made) in &self.grants {
            let id = id_of(*number);
            match grant(&made.body, &named_in(&made.body)) {
                Ok(mut rule) => {
                    rule.source = Some(Source {
                        id: id.clone(),
                        by: made.by.clone(),
                        at: made.at,
                    });
                    let gone = gone(&rule, &all, known, file.is_some());
                    if let Some(gone) = &gone {
                        let consequence = if rule.denies { "" } else { "not in force: " };
                        problem(
                            format!("grant {id}"),
                            format!("{consequence}there is no {gone} any more"),
                        );
                    }
                    // A denial without one of those whom it names denies the others all the same.
                    if gone.is_none() || rule.denies {
                        all.rules.push(rule);
                    }
                }
                Err(mistakes) => problem(format!("grant {id}"), told(&mistakes)),
            }
        }
        (all, problems)
    }
}

fn told(mistakes: &[Problem]) -> String {
    mistakes
        .first()
        .map(|first| first.message.clone())
        .unwrap_or_default()
}

/// Somebody whom a rule names and who is not there. Where no file lists people (`listed`), everybody is.
fn gone(rule: &Rule, all: &AccessFile, known: &Known, listed: bool) -> Option<String> {
    rule.to
        .iter()
        .chain(&rule.except)
        .find_map(|subject| match subject {
            Subject::All => None,
            Subject::Person(name) => {
                (listed && !all.people.contains_key(name) && !known.people.contains(name))
                    .then(|| format!("person `{name}`"))
            }
            Subject::Role(name) => {
                let there = name == super::policy::ADMIN
                    || all.roles.contains_key(name)
                    || known.roles.contains(name);
                (!there).then(|| format!("role `{name}`"))
            }
        })
}

/// Everybody whom a body names: what was right when it was made is read again without asking whether it still is.
fn named_in(body: &JsonMap) -> Known {
    let mut known = Known::default();
    let by = body.get("approval").and_then(|terms| terms.get("by"));
    let lists = ["to", "except", "includes", "members", "roles"]
        .iter()
        .filter_map(|key| body.get(*key))
        .chain(by);
    for list in lists {
        let texts = match list {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            Value::String(text) => vec![text.as_str()],
            _ => Vec::new(),
        };
        for text in texts {
            let name = text.split_once(':').map_or(text, |(_, name)| name);
            let name = name.trim().trim_start_matches('@').to_owned();
            known.people.push(name.clone());
            known.roles.push(name);
        }
    }
    known
}

/// Mistakes as they are told to somebody who writes no file.
fn for_command(problems: Vec<Problem>) -> Vec<Problem> {
    let tell = |mut problem: Problem| {
        problem.line = problem.line.saturating_sub(1);
        problem.hint = match problem.hint.as_str() {
            "add them below `people`" => "`sayso user create NAME` makes somebody known".to_owned(),
            "declare it below `roles`" => "`sayso access role set NAME` makes a role".to_owned(),
            _ => problem.hint,
        };
        problem
    };
    problems.into_iter().map(tell).collect()
}

/// Reads a grant or denial as the file is read.
pub(super) fn grant(body: &JsonMap, known: &Known) -> Result<Rule, Vec<Problem>> {
    let text = format!("grants:\n- {}\n", json!(body));
    let read = AccessFile::read("grant", &text, known).map_err(for_command)?;
    read.rules.into_iter().next().ok_or_else(Vec::new)
}

/// Reads a role as the file is read.
pub(super) fn role(name: &str, body: &JsonMap, known: &Known) -> Result<Role, Vec<Problem>> {
    let text = format!("roles:\n  {}: {}\n", json!(name), json!(body));
    let mut read = AccessFile::read("role", &text, known).map_err(for_command)?;
    read.roles.remove(name).ok_or_else(Vec::new)
}

/// Reads a person as the file is read.
pub(super) fn person(name: &str, body: &JsonMap) -> Result<Person, Vec<Problem>> {
    let text = format!("people:\n  {}: {}\n", json!(name), json!(body));
    let mut read = AccessFile::read("person", &text, &named_in(body)).map_err(for_command)?;
    read.people.remove(name).ok_or_else(Vec::new)
}
