//! Numbers: arithmetic, comparison and conversion.

use std::cmp::Ordering;

use super::super::error::YaqlError;
use super::super::function::{Answer, Library};
use super::super::params::{Int, Number};
use super::super::runtime::Cx;
use crate::expr::ErrorKind;
use crate::expr::pynum::{self, NumError, Op};
use crate::expr::value::{Opaque, Value, order};

mod bits;
mod convert;
mod random;

pub(super) use convert::type_name;

pub(super) fn register(to: &mut Library) {
    to.function(
        "#operator_+",
        "left, right",
        |cx: &Cx<'_>, a: Number, b: Number| binary(cx, Op::Add, &a, &b),
    );
    to.function(
        "#operator_-",
        "left, right",
        |cx: &Cx<'_>, a: Number, b: Number| binary(cx, Op::Sub, &a, &b),
    );
    to.function(
        "#operator_*",
        "left, right",
        |cx: &Cx<'_>, a: Number, b: Number| binary(cx, Op::Mul, &a, &b),
    );
    to.function("#operator_/", "left, right", divide);
    to.function(
        "#operator_mod",
        "left, right",
        |cx: &Cx<'_>, a: Number, b: Number| binary(cx, Op::Mod, &a, &b),
    );
    to.function("#unary_operator_+", "op", |_: &Cx<'_>, op: Number| op.0);
    to.function("#unary_operator_-", "op", negate);
    to.function(
        "#operator_>",
        "left, right",
        |_: &Cx<'_>, a: Number, b: Number| order(&a.0, &b.0).is_some_and(Ordering::is_gt),
    );
    to.function(
        "#operator_>=",
        "left, right",
        |_: &Cx<'_>, a: Number, b: Number| order(&a.0, &b.0).is_some_and(Ordering::is_ge),
    );
    to.function(
        "#operator_<",
        "left, right",
        |_: &Cx<'_>, a: Number, b: Number| order(&a.0, &b.0).is_some_and(Ordering::is_lt),
    );
    to.function(
        "#operator_<=",
        "left, right",
        |_: &Cx<'_>, a: Number, b: Number| order(&a.0, &b.0).is_some_and(Ordering::is_le),
    );
    to.function("abs", "op", abs);
    to.function("sign", "num", sign);
    to.function("max", "a, b", max);
    to.function("min", "a, b", min);
    to.function("pow", "a, b, c=null", pow);
    to.function("round", "number, ndigits=0", round);
    to.function("isInteger", "value", |_: &Cx<'_>, value: Value| {
        matches!(value, Value::Int(_) | Value::BigInt(_))
    });
    to.function("isNumber", "value", |_: &Cx<'_>, value: Value| {
        matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Float(_))
    });
    convert::register(to);
    bits::register(to);
    random::register(to);
}

impl From<NumError> for YaqlError {
    fn from(error: NumError) -> Self {
        match error.kind {
            ErrorKind::Value => Self::value_error(error.message),
            ErrorKind::Overflow => Self::overflow(error.message),
            ErrorKind::ZeroDivision => Self::zero_division(error.message),
            ErrorKind::Limit => Self::limit(error.message),
            _ => Self::type_error(error.message),
        }
    }
}

/// A number that the parameter let through.
fn operand(number: &Number) -> Result<pynum::Number, YaqlError> {
    pynum::Number::of(&number.0).ok_or_else(|| YaqlError::type_error("a value that is no number was passed"))
}

/// Pays for an operation on long integers, by their lengths in bits; about a step for 50 ns.
fn pay(cx: &Cx<'_>, op: Op, a: u64, b: u64) -> Result<(), YaqlError> {
    let (a, b) = (a / 64, b / 64);
    if a.max(b) < 8 {
        return Ok(());
    }
    let work = match op {
        Op::Add | Op::Sub => a.max(b),
        Op::Mul => a.max(b) * (a.min(b).isqrt() + 1) / 4,
        Op::Div | Op::FloorDiv | Op::Mod => (a.saturating_sub(b) + 1) * (b + 1) / 32,
        Op::Pow => a * (b + 1),
    };
    cx.charge(usize::try_from(a + b).unwrap_or(usize::MAX).saturating_mul(8))?;
    cx.spend(usize::try_from(work).unwrap_or(usize::MAX))
}

fn binary(cx: &Cx<'_>, op: Op, a: &Number, b: &Number) -> Answer {
    if let (Value::Int(a), Value::Int(b)) = (&a.0, &b.0) {
        let found = match op {
            Op::Add => a.checked_add(*b),
            Op::Sub => a.checked_sub(*b),
            Op::Mul => a.checked_mul(*b),
            _ => None,
        };
        if let Some(found) = found {
            return Ok(Value::Int(found));
        }
    }
    let (a, b) = (operand(a)?, operand(b)?);
    pay(cx, op, a.bits(), b.bits())?;
    Ok(pynum::arithmetic(op, &a, &b)?)
}

/// Integers are divided downwards, anything else as floats.
fn divide(cx: &Cx<'_>, left: Number, right: Number) -> Answer {
    let is_float = |number: &Number| matches!(number.0, Value::Float(_));
    let op = if is_float(&left) || is_float(&right) {
        Op::Div
    } else {
        Op::FloorDiv
    };
    binary(cx, op, &left, &right)
}

fn negate(cx: &Cx<'_>, op: Number) -> Answer {
    match op.0 {
        Value::Float(number) => Ok(Value::Float(-number)),
        number => binary(cx, Op::Sub, &Number(Value::Int(0)), &Number(number)),
    }
}

fn abs(cx: &Cx<'_>, op: Number) -> Answer {
    match op.0 {
        Value::Float(number) => Ok(Value::Float(number.abs())),
        number if order(&number, &Value::Int(0)).is_some_and(Ordering::is_lt) => negate(cx, Number(number)),
        number => Ok(number),
    }
}

/// 1, 0 or -1; of NaN 0.
fn sign(_: &Cx<'_>, num: Number) -> i64 {
    order(&num.0, &Value::Int(0)).map_or(0, |order| order as i64)
}

/// The greater of two by whatever `>` means for them.
fn max(cx: &Cx<'_>, a: Value, b: Value) -> Answer {
    let greater = cx.call("#operator_>", [b.clone(), a.clone()])?;
    Ok(if greater.is_true() { b } else { a })
}

/// The smaller of two by whatever `>` means for them.
fn min(cx: &Cx<'_>, a: Value, b: Value) -> Answer {
    let greater = cx.call("#operator_>", [b.clone(), a.clone()])?;
    Ok(if greater.is_true() { a } else { b })
}

fn pow(cx: &Cx<'_>, a: Number, b: Number, c: Option<Number>) -> Answer {
    let (a, b) = (operand(&a)?, operand(&b)?);
    let Some(c) = c else {
        let exponent = b.to_big().map_or(0, |b| u64::try_from(b).unwrap_or(u64::MAX));
        let bits = a.bits().saturating_mul(exponent);
        if bits <= pynum::MAX_BITS {
            pay(cx, Op::Mul, bits, bits)?;
        }
        return match pynum::arithmetic(Op::Pow, &a, &b) {
            Err(error) if error.kind == ErrorKind::Other => {
                Ok(Value::opaque(Complex::power(a.to_float()?, b.to_float()?)))
            }
            result => Ok(result?),
        };
    };
    let c = operand(&c)?;
    let (Some(a), Some(b), Some(c)) = (a.to_big(), b.to_big(), c.to_big()) else {
        return Err(YaqlError::type_error(
            "pow() 3rd argument not allowed unless all arguments are integers",
        ));
    };
    let words = c.bits() / 64 + 1;
    let turn = words.saturating_mul(words) / 16 + a.bits() / 64 + 1;
    cx.spend(usize::try_from(turn.saturating_mul(b.bits() + 1)).unwrap_or(usize::MAX))?;
    Ok(pynum::power_modulo(&a, &b, &c)?)
}

fn round(cx: &Cx<'_>, number: Number, ndigits: Int) -> Answer {
    let digits = ndigits.clamped();
    match operand(&number)? {
        pynum::Number::Float(number) => Ok(Value::Float(pynum::round_float(number, digits)?)),
        whole => {
            if digits < 0 {
                pay(cx, Op::Mod, whole.bits(), whole.bits() / 2)?;
            }
            Ok(whole
                .to_big()
                .map_or(number.0, |whole| pynum::round_int(&whole, digits)))
        }
    }
}

/// What a power of a negative number may be. Nothing can be done with it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Complex {
    real: f64,
    imaginary: f64,
}

impl Complex {
    /// `a ** b` of a negative `a`.
    fn power(a: f64, b: f64) -> Self {
        let (length, angle) = (a.abs().powf(b), std::f64::consts::PI * b);
        Self {
            real: length * angle.cos(),
            imaginary: length * angle.sin(),
        }
    }
}

impl Opaque for Complex {
    fn class(&self) -> &str {
        "complex"
    }

    fn repr(&self) -> String {
        format!("({:?}{:+?}j)", self.real, self.imaginary)
    }

    fn equals(&self, other: &Value) -> bool {
        other.downcast::<Self>() == Some(self)
    }

    fn hash_code(&self) -> u64 {
        self.real.to_bits() ^ self.imaginary.to_bits().rotate_left(1)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
