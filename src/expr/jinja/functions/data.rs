//! JSON, YAML and JSON paths.

use std::sync::Arc;

use crate::expr::jinja::Setting;
use crate::expr::jinja::bind::Bound;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail, type_error, value_error};
use crate::expr::jinja::filters::{check_keys, indentation, short_class_of};
use crate::expr::jinja::machine::{Machine, text_of_data};
use crate::expr::jinja::object::{JsonEscaped, class_of, defined, plain, text_of};
use crate::expr::jinja::ops::{self, check_len};
use crate::expr::jsonpath;
use crate::expr::pyjson::JsonStyle;
use crate::expr::pyyaml::{self, DumpOptions};
use crate::expr::value::{Value, dumps, loads};

pub(super) const JSON_NAMES: &[&str] = &["indent", "sort_keys", "separators"];
pub(super) const YAML_NAMES: &[&str] = &["indent", "allow_unicode", "default_flow_style"];

fn dump(value: &Value, style: &JsonStyle) -> Run<String> {
    if style.sort_keys {
        check_keys(value, 0)?;
    }
    match dumps(&plain(value.clone())?, style) {
        Ok(text) => {
            check_len(text.len())?;
            Ok(text)
        }
        Err(error) => type_error(short_class_of(&error.to_string())),
    }
}

pub(super) fn to_complex(_: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    defined(value)?;
    dump(value, &JsonStyle::default()).map(Value::from)
}

pub(super) fn to_json_string(_: Option<&mut Machine<'_>>, value: &Value, args: &Bound) -> Run<Value> {
    defined(value)?;
    let mut style = JsonStyle {
        item_separator: ",".to_owned(),
        sort_keys: args.flag(1, false)?,
        ..JsonStyle::default()
    };
    style.indent = args.get(0).map(indentation).transpose()?;
    if let Some(separators) = args.get(2) {
        let texts = ops::items_of(separators)
            .map(|items| items.iter().filter_map(text_of).cloned().collect::<Vec<_>>())
            .unwrap_or_default();
        let [items, keys] = texts.as_slice() else {
            return value_error("separators must be two texts: between items, and after a key");
        };
        (style.item_separator, style.key_separator) = (items.to_string(), keys.to_string());
    }
    dump(value, &style).map(Value::from)
}

pub(super) fn from_json_string(_: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    let text = source(value, "the JSON object must be str, bytes or bytearray, not")?;
    loads(&text).or_else(|error| value_error(error.to_string()))
}

/// A text to parse.
fn source(value: &Value, complaint: &str) -> Run<String> {
    if let Some(text) = text_of(value) {
        return Ok(text.to_string());
    }
    defined(value)?;
    match value {
        Value::Bytes(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        Value::Opaque(_) => text_of_data(value),
        _ => type_error(format!("{complaint} {}", class_of(value))),
    }
}

pub(super) fn to_yaml_string(_: Option<&mut Machine<'_>>, value: &Value, args: &Bound) -> Run<Value> {
    defined(value)?;
    let options = DumpOptions {
        indent: match args.given(0) {
            Some(indent) if ops::truth(indent)? => usize::try_from(ops::integer(indent)?).unwrap_or(2),
            _ => 2,
        },
        allow_unicode: args.flag(1, true)?,
        flow: args.flag(2, false)?,
        sort_keys: true,
    };
    match pyyaml::dump(&plain(value.clone())?, options) {
        Ok(text) => Ok(Value::from(text)),
        Err(error) => fail(error.kind, error.message),
    }
}

pub(super) fn from_yaml_string(_: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    let text = source(value, "a YAML text must be a text, not")?;
    match pyyaml::load(&text) {
        Ok(value) => Ok(value),
        Err(error) => value_error(format!("the text is no YAML: {error}")),
    }
}

/// Inside lists and dictionaries the text is marked, so that what decodes JSON escapes again knows which to decode.
pub(super) fn json_escape(machine: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    defined(value)?;
    let text = dump(value, &JsonStyle::default())?;
    let inner: Arc<str> = text.trim_matches('"').into();
    Ok(match machine {
        Some(machine) if machine.setting() == Setting::Nested => Value::opaque(JsonEscaped(inner)),
        _ => Value::Str(inner),
    })
}

pub(super) fn jsonpath_query(_: Option<&mut Machine<'_>>, value: &Value, args: &Bound) -> Run<Value> {
    defined(value)?;
    let Some(path) = args.given(0).and_then(text_of) else {
        let class = args.given(0).map_or("NoneType", class_of);
        return type_error(format!("a path must be a text, not {class}"));
    };
    match jsonpath::query(&plain(value.clone())?, path) {
        Ok(found) if found.is_empty() => Ok(Value::Null),
        Ok(found) => Ok(Value::from(found)),
        Err(error) if error.kind == ErrorKind::Parse => value_error(error.message),
        Err(error) => fail(error.kind, error.message),
    }
}
