//! Dates, times and spans.

use std::sync::Arc;

use super::super::error::YaqlError;
use super::super::function::Library;
use super::super::params::{Arg, Argument, Kind, Timespan};
use super::super::runtime::Cx;
use crate::expr::strftime::strftime;
use crate::expr::value::{DateTime, Value};

mod build;
mod operators;
mod parse;
mod properties;
mod span;
mod strptime;

pub(super) fn register(to: &mut Library) {
    build::register(to);
    to.method("format", "dt, format", format);
    operators::register(to);
    properties::register(to);
    span::register(to);
    to.function("isDatetime", "value", |_: &Cx<'_>, value: Value| {
        matches!(value, Value::DateTime(_))
    });
    to.function("isTimespan", "value", |_: &Cx<'_>, value: Value| {
        matches!(value, Value::Timespan(_))
    });
}

fn format(cx: &Cx<'_>, time: DateTime, format: Arc<str>) -> Result<String, YaqlError> {
    if format.contains('\0') {
        return Err(YaqlError::value_error("embedded null character"));
    }
    cx.spend(format.len())?;
    strftime(&time, &format, |bytes| {
        cx.spend(bytes / 64)?;
        cx.charge(bytes)
    })
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A date and time as it is, without an offset if it has none.
struct Moment(Arc<DateTime>);

impl Argument for Moment {
    const KIND: Kind = Kind::DateTime;

    fn from_arg(arg: Arg, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        match Value::from_arg(arg, cx)? {
            Value::DateTime(time) => Ok(Self(time)),
            _ => Err(YaqlError::type_error("a value that is no datetime was passed")),
        }
    }
}

/// The offset of a zone in microseconds; a day or more is none.
fn offset_micros(offset: Timespan) -> Result<i64, YaqlError> {
    i64::try_from(offset.micros())
        .ok()
        .filter(|micros| micros.abs() < DAY)
        .ok_or_else(|| YaqlError::value_error(TOO_FAR))
}

/// Python's complaint about an offset of a day or more.
const TOO_FAR: &str =
    "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24).";

fn out_of_range() -> YaqlError {
    YaqlError::overflow("date value out of range")
}

/// A date and time moved by a span.
fn moved(time: &DateTime, span: Timespan) -> Result<DateTime, YaqlError> {
    time.plus(span).ok_or_else(out_of_range)
}
