//! The server's own resources: health, numbers, audit, content, database.

use http::StatusCode;
use serde_json::{Value, json};

use super::support::Server;

#[tokio::test]
async fn the_numbers_are_there_for_people_and_for_scrapers() {
    let server = Server::new().await;
    server.run("core.noop", &json!({})).await;
    let status = server.client.get("/v1/status").await.unwrap();
    assert_eq!(status["engine"]["accepted"], 1);
    assert_eq!(status["store"]["executions"], 1);
    assert_eq!(status["content"]["generation"], 1);
    assert!(status["ready"].as_bool().unwrap() && status["uptime_seconds"].as_f64().unwrap() >= 0.0);
    let (code, headers, text) = server.send(&server.stranger(), "GET", "/metrics", &[], "").await;
    assert_eq!(code, StatusCode::OK);
    assert!(
        headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    let text = text.as_str().unwrap();
    for line in [
        "sayso_http_requests_total{method=\"POST\",route=\"/api/v1/executions\",status=\"201\"}",
        "sayso_http_request_duration_seconds_bucket{method=\"POST\",route=\"/api/v1/executions\",le=\"0.001\"}",
        "sayso_executions_total{status=\"succeeded\"}",
        "sayso_executions_running ",
        "sayso_store_commits_total ",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(
        !text.contains(status["store"]["kind"].as_str().unwrap()) || text.contains("sayso_"),
        "{text}"
    );
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            server.send(&server.stranger(), "GET", path, &[], "").await.0,
            StatusCode::OK
        );
    }
}

#[tokio::test]
async fn the_audit_log_is_searched_paged_and_verified() {
    let server = Server::new().await;
    for _ in 0..5 {
        server.run("core.noop", &json!({})).await;
    }
    let done = server.run("core.local", &json!({"cmd": "echo audited"})).await;
    let newest = server.client.get("/v1/audit?limit=2").await.unwrap();
    let keys: Vec<&String> = newest[0].as_object().unwrap().keys().collect();
    assert_eq!(keys[..3], ["number", "timestamp", "kind"]);
    assert!(newest[0]["number"].as_u64() > newest[1]["number"].as_u64());
    let of_one = format!("/v1/audit?execution={}&sort=asc", done["id"].as_str().unwrap());
    let entries = server.client.get(&of_one).await.unwrap();
    assert_eq!(entries[0]["actor"], "testu");
    assert_eq!(
        entries.as_array().unwrap().last().unwrap()["kind"],
        "execution.succeeded"
    );
    let noops = server
        .client
        .get("/v1/audit?action=core.noop&kind=execution")
        .await
        .unwrap();
    assert_eq!(noops.as_array().unwrap().len(), 5);
    let verdict = server.client.get("/v1/audit/verify").await.unwrap();
    assert_eq!(verdict["ok"], true);
    assert_eq!(verdict["entries"], newest[0]["number"]);
}

#[tokio::test]
async fn content_is_read_again_and_the_database_copied() {
    let server = Server::new().await;
    let report = server.client.post("/v1/reload", None).await.unwrap();
    assert_eq!(report["generation"], 2);
    assert_eq!(
        server.client.get("/v1/content/problems").await.unwrap()["generation"],
        2
    );
    let check = server.client.get("/v1/db/check").await.unwrap();
    assert_eq!(check, json!({"ok": true, "complaints": []}));
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("copy.db");
    let body = json!({"target": target.to_str().unwrap()});
    let made = server.client.post("/v1/db/backup", Some(&body)).await.unwrap();
    assert_eq!(
        made["bytes"].as_u64().unwrap(),
        std::fs::metadata(&target).unwrap().len()
    );
    let refused = server
        .client
        .post("/v1/db/backup", Some(&body))
        .await
        .unwrap_err();
    assert_eq!(refused.status(), Some(409));
    let refused = server
        .client
        .post("/v1/db/backup", Some(&json!({"target": "copy.db"})))
        .await
        .unwrap_err();
    assert_eq!(refused.status(), Some(400));
}

#[tokio::test]
async fn content_is_found_by_reference_and_by_id() {
    let server = Server::new().await;
    for kind in ["actions", "packs", "actionalias", "runnertypes"] {
        let list = server
            .client
            .get(&format!("/v1/{kind}?limit=1&sort=-name"))
            .await
            .unwrap();
        let first: &Value = &list[0];
        let name = first
            .get("ref")
            .or_else(|| first.get("name"))
            .unwrap()
            .as_str()
            .unwrap();
        let id = first["id"].as_str().unwrap();
        let by_name = server.client.get(&format!("/v1/{kind}/{name}")).await.unwrap();
        let by_id = server.client.get(&format!("/v1/{kind}/{id}")).await.unwrap();
        assert_eq!((&by_name, &by_id), (first, first), "{kind}");
    }
    let tagged = server.client.get("/v1/actions?tags=a:b").await.unwrap();
    assert_eq!(tagged[0]["ref"], "default.shape_act");
    assert_eq!(
        server.client.get("/v1/actions?tags=a:c").await.unwrap(),
        json!([])
    );
    let merged = server
        .client
        .get("/v1/actions/views/parameters/core.local")
        .await
        .unwrap();
    assert_eq!(merged["parameters"]["sudo"]["immutable"], true);
    assert_eq!(merged["parameters"]["timeout"]["type"], "integer");
    let (_, _, text) = server
        .send(
            &server.client,
            "GET",
            "/v1/actions/views/entry_point/core.pause",
            &[],
            "",
        )
        .await;
    assert!(text.as_str().unwrap().starts_with("#!"), "{text}");
    let (code, ..) = server
        .send(
            &server.client,
            "GET",
            "/v1/actions/views/entry_point/core.noop",
            &[],
            "",
        )
        .await;
    assert_eq!(code, StatusCode::NOT_FOUND);
}
