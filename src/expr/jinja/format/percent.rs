//! `'text %s' % values`

use num_bigint::BigInt;

use super::float::{exponential, fixed, general, special};
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail, type_error, value_error};
use crate::expr::jinja::machine::text_of_data;
use crate::expr::jinja::object::{Markup, class_of, defined, is_markup, shown, text_of, undefined};
use crate::expr::jinja::ops::{check_len, items_of};
use crate::expr::jinja::text::{char_len, escape_html};
use crate::expr::pynum::{Number, check_printable, float_to_int};
use crate::expr::pyvalue::str_repr;
use crate::expr::value::Value;

#[derive(Default)]
struct Flags {
    left: bool,
    plus: bool,
    blank: bool,
    zero: bool,
    alternate: bool,
}

/// Where values come from.
struct Values<'v> {
    all: &'v Value,
    list: Option<&'v [Value]>,
    next: usize,
    /// Whether a name was used.
    named: bool,
}

impl Values<'_> {
    fn next(&mut self) -> Run<Value> {
        let found = match self.list {
            Some(list) => list.get(self.next).cloned(),
            None => (self.next == 0).then(|| self.all.clone()),
        };
        self.next += 1;
        match found {
            Some(value) => Ok(value),
            None => type_error("not enough arguments for format string"),
        }
    }

    fn named(&mut self, name: &str) -> Run<Value> {
        self.named = true;
        let Value::Dict(dict) = self.all else {
            defined(self.all)?;
            return type_error(match self.all {
                Value::List(_) => "list indices must be integers or slices, not str",
                _ => "format requires a mapping",
            });
        };
        match dict.get_str(name) {
            Some(value) => Ok(value.clone()),
            None => fail(ErrorKind::Key, str_repr(name)),
        }
    }
}

pub(crate) fn format(template: &Value, values: &Value) -> Run<Value> {
    let Some(text) = text_of(template) else {
        return type_error("a text is needed");
    };
    let escape = is_markup(template);
    let list = match values {
        Value::List(_) => None,
        other => items_of(other).map(|items| items.as_slice()),
    };
    let mut values = Values {
        all: values,
        list,
        next: 0,
        named: false,
    };
    let mut out = String::with_capacity(text.len());
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        at += 1;
        if c != '%' {
            out.push(c);
            continue;
        }
        one(&chars, &mut at, &mut values, &mut out, escape)?;
        check_len(out.len())?;
    }
    let unused = match values.list {
        Some(list) => values.next < list.len(),
        None => values.next == 0 && !values.named && !may_be_unused(values.all),
    };
    if unused {
        return type_error("not all arguments converted during string formatting");
    }
    Ok(if escape {
        Markup::value(out)
    } else {
        Value::from(out)
    })
}

/// A mapping (and whatever has items but is neither tuple nor text) may be left unused.
fn may_be_unused(value: &Value) -> bool {
    matches!(value, Value::Dict(_) | Value::List(_) | Value::Bytes(_))
        || value.downcast::<crate::expr::jinja::object::Range>().is_some()
        || undefined(value).is_some()
}

fn one(chars: &[char], at: &mut usize, values: &mut Values<'_>, out: &mut String, escape: bool) -> Run<()> {
    let incomplete = || value_error("incomplete format");
    let mut name = None;
    if chars.get(*at) == Some(&'(') {
        let (start, mut open) = (*at + 1, 0);
        loop {
            match chars.get(*at) {
                None => return value_error("incomplete format key"),
                Some('(') => open += 1,
                Some(')') => open -= 1,
                Some(_) => {}
            }
            *at += 1;
            if open == 0 {
                break;
            }
        }
        name = Some(chars[start..*at - 1].iter().collect::<String>());
    }
    let mut flags = Flags::default();
    loop {
        match chars.get(*at) {
            Some('-') => flags.left = true,
            Some('+') => flags.plus = true,
            Some(' ') => flags.blank = true,
            Some('0') => flags.zero = true,
            Some('#') => flags.alternate = true,
            _ => break,
        }
        *at += 1;
    }
    // A name is looked up before stars are read, as Python does it.
    let named = name.map(|name| values.named(&name)).transpose()?;
    let mut width = count(chars, at, values)?.unwrap_or(0);
    if width < 0 {
        flags.left = true;
        width = -width;
    }
    let mut precision = None;
    if chars.get(*at) == Some(&'.') {
        *at += 1;
        precision = Some(count(chars, at, values)?.unwrap_or(0).max(0));
    }
    while matches!(chars.get(*at), Some('h' | 'l' | 'L')) {
        *at += 1;
    }
    let Some(&kind) = chars.get(*at) else {
        return incomplete();
    };
    *at += 1;
    let width = usize::try_from(width).unwrap_or(usize::MAX);
    let precision = precision.map(|digits| usize::try_from(digits).unwrap_or(usize::MAX));
    check_len(width)?;
    check_len(precision.unwrap_or(0))?;
    if kind == '%' {
        out.push('%');
        return Ok(());
    }
    if !"diuoxXeEfFgGcrsa".contains(kind) {
        let code = u32::from(kind);
        return value_error(format!(
            "unsupported format character '{kind}' (0x{code:x}) at index {}",
            *at - 1
        ));
    }
    let value = match named {
        Some(value) => value,
        None => values.next()?,
    };
    let (lead, body) = convert(&value, kind, &flags, precision, escape)?;
    let missing = width.saturating_sub(char_len(&lead) + char_len(&body));
    let numeric = !"crsa".contains(kind);
    if flags.left {
        out.push_str(&lead);
        out.push_str(&body);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if flags.zero && numeric {
        out.push_str(&lead);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(&body);
    } else {
        out.extend(std::iter::repeat_n(' ', missing));
        out.push_str(&lead);
        out.push_str(&body);
    }
    Ok(())
}

/// A width or precision: digits or a star.
fn count(chars: &[char], at: &mut usize, values: &mut Values<'_>) -> Run<Option<i64>> {
    if chars.get(*at) == Some(&'*') {
        *at += 1;
        return match values.next()? {
            Value::Int(number) => Ok(Some(number)),
            Value::Bool(flag) => Ok(Some(i64::from(flag))),
            Value::BigInt(_) => fail(
                ErrorKind::Overflow,
                "Python int too large to convert to C ssize_t",
            ),
            _ => type_error("* wants int"),
        };
    }
    let start = *at;
    while chars.get(*at).is_some_and(char::is_ascii_digit) {
        *at += 1;
    }
    if start == *at {
        return Ok(None);
    }
    let text: String = chars[start..*at].iter().collect();
    match text.parse::<i64>() {
        Ok(number) => Ok(Some(number)),
        Err(_) => value_error("width too big"),
    }
}

/// Sign and prefix, and the rest.
fn convert(
    value: &Value,
    kind: char,
    flags: &Flags,
    precision: Option<usize>,
    escape: bool,
) -> Run<(String, String)> {
    let sign = |negative: bool| match (negative, flags.plus, flags.blank) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (.., true) => " ",
        _ => "",
    };
    let body = match kind {
        's' | 'r' | 'a' => {
            let text = match kind {
                's' => text_of_data(value)?,
                'r' => shown(value),
                _ => ascii(&shown(value)),
            };
            let text = if escape && !is_markup(value) {
                escape_html(&text).into_owned()
            } else {
                text
            };
            match precision {
                Some(most) => text.chars().take(most).collect(),
                None => text,
            }
        }
        'c' => character(value)?,
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let number = real(value)?;
            let digits = precision.unwrap_or(6);
            let magnitude = number.abs();
            let mut body = special(magnitude, false).unwrap_or_else(|| match kind.to_ascii_lowercase() {
                'e' => exponential(magnitude, digits),
                'f' => fixed(magnitude, digits),
                _ => general(magnitude, digits, flags.alternate),
            });
            if flags.alternate && !body.contains('.') && number.is_finite() {
                body.push('.');
            }
            if kind.is_ascii_uppercase() {
                body.make_ascii_uppercase();
            }
            let negative = number.is_sign_negative() && !number.is_nan();
            return Ok((sign(negative).to_owned(), body));
        }
        _ => {
            let number = whole(value, kind)?;
            check_printable(&number)?;
            let (radix, prefix) = match kind {
                'o' => (8, "0o"),
                'x' => (16, "0x"),
                'X' => (16, "0X"),
                _ => (10, ""),
            };
            let mut digits = number.magnitude().to_str_radix(radix);
            if kind == 'X' {
                digits.make_ascii_uppercase();
            }
            if let Some(least) = precision {
                let missing = least.saturating_sub(digits.len());
                digits.insert_str(0, &"0".repeat(missing));
            }
            let prefix = if flags.alternate { prefix } else { "" };
            let negative = number.sign() == num_bigint::Sign::Minus;
            return Ok((format!("{}{prefix}", sign(negative)), digits));
        }
    };
    Ok((String::new(), body))
}

fn character(value: &Value) -> Run<String> {
    if let Some(text) = text_of(value) {
        return if char_len(text) == 1 {
            Ok(text.to_string())
        } else {
            type_error("%c requires int or char")
        };
    }
    match value.as_i64() {
        Some(code) => match u32::try_from(code).ok().and_then(char::from_u32) {
            Some(char) => Ok(char.to_string()),
            None => fail(ErrorKind::Overflow, "%c arg not in range(0x110000)"),
        },
        None if matches!(value, Value::BigInt(_)) => {
            fail(ErrorKind::Overflow, "%c arg not in range(0x110000)")
        }
        None => type_error("%c requires int or char"),
    }
}

fn real(value: &Value) -> Run<f64> {
    defined(value)?;
    match Number::of(value) {
        Some(number) => Ok(number.to_float()?),
        None => type_error(format!("must be real number, not {}", class_of(value))),
    }
}

fn whole(value: &Value, kind: char) -> Run<BigInt> {
    if "diu".contains(kind) {
        defined(value)?;
    }
    match Number::of(value) {
        Some(Number::Int(number)) => Ok(number.into()),
        Some(Number::Big(number)) => Ok(number),
        Some(Number::Float(number)) if "diu".contains(kind) => match float_to_int(number)? {
            Value::BigInt(number) => Ok((*number).clone()),
            other => Ok(other.as_i64().unwrap_or(0).into()),
        },
        _ => {
            let wanted = if "diu".contains(kind) {
                "a real number"
            } else {
                "an integer"
            };
            type_error(format!(
                "%{kind} format: {wanted} is required, not {}",
                class_of(value)
            ))
        }
    }
}

/// `ascii(value)` from its `repr`.
pub(crate) fn ascii(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let code = u32::from(c);
        let _ = match code {
            0..0x80 => write!(out, "{c}"),
            0x80..0x100 => write!(out, "\\x{code:02x}"),
            0x100..0x10000 => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out
}
