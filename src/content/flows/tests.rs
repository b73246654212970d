//! Workflows with all kinds of faults: what is said, and which version is in force afterwards.

use std::sync::Arc;

use pretty_assertions::assert_eq;

use crate::content::tests::{Site, checks, shown};
use crate::content::{Checks, Content, lint};
use crate::model::{Problem, Severity};

/// The rules of the other tests, with the runners of workflows and what they demand.
fn with_flows() -> Checks {
    let checks = checks();
    let runners = (*checks.runners).clone();
    let required = [("http-request".to_owned(), vec!["url".to_owned()])];
    Checks::new(runners, |_| Vec::new()).with_required(required.into())
}

const FLOW: &str = "name: flow\nrunner_type: orquesta\nentry_point: workflows/flow.yaml\ndescription: d\n\
                    parameters:\n  host:\n    type: string\n";
const LOCAL: &str = "name: local\nrunner_type: local-shell-cmd\ndescription: d\nparameters:\n  cmd:\n    \
                     type: string\n    required: true\n";

fn site(text: &str) -> Site {
    let site = Site::new();
    site.write("packs/web/actions/flow.yaml", FLOW);
    site.write("packs/web/actions/local.yaml", LOCAL);
    site.write("packs/web/actions/workflows/flow.yaml", text);
    site
}

fn load(site: &Site) -> Content {
    Content::load(site.options(), with_flows())
}

/// `error 3:5 message` for each problem.
fn told(problems: &[Problem]) -> Vec<String> {
    let severity = |problem: &Problem| match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    problems
        .iter()
        .map(|one| format!("{} {}:{} {}", severity(one), one.line, one.column, one.message))
        .collect()
}

const GOOD: &str =
    "version: 1.0\ninput:\n  - host\ntasks:\n  look:\n    action: web.local cmd=<% ctx(host) %>\n";

#[rstest::rstest]
#[case::good(GOOD, &[])]
#[case::no_yaml("version: 1.0\ntasks: [\n", &["error 2:8 `[` is never closed"])]
#[case::no_map("- a\n", &["error 1:1 The workflow definition is a list instead of a mapping."])]
#[case::unknown_key(
    "version: 1.0\ninput: [host]\ntasks:\n  look:\n    acton: web.local\n    action: core.noop <% ctx(host) %>\n",
    &["error 4:3 tasks.look: Additional properties are not allowed ('acton' was unexpected)"]
)]
#[case::unknown_task(
    "version: 1.0\ninput: [host]\ntasks:\n  look:\n    action: web.good\n    next:\n      - publish: h=<% ctx(host) %>\n        do: nothing_there\n",
    &["error 8:13 tasks.look.next[0].do: The task \"nothing_there\" is not defined."]
)]
#[case::unknown_action(
    "version: 1.0\ninput: [host]\ntasks:\n  look:\n    action: web.loca\n    input:\n      cmd: <% ctx(host) %>\n",
    &["error 5:13 tasks.look.action: The action \"web.loca\" is not registered in the database."]
)]
#[case::unexpected_and_missing(
    "version: 1.0\ninput: [host]\ntasks:\n  look:\n    action: web.local\n    input:\n      cdm: <% ctx(host) %>\n",
    &[
        "error 6:5 tasks.look.input: Action \"web.local\" is missing required input \"cmd\".",
        "error 7:7 tasks.look.input: Action \"web.local\" has unexpected input \"cdm\".",
    ]
)]
#[case::missing_in_a_task_without_input(
    "version: 1.0\ninput: [host]\ntasks:\n  look:\n    action: web.local\n    next:\n      - do: see\n  see:\n    action: web.good\n    input:\n      cmd: <% ctx(host) %>\n",
    &[
        "error 5:13 tasks.look.input: Action \"web.local\" is missing required input \"cmd\".",
        "error 11:7 tasks.see.input: Action \"web.good\" has unexpected input \"cmd\".",
    ]
)]
#[case::given_by_the_runner(
    "version: 1.0\ninput: [host]\ntasks:\n  look:\n    action: web.local\n    input:\n      cmd: <% ctx(host) %>\n      cwd: /\n      sudo: true\n",
    &[]
)]
#[case::given_by_the_service(
    "version: 1.0\ninput: [host]\ntasks:\n  look:\n    action: web.local\n    input:\n      cmd: <% ctx(host) %> <% ctx(st2).user %> <% ctx().parent %>\n",
    &[]
)]
#[case::other_parameters(
    "version: 1.0\ninput:\n  - hots\n  - n: 1\ntasks:\n  look:\n    action: web.local cmd=<% ctx(hots) + ctx(n) %>\n",
    &[
        "warning 0:0 the parameter `host` of web.flow is no input of the workflow: what is given there is not used",
        "warning 3:5 the input `hots` is no parameter of web.flow: it is always nothing",
        "warning 4:5 the input `n` is no parameter of web.flow: it is always its default",
    ]
)]
#[case::mistral(
    "version: '2.0'\nweb.flow:\n  type: direct\n  tasks:\n    look:\n      action: web.local\n",
    &["error 1:10 this is a workflow for Mistral, which is gone; orquesta cannot run it"]
)]
fn problems_are_told_with_their_place(#[case] text: &str, #[case] expected: &[&str]) {
    let site = site(text);
    let content = load(&site);
    let snapshot = content.snapshot();
    let found = told(&snapshot.problems);
    assert_eq!(found.len(), expected.len(), "{}", shown(&snapshot.problems));
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{}", shown(&snapshot.problems));
    }
    for problem in &snapshot.problems {
        assert_eq!(problem.file, "web/actions/workflows/flow.yaml");
    }
    // It can be named all the same: whoever runs it is told the same errors.
    assert!(snapshot.action("web.flow").is_some());
}

#[test]
fn the_version_that_worked_stays_until_the_file_is_right_again() {
    let site = site(GOOD);
    let content = load(&site);
    let first = Arc::clone(content.snapshot().action("web.flow").unwrap());
    let text = || {
        let snapshot = content.snapshot();
        snapshot
            .action("web.flow")
            .unwrap()
            .entry_point_text
            .clone()
            .unwrap()
    };

    // Twice: the second reload must not take the broken file for what was in force.
    for broken in [
        GOOD.replace("web.local", "web.locl"),
        GOOD.replace("tasks", "task"),
    ] {
        site.write("packs/web/actions/workflows/flow.yaml", &broken);
        for _ in 0..2 {
            let report = content.reload();
            assert_eq!(report.kept, ["action web.flow"]);
            assert!(!report.problems.is_empty());
            assert_eq!(&*text(), GOOD);
            assert_eq!(content.snapshot().action("web.flow"), Some(&first));
        }
    }
    let better = GOOD.replace("look", "see");
    site.write("packs/web/actions/workflows/flow.yaml", &better);
    let report = content.reload();
    assert_eq!((report.kept.len(), report.problems.len()), (0, 0));
    assert_eq!(report.changed, ["action web.flow"]);
    assert_eq!(&*text(), better);
}

#[test]
fn switching_off_works_while_an_earlier_version_is_in_force() {
    let site = site(GOOD);
    let content = load(&site);
    site.write("packs/web/actions/workflows/flow.yaml", "version: 1.0\n");
    site.write("packs/web/actions/flow.yaml", format!("{FLOW}enabled: false\n"));
    assert_eq!(content.reload().kept, ["action web.flow"]);
    assert!(!content.snapshot().action("web.flow").unwrap().enabled);
}

#[test]
fn a_new_version_waits_for_the_action_that_it_needs() {
    let site = site(GOOD);
    let content = load(&site);
    let better = GOOD.replace("web.local", "later.local");
    site.write("packs/web/actions/workflows/flow.yaml", &better);
    assert_eq!(content.reload().kept, ["action web.flow"]);
    site.write(
        "packs/later/pack.yaml",
        "name: later\ndescription: d\nversion: 1.0.0\nauthor: bo\n",
    );
    site.write("packs/later/actions/local.yaml", LOCAL);
    let report = content.reload();
    assert_eq!(told(&report.problems), [""; 0]);
    let snapshot = content.snapshot();
    assert_eq!(
        snapshot.action("web.flow").unwrap().entry_point_text.as_deref(),
        Some(better.as_str())
    );

    // Now the action changes, and the workflow, whose file is as it was, does not fit any more.
    site.write(
        "packs/later/actions/local.yaml",
        LOCAL.replace("cmd:", "command:"),
    );
    let report = content.reload();
    assert_eq!(told(&report.problems).len(), 1, "{}", shown(&report.problems));
    assert_eq!(report.kept, [""; 0]);
}

#[test]
fn what_did_not_change_is_not_inspected_again() {
    let site = site(GOOD);
    let content = load(&site);
    let before = content.snapshot();
    assert!(content.reload().is_empty());
    let after = content.snapshot();
    assert!(Arc::ptr_eq(
        &before.inspections["web.flow"],
        &after.inspections["web.flow"]
    ));
    site.write(
        "packs/web/actions/local.yaml",
        LOCAL.replace("required: true", "default: ls"),
    );
    content.reload();
    let changed = content.snapshot();
    assert!(!Arc::ptr_eq(
        &before.inspections["web.flow"],
        &changed.inspections["web.flow"]
    ));
}

#[rstest::rstest]
#[case("chain:\n  - name: a\n    ref: web.local\n", &[])]
#[case("chain:\n  - name: a\n    ref: web.locl\n", &["warning 2:5 task `a`: there is no action `web.locl`"])]
#[case("chain: [\n", &["error 1:8 `[` is never closed"])]
#[case("- a\n", &["error 1:1 an action chain is a list instead of a mapping"])]
#[case("default: a\n", &["error 1:1 there is no `chain`"])]
#[case("chain: {}\n", &["error 1:1 `chain` is a map instead of a list"])]
fn action_chains_are_read(#[case] text: &str, #[case] expected: &[&str]) {
    let site = site(GOOD);
    site.write(
        "packs/web/actions/linked.yaml",
        "name: linked\nrunner_type: action-chain\nentry_point: chains/linked.yaml\ndescription: d\n",
    );
    site.write("packs/web/actions/chains/linked.yaml", text);
    let problems = load(&site).snapshot().problems.clone();
    let found = told(&problems);
    assert_eq!(found.len(), expected.len(), "{}", shown(&problems));
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{}", shown(&problems));
    }
}

#[test]
fn runners_of_mistral_are_named_as_what_they_are() {
    let site = site(GOOD);
    site.write(
        "packs/web/actions/old.yaml",
        "name: old\nrunner_type: mistral-v2\nentry_point: workflows/old.yaml\n",
    );
    site.write("packs/web/actions/workflows/old.yaml", "version: '2.0'\n");
    let problems = load(&site).snapshot().problems.clone();
    assert_eq!(
        told(&problems),
        ["error 2:14 `mistral-v2` ran workflows on Mistral, which is gone; they cannot run here"]
    );
    assert!(problems[0].hint.contains("runner_type: orquesta"));
}

#[test]
fn lint_knows_the_pack_itself_and_what_comes_with_the_service() {
    let text = "version: 1.0\ninput: [host]\ntasks:\n  a: {action: web.gone}\n  b: {action: core.local}\n  \
                c: {action: elsewhere.act x=<% ctx(host) %>}\n";
    let site = site(text);
    let report = lint(&site.path("packs/web"), &with_flows());
    let errors: Vec<_> = report.errors.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        errors,
        [
            "tasks.a.action: The action \"web.gone\" is not registered in the database.",
            "tasks.b.input: Action \"core.local\" is missing required input \"cmd\"."
        ]
    );
    assert!(!report.ok);
    assert_eq!(report.errors[0].text, "  a: {action: web.gone}");
}
