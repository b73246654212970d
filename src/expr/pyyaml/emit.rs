//! Writing values as YAML, laid out as `PyYAML`'s `safe_dump` lays them out.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::scalars::is_break;
use super::{Implicit, YamlError};
use crate::expr::kind::ErrorKind;
use crate::expr::pynum;
use crate::expr::pyvalue::float_repr;
use crate::expr::value::{Value, order};

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct DumpOptions {
    /// Blanks per level, 2 to 9; anything else is 2.
    pub indent: usize,
    /// Whether characters beyond ASCII are written as they are.
    pub allow_unicode: bool,
    /// `[1, 2]` and `{a: 1}` instead of one item a line.
    pub flow: bool,
    /// Whether keys are sorted.
    pub sort_keys: bool,
}

impl Default for DumpOptions {
    fn default() -> Self {
        Self {
            indent: 2,
            allow_unicode: true,
            flow: false,
            sort_keys: true,
        }
    }
}

/// Text lines are folded beyond this column.
pub(super) const WIDTH: usize = 80;
/// Longer keys need a `? ` in front.
const MAX_SIMPLE_KEY: usize = 128;
/// Longest document that is written, in bytes.
const MAX_OUTPUT: usize = 8 * 1024 * 1024;

/// Writes a value as one YAML document. What occurs more than once as the same object is written once and referred to.
///
/// # Errors
///
/// Values that `safe_dump` does not take (lengths of time, objects), integers too long to print, documents beyond
/// 8 MiB.
pub fn dump(value: &Value, options: DumpOptions) -> Result<String, YamlError> {
    let step = if (2..10).contains(&options.indent) {
        options.indent
    } else {
        2
    };
    let mut repeated = Repeated::default();
    repeated.note(value);
    let mut emitter = Emitter {
        out: String::new(),
        options,
        step,
        column: 0,
        indent: None,
        whitespace: true,
        indention: true,
        open_ended: false,
        anchors: repeated.anchors,
        written: HashSet::new(),
    };
    emitter.node(value, Position::Root, false)?;
    emitter.write_indent();
    if emitter.open_ended {
        emitter.indicator("...", true, false);
        emitter.write_indent();
    }
    Ok(emitter.out)
}

/// Numbers for the objects that occur more than once.
#[derive(Default)]
struct Repeated {
    seen: HashSet<usize>,
    anchors: HashMap<usize, usize>,
}

impl Repeated {
    fn note(&mut self, value: &Value) {
        let Some(address) = value.address() else {
            return;
        };
        if !self.seen.insert(address) {
            let next = self.anchors.len() + 1;
            self.anchors.entry(address).or_insert(next);
            return;
        }
        match value {
            Value::List(items) | Value::Tuple(items) => items.iter().for_each(|item| self.note(item)),
            Value::Dict(map) => map.iter().for_each(|(key, item)| {
                self.note(key);
                self.note(item);
            }),
            Value::Set(items) => items.iter().for_each(|item| self.note(item)),
            _ => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    Root,
    Item,
    Member,
    Key,
}

pub(super) struct Emitter {
    pub(super) out: String,
    pub(super) options: DumpOptions,
    step: usize,
    pub(super) column: usize,
    indent: Option<usize>,
    pub(super) whitespace: bool,
    pub(super) indention: bool,
    pub(super) open_ended: bool,
    /// The numbers of objects that occur more than once, by address.
    anchors: HashMap<usize, usize>,
    written: HashSet<usize>,
}

type Done = Result<(), YamlError>;

impl Emitter {
    pub(super) fn write(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    pub(super) fn line_break(&mut self) {
        self.whitespace = true;
        self.indention = true;
        self.out.push('\n');
        self.column = 0;
    }

    pub(super) fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        if self.column < indent {
            self.whitespace = true;
            let pad = " ".repeat(indent - self.column);
            self.write(&pad);
        }
    }

    pub(super) fn indicator(&mut self, text: &str, needs_space: bool, indention: bool) {
        if needs_space && !self.whitespace {
            self.write(" ");
        }
        self.whitespace = false;
        self.indention = self.indention && indention;
        self.open_ended = false;
        self.write(text);
    }

    pub(super) fn nested<T>(&mut self, flow: bool, indentless: bool, body: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.indent;
        self.indent = match before {
            None => Some(if flow { self.step } else { 0 }),
            Some(indent) => Some(if indentless { indent } else { indent + self.step }),
        };
        let done = body(self);
        self.indent = before;
        done
    }

    fn node(&mut self, value: &Value, position: Position, in_flow: bool) -> Done {
        if self.out.len() > MAX_OUTPUT {
            return Err(YamlError::new(
                ErrorKind::Limit,
                format!("the YAML text is longer than {MAX_OUTPUT} bytes"),
            ));
        }
        if let Some(address) = value.address()
            && let Some(number) = self.anchors.get(&address)
        {
            let name = format!("id{number:03}");
            if !self.written.insert(address) {
                self.indicator(&format!("*{name}"), true, false);
                return Ok(());
            }
            self.indicator(&format!("&{name}"), true, false);
        }
        match value {
            Value::List(items) | Value::Tuple(items) => self.list(items, position, in_flow),
            Value::Dict(map) => self.map(map.iter().collect(), in_flow),
            Value::Set(items) => {
                self.indicator("!!set", true, false);
                self.map(items.iter().map(|item| (item, &Value::Null)).collect(), in_flow)
            }
            Value::Bytes(bytes) => {
                self.indicator("!!binary", true, false);
                self.block(&in_lines(&STANDARD.encode(bytes)), position, in_flow);
                Ok(())
            }
            _ => {
                let (text, kind) = scalar(value)?;
                self.scalar(&text, kind, position, in_flow);
                Ok(())
            }
        }
    }

    fn list(&mut self, items: &[Value], position: Position, in_flow: bool) -> Done {
        if in_flow || self.options.flow || items.is_empty() {
            return self.flow_list(items);
        }
        let indentless = position == Position::Member && !self.indention;
        self.nested(false, indentless, |emitter| {
            for item in items {
                emitter.write_indent();
                emitter.indicator("-", true, true);
                emitter.node(item, Position::Item, false)?;
            }
            Ok(())
        })
    }

    fn map(&mut self, mut members: Vec<(&Value, &Value)>, in_flow: bool) -> Done {
        if self.options.sort_keys {
            sort(&mut members);
        }
        if in_flow || self.options.flow || members.is_empty() {
            return self.flow_map(&members);
        }
        self.nested(false, false, |emitter| {
            for (key, item) in members {
                emitter.write_indent();
                if emitter.is_simple(key)? {
                    emitter.node(key, Position::Key, false)?;
                    emitter.indicator(":", false, false);
                } else {
                    emitter.indicator("?", true, true);
                    emitter.node(key, Position::Member, false)?;
                    emitter.write_indent();
                    emitter.indicator(":", true, true);
                }
                emitter.node(item, Position::Member, false)?;
            }
            Ok(())
        })
    }

    fn flow_list(&mut self, items: &[Value]) -> Done {
        self.indicator("[", true, false);
        self.whitespace = true;
        self.nested(true, false, |emitter| {
            for (index, item) in items.iter().enumerate() {
                emitter.flow_break(index);
                emitter.node(item, Position::Item, true)?;
            }
            Ok(())
        })?;
        self.indicator("]", false, false);
        Ok(())
    }

    fn flow_map(&mut self, members: &[(&Value, &Value)]) -> Done {
        self.indicator("{", true, false);
        self.whitespace = true;
        self.nested(true, false, |emitter| {
            for (index, (key, item)) in members.iter().enumerate() {
                emitter.flow_break(index);
                if emitter.is_simple(key)? {
                    emitter.node(key, Position::Key, true)?;
                    emitter.indicator(":", false, false);
                } else {
                    emitter.indicator("?", true, false);
                    emitter.node(key, Position::Member, true)?;
                    if emitter.column > WIDTH {
                        emitter.write_indent();
                    }
                    emitter.indicator(":", true, false);
                }
                emitter.node(item, Position::Member, true)?;
            }
            Ok(())
        })?;
        self.indicator("}", false, false);
        Ok(())
    }

    /// What is between two items of a line.
    fn flow_break(&mut self, index: usize) {
        if index > 0 {
            self.indicator(",", false, false);
        }
        if self.column > WIDTH {
            self.write_indent();
        }
    }

    /// Whether a key can do without `? ` in front.
    fn is_simple(&self, key: &Value) -> Result<bool, YamlError> {
        let (text, tag) = match key {
            Value::List(items) | Value::Tuple(items) => return Ok(items.is_empty()),
            Value::Dict(map) => return Ok(map.is_empty()),
            Value::Set(items) => return Ok(items.is_empty()),
            Value::Bytes(bytes) => (in_lines(&STANDARD.encode(bytes)), "!!binary"),
            _ => {
                let (text, kind) = scalar(key)?;
                (text, kind.tag().unwrap_or("!!str"))
            }
        };
        let anchored = key
            .address()
            .is_some_and(|address| self.anchors.contains_key(&address));
        let length = text.chars().count() + tag.len() + if anchored { "id001".len() } else { 0 };
        Ok(!text.is_empty() && length < MAX_SIMPLE_KEY && !text.contains(is_break))
    }
}

/// As Python sorts pairs: by key, or not at all where keys cannot be compared.
fn sort(members: &mut [(&Value, &Value)]) {
    let comparable = members
        .windows(2)
        .all(|pair| order(pair[0].0, pair[1].0).is_some());
    if comparable {
        members.sort_by(|a, b| order(a.0, b.0).unwrap_or(std::cmp::Ordering::Equal));
    }
}

/// The text of a scalar and what it has to be read as.
fn scalar(value: &Value) -> Result<(String, Implicit), YamlError> {
    Ok(match value {
        Value::Null => ("null".to_owned(), Implicit::Null),
        Value::Bool(flag) => (flag.to_string(), Implicit::Bool(*flag)),
        Value::BigInt(number) => {
            pynum::check_printable(number).map_err(|error| YamlError::new(error.kind, error.message))?;
            (number.to_string(), Implicit::Int)
        }
        Value::Int(number) => (number.to_string(), Implicit::Int),
        Value::Float(number) => (float(*number), Implicit::Float),
        Value::Str(text) => (text.to_string(), Implicit::Text),
        Value::Date(date) => (date.to_string(), Implicit::Timestamp),
        Value::DateTime(time) => (time.iso(" "), Implicit::Timestamp),
        other => {
            return Err(YamlError::new(
                ErrorKind::Type,
                format!("cannot represent an object of type {} as YAML", other.type_name()),
            ));
        }
    })
}

fn float(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = float_repr(number);
    if text.contains('.') {
        text
    } else {
        text.replacen('e', ".0e", 1)
    }
}

/// Base64 in lines of 76 characters, each ended.
fn in_lines(encoded: &str) -> String {
    let mut out = String::with_capacity(encoded.len() + encoded.len() / 76 + 1);
    let mut rest = encoded;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(76));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::value::from_json;

    /// Answers of `PyYAML` 6.0.3.
    #[test]
    fn documents_look_as_py_yaml_writes_them() {
        let rows = include_str!("../../../tests/data/expr/yaml_dump.jsonl");
        let mut count = 0;
        for line in rows.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let options = DumpOptions {
                indent: row["indent"].as_u64().map_or(2, |n| usize::try_from(n).unwrap()),
                allow_unicode: row["allow_unicode"] != false,
                flow: row["flow"] == true,
                sort_keys: true,
            };
            assert_eq!(
                dump(&from_json(&row["value"]), options).unwrap(),
                row["text"].as_str().unwrap(),
                "{}",
                row["value"]
            );
            count += 1;
        }
        assert!(count > 60, "{count}");
    }

    #[test]
    fn a_document_is_bounded() {
        let mut deep = Value::list((0..2000).map(Value::from));
        for _ in 0..600 {
            deep = Value::list([deep]);
        }
        let wide = Value::list(vec![deep; 1]);
        let error = dump(
            &wide,
            DumpOptions {
                indent: 9,
                ..DumpOptions::default()
            },
        )
        .expect_err("too long");
        assert_eq!(error.kind, ErrorKind::Limit);
    }
}
