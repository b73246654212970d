//! Equality, and comparisons with null; the comparisons of numbers, texts and times are with their own kinds.

pub(super) mod compare;
pub(super) mod cost;

use crate::expr::value::Value;
use crate::expr::yaql::YaqlError;
use crate::expr::yaql::function::Library;
use crate::expr::yaql::params::{NotNull, Null};
use crate::expr::yaql::runtime::Cx;

/// The comparisons, and what each says of `null op null`, `null op value` and `value op null`.
const WITH_NULL: [(&str, [bool; 3]); 4] = [
    ("#operator_<", [false, true, false]),
    ("#operator_<=", [true, true, false]),
    ("#operator_>", [false, false, true]),
    ("#operator_>=", [true, false, true]),
];

pub(super) fn register(to: &mut Library) {
    to.function("*equal", "left, right", equal);
    to.function("*not_equal", "left, right", not_equal);
    for (name, [both, left, right]) in WITH_NULL {
        to.function(name, "left, right", move |_: &Cx<'_>, _: Null, _: Null| both);
        to.function(name, "left, right", move |_: &Cx<'_>, _: Null, _: NotNull| left);
        to.function(name, "left, right", move |_: &Cx<'_>, _: NotNull, _: Null| right);
    }
}

fn equal(cx: &Cx<'_>, left: Value, right: Value) -> Result<bool, YaqlError> {
    cost::equal(cx, &left, &right)
}

fn not_equal(cx: &Cx<'_>, left: Value, right: Value) -> Result<bool, YaqlError> {
    cost::equal(cx, &left, &right).map(|equal| !equal)
}
