//! Conversations on Discord: the real process with the real gateway against a strict stand-in.

use std::time::Duration;

use sayso::simulate::discord::{DIRECT, OPS, Posted, Simulator, TOKEN};
use serde_json::{Value, json};

use crate::support::{PATIENCE, Server, Site, assert_says, eventually};

/// Between heartbeats; short, so that losses are noticed soon.
const HEARTBEAT: Duration = Duration::from_millis(400);

pub(crate) struct Bot {
    pub(crate) site: Site,
    pub(crate) discord: Simulator,
}

impl Bot {
    pub(crate) async fn new() -> Self {
        Self::with(|site| site).await
    }

    /// The same on a site with more to it.
    pub(crate) async fn with(more: impl FnOnce(Site) -> Site) -> Self {
        let discord = Simulator::start(HEARTBEAT).await.expect("the stand-in");
        let site = Site::open()
            .variable("SAYSO_DISCORD_TOKEN", TOKEN)
            .variable("SAYSO_DISCORD_API_URL", &discord.api_url());
        Self {
            site: more(site),
            discord,
        }
    }

    pub(crate) async fn serve(&self) -> Server {
        let server = self.site.serve().await;
        self.connected().await;
        server
    }

    pub(crate) async fn connected(&self) {
        eventually("the bot is connected", async || {
            self.discord.is_connected().then_some(())
        })
        .await;
    }

    /// Waits for a message of the bot that says all of this.
    pub(crate) async fn hears(&self, channel: &str, parts: &[&str]) -> Posted {
        let started = std::time::Instant::now();
        loop {
            let mut messages = self.discord.messages(channel);
            let fits = |posted: &Posted| parts.iter().all(|part| posted.text().contains(part));
            if let Some(at) = messages.iter().position(fits) {
                return messages.swap_remove(at);
            }
            if started.elapsed() > PATIENCE {
                let texts: Vec<String> = messages.iter().map(Posted::text).collect();
                panic!(
                    "the bot never says {parts:?} in {channel}, but {texts:#?}; violations: {:#?}",
                    self.discord.violations()
                );
            }
            self.discord.changed().await;
        }
    }

    /// How many messages of the bot contain this.
    pub(crate) fn count(&self, channel: &str, part: &str) -> usize {
        let says = |posted: &&Posted| posted.text().contains(part);
        self.discord.messages(channel).iter().filter(says).count()
    }

    /// Asks for something whose answer comes after everything that was asked before.
    pub(crate) async fn settled(&self, word: &str) {
        self.discord
            .say(OPS, &format!("!run 'echo settled-{word}' on localhost"));
        self.hears(OPS, &["core.local", &format!("settled-{word}")]).await;
    }

    /// How often the script `trial.mark` ran.
    pub(crate) fn marks(&self, name: &str) -> usize {
        std::fs::read_to_string(self.site.path(name)).map_or(0, |text| text.lines().count())
    }

    pub(crate) fn mark(&self, name: &str) -> String {
        format!("mark x in {} for 0s", self.site.path(name).display())
    }
}

#[tokio::test]
async fn a_command_in_a_channel_is_run_and_answered() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.discord.say(OPS, "nobody means the bot with this");
    bot.discord.say(
        OPS,
        "!run 'echo hello @everyone <@1100000000000000004>' on localhost",
    );
    let answer = bot.hears(OPS, &["core.local", "succeeded", "hello"]).await;
    assert_eq!(answer.message["allowed_mentions"], Value::Null);
    // Mentioned, and by its role, and directly.
    bot.discord
        .say(OPS, "<@1100000000000000001> run 'echo mentioned' on localhost");
    bot.hears(OPS, &["core.local", "mentioned"]).await;
    bot.discord
        .say(OPS, "<@&1100000000000000005> run 'echo by-role' on localhost");
    bot.hears(OPS, &["core.local", "by-role"]).await;
    bot.discord.say(DIRECT, "run 'echo between-us' on localhost");
    bot.hears(DIRECT, &["core.local", "between-us"]).await;
    assert_eq!(bot.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn events_that_come_twice_run_once_and_odd_ones_harm_nobody() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.discord.faults(|faults| faults.copies = 1);
    bot.discord.say(OPS, &format!("!{}", bot.mark("twice")));
    for odd in [
        json!(null),
        json!({"id": 5}),
        json!([1]),
        json!({"id": "x", "channel_id": {}, "content": 7}),
    ] {
        for kind in [
            "MESSAGE_CREATE",
            "INTERACTION_CREATE",
            "GUILD_CREATE",
            "READY_SOON",
            "CHANNEL_UPDATE",
        ] {
            bot.discord.event(kind, &odd);
        }
    }
    bot.settled("odd").await;
    assert_eq!(bot.marks("twice"), 1);
    let (identifies, ..) = bot.discord.counts();
    assert_eq!(identifies, 1, "nothing of it ended the session");
}

#[tokio::test]
async fn of_an_edited_message_only_what_is_new_runs() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    let id = bot.discord.say(OPS, "!runn 'echo corrected' on localhosst");
    bot.hears(OPS, &["I do not understand"]).await;
    bot.discord.change(&id, "!run 'echo corrected' on localhost");
    bot.hears(OPS, &["core.local", "corrected"]).await;
    let id = bot.discord.say(OPS, "!run 'echo at-first' on localhost");
    bot.hears(OPS, &["core.local", "at-first"]).await;
    bot.discord.change(&id, "!run  'echo at-first' on localhost ");
    bot.discord.change(&id, "!run 'echo now-new' on localhost");
    bot.hears(OPS, &["core.local", "now-new"]).await;
    bot.discord.change(&id, "!run 'echo at-first' on localhost");
    bot.discord.change(&id, "!run 'echo now-new' on localhost");
    bot.settled("edit").await;
    assert_eq!((bot.count(OPS, "at-first"), bot.count(OPS, "now-new")), (1, 1));
}

#[tokio::test]
async fn a_lost_connection_is_resumed_and_nothing_is_lost() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.settled("first").await;
    // Dropped without a word, asked to reconnect, interrupted, closed.
    for (number, end) in ["drop", "seven", "nine", "close"].into_iter().enumerate() {
        match end {
            "drop" => bot.discord.drop_connections(None),
            "seven" => bot.discord.opcode(7, &Value::Null),
            "nine" => bot.discord.opcode(9, &json!(true)),
            _ => bot.discord.drop_connections(Some(4000)),
        }
        bot.discord
            .say(OPS, &format!("!run 'echo gap-{number}' on localhost"));
        bot.hears(OPS, &["core.local", &format!("gap-{number}")]).await;
    }
    let (identifies, resumes, _) = bot.discord.counts();
    assert_eq!(identifies, 1, "every time the session went on");
    assert!(resumes >= 4, "{resumes}");
    for number in 0..4 {
        assert_eq!(bot.count(OPS, &format!("gap-{number}")), 1);
    }
}

#[tokio::test]
async fn a_dead_connection_is_noticed_by_its_heartbeats() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    let opened = bot.discord.connections();
    bot.discord.faults(|faults| faults.deaf = true);
    bot.discord.say(OPS, "!run 'echo into-the-void' on localhost");
    // What is open stays deaf; the bot gives it up by itself and knocks again.
    eventually("it knocks again", async || {
        (bot.discord.connections() > opened).then_some(())
    })
    .await;
    bot.discord.faults(|faults| faults.deaf = false);
    bot.hears(OPS, &["core.local", "into-the-void"]).await;
    assert_eq!(bot.discord.counts().0, 1, "resumed, not begun anew");
}

#[tokio::test]
async fn hung_handshakes_do_not_leave_the_bot_deaf() {
    let bot = Bot::new().await;
    bot.discord.faults(|faults| faults.hung_handshakes = 1);
    let _server = bot.serve().await;
    bot.settled("after the handshake").await;
}

#[tokio::test]
async fn a_session_that_is_over_is_begun_anew_and_caught_up() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.settled("before").await;
    bot.discord.faults(|faults| faults.refuse_resume = 1);
    bot.discord.drop_connections(None);
    bot.discord.say(OPS, "!run 'echo between-sessions' on localhost");
    bot.hears(OPS, &["core.local", "between-sessions"]).await;
    assert_eq!(bot.discord.counts().0, 2);
    assert_eq!(bot.count(OPS, "between-sessions"), 1);
}

#[tokio::test]
async fn what_was_said_while_it_was_down_is_caught_up_or_offered() {
    let bot = Bot::new().await;
    let server = bot.serve().await;
    bot.settled("up").await;
    assert!(server.stop().await.success());
    let hours_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(3);
    bot.discord
        .say_at(OPS, &format!("!{}", bot.mark("stale")), hours_ago);
    bot.discord.say(OPS, &format!("!{}", bot.mark("fresh")));
    let _server = bot.serve().await;
    let offer = bot.hears(OPS, &["While I was away", "Ana"]).await;
    bot.settled("again").await;
    assert_eq!((bot.marks("fresh"), bot.marks("stale")), (1, 0));
    let (_, id) = offer.buttons().into_iter().next().expect("a button");
    let interaction = bot.discord.interact(
        OPS,
        3,
        &json!({"custom_id": id, "component_type": 2}),
        Some(&offer),
    );
    eventually("it runs now", async || (bot.marks("stale") == 1).then_some(())).await;
    let answer = bot.discord.answer(&interaction).expect("an answer in time");
    assert_eq!(answer["type"], 6);
    let pressed = json!({"custom_id": id, "component_type": 2});
    let late = bot.discord.interact(OPS, 3, &pressed, Some(&offer));
    let told = eventually("it is answered", async || bot.discord.answer(&late)).await;
    assert!(told.to_string().contains("run already"), "{told}");
    assert_eq!(bot.marks("stale"), 1);
}

#[tokio::test]
async fn a_killed_server_repeats_and_forgets_nothing() {
    let bot = Bot::new().await;
    let server = bot.serve().await;
    bot.settled("alive").await;
    for number in 0..5 {
        bot.discord
            .say(OPS, &format!("!{}", bot.mark(&format!("kill-{number}"))));
    }
    server.kill().await;
    let _server = bot.serve().await;
    bot.settled("revived").await;
    for number in 0..5 {
        let name = format!("kill-{number}");
        eventually(format!("{name} is told"), async || {
            let runs = bot.marks(&name);
            assert!(runs <= 1, "{name} ran {runs} times");
            (runs == 1 || bot.count(OPS, "abandoned") > 0).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_busy_or_failing_api_delays_and_doubles_nothing() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.discord.faults(|faults| {
        faults.limited.extend([0.2, 0.3]);
        faults.limited_globally = 1;
    });
    bot.discord.say(OPS, "!run 'echo limited' on localhost");
    bot.hears(OPS, &["core.local", "limited"]).await;
    bot.discord.faults(|faults| faults.fail_after_applying = 2);
    bot.discord.say(OPS, "!run 'echo applied' on localhost");
    bot.hears(OPS, &["core.local", "applied"]).await;
    bot.settled("busy").await;
    let mut nonces: Vec<Value> = bot
        .discord
        .messages(OPS)
        .iter()
        .map(|posted| posted.message["nonce"].clone())
        .collect();
    let all = nonces.len();
    nonces.sort_by_key(Value::to_string);
    nonces.dedup();
    assert_eq!(nonces.len(), all, "no answer is there twice");
}

#[tokio::test]
async fn without_the_right_to_embed_answers_are_plain() {
    let bot = Bot::new().await;
    bot.discord.faults(|faults| faults.no_embeds = true);
    let _server = bot.serve().await;
    bot.discord.say(OPS, "!run 'echo plain' on localhost");
    let answer = bot.hears(OPS, &["core.local", "plain"]).await;
    assert_eq!(answer.message["embeds"], json!([]));
    assert_says(answer.message["content"].as_str().unwrap_or_default(), &["plain"]);
}

#[tokio::test]
async fn a_slash_command_is_answered_in_time() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    eventually("commands are registered", async || {
        (!bot.discord.commands().is_empty()).then_some(())
    })
    .await;
    let data = json!({"id": "1", "name": "sayso", "type": 1,
        "options": [{"name": "say", "type": 3, "value": "run 'echo slashed' on localhost"}]});
    let interaction = bot.discord.interact(OPS, 2, &data, None);
    let answer = eventually("it is answered", async || bot.discord.answer(&interaction)).await;
    assert_eq!(answer["type"], 5);
    bot.hears(OPS, &["slashed"]).await;
    let typing = json!({"id": "1", "name": "nothing", "type": 1,
        "options": [{"name": "app", "type": 3, "value": "a", "focused": true}]});
    let interaction = bot.discord.interact(OPS, 4, &typing, None);
    let answer = eventually("it is answered", async || bot.discord.answer(&interaction)).await;
    assert_eq!(answer, json!({"type": 8, "data": {"choices": []}}));
}

#[tokio::test]
async fn a_wrong_token_is_told_and_not_tried_again() {
    let bot = Bot::new().await;
    let site = Site::open()
        .variable("SAYSO_DISCORD_TOKEN", "wrong")
        .variable("SAYSO_DISCORD_API_URL", &bot.discord.api_url());
    let _server = site.serve().await;
    eventually("the log tells it", async || {
        site.log().contains("does not take the bot's token").then_some(())
    })
    .await;
    assert_eq!(bot.discord.requests().len(), 1);
}
