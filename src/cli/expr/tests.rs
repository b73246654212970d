//! Answers of the real YAQL, Jinja2 and orquesta, kept in tests/data/expr/differential.jsonl.gz (made by
//! tests/differential/run.py --store), against ours.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::STACK;
use super::evaluate::{Failure, Task, evaluate};
use crate::cli::args::{Language, Mode};
use crate::expr::value::{Value, loads, to_tagged};

/// A difference that is meant; see tests/differential/expected.toml.
#[derive(Deserialize)]
struct Difference {
    name: String,
    area: String,
    stackstorm: String,
    sayso: String,
    why: String,
    rows: Vec<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
struct Expected {
    #[serde(default)]
    difference: Vec<Difference>,
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn expected() -> Expected {
    let text = std::fs::read_to_string(path("tests/differential/expected.toml")).unwrap();
    toml::from_str(&text).unwrap()
}

fn rows() -> Vec<Value> {
    let file = std::fs::File::open(path("tests/data/expr/differential.jsonl.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    text.lines().map(|line| loads(line).unwrap()).collect()
}

fn text<'r>(row: &'r Value, field: &str) -> &'r str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn task(row: &Value) -> Task {
    let field = |name: &str| row.get(name).filter(|value| !value.is_null()).cloned();
    Task {
        language: match text(row, "lang") {
            "yaql" => Language::Yaql,
            "jinja" => Language::Jinja,
            _ => Language::Auto,
        },
        mode: match text(row, "mode") {
            "bare" => Mode::Bare,
            "render" => Mode::Render,
            "values" => Mode::Values,
            "auto" => Mode::Auto,
            "check" => Mode::Check,
            _ => Mode::Text,
        },
        expr: field("expr").unwrap_or_default(),
        context: field("context"),
        data: field("data").unwrap_or_default(),
        vars: field("vars"),
        kv: field("kv"),
        allow_undefined: field("allow_undefined").is_some_and(|value| value.is_true()),
        legacy_reevaluate: field("reevaluate").is_none_or(|value| value.is_true()),
    }
}

/// The answer as JSON in a form in which equal ones are the same text.
fn canonical(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::{Value as Json, json};
    let sorted = |items: &Json| {
        let mut items: Vec<String> = items
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| canonical(item).to_string())
            .collect();
        items.sort();
        items
    };
    match value {
        Json::Object(map) => match map.get("$type").and_then(Json::as_str) {
            Some("opaque") => json!({"$type": "opaque"}),
            Some("set") => json!({"$type": "set", "items": sorted(&map["items"])}),
            _ => {
                let ordered: BTreeMap<_, _> = map.iter().map(|(key, item)| (key, canonical(item))).collect();
                json!(ordered)
            }
        },
        Json::Array(items) => items.iter().map(canonical).collect(),
        other => other.clone(),
    }
}

fn same(row: &Value, theirs: &Value, ours: &Result<Value, Failure>) -> bool {
    let theirs_ok = theirs.get("ok").is_some_and(Value::is_true);
    let (Some(wanted), Ok(value)) = (theirs.get("value").filter(|_| theirs_ok), ours) else {
        return !theirs_ok && ours.is_err();
    };
    let json = |value: &Value| {
        let mut json: serde_json::Value = serde_json::from_str(&to_tagged(value)).unwrap();
        if text(row, "mode") == "check" {
            // Messages are the business of the whole comparison.
            for error in json["errors"].as_array_mut().into_iter().flatten() {
                error["message"] = serde_json::Value::Null;
            }
            if let Some(vars) = json["vars"].as_array_mut() {
                vars.sort_by_key(ToString::to_string);
            }
        }
        canonical(&json).to_string()
    };
    json(wanted) == json(value)
}

/// Rows are excused by patterns; made once, they are many.
struct Excuses(Vec<Vec<(String, Regex)>>);

impl Excuses {
    fn new(expected: &Expected) -> Self {
        let compile = |pattern: &String| {
            RegexBuilder::new(pattern)
                .dot_matches_new_line(true)
                .build()
                .unwrap_or_else(|error| panic!("{error}"))
        };
        let rows = expected.difference.iter().flat_map(|difference| &difference.rows);
        Self(
            rows.map(|row| {
                row.iter()
                    .map(|(field, pattern)| (field.clone(), compile(pattern)))
                    .collect()
            })
            .collect(),
        )
    }

    fn excuse(&self, row: &Value, theirs: &Value, ours: &Result<Value, Failure>) -> bool {
        let ours = match ours {
            Ok(value) => format!(r#"{{"ok": true, "value": {}}}"#, to_tagged(value)),
            Err(failure) => format!(r#"{{"ok": false, "error": {}}}"#, to_tagged(&failure.told())),
        };
        let of = |field: &str| match field {
            "topic" => text(row, "id").split('/').next().unwrap_or_default().to_owned(),
            "mode" => match text(row, "mode") {
                "" => "text".to_owned(),
                mode => mode.to_owned(),
            },
            "expr" => match row.get("expr") {
                Some(Value::Str(text)) => text.to_string(),
                other => to_tagged(other.unwrap_or(&Value::Null)),
            },
            "reference" => to_tagged(theirs),
            "ours" => ours.clone(),
            other => panic!("expected.toml: there is no field {other}"),
        };
        self.0.iter().any(|patterns| {
            patterns
                .iter()
                .all(|(field, pattern)| pattern.is_match(&of(field)))
        })
    }
}

#[test]
fn answers_are_those_of_the_reference() {
    let rows = rows();
    assert!(rows.len() > 3000, "only {} rows", rows.len());
    let excuses = Excuses::new(&expected());
    let differing: Mutex<Vec<String>> = Mutex::default();
    let halves = rows.chunks(rows.len().div_ceil(2));
    let (differing_of, excuses) = (&differing, &excuses);
    std::thread::scope(|scope| {
        for half in halves {
            let work = move || {
                for row in half {
                    let theirs = row.get("answer").unwrap();
                    let ours = evaluate(&task(row));
                    if !same(row, theirs, &ours) && !excuses.excuse(row, theirs, &ours) {
                        let ours = ours.map_or_else(|failure| failure.message, |value| to_tagged(&value));
                        differing_of.lock().unwrap().push(format!(
                            "{} {} {}\n  reference {:.300}\n  sayso     {:.300}",
                            text(row, "id"),
                            text(row, "lang"),
                            to_tagged(row.get("expr").unwrap()),
                            to_tagged(theirs),
                            ours
                        ));
                    }
                }
            };
            std::thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, work)
                .unwrap();
        }
    });
    let differing = differing.into_inner().unwrap();
    assert!(
        differing.is_empty(),
        "{} of {} rows differ from the reference:\n{}",
        differing.len(),
        rows.len(),
        differing.join("\n")
    );
}

#[test]
fn the_documentation_has_every_difference() {
    let file = path("docs/compatibility.md");
    let page = std::fs::read_to_string(&file).unwrap();
    let (begin, end) = ("<!-- expressions: begin -->\n", "<!-- expressions: end -->");
    let from = page.find(begin).expect("the marker of the beginning") + begin.len();
    let to = page.find(end).expect("the marker of the end");
    let mut wanted = "| area | StackStorm | Sayso | why |\n| --- | --- | --- | --- |\n".to_owned();
    for difference in expected().difference {
        let Difference {
            area,
            stackstorm,
            sayso,
            why,
            ..
        } = difference;
        assert!(!difference.name.is_empty() && !why.is_empty());
        wanted.push_str(&format!("| {area} | {stackstorm} | {sayso} | {why} |\n"));
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, format!("{}{wanted}{}", &page[..from], &page[to..])).unwrap();
        return;
    }
    assert_eq!(
        &page[from..to],
        wanted,
        "run the test with UPDATE_DOCS=1 to write the table anew"
    );
}

#[test]
fn expressions_are_explained_part_by_part() {
    let context = loads(r#"{"hosts": [{"name": "a", "up": true}, {"name": "b", "up": false}]}"#).unwrap();
    let told = |typed: &str| {
        let scene = super::scene::Scene {
            context: Some(context.clone()),
            ..Default::default()
        };
        let steps = super::explain::explain(&scene.task(typed, Language::Auto, None)).unwrap();
        super::explain::lines(&steps, 200)
    };
    assert_eq!(
        told("ctx().hosts.where($.up).name"),
        [
            r#"ctx().hosts.where($.up).name = ["a"]"#,
            r#"└─ ctx().hosts.where($.up) = [{"name":"a","up":true}]"#,
            r#"   ├─ ctx().hosts = [{"name":"a","up":true},{"name":"b","up":false}]"#,
            r#"   └─ $.up = true  ($ is {"name":"a","up":true})"#,
        ]
    );
    assert_eq!(
        told("{{ ctx().hosts | map(attribute='name') | first }}!"),
        [
            "ctx().hosts | map(attribute='name') | first = \"a\"",
            "└─ ctx().hosts | map(attribute='name') = [\"a\",\"b\"]",
            r#"   └─ ctx().hosts = [{"name":"a","up":true},{"name":"b","up":false}]"#,
            "{{ ctx().hosts | map(attribute='name') | first }}! = \"a!\"",
        ]
    );
    assert!(told("1 + 'a'")[0].starts_with("1 + 'a' fails: No function"));
}

#[test]
fn every_row_gets_one_answer() {
    let options = |language| super::batch::Options {
        language,
        legacy_reevaluate: false,
    };
    let answers = |language, rows: &[u8]| -> BTreeMap<String, String> {
        let mut out = Vec::new();
        super::batch::run(options(language), rows, &mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        lines
            .lines()
            .map(|line| {
                let answer = loads(line).unwrap();
                let short = match answer.get("value") {
                    Some(value) => to_tagged(value),
                    None => text(answer.get("error").unwrap(), "kind").to_owned(),
                };
                (text(&answer, "id").to_owned(), short)
            })
            .collect()
    };
    let rows = br#"{"id": "1", "expr": "<% ctx().x + 1 %>", "context": {"x": 99999999999999999999}}
{"id": "2", "expr": "$.a", "mode": "bare", "data": {"a": 1.0}}

{"id": "3", "expr": "sequence()", "mode": "bare"}
{"id": "4", "expr": "1", "mode": "nonsense"}
{"id": "5"}
no JSON
{"id": "7", "expr": "<% ctx().y %>", "context": {"y": "<% 1 %>"}, "unknown": true}
{"id": "8", "expr": "set(1)", "mode": "bare"}"#;
    let expected = [
        ("", "value"),
        ("1", "100000000000000000000"),
        ("2", "1.0"),
        ("3", "limit"),
        ("4", "argument"),
        ("5", "argument"),
        ("7", "\"<% 1 %>\""),
        ("8", r#"{"$type":"set","items":[1]}"#),
    ];
    let expected = expected.map(|(id, told)| (id.to_owned(), told.to_owned()));
    assert_eq!(answers(Language::Yaql, rows), BTreeMap::from(expected));
    let rows = br#"{"id": "1", "expr": {"k": ["{{ ctx().x }}", "<% ctx().x %>"]}, "context": {"x": 1}}"#;
    assert_eq!(answers(Language::Auto, rows)["1"], r#"{"k":[1,1]}"#);
}
