//! Values of templates that are no data: undefined names, safe texts, ranges, generators, views, functions.

use std::any::Any;
use std::sync::Arc;

use parking_lot::Mutex;

use super::error::ErrorKind;
use super::fault::{Fault, Run};
use super::syntax::ast::{For, Macro};
use crate::expr::pyvalue::str_repr;
use crate::expr::value::{Dict, DictMap, List, Opaque, Value, equal, repr};

macro_rules! as_any {
    () => {
        fn as_any(&self) -> &dyn Any {
            self
        }
    };
}

/// A name, attribute or item that does not exist. Using it fails.
#[derive(Debug, Clone)]
pub(crate) struct Undefined {
    /// Words instead of the usual ones.
    hint: Option<String>,
    /// What lacks the attribute or item; `None` for a variable.
    owner: Option<Value>,
    name: Value,
    security: bool,
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
            security: false,
            strict,
        })
    }

    pub(crate) fn hinted(hint: impl Into<String>, strict: bool) -> Value {
        Value::opaque(Self {
            hint: Some(hint.into()),
            owner: None,
            name: Value::Null,
            security: false,
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
            security: true,
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
                format!("{} has no attribute {}", str_repr(&type_repr(owner)), str_repr(name))
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
        let kind = if self.security {
            ErrorKind::Security
        } else {
            ErrorKind::Undefined
        };
        let fault = Fault::new(kind, self.message());
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
        if self.strict { "jinja2.runtime.StrictUndefined" } else { "jinja2.runtime.Undefined" }
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
        other.downcast::<Self>().is_some_and(|other| other.key() == self.key())
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
}

impl Generator {
    /// A generator made by the filter function `name`.
    pub(crate) fn value(name: &'static str, items: Vec<Value>) -> Value {
        Self::iterator("generator", name, items)
    }

    pub(crate) fn iterator(class: &'static str, name: &'static str, items: Vec<Value>) -> Value {
        Value::opaque(Self {
            class,
            name,
            rest: Mutex::new(items.into()),
        })
    }

    pub(crate) fn next(&self) -> Option<Value> {
        self.rest.lock().pop_front()
    }

    /// All that was not given out yet.
    pub(crate) fn drain(&self) -> Vec<Value> {
        std::mem::take(&mut *self.rest.lock()).into()
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

    as_any!();
}

/// A method that was named but not called.
#[derive(Debug)]
pub(crate) struct BoundMethod {
    pub(crate) owner: Value,
    pub(crate) name: &'static str,
}

impl Opaque for BoundMethod {
    fn class(&self) -> &str {
        if self.is_format() { "function" } else { "builtin_function_or_method" }
    }

    fn repr(&self) -> String {
        let owner = class_of(&self.owner);
        if self.is_format() {
            return format!("<function str.{}>", self.name);
        }
        format!("<built-in method {} of {owner} object>", self.name)
    }

    as_any!();
}

impl BoundMethod {
    fn is_format(&self) -> bool {
        matches!(self.name, "format" | "format_map") && text_of(&self.owner).is_some()
    }
}

/// A global function of Jinja.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    Range,
    Dict,
    Lipsum,
    Cycler,
    Joiner,
    Namespace,
}

impl Opaque for Global {
    fn class(&self) -> &str {
        match self {
            Self::Range | Self::Lipsum => "function",
            _ => "type",
        }
    }

    fn repr(&self) -> String {
        match self {
            Self::Range => "<function safe_range>",
            Self::Lipsum => "<function generate_lorem_ipsum>",
            Self::Dict => "<class 'dict'>",
            Self::Cycler => "<class 'jinja2.utils.Cycler'>",
            Self::Joiner => "<class 'jinja2.utils.Joiner'>",
            Self::Namespace => "<class 'jinja2.utils.Namespace'>",
        }
        .to_owned()
    }

    fn equals(&self, other: &Value) -> bool {
        other.downcast::<Self>() == Some(self)
    }

    fn hash_code(&self) -> u64 {
        *self as u64
    }

    as_any!();
}

/// A function that the host provides, or one of `StackStorm`'s filters used as a function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Arc<str>,
}

impl Opaque for Function {
    fn class(&self) -> &str {
        "function"
    }

    fn repr(&self) -> String {
        format!("<function {}>", self.name)
    }

    fn equals(&self, other: &Value) -> bool {
        other.downcast::<Self>().is_some_and(|other| other.name == self.name)
    }

    fn hash_code(&self) -> u64 {
        self.name.len() as u64
    }

    as_any!();
}

/// A macro, or the body of a call block.
#[derive(Debug)]
pub(crate) struct MacroValue {
    pub(crate) definition: Arc<Macro>,
    /// The frame that it was defined in.
    pub(crate) frame: u32,
    pub(crate) autoescape: bool,
}

impl Opaque for MacroValue {
    fn class(&self) -> &str {
        "jinja2.runtime.Macro"
    }

    fn repr(&self) -> String {
        match &self.definition.name {
            Some(name) => format!("<Macro {}>", str_repr(name)),
            None => "<Macro anonymous>".to_owned(),
        }
    }

    as_any!();
}

/// `loop`
#[derive(Debug)]
pub(crate) struct LoopValue {
    pub(crate) state: Mutex<LoopState>,
    /// The loop to run for `loop(items)`, and the frame that it stands in.
    pub(crate) recurse: Option<(Arc<For>, u32)>,
    pub(crate) depth0: usize,
}

#[derive(Debug, Default)]
pub(crate) struct LoopState {
    pub(crate) index0: usize,
    pub(crate) length: usize,
    pub(crate) previous: Option<Value>,
    pub(crate) current: Value,
    pub(crate) next: Option<Value>,
    pub(crate) changed: Option<Vec<Value>>,
}

impl Opaque for LoopValue {
    fn class(&self) -> &str {
        "jinja2.runtime.LoopContext"
    }

    fn repr(&self) -> String {
        let state = self.state.lock();
        format!("<LoopContext {}/{}>", state.index0 + 1, state.length)
    }

    as_any!();
}

/// `cycler(...)`
#[derive(Debug)]
pub(crate) struct Cycler {
    pub(crate) items: Vec<Value>,
    pub(crate) at: Mutex<usize>,
}

impl Opaque for Cycler {
    fn class(&self) -> &str {
        "jinja2.utils.Cycler"
    }

    as_any!();
}

/// `joiner(...)`
#[derive(Debug)]
pub(crate) struct Joiner {
    pub(crate) separator: Value,
    pub(crate) used: Mutex<bool>,
}

impl Opaque for Joiner {
    fn class(&self) -> &str {
        "jinja2.utils.Joiner"
    }

    as_any!();
}

/// `namespace(...)`
#[derive(Debug)]
pub(crate) struct Namespace(pub(crate) Mutex<DictMap>);

impl Opaque for Namespace {
    fn class(&self) -> &str {
        "jinja2.utils.Namespace"
    }

    fn repr(&self) -> String {
        // A namespace may hold itself.
        match self.0.try_lock() {
            Some(attributes) => format!("<Namespace {}>", repr(&Value::Dict(Dict::new(attributes.clone())))),
            None => "<Namespace ...>".to_owned(),
        }
    }

    as_any!();
}

/// `self` and `super` inside a block.
#[derive(Debug)]
pub(crate) struct BlockReference {
    /// Absent for `self`, whose attributes are the blocks.
    pub(crate) block: Option<Arc<str>>,
}

impl Opaque for BlockReference {
    fn class(&self) -> &str {
        match self.block {
            Some(_) => "jinja2.runtime.BlockReference",
            None => "jinja2.runtime.TemplateReference",
        }
    }

    as_any!();
}

/// A result without what only templates know: generators become lists, safe texts texts, pairs of `groupby` tuples.
pub(crate) fn plain(value: Value) -> Value {
    match value {
        Value::Opaque(object) => {
            let any = object.as_any();
            if let Some(text) = any.downcast_ref::<Markup>() {
                Value::Str(Arc::clone(&text.0))
            } else if let Some(text) = any.downcast_ref::<JsonEscaped>() {
                Value::Str(Arc::clone(&text.0))
            } else if let Some(pair) = any.downcast_ref::<GroupPair>() {
                plain(Value::Tuple(pair.0.clone()))
            } else if let Some(generator) = any.downcast_ref::<Generator>().filter(|found| found.is_generator()) {
                plain(Value::from(generator.drain()))
            } else {
                Value::Opaque(object)
            }
        }
        Value::List(items) if !items.is_plain() => {
            let mutable = items.is_mutable();
            let items: Vec<Value> = items.into_vec().into_iter().map(inner_plain).collect();
            if mutable { Value::mutable_list(items) } else { Value::from(items) }
        }
        Value::Tuple(items) => Value::Tuple(items.into_vec().into_iter().map(inner_plain).collect()),
        Value::Dict(dict) if !dict.is_plain() && !dict.is_mutable() => Value::Dict(
            dict.into_map()
                .into_iter()
                .map(|(key, value)| (key, inner_plain(value)))
                .collect(),
        ),
        other => other,
    }
}

/// Inside of a collection a generator stays one.
fn inner_plain(value: Value) -> Value {
    match &value {
        Value::Opaque(object) if object.as_any().is::<Generator>() => value,
        _ => plain(value),
    }
}
