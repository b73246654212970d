//! Policies at work: as many at once as they say, in order, over restarts; what failed is run again.

use std::collections::BTreeMap;
use std::sync::Arc;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::support::{Actions, World};
use crate::engine::EngineOptions;
use crate::model::{Execution, Id, Identity, Status};
use crate::policies::Policy;
use crate::store::{AuditFilter, ExecutionFilter, Page, SortOrder, Store};

/// Policies of the actions of every test: action, type, parameters.
pub(super) const STANDING: &[(&str, &str, &str)] = &[
    ("demo.one", "action.concurrency", r#"{"threshold": 1}"#),
    (
        "demo.few",
        "action.concurrency",
        r#"{"threshold": 1, "action": "cancel"}"#,
    ),
    (
        "demo.per_pin",
        "action.concurrency.attr",
        r#"{"threshold": 1, "attributes": ["pin"]}"#,
    ),
    (
        "demo.flaky",
        "action.retry",
        r#"{"retry_on": "failure", "max_retry_count": 2, "delay": 0.02}"#,
    ),
    (
        "demo.brief_again",
        "action.retry",
        r#"{"retry_on": "timeout", "max_retry_count": 1, "delay": 60}"#,
    ),
];

/// Puts policies in force; each is the only one of its action.
pub(super) fn put(actions: &Actions, policies: &[(&str, &str, &str)]) {
    let mut by_action: BTreeMap<String, Arc<[Arc<Policy>]>> = BTreeMap::new();
    for (action, kind, parameters) in policies {
        let parameters: Value = serde_json::from_str(parameters).unwrap();
        let file =
            json!({"name": action, "resource_ref": action, "policy_type": kind, "parameters": parameters});
        let (policy, findings) = Policy::from_value(&file, Some("p"));
        let policy = policy.unwrap_or_else(|| panic!("{findings:?}"));
        by_action.insert((*action).to_owned(), Arc::new([Arc::new(policy)]));
    }
    *actions.policies.lock() = by_action;
}

fn log(execution: &Execution) -> Vec<&'static str> {
    let entries = execution.progress.log.iter();
    entries.map(|entry| entry.status.as_str()).collect()
}

async fn stored(world: &World, id: Id) -> Arc<Execution> {
    world.engine.execution(id).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_a_time_in_order_and_who_waits_knows_for_whom() {
    let world = World::new(EngineOptions::default()).await;
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(world.submit("ana", "one", json!({"n": n})).await);
    }
    world.gate.held(1).await;
    let third = stored(&world, ids[2]).await;
    assert_eq!(log(&third), ["requested", "delayed"]);
    let waits = world.engine.waits(&third).unwrap();
    assert_eq!(waits.told(), "waiting for 2 others (policy p.demo.one)");
    assert_eq!(world.engine.stats().held_back, 3);
    assert_eq!(world.engine.stats().running, 1, "who waits takes no place");
    let ana = Identity {
        user: "ana".to_owned(),
        ..Identity::default()
    };
    world.engine.cancel(ids[1], &ana).await.unwrap();
    assert_eq!(world.engine.waits(&third).unwrap().others(), 1);
    world.gate.open();
    let mut last = None;
    for id in [ids[0], ids[2], ids[3]] {
        let ended = world.engine.wait(id).await.unwrap().unwrap();
        assert_eq!(ended.status, Status::Succeeded);
        let began = ended
            .progress
            .log
            .iter()
            .find(|entry| entry.status == Status::Running);
        let began = began.unwrap().timestamp;
        assert!(last.is_none_or(|last| began >= last), "two at once");
        last = ended.end;
    }
    assert_eq!(world.engine.stats().held_back, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_more_than_the_threshold_however_many_ask_at_once() {
    let world = World::new(EngineOptions::default()).await;
    world.gate.open();
    let asked = (0..200).map(|n| {
        let engine = world.engine.clone();
        let request = world.ask(if n % 2 == 0 { "ana" } else { "bo" }, "one", json!({"n": n}));
        tokio::spawn(async move { engine.submit(request).await.unwrap().execution.id })
    });
    let mut most = 0;
    let mut spans = Vec::new();
    for id in futures_util::future::join_all(asked).await {
        let ended = world.engine.wait(id.unwrap()).await.unwrap().unwrap();
        assert_eq!(ended.status, Status::Succeeded);
        let began = ended
            .progress
            .log
            .iter()
            .find(|entry| entry.status == Status::Running);
        spans.push((began.unwrap().timestamp, 1));
        spans.push((ended.end.unwrap(), -1));
    }
    // An end and the next beginning may fall into one microsecond: ends come first.
    spans.sort_unstable();
    let mut now = 0;
    for (_, change) in spans {
        now += change;
        most = most.max(now);
    }
    assert_eq!(most, 1);
}

#[tokio::test]
async fn one_too_many_is_canceled_with_a_reason() {
    let world = World::new(EngineOptions::default()).await;
    let first = world.submit("ana", "few", json!({})).await;
    world.gate.held(1).await;
    let second = world.submit("bo", "few", json!({})).await;
    let canceled = stored(&world, second).await;
    assert_eq!(log(&canceled), ["requested", "canceled"]);
    assert_eq!(
        canceled.result.as_ref().unwrap()["error"],
        "canceled by the policy p.demo.few: as many executions of demo.few as it allows are at work"
    );
    world.gate.open();
    world.engine.wait(first).await.unwrap();
    let third = world.submit("bo", "few", json!({})).await;
    assert_eq!(
        world.engine.wait(third).await.unwrap().unwrap().status,
        Status::Succeeded
    );
}

#[tokio::test]
async fn secret_values_are_compared_and_never_told() {
    let world = World::new(EngineOptions::default()).await;
    let mut ids = Vec::new();
    for pin in ["hush-1", "hush-2", "hush-1"] {
        ids.push(world.submit("ana", "per_pin", json!({"pin": pin})).await);
    }
    world.gate.held(2).await;
    let third = stored(&world, ids[2]).await;
    let waits = world.engine.waits(&third).unwrap();
    assert_eq!(waits.others(), 1);
    assert!(!format!("{waits:?} {third:?}").contains("hush"));
    world.gate.open();
    for id in ids {
        world.engine.wait(id).await.unwrap();
    }
    let told = world.store.audit(AuditFilter::default()).await.unwrap();
    assert!(!format!("{told:?}").contains("hush"));
}

#[tokio::test]
async fn a_crash_loses_no_turn_and_counts_what_was_at_work() {
    let world = World::new(EngineOptions::default()).await;
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(world.submit("ana", "one", json!({"n": n})).await);
    }
    world.gate.held(1).await;
    let world = World::on(world.crash().await, EngineOptions::default()).await;
    // The first was at work and may not be started again; the next one follows.
    world.gate.held(1).await;
    assert_eq!(stored(&world, ids[0]).await.status, Status::Abandoned);
    assert_eq!(stored(&world, ids[1]).await.status, Status::Running);
    let last = stored(&world, ids[3]).await;
    assert_eq!(world.engine.waits(&last).unwrap().others(), 2);
    world.gate.open();
    for id in &ids[1..] {
        assert_eq!(
            world.engine.wait(*id).await.unwrap().unwrap().status,
            Status::Succeeded
        );
    }
}

#[tokio::test]
async fn a_policy_that_comes_later_counts_what_is_at_work() {
    let world = World::new(EngineOptions::default()).await;
    let first = world.submit("ana", "hold", json!({})).await;
    world.gate.held(1).await;
    put(
        &world.actions,
        &[("demo.hold", "action.concurrency", r#"{"threshold": 1}"#)],
    );
    world.engine.policies_changed().await.unwrap();
    let second = world.submit("ana", "hold", json!({})).await;
    assert!(world.engine.waits(&*stored(&world, second).await).is_some());
    put(&world.actions, &[]);
    world.engine.policies_changed().await.unwrap();
    world.gate.held(2).await;
    world.gate.open();
    for id in [first, second] {
        world.engine.wait(id).await.unwrap();
    }
}

async fn all(world: &World, action: &str) -> Vec<Execution> {
    let filter = ExecutionFilter {
        action: vec![format!("demo.{action}")],
        ..ExecutionFilter::default()
    };
    let page = Page {
        order: SortOrder::Ascending,
        ..Page::default()
    };
    world.store.executions(filter, page).await.unwrap().items
}

#[tokio::test]
async fn what_failed_is_run_again_until_it_works_or_was_enough() {
    let world = World::new(EngineOptions::default()).await;
    let file = world.folder.path().join("tries");
    let cmd = format!("echo x >> {0}; test $(wc -l < {0}) -ge 2", file.display());
    let mut events = world.engine.subscribe();
    let first = world.submit("ana", "flaky", json!({"cmd": cmd})).await;
    let mut ended = 0;
    while ended < 2 {
        if let crate::engine::Event::Execution { execution, .. } = events.recv().await.unwrap() {
            ended += usize::from(execution.status.is_completed());
        }
    }
    let tries = all(&world, "flaky").await;
    assert_eq!(
        tries.iter().map(|one| one.status).collect::<Vec<_>>(),
        [Status::Failed, Status::Succeeded]
    );
    assert_eq!(log(&tries[1])[..2], ["requested", "delayed"]);
    assert_eq!(
        tries[1].context()["policies"],
        json!({"retry": {"applied_policy": "p.demo.flaky", "retry_count": 1, "retried_liveaction_id": first}})
    );
    assert_eq!(tries[1].request.parameters, tries[0].request.parameters);
    assert!(
        tries[1].request.decision.contains("number 1"),
        "{}",
        tries[1].request.decision
    );

    world.submit("ana", "flaky", json!({"cmd": "false"})).await;
    ended = 0;
    while ended < 3 {
        if let crate::engine::Event::Execution { execution, .. } = events.recv().await.unwrap() {
            ended += usize::from(execution.status.is_completed());
        }
    }
    let tries = all(&world, "flaky").await;
    assert_eq!(tries.len(), 5, "two retries are the most");
    assert_eq!(tries[4].context()["policies"]["retry"]["retry_count"], 2);
}

#[tokio::test]
async fn a_retry_is_as_durable_as_the_end_before_it() {
    let world = World::new(EngineOptions::default()).await;
    let first = world.submit("ana", "brief_again", json!({})).await;
    assert_eq!(
        world.engine.wait(first).await.unwrap().unwrap().status,
        Status::Timeout
    );
    let world = World::on(world.crash().await, EngineOptions::default()).await;
    let tries = all(&world, "brief_again").await;
    assert_eq!(tries.len(), 2);
    assert_eq!(tries[1].status, Status::Delayed);
    assert!(tries[1].request.not_before.unwrap() > tries[0].end.unwrap());
    assert_eq!(world.engine.stats().delayed, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_workflows_wait_too_and_are_not_run_again() {
    let world = World::new(EngineOptions::default()).await;
    let outside = world.submit("ana", "one", json!({})).await;
    world.gate.held(1).await;
    let flow = world.submit("ana", "policed", json!({})).await;
    let children = loop {
        let children = all(&world, "one").await;
        if children.len() == 4 {
            break children;
        }
        tokio::task::yield_now().await;
    };
    assert!(
        children[1..].iter().all(|child| child.status == Status::Delayed),
        "{children:?}"
    );
    assert_eq!(world.engine.stats().held_back, 3);
    world.gate.open();
    world.engine.wait(outside).await.unwrap();
    let ended = world.engine.wait(flow).await.unwrap().unwrap();
    // Its last task fails, and is tried once: workflows have retries of their own.
    assert_eq!(ended.status, Status::Failed, "{:?}", ended.result);
    assert_eq!(all(&world, "flaky").await.len(), 1);
    assert_eq!(
        all(&world, "one")
            .await
            .iter()
            .filter(|one| one.status == Status::Succeeded)
            .count(),
        4
    );
}
