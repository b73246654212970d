//! Reading the tokens of a date and time from left to right.

use super::calendar::{Calendar, Label};
use super::numbers::Number;
use super::words::{afternoon, is_filler, is_utc, is_zone, month, unit, weekday};

/// What a text says.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) year: Option<i64>,
    pub(super) month: Option<i64>,
    pub(super) day: Option<i64>,
    /// Monday is 0.
    pub(super) weekday: Option<i64>,
    pub(super) hour: Option<i64>,
    pub(super) minute: Option<i64>,
    pub(super) second: Option<i64>,
    pub(super) microsecond: Option<i64>,
    pub(super) zone: Option<String>,
    /// Seconds that local time is ahead of UTC.
    pub(super) offset: Option<i64>,
}

impl Found {
    /// Whether the text says nothing.
    pub(super) fn is_empty(&self) -> bool {
        let numbers = [
            self.year,
            self.month,
            self.day,
            self.weekday,
            self.hour,
            self.minute,
            self.second,
            self.microsecond,
            self.offset,
        ];
        numbers.iter().all(Option::is_none) && self.zone.is_none()
    }
}

/// Reads tokens. Every step is `None` where the text is no date.
pub(super) struct Reader {
    tokens: Vec<String>,
    at: usize,
    calendar: Calendar,
    found: Found,
    this_year: i64,
}

impl Reader {
    pub(super) fn new(tokens: Vec<String>, this_year: i64) -> Self {
        Self {
            tokens,
            at: 0,
            calendar: Calendar::default(),
            found: Found::default(),
            this_year,
        }
    }

    /// Reads everything.
    pub(super) fn read(mut self) -> Option<Found> {
        while self.at < self.tokens.len() {
            self.step()?;
            self.at += 1;
        }
        let (year, month, day) = self.calendar.resolve()?;
        let mut found = self.found;
        found.year = year.map(|year| {
            if self.calendar.century {
                year
            } else {
                full_year(year, self.this_year)
            }
        });
        found.month = month;
        found.day = day;
        let is_named_utc = found.zone.as_deref().is_some_and(is_utc);
        if (found.offset == Some(0) && found.zone.is_none())
            || matches!(found.zone.as_deref(), Some("Z" | "z"))
        {
            found.zone = Some("UTC".into());
            found.offset = Some(0);
        } else if found.offset != Some(0) && is_named_utc {
            found.offset = Some(0);
        }
        Some(found)
    }

    /// The token `ahead` of the present one.
    fn ahead(&self, ahead: usize) -> Option<&str> {
        self.tokens.get(self.at + ahead).map(String::as_str)
    }

    fn is(&self, ahead: usize, token: &str) -> bool {
        self.ahead(ahead) == Some(token)
    }

    fn step(&mut self) -> Option<()> {
        let token = self.ahead(0)?.to_owned();
        let is_number = token.starts_with(|c| crate::expr::pyregex::digit_value(c).is_some());
        if is_number {
            return self.number(&token);
        }
        if matches!(token.to_lowercase().as_str(), "nan" | "inf" | "infinity") {
            return None;
        }
        if let Some(day) = weekday(&token) {
            self.found.weekday = Some(day);
        } else if let Some(month) = month(&token) {
            self.month(month)?;
        } else if let Some(afternoon) = afternoon(&token) {
            let hour = self.found.hour.filter(|hour| (0..=12).contains(hour))?;
            self.found.hour = Some(half_day(hour, afternoon));
        } else if self.may_be_zone(&token) {
            self.zone(&token);
        } else if self.found.hour.is_some() && matches!(token.as_str(), "+" | "-") {
            self.offset(token == "+")?;
        } else if !is_filler(&token) {
            return None;
        }
        Some(())
    }

    /// The name of a month, with what may be glued to it: `Jan-02-2020`, `Jan of 99`.
    fn month(&mut self, month: i64) -> Option<()> {
        self.calendar.add_number(month, Some(Label::Month))?;
        if let Some(separator @ ("-" | "/")) = self.ahead(1) {
            let separator = separator.to_owned();
            let second = self.ahead(2)?.to_owned();
            self.calendar.add_text(&second, None)?;
            if self.is(3, &separator) {
                let third = self.ahead(4)?.to_owned();
                self.calendar.add_text(&third, None)?;
                self.at += 2;
            }
            self.at += 2;
        } else if self.is(1, " ")
            && self.is(3, " ")
            && self.ahead(2).is_some_and(|of| of.eq_ignore_ascii_case("of"))
        {
            let Some(year) = self.ahead(4) else {
                return Some(());
            };
            if Number::is_digits(year) {
                let year = full_year(Number::whole(year)?, self.this_year);
                self.calendar.add_text(&year.to_string(), Some(Label::Year))?;
            }
            self.at += 4;
        }
        Some(())
    }

    fn may_be_zone(&self, token: &str) -> bool {
        self.found.hour.is_some()
            && self.found.zone.is_none()
            && self.found.offset.is_none()
            && is_zone(token)
    }

    fn zone(&mut self, token: &str) {
        self.found.zone = Some(token.to_owned());
        self.found.offset = (token == "z").then_some(0);
        // `BRST+3` says how far UTC is ahead, unlike `+3` alone: the sign is turned.
        if let Some(sign @ ("+" | "-")) = self.ahead(1) {
            let turned = if sign == "+" { "-" } else { "+" };
            let next = self.at + 1;
            self.tokens[next] = turned.to_owned();
            self.found.offset = None;
            if is_utc(token) {
                self.found.zone = None;
            }
        }
    }

    /// `+0100`, `-01:00`, `+1`, maybe followed by a name in parentheses.
    fn offset(&mut self, is_ahead: bool) -> Option<()> {
        let digits: Vec<char> = self.ahead(1)?.chars().collect();
        let text = |part: &[char]| Number::whole(&part.iter().collect::<String>());
        let (hours, minutes) = if digits.len() == 4 {
            (text(&digits[..2])?, text(&digits[2..])?)
        } else if self.is(2, ":") {
            let both = (text(&digits)?, Number::whole(self.ahead(3)?)?);
            self.at += 2;
            both
        } else if digits.len() <= 2 {
            (text(&digits)?, 0)
        } else {
            return None;
        };
        let seconds = hours
            .saturating_mul(3600)
            .saturating_add(minutes.saturating_mul(60));
        self.found.offset = Some(if is_ahead { seconds } else { -seconds });
        if self.ahead(2).is_some_and(is_filler) && self.is(3, "(") && self.is(5, ")") {
            let name = self.ahead(4)?.to_owned();
            if name.chars().count() >= 3 && self.found.zone.is_none() && is_zone(&name) {
                self.found.zone = Some(name);
                self.at += 4;
            }
        }
        self.at += 1;
        Some(())
    }

    fn number(&mut self, token: &str) -> Option<()> {
        let number = Number::read(token)?;
        let len = token.chars().count();
        let chars: Vec<char> = token.chars().collect();
        let part = |from: usize, to: usize| -> Option<String> { Some(chars.get(from..to)?.iter().collect()) };
        let whole = |from: usize, to: usize| Number::whole(&part(from, to)?);
        let next_is_time = self.is(1, ":") || self.ahead(1).is_some_and(|next| unit(next).is_some());
        if self.calendar.len() == 3 && matches!(len, 2 | 4) && self.found.hour.is_none() && !next_is_time {
            // The date is complete: `03` or `0304`.
            self.found.hour = Some(whole(0, 2)?);
            if len == 4 {
                self.found.minute = Some(whole(2, 4)?);
            }
        } else if len == 6 || (len > 6 && chars[6] == '.') {
            if self.calendar.len() == 0 && !token.contains('.') {
                for from in [0, 2, 4] {
                    self.calendar.add_text(&part(from, from + 2)?, None)?;
                }
            } else {
                self.found.hour = Some(whole(0, 2)?);
                self.found.minute = Some(whole(2, 4)?);
                self.seconds(&part(4, len)?)?;
            }
        } else if matches!(len, 8 | 12 | 14) {
            self.calendar.add_text(&part(0, 4)?, Some(Label::Year))?;
            self.calendar.add_text(&part(4, 6)?, None)?;
            self.calendar.add_text(&part(6, 8)?, None)?;
            if len > 8 {
                self.found.hour = Some(whole(8, 10)?);
                self.found.minute = Some(whole(10, 12)?);
            }
            if len > 12 {
                self.found.second = Some(whole(12, 14)?);
            }
        } else if let Some((unit, used)) = self.unit_around() {
            self.at += used;
            self.with_unit(unit, number, token)?;
        } else if self.is(1, ":") && self.ahead(2).is_some() {
            self.clock(number)?;
        } else if let Some(separator @ ("-" | "/" | ".")) = self.ahead(1) {
            let separator = separator.to_owned();
            self.date(token, &separator)?;
        } else if self.ahead(1).is_none_or(is_filler) {
            match self.ahead(2).and_then(afternoon) {
                Some(afternoon) => {
                    self.found.hour = Some(half_day(number.whole, afternoon));
                    self.at += 1;
                }
                None => self.calendar.add_number(number.whole, None)?,
            }
            self.at += 1;
        } else if let Some(afternoon) = self.ahead(1).and_then(afternoon).filter(|_| number.whole < 24) {
            self.found.hour = Some(half_day(number.whole, afternoon));
            self.at += 1;
        } else if self.calendar.could_be_day(number.whole)? {
            self.calendar.add_number(number.whole, None)?;
        } else {
            return None;
        }
        Some(())
    }

    fn seconds(&mut self, text: &str) -> Option<()> {
        let (second, microsecond) = Number::seconds(text)?;
        self.found.second = Some(second);
        self.found.microsecond = Some(microsecond);
        Some(())
    }

    /// The unit of a number and how many tokens after it are used up; a unit before the number is the next larger one.
    fn unit_around(&self) -> Option<(u8, usize)> {
        let before = |back: usize| {
            let at = self.at.checked_sub(back)?;
            self.tokens.get(at).and_then(|token| unit(token))
        };
        let blank_before = self.at >= 1 && self.tokens[self.at - 1] == " ";
        if let Some(unit) = self.ahead(1).and_then(unit) {
            return Some((unit, 1));
        }
        if let Some(unit) = self.ahead(2).filter(|_| self.is(1, " ")).and_then(unit) {
            return Some((unit, 2));
        }
        if let Some(unit) = before(1) {
            return Some((unit + 1, 0));
        }
        if self.at > 1 && self.at + 1 == self.tokens.len() && blank_before {
            return before(2).map(|unit| (unit + 1, 0));
        }
        None
    }

    fn with_unit(&mut self, unit: u8, number: Number, token: &str) -> Option<()> {
        match unit {
            0 => {
                self.found.hour = Some(number.whole);
                if let Some(minutes) = number.sixtieths() {
                    self.found.minute = Some(minutes);
                }
            }
            1 => self.minutes(number),
            2 => self.seconds(token)?,
            _ => {}
        }
        Some(())
    }

    fn minutes(&mut self, number: Number) {
        self.found.minute = Some(number.whole);
        self.found.second = number.sixtieths();
    }

    /// `03:04` and `03:04:05.5`.
    fn clock(&mut self, hour: Number) -> Option<()> {
        self.found.hour = Some(hour.whole);
        let minutes = Number::read(self.ahead(2)?)?;
        self.minutes(minutes);
        if self.is(3, ":")
            && let Some(seconds) = self.ahead(4).map(str::to_owned)
        {
            self.seconds(&seconds)?;
            self.at += 2;
        }
        self.at += 2;
        Some(())
    }

    /// `2020-01-02`, `1/2/2020`, `2-Jan-2020`.
    fn date(&mut self, first: &str, separator: &str) -> Option<()> {
        self.calendar.add_text(first, None)?;
        let second = self.ahead(2).filter(|token| !is_filler(token)).map(str::to_owned);
        if let Some(second) = second {
            if Number::is_digits(&second) {
                self.calendar.add_text(&second, None)?;
            } else {
                self.calendar.add_number(month(&second)?, Some(Label::Month))?;
            }
            if self.is(3, separator) {
                let third = self.ahead(4)?.to_owned();
                match month(&third) {
                    Some(month) => self.calendar.add_number(month, Some(Label::Month))?,
                    None => self.calendar.add_text(&third, None)?,
                }
                self.at += 2;
            }
            self.at += 1;
        }
        self.at += 1;
        Some(())
    }
}

/// An hour of a half of the day as one of the whole day.
fn half_day(hour: i64, afternoon: bool) -> i64 {
    match (hour, afternoon) {
        (12, false) => 0,
        (hour, true) if hour < 12 => hour + 12,
        (hour, _) => hour,
    }
}

/// The year within 50 years of this one that a year of two digits means.
fn full_year(year: i64, this_year: i64) -> i64 {
    if year >= 100 {
        return year;
    }
    let year = year + this_year / 100 * 100;
    if year >= this_year + 50 {
        year - 100
    } else if year < this_year - 50 {
        year + 100
    } else {
        year
    }
}
