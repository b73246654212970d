//! Sensors and what Sayso watches itself, as people meet them: files, API, command line, chat.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::server::Api;
use crate::support::{Site, assert_says, eventually};

/// Tells one event with an id as soon as it runs, and waits.
const SCRIPT: &str = "#!/bin/sh\nread -r start\n\
                      echo '{\"type\":\"event\",\"trigger\":\"happened\",\"id\":\"1\",\"payload\":{\"n\":1}}'\n\
                      exec sleep 1000\n";
const ABOUT: &str = "class_name: Teller\nentry_point: teller.sh\ndescription: Tells.\npoll_interval: 5\ntrigger_types:\n  \
                     - name: happened\n";

async fn sensor(api: &Api, reference: &str) -> Value {
    api.get(&format!("/api/v1/sensortypes/{reference}"))
        .await
        .with(200)
}

async fn put(api: &Api, reference: &str, body: &Value) -> Value {
    let request = api.request(Method::PUT, &format!("/api/v1/sensortypes/{reference}"));
    api.send(request.json(body)).await.with(200)
}

async fn instances(api: &Api, kind: &str) -> Vec<Value> {
    let path = format!("/api/v1/triggerinstances?trigger={kind}&limit=100");
    api.get(&path)
        .await
        .with(200)
        .as_array()
        .cloned()
        .unwrap_or_default()
}

#[tokio::test]
async fn a_sensor_is_listed_killed_switched_and_outlived() {
    let site = Site::open();
    site.write_pack_file("trial/sensors/teller.yaml", ABOUT);
    site.write_pack_file("trial/sensors/teller.sh", SCRIPT);
    let server = site.serve().await;
    let api = server.api();
    let running = async |not: Option<u64>| {
        eventually("the sensor runs", async || {
            let found = sensor(api, "trial.Teller").await;
            let pid = found["status"]["pid"].as_u64();
            (found["status"]["state"] == "running" && pid.is_some() && pid != not).then_some(found)
        })
        .await
    };
    let found = running(None).await;
    // The reference's fields, in its order.
    let fields: Vec<&str> = found
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        fields,
        [
            "description",
            "uid",
            "metadata_file",
            "name",
            "ref",
            "pack",
            "artifact_uri",
            "entry_point",
            "trigger_types",
            "enabled",
            "id",
            "poll_interval",
            "status"
        ]
    );
    assert_eq!(found["uid"], "sensor_type:trial:Teller");
    assert_eq!(found["trigger_types"], json!(["trial.happened"]));
    assert_eq!(found["metadata_file"], "sensors/teller.yaml");
    eventually("its event is stored", async || {
        (!instances(api, "trial.happened").await.is_empty()).then_some(())
    })
    .await;

    let pid = found["status"]["pid"].as_u64();
    let raw = i32::try_from(pid.expect("a pid")).expect("a pid");
    kill(Pid::from_raw(raw), Signal::SIGKILL).expect("the process is there");
    let again = running(pid).await;
    assert_eq!(again["status"]["restarts"], 1);
    assert_says(
        again["status"]["last_error"].as_str().unwrap_or_default(),
        &["signal 9"],
    );

    let listed = site
        .sayso(&["sensor", "list", "--json", "-p", "trial"])
        .await
        .ended(0)
        .json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!(listed[0]["ref"], "trial.Teller");
    assert_says(
        &site.sayso(&["sensor", "list"]).await.ended(0).out,
        &["trial.Teller", "running"],
    );
    assert_says(
        &site
            .sayso(&["sensor", "disable", "trial.Teller"])
            .await
            .ended(0)
            .err,
        &["trial.Teller is disabled"],
    );
    eventually("it is disabled", async || {
        let found = sensor(api, "trial.Teller").await;
        (found["status"]["state"] == "disabled" && found["enabled"] == false).then_some(())
    })
    .await;
    assert_says(
        &site.sayso(&["sensor", "get", "trial.Nobody"]).await.ended(2).err,
        &["there is no sensor"],
    );
    let mut whole = sensor(api, "trial.Teller").await;
    whole["enabled"] = true.into();
    assert_eq!(put(api, "trial.Teller", &whole).await["enabled"], true);
    running(None).await;

    // A crash of the server: nobody is left, and the event of the next life is the same one.
    let last = running(None).await["status"]["pid"].as_u64().expect("a pid");
    let api = server.kill().await;
    drop(api);
    let server = site.serve().await;
    eventually("the orphan is gone", async || {
        let state = std::fs::read_to_string(format!("/proc/{last}/stat")).unwrap_or_default();
        (state.is_empty() || state.contains(") Z ")).then_some(())
    })
    .await;
    eventually("it said its event again", async || {
        let found = sensor(server.api(), "trial.Teller").await;
        (found["status"]["state"] == "running").then_some(())
    })
    .await;
    assert_eq!(instances(server.api(), "trial.happened").await.len(), 1);
    let refused = server
        .api()
        .acting_as("eve")
        .get("/api/v1/sensortypes/trial.Teller")
        .await
        .with(200);
    assert!(refused["status"].get("stderr").is_none());
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn failing_sensors_and_watches_are_told_in_chat_and_on_the_command_line() {
    let site = Site::open();
    site.write_pack_file("trial/sensors/teller.yaml", ABOUT);
    site.write_pack_file("trial/sensors/teller.sh", "#!/bin/sh\necho broken >&2\nexit 3\n");
    let missing = site.path("missing.log").display().to_string();
    site.write_pack_file(
        "trial/rules/lines.yaml",
        &format!(
            "name: lines\npack: trial\nenabled: true\ntrigger:\n  type: linux.file_watch.line\n  parameters: {{file_path: \
             '{missing}'}}\naction: {{ref: core.echo, parameters: {{message: 'line {{{{ trigger.line }}}}'}}}}\n"
        ),
    );
    let server = site.serve().await;
    let failing = eventually("the sensor fails", async || {
        let status = server.api().get("/api/v1/status").await.with(200);
        let watched = status["sensors"]["watches"][0]["error"].is_string();
        (status["sensors"]["failing"][0]["ref"] == "trial.Teller" && watched).then_some(status)
    })
    .await;
    assert_says(
        failing["sensors"]["failing"][0]["last_error"]
            .as_str()
            .unwrap_or_default(),
        &["exit code 3"],
    );
    assert_says(
        &site.sayso(&["status"]).await.ended(0).out,
        &["trial.Teller fails", "exit code 3", "linux.file_watch.line"],
    );
    let chat = server.chat("watching").await;
    eventually("chat tells", async || {
        let told = chat.asked("status").await;
        (told.contains("trial.Teller") && told.contains("cannot be read")).then_some(())
    })
    .await;
    // The file comes, and its line runs the rule's action.
    std::fs::write(site.path("missing.log"), "hello\n").expect("a file");
    eventually("the rule's action ran", async || {
        let all = server
            .api()
            .get("/api/v1/executions?action=core.echo")
            .await
            .with(200);
        (all[0]["parameters"]["message"] == "line hello").then_some(())
    })
    .await;
}

#[tokio::test]
async fn chat_messages_that_are_no_commands_run_rules() {
    let site = Site::open();
    site.write_pack_file(
        "trial/rules/heard.yaml",
        "name: heard\npack: trial\nenabled: true\ntrigger:\n  type: core.st2.chat.message\ncriteria:\n  trigger.text: {type: \
         icontains, pattern: outage}\naction:\n  ref: core.echo\n  parameters:\n    message: '{{ trigger.platform }} {{ \
         trigger.channel }} {{ trigger.mentions | join }} {{ trigger.text }}'\n",
    );
    let server = site.serve().await;
    let chat = server.chat("room").await;
    chat.asked("is there an Outage @ana").await;
    chat.asked("who knows").await;
    let ran = eventually("the rule's action ran", async || {
        let all = server
            .api()
            .get("/api/v1/executions?action=core.echo")
            .await
            .with(200);
        all.as_array().filter(|all| !all.is_empty()).cloned()
    })
    .await;
    assert_eq!(ran.len(), 1);
    assert_eq!(
        ran[0]["parameters"]["message"],
        "console admin/room ana is there an Outage @ana"
    );
    assert_eq!(instances(server.api(), "core.st2.chat.message").await.len(), 2);
}

/// Values of a pack's configuration that name keys are resolved for sensors as they are for actions.
#[tokio::test]
async fn a_sensor_gets_its_configuration_with_the_values_of_keys() {
    let site = Site::open();
    site.write_pack_file("trial/sensors/teller.yaml", ABOUT);
    site.write_pack_file(
        "trial/sensors/teller.sh",
        "#!/bin/sh\nread -r start\necho \"{\\\"type\\\":\\\"event\\\",\\\"trigger\\\":\\\"happened\\\",\\\"id\\\":\\\"1\\\",\\\"payload\\\":{\\\"start\\\":$start}}\"\nexec sleep 1000\n",
    );
    site.write_pack_file(
        "trial/config.schema.yaml",
        "---\ntoken: {type: string, secret: true}\nplace: {type: string}\n",
    );
    let configs = site.data().join("configs");
    std::fs::create_dir_all(&configs).expect("a folder");
    std::fs::write(
        configs.join("trial.yaml"),
        "---\ntoken: '{{ st2kv.system.token }}'\nplace: 'at {{ st2kv.system.place }}'\n",
    )
    .expect("the configuration");
    site.sayso(&["key", "set", "place", "home"]).await.ended(0);
    site.sayso(&["key", "set", "--encrypt", "token", "open sesame"])
        .await
        .ended(0);
    let server = site.serve().await;
    let told = eventually("the sensor tells its configuration", async || {
        instances(server.api(), "trial.happened").await.pop()
    })
    .await;
    assert_eq!(
        told["payload"]["start"]["config"],
        json!({"token": "open sesame", "place": "at home"}),
        "{told}"
    );
    assert!(!site.log().contains("sesame"));
}

#[tokio::test]
async fn a_sensor_keeps_how_far_it_has_come() {
    let site = Site::open();
    site.write_pack_file("trial/sensors/teller.yaml", ABOUT);
    site.write_pack_file(
        "trial/sensors/teller.sh",
        r#"#!/bin/sh
read -r start
echo '{"type":"get_value","id":1,"name":"runs"}'
read -r answer
case "$answer" in *'"value":null'*) n=1 ;; *) n=2 ;; esac
printf '{"type":"event","trigger":"happened","id":"run-%s","payload":{"n":%s}}\n' $n $n
printf '{"type":"set_value","id":2,"name":"runs","value":"%s"}\n' $n
exec sleep 1000
"#,
    );
    let server = site.serve().await;
    let api = server.api();
    for n in ["1", "2"] {
        eventually("it is kept", async || {
            let key = api.get("/api/v1/keys/trial.Teller:runs").await;
            (key.status == 200 && key.body["value"] == n).then_some(())
        })
        .await;
        let told = instances(api, "trial.happened").await;
        assert_eq!(
            told.len().to_string(),
            n,
            "what it said before is stored: {told:?}"
        );
        let pid = sensor(api, "trial.Teller").await["status"]["pid"].as_i64();
        let pid = i32::try_from(pid.expect("a pid")).expect("a pid");
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("the process is there");
    }
    assert_says(
        &site.sayso(&["audit", "search", "kind=key"]).await.ended(0).out,
        &["key.created", "key.updated", "sensor:trial.Teller"],
    );
}
