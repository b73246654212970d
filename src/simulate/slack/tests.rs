//! Each strictness and fault bites.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::*;

struct Client {
    slack: Simulator,
    http: reqwest::Client,
}

impl Client {
    async fn new() -> Self {
        let slack = Simulator::start().await.expect("ports");
        let http = slack.inner.http.clone();
        Self { slack, http }
    }

    async fn with(&self, token: &str, method: &str, body: Value) -> Value {
        let url = format!("{}/{method}", self.slack.api_url());
        let request = self.http.post(url).bearer_auth(token).json(&body);
        request.send().await.expect("sent").json().await.expect("JSON")
    }

    async fn call(&self, method: &str, body: Value) -> Value {
        self.with(BOT_TOKEN, method, body).await
    }

    async fn form(&self, method: &str, fields: &[(&str, &str)]) -> Value {
        let url = format!("{}/{method}", self.slack.api_url());
        let request = self.http.post(url).bearer_auth(BOT_TOKEN).form(fields);
        request.send().await.expect("sent").json().await.expect("JSON")
    }

    async fn error(&self, method: &str, body: Value) -> String {
        let answer = self.call(method, body).await;
        answer["error"].as_str().unwrap_or("none").to_owned()
    }

    async fn socket(&self) -> Socket {
        let url = self.with(APP_TOKEN, "apps.connections.open", json!({})).await["url"].clone();
        let (mut socket, _) = tokio_tungstenite::connect_async(url.as_str().expect("an address"))
            .await
            .expect("a socket");
        assert_eq!(next(&mut socket).await["type"], "hello");
        while self.slack.sockets() == 0 {
            self.slack.changed().await;
        }
        socket
    }
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn next(socket: &mut Socket) -> Value {
    loop {
        let heard = tokio::time::timeout(Duration::from_secs(5), socket.next()).await;
        match heard.expect("something in time") {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).expect("JSON"),
            Some(Ok(_)) => {}
            _ => return Value::Null,
        }
    }
}

#[tokio::test]
async fn tokens_have_kinds() {
    let client = Client::new().await;
    let cases = [
        ("wrong", "chat.postMessage", "invalid_auth"),
        (APP_TOKEN, "chat.postMessage", "not_allowed_token_type"),
        (BOT_TOKEN, "apps.connections.open", "not_allowed_token_type"),
        (BOT_TOKEN, "chat.nothing", "unknown_method"),
    ];
    for (token, method, error) in cases {
        assert_eq!(client.with(token, method, json!({})).await["error"], error);
    }
    client
        .slack
        .faults(|faults| faults.missing_scopes = vec!["chat:write".to_owned()]);
    let answer = client
        .call("chat.postMessage", json!({"channel": OPS, "text": "x"}))
        .await;
    assert_eq!(
        (&answer["error"], &answer["needed"]),
        (&json!("missing_scope"), &json!("chat:write"))
    );
}

#[tokio::test]
async fn messages_have_limits() {
    let client = Client::new().await;
    let section =
        |length: usize| json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(length)}});
    let button = |label: usize| json!({"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "x".repeat(label)}});
    let actions = |elements: Vec<Value>| json!([{"type": "actions", "elements": elements}]);
    let mut many = Vec::new();
    for number in 0..26 {
        let mut one = button(1);
        one["action_id"] = json!(format!("a{number}"));
        many.push(one);
    }
    let cases = [
        (json!({"channel": OPS}), "no_text"),
        (json!({"channel": "C0NOWHERE", "text": "x"}), "channel_not_found"),
        (json!({"channel": HALL, "text": "x"}), "not_in_channel"),
        (
            json!({"channel": OPS, "text": "x", "thread_ts": "1.000001"}),
            "thread_not_found",
        ),
        (
            json!({"channel": OPS, "text": "x", "blocks": "{"}),
            "invalid_blocks_format",
        ),
        (
            json!({"channel": OPS, "text": "x", "blocks": [section(3001)]}),
            "invalid_blocks",
        ),
        (
            json!({"channel": OPS, "text": "x", "blocks": vec![section(1); 51]}),
            "invalid_blocks",
        ),
        (
            json!({"channel": OPS, "text": "x", "blocks": vec![section(2900); 5]}),
            "msg_blocks_too_long",
        ),
        (
            json!({"channel": OPS, "text": "x", "blocks": [{"type": "newest"}]}),
            "invalid_blocks",
        ),
        (
            json!({"channel": OPS, "text": "x", "blocks": actions(vec![button(76)])}),
            "invalid_blocks",
        ),
        (
            json!({"channel": OPS, "text": "x", "blocks": actions(vec![button(1), button(1)])}),
            "invalid_blocks",
        ),
        (
            json!({"channel": OPS, "text": "x", "blocks": actions(many)}),
            "invalid_blocks",
        ),
        (
            json!({"channel": OPS, "text": "x", "metadata": {"event_type": "a"}}),
            "invalid_metadata_schema",
        ),
        (
            json!({"channel": OPS, "text": "x", "blocks": vec![section(3000); 4]}),
            "none",
        ),
    ];
    for (body, error) in cases {
        assert_eq!(
            client.error("chat.postMessage", body.clone()).await,
            error,
            "{body}"
        );
    }
    let answer = client
        .call(
            "chat.postMessage",
            json!({"channel": OPS, "text": "x", "blocks": [section(3001)]}),
        )
        .await;
    let message = answer["response_metadata"]["messages"][0]
        .as_str()
        .unwrap_or_default();
    assert!(message.contains("json-pointer:/blocks/0/text/text"), "{message}");
    let ts = client
        .call("chat.postMessage", json!({"channel": OPS, "text": "x"}))
        .await["ts"]
        .clone();
    let long = json!({"channel": OPS, "ts": ts, "text": "x".repeat(4001)});
    assert_eq!(client.error("chat.update", long).await, "msg_too_long");
    let theirs = client.slack.say(ANA, OPS, "mine");
    let body = json!({"channel": OPS, "ts": theirs, "text": "x"});
    assert_eq!(client.error("chat.update", body).await, "cant_update_message");
    client.slack.world(|_, channels| {
        channels.get_mut(OPS).expect("it is there").members.remove(BO);
    });
    let private = json!({"channel": OPS, "user": BO, "text": "x"});
    assert_eq!(
        client.error("chat.postEphemeral", private).await,
        "user_not_in_channel"
    );
}

#[tokio::test]
async fn histories_take_forms_and_give_metadata_when_asked() {
    let client = Client::new().await;
    let metadata = json!({"event_type": "sayso", "event_payload": {"id": "1"}});
    for number in 0..5 {
        client
            .call(
                "chat.postMessage",
                json!({"channel": OPS, "text": format!("{number}"), "metadata": metadata}),
            )
            .await;
    }
    assert_eq!(
        client
            .error("conversations.history", json!({"channel": OPS}))
            .await,
        "channel_not_found"
    );
    let page = client
        .form("conversations.history", &[("channel", OPS), ("limit", "3")])
        .await;
    assert_eq!(page["messages"][0]["text"], "4", "the newest first");
    assert!(page["messages"][0]["metadata"].is_null());
    let cursor = page["response_metadata"]["next_cursor"]
        .as_str()
        .expect("more")
        .to_owned();
    let fields = [
        ("channel", OPS),
        ("limit", "3"),
        ("cursor", &*cursor),
        ("include_all_metadata", "true"),
    ];
    let page = client.form("conversations.history", &fields).await;
    assert_eq!(page["messages"].as_array().map(Vec::len), Some(2));
    assert_eq!(page["messages"][0]["metadata"], metadata);
}

#[tokio::test]
async fn triggers_count_once_and_for_a_moment() {
    let client = Client::new().await;
    let mut socket = client.socket().await;
    let view = json!({"type": "modal", "title": {"type": "plain_text", "text": "Form"}, "blocks": []});
    client.slack.slash(ANA, OPS, "/sayso", "x");
    let trigger = next(&mut socket).await["payload"]["trigger_id"].clone();
    let open = |view: Value| json!({"trigger_id": trigger, "view": view});
    let mut long = view.clone();
    long["title"]["text"] = json!("x".repeat(25));
    assert_eq!(client.error("views.open", open(long)).await, "invalid_arguments");
    let mut unsubmittable = view.clone();
    unsubmittable["blocks"] = json!([{"type": "input", "label": {"type": "plain_text", "text": "a"}, "element": {"type": "plain_text_input", "action_id": "a"}}]);
    assert_eq!(
        client.error("views.open", open(unsubmittable)).await,
        "invalid_arguments"
    );
    let opened = client.call("views.open", open(view.clone())).await;
    assert_eq!(opened["ok"], true);
    assert_eq!(
        client.error("views.open", open(view.clone())).await,
        "exchanged_trigger_id"
    );
    let stale = json!({"view_id": opened["view"]["id"], "hash": "other", "view": view});
    assert_eq!(client.error("views.update", stale).await, "hash_conflict");
    client.slack.faults(|faults| faults.expired_triggers = true);
    client.slack.slash(ANA, OPS, "/sayso", "x");
    let trigger = next(&mut socket).await["payload"]["trigger_id"].clone();
    let late = json!({"trigger_id": trigger, "view": view});
    assert_eq!(client.error("views.open", late).await, "expired_trigger_id");
}

#[tokio::test]
async fn addresses_for_answers_count_five_times() {
    let client = Client::new().await;
    let mut socket = client.socket().await;
    client.slack.slash(ANA, HALL, "/sayso", "x");
    let url = next(&mut socket).await["payload"]["response_url"]
        .as_str()
        .expect("one")
        .to_owned();
    for turn in 0..6 {
        let sent = client
            .http
            .post(&url)
            .json(&json!({"text": "hello"}))
            .send()
            .await
            .expect("sent");
        assert_eq!(sent.status().is_success(), turn < 5);
    }
    assert_eq!(client.slack.ephemerals(ANA).len(), 5);
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again() {
    let client = Client::new().await;
    client.slack.pace(Pace {
        ack: Duration::from_millis(60),
        again: vec![Duration::ZERO; 3],
    });
    let mut socket = client.socket().await;
    client.slack.say(ANA, OPS, "hello");
    let first = next(&mut socket).await;
    assert_eq!(first["retry_attempt"], 0);
    let second = next(&mut socket).await;
    assert_eq!(
        (&second["retry_attempt"], &second["envelope_id"]),
        (&json!(1), &first["envelope_id"])
    );
    let ack = json!({"envelope_id": second["envelope_id"], "payload": {"text": "no"}});
    socket.send(Message::text(ack.to_string())).await.expect("sent");
    let id = second["envelope_id"].as_str().expect("an id");
    while client.slack.acknowledged(id).is_none() {
        client.slack.changed().await;
    }
    assert!(client.slack.violations()[0].contains("takes none"));
}

#[tokio::test]
async fn copies_disconnections_and_tickets() {
    let client = Client::new().await;
    let mut socket = client.socket().await;
    client.slack.faults(|faults| faults.copies = 2);
    client.slack.say(ANA, OPS, &format!("<@{BOT}> hello & <you>"));
    let mut kinds = Vec::new();
    for _ in 0..6 {
        let event = next(&mut socket).await["payload"]["event"].clone();
        assert_eq!(event["text"], format!("<@{BOT}> hello &amp; &lt;you&gt;"));
        kinds.push(event["type"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(
        kinds,
        [
            "message",
            "message",
            "message",
            "app_mention",
            "app_mention",
            "app_mention"
        ]
    );
    client.slack.faults(|faults| faults.link_disabled = true);
    assert_eq!(next(&mut socket).await["reason"], "link_disabled");
    let refused = client.with(APP_TOKEN, "apps.connections.open", json!({})).await;
    assert_eq!(refused["error"], "socket_mode_disabled");
    client.slack.faults(|faults| faults.link_disabled = false);
    let url = client.with(APP_TOKEN, "apps.connections.open", json!({})).await["url"].clone();
    let url = url.as_str().expect("an address");
    let first = tokio_tungstenite::connect_async(url).await;
    assert!(first.is_ok());
    assert!(
        tokio_tungstenite::connect_async(url).await.is_err(),
        "a ticket is good for one socket"
    );
}

#[tokio::test]
async fn methods_fail_before_and_after_they_take_effect() {
    let client = Client::new().await;
    let post = "chat.postMessage".to_owned();
    client.slack.faults(|faults| {
        faults.limited.insert(post.clone(), [7].into());
        faults.fail_before.insert(post.clone(), 1);
        faults.fail_after.insert(post.clone(), 1);
    });
    let url = format!("{}/chat.postMessage", client.slack.api_url());
    let send = || {
        client
            .http
            .post(&url)
            .bearer_auth(BOT_TOKEN)
            .json(&json!({"channel": OPS, "text": "x"}))
            .send()
    };
    let limited = send().await.expect("sent");
    assert_eq!(
        (
            limited.status().as_u16(),
            limited.headers()["retry-after"].to_str().ok()
        ),
        (429, Some("7"))
    );
    assert_eq!(send().await.expect("sent").status().as_u16(), 500);
    assert_eq!(client.slack.messages(OPS).len(), 0);
    assert_eq!(send().await.expect("sent").status().as_u16(), 500);
    assert_eq!(client.slack.messages(OPS).len(), 1);
}

#[test]
fn the_documented_example_has_the_documented_signature() {
    let body = "token=xyzz0WbapA4vBCrFMKZ&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V";
    let first = http::signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body);
    assert_eq!(first.len(), 67);
    assert_ne!(
        first,
        http::signature("8f742231b10e8888abcd99yyyzzz85a6", "1531420618", body)
    );
    // RFC 4231, test case 2, with the same construction.
    assert_eq!(
        http::hmac("Jefe", "what do ya want for nothing?"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}
