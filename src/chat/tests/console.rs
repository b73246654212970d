//! The console: its routes, its client, and what happens when either goes away.

use std::io::Write;
use std::sync::Arc;

use axum::{Extension, Router};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::support::{Bot, soon};
use crate::api::chat::router;
use crate::api::client::{Client, EventStream};
use crate::chat::console::ConsoleEvent;
use crate::cli::chat::{Screen, one_shot};
use crate::model::{Id, Status};
use crate::store::Store as _;

fn client(bot: &Bot, user: &str) -> Client {
    let routes = Router::new().nest("/api/v1/chat", router(bot.hub.clone()));
    Client::in_process(routes.layer(Extension(bot.identity(user))), "token").unwrap()
}

async fn listen(client: &Client, after: Option<Id>) -> EventStream {
    let after = after.map(|id| format!("&after={id}")).unwrap_or_default();
    let mut stream = client
        .events(&format!("/api/v1/chat/events?conversation=t1{after}"))
        .await
        .unwrap();
    assert_eq!(
        soon("the greeting", stream.next()).await.unwrap().unwrap().event,
        "listening"
    );
    stream
}

async fn next(stream: &mut EventStream) -> ConsoleEvent {
    soon("an event", stream.next())
        .await
        .unwrap()
        .unwrap()
        .json()
        .unwrap()
}

async fn say(client: &Client, body: &Value) -> Value {
    client.post("/api/v1/chat/messages", Some(body)).await.unwrap()
}

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

async fn shot(bot: &Bot, user: &str, texts: &[&str], json: bool) -> (u8, String) {
    let paper = Paper::default();
    let mut screen = Screen::new(Box::new(paper.clone()), 80);
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let status = soon(
        "the answer",
        one_shot(client(bot, user), &texts, None, json, &mut screen),
    )
    .await
    .unwrap();
    (status, paper.text())
}

#[tokio::test]
async fn one_shot_prints_final_answers_and_exits_as_promised() {
    let bot = Bot::start().await;
    bot.ends(Status::Succeeded, json!({"stdout": "deployed\n", "stderr": ""}));
    let (status, text) = shot(&bot, "ana", &["deploy api to prod", "whoami"], false).await;
    assert_eq!(status, 0, "{text}");
    assert!(
        text.starts_with("✔ t.deploy succeeded in ") && text.contains("\ndeployed\n"),
        "{text}"
    );
    assert!(
        text.contains("\nYou are ana\n") && !text.contains("Deploying"),
        "{text}"
    );
    bot.ends(Status::Failed, json!({"stdout": "", "stderr": "boom"}));
    let (status, text) = shot(&bot, "ana", &["fix ABC-1", "whoami"], false).await;
    assert_eq!(status, 1);
    assert!(text.contains("boom"), "{text}");
    assert_eq!(
        shot(&bot, "ana", &["show 0123456789abcdef01234567"], false)
            .await
            .0,
        1
    );
    for (user, text) in [
        ("ana", "nonsense"),
        ("ana", "go two"),
        ("eve", "deploy api to prod"),
        ("ana", "run \"x on localhost"),
    ] {
        assert_eq!(shot(&bot, user, &[text], false).await.0, 2, "{text}");
    }
    bot.stop().await;
}

#[tokio::test]
async fn one_shot_in_json_is_one_object_a_text() {
    let bot = Bot::start().await;
    bot.ends(Status::Succeeded, json!({}));
    let (status, text) = shot(&bot, "ana", &["be quiet", "nonsense"], true).await;
    assert_eq!(status, 2);
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["ok"], &lines[0]["answer"]),
        (&json!(true), &json!("")),
        "a silent alias still ends"
    );
    assert_eq!(lines[0]["executions"][0]["status"], "succeeded");
    assert_eq!(
        (&lines[1]["understood"], &lines[1]["ok"]),
        (&json!(false), &json!(false))
    );
    bot.stop().await;
}

#[tokio::test]
async fn rerunning_waits_for_what_it_starts() {
    let bot = Bot::start().await;
    bot.ends(Status::Succeeded, json!({"stdout": "first"}));
    shot(&bot, "ana", &["fix ABC-1"], false).await;
    bot.ends(Status::Succeeded, json!({"stdout": "second"}));
    let (status, text) = shot(&bot, "ana", &["rerun last"], false).await;
    assert_eq!(status, 0);
    assert!(text.contains("runs again") && text.contains("second"), "{text}");
    bot.stop().await;
}

#[tokio::test]
async fn a_client_that_comes_back_hears_what_it_missed_and_nothing_twice() {
    let bot = Bot::start().await;
    let ana = client(&bot, "ana");
    let mut stream = listen(&ana, None).await;
    let accepted = say(
        &ana,
        &json!({"conversation": "t1", "text": "nonsense one", "key": "k1"}),
    )
    .await;
    assert_eq!(accepted["understood"], false);
    let again = say(
        &ana,
        &json!({"conversation": "t1", "text": "nonsense one", "key": "k1"}),
    )
    .await;
    assert_eq!(again["duplicate"], true);
    let first = next(&mut stream).await;
    assert_eq!(json!([first.id]), accepted["answers"]);
    drop(stream);
    // Nobody listens: the answers wait in the outbox.
    soon("the session to end", async {
        while bot.hub.console().is_heard("ana/t1") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    say(&ana, &json!({"conversation": "t1", "text": "nonsense two"})).await;
    say(&ana, &json!({"conversation": "t1", "text": "nonsense three"})).await;
    assert_eq!(bot.store.outbox_pending(10).await.unwrap().len(), 2);
    let mut stream = listen(&ana, first.id).await;
    let (second, third) = (next(&mut stream).await, next(&mut stream).await);
    assert!(second.text.contains("nonsense two") && third.text.contains("nonsense three"));
    drop(stream);
    let mut stream = listen(&ana, first.id).await;
    assert_eq!(
        next(&mut stream).await.id,
        second.id,
        "told again from the cursor on"
    );
    assert_eq!(next(&mut stream).await.id, third.id);
    drop(stream);
    bot.stop().await;
}

#[tokio::test]
async fn sessions_belong_to_their_people() {
    let bot = Bot::start().await;
    let (ana, eve) = (client(&bot, "ana"), client(&bot, "eve"));
    let mut eves = listen(&eve, None).await;
    let mut anas = listen(&ana, None).await;
    say(&ana, &json!({"conversation": "t1", "text": "whoami"})).await;
    assert!(next(&mut anas).await.text.starts_with("You are ana"));
    say(&eve, &json!({"conversation": "t1", "text": "whoami"})).await;
    assert!(
        next(&mut eves).await.text.starts_with("You are eve"),
        "eve heard somebody else"
    );
    say(&ana, &json!({"conversation": "t1", "text": "whoami", "as": "bo"})).await;
    assert!(next(&mut anas).await.text.starts_with("You are bo"));
    let forged = json!({"conversation": "t1", "text": "whoami", "as": "ana"});
    let refused = eve.post("/api/v1/chat/messages", Some(&forged));
    assert_eq!(refused.await.unwrap_err().status(), Some(403));
    let wrong = ana
        .post(
            "/api/v1/chat/messages",
            Some(&json!({"conversation": "../x", "text": "whoami"})),
        )
        .await;
    assert_eq!(wrong.unwrap_err().status(), Some(400));
    let huge = say(&ana, &json!({"conversation": "t1", "text": "x".repeat(10 << 20)})).await;
    assert_eq!(huge["understood"], false);
    assert!(next(&mut anas).await.text.contains("too long"));
    let offered = eve.get("/api/v1/chat/completions").await.unwrap();
    assert!(
        offered["commands"]
            .as_array()
            .unwrap()
            .iter()
            .all(|command| command["display"] != "ship {{app}}")
    );
    drop((anas, eves));
    bot.stop().await;
}
