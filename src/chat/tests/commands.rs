//! The built-in commands, said in a conversation.

use serde_json::json;

use super::support::Bot;
use crate::chat::gateway::Receipt;
use crate::model::{Id, Status};
use crate::store::{AuditFilter, Store as _};

async fn starts(bot: &Bot, text: &str) -> Id {
    match bot.says("ana", text).await {
        Receipt::Started { executions, .. } => executions[0],
        other => panic!("{text}: {other:?}"),
    }
}

#[tokio::test]
async fn help_shows_what_one_may_say() {
    let bot = Bot::start().await;
    let all = bot.asks("ana", "help").await;
    assert!(
        all.contains("page 1 of 3") && all.contains("more: help 2"),
        "{all}"
    );
    assert!(bot.asks("ana", "help more").await.contains("page 2 of 3"));
    let found = bot.asks("ana", "help deploy app").await;
    assert!(
        found.contains("Commands about “deploy app”") && found.contains("Deploy an app."),
        "{found}"
    );
    let bos = bot.asks("bo", "help localhost").await;
    assert!(
        bos.starts_with("No command that you may use has to do with “localhost”"),
        "{bos}"
    );
    let eves = bot.asks("eve", "help").await;
    assert!(eves.contains("whoami") && !eves.contains("deploy"), "{eves}");
    bot.stop().await;
}

#[tokio::test]
async fn explain_tells_everything_and_does_nothing() {
    let bot = Bot::start().await;
    let text = bot.asks("bo", "explain deploy api to prod count=3").await;
    for part in [
        "deploy api to prod count=3 would run t.deploy",
        "alias   t.deploy",
        "app        api    the sentence",
        "count      3      name=value",
        "✔ You may run it",
        "Nothing ran.",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let text = bot.asks("eve", "explain deploy api to prod").await;
    assert!(text.contains("✘ You may not run it: "), "{text}");
    let text = bot.asks("bo", "explain depoly api").await;
    assert!(
        text.contains("would run nothing") && text.contains("deploy <app>"),
        "{text}"
    );
    let text = bot.asks("bo", "explain go two").await;
    assert!(
        text.contains("it fits several commands") && text.contains("t.one runs t.quiet"),
        "{text}"
    );
    bot.stop().await;
}

#[tokio::test]
async fn work_is_listed_shown_canceled_and_run_again() {
    let bot = Bot::start().await;
    assert_eq!(
        bot.asks("ana", "ps").await,
        "Nothing is running and nothing is waiting"
    );
    let id = starts(&bot, "fix ABC-1").await;
    bot.job().await;
    let list = bot.asks("ana", "ps").await;
    assert!(
        list.starts_with("1 execution running, 0 waiting") && list.contains(&id.to_string()),
        "{list}"
    );
    let short = &id.to_string()[..14];
    let shown = bot.asks("ana", &format!("show {short}")).await;
    assert!(
        shown.contains("t.ticket running") && shown.contains("key  ABC-1"),
        "{shown}"
    );
    bot.says("ana", "cancel last").await;
    let mut texts = [bot.platform.text().await, bot.platform.text().await];
    texts.sort();
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("⊘ t.ticket is being stopped")),
        "{texts:?}"
    );
    assert!(
        texts.iter().any(|text| text.starts_with("⊘ t.ticket canceled")),
        "{texts:?}"
    );
    let refused = bot.asks("ana", &format!("cancel {id}")).await;
    assert!(
        refused.starts_with("t.ticket has ended already: canceled"),
        "{refused}"
    );
    bot.ends(Status::Succeeded, json!({"stdout": "second time"}));
    bot.says("ana", &format!("rerun {id} key=XYZ-9")).await;
    assert_eq!(bot.job().await.parameters["key"], "XYZ-9");
    let texts = [bot.platform.text().await, bot.platform.text().await];
    assert!(
        texts.iter().any(|text| text.starts_with("▶ t.ticket runs again")),
        "{texts:?}"
    );
    assert!(texts.iter().any(|text| text.contains("second time")), "{texts:?}");
    let history = bot.asks("ana", "history").await;
    assert!(
        history.contains("canceled") && history.contains("succeeded") && history.contains("fix ABC-1"),
        "{history}"
    );
    bot.stop().await;
}

#[tokio::test]
async fn the_log_is_searched_as_on_the_command_line() {
    let bot = Bot::start().await;
    bot.asks("eve", "deploy api to prod").await;
    bot.asks("ana", "whoami").await;
    let found = bot
        .asks(
            "ana",
            "audit search who=eve since=2h action=t.deploy denied \"api to\"",
        )
        .await;
    assert!(
        found.contains("deploy api to prod") && found.lines().count() == 2,
        "{found}"
    );
    let mine = bot
        .asks("ana", "audit search who=me since=\"3 days ago\" limit=1")
        .await;
    assert!(mine.contains("ana") && mine.lines().count() == 2, "{mine}");
    // A sentence in quotes is one text; the search itself says these words too, apart.
    let none = bot.asks("ana", "audit search denied \"to api prod\"").await;
    assert!(none.starts_with("Nothing in the audit log fits"), "{none}");
    let wrong = bot.asks("ana", "audit search whoo=eve").await;
    assert!(
        wrong.contains("did you mean `who=`?") && wrong.contains("For instance"),
        "{wrong}"
    );
    for since in [
        "always",
        "since monday",
        "last monday",
        "3 days ago",
        "1d12h",
        "yesterday 09:30",
    ] {
        let told = bot.asks("ana", &format!("audit summary {since}")).await;
        assert!(told.starts_with("Since "), "{since}: {told}");
    }
    let wrong = bot.asks("ana", "audit summary soonish").await;
    assert!(wrong.starts_with("`soonish` is no time: write 2h"), "{wrong}");
    bot.stop().await;
}

#[tokio::test]
async fn messages_that_mean_nothing_are_logged_and_a_flood_is_counted() {
    let bot = Bot::start().await;
    let long = format!("{} token=hunter2", "ä".repeat(2000));
    bot.asks("ana", &format!("token=hunter2 {long}")).await;
    bot.asks("ana", "go two").await;
    for number in 0..20 {
        bot.asks("bo", &format!("sing song {number}")).await;
    }
    let logged = |kind: &str| {
        bot.store.audit(AuditFilter {
            kind: Some(kind.to_owned()),
            ..AuditFilter::default()
        })
    };
    let entries = logged("chat.not_understood").await.unwrap();
    let text = entries[0].draft.text.clone().unwrap();
    assert_eq!(text.chars().count(), 500);
    assert!(
        text.starts_with("token=******** ä") && !text.contains("hunter"),
        "{text}"
    );
    assert_eq!(entries[0].draft.place, "fake #ops");
    assert_eq!(entries.len(), 11);
    assert_eq!(entries[10].draft.text.as_deref(), Some("sing song 9"));
    let ambiguous = logged("chat.ambiguous").await.unwrap();
    assert_eq!(ambiguous[0].draft.text.as_deref(), Some("go two"));
    assert_eq!(ambiguous[0].draft.detail["fits"], json!(["t.one", "t.two"]));
    let summary = bot.asks("ana", "audit summary 1h").await;
    assert!(summary.contains("12 messages were not understood"), "{summary}");
    bot.hub.shutdown().await;
    let entries = logged("chat.not_understood").await.unwrap();
    assert_eq!(entries.len(), 12);
    assert_eq!(entries[11].draft.detail["count"], 10);
    assert_eq!(entries[11].draft.actor, "bo");
    bot.stop().await;
}

#[tokio::test]
async fn what_may_have_held_a_secret_is_not_logged() {
    let bot = Bot::start().await;
    let folder = bot.folder.path().join("packs/t");
    std::fs::write(
        folder.join("actions/login.yaml"),
        "name: login\nrunner_type: puppet\nenabled: true\nentry_point: ''\nparameters:\n  pin: {type: string, secret: true}\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("aliases/login.yaml"),
        "name: login\naction_ref: t.login\nformats: ['open the safe with {{pin}}']\n",
    )
    .unwrap();
    bot.asks("ana", "reload").await;
    bot.asks("ana", "open teh safe with 1234").await;
    let entries = bot
        .store
        .audit(AuditFilter {
            kind: Some("chat.not_understood".to_owned()),
            ..AuditFilter::default()
        })
        .await
        .unwrap();
    assert_eq!(entries[0].draft.text.as_deref(), Some("********"));
    bot.stop().await;
}

#[tokio::test]
async fn a_part_of_an_id_suffices() {
    let bot = Bot::start().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(starts(&bot, "be quiet").await.to_string());
        bot.job().await;
        bot.ends(Status::Succeeded, json!({}));
    }
    let whole = ids[0].clone();
    let common = ids[0]
        .bytes()
        .zip(ids[1].bytes())
        .take_while(|(a, b)| a == b)
        .count();
    // Digits of the time tell ids apart: those at the beginning, or an end that reaches so far.
    for part in [&whole[1..], &whole[..=common], &format!("…{}.", &whole[2..])] {
        let shown = bot.asks("ana", &format!("show {part}")).await;
        assert!(
            shown.contains("t.quiet succeeded") && shown.contains(&whole),
            "{part}: {shown}"
        );
    }
    let several = bot.asks("ana", &format!("log {}", &whole[..common])).await;
    assert!(
        several.starts_with(&format!("2 executions begin with {}", &whole[..common]))
            && several.contains("Say more digits of the id.")
            && ids.iter().all(|id| several.contains(id)),
        "{several}"
    );
    let several = bot.asks("ana", &format!("log {}", &whole[16..])).await;
    assert!(
        several.starts_with(&format!("2 executions end with {}", &whole[16..]))
            && several.contains("say the first digits"),
        "{several}"
    );
    let short = bot.asks("ana", &format!("cancel {}", &whole[19..])).await;
    assert!(short.contains("its first or last 6 or more suffice"), "{short}");
    bot.stop().await;
}

#[tokio::test]
async fn wrong_ids_are_answered_with_what_to_do() {
    let bot = Bot::start().await;
    let text = bot.asks("ana", "show last").await;
    assert!(text.starts_with("you have not run anything yet"), "{text}");
    let text = bot.asks("ana", "show abc").await;
    assert!(
        text.starts_with("`abc` is no id\nAn id has 24 hexadecimal digits"),
        "{text}"
    );
    let text = bot.asks("ana", "log 0123456789abcdef01234567").await;
    assert!(
        text.starts_with("there is no execution 0123456789abcdef01234567"),
        "{text}"
    );
    let text = bot.asks("ana", "rerun 0123456789 nonsense").await;
    assert!(text.starts_with("there is no execution 0123456789"), "{text}");
    bot.stop().await;
}

#[tokio::test]
async fn the_service_tells_about_itself() {
    let bot = Bot::start().await;
    let status = bot.asks("ana", "status").await;
    assert!(
        status.starts_with("✔ All is well") && status.contains("store        sqlite"),
        "{status}"
    );
    assert!(bot.asks("ana", "whoami").await.contains("roles     admin"));
    let verified = bot.asks("ana", "audit verify").await;
    assert!(verified.starts_with("✔ The audit log is intact: "), "{verified}");
    bot.asks("eve", "deploy api to prod").await;
    let summary = bot.asks("ana", "audit summary 1h").await;
    for part in [
        "ana",
        "eve",
        "What went wrong",
        "deploy api to prod",
        "denied",
        "no rule allows eve",
    ] {
        assert!(summary.contains(part), "{part} is missing in\n{summary}");
    }
    let found = bot.asks("ana", "audit search whoami").await;
    assert!(found.contains("whoami"), "{found}");
    assert!(bot.asks("ana", "audit tail 3").await.lines().count() >= 3);
    std::fs::write(
        bot.folder.path().join("packs/t/aliases/new.yaml"),
        "name: new\naction_ref: t.quiet\nformats: ['brand new']\n",
    )
    .unwrap();
    let reloaded = bot.asks("ana", "reload").await;
    assert!(
        reloaded.contains("Content was read again") && reloaded.contains("new: alias t.new"),
        "{reloaded}"
    );
    bot.stop().await;
}

#[tokio::test]
async fn keys_are_shown_and_set_but_no_secrets() {
    let bot = Bot::start().await;
    // ana is an administrator, bo is none.
    for (who, said, wanted) in [
        ("ana", "key list", "There are no keys that you may see"),
        ("ana", "key set region to eu 1", "The key region is set"),
        ("ana", "key set region to eu 2", "The key region is changed"),
        ("ana", "key get region", "eu 2"),
        (
            "bo",
            "key get region",
            "doesn't have required permission \"key_value_pair_view\"",
        ),
        (
            "bo",
            "key set region to x",
            "doesn't have required permission \"key_value_pair_set\"",
        ),
        ("bo", "key set my editor to vi", "Your key editor is set"),
        ("bo", "key get my editor", "vi"),
        ("bo", "key list", "1 key"),
        ("ana", "key get my editor", "there is no key `ana:editor`"),
        ("ana", "key list reg", "region"),
    ] {
        let text = bot.asks(who, said).await;
        assert!(text.contains(wanted), "{who}: {said}: {text}");
    }
    let keys = bot.hub.desk().keys.clone().unwrap();
    let secret = crate::datastore::Put {
        name: "pw".to_owned(),
        value: "hunter2".to_owned(),
        secret: true,
        ..Default::default()
    };
    let pair = keys
        .put(crate::datastore::Owner::System, secret, "ana")
        .await
        .unwrap();
    for (said, wanted) in [
        ("key get pw", "The key pw is secret"),
        ("key list", "(secret)"),
        (
            "key set pw to hunter3",
            "is secret, and what is said here is read by others",
        ),
    ] {
        let text = bot.asks("ana", said).await;
        assert!(text.contains(wanted), "{said}: {text}");
        assert!(
            !text.contains("hunter2") && !text.contains(&pair.value),
            "{said}: {text}"
        );
    }
    bot.stop().await;
}

#[tokio::test]
async fn schedules_are_said_listed_paused_and_removed() {
    let bot = Bot::start().await;
    let told = bot.asks("bo", "schedules").await;
    assert!(told.contains("Nothing is scheduled"), "{told}");
    let told = bot
        .asks("bo", "schedule every weekday 07:00 deploy api to prod")
        .await;
    for part in [
        "Schedule 1: deploy api to prod",
        "every weekday 07:00",
        "schedule pause 1",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = bot.asks("bo", "schedules").await;
    assert!(
        told.contains("deploy api to prod") && told.contains("bo"),
        "{told}"
    );
    let told = bot.asks("bo", "schedule pause 1").await;
    assert!(told.contains("Schedule 1 is paused"), "{told}");
    let told = bot.asks("bo", "schedules").await;
    assert!(told.contains("paused"), "{told}");
    let told = bot.asks("bo", "schedule resume 1").await;
    assert!(told.contains("Schedule 1 goes on"), "{told}");
    for (said, part) in [
        ("schedule every weekdya deploy api to prod", "every weekday"),
        ("schedule at 22:00 dance", "dance"),
        ("schedule pause 9", "no schedule 9"),
    ] {
        let told = bot.asks("bo", said).await;
        assert!(told.contains(part), "{said}: {told}");
    }
    let told = bot.asks("bo", "schedule remove 1").await;
    assert!(told.contains("Schedule 1 is gone"), "{told}");
    bot.stop().await;
}
