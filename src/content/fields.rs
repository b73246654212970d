//! One metadata file while it is read: its tree, its problems, and typed access to its keys.

use serde_json::{Map, Value};

use super::nearest::nearest;
use super::source::{Source, Unreadable};
use crate::model::{JsonMap, Problem, Severity};
use crate::yaml::{self, Document, Position};

/// A metadata file that was parsed.
pub(super) struct MetaFile {
    /// Name shown in problems, `pack/actions/local.yaml`.
    pub(super) shown: String,
    /// The text; empty for files that may hold secrets, so that none gets into a problem.
    text: String,
    document: Document,
    /// The document as JSON.
    pub(super) value: Value,
    /// What was found so far.
    pub(super) problems: Vec<Problem>,
}

/// Reads and parses a file. `secret` keeps every piece of its text out of problems.
///
/// The text comes along for digests.
pub(super) fn read(
    source: &Source,
    file: &str,
    shown: &str,
    secret: bool,
) -> Result<(MetaFile, String), Box<Problem>> {
    let text = source
        .text(file)
        .map_err(|unreadable| Box::new(unreadable.problem(shown)))?;
    let quoted = (!secret).then_some(text.as_str());
    let document = yaml::parse(&text).map_err(|fault| Box::new(fault.problem(shown, quoted)))?;
    let value = document.to_json();
    let meta = MetaFile {
        shown: shown.to_owned(),
        text: quoted.unwrap_or_default().to_owned(),
        document,
        value,
        problems: Vec::new(),
    };
    Ok((meta, text))
}

impl Unreadable {
    pub(super) fn problem(self, shown: &str) -> Problem {
        Problem {
            severity: Severity::Error,
            file: shown.to_owned(),
            line: self.line,
            column: self.column,
            message: self.message,
            hint: self.hint,
            text: String::new(),
        }
    }
}

/// A problem about a whole file or folder.
pub(super) fn whole(severity: Severity, file: &str, message: String, hint: String) -> Problem {
    Problem {
        severity,
        file: file.to_owned(),
        line: 0,
        column: 0,
        message,
        hint,
        text: String::new(),
    }
}

impl MetaFile {
    /// Adds a problem about the value at a path.
    pub(super) fn report(&mut self, severity: Severity, path: &str, message: String, hint: String) {
        let at = self.document.locate(path);
        self.report_at(severity, at, message, hint);
    }

    /// Adds an error about the value at a path.
    pub(super) fn error(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.report(Severity::Error, path, message.into(), hint.into());
    }

    /// Adds an error about the key of the value at a path.
    pub(super) fn error_at_key(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.report_at_key(Severity::Error, path, message.into(), hint.into());
    }

    /// Adds a problem about the key of the value at a path.
    pub(super) fn report_at_key(&mut self, severity: Severity, path: &str, message: String, hint: String) {
        let at = self.document.locate_key(path);
        self.report_at(severity, at, message, hint);
    }

    /// Adds a warning about the value at a path.
    pub(super) fn warning(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.report(Severity::Warning, path, message.into(), hint.into());
    }

    fn report_at(&mut self, severity: Severity, at: Position, message: String, hint: String) {
        self.problems.push(Problem {
            severity,
            file: self.shown.clone(),
            line: at.line as usize,
            column: at.column as usize,
            message,
            hint,
            text: yaml::line_text(&self.text, at.line),
        });
    }

    /// Turns the parser's remarks into warnings.
    pub(super) fn remarks(&mut self) {
        for remark in std::mem::take(&mut self.document.remarks) {
            self.report_at(Severity::Warning, remark.at, remark.message, remark.hint);
        }
    }

    /// Whether an error was found.
    pub(super) fn is_broken(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// The top-level map; an error when the file holds anything else. Leaves `value` empty.
    pub(super) fn take_map(&mut self, what: &str) -> Option<JsonMap> {
        match std::mem::take(&mut self.value) {
            Value::Object(map) => Some(map),
            Value::Null => {
                self.error(
                    "",
                    format!("the file is empty; it should describe {what}"),
                    "write it, or remove it",
                );
                None
            }
            other => {
                let message = format!(
                    "the file should be a map that describes {what}, not {}",
                    describe(&other)
                );
                self.error("", message, "start with `name: …`");
                None
            }
        }
    }

    /// Reports keys of `map` (at `path`) that are not in `known`, with the nearest one that is.
    pub(super) fn unknown_keys(&mut self, map: &Map<String, Value>, path: &str, known: &[&str]) {
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let hint = match nearest(key, known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("known keys: {}", known.join(", ")),
            };
            self.error_at_key(
                &format!("{path}{}", yaml::step(key)),
                format!("unknown key `{key}`"),
                hint,
            );
        }
    }

    /// A text that must be there and not be blank; empty with an error otherwise.
    pub(super) fn required_text(&mut self, map: &mut JsonMap, key: &str) -> String {
        if matches!(map.get(key), None | Some(Value::Null)) {
            self.error("", format!("`{key}` is missing"), format!("add `{key}: …`"));
            return String::new();
        }
        let broken = self.problems.len();
        let text = self.text(map, key);
        if text.trim().is_empty() && self.problems.len() == broken {
            self.error(
                &yaml::step(key),
                format!("`{key}` is empty"),
                format!("write `{key}: …`"),
            );
        }
        text
    }

    /// An optional text; empty when absent or null, empty with an error when it is no text.
    pub(super) fn text(&mut self, map: &mut JsonMap, key: &str) -> String {
        match map.shift_remove(key) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(other) => {
                let hint = if other.is_number() || other.is_boolean() {
                    "put it in quotes"
                } else {
                    ""
                };
                self.wrong_type(key, "text", &other, hint);
                String::new()
            }
        }
    }

    /// An optional flag.
    pub(super) fn flag(&mut self, map: &mut JsonMap, key: &str, default: bool) -> bool {
        match map.shift_remove(key) {
            None | Some(Value::Null) => default,
            Some(Value::Bool(flag)) => flag,
            Some(other) => {
                let hint = if other.is_string() {
                    "write true or false without quotes"
                } else {
                    ""
                };
                self.wrong_type(key, "true or false", &other, hint);
                default
            }
        }
    }

    /// An optional map; empty when absent.
    pub(super) fn map(&mut self, map: &mut JsonMap, key: &str) -> JsonMap {
        match map.shift_remove(key) {
            None | Some(Value::Null) => JsonMap::new(),
            Some(Value::Object(value)) => value,
            Some(other) => {
                self.wrong_type(key, "a map", &other, "");
                JsonMap::new()
            }
        }
    }

    /// An optional list of texts; empty when absent.
    pub(super) fn texts(&mut self, map: &JsonMap, key: &str) -> Vec<String> {
        match map.get(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => {
                let mut texts = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    match item {
                        Value::String(text) => texts.push(text.clone()),
                        other => {
                            let message = format!("this should be text, not {}", describe(other));
                            self.error(&format!("/{key}/{index}"), message, "put it in quotes");
                        }
                    }
                }
                texts
            }
            Some(other) => {
                self.wrong_type(
                    key,
                    "a list of texts",
                    other,
                    "write each on its own line after a dash",
                );
                Vec::new()
            }
        }
    }

    pub(super) fn wrong_type(&mut self, key: &str, wanted: &str, found: &Value, hint: &str) {
        let message = format!("`{key}` should be {wanted}, not {}", describe(found));
        self.error(&yaml::step(key), message, hint);
    }
}

/// What a JSON value is, for people.
pub(super) const fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
