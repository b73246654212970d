//! Rules and their events on the command line, with the whole application behind it.

use std::ffi::OsString;

use serde_json::{Value, json};

use crate::app::Sayso;
use crate::cli::{Output, run_with};
use crate::settings::Sources;

/// A folder with an installation; every command starts it, and stops it again.
pub(super) struct Site(tempfile::TempDir);

pub(super) struct Told {
    pub(super) status: u8,
    pub(super) out: String,
    pub(super) err: String,
}

impl Told {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

impl Site {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Runs a command that must end with this status.
    pub(super) async fn run(&self, arguments: &[&str], status: u8) -> Told {
        let (out, stdout, stderr) = Output::captured(None);
        let home = self.0.path().canonicalize().unwrap();
        let data = home.join("data").display().to_string();
        let sources = Sources {
            variables: [("HOME".to_owned(), home.display().to_string())].into(),
            directory: home,
            ..Sources::default()
        };
        let mut all = vec!["sayso", "--data-dir", data.as_str()];
        all.extend(arguments);
        let all: Vec<OsString> = all.into_iter().map(OsString::from).collect();
        let ended = Box::pin(run_with(all, sources, out, &Sayso)).await;
        let told = Told {
            status: ended,
            out: stdout.text(),
            err: stderr.text(),
        };
        assert_eq!(told.status, status, "{}{}", told.out, told.err);
        told
    }
}

const RULE: &str = "\
name: down
pack: trial
description: Says which host is down.
trigger: {type: core.st2.webhook, parameters: {url: monitoring/down}}
criteria:
  trigger.body.state: {type: equals, pattern: down}
  trigger.body.host: {type: startswith, pattern: web}
webhook: {auth: bearer, key: monitoring}
action: {ref: core.echo, parameters: {message: '{{ trigger.body.host }} is down'}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_made_tried_switched_and_removed() {
    let site = Site::new();
    let file = site.file("down.yaml", RULE);
    let event = site.file("event.json", r#"{"body": {"state": "down", "host": "db1"}}"#);
    let event = format!("@{event}");

    // A file alone, before the server knows the rule.
    let told = site.run(&["rule", "test", &file, "--payload", &event], 1).await;
    for line in [
        "trial.down does not match",
        "yes trigger.body.state equals \"down\"   it is \"down\"",
        "no  trigger.body.host startswith \"web\"   it is \"db1\"",
    ] {
        assert!(told.out.contains(line), "{line}: {}", told.out);
    }
    let made = site.run(&["rule", "create", &file], 0).await;
    assert!(made.out.contains("ref: trial.down"), "{}", made.out);
    assert!(made.err.contains("sayso rule enable trial.down"), "{}", made.err);
    site.run(&["rule", "create", &file], 2).await;
    site.run(&["rule", "enable", "trial.down"], 0).await;
    let one = site.run(&["rule", "get", "trial.down", "-j"], 0).await.json();
    assert_eq!(one["enabled"], json!(true));
    let told = site
        .run(
            &[
                "rule",
                "test",
                "trial.down",
                "--payload",
                r#"{"body": {"state": "down", "host": "web1"}}"#,
            ],
            0,
        )
        .await;
    assert!(told.out.starts_with("trial.down matches\n"), "{}", told.out);
    assert!(
        told.out
            .ends_with("then core.echo runs with\nmessage: web1 is down\n"),
        "{}",
        told.out
    );

    let hooks = site.run(&["webhook", "list"], 0).await.out;
    for part in [
        "/api/v1/webhooks/monitoring/down",
        "trial.down",
        "authorization: Bearer",
        "`monitoring`",
    ] {
        assert!(hooks.contains(part), "{part}: {hooks}");
    }
    let hook = site.run(&["webhook", "get", "/monitoring/down", "-j"], 0).await;
    assert_eq!(hook.json()["rules"][0]["action"], "core.echo");
    site.run(&["webhook", "get", "elsewhere"], 2).await;

    let list = site
        .run(&["rule", "list", "--pack", "trial", "--iftt"], 0)
        .await
        .out;
    assert!(
        list.contains("core.st2.webhook") && list.contains("core.echo"),
        "{list}"
    );
    let off = site.run(&["rule", "disable", "trial.down", "-j"], 0).await.json();
    assert_eq!(off["enabled"], json!(false));
    let changed = site.file("changed.yaml", &RULE.replace("is down'", "fell over'"));
    site.run(&["rule", "update", "trial.down", &changed], 0).await;
    let one = site.run(&["rule", "get", "trial.down", "-j"], 0).await.json();
    assert_eq!(
        one["action"]["parameters"]["message"],
        "{{ trigger.body.host }} fell over"
    );
    site.run(&["rule", "delete", "trial.down"], 0).await;
    let gone = site.run(&["rule", "get", "trial.down"], 2).await;
    assert!(gone.err.contains("there is no rule `trial.down`"), "{}", gone.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_packs_are_switched_but_not_changed() {
    let site = Site::new();
    let list = site
        .run(&["rule", "list", "-p", "examples", "-j"], 0)
        .await
        .json();
    for rule in list.as_array().unwrap() {
        let reference = rule["ref"].as_str().unwrap();
        let wanted = rule["enabled"] == json!(false);
        let word = if wanted { "enable" } else { "disable" };
        let told = site.run(&["rule", word, reference, "-j"], 0).await.json();
        assert_eq!(told["enabled"], json!(wanted), "{reference}");
    }
    let timers = site.run(&["timer", "list", "-j"], 0).await.json();
    assert!(timers.as_array().is_some(), "{timers}");
    let refused = site.run(&["rule", "delete", "examples.site_down"], 2).await;
    assert!(
        refused.err.contains("comes with a file of its pack"),
        "{}",
        refused.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trigger_types_timers_and_events_are_shown() {
    let site = Site::new();
    let kind = site.file(
        "kind.yaml",
        "name: door\npack: trial\ndescription: A door was opened.\npayload_schema: {type: object}\n",
    );
    site.run(&["trigger", "create", &kind], 0).await;
    let twice = site.run(&["trigger", "create", &kind], 2).await;
    assert!(twice.err.contains("trial.door"), "{}", twice.err);
    let list = site.run(&["trigger", "list", "--pack", "trial"], 0).await.out;
    assert!(list.contains("A door was opened."), "{list}");
    let specs = site
        .run(&["trigger", "getspecs", "trial.door", "-j"], 0)
        .await
        .json();
    assert_eq!(specs[0]["ref"], "trial.door");

    let rule = site.file(
        "rule.yaml",
        "name: often\npack: trial\nenabled: true\ntrigger: {type: core.st2.CronTimer, parameters: {hour: 7, timezone: Europe/Vilnius}}\n\
         action: {ref: core.noop}\n",
    );
    site.run(&["rule", "create", &rule], 0).await;
    let timer = site.run(&["timer", "get", "trial.often", "-j"], 0).await.json();
    assert_eq!(timer["timezone"], "Europe/Vilnius");
    assert_eq!(timer["next"].as_array().unwrap().len(), 3);
    let shown = site.run(&["timer", "list"], 0).await.out;
    assert!(
        shown.contains("trial.often") && shown.contains(":00:00 UTC"),
        "{shown}"
    );

    assert_eq!(
        site.run(&["trigger-instance", "list", "-j"], 0).await.json(),
        json!([])
    );
    assert_eq!(
        site.run(&["rule-enforcement", "list", "-j"], 0).await.json(),
        json!([])
    );
    site.run(&["trigger-instance", "get", "6b02e79abbd1dc4bab20f3f2"], 2)
        .await;
    site.run(&["trigger", "delete", "trial.door"], 0).await;
    let fixed = site.run(&["trigger", "delete", "core.st2.webhook"], 2).await;
    assert!(fixed.err.contains("was not made over the API"), "{}", fixed.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_a_tree_of_what_followed() {
    let site = Site::new();
    let rule = site.file(
        "again.yaml",
        "name: after\npack: trial\nenabled: true\ntrigger: {type: core.st2.generic.actiontrigger}\n\
         criteria: {trigger.action_ref: {type: equals, pattern: core.echo}}\naction: {ref: core.noop}\n",
    );
    site.run(&["rule", "create", &rule], 0).await;
    let ran = ["run", "core.echo", "message=hi", "--trace-tag", "release-7", "-j"];
    let id = site.run(&ran, 0).await.json()["id"].as_str().unwrap().to_owned();
    let joined = ["run", "core.noop", "--trace-id", id.as_str(), "-j"];
    let second = site.run(&joined, 0).await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();

    let list = site
        .run(&["trace", "list", "-t", "release-7", "-j"], 0)
        .await
        .json();
    assert_eq!(
        (list.as_array().unwrap().len(), &list[0]["id"]),
        (1, &json!(id)),
        "{list}"
    );
    // By anything in it: the request that joined it later.
    let shown = site.run(&["trace", "get", &second], 0).await.out;
    let lines: Vec<&str> = shown.lines().skip(3).map(|line| line.split_at(13).1).collect();
    // A command without a server ends before rules have looked at the event.
    let starts = [
        "execution core.echo  succeeded",
        "  event core.st2.generic.actiontrigger  ",
        "execution core.noop  succeeded",
        "  event core.st2.generic.actiontrigger  ",
    ];
    assert_eq!(lines.len(), starts.len(), "{shown}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{start}: {shown}");
    }
    let only = ["trace", "get", id.as_str(), "-e", second.as_str(), "-j"];
    let only = site.run(&only, 0).await.json();
    assert_eq!(only["trigger_instances"].as_array().unwrap().len(), 1, "{only}");
    assert_eq!(only["action_executions"].as_array().unwrap().len(), 1, "{only}");
    let none = site
        .run(&["trace", "list", "-t", "release-8", "-j"], 0)
        .await
        .json();
    assert_eq!(none, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_are_made_paused_and_removed() {
    let site = Site::new();
    let add = [
        "schedule",
        "add",
        "every weekday 07:00",
        "core.echo",
        "message=morning",
        "-j",
    ];
    let made = site.run(&add, 0).await.json();
    assert_eq!((&made["number"], &made["misfire"]), (&json!(1), &json!("once")));
    assert_eq!(made["next"].as_array().unwrap().len(), 3, "{made}");
    assert_eq!(made["parameters"], json!({"message": "morning"}));
    let wrong = site
        .run(&["schedule", "add", "every weekdya", "core.noop"], 2)
        .await;
    assert!(wrong.err.contains("did you mean `every weekday"), "{}", wrong.err);
    site.run(&["schedule", "add", "at noon", "core.nosuch"], 2).await;
    site.run(&["schedule", "pause", "1"], 0).await;
    let list = site.run(&["schedule", "list"], 0).await.out;
    assert!(
        list.contains("every weekday 07:00") && list.contains("paused"),
        "{list}"
    );
    let on = site.run(&["schedule", "resume", "1", "-j"], 0).await.json();
    assert_eq!(
        (&on["paused"], on["next"].as_array().unwrap().len()),
        (&json!(false), 3)
    );
    site.run(&["schedule", "remove", "1"], 0).await;
    site.run(&["schedule", "get", "1"], 2).await;
    assert_eq!(site.run(&["schedule", "list", "-j"], 0).await.json(), json!([]));
}
