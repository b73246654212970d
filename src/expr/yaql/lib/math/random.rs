//! Random numbers, drawn from the caller's source.

use num_bigint::BigInt;
use num_traits::{Signed as _, ToPrimitive as _};

use super::super::super::error::YaqlError;
use super::super::super::function::{Answer, Library};
use super::super::super::runtime::Cx;
use super::convert::int;
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

fn bound(cx: &Cx<'_>, value: &Value, fraction: &str) -> Result<BigInt, YaqlError> {
    if let Value::Float(number) = value
        && number.is_finite()
        && number.fract() != 0.0
    {
        return Err(YaqlError::value_error(fraction));
    }
    match int(
        cx,
        if value.is_null() {
            Value::opaque(Nothing)
        } else {
            value.clone()
        },
    )? {
        Value::BigInt(number) => Ok((*number).clone()),
        other => Ok(other.as_i64().unwrap_or(0).into()),
    }
}

/// Null, which is no 0 here.
#[derive(Debug)]
struct Nothing;

impl crate::expr::value::Opaque for Nothing {
    fn class(&self) -> &str {
        "NoneType"
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
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
