//! Python's numbers: integers of any size, floor division, powers, conversion and rounding.

use num_bigint::{BigInt, Sign};
use num_integer::Integer as _;
use num_traits::{FromPrimitive as _, Signed as _, ToPrimitive as _, Zero as _};

use super::kind::ErrorKind;
use super::value::Value;

mod parse;
mod round;

#[cfg(test)]
mod tests;

pub(crate) use parse::{parse_float, parse_int};
pub(crate) use round::{round_float, round_int};

/// Longest integer that is made, in bits.
pub(crate) const MAX_BITS: u64 = 1 << 20;
/// Longest integer that is printed or read, in digits: Python's own limit.
const MAX_DIGITS: usize = 4300;

/// Why Python gives no number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NumError {
    /// The kind of exception.
    pub(crate) kind: ErrorKind,
    /// Its text.
    pub(crate) message: String,
}

pub(crate) type Result<T> = std::result::Result<T, NumError>;

fn fail<T>(kind: ErrorKind, message: impl Into<String>) -> Result<T> {
    Err(NumError {
        kind,
        message: message.into(),
    })
}

fn too_long<T>() -> Result<T> {
    fail(
        ErrorKind::Limit,
        format!("An integer is longer than {MAX_BITS} bits"),
    )
}

/// An operator of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`, a float always
    Div,
    /// `//`
    FloorDiv,
    /// `%`
    Mod,
    /// `**`
    Pow,
}

impl Op {
    /// The operator as it is written.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::FloorDiv => "//",
            Self::Mod => "%",
            Self::Pow => "**",
        }
    }
}

/// A number as arithmetic takes it.
#[derive(Debug, Clone)]
pub(crate) enum Number {
    /// Within 64 bits.
    Int(i64),
    /// Of any size.
    Big(BigInt),
    /// A float.
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

    /// The integer, if it is one.
    pub(crate) fn to_big(&self) -> Option<BigInt> {
        match self {
            Self::Int(number) => Some((*number).into()),
            Self::Big(number) => Some(number.clone()),
            Self::Float(_) => None,
        }
    }

    /// `float(number)`
    pub(crate) fn to_float(&self) -> Result<f64> {
        match self {
            Self::Int(number) => Ok(*number as f64),
            Self::Float(number) => Ok(*number),
            Self::Big(number) => match number.to_f64() {
                Some(float) if float.is_finite() => Ok(float),
                _ => fail(ErrorKind::Overflow, "int too large to convert to float"),
            },
        }
    }

    /// Length in bits of an integer, 0 for floats.
    pub(crate) fn bits(&self) -> u64 {
        match self {
            Self::Int(number) => u64::from(64 - number.unsigned_abs().leading_zeros()),
            Self::Big(number) => number.bits(),
            Self::Float(_) => 0,
        }
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::Int(number) => Self::Int(number),
            Number::Big(number) => Self::from(number),
            Number::Float(number) => Self::Float(number),
        }
    }
}

/// `a op b` of two numbers.
pub(crate) fn arithmetic(op: Op, a: &Number, b: &Number) -> Result<Value> {
    if let (Number::Int(a), Number::Int(b)) = (a, b)
        && let Some(found) = small(op, *a, *b)
    {
        return Ok(found);
    }
    match (a.to_big(), b.to_big()) {
        (Some(a), Some(b)) => big(op, &a, &b),
        _ => floats(op, a.to_float()?, b.to_float()?).map(Value::Float),
    }
}

/// The answer where 64 bits hold everything.
fn small(op: Op, a: i64, b: i64) -> Option<Value> {
    let found = match op {
        Op::Add => a.checked_add(b),
        Op::Sub => a.checked_sub(b),
        Op::Mul => a.checked_mul(b),
        Op::Div => {
            const EXACT: u64 = 1 << 53;
            let exact = b != 0 && a.unsigned_abs() <= EXACT && b.unsigned_abs() <= EXACT;
            return exact.then(|| Value::Float(a as f64 / b as f64));
        }
        // Towards negative infinity; a remainder has the sign of the divisor.
        Op::FloorDiv => a
            .checked_div(b)
            .zip(a.checked_rem(b))
            .map(|(quotient, rest)| quotient - i64::from(rest != 0 && (rest < 0) != (b < 0))),
        Op::Mod => {
            let rest = a.checked_rem(b)?;
            Some(if rest != 0 && (rest < 0) != (b < 0) {
                rest + b
            } else {
                rest
            })
        }
        Op::Pow => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
    };
    found.map(Value::Int)
}

fn by_zero<T>(message: &str) -> Result<T> {
    fail(ErrorKind::ZeroDivision, message)
}

fn big(op: Op, a: &BigInt, b: &BigInt) -> Result<Value> {
    Ok(Value::from(match op {
        Op::Add | Op::Sub if a.bits().max(b.bits()) >= MAX_BITS => return too_long(),
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::Mul if a.bits() + b.bits() > MAX_BITS => return too_long(),
        Op::Mul => a * b,
        Op::Div => return true_division(a, b).map(Value::Float),
        Op::FloorDiv if b.is_zero() => return by_zero("integer division or modulo by zero"),
        Op::Mod if b.is_zero() => return by_zero("integer modulo by zero"),
        Op::FloorDiv => a.div_floor(b),
        Op::Mod => a.mod_floor(b),
        Op::Pow => return power(a, b),
    }))
}

fn power(a: &BigInt, b: &BigInt) -> Result<Value> {
    if b.is_negative() {
        let (a, b) = (
            Number::Big(a.clone()).to_float()?,
            Number::Big(b.clone()).to_float()?,
        );
        return float_power(a, b).map(Value::Float);
    }
    if a.bits() <= 1 {
        // 0, 1 and -1 stay small whatever the exponent.
        return Ok(Value::Int(match a.sign() {
            Sign::NoSign => i64::from(b.is_zero()),
            Sign::Minus if b.is_odd() => -1,
            _ => 1,
        }));
    }
    let exponent = u32::try_from(b)
        .ok()
        .filter(|b| a.bits().saturating_mul(u64::from(*b)) <= MAX_BITS);
    match exponent {
        Some(exponent) => Ok(Value::from(a.pow(exponent))),
        None => too_long(),
    }
}

/// `a ** b % c` of integers. The work grows with the square of the length of `c` times the length of `b`.
pub(crate) fn power_modulo(a: &BigInt, b: &BigInt, c: &BigInt) -> Result<Value> {
    if c.is_zero() {
        return fail(ErrorKind::Value, "pow() 3rd argument cannot be 0");
    }
    let modulus = c.abs();
    let (base, exponent) = if b.is_negative() {
        let found = a.mod_floor(&modulus).extended_gcd(&modulus);
        if !found.gcd.is_one_or_modulus(&modulus) {
            return fail(ErrorKind::Value, "base is not invertible for the given modulus");
        }
        (found.x.mod_floor(&modulus), b.abs())
    } else {
        (a.mod_floor(&modulus), b.clone())
    };
    Ok(Value::from(base.modpow(&exponent, &modulus).mod_floor(c)))
}

trait Unit {
    /// Whether this is 1, which is also what every number is modulo 1.
    fn is_one_or_modulus(&self, modulus: &BigInt) -> bool;
}

impl Unit for BigInt {
    fn is_one_or_modulus(&self, modulus: &BigInt) -> bool {
        let one = BigInt::from(1);
        *self == one || *modulus == one
    }
}

/// `a / b` of integers, rounded once.
pub(crate) fn true_division(a: &BigInt, b: &BigInt) -> Result<f64> {
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

fn floats(op: Op, a: f64, b: f64) -> Result<f64> {
    Ok(match op {
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::Mul => a * b,
        Op::Div if b == 0.0 => return by_zero("float division by zero"),
        Op::Div => a / b,
        Op::FloorDiv if b == 0.0 => return by_zero("float floor division by zero"),
        Op::FloorDiv => divmod(a, b).0,
        Op::Mod if b == 0.0 => return by_zero("float modulo"),
        Op::Mod => divmod(a, b).1,
        Op::Pow => return float_power(a, b),
    })
}

/// `a ** b` of floats; a kind of `Other` says that the result is complex.
fn float_power(a: f64, b: f64) -> Result<f64> {
    if a == 0.0 && b < 0.0 {
        return by_zero("0.0 cannot be raised to a negative power");
    }
    if a < 0.0 && a.is_finite() && b.is_finite() && b.fract() != 0.0 {
        return fail(ErrorKind::Other, "the result is a complex number");
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
pub(crate) fn float_to_int(float: f64) -> Result<Value> {
    if float.is_nan() {
        return fail(ErrorKind::Value, "cannot convert float NaN to integer");
    }
    if float.is_infinite() {
        return fail(ErrorKind::Overflow, "cannot convert float infinity to integer");
    }
    if float.abs() < 9e18 {
        return Ok(Value::Int(float as i64));
    }
    Ok(BigInt::from_f64(float).map_or(Value::Int(0), Value::from))
}

/// `value << bits`; a negative number of bits is an error.
pub(crate) fn shift_left(value: &BigInt, bits: &BigInt) -> Result<Value> {
    if bits.is_negative() {
        return fail(ErrorKind::Value, "negative shift count");
    }
    if value.is_zero() {
        return Ok(Value::Int(0));
    }
    match bits
        .to_u64()
        .filter(|bits| bits.saturating_add(value.bits()) <= MAX_BITS)
    {
        Some(bits) => Ok(Value::from(value << bits)),
        None => too_long(),
    }
}

/// `value >> bits`; a negative number of bits is an error.
pub(crate) fn shift_right(value: &BigInt, bits: &BigInt) -> Result<Value> {
    if bits.is_negative() {
        return fail(ErrorKind::Value, "negative shift count");
    }
    match bits.to_u64().filter(|bits| *bits <= value.bits()) {
        Some(bits) => Ok(Value::from(value >> bits)),
        None => Ok(Value::Int(if value.is_negative() { -1 } else { 0 })),
    }
}

/// Refuses an integer that Python does not print because it is too long.
pub(crate) fn check_printable(number: &BigInt) -> Result<()> {
    // 4300 digits are 14285 bits at most.
    if number.bits() > 14_280 && number.abs() >= num_traits::pow(BigInt::from(10), MAX_DIGITS) {
        return fail(
            ErrorKind::Value,
            format!(
                "Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit"
            ),
        );
    }
    Ok(())
}
