//! How fast the shell runner starts commands, against starting them bare.
//!
//! Both run `bash -c true` one after another in the same process, first as it is and then with 512 MB of
//! resident memory. If a child were forked from the server, the second figure would collapse (page tables are
//! copied); with `posix_spawn` it stays. Targets: ratio of at least 0.8, both times.
#![allow(clippy::print_stdout)] // printing is what a benchmark is for

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sayso::model::{Action, Id, JsonMap};
use sayso::runners::{Job, OutputSink, RunnerOptions, builtin};
use serde_json::json;
use tokio_util::sync::CancellationToken;

const ROUND: Duration = Duration::from_millis(500);
const ROUNDS: usize = 6;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be built");
    let lean = measure(&runtime);
    println!("resident as started:  {lean}");
    // Written to, or it would not be resident.
    let ballast: Vec<u8> = (0..512 * 1024 * 1024)
        .map(|index: usize| u8::try_from(index % 251).unwrap_or(0))
        .collect();
    let heavy = measure(&runtime);
    println!("with 512 MB resident: {heavy}");
    println!("runner, heavy/lean:   {:.2}", heavy.runner / lean.runner);
    std::hint::black_box(&ballast);
}

struct Rates {
    bare: f64,
    runner: f64,
}

impl std::fmt::Display for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "bare {:.0}/s, runner {:.0}/s, ratio {:.2}",
            self.bare,
            self.runner,
            self.runner / self.bare
        )
    }
}

/// Takes turns between the two, so that other load on the machine hits both alike.
fn measure(runtime: &tokio::runtime::Runtime) -> Rates {
    let runners = builtin(RunnerOptions::default());
    let runner = Arc::clone(runners.get("local-shell-cmd").expect("it is built in"));
    let action = Arc::new(action());
    let (mut bare, mut through) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut watch = Watch::start();
        while watch.lap() {
            let status = Command::new("/bin/bash")
                .args(["-c", "true"])
                .stdin(Stdio::null())
                .status();
            assert!(status.expect("bash can be started").success());
        }
        bare.push(watch.rate());

        // As a task of a worker, like executions in the server.
        let (runner, action) = (Arc::clone(&runner), Arc::clone(&action));
        let task = runtime.spawn(async move {
            let mut watch = Watch::start();
            while watch.lap() {
                let outcome = runner.run(job(&action)).await;
                assert_eq!(outcome.result["return_code"], 0);
            }
            watch.rate()
        });
        through.push(runtime.block_on(task).expect("the task does not panic"));
    }
    Rates {
        bare: median(bare),
        runner: median(through),
    }
}

/// Counts what happens in one round.
struct Watch {
    start: Instant,
    laps: f64,
}

impl Watch {
    fn start() -> Self {
        Self {
            start: Instant::now(),
            laps: -1.0,
        }
    }

    /// Counts the lap before; true while the round goes on.
    fn lap(&mut self) -> bool {
        self.laps += 1.0;
        self.start.elapsed() < ROUND
    }

    fn rate(&self) -> f64 {
        self.laps / self.start.elapsed().as_secs_f64()
    }
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn job(action: &Arc<Action>) -> Job {
    let mut parameters = JsonMap::new();
    parameters.insert("cmd".to_owned(), json!("true"));
    Job {
        execution: Id::new(),
        action: Arc::clone(action),
        parameters,
        context: JsonMap::new(),
        user: "ana".to_owned(),
        scratch: PathBuf::new(),
        cancel: CancellationToken::new(),
        output: OutputSink::discard(),
    }
}

fn action() -> Action {
    Action {
        reference: "core.local".to_owned(),
        pack: "core".to_owned(),
        name: "local".to_owned(),
        description: String::new(),
        enabled: true,
        runner_type: "local-shell-cmd".to_owned(),
        entry_point: String::new(),
        parameters: JsonMap::new(),
        output_schema: JsonMap::new(),
        tags: json!([]),
        notify: json!({}),
        metadata_file: String::new(),
        idempotent: false,
        read_only: false,
        approval: None,
        deadline_seconds: None,
        pack_dir: None,
        pack_version: "1.0.0".to_owned(),
        digest: String::new(),
        entry_point_text: None,
    }
}
