//! YAML as packs are written: `PyYAML`'s reading of it (YAML 1.1, `safe_load`), with a position on everything.
//!
//! The parser underneath speaks YAML 1.2 and gives events; [`parse`] builds a small tree from them, applies
//! the implicit types of YAML 1.1 (`yes` is true, `017` is 15, `1:30` is 90, `1e3` is text) and keeps line and
//! column of every value and key. What validation finds later is mapped back by [`Document::locate`].
//!
//! Differences to `PyYAML`, all on the safe side: duplicate keys, values that JSON cannot hold (infinities,
//! integers beyond 64 bits, binary, sets) and documents that expand without bound are refused; tabs between
//! a key's colon and its value are accepted.

mod build;
pub mod reader;
mod scalar;
#[cfg(test)]
mod tests;

use serde_json::{Map, Number, Value};

use crate::model::{Problem, Severity};

/// Largest file that is read, in bytes. Metadata of real packs stays below 100 kB.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Deepest nesting of lists and maps, counted after aliases are put in.
pub const MAX_DEPTH: usize = 100;
/// Most values in one document, counted after aliases are put in.
pub const MAX_VALUES: usize = 250_000;
/// Most bytes of text in one document, counted after aliases are put in.
pub const MAX_TEXT: usize = 4 * MAX_BYTES;
/// Longest piece of a line that is shown with a problem, in characters.
const MAX_SHOWN_LINE: usize = 240;

/// A place in a file: line and column from 1, the column in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line from 1; 0 when the place is the whole file.
    pub line: u32,
    /// Column from 1.
    pub column: u32,
}

/// A value with the place where it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it starts; for an aliased value the place of the anchor.
    pub at: Position,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `~`, `null` or nothing.
    Null,
    /// `true`, `yes`, `on` and their opposites.
    Bool(bool),
    /// An integer of 64 bits or a finite float.
    Number(Number),
    /// Text.
    Text(String),
    /// A date or a point in time, as ISO 8601 text. JSON sees the text.
    Date(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of writing; keys are unique.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key as text; `true`, `1` or `null` when it was written without quotes as such.
    pub key: String,
    /// What the key is where it is no text: a number, a date, `true`, nothing.
    pub typed: Option<Box<Kind>>,
    /// Where the key starts.
    pub at: Position,
    /// The value.
    pub value: Node,
}

/// Something that works, but is probably not what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where.
    pub at: Position,
    /// What is odd.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// Why a text is no YAML document that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where; line 0 for the whole file.
    pub at: Position,
    /// What is wrong, without anything quoted from the file.
    pub message: String,
    /// The piece of the file that the message is about. Left out for files that may hold secrets.
    pub subject: Option<String>,
    /// What to do; may be empty.
    pub hint: String,
}

impl Fault {
    pub(crate) fn new(at: Position, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            subject: None,
            hint: hint.into(),
        }
    }

    pub(crate) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The fault as a problem of `file`. With `source` the line's text and the subject are shown; without it
    /// nothing of the file's text is.
    #[must_use]
    pub fn problem(&self, file: &str, source: Option<&str>) -> Problem {
        let message = match (&self.subject, source) {
            (Some(subject), Some(_)) => format!("{}: `{subject}`", self.message),
            _ => self.message.clone(),
        };
        Problem {
            severity: Severity::Error,
            file: file.to_owned(),
            line: self.at.line as usize,
            column: self.at.column as usize,
            message,
            hint: self.hint.clone(),
            text: source
                .map(|text| line_text(text, self.at.line))
                .unwrap_or_default(),
        }
    }
}

/// A parsed document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The value of the document; null when the text is empty.
    pub root: Node,
    /// Oddities found on the way, in order.
    pub remarks: Vec<Remark>,
}

/// Reads one document.
///
/// # Errors
/// The first fault: syntax, a duplicate key, an unknown tag or anchor, a second document, or a limit.
pub fn parse(text: &str) -> Result<Document, Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::new(
            Position::default(),
            format!("the file is larger than {} MiB", MAX_BYTES / 1024 / 1024),
            "split it, or keep data out of metadata",
        ));
    }
    build::document(text.strip_prefix('\u{feff}').unwrap_or(text))
}

impl Document {
    /// The document as JSON; maps keep their order.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.root.to_json()
    }

    /// Where the value at `path` (a JSON pointer, `/parameters/host/type`) starts.
    ///
    /// A list or map that starts below its key counts from its key, and so does a value that is not there:
    /// the answer is then the place of its nearest ancestor.
    #[must_use]
    pub fn locate(&self, path: &str) -> Position {
        self.walk(path, false)
    }

    /// Where the key of the value at `path` starts.
    #[must_use]
    pub fn locate_key(&self, path: &str) -> Position {
        self.walk(path, true)
    }

    fn walk(&self, path: &str, key: bool) -> Position {
        let mut node = &self.root;
        let mut at = node.at;
        for step in path.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            match &node.kind {
                Kind::List(items) => {
                    let Some(item) = step.parse::<usize>().ok().and_then(|index| items.get(index)) else {
                        return at;
                    };
                    node = item;
                    at = item.at;
                }
                Kind::Map(entries) => {
                    let Some(entry) = entries.iter().find(|entry| entry.key == step) else {
                        return at;
                    };
                    node = &entry.value;
                    at = if key || node.at.line != entry.at.line {
                        entry.at
                    } else {
                        node.at
                    };
                }
                _ => return at,
            }
        }
        at
    }
}

impl Node {
    /// The value as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) | Kind::Date(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Kind::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for entry in entries {
                    map.insert(entry.key.clone(), entry.value.to_json());
                }
                Value::Object(map)
            }
        }
    }

    /// What it is, for people: `text`, `a list`, `true or false`…
    #[must_use]
    pub const fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "text",
            Kind::Date(_) => "a date",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}

/// One step of a JSON pointer, escaped.
#[must_use]
pub fn step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The text of a line, shortened when it is very long; empty for line 0.
#[must_use]
pub fn line_text(source: &str, line: u32) -> String {
    let Some(index) = (line as usize).checked_sub(1) else {
        return String::new();
    };
    let text = source.lines().nth(index).unwrap_or_default().trim_end();
    match text.char_indices().nth(MAX_SHOWN_LINE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
