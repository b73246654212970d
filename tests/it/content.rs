//! Packs that change while the server runs: by signal, by watching, by request; broken files.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::server::Api;
use crate::support::{Site, assert_says, eventually};

fn greeting(word: &str) -> String {
    format!(
        "---\nname: greet\npack: trial\naction_ref: core.echo\ndescription: Greets.\nformats:\n  - \"greet {{{{message={word}}}}}\"\nack:\n  enabled: false\n"
    )
}

async fn problems(api: &Api) -> Vec<Value> {
    let answer = api.get("/api/v1/content/problems").await.with(200);
    answer["problems"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn sighup_picks_up_a_new_alias() {
    let site = Site::open().set("content.watch", "false");
    let server = site.serve().await;
    let chat = server.chat("new").await;
    assert_says(&chat.asked("greet").await, &["I do not understand greet"]);
    site.write_pack_file("trial/aliases/greet.yaml", &greeting("hello"));
    assert_says(&chat.asked("greet").await, &["I do not understand greet"]);
    server.signal(Signal::SIGHUP);
    eventually("the alias is in force", async || {
        let answer = server.api().get("/api/v1/actionalias/trial.greet").await;
        (answer.status == 200).then_some(())
    })
    .await;
    assert_says(&chat.asked("greet").await, &["hello"]);
    // The command line's way, and the record of both.
    site.write_pack_file("trial/aliases/greet.yaml", &greeting("good-day"));
    let reloaded = site.sayso(&["reload"]).await.ended(0);
    assert_says(&reloaded.out, &["changed: alias trial.greet"]);
    assert_says(&chat.asked("greet").await, &["good-day"]);
    let audit = server
        .api()
        .get("/api/v1/audit?kind=content.reloaded")
        .await
        .with(200);
    let actors: Vec<&str> = audit
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|entry| entry["actor"].as_str())
        .collect();
    assert_eq!(actors, ["admin", "signal"]);
}

#[tokio::test]
async fn changed_files_are_noticed_and_a_broken_one_keeps_the_former_version() {
    let site = Site::open();
    site.write_pack_file("trial/aliases/greet.yaml", &greeting("hello"));
    let server = site.serve().await;
    let chat = server.chat("watch").await;
    assert_says(&chat.asked("greet").await, &["hello"]);
    assert_eq!(problems(server.api()).await, Vec::<Value>::new());

    // Watching begins a moment after the server is ready, so the file may have to be touched again.
    eventually("the changed file is noticed", async || {
        site.write_pack_file("trial/aliases/greet.yaml", &greeting("good-day"));
        chat.asked("greet").await.contains("good-day").then_some(())
    })
    .await;

    let broken = greeting("bye").replace("formats:\n  - ", "formats:\n  - [");
    site.write_pack_file("trial/aliases/greet.yaml", &broken);
    let problem = eventually("the broken file is reported", async || {
        problems(server.api()).await.into_iter().next()
    })
    .await;
    assert_eq!(problem["file"], "trial/aliases/greet.yaml", "{problem:#}");
    assert_eq!(problem["severity"], "error");
    assert!(
        problem["line"].as_u64().is_some_and(|line| line >= 7),
        "{problem:#}"
    );
    assert!(
        problem["column"].as_u64().is_some_and(|column| column >= 1),
        "{problem:#}"
    );
    assert!(
        !problem["hint"].as_str().unwrap_or_default().is_empty(),
        "{problem:#}"
    );
    assert_says(&chat.asked("greet").await, &["good-day"]);
    // Other things of the pack still work, and so does mending the file.
    let told = server.api().outcome("trial.told", json!({"one": "a"})).await;
    assert_says(told["result"]["stdout"].as_str().unwrap_or_default(), &["[a]"]);
    site.write_pack_file("trial/aliases/greet.yaml", &greeting("welcome"));
    eventually("the mended file is in force", async || {
        (problems(server.api()).await.is_empty() && chat.asked("greet").await.contains("welcome"))
            .then_some(())
    })
    .await;
}

/// What people get wrong in packs: the rest of the pack works, each problem says where it is.
#[tokio::test]
async fn broken_files_are_told_apart_from_good_ones() {
    let site = Site::open();
    let action = |name: &str, rest: &str| {
        format!("---\nname: {name}\npack: broken\nrunner_type: noop\nenabled: true\n{rest}")
    };
    site.write_pack_file("broken/pack.yaml", "---\nname: broken\ndescription: Has everything wrong.\nversion: 1.0.0\nauthor: bo\nemail: bo@example.org\n");
    site.write_pack_file("broken/actions/good.yaml", &action("good", "parameters: {}\n"));
    let wrong = [
        ("malformed", "parameters: {a: [}\n", 6, ""),
        ("twice", "enabled: false\n", 6, "enabled"),
        ("mistyped", "parameters: [1, 2]\n", 6, "parameters"),
        ("misspelt", "paramters: {}\n", 6, "parameters"),
        ("untyped", "parameters:\n  a: {type: strin}\n", 7, "string"),
    ];
    for (name, rest, ..) in &wrong {
        site.write_pack_file(&format!("broken/actions/{name}.yaml"), &action(name, rest));
    }
    site.write_pack_file(
        "broken/actions/unrunnable.yaml",
        &action("unrunnable", "").replace("noop", "nop"),
    );
    std::fs::write(
        site.packs().join("broken/actions/bytes.yaml"),
        b"---\nname: \xff\xfe\n",
    )
    .expect("the file");
    let server = site.serve().await;
    let problems = problems(server.api()).await;
    for (name, _, line, says) in wrong {
        let file = format!("broken/actions/{name}.yaml");
        let problem = problems.iter().find(|problem| problem["file"] == file.as_str());
        let problem = problem.unwrap_or_else(|| panic!("{name} is not reported in {problems:#?}"));
        assert_eq!(problem["line"], line, "{problem:#}");
        let text = format!("{} {}", problem["message"], problem["hint"]);
        assert_says(&text, &[says]);
    }
    for name in ["unrunnable", "bytes"] {
        let file = format!("broken/actions/{name}.yaml");
        assert!(
            problems.iter().any(|problem| problem["file"] == file.as_str()),
            "{name}: {problems:#?}"
        );
    }
    assert_eq!(
        server.api().outcome("broken.good", json!({})).await["status"],
        "succeeded"
    );
    let refused = server.api().run("broken.malformed", json!({})).await;
    assert_eq!(refused.status, 400);
    let mut chat_says = server.chat("broken").await.asked("status").await;
    chat_says.make_ascii_lowercase();
    assert_says(&chat_says, &["content problems"]);
}
