//! Values from and to `serde_json`.

use std::sync::Arc;

use num_bigint::BigInt;
use serde_json::Number;

use super::{Dict, List, Value};

/// The value of a JSON value.
pub fn from_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => from_number(number),
        serde_json::Value::String(text) => Value::Str(text.as_str().into()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(from_json).collect()),
        serde_json::Value::Object(map) => {
            let mut out = Dict::builder(map.len());
            for (key, item) in map {
                out.insert(Value::Str(key.as_str().into()), from_json(item));
            }
            Value::Dict(Dict::new(out))
        }
    }
}

fn from_number(number: &Number) -> Value {
    if let Some(int) = number.as_i64() {
        return Value::Int(int);
    }
    if let Some(int) = number.as_u64() {
        return Value::BigInt(Arc::new(BigInt::from(int)));
    }
    Value::Float(number.as_f64().unwrap_or(f64::NAN))
}

/// What JSON cannot express.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Object of type {0} is not JSON serializable")]
pub struct NotJson(
    /// The Python class.
    pub String,
);

/// The JSON value of a value.
///
/// Tuples and sets become lists, keys their texts, dates and times their texts, as the record of an execution keeps
/// them. Refused are integers beyond 64 bits, NaN, infinities, bytes and opaque values.
pub fn to_json(value: &Value) -> Result<serde_json::Value, NotJson> {
    Ok(match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::BigInt(number) => u64::try_from(&**number)
            .map_err(|_| NotJson("int".into()))?
            .into(),
        Value::Float(number) => Number::from_f64(*number)
            .map(serde_json::Value::Number)
            .ok_or_else(|| NotJson("float".into()))?,
        Value::Str(text) => (**text).into(),
        Value::List(items) | Value::Tuple(items) => to_array(items)?,
        Value::Set(items) => items.iter().map(to_json).collect::<Result<Vec<_>, _>>()?.into(),
        Value::Dict(dict) => {
            let mut out = serde_json::Map::with_capacity(dict.len());
            for (key, item) in dict.iter() {
                out.insert(key_text(key), to_json(item)?);
            }
            out.into()
        }
        Value::DateTime(time) => time.iso("T").into(),
        Value::Date(date) => date.to_string().into(),
        Value::Timespan(span) => span.to_string().into(),
        Value::Bytes(_) | Value::Opaque(_) => return Err(NotJson(value.type_name().to_owned())),
    })
}

fn to_array(items: &List) -> Result<serde_json::Value, NotJson> {
    Ok(items.iter().map(to_json).collect::<Result<Vec<_>, _>>()?.into())
}

/// The text of a key as Python's JSON writers give it: `null`, `true`, numbers as they print.
pub(super) fn key_text(key: &Value) -> String {
    match key {
        Value::Null => "null".into(),
        Value::Bool(true) => "true".into(),
        Value::Bool(false) => "false".into(),
        other => super::str(other),
    }
}
