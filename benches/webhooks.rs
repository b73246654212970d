//! Webhook → rule → `core.noop`, durable, over 128 connections, the load generator included: with 100 rules and with 5,000.
//!
//! Baseline in the same run: plain executions of `core.noop` over HTTP. Targets: 7,000/s and 60 % of the baseline with 100
//! rules, 80 % of that with 5,000. Every accepted event must have led to one execution.
//!
//! `cargo bench --bench webhooks -- --quick` measures for a second instead of five.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[allow(dead_code)] // shared with other benchmarks, which use other parts
mod support {
    pub(crate) mod load;
    pub(crate) mod server;
}

use std::time::Duration;

use serde_json::{Value, json};
use support::load::{post as request, run};
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
        let mut with_few = None;
        for count in [100, 5000] {
            println!("{count} rules");
            let folder = tempfile::tempdir().expect("a folder");
            let server = start(folder.path()).await;
            rules(&server, count).await;
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
            check(&server).await;
            println!("  ratio to the baseline: {:.2} (target 0.60)", rate / baseline);
            match with_few {
                None => with_few = Some(rate),
                Some(few) => println!("  ratio to 100 rules: {:.2} (target 0.80)", rate / few),
            }
            server.running.stop().await;
        }
    });
}
