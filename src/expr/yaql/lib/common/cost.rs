//! Equality and keys within the budget: comparing or hashing a value costs as much as the value is large.

use crate::expr::value::{Value, check_hashable_frozen};
use crate::expr::yaql::YaqlError;
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::{Sequence, View};

/// Bytes of a text that are compared or hashed in one step.
const BYTES_A_STEP: usize = 512;

/// Bytes that a member of a dictionary or set takes beside what is in it.
pub(in crate::expr::yaql::lib) const MEMBER: usize = 2 * size_of::<Value>() + 16;

/// Python's `==` of two values.
pub(in crate::expr::yaql) fn equal(cx: &Cx<'_>, a: &Value, b: &Value) -> Result<bool, YaqlError> {
    use Value::{Dict, Float, List, Set, Str, Tuple};
    match (a, b) {
        // Not even the same NaN equals itself.
        (Float(a), Float(b)) => return Ok(a == b),
        (List(x) | Tuple(x), List(y) | Tuple(y)) if x.len() == y.len() => weigh(cx, a)?,
        (Dict(x), Dict(y)) if x.len() == y.len() => weigh(cx, a)?,
        (Set(x), Set(y)) if x.len() == y.len() => weigh(cx, a)?,
        (Str(x), Str(y)) if x.len() == y.len() => cx.spend(x.len() / BYTES_A_STEP)?,
        (Value::Opaque(_), _) => weigh(cx, a)?,
        (_, Value::Opaque(_)) => weigh(cx, b)?,
        _ => {}
    }
    Ok(a == b)
}

/// Refuses a value that cannot be a key or a member of a set, and counts what it takes to hash it.
pub(in crate::expr::yaql) fn key(cx: &Cx<'_>, value: &Value) -> Result<(), YaqlError> {
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => Ok(()),
        Value::Str(text) => cx.spend(text.len() / BYTES_A_STEP),
        other => {
            check_hashable_frozen(other)?;
            weigh(cx, other)
        }
    }
}

/// Counts a step for every value inside.
pub(in crate::expr::yaql) fn weigh(cx: &Cx<'_>, value: &Value) -> Result<(), YaqlError> {
    match value {
        Value::Str(text) => cx.spend(text.len() / BYTES_A_STEP),
        Value::List(items) | Value::Tuple(items) => weigh_all(cx, items.len(), items.iter()),
        Value::Set(items) => weigh_all(cx, items.len(), items.iter()),
        Value::Dict(dict) => {
            weigh_all(cx, dict.len(), dict.values())?;
            dict.keys()
                .filter(|key| is_large(key))
                .try_for_each(|key| weigh(cx, key))
        }
        Value::Opaque(_) => {
            let view = value.downcast::<Sequence>().and_then(Sequence::downcast::<View>);
            view.map_or(Ok(()), |view| weigh(cx, &Value::Dict(view.dict().clone())))
        }
        _ => Ok(()),
    }
}

fn weigh_all<'a>(cx: &Cx<'_>, len: usize, items: impl Iterator<Item = &'a Value>) -> Result<(), YaqlError> {
    cx.spend(len)?;
    items
        .filter(|item| is_large(item))
        .try_for_each(|item| weigh(cx, item))
}

fn is_large(value: &Value) -> bool {
    !matches!(
        value,
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Timespan(_) | Value::Date(_)
    )
}
