//! Who stands behind which account: links, one-time codes, and who was deactivated.
//!
//! What the access file says about people comes from the policy; what is said by command is stored under names of its
//! own and held in memory. Every change is committed together with its audit entry before it counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::Policy;
use super::rulebook::Written;
use crate::approval::same_person;
use crate::model::{AuditDraft, Identity, Place, Timestamp};
use crate::store::{CommitError, Store, StoreError, Write};

const LINK: &str = "access.link.";
const OFF: &str = "access.off.";
const CODE: &str = "access.code.";
const HOME: &str = "access.home.";

/// Milliseconds for which a code is good.
const CODE_LIFE: i64 = 10 * 60 * 1000;
/// Tries within [`CODE_LIFE`]: codes that an account may ask for, and wrong codes that a person may enter.
const TRIES: u32 = 5;
/// Accounts and people whose tries are counted.
const COUNTED: usize = 10_000;
/// Letters of a code: none that look alike.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Letters in a code: 40 bits, of which somebody may guess five in ten minutes.
const LENGTH: usize = 8;
/// Characters of an account or a name.
const LONGEST: usize = 200;

/// A link between an account and a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The person.
    pub user: String,
    /// `administrator`, `email`, `code`, or `file` for those of the access file.
    pub how: String,
    /// Who made it.
    pub by: String,
    /// When; the beginning of time for those of the access file.
    pub at: Timestamp,
}

/// A code that was given out; only its hash is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Code {
    account: String,
    until: Timestamp,
}

/// What was not done, for the person who asked.
#[derive(Debug, Error)]
pub enum PeopleError {
    /// It cannot be done.
    #[error("{0}")]
    Refused(String),
    /// There is no such person or account.
    #[error("{0}")]
    Unknown(String),
    /// The store failed; an internal error.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A person with everything that is known.
#[derive(Clone, Debug, Serialize)]
pub struct Known {
    /// Internal name.
    pub name: String,
    /// Roles and groups in force.
    pub roles: Vec<String>,
    /// Account → how it was linked.
    pub accounts: BTreeMap<String, Link>,
    /// Mail addresses.
    pub emails: Vec<String>,
    /// Whether they may do anything at all.
    pub active: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Default)]
struct Directory {
    links: BTreeMap<String, Link>,
    off: BTreeSet<String>,
    codes: HashMap<String, Code>,
    /// Where people were last talked to directly: one place per gateway, the newest first.
    homes: BTreeMap<String, Vec<Place>>,
}

/// The people.
pub struct People {
    policy: Arc<Policy>,
    store: Arc<dyn Store>,
    directory: RwLock<Directory>,
    /// Changes come one after another.
    changes: tokio::sync::Mutex<()>,
    tries: Mutex<HashMap<String, (u32, Timestamp)>>,
}

/// Gateways on which a person's direct conversation is remembered.
const MOST_HOMES: usize = 16;

/// What is stored of somebody's direct conversations: a list; one alone is what was stored first.
fn read_homes(value: serde_json::Value) -> Vec<Place> {
    match value {
        list @ serde_json::Value::Array(_) => read(list).unwrap_or_default(),
        one => read(one).into_iter().collect(),
    }
}

impl People {
    /// Reads what was stored.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(policy: Arc<Policy>, store: Arc<dyn Store>) -> Result<Arc<Self>, StoreError> {
        let mut directory = Directory::default();
        let mut written = Written::default();
        for (key, value) in store.settings("access.".to_owned()).await? {
            if let Some(account) = key.strip_prefix(LINK) {
                directory
                    .links
                    .extend(read(value).map(|link| (account.to_owned(), link)));
            } else if let Some(user) = key.strip_prefix(OFF) {
                directory.off.insert(user.to_owned());
            } else if let Some(hash) = key.strip_prefix(CODE) {
                directory
                    .codes
                    .extend(read(value).map(|code| (hash.to_owned(), code)));
            } else if let Some(user) = key.strip_prefix(HOME) {
                directory.homes.insert(user.to_owned(), read_homes(value));
            } else {
                written.take(&key, &value);
            }
        }
        policy.set_written(written);
        policy.set_deactivated(directory.off.clone());
        for (account, link) in &directory.links {
            policy.set_link(account, Some(&link.user));
        }
        Ok(Arc::new(Self {
            policy,
            store,
            directory: RwLock::new(directory),
            changes: tokio::sync::Mutex::default(),
            tries: Mutex::default(),
        }))
    }

    /// The rules.
    #[must_use]
    pub const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Changes come one after another: whoever holds this makes one.
    pub(super) const fn changes(&self) -> &tokio::sync::Mutex<()> {
        &self.changes
    }

    pub(super) const fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The person behind an account.
    #[must_use]
    pub fn person_of(&self, account: &str) -> Option<String> {
        let by_file = self
            .policy
            .file()
            .and_then(|file| file.owner_of(account).map(str::to_owned));
        by_file.or_else(|| {
            self.directory
                .read()
                .links
                .get(account)
                .map(|link| link.user.clone())
        })
    }

    /// The accounts of a person.
    #[must_use]
    pub fn accounts_of(&self, user: &str) -> BTreeMap<String, Link> {
        let mut found: BTreeMap<String, Link> = self
            .directory
            .read()
            .links
            .iter()
            .filter(|(_, link)| same_person(&link.user, user))
            .map(|(account, link)| (account.clone(), link.clone()))
            .collect();
        if let Some(file) = self.policy.file()
            && let Some((name, person)) = file.person(user)
        {
            for account in &person.accounts {
                let link = Link {
                    user: name.to_owned(),
                    how: "file".to_owned(),
                    by: format!("{}:{}", file.name, person.line),
                    at: Timestamp::default(),
                };
                found.insert(account.clone(), link);
            }
        }
        found
    }

    /// Everybody that is known, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Known> {
        let mut names: BTreeSet<String> = self.policy.known().people.into_iter().collect();
        if let Some(file) = self.policy.file() {
            names.extend(file.people.keys().cloned());
        }
        {
            let directory = self.directory.read();
            names.extend(directory.links.values().map(|link| link.user.clone()));
            names.extend(directory.off.iter().cloned());
        }
        names.iter().map(|name| self.known(name)).collect()
    }

    /// A person by name; `None` when nobody is called so.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Known> {
        self.all()
            .into_iter()
            .find(|known| same_person(&known.name, name))
    }

    fn known(&self, name: &str) -> Known {
        let why = self.policy.inactive(name);
        let emails = self
            .policy
            .file()
            .and_then(|file| Some(file.person(name)?.1.emails.clone()));
        Known {
            name: name.to_owned(),
            roles: self.policy.identity(name, "").roles,
            accounts: self.accounts_of(name),
            emails: emails.unwrap_or_default(),
            active: why.is_none(),
            why,
        }
    }

    /// Links an account with a person.
    ///
    /// # Errors
    /// When the account belongs to somebody else, or nobody is called so.
    pub async fn link(&self, account: &str, user: &str, how: &str, by: &str) -> Result<Link, PeopleError> {
        let _one = self.changes.lock().await;
        self.link_locked(account, user, how, by, Vec::new()).await
    }

    async fn link_locked(
        &self,
        account: &str,
        user: &str,
        how: &str,
        by: &str,
        mut rows: Vec<Write>,
    ) -> Result<Link, PeopleError> {
        let account = account.trim();
        let odd = |text: &str| {
            text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control)
        };
        if odd(account) || !account.contains(':') {
            return Err(PeopleError::Refused(format!(
                "`{}` is no account: write it as the bot's answer to an unknown account shows it, slack:T1:U1",
                account.chars().take(60).collect::<String>()
            )));
        }
        let user = self.name_of(user)?;
        match self.person_of(account) {
            Some(owner) if !same_person(&owner, &user) => {
                return Err(PeopleError::Refused(format!(
                    "the account {account} belongs to {owner}: unlink it first"
                )));
            }
            _ => {}
        }
        let link = Link {
            user: user.clone(),
            how: how.to_owned(),
            by: by.to_owned(),
            at: Timestamp::now(),
        };
        rows.push(Write::Setting {
            key: format!("{LINK}{account}"),
            value: Some(json!(link)),
        });
        let detail = json!({"account": account, "user": user, "how": how});
        self.commit("access.linked", by, detail, rows).await?;
        self.directory
            .write()
            .links
            .insert(account.to_owned(), link.clone());
        self.policy.set_link(account, Some(&link.user));
        Ok(link)
    }

    /// The name of a person as it is written; an error when people are listed and this one is not.
    fn name_of(&self, user: &str) -> Result<String, PeopleError> {
        let user = user.trim().trim_start_matches('@');
        if user.is_empty()
            || user.chars().count() > LONGEST
            || user.contains(':')
            || user.chars().any(char::is_control)
        {
            return Err(PeopleError::Refused(format!(
                "`{}` is no person's name",
                user.chars().take(60).collect::<String>()
            )));
        }
        let file = self.policy.file();
        if let Some((name, _)) = file.as_ref().and_then(|file| file.person(user)) {
            return Ok(name.to_owned());
        }
        // Without a file whoever is named is known from then on.
        let Some(file) = file.filter(|_| self.policy.on_disk().is_some()) else {
            return Ok(self.policy.spelled(user));
        };
        let known = self.policy.known().people;
        if known.iter().any(|name| name == user) {
            return Ok(user.to_owned());
        }
        let names = file.people.keys().map(String::as_str);
        let hint = crate::content::nearest(user, names)
            .map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
        Err(PeopleError::Unknown(format!(
            "{} lists nobody called {user}{hint}",
            file.name
        )))
    }

    /// Takes a link away. `by_whom` is the person to whom it must belong; `None`: whoever.
    ///
    /// # Errors
    /// When there is no such link, or it comes from the access file.
    pub async fn unlink(&self, account: &str, of: Option<&str>, by: &str) -> Result<Link, PeopleError> {
        let _one = self.changes.lock().await;
        let file = self.policy.file();
        if let Some(file) = file.filter(|file| file.owner_of(account).is_some()) {
            return Err(PeopleError::Refused(format!(
                "the account {account} is linked in {}: remove it there",
                file.name
            )));
        }
        let link = self.directory.read().links.get(account).cloned();
        let link = link
            .filter(|link| of.is_none_or(|user| same_person(user, &link.user)))
            .ok_or_else(|| PeopleError::Unknown(format!("the account {account} is not linked")))?;
        let rows = vec![Write::Setting {
            key: format!("{LINK}{account}"),
            value: None,
        }];
        let detail = json!({"account": account, "user": link.user});
        self.commit("access.unlinked", by, detail, rows).await?;
        self.directory.write().links.remove(account);
        self.policy.set_link(account, None);
        Ok(link)
    }

    /// A code with which a person can claim the account, good for ten minutes and one use. A new one voids the one
    /// before.
    ///
    /// # Errors
    /// When too many were asked for.
    pub async fn code(&self, account: &str) -> Result<String, PeopleError> {
        let _one = self.changes.lock().await;
        let now = Timestamp::now();
        self.count(&format!("code {account}"), now, "codes were asked for")?;
        let mut bytes = [0u8; LENGTH];
        rand::fill(&mut bytes[..]);
        let code: String = bytes
            .iter()
            .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
            .collect();
        let mut rows = Vec::new();
        let stale: Vec<String> = {
            let directory = self.directory.read();
            let stale = directory.codes.iter();
            stale
                .filter(|(_, code)| code.account == account || code.until <= now)
                .map(|(hash, _)| hash.clone())
                .collect()
        };
        rows.extend(stale.iter().map(|hash| Write::Setting {
            key: format!("{CODE}{hash}"),
            value: None,
        }));
        let kept = Code {
            account: account.to_owned(),
            until: now.plus_millis(CODE_LIFE),
        };
        rows.push(Write::Setting {
            key: format!("{CODE}{}", hash_of(&code)),
            value: Some(json!(kept)),
        });
        self.commit("access.code", account, json!({"account": account}), rows)
            .await?;
        let mut directory = self.directory.write();
        for hash in stale {
            directory.codes.remove(&hash);
        }
        directory.codes.insert(hash_of(&code), kept);
        Ok(format!("{}-{}", &code[..LENGTH / 2], &code[LENGTH / 2..]))
    }

    /// Links the account that a code was given to with the person who enters it. Gives the account.
    ///
    /// # Errors
    /// When the code is wrong, used or too old, or too many wrong ones were entered.
    pub async fn redeem(&self, code: &str, identity: &Identity) -> Result<String, PeopleError> {
        let _one = self.changes.lock().await;
        let now = Timestamp::now();
        let counted = format!("redeem {}", identity.user.to_lowercase());
        self.count(&counted, now, "codes were entered")?;
        let code: String = code
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let hash = hash_of(&code);
        let found = self.directory.read().codes.get(&hash).cloned();
        let found = found.filter(|found| found.until > now).ok_or_else(|| {
            PeopleError::Refused(
                "this code is wrong, was used, or is older than ten minutes: say `link` to me from the new account again"
                    .to_owned(),
            )
        })?;
        let used = vec![Write::Setting {
            key: format!("{CODE}{hash}"),
            value: None,
        }];
        self.link_locked(&found.account, &identity.user, "code", &identity.user, used)
            .await?;
        self.directory.write().codes.remove(&hash);
        self.tries.lock().remove(&counted);
        Ok(found.account)
    }

    /// Refuses everything that a person asks for from now on, or takes that back.
    ///
    /// # Errors
    /// When nobody is called so, or the access file says otherwise.
    pub async fn set_active(&self, user: &str, active: bool, by: &str) -> Result<(), PeopleError> {
        let _one = self.changes.lock().await;
        let known = self.get(user).map(|known| known.name);
        let user = known.map_or_else(|| self.name_of(user), Ok)?;
        if !active && same_person(&user, &self.policy.options().token_user) {
            return Err(PeopleError::Refused(format!(
                "{user} holds the administrator's token; nobody could take this back"
            )));
        }
        let rows = vec![Write::Setting {
            key: format!("{OFF}{user}"),
            value: (!active).then(|| json!({"by": by, "at": Timestamp::now()})),
        }];
        let kind = if active {
            "access.activated"
        } else {
            "access.deactivated"
        };
        self.commit(kind, by, json!({"user": user}), rows).await?;
        let off = {
            let mut directory = self.directory.write();
            if active {
                directory.off.retain(|name| !same_person(name, &user));
            } else {
                directory.off.insert(user.clone());
            }
            directory.off.clone()
        };
        self.policy.set_deactivated(off);
        match self.policy.inactive(&user).filter(|_| active) {
            Some(why) => Err(PeopleError::Refused(why)),
            None => Ok(()),
        }
    }

    /// Remembers where a person can be told something in private.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn saw(&self, user: &str, place: &Place) -> Result<(), StoreError> {
        let known = self.homes_of(user);
        if known.first() == Some(place) {
            return Ok(());
        }
        let others = known.into_iter().filter(|home| home.gateway != place.gateway);
        let homes: Vec<Place> = std::iter::once(place.clone())
            .chain(others)
            .take(MOST_HOMES)
            .collect();
        let row = Write::Setting {
            key: format!("{HOME}{user}"),
            value: Some(json!(homes)),
        };
        self.store.commit(vec![row]).await.map_err(plain)?;
        self.directory.write().homes.insert(user.to_owned(), homes);
        Ok(())
    }

    /// Where a person can be told something in private: where they were last.
    #[must_use]
    pub fn home_of(&self, user: &str) -> Option<Place> {
        self.directory.read().homes.get(user)?.first().cloned()
    }

    /// The same on every gateway on which they have talked to the bot directly, the newest first.
    #[must_use]
    pub fn homes_of(&self, user: &str) -> Vec<Place> {
        self.directory.read().homes.get(user).cloned().unwrap_or_default()
    }

    /// Who hears of runs without approval and reviews them: the owners, else the administrators.
    #[must_use]
    pub fn owners(&self) -> Vec<String> {
        use super::Authority as _;
        use super::file::Subject;
        let file = self.policy.file();
        let mut names: Vec<String> = Vec::new();
        for owner in file.iter().flat_map(|file| &file.owners) {
            match owner {
                Subject::Person(name) => names.push(name.clone()),
                Subject::Role(role) => names.extend(self.policy.members(role)),
                Subject::All => {}
            }
        }
        if names.is_empty() {
            names = self.policy.members(super::policy::ADMIN);
        }
        names.sort_unstable();
        names.dedup();
        names.retain(|name| self.policy.inactive(name).is_none());
        names
    }

    /// Counts a try; refuses when there were too many.
    fn count(&self, what: &str, now: Timestamp, told: &str) -> Result<(), PeopleError> {
        let mut tries = self.tries.lock();
        tries.retain(|_, (_, until)| *until > now);
        if tries.len() >= COUNTED {
            return Err(PeopleError::Refused(
                "too many codes at the moment: try again in ten minutes".to_owned(),
            ));
        }
        let (count, _) = tries
            .entry(what.to_owned())
            .or_insert_with(|| (0, now.plus_millis(CODE_LIFE)));
        *count += 1;
        if *count > TRIES {
            return Err(PeopleError::Refused(format!(
                "too many {told}: try again in ten minutes"
            )));
        }
        Ok(())
    }

    pub(super) async fn commit(
        &self,
        kind: &str,
        by: &str,
        detail: Value,
        mut rows: Vec<Write>,
    ) -> Result<(), StoreError> {
        rows.push(Write::Audit(AuditDraft {
            timestamp: Timestamp::now(),
            kind: kind.to_owned(),
            actor: by.to_owned(),
            detail,
            ..AuditDraft::default()
        }));
        self.store.commit(rows).await.map_err(plain)
    }
}

fn plain(error: CommitError) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        other => StoreError::Database(other.to_string()),
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value)
        .inspect_err(
            |error| tracing::error!(%error, "a stored link or code cannot be read; it does not count"),
        )
        .ok()
}

fn hash_of(code: &str) -> String {
    hex::encode(Sha256::digest(format!("sayso link {code}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{AccessFile, AccessOptions};
    use crate::store::sqlite::{SqliteOptions, SqliteStore};

    async fn people(dir: &std::path::Path, file: Option<&str>) -> Arc<People> {
        let store = SqliteStore::open(SqliteOptions::new(dir.join("t.db")))
            .await
            .unwrap();
        let policy = Policy::new(AccessOptions::default()).unwrap();
        let file = file.map(|text| AccessFile::read("access.yaml", text, &policy.known()).unwrap());
        policy.set_file(file);
        People::load(Arc::new(policy), Arc::new(store)).await.unwrap()
    }

    fn identity(user: &str) -> Identity {
        Identity {
            user: user.to_owned(),
            ..Identity::default()
        }
    }

    const FILE: &str = "people:\n  ana: {accounts: [slack:T1:U1]}\n  bo: {active: false}\n";

    #[tokio::test]
    async fn links_survive_and_belong_to_one_person() {
        let dir = tempfile::tempdir().unwrap();
        let these = people(dir.path(), Some(FILE)).await;
        assert_eq!(these.person_of("slack:T1:U1").as_deref(), Some("ana"));
        these
            .link("discord:42", "Ana", "administrator", "admin")
            .await
            .unwrap();
        let error = these
            .link("discord:42", "bo", "administrator", "admin")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("belongs to ana"), "{error}");
        let error = these
            .link("discord:43", "anna", "administrator", "admin")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("did you mean ana?"), "{error}");
        these.store.close().await;
        drop(these);

        let these = people(dir.path(), Some(FILE)).await;
        assert_eq!(these.person_of("discord:42").as_deref(), Some("ana"));
        assert_eq!(these.accounts_of("ana").len(), 2);
        let error = these.unlink("slack:T1:U1", None, "admin").await.unwrap_err();
        assert!(error.to_string().contains("remove it there"), "{error}");
        assert!(these.unlink("discord:42", Some("bo"), "bo").await.is_err());
        these.unlink("discord:42", Some("ana"), "ana").await.unwrap();
        assert_eq!(these.person_of("discord:42"), None);
    }

    #[tokio::test]
    async fn a_code_is_good_once_and_not_for_guessing() {
        let dir = tempfile::tempdir().unwrap();
        let these = people(dir.path(), None).await;
        let first = these.code("slack:T1:U9").await.unwrap();
        let code = these.code("slack:T1:U9").await.unwrap();
        assert!(
            these.redeem(&first, &identity("ana")).await.is_err(),
            "a new code voids the old"
        );
        let stored = these.store.settings("access.code.".to_owned()).await.unwrap();
        assert_eq!(stored.len(), 1);
        assert!(!format!("{stored:?}").contains(&code.replace('-', "")));
        let said = code.to_uppercase().replace('-', " ");
        assert_eq!(
            these.redeem(&said, &identity("ana")).await.unwrap(),
            "slack:T1:U9"
        );
        assert_eq!(these.person_of("slack:T1:U9").as_deref(), Some("ana"));
        assert!(these.redeem(&code, &identity("bo")).await.is_err(), "used");
        assert!(
            these
                .store
                .settings("access.code.".to_owned())
                .await
                .unwrap()
                .is_empty()
        );
        for _ in 0..TRIES {
            let _ = these.redeem("nonsense", &identity("eve")).await;
        }
        let error = these.redeem("nonsense", &identity("eve")).await.unwrap_err();
        assert!(
            error.to_string().contains("too many codes were entered"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn who_is_deactivated_stays_so() {
        let dir = tempfile::tempdir().unwrap();
        let these = people(dir.path(), Some(FILE)).await;
        these.set_active("Ana", false, "admin").await.unwrap();
        assert!(these.policy.inactive("ana").is_some());
        assert!(these.set_active("admin", false, "admin").await.is_err());
        these.store.close().await;
        drop(these);
        let these = people(dir.path(), Some(FILE)).await;
        assert!(these.policy.inactive("ANA").unwrap().contains("deactivated"));
        these.set_active("ana", true, "admin").await.unwrap();
        assert!(these.policy.inactive("ana").is_none());
        let error = these.set_active("bo", true, "admin").await.unwrap_err();
        assert!(error.to_string().contains("access.yaml:3"), "{error}");
    }

    #[tokio::test]
    async fn of_two_who_claim_an_account_at_once_one_gets_it() {
        let dir = tempfile::tempdir().unwrap();
        let these = people(dir.path(), None).await;
        let code = these.code("slack:T1:U9").await.unwrap();
        let (ana, bo) = (identity("ana"), identity("bo"));
        let (one, other) = tokio::join!(these.redeem(&code, &ana), these.redeem(&code, &bo));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        let owner = if one.is_ok() { "ana" } else { "bo" };
        assert_eq!(these.person_of("slack:T1:U9").as_deref(), Some(owner));
        // A code is for the account that asked, whatever was linked since.
        let code = these.code("slack:T1:U8").await.unwrap();
        these
            .link("slack:T1:U8", "cy", "administrator", "admin")
            .await
            .unwrap();
        let error = these.redeem(&code, &ana).await.unwrap_err();
        assert!(error.to_string().contains("belongs to cy"), "{error}");
    }

    #[tokio::test]
    async fn a_code_survives_a_restart_but_not_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let these = people(dir.path(), None).await;
        let good = these.code("slack:T1:U1").await.unwrap();
        let late = these.code("slack:T1:U2").await.unwrap();
        let old = Code {
            account: "slack:T1:U2".to_owned(),
            until: Timestamp::now(),
        };
        let plain: String = late.chars().filter(char::is_ascii_alphanumeric).collect();
        let row = Write::Setting {
            key: format!("{CODE}{}", hash_of(&plain)),
            value: Some(json!(old)),
        };
        these.store.commit(vec![row]).await.unwrap();
        these.store.close().await;
        drop(these);
        let these = people(dir.path(), None).await;
        let error = these.redeem(&late, &identity("bo")).await.unwrap_err();
        assert!(error.to_string().contains("older than ten minutes"), "{error}");
        assert_eq!(these.redeem(&good, &identity("bo")).await.unwrap(), "slack:T1:U1");
    }

    #[tokio::test]
    async fn an_account_asks_for_few_codes_and_a_guesser_has_few_guesses() {
        let dir = tempfile::tempdir().unwrap();
        let these = people(dir.path(), None).await;
        for _ in 0..TRIES {
            these.code("slack:T1:U9").await.unwrap();
        }
        let error = these.code("slack:T1:U9").await.unwrap_err();
        assert!(
            error.to_string().contains("too many codes were asked for"),
            "{error}"
        );
        for _ in 0..TRIES {
            assert!(these.redeem("0000-0000", &identity("eve")).await.is_err());
        }
        // Also the right one is refused by now; others are not kept from entering theirs.
        let code = these.code("slack:T1:U8").await.unwrap();
        assert!(these.redeem(&code, &identity("eve")).await.is_err());
        assert!(
            these.redeem(&code, &identity("EVE")).await.is_err(),
            "spelled otherwise"
        );
        these.redeem(&code, &identity("ana")).await.unwrap();
    }

    #[tokio::test]
    async fn who_is_behind_an_account_follows_the_links() {
        use crate::access::Authority as _;
        let dir = tempfile::tempdir().unwrap();
        let these = people(dir.path(), Some(FILE)).await;
        assert_eq!(these.policy.behind("slack:T1:U1").as_deref(), Some("ana"));
        assert_eq!(these.policy.behind("slack:T1:U9"), None);
        these
            .link("slack:T1:U9", "bo", "administrator", "admin")
            .await
            .unwrap();
        assert_eq!(these.policy.behind("slack:T1:U9").as_deref(), Some("bo"));
        these.store.close().await;
        drop(these);
        let these = people(dir.path(), Some(FILE)).await;
        assert_eq!(these.policy.behind("slack:T1:U9").as_deref(), Some("bo"));
        these.unlink("slack:T1:U9", None, "admin").await.unwrap();
        assert_eq!(these.policy.behind("slack:T1:U9"), None);
    }
}
