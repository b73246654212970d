//! Lengths of time: making them and their sizes.

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::ToPrimitive as _;

use super::super::super::error::YaqlError;
use super::super::super::function::Library;
use super::super::super::params::{Int, Integer, Timespan};
use super::super::super::runtime::Cx;
use super::DAY;
use crate::expr::pynum;
use crate::expr::value::Value;

pub(super) fn register(to: &mut Library) {
    to.function(
        "timespan",
        "days=0, hours=0, minutes=0, seconds=0, milliseconds=0, microseconds=0",
        build,
    );
    to.function("#property#microseconds", "obj", |_: &Cx<'_>, span: Timespan| {
        Value::from(span.micros())
    });
    for (name, micros) in [
        ("#property#milliseconds", 1e3),
        ("#property#seconds", 1e6),
        ("#property#minutes", 6e7),
        ("#property#hours", 3.6e9),
        ("#property#days", 8.64e10),
    ] {
        to.function(name, "obj", move |_: &Cx<'_>, span: Timespan| {
            span.micros() as f64 / micros
        });
    }
    to.function("utctz", "", |_: &Cx<'_>| Timespan::ZERO);
    // The service runs in UTC, whatever the machine's zone is.
    to.function("localtz", "", |_: &Cx<'_>| Timespan::ZERO);
}

fn build(
    _: &Cx<'_>,
    days: Int,
    hours: Int,
    minutes: Int,
    seconds: Integer,
    milliseconds: Integer,
    microseconds: Integer,
) -> Result<Timespan, YaqlError> {
    let parts = [
        (days, DAY),
        (hours, 3_600_000_000),
        (minutes, 60_000_000),
        (seconds.0, 1_000_000),
        (milliseconds.0, 1_000),
        (microseconds.0, 1),
    ];
    // Zero where even 64 bits are no bound: the sum is too long anyway.
    let sum = parts
        .iter()
        .map(|(number, micros)| number.to_big() * micros)
        .sum::<BigInt>();
    from_micros(&sum)
}

/// A span of a number of microseconds, or Python's complaint that it is too long.
pub(super) fn from_micros(micros: &BigInt) -> Result<Timespan, YaqlError> {
    if let Some(span) = micros.to_i128().and_then(Timespan::from_micros) {
        return Ok(span);
    }
    let days = micros.div_floor(&BigInt::from(DAY));
    Err(YaqlError::overflow(match days.to_i32() {
        Some(days) => format!("days={days}; must have magnitude <= 999999999"),
        None => "Python int too large to convert to C int".to_owned(),
    }))
}

/// A span of a number of microseconds, rounded half to even.
pub(super) fn from_float_micros(micros: f64) -> Result<Timespan, YaqlError> {
    let rounded = pynum::float_to_int(micros.round_ties_even())?;
    match pynum::Number::of(&rounded).and_then(|number| number.to_big()) {
        Some(micros) => from_micros(&micros),
        None => Ok(Timespan::ZERO),
    }
}
