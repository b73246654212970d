//! `kill -9` in the middle of workflows: each ends as it would have without, and no finished task ran twice.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::server::Api;
use crate::support::{Server, Site, eventually};

/// A script that leaves a mark and may be run again after a crash.
const MARK: &str = "---\nname: mark\npack: flows\nrunner_type: local-shell-script\nentry_point: mark.sh\nenabled: true\nidempotent: true\nparameters:\n  file: {type: string, required: true, position: 0}\n  id: {type: string, required: true, position: 1}\n";
const MARK_SCRIPT: &str =
    "#!/usr/bin/env bash\nset -eu\nprintf '%s\\n' \"$2\" >> \"$1\"\nsleep 0.05\necho \"$2\"\n";
/// The same, and it fails the first time.
const FLAKY_SCRIPT: &str = "#!/usr/bin/env bash\nset -eu\nprintf '%s\\n' \"$2\" >> \"$1\"\n[ \"$(grep -cx \"$2\" \"$1\")\" -gt 1 ]\n";

/// Workflows by name. Each gets the file of marks.
const FLOWS: [(&str, &str); 6] = [
    (
        "line",
        "tasks:\n  a:\n    action: flows.mark\n    input: {file: <% ctx().file %>, id: <% ctx().prefix %>-a}\n    next:\n      - when: <% succeeded() %>\n        publish: a=<% result().stdout %>\n        do: b\n  b:\n    action: flows.mark\n    input: {file: <% ctx().file %>, id: <% ctx().prefix %>-b}\n    next:\n      - when: <% succeeded() %>\n        do: c\n  c:\n    action: flows.mark\n    input: {file: <% ctx().file %>, id: <% ctx().prefix %>-c}\noutput:\n  - out: <% ctx().a %>\n",
    ),
    (
        "fork",
        "tasks:\n  left:\n    action: flows.mark\n    input: {file: <% ctx().file %>, id: fork-left}\n    next:\n      - when: <% succeeded() %>\n        publish: left=<% result().stdout %>\n        do: both\n  right:\n    action: flows.mark\n    input: {file: <% ctx().file %>, id: fork-right}\n    next:\n      - when: <% succeeded() %>\n        publish: right=<% result().stdout %>\n        do: both\n  both:\n    join: all\n    action: flows.mark\n    input: {file: <% ctx().file %>, id: fork-both}\noutput:\n  - out: <% ctx().left + ' ' + ctx().right %>\n",
    ),
    (
        "items",
        "tasks:\n  each:\n    with:\n      items: n in <% [1, 2, 3, 4, 5] %>\n      concurrency: 2\n    action: flows.mark\n    input: {file: <% ctx().file %>, id: items-<% item(n) %>}\n    next:\n      - when: <% succeeded() %>\n        publish: all=<% result().select($.stdout) %>\noutput:\n  - out: <% ctx().all %>\n",
    ),
    (
        "turns",
        "vars:\n  - n: 0\ntasks:\n  begin:\n    next:\n      - do: turn\n  turn:\n    action: flows.mark\n    input: {file: <% ctx().file %>, id: turns-<% ctx().n %>}\n    next:\n      - when: <% succeeded() and ctx().n < 3 %>\n        publish: n=<% ctx().n + 1 %>\n        do: turn\noutput:\n  - out: <% ctx().n %>\n",
    ),
    (
        "outer",
        "tasks:\n  inside:\n    action: flows.line\n    input: {file: <% ctx().file %>, prefix: deep}\n    next:\n      - when: <% succeeded() %>\n        publish: got=<% result().output.out %>\n        do: after\n  after:\n    action: flows.mark\n    input: {file: <% ctx().file %>, id: outer-after}\noutput:\n  - out: <% ctx().got %>\n",
    ),
    (
        "tries",
        "tasks:\n  flaky:\n    action: flows.flaky\n    input: {file: <% ctx().file %>, id: tries-flaky}\n    retry:\n      count: 5\n    next:\n      - when: <% succeeded() %>\n        do: after\n  after:\n    action: flows.mark\n    input: {file: <% ctx().file %>, id: tries-after}\noutput:\n  - out: done\n",
    ),
];
/// What each gives in the end.
fn outputs() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("line", json!("line-a")),
        ("fork", json!("fork-left fork-right")),
        (
            "items",
            json!(["items-1", "items-2", "items-3", "items-4", "items-5"]),
        ),
        ("turns", json!(3)),
        ("outer", json!("deep-a")),
        ("tries", json!("done")),
    ])
}

fn write_pack(site: &Site) {
    let write = |path: &str, text: &str| site.write_pack_file(&format!("flows/{path}"), text);
    write(
        "pack.yaml",
        "---\nname: flows\ndescription: Workflows that leave marks.\nversion: 1.0.0\nauthor: ana\nemail: ana@example.org\n",
    );
    write("actions/mark.yaml", MARK);
    write("actions/mark.sh", MARK_SCRIPT);
    write("actions/flaky.yaml", &MARK.replace("mark", "flaky"));
    write("actions/flaky.sh", FLAKY_SCRIPT);
    for (name, text) in FLOWS {
        write(
            &format!("actions/{name}.yaml"),
            &format!(
                "---\nname: {name}\npack: flows\nrunner_type: orquesta\nentry_point: workflows/{name}.yaml\nenabled: true\nparameters:\n  file: {{type: string, required: true}}\n  prefix: {{type: string, default: {name}}}\n"
            ),
        );
        write(
            &format!("actions/workflows/{name}.yaml"),
            &format!("version: 1.0\ninput:\n  - file\n  - prefix\n{text}"),
        );
    }
}

/// All executions.
async fn all(api: &Api) -> Vec<Value> {
    let list = api.get("/api/v1/executions?limit=-1").await.with(200);
    list.as_array().expect("a list").clone()
}

fn is_part(execution: &Value) -> bool {
    !execution["context"]["orquesta"].is_null()
}

/// For what a child was: its workflow's action, task, route and item.
fn spot(execution: &Value, by_id: &BTreeMap<&str, &Value>) -> String {
    let link = &execution["context"]["orquesta"];
    let parent = link["workflow_execution_id"].as_str().expect("its workflow");
    let parent = by_id[parent]["action"]["ref"].as_str().expect("an action");
    let owner = by_id[link["workflow_execution_id"].as_str().expect("its workflow")];
    let depth = if is_part(owner) { "inner " } else { "" };
    format!(
        "{depth}{parent} {} {} {}",
        link["task_id"], link["task_route"], link["item_id"]
    )
}

/// How many children there were for what.
fn shape(executions: &[Value]) -> BTreeMap<String, usize> {
    let by_id: BTreeMap<&str, &Value> = executions
        .iter()
        .map(|one| (one["id"].as_str().expect("an id"), one))
        .collect();
    let mut shape = BTreeMap::new();
    for part in executions.iter().filter(|one| is_part(one)) {
        // How often something is tried again may depend on when the server died.
        if part["action"]["ref"] != "flows.flaky" {
            *shape.entry(spot(part, &by_id)).or_insert(0) += 1;
        }
    }
    shape
}

/// Starts all workflows; gives their executions' ids.
async fn start(api: &Api, file: &str) -> Vec<(&'static str, String)> {
    let mut ids = Vec::new();
    for (name, _) in FLOWS {
        ids.push((
            name,
            api.started(&format!("flows.{name}"), json!({"file": file})).await,
        ));
    }
    ids
}

async fn check_ends(api: &Api, ids: &[(&'static str, String)]) {
    for (name, id) in ids {
        let over = api.over(id).await;
        assert_eq!(over["status"], "succeeded", "{name}: {over:#}");
        assert_eq!(over["result"]["output"]["out"], outputs()[name], "{name}");
    }
}

/// Marks in the file, in order of names.
fn marks(site: &Site, file: &str) -> BTreeMap<String, usize> {
    let mut marks = BTreeMap::new();
    let text = std::fs::read_to_string(site.path(file)).unwrap_or_default();
    for line in text.lines() {
        *marks.entry(line.to_owned()).or_insert(0) += 1;
    }
    marks
}

#[tokio::test]
async fn workflows_end_as_if_the_server_had_not_been_killed() {
    let site = Site::open();
    write_pack(&site);
    let server = site.serve().await;
    let file = |round: usize| site.path(&format!("marks-{round}")).display().to_string();
    let ids = start(server.api(), &file(0)).await;
    check_ends(server.api(), &ids).await;
    let undisturbed = shape(&all(server.api()).await);
    assert!(undisturbed.values().sum::<usize>() > 20, "{undisturbed:?}");
    let mut server = server;
    let mut known: usize = all(server.api()).await.len();
    for round in 1..=8 {
        let ids = start(server.api(), &file(round)).await;
        // A little later each time: in the middle of other tasks.
        let wanted = round * 3 - 2;
        eventually("some tasks have ended", async || {
            let executions = all(server.api()).await;
            let new = &executions[..executions.len() - known];
            let ended = new
                .iter()
                .filter(|one| is_part(one) && one["end_timestamp"].is_string());
            (ended.count() >= wanted).then_some(())
        })
        .await;
        let finished = finished_marks(&all(server.api()).await, &file(round));
        let api = server.kill().await;
        server = Server::again(&site, api).await;
        check_ends(server.api(), &ids).await;

        let executions = all(server.api()).await;
        let new: Vec<Value> = executions[..executions.len() - known].to_vec();
        assert_eq!(shape(&new), undisturbed, "round {round}");
        let marks = marks(&site, &format!("marks-{round}"));
        for id in &finished {
            assert_eq!(marks[id], 1, "{id} had ended and ran again: {marks:?}");
        }
        for (id, times) in &marks {
            let runs = started(&new, id);
            assert!(
                *times <= runs,
                "{id} ran {times} times and was started {runs} times"
            );
        }
        known = executions.len();
    }
    assert!(server.stop().await.success());
    site.sayso(&["audit", "verify"]).await.ended(0);
}

/// Marks of the children that have ended.
fn finished_marks(executions: &[Value], file: &str) -> Vec<String> {
    let ended = executions.iter().filter(|one| {
        one["parameters"]["file"] == file
            && one["action"]["ref"] == "flows.mark"
            && one["status"] == "succeeded"
    });
    ended
        .map(|one| one["parameters"]["id"].as_str().expect("a mark").to_owned())
        .collect()
}

/// How often the executions of a mark were started.
fn started(executions: &[Value], mark: &str) -> usize {
    let of_mark = executions.iter().filter(|one| one["parameters"]["id"] == mark);
    of_mark
        .flat_map(|one| one["log"].as_array().cloned().unwrap_or_default())
        .filter(|entry| entry["status"] == "running")
        .count()
}
