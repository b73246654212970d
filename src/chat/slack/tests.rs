//! What is shown is within the limits; sockets and messages survive what goes wrong, against small servers.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::post;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::blocks::{self, Press};
use super::limits;
use super::modals::{self, Carried};
use super::sending::Sender;
use super::socket::{self, Done, Listener, Plug, State};
use super::web::{Failure, Web};
use crate::chat::card::{Block, Card, Span, Tone};
use crate::chat::forms::{Field, FieldKind, Form};
use crate::chat::gateway::{Form as Shape, Rendered};
use crate::model::{Id, Place};
use crate::store::Store;
use crate::store::sqlite::{SqliteOptions, SqliteStore};

fn units(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.encode_utf16().count())
}

/// Nothing that Slack would obey, where it looks for that.
fn inert(value: &Value) {
    if value["type"] == "mrkdwn" {
        let text = value["text"].as_str().unwrap();
        for ring in ["<!", "<@", "<#"] {
            assert!(!text.contains(ring), "it would ring: {text}");
        }
    }
    match value {
        Value::Array(items) => items.iter().for_each(inert),
        Value::Object(fields) => fields.values().for_each(inert),
        _ => {}
    }
}

/// Every text of the blocks, by the limits of the documentation.
fn check(blocks: &[Value], most: usize) {
    assert!(
        !blocks.is_empty() && blocks.len() <= most,
        "{} blocks",
        blocks.len()
    );
    let mut ids = HashSet::new();
    let mut total = 0;
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "section" => {
                let size = units(&block["text"]["text"]);
                assert!(size > 0 && size <= 3000, "a section of {size}");
                total += size;
            }
            "context" => {
                let elements = block["elements"].as_array().unwrap();
                assert!(!elements.is_empty() && elements.len() <= 10);
                for element in elements {
                    let size = units(&element["text"]);
                    assert!(size > 0 && size <= 2000, "a note of {size}");
                    total += size;
                }
            }
            "actions" => {
                let elements = block["elements"].as_array().unwrap();
                assert!(!elements.is_empty() && elements.len() <= 25);
                let mut actions = HashSet::new();
                for element in elements {
                    let size = units(&element["text"]["text"]);
                    assert!(size > 0 && size <= 75, "a button of {size}");
                    assert!(units(&element["value"]) <= 2000);
                    assert!(units(&element["action_id"]) <= 255);
                    assert!(actions.insert(element["action_id"].clone()), "an action twice");
                    total += size + units(&element["confirm"]["text"]["text"]);
                }
            }
            "input" => {
                assert!(units(&block["block_id"]) <= 255);
                assert!(ids.insert(block["block_id"].clone()), "a block twice");
                assert!(units(&block["label"]["text"]) > 0 && units(&block["label"]["text"]) <= 2000);
                assert!(units(&block["hint"]["text"]) <= 2000);
                let element = &block["element"];
                assert!(units(&element["initial_value"]) <= 3000);
                if let Some(options) = element["options"].as_array() {
                    assert!(!options.is_empty() && options.len() <= 100);
                    for option in options {
                        assert!(units(&option["text"]["text"]) <= 75 && units(&option["value"]) <= 75);
                    }
                    if !element["initial_option"].is_null() {
                        assert!(options.contains(&element["initial_option"]));
                    }
                }
            }
            other => panic!("a block of type {other}"),
        }
        inert(block);
    }
    assert!(total <= 12_000, "{total} characters together");
    let read: Result<Vec<slack_morphism::prelude::SlackBlock>, _> = serde_json::from_value(json!(blocks));
    assert!(read.is_ok(), "{:?}", read.err());
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,60}",
        "[&<>*`_~|\n]{0,200}",
        Just("<!channel> <@U1> <#C1|x> &amp;".to_owned()),
        (1_usize..9000).prop_map(|size| "&".repeat(size)),
        (1_usize..6000).prop_map(|size| "x y\n".repeat(size / 4)),
        (1_usize..4000).prop_map(|size| "𝔘`".repeat(size / 2)),
    ]
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        (text(), text()).prop_map(|(s, more)| Span::Say {
            s,
            say: format!("cancel {more}")
        }),
        text().prop_map(|s| Span::Text { s }),
        text().prop_map(|s| Span::Bold { s }),
        text().prop_map(|s| Span::Code { s }),
        text().prop_map(|s| Span::Link {
            s,
            url: "https://x.example/a|b>".to_owned()
        }),
        (text(), text()).prop_map(|(s, say)| Span::Say { s, say }),
        (text(), text(), text()).prop_map(|(s, form, say)| Span::Ask { s, form, say }),
    ]
}

fn card() -> impl Strategy<Value = Card> {
    let line = || prop::collection::vec(span(), 0..4);
    let block = prop_oneof![
        line().prop_map(|line| Block::Heading { line }),
        prop::collection::vec(line(), 0..4).prop_map(|lines| Block::Text { lines }),
        line().prop_map(|line| Block::Note { line }),
        text().prop_map(|text| Block::Code { text }),
        prop::collection::vec(prop::collection::vec("[ -~]{0,40}", 0..4), 0..40)
            .prop_map(|rows| Block::Table { header: true, rows }),
    ];
    prop::collection::vec(block, 0..80).prop_map(|blocks| Card {
        tone: Tone::Good,
        blocks,
    })
}

fn field() -> impl Strategy<Value = Field> {
    let options = || prop::collection::vec(text(), 0..130);
    let takes = prop_oneof![
        Just(FieldKind::Line),
        Just(FieldKind::Toggle),
        Just(FieldKind::Number {
            integer: true,
            least: Some("-3".to_owned()),
            most: None
        }),
        options().prop_map(|options| FieldKind::Choice { options }),
        options().prop_map(|options| FieldKind::Choices { options }),
    ];
    (text(), takes, any::<bool>(), text()).prop_map(|(label, takes, required, initial)| Field {
        name: Id::new().to_string(),
        hint: Some(label.clone()),
        label,
        takes,
        required,
        secret: false,
        initial: Some(json!(initial)),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_card_is_within_the_limits(card in card()) {
        check(&blocks::show(&card, limits::BLOCKS).blocks, 50);
    }

    #[test]
    fn every_form_is_within_the_limits(fields in prop::collection::vec(field(), 0..12), title in text(), id in text()) {
        let form = Form { id: id.clone(), title, intro: Some("x".repeat(4000)), submit: "Run".to_owned(), fields };
        let carried = Carried { form: id, ..Carried::default() };
        let (view, kept) = modals::modal(&form, &carried);
        check(view["blocks"].as_array().unwrap(), 100);
        prop_assert!(units(&view["title"]["text"]) <= 24 && units(&view["submit"]["text"]) <= 24);
        prop_assert!(units(&view["private_metadata"]) <= 3000);
        let back = Carried::read(view["private_metadata"].as_str().unwrap());
        prop_assert_eq!(kept.is_some(), !back.kept.is_empty());
    }
}

#[test]
fn buttons_carry_their_command_and_dangerous_ones_ask_back() {
    let line = vec![
        Span::Say {
            s: "Cancel".to_owned(),
            say: "cancel 42".to_owned(),
        },
        Span::Ask {
            s: "Deny".to_owned(),
            form: "deny:7".to_owned(),
            say: "deny 7".to_owned(),
        },
        Span::Say {
            s: "Long".to_owned(),
            say: "x".repeat(3000),
        },
    ];
    let card = Card {
        tone: Tone::Good,
        blocks: vec![Block::Note { line }],
    };
    let shown = blocks::show(&card, limits::BLOCKS);
    let buttons = shown.blocks.last().unwrap()["elements"]
        .as_array()
        .unwrap()
        .clone();
    assert!(buttons[0]["confirm"].is_object() && buttons[1]["confirm"].is_null());
    let read = |button: &Value| {
        blocks::pressed(
            button["action_id"].as_str().unwrap(),
            button["value"].as_str().unwrap(),
        )
        .unwrap()
    };
    assert_eq!(read(&buttons[0]), (Press::Say("cancel 42".to_owned()), false));
    assert_eq!(read(&buttons[1]), (Press::Ask("deny:7".to_owned()), false));
    let (Press::Say(name), true) = read(&buttons[2]) else {
        panic!("it is stored")
    };
    assert_eq!(shown.kept, [(name, "x".repeat(3000))]);
}

#[test]
fn values_come_back_in_their_kinds() {
    let long = "long ".repeat(40);
    let state = json!({
        "s:app": {"v": {"type": "plain_text_input", "value": "api"}},
        "n:count": {"v": {"type": "number_input", "value": "3"}},
        "b:force": {"v": {"type": "static_select", "selected_option": {"value": "true"}}},
        "s:env": {"v": {"type": "static_select", "selected_option": {"value": format!("#{}", Id::of_name(&long))}}},
        "s:hosts": {"v": {"type": "multi_static_select", "selected_options": [{"value": "a"}, {"value": "b"}]}},
        "s:none": {"v": {"type": "plain_text_input", "value": null}},
    });
    let values = modals::values(&state);
    assert!(modals::needs_form(&values));
    let form = Form {
        id: String::new(),
        title: String::new(),
        intro: None,
        submit: String::new(),
        fields: vec![Field {
            name: "env".to_owned(),
            label: String::new(),
            hint: None,
            required: true,
            secret: false,
            initial: None,
            takes: FieldKind::Choice {
                options: vec![long.clone()],
            },
        }],
    };
    let filled = Value::Object(modals::filled(&values, Some(&form)));
    assert_eq!(
        filled,
        json!({"app": "api", "count": 3, "force": true, "env": long, "hosts": ["a", "b"]})
    );
}

async fn served(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/api")
}

fn web(base: &str) -> Web {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Web::new(
        Some(base),
        SecretString::from("xoxb-1".to_owned()),
        Some(SecretString::from("xapp-1".to_owned())),
    )
    .unwrap()
}

#[tokio::test]
async fn failures_of_the_web_api_are_told_apart() {
    let router = Router::new()
        .route(
            "/api/slow",
            post(|| async { (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")]) }),
        )
        .route(
            "/api/no",
            post(|| async { axum::Json(json!({"ok": false, "error": "channel_not_found"})) }),
        )
        .route(
            "/api/who",
            post(|| async { axum::Json(json!({"ok": false, "error": "invalid_auth"})) }),
        )
        .route("/api/html", post(|| async { "<html>" }))
        .route("/api/down", post(|| async { StatusCode::BAD_GATEWAY }));
    let web = web(&served(router).await);
    let ask = async |method: &str| web.call(method, &json!({})).await.unwrap_err();
    assert!(matches!(ask("slow").await, Failure::Limited(wait) if wait.as_secs() == 7));
    // Nothing is sent meanwhile.
    assert!(matches!(ask("slow").await, Failure::Limited(_)));
    assert_eq!(ask("no").await.code(), "channel_not_found");
    assert!(matches!(ask("who").await, Failure::Token(_)));
    assert!(ask("html").await.is_doubtful());
    assert!(ask("down").await.is_doubtful());
}

#[tokio::test]
async fn a_post_whose_answer_was_lost_is_found_and_not_posted_again() {
    #[derive(Default)]
    struct Channel {
        posted: Mutex<Vec<Value>>,
    }
    let channel = Arc::new(Channel::default());
    let router = Router::new()
        .route(
            "/api/chat.postMessage",
            post(|Shared(channel): Shared<Arc<Channel>>, body: String| async move {
                let mut message: Value = serde_json::from_str(&body).unwrap();
                message["ts"] = json!("1700000000.000100");
                channel.posted.lock().push(message);
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }),
        )
        .route(
            "/api/conversations.history",
            post(|Shared(channel): Shared<Arc<Channel>>, body: String| async move {
                assert!(body.contains("include_all_metadata=true"), "{body}");
                axum::Json(json!({"ok": true, "messages": *channel.posted.lock()}))
            }),
        )
        .with_state(Arc::clone(&channel));
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteOptions::new(folder.path().join("sayso.db")))
        .await
        .unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let web = Arc::new(web(&served(router).await));
    let sender = Sender::new(web, store, "slack:default".to_owned(), true);
    let message = Rendered {
        id: Some(Id::new()),
        place: Place {
            gateway: "slack:default".to_owned(),
            conversation: "C1".to_owned(),
            thread: None,
            name: None,
        },
        card: Card::plain(Tone::Good, "done <!channel>"),
        text: "done".to_owned(),
        form: Shape::Rich,
        file: None,
        edit: None,
        card_key: None,
        kind: "x".to_owned(),
        execution: None,
        status: None,
        is_final: true,
        silent: false,
        starts: Vec::new(),
        reply: None,
        recall: false,
        asked_by: None,
        steps: None,
        private_to: None,
    };
    assert!(sender.send(message.clone()).await.is_err());
    let sent = sender.send(message).await.unwrap();
    assert_eq!(sent.message_ref, "C1/1700000000.000100");
    assert_eq!(channel.posted.lock().len(), 1);
    assert!(!channel.posted.lock()[0].to_string().contains("<!channel>"));
}

/// Handles what its payload says, and counts.
struct Hearing {
    heard: AtomicUsize,
    states: mpsc::UnboundedSender<State>,
}

impl Listener for Hearing {
    fn heard(self: Arc<Self>, _kind: String, payload: Value) -> BoxFuture<'static, Done> {
        Box::pin(async move {
            self.heard.fetch_add(1, Ordering::SeqCst);
            match payload["do"].as_str() {
                Some("panic") => panic!("as it was asked"),
                Some("hang") => std::future::pending().await,
                Some("again") => Done::Again,
                Some("answer") => Done::Ack(Some(json!({"options": []}))),
                _ => Done::Ack(None),
            }
        })
    }

    fn state(&self, _socket: usize, state: State) {
        let _ = self.states.send(state);
    }
}

type Peer = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

async fn greeted(listener: &TcpListener) -> Peer {
    let (stream, _) = listener.accept().await.unwrap();
    let mut peer = tokio_tungstenite::accept_async(stream).await.unwrap();
    peer.send(Message::text(json!({"type": "hello"}).to_string()))
        .await
        .unwrap();
    peer
}

async fn next_ack(peer: &mut Peer) -> Value {
    loop {
        if let Message::Text(text) = peer.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

#[tokio::test]
async fn a_socket_acknowledges_what_is_committed_and_nothing_holds_it_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/link?ticket=1", listener.local_addr().unwrap());
    let answer = json!({"ok": true, "url": url});
    let router = Router::new().route(
        "/api/apps.connections.open",
        post(move || async move { axum::Json(answer) }),
    );
    let (states, mut told) = mpsc::unbounded_channel();
    let hearing = Arc::new(Hearing {
        heard: AtomicUsize::new(0),
        states,
    });
    let stop = CancellationToken::new();
    let plug = Arc::new(Plug {
        number: 0,
        web: Arc::new(web(&served(router).await)),
        listener: Arc::clone(&hearing) as Arc<dyn Listener>,
        open: socket::room(),
        stop: stop.clone(),
    });
    let running = tokio::spawn(plug.run());
    let mut peer = greeted(&listener).await;
    assert_eq!(told.recv().await, Some(State::Connected));
    let envelope = |id: &str, what: &str| {
        Message::text(
            json!({"envelope_id": id, "type": "events_api", "payload": {"do": what},
                "accepts_response_payload": what == "answer"})
            .to_string(),
        )
    };
    peer.send(Message::text("no JSON")).await.unwrap();
    for (id, what) in [("1", "panic"), ("2", "hang"), ("3", "again"), ("4", "answer")] {
        peer.send(envelope(id, what)).await.unwrap();
    }
    assert_eq!(
        next_ack(&mut peer).await,
        json!({"envelope_id": "4", "payload": {"options": []}})
    );
    peer.send(envelope("5", "")).await.unwrap();
    assert_eq!(next_ack(&mut peer).await, json!({"envelope_id": "5"}));
    assert_eq!(hearing.heard.load(Ordering::SeqCst), 5);
    // It is renewed, and the old one still answers.
    peer.send(Message::text(
        json!({"type": "disconnect", "reason": "warning"}).to_string(),
    ))
    .await
    .unwrap();
    let mut second = tokio::time::timeout(Duration::from_secs(5), greeted(&listener))
        .await
        .unwrap();
    peer.send(envelope("6", "")).await.unwrap();
    assert_eq!(next_ack(&mut peer).await, json!({"envelope_id": "6"}));
    second.send(envelope("7", "")).await.unwrap();
    assert_eq!(next_ack(&mut second).await, json!({"envelope_id": "7"}));
    // Cut off without a word: another one comes.
    drop(second);
    let third = tokio::time::timeout(Duration::from_secs(5), greeted(&listener))
        .await
        .unwrap();
    stop.cancel();
    drop(third);
    tokio::time::timeout(Duration::from_secs(5), running)
        .await
        .unwrap()
        .unwrap();
}
