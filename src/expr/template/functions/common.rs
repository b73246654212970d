//! Functions of values alone: `json` and `zip`.

use super::{Answer, Failure};
use crate::expr::ErrorKind;
use crate::expr::value::{Dict, JsonError, Value, loads};

/// `json(text)`: a text is read; a dictionary is answered as it is if it counts as a `dict` of Python.
pub(super) fn json(value: &Value, is_dict: fn(&Dict) -> bool) -> Answer {
    match value {
        Value::Dict(dict) if is_dict(dict) => Ok(value.clone()),
        Value::Str(text) => loads(text).map_err(|error| {
            let (kind, class) = match error {
                JsonError::Syntax { .. } => (ErrorKind::Value, "JSONDecodeError"),
                JsonError::Digits(_) => (ErrorKind::Value, "ValueError"),
                JsonError::Depth => (ErrorKind::Recursion, "RecursionError"),
            };
            Failure::new(kind, class, error.to_string())
        }),
        _ => Err(
            Failure::type_error("Given object is not typeof string.").hint(Some(
                "json() reads a text; to_json_string() writes one".to_owned(),
            )),
        ),
    }
}

/// The items of a list; none where Python cannot iterate it.
type Items = Result<Option<Vec<Value>>, Failure>;

/// `zip(list, …, pad)`: one list is answered as it is; several become tuples, shorter ones filled up.
/// `items` gives the items of whatever the language can iterate.
pub(super) fn zip(
    lists: &[Value],
    pad: &Value,
    items: &mut dyn FnMut(&Value) -> Items,
) -> Result<Vec<Value>, Failure> {
    let mut columns = Vec::with_capacity(lists.len());
    for list in lists {
        columns.push(match list {
            Value::Null => Vec::new(),
            list => items(list)?.ok_or_else(|| {
                Failure::type_error(format!("'{}' object is not iterable", list.type_name()))
            })?,
        });
    }
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    Ok((0..rows)
        .map(|row| {
            Value::tuple(
                columns
                    .iter()
                    .map(|column| column.get(row).unwrap_or(pad).clone()),
            )
        })
        .collect())
}

/// The items of data: of a list, tuple, set, text or dictionary (its keys).
pub(super) fn items_of_data(value: &Value) -> Option<Vec<Value>> {
    Some(match value {
        Value::List(items) | Value::Tuple(items) => items.to_vec(),
        Value::Set(items) => items.iter().cloned().collect(),
        Value::Dict(dict) => dict.keys().cloned().collect(),
        Value::Str(text) => text.chars().map(Value::from).collect(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect(),
        _ => return None,
    })
}
