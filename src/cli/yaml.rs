//! JSON values as YAML: block style, long texts as literal blocks, quotes wherever a reader could see
//! anything but the text.

use serde_json::{Map, Value};

/// The value as a YAML document, ending with a line end.
#[must_use]
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(map, 0, &mut text),
        Value::Array(items) if !items.is_empty() => sequence(items, 0, &mut text),
        scalar => {
            text.push_str(&inline(scalar, 0));
            text.push('\n');
        }
    }
    text
}

fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', depth * 2));
}

fn mapping(map: &Map<String, Value>, depth: usize, text: &mut String) {
    for (index, (key, value)) in map.iter().enumerate() {
        // The first key of a mapping in a list stands on the line of the dash.
        if index > 0 || !text.ends_with("- ") {
            indent(depth, text);
        }
        text.push_str(&scalar_text(key));
        text.push(':');
        nested(value, depth, text);
    }
}

fn nested(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            mapping(map, depth + 1, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            sequence(items, depth, text);
        }
        scalar => {
            text.push(' ');
            text.push_str(&inline(scalar, depth + 1));
            text.push('\n');
        }
    }
}

fn sequence(items: &[Value], depth: usize, text: &mut String) {
    for item in items {
        indent(depth, text);
        text.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => mapping(map, depth + 1, text),
            Value::Array(inner) if !inner.is_empty() => {
                // A list in a list starts on a line of its own.
                text.pop();
                text.push('\n');
                sequence(inner, depth + 1, text);
            }
            scalar => {
                text.push_str(&inline(scalar, depth + 1));
                text.push('\n');
            }
        }
    }
}

/// A scalar or an empty collection; a text of several lines becomes a literal block at `depth`.
fn inline(value: &Value, depth: usize) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number_text(&number.to_string()),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        Value::String(text) => literal(text, depth).unwrap_or_else(|| scalar_text(text)),
    }
}

/// `1e20` is a text for YAML 1.1; with a point it is a number everywhere.
fn number_text(text: &str) -> String {
    match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => {
            let digits = if digits.contains('.') {
                digits.to_owned()
            } else {
                format!("{digits}.0")
            };
            let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
            format!("{digits}e{sign}{exponent}")
        }
        None => text.to_owned(),
    }
}

fn literal(text: &str, depth: usize) -> Option<String> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let fits = text.contains('\n')
        && !body.is_empty()
        && !body.ends_with('\n')
        && !body.starts_with([' ', '\n', '\t'])
        && body.lines().all(|line| !line.ends_with([' ', '\t']))
        && text
            .chars()
            .all(|c| matches!(c, '\n' | '\t') || !(c.is_control() || unprintable(c)));
    if !fits {
        return None;
    }
    let mut block = if text.ends_with('\n') {
        "|".to_owned()
    } else {
        "|-".to_owned()
    };
    for line in body.split('\n') {
        block.push('\n');
        if !line.is_empty() {
            indent(depth, &mut block);
            block.push_str(line);
        }
    }
    Some(block)
}

/// Plain where no reader of YAML 1.1 or 1.2 can take it for anything else, else double-quoted.
fn scalar_text(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if (c.is_control() || unprintable(c)) && (c as u32) < 0x100 => {
                quoted.push_str(&format!("\\x{:02x}", c as u32));
            }
            c if c.is_control() || unprintable(c) => {
                quoted.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    // Words that are booleans, null, numbers, dates or merge keys for some reader.
    let word = text.to_ascii_lowercase();
    let special = matches!(
        word.as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null" | "~" | "=" | "<<"
    );
    let numeric = first.is_ascii_digit() || matches!(first, '+' | '-' | '.');
    let starts_well = first.is_alphanumeric() || matches!(first, '/' | '_' | '(' | '$' | '^');
    // Ids are 24 hexadecimal digits: those with a letter that makes them no number stay plain.
    let id = numeric
        && text.len() == 24
        && text.chars().all(|c| c.is_ascii_hexdigit())
        && text.chars().any(|c| matches!(c, 'a'..='d' | 'f'));
    // `2026-01-02T…` is a time for some readers; as a text it needs quotes.
    (!numeric || id)
        && !special
        && starts_well
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(|c| !c.is_control() && !unprintable(c))
}

/// Line ends and marks that no reader shows.
const fn unprintable(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_as_people_write_them() {
        let value = json!({
            "id": "6744d2fb0123456789abcdef",
            "status": "succeeded",
            "result": {"stdout": "one\ntwo", "log": "a\n", "code": 0, "ratio": 1e30, "empty": {}, "none": null},
            "tags": ["a", {"name": "x", "list": [1, [2, 3]]}, [], [[1]]],
            "words": ["yes", "12", "1.5", "2026-01-02T03:04:05Z", "- a", "a: b", "a #b", "", " x", "über", "x:", "#no",
                      "tab\there", "esc\u{1b}[0m", "trailing \nspace", "\nfirst"],
            "no": true
        });
        assert_eq!(
            document(&value),
            r##"id: 6744d2fb0123456789abcdef
status: succeeded
result:
  stdout: |-
    one
    two
  log: |
    a
  code: 0
  ratio: 1.0e+30
  empty: {}
  none: null
tags:
- a
- name: x
  list:
  - 1
  -
    - 2
    - 3
- []
-
  -
    - 1
words:
- "yes"
- "12"
- "1.5"
- "2026-01-02T03:04:05Z"
- "- a"
- "a: b"
- "a #b"
- ""
- " x"
- über
- "x:"
- "#no"
- "tab\there"
- "esc\x1b[0m"
- "trailing \nspace"
- "\nfirst"
"no": true
"##
        );
        assert_eq!(document(&json!("x")), "x\n");
        assert_eq!(document(&json!([])), "[]\n");
    }

    #[test]
    fn what_is_written_reads_back() {
        let texts = [
            "",
            " ",
            "a",
            "a b",
            "a: b",
            "a:",
            ":a",
            "#",
            "a #b",
            "- a",
            "-",
            "--- a",
            "...",
            "? a",
            "| a",
            "> a",
            "%a",
            "@a",
            "`a`",
            "!a",
            "&a",
            "*a",
            "'a'",
            "\"a\"",
            "{a}",
            "[a]",
            "a, b",
            "yes",
            "No",
            "TRUE",
            "null",
            "~",
            "Null",
            "y",
            "=",
            "<<",
            "0",
            "017",
            "0x1f",
            "1e3",
            "1_000",
            "1:30",
            ".5",
            "-1",
            "+1",
            ".inf",
            ".nan",
            "2026-01-02",
            "a\nb",
            "a\n",
            "\na",
            "a\n\n",
            "a\n\nb\n",
            " a\nb",
            "a \nb",
            "a\tb",
            "\ta",
            "a\n\tb",
            "a\r\nb",
            "\u{1b}[31m",
            "\u{85}",
            "\u{2028}",
            "\u{feff}a",
            "é",
            "日本",
            "😀",
            "\\n",
            "a\\",
            "\"",
            "6744d2fb0123456789abcdef",
            "123456789012345678901234",
            "12345678901234567890123e",
            "$HOME",
            "^x",
            "(a)",
            "/etc",
            "a'b",
            "key: |\n  x",
        ];
        let mut all: Vec<Value> = texts.iter().map(|text| json!(text)).collect();
        all.extend([
            json!(1),
            json!(-1.5),
            json!(1e30),
            json!(1e-7),
            json!(true),
            json!(null),
            json!([]),
            json!({}),
        ]);
        let mut nested = Vec::new();
        for value in &all {
            nested.push(json!({"k": value, "l": [value, [value], {"m": value, "n": {"o": value}}]}));
        }
        let keys: Map<String, Value> = texts
            .iter()
            .map(|text| ((*text).to_owned(), json!(text)))
            .collect();
        nested.push(Value::Object(keys));
        nested.push(Value::Array(all.clone()));
        for value in all.into_iter().chain(nested) {
            let text = document(&value);
            let read = crate::yaml::parse(&text).unwrap_or_else(|fault| panic!("{fault:?}\n{text}"));
            assert_eq!(read.to_json(), value, "{text}");
        }
    }
}
