//! Values of a definition as values of expressions.

use crate::expr::value::{Date, DateTime, Dict, Value, from_json};
use crate::yaml::{Kind, Node};

/// The value of a node, as Python's YAML reader would give it.
#[must_use]
pub fn from_node(node: &Node) -> Value {
    of_kind(&node.kind)
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Null => Value::Null,
        Kind::Bool(flag) => Value::Bool(*flag),
        Kind::Number(number) => from_json(&serde_json::Value::Number(number.clone())),
        Kind::Text(text) => Value::text(text.as_str()),
        Kind::Date(text) => date(text).unwrap_or_else(|| Value::text(text.as_str())),
        Kind::List(items) => Value::list(items.iter().map(from_node)),
        Kind::Map(entries) => {
            let mut map = Dict::builder(entries.len());
            for entry in entries {
                let key = match &entry.typed {
                    None => Value::text(entry.key.as_str()),
                    Some(kind) => of_kind(kind),
                };
                map.insert(key, from_node(&entry.value));
            }
            Value::Dict(Dict::new(map))
        }
    }
}

/// A date, or a date with a time of day, from the ISO 8601 text that the YAML reader makes of it.
fn date(text: &str) -> Option<Value> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let day = Date::new(
        i32::try_from(number(0..4)?).ok()?,
        u8::try_from(number(5..7)?).ok()?,
        u8::try_from(number(8..10)?).ok()?,
    )?;
    if text.len() == "2020-01-31".len() {
        return Some(Value::Date(day));
    }
    let seconds = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    let rest = text.get(19..)?;
    let (micros, zone) = match rest.strip_prefix('.') {
        Some(rest) => (rest.get(..6)?.parse::<i64>().ok()?, rest.get(6..)?),
        None => (0, rest),
    };
    let offset = if zone.is_empty() {
        None
    } else {
        let minutes = zone.get(1..3)?.parse::<i64>().ok()? * 60 + zone.get(4..6)?.parse::<i64>().ok()?;
        let sign = if zone.starts_with('-') { -1 } else { 1 };
        Some(sign * minutes * 60 * 1_000_000)
    };
    let time = DateTime {
        date: day,
        micros: seconds * 1_000_000 + micros,
        offset: None,
        zone: None,
    };
    Some(time.with_offset(offset).into())
}
