//! The parts of dates and times.

use super::super::super::error::YaqlError;
use super::super::super::function::Library;
use super::super::super::params::Timespan;
use super::super::super::runtime::Cx;
use super::{Moment, moved};
use crate::expr::value::{DateTime, Value};

pub(super) fn register(to: &mut Library) {
    to.function("#property#year", "obj", |_: &Cx<'_>, time: Moment| {
        time.0.date.year
    });
    to.function("#property#month", "obj", |_: &Cx<'_>, time: Moment| {
        i64::from(time.0.date.month)
    });
    to.function("#property#day", "obj", |_: &Cx<'_>, time: Moment| {
        i64::from(time.0.date.day)
    });
    to.function("#property#hour", "obj", |_: &Cx<'_>, time: Moment| time.0.hour());
    to.function("#property#minute", "obj", |_: &Cx<'_>, time: Moment| {
        time.0.minute()
    });
    to.function("#property#second", "obj", |_: &Cx<'_>, time: Moment| {
        time.0.second()
    });
    to.function("#property#microsecond", "obj", |_: &Cx<'_>, time: Moment| {
        time.0.microsecond()
    });
    to.function("#property#weekday", "obj", |_: &Cx<'_>, time: Moment| {
        i64::from(time.0.date.weekday())
    });
    to.function("#property#offset", "obj", |_: &Cx<'_>, time: Moment| {
        offset(&time.0).unwrap_or(Timespan::ZERO)
    });
    to.function("#property#timestamp", "obj", timestamp);
    to.function("#property#date", "obj", |_: &Cx<'_>, time: DateTime| DateTime {
        micros: 0,
        ..time
    });
    to.function("#property#time", "obj", |_: &Cx<'_>, time: DateTime| {
        Timespan::from_micros(time.micros.into()).map_or(Value::Null, Value::from)
    });
    to.function("#property#utc", "obj", |_: &Cx<'_>, time: DateTime| utc(&time));
}

fn offset(time: &DateTime) -> Option<Timespan> {
    Timespan::from_micros(time.offset?.into())
}

/// The fields of the time in UTC; as in the original the offset stays, so that it is another point in time.
fn utc(time: &DateTime) -> Result<DateTime, YaqlError> {
    let back = Timespan::from_micros(-i128::from(time.offset.unwrap_or(0))).unwrap_or(Timespan::ZERO);
    moved(time, back)
}

/// Seconds since 1970, of what [`utc`] gives: the offset is subtracted twice, as in the original.
fn timestamp(_: &Cx<'_>, time: Moment) -> Result<f64, YaqlError> {
    if time.0.offset.is_none() {
        return Err(YaqlError::type_error(
            "unsupported operand type(s) for -: 'datetime.datetime' and 'NoneType'",
        ));
    }
    Ok(utc(&time.0)?.utc_micros() as f64 / 1e6)
}
