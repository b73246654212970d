//! Sequences: what can be iterated, and lazy ones, which are drawn item by item within the budget.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::error::YaqlError;
use super::runtime::Cx;
use crate::expr::value::{Dict, List, Opaque, Set, Value, frozen_repr};

/// The state behind a lazy sequence. Closures of the same shape are sources too, see [`lazy`].
pub trait Source: Send + Sync + 'static {
    /// The next item, or none at the end.
    fn next(&mut self, cx: &Cx<'_>) -> Result<Option<Value>, YaqlError>;
}

impl<F> Source for F
where
    F: FnMut(&Cx<'_>) -> Result<Option<Value>, YaqlError> + Send + Sync + 'static,
{
    fn next(&mut self, cx: &Cx<'_>) -> Result<Option<Value>, YaqlError> {
        self(cx)
    }
}

/// A lazy sequence as a value: an iterator in Python's sense, which can be drawn once. `class` is the name of its
/// Python class, such as `map` or `generator`.
pub fn lazy(class: &'static str, source: impl Source) -> Value {
    Value::opaque(Sequence(Box::new(Generator {
        class,
        source: Mutex::new(Some(Box::new(source))),
    })))
}

/// An opaque value that can be iterated.
pub struct Sequence(Box<dyn Iterable>);

thread_local! {
    /// What waits to be dropped while another sequence is being dropped.
    static DROPPED: RefCell<Option<Vec<Box<dyn Iterable>>>> = const { RefCell::new(None) };
}

/// Sequences of sequences can be nested as deeply as an expression has steps; dropping them must not recurse.
impl Drop for Sequence {
    fn drop(&mut self) {
        let object = std::mem::replace(&mut self.0, Box::new(Nothing));
        let mut next = DROPPED.with_borrow_mut(|waiting| match waiting {
            Some(waiting) => {
                waiting.push(object);
                None
            }
            None => {
                *waiting = Some(Vec::new());
                Some(object)
            }
        });
        while let Some(object) = next {
            drop(object);
            next = DROPPED.with_borrow_mut(|waiting| {
                let object = waiting.as_mut().and_then(Vec::pop);
                if object.is_none() {
                    *waiting = None;
                }
                object
            });
        }
    }
}

/// What is left of a sequence that is being dropped.
struct Nothing;

impl Iterable for Nothing {
    fn class(&self) -> &'static str {
        "NoneType"
    }

    fn iter(&self, _this: &Value) -> Iter {
        Iter::List(Vec::new().into_iter().collect(), 0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What stands behind a [`Sequence`].
#[expect(
    clippy::len_without_is_empty,
    reason = "most iterables do not know their length"
)]
pub trait Iterable: Send + Sync + 'static {
    /// The name of the Python class.
    fn class(&self) -> &'static str;
    /// Python's repr.
    fn repr(&self) -> String {
        format!("<{} object>", self.class())
    }
    /// Whether it is an iterator: it can be drawn once only.
    fn is_iterator(&self) -> bool {
        false
    }
    /// Whether it is a set in Python's sense (the keys or items of a dictionary).
    fn is_set(&self) -> bool {
        false
    }
    /// The number of items, where Python's `len()` knows it.
    fn len(&self) -> Option<usize> {
        None
    }
    /// Python's truth.
    fn is_true(&self) -> bool {
        true
    }
    /// Whether it equals another value.
    fn equals(&self, _other: &Value) -> bool {
        false
    }
    /// Whether it can be a key.
    fn is_hashable(&self) -> bool {
        true
    }
    /// See [`Value::depth`].
    fn depth(&self) -> u32 {
        0
    }
    /// See [`Value::weight`].
    fn weight(&self) -> u64 {
        Value::Null.weight()
    }
    /// Starts to iterate. `this` is the value itself.
    fn iter(&self, this: &Value) -> Iter;
    /// For downcasts; write `self`.
    fn as_any(&self) -> &dyn Any;
}

impl Sequence {
    /// Wraps something that can be iterated.
    pub fn of(object: impl Iterable) -> Value {
        Value::opaque(Self(Box::new(object)))
    }

    /// What stands behind it, if it is a `T`.
    pub fn downcast<T: 'static>(&self) -> Option<&T> {
        self.0.as_any().downcast_ref()
    }

    /// See [`Iterable::is_iterator`].
    pub fn is_iterator(&self) -> bool {
        self.0.is_iterator()
    }

    /// See [`Iterable::is_set`].
    pub fn is_set(&self) -> bool {
        self.0.is_set()
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.repr())
    }
}

impl Opaque for Sequence {
    fn class(&self) -> &str {
        self.0.class()
    }

    fn repr(&self) -> String {
        self.0.repr()
    }

    fn is_true(&self) -> bool {
        self.0.is_true()
    }

    fn equals(&self, other: &Value) -> bool {
        self.0.equals(other)
    }

    fn is_hashable(&self) -> bool {
        self.0.is_hashable()
    }

    fn depth(&self) -> u32 {
        self.0.depth()
    }

    fn weight(&self) -> u64 {
        self.0.weight()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

struct Generator {
    class: &'static str,
    source: Mutex<Option<Box<dyn Source>>>,
}

impl Generator {
    fn next(&self, cx: &Cx<'_>) -> Result<Option<Value>, YaqlError> {
        // Not a lock to wait for: an evaluation is one thread, so a held lock means that the sequence draws itself.
        let Some(mut slot) = self.source.try_lock() else {
            return Err(YaqlError::value_error("generator already executing"));
        };
        let Some(source) = slot.as_mut() else {
            return Ok(None);
        };
        let item = cx.runtime.deeper(|| source.next(cx));
        if !matches!(item, Ok(Some(_))) {
            // An iterator that ended or failed stays ended.
            *slot = None;
        }
        item
    }
}

impl Iterable for Generator {
    fn class(&self) -> &'static str {
        self.class
    }

    fn is_iterator(&self) -> bool {
        true
    }

    fn iter(&self, this: &Value) -> Iter {
        Iter::Sequence(this.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Drawing items one by one; every item counts as a step.
pub enum Iter {
    /// Of a list or tuple, from an index on.
    List(List, usize),
    /// Of a set, from an index on.
    Set(Set, usize),
    /// Of a view, from an index on.
    View(Dict, Part, usize),
    /// Of a lazy sequence, shared with whoever else holds it.
    Sequence(Value),
    /// Of a source of its own.
    Source(Box<dyn Source>),
}

impl Iter {
    /// The next item, or none at the end.
    pub fn next(&mut self, cx: &Cx<'_>) -> Result<Option<Value>, YaqlError> {
        cx.tick()?;
        Ok(match self {
            Self::List(items, at) => {
                *at += 1;
                items.get(*at - 1).cloned()
            }
            Self::Set(items, at) => {
                *at += 1;
                items.get_index(*at - 1).cloned()
            }
            Self::View(dict, part, at) => {
                *at += 1;
                dict.get_index(*at - 1).map(|member| part.of(member))
            }
            Self::Sequence(value) => match value
                .downcast::<Sequence>()
                .and_then(|it| it.downcast::<Generator>())
            {
                Some(generator) => return generator.next(cx),
                None => None,
            },
            Self::Source(source) => return source.next(cx),
        })
    }

    /// All remaining items.
    pub fn collect(mut self, cx: &Cx<'_>) -> Result<Vec<Value>, YaqlError> {
        let mut items = Vec::new();
        while let Some(item) = self.next(cx)? {
            cx.charge(size_of::<Value>())?;
            items.push(item);
        }
        Ok(items)
    }
}

/// What a view of a dictionary shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The keys, a set.
    Keys,
    /// The values.
    Values,
    /// The pairs, a set.
    Items,
}

impl Part {
    fn of(self, (key, value): (&Value, &Value)) -> Value {
        match self {
            Self::Keys => key.clone(),
            Self::Values => value.clone(),
            Self::Items => Value::tuple([key.clone(), value.clone()]),
        }
    }
}

/// A view of a dictionary: `dict_keys`, `dict_values` or `dict_items`.
pub(crate) struct View {
    dict: Dict,
    part: Part,
}

impl View {
    /// The view as a value.
    pub(crate) fn of(dict: Dict, part: Part) -> Value {
        Sequence::of(Self { dict, part })
    }

    /// The dictionary that it shows.
    pub(crate) fn dict(&self) -> &Dict {
        &self.dict
    }

    /// What of it.
    pub(crate) fn part(&self) -> Part {
        self.part
    }

    /// Its items as a set.
    pub(crate) fn to_set(&self) -> Set {
        self.dict.iter().map(|member| self.part.of(member)).collect()
    }
}

impl Iterable for View {
    fn class(&self) -> &'static str {
        // Frozen dictionaries are of a class of their own, whose views are.
        match (self.part, self.dict.is_mutable()) {
            (Part::Keys, true) => "dict_keys",
            (Part::Values, true) => "dict_values",
            (Part::Items, true) => "dict_items",
            (Part::Keys, false) => "KeysView",
            (Part::Values, false) => "ValuesView",
            (Part::Items, false) => "ItemsView",
        }
    }

    fn repr(&self) -> String {
        if !self.dict.is_mutable() {
            return format!(
                "{}({})",
                self.class(),
                frozen_repr(&Value::Dict(self.dict.clone()))
            );
        }
        let items: Vec<Value> = self.dict.iter().map(|member| self.part.of(member)).collect();
        format!("{}({})", self.class(), frozen_repr(&Value::mutable_list(items)))
    }

    fn is_set(&self) -> bool {
        self.part != Part::Values
    }

    fn len(&self) -> Option<usize> {
        Some(self.dict.len())
    }

    fn is_true(&self) -> bool {
        !self.dict.is_empty()
    }

    fn equals(&self, other: &Value) -> bool {
        if !self.is_set() {
            return false;
        }
        let mine = self.to_set();
        match other {
            Value::Set(other) => mine.len() == other.len() && mine.iter().all(|item| other.contains(item)),
            other => other
                .downcast::<Sequence>()
                .and_then(|it| it.downcast::<View>())
                .is_some_and(|view| view.is_set() && Value::Set(mine) == Value::Set(view.to_set())),
        }
    }

    fn is_hashable(&self) -> bool {
        !self.is_set()
    }

    fn depth(&self) -> u32 {
        self.dict.depth() + 1
    }

    fn weight(&self) -> u64 {
        self.dict.weight()
    }

    fn iter(&self, _this: &Value) -> Iter {
        Iter::View(self.dict.clone(), self.part, 0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A lazy sequence that remembers what was drawn, so that it can be iterated again and again; other values as they are.
pub fn memorize(value: &Value) -> Value {
    let remembers = value
        .downcast::<Sequence>()
        .and_then(Sequence::downcast::<Memorized>);
    match iterate(value) {
        Some(items) if is_iterator(value) && remembers.is_none() => {
            Sequence::of(Memorized(Arc::new(Mutex::new((items, Vec::new())))))
        }
        _ => value.clone(),
    }
}

/// The source of a remembered sequence and what was drawn from it.
struct Memorized(Arc<Mutex<(Iter, Vec<Value>)>>);

impl Iterable for Memorized {
    fn class(&self) -> &'static str {
        "RememberingIterator"
    }

    fn repr(&self) -> String {
        "<yaql.language.utils.memorize.<locals>.RememberingIterator object>".to_owned()
    }

    fn is_iterator(&self) -> bool {
        true
    }

    fn iter(&self, _this: &Value) -> Iter {
        let (shared, mut at) = (Arc::clone(&self.0), 0);
        Iter::Source(Box::new(move |cx: &Cx<'_>| {
            let Some(mut state) = shared.try_lock() else {
                return Err(YaqlError::value_error("generator already executing"));
            };
            let (source, drawn) = &mut *state;
            if at == drawn.len() {
                cx.charge(size_of::<Value>())?;
                match source.next(cx)? {
                    Some(item) => drawn.push(item),
                    None => return Ok(None),
                }
            }
            at += 1;
            Ok(drawn.get(at - 1).cloned())
        }))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Starts to iterate what Python's `iter()` takes, texts and dictionaries (their keys) included; `None` for others.
pub fn iterate(value: &Value) -> Option<Iter> {
    Some(match value {
        Value::List(items) | Value::Tuple(items) => Iter::List(items.clone(), 0),
        Value::Set(items) => Iter::Set(items.clone(), 0),
        Value::Dict(dict) => Iter::View(dict.clone(), Part::Keys, 0),
        Value::Str(text) => {
            let (text, mut at) = (Arc::clone(text), 0);
            Iter::Source(Box::new(move |_: &Cx<'_>| {
                let c = text[at..].chars().next();
                at += c.map_or(0, char::len_utf8);
                Ok(c.map(Value::from))
            }))
        }
        other => other.downcast::<Sequence>()?.0.iter(other),
    })
}

/// Whether YAQL iterates a value: lists, tuples, sets, views and lazy sequences, but no text and no dictionary.
pub fn is_iterable(value: &Value) -> bool {
    match value {
        Value::List(_) | Value::Tuple(_) | Value::Set(_) => true,
        other => other.downcast::<Sequence>().is_some(),
    }
}

/// Whether a value is an iterator in Python's sense: a lazy sequence that can be drawn once.
pub fn is_iterator(value: &Value) -> bool {
    value.downcast::<Sequence>().is_some_and(Sequence::is_iterator)
}

/// Whether a value is a set or a view that acts as one.
pub fn is_set(value: &Value) -> bool {
    matches!(value, Value::Set(_)) || value.downcast::<Sequence>().is_some_and(Sequence::is_set)
}
