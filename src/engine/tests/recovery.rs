//! What a start makes of what the last run left.

use serde_json::json;

use super::support::World;
use crate::engine::{EngineOptions, SubmitError};
use crate::model::Status;
use crate::store::Store;

#[tokio::test]
async fn waiting_work_goes_on_and_running_work_is_judged() {
    let options = EngineOptions {
        concurrency: 2,
        ..EngineOptions::default()
    };
    let world = World::new(options.clone()).await;
    let plain = world.submit("ana", "hold", json!({})).await;
    let again = world.submit("ana", "again", json!({})).await;
    world.gate.held(2).await;
    let waiting = world.submit("bo", "hold", json!({"n": 5})).await;

    let folder = world.crash().await;
    let world = World::on(folder, options).await;
    let abandoned = world.engine.wait(plain).await.unwrap().unwrap();
    assert_eq!(abandoned.status, Status::Abandoned);
    assert!(
        abandoned.result.as_ref().unwrap()["error"]
            .as_str()
            .unwrap()
            .contains("not declared idempotent")
    );
    world.gate.held(2).await;
    world.gate.open();
    let ended = world.engine.wait(again).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.progress.attempts), (Status::Succeeded, 2));
    let ended = world.engine.wait(waiting).await.unwrap().unwrap();
    assert_eq!(ended.status, Status::Succeeded);
    assert_eq!(ended.result.as_ref().unwrap()["parameters"]["n"], 5);
}

#[tokio::test]
async fn draining_takes_nothing_new_and_stops_what_does_not_end() {
    let options = EngineOptions {
        drain_seconds: 0,
        concurrency: 2,
        ..EngineOptions::default()
    };
    let world = World::new(options.clone()).await;
    let plain = world.submit("ana", "hold", json!({})).await;
    let again = world.submit("ana", "again", json!({})).await;
    let waiting = world.submit("ana", "hold", json!({})).await;
    world.gate.held(2).await;
    world.engine.drain().await;
    let refused = world
        .engine
        .submit(world.ask("ana", "noop", json!({})))
        .await
        .unwrap_err();
    assert!(matches!(refused, SubmitError::Stopping));
    let status = async |id| world.store.execution(id).await.unwrap().unwrap().status;
    assert_eq!(status(plain).await, Status::Abandoned);
    assert_eq!(status(again).await, Status::Scheduled);
    assert_eq!(status(waiting).await, Status::Requested);
}
