//! `sayso workflow validate --batch --json`: answers for rows of JSON Lines.

use std::io::{self, BufRead, Write};

use serde_json::{Value, json};

use super::inspect::{Inspector, Report};
use crate::expr::template::Evaluator;
use crate::model::rows::{MAX_ROW, next_row};

/// Validates the definition in every row of `input`, with one answer a line on `output`.
///
/// # Errors
/// When the input cannot be read or the output cannot be written; a row that makes no sense is answered.
pub fn validate(mut input: impl BufRead, mut output: impl Write, evaluator: &Evaluator) -> io::Result<()> {
    let mut row = Vec::new();
    while let Some(whole) = next_row(&mut input, &mut row)? {
        if row.trim_ascii().is_empty() {
            continue;
        }
        let answer = if whole {
            answer(&row, evaluator)
        } else {
            refused(&Value::Null, &format!("the row is longer than {MAX_ROW} bytes"))
        };
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

fn answer(row: &[u8], evaluator: &Evaluator) -> Value {
    let row: Value = match serde_json::from_slice(row) {
        Ok(row) => row,
        Err(error) => return refused(&Value::Null, &format!("the row is no JSON: {error}")),
    };
    let id = &row["id"];
    let Some(definition) = row["definition"].as_str() else {
        return refused(id, "the row has no text `definition`");
    };
    let context = row["context"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str());
    let report = Inspector::new(evaluator)
        .with_context(context)
        .inspect_text(definition);
    let mut answer = json!({"id": id, "ok": true});
    if let (Some(answer), Value::Object(shown)) = (answer.as_object_mut(), shown(&report, definition)) {
        answer.extend(shown);
    }
    answer
}

fn refused(id: &Value, message: &str) -> Value {
    json!({"id": id, "ok": false, "error": {"kind": "load", "message": message}})
}

/// A report as `sayso workflow validate --json` prints it. `text` is the definition.
#[must_use]
pub fn shown(report: &Report, text: &str) -> Value {
    let all = |findings: &[super::inspect::Finding]| -> Vec<Value> {
        findings.iter().map(|finding| finding.to_json(text)).collect()
    };
    json!({
        "valid": report.is_valid(),
        "errors": all(&report.errors),
        "warnings": all(&report.warnings),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::expr::template::{Limits, Surroundings};
    use crate::expr::value::{Date, DateTime};

    struct Still;

    impl Surroundings for Still {
        fn now(&self) -> DateTime {
            DateTime::utc(Date::new(2020, 1, 1).unwrap(), 0)
        }

        fn random(&self) -> u64 {
            0
        }
    }

    #[test]
    fn every_row_has_an_answer() {
        let rows = concat!(
            r#"{"id":"1","definition":"tasks: {t: {action: core.noop}}"}"#,
            "\n\nno json\n",
            r#"{"id":"3"}"#,
            "\n",
            r#"{"id":"4","definition":"tasks: [","extra":1}"#,
            "\n",
            r#"{"id":"5","definition":"tasks: {t: {action: <% ctx(st2) %>}}","context":{"st2":{}}}"#,
        );
        let mut out = Vec::new();
        let evaluator = Evaluator::new(Limits::default(), Arc::new(Still));
        validate(rows.as_bytes(), &mut out, &evaluator).unwrap();
        let answers: Vec<Value> = String::from_utf8(out)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let told: Vec<_> = answers
            .iter()
            .map(|one| (&one["id"], &one["ok"], &one["valid"]))
            .collect();
        assert_eq!(
            told,
            [
                (&json!("1"), &json!(true), &json!(true)),
                (&Value::Null, &json!(false), &Value::Null),
                (&json!("3"), &json!(false), &Value::Null),
                (&json!("4"), &json!(true), &json!(false)),
                (&json!("5"), &json!(true), &json!(true)),
            ]
        );
        assert_eq!(answers[3]["errors"][0]["category"], "load");
        assert_eq!(answers[3]["errors"][0]["spec_path"], Value::Null);
    }
}
