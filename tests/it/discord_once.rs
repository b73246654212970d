//! Exactly once on Discord: many commands, events that come several times, lost connections, a process that is killed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sayso::simulate::discord::OPS;
use serde_json::json;

use crate::discord::Bot;
use crate::support::PATIENCE;

/// A command that leaves a line behind and says in its answer which one it was.
async fn bot() -> Bot {
    let bot = Bot::new().await;
    bot.site.write_pack_file(
        "trial/actions/counted.yaml",
        "---\nname: counted\npack: trial\nrunner_type: local-shell-script\nentry_point: counted.sh\nidempotent: true\nenabled: true\nparameters:\n  id: {type: string, required: true, position: 0}\n",
    );
    bot.site.write_pack_file(
        "trial/actions/counted.sh",
        "#!/usr/bin/env bash\necho \"answer-$1\"\n",
    );
    bot.site.write_pack_file(
        "trial/aliases/counted.yaml",
        "---\nname: counted\npack: trial\naction_ref: trial.counted\ndescription: Counts.\nformats:\n  - 'count {{id}}'\nack:\n  enabled: false\n",
    );
    bot
}

/// Takes a pseudo-random number: the same ones in every run.
fn dice(seed: &mut u64) -> u64 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// How many messages of the bot tell the answer to each command.
fn answers(bot: &Bot) -> BTreeMap<String, usize> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for posted in bot.discord.messages(OPS) {
        let text = posted.text();
        for part in text.split("answer-").skip(1) {
            let id: String = part.chars().take_while(char::is_ascii_alphanumeric).collect();
            *found.entry(id).or_default() += 1;
        }
    }
    found
}

/// N commands (`SAYSO_DISCORD_COMMANDS`), each delivered up to four times and sometimes out of order, over connections
/// that break, to a process that is killed now and then.
#[tokio::test]
async fn every_command_runs_once_and_is_answered_once() {
    let wanted: usize = std::env::var("SAYSO_DISCORD_COMMANDS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(40);
    let bot = bot().await;
    let mut server = Some(bot.serve().await);
    bot.settled("start").await;
    let mut seed = 7;
    for number in 0..wanted {
        let copies = u32::try_from(dice(&mut seed) % 4).unwrap_or(0);
        let reordered = dice(&mut seed).is_multiple_of(5);
        bot.discord.faults(|faults| {
            faults.copies = copies;
            faults.reordered = reordered;
            // Posts that are stored while their answers get lost.
            faults.fail_after_applying = u32::from(number % 7 == 3);
        });
        bot.discord.say(OPS, &format!("!count n{number}"));
        match dice(&mut seed) % 12 {
            0 => bot.discord.drop_connections(None),
            1 => bot.discord.drop_connections(Some(4000)),
            2 => bot.discord.opcode(7, &json!(null)),
            3 => {
                bot.discord.faults(|faults| faults.refuse_resume = 1);
                bot.discord.drop_connections(None);
            }
            _ => {}
        }
        // Killed right after something was said, or while it is at work.
        if number % 20 == 13
            && let Some(running) = server.take()
        {
            if dice(&mut seed).is_multiple_of(2) {
                bot.discord.changed().await;
            }
            running.kill().await;
            server = Some(bot.serve().await);
        }
    }
    bot.discord.faults(|faults| {
        faults.copies = 0;
        faults.reordered = false;
    });
    let patience = PATIENCE + Duration::from_millis(500) * u32::try_from(wanted).unwrap_or(u32::MAX);
    let started = Instant::now();
    while answers(&bot).len() < wanted {
        assert!(
            started.elapsed() < patience,
            "not answered: {:?}",
            (0..wanted)
                .map(|number| format!("n{number}"))
                .filter(|id| !answers(&bot).contains_key(id))
                .collect::<Vec<_>>()
        );
        bot.discord.changed().await;
    }
    bot.settled("finish").await;
    let doubled: Vec<_> = answers(&bot)
        .into_iter()
        .filter(|(_, count)| *count != 1)
        .collect();
    assert!(doubled.is_empty(), "answered more than once: {doubled:?}");
    let server = server.expect("it runs");
    let found = server
        .api()
        .get(&format!(
            "/api/v1/executions?action=trial.counted&limit={}",
            wanted + 100
        ))
        .await
        .with(200);
    let mut ran: Vec<String> = found
        .as_array()
        .unwrap_or_else(|| panic!("a list instead of {found}"))
        .iter()
        .map(|execution| {
            execution["parameters"]["id"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    ran.sort();
    let all = ran.len();
    ran.dedup();
    assert_eq!(
        (all, ran.len()),
        (wanted, wanted),
        "executions, and different ones"
    );
    assert_eq!(bot.discord.violations(), Vec::<String>::new());
}
