//! Answers to interactions and the ways around what Discord refuses, against the strict stand-in.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::rest::{Call, Rest};
use super::sending::{EPHEMERAL, Sender};
use super::tickets::{First, Ticket};
use crate::chat::card::{Card, Tone};
use crate::chat::gateway::{Attachment, Form, Rendered, SendError};
use crate::model::{Id, Place, Timestamp};
use crate::simulate::discord::{BOT, DIRECT, OPS, Simulator, TOKEN};
use crate::store::Store;
use crate::store::sqlite::{SqliteOptions, SqliteStore};

struct Desk {
    discord: Simulator,
    store: Arc<dyn Store>,
    _folder: tempfile::TempDir,
}

impl Desk {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(SqliteOptions::new(folder.path().join("sayso.db")))
            .await
            .unwrap();
        Self {
            discord: Simulator::start(Duration::from_secs(40)).await.unwrap(),
            store: Arc::new(store),
            _folder: folder,
        }
    }

    /// A sender as after a start: it knows nothing.
    fn sender(&self) -> Sender {
        let rest = Rest::new(Some(&self.discord.api_url()), SecretString::from(TOKEN)).unwrap();
        Sender::new(Arc::new(rest), Arc::clone(&self.store))
    }

    /// A slash command that was answered with "thinking".
    async fn deferred(&self, sender: &Sender, private: bool) -> (String, Ticket) {
        let interaction = self
            .discord
            .interact(OPS, 2, &json!({"name": "sayso", "type": 1}), None);
        let ticket = Ticket {
            application: BOT.to_owned(),
            token: format!("aW50ZXJhY3Rpb24{interaction}"),
            interaction: interaction.clone(),
            received: Timestamp::now().micros() / 1000,
            own_message: true,
            private: false,
        };
        let body = json!({"type": 5, "data": {"flags": if private { EPHEMERAL } else { 0 }}});
        let path = format!("/interactions/{interaction}/{}/callback", ticket.token);
        sender.rest.call(Call::post(path, body).open()).await.unwrap();
        if let Some(known) = sender.tickets.open(&interaction) {
            known.set(First::Deferred { private });
        }
        (interaction, ticket)
    }
}

fn message(text: &str, ticket: Option<&Ticket>) -> Rendered {
    let id = Id::new();
    Rendered {
        id: Some(id),
        place: Place {
            gateway: "discord:default".to_owned(),
            conversation: OPS.to_owned(),
            thread: None,
            name: None,
        },
        card: Card::plain(Tone::Good, text),
        text: text.to_owned(),
        form: Form::Rich,
        file: None,
        edit: None,
        card_key: None,
        kind: "result".to_owned(),
        execution: Some(id),
        status: None,
        is_final: true,
        silent: false,
        starts: Vec::new(),
        reply: ticket.map(Ticket::text),
        recall: false,
        asked_by: None,
        steps: None,
        private_to: None,
    }
}

#[tokio::test]
async fn the_first_answer_writes_what_was_deferred_and_a_repetition_writes_the_same() {
    let desk = Desk::new().await;
    let sender = desk.sender();
    let (interaction, ticket) = desk.deferred(&sender, false).await;
    let first = message("the first answer", Some(&ticket));
    let sent = sender.send(first.clone()).await.unwrap();
    assert_eq!(
        desk.discord.original(&interaction).unwrap().text(),
        "the first answer"
    );
    // The same again after a crash: nothing is known but the store.
    let again = desk.sender().send(first).await.unwrap();
    assert_eq!(again, sent);
    assert_eq!(desk.discord.messages(OPS).len(), 1);
    // What follows is a message of its own, once.
    let second = message("the second answer", Some(&ticket));
    sender.send(second.clone()).await.unwrap();
    desk.sender().send(second).await.unwrap();
    let texts: Vec<String> = desk
        .discord
        .messages(OPS)
        .iter()
        .map(|posted| posted.text())
        .collect();
    assert_eq!(texts, ["the first answer", "the second answer"]);
    // And a card is changed where it stands.
    let mut change = message("changed", Some(&ticket));
    change.edit = Some(sent.message_ref);
    sender.send(change).await.unwrap();
    assert_eq!(desk.discord.original(&interaction).unwrap().text(), "changed");
}

#[tokio::test]
async fn what_is_private_stays_so() {
    let desk = Desk::new().await;
    let sender = desk.sender();
    let (interaction, ticket) = desk.deferred(&sender, false).await;
    let mut secret = message("for ana only", Some(&ticket));
    secret.private_to = Some("discord:1100000000000000004".to_owned());
    let sent = sender.send(secret).await.unwrap();
    assert!(sent.message_ref.starts_with('~'), "{sent:?}");
    assert!(
        desk.discord.original(&interaction).is_none(),
        "what everybody would see is gone"
    );
    let posted = desk.discord.messages(OPS);
    assert_eq!((posted.len(), posted[0].ephemeral), (1, true));
    // Without a ticket, and with one that is worth nothing any more, it goes to the person.
    let (_, ticket) = desk.deferred(&sender, true).await;
    desk.discord.expire_tokens();
    for ticket in [None, Some(&ticket)] {
        let mut secret = message("directly", ticket);
        secret.private_to = Some("discord:1100000000000000004".to_owned());
        sender.send(secret).await.unwrap();
    }
    let direct: Vec<String> = desk
        .discord
        .messages(DIRECT)
        .iter()
        .map(|posted| posted.text())
        .collect();
    assert_eq!(direct, ["directly", "directly"]);
}

#[tokio::test]
async fn silence_ends_the_thinking() {
    let desk = Desk::new().await;
    let sender = desk.sender();
    let (interaction, ticket) = desk.deferred(&sender, false).await;
    let mut silent = message("", Some(&ticket));
    silent.silent = true;
    sender.send(silent.clone()).await.unwrap();
    assert_eq!(desk.discord.original(&interaction).unwrap().text(), "Done.");
    silent.reply = None;
    sender.send(silent).await.unwrap();
    assert_eq!(desk.discord.messages(OPS).len(), 1);
}

#[tokio::test]
async fn an_old_card_is_posted_anew_and_a_deleted_one_is_left_alone() {
    let desk = Desk::new().await;
    let sender = desk.sender();
    let sent = sender.send(message("running", None)).await.unwrap();
    desk.discord.faults(|faults| faults.too_many_edits = 1);
    let mut change = message("done", None);
    change.edit = Some(sent.message_ref.clone());
    let moved = sender.send(change.clone()).await.unwrap();
    assert_ne!(moved.message_ref, sent.message_ref);
    let texts: Vec<String> = desk
        .discord
        .messages(OPS)
        .iter()
        .map(|posted| posted.text())
        .collect();
    assert_eq!(texts, ["running", "done"]);
}

#[tokio::test]
async fn refusals_go_down_the_ladder_and_files_arrive() {
    let desk = Desk::new().await;
    let sender = desk.sender();
    desk.discord.faults(|faults| faults.no_embeds = true);
    let mut answer = message("long", None);
    let refused = sender.send(answer.clone()).await.unwrap_err();
    assert!(matches!(refused, SendError::Refused(_)), "{refused:?}");
    answer.form = Form::File;
    answer.file = Some(Attachment {
        name: "out put.txt".to_owned(),
        text: "line\n".repeat(5000),
    });
    sender.send(answer).await.unwrap();
    let posted = &desk.discord.messages(OPS)[0];
    assert_eq!(posted.file.as_deref(), Some(&*"line\n".repeat(5000)));
    assert_eq!(posted.message["attachments"][0]["filename"], "out_put.txt");
    let mut nowhere = message("nobody", None);
    nowhere.place.conversation = "1".to_owned();
    nowhere.form = Form::Plain;
    let refused = sender.send(nowhere).await.unwrap_err();
    assert!(matches!(refused, SendError::Permanent(_)), "{refused:?}");
}

#[tokio::test]
async fn limits_are_waited_for_and_long_ones_given_back() {
    let desk = Desk::new().await;
    let sender = desk.sender();
    desk.discord.faults(|faults| faults.limited.extend([0.1, 60.0]));
    let limited = sender.send(message("later", None)).await.unwrap_err();
    assert!(
        matches!(limited, SendError::RateLimited(wait) if wait > Duration::from_secs(50)),
        "{limited:?}"
    );
    let before = desk.discord.requests().len();
    let limited = sender.send(message("not asked at all", None)).await.unwrap_err();
    assert!(matches!(limited, SendError::RateLimited(_)), "{limited:?}");
    assert_eq!(
        desk.discord.requests().len(),
        before,
        "while the bucket is empty nothing is sent"
    );
}

#[tokio::test]
async fn a_post_that_took_effect_before_it_failed_is_there_once() {
    let desk = Desk::new().await;
    let sender = desk.sender();
    desk.discord.faults(|faults| faults.fail_after_applying = 2);
    sender.send(message("once", None)).await.unwrap();
    assert_eq!(desk.discord.messages(OPS).len(), 1);
}

#[tokio::test]
async fn a_thread_is_made_once_and_answered_in() {
    let desk = Desk::new().await;
    let root = desk.discord.say(OPS, "!deploy api");
    for number in 0..2 {
        let mut answer = message(&format!("answer {number}"), None);
        answer.place.thread = Some(root.clone());
        // A new process does not know that the thread is there.
        desk.sender().send(answer).await.unwrap();
    }
    assert_eq!(desk.discord.messages(&root).len(), 2);
    assert_eq!(desk.discord.messages(OPS).len(), 0);
}

#[tokio::test]
async fn commands_are_registered_by_difference() {
    let desk = Desk::new().await;
    let sender = desk.sender();
    let option = json!({"type": 3, "name": "app", "description": "Which", "required": true});
    let first: Vec<Value> = ["deploy", "restart"]
        .iter()
        .map(|name| json!({"name": name, "description": "Does it", "type": 1, "options": [option]}))
        .collect();
    let register = async |wanted: &[Value]| {
        super::commands::register(&sender.rest, BOT, None, wanted)
            .await
            .unwrap()
    };
    assert_eq!(register(&first).await, 2);
    assert_eq!(register(&first).await, 0, "nothing differs");
    let mut second = first.clone();
    second[0]["description"] = json!("Does it better");
    second[1]["name"] = json!("reboot");
    assert_eq!(register(&second).await, 3, "one gone, one changed, one new");
    let names: Vec<Value> = desk
        .discord
        .commands()
        .iter()
        .map(|command| command["name"].clone())
        .collect();
    assert_eq!(names, ["deploy", "reboot"]);
}

#[tokio::test]
async fn the_doctor_finds_what_is_missing() {
    let desk = Desk::new().await;
    let mut options = crate::settings::DiscordOptions {
        api_url: Some(desk.discord.api_url()),
        ..crate::settings::DiscordOptions::default()
    };
    let bad = |findings: &[super::doctor::Finding]| -> Vec<String> {
        let wrong = findings
            .iter()
            .filter(|finding| finding.level != super::doctor::Level::Good);
        wrong.map(|finding| finding.what.clone()).collect()
    };
    assert_eq!(
        bad(&super::doctor::check("default", &options).await),
        ["discord.default.token"]
    );
    options.token = Some(SecretString::from("wrong"));
    assert_eq!(
        bad(&super::doctor::check("default", &options).await),
        ["discord.default.token"]
    );
    options.token = Some(SecretString::from(TOKEN));
    // Commands are there when the bot has run; a site that wants none misses none.
    let good = super::doctor::check("default", &options).await;
    assert_eq!(bad(&good), ["discord.default.commands"], "{good:#?}");
    options.commands = false;
    let good = super::doctor::check("default", &options).await;
    assert_eq!(bad(&good), [] as [&str; 0], "{good:#?}");
    desk.discord.faults(|faults| faults.no_message_content = true);
    assert_eq!(
        bad(&super::doctor::check("default", &options).await),
        ["discord.default.message_content"]
    );
}
