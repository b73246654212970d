//! Attributes and methods that Python's own types have.

mod collections;
mod dates;
mod encodings;
mod numbers;
mod pieces;
mod texts;

pub(crate) use collections::{change, changes, may_change};
pub(crate) use dates::strftime;

use super::fault::{Run, type_error};
use super::machine::{CallArgs, Machine};
use super::object::{
    Cycler, DictView, Generator, GroupPair, LoopValue, Markup, Range, ViewKind, class_of, is_markup, text_of,
    undefined,
};
use crate::expr::value::Value;

const TEXT: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];
const MARKUP: &[&str] = &["striptags", "unescape"];
const LIST: &[&str] = &[
    "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort",
];
const TUPLE: &[&str] = &["count", "index"];
const DICT: &[&str] = &[
    "clear",
    "copy",
    "fromkeys",
    "get",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "update",
    "values",
];
const SET: &[&str] = &[
    "add",
    "clear",
    "copy",
    "difference",
    "difference_update",
    "discard",
    "intersection",
    "intersection_update",
    "isdisjoint",
    "issubset",
    "issuperset",
    "pop",
    "remove",
    "symmetric_difference",
    "symmetric_difference_update",
    "union",
    "update",
];
const INT: &[&str] = &[
    "as_integer_ratio",
    "bit_count",
    "bit_length",
    "conjugate",
    "from_bytes",
    "to_bytes",
];
const FLOAT: &[&str] = &["as_integer_ratio", "conjugate", "fromhex", "hex", "is_integer"];
const BYTES: &[&str] = &[
    "count",
    "decode",
    "endswith",
    "find",
    "hex",
    "index",
    "join",
    "lower",
    "lstrip",
    "replace",
    "rstrip",
    "split",
    "startswith",
    "strip",
    "upper",
];
const DATETIME: &[&str] = &[
    "astimezone",
    "ctime",
    "date",
    "isocalendar",
    "isoformat",
    "isoweekday",
    "replace",
    "strftime",
    "time",
    "timestamp",
    "timetuple",
    "toordinal",
    "tzname",
    "utcoffset",
    "weekday",
];
const DATE: &[&str] = &[
    "ctime",
    "isocalendar",
    "isoformat",
    "isoweekday",
    "replace",
    "strftime",
    "timetuple",
    "toordinal",
    "weekday",
];
const TIMESPAN: &[&str] = &["total_seconds"];

/// Names that every object of Python has.
const OBJECT_DUNDERS: &[&str] = &[
    "__class__",
    "__delattr__",
    "__dir__",
    "__doc__",
    "__eq__",
    "__format__",
    "__ge__",
    "__getattribute__",
    "__getstate__",
    "__gt__",
    "__hash__",
    "__init__",
    "__init_subclass__",
    "__le__",
    "__lt__",
    "__ne__",
    "__new__",
    "__reduce__",
    "__reduce_ex__",
    "__repr__",
    "__setattr__",
    "__sizeof__",
    "__str__",
    "__subclasshook__",
];
const SEQUENCE_DUNDERS: &[&str] = &[
    "__add__",
    "__contains__",
    "__getitem__",
    "__getnewargs__",
    "__iter__",
    "__len__",
    "__mul__",
    "__rmul__",
    "__class_getitem__",
    "__reversed__",
];
const NUMBER_DUNDERS: &[&str] = &[
    "__abs__",
    "__add__",
    "__bool__",
    "__divmod__",
    "__float__",
    "__floordiv__",
    "__int__",
    "__mod__",
    "__mul__",
    "__neg__",
    "__pos__",
    "__pow__",
    "__radd__",
    "__round__",
    "__sub__",
    "__truediv__",
    "__trunc__",
];
const FUNCTION_DUNDERS: &[&str] = &[
    "__annotations__",
    "__call__",
    "__closure__",
    "__code__",
    "__defaults__",
    "__dict__",
    "__get__",
    "__globals__",
    "__kwdefaults__",
    "__module__",
    "__name__",
    "__qualname__",
    "__self__",
    "__text_signature__",
    "__wrapped__",
];

fn table(value: &Value) -> &'static [&'static str] {
    match value {
        Value::Str(_) => TEXT,
        Value::List(_) => LIST,
        Value::Tuple(_) => TUPLE,
        Value::Dict(_) => DICT,
        Value::Set(_) => SET,
        Value::Int(_) | Value::BigInt(_) | Value::Bool(_) => INT,
        Value::Float(_) => FLOAT,
        Value::Bytes(_) => BYTES,
        Value::DateTime(_) => DATETIME,
        Value::Date(_) => DATE,
        Value::Timespan(_) => TIMESPAN,
        Value::Null => &[],
        Value::Opaque(object) => {
            let object = object.as_any();
            if text_of(value).is_some() {
                TEXT
            } else if object.is::<GroupPair>() || object.is::<Range>() {
                TUPLE
            } else if object.is::<DictView>() {
                &["isdisjoint"]
            } else if object.is::<LoopValue>() {
                &["changed", "cycle"]
            } else if object.is::<Cycler>() {
                &["next", "reset"]
            } else {
                &[]
            }
        }
    }
}

/// The method of this name, if the value's type has it.
pub(crate) fn find(value: &Value, name: &str) -> Option<&'static str> {
    if let Value::Dict(_) = value
        && !is_dict_method(name)
    {
        return None;
    }
    let found = table(value).iter().find(|known| **known == name);
    found.copied().or_else(|| {
        is_markup(value)
            .then(|| MARKUP.iter().find(|known| **known == name).copied())
            .flatten()
    })
}

/// Whether a name means an attribute of dictionaries, before any key.
pub(crate) fn is_dict_attribute(name: &str) -> bool {
    name.starts_with("__") || is_dict_method(name)
}

/// Asked for every attribute of every dictionary.
fn is_dict_method(name: &str) -> bool {
    matches!(
        name,
        "clear"
            | "copy"
            | "fromkeys"
            | "get"
            | "items"
            | "keys"
            | "pop"
            | "popitem"
            | "setdefault"
            | "update"
            | "values"
    )
}

/// Whether a value has this name with double underscores in Python; a template may not touch it then.
pub(crate) fn has_dunder(value: &Value, name: &str) -> bool {
    if OBJECT_DUNDERS.contains(&name) {
        return true;
    }
    match value {
        Value::Null => name == "__bool__",
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) => NUMBER_DUNDERS.contains(&name),
        Value::Opaque(_) if undefined(value).is_some() => {
            NUMBER_DUNDERS[1..].contains(&name) && !matches!(name, "__abs__" | "__round__" | "__trunc__")
                || matches!(
                    name,
                    "__call__" | "__contains__" | "__getitem__" | "__iter__" | "__len__" | "__slots__"
                )
        }
        Value::Opaque(object) => {
            FUNCTION_DUNDERS.contains(&name)
                || name == "__html__" && object.as_any().is::<Markup>()
                || SEQUENCE_DUNDERS.contains(&name) && ops_len(value)
        }
        Value::DateTime(_) | Value::Date(_) | Value::Timespan(_) => matches!(name, "__add__" | "__sub__"),
        _ => SEQUENCE_DUNDERS.contains(&name),
    }
}

/// Whether a value without a type of its own here has a length.
fn ops_len(value: &Value) -> bool {
    super::ops::length(value).is_some()
}

/// An attribute that is data.
pub(crate) fn data_attribute(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Int(_) | Value::BigInt(_) | Value::Bool(_) | Value::Float(_) => {
            numbers::attribute(value, name)
        }
        Value::DateTime(_) | Value::Date(_) | Value::Timespan(_) => dates::attribute(value, name),
        Value::Opaque(object) => {
            if let Some(pair) = object.as_any().downcast_ref::<GroupPair>() {
                return match name {
                    "grouper" => pair.0.first().cloned(),
                    "list" => pair.0.get(1).cloned(),
                    _ => None,
                };
            }
            if let Some(range) = object.as_any().downcast_ref::<Range>() {
                return match name {
                    "start" => Some(range.start.into()),
                    "stop" => Some(range.stop.into()),
                    "step" => Some(range.step.into()),
                    _ => None,
                };
            }
            if let Some(view) = object.as_any().downcast_ref::<DictView>() {
                return (name == "mapping").then(|| Value::Dict(view.dict.clone()));
            }
            None
        }
        _ => None,
    }
}

/// Calls a method that [`find`] found.
pub(crate) fn call(machine: &mut Machine<'_>, owner: &Value, name: &str, args: CallArgs) -> Run<Value> {
    if text_of(owner).is_some() {
        return texts::call(machine, owner, name, args);
    }
    match owner {
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_) => {
            collections::call(machine, owner, name, args)
        }
        Value::Int(_) | Value::BigInt(_) | Value::Bool(_) | Value::Float(_) => {
            numbers::call(owner, name, &args)
        }
        Value::Bytes(bytes) => encodings::bytes(machine, bytes, name, args),
        Value::DateTime(_) | Value::Date(_) | Value::Timespan(_) => dates::call(owner, name, args),
        Value::Opaque(object) => {
            let object = object.as_any();
            if let Some(looping) = object.downcast_ref::<LoopValue>() {
                return in_loop(looping, name, args);
            }
            if let Some(cycler) = object.downcast_ref::<Cycler>() {
                let mut at = cycler.at.lock();
                if name == "reset" {
                    *at = 0;
                    return Ok(Value::Null);
                }
                let item = cycler.items[*at].clone();
                *at = (*at + 1) % cycler.items.len();
                return Ok(item);
            }
            collections::call(machine, owner, name, args)
        }
        Value::Null | Value::Str(_) => type_error(format!("'{}' object is not callable", class_of(owner))),
    }
}

/// `loop.cycle` and `loop.changed`
fn in_loop(looping: &LoopValue, name: &str, args: CallArgs) -> Run<Value> {
    let mut state = looping.state.lock();
    if name == "cycle" {
        if args.positional.is_empty() {
            return type_error("no items for cycling given");
        }
        return Ok(args.positional[state.index0 % args.positional.len()].clone());
    }
    let same = match &state.changed {
        None => false,
        Some(before) => {
            before.len() == args.positional.len()
                && before
                    .iter()
                    .zip(&args.positional)
                    .all(|(before, now)| crate::expr::value::equal(before, now))
        }
    };
    if !same {
        state.changed = Some(args.positional);
    }
    Ok(Value::Bool(!same))
}

/// What `dict.keys()` and the like are iterated as, backwards.
pub(crate) fn reversed(value: &Value) -> Option<Value> {
    let (class, items): (&'static str, Vec<Value>) = match value {
        Value::List(items) => ("list_reverseiterator", items.iter().rev().cloned().collect()),
        Value::Tuple(items) => ("reversed", items.iter().rev().cloned().collect()),
        Value::Dict(dict) => ("dict_reversekeyiterator", dict.keys().rev().cloned().collect()),
        Value::Bytes(bytes) => (
            "reversed",
            bytes
                .iter()
                .rev()
                .map(|byte| Value::from(i64::from(*byte)))
                .collect(),
        ),
        other => {
            if let Some(range) = other.downcast::<Range>() {
                (
                    "range_iterator",
                    (0..range.len).rev().map(|at| range.at(at)).collect(),
                )
            } else if let Some(view) = other.downcast::<DictView>() {
                let class = match view.kind {
                    ViewKind::Keys => "dict_reversekeyiterator",
                    ViewKind::Values => "dict_reversevalueiterator",
                    ViewKind::Items => "dict_reverseitemiterator",
                };
                (
                    class,
                    (0..view.dict.len()).rev().filter_map(|at| view.at(at)).collect(),
                )
            } else if let Some(pair) = other.downcast::<GroupPair>() {
                ("reversed", pair.0.iter().rev().cloned().collect())
            } else {
                return None;
            }
        }
    };
    Some(Generator::iterator(class, "", items))
}
