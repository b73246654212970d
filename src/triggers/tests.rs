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
        json!({"headers": {"X-Github-Event": "push"}, "headers_lower": {"x-github-event": "push"}, "body": {"a": 1}})
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
            .verify(
                |name| (name == header).then_some(sent),
                b"Hello, World!",
                secret,
                now(),
            )
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
    assert_eq!(auth.verify(|_| Some(sent), b"x", &secret, now()), Ok(()));
}

/// Signatures made with Python's hmac over `{"a":1}`.
#[test]
fn signed_times_must_be_near_ours() {
    for (kind, window, signature, time, right) in [
        (
            "stripe",
            None,
            "t=1795406400,v1=7baf1bf4f804ccd5efd496d77942ec7b0d33aa6a6ce04338b68fba5bfc5908c2",
            "",
            true,
        ),
        (
            "stripe",
            None,
            "t=1795406100,v1=3768ffcf6dec25132bb28a35353ff285e3795e0c299d12c4b5f49aad701d175c",
            "",
            true,
        ),
        (
            "stripe",
            None,
            "t=1795406700,v1=2d5bc42caf7a362ddb4df9fd62b2486d240a12e41773382a02cbe15588ab5361",
            "",
            true,
        ),
        (
            "stripe",
            None,
            "t=1795406099,v1=cbc367b1edf8307fc32f3df3cdccc763df12c8e2c0c221f68a5a2b535f96a896",
            "",
            false,
        ),
        (
            "stripe",
            None,
            "t=1795406701,v1=5a6db91d545dee1df3e4621767ee95f1481e060fe8fab63714fe51f5b154e8ec",
            "",
            false,
        ),
        (
            "stripe",
            Some(10),
            "t=1795406380,v1=731574eeba908ca88147eb73967cce0f35985320b235846b61dd663a091c14b5",
            "",
            false,
        ),
        (
            "stripe",
            None,
            "t=1795406400,v0=00,v1=00,v1=7baf1bf4f804ccd5efd496d77942ec7b0d33aa6a6ce04338b68fba5bfc5908c2",
            "",
            true,
        ),
        (
            "stripe",
            None,
            "v1=7baf1bf4f804ccd5efd496d77942ec7b0d33aa6a6ce04338b68fba5bfc5908c2",
            "",
            false,
        ),
        (
            "stripe",
            None,
            "t=1795406399,v1=7baf1bf4f804ccd5efd496d77942ec7b0d33aa6a6ce04338b68fba5bfc5908c2",
            "",
            false,
        ),
        (
            "stripe",
            None,
            "t=now,v1=7baf1bf4f804ccd5efd496d77942ec7b0d33aa6a6ce04338b68fba5bfc5908c2",
            "",
            false,
        ),
        (
            "stripe",
            None,
            "t=1795406400,v0=7baf1bf4f804ccd5efd496d77942ec7b0d33aa6a6ce04338b68fba5bfc5908c2",
            "",
            false,
        ),
        (
            "slack",
            None,
            "v0=e5986ad523f2e217837a23876ed9d78542f21d56b7bdbab1881ba798d210f703",
            "1795406400",
            true,
        ),
        (
            "slack",
            None,
            "v0=9c1a0d79860dfdfa83107d1d4edbdd726a75edbabe4b2dd4736dd5b1b209614a",
            "1795406100",
            true,
        ),
        (
            "slack",
            None,
            "v0=8d8ccdebc04189374d633145d10259bd05c3fbe0aa96ebd5be5cf74d85f8f5dd",
            "1795406099",
            false,
        ),
        (
            "slack",
            None,
            "v0=e5986ad523f2e217837a23876ed9d78542f21d56b7bdbab1881ba798d210f703",
            "",
            false,
        ),
        (
            "slack",
            None,
            "v0=e5986ad523f2e217837a23876ed9d78542f21d56b7bdbab1881ba798d210f703",
            "1795406399",
            false,
        ),
        (
            "slack",
            None,
            "v0=e5986ad523f2e217837a23876ed9d78542f21d56b7bdbab1881ba798d210f703",
            "999999999999999999999999999999",
            false,
        ),
    ] {
        let mut value = json!({"auth": kind, "key": "k"});
        if let Some(window) = window {
            value["window"] = json!(window);
        }
        let header = |name: &str| match name {
            "stripe-signature" | "x-slack-signature" => Some(signature),
            "x-slack-request-timestamp" => Some(time),
            _ => None,
        };
        let auth = auth(value).unwrap();
        let verdict = auth.verify(header, br#"{"a":1}"#, "s3cret", now());
        assert_eq!(verdict.is_ok(), right, "{kind} {signature} {time}: {verdict:?}");
        assert_eq!(auth.once(header), Some(signature));
        assert!(auth.verify(header, br#"{"a":2}"#, "s3cret", now()).is_err());
        assert!(auth.verify(header, br#"{"a":1}"#, "other", now()).is_err());
    }
    for (window, kind) in [(0, "stripe"), (86_401, "slack"), (60, "github")] {
        let findings = auth(json!({"auth": kind, "key": "k", "window": window})).unwrap_err();
        assert!(findings[0].message.contains("`window`"), "{findings:?}");
    }
}

#[test]
fn a_name_and_a_password_prove_something_too() {
    let basic = auth(json!({"auth": "basic", "key": "k"})).unwrap();
    assert_eq!(basic.key(), Some("k"));
    for (sent, right) in [
        ("Basic YWxlcnQ6czNjcmV0", true),
        ("basic  YWxlcnQ6czNjcmV0 ", true),
        ("Bearer YWxlcnQ6czNjcmV0", false),
        ("Basic alert:s3cret", false),
        ("Basic", false),
        ("", false),
    ] {
        let verdict = basic.verify(|_| Some(sent), b"", "alert:s3cret", now());
        assert_eq!(verdict.is_ok(), right, "{sent}");
    }
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
