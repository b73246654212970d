//! Conversations on Slack: the real process with the real gateway against a strict stand-in.

use std::collections::BTreeMap;
use std::time::Duration;

use sayso::simulate::slack::{
    ANA, APP_TOKEN, BO, BOT, BOT_TOKEN, DIRECT, HALL, OPS, Pace, Posted, SIGNING_SECRET, Simulator,
};
use serde_json::json;

use crate::support::{PATIENCE, Server, Site, eventually};

pub(crate) struct Bot {
    pub(crate) site: Site,
    pub(crate) slack: Simulator,
}

impl Bot {
    pub(crate) async fn new() -> Self {
        Self::on(Site::open()).await
    }

    /// A bot at a site.
    pub(crate) async fn on(site: Site) -> Self {
        let slack = Simulator::start().await.expect("the stand-in");
        let site = site
            .variable("SAYSO_SLACK_BOT_TOKEN", BOT_TOKEN)
            .variable("SAYSO_SLACK_APP_TOKEN", APP_TOKEN)
            .variable("SAYSO_SLACK_API_URL", &slack.api_url());
        Self { site, slack }
    }

    pub(crate) async fn serve(&self) -> Server {
        let server = self.site.serve().await;
        eventually("the bot is connected twice", async || {
            (self.slack.sockets() >= 2).then_some(())
        })
        .await;
        server
    }

    /// Waits for a message of the bot that says all of this.
    pub(crate) async fn hears(&self, channel: &str, parts: &[&str]) -> Posted {
        self.found(&format!("in {channel}"), parts, || self.slack.messages(channel))
            .await
    }

    /// The same for what only one person sees.
    pub(crate) async fn whispers(&self, user: &str, parts: &[&str]) -> Posted {
        self.found(&format!("to {user}"), parts, || self.slack.ephemerals(user))
            .await
    }

    async fn found(&self, place: &str, parts: &[&str], messages: impl Fn() -> Vec<Posted>) -> Posted {
        let started = std::time::Instant::now();
        loop {
            let mut there = messages();
            let fits = |posted: &Posted| parts.iter().all(|part| posted.text().contains(part));
            if let Some(at) = there.iter().position(fits) {
                return there.swap_remove(at);
            }
            if started.elapsed() > PATIENCE {
                let texts: Vec<String> = there.iter().map(Posted::text).collect();
                panic!(
                    "the bot never says {parts:?} {place}, but {texts:#?}; violations: {:#?}",
                    self.slack.violations()
                );
            }
            self.slack.changed().await;
        }
    }

    /// Says something that nobody is there to hear: after this long silence nothing is delivered again, only the
    /// history tells.
    async fn says_unheard(&self, text: &str) {
        self.slack.pace(Pace {
            ack: Duration::from_millis(50),
            again: Vec::new(),
        });
        let known = self.slack.delivered().len();
        self.slack.say(ANA, OPS, text);
        eventually("it is given up", async || {
            let sent = self.slack.delivered();
            (sent.len() > known && sent[known..].iter().all(|sent| sent.given_up)).then_some(())
        })
        .await;
        self.slack.pace(Pace::default());
    }

    fn count(&self, channel: &str, part: &str) -> usize {
        let messages = self.slack.messages(channel);
        messages
            .iter()
            .filter(|posted| posted.text().contains(part))
            .count()
    }

    /// Asks for something whose answer comes after everything that was asked before.
    pub(crate) async fn settled(&self, word: &str) {
        self.slack
            .say(ANA, OPS, &format!("!run 'echo settled-{word}' on localhost"));
        self.hears(OPS, &["core.local", &format!("settled-{word}")]).await;
    }

    /// How often the script `trial.mark` ran.
    fn marks(&self, name: &str) -> usize {
        std::fs::read_to_string(self.site.path(name)).map_or(0, |text| text.lines().count())
    }

    fn mark(&self, name: &str) -> String {
        format!("mark x in {} for 0s", self.site.path(name).display())
    }

    #[track_caller]
    pub(crate) fn assert_well_behaved(&self) {
        assert_eq!(self.slack.violations(), Vec::<String>::new());
    }
}

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn commands_are_mentions_direct_messages_and_messages_with_the_prefix() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.slack.say(ANA, OPS, "nobody means the bot with this");
    let asked = bot.slack.say(
        ANA,
        OPS,
        "!run 'echo hello && echo <!channel> http://example.org/?a=1&b=2' on localhost",
    );
    let answer = bot.hears(OPS, &["core.local", "succeeded", "hello"]).await;
    assert_eq!(
        answer.thread().as_deref(),
        Some(&*asked),
        "it is answered in a thread"
    );
    assert!(
        !answer.message.to_string().contains("<!channel>"),
        "nobody is rung for"
    );
    bot.slack
        .say(ANA, OPS, &format!("<@{BOT}> run 'echo mentioned' on localhost"));
    bot.hears(OPS, &["core.local", "mentioned"]).await;
    bot.slack.say(ANA, DIRECT, "run 'echo between-us' on localhost");
    bot.hears(DIRECT, &["core.local", "between-us"]).await;
    bot.settled("all").await;
    assert_eq!(
        bot.count(OPS, "mentioned"),
        1,
        "a mention comes as two events and is one command"
    );
    assert!(bot.slack.messages(HALL).is_empty());
    bot.assert_well_behaved();
}

#[tokio::test]
async fn a_command_in_a_thread_is_answered_there() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    let first = bot.slack.say(BO, OPS, "the disk is full again");
    bot.slack
        .reply(ANA, OPS, &first, "!run 'echo in-thread' on localhost");
    let answer = bot.hears(OPS, &["core.local", "in-thread"]).await;
    assert_eq!(answer.thread(), Some(first));
    bot.assert_well_behaved();
}

#[tokio::test]
async fn of_an_edited_message_only_what_is_new_runs() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    let ts = bot.slack.say(ANA, OPS, "!runn 'echo corrected' on localhosst");
    bot.hears(OPS, &["I do not understand"]).await;
    bot.slack.edit(OPS, &ts, "!run 'echo corrected' on localhost");
    bot.hears(OPS, &["core.local", "corrected"]).await;
    let ts = bot.slack.say(ANA, OPS, "!run 'echo at-first' on localhost");
    bot.hears(OPS, &["core.local", "at-first"]).await;
    bot.slack.edit(OPS, &ts, "!run  'echo at-first' on localhost ");
    bot.settled("the-same").await;
    assert_eq!(bot.count(OPS, "at-first"), 1, "it says what it said before");
    bot.slack.faults(|faults| faults.copies = 2);
    bot.slack.edit(OPS, &ts, "!run 'echo now-new' on localhost");
    bot.hears(OPS, &["core.local", "now-new"]).await;
    bot.slack.edit(OPS, &ts, "!run 'echo at-first' on localhost");
    bot.slack.edit(OPS, &ts, "!run 'echo now-new' on localhost");
    bot.slack.faults(|faults| faults.copies = 0);
    bot.settled("edit").await;
    assert_eq!((bot.count(OPS, "at-first"), bot.count(OPS, "now-new")), (1, 1));
    bot.assert_well_behaved();
}

#[tokio::test]
async fn a_slash_command_is_acknowledged_in_time_and_answered() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    let sent = bot
        .slack
        .slash(ANA, OPS, "/sayso", "run 'echo slashed' on localhost");
    let ack = eventually("it is acknowledged", async || bot.slack.acknowledged(&sent)).await;
    assert!(ack.acked.is_some_and(|took| took < Duration::from_secs(3)));
    eventually("it is answered", async || {
        let mut all = bot.slack.ephemerals(ANA);
        all.extend(bot.slack.messages(OPS));
        all.iter()
            .any(|posted| posted.text().contains("slashed"))
            .then_some(())
    })
    .await;
    // Where the bot is not: through the address that came with it.
    bot.slack.slash(BO, HALL, "/sayso", "help");
    bot.whispers(BO, &["help"]).await;
    bot.assert_well_behaved();
}

#[tokio::test]
async fn a_form_is_filled_in_and_run() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.slack.shortcut(ANA, "sayso.run", None);
    let view = eventually("a form opens", async || bot.slack.views(ANA).pop()).await;
    let blocks = view.view["blocks"].as_array().cloned().unwrap_or_default();
    let label = blocks
        .iter()
        .find(|block| block["type"] == "input")
        .and_then(|block| block["block_id"].as_str())
        .expect("a field")
        .to_owned();
    let sent = bot
        .slack
        .submit(ANA, &values(&[(&label, "run 'echo from-a-form' on localhost")]))
        .expect("it can be submitted");
    eventually("it is acknowledged", async || bot.slack.acknowledged(&sent)).await;
    eventually("it is answered", async || {
        let world = [bot.slack.ephemerals(ANA), bot.slack.messages(DIRECT)].concat();
        world
            .iter()
            .any(|posted| posted.text().contains("from-a-form"))
            .then_some(())
    })
    .await;
    bot.assert_well_behaved();
}

#[tokio::test]
async fn what_a_slash_command_lacks_is_asked_in_a_form_at_once() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.slack.slash(ANA, OPS, "/sayso", "paint blue");
    let view = eventually("a form opens", async || bot.slack.views(ANA).pop()).await;
    let form = view.view.to_string();
    assert!(form.contains("green") && form.contains("share"), "{form}");
    // The answer has a button for it as well, should the trigger have been too old.
    bot.whispers(ANA, &["word", "blue"]).await;
    bot.assert_well_behaved();
}

#[tokio::test]
async fn the_home_shows_something_and_is_as_documented() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.slack.open_home(ANA);
    let home = eventually("the home is published", async || bot.slack.home(ANA)).await;
    assert!(home["blocks"].as_array().is_some_and(|blocks| !blocks.is_empty()));
    bot.assert_well_behaved();
}

#[tokio::test]
async fn long_output_comes_as_a_file() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.slack.say(ANA, OPS, "!run 'seq 1 40000' on localhost");
    bot.hears(OPS, &["core.local", "succeeded"]).await;
    let file = eventually("a file comes", async || {
        bot.slack.messages(OPS).into_iter().find_map(|posted| posted.file)
    })
    .await;
    assert!(
        file.contains("\n17\n") && file.contains("\n39999\n"),
        "{} bytes",
        file.len()
    );
    bot.assert_well_behaved();
}

#[tokio::test]
async fn events_that_come_often_run_once_and_odd_ones_harm_nobody() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.slack.faults(|faults| {
        faults.copies = 3;
        faults.reordered = true;
    });
    bot.slack.say(ANA, OPS, &format!("!{}", bot.mark("often")));
    bot.slack
        .say(ANA, OPS, &format!("<@{BOT}> {}", bot.mark("mentioned")));
    for frame in [
        "",
        "{",
        "null",
        "[1]",
        "{\"type\":7}",
        "{\"envelope_id\":{}}",
        "{\"type\":\"hello\"}",
    ] {
        bot.slack.frame(frame);
    }
    for odd in [
        json!(null),
        json!(7),
        json!({"event": 5}),
        json!({"type": "event_callback", "event": {"type": "message", "channel": {}, "ts": 4}}),
    ] {
        for kind in ["events_api", "interactive", "slash_commands", "workflow_things"] {
            bot.slack.event(kind, odd.clone());
        }
    }
    bot.settled("odd").await;
    assert_eq!((bot.marks("often"), bot.marks("mentioned")), (1, 1));
}

#[tokio::test]
async fn sockets_that_are_lost_hang_or_lie_lose_nothing() {
    let bot = Bot::new().await;
    bot.slack.faults(|faults| {
        faults.hung_handshakes = 1;
        faults.no_hello = 1;
    });
    let _server = bot.serve().await;
    for (number, end) in ["drop", "refresh_requested", "warning", "drop"]
        .into_iter()
        .enumerate()
    {
        match end {
            "drop" => bot.slack.drop_sockets(),
            reason => bot.slack.disconnect(reason),
        }
        bot.slack
            .say(ANA, OPS, &format!("!run 'echo gap-{number}' on localhost"));
        bot.hears(OPS, &["core.local", &format!("gap-{number}")]).await;
    }
    bot.settled("end").await;
    for number in 0..4 {
        assert_eq!(bot.count(OPS, &format!("gap-{number}")), 1);
    }
    bot.assert_well_behaved();
}

#[tokio::test]
async fn what_was_said_while_it_was_down_is_caught_up_or_offered() {
    let mut bot = Bot::new().await;
    let server = bot.serve().await;
    bot.settled("up").await;
    assert!(server.stop().await.success());
    bot.says_unheard(&format!("!{}", bot.mark("fresh"))).await;
    let server = bot.serve().await;
    eventually("it ran", async || (bot.marks("fresh") == 1).then_some(())).await;
    bot.settled("again").await;
    assert_eq!(bot.marks("fresh"), 1);

    // What is older than the site wants is offered; whoever presses the button says it.
    assert!(server.stop().await.success());
    bot.says_unheard(&format!("!{}", bot.mark("stale"))).await;
    bot.says_unheard("!run 'echo never-wanted' on localhost").await;
    bot.site = bot.site.variable("SAYSO_SLACK_CATCH_UP", "0");
    let _server = bot.serve().await;
    let offer = bot
        .hears(OPS, &["While I was away", "mark x", "never-wanted"])
        .await;
    bot.settled("offered").await;
    assert_eq!((bot.marks("stale"), bot.count(OPS, "never-wanted")), (0, 1));
    let buttons = offer.buttons();
    let (_, action) = buttons
        .iter()
        .find(|(label, _)| label.contains("mark x"))
        .unwrap_or_else(|| panic!("{buttons:?}"));
    bot.slack.click(BO, OPS, &offer.ts(), action).expect("a click");
    eventually("it runs now", async || (bot.marks("stale") == 1).then_some(())).await;
    // Somebody else wanted to help, too.
    bot.slack.click(ANA, OPS, &offer.ts(), action).expect("a click");
    bot.whispers(ANA, &["run already"]).await;
    assert_eq!(bot.marks("stale"), 1);
    bot.assert_well_behaved();
}

#[tokio::test]
async fn a_busy_or_failing_api_delays_and_doubles_nothing() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    let post = || "chat.postMessage".to_owned();
    bot.slack.faults(|faults| {
        faults.limited.insert(post(), [1, 1].into());
        faults.fail_before.insert(post(), 1);
    });
    bot.slack.say(ANA, OPS, "!run 'echo limited' on localhost");
    bot.hears(OPS, &["core.local", "limited"]).await;
    bot.slack.faults(|faults| {
        faults.fail_after.insert(post(), 2);
    });
    bot.slack.say(ANA, OPS, "!run 'echo applied' on localhost");
    bot.hears(OPS, &["core.local", "applied"]).await;
    bot.settled("busy").await;
    assert_eq!(bot.count(OPS, "limited"), 1);
    assert_eq!(
        bot.count(OPS, "applied"),
        1,
        "what had taken effect is found again"
    );
    bot.assert_well_behaved();
}

#[tokio::test]
async fn blocks_that_are_refused_become_text() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.slack.faults(|faults| {
        for method in ["chat.postMessage", "chat.update"] {
            faults
                .refuse
                .insert(method.to_owned(), ["msg_blocks_too_long".to_owned()].into());
        }
    });
    bot.slack.say(ANA, OPS, "!run 'echo plainly' on localhost");
    bot.hears(OPS, &["core.local", "plainly"]).await;
}

#[tokio::test]
async fn over_http_only_what_slack_signed_now_is_heard() {
    let slack = Simulator::start().await.expect("the stand-in");
    let site = Site::open()
        .variable("SAYSO_SLACK_BOT_TOKEN", BOT_TOKEN)
        .variable("SAYSO_SLACK_MODE", "http")
        .variable("SAYSO_SLACK_SIGNING_SECRET", SIGNING_SECRET)
        .variable("SAYSO_SLACK_API_URL", &slack.api_url());
    let bot = Bot { site, slack };
    let server = bot.site.serve().await;
    let address = format!("{}/api/v1/chat/slack", server.api().base());
    bot.slack.over_http(&address);
    bot.slack.faults(|faults| faults.copies = 1);
    let hello = json!({"type": "url_verification", "challenge": "c-1", "token": "t"}).to_string();
    let now = jiff::Timestamp::now();
    let (status, text) = eventually("it answers", async || {
        let answer = bot
            .slack
            .request(&address, &hello, SIGNING_SECRET, now)
            .await
            .ok()?;
        (answer.0 == 200).then_some(answer)
    })
    .await;
    assert!(text.contains("c-1"), "{status} {text}");
    bot.slack.say(ANA, OPS, &format!("!{}", bot.mark("signed")));
    bot.slack
        .slash(ANA, OPS, "/sayso", "run 'echo slashed-over-http' on localhost");
    eventually("it ran", async || (bot.marks("signed") == 1).then_some(())).await;
    bot.settled("over-http").await;
    assert_eq!(bot.marks("signed"), 1);
    let sent = bot
        .slack
        .delivered()
        .into_iter()
        .find(|sent| sent.payload["event"]["text"].is_string());
    let mut forged = sent.expect("a message was sent").payload;
    forged["event"]["text"] = json!(format!("!{}", bot.mark("forged")));
    forged["event"]["ts"] = json!("1700000000.000100");
    forged["event_id"] = json!("Ev0FORGED");
    let old = now - jiff::SignedDuration::from_secs(400);
    for (secret, at) in [("another secret", now), (SIGNING_SECRET, old), ("", now)] {
        let answer = bot.slack.request(&address, &forged.to_string(), secret, at).await;
        let (status, _) = answer.expect("an answer");
        assert!((400..500).contains(&status), "{status}");
    }
    bot.settled("after-forgery").await;
    assert_eq!(bot.marks("forged"), 0);
    bot.assert_well_behaved();
}

/// N commands, each delivered up to four times, over sockets that break, to a process that is killed now and then.
#[tokio::test]
async fn every_command_runs_once_and_is_answered_once() {
    let wanted: usize = std::env::var("SAYSO_SLACK_COMMANDS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(60);
    let bot = Bot::new().await;
    bot.slack.pace(Pace {
        ack: Duration::from_secs(3),
        again: vec![Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2)],
    });
    let mut server = Some(bot.serve().await);
    bot.settled("start").await;
    for number in 0..wanted {
        bot.slack
            .faults(|faults| faults.copies = u32::try_from(number % 4).unwrap_or(0));
        let again = format!("!repeat n{number}. in {} for 0s", bot.site.path("all").display());
        bot.slack.say(ANA, OPS, &again);
        if number % 9 == 4 {
            bot.slack.drop_sockets();
        }
        if number % 20 == 13
            && let Some(running) = server.take()
        {
            running.kill().await;
            server = Some(bot.serve().await);
        }
    }
    bot.slack.faults(|faults| faults.copies = 0);
    let ran = || std::fs::read_to_string(bot.site.path("all")).unwrap_or_default();
    for number in 0..wanted {
        let line = format!("n{number}.");
        eventually(format!("{line} ran"), async || {
            ran().lines().any(|ran| ran == line).then_some(())
        })
        .await;
    }
    // A channel takes about one message a second.
    let patience = PATIENCE + Duration::from_secs(2) * u32::try_from(wanted).unwrap_or(u32::MAX);
    let started = std::time::Instant::now();
    let finals = || {
        let mut finals: BTreeMap<String, usize> = BTreeMap::new();
        for posted in bot.slack.messages(OPS) {
            if posted.text().contains("trial.mark_again") {
                *finals.entry(posted.thread().unwrap_or_default()).or_default() += 1;
            }
        }
        finals
    };
    while finals().len() < wanted {
        assert!(
            started.elapsed() < patience,
            "only {} are answered",
            finals().len()
        );
        bot.slack.changed().await;
    }
    bot.settled("finish").await;
    let threads = finals();
    let doubled: Vec<_> = threads.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
    assert_eq!(threads.len(), wanted);
    drop(server);
}
