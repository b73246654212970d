//! Requests that nobody should send.

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

use super::support::Server;
use crate::api::ApiOptions;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn odd_bodies_are_refused_with_what_is_wrong() {
    let server = Server::with(
        ApiOptions {
            body_limit: 1000,
            ..ApiOptions::default()
        },
        "",
    )
    .await;
    let deep = format!("{}1{}", "[".repeat(400), "]".repeat(400));
    let large = vec![b' '; 1001];
    let cases: Vec<(Vec<u8>, StatusCode, &str)> = vec![
        (
            large,
            StatusCode::PAYLOAD_TOO_LARGE,
            "more than 1000 bytes, the limit (setting api.body_limit)",
        ),
        (
            b"{\"action\": \"core.\xff\"}".to_vec(),
            StatusCode::BAD_REQUEST,
            "byte 0xff at position 17 is no UTF-8",
        ),
        (
            b"{\"action\": ".to_vec(),
            StatusCode::BAD_REQUEST,
            "line 1 column 11",
        ),
        (
            b"[1]".to_vec(),
            StatusCode::BAD_REQUEST,
            "[1] is not of type 'object'",
        ),
        (
            b"{\"action\": 7}".to_vec(),
            StatusCode::BAD_REQUEST,
            "7 is not of type 'string'",
        ),
        (
            b"{\"action\": \"core.noop\", \"parameters\": [1]}".to_vec(),
            StatusCode::BAD_REQUEST,
            "is not of type 'object'",
        ),
        (
            b"{\"action\": \"core.noop\", \"delay\": -1}".to_vec(),
            StatusCode::BAD_REQUEST,
            "-1 is less than the minimum of 0",
        ),
        (
            b"{\"action\": \"core.noop\", \"delay\": 1.5}".to_vec(),
            StatusCode::BAD_REQUEST,
            "1.5 is not of type 'integer'",
        ),
        (deep.into_bytes(), StatusCode::BAD_REQUEST, "recursion limit"),
        (b"{} {}".to_vec(), StatusCode::BAD_REQUEST, "trailing characters"),
    ];
    for (body, expected, words) in cases {
        let shown = String::from_utf8_lossy(&body)
            .chars()
            .take(60)
            .collect::<String>();
        let (status, _, answer) = server
            .send(&server.client, "POST", "/v1/executions", &[JSON], body)
            .await;
        assert_eq!(status, expected, "{shown}: {answer}");
        assert!(
            answer["faultstring"].as_str().unwrap().contains(words),
            "{shown}: {answer}"
        );
    }
}

#[tokio::test]
async fn ten_thousand_parameters_are_taken_or_refused_but_harm_nothing() {
    let server = Server::new().await;
    let parameters: serde_json::Map<String, Value> = (0..10_000)
        .map(|number| (format!("p{number}"), json!("x".repeat(20))))
        .collect();
    let body = json!({"action": "core.noop", "parameters": parameters}).to_string();
    let (status_of_the_first, ..) = server
        .send(&server.client, "POST", "/v1/executions", &[JSON], body)
        .await;
    assert!([StatusCode::CREATED, StatusCode::BAD_REQUEST].contains(&status_of_the_first));
    let query = (0..1_000)
        .map(|number| format!("p{number}=1"))
        .collect::<Vec<_>>()
        .join("&");
    let (status, _, answer) = server
        .send(&server.client, "GET", &format!("/v1/executions?{query}"), &[], "")
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    let stored = server.client.get("/v1/status").await.unwrap()["store"]["executions"].clone();
    assert_eq!(stored, u64::from(status_of_the_first == StatusCode::CREATED));
}

#[tokio::test]
async fn odd_queries_are_refused_with_what_is_wrong() {
    let server = Server::new().await;
    for (path, words) in [
        ("/v1/executions?limit=0", "must be a positive number"),
        (
            "/v1/executions?limit=9223372036854775808",
            "is not of type integer",
        ),
        ("/v1/executions?offset=-1", "must not be negative"),
        ("/v1/executions?show_secrets=perhaps", "is not of type boolean"),
        ("/v1/executions?after=nonsense", "is no id"),
        (
            "/v1/executions?timestamp_gt=yesterday",
            "does not match expected format",
        ),
        (
            "/v1/executions?include_attributes=id&exclude_attributes=result",
            "mutually exclusive",
        ),
        (
            "/v1/executions?exclude_attributes=nosuch",
            "exclude attribute specified: nosuch",
        ),
        (
            "/v1/executions/last/output?output_type=smell",
            "not one of all, stdout",
        ),
        ("/v1/executions/last", "No executions found"),
        ("/v1/actionalias/help?filter=(", "no regular expression"),
        ("/v1/content/problems?severity=bad", "not one of error, warning"),
    ] {
        let (status, _, answer) = server.send(&server.client, "GET", path, &[], "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {answer}");
        assert!(
            answer["faultstring"].as_str().unwrap().contains(words),
            "{path}: {answer}"
        );
    }
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_all_told_the_same() {
    let server = Server::new().await;
    for (method, path) in [
        ("GET", "/nosuch"),
        ("GET", "/v2/actions"),
        ("GET", "/v1/nosuch"),
        ("PATCH", "/v1/executions"),
        ("BREW", "/v1/executions"),
        ("DELETE", "/v1/actions"),
        ("GET", "/v1/actions/../../etc/passwd"),
    ] {
        let (status, headers, answer) = server.send(&server.client, method, path, &[], "").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}: {answer}");
        assert_eq!(answer, json!({"faultstring": "The resource could not be found."}));
        assert!(headers.contains_key("x-request-id"));
    }
    for path in [
        "/v1/packs/views/file/default/..%2F..%2Fetc%2Fpasswd",
        "/v1/packs/views/file/default/../../x",
    ] {
        let (status, _, answer) = server.send(&server.client, "GET", path, &[], "").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_panic_is_one_answer_and_not_the_end() {
    async fn panics() -> &'static str {
        panic!("the secret is 42")
    }
    async fn never() {
        std::future::pending().await
    }
    let chat = Router::new()
        .route("/panics", get(panics))
        .route("/never", get(never));
    let options = ApiOptions {
        request_timeout: 1,
        ..ApiOptions::default()
    };
    let server = Server::with_chat(options, "", Some(chat)).await;
    let (status, headers, answer) = server
        .send(
            &server.client,
            "GET",
            "/api/v1/chat/panics",
            &[("x-request-id", "mine-7")],
            "",
        )
        .await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
    let text = answer["faultstring"].as_str().unwrap();
    assert!(
        text.starts_with("Internal error ") && !text.contains("secret"),
        "{text}"
    );
    assert_eq!(headers["x-request-id"], "mine-7");

    tokio::time::pause();
    let (status, _, answer) = server
        .send(&server.client, "GET", "/api/v1/chat/never", &[], "")
        .await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "{answer}");
    assert!(
        answer["faultstring"]
            .as_str()
            .unwrap()
            .contains("longer than 1 s"),
        "{answer}"
    );
}
