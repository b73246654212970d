//! Filters that order, group and pick by attributes.

use std::sync::Arc;

use crate::expr::jinja::bind::Bound;
use crate::expr::jinja::fault::Run;
use crate::expr::jinja::machine::Machine;
use crate::expr::jinja::object::{Generator, GroupPair, Undefined, text_of, undefined};
use crate::expr::jinja::ops;
use crate::expr::jinja::{ErrorKind, fault};
use crate::expr::value::{List, Set, Value};

/// Sorts items by keys with Python's `<` only, keeping the order of equals.
pub(crate) fn sort_by(items: Vec<Value>, keys: &[Value], reverse: bool) -> Run<Vec<Value>> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    if reverse {
        order.reverse();
    }
    if keys.iter().all(|key| matches!(key, Value::Str(_))) {
        order.sort_by(|a, b| keys[*a].as_str().cmp(&keys[*b].as_str()));
    } else {
        order = merge_sort(&order, keys)?;
    }
    if reverse {
        order.reverse();
    }
    let mut items: Vec<Option<Value>> = items.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|at| items[at].take()).collect())
}

/// The library's sorts refuse an order that contradicts itself, as that of NaN; this one does not mind.
fn merge_sort(order: &[usize], keys: &[Value]) -> Run<Vec<usize>> {
    if order.len() < 2 {
        return Ok(order.to_vec());
    }
    let (left, right) = order.split_at(order.len() / 2);
    let (left, right) = (merge_sort(left, keys)?, merge_sort(right, keys)?);
    let mut out = Vec::with_capacity(order.len());
    let (mut a, mut b) = (0, 0);
    while a < left.len() && b < right.len() {
        if ops::less(&keys[right[b]], &keys[left[a]])? {
            out.push(right[b]);
            b += 1;
        } else {
            out.push(left[a]);
            a += 1;
        }
    }
    out.extend_from_slice(&left[a..]);
    out.extend_from_slice(&right[b..]);
    Ok(out)
}

/// The way to an attribute: `a.b.0`.
pub(super) struct Path(Vec<Value>);

impl Path {
    pub(super) fn new(attribute: Option<&Value>) -> Self {
        let Some(attribute) = attribute.filter(|attribute| !attribute.is_null()) else {
            return Self(Vec::new());
        };
        match text_of(attribute) {
            Some(text) => Self(text.split('.').map(part).collect()),
            None => Self(vec![attribute.clone()]),
        }
    }

    pub(super) fn get(&self, machine: &mut Machine<'_>, item: &Value, default: Option<&Value>) -> Run<Value> {
        if let ([Value::Str(name)], Value::Dict(dict)) = (self.0.as_slice(), item)
            && let Some(value) = dict.get_str(name)
        {
            return Ok(value.clone());
        }
        let mut value = item.clone();
        for part in &self.0 {
            value = machine.item(&value, part)?;
            if let Some(default) = default
                && undefined(&value).is_some()
            {
                value = default.clone();
            }
        }
        Ok(value)
    }
}

fn part(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(index) if text.bytes().all(|byte| byte.is_ascii_digit()) => Value::Int(index),
        _ => Value::from(text),
    }
}

/// Texts in lower case, for orders that ignore case.
fn folded(value: Value, case_sensitive: bool) -> Value {
    match text_of(&value) {
        Some(text) if !case_sensitive && text.chars().any(char::is_uppercase) => {
            Value::from(text.to_lowercase())
        }
        Some(text) => Value::Str(Arc::clone(text)),
        None => value,
    }
}

fn keys_of(machine: &mut Machine<'_>, items: &[Value], path: &Path, case_sensitive: bool) -> Run<Vec<Value>> {
    let mut keys = Vec::with_capacity(items.len());
    for item in items {
        keys.push(folded(path.get(machine, item, None)?, case_sensitive));
    }
    Ok(keys)
}

/// Sorting costs more than going through a list.
fn charge_sort(machine: &mut Machine<'_>, count: usize) -> Run<()> {
    machine.step(count * (usize::BITS - count.leading_zeros()) as usize / 4)
}

pub(super) fn sort(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let reverse = args.flag(0, false)?;
    let case_sensitive = args.flag(1, false)?;
    let items = machine.collect(value)?;
    charge_sort(machine, items.len())?;
    let attribute = args.get(2).cloned();
    let paths: Vec<Path> = match attribute.as_ref().and_then(text_of) {
        Some(text) => text
            .split(',')
            .map(|one| Path::new(Some(&Value::from(one))))
            .collect(),
        None => vec![Path::new(attribute.as_ref())],
    };
    let mut keys = Vec::with_capacity(items.len());
    if let [path] = paths.as_slice() {
        keys = keys_of(machine, &items, path, case_sensitive)?;
        if !keys.iter().all(|key| matches!(key, Value::Str(_))) {
            // Python compares tuples, which forgives what is the same object.
            for key in &mut keys {
                *key = Value::tuple([std::mem::take(key)]);
            }
        }
    } else {
        for item in &items {
            let mut parts = Vec::with_capacity(paths.len());
            for path in &paths {
                parts.push(folded(path.get(machine, item, None)?, case_sensitive));
            }
            keys.push(Value::Tuple(List::new(parts)));
        }
    }
    sort_by(items, &keys, reverse).map(Value::from)
}

pub(super) fn dictsort(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let case_sensitive = args.flag(0, false)?;
    let by = match args.given(1) {
        None => 0,
        Some(by) => match text_of(by).map(|text| &**text) {
            Some("key") => 0,
            Some("value") => 1,
            _ => {
                return fault::fail(
                    ErrorKind::Argument,
                    "You can only sort by either \"key\" or \"value\"",
                );
            }
        },
    };
    let reverse = args.flag(2, false)?;
    let Value::Dict(dict) = value else {
        super::must_be_mapping(value)?;
        return Ok(Value::Null);
    };
    charge_sort(machine, dict.len())?;
    let (mut items, mut keys) = (Vec::with_capacity(dict.len()), Vec::with_capacity(dict.len()));
    for (key, value) in dict.iter() {
        keys.push(folded(
            if by == 0 { key.clone() } else { value.clone() },
            case_sensitive,
        ));
        items.push(Value::tuple([key.clone(), value.clone()]));
    }
    sort_by(items, &keys, reverse).map(Value::from)
}

pub(super) fn groupby(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let path = Path::new(args.given(0));
    let default = args.get(1);
    let case_sensitive = args.flag(2, false)?;
    let items = machine.collect(value)?;
    charge_sort(machine, items.len())?;
    let (mut keys, mut shown) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for item in &items {
        let key = path.get(machine, item, default)?;
        shown.push(key.clone());
        keys.push(folded(key, case_sensitive));
    }
    let numbers: Vec<Value> = (0..items.len()).map(Value::from).collect();
    let mut groups: Vec<(usize, Vec<Value>)> = Vec::new();
    for number in sort_by(numbers, &keys, false)? {
        let at = usize::try_from(number.as_i64().unwrap_or(0)).unwrap_or(0);
        match groups.last_mut() {
            Some((first, group)) if ops::equals(&keys[*first], &keys[at])? => group.push(items[at].clone()),
            _ => groups.push((at, vec![items[at].clone()])),
        }
    }
    let pairs = groups.into_iter().map(|(first, group)| {
        let grouper = if case_sensitive {
            keys[first].clone()
        } else {
            shown[first].clone()
        };
        Value::opaque(GroupPair(List::new(vec![grouper, Value::from(group)])))
    });
    Ok(Value::list(pairs))
}

pub(super) fn unique(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let case_sensitive = args.flag(0, false)?;
    let path = Path::new(args.given(1));
    Generator::lazy("sync_do_unique", |out| {
        let items = machine.collect(value)?;
        let mut seen = Set::builder(items.len());
        for item in items {
            let key = folded(path.get(machine, &item, None)?, case_sensitive);
            if seen.insert(ops::key(&key)?) {
                out.push(item);
            }
        }
        Ok(())
    })
}

pub(super) fn max(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    extreme(machine, value, args, true)
}

pub(super) fn min(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    extreme(machine, value, args, false)
}

fn extreme(machine: &mut Machine<'_>, value: &Value, args: &Bound, largest: bool) -> Run<Value> {
    let case_sensitive = args.flag(0, false)?;
    let path = Path::new(args.given(1));
    let items = machine.collect(value)?;
    let keys = keys_of(machine, &items, &path, case_sensitive)?;
    let Some(mut best) = (!items.is_empty()).then_some(0) else {
        return Ok(Undefined::hinted(
            "No aggregated item, sequence was empty.",
            machine.strict(),
        ));
    };
    for at in 1..items.len() {
        let better = if largest {
            ops::compare(
                crate::expr::jinja::syntax::ast::CompareOp::Gt,
                &keys[at],
                &keys[best],
            )?
        } else {
            ops::less(&keys[at], &keys[best])?
        };
        if better {
            best = at;
        }
    }
    Ok(items[best].clone())
}
