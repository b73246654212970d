//! One item of a sequence: the first, the last, the only one.

use crate::expr::value::Value;
use crate::expr::yaql::YaqlError;
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::{Items, Maybe};
use crate::expr::yaql::runtime::Cx;

pub(super) fn register(to: &mut Library) {
    to.method("first", "collection, default?", first);
    to.method("single", "collection", single);
    to.method("last", "collection, default?", last);
}

/// The default, or the complaint that there are no items.
fn or_empty(default: Maybe<Value>) -> Answer {
    default.0.ok_or_else(|| YaqlError::stop_iteration(""))
}

fn first(cx: &Cx<'_>, collection: Items, default: Maybe<Value>) -> Answer {
    match collection.iter().next(cx)? {
        Some(item) => Ok(item),
        None => or_empty(default),
    }
}

fn single(cx: &Cx<'_>, collection: Items) -> Answer {
    let mut items = collection.iter();
    let Some(item) = items.next(cx)? else {
        return or_empty(Maybe(None));
    };
    match items.next(cx)? {
        Some(_) => Err(YaqlError::stop_iteration(
            "Collection contains more than one item",
        )),
        None => Ok(item),
    }
}

fn last(cx: &Cx<'_>, collection: Items, default: Maybe<Value>) -> Answer {
    if let Some(items) = collection.0.as_items() {
        return items.last().cloned().map_or_else(|| or_empty(default), Ok);
    }
    let (mut items, mut last) = (collection.iter(), None);
    while let Some(item) = items.next(cx)? {
        last = Some(item);
    }
    last.map_or_else(|| or_empty(default), Ok)
}
