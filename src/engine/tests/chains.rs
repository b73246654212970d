//! Action chains from request to end (CHN rows), through crashes, and under orders.

use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::support::World;
use crate::engine::{EngineOptions, RerunOptions};
use crate::model::{Execution, Id, Identity, Origin, Status};
use crate::store::{ExecutionFilter, Page, SortOrder, Store};

const PATIENCE: Duration = Duration::from_secs(30);

/// Name and text of each.
pub(super) const ALL: &[(&str, &str)] = &[
    (
        "links",
        "
vars:
  twice: '{{ n * 2 }}'
chain:
  - name: one
    ref: demo.hold
    parameters: {n: '{{ twice }}'}
    publish: {seen: '{{ one.parameters.n }}', from: '{{ action_context.parent.user }}'}
    on-success: two
  - name: two
    ref: demo.hold
    params: {n: '{{ seen }}', pin: '{{ __results.one.parameters.n }}'}
",
    ),
    (
        "mended",
        "
default: breaks
chain:
  - {name: mends, ref: demo.noop}
  - name: breaks
    ref: demo.shell
    parameters: {cmd: exit 3}
    publish: {never: 1}
    on-success: mends
    on-failure: mends
",
    ),
    (
        "broken",
        "
chain:
  - {name: a, ref: demo.shell, parameters: {cmd: 'exit 3'}, on-success: b}
  - {name: b, ref: demo.noop}
",
    ),
    (
        "misfit",
        "
chain:
  - {name: a, ref: demo.hold, parameters: {nosuch: 1}, on-success: b, on-failure: c}
  - {name: b, ref: demo.noop}
  - {name: c, ref: demo.noop}
",
    ),
    (
        "missing",
        "
chain:
  - {name: a, ref: demo.noop, on-success: b}
  - {name: b, ref: demo.nosuch, on-failure: a}
",
    ),
    (
        "unrendered",
        "
chain:
  - {name: a, ref: demo.noop, on-success: b}
  - {name: b, ref: demo.hold, parameters: {n: '{{ nothing.there }}'}, on-failure: a}
",
    ),
    (
        "senseless",
        "chain:\n  - {name: a, ref: demo.noop, on-success: nowhere}\n",
    ),
    (
        "asking",
        "
chain:
  - {name: ask, ref: demo.ask, publish: {said: '{{ ask.response.word }}'}, on-success: after,
     parameters: {schema: {type: object, properties: {word: {type: string}}}}}
  - {name: after, ref: demo.noop}
",
    ),
    (
        "nesting",
        "
chain:
  - {name: inner, ref: demo.inner_chain, publish: {deep: '{{ inner.published.seen }}'}, on-success: flow}
  - {name: flow, ref: demo.chain_of_noops, parameters: {rounds: '1'}}
",
    ),
    (
        "marks_chain",
        "
chain:
  - {name: a, ref: demo.again_mark, parameters: {mark: a}, publish: {a: '{{ a.mark }}'}, on-success: ask}
  - {name: ask, ref: demo.question, on-success: b}
  - {name: b, ref: demo.again_mark, parameters: {mark: 'b{{ a }}', fails: 1}, on-success: a, on-failure: c}
  - {name: c, ref: demo.noop}
",
    ),
    (
        "inner_chain",
        "chain:\n  - {name: only, ref: demo.noop, publish: {seen: '{{ n }}'}}\n",
    ),
];

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

/// Name and state of the tasks that a result lists.
fn tasks(result: &Value) -> Vec<(&str, &str)> {
    let tasks = result["tasks"].as_array().unwrap().iter();
    tasks
        .map(|task| (task["name"].as_str().unwrap(), task["state"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn tasks_run_one_after_the_other_with_what_is_known_in_the_types_of_their_parameters() {
    let world = world().await;
    world.gate.open();
    let id = world.submit("ana", "links", json!({"n": 4})).await;
    let (status, result) = ended(&world, id).await;
    assert_eq!(status, Status::Succeeded, "{result}");
    assert_eq!(result["published"], json!({"seen": "8", "from": "ana"}));
    assert_eq!(tasks(&result), [("one", "succeeded"), ("two", "succeeded")]);
    let children = children(&world, id).await;
    let (one, two) = (&children[0], &children[1]);
    assert_eq!(
        (&one.request.parameters["n"], &two.request.parameters["n"]),
        (&json!(8), &json!(8))
    );
    // CHN-10: what a task's entry has, in the reference's order.
    let keys: Vec<&str> = result["tasks"][0]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "id",
            "name",
            "execution_id",
            "liveaction_id",
            "workflow",
            "created_at",
            "updated_at",
            "state",
            "result"
        ]
    );
    assert_eq!(result["tasks"][1]["execution_id"], json!(two.id));
    assert_eq!(result["tasks"][0]["result"]["parameters"]["n"], 8);
    assert_eq!(one.request.context["chain"]["name"], "one");
    assert_eq!(one.request.context["chain"]["on_success"], "two");
    assert_eq!(one.request.context["parent"]["execution_id"], json!(id));
    assert_eq!(
        result.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["tasks", "published"]
    );
}

#[tokio::test]
async fn what_is_published_may_be_kept_out_of_the_result() {
    let world = world().await;
    world.gate.open();
    let id = world
        .submit("ana", "links", json!({"n": 4, "display_published": false}))
        .await;
    let (status, result) = ended(&world, id).await;
    assert_eq!((status, result.get("published")), (Status::Succeeded, None));
}

#[rstest::rstest]
#[case("mended", Status::Succeeded, &[("breaks", "failed"), ("mends", "succeeded")])]
#[case("broken", Status::Failed, &[("a", "failed")])]
#[case("misfit", Status::Succeeded, &[("a", "failed"), ("c", "succeeded")])]
#[tokio::test]
async fn after_a_failure_the_chain_goes_the_way_for_that(
    #[case] name: &str,
    #[case] status: Status,
    #[case] expected: &[(&str, &str)],
) {
    let world = world().await;
    let id = world.submit("ana", name, json!({})).await;
    let (ended, result) = ended(&world, id).await;
    assert_eq!((ended, tasks(&result).as_slice()), (status, expected), "{result}");
    assert_eq!(result["published"], json!({}));
    if name == "misfit" {
        let error = result["tasks"][0]["result"]["error"].as_str().unwrap();
        assert!(
            error.starts_with("Task \"a\" failed: ") && error.contains("nosuch"),
            "{error}"
        );
        assert_eq!(result["tasks"][0]["execution_id"], json!(null));
    }
}

#[rstest::rstest]
#[case(
    "missing",
    "Failed to run task \"b\". Action with reference \"demo.nosuch\" doesn't exist.",
    1
)]
#[case("unrendered", "Failed rendering parameter `n` of task \"b\"", 1)]
#[case("senseless", "Failed initializing action chain: ", 0)]
#[tokio::test]
async fn what_cannot_be_asked_for_ends_the_chain_with_its_reason(
    #[case] name: &str,
    #[case] reason: &str,
    #[case] listed: usize,
) {
    let world = world().await;
    let id = world.submit("ana", name, json!({})).await;
    let (status, result) = ended(&world, id).await;
    let error = result["error"].as_str().unwrap();
    assert!(error.starts_with(reason), "{error}");
    assert_eq!((status, tasks(&result).len()), (Status::Failed, listed));
    assert!(result["traceback"].is_string());
}

#[tokio::test]
async fn a_chain_in_a_chain_and_a_workflow_in_it_give_their_results() {
    let world = world().await;
    let id = world.submit("ana", "nesting", json!({})).await;
    let (status, result) = ended(&world, id).await;
    assert_eq!(status, Status::Succeeded, "{result}");
    assert_eq!(result["published"], json!({"deep": "3"}));
    assert_eq!(result["tasks"][1]["result"]["output"]["round"], 1);
    assert_eq!(result["tasks"][0]["workflow"], result["tasks"][0]["execution_id"]);
}

#[tokio::test]
async fn a_paused_chain_goes_on_with_the_next_task() {
    let world = world().await;
    let id = world.submit("ana", "links", json!({})).await;
    world.gate.held(1).await;
    world.engine.pause(id, &ana()).await.unwrap();
    reaches(&world, id, Status::Pausing).await;
    world.gate.open();
    reaches(&world, id, Status::Paused).await;
    assert_eq!(children(&world, id).await.len(), 1);
    world.engine.resume(id, &ana()).await.unwrap();
    let (status, result) = ended(&world, id).await;
    assert_eq!((status, tasks(&result).len()), (Status::Succeeded, 2));
}

#[tokio::test]
async fn a_canceled_chain_ends_when_its_task_has() {
    let world = world().await;
    let id = world.submit("ana", "links", json!({})).await;
    world.gate.held(1).await;
    world.engine.cancel(id, &ana()).await.unwrap();
    reaches(&world, id, Status::Canceling).await;
    world.gate.open();
    let (status, result) = ended(&world, id).await;
    assert_eq!(
        (status, tasks(&result)),
        (Status::Canceled, vec![("one", "succeeded")])
    );
}

#[tokio::test]
async fn a_question_pauses_the_chain_until_it_is_answered() {
    let world = world().await;
    let id = world.submit("ana", "asking", json!({})).await;
    reaches(&world, id, Status::Paused).await;
    let question = children(&world, id).await[0].id;
    let answer = crate::answers::Answerer {
        identity: &ana(),
        place: None,
    };
    crate::answers::inquiries::respond(&world.engine, question, json!({"word": "yes"}), answer)
        .await
        .unwrap();
    let (status, result) = ended(&world, id).await;
    assert_eq!(status, Status::Succeeded, "{result}");
    assert_eq!(result["published"], json!({"said": "yes"}));
}

#[tokio::test]
async fn a_crash_loses_nothing_and_repeats_nothing() {
    let world = world().await;
    let id = world.submit("ana", "asking", json!({})).await;
    reaches(&world, id, Status::Paused).await;
    let folder = world.crash().await;
    let world = World::on(folder, EngineOptions::default()).await;
    let question = children(&world, id).await[0].id;
    let answer = crate::answers::Answerer {
        identity: &ana(),
        place: None,
    };
    crate::answers::inquiries::respond(&world.engine, question, json!({"word": "yes"}), answer)
        .await
        .unwrap();
    let (status, result) = ended(&world, id).await;
    assert_eq!(status, Status::Succeeded, "{result}");
    assert_eq!(tasks(&result), [("ask", "succeeded"), ("after", "succeeded")]);
    assert_eq!(children(&world, id).await.len(), 2);
}

#[tokio::test]
async fn a_chain_runs_again_as_a_whole_only() {
    let world = world().await;
    let id = world.submit("ana", "broken", json!({})).await;
    ended(&world, id).await;
    let options = RerunOptions {
        tasks: vec!["a".to_owned()],
        ..RerunOptions::default()
    };
    let refused = world
        .engine
        .rerun(id, ana(), Origin::default(), options)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("run the chain anew"), "{refused}");
}
