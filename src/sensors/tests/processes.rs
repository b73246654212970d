//! Sensors as processes: what they say, how they fail, how they end.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value as Json, json};

use super::support::{World, about, eventually, lives};
use crate::sensors::{SensorOptions, State};

const HAPPENED: &str = "trial.happened";

/// Tells one event, writes down what it is told, waits.
fn teller(out: &std::path::Path) -> String {
    format!(
        "#!/bin/sh\nread -r start\necho \"$start\" > {out}\necho '{{\"type\":\"event\",\"trigger\":\"happened\",\"id\":\"a\",\
         \"payload\":{{\"n\":1}}}}'\necho '{{\"type\":\"event\",\"trigger\":\"trial.happened\",\"id\":\"a\",\
         \"payload\":{{\"n\":1}}}}'\nwhile read -r line; do echo \"$line\" >> {out}; done\n",
        out = out.display()
    )
}

async fn with_script(script: &str) -> World {
    World::new(&[
        ("sensors/one.yaml", &about("One", "one.sh")),
        ("sensors/one.sh", script),
    ])
    .await
}

#[tokio::test]
async fn events_are_stored_once_and_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let world = with_script(&teller(&out)).await;
    world.sensors.start();
    let told = eventually("both answers", async || {
        let text = std::fs::read_to_string(&out).unwrap_or_default();
        (text.lines().count() >= 3).then_some(text)
    })
    .await;
    let lines: Vec<Json> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let start = &lines[0];
    assert_eq!(start["type"], "start");
    assert_eq!(start["sensor"], "trial.One");
    assert_eq!(start["pack"], "trial");
    assert_eq!(start["config"], json!({"colour": "red"}));
    assert_eq!(start["poll_interval"], 7);
    assert_eq!(start["trigger_types"], json!([HAPPENED]));
    let instances = world.instances(HAPPENED).await;
    assert_eq!(instances.len(), 1);
    let acks: Vec<&Json> = lines[1..].iter().filter(|line| line["type"] == "ack").collect();
    assert_eq!(acks.len(), 2, "{told}");
    assert!(
        acks.iter()
            .any(|ack| ack["trigger_instance"] == json!(instances[0].id.to_string()))
    );
    assert!(acks.iter().any(|ack| ack["duplicate"] == true));
    assert_eq!(world.status("One").events, 1);
    world.sensors.stop().await;
    // The same event after a restart is still the same.
    assert!(std::fs::read_to_string(&out).unwrap().contains("\"stop\""));
}

#[tokio::test]
async fn a_killed_sensor_is_started_again_and_leaves_nothing_behind() {
    let world = with_script("#!/bin/sh\n").await;
    let path = world.dir.path().display().to_string();
    let script = format!("#!/bin/sh\nsleep 1000 &\necho $! > {path}/child\nwait\n");
    world.write("sensors/one.sh", &script);
    world.reload().await;
    world.sensors.start();
    let first = eventually("the child is there", async || {
        let status = world.status("One");
        let child = std::fs::read_to_string(world.path("child")).ok()?;
        Some((status.pid?, child.trim().parse::<u32>().ok()?))
    })
    .await;
    kill(Pid::from_raw(i32::try_from(first.0).unwrap()), Signal::SIGKILL).unwrap();
    let status = eventually("it runs again", async || {
        let status = world.status("One");
        (status.restarts > 0 && status.pid.is_some_and(|pid| pid != first.0)).then_some(status)
    })
    .await;
    assert_eq!(status.state, State::Running);
    assert_eq!(
        status.last_error.as_deref(),
        Some("its process was ended by signal 9")
    );
    eventually("the child of the first is gone", async || {
        (!lives(first.1)).then_some(())
    })
    .await;
    let pid = status.pid.unwrap();
    world.sensors.stop().await;
    assert!(!lives(pid));
}

#[tokio::test]
async fn a_flood_is_stored_whole_and_in_order() {
    let world = World::with(
        &[
            ("sensors/one.yaml", &about("One", "one.sh")),
            (
                "sensors/one.sh",
                "#!/bin/sh\nn=0\nwhile [ $n -lt 1500 ]; do n=$((n+1)); \
                 echo \"{\\\"type\\\":\\\"event\\\",\\\"trigger\\\":\\\"happened\\\",\\\"id\\\":\\\"$n-$(printf %0200d $n)\\\",\
                 \\\"payload\\\":{\\\"n\\\":$n}}\"; done\n",
            ),
        ],
        SensorOptions {
            unacknowledged: 8,
            ..SensorOptions::default()
        },
    )
    .await;
    world.sensors.start();
    // It never reads its answers, ends by itself, and nothing of it is lost.
    let status = world.becomes("One", State::Ended).await;
    assert_eq!(status.events, 1500);
    assert_eq!(status.restarts, 0);
    let numbers: Vec<u64> = world
        .payloads(HAPPENED)
        .await
        .iter()
        .filter_map(|payload| payload["n"].as_u64())
        .collect();
    assert_eq!(numbers, (1..=1500).collect::<Vec<_>>());
    world.sensors.stop().await;
}

#[tokio::test]
async fn garbage_is_told_and_does_no_harm() {
    let script = "#!/bin/sh\necho nonsense\nprintf '\\377\\376\\n'\nhead -c 1500000 /dev/zero | tr '\\0' x\necho\n\
                  echo '{\"type\":\"dance\"}'\necho '{\"type\":\"event\",\"trigger\":\"hapened\",\"id\":\"1\"}'\n\
                  echo '{\"type\":\"event\",\"trigger\":\"core.st2.webhook\"}'\n\
                  echo '{\"type\":\"event\",\"trigger\":\"happened\",\"payload\":{\"n\":\"x\"}}'\n\
                  echo '{\"type\":\"log\",\"level\":\"error\",\"message\":\"hi\"}'\necho trouble >&2\n\
                  echo '{\"type\":\"event\",\"trigger\":\"happened\",\"payload\":{\"n\":5}}'\nexec sleep 1000\n";
    let world = with_script(script).await;
    world.sensors.start();
    assert_eq!(world.stored(HAPPENED, 1).await, [json!({"n": 5})]);
    let status = eventually("everything was counted", async || {
        let status = world.status("One");
        (status.bad_lines == 4 && status.refused == 3 && status.stderr.len() == 5).then_some(status)
    })
    .await;
    assert_eq!(status.state, State::Running);
    assert_eq!(status.events, 1);
    assert!(
        status.stderr.contains(&"trouble".to_owned()),
        "{:?}",
        status.stderr
    );
    assert!(status.stderr.contains(&"(standard output) nonsense".to_owned()));
    assert!(status.last_error.unwrap().contains("does not fit trial.happened"));
    world.sensors.stop().await;
}

#[tokio::test]
async fn who_does_not_stop_is_killed() {
    let world = World::with(
        &[
            ("sensors/one.yaml", &about("One", "one.sh")),
            (
                "sensors/one.sh",
                "#!/bin/sh\ntrap '' TERM\necho ready >&2\nwhile :; do sleep 1; done\n",
            ),
        ],
        SensorOptions {
            grace_seconds: 0,
            ..SensorOptions::default()
        },
    )
    .await;
    world.sensors.start();
    let pid = eventually("it ignores signals", async || {
        let status = world.status("One");
        status.pid.filter(|_| !status.stderr.is_empty())
    })
    .await;
    world.sensors.stop().await;
    assert!(!lives(pid));
    assert_eq!(world.status("One").state, State::NotRun);
}

#[tokio::test]
async fn reloads_touch_only_what_changed() {
    let waits = "#!/bin/sh\nexec sleep 1000\n";
    let world = World::new(&[
        ("sensors/one.yaml", &about("One", "one.sh")),
        ("sensors/one.sh", waits),
        ("sensors/two.yaml", "class_name: Two\nentry_point: two\n"),
        ("sensors/two", waits),
        (
            "sensors/three.yaml",
            "class_name: Three\nentry_point: three\nenabled: false\n",
        ),
        ("sensors/three", waits),
    ])
    .await;
    world.sensors.start();
    let one = world.becomes("One", State::Running).await.pid;
    let two = world.becomes("Two", State::Running).await.pid.unwrap();
    assert_eq!(world.status("Three").state, State::Disabled);

    let marked = world.path("mark");
    world.write("sensors/three.yaml", "class_name: Three\nentry_point: three\n");
    world.write(
        "sensors/two",
        &format!("#!/bin/sh\necho new > {}\nexec sleep 1000\n", marked.display()),
    );
    world.reload().await;
    // All of a pack's sensors may share files, so both of these begin anew, and nothing runs twice.
    world.says("mark", "new").await;
    world.becomes("Three", State::Running).await;
    eventually("the old process of Two is gone", async || {
        (!lives(two)).then_some(())
    })
    .await;
    eventually("One runs", async || {
        let status = world.status("One");
        (status.state == State::Running && status.pid != one).then_some(())
    })
    .await;

    // A change elsewhere in the pack touches nobody.
    let before = world.status("Two").pid;
    world.write(
        "rules/r.yaml",
        "name: r\ntrigger: {type: trial.happened}\naction: {ref: core.noop}\n",
    );
    std::fs::remove_file(world.path("packs/trial/sensors/one.yaml")).unwrap();
    let gone = world.status("One").pid.unwrap();
    world.reload().await;
    eventually("One is gone", async || (!lives(gone)).then_some(())).await;
    assert_eq!(world.status("Two").pid, before);
    assert!(world.sensors.get("trial.One").is_none());
    world.sensors.stop().await;
}

#[tokio::test]
async fn sensors_are_switched_and_stay_so() {
    let mut world = with_script("#!/bin/sh\nexec sleep 1000\n").await;
    world.sensors.start();
    let pid = world.becomes("One", State::Running).await.pid.unwrap();
    world.sensors.switch("trial.One", false, "ana").await.unwrap();
    world.becomes("One", State::Disabled).await;
    assert!(!lives(pid));
    world.restart().await;
    assert!(!world.sensors.get("trial.One").unwrap().enabled);
    assert_eq!(world.status("One").state, State::Disabled);
    world.sensors.switch("trial.One", true, "ana").await.unwrap();
    world.becomes("One", State::Running).await;
    assert!(world.sensors.switch("trial.Nobody", true, "ana").await.is_err());
    world.sensors.stop().await;
}

#[tokio::test]
async fn python_classes_and_missing_programs_are_not_tried_again_and_again() {
    let world = World::new(&[
        ("sensors/class.yaml", &about("Class", "class.py")),
        ("sensors/class.py", "from st2reactor.sensor.base import Sensor\n"),
        ("sensors/none.yaml", "class_name: None\nentry_point: none.txt\n"),
        ("sensors/none.txt", "nothing\n"),
        ("sensors/bad.yaml", "class_name: Bad\nentry_point: bad\n"),
        ("sensors/bad", "#!/nonexistent/interpreter\n"),
    ])
    .await;
    world.sensors.start();
    let class = world.becomes("Class", State::NeedsPythonRunner).await;
    assert!(class.reason.contains("Python class"), "{}", class.reason);
    assert_eq!(class.restarts, 0);
    let none = world.becomes("None", State::Broken).await;
    assert!(none.reason.contains("is no program"), "{}", none.reason);
    let bad = eventually("it was started again", async || {
        let status = world.status("Bad");
        (status.restarts >= 2).then_some(status)
    })
    .await;
    assert!(
        bad.last_error.unwrap().contains("exit code 12"),
        "the shell cannot start it"
    );
    world.sensors.stop().await;
}

#[tokio::test]
async fn sensors_hear_of_the_triggers_of_rules() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let script = format!(
        "#!/bin/sh\nwhile read -r line; do echo \"$line\" >> {}; done\n",
        out.display()
    );
    let world = World::new(&[
        (
            "sensors/one.yaml",
            "class_name: One\nentry_point: one.sh\ntrigger_types:\n  - name: seen\n    parameters_schema: {type: object, \
             properties: {what: {type: string}}}\n",
        ),
        ("sensors/one.sh", &script),
    ])
    .await;
    world.rule("before", "trial.seen", json!({"what": "x"})).await;
    world.sensors.start();
    let lines = async |count: usize| {
        eventually("lines", async || {
            let text = std::fs::read_to_string(&out).unwrap_or_default();
            let lines: Vec<Json> = text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect();
            (lines.len() >= count).then_some(lines)
        })
        .await
    };
    let start = lines(1).await.remove(0);
    assert_eq!(start["triggers"][0]["parameters"], json!({"what": "x"}));
    assert_eq!(start["triggers"][0]["rules"], json!(["trial.before"]));
    world.rule("second", "trial.seen", json!({"what": "y"})).await;
    let added = lines(2).await.remove(1);
    assert_eq!(added["type"], "trigger_added");
    assert_eq!(added["trigger"]["parameters"], json!({"what": "y"}));
    world.rule("third", "trial.seen", json!({"what": "y"})).await;
    assert_eq!(lines(3).await[2]["type"], "trigger_updated");
    for rule in ["trial.second", "trial.third"] {
        world.events.book().delete(rule, "ana").await.unwrap();
    }
    let last = eventually("it is removed", async || {
        lines(4)
            .await
            .into_iter()
            .find(|line| line["type"] == "trigger_removed")
    })
    .await;
    assert_eq!(last["trigger"]["ref"], added["trigger"]["ref"]);
    world.sensors.stop().await;
}

#[tokio::test]
async fn starts_and_ends_are_events_where_rules_want_them() {
    let world = with_script("#!/bin/sh\nexit 3\n").await;
    world
        .rule("ends", "core.st2.sensor.process_exit", json!({}))
        .await;
    world
        .rule("starts", "core.st2.sensor.process_spawn", json!({}))
        .await;
    world.sensors.start();
    let ends = world.stored("core.st2.sensor.process_exit", 1).await;
    assert_eq!(ends[0]["id"], "One");
    assert_eq!(ends[0]["exit_code"], 3);
    assert!(ends[0]["timestamp"].is_i64());
    let starts = world.stored("core.st2.sensor.process_spawn", 1).await;
    assert!(starts[0]["pid"].is_u64());
    assert!(starts[0]["cmd"].as_str().unwrap().ends_with("sensors/one.sh"));
    world.sensors.stop().await;
}
