//! Reading YAML 1.1.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::construct::{core_name, scalar, unknown};
use super::{Implicit, implicit};
use crate::expr::value::{Dict, DictMap, List, Set, SetItems, Value};

const MAX_DEPTH: usize = 200;
const MAX_NODES: usize = 1_000_000;

/// Reads one YAML document as `yaml.safe_load` does: dates and times, integers of any size, keys of any scalar type,
/// sets. The last of duplicate keys wins, `<<` merges, aliases share what they name.
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
    List {
        items: Vec<Value>,
        /// The items are pairs: `!!omap` and `!!pairs`.
        pairs: bool,
    },
    Map {
        map: DictMap,
        key: Option<Key>,
        merged: Vec<Value>,
        /// Only the keys count: `!!set`.
        set: bool,
    },
}

enum Key {
    Value(Value),
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
                let is_key = self.awaits_key();
                let kind = if plain && tag.is_none() {
                    implicit(&text)
                } else {
                    Implicit::Text
                };
                let value = match kind {
                    Implicit::Merge if is_key => {
                        self.nodes += 1;
                        return self.merge_key();
                    }
                    Implicit::Value if is_key => Value::from(&*text),
                    Implicit::Merge => return Err(unknown("tag:yaml.org,2002:merge")),
                    Implicit::Value => return Err(unknown("tag:yaml.org,2002:value")),
                    _ => scalar(&text, plain, tag.as_deref())?,
                };
                self.place(value, anchor, 1)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let pairs = match suffix(tag.as_deref())? {
                    None | Some("seq") => false,
                    Some("omap" | "pairs") => true,
                    Some(other) => return Err(format!("a list cannot be a {other}")),
                };
                let items = Vec::new();
                self.start(Kind::List { items, pairs }, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                let set = match suffix(tag.as_deref())? {
                    None | Some("map") => false,
                    Some("set") => true,
                    Some(other) => return Err(format!("a mapping cannot be a {other}")),
                };
                let kind = Kind::Map {
                    map: Dict::builder(0),
                    key: None,
                    merged: Vec::new(),
                    set,
                };
                self.start(kind, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else {
                    return Ok(());
                };
                let size = self.nodes - open.nodes_before;
                let value = match open.kind {
                    Kind::List { items, pairs: false } => Value::List(List::new(items)),
                    Kind::List { items, pairs: true } => pairs(items)?,
                    Kind::Map { map, merged, set, .. } => {
                        let map = merge(map, merged)?;
                        if set {
                            Value::Set(Set::new(map.into_keys().collect::<SetItems>()))
                        } else {
                            Value::Dict(Dict::new(map))
                        }
                    }
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

    fn merge_key(&mut self) -> Result<(), String> {
        if let Some(Open {
            kind: Kind::Map { key, .. },
            ..
        }) = self.open.last_mut()
        {
            *key = Some(Key::Merge);
        }
        Ok(())
    }

    fn start(&mut self, kind: Kind, anchor: usize) -> Result<(), String> {
        if self.open.len() == MAX_DEPTH {
            return Err(format!("the document is nested more than {MAX_DEPTH} deep"));
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
            Some(Kind::List { items, .. }) => items.push(value),
            Some(Kind::Map { map, key, merged, .. }) => match key.take() {
                None => {
                    if value.depth() > 0 {
                        return Err("found unhashable key".into());
                    }
                    *key = Some(Key::Value(value));
                }
                Some(Key::Merge) => merged.push(value),
                Some(Key::Value(key)) => {
                    map.insert(key, value);
                }
            },
        }
        Ok(())
    }
}

/// The name of a tag of YAML itself; other tags are refused.
fn suffix(tag: Option<&Tag>) -> Result<Option<&'static str>, String> {
    match tag {
        None => Ok(None),
        Some(tag) => match core_name(tag).as_deref() {
            Some("map") => Ok(Some("map")),
            Some("seq") => Ok(Some("seq")),
            Some("omap") => Ok(Some("omap")),
            Some("pairs") => Ok(Some("pairs")),
            Some("set") => Ok(Some("set")),
            _ => Err(unknown(&tag.original())),
        },
    }
}

/// The members of `!!omap` and `!!pairs`.
fn pairs(items: Vec<Value>) -> Result<Value, String> {
    let pairs = items.into_iter().map(|item| match item {
        Value::Dict(map) if map.len() == 1 => {
            let member = map.iter().next();
            Ok(Value::tuple(
                member
                    .into_iter()
                    .flat_map(|(key, value)| [key.clone(), value.clone()]),
            ))
        }
        _ => Err("expected mappings of one member each".to_owned()),
    });
    Ok(Value::List(pairs.collect::<Result<_, _>>()?))
}

/// Merged mappings come first and lose against the mapping's own keys.
fn merge(own: DictMap, merged: Vec<Value>) -> Result<DictMap, String> {
    if merged.is_empty() {
        return Ok(own);
    }
    let mut all = Dict::builder(own.len());
    for value in merged {
        let maps = match value {
            Value::List(items) => items.into_vec(),
            single => vec![single],
        };
        for map in maps.into_iter().rev() {
            let Value::Dict(map) = map else {
                return Err("expected a mapping or list of mappings for merging".into());
            };
            all.extend(map.into_map());
        }
    }
    all.extend(own);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::expr::value::{from_json, repr};

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
            ("'1'", json!("1")),
            ("", json!(null)),
            ("!!str 5", json!("5")),
            ("a: 1\nb: [x, {y: ~}]", json!({"a": 1, "b": ["x", {"y": null}]})),
            (
                "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3",
                json!({"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}),
            ),
            ("|\n  a\n  b\n", json!("a\nb\n")),
            ("a: 1\na: 2", json!({"a": 2})),
        ];
        for (text, expected) in rows {
            assert_eq!(
                load(text).map(|value| repr(&value)),
                Ok(repr(&from_json(&expected))),
                "{text}"
            );
        }
    }

    #[test]
    fn values_beyond_json_are_pythons() {
        let rows = [
            ("2020-01-01", "datetime.date(2020, 1, 1)"),
            (
                "2020-1-1 1:02:03.5",
                "datetime.datetime(2020, 1, 1, 1, 2, 3, 500000)",
            ),
            (
                "2020-01-01T01:02:03Z",
                "datetime.datetime(2020, 1, 1, 1, 2, 3, tzinfo=tzutc())",
            ),
            (".inf", "inf"),
            ("-.INF", "-inf"),
            (".nan", "nan"),
            ("{1: a, yes: b, ~: c, 1.5: d}", "{1: 'b', None: 'c', 1.5: 'd'}"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("-0x1_0000_0000_0000_0000", "-18446744073709551616"),
            ("!!set {a, b}", "{'a', 'b'}"),
            ("!!omap [a: 1, b: 2]", "[('a', 1), ('b', 2)]"),
            ("!!binary aGk=", "b'hi'"),
            ("=: 1", "{'=': 1}"),
        ];
        for (text, expected) in rows {
            assert_eq!(
                load(text).map(|value| repr(&value)).as_deref(),
                Ok(expected),
                "{text}"
            );
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
            ("[=]", "constructor"),
            ("2020-13-01", "date"),
            ("? [a]\n: b", "unhashable"),
            ("!!set [a]", "set"),
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
