//! Answers of Jinja2 3.1.6 with `StackStorm`'s filters, and what is ours alone: limits, hints, laziness.

use serde_json::json;

use super::*;
use crate::expr::value::Dict;

fn context(value: &Json) -> Context {
    Context::from_json(Arc::new(value.clone()))
}

/// Rows of `tests/data/expr/jinja/*.jsonl`: a template, its answer or kind of failure and message. Context: `CONTEXT`.
fn check_answers(rows: &str, at_least: usize) {
    let jinja = Jinja::default();
    let variables: Json =
        serde_json::from_str(include_str!("../../../tests/data/expr/jinja/context.json")).unwrap();
    let variables = context(&variables);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in rows.lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let template = row["t"].as_str().unwrap();
        let undefined = if row["permissive"] == true {
            Undefined::Permissive
        } else {
            Undefined::Strict
        };
        let found = match jinja.render(template, &variables, undefined) {
            Ok(text) => json!({"ok": text}),
            Err(error) => json!({"kind": error.kind.as_str(), "message": error.message}),
        };
        count += 1;
        let same = match row.get("ok") {
            Some(text) => found.get("ok") == Some(text),
            None => found.get("kind") == row.get("kind") && found.get("message") == row.get("message"),
        };
        if !same {
            wrong.push(format!("{row}\n    found {found}"));
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
fn expressions_answer_and_fail_as_jinja2() {
    check_answers(
        include_str!("../../../tests/data/expr/jinja/expressions.jsonl"),
        3000,
    );
}

#[test]
fn statements_answer_and_fail_as_jinja2() {
    check_answers(
        include_str!("../../../tests/data/expr/jinja/statements.jsonl"),
        700,
    );
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
                "{template}\n    expected {:?}\n    found    {found:?}",
                row.get("value").or_else(|| row.get("error"))
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

fn render(template: &str, value: &Json) -> Result<String, ExprError> {
    Jinja::default().render(template, &context(value), Undefined::Strict)
}

#[test]
fn errors_tell_kind_words_place_and_advice() {
    let value = json!({"name": "x", "d": {"host": 1}, "l": [1]});
    let rows = [
        (
            "{{ nam }}",
            ErrorKind::Undefined,
            "'nam' is undefined",
            Some("did you mean 'name'?"),
        ),
        (
            "{{ d.hots }}",
            ErrorKind::Undefined,
            "'dict object' has no attribute 'hots'",
            Some("did you mean 'host'?"),
        ),
        (
            "{{ d['hots'] }}",
            ErrorKind::Undefined,
            "'dict object' has no attribute 'hots'",
            Some("did you mean 'host'?"),
        ),
        (
            "{{ l[5] }}",
            ErrorKind::Undefined,
            "list object has no element 5",
            None,
        ),
        (
            "{{ name | uper }}",
            ErrorKind::UnknownFilter,
            "No filter named 'uper'.",
            Some("did you mean 'upper'?"),
        ),
        ("{{ 1 / 0 }}", ErrorKind::ZeroDivision, "division by zero", None),
        (
            "{{ range(200000) }}",
            ErrorKind::Overflow,
            "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).",
            None,
        ),
        (
            "{{ ''.__class__ }}",
            ErrorKind::Security,
            "access to attribute '__class__' of 'str' object is unsafe.",
            None,
        ),
        ("{{ 'a' | regex_match('(') }}", ErrorKind::Regex, "", None),
        (
            "{{ '1' | version_bump_major }}",
            ErrorKind::Value,
            "1 is not valid SemVer string",
            Some("three numbers are needed, as in 1.2.3"),
        ),
        ("{{ 'x' | regex_substring('y') }}", ErrorKind::Index, "", None),
        (
            "{{ name.nope() }}",
            ErrorKind::Undefined,
            "'str object' has no attribute 'nope'",
            None,
        ),
        (
            "{{ nosuch() }}",
            ErrorKind::Undefined,
            "'nosuch' is undefined",
            None,
        ),
        ("{{ a b }}", ErrorKind::Parse, "", None),
        (
            "{% include 'x' %}",
            ErrorKind::Type,
            "no loader for this environment specified",
            None,
        ),
        (
            "{{ name | decrypt_kv }}",
            ErrorKind::Value,
            "secrets cannot be decrypted here: there is no datastore",
            None,
        ),
    ];
    for (template, kind, message, hint) in rows {
        let error = render(template, &value).expect_err(template);
        assert_eq!(error.kind, kind, "{template}: {error:?}");
        if !message.is_empty() {
            assert_eq!(error.message, message, "{template}");
        }
        if hint.is_some() {
            assert_eq!(error.hint.as_deref(), hint, "{template}");
        }
        assert_eq!(error.line, Some(1), "{template}: {error:?}");
    }
    let error = render("é one\nthe {{ nope }} two\nthree", &value).unwrap_err();
    assert_eq!((error.line, error.column), (Some(2), Some(8)));
    assert_eq!(error.snippet.as_deref(), Some("the {{ nope }} two\n       ^^^^"));
}

#[test]
fn endless_and_huge_templates_end() {
    let jinja = Jinja::new(Limits {
        fuel: 100_000,
        output: 1000,
        template: 2000,
        ..Limits::default()
    });
    let none = Context::new();
    let kind = |template: &str| {
        jinja
            .render(template, &none, Undefined::Strict)
            .map_err(|error| error.kind)
    };
    let loops = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}";
    assert_eq!(kind(loops), Err(ErrorKind::Limit));
    assert_eq!(
        kind("{% for a in range(2000) %}xx{% endfor %}"),
        Err(ErrorKind::Limit)
    );
    assert_eq!(kind("{{ 'x' * 1000000000 }}"), Err(ErrorKind::Limit));
    assert_eq!(kind("{{ 'x'.zfill(100000000) }}"), Err(ErrorKind::Limit));
    assert_eq!(kind("{{ 'x' | center(100000000) }}"), Err(ErrorKind::Limit));
    assert_eq!(
        kind(&format!("{{{{ {} }}}}", "x".repeat(3000))),
        Err(ErrorKind::Limit)
    );
    assert!(kind("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").is_err());
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(900), ")".repeat(900));
    assert!(kind(&deep).is_err());
}

/// Functions for tests: `ctx()`, `ctx(name)`, `twice`, and `broken`, which fails.
struct Workflow(Value);

impl Host for Workflow {
    fn has(&self, name: &str) -> bool {
        self.names().contains(&name)
    }

    fn names(&self) -> Vec<&str> {
        vec!["ctx", "twice", "broken"]
    }

    fn call(&self, name: &str, args: &[Value], keywords: &[(Arc<str>, Value)]) -> Result<Value, ExprError> {
        match (name, args) {
            ("ctx", []) => Ok(self.0.clone()),
            ("ctx", [key]) => Ok(self
                .0
                .get(key.as_str().unwrap_or(""))
                .cloned()
                .unwrap_or_default()),
            ("twice", [value]) => Ok(Value::list([
                value.clone(),
                keywords
                    .first()
                    .map_or_else(|| value.clone(), |(_, value)| value.clone()),
            ])),
            _ => Err(ExprError::new(ErrorKind::Evaluation, "it is broken")),
        }
    }
}

#[test]
fn expressions_keep_their_types() {
    let jinja = Jinja::default();
    let host = Workflow(Value::from(
        &json!({"n": 1, "l": [3, 1], "d": {"a": {"b": null}}, "s": "x"}),
    ));
    let none = Context::new();
    let rows = [
        ("ctx().n", "1"),
        ("ctx('l')", "[3, 1]"),
        ("ctx().d.a.b", "None"),
        ("ctx().l|sort", "[1, 3]"),
        ("ctx().l|map('string')", "['3', '1']"),
        ("ctx().n + 2 ** 70", "1180591620717411303425"),
        ("(1, ctx().s)", "(1, 'x')"),
        ("'<'|escape", "'&lt;'"),
        (
            "[{'g': 1}, {'g': 2}]|groupby('g')",
            "[(1, [{'g': 1}]), (2, [{'g': 2}])]",
        ),
        ("ctx().n is odd", "True"),
        ("range(3)", "range(0, 3)"),
        ("ctx().d.keys()", "dict_keys(['a'])"),
        ("ctx().d.items", "<built-in method items of dict object>"),
        ("twice(5)", "[5, 5]"),
        ("5|twice(y=6)", "[5, 6]"),
        ("'a1'|regex_replace('[0-9]', 'x')", "'ax'"),
        ("regex_replace('a1', pattern='[0-9]', replacement='x')", "'ax'"),
        ("json_parse('[1, {}]')", "[1, {}]"),
        ("zz|default(4)", "4"),
        ("ctx().n,", "!chunk after expression"),
        ("zz", "?'zz' is undefined"),
        ("ctx().zz", "?'dict object' has no attribute 'zz'"),
        ("ctx().l[9]", "?list object has no element 9"),
        (
            "'x' if false",
            "?the inline if-expression on line 1 evaluated to false and no else section was defined.",
        ),
        ("zz.y", "!'zz' is undefined"),
        ("ctx().zz.y", "!'dict object' has no attribute 'zz'"),
        ("broken(1)", "!it is broken"),
        ("1|broken", "!it is broken"),
        ("1|nope", "!No filter named 'nope'."),
        (
            "''.__class__",
            "?access to attribute '__class__' of 'str' object is unsafe.",
        ),
        ("1 +", "!unexpected 'end of template'"),
    ];
    for (source, expected) in rows {
        let answer = match jinja
            .compile_expression(source)
            .and_then(|expr| expr.eval(&none, &host))
        {
            Ok(Evaluated::Value(value)) => crate::expr::value::repr(&value),
            Ok(Evaluated::Undefined { message, .. }) => format!("?{message}"),
            Err(error) => format!("!{}", error.message),
        };
        assert_eq!(answer, expected, "{source}");
    }
    assert_eq!(
        jinja.render_with("{% for x in ctx().l %}{{ x|twice }}{% endfor %}", &none, &host),
        Ok("[3, 3][1, 1]".to_owned())
    );
    let variables: Vec<String> = jinja
        .compile_expression("ctx().a + b if c else range(2)")
        .unwrap()
        .variables()
        .iter()
        .map(|name| name.to_string())
        .collect();
    assert_eq!(variables, ["b", "c", "ctx", "range"]);
}

#[test]
fn a_context_is_shared_not_copied() {
    let list = Value::list((0..10).map(Value::from));
    let mut variables = Context::from_dict(Dict::from_iter([(Value::from("l"), list.clone())]));
    variables.set_value("m", list.clone());
    let jinja = Jinja::default();
    let host = Workflow(Value::Null);
    for name in ["l", "m"] {
        let found = jinja
            .compile_expression(name)
            .and_then(|expr| expr.eval(&variables, &host));
        let Ok(Evaluated::Value(Value::List(found))) = found else {
            panic!("{name} is {found:?}");
        };
        assert!(matches!(&list, Value::List(list) if list.is_same(&found)));
    }
    let changed = jinja.render(
        "{% set _ = m.append(1) %}{{ m|length }}",
        &variables,
        Undefined::Strict,
    );
    assert_eq!(changed.as_deref(), Ok("11"));
    assert_eq!(list.as_items().map(<[Value]>::len), Some(10));
}

#[test]
fn nothing_grows_without_bounds() {
    let jinja = Jinja::default();
    for template in [
        "{{ 'a' * 10 ** 9 }}",
        "{{ [1] * 10 ** 9 }}",
        "{{ 10 ** (10 ** 10) }}",
        "{{ (2 ** 100000) ** 100000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%.1000000000f' % 1 }}",
        "{{ '%*d' % (10 ** 9, 1) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '{:.1000000000f}'.format(1.5) }}",
        "{{ '{:{}}'.format(1, 10 ** 9) }}",
        "{{ 'x'|center(10 ** 9) }}",
        "{{ 'x'|indent(10 ** 9) }}",
        "{{ 'x\ny'|indent('z' * 10 ** 7) }}",
        "{{ 'x'.ljust(10 ** 9) }}",
        "{{ 'x'.zfill(10 ** 9) }}",
        "{{ '\t'.expandtabs(10 ** 9) }}",
        "{{ lipsum(10 ** 9) }}",
        "{{ [1]|batch(10 ** 9, 0)|list }}",
        "{{ [1]|slice(10 ** 9)|list }}",
        "{{ ('ab' * 10 ** 6).replace('', 'c' * 1000)|length }}",
        "{{ ('a' * 10 ** 6)|replace('a', 'b' * 1000)|length }}",
        "{{ ('a' * 1000).join(range(100000)|map('string'))|length }}",
        "{% set ns = namespace(s='a') %}{% for i in range(100000) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(100000) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for x in [[]] recursive %}{{ loop([x]) }}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(l=1) %}{% for i in range(64) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(l=1) %}{% for i in range(64) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson }}",
        "{% set ns = namespace(l=1) %}{% for i in range(64) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|pprint }}",
        "{% set ns = namespace(l=1) %}{% for i in range(64) %}{% set ns.l = (ns.l, ns.l) %}{% endfor %}{{ {ns.l: 1} }}",
        "{% set ns = namespace(l=1, m=1) %}{% for i in range(64) %}{% set ns.l = (ns.l, ns.l) %}{% set ns.m = (ns.m, ns.m) %}{% endfor %}{{ ns.l == ns.m }}",
        "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l.copy] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = namespace(x=ns.l) %}{% endfor %}",
        "{% set ns = namespace(l=1) %}{% for i in range(64) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ [].index(ns.l) }}",
        "{{ 'a'|to_json_string(indent=10 ** 9) }}",
        "{{ 'x'.encode().center }}{{ (1).to_bytes(10 ** 9, 'big') }}",
        "{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'|regex_match('((a+)+)+$') }}{{ 1 / 0 }}",
    ] {
        assert!(
            jinja
                .render(template, &Context::new(), Undefined::Strict)
                .is_err(),
            "{template}"
        );
    }
}

#[test]
fn a_method_comes_before_a_key_and_the_key_by_brackets() {
    let value = json!({"d": {"items": "key", "x": 1}});
    assert_eq!(render("{{ d['items'] }}", &value).unwrap(), "key");
    assert_eq!(
        render("{{ d.items() | list }}", &value).unwrap(),
        "[('items', 'key'), ('x', 1)]"
    );
    assert!(
        render("{{ d.items }}", &value)
            .unwrap()
            .starts_with("<built-in method items")
    );
    assert_eq!(render("{% set f = d.get %}{{ f('x') }}", &value).unwrap(), "1");
}

#[test]
fn plain_texts_never_reach_the_engine() {
    let jinja = Jinja::new(Limits {
        fuel: 0,
        ..Limits::default()
    });
    for (text, expected) in [
        ("plain", "plain"),
        ("a { b } %}", "a { b } %}"),
        ("x\n", "x"),
        ("x\r\ny\r\n", "x\ny"),
    ] {
        assert_eq!(
            jinja.render(text, &Context::new(), Undefined::Strict).as_deref(),
            Ok(expected)
        );
    }
    assert!(
        jinja
            .render("{{ 1 }}", &Context::new(), Undefined::Strict)
            .is_err()
    );
}

#[test]
fn whole_values_are_rendered_as_the_reference_renders_them() {
    let jinja = Jinja::default();
    let variables = context(&json!({"a": 5, "q": "x\"y", "n": null}));
    let render = |value: Json| jinja.render_value(&value, &variables, Undefined::Strict);
    assert_eq!(render(json!("{{ a }}")), Ok(json!("5")));
    assert_eq!(render(json!("{{ n }}")), Ok(json!("None")));
    assert_eq!(
        render(json!({"k": ["{{ a }}", 1, null, true]})),
        Ok(json!({"k": ["5", 1, null, true]}))
    );
    assert_eq!(render(json!(7)), Ok(json!(7)));
    assert_eq!(
        render(json!({"k": "{{ q }}"})).map_err(|error| error.kind),
        Err(ErrorKind::Value)
    );
    assert_eq!(
        render(json!({"k": "{{ q | json_escape }}"})),
        Ok(json!({"k": "x\"y"}))
    );
    assert_eq!(
        jinja.render_value(&json!("{{ a }}"), &Context::new(), Undefined::Strict),
        Ok(json!("{{ a }}"))
    );
    let whole = context(&json!({"a": 5})).with_whole_context();
    assert_eq!(
        jinja.render_value(&json!("{{ __context.a }}{{ a }}"), &whole, Undefined::Strict),
        Ok(json!("55"))
    );
}

#[test]
fn permissive_templates_print_nothing_for_what_is_missing() {
    let jinja = Jinja::default();
    let none = Context::new();
    let render = |template: &str| jinja.render(template, &none, Undefined::Permissive);
    assert_eq!(
        render("[{{ x }}]{% if x %}y{% endif %}{% for i in x %}z{% endfor %}").as_deref(),
        Ok("[]")
    );
    assert!(render("{{ x.y }}").is_err());
}

#[test]
fn the_names_that_a_template_needs_are_found() {
    let jinja = Jinja::default();
    let found = jinja.variables(
        "{{ b.c }}{% for x in a %}{{ x }}{{ range(3) }}{{ loop.index }}{% endfor %}{% set z = y %}{{ z }}",
    );
    assert_eq!(&*found.unwrap(), ["a", "b", "y"]);
    assert_eq!(
        jinja.variables("{{ b }").map_err(|error| error.kind),
        Err(ErrorKind::Parse)
    );
}

#[test]
fn the_cache_is_bounded() {
    let jinja = Jinja::new(Limits {
        cached_templates: 10,
        ..Limits::default()
    });
    for n in 0..100 {
        let template = format!("{{{{ {n} }}}}");
        assert_eq!(
            jinja.render(&template, &Context::new(), Undefined::Strict),
            Ok(n.to_string())
        );
        assert!(jinja.variables(&template).is_ok());
    }
    assert!(jinja.templates.len() <= 10);
}

proptest::proptest! {
    #![proptest_config(crate::testing::cases(256))]

    #[test]
    fn any_template_is_rendered_or_refused(
        template in "([a-c ]|\\{\\{|\\}\\}|\\{%|%\\}|\\{#|#\\}| if | for | in | endif | endfor |set |'|\"|\\||\\.|\\(|\\)|\\[|\\]|[0-9]|=|int|join|é|\n){0,24}"
    ) {
        let jinja = Jinja::new(Limits { fuel: 50_000, ..Limits::default() });
        let _ = jinja.render(&template, &context(&json!({"a": [1, {"b": "c"}], "b": "x"})), Undefined::Strict);
        let _ = jinja.render(&template, &Context::new(), Undefined::Permissive);
        let _ = jinja.render_nested(&template, &Context::new());
    }

    #[test]
    fn any_filter_takes_any_value(
        filter in proptest::sample::select(super::filters::names(Setting::Strict)),
        first in "('[-a-z(*.$1-9\\[\\]>=]{0,6}'|[0-9]{1,3}|none|a)?",
        value in "('[-a-z0-9.{}:\" ]{0,8}'|-?[0-9]{1,5}|none|true|a|\\[1, 'x'\\]|\\{'k': 1\\}|1.5)",
    ) {
        let jinja = Jinja::new(Limits { fuel: 50_000, ..Limits::default() });
        let template = format!("{{{{ {value} | {filter}({first}) }}}}");
        let _ = jinja.render(&template, &context(&json!({"a": [1, {"b": "c"}]})), Undefined::Strict);
    }
}
