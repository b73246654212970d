//! Several sequences side by side: `zip`, `zipLongest`, `join`.

use crate::expr::value::Value;
use crate::expr::yaql::Lambda;
use crate::expr::yaql::function::Library;
use crate::expr::yaql::params::{Items, Named, Rest};
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::{Iter, lazy};

use super::remembered;

pub(super) fn register(to: &mut Library) {
    to.method("zip", "*collections", zip);
    to.method("zipLongest", "*collections, **kwargs", zip_longest);
    to.method("join", "collection1, collection2, predicate, selector", join);
}

/// Tuples of one item of each, until one has no more.
fn zip(_: &Cx<'_>, collections: Rest<Items>) -> Value {
    let mut all: Vec<Iter> = collections.0.iter().map(Items::iter).collect();
    lazy("zip", move |cx: &Cx<'_>| {
        cx.charge(all.len() * size_of::<Value>())?;
        let mut row = Vec::with_capacity(all.len());
        for items in &mut all {
            match items.next(cx)? {
                Some(item) => row.push(item),
                None => return Ok(None),
            }
        }
        Ok((!row.is_empty()).then(|| Value::tuple(row)))
    })
}

/// Tuples of one item of each, until none has more; `default` fills the gaps.
fn zip_longest(_: &Cx<'_>, collections: Rest<Items>, kwargs: Named) -> Value {
    let named = kwargs.0.into_iter().find(|(name, _)| &**name == "default");
    let filler = named.map(|(_, value)| value).unwrap_or_default();
    let mut all: Vec<Option<Iter>> = collections.0.iter().map(|items| Some(items.iter())).collect();
    lazy("zip_longest", move |cx: &Cx<'_>| {
        cx.charge(all.len() * size_of::<Value>())?;
        let mut row = Vec::with_capacity(all.len());
        for slot in &mut all {
            let item = match slot {
                Some(items) => items.next(cx)?,
                None => None,
            };
            if item.is_none() {
                *slot = None;
            }
            row.push(item.unwrap_or_else(|| filler.clone()));
        }
        Ok(all.iter().any(Option::is_some).then(|| Value::tuple(row)))
    })
}

/// What the selector says of every pair of an item of each of which the predicate holds.
fn join(_: &Cx<'_>, collection1: Items, collection2: Items, predicate: Lambda, selector: Lambda) -> Value {
    let mut outer = collection1.iter();
    let others = Items(remembered(&collection2));
    let mut current: Option<(Value, Iter)> = None;
    lazy("generator", move |cx: &Cx<'_>| {
        loop {
            let (item, inner) = match &mut current {
                Some(current) => current,
                None => match outer.next(cx)? {
                    Some(item) => current.insert((item, others.iter())),
                    None => return Ok(None),
                },
            };
            let Some(other) = inner.next(cx)? else {
                current = None;
                continue;
            };
            if predicate.call(cx, [item.clone(), other.clone()])?.is_true() {
                return selector.call(cx, [item.clone(), other]).map(Some);
            }
        }
    })
}
