//! Who gets in, as whom, and what they may.

use http::StatusCode;
use serde_json::{Value, json};

use super::support::{Server, TOKEN, USER};
use crate::api::routes;
use crate::api::{ApiOptions, client::ACT_AS};

#[tokio::test]
async fn every_route_is_documented_and_wants_a_token_unless_it_says_so() {
    let server = Server::new().await;
    let stranger = server.stranger();
    let document = stranger.get("/api/v1/openapi.json").await.unwrap();
    let mut documented: usize = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method == "servers" {
                continue;
            }
            documented += 1;
            let public = operation.get("security").is_none();
            let prefix = match item.get("servers") {
                Some(_) => "",
                None => "/v1",
            };
            let path = path.replace("{file_path}", "a/b").replace(['{', '}'], "");
            let (status, _, body) = server
                .send(
                    &stranger,
                    &method.to_uppercase(),
                    &format!("{prefix}{path}"),
                    &[],
                    "",
                )
                .await;
            if public {
                assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
                // A webhook that no rule listens on is not there; its route is, and says so.
                let served = status != StatusCode::NOT_FOUND
                    || body["faultstring"] == "Webhook url not registered with st2";
                assert!(served, "{method} {path} is documented but not served");
            } else {
                assert_eq!(
                    status,
                    StatusCode::UNAUTHORIZED,
                    "{method} {path} answers strangers: {body}"
                );
            }
        }
    }
    // The reverse: everything in the table is in the document.
    for route in routes::all() {
        let path = route.path.replace("{*", "{");
        let method = route.method.as_str().to_lowercase();
        assert!(
            document["paths"][&path][&method].is_object(),
            "{method} {path} is not documented"
        );
    }
    assert_eq!(routes::all().len(), documented);
}

#[tokio::test]
async fn a_token_counts_wherever_clients_put_it() {
    let server = Server::new().await;
    let stranger = server.stranger();
    let bearer = format!("Bearer {TOKEN}");
    let cookie = format!("a=b; auth-token={TOKEN}");
    for (headers, query, method, location) in [
        (
            vec![("authorization", bearer.as_str())],
            String::new(),
            "authentication token",
            "header",
        ),
        (
            vec![("x-auth-token", TOKEN)],
            String::new(),
            "authentication token",
            "header",
        ),
        (vec![("st2-api-key", TOKEN)], String::new(), "API key", "header"),
        (
            vec![],
            format!("?x-auth-token={TOKEN}"),
            "authentication token",
            "query",
        ),
        (vec![], format!("?st2-api-key={TOKEN}"), "API key", "query"),
        (
            vec![("cookie", cookie.as_str())],
            String::new(),
            "authentication token",
            "cookie",
        ),
    ] {
        let path = format!("/api/v1/user{query}");
        let (status, _, body) = server.send(&stranger, "GET", &path, &headers, "").await;
        assert_eq!(status, StatusCode::OK, "{headers:?} {query}");
        assert_eq!(body["username"], USER);
        assert_eq!(
            (
                &body["authentication"]["method"],
                &body["authentication"]["location"]
            ),
            (&json!(method), &json!(location))
        );
    }
}

#[tokio::test]
async fn a_cookie_serves_no_pages_of_other_sites() {
    let options = ApiOptions {
        allow_origin: vec!["https://chat.example.org".into()],
        ..ApiOptions::default()
    };
    let server = Server::with(options, "").await;
    let cookie = format!("auth-token={TOKEN}");
    let stranger = server.stranger();
    for (origin, expected) in [
        ("https://evil.example.org", StatusCode::FORBIDDEN),
        ("https://chat.example.org", StatusCode::CREATED),
        ("http://sayso.example.org", StatusCode::CREATED),
    ] {
        let headers = [
            ("cookie", cookie.as_str()),
            ("origin", origin),
            ("host", "sayso.example.org"),
        ];
        let (status, answered, body) = server
            .send(
                &stranger,
                "POST",
                "/v1/executions",
                &headers,
                r#"{"action":"core.noop"}"#,
            )
            .await;
        assert_eq!(status, expected, "{origin}: {body}");
        let allowed = answered
            .get("access-control-allow-origin")
            .map(|value| value.to_str().unwrap());
        assert_eq!(allowed, (origin == "https://chat.example.org").then_some(origin));
    }
}

#[tokio::test]
async fn an_administrator_acts_as_somebody_else_with_that_persons_rights() {
    let server = Server::with(
        ApiOptions::default(),
        "admins = [\"ana\"]\n[[allow]]\nwho = \"bo\"\nactions = \"core.noop\"\n",
    )
    .await;
    let bo = server.client.acting_as("bo").unwrap();
    let who = bo.get("/api/v1/user").await.unwrap();
    assert_eq!(
        (&who["username"], &who["rbac"]["is_admin"]),
        (&json!("bo"), &json!(false))
    );
    let ana = server
        .client
        .acting_as("ana")
        .unwrap()
        .get("/api/v1/user")
        .await
        .unwrap();
    assert_eq!(ana["rbac"]["is_admin"], true);

    let noop = json!({"action": "core.noop"});
    let execution = bo.post("/api/v1/executions", Some(&noop)).await.unwrap();
    assert_eq!(execution["context"]["user"], "bo");
    let refused = bo
        .post(
            "/api/v1/executions",
            Some(&json!({"action": "core.local", "parameters": {"cmd": "id"}})),
        )
        .await
        .unwrap_err();
    assert_eq!(refused.status(), Some(403));
    assert!(
        refused
            .to_string()
            .contains("no rule allows bo to run core.local; ana could allow it"),
        "{refused}"
    );

    // What only administrators may.
    for (method, path) in [
        ("GET", "/v1/audit"),
        ("GET", "/v1/audit/verify"),
        ("POST", "/v1/reload"),
        ("GET", "/v1/db/stats"),
        ("GET", "/v1/db/check"),
        ("POST", "/v1/db/backup"),
        ("GET", "/v1/executions?limit=-1"),
        ("GET", "/v1/actions?limit=1000"),
    ] {
        let (status, _, body) = server.send(&bo, method, path, &[], "").await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}: {body}");
    }
    let user = json!({"action": "core.noop", "user": "cy"});
    let refused = bo.post("/v1/executions", Some(&user)).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "\"user\" attribute can only be provided by admins"
    );
    let named = server.client.post("/v1/executions", Some(&user)).await.unwrap();
    assert_eq!(named["context"]["user"], "cy");
}

#[tokio::test]
async fn names_that_are_none_are_refused() {
    let server = Server::new().await;
    for name in ["", "  ", &"x".repeat(129)] {
        let (status, _, body) = server
            .send(&server.client, "GET", "/v1/user", &[(ACT_AS, name)], "")
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name:?}: {body}");
    }
}

#[tokio::test]
async fn a_refusal_is_in_the_audit_log_and_shows_no_secret() {
    let server = Server::with(ApiOptions::default(), "admins = [\"ana\"]").await;
    let bo = server.client.acting_as("bo").unwrap();
    let body = json!({"action": "default.shape_act", "parameters": {"x": 1, "sec": "hush-hush"}});
    let refused = bo.post("/v1/executions", Some(&body)).await.unwrap_err();
    assert!(!refused.to_string().contains("hush"), "{refused}");
    let entries = server.client.get("/v1/audit?kind=access").await.unwrap();
    assert_eq!(entries[0]["kind"], "access.denied");
    assert_eq!(entries[0]["actor"], "bo");
    assert!(!entries.to_string().contains("hush"), "{entries}");
    let entries: Value = server.client.get("/v1/audit?actor=nobody").await.unwrap();
    assert_eq!(entries, json!([]));
}
