//! Trees of workflows in tables of examples: what is read from executions, and which lines show it.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::graph::states;
use super::live::Follower;
use super::show::{Look, fitted, lines, next_steps, span};
use crate::chat::card::display_width;
use crate::workflow::progress::{Flow, Items, reason};

const ROOT: &str = "6b00000000000000000000aa";

#[allow(clippy::needless_pass_by_value)] // so that tests can write json!(…) in place
fn root(status: &str, result: Value) -> Value {
    json!({"id": ROOT, "action": {"ref": "ops.incident", "runner_type": "orquesta"}, "status": status,
        "start_timestamp": "2026-11-22T13:00:00.000000Z", "result": result})
}

/// A child: number, task, status, start second, seconds that it took.
fn child(number: u32, task: &str, status: &str, start: u32, took: u32) -> Value {
    let time = |second: u32| format!("2026-11-22T13:{:02}:{:02}.000000Z", second / 60, second % 60);
    let over = !matches!(status, "running" | "pending" | "requested");
    json!({"id": format!("6b{number:022}"), "parent": ROOT, "status": status,
        "action": {"ref": "core.local", "runner_type": "local-shell-cmd"},
        "start_timestamp": time(start), "end_timestamp": over.then(|| time(start + took)),
        "context": {"orquesta": {"task_name": task, "task_id": task, "task_route": 0,
            "task_execution_id": format!("e-{task}")}}})
}

fn with(mut child: Value, path: &str, value: impl Into<Value>) -> Value {
    *child.pointer_mut(path.rsplit_once('/').unwrap().0).unwrap() = {
        let (parent, name) = path.rsplit_once('/').unwrap();
        let mut parent = child.pointer(parent).unwrap().clone();
        parent[name] = value.into();
        parent
    };
    child
}

fn item(child: Value, number: u32) -> Value {
    with(child, "/context/orquesta/item_id", number)
}

fn look(width: Option<usize>) -> Look {
    Look {
        width,
        colour: false,
        now: "2026-11-22T13:01:00Z".parse().unwrap(),
    }
}

fn shown(root: &Value, children: &[Value], width: Option<usize>) -> String {
    let mut text = lines(&Flow::of(root, children), look(width)).join("\n");
    text.push('\n');
    text
}

fn incident() -> (Value, Vec<Value>) {
    let errors = json!({"output": null, "errors": [
        {"type": "error", "task_id": "act", "route": 0, "message": "Execution failed. See result for details.",
            "result": {"stderr": "warning: x\nno such unit: web\n", "return_code": 5}},
        {"type": "error", "task_id": "report", "route": 0, "message": "YaqlEvaluationException: no host"},
        {"type": "error", "message": "the output could not be made"}]});
    let mut sub = child(3, "gather", "succeeded", 4, 6);
    sub["action"] = json!({"ref": "ops.gather", "runner_type": "orquesta"});
    let mut inner = child(4, "disk", "succeeded", 5, 1);
    inner["parent"] = sub["id"].clone();
    let children = vec![
        // Not in order, as pages may come.
        child(9, "act", "failed", 20, 75),
        child(1, "diagnose", "succeeded", 0, 3),
        inner,
        sub,
        item(child(5, "notify", "succeeded", 11, 1), 0),
        item(child(6, "notify", "failed", 11, 2), 1),
        item(child(7, "notify", "running", 12, 0), 2),
    ];
    (root("failed", errors), children)
}

#[test]
fn a_tree_shows_tasks_in_order_of_start_with_items_and_reasons() {
    let (root, children) = incident();
    assert_eq!(
        shown(&root, &children, Some(100)),
        "  report: YaqlEvaluationException: no host\n\
         \u{20} the output could not be made\n\
         ├─ ✓ diagnose  core.local  succeeded 3.0s\n\
         ├─ ✓ gather    ops.gather  succeeded 6.0s\n\
         │  └─ ✓ disk   core.local  succeeded 1.0s\n\
         ├─ ▶ notify    core.local  running 2/3, 1 failed  49s\n\
         └─ ✗ act       core.local  failed 1m 15s\n\
         \u{20}    no such unit: web\n"
    );
    // Ids where there is room.
    assert!(shown(&root, &children, None).contains("failed 1m 15s"));
    let wide = shown(&root, &children, None);
    assert!(wide.contains("  6b0000000000000000000009\n"), "{wide}");
    let at = |line: &str| line.find("  6b00").map(|at| display_width(&line[..at]));
    let places: Vec<_> = wide.lines().filter_map(at).collect();
    assert_eq!(places.len(), 5);
    assert!(places.iter().all(|place| *place == places[0]), "{wide}");
}

#[rstest::rstest]
#[case(30)]
#[case(50)]
#[case(72)]
#[case(110)]
fn lines_fit_the_terminal(#[case] width: usize) {
    let (root, mut children) = incident();
    let long = "check_whether_the_database_of_the_warehouse_answers_within_the_agreed_time_データベース";
    children.push(child(20, long, "timeout", 60, 600));
    let text = shown(&root, &children, Some(width));
    for line in text.lines() {
        assert!(
            display_width(line) <= width,
            "{} > {width}: {line}",
            display_width(line)
        );
    }
    assert!(text.contains("timeout"), "{text}");
    assert_eq!(text.contains("core.local"), width >= 72, "{text}");
}

#[test]
fn very_many_tasks_are_folded_but_never_those_that_matter() {
    let mut children: Vec<Value> = (0..200)
        .map(|n| child(n, &format!("step{n}"), "succeeded", n, 1))
        .collect();
    children[120]["status"] = "failed".into();
    let text = shown(&root("failed", Value::Null), &children, Some(80));
    assert_eq!(text.lines().count(), 11, "{text}");
    for part in [
        "step0 ",
        "step119",
        "step120",
        "step121",
        "step199",
        "⋯ 116 more succeeded",
        "⋯ 75 more",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn tries_count_the_last_one_and_visits_stand_for_themselves() {
    let again = with(
        child(3, "poll", "succeeded", 9, 1),
        "/context/orquesta/task_execution_id",
        "e-poll-2",
    );
    let children = [
        child(1, "poll", "failed", 1, 1),
        child(2, "poll", "succeeded", 3, 1),
        again,
    ];
    assert_eq!(
        shown(&root("succeeded", Value::Null), &children, Some(80)),
        "├─ ✓ poll  core.local  succeeded 2 tries  3.0s\n└─ ✓ poll  core.local  succeeded 1.0s\n"
    );
}

#[rstest::rstest]
#[case(&["succeeded", "succeeded"], None, "succeeded", (2, 0, 2))]
#[case(&["succeeded", "failed"], None, "failed", (2, 1, 2))]
#[case(&["succeeded", "running"], Some(40), "running", (1, 0, 40))]
#[case(&["failed", "requested"], None, "requested", (1, 1, 2))]
#[case(&["succeeded", "pending", "running"], None, "pending", (1, 0, 3))]
#[case(&["canceled", "succeeded"], None, "canceled", (2, 0, 2))]
fn items_have_one_status_together(
    #[case] each: &[&str],
    #[case] count: Option<u32>,
    #[case] status: &str,
    #[case] (ended, failed, all): (usize, usize, usize),
) {
    let children: Vec<Value> = each
        .iter()
        .zip(0..)
        .map(|(status, n)| {
            let one = item(child(n, "t", status, 1, 1), n);
            count.map_or_else(
                || one.clone(),
                |count| with(one.clone(), "/context/orquesta/items_count", count),
            )
        })
        .collect();
    let flow = Flow::of(&root("running", Value::Null), &children);
    assert_eq!(flow.tasks.len(), 1);
    assert_eq!(flow.tasks[0].run.status, status);
    assert_eq!(flow.tasks[0].items, Some(Items { ended, failed, all }));
}

#[rstest::rstest]
#[case(json!({"error": "refused\nlonger"}), "failed", Some("refused"))]
#[case(json!({"stderr": "a\n\nb\n", "return_code": 1}), "failed", Some("b"))]
#[case(json!({"stderr": "", "return_code": 3}), "failed", Some("exit status 3"))]
#[case(json!({"status_code": 503, "body": ""}), "failed", Some("HTTP status 503"))]
#[case(json!({"errors": [{"message": "no such task"}], "output": null}), "failed", Some("no such task"))]
#[case(json!({"error": "a\u{1b}[2Jb"}), "failed", Some("a\\u{1b}[2Jb"))]
#[case(json!(null), "timeout", Some("it took longer than it may"))]
#[case(json!({}), "failed", None)]
fn failures_have_a_reason(#[case] result: Value, #[case] status: &str, #[case] expected: Option<&str>) {
    assert_eq!(
        reason(&json!({"status": status, "result": result})).as_deref(),
        expected
    );
}

#[test]
fn the_next_steps_fit_the_state() {
    let steps = |root: &Value, children: &[Value]| -> Vec<String> {
        next_steps(&Flow::of(root, children))
            .into_iter()
            .map(|(command, _)| command)
            .collect()
    };
    let (failed, children) = incident();
    assert_eq!(
        steps(&failed, &children),
        [
            "sayso execution output 6b0000000000000000000009".to_owned(),
            format!("sayso execution re-run {ROOT} --tasks act")
        ]
    );
    let ask = child(2, "ask", "pending", 1, 0);
    let paused = root("paused", Value::Null);
    assert_eq!(
        steps(&paused, std::slice::from_ref(&ask)),
        ["sayso inquiry respond 6b0000000000000000000002"]
    );
    let mut approve = ask;
    approve["action"]["ref"] = "core.approve".into();
    assert_eq!(
        steps(&root("running", Value::Null), &[approve]),
        [
            "sayso approval get 6b0000000000000000000002".to_owned(),
            format!("sayso execution tail {ROOT}")
        ]
    );
    assert_eq!(steps(&paused, &[]), [format!("sayso execution resume {ROOT}")]);
    assert_eq!(
        steps(&root("failed", Value::Null), &[]),
        [format!("sayso execution re-run {ROOT}")]
    );
    assert_eq!(steps(&root("succeeded", Value::Null), &[]), [""; 0]);
}

#[test]
fn chains_have_trees_too() {
    let mut one = child(1, "x", "succeeded", 1, 1);
    one["context"] = json!({"chain": {"name": "first"}});
    assert!(shown(&root("succeeded", Value::Null), &[one], None).contains("✓ first"));
}

#[test]
fn following_tells_starts_ends_and_output_once() {
    let mut follower = Follower::new(&root("running", Value::Null), false);
    let running = child(1, "look", "running", 2, 0);
    assert_eq!(
        follower.execution(&running),
        ["   +2.0s ▶ look  core.local  6b0000000000000000000001"]
    );
    assert_eq!(follower.execution(&running), [""; 0]);
    let id = "6b0000000000000000000001";
    assert_eq!(follower.output(id, "one\ntw"), ["           look │ one"]);
    assert_eq!(follower.output("6b0000000000000000000099", "x\n"), [""; 0]);
    let mut failed = child(1, "look", "failed", 2, 3);
    failed["result"] = json!({"error": "no"});
    assert_eq!(
        follower.execution(&failed),
        [
            "           look │ tw",
            "   +5.0s ✗ look  failed  3.0s",
            "           no"
        ]
    );
    // An event that was overtaken changes nothing.
    assert_eq!(follower.execution(&running), [""; 0]);
    let mut stranger = child(5, "x", "running", 3, 0);
    stranger["parent"] = "6b00000000000000000000bb".into();
    assert_eq!(follower.execution(&stranger), [""; 0]);
    let told = follower.execution(&child(6, "ask", "pending", 6, 0));
    assert_eq!(told.len(), 2);
    assert!(
        told[1].ends_with("waits for people: sayso inquiry respond 6b0000000000000000000006"),
        "{told:?}"
    );
}

#[test]
fn following_many_items_stays_readable() {
    let mut follower = Follower::new(&root("running", Value::Null), false);
    let mut told = 0;
    for n in 0..10_000 {
        let status = if n == 77 { "failed" } else { "succeeded" };
        told += follower.execution(&item(child(n, "each", status, 1, 1), n)).len();
    }
    assert_eq!(
        told,
        1 + 1 + 10,
        "the start, the failure, and 10, 20, 50 … 10,000"
    );
}

#[test]
fn drawings_know_what_a_task_is_doing_now() {
    let again = with(
        child(3, "poll", "running", 9, 0),
        "/context/orquesta/task_execution_id",
        "e-poll-2",
    );
    let flow = Flow::of(
        &root("running", Value::Null),
        &[child(1, "poll", "failed", 1, 1), again],
    );
    let states = states(&flow, look(None).now);
    assert_eq!(states["poll"].status, "running");
    assert_eq!(states["poll"].note, "51s, 2 runs");
}

#[rstest::rstest]
#[case(0.04, "0.0s")]
#[case(9.99, "9.9s")]
#[case(59.9, "59s")]
#[case(187.0, "3m 07s")]
#[case(7500.0, "2h 05m")]
#[case(273_600.0, "3d 04h")]
#[case(-3.0, "0.0s")]
fn spans_are_short(#[case] seconds: f64, #[case] expected: &str) {
    assert_eq!(span(seconds), expected);
}

#[rstest::rstest]
#[case("short", 8, "short")]
#[case("check_database_one", 9, "chec…_one")]
#[case("データベース", 7, "デ…ス")]
#[case("abc", 0, "")]
fn names_keep_both_ends(#[case] text: &str, #[case] width: usize, #[case] expected: &str) {
    assert_eq!(fitted(text, width), expected);
    assert!(display_width(&fitted(text, width)) <= width);
}
