//! Senders of webhooks without a token, from the request to what a rule does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use sha2::Sha256;

use super::support::Server;
use crate::model::Timestamp;

const SECRET: &str = "It's a Secret to Everybody";
const PATH: &str = "/v1/webhooks/from/outside";

fn signed(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn seconds() -> i64 {
    Timestamp::now().micros() / 1_000_000
}

/// A server with one rule on the URL, and the secret in its datastore.
async fn server(webhook: &Value, secret: &str) -> Server {
    let server = Server::new().await;
    let body = json!({"value": secret, "secret": true});
    server
        .client
        .put("/api/v1/keys/hook.secret", Some(&body))
        .await
        .unwrap();
    let rule = json!({
        "name": "outside", "pack": "trial", "enabled": true, "webhook": webhook,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "from/outside"}},
        "action": {"ref": "core.echo", "parameters": {"message": "{{ trigger.body.n }}"}},
    });
    let made = server.client.post("/api/v1/rules", Some(&rule)).await.unwrap();
    assert_eq!(made["ref"], "trial.outside", "{made}");
    server
}

/// Posts without a token; gives the status.
async fn post(server: &Server, headers: &[(&'static str, &str)], body: &str) -> u16 {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    let (status, _, told) = server
        .send(&server.stranger(), "POST", PATH, &all, body.to_owned())
        .await;
    assert!(!told.to_string().contains(SECRET), "{told}");
    status.as_u16()
}

/// What ran, oldest first.
async fn ran(server: &Server) -> Vec<String> {
    let found = server
        .client
        .get("/api/v1/executions?rule=trial.outside&sort_asc=true")
        .await
        .unwrap();
    let found = found.as_array().unwrap().iter();
    found
        .map(|one| one["parameters"]["message"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn github_signs_the_body_and_names_deliveries() {
    let server = server(&json!({"auth": "github", "key": "hook.secret"}), SECRET).await;
    let body = json!({"n": 1}).to_string();
    let good = format!("sha256={}", signed(SECRET, &body));
    let forged = format!("sha256={}", signed("guessed", &body));
    let other = format!("sha256={}", signed(SECRET, "{\"n\": 2}"));
    for (headers, status) in [
        (vec![("x-github-delivery", "d1")], 401),
        (
            vec![
                ("x-hub-signature-256", forged.as_str()),
                ("x-github-delivery", "d1"),
            ],
            401,
        ),
        (
            vec![
                ("x-hub-signature-256", other.as_str()),
                ("x-github-delivery", "d1"),
            ],
            401,
        ),
        (
            vec![("x-hub-signature-256", &good[7..]), ("x-github-delivery", "d1")],
            401,
        ),
        (vec![("x-auth-token", "nonsense")], 401),
    ] {
        assert_eq!(post(&server, &headers, &body).await, status, "{headers:?}");
    }
    assert_eq!(ran(&server).await, [""; 0], "what was refused left nothing");
    // It is taken once, however often it is delivered: a claim of a refused delivery would have spoiled it.
    for _ in 0..3 {
        let headers = [
            ("x-hub-signature-256", good.as_str()),
            ("x-github-delivery", "d1"),
        ];
        assert_eq!(post(&server, &headers, &body).await, 202);
    }
    assert_eq!(ran(&server).await, ["1"]);
    // The same content as another delivery is another event.
    let again = [
        ("x-hub-signature-256", good.as_str()),
        ("x-github-delivery", "d2"),
    ];
    assert_eq!(post(&server, &again, &body).await, 202);
    assert_eq!(ran(&server).await, ["1", "1"]);
    // A new secret counts at once.
    let secret = json!({"value": "new one", "secret": true});
    server
        .client
        .put("/api/v1/keys/hook.secret", Some(&secret))
        .await
        .unwrap();
    let headers = [
        ("x-hub-signature-256", good.as_str()),
        ("x-github-delivery", "d3"),
    ];
    assert_eq!(post(&server, &headers, &body).await, 401);
    let fresh = format!("sha256={}", signed("new one", &body));
    let headers = [
        ("x-hub-signature-256", fresh.as_str()),
        ("x-github-delivery", "d3"),
    ];
    assert_eq!(post(&server, &headers, &body).await, 202);
    // Without the secret nobody can prove anything.
    server
        .client
        .delete("/api/v1/keys/hook.secret", None)
        .await
        .unwrap();
    let headers = [
        ("x-hub-signature-256", fresh.as_str()),
        ("x-github-delivery", "d4"),
    ];
    assert_eq!(post(&server, &headers, &body).await, 401);
}

#[tokio::test]
async fn alertmanager_sends_a_token_or_a_password() {
    let alerts = json!({
        "version": "4", "groupKey": "{}:{alertname=\"DiskFull\"}", "status": "firing", "n": 7,
        "alerts": [{"status": "firing", "labels": {"alertname": "DiskFull", "instance": "web1"}}],
    })
    .to_string();
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let bearer = format!("Bearer {SECRET}");
    let (right, wrong) = (basic(&format!("alerts:{SECRET}")), basic("alerts:guessed"));
    for (kind, secret, rows) in [
        (
            "bearer",
            SECRET.to_owned(),
            [
                (Some(bearer.as_str()), 202),
                (Some("Bearer guessed"), 401),
                (None, 401),
            ],
        ),
        (
            "basic",
            format!("alerts:{SECRET}"),
            [
                (Some(right.as_str()), 202),
                (Some(wrong.as_str()), 401),
                (None, 401),
            ],
        ),
    ] {
        let server = server(&json!({"auth": kind, "key": "hook.secret"}), &secret).await;
        for (header, status) in rows {
            let headers: Vec<(&'static str, &str)> =
                header.iter().map(|value| ("authorization", *value)).collect();
            assert_eq!(
                post(&server, &headers, &alerts).await,
                status,
                "{kind} {header:?}"
            );
        }
        assert_eq!(ran(&server).await, ["7"], "{kind}");
        let instances = server.client.get("/api/v1/triggerinstances").await.unwrap();
        let payload = instances[0]["payload"].to_string();
        assert!(!payload.contains(SECRET) && !payload.to_lowercase().contains("authorization"));
    }
}

#[tokio::test]
async fn signed_times_keep_old_deliveries_from_coming_again() {
    for kind in ["stripe", "slack"] {
        let server = server(&json!({"auth": kind, "key": "hook.secret"}), SECRET).await;
        let body = json!({"n": 3}).to_string();
        let send = |time: i64, secret: &'static str, name: &'static str| {
            let (server, body) = (&server, &body);
            async move {
                let stamp = time.to_string();
                let signature = match kind {
                    "stripe" => format!("t={time},v1={}", signed(secret, &format!("{time}.{body}"))),
                    _ => format!("v0={}", signed(secret, &format!("v0:{time}:{body}"))),
                };
                let headers = [
                    if kind == "stripe" {
                        ("stripe-signature", signature.as_str())
                    } else {
                        ("x-slack-signature", signature.as_str())
                    },
                    ("x-slack-request-timestamp", stamp.as_str()),
                    ("x-request-id", name),
                ];
                post(server, &headers, body).await
            }
        };
        let now = seconds();
        assert_eq!(send(now - 3600, SECRET, "old").await, 401, "{kind}");
        assert_eq!(send(now + 3600, SECRET, "early").await, 401, "{kind}");
        assert_eq!(send(now, "guessed", "forged").await, 401, "{kind}");
        assert_eq!(send(now, SECRET, "one").await, 202, "{kind}");
        // Sent again by somebody who listened, under a name of its own: taken for what it is.
        assert_eq!(send(now, SECRET, "two").await, 202, "{kind}");
        assert_eq!(ran(&server).await, ["3"], "{kind}");
        // The sender itself signs anew.
        assert_eq!(send(now + 1, SECRET, "three").await, 202, "{kind}");
        assert_eq!(ran(&server).await, ["3", "3"], "{kind}");
    }
}
