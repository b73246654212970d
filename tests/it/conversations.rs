//! What the README promises of conversations, each once, with the real thing.

use serde_json::{Value, json};

use crate::support::chat::text_of;
use crate::support::web::Web;
use crate::support::{Chat, Site, assert_says, eventually};

fn id_of(receipt: &Value) -> String {
    receipt["executions"][0]
        .as_str()
        .unwrap_or_else(|| panic!("nothing started: {receipt:#}"))
        .to_owned()
}

/// Starts the action that waits until its gate opens; gives its id.
async fn waiting(site: &Site, chat: &Chat, name: &str) -> String {
    let (started, go) = (site.path(&format!("{name}.started")), site.path(name));
    let id = id_of(
        &chat
            .say(&format!("gate {} until {}", started.display(), go.display()))
            .await,
    );
    eventually("the action is at work", async || started.exists().then_some(())).await;
    id
}

#[tokio::test]
async fn help_tells_what_can_be_said() {
    let site = Site::open();
    let server = site.serve().await;
    let chat = server.chat("help").await;
    let told = chat.asked("help").await;
    assert_says(&told, &["help [words]", "approve <id> [reason]", "page 1 of"]);
    let more = chat.asked("help more").await;
    assert_says(&more, &["http get <url>", "run <command> on localhost"]);
    let told = chat.asked("help http").await;
    assert_says(&told, &["http get <url>"]);
    assert!(!told.contains("pause"), "{told}");
    let told = chat.asked("explain run date on localhost").await;
    assert_says(&told, &["core.local", "core.run_local", "date", "Nothing ran"]);
}

#[tokio::test]
async fn a_command_runs_on_this_machine() {
    let site = Site::open();
    let server = site.serve().await;
    let chat = server.chat("run").await;
    let receipt = chat.say("run uptime on localhost").await;
    let answer = chat.answer_to(&receipt).await;
    assert_eq!(answer["status"], "succeeded");
    let execution = server.api().execution(&id_of(&receipt)).await;
    let printed = execution["result"]["stdout"]
        .as_str()
        .expect("output")
        .trim()
        .to_owned();
    assert_says(&printed, &["load average"]);
    assert_says(&text_of(&answer), &["core.local", "succeeded", &printed]);
    // A failure is told as one, with what it said.
    let answer = chat.ask("run 'echo oh no >&2; exit 3' on localhost").await;
    assert_eq!(answer["status"], "failed");
    assert_says(&text_of(&answer), &["failed", "oh no"]);
}

#[tokio::test]
async fn a_web_address_is_asked() {
    let site = Site::open();
    let server = site.serve().await;
    let web = Web::answering(200, "everything is fine").await;
    let chat = server.chat("http").await;
    let answer = chat.ask(&format!("http get {}/healthz?deep=1", web.base)).await;
    assert_eq!(answer["status"], "succeeded", "{answer:#}");
    assert_says(&text_of(&answer), &["everything is fine", "200"]);
    assert_eq!(web.requests(), ["GET /healthz?deep=1 HTTP/1.1"]);
    let down = Web::answering(500, "nothing is fine").await;
    let answer = chat.ask(&format!("http get {}/", down.base)).await;
    assert_eq!(answer["status"], "failed");
    assert_says(&text_of(&answer), &["500"]);
}

#[tokio::test]
async fn what_is_not_understood_is_answered_with_the_nearest_commands() {
    let site = Site::open();
    let server = site.serve().await;
    let chat = server.chat("unknown").await;
    let receipt = chat.say("audit sumary").await;
    assert_eq!(receipt["understood"], false);
    assert_eq!(receipt["executions"], json!([]));
    let told = text_of(&chat.answer_to(&receipt).await);
    assert_says(
        &told,
        &[
            "I do not understand audit sumary",
            "Did you mean",
            "audit summary [since]",
        ],
    );
    let near: Vec<&str> = told.lines().filter(|line| line.starts_with("audit ")).collect();
    assert_eq!(near.len(), 4, "three commands, and what was meant: {told}");
    assert!(near[0].starts_with("audit summary [since]"), "{told}");
    assert!(near[3].starts_with("audit summary · "), "{told}");
}

#[tokio::test]
async fn who_may_not_is_told_why_and_nothing_runs() {
    let site = Site::closed();
    let server = site.serve().await;
    let ana = server.chat_as("ana", "denied").await;
    let answer = ana.ask("run date on localhost").await;
    assert_eq!(answer["kind"], "denied", "{answer:#}");
    assert_says(&text_of(&answer), &["Not allowed", "core.local", "ana"]);
    assert_eq!(answer["understood"], false);
    // Help shows only what she may run.
    let told = ana.asked("help").await;
    assert!(!told.contains("run <command> on localhost"), "{told}");
    // The same over HTTP and on the command line, each with the reason.
    let refused = server
        .api()
        .acting_as("ana")
        .run("core.local", json!({"cmd": "date"}))
        .await;
    assert_eq!(refused.status, 403, "{:#}", refused.body);
    assert_says(refused.fault(), &["Not allowed", "ana"]);
    let said = site
        .sayso(&["chat", "--say", "run date on localhost", "--as", "ana"])
        .await
        .ended(2);
    assert_says(&said.out, &["Not allowed", "ana"]);
    // On record, with her name; and nothing ran.
    let audit = server
        .api()
        .get("/api/v1/audit?kind=access.denied&actor=ana")
        .await
        .with(200);
    assert_eq!(audit.as_array().map(Vec::len), Some(3), "{audit:#}");
    let list = server
        .api()
        .get("/api/v1/executions?action=core.local")
        .await
        .with(200);
    assert_eq!(list, json!([]));
}

#[tokio::test]
async fn a_rule_allows_what_it_says_and_nothing_else() {
    let site = Site::closed();
    let settings = "[[access.allow]]\nname = \"looking\"\nwho = \"ana\"\nactions = [\"core.local\", \"chatops.*\"]\nparameters = { cmd = \"date*\" }\n";
    std::fs::create_dir_all(site.data()).expect("the data folder");
    std::fs::write(site.data().join("sayso.toml"), settings).expect("the settings");
    let server = site.serve().await;
    let ana = server.chat_as("ana", "rule").await;
    assert_eq!(ana.ask("run 'date -u' on localhost").await["status"], "succeeded");
    assert_eq!(ana.ask("run id on localhost").await["kind"], "denied");
    let bo = server.chat_as("bo", "rule").await;
    assert_eq!(bo.ask("run 'date -u' on localhost").await["kind"], "denied");
}

#[tokio::test]
async fn what_can_mean_two_things_runs_neither() {
    let site = Site::open();
    for (name, action) in [("one", "core.echo"), ("two", "core.local")] {
        let alias = json!({
            "name": name, "pack": "trial", "action_ref": action, "description": "One of two.",
            "formats": [if name == "one" { "do {{message}}" } else { "do {{cmd}}" }],
        });
        site.write_pack_file(&format!("trial/aliases/{name}.yaml"), &alias.to_string());
    }
    let server = site.serve().await;
    let chat = server.chat("ambiguous").await;
    let answer = chat.ask("do something").await;
    assert_eq!(answer["kind"], "ambiguous", "{answer:#}");
    assert_says(
        &text_of(&answer),
        &[
            "can mean 2 things",
            "do <message>",
            "do <cmd>",
            "trial.one",
            "trial.two",
            "Nothing runs",
        ],
    );
    assert_eq!(server.api().get("/api/v1/executions").await.with(200), json!([]));
}

#[tokio::test]
async fn what_runs_can_be_looked_at_and_canceled_from_chat() {
    let site = Site::open();
    let server = site.serve().await;
    let chat = server.chat("cancel").await;
    let id = waiting(&site, &chat, "never").await;
    let told = chat.asked("ps").await;
    assert_says(
        &told,
        &["1 execution running", &id, "trial.gate", "admin", "gate /"],
    );
    let told = chat.asked(&format!("show {id}")).await;
    assert_says(
        &told,
        &[&id, "trial.gate", "running", "admin in console", "trial.gate"],
    );
    // Its output can be read while it runs.
    eventually("its first line is stored", async || {
        chat.asked(&format!("log {id}"))
            .await
            .contains("waiting")
            .then_some(())
    })
    .await;
    let told = chat.asked(&format!("cancel {id}")).await;
    assert_says(&told, &["trial.gate", "is being stopped", &id]);
    let about = id.clone();
    let answer = chat
        .hears("its end", move |event| {
            event["execution"] == json!(about) && event["final"] == true
        })
        .await;
    assert_eq!(answer["status"], "canceled");
    assert_says(&text_of(&answer), &["canceled"]);
    assert_says(
        &chat.asked("ps").await,
        &["Nothing is running and nothing is waiting"],
    );
    let told = chat.asked(&format!("cancel {id}")).await;
    assert_says(&told, &["has ended already", "canceled"]);
    // No process of it is left.
    let marker = site.path("never").display().to_string();
    eventually("its processes are gone", async || {
        let list = std::process::Command::new("ps")
            .args(["-eo", "args"])
            .output()
            .ok()?;
        (!String::from_utf8_lossy(&list.stdout).contains(&marker)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn it_runs_again_with_a_changed_parameter() {
    let site = Site::open();
    let server = site.serve().await;
    let chat = server.chat("again").await;
    let receipt = chat.say("tell red and green").await;
    let first = id_of(&receipt);
    assert_says(&text_of(&chat.answer_to(&receipt).await), &["[red][green]"]);
    let answer = chat.ask(&format!("rerun {first} two=blue")).await;
    let again = answer["starts"][0]
        .as_str()
        .unwrap_or_else(|| panic!("{answer:#}"))
        .to_owned();
    assert_ne!(again, first);
    let about = again.clone();
    let answer = chat
        .hears("the second answer", move |event| {
            event["execution"] == json!(about) && event["final"] == true
        })
        .await;
    assert_says(&text_of(&answer), &["[red][blue]"]);
    let execution = server.api().execution(&again).await;
    assert_eq!(execution["context"]["re-run"]["ref"], first.as_str());
    assert_eq!(execution["parameters"]["two"], "blue");
    // A parameter that does not exist is refused, near miss named.
    let told = chat.asked(&format!("rerun {first} tow=blue")).await;
    assert_says(&told, &["tow", "two"]);
    let told = chat.asked("rerun 000000000000000000000000").await;
    assert_says(&told, &["000000000000000000000000"]);
}

#[tokio::test]
async fn questions_about_what_was_are_answered_truly() {
    let site = Site::open();
    let server = site.serve().await;
    let chat = server.chat("questions").await;
    let receipt = chat.say("tell one and two").await;
    let id = id_of(&receipt);
    chat.answer_to(&receipt).await;
    chat.ask("run 'seq 1 100; exit 4' on localhost").await;

    let told = chat.asked(&format!("show {id}")).await;
    assert_says(
        &told,
        &[
            "trial.told succeeded",
            "tell one and two",
            "by",
            "admin",
            "[one][two]",
            "admin has the role admin",
        ],
    );
    let told = chat.asked(&format!("log {id}")).await;
    assert_says(&told, &["[one][two]", "lines 1 to 1 of 1"]);
    let told = chat.asked("log last tail 3").await;
    assert_says(&told, &["98\n99\n100"]);
    let told = chat.asked("log last grep 42").await;
    assert_says(&told, &["42"]);
    assert!(!told.lines().any(|line| line.trim() == "41"), "{told}");
    let told = chat.asked("history").await;
    assert_says(
        &told,
        &[&id, "trial.told", "succeeded", "core.local", "failed", "admin"],
    );
    let told = chat.asked("history status=failed").await;
    assert!(!told.contains(&id) && told.contains("core.local"), "{told}");
    let told = chat.asked("whoami").await;
    assert_says(&told, &["You are admin", "roles", "admin", "questions"]);
    let told = chat.asked("status").await;
    assert_says(
        &told,
        &[
            "1 thing needs attention",
            "access.mode is open",
            "up for",
            "of 64 at once",
        ],
    );
    let told = chat.asked("audit summary").await;
    assert_says(&told, &["admin", "trial.told", "core.local", "1     1"]);
    let told = chat.asked("audit verify").await;
    assert_says(&told, &["intact"]);
    let told = chat.asked("audit search told").await;
    assert_says(&told, &["trial.told", "admin"]);
    let told = chat.asked("audit tail 2").await;
    assert_says(&told, &["admin", "chatops.audit"]);
}

#[tokio::test]
async fn long_output_is_summed_up_with_the_way_to_the_rest() {
    let site = Site::open();
    let server = site.serve().await;
    let chat = server.chat("long").await;
    let receipt = chat.say("run 'seq 1 5000' on localhost").await;
    let id = id_of(&receipt);
    let told = text_of(&chat.answer_to(&receipt).await);
    assert!(told.lines().count() < 70, "{} lines", told.lines().count());
    assert_says(&told, &["left out", &format!("log {id}")]);
    let told = chat.asked(&format!("log {id} grep 4321")).await;
    assert_says(&told, &["4321"]);
}

/// Scripts say things with the command line and read the exit status.
#[tokio::test]
async fn one_shot_chat_tells_by_its_exit_status() {
    let site = Site::open();
    // Without a server everything starts inside.
    let said = site
        .sayso(&["chat", "--say", "run 'echo hello' on localhost"])
        .await
        .ended(0);
    assert_says(&said.out, &["hello"]);
    let server = site.serve().await;
    let said = site
        .sayso(&["chat", "--say", "run 'echo hello' on localhost"])
        .await
        .ended(0);
    assert_says(&said.out, &["hello"]);
    site.sayso(&["chat", "--say", "run 'exit 1' on localhost"])
        .await
        .ended(1);
    site.sayso(&["chat", "--say", "make me a sandwich"])
        .await
        .ended(2);
    let said = site
        .sayso(&[
            "chat",
            "--json",
            "--say",
            "echo hi",
            "--say",
            "run false on localhost",
        ])
        .await
        .ended(1);
    let lines = said.json_lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["ok"], &lines[0]["understood"]),
        (&json!(true), &json!(true)),
        "{lines:#?}"
    );
    assert_says(lines[0]["answer"].as_str().unwrap_or_default(), &["hi"]);
    assert_eq!(
        (&lines[1]["ok"], &lines[1]["executions"][0]["status"]),
        (&json!(false), &json!("failed"))
    );
    // Lines of standard input are messages, too.
    let said = site
        .sayso_with(&["chat"], "echo first\necho second\n")
        .await
        .ended(0);
    assert_says(&said.out, &["first", "second"]);
    let list = server
        .api()
        .get("/api/v1/executions?action=core.echo")
        .await
        .with(200);
    assert_eq!(list.as_array().map(Vec::len), Some(3));
}
