//! Messages of syslog as RFC 5424 and RFC 3164 write them, and as programs write them in truth. Pure; reads any text.

use serde_json::{Map, Value as Json, json};

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];
const SEVERITIES: [&str; 8] = [
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// What a message without a priority counts as: user, notice.
const NO_PRIORITY: u8 = 13;
/// Elements and parameters of structured data that are read.
const MOST_DATA: usize = 200;

/// A message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Parsed {
    /// Facility × 8 + severity.
    pub(crate) priority: u8,
    /// As it was written; the old form has neither year nor zone.
    pub(crate) timestamp: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) app: Option<String>,
    pub(crate) process: Option<String>,
    pub(crate) message_id: Option<String>,
    /// Element → name → value.
    pub(crate) structured: Map<String, Json>,
    pub(crate) message: String,
    /// `rfc5424`, `rfc3164`, `plain`.
    pub(crate) format: &'static str,
}

impl Parsed {
    /// What the event carries.
    pub(crate) fn payload(&self, source: &str, transport: &str) -> Json {
        let (facility, severity) = (self.priority / 8, self.priority % 8);
        json!({
            "facility": FACILITIES.get(usize::from(facility)),
            "severity": SEVERITIES[usize::from(severity)],
            "facility_code": facility,
            "severity_code": severity,
            "timestamp": self.timestamp,
            "host": self.host,
            "app": self.app,
            "process_id": self.process,
            "message_id": self.message_id,
            "structured": self.structured,
            "message": self.message,
            "format": self.format,
            "source": source,
            "transport": transport,
        })
    }
}

/// Reads a message.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches(['\n', '\r', '\0']);
    let Some((priority, rest)) = priority(text) else {
        return Parsed {
            priority: NO_PRIORITY,
            message: text.to_owned(),
            format: "plain",
            ..Parsed::default()
        };
    };
    let parsed = match rest.strip_prefix("1 ").and_then(modern) {
        Some(parsed) => parsed,
        None => old(rest),
    };
    Parsed { priority, ..parsed }
}

fn priority(text: &str) -> Option<(u8, &str)> {
    let (digits, rest) = text.strip_prefix('<')?.split_once('>')?;
    let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u8 = digits.parse().ok().filter(|number| is_number && *number < 192)?;
    Some((number, rest))
}

/// RFC 5424, behind the version.
fn modern(text: &str) -> Option<Parsed> {
    let mut rest = text;
    let mut fields = [""; 5];
    for field in &mut fields {
        let (word, behind) = rest.split_once(' ')?;
        *field = word;
        rest = behind;
    }
    let [timestamp, host, app, process, message_id] = fields;
    let (structured, rest) = match rest.strip_prefix('-') {
        Some(rest) => (Map::new(), rest),
        None => elements(rest)?,
    };
    let message = rest.strip_prefix(' ').unwrap_or(rest);
    Some(Parsed {
        timestamp: given(timestamp),
        host: given(host),
        app: given(app),
        process: given(process),
        message_id: given(message_id),
        structured,
        message: message.strip_prefix('\u{feff}').unwrap_or(message).to_owned(),
        format: "rfc5424",
        ..Parsed::default()
    })
}

fn given(field: &str) -> Option<String> {
    (field != "-" && !field.is_empty()).then(|| field.to_owned())
}

/// `[id name="value" …][…]`; gives what follows.
fn elements(text: &str) -> Option<(Map<String, Json>, &str)> {
    let mut all = Map::new();
    let mut rest = text;
    let mut count = 0;
    while let Some(behind) = rest.strip_prefix('[') {
        let end = behind.find([' ', ']'])?;
        let id = &behind[..end];
        rest = &behind[end..];
        let mut element = Map::new();
        loop {
            if let Some(behind) = rest.strip_prefix(']') {
                rest = behind;
                break;
            }
            let (name, behind) = rest.trim_start_matches(' ').split_once("=\"")?;
            let (value, behind) = quoted(behind)?;
            count += 1;
            if count <= MOST_DATA {
                element.insert(name.to_owned(), value.into());
            }
            rest = behind;
        }
        if all.len() < MOST_DATA {
            all.insert(id.to_owned(), Json::Object(element));
        }
    }
    (!all.is_empty()).then_some((all, rest))
}

/// A value up to its closing quote; `\"`, `\\` and `\]` stand for the character.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next() {
                Some((_, escaped @ ('"' | '\\' | ']'))) => value.push(escaped),
                Some((_, other)) => {
                    value.push('\\');
                    value.push(other);
                }
                None => return None,
            },
            other => value.push(other),
        }
    }
    None
}

/// RFC 3164, behind the priority; every part of it may be missing.
fn old(text: &str) -> Parsed {
    let mut parsed = Parsed {
        format: "rfc3164",
        ..Parsed::default()
    };
    let text = text.trim_start();
    let Some((timestamp, rest)) = time(text) else {
        let (app, process, message) = tag(text);
        (parsed.app, parsed.process) = (app, process);
        message.clone_into(&mut parsed.message);
        return parsed;
    };
    parsed.timestamp = Some(timestamp.to_owned());
    let rest = rest.trim_start();
    // A host, unless the next word is a tag already.
    let rest = match rest.split_once(' ') {
        Some((word, behind)) if !word.ends_with(':') && !word.contains('[') => {
            parsed.host = given(word);
            behind.trim_start()
        }
        _ => rest,
    };
    let (app, process, message) = tag(rest);
    (parsed.app, parsed.process) = (app, process);
    message.clone_into(&mut parsed.message);
    parsed
}

/// `Oct 11 22:14:15`, or the time of RFC 3339, which many programs send.
fn time(text: &str) -> Option<(&str, &str)> {
    if let Some(old) = text.get(..15)
        && MONTHS.iter().any(|month| old.starts_with(month))
        && old.bytes().enumerate().all(|(at, byte)| match at {
            0..3 => true,
            3 | 6 => byte == b' ',
            4 => byte == b' ' || byte.is_ascii_digit(),
            9 | 12 => byte == b':',
            _ => byte.is_ascii_digit(),
        })
    {
        return Some((old, &text[15..]));
    }
    let (word, rest) = text.split_once(' ')?;
    let bytes = word.as_bytes();
    let is_time = bytes.len() >= 19
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b'-'
        && matches!(bytes[10], b'T' | b't');
    is_time.then_some((word, rest))
}

/// `app[123]: message`, `app: message`; anything else is all message.
fn tag(text: &str) -> (Option<String>, Option<String>, &str) {
    let is_name = |character: char| character.is_ascii_alphanumeric() || "._-/()@".contains(character);
    let end = text.find(|character| !is_name(character)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || name.len() > 64 {
        return (None, None, text);
    }
    let (process, rest) = match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((process, behind)) if process.len() <= 32 => (given(process), behind),
        _ => (None, rest),
    };
    match rest.strip_prefix(':') {
        Some(message) => (
            Some(name.to_owned()),
            process,
            message.strip_prefix(' ').unwrap_or(message),
        ),
        None if process.is_some() => (Some(name.to_owned()), process, rest.trim_start()),
        None => (None, None, text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> Json {
        parse(text.as_bytes()).payload("192.0.2.1", "udp")
    }

    #[test]
    fn the_modern_form_is_read() {
        let found = told(
            "<165>1 2026-10-11T22:14:15.003Z host.example.org evntslog 111 ID47 [one@1 a=\"x\" b=\"q\\\"\\]\\\\\"][two] \u{feff}An event\n",
        );
        assert_eq!(found["facility"], "local4");
        assert_eq!(found["severity"], "notice");
        assert_eq!(found["timestamp"], "2026-10-11T22:14:15.003Z");
        assert_eq!(found["host"], "host.example.org");
        assert_eq!(found["app"], "evntslog");
        assert_eq!(found["process_id"], "111");
        assert_eq!(found["message_id"], "ID47");
        assert_eq!(
            found["structured"],
            json!({"one@1": {"a": "x", "b": "q\"]\\"}, "two": {}})
        );
        assert_eq!(found["message"], "An event");
        assert_eq!(found["format"], "rfc5424");
        let bare = told("<34>1 - - - - - -");
        assert_eq!(bare["message"], "");
        assert_eq!(bare["host"], Json::Null);
        assert_eq!(bare["format"], "rfc5424");
    }

    #[test]
    fn the_old_form_is_read() {
        for (text, host, app, process, message) in [
            (
                "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
                "mymachine",
                "su",
                "",
                "'su root' failed",
            ),
            (
                "<13>Feb  5 17:32:18 10.0.0.99 sshd[42]: hello",
                "10.0.0.99",
                "sshd",
                "42",
                "hello",
            ),
            ("<13>Feb  5 17:32:18 cron[7]: local", "", "cron", "7", "local"),
            (
                "<13>2026-02-05T17:32:18+00:00 web nginx: up",
                "web",
                "nginx",
                "",
                "up",
            ),
            ("<13>app: no time", "", "app", "", "no time"),
            ("<13>just words here", "", "", "", "just words here"),
            (
                "<13>Feb  5 17:32:18 web what happened",
                "web",
                "",
                "",
                "what happened",
            ),
        ] {
            let found = told(text);
            let shown = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
            assert_eq!(shown("host"), host, "{text}");
            assert_eq!(shown("app"), app, "{text}");
            assert_eq!(shown("process_id"), process, "{text}");
            assert_eq!(shown("message"), message, "{text}");
            assert_eq!(shown("format"), "rfc3164", "{text}");
        }
    }

    #[test]
    fn what_has_no_priority_is_plain() {
        for text in ["hello", "<999>hello", "<>hello", "<-1>x", "<1234>x", "", "<13"] {
            let found = told(text);
            assert_eq!(found["format"], "plain", "{text}");
            assert_eq!(found["message"], text);
            assert_eq!(found["severity"], "notice");
        }
        // A broken modern message still counts.
        assert_eq!(told("<34>1 only two")["format"], "rfc3164");
        assert_eq!(told("<34>1 - - - - - [broken x=\"")["format"], "rfc3164");
    }

    proptest! {
        #![proptest_config(crate::testing::cases(512))]

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let parsed = parse(&bytes);
            prop_assert!(parsed.priority < 192);
            let _ = parsed.payload("x", "udp");
        }

        #[test]
        fn what_looks_like_a_message_is_read(
            head in "<[0-9]{0,4}>(1 )?",
            time in "(Oct 11 22:14:15|[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8}|2026-[0-9T:é-]{0,20}|-)?",
            rest in "[\\[\\]\"=\\\\: a-zé0-9-]{0,80}",
        ) {
            let text = format!("{head}{time} {rest}");
            let _ = parse(text.as_bytes()).payload("x", "tcp");
        }
    }
}
