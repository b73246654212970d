//! Sets and their algebra.

use crate::expr::value::{Set, SetItems, Value};
use crate::expr::yaql::YaqlError;
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::{AnySet, Items, Rest};
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::{Sequence, View, iterate};

use super::access::contains;
use super::cost;
use super::lists::unroll;
use super::set_order::{self, Origin};

pub(super) fn register(to: &mut Library) {
    to.function("set", "*args", set);
    to.method("toSet", "collection", to_set);
    to.extension("len", "set", len);
    to.function(
        "#operator_<",
        "left, right",
        |cx: &Cx<'_>, a: AnySet, b: AnySet| is_within(cx, &a.0, &b.0, true),
    );
    to.function(
        "#operator_<=",
        "left, right",
        |cx: &Cx<'_>, a: AnySet, b: AnySet| is_within(cx, &a.0, &b.0, false),
    );
    to.function(
        "#operator_>",
        "left, right",
        |cx: &Cx<'_>, a: AnySet, b: AnySet| is_within(cx, &b.0, &a.0, true),
    );
    to.function(
        "#operator_>=",
        "left, right",
        |cx: &Cx<'_>, a: AnySet, b: AnySet| is_within(cx, &b.0, &a.0, false),
    );
    to.method("add", "set, *values", add);
    to.method("remove", "set, *values", remove);
    to.method("union", "left, right", union);
    to.method("intersect", "left, right", intersect);
    to.method("difference", "left, right", difference);
    to.function("#operator_-", "left, right", difference);
    to.method("symmetricDifference", "left, right", symmetric_difference);
}

/// Puts a value into a set within the budget; whether it was not in it.
pub(in crate::expr::yaql::lib) fn put(
    cx: &Cx<'_>,
    set: &mut SetItems,
    value: Value,
) -> Result<bool, YaqlError> {
    cost::key(cx, &value)?;
    cx.charge(cost::MEMBER)?;
    Ok(set.insert(value))
}

/// The set of these members, in Python's order where that does not change from run to run.
fn finish(items: SetItems, origin: Origin) -> Value {
    let items = match set_order::of(&items, origin) {
        Some(order) => order
            .into_iter()
            .filter_map(|index| items.get_index(index).cloned())
            .collect(),
        None => items,
    };
    Set::new(items).into()
}

fn set(cx: &Cx<'_>, args: Rest<Value>) -> Answer {
    let mut items = SetItems::default();
    for value in unroll(cx, args.0)? {
        put(cx, &mut items, value)?;
    }
    Ok(finish(items, Origin::default()))
}

fn to_set(cx: &Cx<'_>, collection: Items) -> Answer {
    if let Value::Set(_) = &collection.0 {
        return Ok(collection.0);
    }
    members(cx, &collection.0).map(|items| finish(items, Origin::default()))
}

/// The items of anything that can be iterated as a set.
fn members(cx: &Cx<'_>, value: &Value) -> Result<SetItems, YaqlError> {
    let mut items = SetItems::default();
    if let Some(mut iter) = iterate(value) {
        while let Some(item) = iter.next(cx)? {
            put(cx, &mut items, item)?;
        }
    }
    Ok(items)
}

fn len(_: &Cx<'_>, set: AnySet) -> usize {
    count(&set.0)
}

fn view(value: &Value) -> Option<&View> {
    value.downcast::<Sequence>().and_then(Sequence::downcast::<View>)
}

fn count(set: &Value) -> usize {
    match set {
        Value::Set(items) => items.len(),
        other => view(other).map_or(0, |view| view.dict().len()),
    }
}

/// Whether every member of `a` is in `b`; with `is_strict` and `b` has more. A larger `a` is not looked into.
fn is_within(cx: &Cx<'_>, a: &Value, b: &Value, is_strict: bool) -> Result<bool, YaqlError> {
    let (mine, others) = (count(a), count(b));
    if mine > others || (is_strict && mine == others) {
        return Ok(false);
    }
    let Some(mut members) = iterate(a) else {
        return Ok(false);
    };
    let b = Items(b.clone());
    while let Some(member) = members.next(cx)? {
        if !contains(cx, &b, &member)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether two sets or views that act as sets are equal.
pub(in crate::expr::yaql::lib) fn equal(cx: &Cx<'_>, a: &Value, b: &Value) -> Result<bool, YaqlError> {
    if count(a) != count(b) {
        return Ok(false);
    }
    // Views know how to compare themselves with sets, those of frozen dictionaries also with other views.
    let rank = |set: &Value| view(set).map_or(0, |view| if view.dict().is_mutable() { 1 } else { 2 });
    let (a, b) = if rank(b) > rank(a) { (b, a) } else { (a, b) };
    is_within(cx, a, b, false)
}

/// The set on whose methods the algebra of the original stands; views have no such methods.
fn own<'a>(set: &'a AnySet, method: &str) -> Result<&'a Set, YaqlError> {
    match &set.0 {
        Value::Set(items) => Ok(items),
        other => Err(YaqlError::attribute_error(format!(
            "'{}' object has no attribute '{method}'",
            other.type_name()
        ))),
    }
}

fn copy(cx: &Cx<'_>, set: &Set) -> Result<SetItems, YaqlError> {
    cx.spend(set.len())?;
    cx.charge(set.len() * cost::MEMBER)?;
    Ok((**set).clone())
}

/// The members of both.
pub(super) fn united(cx: &Cx<'_>, left: &Set, right: &Value) -> Answer {
    let mut items = copy(cx, left)?;
    if let Some(mut others) = iterate(right) {
        while let Some(other) = others.next(cx)? {
            put(cx, &mut items, other)?;
        }
    }
    let origin = Origin {
        copied: left.len(),
        merged: match right {
            Value::Set(right) => right.len(),
            _ => 0,
        },
    };
    Ok(finish(items, origin))
}

fn union(cx: &Cx<'_>, left: AnySet, right: AnySet) -> Answer {
    united(cx, own(&left, "union")?, &right.0)
}

/// The members of the smaller one, or of `right`, that are in the other.
fn intersect(cx: &Cx<'_>, left: AnySet, right: AnySet) -> Answer {
    let left = own(&left, "intersection")?;
    let right = match right.0 {
        Value::Set(right) => right,
        other => Set::new(members(cx, &other)?),
    };
    let (taken, others) = if right.len() > left.len() {
        (left, &right)
    } else {
        (&right, left)
    };
    cx.spend(taken.len())?;
    cx.charge(taken.len() * cost::MEMBER)?;
    let items = taken.iter().filter(|item| others.contains(*item));
    Ok(finish(items.cloned().collect(), Origin::default()))
}

/// The members of `left` that are not in `right`.
fn without(cx: &Cx<'_>, left: &Set, right: &Value) -> Answer {
    cx.spend(left.len())?;
    cx.charge(left.len() * cost::MEMBER)?;
    let (others, is_copy) = match right {
        Value::Set(others) => (others.clone(), left.len() / 4 > others.len()),
        other => (Set::new(members(cx, other)?), true),
    };
    let items: SetItems = left
        .iter()
        .filter(|item| !others.contains(*item))
        .cloned()
        .collect();
    let origin = Origin {
        copied: if is_copy { left.len() } else { 0 },
        merged: 0,
    };
    Ok(finish(items, origin))
}

fn difference(cx: &Cx<'_>, left: AnySet, right: AnySet) -> Answer {
    without(cx, own(&left, "difference")?, &right.0)
}

/// The members of one that are not in the other.
fn symmetric_difference(cx: &Cx<'_>, left: AnySet, right: AnySet) -> Answer {
    let left = own(&left, "symmetric_difference")?;
    cx.spend(left.len())?;
    cx.charge(left.len() * cost::MEMBER)?;
    let mut items = members(cx, &right.0)?;
    let copied = items.len();
    let others: SetItems = left
        .iter()
        .filter(|item| !items.contains(*item))
        .cloned()
        .collect();
    items.retain(|item| !left.contains(item));
    items.extend(others);
    Ok(finish(items, Origin { copied, merged: 0 }))
}

fn add(cx: &Cx<'_>, set: AnySet, values: Rest<Value>) -> Answer {
    let set = own(&set, "union")?;
    let values = members(cx, &Value::tuple(values.0))?;
    united(cx, set, &Set::new(values).into())
}

fn remove(cx: &Cx<'_>, set: AnySet, values: Rest<Value>) -> Answer {
    let set = own(&set, "difference")?;
    let values = members(cx, &Value::tuple(values.0))?;
    without(cx, set, &Set::new(values).into())
}
