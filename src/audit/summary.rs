//! What happened, per person and per action, as plain data for a template.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::model::{AuditDraft, AuditEntry, Id, Status, Timestamp};

use super::{CHAT_AMBIGUOUS, CHAT_NOT_UNDERSTOOD, DETAIL_COUNT, DETAIL_REASON, DETAIL_SECONDS};

/// Failures that are listed; the rest is counted.
const FAILURES: usize = 20;
/// Pairs of person and action that are told apart; what comes later counts as [`OTHERS`].
const PAIRS: usize = 20_000;
/// Name of the people and the action that are counted together because there are too many.
const OTHERS: &str = "(others)";

/// What a stretch of the audit log amounts to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Entries looked at.
    pub entries: u64,
    /// Time of the oldest.
    pub since: Option<Timestamp>,
    /// Time of the newest.
    pub until: Option<Timestamp>,
    /// There are more entries than were looked at; those are the newest.
    pub cut: bool,
    /// Messages in chat that meant nothing, or several things.
    pub not_understood: u64,
    /// All together.
    pub counts: Counts,
    /// Who did how much, the busiest first.
    pub people: Vec<PersonSummary>,
    /// Which actions, the most used first.
    pub actions: Vec<ActionSummary>,
    /// The longest execution.
    pub longest: Option<Longest>,
    /// What failed or was refused and why, the newest first, at most twenty.
    pub failures: Vec<Failure>,
    /// Failures beyond those listed.
    pub more_failures: u64,
}

/// How things ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Ended well.
    pub succeeded: u64,
    /// Ended as failed, timeout or abandoned.
    pub failed: u64,
    /// Were stopped on request.
    pub canceled: u64,
    /// Were refused.
    pub denied: u64,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.succeeded + self.failed + self.canceled + self.denied
    }

    const fn add(&mut self, ending: Ending) {
        match ending {
            Ending::Succeeded => self.succeeded += 1,
            Ending::Failed => self.failed += 1,
            Ending::Canceled => self.canceled += 1,
            Ending::Denied => self.denied += 1,
        }
    }
}

/// One person or service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PersonSummary {
    /// Internal name.
    pub actor: String,
    /// How the person's requests ended.
    pub counts: Counts,
    /// The same per action, the most used first.
    pub actions: Vec<ActionSummary>,
}

/// One action.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActionSummary {
    /// Reference of the action, empty for refusals that are about none.
    pub action: String,
    /// How its executions ended.
    pub counts: Counts,
    /// The longest of them.
    pub longest: Option<Longest>,
}

/// An execution that took its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Longest {
    /// How long.
    pub seconds: f64,
    /// Of which action.
    pub action: String,
    /// Asked for by whom.
    pub actor: String,
    /// Which execution.
    pub execution: Option<Id>,
}

/// Something that failed or was refused.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// When.
    pub timestamp: Timestamp,
    /// Who asked.
    pub actor: String,
    /// For which action.
    pub action: String,
    /// Which execution.
    pub execution: Option<Id>,
    /// The sentence, where the entry has it.
    pub text: Option<String>,
    /// `failed`, `timeout`, `abandoned` or `denied`.
    pub outcome: String,
    /// Why, as logged; empty when nothing was.
    pub why: String,
}

#[derive(Clone, Copy)]
enum Ending {
    Succeeded,
    Failed,
    Canceled,
    Denied,
}

impl Ending {
    /// How an entry's kind ends things; `None` for entries about anything else.
    fn of(kind: &str) -> Option<Self> {
        if kind.ends_with(".denied") {
            return Some(Self::Denied);
        }
        match kind.strip_prefix("execution.")?.parse().ok()? {
            Status::Succeeded => Some(Self::Succeeded),
            Status::Canceled => Some(Self::Canceled),
            status if status.is_failure() => Some(Self::Failed),
            _ => None,
        }
    }
}

#[derive(Default)]
struct Tally {
    counts: Counts,
    longest: Option<Longest>,
}

impl Tally {
    fn add(&mut self, ending: Ending, took: Option<&Longest>) {
        self.counts.add(ending);
        longer(&mut self.longest, took);
    }
}

fn longer(longest: &mut Option<Longest>, took: Option<&Longest>) {
    if let Some(took) = took
        && longest
            .as_ref()
            .is_none_or(|longest| took.seconds > longest.seconds)
    {
        *longest = Some(took.clone());
    }
}

/// A summary in the making: entries are added one by one, in any order, and not kept. Memory is bounded.
#[derive(Default)]
pub struct Sums {
    summary: Summary,
    people: BTreeMap<String, BTreeMap<String, Tally>>,
    actions: BTreeMap<String, Tally>,
    pairs: usize,
    failures: Vec<Failure>,
}

impl Sums {
    /// Entries added so far.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.summary.entries
    }

    /// Adds an entry.
    pub fn add(&mut self, AuditEntry { draft, .. }: &AuditEntry) {
        let summary = &mut self.summary;
        summary.entries += 1;
        let time = draft.timestamp;
        summary.since = Some(summary.since.map_or(time, |since| since.min(time)));
        summary.until = Some(summary.until.map_or(time, |until| until.max(time)));
        if [CHAT_NOT_UNDERSTOOD, CHAT_AMBIGUOUS].contains(&draft.kind.as_str()) {
            summary.not_understood += draft.detail[DETAIL_COUNT].as_u64().unwrap_or(1);
        }
        let Some(ending) = Ending::of(&draft.kind) else {
            return;
        };
        let action = draft.action.as_deref().unwrap_or_default();
        let took = seconds(&draft.detail).map(|seconds| Longest {
            seconds,
            action: action.to_owned(),
            actor: draft.actor.clone(),
            execution: draft.execution,
        });
        summary.counts.add(ending);
        longer(&mut summary.longest, took.as_ref());
        if matches!(ending, Ending::Failed | Ending::Denied) {
            self.failures.push(failure(draft));
            if self.failures.len() > 2 * FAILURES {
                self.newest_failures_only();
            }
        }
        let known = self
            .people
            .get(&draft.actor)
            .is_some_and(|actions| actions.contains_key(action));
        let (actor, action) = if known || self.pairs < PAIRS {
            (draft.actor.as_str(), action)
        } else {
            (OTHERS, OTHERS)
        };
        let tally = |tally: &mut Tally| tally.add(ending, took.as_ref());
        tally(self.actions.entry(action.to_owned()).or_default());
        let of_person = self.people.entry(actor.to_owned()).or_default();
        let before = of_person.len();
        tally(of_person.entry(action.to_owned()).or_default());
        self.pairs += of_person.len() - before;
    }

    /// The summary of what was added. `cut`: there was more.
    #[must_use]
    pub fn finish(mut self, cut: bool) -> Summary {
        self.newest_failures_only();
        let mut people: Vec<_> = self
            .people
            .into_iter()
            .map(|(actor, actions)| person(actor, actions))
            .collect();
        people.sort_by_key(|person| std::cmp::Reverse(person.counts.total()));
        Summary {
            cut,
            failures: self.failures,
            actions: by_use(self.actions),
            people,
            ..self.summary
        }
    }

    /// Leaves the newest failures, the newest first, and counts the others.
    fn newest_failures_only(&mut self) {
        self.failures
            .sort_by_key(|failure| std::cmp::Reverse(failure.timestamp));
        self.summary.more_failures += self.failures.len().saturating_sub(FAILURES) as u64;
        self.failures.truncate(FAILURES);
    }
}

/// Sums up entries, whatever their order.
#[must_use]
pub fn summary<'a>(entries: impl IntoIterator<Item = &'a AuditEntry>) -> Summary {
    let mut sums = Sums::default();
    entries.into_iter().for_each(|entry| sums.add(entry));
    sums.finish(false)
}

fn failure(draft: &AuditDraft) -> Failure {
    Failure {
        timestamp: draft.timestamp,
        actor: draft.actor.clone(),
        action: draft.action.clone().unwrap_or_default(),
        execution: draft.execution,
        text: draft.text.clone(),
        outcome: draft.kind.rsplit('.').next().unwrap_or_default().to_owned(),
        why: draft
            .detail
            .get(DETAIL_REASON)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    }
}

fn seconds(detail: &Value) -> Option<f64> {
    detail.get(DETAIL_SECONDS)?.as_f64()
}

fn by_use(actions: BTreeMap<String, Tally>) -> Vec<ActionSummary> {
    let named = |(action, tally): (String, Tally)| ActionSummary {
        action,
        counts: tally.counts,
        longest: tally.longest,
    };
    let mut actions: Vec<_> = actions.into_iter().map(named).collect();
    actions.sort_by_key(|action| std::cmp::Reverse(action.counts.total()));
    actions
}

fn person(actor: String, actions: BTreeMap<String, Tally>) -> PersonSummary {
    let mut counts = Counts::default();
    for tally in actions.values() {
        counts.succeeded += tally.counts.succeeded;
        counts.failed += tally.counts.failed;
        counts.canceled += tally.counts.canceled;
        counts.denied += tally.counts.denied;
    }
    PersonSummary {
        actor,
        counts,
        actions: by_use(actions),
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::*;

    fn entry(second: i64, actor: &str, action: &str, kind: &str, detail: Value) -> AuditEntry {
        AuditEntry {
            number: 0,
            hash: [0; 32],
            draft: AuditDraft {
                timestamp: Timestamp::from_micros(second * 1_000_000),
                kind: kind.to_owned(),
                actor: actor.to_owned(),
                action: Some(action.to_owned()),
                detail,
                ..AuditDraft::default()
            },
        }
    }

    #[test]
    fn people_actions_the_longest_and_the_failures_are_told() {
        let entries = [
            entry(1, "ana", "core.local", "execution.requested", json!({})),
            entry(
                2,
                "ana",
                "core.local",
                "execution.succeeded",
                json!({"seconds": 2.5}),
            ),
            entry(
                3,
                "ana",
                "core.local",
                "execution.failed",
                json!({"seconds": 9.0, "reason": "exit code 1"}),
            ),
            entry(
                4,
                "ana",
                "ops.deploy",
                "execution.canceled",
                json!({"seconds": 1}),
            ),
            entry(
                5,
                "bo",
                "ops.deploy",
                "access.denied",
                json!({"reason": "bo is no deployer"}),
            ),
            entry(6, "bo", "core.local", "execution.timeout", Value::Null),
        ];
        let summary = summary(&entries);
        assert_eq!(summary.entries, 6);
        assert_eq!(
            summary.counts,
            Counts {
                succeeded: 1,
                failed: 2,
                canceled: 1,
                denied: 1
            }
        );
        assert_eq!(summary.since, Some(Timestamp::from_micros(1_000_000)));
        assert_eq!(summary.until, Some(Timestamp::from_micros(6_000_000)));
        let people: Vec<_> = summary
            .people
            .iter()
            .map(|person| (person.actor.as_str(), person.counts))
            .collect();
        let ana = Counts {
            succeeded: 1,
            failed: 1,
            canceled: 1,
            denied: 0,
        };
        assert_eq!(
            people,
            [
                ("ana", ana),
                (
                    "bo",
                    Counts {
                        failed: 1,
                        denied: 1,
                        ..Counts::default()
                    }
                )
            ]
        );
        assert_eq!(summary.people[0].actions[0].action, "core.local");
        assert_eq!(summary.actions[0].action, "core.local");
        assert_eq!(summary.actions[0].counts.total(), 3);
        assert_eq!(summary.longest.as_ref().unwrap().seconds, 9.0);
        assert_eq!(summary.actions[1].longest.as_ref().unwrap().seconds, 1.0);
        let failures: Vec<_> = summary
            .failures
            .iter()
            .map(|failure| (failure.outcome.as_str(), failure.why.as_str()))
            .collect();
        assert_eq!(
            failures,
            [
                ("timeout", ""),
                ("denied", "bo is no deployer"),
                ("failed", "exit code 1")
            ]
        );
        assert_eq!(summary.more_failures, 0);
    }

    #[test]
    fn only_the_newest_failures_are_listed() {
        let entries: Vec<_> = (0..100)
            .map(|second| entry(second * 7 % 100, "ana", "a.b", "execution.failed", Value::Null))
            .collect();
        let summary = summary(&entries);
        let seconds: Vec<_> = summary
            .failures
            .iter()
            .map(|failure| failure.timestamp.micros() / 1_000_000)
            .collect();
        assert_eq!(seconds, (80..100).rev().collect::<Vec<_>>());
        assert_eq!((summary.more_failures, summary.counts.failed), (80, 100));
    }

    #[test]
    fn memory_does_not_grow_with_names() {
        let mut sums = Sums::default();
        for number in 0..PAIRS + 5 {
            let actor = format!("user{number}");
            sums.add(&entry(1, &actor, "a.b", "execution.succeeded", Value::Null));
        }
        sums.add(&entry(2, "user0", "a.b", "execution.succeeded", Value::Null));
        let summary = sums.finish(true);
        assert!(summary.cut);
        assert_eq!(summary.people.len(), PAIRS + 1);
        assert_eq!(summary.people[0].actor, OTHERS);
        assert_eq!(summary.people[0].counts.succeeded, 5);
        assert_eq!(summary.people[1].actor, "user0");
        assert_eq!(summary.actions[0].counts.succeeded, PAIRS as u64 + 1);
    }

    #[test]
    fn messages_that_meant_nothing_are_counted() {
        let entries = [
            entry(1, "ana", "", CHAT_NOT_UNDERSTOOD, json!({})),
            entry(2, "ana", "", CHAT_NOT_UNDERSTOOD, json!({DETAIL_COUNT: 7})),
            entry(3, "bo", "", CHAT_AMBIGUOUS, json!({})),
        ];
        let summary = summary(&entries);
        assert_eq!((summary.not_understood, summary.counts.total()), (9, 0));
    }
}
