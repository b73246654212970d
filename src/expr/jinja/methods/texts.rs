//! Methods of texts.

use std::sync::Arc;

use super::encodings::{encode, make_table, translate};
use super::pieces::{replaced, rsplit_blanks, split_blanks, window};
use crate::expr::jinja::bind::{arity, text_arg};
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, limit, type_error, value_error};
use crate::expr::jinja::filters::striptags;
use crate::expr::jinja::format::braces::{Fields, format};
use crate::expr::jinja::machine::{CallArgs, Machine};
use crate::expr::jinja::object::{Markup, class_of, defined, is_markup, text_of};
use crate::expr::jinja::ops::{self, MAX_TEXT, check_len};
use crate::expr::jinja::text::{
    capitalize, char_len, digit_value, escape_html, is_cased, is_digit, is_identifier, is_lower, is_space,
    is_title, is_upper, split_lines, title,
};
use crate::expr::value::{List, Value};

pub(super) fn call(machine: &mut Machine<'_>, owner: &Value, name: &str, args: CallArgs) -> Run<Value> {
    let Some(text) = text_of(owner) else {
        return type_error("a text is needed");
    };
    let text = Arc::clone(text);
    if !is_markup(owner) {
        return plain(machine, &text, owner, name, args);
    }
    match name {
        "striptags" => return Ok(Value::from(striptags(&text))),
        "unescape" => return Ok(Value::from(crate::expr::jinja::filters::unescape_html(&text))),
        "format" | "format_map" => return plain(machine, &text, owner, name, args),
        _ => {}
    }
    // Methods of safe texts escape what they are given and give safe texts.
    let mut args = args;
    if name == "join" {
        if let Some(items) = args.positional.first_mut() {
            let mut escaped_items = Vec::new();
            for item in machine.collect(items)? {
                let text = Value::Str(machine.text(&item)?);
                escaped_items.push(if is_markup(&item) { text } else { escaped(&text) });
            }
            *items = Value::from(escaped_items);
        }
    } else if !matches!(
        name,
        "count" | "find" | "rfind" | "index" | "rindex" | "startswith" | "endswith" | "encode"
    ) {
        args.positional.iter_mut().for_each(|arg| *arg = escaped(arg));
    }
    let value = plain(machine, &text, owner, name, args)?;
    Ok(match value {
        Value::Str(text) => Markup::value(text),
        Value::List(items) => Value::list(items.iter().map(safe)),
        Value::Tuple(items) => Value::tuple(items.iter().map(safe)),
        other => other,
    })
}

fn escaped(value: &Value) -> Value {
    match value {
        Value::Str(text) => Value::from(escape_html(text).as_ref()),
        other => match text_of(other) {
            Some(text) => Value::Str(Arc::clone(text)),
            None => other.clone(),
        },
    }
}

fn safe(value: &Value) -> Value {
    match value {
        Value::Str(text) => Markup::value(Arc::clone(text)),
        other => other.clone(),
    }
}

fn plain(machine: &mut Machine<'_>, text: &str, owner: &Value, name: &str, args: CallArgs) -> Run<Value> {
    if let Some(answer) = about(text, name) {
        arity("str", name, &args, 0, 0)?;
        return Ok(Value::Bool(answer));
    }
    let value = match name {
        "upper" | "lower" | "casefold" | "capitalize" | "title" | "swapcase" => {
            arity("str", name, &args, 0, 0)?;
            match name {
                "upper" => text.to_uppercase(),
                "lower" => text.to_lowercase(),
                "casefold" => text.to_lowercase().replace('ß', "ss").replace('ς', "σ"),
                "capitalize" => capitalize(text),
                "title" => title(text),
                _ => swap_case(text),
            }
        }
        "strip" | "lstrip" | "rstrip" => {
            arity("str", name, &args, 0, 1).map_err(|_| {
                crate::expr::jinja::fault::Fault::new(
                    ErrorKind::Type,
                    format!(
                        "{name} expected at most 1 argument, got {}",
                        args.positional.len()
                    ),
                )
            })?;
            strip(text, name, args.positional.first())?
        }
        "center" | "ljust" | "rjust" => pad(text, name, &args)?,
        "zfill" => {
            arity("str", name, &args, 1, 1)?;
            let width = width_of(&args.positional[0])?;
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(digits) => text.split_at(text.len() - digits.len()),
                None => ("", text),
            };
            let zeros = width.saturating_sub(char_len(text));
            format!("{sign}{}{digits}", "0".repeat(zeros))
        }
        "replace" => {
            arity("str", name, &args, 2, 3)?;
            let mut parts = [""; 2];
            for (index, part) in parts.iter_mut().enumerate() {
                *part = text_arg(name, index + 1, &args.positional[index])?;
            }
            let count = match args.positional.get(2) {
                Some(count) => usize::try_from(ops::integer(count)?).unwrap_or(usize::MAX),
                None => usize::MAX,
            };
            match replaced(text, parts[0], parts[1], count, MAX_TEXT) {
                Some(text) => text,
                None => return limit(format!("a text is longer than {MAX_TEXT} bytes")),
            }
        }
        "removeprefix" | "removesuffix" => {
            arity("str", name, &args, 1, 1)?;
            let part = text_arg(name, 1, &args.positional[0]).or_else(|_| {
                type_error(format!(
                    "{name}() argument must be str, not {}",
                    class_of(&args.positional[0])
                ))
            })?;
            let cut = if name == "removeprefix" {
                text.strip_prefix(part)
            } else {
                text.strip_suffix(part)
            };
            cut.unwrap_or(text).to_owned()
        }
        "expandtabs" => expand_tabs(text, args)?,
        "join" => join(machine, text, &args)?,
        "format" | "format_map" => return by_fields(machine, owner, name, &args),
        _ => return parts(text, name, args),
    };
    check_len(value.len())?;
    Ok(Value::from(value))
}

/// Methods that ask a question.
fn about(text: &str, name: &str) -> Option<bool> {
    let all = |test: fn(char) -> bool| !text.is_empty() && text.chars().all(test);
    Some(match name {
        "isalnum" => all(char::is_alphanumeric),
        "isalpha" => all(char::is_alphabetic),
        "isascii" => text.is_ascii(),
        "isdecimal" => all(|c| digit_value(c).is_some()),
        "isdigit" => all(is_digit),
        "isnumeric" => all(char::is_numeric),
        "isidentifier" => is_identifier(text),
        "islower" => is_lower(text),
        "isupper" => is_upper(text),
        "istitle" => is_title(text),
        "isspace" => all(is_space),
        "isprintable" => {
            let shown = crate::expr::pyvalue::str_repr(&text.replace(['\'', '"', '\\'], ""));
            !shown.contains('\\')
        }
        _ => return None,
    })
}

fn swap_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !is_cased(c) {
            out.push(c);
        } else if c.is_uppercase() {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
    }
    out
}

fn strip(text: &str, name: &str, chars: Option<&Value>) -> Run<String> {
    let wanted: Option<Vec<char>> = match chars {
        None | Some(Value::Null) => None,
        Some(value) => match text_of(value) {
            Some(chars) => Some(chars.chars().collect()),
            None => {
                defined(value)?;
                return type_error(format!("{name} arg must be None or str"));
            }
        },
    };
    let matches = |c: char| {
        wanted
            .as_ref()
            .map_or_else(|| is_space(c), |wanted| wanted.contains(&c))
    };
    let mut text = text;
    if name != "rstrip" {
        text = text.trim_start_matches(matches);
    }
    if name != "lstrip" {
        text = text.trim_end_matches(matches);
    }
    Ok(text.to_owned())
}

fn width_of(value: &Value) -> Run<usize> {
    let width = usize::try_from(ops::integer(value)?.max(0)).unwrap_or(usize::MAX);
    check_len(width)?;
    Ok(width)
}

/// `text.center(width, fill)`: the odd blank goes left of texts of even length in fields of odd width.
pub(crate) fn center(text: &str, width: usize, fill: char) -> String {
    let missing = width.saturating_sub(char_len(text));
    let left = missing / 2 + (missing & width & 1);
    let mut out = String::with_capacity(text.len() + missing);
    out.extend(std::iter::repeat_n(fill, left));
    out.push_str(text);
    out.extend(std::iter::repeat_n(fill, missing - left));
    out
}

fn pad(text: &str, name: &str, args: &CallArgs) -> Run<String> {
    arity("str", name, args, 1, 2)?;
    let width = width_of(&args.positional[0])?;
    let fill = match args.positional.get(1) {
        None => ' ',
        Some(value) => {
            let mut chars = text_of(value).map(|text| text.chars()).into_iter().flatten();
            match (chars.next(), chars.next()) {
                (Some(fill), None) => fill,
                _ if text_of(value).is_none() => {
                    return type_error(format!(
                        "The fill character must be a unicode character, not {}",
                        class_of(value)
                    ));
                }
                _ => return type_error("The fill character must be exactly one character long"),
            }
        }
    };
    if name == "center" {
        return Ok(center(text, width, fill));
    }
    let filling: String = std::iter::repeat_n(fill, width.saturating_sub(char_len(text))).collect();
    Ok(if name == "ljust" {
        format!("{text}{filling}")
    } else {
        format!("{filling}{text}")
    })
}

fn expand_tabs(text: &str, mut args: CallArgs) -> Run<String> {
    let size = args
        .take_keyword("tabsize")
        .or_else(|| args.positional.first().cloned());
    let size = match size {
        Some(size) => width_of(&size)?,
        None => 8,
    };
    let (mut out, mut column) = (String::with_capacity(text.len()), 0);
    for c in text.chars() {
        match c {
            '\t' => {
                let blanks = if size == 0 { 0 } else { size - column % size };
                out.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
                check_len(out.len())?;
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
    Ok(out)
}

fn join(machine: &mut Machine<'_>, text: &str, args: &CallArgs) -> Run<String> {
    arity("str", "join", args, 1, 1)?;
    let given = &args.positional[0];
    let items = match crate::expr::jinja::machine::is_iterable(given) {
        true => machine.collect(given)?,
        false => {
            defined(given)?;
            return type_error("can only join an iterable");
        }
    };
    let mut out = String::new();
    for (index, item) in items.iter().enumerate() {
        let Some(part) = text_of(item) else {
            return type_error(format!(
                "sequence item {index}: expected str instance, {} found",
                class_of(item)
            ));
        };
        if index > 0 {
            out.push_str(text);
        }
        out.push_str(part);
        check_len(out.len())?;
    }
    Ok(out)
}

fn by_fields(machine: &mut Machine<'_>, owner: &Value, name: &str, args: &CallArgs) -> Run<Value> {
    if name == "format_map" {
        if !args.keywords.is_empty() {
            return type_error("format_map() takes no keyword arguments");
        }
        let [mapping] = args.positional.as_slice() else {
            return type_error(format!(
                "format_map() takes exactly one argument ({} given)",
                args.positional.len()
            ));
        };
        let named = |name: &str| mapping.get(name).cloned();
        let fields = Fields {
            positional: &[],
            named: &named,
        };
        return format(machine, owner, &fields);
    }
    let named = |name: &str| {
        let found = args.keywords.iter().find(|(known, _)| **known == *name);
        found.map(|(_, value)| value.clone())
    };
    let fields = Fields {
        positional: &args.positional,
        named: &named,
    };
    format(machine, owner, &fields)
}

/// A bound of `find` and the like.
fn bound(value: Option<&Value>) -> Run<Option<i64>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match ops::integer(value) {
            Ok(at) => Ok(Some(at)),
            Err(_) => type_error("slice indices must be integers or None or have an __index__ method"),
        },
    }
}

fn list<'t>(parts: impl IntoIterator<Item = &'t str>) -> Value {
    Value::list(parts.into_iter().map(Value::from))
}

/// Methods that find or cut parts.
fn parts(text: &str, name: &str, mut args: CallArgs) -> Run<Value> {
    match name {
        "find" | "rfind" | "index" | "rindex" | "count" => {
            if args.positional.is_empty() {
                return type_error(format!("{name}() takes at least 1 argument (0 given)"));
            }
            let Some(part) = text_of(&args.positional[0]) else {
                defined(&args.positional[0])?;
                return type_error(format!("must be str, not {}", class_of(&args.positional[0])));
            };
            let range = window(
                text,
                bound(args.positional.get(1))?,
                bound(args.positional.get(2))?,
            );
            if name == "count" {
                let count = range.map_or(0, |(range, _)| {
                    if part.is_empty() {
                        char_len(range) + 1
                    } else {
                        range.matches(&**part).count()
                    }
                });
                return Ok(Value::from(count));
            }
            let at = range.and_then(|(range, before)| {
                let at = if name.starts_with('r') {
                    range.rfind(&**part)
                } else {
                    range.find(&**part)
                };
                at.map(|at| before + char_len(&range[..at]))
            });
            match at {
                Some(at) => Ok(Value::from(at)),
                None if name.ends_with("find") => Ok(Value::Int(-1)),
                None => value_error("substring not found"),
            }
        }
        "startswith" | "endswith" => starts_or_ends(text, name, &args),
        "split" | "rsplit" => split(text, name, args),
        "splitlines" => {
            let keep = args
                .take_keyword("keepends")
                .or_else(|| args.positional.first().cloned());
            let keep = keep.as_ref().map_or(Ok(false), ops::truth)?;
            Ok(list(split_lines(text, keep)))
        }
        "partition" | "rpartition" => {
            arity("str", name, &args, 1, 1)?;
            let Some(separator) = text_of(&args.positional[0]) else {
                return type_error(format!("must be str, not {}", class_of(&args.positional[0])));
            };
            if separator.is_empty() {
                return value_error("empty separator");
            }
            let parts = if name == "partition" {
                text.split_once(&**separator)
            } else {
                text.rsplit_once(&**separator)
            };
            let parts = match parts {
                Some((before, after)) => [before, separator, after],
                None if name == "partition" => [text, "", ""],
                None => ["", "", text],
            };
            Ok(Value::Tuple(List::new(
                parts.into_iter().map(Value::from).collect(),
            )))
        }
        "encode" => encode(text, args),
        "maketrans" => make_table(&args),
        "translate" => translate(text, &args),
        _ => type_error(format!("str.{name}() is not available")),
    }
}

fn starts_or_ends(text: &str, name: &str, args: &CallArgs) -> Run<Value> {
    arity("str", name, args, 1, 3)?;
    let wanted = &args.positional[0];
    let parts = match (text_of(wanted), wanted) {
        (Some(part), _) => vec![Arc::clone(part)],
        (None, Value::Tuple(items)) => {
            let mut parts = Vec::new();
            for item in items.iter() {
                match text_of(item) {
                    Some(part) => parts.push(Arc::clone(part)),
                    None => {
                        return type_error(format!(
                            "tuple for {name} must only contain str, not {}",
                            class_of(item)
                        ));
                    }
                }
            }
            parts
        }
        _ => {
            defined(wanted)?;
            return type_error(format!(
                "{name} first arg must be str or a tuple of str, not {}",
                class_of(wanted)
            ));
        }
    };
    let Some((range, _)) = window(
        text,
        bound(args.positional.get(1))?,
        bound(args.positional.get(2))?,
    ) else {
        return Ok(Value::Bool(false));
    };
    let found = parts.iter().any(|part| {
        if name == "startswith" {
            range.starts_with(&**part)
        } else {
            range.ends_with(&**part)
        }
    });
    Ok(Value::Bool(found))
}

fn split(text: &str, name: &str, mut args: CallArgs) -> Run<Value> {
    let separator = args
        .take_keyword("sep")
        .or_else(|| args.positional.first().cloned());
    let most = args
        .take_keyword("maxsplit")
        .or_else(|| args.positional.get(1).cloned());
    if let Some((keyword, _)) = args.keywords.first() {
        return type_error(format!("'{keyword}' is an invalid keyword argument for {name}()"));
    }
    if args.positional.len() > 2 {
        return type_error(format!(
            "{name}() takes at most 2 arguments ({} given)",
            args.positional.len()
        ));
    }
    let most = match most {
        Some(most) => usize::try_from(ops::integer(&most)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let from_right = name == "rsplit";
    let separator = match separator {
        None | Some(Value::Null) => {
            return Ok(list(if from_right {
                rsplit_blanks(text, most)
            } else {
                split_blanks(text, most)
            }));
        }
        Some(value) => match text_of(&value) {
            Some(text) => Arc::clone(text),
            None => {
                defined(&value)?;
                return type_error(format!("must be str or None, not {}", class_of(&value)));
            }
        },
    };
    if separator.is_empty() {
        return value_error("empty separator");
    }
    let pieces = most.saturating_add(1);
    if from_right {
        let mut parts: Vec<&str> = text.rsplitn(pieces, &*separator).collect();
        parts.reverse();
        return Ok(list(parts));
    }
    Ok(list(text.splitn(pieces, &*separator)))
}
