//! Workflows from request to end, through crashes, and under orders.

use std::collections::BTreeMap;
use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::support::World;
use crate::engine::{By, Cancelled, ControlError, EngineOptions, RerunOptions, SubmitError};
use crate::model::{Execution, Id, Identity, Origin, Status};
use crate::store::{ExecutionFilter, Page, SortOrder, Store};

/// Far more than anything here takes; a workflow that stands still is to fail and not to hang.
const PATIENCE: Duration = Duration::from_secs(30);

async fn world() -> World {
    World::new(EngineOptions::default()).await
}

fn ana() -> Identity {
    Identity {
        user: "ana".to_owned(),
        ..Identity::default()
    }
}

async fn ended(world: &World, id: Id) -> (Status, Value) {
    let ended = tokio::time::timeout(PATIENCE, world.engine.wait(id));
    let ended = ended.await.expect("it ends").unwrap().unwrap();
    let result = ended.result.as_deref().cloned().unwrap_or_default();
    (ended.status, result)
}

/// Children in order, with what their context says of their task.
async fn children(world: &World, id: Id) -> Vec<Execution> {
    let filter = ExecutionFilter {
        parent: Some(id),
        ..ExecutionFilter::default()
    };
    let page = Page {
        order: SortOrder::Ascending,
        ..Page::default()
    };
    world.store.executions(filter, page).await.unwrap().items
}

fn task(child: &Execution) -> (&str, u64, Option<u64>) {
    let link = &child.request.context["orquesta"];
    (
        link["task_id"].as_str().unwrap(),
        link["task_route"].as_u64().unwrap(),
        link.get("item_id").and_then(Value::as_u64),
    )
}

/// Waits until an execution has this status, told by the engine's events.
async fn reaches(world: &World, id: Id, status: Status) {
    let mut events = world.engine.subscribe();
    loop {
        let now = world.store.execution(id).await.unwrap().unwrap().status;
        if now == status {
            return;
        }
        assert!(!now.is_completed(), "it is {now}");
        let event = tokio::time::timeout(PATIENCE, events.recv()).await;
        event
            .unwrap_or_else(|_| panic!("it stays {now} and never is {status}"))
            .unwrap();
    }
}

#[tokio::test]
async fn a_workflow_runs_to_its_end_and_its_children_tell_what_they_are_for() {
    let world = world().await;
    let id = world.submit("ana", "chain_of_noops", json!({"rounds": 2})).await;
    let (status, result) = ended(&world, id).await;
    assert_eq!(
        (status, result),
        (Status::Succeeded, json!({"output": {"round": 2, "who": "ana"}}))
    );
    let children = children(&world, id).await;
    let names: Vec<_> = children.iter().map(|child| task(child).0).collect();
    assert_eq!(names, ["begin", "again", "next", "again", "next", "again"]);
    let first = &children[0].request;
    assert_eq!(first.context["parent"]["execution_id"], json!(id));
    assert_eq!(first.context["orquesta"]["workflow_execution_id"], json!(id));
    assert_eq!(
        (first.user.as_str(), first.origin.kind.as_str()),
        ("ana", "workflow")
    );
    assert!(first.decision.contains("part of demo.chain_of_noops"));
    let executions = |place: usize| &children[place].request.context["orquesta"]["task_execution_id"];
    assert_ne!(
        executions(1),
        executions(3),
        "each turn is an execution of its own"
    );
}

#[tokio::test]
async fn a_workflow_goes_on_where_one_commit_could_not_take_all_that_was_due() {
    let world = world().await;
    let id = world
        .submit("ana", "chain_of_noops", json!({"rounds": 600}))
        .await;
    let (status, result) = ended(&world, id).await;
    assert_eq!(
        (status, &result["output"]["round"]),
        (Status::Succeeded, &json!(600))
    );
}

#[tokio::test]
async fn branches_run_at_once_and_join() {
    let world = world().await;
    let id = world.submit("ana", "fork", json!({})).await;
    world.gate.held(2).await;
    world.gate.open();
    assert_eq!(
        ended(&world, id).await,
        (Status::Succeeded, json!({"output": {"sum": 3}}))
    );
}

#[tokio::test]
async fn items_are_children_each_and_results_come_in_their_order() {
    let world = world().await;
    let items: Vec<u32> = (0..1000).collect();
    let id = world.submit("ana", "many", json!({"items": items})).await;
    assert_eq!(
        ended(&world, id).await,
        (Status::Succeeded, json!({"output": {"n": 1000}}))
    );
    let children = children(&world, id).await;
    let numbers: Vec<_> = children.iter().map(|child| task(child).2.unwrap()).collect();
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());

    let id = world
        .submit("ana", "few_at_once", json!({"items": [5, 6, 7, 8, 9]}))
        .await;
    world.gate.held(2).await;
    world.gate.open();
    let (status, result) = ended(&world, id).await;
    assert_eq!(
        (status, result),
        (Status::Succeeded, json!({"output": {"seen": [5, 6, 7, 8, 9]}}))
    );

    let id = world.submit("ana", "many", json!({"items": []})).await;
    assert_eq!(
        ended(&world, id).await,
        (Status::Succeeded, json!({"output": {"n": 0}}))
    );
}

#[tokio::test]
async fn failures_are_retried_and_then_told() {
    let world = world().await;
    let id = world.submit("ana", "tries", json!({})).await;
    let (status, result) = ended(&world, id).await;
    assert_eq!(status, Status::Failed);
    assert_eq!(result["errors"][0]["task_id"], "flaky");
    assert_eq!(
        result["errors"][0]["message"],
        "Execution failed. See result for details."
    );
    assert_eq!(result["errors"][0]["result"]["return_code"], 3);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for child in children(&world, id).await {
        *counts.entry(task(&child).0.to_owned()).or_default() += 1;
    }
    assert_eq!(
        counts,
        BTreeMap::from([("flaky".to_owned(), 3), ("never".to_owned(), 1)])
    );
}

#[tokio::test]
async fn what_cannot_run_fails_with_its_reasons() {
    let world = world().await;
    let id = world.submit("ana", "flawed", json!({})).await;
    let (status, result) = ended(&world, id).await;
    assert_eq!((status, &result["output"]), (Status::Failed, &Value::Null));
    assert_eq!(result["errors"][0]["type"], "semantic");
    assert_eq!(
        result["errors"][0]["message"],
        "The task \"nowhere\" is not defined."
    );
    assert_eq!(result["errors"][0]["line"], 6);

    let id = world.submit("ana", "stranger", json!({})).await;
    let (status, result) = ended(&world, id).await;
    assert_eq!(status, Status::Failed);
    let errors = result["errors"].as_array().unwrap();
    let told = |error: &&Value| {
        error["message"]
            .as_str()
            .unwrap()
            .contains("there is no action `demo.nosuch`")
    };
    let error = errors.iter().find(told).unwrap();
    assert_eq!((&error["task_id"], &error["route"]), (&json!("a"), &json!(0)));
    assert_eq!(children(&world, id).await.len(), 0);
}

#[tokio::test]
async fn listed_tasks_tell_whom_the_workflow_tells() {
    let world = world().await;
    let route = json!({"on-complete": {"routes": ["ops"]}});
    let mut request = world.ask("ana", "chain_of_noops", json!({"rounds": 1, "notify": ["next"]}));
    request.notify = Some(route.clone());
    let id = world.engine.submit(request).await.unwrap().execution.id;
    assert_eq!(ended(&world, id).await.0, Status::Succeeded);
    let children = children(&world, id).await;
    let told: Vec<_> = children
        .iter()
        .map(|child| (task(child).0, child.request.notify.clone()))
        .collect();
    assert!(told.contains(&("begin", None)), "{told:?}");
    assert!(
        told.iter()
            .all(|(name, notify)| (*name == "next") == (*notify == Some(route.clone()))),
        "{told:?}"
    );

    let id = world
        .submit("ana", "chain_of_noops", json!({"notify": ["next", "nowhere"]}))
        .await;
    let (status, result) = ended(&world, id).await;
    assert_eq!(status, Status::Failed);
    assert_eq!(
        result["errors"][0]["message"],
        "The following tasks in the notify parameter do not exist in the workflow definition: nowhere."
    );
}

#[tokio::test]
async fn tasks_may_ask_for_what_others_did() {
    let world = world().await;
    let id = world.submit("ana", "asks_back", json!({})).await;
    let (_, result) = ended(&world, id).await;
    assert_eq!(result, json!({"output": {"one": "succeeded"}}));
}

#[tokio::test]
async fn a_crash_loses_no_finished_task_and_runs_none_again() {
    let world = world().await;
    let id = world.submit("ana", "fork", json!({})).await;
    world.gate.held(2).await;
    let folder = world.crash().await;

    // Both actions were at work: they end abandoned, and the workflow takes its failure path.
    let world = World::on(folder, EngineOptions::default()).await;
    let (status, result) = ended(&world, id).await;
    assert_eq!(status, Status::Failed, "{result}");
    assert_eq!(children(&world, id).await.len(), 2);

    let id = world.submit("ana", "held", json!({})).await;
    world.gate.held(1).await;
    world.gate.open();
    assert_eq!(
        ended(&world, id).await,
        (Status::Succeeded, json!({"output": {"last": 2}}))
    );
}

#[tokio::test]
async fn waiting_parts_of_a_workflow_go_on_after_a_crash() {
    let options = EngineOptions {
        concurrency: 1,
        ..EngineOptions::default()
    };
    let world = World::new(options.clone()).await;
    let blocker = world.submit("bo", "again", json!({})).await;
    world.gate.held(1).await;
    let id = world.submit("ana", "fork", json!({})).await;
    let late = world.submit("ana", "late", json!({})).await;
    reaches(&world, id, Status::Running).await;
    while children(&world, id).await.len() < 2 || children(&world, late).await.is_empty() {
        tokio::task::yield_now().await;
    }
    let folder = world.crash().await;

    let world = World::on(folder, options).await;
    world.gate.open();
    let (status, _) = ended(&world, blocker).await;
    assert_eq!(status, Status::Succeeded);
    assert_eq!(
        ended(&world, id).await,
        (Status::Succeeded, json!({"output": {"sum": 3}}))
    );
    assert_eq!(children(&world, id).await.len(), 3, "nothing was asked for twice");
    let waiting = children(&world, late).await;
    assert_eq!((waiting.len(), waiting[0].status), (1, Status::Delayed));
    let cancelled = world.engine.cancel(late, &ana()).await.unwrap();
    assert!(matches!(cancelled, Cancelled::Asked(_)));
    assert_eq!(ended(&world, late).await.0, Status::Canceled);
}

#[tokio::test]
async fn a_paused_workflow_starts_nothing_until_it_is_resumed() {
    let world = world().await;
    let id = world.submit("ana", "held", json!({})).await;
    world.gate.held(1).await;
    let pausing = world.engine.pause(id, &ana()).await.unwrap();
    assert_eq!(pausing.status, Status::Pausing);
    world.gate.open();
    reaches(&world, id, Status::Paused).await;
    assert_eq!(children(&world, id).await.len(), 1);
    assert_eq!(
        world.engine.execution(id).await.unwrap().unwrap().context()["paused_by"],
        "ana"
    );

    let folder = world.crash().await;
    let world = World::on(folder, EngineOptions::default()).await;
    assert!(matches!(
        world.engine.pause(id, &ana()).await,
        Err(ControlError::Refused(_, Status::Paused, "paused"))
    ));
    let other = Identity {
        user: "mallory".to_owned(),
        ..Identity::default()
    };
    assert!(matches!(
        world.engine.resume(id, &other).await,
        Err(ControlError::Denied(_))
    ));
    world.engine.resume(id, &ana()).await.unwrap();
    world.gate.open();
    assert_eq!(
        ended(&world, id).await,
        (Status::Succeeded, json!({"output": {"last": 2}}))
    );
}

#[tokio::test]
async fn canceling_lets_actions_end_unless_it_must_be_now() {
    let world = world().await;
    let id = world.submit("ana", "held", json!({})).await;
    world.gate.held(1).await;
    let Cancelled::Asked(asked) = world.engine.cancel(id, &ana()).await.unwrap() else {
        panic!("a running workflow can be canceled");
    };
    assert_eq!(asked.status, Status::Canceling);
    world.gate.held(1).await;
    world.gate.open();
    assert_eq!(ended(&world, id).await.0, Status::Canceled);
    assert_eq!(children(&world, id).await[0].status, Status::Succeeded);

    let folder = world.crash().await;
    let world = World::on(folder, EngineOptions::default()).await;
    let id = world.submit("ana", "outer", json!({})).await;
    world.gate.held(1).await;
    let inner = children(&world, id).await[0].id;
    // From the inside as well: the whole is canceled.
    world.engine.cancel_now(inner, &ana()).await.unwrap();
    let (status, result) = ended(&world, id).await;
    assert_eq!(status, Status::Canceled, "{result}");
    assert_eq!(ended(&world, inner).await.0, Status::Canceled);
    assert_eq!(children(&world, inner).await[0].status, Status::Canceled);
}

#[tokio::test]
async fn workflows_inside_pause_go_on_and_give_their_output() {
    let world = world().await;
    let id = world.submit("ana", "outer", json!({})).await;
    world.gate.held(1).await;
    let inner = children(&world, id).await[0].id;
    world.engine.pause(id, &ana()).await.unwrap();
    reaches(&world, inner, Status::Pausing).await;
    world.gate.open();
    reaches(&world, inner, Status::Paused).await;
    reaches(&world, id, Status::Paused).await;
    world.engine.resume(id, &ana()).await.unwrap();
    assert_eq!(
        ended(&world, id).await,
        (Status::Succeeded, json!({"output": {"got": 7}}))
    );
    assert_eq!(ended(&world, inner).await.0, Status::Succeeded);
}

/// Waits until a workflow has so many children that wait for an answer.
async fn questions(world: &World, id: Id, count: usize) -> Vec<Id> {
    let mut events = world.engine.subscribe();
    loop {
        let children = children(world, id).await;
        let waiting = children.iter().filter(|child| child.status == Status::Pending);
        let waiting: Vec<Id> = waiting.map(|child| child.id).collect();
        if waiting.len() == count {
            return waiting;
        }
        let event = tokio::time::timeout(PATIENCE, events.recv()).await;
        event.expect("the questions are asked").unwrap();
    }
}

#[tokio::test]
async fn a_question_pauses_the_workflow_and_its_answer_lets_it_go_on() {
    let world = world().await;
    let id = world.submit("ana", "asks", json!({})).await;
    let question = questions(&world, id, 1).await[0];
    reaches(&world, id, Status::Paused).await;
    let folder = world.crash().await;

    let world = World::on(folder, EngineOptions::default()).await;
    let by = By {
        user: "bo".to_owned(),
        ..By::default()
    };
    let answer = json!({"response": {"continue": true}});
    let settled = world
        .engine
        .settle(question, Status::Succeeded, answer.clone(), &by)
        .await;
    settled.unwrap();
    assert_eq!(
        ended(&world, id).await,
        (Status::Succeeded, json!({"output": {"said": true}}))
    );

    let id = world.submit("ana", "asks_many", json!({})).await;
    let both = questions(&world, id, 2).await;
    reaches(&world, id, Status::Paused).await;
    for question in both {
        let settled = world
            .engine
            .settle(question, Status::Succeeded, answer.clone(), &by)
            .await;
        settled.unwrap();
    }
    assert_eq!(ended(&world, id).await.0, Status::Succeeded);

    let id = world.submit("ana", "asks", json!({})).await;
    let question = questions(&world, id, 1).await[0];
    world.engine.cancel(id, &ana()).await.unwrap();
    assert_eq!(ended(&world, question).await.0, Status::Canceled);
    assert_eq!(ended(&world, id).await.0, Status::Canceled);
}

#[tokio::test]
async fn failed_items_run_again_with_what_the_others_gave() {
    let world = world().await;
    let flag = world.folder.path().join("ready");
    let id = world
        .submit("ana", "mends", json!({"flag": flag.to_str().unwrap()}))
        .await;
    let (status, _) = ended(&world, id).await;
    assert_eq!(status, Status::Failed);
    assert_eq!(children(&world, id).await.len(), 3);
    std::fs::write(&flag, "").unwrap();

    let again = |tasks: &[&str], reset: &[&str]| RerunOptions {
        tasks: tasks.iter().map(|task| (*task).to_owned()).collect(),
        reset: reset.iter().map(|task| (*task).to_owned()).collect(),
        ..RerunOptions::default()
    };
    let rerun = async |options| world.engine.rerun(id, ana(), Origin::default(), options).await;
    let unknown = rerun(again(&["nosuch"], &[])).await.unwrap_err();
    assert!(matches!(unknown, SubmitError::NotRerunnable(_)), "{unknown}");
    let command = rerun(again(&["fail"], &[])).await.unwrap_err();
    assert!(
        command.to_string().contains("a command to the workflow"),
        "{command}"
    );

    let second = rerun(again(&["each"], &[])).await.unwrap().execution;
    assert_eq!(
        second.request.context["re-run"],
        json!({"ref": id, "tasks": ["each"], "reset": []})
    );
    let (status, result) = ended(&world, second.id).await;
    assert_eq!(
        (status, &result["output"]),
        (Status::Succeeded, &json!({"said": ["a", "b", "c"]})),
        "{result}"
    );
    assert_eq!(children(&world, second.id).await.len(), 1, "only what had failed");

    let third = rerun(again(&["each"], &["each"])).await.unwrap().execution;
    let (status, result) = ended(&world, third.id).await;
    assert_eq!(
        (status, &result["output"]),
        (Status::Succeeded, &json!({"said": ["a", "b", "c"]})),
        "{result}"
    );
    assert_eq!(children(&world, third.id).await.len(), 3);
}

#[tokio::test]
async fn nobody_but_the_engine_makes_parts_of_workflows() {
    let world = world().await;
    let id = world.submit("ana", "held", json!({})).await;
    world.gate.held(1).await;
    let mut forged = world.ask("bo", "noop", json!({}));
    forged.parent = Some(id);
    forged.context = children(&world, id).await[0].request.context.clone();
    let forged = world.engine.submit(forged).await.unwrap().execution.id;
    assert_eq!(ended(&world, forged).await.0, Status::Succeeded);
    assert_eq!(
        world.store.execution(id).await.unwrap().unwrap().status,
        Status::Running
    );
    let folder = world.crash().await;
    let world = World::on(folder, EngineOptions::default()).await;
    let (status, result) = ended(&world, id).await;
    assert_eq!(status, Status::Failed, "its real child was abandoned: {result}");
}

#[tokio::test]
async fn secrets_of_a_workflow_are_sealed_in_its_journal_and_its_children() {
    let world = world().await;
    let id = world.submit("ana", "secretive", json!({"pin": "hunter2"})).await;
    world.gate.held(1).await;
    world.gate.open();
    assert_eq!(ended(&world, id).await.0, Status::Succeeded);
    let child = children(&world, id).await[0].clone();
    assert!(!json!(child.request.parameters).to_string().contains("hunter2"));
    let journal = world.store.journal(id, 0, 100).await.unwrap();
    assert!(!journal.is_empty());
    for entry in journal {
        assert!(!entry.data.windows(7).any(|part| part == b"hunter2"));
    }
}
