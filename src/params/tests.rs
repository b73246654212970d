//! Answers of the reference's two passes, then what is ours: words, limits, masks, cost.

use std::sync::Arc;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Map, Value, json};

use super::*;
use crate::expr::jinja::{Jinja, KeyLookup, KeyScope};

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

fn compiled(runner: Value, action: Value) -> CompiledParameters {
    CompiledParameters::compile(&map(runner), &map(action)).expect("valid parameters")
}

fn run(runner: Value, action: Value, given: Value) -> Result<Map<String, Value>, ParamError> {
    live(
        &Jinja::default(),
        &ParamLimits::default(),
        &compiled(runner, action),
        map(given),
        Map::new(),
        &RenderContext::default(),
    )
}

fn refused(runner: Value, action: Value, given: Value) -> ParamError {
    run(runner, action, given).expect_err("should be refused")
}

/// Problems whose words in the reference are Python's and hold addresses or line numbers.
fn words_differ(message: &str) -> bool {
    message.starts_with("malformed node")
        || message.contains("(<unknown>")
        || message.contains("never closed")
        || message.contains("NoneType")
}

#[test]
fn both_passes_answer_as_the_reference() {
    let (jinja, limits) = (Jinja::default(), ParamLimits::default());
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in include_str!("../../tests/data/expr/params.jsonl").lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        count += 1;
        let compiled = compiled(row["runner"].clone(), row["action"].clone());
        let context = RenderContext {
            action_context: Arc::new(row["action_context"].clone()),
            config_context: Arc::new(row["config"].clone()),
            keys: None,
            given_keys: None,
            extra: map(row["extra"].clone())
                .into_iter()
                .map(|(name, value)| (name, Arc::new(value)))
                .collect(),
        };
        let mut check = |pass: &str, found: Result<Map<String, Value>, ParamError>| {
            let (wanted, error) = (
                row.get(pass),
                row.get(format!("{pass}_error")).and_then(Value::as_str),
            );
            let fine = match (&found, wanted, error) {
                (Ok(found), Some(wanted), _) => found == wanted.as_object().unwrap(),
                (Err(found), None, Some(error)) => found.message == error || words_differ(error),
                _ => false,
            };
            if !fine {
                let wanted = wanted.map_or_else(|| format!("error {error:?}"), Value::to_string);
                wrong.push(format!(
                    "{} {}\n  {pass} wanted {wanted}\n  found {found:?}",
                    row["action"], row["given"]
                ));
            }
            found.ok()
        };
        let Some(stored) = check(
            "live",
            render_live(&jinja, &limits, &compiled, map(row["given"].clone()), &context),
        ) else {
            continue;
        };
        check(
            "final",
            final_params(&jinja, &limits, &compiled, stored, &context),
        );
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 120, "{count}");
}

#[rstest]
#[case::missing(json!({"x": {"type": "integer", "required": true}}), json!({}), "'x' is a required property", ParamErrorKind::Missing)]
#[case::bad_type(json!({"x": {"type": "integer"}}), json!({"x": "abc"}), "invalid literal for int() with base 10: 'abc'", ParamErrorKind::Cast)]
#[case::immutable(json!({"x": {"type": "integer"}, "cmd": {"immutable": true, "default": "id"}}), json!({"x": 1, "cmd": "id"}), "Override of immutable parameter(s) ['cmd'] is unsupported.", ParamErrorKind::Immutable)]
#[case::unknown_variable(json!({"cmd": {"type": "string"}}), json!({"cmd": "{{ nosuch.var }}"}), "Dependency unsatisfied in variable \"nosuch\"", ParamErrorKind::Dependency)]
#[case::undeclared(json!({"x": {"type": "integer"}}), json!({"foo": 1}), "Additional properties are not allowed ('foo' was unexpected)", ParamErrorKind::Unknown)]
#[case::undeclared_two(json!({"x": {"type": "integer"}}), json!({"foo": 1, "bar": 2}), "Additional properties are not allowed ('foo', 'bar' were unexpected)", ParamErrorKind::Unknown)]
#[case::one_as_boolean(json!({"b": {"type": "boolean"}}), json!({"b": "1"}), "1 is not of type 'boolean', 'null'", ParamErrorKind::Invalid)]
#[case::enumeration(json!({"e": {"type": "string", "enum": ["red", "blue"]}}), json!({"e": "blu"}), "'blu' is not one of ['red', 'blue']", ParamErrorKind::Invalid)]
#[case::minimum(json!({"n": {"type": "integer", "minimum": 1}}), json!({"n": 0}), "0 is less than the minimum of 1", ParamErrorKind::Invalid)]
#[case::maximum(json!({"n": {"type": "integer", "maximum": 3}}), json!({"n": 4}), "4 is greater than the maximum of 3", ParamErrorKind::Invalid)]
#[case::pattern(json!({"s": {"type": "string", "pattern": "^a"}}), json!({"s": "b"}), "'b' does not match '^a'", ParamErrorKind::Invalid)]
#[case::too_long(json!({"s": {"type": "string", "maxLength": 2}}), json!({"s": "abc"}), "'abc' is too long", ParamErrorKind::Invalid)]
#[case::required_null(json!({"s": {"type": "string", "required": true}}), json!({"s": null}), "None is not of type 'string'", ParamErrorKind::Invalid)]
#[case::nested_required(json!({"o": {"type": "object", "properties": {"k": {"type": "string", "required": true}}}}), json!({"o": {}}), "'k' is a required property", ParamErrorKind::Missing)]
#[case::nested_type(json!({"l": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "integer"}}}}}), json!({"l": [{"k": "x"}]}), "'x' is not of type 'integer', 'null'", ParamErrorKind::Invalid)]
fn requests_are_refused_in_the_reference_s_words(
    #[case] action: Value,
    #[case] given: Value,
    #[case] message: &str,
    #[case] kind: ParamErrorKind,
) {
    let error = refused(json!({}), action, given);
    assert_eq!((error.message.as_str(), error.kind), (message, kind));
}

#[test]
fn what_the_reference_accepts_is_accepted() {
    let rows = [
        // An action without any parameters takes anything.
        (json!({}), json!({"foo": 1})),
        (json!({"s": {"type": "string"}}), json!({"s": null})),
        (
            json!({"s": {"type": "string", "required": true, "default": "x"}}),
            json!({}),
        ),
        (
            json!({"s": {"type": "string", "enum": ["a"]}}),
            json!({"s": null}),
        ),
        (json!({"s": {"enum": ["a", 1]}}), json!({"s": 1})),
        (json!({"s": {"type": ["string", "integer"]}}), json!({"s": 1})),
        (
            json!({"s": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}),
            json!({"s": null}),
        ),
        (
            json!({"o": {"type": "object", "properties": {"k": {"type": "string", "required": true, "default": "d"}}}}),
            json!({"o": {}}),
        ),
        (
            json!({"o": {"type": "object", "properties": {"k": {"type": "string"}}, "required": ["k"]}}),
            json!({"o": {"k": "v"}}),
        ),
        (
            json!({"s": {"type": "string", "format": "email"}}),
            json!({"s": "no mail"}),
        ),
    ];
    for (action, given) in rows {
        let found = run(json!({}), action.clone(), given.clone());
        assert_eq!(found.map(Value::Object), Ok(given), "{action}");
    }
}

#[test]
fn errors_name_the_parameter_the_value_and_the_nearest_name() {
    let action = json!({"hosts": {"type": "string"}, "count": {"type": "integer"}});
    let error = refused(json!({}), action.clone(), json!({"host": "x"}));
    assert_eq!(error.parameter.as_deref(), Some("host"));
    assert_eq!(error.hint.as_deref(), Some("did you mean 'hosts'?"));
    let error = refused(json!({}), action.clone(), json!({"count": "many"}));
    assert_eq!(
        error.explain(),
        "parameter 'count', given 'many': invalid literal for int() with base 10: 'many'; give a whole number"
    );
    let error = refused(
        json!({}),
        action.clone(),
        json!({"hosts": "{{ cuont }}", "count": 1}),
    );
    assert_eq!(error.hint.as_deref(), Some("did you mean 'count'?"));
    let error = refused(
        json!({}),
        action.clone(),
        json!({"hosts": "{{ count | uper }}", "count": 1}),
    );
    assert_eq!(error.hint.as_deref(), Some("did you mean 'upper'?"));
    let circle = json!({"hosts": "{{ a }}", "a": "{{ b }}", "b": "{{ a }}"});
    let error = refused(json!({}), action, circle);
    assert_eq!(error.hint.as_deref(), Some("each needs the next: a -> b -> a"));
    let nested = json!({"l": {"type": "array", "items": {"properties": {"k": {"type": "integer"}}}}});
    let error = refused(json!({}), nested, json!({"l": [{"k": 1}, {"k": "x"}]}));
    assert_eq!(error.parameter.as_deref(), Some("l[1].k"));
}

#[test]
fn errors_never_hold_secret_values() {
    let action = json!({
        "pin": {"type": "integer", "secret": true},
        "word": {"type": "string", "secret": true, "enum": ["a"]},
        "deep": {"type": "object", "properties": {"key": {"type": "string", "secret": true}}},
        "out": {"type": "string"},
    });
    for given in [
        json!({"pin": "hunter2"}),
        json!({"word": "hunter2"}),
        json!({"word": ["hunter2"]}),
        json!({"deep": "hunter2"}),
        json!({"deep": {"key": ["hunter2"]}}),
        json!({"word": "hunter2", "out": "{{ word | version_bump_major }}"}),
        json!({"word": "hunter2", "out": "{{ word | from_json_string }}"}),
        json!({"deep": {"key": "hunter2"}, "out": "{{ deep.key | version_strip_patch }}"}),
    ] {
        let error = refused(json!({}), action.clone(), given.clone());
        let all = format!("{error:?} {}", error.explain());
        assert!(!all.contains("hunter2"), "{given}: {all}");
    }
}

#[test]
fn secrets_are_masked_deep() {
    let parameters = compiled(
        json!({}),
        json!({
            "password": {"type": "string", "secret": true},
            "user": {"type": "string"},
            "login": {"type": "object", "properties": {"token": {"secret": true}, "name": {"type": "string"}}},
            "hosts": {"type": "array", "items": {"type": "object", "properties": {"key": {"secret": true}}}},
            "pins": {"type": "array", "items": {"type": "string", "secret": true}},
            "env": {"type": "object", "additionalProperties": {"secret": true}},
            "all": {"type": "object", "secret": true},
            "some": {"type": "object", "patternProperties": {"^pw_": {"secret": true}}},
        }),
    );
    let values = map(json!({
        "password": null, "user": "ana", "login": {"token": "t", "name": "n"}, "hosts": [{"key": 1, "ip": 2}],
        "pins": ["1", "2"], "env": {"A": "x"}, "all": {"k": 1}, "some": {"pw_a": 1, "b": 2}, "other": "o"
    }));
    assert_eq!(
        Value::Object(mask(&values, &parameters)),
        json!({
            "password": MASK, "user": "ana", "login": {"token": MASK, "name": "n"}, "hosts": [{"key": MASK, "ip": 2}],
            "pins": [MASK, MASK], "env": {"A": MASK}, "all": MASK, "some": {"pw_a": MASK, "b": 2}, "other": "o"
        })
    );
    assert_eq!(
        parameters.secret_paths(),
        [
            "password",
            "login.token",
            "hosts[].key",
            "pins[]",
            "env.*",
            "all",
            "some./^pw_/"
        ]
    );
}

#[test]
fn results_are_masked_by_their_schema() {
    let object = json!({"type": "object", "properties": {"token": {"type": "string", "secret": true}}});
    assert_eq!(
        mask_result(
            &json!({"result": {"token": "t", "a": 1}, "exit_code": 0}),
            &object,
            Some("result")
        ),
        json!({"result": {"token": MASK, "a": 1}, "exit_code": 0})
    );
    assert_eq!(
        mask_result(
            &json!({"token": "t"}),
            &json!({"token": {"type": "string", "secret": true}}),
            None
        ),
        json!({"token": MASK})
    );
    let scalar = json!({"type": "string", "secret": true});
    assert_eq!(
        mask_result(&json!({"stdout": "x"}), &scalar, Some("stdout")),
        json!({"stdout": MASK})
    );
    let list = json!({"type": "array", "items": {"type": "string", "secret": true}});
    assert_eq!(mask_result(&json!(["a"]), &list, None), json!([MASK]));
    assert_eq!(
        mask_result(&json!({"x": 1}), &json!({}), Some("result")),
        json!({"x": 1})
    );
}

#[rstest]
#[case::override_type(json!({"cmd": {"type": "string"}}), json!({"cmd": {"type": "integer"}}), "parameters.cmd.type", "cannot be overridden")]
#[case::undo_immutable(json!({"sudo": {"immutable": true, "default": false}}), json!({"sudo": {"immutable": false}}), "parameters.sudo.immutable", "cannot undo")]
#[case::duplicate_position(json!({"a": {"position": 0}}), json!({"b": {"position": 0}}), "parameters.a.position", "Duplicate position")]
#[case::gap(json!({}), json!({"a": {"position": 0}, "b": {"position": 2}}), "parameters.b.position", "not sequential")]
#[case::from_one(json!({}), json!({"a": {"position": 1}}), "parameters.a.position", "not sequential")]
#[case::immutable_without_default(json!({}), json!({"a": {"immutable": true}}), "parameters.a.immutable", "needs a default")]
#[case::bad_name(json!({}), json!({"a-b": {}}), "parameters.a-b", "no name")]
#[case::bad_type(json!({}), json!({"a": {"type": "str"}}), "parameters.a.type", "no type")]
#[case::typo(json!({}), json!({"a": {"requried": true}}), "parameters.a.requried", "no attribute")]
#[case::required_text(json!({}), json!({"a": {"required": "yes"}}), "parameters.a.required", "true or false")]
#[case::remote_ref(json!({}), json!({"a": {"$ref": "http://example.com/s.json"}}), "parameters.a.$ref", "inside this schema")]
#[case::bad_pattern(json!({}), json!({"a": {"type": "string", "pattern": "("}}), "parameters", "no valid JSON schema")]
#[case::no_object(json!({}), json!({"a": "string"}), "parameters.a", "described by an object")]
#[case::empty_enum(json!({}), json!({"a": {"enum": []}}), "parameters.a.enum", "allowed values")]
#[case::deep(json!({}), json!({"a": {"properties": {"b": {"items": {"type": "strin"}}}}}), "parameters.a.properties.b.items.type", "no type")]
fn wrong_declarations_are_problems_with_a_path(
    #[case] runner: Value,
    #[case] action: Value,
    #[case] path: &str,
    #[case] message: &str,
) {
    let problems = CompiledParameters::compile(&map(runner), &map(action)).expect_err("a problem");
    assert!(
        problems
            .iter()
            .any(|p| p.path == path && p.message.contains(message)),
        "{problems:?}"
    );
}

#[test]
fn an_action_overrides_what_its_runner_allows() {
    let runner = json!({"cmd": {"type": "string"}, "timeout": {"type": "integer", "default": 60}});
    let action =
        json!({"name": {"type": "string", "position": 0}, "timeout": {"default": 5, "description": "s"}});
    let (merged, problems) = merge_schema(&map(runner), &map(action));
    assert_eq!(problems, []);
    assert_eq!(
        Value::Object(merged),
        json!({
            "name": {"type": "string", "position": 0},
            "timeout": {"type": "integer", "default": 5, "description": "s"},
            "cmd": {"type": "string"}
        })
    );
}

#[test]
fn a_default_that_its_schema_refuses_is_a_warning() {
    let parameters = compiled(
        json!({}),
        json!({"a": {"type": "string", "default": 5}, "b": {"type": "string", "enum": ["x"], "default": "y"},
               "c": {"type": "integer", "default": "{{ x }}"}, "d": {"type": "integer", "default": "4"}}),
    );
    let paths: Vec<&str> = parameters
        .warnings()
        .iter()
        .map(|warning| warning.path.as_str())
        .collect();
    assert_eq!(paths, ["parameters.a.default", "parameters.b.default"]);
}

#[test]
fn limits_refuse_politely() {
    let many: Map<String, Value> = (0..10_000).map(|n| (format!("p{n}"), json!(n))).collect();
    let error = refused(json!({}), json!({}), Value::Object(many));
    assert_eq!(
        error.message,
        "too many parameters: 10000 were given and at most 1000 are allowed"
    );
    let deep = (0..65).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(
        refused(json!({}), json!({}), json!({"a": deep})).kind,
        ParamErrorKind::Limit
    );
    let fine = (0..64).fold(json!(1), |inner, _| json!([inner]));
    assert!(run(json!({}), json!({}), json!({"a": fine})).is_ok());
    let large = "x".repeat(9 * 1024 * 1024);
    assert!(
        refused(json!({}), json!({}), json!({"a": large}))
            .message
            .contains("too large")
    );
    let chain: Map<String, Value> = (0..900)
        .map(|n| (format!("p{n}"), json!(format!("{{{{ p{} }}}}", (n + 1) % 901))))
        .collect();
    let error = refused(json!({}), json!({"x": {}}), Value::Object(chain));
    assert_eq!(error.message, "Dependency unsatisfied in variable \"p900\"");
}

struct Keys;

impl KeyLookup for Keys {
    fn get(&self, scope: KeyScope, key: &str) -> Option<String> {
        match (scope, key) {
            (KeyScope::System, "a") => Some("one".into()),
            (KeyScope::System, "a.b") => Some("two".into()),
            (KeyScope::User, "a") => Some("mine".into()),
            (KeyScope::System, "s") => Some("c2VjcmV0".into()),
            _ => None,
        }
    }

    fn decrypt(&self, ciphertext: &str) -> Result<String, String> {
        if ciphertext == "c2VjcmV0" {
            Ok("secret".into())
        } else {
            Err("this is no ciphertext".into())
        }
    }
}

#[test]
fn the_datastore_is_looked_up_by_name() {
    let context = RenderContext {
        keys: Some(Arc::new(Keys)),
        ..RenderContext::default()
    };
    let template = "{{ st2kv.system.a }} {{ st2kv.system.a.b }} {{ st2kv.user['a'] }} [{{ st2kv.system.none }}] \
                    {{ st2kv.system.a | upper }} {{ st2kv.system.s }} {{ st2kv.system.s | decrypt_kv }}";
    let found = live(
        &Jinja::default(),
        &ParamLimits::default(),
        &compiled(json!({}), json!({"a": {"type": "string"}})),
        map(json!({"a": template})),
        Map::new(),
        &context,
    );
    assert_eq!(found.unwrap()["a"], "one two mine [] ONE c2VjcmV0 secret");
}

#[test]
fn plain_requests_never_touch_the_engine() {
    // A template engine with no fuel at all fails on any template, so these can only pass without one.
    let jinja = Jinja::new(crate::expr::jinja::Limits {
        fuel: 0,
        ..Default::default()
    });
    let limits = ParamLimits::default();
    let context = RenderContext::default();
    let noop = compiled(json!({}), json!({}));
    assert_eq!(
        live(&jinja, &limits, &noop, Map::new(), Map::new(), &context),
        Ok(Map::new())
    );
    let local = compiled(
        json!({"cmd": {"type": "string"}, "timeout": {"type": "integer", "default": 60}, "env": {"type": "object"}}),
        json!({"cmd": {"required": true}, "sudo": {"type": "boolean", "default": false, "immutable": true}}),
    );
    let stored = live(
        &jinja,
        &limits,
        &local,
        map(json!({"cmd": "date"})),
        Map::new(),
        &context,
    )
    .unwrap();
    assert_eq!(Value::Object(stored.clone()), json!({"cmd": "date"}));
    let all = final_params(&jinja, &limits, &local, stored, &context).unwrap();
    let (runner, action) = local.split(all);
    assert_eq!(
        Value::Object(runner),
        json!({"cmd": "date", "timeout": 60, "env": null})
    );
    assert_eq!(Value::Object(action), json!({"sudo": false}));
    let template = live(
        &jinja,
        &limits,
        &local,
        map(json!({"cmd": "{{ 1 }}"})),
        Map::new(),
        &context,
    );
    assert!(template.expect_err("no fuel").message.contains("too many steps"));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|float| json!(float)),
        "[a-c{}% |'\"\\[\\].()é\n-]{0,24}".prop_map(Value::from),
        prop_oneof![
            "\\{\\{ ?[abc] ?\\}\\}",
            "\\{% if [abc] %\\}x\\{% endif %\\}",
            "\\{\\{ [abc] \\| (int|upper|to_yaml_string|regex_replace\\('x', '\\\\\\\\1'\\)) \\}\\}"
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-d{}]{1,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(crate::testing::cases(400))]

    #[test]
    fn any_request_is_answered(
        given in prop::collection::hash_map("[abcd]", any_value(), 0..4),
        kinds in prop::collection::vec(0usize..7, 3),
        default in any_value(),
    ) {
        let types = ["string", "integer", "number", "boolean", "array", "object", "null"];
        let mut action = Map::new();
        for (name, kind) in ["a", "b", "c"].iter().zip(&kinds) {
            action.insert((*name).to_owned(), json!({"type": types[*kind], "default": default}));
        }
        let parameters = CompiledParameters::compile(&Map::new(), &action).expect("valid parameters");
        let (jinja, limits, context) = (Jinja::default(), ParamLimits::default(), RenderContext::default());
        let given: Map<String, Value> = given.into_iter().collect();
        let _ = mask(&given, &parameters);
        if let Ok(stored) = live(&jinja, &limits, &parameters, given, Map::new(), &context)
            && let Ok(all) = final_params(&jinja, &limits, &parameters, stored, &context) {
                prop_assert_eq!(all.len(), 3);
            }
    }

    #[test]
    fn any_declaration_is_compiled_or_refused(schema in any_value(), other in any_value()) {
        let runner = map(json!({"a": other}));
        let action = map(json!({"a": schema, "b": {"properties": {"x": schema}, "enum": schema}}));
        let _ = CompiledParameters::compile(&runner, &action);
    }
}
