//! What the audit log keeps of messages that started nothing because they meant nothing, or several things.
//!
//! Each has an entry, committed with its answer, until somebody says too many of them within a minute: the others
//! of that minute are counted, and one entry tells the number. So nobody can fill the log by talking.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use parking_lot::Mutex;
use regex::Regex;
use serde_json::{Value, json};

use super::phrasebook::Phrasebook;
use crate::audit::{CHAT_NOT_UNDERSTOOD, DETAIL_COUNT, DETAIL_REASON};
use crate::model::{AuditDraft, MASK, Place, Timestamp};

/// How long messages of one person are counted together.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Entries for messages of one person within a window.
const LISTED: u32 = 10;
/// Characters of a message that an entry keeps.
const TEXT: usize = 500;
/// People whose messages are counted at once; when there are more, windows that are over are told early.
const PEOPLE: usize = 10_000;

/// Values of pairs whose names sound secret.
static SECRET_PAIR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)([\w-]*(?:passw|passphrase|secret|token|api[_-]?key|credential)[\w-]*\s*[=:]\s*)("[^"]*"|'[^']*'|\S+)"#,
    )
    .expect("the pattern is a constant that a test compiles")
});

#[derive(Debug)]
struct Window {
    since: Timestamp,
    place: String,
    listed: u32,
    counted: u64,
}

/// Counts messages per person.
#[derive(Debug, Default)]
pub(super) struct Misses {
    windows: Mutex<HashMap<String, Window>>,
}

/// What is to be done about a message.
#[derive(Debug, PartialEq, Eq)]
enum Note {
    /// It has an entry.
    Listed,
    /// It has an entry, the last one for now.
    LastListed,
    /// It is counted, the first one of its window.
    FirstCounted,
    /// It is counted.
    Counted,
}

/// Entries to commit with the answer, and whether the person's window must be settled when it is over.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) entries: Vec<AuditDraft>,
    pub(super) settle: bool,
}

impl Misses {
    /// Notes a message of `actor` that started nothing. `text` is masked already.
    pub(super) fn note(
        &self,
        kind: &str,
        actor: &str,
        place: &Place,
        text: String,
        detail: Value,
        now: Timestamp,
    ) -> Noted {
        let place = place_text(place);
        let (mut entries, note) = self.count(actor, &place, now);
        if matches!(note, Note::Listed | Note::LastListed) {
            let mut detail = detail;
            if note == Note::LastListed {
                detail["note"] = json!("more of them within a minute are only counted");
            }
            entries.push(AuditDraft {
                timestamp: now,
                kind: kind.to_owned(),
                actor: actor.to_owned(),
                place,
                text: Some(text),
                detail,
                ..AuditDraft::default()
            });
        }
        Noted {
            entries,
            settle: note == Note::FirstCounted,
        }
    }

    fn count(&self, actor: &str, place: &str, now: Timestamp) -> (Vec<AuditDraft>, Note) {
        let mut windows = self.windows.lock();
        let mut over = Vec::new();
        if windows.get(actor).is_some_and(|window| is_over(window, now)) {
            over.extend(windows.remove_entry(actor));
        }
        if windows.len() >= PEOPLE && !windows.contains_key(actor) {
            over.extend(windows.drain());
        }
        let window = windows.entry(actor.to_owned()).or_insert_with(|| Window {
            since: now,
            place: place.to_owned(),
            listed: 0,
            counted: 0,
        });
        let note = if window.listed < LISTED {
            window.listed += 1;
            if window.listed == LISTED {
                Note::LastListed
            } else {
                Note::Listed
            }
        } else {
            window.counted += 1;
            if window.counted == 1 {
                Note::FirstCounted
            } else {
                Note::Counted
            }
        };
        (entries(over, now), note)
    }

    /// Entries for the windows that are over, or for all.
    pub(super) fn settle(&self, now: Timestamp, all: bool) -> Vec<AuditDraft> {
        let over = self
            .windows
            .lock()
            .extract_if(|_, window| all || is_over(window, now))
            .collect();
        entries(over, now)
    }
}

fn is_over(window: &Window, now: Timestamp) -> bool {
    // A clock that was put back must not keep a window open.
    !(0.0..WINDOW.as_secs_f64()).contains(&now.seconds_since(window.since))
}

fn entries(windows: Vec<(String, Window)>, now: Timestamp) -> Vec<AuditDraft> {
    windows
        .into_iter()
        .filter(|(_, window)| window.counted > 0)
        .map(|(actor, window)| AuditDraft {
            timestamp: now,
            kind: CHAT_NOT_UNDERSTOOD.to_owned(),
            actor,
            place: window.place,
            detail: json!({
                DETAIL_COUNT: window.counted,
                DETAIL_REASON: format!(
                    "{} more messages since {} that started nothing",
                    window.counted, window.since
                ),
            }),
            ..AuditDraft::default()
        })
        .collect()
}

/// Where it was said, for people.
pub(super) fn place_text(place: &Place) -> String {
    let name = place.name.as_ref().unwrap_or(&place.conversation);
    format!("{} {name}", place.gateway)
}

/// The sentence as the log may keep it. Which of its words are secret cannot be known: when one of the commands
/// that may have been meant takes a secret, all of it is withheld.
pub(super) fn masked<'a>(
    text: &str,
    actions: impl IntoIterator<Item = &'a str>,
    book: &dyn Phrasebook,
) -> String {
    let takes_secret = |reference: &str| {
        book.action(reference)
            .is_some_and(|action| action.parameters.values().any(marks_secret))
    };
    if actions.into_iter().any(takes_secret) {
        return MASK.to_owned();
    }
    let start: String = text.chars().take(TEXT * 4).collect();
    let hidden = SECRET_PAIR.replace_all(&start, format!("${{1}}{MASK}"));
    if hidden.chars().count() <= TEXT {
        return hidden.into_owned();
    }
    hidden.chars().take(TEXT - 1).chain(['…']).collect()
}

/// Whether a schema, or a part of it, is marked secret.
pub(super) fn marks_secret(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.get("secret") == Some(&Value::Bool(true)) || fields.values().any(marks_secret)
        }
        Value::Array(items) => items.iter().any(marks_secret),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    #[test]
    fn a_flood_is_counted_in_one_entry_a_minute() {
        let misses = Misses::default();
        for message in 0..LISTED {
            let (over, note) = misses.count("ana", "console 1", at(100));
            assert!(over.is_empty());
            assert_eq!(note == Note::LastListed, message + 1 == LISTED);
        }
        assert_eq!(misses.count("ana", "console 1", at(101)).1, Note::FirstCounted);
        for _ in 0..41 {
            assert_eq!(misses.count("ana", "console 1", at(159)).1, Note::Counted);
        }
        assert_eq!(misses.count("bo", "console 2", at(159)).1, Note::Listed);
        assert!(misses.settle(at(159), false).is_empty());
        let (over, note) = misses.count("ana", "console 1", at(160));
        assert_eq!(note, Note::Listed);
        assert_eq!((over.len(), over[0].detail["count"].as_u64()), (1, Some(42)));
        assert_eq!(
            (over[0].actor.as_str(), over[0].place.as_str()),
            ("ana", "console 1")
        );
        assert!(misses.settle(at(500), true).is_empty());
    }

    #[test]
    fn a_window_that_is_over_is_settled() {
        let misses = Misses::default();
        for _ in 0..LISTED + 3 {
            misses.count("ana", "x", at(0));
        }
        assert_eq!(misses.settle(at(61), false)[0].detail["count"], 3);
        assert!(misses.settle(at(62), false).is_empty());
    }

    #[test]
    fn the_number_of_people_is_bounded() {
        let misses = Misses::default();
        for _ in 0..=LISTED {
            misses.count("ana", "x", at(0));
        }
        let told: usize = (0..PEOPLE + 10)
            .map(|number| misses.count(&number.to_string(), "x", at(1)).0.len())
            .sum();
        assert_eq!(told, 1);
        assert!(misses.windows.lock().len() <= PEOPLE);
    }

    #[test]
    fn values_of_secret_pairs_are_hidden() {
        let hide = |text: &str| {
            SECRET_PAIR
                .replace_all(text, format!("${{1}}{MASK}"))
                .into_owned()
        };
        assert_eq!(
            hide("logn ana password=hunter2 DB_TOKEN='a b' api-key: x y"),
            "logn ana password=******** DB_TOKEN=******** api-key: ******** y"
        );
        assert_eq!(hide("reset password of ana"), "reset password of ana");
    }
}
