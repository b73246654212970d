//! Schedules that fire once: `in 10 minutes`, `at 22:00`, `on friday at 16:30`, `at 2026-12-01 09:00`.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Span, Timestamp as Instant, ToSpan};

use super::vocabulary as words;
use super::{Misread, Read, Reading};
use crate::timers::timer::Kind;

struct Day {
    date: Date,
    is_weekday: bool,
}

impl Reading {
    /// `in 10 minutes`, `in an hour and 5 minutes`, `in 1h30m`
    pub(super) fn relative(&mut self) -> Read {
        self.at += 1;
        let rest: Vec<&str> = self.tokens[self.at..]
            .iter()
            .map(String::as_str)
            .filter(|word| !matches!(*word, "and" | ","))
            .map(|word| {
                if matches!(word, "a" | "an" | "one") {
                    "1"
                } else {
                    word
                }
            })
            .collect();
        let text = rest.join(" ");
        if text.is_empty() {
            return Err(Misread::new("`in` how long?"));
        }
        // A bare number would be minutes, and here it says too little.
        let bare = text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = match crate::approval::span(&serde_json::Value::String(text.clone())) {
            Ok(Some(seconds)) if !bare => seconds,
            _ => {
                let mut misread = Misread::new(format!("`{text}` is no length of time"));
                if bare {
                    misread.suggestion = Some(format!("in {text} minutes"));
                }
                return Err(misread);
            }
        };
        self.at = self.tokens.len();
        let at = self
            .now
            .checked_add(SignedDuration::from_secs(seconds))
            .map_err(|_| Misread::new("this is beyond the calendar"))?;
        Ok((
            Kind::Once(at),
            format!("in {}", crate::approval::minutes(seconds)),
            true,
        ))
    }

    /// `at 22:00`, `tomorrow at 9`, `on monday at 9`, `at 2026-12-01 09:00`, `at 9 tomorrow`
    pub(super) fn absolute(&mut self) -> Read {
        let start = self.at;
        self.eat(&["at", "on"]);
        let (mut date, mut time) = (self.day(), None);
        self.eat(&["at"]);
        if let Some(found) = self.time() {
            time = Some(found);
        }
        self.eat(&["on"]);
        let dated = self.is_dated(start);
        if date.is_none() {
            date = self.day();
        }
        if self.at == start || (date.is_none() && time.is_none()) {
            let said = self.tokens[start..].join(" ");
            return Err(Misread::new(format!("`{said}` is no time")));
        }
        let relative = !dated && !self.is_dated(start);
        let at = match (date, time) {
            (Some(day), Some(time)) => {
                let at = self.moment(day.date, time)?;
                // `on monday at 9`, said on a Monday at 10, means the next one.
                if at <= self.now && day.is_weekday {
                    let next = day.date.checked_add(1.week()).unwrap_or(day.date);
                    self.moment(next, time)?
                } else {
                    at
                }
            }
            (None, Some(time)) => {
                let today = self.moment(self.civil.date(), time)?;
                if today > self.now {
                    today
                } else {
                    let tomorrow = self.civil.date().tomorrow().unwrap_or_else(|_| self.civil.date());
                    self.moment(tomorrow, time)?
                }
            }
            (Some(day), None) => {
                let mut misread = Misread::new("at what time?");
                misread.suggestion = Some(format!("{} 09:00", day.date));
                return Err(misread);
            }
            (None, None) => return Err(Misread::new("this is no time")),
        };
        let zoned = at.to_zoned(self.zone.clone());
        let text = format!("at {}", zoned.strftime("%Y-%m-%d %H:%M"));
        if at <= self.now {
            return Err(Misread::new(format!("{} is over", &text[3..])));
        }
        Ok((Kind::Once(at), text, relative))
    }

    /// Whether a date with all its parts was among what was read.
    fn is_dated(&self, start: usize) -> bool {
        self.tokens[start..self.at]
            .iter()
            .any(|token| words::iso_date(token).is_some())
    }

    pub(super) fn moment(&self, date: Date, time: Time) -> Result<Instant, Misread> {
        self.zone
            .to_ambiguous_timestamp(DateTime::from_parts(date, time))
            .compatible()
            .map_err(|_| Misread::new("this is beyond the calendar"))
    }

    /// `2026-12-01`, `1 december`, `december 1st 2026`
    pub(super) fn date(&mut self) -> Option<Date> {
        if let Some(date) = words::iso_date(self.peek()) {
            self.at += 1;
            return Some(date);
        }
        let (month, day, used) = match (words::month(self.peek()), words::day_of_month(self.peek())) {
            (Some(month), _) => (month, words::day_of_month(self.ahead(1))?, 2),
            (None, Some(day)) => match words::month(self.ahead(1)) {
                Some(month) => (month, day, 2),
                None if self.ahead(1) == "of" => (words::month(self.ahead(2))?, day, 3),
                None => return None,
            },
            _ => return None,
        };
        let year = self.ahead(used).parse::<i16>().ok().filter(|year| *year >= 1970);
        self.at += used + usize::from(year.is_some());
        let today = self.civil.date();
        let date = Date::new(year.unwrap_or_else(|| today.year()), month, day).ok()?;
        if year.is_none() && date < today {
            return Date::new(today.year() + 1, month, day).ok();
        }
        Some(date)
    }

    /// A date, `today`, `tomorrow`, or the next one of a weekday.
    fn day(&mut self) -> Option<Day> {
        if let Some(date) = self.date() {
            return Some(Day {
                date,
                is_weekday: false,
            });
        }
        let today = self.civil.date();
        let skip = usize::from(matches!(self.peek(), "next" | "the"));
        let word = self.ahead(skip);
        let (date, is_weekday) = match word {
            "today" => (today, false),
            "tomorrow" => (today.tomorrow().ok()?, false),
            _ => {
                let weekday = words::weekday(word)?;
                let now = i32::from(today.weekday().to_monday_zero_offset());
                let days = (weekday - now).rem_euclid(7);
                (today.checked_add(Span::new().try_days(days).ok()?).ok()?, true)
            }
        };
        self.at += skip + 1;
        Some(Day { date, is_weekday })
    }

    /// `9`, `09:30`, `9am`, `9 am`, `noon`, `midnight`
    pub(super) fn time(&mut self) -> Option<Time> {
        let (time, used) = words::time(self.peek(), self.ahead(1))?;
        self.at += used;
        Some(time)
    }
}
