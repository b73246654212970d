//! `int()` and `float()`.

use super::super::super::error::YaqlError;
use super::super::super::function::{Answer, Library};
use super::super::super::runtime::Cx;
use crate::expr::pynum;
use crate::expr::pyvalue::str_repr;
use crate::expr::value::Value;

pub(super) fn register(to: &mut Library) {
    to.function("int", "value", int);
    to.function("float", "value", float);
}

/// Characters of a wrong number's repr that Python shows.
const SHOWN: usize = 200;

/// The name of the Python class that a value has inside YAQL, where data is frozen.
pub(in super::super) fn type_name(value: &Value) -> &str {
    match value {
        Value::List(items) if !items.is_mutable() => "tuple",
        Value::Dict(dict) if !dict.is_mutable() => "FrozenDict",
        Value::Set(_) => "frozenset",
        other => other.type_name(),
    }
}

/// A number, the text of one, or null, which is 0.
pub(super) fn int(cx: &Cx<'_>, value: Value) -> Answer {
    match &value {
        Value::Null => Ok(Value::Int(0)),
        Value::Bool(flag) => Ok(Value::Int(i64::from(*flag))),
        Value::Int(_) | Value::BigInt(_) => Ok(value),
        Value::Float(number) => Ok(pynum::float_to_int(*number)?),
        Value::Str(text) => {
            cx.charge(text.len())?;
            cx.spend(text.len() / 4)?;
            pynum::parse_int(text, 10)?.ok_or_else(|| {
                let shown: String = str_repr(text).chars().take(SHOWN).collect();
                YaqlError::value_error(format!("invalid literal for int() with base 10: {shown}"))
            })
        }
        other => Err(YaqlError::type_error(format!(
            "int() argument must be a string, a bytes-like object or a real number, not '{}'",
            type_name(other)
        ))),
    }
}

/// A number, the text of one, or null, which is 0.0.
fn float(cx: &Cx<'_>, value: Value) -> Answer {
    if let Some(number) = pynum::Number::of(&value) {
        return Ok(Value::Float(number.to_float()?));
    }
    match &value {
        Value::Null => Ok(Value::Float(0.0)),
        Value::Str(text) => {
            cx.charge(text.len())?;
            cx.spend(text.len() / 4)?;
            pynum::parse_float(text).map(Value::Float).ok_or_else(|| {
                YaqlError::value_error(format!("could not convert string to float: {}", str_repr(text)))
            })
        }
        other => Err(YaqlError::type_error(format!(
            "float() argument must be a string or a real number, not '{}'",
            type_name(other)
        ))),
    }
}
