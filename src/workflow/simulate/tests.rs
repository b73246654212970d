//! Simulated workflows, against the answers of the reference's conductor (made by tests/differential/workflows.py) and,
//! for random ones, against what must hold of every workflow.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::replay::reloaded;
use super::*;
use crate::expr::template::{Limits, Surroundings};
use crate::expr::value::{Date, DateTime, to_tagged};

struct Still;

impl Surroundings for Still {
    fn now(&self) -> DateTime {
        DateTime::utc(Date::new(2026, 11, 22).expect("a day"), 0)
    }

    fn random(&self) -> u64 {
        7
    }
}

fn evaluator() -> Arc<Evaluator> {
    Arc::new(Evaluator::new(Limits::default(), Arc::new(Still)))
}

/// Evaluations nest, and builds without optimisation have large frames.
fn with_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(work);
    if let Err(panic) = thread.expect("a thread").join() {
        std::panic::resume_unwind(panic);
    }
}

fn rows(file: &str) -> impl Iterator<Item = Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/workflow")
        .join(file);
    let file = std::fs::File::open(path).expect("the rows are stored");
    let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines();
    lines.map(|line| serde_json::from_str(&line.expect("a line")).expect("a row"))
}

/// What is compared: of error messages the class, nothing of what is no data.
fn plain(value: &Json) -> Json {
    match value {
        Json::Object(members) if members.get("$type") == Some(&json!("opaque")) => json!("opaque"),
        Json::Object(members) => members
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "staged" | "log"))
            .map(|(name, value)| match (name.as_str(), value) {
                ("raises", value) => (name.clone(), value["type"].clone()),
                ("message", Json::String(text)) if members.get("type") == Some(&json!("error")) => {
                    let class = text.split(": ").next().unwrap_or_default();
                    (name.clone(), json!(class))
                }
                _ => (name.clone(), plain(value)),
            })
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect(),
        Json::Array(items) => items.iter().map(plain).collect(),
        other => other.clone(),
    }
}

fn dict(json: &Json) -> Dict {
    Value::from(json).as_dict().cloned().unwrap_or_default()
}

fn case(row: &Json) -> Case<'_> {
    Case {
        definition: row["definition"].as_str().expect("a definition"),
        inputs: dict(&row["inputs"]),
        context: dict(&row["context"]),
        inspect: false,
    }
}

fn as_json(value: &Value) -> Json {
    serde_json::from_str(&to_tagged(value)).expect("JSON")
}

fn compare(file: &str, answer: impl Fn(&Json) -> Value) {
    let (mut count, mut different) = (0, Vec::new());
    for row in rows(file) {
        count += 1;
        let (ours, theirs) = (plain(&as_json(&answer(&row))), plain(&row["expected"]));
        if ours != theirs {
            if different.is_empty() {
                let script = if row["script"].is_null() {
                    &row["ops"]
                } else {
                    &row["script"]
                };
                let text = row["definition"].as_str().unwrap_or_default();
                different.push(format!("{text}\n{script}\nours:   {ours}\ntheirs: {theirs}"));
            }
            different.push(row["id"].to_string());
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(count > 500, "{count} rows");
}

#[test]
fn runs_lead_where_the_reference_leads() {
    with_stack(|| {
        let evaluator = evaluator();
        compare("simulate.jsonl.gz", |row| {
            let script = Script::read(&Value::from(&row["script"])).expect("a script");
            simulate(&case(row), &script, &evaluator, Options::default()).expect("a picture")
        });
    });
}

#[test]
fn calls_lead_where_the_reference_leads() {
    with_stack(|| {
        let evaluator = evaluator();
        compare("replay.jsonl.gz", |row| {
            let ops = Value::from(&row["ops"]);
            let ops = ops.as_items().expect("calls");
            replay(&case(row), ops, &evaluator, Options::default()).expect("an answer")
        });
    });
}

#[test]
fn storing_and_reading_the_state_after_every_event_changes_nothing() {
    with_stack(|| {
        let evaluator = evaluator();
        for row in rows("simulate.jsonl.gz") {
            let script = Script::read(&Value::from(&row["script"])).expect("a script");
            let undisturbed =
                simulate(&case(&row), &script, &evaluator, Options::default()).expect("a picture");
            let reload = |conductor| reloaded(conductor).expect("a state that can be read");
            let (_, shown) = run(
                &case(&row),
                &script,
                &evaluator,
                Options::default(),
                Some(&reload),
            )
            .expect("a picture");
            assert_eq!(as_json(&undisturbed), as_json(&shown), "{}", row["id"]);
        }
    });
}

#[test]
fn the_journal_alone_gives_the_state() {
    with_stack(|| {
        let evaluator = evaluator();
        for row in rows("simulate.jsonl.gz").step_by(3) {
            let script = Script::read(&Value::from(&row["script"])).expect("a script");
            let undisturbed =
                simulate(&case(&row), &script, &evaluator, Options::default()).expect("a picture");
            let stored = parking_lot::Mutex::new(Vec::<String>::new());
            let reload = |mut conductor: Conductor| {
                let mut stored = stored.lock();
                let new = conductor.take_journal();
                stored.extend(
                    new.iter()
                        .map(|delta| serde_json::to_string(delta).expect("a text")),
                );
                let journal = stored
                    .iter()
                    .map(|text| serde_json::from_str(text).expect("a delta"));
                Conductor::restore(conductor.parts().clone(), journal)
            };
            let (_, shown) = run(
                &case(&row),
                &script,
                &evaluator,
                Options::default(),
                Some(&reload),
            )
            .expect("a picture");
            assert_eq!(as_json(&undisturbed), as_json(&shown), "{}", row["id"]);
        }
    });
}

#[test]
fn scripts_that_make_no_sense_are_refused() {
    for (script, told) in [
        (json!([]), "the script is list instead of a mapping"),
        (json!({"results": {}}), "results is dict instead of a list"),
        (json!({"results": [{}]}), "results[0] has no text `task`"),
        (
            json!({"results": [{"task": "a", "status": "good"}]}),
            "results[0]: `good` is no status of a workflow or task",
        ),
        (
            json!({"results": [{"task": "a", "duration": -1}]}),
            "`duration` of results[0] is int instead of a number from 0",
        ),
        (
            json!({"control": [{"op": "stop"}]}),
            "control[0] has no `op`; those are pause, resume, cancel, fail and rerun",
        ),
    ] {
        let error = Script::read(&Value::from(&script)).expect_err("it makes no sense");
        assert_eq!(error.to_string(), told);
    }
}

#[test]
fn the_most_telling_rule_wins_and_the_first_of_equals() {
    let script = json!({"results": [
        {"task": "a", "result": 1}, {"task": "a", "route": 1, "result": 2}, {"task": "a", "item": 0, "result": 3},
        {"task": "a", "attempt": 2, "result": 4}, {"task": "a", "result": 5},
    ]});
    let script = Script::read(&Value::from(&script)).expect("a script");
    let result = |route, item, attempt| script.of("a", route, item, attempt)[0].result.as_i64();
    assert_eq!(result(0, None, 1), Some(1));
    assert_eq!(result(1, None, 1), Some(2));
    assert_eq!(result(1, Some(0), 1), Some(3));
    assert_eq!(result(1, Some(0), 2), Some(4));
    assert_eq!(script.of("b", 0, None, 1)[0].result.as_i64(), None);
}

#[test]
fn expressions_see_records_and_keys() {
    let text = "version: 1.0\ntasks:\n  a:\n    delay: 5\n    action: x.y k=<% st2kv('system.k') %> s=<% st2kv('system.s', decrypt=>true) %>\n    next:\n      - publish:\n          - t: <% task(a) %>\noutput:\n  - t: <% ctx(t) %>\n";
    let script = json!({"results": [{"task": "a", "result": {"r": 1}, "duration": 2}],
        "kv": {"system": {"k": "v", "s": {"secret": "hush"}}}});
    let script = Script::read(&Value::from(&script)).expect("a script");
    let case = Case {
        definition: text,
        inputs: Dict::default(),
        context: dict(&json!({"st2": {"user": "ana", "workflow_execution_id": "w"}})),
        inspect: true,
    };
    let shown = as_json(&simulate(&case, &script, &evaluator(), Options::default()).expect("a picture"));
    assert_eq!(
        shown["dispatches"][0]["actions"][0]["input"],
        json!({"k": "v", "s": "hush"})
    );
    assert_eq!(
        shown["output"]["t"],
        json!({"task_execution_id": "000000000000000000000001", "workflow_execution_id": "w", "task_name": "a",
            "task_id": "a", "route": 0, "result": {"r": 1}, "status": "succeeded",
            "start_timestamp": "1970-01-01 00:00:00+00:00", "end_timestamp": "1970-01-01 00:00:07+00:00"})
    );
}

#[test]
fn ten_thousand_items_start_window_by_window() {
    let text = "version: 1.0\ntasks:\n  t:\n    with: {items: '<% range(0, 10000) %>', concurrency: 10}\n    action: x.y n=<% item() %>\n    next:\n      - publish: [{n: <% result().len() %>}]\noutput: [{n: <% ctx(n) %>}]\n";
    let script = Script::read(&Value::from(&json!({"max_steps": 100_000}))).expect("a script");
    let case = Case {
        definition: text,
        inputs: Dict::default(),
        context: Dict::default(),
        inspect: true,
    };
    let shown = simulate(&case, &script, &evaluator(), Options::default()).expect("a picture");
    assert_eq!(shown.get("status").and_then(Value::as_str), Some("succeeded"));
    assert_eq!(
        shown
            .get("output")
            .and_then(|output| output.get("n"))
            .and_then(Value::as_i64),
        Some(10_000)
    );
    let dispatches = shown
        .get("dispatches")
        .and_then(Value::as_items)
        .unwrap_or_default();
    let most = dispatches
        .iter()
        .filter_map(|dispatch| dispatch.get("actions")?.as_items())
        .map(<[Value]>::len)
        .max();
    assert_eq!(most, Some(10));
}

/// A task of a random workflow.
#[derive(Clone, Debug)]
struct Sketch {
    join: Option<u8>,
    items: Option<u8>,
    retry: u8,
    next: Vec<(u8, Vec<u8>, bool)>,
}

fn sketches() -> impl Strategy<Value = Vec<Sketch>> {
    let next = prop::collection::vec(
        (0_u8..4, prop::collection::vec(any::<u8>(), 1..3), any::<bool>()),
        0..3,
    );
    let sketch = (
        prop::option::weighted(0.4, 0_u8..3),
        prop::option::weighted(0.2, 0_u8..4),
        prop_oneof![4 => Just(0_u8), 1 => 1_u8..3],
        next,
    );
    prop::collection::vec(
        sketch.prop_map(|(join, items, retry, next)| Sketch {
            join,
            items,
            retry,
            next,
        }),
        1..9,
    )
}

/// Tasks lead to later tasks only, or to commands: a run without end is no mistake of the conductor.
fn written(sketches: &[Sketch]) -> Json {
    let count = sketches.len();
    let tasks = sketches.iter().enumerate().map(|(number, sketch)| {
        let mut task = json!({"action": "x.y"});
        if let Some(join) = sketch.join {
            task["join"] = if join == 0 { json!("all") } else { json!(join) };
        }
        if let Some(items) = sketch.items {
            task["with"] = json!({"items": format!("<% range(0, {items}) %>"), "concurrency": 2});
        }
        if sketch.retry > 0 {
            task["retry"] = json!({"count": sketch.retry});
        }
        let next: Vec<Json> = sketch
            .next
            .iter()
            .map(|(when, targets, publishes)| {
                let when = [
                    "<% succeeded() %>",
                    "<% failed() %>",
                    "<% completed() %>",
                    "<% true %>",
                ][usize::from(*when)];
                let mut named: Vec<String> = targets
                    .iter()
                    .map(|target| match usize::from(*target) % 12 {
                        9 => "noop".to_owned(),
                        10 => "fail".to_owned(),
                        11 => "continue".to_owned(),
                        ahead => match number + 1 + ahead {
                            later if later < count => format!("t{later}"),
                            _ => "noop".to_owned(),
                        },
                    })
                    .collect();
                named.sort();
                named.dedup();
                let mut next = json!({"when": when, "do": named});
                if *publishes {
                    next["publish"] = json!([{"p": number}, {"d": {format!("k{number}"): "<% result() %>"}}]);
                }
                next
            })
            .collect();
        if !next.is_empty() {
            task["next"] = next.into();
        }
        (format!("t{number}"), task)
    });
    json!({"version": "1.0", "vars": [{"d": {}}], "tasks": tasks.collect::<serde_json::Map<_, _>>(),
        "output": [{"d": "<% ctx(d) %>"}]})
}

fn scripts() -> impl Strategy<Value = Json> {
    let status = prop::sample::select(vec!["succeeded", "succeeded", "failed", "timeout", "canceled"]);
    let result = (0_u8..9, status, 0_u8..9, prop::option::of(1_u8..3)).prop_map(|(task, status, duration, attempt)| {
        json!({"task": format!("t{task}"), "status": status, "duration": duration, "attempt": attempt})
    });
    let sequence = (0_u8..9, prop::sample::select(vec![vec!["pending", "running"], vec!["paused", "running"]])).prop_map(
        |(task, statuses)| {
            let statuses = statuses.into_iter().chain(["succeeded"]);
            json!({"task": format!("t{task}"), "sequence": statuses.map(|status| json!({"status": status})).collect::<Vec<_>>()})
        },
    );
    let op = prop::sample::select(vec!["pause", "resume", "cancel", "rerun", "fail"]);
    let control = (op, prop::option::of(0_u8..30)).prop_map(|(op, at)| json!({"op": op, "at": at}));
    (
        prop::collection::vec(prop_oneof![4 => result, 1 => sequence], 0..8),
        prop::collection::vec(control, 0..3),
    )
        .prop_map(|(results, mut control)| {
            // Whatever was paused goes on in the end.
            control.push(json!({"op": "resume"}));
            control.push(json!({"op": "resume"}));
            json!({"results": results, "control": control})
        })
}

/// How often each task of a route was told of as started and as ended.
fn counted(shown: &Json) -> HashMap<(String, u64, Option<u64>), (usize, usize)> {
    let mut counts: HashMap<_, (usize, usize)> = HashMap::new();
    for step in shown["trace"].as_array().into_iter().flatten() {
        let Some(task) = step["task"].as_str() else {
            continue;
        };
        let count = counts
            .entry((
                task.to_owned(),
                step["route"].as_u64().unwrap_or_default(),
                step["item"].as_u64(),
            ))
            .or_default();
        let ends = ["succeeded", "failed", "timeout", "canceled"]
            .iter()
            .any(|end| step["event"] == *end);
        count.0 += usize::from(step["op"] == "running");
        count.1 += usize::from(step["op"] == "action" && ends);
    }
    counts
}

proptest! {
    #![proptest_config(crate::testing::cases(192))]

    #[test]
    fn whatever_happens_a_workflow_ends_and_its_state_can_be_stored(sketches in sketches(), script in scripts()) {
        let definition = written(&sketches).to_string();
        let case = Case { definition: &definition, inputs: Dict::default(), context: Dict::default(), inspect: false };
        let read = Script::read(&Value::from(&script)).expect("a script");
        let (evaluator, options) = (evaluator(), Options::default());
        let (conductor, shown) = run(&case, &read, &evaluator, options, None).expect("a picture");
        let shown = as_json(&shown);

        // Nothing hangs: all that was started has ended, and so has the workflow unless somebody still has to answer.
        prop_assert_eq!(&shown["truncated"], &Json::Null, "{}", definition);
        for (which, (started, ended)) in counted(&shown) {
            prop_assert_eq!(started, ended, "{:?} of {} by {}", which, &definition, &script);
        }
        prop_assert!(
            conductor.status().is_completed(),
            "{} of {} by {}", conductor.status(), definition, script
        );

        // A join runs when enough tasks lead to it, and not before.
        for (index, task) in shown["tasks"].as_array().into_iter().flatten().enumerate() {
            let number = task["id"].as_str().and_then(|id| id.strip_prefix('t')?.parse::<usize>().ok());
            let Some(join) = number.and_then(|number| sketches[number].join) else { continue };
            let prev = task["prev"].as_object().expect("ways");
            let sources: std::collections::BTreeSet<&str> =
                prev.keys().filter_map(|way| way.rsplit_once("__t")).map(|(source, _)| source).collect();
            for before in prev.values() {
                prop_assert!(before.as_u64() < Some(index as u64), "{}", definition);
            }
            // A later branch may start a join by number again, with what it brings alone.
            if join == 0 {
                let id = task["id"].as_str().unwrap_or_default();
                let graph = &conductor.parts().plan.graph();
                let node = graph.find(id).expect("a task");
                prop_assert_eq!(sources.len(), graph.sources(node), "{} in {} by {}", id, definition, script);
            }
        }

        // The same, stored and read after every event.
        let reload = |conductor| reloaded(conductor).expect("a state that can be read");
        let (_, again) = run(&case, &read, &evaluator, options, Some(&reload)).expect("a picture");
        prop_assert_eq!(shown, as_json(&again), "{} by {}", definition, script);
    }

    #[test]
    fn no_order_of_calls_panics(sketches in sketches(), calls in prop::collection::vec((0_u8..9, 0_u8..9, 0_usize..15, 0_u8..3), 0..40)) {
        let definition = written(&sketches).to_string();
        let case = Case { definition: &definition, inputs: Dict::default(), context: Dict::default(), inspect: false };
        let statuses = crate::workflow::conductor::Status::ALL;
        let mut ops = vec![json!({"op": "request_status", "status": "requested"}), json!({"op": "request_status", "status": "running"})];
        for (kind, task, status, route) in calls {
            let (task, status) = (format!("t{task}"), statuses[status + 1].as_str());
            ops.push(match kind {
                0 | 1 => json!({"op": "next_tasks"}),
                2 => json!({"op": "request_status", "status": status}),
                3 => json!({"op": "item_event", "task": task, "route": route, "item": route, "status": status}),
                4 => json!({"op": "rerun", "tasks": [{"task": task, "route": route}]}),
                5 => json!({"op": "rerun", "tasks": null}),
                6 => json!({"op": "action_event", "task": task, "route": route, "status": "running"}),
                _ => json!({"op": "action_event", "task": task, "route": route, "status": status, "result": 1}),
            });
        }
        let evaluator = evaluator();
        let told = |ops: &[Json]| {
            let ops: Vec<Value> = ops.iter().map(Value::from).collect();
            as_json(&replay(&case, &ops, &evaluator, Options::default()).expect("an answer"))["final"].clone()
        };
        let stored: Vec<Json> = ops.iter().flat_map(|op| [op.clone(), json!({"op": "roundtrip"})]).collect();
        prop_assert_eq!(told(&ops), told(&stored), "{} {:?}", definition, ops);
    }
}
