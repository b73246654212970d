//! Attributes and methods of numbers.

use num_bigint::BigInt;
use num_traits::{FromPrimitive as _, Signed as _};

use crate::expr::jinja::bind::arity;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail, type_error, value_error};
use crate::expr::jinja::machine::CallArgs;
use crate::expr::jinja::ops;
use crate::expr::value::Value;

fn integer(value: &Value) -> Option<BigInt> {
    match value {
        Value::BigInt(number) => Some((**number).clone()),
        other => other.as_i64().map(BigInt::from),
    }
}

pub(super) fn attribute(value: &Value, name: &str) -> Option<Value> {
    let whole = match value {
        Value::Bool(flag) => Value::Int(i64::from(*flag)),
        other => other.clone(),
    };
    match (name, value) {
        ("real", _) => Some(whole),
        ("imag", Value::Float(_)) => Some(Value::Float(0.0)),
        ("imag", _) => Some(Value::Int(0)),
        ("numerator", Value::Float(_)) | ("denominator", Value::Float(_)) => None,
        ("numerator", _) => Some(whole),
        ("denominator", _) => Some(Value::Int(1)),
        _ => None,
    }
}

pub(super) fn call(owner: &Value, name: &str, args: &CallArgs) -> Run<Value> {
    if let Value::Float(number) = owner {
        if name == "fromhex" {
            return type_error("fromhex is not available");
        }
        arity("float", name, args, 0, 0)?;
        return match name {
            "is_integer" => Ok(Value::Bool(number.is_finite() && number.fract() == 0.0)),
            "hex" => Ok(Value::from(hex(*number))),
            "conjugate" => Ok(owner.clone()),
            _ => ratio(*number),
        };
    }
    let Some(number) = integer(owner) else {
        return type_error("a number is needed");
    };
    if name == "to_bytes" {
        return to_bytes(&number, args);
    }
    if name == "from_bytes" {
        return type_error("from_bytes is not available");
    }
    arity("int", name, args, 0, 0)?;
    Ok(match name {
        "bit_length" => Value::from(number.bits()),
        "bit_count" => Value::from(number.magnitude().count_ones()),
        "conjugate" => Value::from(number),
        _ => Value::tuple([Value::from(number), Value::Int(1)]),
    })
}

fn to_bytes(number: &BigInt, args: &CallArgs) -> Run<Value> {
    let mut args = args.clone();
    let length = args.take_keyword("length");
    let order = args.take_keyword("byteorder");
    let signed = match args.take_keyword("signed") {
        Some(signed) => ops::truth(&signed)?,
        None => false,
    };
    let length = match args.positional.first().or(length.as_ref()) {
        Some(length) => ops::integer(length)?,
        None => 1,
    };
    let Ok(length) = usize::try_from(length) else {
        return value_error("length argument must be non-negative");
    };
    ops::check_len(length)?;
    let order = args.positional.get(1).or(order.as_ref());
    let little = match order.map(Value::as_str) {
        None | Some(Some("big")) => false,
        Some(Some("little")) => true,
        _ => return value_error("byteorder must be either 'little' or 'big'"),
    };
    if number.is_negative() && !signed {
        return fail(ErrorKind::Overflow, "can't convert negative int to unsigned");
    }
    let mut bytes = if signed {
        number.to_signed_bytes_le()
    } else {
        number.to_bytes_le().1
    };
    while bytes.last() == Some(&0) && bytes.len() > length {
        bytes.pop();
    }
    if bytes.len() > length {
        return fail(ErrorKind::Overflow, "int too big to convert");
    }
    let filling = if number.is_negative() { 0xff } else { 0 };
    bytes.resize(length, filling);
    if !little {
        bytes.reverse();
    }
    Ok(Value::Bytes(bytes.into()))
}

fn ratio(number: f64) -> Run<Value> {
    if number.is_nan() {
        return value_error("cannot convert NaN to integer ratio");
    }
    if number.is_infinite() {
        return fail(ErrorKind::Overflow, "cannot convert Infinity to integer ratio");
    }
    let (mut top, mut shift) = (number, 0_u32);
    while top.fract() != 0.0 {
        top *= 2.0;
        shift += 1;
    }
    let top = BigInt::from_f64(top).unwrap_or_default();
    Ok(Value::tuple([
        Value::from(top),
        Value::from(BigInt::from(1) << shift),
    ]))
}

/// `float.hex()`
fn hex(number: f64) -> String {
    if !number.is_finite() {
        return crate::expr::pyvalue::float_repr(number);
    }
    let bits = number.to_bits();
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let exponent = i64::try_from(bits >> 52 & 0x7ff).unwrap_or(0);
    let mantissa = bits & ((1 << 52) - 1);
    if exponent == 0 && mantissa == 0 {
        return format!("{sign}0x0.0p+0");
    }
    let (lead, exponent) = if exponent == 0 {
        (0, -1022)
    } else {
        (1, exponent - 1023)
    };
    format!("{sign}0x{lead}.{mantissa:013x}p{exponent:+}")
}
