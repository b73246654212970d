//! An orderly stop: what runs may end, what waits goes on at the next start.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::{Server, Site, assert_says, eventually};

#[tokio::test]
async fn what_runs_may_end_before_the_server_stops() {
    let site = Site::open().set("engine.concurrency", "1");
    let server = site.serve().await;
    let (started, go) = (site.path("started"), site.path("go"));
    let running = server
        .api()
        .started("trial.gate", json!({"started": started, "go": go}))
        .await;
    // The second one finds no free place and has to wait for the next start.
    let file = site.path("marks");
    let waiting = server
        .api()
        .started("trial.mark", json!({"file": file, "id": "waited"}))
        .await;
    eventually("the first action is at work", async || {
        started.exists().then_some(())
    })
    .await;
    assert_eq!(server.api().execution(&waiting).await["status"], "requested");

    server.signal(Signal::SIGTERM);
    eventually("the server takes nothing new", async || {
        let answer = server.api().run("core.noop", json!({})).await;
        if answer.status == 503 {
            assert_says(answer.fault(), &["the server is stopping"]);
            return Some(());
        }
        assert_eq!(answer.status, 201, "{:#}", answer.body);
        None
    })
    .await;
    // It is still there, because its work is.
    assert_eq!(server.api().execution(&running).await["status"], "running");
    std::fs::write(&go, "").expect("the gate opens");
    let api = server.api().clone();
    assert_eq!(server.ended().await.code(), Some(0));
    assert!(!file.exists(), "what waited was not to run any more");
    assert!(
        !site.data().join("listen.addr").exists(),
        "the address is gone with the server"
    );

    let server = Server::again(&site, api).await;
    let execution = server.api().execution(&running).await;
    assert_eq!(execution["status"], "succeeded", "{execution:#}");
    assert_says(
        execution["result"]["stdout"].as_str().unwrap_or_default(),
        &["waiting", "gone"],
    );
    assert_eq!(server.api().over(&waiting).await["status"], "succeeded");
    assert_eq!(std::fs::read_to_string(file).expect("the mark"), "waited\n");
}

#[tokio::test]
async fn what_does_not_end_in_time_is_stopped() {
    let site = Site::open()
        .set("engine.drain_seconds", "1")
        .set("runners.grace_seconds", "1");
    let server = site.serve().await;
    let (started, go) = (site.path("started"), site.path("never"));
    let stuck = server
        .api()
        .started("trial.gate", json!({"started": started, "go": go}))
        .await;
    let again = server.api().started("core.pause", json!({"max_pause": 3})).await;
    eventually("the action is at work", async || started.exists().then_some(())).await;
    server.api().becomes(&again, &["running"]).await;
    let api = server.api().clone();
    assert_eq!(server.stop().await.code(), Some(0));

    let server = Server::again(&site, api).await;
    let execution = server.api().execution(&stuck).await;
    assert_eq!(execution["status"], "abandoned", "{execution:#}");
    let why = execution["result"]["error"].as_str().unwrap_or_default();
    assert_says(
        why,
        &[
            "the server was stopped while the action ran",
            "not declared idempotent",
        ],
    );
    // The one that may be done twice is done again.
    assert_eq!(server.api().over(&again).await["status"], "succeeded");
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let site = Site::open();
    let server = site.serve().await;
    let started = site.path("started");
    let parameters = json!({"started": started, "go": site.path("never")});
    let id = server.api().started("trial.gate", parameters).await;
    eventually("the action is at work", async || started.exists().then_some(())).await;
    server.signal(Signal::SIGTERM);
    eventually("the server takes nothing new", async || {
        (server.api().run("core.noop", json!({})).await.status == 503).then_some(())
    })
    .await;
    server.signal(Signal::SIGINT);
    let api = server.api().clone();
    assert_eq!(server.ended().await.code(), Some(1));
    assert_says(&site.log(), &["told to stop a second time"]);
    let server = Server::again(&site, api).await;
    assert_eq!(server.api().execution(&id).await["status"], "abandoned");
}
