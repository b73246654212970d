//! Which of thousands of rules can match an event at all.
//!
//! Rules are kept by trigger, and below that by one criterion that says which values there must be (`equals`, or
//! `inside` a list). An event is looked up by its own values, so its cost grows with the rules that can match.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value as Json;

use super::criterion::Criterion;
use super::definition::{Rule, RuleKind};
use super::facts::Facts;
use super::judge::Verdict;
use super::path::walk;
use crate::expr::jsonpath::Step;
use crate::triggers::TriggerKey;
use crate::triggers::webhook::Auth;

/// Most values of one `inside` by which a rule is kept.
const MOST_VALUES: usize = 64;
/// So many rules with one value are judged faster than another path is looked up.
const FEW: usize = 4;

/// All enabled rules, ready for events. Immutable: a change makes a new one.
#[derive(Debug, Default)]
pub struct Index {
    triggers: HashMap<TriggerKey, Bucket>,
    count: usize,
}

/// The rules of one trigger.
#[derive(Debug, Default)]
struct Bucket {
    /// In order of ref; the lists below count in it.
    rules: Vec<Arc<Rule>>,
    guards: Vec<Guard>,
    /// Rules that any event can match.
    open: Vec<u32>,
    has_backstops: bool,
    senders: Vec<Senders>,
}

/// Rules of a trigger that take its events from the same senders.
#[derive(Debug)]
pub struct Senders {
    /// How senders prove who they are; `None`: as clients of the API do.
    pub auth: Option<Auth>,
    /// The rules, in order of ref; never empty.
    pub rules: Vec<Arc<Rule>>,
}

/// Rules by the value that they want at one path.
#[derive(Debug)]
struct Guard {
    path: Vec<Step>,
    by_value: HashMap<Scalar, Vec<u32>>,
}

/// A value as Python compares it: numbers and Booleans are one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Scalar {
    Text(String),
    /// Bits of the float; integers only as far as floats are exact.
    Number(u64),
}

impl Scalar {
    fn of(value: &Json) -> Option<Self> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let number = match value {
            Json::String(text) => return Some(Self::Text(text.clone())),
            Json::Bool(flag) => f64::from(u8::from(*flag)),
            Json::Number(number) => number.as_f64()?,
            _ => return None,
        };
        // -0.0 equals 0.0.
        (number.abs() < EXACT).then(|| Self::Number((number + 0.0).to_bits()))
    }
}

/// What an event came to, rule by rule.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Never [`Verdict::NoMatch`].
    pub verdict: Verdict,
}

impl Index {
    /// Puts rules in order. Disabled ones are left out.
    pub fn new(rules: impl IntoIterator<Item = Arc<Rule>>) -> Self {
        let mut by_trigger: BTreeMap<TriggerKey, Vec<Arc<Rule>>> = BTreeMap::new();
        let mut count = 0;
        for rule in rules.into_iter().filter(|rule| rule.enabled) {
            count += 1;
            let key = TriggerKey::new(&rule.trigger.type_ref, &rule.trigger.parameters);
            by_trigger.entry(key).or_default().push(rule);
        }
        let triggers = by_trigger
            .into_iter()
            .map(|(key, rules)| (key, Bucket::new(rules)))
            .collect();
        Self { triggers, count }
    }

    /// How many rules are enabled.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether no rule is enabled.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The triggers that have rules.
    pub fn triggers(&self) -> impl Iterator<Item = &TriggerKey> {
        self.triggers.keys()
    }

    /// The rules of a trigger, in order of ref.
    #[must_use]
    pub fn rules(&self, trigger: &TriggerKey) -> &[Arc<Rule>] {
        self.triggers.get(trigger).map_or(&[], |bucket| &bucket.rules)
    }

    /// The rules of a trigger by whom they take events from.
    #[must_use]
    pub fn senders(&self, trigger: &TriggerKey) -> &[Senders] {
        self.triggers.get(trigger).map_or(&[], |bucket| &bucket.senders)
    }

    /// The rules of a trigger that can match the payload, in order of ref: all that do, and some that do not.
    #[must_use]
    pub fn candidates(&self, trigger: &TriggerKey, payload: &Json) -> Vec<&Arc<Rule>> {
        let Some(bucket) = self.triggers.get(trigger) else {
            return Vec::new();
        };
        let mut places = bucket.open.clone();
        for guard in &bucket.guards {
            // What is no single value matches none of the rules kept by one.
            let Ok(Some(value)) = walk(payload, &guard.path) else {
                continue;
            };
            if let Some(found) = Scalar::of(value).and_then(|value| guard.by_value.get(&value)) {
                places.extend_from_slice(found);
            }
        }
        places.sort_unstable();
        places.iter().map(|at| &bucket.rules[*at as usize]).collect()
    }

    /// Judges an event of a trigger: standard rules first, and backstops only when none of these matched.
    #[must_use]
    pub fn judge(&self, trigger: &TriggerKey, facts: &Facts<'_>) -> Vec<Judged> {
        let candidates = self.candidates(trigger, facts.payload());
        let mut judged = Vec::new();
        for kind in [RuleKind::Standard, RuleKind::Backstop] {
            for rule in candidates.iter().filter(|rule| rule.kind == kind) {
                let verdict = rule.judge(facts);
                if verdict != Verdict::NoMatch {
                    let rule = Arc::clone(rule);
                    judged.push(Judged { rule, verdict });
                }
            }
            let backstops = self
                .triggers
                .get(trigger)
                .is_some_and(|bucket| bucket.has_backstops);
            if !backstops || judged.iter().any(|judged| judged.verdict == Verdict::Match) {
                break;
            }
        }
        judged
    }
}

impl Bucket {
    fn new(mut rules: Vec<Arc<Rule>>) -> Self {
        rules.sort_by(|a, b| a.reference.cmp(&b.reference));
        // How many rules want a value at a path, and how many look at the path at all.
        let mut wanted: HashMap<(&str, Scalar), usize> = HashMap::new();
        let mut popular: HashMap<&str, usize> = HashMap::new();
        for criterion in rules.iter().flat_map(|rule| &rule.criteria) {
            let path = criterion.path.text();
            for value in values(criterion).into_iter().flatten() {
                *wanted.entry((path, value)).or_default() += 1;
                *popular.entry(path).or_default() += 1;
            }
        }
        let mut guards: Vec<Guard> = Vec::new();
        let mut open = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            // Few rules should share the value; among paths that do that well, one that others use saves a look.
            let cost = |criterion: &Criterion, values: &[Scalar]| {
                let path = criterion.path.text();
                let shared = values
                    .iter()
                    .filter_map(|value| wanted.get(&(path, value.clone())));
                let shared = shared.max().copied().unwrap_or_default().max(FEW);
                (shared, std::cmp::Reverse(popular.get(path).copied()))
            };
            let best = rule
                .criteria
                .iter()
                .filter_map(|criterion| Some((criterion, values(criterion)?)))
                .min_by_key(|(criterion, values)| cost(criterion, values));
            let Some((steps, values)) =
                best.and_then(|(criterion, values)| Some((criterion.path.straight()?, values)))
            else {
                open.push(at);
                continue;
            };
            let place = guards.iter().position(|guard| guard.path == steps);
            let place = place.unwrap_or_else(|| {
                guards.push(Guard {
                    path: steps.to_vec(),
                    by_value: HashMap::new(),
                });
                guards.len() - 1
            });
            for value in values {
                guards[place].by_value.entry(value).or_default().push(at);
            }
        }
        let mut senders: Vec<Senders> = Vec::new();
        for rule in &rules {
            let rule = Arc::clone(rule);
            match senders.iter_mut().find(|known| known.auth == rule.webhook) {
                Some(known) => known.rules.push(rule),
                None => senders.push(Senders {
                    auth: rule.webhook.clone(),
                    rules: vec![rule],
                }),
            }
        }
        Self {
            senders,
            has_backstops: rules.iter().any(|rule| rule.kind == RuleKind::Backstop),
            guards,
            open,
            rules,
        }
    }
}

/// The values by which a rule with this criterion can be kept, each once.
fn values(criterion: &Criterion) -> Option<Vec<Scalar>> {
    if !criterion.is_cheap() {
        return None;
    }
    let fixed = criterion.fixed()?;
    if fixed.len() > MOST_VALUES {
        return None;
    }
    let mut values = Vec::with_capacity(fixed.len());
    for value in fixed {
        let value = Scalar::of(value)?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Some(values)
}
