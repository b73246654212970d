//! The comparisons and sums that functions such as `orderBy` and `max` make of pairs of values: as the operators of
//! the language, without a call where the operands are plain.

use std::cmp::Ordering;

use crate::expr::value::{Value, order};
use crate::expr::yaql::YaqlError;
use crate::expr::yaql::function::Answer;
use crate::expr::yaql::runtime::Cx;

/// What `<` and `>` say of numbers, texts and null, as far as neither operand needs an overload of its own.
fn plain_order(a: &Value, b: &Value) -> Option<Ordering> {
    use Value::{BigInt, Float, Int, Null, Str};
    match (a, b) {
        (Int(a), Int(b)) => Some(a.cmp(b)),
        (Str(a), Str(b)) => Some(a.cmp(b)),
        (Float(a), Float(b)) => Some(a.partial_cmp(b).unwrap_or(Ordering::Equal)),
        // NaN is neither less nor greater.
        (Int(_) | BigInt(_) | Float(_), Int(_) | BigInt(_) | Float(_)) => {
            Some(order(a, b).unwrap_or(Ordering::Equal))
        }
        (Null, Null) => Some(Ordering::Equal),
        (Null, _) => Some(Ordering::Less),
        (_, Null) => Some(Ordering::Greater),
        _ => None,
    }
}

/// The operators, unless the expression defined its own.
#[derive(Debug, Clone, Copy)]
pub(in crate::expr::yaql::lib) struct Operators {
    native: bool,
}

impl Operators {
    /// The operators of this names as they are at this place of the expression.
    pub(in crate::expr::yaql::lib) fn new(cx: &Cx<'_>, names: &[&str]) -> Self {
        Self {
            native: !names.iter().any(|name| cx.is_overridden(name)),
        }
    }

    /// `a < b`, then `a > b`; neither is equal.
    pub(in crate::expr::yaql::lib) fn order(
        self,
        cx: &Cx<'_>,
        a: &Value,
        b: &Value,
    ) -> Result<Ordering, YaqlError> {
        if let Some(order) = plain_order(a, b).filter(|_| self.native) {
            return Ok(order);
        }
        if cx.call("#operator_<", [a.clone(), b.clone()])?.is_true() {
            return Ok(Ordering::Less);
        }
        let greater = cx.call("#operator_>", [a.clone(), b.clone()])?.is_true();
        Ok(if greater {
            Ordering::Greater
        } else {
            Ordering::Equal
        })
    }

    /// `a > b`.
    pub(in crate::expr::yaql::lib) fn is_greater(
        self,
        cx: &Cx<'_>,
        a: &Value,
        b: &Value,
    ) -> Result<bool, YaqlError> {
        match plain_order(a, b).filter(|_| self.native) {
            Some(order) => Ok(order == Ordering::Greater),
            None => Ok(cx.call("#operator_>", [a.clone(), b.clone()])?.is_true()),
        }
    }

    /// `a + b`.
    pub(in crate::expr::yaql::lib) fn add(self, cx: &Cx<'_>, a: Value, b: Value) -> Answer {
        if self.native {
            match (&a, &b) {
                (Value::Int(x), Value::Int(y)) => {
                    if let Some(sum) = x.checked_add(*y) {
                        return Ok(Value::Int(sum));
                    }
                }
                (Value::Float(x), Value::Float(y)) => return Ok(Value::Float(x + y)),
                _ => {}
            }
        }
        cx.call("#operator_+", [a, b])
    }
}
