//! Settings of single conversations, and what they change.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;

use super::support::{Bot, Platform, pack, soon};
use crate::chat::gateway::{Gateway, Inbound, Receipt};
use crate::model::{Place, Status, Timestamp};

fn channel(bot: &Bot, who: &str, text: &str) -> Inbound {
    Inbound {
        is_direct: false,
        ..bot.message(who, text)
    }
}

async fn says(bot: &Bot, who: &str, text: &str) -> Receipt {
    soon("the receipt", bot.hub.receive(channel(bot, who, text)))
        .await
        .unwrap()
}

async fn asks(bot: &Bot, who: &str, text: &str) -> String {
    says(bot, who, text).await;
    bot.platform.text().await
}

#[tokio::test]
async fn a_conversation_has_its_own_prefix_and_packs_that_last() {
    let bot = Bot::start().await;
    let shown = asks(&bot, "ana", "!settings").await;
    assert!(
        shown.starts_with("fake #ops") && shown.contains("as everywhere"),
        "{shown}"
    );
    let refused = asks(&bot, "eve", "!set prefix ?").await;
    assert!(refused.contains("Not allowed"), "{refused}");
    let wrong = asks(&bot, "ana", "!set threads maybe").await;
    assert!(
        wrong.contains("`maybe` is no threads") || wrong.contains("maybe is no threads"),
        "{wrong}"
    );
    let set = asks(&bot, "ana", "!set prefix ?").await;
    assert!(set.contains("prefix") && set.contains('?'), "{set}");
    assert!(matches!(
        says(&bot, "ana", "!settings").await,
        Receipt::Ignored(_)
    ));
    let set = asks(&bot, "ana", "?set packs ops").await;
    assert!(set.contains("ops"), "{set}");
    let refused = asks(&bot, "ana", "?deploy api to prod").await;
    assert!(
        refused.contains("commands of pack t are not offered in this conversation")
            && refused.contains("those of ops"),
        "{refused}"
    );
    let help = asks(&bot, "ana", "?help deploy").await;
    assert!(
        !help.contains("deploy {{app}}") && !help.contains("deploy <app>"),
        "{help}"
    );
    let folder = bot.stop().await;

    // It is as it was after a restart, and can be taken back.
    let bot = Bot::on(folder, Platform::new("fake")).await;
    assert!(matches!(
        says(&bot, "ana", "!settings").await,
        Receipt::Ignored(_)
    ));
    asks(&bot, "ana", "?set packs all").await;
    asks(&bot, "ana", "?set prefix default").await;
    assert!(bot.hub.desk().manners.conversations.all().is_empty());
    assert!(matches!(
        says(&bot, "ana", "!deploy api to prod").await,
        Receipt::Started { .. }
    ));
    bot.job().await;
    bot.ends(Status::Succeeded, json!({"stdout": "up"}));
    bot.platform.until_final().await;
    bot.hub.shutdown().await;
}

#[tokio::test]
async fn quiet_conversations_hear_the_end_only() {
    let bot = Bot::start().await;
    let output: String = (1..=50).map(|n| format!("line {n}\n")).collect();
    let run = async |status: Status| {
        says(&bot, "ana", "!deploy api to prod").await;
        bot.job().await;
        bot.ends(status, json!({"stdout": output, "stderr": ""}));
        let first = bot.platform.next().await;
        assert_eq!(first.kind, "result", "{}", first.text);
        first.text
    };
    asks(&bot, "ana", "!set verbosity short").await;
    let short = run(Status::Succeeded).await;
    assert!(
        short.contains("line 1\n") && short.contains("line 50") && !short.contains("line 10\n"),
        "{short}"
    );
    asks(&bot, "ana", "!set verbosity quiet").await;
    let quiet = run(Status::Succeeded).await;
    assert!(
        !quiet.contains("line 1") && quiet.contains("succeeded"),
        "{quiet}"
    );
    // What goes wrong is told all the same.
    let failed = run(Status::Failed).await;
    assert!(failed.contains("line 50"), "{failed}");
    bot.stop().await;
}

#[tokio::test]
async fn a_thread_that_is_a_conversation_goes_by_its_channel() {
    struct Threads(Arc<Platform>);
    impl Gateway for Threads {
        fn name(&self) -> &str {
            self.0.name()
        }
        fn capabilities(&self) -> crate::chat::gateway::Capabilities {
            self.0.capabilities()
        }
        fn send(
            &self,
            message: crate::chat::gateway::Rendered,
        ) -> futures_util::future::BoxFuture<
            '_,
            Result<crate::chat::gateway::Sent, crate::chat::gateway::SendError>,
        > {
            self.0.send(message)
        }
        fn channel_of(&self, conversation: &str) -> Option<String> {
            conversation.strip_prefix('t').map(|_| "C1".to_owned())
        }
    }
    let bot = Bot::start().await;
    bot.hub.attach(Arc::new(Threads(Arc::clone(&bot.platform))));
    asks(&bot, "ana", "!set prefix ?").await;
    let place = Place {
        conversation: "t9".to_owned(),
        ..bot.message("ana", "").place
    };
    let said = |text: &str| Inbound {
        place: place.clone(),
        ..channel(&bot, "ana", text)
    };
    assert!(matches!(
        bot.hub.receive(said("!whoami")).await.unwrap(),
        Receipt::Ignored(_)
    ));
    bot.hub.receive(said("?set prefix %")).await.unwrap();
    bot.platform.text().await;
    // It was set for the channel.
    assert!(matches!(
        says(&bot, "ana", "%whoami").await,
        Receipt::Started { .. }
    ));
    bot.platform.text().await;
    bot.stop().await;
}

#[tokio::test]
async fn digests_are_posted_when_they_are_due_and_once() {
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path());
    // Later than now: the engine stamps its rows by the clock of the system.
    let time = Arc::new(Mutex::new("2096-11-20T08:00:00Z".parse::<Timestamp>().unwrap()));
    let clock = |time: &Arc<Mutex<Timestamp>>| {
        let time = Arc::clone(time);
        Arc::new(move || *time.lock()) as crate::chat::Clock
    };
    let bot = Bot::timed(folder, Platform::new("fake"), clock(&time)).await;
    let set = asks(&bot, "ana", "!set digest every day 09:00").await;
    assert!(set.contains("every day 09:00") && set.contains("09:00"), "{set}");
    bot.hub.post_digests();
    soon("the digest is known", async {
        use crate::store::Store as _;
        while bot
            .store
            .settings("chat.digest.".to_owned())
            .await
            .unwrap()
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let folder = bot.stop().await;
    // Two were missed: one tells of both days.
    *time.lock() = "2096-11-21T09:30:00Z".parse().unwrap();
    let bot = Bot::timed(folder, Platform::new("fake"), clock(&time)).await;
    bot.hub.post_digests();
    let digest = bot.platform.next().await;
    assert_eq!(
        (digest.kind.as_str(), digest.place.conversation.as_str()),
        ("digest", "C1")
    );
    assert!(
        digest.text.contains("fake #ops since 2096-11-"),
        "{}",
        digest.text
    );
    let folder = bot.stop().await;
    let bot = Bot::timed(folder, Platform::new("fake"), clock(&time)).await;
    bot.hub.post_digests();
    // Another command is answered, and nothing is told again.
    let answer = asks(&bot, "ana", "!whoami").await;
    assert!(answer.contains("ana"), "{answer}");
    bot.stop().await;
}
