//! The text that Python gives to values: `str()` and `repr()`, and what YAQL makes of its frozen input.

use std::fmt::Write as _;

use super::{DateTime, List, Value};
use crate::expr::pyvalue::{write_float_repr, write_str_repr};

/// How lists of data print.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lists {
    /// With brackets.
    AsLists,
    /// As tuples, unless they are fresh (YAQL).
    Frozen,
}

/// `str(value)`.
pub fn str(value: &Value) -> String {
    let mut out = String::new();
    write_str(&mut out, value, Lists::AsLists);
    out
}

/// `repr(value)`.
pub fn repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

/// Writes [`repr`] to `out`.
pub fn write_repr(out: &mut String, value: &Value) {
    write_value(out, value, Lists::AsLists);
}

/// `str(value)` within YAQL, where lists of data are tuples: `(1, None)`.
pub fn frozen_str(value: &Value) -> String {
    let mut out = String::new();
    write_frozen_str(&mut out, value);
    out
}

/// Writes [`frozen_str`] to `out`.
pub fn write_frozen_str(out: &mut String, value: &Value) {
    write_str(out, value, Lists::Frozen);
}

/// `repr(value)` within YAQL.
pub fn frozen_repr(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, Lists::Frozen);
    out
}

fn write_str(out: &mut String, value: &Value, lists: Lists) {
    match value {
        Value::Str(text) => out.push_str(text),
        Value::DateTime(time) => out.push_str(&time.iso(" ")),
        Value::Date(date) => {
            let _ = write!(out, "{date}");
        }
        Value::Timespan(span) => {
            let _ = write!(out, "{span}");
        }
        other => write_value(out, other, lists),
    }
}

fn write_value(out: &mut String, value: &Value, lists: Lists) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::BigInt(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Float(number) => write_float_repr(out, *number),
        Value::Str(text) => write_str_repr(out, text),
        Value::Bytes(bytes) => write_bytes(out, bytes),
        Value::List(items) if lists == Lists::AsLists || items.is_mutable() => {
            out.push('[');
            write_items(out, items, lists);
            out.push(']');
        }
        Value::List(items) | Value::Tuple(items) => {
            out.push('(');
            write_items(out, items, lists);
            out.push_str(if items.len() == 1 { ",)" } else { ")" });
        }
        Value::Dict(dict) => {
            out.push('{');
            for (index, (key, item)) in dict.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_value(out, key, lists);
                out.push_str(": ");
                write_value(out, item, lists);
            }
            out.push('}');
        }
        Value::Set(items) => write_set(out, items.iter(), lists),
        Value::DateTime(time) => write_datetime(out, time),
        Value::Date(date) => {
            let _ = write!(out, "datetime.date({}, {}, {})", date.year, date.month, date.day);
        }
        Value::Timespan(span) => out.push_str(&span.repr()),
        Value::Opaque(object) => out.push_str(&object.repr()),
    }
}

fn write_items(out: &mut String, items: &List, lists: Lists) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_value(out, item, lists);
    }
}

fn write_set<'a>(out: &mut String, items: impl ExactSizeIterator<Item = &'a Value>, lists: Lists) {
    // Within YAQL sets are frozen ones; what leaves it are plain sets.
    let (open, close) = match (lists, items.len()) {
        (Lists::AsLists, 0) => ("set(", ")"),
        (Lists::AsLists, _) => ("{", "}"),
        (Lists::Frozen, 0) => ("frozenset(", ")"),
        (Lists::Frozen, _) => ("frozenset({", "})"),
    };
    out.push_str(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_value(out, item, lists);
    }
    out.push_str(close);
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    out.push('b');
    out.push(quote);
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => {
                if char::from(*byte) == quote {
                    out.push('\\');
                }
                out.push(char::from(*byte));
            }
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push(quote);
}

fn write_datetime(out: &mut String, time: &DateTime) {
    let _ = write!(
        out,
        "datetime.datetime({}, {}, {}, {}, {}",
        time.date.year,
        time.date.month,
        time.date.day,
        time.hour(),
        time.minute()
    );
    if time.second() != 0 || time.microsecond() != 0 {
        let _ = write!(out, ", {}", time.second());
    }
    if time.microsecond() != 0 {
        let _ = write!(out, ", {}", time.microsecond());
    }
    match (time.offset, &time.zone) {
        (None, _) => {}
        (Some(0), _) => out.push_str(", tzinfo=tzutc()"),
        (Some(offset), zone) => {
            out.push_str(", tzinfo=tzoffset(");
            match zone {
                Some(name) => write_str_repr(out, name),
                None => out.push_str("None"),
            }
            let _ = write!(out, ", {})", offset / 1_000_000);
        }
    }
    out.push(')');
}
