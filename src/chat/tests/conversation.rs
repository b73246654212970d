//! What people say and what they are answered.

use serde_json::json;

use super::support::Bot;
use crate::chat::gateway::Receipt;
use crate::model::{Id, OutboxState, Status};
use crate::store::Store as _;

fn only(receipt: Receipt) -> Id {
    match receipt {
        Receipt::Started { executions, answers } if executions.len() == 1 && answers.is_empty() => {
            executions[0]
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_command_runs_and_is_answered_where_it_was_said() {
    let bot = Bot::start().await;
    let id = only(bot.says("ana", "deploy “api server” to prod").await);
    assert_eq!(bot.platform.text().await, "Deploying api server.");
    let job = bot.job().await;
    assert_eq!(
        (&job.parameters["app"], &job.parameters["env"]),
        (&json!("api server"), &json!("prod"))
    );
    assert_eq!((job.execution, job.user.as_str()), (id, "ana"));
    assert_eq!(job.context["action_alias_ref"]["ref"], "t.deploy");
    bot.ends(
        Status::Succeeded,
        json!({"stdout": "all good\n", "stderr": "", "return_code": 0}),
    );
    let card = bot.platform.next().await;
    assert!(
        card.edit.is_some() && card.text.starts_with("✔ t.deploy succeeded"),
        "{card:?}"
    );
    let answer = bot.platform.next().await;
    assert!(answer.is_final && answer.edit.is_none() && answer.execution == Some(id));
    assert!(
        answer.text.starts_with("✔ t.deploy succeeded in "),
        "{}",
        answer.text
    );
    assert!(
        answer.text.contains("\nall good\n") && answer.text.contains(&id.to_string()),
        "{}",
        answer.text
    );
    bot.stop().await;
}

#[tokio::test]
async fn a_quick_command_has_one_answer() {
    let bot = Bot::start().await;
    bot.ends(
        Status::Failed,
        json!({"stdout": "", "stderr": "no such app", "return_code": 3}),
    );
    bot.says("ana", "ship it").await;
    bot.job().await;
    let answer = bot.platform.next().await;
    // The alias words the answer; that it failed is said whatever it words.
    assert!(
        answer.text.starts_with("✘ t.deploy failed after ") && answer.text.contains("\nshipped\n\nto\n"),
        "{}",
        answer.text
    );
    let counts = bot.store.outbox_counts().await.unwrap();
    assert!(
        !counts.iter().any(|(_, state, _)| *state == OutboxState::Failed),
        "{counts:?}"
    );
    bot.stop().await;
}

#[tokio::test]
async fn what_is_not_understood_is_answered_with_the_nearest_commands() {
    let bot = Bot::start().await;
    let text = bot.asks("ana", "deplyo api to prod").await;
    assert!(
        text.starts_with("I do not understand deplyo api to prod\nDid you mean:\ndeploy <app>"),
        "{text}"
    );
    let text = bot.asks("ana", "go two").await;
    assert!(
        text.starts_with("go two can mean 2 things\ngo one  t.one\ngo two  t.two"),
        "{text}"
    );
    let text = bot.asks("ana", "deploy \"api to prod").await;
    assert!(
        text.starts_with("The quote is not closed\ndeploy \"api to prod\n       ^"),
        "{text}"
    );
    let text = bot.asks("ana", &"x".repeat(10 << 20)).await;
    assert!(
        text.starts_with("the message is too long (10485760 bytes"),
        "{text}"
    );
    assert!(
        bot.store
            .executions(Default::default(), Default::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    bot.stop().await;
}

#[tokio::test]
async fn refusals_say_why() {
    let bot = Bot::start().await;
    let text = bot.asks("eve", "deploy api to prod").await;
    assert!(
        text.starts_with("Not allowed: ") && text.contains("as eve"),
        "{text}"
    );
    let text = bot.asks("ana", "deploy api to prod count=many").await;
    assert!(
        text.starts_with("The parameters do not fit: parameter `count` must be a whole number"),
        "{text}"
    );
    assert!(text.contains("app    string, needed"), "{text}");
    let text = bot.asks("ana", "ship it who=eve").await;
    assert!(text.contains("`who` cannot be set here"), "{text}");
    let text = bot.asks("ana", "switched off").await;
    assert!(text.starts_with("the action `t.resting` is disabled"), "{text}");
    bot.stop().await;
}

#[tokio::test]
async fn a_redelivered_message_runs_once_and_has_one_answer() {
    let bot = Bot::start().await;
    let message = bot.message("ana", "be quiet");
    only(bot.hub.receive(message.clone()).await.unwrap());
    assert_eq!(bot.hub.receive(message).await.unwrap(), Receipt::Duplicate);
    let nonsense = bot.message("ana", "nonsense");
    assert!(matches!(
        bot.hub.receive(nonsense.clone()).await.unwrap(),
        Receipt::Answered { .. }
    ));
    assert_eq!(bot.hub.receive(nonsense).await.unwrap(), Receipt::Duplicate);
    assert!(
        bot.platform
            .text()
            .await
            .starts_with("I do not understand nonsense")
    );
    bot.job().await;
    bot.ends(Status::Succeeded, json!({}));
    assert!(
        bot.asks("ana", "whoami").await.starts_with("You are ana"),
        "the silent alias answered"
    );
    bot.stop().await;
}

#[tokio::test]
async fn of_an_edited_message_only_what_is_new_runs() {
    let bot = Bot::start().await;
    let mut message = bot.message("ana", "be quite");
    bot.hub.receive(message.clone()).await.unwrap();
    assert!(
        bot.platform
            .text()
            .await
            .starts_with("I do not understand be quite")
    );
    message.edited = true;
    message.text = "be quiet".to_owned();
    only(bot.hub.receive(message.clone()).await.unwrap());
    assert_eq!(
        bot.hub.receive(message.clone()).await.unwrap(),
        Receipt::Duplicate
    );
    let mut ran = bot.message("ana", "be quiet");
    only(bot.hub.receive(ran.clone()).await.unwrap());
    ran.edited = true;
    for same in ["be quiet", " be   quiet "] {
        ran.text = same.to_owned();
        assert_eq!(bot.hub.receive(ran.clone()).await.unwrap(), Receipt::Duplicate);
    }
    ran.text = "deploy api to prod".to_owned();
    only(bot.hub.receive(ran.clone()).await.unwrap());
    assert_eq!(bot.hub.receive(ran).await.unwrap(), Receipt::Duplicate);
    for _ in 0..3 {
        bot.job().await;
        bot.ends(Status::Succeeded, json!({}));
    }
    bot.platform.until_final().await;
    bot.stop().await;
}

#[tokio::test]
async fn in_a_channel_only_addressed_messages_are_meant() {
    let bot = Bot::start().await;
    let channel = |text: &str| {
        let mut message = bot.message("ana", text);
        message.is_direct = false;
        message.bot = Some("UBOT".to_owned());
        message
    };
    for text in [
        "whoami",
        "> !whoami",
        "`!whoami`",
        "!!! wow",
        "deploy \"api to prod",
    ] {
        assert!(
            matches!(bot.hub.receive(channel(text)).await.unwrap(), Receipt::Ignored(_)),
            "{text}"
        );
    }
    for text in ["!whoami", "<@UBOT> whoami", "<@UBOT>: !whoami"] {
        only(bot.hub.receive(channel(text)).await.unwrap());
        assert!(bot.platform.text().await.starts_with("You are ana"), "{text}");
    }
    bot.stop().await;
}

#[tokio::test]
async fn one_sentence_may_start_several_executions() {
    let bot = Bot::start().await;
    let message = bot.message("ana", "fix ABC-1 and fix ABC-22");
    let Receipt::Started { executions, .. } = bot.hub.receive(message.clone()).await.unwrap() else {
        panic!()
    };
    assert_eq!(executions.len(), 2);
    assert_eq!(bot.hub.receive(message).await.unwrap(), Receipt::Duplicate);
    let mut keys = Vec::new();
    for _ in 0..2 {
        keys.push(bot.job().await.parameters["key"].clone());
        bot.ends(Status::Succeeded, json!({}));
    }
    keys.sort_by_key(ToString::to_string);
    assert_eq!(keys, ["ABC-1", "ABC-22"]);
    for _ in 0..2 {
        assert!(bot.platform.text().await.starts_with("✔ t.ticket succeeded"));
    }
    bot.stop().await;
}

#[tokio::test]
async fn an_account_that_nobody_knows_is_told_so() {
    let bot = Bot::start().await;
    let mut message = bot.message("zoe", "whoami");
    message.identity = None;
    bot.hub.receive(message).await.unwrap();
    assert!(
        bot.platform
            .text()
            .await
            .starts_with("the account `fake:zoe` belongs to nobody that I know")
    );
    bot.stop().await;
}
