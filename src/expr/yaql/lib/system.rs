//! Contexts, definitions and properties: `let`, `with`, `unpack`, `def`, `->`, `.`, `call`, `assert`.

use std::sync::Arc;

use super::super::Lambda;
use super::super::error::YaqlError;
use super::super::function::{Answer, Library};
use super::super::params::{Arg, Argument, Class, Items, Keyword, Kind, Maybe, Named, Rest, Sequence};
use super::super::runtime::{Cx, Scope};
use super::super::sequence::{is_iterator, memorize};
use crate::expr::ErrorKind;
use crate::expr::value::{Dict, Opaque, Value};

pub(super) fn register_fallbacks(to: &mut Library) {
    to.function("#operator_.", "obj, name", get_property);
}

pub(super) fn register(to: &mut Library) {
    to.function("#operator_.", "receiver, expr", dot);
    to.method("unpack", "sequence, *args", unpack);
    to.function("with", "*args", with);
    to.function("#operator_->", "left, right", send_context);
    to.function("let", "*args, **kwargs", let_);
    to.function("def", "name, func", def);
    to.method("assert", "obj, condition, message='Assertion failed'", assert);
    to.function("call", "name, args, kwargs, receiver?", call);
}

/// A scope as a value: what `let()` and its kin return for `->`.
#[derive(Debug)]
struct ContextObject(Scope);

impl Opaque for ContextObject {
    fn class(&self) -> &str {
        "Context"
    }

    fn depth(&self) -> u32 {
        self.0.depth()
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// A scope as a parameter.
struct Context(Scope);

static CONTEXT: Class = Class {
    name: "Context",
    is: |value| value.downcast::<ContextObject>().is_some(),
    iterable: false,
};

impl Argument for Context {
    const KIND: Kind = Kind::Class(&CONTEXT);

    fn from_arg(arg: Arg, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        let value = Value::from_arg(arg, cx)?;
        let scope = value.downcast::<ContextObject>().map(|object| object.0.clone());
        scope.map(Self).ok_or_else(|| YaqlError::argument("left"))
    }
}

fn context(scope: Result<Scope, YaqlError>) -> Answer {
    scope.map(|scope| Value::opaque(ContextObject(scope)))
}

fn get_property(cx: &Cx<'_>, obj: Value, name: Keyword) -> Answer {
    cx.call(&format!("#property#{}", name.0), [obj])
}

/// The compiled form knows members and methods; this is what is left for `call()`.
fn dot(cx: &Cx<'_>, _receiver: Value, expr: Lambda) -> Answer {
    expr.get(cx)
}

/// A context with the items as `$name`s, or as `$1`, `$2` … without names.
fn unpack(cx: &Cx<'_>, sequence: Items, args: Rest<Arc<str>>) -> Answer {
    let names = args.0;
    let mut items = sequence.iter();
    let mut first = Vec::new();
    while first.len() <= names.len() {
        match items.next(cx)? {
            Some(item) => first.push(item),
            None => break,
        }
    }
    if names.is_empty() {
        // What was drawn to count the items is lost to an iterator; anything else starts anew.
        let rest = if is_iterator(&sequence.0) {
            items
        } else {
            sequence.iter()
        };
        return context(cx.scope().with_both(rest.collect(cx)?, Vec::new()));
    }
    if names.len() != first.len() {
        return Err(YaqlError::value_error(format!(
            "Cannot unpack {} elements into {}",
            first.len(),
            names.len()
        )));
    }
    context(
        cx.scope()
            .with_both(Vec::new(), names.into_iter().zip(first).collect()),
    )
}

/// A context with the arguments as `$1`, `$2` …
fn with(cx: &Cx<'_>, args: Rest<Value>) -> Answer {
    context(cx.scope().with_both(args.0, Vec::new()))
}

/// A context with the arguments as `$1`, `$2` … and the named ones as `$name`s.
fn let_(cx: &Cx<'_>, args: Rest<Value>, kwargs: Named) -> Answer {
    context(cx.scope().with_both(args.0, kwargs.0))
}

/// A context with one more function.
fn def(cx: &Cx<'_>, name: Arc<str>, func: Lambda) -> Answer {
    context(
        cx.scope()
            .with_function(camel_case(name.trim_end_matches('_')).into(), func),
    )
}

/// `my_name` as `myName`, as the reference renames what is registered. A prefix between two equal marks stays.
fn camel_case(name: &str) -> String {
    let first = name.chars().next();
    if let Some(mark) = first.filter(|c| !c.is_alphabetic()) {
        let start = mark.len_utf8();
        return match name[start..].find(mark) {
            Some(at) if at > 0 => {
                let end = start + at + start;
                format!("{}{}", &name[..end], camel_case_words(&name[end..]))
            }
            _ => name.to_owned(),
        };
    }
    camel_case_words(name)
}

fn camel_case_words(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(next) if c == '_' && !out.is_empty() && (next.is_alphanumeric() || *next == '_') => {
                out.extend(next.to_uppercase());
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// Evaluates the right side in the context that the left side made.
fn send_context(cx: &Cx<'_>, left: Context, right: Lambda) -> Answer {
    right.get_in(cx, &left.0)
}

/// The object, if the condition holds for it.
fn assert(cx: &Cx<'_>, obj: Value, condition: Lambda, message: Arc<str>) -> Answer {
    let obj = if is_iterator(&obj) { memorize(&obj) } else { obj };
    if condition.test(cx, &obj)? {
        return Ok(obj);
    }
    Err(YaqlError::new(ErrorKind::Other, "AssertionError", &*message))
}

/// Calls a function, or with a receiver a method, whose name and arguments are values.
fn call(cx: &Cx<'_>, name: Arc<str>, args: Sequence, kwargs: Dict, receiver: Maybe<Value>) -> Answer {
    let mut named = Vec::with_capacity(kwargs.len());
    for (key, value) in kwargs.iter() {
        let Value::Str(key) = key else {
            return Err(YaqlError::type_error(format!(
                "expected string or bytes-like object, got '{}'",
                key.type_name()
            )));
        };
        if !is_word(key) {
            return Err(YaqlError::runtime_error(
                "dictionary changed size during iteration",
            ));
        }
        named.push((Arc::clone(key), value.clone()));
    }
    let args = args.0.as_items().unwrap_or_default().to_vec();
    cx.call_with(&name, receiver.0, args, named)
}

fn is_word(text: &str) -> bool {
    let mut chars = text.chars();
    let starts = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    starts && !text.starts_with("__")
}
