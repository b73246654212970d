//! YAML against `PyYAML`'s answers, positions, faults and limits.

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn rows() -> Vec<Value> {
    include_str!("../../tests/data/content/yaml.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// tests/data/content/yaml.jsonl holds what `PyYAML` 6.0.3 `safe_load` says; a row with `ours` says where and why
/// we differ.
#[test]
fn reads_what_pyyaml_reads() {
    let mut wrong = Vec::new();
    for row in rows() {
        let text = row["yaml"].as_str().unwrap();
        let ours = parse(text).map(|document| document.to_json());
        let expected = if row.get("ours").is_some() {
            &row["ours"]
        } else {
            &row
        };
        let agrees = match &ours {
            Ok(value) => expected.get("json") == Some(value),
            Err(_) => expected.get("error").is_some(),
        };
        if !agrees {
            wrong.push(format!("{text:?}\n   expected {expected}\n   ours     {ours:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_value_and_key_has_its_place() {
    let document =
        parse("name: a\nparameters:\n  host:\n    type: string\n  \"x/y\": {deep: [1, two]}\n").unwrap();
    let at = |path| {
        let position = document.locate(path);
        (position.line, position.column)
    };
    assert_eq!(at(""), (1, 1));
    assert_eq!(at("/name"), (1, 7));
    assert_eq!(
        at("/parameters"),
        (2, 1),
        "a map below its key counts from the key"
    );
    assert_eq!(at("/parameters/host/type"), (4, 11));
    assert_eq!(
        at("/parameters/host/missing"),
        (3, 3),
        "what is missing is missed in its parent"
    );
    assert_eq!(at("/parameters/x~1y/deep/1"), (5, 21));
    assert_eq!(at("/parameters/x~1y/deep/7"), (5, 17));
    assert_eq!(
        document.locate_key("/parameters/host/type"),
        Position { line: 4, column: 5 }
    );
    assert_eq!(step("x/y~z"), "/x~1y~0z");
    let aliased = parse("a: &x\n  b: 1\nc: *x\n").unwrap();
    assert_eq!(aliased.locate("/c/b"), Position { line: 2, column: 6 });
    let wide = parse("é: {ü: 1}").unwrap();
    assert_eq!(
        wide.locate("/é/ü"),
        Position { line: 1, column: 8 },
        "columns count characters"
    );
}

#[rstest::rstest]
#[case::duplicate("a: 1\nb: 2\na: 3\n", 3, 1, "this key is given twice: `a`", "line 1")]
#[case::tab("a:\n\tb: 1\n", 2, 1, "a tab cannot be used here", "indent with spaces")]
#[case::template("a: {{ x }}\n", 1, 4, "text that starts with `{{` must be in quotes", "write")]
#[case::template_and_more("a: 1\nb: {{ x }} y\n", 2, 4, "must be in quotes", "write")]
#[case::colon(
    "a: b: c\n",
    1,
    5,
    "a `:` is not possible here",
    "put a text that contains `: ` in quotes"
)]
#[case::quote("a: 'b\nc: d\n", 1, 4, "a quoted text is not closed", "closing quote")]
#[case::bracket("a: [1, 2\nb: 3\n", 2, 2, "", "")]
#[case::anchor("a: *nope\n", 1, 4, "this alias has no anchor before it", "in quotes")]
#[case::tag("a: !Ref x\n", 1, 9, "unknown tag: `!Ref`", "remove the tag")]
#[case::indent("a:\n  b: 1\n c: 2\n", 3, 2, "", "")]
#[case::second("a: 1\n---\nb: 2\n", 2, 1, "a second document starts here", "")]
#[case::big("a: 99999999999999999999\n", 1, 4, "does not fit 64 bits", "in quotes")]
#[case::date("a: 2026-02-30\n", 1, 4, "no such day", "in quotes")]
#[case::itself("a: &x [*x]\n", 1, 8, "inside the value that it refers to", "write it out")]
#[case::escape("a: \"\\d+\"\n", 1, 4, "backslash", "single quotes")]
fn faults_say_where_and_what_to_do(
    #[case] text: &str,
    #[case] line: usize,
    #[case] column: usize,
    #[case] message: &str,
    #[case] hint: &str,
) {
    let problem = parse(text).unwrap_err().problem("f.yaml", Some(text));
    assert_eq!((problem.line, problem.column), (line, column), "{problem}");
    assert!(problem.message.contains(message), "{problem}");
    assert!(problem.hint.contains(hint), "{problem}");
    assert_eq!(problem.text, text.lines().nth(line - 1).unwrap());
}

#[test]
fn a_fault_can_be_told_without_quoting_the_file() {
    let problem = parse("password: !hunter2 x")
        .unwrap_err()
        .problem("configs/a.yaml", None);
    assert!(!format!("{problem} {problem:?}").contains("hunter2"));
    assert_eq!(problem.text, "");
}

#[test]
fn unquoted_keys_that_turn_into_something_else_are_remarked() {
    let document = parse("on: 1\n'off': 2\n7: 3\n").unwrap();
    assert_eq!(document.to_json(), json!({"true": 1, "off": 2, "7": 3}));
    let lines: Vec<u32> = document.remarks.iter().map(|remark| remark.at.line).collect();
    assert_eq!(lines, [1, 3]);
}

#[test]
fn bombs_and_towers_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert!(
        parse(&bomb)
            .unwrap_err()
            .message
            .contains("more than 250000 values")
    );

    let text = format!(
        "a: &a \"{}\"\nb: [{}]\n",
        "x".repeat(1_000_000),
        vec!["*a"; 100].join(", ")
    );
    assert!(parse(&text).unwrap_err().message.contains("MiB of text"));

    let mut tower = String::from("a0: &a0 [x]\n");
    for level in 1..200 {
        tower.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(parse(&tower).unwrap_err().message.contains("nested more than"));
    for deep in ["[".repeat(100_000), "- ".repeat(5_000), "{a: ".repeat(5_000)] {
        assert!(parse(&deep).unwrap_err().message.contains("nested more than"));
    }
    assert!(
        parse(&"a".repeat(MAX_BYTES + 1))
            .unwrap_err()
            .message
            .contains("larger than 4 MiB")
    );
}

#[test]
fn long_documents_take_time_in_proportion() {
    let text: String = (0..40_000)
        .map(|n| format!("key{n}: {{a: [1, 'x']}}\n"))
        .collect();
    assert_eq!(parse(&text).unwrap().to_json().as_object().unwrap().len(), 40_000);
}

proptest! {
    #![proptest_config(crate::testing::cases(400))]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}|[-:{}\\[\\]&*!|>'\"%@`#,? \n\ta-c0-9.]{0,80}") {
        if let Ok(document) = parse(&text) {
            let _ = document.to_json();
        }
    }

    #[test]
    fn no_mutation_of_real_yaml_makes_it_panic(row in 0_usize..600, at in 0_usize..200, with in any::<char>(), cut in 0_usize..4) {
        let rows = rows();
        let text = rows[row % rows.len()]["yaml"].as_str().unwrap();
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.min(chars.len());
        chars.drain(at..(at + cut).min(chars.len()));
        chars.insert(at, with);
        let text: String = chars.into_iter().collect();
        match parse(&text) {
            Ok(document) => {
                let _ = document.to_json();
            }
            Err(fault) => {
                let _ = fault.problem("f", Some(&text)).to_string();
            }
        }
    }
}
