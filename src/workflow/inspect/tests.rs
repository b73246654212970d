//! Tests of inspection: the reference's findings by rows, places and hints, and broken input.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

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

static EVALUATOR: LazyLock<Evaluator> = LazyLock::new(|| Evaluator::new(Limits::default(), Arc::new(Still)));

fn evaluator() -> &'static Evaluator {
    &EVALUATOR
}

fn inspect(text: &str) -> Report {
    Inspector::new(evaluator()).inspect_text(text)
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

static ROWS: LazyLock<Vec<Json>> = LazyLock::new(|| {
    include_str!("../../../tests/data/workflow/inspection.jsonl")
        .lines()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect()
});

/// Rows where ours differs on purpose: an expression may contain its own closing sign.
const WIDER: [&str; 2] = ["expr-50", "expr-task-50"];

#[test]
fn findings_are_the_reference_s() {
    let evaluator = evaluator();
    let (mut wrong, mut words, mut same) = (Vec::new(), Vec::new(), 0);
    for row in ROWS
        .iter()
        .filter(|row| !WIDER.contains(&row["id"].as_str().unwrap()))
    {
        let names: Vec<String> = row["context"]
            .as_object()
            .map(|map| map.keys().cloned().collect())
            .unwrap_or_default();
        let text = row["definition"].as_str().unwrap();
        let report = Inspector::new(evaluator).with_context(names).inspect_text(text);
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

/// Errors and warnings as people see them: place, message, hint.
fn told(text: &str) -> Vec<String> {
    let report = inspect(text);
    report
        .errors
        .iter()
        .chain(&report.warnings)
        .map(|one| format!("{}:{} {} [{}]", one.at.line, one.at.column, one.message, one.hint))
        .collect()
}

#[test]
fn findings_say_where_and_what_to_do() {
    let text = "version: 1.0
vars:
  - greeting: hello
taks: {}
tasks:
  first:
    action: core.echo message=<% ctx().greting %>
    next:
      - do: secnd
  second:
    action: core.echo
    input:
      message: |
        Hello
        <% ctx( %>
";
    assert_eq!(
        told(text),
        [
            "1:1 Additional properties are not allowed ('taks' was unexpected) [did you mean `tags`?]",
            "9:13 The task \"secnd\" is not defined. [did you mean `second`?]",
            "15:9 Parse error: unexpected end of statement [something is missing at the end: a closing bracket, or a \
             value after an operator]",
            "7:34 Variable \"greting\" is referenced before assignment. [did you mean `greeting`?]",
            "3:5 The variable \"greeting\" is never read. [remove it, or read it as <% ctx().greeting %>]",
        ]
    );
}

#[test]
fn advice_is_given() {
    let one = |text: &str| {
        let report = inspect(text);
        assert!(report.is_valid(), "{text}: {:?}", report.errors);
        report
            .warnings
            .into_iter()
            .map(|one| format!("{} {}", one.at.line, one.message))
            .collect::<Vec<_>>()
    };
    let task = |lines: &str| format!("tasks:\n  t:\n    action: core.noop\n    {lines}\n");
    for (text, wanted) in [
        (
            "tasks: {t: {action: core.echo message=hello}}",
            "1 `message=hello` is no parameter: it is ignored, or only partly used.",
        ),
        (
            "tasks:\n  a: {action: x}\n  b: {next: [{do: c}]}\n  c: {next: [{do: b}]}",
            "3 The task \"b\" is never reached.",
        ),
        (
            &task("next: [{publish: a=hello}]"),
            "4 Nothing is published: there is no `name=value` here.",
        ),
        (
            &task("next: [{when: yes please}]"),
            "4 The condition has no expression, so it always holds.",
        ),
        (
            &task("delay: soon"),
            "4 \"soon\" is no number: the workflow will fail here.",
        ),
        (
            &task("retry: {count: x}"),
            "4 \"x\" is no number: the workflow will fail here.",
        ),
        (
            &task("join: 2"),
            "4 The join waits for 2 tasks, but only 0 lead to it.",
        ),
        (
            &task("with: {concurrency: 1}"),
            "4 There is nothing to repeat over.",
        ),
        (
            &task("next: [{publish: [{st2: 1}]}]"),
            "4 \"st2\" takes the place of a variable that every workflow has.",
        ),
        (
            &task("next: [{publish: [{a: 1}, {a: <% ctx(a) %>}]}]"),
            "4 \"a\" is published twice: the last value counts.",
        ),
        (
            &task("next: [{publish: [{a: <% result().a %>}], do: retry}]"),
            "4 Nothing is published when the task is retried.",
        ),
        (
            "input: [a]\nvars: [{a: <% ctx(a) %>}]\ntasks: {t: {action: x}}",
            "2 \"a\" takes the place of an input or variable of the same name.",
        ),
        (
            "tasks:\n  t:\n    action: core.echo message='x'\n    input: {a: 1}",
            "4 `input` is not used: the parameters in `action` are the whole input.",
        ),
        (
            "vars: [{a: 1}]\ntasks: {t: {action: x}}",
            "1 The variable \"a\" is never read.",
        ),
    ] {
        assert!(
            one(text).iter().any(|found| found == wanted),
            "{text}: {:?}",
            one(text)
        );
    }
    for quiet in [
        "tasks: {t: {action: core.echo message='a=b'}}",
        "vars: [{a: 1}]\ntasks: {t: {action: \"<% ctx().get(a) %>\"}}",
        "vars: [{a: 1}]\ntasks: {t: {action: \"{% if ctx()['a'] %}x{% endif %}\"}}",
        "vars: [{a: 1}]\ntasks: {t: {action: x, input: {all: <% ctx() %>}}}",
    ] {
        assert_eq!(one(quiet), Vec::<String>::new(), "{quiet}");
    }
}

struct Known;

impl Actions for Known {
    fn find(&self, reference: &str) -> Option<ActionShape> {
        (reference == "core.echo").then(|| ActionShape {
            parameters: vec!["message".into(), "level".into()],
            required: vec!["message".into()],
        })
    }

    fn nearest(&self, _: &str) -> Option<String> {
        Some("core.echo".into())
    }
}

#[test]
fn actions_are_looked_up() {
    let evaluator = evaluator();
    for (action, wanted) in [
        ("core.echo message='x'", None),
        ("<% ctx(st2).action %>", None),
        (
            "core.eco message='x'",
            Some("The action \"core.eco\" is not registered in the database."),
        ),
        (
            "echo",
            Some("The action reference \"echo\" is not formatted correctly."),
        ),
        (
            "core.echo level=1",
            Some("Action \"core.echo\" is missing required input \"message\"."),
        ),
        (
            "core.echo message='x' levle=1",
            Some("Action \"core.echo\" has unexpected input \"levle\"."),
        ),
    ] {
        let text = format!("tasks:\n  t:\n    action: {action}\n");
        let report = Inspector::new(evaluator)
            .with_context(["st2"])
            .with_actions(&Known)
            .inspect_text(&text);
        assert!(report.is_valid());
        let found = report.warnings.iter().map(|one| one.message.as_str()).next();
        assert_eq!(found, wanted, "{action}");
    }
}

#[test]
fn walks_over_all_paths_are_bounded() {
    let mut text = "version: 1.0\ntasks:\n".to_owned();
    for i in 0..200 {
        let next = i + 1;
        text += &format!(
            "  a{i}: {{action: x, next: [{{do: [b{i}, c{i}]}}]}}\n  b{i}: {{action: <% ctx(zz) %>, next: [{{publish: [{{p{i}: \
             1}}], do: a{next}}}]}}\n  c{i}: {{action: x, next: [{{do: a{next}}}]}}\n"
        );
    }
    text += "  a200: {join: all, action: x}\n";
    let report = inspect(&text);
    assert!(report.errors.len() <= 4 * MAX_FINDINGS);
    assert!(report.errors.iter().any(|one| one.category == Category::Context));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Cut, doubled and scrambled definitions never panic, whether read, inspected or drawn.
    #[test]
    fn broken_definitions_are_only_refused(row in 0_usize..700, edits in proptest::collection::vec((0.0_f64..1.0, 0_u8..6, "[ -~\\n]{0,6}"), 1..5)) {
        let mut text = ROWS[row % ROWS.len()]["definition"].as_str().unwrap().to_owned();
        for (place, kind, junk) in edits {
            let at = text.char_indices().map(|(at, _)| at).nth((place * text.chars().count() as f64) as usize).unwrap_or(text.len());
            let end = text[at..].char_indices().map(|(end, _)| at + end).nth(7).unwrap_or(text.len());
            match kind {
                0 => text.insert_str(at, &junk),
                1 => text.replace_range(at..end, &junk),
                2 => text.truncate(at),
                3 => text.insert_str(at, "\n  "),
                4 => { let part = text[at..end].to_owned(); text.push_str(&part); }
                _ => text.insert_str(at, "<% ctx(q) %>"),
            }
        }
        let report = inspect(&text);
        for one in report.errors.iter().chain(&report.warnings) {
            let _ = one.problem("f.yaml", &text).to_string();
        }
        if let Ok(document) = Document::parse(&text) {
            let workflow = Workflow::read(&document);
            let graph = Graph::compose(&workflow);
            prop_assert!(crate::workflow::draw::svg(&workflow, &graph).ends_with("</svg>\n"));
        }
    }
}
