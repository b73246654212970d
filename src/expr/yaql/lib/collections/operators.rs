//! `+` and `*` of lists and dictionaries.

use crate::expr::value::{Dict, List, Value};
use crate::expr::yaql::YaqlError;
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::{Int, Items, Rest, Sequence};
use crate::expr::yaql::runtime::Cx;

use super::super::queries::concat;
use super::{dicts, sets};

pub(super) fn register(to: &mut Library) {
    to.function("#operator_+", "left, right", combine_lists);
    to.function("#operator_+", "left, right", combine_dicts);
    to.function("#operator_*", "left, right", list_by_int);
    to.function("#operator_*", "left, right", int_by_list);
}

/// Two frozen lists are joined, two sets united; of anything else both are iterated one after the other.
fn combine_lists(cx: &Cx<'_>, left: Items, right: Items) -> Answer {
    match (&left.0, &right.0) {
        (Value::List(a) | Value::Tuple(a), Value::List(b) | Value::Tuple(b))
            if !a.is_mutable() && !b.is_mutable() =>
        {
            joined(cx, a, b)
        }
        (Value::Set(a), Value::Set(_)) => sets::united(cx, a, &right.0),
        _ => Ok(concat(cx, Rest(vec![left, right]))),
    }
}

/// Two frozen lists as one.
pub(in crate::expr::yaql::lib) fn joined(cx: &Cx<'_>, a: &List, b: &List) -> Answer {
    let len = a.len() + b.len();
    cx.spend(len / 8)?;
    cx.charge(len * size_of::<Value>())?;
    let mut items = Vec::with_capacity(len);
    items.extend_from_slice(a);
    items.extend_from_slice(b);
    Ok(Value::tuple(items))
}

fn combine_dicts(cx: &Cx<'_>, left: Dict, right: Dict) -> Answer {
    dicts::merged(cx, left, &right)
}

fn int_by_list(cx: &Cx<'_>, left: Int, right: Sequence) -> Answer {
    list_by_int(cx, right, left)
}

/// A list or bytes again and again; nothing if the number is not positive.
fn list_by_int(cx: &Cx<'_>, left: Sequence, right: Int) -> Answer {
    let times = match &right {
        Int::Small(times) => usize::try_from(*times).unwrap_or(0),
        Int::Big(_) => {
            return Err(YaqlError::overflow(
                "cannot fit 'int' into an index-sized integer",
            ));
        }
    };
    let (len, size) = match &left.0 {
        Value::Bytes(bytes) => (bytes.len(), 1),
        other => (other.as_items().map_or(0, <[Value]>::len), size_of::<Value>()),
    };
    let total = len.saturating_mul(times);
    cx.charge(total.saturating_mul(size))?;
    cx.spend(total / 8)?;
    Ok(match &left.0 {
        Value::Bytes(bytes) => Value::Bytes(bytes.repeat(times).into()),
        Value::List(items) if items.is_mutable() => Value::mutable_list(repeated(items, times)),
        other => Value::tuple(repeated(other.as_items().unwrap_or_default(), times)),
    })
}

fn repeated(items: &[Value], times: usize) -> Vec<Value> {
    let mut out = Vec::with_capacity(items.len() * times);
    if !items.is_empty() {
        for _ in 0..times {
            out.extend_from_slice(items);
        }
    }
    out
}
