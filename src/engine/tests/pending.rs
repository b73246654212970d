//! Executions that wait for people.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::support::World;
use crate::engine::{AmendError, By, Cancelled, Engine, EngineOptions, Event};
use crate::model::{Execution, Id, Identity, Status, Timestamp};
use crate::runners::{Amendment, Change, Note};
use crate::store::{AuditFilter, Store};

fn by(user: &str) -> By {
    By {
        user: user.to_owned(),
        place: "test".to_owned(),
    }
}

/// Waits until the execution is pending.
async fn pending(engine: &Engine, id: Id) -> Arc<Execution> {
    let mut events = engine.subscribe();
    let now = engine.execution(id).await.unwrap().unwrap();
    if now.status == Status::Pending {
        return now;
    }
    loop {
        if let Event::Execution { execution, .. } = events.recv().await.unwrap()
            && execution.id == id
            && execution.status == Status::Pending
        {
            return execution;
        }
    }
}

/// Waits until the execution is over, and not for ever.
async fn over(engine: &Engine, id: Id) -> Arc<Execution> {
    let ended = tokio::time::timeout(Duration::from_secs(20), engine.wait(id)).await;
    ended.expect("it is over in time").unwrap().unwrap()
}

/// A change that counts how often it was made.
fn counted(execution: &Execution) -> Result<Amendment, Infallible> {
    let mut result = execution.result.as_deref().cloned().unwrap();
    let before = result["votes"].as_u64().unwrap_or(0);
    result["votes"] = json!(before + 1);
    Ok(Amendment {
        change: Change::Amend {
            result,
            wake: execution.progress.wake,
        },
        notes: vec![Note {
            kind: "test.voted",
            detail: json!({"number": before + 1}),
        }],
    })
}

fn result(execution: &Execution) -> Value {
    execution.result.as_deref().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_question_holds_no_place_and_is_settled_once() {
    let world = World::new(EngineOptions {
        concurrency: 1,
        ..EngineOptions::default()
    })
    .await;
    let id = world.submit("ana", "ask", json!({"route": "dev"})).await;
    let asked = pending(&world.engine, id).await;
    assert_eq!(world.engine.stats().running, 0);
    assert_eq!(result(&asked)["route"], "dev");
    assert_eq!((asked.end, asked.result_size > 0), (None, true));
    let wake = asked.progress.wake.unwrap();
    assert!((wake.seconds_since(asked.start) - 86_400.0).abs() < 60.0);
    // The only place is free for others.
    let other = world.submit("ana", "again", json!({})).await;
    world.gate.held(1).await;
    world.gate.open();
    over(&world.engine, other).await;

    let settled = world
        .engine
        .settle(id, Status::Succeeded, json!({"response": 1}), &by("bo"))
        .await
        .unwrap();
    assert_eq!(
        (settled.status, result(&settled)),
        (Status::Succeeded, json!({"response": 1}))
    );
    let log: Vec<&str> = settled
        .progress
        .log
        .iter()
        .map(|entry| entry.status.as_str())
        .collect();
    assert_eq!(log, ["requested", "scheduled", "running", "pending", "succeeded"]);
    let again = world
        .engine
        .settle(id, Status::Failed, json!({}), &by("bo"))
        .await
        .unwrap_err();
    assert!(matches!(again, AmendError::NotPending(execution) if execution.status == Status::Succeeded));
    let unknown = world
        .engine
        .settle(Id::new(), Status::Failed, json!({}), &by("bo"))
        .await;
    assert!(matches!(unknown, Err(AmendError::Unknown(_))));
    let entries = world
        .store
        .audit(AuditFilter {
            execution: Some(id),
            ..AuditFilter::default()
        })
        .await
        .unwrap();
    let told: Vec<(&str, &str)> = entries
        .iter()
        .map(|entry| (entry.draft.kind.as_str(), entry.draft.actor.as_str()))
        .collect();
    assert_eq!(told.last(), Some(&("execution.succeeded", "bo")), "{told:?}");
}

#[tokio::test]
async fn changes_at_the_same_time_come_one_after_the_other() {
    let world = World::new(EngineOptions::default()).await;
    let id = world.submit("ana", "ask", json!({})).await;
    let first = pending(&world.engine, id).await;
    let votes = (0..20).map(|number| {
        let engine = world.engine.clone();
        async move {
            engine
                .amend(id, &by(&format!("u{number}")), counted)
                .await
                .unwrap()
        }
    });
    futures_util::future::join_all(votes).await;
    let now = world.engine.execution(id).await.unwrap().unwrap();
    assert_eq!(now.status, Status::Pending);
    assert_eq!(result(&now)["votes"], 20);
    assert_eq!(now.revision, first.revision + 20);
    assert_eq!(now.progress.log.len(), first.progress.log.len());
    let noted = world
        .store
        .audit(AuditFilter {
            kind: Some("test.voted".to_owned()),
            ..AuditFilter::default()
        })
        .await
        .unwrap();
    let numbers: Vec<u64> = noted
        .iter()
        .map(|entry| entry.draft.detail["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_waits_survives_a_crash_with_its_time() {
    let world = World::new(EngineOptions::default()).await;
    let (long, brief, ever) = (
        world.submit("ana", "ask", json!({})).await,
        world.submit("ana", "ask", json!({})).await,
        world.submit("ana", "ask", json!({"ttl": 0})).await,
    );
    for id in [long, brief, ever] {
        pending(&world.engine, id).await;
    }
    assert_eq!(world.engine.alarms(), 2);
    // The second one's time comes while nobody is there.
    world
        .engine
        .amend(brief, &by("ana"), |execution| {
            Ok::<_, Infallible>(Amendment {
                change: Change::Amend {
                    result: result(execution),
                    wake: Some(Timestamp::now().plus_millis(60)),
                },
                notes: Vec::new(),
            })
        })
        .await
        .unwrap();
    let folder = world.crash().await;
    tokio::time::sleep(Duration::from_millis(70)).await;
    let world = World::on(folder, EngineOptions::default()).await;
    let over = over(&world.engine, brief).await;
    assert_eq!(
        (over.status, result(&over)["ttl"].clone()),
        (Status::Timeout, json!(1440))
    );
    assert_eq!(world.engine.alarms(), 1);
    for id in [long, ever] {
        let still = world.engine.execution(id).await.unwrap().unwrap();
        assert_eq!(still.status, Status::Pending);
    }
    world
        .engine
        .settle(ever, Status::Succeeded, json!({"response": true}), &by("bo"))
        .await
        .unwrap();
}

#[tokio::test]
async fn time_that_was_moved_counts_from_its_new_end() {
    let world = World::new(EngineOptions::default()).await;
    let id = world.submit("ana", "ask", json!({})).await;
    pending(&world.engine, id).await;
    let moved = |millis: i64| {
        move |execution: &Execution| {
            Ok::<_, Infallible>(Amendment {
                change: Change::Amend {
                    result: result(execution),
                    wake: Some(Timestamp::now().plus_millis(millis)),
                },
                notes: Vec::new(),
            })
        }
    };
    world
        .engine
        .amend(id, &by("ana"), moved(3_600_000))
        .await
        .unwrap();
    world.engine.amend(id, &by("ana"), moved(20)).await.unwrap();
    let over = over(&world.engine, id).await;
    assert_eq!(over.status, Status::Timeout);
    assert_eq!(world.engine.alarms(), 0);
}

#[tokio::test]
async fn a_pending_execution_can_be_canceled_and_keeps_what_was_said() {
    let world = World::new(EngineOptions::default()).await;
    let id = world.submit("ana", "ask", json!({"route": "dev"})).await;
    pending(&world.engine, id).await;
    let ana = Identity {
        user: "ana".to_owned(),
        ..Identity::default()
    };
    let canceled = world.engine.cancel(id, &ana).await.unwrap();
    let Cancelled::Asked(execution) = canceled else {
        panic!("{canceled:?}")
    };
    assert_eq!(execution.status, Status::Canceled);
    assert_eq!(result(&execution)["route"], "dev");
    assert_eq!(result(&execution)["user"], "ana");
    assert_eq!(world.engine.alarms(), 0);
    let late = world
        .engine
        .settle(id, Status::Succeeded, json!({}), &by("bo"))
        .await;
    assert!(matches!(late, Err(AmendError::NotPending(_))));
}

#[tokio::test]
async fn wrong_questions_fail_at_once() {
    let world = World::new(EngineOptions::default()).await;
    for (action, parameters, part) in [
        (
            "ask",
            json!({"schema": {"type": "nonsense"}}),
            "the schema of the answer cannot be used",
        ),
        ("approve", json!({"title": "t"}), "nobody could approve"),
        (
            "approve",
            json!({"title": "t", "by": ["bo"], "count": 2}),
            "only one person may give one",
        ),
        (
            "approve",
            json!({"title": "t", "by": ["bo"], "action": "demo.nothing"}),
            "no action `demo.nothing`",
        ),
        (
            "approve",
            json!({"title": "t", "by": ["bo"], "within": "soon"}),
            "no length of time",
        ),
    ] {
        let id = world.submit("ana", action, parameters).await;
        let ended = over(&world.engine, id).await;
        assert_eq!(ended.status, Status::Failed);
        let error = result(&ended)["error"].as_str().unwrap().to_owned();
        assert!(error.contains(part), "{error}");
    }
}
