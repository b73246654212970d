//! `datetime(text, format)`: reading dates and times by the directives of `strptime`.

use std::sync::Arc;

use super::super::super::error::YaqlError;
use super::super::super::runtime::Cx;
use super::SECOND;
use super::build::{Fields, day_of_year};
use crate::expr::pynum;
use crate::expr::pyregex::{Captures, Error, Flags, Regex, is_space};
use crate::expr::pyvalue::str_repr;
use crate::expr::strftime::{MONTHS, WEEKDAYS};
use crate::expr::value::{Date, DateTime};

/// Reads a text by a format; without `%z` there is no offset in the answer.
pub(super) fn parse(cx: &Cx<'_>, text: &str, format: &str) -> Result<DateTime, YaqlError> {
    cx.charge(format.len().saturating_mul(64))?;
    cx.spend(format.len() * 8 + text.len())?;
    let mut pattern = String::new();
    translate(format, format, &mut pattern)?;
    let regex = Regex::new(&pattern, Flags::IGNORE_CASE).map_err(failure)?;
    let Some(found) = regex.match_(text).map_err(failure)? else {
        return Err(YaqlError::value_error(format!(
            "time data {} does not match format {}",
            str_repr(text),
            str_repr(format)
        )));
    };
    let end = found.span(0).map_or(0, |(_, end)| end);
    if end != text.len() {
        return Err(YaqlError::value_error(format!(
            "unconverted data remains: {}",
            &text[end..]
        )));
    }
    Parts::read(&found)?.build()
}

fn failure(error: Error) -> YaqlError {
    match error {
        Error::Syntax(error) => YaqlError::regex_error(error.to_string()),
        Error::Limit => YaqlError::limit(error.to_string()),
    }
}

/// Appends the pattern of a format. `whole` is the format that the messages show.
fn translate(format: &str, whole: &str, out: &mut String) -> Result<(), YaqlError> {
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if is_space(c) {
            while chars.next_if(|c| is_space(*c)).is_some() {}
            out.push_str(r"\s+");
            continue;
        }
        if c != '%' {
            if r"\.^$*+?(){}[]|".contains(c) {
                out.push('\\');
            }
            out.push(c);
            continue;
        }
        let Some(letter) = chars.next() else {
            return Err(YaqlError::value_error(format!("stray % in format '{whole}'")));
        };
        match letter {
            'c' => translate("%a %b %d %H:%M:%S %Y", whole, out)?,
            'x' => translate("%m/%d/%y", whole, out)?,
            'X' => translate("%H:%M:%S", whole, out)?,
            '%' => out.push('%'),
            'A' => names(letter, &WEEKDAYS, None, out),
            'a' => names(letter, &WEEKDAYS, Some(3), out),
            'B' => names(letter, &MONTHS, None, out),
            'b' => names(letter, &MONTHS, Some(3), out),
            'z' => out.push_str(OFFSET),
            _ => {
                let Some((_, pattern)) = DIRECTIVES.iter().find(|(known, _)| *known == letter) else {
                    // A blank or a character with a meaning in patterns is shown as the original sees it.
                    let shown = if is_space(letter) || r"\.^$*+?(){}[]|".contains(letter) {
                        '%'
                    } else {
                        letter
                    };
                    return Err(YaqlError::value_error(format!(
                        "'{shown}' is a bad directive in format '{whole}'"
                    )));
                };
                out.push_str(&format!("(?P<{letter}>{pattern})"));
            }
        }
    }
    Ok(())
}

/// What the directives that are not names match.
const DIRECTIVES: [(char, &str); 18] = [
    ('d', r"3[01]|[12]\d|0[1-9]|[1-9]| [1-9]"),
    ('f', r"[0-9]{1,6}"),
    ('G', r"\d{4}"),
    ('H', r"2[0-3]|[01]\d|\d"),
    ('I', r"1[0-2]|0[1-9]|[1-9]"),
    (
        'j',
        r"36[0-6]|3[0-5]\d|[12]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9]",
    ),
    ('m', r"1[0-2]|0[1-9]|[1-9]"),
    ('M', r"[0-5]\d|\d"),
    ('p', r"am|pm"),
    ('S', r"6[01]|[0-5]\d|\d"),
    ('U', r"5[0-3]|[0-4]\d|\d"),
    ('u', r"[1-7]"),
    ('V', r"5[0-3]|0[1-9]|[1-4]\d|\d"),
    ('W', r"5[0-3]|[0-4]\d|\d"),
    ('w', r"[0-6]"),
    ('y', r"\d\d"),
    ('Y', r"\d{4}"),
    ('Z', r"utc|gmt"),
];

/// `%z`, apart because it is long.
const OFFSET: &str = r"(?P<z>[+-]\d\d:?[0-5]\d(?::?[0-5]\d(?:\.\d{1,6})?)?|(?-i:Z))";

fn names(letter: char, names: &[&str], cut: Option<usize>, out: &mut String) {
    let mut names: Vec<&str> = names
        .iter()
        .map(|name| cut.map_or(*name, |cut| &name[..cut]))
        .collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    out.push_str(&format!("(?P<{letter}>{})", names.join("|")));
}

fn number(text: &str) -> i64 {
    match pynum::parse_int(text, 10) {
        Ok(Some(number)) => number.as_i64().unwrap_or(0),
        _ => 0,
    }
}

fn index(names: &[&str], cut: Option<usize>, text: &str) -> Option<i64> {
    names
        .iter()
        .position(|name| cut.map_or(*name, |cut| &name[..cut]).eq_ignore_ascii_case(text))
        .and_then(|at| i64::try_from(at).ok())
}

/// What a text said, by directive.
#[derive(Debug, Default)]
struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    fraction: i64,
    /// Monday is 0.
    weekday: Option<i64>,
    day_of_year: Option<i64>,
    /// Number of a week and whether it begins on Monday.
    week: Option<(i64, bool)>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    /// In microseconds, with its name.
    offset: Option<(i64, Arc<str>)>,
}

impl Parts {
    fn read(found: &Captures<'_>) -> Result<Self, YaqlError> {
        let mut parts = Self::default();
        for (name, text) in found.named() {
            let Some(text) = text else { continue };
            match name {
                "Y" => parts.year = Some(number(text)),
                "y" => {
                    let year = number(text);
                    parts.year = Some(year + if year <= 68 { 2000 } else { 1900 });
                }
                "G" => parts.iso_year = Some(number(text)),
                "m" => parts.month = Some(number(text)),
                "B" => parts.month = index(&MONTHS, None, text).map(|at| at + 1),
                "b" => parts.month = index(&MONTHS, Some(3), text).map(|at| at + 1),
                "d" => parts.day = Some(number(text)),
                "H" => parts.hour = number(text),
                "I" => {
                    let afternoon = found
                        .name("p")
                        .is_some_and(|half| half.eq_ignore_ascii_case("pm"));
                    parts.hour = number(text) % 12 + if afternoon { 12 } else { 0 };
                }
                "M" => parts.minute = number(text),
                "S" => parts.second = number(text),
                "f" => parts.fraction = number(&format!("{text:0<6}")),
                "A" => parts.weekday = index(&WEEKDAYS, None, text),
                "a" => parts.weekday = index(&WEEKDAYS, Some(3), text),
                "w" => parts.weekday = Some((number(text) + 6) % 7),
                "u" => parts.weekday = Some(number(text) - 1),
                "j" => parts.day_of_year = Some(number(text)),
                "U" => parts.week = Some((number(text), false)),
                "W" => parts.week = Some((number(text), true)),
                "V" => parts.iso_week = Some(number(text)),
                "z" => parts.offset = Some(offset(text)?),
                _ => {}
            }
        }
        Ok(parts)
    }

    fn build(self) -> Result<DateTime, YaqlError> {
        let date = self.date()?;
        let time = Fields {
            year: date.year.into(),
            month: date.month.into(),
            day: date.day.into(),
            hour: self.hour,
            minute: self.minute,
            second: self.second,
            microsecond: self.fraction,
        }
        .build()?;
        Ok(match self.offset {
            None => time,
            Some((offset, zone)) => DateTime {
                offset: Some(offset),
                zone: Some(zone),
                ..time
            },
        })
    }

    fn date(&self) -> Result<Date, YaqlError> {
        let wrong = |message: &str| Err(YaqlError::value_error(message));
        if self.year.is_none() && self.iso_year.is_some() {
            if self.iso_week.is_none() || self.weekday.is_none() {
                return wrong(
                    "ISO year directive '%G' must be used with the ISO week directive '%V' and a weekday directive ('%A', '%a', '%w', or '%u').",
                );
            }
            if self.day_of_year.is_some() {
                return wrong(
                    "Day of the year directive '%j' is not compatible with ISO year directive '%G'. Use '%Y' instead.",
                );
            }
        } else if self.week.is_none() && self.iso_week.is_some() {
            return wrong(if self.weekday.is_none() {
                "ISO week directive '%V' must be used with the ISO year directive '%G' and a weekday directive ('%A', '%a', '%w', or '%u')."
            } else {
                "ISO week directive '%V' is incompatible with the year directive '%Y'. Use the ISO year '%G' instead."
            });
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        let year = self.year.unwrap_or(1900);
        if let Some(number) = self.day_of_year {
            return day_of_year(year, number);
        }
        match (self.weekday, self.week, self.iso_year, self.iso_week) {
            (Some(weekday), Some((week, monday)), _, _) => {
                return week_day(year, week, weekday, monday);
            }
            (Some(weekday), None, Some(iso_year), Some(iso_week)) => {
                // The fourth of January is in the first week.
                let fourth = day_of_year(iso_year, 4)?;
                let first_monday = fourth.days() - i64::from(fourth.weekday());
                return Date::from_days(first_monday + (iso_week - 1) * 7 + weekday)
                    .ok_or_else(super::out_of_range);
            }
            _ => {}
        }
        // Without a year the 29th of February is looked up in a leap year, and then is no day of 1900.
        let known = u8::try_from(month).ok().zip(u8::try_from(day).ok());
        let date = i32::try_from(year)
            .ok()
            .zip(known)
            .and_then(|(year, (month, day))| Date::new(year, month, day));
        match date {
            Some(date) => Ok(date),
            None if year == 0 => wrong("year 0 is out of range"),
            None => wrong("day is out of range for month"),
        }
    }
}

/// A day by the number of its week, which begins on Monday or on Sunday.
fn week_day(year: i64, week: i64, weekday: i64, monday: bool) -> Result<Date, YaqlError> {
    let first = day_of_year(year, 1)?;
    let shift = i64::from(!monday);
    let (first_weekday, weekday) = ((i64::from(first.weekday()) + shift) % 7, (weekday + shift) % 7);
    let day = if week == 0 {
        1 + weekday - first_weekday
    } else {
        1 + (7 - first_weekday) % 7 + 7 * (week - 1) + weekday
    };
    Date::from_days(first.days() + day - 1).ok_or_else(super::out_of_range)
}

/// An offset to UTC in microseconds, and the name Python gives to it.
fn offset(text: &str) -> Result<(i64, Arc<str>), YaqlError> {
    if text == "Z" {
        return Ok((0, "UTC".into()));
    }
    let negative = text.starts_with('-');
    let rest: String = text.chars().skip(1).collect();
    let (whole, fraction) = rest.split_once('.').unwrap_or((&rest, ""));
    let chars: Vec<char> = whole.chars().collect();
    let colon = chars.get(2) == Some(&':');
    // With a colon after the hours there is one after the minutes too.
    if colon && chars.len() > 5 && chars[5] != ':' {
        return Err(YaqlError::value_error(format!("Inconsistent use of : in {text}")));
    }
    if let Some(at) = chars.iter().position(|c| *c == ':').filter(|_| !colon) {
        let seconds: String = chars[at..].iter().take(2).collect();
        return Err(YaqlError::value_error(format!(
            "invalid literal for int() with base 10: {}",
            str_repr(&seconds)
        )));
    }
    let digits: String = chars.iter().filter(|c| **c != ':').collect();
    let part = |from: usize| number(&digits.chars().skip(from).take(2).collect::<String>());
    let seconds = part(0) * 3600 + part(2) * 60 + part(4);
    let micros = seconds * SECOND + number(&format!("{fraction:0<6}"));
    if micros >= super::DAY {
        return Err(YaqlError::value_error(super::TOO_FAR));
    }
    let micros = if negative { -micros } else { micros };
    let (sign, size) = if micros < 0 { ('-', -micros) } else { ('+', micros) };
    let mut zone = String::from("UTC");
    if micros != 0 {
        let seconds = size / SECOND;
        zone = format!("UTC{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
        if seconds % 60 != 0 || size % SECOND != 0 {
            zone.push_str(&format!(":{:02}", seconds % 60));
        }
        if size % SECOND != 0 {
            zone.push_str(&format!(".{:06}", size % SECOND));
        }
    }
    Ok((micros, zone.into()))
}
