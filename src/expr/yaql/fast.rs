//! Shortcuts for operators on the commonest values. Everything else goes through the overloads of the library, which
//! mean the same for these values too.

use std::cmp::Ordering;

use super::ast::BinaryOp;
use crate::expr::value::Value;

/// Whether an operator has shortcuts.
pub(super) fn has(op: BinaryOp) -> bool {
    use BinaryOp::{Add, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Multiply, NotEqual, Subtract};
    matches!(
        op,
        Add | Equal | Greater | GreaterOrEqual | Less | LessOrEqual | Multiply | NotEqual | Subtract
    )
}

/// The result of an operator on two integers, floats or texts, where it needs no thought.
pub(super) fn binary(op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
    let order = |order: Ordering| compare(op, order);
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => match op {
            BinaryOp::Add => left.checked_add(*right).map(Value::Int),
            BinaryOp::Subtract => left.checked_sub(*right).map(Value::Int),
            BinaryOp::Multiply => left.checked_mul(*right).map(Value::Int),
            _ => order(left.cmp(right)),
        },
        (Value::Float(left), Value::Float(right)) => match op {
            BinaryOp::Add => Some(Value::Float(left + right)),
            BinaryOp::Subtract => Some(Value::Float(left - right)),
            BinaryOp::Multiply => Some(Value::Float(left * right)),
            _ => left.partial_cmp(right).and_then(order),
        },
        (Value::Str(left), Value::Str(right)) => order(left.cmp(right)),
        _ => None,
    }
}

fn compare(op: BinaryOp, order: Ordering) -> Option<Value> {
    Some(Value::Bool(match op {
        BinaryOp::Equal => order.is_eq(),
        BinaryOp::NotEqual => order.is_ne(),
        BinaryOp::Greater => order.is_gt(),
        BinaryOp::GreaterOrEqual => order.is_ge(),
        BinaryOp::Less => order.is_lt(),
        BinaryOp::LessOrEqual => order.is_le(),
        _ => return None,
    }))
}

/// The item of a list or dictionary, where it exists.
pub(super) fn index(target: &Value, key: &Value) -> Option<Value> {
    match (target, key) {
        (Value::Dict(dict), Value::Str(key)) => dict.get_str(key).cloned(),
        (Value::List(items) | Value::Tuple(items), Value::Int(index)) => {
            items.get(usize::try_from(*index).ok()?).cloned()
        }
        _ => None,
    }
}
