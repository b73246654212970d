//! Typed access to the value of a metadata file: what is wrong is collected with its path, and reading goes on.

use serde_json::{Map, Value};

use super::step;
use crate::model::{Finding, nearest};

/// Reads one item and collects what is wrong with it.
#[derive(Debug, Default)]
pub struct Reader {
    /// What was found so far, in order of reading.
    pub findings: Vec<Finding>,
}

impl Reader {
    /// Nothing found yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error about the value at a path.
    pub fn error(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.push(Finding::error(path, message, hint));
    }

    /// Adds a warning about the value at a path.
    pub fn warning(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.push(Finding::warning(path, message, hint));
    }

    /// Whether the item cannot be used.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }

    /// The value as a map; an error naming `what` otherwise.
    pub fn object<'v>(
        &mut self,
        value: &'v Value,
        path: &str,
        what: &str,
        hint: &str,
    ) -> Option<&'v Map<String, Value>> {
        if let Value::Object(map) = value {
            return Some(map);
        }
        let message = match value {
            Value::Null => format!("{what} is a map, and here is nothing"),
            other => format!("{what} is a map, not {}", describe(other)),
        };
        self.error(path, message, hint);
        None
    }

    /// Reports keys of `map` that are not in `known`, with the nearest one that is.
    pub fn known_keys(&mut self, map: &Map<String, Value>, path: &str, known: &[&str]) {
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let hint = match nearest(key, known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("known keys: {}", known.join(", ")),
            };
            self.error(
                &format!("{path}{}", step(key)),
                format!("unknown key `{key}`"),
                hint,
            );
        }
    }

    /// A text that must be there and not be blank; empty with an error otherwise.
    pub fn required_text(&mut self, map: &Map<String, Value>, path: &str, key: &str) -> String {
        if matches!(map.get(key), None | Some(Value::Null)) {
            self.error(path, format!("`{key}` is missing"), format!("add `{key}: …`"));
            return String::new();
        }
        let before = self.findings.len();
        let text = self.text(map, path, key).unwrap_or_default();
        if text.trim().is_empty() && self.findings.len() == before {
            let at = format!("{path}{}", step(key));
            self.error(&at, format!("`{key}` is empty"), format!("write `{key}: …`"));
        }
        text
    }

    /// An optional text; `None` when absent or null, and with an error when it is no text.
    pub fn text(&mut self, map: &Map<String, Value>, path: &str, key: &str) -> Option<String> {
        match map.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                let hint = if other.is_number() || other.is_boolean() {
                    "put it in quotes"
                } else {
                    ""
                };
                self.wrong_type(path, key, "text", other, hint);
                None
            }
        }
    }

    /// An optional flag; `None` when absent or null.
    pub fn flag(&mut self, map: &Map<String, Value>, path: &str, key: &str) -> Option<bool> {
        match map.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(flag)) => Some(*flag),
            Some(other) => {
                let hint = if other.is_string() {
                    "write true or false without quotes"
                } else {
                    ""
                };
                self.wrong_type(path, key, "true or false", other, hint);
                None
            }
        }
    }

    /// An optional integer.
    pub fn integer(&mut self, map: &Map<String, Value>, path: &str, key: &str) -> Option<i64> {
        match map.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::Number(number)) if number.as_i64().is_some() => number.as_i64(),
            Some(other) => {
                let hint = if other.is_string() {
                    "write the number without quotes"
                } else {
                    ""
                };
                self.wrong_type(path, key, "a whole number", other, hint);
                None
            }
        }
    }

    /// An optional map; empty when absent.
    pub fn map(&mut self, map: &Map<String, Value>, path: &str, key: &str) -> Map<String, Value> {
        match map.get(key) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(value)) => value.clone(),
            Some(other) => {
                self.wrong_type(path, key, "a map", other, "");
                Map::new()
            }
        }
    }

    /// An optional list; empty when absent.
    pub fn list<'v>(&mut self, map: &'v Map<String, Value>, path: &str, key: &str) -> &'v [Value] {
        match map.get(key) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.wrong_type(
                    path,
                    key,
                    "a list",
                    other,
                    "write each on its own line after a dash",
                );
                &[]
            }
        }
    }

    /// An optional list of texts; empty when absent.
    pub fn texts(&mut self, map: &Map<String, Value>, path: &str, key: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for (index, item) in self.list(map, path, key).iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text.clone()),
                other => {
                    let message = format!("this should be text, not {}", describe(other));
                    let at = format!("{path}{}/{index}", step(key));
                    self.error(&at, message, "put it in quotes");
                }
            }
        }
        texts
    }

    /// Adds an error: the value of a key has the wrong type.
    pub fn wrong_type(&mut self, path: &str, key: &str, wanted: &str, found: &Value, hint: &str) {
        let message = format!("`{key}` should be {wanted}, not {}", describe(found));
        self.error(&format!("{path}{}", step(key)), message, hint);
    }
}

/// What a JSON value is, for people.
#[must_use]
pub const fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_path() {
        let value =
            json!({"name": 5, "enabled": "yes", "tags": ["a", 1], "delta": "3", "nmae": "x", "map": []});
        let map = value.as_object().unwrap();
        let mut reader = Reader::new();
        reader.known_keys(map, "/rule", &["name", "enabled", "tags", "delta", "map"]);
        reader.required_text(map, "/rule", "name");
        reader.required_text(map, "/rule", "pack");
        reader.flag(map, "/rule", "enabled");
        assert_eq!(reader.texts(map, "/rule", "tags"), ["a"]);
        reader.integer(map, "/rule", "delta");
        reader.map(map, "/rule", "map");
        let told: Vec<_> = reader
            .findings
            .iter()
            .map(|finding| format!("{} {}; {}", finding.path, finding.message, finding.hint))
            .collect();
        assert_eq!(
            told,
            [
                "/rule/nmae unknown key `nmae`; did you mean `name`?",
                "/rule/name `name` should be text, not a number; put it in quotes",
                "/rule `pack` is missing; add `pack: …`",
                "/rule/enabled `enabled` should be true or false, not text; write true or false without quotes",
                "/rule/tags/1 this should be text, not a number; put it in quotes",
                "/rule/delta `delta` should be a whole number, not text; write the number without quotes",
                "/rule/map `map` should be a map, not a list; ",
            ]
        );
        assert!(reader.is_broken());
    }
}
