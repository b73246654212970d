//! Rules, triggers, sensors and policies of packs: loading, reloading, lint, and the example rules with payloads as they are sent.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::tests::{Site, shown};
use super::*;
use crate::expr::jinja::Jinja;
use crate::model::{JsonMap, Severity, Timestamp};
use crate::params::{CompiledParameters, ParamLimits};
use crate::rules::{Facts, Surroundings, Verdict};
use crate::triggers::webhook;

const RULE: &str = "\
name: r
enabled: true
trigger:
  type: core.st2.webhook
  parameters:
    url: x
action:
  ref: web.good
";

fn load(site: &Site) -> Content {
    Content::load(site.options(), Checks::default())
}

fn told(content: &Content) -> Vec<String> {
    let snapshot = content.snapshot();
    let problems = snapshot.problems.iter();
    problems
        .map(|problem| {
            format!(
                "{}:{}:{} {} | {}",
                problem.file, problem.line, problem.column, problem.message, problem.hint
            )
        })
        .collect()
}

#[test]
fn a_pack_gives_rules_triggers_sensors_and_policies() {
    let site = Site::new();
    site.write("packs/web/rules/r.yaml", RULE);
    site.write("packs/web/triggers/t.yaml", "name: t\npack: web\n");
    site.write(
        "packs/web/sensors/s.yaml",
        "class_name: S\nentry_point: s.py\ntrigger_types:\n  - name: long\n",
    );
    site.write(
        "packs/web/policies/p.yaml",
        "name: p\nresource_ref: web.good\npolicy_type: action.concurrency\nparameters:\n  threshold: 1\n",
    );
    site.write(
        "packs/web/rules/own.yaml",
        "name: own\nenabled: false\ntrigger:\n  type: web.long\naction:\n  ref: web.good\n",
    );
    site.write("packs/web/sensors/s.py", "");
    let content = load(&site);
    let snapshot = content.snapshot();
    assert_eq!(shown(&snapshot.problems), "");
    assert_eq!(snapshot.rules.keys().collect::<Vec<_>>(), ["web.own", "web.r"]);
    assert!(snapshot.rules["web.r"].enabled);
    assert_eq!(snapshot.rules["web.r"].metadata_file, "rules/r.yaml");
    assert!(snapshot.trigger_types.contains_key("web.t"));
    assert!(snapshot.trigger_types.contains_key("web.long"));
    assert!(snapshot.trigger_types.contains_key("core.st2.CronTimer"));
    assert!(snapshot.sensors.contains_key("web.S"));
    assert_eq!(snapshot.policies_of("web.good").count(), 1);

    // A broken file keeps what was there; a changed one is told.
    site.write("packs/web/rules/r.yaml", RULE.replace("trigger:", "triger:"));
    site.write("packs/web/policies/p.yaml", "name: p\n");
    site.write(
        "packs/web/triggers/t.yaml",
        "name: t\ndescription: now with words\n",
    );
    site.remove("packs/web/sensors/s.yaml");
    let report = content.reload();
    assert_eq!(report.kept, ["policy web.p", "rule web.r"]);
    assert_eq!(report.changed, ["trigger web.t"]);
    assert_eq!(report.removed, ["trigger web.long", "sensor web.S"]);
    let snapshot = content.snapshot();
    assert!(snapshot.rules.contains_key("web.r"));
    assert_eq!(snapshot.policies.len(), 1);
}

#[test]
fn overrides_switch_rules_and_sensors() {
    let site = Site::new();
    site.write("packs/web/rules/r.yaml", RULE);
    site.write("packs/web/sensors/s.yaml", "class_name: S\nentry_point: s.py\n");
    site.write("packs/web/sensors/s.py", "");
    site.write(
        "overrides/web.yaml",
        "rules:\n  exceptions:\n    r:\n      enabled: false\nsensors:\n  defaults:\n    enabled: false\n",
    );
    let snapshot = load(&site).snapshot();
    assert!(!snapshot.rules["web.r"].enabled);
    assert!(!snapshot.sensors["web.S"].enabled);
}

#[test]
fn mistakes_are_told_with_line_and_column() {
    let with = |from: &str, to: &str| {
        let site = Site::new();
        assert!(RULE.contains(from));
        site.write("packs/web/rules/r.yaml", RULE.replace(from, to));
        told(&load(&site))
    };
    for (from, to, expected) in [
        (
            "core.st2.webhook",
            "core.st2.webhok",
            "web/rules/r.yaml:4:9 there is no trigger type `core.st2.webhok` | did you mean `core.st2.webhook`?",
        ),
        (
            "url: x",
            "url: \"a b\"",
            "web/rules/r.yaml:6:10 ' ' cannot be part of the URL of a webhook | write the part behind /v1/webhooks/, like monitoring/alerts",
        ),
        (
            "web.good",
            "web.god",
            "web/rules/r.yaml:8:8 the rule runs `web.god`, but there is no such action | did you mean `web.good`?",
        ),
        (
            "enabled: true\n",
            "enabled: true\ncriteria:\n  trigger.body.x:\n    type: equal\n    pattern: 1\n",
            "web/rules/r.yaml:5:11 there is no operator `equal` | did you mean `equals`?",
        ),
        (
            "enabled: true\n",
            "enabled: true\nthrottle: 1 every 5m\n",
            "web/rules/r.yaml:3:11 `throttle`: `per` is missing in `1 every 5m` | write `throttle: 1 per 5m` or `throttle: 3 per 1h by trigger.body.host`",
        ),
        (
            "name: r\n",
            "name: r\nenabeld: yes\n",
            "web/rules/r.yaml:2:1 unknown key `enabeld` | did you mean `enabled`?",
        ),
    ] {
        assert_eq!(with(from, to), [expected]);
    }
    let site = Site::new();
    site.write("packs/web/rules/r.yaml", RULE);
    site.write("packs/web/rules/again.yml", RULE);
    assert_eq!(
        told(&load(&site)),
        [
            "web/rules/r.yaml:1:7 there is a rule `web.r` already | it is in rules/again.yml: rename one of them"
        ]
    );
    // What can never work is not in force.
    let site = Site::new();
    site.write("packs/web/rules/r.yaml", RULE.replace("url: x", "ulr: x"));
    let content = load(&site);
    assert_eq!(told(&content).len(), 1);
    assert!(content.snapshot().rules.is_empty());
}

#[test]
fn policies_and_sensors_are_checked_against_what_they_name() {
    let site = Site::new();
    site.write(
        "packs/web/actions/restart.yaml",
        "name: restart\nrunner_type: noop\nparameters:\n  service:\n    type: string\n",
    );
    let policy = |resource: &str, attribute: &str| {
        format!(
            "name: p\nresource_ref: {resource}\npolicy_type: action.concurrency.attr\n\
             parameters:\n  threshold: 1\n  attributes:\n    - {attribute}\n"
        )
    };
    site.write("packs/web/policies/p.yaml", policy("web.restart", "servce"));
    site.write("packs/web/sensors/queue_sensor.py", "");
    site.write(
        "packs/web/sensors/s.yaml",
        "class_name: S\nentry_point: queue_sensr.py\n",
    );
    let checks = Checks::new([("noop".to_owned(), Vec::new())].into(), |_| Vec::new());
    let content = Content::load(site.options(), checks.clone());
    assert_eq!(
        told(&content),
        [
            "web/policies/p.yaml:7:7 `servce` is no parameter of web.restart | did you mean `service`?",
            "web/sensors/s.yaml:2:14 there is no file sensors/queue_sensr.py | did you mean `queue_sensor.py`?",
        ]
    );
    site.write("packs/web/policies/p.yaml", policy("web.restrt", "service"));
    site.remove("packs/web/sensors/s.yaml");
    assert_eq!(
        told(&Content::load(site.options(), checks)),
        [
            "web/policies/p.yaml:2:15 the policy is about `web.restrt`, but there is no such action | did you mean `web.restart`?"
        ]
    );
}

#[test]
fn lint_says_nothing_about_packs_that_are_not_at_hand() {
    let site = Site::new();
    site.write(
        "packs/web/rules/r.yaml",
        RULE.replace("core.st2.webhook", "other.t")
            .replace("web.good", "other.x"),
    );
    let report = lint(&site.path("packs/web"), &Checks::default());
    let told = |report: &LintReport| -> Vec<String> {
        let problems = report.errors.iter().chain(&report.warnings);
        problems
            .map(|problem| problem.problem(Severity::Warning).message)
            .collect()
    };
    assert_eq!(told(&report), Vec::<String>::new());
    site.write(
        "packs/web/rules/r.yaml",
        RULE.replace("core.st2.webhook", "web.t")
            .replace("web.good", "core.ech"),
    );
    let report = lint(&site.path("packs/web"), &Checks::default());
    assert_eq!(
        told(&report),
        [
            "there is no trigger type `web.t`",
            "the rule runs `core.ech`, but there is no such action"
        ]
    );
}

fn payload(name: &str) -> Arc<Json> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/rules/payloads")
        .join(format!("{name}.json"));
    let sent: Json = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let headers = sent["headers"].as_object().unwrap().iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
    Arc::new(webhook::payload(headers, sent["body"].clone()))
}

#[test]
fn the_example_rules_understand_what_is_sent_to_them() {
    let snapshot = Content::load(Options::default(), Checks::default()).snapshot();
    let jinja = Jinja::default();
    let now: Timestamp = "2026-11-23T04:00:00Z".parse().unwrap();
    for (name, parameters, group, spoil, to) in [
        (
            "alertmanager",
            json!({"service": "api", "environment": "production"}),
            "{}/{severity=\"critical\"}:{alertname=\"InstanceDown\"}",
            "/body/alerts/1/labels/severity",
            json!("warning"),
        ),
        (
            "grafana",
            json!({"path": "/var"}),
            "web1.example.org",
            "/body/state",
            json!("ok"),
        ),
        (
            "github_push",
            json!({"message": "ana pushed to example/shop: Say {{ who }} paid"}),
            "72d3162e-cc78-11e3-81ab-4c9367dc0958",
            "/body/ref",
            json!("refs/heads/try"),
        ),
        (
            "pagerduty",
            json!({"service": "web", "environment": "staging", "reason": "https://example.pagerduty.com/incidents/PGR0VU2"}),
            "5ac64822-4adc-4fda-ade0-410becf0de4f",
            "/body/event/data/urgency",
            json!("low"),
        ),
    ] {
        let rule = &snapshot.rules[&format!("examples.{name}")];
        assert!(
            !rule.enabled,
            "{name}: examples are switched on by whoever wants them"
        );
        let payload = payload(name);
        assert!(payload["headers_lower"].get("authorization").is_none());
        let facts = Facts::new(&jinja, &payload, None, now);
        assert_eq!(
            rule.judge(&facts),
            Verdict::Match,
            "{name}: {:?}",
            rule.explain(&facts)
        );
        let action = snapshot.action(&rule.action.reference).unwrap();
        // Without its runner, what only changes the runner's parameters says too little.
        let own = action
            .parameters
            .iter()
            .filter(|(_, schema)| schema.get("type").is_some());
        let own: JsonMap = own.map(|(name, schema)| (name.clone(), schema.clone())).collect();
        let compiled = CompiledParameters::compile(&JsonMap::new(), &own).unwrap();
        let around = Surroundings::default();
        // Defaults that look at the configuration are the engine's.
        let made = rule.parameters(&facts, &compiled, &ParamLimits::default(), &around);
        match made {
            Ok(mut made) => {
                made.retain(|key, _| parameters.get(key).is_some());
                assert_eq!(Json::Object(made), parameters, "{name}");
            }
            Err(error) => panic!("{name}: {}", error.explain()),
        }
        let key = match (&rule.throttle, &rule.dedup) {
            (Some(throttle), None) => throttle.group(&facts).unwrap(),
            (None, Some(dedup)) => dedup.key(&facts).unwrap().unwrap(),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(key, group, "{name}");
        assert!(rule.webhook.as_ref().unwrap().key().is_some());
        let mut spoiled = (*payload).clone();
        *spoiled.pointer_mut(spoil).unwrap() = to;
        let spoiled = Arc::new(spoiled);
        let facts = Facts::new(&jinja, &spoiled, None, now);
        assert_eq!(rule.judge(&facts), Verdict::NoMatch, "{name}");
    }
}
