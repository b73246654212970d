//! Schedules that fire again and again: `every 5 minutes`, `every monday and thursday at 9`, `every last day of the month`.

use jiff::Span;
use jiff::civil::{DateTime, Time};

use super::vocabulary as words;
use super::{MAX_TIMES, Misread, Read, Reading};
use crate::timers::cron::{Cron, FIELDS, MONTH};
use crate::timers::timer::Kind;

impl Reading {
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
    pub(super) fn repeated(&mut self) -> Read {
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
                cron.fields[MONTH] = month.fields[MONTH].clone();
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

fn cron_of(fields: &[(&str, String)]) -> Option<Cron> {
    let mut texts: [Option<String>; 8] = Default::default();
    for (name, text) in fields {
        let at = FIELDS.iter().position(|known| known == name)?;
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
