//! What is to be done about an event: which rules match, whether they may run again, with which parameters.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::Events;
use super::same::{Known, Sameness};
use crate::engine::Reading;
use crate::expr::jinja::KeyLookup;
use crate::model::{Id, InboxClaim, JsonMap, Timestamp, TriggerInstance};
use crate::rules::{Facts, Judged, Rule, Verdict};
use crate::store::{StoreError, Write};
use crate::triggers::TriggerKey;

/// What one rule makes of an event.
pub(super) struct Plan {
    pub(super) rule: Arc<Rule>,
    /// Parameters of its action, or why it cannot run.
    pub(super) outcome: Result<JsonMap, String>,
    /// Secrets that its templates have decrypted.
    pub(super) secrets: Vec<String>,
    /// Says that the rule has run for this event, for rules that know events again.
    pub(super) once: Option<InboxClaim>,
    /// The group in which it was counted; given back when nothing came of it.
    counted: Option<String>,
}

/// What all rules make of an event.
#[derive(Default)]
pub(super) struct Plans {
    pub(super) plans: Vec<Plan>,
    /// Rules that matched and were held back, because they ran often enough or know the event.
    pub(super) suppressed: Vec<String>,
    /// Counts to be stored with the event.
    pub(super) rows: Vec<Write>,
}

impl Events {
    /// Judges an instance.
    pub(super) async fn plan(&self, instance: &TriggerInstance) -> Result<Plans, StoreError> {
        let now = Timestamp::now();
        let judged = self.judge(instance, now);
        let wants = judged.iter().filter(|judged| judged.verdict == Verdict::Match);
        let dedups: Vec<Arc<Rule>> = wants
            .filter(|judged| judged.rule.dedup.is_some())
            .map(|judged| Arc::clone(&judged.rule))
            .collect();
        let mut same = HashMap::new();
        if !dedups.is_empty() {
            for (rule, key) in self.keys(instance, &dedups, now) {
                let sameness = match key {
                    Err(why) => Sameness::Unclear(why),
                    Ok(None) => Sameness::New(None),
                    Ok(Some(known)) => self.sameness(known, now).await?,
                };
                same.insert(rule, sameness);
            }
        }
        Ok(self.decide(instance, judged, same, now))
    }

    /// The datastore, and which of its secrets were decrypted.
    fn reading(&self) -> Arc<Reading> {
        Arc::new(Reading::new(self.shared.parts.keys.clone()))
    }

    fn lookup(&self, reading: &Arc<Reading>) -> Option<Arc<dyn KeyLookup>> {
        let is_there = self.shared.parts.keys.is_some();
        is_there.then(|| Arc::clone(reading) as Arc<dyn KeyLookup>)
    }

    fn facts<'f>(&'f self, instance: &'f TriggerInstance, now: Timestamp) -> Facts<'f> {
        let parts = &self.shared.parts;
        Facts::new(&parts.jinja, &instance.payload, parts.keys.as_ref(), now)
    }

    fn judge(&self, instance: &TriggerInstance, now: Timestamp) -> Vec<Judged> {
        let detail = &instance.detail;
        let key = TriggerKey::new(&detail.type_ref, &detail.parameters);
        let index = self.shared.parts.book.index();
        let mut judged = index.judge(&key, &self.facts(instance, now));
        if let Some(only) = &detail.only {
            judged.retain(|judged| only.contains(&judged.rule.reference));
        }
        judged
    }

    /// What makes the event the same as another, for each rule.
    fn keys(
        &self,
        instance: &TriggerInstance,
        rules: &[Arc<Rule>],
        now: Timestamp,
    ) -> Vec<(String, Result<Option<Known>, String>)> {
        let facts = self.facts(instance, now);
        let key = |rule: &Arc<Rule>| {
            let dedup = rule.dedup.as_ref()?;
            let known = dedup.key(&facts).map(|key| {
                key.map(|key| Known {
                    rule: rule.reference.clone(),
                    key,
                    seconds: dedup.seconds,
                })
            });
            Some((rule.reference.clone(), known))
        };
        rules.iter().filter_map(key).collect()
    }

    fn decide(
        &self,
        instance: &TriggerInstance,
        judged: Vec<Judged>,
        mut same: HashMap<String, Sameness>,
        now: Timestamp,
    ) -> Plans {
        let reading = self.reading();
        let keys = self.lookup(&reading);
        let facts = Facts::new(&self.shared.parts.jinja, &instance.payload, keys.as_ref(), now);
        let depth = instance.detail.depth;
        let mut plans = Plans::default();
        for Judged { rule, verdict } in judged {
            let (mut once, mut counted) = (None, None);
            let outcome = match verdict {
                Verdict::NoMatch => continue,
                Verdict::Failed { key, reason } => Err(format!("criterion {key}: {reason}")),
                Verdict::Match if depth >= super::DEEPEST => Err(format!(
                    "{depth} rules in a row led to this event: the rule feeds itself, and was not run again"
                )),
                Verdict::Match => match same.remove(&rule.reference) {
                    // Whether it is the same event again comes first: what does not run anyway does not count.
                    Some(Sameness::Same) => {
                        plans.suppressed.push(rule.reference.clone());
                        continue;
                    }
                    Some(Sameness::Unclear(why)) => Err(why),
                    Some(Sameness::New(claim)) => {
                        once = claim;
                        Ok(())
                    }
                    None => Ok(()),
                }
                .and_then(|()| match &rule.throttle {
                    None => Ok(true),
                    Some(throttle) => {
                        let group = throttle.group(&facts)?;
                        let throttles = &self.shared.throttles;
                        let (runs, row) =
                            throttles.admit(&rule.reference, throttle, &group, instance.id, now);
                        plans.rows.push(row);
                        counted = runs.then_some(group);
                        Ok(runs)
                    }
                }),
            };
            let outcome = match outcome {
                Ok(false) => {
                    plans.suppressed.push(rule.reference.clone());
                    continue;
                }
                Ok(true) => self.parameters(&rule, &facts, instance),
                Err(why) => Err(why),
            };
            plans.plans.push(Plan {
                rule,
                outcome,
                secrets: reading.taken(),
                once,
                counted,
            });
        }
        plans
    }

    /// Why a rule matches a payload or not, and the parameters that its action would get.
    #[must_use]
    pub fn explain(&self, rule: &Rule, payload: &Arc<Json>) -> Json {
        let parts = &self.shared.parts;
        let reading = self.reading();
        let keys = self.lookup(&reading);
        let facts = Facts::new(&parts.jinja, payload, keys.as_ref(), Timestamp::now());
        let explanation = rule.explain(&facts);
        let matched = explanation.matched;
        let mut told = json!(explanation);
        if matched {
            let context = rule.context(Id::new(), &rule.trigger.type_ref, &parts.system_user);
            match parts.engine.rule_parameters(rule, &facts, context) {
                Ok(parameters) => {
                    let parameters = reading.masked(parameters);
                    told["action"] = json!({"ref": rule.action.reference, "parameters": parameters});
                }
                Err(error) => told["failure"] = json!(error.to_string()),
            }
        }
        told
    }

    fn parameters(
        &self,
        rule: &Rule,
        facts: &Facts<'_>,
        instance: &TriggerInstance,
    ) -> Result<JsonMap, String> {
        let parts = &self.shared.parts;
        let context = rule.context(instance.id, &instance.trigger, &parts.system_user);
        let rendered = parts.engine.rule_parameters(rule, facts, context);
        rendered.map_err(|error| error.to_string())
    }

    /// Gives back what was counted: nothing came of it after all.
    pub(super) fn give_back(&self, plans: &[Plan]) {
        for plan in plans {
            if let Some(group) = &plan.counted {
                self.shared.throttles.give_back(&plan.rule.reference, group);
            }
        }
    }
}
