//! Integers as rows of bits.

use num_bigint::BigInt;

use super::super::super::function::{Answer, Library};
use super::super::super::params::Int;
use super::super::super::runtime::Cx;
use crate::expr::pynum;
use crate::expr::value::Value;

pub(super) fn register(to: &mut Library) {
    to.function("bitwiseAnd", "left, right", |cx: &Cx<'_>, a: Int, b: Int| {
        combine(cx, &a, &b, |a, b| a & b, |a, b| a & b)
    });
    to.function("bitwiseOr", "left, right", |cx: &Cx<'_>, a: Int, b: Int| {
        combine(cx, &a, &b, |a, b| a | b, |a, b| a | b)
    });
    to.function("bitwiseXor", "left, right", |cx: &Cx<'_>, a: Int, b: Int| {
        combine(cx, &a, &b, |a, b| a ^ b, |a, b| a ^ b)
    });
    to.function("bitwiseNot", "arg", |cx: &Cx<'_>, arg: Int| {
        combine(cx, &arg, &Int::Small(-1), |a, b| a ^ b, |a, b| a ^ b)
    });
    to.function("shiftBitsLeft", "value, bitsNumber", shift_left);
    to.function("shiftBitsRight", "value, bitsNumber", shift_right);
}

fn combine(
    cx: &Cx<'_>,
    a: &Int,
    b: &Int,
    small: fn(i64, i64) -> i64,
    big: fn(BigInt, BigInt) -> BigInt,
) -> Answer {
    if let (Some(a), Some(b)) = (a.to_i64(), b.to_i64()) {
        return Ok(Value::Int(small(a, b)));
    }
    let (a, b) = (a.to_big(), b.to_big());
    charge(cx, a.bits().max(b.bits()))?;
    Ok(Value::from(big(a, b)))
}

fn shift_left(cx: &Cx<'_>, value: Int, bits_number: Int) -> Answer {
    let (value, bits) = (value.to_big(), bits_number.to_big());
    let length = value.bits().saturating_add(u64::try_from(&bits).unwrap_or(0));
    if length <= pynum::MAX_BITS {
        charge(cx, length)?;
    }
    Ok(pynum::shift_left(&value, &bits)?)
}

fn shift_right(cx: &Cx<'_>, value: Int, bits_number: Int) -> Answer {
    let value = value.to_big();
    charge(cx, value.bits())?;
    Ok(pynum::shift_right(&value, &bits_number.to_big())?)
}

/// Pays for an integer of a length in bits.
fn charge(cx: &Cx<'_>, bits: u64) -> Result<(), super::YaqlError> {
    let bytes = usize::try_from(bits / 8).unwrap_or(usize::MAX);
    cx.charge(bytes)?;
    cx.spend(bytes / 64)
}
