//! Dates and times as texts, by the directives of `strftime` in the language C, in UTC, as glibc has them.

use std::fmt::Write as _;

use super::value::{Date, DateTime, days_from_civil};

/// Microseconds.
const SECOND: i64 = 1_000_000;

/// The names of the days, Monday first.
pub(crate) const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
/// The names of the months.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// How one directive is printed.
#[derive(Debug, Clone, Copy, Default)]
struct Style {
    /// `-`, `_` or `0`.
    pad: Option<char>,
    width: usize,
    upper: bool,
    swap: bool,
}

/// `time.strftime(format)`. `charge` is told of bytes before they are made and may refuse them.
pub(crate) fn strftime<E>(
    time: &DateTime,
    format: &str,
    mut charge: impl FnMut(usize) -> Result<(), E>,
) -> Result<String, E> {
    // No directive makes more than 24 characters by itself.
    charge(format.len().saturating_mul(12))?;
    let mut writer = Writer {
        charge,
        time,
        out: String::new(),
    };
    writer.write(format)?;
    Ok(writer.out)
}

struct Writer<'a, C> {
    charge: C,
    time: &'a DateTime,
    out: String,
}

impl<C, E> Writer<'_, C>
where
    C: FnMut(usize) -> Result<(), E>,
{
    fn write(&mut self, format: &str) -> Result<(), E> {
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            self.out.push_str(&rest[..at]);
            let directive = &rest[at + 1..];
            let mut style = Style::default();
            let mut chars = directive.char_indices().peekable();
            while let Some((_, flag)) = chars.next_if(|(_, c)| matches!(c, '-' | '_' | '0' | '^' | '#')) {
                match flag {
                    '^' => style.upper = true,
                    '#' => style.swap = true,
                    pad => style.pad = Some(pad),
                }
            }
            while let Some((_, digit)) = chars.next_if(|(_, c)| c.is_ascii_digit()) {
                let digit = digit.to_digit(10).unwrap_or(0) as usize;
                style.width = style.width.saturating_mul(10).saturating_add(digit);
            }
            chars.next_if(|(_, c)| matches!(c, 'E' | 'O'));
            let (end, known) = match chars.next() {
                Some((at, c)) => (at + c.len_utf8(), self.directive(c, style)?),
                None => (directive.len(), false),
            };
            if !known {
                self.out.push_str(&rest[at..=at + end]);
            }
            rest = &directive[end..];
        }
        self.out.push_str(rest);
        Ok(())
    }

    /// Writes one directive; false if there is none of this letter.
    fn directive(&mut self, letter: char, style: Style) -> Result<bool, E> {
        let time = self.time;
        let date = time.date;
        let (year, month, day) = (i64::from(date.year), i64::from(date.month), i64::from(date.day));
        let weekday = i64::from(date.weekday());
        let day_of_year = date.days() - january(date) + 1;
        let hour12 = (time.hour() + 11) % 12 + 1;
        match letter {
            'a' => self.name(&WEEKDAYS[usize::from(date.weekday())][..3], style),
            'A' => self.name(WEEKDAYS[usize::from(date.weekday())], style),
            'b' | 'h' => self.name(&MONTHS[usize::from(date.month - 1)][..3], style),
            'B' => self.name(MONTHS[usize::from(date.month - 1)], style),
            'p' | 'P' => {
                let name = if time.hour() < 12 { "AM" } else { "PM" };
                if letter == 'P' || style.swap {
                    self.text(&name.to_lowercase(), style)
                } else {
                    self.text(name, style)
                }
            }
            'Y' => self.number(year, 1, '0', style),
            'C' => self.number(year / 100, 1, '0', style),
            'y' => self.number(year % 100, 2, '0', style),
            'G' => self.number(iso_week(date).0, 1, '0', style),
            'g' => self.number(iso_week(date).0 % 100, 2, '0', style),
            'V' => self.number(iso_week(date).1, 2, '0', style),
            'U' => self.number((day_of_year + 6 - (weekday + 1) % 7) / 7, 2, '0', style),
            'W' => self.number((day_of_year + 6 - weekday) / 7, 2, '0', style),
            'm' => self.number(month, 2, '0', style),
            'd' => self.number(day, 2, '0', style),
            'e' => self.number(day, 2, '_', style),
            'j' => self.number(day_of_year, 3, '0', style),
            'u' => self.number(weekday + 1, 1, '0', style),
            'w' => self.number((weekday + 1) % 7, 1, '0', style),
            'H' => self.number(time.hour(), 2, '0', style),
            'k' => self.number(time.hour(), 2, '_', style),
            'I' => self.number(hour12, 2, '0', style),
            'l' => self.number(hour12, 2, '_', style),
            'M' => self.number(time.minute(), 2, '0', style),
            'S' => self.number(time.second(), 2, '0', style),
            's' => {
                let seconds = time.local_micros().div_euclid(SECOND.into());
                self.number(i64::try_from(seconds).unwrap_or(0), 1, '0', style)
            }
            'f' if style.is_plain() => self.number(time.microsecond(), 6, '0', style),
            // With flags these two are left to the machine, which is in UTC.
            'z' if !style.is_plain() => self.text("+0000", style),
            'Z' if style.swap => self.text("utc", style),
            'Z' if !style.is_plain() => self.text("UTC", style),
            'z' => {
                let offset = offset(time);
                self.text(&offset, style)
            }
            'Z' => {
                let zone = time.zone.clone().unwrap_or_default();
                self.text(&zone, style)
            }
            'n' => self.text("\n", style),
            't' => self.text("\t", style),
            '%' => self.text("%", style),
            'c' => self.composite("%a %b %e %H:%M:%S %Y", style),
            'D' | 'x' => self.composite("%m/%d/%y", style),
            'F' => self.composite("%Y-%m-%d", style),
            'r' => self.composite("%I:%M:%S %p", style),
            'R' => self.composite("%H:%M", style),
            'T' | 'X' => self.composite("%H:%M:%S", style),
            _ => return Ok(false),
        }?;
        Ok(true)
    }

    fn name(&mut self, name: &str, style: Style) -> Result<(), E> {
        let upper = style.upper || style.swap;
        self.text(name, Style { upper, ..style })
    }

    fn text(&mut self, text: &str, style: Style) -> Result<(), E> {
        let missing = style.width.saturating_sub(text.len());
        self.pad(missing, if style.pad == Some('0') { '0' } else { ' ' })?;
        if style.upper {
            self.out.push_str(&text.to_uppercase());
        } else {
            self.out.push_str(text);
        }
        Ok(())
    }

    fn number(&mut self, number: i64, digits: usize, pad: char, style: Style) -> Result<(), E> {
        let text = number.unsigned_abs().to_string();
        let pad = style.pad.unwrap_or(pad);
        let width = if pad == '-' {
            style.width
        } else {
            digits.max(style.width)
        };
        let missing = width.saturating_sub(text.len() + usize::from(number < 0));
        if pad != '0' {
            self.pad(missing, ' ')?;
        }
        if number < 0 {
            self.out.push('-');
        }
        if pad == '0' {
            self.pad(missing, '0')?;
        }
        self.out.push_str(&text);
        Ok(())
    }

    fn pad(&mut self, count: usize, with: char) -> Result<(), E> {
        (self.charge)(count)?;
        self.out.extend(std::iter::repeat_n(with, count));
        Ok(())
    }

    fn composite(&mut self, format: &str, style: Style) -> Result<(), E> {
        let before = std::mem::take(&mut self.out);
        let done = self.write(format);
        let text = std::mem::replace(&mut self.out, before);
        done?;
        self.text(&text, style)
    }
}

impl Style {
    fn is_plain(self) -> bool {
        self.pad.is_none() && self.width == 0 && !self.upper && !self.swap
    }
}

/// Days from 1970 to the first of January of a date's year.
fn january(date: Date) -> i64 {
    days_from_civil(date.year, 1, 1)
}

/// Year and number of the ISO week of a date.
pub(crate) fn iso_week(date: Date) -> (i64, i64) {
    // A week belongs to the year of its Thursday.
    let thursday = date.days() - i64::from(date.weekday()) + 3;
    let Some(middle) = Date::from_days(thursday) else {
        // The last days of 9999 belong to a week of the year after.
        return (i64::from(date.year) + 1, 1);
    };
    (i64::from(middle.year), (thursday - january(middle)) / 7 + 1)
}

/// `+0100`, with seconds and microseconds if there are any; empty without a zone.
fn offset(time: &DateTime) -> String {
    let Some(offset) = time.offset else {
        return String::new();
    };
    let (sign, size) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
    let (seconds, micros) = (size / SECOND, size % SECOND);
    let mut out = format!("{sign}{:02}{:02}", seconds / 3600, seconds / 60 % 60);
    if seconds % 60 != 0 || micros != 0 {
        let _ = write!(out, "{:02}", seconds % 60);
    }
    if micros != 0 {
        let _ = write!(out, ".{micros:06}");
    }
    out
}
