//! How often a rule may run: windows that begin with an event, per group, as a value that can be stored.
//!
//! `throttle: 1 per 5m by trigger.body.host` lets the first event of a host run and counts the others for five minutes;
//! when these are over, the count is told once. `dedup: trigger.body.id for 1h` lets an event run once within an hour.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::facts::Facts;
use super::grouping::Grouping;
use crate::approval::{minutes, span};
use crate::expr::jinja::Jinja;
use crate::model::Timestamp;

/// Longest window, in seconds: a year.
const LONGEST: i64 = 366 * 86_400;
/// Most runs per window that make sense to count.
const MOST_RUNS: i64 = 1_000_000;
/// Most groups whose windows are open at once; further ones share one window.
pub const MOST_GROUPS: usize = 10_000;
/// Seconds for which an event is the same one again, when it is not said.
const DEFAULT_DEDUP: i64 = 3600;
/// The group of all that found no place.
const OVERFLOW: &str = "…";

/// How often a rule may run.
#[derive(Clone, Debug, PartialEq)]
pub struct Throttle {
    /// So many runs…
    pub limit: u32,
    /// …in so many seconds.
    pub seconds: i64,
    /// Each group has its own count.
    pub by: Grouping,
}

/// Which events are the same one again.
#[derive(Clone, Debug, PartialEq)]
pub struct Dedup {
    /// What makes them the same.
    pub key: Grouping,
    /// For so many seconds.
    pub seconds: i64,
}

const THROTTLE_HINT: &str = "write `throttle: 1 per 5m` or `throttle: 3 per 1h by trigger.body.host`";
const DEDUP_HINT: &str = "write `dedup: trigger.body.id for 1h`";

type Wrong = (String, String);

fn wrong(why: impl Into<String>, hint: &str) -> Wrong {
    (why.into(), hint.to_owned())
}

/// A length of time that is longer than nothing.
fn seconds(value: &Json, hint: &str) -> Result<i64, Wrong> {
    match span(value) {
        Ok(Some(seconds)) if seconds <= LONGEST => Ok(seconds),
        Ok(Some(_)) => Err(wrong("a year is the longest", hint)),
        Ok(None) => Err(wrong("the time must be longer than nothing", hint)),
        Err(why) => Err(wrong(why, hint)),
    }
}

impl Throttle {
    /// Reads `1 per 5m by trigger.body.host`, or a map of `limit`, `per` and `by`.
    pub(super) fn read(value: &Json, jinja: &Jinja) -> Result<Self, Wrong> {
        let hint = THROTTLE_HINT;
        let (limit, per, by) = match value {
            Json::String(text) => {
                let (limit, rest) = text
                    .trim()
                    .split_once(char::is_whitespace)
                    .ok_or_else(|| wrong(format!("`{text}` is no rate"), hint))?;
                let rest = rest
                    .trim_start()
                    .strip_prefix("per ")
                    .ok_or_else(|| wrong(format!("`per` is missing in `{text}`"), hint))?;
                let (per, by) = match rest.split_once(" by ") {
                    Some((per, by)) => (per, Some(Json::String(by.trim().to_owned()))),
                    None => (rest, None),
                };
                let limit = limit
                    .parse::<i64>()
                    .map_err(|_| wrong(format!("`{limit}` is no number"), hint))?;
                (limit, length(per), by)
            }
            Json::Object(map) => {
                if let Some(key) = map
                    .keys()
                    .find(|key| !["limit", "per", "by"].contains(&key.as_str()))
                {
                    return Err(wrong(
                        format!("there is no `{key}` here"),
                        "known keys: limit, per, by",
                    ));
                }
                let limit = match map.get("limit") {
                    None => 1,
                    Some(limit) => limit
                        .as_i64()
                        .ok_or_else(|| wrong("`limit` is a whole number", hint))?,
                };
                let per = map.get("per").cloned().unwrap_or_default();
                (limit, per, map.get("by").filter(|by| !by.is_null()).cloned())
            }
            _ => return Err(wrong("this is no rate", hint)),
        };
        if !(1..=MOST_RUNS).contains(&limit) {
            return Err(wrong(
                format!("{limit} runs are not possible: 1 to {MOST_RUNS} are"),
                hint,
            ));
        }
        Ok(Self {
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            seconds: seconds(&per, hint)?,
            by: by.map_or_else(|| Ok(Grouping::default()), |by| Grouping::read(&by, jinja))?,
        })
    }

    /// `1 per 5m`
    #[must_use]
    pub fn rate(&self) -> String {
        format!("{} per {}", self.limit, minutes(self.seconds))
    }

    /// The group of an event. Events without any of the values are one group.
    ///
    /// # Errors
    /// A template that fails.
    pub fn group(&self, facts: &Facts<'_>) -> Result<String, String> {
        Ok(self.by.key(facts)?.unwrap_or_default())
    }
}

/// A length as text: `hour` and `5 minutes` too.
fn length(text: &str) -> Json {
    let text = text.trim();
    let counted = text.starts_with(|c: char| c.is_ascii_digit());
    Json::String(if counted {
        text.to_owned()
    } else {
        format!("1 {text}")
    })
}

impl Dedup {
    /// Reads `trigger.body.id for 1h`, or a map of `key` and `for`.
    pub(super) fn read(value: &Json, jinja: &Jinja) -> Result<Self, Wrong> {
        let hint = DEDUP_HINT;
        let (key, time) = match value {
            Json::String(text) => match text.rsplit_once(" for ") {
                Some((key, time)) => (Json::String(key.trim().to_owned()), Some(length(time))),
                None => (Json::String(text.trim().to_owned()), None),
            },
            Json::Object(map) => {
                if let Some(key) = map.keys().find(|key| !["key", "for"].contains(&key.as_str())) {
                    return Err(wrong(format!("there is no `{key}` here"), "known keys: key, for"));
                }
                let key = map
                    .get("key")
                    .cloned()
                    .ok_or_else(|| wrong("`key` is missing", hint))?;
                (key, map.get("for").cloned())
            }
            Json::Array(_) => (value.clone(), None),
            _ => return Err(wrong("this is no key", hint)),
        };
        Ok(Self {
            key: Grouping::read(&key, jinja)?,
            seconds: time.map_or(Ok(DEFAULT_DEDUP), |time| seconds(&time, hint))?,
        })
    }

    /// The key of an event; `None` when it has none and is never the same as another.
    ///
    /// # Errors
    /// A template that fails.
    pub fn key(&self, facts: &Facts<'_>) -> Result<Option<String>, String> {
        self.key.key(facts)
    }
}

/// Whether an event may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Run,
    /// It may not.
    Suppress {
        /// How many were suppressed in this window, this one included.
        count: u64,
        /// When the window ends.
        until: Timestamp,
    },
}

/// A window that is over and suppressed something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The group; empty when there is only one.
    pub group: String,
    /// How many events did not run.
    pub suppressed: u64,
    /// When the window began.
    pub from: Timestamp,
    /// When it ended.
    pub until: Timestamp,
    /// When the last of them came.
    pub last: Timestamp,
}

/// The open windows of one rule. Small enough to be kept as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    open: BTreeMap<String, Window>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Window {
    from: Timestamp,
    until: Timestamp,
    ran: u32,
    suppressed: u64,
    last: Timestamp,
}

impl Windows {
    /// Counts an event of a group. Ask [`Windows::ended`] first, so that nothing of an older window gets lost.
    ///
    /// A clock that goes back does not make windows longer: one that begins in the future counts as ended.
    pub fn admit(&mut self, group: &str, limit: u32, seconds: i64, now: Timestamp) -> Admission {
        let over = |window: &Window| now >= window.until || now < window.from;
        let known = self.open.get(group).is_some_and(|window| !over(window));
        if !known && self.open.len() >= MOST_GROUPS && !self.open.contains_key(group) && group != OVERFLOW {
            if self.open.get(OVERFLOW).is_some_and(|window| !over(window)) {
                return self.admit(OVERFLOW, limit, seconds, now);
            }
            // Windows that nobody misses make room.
            self.open
                .retain(|_, window| window.suppressed > 0 || !over(window));
            if self.open.len() >= MOST_GROUPS {
                return self.admit(OVERFLOW, limit, seconds, now);
            }
        }
        let fresh = || Window {
            from: now,
            until: now.plus_millis(seconds.saturating_mul(1000)),
            ran: 0,
            suppressed: 0,
            last: now,
        };
        let window = self.open.entry(group.to_owned()).or_insert_with(fresh);
        if over(window) {
            *window = fresh();
        }
        if window.ran < limit {
            window.ran += 1;
            return Admission::Run;
        }
        window.suppressed += 1;
        window.last = now;
        Admission::Suppress {
            count: window.suppressed,
            until: window.until,
        }
    }

    /// The group whose window counts an event: its own, or the one that all share that found no place.
    #[must_use]
    pub fn place_of<'g>(&self, group: &'g str) -> &'g str {
        if self.open.contains_key(group) {
            group
        } else {
            OVERFLOW
        }
    }

    /// Whether a group has a window.
    #[must_use]
    pub fn is_open(&self, group: &str) -> bool {
        self.open.contains_key(group)
    }

    /// The window of a group, to be stored.
    #[must_use]
    pub fn saved(&self, group: &str) -> Option<Json> {
        serde_json::to_value(self.open.get(group)?).ok()
    }

    /// Goes on with a stored window; false when it cannot be read.
    pub fn restore(&mut self, group: &str, window: &Json) -> bool {
        match serde_json::from_value(window.clone()) {
            Ok(window) => {
                self.open.insert(group.to_owned(), window);
                true
            }
            Err(_) => false,
        }
    }

    /// Takes back what [`Windows::admit`] let run, because it did not run after all.
    pub fn give_back(&mut self, group: &str) {
        if let Some(window) = self.open.get_mut(group) {
            window.ran = window.ran.saturating_sub(1);
        }
    }

    /// Closes the windows that are over and tells those that suppressed something.
    pub fn ended(&mut self, now: Timestamp) -> Vec<Report> {
        let mut reports = Vec::new();
        self.open.retain(|group, window| {
            if now < window.until {
                return true;
            }
            if window.suppressed > 0 {
                reports.push(Report {
                    group: group.clone(),
                    suppressed: window.suppressed,
                    from: window.from,
                    until: window.until,
                    last: window.last,
                });
            }
            false
        });
        reports
    }

    /// When the next window with something to tell ends.
    #[must_use]
    pub fn next_end(&self) -> Option<Timestamp> {
        self.open
            .values()
            .filter(|window| window.suppressed > 0)
            .map(|window| window.until)
            .min()
    }

    /// Whether no window is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// How many windows are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }
}
