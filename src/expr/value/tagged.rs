//! The JSON of answers, in which what JSON lacks carries a `$type`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Value;
use crate::expr::pyjson::{JsonStyle, write_text};
use crate::expr::pyvalue::write_float_repr;

/// The tagged JSON text of a value, on one line. Integers keep all digits; a float has a point or an exponent.
pub fn to_tagged(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(_) | Value::BigInt(_) => super::write_repr(out, value),
        Value::Float(number) if number.is_finite() => write_float_repr(out, *number),
        Value::Float(number) => {
            out.push_str(r#"{"$type":"float","value":""#);
            write_float_repr(out, *number);
            out.push_str("\"}");
        }
        Value::Str(text) => write_text(out, text, JsonStyle::default().html_safe),
        Value::List(items) | Value::Tuple(items) => write_items(out, items.iter()),
        Value::Set(items) => {
            out.push_str(r#"{"$type":"set","items":"#);
            write_items(out, items.iter());
            out.push('}');
        }
        Value::Dict(dict) if dict.keys().all(|key| matches!(key, Value::Str(_))) => {
            out.push('{');
            for (index, (key, item)) in dict.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(out, key);
                out.push(':');
                write(out, item);
            }
            out.push('}');
        }
        Value::Dict(dict) => {
            out.push_str(r#"{"$type":"map","items":["#);
            for (index, (key, item)) in dict.iter().enumerate() {
                out.push_str(if index > 0 { ",[" } else { "[" });
                write(out, key);
                out.push(',');
                write(out, item);
                out.push(']');
            }
            out.push_str("]}");
        }
        Value::DateTime(time) => write_tag(out, "datetime", "value", &time.iso("T")),
        Value::Date(date) => write_tag(out, "date", "value", &date.to_string()),
        Value::Timespan(span) => {
            out.push_str(r#"{"$type":"timespan","microseconds":"#);
            out.push_str(&span.micros().to_string());
            out.push('}');
        }
        Value::Bytes(bytes) => write_tag(out, "bytes", "base64", &STANDARD.encode(bytes)),
        Value::Opaque(object) => write_tag(out, "opaque", "class", object.class()),
    }
}

fn write_tag(out: &mut String, tag: &str, member: &str, text: &str) {
    out.push_str(r#"{"$type":""#);
    out.push_str(tag);
    out.push_str("\",\"");
    out.push_str(member);
    out.push_str("\":");
    write_text(out, text, false);
    out.push('}');
}

fn write_items<'a>(out: &mut String, items: impl Iterator<Item = &'a Value>) {
    out.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}
