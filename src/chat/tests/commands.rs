//! The built-in commands, said in a conversation.

use serde_json::json;

use super::support::Bot;
use crate::chat::gateway::Receipt;
use crate::model::{Id, Status};

async fn starts(bot: &Bot, text: &str) -> Id {
    match bot.says("ana", text).await {
        Receipt::Started { executions, .. } => executions[0],
        other => panic!("{text}: {other:?}"),
    }
}

#[tokio::test]
async fn help_shows_what_one_may_say() {
    let bot = Bot::start().await;
    let all = bot.asks("ana", "help").await;
    assert!(
        all.contains("page 1 of 2") && all.contains("more: help 2"),
        "{all}"
    );
    assert!(bot.asks("ana", "help more").await.contains("page 2 of 2"));
    let found = bot.asks("ana", "help deploy app").await;
    assert!(
        found.contains("Commands about “deploy app”") && found.contains("Deploy an app."),
        "{found}"
    );
    let bos = bot.asks("bo", "help localhost").await;
    assert!(
        bos.starts_with("No command that you may use has to do with “localhost”"),
        "{bos}"
    );
    let eves = bot.asks("eve", "help").await;
    assert!(eves.contains("whoami") && !eves.contains("deploy"), "{eves}");
    bot.stop().await;
}

#[tokio::test]
async fn explain_tells_everything_and_does_nothing() {
    let bot = Bot::start().await;
    let text = bot.asks("bo", "explain deploy api to prod count=3").await;
    for part in [
        "deploy api to prod count=3 would run t.deploy",
        "alias   t.deploy",
        "app        api    the sentence",
        "count      3      name=value",
        "✔ You may run it",
        "Nothing ran.",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let text = bot.asks("eve", "explain deploy api to prod").await;
    assert!(text.contains("✘ You may not run it: "), "{text}");
    let text = bot.asks("bo", "explain depoly api").await;
    assert!(
        text.contains("would run nothing") && text.contains("deploy <app>"),
        "{text}"
    );
    let text = bot.asks("bo", "explain go two").await;
    assert!(
        text.contains("it fits several commands") && text.contains("t.one runs t.quiet"),
        "{text}"
    );
    bot.stop().await;
}

#[tokio::test]
async fn work_is_listed_shown_canceled_and_run_again() {
    let bot = Bot::start().await;
    assert_eq!(
        bot.asks("ana", "ps").await,
        "Nothing is running and nothing is waiting"
    );
    let id = starts(&bot, "fix ABC-1").await;
    bot.job().await;
    let list = bot.asks("ana", "ps").await;
    assert!(
        list.starts_with("1 execution running, 0 waiting") && list.contains(&id.to_string()),
        "{list}"
    );
    let short = &id.to_string()[..14];
    let shown = bot.asks("ana", &format!("show {short}")).await;
    assert!(
        shown.contains("t.ticket running") && shown.contains("key  ABC-1"),
        "{shown}"
    );
    bot.says("ana", "cancel last").await;
    let mut texts = [bot.platform.text().await, bot.platform.text().await];
    texts.sort();
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("⊘ t.ticket is being stopped")),
        "{texts:?}"
    );
    assert!(
        texts.iter().any(|text| text.starts_with("⊘ t.ticket canceled")),
        "{texts:?}"
    );
    let refused = bot.asks("ana", &format!("cancel {id}")).await;
    assert!(
        refused.starts_with("t.ticket has ended already: canceled"),
        "{refused}"
    );
    bot.ends(Status::Succeeded, json!({"stdout": "second time"}));
    bot.says("ana", &format!("rerun {id} key=XYZ-9")).await;
    assert_eq!(bot.job().await.parameters["key"], "XYZ-9");
    let texts = [bot.platform.text().await, bot.platform.text().await];
    assert!(
        texts.iter().any(|text| text.starts_with("▶ t.ticket runs again")),
        "{texts:?}"
    );
    assert!(texts.iter().any(|text| text.contains("second time")), "{texts:?}");
    let history = bot.asks("ana", "history").await;
    assert!(
        history.contains("canceled") && history.contains("succeeded") && history.contains("fix ABC-1"),
        "{history}"
    );
    bot.stop().await;
}

#[tokio::test]
async fn wrong_ids_are_answered_with_what_to_do() {
    let bot = Bot::start().await;
    let text = bot.asks("ana", "show last").await;
    assert!(text.starts_with("you have not run anything yet"), "{text}");
    let text = bot.asks("ana", "show abc").await;
    assert!(
        text.starts_with("`abc` is no id\nAn id has 24 hexadecimal digits"),
        "{text}"
    );
    let text = bot.asks("ana", "log 0123456789abcdef01234567").await;
    assert!(
        text.starts_with("there is no execution 0123456789abcdef01234567"),
        "{text}"
    );
    let text = bot.asks("ana", "rerun 0123456789 nonsense").await;
    assert!(text.starts_with("there is no execution 0123456789"), "{text}");
    bot.stop().await;
}

#[tokio::test]
async fn the_service_tells_about_itself() {
    let bot = Bot::start().await;
    let status = bot.asks("ana", "status").await;
    assert!(
        status.starts_with("✔ All is well") && status.contains("store        sqlite"),
        "{status}"
    );
    assert!(bot.asks("ana", "whoami").await.contains("roles     admin"));
    let verified = bot.asks("ana", "audit verify").await;
    assert!(verified.starts_with("✔ The audit log is intact: "), "{verified}");
    bot.asks("eve", "deploy api to prod").await;
    let summary = bot.asks("ana", "audit summary 1h").await;
    assert!(
        summary.contains("ana") && summary.contains("eve") && summary.contains("Refused"),
        "{summary}"
    );
    let found = bot.asks("ana", "audit search whoami").await;
    assert!(
        found.contains("chatops.whoami") || found.contains("whoami"),
        "{found}"
    );
    assert!(bot.asks("ana", "audit tail 3").await.lines().count() >= 3);
    std::fs::write(
        bot.folder.path().join("packs/t/aliases/new.yaml"),
        "name: new\naction_ref: t.quiet\nformats: ['brand new']\n",
    )
    .unwrap();
    let reloaded = bot.asks("ana", "reload").await;
    assert!(
        reloaded.contains("Content was read again") && reloaded.contains("new: alias t.new"),
        "{reloaded}"
    );
    bot.stop().await;
}
