//! What becomes of runs whose time passed while nobody looked (TIM-10), and what is due now.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::timer::Timer;
use crate::approval::span;
use crate::model::{Finding, JsonMap, Timestamp, nearest};

/// Seconds that a run may be late and still counts as on time, when nothing else is said.
const ON_TIME: i64 = 1;
/// Most runs that one question gives; the rest is given when it is asked again.
pub const MOST_DUE: usize = 1000;
/// Most times that are looked at to find the latest one that passed.
const MOST_LOOKS: usize = 20_000;

/// What becomes of missed runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// They are left out, as in the reference.
    #[default]
    Skip,
    /// One run makes up for all of them.
    Once,
    /// Every one is made up for.
    All,
}

/// How missed runs are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Misfire {
    /// What becomes of them.
    pub policy: Policy,
    /// What is later than so many seconds is left out under every policy. `None`: one second for [`Policy::Skip`], no
    /// limit for the others.
    pub grace: Option<i64>,
}

/// What is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Times whose runs are to start now, in order.
    pub fires: Vec<Timestamp>,
    /// Whether runs were left out.
    pub missed: bool,
    /// Up to where the answer goes: ask from here next time.
    pub upto: Timestamp,
    /// When to look again; `None`: never.
    pub next: Option<Timestamp>,
}

impl Misfire {
    /// From the parameters `misfire` and `grace` (`10m`, or seconds) of a timer.
    ///
    /// # Errors
    /// What is wrong.
    pub fn from_parameters(parameters: &JsonMap) -> Result<Self, Finding> {
        const NAMES: [(&str, Policy); 3] = [
            ("skip", Policy::Skip),
            ("once", Policy::Once),
            ("all", Policy::All),
        ];
        let policy = match parameters.get("misfire") {
            None | Some(Json::Null) => Policy::Skip,
            Some(value) => {
                let text = value.as_str().unwrap_or_default();
                let found = NAMES.iter().find(|(name, _)| *name == text);
                let Some((_, policy)) = found else {
                    let hint = match nearest(text, NAMES.map(|(name, _)| name)) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "write skip, once or all".to_owned(),
                    };
                    let message = format!("there is no way `{text}` to treat missed runs");
                    return Err(Finding::error("/misfire", message, hint));
                };
                *policy
            }
        };
        let grace = match parameters.get("grace") {
            None | Some(Json::Null) => None,
            Some(Json::Number(seconds)) if seconds.as_i64().is_some_and(|seconds| seconds >= 0) => {
                seconds.as_i64()
            }
            Some(value) => match span(value) {
                Ok(seconds) => Some(seconds.unwrap_or(0)),
                Err(why) => return Err(Finding::error("/grace", why, "write `grace: 10m`")),
            },
        };
        Ok(Self { policy, grace })
    }

    fn grace(self) -> Option<i64> {
        match self.policy {
            Policy::Skip => Some(self.grace.unwrap_or(0).max(ON_TIME)),
            Policy::Once | Policy::All => self.grace,
        }
    }
}

impl Timer {
    /// What is due at `now` of everything after `since`, the last moment that was looked at.
    ///
    /// Takes bounded time however long nobody looked: what would be more than [`MOST_DUE`] runs comes with the next
    /// question.
    #[must_use]
    pub fn due(&self, since: Timestamp, now: Timestamp) -> Due {
        let mut due = Due {
            upto: now.max(since),
            ..Due::default()
        };
        let mut since = since;
        if let Some(grace) = self.misfire.grace() {
            let earliest = Timestamp::from_micros(
                now.micros()
                    .saturating_sub(grace.saturating_mul(1_000_000))
                    .saturating_sub(1),
            );
            if earliest > since {
                due.missed = self.next_fire(since).is_some_and(|first| first <= earliest);
                since = earliest;
            }
        }
        if self.misfire.policy == Policy::Once {
            if let Some(last) = self.last_fire(since, now) {
                due.missed |= self.next_fire(since).is_some_and(|first| first < last);
                due.fires.push(last);
            }
        } else {
            let mut at = since;
            while let Some(next) = self.next_fire(at).filter(|next| *next <= now) {
                if due.fires.len() == MOST_DUE {
                    due.upto = at;
                    due.next = Some(now);
                    return due;
                }
                due.fires.push(next);
                at = next;
            }
        }
        due.next = self.next_fire(due.upto);
        due
    }

    /// The latest time after `since` that is not after `now`.
    fn last_fire(&self, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        // Steps back double until there is a time in between.
        let mut back = 1_000_000_i64;
        let mut found = loop {
            let from = Timestamp::from_micros(now.micros().saturating_sub(back)).max(since);
            match self.next_fire(from) {
                Some(first) if first <= now => break first,
                _ if from <= since => return None,
                _ => back = back.saturating_mul(2),
            }
        };
        for _ in 0..MOST_LOOKS {
            match self.next_fire(found) {
                Some(next) if next <= now => found = next,
                _ => break,
            }
        }
        Some(found)
    }
}
