//! Timers: fire what is due, and keep in the same commit up to when they have fired.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{Emission, EmitError, Events};
use crate::model::{JsonMap, Timestamp};
use crate::store::{StoreError, Write};
use crate::timers::Timer;
use crate::triggers::{TIMERS, Trigger, timer_payload};

/// Named values with the state of timers: `timer.<ref of the trigger>`.
const STATE: &str = "timer.";
/// Rules may change: nobody sleeps longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// What finds no room tries again so soon.
const SHORTEST_SLEEP: Duration = Duration::from_millis(5);

/// A timer of rules, and when it fires next.
#[derive(Clone, Debug, Serialize)]
pub struct Upcoming {
    /// Ref of the trigger.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Ref of its type.
    #[serde(rename = "type")]
    pub type_ref: String,
    /// Its parameters.
    pub parameters: JsonMap,
    /// Rules that it is for.
    pub rules: Vec<String>,
    /// The next times, at most three.
    pub next: Vec<Timestamp>,
}

/// A timer at work.
struct Ticking {
    trigger: Trigger,
    timer: Timer,
    /// Up to when it has fired.
    since: Timestamp,
    /// When it was made; intervals count from there.
    made: Timestamp,
}

impl Events {
    /// Fires timers until the store is closed.
    pub async fn tick(self) {
        let mut at_work: BTreeMap<String, Ticking> = BTreeMap::new();
        let mut known = None;
        loop {
            let index = self.shared.parts.book.index();
            let is_same = known.as_ref().is_some_and(|known| Arc::ptr_eq(known, &index));
            if !is_same {
                match self.timers(&at_work).await {
                    Ok(timers) => at_work = timers,
                    Err(StoreError::Closed) => return,
                    Err(error) => tracing::error!(%error, "cannot read the state of timers; trying again"),
                }
                known = Some(index);
            }
            let mut next: Option<Timestamp> = None;
            for ticking in at_work.values_mut() {
                match self.fire(ticking).await {
                    Ok(at) => next = next.into_iter().chain(at).min(),
                    Err(EmitError::Store(StoreError::Closed)) => return,
                    // It stays due.
                    Err(error) => {
                        tracing::error!(%error, trigger = %ticking.trigger.reference(), "a timer cannot fire; trying again");
                    }
                }
            }
            match self.fire_schedules().await {
                Ok(at) => next = next.into_iter().chain(at).min(),
                Err(StoreError::Closed) => return,
                Err(error) => tracing::error!(%error, "schedules cannot run; trying again"),
            }
            let rest = next.map_or(LONGEST_SLEEP, |at| {
                let micros = at.micros().saturating_sub(Timestamp::now().micros());
                Duration::from_micros(u64::try_from(micros).unwrap_or(0)).clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
            });
            tokio::time::sleep(rest).await;
        }
    }

    /// Fires what is due; tells when to look again.
    async fn fire(&self, ticking: &mut Ticking) -> Result<Option<Timestamp>, EmitError> {
        let due = ticking.timer.due(ticking.since, Timestamp::now());
        for at in due.fires {
            let state = json!({"since": at, "made": ticking.made});
            let event = Emission {
                type_ref: ticking.trigger.type_ref.clone(),
                parameters: ticking.trigger.parameters.clone(),
                payload: Arc::new(timer_payload(at)),
                occurred: Some(at),
                trace_tag: Some(ticking.trigger.timer_tag()),
                with: vec![Write::Setting {
                    key: format!("{STATE}{}", ticking.trigger.reference()),
                    value: Some(state),
                }],
                ..Emission::default()
            };
            self.emit(event).await?;
            ticking.since = at;
        }
        ticking.since = ticking.since.max(due.upto);
        Ok(due.next)
    }

    /// The timers that enabled rules want, with their state.
    async fn timers(
        &self,
        before: &BTreeMap<String, Ticking>,
    ) -> Result<BTreeMap<String, Ticking>, StoreError> {
        let now = Timestamp::now();
        let mut timers = BTreeMap::new();
        let mut rows = Vec::new();
        for (trigger, _) in self.wanted() {
            let reference = trigger.reference();
            if let Some(known) = before.get(&reference) {
                if let Some(timer) = self.timer(&trigger, known.made) {
                    let ticking = Ticking {
                        trigger,
                        timer,
                        ..*known
                    };
                    timers.insert(reference, ticking);
                }
                continue;
            }
            let key = format!("{STATE}{reference}");
            let stored = self.store().setting(key.clone()).await?;
            let time = |name: &str| -> Option<Timestamp> {
                let value = stored.as_ref()?.get(name)?;
                serde_json::from_value(value.clone()).ok()
            };
            let made = time("made").unwrap_or(now);
            let since = time("since").unwrap_or(now);
            if stored.is_none() {
                rows.push(Write::Setting {
                    key,
                    value: Some(json!({"since": since, "made": made})),
                });
            }
            if let Some(timer) = self.timer(&trigger, made) {
                let ticking = Ticking {
                    trigger,
                    timer,
                    since,
                    made,
                };
                timers.insert(reference, ticking);
            }
        }
        // What nobody wants any more begins anew when it is wanted again.
        for (key, _) in self.store().settings(STATE.to_owned()).await? {
            let reference = key.strip_prefix(STATE).unwrap_or_default();
            if !timers.contains_key(reference) {
                rows.push(Write::Setting { key, value: None });
            }
        }
        if !rows.is_empty() {
            self.store().commit(rows).await.map_err(EmitError::from)?;
        }
        Ok(timers)
    }

    fn timer(&self, trigger: &Trigger, made: Timestamp) -> Option<Timer> {
        let zone = &self.shared.parts.zone;
        match Timer::from_parameters(&trigger.type_ref, &trigger.parameters, zone, made) {
            Ok(timer) => Some(timer),
            Err(finding) => {
                tracing::error!(trigger = %trigger.reference(), why = %finding.message, "a timer cannot run");
                None
            }
        }
    }

    /// Triggers of timers that enabled rules have.
    fn wanted(&self) -> Vec<(Trigger, Vec<String>)> {
        let book = &self.shared.parts.book;
        let index = book.index();
        let mut wanted = Vec::new();
        for key in index.triggers().filter(|key| TIMERS.contains(&key.type_ref())) {
            let rules = index.rules(key);
            if let (Some(kind), Some(first)) = (book.kind(key.type_ref()), rules.first()) {
                let trigger = Trigger::new(&kind, first.trigger.parameters.clone());
                wanted.push((trigger, rules.iter().map(|rule| rule.reference.clone()).collect()));
            }
        }
        wanted
    }

    /// All timers of rules, and when they fire next.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn upcoming(&self) -> Result<Vec<Upcoming>, StoreError> {
        let now = Timestamp::now();
        let mut upcoming = Vec::new();
        for (trigger, rules) in self.wanted() {
            let reference = trigger.reference();
            let stored = self.store().setting(format!("{STATE}{reference}")).await?;
            let made = stored
                .as_ref()
                .and_then(|state: &Json| serde_json::from_value(state.get("made")?.clone()).ok())
                .unwrap_or(now);
            let timer = self.timer(&trigger, made);
            upcoming.push(Upcoming {
                next: timer.map_or_else(Vec::new, |timer| timer.upcoming(now, 3)),
                type_ref: trigger.type_ref,
                parameters: trigger.parameters,
                reference,
                rules,
            });
        }
        Ok(upcoming)
    }
}
