//! Forms, suggestions, the start page, menus, and the card of a workflow.

use serde_json::{Value, json};

use super::support::{Bot, soon};
use crate::chat::card::Style;
use crate::chat::forms::{FieldKind, Filled, Form, FormReceipt, Somebody};
use crate::chat::gateway::{Picked, Receipt};
use crate::engine::{Event, Submit};
use crate::model::{Id, Status, Timestamp};

fn somebody(bot: &Bot, who: &str) -> Somebody {
    let said = bot.message(who, "");
    Somebody {
        account: said.account,
        display_name: said.display_name,
        identity: said.identity,
        place: said.place,
    }
}

async fn fills(bot: &Bot, who: &str, form: &str, values: Value) -> FormReceipt {
    let Value::Object(values) = values else {
        panic!("no object")
    };
    let filled = Filled {
        key: format!("form:{}", Id::new()),
        form: form.to_owned(),
        by: somebody(bot, who),
        values,
        reply: None,
        received: Timestamp::now(),
    };
    bot.hub.fill(filled).await.unwrap()
}

/// Asks for an approval; gives the id once it waits.
async fn waits(bot: &Bot, action: &str, parameters: Value) -> Id {
    let mut events = bot.engine.subscribe();
    let request = Submit {
        action: action.to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        identity: bot.hub.named("ana", "test"),
        ..Submit::default()
    };
    let id = bot.engine.submit(request).await.unwrap().execution.id;
    loop {
        if let Event::Execution { execution, .. } = soon("it waits", events.recv()).await.unwrap()
            && execution.id == id
            && execution.status == Status::Pending
        {
            return id;
        }
    }
}

fn names(form: &Form) -> Vec<&str> {
    form.fields.iter().map(|field| field.name.as_str()).collect()
}

#[tokio::test]
async fn missing_parameters_open_a_form_that_knows_what_was_said() {
    let bot = Bot::start().await;
    bot.says("ana", "deploy web to prod count=many").await;
    let refused = bot.platform.next().await;
    assert_eq!(refused.kind, "parameters");
    let button = format!("{:?}", refused.card);
    let id = "run:t.deploy?app=web&env=prod&count=many";
    assert!(button.contains(id), "{button}");
    let form = bot.hub.form(&somebody(&bot, "ana"), id).await.unwrap();
    assert_eq!(names(&form), ["app", "count", "env", "who"]);
    assert_eq!(form.fields[0].initial, Some(json!("web")));
    assert!(matches!(
        form.fields[1].takes,
        FieldKind::Number { integer: true, .. }
    ));

    let wrong = fills(&bot, "ana", id, json!({"app": "web", "count": "many"})).await;
    let FormReceipt::Corrections(wrong) = wrong else {
        panic!("{wrong:?}")
    };
    assert_eq!(wrong.keys().collect::<Vec<_>>(), ["count"]);
    let empty = fills(&bot, "ana", id, json!({"count": 2})).await;
    assert_eq!(
        empty,
        FormReceipt::Corrections([("app".to_owned(), "it is needed".to_owned())].into())
    );
    let good = fills(&bot, "ana", id, json!({"app": "web", "count": 2, "env": "prod"})).await;
    assert!(
        matches!(&good, FormReceipt::Taken(Receipt::Started { executions, .. }) if executions.len() == 1),
        "{good:?}"
    );
    let job = bot.job().await;
    let shown = json!(job.parameters);
    assert_eq!(
        shown,
        json!({"app": "web", "count": 2, "env": "prod", "who": null})
    );
    bot.ends(Status::Succeeded, json!(null));
    bot.platform.until_final().await;
    bot.stop().await;
}

#[tokio::test]
async fn a_picked_command_has_the_defaults_of_its_format_and_runs_once() {
    let bot = Bot::start().await;
    let mut message = bot.message("ana", "/deploy");
    message.picked = Some(Picked {
        alias: "t.deploy".to_owned(),
        values: [("app".to_owned(), "web".to_owned())].into(),
    });
    let again = message.clone();
    let first = bot.hub.receive(message).await.unwrap();
    assert!(matches!(first, Receipt::Started { .. }), "{first:?}");
    assert_eq!(bot.hub.receive(again).await.unwrap(), Receipt::Duplicate);
    let job = bot.job().await;
    assert_eq!(
        (&job.parameters["app"], &job.parameters["env"]),
        (&json!("web"), &json!("staging"))
    );
    bot.ends(Status::Succeeded, json!(null));
    bot.platform.until_final().await;
    bot.stop().await;
}

#[tokio::test]
async fn a_no_is_given_in_a_form_by_those_who_are_asked_only() {
    let bot = Bot::start().await;
    let asked = json!({"title": "Deploy", "by": ["bo"]});
    let id = waits(&bot, "core.approve", asked).await;
    let form = format!("deny:{id}");
    let not_hers = bot.hub.form(&somebody(&bot, "ana"), &form).await.unwrap_err();
    assert!(not_hers.starts_with("it is not yours to decide"), "{not_hers}");
    let shown = bot.hub.form(&somebody(&bot, "bo"), &form).await.unwrap();
    assert!(shown.fields[0].required && shown.title == "Deny", "{shown:?}");
    let without = fills(&bot, "bo", &form, json!({})).await;
    assert!(matches!(without, FormReceipt::Corrections(_)), "{without:?}");
    let home = bot.hub.home(&somebody(&bot, "bo")).await.text(Style::Plain);
    assert!(home.contains("Deploy, for ana, 0 of 1"), "{home}");
    fills(&bot, "bo", &form, json!({"reason": "not before ten, (really)"})).await;
    let told = bot.platform.next().await;
    // What a form brings about is told to whoever filled it in.
    assert_eq!(told.private_to.as_deref(), Some("fake:bo"));
    assert!(told.text.contains("not before ten, (really)"), "{}", told.text);
    let over = bot.hub.form(&somebody(&bot, "bo"), &form).await.unwrap_err();
    assert!(over.starts_with("it is over"), "{over}");
    bot.stop().await;
}

#[tokio::test]
async fn a_question_is_a_form_and_its_answer_has_types() {
    let bot = Bot::start().await;
    let schema = json!({"type": "object", "properties": {
        "env": {"type": "string", "enum": ["prod", "staging"], "required": true},
        "count": {"type": "integer"}, "sure": {"type": "boolean"}}});
    let id = waits(&bot, "core.ask", json!({"schema": schema})).await;
    let form = format!("answer:{id}");
    let shown = bot.hub.form(&somebody(&bot, "ana"), &form).await.unwrap();
    assert_eq!(names(&shown), ["env", "count", "sure"]);
    let wrong = fills(&bot, "ana", &form, json!({"env": "moon", "count": "3"})).await;
    let FormReceipt::Corrections(wrong) = wrong else {
        panic!("{wrong:?}")
    };
    assert!(wrong.contains_key("env"), "{wrong:?}");
    fills(
        &bot,
        "ana",
        &form,
        json!({"env": "prod", "count": "3", "sure": true}),
    )
    .await;
    bot.platform.next().await;
    let answered = soon("the answer", bot.engine.wait(id)).await.unwrap().unwrap();
    let result = answered.result.as_deref().unwrap();
    assert_eq!(
        result["response"],
        json!({"env": "prod", "count": 3, "sure": true})
    );
    bot.stop().await;
}

#[tokio::test]
async fn suggestions_come_from_schemas_and_from_what_one_ran_before() {
    let bot = Bot::start().await;
    bot.says("ana", "deploy web to prod").await;
    bot.job().await;
    bot.ends(Status::Succeeded, json!(null));
    bot.platform.until_final().await;
    let values = async |who: &str, alias: &str, parameter: &str, typed: &str| {
        let found = bot
            .hub
            .suggest(&somebody(&bot, who), alias, parameter, typed)
            .await;
        found.into_iter().map(|one| one.value).collect::<Vec<_>>()
    };
    assert_eq!(values("ana", "t.deploy", "env", "PR").await, ["prod"]);
    assert_eq!(values("ana", "t.deploy", "env", "x").await, Vec::<String>::new());
    // bo never ran it, and eve may not.
    assert_eq!(values("bo", "t.deploy", "env", "").await, Vec::<String>::new());
    assert_eq!(values("eve", "t.deploy", "env", "").await, Vec::<String>::new());
    let shown = bot
        .hub
        .suggest(&somebody(&bot, "ana"), "chatops.show", "id", "")
        .await;
    assert!(shown[0].label.ends_with("ana · deploy web to prod"), "{shown:?}");
    let menu = bot.hub.menu();
    let deploy = menu.iter().find(|command| command.alias == "t.deploy").unwrap();
    let parameters: Vec<_> = deploy
        .parameters
        .iter()
        .map(|it| (it.name.as_str(), it.required))
        .collect();
    assert_eq!(
        parameters,
        [("app", true), ("env", false), ("count", false), ("who", false)]
    );
    bot.stop().await;
}

#[tokio::test]
async fn the_card_of_a_workflow_shows_its_tasks_as_they_go() {
    let bot = Bot::start().await;
    bot.says("ana", "flow now").await;
    bot.job().await;
    let ack = bot.platform.next().await;
    assert_eq!(ack.kind, "ack");
    bot.ends(Status::Succeeded, json!(null));
    bot.job().await;
    let card = soon("a card with both tasks", async {
        loop {
            let card = bot.platform.next().await;
            if card.text.contains("second") {
                return card;
            }
        }
    })
    .await;
    assert!(card.edit.is_some(), "{card:?}");
    assert!(
        card.text.contains("✔ first") && card.text.contains("▶ second"),
        "{}",
        card.text
    );
    bot.ends(Status::Failed, json!({"error": "the disk is full"}));
    let result = bot.platform.until_final().await;
    assert!(
        result.text.contains("✘ second · failed: the disk is full"),
        "{}",
        result.text
    );
    bot.stop().await;
}
