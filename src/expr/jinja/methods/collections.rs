//! Methods of lists, tuples, dictionaries, sets and views.

use super::super::machine::{CallArgs, Machine};
use crate::expr::jinja::bind::arity;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail, type_error, value_error};
use crate::expr::jinja::filters::sort_by;
use crate::expr::jinja::object::{DictView, Range, ViewKind, class_of, shown};
use crate::expr::jinja::ops::{self, check_items, items_of, key};
use crate::expr::value::{Dict, List, Set, Value};

/// Methods that change what they are called on.
const CHANGING: [&str; 16] = [
    "append",
    "extend",
    "insert",
    "remove",
    "pop",
    "clear",
    "sort",
    "reverse",
    "popitem",
    "setdefault",
    "update",
    "add",
    "discard",
    "difference_update",
    "intersection_update",
    "symmetric_difference_update",
];

/// Whether a name may be that of a changing method.
pub(crate) fn may_change(name: &str) -> bool {
    CHANGING.contains(&name)
}

/// Whether a method of a value changes it.
pub(crate) fn changes(value: &Value, name: &str) -> bool {
    matches!(value, Value::List(_) | Value::Dict(_) | Value::Set(_))
        && super::find(value, name).is_some()
        && may_change(name)
}

/// Calls a changing method: the changed value, and what the method returns.
pub(crate) fn change(value: Value, name: &str, args: CallArgs) -> Run<(Value, Value)> {
    match value {
        Value::List(list) => change_list(list.into_vec(), name, args),
        Value::Dict(dict) => change_dict(dict, name, args),
        Value::Set(set) => change_set(&set, name, &args),
        other => Ok((other, Value::Null)),
    }
}

fn change_list(mut items: Vec<Value>, name: &str, mut args: CallArgs) -> Run<(Value, Value)> {
    let mut result = Value::Null;
    match name {
        "append" => {
            arity("list", name, &args, 1, 1)?;
            items.append(&mut args.positional);
        }
        "extend" => {
            arity("list", name, &args, 1, 1)?;
            match &args.positional[0] {
                Value::Dict(dict) => items.extend(dict.keys().cloned()),
                other => match items_of(other) {
                    Some(more) => items.extend(more.iter().cloned()),
                    None => return type_error(format!("'{}' object is not iterable", class_of(other))),
                },
            }
        }
        "insert" => {
            arity("list", name, &args, 2, 2)?;
            let at = ops::integer(&args.positional[0])?;
            let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let at = (if at < 0 { at.saturating_add(len) } else { at }).clamp(0, len);
            items.insert(usize::try_from(at).unwrap_or(0), args.positional.remove(1));
        }
        "remove" => {
            arity("list", name, &args, 1, 1)?;
            match position(&items, &args.positional[0])? {
                Some(at) => {
                    items.remove(at);
                }
                None => return value_error("list.remove(x): x not in list"),
            }
        }
        "pop" => {
            arity("list", name, &args, 0, 1)?;
            if items.is_empty() {
                return fail(ErrorKind::Index, "pop from empty list");
            }
            let index = match args.positional.first() {
                Some(index) => Value::Int(ops::integer(index)?),
                None => Value::Int(-1),
            };
            match ops::index_of(&index, items.len()) {
                Some(at) => result = items.remove(at),
                None => return fail(ErrorKind::Index, "pop index out of range"),
            }
        }
        "clear" => items.clear(),
        "reverse" => items.reverse(),
        "sort" => {
            let reverse = match args.take_keyword("reverse") {
                Some(reverse) => ops::truth(&reverse)?,
                None => false,
            };
            if !args.positional.is_empty() {
                return type_error("sort() takes no positional arguments");
            }
            if args.take_keyword("key").is_some_and(|key| !key.is_null()) {
                return type_error("sort(key=...) is not available; use the filter sort(attribute=...)");
            }
            let keys = items.clone();
            items = sort_by(items, &keys, reverse)?;
        }
        _ => {}
    }
    check_items(items.len())?;
    Ok((Value::from(items), result))
}

/// Where an item is.
fn position(items: &[Value], wanted: &Value) -> Run<Option<usize>> {
    for (at, item) in items.iter().enumerate() {
        if ops::equals(item, wanted)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn key_error<T>(key: &Value) -> Run<T> {
    fail(ErrorKind::Key, shown(key))
}

fn change_dict(dict: Dict, name: &str, mut args: CallArgs) -> Run<(Value, Value)> {
    let mut map = dict.into_map();
    let mut result = Value::Null;
    match name {
        "update" => {
            if args.positional.len() > 1 {
                return type_error(format!(
                    "update expected at most 1 argument, got {}",
                    args.positional.len()
                ));
            }
            if let Some(more) = args.positional.first() {
                for (name, value) in pairs(more)? {
                    map.insert(key(&name)?, value);
                }
            }
            map.extend(
                args.keywords
                    .into_iter()
                    .map(|(name, value)| (Value::Str(name), value)),
            );
        }
        "setdefault" => {
            arity("dict", name, &args, 1, 2)?;
            let name = key(&args.positional[0])?;
            let default = args.positional.get(1).cloned().unwrap_or_default();
            result = map.entry(name).or_insert(default).clone();
        }
        "pop" => {
            arity("dict", name, &args, 1, 2)?;
            match map.shift_remove(&key(&args.positional[0])?) {
                Some(value) => result = value,
                None if args.positional.len() == 2 => result = args.positional.remove(1),
                None => return key_error(&args.positional[0]),
            }
        }
        "popitem" => match map.pop() {
            Some((key, value)) => result = Value::tuple([key, value]),
            None => return fail(ErrorKind::Key, "'popitem(): dictionary is empty'"),
        },
        "clear" => map.clear(),
        _ => {}
    }
    check_items(map.len())?;
    Ok((Value::Dict(Dict::new(map)), result))
}

/// The members of a dictionary, or pairs of any kind, as `dict()` takes them.
pub(crate) fn pairs(value: &Value) -> Run<Vec<(Value, Value)>> {
    if let Value::Dict(dict) = value {
        return Ok(dict
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect());
    }
    let Some(items) = crate::expr::jinja::machine::try_items(value)? else {
        return type_error(format!("'{}' object is not iterable", class_of(value)));
    };
    let mut out = Vec::new();
    for (index, item) in items.enumerate() {
        let Some(pair) = crate::expr::jinja::machine::try_items(&item)? else {
            return type_error(format!(
                "cannot convert dictionary update sequence element #{index} to a sequence"
            ));
        };
        let pair: Vec<Value> = pair.collect();
        match <[Value; 2]>::try_from(pair) {
            Ok([key, value]) => out.push((key, value)),
            Err(pair) => {
                return value_error(format!(
                    "dictionary update sequence element #{index} has length {}; 2 is required",
                    pair.len()
                ));
            }
        }
    }
    Ok(out)
}

fn change_set(set: &Set, name: &str, args: &CallArgs) -> Run<(Value, Value)> {
    let mut items = (**set).clone();
    let mut result = Value::Null;
    match name {
        "add" => {
            arity("set", name, args, 1, 1)?;
            items.insert(key(&args.positional[0])?);
        }
        "discard" | "remove" => {
            arity("set", name, args, 1, 1)?;
            let found = items.shift_remove(&key(&args.positional[0])?);
            if !found && name == "remove" {
                return key_error(&args.positional[0]);
            }
        }
        "pop" => match items.shift_remove_index(0) {
            Some(item) => result = item,
            None => return fail(ErrorKind::Key, "'pop from an empty set'"),
        },
        "clear" => items.clear(),
        _ => {
            let plain = name.strip_suffix("_update").unwrap_or("union");
            let Value::Set(changed) = combine(set, plain, args)? else {
                return Ok((Value::Set(set.clone()), Value::Null));
            };
            return Ok((Value::Set(changed), Value::Null));
        }
    }
    Ok((Value::Set(Set::new(items)), result))
}

pub(super) fn call(machine: &mut Machine<'_>, owner: &Value, name: &str, args: CallArgs) -> Run<Value> {
    if changes(owner, name) {
        // What is no variable changes and is gone; only the result counts.
        return change(owner.clone(), name, args).map(|(_, result)| result);
    }
    if let Some(items) = items_of(owner) {
        return of_items(owner, items, name, &args);
    }
    match owner {
        Value::Dict(dict) => of_dict(machine, dict, name, &args),
        Value::Set(set) => {
            if name == "copy" {
                arity("set", name, &args, 0, 0)?;
                return Ok(owner.clone());
            }
            combine(set, name, &args)
        }
        other => {
            if let Some(range) = other.downcast::<Range>() {
                arity("range", name, &args, 1, 1)?;
                let at = args.positional[0]
                    .as_i64()
                    .and_then(|number| range.find(i128::from(number)));
                return match (name, at) {
                    ("count", at) => Ok(Value::Int(i64::from(at.is_some()))),
                    (_, Some(at)) => Ok(Value::from(at)),
                    _ if args.positional[0].as_i64().is_none() => {
                        value_error("sequence.index(x): x not in sequence")
                    }
                    _ => value_error(format!("{} is not in range", shown(&args.positional[0]))),
                };
            }
            if let Some(view) = other.downcast::<DictView>() {
                arity("dict view", name, &args, 1, 1)?;
                let items = machine.collect(&args.positional[0])?;
                let mut common = false;
                for item in &items {
                    common = common
                        || ops::contains(
                            &Value::Opaque(match other {
                                Value::Opaque(object) => std::sync::Arc::clone(object),
                                _ => return Ok(Value::Bool(view.dict.is_empty())),
                            }),
                            item,
                        )?;
                }
                return Ok(Value::Bool(!common));
            }
            type_error(format!("'{}' object has no method '{name}'", class_of(other)))
        }
    }
}

fn of_items(owner: &Value, items: &List, name: &str, args: &CallArgs) -> Run<Value> {
    let class = if matches!(owner, Value::List(_)) {
        "list"
    } else {
        "tuple"
    };
    match name {
        "copy" => {
            arity(class, name, args, 0, 0)?;
            Ok(Value::from(items.to_vec()))
        }
        "count" => {
            arity(class, name, args, 1, 1)?;
            let mut count = 0_usize;
            for item in items.iter() {
                count += usize::from(ops::equals(item, &args.positional[0])?);
            }
            Ok(Value::from(count))
        }
        _ => {
            arity(class, name, args, 1, 3)?;
            let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let bound = |index: usize, default: i64| -> Run<usize> {
                let at = match args.positional.get(index) {
                    Some(at) => ops::integer(at)?,
                    None => default,
                };
                let at = (if at < 0 { at.saturating_add(len).max(0) } else { at }).min(len);
                Ok(usize::try_from(at).unwrap_or(0))
            };
            let (start, end) = (bound(1, 0)?, bound(2, len)?);
            let range = items.get(start..end.max(start)).unwrap_or_default();
            match position(range, &args.positional[0])? {
                Some(at) => Ok(Value::from(start + at)),
                None if class == "list" => {
                    value_error(format!("{} is not in list", shown(&args.positional[0])))
                }
                None => value_error("tuple.index(x): x not in tuple"),
            }
        }
    }
}

fn of_dict(machine: &mut Machine<'_>, dict: &Dict, name: &str, args: &CallArgs) -> Run<Value> {
    let view = |kind| {
        Value::opaque(DictView {
            dict: dict.clone(),
            kind,
        })
    };
    match name {
        "get" => {
            arity("dict", name, args, 1, 2)?;
            let found = match &args.positional[0] {
                Value::Str(name) => dict.get_str(name).cloned(),
                other => dict.get(&key(other)?).cloned(),
            };
            Ok(found.unwrap_or_else(|| args.positional.get(1).cloned().unwrap_or_default()))
        }
        "fromkeys" => {
            arity("dict", name, args, 1, 2)?;
            let value = args.positional.get(1).cloned().unwrap_or_default();
            let keys = machine.collect(&args.positional[0])?;
            ops::dict(keys.into_iter().map(|key| (key, value.clone())))
        }
        _ => {
            arity("dict", name, args, 0, 0)?;
            Ok(match name {
                "keys" => view(ViewKind::Keys),
                "values" => view(ViewKind::Values),
                "items" => view(ViewKind::Items),
                _ => Value::Dict(dict.clone()),
            })
        }
    }
}

/// `set.union` and its kind.
fn combine(set: &Set, name: &str, args: &CallArgs) -> Run<Value> {
    let mut others = Vec::new();
    for other in &args.positional {
        let Some(items) = crate::expr::jinja::machine::try_items(other)? else {
            return type_error(format!("'{}' object is not iterable", class_of(other)));
        };
        let mut out = Set::builder(0);
        for item in items {
            out.insert(key(&item)?);
        }
        others.push(Set::new(out));
    }
    let single = || match others.as_slice() {
        [one] => Ok(one.clone()),
        _ => type_error(format!(
            "set.{name}() takes exactly one argument ({} given)",
            others.len()
        )),
    };
    let mut items = (**set).clone();
    match name {
        "union" => others
            .iter()
            .for_each(|other| items.extend(other.iter().cloned())),
        "intersection" => items.retain(|item| others.iter().all(|other| other.contains(item))),
        "difference" => items.retain(|item| !others.iter().any(|other| other.contains(item))),
        "symmetric_difference" => {
            let other = single()?;
            items.retain(|item| !other.contains(item));
            items.extend(other.iter().filter(|item| !set.contains(*item)).cloned());
        }
        "issubset" => {
            let other = single()?;
            return Ok(Value::Bool(set.iter().all(|item| other.contains(item))));
        }
        "issuperset" => {
            let other = single()?;
            return Ok(Value::Bool(other.iter().all(|item| set.contains(item))));
        }
        _ => {
            let other = single()?;
            return Ok(Value::Bool(!set.iter().any(|item| other.contains(item))));
        }
    }
    Ok(Value::Set(Set::new(items)))
}
