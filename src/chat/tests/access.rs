//! Who people are, what they may do, and what others have to agree to, by saying so.

use serde_json::json;

use super::support::{Bot, Platform, pack, soon, write};
use crate::chat::card::Style;
use crate::chat::forms::Somebody;
use crate::engine::Event;
use crate::model::{Execution, Id, Status};
use crate::store::Store as _;

/// A bot that also knows `launch`, which needs Bo's approval.
async fn start() -> Bot {
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path());
    write(
        folder.path().join("packs/t/aliases/launch.yaml"),
        "name: launch\naction_ref: t.deploy\nformats:\n  - 'launch {{app}}'\nack:\n  enabled: false\napproval: {by: [bo], within: 30m}\n",
    );
    Bot::on(folder, Platform::new("fake")).await
}

/// A message of an account that nobody has vouched for.
async fn stranger(bot: &Bot, text: &str, direct: bool) -> String {
    let mut message = bot.message("U9", text);
    message.identity = None;
    message.is_direct = direct;
    message.mentions_bot = true;
    soon("the receipt", bot.hub.receive(message)).await.unwrap();
    bot.platform.text().await
}

#[tokio::test]
async fn an_account_is_linked_by_its_code_and_let_go_again() {
    let bot = start().await;
    let nobody = stranger(&bot, "whoami", true).await;
    assert!(
        nobody.contains("belongs to nobody") && nobody.contains("`link`"),
        "{nobody}"
    );
    let aloud = stranger(&bot, "link", false).await;
    assert!(aloud.contains("in a direct message"), "{aloud}");
    let told = stranger(&bot, "link", true).await;
    let code = told
        .split('`')
        .nth(1)
        .unwrap_or_else(|| panic!("{told}"))
        .to_owned();
    let linked = bot.asks("bo", &format!("link {code}")).await;
    assert!(linked.contains("fake:U9") && linked.contains("bo"), "{linked}");
    let who = stranger(&bot, "whoami", true).await;
    assert!(who.contains("You are bo"), "{who}");
    let gone = stranger(&bot, "unlink", true).await;
    assert!(gone.contains("does not belong to"), "{gone}");
    let nobody = stranger(&bot, "whoami", true).await;
    assert!(nobody.contains("belongs to nobody"), "{nobody}");
    bot.stop().await;
}

#[tokio::test]
async fn a_form_in_a_channel_does_not_make_it_a_private_place() {
    let bot = start().await;
    let told = stranger(&bot, "link", true).await;
    let code = told.split('`').nth(1).unwrap().to_owned();
    bot.asks("bo", &format!("link {code}")).await;
    let homes = || bot.store.settings("access.home.".to_owned());
    let said = bot.message("U9", "");
    let by = Somebody {
        account: said.account,
        display_name: said.display_name,
        identity: None,
        place: said.place,
    };
    // The page of somebody who is known: else nothing would be remembered anyway.
    let page = bot.hub.home(&by).await.text(Style::Plain);
    assert!(!page.contains("belongs to nobody"), "{page}");
    assert!(homes().await.unwrap().is_empty());
    // What is said to the bot alone is remembered.
    stranger(&bot, "whoami", true).await;
    assert_eq!(homes().await.unwrap().len(), 1);
    bot.stop().await;
}

#[tokio::test]
async fn the_rule_that_decides_is_told() {
    let bot = start().await;
    let mine = bot.asks("bo", "why can't I deploy api to prod").await;
    assert!(
        mine.contains("bo may run t.deploy") && mine.contains("rule 1 allows"),
        "{mine}"
    );
    let not = bot.asks("eve", "why can't I deploy api to prod").await;
    assert!(
        not.contains("eve may not run t.deploy") && not.contains("no rule allows eve"),
        "{not}"
    );
    let needs = bot.asks("bo", "can I launch api").await;
    assert!(
        needs.contains("It needs approval first") && needs.contains("1 of bo"),
        "{needs}"
    );
    let who = bot.asks("ana", "who can deploy api to prod").await;
    assert!(who.contains("Who can run") && who.contains("ana"), "{who}");
    let other = bot.asks("ana", "simulate as @eve deploy api to prod").await;
    assert!(other.contains("eve may not run"), "{other}");
    let unknown = bot.asks("ana", "why can't I fly to the moon").await;
    assert!(unknown.contains("I do not understand"), "{unknown}");
    bot.stop().await;
}

/// Waits until an execution of the test's action is in a state.
async fn reached(bot: &Bot, id: Id, status: Status) -> std::sync::Arc<Execution> {
    let mut events = bot.engine.subscribe();
    let now = bot.engine.execution(id).await.unwrap().unwrap();
    if now.status == status {
        return now;
    }
    loop {
        if let Event::Execution { execution, .. } = soon("the state", events.recv()).await.unwrap()
            && execution.id == id
            && execution.status == status
        {
            return execution;
        }
    }
}

#[tokio::test]
async fn what_an_alias_needs_is_approved_in_chat_before_it_runs() {
    let bot = start().await;
    let receipt = bot.says("ana", "launch api").await;
    let crate::chat::gateway::Receipt::Started { executions, .. } = receipt else {
        panic!("{receipt:?}")
    };
    let card = bot.platform.text().await;
    assert!(card.contains("pending") && card.contains("approvals "), "{card}");
    let asked = bot.platform.text().await;
    assert!(
        asked.contains("ana: launch api") && asked.contains("0 of 1"),
        "{asked}"
    );
    let list = bot.asks("bo", "approvals").await;
    assert!(
        list.contains("ana: launch api") && list.contains("decide"),
        "{list}"
    );
    // The id of what waits means its approval.
    let own = bot.asks("ana", &format!("approve {}", executions[0])).await;
    assert!(own.contains("you asked for this yourself"), "{own}");
    bot.says("bo", &format!("approve {} fine", executions[0])).await;
    let job = bot.job().await;
    assert_eq!(
        (job.user.as_str(), &job.parameters["app"]),
        ("ana", &json!("api"))
    );
    bot.ends(Status::Succeeded, json!({"stdout": "done"}));
    reached(&bot, executions[0], Status::Succeeded).await;
    bot.hub.shutdown().await;
}

#[tokio::test]
async fn breaking_the_glass_is_told_and_reviewed_by_somebody_else() {
    let bot = start().await;
    // Ana owns, as the only administrator with a place to be told something.
    bot.says("ana", "whoami").await;
    bot.platform.text().await;
    bot.says("bo", "break glass the site is down: launch api").await;
    let job = bot.job().await;
    assert_eq!(job.user, "bo");
    let open = crate::access::reviews::open(&*bot.store).await.unwrap();
    assert_eq!((open.len(), open[0].reason.as_str()), (1, "the site is down"));
    bot.ends(Status::Succeeded, json!({"stdout": "done"}));
    reached(&bot, open[0].id, Status::Succeeded).await;
    bot.says("ana", &format!("review {} looked at it", open[0].id))
        .await;
    let mut left = 1;
    while left > 0 {
        bot.platform.text().await;
        left = bot
            .store
            .settings("access.review.".to_owned())
            .await
            .unwrap()
            .len();
    }
    bot.hub.shutdown().await;
}

/// The rows about places of the permission matrix, said where they say.
#[tokio::test]
async fn the_matrix_of_places_holds_in_chat() {
    let suite = crate::access::policy::matrix::suites()
        .into_iter()
        .find(|suite| suite.name == "places")
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path());
    let rows: Vec<_> = suite
        .rows
        .iter()
        .filter(|row| row.get("in").is_some() && !row["run"].as_str().unwrap().starts_with("sayso."))
        .collect();
    for row in &rows {
        let (pack, name) = row["run"].as_str().unwrap().split_once('.').unwrap();
        let pack_folder = folder.path().join("packs").join(pack);
        write(
            pack_folder.join("pack.yaml"),
            &format!(
                "ref: {pack}\nname: {pack}\ndescription: x\nversion: 1.0.0\nauthor: x\nemail: x@example.org\n"
            ),
        );
        write(
            pack_folder.join(format!("actions/{name}.yaml")),
            &format!("name: {name}\nrunner_type: noop\nenabled: true\n"),
        );
        write(
            pack_folder.join(format!("aliases/{name}.yaml")),
            &format!(
                "name: {name}\naction_ref: {pack}.{name}\nformats:\n  - 'please {pack} {name}'\nack:\n  enabled: false\nresult:\n  enabled: false\n"
            ),
        );
    }
    let bot = Bot::on(folder, Platform::new("fake")).await;
    suite.put_into(bot.people.policy());
    let (mut wrong, mut count) = (Vec::new(), 0);
    for row in &rows {
        let run = row["run"].as_str().unwrap().replace('.', " ");
        let user = row["user"].as_str().unwrap();
        let mut message = bot.message(user, &format!("please {run}"));
        message.place = crate::access::policy::matrix::place(row["in"].as_str().unwrap());
        message.is_direct = true;
        let receipt = soon("the receipt", bot.hub.receive(message)).await.unwrap();
        let ran = matches!(receipt, crate::chat::gateway::Receipt::Started { .. });
        let filter = crate::store::AuditFilter {
            kind: Some("access.denied".to_owned()),
            newest_first: true,
            limit: 1,
            ..crate::store::AuditFilter::default()
        };
        let last = bot.store.audit(filter).await.unwrap();
        let told = last
            .first()
            .map(|entry| entry.draft.detail["reason"].to_string())
            .unwrap_or_default();
        count += 1;
        if ran != (row["allowed"] == true) || (!ran && !told.contains(row["reason"].as_str().unwrap())) {
            wrong.push(format!("{row}\n  -> {receipt:?} {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 30, "{count} rows");
    bot.hub.shutdown().await;
    bot.engine.drain().await;
    bot.store.close().await;
}

/// Bo asks from one account; neither his other account, nor the account that asked in other hands, approves.
#[tokio::test]
async fn nobody_approves_their_own_request_from_another_account() {
    let bot = start().await;
    bot.people
        .link("fake:U9", "bo", "administrator", "ana")
        .await
        .unwrap();
    let crate::chat::gateway::Receipt::Started { executions, .. } = bot.says("bo", "launch api").await else {
        panic!("nothing was started")
    };
    bot.platform.text().await;
    bot.platform.text().await;
    let own = stranger(&bot, &format!("approve {}", executions[0]), true).await;
    assert!(own.contains("you asked for this yourself"), "{own}");
    // The account from which it was asked becomes Ana's between the question and the click.
    let mut message = bot.message("bo", &format!("approve {}", executions[0]));
    message.identity = Some(bot.hub.named("ana", "fake"));
    soon("the receipt", bot.hub.receive(message)).await.unwrap();
    let moved = bot.platform.text().await;
    assert!(moved.contains("you asked for this yourself"), "{moved}");
    // Linked with an account while it waits: the rights are those of the person, at once.
    let waits = bot.engine.execution(executions[0]).await.unwrap().unwrap();
    assert_eq!(waits.status, Status::Pending);
    bot.hub.shutdown().await;
}

/// Whoever is deactivated in the middle gets nothing more: no answer, no vote, no cancellation, and what they asked for
/// does not start.
#[tokio::test]
async fn somebody_who_is_deactivated_is_refused_in_the_middle() {
    let bot = start().await;
    bot.people
        .link("fake:U9", "eve", "administrator", "ana")
        .await
        .unwrap();
    let crate::chat::gateway::Receipt::Started { executions, .. } = bot.says("ana", "launch api").await
    else {
        panic!("nothing was started")
    };
    bot.platform.text().await;
    bot.platform.text().await;
    bot.people.set_active("bo", false, "ana").await.unwrap();
    bot.people.set_active("eve", false, "ana").await.unwrap();
    for text in [
        "whoami".to_owned(),
        format!("approve {}", executions[0]),
        format!("cancel {}", executions[0]),
    ] {
        let told = stranger(&bot, &text, true).await;
        assert!(told.contains("eve is deactivated"), "{text}: {told}");
        let mut message = bot.message("bo", &text);
        message.identity = Some(bot.hub.named("bo", "fake"));
        soon("the receipt", bot.hub.receive(message)).await.unwrap();
        let told = bot.platform.text().await;
        assert!(told.contains("bo is deactivated"), "{text}: {told}");
    }
    bot.people.set_active("bo", true, "ana").await.unwrap();
    bot.people.set_active("ana", false, "admin").await.unwrap();
    bot.says("bo", &format!("approve {} fine", executions[0])).await;
    let ended = reached(&bot, executions[0], Status::Failed).await;
    let told = ended.result.as_ref().unwrap()["error"].as_str().unwrap();
    assert!(
        told.contains("is not allowed any more: ana is deactivated"),
        "{told}"
    );
    bot.hub.shutdown().await;
}

/// Mail addresses link accounts where that is switched on, and only those that the platform has verified.
#[tokio::test]
async fn a_verified_address_links_an_account_when_that_is_enabled() {
    use crate::access::{AccessFile, AccessOptions, People, Policy};
    use crate::chat::identities::{Identities as _, LinkedIdentities};
    let bot = start().await;
    for (enabled, email, expected) in [
        (true, Some("Ana@Example.org"), Some("ana")),
        (true, Some(" ana@example.org "), Some("ana")),
        (true, Some("eve@example.org"), None),
        (true, Some("ana@example.org.evil.test"), None),
        (true, None, None),
        (false, Some("ana@example.org"), None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::store::sqlite::SqliteStore::open(crate::store::sqlite::SqliteOptions::new(
            folder.path().join("t.db"),
        ))
        .await
        .unwrap();
        let options = AccessOptions {
            link_by_email: enabled,
            ..AccessOptions::default()
        };
        let policy = std::sync::Arc::new(Policy::new(options).unwrap());
        let text =
            "people:\n  ana: {email: [ana@example.org, a@example.org]}\n  bo: {email: bo@example.org}\n";
        policy.set_file(Some(
            AccessFile::read("access.yaml", text, &policy.known()).unwrap(),
        ));
        let people = People::load(policy, std::sync::Arc::new(store)).await.unwrap();
        let identities = LinkedIdentities::new(std::sync::Arc::clone(&people));
        let mut message = bot.message("U9", "whoami");
        message.identity = None;
        message.email = email.map(str::to_owned);
        let found = identities.of(&message).await;
        assert_eq!(
            found.as_ref().ok().map(|identity| identity.user.as_str()),
            expected,
            "{email:?} {found:?}"
        );
        assert_eq!(people.person_of("fake:U9").as_deref(), expected);
        if expected.is_some() {
            // It stays theirs, whatever address the platform tells later.
            message.email = Some("bo@example.org".to_owned());
            assert_eq!(identities.of(&message).await.unwrap().user, "ana");
        }
    }
    // An address of two people is a mistake of the file.
    let policy = Policy::new(AccessOptions::default()).unwrap();
    let text = "people:\n  ana: {email: a@x.org}\n  bo: {email: A@x.org}\n";
    let problems = AccessFile::read("access.yaml", text, &policy.known()).unwrap_err();
    assert!(
        problems[0].message.contains("belongs to ana already"),
        "{problems:?}"
    );
    bot.hub.shutdown().await;
}

/// What is asked about a command with a secret in it leaves the secret nowhere, and the answer does not tell it.
#[tokio::test]
async fn questions_about_rights_leave_no_secrets_behind() {
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path());
    write(
        folder.path().join("packs/t/actions/login.yaml"),
        "name: login\nrunner_type: puppet\nenabled: true\nparameters:\n  pin: {type: string, secret: true}\n",
    );
    write(
        folder.path().join("packs/t/aliases/login.yaml"),
        "name: login\naction_ref: t.login\nformats:\n  - 'login {{pin}}'\napproval: {by: [eve]}\n",
    );
    let bot = Bot::on(folder, Platform::new("fake")).await;
    for (who, text) in [
        ("bo", "why can't I login hunter2"),
        ("eve", "why can't I login hunter2"),
        ("ana", "who can login hunter2"),
        ("ana", "simulate as @eve login hunter2"),
    ] {
        let told = bot.asks(who, text).await;
        assert!(
            told.contains("t.login") && !told.contains("hunter2"),
            "{text}: {told}"
        );
    }
    bot.says("bo", "break glass it is urgent: login hunter2").await;
    let job = bot.job().await;
    assert_eq!(job.parameters["pin"], json!("hunter2"));
    bot.ends(Status::Succeeded, json!({"stdout": "done"}));
    let open = crate::access::reviews::open(&*bot.store).await.unwrap();
    reached(&bot, open[0].id, Status::Succeeded).await;
    let kept = bot
        .store
        .audit(crate::store::AuditFilter::default())
        .await
        .unwrap();
    assert!(
        kept.len() >= 5 && !format!("{kept:?}").contains("hunter2"),
        "{kept:#?}"
    );
    let page = bot
        .store
        .executions(
            crate::store::ExecutionFilter::default(),
            crate::store::Page::default(),
        )
        .await
        .unwrap();
    for execution in &page.items {
        let whole = bot.engine.execution(execution.id).await.unwrap();
        assert!(!format!("{whole:?}").contains("hunter2"), "{whole:#?}");
    }
    bot.hub.shutdown().await;
}

/// `help`, and who is told what, by rights made a moment ago.
#[tokio::test]
async fn help_shows_what_rules_made_by_command_allow_here() {
    let bot = start().await;
    let help = bot.asks("eve", "help t").await;
    assert!(!help.contains("deploy"), "{help}");
    let admin = bot.hub.named("ana", "test");
    let serde_json::Value::Object(body) =
        json!({"to": "*", "except": ["bo"], "run": "t.deploy", "in": "#ops"})
    else {
        unreachable!()
    };
    let id = bot.people.make_grant(body, &admin).await.unwrap();
    let help = bot.asks("eve", "help t").await;
    assert!(help.contains("deploy"), "{help}");
    let why = bot.asks("eve", "why can't I deploy api to prod").await;
    assert!(
        why.contains("eve may run t.deploy") && why.contains("grant g-1 made by ana on"),
        "{why}"
    );
    bot.people.delete_grant(&id, &admin).await.unwrap();
    let help = bot.asks("eve", "help t").await;
    assert!(!help.contains("deploy"), "{help}");
    bot.hub.shutdown().await;
}
