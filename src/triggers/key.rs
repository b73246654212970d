//! Triggers: a type together with parameters (TRG-2), and what tells two of them apart.

use std::fmt;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::kind::{TriggerType, WEBHOOK};
use super::webhook::normalised;
use crate::model::JsonMap;

/// What tells triggers apart: the type and its parameters, whatever their order. Rules with one key share one trigger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TriggerKey {
    text: String,
    /// Length of the type's ref within the text.
    type_len: usize,
}

impl TriggerKey {
    /// The key of a type with these parameters. URLs of webhooks count without slashes around them.
    #[must_use]
    pub fn new(type_ref: &str, parameters: &JsonMap) -> Self {
        let mut text = type_ref.to_owned();
        if !parameters.is_empty() {
            text.push(' ');
            if type_ref == WEBHOOK
                && let Some(Json::String(url)) = parameters.get("url")
            {
                let mut clean = parameters.clone();
                clean.insert("url".to_owned(), normalised(url).into());
                write_map(&clean, &mut text);
            } else {
                write_map(parameters, &mut text);
            }
        }
        Self {
            type_len: type_ref.len(),
            text,
        }
    }

    /// The key of a type without parameters.
    #[must_use]
    pub fn of_type(type_ref: &str) -> Self {
        Self::new(type_ref, &JsonMap::new())
    }

    /// Ref of the type.
    #[must_use]
    pub fn type_ref(&self) -> &str {
        &self.text[..self.type_len]
    }

    /// The type's ref and the parameters as JSON with sorted keys.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the whole, in hexadecimal digits.
    fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.text.as_bytes()))
    }
}

impl fmt::Display for TriggerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A type with concrete parameters. Made for rules; two rules with one key share it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// Name: that of its type when it has no parameters, else made from them.
    pub name: String,
    /// Pack of its type.
    pub pack: String,
    /// Ref of its type.
    pub type_ref: String,
    /// Its parameters.
    pub parameters: JsonMap,
    /// What tells it apart.
    pub key: TriggerKey,
}

impl Trigger {
    /// The trigger of a type with these parameters. Where the reference draws a random name, ours follows from the
    /// parameters: it is the same after every start and on every node.
    #[must_use]
    pub fn new(kind: &TriggerType, parameters: JsonMap) -> Self {
        let key = TriggerKey::new(&kind.reference, &parameters);
        let name = if parameters.is_empty() && kind.parameters_schema.is_empty() {
            kind.name.clone()
        } else {
            uuid(&key.digest())
        };
        Self {
            name,
            pack: kind.pack.clone(),
            type_ref: kind.reference.clone(),
            parameters,
            key,
        }
    }

    /// `pack.name`, as trigger instances name it.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}.{}", self.pack, self.name)
    }

    /// The id that the API shows beside the ref: `trigger:pack:name:digest of the parameters`.
    #[must_use]
    pub fn uid(&self) -> String {
        let digest = self.key.digest();
        format!("trigger:{}:{}:{}", self.pack, self.name, &digest[..32])
    }

    /// The tag of traces that a timer begins (TIM-7).
    #[must_use]
    pub fn timer_tag(&self) -> String {
        let kind = self.type_ref.split_once('.').map_or("", |(_, name)| name);
        format!("{kind}-{}", self.name)
    }
}

/// A digest in the form of a UUID (version 8: made by the application).
fn uuid(digest: &str) -> String {
    let digit = |at: usize| &digest[at..=at];
    let variant = ["8", "9", "a", "b"][usize::from_str_radix(digit(16), 16).unwrap_or(0) % 4];
    format!(
        "{}-{}-8{}-{variant}{}-{}",
        &digest[..8],
        &digest[8..12],
        &digest[13..16],
        &digest[17..20],
        &digest[20..32]
    )
}

/// JSON with sorted keys; numbers of one value have one form.
fn write(value: &Json, out: &mut String) {
    match value {
        Json::Object(map) => write_map(map, out),
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn write_map(map: &JsonMap, out: &mut String) {
    let mut members: Vec<(&String, &Json)> = map.iter().collect();
    members.sort_by_key(|(key, _)| *key);
    out.push('{');
    for (index, (key, value)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&Json::from(key.as_str()).to_string());
        out.push(':');
        write(value, out);
    }
    out.push('}');
}
