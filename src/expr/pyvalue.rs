//! The text that Python gives to JSON values (`str()`, `repr()`), and Python's idea of true and false.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// `str(value)`: texts as they are, everything else as [`repr`].
pub fn str(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// `repr(value)`: `None`, `True`, `1`, `1e+17`, `'text'`, `[1, 'a']`, `{'k': None}`.
pub fn repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

/// Writes [`repr`] of a value to `out`.
pub fn write_repr(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_str_repr(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_repr(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_str_repr(out, key);
                out.push_str(": ");
                write_repr(out, item);
            }
            out.push('}');
        }
    }
}

fn write_number(out: &mut String, number: &Number) {
    if let Some(float) = number.as_f64().filter(|_| number.is_f64()) {
        write_float_repr(out, float);
    } else {
        let _ = write!(out, "{number}");
    }
}

/// `repr(float)`: the shortest digits that read back the same, an exponent below 1e-4 and from 1e16 on.
pub fn float_repr(value: f64) -> String {
    let mut out = String::new();
    write_float_repr(&mut out, value);
    out
}

/// Writes [`float_repr`] to `out`.
pub fn write_float_repr(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("nan");
        return;
    }
    if value.is_infinite() {
        out.push_str(if value < 0.0 { "-inf" } else { "inf" });
        return;
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        // Rust writes `1e-5` and `1.5e17`; Python pads the exponent to two digits and signs it.
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        let _ = write!(out, "{mantissa}e{sign}{digits:0>2}");
    } else {
        let start = out.len();
        let _ = write!(out, "{value}");
        if !out[start..].contains('.') {
            out.push_str(".0");
        }
    }
}

/// `repr(text)`: single quotes unless only those occur inside; control and unprintable characters escaped.
pub fn str_repr(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_str_repr(&mut out, text);
    out
}

/// Writes [`str_repr`] to `out`.
pub fn write_str_repr(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

/// Whether Python prints a character as itself inside `repr`. The usual unprintable groups are covered: controls,
/// separators other than the blank, format characters, surrogates' neighbours, private use and non-characters.
fn is_printable(c: char) -> bool {
    let code = u32::from(c);
    !(c.is_control()
        || matches!(code,
            0xa0 | 0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x1680 | 0x180e
            | 0x2000..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0x3000 | 0xe000..=0xf8ff | 0xfeff
            | 0xfff0..=0xfffb | 0xe0000..=0xe0fff | 0xf0000..=0x10ffff)
        || code & 0xfffe == 0xfffe)
}

/// Python truthiness: `None`, `False`, zero, and empty texts, lists and dictionaries are false.
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64().is_none_or(|n| n != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// The name of the Python type that a JSON value becomes: `NoneType`, `bool`, `int`, `float`, `str`, `list`, `dict`.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// `int(text, base)`: blanks around, a sign, underscores between digits, `0x`/`0o`/`0b` where the base allows.
/// `None` when Python would raise, or beyond 127 bits.
pub fn parse_int(text: &str, base: u32) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixed = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| lower.strip_prefix(prefix).map(|rest| (rest, radix)));
    let (digits, base) = match prefixed {
        Some((rest, radix)) if base == 0 || base == radix => (rest.strip_prefix('_').unwrap_or(rest), radix),
        _ => (lower.as_str(), if base == 0 { 10 } else { base }),
    };
    if !(2..=36).contains(&base)
        || digits.is_empty()
        || digits.starts_with(['_', '+', '-'])
        || digits.ends_with('_')
        || digits.contains("__")
    {
        return None;
    }
    let value = i128::from_str_radix(&digits.replace('_', ""), base).ok()?;
    Some(if negative { -value } else { value })
}

/// `float(text)`: blanks around, underscores between digits, `inf` and `nan`. `None` when Python would raise.
pub fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.trim_start_matches(['+', '-']);
    if digits.starts_with('_')
        || digits.ends_with('_')
        || digits.contains("__")
        || text.len() > digits.len() + 1
    {
        return None;
    }
    let lower = digits.to_ascii_lowercase();
    let word = matches!(lower.as_str(), "inf" | "infinity" | "nan");
    if !word && !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_print_as_in_python() {
        let rows = [
            (json!(null), "None"),
            (json!(true), "True"),
            (json!([1, "a", null, 2.5]), "[1, 'a', None, 2.5]"),
            (json!({"k": {"x": []}}), "{'k': {'x': []}}"),
            (json!(1e17), "1e+17"),
            (json!(1e16), "1e+16"),
            (json!(123_456_789_012_345.0), "123456789012345.0"),
            (json!(1.5e-7), "1.5e-07"),
            (json!(0.0001), "0.0001"),
            (json!(4.0), "4.0"),
            (json!(-0.0), "-0.0"),
            (json!(["it's"]), "[\"it's\"]"),
            (json!(["a'b\"c"]), "['a\\'b\"c']"),
            (
                json!(["\n\u{1}\u{200b}é😀\u{a0}\\"]),
                "['\\n\\x01\\u200bé😀\\xa0\\\\']",
            ),
            (json!(1e300), "1e+300"),
            (json!(1.7976931348623157e308), "1.7976931348623157e+308"),
        ];
        for (value, expected) in rows {
            assert_eq!(repr(&value), expected);
        }
        assert_eq!(str(&json!("it's")), "it's");
    }

    #[test]
    fn numbers_read_as_in_python() {
        for (text, base, expected) in [
            (" 42 ", 10, Some(42)),
            ("-1_000", 10, Some(-1000)),
            ("0x1f", 16, Some(31)),
            ("0x1f", 10, None),
            ("1f", 16, Some(31)),
            ("0b11", 0, Some(3)),
            ("4.2", 10, None),
            ("", 10, None),
            ("1__0", 10, None),
            ("+-1", 10, None),
            ("z", 36, Some(35)),
        ] {
            assert_eq!(parse_int(text, base), expected, "{text}");
        }
        for (text, expected) in [
            ("1e3", Some(1000.0)),
            (" .5 ", Some(0.5)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("1_0.5", Some(10.5)),
            ("abc", None),
            ("", None),
            ("--1", None),
            ("infinit", None),
        ] {
            assert_eq!(parse_float(text), expected, "{text}");
        }
    }

    #[test]
    fn truth_is_python_s() {
        for falsy in [
            json!(null),
            json!(false),
            json!(0),
            json!(0.0),
            json!(""),
            json!([]),
            json!({}),
        ] {
            assert!(!is_true(&falsy), "{falsy}");
        }
        for truthy in [json!(true), json!(-1), json!("0"), json!([0]), json!({"": 0})] {
            assert!(is_true(&truthy), "{truthy}");
        }
    }
}
