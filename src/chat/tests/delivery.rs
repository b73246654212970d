//! What becomes of answers when platforms and servers fail.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use super::support::{Bot, Platform, soon};
use crate::chat::gateway::{Form, SendError};
use crate::model::{OutboxState, Status};
use crate::store::Store as _;

async fn settled(bot: &Bot) {
    // The state of what was posted is written a moment later.
    soon("the state of all messages", async {
        while bot
            .store
            .outbox_pending(10)
            .await
            .unwrap()
            .iter()
            .any(|row| row.state == OutboxState::Pending)
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn failures_are_tried_again_in_order_and_refusals_get_simpler() {
    let bot = Bot::start().await;
    let retry = || SendError::Retry {
        reason: "reset".into(),
        retry_after: None,
    };
    bot.platform.plan.lock().extend([
        retry(),
        SendError::RateLimited(Duration::from_millis(10)),
        SendError::Refused("invalid_blocks".into()),
    ]);
    bot.says("ana", "nonsense one").await;
    bot.says("ana", "nonsense two").await;
    let first = bot.platform.next().await;
    assert!(first.text.contains("nonsense one"), "{}", first.text);
    assert_eq!(first.form, Form::Plain);
    assert!(bot.platform.text().await.contains("nonsense two"));
    assert_eq!(bot.platform.tries.load(Ordering::Relaxed), 5);
    settled(&bot).await;
    bot.stop().await;
}

#[tokio::test]
async fn what_no_form_can_carry_becomes_a_file_and_then_a_pointer() {
    let bot = Bot::start().await;
    let refused = || SendError::Refused("msg_too_long".into());
    bot.platform.plan.lock().extend([refused(), refused()]);
    bot.says("ana", "fix ABC-1").await;
    bot.job().await;
    let output: String = (1..=300).map(|n| format!("line {n}\n")).collect();
    bot.ends(Status::Succeeded, json!({"stdout": output, "stderr": ""}));
    let file = bot.platform.next().await;
    assert_eq!(file.form, Form::File);
    let attached = file.file.unwrap().text;
    assert!(
        attached.contains("line 1\n") && attached.contains("line 150\n") && attached.contains("line 300")
    );
    bot.platform.plan.lock().extend([refused(), refused(), refused()]);
    bot.says("ana", "nonsense").await;
    let page = bot.platform.next().await;
    assert_eq!(page.form, Form::Page);
    assert!(
        page.text.contains("I do not understand nonsense"),
        "{}",
        page.text
    );
    bot.stop().await;
}

#[tokio::test]
async fn long_output_shows_both_ends_and_the_way_to_the_rest() {
    let bot = Bot::start().await;
    bot.says("ana", "fix ABC-1").await;
    let job = bot.job().await;
    let output: String = (1..=300).map(|n| format!("line {n}\n")).collect();
    Bot::writes(&job, &output).await;
    bot.ends(Status::Succeeded, json!({"stdout": output, "stderr": ""}));
    drop(job);
    let text = bot.platform.text().await;
    assert!(
        text.contains("line 1\n") && text.contains("line 300") && !text.contains("line 150"),
        "{text}"
    );
    let (_, id) = text.split_once("show the rest: log ").unwrap();
    let id = id.split_whitespace().next().unwrap().to_owned();
    let text = bot.asks("ana", &format!("log {id} grep line 15")).await;
    assert!(
        text.contains("line 150\n") && text.contains("11 of 11 lines"),
        "{text}"
    );
    let text = bot.asks("ana", "log last tail 2").await;
    assert!(
        text.starts_with("line 299\nline 300\nlines 299 to 300 of 300"),
        "{text}"
    );
    bot.stop().await;
}

#[tokio::test]
async fn a_gateway_that_is_away_loses_nothing_and_burns_no_attempts() {
    let bot = Bot::start().await;
    bot.hub.detach("fake");
    bot.says("ana", "nonsense").await;
    bot.says("ana", "fix ABC-1").await;
    bot.job().await;
    bot.ends(Status::Succeeded, json!({}));
    soon(
        "the end",
        bot.engine
            .wait(bot.store.newest_execution().await.unwrap().unwrap()),
    )
    .await
    .unwrap();
    let pending = bot.store.outbox_pending(10).await.unwrap();
    assert!(
        pending.iter().all(|row| row.attempts == 0) && pending.len() == 3,
        "{pending:?}"
    );
    bot.hub.attach(bot.platform.clone());
    assert!(bot.platform.text().await.contains("nonsense"));
    assert!(bot.platform.text().await.contains("t.ticket succeeded"));
    settled(&bot).await;
    bot.stop().await;
}

#[tokio::test]
async fn answers_survive_a_restart() {
    let bot = Bot::start().await;
    bot.hub.detach("fake");
    bot.says("ana", "nonsense").await;
    let old = bot.platform.clone();
    let folder = bot.stop().await;
    old.assert_quiet().await;
    let bot = Bot::on(folder, Platform::new("fake")).await;
    assert!(
        bot.platform.text().await.contains("nonsense"),
        "committed before the crash, sent after it"
    );
    settled(&bot).await;
    let folder = bot.stop().await;
    let bot = Bot::on(folder, Platform::new("fake")).await;
    assert!(
        bot.asks("ana", "whoami").await.starts_with("You are ana"),
        "what was sent is not sent again"
    );
    bot.stop().await;
}

#[tokio::test]
async fn progress_edits_the_card_while_it_works() {
    let bot = Bot::start().await;
    bot.says("ana", "deploy api to prod").await;
    let ack = bot.platform.next().await;
    assert_eq!((ack.text.as_str(), ack.edit), ("Deploying api.", None));
    let job = bot.job().await;
    settled(&bot).await;
    Bot::writes(&job, "step 1 of 2\n").await;
    let progress = bot.platform.next().await;
    assert!(progress.id.is_none() && progress.edit.is_some(), "{progress:?}");
    assert!(
        progress.text.contains("t.deploy is running") && progress.text.contains("step 1 of 2"),
        "{}",
        progress.text
    );
    drop(job);
    bot.ends(Status::Succeeded, json!({"stdout": "done"}));
    assert!(bot.platform.text().await.starts_with("✔ t.deploy succeeded"));
    assert!(bot.platform.text().await.contains("done"));
    bot.stop().await;
}

#[tokio::test]
async fn long_output_comes_with_a_file_that_holds_all_of_it() {
    let bot = Bot::start().await;
    let run = async |output: &str| {
        bot.says("ana", "fix ABC-1").await;
        let job = bot.job().await;
        // Written in pieces, as programs do.
        for piece in output.as_bytes().chunks(100_000) {
            Bot::writes(&job, std::str::from_utf8(piece).unwrap()).await;
        }
        bot.ends(Status::Succeeded, json!({"stdout": output, "stderr": ""}));
        bot.platform.until_final().await
    };
    let lines: String = (1..=30_000).map(|n| format!("line {n}\n")).collect();
    let told = run(&lines).await;
    assert_eq!(told.form, Form::Rich);
    assert!(
        told.text.chars().count() <= 4000 && told.text.contains("line 1\n"),
        "{}",
        told.text
    );
    assert_eq!(told.file.unwrap().text, lines);
    // One line without an end is long as well.
    let told = run(&"x".repeat(50_000)).await;
    assert_eq!(told.file.unwrap().text.len(), 50_000);
    let told = run("short\n").await;
    assert_eq!(told.file, None);
    // What the platform does not take is cut, and says so.
    bot.platform.can.lock().limits.file = 1000;
    let cut = run(&lines).await.file.unwrap().text;
    assert!(
        cut.len() <= 1000 && cut.contains("there is more than fits into a file here"),
        "{cut}"
    );
    bot.stop().await;
}

#[tokio::test]
async fn the_time_on_a_card_goes_on_although_nothing_happens() {
    let folder = tempfile::tempdir().unwrap();
    super::support::pack(folder.path());
    // Later than now: the engine stamps its rows by the clock of the system.
    let start = "2096-11-20T08:00:00Z".parse::<crate::model::Timestamp>().unwrap();
    let time = std::sync::Arc::new(parking_lot::Mutex::new(start));
    let clock = {
        let time = std::sync::Arc::clone(&time);
        std::sync::Arc::new(move || *time.lock()) as crate::chat::Clock
    };
    let bot = Bot::timed(folder, Platform::new("fake"), clock).await;
    bot.says("ana", "deploy api to prod").await;
    bot.job().await;
    let first = bot.platform.next().await;
    assert_eq!(first.kind, "ack");
    *time.lock() = start.plus_millis(11_000);
    let card = bot.platform.next().await;
    assert!(card.edit.is_some() && card.text.contains("11 s"), "{}", card.text);
    *time.lock() = start.plus_millis(35_000);
    let card = bot.platform.next().await;
    assert!(card.text.contains("35 s"), "{}", card.text);
    bot.ends(Status::Succeeded, json!({"stdout": "up"}));
    bot.platform.until_final().await;
    bot.hub.shutdown().await;
}
