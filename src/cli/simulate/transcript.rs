//! Transcripts: who says what, and what the bot is expected to say.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::{Problem, Severity};
use crate::yaml;
use crate::yaml::reader::Reader;

/// Turns of one transcript.
const MOST: usize = 10_000;

/// Keys that say what a turn is, with how they are written.
const DEEDS: [(&str, &str); 9] = [
    ("say", "say: \"!deploy api to prod\""),
    ("reply", "reply: approve"),
    ("edit", "edit: \"!deploy web to prod\""),
    ("slash", "slash: \"/sayso deploy api\""),
    ("click", "click: Approve"),
    ("fill", "fill: {reason: not today}"),
    ("expect", "expect: [deployed, api]"),
    ("fault", "fault: {copies: 3}"),
    ("restart", "restart: true"),
];

/// What somebody does, or what is expected.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Deed {
    /// Writes a message.
    Say(String),
    /// Answers in the thread of the bot's last message.
    Reply(String),
    /// Changes the last message that they wrote.
    Edit(String),
    /// Uses a slash command.
    Slash(String),
    /// Presses the button of this name, the newest there is.
    Click(String),
    /// Fills in the form that is open.
    Fill(BTreeMap<String, String>),
    /// The bot says something, by now or soon.
    Expect(Expected),
    /// Things go wrong from now on.
    Fault(Map<String, Value>),
    /// The bot is stopped and started again.
    Restart,
}

/// What the bot is expected to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Expected {
    /// Texts that one message contains, all of them.
    pub(super) texts: Vec<String>,
    /// Names of buttons that it has.
    pub(super) buttons: Vec<String>,
    /// Texts that its file contains.
    pub(super) file: Vec<String>,
    /// Texts that it does not contain.
    pub(super) without: Vec<String>,
    /// Who alone sees it.
    pub(super) only: Option<String>,
    /// It says nothing at all.
    pub(super) nothing: bool,
    /// Seconds within which it comes.
    pub(super) within: Option<u64>,
}

/// One turn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Turn {
    pub(super) at: yaml::Position,
    pub(super) who: String,
    pub(super) place: String,
    pub(super) deed: Deed,
}

/// A conversation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Transcript {
    pub(super) name: String,
    pub(super) turns: Vec<Turn>,
}

impl Transcript {
    /// Reads a transcript.
    ///
    /// # Errors
    /// Everything that is wrong with it, with the lines.
    pub(super) fn read(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let document = yaml::parse(text).map_err(|fault| vec![fault.problem(file, Some(text))])?;
        let whole = document.to_json();
        let mut reader = Reader::new();
        let mut transcript = Self {
            name: String::new(),
            turns: Vec::new(),
        };
        let hint = "write it as `name:` and `turns:`; see docs/simulate.md";
        if let Some(map) = reader.object(&whole, "", "a transcript", hint) {
            reader.known_keys(map, "", &["name", "turns"]);
            transcript.name = reader.text(map, "", "name").unwrap_or_default();
            let turns = reader.list(map, "", "turns").to_vec();
            if turns.is_empty() && !reader.is_broken() {
                reader.error("", "there are no turns", hint);
            }
            if turns.len() > MOST {
                reader.error(
                    &yaml::step("turns"),
                    format!("there are more than {MOST} turns"),
                    "",
                );
            }
            let mut place = "#ops".to_owned();
            for (number, turn) in turns.iter().enumerate().take(MOST) {
                let path = format!("{}{}", yaml::step("turns"), yaml::step(&number.to_string()));
                if let Some(deed) = turn_of(&mut reader, turn, &path, &mut place) {
                    transcript.turns.push(Turn {
                        at: document.locate(&path),
                        ..deed
                    });
                }
            }
        }
        let problems: Vec<Problem> = reader
            .findings
            .iter()
            .map(|finding| {
                let at = document.locate_key(&finding.path);
                Problem {
                    severity: finding.severity,
                    file: file.to_owned(),
                    line: at.line as usize,
                    column: at.column as usize,
                    message: finding.message.clone(),
                    hint: finding.hint.clone(),
                    text: yaml::line_text(text, at.line),
                }
            })
            .collect();
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(problems);
        }
        Ok(transcript)
    }
}

/// One turn; where nothing is said it goes on where the last one was.
fn turn_of(reader: &mut Reader, value: &Value, path: &str, place: &mut String) -> Option<Turn> {
    let examples: Vec<&str> = DEEDS.iter().map(|(_, example)| *example).collect();
    let map = reader.object(value, path, "a turn", &format!("such as `{}`", examples[0]))?;
    let names: Vec<&str> = DEEDS.iter().map(|(name, _)| *name).collect();
    let known: Vec<&str> = names
        .iter()
        .copied()
        .chain(["as", "in", "buttons", "file", "without", "only", "within"])
        .collect();
    reader.known_keys(map, path, &known);
    let named: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| map.contains_key(*name))
        .collect();
    let [name] = named[..] else {
        let hint = format!("a turn is one of `{}`", examples.join("`, `"));
        let message = if named.is_empty() {
            "the turn does not say what happens".to_owned()
        } else {
            format!("the turn says several things at once: {}", named.join(", "))
        };
        reader.error(path, message, hint);
        return None;
    };
    if let Some(there) = reader.text(map, path, "in") {
        *place = there;
    }
    let who = reader.text(map, path, "as").unwrap_or_else(|| "ana".to_owned());
    let text = |reader: &mut Reader| reader.required_text(map, path, name);
    let deed = match name {
        "say" => Deed::Say(text(reader)),
        "reply" => Deed::Reply(text(reader)),
        "edit" => Deed::Edit(text(reader)),
        "slash" => Deed::Slash(text(reader)),
        "click" => Deed::Click(text(reader)),
        "fill" => {
            let fields = reader.map(map, path, "fill");
            let told = |value: &Value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Deed::Fill(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), told(value)))
                    .collect(),
            )
        }
        "fault" => Deed::Fault(reader.map(map, path, "fault")),
        "restart" => Deed::Restart,
        _ => Deed::Expect(expected(reader, map, path)),
    };
    Some(Turn {
        at: yaml::Position::default(),
        who,
        place: place.clone(),
        deed,
    })
}

fn expected(reader: &mut Reader, map: &Map<String, Value>, path: &str) -> Expected {
    // A number is a text that nobody quoted.
    let told = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let one_or_many = |name: &str| match map.get(name) {
        Some(Value::Null) | None => Vec::new(),
        Some(Value::Array(items)) => items.iter().map(told).collect(),
        Some(one) => vec![told(one)],
    };
    let (texts, buttons) = (one_or_many("expect"), one_or_many("buttons"));
    let (file, without) = (one_or_many("file"), one_or_many("without"));
    let nothing = texts == ["nothing"];
    Expected {
        texts: if nothing { Vec::new() } else { texts },
        buttons,
        file,
        without,
        only: reader.text(map, path, "only"),
        nothing,
        within: reader
            .integer(map, path, "within")
            .and_then(|seconds| u64::try_from(seconds).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_read_turn_by_turn() {
        let text = "name: Hello\nturns:\n  - say: '!hi'\n    in: '#hall'\n  - expect: [hello, 7]\n    buttons: Again\n  - click: Again\n    as: bo\n  - fill: {count: 3}\n  - expect: nothing\n";
        let transcript = Transcript::read("a.yaml", text).unwrap();
        assert_eq!((transcript.name.as_str(), transcript.turns.len()), ("Hello", 5));
        let places: Vec<&str> = transcript.turns.iter().map(|turn| turn.place.as_str()).collect();
        assert_eq!(places, ["#hall"; 5]);
        assert_eq!(transcript.turns[2].who, "bo");
        assert_eq!(transcript.turns[0].at.line, 3);
        assert_eq!(
            transcript.turns[3].deed,
            Deed::Fill(BTreeMap::from([("count".to_owned(), "3".to_owned())]))
        );
        let Deed::Expect(expected) = &transcript.turns[4].deed else {
            panic!()
        };
        assert!(expected.nothing && expected.texts.is_empty());
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        for (text, line, part) in [
            ("turns:\n  - sey: hi\n", 2, "say"),
            (
                "turns:\n  - say: hi\n    click: Yes\n",
                2,
                "several things at once: say, click",
            ),
            ("turns: []\n", 1, "no turns"),
            ("name: [\n", 1, ""),
            ("turns:\n  - as: ana\n", 2, "does not say what happens"),
        ] {
            let problems = Transcript::read("a.yaml", text).unwrap_err();
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert!(
                told.iter().any(|one| one.contains(part)) && problems[0].line >= line,
                "{text}: {told:?}"
            );
        }
    }
}
