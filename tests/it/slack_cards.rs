//! Buttons, forms and lists on Slack: the real process with the real gateway, as somebody uses it who would rather
//! press than type.

use std::collections::BTreeMap;

use sayso::simulate::slack::{ANA, BO, DIRECT, HALL, OPS, Posted, TEAM};
use serde_json::{Value, json};

use crate::slack::Bot;
use crate::support::eventually;

/// A bot with the pack `stage`.
async fn bot() -> Bot {
    let bot = Bot::new().await;
    bot.site.copy_pack(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/conversations/stage"
    ));
    bot
}

impl Bot {
    /// Presses the button of a message with these words on it.
    #[track_caller]
    fn press(&self, who: &str, posted: &Posted, label: &str) {
        let buttons = posted.buttons();
        let Some(action) = buttons.get(label) else {
            panic!("no button {label} in {buttons:?} of {}", posted.text());
        };
        let channel = &posted.channel;
        self.slack
            .click(who, channel, &posted.ts(), action)
            .expect("a click");
    }

    /// The newest form that is open for somebody.
    async fn form(&self, who: &str) -> Value {
        let open = eventually(format!("a form opens for {who}"), async || {
            self.slack.views(who).pop()
        });
        open.await.view
    }

    fn fill(&self, who: &str, fields: &[(&str, &str)]) -> Result<String, String> {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.slack.submit(who, &fields.collect::<BTreeMap<_, _>>())
    }

    /// The button of the start page or of a form with these words on it.
    fn page_button(&self, page: &Value, label: &str) -> String {
        let blocks = page["blocks"].as_array().cloned().unwrap_or_default();
        let elements = blocks.iter().flat_map(|block| {
            let one = block.get("accessory").cloned();
            let many = block["elements"].as_array().cloned().unwrap_or_default();
            one.into_iter().chain(many)
        });
        let found = elements
            .filter(|element| element["type"] == "button")
            .find(|element| element["text"]["text"] == label);
        let found = found.unwrap_or_else(|| panic!("no button {label} in {page:#}"));
        found["action_id"].as_str().expect("an id").to_owned()
    }
}

#[tokio::test]
async fn a_misspelt_command_is_put_right_with_a_button() {
    let bot = bot().await;
    let _server = bot.serve().await;
    bot.slack.say(ANA, OPS, "!depoy api");
    let offer = bot
        .hears(OPS, &["I do not understand", "depoy api", "Did you mean"])
        .await;
    bot.press(ANA, &offer, "deploy api");
    bot.hears(OPS, &["stage.deploy", "succeeded", "1 x api on dev"])
        .await;
    // What takes a secret is not put on a button that everybody sees.
    bot.slack.say(ANA, OPS, "!lgoin ana password=hush");
    let offer = bot.hears(OPS, &["I do not understand", "lgoin", "Log in."]).await;
    assert_eq!(
        offer.buttons().keys().collect::<Vec<_>>(),
        ["all commands"],
        "{}",
        offer.text()
    );
    bot.assert_well_behaved();
}

#[tokio::test]
async fn cards_stop_repeat_and_show_what_ran() {
    let bot = bot().await;
    let _server = bot.serve().await;
    bot.slack.say(ANA, OPS, "!slow one");
    let card = bot.hears(OPS, &["stage.slow", "is at work"]).await;
    bot.press(ANA, &card, "Log");
    bot.whispers(ANA, &["begun one"]).await;
    bot.press(ANA, &card, "Cancel");
    bot.hears(OPS, &["stage.slow", "canceled"]).await;

    bot.slack.say(ANA, OPS, "!break it");
    let broken = bot.hears(OPS, &["stage.broken", "failed", "it is broken"]).await;
    bot.press(ANA, &broken, "Log");
    bot.whispers(ANA, &["tried", "it is broken"]).await;
    bot.press(ANA, &broken, "Run again");
    eventually("it ran twice", async || {
        let messages = bot.slack.messages(OPS);
        let failures = messages
            .iter()
            .filter(|posted| posted.text().contains("stage.broken") && posted.text().contains("failed"));
        (failures.count() >= 2).then_some(())
    })
    .await;
    bot.assert_well_behaved();
}

#[tokio::test]
async fn long_output_is_read_from_chat() {
    let bot = bot().await;
    let _server = bot.serve().await;
    bot.slack.say(ANA, OPS, "!count to 3000");
    bot.hears(OPS, &["stage.count", "succeeded"]).await;
    bot.slack.say(ANA, OPS, "!log last");
    bot.hears(OPS, &["line 1 of 3000"]).await;
    bot.slack.say(ANA, OPS, "!log last tail 5");
    bot.hears(OPS, &["line 2996 of 3000", "line 3000 of 3000"]).await;
    bot.slack.say(ANA, OPS, "!log last grep 'line 777 '");
    bot.hears(OPS, &["line 777 of 3000"]).await;
    bot.slack.say(ANA, OPS, "!log last more");
    bot.hears(OPS, &["line 100 of 3000"]).await;
    bot.assert_well_behaved();
}

/// Ten megabytes: a message that can be read at a glance, and all of it in a file.
#[tokio::test]
async fn ten_megabytes_come_as_a_summary_and_a_whole_file() {
    let bot = bot().await;
    let _server = bot.serve().await;
    bot.slack.say(ANA, OPS, "!count to 500000");
    let said = bot.hears(OPS, &["stage.count", "succeeded"]).await;
    let file = eventually("a file comes", async || {
        bot.slack.messages(OPS).into_iter().find_map(|posted| posted.file)
    })
    .await;
    assert!(file.len() > 10 << 20, "{} bytes", file.len());
    let lines: Vec<&str> = file.lines().filter(|line| line.starts_with("line ")).collect();
    // Lines of standard output and of the server's own work may not be mixed.
    let numbers = lines
        .iter()
        .zip(1..)
        .filter(|(line, number)| **line == format!("line {number} of 500000"));
    assert_eq!((numbers.count(), lines.len()), (500_000, 500_000));
    let text = said.message["blocks"].to_string();
    assert!(text.len() < 10_000, "{} bytes", text.len());
    bot.assert_well_behaved();
}

#[tokio::test]
async fn words_of_commands_are_slash_commands() {
    let bot = bot().await;
    let _server = bot.serve().await;
    let sent = bot.slack.slash(ANA, OPS, "/deploy", "web to staging");
    let ack = eventually("it is acknowledged", async || bot.slack.acknowledged(&sent)).await;
    assert!(ack.acked.is_some_and(|took| took.as_secs() < 1));
    bot.hears(OPS, &["stage.deploy", "1 x web on staging"]).await;
    // Nothing that the words mean: told to whoever said it, and to nobody else.
    bot.slack.slash(BO, HALL, "/deploy", "the moon to mars");
    bot.whispers(BO, &["app", "api", "web"]).await;
    assert!(bot.slack.messages(HALL).is_empty());
    bot.assert_well_behaved();
}

#[tokio::test]
async fn secrets_are_asked_in_forms_and_seen_by_nobody() {
    let bot = bot().await;
    let _server = bot.serve().await;
    bot.slack.slash(ANA, OPS, "/sayso", "login ana");
    let form = bot.form(ANA).await;
    assert!(form.to_string().contains("password"), "{form:#}");
    bot.fill(ANA, &[("password", "open sesame")])
        .expect("it can be submitted");
    bot.hears(OPS, &["stage.login", "welcome ana"]).await;
    bot.slack.say(ANA, OPS, "!login ana");
    bot.hears(OPS, &["password"]).await;
    bot.slack.say(ANA, OPS, "!audit tail 50");
    bot.hears(OPS, &["execution.requested", "stage.login"]).await;
    for call in bot.slack.calls() {
        assert!(
            !call.arguments.to_string().contains("sesame"),
            "{}: {}",
            call.method,
            call.arguments
        );
    }
    assert!(!bot.site.log().contains("sesame"));
    bot.assert_well_behaved();
}

#[tokio::test]
async fn what_does_not_fit_is_told_in_the_form_and_corrected_there() {
    let bot = bot().await;
    let _server = bot.serve().await;
    bot.slack.slash(ANA, OPS, "/sayso", "deploy");
    let form = bot.form(ANA).await.to_string();
    for part in ["api", "staging", "copies", "ticket"] {
        assert!(form.contains(part), "{part}: {form}");
    }
    // Slack itself does not let a number through that the schema forbids.
    let refused = bot.fill(ANA, &[("app", "api"), ("copies", "12")]);
    assert!(refused.is_err(), "{refused:?}");
    bot.fill(ANA, &[("app", "api"), ("copies", "3"), ("ticket", "soon")])
        .expect("it can be submitted");
    let told = eventually("the form tells what is wrong", async || {
        let open = bot.slack.views(ANA).pop()?;
        open.errors
            .as_object()
            .is_some_and(|errors| !errors.is_empty())
            .then_some(open.errors)
    })
    .await;
    assert!(told.to_string().contains("ticket"), "{told}");
    bot.fill(ANA, &[("app", "api"), ("copies", "3"), ("ticket", "OPS-17")])
        .expect("it can be submitted");
    bot.hears(OPS, &["stage.deploy", "3 x api on dev"]).await;
    bot.assert_well_behaved();
}

#[tokio::test]
async fn long_lists_of_choices_are_searched_while_typing() {
    let bot = bot().await;
    let names: Vec<String> = (0..300).map(|number| format!("host-{number:03}")).collect();
    bot.site.write_pack_file(
        "stage/actions/reboot.yaml",
        &format!(
            "---\nname: reboot\nrunner_type: noop\nentry_point: ''\nparameters:\n  host: {{type: string, required: true, enum: [{}]}}\n",
            names.join(", ")
        ),
    );
    bot.site.write_pack_file(
        "stage/aliases/reboot.yaml",
        "---\nname: reboot\naction_ref: stage.reboot\nformats: ['reboot {{host}}', 'reboot']\n",
    );
    let _server = bot.serve().await;
    bot.slack.slash(ANA, OPS, "/sayso", "reboot");
    let form = bot.form(ANA).await;
    let block = form["blocks"]
        .as_array()
        .and_then(|blocks| blocks.iter().find(|block| block["type"] == "input"))
        .expect("a field");
    assert_eq!(block["element"]["type"], "external_select", "{block:#}");
    let block = block["block_id"].as_str().expect("an id").to_owned();
    let asked = bot.slack.suggest(ANA, &block, "27").expect("a list");
    let answer = eventually("choices come", async || bot.slack.acknowledged(&asked)).await;
    let answer = answer.answer.expect("an answer");
    let told: Vec<&str> = answer["options"]
        .as_array()
        .map(|options| {
            options
                .iter()
                .filter_map(|option| option["value"].as_str())
                .collect()
        })
        .unwrap_or_default();
    assert!(
        told.contains(&"host-027") && told.contains(&"host-127") && told.len() < 30,
        "{answer:#}"
    );
    bot.fill(ANA, &[(&block, "host-127")])
        .expect("it can be submitted");
    bot.hears(OPS, &["stage.reboot", "succeeded"]).await;
    bot.assert_well_behaved();
}

#[tokio::test]
async fn the_home_shows_what_runs_and_what_waits_and_its_buttons_work() {
    let bot = bot().await;
    bot.site.write_pack_file(
        "stage/aliases/launch.yaml",
        &format!(
            "---\nname: launch\naction_ref: stage.deploy\nformats: ['launch {{{{app}}}}']\napproval: {{by: ['slack:{TEAM}:{BO}'], within: 30m}}\n"
        ),
    );
    let _server = bot.serve().await;
    bot.slack.say(ANA, OPS, "!slow two");
    bot.hears(OPS, &["stage.slow", "is at work"]).await;
    bot.slack.say(ANA, OPS, "!launch web");
    bot.hears(OPS, &["launch web", "0 of 1"]).await;
    let home = async |who: &str, part: &str| {
        bot.slack.open_home(who);
        eventually(format!("the page of {who} has {part}"), async || {
            bot.slack.home(who).filter(|page| page.to_string().contains(part))
        })
        .await
    };
    let page = home(BO, "launch web").await;
    let approve = bot.page_button(&page, "Approve");
    bot.slack.click_view(BO, &approve).expect("a click");
    bot.hears(OPS, &["stage.deploy", "1 x web on dev"]).await;
    let page = home(ANA, "slow two").await;
    let cancel = bot.page_button(&page, "Cancel");
    bot.slack.click_view(ANA, &cancel).expect("a click");
    bot.hears(OPS, &["stage.slow", "canceled"]).await;
    home(ANA, "Nothing.").await;
    bot.assert_well_behaved();
}

#[tokio::test]
async fn a_message_becomes_a_command_with_a_shortcut() {
    let bot = bot().await;
    let _server = bot.serve().await;
    let ts = bot.slack.say(BO, OPS, "deploy web to prod");
    bot.slack
        .shortcut(ANA, "sayso.run_message", Some((OPS, &ts)))
        .expect("the shortcut");
    let form = bot.form(ANA).await;
    assert!(form.to_string().contains("deploy web to prod"), "{form:#}");
    let block = form["blocks"][0]["block_id"]
        .as_str()
        .expect("a field")
        .to_owned();
    bot.fill(ANA, &[(&block, "deploy web to staging")])
        .expect("it can be submitted");
    // It is answered where the message is, to the person who did it.
    let answered = bot.hears(OPS, &["stage.deploy", "1 x web on staging"]).await;
    assert!(
        answered.text().contains("ana") || answered.text().contains(ANA),
        "{}",
        answered.text()
    );
    bot.assert_well_behaved();
}

#[tokio::test]
async fn other_bots_are_heard_only_where_that_is_allowed() {
    let mut bot = bot().await;
    bot.site = bot.site.variable("SAYSO_SLACK_ALLOWED_BOTS", "BFRIEND");
    let _server = bot.serve().await;
    let say = |who: &str, text: &str, ts: &str| {
        bot.slack.event(
            "events_api",
            json!({
                "type": "event_callback", "team_id": TEAM, "api_app_id": "A1", "event_id": format!("Ev{who}{ts}"),
                "event_time": jiff::Timestamp::now().as_second(),
                "event": {
                    "type": "message", "subtype": "bot_message", "bot_id": who, "text": text, "channel": OPS,
                    "channel_type": "channel", "ts": ts, "username": "machine",
                },
            }),
        )
    };
    let now = jiff::Timestamp::now().as_second();
    say(
        "BSTRANGER",
        "!run 'echo stranger' on localhost",
        &format!("{now}.000100"),
    );
    say(
        "BFRIEND",
        "!run 'echo friend' on localhost",
        &format!("{now}.000200"),
    );
    bot.hears(OPS, &["core.local", "friend"]).await;
    bot.settled("bots").await;
    let said: Vec<String> = bot.slack.messages(OPS).iter().map(Posted::text).collect();
    assert!(!said.iter().any(|text| text.contains("stranger")), "{said:?}");
    let _ = DIRECT;
}
