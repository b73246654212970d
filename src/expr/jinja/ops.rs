//! Operators, comparison, membership, indexing and slicing as Python has them.

mod compare;
mod index;

pub(crate) use compare::{compare, contains, equals, less, same_object};
pub(crate) use index::{index_of, item, length, slice};

use std::sync::Arc;

use num_traits::ToPrimitive as _;

use super::error::ErrorKind;
use super::fault::{Run, fail, limit, type_error};
use super::format::percent;
use super::object::{
    DictView, GroupPair, Markup, ViewKind, check_weight, class_of, defined, is_markup, text_of, undefined,
};
use super::syntax::ast::BinaryOp;
use super::text::escape_html;
use crate::expr::pynum::{self, Number};
use crate::expr::value::{Date, DateTime, Dict, List, Set, Timespan, Value, check_hashable};

/// Longest text that an operation may make, in bytes.
pub(crate) const MAX_TEXT: usize = 8 * 1024 * 1024;
/// Heaviest key of a dictionary, in bytes as [`Value::weight`] counts.
const MAX_KEY: u64 = 1024 * 1024;
/// Longest list that an operation may make.
pub(crate) const MAX_ITEMS: usize = 1_000_000;

/// The items of a list or tuple, also of the pairs of `groupby`.
pub(crate) fn items_of(value: &Value) -> Option<&List> {
    match value {
        Value::List(items) | Value::Tuple(items) => Some(items),
        Value::Opaque(object) => object.as_any().downcast_ref::<GroupPair>().map(|pair| &pair.0),
        _ => None,
    }
}

/// Python's truth; strictly undefined values have none.
pub(crate) fn truth(value: &Value) -> Run<bool> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::Opaque(_) => match undefined(value) {
            Some(missing) if missing.is_strict() => Err(missing.fault()),
            _ => Ok(value.is_true()),
        },
        other => Ok(other.is_true()),
    }
}

/// Refuses texts that are too long.
pub(crate) fn check_len(bytes: usize) -> Run<()> {
    if bytes > MAX_TEXT {
        return limit(format!("a text is longer than {MAX_TEXT} bytes"));
    }
    Ok(())
}

/// Refuses lists that are too long.
pub(crate) fn check_items(count: usize) -> Run<()> {
    if count > MAX_ITEMS {
        return limit(format!("a list is longer than {MAX_ITEMS} items"));
    }
    Ok(())
}

fn unsupported<T>(op: BinaryOp, a: &Value, b: &Value) -> Run<T> {
    let symbol = match op {
        BinaryOp::Pow => "** or pow()",
        other => other.symbol(),
    };
    type_error(format!(
        "unsupported operand type(s) for {symbol}: '{}' and '{}'",
        full_class(a),
        full_class(b)
    ))
}

/// The class as messages of operators spell it.
fn full_class(value: &Value) -> &str {
    match value {
        Value::DateTime(_) | Value::Date(_) | Value::Timespan(_) => value.type_name(),
        other => class_of(other),
    }
}

pub(crate) fn binary(op: BinaryOp, a: &Value, b: &Value) -> Run<Value> {
    if let (Value::Int(a), Value::Int(b)) = (a, b) {
        return Ok(pynum::arithmetic(op, &Number::Int(*a), &Number::Int(*b))?);
    }
    defined(a)?;
    // Formatting makes use of an undefined right side itself.
    let formats = op == BinaryOp::Mod && text_of(a).is_some();
    if !formats {
        defined(b)?;
    }
    if let (Some(a), Some(b)) = (Number::of(a), Number::of(b)) {
        return Ok(pynum::arithmetic(op, &a, &b)?);
    }
    match op {
        BinaryOp::Add => add(a, b),
        BinaryOp::Sub => sub(a, b),
        BinaryOp::Mul => mul(a, b),
        BinaryOp::Mod if formats => percent::format(a, b),
        BinaryOp::Mod => match (a, b) {
            (Value::Timespan(a), Value::Timespan(b)) if b.micros() != 0 => {
                span(Some(a.micros().rem_euclid(b.micros())))
            }
            _ => unsupported(op, a, b),
        },
        BinaryOp::Div | BinaryOp::FloorDiv => divide_span(op, a, b),
        BinaryOp::Pow => unsupported(op, a, b),
    }
}

fn add(a: &Value, b: &Value) -> Run<Value> {
    if let (Some(left), Some(right)) = (text_of(a), text_of(b)) {
        check_len(left.len() + right.len())?;
        return Ok(match (is_markup(a), is_markup(b)) {
            (false, false) => Value::from(format!("{left}{right}")),
            (true, true) => Markup::value(format!("{left}{right}")),
            (true, false) => Markup::value(format!("{left}{}", escape_html(right))),
            (false, true) => Markup::value(format!("{}{right}", escape_html(left))),
        });
    }
    let concatenate = |class: &str| {
        type_error(format!(
            "can only concatenate {class} (not \"{}\") to {class}",
            class_of(b)
        ))
    };
    match (a, b) {
        (Value::List(left), Value::List(right)) => {
            joined(left, right).map(|items| Value::List(List::new(items)))
        }
        (Value::DateTime(time), Value::Timespan(span)) | (Value::Timespan(span), Value::DateTime(time)) => {
            moved(time.plus(*span))
        }
        (Value::Date(date), Value::Timespan(span)) | (Value::Timespan(span), Value::Date(date)) => {
            moved_date(Date::from_days(date.days() + span.days()))
        }
        (Value::Timespan(left), Value::Timespan(right)) => span(left.micros().checked_add(right.micros())),
        (Value::Bytes(left), Value::Bytes(right)) => Ok(Value::Bytes([&**left, &**right].concat().into())),
        (Value::List(_), _) => concatenate("list"),
        (Value::Str(_), _) => concatenate("str"),
        (Value::Bytes(_), _) => type_error(format!("can't concat {} to bytes", class_of(b))),
        _ => match (tuple_items(a), tuple_items(b)) {
            (Some(left), Some(right)) => joined(left, right).map(|items| Value::Tuple(List::new(items))),
            (Some(_), None) => concatenate("tuple"),
            _ => unsupported(BinaryOp::Add, a, b),
        },
    }
}

fn tuple_items(value: &Value) -> Option<&List> {
    match value {
        Value::List(_) => None,
        other => items_of(other),
    }
}

fn joined(left: &List, right: &List) -> Run<Vec<Value>> {
    check_items(left.len() + right.len())?;
    let mut items = Vec::with_capacity(left.len() + right.len());
    items.extend(left.iter().cloned());
    items.extend(right.iter().cloned());
    Ok(items)
}

fn moved(time: Option<DateTime>) -> Run<Value> {
    match time {
        Some(time) => Ok(Value::from(time)),
        None => fail(ErrorKind::Overflow, "date value out of range"),
    }
}

fn moved_date(date: Option<Date>) -> Run<Value> {
    match date {
        Some(date) => Ok(Value::Date(date)),
        None => fail(ErrorKind::Overflow, "date value out of range"),
    }
}

fn span(micros: Option<i128>) -> Run<Value> {
    match micros.and_then(Timespan::from_micros) {
        Some(span) => Ok(Value::Timespan(span)),
        None => fail(
            ErrorKind::Overflow,
            "days out of range; must have magnitude <= 999999999",
        ),
    }
}

fn sub(a: &Value, b: &Value) -> Run<Value> {
    match (a, b) {
        (Value::DateTime(time), Value::Timespan(span)) => {
            moved(Timespan::from_micros(-span.micros()).and_then(|back| time.plus(back)))
        }
        (Value::DateTime(later), Value::DateTime(earlier)) => match later.since(earlier) {
            Some(span) => Ok(Value::Timespan(span)),
            None => type_error("can't subtract offset-naive and offset-aware datetimes"),
        },
        (Value::Date(date), Value::Timespan(span)) => moved_date(Date::from_days(date.days() - span.days())),
        (Value::Date(later), Value::Date(earlier)) => {
            span(Some(i128::from(later.days() - earlier.days()) * 86_400_000_000))
        }
        (Value::Timespan(left), Value::Timespan(right)) => span(left.micros().checked_sub(right.micros())),
        (Value::Set(left), Value::Set(right)) => Ok(without(left, right)),
        // A view takes anything that can be iterated, on either side.
        _ if is_view(a) || is_view(b) => Ok(without(&iterated(a)?, &iterated(b)?)),
        _ => unsupported(BinaryOp::Sub, a, b),
    }
}

fn without(left: &Set, right: &Set) -> Value {
    let mut out = Set::builder(left.len());
    out.extend(left.iter().filter(|item| !right.contains(*item)).cloned());
    Value::Set(Set::new(out))
}

fn is_view(value: &Value) -> bool {
    value
        .downcast::<DictView>()
        .is_some_and(|view| view.kind != ViewKind::Values)
}

/// The set of what is iterated.
fn iterated(value: &Value) -> Run<Set> {
    let Some(items) = super::machine::try_items(value)? else {
        return type_error(format!("'{}' object is not iterable", class_of(value)));
    };
    let mut out = Set::builder(0);
    for item in items {
        out.insert(key(&item)?);
    }
    Ok(Set::new(out))
}

/// A set, or the set that a view of keys or items counts as.
fn set_of(value: &Value) -> Option<Set> {
    match value {
        Value::Set(set) => Some(set.clone()),
        other => {
            let view = other.downcast::<DictView>()?;
            (view.kind != ViewKind::Values)
                .then(|| (0..view.dict.len()).filter_map(|index| view.at(index)).collect())
        }
    }
}

fn mul(a: &Value, b: &Value) -> Run<Value> {
    match (a, b) {
        (Value::Timespan(length), other) | (other, Value::Timespan(length)) => match Number::of(other) {
            Some(Number::Int(times)) => span(length.micros().checked_mul(i128::from(times))),
            Some(Number::Float(times)) => {
                span(Some((length.micros() as f64 * times).round_ties_even() as i128))
            }
            _ => unsupported(BinaryOp::Mul, a, b),
        },
        _ if is_sequence(a) => repeat(a, b),
        _ if is_sequence(b) => repeat(b, a),
        _ => unsupported(BinaryOp::Mul, a, b),
    }
}

fn is_sequence(value: &Value) -> bool {
    text_of(value).is_some() || items_of(value).is_some() || matches!(value, Value::Bytes(_))
}

fn repeat(sequence: &Value, times: &Value) -> Run<Value> {
    let times = match Number::of(times) {
        Some(Number::Int(times)) => usize::try_from(times.max(0)).unwrap_or(usize::MAX),
        Some(Number::Big(_)) => {
            return fail(
                ErrorKind::Overflow,
                "cannot fit 'int' into an index-sized integer",
            );
        }
        _ if is_markup(sequence) || is_markup(times) => {
            let class = if is_markup(sequence) {
                class_of(times)
            } else {
                class_of(sequence)
            };
            return type_error(format!("'{class}' object cannot be interpreted as an integer"));
        }
        _ => {
            return type_error(format!(
                "can't multiply sequence by non-int of type '{}'",
                class_of(times)
            ));
        }
    };
    if let Some(part) = text_of(sequence) {
        check_len(part.len().saturating_mul(times))?;
        let text = part.repeat(if part.is_empty() { 0 } else { times });
        return Ok(if is_markup(sequence) {
            Markup::value(text)
        } else {
            Value::from(text)
        });
    }
    if let Value::Bytes(bytes) = sequence {
        check_len(bytes.len().saturating_mul(times))?;
        return Ok(Value::Bytes(
            bytes.repeat(if bytes.is_empty() { 0 } else { times }).into(),
        ));
    }
    let Some(items) = items_of(sequence) else {
        return unsupported(BinaryOp::Mul, sequence, &Value::Null);
    };
    check_items(items.len().saturating_mul(times))?;
    let times = if items.is_empty() { 0 } else { times };
    let mut out = Vec::with_capacity(items.len() * times);
    for _ in 0..times {
        out.extend(items.iter().cloned());
    }
    Ok(match sequence {
        Value::List(_) => Value::from(out),
        _ => Value::Tuple(List::new(out)),
    })
}

fn divide_span(op: BinaryOp, a: &Value, b: &Value) -> Run<Value> {
    match (a, b) {
        (Value::Timespan(_), Value::Timespan(right)) if right.micros() == 0 => {
            fail(ErrorKind::ZeroDivision, "integer division or modulo by zero")
        }
        (Value::Timespan(left), Value::Timespan(right)) => Ok(match op {
            BinaryOp::Div => Value::Float(left.micros() as f64 / right.micros() as f64),
            _ => Value::from(left.micros().div_euclid(right.micros())),
        }),
        (Value::Timespan(left), other) => match (Number::of(other), op) {
            (Some(Number::Int(0)), _) => fail(ErrorKind::ZeroDivision, "integer division or modulo by zero"),
            (Some(Number::Int(by)), BinaryOp::FloorDiv) => {
                span(Some(left.micros().div_euclid(i128::from(by))))
            }
            (Some(Number::Int(by)), _) => {
                span(Some((left.micros() as f64 / by as f64).round_ties_even() as i128))
            }
            (Some(Number::Float(by)), BinaryOp::Div) if by != 0.0 => {
                span(Some((left.micros() as f64 / by).round_ties_even() as i128))
            }
            _ => unsupported(op, a, b),
        },
        _ => unsupported(op, a, b),
    }
}

pub(crate) fn negate(value: &Value) -> Run<Value> {
    defined(value)?;
    match Number::of(value) {
        Some(Number::Float(number)) => Ok(Value::Float(-number)),
        Some(number) => Ok(pynum::arithmetic(BinaryOp::Sub, &Number::Int(0), &number)?),
        None => match value {
            Value::Timespan(length) => span(Some(-length.micros())),
            _ => type_error(format!("bad operand type for unary -: '{}'", full_class(value))),
        },
    }
}

pub(crate) fn plus(value: &Value) -> Run<Value> {
    defined(value)?;
    match value {
        Value::Bool(flag) => Ok(Value::Int(i64::from(*flag))),
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Timespan(_) => Ok(value.clone()),
        _ => type_error(format!("bad operand type for unary +: '{}'", full_class(value))),
    }
}

/// A value as a key: hashable, and texts without their marks.
pub(crate) fn key(value: &Value) -> Run<Value> {
    if let Some(missing) = undefined(value).filter(|missing| missing.is_strict()) {
        return Err(missing.fault());
    }
    if let (Value::Opaque(_), Some(text)) = (value, text_of(value)) {
        return Ok(Value::Str(Arc::clone(text)));
    }
    check_weight(value, MAX_KEY)?;
    match check_hashable(value) {
        Ok(()) => Ok(value.clone()),
        Err(error) => type_error(error.to_string()),
    }
}

/// A whole number where Python wants an index or a count.
pub(crate) fn integer(value: &Value) -> Run<i64> {
    defined(value)?;
    match Number::of(value) {
        Some(Number::Int(number)) => Ok(number),
        Some(Number::Big(number)) => match number.to_i64() {
            Some(number) => Ok(number),
            None => fail(
                ErrorKind::Overflow,
                "Python int too large to convert to C ssize_t",
            ),
        },
        _ => type_error(format!(
            "'{}' object cannot be interpreted as an integer",
            class_of(value)
        )),
    }
}

/// A dictionary from pairs, with hashable keys.
pub(crate) fn dict(members: impl IntoIterator<Item = (Value, Value)>) -> Run<Value> {
    let mut out = Dict::builder(0);
    for (name, value) in members {
        out.insert(key(&name)?, value);
    }
    Ok(Value::Dict(Dict::new(out)))
}
