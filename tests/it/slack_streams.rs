//! Cards of workflows as lists of tasks that Slack moves by itself, and what is done where it grants none.

use sayso::simulate::slack::{ANA, BOT, DIRECT, OPS, Posted};

use crate::slack::Bot;
use crate::support::{eventually, packs};

const ROLLOUT: &str = "
version: 1.0
input: [started, go, verdict]
tasks:
  build:
    action: core.echo message='<!channel> built'
    next: [{when: <% succeeded() %>, do: ship}]
  ship:
    action: trial.gate started=<% ctx().started %> go=<% ctx().go %>
    next: [{when: <% succeeded() %>, do: check}]
  check:
    action: core.local cmd=<% ctx().verdict %>
";

/// A bot with a workflow whose second task waits until it is let go.
async fn bot() -> Bot {
    let bot = Bot::new().await;
    let pack = bot.site.packs().join("flow");
    packs::write(
        &pack.join("pack.yaml"),
        "---\nname: flow\ndescription: A workflow.\nversion: 1.0.0\nauthor: ana\nemail: ana@example.org\n",
    );
    packs::write(&pack.join("actions/workflows/rollout.yaml"), ROLLOUT);
    let fields =
        ["started", "go", "verdict"].map(|name| format!("  {name}: {{type: string, required: true}}\n"));
    packs::write(
        &pack.join("actions/rollout.yaml"),
        &format!(
            "---\nname: rollout\npack: flow\nrunner_type: orquesta\nenabled: true\nentry_point: workflows/rollout.yaml\nparameters:\n{}",
            fields.concat()
        ),
    );
    packs::write(
        &pack.join("aliases/rollout.yaml"),
        "---\nname: rollout\npack: flow\naction_ref: flow.rollout\ndescription: Rolls out.\nformats:\n  - 'roll out {{started}} {{go}} then {{verdict}}'\n",
    );
    bot
}

impl Bot {
    /// Starts the workflow and waits until its second task is at work; gives what it was asked with.
    async fn rolls_out(&self, channel: &str, name: &str, verdict: &str) -> String {
        let (started, go) = (
            self.site.path(&format!("{name}-1")),
            self.site.path(&format!("{name}-2")),
        );
        let words = format!("roll out {} {} then {verdict}", started.display(), go.display());
        let prefix = if channel == DIRECT { "" } else { "!" };
        let asked = self.slack.say(ANA, channel, &format!("{prefix}{words}"));
        eventually("the second task is at work", async || {
            started.exists().then_some(())
        })
        .await;
        asked
    }

    fn let_go(&self, name: &str) {
        packs::write(&self.site.path(&format!("{name}-2")), "");
    }

    fn calls(&self, method: &str) -> usize {
        let calls = self.slack.calls();
        calls.iter().filter(|call| call.method == method).count()
    }

    /// The card and the answers about the workflow below the message `asked`.
    fn about(&self, asked: &str) -> Vec<Posted> {
        let thread = self.slack.thread(OPS, asked);
        thread
            .into_iter()
            .filter(|posted| posted.message["user"] == BOT && posted.text().contains("flow.rollout"))
            .collect()
    }
}

#[tokio::test]
async fn the_tasks_of_a_workflow_stream_until_it_ends() {
    let bot = bot().await;
    let _server = bot.serve().await;
    let asked = bot.rolls_out(OPS, "one", "false").await;
    let card = bot
        .hears(OPS, &["flow.rollout", "[complete] build", "[in_progress] ship"])
        .await;
    assert!(card.streaming);
    assert_eq!(card.thread().as_ref(), Some(&asked));
    assert!(card.buttons().contains_key("Cancel") && card.buttons().contains_key("Log"));
    bot.let_go("one");
    let ended = eventually("the card tells the end", async || {
        let about = bot.about(&asked).into_iter();
        let mut cards = about.filter(|posted| posted.ts() == card.ts() && !posted.streaming);
        cards.find(|posted| posted.text().contains("failed"))
    })
    .await;
    assert!(ended.text().contains("check"), "{}", ended.text());
    let buttons = ended.buttons();
    assert!(buttons.contains_key("Run again") && !buttons.contains_key("Cancel"));
    eventually("the answer is there, once", async || {
        (bot.about(&asked).len() == 2).then_some(())
    })
    .await;
    assert_eq!(
        (bot.calls("chat.startStream"), bot.calls("chat.stopStream")),
        (1, 1)
    );
    let said = format!("{:?}", bot.slack.calls());
    assert!(!said.contains("<!channel>"), "nobody is rung for");
    bot.assert_well_behaved();
}

#[tokio::test]
async fn where_slack_grants_no_streams_cards_are_edited() {
    let bot = bot().await;
    let _server = bot.serve().await;
    bot.slack.faults(|faults| {
        let refused = faults.refuse.entry("chat.startStream".to_owned()).or_default();
        refused.push_back("channel_type_not_supported".to_owned());
    });
    for name in ["one", "two"] {
        let asked = bot.rolls_out(OPS, name, "true").await;
        let card = eventually("a card that shows tasks", async || {
            let mut about = bot.about(&asked).into_iter();
            about.find(|posted| posted.text().contains("build"))
        })
        .await;
        assert!(!card.streaming && card.edits > 0);
        bot.let_go(name);
        eventually("the answer is there, once", async || {
            let about = bot.about(&asked);
            (about.len() == 2 && about.iter().all(|posted| posted.text().contains("succeeded"))).then_some(())
        })
        .await;
    }
    assert_eq!(bot.calls("chat.startStream"), 1, "a no is not asked for twice");
    // Without a thread there are none either.
    bot.rolls_out(DIRECT, "three", "true").await;
    bot.let_go("three");
    bot.hears(DIRECT, &["flow.rollout", "succeeded"]).await;
    assert_eq!(bot.calls("chat.startStream"), 1);
    bot.assert_well_behaved();
}

#[tokio::test]
async fn a_stream_that_breaks_off_goes_on_as_a_message() {
    let bot = bot().await;
    let server = bot.serve().await;
    // It began, but nobody was told.
    bot.slack.faults(|faults| {
        faults.fail_after.insert("chat.startStream".to_owned(), 1);
    });
    let asked = bot.rolls_out(OPS, "one", "true").await;
    eventually("the card shows tasks", async || {
        let about = bot.about(&asked);
        (about.len() == 1 && about[0].text().contains("build") && !about[0].streaming).then_some(())
    })
    .await;
    bot.let_go("one");
    eventually("it ends", async || {
        let about = bot.about(&asked);
        (about.len() == 2 && about.iter().all(|posted| posted.text().contains("succeeded"))).then_some(())
    })
    .await;
    // Slack ended it.
    let asked = bot.rolls_out(OPS, "two", "true").await;
    bot.hears(OPS, &["flow.rollout", "[in_progress] ship"]).await;
    bot.slack.end_streams();
    bot.let_go("two");
    eventually("it ends", async || {
        let about = bot.about(&asked);
        (about.len() == 2 && about.iter().all(|posted| posted.text().contains("succeeded"))).then_some(())
    })
    .await;
    // The server was killed.
    let asked = bot.rolls_out(OPS, "three", "true").await;
    bot.hears(OPS, &["flow.rollout", "[in_progress] ship"]).await;
    drop(server.kill().await);
    bot.let_go("three");
    let _server = bot.serve().await;
    eventually("it ends", async || {
        let about = bot.about(&asked);
        let over = |posted: &Posted| !posted.streaming && !posted.text().contains("is at work");
        (about.len() == 2 && about.iter().all(over)).then_some(())
    })
    .await;
    bot.assert_well_behaved();
}

#[tokio::test]
async fn where_streams_never_work_there_are_messages() {
    let bot = bot().await;
    let _server = bot.serve().await;
    bot.slack.faults(|faults| {
        faults.fail_before.insert("chat.startStream".to_owned(), 1000);
    });
    let asked = bot.rolls_out(OPS, "one", "true").await;
    eventually("a card that shows tasks", async || {
        let about = bot.about(&asked);
        (about.len() == 1 && about[0].text().contains("build") && !about[0].streaming).then_some(())
    })
    .await;
    bot.let_go("one");
    eventually("the answer is there, once", async || {
        let about = bot.about(&asked);
        (about.len() == 2 && about.iter().all(|posted| posted.text().contains("succeeded"))).then_some(())
    })
    .await;
    assert!(bot.calls("chat.startStream") <= 3, "it is given up soon");
    bot.assert_well_behaved();
}
