//! `str()` and `join`: the texts of values, however large the values may be.

use std::sync::Arc;

use num_bigint::BigInt;

use super::super::super::error::YaqlError;
use super::super::super::function::Library;
use super::super::super::params::Items;
use super::super::super::runtime::Cx;
use crate::expr::pynum;
use crate::expr::value::{Value, frozen_str};

pub(super) fn register(to: &mut Library) {
    to.function("str", "value", text_of);
    to.method("join", "sequence, separator", join);
    to.method(
        "join",
        "separator, sequence",
        |cx: &Cx<'_>, separator: Arc<str>, sequence: Items| join(cx, sequence, separator),
    );
}

/// Lists within lists beyond which Python gives up.
const MAX_DEPTH: usize = 500;

/// The text of a value: `null`, `true`, `false`, and what Python prints for anything else.
pub(in super::super) fn text_of(cx: &Cx<'_>, value: Value) -> Result<Arc<str>, YaqlError> {
    match value {
        Value::Str(text) => Ok(text),
        Value::Null => Ok("null".into()),
        Value::Bool(true) => Ok("true".into()),
        Value::Bool(false) => Ok("false".into()),
        value => {
            charge(cx, &value, 0)?;
            Ok(frozen_str(&value).into())
        }
    }
}

/// Pays for the text of a value before it is made: shared parts count as often as they are printed.
fn charge(cx: &Cx<'_>, value: &Value, depth: usize) -> Result<(), YaqlError> {
    if depth > MAX_DEPTH {
        return Err(YaqlError::recursion());
    }
    cx.tick()?;
    match value {
        Value::Str(text) => {
            cx.charge(text.len() + 2)?;
            cx.spend(text.len() / 64)
        }
        Value::BigInt(number) => charge_digits(cx, number),
        Value::List(items) | Value::Tuple(items) => {
            cx.charge(items.len() * 2)?;
            items.iter().try_for_each(|item| charge(cx, item, depth + 1))
        }
        Value::Set(items) => {
            cx.charge(items.len() * 2)?;
            items.iter().try_for_each(|item| charge(cx, item, depth + 1))
        }
        Value::Dict(members) => {
            cx.charge(members.len() * 4)?;
            members.iter().try_for_each(|(key, item)| {
                charge(cx, key, depth + 1)?;
                charge(cx, item, depth + 1)
            })
        }
        Value::Bytes(bytes) => cx.charge(bytes.len().saturating_mul(4)),
        _ => cx.charge(32),
    }
}

fn charge_digits(cx: &Cx<'_>, number: &BigInt) -> Result<(), YaqlError> {
    let words = usize::try_from(number.bits() / 64).unwrap_or(usize::MAX);
    pynum::check_printable(number)?;
    cx.charge(words.saturating_mul(20))?;
    cx.spend(words.saturating_mul(words) / 32)
}

/// The texts of items with a text between them.
fn join(cx: &Cx<'_>, sequence: Items, separator: Arc<str>) -> Result<String, YaqlError> {
    let redefined = cx.is_overridden("str");
    let (mut out, mut items, mut first) = (String::new(), sequence.iter(), true);
    let mut index = 0usize;
    let mut misfit = None;
    while let Some(item) = items.next(cx)? {
        let text = if redefined {
            match cx.call("str", [item])? {
                Value::Str(text) => text,
                other => {
                    misfit.get_or_insert_with(|| (index, other.type_name().to_owned()));
                    "".into()
                }
            }
        } else {
            text_of(cx, item)?
        };
        index += 1;
        if !first {
            cx.charge(separator.len())?;
            out.push_str(&separator);
        }
        first = false;
        cx.charge(text.len())?;
        cx.spend((separator.len() + text.len()) / 1024)?;
        out.push_str(&text);
    }
    match misfit {
        None => Ok(out),
        Some((index, class)) => Err(YaqlError::type_error(format!(
            "sequence item {index}: expected str instance, {class} found"
        ))),
    }
}
