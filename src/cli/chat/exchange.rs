//! One message and everything that answers it.

use std::collections::HashSet;

use serde_json::Value;

use crate::chat::console::ConsoleEvent;
use crate::model::{Id, Status};

/// How a message ended, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything succeeded.
    Succeeded,
    /// An execution failed, or could not be started through no fault of the message.
    Failed,
    /// It was not understood or not allowed.
    NotUnderstood,
}

impl Verdict {
    /// The exit status of the command line.
    #[must_use]
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Failed => 1,
            Self::NotUnderstood => 2,
        }
    }
}

/// What an event is to an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// A first answer.
    First,
    /// How far it is; replaces what was told before.
    Progress,
    /// A final answer.
    Final,
}

/// A message that waits for its answers.
#[derive(Debug)]
pub(super) struct Exchange {
    waiting: Vec<Id>,
    answers: HashSet<Id>,
    executions: Vec<(Id, Status)>,
    verdict: Verdict,
}

fn ids(value: &Value) -> Vec<Id> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(|id| id.as_str()?.parse().ok()).collect()
}

impl Exchange {
    /// From the server's answer to the message.
    pub(super) fn new(accepted: &Value) -> Self {
        let (waiting, answers) = (
            ids(&accepted["executions"]),
            ids(&accepted["answers"]).into_iter().collect(),
        );
        let understood = accepted["understood"].as_bool().unwrap_or(true);
        Self {
            waiting,
            answers,
            executions: Vec::new(),
            verdict: if understood {
                Verdict::Succeeded
            } else {
                Verdict::NotUnderstood
            },
        }
    }

    /// Takes in an event; `None` when it answers something else.
    pub(super) fn take(&mut self, event: &ConsoleEvent) -> Option<Shown> {
        if let Some(execution) = event.execution
            && let Some(at) = self.waiting.iter().position(|id| *id == execution)
        {
            if !event.is_final {
                return Some(if event.kind == "ack" && !event.edit {
                    Shown::First
                } else {
                    Shown::Progress
                });
            }
            self.waiting.remove(at);
            let status = event.status.unwrap_or(Status::Abandoned);
            self.executions.push((execution, status));
            if status != Status::Succeeded {
                self.verdict = self.verdict.max(Verdict::Failed);
            }
            self.waiting.extend(&event.starts);
            return Some(Shown::Final);
        }
        if event.id.is_some_and(|id| self.answers.remove(&id)) {
            self.verdict = self.verdict.max(if event.understood {
                Verdict::Failed
            } else {
                Verdict::NotUnderstood
            });
            return Some(Shown::Final);
        }
        None
    }

    /// Whether every answer is there.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.answers.is_empty()
    }

    /// How it ended so far.
    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Executions that ended.
    pub(super) fn executions(&self) -> &[(Id, Status)] {
        &self.executions
    }

    /// Executions that are still awaited.
    pub(super) fn running(&self) -> &[Id] {
        &self.waiting
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::card::Card;

    fn event(id: Option<Id>, execution: Option<Id>, kind: &str, status: Option<Status>) -> ConsoleEvent {
        ConsoleEvent {
            id,
            kind: kind.to_owned(),
            card: None,
            edit: false,
            is_final: kind == "result" || execution.is_none(),
            execution,
            status,
            understood: kind != "denied",
            silent: false,
            starts: Vec::new(),
            text: String::new(),
            blocks: Card::default(),
        }
    }

    #[test]
    fn an_exchange_is_over_when_all_it_started_is() {
        let (first, second, other) = (Id::new(), Id::new(), Id::new());
        let mut exchange = Exchange::new(&json!({"executions": [first], "answers": [], "understood": true}));
        assert_eq!(
            exchange.take(&event(None, Some(other), "result", Some(Status::Failed))),
            None
        );
        assert_eq!(
            exchange.take(&event(None, Some(first), "ack", None)),
            Some(Shown::First)
        );
        assert_eq!(
            exchange.take(&event(None, Some(first), "card", None)),
            Some(Shown::Progress)
        );
        let mut end = event(None, Some(first), "result", Some(Status::Succeeded));
        end.starts = vec![second];
        assert_eq!(exchange.take(&end), Some(Shown::Final));
        assert!(!exchange.is_over(), "what it started is still at work");
        exchange.take(&event(None, Some(second), "result", Some(Status::Timeout)));
        assert!(exchange.is_over());
        assert_eq!(exchange.verdict().exit_status(), 1);
    }

    #[test]
    fn refusals_count_as_not_understood_and_our_failures_do_not() {
        for (kind, status) in [("denied", 2), ("internal", 1)] {
            let answer = Id::new();
            let accepted = json!({"executions": [], "answers": [answer], "understood": kind != "denied"});
            let mut exchange = Exchange::new(&accepted);
            assert_eq!(
                exchange.take(&event(Some(answer), None, kind, None)),
                Some(Shown::Final)
            );
            assert!(exchange.is_over());
            assert_eq!(exchange.verdict().exit_status(), status, "{kind}");
        }
    }
}
