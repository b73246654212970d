//! What leaves an evaluation: tuples and lazy sequences become lists, views sets, as the reference converts them.

use super::error::YaqlError;
use super::function::Answer;
use super::params::is_no_value;
use super::runtime::Cx;
use super::sequence;
use crate::expr::value::{Dict, Set, Value, check_hashable};

/// The result of an evaluation as data, no larger than the evaluation may make.
pub(super) fn finalize(cx: &Cx<'_>, value: Value) -> Answer {
    if is_no_value(&value) {
        return Err(YaqlError::no_match("#finalize", None));
    }
    let value = data(cx, value)?;
    if value.weight() > cx.runtime.env.limits.bytes {
        return Err(YaqlError::limit("The result is too large"));
    }
    Ok(value)
}

fn data(cx: &Cx<'_>, value: Value) -> Answer {
    if value.is_plain() {
        return Ok(value);
    }
    cx.runtime.deeper(|| convert(cx, value))
}

fn convert(cx: &Cx<'_>, value: Value) -> Answer {
    match &value {
        Value::Dict(dict) => {
            let mut out = Dict::builder(dict.len());
            for (key, item) in dict.iter() {
                cx.tick()?;
                cx.charge(2 * size_of::<Value>())?;
                // Both may draw from the same sequence; the reference converts the value first.
                let item = data(cx, item.clone())?;
                let key = data(cx, key.clone())?;
                check_hashable(&key)?;
                out.insert(key, item);
            }
            Ok(Value::Dict(Dict::new(out)))
        }
        value if sequence::is_set(value) => {
            let mut out = Set::builder(0);
            for item in items(cx, value)? {
                check_hashable(&item)?;
                out.insert(item);
            }
            Ok(Value::Set(Set::new(out)))
        }
        value if sequence::is_iterable(value) => Ok(Value::from(items(cx, value)?)),
        _ => Ok(value),
    }
}

fn items(cx: &Cx<'_>, value: &Value) -> Result<Vec<Value>, YaqlError> {
    let mut out = Vec::new();
    if let Some(mut items) = sequence::iterate(value) {
        while let Some(item) = items.next(cx)? {
            cx.charge(size_of::<Value>())?;
            out.push(data(cx, item)?);
        }
    }
    Ok(out)
}
