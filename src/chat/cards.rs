//! What an execution tells the conversation that asked for it: rows in the engine's own commits.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::access::People;
use crate::engine::Observer;
use crate::model::{Execution, Id, Origin, OutboxMessage, OutboxState, Place, Status, Timestamp};
use crate::store::Write;

/// Key of the live card of an execution.
#[must_use]
pub fn card_of(execution: Id) -> String {
    format!("run:{execution}")
}

/// Key under which the final answer of an execution is found.
#[must_use]
pub fn answer_of(execution: Id) -> String {
    format!("answer:{execution}")
}

/// Key of what the owners are told about a run without approval.
#[must_use]
pub fn owners_of(execution: Id) -> String {
    format!("owners:{execution}")
}

/// Whether the row changes a posted message instead of being one of its own.
#[must_use]
pub(crate) fn is_live(row: &OutboxMessage) -> bool {
    row.body["kind"] == "card" || row.body["live"] == true
}

/// A new outbox row that is due at once.
#[must_use]
pub fn row(place: &Place, body: Value, now: Timestamp) -> OutboxMessage {
    OutboxMessage {
        id: Id::new(),
        place: place.clone(),
        card: None,
        execution: None,
        body,
        state: OutboxState::Pending,
        attempts: 0,
        next_attempt: now,
        message_ref: None,
        error: None,
        created: now,
    }
}

/// Notes in a row's body for whom and on which ticket it is.
pub(crate) fn address(body: &mut Value, origin: &Origin) {
    if let Some(reply) = &origin.reply {
        body["reply"] = json!(reply);
    }
    if let Some(account) = &origin.private_to {
        body["private_to"] = json!(account);
    }
}

/// Adds the answers of executions that were asked for in chat to the commits that they answer for.
///
/// It holds nothing and looks at nothing but the execution: what is said is decided when it is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cards;

/// The place that hears of an execution; `None` when nobody asked in chat.
#[must_use]
pub fn listener(execution: &Execution) -> Option<&Place> {
    let request = &execution.request;
    let asked = request.origin.kind == "chat" && request.parent.is_none();
    request.origin.place.as_ref().filter(|_| asked)
}

/// States that the card shows for good; `running` is the state in which it is posted.
const fn shows(status: Status) -> bool {
    matches!(
        status,
        Status::Delayed | Status::Pending | Status::Paused | Status::Canceling | Status::Resuming
    )
}

impl Observer for Cards {
    fn rows(&self, before: Option<Status>, after: &Execution) -> Vec<Write> {
        let Some(place) = listener(after) else {
            return Vec::new();
        };
        let now = Timestamp::now();
        let make = |kind: &str, card: String| {
            let mut row = row(
                place,
                json!({"kind": kind, "execution": after.id, "status": after.status}),
                now,
            );
            address(&mut row.body, &after.request.origin);
            if kind == "card" && before.is_none() {
                row.body["post"] = true.into();
            }
            row.card = Some(card);
            row.execution = Some(after.id);
            Write::Outbox(Box::new(row))
        };
        let mut rows = Vec::new();
        let ended = after.status.is_completed();
        // What waits for others from the beginning has a card at once: it tells what is asked.
        let asks = after.progress.context.contains_key("approvals");
        // A built-in command has no card, and what ends with its acceptance never had one.
        let has_card = asks || (!after.request.origin.builtin && before.is_some());
        if has_card && (ended || shows(after.status)) {
            rows.push(make("card", card_of(after.id)));
        }
        if ended {
            rows.push(make("result", answer_of(after.id)));
        }
        rows
    }
}

/// Tells the owners of runs without approval, where they can be told something in private.
pub struct Owners(pub Arc<People>);

impl Observer for Owners {
    fn rows(&self, before: Option<Status>, after: &Execution) -> Vec<Write> {
        let Some(glass) = after
            .progress
            .context
            .get("break_glass")
            .filter(|_| before.is_none())
        else {
            return Vec::new();
        };
        let (now, request) = (Timestamp::now(), &after.request);
        let message = format!(
            "{} runs {} without approval: {}",
            request.user,
            request.action,
            glass["reason"].as_str().unwrap_or_default()
        );
        let hint = format!(
            "Look at it with `show {0}`, then sign it off: `review {0} <note>`.",
            after.id
        );
        let owners = self.0.owners().into_iter().filter(|owner| *owner != request.user);
        owners
            .filter_map(|owner| self.0.home_of(&owner))
            .map(|place| {
                let body = json!({"kind": "refused", "data": {"message": message, "hint": hint}});
                let mut row = row(&place, body, now);
                row.card = Some(owners_of(after.id));
                Write::Outbox(Box::new(row))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Progress, Request};

    fn execution(status: Status, origin: Origin) -> Execution {
        Execution {
            id: Id::new(),
            revision: 0,
            status,
            request: Arc::new(Request {
                origin,
                ..Request::default()
            }),
            start: Timestamp::now(),
            end: None,
            progress: Progress::default(),
            result: None,
            result_size: 0,
        }
    }

    fn kinds(before: Option<Status>, status: Status, origin: Origin) -> Vec<String> {
        let rows = Cards.rows(before, &execution(status, origin));
        rows.iter()
            .map(|write| match write {
                Write::Outbox(row) => row.body["kind"].as_str().unwrap().to_owned(),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn only_what_was_asked_in_chat_answers_in_chat() {
        let chat = Origin {
            kind: "chat".into(),
            place: Some(Place::default()),
            ..Origin::default()
        };
        let builtin = Origin {
            builtin: true,
            ..chat.clone()
        };
        let api = Origin {
            kind: "api".into(),
            ..Origin::default()
        };
        let running = Some(Status::Running);
        assert_eq!(
            kinds(running, Status::Succeeded, chat.clone()),
            ["card", "result"]
        );
        assert_eq!(kinds(running, Status::Canceling, chat.clone()), ["card"]);
        assert_eq!(kinds(None, Status::Succeeded, chat.clone()), ["result"]);
        assert_eq!(kinds(running, Status::Failed, builtin), ["result"]);
        assert!(kinds(None, Status::Running, chat).is_empty());
        assert!(kinds(running, Status::Succeeded, api).is_empty());
    }
}
