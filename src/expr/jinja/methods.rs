//! Python's methods on the values of templates: the missing ones, and clear words for those that would change a value.

use std::sync::Arc;

use minijinja::value::{Kwargs, Rest, Tuple, ValueKind, from_args};
use minijinja::{Error, State, Value};
use minijinja_contrib::pycompat;
use serde_json::Value as Json;

use super::error::{ErrorKind, fail};
use super::stock::{center, replace_text, width};
use super::value::{from_json, to_repr, type_name};

/// Called for methods that the engine does not know.
pub(crate) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let ours = match value.kind() {
        ValueKind::String => text_method(value.as_str().unwrap_or_default(), method, args),
        ValueKind::Map => map_method(value, method, args),
        ValueKind::Seq => list_method(value, method, args),
        ValueKind::Bytes if method == "decode" => Some(Ok(Value::from(String::from_utf8_lossy(
            value.as_bytes().unwrap_or_default(),
        )))),
        ValueKind::Number if method == "is_integer" => {
            Some(f64::try_from(value.clone()).map(|float| Value::from(float.fract() == 0.0)))
        }
        _ => None,
    };
    ours.unwrap_or_else(|| pycompat::unknown_method_callback(state, value, method, args))
        .map_err(|error| {
            if error.kind() == minijinja::ErrorKind::UnknownMethod && !value.is_undefined() {
                let kind = if method.starts_with("__") {
                    ErrorKind::Security
                } else {
                    ErrorKind::Undefined
                };
                // The engine tries an attribute of that name next, but only for this kind of error.
                if value
                    .as_object()
                    .is_some_and(|object| object.get_value(&Value::from(method)).is_some())
                {
                    return error;
                }
                return fail(
                    kind,
                    format!("'{} object' has no attribute '{method}'", type_name(value)),
                );
            }
            error
        })
}

fn refuse_change(method: &str, instead: &str) -> Error {
    fail(
        ErrorKind::Security,
        format!("'{method}' would change a value; values cannot be changed inside a template: {instead}"),
    )
}

fn map_method(value: &Value, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    Some(match method {
        "iteritems" | "viewitems" => pairs(value),
        "iterkeys" | "viewkeys" => value.try_iter().map(Iterator::collect),
        "itervalues" | "viewvalues" => {
            pairs(value).and_then(|pairs| pairs.try_iter()?.map(|pair| pair.get_item_by_index(1)).collect())
        }
        "has_key" => from_args(args).map(|(key,): (Value,)| {
            Value::from(value.get_item(&key).is_ok_and(|found| !found.is_undefined()))
        }),
        "copy" => Ok(value.clone()),
        "setdefault" => from_args(args).and_then(|(key, _default): (Value, Option<Value>)| {
            let found = value.get_item(&key)?;
            if found.is_undefined() {
                Err(refuse_change(method, "use .get(key, default)"))
            } else {
                Ok(found)
            }
        }),
        "update" | "pop" | "popitem" | "clear" | "__setitem__" | "__delitem__" => {
            Err(refuse_change(method, "build a new one with dict(old, key=value)"))
        }
        _ => return None,
    })
}

fn pairs(value: &Value) -> Result<Value, Error> {
    let mut pairs = Vec::new();
    for key in value.try_iter()?.checked() {
        let key = key?;
        let item = value.get_item(&key)?;
        pairs.push(Value::from(Tuple::from([key, item])));
    }
    Ok(Value::from(pairs))
}

fn list_method(value: &Value, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    Some(match method {
        "index" => from_args(args).and_then(|(wanted,): (Value,)| {
            let at = value.try_iter()?.position(|item| item == wanted);
            at.map(Value::from)
                .ok_or_else(|| fail(ErrorKind::Value, format!("{} is not in list", to_repr(&wanted))))
        }),
        "copy" => Ok(value.clone()),
        "append" | "extend" | "insert" => Err(refuse_change(method, "use {% set list = list + [item] %}")),
        "remove" | "pop" | "clear" => Err(refuse_change(method, "use the filters reject or select")),
        "sort" => Err(refuse_change(method, "use the filter sort")),
        "reverse" => Err(refuse_change(method, "use the filter reverse")),
        _ => return None,
    })
}

fn fill(fill: Option<&str>) -> Result<char, Error> {
    let mut chars = fill.unwrap_or(" ").chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(c),
        _ => Err(fail(
            ErrorKind::Type,
            "the fill character must be exactly one character long",
        )),
    }
}

/// The part of a text that `start` and `end` cut out, and the number of characters before it.
fn window(text: &str, start: Option<i64>, end: Option<i64>) -> (&str, usize) {
    let len = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let clamp = |at: i64| usize::try_from((if at < 0 { at + len } else { at }).clamp(0, len)).unwrap_or(0);
    let (start, end) = (clamp(start.unwrap_or(0)), clamp(end.unwrap_or(len)));
    let byte = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
    (text.get(byte(start)..byte(end)).unwrap_or(""), start)
}

fn find(text: &str, args: &[Value], from_right: bool) -> Result<Option<usize>, Error> {
    let (wanted, start, end): (&str, Option<i64>, Option<i64>) = from_args(args)?;
    let (part, before) = window(text, start, end);
    let at = if from_right {
        part.rfind(wanted)
    } else {
        part.find(wanted)
    };
    Ok(at.map(|at| before + part[..at].chars().count()))
}

fn found(at: Option<usize>) -> Result<Value, Error> {
    at.map(Value::from)
        .ok_or_else(|| fail(ErrorKind::Value, "substring not found"))
}

fn list(parts: impl Iterator<Item = String>) -> Value {
    from_json(&Arc::new(Json::Array(parts.map(Json::String).collect())))
}

fn text_method(text: &str, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    let value = Value::from;
    Some(match method {
        "zfill" => from_args(args).and_then(|(wanted,): (i64,)| {
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(digits) => text.split_at(text.len() - digits.len()),
                None => ("", text),
            };
            let zeros = width(wanted)?.saturating_sub(text.chars().count());
            Ok(value(format!("{sign}{}{digits}", "0".repeat(zeros))))
        }),
        "center" | "ljust" | "rjust" => from_args(args).and_then(|(wanted, with): (i64, Option<&str>)| {
            let (wanted, with) = (width(wanted)?, fill(with)?);
            let pad = || std::iter::repeat_n(with, wanted.saturating_sub(text.chars().count()));
            Ok(value(match method {
                "center" => center(text, wanted, with)?,
                "ljust" => text.chars().chain(pad()).collect(),
                _ => pad().chain(text.chars()).collect(),
            }))
        }),
        "partition" | "rpartition" => from_args(args).and_then(|(separator,): (&str,)| {
            if separator.is_empty() {
                return Err(fail(ErrorKind::Value, "empty separator"));
            }
            let right = method == "rpartition";
            let parts = if right {
                text.rsplit_once(separator)
            } else {
                text.split_once(separator)
            };
            let parts = match parts {
                Some((before, after)) => [before, separator, after],
                None if right => ["", "", text],
                None => [text, "", ""],
            };
            Ok(Value::from(Tuple::new(
                parts.into_iter().map(Value::from).collect(),
            )))
        }),
        "find" | "rfind" => {
            find(text, args, method == "rfind").map(|at| at.map_or_else(|| Value::from(-1), Value::from))
        }
        "index" | "rindex" => find(text, args, method == "rindex").and_then(found),
        "count" => from_args(args).map(|(wanted, start, end): (&str, Option<i64>, Option<i64>)| {
            Value::from(window(text, start, end).0.matches(wanted).count())
        }),
        "replace" => from_args(args).and_then(|(old, new, count): (&str, &str, Option<i64>)| {
            let count = count
                .and_then(|count| usize::try_from(count).ok())
                .unwrap_or(usize::MAX);
            replace_text(text, old, new, count).map(value)
        }),
        "split" | "rsplit" => split(text, method == "rsplit", args),
        "splitlines" => from_args(args).map(|(keep, kwargs): (Option<bool>, Kwargs)| {
            let keep = keep.or_else(|| kwargs.get("keepends").ok()).unwrap_or(false);
            list(split_lines(text, keep).map(str::to_owned))
        }),
        "join" => from_args(args).and_then(|(items,): (Value,)| {
            let mut out = String::new();
            for (index, item) in items.try_iter()?.checked().enumerate() {
                let item = item?;
                let Some(part) = item.as_str() else {
                    return Err(fail(
                        ErrorKind::Type,
                        format!(
                            "sequence item {index}: expected str instance, {} found",
                            type_name(&item)
                        ),
                    ));
                };
                if index > 0 {
                    out.push_str(text);
                }
                out.push_str(part);
                width(i64::try_from(out.len()).unwrap_or(i64::MAX))?;
            }
            Ok(value(out))
        }),
        "removeprefix" => {
            from_args(args).map(|(prefix,): (&str,)| Value::from(text.strip_prefix(prefix).unwrap_or(text)))
        }
        "removesuffix" => {
            from_args(args).map(|(suffix,): (&str,)| Value::from(text.strip_suffix(suffix).unwrap_or(text)))
        }
        "swapcase" => from_args(args).map(|()| {
            let swap = |c: char| -> String {
                if c.is_uppercase() {
                    c.to_lowercase().collect()
                } else {
                    c.to_uppercase().collect()
                }
            };
            value(text.chars().map(swap).collect())
        }),
        "casefold" => from_args(args).map(|()| value(text.to_lowercase())),
        "title" => from_args(args).map(|()| value(title(text))),
        "istitle" => from_args(args)
            .map(|()| Value::from(title(text) == text && text.chars().any(char::is_alphabetic))),
        "isdecimal" | "isdigit" => from_args(args).map(|()| {
            Value::from(
                !text.is_empty()
                    && text
                        .chars()
                        .all(|c| c.is_ascii_digit() || (!c.is_ascii() && c.is_numeric())),
            )
        }),
        "isidentifier" => from_args(args).map(|()| {
            let mut chars = text.chars();
            let first = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
            Value::from(first && chars.all(|c| c.is_alphanumeric() || c == '_'))
        }),
        "expandtabs" => from_args(args).map(|(size,): (Option<usize>,)| {
            let size = size.unwrap_or(8).clamp(1, 64);
            let (mut out, mut column) = (String::new(), 0);
            for c in text.chars() {
                match c {
                    '\t' => {
                        let blanks = size - column % size;
                        out.push_str(&" ".repeat(blanks));
                        column += blanks;
                    }
                    '\n' | '\r' => {
                        out.push(c);
                        column = 0;
                    }
                    c => {
                        out.push(c);
                        column += 1;
                    }
                }
            }
            value(out)
        }),
        "encode" => encode(text, args),
        "format_map" => Err(fail(
            ErrorKind::Security,
            "'format_map' is not available; use .format(name=value)",
        )),
        _ => return None,
    })
}

fn encode(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (encoding, errors, kwargs): (Option<&str>, Option<&str>, Kwargs) = from_args(args)?;
    let encoding = encoding
        .map(str::to_owned)
        .or_else(|| kwargs.get("encoding").ok())
        .unwrap_or_else(|| "utf-8".to_owned());
    let errors = errors
        .map(str::to_owned)
        .or_else(|| kwargs.get("errors").ok())
        .unwrap_or_else(|| "strict".to_owned());
    let highest = match encoding.to_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" => return Ok(Value::from_bytes(text.as_bytes().to_vec())),
        "ascii" | "us-ascii" => 0x80,
        "latin-1" | "latin1" | "iso-8859-1" => 0x100,
        _ => return Err(fail(ErrorKind::Value, format!("unknown encoding: {encoding}"))),
    };
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c)) {
            Ok(byte) if u32::from(byte) < highest => bytes.push(byte),
            _ if errors == "ignore" => {}
            _ if errors == "replace" => bytes.push(b'?'),
            _ => {
                return Err(fail(
                    ErrorKind::Value,
                    format!("'{encoding}' codec can't encode character {c:?}"),
                ));
            }
        }
    }
    Ok(Value::from_bytes(bytes))
}

fn split(text: &str, from_right: bool, args: &[Value]) -> Result<Value, Error> {
    let (positional, kwargs): (Rest<Value>, Kwargs) = from_args(args)?;
    let separator = positional
        .first()
        .cloned()
        .or_else(|| kwargs.get("sep").ok())
        .filter(|v| !v.is_none());
    let limit = positional.get(1).cloned().or_else(|| kwargs.get("maxsplit").ok());
    kwargs.assert_all_used()?;
    let limit = limit
        .and_then(|limit| usize::try_from(limit.as_i64()?).ok())
        .unwrap_or(usize::MAX);
    let mut parts: Vec<String> = match separator {
        Some(separator) => {
            let separator = separator.as_str().map(str::to_owned).ok_or_else(|| {
                fail(
                    ErrorKind::Type,
                    format!("must be str or None, not {}", type_name(&separator)),
                )
            })?;
            if separator.is_empty() {
                return Err(fail(ErrorKind::Value, "empty separator"));
            }
            let pieces = limit.saturating_add(1);
            if from_right {
                text.rsplitn(pieces, &separator).map(str::to_owned).collect()
            } else {
                text.splitn(pieces, &separator).map(str::to_owned).collect()
            }
        }
        None => {
            let (mut parts, mut rest) = (Vec::new(), text.trim());
            while !rest.is_empty() {
                let cut = if from_right {
                    rest.rfind(char::is_whitespace)
                } else {
                    rest.find(char::is_whitespace)
                };
                let Some(at) = cut.filter(|_| parts.len() < limit) else {
                    parts.push(rest.to_owned());
                    break;
                };
                if from_right {
                    parts.push(rest[at..].trim().to_owned());
                    rest = rest[..at].trim_end();
                } else {
                    parts.push(rest[..at].to_owned());
                    rest = rest[at..].trim_start();
                }
            }
            parts
        }
    };
    if from_right {
        parts.reverse();
    }
    Ok(list(parts.into_iter()))
}

/// Lines as Python's `splitlines` cuts them.
pub(crate) fn split_lines(text: &str, keep_ends: bool) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let is_end = |c: char| {
            matches!(
                c,
                '\n' | '\r' | '\x0b' | '\x0c' | '\x1c' | '\x1d' | '\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
            )
        };
        let Some(at) = rest.find(is_end) else {
            return Some(std::mem::take(&mut rest));
        };
        let end_len = if rest[at..].starts_with("\r\n") {
            2
        } else {
            rest[at..].chars().next().map_or(1, char::len_utf8)
        };
        let line = if keep_ends {
            &rest[..at + end_len]
        } else {
            &rest[..at]
        };
        rest = &rest[at + end_len..];
        Some(line)
    })
}

/// `str.title`: a letter after anything but a letter is large.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphabetic();
    }
    out
}
