//! `POST /executions` of `core.noop`, durable, over 128 connections, the load generator included.
//!
//! Baseline in the same run: a handler of the same server that parses a JSON body and sends it back. Then the same
//! with a million stored executions, and with the sentences of chat among 5,000 aliases.
//!
//! `cargo bench --bench http -- --quick` stores 50,000 instead of a million.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod support {
    pub(crate) mod load;
}

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::routing::post;
use axum::{Json, Router};
use sayso::app::Sayso;
use sayso::cli::datadir::DataDir;
use sayso::cli::{Host, Purpose, Running, Start};
use sayso::settings::{Flag, Sources, load};
use serde_json::{Value, json};
use support::load::{post as request, run};
use tokio::net::TcpListener;

const CONNECTIONS: usize = 128;
const TIME: Duration = Duration::from_secs(5);

/// An application on a folder, and the address where it listens.
struct Server {
    running: Box<dyn Running>,
    address: SocketAddr,
    token: String,
}

async fn start(folder: &std::path::Path) -> Server {
    let flag = |key: &str, value: String| Flag {
        name: "bench".to_owned(),
        key: key.to_owned(),
        value,
    };
    let sources = Sources::of_process(
        None,
        vec![
            flag("data_dir", folder.display().to_string()),
            flag("log.level", "error".to_owned()),
            flag("access.mode", "open".to_owned()),
        ],
    );
    let loaded = Arc::new(load(&sources).expect("settings"));
    let data_dir = DataDir::open(folder).expect("a data folder");
    let key = data_dir.secret_key().expect("a key");
    let token = sayso::access::token::admin_token(folder).expect("a token");
    let start = Start {
        loaded,
        data_dir,
        key,
        token: token.clone(),
        purpose: Purpose::Serve,
    };
    let running = Sayso.start(start).await.expect("a server");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(running.serve(listener));
    Server {
        running,
        address,
        token: token.to_string(),
    }
}

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
        let request = request("/echo", "none", &body);
        run(echo, &request, 200, CONNECTIONS, Duration::from_secs(1)).await;
        let baseline = run(echo, &request, 200, CONNECTIONS, TIME).await.rate;
        println!("JSON echo of the same server (baseline): {baseline:>8.0}/s");

        println!("empty store");
        let empty_folder = tempfile::tempdir().expect("a folder");
        let server = start(empty_folder.path()).await;
        let empty = noops(&server).await;
        check(&server).await;
        println!("  ratio to the baseline: {:.2} (target 0.30)", empty / baseline);
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
