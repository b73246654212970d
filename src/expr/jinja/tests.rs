//! Answers of Jinja2 3.1.6 with StackStorm's filters, and what is ours alone: limits, hints, laziness.

use serde_json::json;

use super::*;

fn context(value: &Json) -> Context {
    Context::from_json(Arc::new(value.clone()))
}

/// Rows of `tests/data/expr/*.jsonl`: `template`, `context`, and `value` (the text) or `error` (Python's class).
fn check_rows(rows: &str, at_least: usize) {
    let jinja = Jinja::default();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in rows.lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let undefined = if row["permissive"] == true {
            Undefined::Permissive
        } else {
            Undefined::Strict
        };
        let template = row["template"].as_str().unwrap();
        let found = jinja.render(template, &context(&row["context"]), undefined);
        count += 1;
        match (&found, row.get("value").and_then(Json::as_str)) {
            (Ok(text), Some(expected)) if text == expected => {}
            (Err(_), None) => {}
            _ => wrong.push(format!(
                "{template}\n    expected {}\n    found    {found:?}",
                row.get("value").unwrap_or(&row["error"])
            )),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count >= at_least, "only {count} rows");
}

#[test]
fn stock_templates_answer_as_jinja2() {
    check_rows(include_str!("../../../tests/data/expr/jinja_stock.jsonl"), 250);
}

#[test]
fn stackstorm_filters_answer_as_stackstorm() {
    check_rows(include_str!("../../../tests/data/expr/jinja_st2.jsonl"), 60);
}
