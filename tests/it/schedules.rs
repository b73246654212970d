//! Schedules that were made in a conversation: answered there when they run, told there when they may not any more.

use sayso::simulate::slack::{ANA, OPS, TEAM};

use crate::slack::Bot;
use crate::support::{Site, eventually};

fn rules(bot: &Bot, may: &str) {
    let text = format!(
        "people:\n  ana: {{accounts: ['slack:{TEAM}:{ANA}']}}\ngrants:\n  - to: ana\n    run: [pack:chatops, {may}]\n"
    );
    std::fs::create_dir_all(bot.site.data()).expect("the data folder");
    std::fs::write(bot.site.data().join("access.yaml"), text).expect("the rules");
}

#[tokio::test]
async fn a_schedule_is_answered_where_it_was_made_and_refused_there_without_the_right() {
    let bot = Bot::on(Site::closed()).await;
    rules(&bot, "core.local");
    let server = bot.serve().await;
    bot.slack
        .say(ANA, OPS, "!schedule in 1 second run 'echo on-time' on localhost");
    bot.hears(OPS, &["core.local", "succeeded", "on-time"]).await;

    // A server that is killed before the time does it when it is back, once.
    bot.slack.say(
        ANA,
        OPS,
        "!schedule in 2 seconds run 'echo after-a-crash' on localhost",
    );
    bot.hears(OPS, &["Schedule 2", "after-a-crash"]).await;
    server.kill().await;
    let _server = bot.serve().await;
    bot.hears(OPS, &["core.local", "succeeded", "after-a-crash"])
        .await;

    bot.slack.say(
        ANA,
        OPS,
        "!schedule in 3 seconds run 'echo too-late' on localhost",
    );
    bot.hears(OPS, &["Schedule 3", "too-late"]).await;
    rules(&bot, "core.noop");
    let told = bot.hears(OPS, &["too-late", "did not run"]).await;
    assert!(told.text().contains("core.local"), "{}", told.text());
    // It was told once, nothing ran, and the log knows.
    let found = eventually("the log tells it", async || {
        let found = bot
            .site
            .sayso(&["audit", "search", "kind=schedule.refused", "-j"])
            .await;
        found.out.contains("schedule.refused").then_some(found.out)
    })
    .await;
    assert!(found.contains("no rule allows ana to run core.local"), "{found}");
    let said = bot.slack.messages(OPS);
    let count = |part: &str| {
        said.iter()
            .filter(|posted| posted.text().contains(part) && posted.text().contains("succeeded"))
            .count()
    };
    assert_eq!(
        (count("on-time"), count("after-a-crash"), count("too-late")),
        (1, 1, 0)
    );
    bot.assert_well_behaved();
}
