//! What people do on Discord with buttons, forms, menus and approvals: the real process, the strict stand-in.

use sayso::simulate::discord::{ANA, BO, DIRECT, OPS, Posted, ROBOT};
use serde_json::{Value, json};

use crate::discord::Bot;
use crate::support::{Site, assert_says, eventually};

/// The button of a message with these words on it.
fn button(posted: &Posted, label: &str) -> String {
    let buttons = posted.buttons();
    let id = buttons.get(label).cloned();
    id.unwrap_or_else(|| panic!("no button {label} in {buttons:?} of {}", posted.text()))
}

impl Bot {
    /// The first answer to an interaction.
    async fn first(&self, interaction: &str) -> Value {
        eventually("the interaction is answered in time", async || {
            self.discord.answer(interaction)
        })
        .await
    }

    /// Presses a button; gives the first answer.
    async fn press(&self, who: &str, on: &Posted, label: &str) -> Value {
        let channel = on.message["channel_id"].as_str().unwrap_or_default();
        let data = json!({"custom_id": button(on, label), "component_type": 2});
        let pressed = self.discord.interact_as(who, channel, 3, &data, Some(on));
        self.first(&pressed).await
    }

    /// Sends a form that was opened, with values for fields by the ends of their ids; gives the first answer.
    async fn fill(&self, who: &str, form: &Value, values: &[(&str, &str)]) -> Value {
        assert_eq!(form["type"], 9, "a form instead of {form}");
        let rows: Vec<Value> = form["data"]["components"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| {
                let id = row["components"][0]["custom_id"].as_str().unwrap_or_default();
                let given = values.iter().find(|(name, _)| id.ends_with(name));
                let value = given.map_or("", |(_, value)| *value);
                json!({"type": 1, "components": [{"type": 4, "custom_id": id, "value": value}]})
            })
            .collect();
        let data = json!({"custom_id": form["data"]["custom_id"], "components": rows});
        let sent = self.discord.interact_as(who, OPS, 5, &data, None);
        self.first(&sent).await
    }

    /// Waits until something that anybody or one person sees says all of this.
    async fn sees(&self, parts: &[&str]) -> Posted {
        eventually(format!("somebody reads {parts:?}"), async || {
            let fits = |posted: &Posted| parts.iter().all(|part| posted.text().contains(part));
            self.discord.everything().into_iter().find(fits)
        })
        .await
    }
}

#[tokio::test]
async fn commands_of_every_kind_are_registered_completed_and_run() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    let commands = eventually("commands are registered", async || {
        let commands = bot.discord.commands();
        commands
            .iter()
            .any(|command| command["name"] == "paint")
            .then_some(commands)
    })
    .await;
    let named = |name: &str| {
        let found = commands.iter().find(|command| command["name"] == name);
        found
            .cloned()
            .unwrap_or_else(|| panic!("{name} is not registered"))
    };
    assert_eq!(named("Run as command")["type"], 3);
    assert_eq!(named("What did they run")["type"], 2);
    for command in &commands {
        assert_eq!(command["contexts"], json!([0, 1]), "{command}");
        assert_eq!(command["integration_types"], json!([0]), "{command}");
    }
    let paint = named("paint");
    assert_eq!(paint["options"][0]["name"], "word");
    assert_eq!(paint["options"][0]["required"], true);
    assert_eq!(paint["options"][0]["choices"][1]["value"], "green");

    let data = json!({"id": "1", "name": "paint", "type": 1, "options": [
        {"name": "word", "type": 3, "value": "green"}, {"name": "count", "type": 4, "value": 3}]});
    let asked = bot.discord.interact(OPS, 2, &data, None);
    assert_eq!(bot.first(&asked).await["type"], 5);
    bot.sees(&["trial.typed", "succeeded"]).await;

    // The menu of a message: its text is shown first, may be changed, and then runs.
    let target = bot
        .discord
        .say(OPS, "please run 'echo from-the-menu' on localhost");
    let data = json!({"id": "2", "name": "Run as command", "type": 3, "target_id": target, "resolved": {
        "messages": {target.clone(): {"id": target, "type": 0, "content": "please run 'echo from-the-menu' on localhost",
            "channel_id": OPS, "author": {"id": BO, "username": "bo"}}}}});
    let asked = bot.discord.interact(OPS, 2, &data, None);
    let form = bot.first(&asked).await;
    assert_says(
        &form.to_string(),
        &["please run 'echo from-the-menu' on localhost"],
    );
    assert_eq!(bot.count(OPS, "from-the-menu"), 0, "nothing ran yet");
    bot.fill(
        ANA,
        &form,
        &[("sentence", "!run 'echo from-the-menu' on localhost")],
    )
    .await;
    bot.sees(&["core.local", "succeeded", "from-the-menu"]).await;
    // Without any text there is still a form.
    let data = json!({"id": "2", "name": "Run as command", "type": 3, "target_id": target, "resolved": {
        "messages": {target.clone(): {"id": target, "content": ""}}}});
    let asked = bot.discord.interact(OPS, 2, &data, None);
    assert_eq!(bot.first(&asked).await["type"], 9);

    // The menu of a person.
    let data = json!({"id": "3", "name": "What did they run", "type": 2, "target_id": ANA, "resolved": {
        "users": {ANA: {"id": ANA, "username": "ana", "global_name": "Ana"}}, "members": {ANA: {"nick": null}}}});
    let asked = bot.discord.interact_as(BO, OPS, 2, &data, None);
    let answer = bot.first(&asked).await;
    assert_eq!(
        answer["data"]["flags"], 64,
        "for the one who asks alone: {answer}"
    );
    let told = eventually("it is answered", async || {
        let told = bot.discord.original(&asked)?;
        told.text().contains("from-the-menu").then_some(told)
    })
    .await;
    assert!(told.ephemeral);

    // Gone meanwhile, and of a kind nobody knows.
    let data = json!({"id": "9", "name": "Old entry", "type": 3, "target_id": target});
    let asked = bot.discord.interact(OPS, 2, &data, None);
    assert_says(&bot.first(&asked).await.to_string(), &["has gone"]);
    assert_eq!(bot.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_asked_in_a_form() {
    let bot = Bot::new().await;
    let _server = bot.serve().await;
    bot.discord.say(OPS, "!paint blue");
    let card = bot.hears(OPS, &["word", "blue"]).await;
    let label = card
        .buttons()
        .into_iter()
        .find(|(_, id)| id.starts_with("ask"))
        .map(|(label, _)| label)
        .unwrap_or_else(|| panic!("no button opens a form: {:?}", card.buttons()));
    let form = bot.press(ANA, &card, &label).await;
    let wrong = bot.fill(ANA, &form, &[(":word", "purple")]).await;
    assert_eq!(
        wrong["data"]["flags"], 64,
        "only who filled it in reads that: {wrong}"
    );
    let told = bot.sees(&["word", "purple"]).await;
    assert!(told.ephemeral);
    assert!(
        told.buttons().values().any(|id| id.starts_with("ask")),
        "the form can be opened again: {:?}",
        told.buttons()
    );
    bot.fill(ANA, &form, &[(":word", "red")]).await;
    bot.sees(&["trial.typed", "succeeded"]).await;
    // A word that is nearly one: what was meant is named.
    bot.discord.say(OPS, "!pain red");
    bot.hears(OPS, &["I do not understand", "paint <word>"]).await;
    assert_eq!(bot.discord.violations(), Vec::<String>::new());
}

fn with_approvals(site: Site) -> Site {
    let alias = format!(
        "---\nname: launch\npack: trial\naction_ref: trial.told\ndescription: Launches.\nformats:\n  - 'launch {{{{one}}}}'\nack:\n  enabled: false\napproval: {{by: ['discord:{BO}'], within: 30m}}\n"
    );
    site.write_pack_file("trial/aliases/launch.yaml", &alias);
    site
}

#[tokio::test]
async fn others_approve_or_refuse_with_buttons_forms_and_replies() {
    let bot = Bot::with(with_approvals).await;
    let server = bot.serve().await;
    bot.discord.say(OPS, "!launch rocket");
    let card = bot.hears(OPS, &["launch rocket", "0 of 1"]).await;
    bot.press(ANA, &card, "Approve").await;
    let told = bot.sees(&["you asked for this yourself"]).await;
    assert!(told.ephemeral, "only who pressed it reads that");
    // The button still counts after a restart.
    drop(server);
    let _server = bot.serve().await;
    bot.press(BO, &card, "Approve").await;
    bot.hears(OPS, &["launch rocket", "approved", "1 of 1"]).await;
    bot.hears(OPS, &["succeeded", "[rocket]"]).await;

    bot.discord.say(OPS, "!launch shuttle");
    let card = bot.hears(OPS, &["launch shuttle", "0 of 1"]).await;
    let refused = bot.press(ANA, &card, "Deny").await;
    assert_ne!(
        refused["type"], 9,
        "who may not is asked for no reason: {refused}"
    );
    let form = bot.press(BO, &card, "Deny").await;
    bot.fill(BO, &form, &[("reason", "not on a Friday")]).await;
    bot.hears(OPS, &["launch shuttle", "denied", "not on a Friday"])
        .await;

    bot.discord.say(OPS, "!launch probe");
    let card = bot.hears(OPS, &["launch probe", "0 of 1"]).await;
    bot.discord.reply(BO, &card, "approve");
    bot.hears(OPS, &["succeeded", "[probe]"]).await;
    assert_eq!(bot.discord.violations(), Vec::<String>::new());
}

/// The id of the execution that a message is about.
fn id_in(text: &str) -> String {
    let id = text.split('`').rfind(|part| part.len() == 24);
    id.expect("an id").to_owned()
}

#[tokio::test]
async fn long_output_buttons_and_what_nobody_meant() {
    let bot = Bot::with(|site| site).await;
    let _server = bot.serve().await;
    let now = jiff::Timestamp::now();
    bot.discord
        .say_as(ROBOT, OPS, &format!("!{}", bot.mark("robot")), now);
    bot.discord.say(OPS, "!run 'seq 1 1000000' on localhost");
    let posted = eventually("a file comes", async || {
        let messages = bot.discord.messages(OPS);
        messages.into_iter().find(|posted| posted.file.is_some())
    })
    .await;
    let before = id_in(&posted.text());
    let file = posted.file.clone().unwrap_or_default();
    assert!(file.len() <= 10 << 20, "{} bytes", file.len());
    assert!(file.contains("\n17\n"), "the beginning is there");
    for (words, part) in [("log last tail 3", "999999"), ("log last grep 777777", "777777")] {
        bot.discord.say(OPS, &format!("!{words}"));
        bot.hears(OPS, &[part]).await;
    }
    // Buttons of a running and of a finished execution.
    bot.discord.say(OPS, "!run 'echo begun; sleep 60' on localhost");
    bot.discord.say(OPS, "!show last");
    let card = eventually("a card with Cancel", async || {
        let messages = bot.discord.messages(OPS);
        // Not the card of the command before, which may still be due an edit.
        messages
            .into_iter()
            .filter(|posted| !posted.text().contains(&before))
            .find(|posted| posted.buttons().contains_key("Cancel"))
    })
    .await;
    bot.press(ANA, &card, "Cancel").await;
    bot.hears(OPS, &["core.local", "canceled"]).await;
    bot.discord.say(
        OPS,
        "!run 'echo again-$RANDOM @everyone <@&1100000000000000005>' on localhost",
    );
    let card = bot.hears(OPS, &["core.local", "succeeded", "again-"]).await;
    let id = id_in(&card.text());
    bot.discord.say(OPS, &format!("!show {id}"));
    let shown = eventually("a card with a button to run it again", async || {
        let messages = bot.discord.messages(OPS).into_iter();
        let mut fits = messages.filter(|posted| posted.text().contains(&id));
        fits.find(|posted| posted.buttons().contains_key("again"))
    })
    .await;
    let before = bot.count(OPS, "again-");
    bot.press(ANA, &shown, "again").await;
    eventually("it runs again", async || {
        (bot.count(OPS, "again-") > before).then_some(())
    })
    .await;
    bot.settled("end").await;
    assert_eq!(bot.marks("robot"), 0, "bots are not listened to");
    assert_eq!(bot.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn without_the_intent_mentions_direct_messages_and_menus_work_and_prefixes_do_not() {
    let bot = Bot::with(|site| site.variable("SAYSO_DISCORD_MESSAGE_CONTENT", "false")).await;
    bot.discord.faults(|faults| faults.no_message_content = true);
    let _server = bot.serve().await;
    bot.discord.say(OPS, &format!("!{}", bot.mark("unheard")));
    bot.discord
        .say(OPS, "<@1100000000000000001> run 'echo mentioned' on localhost");
    bot.hears(OPS, &["core.local", "mentioned"]).await;
    bot.discord.say(DIRECT, "run 'echo between-us' on localhost");
    bot.hears(DIRECT, &["core.local", "between-us"]).await;
    let data = json!({"id": "1", "name": "sayso", "type": 1,
        "options": [{"name": "say", "type": 3, "value": "run 'echo slashed' on localhost"}]});
    for channel in [OPS, DIRECT] {
        let asked = bot.discord.interact(channel, 2, &data, None);
        bot.first(&asked).await;
        bot.hears(channel, &["slashed"]).await;
    }
    assert_eq!(bot.marks("unheard"), 0);
    assert_eq!(bot.discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn requests_that_hang_sessions_that_are_refused_and_heartbeats_on_demand() {
    let bot = Bot::new().await;
    bot.discord.faults(|faults| faults.refuse_identify = 1);
    let server = bot.serve().await;
    bot.discord.limits(|limits| limits.bucket = 3);
    let (_, _, before) = bot.discord.counts();
    bot.discord.opcode(1, &Value::Null);
    eventually("a heartbeat comes", async || {
        (bot.discord.counts().2 > before).then_some(())
    })
    .await;
    for number in 0..8 {
        bot.discord
            .say(OPS, &format!("!run 'echo many-{number}-' on localhost"));
    }
    for number in 0..8 {
        bot.hears(OPS, &["core.local", &format!("many-{number}-")]).await;
    }
    for number in 0..8 {
        assert_eq!(bot.count(OPS, &format!("many-{number}-")), 1);
    }
    assert!(
        bot.discord.refusals() < 8,
        "headers are obeyed: {}",
        bot.discord.refusals()
    );
    // A post that nobody ever answers is given up, and comes once all the same.
    bot.discord.faults(|faults| faults.hung_requests = 1);
    bot.discord.say(OPS, "!run 'echo after-hanging' on localhost");
    bot.hears(OPS, &["core.local", "after-hanging"]).await;
    assert_eq!(bot.count(OPS, "after-hanging"), 1);
    assert_eq!(bot.discord.violations(), Vec::<String>::new());
    drop(server);
}
