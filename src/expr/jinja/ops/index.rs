//! Lengths, items and slices.

use super::{items_of, key};
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, type_error, value_error};

use crate::expr::jinja::object::{DictView, Markup, Range, class_of, defined, is_markup, text_of};
use crate::expr::pynum::Number;

use crate::expr::jinja::text::{byte_of, char_len};
use crate::expr::value::{List, Value};
use num_traits::Signed as _;

/// `len(value)`; `None` where Python has no length.
pub(crate) fn length(value: &Value) -> Option<usize> {
    Some(match value {
        Value::Bytes(bytes) => bytes.len(),
        Value::Dict(dict) => dict.len(),
        Value::Set(set) => set.len(),
        other => {
            if let Some(text) = text_of(other) {
                char_len(text)
            } else if let Some(items) = items_of(other) {
                items.len()
            } else if let Some(range) = other.downcast::<Range>() {
                range.len
            } else if let Some(view) = other.downcast::<DictView>() {
                view.dict.len()
            } else {
                return None;
            }
        }
    })
}

/// Where an index of Python points.
pub(crate) fn index_of(index: &Value, len: usize) -> Option<usize> {
    let index = index.as_i64()?;
    let at = if index < 0 {
        index.checked_add(i64::try_from(len).ok()?)?
    } else {
        index
    };
    usize::try_from(at).ok().filter(|at| *at < len)
}

/// `object[index]`; `None` where Python raises `LookupError` or `TypeError`.
pub(crate) fn item(object: &Value, index: &Value) -> Run<Option<Value>> {
    if let Some(text) = text_of(object) {
        let Some(at) = index_of(index, char_len(text)) else {
            return Ok(None);
        };
        let start = byte_of(text, at);
        let char = text[start..].chars().next().map(Value::from);
        return Ok(char.map(|char| match (is_markup(object), char) {
            (true, Value::Str(text)) => Markup::value(text),
            (_, char) => char,
        }));
    }
    if let Some(items) = items_of(object) {
        return Ok(index_of(index, items.len()).map(|at| items[at].clone()));
    }
    match object {
        Value::Dict(dict) => {
            if let Value::Str(name) = index {
                return Ok(dict.get_str(name).cloned());
            }
            match key(index) {
                Ok(key) => Ok(dict.get(&key).cloned()),
                Err(fault) if fault.kind == ErrorKind::Type => Ok(None),
                Err(fault) => Err(fault),
            }
        }
        Value::Bytes(bytes) => Ok(index_of(index, bytes.len()).map(|at| Value::from(i64::from(bytes[at])))),
        other => Ok(match other.downcast::<Range>() {
            Some(range) => index_of(index, range.len).map(|at| range.at(at)),
            None => {
                defined(other)?;
                None
            }
        }),
    }
}

/// A bound of a slice.
fn bound(value: Option<&Value>) -> Run<Option<i64>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            defined(value)?;
            match Number::of(value) {
                Some(Number::Int(number)) => Ok(Some(number)),
                Some(Number::Big(number)) => Ok(Some(if number.is_negative() { i64::MIN } else { i64::MAX })),
                _ => type_error("slice indices must be integers or None or have an __index__ method"),
            }
        }
    }
}

/// The indexes that a slice selects: start, stop and how many.
fn selection(len: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> (i64, i64, usize) {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let (lowest, highest) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |at: i64| (if at < 0 { at.saturating_add(len) } else { at }).clamp(lowest, highest);
    let start = start.map_or(if step > 0 { lowest } else { highest }, clamp);
    let stop = stop.map_or(if step > 0 { highest } else { lowest }, clamp);
    let distance = if step > 0 { stop - start } else { start - stop };
    let width = step.unsigned_abs();
    let count = u64::try_from(distance).map_or(0, |distance| distance.div_ceil(width));
    (start, stop, usize::try_from(count).unwrap_or(usize::MAX))
}

/// `object[start:stop:step]`
pub(crate) fn slice(
    object: &Value,
    start: Option<&Value>,
    stop: Option<&Value>,
    step: Option<&Value>,
) -> Run<Value> {
    defined(object)?;
    let len = length(object).filter(|_| !matches!(object, Value::Dict(_) | Value::Set(_)));
    let Some(len) = len.filter(|_| object.downcast::<DictView>().is_none()) else {
        return type_error(if matches!(object, Value::Dict(_)) {
            "unhashable type: 'slice'".to_owned()
        } else {
            format!("'{}' object is not subscriptable", class_of(object))
        });
    };
    let step = bound(step)?.unwrap_or(1);
    if step == 0 {
        return value_error("slice step cannot be zero");
    }
    let step = step.max(-i64::MAX);
    let (from, to, count) = selection(len, bound(start)?, bound(stop)?, step);
    let indexes = (0..count).map(|at| {
        let offset = i64::try_from(at).unwrap_or(0).saturating_mul(step);
        usize::try_from(from.saturating_add(offset)).unwrap_or(0)
    });
    if let Some(text) = text_of(object) {
        let sliced: String = if step == 1 {
            let (begin, end) = (byte_of(text, usize::try_from(from).unwrap_or(0)), count);
            let rest = &text[begin..];
            rest[..byte_of(rest, end)].to_owned()
        } else {
            let chars: Vec<char> = text.chars().collect();
            indexes.map(|at| chars[at]).collect()
        };
        return Ok(if is_markup(object) {
            Markup::value(sliced)
        } else {
            Value::from(sliced)
        });
    }
    if let Some(items) = items_of(object) {
        let sliced: Vec<Value> = indexes.map(|at| items[at].clone()).collect();
        return Ok(match object {
            Value::List(_) => Value::from(sliced),
            _ => Value::Tuple(List::new(sliced)),
        });
    }
    if let Value::Bytes(bytes) = object {
        return Ok(Value::Bytes(indexes.map(|at| bytes[at]).collect()));
    }
    if let Some(range) = object.downcast::<Range>() {
        let width = range.step * i128::from(step);
        let first = range.start + range.step * i128::from(from);
        let stop = range.start + range.step * i128::from(to);
        return Ok(Value::opaque(Range {
            start: first,
            stop,
            step: width,
            len: count,
        }));
    }
    type_error(format!("'{}' object is not subscriptable", class_of(object)))
}
