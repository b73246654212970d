//! What the policies of an action decide.

use serde_json::{Value as Json, json};

use super::definition::{Over, Policy, PolicyKind, RetryOn};
use crate::model::{Id, JsonMap, Status};

/// Executions that count for a policy: which of them must have the same values, if not all do.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// Values of the parameters that are compared; empty: all executions of the action count. A parameter that is not
    /// given is null.
    pub same: JsonMap,
}

/// Whether an execution may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Start,
    /// It waits, because of this policy.
    Delay(String),
    /// It is canceled, because of this policy.
    Cancel(String),
}

/// Whether an execution with these parameters may start.
///
/// `count` tells how many others that count are scheduled or running. Disabled policies and those of other kinds are passed over; the first that has an objection decides.
pub fn admit<'p>(
    policies: impl IntoIterator<Item = &'p Policy>,
    parameters: &JsonMap,
    mut count: impl FnMut(&Counted) -> u64,
) -> Admission {
    for policy in policies.into_iter().filter(|policy| policy.enabled) {
        let PolicyKind::Concurrency {
            threshold,
            over,
            attributes,
        } = &policy.kind
        else {
            continue;
        };
        let same = attributes
            .iter()
            .map(|name| (name.clone(), parameters.get(name).cloned().unwrap_or_default()))
            .collect();
        if count(&Counted { same }) >= u64::from(*threshold) {
            let reference = policy.reference.clone();
            return match over {
                Over::Delay => Admission::Delay(reference),
                Over::Cancel => Admission::Cancel(reference),
            };
        }
    }
    Admission::Start
}

impl Counted {
    /// Whether another execution of the action counts.
    #[must_use]
    pub fn counts(&self, parameters: &JsonMap) -> bool {
        let value = |name: &str| parameters.get(name).unwrap_or(&Json::Null);
        self.same.iter().all(|(name, same)| value(name) == same)
    }
}

/// An execution that has come to its end.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'e> {
    /// Its id.
    pub id: Id,
    /// How it ended.
    pub status: Status,
    /// Its context; what an earlier retry wrote is read from it.
    pub context: &'e JsonMap,
    /// Whether it is a part of a workflow: those are never run again by a policy.
    pub in_workflow: bool,
}

/// An execution is to be run again.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Because of this policy.
    pub policy: String,
    /// Seconds until then.
    pub delay: f64,
    /// Which retry this is, from 1.
    pub count: u32,
    /// Context of the new execution: that of the old one with `policies.retry`.
    pub context: JsonMap,
}

/// Whether an execution is to be run again. The first enabled policy that says so decides.
pub fn retry<'p>(policies: impl IntoIterator<Item = &'p Policy>, ended: &Ended<'_>) -> Option<Retry> {
    if ended.in_workflow {
        return None;
    }
    let done = ended
        .context
        .get("policies")
        .and_then(|policies| policies.pointer("/retry/retry_count"))
        .and_then(Json::as_u64)
        .unwrap_or(0);
    policies
        .into_iter()
        .filter(|policy| policy.enabled)
        .find_map(|policy| match &policy.kind {
            PolicyKind::Retry { on, max, delay } => {
                let meant = match on {
                    RetryOn::Failure => ended.status == Status::Failed,
                    RetryOn::Timeout => ended.status == Status::Timeout,
                };
                (meant && done < u64::from(*max)).then(|| {
                    let count = u32::try_from(done + 1).unwrap_or(u32::MAX);
                    let mut context = ended.context.clone();
                    let mut policies = match context.shift_remove("policies") {
                        Some(Json::Object(policies)) => policies,
                        _ => JsonMap::new(),
                    };
                    let retry = json!({
                        "applied_policy": policy.reference,
                        "retry_count": count,
                        "retried_liveaction_id": ended.id,
                    });
                    policies.insert("retry".to_owned(), retry);
                    context.insert("policies".to_owned(), Json::Object(policies));
                    Retry {
                        policy: policy.reference.clone(),
                        delay: *delay,
                        count,
                        context,
                    }
                })
            }
            PolicyKind::Concurrency { .. } => None,
        })
}
