//! Questions and approvals, answered by saying so.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{Bot, soon};
use crate::engine::{Event, Submit};
use crate::model::{Id, Status};

/// Somebody asks; gives the id once it waits.
async fn asks(bot: &Bot, who: &str, action: &str, parameters: Value) -> Id {
    let mut events = bot.engine.subscribe();
    let accepted = bot
        .engine
        .submit(Submit {
            action: action.to_owned(),
            parameters: parameters.as_object().unwrap().clone(),
            identity: bot.hub.named(who, "test"),
            ..Submit::default()
        })
        .await
        .unwrap();
    let id = accepted.execution.id;
    loop {
        if let Event::Execution { execution, .. } = soon("it waits", events.recv()).await.unwrap()
            && execution.id == id
            && execution.status == Status::Pending
        {
            return id;
        }
    }
}

#[tokio::test]
async fn questions_are_listed_and_answered() {
    let bot = Bot::start().await;
    assert_eq!(
        bot.asks("ana", "inquiries").await,
        "No question waits for an answer"
    );
    let schema = json!({"type": "object", "properties": {
        "env": {"type": "string", "enum": ["prod", "staging"], "description": "Where to?", "required": true},
        "count": {"type": "integer"}}});
    let id = asks(&bot, "ana", "core.ask", json!({"schema": schema})).await;
    let list = bot.asks("ana", "inquiries").await;
    assert!(
        list.starts_with("1 question waiting for an answer")
            && list.contains("Where to?")
            && list.contains("answer"),
        "{list}"
    );
    let one = bot.asks("ana", &format!("inquiries {id}")).await;
    assert!(
        one.contains("You are asked, for ana")
            && one.contains("prod or staging")
            && one.contains(&format!("answer {id} env=… count=…")),
        "{one}"
    );
    let wrong = bot.asks("ana", &format!("answer {id} env=moon")).await;
    assert!(
        wrong.starts_with("the answer does not fit: 'moon' is not one of ['prod', 'staging']"),
        "{wrong}"
    );
    let wrong = bot.asks("ana", &format!("answer {id} where=prod")).await;
    assert!(
        wrong.contains("nobody asks for `where`") && wrong.contains("It asks for: env, count."),
        "{wrong}"
    );
    // Nobody named may answer but those who may ask; for others it is not there.
    let eve = bot.asks("eve", &format!("answer {id} env=prod")).await;
    assert!(eve.starts_with("nothing that concerns you has the id"), "{eve}");
    assert_eq!(
        bot.asks("eve", "inquiries").await,
        "No question waits for an answer"
    );
    let bo = bot.asks("bo", &format!("answer {id} env=prod")).await;
    assert!(
        bo.starts_with("not allowed: User \"bo\" does not have permission"),
        "{bo}"
    );
    let done = bot.asks("ana", &format!("answer {id} env=prod count=3")).await;
    assert!(
        done.starts_with("✔ Answered") && done.contains("env    prod") && done.contains("count  3"),
        "{done}"
    );
    let ended = bot.engine.wait(id).await.unwrap().unwrap();
    assert_eq!(
        ended.result.as_ref().unwrap()["response"],
        json!({"env": "prod", "count": 3})
    );
    let late = bot.asks("ana", &format!("answer {id} env=prod")).await;
    assert!(late.contains("has already been responded to"), "{late}");

    let simple = asks(&bot, "ana", "core.ask", json!({"users": ["eve"]})).await;
    let said = bot.asks("eve", &format!("answer {simple} yes")).await;
    assert!(said.starts_with("✔ Answered"), "{said}");
    bot.stop().await;
}

#[tokio::test]
async fn people_approve_and_deny_by_saying_so() {
    let bot = Bot::start().await;
    assert_eq!(bot.asks("bo", "approvals").await, "Nothing waits for approval");
    let terms = json!({
        "title": "Deploy api to prod", "reason": "release 7", "action": "t.deploy", "parameters": {"app": "api"},
        "by": ["bo", "eve", "group:nobody"], "count": 2, "within": "2h",
    });
    let id = asks(&bot, "ana", "core.approve", terms).await;
    let list = bot.asks("bo", "approvals").await;
    assert!(
        list.starts_with("1 approval waiting") && list.contains("0/2") && list.contains("decide"),
        "{list}"
    );
    let one = bot.asks("bo", &format!("approvals {id}")).await;
    for part in [
        "Deploy api to prod",
        "release 7",
        "t.deploy, version 1.0.0",
        "api",
        "bo, eve, group:nobody",
        "0 of 2",
        "left",
    ] {
        assert!(one.contains(part), "{part} is missing in\n{one}");
    }
    let own = bot.asks("ana", &format!("approve {id}")).await;
    assert!(
        own.starts_with("not allowed: you asked for this yourself"),
        "{own}"
    );
    let first = bot.asks("bo", &format!("approve {id} looks good")).await;
    assert!(
        first.starts_with("✔ Your approval counts: 1 of 2 for Deploy api to prod"),
        "{first}"
    );
    // Eve may nothing else, but she is asked here.
    let short = &id.to_string()[..12];
    let second = bot.asks("eve", &format!("approve {short}")).await;
    assert!(second.starts_with("✔ Deploy api to prod: approved"), "{second}");
    let ended = bot.engine.wait(id).await.unwrap().unwrap();
    assert_eq!(ended.status, Status::Succeeded);
    let votes = &ended.result.as_ref().unwrap()["votes"];
    assert_eq!(
        (&votes[0]["reason"], &votes[0]["via"]),
        (&json!("looks good"), &json!("fake"))
    );

    let next = asks(
        &bot,
        "ana",
        "core.approve",
        json!({"title": "Drop it", "by": ["bo"]}),
    )
    .await;
    let bare = bot.asks("bo", &format!("deny {next}")).await;
    assert!(bare.starts_with("say why: a no needs a reason"), "{bare}");
    let passed = bot.asks("bo", &format!("delegate {next} to @eve")).await;
    assert!(passed.starts_with("✔ eve may decide in your place"), "{passed}");
    let denied = bot.asks("eve", &format!("deny {next} not today")).await;
    assert!(
        denied.contains("Drop it: denied") && denied.contains("denied by eve: not today"),
        "{denied}"
    );
    let late = bot.asks("bo", &format!("approve {next}")).await;
    assert!(
        late.starts_with("it is denied already") && late.contains("approvals "),
        "{late}"
    );
    bot.stop().await;
}

#[tokio::test]
async fn a_changed_approval_is_looked_at_before_it_is_approved() {
    let bot = Bot::start().await;
    let id = asks(
        &bot,
        "ana",
        "core.approve",
        json!({"title": "Go", "by": ["bo"], "parameters": {"env": "staging"}}),
    )
    .await;
    let ana = bot.identity("ana");
    let answerer = crate::answers::Answerer {
        identity: &ana,
        place: None,
    };
    let parameters = json!({"env": "prod"}).as_object().unwrap().clone();
    crate::answers::approvals::change(&bot.engine, id, &parameters, answerer)
        .await
        .unwrap();
    let blind = bot.asks("bo", &format!("approve {id}")).await;
    assert!(blind.contains("was changed after it was asked"), "{blind}");
    let shown = bot.asks("bo", &format!("approvals {id}")).await;
    assert!(
        shown.contains("parameters.env") && shown.contains("staging"),
        "{shown}"
    );
    let print = blind
        .split_whitespace()
        .find(|word| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .unwrap()
        .to_owned();
    let done = bot.asks("bo", &format!("approve {id} {print} seen it")).await;
    assert!(done.contains("approved"), "{done}");
    let ended = tokio::time::timeout(Duration::from_secs(20), bot.engine.wait(id)).await;
    let ended = ended.unwrap().unwrap().unwrap();
    assert_eq!(ended.result.as_ref().unwrap()["votes"][0]["reason"], "seen it");
    bot.stop().await;
}
