//! Equality, hashing and order as Python has them.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use num_bigint::BigInt;
use num_traits::FromPrimitive;

use super::collections::unordered_hash;
use super::{List, Value};

/// The first float beyond the integers of 64 bits.
const TWO_TO_63: f64 = (1_u64 << 63) as f64;

/// How lists and tuples compare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sequences {
    /// A list of data is a tuple (YAQL).
    Frozen,
    /// A list never equals a tuple (Python, Jinja).
    Apart,
}

/// Equality as keys and YAQL have it: a list of data equals the tuple of the same items. NaN equals itself here, as
/// the same object does in Python's collections.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        compare(self, other, Sequences::Frozen)
    }
}

impl Eq for Value {}

/// Python's `==`: a list never equals a tuple, NaN nothing.
pub fn equal(a: &Value, b: &Value) -> bool {
    if let (Value::Float(a), Value::Float(b)) = (a, b) {
        return a == b;
    }
    compare(a, b, Sequences::Apart)
}

fn compare(a: &Value, b: &Value, mode: Sequences) -> bool {
    use Value::{
        BigInt, Bool, Bytes, Date, DateTime, Dict, Float, Int, List, Null, Opaque, Set, Str, Timespan, Tuple,
    };
    match (a, b) {
        (Null, Null) => true,
        (Str(a), Str(b)) => a == b,
        (Int(a), Int(b)) => a == b,
        (Bool(a), Bool(b)) => a == b,
        (Bool(a), Int(b)) | (Int(b), Bool(a)) => i64::from(*a) == *b,
        (Float(a), Float(b)) => a == b || (a.is_nan() && b.is_nan()),
        (Float(float), Int(int)) | (Int(int), Float(float)) => int_of(*float) == Some(*int),
        (Float(float), Bool(flag)) | (Bool(flag), Float(float)) => *float == f64::from(*flag),
        (BigInt(a), BigInt(b)) => a == b,
        (Float(float), BigInt(int)) | (BigInt(int), Float(float)) => {
            float.fract() == 0.0 && num_bigint::BigInt::from_f64(*float).as_ref() == Some(&**int)
        }
        (Bytes(a), Bytes(b)) => a == b,
        (Tuple(a), Tuple(b)) => same_items(a, b, mode),
        (List(a), List(b)) => {
            (mode == Sequences::Apart || a.is_mutable() == b.is_mutable()) && same_items(a, b, mode)
        }
        (List(list), Tuple(tuple)) | (Tuple(tuple), List(list)) => {
            mode == Sequences::Frozen && !list.is_mutable() && same_items(list, tuple, mode)
        }
        (Dict(a), Dict(b)) => {
            a.is_same(b)
                || (a.len() == b.len()
                    && a.iter()
                        .all(|(key, value)| b.get(key).is_some_and(|other| compare(value, other, mode))))
        }
        (Set(a), Set(b)) => a.is_same(b) || (a.len() == b.len() && a.iter().all(|item| b.contains(item))),
        (DateTime(a), DateTime(b)) => a == b,
        (Date(a), Date(b)) => a == b,
        (Timespan(a), Timespan(b)) => a == b,
        (Opaque(a), Opaque(b)) if std::sync::Arc::ptr_eq(a, b) => true,
        (Opaque(object), other) | (other, Opaque(object)) => object.equals(other),
        _ => false,
    }
}

fn same_items(a: &List, b: &List, mode: Sequences) -> bool {
    a.is_same(b) || (a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| compare(a, b, mode)))
}

/// The integer that a float equals, if it fits 64 bits.
fn int_of(float: f64) -> Option<i64> {
    // 2^63 is the first float beyond; every float below it converts exactly when it has no fraction.
    (float.fract() == 0.0 && (-TWO_TO_63..TWO_TO_63).contains(&float)).then_some(float as i64)
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Null => state.write_u8(0),
            Self::Str(text) => hash_text(text, state),
            Self::Int(number) => hash_int(*number, state),
            Self::Bool(flag) => hash_int(i64::from(*flag), state),
            Self::Float(number) => match int_of(*number) {
                Some(int) => hash_int(int, state),
                None if number.is_nan() => state.write_u8(3),
                None => match BigInt::from_f64(*number).filter(|_| number.fract() == 0.0) {
                    Some(big) => big.hash(state),
                    None => state.write_u64(number.to_bits()),
                },
            },
            Self::BigInt(number) => number.hash(state),
            Self::Bytes(bytes) => bytes.hash(state),
            Self::List(items) | Self::Tuple(items) => {
                state.write_u8(4);
                state.write_usize(items.len());
                items.iter().for_each(|item| item.hash(state));
            }
            Self::Dict(dict) => state.write_u64(unordered_hash(dict.iter())),
            Self::Set(items) => state.write_u64(unordered_hash(items.iter())),
            Self::DateTime(time) => time.hash(state),
            Self::Date(date) => date.hash(state),
            Self::Timespan(span) => span.hash(state),
            Self::Opaque(object) => state.write_u64(object.hash_code()),
        }
    }
}

fn hash_int(number: i64, state: &mut impl Hasher) {
    state.write_u8(1);
    state.write_i64(number);
}

pub(super) fn hash_text(text: &str, state: &mut impl Hasher) {
    state.write(text.as_bytes());
    state.write_u8(0xff);
}

/// A value that cannot be a key. `Display` is Python's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unhashable type: '{0}'")]
pub struct Unhashable(
    /// The Python class that has no hash.
    pub String,
);

/// Whether Python (Jinja) takes a value as a key: no list, dictionary or set, at any depth of a tuple.
pub fn check_hashable(value: &Value) -> Result<(), Unhashable> {
    match value {
        Value::List(_) | Value::Dict(_) | Value::Set(_) => Err(Unhashable(value.type_name().to_owned())),
        Value::Tuple(items) => items.iter().try_for_each(check_hashable),
        Value::Opaque(object) if !object.is_hashable() => Err(Unhashable(object.class().to_owned())),
        _ => Ok(()),
    }
}

/// Whether YAQL takes a value as a key: lists and dictionaries of data are frozen there, fresh ones are not.
pub fn check_hashable_frozen(value: &Value) -> Result<(), Unhashable> {
    match value {
        Value::List(items) if items.is_mutable() => Err(Unhashable("list".into())),
        Value::Dict(dict) if dict.is_mutable() => Err(Unhashable("dict".into())),
        Value::List(items) | Value::Tuple(items) if !items.is_plain() => {
            items.iter().try_for_each(check_hashable_frozen)
        }
        Value::Dict(dict) if !dict.is_plain() => dict.values().try_for_each(check_hashable_frozen),
        Value::Opaque(object) if !object.is_hashable() => Err(Unhashable(object.class().to_owned())),
        _ => Ok(()),
    }
}

/// Python's order of two values of comparable types: numbers (Booleans too), texts, bytes, lists, tuples, dates, times,
/// lengths of time. `None` where Python raises `TypeError` or where NaN is neither.
pub fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Str(a), Value::Str(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
            for (a, b) in a.iter().zip(b.iter()) {
                if !equal(a, b) {
                    return order(a, b);
                }
            }
            Some(a.len().cmp(&b.len()))
        }
        (Value::DateTime(a), Value::DateTime(b)) => a.compare(b),
        (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
        (Value::Timespan(a), Value::Timespan(b)) => Some(a.cmp(b)),
        _ => order_numbers(a, b),
    }
}

fn order_numbers(a: &Value, b: &Value) -> Option<Ordering> {
    use Value::{BigInt, Float};
    match (a, b) {
        (Float(a), Float(b)) => a.partial_cmp(b),
        (BigInt(a), BigInt(b)) => Some(a.cmp(b)),
        (BigInt(big), Float(float)) => order_big(big, *float),
        (Float(float), BigInt(big)) => order_big(big, *float).map(Ordering::reverse),
        // A big integer is beyond every small one on its side.
        (BigInt(big), other) => other.as_i64().map(|_| big.sign().cmp(&num_bigint::Sign::NoSign)),
        (other, BigInt(big)) => other.as_i64().map(|_| num_bigint::Sign::NoSign.cmp(&big.sign())),
        (Float(float), other) => order_int(other.as_i64()?, *float).map(Ordering::reverse),
        (other, Float(float)) => order_int(other.as_i64()?, *float),
        (a, b) => Some(a.as_i64()?.cmp(&b.as_i64()?)),
    }
}

fn order_int(int: i64, float: f64) -> Option<Ordering> {
    if int.unsigned_abs() < 1 << 53 {
        return (int as f64).partial_cmp(&float);
    }
    order_big(&int.into(), float)
}

fn order_big(big: &BigInt, float: f64) -> Option<Ordering> {
    match BigInt::from_f64(float.trunc()) {
        None if float.is_nan() => None,
        None if float > 0.0 => Some(Ordering::Less),
        None => Some(Ordering::Greater),
        Some(whole) => Some(
            big.cmp(&whole)
                .then_with(|| 0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)),
        ),
    }
}
