//! The value of the expression languages: Python's data model, cheap to clone and to share.
//!
//! A clone copies a reference count at most, so contexts are handed to evaluations without copying.
//! [`Value`] follows Python: `1`, `1.0` and `True` are equal and have one hash, dictionaries keep their order
//! and take any hashable key, integers have any size.
//!
//! Two languages read the same data. Jinja sees a list of data as a list; YAQL freezes its input, so there the
//! same list is a tuple, can be a key and prints as `(1, None)`. Data is therefore never converted: a [`List`]
//! or [`Dict`] of data counts as frozen for YAQL unless it is marked *mutable*, which only functions do whose
//! original gives a fresh Python list or dict. See [`Value::mutable_list`].

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::{ToPrimitive, Zero};

mod collections;
mod compare;
mod dates;
mod json;
mod json_read;
mod json_write;
mod tagged;
mod text;

#[cfg(test)]
mod tests;

pub use collections::{Dict, DictMap, Hasher, List, Set, SetItems, StrKey};
pub use compare::{Unhashable, check_hashable, check_hashable_frozen, equal, order};
pub use dates::{Date, DateTime, TIMESPAN_LIMIT_DAYS, Timespan, days_from_civil, days_in_month};
pub use json::{NotJson, from_json, to_json};
pub use json_read::{JsonError, loads};
pub use json_write::dumps;
pub use tagged::to_tagged;
pub use text::{frozen_repr, frozen_str, repr, str, write_frozen_str, write_repr};

/// What a value without anything inside weighs, see [`Value::weight`].
const SCALAR_WEIGHT: u64 = size_of::<Value>() as u64;

/// A value of an expression.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// `None`.
    #[default]
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// An integer that does not fit [`Value::Int`]; make it with [`Value::from`] so that it never does.
    BigInt(Arc<BigInt>),
    /// A float.
    Float(f64),
    /// A text.
    Str(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A list.
    List(List),
    /// A tuple.
    Tuple(List),
    /// A dictionary.
    Dict(Dict),
    /// A set.
    Set(Set),
    /// A date with a time of day.
    DateTime(Arc<DateTime>),
    /// A date.
    Date(Date),
    /// A length of time.
    Timespan(Timespan),
    /// Anything else: a function, a regular expression, a view of a dictionary, a lazy sequence …
    Opaque(Arc<dyn Opaque>),
}

/// A value that is no data, known by its class only.
pub trait Opaque: Debug + Send + Sync + 'static {
    /// The name of the Python class, such as `dict_keys`.
    fn class(&self) -> &str;

    /// Python's `repr` of it. By default `<class object>`.
    fn repr(&self) -> String {
        format!("<{} object>", self.class())
    }

    /// Python's truth of it.
    fn is_true(&self) -> bool {
        true
    }

    /// Whether it equals another value that is not the same object.
    fn equals(&self, _other: &Value) -> bool {
        false
    }

    /// The hash that goes with [`Opaque::equals`]; by default the address.
    fn hash_code(&self) -> u64 {
        std::ptr::from_ref(self).cast::<()>().addr() as u64
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
        SCALAR_WEIGHT
    }

    /// For downcasts; write `self`.
    fn as_any(&self) -> &dyn Any;
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Str(text.into())
    }

    /// A list.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Self::List(List::new(items.into_iter().collect()))
    }

    /// A list that YAQL keeps apart from tuples, as those that its functions make.
    pub fn mutable_list(items: Vec<Value>) -> Self {
        Self::List(List::mutable(items))
    }

    /// A tuple.
    pub fn tuple(items: impl IntoIterator<Item = Value>) -> Self {
        Self::Tuple(List::new(items.into_iter().collect()))
    }

    /// A dictionary; of equal keys the last value wins and the first place stays.
    pub fn dict<K: Into<Value>>(members: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Dict(
            members
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
        )
    }

    /// An opaque value.
    pub fn opaque(object: impl Opaque) -> Self {
        Self::Opaque(Arc::new(object))
    }

    /// The opaque object of type `T` inside.
    pub fn downcast<T: Opaque>(&self) -> Option<&T> {
        match self {
            Self::Opaque(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// The text inside.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list or tuple.
    pub fn as_items(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The dictionary inside.
    pub fn as_dict(&self) -> Option<&Dict> {
        match self {
            Self::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// The value of a key that is a text.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_dict()?.get_str(key)
    }

    /// An integer (a Boolean counts, as in Python) as 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Bool(flag) => Some(i64::from(*flag)),
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// A number (a Boolean counts, as in Python) as a float; of large integers the nearest one, maybe infinite.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            Self::BigInt(number) => number.to_f64(),
            other => other.as_i64().map(|number| number as f64),
        }
    }

    /// Whether this is `None`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Python's truth: `None`, `False`, zero and empty texts and collections are false.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(flag) => *flag,
            Self::Int(number) => *number != 0,
            Self::BigInt(number) => !number.is_zero(),
            Self::Float(number) => *number != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(items) | Self::Tuple(items) => !items.is_empty(),
            Self::Dict(dict) => !dict.is_empty(),
            Self::Set(items) => !items.is_empty(),
            Self::DateTime(_) | Self::Date(_) => true,
            Self::Timespan(span) => *span != Timespan::ZERO,
            Self::Opaque(object) => object.is_true(),
        }
    }

    /// The name of the Python type (`NoneType`, `int`, `str`, …).
    pub fn type_name(&self) -> &str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::BigInt(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Set(_) => "set",
            Self::DateTime(_) => "datetime.datetime",
            Self::Date(_) => "datetime.date",
            Self::Timespan(_) => "datetime.timedelta",
            Self::Opaque(object) => object.class(),
        }
    }

    /// What the same object has in common wherever it occurs, for collections and times; the empty tuple is one object
    /// everywhere and has none.
    pub fn address(&self) -> Option<usize> {
        match self {
            Self::Tuple(items) if items.is_empty() => None,
            Self::List(items) | Self::Tuple(items) => Some(items.address()),
            Self::Dict(dict) => Some(dict.address()),
            Self::Set(items) => Some(items.address()),
            Self::DateTime(time) => Some(Arc::as_ptr(time).addr()),
            _ => None,
        }
    }

    /// Collections within collections: 0 for scalars, 1 for a list of scalars. Known without looking inside.
    pub fn depth(&self) -> u32 {
        match self {
            Self::List(items) | Self::Tuple(items) => items.depth(),
            Self::Dict(dict) => dict.depth(),
            Self::Set(items) => items.depth(),
            Self::Opaque(object) => object.depth(),
            _ => 0,
        }
    }

    /// About the bytes that a copy of everything inside would take, shared parts counted as often as they occur: what
    /// comparing, hashing, printing and writing cost. Known without looking inside.
    pub fn weight(&self) -> u64 {
        match self {
            Self::List(items) | Self::Tuple(items) => items.weight(),
            Self::Dict(dict) => dict.weight(),
            Self::Set(items) => items.weight(),
            Self::Str(text) => SCALAR_WEIGHT + text.len() as u64,
            Self::Bytes(bytes) => SCALAR_WEIGHT + bytes.len() as u64,
            Self::BigInt(number) => SCALAR_WEIGHT + number.bits() / 8,
            Self::Opaque(object) => object.weight(),
            _ => SCALAR_WEIGHT,
        }
    }

    /// Whether this is data through and through that both languages hand out as it is: no tuple, no fresh list,
    /// no opaque value anywhere inside. Known without looking inside.
    pub fn is_plain(&self) -> bool {
        match self {
            Self::List(items) => items.is_plain(),
            Self::Dict(dict) => dict.is_plain(),
            Self::Set(items) => items.is_plain(),
            Self::Tuple(_) | Self::Opaque(_) => false,
            _ => true,
        }
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Null
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(i64::from(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or_else(|_| Self::BigInt(Arc::new(number.into())), Self::Int)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<i128> for Value {
    fn from(number: i128) -> Self {
        i64::try_from(number).map_or_else(|_| Self::BigInt(Arc::new(number.into())), Self::Int)
    }
}

impl From<BigInt> for Value {
    fn from(number: BigInt) -> Self {
        number
            .to_i64()
            .map_or_else(|| Self::BigInt(Arc::new(number)), Self::Int)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Self::Str(text)
    }
}

impl From<char> for Value {
    fn from(c: char) -> Self {
        Self::from(c.encode_utf8(&mut [0; 4]) as &str)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::List(List::new(items))
    }
}

impl From<List> for Value {
    fn from(items: List) -> Self {
        Self::List(items)
    }
}

impl From<Dict> for Value {
    fn from(dict: Dict) -> Self {
        Self::Dict(dict)
    }
}

impl From<Set> for Value {
    fn from(set: Set) -> Self {
        Self::Set(set)
    }
}

impl From<DateTime> for Value {
    fn from(time: DateTime) -> Self {
        Self::DateTime(Arc::new(time))
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

impl From<Timespan> for Value {
    fn from(span: Timespan) -> Self {
        Self::Timespan(span)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        from_json(&value)
    }
}

impl From<&serde_json::Value> for Value {
    fn from(value: &serde_json::Value) -> Self {
        from_json(value)
    }
}
