//! Python's arithmetic: integers of any size, floor division, powers.

use num_bigint::{BigInt, Sign};
use num_integer::Integer as _;
use num_traits::{Signed as _, ToPrimitive as _, Zero as _};

use super::error::ErrorKind;
use super::fault::{Run, fail, limit, value_error};
use super::syntax::ast::BinaryOp;
use crate::expr::value::Value;

/// Longest integer that a template may make, in bits.
const MAX_BITS: u64 = 1 << 20;
/// Longest integer that is printed or read, in digits: Python's own limit.
const MAX_DIGITS: usize = 4300;

/// A number as arithmetic takes it.
pub(crate) enum Number {
    Int(i64),
    Big(BigInt),
    Float(f64),
}

impl Number {
    /// The number that a value is; Booleans are numbers.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Int(number) => Self::Int(*number),
            Value::Float(number) => Self::Float(*number),
            Value::Bool(flag) => Self::Int(i64::from(*flag)),
            Value::BigInt(number) => Self::Big((**number).clone()),
            _ => return None,
        })
    }

    fn into_big(self) -> BigInt {
        match self {
            Self::Int(number) => number.into(),
            Self::Big(number) => number,
            Self::Float(_) => BigInt::zero(),
        }
    }

    fn float(&self) -> Run<f64> {
        match self {
            Self::Int(number) => Ok(*number as f64),
            Self::Float(number) => Ok(*number),
            Self::Big(number) => big_to_float(number),
        }
    }
}

pub(crate) fn big_to_float(number: &BigInt) -> Run<f64> {
    match number.to_f64() {
        Some(float) if float.is_finite() => Ok(float),
        _ => fail(ErrorKind::Overflow, "int too large to convert to float"),
    }
}

/// `a op b` of two numbers.
pub(crate) fn arithmetic(op: BinaryOp, a: Number, b: Number) -> Run<Value> {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => small(op, a, b),
        (a @ (Number::Int(_) | Number::Big(_)), b @ (Number::Int(_) | Number::Big(_))) => {
            big(op, &a.into_big(), &b.into_big())
        }
        (a, b) => floats(op, a.float()?, b.float()?).map(Value::Float),
    }
}

fn small(op: BinaryOp, a: i64, b: i64) -> Run<Value> {
    let found = match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Sub => a.checked_sub(b),
        BinaryOp::Mul => a.checked_mul(b),
        BinaryOp::Div => {
            if b == 0 {
                return by_zero("division by zero");
            }
            const EXACT: u64 = 1 << 53;
            if a.unsigned_abs() <= EXACT && b.unsigned_abs() <= EXACT {
                return Ok(Value::Float(a as f64 / b as f64));
            }
            None
        }
        BinaryOp::FloorDiv if b != 0 => a.checked_div_euclid(b).map(|_| Value::Null).and_then(|_| {
            let (quotient, rest) = (a.checked_div(b)?, a.checked_rem(b)?);
            Some(quotient - i64::from(rest != 0 && (rest < 0) != (b < 0)))
        }),
        BinaryOp::Mod if b != 0 => a.checked_rem(b).map(|rest| {
            if rest != 0 && (rest < 0) != (b < 0) {
                rest + b
            } else {
                rest
            }
        }),
        BinaryOp::Pow => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        _ => None,
    };
    match found {
        Some(number) => Ok(Value::Int(number)),
        None => big(op, &a.into(), &b.into()),
    }
}

fn by_zero<T>(message: &str) -> Run<T> {
    fail(ErrorKind::ZeroDivision, message)
}

fn big(op: BinaryOp, a: &BigInt, b: &BigInt) -> Run<Value> {
    Ok(Value::from(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul if a.bits() + b.bits() > MAX_BITS => return too_long(),
        BinaryOp::Mul => a * b,
        BinaryOp::Div => return true_division(a, b).map(Value::Float),
        BinaryOp::FloorDiv | BinaryOp::Mod if b.is_zero() => {
            return by_zero(if op == BinaryOp::Mod {
                "integer modulo by zero"
            } else {
                "integer division or modulo by zero"
            });
        }
        BinaryOp::FloorDiv => a.div_floor(b),
        BinaryOp::Mod => a.mod_floor(b),
        BinaryOp::Pow => return power(a, b),
    }))
}

fn too_long<T>() -> Run<T> {
    limit(format!("an integer is longer than {MAX_BITS} bits"))
}

fn power(a: &BigInt, b: &BigInt) -> Run<Value> {
    if b.is_negative() {
        if a.is_zero() {
            return by_zero("0.0 cannot be raised to a negative power");
        }
        return float_power(big_to_float(a)?, big_to_float(b)?).map(Value::Float);
    }
    if a.bits() <= 1 {
        // 0, 1 and -1 stay small whatever the exponent.
        let odd = b.is_odd();
        return Ok(match a.sign() {
            Sign::NoSign => Value::Int(i64::from(b.is_zero())),
            Sign::Plus => Value::Int(1),
            Sign::Minus => Value::Int(if odd { -1 } else { 1 }),
        });
    }
    match u32::try_from(b)
        .ok()
        .filter(|b| a.bits().saturating_mul(u64::from(*b)) <= MAX_BITS)
    {
        Some(exponent) => Ok(Value::from(a.pow(exponent))),
        None => too_long(),
    }
}

/// `a / b`, rounded once.
fn true_division(a: &BigInt, b: &BigInt) -> Run<f64> {
    if b.is_zero() {
        return by_zero("division by zero");
    }
    // Enough bits of the quotient that the rest only decides a tie.
    let shift = 66 + i64::try_from(b.bits()).unwrap_or(i64::MAX) - i64::try_from(a.bits()).unwrap_or(0);
    let (top, bottom) = if shift >= 0 {
        (a.abs() << shift, b.abs())
    } else {
        (a.abs(), b.abs() << -shift)
    };
    let (mut quotient, rest) = top.div_rem(&bottom);
    if !rest.is_zero() {
        quotient |= BigInt::from(1);
    }
    let mut float = quotient.to_f64().unwrap_or(f64::INFINITY);
    let mut left = -shift;
    // In steps, because a power of two of the whole may not exist as a float.
    while left != 0 && float != 0.0 && float.is_finite() {
        let step = left.clamp(-500, 500);
        float *= 2f64.powi(i32::try_from(step).unwrap_or(0));
        left -= step;
    }
    if float.is_infinite() {
        return fail(
            ErrorKind::Overflow,
            "integer division result too large for a float",
        );
    }
    Ok(if a.is_negative() == b.is_negative() {
        float
    } else {
        -float
    })
}

fn floats(op: BinaryOp, a: f64, b: f64) -> Run<f64> {
    Ok(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div if b == 0.0 => return by_zero("float division by zero"),
        BinaryOp::Div => a / b,
        BinaryOp::FloorDiv if b == 0.0 => return by_zero("float floor division by zero"),
        BinaryOp::FloorDiv => divmod(a, b).0,
        BinaryOp::Mod if b == 0.0 => return by_zero("float modulo"),
        BinaryOp::Mod => divmod(a, b).1,
        BinaryOp::Pow => return float_power(a, b),
    })
}

fn float_power(a: f64, b: f64) -> Run<f64> {
    if a == 0.0 && b < 0.0 {
        return by_zero("0.0 cannot be raised to a negative power");
    }
    if a < 0.0 && a.is_finite() && b.is_finite() && b.fract() != 0.0 {
        return fail(
            ErrorKind::Type,
            "the result is a complex number, which templates cannot use",
        );
    }
    let result = a.powf(b);
    if result.is_infinite() && a.is_finite() && b.is_finite() {
        return fail(ErrorKind::Overflow, "(34, 'Numerical result out of range')");
    }
    Ok(result)
}

/// Python's floor division and remainder of floats.
fn divmod(a: f64, b: f64) -> (f64, f64) {
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest == 0.0 {
        rest = 0f64.copysign(b);
    } else if (b < 0.0) != (rest < 0.0) {
        rest += b;
        quotient -= 1.0;
    }
    let whole = if quotient == 0.0 {
        0f64.copysign(a / b)
    } else {
        let floor = quotient.floor();
        if quotient - floor > 0.5 {
            floor + 1.0
        } else {
            floor
        }
    };
    (whole, rest)
}

/// `int(float)`
pub(crate) fn float_to_int(float: f64) -> Run<Value> {
    if float.is_nan() {
        return value_error("cannot convert float NaN to integer");
    }
    if float.is_infinite() {
        return fail(ErrorKind::Overflow, "cannot convert float infinity to integer");
    }
    if float.abs() < 9e18 {
        return Ok(Value::Int(float as i64));
    }
    Ok(num_traits::FromPrimitive::from_f64(float).map_or(Value::Int(0), |big: BigInt| Value::from(big)))
}

/// `str(int)`, which Python refuses for very long ones.
pub(crate) fn check_printable(number: &BigInt) -> Run<()> {
    // 4300 digits are 14285 bits at most.
    if number.bits() > 14_280 && number.abs() >= num_traits::pow(BigInt::from(10), MAX_DIGITS) {
        return value_error(format!(
            "Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit"
        ));
    }
    Ok(())
}

/// `int(text, base)`; `None` when the text is no number.
pub(crate) fn parse_int(text: &str, base: u32) -> Run<Option<Value>> {
    let text = text.trim_matches(super::text::is_space);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let plain: String = digits
        .chars()
        .map(|c| match super::text::decimal_digit(c) {
            Some(digit) => char::from_digit(digit, 10).unwrap_or(c),
            None => c.to_ascii_lowercase(),
        })
        .collect();
    let prefixed = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| plain.strip_prefix(prefix).map(|rest| (rest, radix)))
        .filter(|(_, radix)| base == 0 || base == *radix);
    let (digits, base) = match prefixed {
        Some((rest, radix)) => (rest.strip_prefix('_').unwrap_or(rest), radix),
        None if base == 0 => {
            // `010` is ambiguous without a base.
            if plain.starts_with('0') && !plain.trim_start_matches(['0', '_']).is_empty() {
                return Ok(None);
            }
            (plain.as_str(), 10)
        }
        None => (plain.as_str(), base),
    };
    let wrong = digits.is_empty()
        || digits.starts_with('_')
        || digits.ends_with('_')
        || digits.contains("__")
        || !digits.chars().all(|c| c == '_' || c.is_digit(base));
    if wrong {
        return Ok(None);
    }
    let digits = digits.replace('_', "");
    if digits.len() > MAX_DIGITS && !base.is_power_of_two() {
        return value_error(format!(
            "Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion: value has {} digits; use sys.set_int_max_str_digits() to increase the limit",
            digits.len()
        ));
    }
    if digits.len() as u64 > MAX_BITS / 8 {
        return too_long();
    }
    let number = BigInt::parse_bytes(digits.as_bytes(), base).unwrap_or_default();
    Ok(Some(Value::from(if negative { -number } else { number })))
}

/// `round(number, digits)` of a float, half to even in decimal.
pub(crate) fn round_float(float: f64, digits: i32) -> Run<f64> {
    if !float.is_finite() || float == 0.0 || digits > 323 {
        return Ok(float);
    }
    if digits >= 0 {
        // Printing rounds the exact binary value, ties to even, as Python does.
        let text = format!("{float:.*}", digits as usize);
        return Ok(text.parse().unwrap_or(float));
    }
    if digits < -308 {
        return Ok(0f64.copysign(float));
    }
    let Ok(Value::Int(_) | Value::BigInt(_)) = float_to_int(float.trunc()) else {
        return Ok(float);
    };
    let unit = num_traits::pow(BigInt::from(10), digits.unsigned_abs() as usize);
    let whole: BigInt = num_traits::FromPrimitive::from_f64(float.trunc()).unwrap_or_default();
    let rounded = round_big(&whole, &unit, float.fract() != 0.0);
    match rounded.to_f64() {
        Some(result) if result.is_finite() => Ok(if result == 0.0 {
            0f64.copysign(float)
        } else {
            result
        }),
        _ => fail(ErrorKind::Overflow, "rounded value too large to represent"),
    }
}

/// The nearest multiple of `unit`, half to even; `more`: the number is a little farther from zero than it looks.
pub(crate) fn round_big(number: &BigInt, unit: &BigInt, more: bool) -> BigInt {
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
