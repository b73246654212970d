//! Whether a rule matches an event, in short for all of them and at length for people.

use serde::Serialize;
use serde_json::Value as Json;

use super::definition::Rule;
use super::facts::Facts;
use super::operator::{Operator, shown};

/// What became of a rule for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The action is to run.
    Match,
    /// It is not.
    NoMatch,
    /// A criterion could not be judged, so it is not; this is recorded (a failed enforcement).
    Failed {
        /// The criterion's key.
        key: String,
        /// Why.
        reason: String,
    },
}

/// Everything that decided about a rule, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Ref of the rule.
    pub rule: String,
    /// Whether the action would run.
    pub matched: bool,
    /// Why not, when no criterion is to blame: the rule is off, the payload is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Every criterion, in order, those behind the first one that decided as well.
    pub criteria: Vec<Explained>,
}

/// What one criterion found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// The key as it was written.
    pub key: String,
    /// Name of the operator.
    #[serde(rename = "type")]
    pub operator: &'static str,
    /// Whether there is a value at all.
    pub found: bool,
    /// The value found; null where there is none.
    pub value: Json,
    /// The pattern, rendered; null where it could not be.
    pub pattern: Json,
    /// Whether they match.
    pub matched: bool,
    /// Whether that could not be told: the reference keeps a failed enforcement.
    pub failed: bool,
    /// In words; empty where value and pattern say it all.
    pub reason: String,
}

impl Rule {
    /// Whether the rule matches the event. Whether it is enabled is the caller's question, and so is the order of
    /// standard rules and backstops.
    ///
    /// Criteria that say which values there must be (`equals` and `inside` a list) are looked at before all others, in the index and here: an event
    /// that they rule out costs nothing, and leaves no failure of another criterion behind.
    #[must_use]
    pub fn judge(&self, facts: &Facts<'_>) -> Verdict {
        if self.criteria.is_empty() {
            return Verdict::Match;
        }
        if facts.is_empty() {
            return Verdict::NoMatch;
        }
        for criterion in self.criteria.iter().filter(|criterion| criterion.is_cheap()) {
            if criterion.meets(facts) == Ok(false) {
                return Verdict::NoMatch;
            }
        }
        for criterion in &self.criteria {
            match criterion.meets(facts) {
                Ok(true) => {}
                Ok(false) => return Verdict::NoMatch,
                Err(reason) => {
                    return Verdict::Failed {
                        key: criterion.key.clone(),
                        reason,
                    };
                }
            }
        }
        Verdict::Match
    }

    /// Judges every criterion and tells what each found.
    #[must_use]
    pub fn explain(&self, facts: &Facts<'_>) -> Explanation {
        let criteria: Vec<Explained> = self
            .criteria
            .iter()
            .map(|criterion| {
                let checked = criterion.check(facts);
                let found = checked.value.is_some();
                let value = checked.value.map_or(Json::Null, |value| value.into_owned());
                let pattern = checked.pattern.map_or(Json::Null, |pattern| pattern.into_owned());
                let (matched, failed) = match &checked.matched {
                    Ok(matched) => (*matched, false),
                    Err(_) => (false, true),
                };
                let reason = match checked.matched {
                    Err(reason) => reason,
                    Ok(matched) => checked
                        .note
                        .unwrap_or_else(|| words(criterion.operator, found, &value, &pattern, matched)),
                };
                Explained {
                    key: criterion.key.clone(),
                    operator: criterion.operator.name(),
                    found,
                    value,
                    pattern,
                    matched,
                    failed,
                    reason,
                }
            })
            .collect();
        let empty = !criteria.is_empty() && facts.is_empty();
        let reason = if !self.enabled {
            Some("the rule is disabled".to_owned())
        } else if empty {
            Some("the payload is empty, and a rule with criteria never matches that".to_owned())
        } else {
            None
        };
        Explanation {
            rule: self.reference.clone(),
            matched: reason.is_none() && criteria.iter().all(|criterion| criterion.matched),
            reason,
            criteria,
        }
    }
}

/// Why a criterion that does not match does not, where it is not plain to see.
fn words(operator: Operator, found: bool, value: &Json, pattern: &Json, matched: bool) -> String {
    if matched {
        return String::new();
    }
    if operator == Operator::NotExists {
        return "there is a value".to_owned();
    }
    if !found {
        return "there is no such value".to_owned();
    }
    if pattern.is_null() && !operator.takes_null() {
        return format!("`{}` never matches without a pattern", operator.name());
    }
    let as_text = |value: &Json| match value {
        Json::String(text) => text.clone(),
        other => crate::expr::pyvalue::str(other),
    };
    if operator == Operator::Equals
        && value.is_string() != pattern.is_string()
        && as_text(value) == as_text(pattern)
    {
        return format!(
            "they look alike, but {} is not {}: `equals` never converts",
            shown(value),
            shown(pattern)
        );
    }
    if operator == Operator::Equals
        && let (Json::String(value), Json::String(pattern)) = (value, pattern)
        && value.to_lowercase() == pattern.to_lowercase()
    {
        return "only upper and lower case differ: `iequals` would match".to_owned();
    }
    String::new()
}
