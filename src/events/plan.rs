//! What is to be done about an event, found out without waiting for anything: which rules match, with which parameters.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Events, Shared};
use crate::engine::Reading;
use crate::expr::jinja::KeyLookup;
use crate::model::{Id, JsonMap, Timestamp, TriggerInstance};
use crate::rules::{Admission, Facts, Rule, Verdict, Windows};
use crate::triggers::TriggerKey;

/// What one rule makes of an event.
pub(super) struct Plan {
    pub(super) rule: Arc<Rule>,
    /// Parameters of its action, or why it cannot run.
    pub(super) outcome: Result<JsonMap, String>,
    /// Secrets that its templates have decrypted.
    pub(super) secrets: Vec<String>,
    /// Counted in these windows; given back when nothing came of it.
    counted: Vec<(String, String)>,
}

/// What all rules make of an event.
#[derive(Default)]
pub(super) struct Plans {
    pub(super) plans: Vec<Plan>,
    /// Rules that matched and were held back, because they ran often enough or know the event.
    pub(super) suppressed: Vec<String>,
}

impl Events {
    /// Judges an instance.
    pub(super) fn plan(&self, instance: &TriggerInstance) -> Plans {
        let parts = &self.shared.parts;
        let detail = &instance.detail;
        let index = parts.book.index();
        let key = TriggerKey::new(&detail.type_ref, &detail.parameters);
        let now = Timestamp::now();
        let reading = Arc::new(Reading::new(parts.keys.clone()));
        let keys = parts
            .keys
            .is_some()
            .then(|| Arc::clone(&reading) as Arc<dyn KeyLookup>);
        let facts = Facts::new(&parts.jinja, &instance.payload, keys.as_ref(), now);
        let mut plans = Plans::default();
        for judged in index.judge(&key, &facts) {
            let rule = judged.rule;
            if let Some(only) = &detail.only
                && !only.contains(&rule.reference)
            {
                continue;
            }
            let mut counted = Vec::new();
            let outcome = match judged.verdict {
                Verdict::NoMatch => continue,
                Verdict::Failed { key, reason } => Err(format!("criterion {key}: {reason}")),
                Verdict::Match if detail.depth >= super::DEEPEST => Err(format!(
                    "{} rules in a row led to this event: the rule feeds itself, and was not run again",
                    detail.depth
                )),
                Verdict::Match => match self.shared.admit(&rule, &facts, now, &mut counted) {
                    Ok(true) => self.parameters(&rule, &facts, instance),
                    Ok(false) => {
                        plans.suppressed.push(rule.reference.clone());
                        continue;
                    }
                    Err(why) => Err(why),
                },
            };
            plans.plans.push(Plan {
                rule,
                outcome,
                secrets: reading.taken(),
                counted,
            });
        }
        plans
    }

    /// Why a rule matches a payload or not, and the parameters that its action would get.
    #[must_use]
    pub fn explain(&self, rule: &Rule, payload: &Arc<Json>) -> Json {
        let parts = &self.shared.parts;
        let reading = Arc::new(Reading::new(parts.keys.clone()));
        let keys = parts
            .keys
            .is_some()
            .then(|| Arc::clone(&reading) as Arc<dyn KeyLookup>);
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

    /// Gives back what was counted: the event was not accepted after all.
    pub(super) fn give_back(&self, plans: &[Plan]) {
        let mut windows = self.shared.windows.lock();
        for (rule, group) in plans.iter().flat_map(|plan| &plan.counted) {
            if let Some(windows) = windows.get_mut(rule) {
                windows.give_back(group);
            }
        }
    }
}

impl Shared {
    /// Whether a rule that matches may run now.
    fn admit(
        &self,
        rule: &Rule,
        facts: &Facts<'_>,
        now: Timestamp,
        counted: &mut Vec<(String, String)>,
    ) -> Result<bool, String> {
        if rule.throttle.is_none() && rule.dedup.is_none() {
            return Ok(true);
        }
        // Whether it is the same event again comes first: what runs anyway does not count twice.
        let mut wanted = Vec::new();
        if let Some(dedup) = &rule.dedup
            && let Some(key) = dedup.key(facts)?
        {
            wanted.push((format!("{}#", rule.reference), key, 1, dedup.seconds));
        }
        if let Some(throttle) = &rule.throttle {
            let group = throttle.group(facts)?;
            wanted.push((rule.reference.clone(), group, throttle.limit, throttle.seconds));
        }
        let mut all = self.windows.lock();
        for (name, group, limit, seconds) in wanted {
            let windows: &mut Windows = all.entry(name.clone()).or_default();
            for report in windows.ended(now) {
                tracing::info!(rule = %rule.reference, group = %report.group, suppressed = report.suppressed, "a rule was held back");
            }
            if windows.admit(&group, limit, seconds, now) != Admission::Run {
                for (name, group) in counted.drain(..) {
                    if let Some(windows) = all.get_mut(&name) {
                        windows.give_back(&group);
                    }
                }
                return Ok(false);
            }
            counted.push((name, group));
        }
        Ok(true)
    }
}
