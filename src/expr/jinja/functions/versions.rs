//! Strict semantic versions.

use std::cmp::Ordering;

use semver::Version;

use crate::expr::jinja::bind::Bound;
use crate::expr::jinja::context::StoredKey;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Fault, Run, fail, type_error, value_error};
use crate::expr::jinja::machine::Machine;
use crate::expr::jinja::object::{class_of, defined, text_of};
use crate::expr::pyvalue::str_repr;
use crate::expr::value::Value;

fn text(value: &Value) -> Run<String> {
    if let Some(text) = text_of(value) {
        return Ok(text.to_string());
    }
    if let Some(key) = value.downcast::<StoredKey>() {
        return Ok(key.text());
    }
    defined(value)?;
    type_error(format!("a version must be a text, not {}", class_of(value)))
}

fn parse(text: &str) -> Run<Version> {
    Version::parse(text).map_err(|_| {
        Fault::new(ErrorKind::Value, format!("{text} is not valid SemVer string"))
            .hint("three numbers are needed, as in 1.2.3")
    })
}

fn version(value: &Value) -> Run<Version> {
    parse(&text(value)?)
}

fn other(args: &Bound) -> Run<String> {
    text(args.given(0).unwrap_or(&Value::Null))
}

fn ordering(value: &Value, args: &Bound) -> Run<Ordering> {
    Ok(version(value)?.cmp_precedence(&parse(&other(args)?)?))
}

pub(super) fn compare(_: Option<&mut Machine<'_>>, value: &Value, args: &Bound) -> Run<Value> {
    ordering(value, args).map(|order| Value::Int(order as i64))
}

pub(super) fn equal(_: Option<&mut Machine<'_>>, value: &Value, args: &Bound) -> Run<Value> {
    ordering(value, args).map(|order| Value::Bool(order.is_eq()))
}

pub(super) fn less_than(_: Option<&mut Machine<'_>>, value: &Value, args: &Bound) -> Run<Value> {
    ordering(value, args).map(|order| Value::Bool(order.is_lt()))
}

pub(super) fn more_than(_: Option<&mut Machine<'_>>, value: &Value, args: &Bound) -> Run<Value> {
    ordering(value, args).map(|order| Value::Bool(order.is_gt()))
}

pub(super) fn matches(_: Option<&mut Machine<'_>>, value: &Value, args: &Bound) -> Run<Value> {
    type Holds = fn(Ordering) -> bool;
    let operators: [(&str, Holds); 6] = [
        (">=", Ordering::is_ge),
        ("<=", Ordering::is_le),
        ("==", Ordering::is_eq),
        ("!=", Ordering::is_ne),
        (">", Ordering::is_gt),
        ("<", Ordering::is_lt),
    ];
    let pattern = other(args)?;
    let found = operators
        .iter()
        .find_map(|(operator, holds)| Some((holds, pattern.strip_prefix(operator)?)));
    let Some((holds, wanted)) = found else {
        return value_error(format!(
            "match_expr parameter should be in format <op><ver>, where <op> is one of ['<', '>', '==', '<=', '>=', '!=']. You provided: {}",
            str_repr(&pattern)
        ));
    };
    let order = version(value)?.cmp_precedence(&parse(wanted)?);
    Ok(Value::Bool(holds(order)))
}

fn next(number: u64) -> Run<u64> {
    match number.checked_add(1) {
        Some(next) => Ok(next),
        None => fail(ErrorKind::Overflow, "the version number is too large"),
    }
}

pub(super) fn bump_major(_: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    let major = next(version(value)?.major)?;
    Ok(Value::from(format!("{major}.0.0")))
}

pub(super) fn bump_minor(_: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    let version = version(value)?;
    let minor = next(version.minor)?;
    Ok(Value::from(format!("{}.{minor}.0", version.major)))
}

pub(super) fn bump_patch(_: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    let version = version(value)?;
    let patch = next(version.patch)?;
    Ok(Value::from(format!(
        "{}.{}.{patch}",
        version.major, version.minor
    )))
}

pub(super) fn strip_patch(_: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    let version = version(value)?;
    Ok(Value::from(format!("{}.{}", version.major, version.minor)))
}
