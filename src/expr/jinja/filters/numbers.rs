//! Filters about numbers.

use num_bigint::BigInt;

use super::only_value;
use crate::expr::jinja::bind::Bound;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail, type_error, value_error};
use crate::expr::jinja::format;
use crate::expr::jinja::machine::{CallArgs, Machine};
use crate::expr::jinja::object::{class_of, defined, text_of};
use crate::expr::jinja::ops;
use crate::expr::jinja::syntax::ast::BinaryOp;
use crate::expr::pynum::{self, Number};
use crate::expr::value::Value;

#[expect(clippy::needless_pass_by_value, reason = "all filters have one form")]
pub(super) fn abs(_: &mut Machine<'_>, value: &Value, args: CallArgs) -> Run<Value> {
    only_value("abs", &args)?;
    match Number::of(value) {
        Some(Number::Int(number)) if number >= 0 => Ok(Value::Int(number)),
        Some(Number::Float(number)) => Ok(Value::Float(number.abs())),
        Some(Number::Big(number)) => Ok(Value::from(BigInt::from(number.magnitude().clone()))),
        Some(Number::Int(_)) => ops::negate(value),
        None => match value {
            Value::Timespan(span) if span.micros() < 0 => ops::negate(value),
            Value::Timespan(_) => Ok(value.clone()),
            _ => type_error(format!("bad operand type for abs(): '{}'", class_of(value))),
        },
    }
}

/// `float(value)`
fn to_float(value: &Value) -> Run<f64> {
    defined(value)?;
    if let Some(number) = Number::of(value) {
        return Ok(number.to_float()?);
    }
    match text_of(value) {
        Some(text) => match pynum::parse_float(text) {
            Some(number) => Ok(number),
            None => value_error(format!(
                "could not convert string to float: {}",
                crate::expr::value::repr(value)
            )),
        },
        None => type_error(format!(
            "float() argument must be a string or a real number, not '{}'",
            class_of(value)
        )),
    }
}

/// Whether a failure is one that these filters answer with their default.
fn gives_default(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Type | ErrorKind::Value)
}

pub(super) fn float(_: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    match to_float(value) {
        Ok(number) => Ok(Value::Float(number)),
        Err(fault) if gives_default(fault.kind) => Ok(args.given(0).cloned().unwrap_or(Value::Float(0.0))),
        Err(fault) => Err(fault),
    }
}

pub(super) fn int(_: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    defined(value)?;
    let made = match (text_of(value), Number::of(value)) {
        (Some(text), _) => {
            let base = args.integer(1, 10)?;
            match u32::try_from(base)
                .ok()
                .filter(|base| *base == 0 || (2..=36).contains(base))
            {
                Some(base) => match pynum::parse_int(text, base)? {
                    Some(number) => return Ok(number),
                    None => value_error("invalid literal"),
                },
                None => value_error("int() base must be >= 2 and <= 36, or 0"),
            }
        }
        (_, Some(Number::Float(number))) => pynum::float_to_int(number).map_err(Box::from),
        (_, Some(_)) => return ops::plus(value),
        _ => type_error("no number"),
    };
    match made {
        Ok(number) => return Ok(number),
        Err(fault) if gives_default(fault.kind) => {}
        Err(fault) => return Err(fault),
    }
    let again = to_float(value).and_then(|number| Ok(pynum::float_to_int(number)?));
    match again {
        Ok(number) => Ok(number),
        Err(fault) if gives_default(fault.kind) || fault.kind == ErrorKind::Overflow => {
            Ok(args.given(0).cloned().unwrap_or(Value::Int(0)))
        }
        Err(fault) => Err(fault),
    }
}

pub(super) fn round(_: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let method = match args.given(1) {
        None => "common",
        Some(method) => match text_of(method).map(|text| &**text) {
            Some(method @ ("common" | "ceil" | "floor")) => method,
            _ => return fail(ErrorKind::Argument, "method must be common, ceil or floor"),
        },
    };
    if method != "common" {
        return directed(value, args, method == "ceil");
    }
    let Some(number) = Number::of(value) else {
        return type_error(format!(
            "type {} doesn't define __round__ method",
            class_of(value)
        ));
    };
    // `round(x, None)` gives an integer.
    let digits = match args.given(0) {
        Some(Value::Null) => None,
        _ => Some(args.integer(0, 0)?),
    };
    Ok(match (number, digits) {
        (Number::Float(number), None) => pynum::float_to_int(number.round_ties_even())?,
        (Number::Float(number), Some(digits)) => Value::Float(pynum::round_float(number, digits)?),
        (Number::Int(number), digits) => pynum::round_int(&number.into(), digits.unwrap_or(0)),
        (Number::Big(number), digits) => pynum::round_int(&number, digits.unwrap_or(0)),
    })
}

/// `ceil` and `floor`: scaled, cut, scaled back.
fn directed(value: &Value, args: &Bound, up: bool) -> Run<Value> {
    let digits = Value::Int(args.integer(0, 0)?);
    let scale = ops::binary(BinaryOp::Pow, &Value::Int(10), &digits)?;
    let scaled = ops::binary(BinaryOp::Mul, value, &scale)?;
    let cut = match &scaled {
        Value::Float(number) => pynum::float_to_int(if up { number.ceil() } else { number.floor() })?,
        Value::Int(_) | Value::BigInt(_) | Value::Bool(_) => scaled,
        other => return type_error(format!("must be real number, not {}", class_of(other))),
    };
    ops::binary(BinaryOp::Div, &cut, &scale)
}

pub(super) fn filesizeformat(_: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let bytes = to_float(value)?;
    let binary = args.flag(0, false)?;
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok(Value::from("1 Byte"));
    }
    if bytes < base {
        let whole = pynum::float_to_int(bytes)?;
        return Ok(Value::from(format!("{} Bytes", crate::expr::value::str(&whole))));
    }
    let letters = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];
    let mut unit = base;
    for (index, letter) in letters.into_iter().enumerate() {
        unit *= base;
        if bytes < unit || index + 1 == letters.len() {
            let number = format::fixed(base * bytes / unit, 1);
            let prefix = if binary {
                format!("{}iB", letter.to_ascii_uppercase())
            } else {
                format!("{letter}B")
            };
            return Ok(Value::from(format!("{number} {prefix}")));
        }
    }
    Ok(Value::Null)
}
