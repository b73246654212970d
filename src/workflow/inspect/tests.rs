//! Tests of inspection: the reference's findings by rows, places and hints, and broken input.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value as Json;

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

fn evaluator() -> Evaluator {
    Evaluator::new(Limits::default(), Arc::new(Still))
}

fn inspect(text: &str) -> Report {
    Inspector::new(&evaluator()).inspect_text(text)
}

/// Category, path, schema path and expression of findings.
fn keys(findings: &[Json]) -> BTreeSet<String> {
    findings
        .iter()
        .map(|one| {
            ["category", "spec_path", "schema_path", "expression"]
                .map(|key| one[key].to_string())
                .join(" | ")
        })
        .collect()
}

fn rows() -> Vec<Json> {
    include_str!("../../../tests/data/workflow/inspection.jsonl")
        .lines()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect()
}

#[test]
fn findings_are_the_reference_s() {
    let evaluator = evaluator();
    let (mut wrong, mut words, mut same) = (Vec::new(), Vec::new(), 0);
    for row in rows() {
        let names: Vec<String> = row["context"]
            .as_object()
            .map(|map| map.keys().cloned().collect())
            .unwrap_or_default();
        let text = row["definition"].as_str().unwrap();
        let report = Inspector::new(&evaluator).with_context(names).inspect_text(text);
        let Some(wanted) = row["errors"].as_array() else {
            if report.is_valid() {
                wrong.push(format!(
                    "{} should be refused ({}):\n{text}",
                    row["id"], row["message"]
                ));
            }
            continue;
        };
        let found: Vec<Json> = report.errors.iter().map(|one| one.to_json(text)).collect();
        if keys(&found) != keys(wanted) {
            wrong.push(format!(
                "{}:\n{text}wanted {:#?}\nfound {:#?}",
                row["id"],
                keys(wanted),
                keys(&found)
            ));
            continue;
        }
        let message = |one: &Json| one["message"].as_str().unwrap().to_owned();
        let told = |all: &[Json]| all.iter().map(message).collect::<Vec<_>>();
        if told(&found) == told(wanted) {
            same += 1;
        } else {
            words.push(format!(
                "{}:\nwanted {:#?}\nfound  {:#?}",
                row["id"],
                told(wanted),
                told(&found)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    println!("{}", words.join("\n"));
    assert!(
        words.len() * 50 < same,
        "{} of {same} rows differ in words",
        words.len()
    );
}
