//! JSON values inside templates: shared, never copied as a whole, and printed as Python prints them.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, State, UndefinedBehavior, Value};
use serde_json::{Map, Number, Value as Json};

use super::error::{ErrorKind, fail};
use crate::expr::pyvalue;

/// How deep a value may be nested to be printed or turned into JSON.
const MAX_DEPTH: usize = 200;

/// Names that `dict.name` means as a method even if there is a key of that name.
const DICT_METHODS: [&str; 11] = [
    "items",
    "keys",
    "values",
    "get",
    "pop",
    "popitem",
    "update",
    "copy",
    "clear",
    "setdefault",
    "fromkeys",
];

/// A list or dictionary inside a shared JSON value: the whole, and the way to the part.
#[derive(Clone)]
pub(crate) struct Node {
    root: Arc<Json>,
    step: Option<Arc<Step>>,
}

struct Step {
    up: Option<Arc<Step>>,
    to: Member,
}

enum Member {
    Key(Box<str>),
    Index(usize),
}

impl Node {
    pub(crate) fn new(root: Arc<Json>) -> Self {
        Self { root, step: None }
    }

    /// The JSON that this node stands for.
    pub(crate) fn json(&self) -> &Json {
        fn resolve<'j>(root: &'j Json, step: &Step) -> &'j Json {
            let parent = step.up.as_ref().map_or(root, |up| resolve(root, up));
            let member = match &step.to {
                Member::Key(key) => parent.get(&**key),
                Member::Index(index) => parent.get(*index),
            };
            member.unwrap_or(&Json::Null)
        }
        self.step
            .as_ref()
            .map_or(&*self.root, |step| resolve(&self.root, step))
    }

    fn member(&self, json: &Json, to: impl FnOnce() -> Member) -> Value {
        match json {
            Json::Array(_) | Json::Object(_) => {
                let step = Arc::new(Step {
                    up: self.step.clone(),
                    to: to(),
                });
                Value::from_object(Node {
                    root: Arc::clone(&self.root),
                    step: Some(step),
                })
            }
            scalar => from_scalar(scalar),
        }
    }

    /// The value of a key, as `node['key']`.
    pub(crate) fn key(&self, key: &str) -> Option<Value> {
        let json = self.json().as_object()?.get(key)?;
        Some(self.member(json, || Member::Key(key.into())))
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pyvalue::repr(self.json()))
    }
}

impl Object for Node {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.json().is_array() {
            ObjectRepr::Seq
        } else {
            ObjectRepr::Map
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if let Json::Array(items) = self.json() {
            let index = key.as_usize()?;
            return items
                .get(index)
                .map(|item| self.member(item, || Member::Index(index)));
        }
        self.key(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if DICT_METHODS.contains(&key) && self.json().is_object() {
            let owner = Value::from_dyn_object(Arc::clone(self));
            return Some(Value::from_object(BoundMethod {
                owner,
                name: key.to_owned(),
            }));
        }
        self.key(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.json() {
            Json::Array(items) => Enumerator::Seq(items.len()),
            Json::Object(map) => Enumerator::Values(map.keys().map(Value::from).collect()),
            _ => Enumerator::Empty,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        match self.json() {
            Json::Array(items) => Some(items.len()),
            Json::Object(map) => Some(map.len()),
            _ => Some(0),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pyvalue::repr(self.json()))
    }
}

/// A method that was named but not called.
#[derive(Debug)]
struct BoundMethod {
    owner: Value,
    name: String,
}

impl Object for BoundMethod {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.owner.call_method(state, &self.name, args)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<built-in method {} of dict object>", self.name)
    }
}

/// A JSON value as a template value; lists and dictionaries are shared.
pub(crate) fn from_json(json: &Arc<Json>) -> Value {
    match &**json {
        Json::Array(_) | Json::Object(_) => Value::from_object(Node::new(Arc::clone(json))),
        scalar => from_scalar(scalar),
    }
}

fn from_scalar(json: &Json) -> Value {
    match json {
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => from_number(number),
        Json::String(text) => Value::from(text.as_str()),
        _ => Value::from(()),
    }
}

fn from_number(number: &Number) -> Value {
    if let Some(integer) = number.as_i64() {
        Value::from(integer)
    } else if let Some(integer) = number.as_u64() {
        Value::from(integer)
    } else {
        Value::from(number.as_f64().unwrap_or(f64::NAN))
    }
}

/// The float behind a template value, if it is one (and no integer).
pub(crate) fn as_float(value: &Value) -> Option<f64> {
    if value.kind() == ValueKind::Number && !value.is_integer() {
        f64::try_from(value.clone()).ok()
    } else {
        None
    }
}

/// Turns a template value into JSON. NaN and infinities become `null`, keys become texts.
pub(crate) fn to_json(value: &Value) -> Result<Json, Error> {
    to_json_at(value, 0)
}

fn to_json_at(value: &Value, depth: usize) -> Result<Json, Error> {
    if depth > MAX_DEPTH {
        return Err(fail(
            ErrorKind::Recursion,
            format!("the value is nested more than {MAX_DEPTH} deep"),
        ));
    }
    if let Some(node) = value.downcast_object_ref::<Node>() {
        return Ok(node.json().clone());
    }
    Ok(match value.kind() {
        ValueKind::Undefined => return Err(fail(ErrorKind::Undefined, "an undefined value is no JSON")),
        ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => match as_float(value) {
            Some(float) => Number::from_f64(float).map_or(Json::Null, Json::Number),
            None => {
                let integer = i128::try_from(value.clone())?;
                #[expect(clippy::cast_precision_loss, reason = "integers beyond 64 bits become floats")]
                Number::from_i128(integer)
                    .or_else(|| Number::from_f64(integer as f64))
                    .map_or(Json::Null, Json::Number)
            }
        },
        ValueKind::String => Json::String(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter()?.checked() {
                items.push(to_json_at(&item?, depth + 1)?);
            }
            Json::Array(items)
        }
        ValueKind::Map => {
            let mut map = Map::new();
            for key in value.try_iter()?.checked() {
                let key = key?;
                let item = value.get_item(&key)?;
                let name = match key.kind() {
                    ValueKind::Bool => key.is_true().to_string(),
                    ValueKind::None => "null".to_owned(),
                    _ => to_text(&key),
                };
                map.insert(name, to_json_at(&item, depth + 1)?);
            }
            Json::Object(map)
        }
        ValueKind::Plain => Json::String(value.to_string()),
        _ => return Err(fail(ErrorKind::Type, format!("a {} is no JSON", value.kind()))),
    })
}

/// `str(value)` of a template value.
pub(crate) fn to_text(value: &Value) -> String {
    match value.as_str().filter(|_| value.kind() == ValueKind::String) {
        Some(text) => text.to_owned(),
        None => {
            let mut out = String::new();
            write_text(&mut out, value);
            out
        }
    }
}

/// `str(value)` for a filter: an undefined value is an error unless the template may use such.
pub(crate) fn text_of(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    defined(state, value).map(|()| to_text(value))
}

/// Refuses an undefined value unless the template may use such.
pub(crate) fn defined(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() && state.undefined_behavior() == UndefinedBehavior::Strict {
        // The engine knows the name when an attribute is asked of an undefined value.
        return value.get_attr("text").map(|_| ());
    }
    Ok(())
}

/// Writes [`to_text`] to `out`.
pub(crate) fn write_text(out: &mut String, value: &Value) {
    match value.as_str().filter(|_| value.kind() == ValueKind::String) {
        Some(text) => out.push_str(text),
        None => write_repr(out, value, 0),
    }
}

/// `repr(value)` of a template value.
pub(crate) fn to_repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value, 0);
    out
}

fn write_repr(out: &mut String, value: &Value, depth: usize) {
    use fmt::Write as _;
    if depth > MAX_DEPTH {
        out.push_str("...");
        return;
    }
    if let Some(node) = value.downcast_object_ref::<Node>() {
        pyvalue::write_repr(out, node.json());
        return;
    }
    match value.kind() {
        ValueKind::Undefined if depth > 0 => out.push_str("Undefined"),
        ValueKind::String => pyvalue::write_str_repr(out, value.as_str().unwrap_or_default()),
        ValueKind::Number => match as_float(value) {
            Some(float) => pyvalue::write_float_repr(out, float),
            None => {
                let _ = write!(out, "{value}");
            }
        },
        ValueKind::Seq if value.downcast_object_ref::<super::globals::Range>().is_none() => {
            // The pairs of `groupby` are tuples with names.
            let tuple = value.is_tuple() || value.get_attr("grouper").is_ok_and(|name| !name.is_undefined());
            out.push(if tuple { '(' } else { '[' });
            let mut count = 0;
            for item in value.try_iter().into_iter().flatten() {
                if count > 0 {
                    out.push_str(", ");
                }
                count += 1;
                write_repr(out, &item, depth + 1);
            }
            out.push_str(match (tuple, count) {
                (true, 1) => ",)",
                (true, _) => ")",
                _ => "]",
            });
        }
        ValueKind::Map => {
            out.push('{');
            for (index, key) in value.try_iter().into_iter().flatten().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_repr(out, &key, depth + 1);
                out.push_str(": ");
                write_repr(out, &value.get_item(&key).unwrap_or_default(), depth + 1);
            }
            out.push('}');
        }
        ValueKind::Bytes => {
            out.push_str("b'");
            for byte in value.as_bytes().unwrap_or_default() {
                match byte {
                    b'\n' => out.push_str("\\n"),
                    b'\'' | b'\\' => {
                        out.push('\\');
                        out.push(char::from(*byte));
                    }
                    0x20..0x7f => out.push(char::from(*byte)),
                    _ => {
                        let _ = write!(out, "\\x{byte:02x}");
                    }
                }
            }
            out.push('\'');
        }
        _ => {
            let _ = write!(out, "{value}");
        }
    }
}

/// The words with which Jinja names the type of a value in its messages.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "Undefined",
        ValueKind::None => "None",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq if value.is_tuple() => "tuple",
        ValueKind::Seq => "list",
        ValueKind::Map => "dict",
        ValueKind::Iterable => "generator",
        _ => "object",
    }
}
