//! `sayso alias match --json`: the reference's answers for rows of JSON Lines.

use std::io::{self, BufRead, Write};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::expr::pyregex::{Error, Scratch, Steps};
use crate::model::rows::{MAX_ROW, next_row};

use super::definition::FormatEntry;
use super::format::Format;
use super::pairs::reference_cut;
use super::reading::{self, ReadError};

/// Matching steps for one row (about a second).
const STEPS_PER_ROW: u64 = 100_000_000;

/// Answers every row of `input` with one line on `output`.
pub fn run(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut row = Vec::new();
    while let Some(whole) = next_row(&mut input, &mut row)? {
        if row.trim_ascii().is_empty() {
            continue;
        }
        let answer = if whole {
            answer(&row)
        } else {
            failed(
                &readable_id(&row),
                "limit",
                &format!("the row is longer than {MAX_ROW} bytes"),
            )
        };
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

fn answer(row: &[u8]) -> Value {
    let value: Value = match serde_json::from_slice(row) {
        Ok(value) => value,
        Err(error) => {
            return failed(
                &readable_id(row),
                "parse",
                &format!("the row is no JSON: {error}"),
            );
        }
    };
    let id = value.get("id").cloned().unwrap_or(Value::Null);
    let answered = if value.get("aliases").is_some() {
        aliases(&value)
    } else {
        format(&value)
    };
    match answered {
        Ok(fields) => {
            let mut answer = Map::new();
            answer.insert("id".into(), id);
            answer.insert("ok".into(), Value::Bool(true));
            answer.extend(fields);
            Value::Object(answer)
        }
        Err(failure) => failed(&id, failure.kind, &failure.message),
    }
}

fn failed(id: &Value, kind: &str, message: &str) -> Value {
    json!({ "id": id, "ok": false, "error": { "kind": kind, "message": message } })
}

struct Failure {
    kind: &'static str,
    message: String,
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let kind = match &error {
            ReadError::Format(_) | ReadError::Match(Error::Syntax(_)) => "regex",
            ReadError::Match(Error::Limit) => "limit",
        };
        let message = match &error {
            ReadError::Format(error) => error.cause.to_string(),
            ReadError::Match(error) => error.to_string(),
        };
        Failure { kind, message }
    }
}

fn text<'v>(row: &'v Value, key: &str) -> Result<&'v str, Failure> {
    match row.get(key) {
        // The reference takes a missing text as the empty one.
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Failure {
            kind: "argument",
            message: format!("`{key}` must be a text"),
        }),
    }
}

fn format(row: &Value) -> Result<Map<String, Value>, Failure> {
    if row.get("format").is_none() || row.get("message").is_none() {
        let message = "a row has `format` and `message`, or `aliases` and `message`".to_owned();
        return Err(Failure {
            kind: "argument",
            message,
        });
    }
    let (format, message) = (text(row, "format")?, text(row, "message")?);
    let mut steps = Steps::new(STEPS_PER_ROW);
    let mut fields = Map::new();
    if row.get("multiple").and_then(Value::as_bool).unwrap_or(false) {
        let all = reading::extract_all(format, message, &mut steps)?;
        fields.insert("match".into(), Value::Bool(!all.is_empty()));
        fields.insert("all".into(), all.into_iter().map(Value::Object).collect());
    } else {
        let found = reading::extract(format, message, &mut steps)?;
        fields.insert("match".into(), Value::Bool(found.is_some()));
        if let Some(parameters) = found {
            fields.insert("params".into(), Value::Object(parameters));
        }
    }
    Ok(fields)
}

#[derive(Deserialize)]
struct Alias {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    formats: Vec<FormatEntry>,
}

fn aliases(row: &Value) -> Result<Map<String, Value>, Failure> {
    let message = text(row, "message")?;
    let aliases: Vec<Alias> = Deserialize::deserialize(&row["aliases"]).map_err(|error| Failure {
        kind: "argument",
        message: format!("`aliases`: {error}"),
    })?;
    let mut steps = Steps::new(STEPS_PER_ROW);
    let mut scratch = Scratch::default();
    let cut = reference_cut(message, &mut steps).map_err(ReadError::Match)?;
    let mut matches = Vec::new();
    for alias in &aliases {
        for entry in &alias.formats {
            let normal = entry.normal();
            for representation in &normal.representations {
                let format = Format::new(representation);
                if reading::read(&format, &cut, &mut steps, &mut scratch)?.is_some() {
                    matches.push(json!({
                        "alias": alias.name,
                        "representation": representation,
                        "display": normal.display,
                    }));
                }
            }
        }
    }
    let mut fields = Map::new();
    fields.insert("match".into(), Value::Bool(!matches.is_empty()));
    fields.insert("matches".into(), Value::Array(matches));
    Ok(fields)
}

/// The id of a row that is no JSON, if it can be made out.
fn readable_id(row: &[u8]) -> Value {
    let text = String::from_utf8_lossy(row);
    let id = text.split_once("\"id\"").and_then(|(_, rest)| {
        let rest = rest.trim_start().strip_prefix(':')?.trim_start();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        values.next()?.ok()
    });
    id.filter(Value::is_string).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(input: &[u8]) -> Vec<Value> {
        let mut output = Vec::new();
        run(input, &mut output).unwrap();
        String::from_utf8(output)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn format_rows() {
        let input = br#"{"id":"a","format":"run {{x}}","message":"run it k=v","other":1}
{"id":"b","format":"run {{x}}","message":"walk"}

{"id":"c","format":"(?:\\b|^)fix (?P<k>\\d+)(?:\\b|$)","message":"fix 1 and fix 2 prio=3","multiple":true}
{"id":"d","format":"go {{my-param}}","message":"go 1"}"#;
        let expected = [
            json!({"id":"a","ok":true,"match":true,"params":{"x":"it","k":"v"}}),
            json!({"id":"b","ok":true,"match":false}),
            json!({"id":"c","ok":true,"match":true,"all":[{"k":"1","prio":"3"},{"k":"2","prio":"3"}]}),
            json!({"id":"d","ok":false,"error":{"kind":"regex",
                "message":"bad character in group name 'my-param' at position 13"}}),
        ];
        assert_eq!(answers(input), expected);
    }

    #[test]
    fn alias_rows_list_matches_in_order() {
        let row = json!({"id":"a","message":"deploy web","aliases":[
            {"name":"one","formats":["deploy {{x}}", {"display":"d","representation":["x","deploy {{y}}"]}]},
            {"name":"two","formats":[{"representation":"deploy web","match_multiple":true}]},
            {"name":"three","formats":[{"display":"only help"}]},
        ]});
        let expected = json!({"id":"a","ok":true,"match":true,"matches":[
            {"alias":"one","representation":"deploy {{x}}","display":"deploy {{x}}"},
            {"alias":"one","representation":"deploy {{y}}","display":"d"},
            {"alias":"two","representation":"deploy web","display":null},
        ]});
        assert_eq!(answers(row.to_string().as_bytes()), [expected]);
        let help =
            json!({"id":"b","message":"","aliases":[{"name":"h","formats":[{"display":"only help"}]}]});
        assert_eq!(answers(help.to_string().as_bytes())[0]["match"], json!(true));
        let broken = json!({"id":"c","message":"x","aliases":[{"name":"h","formats":["x", "("]}]});
        assert_eq!(answers(broken.to_string().as_bytes())[0]["ok"], json!(false));
    }

    #[test]
    fn every_row_gets_exactly_one_answer() {
        let input = b"{\"id\":\"a\",\nnonsense\n[]\n{\"id\":\"x\",\"format\":5,\"message\":\"\"}\n\xff\xfe\n{\"id\":7}\n\
            {\"id\":\"z\",\"aliases\":3,\"message\":\"\"}";
        let answers = answers(input);
        assert_eq!(answers.len(), 7);
        assert!(answers.iter().all(|answer| answer["ok"] == json!(false)));
        assert_eq!(answers[0]["id"], json!("a"));
        assert_eq!(answers[3]["id"], json!("x"));
    }
}
