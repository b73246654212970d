//! A timer of any kind: when it fires next, and what is due after a while.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp as Instant};
use serde_json::Value as Json;

use super::cron::Cron;
use super::dates::lenient;
use super::misfire::Misfire;
use super::search;
use super::words::Schedule;
use super::zone::{Wall, instant, timestamp, zone};
use crate::model::{Finding, JsonMap, Timestamp, nearest};

/// Longest interval, in seconds: a hundred years.
const LONGEST: i64 = 100 * 366 * 86_400;
/// How many days in steps are tried until one is after a moment.
const MAX_DAYS: i64 = 4_000_000;

/// A timer. Immutable, and it knows no clock: every question says which time it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    pub(super) kind: Kind,
    pub(super) zone: TimeZone,
    /// It never fires before.
    pub(super) from: Option<Instant>,
    /// It never fires later, by what the clocks of its zone show.
    pub(super) until: Option<Instant>,
    /// What becomes of runs whose time passed while nobody looked.
    pub misfire: Misfire,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Every so many seconds, counted from `anchor`, where it does not fire itself.
    Interval { seconds: i64, anchor: Instant },
    /// Once.
    Once(Instant),
    /// Whenever one of them fits.
    Crons(Vec<Cron>),
    /// Every so many days at these times, counted from a day.
    Days {
        step: i32,
        anchor: Date,
        times: Vec<Time>,
    },
}

impl Timer {
    /// The timer of a trigger type (`core.st2.IntervalTimer` and so on) with its parameters. `default_zone` is for those
    /// that name none; `now` is when it is made: intervals count from there.
    ///
    /// # Errors
    /// What is wrong, with a path below the parameters.
    pub fn from_parameters(
        type_ref: &str,
        parameters: &JsonMap,
        default_zone: &str,
        now: Timestamp,
    ) -> Result<Self, Finding> {
        let text = |key: &str| parameters.get(key).and_then(Json::as_str);
        let fail =
            |key: &str, message: String, hint: String| Err(Finding::error(format!("/{key}"), message, hint));
        let zone_name = text("timezone").filter(|name| !name.trim().is_empty());
        let zone = match zone(zone_name.unwrap_or(default_zone)) {
            Ok(zone) => zone,
            Err((message, hint)) => return fail("timezone", message, hint),
        };
        let misfire = Misfire::from_parameters(parameters)?;
        let kind = match type_ref {
            "core.st2.IntervalTimer" => interval(parameters, now)?,
            "core.st2.DateTimer" => {
                let date = text("date").unwrap_or_default();
                match lenient(date, &zone, now).ok().and_then(instant) {
                    Some(at) => Kind::Once(at),
                    None => {
                        let hint = "write it like 2026-12-31 23:59:59";
                        return fail("date", format!("`{date}` is no date"), hint.to_owned());
                    }
                }
            }
            "core.st2.CronTimer" => match Cron::from_parameters(parameters) {
                Ok(cron) => Kind::Crons(vec![cron]),
                Err(error) => return fail(error.field, error.message, error.hint),
            },
            "core.sayso.schedule" => {
                let words = text("schedule").unwrap_or_default();
                let name = zone_name.unwrap_or(default_zone);
                let schedule = match Schedule::parse(words, name, now) {
                    Ok(schedule) => schedule,
                    Err(misread) => return fail("schedule", misread.message.clone(), misread.hint()),
                };
                if schedule.is_relative {
                    let message = "this time counts from now, and a rule is read again after every start";
                    let hint = "write a date with its time, or `every day 22:00`";
                    return fail("schedule", message.to_owned(), hint.to_owned());
                }
                return Ok(Self {
                    misfire,
                    ..schedule.timer
                });
            }
            other => return Err(Finding::error("", format!("{other} is no timer"), "")),
        };
        Ok(Self {
            kind,
            zone,
            from: None,
            until: None,
            misfire,
        })
    }

    /// Every so many seconds from a moment on, where it does not fire itself; for intervals below one second it is one.
    #[must_use]
    pub fn every(seconds: i64, anchor: Timestamp) -> Option<Self> {
        Some(Self::of(
            Kind::Interval {
                seconds: seconds.clamp(1, LONGEST),
                anchor: instant(anchor)?,
            },
            TimeZone::UTC,
        ))
    }

    /// Once, at a moment.
    #[must_use]
    pub fn once(at: Timestamp) -> Option<Self> {
        Some(Self::of(Kind::Once(instant(at)?), TimeZone::UTC))
    }

    /// Whenever the fields fit in a zone.
    #[must_use]
    pub fn cron(cron: Cron, zone: TimeZone) -> Self {
        Self::of(Kind::Crons(vec![cron]), zone)
    }

    pub(super) fn of(kind: Kind, zone: TimeZone) -> Self {
        Self {
            kind,
            zone,
            from: None,
            until: None,
            misfire: Misfire::default(),
        }
    }

    /// The same between two moments, both included.
    #[must_use]
    pub fn between(mut self, from: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        self.from = from.and_then(instant);
        self.until = until.and_then(instant);
        self
    }

    /// The same, with intervals counted from another moment: when they were begun before a restart.
    #[must_use]
    pub fn anchored(mut self, at: Timestamp) -> Self {
        if let (Kind::Interval { anchor, .. }, Some(at)) = (&mut self.kind, instant(at)) {
            *anchor = at;
        }
        self
    }

    /// Whether it fires once at most.
    #[must_use]
    pub const fn is_once(&self) -> bool {
        matches!(self.kind, Kind::Once(_))
    }

    /// The name of its time zone.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// When it fires next, strictly after a moment; `None` when it never does again.
    #[must_use]
    pub fn next_fire(&self, after: Timestamp) -> Option<Timestamp> {
        let mut after = instant(after)?;
        if let Some(from) = self.from {
            // The beginning itself counts.
            after = after.max(from.checked_sub(SignedDuration::from_micros(1)).ok()?);
        }
        let next = match &self.kind {
            Kind::Once(at) => (*at > after).then_some(*at),
            Kind::Interval { seconds, anchor } => after_interval(*anchor, *seconds, after),
            Kind::Crons(crons) => crons
                .iter()
                .filter_map(|cron| search::next(cron, &self.zone, after, self.until))
                .min(),
            Kind::Days { step, anchor, times } => self.after_days(*step, *anchor, times, after),
        }?;
        let too_late = match &self.kind {
            Kind::Once(_) | Kind::Interval { .. } => self.until.is_some_and(|until| next > until),
            Kind::Crons(_) => false,
            Kind::Days { .. } => self.until.is_some_and(|until| {
                Wall::of(next, &self.zone)
                    .compare(Wall::of(until, &self.zone))
                    .is_gt()
            }),
        };
        (!too_late).then(|| timestamp(next))
    }

    /// The next `count` times after a moment.
    #[must_use]
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        let mut times = Vec::new();
        let mut at = after;
        while times.len() < count
            && let Some(next) = self.next_fire(at)
        {
            times.push(next);
            at = next;
        }
        times
    }

    fn after_days(&self, step: i32, anchor: Date, times: &[Time], after: Instant) -> Option<Instant> {
        let step = i64::from(step.max(1));
        let today = Wall::of(after, &self.zone).civil.date();
        // A day earlier, because a time that is left out moves on.
        let passed = i64::from(anchor.until(today).ok()?.get_days()) - 1;
        let mut days = passed.div_euclid(step).max(0) * step;
        while days <= MAX_DAYS {
            let date = anchor.checked_add(Span::new().try_days(days).ok()?).ok()?;
            let found = times
                .iter()
                .filter_map(|time| {
                    Wall {
                        civil: DateTime::from_parts(date, *time),
                        late: false,
                    }
                    .instant(&self.zone)
                })
                .filter(|at| *at > after)
                .min();
            if found.is_some() {
                return found;
            }
            days += step;
        }
        None
    }
}

/// The first moment after `after` that is some intervals, at least one, behind `anchor`.
fn after_interval(anchor: Instant, seconds: i64, after: Instant) -> Option<Instant> {
    let passed = after.duration_since(anchor);
    let whole = passed.as_secs().div_euclid(seconds);
    // Negative rests are rounded towards zero, so an exact one is tried first.
    (whole.max(1)..)
        .take(3)
        .filter_map(|count| {
            anchor
                .checked_add(SignedDuration::from_secs(count.checked_mul(seconds)?))
                .ok()
        })
        .find(|at| *at > after)
}

fn interval(parameters: &JsonMap, now: Timestamp) -> Result<Kind, Finding> {
    const UNITS: [(&str, i64); 5] = [
        ("weeks", 604_800),
        ("days", 86_400),
        ("hours", 3600),
        ("minutes", 60),
        ("seconds", 1),
    ];
    let unit = parameters.get("unit").and_then(Json::as_str).unwrap_or_default();
    let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        let names = UNITS.map(|(name, _)| name);
        let hint = match nearest(unit, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of {}", names.join(", ")),
        };
        return Err(Finding::error(
            "/unit",
            format!("`{unit}` is no unit of time"),
            hint,
        ));
    };
    let delta = parameters.get("delta").and_then(Json::as_i64);
    let seconds = delta.and_then(|delta| delta.checked_mul(*size));
    let wrong = |message: &str| {
        Err(Finding::error(
            "/delta",
            message,
            "write a whole number, 1 or more",
        ))
    };
    match seconds {
        None => wrong("`delta` is no number that can be used"),
        Some(..0) => wrong("an interval cannot go back in time"),
        Some(seconds) if seconds > LONGEST => wrong("an interval is a hundred years at most"),
        Some(seconds) => {
            let anchor = instant(now).unwrap_or(Instant::UNIX_EPOCH);
            // As in the reference, nothing means a second.
            let seconds = seconds.max(1);
            Ok(Kind::Interval { seconds, anchor })
        }
    }
}
