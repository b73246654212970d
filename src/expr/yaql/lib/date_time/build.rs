//! Making dates and times: from fields, timestamps and texts.

use std::sync::Arc;

use super::super::super::error::YaqlError;
use super::super::super::function::Library;
use super::super::super::params::{Int, Maybe, Number, Timespan};
use super::super::super::runtime::Cx;
use super::{DAY, SECOND, offset_micros, out_of_range, parse, strptime};
use crate::expr::pynum;
use crate::expr::value::{Date, DateTime, Value, days_in_month};

pub(super) fn register(to: &mut Library) {
    to.function(
        "datetime",
        "year, month, day, hour=0, minute=0, second=0, microsecond=0, offset?",
        from_fields,
    );
    to.function("datetime", "timestamp, offset?", from_timestamp);
    to.function("datetime", "string, format=null", from_text);
    to.function("now", "offset?", now);
    to.method(
        "replace",
        "dt, year=null, month=null, day=null, hour=null, minute=null, second=null, microsecond=null, offset=null",
        replace,
    );
}

/// Date and time of day by number, before it is known whether there is such a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) microsecond: i64,
}

impl Fields {
    pub(super) fn of(time: &DateTime) -> Self {
        Self {
            year: time.date.year.into(),
            month: time.date.month.into(),
            day: time.date.day.into(),
            hour: time.hour(),
            minute: time.minute(),
            second: time.second(),
            microsecond: time.microsecond(),
        }
    }

    /// The local time, or Python's complaint about the first field that is wrong.
    pub(super) fn build(self) -> Result<DateTime, YaqlError> {
        let wrong = |message: String| Err(YaqlError::value_error(message));
        let all = [
            self.year,
            self.month,
            self.day,
            self.hour,
            self.minute,
            self.second,
            self.microsecond,
        ];
        if all.iter().any(|field| *field > i32::MAX.into()) {
            return Err(YaqlError::overflow("signed integer is greater than maximum"));
        }
        if all.iter().any(|field| *field < i32::MIN.into()) {
            return Err(YaqlError::overflow("signed integer is less than minimum"));
        }
        let (Some(year), Some(month)) = (
            i32::try_from(self.year)
                .ok()
                .filter(|year| (1..=9999).contains(year)),
            u8::try_from(self.month).ok(),
        ) else {
            return if (1..=9999).contains(&self.year) {
                wrong("month must be in 1..12".into())
            } else {
                wrong(format!("year {} is out of range", self.year))
            };
        };
        if !(1..=12).contains(&month) {
            return wrong("month must be in 1..12".into());
        }
        let day = u8::try_from(self.day)
            .ok()
            .filter(|day| (1..=days_in_month(year, month)).contains(day));
        let Some(date) = day.and_then(|day| Date::new(year, month, day)) else {
            return wrong("day is out of range for month".into());
        };
        let bounds = [
            ("hour", self.hour, 23),
            ("minute", self.minute, 59),
            ("second", self.second, 59),
            ("microsecond", self.microsecond, 999_999),
        ];
        for (name, field, most) in bounds {
            if !(0..=most).contains(&field) {
                return wrong(format!("{name} must be in 0..{most}"));
            }
        }
        let seconds = (self.hour * 60 + self.minute) * 60 + self.second;
        Ok(DateTime {
            date,
            micros: seconds * SECOND + self.microsecond,
            offset: None,
            zone: None,
        })
    }
}

/// An integer as C code takes it.
fn field(number: &Int) -> Result<i64, YaqlError> {
    number
        .to_i64()
        .ok_or_else(|| YaqlError::overflow("Python int too large to convert to C long"))
}

#[expect(clippy::too_many_arguments, reason = "the parameters of the original")]
fn from_fields(
    _: &Cx<'_>,
    year: Int,
    month: Int,
    day: Int,
    hour: Int,
    minute: Int,
    second: Int,
    microsecond: Int,
    offset: Maybe<Timespan>,
) -> Result<DateTime, YaqlError> {
    let fields = Fields {
        year: field(&year)?,
        month: field(&month)?,
        day: field(&day)?,
        hour: field(&hour)?,
        minute: field(&minute)?,
        second: field(&second)?,
        microsecond: field(&microsecond)?,
    };
    let offset = offset_micros(offset.0.unwrap_or(Timespan::ZERO))?;
    Ok(fields.build()?.with_offset(Some(offset)))
}

/// The time a number of seconds after 1970-01-01 UTC.
fn from_timestamp(_: &Cx<'_>, timestamp: Number, offset: Maybe<Timespan>) -> Result<DateTime, YaqlError> {
    let offset = offset_micros(offset.0.unwrap_or(Timespan::ZERO))?;
    let too_far = || YaqlError::overflow("timestamp out of range for platform time_t");
    let (seconds, micros) = match timestamp.0 {
        Value::Float(number) if number.is_nan() => {
            return Err(YaqlError::value_error("Invalid value NaN (not a number)"));
        }
        Value::Float(number) => {
            let micros = (number.fract() * 1e6).round_ties_even() as i64;
            match pynum::float_to_int(number.trunc()) {
                Ok(Value::Int(seconds)) => (seconds, micros),
                _ => return Err(too_far()),
            }
        }
        number => (number.as_i64().ok_or_else(too_far)?, 0),
    };
    let local = i128::from(seconds) * i128::from(SECOND) + i128::from(micros);
    let Some(time) = DateTime::from_local_micros(local, None, None) else {
        return Err(YaqlError::value_error(format!(
            "year {} is out of range",
            year_of(local.div_euclid(DAY.into()))
        )));
    };
    let span = Timespan::from_micros(offset.into()).unwrap_or(Timespan::ZERO);
    Ok(super::moved(&time, span)?.with_offset(Some(offset)))
}

/// The year of a day since 1970-01-01, however far away.
fn year_of(days: i128) -> i128 {
    const DAYS_OF_400_YEARS: i128 = 146_097;
    let (mut year, mut rest) = (
        1970 + days.div_euclid(DAYS_OF_400_YEARS) * 400,
        days.rem_euclid(DAYS_OF_400_YEARS),
    );
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = if leap { 366 } else { 365 };
        if rest < length {
            return year;
        }
        rest -= length;
        year += 1;
    }
}

/// The time that a text says, in a format or in any of the usual forms.
fn from_text(cx: &Cx<'_>, string: Arc<str>, format: Option<Arc<str>>) -> Result<DateTime, YaqlError> {
    let time = match format.filter(|format| !format.is_empty()) {
        Some(format) => strptime::parse(cx, &string, &format)?,
        None => parse::parse(cx, &string)?,
    };
    Ok(match time.offset {
        None => time.with_offset(Some(0)),
        Some(_) => time,
    })
}

/// The present time at an offset; of null the time in UTC without one.
fn now(cx: &Cx<'_>, offset: Maybe<Option<Timespan>>) -> Result<DateTime, YaqlError> {
    let now = cx.now();
    Ok(match offset.0 {
        None => now,
        Some(None) => now.with_offset(None),
        Some(Some(offset)) => super::moved(&now, offset)?.with_offset(Some(offset_micros(offset)?)),
    })
}

#[expect(clippy::too_many_arguments, reason = "the parameters of the original")]
fn replace(
    _: &Cx<'_>,
    time: DateTime,
    year: Option<Int>,
    month: Option<Int>,
    day: Option<Int>,
    hour: Option<Int>,
    minute: Option<Int>,
    second: Option<Int>,
    microsecond: Option<Int>,
    offset: Option<Timespan>,
) -> Result<DateTime, YaqlError> {
    let mut fields = Fields::of(&time);
    for (slot, value) in [
        (&mut fields.year, year),
        (&mut fields.month, month),
        (&mut fields.day, day),
        (&mut fields.hour, hour),
        (&mut fields.minute, minute),
        (&mut fields.second, second),
        (&mut fields.microsecond, microsecond),
    ] {
        if let Some(value) = value {
            *slot = field(&value)?;
        }
    }
    let built = fields.build()?;
    Ok(match offset {
        Some(offset) => built.with_offset(Some(offset_micros(offset)?)),
        None => DateTime {
            offset: time.offset,
            zone: time.zone,
            ..built
        },
    })
}

/// A date some days after the first of January of a year; `day` counts from 1.
pub(super) fn day_of_year(year: i64, day: i64) -> Result<Date, YaqlError> {
    let first = Fields {
        year,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        microsecond: 0,
    };
    Date::from_days(first.build()?.date.days() + day - 1).ok_or_else(out_of_range)
}
