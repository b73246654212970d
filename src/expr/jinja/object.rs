//! Values of templates that are no data: undefined names, safe texts, ranges, generators, views, functions.

mod functions;
mod sequences;

pub(crate) use functions::{
    BlockReference, BoundMethod, Cycler, Function, Global, Joiner, LoopState, LoopValue, MacroValue,
    Namespace,
};
pub(crate) use sequences::{DictView, Generator, GroupPair, Range, ViewKind};

use std::any::Any;
use std::sync::Arc;

use super::error::ErrorKind;
use super::fault::{Fault, Run, fail};

use crate::expr::pyvalue::str_repr;
use crate::expr::value::{Opaque, Value, repr};

/// Heaviest value that is printed, compared or hashed as a whole, in bytes as [`Value::weight`] counts.
pub(crate) const MAX_WEIGHT: u64 = 64 * 1024 * 1024;

/// Refuses what is too heavy to look at every part of it: parts that occur many times are stored once.
pub(crate) fn check_weight(value: &Value, most: u64) -> Run<()> {
    if value.weight() > most {
        return fail(
            ErrorKind::Limit,
            format!("a value has more than {most} bytes in it"),
        );
    }
    Ok(())
}

/// `repr(value)` for messages.
pub(crate) fn shown(value: &Value) -> String {
    /// Heaviest value that a message repeats.
    const MOST: u64 = 64 * 1024;
    if value.weight() > MOST {
        return format!("<{} object>", class_of(value));
    }
    repr(value)
}

/// Depth and weight of what holds other values.
macro_rules! holds {
    ($self:ident, $inner:expr) => {
        fn depth(&self) -> u32 {
            let $self = self;
            let inner: Vec<&Value> = $inner;
            inner
                .iter()
                .map(|value| value.depth())
                .max()
                .map_or(0, |depth| depth.saturating_add(1))
        }

        fn weight(&self) -> u64 {
            let $self = self;
            let inner: Vec<&Value> = $inner;
            inner
                .iter()
                .fold(64, |sum, value| sum.saturating_add(value.weight()))
        }
    };
}

macro_rules! as_any {
    () => {
        fn as_any(&self) -> &dyn Any {
            self
        }
    };
}

use {as_any, holds};

/// A name, attribute or item that does not exist. Using it fails.
#[derive(Debug, Clone)]
pub(crate) struct Undefined {
    /// Words instead of the usual ones.
    hint: Option<String>,
    /// What lacks the attribute or item; `None` for a variable.
    owner: Option<Value>,
    name: Value,
    /// The kind of failure that using it is.
    kind: ErrorKind,
    /// Whether even printing, comparing and testing for truth fail.
    strict: bool,
}

impl Undefined {
    pub(crate) fn variable(name: &Arc<str>, strict: bool) -> Value {
        Self::of(None, Value::Str(Arc::clone(name)), strict)
    }

    pub(crate) fn of(owner: Option<Value>, name: Value, strict: bool) -> Value {
        Value::opaque(Self {
            hint: None,
            owner,
            name,
            kind: ErrorKind::Undefined,
            strict,
        })
    }

    pub(crate) fn hinted(hint: impl Into<String>, strict: bool) -> Value {
        Value::opaque(Self {
            hint: Some(hint.into()),
            owner: None,
            name: Value::Null,
            kind: ErrorKind::Undefined,
            strict,
        })
    }

    /// What a failure left; using it is the failure.
    pub(crate) fn failed(fault: &Fault, strict: bool) -> Value {
        Value::opaque(Self {
            hint: Some(fault.message.clone()),
            owner: None,
            name: Value::Null,
            kind: fault.kind,
            strict,
        })
    }

    pub(crate) fn unsafe_attribute(owner: &Value, name: &str, strict: bool) -> Value {
        let class = short_class(owner.type_name());
        Value::opaque(Self {
            hint: Some(format!(
                "access to attribute {} of '{class}' object is unsafe.",
                str_repr(name)
            )),
            owner: None,
            name: Value::from(name),
            kind: ErrorKind::Security,
            strict,
        })
    }

    /// The undefined value that this is, if it is one.
    pub(crate) fn from_value(value: &Value) -> Option<&Self> {
        value.downcast()
    }

    /// The words of the failure that using it is: `'x' is undefined`.
    pub(crate) fn message(&self) -> String {
        if let Some(hint) = &self.hint {
            return hint.clone();
        }
        match (&self.owner, &self.name) {
            (None, name) => format!("{} is undefined", repr(name)),
            (Some(owner), Value::Str(name)) => {
                format!(
                    "{} has no attribute {}",
                    str_repr(&type_repr(owner)),
                    str_repr(name)
                )
            }
            (Some(owner), name) => format!("{} has no element {}", type_repr(owner), repr(name)),
        }
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// The name of the missing variable; `None` for an attribute or item.
    pub(crate) fn variable_name(&self) -> Option<&str> {
        if self.owner.is_some() || self.hint.is_some() {
            return None;
        }
        self.name.as_str()
    }

    /// The failure that using it is.
    pub(crate) fn fault(&self) -> Box<Fault> {
        let fault = Fault::new(self.kind, self.message());
        let (Some(Value::Dict(owner)), Value::Str(name)) = (&self.owner, &self.name) else {
            return fault;
        };
        match super::error::nearest(name, owner.keys().take(1000).filter_map(Value::as_str)) {
            Some(near) => fault.hint(format!("did you mean '{near}'?")),
            None => fault,
        }
    }
}

impl Opaque for Undefined {
    fn class(&self) -> &str {
        if self.strict {
            "jinja2.runtime.StrictUndefined"
        } else {
            "jinja2.runtime.Undefined"
        }
    }

    fn repr(&self) -> String {
        "Undefined".to_owned()
    }

    fn is_true(&self) -> bool {
        false
    }

    fn equals(&self, other: &Value) -> bool {
        Self::from_value(other).is_some_and(|other| other.strict == self.strict)
    }

    fn hash_code(&self) -> u64 {
        u64::from(self.strict)
    }

    holds!(this, this.owner.iter().collect());

    as_any!();
}

/// The undefined value that a value is.
pub(crate) fn undefined(value: &Value) -> Option<&Undefined> {
    match value {
        Value::Opaque(object) => object.as_any().downcast_ref(),
        _ => None,
    }
}

/// Fails for undefined values.
pub(crate) fn defined(value: &Value) -> Run<()> {
    match undefined(value) {
        Some(undefined) => Err(undefined.fault()),
        None => Ok(()),
    }
}

/// The last part of a class name: `date` of `datetime.date`.
pub(crate) fn short_class(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

/// `type(value).__name__`
pub(crate) fn class_of(value: &Value) -> &str {
    short_class(value.type_name())
}

/// The words with which Jinja names the owner of a missing attribute.
pub(crate) fn type_repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        other => format!("{} object", other.type_name()),
    }
}

/// A text that needs no escaping in HTML.
#[derive(Debug, Clone)]
pub(crate) struct Markup(pub(crate) Arc<str>);

impl Markup {
    pub(crate) fn value(text: impl Into<Arc<str>>) -> Value {
        Value::opaque(Self(text.into()))
    }
}

impl Opaque for Markup {
    fn class(&self) -> &str {
        "markupsafe.Markup"
    }

    fn repr(&self) -> String {
        format!("Markup({})", str_repr(&self.0))
    }

    fn is_true(&self) -> bool {
        !self.0.is_empty()
    }

    fn equals(&self, other: &Value) -> bool {
        text_of(other).is_some_and(|text| **text == *self.0)
    }

    fn weight(&self) -> u64 {
        64 + self.0.len() as u64
    }

    as_any!();
}

/// A text that is escaped for JSON already, for places that decode what they were given.
#[derive(Debug)]
pub(crate) struct JsonEscaped(pub(crate) Arc<str>);

impl Opaque for JsonEscaped {
    fn class(&self) -> &str {
        "str"
    }

    fn repr(&self) -> String {
        str_repr(&self.0)
    }

    fn is_true(&self) -> bool {
        !self.0.is_empty()
    }

    fn equals(&self, other: &Value) -> bool {
        text_of(other).is_some_and(|text| **text == *self.0)
    }

    fn weight(&self) -> u64 {
        64 + self.0.len() as u64
    }

    as_any!();
}

/// The text of a text, safe or not.
pub(crate) fn text_of(value: &Value) -> Option<&Arc<str>> {
    match value {
        Value::Str(text) => Some(text),
        Value::Opaque(object) => {
            let object = object.as_any();
            object
                .downcast_ref::<Markup>()
                .map(|markup| &markup.0)
                .or_else(|| object.downcast_ref::<JsonEscaped>().map(|escaped| &escaped.0))
        }
        _ => None,
    }
}

pub(crate) fn is_markup(value: &Value) -> bool {
    value.downcast::<Markup>().is_some()
}

/// A result without what only templates know: generators become lists, safe texts texts, pairs of `groupby` tuples.
pub(crate) fn plain(value: Value) -> Run<Value> {
    if let Some(generator) = value.downcast::<Generator>().filter(|found| found.is_generator()) {
        return Ok(without_marks(Value::from(generator.drain()?)));
    }
    Ok(without_marks(value))
}

/// Generators inside of collections stay.
fn without_marks(value: Value) -> Value {
    match value {
        Value::Opaque(object) => {
            let any = object.as_any();
            if let Some(text) = any.downcast_ref::<Markup>() {
                Value::Str(Arc::clone(&text.0))
            } else if let Some(text) = any.downcast_ref::<JsonEscaped>() {
                Value::Str(Arc::clone(&text.0))
            } else if let Some(pair) = any.downcast_ref::<GroupPair>() {
                without_marks(Value::Tuple(pair.0.clone()))
            } else {
                Value::Opaque(object)
            }
        }
        Value::List(items) if !items.is_plain() => {
            let mutable = items.is_mutable();
            let items: Vec<Value> = items.into_vec().into_iter().map(without_marks).collect();
            if mutable {
                Value::mutable_list(items)
            } else {
                Value::from(items)
            }
        }
        Value::Tuple(items) => Value::Tuple(items.into_vec().into_iter().map(without_marks).collect()),
        Value::Dict(dict) if !dict.is_plain() && !dict.is_mutable() => Value::Dict(
            dict.into_map()
                .into_iter()
                .map(|(key, value)| (key, without_marks(value)))
                .collect(),
        ),
        other => other,
    }
}
