//! The conductor as a caller sees it.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::*;
use crate::expr::template::{Limits, Surroundings};
use crate::expr::value::{Date, DateTime, to_json};
use crate::workflow::definition::{Document, Workflow};

struct Still;

impl Surroundings for Still {
    fn now(&self) -> DateTime {
        DateTime::utc(Date::new(2026, 11, 22).expect("a day"), 0)
    }

    fn random(&self) -> u64 {
        7
    }
}

fn dict(json: Json) -> Dict {
    match Value::from(json) {
        Value::Dict(dict) => dict,
        other => panic!("no dictionary: {other:?}"),
    }
}

fn begun(text: &str, input: Json) -> Conductor {
    let evaluator = Arc::new(Evaluator::new(Limits::default(), Arc::new(Still)));
    let workflow = Workflow::read(&Document::parse(text).expect("a document"));
    let parts = Parts {
        plan: Arc::new(Plan::new(Arc::new(workflow), &evaluator)),
        evaluator,
        options: Options::default(),
        outside: Arc::new(Nothing),
    };
    let mut conductor = Conductor::new(parts, &dict(input), &Dict::default());
    conductor.request(Status::Requested).unwrap();
    conductor.request(Status::Running).unwrap();
    conductor
}

fn event(status: Status, result: Json) -> ActionEvent {
    ActionEvent {
        status,
        result: Value::from(result),
    }
}

/// Runs a workflow without items to its end, made again from its journal after every event.
fn run(mut conductor: Conductor, mut outcome: impl FnMut(&str) -> (Status, Json)) -> Conductor {
    let mut journal = Vec::new();
    loop {
        let tasks = conductor.next_tasks();
        if tasks.is_empty() {
            break;
        }
        for status in [Some(Status::Running), None] {
            for task in &tasks {
                let (status, result) =
                    status.map_or_else(|| outcome(&task.id), |status| (status, Json::Null));
                conductor
                    .action_event(&task.id, task.route, &event(status, result))
                    .unwrap();
                journal.extend(conductor.take_journal());
                conductor = Conductor::restore(conductor.parts.clone(), journal.iter().cloned());
            }
        }
    }
    conductor.render_output();
    conductor
}

fn names(conductor: &Conductor) -> Vec<String> {
    let name = |entry: &Entry| match entry.route {
        0 => entry.id.to_string(),
        route => format!("{}__r{route}", entry.id),
    };
    conductor.sequence().iter().map(name).collect()
}

fn output(conductor: &Conductor) -> Json {
    conductor.output().map_or(Json::Null, |output| {
        to_json(&Value::Dict(output.clone())).unwrap()
    })
}

const JOIN: &str = "version: 1.0\ntasks:\n  start:\n    next:\n      - do: left, right\n  left:\n    action: core.noop\n    next:\n      - when: <% succeeded() %>\n        publish: x=1\n        do: both\n  right:\n    action: core.noop\n    next:\n      - when: <% succeeded() %>\n        publish: x=2 y=2\n        do: both\n  both:\n    join: all\n    action: core.noop\noutput:\n  - x: <% ctx().get(x) %>\n  - y: <% ctx().get(y) %>\n";

#[test]
fn a_join_waits_for_all_branches_and_the_last_one_wins() {
    let conductor = run(begun(JOIN, json!({})), |_| (Status::Succeeded, Json::Null));
    assert_eq!(names(&conductor), ["start", "left", "right", "both"]);
    assert_eq!(output(&conductor), json!({"x": 2, "y": 2}));
}

#[test]
fn a_join_that_cannot_be_reached_fails_the_workflow_and_runs_again_on_request() {
    let fails = |task: &str| match task {
        "right" => (Status::Failed, Json::Null),
        _ => (Status::Succeeded, Json::Null),
    };
    let mut conductor = run(begun(JOIN, json!({})), fails);
    assert_eq!(conductor.status(), Status::Failed);
    let last = conductor.errors().last().map(|error| error.message.to_string());
    assert_eq!(
        last.as_deref(),
        Some("UnreachableJoinError: The join task|route \"both|0\" is partially satisfied but unreachable.")
    );
    let right = RerunTask {
        task: "right".into(),
        route: 0,
        reset_items: false,
    };
    conductor.rerun(Some(&[right])).unwrap();
    assert_eq!(conductor.status(), Status::Resuming);
}

#[test]
fn a_split_runs_what_follows_once_for_each_way() {
    let text = "version: 1.0\ntasks:\n  a:\n    action: x.y\n    next:\n      - do: c\n  b:\n    action: x.y\n    next:\n      - do: c\n  c:\n    action: x.y\n    next:\n      - do: d\n  d:\n    action: x.y\n";
    let conductor = run(begun(text, json!({})), |_| (Status::Succeeded, Json::Null));
    assert_eq!(names(&conductor), ["a", "b", "c__r1", "c__r2", "d__r1", "d__r2"]);
}

#[test]
fn a_cycle_makes_a_new_entry_each_time() {
    let text = "version: 1.0\nvars:\n  - n: 0\ntasks:\n  lead:\n    next:\n      - do: again\n  again:\n    action: x.y\n    next:\n      - when: <% ctx().n < 3 %>\n        publish: n=<% ctx().n + 1 %>\n        do: again\noutput:\n  - n: <% ctx().n %>\n";
    let conductor = run(begun(text, json!({})), |_| (Status::Succeeded, Json::Null));
    assert_eq!(names(&conductor), ["lead", "again", "again", "again", "again"]);
    assert_eq!(output(&conductor), json!({"n": 3}));
}

#[test]
fn a_failure_runs_again_as_often_as_the_task_says() {
    let text = "version: 1.0\ntasks:\n  a:\n    action: x.y\n    retry:\n      count: 2\n      delay: 5\n";
    let mut attempts = 0;
    let conductor = run(begun(text, json!({})), |_| {
        attempts += 1;
        let status = if attempts == 3 {
            Status::Succeeded
        } else {
            Status::Failed
        };
        (status, json!(attempts))
    });
    assert_eq!((attempts, conductor.status()), (3, Status::Succeeded));
    assert_eq!(conductor.errors().len(), 2);
}

#[test]
fn fail_beside_cleanup_lets_cleanup_run() {
    let text = "version: 1.0\ntasks:\n  a:\n    action: x.y\n    next:\n      - do: cleanup, fail\n  cleanup:\n    action: x.y\n";
    let conductor = run(begun(text, json!({})), |_| (Status::Succeeded, Json::Null));
    assert_eq!(names(&conductor), ["a", "fail", "cleanup"]);
    assert_eq!(conductor.status(), Status::Failed);
}
