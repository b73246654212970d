//! Policies: files with mistakes, and every decision.

#![allow(clippy::needless_pass_by_value, reason = "rows are written in place")]

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::model::{Id, JsonMap, Status};
use crate::testing::cases;

fn map(value: Json) -> JsonMap {
    match value {
        Json::Object(map) => map,
        other => panic!("{other}"),
    }
}

fn policy(kind: &str, parameters: Json) -> Policy {
    let value =
        json!({"name": kind, "resource_ref": "core.local", "policy_type": kind, "parameters": parameters});
    let (policy, findings) = Policy::from_value(&value, Some("p"));
    policy.unwrap_or_else(|| panic!("{value}: {findings:?}"))
}

#[test]
fn mistakes_in_files_are_told_with_their_place() {
    for (key, value, path, message) in [
        ("name", json!(null), "", "`name` is missing"),
        ("pack", json!("q"), "/pack", "lies in pack `p`"),
        ("resource_ref", json!("local"), "/resource_ref", "is no action"),
        (
            "policy_type",
            json!("action.concurency"),
            "/policy_type",
            "no type of policies",
        ),
        (
            "policy_type",
            json!("action.concurrency.attr"),
            "/parameters",
            "names no parameter",
        ),
        ("parameters", json!({}), "/parameters", "`threshold` is missing"),
        (
            "parameters",
            json!({"threshold": 0}),
            "/parameters/threshold",
            "not possible",
        ),
        (
            "parameters",
            json!({"threshold": "1"}),
            "/parameters/threshold",
            "not text",
        ),
        (
            "parameters",
            json!({"threshold": 1, "action": "wait"}),
            "/parameters/action",
            "`wait`",
        ),
        (
            "parameters",
            json!({"threshold": 1, "treshold": 1}),
            "/parameters/treshold",
            "unknown key",
        ),
        ("parameters", json!([]), "/parameters", "a map, not a list"),
        ("enabled", json!("no"), "/enabled", "not text"),
        ("polcy", json!(1), "/polcy", "unknown key"),
    ] {
        let mut file = json!({
            "name": "n", "resource_ref": "core.local", "policy_type": "action.concurrency", "parameters": {"threshold": 1},
        });
        file[key] = value;
        let (policy, findings) = Policy::from_value(&file, Some("p"));
        assert!(policy.is_none(), "{file}");
        assert!(
            findings
                .iter()
                .any(|finding| finding.path == path && finding.message.contains(message)),
            "{file}: {findings:?}"
        );
    }
    for (parameters, path) in [
        (json!({}), "/parameters"),
        (json!({"retry_on": "succeeded"}), "/parameters/retry_on"),
        (
            json!({"retry_on": "failure", "max_retry_count": 6}),
            "/parameters/max_retry_count",
        ),
        (json!({"retry_on": "failure", "delay": 121}), "/parameters/delay"),
        (json!({"retry_on": "failure", "delay": "1"}), "/parameters/delay"),
    ] {
        let file = json!({"name": "n", "resource_ref": "core.local", "policy_type": "action.retry", "parameters": parameters});
        let (policy, findings) = Policy::from_value(&file, Some("p"));
        assert!(policy.is_none(), "{file}");
        assert_eq!(findings[0].path, path, "{file}: {findings:?}");
    }
    let defaults = policy("action.retry", json!({"retry_on": "timeout"}));
    assert_eq!(
        defaults.kind,
        PolicyKind::Retry {
            on: RetryOn::Timeout,
            max: 2,
            delay: 0.0
        }
    );
    assert!(defaults.enabled);
    for (kind, _) in KINDS {
        let parameters = json!({"threshold": 1, "attributes": ["a"], "retry_on": "failure"});
        let mut parameters = map(parameters);
        parameters.retain(|key, _| match kind {
            "action.retry" => key == "retry_on",
            "action.concurrency" => key == "threshold",
            _ => key != "retry_on",
        });
        assert_eq!(policy(kind, Json::Object(parameters)).kind.type_name(), kind);
    }
}

#[test]
fn as_many_start_as_the_threshold_says() {
    let delay = policy("action.concurrency", json!({"threshold": 2}));
    let cancel = policy("action.concurrency", json!({"threshold": 2, "action": "cancel"}));
    let none = JsonMap::new();
    assert_eq!(admit([&delay], &none, |_| 1), Admission::Start);
    assert_eq!(
        admit([&delay], &none, |_| 2),
        Admission::Delay("p.action.concurrency".into())
    );
    assert_eq!(
        admit([&cancel, &delay], &none, |_| 3),
        Admission::Cancel("p.action.concurrency".into())
    );
    let mut off = cancel;
    off.enabled = false;
    assert_eq!(admit([&off], &none, |_| 9), Admission::Start);

    let by_host = policy(
        "action.concurrency.attr",
        json!({"threshold": 1, "attributes": ["host", "port"]}),
    );
    let others = [
        map(json!({"host": "a", "port": 1, "x": 1})),
        map(json!({"host": "b"})),
    ];
    let running = |counted: &Counted| others.iter().filter(|other| counted.counts(other)).count() as u64;
    let ask = |parameters: Json| admit([&by_host], &map(parameters), running);
    assert_eq!(ask(json!({"host": "a", "port": 2})), Admission::Start);
    assert_eq!(ask(json!({"host": "c"})), Admission::Start);
    assert!(matches!(
        ask(json!({"host": "a", "port": 1, "x": 2})),
        Admission::Delay(_)
    ));
    assert!(matches!(
        ask(json!({"host": "b", "port": null})),
        Admission::Delay(_)
    ));
}

#[test]
fn what_failed_is_run_again_so_many_times() {
    let on_failure = policy(
        "action.retry",
        json!({"retry_on": "failure", "max_retry_count": 2, "delay": 1.5}),
    );
    let on_timeout = policy(
        "action.retry",
        json!({"retry_on": "timeout", "max_retry_count": 1}),
    );
    let all = [&on_failure, &on_timeout];
    let id = Id::of_name("x");
    let mut context = map(json!({"user": "ana", "policies": {"other": 1}}));
    for count in 1..=2 {
        let ended = Ended {
            id,
            status: Status::Failed,
            context: &context,
            in_workflow: false,
        };
        let retry = retry(all, &ended).unwrap();
        assert_eq!((retry.count, retry.delay), (count, 1.5));
        context = retry.context;
    }
    assert_eq!(context["user"], json!("ana"));
    assert_eq!(context["policies"]["other"], json!(1));
    assert_eq!(
        context["policies"]["retry"]["applied_policy"],
        json!("p.action.retry")
    );
    assert_eq!(context["policies"]["retry"]["retry_count"], json!(2));
    assert_eq!(context["policies"]["retry"]["retried_liveaction_id"], json!(id));
    let ask = |status: Status, context: &JsonMap, in_workflow: bool| {
        retry(
            all,
            &Ended {
                id,
                status,
                context,
                in_workflow,
            },
        )
        .is_some()
    };
    assert!(!ask(Status::Failed, &context, false));
    let fresh = JsonMap::new();
    assert!(ask(Status::Timeout, &fresh, false));
    assert!(!ask(Status::Failed, &fresh, true));
    for status in [Status::Succeeded, Status::Canceled, Status::Abandoned] {
        assert!(!ask(status, &fresh, false));
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// Whatever a context holds, no retry goes beyond the greatest count.
    #[test]
    fn retries_end(count in any::<i64>(), junk in "[a-z]{0,5}") {
        let policy = policy("action.retry", json!({"retry_on": "failure", "max_retry_count": 5}));
        for context in [json!({"policies": {"retry": {"retry_count": count}}}), json!({"policies": junk}), json!({"policies": {"retry": junk}})] {
            let context = map(context);
            let ended = Ended { id: Id::of_name("x"), status: Status::Failed, context: &context, in_workflow: false };
            if let Some(retry) = retry([&policy], &ended) {
                prop_assert!(retry.count <= 5);
            }
        }
    }
}
