//! `datetime(text)`: reading dates and times in the forms people and machines use, as `dateutil` reads them.
//!
//! The text is cut into tokens, which are read from left to right: numbers, names of months and days, separators,
//! zones. Numbers that may be year, month or day are collected and told apart at the end.

use std::sync::Arc;

use super::super::super::error::YaqlError;
use super::super::super::runtime::Cx;
use super::build::Fields;
use super::{DAY, SECOND};
use crate::expr::ErrorKind;
use crate::expr::value::{DateTime, Timespan, days_in_month};

mod calendar;
mod numbers;
mod reader;
mod tokens;
mod words;

use reader::{Found, Reader};

/// Reads a text; what it does not say is taken from the present day, at midnight.
pub(super) fn parse(cx: &Cx<'_>, text: &str) -> Result<DateTime, YaqlError> {
    cx.charge(text.len().saturating_mul(32))?;
    cx.spend(text.len())?;
    let today = cx.now();
    let reader = Reader::new(tokens::split(text), i64::from(today.date.year));
    let Some(found) = reader.read() else {
        return Err(failure("Unknown string format", text));
    };
    if found.is_empty() {
        return Err(failure("String does not contain a date", text));
    }
    let time = local(&found, &today, text)?;
    zoned(time, &found)
}

fn failure(message: &str, text: &str) -> YaqlError {
    YaqlError::new(ErrorKind::Value, "ParserError", format!("{message}: {text}"))
}

/// The local time.
fn local(found: &Found, today: &DateTime, text: &str) -> Result<DateTime, YaqlError> {
    let today = Fields::of(today);
    let mut fields = Fields {
        year: found.year.unwrap_or(today.year),
        month: found.month.unwrap_or(today.month),
        day: found.day.unwrap_or(today.day),
        hour: found.hour.unwrap_or(0),
        minute: found.minute.unwrap_or(0),
        second: found.second.unwrap_or(0),
        microsecond: found.microsecond.unwrap_or(0),
    };
    if found.day.is_none() {
        // Today's number may be more than the month has days.
        let Some(days) = month_length(fields.year, fields.month) else {
            let message = format!("bad month number {}; must be 1-12", fields.month);
            return Err(failure(&message, text));
        };
        fields.day = fields.day.min(days);
    }
    if [fields.year, fields.month, fields.day].contains(&i64::MAX) {
        return Err(YaqlError::overflow("Python int too large to convert to C long"));
    }
    let time = fields.build().map_err(|error| match error.kind {
        ErrorKind::Value => failure(&error.message, text),
        _ => error,
    })?;
    match found.weekday {
        Some(weekday) if found.day.unwrap_or(0) == 0 => {
            let ahead = (weekday - i64::from(time.date.weekday())).rem_euclid(7);
            let span = Timespan::from_micros(i128::from(ahead * DAY)).unwrap_or(Timespan::ZERO);
            super::moved(&time, span)
        }
        _ => Ok(time),
    }
}

/// Days of a month, none if there is no such month.
fn month_length(year: i64, month: i64) -> Option<i64> {
    let month = u8::try_from(month)
        .ok()
        .filter(|month| (1..=12).contains(month))?;
    // The calendar repeats every 400 years.
    let year = i32::try_from(2000 + year.rem_euclid(400)).ok()?;
    Some(days_in_month(year, month).into())
}

/// Adds the zone, as far as one is known.
fn zoned(time: DateTime, found: &Found) -> Result<DateTime, YaqlError> {
    match (&found.zone, found.offset) {
        (Some(zone), _) if zone == "UTC" => Ok(time.with_offset(Some(0))),
        (_, Some(0)) => Ok(time.with_offset(Some(0))),
        (zone, Some(seconds)) => {
            let span =
                Timespan::from_micros(i128::from(seconds) * i128::from(SECOND)).unwrap_or(Timespan::ZERO);
            Ok(DateTime {
                offset: Some(super::offset_micros(span)?),
                zone: zone.as_deref().map(Arc::from),
                ..time
            })
        }
        // A zone that is no more than a name is not understood.
        (_, None) => Ok(time),
    }
}

/// Whether a number can be a day of the month, as far as month and year are known.
fn is_day(day: i64, month: Option<i64>, year: Option<i64>) -> Option<bool> {
    let days = match month {
        None => 31,
        Some(month) => month_length(year.unwrap_or(2000), month)?,
    };
    Some((1..=days).contains(&day))
}
