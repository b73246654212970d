//! Who people are, what they may do, and what others have to agree to, by saying so.

use serde_json::json;

use super::support::{Bot, Platform, pack, soon, write};
use crate::chat::card::Style;
use crate::chat::forms::Somebody;
use crate::engine::Event;
use crate::model::{Execution, Id, Status};
use crate::store::Store as _;

/// A bot that also knows `launch`, which needs Bo's approval.
async fn start() -> Bot {
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path());
    write(
        folder.path().join("packs/t/aliases/launch.yaml"),
        "name: launch\naction_ref: t.deploy\nformats:\n  - 'launch {{app}}'\nack:\n  enabled: false\napproval: {by: [bo], within: 30m}\n",
    );
    Bot::on(folder, Platform::new("fake")).await
}

/// A message of an account that nobody has vouched for.
async fn stranger(bot: &Bot, text: &str, direct: bool) -> String {
    let mut message = bot.message("U9", text);
    message.identity = None;
    message.is_direct = direct;
    message.mentions_bot = true;
    soon("the receipt", bot.hub.receive(message)).await.unwrap();
    bot.platform.text().await
}

#[tokio::test]
async fn an_account_is_linked_by_its_code_and_let_go_again() {
    let bot = start().await;
    let nobody = stranger(&bot, "whoami", true).await;
    assert!(
        nobody.contains("belongs to nobody") && nobody.contains("`link`"),
        "{nobody}"
    );
    let aloud = stranger(&bot, "link", false).await;
    assert!(aloud.contains("in a direct message"), "{aloud}");
    let told = stranger(&bot, "link", true).await;
    let code = told
        .split('`')
        .nth(1)
        .unwrap_or_else(|| panic!("{told}"))
        .to_owned();
    let linked = bot.asks("bo", &format!("link {code}")).await;
    assert!(linked.contains("fake:U9") && linked.contains("bo"), "{linked}");
    let who = stranger(&bot, "whoami", true).await;
    assert!(who.contains("You are bo"), "{who}");
    let gone = stranger(&bot, "unlink", true).await;
    assert!(gone.contains("does not belong to"), "{gone}");
    let nobody = stranger(&bot, "whoami", true).await;
    assert!(nobody.contains("belongs to nobody"), "{nobody}");
    bot.stop().await;
}

#[tokio::test]
async fn a_form_in_a_channel_does_not_make_it_a_private_place() {
    let bot = start().await;
    let told = stranger(&bot, "link", true).await;
    let code = told.split('`').nth(1).unwrap().to_owned();
    bot.asks("bo", &format!("link {code}")).await;
    let homes = || bot.store.settings("access.home.".to_owned());
    let said = bot.message("U9", "");
    let by = Somebody {
        account: said.account,
        display_name: said.display_name,
        identity: None,
        place: said.place,
    };
    // The page of somebody who is known: else nothing would be remembered anyway.
    let page = bot.hub.home(&by).await.text(Style::Plain);
    assert!(!page.contains("belongs to nobody"), "{page}");
    assert!(homes().await.unwrap().is_empty());
    // What is said to the bot alone is remembered.
    stranger(&bot, "whoami", true).await;
    assert_eq!(homes().await.unwrap().len(), 1);
    bot.stop().await;
}

#[tokio::test]
async fn the_rule_that_decides_is_told() {
    let bot = start().await;
    let mine = bot.asks("bo", "why can't I deploy api to prod").await;
    assert!(
        mine.contains("bo may run t.deploy") && mine.contains("rule 1 allows"),
        "{mine}"
    );
    let not = bot.asks("eve", "why can't I deploy api to prod").await;
    assert!(
        not.contains("eve may not run t.deploy") && not.contains("no rule allows eve"),
        "{not}"
    );
    let needs = bot.asks("bo", "can I launch api").await;
    assert!(
        needs.contains("It needs approval first") && needs.contains("1 of bo"),
        "{needs}"
    );
    let who = bot.asks("ana", "who can deploy api to prod").await;
    assert!(who.contains("Who can run") && who.contains("ana"), "{who}");
    let other = bot.asks("ana", "simulate as @eve deploy api to prod").await;
    assert!(other.contains("eve may not run"), "{other}");
    let unknown = bot.asks("ana", "why can't I fly to the moon").await;
    assert!(unknown.contains("I do not understand"), "{unknown}");
    bot.stop().await;
}

/// Waits until an execution of the test's action is in a state.
async fn reached(bot: &Bot, id: Id, status: Status) -> std::sync::Arc<Execution> {
    let mut events = bot.engine.subscribe();
    let now = bot.engine.execution(id).await.unwrap().unwrap();
    if now.status == status {
        return now;
    }
    loop {
        if let Event::Execution { execution, .. } = soon("the state", events.recv()).await.unwrap()
            && execution.id == id
            && execution.status == status
        {
            return execution;
        }
    }
}

#[tokio::test]
async fn what_an_alias_needs_is_approved_in_chat_before_it_runs() {
    let bot = start().await;
    let receipt = bot.says("ana", "launch api").await;
    let crate::chat::gateway::Receipt::Started { executions, .. } = receipt else {
        panic!("{receipt:?}")
    };
    let card = bot.platform.text().await;
    assert!(card.contains("pending") && card.contains("approvals "), "{card}");
    let asked = bot.platform.text().await;
    assert!(
        asked.contains("ana: launch api") && asked.contains("0 of 1"),
        "{asked}"
    );
    let list = bot.asks("bo", "approvals").await;
    assert!(
        list.contains("ana: launch api") && list.contains("decide"),
        "{list}"
    );
    // The id of what waits means its approval.
    let own = bot.asks("ana", &format!("approve {}", executions[0])).await;
    assert!(own.contains("you asked for this yourself"), "{own}");
    bot.says("bo", &format!("approve {} fine", executions[0])).await;
    let job = bot.job().await;
    assert_eq!(
        (job.user.as_str(), &job.parameters["app"]),
        ("ana", &json!("api"))
    );
    bot.ends(Status::Succeeded, json!({"stdout": "done"}));
    reached(&bot, executions[0], Status::Succeeded).await;
    bot.hub.shutdown().await;
}

#[tokio::test]
async fn breaking_the_glass_is_told_and_reviewed_by_somebody_else() {
    let bot = start().await;
    // Ana owns, as the only administrator with a place to be told something.
    bot.says("ana", "whoami").await;
    bot.platform.text().await;
    bot.says("bo", "break glass the site is down: launch api").await;
    let job = bot.job().await;
    assert_eq!(job.user, "bo");
    let open = crate::access::reviews::open(&*bot.store).await.unwrap();
    assert_eq!((open.len(), open[0].reason.as_str()), (1, "the site is down"));
    bot.ends(Status::Succeeded, json!({"stdout": "done"}));
    reached(&bot, open[0].id, Status::Succeeded).await;
    bot.says("ana", &format!("review {} looked at it", open[0].id))
        .await;
    let mut left = 1;
    while left > 0 {
        bot.platform.text().await;
        left = bot
            .store
            .settings("access.review.".to_owned())
            .await
            .unwrap()
            .len();
    }
    bot.hub.shutdown().await;
}
