//! One value out of all items: sums, extremes, `aggregate` and `accumulate`.

use crate::expr::value::Value;
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::{Items, Maybe};
use crate::expr::yaql::runtime::{Cx, MAX_NESTING};
use crate::expr::yaql::sequence::{Iter, lazy};
use crate::expr::yaql::{Lambda, YaqlError};

use super::common::compare::Operators;

pub(super) fn register(to: &mut Library) {
    to.method("sum", "collection, initial?", sum);
    to.method("max", "collection, initial?", max);
    to.method("min", "collection, initial?", min);
    for name in ["aggregate", "reduce"] {
        to.method(name, "collection, selector, seed?", aggregate);
    }
    to.method("accumulate", "collection, selector, seed?", accumulate);
}

/// Joins the items pair by pair, from the seed or else the first item on.
fn fold(
    cx: &Cx<'_>,
    collection: &Items,
    seed: Maybe<Value>,
    mut join: impl FnMut(Value, Value) -> Answer,
) -> Answer {
    let mut items = collection.iter();
    let first = match seed.0 {
        Some(seed) => Some(seed),
        None => items.next(cx)?,
    };
    let Some(mut total) = first else {
        return Err(YaqlError::type_error(
            "reduce() of empty iterable with no initial value",
        ));
    };
    while let Some(item) = items.next(cx)? {
        total = shallow(join(total, item)?)?;
    }
    Ok(total)
}

/// Refuses a value that has grown too deep.
fn shallow(value: Value) -> Answer {
    if value.depth() > MAX_NESTING {
        return Err(YaqlError::recursion());
    }
    Ok(value)
}

fn sum(cx: &Cx<'_>, collection: Items, initial: Maybe<Value>) -> Answer {
    let operators = Operators::new(cx, &["#operator_+"]);
    fold(cx, &collection, initial, |total, item| {
        operators.add(cx, total, item)
    })
}

fn max(cx: &Cx<'_>, collection: Items, initial: Maybe<Value>) -> Answer {
    extreme(cx, &collection, initial, "max")
}

fn min(cx: &Cx<'_>, collection: Items, initial: Maybe<Value>) -> Answer {
    extreme(cx, &collection, initial, "min")
}

/// The greatest or least item. Of equal ones `max` takes the first and `min` the last.
fn extreme(cx: &Cx<'_>, collection: &Items, initial: Maybe<Value>, name: &str) -> Answer {
    if cx.is_overridden(name) {
        return fold(cx, collection, initial, |total, item| {
            cx.call(name, [total, item])
        });
    }
    let operators = Operators::new(cx, &["#operator_>"]);
    let is_max = name == "max";
    fold(cx, collection, initial, |total, item| {
        let takes_item = operators.is_greater(cx, &item, &total)? == is_max;
        Ok(if takes_item { item } else { total })
    })
}

fn aggregate(cx: &Cx<'_>, collection: Items, selector: Lambda, seed: Maybe<Value>) -> Answer {
    fold(cx, &collection, seed, |total, item| {
        selector.call(cx, [total, item])
    })
}

/// What `aggregate` would give after every item, the seed or first item included.
fn accumulate(_: &Cx<'_>, collection: Items, selector: Lambda, seed: Maybe<Value>) -> Value {
    let mut items = collection.iter();
    let mut total: Option<Value> = None;
    let mut seed = Some(seed);
    lazy("generator", move |cx: &Cx<'_>| {
        if let Some(seed) = seed.take() {
            let first = start(cx, seed, &mut items)?;
            total = Some(first.clone());
            return Ok(Some(first));
        }
        let (Some(last), Some(item)) = (total.take(), items.next(cx)?) else {
            return Ok(None);
        };
        let next = shallow(selector.call(cx, [last, item])?)?;
        total = Some(next.clone());
        Ok(Some(next))
    })
}

fn start(cx: &Cx<'_>, seed: Maybe<Value>, items: &mut Iter) -> Answer {
    let first = match seed.0 {
        Some(seed) => Some(seed),
        None => items.next(cx)?,
    };
    first.ok_or_else(|| YaqlError::type_error("accumulate() of empty sequence with no initial value"))
}
