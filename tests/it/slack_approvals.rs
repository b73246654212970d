//! Approvals on Slack: the real process, the real gateway, two people.

use std::collections::BTreeMap;

use sayso::simulate::discord;
use sayso::simulate::slack::{ANA, BO, OPS, Posted, TEAM};
use serde_json::json;

use crate::slack::Bot;
use crate::support::{Site, eventually};

/// A bot with `launch <name>`, which Bo has to approve.
async fn bot() -> Bot {
    on(Site::open(), &format!("by: ['slack:{TEAM}:{BO}'], within: 30m")).await
}

/// The same at a site, with an approval that is asked for.
async fn on(site: Site, approval: &str) -> Bot {
    let bot = Bot::on(site).await;
    let alias = format!(
        "---\nname: launch\npack: trial\naction_ref: trial.told\ndescription: Launches.\nformats:\n  - 'launch {{{{one}}}}'\nack:\n  enabled: false\napproval: {{{approval}}}\n"
    );
    bot.site.write_pack_file("trial/aliases/launch.yaml", &alias);
    bot
}

/// The button of a message with these words on it.
fn button(posted: &Posted, label: &str) -> String {
    let buttons = posted.buttons();
    let action = buttons.get(label);
    action
        .cloned()
        .unwrap_or_else(|| panic!("no button {label} in {buttons:?} of {}", posted.text()))
}

#[tokio::test]
async fn a_click_approves_whoever_may_and_tells_the_others_who() {
    let bot = bot().await;
    let server = bot.serve().await;
    bot.slack.say(ANA, OPS, "!launch rocket");
    let card = bot.hears(OPS, &["launch rocket", "0 of 1", "Approve"]).await;
    let approve = button(&card, "Approve");
    // Bo is told in private as well, although they never talked to the bot.
    let direct = eventually("Bo is told", async || {
        let calls = bot.slack.calls();
        calls
            .iter()
            .any(|call| call.method == "conversations.open" && call.arguments["users"] == json!(BO))
            .then_some(())
    });
    direct.await;

    bot.slack.click(ANA, OPS, &card.ts(), &approve).expect("a click");
    bot.whispers(ANA, &["you asked for this yourself"]).await;

    // The button still counts after a restart, and all cards change.
    drop(server);
    let _server = bot.serve().await;
    bot.slack.click(BO, OPS, &card.ts(), &approve).expect("a click");
    bot.hears(OPS, &["launch rocket", "approved", "1 of 1"]).await;
    bot.hears(OPS, &["succeeded", "[rocket]"]).await;
    let changed = bot
        .slack
        .messages(OPS)
        .into_iter()
        .find(|posted| posted.ts() == card.ts())
        .expect("the card");
    assert!(!changed.buttons().contains_key("Approve"), "{}", changed.text());
    bot.assert_well_behaved();
}

#[tokio::test]
async fn a_no_is_asked_for_its_reason_and_a_reply_in_the_thread_counts() {
    let bot = bot().await;
    let _server = bot.serve().await;
    bot.slack.say(ANA, OPS, "!launch rocket");
    let card = bot.hears(OPS, &["launch rocket", "0 of 1"]).await;
    bot.slack
        .click(BO, OPS, &card.ts(), &button(&card, "Deny"))
        .expect("a click");
    let view = eventually("a form opens", async || bot.slack.views(BO).pop()).await;
    let blocks = view.view["blocks"].as_array().cloned().unwrap_or_default();
    let field = blocks
        .iter()
        .find(|block| block["type"] == "input")
        .expect("a field");
    let field = field["block_id"].as_str().expect("an id").to_owned();
    bot.slack
        .submit(BO, &BTreeMap::from([(field, "not on a Friday".to_owned())]))
        .expect("it can be submitted");
    bot.hears(OPS, &["launch rocket", "denied", "not on a Friday"])
        .await;

    bot.slack.say(ANA, OPS, "!launch shuttle");
    let card = bot.hears(OPS, &["launch shuttle", "0 of 1"]).await;
    let thread = card.thread().unwrap_or_else(|| card.ts());
    bot.slack.reply(BO, OPS, &thread, "approve");
    bot.hears(OPS, &["succeeded", "[shuttle]"]).await;
    bot.assert_well_behaved();
}

#[tokio::test]
async fn two_have_to_agree_each_counts_once_and_on_any_platform() {
    let there = discord::Simulator::start(std::time::Duration::from_millis(400))
        .await
        .expect("the stand-in");
    let site = Site::open()
        .variable("SAYSO_DISCORD_TOKEN", discord::TOKEN)
        .variable("SAYSO_DISCORD_API_URL", &there.api_url());
    let who = format!(
        "by: ['slack:{TEAM}:{BO}', 'discord:{}'], count: 2, within: 30m",
        discord::BO
    );
    let bot = on(site, &who).await;
    let _server = bot.serve().await;
    eventually("the other bot is connected", async || {
        there.is_connected().then_some(())
    })
    .await;
    bot.slack.say(ANA, OPS, "!launch rocket");
    let card = bot.hears(OPS, &["launch rocket", "0 of 2", "Approve"]).await;
    let approve = button(&card, "Approve");
    bot.slack.click(BO, OPS, &card.ts(), &approve).expect("a click");
    bot.hears(OPS, &["launch rocket", "1 of 2"]).await;
    bot.slack.click(BO, OPS, &card.ts(), &approve).expect("a click");
    bot.whispers(BO, &["already"]).await;
    let text = card.text();
    let id = text.split('`').find(|part| part.len() == 24).expect("an id");
    let now = jiff::Timestamp::now();
    there.say_as(discord::ANA, discord::OPS, &format!("!approve {id}"), now);
    eventually("whoever may not is told", async || {
        let messages = there.messages(discord::OPS);
        messages
            .iter()
            .find(|posted| posted.text().contains("may not"))
            .map(|_| ())
    })
    .await;
    there.say_as(discord::BO, discord::OPS, &format!("!approve {id}"), now);
    bot.hears(OPS, &["succeeded", "[rocket]"]).await;
    eventually("the card tells it", async || {
        let messages = bot.slack.messages(OPS);
        let mut cards = messages.iter().filter(|posted| posted.ts() == card.ts());
        cards
            .any(|posted| posted.text().contains("2 of 2") && posted.buttons().is_empty())
            .then_some(())
    })
    .await;
    bot.assert_well_behaved();
}
