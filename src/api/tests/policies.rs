//! Policies over HTTP: the reference's shapes, made and removed, and what they do to executions.

use http::StatusCode;
use serde_json::{Value, json};

use super::support::Server;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn policies_are_made_shown_changed_and_removed() {
    let server = Server::new().await;
    let client = &server.client;
    let body = json!({
        "name": "shape_pol", "pack": "default", "resource_ref": "core.local", "policy_type": "action.concurrency",
        "parameters": {"threshold": 100, "action": "delay"}, "enabled": true,
    });
    let made = client.post("/api/v1/policies", Some(&body)).await.unwrap();
    assert_eq!(
        keys(&made),
        [
            "uid",
            "metadata_file",
            "name",
            "ref",
            "pack",
            "enabled",
            "resource_ref",
            "policy_type",
            "parameters",
            "id"
        ]
    );
    assert_eq!(made["uid"], "policy:default:shape_pol");
    assert_eq!(made["ref"], "default.shape_pol");
    let again = client.post("/api/v1/policies", Some(&body)).await.unwrap_err();
    assert_eq!(again.status(), Some(409));

    let id = made["id"].as_str().unwrap();
    for wanted in ["default.shape_pol", id] {
        let path = format!("/api/v1/policies/{wanted}");
        assert_eq!(client.get(&path).await.unwrap(), made);
    }
    let path = "/api/v1/policies?resource_ref=core.local";
    assert_eq!(client.get(path).await.unwrap(), json!([made]));
    assert_eq!(
        client
            .get("/api/v1/policies?policy_type=action.retry")
            .await
            .unwrap(),
        json!([])
    );

    let mut changed = made.clone();
    changed["parameters"]["threshold"] = json!(2);
    let path = format!("/api/v1/policies/{id}");
    let changed = client.put(&path, Some(&changed)).await.unwrap();
    assert_eq!(changed["parameters"], json!({"threshold": 2, "action": "delay"}));

    for (key, value, told) in [
        ("parameters", json!({"threshold": "x"}), "threshold"),
        ("resource_ref", json!("core.lokal"), "did you mean `core.local`?"),
        ("policy_type", json!("action.conc"), "no type of policies"),
    ] {
        let mut wrong = body.clone();
        wrong["name"] = "other".into();
        wrong[key] = value;
        let refused = client.post("/api/v1/policies", Some(&wrong)).await.unwrap_err();
        assert_eq!(refused.status(), Some(400));
        assert!(refused.to_string().contains(told), "{refused}");
    }
    let stranger = client
        .get("/api/v1/policies/default.shape_poll")
        .await
        .unwrap_err();
    assert!(
        stranger
            .to_string()
            .contains("Did you mean \"default.shape_pol\"?"),
        "{stranger}"
    );
    let (status, _, _) = server.send(client, "DELETE", &path, &[], "").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(client.get(&path).await.unwrap_err().status(), Some(404));
}

#[tokio::test]
async fn types_are_the_references() {
    let server = Server::new().await;
    let types = server.client.get("/api/v1/policytypes").await.unwrap();
    let names: Vec<&Value> = types
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| &kind["ref"])
        .collect();
    assert_eq!(
        names,
        ["action.concurrency", "action.concurrency.attr", "action.retry"]
    );
    assert_eq!(
        keys(&types[0]),
        [
            "name",
            "description",
            "uid",
            "ref",
            "resource_type",
            "enabled",
            "module",
            "parameters",
            "id"
        ]
    );
    assert_eq!(types[2]["parameters"]["max_retry_count"]["maximum"], 5);
    let one = server
        .client
        .get("/api/v1/policytypes/action.retry")
        .await
        .unwrap();
    assert_eq!(one, types[2]);
}

#[tokio::test]
async fn who_waits_says_for_whom() {
    let server = Server::new().await;
    let client = &server.client;
    let policy = json!({
        "name": "one", "resource_ref": "core.local", "policy_type": "action.concurrency", "parameters": {"threshold": 1},
    });
    client.post("/api/v1/policies", Some(&policy)).await.unwrap();
    let file = server.packs().join("go");
    let ask = |cmd: String| json!({"action": "core.local", "parameters": {"cmd": cmd}});
    let cmd = format!("mkfifo {0}; cat {0}", file.display());
    let first = client.post("/api/v1/executions", Some(&ask(cmd))).await.unwrap();
    let second = client
        .post("/api/v1/executions", Some(&ask("true".to_owned())))
        .await
        .unwrap();
    let path = format!("/api/v1/executions/{}", second["id"].as_str().unwrap());
    let waits = client.get(&path).await.unwrap();
    assert_eq!(waits["status"], "delayed");
    assert_eq!(
        waits["waiting"],
        json!({"for": 1, "policy": "default.one", "text": "waiting for 1 other (policy default.one)"})
    );
    // The policy goes, and what waits because of it goes on.
    client.delete("/api/v1/policies/default.one", None).await.unwrap();
    let ended = server.ended(second["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "succeeded");
    assert!(ended.get("waiting").is_none());
    while tokio::fs::metadata(&file).await.is_err() {
        tokio::task::yield_now().await;
    }
    tokio::fs::write(&file, "\n").await.unwrap();
    server.ended(first["id"].as_str().unwrap()).await;
}
