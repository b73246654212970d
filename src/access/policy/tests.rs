//! Decisions by settings, as people write them.

use serde_json::json;

use super::*;
use crate::model::{JsonMap, Timestamp};

const SETTINGS: &str = r##"
admins = ["ana"]

[[allow]]
name = "deployers"
who = ["bo", "cy"]
actions = "deploy.*"
where = ["#ops", "console"]

[[allow]]
who = "bo"
actions = ["core.remote"]
parameters = { hosts = "web*", port = [80, 443] }

[[allow]]
who = "*"
aliases = ["fun.*"]
"##;

fn policy(text: &str) -> Policy {
    Policy::new(toml::from_str(text).unwrap()).unwrap()
}

pub(in crate::access) fn action(reference: &str) -> Action {
    let (pack, name) = reference.split_once('.').unwrap();
    Action {
        reference: reference.to_owned(),
        pack: pack.to_owned(),
        name: name.to_owned(),
        description: String::new(),
        enabled: true,
        runner_type: if pack == "sayso" {
            BUILTIN.to_owned()
        } else {
            "noop".to_owned()
        },
        entry_point: name.to_owned(),
        parameters: JsonMap::new(),
        output_schema: JsonMap::new(),
        tags: json!([]),
        notify: json!({}),
        metadata_file: String::new(),
        idempotent: false,
        read_only: false,
        approval: None,
        deadline_seconds: None,
        pack_dir: None,
        pack_version: String::new(),
        digest: String::new(),
        entry_point_text: None,
    }
}

fn ops() -> Place {
    Place {
        gateway: "slack:default".into(),
        conversation: "C1".into(),
        thread: None,
        name: Some("#ops".into()),
    }
}

fn decide(
    policy: &Policy,
    user: &str,
    reference: &str,
    alias: Option<&str>,
    parameters: &serde_json::Value,
    place: Option<&Place>,
) -> Decision {
    let parameters = parameters.as_object().unwrap().clone();
    policy.decide(&Ask {
        identity: &policy.identity(user, "token"),
        action: &action(reference),
        alias,
        parameters: &parameters,
        place,
        now: Timestamp::from_micros(0),
    })
}

#[test]
fn what_no_rule_allows_is_refused_with_the_nearest_rule() {
    let policy = policy(SETTINGS);
    let (none, ops) = (json!({}), ops());
    for (user, action, alias, parameters, place, allowed, reason) in [
        (
            "ana",
            "core.local",
            None,
            &none,
            None,
            true,
            "ana has the role admin",
        ),
        ("admin", "core.local", None, &none, None, true, "role admin"),
        (
            "bo",
            "deploy.web",
            None,
            &none,
            Some(&ops),
            true,
            "rule `deployers` allows",
        ),
        (
            "bo",
            "deploy.web",
            None,
            &none,
            None,
            false,
            "only in #ops, console; ana could allow it",
        ),
        (
            "dee",
            "deploy.web",
            None,
            &none,
            Some(&ops),
            false,
            "no rule allows dee to run deploy.web; ana could",
        ),
        (
            "bo",
            "core.remote",
            None,
            &json!({"hosts": "web1", "port": 443}),
            None,
            true,
            "rule 2",
        ),
        (
            "bo",
            "core.remote",
            None,
            &json!({"hosts": ["web1", "web2"], "port": 80}),
            None,
            true,
            "rule 2",
        ),
        (
            "bo",
            "core.remote",
            None,
            &json!({"hosts": ["web1", "db1"], "port": 80}),
            None,
            false,
            "only with hosts = web*",
        ),
        (
            "bo",
            "core.remote",
            None,
            &json!({"hosts": [], "port": 80}),
            None,
            false,
            "only with hosts = web*",
        ),
        (
            "bo",
            "core.remote",
            None,
            &json!({"hosts": "web1"}),
            None,
            false,
            "only with port = one of 80, 443",
        ),
        (
            "dee",
            "core.local",
            Some("fun.cat"),
            &none,
            Some(&ops),
            true,
            "rule 3",
        ),
        (
            "dee",
            "core.local",
            Some("ops.cat"),
            &none,
            Some(&ops),
            false,
            "no rule",
        ),
        ("dee", "sayso.help", None, &none, None, true, "open to everybody"),
        ("dee", "sayso.cancel", None, &none, None, false, "no rule"),
    ] {
        let decision = decide(&policy, user, action, alias, parameters, place);
        assert_eq!(decision.allowed, allowed, "{user} {action}: {}", decision.reason);
        assert!(decision.reason.contains(reason), "{}", decision.reason);
    }
}

#[test]
fn a_refusal_never_tells_the_value() {
    let decision = decide(
        &policy(SETTINGS),
        "bo",
        "core.remote",
        None,
        &json!({"hosts": "hunter2", "port": 80}),
        None,
    );
    assert!(!decision.reason.contains("hunter2"), "{}", decision.reason);
}

#[test]
fn closed_is_the_default_and_open_lets_everybody() {
    let none = json!({});
    assert!(!decide(&policy(""), "bo", "core.local", None, &none, None).allowed);
    assert!(decide(&policy("mode = \"open\""), "bo", "core.local", None, &none, None).allowed);
    assert!(!policy("mode = \"open\"").identity("bo", "token").is_admin());
}

#[test]
fn help_shows_what_could_be_allowed() {
    let policy = policy(SETTINGS);
    let bo = policy.identity("bo", "slack");
    assert!(policy.could(&bo, &action("core.remote"), Some(&ops())));
    assert!(policy.could(&bo, &action("deploy.web"), None));
    assert!(!policy.could(
        &bo,
        &action("deploy.web"),
        Some(&Place {
            gateway: "discord:x".into(),
            ..Place::default()
        })
    ));
    let dee = policy.identity("dee", "slack");
    assert!(!policy.could(&dee, &action("deploy.web"), None));
    // A rule about aliases opens what they run, by saying them only.
    assert!(!policy.could(&dee, &action("core.local"), None));
    assert!(!policy.could_say(&dee, "ops.deploy", &action("core.local"), None));
    assert!(policy.could_say(&dee, "fun.joke", &action("core.local"), None));
    assert!(policy.could_say(&bo, "any.alias", &action("deploy.web"), Some(&ops())));
}

#[test]
fn what_is_not_understood_is_an_error() {
    for (text, complaint) in [
        ("admin = [\"ana\"]", "unknown field `admin`"),
        ("mode = \"opne\"", "unknown variant `opne`"),
        (
            "[[allow]]\nwho = \"bo\"\nactions = \"*\"\nplace = \"#ops\"",
            "unknown field `place`",
        ),
    ] {
        let error = toml::from_str::<AccessOptions>(text).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
    let problems = Policy::new(toml::from_str("[[allow]]\nname = \"x\"").unwrap()).unwrap_err();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("rule `x`: `who` is missing"));
}
