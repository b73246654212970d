//! Equality and keys within the budget: comparing or hashing a value costs as much as the value weighs.

use super::super::collections::equal_sets;
use crate::expr::value::{Value, check_hashable_frozen};
use crate::expr::yaql::YaqlError;
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::is_set;

/// What is compared or hashed in one step, see [`Value::weight`].
const WEIGHT_A_STEP: u64 = 256;

/// Bytes that a member of a dictionary or set takes beside what is in it.
pub(in crate::expr::yaql::lib) const MEMBER: usize = 2 * size_of::<Value>() + 16;

/// Python's `==` of two values.
pub(in crate::expr::yaql::lib) fn equal(cx: &Cx<'_>, a: &Value, b: &Value) -> Result<bool, YaqlError> {
    use Value::{Bool, Float, Int, Null, Opaque};
    match (a, b) {
        // Not even the same NaN equals itself.
        (Float(a), Float(b)) => return Ok(a == b),
        (Null | Bool(_) | Int(_) | Float(_), _) | (_, Null | Bool(_) | Int(_) | Float(_)) => {}
        (Opaque(_), _) | (_, Opaque(_)) if is_set(a) && is_set(b) => return equal_sets(cx, a, b),
        _ => weigh(cx, a.weight().min(b.weight()))?,
    }
    Ok(a == b)
}

/// Refuses a value that cannot be a key or a member of a set, and counts what it takes to hash it.
pub(in crate::expr::yaql::lib) fn key(cx: &Cx<'_>, value: &Value) -> Result<(), YaqlError> {
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => Ok(()),
        Value::Str(_) => weigh(cx, value.weight()),
        other => {
            weigh(cx, other.weight())?;
            check_hashable_frozen(other)?;
            Ok(())
        }
    }
}

fn weigh(cx: &Cx<'_>, weight: u64) -> Result<(), YaqlError> {
    cx.spend(usize::try_from(weight / WEIGHT_A_STEP).unwrap_or(usize::MAX))
}
