//! Filters about texts.

use std::sync::Arc;

use super::must_be_text;
use crate::expr::jinja::bind::Bound;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail, limit, type_error};
use crate::expr::jinja::format::percent;
use crate::expr::jinja::machine::{CallArgs, Machine};
use crate::expr::jinja::methods;
use crate::expr::jinja::object::{
    Generator, MAX_WEIGHT, Markup, check_weight, class_of, defined, is_markup, plain, text_of,
};
use crate::expr::jinja::ops::{self, check_len};
use crate::expr::jinja::text::{byte_of, char_len, escape_html, split_lines};
use crate::expr::pyjson::JsonStyle;
use crate::expr::value::{Dict, List, Value, dumps};

/// `soft_str(value)`: a text as it is, safe or not, anything else as its text.
fn soft(machine: &mut Machine<'_>, value: &Value) -> Run<Value> {
    if text_of(value).is_some() {
        return Ok(value.clone());
    }
    machine.text(value).map(Value::Str)
}

/// Calls a method of the value's text.
fn method(machine: &mut Machine<'_>, value: &Value, name: &str, args: Vec<Value>) -> Run<Value> {
    let text = soft(machine, value)?;
    methods::call(machine, &text, name, CallArgs::positional(args))
}

/// A text in the other case, when that only changes bytes.
fn in_ascii(value: &Value, change: impl FnOnce(&mut str)) -> Option<Value> {
    let Value::Str(text) = value else {
        return None;
    };
    if !text.is_ascii() {
        return None;
    }
    let mut made: Arc<str> = Arc::from(&**text);
    change(Arc::get_mut(&mut made)?);
    Some(Value::Str(made))
}

pub(super) fn upper(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    if let Some(made) = in_ascii(value, str::make_ascii_uppercase) {
        return Ok(made);
    }
    method(machine, value, "upper", Vec::new())
}

pub(super) fn lower(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    if let Some(made) = in_ascii(value, str::make_ascii_lowercase) {
        return Ok(made);
    }
    method(machine, value, "lower", Vec::new())
}

pub(super) fn capitalize(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    method(machine, value, "capitalize", Vec::new())
}

pub(super) fn center(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let width = args.given(0).cloned().unwrap_or(Value::Int(80));
    method(machine, value, "center", vec![width])
}

pub(super) fn trim(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let chars = args.given(0).cloned().unwrap_or_default();
    method(machine, value, "strip", vec![chars])
}

pub(super) fn string(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    soft(machine, value)
}

/// Every word begins with a capital; the rest is lower case.
pub(super) fn title(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    let text = machine.text(value)?;
    let begins = |c: char| matches!(c, '-' | '(' | '{' | '[' | '<') || crate::expr::jinja::text::is_space(c);
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if begins(c) {
            out.push(c);
            inside = false;
        } else if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
            inside = true;
        }
    }
    Ok(Value::from(out))
}

pub(super) fn replace(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let mut parts = Vec::with_capacity(3);
    let escape = machine.autoescape;
    for index in 0..2 {
        let part = args.given(index).cloned().unwrap_or_default();
        parts.push(if escape {
            soft(machine, &part)?
        } else {
            Value::Str(machine.text(&part)?)
        });
    }
    parts.extend(args.get(2).cloned());
    let given_safe = |index: usize| args.given(index).is_some_and(is_markup);
    let text = if !escape {
        Value::Str(machine.text(value)?)
    } else if given_safe(0) || (given_safe(1) && !is_markup(value)) {
        let text = machine.text(value)?;
        Markup::value(if is_markup(value) {
            text.to_string()
        } else {
            escape_html(&text).into_owned()
        })
    } else {
        soft(machine, value)?
    };
    methods::call(machine, &text, "replace", CallArgs::positional(parts))
}

pub(super) fn format(machine: &mut Machine<'_>, value: &Value, args: CallArgs) -> Run<Value> {
    if !args.positional.is_empty() && !args.keywords.is_empty() {
        return fail(
            ErrorKind::Argument,
            "can't handle positional and keyword arguments at the same time",
        );
    }
    let text = soft(machine, value)?;
    let values = if args.keywords.is_empty() {
        Value::Tuple(List::new(args.positional))
    } else {
        let members = args
            .keywords
            .into_iter()
            .map(|(name, value)| (Value::Str(name), value));
        Value::Dict(members.collect::<Dict>())
    };
    percent::format(&text, &values)
}

pub(super) fn indent(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let indention = match args.given(0) {
        None => "    ".to_owned(),
        Some(width) => match text_of(width) {
            Some(text) => text.to_string(),
            None => {
                let width = usize::try_from(ops::integer(width)?.max(0)).unwrap_or(usize::MAX);
                check_len(width)?;
                " ".repeat(width)
            }
        },
    };
    let (first, blank) = (args.flag(1, false)?, args.flag(2, false)?);
    let Some(text) = text_of(value) else {
        defined(value)?;
        return match value {
            // A list takes the characters of the text, and fails later.
            Value::List(_) => fail(
                ErrorKind::Attribute,
                "'list' object has no attribute 'splitlines'",
            ),
            Value::Tuple(_) => type_error("can only concatenate tuple (not \"str\") to tuple"),
            _ => type_error(format!(
                "unsupported operand type(s) for +=: '{}' and 'str'",
                class_of(value)
            )),
        };
    };
    let ended = format!("{text}\n");
    let lines = split_lines(&ended, false);
    let bytes = lines.len().saturating_mul(indention.len() + 1) + ended.len();
    check_len(bytes)?;
    machine.step(bytes / 64)?;
    let mut out = String::with_capacity(bytes);
    for (index, line) in lines.into_iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if (index == 0 && first) || (index > 0 && (blank || !line.is_empty())) {
            out.push_str(&indention);
        }
        out.push_str(line);
    }
    Ok(if is_markup(value) {
        Markup::value(out)
    } else {
        Value::from(out)
    })
}

pub(super) fn truncate(_: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let length = args.integer(0, 255)?;
    let killwords = args.flag(1, false)?;
    let end = match args.given(2) {
        None => Arc::from("..."),
        Some(end) => match text_of(end) {
            Some(end) => Arc::clone(end),
            None => return type_error(format!("object of type '{}' has no len()", class_of(end))),
        },
    };
    let leeway = match args.get(3) {
        Some(leeway) => ops::integer(leeway)?,
        None => 5,
    };
    let count = |text: &str| i64::try_from(char_len(text)).unwrap_or(i64::MAX);
    let ending = count(&end);
    if length < ending {
        return fail(
            ErrorKind::Other,
            format!("expected length >= {ending}, got {length}"),
        );
    }
    if leeway < 0 {
        return fail(ErrorKind::Other, format!("expected leeway >= 0, got {leeway}"));
    }
    let Some(text) = text_of(value) else {
        defined(value)?;
        return match ops::length(value) {
            Some(len) if i64::try_from(len).is_ok_and(|len| len <= length.saturating_add(leeway)) => {
                Ok(value.clone())
            }
            Some(_) => fail(
                ErrorKind::Attribute,
                format!("'{}' object has no attribute 'rsplit'", class_of(value)),
            ),
            None => type_error(format!("object of type '{}' has no len()", class_of(value))),
        };
    };
    if count(text) <= length.saturating_add(leeway) {
        return Ok(value.clone());
    }
    let kept = &text[..byte_of(text, usize::try_from(length - ending).unwrap_or(0))];
    let kept = if killwords {
        kept
    } else {
        kept.rsplit_once(' ').map_or(kept, |(before, _)| before)
    };
    Ok(if is_markup(value) {
        Markup::value(format!("{kept}{}", escape_html(&end)))
    } else {
        Value::from(format!("{kept}{end}"))
    })
}

pub(super) fn tojson(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    if value.downcast::<Generator>().is_some() || crate::expr::jinja::object::undefined(value).is_some() {
        return type_error(format!(
            "Object of type {} is not JSON serializable",
            class_of(value)
        ));
    }
    let mut style = JsonStyle {
        sort_keys: true,
        html_safe: true,
        ..JsonStyle::default()
    };
    if let Some(indent) = args.get(0) {
        style.indent = Some(indentation(indent)?);
        style.item_separator = ",".to_owned();
    }
    let text = json_text(machine, value, &style)?;
    Ok(Markup::value(text))
}

/// The JSON of a value, for filters.
pub(crate) fn json_text(machine: &mut Machine<'_>, value: &Value, style: &JsonStyle) -> Run<String> {
    machine.weigh(value)?;
    check_weight(value, MAX_WEIGHT)?;
    if style.sort_keys {
        check_keys(value, 0)?;
    }
    match dumps(&plain(value.clone())?, style) {
        Ok(text) => {
            check_len(text.len())?;
            machine.step(text.len() / 64)?;
            Ok(text)
        }
        Err(error) => type_error(short_class_of(&error.to_string())),
    }
}

/// Sorting needs keys that Python can compare.
pub(crate) fn check_keys(value: &Value, depth: usize) -> Run<()> {
    if depth > 900 {
        return fail(ErrorKind::Recursion, "maximum recursion depth exceeded");
    }
    match value {
        Value::Dict(dict) => {
            if !dict.keys().all(|key| matches!(key, Value::Str(_))) {
                let keys: Vec<Value> = dict.keys().cloned().collect();
                super::sort_by(keys.clone(), &keys, false)?;
            }
            dict.values().try_for_each(|item| check_keys(item, depth + 1))
        }
        Value::List(items) | Value::Tuple(items) => {
            items.iter().try_for_each(|item| check_keys(item, depth + 1))
        }
        _ => Ok(()),
    }
}

/// Python names classes in these words without their module.
pub(crate) fn short_class_of(message: &str) -> String {
    match message.strip_prefix("Object of type ") {
        Some(rest) => {
            let (class, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            format!(
                "Object of type {} {rest}",
                crate::expr::jinja::object::short_class(class)
            )
        }
        None => message.to_owned(),
    }
}

/// An indentation as `json.dumps` takes it: a number of blanks or a text.
pub(crate) fn indentation(value: &Value) -> Run<String> {
    /// Widest indentation.
    const WIDEST: usize = 256;
    match (text_of(value), value) {
        (Some(text), _) if text.len() <= WIDEST => Ok(text.to_string()),
        (None, Value::Int(_) | Value::Bool(_)) => {
            let blanks = usize::try_from(ops::integer(value)?.max(0)).unwrap_or(usize::MAX);
            if blanks > WIDEST {
                return limit(format!("an indentation is wider than {WIDEST}"));
            }
            Ok(" ".repeat(blanks))
        }
        (Some(_), _) => limit(format!("an indentation is wider than {WIDEST}")),
        _ => type_error(format!(
            "can't multiply sequence by non-int of type '{}'",
            class_of(value)
        )),
    }
}

/// Percent-encoding: of a text, or of pairs as a query.
pub(super) fn urlencode(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    let pairs: Vec<(Value, Value)> = match value {
        Value::Dict(dict) => dict
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        _ if text_of(value).is_some() || !crate::expr::jinja::machine::is_iterable(value) => {
            defined(value)?;
            return quoted(machine, value, false).map(Value::from);
        }
        _ => {
            let mut pairs = Vec::new();
            for item in machine.collect(value)? {
                if !crate::expr::jinja::machine::is_iterable(&item) {
                    defined(&item)?;
                    return type_error(format!("cannot unpack non-iterable {} object", class_of(&item)));
                }
                let pair: [Value; 2] = match machine.collect(&item)?.try_into() {
                    Ok(pair) => pair,
                    Err(items) => {
                        let items: Vec<Value> = items;
                        return crate::expr::jinja::fault::value_error(if items.len() > 2 {
                            "too many values to unpack (expected 2)".to_owned()
                        } else {
                            format!("not enough values to unpack (expected 2, got {})", items.len())
                        });
                    }
                };
                let [key, value] = pair;
                pairs.push((key, value));
            }
            pairs
        }
    };
    let mut out = String::new();
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push('&');
        }
        out.push_str(&quoted(machine, key, true)?);
        out.push('=');
        out.push_str(&quoted(machine, value, true)?);
        check_len(out.len())?;
    }
    Ok(Value::from(out))
}

fn quoted(machine: &mut Machine<'_>, value: &Value, in_query: bool) -> Run<String> {
    use std::fmt::Write as _;
    let text;
    let bytes: &[u8] = match value {
        Value::Bytes(bytes) => bytes,
        other => {
            text = machine.text(other)?;
            text.as_bytes()
        }
    };
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                out.push(char::from(*byte))
            }
            b'/' if !in_query => out.push('/'),
            b' ' if in_query => out.push('+'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    Ok(out)
}

/// `value.splitlines()`
pub(super) fn lines_of(value: &Value) -> Run<Vec<&str>> {
    must_be_text(value, "splitlines").map(|text| split_lines(text, false))
}
