//! Replacing and repeating.

use std::sync::Arc;

use super::super::super::error::YaqlError;
use super::super::super::function::Library;
use super::super::super::params::Int;
use super::super::super::runtime::Cx;
use super::{index, text_of};
use crate::expr::value::{Dict, Value};

pub(super) fn register(to: &mut Library) {
    to.method("replace", "string, old, new, count=-1", replace);
    to.method("replace", "string, replacements, count=-1", replace_with_dict);
    to.function("#operator_*", "left, right", repeat);
    to.function(
        "#operator_*",
        "left, right",
        |cx: &Cx<'_>, left: Int, right: Arc<str>| repeat(cx, right, left),
    );
}

fn replace(
    cx: &Cx<'_>,
    string: Arc<str>,
    old: Arc<str>,
    new: Arc<str>,
    count: Int,
) -> Result<Arc<str>, YaqlError> {
    replaced(cx, string, &old, &new, index(&count)?)
}

/// The text with the first `count` occurrences replaced, all of them if it is negative.
fn replaced(cx: &Cx<'_>, string: Arc<str>, old: &str, new: &str, count: i64) -> Result<Arc<str>, YaqlError> {
    cx.spend(string.len() / 64)?;
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    let found = string.matches(old).take(most).count();
    if found == 0 {
        return Ok(string);
    }
    cx.spend(found)?;
    let gone = string.len().saturating_sub(found.saturating_mul(old.len()));
    cx.charge(gone.saturating_add(found.saturating_mul(new.len())))?;
    Ok(string.replacen(old, new, found).into())
}

/// Replaces the text of every key by that of its value, one key after the other.
fn replace_with_dict(
    cx: &Cx<'_>,
    string: Arc<str>,
    replacements: Dict,
    count: Int,
) -> Result<Arc<str>, YaqlError> {
    let redefined = cx.is_overridden("str");
    let text = |value: &Value| {
        if !redefined {
            return text_of(cx, value.clone());
        }
        match cx.call("str", [value.clone()])? {
            Value::Str(text) => Ok(text),
            other => Err(YaqlError::type_error(format!(
                "replace() argument must be str, not {}",
                other.type_name()
            ))),
        }
    };
    let mut string = string;
    for (key, value) in replacements.iter() {
        cx.tick()?;
        string = replaced(cx, string, &text(key)?, &text(value)?, index(&count)?)?;
    }
    Ok(string)
}

/// A text several times in a row; not once if the number is negative.
fn repeat(cx: &Cx<'_>, left: Arc<str>, right: Int) -> Result<String, YaqlError> {
    let Some(times) = right.to_i64() else {
        return Err(YaqlError::overflow(
            "cannot fit 'int' into an index-sized integer",
        ));
    };
    let times = usize::try_from(times).unwrap_or(0);
    cx.charge(left.len().saturating_mul(times))?;
    cx.spend(left.len().saturating_mul(times) / 1024)?;
    Ok(if left.is_empty() {
        String::new()
    } else {
        left.repeat(times)
    })
}
