//! Dates and times as people and programs write them, read leniently as the reference does (`dateutil`).

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use super::zone::instant;
use crate::model::Timestamp;

/// Longest text that is tried, in bytes.
const MAX_TEXT: usize = 200;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];
/// Words between the parts that say nothing.
const FILLERS: [&str; 10] = ["at", "on", "and", "of", "the", "t", "ad", "-", "/", "."];

/// The moment of a text, in UTC when it names no zone. What it leaves out is taken from the day of `now`.
///
/// # Errors
/// One sentence when it is no date.
pub fn lenient_utc(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    lenient(text, &TimeZone::UTC, now)
}

/// The moment of a text, in `zone` when it names none.
///
/// # Errors
/// One sentence when it is no date.
pub fn lenient(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, String> {
    let trimmed = text.trim();
    let shown: String = trimmed.chars().take(60).collect();
    let wrong = || format!("`{shown}` is no date: write it like 2026-12-31 23:59:59");
    if trimmed.is_empty() || trimmed.len() > MAX_TEXT {
        return Err(wrong());
    }
    if let Ok(moment) = trimmed.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_micros(moment.as_microsecond()));
    }
    let today = instant(now).map_or_else(Date::default, |now| now.to_zoned(zone.clone()).date());
    let mut parts = Parts::default();
    if parts.read(trimmed).is_none() {
        return Err(wrong());
    }
    let (date, time) = parts.resolve(today).ok_or_else(wrong)?;
    let civil = DateTime::from_parts(date, time);
    let moment = match parts.offset {
        Some(offset) => offset.to_timestamp(civil).ok(),
        // A time that a change of clocks leaves out counts as if the clocks had not been changed yet.
        None => zone.to_ambiguous_timestamp(civil).compatible().ok(),
    };
    moment
        .map(|moment| Timestamp::from_micros(moment.as_microsecond()))
        .ok_or_else(wrong)
}

/// What was found in a text.
#[derive(Debug, Default)]
struct Parts {
    time: Option<(i8, i8, i8, i32)>,
    /// The afternoon (or morning) was said.
    half: Option<bool>,
    month: Option<i8>,
    /// Numbers that are a day, a month or a year, in order, with the count of digits.
    numbers: Vec<(i32, usize)>,
    offset: Option<Offset>,
    weekday: bool,
}

impl Parts {
    /// Takes a text apart; `None` when something in it means nothing.
    fn read(&mut self, text: &str) -> Option<()> {
        let text = separated(text);
        let mut words = text.split_whitespace().map(str::to_ascii_lowercase).peekable();
        while let Some(mut word) = words.next() {
            // `11 pm` is one time.
            let bare = word.bytes().all(|byte| byte.is_ascii_digit());
            if bare && let Some(half) = words.next_if(|next| next == "am" || next == "pm") {
                word.push_str(&half);
            }
            self.word(&word, 0)?;
        }
        let said = self.time.is_some() || self.month.is_some() || !self.numbers.is_empty() || self.weekday;
        said.then_some(())
    }

    fn word(&mut self, word: &str, depth: usize) -> Option<()> {
        if depth > 4 {
            return None;
        }
        if FILLERS.contains(&word) {
            return Some(());
        }
        if let Some(month) = named(word, &MONTHS) {
            if self.month.is_some() {
                return None;
            }
            self.month = Some(month + 1);
            return Some(());
        }
        if named(word, &DAYS).is_some() {
            self.weekday = true;
            return Some(());
        }
        match word {
            "z" | "utc" | "gmt" if self.offset.is_none() => {
                self.offset = Some(Offset::UTC);
                return Some(());
            }
            "am" | "a.m." | "pm" | "p.m." if self.half.is_none() => {
                self.half = Some(word.starts_with('p'));
                return Some(());
            }
            _ => {}
        }
        if self.time.is_some() && self.offset.is_none() && word.starts_with(['+', '-']) {
            self.offset = Some(offset(word)?);
            return Some(());
        }
        // 2014-12-31T23:59:59
        if let Some((date, time)) = word.split_once('t')
            && date.ends_with(|c: char| c.is_ascii_digit())
            && time.starts_with(|c: char| c.is_ascii_digit())
        {
            self.word(date, depth + 1)?;
            return self.compact_time(time).or_else(|| self.word(time, depth + 1));
        }
        for (ending, afternoon) in [("am", false), ("pm", true)] {
            if let Some(rest) = word.strip_suffix(ending)
                && rest.starts_with(|c: char| c.is_ascii_digit())
            {
                self.half = Some(afternoon);
                if let Ok(hour) = rest.parse::<i8>() {
                    self.time = Some((hour, 0, 0, 0));
                    return Some(());
                }
                return self.word(rest, depth + 1);
            }
        }
        if word.contains(':') {
            return self.clock(word);
        }
        for ending in ["st", "nd", "rd", "th"] {
            if let Some(day) = word.strip_suffix(ending).and_then(|day| day.parse::<i32>().ok()) {
                self.numbers.push((day, 2));
                return Some(());
            }
        }
        for separator in ['-', '/', '.'] {
            if word.contains(separator) {
                let mut count = 0;
                for part in word.split(separator) {
                    count += 1;
                    match part.parse::<i32>() {
                        Ok(number) if number >= 0 => self.numbers.push((number, part.len())),
                        _ => self.month = Some(named(part, &MONTHS)? + 1),
                    }
                }
                return (count == 2 || count == 3).then_some(());
            }
        }
        self.digits(word)
    }

    /// Digits without anything between them.
    fn digits(&mut self, word: &str) -> Option<()> {
        if !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let part = |from: usize, to: usize| word[from..to].parse::<i32>().ok();
        match word.len() {
            8 | 12 | 14 if self.numbers.is_empty() => {
                self.numbers.push((part(0, 4)?, 4));
                self.numbers.push((part(4, 6)?, 2));
                self.numbers.push((part(6, 8)?, 2));
                if word.len() > 8 {
                    self.compact_time(&word[8..])?;
                }
                Some(())
            }
            1..=4 => {
                self.numbers.push((part(0, word.len())?, word.len()));
                Some(())
            }
            _ => None,
        }
    }

    /// `2359`, `235959`, perhaps with an offset.
    fn compact_time(&mut self, text: &str) -> Option<()> {
        let end = text.find(['z', '+', '-']).unwrap_or(text.len());
        let digits = &text[..end];
        if !matches!(digits.len(), 2 | 4 | 6) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let part = |at: usize| {
            digits
                .get(at..at + 2)
                .map_or(Some(0), |part| part.parse::<i8>().ok())
        };
        self.time = Some((part(0)?, part(2)?, part(4)?, 0));
        if end < text.len() {
            self.offset = Some(offset(&text[end..])?);
        }
        Some(())
    }

    /// `23:59`, `23:59:59.123+02:00`
    fn clock(&mut self, word: &str) -> Option<()> {
        if self.time.is_some() {
            return None;
        }
        let end = word.find(['z', '+', '-']).unwrap_or(word.len());
        let mut fields = word[..end].split(':');
        let hour = fields.next()?.parse().ok()?;
        let minute = fields.next()?.parse().ok()?;
        let (second, nanos) = match fields.next() {
            None => (0, 0),
            Some(text) => match text.split_once(['.', ',']) {
                None => (text.parse().ok()?, 0),
                Some((second, fraction)) => {
                    let digits: String = fraction.chars().take(6).collect();
                    if digits.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                        return None;
                    }
                    let scale = 10_i32.pow(9 - u32::try_from(digits.len()).ok()?);
                    (second.parse().ok()?, digits.parse::<i32>().ok()? * scale)
                }
            },
        };
        if fields.next().is_some() {
            return None;
        }
        self.time = Some((hour, minute, second, nanos));
        if end < word.len() {
            self.offset = Some(offset(&word[end..])?);
        }
        Some(())
    }

    fn resolve(&self, today: Date) -> Option<(Date, Time)> {
        let time = match (self.time, self.half) {
            (None, Some(_)) => return None,
            (None, None) => Time::midnight(),
            (Some((hour, minute, second, nanos)), half) => {
                let hour = match half {
                    None => hour,
                    Some(true) if hour > 12 => hour,
                    Some(_) if !(1..=12).contains(&hour) => return None,
                    Some(false) => hour % 12,
                    Some(true) => hour % 12 + 12,
                };
                Time::new(hour, minute, second, nanos).ok()?
            }
        };
        Some((self.date(today)?, time))
    }

    fn date(&self, today: Date) -> Option<Date> {
        let is_year = |(number, digits): (i32, usize)| digits >= 3 || number > 31;
        let mut numbers = self.numbers.clone();
        let mut year = None;
        if let Some(at) = numbers.iter().position(|number| is_year(*number)) {
            // Before the others it says that they are in the order month, day.
            let (number, digits) = numbers.remove(at);
            year = Some(full_year(number, digits, today));
        }
        let (month, day) = match (self.month, numbers.as_slice()) {
            (Some(month), []) => (month, None),
            (Some(month), [day]) => (month, Some(day.0)),
            (Some(month), [day, (number, digits)]) if year.is_none() => {
                year = Some(full_year(*number, *digits, today));
                (month, Some(day.0))
            }
            (None, []) => (today.month(), None),
            (None, [day]) if year.is_none() => (today.month(), Some(day.0)),
            (None, [month]) => (i8::try_from(month.0).ok()?, None),
            (None, [a, b, rest @ ..]) if rest.len() <= usize::from(year.is_none()) => {
                if let [(number, digits)] = rest {
                    year = Some(full_year(*number, *digits, today));
                }
                // The month first, unless that cannot be.
                let (month, day) = if a.0 > 12 { (b.0, a.0) } else { (a.0, b.0) };
                (i8::try_from(month).ok()?, Some(day))
            }
            _ => return None,
        };
        let year = i16::try_from(year.unwrap_or_else(|| i32::from(today.year()))).ok()?;
        let first = Date::new(year, month, 1).ok()?;
        let day = match day {
            Some(day) => i8::try_from(day).ok()?,
            None => today.day().min(first.days_in_month()),
        };
        Date::new(year, month, day).ok()
    }
}

/// Commas and semicolons as blanks, but for a comma in a number of seconds.
fn separated(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    text.char_indices()
        .map(|(at, c)| match c {
            ',' if digit(at.checked_sub(1)) && digit(Some(at + 1)) => '.',
            ',' | ';' => ' ',
            other => other,
        })
        .collect()
}

/// Two digits mean the year that is nearest.
fn full_year(number: i32, digits: usize, today: Date) -> i32 {
    if digits >= 3 || number >= 100 {
        return number;
    }
    let now = i32::from(today.year());
    let year = number + now / 100 * 100;
    if year >= now + 50 {
        year - 100
    } else if year < now - 50 {
        year + 100
    } else {
        year
    }
}

/// Where a name stands in a list; three letters are enough.
fn named(word: &str, names: &[&str]) -> Option<i8> {
    let word = word.trim_end_matches('.');
    if word == "sept" || word == "tues" || word == "thur" || word == "thurs" {
        return named(&word[..3], names);
    }
    let at = names
        .iter()
        .position(|name| *name == word || (word.len() == 3 && name.starts_with(word)))?;
    i8::try_from(at).ok()
}

/// `+02:00`, `-0530`, `+2`, `z`
fn offset(text: &str) -> Option<Offset> {
    if text == "z" {
        return Some(Offset::UTC);
    }
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i32>().ok()?, 0),
        3 | 4 => {
            let (hours, minutes) = digits.split_at(digits.len() - 2);
            (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?)
        }
        _ => return None,
    };
    if minutes >= 60 || hours > 24 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}
