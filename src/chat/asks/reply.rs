//! `approve` and `deny` as a reply to a card: as an answer to it, in its thread, or where it is the only one that waits.

use std::time::Duration;

use super::{key, keys_of};
use crate::answers;
use crate::chat::gateway::Inbound;
use crate::engine::Engine;
use crate::model::{Id, OutboxMessage, OutboxState, Place};
use crate::runners::APPROVAL;
use crate::store::{Page, StoreError};

/// Approvals that are looked through.
const LOOKED_AT: u32 = 50;
/// How often is looked when a card is on its way just now.
const LOOKS: usize = 8;
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(150);
/// Digits that a part of an id has at least.
const SHORTEST: usize = 6;

/// What waits where a reply was said.
#[derive(Default)]
struct Found {
    /// The approval whose card it answers.
    answered: Option<Id>,
    /// Those with a card in the conversation.
    here: Vec<Id>,
    /// Some card there is on its way.
    is_on_its_way: bool,
}

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

    /// The command that it stands for: with the approval whose card it answers, or the only one that waits in this
    /// direct conversation.
    pub(in crate::chat) async fn meant(
        &self,
        engine: &Engine,
        message: &Inbound,
    ) -> Result<Option<String>, StoreError> {
        let answers = message.reply_to.is_some() || message.place.thread.is_some();
        for _ in 0..LOOKS {
            let found = self.look(engine, message).await?;
            if let Some(id) = found.answered {
                return Ok(Some(self.command(id)));
            }
            // A card that people see already may not be written down as sent yet.
            if !answers || !found.is_on_its_way {
                return Ok(match found.here[..] {
                    [only] if message.is_direct => Some(self.command(only)),
                    _ => None,
                });
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    }

    async fn look(&self, engine: &Engine, message: &Inbound) -> Result<Found, StoreError> {
        let page = Page {
            limit: Some(LOOKED_AT),
            ..Page::default()
        };
        let (waiting, _) = answers::list(engine, APPROVAL, false, page).await?;
        let at = &message.place;
        let answered = |row: &OutboxMessage| {
            let named = message.reply_to.is_some() && row.message_ref == message.reply_to;
            is_answered_by(row, at) || (named && row.place.gateway == at.gateway)
        };
        let mut found = Found::default();
        for execution in waiting {
            let rows = engine.store().outbox_cards(keys_of(execution.id)).await?;
            if rows.iter().any(answered) {
                found.answered = Some(execution.id);
                break;
            }
            if rows.iter().any(|row| is_in(row, at)) {
                found.here.push(execution.id);
            }
            found.is_on_its_way |= rows
                .iter()
                .any(|row| row.state == OutboxState::Pending && is_in(row, at));
        }
        Ok(found)
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
