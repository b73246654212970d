//! Tests of tests.

use crate::expr::template::{Limits, Surroundings};
use crate::expr::value::{Date, DateTime};

use super::*;

struct Still;

impl Surroundings for Still {
    fn now(&self) -> DateTime {
        DateTime::utc(Date::new(2026, 11, 22).expect("a day"), 0)
    }

    fn random(&self) -> u64 {
        7
    }
}

const WORKFLOW: &str = "\
version: 1.0
input:
  - host
tasks:
  check:
    action: core.local cmd=\"ping <% ctx(host) %>\"
    next:
      - when: <% succeeded() %>
        publish: found=<% result().stdout %>
        do: tell
      - when: <% failed() %>
        do: mend, fail
  tell:
    with: <% list(1, 2) %>
    action: core.echo message=\"<% ctx(found) %> <% item() %>\"
  mend:
    action: core.noop
output:
  - found: <% ctx().get(found) %>
";

fn outcomes(tests: &str) -> Vec<Outcome> {
    let load = |path: &str| match path {
        "r.json" => Ok(r#"{"stdout": "from a file"}"#.to_owned()),
        other => Err(format!("there is no file {other}")),
    };
    let rehearsal = Rehearsal::read(tests, "t.yaml", &load).expect("tests");
    assert_eq!(rehearsal.workflow, "w.yaml");
    let evaluator = Arc::new(Evaluator::new(Limits::default(), Arc::new(Still)));
    rehearsal.run(WORKFLOW, &evaluator)
}

fn failures(tests: &str) -> Vec<String> {
    outcomes(tests)
        .into_iter()
        .flat_map(|outcome| outcome.failures)
        .collect()
}

const SHORT: &str = "\
workflow: w.yaml
tests:
  - name: all is well
    inputs: {host: web}
    results:
      check: {stdout: up}
    expect:
      status: succeeded
      output: {found: up}
      tasks: [check, tell]
      not_ran: mend
      errors: 0
      parameters:
        check: {cmd: ping web}
        tell: {message: up 1}
  - inputs: {host: web}
    results:
      check: {status: failed, result: {stderr: down}}
    expect: {status: failed, ran: [mend, fail], errors: [Execution failed]}
";

#[test]
fn what_is_as_expected_passes() {
    assert_eq!(
        outcomes(SHORT),
        [
            Outcome {
                name: "all is well".to_owned(),
                failures: Vec::new()
            },
            Outcome {
                name: "test 2".to_owned(),
                failures: Vec::new()
            }
        ]
    );
}

#[test]
fn what_is_not_as_expected_is_told() {
    let text = SHORT
        .replace("status: succeeded", "status: failed")
        .replace("output: {found: up}", "output: {found: down}")
        .replace("tasks: [check, tell]", "tasks: [check]")
        .replace("not_ran: mend", "not_ran: tell")
        .replace("errors: 0", "errors: 2")
        .replace("message: up 1", "message: up 3")
        .replace("[Execution failed]", "[Nothing]")
        .replace("ran: [mend, fail]", "ran: [zz]");
    assert_eq!(
        failures(&text),
        [
            "the status should be \"failed\", but is \"succeeded\"",
            "output `found` should be \"down\", but is \"up\"",
            "the tasks should be [\"check\"], but is [\"check\",\"tell\"]",
            "\"tell\" should not have run, but did",
            "the number of errors should be 2, but is 0",
            "parameter `message` of \"tell\" should be \"up 3\", but is \"up 1\"",
            "\"zz\" should have run, but did not",
            "no error has the text \"Nothing\"; errors are [\"Execution failed. See result for details.\", \"Execution failed. See result for details.\"]",
        ]
    );
}

const LONG: &str = "\
workflow: w.yaml
inputs: {host: web}
expected_task_sequence: [check, tell]
expected_routes: [[]]
expected_term_tasks: [tell]
expected_workflow_status: succeeded
expected_output: {found: from a file}
mock_action_executions:
  - task_id: check
    status: succeeded
    result_path: r.json
  - task_id: tell
    item_id: 1
    result: second
";

#[test]
fn rehearsals_of_the_reference_are_run() {
    assert_eq!(failures(LONG), Vec::<String>::new());
    let text = "workflow: w.yaml\ninputs: {host: web}\nexpected_task_sequence: [check, fail, mend]\nexpected_workflow_status: failed\nexpected_errors:\n  - {type: error, message: Execution failed. See result for details., task_id: check, result: down}\n  - {type: error, message: Execution failed. See result for details., task_id: fail}\nexpected_output: {found: null}\nmock_action_executions:\n  - {task_id: check, status: failed, result: down}\n";
    assert_eq!(failures(text), Vec::<String>::new());
    let text = LONG
        .replace("[check, tell]", "[check]")
        .replace("from a file", "x");
    assert_eq!(
        failures(&text),
        [
            "the sequence of tasks should be [\"check\"], but is [\"check\",\"tell\"]",
            "the output should be {\"found\":\"x\"}, but is {\"found\":\"from a file\"}",
        ]
    );
}

#[test]
fn tests_that_make_no_sense_are_refused() {
    for (text, told) in [
        (
            "tests: []\n",
            "there is no `workflow`: write the path of its file",
        ),
        ("workflow: w\ntests: 5\n", "`tests` is no list"),
        (
            "workflow: w\ntests: [{expect: {}}]\n",
            "test 1 expects nothing: write `expect:` and below it `status: succeeded`",
        ),
        (
            "workflow: w\ntests: [{expct: {}}]\n",
            "test 1 has `expct`: did you mean `expect`?",
        ),
        (
            "workflow: w\ntests: [{name: n, expect: {stauts: x}}]\n",
            "`expect` of n has `stauts`: did you mean `status`?",
        ),
        (
            "workflow: w\nmock_action_executions: [{}]\n",
            "a mocked execution has no `task_id`",
        ),
        (
            "workflow: w\nmock_action_executions: [{task_id: a, result_path: zz}]\n",
            "no such file",
        ),
    ] {
        let load = |_: &str| Err("no such file".to_owned());
        let error = Rehearsal::read(text, "t.yaml", &load).expect_err("it makes no sense");
        assert_eq!(error.to_string(), told);
    }
}
