//! The types of parameters: what each accepts, and how Rust types stand for them.

use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::error::YaqlError;
use super::lambda::{Lambda, LazyRule};
use super::runtime::Cx;
use super::sequence::{self, Iter};
use crate::expr::value::{DateTime, Dict, Opaque, Value};

pub use crate::expr::value::Timespan;

/// What a parameter accepts.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Anything.
    Any,
    /// `null` only.
    Null,
    /// A Boolean.
    Bool,
    /// An integer or a Boolean (Python's `int`).
    Int,
    /// An integer.
    Integer,
    /// An integer or float.
    Number,
    /// A text.
    Text,
    /// Anything that is iterated: no text, no dictionary.
    Iterable,
    /// The same without sets.
    IterableNoSet,
    /// A lazy sequence that can be drawn once.
    Iterator,
    /// A list or tuple.
    Sequence,
    /// A dictionary.
    Mapping,
    /// A set, or the keys or items of a dictionary.
    Set,
    /// A date and time.
    DateTime,
    /// A length of time.
    Timespan,
    /// An evaluated `key => value`.
    Rule,
    /// An opaque value of a class of its own.
    Class(&'static Class),
    /// Evaluated by the function.
    Lambda,
    /// A `key => value` evaluated by the function.
    LazyRule,
    /// A bare word.
    Keyword,
}

/// A class of opaque values as a parameter type.
#[derive(Debug)]
pub struct Class {
    /// For messages of tests.
    pub name: &'static str,
    /// Whether a value belongs to it.
    pub is: fn(&Value) -> bool,
    /// Whether its values are iterable, so that it is more special than [`Kind::Iterable`].
    pub iterable: bool,
}

impl Kind {
    /// Whether a value that is not null fits.
    pub(crate) fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Any | Self::Lambda => true,
            Self::Null => value.is_null(),
            Self::Bool => matches!(value, Value::Bool(_)),
            Self::Int => matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Bool(_)),
            Self::Integer => matches!(value, Value::Int(_) | Value::BigInt(_)),
            Self::Number => matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Float(_)),
            Self::Text => matches!(value, Value::Str(_)),
            Self::Iterable => sequence::is_iterable(value),
            Self::IterableNoSet => sequence::is_iterable(value) && !sequence::is_set(value),
            Self::Iterator => sequence::is_iterator(value),
            Self::Sequence => matches!(value, Value::List(_) | Value::Tuple(_) | Value::Bytes(_)),
            Self::Mapping => matches!(value, Value::Dict(_)),
            Self::Set => sequence::is_set(value),
            Self::DateTime => matches!(value, Value::DateTime(_)),
            Self::Timespan => matches!(value, Value::Timespan(_)),
            Self::Rule => value.downcast::<RuleObject>().is_some(),
            Self::Class(class) => (class.is)(value),
            Self::LazyRule | Self::Keyword => false,
        }
    }

    /// Whether the function evaluates such an argument itself.
    pub(crate) fn is_lazy(self) -> bool {
        matches!(self, Self::Lambda | Self::LazyRule)
    }

    /// Whether this accepts strictly less than `other` by their Python classes; it decides between overloads.
    pub(crate) fn is_special_of(self, other: Self) -> bool {
        let iterable = |kind| {
            matches!(
                kind,
                Self::Iterator | Self::Sequence | Self::Mapping | Self::Set | Self::Text
            ) || matches!(kind, Self::Class(class) if class.iterable)
        };
        match other {
            Self::Any => !matches!(self, Self::Any | Self::Lambda | Self::LazyRule | Self::Keyword),
            Self::Iterable | Self::IterableNoSet => iterable(self),
            Self::Sequence => matches!(self, Self::Text),
            Self::Int | Self::Integer => matches!(self, Self::Bool),
            _ => false,
        }
    }
}

/// An argument as a function gets it.
#[derive(Clone)]
pub enum Arg {
    /// A value.
    Value(Value),
    /// A lambda.
    Lambda(Lambda),
    /// Both sides of `=>`, not evaluated.
    Rule(Box<LazyRule>),
    /// Left out, without a default.
    Missing,
}

/// The arguments of a call, in the order of the parameters, then the further ones.
#[derive(Default)]
pub struct Args {
    pub(crate) items: smallvec::SmallVec<[Arg; 4]>,
    pub(crate) next: usize,
    pub(crate) named: Vec<(Arc<str>, Arg)>,
}

impl Args {
    fn take(&mut self) -> Arg {
        let arg = self
            .items
            .get_mut(self.next)
            .map(|arg| std::mem::replace(arg, Arg::Missing));
        self.next += 1;
        arg.unwrap_or(Arg::Missing)
    }
}

/// A Rust type that stands for a parameter type.
pub trait Argument: Sized {
    /// What it accepts.
    const KIND: Kind;
    /// Whether it accepts `null` too.
    const NULLABLE: bool = false;

    /// Takes the argument, which is of the kind or null where that is allowed.
    fn from_arg(arg: Arg, cx: &Cx<'_>) -> Result<Self, YaqlError>;
}

/// What a parameter stands for in the list of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// One argument.
    One,
    /// One argument that can be left out without a default.
    Maybe,
    /// All further positional arguments.
    Rest,
    /// All further named arguments.
    Named,
}

/// A parameter of a library function.
pub trait Param: Sized {
    /// What it accepts.
    const KIND: Kind;
    /// Whether it accepts `null` too.
    const NULLABLE: bool;
    /// What it stands for.
    const ROLE: Role = Role::One;

    /// Takes its argument(s).
    fn take(args: &mut Args, cx: &Cx<'_>) -> Result<Self, YaqlError>;
}

impl<T: Argument> Param for T {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = T::NULLABLE;

    fn take(args: &mut Args, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        T::from_arg(args.take(), cx)
    }
}

/// A parameter that can be left out, where the original tells that from any value.
#[derive(Debug, Clone)]
pub struct Maybe<T>(pub Option<T>);

impl<T: Argument> Param for Maybe<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = T::NULLABLE;
    const ROLE: Role = Role::Maybe;

    fn take(args: &mut Args, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        match args.take() {
            Arg::Missing => Ok(Self(None)),
            arg => T::from_arg(arg, cx).map(|value| Self(Some(value))),
        }
    }
}

/// All further positional arguments (`*args`).
#[derive(Debug, Clone)]
pub struct Rest<T>(pub Vec<T>);

impl<T: Argument> Param for Rest<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = T::NULLABLE;
    const ROLE: Role = Role::Rest;

    fn take(args: &mut Args, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        let mut items = Vec::with_capacity(args.items.len().saturating_sub(args.next));
        while args.next < args.items.len() {
            items.push(T::from_arg(args.take(), cx)?);
        }
        Ok(Self(items))
    }
}

/// All further named arguments (`**kwargs`).
#[derive(Debug, Clone)]
pub struct Named(pub Vec<(Arc<str>, Value)>);

impl Param for Named {
    const KIND: Kind = Kind::Any;
    const NULLABLE: bool = true;
    const ROLE: Role = Role::Named;

    fn take(args: &mut Args, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        std::mem::take(&mut args.named)
            .into_iter()
            .map(|(name, arg)| Ok((name, Value::from_arg(arg, cx)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl<T: Argument> Argument for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;

    fn from_arg(arg: Arg, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        match arg {
            Arg::Value(Value::Null) | Arg::Missing => Ok(None),
            arg => T::from_arg(arg, cx).map(Some),
        }
    }
}

/// Anything, null included.
impl Argument for Value {
    const KIND: Kind = Kind::Any;
    const NULLABLE: bool = true;

    fn from_arg(arg: Arg, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        match arg {
            Arg::Value(value) => Ok(value),
            Arg::Lambda(lambda) => lambda.get(cx),
            Arg::Rule(_) | Arg::Missing => Ok(Value::Null),
        }
    }
}

fn misfit(wanted: &str) -> YaqlError {
    YaqlError::type_error(format!("a value that is no {wanted} was passed"))
}

macro_rules! arguments {
    ($($(#[$doc:meta])* $type:ty, $kind:ident, $pattern:pat => $result:expr;)*) => {$(
        $(#[$doc])*
        impl Argument for $type {
            const KIND: Kind = Kind::$kind;

            #[allow(unreachable_patterns)]
            fn from_arg(arg: Arg, cx: &Cx<'_>) -> Result<Self, YaqlError> {
                match Value::from_arg(arg, cx)? {
                    $pattern => Ok($result),
                    _ => Err(misfit(stringify!($kind))),
                }
            }
        }
    )*};
}

/// Anything but null.
#[derive(Debug, Clone)]
pub struct NotNull(pub Value);
/// `null`.
#[derive(Debug, Clone, Copy)]
pub struct Null;
/// An integer that is no Boolean.
#[derive(Debug, Clone)]
pub struct Integer(pub Int);
/// An integer or float, never a Boolean.
#[derive(Debug, Clone)]
pub struct Number(pub Value);
/// A lazy sequence that can be drawn once.
#[derive(Debug, Clone)]
pub struct Iterator(pub Items);
/// Anything that is iterated, sets excepted.
#[derive(Debug, Clone)]
pub struct ItemsNoSet(pub Items);
/// A set, or the keys or items of a dictionary.
#[derive(Debug, Clone)]
pub struct AnySet(pub Value);
/// A list or tuple.
#[derive(Debug, Clone)]
pub struct Sequence(pub Value);
/// A bare word, such as a property's name.
#[derive(Debug, Clone)]
pub struct Keyword(pub Arc<str>);

arguments! {
    NotNull, Any, value => NotNull(value);
    bool, Bool, Value::Bool(flag) => flag;
    /// A text.
    Arc<str>, Text, Value::Str(text) => text;
    /// Anything that is iterated.
    Items, Iterable, value => Items(value);
    ItemsNoSet, IterableNoSet, value => ItemsNoSet(Items(value));
    Iterator, Iterator, value => Iterator(Items(value));
    Sequence, Sequence, value @ (Value::List(_) | Value::Tuple(_) | Value::Bytes(_)) => Sequence(value);
    Dict, Mapping, Value::Dict(dict) => dict;
    AnySet, Set, value => AnySet(value);
    Number, Number, value => Number(value);
    Timespan, Timespan, Value::Timespan(span) => span;
    Keyword, Keyword, Value::Str(word) => Keyword(word);
}

impl Argument for Null {
    const KIND: Kind = Kind::Null;
    const NULLABLE: bool = true;

    fn from_arg(_: Arg, _: &Cx<'_>) -> Result<Self, YaqlError> {
        Ok(Self)
    }
}

/// A date and time; without an offset it is taken as UTC.
impl Argument for DateTime {
    const KIND: Kind = Kind::DateTime;

    fn from_arg(arg: Arg, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        match Value::from_arg(arg, cx)? {
            Value::DateTime(time) if time.offset.is_none() => Ok((*time).clone().with_offset(Some(0))),
            Value::DateTime(time) => Ok((*time).clone()),
            _ => Err(misfit("DateTime")),
        }
    }
}

/// Anything that is iterated: lists, tuples, sets, views, lazy sequences; no text and no dictionary.
#[derive(Debug, Clone)]
pub struct Items(pub Value);

impl Items {
    /// Starts to iterate.
    pub fn iter(&self) -> Iter {
        sequence::iterate(&self.0).unwrap_or(Iter::List(Vec::new().into_iter().collect(), 0))
    }

    /// The items as a vector.
    pub fn collect(&self, cx: &Cx<'_>) -> Result<Vec<Value>, YaqlError> {
        self.iter().collect(cx)
    }
}

/// Python's `int`: any size, Booleans count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Int {
    /// Within 64 bits.
    Small(i64),
    /// Beyond.
    Big(Arc<BigInt>),
}

impl Int {
    /// As 64 bits, the nearest end of the range for larger ones (counts, positions).
    pub fn clamped(&self) -> i64 {
        match self {
            Self::Small(number) => *number,
            Self::Big(number) if number.sign() == num_bigint::Sign::Minus => i64::MIN,
            Self::Big(_) => i64::MAX,
        }
    }

    /// As 64 bits, where it fits.
    pub fn to_i64(&self) -> Option<i64> {
        match self {
            Self::Small(number) => Some(*number),
            Self::Big(number) => number.to_i64(),
        }
    }

    /// As a number of any size.
    pub fn to_big(&self) -> BigInt {
        match self {
            Self::Small(number) => BigInt::from(*number),
            Self::Big(number) => (**number).clone(),
        }
    }
}

impl From<Int> for Value {
    fn from(int: Int) -> Self {
        match int {
            Int::Small(number) => Self::Int(number),
            Int::Big(number) => Self::BigInt(number),
        }
    }
}

impl Argument for Int {
    const KIND: Kind = Kind::Int;

    fn from_arg(arg: Arg, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        match Value::from_arg(arg, cx)? {
            Value::BigInt(number) => Ok(Self::Big(number)),
            other => other.as_i64().map(Self::Small).ok_or_else(|| misfit("Int")),
        }
    }
}

impl Argument for Integer {
    const KIND: Kind = Kind::Integer;

    fn from_arg(arg: Arg, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        Int::from_arg(arg, cx).map(Self)
    }
}

/// Evaluated by the function, as often as it likes.
impl Argument for Lambda {
    const KIND: Kind = Kind::Lambda;
    const NULLABLE: bool = true;

    fn from_arg(arg: Arg, _: &Cx<'_>) -> Result<Self, YaqlError> {
        match arg {
            Arg::Lambda(lambda) => Ok(lambda),
            Arg::Value(Value::Null) | Arg::Missing => {
                Err(YaqlError::type_error("'NoneType' object is not callable"))
            }
            Arg::Value(value) => Ok(Self::value(value)),
            Arg::Rule(rule) => Ok(rule.destination),
        }
    }
}

impl Argument for LazyRule {
    const KIND: Kind = Kind::LazyRule;

    fn from_arg(arg: Arg, _: &Cx<'_>) -> Result<Self, YaqlError> {
        match arg {
            Arg::Rule(rule) => Ok(*rule),
            _ => Err(misfit("MappingRule")),
        }
    }
}

/// An evaluated `key => value`.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Before the `=>`.
    pub source: Value,
    /// After it.
    pub destination: Value,
}

#[derive(Debug)]
struct RuleObject(Rule);

impl Opaque for RuleObject {
    fn class(&self) -> &str {
        "MappingRule"
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

impl From<Rule> for Value {
    fn from(rule: Rule) -> Self {
        Self::opaque(RuleObject(rule))
    }
}

impl Argument for Rule {
    const KIND: Kind = Kind::Rule;

    fn from_arg(arg: Arg, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        let value = Value::from_arg(arg, cx)?;
        value
            .downcast::<RuleObject>()
            .map(|object| object.0.clone())
            .ok_or_else(|| misfit("MappingRule"))
    }
}

#[derive(Debug)]
struct NoValue;

impl Opaque for NoValue {
    fn class(&self) -> &str {
        "MarkerClass"
    }

    fn repr(&self) -> String {
        "<NoValue>".to_owned()
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// What stands for nothing between two commas among further arguments (`[1,,2]`), as the reference has it.
pub(crate) fn no_value() -> Value {
    Value::opaque(NoValue)
}

/// Whether a value is [`no_value`].
pub(crate) fn is_no_value(value: &Value) -> bool {
    value.downcast::<NoValue>().is_some()
}
