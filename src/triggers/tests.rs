//! Trigger types, keys, webhooks and sensors.

#![allow(clippy::needless_pass_by_value, reason = "rows are written in place")]

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::webhook::Auth;
use super::*;
use crate::model::{Finding, Id, JsonMap, Timestamp};
use crate::testing::cases;
use crate::yaml::reader::Reader;

fn map(value: Json) -> JsonMap {
    match value {
        Json::Object(map) => map,
        other => panic!("{other}"),
    }
}

fn now() -> Timestamp {
    "2026-11-23T04:00:00Z".parse().unwrap()
}

fn system(reference: &str) -> TriggerType {
    let mut types = system_types().into_iter();
    types
        .find(|kind| kind.reference == reference)
        .unwrap_or_else(|| panic!("{reference}"))
}

#[test]
fn the_system_has_its_trigger_types() {
    let raw: Vec<Json> = serde_json::from_str(include_str!("system.json")).unwrap();
    let types = system_types();
    assert_eq!(types.len(), raw.len());
    for reference in [
        "core.st2.webhook",
        "core.st2.IntervalTimer",
        "core.st2.DateTimer",
        "core.st2.CronTimer",
        "core.st2.generic.actiontrigger",
        "core.st2.generic.notifytrigger",
        "core.st2.generic.inquiry",
        "core.st2.action.file_written",
        "core.st2.sensor.process_spawn",
        "core.st2.sensor.process_exit",
        "core.st2.key_value_pair.create",
        "core.st2.key_value_pair.update",
        "core.st2.key_value_pair.value_change",
        "core.st2.key_value_pair.delete",
        "core.sayso.schedule",
        "core.st2.chat.message",
        "linux.file_watch.line",
        "core.sayso.log_line",
        "core.sayso.http_change",
        "core.sayso.syslog",
    ] {
        assert!(!system(reference).description.is_empty());
    }
    let fields = |reference: &str| {
        let kind = system(reference);
        let properties = kind.payload_schema["properties"].as_object().unwrap();
        properties.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        fields("core.st2.generic.actiontrigger"),
        "execution_id status start_timestamp action_name action_ref runner_ref parameters result"
    );
    assert_eq!(
        fields("core.st2.generic.notifytrigger"),
        "execution_id status start_timestamp end_timestamp action_ref runner_ref channel route message data"
    );
}

#[test]
fn payloads_are_checked_against_their_schema() {
    let inquiry = system("core.st2.generic.inquiry");
    assert_eq!(
        inquiry.check_payload(&json!({"id": "1", "route": "developers"})),
        Ok(())
    );
    let error = inquiry.check_payload(&json!({"id": "1"})).unwrap_err();
    assert!(error.contains("route"), "{error}");
    let error = inquiry
        .check_payload(&json!({"id": 5, "route": "x"}))
        .unwrap_err();
    assert!(error.contains("at /id"), "{error}");
    assert!(inquiry.check_payload(&json!([])).is_err());
    let (free, findings) = TriggerType::from_value(&json!({"name": "x"}), Some("p"));
    assert_eq!(findings, []);
    assert_eq!(free.unwrap().check_payload(&json!([1])), Ok(()));
    assert_eq!(
        system(WEBHOOK).check_payload(&json!({"headers": {}, "body": [1]})),
        Ok(())
    );
    assert!(system(WEBHOOK).check_payload(&json!({"body": "text"})).is_err());
}

#[test]
fn parameters_are_checked_and_filled() {
    for (reference, parameters, path, text) in [
        (WEBHOOK, json!({"url": "a/b"}), None, ""),
        (WEBHOOK, json!({}), Some("/trigger/parameters"), "url"),
        (
            WEBHOOK,
            json!({"url": 5}),
            Some("/trigger/parameters/url"),
            "string",
        ),
        (
            WEBHOOK,
            json!({"url": "/"}),
            Some("/trigger/parameters/url"),
            "empty",
        ),
        (
            WEBHOOK,
            json!({"url": "st2"}),
            Some("/trigger/parameters/url"),
            "any trigger",
        ),
        (
            WEBHOOK,
            json!({"url": "a?b"}),
            Some("/trigger/parameters/url"),
            "cannot be part",
        ),
        (
            WEBHOOK,
            json!({"url": "https://x/y"}),
            Some("/trigger/parameters/url"),
            "only the last part",
        ),
        (
            WEBHOOK,
            json!({"url": "a", "ulr": 1}),
            Some("/trigger/parameters"),
            "ulr",
        ),
        (
            "core.st2.IntervalTimer",
            json!({"unit": "minutes", "delta": 5}),
            None,
            "",
        ),
        (
            "core.st2.IntervalTimer",
            json!({"unit": "minutes"}),
            Some("/trigger/parameters"),
            "delta",
        ),
        (
            "core.st2.IntervalTimer",
            json!({"unit": "fortnights", "delta": 5}),
            Some("/trigger/parameters/unit"),
            "fortnights",
        ),
        (
            "core.st2.DateTimer",
            json!({"date": "2026-12-31 23:59"}),
            None,
            "",
        ),
        (
            "core.st2.DateTimer",
            json!({"date": "2014-12-31"}),
            Some("/trigger/parameters/date"),
            "never fires any more",
        ),
        (
            "core.st2.DateTimer",
            json!({"date": "soon"}),
            Some("/trigger/parameters/date"),
            "no date",
        ),
        (
            "core.st2.CronTimer",
            json!({"hour": "7", "day_of_week": "mon-fri"}),
            None,
            "",
        ),
        (
            "core.st2.CronTimer",
            json!({"hour": 24}),
            Some("/trigger/parameters/hour"),
            "",
        ),
        (
            "core.st2.CronTimer",
            json!({"hour": "24"}),
            Some("/trigger/parameters/hour"),
            "out of range",
        ),
        (
            "core.st2.CronTimer",
            json!({"month": "2", "day": "30"}),
            Some("/trigger/parameters"),
            "never fires",
        ),
        (
            "core.st2.CronTimer",
            json!({"timezone": "Europe/Vilnus"}),
            Some("/trigger/parameters/timezone"),
            "no time zone",
        ),
        (
            "core.sayso.schedule",
            json!({"schedule": "every weekday 07:00"}),
            None,
            "",
        ),
        (
            "core.sayso.schedule",
            json!({"schedule": "evry weekday 07:00"}),
            Some("/trigger/parameters/schedule"),
            "no time",
        ),
        (
            "core.st2.generic.inquiry",
            json!({"a": 1}),
            Some("/trigger/parameters/a"),
            "has no parameters",
        ),
    ] {
        let (_, findings) = system(reference).check_parameters(&map(parameters.clone()), "UTC", now());
        match path {
            None => assert_eq!(findings, [], "{reference} {parameters}"),
            Some(path) => {
                assert_eq!(findings.len(), 1, "{reference} {parameters}");
                assert_eq!(findings[0].path, path, "{reference} {parameters}: {findings:?}");
                assert!(
                    findings[0].message.contains(text),
                    "{reference} {parameters}: {findings:?}"
                );
            }
        }
    }
    let schema = json!({"name": "t", "parameters_schema": {"type": "object", "properties": {"n": {"type": "integer", "default": 3}}}});
    let kind = TriggerType::from_value(&schema, Some("p")).0.unwrap();
    assert_eq!(
        kind.check_parameters(&JsonMap::new(), "UTC", now()).0,
        map(json!({"n": 3}))
    );
}

#[test]
fn files_of_trigger_types_and_sensors_are_checked() {
    for (value, path, message) in [
        (json!([]), "", "is a map"),
        (json!({}), "", "`name` is missing"),
        (json!({"name": "a b"}), "/name", "no blanks"),
        (json!({"name": "a", "pack": "q"}), "/pack", "lies in pack `p`"),
        (
            json!({"name": "a", "payload_shema": {}}),
            "/payload_shema",
            "unknown key",
        ),
        (
            json!({"name": "a", "payload_schema": {"type": 5}}),
            "/payload_schema",
            "valid JSON schema",
        ),
    ] {
        let (kind, findings) = TriggerType::from_value(&value, Some("p"));
        assert!(kind.is_none(), "{value}");
        assert_eq!(findings[0].path, path, "{value}: {findings:?}");
        assert!(findings[0].message.contains(message), "{value}: {findings:?}");
    }
    let good = json!({
        "class_name": "S", "entry_point": "s.py", "poll_interval": 60,
        "trigger_types": [{"name": "t", "payload_schema": {"type": "object"}}],
    });
    let (sensor, findings) = Sensor::from_value(&good, "p");
    assert_eq!(findings, []);
    let sensor = sensor.unwrap();
    assert_eq!(
        (sensor.reference.as_str(), sensor.enabled, sensor.poll_interval),
        ("p.S", true, Some(60))
    );
    assert_eq!(sensor.trigger_types[0].reference, "p.t");
    for (key, value, path) in [
        ("class_name", json!(null), ""),
        ("entry_point", json!("../x.py"), "/entry_point"),
        ("poll_interval", json!(0), "/poll_interval"),
        ("poll_interval", json!("5"), "/poll_interval"),
        (
            "trigger_types",
            json!([{"name": "t"}, {"name": "t"}]),
            "/trigger_types/1/name",
        ),
        ("trigger_types", json!([{}]), "/trigger_types/0"),
        ("triger_types", json!([]), "/triger_types"),
    ] {
        let mut bad = good.clone();
        bad[key] = value;
        let (sensor, findings) = Sensor::from_value(&bad, "p");
        assert!(sensor.is_none(), "{bad}");
        assert!(
            findings.iter().any(|finding| finding.path == path),
            "{bad}: {findings:?}"
        );
    }
}

#[test]
fn triggers_are_told_apart_by_type_and_parameters() {
    let kind = system("core.st2.CronTimer");
    let key = |value: Json| TriggerKey::new(&kind.reference, &map(value));
    assert_eq!(
        key(json!({"hour": 1, "minute": 2})),
        key(json!({"minute": 2, "hour": 1}))
    );
    assert_ne!(key(json!({"hour": 1})), key(json!({"hour": "1"})));
    assert_eq!(key(json!({"hour": 1})).type_ref(), "core.st2.CronTimer");
    let hook = |url: &str| TriggerKey::new(WEBHOOK, &map(json!({"url": url})));
    assert_eq!(hook("/a/b/"), hook("a/b"));
    assert_ne!(hook("a/b"), hook("a/B"));
    let trigger = Trigger::new(&kind, map(json!({"hour": 1})));
    assert_eq!(trigger, Trigger::new(&kind, map(json!({"hour": 1}))));
    let parts: Vec<usize> = trigger.name.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
    assert_eq!(trigger.reference(), format!("core.{}", trigger.name));
    assert!(
        trigger
            .uid()
            .starts_with(&format!("trigger:core:{}:", trigger.name))
    );
    assert_eq!(trigger.timer_tag(), format!("st2.CronTimer-{}", trigger.name));
    let shadow = Trigger::new(&system("core.st2.generic.actiontrigger"), JsonMap::new());
    assert_eq!(shadow.reference(), "core.st2.generic.actiontrigger");
}

#[test]
fn statuses_and_made_payloads() {
    for status in InstanceStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
        assert_eq!(serde_json::to_value(status).unwrap(), json!(status.as_str()));
    }
    assert!(
        "done"
            .parse::<InstanceStatus>()
            .unwrap_err()
            .contains("processing_failed")
    );
    assert!(InstanceStatus::Pending.may_become(InstanceStatus::Processing));
    assert!(InstanceStatus::Processing.may_become(InstanceStatus::Pending));
    assert!(!InstanceStatus::Processed.may_become(InstanceStatus::Pending));
    assert!(InstanceStatus::Processed.is_final());
    assert_eq!(
        timer_payload(now()),
        json!({"executed_at": "2026-11-23 04:00:00.000000+00:00", "schedule": null})
    );
    let again = emitted_again(&json!({"a": 1}), Id::of_name("x"));
    assert_eq!(again["a"], json!(1));
    assert!(again["__context"]["original_id"].is_string());
    let (old, new) = (
        map(json!({"name": "k", "value": "1"})),
        map(json!({"name": "k", "value": "2"})),
    );
    let names = |before: Option<&JsonMap>, after: Option<&JsonMap>| {
        let changes = key_changes(before, after);
        changes
            .iter()
            .map(|(name, _)| name.rsplit('.').next().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(names(None, Some(&new)), "create");
    assert_eq!(names(Some(&old), Some(&new)), "update value_change");
    assert_eq!(names(Some(&old), Some(&old)), "update");
    assert_eq!(names(Some(&old), None), "delete");
}

#[test]
fn webhooks_hide_what_proves_the_sender() {
    let payload = webhook::payload(
        [
            ("X-GitHub-Event", "push"),
            ("St2-Api-Key", "s"),
            ("cookie", "s"),
            ("X-Auth-Token", "s"),
            ("Authorization", "s"),
        ],
        json!({"a": 1}),
    );
    assert_eq!(
        payload,
        json!({"headers": {"X-GitHub-Event": "push"}, "headers_lower": {"x-github-event": "push"}, "body": {"a": 1}})
    );
    assert_eq!(webhook::normalised("//a/b/"), "a/b");
    assert_eq!(webhook::trace_tag("/a/", "u"), "webhook-a-u");
}

fn auth(value: Json) -> Result<Auth, Vec<Finding>> {
    let mut reader = Reader::new();
    match Auth::read(&value, "/webhook", &mut reader) {
        Some(auth) if !reader.is_broken() => Ok(auth),
        _ => Err(reader.findings),
    }
}

#[test]
fn senders_prove_who_they_are() {
    let verify = |value: Json, header: &'static str, sent: &'static str, secret: &str| {
        auth(value)
            .unwrap()
            .verify(|name| (name == header).then_some(sent), b"Hello, World!", secret)
            .is_ok()
    };
    // The example of GitHub's documentation.
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let secret = "It's a Secret to Everybody";
    let github = || json!({"auth": "github", "key": "k"});
    assert!(verify(github(), "x-hub-signature-256", signature, secret));
    assert!(!verify(github(), "x-hub-signature-256", signature, "other"));
    assert!(!verify(
        github(),
        "x-hub-signature-256",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        secret
    ));
    assert!(!verify(github(), "x-hub-signature-256", "", secret));
    assert!(!verify(github(), "x-other", signature, secret));
    assert!(!verify(github(), "x-hub-signature-256", signature, ""));
    let pagerduty = || json!({"auth": "pagerduty", "key": "k"});
    let two = "v1=00,v1=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert!(verify(pagerduty(), "x-pagerduty-signature", two, secret));
    assert!(verify(
        json!({"auth": "gitlab", "key": "k"}),
        "x-gitlab-token",
        "s3cret",
        "s3cret"
    ));
    assert!(!verify(
        json!({"auth": "gitlab", "key": "k"}),
        "x-gitlab-token",
        "s3cre",
        "s3cret"
    ));
    assert!(verify(
        json!({"auth": "bearer", "key": "k"}),
        "authorization",
        "Bearer s3cret",
        "s3cret"
    ));
    assert!(verify(json!({"auth": "none"}), "x", "", ""));
    assert!(!verify(json!({"auth": "account"}), "x", "", ""));
    let own = json!({"auth": "signature", "header": "X-Sig", "algorithm": "sha512", "encoding": "base64", "key": "k"});
    assert_eq!(auth(own).unwrap().key(), Some("k"));
    for (value, message) in [
        (json!("github"), "is a map"),
        (json!({"auth": "githb", "key": "k"}), "there is no way `githb`"),
        (json!({"auth": "github"}), "`key` is missing"),
        (json!({"auth": "signature", "key": "k"}), "`header` is missing"),
        (
            json!({"auth": "github", "key": "k", "algorithm": "md5"}),
            "`algorithm` cannot be `md5`",
        ),
        (json!({"key": "k"}), "`auth` is missing"),
    ] {
        let findings = auth(value.clone()).unwrap_err();
        assert!(
            findings.iter().any(|finding| finding.message.contains(message)),
            "{value}: {findings:?}"
        );
    }
}

#[test]
fn an_hmac_with_a_long_key_is_that_of_its_digest() {
    let auth = auth(json!({"auth": "signature", "header": "x", "key": "k"})).unwrap();
    let secret = "a".repeat(131);
    // What Python's hmac says.
    let sent = "76f0801bdbc0ff29214ffdd6edce36467d4142a842d91a011c59c66d12693db0";
    assert_eq!(auth.verify(|_| Some(sent), b"x", &secret), Ok(()));
}

proptest! {
    #![proptest_config(cases(200))]

    /// No URL panics, and slashes around make no difference.
    #[test]
    fn any_url_is_checked(url in "[a-z/.?# é%]{0,20}") {
        let (plain, slashed) = (webhook::check_url(&url), webhook::check_url(&format!("/{url}/")));
        prop_assert_eq!(plain, slashed);
    }

    /// No file of a trigger type panics.
    #[test]
    fn any_text_is_no_problem(name in ".{0,10}", key in "[a-z_]{0,16}") {
        let _ = TriggerType::from_value(&json!({"name": name, key: name}), Some("p"));
    }
}
