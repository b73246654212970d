//! Texts, lists and maps with expressions, against the reference's answers.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::*;
use crate::expr::ErrorKind;
use crate::expr::jinja::{KeyLookup, KeyScope};
use crate::expr::scene::{ContextScene, NoScene, Scene};
use crate::expr::value::{Timespan, Value, from_json, to_tagged};

struct Fixed;

impl Surroundings for Fixed {
    fn now(&self) -> DateTime {
        DateTime::utc(crate::expr::value::Date::new(2020, 1, 2).unwrap(), 0)
    }

    fn random(&self) -> u64 {
        7
    }
}

fn evaluator() -> Evaluator {
    Evaluator::new(Limits::default(), Arc::new(Fixed))
}

fn context() -> Json {
    json!({
        "i": 1, "f": 1.5, "b": true, "n": null, "s": "abc", "l": [1, 2], "d": {"a": {"b": 2}}, "e": "",
        "tmpl": "<% ctx(i) %>", "jt": "{{ ctx('i') }}", "dash-key": 5, "st2": {"user": "u"}, "__secret": "x",
        "__state": {
            "tasks": {"t1__r0": 0, "t2__r1": 1, "t3__r0": 2},
            "sequence": [
                {"id": "t1", "route": 0, "status": "succeeded"},
                {"id": "t2", "route": 1, "status": "running"},
                {"id": "t3", "route": 0, "status": "timeout"},
            ],
            "routes": [[], ["t1__t0"], ["t9__t0"]],
        },
        "__current_task": {"id": "t1", "route": 0, "result": {"stdout": "hi", "items": [1, 2], "keys": "K"}},
        "__current_item": {"x": 1, "y": "why"},
    })
}

/// Without the class of opaque values, and sets in order.
fn comparable(value: Json) -> Json {
    match value {
        Json::Object(map) if map.contains_key("$type") => match map.get("items") {
            Some(Json::Array(items)) if map["$type"] == "set" => {
                let mut items: Vec<Json> = items.iter().cloned().map(comparable).collect();
                items.sort_by_key(Json::to_string);
                json!({"$type": "set", "items": items})
            }
            _ => json!({"$type": "opaque"}),
        },
        Json::Object(map) => map
            .into_iter()
            .map(|(key, item)| (key, comparable(item)))
            .collect(),
        Json::Array(items) => items.into_iter().map(comparable).collect(),
        other => other,
    }
}

fn answer(result: Result<Value, TemplateError>) -> Json {
    match result {
        Ok(value) => json!({"value": comparable(to_tagged(&value))}),
        Err(error) => json!({"error": error.to_string()}),
    }
}

fn compare(rows: &str, context: &Json) {
    let rows: Vec<Json> = serde_json::from_str(rows).unwrap();
    let evaluator = evaluator();
    let scene = ContextScene::new(&from_json(context));
    let mut wrong = Vec::new();
    for row in &rows {
        let text: Arc<str> = row["text"].as_str().unwrap().into();
        let only = match row["lang"].as_str() {
            Some("yaql") => Some(Language::Yaql),
            Some("jinja") => Some(Language::Jinja),
            _ => None,
        };
        let given = match row.get("value") {
            Some(value) => json!({"value": value}),
            None => json!({"error": row["error"]}),
        };
        for legacy_reevaluate in [false, true] {
            let wanted = match row.get(if legacy_reevaluate { "ours_legacy" } else { "ours" }) {
                Some(ours) => json!({"value": ours}),
                None => given.clone(),
            };
            let options = Options { legacy_reevaluate };
            let is = answer(evaluator.evaluate_text(&text, only, &scene, options));
            if is != wanted {
                wrong.push(format!(
                    "{text:?} legacy={legacy_reevaluate}\n   is {is}\n  not {wanted}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn texts_are_evaluated_as_the_reference_does() {
    compare(
        include_str!("../../../tests/data/expr/template/texts.json"),
        &context(),
    );
}

#[test]
fn the_yaql_library_works_within_texts() {
    let context = json!({
        "i": 1, "f": 1.5, "s": "abc", "l": [3, 1, 2], "d": {"a": 1, "b": {"c": 2}},
        "ld": [{"n": "x", "v": 1}, {"n": "y", "v": 2}], "t": true, "nul": null, "e": "", "json": "{\"a\": 1}",
    });
    compare(
        include_str!("../../../tests/data/expr/template/yaql.json"),
        &context,
    );
}

#[test]
fn variables_are_found_by_the_references_patterns() {
    let rows: Vec<(String, Vec<String>)> =
        serde_json::from_str(include_str!("../../../tests/data/expr/template/variables.json")).unwrap();
    for (expression, wanted) in rows {
        let mut found = super::variables::variables(&expression);
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, wanted, "{expression}");
    }
}
