//! Reading YAML 1.1 into JSON values.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Number, Value};

use super::{Implicit, implicit};
use crate::expr::pyvalue;

const MAX_DEPTH: usize = 200;
const MAX_NODES: usize = 1_000_000;

/// Reads one YAML document. Keys become texts, dates stay texts, `.inf` and `.nan` become the texts that Python
/// prints, the last of duplicate keys wins, `<<` merges, aliases are copied.
///
/// # Errors
///
/// What is wrong, with line and column; also several documents, unknown tags, more than a million nodes (aliases
/// counted as often as used) and nesting beyond 200.
pub fn load(text: &str) -> Result<Value, String> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let place = span.start;
        builder
            .event(event)
            .map_err(|what| format!("{what} at line {} column {}", place.line(), place.col() + 1))?;
    }
    Ok(builder.root.unwrap_or(Value::Null))
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Value>,
    anchors: HashMap<usize, (Value, usize)>,
    nodes: usize,
}

struct Open {
    kind: Kind,
    anchor: usize,
    /// Nodes made before this one was opened, to know its size when an alias repeats it.
    nodes_before: usize,
}

enum Kind {
    List(Vec<Value>),
    Map {
        map: Map<String, Value>,
        key: Option<Key>,
        merged: Vec<Value>,
    },
}

enum Key {
    Name(String),
    Merge,
}

impl Builder {
    fn event(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                Err("expected a single document, but found another document".into())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if plain && tag.is_none() && self.awaits_key() && implicit(&text) == Implicit::Merge {
                    self.nodes += 1;
                    if let Some(Open {
                        kind: Kind::Map { key, .. },
                        ..
                    }) = self.open.last_mut()
                    {
                        *key = Some(Key::Merge);
                    }
                    return Ok(());
                }
                let value = scalar(&text, plain, tag.as_deref())?;
                self.place(value, anchor, 1)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.start(Kind::List(Vec::new()), anchor, tag.as_deref())
            }
            Event::MappingStart(_, anchor, tag) => {
                let kind = Kind::Map {
                    map: Map::new(),
                    key: None,
                    merged: Vec::new(),
                };
                self.start(kind, anchor, tag.as_deref())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else {
                    return Ok(());
                };
                let size = self.nodes - open.nodes_before;
                let value = match open.kind {
                    Kind::List(items) => Value::Array(items),
                    Kind::Map { map, merged, .. } => Value::Object(merge(map, merged)?),
                };
                self.nodes = open.nodes_before;
                self.place(value, open.anchor, size)
            }
            Event::Alias(id) => {
                let found = self.anchors.get(&id).cloned();
                let (value, size) = found.ok_or("an alias refers to a node that contains it")?;
                self.place(value, 0, size)
            }
            _ => Ok(()),
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                kind: Kind::Map { key: None, .. },
                ..
            })
        )
    }

    fn start(&mut self, kind: Kind, anchor: usize, tag: Option<&Tag>) -> Result<(), String> {
        if self.open.len() == MAX_DEPTH {
            return Err(format!("the document is nested more than {MAX_DEPTH} deep"));
        }
        if let Some(tag) =
            tag.filter(|tag| !matches!(tag.core_suffix(), Some("map" | "seq" | "omap" | "set")))
        {
            return Err(format!(
                "could not determine a constructor for the tag '{}'",
                tag.original()
            ));
        }
        self.open.push(Open {
            kind,
            anchor,
            nodes_before: self.nodes,
        });
        self.nodes += 1;
        Ok(())
    }

    fn place(&mut self, value: Value, anchor: usize, size: usize) -> Result<(), String> {
        self.nodes += size;
        if self.nodes > MAX_NODES {
            return Err(format!("the document has more than {MAX_NODES} nodes"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), size));
        }
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.root = Some(value),
            Some(Kind::List(items)) => items.push(value),
            Some(Kind::Map { map, key, merged }) => match key.take() {
                None => {
                    if matches!(value, Value::Array(_) | Value::Object(_)) {
                        return Err("found unhashable key".into());
                    }
                    *key = Some(Key::Name(pyvalue::str(&value)));
                }
                Some(Key::Merge) => merged.push(value),
                Some(Key::Name(name)) => {
                    map.insert(name, value);
                }
            },
        }
        Ok(())
    }
}

/// Merged mappings come first and lose against the mapping's own keys.
fn merge(own: Map<String, Value>, merged: Vec<Value>) -> Result<Map<String, Value>, String> {
    if merged.is_empty() {
        return Ok(own);
    }
    let mut all = Map::new();
    for value in merged {
        let maps = match value {
            Value::Array(items) => items,
            single => vec![single],
        };
        for map in maps.into_iter().rev() {
            let Value::Object(map) = map else {
                return Err("expected a mapping or list of mappings for merging".into());
            };
            all.extend(map);
        }
    }
    all.extend(own);
    Ok(all)
}

fn scalar(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, String> {
    let kind = match tag {
        None if !plain => Implicit::Text,
        None => implicit(text),
        Some(tag) => match tag.core_suffix() {
            Some("str" | "binary" | "timestamp") => Implicit::Text,
            Some("int") => Implicit::Int,
            Some("float") => Implicit::Float,
            Some("null") => Implicit::Null,
            Some("bool") => implicit(text),
            _ if tag.original() == "!" => Implicit::Text,
            _ => {
                return Err(format!(
                    "could not determine a constructor for the tag '{}'",
                    tag.original()
                ));
            }
        },
    };
    Ok(match kind {
        Implicit::Text | Implicit::Timestamp | Implicit::Merge | Implicit::Value => {
            Value::String(text.to_owned())
        }
        Implicit::Null => Value::Null,
        Implicit::Bool(flag) => Value::Bool(flag),
        Implicit::Int => Value::Number(int(text).ok_or_else(|| format!("'{text}' is no integer"))?),
        Implicit::Float => float(text).ok_or_else(|| format!("'{text}' is no number"))?,
    })
}

fn int(text: &str) -> Option<Number> {
    let text = text.replace('_', "");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let value = if let Some(digits) = digits.strip_prefix("0b") {
        i128::from_str_radix(digits, 2).ok()?
    } else if let Some(digits) = digits.strip_prefix("0x") {
        i128::from_str_radix(digits, 16).ok()?
    } else if digits.contains(':') {
        digits.split(':').try_fold(0i128, |sum, part| {
            sum.checked_mul(60)?.checked_add(part.parse().ok()?)
        })?
    } else if digits.len() > 1 && digits.starts_with('0') {
        i128::from_str_radix(digits, 8).ok()?
    } else {
        match digits.parse() {
            Ok(value) => value,
            Err(_) => return Number::from_f64(text.parse().ok()?),
        }
    };
    let signed = if negative { -value } else { value };
    #[expect(clippy::cast_precision_loss, reason = "integers beyond 64 bits become floats")]
    Number::from_i128(signed).or_else(|| Number::from_f64(signed as f64))
}

fn float(text: &str) -> Option<Value> {
    let text = text.replace('_', "").to_lowercase();
    let value: f64 = match text.trim_start_matches(['+', '-']) {
        ".inf" => {
            return Some(Value::String(
                if text.starts_with('-') { "-inf" } else { "inf" }.into(),
            ));
        }
        ".nan" => return Some(Value::String("nan".into())),
        digits if digits.contains(':') => {
            let sum = digits
                .split(':')
                .try_fold(0.0, |sum, part| part.parse::<f64>().ok().map(|p| sum * 60.0 + p))?;
            if text.starts_with('-') { -sum } else { sum }
        }
        _ => text.parse().ok()?,
    };
    Number::from_f64(value).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_are_yaml_1_1() {
        let rows = [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!("y")),
            ("017", json!(15)),
            ("0o17", json!("0o17")),
            ("0x1f", json!(31)),
            ("1_000", json!(1000)),
            ("1:30", json!(90)),
            ("1e3", json!("1e3")),
            ("1.5e+3", json!(1500.0)),
            ("2020-01-01", json!("2020-01-01")),
            (".inf", json!("inf")),
            ("'1'", json!("1")),
            ("", json!(null)),
            ("!!str 5", json!("5")),
            (
                "a: 1\nb: [x, {y: ~}]\n1: z",
                json!({"a": 1, "b": ["x", {"y": null}], "1": "z"}),
            ),
            (
                "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3",
                json!({"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}),
            ),
            ("|\n  a\n  b\n", json!("a\nb\n")),
            ("a: 1\na: 2", json!({"a": 2})),
        ];
        for (text, expected) in rows {
            assert_eq!(load(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        for (text, expected) in [
            ("a: b: c", "line 1"),
            ("a: [1", "line"),
            ("a: {{ x }}", "unhashable"),
            ("!ruby/object x", "constructor"),
            ("--- a\n--- b", "single document"),
            ("a: &x [*x]", "alias"),
        ] {
            let message = load(text).expect_err(text);
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..9 {
            let previous = level - 1;
            let aliases = vec![format!("*a{previous}"); 10].join(",");
            text += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        assert!(load(&text).expect_err("too large").contains("nodes"));
        assert!(load(&"[".repeat(10_000)).is_err());
    }
}
