//! How often rules ran lately: windows in memory, stored with the events that they count, and told when they are over.
//!
//! A window's state is a row in the commit of every event that it counts, so a restart goes on with it. Events that are
//! stored at the same moment may leave the state of the one before; after a crash a count can therefore be a little low. Each
//! event that did not run says so itself (`suppressed`).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value as Json, json};

use super::Events;
use crate::model::{Enforcement, HeldBack, Id, Timestamp};
use crate::rules::{Admission, Report, Throttle, Windows};
use crate::store::{StoreError, Write};

/// Named values with open windows: `throttle.<rule>:<group>`.
const STATE: &str = "throttle.";
/// How often windows are looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// The windows of all rules.
#[derive(Default)]
pub(super) struct Throttles {
    rules: Mutex<HashMap<String, Held>>,
}

/// The windows of one rule.
#[derive(Default)]
struct Held {
    windows: Windows,
    /// The last event that did not run, by group.
    last: HashMap<String, Id>,
    /// Windows that are over and not told yet.
    over: Vec<(Report, Option<Id>)>,
    rate: String,
}

impl Held {
    fn close(&mut self, now: Timestamp) {
        for report in self.windows.ended(now) {
            let last = self.last.remove(&report.group);
            self.over.push((report, last));
        }
        let windows = &self.windows;
        self.last.retain(|group, _| windows.is_open(group));
    }
}

impl Throttles {
    /// Counts an event. Gives whether it runs, and the row that keeps the count.
    pub(super) fn admit(
        &self,
        rule: &str,
        throttle: &Throttle,
        group: &str,
        instance: Id,
        now: Timestamp,
    ) -> (bool, Write) {
        let mut rules = self.rules.lock();
        let held = rules.entry(rule.to_owned()).or_default();
        held.rate = throttle.rate();
        held.close(now);
        let runs = held.windows.admit(group, throttle.limit, throttle.seconds, now) == Admission::Run;
        let place = held.windows.place_of(group).to_owned();
        if !runs {
            held.last.insert(place.clone(), instance);
        }
        (runs, row(rule, &place, held))
    }

    /// Takes back what was counted as run.
    pub(super) fn give_back(&self, rule: &str, group: &str) {
        if let Some(held) = self.rules.lock().get_mut(rule) {
            let place = held.windows.place_of(group).to_owned();
            held.windows.give_back(&place);
        }
    }

    /// Takes what is over and not told yet.
    fn over(&self, now: Timestamp) -> Vec<(String, String, Report, Option<Id>)> {
        let mut rules = self.rules.lock();
        let mut all = Vec::new();
        for (rule, held) in rules.iter_mut() {
            held.close(now);
            let rate = held.rate.clone();
            all.extend(
                held.over
                    .drain(..)
                    .map(|(report, last)| (rule.clone(), rate.clone(), report, last)),
            );
        }
        rules.retain(|_, held| !held.windows.is_empty());
        all
    }

    fn put_back(&self, rule: &str, report: Report, last: Option<Id>) {
        let mut rules = self.rules.lock();
        rules
            .entry(rule.to_owned())
            .or_default()
            .over
            .push((report, last));
    }

    /// Whether a group has an open window, whose row must stay.
    fn is_open(&self, rule: &str, group: &str) -> bool {
        let rules = self.rules.lock();
        rules.get(rule).is_some_and(|held| held.windows.is_open(group))
    }

    fn restore(&self, rule: &str, group: &str, state: &Json) -> bool {
        let mut rules = self.rules.lock();
        let held = rules.entry(rule.to_owned()).or_default();
        if let Some(rate) = state["rate"].as_str() {
            rate.clone_into(&mut held.rate);
        }
        if let Some(last) = state["last"].as_str().and_then(|id| id.parse().ok()) {
            held.last.insert(group.to_owned(), last);
        }
        held.windows.restore(group, &state["window"])
    }
}

fn key(rule: &str, group: &str) -> String {
    format!("{STATE}{rule}:{group}")
}

fn row(rule: &str, place: &str, held: &Held) -> Write {
    let window = held.windows.saved(place);
    Write::Setting {
        key: key(rule, place),
        value: window
            .map(|window| json!({"window": window, "last": held.last.get(place), "rate": held.rate})),
    }
}

impl Events {
    /// Goes on with the windows of the last run. To be called before events come in.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load_windows(&self) -> Result<(), StoreError> {
        for (key, state) in self.store().settings(STATE.to_owned()).await? {
            let place = key.strip_prefix(STATE).and_then(|rest| rest.split_once(':'));
            let restored =
                place.is_some_and(|(rule, group)| self.shared.throttles.restore(rule, group, &state));
            if !restored {
                tracing::warn!(key, "the stored count of a rule cannot be read and begins anew");
            }
        }
        Ok(())
    }

    /// Tells of windows that are over, until the store is closed: one row each, with how many events did not run.
    pub async fn sweep(self) {
        loop {
            match self.tell_over(Timestamp::now()).await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "cannot store what rules were held back from; trying again")
                }
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Tells of windows that are over at a time.
    ///
    /// # Errors
    /// When the store cannot be written; they are told later then.
    pub async fn tell_over(&self, now: Timestamp) -> Result<(), StoreError> {
        let throttles = &self.shared.throttles;
        let mut over = throttles.over(now).into_iter();
        while let Some((rule, rate, report, last)) = over.next() {
            let mut rows = Vec::with_capacity(2);
            if !throttles.is_open(&rule, &report.group) {
                rows.push(Write::Setting {
                    key: key(&rule, &report.group),
                    value: None,
                });
            }
            // A window without a known event has nothing to point at; its count is kept all the same.
            rows.push(Write::Enforcement(Enforcement {
                id: Id::new(),
                rule: rule.clone(),
                instance: last.unwrap_or_else(Id::new),
                execution: None,
                enforced_at: now,
                failure: None,
                held_back: Some(HeldBack {
                    count: report.suppressed,
                    group: report.group.clone(),
                    rate,
                    from: report.from,
                    until: report.until,
                }),
            }));
            tracing::info!(rule = %rule, group = %report.group, suppressed = report.suppressed, "a rule was held back");
            if let Err(error) = self.store().commit(rows).await {
                throttles.put_back(&rule, report, last);
                for (rule, _, report, last) in over {
                    throttles.put_back(&rule, report, last);
                }
                return Err(super::EmitError::from(error).into());
            }
        }
        self.forget_quiet(now).await
    }

    /// Removes the rows of windows that are over and held nothing back.
    async fn forget_quiet(&self, now: Timestamp) -> Result<(), StoreError> {
        // Seldom: such rows are few (one per group that ran), and harmless until then.
        const SELDOM: i64 = 600 * 1_000_000;
        {
            let mut last = self.shared.swept.lock();
            if now.micros() - last.micros() < SELDOM {
                return Ok(());
            }
            *last = now;
        }
        let mut rows: BTreeMap<String, Write> = BTreeMap::new();
        for (name, _) in self.store().settings(STATE.to_owned()).await? {
            let place = name.strip_prefix(STATE).and_then(|rest| rest.split_once(':'));
            if place.is_none_or(|(rule, group)| !self.shared.throttles.is_open(rule, group)) {
                let gone = Write::Setting {
                    key: name.clone(),
                    value: None,
                };
                rows.insert(name, gone);
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let committed = self.store().commit(rows.into_values().collect()).await;
        committed.map_err(|error| super::EmitError::from(error).into())
    }
}
