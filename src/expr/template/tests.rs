//! Texts, lists and maps with expressions, against the reference's answers.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::*;
use crate::expr::ErrorKind;
use crate::expr::jinja::{KeyLookup, KeyScope};
use crate::expr::scene::{ContextScene, CurrentTask, NoScene, Scene, Variables};
use crate::expr::value::{Value, from_json, to_tagged};

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
        Ok(value) => json!({"value": comparable(serde_json::from_str(&to_tagged(&value)).unwrap())}),
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

#[test]
fn checking_tells_the_references_mistakes_and_variables() {
    let rows: Vec<Json> =
        serde_json::from_str(include_str!("../../../tests/data/expr/template/check.json")).unwrap();
    let evaluator = evaluator();
    for row in &rows {
        let check = evaluator.check(&from_json(&row["text"]));
        let errors: Vec<Json> = check
            .mistakes
            .iter()
            .map(|mistake| {
                json!([
                    mistake.language.map(Language::as_str),
                    mistake.expression,
                    mistake.message
                ])
            })
            .collect();
        let variables: Vec<Json> = check
            .variables
            .iter()
            .map(|found| json!([found.language.as_str(), found.text, found.variable]))
            .collect();
        assert_eq!(Json::from(errors), row["errors"], "{}", row["text"]);
        assert_eq!(
            sorted(&Json::from(variables)),
            sorted(&row["vars"]),
            "{}",
            row["text"]
        );
    }
}

fn sorted(list: &Json) -> Vec<String> {
    let mut list: Vec<String> = list.as_array().unwrap().iter().map(Json::to_string).collect();
    list.sort();
    list
}

#[test]
fn checking_walks_lists_and_maps_and_lines() {
    let value = from_json(
        &json!({"<% ctx(k) %>": ["<% ctx(\n", {"a": "{{ ctx().v\n }}"}], "b": "<% 1 +\n %>", "c": 5}),
    );
    let check = evaluator().check(&value);
    let names: Vec<&str> = check.variables.iter().map(|found| &*found.variable).collect();
    assert_eq!(names, ["k", "v"]);
    assert_eq!(check.mistakes.len(), 1);
    assert_eq!(check.mistakes[0].expression, "<% 1 +\n %>");
    assert!(check.mistakes[0].hint.is_some() && check.mistakes[0].snippet.is_some());
}

fn value(expression: &str) -> Result<Value, TemplateError> {
    let scene = ContextScene::new(&from_json(&context()));
    evaluator().evaluate_text(&expression.into(), None, &scene, Options::default())
}

#[test]
fn expressions_may_span_lines_and_contain_their_ends() {
    for (text, wanted) in [
        ("<% '%>' %>", json!("%>")),
        ("<% '%>' + \"<%\" %>!", json!("%><%!")),
        ("<% switch(\n  ctx(b) => 1,\n  true => 2) %>", json!(1)),
        ("a <% ctx(i)\n + 1 %> b", json!("a 2 b")),
        ("{{ '}}' }}", json!("}}")),
        ("{{ {'a': {'b': ctx('i')}} }}", json!({"a": {"b": 1}})),
        ("{{ {'a': {'b': 1}}}}", json!({"a": {"b": 1}})),
        ("{{ ctx('l')\n  | join('-') }}", json!("1-2")),
        ("{% if true\n %}x{% endif %}", json!("x")),
        ("{% raw %}\n{{ a }}\n{% endraw %}", json!("\n{{ a }}\n")),
        ("<% it's %> isn't", json!(null)),
    ] {
        match value(text) {
            Ok(value) => assert_eq!(
                serde_json::from_str::<Json>(&to_tagged(&value)).unwrap(),
                wanted,
                "{text}"
            ),
            Err(error) => assert!(wanted.is_null(), "{text}: {error}"),
        }
    }
}

#[test]
fn values_are_data() {
    let evil = "<% ctx('__secret') %>{{ ctx('st2') }}{% for x in range(9) %}{{ x }}{% endfor %}{# c #}";
    let scene = ContextScene::new(&from_json(&json!({"evil": evil, "list": [evil], "b": true})));
    let evaluator = evaluator();
    let repr = crate::expr::pyvalue::str_repr(evil);
    for (text, wanted) in [
        ("<% ctx(evil) %>", evil.to_owned()),
        ("{{ ctx('evil') }}", evil.to_owned()),
        ("x <% ctx(evil) %><% ctx(evil) %>", format!("x {evil}{evil}")),
        ("x {{ ctx('evil') }}", format!("x {evil}")),
        ("<% ctx(list) %>!", format!("[{repr}]!")),
        ("{% if ctx('b') %}{{ ctx('evil') }}{% endif %}", evil.to_owned()),
        ("{% raw %}r{% endraw %}{{ ctx('evil') }}", format!("r{evil}")),
    ] {
        let value = evaluator
            .evaluate_text(&text.into(), None, &scene, Options::default())
            .unwrap();
        assert_eq!(value.as_str(), Some(&*wanted), "{text}");
    }
}

#[test]
fn evaluating_again_is_bounded() {
    let scene = ContextScene::new(&from_json(&json!({
        "y": "<% ctx(y) %>", "j": "{{ ctx('j') }}", "w": "<% ctx(w) %> <% ctx(w) %>", "big": "<% ctx(y0) %>",
        "d": "<% ctx(zz) %>",
    })));
    let evaluator = evaluator();
    let legacy = Options {
        legacy_reevaluate: true,
    };
    for text in ["<% ctx(y) %>", "{{ ctx('j') }}", "<% ctx(w) %>"] {
        let error = evaluator
            .evaluate_text(&text.into(), None, &scene, legacy)
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Recursion, "{text}: {error}");
    }
    let error = evaluator
        .evaluate_text(&"<% ctx(d) %>".into(), None, &scene, legacy)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "YaqlEvaluationException: Unable to evaluate expression '<% ctx(d) %>'. YaqlEvaluationException: Unable to \
         evaluate expression '<% ctx(zz) %>'. VariableUndefinedError: The variable \"zz\" is undefined."
    );
}

#[test]
fn lists_and_maps_are_walked_with_their_keys() {
    let scene = ContextScene::new(&from_json(&context()));
    let evaluator = evaluator();
    let given =
        json!({"<% ctx(s) %>": ["<% ctx(i) %>", "x{{ ctx('i') }}", 5, null], "k": {"a": "<% ctx(d) %>"}});
    let value = evaluator
        .evaluate_value(&from_json(&given), &scene, Options::default())
        .unwrap();
    let wanted = json!({"abc": [1, "x1", 5, null], "k": {"a": {"a": {"b": 2}}}});
    assert_eq!(to_tagged(&value), to_tagged(&from_json(&wanted)));

    let error = evaluator
        .evaluate_value(
            &from_json(&json!({"<% ctx(l) %>": 1})),
            &scene,
            Options::default(),
        )
        .unwrap_err();
    assert_eq!(error.to_string(), "TypeError: unhashable type: 'list'");

    let plain = from_json(&json!([{"a": ["b", 1]}]));
    assert!(evaluator.statement(&plain).is_constant());
    assert!(!evaluator.statement(&from_json(&given)).is_constant());

    let mut deep = Value::from("<% ctx(i) %>");
    for _ in 0..200 {
        deep = Value::list([deep]);
    }
    let error = evaluator
        .evaluate_value(&deep, &scene, Options::default())
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit);
}

#[test]
fn a_mistake_is_told_where_it_is() {
    let error = value("first line\nName: <% ctx().st3.user %>!").unwrap_err();
    assert_eq!(
        (error.kind, error.line, error.column),
        (ErrorKind::Key, Some(2), Some(10))
    );
    let error = value("a\n  <% ctx(i) == 1 %>").unwrap_err();
    assert_eq!((error.line, error.column), (Some(2), Some(14)));
    assert_eq!(
        error.snippet.as_deref(),
        Some("  <% ctx(i) == 1 %>\n             ^")
    );
    assert_eq!(error.hint.as_deref(), Some("equality is written with one `=`"));
    assert!(error.render().contains("line 2, column 14"), "{}", error.render());

    let error = value("a {{ ctx().zz }} {{ ctx().yy }}").unwrap_err();
    assert_eq!((error.kind, error.column), (ErrorKind::Unresolved, Some(6)));
    for (text, near) in [
        ("<% ctx(tmpi) %>", "tmpl"),
        ("{{ ctx('tmpi') }}", "tmpl"),
        ("<% suceeded() %>", "succeeded"),
        ("{{ suceeded() }}", "succeeded"),
        ("{{ 'a' | to_jsn_string }}", "to_json_string"),
        ("<% ctx().tmpi %>", "tmpl"),
    ] {
        let error = value(text).unwrap_err();
        let hint = error.hint.clone().unwrap_or_default();
        assert!(hint.contains(near), "{text}: {}", error.render());
    }
}

#[test]
fn without_a_context_there_are_no_variables() {
    let evaluator = evaluator();
    let of = |text: &str| answer(evaluator.evaluate_text(&text.into(), None, &NoScene, Options::default()));
    assert_eq!(of("<% ctx() %>"), json!({"value": {}}));
    assert_eq!(of("<% 1 + 1 %>"), json!({"value": 2}));
    assert_eq!(of("<% item() %>"), json!({"value": null}));
    assert_eq!(of("<% task_status(t) %>"), json!({"value": "null"}));
    for text in [
        "<% ctx(a) %>",
        "{{ ctx('a') }}",
        "<% result() %>",
        "{{ succeeded() }}",
        "<% st2kv(a) %>",
        "<% task(a) %>",
    ] {
        assert!(of(text).get("error").is_some(), "{text}");
    }
}

struct Keys;

impl KeyLookup for Keys {
    fn get(&self, scope: KeyScope, key: &str) -> Option<String> {
        match (scope, key) {
            (KeyScope::System, "k") => Some("system text".to_owned()),
            (KeyScope::User, "k") => Some("user text".to_owned()),
            (KeyScope::User, "s") => Some("<encrypted>".to_owned()),
            _ => None,
        }
    }

    fn decrypt(&self, ciphertext: &str) -> Result<String, String> {
        (ciphertext == "<encrypted>")
            .then(|| "plain".to_owned())
            .ok_or_else(|| "no ciphertext".to_owned())
    }
}

#[test]
fn datastore_keys_are_read_in_their_scope() {
    let evaluator = evaluator();
    let scene =
        ContextScene::new(&from_json(&json!({"st2": {"user": "ana"}}))).with_datastore(Arc::new(Keys));
    let of = |text: &str| answer(evaluator.evaluate_text(&text.into(), None, &scene, Options::default()));
    for (yaql, jinja, wanted) in [
        ("st2kv(k)", "st2kv('k')", json!("user text")),
        ("st2kv('system.k')", "st2kv('system.k')", json!("system text")),
        ("st2kv(s)", "st2kv('s')", json!("<encrypted>")),
        (
            "st2kv(s, decrypt => true)",
            "st2kv('s', decrypt=true)",
            json!("plain"),
        ),
        ("st2kv(zz, default => 5)", "st2kv('zz', default=5)", json!(5)),
        (
            "st2kv(zz, default => null)",
            "st2kv('zz', default=none)",
            json!(null),
        ),
        ("st2kv(null)", "'k' | st2kv", json!(null)),
    ] {
        assert_eq!(of(&format!("<% {yaql} %>")), json!({"value": wanted}), "{yaql}");
        if !jinja.contains('|') {
            assert_eq!(
                of(&format!("{{{{ {jinja} }}}}")),
                json!({"value": wanted}),
                "{jinja}"
            );
        }
    }
    let missing = "YaqlEvaluationException: Unable to evaluate expression '<% st2kv(zz) %>'. \
                   ExpressionEvaluationException: The key \"ana:zz\" does not exist in the StackStorm datastore.";
    assert_eq!(of("<% st2kv(zz) %>"), json!({"error": missing}));
}

/// A scene as a conductor has it.
struct Running {
    variables: Variables,
    result: Value,
    routes: Vec<Vec<Arc<str>>>,
}

impl Scene for Running {
    fn variables(&self) -> Option<&Variables> {
        Some(&self.variables)
    }

    fn current_task(&self) -> Option<CurrentTask<'_>> {
        Some(CurrentTask {
            id: "t1",
            route: 1,
            result: &self.result,
        })
    }

    fn task_status(&self, task: &str, route: i64) -> Option<&str> {
        match (task, route) {
            ("t1", 1) => Some("failed"),
            ("t0", 0) => Some("succeeded"),
            _ => None,
        }
    }

    fn route(&self, route: i64) -> Option<&[Arc<str>]> {
        self.routes.get(usize::try_from(route).ok()?).map(Vec::as_slice)
    }

    fn task_execution(&self, task: &str, route: i64) -> Option<Value> {
        (task == "t0" && route == 0).then(|| Value::dict([("task_id", Value::from("t0"))]))
    }
}

#[test]
fn tasks_are_found_in_earlier_routes_too() {
    let evaluator = evaluator();
    let scene = Running {
        variables: Variables::default(),
        result: Value::from("text"),
        routes: vec![vec![], vec!["t0__t0".into()]],
    };
    let of = |text: &str| answer(evaluator.evaluate_text(&text.into(), None, &scene, Options::default()));
    for (text, wanted) in [
        ("<% failed() %>", json!(true)),
        ("{{ completed() }}", json!(true)),
        ("<% result() %>", json!("text")),
        ("<% task_status(t0) %>", json!("succeeded")),
        ("<% task(t0).task_id %>", json!("t0")),
        ("{{ task('t0').task_id }}", json!("t0")),
    ] {
        assert_eq!(of(text), json!({"value": wanted}), "{text}");
    }
    let missing = "YaqlEvaluationException: Unable to evaluate expression '<% task(t9) %>'. \
                   ExpressionEvaluationException: Unable to find task execution for \"t9\".";
    assert_eq!(of("<% task(t9) %>"), json!({"error": missing}));
}

#[test]
fn shared_functions_answer_alike_in_both_languages() {
    let evaluator = evaluator();
    let scene = ContextScene::new(&from_json(
        &json!({"d": {"a": 1}, "l": [1, "x"], "dd": [{"a": 1}], "s": "Hello"}),
    ));
    let of = |text: &str| answer(evaluator.evaluate_text(&text.into(), None, &scene, Options::default()));
    for (yaql, jinja, wanted) in [
        (
            "to_json_string(ctx(d))",
            "to_json_string(ctx('d'))",
            json!("{\"a\": 1}"),
        ),
        ("json_dump(ctx(l))", "ctx('l') | json_dump", json!("[1,\"x\"]")),
        ("from_json_string('[1]')", "'[1]' | from_json_string", json!([1])),
        (
            "json_parse('{\"a\": 2}').a",
            "json_parse('{\"a\": 2}').a",
            json!(2),
        ),
        (
            "yaml_parse('a: yes')",
            "'a: yes' | yaml_parse",
            json!({"a": true}),
        ),
        ("yaml_dump(ctx(d))", "ctx('d') | yaml_dump", json!("a: 1\n")),
        ("json_escape('a\"b')", "'a\"b' | json_escape", json!("a\\\"b")),
        (
            "jsonpath_query(ctx(d), 'a')",
            "ctx('d') | jsonpath_query('a')",
            json!([1]),
        ),
        (
            "jsonpath_query(ctx(d), 'zz')",
            "ctx('d') | jsonpath_query('zz')",
            json!(null),
        ),
        (
            "regex_match(ctx(s), 'he')",
            "ctx('s') | regex_match('he')",
            json!(false),
        ),
        (
            "regex_match(ctx(s), 'he', ignorecase => true)",
            "regex_match(ctx('s'), 'he', true)",
            json!(true),
        ),
        (
            "regex_search(ctx(s), llo)",
            "ctx('s') | regex_search('llo')",
            json!(true),
        ),
        (
            "regex_replace(ctx(s), l, L)",
            "ctx('s') | regex_replace('l', 'L')",
            json!("HeLLo"),
        ),
        (
            "regex_substring(ctx(s), 'l+')",
            "ctx('s') | regex_substring('l+')",
            json!("ll"),
        ),
        (
            "version_compare('1.2.3', '1.2.4')",
            "'1.2.3' | version_compare('1.2.4')",
            json!(-1),
        ),
        (
            "version_match('1.2.3', '>1.0.0')",
            "version_match('1.2.3', '>1.0.0')",
            json!(true),
        ),
        (
            "version_bump_major('1.2.3')",
            "'1.2.3' | version_bump_major",
            json!("2.0.0"),
        ),
        (
            "version_strip_patch('1.2.3')",
            "'1.2.3' | version_strip_patch",
            json!("1.2"),
        ),
        (
            "to_human_time_from_seconds(61)",
            "61 | to_human_time_from_seconds",
            json!("1m1s"),
        ),
        ("basename('/a/b.c')", "'/a/b.c' | basename", json!("b.c")),
        ("dirname('/a/b.c')", "'/a/b.c' | dirname", json!("/a")),
        (
            "use_none(null)",
            "none | use_none",
            json!(crate::expr::NONE_MARKER),
        ),
    ] {
        assert_eq!(of(&format!("<% {yaql} %>")), json!({"value": wanted}), "{yaql}");
        assert_eq!(
            of(&format!("{{{{ {jinja} }}}}")),
            json!({"value": wanted}),
            "{jinja}"
        );
    }
    let frozen = of("<% to_json_string(ctx(dd)) %>");
    assert!(
        frozen["error"]
            .as_str()
            .unwrap()
            .ends_with("TypeError: Object of type FrozenDict is not JSON serializable")
    );
}

#[test]
fn everything_is_bounded() {
    let limits = Limits {
        expressions: 3,
        output: 100,
        text: 1000,
        cached: 8,
        ..Limits::default()
    };
    let evaluator = Evaluator::new(limits, Arc::new(Fixed));
    let scene = ContextScene::new(&from_json(&json!({"long": "x".repeat(60)})));
    for text in [
        "<% 1 %>".repeat(4),
        "<% ctx(long) %><% ctx(long) %>".to_owned(),
        format!("<% 1 %>{}", "y".repeat(1000)),
        format!("<% {}1 %>", "(".repeat(300)),
        format!("{{{{ {}1 }}}}", "(".repeat(300)),
        "<% sequence().len() %>".to_owned(),
    ] {
        let error = evaluator
            .evaluate_text(&text.as_str().into(), None, &scene, Options::default())
            .unwrap_err();
        assert!(!error.to_string().is_empty());
        let _ = evaluator.check(&Value::from(text));
    }
    let long = "z".repeat(5000);
    assert!(
        evaluator
            .evaluate_text(&long.into(), None, &scene, Options::default())
            .is_ok()
    );
    for number in 0..100 {
        evaluator.template(&format!("<% {number} %>").into());
    }
    assert!(evaluator.cache.len() <= 10, "{}", evaluator.cache.len());
    let text: Arc<str> = "<% 99 %>".into();
    assert!(Arc::ptr_eq(
        &evaluator.template(&text),
        &evaluator.template(&text)
    ));
}

proptest::proptest! {
    #![proptest_config(crate::testing::cases(256))]

    #[test]
    fn arbitrary_texts_never_panic(text in "[<%>{}# \n'\"a-c().|+1-]{0,40}") {
        let evaluator = evaluator();
        let scene = ContextScene::new(&from_json(&context()));
        for legacy_reevaluate in [false, true] {
            let result = evaluator.evaluate_text(&text.as_str().into(), None, &scene, Options { legacy_reevaluate });
            if let Err(error) = result {
                let _ = error.render();
            }
        }
        let _ = evaluator.check(&Value::from(&*text));
    }
}
