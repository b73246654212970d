//! Making dictionaries.

use crate::expr::value::{Dict, DictMap, Value};
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::{Items, Rest, Rule};
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::{Part, View, iterate};
use crate::expr::yaql::{Lambda, YaqlError};

use super::cost;

pub(super) fn register(to: &mut Library) {
    to.function("dict", "*args", dict_of_rules).no_kwargs();
    to.function("#map", "*args", dict_of_rules).no_kwargs();
    to.function("dict", "items", dict_of_pairs).no_kwargs();
    to.method("toDict", "collection, keySelector, valueSelector=null", to_dict);
    to.method("set", "dict, key, value", set).no_kwargs();
    to.method("set", "dict, replacements", set_many).no_kwargs();
    to.method("set", "dict, *args", set_rules).no_kwargs();
    to.method("keys", "dict", |_: &Cx<'_>, dict: Dict| {
        View::of(dict, Part::Keys)
    });
    to.method("values", "dict", |_: &Cx<'_>, dict: Dict| {
        View::of(dict, Part::Values)
    });
    to.method("items", "dict", |_: &Cx<'_>, dict: Dict| {
        View::of(dict, Part::Items)
    });
    to.method("delete", "dict, *keys", delete);
    to.method("deleteAll", "dict, keys", delete_all);
}

/// Puts a member into a map within the budget.
pub(in crate::expr::yaql::lib) fn put(
    cx: &Cx<'_>,
    map: &mut DictMap,
    key: Value,
    value: Value,
) -> Result<(), YaqlError> {
    cost::key(cx, &key)?;
    cx.charge(cost::MEMBER)?;
    map.insert(key, value);
    Ok(())
}

/// The members of a dictionary as a map to change.
pub(in crate::expr::yaql::lib) fn copy(cx: &Cx<'_>, dict: Dict) -> Result<DictMap, YaqlError> {
    cx.spend(dict.len())?;
    cx.charge(dict.len() * cost::MEMBER)?;
    Ok(dict.into_map())
}

fn dict_of_rules(cx: &Cx<'_>, args: Rest<Rule>) -> Answer {
    let mut map = Dict::builder(args.0.len());
    for rule in args.0 {
        put(cx, &mut map, rule.source, rule.destination)?;
    }
    Ok(Dict::new(map).into())
}

/// Of items that give a key and a value each; what they give beyond is ignored.
fn dict_of_pairs(cx: &Cx<'_>, items: Items) -> Answer {
    let mut map = DictMap::default();
    let mut items = items.iter();
    while let Some(pair) = items.next(cx)? {
        let Some(mut pair) = iterate(&pair) else {
            return Err(not_iterable(&pair));
        };
        let (Some(key), Some(value)) = (pair.next(cx)?, pair.next(cx)?) else {
            return Err(YaqlError::stop_iteration(""));
        };
        put(cx, &mut map, key, value)?;
    }
    Ok(Dict::new(map).into())
}

/// Python's complaint about a value in place of a list.
pub(in crate::expr::yaql::lib) fn not_iterable(value: &Value) -> YaqlError {
    YaqlError::type_error(format!("'{}' object is not iterable", class_name(value)))
}

/// The class of a value as Python names it in messages: data are frozen.
pub(in crate::expr::yaql::lib) fn class_name(value: &Value) -> &str {
    match value {
        Value::List(items) if !items.is_mutable() => "tuple",
        Value::Dict(dict) if !dict.is_mutable() => "FrozenDict",
        Value::Set(_) => "frozenset",
        other => other.type_name(),
    }
}

/// A fresh dictionary of what the selectors say of every item.
fn to_dict(cx: &Cx<'_>, collection: Items, key_selector: Lambda, value_selector: Option<Lambda>) -> Answer {
    let mut map = DictMap::default();
    let mut items = collection.iter();
    while let Some(item) = items.next(cx)? {
        let key = key_selector.call(cx, [item.clone()])?;
        let value = match &value_selector {
            Some(selector) => selector.call(cx, [item])?,
            None => item,
        };
        put(cx, &mut map, key, value)?;
    }
    Ok(Dict::mutable(map).into())
}

fn set(cx: &Cx<'_>, dict: Dict, key: Value, value: Value) -> Answer {
    let mut map = copy(cx, dict)?;
    put(cx, &mut map, key, value)?;
    Ok(Dict::new(map).into())
}

fn set_many(cx: &Cx<'_>, dict: Dict, replacements: Dict) -> Answer {
    merged(cx, dict, &replacements)
}

/// The members of both; of equal keys the place of the first and the value of the second stay.
pub(super) fn merged(cx: &Cx<'_>, left: Dict, right: &Dict) -> Answer {
    let mut map = copy(cx, left)?;
    cx.spend(right.len())?;
    cx.charge(right.len() * cost::MEMBER)?;
    map.extend(right.iter().map(|(key, value)| (key.clone(), value.clone())));
    Ok(Dict::new(map).into())
}

fn set_rules(cx: &Cx<'_>, dict: Dict, args: Rest<Rule>) -> Answer {
    let mut map = copy(cx, dict)?;
    for rule in args.0 {
        put(cx, &mut map, rule.source, rule.destination)?;
    }
    Ok(Dict::new(map).into())
}

fn delete(cx: &Cx<'_>, dict: Dict, keys: Rest<Value>) -> Answer {
    delete_all(cx, dict, Items(Value::tuple(keys.0)))
}

/// A fresh dictionary without the keys; keys that it lacks are ignored.
fn delete_all(cx: &Cx<'_>, dict: Dict, keys: Items) -> Answer {
    let mut gone = DictMap::default();
    let (mut keys, mut left) = (keys.iter(), dict.len());
    while let Some(key) = keys.next(cx)? {
        // Nothing is looked up in an empty dictionary, so any key will do then.
        if left > 0 {
            cost::key(cx, &key)?;
            if dict.contains_key(&key) && !gone.contains_key(&key) {
                left -= 1;
                put(cx, &mut gone, key, Value::Null)?;
            }
        }
    }
    let mut map = copy(cx, dict)?;
    map.retain(|key, _| !gone.contains_key(key));
    Ok(Dict::mutable(map).into())
}
