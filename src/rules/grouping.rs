//! By what events are told apart: values of the payload or templates, together one key.

use serde_json::Value as Json;

use super::facts::Facts;
use super::path::{FactPath, Prefix};
use crate::expr::jinja::{Jinja, Undefined, is_template};

/// Most parts of a key.
const MAX_PARTS: usize = 8;
/// Longest key that is kept as it is, in bytes; a longer one is kept by its digest.
const MAX_KEY: usize = 256;

/// What makes the key of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grouping {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Path(FactPath),
    Template(String),
}

impl Grouping {
    /// Reads one part or several: a text (`trigger.body.host, trigger.body.service` or a template), or a list of them.
    pub(super) fn read(value: &Json, jinja: &Jinja) -> Result<Self, (String, String)> {
        let texts: Vec<&str> = match value {
            Json::String(text) if is_template(text) => vec![text],
            Json::String(text) => text.split(',').map(str::trim).collect(),
            Json::Array(items) => items
                .iter()
                .map(|item| item.as_str().unwrap_or_default())
                .collect(),
            _ => Vec::new(),
        };
        let hint = || "write paths like trigger.body.host, or a template".to_owned();
        if texts.is_empty() || texts.iter().any(|text| text.is_empty()) {
            return Err(("a key is made of texts".to_owned(), hint()));
        }
        if texts.len() > MAX_PARTS {
            return Err((format!("a key has at most {MAX_PARTS} parts"), hint()));
        }
        let mut parts = Vec::with_capacity(texts.len());
        for text in texts {
            if is_template(text) {
                jinja
                    .check(text)
                    .map_err(|error| (error.message.clone(), error.hint.unwrap_or_else(hint)))?;
                parts.push(Part::Template(text.to_owned()));
                continue;
            }
            let path = FactPath::new(text, Prefix::Trigger).map_err(|why| (why, hint()))?;
            if path.is_nowhere() {
                let why = format!("`{text}` finds nothing: paths begin with `trigger.`");
                return Err((why, format!("write `trigger.{text}`")));
            }
            parts.push(Part::Path(path));
        }
        Ok(Self { parts })
    }

    /// Whether all events are in one group.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The key of an event; `None` when none of its parts has a value. A part without a value is like null.
    ///
    /// # Errors
    /// A template that fails, an index of what has none.
    pub fn key(&self, facts: &Facts<'_>) -> Result<Option<String>, String> {
        let mut found = false;
        let mut values = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let value = match part {
                Part::Path(path) => path.find(facts)?.map_or(Json::Null, |value| value.into_owned()),
                Part::Template(text) => Json::String(
                    facts
                        .jinja
                        .render(text, facts.context(), Undefined::Strict)
                        .map_err(|error| format!("the key cannot be rendered: {error}"))?,
                ),
            };
            found |= !value.is_null() && value.as_str() != Some("");
            values.push(value);
        }
        if !found {
            return Ok(None);
        }
        let text = match values.as_slice() {
            [Json::String(text)] => text.clone(),
            [one] => one.to_string(),
            _ => Json::Array(values).to_string(),
        };
        if text.len() <= MAX_KEY {
            return Ok(Some(text));
        }
        use sha2::{Digest, Sha256};
        let digest = hex::encode(Sha256::digest(text.as_bytes()));
        let head: String = text.chars().take(64).collect();
        Ok(Some(format!("{head}…{digest}")))
    }
}
