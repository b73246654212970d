//! Webhook → rule → `core.noop`, durable, over 128 connections, the load generator included: with 100 rules, with 5,000,
//! and with 100 on top of a million stored events.
//!
//! Baseline in the same run: plain executions of `core.noop` over HTTP. Targets: 7,000/s and 60 % of the baseline with 100
//! rules, 80 % of that with 5,000 and with a million stored, answers within 50 ms (p99) at half the rate. Every accepted
//! event must have led to one execution.
//!
//! `cargo bench --bench webhooks -- --quick` measures for a second instead of five, on a store of 20,000.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[allow(dead_code)] // shared with other benchmarks, which use other parts
mod support {
    pub(crate) mod load;
    pub(crate) mod server;
}

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sayso::cli::datadir::DataDir;
use sayso::model::{Enforcement, Id, InstanceDetail, InstanceStatus, Timestamp, TriggerInstance};
use sayso::store::sqlite::{SqliteOptions, SqliteStore};
use sayso::store::{Store, Write};
use serde_json::{Value, json};
use support::load::{paced, post as request, run};
use support::server::{Server, start};

const CONNECTIONS: usize = 128;

/// Rules on one URL of which one matches, by the value that it wants.
async fn rules(server: &Server, count: usize) {
    let client = server.running.client().expect("a client");
    for number in 0..count {
        let rule = json!({
            "name": format!("r{number}"),
            "pack": "bench",
            "enabled": true,
            "trigger": {"type": "core.st2.webhook", "parameters": {"url": "bench"}},
            "criteria": {"trigger.body.host": {"type": "equals", "pattern": format!("host{number}")}},
            "action": {"ref": "core.noop", "parameters": {}},
        });
        client.post("/api/v1/rules", Some(&rule)).await.expect("a rule");
    }
}

async fn measure(server: &Server, what: &str, path: &str, body: &Value, status: u16, time: Duration) -> f64 {
    let request = request(path, &server.token, &body.to_string());
    run(server.address, &request, status, CONNECTIONS, time / 5).await;
    let load = run(server.address, &request, status, CONNECTIONS, time).await;
    println!(
        "  {what}: {:>8.0}/s   p50 {:?}  p99 {:?}  refused {}",
        load.rate,
        load.quantile(0.5),
        load.quantile(0.99),
        load.refused
    );
    load.rate
}

/// Latencies at half of a rate, each from the moment at which the request was due.
async fn at_half_load(server: &Server, body: &Value, rate: f64, time: Duration) {
    let per_second = (rate / 2.0) as u32;
    let count = (f64::from(per_second) * time.as_secs_f64()) as usize;
    let request = request("/api/v1/webhooks/bench", &server.token, &body.to_string());
    let load = paced(
        server.address,
        vec![request; count],
        &[202],
        per_second,
        CONNECTIONS,
    )
    .await;
    println!(
        "  at half load ({:.0}/s): p50 {:?}  p99 {:?} (target 50 ms)  refused {}",
        load.rate,
        load.quantile(0.5),
        load.quantile(0.99),
        load.refused
    );
}

/// Stores so many events with what a rule made of each, as if they had come over a long time.
async fn fill(folder: &Path, count: usize) {
    let data_dir = DataDir::open(folder).expect("a data folder");
    data_dir.secret_key().expect("a key");
    drop(data_dir);
    let store = SqliteStore::open(SqliteOptions::new(folder.join("sayso.db")))
        .await
        .expect("a store");
    let store = Arc::new(store);
    let begun = Instant::now();
    let mut left = count;
    while left > 0 {
        let commits = (0..64).map(|_| {
            let rows = (0..left.min(64)).flat_map(stored).collect();
            left = left.saturating_sub(64);
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.commit(rows).await.expect("a commit") })
        });
        for commit in commits.collect::<Vec<_>>() {
            commit.await.expect("a task");
        }
    }
    println!("{count} stored events, filled in {:?}", begun.elapsed());
    store.close().await;
}

fn stored(number: usize) -> [Write; 2] {
    let instance = Id::new();
    let payload = json!({
        "headers": {"Host": "localhost", "Content-Type": "application/json", "Content-Length": "44"},
        "body": {"host": format!("host{number}"), "text": "the disk is full"},
    });
    [
        Write::Instance(Arc::new(TriggerInstance {
            id: instance,
            trigger: format!("core.stored-{}", number % 10),
            payload: Arc::new(payload),
            occurrence_time: Timestamp::now(),
            status: InstanceStatus::Processed,
            detail: InstanceDetail {
                type_ref: "core.st2.webhook".to_owned(),
                trace_tag: Some(format!("webhook-stored-{instance}")),
                ..InstanceDetail::default()
            },
        })),
        Write::Enforcement(Enforcement {
            id: Id::new(),
            rule: format!("bench.r{}", number % 10),
            instance,
            execution: Some(Id::new()),
            enforced_at: Timestamp::now(),
            failure: None,
            held_back: None,
        }),
    ]
}

/// As many executions of rules as events.
async fn check(server: &Server) {
    let client = server.running.client().expect("a client");
    let failed = client
        .get("/api/v1/executions?status=failed&limit=1")
        .await
        .expect("a list");
    assert_eq!(failed, json!([]), "some noops did not succeed");
    let open = client
        .get("/api/v1/triggerinstances?status=processing&limit=1")
        .await
        .expect("a list");
    assert_eq!(open, json!([]), "some events were not carried out");
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let time = Duration::from_secs(if quick { 1 } else { 5 });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let plain = json!({"action": "core.noop", "parameters": {}});
        let event = json!({"host": "host7", "text": "the disk is full"});
        let many = if quick { 20_000 } else { 1_000_000 };
        let mut with_few = None;
        for (count, old) in [(100, 0), (5000, 0), (100, many)] {
            println!("{count} rules, {old} stored events");
            let folder = tempfile::tempdir().expect("a folder");
            if old > 0 {
                fill(folder.path(), old).await;
            }
            let server = start(folder.path()).await;
            let begun = Instant::now();
            rules(&server, count).await;
            println!("  rules made in {:?}", begun.elapsed());
            let baseline = measure(
                &server,
                "plain executions (baseline)",
                "/api/v1/executions",
                &plain,
                201,
                time,
            )
            .await;
            let rate = measure(&server, "webhooks", "/api/v1/webhooks/bench", &event, 202, time).await;
            at_half_load(&server, &event, rate, time).await;
            check(&server).await;
            println!("  ratio to the baseline: {:.2} (target 0.60)", rate / baseline);
            match with_few {
                None => with_few = Some(rate),
                Some(few) => println!(
                    "  ratio to 100 rules and nothing stored: {:.2} (target 0.80)",
                    rate / few
                ),
            }
            server.running.stop().await;
        }
    });
}
