//! Making, changing and deleting rules: who may, what is checked, what is stored and audited.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use thiserror::Error;

use super::{GRANT, LAST, Made, PERSON, ROLE, Written, grant, guard, id_of, number_of, person, role};
use crate::access::file::{AccessFile, Known, Rule};
use crate::access::people::People;
use crate::approval::same_person;
use crate::content::nearest;
use crate::model::{Identity, JsonMap, Problem, Timestamp};
use crate::store::{StoreError, Write};

/// Things of one kind that may be made.
const MOST: usize = 10_000;

/// Why nothing was changed.
#[derive(Debug, Error)]
pub enum RuleError {
    /// What is wrong with it, as with the access file.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<Problem>),
    /// This person may not.
    #[error("{0}")]
    Forbidden(String),
    /// There is something like it already, or it is used.
    #[error("{0}")]
    Conflict(String),
    /// There is nothing like that.
    #[error("{0}")]
    Unknown(String),
    /// The store failed; an internal error.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a change does to what was made.
struct Change {
    kind: &'static str,
    /// What it is about, `{"id": "g-12"}`.
    about: (&'static str, String),
    key: String,
    before: Option<Made>,
    after: Option<Made>,
    /// Further rows.
    more: Vec<Write>,
}

impl People {
    /// Whether somebody may make rules: owners and administrators.
    ///
    /// # Errors
    /// [`RuleError::Forbidden`].
    pub fn may_write(&self, by: &Identity) -> Result<(), RuleError> {
        if by.is_admin() || self.owners().contains(&by.user) {
            return Ok(());
        }
        Err(RuleError::Forbidden(format!(
            "only owners (`owners` in the access file) and administrators change rules; {} could",
            self.owners().join(", ")
        )))
    }

    /// What was made.
    #[must_use]
    pub fn written(&self) -> std::sync::Arc<Written> {
        self.policy().written()
    }

    /// Makes a grant or denial; gives its id.
    ///
    /// # Errors
    /// See [`RuleError`]; nothing has changed then.
    pub async fn make_grant(&self, body: JsonMap, by: &Identity) -> Result<String, RuleError> {
        self.may_write(by)?;
        let _one = self.changes().lock().await;
        let written = self.written();
        room(written.grants.len(), "grants")?;
        let rule = grant(&body, &self.names())?;
        let stored = self.store().setting(LAST.to_owned()).await?;
        let last = stored.and_then(|value| value.as_u64()).unwrap_or(0);
        let number = written.grants.keys().copied().max().unwrap_or(0).max(last) + 1;
        let made = made(body, by);
        let mut next = (*written).clone();
        next.grants.insert(number, made.clone());
        self.guarded(by, &next, None, Some(&rule))?;
        let change = Change {
            kind: "access.grant_made",
            about: ("id", id_of(number)),
            key: format!("{GRANT}{number}"),
            before: None,
            after: Some(made),
            more: vec![Write::Setting {
                key: LAST.to_owned(),
                value: Some(json!(number)),
            }],
        };
        self.put(change, next, by).await?;
        Ok(id_of(number))
    }

    /// Puts another grant in the place of one.
    ///
    /// # Errors
    /// See [`RuleError`]; nothing has changed then.
    pub async fn change_grant(&self, id: &str, body: JsonMap, by: &Identity) -> Result<(), RuleError> {
        self.may_write(by)?;
        let _one = self.changes().lock().await;
        let written = self.written();
        let (number, before) = self.grant_made(&written, id)?;
        let rule = grant(&body, &self.names())?;
        let old = grant(&before.body, &super::named_in(&before.body)).ok();
        let made = made(body, by);
        let mut next = (*written).clone();
        next.grants.insert(number, made.clone());
        self.guarded(by, &next, old.as_ref(), Some(&rule))?;
        let change = Change {
            kind: "access.grant_changed",
            about: ("id", id.to_owned()),
            key: format!("{GRANT}{number}"),
            before: Some(before),
            after: Some(made),
            more: Vec::new(),
        };
        self.put(change, next, by).await
    }

    /// Takes a grant or denial back.
    ///
    /// # Errors
    /// See [`RuleError`]; nothing has changed then.
    pub async fn delete_grant(&self, id: &str, by: &Identity) -> Result<(), RuleError> {
        self.may_write(by)?;
        let _one = self.changes().lock().await;
        let written = self.written();
        let (number, before) = self.grant_made(&written, id)?;
        let old = grant(&before.body, &super::named_in(&before.body)).ok();
        let mut next = (*written).clone();
        next.grants.remove(&number);
        self.guarded(by, &next, old.as_ref(), None)?;
        let change = Change {
            kind: "access.grant_deleted",
            about: ("id", id.to_owned()),
            key: format!("{GRANT}{number}"),
            before: Some(before),
            after: None,
            more: Vec::new(),
        };
        self.put(change, next, by).await
    }

    /// Makes a role, or changes it when `replace` says so.
    ///
    /// # Errors
    /// See [`RuleError`]; nothing has changed then.
    pub async fn put_role(
        &self,
        name: &str,
        body: JsonMap,
        replace: bool,
        by: &Identity,
    ) -> Result<(), RuleError> {
        self.may_write(by)?;
        let _one = self.changes().lock().await;
        let written = self.written();
        self.role_is_free(name)?;
        let before = written.roles.get(name).cloned();
        if before.is_some() && !replace {
            return Err(RuleError::Conflict(format!(
                "there is a role `{name}` already: change that one"
            )));
        }
        if before.is_none() {
            room(written.roles.len(), "roles")?;
        }
        let mut names = self.names();
        names.roles.push(name.to_owned());
        let read = role(name, &body, &names)?;
        let made = made(body, by);
        let mut next = (*written).clone();
        next.roles.insert(name.to_owned(), made.clone());
        let (after, _) = self.policy().merge(&next);
        for other in &read.includes {
            if after
                .roles_of("", std::slice::from_ref(other))
                .iter()
                .any(|role| role == name)
            {
                return Err(RuleError::Conflict(format!(
                    "`{name}` includes itself by way of `{other}`: remove one of the two"
                )));
            }
        }
        self.guarded(by, &next, None, None)?;
        let change = Change {
            kind: if before.is_some() {
                "access.role_changed"
            } else {
                "access.role_made"
            },
            about: ("role", name.to_owned()),
            key: format!("{ROLE}{name}"),
            before,
            after: Some(made),
            more: Vec::new(),
        };
        self.put(change, next, by).await
    }

    /// Deletes a role that nothing names any more.
    ///
    /// # Errors
    /// See [`RuleError`]; nothing has changed then.
    pub async fn delete_role(&self, name: &str, by: &Identity) -> Result<(), RuleError> {
        self.may_write(by)?;
        let _one = self.changes().lock().await;
        let written = self.written();
        let Some(before) = written.roles.get(name).cloned() else {
            self.role_is_free(name)?;
            return Err(self.no_role(name));
        };
        let file = self.policy().on_disk();
        let shadowed = file.is_some_and(|file| file.roles.contains_key(name));
        let mut next = (*written).clone();
        next.roles.remove(name);
        let used = self.policy().file().and_then(|all| users_of(name, &all));
        if let Some(user) = used.filter(|_| !shadowed) {
            return Err(RuleError::Conflict(format!(
                "the role `{name}` is used by {user}: change that first"
            )));
        }
        self.guarded(by, &next, None, None)?;
        let change = Change {
            kind: "access.role_deleted",
            about: ("role", name.to_owned()),
            key: format!("{ROLE}{name}"),
            before: Some(before),
            after: None,
            more: Vec::new(),
        };
        self.put(change, next, by).await
    }

    /// Makes somebody known, with the keys `email` and `roles` of the access file. For administrators.
    ///
    /// # Errors
    /// See [`RuleError`]; nothing has changed then.
    pub async fn make_person(&self, name: &str, body: JsonMap, by: &Identity) -> Result<(), RuleError> {
        administrators_only(by)?;
        let _one = self.changes().lock().await;
        let written = self.written();
        room(written.people.len(), "people")?;
        let names = self.policy().known().people;
        let file = self.policy().file();
        let listed = file
            .as_ref()
            .and_then(|file| file.person(name))
            .map(|(name, _)| name);
        if let Some(known) = listed.or_else(|| {
            names
                .iter()
                .find(|known| same_person(known, name))
                .map(String::as_str)
        }) {
            return Err(RuleError::Conflict(format!("there is {known} already")));
        }
        if let Some(key) = body
            .keys()
            .find(|key| !["email", "roles"].contains(&key.as_str()))
        {
            let near = nearest(key, ["email", "roles"])
                .map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
            return Err(RuleError::Conflict(format!("unknown key `{key}`{near}")));
        }
        let read = person(name, &body)?;
        let names = self.names();
        if let Some(role) = read
            .roles
            .iter()
            .find(|role| *role != "admin" && !names.roles.contains(role))
        {
            return Err(self.no_role(role));
        }
        for email in &read.emails {
            if let Some(owner) = file.as_ref().and_then(|file| file.with_email(email)) {
                return Err(RuleError::Conflict(format!(
                    "the mail address {email} belongs to {owner} already"
                )));
            }
        }
        let made = made(body, by);
        let mut next = (*written).clone();
        next.people.insert(name.to_owned(), made.clone());
        let change = Change {
            kind: "access.person_made",
            about: ("user", name.to_owned()),
            key: format!("{PERSON}{name}"),
            before: None,
            after: Some(made),
            more: Vec::new(),
        };
        self.put(change, next, by).await
    }

    /// Forgets somebody who was made known by command and has no account any more. For administrators.
    ///
    /// # Errors
    /// See [`RuleError`]; nothing has changed then.
    pub async fn delete_person(&self, name: &str, by: &Identity) -> Result<(), RuleError> {
        administrators_only(by)?;
        let _one = self.changes().lock().await;
        let written = self.written();
        let Some(before) = written.people.get(name).cloned() else {
            return Err(match self.get(name) {
                Some(known) => RuleError::Conflict(format!(
                    "{} was not made by command: `sayso user deactivate {}` refuses everything they ask for",
                    known.name, known.name
                )),
                None => RuleError::Unknown(format!("nobody called {name} is known")),
            });
        };
        if let Some(account) = self.accounts_of(name).into_keys().next() {
            return Err(RuleError::Conflict(format!(
                "{account} is {name}'s: unlink it first"
            )));
        }
        let mut next = (*written).clone();
        next.people.remove(name);
        let after = self.policy().merge(&next).0;
        let member = after
            .roles
            .iter()
            .find(|(_, role)| role.members.iter().any(|member| member == name));
        if let Some((role, _)) = member {
            return Err(RuleError::Conflict(format!(
                "{name} is a member of `{role}`: change that first"
            )));
        }
        let change = Change {
            kind: "access.person_deleted",
            about: ("user", name.to_owned()),
            key: format!("{PERSON}{name}"),
            before: Some(before),
            after: None,
            more: Vec::new(),
        };
        self.put(change, next, by).await
    }

    /// Everybody and every role that a rule may name.
    fn names(&self) -> Known {
        let mut known = self.policy().known();
        if let Some(all) = self.policy().file() {
            known.people.extend(all.people.keys().cloned());
            known.roles.extend(all.roles.keys().cloned());
        }
        // Without a file people are whoever an administrator linked an account with.
        if self.policy().on_disk().is_none() {
            known
                .people
                .extend(self.all().into_iter().map(|known| known.name));
        }
        known
    }

    fn grant_made(&self, written: &Written, id: &str) -> Result<(u64, Made), RuleError> {
        let found = number_of(id).and_then(|number| Some((number, written.grants.get(&number)?.clone())));
        found.ok_or_else(|| {
            let file = self.policy().on_disk();
            let named = file.as_ref().and_then(|file| {
                let rule = file
                    .rules
                    .iter()
                    .find(|rule| rule.name == id || rule.place(&file.name) == id)?;
                Some(format!(
                    "`{id}` stands in {}:{}: change it there",
                    file.name, rule.line
                ))
            });
            match named {
                Some(told) => RuleError::Conflict(told),
                None => RuleError::Unknown(format!(
                    "there is no grant {id}; `sayso access list` shows them all"
                )),
            }
        })
    }

    fn role_is_free(&self, name: &str) -> Result<(), RuleError> {
        if let Some(file) = self.policy().on_disk()
            && let Some(role) = file.roles.get(name)
            && !self.written().roles.contains_key(name)
        {
            return Err(RuleError::Conflict(format!(
                "the role `{name}` stands in {}:{}: change it there",
                file.name, role.line
            )));
        }
        if self.policy().known().roles.iter().any(|group| group == name) {
            return Err(RuleError::Conflict(format!(
                "`{name}` is a group of the settings: change it there"
            )));
        }
        Ok(())
    }

    fn no_role(&self, name: &str) -> RuleError {
        let names = self.names().roles;
        let hint = nearest(name, names.iter().map(String::as_str))
            .map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
        RuleError::Unknown(format!("there is no role `{name}`{hint}"))
    }

    /// Refuses what would give somebody who is no administrator more than they have.
    fn guarded(
        &self,
        by: &Identity,
        next: &Written,
        removed: Option<&Rule>,
        added: Option<&Rule>,
    ) -> Result<(), RuleError> {
        if by.is_admin() {
            return Ok(());
        }
        let policy = self.policy();
        let before = policy
            .file()
            .map_or_else(AccessFile::default, |file| (*file).clone());
        let (after, _) = policy.merge(next);
        let own = policy.settings_roles(&by.user);
        match guard::refuses(&by.user, &own, &before, &after, removed, added) {
            Some(why) => Err(RuleError::Forbidden(why)),
            None => Ok(()),
        }
    }

    /// Commits a change with its audit entry; then it counts.
    async fn put(&self, change: Change, next: Written, by: &Identity) -> Result<(), RuleError> {
        let body = |made: &Option<Made>| made.as_ref().map_or(Value::Null, |made| json!(made.body));
        let detail = json!({
            (change.about.0): change.about.1,
            "before": body(&change.before),
            "after": body(&change.after),
            "via": by.via,
        });
        let mut rows = change.more;
        rows.push(Write::Setting {
            key: change.key,
            value: change.after.map(|made| json!(made)),
        });
        self.commit(change.kind, &by.user, detail, rows).await?;
        self.policy().set_written(next);
        Ok(())
    }
}

fn made(body: JsonMap, by: &Identity) -> Made {
    Made {
        body,
        by: by.user.clone(),
        at: Timestamp::now(),
    }
}

fn room(count: usize, what: &str) -> Result<(), RuleError> {
    if count < MOST {
        return Ok(());
    }
    Err(RuleError::Conflict(format!(
        "there are {MOST} {what} already: put them into the access file"
    )))
}

fn administrators_only(by: &Identity) -> Result<(), RuleError> {
    if by.is_admin() {
        return Ok(());
    }
    Err(RuleError::Forbidden(
        "only administrators make people known".to_owned(),
    ))
}

/// What names a role.
fn users_of(role: &str, all: &AccessFile) -> Option<String> {
    let is = |name: &String| name == role;
    let roles: &BTreeMap<_, _> = &all.roles;
    if let Some((name, _)) = roles.iter().find(|(_, other)| other.includes.iter().any(is)) {
        return Some(format!("the role `{name}`"));
    }
    if let Some((name, _)) = all.people.iter().find(|(_, person)| person.roles.iter().any(is)) {
        return Some(name.clone());
    }
    let subject = crate::access::file::Subject::Role(role.to_owned());
    let rule = all
        .rules
        .iter()
        .find(|rule| rule.to.contains(&subject) || rule.except.contains(&subject))?;
    Some(rule.label(&all.name))
}

impl From<Vec<Problem>> for RuleError {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Invalid(problems)
    }
}
