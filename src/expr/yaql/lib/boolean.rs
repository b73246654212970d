//! Truth: `and`, `or`, `not`, `bool()`.

use super::super::Lambda;
use super::super::function::{Answer, Library};
use super::super::runtime::Cx;
use crate::expr::value::Value;

pub(super) fn register(to: &mut Library) {
    to.function("#operator_and", "left, right", and);
    to.function("#operator_or", "left, right", or);
    to.function("#unary_operator_not", "arg", not);
    to.function("bool", "value", bool_);
    to.function("isBoolean", "value", is_boolean);
}

fn and(cx: &Cx<'_>, left: Lambda, right: Lambda) -> Answer {
    let value = left.get(cx)?;
    if value.is_true() { right.get(cx) } else { Ok(value) }
}

fn or(cx: &Cx<'_>, left: Lambda, right: Lambda) -> Answer {
    let value = left.get(cx)?;
    if value.is_true() { Ok(value) } else { right.get(cx) }
}

fn not(_: &Cx<'_>, arg: Value) -> bool {
    !arg.is_true()
}

fn bool_(_: &Cx<'_>, value: Value) -> bool {
    value.is_true()
}

fn is_boolean(_: &Cx<'_>, value: Value) -> bool {
    matches!(value, Value::Bool(_))
}
