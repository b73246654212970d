//! Jinja2's own filters where the engine lacks them or answers differently.

use std::cmp::Ordering;

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Environment, Error, State, UndefinedBehavior, Value};

use super::args::{Args, More};
use super::error::{ErrorKind, fail};
use super::filters::{MAX_TEXT, indent_text};
use super::html::{escape_html, striptags, urlize, xmlattr};
use super::value::{as_float, defined, text_of, to_json, to_repr, to_text, type_name};
use crate::expr::pyjson::{JsonStyle, dumps};
use crate::expr::pyvalue;

pub(crate) fn add(env: &mut Environment<'_>) {
    env.add_filter("int", int);
    env.add_filter("float", float);
    env.add_filter("tojson", tojson);
    env.add_filter("string", |state: &State<'_, '_>, value: Value| {
        text_of(state, &value)
    });
    env.add_filter("pprint", |value: Value| to_repr(&value));
    env.add_filter("default", default);
    env.add_filter("d", default);
    env.add_filter("join", join);
    env.add_filter("replace", replace);
    env.add_filter("center", |state: &State<'_, '_>, value: Value, args: More| {
        let args = Args::bind("center", &["width"], args)?;
        center(&text_of(state, &value)?, width(args.integer_or(0, 80)?)?, ' ')
    });
    env.add_filter("indent", indent);
    env.add_filter("truncate", truncate);
    env.add_filter("wordwrap", wordwrap);
    env.add_filter("wordcount", |state: &State<'_, '_>, value: Value| {
        let text = text_of(state, &value)?;
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        Ok::<_, Error>(words.filter(|word| !word.is_empty()).count())
    });
    env.add_filter("filesizeformat", filesizeformat);
    env.add_filter("title", |state: &State<'_, '_>, value: Value| {
        text_of(state, &value).map(|text| title(&text))
    });
    env.add_filter("urlencode", urlencode);
    env.add_filter("sort", sort);
    env.add_filter("dictsort", dictsort);
    env.add_filter("random", minijinja_contrib::filters::random);
    env.add_filter("escape", escape);
    env.add_filter("e", escape);
    env.add_filter("forceescape", |state: &State<'_, '_>, value: Value| {
        text_of(state, &value).map(|text| Value::from_safe_string(escape_html(&text)))
    });
    env.add_filter("striptags", |state: &State<'_, '_>, value: Value| {
        text_of(state, &value).map(|text| striptags(&text))
    });
    env.add_filter("urlize", urlize);
    env.add_filter("xmlattr", xmlattr);
    env.add_test("callable", |value: Value| value.kind() == ValueKind::Plain);
}

fn escape(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    if value.is_safe() {
        return Ok(value);
    }
    text_of(state, &value).map(|text| Value::from_safe_string(escape_html(&text)))
}

fn default(value: Value, args: More) -> Result<Value, Error> {
    let args = Args::bind("default", &["default_value", "boolean"], args)?;
    let missing = value.is_undefined() || (args.flag_or(1, false) && !value.is_true());
    Ok(if missing {
        args.given(0).cloned().unwrap_or_else(|| Value::from(""))
    } else {
        value
    })
}

fn indent(state: &State<'_, '_>, value: &Value, args: More) -> Result<String, Error> {
    let args = Args::bind("indent", &["width", "first", "blank"], args)?;
    let pad = match args.get(0) {
        Some(text) if text.kind() == ValueKind::String => args.text(0)?,
        _ => " ".repeat(width(args.integer_or(0, 4)?)?),
    };
    let (first, blank) = (args.flag_or(1, false), args.flag_or(2, false));
    let text = text_of(state, value)?;
    if text.matches('\n').count().saturating_mul(pad.len()) > MAX_TEXT {
        return Err(fail(
            ErrorKind::Limit,
            format!("the indented text is longer than {MAX_TEXT} bytes"),
        ));
    }
    let mut out = String::with_capacity(text.len());
    let text = format!("{text}\n");
    for (index, line) in super::methods::split_lines(&text, false).enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if (index > 0 && (blank || !line.is_empty())) || (index == 0 && first) {
            out.push_str(&pad);
        }
        out.push_str(line);
    }
    Ok(out)
}

/// The value that a dotted attribute path of a filter names.
fn attribute(state: &State<'_, '_>, item: &Value, path: &str) -> Result<Value, Error> {
    let mut found = item.clone();
    for part in path.split('.') {
        let owner = found;
        found = match part.parse::<usize>() {
            Ok(number) => owner.get_item_by_index(number)?,
            Err(_) => owner.get_item(&Value::from(part))?,
        };
        if found.is_undefined() && state.undefined_behavior() == UndefinedBehavior::Strict {
            let owner = type_name(&owner);
            return Err(fail(
                ErrorKind::Undefined,
                format!("'{owner} object' has no attribute '{part}'"),
            ));
        }
    }
    Ok(found)
}

/// Compares as Python does: texts with texts, numbers with numbers, lists with lists, and nothing else.
fn compare(a: &Value, b: &Value, fold_case: bool) -> Result<Ordering, Error> {
    let number = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    match (a.kind(), b.kind()) {
        (ValueKind::String, ValueKind::String) if fold_case => {
            Ok(to_text(a).to_lowercase().cmp(&to_text(b).to_lowercase()))
        }
        (ValueKind::String, ValueKind::String) | (ValueKind::Seq, ValueKind::Seq) => Ok(a.cmp(b)),
        (ValueKind::Undefined, ValueKind::Undefined) => Ok(Ordering::Equal),
        _ if number(a) && number(b) => Ok(a.cmp(b)),
        _ => {
            let (a, b) = (type_name(a), type_name(b));
            Err(fail(
                ErrorKind::Type,
                format!("'<' not supported between instances of '{a}' and '{b}'"),
            ))
        }
    }
}

/// Sorts by keys; the first pair that cannot be compared is the error.
fn sorted(mut items: Vec<(Vec<Value>, Value)>, fold_case: bool, reverse: bool) -> Result<Vec<Value>, Error> {
    let mut failed = None;
    items.sort_by(|(a, _), (b, _)| {
        let order = a
            .iter()
            .zip(b)
            .map(|(a, b)| compare(a, b, fold_case))
            .find_map(|order| match order {
                Ok(Ordering::Equal) => None,
                Ok(order) => Some(order),
                Err(error) => {
                    failed.get_or_insert(error);
                    Some(Ordering::Equal)
                }
            });
        let order = order.unwrap_or(Ordering::Equal);
        if reverse { order.reverse() } else { order }
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(items.into_iter().map(|(_, item)| item).collect()),
    }
}

fn sort(state: &State<'_, '_>, value: &Value, args: More) -> Result<Value, Error> {
    defined(state, value)?;
    let args = Args::bind("sort", &["reverse", "case_sensitive", "attribute"], args)?;
    let paths = args.get(2).map(to_text);
    let mut items = Vec::new();
    for item in value.try_iter()?.checked() {
        let item = item?;
        let keys = match &paths {
            Some(paths) => paths
                .split(',')
                .map(|path| attribute(state, &item, path))
                .collect::<Result<_, _>>()?,
            None => vec![item.clone()],
        };
        items.push((keys, item));
    }
    state.consume_fuel(u64::try_from(items.len()).unwrap_or(u64::MAX))?;
    sorted(items, !args.flag_or(1, false), args.flag_or(0, false)).map(Value::from)
}

fn dictsort(value: &Value, args: More) -> Result<Value, Error> {
    let args = Args::bind("dictsort", &["case_sensitive", "by", "reverse"], args)?;
    let by_value = match args.text_or(1, "key")?.as_str() {
        "key" => false,
        "value" => true,
        _ => {
            return Err(fail(
                ErrorKind::Value,
                "You can only sort by either \"key\" or \"value\"",
            ));
        }
    };
    if value.kind() != ValueKind::Map {
        return Err(fail(
            ErrorKind::Type,
            format!("dictsort needs a dictionary, not {}", type_name(value)),
        ));
    }
    let mut items = Vec::new();
    for key in value.try_iter()?.checked() {
        let key = key?;
        let item = value.get_item(&key)?;
        let by = if by_value { item.clone() } else { key.clone() };
        items.push((vec![by], Value::from(Tuple::from([key, item]))));
    }
    sorted(items, !args.flag_or(0, false), args.flag_or(2, false)).map(Value::from)
}

/// A width that a text may be padded to.
pub(crate) fn width(width: i64) -> Result<usize, Error> {
    let width = usize::try_from(width.max(0)).unwrap_or(usize::MAX);
    if width > MAX_TEXT {
        return Err(fail(
            ErrorKind::Limit,
            format!("a text cannot be padded beyond {MAX_TEXT} characters"),
        ));
    }
    Ok(width)
}

fn int(state: &State<'_, '_>, value: Value, args: More) -> Result<Value, Error> {
    defined(state, &value)?;
    let args = Args::bind("int", &["default", "base"], args)?;
    let base = u32::try_from(args.integer_or(1, 10)?).unwrap_or(10);
    let found = match value.kind() {
        ValueKind::Bool => Some(i128::from(value.is_true())),
        ValueKind::Number => match as_float(&value) {
            Some(float) => truncated(float),
            None => return Ok(value),
        },
        ValueKind::String | ValueKind::Plain => {
            let text = to_text(&value);
            pyvalue::parse_int(&text, base).or_else(|| truncated(pyvalue::parse_float(&text)?))
        }
        _ => None,
    };
    Ok(match found {
        Some(number) => Value::from(number),
        None => args.given(0).cloned().unwrap_or_else(|| Value::from(0)),
    })
}

fn truncated(float: f64) -> Option<i128> {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be inside the range")]
    (float.abs() < 1e38).then_some(float.trunc() as i128)
}

fn float(state: &State<'_, '_>, value: &Value, args: More) -> Result<Value, Error> {
    defined(state, value)?;
    let args = Args::bind("float", &["default"], args)?;
    let found = match value.kind() {
        ValueKind::Bool => Some(if value.is_true() { 1.0 } else { 0.0 }),
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        ValueKind::String | ValueKind::Plain => pyvalue::parse_float(&to_text(value)),
        _ => None,
    };
    Ok(match found {
        Some(number) => Value::from(number),
        None => args.given(0).cloned().unwrap_or_else(|| Value::from(0.0)),
    })
}

fn tojson(value: &Value, args: More) -> Result<Value, Error> {
    let args = Args::bind("tojson", &["indent"], args)?;
    let mut style = JsonStyle {
        sort_keys: true,
        html_safe: true,
        ..JsonStyle::default()
    };
    if let Some(indent) = args.get(0) {
        style.indent = Some(indent_text(indent)?);
        style.item_separator = ",".to_owned();
    }
    Ok(Value::from_safe_string(dumps(&to_json(value)?, &style)))
}

fn join(state: &State<'_, '_>, value: &Value, args: More) -> Result<String, Error> {
    defined(state, value)?;
    let args = Args::bind("join", &["d", "attribute"], args)?;
    let separator = args.given(0).map_or_else(String::new, to_text);
    let path = args.get(1).map(to_text);
    let mut out = String::new();
    for (index, item) in value.try_iter()?.checked().enumerate() {
        let mut item = item?;
        if let Some(path) = &path {
            item = attribute(state, &item, path)?;
        }
        defined(state, &item)?;
        if index > 0 {
            out.push_str(&separator);
        }
        super::value::write_text(&mut out, &item);
        if out.len() > MAX_TEXT {
            return Err(fail(
                ErrorKind::Limit,
                format!("the joined text is longer than {MAX_TEXT} bytes"),
            ));
        }
    }
    Ok(out)
}

fn replace(state: &State<'_, '_>, value: &Value, args: More) -> Result<String, Error> {
    defined(state, value)?;
    let args = Args::bind("replace", &["old", "new", "count"], args)?;
    let (Some(old), Some(new)) = (args.given(0), args.given(1)) else {
        return Err(fail(
            ErrorKind::Type,
            "replace() needs two arguments: what to replace, and by what",
        ));
    };
    let count = usize::try_from(args.integer_or(2, -1)?).unwrap_or(usize::MAX);
    replace_text(&to_text(value), &to_text(old), &to_text(new), count)
}

/// `text.replace(old, new, count)`, bounded in length.
pub(crate) fn replace_text(text: &str, old: &str, new: &str, count: usize) -> Result<String, Error> {
    let places = if old.is_empty() {
        text.chars().count() + 1
    } else {
        text.matches(old).count()
    };
    if places.min(count).saturating_mul(new.len()) > MAX_TEXT {
        return Err(fail(
            ErrorKind::Limit,
            format!("the replaced text is longer than {MAX_TEXT} bytes"),
        ));
    }
    Ok(text.replacen(old, new, count))
}

/// `text.center(width, fill)`: an odd blank goes left if the width is odd, as in `CPython`.
pub(crate) fn center(text: &str, width: usize, fill: char) -> Result<String, Error> {
    let len = text.chars().count();
    if width <= len {
        return Ok(text.to_owned());
    }
    let margin = width - len;
    let left = margin / 2 + (margin & width & 1);
    let pad = |count: usize| std::iter::repeat_n(fill, count);
    Ok(pad(left).chain(text.chars()).chain(pad(margin - left)).collect())
}

/// Jinja's title case: a letter after a blank, dash or opening bracket is large, all others small.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut start = true;
    for c in text.chars() {
        if start {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        start = c.is_whitespace() || matches!(c, '-' | '(' | '{' | '[' | '<');
    }
    out
}

fn truncate(state: &State<'_, '_>, value: &Value, args: More) -> Result<String, Error> {
    let args = Args::bind("truncate", &["length", "killwords", "end", "leeway"], args)?;
    let text = text_of(state, value)?;
    let (length, end) = (args.integer_or(0, 255)?, args.text_or(2, "...")?);
    let leeway = args.integer_or(3, 5)?;
    let len = |text: &str| i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if length < len(&end) {
        return Err(fail(
            ErrorKind::Value,
            format!("expected length >= {}, got {length}", len(&end)),
        ));
    }
    if leeway < 0 {
        return Err(fail(
            ErrorKind::Value,
            format!("expected leeway >= 0, got {leeway}"),
        ));
    }
    if len(&text) <= length.saturating_add(leeway) {
        return Ok(text);
    }
    let kept: String = text
        .chars()
        .take(usize::try_from(length - len(&end)).unwrap_or(0))
        .collect();
    if args.flag_or(1, false) {
        return Ok(kept + &end);
    }
    let words = kept.rsplit_once(' ').map_or(kept.as_str(), |(words, _)| words);
    Ok(format!("{words}{end}"))
}

fn wordwrap(state: &State<'_, '_>, value: &Value, args: More) -> Result<String, Error> {
    let names = &["width", "break_long_words", "wrapstring", "break_on_hyphens"];
    let args = Args::bind("wordwrap", names, args)?;
    let width = args.integer_or(0, 79)?;
    if width <= 0 {
        return Err(fail(
            ErrorKind::Value,
            format!("invalid width {width} (must be > 0)"),
        ));
    }
    let width = usize::try_from(width).unwrap_or(usize::MAX);
    let (break_long, wrap) = (args.flag_or(1, true), args.text_or(2, "\n")?);
    let hyphens = args.flag_or(3, true);
    let text = text_of(state, value)?;
    let lines: Vec<String> = super::methods::split_lines(&text, false)
        .map(|line| wrap_line(line, width, break_long, hyphens).join(&wrap))
        .collect();
    Ok(lines.join(&wrap))
}

/// One line cut at blanks (and after hyphens between letters) into lines of at most `width` characters.
fn wrap_line(line: &str, width: usize, break_long: bool, hyphens: bool) -> Vec<String> {
    let mut pending: Vec<String> = Vec::new();
    let chars: Vec<char> = line.chars().collect();
    let mut word = String::new();
    for (index, &c) in chars.iter().enumerate() {
        let blank_before = word.ends_with(char::is_whitespace);
        if !word.is_empty() && c.is_whitespace() != blank_before {
            pending.push(std::mem::take(&mut word));
        }
        word.push(c);
        let letter = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphabetic());
        if hyphens
            && c == '-'
            && letter(index.checked_sub(1))
            && letter(Some(index + 1))
            && letter(index.checked_sub(2))
        {
            pending.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        pending.push(word);
    }
    pending.reverse();
    let len = |text: &str| text.chars().count();
    let mut lines: Vec<String> = Vec::new();
    while !pending.is_empty() {
        let (mut current, mut used): (Vec<String>, usize) = (Vec::new(), 0);
        if !lines.is_empty() && pending.last().is_some_and(|chunk| chunk.trim().is_empty()) {
            pending.pop();
        }
        while let Some(chunk) = pending.last() {
            if used + len(chunk) > width {
                break;
            }
            used += len(chunk);
            current.extend(pending.pop());
        }
        if let Some(long) = pending.last().filter(|chunk| len(chunk) > width).cloned() {
            if break_long {
                let room = width.saturating_sub(used).max(1);
                let head: String = long.chars().take(room).collect();
                let tail: String = long.chars().skip(room).collect();
                pending.pop();
                pending.push(tail);
                current.push(head);
            } else if current.is_empty() {
                current.extend(pending.pop());
            }
        }
        if current.last().is_some_and(|chunk| chunk.trim().is_empty()) {
            current.pop();
        }
        if !current.is_empty() {
            lines.push(current.concat());
        }
    }
    lines
}

fn filesizeformat(value: &Value, args: More) -> Result<String, Error> {
    let args = Args::bind("filesizeformat", &["binary"], args)?;
    let binary = args.flag_or(0, false);
    let bytes = match value.kind() {
        ValueKind::Number => f64::try_from(value.clone())?,
        ValueKind::String | ValueKind::Plain => pyvalue::parse_float(&to_text(value)).ok_or_else(|| {
            fail(
                ErrorKind::Value,
                format!("could not convert string to float: {}", to_repr(value)),
            )
        })?,
        _ => {
            return Err(fail(
                ErrorKind::Type,
                format!("a size must be a number, not {}", type_name(value)),
            ));
        }
    };
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if (bytes - 1.0).abs() < f64::EPSILON {
        return Ok("1 Byte".to_owned());
    }
    if bytes < base {
        return Ok(format!("{} Bytes", bytes.trunc()));
    }
    let prefixes = if binary {
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    } else {
        ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    };
    let mut unit = base;
    for (index, prefix) in prefixes.iter().enumerate() {
        unit *= base;
        if bytes < unit || index + 1 == prefixes.len() {
            return Ok(format!("{:.1} {prefix}", base * bytes / unit));
        }
    }
    Ok(String::new())
}

fn urlencode(value: &Value) -> Result<String, Error> {
    let pairs: Vec<(String, String)> = match value.kind() {
        ValueKind::Map => {
            let mut pairs = Vec::new();
            for key in value.try_iter()?.checked() {
                let key = key?;
                pairs.push((to_text(&key), to_text(&value.get_item(&key)?)));
            }
            pairs
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let mut pairs = Vec::new();
            for pair in value.try_iter()?.checked() {
                let pair = pair?;
                pairs.push((
                    to_text(&pair.get_item_by_index(0)?),
                    to_text(&pair.get_item_by_index(1)?),
                ));
            }
            pairs
        }
        _ => return Ok(quote(&to_text(value), "/", "%20")),
    };
    let parts: Vec<String> = pairs
        .iter()
        .map(|(key, item)| format!("{}={}", quote(key, "", "+"), quote(item, "", "+")))
        .collect();
    Ok(parts.join("&"))
}

fn quote(text: &str, safe: &str, blank: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "_.-~".contains(c) || safe.contains(c) {
            out.push(c);
        } else if c == ' ' {
            out.push_str(blank);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
