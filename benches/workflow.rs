//! How fast workflows run, durably: every figure beside what it is to be compared with, in one run.
//!
//! `bare noops` are executions that are no part of a workflow, submitted one after the other and all at once.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "support/engine.rs"]
mod support;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sayso::engine::{Engine, Submit};
use sayso::model::{Id, Identity, JsonMap, Status};
use serde_json::json;

use support::{action, engine_on, store_in};

/// Each figure is the median of so many runs.
const RUNS: usize = 7;

fn line(tasks: usize) -> String {
    let mut text = "version: 1.0\ntasks:\n".to_owned();
    for task in 1..=tasks {
        let _ = write!(text, "  t{task}:\n    action: core.noop\n");
        if task < tasks {
            let _ = write!(
                text,
                "    next:\n      - when: <% succeeded() %>\n        do: t{}\n",
                task + 1
            );
        }
    }
    text
}

fn fan(tasks: usize) -> String {
    let mut text = "version: 1.0\ntasks:\n".to_owned();
    for task in 1..=tasks {
        let _ = write!(
            text,
            "  t{task}:\n    action: core.noop\n    next:\n      - do: last\n"
        );
    }
    text + "  last:\n    join: all\n    action: core.noop\n"
}

const ITEMS: &str = "version: 1.0\ninput:\n  - count: 1\ntasks:\n  each:\n    with: <% range(0, ctx().count) %>\n    action: core.noop\n";

async fn start(engine: &Engine, name: &str, parameters: JsonMap) -> Id {
    let request = Submit {
        action: format!("core.{name}"),
        parameters,
        identity: Identity {
            user: "ana".to_owned(),
            ..Identity::default()
        },
        ..Submit::default()
    };
    engine.submit(request).await.expect("accepted").execution.id
}

async fn run(engine: &Engine, name: &str, parameters: JsonMap) {
    let id = start(engine, name, parameters).await;
    let ended = engine.wait(id).await.expect("a store").expect("an execution");
    assert_eq!(ended.status, Status::Succeeded, "{:?}", ended.result);
}

async fn median<F: Future<Output = ()>>(work: impl Fn() -> F) -> Duration {
    work().await;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        work().await;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times[RUNS / 2]
}

fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store_in(folder.path()).await;
        let mut items = action("items", "orquesta", Some(ITEMS));
        items
            .parameters
            .insert("count".to_owned(), json!({"type": "integer"}));
        let actions = [
            action("noop", "noop", None),
            action("shell", "local-shell-cmd", None),
            action("line", "orquesta", Some(&line(100))),
            action("long", "orquesta", Some(&line(1000))),
            action("fan", "orquesta", Some(&fan(100))),
            action("five", "orquesta", Some(&line(5))),
            items,
        ];
        let engine = engine_on(&store, folder.path(), actions).await;
        let engine = &engine;
        let none = JsonMap::new;
        let count = |count: usize| JsonMap::from_iter([("count".to_owned(), json!(count))]);

        let time = median(|| async {
            for _ in 0..100 {
                run(engine, "noop", none()).await;
            }
        })
        .await;
        let bare = per_second(100, time);
        println!("bare noops, one after the other:      {bare:>9.0}/s");
        let time = median(|| async {
            join_all((0..100).map(|_| run(engine, "noop", none()))).await;
        })
        .await;
        println!("bare noops, 100 at once:              {:>9.0}/s", per_second(100, time));

        let time = median(|| run(engine, "line", none())).await;
        let rate = per_second(100, time);
        println!("100 tasks in a line:                  {rate:>9.0} tasks/s, {:.2} of bare (target 3,000)", rate / bare);
        let time = median(|| run(engine, "long", none())).await;
        let long = per_second(1000, time);
        println!("1,000 tasks in a line:                {long:>9.0} tasks/s, {:.2} of 100 (1.0 is flat)", long / rate);
        let time = median(|| run(engine, "fan", none())).await;
        println!("100 branches and a join:              {:>9.0} tasks/s", per_second(101, time));

        let few = median(|| run(engine, "items", count(100))).await;
        let many = median(|| run(engine, "items", count(10_000))).await;
        let ratio = many.as_secs_f64() / few.as_secs_f64() / 100.0;
        println!("100 items:                            {:>9.0} items/s", per_second(100, few));
        println!("10,000 items:                         {:>9.0} items/s, {ratio:.2} of the time for each (target 1.5)", per_second(10_000, many));

        let started = Instant::now();
        join_all((0..1000).map(|_| run(engine, "five", none()))).await;
        let time = started.elapsed();
        println!("1,000 workflows of 5 tasks at once:   {:>9.0} workflows/s", per_second(1000, time));
    });
}
