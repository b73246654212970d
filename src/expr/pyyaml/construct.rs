//! Scalars of YAML 1.1: integers in four bases and sixties, floats, dates and times.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granit_parser::Tag;
use num_bigint::BigInt;
use regex::Regex;

use super::{Implicit, implicit};
use crate::expr::pynum;
use crate::expr::value::{Date, DateTime, Value};

/// That a tag has no meaning here.
pub(super) fn unknown(tag: &str) -> String {
    format!("could not determine a constructor for the tag '{tag}'")
}

/// The name of a tag of YAML itself, `int` of `!!int`.
pub(super) fn core_name(tag: &Tag) -> Option<Cow<'_, str>> {
    tag.suffix_in_namespace("tag:yaml.org,2002:")
}

/// The value of a scalar. A tag decides what it is, otherwise the text does where it is plain.
pub(super) fn scalar(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, String> {
    let kind = match tag {
        None if !plain => Implicit::Text,
        None => implicit(text),
        Some(tag) => match core_name(tag).as_deref() {
            Some("str") => Implicit::Text,
            Some("binary") => return binary(text),
            Some("timestamp") => Implicit::Timestamp,
            Some("int") => Implicit::Int,
            Some("float") => Implicit::Float,
            Some("null") => Implicit::Null,
            Some("bool") => match implicit(text) {
                truth @ Implicit::Bool(_) => truth,
                _ => return Err(format!("'{text}' is neither true nor false")),
            },
            _ if tag.original() == "!" => Implicit::Text,
            _ => return Err(unknown(&tag.original())),
        },
    };
    match kind {
        Implicit::Text | Implicit::Merge | Implicit::Value => Ok(Value::from(text)),
        Implicit::Null => Ok(Value::Null),
        Implicit::Bool(flag) => Ok(Value::Bool(flag)),
        Implicit::Int => int(text),
        Implicit::Float => float(text)
            .map(Value::Float)
            .ok_or_else(|| format!("'{text}' is no number")),
        Implicit::Timestamp => timestamp(text).ok_or_else(|| format!("'{text}' is no date")),
    }
}

/// Base64 with anything else between, as Python decodes it.
fn binary(text: &str) -> Result<Value, String> {
    let wanted = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let encoded: String = text.chars().filter(wanted).collect();
    match STANDARD.decode(encoded) {
        Ok(bytes) => Ok(Value::Bytes(bytes.into())),
        Err(error) => Err(format!("failed to decode base64 data: {error}")),
    }
}

fn int(text: &str) -> Result<Value, String> {
    let wrong = || format!("'{text}' is no integer");
    let plain = text.replace('_', "");
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let parse = |digits: &str, base: u32| match pynum::parse_int(digits, base) {
        Ok(found) => found
            .as_ref()
            .and_then(pynum::Number::of)
            .and_then(|number| number.to_big())
            .ok_or_else(wrong),
        Err(error) => Err(error.message),
    };
    let number = if let Some(digits) = digits.strip_prefix("0b") {
        parse(digits, 2)?
    } else if let Some(digits) = digits.strip_prefix("0x") {
        parse(digits, 16)?
    } else if digits.len() > 1 && digits.starts_with('0') {
        parse(digits, 8)?
    } else {
        let mut sum = BigInt::default();
        for part in digits.split(':') {
            if sum.bits() > pynum::MAX_BITS {
                return Err(wrong());
            }
            sum = sum * 60 + parse(part, 10)?;
        }
        sum
    };
    Ok(Value::from(if negative { -number } else { number }))
}

fn float(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_lowercase();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.strip_prefix('+').unwrap_or(&text)),
    };
    let size = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        digits if digits.contains(':') => {
            let mut base = 1.0;
            let mut sum = 0.0;
            for part in digits.rsplit(':') {
                sum += pynum::parse_float(part)? * base;
                base *= 60.0;
            }
            sum
        }
        digits => pynum::parse_float(digits)?,
    };
    Some(sign * size)
}

static TIMESTAMP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?(?:[ \t]*(?:(Z)|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?)?$",
    )
    .expect("a constant pattern")
});

/// A date, or a date and time: in UTC, with an offset, or neither.
fn timestamp(text: &str) -> Option<Value> {
    const SECOND: i64 = 1_000_000;
    let found = TIMESTAMP.captures(text)?;
    let number = |group: usize| {
        found
            .get(group)
            .map_or(Some(0), |digits| digits.as_str().parse::<i64>().ok())
    };
    let small = |group: usize| number(group).and_then(|number| u8::try_from(number).ok());
    let date = Date::new(i32::try_from(number(1)?).ok()?, small(2)?, small(3)?)?;
    if found.get(4).is_none() {
        return Some(Value::Date(date));
    }
    let (hour, minute, second) = (number(4)?, number(5)?, number(6)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction: String = found
        .get(7)
        .map_or("", |digits| digits.as_str())
        .chars()
        .take(6)
        .collect();
    let micros = format!("{fraction:0<6}").parse::<i64>().ok()?;
    let mut time = DateTime::utc(date, ((hour * 60 + minute) * 60 + second) * SECOND + micros);
    if let Some(sign) = found.get(9) {
        let size = (number(10)? * 60 + number(11)?) * 60 * SECOND;
        if size >= 86_400 * SECOND {
            return None;
        }
        time = time.with_offset(Some(if sign.as_str() == "-" { -size } else { size }));
    } else if found.get(8).is_none() {
        time = time.with_offset(None);
    }
    Some(Value::from(time))
}
