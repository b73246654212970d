//! Making lists, and the length of things.

use crate::expr::value::{Dict, List, Value};
use crate::expr::yaql::YaqlError;
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::{Items, Rest, Sequence};
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::{Iter, is_iterable, is_iterator, is_set, iterate, lazy};

pub(super) fn register(to: &mut Library) {
    to.function("list", "*args", list);
    to.function("#list", "*args", build_list);
    to.method("toList", "collection", to_list_method);
    to.method("flatten", "collection", flatten);
    to.function("isList", "arg", is_list);
    to.function("isDict", "arg", is_dict);
    to.function("isSet", "arg", is_set_);
    to.extension("len", "dict", |_: &Cx<'_>, dict: Dict| dict.len());
    to.extension("len", "sequence", sequence_len);
}

/// The arguments; what iterators among them give stands in their place, at any depth.
fn list(cx: &Cx<'_>, args: Rest<Value>) -> Answer {
    unroll(cx, args.0).map(Value::tuple)
}

/// The values with iterators, also iterators of iterators, replaced by what they give.
pub(super) fn unroll(cx: &Cx<'_>, args: Vec<Value>) -> Result<Vec<Value>, YaqlError> {
    if !args.iter().any(is_iterator) {
        cx.charge(args.len() * size_of::<Value>())?;
        return Ok(args);
    }
    let mut out = Vec::new();
    let mut stack = vec![Iter::List(List::new(args), 0)];
    while let Some(top) = stack.last_mut() {
        match top.next(cx)? {
            None => {
                stack.pop();
            }
            Some(item) => {
                cx.charge(size_of::<Value>())?;
                match iterate(&item).filter(|_| is_iterator(&item)) {
                    Some(inner) => stack.push(inner),
                    None => out.push(item),
                }
            }
        }
    }
    Ok(out)
}

fn build_list(cx: &Cx<'_>, args: Rest<Value>) -> Answer {
    cx.charge(args.0.len() * size_of::<Value>())?;
    Ok(Value::tuple(args.0))
}

fn to_list_method(cx: &Cx<'_>, collection: Items) -> Answer {
    to_list(cx, &collection)
}

/// The items as a frozen list: the same one if it is one, else a new one.
pub(in crate::expr::yaql::lib) fn to_list(cx: &Cx<'_>, collection: &Items) -> Answer {
    Ok(match &collection.0 {
        Value::List(items) if items.is_mutable() => {
            cx.charge(size_of_val::<[Value]>(items))?;
            Value::tuple(items.iter().cloned())
        }
        Value::List(_) | Value::Tuple(_) => collection.0.clone(),
        _ => Value::tuple(collection.collect(cx)?),
    })
}

/// The same for functions that go on with the items.
pub(in crate::expr::yaql::lib) fn frozen_items(cx: &Cx<'_>, collection: &Items) -> Result<List, YaqlError> {
    Ok(match &collection.0 {
        Value::List(items) | Value::Tuple(items) => items.clone(),
        _ => List::new(collection.collect(cx)?),
    })
}

/// The items, and in place of items that can be iterated what they give, at any depth, drawn lazily.
fn flatten(_: &Cx<'_>, collection: Items) -> Value {
    let mut stack = vec![collection.iter()];
    lazy("generator", move |cx: &Cx<'_>| {
        while let Some(top) = stack.last_mut() {
            match top.next(cx)? {
                None => {
                    stack.pop();
                }
                Some(item) => match iterate(&item).filter(|_| is_iterable(&item)) {
                    Some(inner) => {
                        cx.charge(size_of::<Iter>())?;
                        stack.push(inner);
                    }
                    None => return Ok(Some(item)),
                },
            }
        }
        Ok(None)
    })
}

fn is_list(_: &Cx<'_>, arg: Value) -> bool {
    matches!(arg, Value::List(_) | Value::Tuple(_) | Value::Bytes(_))
}

fn is_dict(_: &Cx<'_>, arg: Value) -> bool {
    matches!(arg, Value::Dict(_))
}

fn is_set_(_: &Cx<'_>, arg: Value) -> bool {
    is_set(&arg)
}

fn sequence_len(_: &Cx<'_>, sequence: Sequence) -> usize {
    match &sequence.0 {
        Value::Bytes(bytes) => bytes.len(),
        other => other.as_items().map_or(0, <[Value]>::len),
    }
}
