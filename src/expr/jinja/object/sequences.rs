//! What is iterated without being a list: ranges, generators, views of dictionaries, pairs of `groupby`.

use super::as_any;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Fault, Run};

use crate::expr::value::{Dict, List, Opaque, Value, equal, repr};
use parking_lot::Mutex;
use std::any::Any;

/// `range(start, stop, step)`
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) start: i128,
    pub(crate) stop: i128,
    pub(crate) step: i128,
    pub(crate) len: usize,
}

impl Range {
    pub(crate) fn at(&self, index: usize) -> Value {
        Value::from(self.start + self.step * index as i128)
    }

    /// Where a number stands in it.
    pub(crate) fn find(&self, number: i128) -> Option<usize> {
        let distance = number - self.start;
        let index = usize::try_from(distance / self.step).ok()?;
        (distance % self.step == 0 && index < self.len).then_some(index)
    }

    fn key(&self) -> (usize, Option<i128>, Option<i128>) {
        (
            self.len,
            (self.len > 0).then_some(self.start),
            (self.len > 1).then_some(self.step),
        )
    }
}

impl Opaque for Range {
    fn class(&self) -> &str {
        "range"
    }

    fn repr(&self) -> String {
        match self.step {
            1 => format!("range({}, {})", self.start, self.stop),
            step => format!("range({}, {}, {step})", self.start, self.stop),
        }
    }

    fn is_true(&self) -> bool {
        self.len > 0
    }

    fn equals(&self, other: &Value) -> bool {
        other
            .downcast::<Self>()
            .is_some_and(|other| other.key() == self.key())
    }

    fn hash_code(&self) -> u64 {
        self.len as u64
    }

    as_any!();
}

/// What Python makes lazily and gives out once. Here it is made at once; only the giving out is the same.
#[derive(Debug)]
pub(crate) struct Generator {
    class: &'static str,
    name: &'static str,
    rest: Mutex<std::collections::VecDeque<Value>>,
    /// What making the next item failed with.
    failure: Mutex<Option<Box<Fault>>>,
}

impl Generator {
    /// A generator made by the filter function `name`. A failure comes after the items that were made before it, and
    /// only to who asks for more; but bounds that were reached end everything at once.
    pub(crate) fn lazy(name: &'static str, make: impl FnOnce(&mut Vec<Value>) -> Run<()>) -> Run<Value> {
        let mut items = Vec::new();
        let failure = match make(&mut items) {
            Ok(()) => None,
            Err(fault) if matches!(fault.kind, ErrorKind::Limit | ErrorKind::Recursion) => return Err(fault),
            Err(fault) => Some(fault),
        };
        Ok(Value::opaque(Self {
            class: "generator",
            name,
            rest: Mutex::new(items.into()),
            failure: Mutex::new(failure),
        }))
    }

    /// An iterator of another class.
    pub(crate) fn iterator(class: &'static str, name: &'static str, items: Vec<Value>) -> Value {
        Value::opaque(Self {
            class,
            name,
            rest: Mutex::new(items.into()),
            failure: Mutex::new(None),
        })
    }

    pub(crate) fn next(&self) -> Run<Option<Value>> {
        match self.rest.lock().pop_front() {
            Some(item) => Ok(Some(item)),
            None => self.failure.lock().take().map_or(Ok(None), Err),
        }
    }

    /// All that was not given out yet.
    pub(crate) fn drain(&self) -> Run<Vec<Value>> {
        match self.failure.lock().take() {
            Some(fault) => Err(fault),
            None => Ok(std::mem::take(&mut *self.rest.lock()).into()),
        }
    }

    /// Whether it is a generator in Python's sense, not another kind of iterator.
    pub(crate) fn is_generator(&self) -> bool {
        self.class == "generator"
    }
}

impl Opaque for Generator {
    fn class(&self) -> &str {
        self.class
    }

    fn repr(&self) -> String {
        if self.name.is_empty() {
            format!("<{} object>", self.class)
        } else {
            format!("<{} object {}>", self.class, self.name)
        }
    }

    fn depth(&self) -> u32 {
        let depths = |items: &std::collections::VecDeque<Value>| items.iter().map(Value::depth).max();
        self.rest
            .try_lock()
            .and_then(|items| depths(&items))
            .map_or(0, |depth| depth.saturating_add(1))
    }

    as_any!();
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ViewKind {
    Keys,
    Values,
    Items,
}

/// `dict.keys()` and the like.
#[derive(Debug)]
pub(crate) struct DictView {
    pub(crate) dict: Dict,
    pub(crate) kind: ViewKind,
}

impl DictView {
    pub(crate) fn at(&self, index: usize) -> Option<Value> {
        let (key, value) = self.dict.get_index(index)?;
        Some(match self.kind {
            ViewKind::Keys => key.clone(),
            ViewKind::Values => value.clone(),
            ViewKind::Items => Value::tuple([key.clone(), value.clone()]),
        })
    }
}

impl Opaque for DictView {
    fn class(&self) -> &str {
        match self.kind {
            ViewKind::Keys => "dict_keys",
            ViewKind::Values => "dict_values",
            ViewKind::Items => "dict_items",
        }
    }

    fn repr(&self) -> String {
        let items: Vec<Value> = (0..self.dict.len()).filter_map(|index| self.at(index)).collect();
        format!("{}({})", self.class(), repr(&Value::from(items)))
    }

    fn is_true(&self) -> bool {
        !self.dict.is_empty()
    }

    fn equals(&self, other: &Value) -> bool {
        let Some(other) = other.downcast::<Self>() else {
            return false;
        };
        self.kind == other.kind
            && self.kind != ViewKind::Values
            && self.dict.len() == other.dict.len()
            && self.dict.iter().all(|(key, value)| {
                other
                    .dict
                    .get(key)
                    .is_some_and(|found| self.kind == ViewKind::Keys || equal(found, value))
            })
    }

    fn is_hashable(&self) -> bool {
        self.kind == ViewKind::Values
    }

    fn depth(&self) -> u32 {
        self.dict.depth().saturating_add(1)
    }

    fn weight(&self) -> u64 {
        self.dict.weight()
    }

    as_any!();
}

/// What `groupby` gives: a pair with the names `grouper` and `list`.
#[derive(Debug)]
pub(crate) struct GroupPair(pub(crate) List);

impl Opaque for GroupPair {
    fn class(&self) -> &str {
        "jinja2.filters._GroupTuple"
    }

    fn repr(&self) -> String {
        repr(&Value::Tuple(self.0.clone()))
    }

    fn equals(&self, other: &Value) -> bool {
        let other = match other.downcast::<Self>() {
            Some(other) => Value::Tuple(other.0.clone()),
            None => other.clone(),
        };
        equal(&Value::Tuple(self.0.clone()), &other)
    }

    fn depth(&self) -> u32 {
        self.0.depth()
    }

    fn weight(&self) -> u64 {
        self.0.weight()
    }

    as_any!();
}
