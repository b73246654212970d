//! `POST /executions` of `core.noop`, durable, over 128 connections, the load generator included.
//!
//! Baseline in the same run: a handler of the same server that parses a JSON body and sends it back. Then the same
//! with a million stored executions.
//!
//! `cargo bench --bench http -- --quick` stores 50,000 instead of a million.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[allow(dead_code)] // shared with other benchmarks, which use other parts
mod support {
    pub(crate) mod load;
    pub(crate) mod server;
}

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use support::load::{post as request, run};
use support::server::{Server, start};
use tokio::net::TcpListener;

const CONNECTIONS: usize = 128;
const TIME: Duration = Duration::from_secs(5);

/// The baseline: the same accept loop and HTTP settings around a handler that does nothing.
async fn echo() -> SocketAddr {
    let router = Router::new().route("/echo", post(async |Json(body): Json<Value>| Json(body)));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(sayso::api::serve(
        listener,
        router,
        1024,
        tokio_util::sync::CancellationToken::new(),
    ));
    address
}

async fn noops(server: &Server) -> f64 {
    let body = json!({"action": "core.noop", "parameters": {}}).to_string();
    let request = request("/api/v1/executions", &server.token, &body);
    run(server.address, &request, 201, CONNECTIONS, Duration::from_secs(1)).await;
    let load = run(server.address, &request, 201, CONNECTIONS, TIME).await;
    println!(
        "  noops: {:>8.0}/s   p50 {:?}  p99 {:?}  refused {}",
        load.rate,
        load.quantile(0.5),
        load.quantile(0.99),
        load.refused
    );
    load.rate
}

async fn check(server: &Server) {
    let client = server.running.client().expect("a client");
    let status = client.get("/api/v1/status").await.expect("a status");
    println!("  store: {}", status["store"]);
    let failed = client
        .get("/api/v1/executions?status=failed&limit=1")
        .await
        .expect("a list");
    assert_eq!(failed, json!([]), "some noops did not succeed");
    let left = client
        .get("/api/v1/executions?status=requested,scheduled,running&limit=1")
        .await
        .expect("a list");
    assert_eq!(left, json!([]), "some noops did not end");
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let echo = echo().await;
        let body = json!({"action": "core.noop", "parameters": {}}).to_string();
        let echoed = request("/echo", "none", &body);
        run(echo, &echoed, 200, CONNECTIONS, Duration::from_secs(1)).await;
        let baseline = run(echo, &echoed, 200, CONNECTIONS, TIME).await.rate;
        println!("JSON echo of the same server (baseline): {baseline:>8.0}/s");

        println!("empty store");
        let empty_folder = tempfile::tempdir().expect("a folder");
        let server = start(empty_folder.path()).await;
        let empty = noops(&server).await;
        check(&server).await;
        println!("  ratio to the baseline: {:.2} (target 0.30)", empty / baseline);
        // The same road up to the handler, which finds no action named: all that is not the execution itself.
        let unnamed = request("/api/v1/executions", &server.token, r#"{"parameters": {}}"#);
        let refused = run(server.address, &unnamed, 400, CONNECTIONS, TIME).await.rate;
        println!(
            "  a request that is refused after its body is read: {refused:>8.0}/s, ratio to it {:.2}",
            empty / refused
        );
        server.running.stop().await;

        let stored = if quick { 50_000 } else { 1_000_000 };
        println!("{stored} stored executions");
        let full_folder = tempfile::tempdir().expect("a folder");
        let server = start(full_folder.path()).await;
        let filled = Instant::now();
        fill(&server, stored).await;
        println!("  filled in {:.1} s", filled.elapsed().as_secs_f64());
        // The empty store again, right before: the machine's mood changes.
        let fresh_folder = tempfile::tempdir().expect("a folder");
        let fresh = start(fresh_folder.path()).await;
        let empty = noops(&fresh).await;
        fresh.running.stop().await;
        let full = noops(&server).await;
        check(&server).await;
        println!("  ratio to the empty store: {:.2} (target 0.90)", full / empty);
        lists(&server).await;
        server.running.stop().await;
    });
}

/// Stores so many executions through the API's own road.
async fn fill(server: &Server, count: usize) {
    let body = json!({"action": "core.noop", "parameters": {}}).to_string();
    let request = request("/api/v1/executions", &server.token, &body);
    let mut stored = 0;
    while stored < count {
        let load = run(server.address, &request, 201, 256, Duration::from_secs(5)).await;
        stored += load.micros.len();
    }
}

/// Lists as people use them, on the full store.
async fn lists(server: &Server) {
    let client = server.running.client().expect("a client");
    for path in [
        "/api/v1/executions?limit=50",
        "/api/v1/executions?limit=50&status=failed",
        "/api/v1/executions?limit=50&action=core.noop&user=admin",
        "/api/v1/executions?limit=50&action=core.local",
        "/api/v1/executions?limit=50&offset=5000",
    ] {
        client.get(path).await.expect("a list");
        let started = Instant::now();
        client.get(path).await.expect("a list");
        println!("  {path}: {:.2} ms", started.elapsed().as_secs_f64() * 1e3);
    }
}
