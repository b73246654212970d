//! What Sayso watches itself: files, web addresses, syslog, chat messages; the examples.

use std::io::Write as _;

use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt as _;
use wiremock::matchers::{header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::support::{World, eventually};
use crate::sensors::{Message, Overheard, SensorOptions, State};

const FILE_LINE: &str = "linux.file_watch.line";

fn append(path: &std::path::Path, text: &str) {
    let mut file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn lines(payloads: &[Json]) -> Vec<&str> {
    payloads
        .iter()
        .filter_map(|payload| payload["line"].as_str())
        .collect()
}

#[tokio::test]
async fn lines_of_files_are_events_once_over_restarts_and_rotation() {
    let mut world = World::new(&[]).await;
    let path = world.path("app.log");
    append(&path, "old\n");
    world.rule("lines", FILE_LINE, json!({"file_path": path})).await;
    world.sensors.start();
    // What is written before the file is first looked at is old, so something is written until it is seen.
    let mut written = 0;
    eventually("a line is seen", async || {
        written += 1;
        append(&path, &format!("try {written}\n"));
        (!world.payloads(FILE_LINE).await.is_empty()).then_some(())
    })
    .await;
    append(&path, "one\ntwo\n");
    eventually("two is seen", async || {
        let payloads = world.payloads(FILE_LINE).await;
        lines(&payloads).contains(&"two").then_some(())
    })
    .await;
    world.sensors.stop().await;
    append(&path, "while away\n");
    std::fs::rename(&path, world.path("app.log.1")).unwrap();
    append(&path, "new file\n");
    world.restart().await;
    let payloads = eventually("the new file is seen", async || {
        let payloads = world.payloads(FILE_LINE).await;
        lines(&payloads).contains(&"new file").then_some(payloads)
    })
    .await;
    let seen = lines(&payloads);
    assert_eq!(seen[seen.len() - 4..], ["one", "two", "while away", "new file"]);
    for line in ["one", "two", "while away", "new file"] {
        assert_eq!(seen.iter().filter(|seen| **seen == line).count(), 1, "{line}");
    }
    assert_eq!(payloads[0]["file_name"], "app.log");
    assert_eq!(payloads[0]["file_path"], json!(path));
    assert!(!seen.contains(&"old"));
    world.sensors.stop().await;
}

#[tokio::test]
async fn lines_that_fit_a_pattern_are_events_and_what_is_wrong_is_told() {
    let world = World::new(&[]).await;
    let path = world.path("app.log");
    let kind = "core.sayso.log_line";
    let parameters = json!({"file": path, "pattern": "^(?<level>ERROR|WARN) ", "from": "start"});
    world.rule("errors", kind, parameters).await;
    world
        .rule("broken", kind, json!({"file": path, "pattern": "("}))
        .await;
    world.sensors.start();
    eventually("both say what is wrong", async || {
        let watches = world.sensors.watches();
        let wrong = |text: &str| {
            watches
                .iter()
                .any(|watch| watch.error.as_ref().is_some_and(|error| error.contains(text)))
        };
        (wrong("pattern cannot be used") && wrong("cannot be read")).then_some(())
    })
    .await;
    append(&path, "INFO fine\nERROR disk\n");
    let payloads = world.stored(kind, 1).await;
    assert_eq!(payloads[0]["line"], "ERROR disk");
    assert_eq!(payloads[0]["named"]["level"], "ERROR");
    world.sensors.stop().await;
}

#[tokio::test]
async fn web_addresses_tell_when_they_change() {
    let server = MockServer::start().await;
    let good = ResponseTemplate::new(200)
        .set_body_string("{\"v\": 1}")
        .insert_header("etag", "\"1\"");
    Mock::given(method("GET"))
        .and(header("if-none-match", "\"1\""))
        .respond_with(ResponseTemplate::new(304))
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(good)
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string("{\"v\": 2}"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(503))
        .mount(&server)
        .await;
    let world = World::new(&[]).await;
    let kind = "core.sayso.http_change";
    world
        .rule("site", kind, json!({"url": server.uri(), "every": 1}))
        .await;
    world.sensors.start();
    let payloads = world.stored(kind, 2).await;
    assert_eq!(payloads[0]["changed"], json!(["body"]));
    assert_eq!(payloads[0]["json"], json!({"v": 2}));
    assert_eq!(payloads[1]["changed"], json!(["status"]));
    assert_eq!(payloads[1]["status"], 503);
    assert_eq!(payloads[1]["previous_status"], 200);
    world.sensors.stop().await;
    server.verify().await;
}

#[tokio::test]
async fn syslog_comes_over_udp_and_tcp() {
    let world = World::with(
        &[],
        SensorOptions {
            syslog_udp: Some("127.0.0.1:0".to_owned()),
            syslog_tcp: Some("127.0.0.1:0".to_owned()),
            ..SensorOptions::default()
        },
    )
    .await;
    world.rule("all", "core.sayso.syslog", json!({})).await;
    world.sensors.start();
    let address = async |transport: &str| {
        eventually("it listens", async || {
            let watches = world.sensors.watches();
            let bound = watches
                .iter()
                .find_map(|watch| watch.parameters.get(transport)?.as_str().map(str::to_owned));
            bound.filter(|bound| !bound.ends_with(":0"))
        })
        .await
    };
    let udp = address("udp").await;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket
        .send_to(b"<34>Oct 11 22:14:15 web su: failed", &udp)
        .await
        .unwrap();
    let first = world.stored("core.sayso.syslog", 1).await.remove(0);
    assert_eq!(first["message"], "failed");
    assert_eq!(first["transport"], "udp");
    assert_eq!(first["source"], "127.0.0.1");
    let mut stream = tokio::net::TcpStream::connect(address("tcp").await)
        .await
        .unwrap();
    stream
        .write_all(b"<13>1 - web app - - - one\n12 <13>app: tw")
        .await
        .unwrap();
    stream.write_all(b"o\n").await.unwrap();
    let all = world.stored("core.sayso.syslog", 3).await;
    let messages: Vec<&Json> = all[1..].iter().map(|payload| &payload["message"]).collect();
    assert_eq!(messages, ["one", "two"]);
    drop(stream);
    world.sensors.stop().await;
}

#[tokio::test]
async fn chat_messages_are_events_once_and_not_too_many() {
    let world = World::new(&[]).await;
    let overheard = Overheard::new(world.events.clone(), 2);
    let message = |key: &str| Message {
        key: key.to_owned(),
        text: "hello".to_owned(),
        platform: "slack".to_owned(),
        mentions: vec!["U1".to_owned()],
        ..Message::default()
    };
    let kind = "core.st2.chat.message";
    assert!(!overheard.is_wanted());
    overheard.take(message("1")).await.unwrap();
    assert!(world.payloads(kind).await.is_empty(), "no rule wants it");
    world.rule("hears", kind, json!({})).await;
    assert!(overheard.is_wanted());
    overheard.take(message("1")).await.unwrap();
    overheard.take(message("1")).await.unwrap();
    let payloads = world.payloads(kind).await;
    assert_eq!(payloads.len(), 1);
    assert_eq!(payloads[0]["text"], "hello");
    assert_eq!(payloads[0]["mentions"], json!(["U1"]));
    for number in 2..100 {
        overheard.take(message(&number.to_string())).await.unwrap();
    }
    let count = world.payloads(kind).await.len();
    assert!((9..40).contains(&count), "{count}");
}

#[tokio::test]
async fn the_examples_work() {
    let world = World::new(&[]).await;
    let folder = world.path("folder");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("old"), "x").unwrap();
    world
        .rule("files", "examples.new_file", json!({"folder": folder}))
        .await;
    for (sensor, state) in [
        ("NewFile", State::Running),
        ("DiskLevel", State::Running),
        ("QueueSensor", State::NeedsPythonRunner),
    ] {
        let reference = format!("examples.{sensor}");
        assert!(
            !world.sensors.get(&reference).unwrap().enabled,
            "examples are off"
        );
        world.sensors.switch(&reference, true, "ana").await.unwrap();
        if sensor == "NewFile" {
            world.sensors.start();
        }
        eventually(&reference, async || {
            let status = world.sensors.get(&reference).unwrap().status;
            assert_eq!(status.restarts, 0, "{status:#?}");
            (status.state == state).then_some(())
        })
        .await;
    }
    let mut number = 0;
    let payloads = eventually("a new file is told", async || {
        number += 1;
        std::fs::write(folder.join(format!("new{}", number / 100)), "x").unwrap();
        let payloads = world.payloads("examples.new_file").await;
        (!payloads.is_empty()).then_some(payloads)
    })
    .await;
    assert_eq!(payloads[0]["folder"], json!(folder));
    assert!(payloads[0]["name"].as_str().unwrap().starts_with("new"));
    world.sensors.stop().await;
    let status = world.sensors.get("examples.NewFile").unwrap().status;
    assert_eq!(status.last_error, None, "{status:#?}");
}
