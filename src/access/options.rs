//! Settings of access control, section `[access]`. Whatever is not understood is an error, so that a typing
//! error never opens a door.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Settings of access control, section `[access]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessOptions {
    /// Whether somebody without a rule may run something.
    pub mode: Mode,
    /// Users who may do everything.
    pub admins: Vec<String>,
    /// The user as whom requests with the administrator's token act; always an administrator.
    pub token_user: String,
    /// Groups of people: name → users. Approvals and inquiries name them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Vec<String>>,
    /// The file with people, roles and grants; `None`: `access.yaml` in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Whether an account is linked with the person whose mail address the platform has verified for it.
    pub link_by_email: bool,
    /// What others may do. No rule takes anything away; what no rule allows is refused.
    pub allow: Vec<AllowRule>,
}

impl Default for AccessOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Closed,
            admins: Vec::new(),
            token_user: "admin".to_owned(),
            groups: BTreeMap::new(),
            file: None,
            link_by_email: false,
            allow: Vec::new(),
        }
    }
}

/// Whether somebody without a rule may run something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Only what a rule allows.
    #[default]
    Closed,
    /// Everybody who can talk to the bot may run everything (trials and tests).
    Open,
}

/// One rule: who may run what, where, with which parameters. Everything that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AllowRule {
    /// What the rule is called in reasons; its number when there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Users; `*` is everybody.
    #[serde(deserialize_with = "one_or_more")]
    pub who: Vec<String>,
    /// Patterns of action references, `core.*`.
    #[serde(deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// Patterns of alias references, for what was said in chat. With `actions` given too, either suffices.
    #[serde(deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Patterns of places: a gateway (`slack:*`), a conversation's name (`#ops`) or `gateway/conversation`;
    /// `api` is everything that comes from no chat. Empty: everywhere.
    #[serde(
        rename = "where",
        deserialize_with = "one_or_more",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub places: Vec<String>,
    /// Conditions on parameters; the value that the action would get must meet them, defaults included.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Condition>,
}

/// What a parameter's value must be. Each element of a list value must meet the condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Condition {
    /// One of these.
    OneOf(Vec<Value>),
    /// A pattern for texts, the very value for everything else.
    Single(Value),
}

impl Condition {
    /// Whether the value meets the condition. A value that is absent or null never does.
    #[must_use]
    pub fn holds(&self, value: Option<&Value>) -> bool {
        match value {
            None | Some(Value::Null) => false,
            Some(Value::Array(items)) => !items.is_empty() && items.iter().all(|item| self.holds(Some(item))),
            Some(value) => match self {
                Self::OneOf(wanted) => wanted.iter().any(|wanted| meets(wanted, value)),
                Self::Single(wanted) => meets(wanted, value),
            },
        }
    }

    /// The condition for people: `web*`, `one of a, b`.
    #[must_use]
    pub fn text(&self) -> String {
        let show = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match self {
            Self::Single(value) => show(value),
            Self::OneOf(values) => {
                format!(
                    "one of {}",
                    values.iter().map(show).collect::<Vec<_>>().join(", ")
                )
            }
        }
    }
}

fn meets(wanted: &Value, value: &Value) -> bool {
    match (wanted, value) {
        (Value::String(pattern), Value::String(text)) => super::glob::matches(pattern, text),
        // `"8*"` is meant for ports too, but a pattern never matches an object.
        (Value::String(pattern), Value::Number(number)) => super::glob::matches(pattern, &number.to_string()),
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (wanted, value) => wanted == value,
    }
}

/// Accepts `"x"` for `["x"]`.
fn one_or_more<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(one) => vec![one],
        OneOrMore::More(more) => more,
    })
}
