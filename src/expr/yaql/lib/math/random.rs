//! Random numbers, drawn from the caller's source.

use num_bigint::BigInt;
use num_traits::{Signed as _, ToPrimitive as _};

use super::super::super::error::YaqlError;
use super::super::super::function::{Answer, Library};
use super::super::super::runtime::Cx;
use super::convert::{int, type_name};
use crate::expr::pynum;
use crate::expr::value::Value;

pub(super) fn register(to: &mut Library) {
    to.function("random", "", random);
    to.function("random", "from, to", random_between);
}

/// A float from 0 on below 1, with 53 random bits.
fn random(cx: &Cx<'_>) -> f64 {
    const STEP: f64 = 1.0 / (1u64 << 53) as f64;
    (cx.random() >> 11) as f64 * STEP
}

/// An integer between two others, both included.
fn random_between(cx: &Cx<'_>, from: Value, to: Value) -> Answer {
    check_end(&to)?;
    let start = bound(cx, &from, "non-integer arg 1 for randrange()")?;
    let stop = bound(cx, &to, "non-integer stop for randrange()")? + 1;
    let width: BigInt = &stop - &start;
    if !width.is_positive() {
        return Err(YaqlError::value_error(format!(
            "empty range for randrange() ({start}, {stop}, {width})"
        )));
    }
    Ok(Value::from(start + below(cx, &width)?))
}

/// One end of the range: an integer, or a float that is one.
fn bound(cx: &Cx<'_>, value: &Value, fraction: &str) -> Result<BigInt, YaqlError> {
    let known = match value {
        Value::Null => {
            return Err(YaqlError::type_error(
                "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'",
            ));
        }
        value => int(cx, value.clone())?,
    };
    match (value, known) {
        (Value::Float(number), _) if number.fract() != 0.0 => Err(YaqlError::value_error(fraction)),
        // A text is read, and then found to be unequal to its number.
        (Value::Str(_), _) => Err(YaqlError::value_error(fraction)),
        (_, Value::BigInt(number)) => Ok((*number).clone()),
        (_, number) => Ok(number.as_i64().unwrap_or(0).into()),
    }
}

/// Python adds one to the upper end first, which takes a number.
fn check_end(value: &Value) -> Result<(), YaqlError> {
    if pynum::Number::of(value).is_some() {
        return Ok(());
    }
    let class = type_name(value);
    Err(YaqlError::type_error(match value {
        Value::Str(_) | Value::List(_) | Value::Tuple(_) => {
            format!("can only concatenate {class} (not \"int\") to {class}")
        }
        _ => format!("unsupported operand type(s) for +: '{class}' and 'int'"),
    }))
}

/// An integer from 0 on below a limit, every one as likely as the others.
fn below(cx: &Cx<'_>, limit: &BigInt) -> Result<BigInt, YaqlError> {
    // Draws of as many bits as the limit has: each is below it with a chance of at least a half.
    let bits = limit.bits();
    if let Some(limit) = limit.to_u64() {
        loop {
            cx.tick()?;
            let drawn = cx.random() >> (64 - bits);
            if drawn < limit {
                return Ok(drawn.into());
            }
        }
    }
    let words = usize::try_from(bits.div_ceil(32)).unwrap_or(usize::MAX);
    cx.charge(words.saturating_mul(4))?;
    loop {
        cx.spend(words)?;
        let drawn: Vec<u32> = (0..words).map(|_| (cx.random() >> 32) as u32).collect();
        let drawn = BigInt::from_slice(num_bigint::Sign::Plus, &drawn) >> (words as u64 * 32 - bits);
        if drawn < *limit {
            return Ok(drawn);
        }
    }
}
