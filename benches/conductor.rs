//! What conducting costs, without actions, storage or clock: steps a second, and that they cost the same however many
//! came before. A step is an event of a task: that it runs, or that it has ended. The reference's conductor runs beside it
//! in the environment of tests/differential; without Python only our own figures are printed.
#![allow(clippy::print_stderr)] // printing is what a benchmark is for
#![expect(clippy::cast_precision_loss, reason = "steps are few enough")]

use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sayso::expr::template::{Evaluator, Limits, Options, Surroundings};
use sayso::expr::value::{Date, DateTime, Dict, Value};
use sayso::workflow::conductor::{ActionEvent, Conductor, ItemEvent, Nothing, Parts, Plan, Status};
use sayso::workflow::definition::{Document, Workflow};

struct Still;

impl Surroundings for Still {
    fn now(&self) -> DateTime {
        DateTime::utc(
            Date {
                year: 2020,
                month: 1,
                day: 1,
            },
            0,
        )
    }

    fn random(&self) -> u64 {
        4
    }
}

fn parts(text: &str) -> Parts {
    let evaluator = Arc::new(Evaluator::new(Limits::default(), Arc::new(Still)));
    let document = Document::parse(text).expect("a document");
    let workflow = Arc::new(Workflow::read(&document));
    Parts {
        plan: Arc::new(Plan::new(workflow, &evaluator)),
        evaluator,
        options: Options::default(),
        outside: Arc::new(Nothing),
    }
}

/// Runs a workflow to its end, its journal taken as a driver would; gives how many steps that were.
fn run(parts: &Parts) -> u64 {
    let mut conductor = Conductor::new(parts.clone(), &Dict::default(), &Dict::default());
    conductor.request(Status::Requested).expect("it starts");
    conductor.request(Status::Running).expect("it runs");
    let mut steps = 0;
    loop {
        let tasks = conductor.next_tasks();
        if tasks.is_empty() {
            break;
        }
        for status in [Status::Running, Status::Succeeded] {
            for task in &tasks {
                for call in &task.actions {
                    let told = match call.item {
                        None => conductor.action_event(
                            &task.id,
                            task.route,
                            &ActionEvent {
                                status,
                                result: Value::Null,
                            },
                        ),
                        Some(item) => {
                            let event = ItemEvent {
                                item,
                                status,
                                result: Value::Null,
                            };
                            conductor.item_event(&task.id, task.route, &event, &|| Value::list([]))
                        }
                    };
                    told.expect("it is its turn");
                    steps += 1;
                    black_box(conductor.take_journal());
                }
            }
        }
    }
    conductor.render_output();
    assert_eq!(conductor.status(), Status::Succeeded);
    steps
}

/// One task after the other, each with a condition; every tenth publishes.
fn sequence(count: usize) -> String {
    let mut text = "version: 1.0\ntasks:\n".to_owned();
    for number in 0..count {
        text += &format!("  t{number}:\n    action: core.noop\n");
        if number + 1 < count {
            let publish = if number % 10 == 0 {
                format!("        publish: n={number}\n")
            } else {
                String::new()
            };
            text += &format!(
                "    next:\n      - when: <% succeeded() %>\n{publish}        do: t{}\n",
                number + 1
            );
        }
    }
    text
}

fn fan(count: usize) -> String {
    let mut text = "version: 1.0\ntasks:\n".to_owned();
    for number in 0..count {
        text += &format!("  t{number}: {{action: core.noop, next: [{{do: j}}]}}\n");
    }
    text + "  j: {join: all, action: core.noop}\n"
}

fn items(count: usize) -> String {
    format!(
        "version: 1.0\ntasks:\n  t:\n    with: {{items: '<% range(0, {count}) %>', concurrency: 20}}\n    action: core.echo m=<% item() %>\n"
    )
}

fn circle(count: usize) -> String {
    format!(
        "version: 1.0\nvars: [{{n: 0}}]\ntasks:\n  lead: {{action: core.noop, next: [{{do: t}}]}}\n  t:\n    action: core.noop\n    next:\n      - when: <% ctx(n) < {count} %>\n        publish: n=<% ctx(n) + 1 %>\n        do: t\n"
    )
}

fn conduct(c: &mut Criterion) {
    let cases = [
        ("sequence of 100", sequence(100)),
        ("sequence of 1,000", sequence(1_000)),
        ("fan-out of 100 and join", fan(100)),
        ("1,000 items, 20 at a time", items(1_000)),
        ("10,000 items, 20 at a time", items(10_000)),
        ("circle of 1,000", circle(1_000)),
        ("circle of 10,000", circle(10_000)),
    ];
    let mut group = c.benchmark_group("conductor");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for (name, text) in &cases {
        let parts = parts(text);
        let steps = run(&parts);
        group.throughput(Throughput::Elements(steps));
        group.bench_function(*name, |bench| bench.iter(|| run(&parts)));
    }
    group.finish();
    // Ten times the steps should cost ten times as much: the ratio of the costs of a step is 1.
    let cost = |text: &str| {
        let parts = parts(text);
        run(&parts);
        let start = Instant::now();
        let steps = run(&parts);
        start.elapsed().as_secs_f64() / steps as f64
    };
    for (name, short, long) in [
        ("sequence of 1,000 to 100", sequence(100), sequence(1_000)),
        ("10,000 items to 100", items(100), items(10_000)),
        ("circle of 10,000 to 100", circle(100), circle(10_000)),
    ] {
        let ratio = cost(&long) / cost(&short);
        eprintln!("cost of a step, {name}: {ratio:.2}");
    }
}

/// Steps a second of the reference's conductor for each definition: alone, and with its state stored after each step.
fn python(definitions: &[String]) -> Option<Vec<[f64; 2]>> {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/differential/bench_conductor.py"
    );
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    stdin
        .write_all(serde_json::to_string(definitions).ok()?.as_bytes())
        .ok()?;
    drop(stdin);
    let output = child.wait_with_output().ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

fn compare(_: &mut Criterion) {
    let cases = [
        ("sequence of 10", sequence(10)),
        ("sequence of 100", sequence(100)),
        ("fan-out of 100 and join", fan(100)),
        ("100 items, 20 at a time", items(100)),
        ("circle of 100", circle(100)),
    ];
    let definitions = cases.clone().map(|(_, text)| text);
    let Some(theirs) = python(&definitions) else {
        eprintln!("no comparison with the reference: python3 or its packages are missing");
        return;
    };
    for ((name, text), [alone, stored]) in cases.iter().zip(theirs) {
        let parts = parts(text);
        let mut steps = 0;
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(500) {
            steps += run(&parts);
        }
        let ours = steps as f64 / start.elapsed().as_secs_f64();
        eprintln!(
            "{name}: {ours:.0} steps/s with the journal of each; the reference {alone:.0} ({:.0} times), \
             {stored:.0} with its state serialised after each ({:.0} times)",
            ours / alone,
            ours / stored
        );
    }
}

criterion_group!(benches, conduct, compare);
criterion_main!(benches);
