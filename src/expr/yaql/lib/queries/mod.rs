//! Queries over anything that can be iterated; lazy wherever the original is.

mod fold;
mod generate;
mod group;
mod join;
mod merge;
mod order;
mod pick;
mod search;
mod select;
mod slice;

use super::{collections, common};
use crate::expr::value::Value;
use crate::expr::yaql::function::Library;
use crate::expr::yaql::params::Items;
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::{is_iterable, is_iterator, is_set, lazy, memorize};

pub(super) use select::concat;

pub(super) fn register(to: &mut Library) {
    select::register(to);
    slice::register(to);
    pick::register(to);
    search::register(to);
    fold::register(to);
    order::register(to);
    group::register(to);
    join::register(to);
    generate::register(to);
    merge::register(to);
    to.method("memorize", "collection", |_: &Cx<'_>, items: Items| {
        remembered(&items)
    });
    to.function("isIterable", "value", |_: &Cx<'_>, value: Value| {
        is_iterable(&value)
    });
}

/// Whether Python knows the length: lists, tuples, sets and views that act as sets. Anything else is an iterator by
/// the time a function gets it.
fn is_sized(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Tuple(_) | Value::Bytes(_)) || is_set(value)
}

/// The items so that they can be iterated again and again.
fn remembered(items: &Items) -> Value {
    if is_sized(&items.0) || is_iterator(&items.0) {
        return memorize(&items.0);
    }
    memorize(&iterator(items))
}

/// The items as an iterator, which can be drawn once.
fn iterator(items: &Items) -> Value {
    let mut items = items.iter();
    lazy("generator", move |cx: &Cx<'_>| items.next(cx))
}
