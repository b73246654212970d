//! `StackStorm`'s filters: data, regular expressions, versions, times, paths, secrets.

use std::sync::Arc;

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Environment, Error, State, Value};
use serde_json::Value as Json;

use super::args::{Args, More};
use super::context::{Datastore, StoredKey};
use super::error::{ErrorKind, fail};
use super::value::{Node, as_float, defined, from_json, text_of, to_json, to_text, type_name};
use super::version;
use crate::expr::jsonpath::{self, PathError};
use crate::expr::pyjson::{JsonStyle, dumps};
use crate::expr::pyyaml::{self, DumpOptions};
use crate::expr::regex_use::{Pattern, RegexError, Replacement};
use crate::expr::{NONE_MARKER, pyvalue};

/// Longest text that a filter may make, in bytes.
pub(crate) const MAX_TEXT: usize = 8 * 1024 * 1024;

pub(crate) fn add(env: &mut Environment<'_>) {
    env.add_filter("to_complex", |value: Value| {
        to_json(&value).map(|json| dumps(&json, &JsonStyle::default()))
    });
    env.add_filter("to_json_string", to_json_string);
    env.add_filter("from_json_string", from_json_string);
    env.add_filter("to_yaml_string", to_yaml_string);
    env.add_filter("from_yaml_string", from_yaml_string);
    env.add_filter("json_escape", json_escape);
    env.add_filter("jsonpath_query", jsonpath_query);
    env.add_filter("regex_match", regex_match);
    env.add_filter("regex_search", regex_search);
    env.add_filter("regex_replace", regex_replace);
    env.add_filter("regex_substring", regex_substring);
    env.add_filter("to_human_time_from_seconds", human_time);
    env.add_filter("use_none", |state: &State<'_, '_>, value: Value| {
        defined(state, &value).map(|()| {
            if value.is_none() {
                Value::from(NONE_MARKER)
            } else {
                value
            }
        })
    });
    env.add_filter("decrypt_kv", decrypt_kv);
    env.add_filter("basename", |path: Value| {
        path_text(&path).map(|path| split_path(&path).1.to_owned())
    });
    env.add_filter("dirname", |path: Value| {
        path_text(&path).map(|path| dirname(&path))
    });
    version::add(env);
}

fn to_json_string(value: &Value, args: More) -> Result<String, Error> {
    let args = Args::bind("to_json_string", &["indent", "sort_keys", "separators"], args)?;
    let mut style = JsonStyle {
        item_separator: ",".to_owned(),
        ..JsonStyle::default()
    };
    style.indent = args.get(0).map(indent_text).transpose()?;
    style.sort_keys = args.flag_or(1, false);
    if let Some(separators) = args.get(2) {
        let parts: Vec<Value> = separators.try_iter()?.take(3).collect();
        let [items, keys] = parts.as_slice() else {
            return Err(fail(
                ErrorKind::Value,
                "separators must be two texts: between items, and after a key",
            ));
        };
        (style.item_separator, style.key_separator) = (to_text(items), to_text(keys));
    }
    Ok(dumps(&to_json(value)?, &style))
}

/// An indentation as `json.dumps` takes it: a number of blanks or a text.
pub(crate) fn indent_text(value: &Value) -> Result<String, Error> {
    match value.as_i64() {
        Some(blanks) => Ok(" ".repeat(usize::try_from(blanks.clamp(0, 64)).unwrap_or(0))),
        None => match value.as_str() {
            Some(text) if text.len() <= 64 => Ok(text.to_owned()),
            _ => Err(fail(
                ErrorKind::Type,
                "indent must be a number or a text of at most 64 characters",
            )),
        },
    }
}

fn from_json_string(value: &Value) -> Result<Value, Error> {
    let text = to_text(value);
    let json: Json = serde_json::from_str(&text)
        .map_err(|error| fail(ErrorKind::Value, format!("the text is no JSON: {error}")))?;
    Ok(from_json(&Arc::new(json)))
}

fn to_yaml_string(value: &Value, args: More) -> Result<String, Error> {
    let args = Args::bind(
        "to_yaml_string",
        &["indent", "allow_unicode", "default_flow_style"],
        args,
    )?;
    let options = DumpOptions {
        indent: usize::try_from(args.integer_or(0, 2)?).unwrap_or(2),
        allow_unicode: args.flag_or(1, true),
        flow: args.flag_or(2, false),
        sort_keys: true,
    };
    Ok(pyyaml::dump(&to_json(value)?, options))
}

fn from_yaml_string(value: &Value) -> Result<Value, Error> {
    let json = pyyaml::load(&to_text(value))
        .map_err(|error| fail(ErrorKind::Value, format!("the text is no YAML: {error}")))?;
    Ok(from_json(&Arc::new(json)))
}

/// The text is marked as escaped, so that a place that decodes JSON escapes again knows which texts to decode.
fn json_escape(value: &Value) -> Result<Value, Error> {
    let text = dumps(&to_json(value)?, &JsonStyle::default());
    Ok(Value::from_safe_string(text.trim_matches('"').to_owned()))
}

fn jsonpath_query(value: &Value, args: More) -> Result<Value, Error> {
    let args = Args::bind("jsonpath_query", &["query"], args)?;
    let path = args.text(0)?;
    let found = match value.downcast_object_ref::<Node>() {
        Some(node) => jsonpath::query(node.json(), &path),
        None => jsonpath::query(&to_json(value)?, &path),
    };
    match found {
        Ok(found) if found.is_empty() => Ok(Value::from(())),
        Ok(found) => Ok(from_json(&Arc::new(Json::Array(found)))),
        Err(PathError::Parse(message)) => Err(fail(ErrorKind::Value, message)),
        Err(PathError::Type(message)) => Err(fail(ErrorKind::Type, message)),
        Err(PathError::Limit(message)) => Err(fail(ErrorKind::Limit, message)),
    }
}

fn regex_error(error: RegexError) -> Error {
    match error {
        RegexError::Invalid(message) => fail(ErrorKind::Regex, message),
        RegexError::Limit(message) => fail(ErrorKind::Limit, message),
    }
}

fn regex_match(state: &State<'_, '_>, value: &Value, args: More) -> Result<bool, Error> {
    let args = Args::bind("regex_match", &["pattern", "ignorecase"], args)?;
    let pattern = Pattern::at_start(&args.text(0)?, args.flag_or(1, false)).map_err(regex_error)?;
    pattern
        .matches_anywhere(&text_of(state, value)?)
        .map_err(regex_error)
}

fn regex_search(state: &State<'_, '_>, value: &Value, args: More) -> Result<bool, Error> {
    let args = Args::bind("regex_search", &["pattern", "ignorecase"], args)?;
    let pattern = Pattern::new(&args.text(0)?, args.flag_or(1, false)).map_err(regex_error)?;
    pattern
        .matches_anywhere(&text_of(state, value)?)
        .map_err(regex_error)
}

fn regex_replace(state: &State<'_, '_>, value: &Value, args: More) -> Result<String, Error> {
    let args = Args::bind("regex_replace", &["pattern", "replacement", "ignorecase"], args)?;
    let pattern = Pattern::new(&args.text(0)?, args.flag_or(2, false)).map_err(regex_error)?;
    let replacement = Replacement::new(&args.text(1)?, &pattern).map_err(regex_error)?;
    replacement
        .replace_all(&pattern, &text_of(state, value)?, MAX_TEXT)
        .map_err(regex_error)
}

fn regex_substring(state: &State<'_, '_>, value: &Value, args: More) -> Result<Value, Error> {
    let args = Args::bind(
        "regex_substring",
        &["pattern", "result_index", "ignorecase"],
        args,
    )?;
    let pattern = Pattern::new(&args.text(0)?, args.flag_or(2, false)).map_err(regex_error)?;
    let index = args.integer_or(1, 0)?;
    let mut found: Vec<Value> = Vec::new();
    let groups = pattern.group_count();
    pattern
        .for_each_match(&text_of(state, value)?, |captures| {
            let group = |index: usize| Value::from(captures.get(index).map_or("", |found| found.as_str()));
            found.push(match groups {
                0 => group(0),
                1 => group(1),
                _ => Value::from(Tuple::new((1..=groups).map(group).collect())),
            });
            index < 0 || i64::try_from(found.len()).unwrap_or(i64::MAX) <= index
        })
        .map_err(regex_error)?;
    let len = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let at = usize::try_from(if index < 0 { index + len } else { index }).ok();
    at.and_then(|at| found.get(at).cloned()).ok_or_else(|| {
        fail(
            ErrorKind::Index,
            format!("list index out of range: there is no match number {index}"),
        )
    })
}

fn human_time(value: &Value) -> Result<String, Error> {
    let float = as_float(value);
    let seconds = match (value.kind(), float) {
        (ValueKind::Bool, _) => i128::from(value.is_true()),
        (_, Some(float)) if float < 1.0 && float != 0.0 => {
            return Ok(format!("{}\u{3bc}s", pyvalue::float_repr(float)));
        }
        (_, Some(float)) if float.is_finite() && float < 1e15 => {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be below 1e15")]
            let rounded = float.round_ties_even() as i128;
            rounded
        }
        (ValueKind::Number, None) => i128::try_from(value.clone())?,
        (ValueKind::Number, Some(_)) => return Err(too_long()),
        _ => {
            return Err(fail(
                ErrorKind::Other,
                format!(
                    "to_human_time_from_seconds needs a number of seconds, not {}",
                    type_name(value)
                ),
            ));
        }
    };
    if seconds == 0 {
        return Ok("0s".to_owned());
    }
    if seconds < 1 {
        return Ok(format!("{seconds}\u{3bc}s"));
    }
    /// Days from 0001-01-01 to 9999-12-31.
    const LAST_DAY: i128 = 3_652_058;
    if seconds / 86_400 > LAST_DAY {
        return Err(too_long());
    }
    let seconds = i64::try_from(seconds).map_err(|_| too_long())?;
    // The time is counted as a date after the first day of year 1, and months are not shown: 31 days are nothing.
    let (year, day) = date_after_year_one(seconds / 86_400);
    let parts = [
        (year, 'y'),
        (day, 'd'),
        (seconds / 3600 % 24, 'h'),
        (seconds / 60 % 60, 'm'),
        (seconds % 60, 's'),
    ];
    let shown = parts.iter().skip_while(|(amount, _)| *amount == 0);
    let text: String = shown.map(|(amount, unit)| format!("{amount}{unit}")).collect();
    Ok(if text.is_empty() { "0s".to_owned() } else { text })
}

fn too_long() -> Error {
    fail(
        ErrorKind::Overflow,
        "date value out of range: the time is longer than 9998 years",
    )
}

/// Years and days of the month that have passed `days` after 0001-01-01 (proleptic Gregorian calendar).
fn date_after_year_one(days: i64) -> (i64, i64) {
    // Counting from 0000-03-01 puts the leap day at the end of a year.
    let shifted = days + 306;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5;
    let year = era * 400 + year_of_era + i64::from(month >= 10);
    (year - 1, day)
}

fn decrypt_kv(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    let plain = if let Some(key) = value.downcast_object_ref::<StoredKey>() {
        key.decrypt()
    } else {
        let store = state.lookup("st2kv");
        match store
            .as_ref()
            .and_then(|store| store.downcast_object_ref::<Datastore>())
        {
            Some(store) => store.decrypt(&to_text(value)),
            None => Err("secrets cannot be decrypted here: there is no datastore".to_owned()),
        }
    };
    plain.map_err(|message| fail(ErrorKind::Value, message))
}

fn path_text(path: &Value) -> Result<String, Error> {
    match path.kind() {
        ValueKind::String | ValueKind::Plain => Ok(to_text(path)),
        _ => Err(fail(
            ErrorKind::Type,
            format!(
                "expected str, bytes or os.PathLike object, not {}",
                type_name(path)
            ),
        )),
    }
}

/// What comes before the last `/` (with it) and after.
fn split_path(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |at| at + 1))
}

fn dirname(path: &str) -> String {
    let head = split_path(path).0;
    let trimmed = head.trim_end_matches('/');
    if trimmed.is_empty() {
        head.to_owned()
    } else {
        trimmed.to_owned()
    }
}
