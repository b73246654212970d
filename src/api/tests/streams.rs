//! Event streams: what comes, in which order, and where they end.

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::support::Server;
use crate::api::ApiOptions;
use crate::api::client::{EventStream, SseEvent};

async fn next(events: &mut EventStream) -> SseEvent {
    tokio::time::timeout(std::time::Duration::from_secs(20), events.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn steps_come_as_work_item_and_execution() {
    let server = Server::new().await;
    let mut events = server.client.events("/stream/v1/stream").await.unwrap();
    server.run("core.local", &json!({"cmd": "echo a"})).await;
    let mut seen = Vec::new();
    loop {
        let event = next(&mut events).await;
        let data: Value = event.json().unwrap();
        let status = data["status"].as_str().unwrap().to_owned();
        if event.event == "st2.liveaction__update" && status == "succeeded" {
            let result: Value = serde_json::from_str(data["result"].as_str().unwrap()).unwrap();
            assert_eq!(result["stdout"], "a");
        }
        seen.push((event.event, status));
        if seen.last().unwrap() == &("st2.execution__update".to_owned(), "succeeded".to_owned()) {
            break;
        }
    }
    let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..2], ["st2.liveaction__create", "st2.execution__create"]);
    assert!(
        names[2..].iter().all(|name| name.ends_with("__update")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn filters_choose_events_actions_and_executions() {
    let server = Server::new().await;
    let mut noops = server
        .client
        .events("/v1/stream?action_refs=core.noop&events=st2.execution__*")
        .await
        .unwrap();
    let mut output = server
        .client
        .events("/v1/stream?events=st2.execution.output__create")
        .await
        .unwrap();
    server.run("core.local", &json!({"cmd": "echo a"})).await;
    let noop = server.run("core.noop", &json!({})).await;
    let first = next(&mut noops).await;
    assert_eq!(first.event, "st2.execution__create");
    assert_eq!(first.json::<Value>().unwrap()["id"], noop["id"]);
    let line = next(&mut output).await.json::<Value>().unwrap();
    assert_eq!(
        (&line["data"], &line["output_type"], &line["action_ref"]),
        (&json!("a\n"), &json!("stdout"), &json!("core.local"))
    );
}

#[tokio::test]
async fn announcements_have_their_route_in_the_name() {
    let server = Server::new().await;
    let mut events = server
        .client
        .events("/v1/stream?events=st2.announcement__*")
        .await
        .unwrap();
    let parameters = json!({"message": {"text": "hi"}, "route": "ops"});
    server.run("core.announcement", &parameters).await;
    let event = next(&mut events).await;
    assert_eq!(event.event, "st2.announcement__ops");
    assert_eq!(
        event.json::<Value>().unwrap()["payload"],
        json!({"message": {"text": "hi"}})
    );
}

#[tokio::test]
async fn a_stream_with_an_end_ends_even_when_that_was_before_it_began() {
    let server = Server::new().await;
    let done = server.run("core.noop", &json!({})).await;
    let id = done["id"].as_str().unwrap();
    let path = format!("/v1/stream?end_event=st2.execution__update&end_execution_id={id}");
    let events: Vec<_> = server.client.events(&path).await.unwrap().collect().await;
    let names: Vec<String> = events.into_iter().map(|event| event.unwrap().event).collect();
    assert_eq!(names, ["st2.liveaction__update", "st2.execution__update", "EOF"]);

    let body = json!({"action": "core.local", "parameters": {"cmd": "read x < /dev/null; echo over"}});
    let accepted = server.client.post("/v1/executions", Some(&body)).await.unwrap();
    let path = format!("/v1/stream?end_execution_id={}", accepted["id"].as_str().unwrap());
    let mut events = server.client.events(&path).await.unwrap();
    let mut last = next(&mut events).await;
    while last.event != "EOF" {
        last = next(&mut events).await;
    }
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn output_is_replayed_then_followed_to_its_end() {
    let server = Server::new().await;
    let dir = tempfile::tempdir().unwrap();
    let gate = dir.path().join("gate");
    let cmd = format!(
        "echo one; while [ ! -e {0} ]; do sleep 0.02; done; echo two",
        gate.display()
    );
    let body = json!({"action": "core.local", "parameters": {"cmd": cmd}});
    let accepted = server.client.post("/v1/executions", Some(&body)).await.unwrap();
    let id = accepted["id"].as_str().unwrap();
    let mut events = server
        .client
        .events(&format!("/stream/v1/executions/{id}/output"))
        .await
        .unwrap();
    let first = next(&mut events).await.json::<Value>().unwrap();
    assert_eq!(first["data"], "one\n");
    let keys: Vec<&String> = first.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "execution_id",
            "action_ref",
            "runner_ref",
            "timestamp",
            "output_type",
            "data",
            "id"
        ]
    );
    std::fs::write(gate, "").unwrap();
    assert_eq!(next(&mut events).await.json::<Value>().unwrap()["data"], "two\n");
    let end = next(&mut events).await;
    assert_eq!((end.event.as_str(), end.data.as_str()), ("EOF", "''"));
    assert!(events.next().await.is_none());

    // Once more, after the end, by the other two ways to ask for it.
    for path in [
        format!("/v1/executions/{id}/output?follow=1"),
        format!("/v1/executions/{id}/output"),
    ] {
        let events: Vec<_> = server.client.events(&path).await.unwrap().collect().await;
        let texts: Vec<String> = events.into_iter().map(|event| event.unwrap().data).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
    }
}

#[tokio::test]
async fn streams_have_a_limit_and_give_their_place_back() {
    let server = Server::with(
        ApiOptions {
            max_streams: 1,
            ..ApiOptions::default()
        },
        "",
    )
    .await;
    let first = server.client.events("/v1/stream").await.unwrap();
    let refused = server.client.events("/v1/stream").await.err().unwrap();
    assert_eq!(refused.status(), Some(503));
    drop(first);
    let freed = async {
        while server.client.events("/v1/stream").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), freed)
        .await
        .unwrap();
}
