//! A key with its value, and whose it is.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::KeyError;
use crate::model::{Id, JsonMap, Timestamp};

/// Named values of the store that hold keys.
pub(super) const STORED: &str = "datastore.";
/// The scope that stands for all of them, in lists.
pub const ALL: &str = "all";

const SYSTEM: &str = "st2kv.system";
const USER: &str = "st2kv.user";

/// Whose a key is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Everybody's: scope `st2kv.system`.
    System,
    /// One person's: scope `st2kv.user`.
    User(String),
}

impl Owner {
    /// The owner that a scope means; `user` is the person when it is somebody's. Short forms are `system` and `user`.
    ///
    /// # Errors
    /// [`KeyError::Refused`] in the reference's words.
    pub fn of(scope: &str, user: &str) -> Result<Self, KeyError> {
        match scope.strip_prefix("st2kv.").unwrap_or(scope) {
            "system" => Ok(Self::System),
            "user" => Ok(Self::User(user.to_owned())),
            other => Err(KeyError::Refused(format!(
                "Scope st2kv.{other} is not in allowed scopes list: ['system', 'user', 'st2kv.system', 'st2kv.user']."
            ))),
        }
    }

    /// `st2kv.system` or `st2kv.user`.
    #[must_use]
    pub const fn scope(&self) -> &'static str {
        match self {
            Self::System => SYSTEM,
            Self::User(_) => USER,
        }
    }

    /// The person, when it is one's.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::System => None,
            Self::User(user) => Some(user),
        }
    }

    /// A key's name with its person's before it: `ana:color`.
    #[must_use]
    pub fn full_name(&self, name: &str) -> String {
        match self {
            Self::System => name.to_owned(),
            Self::User(user) => format!("{user}:{name}"),
        }
    }

    /// What a key is called among all things: `key_value_pair:st2kv.user:ana:color`.
    #[must_use]
    pub fn uid(&self, name: &str) -> String {
        format!("key_value_pair:{}:{}", self.scope(), self.full_name(name))
    }

    /// Name of the stored value. The length keeps apart what colons in names would mix up.
    pub(super) fn stored(&self, name: &str) -> String {
        match self {
            Self::System => format!("{STORED}system.{name}"),
            Self::User(user) => format!("{STORED}user.{}:{user}:{name}", user.len()),
        }
    }
}

/// A key with its value.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The same as long as the key exists.
    pub id: Id,
    /// Whose it is.
    pub owner: Owner,
    /// Name.
    pub name: String,
    /// The text; of a secret the sealed one.
    pub value: String,
    /// Whether the value is sealed.
    #[serde(default)]
    pub secret: bool,
    /// When it ceases to exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values are nobody's business in logs, secret or not.
        f.debug_struct("Pair")
            .field("uid", &self.owner.uid(&self.name))
            .field("secret", &self.secret)
            .finish_non_exhaustive()
    }
}

impl Pair {
    /// Whether it has not expired.
    #[must_use]
    pub fn lives(&self) -> bool {
        self.expires.is_none_or(|time| time > Timestamp::now())
    }

    /// What it takes up, in bytes.
    pub(super) fn size(&self) -> usize {
        let description = self.description.as_ref().map_or(0, String::len);
        self.name.len() + self.value.len() + self.owner.user().map_or(0, str::len) + description
    }

    /// The form of the API (KVS-1); `plain` in place of the sealed text of a secret.
    #[must_use]
    pub fn shown(&self, plain: Option<&str>) -> JsonMap {
        let mut map = JsonMap::new();
        let mut set = |name: &str, value| map.insert(name.to_owned(), value);
        set("uid", json!(self.owner.uid(&self.name)));
        set("scope", json!(self.owner.scope()));
        set("name", json!(self.name));
        if let Some(description) = &self.description {
            set("description", json!(description));
        }
        set("value", json!(plain.unwrap_or(&self.value)));
        set("secret", json!(self.secret));
        if let Some(expires) = self.expires {
            set("expire_timestamp", json!(expires));
        }
        set("id", json!(self.id));
        if let Some(user) = self.owner.user() {
            set("user", json!(user));
        }
        set("encrypted", json!(self.secret && plain.is_none()));
        map
    }
}
