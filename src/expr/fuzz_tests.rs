//! Whatever people, packs and results put into expressions: nothing panics, and nothing takes longer or makes more than
//! it may.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::jinja::{self, Context, Jinja, Undefined};
use super::scene::Variables;
use super::template::{Evaluator, Language, Limits, Options, Surroundings};
use super::value::{Date, DateTime, Value, loads, to_tagged};
use super::yaql;

/// Far more than a bounded evaluation takes, even without optimisation and on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Stack of an evaluation in tests; the default of test threads is small for builds without optimisation.
const STACK: usize = 64 << 20;

struct Fixed;

impl Surroundings for Fixed {
    fn now(&self) -> DateTime {
        let day = Date {
            year: 2020,
            month: 2,
            day: 29,
        };
        DateTime::utc(day, 0)
    }

    fn random(&self) -> u64 {
        4
    }
}

static EVALUATOR: LazyLock<Evaluator> = LazyLock::new(|| {
    let limits = Limits {
        output: 100_000,
        yaql: yaql::Limits {
            steps: 100_000,
            bytes: 1 << 20,
            ..yaql::Limits::default()
        },
        jinja: jinja::Limits {
            fuel: 50_000,
            output: 100_000,
            ..jinja::Limits::default()
        },
        ..Limits::default()
    };
    Evaluator::new(limits, Arc::new(Fixed))
});

static VARIABLES: LazyLock<Variables> = LazyLock::new(|| {
    let context = loads(
        r#"{"a": 1, "s": "text <% ctx().a %> {{ 1 }}", "l": [3, 1, 2, null, "x", 2.5], "d": {"a": {"b": [1]}, "n": null},
            "p": [{"n": "x", "v": 1}, {"n": "y", "v": 2}], "big": 123456789012345678901234567890, "e": ""}"#,
    );
    match context.expect("valid JSON") {
        Value::Dict(dict) => Variables::new(dict),
        other => panic!("{other:?}"),
    }
});

/// Evaluates in every way there is; what comes out must be small.
fn evaluate(text: &str) {
    let started = Instant::now();
    let whole: Arc<str> = text.into();
    std::thread::scope(|scope| {
        let work = || {
            for legacy_reevaluate in [false, true] {
                for only in [None, Some(Language::Yaql), Some(Language::Jinja)] {
                    let options = Options { legacy_reevaluate };
                    if let Ok(value) = EVALUATOR.evaluate_text(&whole, only, &*VARIABLES, options) {
                        assert!(to_tagged(&value).len() < 16 << 20, "{text:.200}");
                    }
                }
            }
            let _ = EVALUATOR.check(&Value::text(text));
            let data = VARIABLES.get("p").cloned().unwrap_or_default();
            let _ = EVALUATOR.evaluate_yaql(text, &data, None, &*VARIABLES);
        };
        let worker = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, work);
        worker.expect("a thread").join().expect("no panic");
    });
    assert!(started.elapsed() < PATIENCE, "{text:.200}");
}

const YAQL_WORDS: &[&str] = &[
    "$",
    "$1",
    "$x",
    "ctx()",
    "ctx(l)",
    "ctx(p)",
    "ctx(d)",
    ".",
    "?.",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "=>",
    "->",
    ",",
    "+",
    "-",
    "*",
    "/",
    " mod ",
    "=",
    "!=",
    "<",
    ">=",
    " and ",
    " or ",
    "not ",
    " in ",
    "=~",
    "!~",
    "null",
    "true",
    "0",
    "1",
    "2.5",
    "99999999999999999999",
    "'a'",
    "\"b\"",
    "`c`",
    "'",
    "\\",
    "where(",
    "select(",
    "orderBy(",
    "join(",
    "sum()",
    "len()",
    "first()",
    "toList()",
    "range(",
    "sequence()",
    "cycle()",
    "repeat(",
    "let(x => 1)",
    "def(f, f($))",
    "f(",
    "regex('(a+)+$')",
    ".search(",
    "str(",
    "pow(",
    "dict(",
    "set(",
    "datetime(",
    "timespan(",
    "groupBy(",
    "generate(",
    "replace(",
    "split(",
    "accumulate(",
    "a",
    "n",
    "v",
    "__x",
    "é",
    "\n",
    " ",
    "%>",
];

const JINJA_WORDS: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{% raw %}",
    "{% endraw %}",
    "{% if ",
    "{% endif %}",
    "{% else %}",
    "{% for x in ",
    "{% endfor %}",
    "{% set x = ",
    "{% macro m(a) %}",
    "{% endmacro %}",
    "{% call m(1) %}",
    "{% endcall %}",
    "{% filter upper %}",
    "{% endfilter %}",
    "{% with %}",
    "{% endwith %}",
    "m(",
    "caller()",
    "loop.index",
    "ctx()",
    ".l",
    ".d",
    ".p",
    "|",
    "upper",
    "join(',')",
    "map(attribute='n')",
    "list",
    "sort",
    "tojson",
    "regex_replace('(a+)+$', 'x')",
    "batch(3)",
    "range(",
    "100000",
    "format(",
    "'%1000000s'",
    "namespace(",
    "lipsum(",
    "+",
    "-",
    "*",
    "**",
    "//",
    "%",
    "~",
    "==",
    "<",
    " in ",
    " is ",
    " not ",
    " and ",
    " if ",
    " else ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ".",
    "'a'",
    "\"b\"",
    "1",
    "2.5",
    "none",
    "true",
    "x",
    "é",
    "\n",
    " ",
    "__class__",
    "items()",
    "center(",
    "replace('', 'aaaaaaaa')",
];

fn soup(words: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    vec(select(words), 0..most).prop_map(|words| words.concat())
}

/// Well-formed YAQL, nested and long-winded.
fn yaql_expression() -> impl Strategy<Value = String> {
    let leaf = select(
        &[
            "$", "1", "2.5", "'a'", "null", "ctx(l)", "ctx(p)", "ctx(d)", "ctx(big)", "[3, 1]", "{a => 1}",
        ][..],
    );
    leaf.prop_map(str::to_owned).prop_recursive(6, 40, 3, |inner| {
        let wrap = select(
            &[
                "(#)",
                "[#, #]",
                "{a => #}",
                "# + #",
                "# * #",
                "(# - #)",
                "# = #",
                "#.where(#)",
                "#.select(#)",
                "#.orderBy(#)",
                "str(#)",
                "#.len()",
                "#.first(#)",
                "#.flatten()",
                "#.toList()",
                "(#).sum(#)",
                "#.join('#')",
                "#.groupBy(#)",
                "#.distinct()",
                "range(#)",
                "#.aggregate($1 + #, #)",
                "#.repeat(#)",
                "#.cycle()",
                "switch(# => #, true => #)",
                "let(x => #) -> #",
                "#.zip(#)",
                "#.accumulate(#, #)",
                "def(f, #) -> f(#)",
                "#.select(f($))",
                "coalesce(#, #)",
                "#[#]",
                "#.get(#, #)",
                "not #",
                "#.replace(#, #)",
                "#.selectMany(#)",
                "#.toDict(#, #)",
                "generate(#, #, #)",
                "#.mergeWith(#)",
                "pow(#, #)",
                "# in #",
            ][..],
        );
        (wrap, vec(inner, 4)).prop_map(|(pattern, parts)| {
            let mut parts = parts.into_iter().cycle();
            pattern.chars().fold(String::new(), |mut out, c| {
                match c {
                    '#' => out.push_str(&parts.next().unwrap_or_default()),
                    c => out.push(c),
                }
                out
            })
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_time: 20_000, ..crate::testing::cases(300) })]

    #[test]
    fn words_of_yaql_in_any_order(code in soup(YAQL_WORDS, 14), around in any::<bool>()) {
        evaluate(&if around { format!("<% {code} %>") } else { code });
    }

    #[test]
    fn nested_yaql(code in yaql_expression()) {
        evaluate(&code);
        evaluate(&format!("x <% {code} %>"));
    }

    #[test]
    fn words_of_jinja_in_any_order(text in soup(JINJA_WORDS, 20), around in any::<bool>()) {
        let whole = format!("{{{{ {text} }}}}");
        evaluate(if around { &whole } else { &text });
        let jinja = Jinja::new(jinja::Limits { fuel: 50_000, output: 100_000, ..jinja::Limits::default() });
        let context = Context::from_dict(VARIABLES.all().clone());
        for undefined in [Undefined::Strict, Undefined::Permissive] {
            if let Ok(rendered) = jinja.render(&text, &context, undefined) {
                prop_assert!(rendered.len() <= 100_000);
            }
        }
    }

    #[test]
    fn delimiters_in_any_order(text in soup(&["<%", "%>", "{{", "}}", "{%", "%}", "<", "%", ">", "{", "}", "'", "\"", "`", "\\", "\n", "ctx().a", "1", " ", "é", "{#", "#}"], 24)) {
        evaluate(&text);
    }

    #[test]
    fn any_text(text in any::<String>()) {
        evaluate(&text);
        evaluate(&format!("<% {text} %>"));
        evaluate(&format!("{{{{ {text} }}}}"));
    }
}

#[test]
fn depth_is_bounded() {
    for (before, middle, after) in [
        ("[", "1", "]"),
        ("(", "1", ")"),
        ("not ", "1", ""),
        ("-", "1", ""),
        ("{a => ", "1", "}"),
        ("str(", "1", ")"),
        ("$.select(", "$", ")"),
        ("1 + ", "1", ""),
        ("$ -> ", "1", ""),
        ("{'a': ", "1", "}"),
        ("x if ", "1", " else 2"),
        ("[1, ", "[]", "]"),
        ("", "x", ".a"),
        ("", "x", "[0]"),
        ("", "x", "|upper"),
        ("", "x", "()"),
        ("1 ~ ", "1", ""),
        ("2 ** ", "1", ""),
        ("{", "", "}"),
        ("<%", "", "%>"),
        ("{{", "", "}}"),
    ] {
        let deep = |times: usize| format!("{}{middle}{}", before.repeat(times), after.repeat(times));
        for times in [100, 1000, 50_000] {
            let text = deep(times);
            evaluate(&text);
            evaluate(&format!("<% {text} %>"));
            evaluate(&format!("{{{{ {text} }}}}"));
        }
    }
    for (open, close) in [
        ("{% if 1 %}", "{% endif %}"),
        ("{% for x in [1] %}", "{% endfor %}"),
        ("{% filter upper %}", "{% endfilter %}"),
        ("{% if 0 %}{% elif 0 %}", "{% endif %}"),
    ] {
        evaluate(&format!("{}{}", open.repeat(5000), close.repeat(5000)));
        evaluate(&open.repeat(5000));
    }
}

#[test]
fn endless_expressions_end() {
    for text in [
        "<% sequence() %>",
        "<% sequence().len() %>",
        "<% [1].cycle().sum() %>",
        "<% 1.repeat().toList() %>",
        "<% generate(0, true, $ + 1) %>",
        "<% def(f, f($)) -> f(1) %>",
        "<% 'a' * 1000000000000 %>",
        "<% [1] * 1000000000000 %>",
        "<% pow(10, 1000000000) %>",
        "<% range(1000000000000).sum() %>",
        "<% shiftBitsLeft(1, 1000000000000) %>",
        "<% regex('(a+)+$').search('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab') %>",
        "<% let(x => range(10000)) -> $x.select($x.select($x.sum())) %>",
        "<% sequence().where($ < 0).first() %>",
        "<% sequence().orderBy($) %>",
        "<% range(100000).join(range(100000), true, $1) %>",
        "<% 'a'.replace('', 'aaaaaaaaaaaa').replace('', 'aaaaaaaaaaaaaaa').replace('', 'aaaaaaaaaaaaaaaaa') * 100000 %>",
        "{{ range(100000) | list | length }}{% for x in range(100000) %}{% for y in range(100000) %}{{ x }}{% endfor %}{% endfor %}",
        "{{ 'a' * 1000000000000 }}",
        "{{ [1] * 1000000000000 }}",
        "{{ 10 ** 1000000000 }}",
        "{{ '%1000000000s' % 'a' }}",
        "{{ 'a' | center(1000000000) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' | regex_search('(a+)+$') }}",
        "{{ lipsum(n=100000) }}",
        "{% set ns = namespace(x='a') %}{% for i in range(1000) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x | length }}",
    ] {
        evaluate(text);
    }
}
