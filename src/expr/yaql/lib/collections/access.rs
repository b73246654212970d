//! Looking into lists and dictionaries: indexes, keys, `in`. Members (`a.b`) are looked up by the evaluator itself.

use crate::expr::value::{Dict, List, Value};
use crate::expr::yaql::YaqlError;
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::{Int, Items, Sequence as ListOrTuple};
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::{Part, Sequence, View, iterate};

use super::cost;
use super::dicts::class_name;

pub(super) fn register(to: &mut Library) {
    to.function("#indexer", "dict, key", at_key);
    to.function("#indexer", "dict, key, default", get);
    to.function("#indexer", "list, index", at_index);
    to.method("get", "dict, key, default=null", get);
    to.function("#operator_in", "value, collection", in_);
    to.method(
        "contains",
        "collection, value",
        |cx: &Cx<'_>, items: Items, value: Value| contains(cx, &items, &value),
    );
    to.method("containsKey", "dict, key", contains_key);
    to.method("containsValue", "dict, value", contains_value);
}

fn at_key(cx: &Cx<'_>, dict: Dict, key: Value) -> Answer {
    cost::key(cx, &key)?;
    dict.get(&key).cloned().ok_or_else(|| YaqlError::key_error(&key))
}

fn get(cx: &Cx<'_>, dict: Dict, key: Value, default: Value) -> Answer {
    cost::key(cx, &key)?;
    Ok(dict.get(&key).cloned().unwrap_or(default))
}

/// The item at an index; negative ones count from the end.
fn at_index(_: &Cx<'_>, list: ListOrTuple, index: Int) -> Answer {
    let Some(index) = index.to_i64() else {
        return Err(YaqlError::index_error(
            "cannot fit 'int' into an index-sized integer",
        ));
    };
    let len = match &list.0 {
        Value::Bytes(bytes) => bytes.len(),
        other => other.as_items().map_or(0, <[Value]>::len),
    };
    let place = if index < 0 {
        index.checked_add_unsigned(len as u64)
    } else {
        Some(index)
    };
    let found = place
        .and_then(|place| usize::try_from(place).ok())
        .and_then(|place| match &list.0 {
            Value::Bytes(bytes) => bytes.get(place).map(|byte| Value::Int(i64::from(*byte))),
            other => other.as_items().and_then(|items| items.get(place)).cloned(),
        });
    found.ok_or_else(|| match &list.0 {
        Value::Bytes(_) => YaqlError::index_error("index out of range"),
        other => YaqlError::index_error(format!("{} index out of range", class_name(other))),
    })
}

fn in_(cx: &Cx<'_>, value: Value, collection: Items) -> Result<bool, YaqlError> {
    contains(cx, &collection, &value)
}

/// Python's `in`.
pub(super) fn contains(cx: &Cx<'_>, collection: &Items, value: &Value) -> Result<bool, YaqlError> {
    match &collection.0 {
        Value::List(items) | Value::Tuple(items) => has_item(cx, items, value),
        Value::Set(items) => {
            cost::key(cx, value)?;
            Ok(items.contains(value))
        }
        other => match other.downcast::<Sequence>().and_then(Sequence::downcast::<View>) {
            Some(view) if view.part() == Part::Keys => has_key(cx, view.dict(), value),
            Some(view) if view.part() == Part::Items => has_pair(cx, view.dict(), value),
            _ => {
                let mut items = collection.iter();
                while let Some(item) = items.next(cx)? {
                    if is_or_equals(cx, &item, value)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        },
    }
}

/// Python's `in` takes an object as equal to itself, NaN too.
fn is_or_equals(cx: &Cx<'_>, item: &Value, value: &Value) -> Result<bool, YaqlError> {
    Ok(cost::equal(cx, item, value)? || item == value)
}

fn has_item(cx: &Cx<'_>, items: &List, value: &Value) -> Result<bool, YaqlError> {
    for item in items.iter() {
        cx.tick()?;
        if is_or_equals(cx, item, value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_pair(cx: &Cx<'_>, dict: &Dict, pair: &Value) -> Result<bool, YaqlError> {
    if dict.is_mutable() && !matches!(pair, Value::Tuple(items) | Value::List(items) if items.len() == 2) {
        return Ok(false);
    }
    let Some(items) = iterate(pair) else {
        return Err(YaqlError::type_error(format!(
            "cannot unpack non-iterable {} object",
            class_name(pair)
        )));
    };
    let items = items.collect(cx)?;
    let [key, value] = &items[..] else {
        return Err(YaqlError::value_error(if items.len() > 2 {
            "too many values to unpack (expected 2)".to_owned()
        } else {
            format!("not enough values to unpack (expected 2, got {})", items.len())
        }));
    };
    cost::key(cx, key)?;
    dict.get(key)
        .map_or(Ok(false), |known| is_or_equals(cx, known, value))
}

fn contains_key(cx: &Cx<'_>, dict: Dict, key: Value) -> Result<bool, YaqlError> {
    has_key(cx, &dict, &key)
}

fn has_key(cx: &Cx<'_>, dict: &Dict, key: &Value) -> Result<bool, YaqlError> {
    cost::key(cx, key)?;
    Ok(dict.contains_key(key))
}

fn contains_value(cx: &Cx<'_>, dict: Dict, value: Value) -> Result<bool, YaqlError> {
    for known in dict.values() {
        cx.tick()?;
        if is_or_equals(cx, known, &value)? {
            return Ok(true);
        }
    }
    Ok(false)
}
