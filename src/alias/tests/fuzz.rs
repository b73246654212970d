//! Arbitrary formats and messages: nothing panics, nothing exceeds its budget.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use crate::alias::*;
use crate::expr::pyregex::Steps;

/// Formats put together from what formats are made of, whether it makes sense or not.
fn format() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "run",
        " ",
        "  ",
        "{{a}}",
        "{{ b = 1 }}",
        "{{c=}}",
        "{{d={{x}}}}",
        "{{",
        "}}",
        "{",
        "}",
        "(",
        ")",
        "(?P<k>",
        "[a-z]+",
        "|",
        "*",
        "+?",
        "^",
        "$",
        "\\b",
        "\\s",
        ".",
        "é",
        "\"",
        "'",
        "=",
        "x",
        "(a+)+",
        "\\1",
        "(?i)",
    ]);
    prop::collection::vec(part, 0..10).prop_map(|parts| parts.concat())
}

fn message() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "run",
        "RUN",
        " ",
        "a=1",
        " b=2",
        "k='v w'",
        "c={",
        "}",
        "{\"a\": {}}",
        "\"",
        "'",
        "=",
        "é",
        "\n",
        "aaaaaaaa",
        "x",
        "http://h/?q=1",
        "\u{1c}",
        "\u{a0}",
    ]);
    let made = prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat());
    prop_oneof![made, ".{0,40}"]
}

fn matcher(formats: Vec<String>) -> Matcher {
    let definition = Definition {
        name: "a".into(),
        pack: "p".into(),
        description: None,
        enabled: true,
        action_ref: "p.a".into(),
        formats: formats.into_iter().map(FormatEntry::Text).collect(),
        ack: None,
        result: None,
        extra: serde_json::Map::new(),
        immutable_parameters: serde_json::Map::new(),
        approval: None,
        metadata_file: String::new(),
    };
    let declared = Some(vec!["a".to_owned(), "b".to_owned()]);
    Matcher::new([Entry {
        definition: Arc::new(definition),
        declared,
    }])
    .0
}

proptest! {
    #![proptest_config(crate::testing::cases(256))]

    #[test]
    fn matching_never_panics(formats in prop::collection::vec(format(), 1..4), message in message()) {
        let matcher = matcher(formats);
        matcher.find(&message);
        matcher.find_strict(&message);
        matcher.explain(&message);
    }

    /// The index may not hide a format that the reference's reading takes.
    #[test]
    fn the_index_hides_nothing(format in format(), message in message()) {
        let matcher = matcher(vec![format.clone()]);
        let alone = extract(&format, &message, &mut Steps::new(STEPS_PER_FORMAT));
        let found = matcher.find_strict(&message);
        match alone {
            Ok(Some(parameters)) if !matcher.is_empty() => match found {
                Outcome::Matched(found) => prop_assert_eq!(&found.parameters[0], &parameters),
                other => prop_assert!(false, "{:?}", other),
            },
            Ok(_) => prop_assert!(!matches!(found, Outcome::Matched(_))),
            Err(_) => {}
        }
    }

    /// What the reference takes, chat takes too, unless it is about defaults, pairs or blanks.
    #[test]
    fn chat_takes_what_the_reference_takes(format in format(), message in "[a-zé ]{1,20}") {
        let agree = Format::new(&format).readings_agree();
        let matcher = matcher(vec![format]);
        // Padding that slips into a value is the reference's alone.
        let trimmed = |all: &[Parameters]| -> Vec<Vec<String>> {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().trim().to_owned();
            all.iter().map(|one| one.values().map(text).collect()).collect()
        };
        if let (Outcome::Matched(strict), false) = (matcher.find_strict(&message), message.trim().is_empty() || !agree) {
            let blank = |value: &serde_json::Value| value.as_str().is_none_or(|text| text.trim().is_empty());
            if !strict.parameters[0].values().any(blank) {
                match matcher.find(&message) {
                    Outcome::Matched(found) => prop_assert_eq!(trimmed(&found.parameters), trimmed(&strict.parameters)),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
        }
    }

    #[test]
    fn definitions_never_panic(format in format(), key in "[a-z_]{0,12}") {
        let value = json!({"name": "a", "action_ref": "b.c", key: {"x": 1}, "formats": [format, {"representation": format}]});
        let _ = Definition::from_value(&value, Some("p"));
    }
}
