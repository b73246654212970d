//! Operators, comparison, membership, indexing and slicing as Python has them.

use std::cmp::Ordering;
use std::sync::Arc;

use num_traits::{Signed as _, ToPrimitive as _};

use super::error::ErrorKind;
use super::fault::{Run, fail, limit, type_error, value_error};
use super::format::percent;
use super::num::{self, Number};
use super::object::{
    DictView, Generator, GroupPair, Markup, Range, ViewKind, class_of, defined, is_markup, text_of, undefined,
};
use super::syntax::ast::{BinaryOp, CompareOp};
use super::text::{byte_of, char_len, escape_html};
use crate::expr::value::{Date, DateTime, Dict, List, Set, Timespan, Value, check_hashable, equal, order};

/// Longest text that an operation may make, in bytes.
pub(crate) const MAX_TEXT: usize = 8 * 1024 * 1024;
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
    value.type_name()
}

pub(crate) fn binary(op: BinaryOp, a: &Value, b: &Value) -> Run<Value> {
    if let (Value::Int(a), Value::Int(b)) = (a, b) {
        return num::arithmetic(op, Number::Int(*a), Number::Int(*b));
    }
    defined(a)?;
    // Formatting makes use of an undefined right side itself.
    let formats = op == BinaryOp::Mod && text_of(a).is_some();
    if !formats {
        defined(b)?;
    }
    if let (Some(a), Some(b)) = (Number::of(a), Number::of(b)) {
        return num::arithmetic(op, a, b);
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
    let concatenate = |class: &str| type_error(format!("can only concatenate {class} (not \"{}\") to {class}", class_of(b)));
    match (a, b) {
        (Value::List(left), Value::List(right)) => joined(left, right).map(|items| Value::List(List::new(items))),
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
        None => fail(ErrorKind::Overflow, "days out of range; must have magnitude <= 999999999"),
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
        _ => match (set_of(a), set_of(b)) {
            (Some(left), Some(right)) => {
                let mut out = Set::builder(left.len());
                out.extend(left.iter().filter(|item| !right.contains(*item)).cloned());
                Ok(Value::Set(Set::new(out)))
            }
            _ => unsupported(BinaryOp::Sub, a, b),
        },
    }
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
            Some(Number::Float(times)) => span(Some((length.micros() as f64 * times).round_ties_even() as i128)),
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
        Some(Number::Big(times)) if times.is_negative() => 0,
        Some(Number::Big(_)) => return fail(ErrorKind::Overflow, "cannot fit 'int' into an index-sized integer"),
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
        return Ok(if is_markup(sequence) { Markup::value(text) } else { Value::from(text) });
    }
    if let Value::Bytes(bytes) = sequence {
        check_len(bytes.len().saturating_mul(times))?;
        return Ok(Value::Bytes(bytes.repeat(if bytes.is_empty() { 0 } else { times }).into()));
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
            (Some(Number::Int(by)), BinaryOp::FloorDiv) => span(Some(left.micros().div_euclid(i128::from(by)))),
            (Some(Number::Int(by)), _) => span(Some((left.micros() as f64 / by as f64).round_ties_even() as i128)),
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
        Some(Number::Int(number)) => num::arithmetic(BinaryOp::Sub, Number::Int(0), Number::Int(number)),
        Some(Number::Big(number)) => Ok(Value::from(-number)),
        Some(Number::Float(number)) => Ok(Value::Float(-number)),
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

/// `a == b`
pub(crate) fn equals(a: &Value, b: &Value) -> Run<bool> {
    for side in [a, b] {
        if let Some(missing) = undefined(side).filter(|missing| missing.is_strict()) {
            return Err(missing.fault());
        }
    }
    Ok(equal(a, b))
}

pub(crate) fn compare(op: CompareOp, a: &Value, b: &Value) -> Run<bool> {
    match op {
        CompareOp::Eq => equals(a, b),
        CompareOp::Ne => equals(a, b).map(|same| !same),
        CompareOp::In => contains(b, a),
        CompareOp::NotIn => contains(b, a).map(|found| !found),
        CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => ordered(op, a, b),
    }
}

fn holds(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Gt => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn ordered(op: CompareOp, a: &Value, b: &Value) -> Run<bool> {
    if let (Value::Int(a), Value::Int(b)) = (a, b) {
        return Ok(holds(op, a.cmp(b)));
    }
    defined(a)?;
    defined(b)?;
    if let (Some(a), Some(b)) = (text_of(a), text_of(b)) {
        return Ok(holds(op, a.cmp(b)));
    }
    let same_kind = match (a, b) {
        (Value::List(_), Value::List(_)) => true,
        (Value::List(_), _) | (_, Value::List(_)) => false,
        _ => true,
    };
    if let (Some(left), Some(right), true) = (items_of(a), items_of(b), same_kind) {
        for (a, b) in left.iter().zip(right.iter()) {
            if !equals(a, b)? {
                return ordered(op, a, b);
            }
        }
        return Ok(holds(op, left.len().cmp(&right.len())));
    }
    if let (Some(left), Some(right)) = (set_of(a), set_of(b)) {
        let within = |a: &Set, b: &Set| a.iter().all(|item| b.contains(item));
        return Ok(match op {
            CompareOp::Lt => left.len() < right.len() && within(&left, &right),
            CompareOp::Le => within(&left, &right),
            CompareOp::Gt => right.len() < left.len() && within(&right, &left),
            _ => within(&right, &left),
        });
    }
    if let Some(order) = order(a, b) {
        return Ok(holds(op, order));
    }
    match (a, b) {
        _ if Number::of(a).is_some() && Number::of(b).is_some() => Ok(false),
        (Value::DateTime(_), Value::DateTime(_)) => type_error("can't compare offset-naive and offset-aware datetimes"),
        _ => type_error(format!(
            "'{}' not supported between instances of '{}' and '{}'",
            op.symbol(),
            full_class(a),
            full_class(b)
        )),
    }
}

/// `a < b`, for sorting.
pub(crate) fn less(a: &Value, b: &Value) -> Run<bool> {
    ordered(CompareOp::Lt, a, b)
}

/// `item in container`
pub(crate) fn contains(container: &Value, item: &Value) -> Run<bool> {
    if let Some(text) = text_of(container) {
        return match text_of(item) {
            Some(part) => Ok(text.contains(&**part)),
            None => {
                defined(container)?;
                type_error(format!(
                    "'in <string>' requires string as left operand, not {}",
                    class_of(item)
                ))
            }
        };
    }
    if let Some(items) = items_of(container) {
        for known in items.iter() {
            if same_object(known, item) || equals(known, item)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    match container {
        Value::Dict(dict) => Ok(dict.contains_key(&key(item)?)),
        Value::Set(set) => Ok(set.contains(&key(item)?)),
        Value::Bytes(bytes) => match item {
            Value::Int(byte) => Ok(u8::try_from(*byte).is_ok_and(|byte| bytes.contains(&byte))),
            Value::Bytes(part) => Ok(part.is_empty() || bytes.windows(part.len()).any(|window| *window == **part)),
            _ => type_error(format!("a bytes-like object is required, not '{}'", class_of(item))),
        },
        other => {
            if let Some(range) = other.downcast::<Range>() {
                return Ok(match item {
                    Value::Float(float) if float.fract() == 0.0 => range.find(*float as i128).is_some(),
                    _ => item.as_i64().is_some_and(|number| range.find(i128::from(number)).is_some()),
                });
            }
            if let Some(view) = other.downcast::<DictView>() {
                if view.kind == ViewKind::Keys {
                    return Ok(view.dict.contains_key(&key(item)?));
                }
                return Ok((0..view.dict.len()).filter_map(|index| view.at(index)).any(|known| equal(&known, item)));
            }
            if let Some(generator) = other.downcast::<Generator>() {
                while let Some(known) = generator.next() {
                    if equals(&known, item)? {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
            if let Some(missing) = undefined(other) {
                return if missing.is_strict() { Err(missing.fault()) } else { Ok(false) };
            }
            type_error(format!("argument of type '{}' is not iterable", class_of(other)))
        }
    }
}

/// `a is b`, as far as values that are no objects have an identity.
pub(crate) fn same_object(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        // Small integers are one object each.
        (Value::Int(a), Value::Int(b)) => a == b && (-5..=256).contains(a),
        (Value::Float(a), Value::Float(b)) => a.is_nan() && b.is_nan() && a.to_bits() == b.to_bits(),
        (Value::Str(a), Value::Str(b)) => Arc::ptr_eq(a, b) || (a == b && a.len() <= 20),
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
            a.is_same(b)
        }
        (Value::Dict(a), Value::Dict(b)) => a.is_same(b),
        (Value::Set(a), Value::Set(b)) => a.is_same(b),
        (Value::Opaque(a), Value::Opaque(b)) => {
            std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b))
                || a.as_any().is::<super::object::Global>() && a.equals(&Value::Opaque(Arc::clone(b)))
        }
        _ => false,
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
    match check_hashable(value) {
        Ok(()) => Ok(value.clone()),
        Err(error) => type_error(error.to_string()),
    }
}

/// `len(value)`; `None` where Python has no length.
pub(crate) fn length(value: &Value) -> Option<usize> {
    Some(match value {
        Value::Bytes(bytes) => bytes.len(),
        Value::Dict(dict) => dict.len(),
        Value::Set(set) => set.len(),
        other => {
            if let Some(text) = text_of(other) {
                char_len(text)
            } else if let Some(items) = items_of(other) {
                items.len()
            } else if let Some(range) = other.downcast::<Range>() {
                range.len
            } else if let Some(view) = other.downcast::<DictView>() {
                view.dict.len()
            } else {
                return None;
            }
        }
    })
}

/// Where an index of Python points.
pub(crate) fn index_of(index: &Value, len: usize) -> Option<usize> {
    let index = index.as_i64()?;
    let at = if index < 0 {
        index.checked_add(i64::try_from(len).ok()?)?
    } else {
        index
    };
    usize::try_from(at).ok().filter(|at| *at < len)
}

/// `object[index]`; `None` where Python raises `LookupError` or `TypeError`.
pub(crate) fn item(object: &Value, index: &Value) -> Run<Option<Value>> {
    if let Some(text) = text_of(object) {
        let Some(at) = index_of(index, char_len(text)) else {
            return Ok(None);
        };
        let start = byte_of(text, at);
        let char = text[start..].chars().next().map(Value::from);
        return Ok(char.map(|char| match (is_markup(object), char) {
            (true, Value::Str(text)) => Markup::value(text),
            (_, char) => char,
        }));
    }
    if let Some(items) = items_of(object) {
        return Ok(index_of(index, items.len()).map(|at| items[at].clone()));
    }
    match object {
        Value::Dict(dict) => {
            if let Value::Str(name) = index {
                return Ok(dict.get_str(name).cloned());
            }
            match key(index) {
                Ok(key) => Ok(dict.get(&key).cloned()),
                Err(fault) if fault.kind == ErrorKind::Type => Ok(None),
                Err(fault) => Err(fault),
            }
        }
        Value::Bytes(bytes) => Ok(index_of(index, bytes.len()).map(|at| Value::from(i64::from(bytes[at])))),
        other => Ok(match other.downcast::<Range>() {
            Some(range) => index_of(index, range.len).map(|at| range.at(at)),
            None => {
                defined(other)?;
                None
            }
        }),
    }
}

/// A bound of a slice.
fn bound(value: Option<&Value>) -> Run<Option<i64>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            defined(value)?;
            match Number::of(value) {
                Some(Number::Int(number)) => Ok(Some(number)),
                Some(Number::Big(number)) => Ok(Some(if number.is_negative() { i64::MIN } else { i64::MAX })),
                _ => type_error("slice indices must be integers or None or have an __index__ method"),
            }
        }
    }
}

/// The indexes that a slice selects: start, step and how many.
fn selection(len: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> (i64, usize) {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let (lowest, highest) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |at: i64| (if at < 0 { at.saturating_add(len) } else { at }).clamp(lowest, highest);
    let start = start.map_or(if step > 0 { lowest } else { highest }, clamp);
    let stop = stop.map_or(if step > 0 { highest } else { lowest }, clamp);
    let distance = if step > 0 { stop - start } else { start - stop };
    let width = step.unsigned_abs();
    let count = u64::try_from(distance).map_or(0, |distance| distance.div_ceil(width));
    (start, usize::try_from(count).unwrap_or(usize::MAX))
}

/// `object[start:stop:step]`
pub(crate) fn slice(object: &Value, start: Option<&Value>, stop: Option<&Value>, step: Option<&Value>) -> Run<Value> {
    defined(object)?;
    let len = length(object).filter(|_| !matches!(object, Value::Dict(_) | Value::Set(_)));
    let Some(len) = len.filter(|_| object.downcast::<DictView>().is_none()) else {
        return type_error(if matches!(object, Value::Dict(_)) {
            "unhashable type: 'slice'".to_owned()
        } else {
            format!("'{}' object is not subscriptable", class_of(object))
        });
    };
    let step = bound(step)?.unwrap_or(1);
    if step == 0 {
        return value_error("slice step cannot be zero");
    }
    let step = step.max(-i64::MAX);
    let (from, count) = selection(len, bound(start)?, bound(stop)?, step);
    let indexes = (0..count).map(|at| {
        let offset = i64::try_from(at).unwrap_or(0).saturating_mul(step);
        usize::try_from(from.saturating_add(offset)).unwrap_or(0)
    });
    if let Some(text) = text_of(object) {
        let sliced: String = if step == 1 {
            let (begin, end) = (byte_of(text, usize::try_from(from).unwrap_or(0)), count);
            let rest = &text[begin..];
            rest[..byte_of(rest, end)].to_owned()
        } else {
            let chars: Vec<char> = text.chars().collect();
            indexes.map(|at| chars[at]).collect()
        };
        return Ok(if is_markup(object) { Markup::value(sliced) } else { Value::from(sliced) });
    }
    if let Some(items) = items_of(object) {
        let sliced: Vec<Value> = indexes.map(|at| items[at].clone()).collect();
        return Ok(match object {
            Value::List(_) => Value::from(sliced),
            _ => Value::Tuple(List::new(sliced)),
        });
    }
    if let Value::Bytes(bytes) = object {
        return Ok(Value::Bytes(indexes.map(|at| bytes[at]).collect()));
    }
    if let Some(range) = object.downcast::<Range>() {
        let width = range.step * i128::from(step);
        let first = range.start + range.step * i128::from(from);
        let stop = first + width * i128::try_from(count).unwrap_or(0);
        return Ok(Value::opaque(Range {
            start: first,
            stop,
            step: width,
            len: count,
        }));
    }
    type_error(format!("'{}' object is not subscriptable", class_of(object)))
}

/// A whole number where Python wants an index or a count.
pub(crate) fn integer(value: &Value) -> Run<i64> {
    defined(value)?;
    match Number::of(value) {
        Some(Number::Int(number)) => Ok(number),
        Some(Number::Big(number)) => match number.to_i64() {
            Some(number) => Ok(number),
            None => fail(ErrorKind::Overflow, "Python int too large to convert to C ssize_t"),
        },
        _ => type_error(format!("'{}' object cannot be interpreted as an integer", class_of(value))),
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
