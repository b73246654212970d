//! From request to end.

use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::json;

use super::support::World;
use crate::engine::{CancelError, Cancelled, EngineOptions, Event, RerunOptions, SubmitError};
use crate::model::{Identity, Origin, OutputStream, Status};
use crate::store::{AuditFilter, Store};

fn log(execution: &crate::model::Execution) -> Vec<&'static str> {
    execution
        .progress
        .log
        .iter()
        .map(|entry| entry.status.as_str())
        .collect()
}

#[tokio::test]
async fn a_noop_is_stored_once_and_answered_as_requested() {
    let world = World::new(EngineOptions::default()).await;
    let accepted = world
        .engine
        .submit(world.ask("ana", "noop", json!({})))
        .await
        .unwrap()
        .execution;
    assert_eq!(
        (accepted.status, log(&accepted)),
        (Status::Requested, vec!["requested"])
    );
    let stored = world.engine.execution(accepted.id).await.unwrap().unwrap();
    assert_eq!(stored.status, Status::Succeeded);
    assert_eq!(stored.revision, 0);
    assert_eq!(log(&stored), ["requested", "scheduled", "running", "succeeded"]);
    assert_eq!(
        **stored.result.as_ref().unwrap(),
        json!({"failed": false, "succeeded": true, "return_code": 0})
    );
    let definition = world.engine.definition(&stored).await.unwrap();
    assert!(
        definition.action.get().contains(r#""ref":"demo.noop""#),
        "{}",
        definition.action
    );
}

#[tokio::test]
async fn output_is_streamed_before_the_end_and_kept() {
    let world = World::new(EngineOptions::default()).await;
    let mut events = world.engine.subscribe();
    let fifo = world.folder.path().join("go");
    let cmd = format!(
        "mkfifo {0}; echo first; echo oops >&2; cat {0}; echo last",
        fifo.display()
    );
    let id = world.submit("ana", "shell", json!({"cmd": cmd})).await;
    let mut seen = String::new();
    while !(seen.contains("first") && seen.contains("oops")) {
        if let Event::Output(chunk) = events.recv().await.unwrap() {
            seen.push_str(&chunk.text);
        }
    }
    let running = world.engine.execution(id).await.unwrap().unwrap();
    assert_eq!(
        running.status,
        Status::Running,
        "output was shown only at the end"
    );
    tokio::fs::write(&fifo, "middle\n").await.unwrap();
    let ended = world.engine.wait(id).await.unwrap().unwrap();
    assert_eq!(ended.status, Status::Succeeded, "{:?}", ended.result);
    assert_eq!(ended.result.as_ref().unwrap()["stdout"], "first\nmiddle\nlast");
    let stdout = world
        .store
        .output(id, 0, 100, Some(OutputStream::Stdout))
        .await
        .unwrap();
    let text: String = stdout.iter().map(|chunk| chunk.text.as_str()).collect();
    assert_eq!(text, "first\nmiddle\nlast\n");
}

#[tokio::test]
async fn places_are_bounded_and_users_take_turns() {
    let world = World::new(EngineOptions {
        concurrency: 1,
        ..EngineOptions::default()
    })
    .await;
    let mut ids = vec![world.submit("ana", "hold", json!({})).await];
    world.gate.held(1).await;
    for user in ["ana", "ana", "ana", "bo"] {
        ids.push(world.submit(user, "hold", json!({})).await);
    }
    let stats = world.engine.stats();
    assert_eq!((stats.running, stats.waiting), (1, 4));
    world.gate.open();
    for id in ids {
        assert_eq!(
            world.engine.wait(id).await.unwrap().unwrap().status,
            Status::Succeeded
        );
    }
    assert_eq!(*world.gate.started.lock(), ["ana", "ana", "bo", "ana", "ana"]);
    assert_eq!(world.engine.stats().completed, 5);
}

#[tokio::test]
async fn cancel_stops_what_runs_and_what_waits() {
    let world = World::new(EngineOptions {
        concurrency: 1,
        ..EngineOptions::default()
    })
    .await;
    let running = world.submit("ana", "hold", json!({})).await;
    let waiting = world.submit("ana", "hold", json!({})).await;
    world.gate.held(1).await;
    let bo = Identity {
        user: "bo".to_owned(),
        ..Identity::default()
    };
    let refused = world.engine.cancel(waiting, &bo).await.unwrap_err();
    assert!(matches!(&refused, CancelError::Denied(_)), "{refused}");
    let ana = Identity {
        user: "ana".to_owned(),
        ..Identity::default()
    };
    for (id, now) in [(waiting, Status::Canceled), (running, Status::Canceling)] {
        let Cancelled::Asked(asked) = world.engine.cancel(id, &ana).await.unwrap() else {
            panic!("{id}")
        };
        assert_eq!(asked.status, now);
        let ended = world.engine.wait(id).await.unwrap().unwrap();
        assert_eq!(ended.status, Status::Canceled);
        assert_eq!(
            **ended.result.as_ref().unwrap(),
            json!({"message": "Action canceled by user.", "user": "ana"})
        );
        assert_eq!(ended.context()["cancelled_by"], "ana");
        assert!(matches!(
            world.engine.cancel(id, &ana).await.unwrap(),
            Cancelled::NotCancelable(_)
        ));
    }
    assert_eq!(
        world.gate.started.lock().len(),
        1,
        "a canceled execution was started"
    );
}

#[tokio::test]
async fn delayed_work_waits_for_its_time_and_can_be_canceled() {
    let world = World::new(EngineOptions::default()).await;
    let mut soon = world.ask("ana", "noop", json!({}));
    soon.delay = Some(Duration::from_millis(30));
    let mut later = world.ask("ana", "noop", json!({}));
    later.delay = Some(Duration::from_secs(3600));
    let soon = world.engine.submit(soon).await.unwrap().execution;
    let later = world.engine.submit(later).await.unwrap().execution;
    assert_eq!(log(&soon), ["requested", "delayed"]);
    let ended = world.engine.wait(soon.id).await.unwrap().unwrap();
    assert_eq!(
        log(&ended),
        ["requested", "delayed", "scheduled", "running", "succeeded"]
    );
    assert!(ended.elapsed_seconds().unwrap() >= 0.03);
    assert_eq!(world.engine.stats().delayed, 1);
    let ana = Identity {
        user: "ana".to_owned(),
        ..Identity::default()
    };
    world.engine.cancel(later.id, &ana).await.unwrap();
    assert_eq!(world.engine.stats().delayed, 0);
}

#[tokio::test]
async fn refusals_say_why_and_leave_an_audit_entry() {
    let world = World::new(EngineOptions::default()).await;
    let unknown = world
        .engine
        .submit(world.ask("ana", "nop", json!({})))
        .await
        .unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no action `demo.nop` (did you mean `demo.noop`?)"
    );
    let denied = world
        .engine
        .submit(world.ask("mallory", "noop", json!({})))
        .await
        .unwrap_err();
    assert_eq!(denied.to_string(), "not allowed: mallory may nothing");
    let entries = world.store.audit(AuditFilter::default()).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (&*entries[0].draft.kind, &*entries[0].draft.actor),
        ("access.denied", "mallory")
    );
    assert!(matches!(denied, SubmitError::Denied(_)));
}

#[tokio::test]
async fn a_panicking_runner_and_a_deadline_end_the_execution() {
    let world = World::new(EngineOptions::default()).await;
    let brief = world.submit("ana", "brief", json!({})).await;
    assert_eq!(
        world.engine.wait(brief).await.unwrap().unwrap().status,
        Status::Timeout
    );
    world
        .gate
        .panics
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let id = world.submit("ana", "hold", json!({})).await;
    let ended = world.engine.wait(id).await.unwrap().unwrap();
    assert_eq!(ended.status, Status::Failed);
    assert!(
        ended.result.as_ref().unwrap()["error"]
            .as_str()
            .unwrap()
            .starts_with("internal error")
    );
    assert_eq!(world.engine.stats().running, 0);
}

#[tokio::test]
async fn a_rerun_takes_the_old_parameters_as_data() {
    let world = World::new(EngineOptions::default()).await;
    world.gate.open();
    let first = world
        .submit(
            "ana",
            "shell",
            json!({"cmd": "echo '{% raw %}{{ x }}{% endraw %}'; echo $A", "env": {"A": "1"}}),
        )
        .await;
    world.engine.wait(first).await.unwrap();
    let ana = Identity {
        user: "ana".to_owned(),
        ..Identity::default()
    };
    let options = RerunOptions {
        parameters: json!({"env": {"A": "2"}}).as_object().unwrap().clone(),
        ..RerunOptions::default()
    };
    let again = world
        .engine
        .rerun(first, ana, Origin::default(), options)
        .await
        .unwrap()
        .execution;
    assert_eq!(again.request.context["re-run"], json!({"ref": first}));
    let ended = world.engine.wait(again.id).await.unwrap().unwrap();
    assert_eq!(ended.result.as_ref().unwrap()["stdout"], "{{ x }}\n2");
}

#[tokio::test]
async fn secrets_are_sealed_at_rest_and_masked_when_shown() {
    let world = World::new(EngineOptions::default()).await;
    world.gate.open();
    let mut ask = world.ask("ana", "hold", json!({"n": 1, "pin": "hunter2-very-secret"}));
    ask.origin.text = Some("hold with pin=hunter2-very-secret".to_owned());
    let id = world.engine.submit(ask).await.unwrap().execution.id;
    let ended = world.engine.wait(id).await.unwrap().unwrap();
    assert_eq!(
        ended.result.as_ref().unwrap()["parameters"]["pin"],
        "hunter2-very-secret",
        "the runner gets it"
    );
    assert_eq!(
        json!(world.engine.shown(&ended, false).parameters),
        json!({"n": 1, "pin": "********"})
    );
    assert_eq!(
        world.engine.shown(&ended, true).parameters["pin"],
        "hunter2-very-secret"
    );
    assert_eq!(
        ended.request.origin.text.as_deref(),
        Some("hold with pin=********")
    );
    let audit = world.store.audit(AuditFilter::default()).await.unwrap();
    assert!(
        audit
            .iter()
            .all(|entry| !format!("{entry:?}").contains("hunter2")),
        "{audit:?}"
    );
}
