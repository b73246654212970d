//! Input that is wrong, huge or hostile: refused in words, within seconds, while others are served.

use std::cell::Cell;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::server::{Answer, Api};
use crate::support::{Server, Site, assert_says};

/// Nobody waits longer than this because of somebody else's hostile request.
const ONE_SECOND: Duration = Duration::from_secs(1);
/// Within this time everything hostile is refused, on a machine that has other work too.
const SECONDS: Duration = Duration::from_secs(10);

async fn posted(api: &Api, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    let request = api
        .request(Method::POST, path)
        .header("Content-Type", "application/json");
    api.send(request.body(body.into())).await
}

/// Does something hostile while somebody else uses the server, and gives what came of it.
async fn while_others_are_served<T>(server: &Server, hostile: impl Future<Output = T>) -> T {
    let done = Cell::new(false);
    let others = async {
        // At least one request begins while the hostile one is at work, and none is left unfinished.
        let mut slowest = Duration::ZERO;
        while !done.get() {
            slowest = slowest.max(server.api().pulse().await);
        }
        slowest
    };
    let started = Instant::now();
    let hostile = async {
        let outcome = hostile.await;
        done.set(true);
        (outcome, started.elapsed())
    };
    let ((outcome, took), slowest) = tokio::join!(hostile, others);
    assert!(
        slowest < ONE_SECOND,
        "others waited {slowest:?} (while it took {took:?})"
    );
    assert!(took < SECONDS, "it took {took:?}");
    outcome
}

#[tokio::test]
async fn bodies_that_are_no_requests_are_refused() {
    let site = Site::open();
    let server = site.serve().await;
    let api = server.api();
    let executions = "/api/v1/executions";
    let deep = "[".repeat(100_000);
    let rows: [(&str, Vec<u8>, u16, &[&str]); 10] = [
        (executions, b"{\"action\": ".to_vec(), 400, &["line 1 column"]),
        (executions, b"not json".to_vec(), 400, &["line 1 column"]),
        (executions, b"[1, 2]".to_vec(), 400, &["is not of type 'object'"]),
        (
            executions,
            b"{}".to_vec(),
            400,
            &["'action' is a required property"],
        ),
        (
            executions,
            b"{\"action\": \"core.\xff\xfe\"}".to_vec(),
            400,
            &["0xff", "no UTF-8"],
        ),
        (executions, b"{\"action\": 7}".to_vec(), 400, &["7", "string"]),
        (
            executions,
            b"{\"action\": \"core.noop\", \"parameters\": [1]}".to_vec(),
            400,
            &["object"],
        ),
        (
            executions,
            b"{\"action\": \"core.noop\", \"delay\": -5}".to_vec(),
            400,
            &["-5"],
        ),
        (executions, deep.clone().into_bytes(), 400, &["recursion"]),
        (
            "/api/v1/aliasexecution/match_and_execute",
            b"{\"command\": 1}".to_vec(),
            400,
            &["string"],
        ),
    ];
    for (path, body, status, says) in rows {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = posted(api, path, body).await;
        assert_eq!(answer.status, status, "{shown}: {:#}", answer.body);
        assert_says(answer.fault(), says);
    }
    for body in [
        "{\"conversation\": ",
        "{}",
        "[]",
        "{\"conversation\": \"x\", \"text\": 5}",
    ] {
        let answer = posted(api, "/api/v1/chat/messages", body).await;
        assert!((400..=422).contains(&answer.status), "{body}: {answer:?}");
    }
    assert_eq!(posted(api, "/api/v1/chat/messages", deep).await.status / 100, 4);
    let not_text = b"{\"conversation\": \"x\", \"text\": \"run \xc3\x28 on localhost\"}".to_vec();
    assert_eq!(
        posted(api, "/api/v1/chat/messages", not_text).await.status / 100,
        4
    );
    assert_eq!(api.pulse().await.as_secs(), 0);
}

#[tokio::test]
async fn a_message_of_ten_megabytes_is_refused_politely() {
    let site = Site::open();
    let server = site.serve().await;
    let chat = server.chat("long").await;
    let text = "run echo ".to_owned() + &"x".repeat(10 << 20) + " on localhost";
    let answer = while_others_are_served(&server, chat.ask(&text)).await;
    assert_eq!(answer["kind"], "unusable");
    let told = answer["text"].as_str().unwrap_or_default();
    assert_says(
        told,
        &[
            "the message is too long",
            "65536 are allowed",
            "put the data in a file",
        ],
    );
    assert!(told.len() < 1000, "the answer repeats the message");
    // Beyond what a body may have at all.
    let body = json!({"conversation": "long", "text": "x".repeat(17 << 20)});
    let request = server
        .api()
        .request(Method::POST, "/api/v1/chat/messages")
        .json(&body);
    if let Some(answer) = server.api().try_send(request).await {
        assert_eq!(answer.status, 413, "{answer:?}");
    }
    let body = json!({"action": "core.local", "parameters": {"cmd": "x".repeat(17 << 20)}});
    let request = server
        .api()
        .request(Method::POST, "/api/v1/executions")
        .json(&body);
    if let Some(answer) = server.api().try_send(request).await {
        assert_eq!(answer.status, 413, "{answer:?}");
        assert_says(answer.fault(), &["api.body_limit"]);
    }
}

#[tokio::test]
async fn control_characters_do_no_harm() {
    let site = Site::open();
    let server = site.serve().await;
    let chat = server.chat("control").await;
    let all: String = (0..32).chain(127..160).filter_map(char::from_u32).collect();
    for text in [
        format!("echo {all}hello"),
        "\u{1b}[2J\u{1b}]0;title\u{7}help".to_owned(),
        "he\0lp".to_owned(),
        "\u{202e}pleh\u{202c}".to_owned(),
        "\u{feff}\u{200b}help".to_owned(),
        all.clone(),
        "\0".to_owned(),
    ] {
        let answer = chat.ask(&text).await;
        let told = answer["text"].as_str().unwrap_or_default();
        assert!(!told.is_empty(), "{text:?}: {answer:#}");
        let strange = told
            .chars()
            .find(|char| char.is_control() && !matches!(char, '\n' | '\t'));
        assert_eq!(strange, None, "{text:?}: {told:?}");
    }
    // A zero byte cannot be in an argument of a program: the execution says so instead of breaking something.
    let execution = server.api().run("trial.told", json!({"one": "a\0b"})).await;
    if execution.status == 201 {
        let id = execution.body["id"].as_str().expect("an id").to_owned();
        let execution = server.api().over(&id).await;
        assert_eq!(execution["status"], "failed", "{execution:#}");
    } else {
        assert_eq!(execution.status, 400);
    }
    server.api().pulse().await;
}

#[tokio::test]
async fn ten_thousand_parameters_are_refused() {
    let site = Site::open();
    let server = site.serve().await;
    let many: Map<String, Value> = (0..10_000).map(|n| (format!("p{n}"), json!(n))).collect();
    for action in ["core.local", "trial.told", "core.noop"] {
        let refusing = server.api().run(action, Value::Object(many.clone()));
        let answer = while_others_are_served(&server, refusing).await;
        assert_eq!(answer.status, 400, "{action}: {:.300}", answer.body.to_string());
        assert!(
            answer.fault().len() < 2000,
            "the refusal is too long: {:.300}",
            answer.fault()
        );
        assert_says(
            answer.fault(),
            &["too many parameters", "10000", "1000 are allowed"],
        );
    }
    let chat = server.chat("many").await;
    let words: String = (0..10_000).map(|n| format!(" p{n}={n}")).collect();
    let answer = while_others_are_served(&server, chat.asked(&format!("rerun last{words}"))).await;
    assert!(answer.len() < 4000, "{answer:.300}");
}

#[tokio::test]
async fn wrong_requests_say_what_is_right() {
    let site = Site::open();
    let server = site.serve().await;
    let rows = [
        (
            "core.lokal",
            json!({"cmd": "true"}),
            vec!["core.lokal", "core.local"],
        ),
        ("nonsense", json!({}), vec!["nonsense"]),
        ("core.local", json!({}), vec!["'cmd' is a required property"]),
        (
            "core.local",
            json!({"cmd": "true", "cmmd": "x"}),
            vec!["'cmmd' was unexpected"],
        ),
        ("core.local", json!({"cmd": "true", "sudo": true}), vec!["sudo"]),
        (
            "trial.typed",
            json!({"word": "blue"}),
            vec!["'blue' is not one of ['red', 'green']"],
        ),
        (
            "trial.typed",
            json!({"word": "red", "count": "many"}),
            vec!["invalid literal", "many"],
        ),
        (
            "trial.typed",
            json!({"word": "red", "share": []}),
            vec!["not 'list'"],
        ),
        (
            "trial.typed",
            json!({"word": "red", "sure": "perhaps"}),
            vec!["perhaps"],
        ),
        (
            "trial.typed",
            json!({"word": "red", "hosts": {"a": 1}}),
            vec!["array"],
        ),
        ("trial.typed", json!({"word": "red", "tags": [1]}), vec!["object"]),
        (
            "trial.told",
            json!({"one": "{{ two }}", "two": "{{ one }}"}),
            vec!["Cyclic dependency", "one"],
        ),
        ("trial.told", json!({"one": "{{ nobody }}"}), vec!["nobody"]),
    ];
    for (action, parameters, says) in rows {
        let answer = server.api().run(action, parameters.clone()).await;
        assert_eq!(answer.status, 400, "{action} {parameters}: {:#}", answer.body);
        assert_says(answer.fault(), &says);
    }
    // In chat the parameter is named as well, and what it may be.
    let chat = server.chat("wrong").await;
    for (text, says) in [
        ("paint blue", ["word", "'blue' is not one of ['red', 'green']"]),
        (
            "paint red count=many",
            ["parameter `count` must be a whole number", "many"],
        ),
        ("paint red colour=1", ["colour", "count"]),
    ] {
        let answer = chat.ask(text).await;
        assert_eq!(answer["kind"], "parameters", "{answer:#}");
        assert_says(answer["text"].as_str().unwrap_or_default(), &says);
    }
    // Nothing of all this was kept.
    let list = server.api().get("/api/v1/executions").await.with(200);
    assert_eq!(list, json!([]));
}

/// Templates that would never end, or fill the memory.
#[tokio::test]
async fn template_bombs_are_stopped() {
    let endless = "{% for i in range(99999) %}{% for j in range(99999) %}{% for k in range(99999) %}x{% endfor %}{% endfor %}{% endfor %}";
    let bombs = [
        ("endless", endless.to_owned()),
        ("huge", "{{ 'x' * 9999999999 }}".to_owned()),
        ("doubling", "{% set ns = namespace(t='x') %}{% for i in range(99999) %}{% set ns.t = ns.t + ns.t %}{% endfor %}{{ ns.t }}".to_owned()),
        ("power", "{{ 9 ** (9 ** (9 ** 9)) }}".to_owned()),
        ("padded", "{{ 'x' | center(9999999999) }}".to_owned()),
        ("range", "{{ range(9999999999) | list }}".to_owned()),
        ("macro", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned()),
("nested", "{{ ".to_owned() + &"[".repeat(50_000) + &"]".repeat(50_000) + " }}"),
        ("negated", "{{ ".to_owned() + &"not ".repeat(50_000) + "1 }}"),
        ("chained", "{{ 'x'".to_owned() + &"|upper".repeat(50_000) + " }}"),
        ("called", "{{ ".to_owned() + &"range(".repeat(74) + &")".repeat(74) + " }}"),
    ];
    let site = Site::open();
    for (name, bomb) in &bombs {
        let action = json!({
            "name": format!("bomb_{name}"), "pack": "trial", "runner_type": "noop", "enabled": true,
            "parameters": {"text": {"type": "string", "default": bomb}},
        });
        site.write_pack_file(&format!("trial/actions/bomb_{name}.yaml"), &action.to_string());
    }
    let server = site.serve().await;
    for (name, bomb) in &bombs {
        let given = server.api().run("trial.told", json!({"one": bomb}));
        let answer = while_others_are_served(&server, given).await;
        assert_eq!(answer.status, 400, "{name}: {:.300}", answer.body.to_string());
        assert!(
            (1..2000).contains(&answer.fault().len()),
            "{name}: {:.300}",
            answer.fault()
        );
        // The pack's own default. A pack that was refused while loading is fine as well.
        let action = format!("trial.bomb_{name}");
        let default = server.api().run(&action, json!({}));
        let answer = while_others_are_served(&server, default).await;
        assert_eq!(answer.status, 400, "{name}: {:.300}", answer.body.to_string());
    }
    // Many at once take no more than their share.
    let many = (0..8).map(|_| server.api().run("trial.told", json!({"one": endless})));
    let answers = while_others_are_served(&server, futures_util::future::join_all(many)).await;
    assert!(answers.iter().all(|answer| answer.status == 400));
}

/// The same in what an alias says before and after.
#[tokio::test]
async fn a_bomb_in_an_answer_does_not_eat_the_answer() {
    let endless = "{% for i in range(99999) %}{% for j in range(99999) %}{% for k in range(99999) %}x{% endfor %}{% endfor %}{% endfor %}";
    let alias = json!({
        "name": "boom", "pack": "trial", "action_ref": "trial.told", "description": "Explodes.",
        "formats": ["boom {{one}}"],
        "ack": {"format": endless}, "result": {"format": endless},
    });
    let site = Site::open();
    site.write_pack_file("trial/aliases/boom.yaml", &alias.to_string());
    let server = site.serve().await;
    let chat = server.chat("boom").await;
    let answer = while_others_are_served(&server, chat.ask("boom now")).await;
    assert_eq!(answer["status"], "succeeded", "{answer:#}");
    let told = answer["text"].as_str().unwrap_or_default();
    assert!(!told.is_empty() && told.len() < 10_000, "{told:.300}");
}

/// Patterns that backtrack for ever.
#[tokio::test]
async fn regex_bombs_are_stopped() {
    let site = Site::open();
    for (number, format) in [
        r"(?P<a>(x+x+)+)y\1",
        r"(?P<b>(?=(a+)+$)(a|aa)+)b",
        r"(?P<c>(?:(?:z*)*)*)(?<!q)!",
        r"(?P<d>\w+\s?)*(?!n)\1end",
    ]
    .into_iter()
    .enumerate()
    {
        let alias = json!({
            "name": format!("bomb{number}"), "pack": "trial", "action_ref": "core.noop",
            "description": "Explodes.", "formats": [format],
        });
        site.write_pack_file(&format!("trial/aliases/bomb{number}.yaml"), &alias.to_string());
    }
    let server = site.serve().await;
    let chat = server.chat("regex").await;
    for char in ['x', 'a', 'z', 'w'] {
        for length in [40, 60_000] {
            let text = char.to_string().repeat(length);
            let answer = while_others_are_served(&server, chat.ask(&text)).await;
            assert_eq!(answer["final"], true);
        }
    }
    let text = "a ".repeat(30_000);
    while_others_are_served(&server, chat.ask(&text)).await;
    // Good aliases still work beside them.
    assert_says(&chat.asked("echo still here").await, &["still here"]);
}
