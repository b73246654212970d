//! Rules row by row: operators against Python's answers, keys, searches, files with mistakes, parameters, throttling.

#![allow(clippy::needless_pass_by_value, reason = "rows are written in place")]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::expr::jinja::{Jinja, KeyLookup, KeyScope};
use crate::model::{Finding, JsonMap, Timestamp};
use crate::params::{CompiledParameters, ParamLimits};
use crate::testing::cases;
use crate::triggers::TriggerKey;

const NOW: &str = "2026-11-23T04:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

struct Keys(BTreeMap<&'static str, &'static str>);

impl KeyLookup for Keys {
    fn get(&self, scope: KeyScope, key: &str) -> Option<String> {
        (scope == KeyScope::System)
            .then(|| self.0.get(key).map(|text| (*text).to_owned()))
            .flatten()
    }
}

fn keys() -> Arc<dyn KeyLookup> {
    Arc::new(Keys(BTreeMap::from([
        ("limit", "5"),
        ("hosts.web", "web1"),
        ("state", "down"),
    ])))
}

fn rule_of(value: Json) -> Rule {
    let (rule, findings) = Rule::from_value(&value, None, &Jinja::default());
    rule.unwrap_or_else(|| panic!("{value}: {findings:?}"))
}

fn with_criteria(criteria: Json) -> Rule {
    rule_of(json!({
        "name": "r", "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "x"}},
        "criteria": criteria,
        "action": {"ref": "core.noop"},
    }))
}

fn judge(rule: &Rule, payload: Json) -> Verdict {
    let (jinja, payload, keys) = (Jinja::default(), Arc::new(payload), keys());
    let facts = Facts::new(&jinja, &payload, Some(&keys), at(NOW));
    let verdict = rule.judge(&facts);
    // At length it is the same.
    let explanation = rule.explain(&facts);
    assert_eq!(explanation.matched, verdict == Verdict::Match, "{explanation:?}");
    if matches!(verdict, Verdict::Failed { .. }) {
        assert!(explanation.criteria.iter().any(|criterion| criterion.failed));
    }
    verdict
}

fn matches(criteria: Json, payload: Json) -> bool {
    judge(&with_criteria(criteria), payload) == Verdict::Match
}

#[test]
fn operators_find_what_python_finds() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in include_str!("../../tests/data/rules/operators.jsonl").lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let criteria = json!({"trigger.v": {"type": row["type"], "pattern": row["pattern"]}});
        // Beside the value there is another, so that the payload is never empty.
        let payload = json!({"v": row["value"], "other": 1});
        let value = json!({
            "name": "r", "enabled": true, "trigger": {"type": "a.b"}, "criteria": criteria, "action": {"ref": "core.noop"},
        });
        count += 1;
        let found = match Rule::from_value(&value, None, &Jinja::default()).0 {
            // What can never work is refused when the rule is read.
            None => json!("error"),
            Some(rule) => match judge(&rule, payload) {
                Verdict::Match => json!(true),
                Verdict::NoMatch => json!(false),
                Verdict::Failed { .. } => json!("error"),
            },
        };
        if found != row["expect"] {
            wrong.push(format!("{line}\n  we say {found}"));
        }
    }
    assert!(count > 3000);
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_name_of_an_operator_is_known_in_any_case() {
    assert_eq!(OPERATORS.len(), 33);
    let mut different: Vec<Operator> = OPERATORS.iter().map(|(_, operator)| *operator).collect();
    different.dedup();
    assert_eq!(different.len(), 24);
    for (name, operator) in OPERATORS {
        assert_eq!(Operator::named(&name.to_uppercase()), Some(operator));
    }
    assert_eq!(Operator::named("equal"), None);
}

#[test]
fn keys_lead_where_jsonpath_says() {
    let payload = json!({
        "a": {"l": [{"x": 1}, {"x": 2}], "X-Git": "push", "odd key": "o", "null": null},
        "headers": {"X-Git-Event": "push"}, "n": [[5]],
    });
    for (key, expected) in [
        ("trigger.a.l[0].x", json!(1)),
        ("trigger.a.l[-1].x", json!(2)),
        ("trigger.a.l[*].x", json!(1)),
        ("trigger.a.l[1:].x", json!(2)),
        ("trigger..x", json!(1)),
        ("trigger.headers.X-Git-Event", json!("push")),
        ("trigger.headers[\"X-Git-Event\"]", json!("push")),
        ("trigger.headers['X-Git-Event']", json!("push")),
        ("trigger['headers']['X-Git-Event']", json!("push")),
        ("trigger.a[\"odd key\"]", json!("o")),
        ("trigger.a.'odd key'", json!("o")),
        ("$.trigger.a.X-Git", json!("push")),
        ("trigger.n[0][0]", json!(5)),
        ("trigger.a.X-Git#first", json!("push")),
        ("system.limit", json!("5")),
        ("system.hosts.web", json!("web1")),
    ] {
        let criteria = json!({key: {"type": "equals", "pattern": expected}});
        assert!(matches(criteria, payload.clone()), "{key}");
    }
    for key in [
        "trigger.a.missing",
        "trigger.a.null",
        "trigger.a.l[7].x",
        "trigger.a.l.x",
        "system.missing",
        "nothing.at.all",
    ] {
        let criteria = json!({key: {"type": "nexists", "pattern": ""}});
        assert!(matches(criteria, payload.clone()), "{key}");
    }
    // The same field twice.
    let twice = json!({
        "trigger.a.l[0].x#above": {"type": "gt", "pattern": 0},
        "trigger.a.l[0].x#below": {"type": "lt", "pattern": 2},
    });
    assert!(matches(twice, payload.clone()));
    let before_the_first = json!({"trigger.a.l[-9].x": {"type": "exists", "pattern": ""}});
    assert!(matches!(
        judge(&with_criteria(before_the_first), payload),
        Verdict::Failed { .. }
    ));
}

#[test]
fn patterns_are_templates_that_keep_the_type_of_one_expression() {
    for (pattern, value, expected) in [
        (json!("{{ trigger.want }}"), json!(5), true),
        (json!("{{trigger.want}}"), json!("5"), false),
        (json!("{{ trigger.want + 1 }}"), json!(6), true),
        (json!("{{ trigger.want or 7 }}"), json!(5), true),
        (json!("{{ trigger.list }}"), json!([1, 2]), true),
        (json!("{{ -trigger.want }}"), json!(-5), true),
        (json!("{{- trigger.want -}}"), json!(5), true),
        (json!("n{{ trigger.want }}"), json!("n5"), true),
        (json!(" {{ trigger.text }} "), json!("t"), true),
        (json!("{{ trigger.text }}{{ trigger.text }}"), json!("tt"), true),
        (
            json!("{% if trigger.want == 5 %}five{% endif %}"),
            json!("five"),
            true,
        ),
        (json!("{{ st2kv.system.limit }}"), json!("5"), true),
        (json!("{{ (st2kv.system.limit ~ '') | int }}"), json!(5), true),
        (json!("{{ system.hosts.web }}"), json!("web1"), true),
        (json!("{{ st2kv.system.missing }}"), json!(""), true),
        // What the payload says is data.
        (json!("{{ trigger.evil }}"), json!("{{ 1 + 1 }}"), true),
        (json!("{{ trigger.evil }}"), json!("2"), false),
        (json!(["{{ trigger.want }}"]), json!(["{{ trigger.want }}"]), true),
    ] {
        let payload = json!({"v": value, "want": 5, "text": "t", "list": [1, 2], "evil": "{{ 1 + 1 }}"});
        let criteria = json!({"trigger.v": {"type": "eq", "pattern": pattern}});
        assert_eq!(matches(criteria, payload), expected, "{pattern} {value}");
    }
    let failing = with_criteria(json!({"trigger.v": {"type": "eq", "pattern": "{{ trigger.no.such }}"}}));
    match judge(&failing, json!({"v": 1})) {
        Verdict::Failed { key, reason } => {
            assert_eq!(key, "trigger.v");
            assert!(reason.contains("cannot be rendered"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    // Inside a search templates still see the whole payload.
    let search = json!({"trigger.l": {"type": "search", "condition": "any", "pattern":
        {"item.id": {"type": "eq", "pattern": "{{ trigger.want }}"}}}});
    assert!(matches(search, json!({"l": [{"id": 4}, {"id": 5}], "want": 5})));
}

#[test]
fn searches_count_items_and_criteria() {
    let check = |condition: &str, list: Json| {
        let criteria = json!({"trigger.l": {"type": "search", "condition": condition, "pattern": {
            "item.name": {"type": "eq", "pattern": "Status"},
            "item.to": {"type": "eq", "pattern": "Approved"},
        }}});
        match judge(&with_criteria(criteria), json!({"l": list, "other": 1})) {
            Verdict::Match => "yes",
            Verdict::NoMatch => "no",
            Verdict::Failed { .. } => "error",
        }
    };
    let (both, one, none) = (
        json!({"name": "Status", "to": "Approved"}),
        json!({"name": "Status", "to": "x"}),
        json!({"name": "y", "to": "x"}),
    );
    for (list, any, all, any2any, all2any) in [
        (json!([both, none]), "yes", "no", "yes", "no"),
        (json!([both, both]), "yes", "yes", "yes", "yes"),
        (json!([one, one]), "no", "no", "yes", "yes"),
        (json!([one, none]), "no", "no", "yes", "no"),
        (json!([none]), "no", "no", "no", "no"),
        (json!([]), "no", "yes", "no", "yes"),
        (both, "yes", "yes", "yes", "yes"),
        (json!([1]), "error", "error", "error", "error"),
        (json!([null]), "error", "error", "error", "error"),
        (json!("text"), "error", "error", "error", "error"),
        (json!(null), "error", "error", "error", "error"),
    ] {
        for (condition, expected) in [
            ("any", any),
            ("all", all),
            ("any2any", any2any),
            ("all2any", all2any),
        ] {
            assert_eq!(check(condition, list.clone()), expected, "{condition} {list}");
        }
    }
    // An item for which a criterion fails does not meet it; others still can.
    let lower = |condition: &str, list: Json| {
        let criteria = json!({"trigger.l": {"type": "search", "condition": condition, "pattern": {
            "item.name": {"type": "ieq", "pattern": "WEB"}}}});
        judge(&with_criteria(criteria), json!({"l": list}))
    };
    assert_eq!(
        lower("any", json!([{"name": 5}, {"name": "web"}])),
        Verdict::Match
    );
    match lower("all", json!([{"name": 5}, {"name": "web"}])) {
        Verdict::Failed { reason, .. } => assert!(reason.starts_with("item.name: "), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(lower("any", json!([{"name": "db"}])), Verdict::NoMatch);
    let long = json!({"l": vec![json!({"name": 1}); 100_000]});
    let criteria = json!({"trigger.l": {"type": "search", "condition": "any", "pattern": {
        "item.a": {"type": "eq", "pattern": 1}, "item.b": {"type": "eq", "pattern": 2}}}});
    assert!(
        matches!(judge(&with_criteria(criteria), long), Verdict::Failed { reason, .. } if reason.contains("too long"))
    );
}

#[test]
fn an_empty_payload_matches_no_criteria_and_every_rule_without() {
    for payload in [json!({}), json!(null), json!([]), json!("")] {
        assert!(!matches(
            json!({"trigger.a": {"type": "nexists", "pattern": ""}}),
            payload.clone()
        ));
        assert!(matches(json!({}), payload));
    }
    assert!(matches(
        json!({"trigger.a": {"type": "nexists", "pattern": ""}}),
        json!({"b": 1})
    ));
}

#[test]
fn dates_are_compared_with_now() {
    let young = json!({"trigger.at": {"type": "td_lt", "pattern": 3600}});
    assert!(matches(young.clone(), json!({"at": "2026-11-23 03:30"})));
    assert!(!matches(young, json!({"at": "2026-11-23T02:00:00Z"})));
    let old = json!({"trigger.at": {"type": "timediff_gt", "pattern": 3600}});
    assert!(matches(old.clone(), json!({"at": "Nov 22 2026 11pm"})));
    assert!(matches!(
        judge(&with_criteria(old), json!({"at": "soon"})),
        Verdict::Failed { .. }
    ));
}

#[test]
fn a_regular_expression_ends_in_time() {
    let rule = with_criteria(json!({"trigger.v": {"type": "regex", "pattern": "(a+)+$"}}));
    let started = std::time::Instant::now();
    let verdict = judge(&rule, json!({"v": format!("{}b", "a".repeat(40))}));
    assert!(
        matches!(verdict, Verdict::NoMatch | Verdict::Failed { .. }),
        "{verdict:?}"
    );
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn explanations_tell_what_was_found_and_why_it_does_not_match() {
    let rule = with_criteria(json!({
        "trigger.state": {"type": "equals", "pattern": "down"},
        "trigger.count": {"type": "equals", "pattern": "1"},
        "trigger.name": {"type": "equals", "pattern": "Web"},
        "trigger.missing": {"type": "regex", "pattern": "x"},
        "trigger.host": {"type": "eq", "pattern": "{{ st2kv.system.hosts.web }}"},
        "trigger.list": {"type": "search", "condition": "all", "pattern": {"item.a": {"type": "eq", "pattern": 1}}},
    }));
    let (jinja, keys) = (Jinja::default(), keys());
    let payload = Arc::new(
        json!({"state": "down", "count": 1, "name": "web", "host": "web1", "list": [{"a": 1}, {"a": 2}]}),
    );
    let explanation = rule.explain(&Facts::new(&jinja, &payload, Some(&keys), at(NOW)));
    assert!(!explanation.matched);
    let told: Vec<(bool, bool, &str)> = explanation
        .criteria
        .iter()
        .map(|criterion| (criterion.matched, criterion.failed, criterion.reason.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (true, false, ""),
            (
                false,
                false,
                "they look alike, but 1 (a number) is not \"1\" (text): `equals` never converts"
            ),
            (
                false,
                false,
                "only upper and lower case differ: `iequals` would match"
            ),
            (
                false,
                true,
                "there is no value; this operator compares texts only"
            ),
            (true, false, ""),
            (false, false, "1 of 2 items meet all of 1 criteria"),
        ]
    );
    assert_eq!(explanation.criteria[4].pattern, json!("web1"));
    assert_eq!(explanation.criteria[4].value, json!("web1"));
    let mut off = rule;
    off.enabled = false;
    let explanation = off.explain(&Facts::new(&jinja, &payload, None, at(NOW)));
    assert_eq!(explanation.reason.as_deref(), Some("the rule is disabled"));
}

#[test]
fn a_rule_is_said_in_a_sentence() {
    let rule = with_criteria(json!({
        "trigger.a#1": {"type": "eq", "pattern": "down"},
        "trigger.b": {"type": "exists", "pattern": ""},
        "trigger.l": {"type": "search", "condition": "any", "pattern": {"item.x": {"type": "lt", "pattern": 1}}},
    }));
    assert_eq!(
        rule.sentence(),
        "if core.st2.webhook (url: x) and trigger.a equals \"down\" and trigger.b exists and trigger.l search any \
         {\"item.x\":{\"type\":\"lt\",\"pattern\":1}} then core.noop"
    );
}

fn findings(value: Json) -> Vec<Finding> {
    Rule::from_value(&value, Some("examples"), &Jinja::default()).1
}

#[test]
fn mistakes_in_files_are_told_with_their_place() {
    let good = || {
        json!({
            "name": "r", "enabled": true, "trigger": {"type": "a.b"},
            "criteria": {"trigger.x": {"type": "eq", "pattern": 1}}, "action": {"ref": "core.noop"},
        })
    };
    assert_eq!(findings(good()), []);
    let change = |pointer: &str, value: Json| {
        let mut rule = good();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let map = rule.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value == json!("REMOVE") {
            map.shift_remove(key);
        } else {
            map.insert(key.replace("~1", "/"), value);
        }
        rule
    };
    for (pointer, value, path, message, hint) in [
        ("/name", json!("REMOVE"), "", "`name` is missing", "add `name: …`"),
        ("/name", json!("a b"), "/name", "no blanks", "a_b"),
        (
            "/pack",
            json!("other"),
            "/pack",
            "lies in pack `examples`",
            "remove",
        ),
        ("/enabled", json!("REMOVE"), "", "then it is off", "enabled: true"),
        ("/enabled", json!("yes"), "/enabled", "not text", "without quotes"),
        (
            "/enabld",
            json!(true),
            "/enabld",
            "unknown key `enabld`",
            "did you mean `enabled`?",
        ),
        (
            "/type",
            json!({"ref": "backstopp"}),
            "/type/ref",
            "no kind of rule",
            "did you mean `backstop`?",
        ),
        ("/type", json!(5), "/type", "which kind", "standard"),
        (
            "/trigger",
            json!("REMOVE"),
            "",
            "`trigger` is missing",
            "type: pack.name",
        ),
        (
            "/trigger",
            json!("a.b"),
            "/trigger",
            "is a map, not text",
            "{type: a.b}",
        ),
        (
            "/trigger/type",
            json!("ab"),
            "/trigger/type",
            "`ab` is no trigger",
            "pack.name",
        ),
        (
            "/trigger/paramters",
            json!({}),
            "/trigger/paramters",
            "unknown key",
            "`parameters`",
        ),
        (
            "/action",
            json!("REMOVE"),
            "",
            "`action` is missing",
            "ref: pack.name",
        ),
        ("/action/ref", json!(""), "/action/ref", "`ref` is empty", ""),
        (
            "/action/parameters",
            json!([]),
            "/action/parameters",
            "a map, not a list",
            "",
        ),
        (
            "/action/parameters",
            json!({"a": ["{{ x"]}),
            "/action/parameters/a/0",
            "no template",
            "",
        ),
        (
            "/criteria",
            json!([]),
            "/criteria",
            "is a map, not a list",
            "trigger.body.state",
        ),
        (
            "/criteria/trigger.x",
            json!("down"),
            "/criteria/trigger.x",
            "is a map, not text",
            "type: equals",
        ),
        (
            "/criteria/trigger.x",
            json!({"pattern": 1}),
            "/criteria/trigger.x",
            "`type` is missing",
            "",
        ),
        (
            "/criteria/trigger.x",
            json!({"type": "eq"}),
            "/criteria/trigger.x",
            "`pattern` is missing",
            "",
        ),
        (
            "/criteria/trigger.x",
            json!({"type": "exists"}),
            "/criteria/trigger.x",
            "only with a pattern",
            "",
        ),
        (
            "/criteria/trigger.x",
            json!({"type": "equal", "pattern": 1}),
            "/criteria/trigger.x/type",
            "no operator `equal`",
            "did you mean `equals`?",
        ),
        (
            "/criteria/trigger.x",
            json!({"type": "eq", "pattern": null}),
            "/criteria/trigger.x/pattern",
            "never matches",
            "exists",
        ),
        (
            "/criteria/trigger.x",
            json!({"type": "eq", "pattern": "{{ x"}),
            "/criteria/trigger.x/pattern",
            "cannot be read",
            "",
        ),
        (
            "/criteria/trigger.x",
            json!({"type": "regex", "pattern": "("}),
            "/criteria/trigger.x/pattern",
            "cannot be read",
            "",
        ),
        (
            "/criteria/trigger.x",
            json!({"type": "regex", "pattern": 5}),
            "/criteria/trigger.x/pattern",
            "is text, not a number",
            "",
        ),
        (
            "/criteria/trigger.x",
            json!({"type": "eq", "pattern": 1, "condition": "any"}),
            "/criteria/trigger.x/condition",
            "only `search`",
            "",
        ),
        (
            "/criteria/trigger.x",
            json!({"type": "search", "pattern": {}}),
            "/criteria/trigger.x",
            "needs a `condition`",
            "any2any",
        ),
        (
            "/criteria/trigger.x",
            json!({"type": "search", "condition": "al", "pattern": {}}),
            "/criteria/trigger.x/condition",
            "no condition `al`",
            "`all`",
        ),
        (
            "/criteria/trigger.x",
            json!({"type": "Search", "condition": "all", "pattern": {}}),
            "/criteria/trigger.x/type",
            "lower case",
            "",
        ),
        (
            "/criteria/body.x",
            json!({"type": "eq", "pattern": 1}),
            "/criteria/body.x",
            "finds nothing",
            "trigger.body.x",
        ),
        (
            "/criteria/trigger.[",
            json!({"type": "eq", "pattern": 1}),
            "/criteria/trigger.[",
            "cannot be read",
            "",
        ),
        (
            "/throttle",
            json!("1 per"),
            "/throttle",
            "`per` is missing",
            "1 per 5m",
        ),
        (
            "/throttle",
            json!("x per 5m"),
            "/throttle",
            "`x` is no number",
            "",
        ),
        (
            "/throttle",
            json!("1 per 5 parsecs"),
            "/throttle",
            "no length of time",
            "",
        ),
        (
            "/throttle",
            json!("1 per 5m by body.host"),
            "/throttle",
            "finds nothing",
            "trigger.body.host",
        ),
        (
            "/throttle",
            json!({"limit": 0, "per": "5m"}),
            "/throttle",
            "not possible",
            "",
        ),
        (
            "/dedup",
            json!("trigger.id for ever"),
            "/dedup",
            "no length of time",
            "",
        ),
        ("/dedup", json!({"for": "5m"}), "/dedup", "`key` is missing", ""),
        ("/run_as", json!("ana and bo"), "/run_as", "one user", ""),
        (
            "/webhook",
            json!({"auth": "github", "key": "k"}),
            "/webhook",
            "is for rules on core.st2.webhook",
            "",
        ),
        ("/tags", json!([5]), "/tags/0", "a tag has a name", ""),
    ] {
        let found = findings(change(pointer, value.clone()));
        assert!(!found.is_empty(), "{pointer} {value}");
        assert_eq!(found[0].path, path, "{pointer} {value}: {found:?}");
        assert!(found[0].message.contains(message), "{pointer} {value}: {found:?}");
        assert!(found[0].hint.contains(hint), "{pointer} {value}: {found:?}");
    }
    assert!(findings(json!([])).iter().any(Finding::is_error));
    let defaults = rule_of(json!({"name": "r", "trigger": {"type": "a.b"}, "action": {"ref": "a.b"}}));
    assert_eq!(
        (defaults.reference.as_str(), defaults.enabled, defaults.kind),
        ("default.r", false, RuleKind::Standard)
    );
}

#[test]
fn parameters_are_rendered_once_and_cast() {
    let rule = rule_of(json!({
        "name": "r", "enabled": true, "trigger": {"type": "a.b"}, "context": {"team": "ops"},
        "action": {"ref": "a.b", "parameters": {
            "text": "{{ trigger.text }}", "number": "{{ trigger.n }}", "list": "{{ trigger.list }}", "both": "{{ number }}-{{ rule.name }}",
            "key": "{{ st2kv.system.limit }}", "who": "{{ action_context.user }}", "object": {"k": "{{trigger}}"}, "plain": true,
        }},
    }));
    let schema = json!({
        "text": {"type": "string"}, "number": {"type": "integer"}, "list": {"type": "array"}, "both": {"type": "string"},
        "key": {"type": "integer"}, "who": {"type": "string"}, "object": {"type": "object"}, "plain": {"type": "boolean"},
    });
    let schema: JsonMap = serde_json::from_value(schema).unwrap();
    let compiled = CompiledParameters::compile(&JsonMap::new(), &schema).unwrap();
    let (jinja, keys) = (Jinja::default(), keys());
    let payload = Arc::new(json!({"text": "{{ 1 + 1 }}", "n": 7, "list": [1, "{{ 2 }}"]}));
    let facts = Facts::new(&jinja, &payload, Some(&keys), at(NOW));
    let around = Surroundings {
        action: Arc::new(json!({"user": "stanley"})),
        ..Surroundings::default()
    };
    let made = rule
        .parameters(&facts, &compiled, &ParamLimits::default(), &around)
        .unwrap();
    assert_eq!(
        Json::Object(made),
        json!({
            "text": "{{ 1 + 1 }}", "number": 7, "list": [1, "{{ 2 }}"], "both": "7-r", "key": 5, "who": "stanley",
            "object": {"k": *payload}, "plain": true,
        })
    );
    let bad = rule_of(json!({
        "name": "r", "trigger": {"type": "a.b"}, "action": {"ref": "a.b", "parameters": {"text": "{{ triger.x }}"}},
    }));
    let error = bad
        .parameters(&facts, &compiled, &ParamLimits::default(), &around)
        .unwrap_err();
    assert!(error.explain().contains("trigger"), "{}", error.explain());
    let context = rule.context(crate::model::Id::of_name("x"), "a.b", "stanley");
    assert_eq!(context["team"], json!("ops"));
    assert_eq!(context["user"], json!("stanley"));
    assert_eq!(context["rule"]["name"], json!("r"));
}

fn indexed(number: usize, kind: &str, criteria: Json) -> Arc<Rule> {
    Arc::new(rule_of(json!({
        "name": format!("r{number:04}"), "enabled": true, "type": {"ref": kind},
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "/x/"}},
        "criteria": criteria, "action": {"ref": "core.noop"},
    })))
}

fn hook() -> TriggerKey {
    let parameters = json!({"url": "x"});
    TriggerKey::new("core.st2.webhook", parameters.as_object().unwrap())
}

#[test]
fn the_index_gives_only_rules_that_can_match() {
    let index = Index::new((0..2000).map(|number| {
        indexed(
            number,
            "standard",
            json!({
                "trigger.host": {"type": "eq", "pattern": format!("h{number}")},
                "trigger.state": {"type": "in", "pattern": ["down", "up"]},
            }),
        )
    }));
    let payload = json!({"host": "h77", "state": "down"});
    let found: Vec<&str> = index
        .candidates(&hook(), &payload)
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(found, ["r0077"]);
    assert_eq!(
        index
            .candidates(&hook(), &json!({"host": "h1", "state": "x"}))
            .len(),
        1
    );
    assert_eq!(index.candidates(&hook(), &json!({"host": 5})).len(), 0);
    assert_eq!(
        index
            .candidates(&TriggerKey::of_type("core.st2.webhook"), &payload)
            .len(),
        0
    );
    assert_eq!(index.rules(&hook()).len(), 2000);
    assert_eq!(index.len(), 2000);
}

#[test]
fn backstops_are_judged_when_nothing_else_matched() {
    let eq = |value: i64| json!({"trigger.a": {"type": "eq", "pattern": value}});
    let fails =
        json!({"trigger.a": {"type": "iequals", "pattern": "x"}, "trigger.f": {"type": "eq", "pattern": 1}});
    let index = Index::new([
        indexed(1, "standard", eq(1)),
        indexed(2, "standard", eq(1)),
        indexed(3, "backstop", json!({})),
        indexed(
            4,
            "backstop",
            json!({"trigger.b": {"type": "exists", "pattern": ""}}),
        ),
        indexed(5, "standard", fails),
    ]);
    let (jinja, mut names) = (Jinja::default(), Vec::new());
    for payload in [
        json!({"a": 1}),
        json!({"a": true}),
        json!({"a": 2}),
        json!({"a": 2, "b": 1}),
        json!({"a": 1, "f": 1}),
        json!({"a": 2, "f": 1}),
    ] {
        let payload = Arc::new(payload);
        let judged = index.judge(&hook(), &Facts::new(&jinja, &payload, None, at(NOW)));
        let shown: Vec<String> = judged
            .iter()
            .map(|judged| {
                format!(
                    "{}{}",
                    judged.rule.name,
                    if judged.verdict == Verdict::Match { "" } else { "!" }
                )
            })
            .collect();
        names.push(shown.join(" "));
    }
    assert_eq!(
        names,
        [
            "r0001 r0002",
            "r0001 r0002",
            "r0003",
            "r0003 r0004",
            "r0001 r0002 r0005!",
            "r0005! r0003"
        ]
    );
}

#[test]
fn throttles_are_read_and_count_per_group() {
    let rule = rule_of(json!({
        "name": "r", "trigger": {"type": "a.b"}, "action": {"ref": "a.b"},
        "throttle": "2 per 5m by trigger.host, trigger.kind", "dedup": {"key": ["trigger.id"], "for": "1h"},
    }));
    let throttle = rule.throttle.as_ref().unwrap();
    assert_eq!(
        (throttle.limit, throttle.seconds, throttle.rate().as_str()),
        (2, 300, "2 per 5m")
    );
    let dedup = rule.dedup.as_ref().unwrap();
    let jinja = Jinja::default();
    let group = |payload: Json| {
        let payload = Arc::new(payload);
        let facts = Facts::new(&jinja, &payload, None, at(NOW));
        (throttle.group(&facts).unwrap(), dedup.key(&facts).unwrap())
    };
    assert_eq!(
        group(json!({"host": "a", "kind": 1, "id": "x"})),
        ("[\"a\",1]".into(), Some("x".into()))
    );
    assert_eq!(group(json!({"host": "a"})).0, "[\"a\",null]");
    assert_eq!(group(json!({"other": 1})), (String::new(), None));
    let long = group(json!({"id": "x".repeat(5000)})).1.unwrap();
    assert!(long.len() < 200, "{long}");

    let mut windows = Windows::default();
    let now = |seconds: i64| at(NOW).plus_millis(seconds * 1000);
    let mut admit = |group: &str, seconds: i64| windows.admit(group, 2, 300, now(seconds));
    assert_eq!(admit("a", 0), Admission::Run);
    assert_eq!(admit("a", 1), Admission::Run);
    assert_eq!(admit("b", 2), Admission::Run);
    assert_eq!(
        admit("a", 3),
        Admission::Suppress {
            count: 1,
            until: now(300)
        }
    );
    assert_eq!(
        admit("a", 299),
        Admission::Suppress {
            count: 2,
            until: now(300)
        }
    );
    assert_eq!(windows.next_end(), Some(now(300)));
    let stored: Windows = serde_json::from_value(serde_json::to_value(&windows).unwrap()).unwrap();
    assert_eq!(stored, windows);
    assert_eq!(windows.ended(now(299)), []);
    let reports = windows.ended(now(300));
    assert_eq!(reports.len(), 1);
    assert_eq!(
        (reports[0].group.as_str(), reports[0].suppressed, reports[0].last),
        ("a", 2, now(299))
    );
    assert_eq!(windows.admit("a", 2, 300, now(300)), Admission::Run);
    // A clock that goes back opens a new window instead of one without end.
    assert_eq!(windows.admit("a", 1, 300, now(-5000)), Admission::Run);
    let mut many = Windows::default();
    for number in 0..throttle::MOST_GROUPS + 50 {
        many.admit(&number.to_string(), 1, 300, now(0));
    }
    assert!(many.len() <= throttle::MOST_GROUPS + 1);
    assert!(matches!(
        many.admit("new", 1, 300, now(1)),
        Admission::Suppress { .. }
    ));
    for (text, limit, seconds) in [
        ("1 per hour", 1, 3600),
        ("10 per 1h30m", 10, 5400),
        ("1 per 2 days", 1, 172_800),
    ] {
        let rule = rule_of(
            json!({"name": "r", "trigger": {"type": "a.b"}, "action": {"ref": "a.b"}, "throttle": text}),
        );
        let throttle = rule.throttle.unwrap();
        assert_eq!((throttle.limit, throttle.seconds), (limit, seconds), "{text}");
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[a-z{}%\\[\\]. é]{0,8}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(cases(150))]

    /// No payload and no pattern panics, and what the index leaves out does not match.
    #[test]
    fn any_payload_is_judged(
        payload in any_json(),
        patterns in prop::collection::vec((0..OPERATORS.len() - 1, any_json(), "[a-c](\\.[a-c]|\\[[0-9]\\]|\\[\\*\\]|\\.\\.a){0,2}"), 0..4),
    ) {
        let mut criteria = JsonMap::new();
        for (operator, pattern, path) in patterns {
            criteria.insert(format!("trigger.{path}"), json!({"type": OPERATORS[operator].0, "pattern": pattern}));
        }
        let value = json!({
            "name": "r", "enabled": true, "trigger": {"type": "a.b"}, "criteria": criteria, "action": {"ref": "a.b"},
        });
        let jinja = Jinja::default();
        if let (Some(rule), _) = Rule::from_value(&value, None, &jinja) {
            let payload = Arc::new(payload);
            let facts = Facts::new(&jinja, &payload, None, at(NOW));
            let verdict = rule.judge(&facts);
            let explanation = rule.explain(&facts);
            prop_assert_eq!(explanation.matched, verdict == Verdict::Match);
            let index = Index::new([Arc::new(rule)]);
            let judged = index.judge(&TriggerKey::of_type("a.b"), &facts);
            prop_assert_eq!(judged.first().map(|judged| judged.verdict.clone()), (verdict != Verdict::NoMatch).then_some(verdict));
        }
    }

    /// Whatever a file holds, it is a rule or there is an error.
    #[test]
    fn any_file_is_a_rule_or_refused(value in any_json(), key in prop::sample::select(vec!["criteria", "action", "trigger", "throttle", "dedup", "type", "tags", "webhook"])) {
        let mut rule = json!({"name": "r", "trigger": {"type": "core.st2.webhook"}, "action": {"ref": "a.b"}});
        rule[key] = value;
        let (rule, findings) = Rule::from_value(&rule, None, &Jinja::default());
        prop_assert_eq!(rule.is_none(), findings.iter().any(Finding::is_error));
    }

    /// In no window more runs than the limit, and every event is either run or reported.
    #[test]
    fn throttling_loses_nothing(events in prop::collection::vec((0_i64..50, 0..3_usize), 0..60), limit in 1_u32..4) {
        let mut windows = Windows::default();
        let (mut now, mut ran, mut reported) = (at(NOW), 0_u64, 0_u64);
        for (wait, group) in &events {
            now = now.plus_millis(wait * 1000);
            reported += windows.ended(now).iter().map(|report| report.suppressed).sum::<u64>();
            ran += u64::from(windows.admit(&group.to_string(), limit, 60, now) == Admission::Run);
        }
        reported += windows.ended(now.plus_millis(61_000)).iter().map(|report| report.suppressed).sum::<u64>();
        prop_assert_eq!(ran + reported, events.len() as u64);
        prop_assert!(windows.is_empty());
    }
}
