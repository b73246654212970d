//! Regular expressions.

use crate::expr::jinja::bind::Bound;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail, type_error};
use crate::expr::jinja::machine::{Machine, text_of_data};
use crate::expr::jinja::object::{class_of, defined, text_of};
use crate::expr::jinja::ops::{self, MAX_TEXT};
use crate::expr::regex_use::{Pattern, RegexError, Replacement};
use crate::expr::value::Value;

fn told<T>(result: Result<T, RegexError>) -> Run<T> {
    result.or_else(|error| match error {
        RegexError::Invalid(message) => fail(ErrorKind::Regex, message),
        RegexError::Limit(message) => fail(ErrorKind::Limit, message),
        RegexError::Index(message) => fail(ErrorKind::Index, message),
    })
}

fn pattern(args: &Bound, flag: usize) -> Run<Pattern> {
    let text = match args.given(0) {
        None => "",
        Some(given) => match text_of(given) {
            Some(text) => text,
            None => {
                defined(given)?;
                return type_error("first argument must be string or compiled pattern");
            }
        },
    };
    told(Pattern::new(text, args.flag(flag, false)?))
}

/// The text that is matched; anything is turned into a text.
fn subject(value: &Value) -> Run<String> {
    text_of_data(value)
}

pub(super) fn matches(_: Option<&mut Machine<'_>>, value: &Value, args: &Bound) -> Run<Value> {
    told(pattern(args, 1)?.matches_at_start(&subject(value)?)).map(Value::Bool)
}

pub(super) fn search(_: Option<&mut Machine<'_>>, value: &Value, args: &Bound) -> Run<Value> {
    told(pattern(args, 1)?.matches_anywhere(&subject(value)?)).map(Value::Bool)
}

pub(super) fn replace(_: Option<&mut Machine<'_>>, value: &Value, args: &Bound) -> Run<Value> {
    let pattern = pattern(args, 2)?;
    let replacement = match args.given(1) {
        None => "",
        Some(given) => match text_of(given) {
            Some(text) => text,
            None => {
                return type_error(format!(
                    "decoding to str: need a bytes-like object, {} found",
                    class_of(given)
                ));
            }
        },
    };
    let replacement = told(Replacement::new(replacement, &pattern))?;
    told(replacement.replace_all(&pattern, &subject(value)?, MAX_TEXT)).map(Value::from)
}

pub(super) fn substring(_: Option<&mut Machine<'_>>, value: &Value, args: &Bound) -> Run<Value> {
    let pattern = pattern(args, 2)?;
    let index = match args.given(1) {
        Some(index) => ops::integer(index)?,
        None => 0,
    };
    let groups = pattern.group_count();
    let mut found: Vec<Value> = Vec::new();
    let result = pattern.for_each_match(&subject(value)?, |captures| {
        let group = |index: usize| Value::from(captures.get(index).unwrap_or(""));
        found.push(match groups {
            0 => group(0),
            1 => group(1),
            _ => Value::tuple((1..=groups).map(group)),
        });
        index < 0 || i64::try_from(found.len()).unwrap_or(i64::MAX) <= index
    });
    told(result)?;
    match ops::index_of(&Value::Int(index), found.len()) {
        Some(at) => Ok(found.swap_remove(at)),
        None => fail(
            ErrorKind::Index,
            format!("list index out of range: there is no match number {index}"),
        ),
    }
}
