//! Chains, from their text to their end.

use serde_json::json;

use super::*;
use crate::expr::jinja::Limits;
use crate::model::Severity;

const CHAIN: &str = "\
vars:
  where: \"{{ host }}-1\"
chain:
  - name: check
    ref: core.local
    parameters: {cmd: \"ping {{ where }}\", tries: 3, list: [\"{{ host }}\"]}
    publish: {found: \"{{ check.stdout }}\", raw: \"{{ __results.check.n }}\"}
    on-success: tell
    on-failure: mend
  - name: mend
    ref: core.local
    params: {cmd: \"{{ action_context.user }} {{ config_context.key }}\"}
    on-success: tell
  - name: tell
    ref: core.echo
    parameters: {message: \"{{ found }} {{ where }}\"}
";

fn conductor(text: &str) -> ChainConductor {
    let report = Chain::read(text, "c.yaml");
    assert_eq!(report.problems, [], "{text}");
    let mut conductor = ChainConductor::new(ChainParts {
        chain: Arc::new(report.chain.expect("a chain")),
        jinja: Arc::new(Jinja::new(Limits::default())),
        parameters: Arc::new(json!({"host": "web"}).as_object().expect("parameters").clone()),
        action_context: Arc::new(json!({"user": "ana"})),
        config_context: Arc::new(json!({"key": "k"})),
        keys: None,
    });
    conductor.request(Status::Requested).expect("it starts");
    conductor.request(Status::Running).expect("it runs");
    conductor
}

fn event(status: Status, result: Json) -> ActionEvent {
    ActionEvent {
        status,
        result: Value::from(result),
    }
}

/// Stored and read: all changes and the state in one piece give the same.
fn again(conductor: ChainConductor, journal: &mut Vec<String>) -> ChainConductor {
    let mut conductor = conductor;
    let new = conductor.take_journal();
    journal.extend(
        new.iter()
            .map(|delta| serde_json::to_string(delta).expect("a text")),
    );
    let deltas = journal
        .iter()
        .map(|text| serde_json::from_str(text).expect("a delta"));
    let restored = ChainConductor::restore(conductor.parts.clone(), ChainState::default(), deltas);
    let snapshot = serde_json::to_string(conductor.snapshot()).expect("a text");
    let snapshot: ChainState = serde_json::from_str(&snapshot).expect("a state");
    assert_eq!(&snapshot, restored.snapshot());
    restored
}

/// Runs a chain to where nothing is to start; gives what was started.
fn run(conductor: &mut ChainConductor, outcome: impl Fn(&str) -> (Status, Json)) -> Vec<(String, Json)> {
    let mut started = Vec::new();
    while let Some(task) = conductor.next_tasks().pop() {
        assert!(started.len() < 50, "{started:?}");
        let input = to_json(&task.actions[0].input).expect("JSON");
        started.push((task.id.to_string(), input));
        conductor
            .action_event(&task.id, &event(Status::Running, Json::Null))
            .expect("it runs");
        let (status, result) = outcome(&task.id);
        conductor
            .action_event(&task.id, &event(status, result))
            .expect("it ends");
    }
    started
}

#[test]
fn a_success_leads_on_with_what_was_published() {
    let mut chain = conductor(CHAIN);
    let started = run(&mut chain, |_| {
        (Status::Succeeded, json!({"stdout": "up", "n": 5}))
    });
    assert_eq!(
        started,
        [
            (
                "check".to_owned(),
                json!({"cmd": "ping web-1", "tries": 3, "list": ["web"]})
            ),
            ("tell".to_owned(), json!({"message": "up web-1"})),
        ]
    );
    assert_eq!(chain.status(), Status::Succeeded);
    assert_eq!(
        Json::Object(chain.published().clone()),
        json!({"found": "up", "raw": "5"})
    );
}

#[test]
fn a_handled_failure_followed_by_a_success_is_a_success() {
    let text = CHAIN.replace("{{ found }} ", "");
    let mut chain = conductor(&text);
    let fails = |task: &str| match task {
        "check" => (Status::Failed, json!({"stderr": "down"})),
        _ => (Status::Succeeded, Json::Null),
    };
    let started = run(&mut chain, fails);
    assert_eq!(started[1], ("mend".to_owned(), json!({"cmd": "ana k"})));
    assert_eq!((started.len(), chain.status()), (3, Status::Succeeded));
}

#[test]
fn the_chain_ends_as_its_last_node_did() {
    for status in [
        Status::Failed,
        Status::Timeout,
        Status::Abandoned,
        Status::Canceled,
    ] {
        let mut chain = conductor("chain:\n  - {name: a, ref: x.y}\n");
        run(&mut chain, |_| (status, Json::Null));
        assert_eq!(chain.status(), status);
        assert!(chain.request(Status::Running).is_err());
    }
}

#[test]
fn what_cannot_be_rendered_fails_the_chain() {
    let mut chain = conductor("chain:\n  - {name: a, ref: x.y, parameters: {p: '{{ nowhere }}'}}\n");
    assert_eq!(run(&mut chain, |_| (Status::Succeeded, Json::Null)), []);
    assert_eq!(chain.status(), Status::Failed);
    let error = chain.error().unwrap_or_default();
    assert!(
        error.starts_with("Failed rendering parameter `p` of task \"a\": "),
        "{error}"
    );

    let chain = conductor_of_vars();
    assert_eq!(chain.status(), Status::Failed);
}

fn conductor_of_vars() -> ChainConductor {
    let report = Chain::read(
        "vars: {v: '{{ nowhere }}'}\nchain:\n  - {name: a, ref: x.y}\n",
        "c.yaml",
    );
    ChainConductor::new(ChainParts {
        chain: Arc::new(report.chain.expect("a chain")),
        jinja: Arc::new(Jinja::new(Limits::default())),
        parameters: Arc::new(Map::new()),
        action_context: Arc::default(),
        config_context: Arc::default(),
        keys: None,
    })
}

#[test]
fn pauses_come_after_the_node_and_inquiries_hold_the_chain() {
    let mut journal = Vec::new();
    let text = "chain:\n  - {name: a, ref: x.y, on-success: b}\n  - {name: b, ref: x.y}\n";
    let mut chain = again(conductor(text), &mut journal);
    chain
        .action_event("a", &event(Status::Running, Json::Null))
        .expect("it runs");
    chain.request(Status::Pausing).expect("it pauses");
    assert_eq!(chain.status(), Status::Pausing);
    chain = again(chain, &mut journal);
    chain
        .action_event("a", &event(Status::Succeeded, json!(1)))
        .expect("it ends");
    assert_eq!(chain.status(), Status::Paused);
    assert!(chain.next_tasks().is_empty());
    chain = again(chain, &mut journal);
    chain.request(Status::Resuming).expect("it goes on");
    assert_eq!(chain.next_tasks().len(), 1);
    chain
        .action_event("b", &event(Status::Running, Json::Null))
        .expect("it runs");
    chain
        .action_event("b", &event(Status::Pending, Json::Null))
        .expect("it asks");
    assert_eq!(chain.status(), Status::Paused);
    chain = again(chain, &mut journal);
    chain
        .action_event("b", &event(Status::Succeeded, json!("yes")))
        .expect("it is answered");
    assert_eq!(chain.status(), Status::Paused);
    chain.request(Status::Resuming).expect("it goes on");
    assert_eq!(chain.status(), Status::Succeeded);
}

#[test]
fn cancelling_waits_for_the_node() {
    let mut chain = conductor(CHAIN);
    chain
        .action_event("check", &event(Status::Running, Json::Null))
        .expect("it runs");
    chain.request(Status::Canceled).expect("it is being canceled");
    assert_eq!(chain.status(), Status::Canceling);
    let result = json!({"stdout": "", "n": 1});
    chain
        .action_event("check", &event(Status::Succeeded, result))
        .expect("it ends");
    assert_eq!(chain.status(), Status::Canceled);
    assert!(chain.next_tasks().is_empty());
}

#[test]
fn chains_may_run_in_circles() {
    let text = "chain:\n  - {name: a, ref: x.y, on-success: b}\n  - {name: b, ref: x.y, on-success: a, on-failure: c}\n  - {name: c, ref: x.y}\ndefault: a\n";
    let mut chain = conductor(text);
    let count = std::cell::Cell::new(0);
    let started = run(&mut chain, |task| {
        count.set(count.get() + 1);
        let status = if task == "b" && count.get() > 5 {
            Status::Failed
        } else {
            Status::Succeeded
        };
        (status, Json::Null)
    });
    assert_eq!((started.len(), chain.status()), (7, Status::Succeeded));
}

#[test]
fn the_start_is_the_default_or_the_first_that_nobody_names() {
    let start = |text: &str| {
        let chain = Chain::read(text, "c.yaml").chain.expect("a chain");
        chain.nodes[chain.start].name.clone()
    };
    let nodes = "chain:\n  - {name: b, ref: x.y}\n  - {name: a, ref: x.y, on-success: b}\n";
    assert_eq!(start(nodes), "a");
    assert_eq!(start(&format!("{nodes}default: b\n")), "b");
    assert_eq!(
        start("chain:\n  - {name: b, ref: x.y, on-success: a}\n  - {name: a, ref: x.y, on-success: b}\n"),
        "b"
    );
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (text, line, told) in [
        ("[]", 1, "an action chain is a list instead of a mapping"),
        ("vars: {}\n", 1, "there is no `chain`"),
        ("chain: []\n", 1, "the chain is empty"),
        ("chain: {}\n", 1, "`chain` is a map instead of a list"),
        ("chain:\n  - text\n", 2, "a node is text instead of a mapping"),
        ("chain:\n  - {name: a}\n", 2, "a node has no `ref`"),
        ("chain:\n  - {ref: a}\n", 2, "a node has no `name`"),
        (
            "chain:\n  - {name: 5, ref: a}\n",
            2,
            "`name` is a number instead of a text",
        ),
        (
            "chain:\n  - {name: a, ref: x.y, on-sucess: b}\n",
            2,
            "a node has no field `on-sucess`",
        ),
        (
            "chain:\n  - name: a\n    ref: x.y\n    on-success: b\n",
            4,
            "Unable to find node with name \"b\" referenced in \"on-success\" in task \"a\".",
        ),
        (
            "chain:\n  - {name: a, ref: x.y}\ndefault: zz\n",
            3,
            "Unable to find node with name \"zz\" referenced in \"default\".",
        ),
        (
            "chain:\n  - {name: a, ref: x.y, params: {}, parameters: {}}\n",
            2,
            "a node has both `params` and `parameters`",
        ),
        (
            "chain:\n  - {name: a, ref: x.y, publish: 5}\n",
            2,
            "`publish` is a number instead of a mapping",
        ),
    ] {
        let report = Chain::read(text, "c.yaml");
        assert!(report.chain.is_none(), "{text}");
        let found = report.problems.iter().find(|problem| problem.message == told);
        let found = found.unwrap_or_else(|| panic!("{text}: {:?}", report.problems));
        assert_eq!((found.line, found.severity), (line, Severity::Error), "{text}");
    }
}

#[test]
fn oddities_are_warnings() {
    let text = "chain:\n  - {name: a, ref: x.y}\n  - {name: a, ref: x.y}\n  - {name: c, ref: x.y}\n";
    let report = Chain::read(text, "c.yaml");
    assert!(report.chain.is_some());
    let told: Vec<&str> = report
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "there are several nodes with the name \"a\"",
            "the node \"a\" is never reached",
            "the node \"c\" is never reached",
        ]
    );
}
