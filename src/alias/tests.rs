//! The reference's answers, recorded row by row, and where chat departs from them.

use serde_json::Value;

use super::*;
use crate::expr::pyregex::Steps;

mod chat;
mod fuzz;

fn load(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}

fn rows() -> Vec<Value> {
    load(include_str!("../../tests/data/alias/rows.json"))
}

fn text<'v>(row: &'v Value, key: &str) -> &'v str {
    row[key].as_str().unwrap()
}

#[test]
fn every_recorded_row() {
    let rows = rows();
    assert_eq!(rows.len(), 121);
    for row in rows {
        let found = extract(
            text(&row, "format"),
            text(&row, "command"),
            &mut Steps::new(1_000_000),
        );
        match (found, row.get("error")) {
            (Err(ReadError::Format(error)), Some(expected)) => {
                assert_eq!(error.cause.to_string(), expected.as_str().unwrap(), "{row}");
            }
            (Ok(found), None) => {
                assert_eq!(found.map_or(Value::Null, Value::Object), row["params"], "{row}");
            }
            (found, _) => panic!("{row} gives {found:?}"),
        }
    }
}

#[test]
fn automatic_anchors() {
    for row in load(include_str!("../../tests/data/alias/anchors.json")) {
        let format = Format::new(text(&row, "format"));
        assert_eq!(format.reference_regex().unwrap(), text(&row, "regex"), "{row}");
    }
    assert_eq!(extract("^foo$", "foo", &mut Steps::new(1000)).unwrap(), None);
}

#[test]
fn every_match_counts() {
    for row in load(include_str!("../../tests/data/alias/multiple.json")) {
        let all = extract_all(
            text(&row, "format"),
            text(&row, "command"),
            &mut Steps::new(1_000_000),
        );
        let all: Value = all.unwrap().into_iter().map(Value::Object).collect();
        assert_eq!(all, row["all"], "{row}");
    }
}

/// Answers of the reference's code to some thousand formats and commands put together at random.
#[test]
fn recorded_random_rows() {
    let rows = load(include_str!("../../tests/data/alias/random.json"));
    assert!(rows.len() > 1000);
    for row in rows {
        let found = extract(
            text(&row, "format"),
            text(&row, "command"),
            &mut Steps::new(10_000_000),
        );
        match (found, row.get("error")) {
            (Err(_), Some(_)) => {}
            (Ok(found), None) => {
                assert_eq!(found.map_or(Value::Null, Value::Object), row["params"], "{row}");
            }
            (found, _) => panic!("{row} gives {found:?}"),
        }
    }
}
