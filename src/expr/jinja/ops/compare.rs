//! Equality, order and membership.

use super::{full_class, items_of, key, set_of};

use crate::expr::jinja::fault::{Run, limit, type_error};

use crate::expr::jinja::object::{
    DictView, Generator, MAX_WEIGHT, Range, ViewKind, class_of, defined, text_of, undefined,
};
use crate::expr::jinja::syntax::ast::CompareOp;
use crate::expr::pynum::Number;

use crate::expr::value::{Set, Value, equal, order};

use std::cmp::Ordering;
use std::sync::Arc;

/// `a == b`
pub(crate) fn equals(a: &Value, b: &Value) -> Run<bool> {
    if a.depth() > 0 && b.depth() > 0 && a.weight().min(b.weight()) > MAX_WEIGHT {
        return limit("the values are too large to be compared");
    }
    for side in [a, b] {
        if let Some(missing) = undefined(side).filter(|missing| missing.is_strict()) {
            return Err(missing.fault());
        }
    }
    Ok(equal(a, b))
}

pub(crate) fn compare(op: CompareOp, a: &Value, b: &Value) -> Run<bool> {
    match op {
        CompareOp::Eq => equals(a, b),
        CompareOp::Ne => equals(a, b).map(|same| !same),
        CompareOp::In => contains(b, a),
        CompareOp::NotIn => contains(b, a).map(|found| !found),
        CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => ordered(op, a, b),
    }
}

fn holds(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Gt => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn ordered(op: CompareOp, a: &Value, b: &Value) -> Run<bool> {
    if let (Value::Int(a), Value::Int(b)) = (a, b) {
        return Ok(holds(op, a.cmp(b)));
    }
    defined(a)?;
    defined(b)?;
    if let (Some(a), Some(b)) = (text_of(a), text_of(b)) {
        return Ok(holds(op, a.cmp(b)));
    }
    let same_kind = match (a, b) {
        (Value::List(_), Value::List(_)) => true,
        (Value::List(_), _) | (_, Value::List(_)) => false,
        _ => true,
    };
    if let (Some(left), Some(right), true) = (items_of(a), items_of(b), same_kind) {
        for (a, b) in left.iter().zip(right.iter()) {
            if !equals(a, b)? {
                return ordered(op, a, b);
            }
        }
        return Ok(holds(op, left.len().cmp(&right.len())));
    }
    if let (Some(left), Some(right)) = (set_of(a), set_of(b)) {
        let within = |a: &Set, b: &Set| a.iter().all(|item| b.contains(item));
        return Ok(match op {
            CompareOp::Lt => left.len() < right.len() && within(&left, &right),
            CompareOp::Le => within(&left, &right),
            CompareOp::Gt => right.len() < left.len() && within(&right, &left),
            _ => within(&right, &left),
        });
    }
    if let Some(order) = order(a, b) {
        return Ok(holds(op, order));
    }
    match (a, b) {
        _ if Number::of(a).is_some() && Number::of(b).is_some() => Ok(false),
        (Value::DateTime(_), Value::DateTime(_)) => {
            type_error("can't compare offset-naive and offset-aware datetimes")
        }
        _ => type_error(format!(
            "'{}' not supported between instances of '{}' and '{}'",
            op.symbol(),
            full_class(a),
            full_class(b)
        )),
    }
}

/// `a < b`, for sorting.
pub(crate) fn less(a: &Value, b: &Value) -> Run<bool> {
    ordered(CompareOp::Lt, a, b)
}

/// `item in container`
pub(crate) fn contains(container: &Value, item: &Value) -> Run<bool> {
    if let Some(text) = text_of(container) {
        return match text_of(item) {
            Some(part) => Ok(text.contains(&**part)),
            None => {
                defined(container)?;
                type_error(format!(
                    "'in <string>' requires string as left operand, not {}",
                    class_of(item)
                ))
            }
        };
    }
    if let Some(items) = items_of(container) {
        for known in items.iter() {
            if same_object(known, item) || equals(known, item)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    match container {
        Value::Dict(dict) => Ok(dict.contains_key(&key(item)?)),
        Value::Set(set) => Ok(set.contains(&key(item)?)),
        Value::Bytes(bytes) => match item {
            Value::Int(byte) => Ok(u8::try_from(*byte).is_ok_and(|byte| bytes.contains(&byte))),
            Value::Bytes(part) => {
                Ok(part.is_empty() || bytes.windows(part.len()).any(|window| *window == **part))
            }
            _ => type_error(format!(
                "a bytes-like object is required, not '{}'",
                class_of(item)
            )),
        },
        other => {
            if let Some(range) = other.downcast::<Range>() {
                defined(item)?;
                return Ok(match item {
                    Value::Float(float) if float.fract() == 0.0 => range.find(*float as i128).is_some(),
                    _ => item
                        .as_i64()
                        .is_some_and(|number| range.find(i128::from(number)).is_some()),
                });
            }
            if let Some(view) = other.downcast::<DictView>() {
                if view.kind == ViewKind::Keys {
                    return Ok(view.dict.contains_key(&key(item)?));
                }
                return Ok((0..view.dict.len())
                    .filter_map(|index| view.at(index))
                    .any(|known| equal(&known, item)));
            }
            if let Some(generator) = other.downcast::<Generator>() {
                while let Some(known) = generator.next()? {
                    if equals(&known, item)? {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
            if let Some(missing) = undefined(other) {
                return if missing.is_strict() {
                    Err(missing.fault())
                } else {
                    Ok(false)
                };
            }
            type_error(format!("argument of type '{}' is not iterable", class_of(other)))
        }
    }
}

/// `a is b`, as far as values that are no objects have an identity.
pub(crate) fn same_object(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        // Small integers are one object each.
        (Value::Int(a), Value::Int(b)) => a == b && (-5..=256).contains(a),
        (Value::Float(a), Value::Float(b)) => a.is_nan() && b.is_nan() && a.to_bits() == b.to_bits(),
        (Value::Str(a), Value::Str(b)) => Arc::ptr_eq(a, b) || (a == b && a.len() <= 20),
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => a.is_same(b),
        (Value::Dict(a), Value::Dict(b)) => a.is_same(b),
        (Value::Set(a), Value::Set(b)) => a.is_same(b),
        (Value::Opaque(a), Value::Opaque(b)) => {
            std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b))
                || a.as_any().is::<crate::expr::jinja::object::Global>()
                    && a.equals(&Value::Opaque(Arc::clone(b)))
        }
        _ => false,
    }
}
