//! Items that are kept, changed, added or left out one by one.

use crate::expr::value::{SetItems, Value};
use crate::expr::yaql::Lambda;
use crate::expr::yaql::function::Library;
use crate::expr::yaql::params::{Int, Items, Rest};
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::{Iter, is_iterable, iterate, lazy};
use crate::expr::yaql::{YaqlError, function::Answer};

use super::collections::put_into_set;
use super::generate::Counter;

pub(super) fn register(to: &mut Library) {
    for name in ["where", "filter"] {
        to.method(name, "collection, predicate", where_);
    }
    for name in ["select", "map"] {
        to.method(name, "collection, selector", select);
    }
    to.method("selectMany", "collection, selector", select_many);
    to.extension("append", "collection, *args", append);
    to.extension("concat", "*collections", concat);
    to.extension("distinct", "collection, keySelector=null", distinct);
    to.extension("enumerate", "collection, start=0", enumerate);
    to.method("takeWhile", "collection, predicate", take_while);
    to.method("skipWhile", "collection, predicate", skip_while);
    to.method("defaultIfEmpty", "collection, default", default_if_empty);
}

fn where_(_: &Cx<'_>, collection: Items, predicate: Lambda) -> Value {
    let mut items = collection.iter();
    lazy("filter", move |cx: &Cx<'_>| {
        while let Some(item) = items.next(cx)? {
            if predicate.test(cx, &item)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn select(_: &Cx<'_>, collection: Items, selector: Lambda) -> Value {
    let mut items = collection.iter();
    lazy("map", move |cx: &Cx<'_>| match items.next(cx)? {
        Some(item) => selector.call(cx, [item]).map(Some),
        None => Ok(None),
    })
}

/// What the selector says of every item; if that can be iterated, its items.
fn select_many(_: &Cx<'_>, collection: Items, selector: Lambda) -> Value {
    let mut items = collection.iter();
    let mut inner: Option<Iter> = None;
    lazy("generator", move |cx: &Cx<'_>| {
        loop {
            if let Some(values) = &mut inner {
                match values.next(cx)? {
                    Some(value) => return Ok(Some(value)),
                    None => inner = None,
                }
            }
            let Some(item) = items.next(cx)? else {
                return Ok(None);
            };
            let value = selector.call(cx, [item])?;
            match iterate(&value).filter(|_| is_iterable(&value)) {
                Some(values) => inner = Some(values),
                None => return Ok(Some(value)),
            }
        }
    })
}

fn append(cx: &Cx<'_>, collection: Items, args: Rest<Value>) -> Value {
    concat(cx, Rest(vec![collection, Items(Value::tuple(args.0))]))
}

/// All items of the first, then all of the second …
pub(in crate::expr::yaql::lib) fn concat(_: &Cx<'_>, collections: Rest<Items>) -> Value {
    let mut rest = collections.0.into_iter();
    let mut items: Option<Iter> = None;
    lazy("chain", move |cx: &Cx<'_>| {
        loop {
            if let Some(items) = &mut items
                && let Some(item) = items.next(cx)?
            {
                return Ok(Some(item));
            }
            match rest.next() {
                Some(next) => items = Some(next.iter()),
                None => return Ok(None),
            }
        }
    })
}

/// The first of all items that are equal, or of which the selector says the same.
pub(super) fn distinct(_: &Cx<'_>, collection: Items, key_selector: Option<Lambda>) -> Value {
    let mut items = collection.iter();
    let mut seen = SetItems::default();
    lazy("generator", move |cx: &Cx<'_>| {
        while let Some(item) = items.next(cx)? {
            let key = match &key_selector {
                Some(selector) => selector.call(cx, [item.clone()])?,
                None => item.clone(),
            };
            if put_into_set(cx, &mut seen, key)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

/// Fresh lists `[index, item]`.
fn enumerate(_: &Cx<'_>, collection: Items, start: Option<Int>) -> Value {
    let mut items = collection.iter();
    let mut counter = start.map(Counter::from);
    lazy("generator", move |cx: &Cx<'_>| {
        let Some(counter) = &mut counter else {
            return Err(YaqlError::type_error(
                "'NoneType' object cannot be interpreted as an integer",
            ));
        };
        let Some(item) = items.next(cx)? else {
            return Ok(None);
        };
        cx.charge(2 * size_of::<Value>())?;
        let pair = Value::mutable_list(vec![counter.draw(), item]);
        Ok(Some(pair))
    })
}

fn take_while(_: &Cx<'_>, collection: Items, predicate: Lambda) -> Value {
    let mut items = collection.iter();
    lazy("takewhile", move |cx: &Cx<'_>| match items.next(cx)? {
        Some(item) if predicate.test(cx, &item)? => Ok(Some(item)),
        _ => Ok(None),
    })
}

fn skip_while(_: &Cx<'_>, collection: Items, predicate: Lambda) -> Value {
    let mut items = collection.iter();
    let mut skipping = true;
    lazy("dropwhile", move |cx: &Cx<'_>| {
        while let Some(item) = items.next(cx)? {
            if skipping && predicate.test(cx, &item)? {
                continue;
            }
            skipping = false;
            return Ok(Some(item));
        }
        Ok(None)
    })
}

/// The collection, or `default` if it has no items.
fn default_if_empty(cx: &Cx<'_>, collection: Items, default: Items) -> Answer {
    let collection = super::remembered(&collection);
    let mut items = Items(collection.clone()).iter();
    Ok(match items.next(cx)? {
        Some(_) => collection,
        None => default.0,
    })
}
