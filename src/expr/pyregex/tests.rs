//! Answers of Python 3.11's `re`, recorded in `tests/data/alias/pyregex.json`, asked of our matcher.

use serde_json::{Value, json};

use super::*;

fn flags(letters: &str) -> Flags {
    Flags::default().changed(letters, "")
}

fn groups(captures: &Captures<'_>) -> Value {
    (0..captures.len())
        .map(|group| json!(captures.get(group)))
        .collect()
}

/// What the recorded answer looks like when we give it.
fn answer(row: &Value) -> Value {
    let text = row["text"].as_str().unwrap();
    let regex = match Regex::new(
        row["pattern"].as_str().unwrap(),
        flags(row["flags"].as_str().unwrap_or("")),
    ) {
        Ok(regex) => regex,
        Err(error) => return json!({ "error": error.to_string() }),
    };
    let found = match row["mode"].as_str() {
        Some("all") => {
            let all: Vec<Value> = regex
                .find_iter(text)
                .map(|found| groups(&found.unwrap()))
                .collect();
            return json!({ "all": all });
        }
        Some("match") => regex.match_(text),
        Some("fullmatch") => regex.fullmatch(text),
        _ => regex.search(text),
    };
    json!({ "groups": found.unwrap().map(|found| groups(&found)) })
}

#[test]
fn answers_as_cpython() {
    let rows: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/data/alias/pyregex.json")).unwrap();
    assert!(rows.len() > 800);
    let mut wrong = Vec::new();
    for row in &rows {
        let answer = answer(row);
        let (key, value) = answer.as_object().unwrap().iter().next().unwrap();
        if row.get(key) != Some(value) {
            wrong.push(format!("{row}\n   we say {answer}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_linear_engine_agrees_on_long_texts() {
    let rows: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/data/alias/pyregex.json")).unwrap();
    let mut compared = 0;
    for row in &rows {
        let flags = flags(row["flags"].as_str().unwrap_or(""));
        let Ok(regex) = Regex::new(row["pattern"].as_str().unwrap(), flags) else {
            continue;
        };
        let text = format!(
            "{}{}",
            row["text"].as_str().unwrap(),
            " c,".repeat(LINEAR_FROM / 3)
        );
        let Some(fast) = regex.run_linear(&text, Frame::default()) else {
            continue;
        };
        let slow = regex.inner.program.search(
            &text,
            Frame::default(),
            &mut Steps::new(DEFAULT_STEPS),
            &mut Scratch::default(),
        );
        assert_eq!(fast, slow.unwrap(), "{row}");
        compared += 1;
    }
    assert!(
        compared > 200,
        "only {compared} patterns went to the linear engine"
    );
}

#[test]
fn explosive_patterns_end() {
    let text = "a".repeat(64) + "!";
    for pattern in ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*)*x", "(?:a?){64}a{64}"] {
        assert!(
            Regex::new(pattern, Flags::default())
                .unwrap()
                .search(&text)
                .is_ok(),
            "{pattern}"
        );
    }
    // Back-references and inner programs forbid remembering: the limit ends them.
    for pattern in ["(a+)+\\1$", "(?=(a+)+$)", "(?>(?:a+)+$)"] {
        let regex = Regex::new(pattern, Flags::default())
            .unwrap()
            .with_step_limit(100_000);
        assert!(matches!(regex.search(&text), Err(Error::Limit)), "{pattern}");
    }
}

#[test]
fn sizes_are_bounded() {
    let too_much = [
        "a{100000}",
        "(?:(?:a{300}){300}){300}",
        "((((((a{9}){9}){9}){9}){9}){9})",
    ];
    for pattern in too_much {
        let error = Regex::new(pattern, Flags::default()).unwrap_err();
        assert_eq!(error.to_string(), "the pattern is too large");
    }
    let deep = format!("{}a{}", "(".repeat(5000), ")".repeat(5000));
    let error = Regex::new(&deep, Flags::default()).unwrap_err();
    assert!(
        error.to_string().starts_with("pattern is nested too deeply"),
        "{error}"
    );
    assert!(Regex::new(&"a".repeat(100_000), Flags::default()).is_err());
}

#[test]
fn named_groups_are_listed_in_order() {
    let regex = Regex::new("(?P<b>x)(?P<a>y)?", Flags::default()).unwrap();
    let found = regex.search("x").unwrap().unwrap();
    assert_eq!(found.named().collect::<Vec<_>>(), [("b", Some("x")), ("a", None)]);
    assert_eq!(found.name("b"), Some("x"));
    assert_eq!(found.name("c"), None);
    assert_eq!(regex.group_count(), 2);
}

proptest::proptest! {
    #![proptest_config(crate::testing::cases(256))]

    #[test]
    fn arbitrary_patterns_never_panic(pattern in "[a-c()\\[\\]{}?*+|^$.,\\\\<>=!:P0-9i#-]{0,24}", text in ".{0,12}") {
        if let Ok(regex) = Regex::new(&pattern, Flags::default()) {
            let regex = regex.with_step_limit(50_000);
            let _ = regex.search(&text);
            let _ = regex.fullmatch(&text);
            for found in regex.find_iter(&text).take(50) {
                if found.is_err() { break; }
            }
        }
    }
}
