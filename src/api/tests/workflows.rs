//! Workflows as clients see them.

use serde_json::{Value, json};

use super::support::Server;

#[tokio::test]
async fn a_workflow_tells_its_definition_its_output_and_its_tasks() {
    let server = Server::new().await;
    let done = server
        .run("examples.restart_all", &json!({"environment": "prod"}))
        .await;
    let path = format!("/v1/executions/{}/workflow", done["id"].as_str().unwrap());
    let (status, _, flow) = server.send(&server.client, "GET", &path, &[], "").await;
    assert_eq!(status, 200, "{flow}");
    assert_eq!(
        (&flow["status"], &flow["output"], &flow["incomplete"]),
        (
            &json!("succeeded"),
            &json!({"environment": "prod"}),
            &json!(false)
        ),
        "{flow}"
    );
    assert!(flow["definition"].as_str().unwrap().contains("restart_web"));
    let path = path.replace("/workflow", "/tasks");
    let (_, _, tasks) = server.send(&server.client, "GET", &path, &[], "").await;
    assert_eq!(tasks, flow["tasks"]);
    let told: Vec<_> = tasks
        .as_array()
        .unwrap()
        .iter()
        .map(|task| (&task["task"], &task["status"], &task["action"]))
        .collect();
    let (good, action) = (json!("succeeded"), json!("examples.restart_service"));
    assert_eq!(
        told,
        [
            (&json!("restart_api"), &good, &action),
            (&json!("restart_web"), &good, &action)
        ]
    );
}

#[tokio::test]
async fn what_is_no_workflow_has_no_tasks() {
    let server = Server::new().await;
    let done = server.run("core.noop", &json!({})).await;
    let path = format!("/v1/executions/{}/tasks", done["id"].as_str().unwrap());
    let (status, _, told) = server.send(&server.client, "GET", &path, &[], "").await;
    assert_eq!(status, 400);
    let told = told["faultstring"].as_str().unwrap();
    assert!(
        told.ends_with("runs core.noop, which is not a workflow: it has no tasks."),
        "{told}"
    );
}

#[tokio::test]
async fn a_posted_definition_is_inspected() {
    let server = Server::new().await;
    let post = async |query: &str, text: &str| {
        let path = format!("/v1/workflows/inspect{query}");
        let kind = [("content-type", "text/plain")];
        server
            .send(&server.client, "POST", &path, &kind, text.to_owned())
            .await
    };
    let (status, _, good) = post("", "version: 1.0\ntasks:\n  a:\n    action: core.noop\n").await;
    assert_eq!((status.as_u16(), good), (200, json!([])));
    let broken = "version: 1.0\ntasks:\n  a:\n    action: core.nop\n    next:\n      - do: b\n      - when: <% ctx().x %>\n";
    let (_, _, errors) = post("", broken).await;
    let types: Vec<&Value> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|error| &error["type"])
        .collect();
    assert_eq!(types, ["semantic", "context"], "{errors}");
    assert_eq!(errors[0]["spec_path"], "tasks.a.next[0].do");
    assert_eq!(errors[0]["line"], 6);
    let (_, _, all) = post("?warnings=1", broken).await;
    assert_eq!(all["errors"], errors);
    assert!(all["warnings"].to_string().contains("core.nop"), "{all}");
    // The reference's client may send the text as a JSON string.
    let (_, _, same) = post("", &json!(broken).to_string()).await;
    assert_eq!(same, errors);
}
