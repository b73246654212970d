//! Questions about a sequence: whether an item holds, where it is, how many there are.

use crate::expr::value::Value;
use crate::expr::yaql::function::Library;
use crate::expr::yaql::params::{Items, Iterator};
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::{Lambda, YaqlError};

use super::common::cost;

type Found<T> = Result<T, YaqlError>;

pub(super) fn register(to: &mut Library) {
    to.extension("any", "collection, predicate=null", any);
    to.extension("all", "collection, predicate=null", all);
    to.extension("len", "collection", |cx: &Cx<'_>, items: Iterator| {
        count(cx, items.0)
    });
    to.method("count", "collection", count);
    to.method("indexOf", "collection, item", index_of);
    to.method("lastIndexOf", "collection, item", last_index_of);
    to.method("indexWhere", "collection, predicate", index_where);
    to.method("lastIndexWhere", "collection, predicate", last_index_where);
}

/// Whether there is an item (of which the predicate holds).
fn any(cx: &Cx<'_>, collection: Items, predicate: Option<Lambda>) -> Found<bool> {
    let mut items = collection.iter();
    while let Some(item) = items.next(cx)? {
        match &predicate {
            Some(predicate) if !predicate.test(cx, &item)? => {}
            _ => return Ok(true),
        }
    }
    Ok(false)
}

/// Whether all items are true (as the predicate says).
fn all(cx: &Cx<'_>, collection: Items, predicate: Option<Lambda>) -> Found<bool> {
    let mut items = collection.iter();
    while let Some(item) = items.next(cx)? {
        let holds = match &predicate {
            Some(predicate) => predicate.test(cx, &item)?,
            None => item.is_true(),
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

fn count(cx: &Cx<'_>, collection: Items) -> Found<usize> {
    if let Some(items) = collection.0.as_items() {
        return Ok(items.len());
    }
    let (mut items, mut count) = (collection.iter(), 0);
    while items.next(cx)?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// The index of the first (or last) item of which `holds`, or -1.
fn position(
    cx: &Cx<'_>,
    collection: &Items,
    is_last: bool,
    mut holds: impl FnMut(&Value) -> Found<bool>,
) -> Found<i64> {
    let (mut items, mut index, mut found) = (collection.iter(), 0, -1);
    while let Some(item) = items.next(cx)? {
        if holds(&item)? {
            found = index;
            if !is_last {
                break;
            }
        }
        index += 1;
    }
    Ok(found)
}

fn index_of(cx: &Cx<'_>, collection: Items, item: Value) -> Found<i64> {
    position(cx, &collection, false, |known| cost::equal(cx, known, &item))
}

fn last_index_of(cx: &Cx<'_>, collection: Items, item: Value) -> Found<i64> {
    position(cx, &collection, true, |known| cost::equal(cx, known, &item))
}

fn index_where(cx: &Cx<'_>, collection: Items, predicate: Lambda) -> Found<i64> {
    position(cx, &collection, false, |item| predicate.test(cx, item))
}

fn last_index_where(cx: &Cx<'_>, collection: Items, predicate: Lambda) -> Found<i64> {
    position(cx, &collection, true, |item| predicate.test(cx, item))
}
