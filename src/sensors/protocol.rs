//! What Sayso and a sensor say to each other: one JSON object a line (docs/sensors.md).

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::model::JsonMap;

/// Number of the protocol, as `start` names it.
pub const VERSION: u32 = 1;
/// Longest line that is read from a sensor, in bytes.
pub const LONGEST_LINE: usize = 1 << 20;
/// What a sensor may say.
const WORDS: [&str; 6] = [
    "event",
    "log",
    "get_value",
    "set_value",
    "delete_value",
    "list_values",
];
/// Longest id of an event that a sensor may choose, in bytes.
const LONGEST_ID: usize = 512;

/// A trigger that rules listen on, as sensors see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wanted {
    /// Ref of the trigger, `pack.name`; the same after every start.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Ref of its type.
    #[serde(rename = "type")]
    pub type_ref: String,
    /// Its parameters.
    pub parameters: JsonMap,
    /// The rules that listen.
    pub rules: Vec<String>,
}

/// What Sayso tells a sensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Told<'t> {
    /// The first line.
    Start {
        /// [`VERSION`].
        protocol: u32,
        /// Ref of the sensor.
        sensor: &'t str,
        /// Its pack.
        pack: &'t str,
        /// Configuration of the pack.
        config: &'t JsonMap,
        /// Seconds between two polls, when its file says so.
        poll_interval: Option<u32>,
        /// Refs of its trigger types.
        trigger_types: Vec<&'t str>,
        /// Triggers of these types that rules listen on now.
        triggers: &'t [Wanted],
    },
    /// Rules listen on a trigger now.
    TriggerAdded {
        /// Which.
        trigger: &'t Wanted,
    },
    /// Other rules than before listen on a trigger.
    TriggerUpdated {
        /// Which.
        trigger: &'t Wanted,
    },
    /// No rule listens on a trigger any more.
    TriggerRemoved {
        /// Which.
        trigger: &'t Wanted,
    },
    /// An event is stored, with what follows from it.
    Ack {
        /// The sensor's id of it.
        id: &'t str,
        /// The trigger instance; `None` when the event was stored before.
        #[serde(skip_serializing_if = "Option::is_none")]
        trigger_instance: Option<String>,
        /// It was stored before.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        duplicate: bool,
    },
    /// An event is not stored.
    Refused {
        /// The sensor's id of it.
        id: &'t str,
        /// One sentence.
        reason: &'t str,
        /// Whether the same event may be taken later.
        retry: bool,
    },
    /// The answer to a request to the datastore.
    Value {
        /// The sensor's id of the request.
        id: Json,
        /// What was found; null when there is none.
        value: Json,
        /// Why it cannot be answered.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The sensor is to end; its standard input ends, too.
    Stop,
}

impl Told<'_> {
    /// The line, newline included.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        // Maps with text keys and numbers that came from JSON: always possible.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// An event as a sensor dispatches it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Dispatched {
    /// Ref of a trigger type (`pack.name`, or `name` of the sensor's own pack), or of a trigger that it was told.
    pub trigger: String,
    /// Parameters of the trigger, where its type has any and `trigger` is the type.
    #[serde(default)]
    pub parameters: JsonMap,
    /// What comes with it.
    #[serde(default)]
    pub payload: Json,
    /// The sensor's own name of it: the same id is the same event.
    #[serde(default, deserialize_with = "id")]
    pub id: Option<String>,
    /// Tag of the trace that it belongs to.
    #[serde(default)]
    pub trace_tag: Option<String>,
}

/// What a sensor says.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Something happened.
    Event(Box<Dispatched>),
    /// For the log.
    Log {
        /// How bad it is.
        level: tracing::Level,
        /// The message.
        message: String,
    },
    /// A request to the datastore.
    Keys {
        /// Its id, as it was sent.
        id: Json,
        /// `get_value`, …
        what: String,
        /// Its fields.
        fields: JsonMap,
    },
}

/// Reads a line of a sensor.
///
/// # Errors
/// One sentence that says what is wrong with it.
pub fn read(line: &[u8]) -> Result<Said, String> {
    let value: Json = serde_json::from_slice(line).map_err(|error| format!("this is no JSON: {error}"))?;
    let Json::Object(mut fields) = value else {
        return Err("a message is a JSON object with a `type`".to_owned());
    };
    let Some(Json::String(kind)) = fields.shift_remove("type") else {
        return Err(
            "a message needs a `type`: event, log, get_value, set_value, delete_value or list_values"
                .to_owned(),
        );
    };
    match kind.as_str() {
        "event" => {
            let event: Dispatched = serde_json::from_value(Json::Object(fields))
                .map_err(|error| format!("this event cannot be read: {error}"))?;
            if event.trigger.trim().is_empty() {
                return Err("an event needs the name of its trigger".to_owned());
            }
            if event
                .id
                .as_ref()
                .is_some_and(|id| id.is_empty() || id.len() > LONGEST_ID)
            {
                return Err(format!("the id of an event has 1 to {LONGEST_ID} bytes"));
            }
            Ok(Said::Event(Box::new(event)))
        }
        "log" => {
            let message = match fields.shift_remove("message") {
                Some(Json::String(message)) => message,
                Some(other) => other.to_string(),
                None => return Err("a log message needs a `message`".to_owned()),
            };
            let level = fields.get("level").and_then(Json::as_str).unwrap_or("info");
            Ok(Said::Log {
                level: level_of(level),
                message,
            })
        }
        "get_value" | "set_value" | "delete_value" | "list_values" => Ok(Said::Keys {
            id: fields.shift_remove("id").unwrap_or_default(),
            what: kind,
            fields,
        }),
        other => Err(match crate::model::nearest(other, WORDS) {
            Some(near) => format!("unknown type `{other}`: did you mean `{near}`?"),
            None => format!(
                "unknown type `{other}`: a sensor says event, log, get_value, set_value, delete_value or list_values"
            ),
        }),
    }
}

/// Levels as Python's logging and most others call them.
fn level_of(word: &str) -> tracing::Level {
    match word.to_ascii_lowercase().as_str() {
        "critical" | "fatal" | "error" | "exception" => tracing::Level::ERROR,
        "warning" | "warn" => tracing::Level::WARN,
        "debug" => tracing::Level::DEBUG,
        "trace" => tracing::Level::TRACE,
        _ => tracing::Level::INFO,
    }
}

/// An id is a text; numbers are taken as they are written.
fn id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Json::deserialize(deserializer)? {
        Json::Null => Ok(None),
        Json::String(text) => Ok(Some(text)),
        Json::Number(number) => Ok(Some(number.to_string())),
        _ => Err(serde::de::Error::custom("an id is a text")),
    }
}

/// What a sensor is told when rules listen on other triggers than before.
#[must_use]
pub fn changes(before: &[Wanted], after: &[Wanted]) -> Vec<u8> {
    let mut lines = Vec::new();
    for trigger in before {
        if !after.iter().any(|other| other.reference == trigger.reference) {
            lines.extend(Told::TriggerRemoved { trigger }.line());
        }
    }
    for trigger in after {
        match before.iter().find(|other| other.reference == trigger.reference) {
            None => lines.extend(Told::TriggerAdded { trigger }.line()),
            Some(known) if known != trigger => lines.extend(Told::TriggerUpdated { trigger }.line()),
            Some(_) => {}
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn wanted(reference: &str, rules: &[&str]) -> Wanted {
        Wanted {
            reference: reference.to_owned(),
            type_ref: "p.t".to_owned(),
            parameters: JsonMap::new(),
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        }
    }

    #[test]
    fn events_are_read() {
        let Ok(Said::Event(event)) =
            read(br#"{"type":"event","trigger":"p.t","payload":{"a":1},"id":7,"trace_tag":"x"}"#)
        else {
            panic!("an event");
        };
        assert_eq!(event.trigger, "p.t");
        assert_eq!(event.payload, json!({"a": 1}));
        assert_eq!(event.id.as_deref(), Some("7"));
        assert_eq!(event.trace_tag.as_deref(), Some("x"));
        let Ok(Said::Log { level, message }) = read(br#"{"type":"log","level":"WARNING","message":"low"}"#)
        else {
            panic!("a log message");
        };
        assert_eq!((level, message.as_str()), (tracing::Level::WARN, "low"));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (line, expected) in [
            (&b"nonsense"[..], "no JSON"),
            (b"[1]", "JSON object"),
            (b"{}", "needs a `type`"),
            (br#"{"type":"evnt"}"#, "did you mean `event`"),
            (br#"{"type":"event"}"#, "trigger"),
            (br#"{"type":"event","trigger":" "}"#, "name of its trigger"),
            (br#"{"type":"event","trigger":"a","id":""}"#, "1 to 512"),
            (br#"{"type":"event","trigger":"a","id":[]}"#, "an id is a text"),
            (br#"{"type":"log"}"#, "message"),
            (b"\xff\xfe", "no JSON"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(expected), "{error} lacks {expected}");
        }
    }

    #[test]
    fn changes_of_triggers_are_told_once_each() {
        let before = [wanted("a", &["r1"]), wanted("b", &["r1"]), wanted("c", &["r1"])];
        let after = [wanted("b", &["r1"]), wanted("c", &["r2"]), wanted("d", &["r1"])];
        let lines = changes(&before, &after);
        let told: Vec<(String, String)> = lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                let value: Json = serde_json::from_slice(line).unwrap();
                let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
                (text(&value["type"]), text(&value["trigger"]["ref"]))
            })
            .collect();
        let expected = [
            ("trigger_removed", "a"),
            ("trigger_updated", "c"),
            ("trigger_added", "d"),
        ];
        assert_eq!(
            told,
            expected.map(|(kind, which)| (kind.to_owned(), which.to_owned()))
        );
        assert!(changes(&after, &after).is_empty());
    }

    #[test]
    fn answers_name_the_event() {
        let line = Told::Ack {
            id: "7",
            trigger_instance: Some("x".to_owned()),
            duplicate: false,
        }
        .line();
        assert_eq!(
            line,
            b"{\"type\":\"ack\",\"id\":\"7\",\"trigger_instance\":\"x\"}\n"
        );
        let line = Told::Stop.line();
        assert_eq!(line, b"{\"type\":\"stop\"}\n");
    }

    proptest! {
        #![proptest_config(crate::testing::cases(256))]

        #[test]
        fn no_line_is_too_strange(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&line);
        }
    }
}
