//! Dates, times and lengths of time with the ranges and rules of Python's `datetime`.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

const MICROS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;
const DAY_MICROS: i128 = 86_400 * 1_000_000;

/// Days of the longest [`Timespan`], either way.
pub const TIMESPAN_LIMIT_DAYS: i64 = 999_999_999;

/// Days of a month of the proleptic Gregorian calendar.
pub fn days_in_month(year: i32, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01.
pub fn days_from_civil(year: i32, month: u8, day: u8) -> i64 {
    // Years begin in March here, so that the leap day is the last of a year.
    let (year, month) = (i64::from(year) - i64::from(month <= 2), i64::from(month));
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a number of days since 1970-01-01; `None` outside the years 1 to 9999.
fn civil_from_days(days: i64) -> Option<(i32, u8, u8)> {
    let shifted = days.checked_add(719_468)?;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = u8::try_from(day_of_year - (153 * shifted_month + 2) / 5 + 1).ok()?;
    let month = u8::try_from(if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    })
    .ok()?;
    let year = i32::try_from(year_of_era + era * 400 + i64::from(month <= 2)).ok()?;
    (1..=9999).contains(&year).then_some((year, month, day))
}

/// A date of the years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// 1 to 9999.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// The date, if it exists.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        ((1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day))
        .then_some(Self { year, month, day })
    }

    /// Days since 1970-01-01.
    pub fn days(self) -> i64 {
        days_from_civil(self.year, self.month, self.day)
    }

    /// The date of a number of days since 1970-01-01; `None` outside the years 1 to 9999.
    pub fn from_days(days: i64) -> Option<Self> {
        civil_from_days(days).map(|(year, month, day)| Self { year, month, day })
    }

    /// Monday is 0.
    pub fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday.
        u8::try_from((self.days() + 3).rem_euclid(7)).unwrap_or(0)
    }
}

impl fmt::Display for Date {
    /// `2020-01-31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A date and time of day, with or without an offset to UTC.
#[derive(Debug, Clone)]
pub struct DateTime {
    /// The local date.
    pub date: Date,
    /// Microseconds since local midnight, below a day.
    pub micros: i64,
    /// Local time minus UTC in microseconds, less than a day either way; `None` where no zone is known ("naive").
    pub offset: Option<i64>,
    /// The zone's name where it has one: `UTC` for UTC itself.
    pub zone: Option<Arc<str>>,
}

impl DateTime {
    /// A time in UTC.
    pub fn utc(date: Date, micros: i64) -> Self {
        Self {
            date,
            micros,
            offset: Some(0),
            zone: Some("UTC".into()),
        }
    }

    /// The same fields at an offset of `offset` microseconds; zero is UTC.
    #[must_use]
    pub fn with_offset(mut self, offset: Option<i64>) -> Self {
        self.zone = (offset == Some(0)).then(|| "UTC".into());
        self.offset = offset;
        self
    }

    /// The local fields from microseconds since 1970-01-01 00:00 local time; `None` outside the years 1 to 9999.
    pub fn from_local_micros(local: i128, offset: Option<i64>, zone: Option<Arc<str>>) -> Option<Self> {
        let days = i64::try_from(local.div_euclid(DAY_MICROS)).ok()?;
        Some(Self {
            date: Date::from_days(days)?,
            micros: i64::try_from(local.rem_euclid(DAY_MICROS)).ok()?,
            offset,
            zone,
        })
    }

    /// Microseconds since 1970-01-01 00:00, local time.
    pub fn local_micros(&self) -> i128 {
        i128::from(self.date.days()) * DAY_MICROS + i128::from(self.micros)
    }

    /// Microseconds since 1970-01-01 00:00 UTC; local time where no zone is known.
    pub fn utc_micros(&self) -> i128 {
        self.local_micros() - i128::from(self.offset.unwrap_or(0))
    }

    /// Hour of the local time.
    pub fn hour(&self) -> i64 {
        self.micros / (3600 * MICROS)
    }

    /// Minute of the local time.
    pub fn minute(&self) -> i64 {
        self.micros / (60 * MICROS) % 60
    }

    /// Second of the local time.
    pub fn second(&self) -> i64 {
        self.micros / MICROS % 60
    }

    /// Microsecond of the local time.
    pub fn microsecond(&self) -> i64 {
        self.micros % MICROS
    }

    /// The local time moved by a span; `None` outside the years 1 to 9999.
    pub fn plus(&self, span: Timespan) -> Option<Self> {
        Self::from_local_micros(
            self.local_micros() + span.micros(),
            self.offset,
            self.zone.clone(),
        )
    }

    /// The time between two; `None` where only one has an offset.
    pub fn since(&self, earlier: &Self) -> Option<Timespan> {
        if self.offset.is_some() != earlier.offset.is_some() {
            return None;
        }
        Timespan::from_micros(self.utc_micros() - earlier.utc_micros())
    }

    /// Order in time; `None` where only one has an offset.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        (self.offset.is_some() == other.offset.is_some()).then(|| self.utc_micros().cmp(&other.utc_micros()))
    }

    /// `2020-01-31T10:20:30.000040+02:00`, with any text between date and time.
    pub fn iso(&self, between: &str) -> String {
        let mut out = format!(
            "{}{between}{:02}:{:02}:{:02}",
            self.date,
            self.hour(),
            self.minute(),
            self.second()
        );
        use std::fmt::Write as _;
        if self.microsecond() != 0 {
            let _ = write!(out, ".{:06}", self.microsecond());
        }
        if let Some(offset) = self.offset {
            let (sign, size) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
            let _ = write!(
                out,
                "{sign}{:02}:{:02}",
                size / (3600 * MICROS),
                size / (60 * MICROS) % 60
            );
            let (seconds, micros) = (size / MICROS % 60, size % MICROS);
            if seconds != 0 || micros != 0 {
                let _ = write!(out, ":{seconds:02}");
            }
            if micros != 0 {
                let _ = write!(out, ".{micros:06}");
            }
        }
        out
    }
}

impl PartialEq for DateTime {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }
}

impl Eq for DateTime {}

impl Hash for DateTime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_i128(self.utc_micros());
    }
}

/// A length of time: whole days and the rest in microseconds, the rest never negative, as Python keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timespan {
    days: i32,
    rest: i64,
}

impl Timespan {
    /// No time.
    pub const ZERO: Self = Self { days: 0, rest: 0 };

    /// From microseconds; `None` beyond [`TIMESPAN_LIMIT_DAYS`].
    pub fn from_micros(micros: i128) -> Option<Self> {
        let days = i64::try_from(micros.div_euclid(DAY_MICROS)).ok()?;
        if days.abs() > TIMESPAN_LIMIT_DAYS {
            return None;
        }
        Some(Self {
            days: i32::try_from(days).ok()?,
            rest: i64::try_from(micros.rem_euclid(DAY_MICROS)).ok()?,
        })
    }

    /// All of it in microseconds.
    pub fn micros(self) -> i128 {
        i128::from(self.days) * DAY_MICROS + i128::from(self.rest)
    }

    /// Whole days, rounded down.
    pub fn days(self) -> i64 {
        i64::from(self.days)
    }

    /// Seconds of the rest, below a day.
    pub fn seconds(self) -> i64 {
        self.rest / MICROS
    }

    /// Microseconds of the rest, below a second.
    pub fn microseconds(self) -> i64 {
        self.rest % MICROS
    }

    /// `datetime.timedelta(days=1, seconds=2)`.
    pub fn repr(self) -> String {
        let parts: Vec<String> = [
            ("days", self.days()),
            ("seconds", self.seconds()),
            ("microseconds", self.microseconds()),
        ]
        .into_iter()
        .filter(|(_, amount)| *amount != 0)
        .map(|(name, amount)| format!("{name}={amount}"))
        .collect();
        if parts.is_empty() {
            return "datetime.timedelta(0)".to_owned();
        }
        format!("datetime.timedelta({})", parts.join(", "))
    }
}

impl fmt::Display for Timespan {
    /// `1 day, 0:00:01.500000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != 0 {
            let plural = if self.days.abs() == 1 { "" } else { "s" };
            write!(f, "{} day{plural}, ", self.days)?;
        }
        let seconds = self.seconds() % DAY_SECONDS;
        write!(
            f,
            "{}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )?;
        if self.microseconds() != 0 {
            write!(f, ".{:06}", self.microseconds())?;
        }
        Ok(())
    }
}
