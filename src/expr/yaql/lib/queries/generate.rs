//! Sequences out of nothing: numbers, repetitions, and what lambdas produce.

use std::collections::VecDeque;

use num_bigint::{BigInt, Sign};

use crate::expr::value::{SetItems, Value};
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::{Int, Items};
use crate::expr::yaql::runtime::{Cx, MAX_NESTING};
use crate::expr::yaql::sequence::{iterate, lazy};
use crate::expr::yaql::{Lambda, YaqlError};

use super::collections::{not_iterable, put_into_set};

pub(super) fn register(to: &mut Library) {
    to.function("range", "stop", |cx: &Cx<'_>, stop: Int| {
        range(cx, Int::Small(0), stop, Int::Small(1))
    });
    to.function("range", "start, stop, step=1", range);
    to.function("sequence", "start=0, step=1", sequence);
    to.method("repeat", "value, times=-1", repeat);
    to.method("cycle", "collection", cycle);
    to.function(
        "generate",
        "initial, predicate, producer, selector=null, decycle=false",
        generate,
    );
    to.function(
        "generateMany",
        "initial, producer, selector=null, decycle=false, depthFirst=false",
        generate_many,
    );
}

/// Integers that go up or down in steps without end.
pub(super) struct Counter {
    next: Int,
    step: Int,
}

impl Counter {
    /// From `start` on, one by one.
    pub(super) fn from(start: Int) -> Self {
        Self {
            next: start,
            step: Int::Small(1),
        }
    }

    pub(super) fn draw(&mut self) -> Value {
        let sum = match (&self.next, &self.step) {
            (Int::Small(next), Int::Small(step)) => next.checked_add(*step).map(Int::Small),
            _ => None,
        };
        let sum = sum.unwrap_or_else(|| match Value::from(self.next.to_big() + self.step.to_big()) {
            Value::BigInt(big) => Int::Big(big),
            other => Int::Small(other.as_i64().unwrap_or_default()),
        });
        std::mem::replace(&mut self.next, sum).into()
    }
}

fn range(_: &Cx<'_>, start: Int, stop: Int, step: Int) -> Answer {
    let step_sign = step.to_big().sign();
    if step_sign == Sign::NoSign {
        return Err(YaqlError::value_error("range() arg 3 must not be zero"));
    }
    let is_before = move |at: &Int, stop: &Int| match (at, stop) {
        (Int::Small(at), Int::Small(stop)) if step_sign == Sign::Plus => at < stop,
        (Int::Small(at), Int::Small(stop)) => at > stop,
        _ => {
            let distance: BigInt = stop.to_big() - at.to_big();
            distance.sign() == step_sign
        }
    };
    let mut counter = Counter { next: start, step };
    Ok(lazy("range_iterator", move |_: &Cx<'_>| {
        Ok(is_before(&counter.next, &stop).then(|| counter.draw()))
    }))
}

fn sequence(_: &Cx<'_>, start: Int, step: Int) -> Value {
    let mut counter = Counter { next: start, step };
    lazy("count", move |_: &Cx<'_>| Ok(Some(counter.draw())))
}

/// The value again and again, for ever if `times` is negative.
fn repeat(_: &Cx<'_>, value: Value, times: Int) -> Answer {
    let mut left = match times {
        Int::Small(times) => u64::try_from(times).ok(),
        Int::Big(_) => {
            return match times.clamped() {
                i64::MAX => Err(YaqlError::overflow(
                    "Python int too large to convert to C ssize_t",
                )),
                _ => Ok(lazy("repeat", move |_: &Cx<'_>| Ok(Some(value.clone())))),
            };
        }
    };
    Ok(lazy("repeat", move |_: &Cx<'_>| {
        if let Some(left) = &mut left {
            match left.checked_sub(1) {
                Some(rest) => *left = rest,
                None => return Ok(None),
            }
        }
        Ok(Some(value.clone()))
    }))
}

/// The items again and again, for ever.
fn cycle(_: &Cx<'_>, collection: Items) -> Value {
    let mut items = Some(collection.iter());
    let mut saved = Vec::new();
    let mut at = 0;
    lazy("cycle", move |cx: &Cx<'_>| {
        if let Some(first) = &mut items {
            if let Some(item) = first.next(cx)? {
                cx.charge(size_of::<Value>())?;
                saved.push(item.clone());
                return Ok(Some(item));
            }
            items = None;
        }
        let item = saved.get(at).cloned();
        at = if at + 1 < saved.len() { at + 1 } else { 0 };
        Ok(item)
    })
}

/// Notes an item; whether it is new.
fn is_new(cx: &Cx<'_>, past: &mut Option<SetItems>, item: &Value) -> Result<bool, YaqlError> {
    match past {
        Some(past) => put_into_set(cx, past, item.clone()),
        None => Ok(true),
    }
}

fn shown(cx: &Cx<'_>, selector: Option<&Lambda>, item: Value) -> Answer {
    match selector {
        Some(selector) => selector.call(cx, [item]),
        None => Ok(item),
    }
}

/// `initial`, then what the producer makes of it, and so on while the predicate holds.
fn generate(
    _: &Cx<'_>,
    initial: Value,
    predicate: Lambda,
    producer: Lambda,
    selector: Option<Lambda>,
    decycle: bool,
) -> Value {
    let mut past = decycle.then(SetItems::default);
    let mut last: Option<Value> = None;
    let mut initial = Some(initial);
    lazy("generator", move |cx: &Cx<'_>| {
        let item = match (initial.take(), last.take()) {
            (Some(initial), _) => initial,
            (None, Some(last)) => producer.call(cx, [last])?,
            (None, None) => return Ok(None),
        };
        if item.depth() > MAX_NESTING {
            return Err(YaqlError::recursion());
        }
        if !predicate.test(cx, &item)? || !is_new(cx, &mut past, &item)? {
            return Ok(None);
        }
        last = Some(item.clone());
        shown(cx, selector.as_ref(), item).map(Some)
    })
}

/// `initial`, what the producer makes of it, what it makes of each of these, and so on: breadth first or depth first.
fn generate_many(
    _: &Cx<'_>,
    initial: Value,
    producer: Lambda,
    selector: Option<Lambda>,
    decycle: bool,
    depth_first: bool,
) -> Value {
    let mut past = decycle.then(SetItems::default);
    let mut queue = VecDeque::from([initial]);
    let mut last: Option<Value> = None;
    lazy("generator", move |cx: &Cx<'_>| {
        if let Some(item) = last.take() {
            let produced = producer.call(cx, [item])?;
            let Some(mut produced) = iterate(&produced) else {
                return Err(not_iterable(&produced));
            };
            let before = queue.len();
            while let Some(item) = produced.next(cx)? {
                if item.depth() > MAX_NESTING {
                    return Err(YaqlError::recursion());
                }
                cx.charge(size_of::<Value>())?;
                queue.push_back(item);
            }
            if depth_first {
                let added = queue.len() - before;
                cx.spend(before.min(added))?;
                queue.rotate_right(added);
            }
        }
        while let Some(item) = queue.pop_front() {
            if !is_new(cx, &mut past, &item)? {
                cx.tick()?;
                continue;
            }
            last = Some(item.clone());
            return shown(cx, selector.as_ref(), item).map(Some);
        }
        Ok(None)
    })
}
