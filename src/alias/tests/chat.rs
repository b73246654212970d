//! The chat matcher: where it gives the reference's answer, and where it knows better.

use std::sync::Arc;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{rows, text};
use crate::alias::*;

fn definition(name: &str, formats: &Value) -> Arc<Definition> {
    let value = json!({"name": name, "action_ref": "web.run", "formats": formats});
    let (definition, problems) = Definition::from_value(&value, Some("web"));
    assert_eq!(problems, []);
    Arc::new(definition.unwrap())
}

fn matcher(aliases: &[(&str, Value)], declared: Option<&[&str]>) -> Matcher {
    let entries = aliases.iter().map(|(name, formats)| Entry {
        definition: definition(name, formats),
        declared: declared.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
    });
    let (matcher, problems) = Matcher::new(entries);
    assert_eq!(problems, []);
    matcher
}

/// Parameters of the one format for a message; null when it does not match.
fn chat(format: &str, message: &str, declared: &[&str]) -> Value {
    match matcher(&[("a", json!([format]))], Some(declared)).find(message) {
        Outcome::Matched(found) => Value::Object(found.parameters[0].clone()),
        Outcome::None { .. } => Value::Null,
        other => panic!("{format} × {message}: {other:?}"),
    }
}

/// Rows of the reference where chat gives another answer, with the answer it gives.
fn departures() -> Vec<(u64, Value)> {
    vec![
        // Case and blanks are forgiven.
        (11, json!({"cmd": "ls", "hosts": "web1"})),
        // Only declared keys make pairs: links, versions and options are text.
        (23, json!({"app": "env=prod"})),
        (33, json!({"text": "a=b c=d"})),
        (39, json!({"text": "http://x.y/?a=1&b=2"})),
        (40, json!({"text": "see http://x.y/?a=1"})),
        (70, json!({"verb": "scale", "args": "deploy web --replicas=3"})),
        (71, json!({"verb": "get", "args": "pods -n=kube"})),
        (81, json!({"a": "v"})),
        (94, json!({"x": "k=v"})),
        (112, json!({"packs": "st2=1.0"})),
        (113, json!({"packs": "x,st2=1.0"})),
        // Braces and quotations are read as a whole.
        (82, json!({"x": "1", "opts": "{\"a\": {\"b\": 1}}"})),
        (85, json!({"x": "1", "a": "x \"y\" z"})),
        (95, json!({"x": "a b k=v"})),
        // Blank defaults and padding are nothing.
        (45, json!({"pack": ""})),
        (72, Value::Null),
        (107, json!({"a": "1"})),
        (100, json!({"x": ""})),
        (101, Value::Null),
    ]
}

#[test]
fn rows_of_the_reference() {
    let departures = departures();
    for row in rows() {
        let number = row["row"].as_u64().unwrap();
        let (format, command) = (text(&row, "format"), text(&row, "command"));
        if row.get("error").is_some() && !matches!(number, 100 | 101) {
            continue;
        }
        // Declared are the pairs that the reference found, as far as they are names; not in the rows
        // that are about undeclared keys.
        let declared: Vec<String> = match (number, row["params"].as_object()) {
            (95, _) | (_, None) => Vec::new(),
            (_, Some(params)) => {
                let name = |key: &&String| key.chars().all(char::is_alphanumeric);
                params.keys().filter(name).cloned().collect()
            }
        };
        let declared: Vec<&str> = declared.iter().map(String::as_str).collect();
        let departure = departures.iter().find(|(known, _)| *known == number);
        let expected = departure.map_or_else(|| row["params"].clone(), |(_, expected)| expected.clone());
        assert_eq!(chat(format, command, &declared), expected, "{row}");
    }
}

#[test]
fn pairs_satisfy_required_parameters() {
    let formats = "deploy {{app}} to {{place}}";
    let declared = ["app", "place", "force"];
    assert_eq!(
        chat(formats, "deploy to prod app=web", &declared),
        json!({"app": "web", "place": "prod"})
    );
    assert_eq!(
        chat(formats, "Deploy  web to place=prod force=yes", &declared),
        json!({"app": "web", "place": "prod", "force": "yes"})
    );
    assert_eq!(
        chat("deploy {{app}}", "deploy app=web", &[]),
        json!({"app": "web"})
    );
    assert_eq!(
        chat("deploy {{app}}", "deploy force=yes", &["force"]),
        Value::Null
    );
    assert_eq!(
        chat("deploy {{app}}", "deploy force=yes", &[]),
        json!({"app": "force=yes"})
    );
}

#[test]
fn undeclared_actions_take_names_as_pairs() {
    let matcher = matcher(&[("a", json!(["deploy {{app}}"]))], None);
    let Outcome::Matched(found) = matcher.find("deploy web env=prod") else {
        panic!()
    };
    assert_eq!(
        Value::Object(found.parameters[0].clone()),
        json!({"app": "web", "env": "prod"})
    );
    let Outcome::Matched(found) = matcher.find("deploy http://x/?a=1") else {
        panic!()
    };
    assert_eq!(
        Value::Object(found.parameters[0].clone()),
        json!({"app": "http://x/?a=1"})
    );
}

#[test]
fn case_and_blanks_are_forgiven_in_the_format_only() {
    assert_eq!(
        chat("deploy {{app}} now", "DEPLOY   Web  Now", &[]),
        json!({"app": "Web"})
    );
    assert_eq!(
        chat("say {{text}}", "Say \"two  blanks\"", &[]),
        json!({"text": "two  blanks"})
    );
    assert_eq!(
        chat("jira (?P<key>[A-Z]+-\\d+)", "Jira ABC-1", &[]),
        json!({"key": "ABC-1"})
    );
    assert_eq!(chat("jira (?P<key>[A-Z]+-\\d+)", "Jira abc-1", &[]), Value::Null);
    let verbs = "(?P<verb>start|stop|restart) {{service}}";
    assert_eq!(
        chat(verbs, "Restart Nginx", &[]),
        json!({"verb": "restart", "service": "Nginx"})
    );
    assert_eq!(chat("^foo$", "foo", &[]), json!({}));
    assert_eq!(chat("Straße {{x}}", "STRAẞE 1", &[]), json!({"x": "1"}));
}

#[test]
fn exact_wins_over_lenient() {
    let matcher = matcher(
        &[("a", json!(["deploy {{x}}"])), ("b", json!(["Deploy {{y}}"]))],
        None,
    );
    let Outcome::Matched(found) = matcher.find("Deploy 1") else {
        panic!()
    };
    assert_eq!((found.alias.name.as_str(), found.how), ("b", How::Exact));
    let Outcome::Ambiguous {
        candidates, count: 2, ..
    } = matcher.find("DEPLOY 1")
    else {
        panic!()
    };
    assert_eq!(candidates[1].alias, "web.b");
}

#[test]
fn ambiguity_lists_the_candidates() {
    let formats = json!(["deploy {{x}}", "deploy {{x}} now"]);
    let matcher = matcher(&[("a", formats), ("b", json!(["deploy {{y}}"]))], None);
    let Outcome::Ambiguous {
        candidates,
        count,
        multiple,
    } = matcher.find("deploy web now")
    else {
        panic!()
    };
    let listed: Vec<&str> = candidates.iter().map(|c| c.representation.as_str()).collect();
    assert_eq!(listed, ["deploy {{x}}", "deploy {{x}} now", "deploy {{y}}"]);
    assert_eq!((count, multiple), (3, false));
}

#[test]
fn equal_readings_of_one_alias_are_no_ambiguity() {
    let formats = json!([{"display": "stop <s>", "representation": ["(stop|halt) {{s}}", "stop {{s}}"]}]);
    let matcher = matcher(&[("a", formats)], None);
    assert!(matches!(matcher.find("stop web"), Outcome::Matched(_)));
    assert!(matches!(
        matcher.find_strict("stop web"),
        Outcome::Ambiguous { count: 2, .. }
    ));
}

#[test]
fn multiple_formats_come_second_and_give_every_match() {
    let many = json!([{"display": "fix", "representation": ["(?:\\b|^)fix (?P<k>\\d+)(?:\\b|$)"], "match_multiple": true}]);
    let matcher = matcher(&[("many", many), ("one", json!(["fix 1 only"]))], Some(&["prio"]));
    let Outcome::Matched(found) = matcher.find("fix 1 and fix 2 prio=3") else {
        panic!()
    };
    let expected = [json!({"k": "1", "prio": "3"}), json!({"k": "2", "prio": "3"})];
    assert!(found.multiple);
    assert_eq!(
        found
            .parameters
            .into_iter()
            .map(Value::Object)
            .collect::<Vec<_>>(),
        expected
    );
    let Outcome::Matched(found) = matcher.find("fix 1 only") else {
        panic!()
    };
    assert_eq!((found.alias.name.as_str(), found.multiple), ("one", false));
    let Outcome::Matched(found) = matcher.find_strict("fix 1 and fix 2") else {
        panic!()
    };
    assert_eq!(found.parameters.len(), 2);
}

#[test]
fn help_only_formats_match_for_the_reference_alone() {
    let matcher = matcher(&[("h", json!([{"display": "how to ask"}]))], None);
    for message in ["", " ", "a=1"] {
        assert!(matches!(matcher.find(message), Outcome::None { .. }), "{message}");
        assert!(
            matches!(matcher.find_strict(message), Outcome::Matched(_)),
            "{message}"
        );
    }
}

#[test]
fn strict_is_the_reference_alone() {
    let matcher = matcher(&[("a", json!(["say {{text}}"]))], Some(&[]));
    let Outcome::Matched(found) = matcher.find_strict("say see http://x.y/?a=1") else {
        panic!()
    };
    assert_eq!(
        Value::Object(found.parameters[0].clone()),
        json!({"text": "see", "http://x.y/?a": "1"})
    );
    assert!(matches!(matcher.find_strict("Say hello"), Outcome::None { .. }));
}

#[test]
fn suggestions() {
    let aliases = [
        ("deploy", json!(["deploy {{app}} to {{place}}"])),
        ("restart", json!(["restart service {{name}}"])),
        (
            "status",
            json!([{"display": "status of <app>", "representation": ["status of {{app}}", "how is {{app}}"]}]),
        ),
        (
            "packs",
            json!(["pack install {{packs}}", "pack search {{query}}"]),
        ),
    ];
    let matcher = matcher(&aliases, None);
    let best = |message: &str| match matcher.find(message) {
        Outcome::None { nearest } => nearest.into_iter().next().map(|nearest| nearest.display),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        best("deplyo web prod").as_deref(),
        Some("deploy {{app}} to {{place}}")
    );
    assert_eq!(best("deploy").as_deref(), Some("deploy {{app}} to {{place}}"));
    assert_eq!(
        best("rest serv nginx").as_deref(),
        Some("restart service {{name}}")
    );
    assert_eq!(best("statsu of web").as_deref(), Some("status of <app>"));
    assert_eq!(best("pack instal").as_deref(), Some("pack install {{packs}}"));
    assert_eq!(best("good morning everybody"), None);
    let Outcome::None { nearest } = matcher.find("pack") else {
        panic!()
    };
    assert!(nearest.len() <= 3 && nearest[0].score >= nearest[1].score);
}

#[test]
fn one_broken_alias_leaves_the_rest() {
    let broken = Definition {
        formats: vec![
            FormatEntry::Text("go {{my-param}}".into()),
            FormatEntry::Text("went".into()),
        ],
        ..(*definition("broken", &json!(["x"]))).clone()
    };
    let entry = |definition: Arc<Definition>| Entry {
        definition,
        declared: None,
    };
    let twice = definition("good", &json!(["other"]));
    let entries = [Arc::new(broken), definition("good", &json!(["ping"])), twice].map(entry);
    let (matcher, problems) = Matcher::new(entries);
    let places: Vec<(&str, &str)> = problems
        .iter()
        .map(|p| (p.alias.as_str(), p.problem.path.as_str()))
        .collect();
    assert_eq!(
        places,
        [
            ("web.broken", "/formats/0/representation/0"),
            ("web.good", "/name")
        ]
    );
    assert!(
        problems[0]
            .problem
            .message
            .contains("bad character in group name 'my-param'")
    );
    assert!(matches!(matcher.find("ping"), Outcome::Matched(_)));
    assert!(matches!(matcher.find("went"), Outcome::Matched(_)));
    assert!(matches!(matcher.find("other"), Outcome::None { .. }));
}

#[test]
fn disabled_aliases_are_not_matched() {
    let off = Definition {
        enabled: false,
        ..(*definition("off", &json!(["ping"]))).clone()
    };
    let (matcher, _) = Matcher::new([Entry {
        definition: Arc::new(off),
        declared: None,
    }]);
    assert!(matcher.is_empty());
    assert!(matches!(matcher.find("ping"), Outcome::None { nearest } if nearest.is_empty()));
}

#[test]
fn limits() {
    let formats = json!(["(?P<x>(a+)+)\\2{{y}} never", "ping"]);
    let matcher = matcher(&[("slow", formats)], None);
    let long = "x".repeat(MAX_MESSAGE_BYTES + 1);
    assert!(matches!(
        matcher.find(&long),
        Outcome::Limit(Limit::Length { .. })
    ));
    let hostile = format!("{} never!", "a".repeat(5000));
    let Outcome::Limit(limit) = matcher.find(&hostile) else {
        panic!()
    };
    assert!(matches!(limit, Limit::Format { .. }), "{limit}");
    assert!(matches!(matcher.find("ping"), Outcome::Matched(_)));
}

#[test]
fn explanations_tell_sources() {
    let (definition, _) = Definition::from_value(
        &json!({"name": "d", "action_ref": "web.deploy", "formats": ["deploy {{app}} to {{env=staging}}"],
            "immutable_parameters": {"region": "{{ st2kv.system.region }}", "force": true}}),
        Some("web"),
    );
    let declared = ["app", "env", "force", "notify"].map(str::to_owned).to_vec();
    let entry = Entry {
        definition: Arc::new(definition.unwrap()),
        declared: Some(declared),
    };
    let (matcher, _) = Matcher::new([entry]);
    let explained = serde_json::to_value(matcher.explain("Deploy web to notify=ana force=no")).unwrap();
    assert_eq!(
        explained["verdict"],
        json!({
            "kind": "matched", "alias": "web.d", "display": "deploy {{app}} to {{env=staging}}",
            "representation": "deploy {{app}} to {{env=staging}}", "action": "web.deploy", "how": "lenient",
            "executions": [[
                {"name": "app", "value": "web", "from": "text"},
                {"name": "env", "value": "staging", "from": "default"},
                {"name": "notify", "value": "ana", "from": "pair"},
                {"name": "force", "value": "no", "from": "pair"},
                {"name": "region", "value": "{{ st2kv.system.region }}", "from": "immutable"},
            ]],
            "overridden": ["force"],
        })
    );
    let tried: Vec<(&str, bool)> = explained["tried"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tried| {
            (
                tried["how"].as_str().unwrap(),
                tried["matched"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(tried, [("exact", false), ("lenient", true)]);
    assert!(
        explained["tried"][0]["regex"]
            .as_str()
            .unwrap()
            .starts_with("^\\s*deploy ")
    );
}

#[test]
fn problems_of_a_file_have_places() {
    let value = json!({
        "name": "a", "action_ref": "web.a", "formts": [], "enabled": "yes",
        "formats": ["ok {{x}}", "(", {"display": "d", "representation": ["fine", "[", 3]}, 5, {}, {"representation": "r"}],
        "ack": {"enabled": false, "formt": "x"},
        "result": {"format": "{{ execution.status }}", "extra": {"slack": {"color": "good"}}},
    });
    let (definition, problems) = Definition::from_value(&value, Some("web"));
    let places: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    let expected = [
        "/formts",
        "/enabled",
        "/formats/1",
        "/formats/2/representation/1",
        "/formats/2/representation/2",
        "/formats/3",
        "/formats/4",
        "/ack/formt",
    ];
    assert_eq!(places, expected);
    assert_eq!(problems[0].hint.as_deref(), Some("did you mean `formats`?"));
    assert!(definition.is_none(), "unknown keys make an alias unusable");

    let mut good = value;
    good.as_object_mut().unwrap().remove("formts");
    let (definition, _) = Definition::from_value(&good, Some("web"));
    let definition = definition.unwrap();
    let representations: Vec<String> = definition
        .formats
        .iter()
        .flat_map(|format| format.normal().representations)
        .collect();
    assert_eq!(representations, ["ok {{x}}", "fine", "r"]);
    assert!(!definition.ack.as_ref().unwrap().enabled);
    let back = serde_json::to_value(&definition).unwrap();
    assert_eq!(back["result"]["extra"]["slack"]["color"], "good");
    assert_eq!(serde_json::from_value::<Definition>(back).unwrap(), definition);
}

#[test]
fn an_alias_without_name_or_action_is_refused() {
    let (definition, problems) = Definition::from_value(&json!({"formats": ["x"], "pack": "p"}), None);
    assert!(definition.is_none());
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages, ["`name` is missing", "`action_ref` is missing"]);
    assert!(Definition::from_value(&json!([1]), None).0.is_none());
    let (definition, problems) = Definition::from_value(
        &json!({"name": "n", "action_ref": "a.b", "formats": ["x"], "pack": "p"}),
        Some("q"),
    );
    assert!(definition.is_none() && problems[0].path == "/pack");
}
