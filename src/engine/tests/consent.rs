//! Requests that need the consent of others before they run.

use std::sync::Arc;
use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::support::World;
use crate::access::reviews;
use crate::answers::approvals::{self, Say};
use crate::answers::{AnswerError, Answerer};
use crate::approval::Verdict;
use crate::engine::{Cancelled, Engine, EngineOptions, RerunOptions};
use crate::model::{Execution, Id, Identity, MASK, Origin, Status, Timestamp};
use crate::store::AuditFilter;

fn identity(user: &str) -> Identity {
    Identity {
        user: user.to_owned(),
        via: "test".to_owned(),
        ..Identity::default()
    }
}

/// The approvals that an execution waits for.
fn asked(execution: &Execution) -> Vec<Id> {
    let list = execution.progress.context["approvals"].as_array().unwrap();
    list.iter()
        .map(|one| one["id"].as_str().unwrap().parse().unwrap())
        .collect()
}

async fn get(engine: &Engine, id: Id) -> Arc<Execution> {
    engine.execution(id).await.unwrap().unwrap()
}

async fn over(engine: &Engine, id: Id) -> Arc<Execution> {
    let ended = tokio::time::timeout(Duration::from_secs(20), engine.wait(id)).await;
    ended.expect("it is over in time").unwrap().unwrap()
}

async fn vote(engine: &Engine, id: Id, user: &str, verdict: Verdict) -> Result<Arc<Execution>, AnswerError> {
    let say = Say {
        verdict,
        reason: Some("because"),
        seen: None,
    };
    let answerer = Answerer {
        identity: &identity(user),
        place: None,
    };
    approvals::vote(engine, id, &say, answerer).await
}

#[tokio::test]
async fn it_runs_with_what_was_shown_when_it_is_approved_and_not_before() {
    let world = World::new(EngineOptions::default()).await;
    let id = world.submit("bo", "guarded", json!({"pin": "hunter2"})).await;
    let waiting = get(&world.engine, id).await;
    assert_eq!((waiting.status, waiting.progress.attempts), (Status::Pending, 0));
    assert_eq!(world.engine.stats().running, 0);
    let [question] = asked(&waiting)[..] else { panic!() };
    let shown = get(&world.engine, question).await;
    assert_eq!((shown.status, shown.request.parent), (Status::Pending, Some(id)));
    let approval = approvals::of(&shown).unwrap().unwrap();
    assert_eq!(approval.subject.action.as_deref(), Some("demo.guarded"));
    assert_eq!(approval.subject.parameters["pin"], MASK);

    // The only approver asked for it: whoever asks cannot approve, however the name is written.
    for user in ["bo", "BO"] {
        let error = vote(&world.engine, question, user, Verdict::Approve)
            .await
            .unwrap_err();
        assert!(matches!(error, AnswerError::Forbidden(_)), "{error}");
    }
    let id = world.submit("ana", "guarded", json!({"pin": "hunter2"})).await;
    let [question] = asked(&*get(&world.engine, id).await)[..] else {
        panic!()
    };
    let error = vote(&world.engine, question, "dee", Verdict::Approve)
        .await
        .unwrap_err();
    assert!(matches!(error, AnswerError::Forbidden(_)), "{error}");
    // What is asked cannot be changed any more.
    let (ana, changed) = (identity("ana"), json!({"pin": "other"}));
    let answerer = Answerer {
        identity: &ana,
        place: None,
    };
    let error = approvals::change(&world.engine, question, changed.as_object().unwrap(), answerer)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("cannot be changed"), "{error}");

    vote(&world.engine, question, "bo", Verdict::Approve)
        .await
        .unwrap();
    world.gate.held(1).await;
    world.gate.open();
    let ended = over(&world.engine, id).await;
    assert_eq!(
        (ended.status, ended.request.user.as_str()),
        (Status::Succeeded, "ana")
    );
    assert_eq!(
        world.engine.shown(&ended, true).result.unwrap()["parameters"]["pin"],
        "hunter2"
    );
    let log: Vec<&str> = ended
        .progress
        .log
        .iter()
        .map(|entry| entry.status.as_str())
        .collect();
    assert_eq!(
        log,
        [
            "requested",
            "pending",
            "requested",
            "scheduled",
            "running",
            "succeeded"
        ]
    );
    // To run it again takes another approval.
    let again = world
        .engine
        .rerun(id, identity("ana"), Origin::default(), RerunOptions::default())
        .await
        .unwrap();
    assert_eq!(
        get(&world.engine, again.execution.id).await.status,
        Status::Pending
    );
}

#[tokio::test]
async fn a_denial_ends_it_with_the_reason() {
    let world = World::new(EngineOptions::default()).await;
    let id = world.submit("ana", "twice", json!({})).await;
    let questions = asked(&*get(&world.engine, id).await);
    assert_eq!(questions.len(), 2);
    vote(&world.engine, questions[0], "bo", Verdict::Approve)
        .await
        .unwrap();
    assert_eq!(get(&world.engine, id).await.status, Status::Pending);
    vote(&world.engine, questions[1], "cy", Verdict::Deny)
        .await
        .unwrap();
    let ended = get(&world.engine, id).await;
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(ended.result.as_ref().unwrap()["error"], "cy denied it: because");
    assert!(world.gate.started.lock().is_empty());

    // The other way round: what nobody needs any more is canceled.
    let id = world.submit("ana", "twice", json!({})).await;
    let questions = asked(&*get(&world.engine, id).await);
    vote(&world.engine, questions[1], "cy", Verdict::Deny)
        .await
        .unwrap();
    assert_eq!(over(&world.engine, questions[0]).await.status, Status::Canceled);
}

#[tokio::test]
async fn all_consents_are_needed_also_after_a_crash() {
    let world = World::new(EngineOptions::default()).await;
    let id = world.submit("ana", "twice", json!({})).await;
    let questions = asked(&*get(&world.engine, id).await);
    vote(&world.engine, questions[0], "bo", Verdict::Approve)
        .await
        .unwrap();
    let folder = world.crash().await;

    let world = World::on(folder, EngineOptions::default()).await;
    assert_eq!(get(&world.engine, id).await.status, Status::Pending);
    vote(&world.engine, questions[1], "cy", Verdict::Approve)
        .await
        .unwrap();
    world.gate.held(1).await;
    world.gate.open();
    assert_eq!(over(&world.engine, id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn who_cancels_it_cancels_what_is_asked_and_the_other_way_round() {
    let world = World::new(EngineOptions::default()).await;
    let id = world.submit("ana", "guarded", json!({})).await;
    let [question] = asked(&*get(&world.engine, id).await)[..] else {
        panic!()
    };
    let done = world.engine.cancel(id, &identity("ana")).await.unwrap();
    assert!(matches!(done, Cancelled::Asked(execution) if execution.status == Status::Canceled));
    assert_eq!(over(&world.engine, question).await.status, Status::Canceled);

    let id = world.submit("ana", "guarded", json!({})).await;
    let [question] = asked(&*get(&world.engine, id).await)[..] else {
        panic!()
    };
    world.engine.cancel(question, &identity("ana")).await.unwrap();
    assert_eq!(over(&world.engine, id).await.status, Status::Canceled);
}

#[tokio::test]
async fn without_approval_it_runs_at_once_and_stays_open_until_somebody_else_has_looked() {
    let world = World::new(EngineOptions::default()).await;
    let mut request = world.ask("ana", "guarded", json!({}));
    request.break_glass = Some("the site is down".to_owned());
    let id = world.engine.submit(request).await.unwrap().execution.id;
    world.gate.held(1).await;
    world.gate.open();
    assert_eq!(over(&world.engine, id).await.status, Status::Succeeded);
    let store = &**world.engine.store();
    let open = reviews::open(store).await.unwrap();
    assert_eq!(
        (open.len(), open[0].id, open[0].reason.as_str()),
        (1, id, "the site is down")
    );
    let audit = store.audit(AuditFilter::default()).await.unwrap();
    let entry = audit
        .iter()
        .find(|entry| entry.draft.kind == "access.break_glass")
        .unwrap();
    assert_eq!(
        (entry.draft.actor.as_str(), &entry.draft.detail["reason"]),
        ("ana", &Value::from("the site is down"))
    );

    let now = Timestamp::now();
    for (user, may) in [("ana", true), ("Ana", true), ("eve", false)] {
        assert!(
            reviews::sign(store, id, "fine", &identity(user), may, |_| None, now)
                .await
                .is_err(),
            "{user}"
        );
    }
    // Whoever turns out to be behind the account that broke it has not looked at what somebody else did.
    let behind = |_: &str| Some("Dee".to_owned());
    assert!(
        reviews::sign(store, id, "fine", &identity("dee"), true, behind, now)
            .await
            .is_err()
    );
    reviews::sign(store, id, "fine", &identity("dee"), true, |_| None, now)
        .await
        .unwrap();
    assert!(reviews::open(store).await.unwrap().is_empty());

    // Where nothing is needed there is nothing to break, and permission is needed all the same.
    let mut request = world.ask("ana", "noop", json!({}));
    request.break_glass = Some("x".to_owned());
    world.engine.submit(request).await.unwrap();
    let mut request = world.ask("mallory", "guarded", json!({}));
    request.break_glass = Some("x".to_owned());
    assert!(world.engine.submit(request).await.is_err());
    assert!(reviews::open(store).await.unwrap().is_empty());
}
