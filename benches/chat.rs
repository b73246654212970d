//! From a sentence to its committed execution, among 5,000 aliases, at 100 messages a second: the time until the
//! message is acknowledged, which is after the commit of the execution, its audit entry and the claim of the message.
//!
//! Baseline in the same run: a sentence that no alias knows (no execution, but an answer in the outbox), and one
//! `fsync` of an appended kilobyte, which is what a commit cannot do without.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[allow(dead_code)] // shared with other benchmarks, which use other parts
mod support {
    pub(crate) mod load;
    pub(crate) mod server;
}

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use support::load::{Load, paced, post};
use support::server::start_with;

const PACKS: usize = 50;
const ALIASES: usize = 100;
const PER_SECOND: u32 = 100;
const MESSAGES: usize = 3_000;
const CONNECTIONS: usize = 16;

/// Packs with 5,000 aliases of a noop with parameters.
fn write_packs(folder: &Path) {
    for pack in 0..PACKS {
        let root = folder.join(format!("team{pack}"));
        for part in ["actions", "aliases"] {
            fs::create_dir_all(root.join(part)).expect("a folder");
        }
        let write = |name: String, text: String| fs::write(root.join(name), text).expect("a file");
        write(
            "pack.yaml".to_owned(),
            format!(
                "ref: team{pack}\nname: team{pack}\ndescription: Aliases.\nversion: 1.0.0\nauthor: bench\nemail: bench@example.com\n"
            ),
        );
        write(
            "actions/deploy.yaml".to_owned(),
            "name: deploy\nrunner_type: noop\nparameters:\n  service:\n    type: string\n    required: true\n  \
             place:\n    type: string\n    default: staging\n"
                .to_owned(),
        );
        for alias in 0..ALIASES {
            write(
                format!("aliases/deploy{alias}.yaml"),
                format!(
                    "name: deploy{alias}\naction_ref: team{pack}.deploy\nformats:\n  - 'team{pack} deploy kind{alias} \
                     {{{{service}}}} to {{{{place=staging}}}}'\n"
                ),
            );
        }
    }
}

fn fsync(folder: &Path) -> Vec<u32> {
    let mut file = File::create(folder.join("baseline")).expect("a file");
    let mut micros: Vec<u32> = (0..500)
        .map(|_| {
            file.write_all(&[7; 1024]).expect("space");
            let started = Instant::now();
            file.sync_data().expect("a disk");
            u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX)
        })
        .collect();
    micros.sort_unstable();
    micros
}

fn show(what: &str, load: &Load) {
    println!(
        "{what:<34} {:>5.0}/s  p50 {:?}  p99 {:?}  max {:?}  refused {}",
        load.rate,
        load.quantile(0.5),
        load.quantile(0.99),
        load.quantile(1.0),
        load.refused
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let packs = folder.path().join("packs");
        write_packs(&packs);
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a folder");
        let begun = Instant::now();
        let server = start_with(&data, &[("content.packs_dirs", packs.display().to_string())]).await;
        println!(
            "{} aliases, ready in {:.0} ms",
            PACKS * ALIASES,
            begun.elapsed().as_secs_f64() * 1e3
        );
        let message = |number: usize, text: String| {
            let body = json!({"conversation": format!("bench{}", number % 20), "text": text}).to_string();
            post("/api/v1/chat/messages", &server.token, &body)
        };
        let known = |number: usize| {
            let (pack, alias) = (number % PACKS, number / PACKS % ALIASES);
            message(
                number,
                format!("team{pack} deploy kind{alias} web{number} to production"),
            )
        };
        let unknown = |number: usize| {
            message(
                number,
                format!("please team{} deplore kind web{number}", number % PACKS),
            )
        };

        paced(
            server.address,
            (0..200).map(known).collect(),
            &[200, 201, 202],
            200,
            CONNECTIONS,
        )
        .await;
        let fsyncs = fsync(&data);
        println!(
            "fsync of 1 kB                      p50 {:?}  p99 {:?}",
            Duration::from_micros(fsyncs[fsyncs.len() / 2].into()),
            Duration::from_micros(fsyncs[fsyncs.len() * 99 / 100].into())
        );
        let unknown = paced(
            server.address,
            (0..MESSAGES / 3).map(unknown).collect(),
            &[200, 201, 202],
            PER_SECOND,
            CONNECTIONS,
        )
        .await;
        show("not understood (baseline)", &unknown);
        let known = paced(
            server.address,
            (0..MESSAGES).map(known).collect(),
            &[200, 201, 202],
            PER_SECOND,
            CONNECTIONS,
        )
        .await;
        show("sentence to committed execution", &known);
        println!(
            "p99 {:.2} ms (target 10 ms)",
            known.quantile(0.99).as_secs_f64() * 1e3
        );
        let client = server.running.client().expect("a client");
        let status = client.get("/api/v1/status").await.expect("a status");
        assert_eq!(
            status["store"]["executions"].as_u64(),
            Some(MESSAGES as u64 + 200),
            "each sentence is one execution"
        );
        server.running.stop().await;
    });
}
