//! From the note that somebody is to be told to the messages that tell them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::audience::Listener;
use super::{APPROVAL_CARD, QUESTION_CARD, key, keys_of};
use crate::access::People;
use crate::answers::approvals;
use crate::approval::{Approval, State, same_person};
use crate::chat::cards::row;
use crate::chat::outbox::{Clock, Gateways};
use crate::engine::{CONSENT, Engine};
use crate::model::{Execution, Id, OutboxMessage, OutboxState, Place, Status, Timestamp};
use crate::runners::APPROVAL;
use crate::store::{CommitError, StoreError, Write};

/// Makes the messages that tell of approvals and questions.
pub(in crate::chat) struct Spreader {
    pub(in crate::chat) engine: Engine,
    pub(in crate::chat) people: Option<Arc<People>>,
    pub(in crate::chat) gateways: Arc<Gateways>,
    pub(in crate::chat) clock: Clock,
}

/// What was told of an execution so far.
#[derive(Default)]
struct Told {
    /// Live cards by key: where, and whether it is posted.
    cards: BTreeMap<String, (Place, bool)>,
    /// Keys of everything.
    keys: BTreeSet<String>,
}

impl Told {
    fn of(execution: Id, rows: Vec<OutboxMessage>) -> Self {
        let mut told = Self::default();
        let cards = format!("{}card:", keys_of(execution));
        for row in rows {
            let Some(key) = row.card else { continue };
            if key.starts_with(&cards) {
                let card = told.cards.entry(key.clone()).or_insert((row.place, false));
                card.1 |= row.state == OutboxState::Sent;
            }
            told.keys.insert(key);
        }
        told
    }
}

impl Spreader {
    /// Takes up notes: gives the messages that were committed for them. Notes about the same execution are done at once.
    ///
    /// # Errors
    /// When the store fails; the notes stay.
    pub(in crate::chat) async fn spread(
        &self,
        notes: Vec<OutboxMessage>,
    ) -> Result<Vec<OutboxMessage>, StoreError> {
        let mut by_execution: BTreeMap<Id, Vec<OutboxMessage>> = BTreeMap::new();
        for note in notes {
            // Only the observer makes them, with an execution.
            let about = note.execution.unwrap_or(note.id);
            by_execution.entry(about).or_default().push(note);
        }
        let mut made = Vec::new();
        for (id, notes) in by_execution {
            let rows = match self.engine.execution(id).await? {
                Some(execution) => self.messages(&execution).await?,
                None => Vec::new(),
            };
            let done = notes.iter().map(|note| Write::OutboxUpdate {
                id: note.id,
                state: OutboxState::Superseded,
                attempts: note.attempts,
                next_attempt: note.next_attempt,
                message_ref: None,
                error: None,
            });
            let posts = rows.iter().map(|row| Write::Outbox(Box::new(row.clone())));
            match self.engine.store().commit(done.chain(posts).collect()).await {
                Ok(()) => made.extend(rows),
                Err(CommitError::Store(error)) => return Err(error),
                Err(error) => return Err(StoreError::Database(error.to_string())),
            }
        }
        Ok(made)
    }

    /// What is to be told of an execution now.
    async fn messages(&self, execution: &Execution) -> Result<Vec<OutboxMessage>, StoreError> {
        let id = execution.id;
        let told = Told::of(id, self.engine.store().outbox_cards(keys_of(id)).await?);
        let waits = execution.status == Status::Pending;
        let audience = if waits {
            self.audience(execution).await?
        } else {
            Vec::new()
        };
        let now = (self.clock)();
        let mut rows = Vec::new();
        let mut places: BTreeMap<String, (Place, bool)> = told.cards.clone();
        for listener in &audience {
            let key = key(id, "card", &listener.place);
            places
                .entry(key)
                .or_insert_with(|| (listener.place.clone(), false));
        }
        let kind = if execution.request.runner == APPROVAL {
            APPROVAL_CARD
        } else {
            QUESTION_CARD
        };
        for (key, (place, is_posted)) in &places {
            if !waits && !told.cards.contains_key(key) {
                continue;
            }
            // Whoever asked looks at it in their own conversation, but has nothing to press there.
            let asker = self.is_home_of(place, &execution.request.user);
            let body = json!({"kind": kind, "live": true, "post": waits && !is_posted, "asker": asker});
            let mut row = row(place, body, now);
            row.card = Some(key.clone());
            row.execution = Some(id);
            rows.push(row);
        }
        if let Some(approval) = approvals::of_any(execution) {
            self.notices(execution, &approval, &audience, &told, now, &mut rows);
        }
        Ok(rows)
    }

    /// Messages of their own: what should not be overlooked although the cards say it as well. Each is told once.
    fn notices(
        &self,
        execution: &Execution,
        approval: &Approval,
        audience: &[Listener],
        told: &Told,
        now: Timestamp,
        rows: &mut Vec<OutboxMessage>,
    ) {
        let mut add = |what: &str, kind: &str, place: &Place, data: Value| {
            let key = key(execution.id, what, place);
            if !told.keys.contains(&key) {
                let mut row = row(place, json!({"kind": kind, "data": data}), now);
                row.card = Some(key);
                rows.push(row);
            }
        };
        let tally = approval.tally();
        let left = approval
            .deadline
            .map(|deadline| deadline.seconds_since(now).max(0.0));
        let data = |to: &str| {
            json!({
                "id": execution.id,
                "title": approval.title,
                "asked": approval.who_may(),
                "to": to,
                "given": tally.filled,
                "needed": tally.needed,
                "left": left,
                "error": approval.error.as_deref().unwrap_or_default(),
            })
        };
        let is_done = |person: &Option<String>| {
            let voted = |person: &String| approval.votes.iter().any(|vote| same_person(&vote.user, person));
            person.as_ref().is_some_and(voted)
        };
        if approval.state == State::Waiting {
            if let Some(at) = approval.reminded {
                for listener in audience.iter().filter(|listener| !is_done(&listener.person)) {
                    let what = format!("reminded@{}", at.micros());
                    add(&what, "reminder", &listener.place, data(""));
                }
            }
            for step in approval.escalation.iter().filter(|step| step.done) {
                let to: Vec<String> = step.to.iter().map(ToString::to_string).collect();
                for listener in audience.iter().filter(|listener| listener.person.is_none()) {
                    let what = format!("escalated@{}", step.at.micros());
                    add(&what, "escalated", &listener.place, data(&to.join(", ")));
                }
            }
        }
        if approval.state == State::Expired {
            let origin = execution.request.origin.place.as_ref();
            for (place, _) in told.cards.values() {
                // What waited for it tells the same where it was asked.
                let answered = execution.request.origin.kind == CONSENT && origin == Some(place);
                if !answered {
                    add("expired", "expired", place, data(""));
                }
            }
        }
    }
}
