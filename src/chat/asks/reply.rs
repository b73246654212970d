//! `approve` and `deny` as a reply to a card: as an answer to it, in its thread, or where it is the only one that waits.

use super::{key, keys_of};
use crate::answers;
use crate::chat::gateway::Inbound;
use crate::engine::Engine;
use crate::model::{Id, OutboxMessage, OutboxState, Place};
use crate::runners::APPROVAL;
use crate::store::{Page, StoreError};

/// Approvals that are looked through.
const LOOKED_AT: u32 = 50;
/// Digits that a part of an id has at least.
const SHORTEST: usize = 6;

/// A reply that may be meant for an approval.
pub(in crate::chat) struct Reply<'a> {
    word: &'static str,
    rest: &'a str,
}

impl<'a> Reply<'a> {
    /// Reads `approve`, `approve because it is fine`, `deny not today`; a sentence that names an approval is a command of
    /// its own.
    pub(in crate::chat) fn read(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let word = match first.trim_end_matches(['.', '!', ',']).to_lowercase().as_str() {
            "approve" | "approved" => "approve",
            "deny" | "denied" | "reject" => "deny",
            _ => return None,
        };
        let next = rest.split_whitespace().next().unwrap_or_default();
        let names = next.len() >= SHORTEST && next.bytes().all(|byte| byte.is_ascii_hexdigit());
        (!names).then(|| Self {
            word,
            rest: rest.trim(),
        })
    }

    /// The command that it stands for: with the approval in whose thread it was said, or the only one that waits in this
    /// direct conversation.
    pub(in crate::chat) async fn meant(
        &self,
        engine: &Engine,
        message: &Inbound,
    ) -> Result<Option<String>, StoreError> {
        let page = Page {
            limit: Some(LOOKED_AT),
            ..Page::default()
        };
        let (waiting, _) = answers::list(engine, APPROVAL, false, page).await?;
        let mut here = Vec::new();
        for execution in waiting {
            let rows = engine.store().outbox_cards(keys_of(execution.id)).await?;
            let answered = |row: &OutboxMessage| {
                let at = &message.place;
                is_answered_by(row, at)
                    || (message.reply_to.is_some()
                        && row.place.gateway == at.gateway
                        && row.message_ref == message.reply_to)
            };
            if rows.iter().any(answered) {
                return Ok(Some(self.command(execution.id)));
            }
            if rows.iter().any(|row| is_in(row, &message.place)) {
                here.push(execution.id);
            }
        }
        Ok(match here[..] {
            [only] if message.is_direct => Some(self.command(only)),
            _ => None,
        })
    }

    fn command(&self, id: Id) -> String {
        format!("{} {id} {}", self.word, self.rest).trim_end().to_owned()
    }
}

/// Whether a message of that place is in the thread of the card: in the thread where it was posted, or under it.
fn is_answered_by(row: &OutboxMessage, place: &Place) -> bool {
    let there = &row.place;
    if there.gateway != place.gateway {
        return false;
    }
    // A thread of Discord is a channel with the id of its first message.
    let is_same = there.thread.is_some()
        && ((there.conversation == place.conversation && there.thread == place.thread)
            || Some(&place.conversation) == there.thread.as_ref());
    let posted = row
        .message_ref
        .as_deref()
        .filter(|_| row.state == OutboxState::Sent)
        .and_then(|posted| posted.split_once('/'));
    let is_under = posted.is_some_and(|(channel, message)| {
        (channel == place.conversation && place.thread.as_deref() == Some(message))
            || place.conversation == message
    });
    is_same || is_under
}

fn is_in(row: &OutboxMessage, place: &Place) -> bool {
    let channel = row
        .message_ref
        .as_deref()
        .and_then(|posted| posted.split_once('/'));
    row.place.gateway == place.gateway
        && (row.place.conversation == place.conversation
            || channel.is_some_and(|(channel, _)| channel == place.conversation))
}

/// Whether a card of the execution is in the conversation: whoever is there knows of it.
pub(in crate::chat) async fn posted_in(
    engine: &Engine,
    execution: Id,
    place: &Place,
) -> Result<bool, StoreError> {
    let rows = engine.store().outbox_cards(keys_of(execution)).await?;
    let here = key(execution, "card", place);
    Ok(rows
        .iter()
        .any(|row| row.card.as_deref() == Some(&here) || is_in(row, place) || is_answered_by(row, place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_told_from_commands() {
        let read = |text: &str| Reply::read(text).map(|reply| (reply.word, reply.rest.to_owned()));
        for (text, expected) in [
            ("approve", Some(("approve", ""))),
            ("Approved!", Some(("approve", ""))),
            ("deny not today", Some(("deny", "not today"))),
            ("reject  it is Friday", Some(("deny", "it is Friday"))),
            ("approve 0123456789abcdef01234567", None),
            ("deny 3f9a0c no", None),
            ("approvals", None),
            ("", None),
        ] {
            let expected = expected.map(|(word, rest)| (word, rest.to_owned()));
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_reply_belongs_to_the_thread_of_its_card() {
        let place = |conversation: &str, thread: Option<&str>| Place {
            gateway: "slack:a".into(),
            conversation: conversation.into(),
            thread: thread.map(str::to_owned),
            name: None,
        };
        let mut row = crate::chat::cards::row(
            &place("C1", None),
            serde_json::json!({}),
            crate::model::Timestamp::now(),
        );
        assert!(!is_answered_by(&row, &place("C1", Some("9.1"))), "not posted yet");
        row.state = OutboxState::Sent;
        row.message_ref = Some("C1/9.1".into());
        for (conversation, thread, expected) in [
            ("C1", Some("9.1"), true),
            ("C1", Some("9.2"), false),
            ("C1", None, false),
            ("C2", Some("9.1"), false),
            ("9.1", None, true),
        ] {
            let got = is_answered_by(&row, &place(conversation, thread));
            assert_eq!(got, expected, "{conversation} {thread:?}");
        }
        row.place.thread = Some("8.0".into());
        assert!(
            is_answered_by(&row, &place("C1", Some("8.0"))),
            "in the same thread"
        );
    }
}
