//! JSON text as Python's `json.dumps` writes it, for all values that it takes.

use std::fmt::Write as _;

use super::json::key_text;
use super::{NotJson, Value};
use crate::expr::pyjson::{JsonStyle, line, separate, write_text};

/// Writes a value; refused is what `json.dumps` refuses (sets, dates, bytes, opaque values; keys that are no scalars).
/// NaN and infinities are written as Python does, which is no JSON.
pub fn dumps(value: &Value, style: &JsonStyle) -> Result<String, NotJson> {
    let mut out = String::new();
    write(&mut out, value, style, 0)?;
    Ok(out)
}

fn write(out: &mut String, value: &Value, style: &JsonStyle, level: usize) -> Result<(), NotJson> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Float(number) if number.is_nan() => out.push_str("NaN"),
        Value::Float(number) if number.is_infinite() => {
            out.push_str(if *number > 0.0 { "Infinity" } else { "-Infinity" });
        }
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Float(_) | Value::BigInt(_) => super::write_repr(out, value),
        Value::Str(text) => write_text(out, text, style.html_safe),
        Value::List(items) | Value::Tuple(items) if items.is_empty() => out.push_str("[]"),
        Value::Dict(dict) if dict.is_empty() => out.push_str("{}"),
        Value::List(items) | Value::Tuple(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, style, level + 1, index > 0);
                write(out, item, style, level + 1)?;
            }
            line(out, style, level);
            out.push(']');
        }
        Value::Dict(dict) => {
            out.push('{');
            let mut members = Vec::with_capacity(dict.len());
            for (key, item) in dict.iter() {
                if !matches!(
                    key,
                    Value::Null
                        | Value::Bool(_)
                        | Value::Int(_)
                        | Value::BigInt(_)
                        | Value::Float(_)
                        | Value::Str(_)
                ) {
                    return Err(NotJson(key.type_name().to_owned()));
                }
                members.push((key_text(key), item));
            }
            if style.sort_keys {
                members.sort_by(|a, b| a.0.cmp(&b.0));
            }
            for (index, (key, item)) in members.into_iter().enumerate() {
                separate(out, style, level + 1, index > 0);
                write_text(out, &key, style.html_safe);
                out.push_str(&style.key_separator);
                write(out, item, style, level + 1)?;
            }
            line(out, style, level);
            out.push('}');
        }
        other => return Err(NotJson(other.type_name().to_owned())),
    }
    Ok(())
}
