//! The command line as scripts use it: exit statuses, shapes, with and without a server.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Server, Site, assert_says, eventually};

/// `sayso run` in all the ways that an execution can end.
async fn run_statuses(site: &Site) {
    let done = site
        .sayso(&["run", "core.local", "cmd=echo hello", "-o", "json"])
        .await
        .ended(0)
        .json();
    assert_eq!(done["status"], "succeeded");
    assert_eq!(done["result"]["stdout"], "hello");
    assert_eq!(done["action"]["ref"], "core.local");
    assert_eq!(done["parameters"]["cmd"], "echo hello");
    assert_eq!(done["context"]["user"], "admin");
    for key in [
        "id",
        "start_timestamp",
        "end_timestamp",
        "liveaction",
        "runner",
        "log",
        "elapsed_seconds",
    ] {
        assert!(!done[key].is_null(), "{key} is missing in {done:#}");
    }
    let done = site
        .sayso(&["run", "core.local", "cmd=exit 3", "-j"])
        .await
        .ended(1)
        .json();
    assert_eq!(done["result"]["return_code"], 3);
    let done = site
        .sayso(&["run", "core.local", "cmd=sleep 30", "timeout=1", "-j"])
        .await
        .ended(3)
        .json();
    assert_eq!(done["status"], "timeout");
    let refused = site.sayso(&["run", "core.lokal", "cmd=date"]).await.ended(2);
    assert_says(
        &refused.err,
        &["there is no action `core.lokal`", "did you mean `core.local`?"],
    );
    let refused = site.sayso(&["run", "core.local", "cmmd=date"]).await.ended(2);
    assert_says(&refused.err, &["'cmmd' was unexpected"]);
    let tailed = site
        .sayso(&[
            "run",
            "core.local",
            "--tail",
            "cmd=for i in 1 2 3; do echo line $i; done",
        ])
        .await
        .ended(0);
    assert_eq!(tailed.out, "line 1\nline 2\nline 3\n");
    assert_says(&tailed.err, &["succeeded"]);
    site.sayso(&["run", "core.local", "--tail", "cmd=echo x; false"])
        .await
        .ended(1);
    let accepted = site
        .sayso(&["run", "core.local", "--async", "cmd=true", "-j"])
        .await
        .ended(0)
        .json();
    assert_eq!(accepted["id"].as_str().map(str::len), Some(24), "{accepted:#}");
    // Words behind the first one without `=` are the command.
    let done = site
        .sayso(&["run", "core.local", "-j", "--", "echo", "a", "b=c"])
        .await
        .ended(0)
        .json();
    assert_eq!(done["result"]["stdout"], "a b=c");
}

#[tokio::test]
async fn run_tells_how_it_ended_without_a_server() {
    let site = Site::open();
    run_statuses(&site).await;
}

#[tokio::test]
async fn run_tells_how_it_ended_with_a_server() {
    let site = Site::open();
    let server = site.serve().await;
    run_statuses(&site).await;
    // All of it ran there.
    let list = server.api().get("/api/v1/executions?limit=-1").await.with(200);
    assert_eq!(list.as_array().map(Vec::len), Some(7), "{list:#}");
}

#[tokio::test]
async fn canceled_and_abandoned_have_their_own_status() {
    let site = Site::open()
        .set("engine.drain_seconds", "0")
        .set("runners.grace_seconds", "0");
    let server = site.serve().await;
    let run = |name: &str| {
        let started = format!("started={}", site.path(name).display());
        let go = format!("go={}", site.path("never").display());
        let site = &site;
        async move { site.sayso(&["run", "trial.gate", &started, &go, "-j"]).await }
    };
    let cancel = async {
        eventually("it is at work", async || {
            site.path("first").exists().then_some(())
        })
        .await;
        site.sayso(&["execution", "cancel", "last"]).await.ended(0);
    };
    let (done, ()) = tokio::join!(run("first"), cancel);
    assert_eq!(done.ended(4).json()["status"], "canceled");

    // The server is stopped while it runs; what became of it is told by the one who asks afterwards.
    let id = server
        .api()
        .started(
            "trial.gate",
            json!({"started": site.path("second"), "go": site.path("never")}),
        )
        .await;
    eventually("it is at work", async || {
        site.path("second").exists().then_some(())
    })
    .await;
    assert!(server.stop().await.success());
    let tailed = site.sayso(&["execution", "get", &id, "-j"]).await;
    assert_eq!(
        serde_json::from_str::<Value>(&tailed.out).expect("JSON")["status"],
        "abandoned"
    );
}

/// The status of the one that waits for an execution which is abandoned under its hands.
#[tokio::test]
async fn run_waits_over_an_end_of_the_server() {
    let site = Site::open()
        .set("engine.drain_seconds", "0")
        .set("runners.grace_seconds", "0");
    let server = site.serve().await;
    let started = format!("started={}", site.path("started").display());
    let go = format!("go={}", site.path("never").display());
    let stop = async {
        eventually("it is at work", async || {
            site.path("started").exists().then_some(())
        })
        .await;
        assert!(server.stop().await.success());
    };
    let words = ["run", "trial.gate", &started, &go, "-j"];
    let (done, ()) = tokio::join!(site.sayso(&words), stop);
    // Either it still saw the end, or it says that the server went away; it never claims success.
    assert!(matches!(done.status, Some(2 | 5)), "{done:#?}");
    assert!(done.status == Some(5) || !done.err.is_empty(), "{done:#?}");
}

#[tokio::test]
async fn a_named_server_and_token_are_used() {
    let site = Site::open();
    let server = site.serve().await;
    let other = Site::open();
    let (base, token) = (server.api().base(), server.api().token());
    let done = other
        .sayso(&["run", "core.noop", "-j", "--server", &base, "--token", &token])
        .await
        .ended(0)
        .json();
    let id = done["id"].as_str().expect("an id");
    assert_eq!(done["web_url"], format!("{base}/#/history/{id}/general"));
    assert_eq!(server.api().execution(id).await["status"], "succeeded");
    let refused = other
        .sayso(&["run", "core.noop", "--server", &base, "--token", "wrong"])
        .await
        .ended(2);
    assert_says(&refused.err, &["Unauthorized"]);
    // Its own token is not shown to a stranger.
    other
        .sayso(&["run", "core.noop", "--server", &base])
        .await
        .ended(2);
    let refused = other
        .sayso(&["run", "core.noop", "--server", "http://127.0.0.1:1"])
        .await
        .ended(2);
    assert_says(&refused.err, &["127.0.0.1:1"]);
}

#[tokio::test]
async fn executions_are_listed_repeated_and_read() {
    let site = Site::open();
    let _server = site.serve().await;
    let first = site
        .sayso(&["run", "trial.told", "one=a", "two=b", "-j"])
        .await
        .ended(0)
        .json();
    let id = first["id"].as_str().expect("an id").to_owned();
    let output = site.sayso(&["execution", "output", &id]).await.ended(0);
    assert_eq!(output.out.trim_end(), "[a][b]");
    let again = site
        .sayso(&["execution", "re-run", &id, "two=c", "-j"])
        .await
        .ended(0)
        .json();
    assert_eq!(again["result"]["stdout"], "[a][c]");
    let list = site
        .sayso(&["execution", "list", "-j", "--action", "trial.told"])
        .await
        .ended(0)
        .json();
    let ids: Vec<&Value> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, [&again["id"], &first["id"]]);
    let table = site.sayso(&["execution", "list"]).await.ended(0);
    assert_says(&table.out, &[&id, "trial.told", "succeeded"]);
    let missing = site
        .sayso(&["execution", "get", "000000000000000000000000"])
        .await;
    assert_eq!(missing.status, Some(2));
    assert_says(&missing.err, &["there is no execution 000000000000000000000000"]);
}

#[tokio::test]
async fn alias_rows_are_answered_one_by_one() {
    let site = Site::open();
    let rows = [
        json!({"id": "1", "format": "deploy {{ app }} {{ env=staging }}", "message": "deploy web"}),
        json!({"id": "2", "format": "deploy {{ app }}", "message": "remove web"}),
        json!({"id": "3", "format": "(", "message": "x"}),
        json!({"id": "4", "aliases": [{"name": "a", "formats": ["x {{y}}", "z"]}, {"name": "b", "formats": ["x {{q}}"]}], "message": "x 1"}),
        json!({"id": "5", "format": r"(?:\b|^)(?P<n>[0-9]+)(?=.* done)(?:\b|$)", "message": "1 and 22 are done", "multiple": true}),
    ];
    let mut input: String = rows.iter().map(|row| format!("{row}\n")).collect();
    input.push_str("no json\n");
    let done = site
        .sayso_with(&["alias", "match", "--json"], &input)
        .await
        .ended(0);
    let answers = done.json_lines();
    let of = |id: &str| {
        answers
            .iter()
            .find(|answer| answer["id"] == id)
            .unwrap_or_else(|| panic!("{id}: {answers:#?}"))
    };
    assert_eq!(
        of("1"),
        &json!({"id": "1", "ok": true, "match": true, "params": {"app": "web", "env": "staging"}})
    );
    assert_eq!(of("2"), &json!({"id": "2", "ok": true, "match": false}));
    assert_eq!(of("3")["ok"], false);
    let names: Vec<&Value> = of("4")["matches"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["alias"])
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(of("5")["all"], json!([{"n": "1"}, {"n": "22"}]));
    assert_eq!(answers.len(), rows.len() + 1, "{answers:#?}");
}

#[tokio::test]
async fn lint_tells_all_problems_of_a_pack() {
    let site = Site::open();
    let pack = site.path("bad");
    let write = |path: &str, text: &str| crate::support::packs::write(&pack.join(path), text);
    write(
        "pack.yaml",
        "---\nname: bad\ndescription: Bad.\nversion: 1.0.0\nauthor: bo\nemail: bo@example.org\n",
    );
    write(
        "actions/one.yaml",
        "---\nname: one\nrunner_type: nope\nenabled: true\n",
    );
    write(
        "actions/two.yaml",
        "---\nname: two\nname: two\nrunner_type: noop\nenabled: true\n",
    );
    write(
        "aliases/three.yaml",
        "---\nname: three\naction_ref: bad.one\nformats:\n  - \"do (\"\n",
    );
    write("rules/four.yaml", "---\nname: four\n");
    let path = pack.display().to_string();
    let report = site
        .sayso(&["pack", "lint", &path, "--json"])
        .await
        .ended(1)
        .json();
    assert_eq!(
        (&report["pack"], &report["ok"]),
        (&json!("bad"), &json!(false)),
        "{report:#}"
    );
    assert_eq!(
        report["counts"],
        json!({"actions": 2, "aliases": 1, "rules": 1, "workflows": 0, "sensors": 0, "triggers": 0, "policies": 0})
    );
    let errors = report["errors"].as_array().expect("a list");
    for (file, line) in [
        ("actions/one.yaml", 3),
        ("actions/two.yaml", 3),
        ("aliases/three.yaml", 5),
    ] {
        let error = errors
            .iter()
            .find(|error| error["file"].as_str().unwrap_or_default().ends_with(file));
        let error = error.unwrap_or_else(|| panic!("{file} is not in {errors:#?}"));
        assert_eq!(error["line"], line, "{error:#}");
        assert!(
            error["column"].as_u64().is_some_and(|column| column > 0),
            "{error:#}"
        );
        assert!(
            error["message"].as_str().is_some_and(|text| !text.is_empty()),
            "{error:#}"
        );
    }
    let good = site.packs().join("trial").display().to_string();
    let report = site
        .sayso(&["pack", "lint", &good, "--json"])
        .await
        .ended(0)
        .json();
    assert_eq!(report["errors"], json!([]));
}

/// Changes the database behind Sayso's back.
fn tamper(database: &Path, statement: &str) {
    let script = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute(sys.argv[2])\nc.commit()\nc.close()";
    let done = Command::new("python3")
        .args(["-c", script])
        .arg(database)
        .arg(statement)
        .output();
    let done = done.expect("python3 with sqlite3 is there");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test]
async fn a_changed_audit_log_is_noticed() {
    for (statement, entry) in [
        (
            "UPDATE audit SET text = replace(text, 'core.noop', 'core.nope'), action = 'core.nope' WHERE number = 3",
            3,
        ),
        ("UPDATE audit SET actor = 'nobody' WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number >= 4", 4),
        ("UPDATE audit SET hash = zeroblob(32) WHERE number = 3", 3),
    ] {
        let site = Site::open();
        let server = site.serve().await;
        for _ in 0..5 {
            server.api().pulse().await;
        }
        assert!(server.stop().await.success());
        let verified = site.sayso(&["audit", "verify", "-j"]).await.ended(0).json();
        assert!(
            verified["entries"].as_u64().is_some_and(|count| count >= 5),
            "{verified:#}"
        );
        tamper(&site.data().join("sayso.db"), statement);
        let verified = site.sayso(&["audit", "verify"]).await.ended(1);
        let told = format!("{}{}", verified.out, verified.err);
        assert_says(&told, &["broken", &format!("entry {entry}")]);
    }
}

#[tokio::test]
async fn a_backup_of_the_running_server_is_whole() {
    let site = Site::open();
    let server = site.serve().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(server.api().started("core.noop", json!({})).await);
    }
    let id = server
        .api()
        .started("core.local", json!({"cmd": "seq 1 2000"}))
        .await;
    server.api().over(&id).await;
    let target = site.path("copy.db").display().to_string();
    let words = ["db", "backup", &target];
    // While it goes on working.
    let (backup, ()) = tokio::join!(site.sayso(&words), async {
        for _ in 0..50 {
            server.api().pulse().await;
        }
    });
    backup.ended(0);
    let again = site.sayso(&words).await.ended(2);
    assert_says(&again.err, &["exists already"]);

    let restored = Site::open();
    std::fs::create_dir_all(restored.data()).expect("the data folder");
    std::fs::copy(&target, restored.data().join("sayso.db")).expect("the copy");
    std::fs::copy(site.data().join("secret.key"), restored.data().join("secret.key")).expect("the key");
    restored.sayso(&["db", "check"]).await.ended(0);
    restored.sayso(&["audit", "verify"]).await.ended(0);
    let copy: Server = restored.serve().await;
    for id in &ids {
        assert_eq!(copy.api().execution(id).await["status"], "succeeded");
    }
    let output = restored.sayso(&["execution", "output", &id]).await.ended(0);
    assert_eq!(output.out.lines().count(), 2000);
}
