//! `groupBy`: items by key, and what an aggregator makes of every group.

use indexmap::IndexMap;

use crate::expr::ErrorKind;
use crate::expr::value::{Hasher, Value};
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::Items;
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::{Sequence, View, lazy};
use crate::expr::yaql::{Lambda, YaqlError};

use super::common::cost;

pub(super) fn register(to: &mut Library) {
    to.method(
        "groupBy",
        "collection, keySelector, valueSelector=null, aggregator=null",
        group_by,
    );
}

/// The groups are made at once, what the aggregator says of them is drawn lazily.
fn group_by(
    cx: &Cx<'_>,
    collection: Items,
    key_selector: Lambda,
    value_selector: Option<Lambda>,
    aggregator: Option<Lambda>,
) -> Answer {
    let mut groups: IndexMap<Value, Vec<Value>, Hasher> = IndexMap::default();
    let mut items = collection.iter();
    while let Some(item) = items.next(cx)? {
        let value = match &value_selector {
            Some(selector) => selector.call(cx, [item.clone()])?,
            None => item.clone(),
        };
        let key = key_selector.call(cx, [item])?;
        cost::key(cx, &key)?;
        cx.charge(size_of::<Value>())?;
        match groups.get_mut(&key) {
            Some(values) => values.push(value),
            None => {
                cx.charge(2 * cost::MEMBER)?;
                groups.insert(key, vec![value]);
            }
        }
    }
    let mut groups = groups.into_iter();
    let mut aggregator = aggregator.map(Aggregator::new);
    Ok(lazy("map", move |cx: &Cx<'_>| {
        let Some((key, values)) = groups.next() else {
            return Ok(None);
        };
        let values = Value::mutable_list(values);
        match &mut aggregator {
            Some(aggregator) => aggregator.call(cx, key, values).map(Some),
            None => Ok(Some(Value::tuple([key, values]))),
        }
    }))
}

/// An aggregator gets the list of a group's values. One written for an older form gets the pair of key and list and
/// gives a pair; which of the two it is shows when it fails on a list.
struct Aggregator {
    function: Lambda,
    /// Whether it may still be one of the older form.
    may_be_old: bool,
    failure: Option<YaqlError>,
}

impl Aggregator {
    fn new(function: Lambda) -> Self {
        Self {
            function,
            may_be_old: true,
            failure: None,
        }
    }

    fn call(&mut self, cx: &Cx<'_>, key: Value, values: Value) -> Answer {
        if self.failure.is_none() {
            match self.function.call(cx, [values.clone()]) {
                Ok(result) => {
                    self.may_be_old &= looks_old(cx, &values, &result)?;
                    return Ok(Value::tuple([key, result]));
                }
                Err(error) if matches!(error.kind, ErrorKind::NoMatch | ErrorKind::Index) => {
                    self.failure = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        if self.may_be_old {
            match self.function.call(cx, [Value::tuple([key, values])]) {
                Ok(result) if len(&result) == Some(2) => return Ok(result),
                Err(error) if error.kind == ErrorKind::Limit => return Err(error),
                _ => {}
            }
        }
        Err(self
            .failure
            .clone()
            .unwrap_or_else(|| YaqlError::type_error("the aggregator gives no pair")))
    }
}

/// Whether a result may come from an aggregator that took the list of two values for a pair.
fn looks_old(cx: &Cx<'_>, values: &Value, result: &Value) -> Result<bool, YaqlError> {
    match (values.as_items(), result.as_items()) {
        (Some([first, _]), Some([key, _])) => cost::equal(cx, key, first),
        _ => Ok(false),
    }
}

/// Python's `len()`, where it knows one.
fn len(value: &Value) -> Option<usize> {
    match value {
        Value::Str(text) => Some(text.chars().count()),
        Value::Bytes(bytes) => Some(bytes.len()),
        Value::List(items) | Value::Tuple(items) => Some(items.len()),
        Value::Dict(dict) => Some(dict.len()),
        Value::Set(items) => Some(items.len()),
        other => {
            let view = other.downcast::<Sequence>().and_then(Sequence::downcast::<View>);
            view.map(|view| view.dict().len())
        }
    }
}
