//! Schedules in people's words: `at 22:00`, `in 10 minutes`, `every monday and thursday at 9`, `cron 0 7 * * 1-5`.

mod crontab;
mod once;
mod repeated;
mod vocabulary;

use jiff::Timestamp as Instant;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use self::vocabulary as words;
use super::timer::{Kind, Timer};
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

    fn crontab(&mut self) -> Read {
        self.eat(&["cron"]);
        let fields: Vec<&str> = self.tokens[self.at..].iter().map(String::as_str).collect();
        // Commas were set apart as words.
        let text = fields.join(" ").replace(" , ", ",");
        let crons = crontab::read(&text).map_err(Misread::new)?;
        self.at = self.tokens.len();
        Ok((Kind::Crons(crons), format!("cron {text}"), false))
    }
}
