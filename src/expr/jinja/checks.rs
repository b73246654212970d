//! Tests: what may follow `is`.

use super::error::ErrorKind;
use super::fault::{Run, fail, type_error};
use super::machine::{CallArgs, Machine, is_iterable, text_of_data};
use super::object::{
    BoundMethod, Function, Global, Joiner, LoopValue, MacroValue, Range, defined, is_markup, text_of,
    undefined,
};
use super::ops;
use super::syntax::ast::{BinaryOp, CompareOp};
use super::text::{is_lower, is_upper};
use super::unknown;
use crate::expr::value::Value;

/// All tests: the name, the name of the function in Python, and its parameters after the tested value.
const TESTS: [(&str, &str, &[&str]); 39] = [
    ("!=", "ne", &["b"]),
    ("<", "lt", &["b"]),
    ("<=", "le", &["b"]),
    ("==", "eq", &["b"]),
    (">", "gt", &["b"]),
    (">=", "ge", &["b"]),
    ("boolean", "test_boolean", &[]),
    ("callable", "callable", &[]),
    ("defined", "test_defined", &[]),
    ("divisibleby", "test_divisibleby", &["num"]),
    ("eq", "eq", &["b"]),
    ("equalto", "eq", &["b"]),
    ("escaped", "test_escaped", &[]),
    ("even", "test_even", &[]),
    ("false", "test_false", &[]),
    ("filter", "test_filter", &[]),
    ("float", "test_float", &[]),
    ("ge", "ge", &["b"]),
    ("greaterthan", "gt", &["b"]),
    ("gt", "gt", &["b"]),
    ("in", "test_in", &["seq"]),
    ("integer", "test_integer", &[]),
    ("iterable", "test_iterable", &[]),
    ("le", "le", &["b"]),
    ("lessthan", "lt", &["b"]),
    ("lower", "test_lower", &[]),
    ("lt", "lt", &["b"]),
    ("mapping", "test_mapping", &[]),
    ("ne", "ne", &["b"]),
    ("none", "test_none", &[]),
    ("number", "test_number", &[]),
    ("odd", "test_odd", &[]),
    ("sameas", "test_sameas", &["other"]),
    ("sequence", "test_sequence", &[]),
    ("string", "test_string", &[]),
    ("test", "test_test", &[]),
    ("true", "test_true", &[]),
    ("undefined", "test_undefined", &[]),
    ("upper", "test_upper", &[]),
];

fn find(name: &str) -> Option<(&'static str, &'static [&'static str])> {
    let at = TESTS.binary_search_by(|(known, ..)| (*known).cmp(name)).ok()?;
    TESTS.get(at).map(|(_, function, names)| (*function, *names))
}

pub(crate) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// All names, for advice.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TESTS.iter().map(|(name, ..)| *name)
}

/// Applies a test by its name; `end` ends the sentence about one that does not exist.
pub(crate) fn apply(
    machine: &mut Machine<'_>,
    name: &str,
    value: &Value,
    args: &CallArgs,
    end: &str,
) -> Run<bool> {
    let Some((function, names)) = find(name) else {
        return Err(unknown(machine.setting(), machine.host(), name, true, end));
    };
    let arg = argument(function, names, args)?;
    let other = arg.as_ref().unwrap_or(&Value::Null);
    let compare = |op| ops::compare(op, value, other);
    let remainder = |by: &Value| ops::binary(BinaryOp::Mod, value, by);
    let is_int = matches!(value, Value::Int(_) | Value::BigInt(_));
    Ok(match name {
        "==" | "eq" | "equalto" => compare(CompareOp::Eq)?,
        "!=" | "ne" => compare(CompareOp::Ne)?,
        "<" | "lt" | "lessthan" => compare(CompareOp::Lt)?,
        "<=" | "le" => compare(CompareOp::Le)?,
        ">" | "gt" | "greaterthan" => compare(CompareOp::Gt)?,
        ">=" | "ge" => compare(CompareOp::Ge)?,
        "in" => compare(CompareOp::In)?,
        "odd" => ops::equals(&remainder(&Value::Int(2))?, &Value::Int(1))?,
        "even" => ops::equals(&remainder(&Value::Int(2))?, &Value::Int(0))?,
        "divisibleby" => ops::equals(&remainder(other)?, &Value::Int(0))?,
        "defined" => undefined(value).is_none(),
        "undefined" => undefined(value).is_some(),
        "none" => value.is_null(),
        "boolean" => matches!(value, Value::Bool(_)),
        "true" => matches!(value, Value::Bool(true)),
        "false" => matches!(value, Value::Bool(false)),
        "integer" => is_int,
        "float" => matches!(value, Value::Float(_)),
        "number" => is_int || matches!(value, Value::Bool(_) | Value::Float(_)),
        "string" => text_of(value).is_some(),
        "mapping" => matches!(value, Value::Dict(_)),
        "sequence" => is_sequence(value),
        "iterable" => {
            if undefined(value).is_some_and(super::object::Undefined::is_strict) {
                defined(value)?;
            }
            is_iterable(value)
        }
        "callable" => is_callable(value),
        "escaped" => is_markup(value),
        "sameas" => ops::same_object(value, other),
        "lower" => is_lower(&text_of_data(value)?),
        "upper" => is_upper(&text_of_data(value)?),
        "filter" => {
            let name = ops::key(value)?;
            let host = machine.host();
            name.as_str().is_some_and(|name| {
                machine.setting().has_filter(name) || host.is_some_and(|host| host.has(name))
            })
        }
        "test" => ops::key(value)?.as_str().is_some_and(is_known),
        _ => return fail(ErrorKind::UnknownFilter, format!("No test named '{name}' found.")),
    })
}

/// The one argument that a test may take.
fn argument(function: &str, names: &[&str], args: &CallArgs) -> Run<Option<Value>> {
    let given = args.positional.len();
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    if let Some((keyword, value)) = args.keywords.first() {
        return if names.contains(&&**keyword) && given == 0 && args.keywords.len() == 1 {
            Ok(Some(value.clone()))
        } else {
            type_error(format!(
                "{function}() got an unexpected keyword argument '{keyword}'"
            ))
        };
    }
    match (names, args.positional.as_slice()) {
        ([], []) => Ok(None),
        ([_], [one]) => Ok(Some(one.clone())),
        // The operators are functions written in C, and say less.
        _ if !function.starts_with("test_") => type_error(if names.is_empty() {
            format!("{function}() takes exactly one argument ({} given)", given + 1)
        } else {
            format!("{function} expected 2 arguments, got {}", given + 1)
        }),
        ([name], []) => type_error(format!(
            "{function}() missing 1 required positional argument: '{name}'"
        )),
        _ => type_error(format!(
            "{function}() takes {} positional argument{} but {} were given",
            names.len() + 1,
            plural(names.len() + 1),
            given + 1
        )),
    }
}

/// Whether a value has a length and items (a dictionary too).
fn is_sequence(value: &Value) -> bool {
    match value {
        Value::Set(_) => false,
        Value::Opaque(_) => {
            text_of(value).is_some() || ops::items_of(value).is_some() || value.downcast::<Range>().is_some()
        }
        other => ops::length(other).is_some(),
    }
}

fn is_callable(value: &Value) -> bool {
    let Value::Opaque(object) = value else {
        return false;
    };
    let object = object.as_any();
    object.is::<BoundMethod>()
        || object.is::<Function>()
        || object.is::<Global>()
        || object.is::<MacroValue>()
        || object.is::<LoopValue>()
        || object.is::<Joiner>()
        || undefined(value).is_some()
}

#[cfg(test)]
mod tests {
    use super::TESTS;

    #[test]
    fn the_table_is_sorted() {
        assert!(TESTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
