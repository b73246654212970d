//! Python's `round`: half to even, in decimal.

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::{FromPrimitive as _, Signed as _, ToPrimitive as _};

use super::{Result, fail};
use crate::expr::kind::ErrorKind;
use crate::expr::value::Value;

/// Digits behind the point from which on a float stays as it is.
const MOST_DIGITS: i64 = 323;
/// Digits before the point from which on every float is zero.
const LEAST_DIGITS: i64 = -308;

/// `round(number, digits)` of a float.
pub(crate) fn round_float(float: f64, digits: i64) -> Result<f64> {
    if !float.is_finite() || float == 0.0 || digits > MOST_DIGITS {
        return Ok(float);
    }
    if digits < LEAST_DIGITS {
        return Ok(0f64.copysign(float));
    }
    if let Ok(digits) = usize::try_from(digits) {
        // Printing rounds the exact binary value, ties to even, as Python does.
        return Ok(format!("{float:.digits$}").parse().unwrap_or(float));
    }
    let unit = unit(digits);
    let whole = BigInt::from_f64(float.trunc()).unwrap_or_default();
    match nearest(&whole, &unit, float.fract() != 0.0).to_f64() {
        Some(result) if result.is_finite() => Ok(result.abs().copysign(float)),
        _ => fail(ErrorKind::Overflow, "rounded value too large to represent"),
    }
}

/// `round(number, digits)` of an integer.
pub(crate) fn round_int(number: &BigInt, digits: i64) -> Value {
    if digits >= 0 {
        return Value::from(number.clone());
    }
    // Ten bits are more than three digits.
    if digits.unsigned_abs() > number.bits() / 3 + 2 {
        return Value::Int(0);
    }
    Value::from(nearest(number, &unit(digits), false))
}

/// `10 ** -digits`
fn unit(digits: i64) -> BigInt {
    let zeros = usize::try_from(digits.unsigned_abs()).unwrap_or(0);
    num_traits::pow(BigInt::from(10), zeros)
}

/// The nearest multiple of `unit`, half to even; `more`: the number is a little farther from zero than it looks.
fn nearest(number: &BigInt, unit: &BigInt, more: bool) -> BigInt {
    let (quotient, rest) = number.abs().div_rem(unit);
    let twice: BigInt = rest * 2;
    let up = match twice.cmp(unit) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => more || quotient.is_odd(),
        std::cmp::Ordering::Less => false,
    };
    let magnitude = (quotient + i32::from(up)) * unit;
    if number.is_negative() {
        -magnitude
    } else {
        magnitude
    }
}
