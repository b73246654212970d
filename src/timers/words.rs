//! Schedules in people's words: `at 22:00`, `in 10 minutes`, `every monday and thursday at 9`, `cron 0 7 * * 1-5`.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp as Instant, ToSpan};

use super::cron::Cron;
use super::crontab;
use super::timer::{Kind, Timer};
use super::vocabulary as words;
use super::zone::{instant, timestamp, zone};
use crate::model::Timestamp;

/// Longest schedule, in bytes, and most words.
const MAX_TEXT: usize = 300;
const MAX_WORDS: usize = 60;
/// Most times of day in one schedule.
const MAX_TIMES: usize = 24;

/// What can be written, for help and errors.
pub const EXAMPLES: [&str; 10] = [
    "in 10 minutes",
    "at 22:00",
    "tomorrow at 9",
    "at 2026-12-01 09:00 Europe/Vilnius",
    "every 5 minutes",
    "every weekday 07:00",
    "every monday and thursday at 9",
    "every first monday of the month at 9:30",
    "every month on the 15th at 12:00",
    "cron 0 7 * * 1-5",
];

/// A schedule that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// When it fires.
    pub timer: Timer,
    /// What was understood, in words that mean the same.
    pub text: String,
    /// Whether it counts from the moment it was read: `in 10 minutes`, `at 22:00`.
    pub is_relative: bool,
}

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// What is wrong, one sentence.
    pub message: String,
    /// The nearest text that is one.
    pub suggestion: Option<String>,
    /// The next three times of the suggestion.
    pub times: Vec<Timestamp>,
}

impl Misread {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            suggestion: None,
            times: Vec::new(),
        }
    }

    /// The suggestion in words; examples where there is none.
    #[must_use]
    pub fn hint(&self) -> String {
        match &self.suggestion {
            Some(text) if self.times.is_empty() => format!("did you mean `{text}`?"),
            Some(text) => {
                let times: Vec<String> = self
                    .times
                    .iter()
                    .map(|at| at.to_string().replace(".000000Z", "Z"))
                    .collect();
                format!("did you mean `{text}`? It fires next at {}", times.join(", "))
            }
            None => format!("write it like `{}`", EXAMPLES[4..8].join("`, `")),
        }
    }
}

impl Schedule {
    /// Reads a schedule. `default_zone` is for those that name none; `now` is what `in` and `at` count from.
    ///
    /// # Errors
    /// What is wrong; with the nearest text that is a schedule and its next three times, where there is one.
    pub fn parse(text: &str, default_zone: &str, now: Timestamp) -> Result<Self, Misread> {
        if text.len() > MAX_TEXT || text.split_whitespace().count() > MAX_WORDS {
            return Err(Misread::new("the schedule is too long"));
        }
        match Self::read(text, default_zone, now) {
            Ok(schedule) => Ok(schedule),
            Err(mut misread) => {
                if misread.suggestion.is_none() {
                    misread.suggestion = words::corrected(text);
                }
                let better = misread
                    .suggestion
                    .as_deref()
                    .and_then(|text| Self::read(text, default_zone, now).ok());
                match better {
                    Some(better) => misread.times = better.timer.upcoming(now, 3),
                    None => misread.suggestion = None,
                }
                Err(misread)
            }
        }
    }

    /// The next `count` times after a moment.
    #[must_use]
    pub fn next(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        self.timer.upcoming(after, count)
    }

    fn read(text: &str, default_zone: &str, now: Timestamp) -> Result<Self, Misread> {
        let mut tokens = words::tokens(text);
        let named = words::take_zone(&mut tokens);
        let name = named.as_deref().unwrap_or(default_zone);
        let zone = zone(name).map_err(|(message, hint)| {
            let mut misread = Misread::new(message);
            let near = hint.split('`').nth(1).unwrap_or_default();
            if let (Some(named), false) = (&named, near.is_empty()) {
                misread.suggestion = Some(text.replace(named.as_str(), near));
            }
            misread
        })?;
        let now = instant(now).ok_or_else(|| Misread::new("this is beyond the calendar"))?;
        let mut reading = Reading {
            civil: now.to_zoned(zone.clone()).datetime(),
            tokens,
            at: 0,
            zone,
            now,
            until: None,
            from: None,
        };
        reading.take_limits()?;
        let (kind, text, is_relative) = reading.schedule()?;
        if reading.at < reading.tokens.len() {
            let rest = reading.tokens[reading.at..].join(" ");
            return Err(Misread::new(format!("`{rest}` means nothing here")));
        }
        let Reading {
            zone, from, until, ..
        } = reading;
        let mut timer = Timer::of(kind, zone);
        timer.from = from;
        timer.until = until;
        let mut text = text;
        if let Some(from) = from {
            text.push_str(&format!(
                " from {}",
                from.to_zoned(timer.zone.clone()).strftime("%Y-%m-%d %H:%M")
            ));
        }
        if let Some(until) = until {
            text.push_str(&format!(
                " until {}",
                until.to_zoned(timer.zone.clone()).strftime("%Y-%m-%d %H:%M")
            ));
        }
        text.push(' ');
        text.push_str(timer.zone_name());
        if timer.next_fire(timestamp(now)).is_none() {
            return Err(Misread::new(format!("`{text}` is over or never comes")));
        }
        Ok(Self {
            timer,
            text,
            is_relative,
        })
    }
}

/// A kind of timer, what was understood, whether it counts from now.
type Read = Result<(Kind, String, bool), Misread>;

struct Reading {
    tokens: Vec<String>,
    at: usize,
    zone: TimeZone,
    now: Instant,
    /// What the clocks of the zone show now.
    civil: DateTime,
    from: Option<Instant>,
    until: Option<Instant>,
}

impl Reading {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn ahead(&self, by: usize) -> &str {
        self.tokens.get(self.at + by).map_or("", String::as_str)
    }

    fn eat(&mut self, words: &[&str]) -> bool {
        let found = words.contains(&self.peek());
        self.at += usize::from(found);
        found
    }

    /// Takes `from …` and `until …` off the end.
    fn take_limits(&mut self) -> Result<(), Misread> {
        for (names, is_end) in [(["until", "till"], true), (["from", "starting"], false)] {
            let Some(place) = self
                .tokens
                .iter()
                .rposition(|token| names.contains(&token.as_str()))
            else {
                continue;
            };
            if place == 0 {
                continue;
            }
            let rest = self.tokens.split_off(place);
            let mut inner = Reading {
                tokens: rest,
                at: 1,
                zone: self.zone.clone(),
                now: self.now,
                civil: self.civil,
                from: None,
                until: None,
            };
            inner.eat(&["on"]);
            let date = inner.date().ok_or_else(|| {
                Misread::new(format!(
                    "there should be a date after `{}`, like 2026-12-31",
                    inner.tokens[0]
                ))
            })?;
            inner.eat(&["at"]);
            let time = match inner.time() {
                Some(time) => time,
                // A whole day counts.
                None if is_end => Time::constant(23, 59, 59, 0),
                None => Time::midnight(),
            };
            if inner.at < inner.tokens.len() {
                return Err(Misread::new(format!(
                    "`{}` means nothing here",
                    inner.tokens[inner.at..].join(" ")
                )));
            }
            let moment = self.moment(date, time)?;
            if is_end {
                self.until = Some(moment);
            } else {
                self.from = Some(moment);
            }
        }
        Ok(())
    }

    fn schedule(&mut self) -> Read {
        match self.peek() {
            "" => Err(Misread::new("the schedule is empty")),
            "in" => self.relative(),
            "cron" => self.crontab(),
            word if word.starts_with('@') => self.crontab(),
            "every" | "each" => {
                self.at += 1;
                self.repeated()
            }
            "daily" | "hourly" | "weekly" | "monthly" => {
                let unit = match self.peek() {
                    "daily" => "day",
                    "hourly" => "hour",
                    "weekly" => "week",
                    _ => "month",
                };
                self.tokens[self.at] = unit.to_owned();
                self.repeated()
            }
            word if words::days(word).is_some() && words::is_plural(word) => self.repeated(),
            _ => self.absolute(),
        }
    }

    /// `in 10 minutes`, `in an hour and 5 minutes`, `in 1h30m`
    fn relative(&mut self) -> Read {
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

    fn crontab(&mut self) -> Read {
        self.eat(&["cron"]);
        let fields: Vec<&str> = self.tokens[self.at..].iter().map(String::as_str).collect();
        // Commas were set apart as words.
        let text = fields.join(" ").replace(" , ", ",");
        let crons = crontab::read(&text).map_err(Misread::new)?;
        self.at = self.tokens.len();
        Ok((Kind::Crons(crons), format!("cron {text}"), false))
    }

    /// `at 22:00`, `tomorrow at 9`, `on monday at 9`, `at 2026-12-01 09:00`, `at 9 tomorrow`
    fn absolute(&mut self) -> Read {
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

    fn moment(&self, date: Date, time: Time) -> Result<Instant, Misread> {
        self.zone
            .to_ambiguous_timestamp(DateTime::from_parts(date, time))
            .compatible()
            .map_err(|_| Misread::new("this is beyond the calendar"))
    }

    /// `2026-12-01`, `1 december`, `december 1st 2026`
    fn date(&mut self) -> Option<Date> {
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
    fn time(&mut self) -> Option<Time> {
        let (time, used) = words::time(self.peek(), self.ahead(1))?;
        self.at += used;
        Some(time)
    }

    /// Times with `at` before them or not; midnight when none is said.
    fn times(&mut self) -> Result<Vec<Time>, Misread> {
        let mut said = self.eat(&["at"]);
        let mut times = Vec::new();
        while let Some(time) = self.time() {
            if !times.contains(&time) {
                times.push(time);
            }
            if times.len() > MAX_TIMES {
                return Err(Misread::new(format!(
                    "at most {MAX_TIMES} times of a day can be named"
                )));
            }
            said = self.eat(&[",", "and"]);
            while said && self.eat(&["and", ",", "at"]) {}
        }
        if said {
            return Err(Misread::new("a time of day is missing, like 09:00"));
        }
        if times.is_empty() {
            times.push(Time::midnight());
        }
        times.sort();
        Ok(times)
    }

    /// What follows `every`.
    fn repeated(&mut self) -> Read {
        self.eat(&["the"]);
        let mut count: i64 = 1;
        if self.eat(&["other", "second"]) && !self.peek().is_empty() {
            count = 2;
        } else if let Ok(number) = self.peek().parse::<i64>() {
            count = number;
            self.at += 1;
        } else if let Some((number, unit)) = words::glued(self.peek()) {
            count = number;
            self.tokens[self.at] = unit.to_owned();
        } else if self.at > 0 && self.tokens[self.at - 1] == "second" {
            // `every second`
            self.at -= 1;
        }
        if !(1..=1_000_000).contains(&count) {
            return Err(Misread::new(format!(
                "every {count} of something is not possible"
            )));
        }
        let word = self.peek().to_owned();
        if let Some(unit) = words::unit(&word) {
            self.at += 1;
            return match unit {
                "second" | "minute" | "hour" => Ok(self.short(unit, count)),
                "day" => {
                    let times = self.times()?;
                    self.every_days(count, None, times)
                }
                "week" => self.every_weeks(count),
                _ => self.every_month(count),
            };
        }
        if count == 1 && words::days(&word).is_some() {
            return self.on_days();
        }
        if count == 2
            && let Some(weekday) = words::weekday(&word)
        {
            self.at += 1;
            let times = self.times()?;
            return self.every_days(14, Some(weekday), times);
        }
        if words::position(&word).is_some() || words::day_of_month(&word).is_some() {
            return self.day_in_month();
        }
        Err(Misread::new(if word.is_empty() {
            "`every` what?".to_owned()
        } else {
            format!("there is no `every {word}`")
        }))
    }

    /// Every so many seconds, minutes or hours: on full minutes and hours where that comes out even.
    fn short(&self, unit: &str, count: i64) -> (Kind, String, bool) {
        let plural = if count == 1 { "" } else { "s" };
        let text = if count == 1 {
            format!("every {unit}")
        } else {
            format!("every {count} {unit}{plural}")
        };
        let (size, even) = match unit {
            "second" => (1, 60 % count == 0),
            "minute" => (60, 60 % count == 0),
            _ => (3600, 24 % count == 0),
        };
        let fields = match (unit, even) {
            ("second", true) => Some([("second", format!("*/{count}"))].to_vec()),
            ("minute", true) if count == 60 => Some([("minute", "0".to_owned())].to_vec()),
            ("minute", true) => Some([("minute", format!("*/{count}"))].to_vec()),
            ("hour", true) if count == 24 => Some([("hour", "0".to_owned())].to_vec()),
            ("hour", true) => Some([("hour", format!("*/{count}"))].to_vec()),
            _ => None,
        };
        let fields = fields.map(|mut fields| {
            if count == 1 {
                fields[0].1 = "*".to_owned();
            } else if unit == "second" && count == 60 {
                fields[0].1 = "0".to_owned();
            }
            fields
        });
        let cron = fields.and_then(|fields| cron_of(&fields));
        let kind = match cron {
            Some(cron) => Kind::Crons(vec![cron]),
            None => Kind::Interval {
                seconds: count * size,
                anchor: self.now,
            },
        };
        (kind, text, false)
    }

    /// Every so many days, beginning with the first one whose time is still to come.
    fn every_days(&self, step: i64, weekday: Option<i32>, times: Vec<Time>) -> Read {
        let shown = list(&times.iter().map(|time| clock(*time)).collect::<Vec<_>>());
        if step == 1 && weekday.is_none() {
            return Ok((crons(&[], &times)?, format!("every day at {shown}"), false));
        }
        let step = i32::try_from(step).map_err(|_| Misread::new("so many days are too many"))?;
        let today = self.civil.date();
        let ahead = match weekday {
            Some(weekday) => (weekday - i32::from(today.weekday().to_monday_zero_offset())).rem_euclid(7),
            None => 0,
        };
        let late = ahead == 0
            && times
                .iter()
                .all(|time| DateTime::from_parts(today, *time) <= self.civil);
        let ahead = match (late, weekday) {
            (false, _) => ahead,
            (true, None) => 1,
            (true, Some(_)) => 7,
        };
        let anchor = today
            .checked_add(Span::new().try_days(ahead).unwrap_or_default())
            .map_err(|_| Misread::new("this is beyond the calendar"))?;
        let text = match weekday {
            Some(weekday) => format!(
                "every {} weeks on {} at {shown}",
                step / 7,
                words::DAYS[usize::try_from(weekday).unwrap_or(0)]
            ),
            None => format!("every {step} days at {shown}"),
        };
        Ok((Kind::Days { step, anchor, times }, text, false))
    }

    /// `every week on monday at 9`, `every 2 weeks on friday 16:00`
    fn every_weeks(&mut self, count: i64) -> Read {
        self.eat(&["on"]);
        let weekday = words::weekday(self.peek());
        if count == 1 && words::days(self.peek()).is_some() {
            return self.on_days();
        }
        self.at += usize::from(weekday.is_some());
        let today = i32::from(self.civil.weekday().to_monday_zero_offset());
        let times = self.times()?;
        if count == 1 {
            // `weekly` without a day: on the day it was said.
            let day = weekday.unwrap_or(today);
            let name = words::DAYS[usize::try_from(day).unwrap_or(0)];
            return self.weekly(&[name], &times);
        }
        self.every_days(count.saturating_mul(7), Some(weekday.unwrap_or(today)), times)
    }

    /// `every month on the 15th at 9`, `every month on the last day`, `every 3 months on the 1st`
    fn every_month(&mut self, count: i64) -> Read {
        if 12 % count != 0 {
            return Err(Misread::new(
                "months can be counted in steps of 1, 2, 3, 4, 6 or 12",
            ));
        }
        let said = self.eat(&["on"]);
        self.eat(&["the"]);
        let (kind, text, _) = if said || words::position(self.peek()).is_some() {
            self.day_in_month()?
        } else {
            let times = self.times()?;
            let shown = list(&times.iter().map(|time| clock(*time)).collect::<Vec<_>>());
            let text = format!("every month on the 1st at {shown}");
            (crons(&[("day", "1".to_owned())], &times)?, text, false)
        };
        if count == 1 {
            return Ok((kind, text, false));
        }
        let Kind::Crons(mut all) = kind else {
            return Err(Misread::new("this cannot be said of months"));
        };
        for cron in &mut all {
            let month = cron_of(&[(
                "month",
                if count == 12 {
                    "1".to_owned()
                } else {
                    format!("*/{count}")
                },
            )]);
            if let Some(month) = month {
                cron.fields[super::cron::MONTH] = month.fields[super::cron::MONTH].clone();
            }
        }
        Ok((
            Kind::Crons(all),
            text.replacen("every month", &format!("every {count} months"), 1),
            false,
        ))
    }

    /// `first monday of the month at 9`, `last day of the month at 18:00`, `15th at 9`
    fn day_in_month(&mut self) -> Read {
        let word = self.peek().to_owned();
        let mut days = Vec::new();
        let text;
        if let Some(position) = words::position(&word)
            .filter(|_| words::weekday(self.ahead(1)).is_some() || (words::position(&word) == Some("last")))
        {
            self.at += 1;
            if let Some(weekday) = words::weekday(self.peek()) {
                let name = words::DAYS[usize::try_from(weekday).unwrap_or(0)];
                days.push(format!("{position} {}", &name[..3]));
                text = format!("every month on the {position} {name}");
                self.at += 1;
            } else if self.eat(&["day"]) || position == "last" {
                days.push("last".to_owned());
                text = "every month on the last day".to_owned();
            } else {
                return Err(Misread::new(format!("the {position} what?")));
            }
        } else {
            self.eat(&["day"]);
            while let Some(day) = words::day_of_month(self.peek()) {
                self.at += 1;
                days.push(day.to_string());
                let more = self.eat(&[",", "and"]);
                while more && self.eat(&["and", ",", "the"]) {}
                if !more {
                    break;
                }
            }
            if days.is_empty() {
                return Err(Misread::new(format!("`{word}` is no day of a month")));
            }
            text = format!("every month on day {}", list(&days));
        }
        self.eat(&["day"]);
        if self.eat(&["of"]) {
            self.eat(&["the", "each", "every"]);
            if !self.eat(&["month"]) {
                return Err(Misread::new(format!(
                    "there should be `month`, not `{}`",
                    self.peek()
                )));
            }
        }
        let times = self.times()?;
        let shown = list(&times.iter().map(|time| clock(*time)).collect::<Vec<_>>());
        let kind = crons(&[("day", days.join(","))], &times)?;
        Ok((kind, format!("{text} at {shown}"), false))
    }

    /// `monday and thursday at 9`, `weekday 07:00`, `weekends`
    fn on_days(&mut self) -> Read {
        let mut names: Vec<&'static str> = Vec::new();
        while let Some(days) = words::days(self.peek()) {
            self.at += 1;
            for day in days {
                if !names.contains(day) {
                    names.push(day);
                }
            }
            let before = self.at;
            while self.eat(&[",", "and", "or"]) {}
            if words::days(self.peek()).is_none() {
                if self.at > before {
                    self.at = before;
                }
                break;
            }
        }
        let times = self.times()?;
        self.weekly(&names, &times)
    }

    fn weekly(&self, names: &[&str], times: &[Time]) -> Read {
        let mut order: Vec<&str> = words::DAYS
            .into_iter()
            .filter(|day| names.contains(day))
            .collect();
        let short: Vec<String> = order.iter().map(|day| day[..3].to_owned()).collect();
        let shown = list(&times.iter().map(|time| clock(*time)).collect::<Vec<_>>());
        let kind = crons(&[("day_of_week", short.join(","))], times)?;
        let text = match order.as_slice() {
            ["monday", "tuesday", "wednesday", "thursday", "friday"] => "weekday".to_owned(),
            ["saturday", "sunday"] => "saturday and sunday".to_owned(),
            _ => list(&order.drain(..).map(str::to_owned).collect::<Vec<_>>()),
        };
        Ok((kind, format!("every {text} at {shown}"), false))
    }
}

struct Day {
    date: Date,
    is_weekday: bool,
}

fn cron_of(fields: &[(&str, String)]) -> Option<Cron> {
    let mut texts: [Option<String>; 8] = Default::default();
    for (name, text) in fields {
        let at = super::cron::FIELDS.iter().position(|known| known == name)?;
        texts[at] = Some(text.clone());
    }
    Cron::from_texts(&texts).ok()
}

/// One timer for each time of the day; those on the same minute share one.
fn crons(days: &[(&str, String)], times: &[Time]) -> Result<Kind, Misread> {
    let mut all = Vec::new();
    for time in times {
        let mut fields = days.to_vec();
        fields.push(("hour", time.hour().to_string()));
        fields.push(("minute", time.minute().to_string()));
        fields.push(("second", time.second().to_string()));
        all.push(cron_of(&fields).ok_or_else(|| Misread::new("this is no time that comes"))?);
    }
    Ok(Kind::Crons(all))
}

fn clock(time: Time) -> String {
    if time.second() == 0 {
        format!("{:02}:{:02}", time.hour(), time.minute())
    } else {
        format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
    }
}

/// `a`, `a and b`, `a, b and c`
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
