//! Parts of sequences: the first ones, the rest, pieces of a length, pieces between marks.

use crate::expr::value::{List, Value};
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::{Int, Items};
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::lazy;
use crate::expr::yaql::{Lambda, YaqlError};

use super::collections::frozen_items;
use super::common::cost;

pub(super) fn register(to: &mut Library) {
    for name in ["limit", "take"] {
        to.method(name, "collection, count", limit);
    }
    to.method("skip", "collection, count", skip);
    to.method("slice", "collection, length", slice);
    to.method("splitWhere", "collection, predicate", split_where);
    to.method("sliceWhere", "collection, predicate", slice_where);
    to.method("splitAt", "collection, index", split_at);
    to.method("reverse", "collection", reverse);
}

/// A number of items as Python's `islice()` takes it.
fn number(count: &Int, what: &str) -> Result<usize, YaqlError> {
    count
        .to_i64()
        .and_then(|count| usize::try_from(count).ok())
        .ok_or_else(|| {
            YaqlError::value_error(format!(
                "{what} for islice() must be None or an integer: 0 <= x <= sys.maxsize."
            ))
        })
}

fn limit(_: &Cx<'_>, collection: Items, count: Int) -> Answer {
    let mut left = number(&count, "Stop argument")?;
    let mut items = collection.iter();
    Ok(lazy("islice", move |cx: &Cx<'_>| {
        if left == 0 {
            return Ok(None);
        }
        left -= 1;
        items.next(cx)
    }))
}

fn skip(_: &Cx<'_>, collection: Items, count: Int) -> Answer {
    let mut left = number(&count, "Indices")?;
    let mut items = collection.iter();
    Ok(lazy("islice", move |cx: &Cx<'_>| {
        while left > 0 {
            left -= 1;
            if items.next(cx)?.is_none() {
                return Ok(None);
            }
        }
        items.next(cx)
    }))
}

/// Lists of `length` items, the last one maybe shorter.
fn slice(_: &Cx<'_>, collection: Items, length: Int) -> Value {
    let mut items = collection.iter();
    lazy("generator", move |cx: &Cx<'_>| {
        let length = number(&length, "Stop argument")?;
        let mut piece = Vec::new();
        while piece.len() < length {
            let Some(item) = items.next(cx)? else {
                break;
            };
            cx.charge(size_of::<Value>())?;
            piece.push(item);
        }
        Ok((!piece.is_empty()).then(|| Value::tuple(piece)))
    })
}

/// A part of a list as a list.
fn part(cx: &Cx<'_>, items: &[Value]) -> Answer {
    cx.spend(items.len() / 8)?;
    cx.charge(size_of_val(items))?;
    Ok(Value::tuple(items.iter().cloned()))
}

/// Pieces that are drawn from a list that is itself drawn when the first piece is.
fn pieces(
    collection: Items,
    mut next: impl FnMut(&Cx<'_>, &List) -> Result<Option<Value>, YaqlError> + Send + Sync + 'static,
) -> Value {
    let mut all: Option<List> = None;
    lazy("generator", move |cx: &Cx<'_>| {
        let items = match &all {
            Some(items) => items,
            None => all.insert(frozen_items(cx, &collection)?),
        };
        next(cx, items)
    })
}

/// The pieces between the items of which the predicate holds.
fn split_where(_: &Cx<'_>, collection: Items, predicate: Lambda) -> Value {
    let (mut start, mut end) = (0, 0);
    pieces(collection, move |cx, items| {
        while let Some(item) = items.get(end) {
            cx.tick()?;
            end += 1;
            if predicate.test(cx, item)? {
                let piece = part(cx, &items[start..end - 1])?;
                start = end;
                return Ok(Some(piece));
            }
        }
        if start == end {
            return Ok(None);
        }
        let piece = part(cx, &items[start..end])?;
        start = end;
        Ok(Some(piece))
    })
}

/// Pieces of items of which the predicate says the same.
fn slice_where(_: &Cx<'_>, collection: Items, predicate: Lambda) -> Value {
    let (mut start, mut end) = (0, 0);
    let mut last: Option<Value> = None;
    pieces(collection, move |cx, items| {
        while let Some(item) = items.get(end) {
            cx.tick()?;
            let said = predicate.call(cx, [item.clone()])?;
            let differs = match &last {
                Some(last) => !cost::equal(cx, &said, last)?,
                None => false,
            };
            last = Some(said);
            end += 1;
            if differs {
                let piece = part(cx, &items[start..end - 1])?;
                start = end - 1;
                return Ok(Some(piece));
            }
        }
        if start == end {
            return Ok(None);
        }
        let piece = part(cx, &items[start..end])?;
        start = end;
        Ok(Some(piece))
    })
}

/// The items before an index and the rest; a negative index counts from the end.
fn split_at(cx: &Cx<'_>, collection: Items, index: Int) -> Answer {
    let items = frozen_items(cx, &collection)?;
    let index = index.clamped();
    let place = if index < 0 {
        items
            .len()
            .saturating_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX))
    } else {
        usize::try_from(index).map_or(items.len(), |index| index.min(items.len()))
    };
    let (left, right) = items.split_at(place);
    Ok(Value::mutable_list(vec![part(cx, left)?, part(cx, right)?]))
}

fn reverse(cx: &Cx<'_>, collection: Items) -> Answer {
    let items = frozen_items(cx, &collection)?;
    let mut left = items.len();
    Ok(lazy("reversed", move |_: &Cx<'_>| {
        left = match left.checked_sub(1) {
            Some(left) => left,
            None => return Ok(None),
        };
        Ok(items.get(left).cloned())
    }))
}
