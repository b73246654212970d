//! What waits for people is brought to them, and every card of it stays true.

use std::sync::Arc;

use serde_json::{Value, json};

use super::support::{Bot, Platform, pack, soon, write};
use crate::chat::forms::{Filled, FormReceipt, Somebody};
use crate::chat::gateway::{Gateway, Inbound, Rendered};
use crate::engine::{Event, Submit};
use crate::model::{Id, Place, Status, Timestamp};

/// A bot with the command `launch`, which needs approval on these terms, and a second platform `there` on which Bo talked
/// to it directly.
async fn bot(terms: &str) -> (Bot, Arc<Platform>) {
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path());
    write(
        folder.path().join("packs/t/aliases/launch.yaml"),
        &format!(
            "name: launch\naction_ref: t.deploy\nformats:\n  - 'launch {{{{app}}}}'\nack:\n  enabled: false\napproval: {terms}\n"
        ),
    );
    let bot = Bot::on(folder, Platform::new("fake")).await;
    let there = Platform::new("there");
    bot.hub.attach(Arc::clone(&there) as Arc<dyn Gateway>);
    let people = bot.hub.desk().people.clone().unwrap();
    people.saw("bo", &place("there", "D7", None)).await.unwrap();
    (bot, there)
}

fn place(gateway: &str, conversation: &str, thread: Option<&str>) -> Place {
    Place {
        gateway: gateway.to_owned(),
        conversation: conversation.to_owned(),
        thread: thread.map(str::to_owned),
        name: None,
    }
}

fn at(bot: &Bot, who: &str, text: &str, place: Place) -> Inbound {
    Inbound {
        place,
        ..bot.message(who, text)
    }
}

/// The next message of this kind; others are read over.
async fn next_of(platform: &Platform, kind: &str) -> Rendered {
    loop {
        let message = platform.next().await;
        if message.kind == kind {
            return message;
        }
    }
}

/// The card of the approval once it says this.
async fn until(platform: &Platform, text: &str) -> Rendered {
    loop {
        let message = next_of(platform, "approval").await;
        if message.text.contains(text) {
            return message;
        }
    }
}

fn approval_in(card: &Rendered) -> String {
    let text = format!("{:?}", card.card);
    let at = text.find("approve ").expect("a button to approve") + "approve ".len();
    text[at..at + 24].to_owned()
}

#[tokio::test]
async fn an_approval_is_asked_where_its_approvers_are_and_all_cards_stay_true() {
    let (bot, there) = bot("{by: [bo, cy], count: 1, within: 30m}").await;
    bot.says("ana", "launch api").await;
    let here = next_of(&bot.platform, "approval").await;
    for part in ["launch api", "t.deploy", "api", "bo, cy", "0 of 1", "ana"] {
        assert!(here.text.contains(part), "{part} is missing in\n{}", here.text);
    }
    let pushed = next_of(&there, "approval").await;
    assert_eq!(pushed.place.conversation, "D7");
    let id = approval_in(&pushed);
    assert_eq!(id, approval_in(&here));

    // Somebody who may not decide presses the button: only they are told, and who may.
    let mut pressed = at(&bot, "eve", &format!("approve {id}"), here.place.clone());
    pressed.private = true;
    soon("the receipt", bot.hub.receive(pressed)).await.unwrap();
    let told = next_of(&bot.platform, "command/failed").await;
    assert_eq!(told.private_to.as_deref(), Some("fake:eve"));
    assert!(
        told.text
            .contains("eve may not decide about this; those who may: bo, cy"),
        "{}",
        told.text
    );
    // Whoever asked may not either, with whatever account.
    let own = at(&bot, "ana", &format!("approve {id}"), place("there", "D9", None));
    soon("the receipt", bot.hub.receive(own)).await.unwrap();
    let own = next_of(&there, "command/failed").await;
    assert!(own.text.contains("you asked for this yourself"), "{}", own.text);

    let vote = at(&bot, "bo", &format!("approve {id}"), pushed.place.clone());
    soon("the receipt", bot.hub.receive(vote)).await.unwrap();
    let job = bot.job().await;
    assert_eq!(job.parameters["app"], "api");
    for platform in [&bot.platform, &there] {
        let card = until(platform, "approved").await;
        assert!(
            card.edit.is_some() && card.text.contains("1 of 1"),
            "{}",
            card.text
        );
        assert!(
            !format!("{:?}", card.card).contains("say:approve"),
            "{:?}",
            card.card
        );
    }
    bot.ends(Status::Succeeded, json!({"stdout": "up"}));
    let end = next_of(&bot.platform, "result").await;
    assert!(end.text.contains("approved by bo"), "{}", end.text);
    bot.stop().await;
}

#[tokio::test]
async fn buttons_of_an_earlier_process_still_count() {
    let (bot, there) = bot("{by: [bo], within: 30m}").await;
    bot.says("ana", "launch api").await;
    next_of(&bot.platform, "approval").await;
    let id = approval_in(&next_of(&there, "approval").await);
    soon("everything is posted", async {
        use crate::store::Store as _;
        while !bot.store.outbox_pending(10).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let folder = bot.stop().await;
    let bot = Bot::on(folder, Platform::new("fake")).await;
    let there = Platform::new("there");
    bot.hub.attach(Arc::clone(&there) as Arc<dyn Gateway>);
    let vote = at(&bot, "bo", &format!("approve {id}"), place("there", "D7", None));
    soon("the receipt", bot.hub.receive(vote)).await.unwrap();
    bot.job().await;
    for platform in [&bot.platform, &there] {
        assert!(until(platform, "approved").await.edit.is_some());
    }
    bot.ends(Status::Succeeded, json!({"stdout": "up"}));
    next_of(&bot.platform, "result").await;
    bot.stop().await;
}

#[tokio::test]
async fn a_reply_in_the_thread_of_the_card_is_a_vote() {
    let (bot, _there) = bot("{by: [bo, cy], count: 2, within: 30m}").await;
    let asked = Inbound {
        place: place("fake", "C5", Some("t1")),
        is_direct: false,
        mentions_bot: true,
        ..bot.message("ana", "launch api")
    };
    soon("the receipt", bot.hub.receive(asked)).await.unwrap();
    next_of(&bot.platform, "approval").await;
    soon("the card is posted", async {
        use crate::store::Store as _;
        while !bot.store.outbox_pending(10).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let reply = |who: &str, text: &str, thread: Option<&str>| Inbound {
        place: place("fake", "C5", thread),
        is_direct: false,
        ..bot.message(who, text)
    };
    // The same words elsewhere mean nothing.
    let elsewhere = bot.hub.receive(reply("bo", "approve", Some("t2"))).await.unwrap();
    assert!(
        matches!(elsewhere, crate::chat::gateway::Receipt::Ignored(_)),
        "{elsewhere:?}"
    );
    bot.hub.receive(reply("bo", "approve", Some("t1"))).await.unwrap();
    assert!(until(&bot.platform, "1 of 2").await.text.contains("bo"));
    bot.hub
        .receive(reply("cy", "deny it is Friday", Some("t1")))
        .await
        .unwrap();
    let (mut answered, mut changed) = (false, false);
    while !answered || !changed {
        let message = bot.platform.next().await;
        answered |= message.kind == "result" && message.text.contains("cy denied it: it is Friday");
        changed |= message.kind == "approval" && message.text.contains("denied by cy: it is Friday");
    }
    bot.hub.shutdown().await;
}

#[tokio::test]
async fn reminders_escalations_and_the_end_of_the_time_are_told() {
    let (bot, there) =
        bot("{by: [bo], within: 3s, remind: 1s, escalate: [{after: 2s, to: [cy]}], notify: ['there:#ops']}")
            .await;
    bot.says("ana", "launch api").await;
    let mut told = Vec::new();
    let mut expired = 0;
    while expired < 2 {
        let message = there.next().await;
        expired += usize::from(message.kind == "expired");
        told.push((message.kind, message.place.conversation, message.edit.is_some()));
    }
    let count = |kind: &str, conversation: &str| {
        let fits = told
            .iter()
            .filter(|(k, c, edit)| k == kind && c == conversation && !edit);
        fits.count()
    };
    for (kind, conversation, expected) in [
        ("approval", "D7", 1),
        ("approval", "#ops", 1),
        ("reminder", "D7", 1),
        ("reminder", "#ops", 1),
        ("escalated", "#ops", 1),
        ("escalated", "D7", 0),
        ("expired", "D7", 1),
        ("expired", "#ops", 1),
    ] {
        assert_eq!(
            count(kind, conversation),
            expected,
            "{kind} {conversation} in {told:?}"
        );
    }
    // Where it was asked the end of the request tells it.
    let (mut answered, mut changed) = (false, false);
    while !answered || !changed {
        let message = bot.platform.next().await;
        assert_ne!(message.kind, "expired");
        answered |= message.kind == "result" && message.text.contains("nobody approved it in time");
        changed |= message.kind == "approval" && message.text.contains("not approved within");
    }
    bot.hub.shutdown().await;
}

#[tokio::test]
async fn a_question_comes_as_a_form_and_its_card_shows_the_answer() {
    let (bot, there) = bot("{by: [bo]}").await;
    let schema = json!({"type": "object", "properties": {
        "env": {"type": "string", "enum": ["prod", "staging"], "description": "Where to?", "required": true},
        "pin": {"type": "string", "secret": true}}});
    let mut events = bot.engine.subscribe();
    let Value::Object(parameters) = json!({"schema": schema, "users": ["bo"]}) else {
        unreachable!()
    };
    let request = Submit {
        action: "core.ask".to_owned(),
        parameters,
        identity: bot.hub.named("ana", "test"),
        ..Submit::default()
    };
    let id = bot.engine.submit(request).await.unwrap().execution.id;
    let card = next_of(&there, "question").await;
    let form = format!("answer:{id}");
    assert!(
        card.text.contains("Where to?") && format!("{:?}", card.card).contains(&form),
        "{:?}",
        card.card
    );
    let by = |who: &str| Somebody {
        account: format!("there:{who}"),
        display_name: who.to_owned(),
        identity: Some(bot.hub.named(who, "there")),
        place: place("there", "D7", None),
    };
    assert_eq!(
        bot.hub.form(&by("eve"), &form).await.unwrap_err(),
        "somebody else is asked: bo"
    );
    let shown = bot.hub.form(&by("bo"), &form).await.unwrap();
    assert!(
        shown
            .fields
            .iter()
            .any(|field| field.secret && field.name == "pin")
    );
    let fill = |values: Value| Filled {
        key: format!("form:{}", Id::new()),
        form: form.clone(),
        by: by("bo"),
        values: values.as_object().unwrap().clone(),
        reply: None,
        received: Timestamp::now(),
    };
    let wrong = bot.hub.fill(fill(json!({"env": "moon"}))).await.unwrap();
    assert!(
        matches!(&wrong, FormReceipt::Corrections(fields) if fields.contains_key("env")),
        "{wrong:?}"
    );
    let done = bot
        .hub
        .fill(fill(json!({"env": "prod", "pin": "hunter2"})))
        .await
        .unwrap();
    assert!(matches!(done, FormReceipt::Taken(_)));
    let answered = loop {
        let card = next_of(&there, "question").await;
        if card.text.contains("answered") {
            break card;
        }
    };
    assert!(
        answered.edit.is_some() && answered.text.contains("prod"),
        "{}",
        answered.text
    );
    assert!(!answered.text.contains("hunter2"), "{}", answered.text);
    while let Event::Execution { execution, .. } = soon("the end", events.recv()).await.unwrap() {
        if execution.id == id && execution.status.is_completed() {
            break;
        }
    }
    bot.hub.detach("there");
    bot.stop().await;
}
