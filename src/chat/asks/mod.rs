//! What waits for people is brought to them: live cards of approvals and questions, wherever those who may answer are.
//!
//! The engine's commit holds one row, [`Asks`], which says that somebody is to be told. The outbox takes it up and
//! [`Spreader`] makes a card of it for each conversation: the one where it was asked, those that the approval names, the
//! direct conversations of those who are asked. The cards and the mark that it is done are one commit, so nobody is
//! left out after a crash and nobody is told twice. Every later step updates every card that was ever posted.

mod audience;
mod reply;
mod spread;
pub(super) mod view;

use serde_json::json;

pub(super) use reply::{Reply, posted_in};
pub(super) use spread::Spreader;

use super::cards::row;
use crate::engine::{Observer, awaits_consent};
use crate::model::{Execution, Id, OutboxMessage, Place, Status, Timestamp};
use crate::runners::{APPROVAL, INQUIRER};
use crate::store::Write;

/// The gateway of rows that are for nobody yet.
const NOBODY: &str = "sayso";
/// Kind of the card of an approval.
pub(super) const APPROVAL_CARD: &str = "approval";
/// Kind of the card of a question.
pub(super) const QUESTION_CARD: &str = "question";

/// Notes, in the commits that concern them, that somebody is to be told of an approval or a question.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asks;

impl Observer for Asks {
    fn rows(&self, before: Option<Status>, after: &Execution) -> Vec<Write> {
        if ![APPROVAL, INQUIRER].contains(&after.request.runner.as_str()) {
            return Vec::new();
        }
        let waits = after.status == Status::Pending && !awaits_consent(after);
        if !waits && before != Some(Status::Pending) {
            return Vec::new();
        }
        let place = Place {
            gateway: NOBODY.to_owned(),
            conversation: "asks".to_owned(),
            ..Place::default()
        };
        let mut row = row(&place, json!({"kind": "spread"}), Timestamp::now());
        row.card = Some(spread_of(after.id));
        row.execution = Some(after.id);
        vec![Write::Outbox(Box::new(row))]
    }
}

/// Whether the row is for the [`Spreader`], not for a gateway.
pub(super) fn is_spread(row: &OutboxMessage) -> bool {
    row.place.gateway == NOBODY
}

/// Key of the rows that say that somebody is to be told.
pub(super) fn spread_of(execution: Id) -> String {
    format!("spread:{execution}")
}

/// Whether the execution asks people.
pub(super) fn asks(execution: &Execution) -> bool {
    [APPROVAL, INQUIRER].contains(&execution.request.runner.as_str())
}

/// How all keys of what was told of an execution begin.
fn keys_of(execution: Id) -> String {
    format!("ask:{execution}:")
}

/// Key of something that is told of an execution in a place: `card`, or what it was told once.
fn key(execution: Id, what: &str, place: &Place) -> String {
    let thread = place.thread.as_deref().unwrap_or_default();
    format!(
        "{}{what}:{}/{}/{thread}",
        keys_of(execution),
        place.gateway,
        place.conversation
    )
}
