//! The datastore as clients meet it, and where its keys turn up.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::support::Server;
use crate::api::ApiOptions;
use crate::api::client::Client;

async fn call(server: &Server, client: &Client, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let headers = [("content-type", "application/json")];
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let (status, _, told) = server.send(client, method, path, &headers, body).await;
    (status.as_u16(), told)
}

async fn set(server: &Server, name: &str, body: &Value) -> Value {
    let path = format!("/v1/keys/{name}");
    let (status, told) = call(server, &server.client, "PUT", &path, body).await;
    assert_eq!(status, 200, "{told}");
    told
}

/// Waits until the list has so many items. What is awaited is done by tasks of the server.
async fn list_of(server: &Server, path: &str, count: usize) -> Vec<Value> {
    loop {
        let found = server.client.get(path).await.unwrap();
        let found = found.as_array().unwrap().clone();
        if found.len() >= count {
            return found;
        }
        tokio::task::yield_now().await;
    }
}

/// Names of pack files that are written before the content is read again.
async fn with_files(files: &[(&str, &str)]) -> Server {
    let server = Server::new().await;
    for (file, text) in files {
        let path = server.packs().join("default").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let report = server.state.content().reload();
    let problems: Vec<String> = report
        .problems
        .iter()
        .map(ToString::to_string)
        .filter(|problem| problem.contains("default"))
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
    server
}

/// KVS-6, KVS-7, KVS-8: lists, and who may see and change what.
#[tokio::test]
async fn everybody_has_keys_of_their_own_and_administrators_have_all() {
    let server = Server::new().await;
    let (admin, ana) = (&server.client, &server.client.acting_as("ana").unwrap());
    set(&server, "sys.a", &json!({"value": "1"})).await;
    set(&server, "sys.pw", &json!({"value": "hunter2", "secret": true})).await;
    set(
        &server,
        "note",
        &json!({"value": "bo's", "scope": "user", "user": "bo"}),
    )
    .await;
    let mine = json!({"value": "4711", "secret": true, "scope": "user"});
    assert_eq!(call(&server, ana, "PUT", "/v1/keys/pin", &mine).await.0, 200);
    let none = Value::Null;
    let denied = |permission: &str, uid: &str| {
        format!(
            "User \"ana\" doesn't have required permission \"key_value_pair_{permission}\" on resource \"key_value_pair:{uid}\""
        )
    };
    let value = json!({"value": "x"});
    for (method, path, body, why) in [
        (
            "GET",
            "/v1/keys/sys.a",
            &none,
            denied("view", "st2kv.system:sys.a"),
        ),
        (
            "PUT",
            "/v1/keys/sys.a",
            &value,
            denied("set", "st2kv.system:sys.a"),
        ),
        (
            "DELETE",
            "/v1/keys/sys.a",
            &none,
            denied("delete", "st2kv.system:sys.a"),
        ),
        (
            "GET",
            "/v1/keys?scope=system&prefix=sys",
            &none,
            denied("view", "st2kv.system:sys"),
        ),
        (
            "GET",
            "/v1/keys/note?scope=user&user=bo",
            &none,
            denied("view", "st2kv.user:bo:note"),
        ),
        ("GET", "/v1/keys?user=bo", &none, denied("view", "st2kv.user:bo:")),
    ] {
        let (status, told) = call(&server, ana, method, path, body).await;
        assert_eq!(
            (status, told["faultstring"].as_str()),
            (403, Some(&*why)),
            "{path}"
        );
    }
    for (client, path, wanted) in [
        (ana, "/v1/keys?scope=all", "pin=SEALED"),
        (ana, "/v1/keys?scope=user&decrypt=true", "pin=4711"),
        (ana, "/v1/keys?decrypt=true", "pin=4711"),
        (admin, "/v1/keys", "sys.a=1 sys.pw=SEALED"),
        (admin, "/v1/keys?decrypt=true", "sys.a=1 sys.pw=hunter2"),
        (admin, "/v1/keys?prefix=sys.p&scope=system", "sys.pw=SEALED"),
        (admin, "/v1/keys?limit=1&offset=1", "sys.pw=SEALED"),
        (admin, "/v1/keys?scope=user&user=bo", "note=bo's"),
        (
            admin,
            "/v1/keys?scope=all&user=ana",
            "sys.a=1 sys.pw=SEALED pin=SEALED",
        ),
        (admin, "/v1/keys?scope=user&user=ana&decrypt=true", "pin=4711"),
        (admin, "/v1/keys?prefix=zzz", ""),
    ] {
        let found = client.get(&format!("/api{path}")).await.unwrap();
        let told: Vec<String> = found
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| {
                let value = pair["value"].as_str().unwrap();
                let value = if pair["encrypted"] == true {
                    "SEALED"
                } else {
                    value
                };
                format!("{}={value}", pair["name"].as_str().unwrap())
            })
            .collect();
        assert_eq!(told.join(" "), wanted, "{path}");
    }
    let (status, told) = call(&server, ana, "GET", "/v1/keys/pin?scope=user&decrypt=true", &none).await;
    assert_eq!(
        (status, &told["value"], &told["user"]),
        (200, &json!("4711"), &json!("ana"))
    );
    let sealed = json!({"value": "00", "encrypted": true, "scope": "user"});
    let (status, told) = call(&server, ana, "PUT", "/v1/keys/pin", &sealed).await;
    assert_eq!(status, 403, "{told}");
    let decrypted = admin.get("/api/v1/audit?limit=1000").await.unwrap().to_string();
    assert!(decrypted.contains("key.decrypted"), "{decrypted}");
    assert!(!decrypted.contains("hunter2") && !decrypted.contains("4711"));
}

/// KVS-5: what one server has sealed can be put back, by administrators.
#[tokio::test]
async fn what_is_encrypted_already_is_kept_as_it_is() {
    let server = Server::new().await;
    let first = set(&server, "pw", &json!({"value": "hunter2", "secret": true})).await;
    let sealed = json!({"value": first["value"], "encrypted": true});
    let copy = set(&server, "copy", &sealed).await;
    assert_eq!(
        (&copy["value"], &copy["secret"], &copy["encrypted"]),
        (&first["value"], &json!(true), &json!(true))
    );
    let clear = server.client.get("/api/v1/keys/copy?decrypt=true").await.unwrap();
    assert_eq!(
        (&clear["value"], &clear["encrypted"]),
        (&json!("hunter2"), &json!(false))
    );
    let wrong = json!({"value": "hunter2", "encrypted": true});
    let (status, told) = call(&server, &server.client, "PUT", "/v1/keys/bad", &wrong).await;
    let told = told["faultstring"].as_str().unwrap();
    assert!(
        status == 400
            && told.starts_with("Failed to verify the integrity of the provided value for key \"bad\""),
        "{told}"
    );
}

/// PAR-9, KVS-12: parameters see keys as they are now; what they decrypt is shown to nobody.
#[tokio::test]
async fn parameters_see_keys_and_hide_what_they_decrypt() {
    let files = [(
        "actions/tell.yaml",
        "name: tell\nrunner_type: noop\nparameters:\n  \
         token: {type: string, default: '{{ st2kv.system.pw | decrypt_kv }}'}\n  text: {type: string}\n",
    )];
    let server = with_files(&files).await;
    set(&server, "pw", &json!({"value": "hunter2", "secret": true})).await;
    for host in ["w1", "w2"] {
        set(&server, "hosts.web", &json!({"value": host})).await;
        let text = json!({"text": "{{ st2kv.system.hosts.web }}[{{ st2kv.system.none }}]"});
        let done = server.run("default.tell", &text).await;
        assert_eq!(done["parameters"]["text"], format!("{host}[]"), "{done}");
        // A default of the pack may decrypt for everybody.
        assert_eq!(done["parameters"]["token"], "********");
    }
    let login = json!({"text": "login {{ st2kv.system.pw | decrypt_kv }}!"});
    let done = server.run("default.tell", &login).await;
    assert_eq!(
        (&done["status"], &done["parameters"]["text"]),
        (&json!("succeeded"), &json!("********"))
    );
    let path = format!(
        "/v1/executions/{}?show_secrets=true",
        done["id"].as_str().unwrap()
    );
    let (_, shown) = call(&server, &server.client, "GET", &path, &Value::Null).await;
    assert_eq!(shown["parameters"]["text"], "login hunter2!");
    // Run again, it is as secret as before.
    let path = format!("/v1/executions/{}/re_run", done["id"].as_str().unwrap());
    let (status, again) = call(&server, &server.client, "POST", &path, &json!({})).await;
    assert_eq!(status, 201, "{again}");
    let again = server.ended(again["id"].as_str().unwrap()).await;
    assert_eq!(again["parameters"]["text"], "********");
    let stored = server
        .client
        .get("/api/v1/audit?limit=1000")
        .await
        .unwrap()
        .to_string();
    assert!(!stored.contains("hunter2"));
}

#[tokio::test]
async fn who_is_no_administrator_decrypts_nothing_of_everybodys() {
    let server = Server::with(ApiOptions::default(), "mode = \"open\"").await;
    set(&server, "pw", &json!({"value": "hunter2", "secret": true})).await;
    let sealed = server.client.get("/api/v1/keys/pw").await.unwrap()["value"].clone();
    let ana = server.client.acting_as("ana").unwrap();
    let mine = json!({"value": "4711", "secret": true, "scope": "user"});
    assert_eq!(call(&server, &ana, "PUT", "/v1/keys/pin", &mine).await.0, 200);
    for (message, wanted) in [
        ("{{ st2kv.system.pw | decrypt_kv }}".to_owned(), 400),
        (
            format!("{{{{ '{}' | decrypt_kv }}}}", sealed.as_str().unwrap()),
            400,
        ),
        (
            "{{ [st2kv.system.pw] | map('decrypt' ~ '_kv') | list }}".to_owned(),
            400,
        ),
        ("{{ st2kv.user.pin | decrypt_kv }}".to_owned(), 201),
        ("{{ st2kv.system.pw }}".to_owned(), 201),
    ] {
        let body = json!({"action": "core.echo", "parameters": {"message": message}});
        let (status, told) = call(&server, &ana, "POST", "/v1/executions", &body).await;
        assert_eq!(status, wanted, "{message}: {told}");
        assert!(!told.to_string().contains("hunter2"), "{told}");
    }
}

const FLOW: &str = "version: 1.0\ninput: [n]\ntasks:\n  a:\n    action: core.noop\n    next:\n      - publish:\n          \
    - port: <% st2kv('system.port') %>\n          - pw: <% st2kv('system.pw', decrypt => true) %>\n          \
    - own: \"{{ st2kv('color') }}\"\n        do: b\n  b:\n    action: default.note text=<% 'login ' + ctx(pw) %> port=<% ctx(port) %>\n\
    output:\n  - port: <% ctx(port) %>\n  - own: <% ctx(own) %>\n  - login: <% ctx(pw) %>\n  - none: <% st2kv('system.none', default => 'nothing') %>\n";

/// YQL-3, KVS-12, KVS-13: workflows.
#[tokio::test]
async fn workflows_read_keys_and_hide_what_they_decrypt() {
    let files = [
        (
            "actions/note.yaml",
            "name: note\nrunner_type: noop\nparameters:\n  text: {type: string}\n  port: {type: string}\n",
        ),
        (
            "actions/flow.yaml",
            "name: flow\nrunner_type: orquesta\nentry_point: workflows/flow.yaml\n",
        ),
        ("actions/workflows/flow.yaml", FLOW),
    ];
    let files = files.map(|(file, text)| (file, text.replace("input: [n]\n", "")));
    let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (*file, text.as_str())).collect();
    let server = with_files(&files).await;
    set(&server, "port", &json!({"value": "80"})).await;
    set(&server, "pw", &json!({"value": "hunter2", "secret": true})).await;
    set(&server, "color", &json!({"value": "blue", "scope": "user"})).await;
    let done = server.run("default.flow", &json!({})).await;
    assert_eq!(
        done["result"],
        json!({"output": {"port": "80", "own": "blue", "login": "********", "none": "nothing"}}),
        "{done}"
    );
    let path = format!("/v1/executions?parent={}", done["id"].as_str().unwrap());
    let (_, children) = call(&server, &server.client, "GET", &path, &Value::Null).await;
    let notes: Vec<&Value> = children
        .as_array()
        .unwrap()
        .iter()
        .filter(|child| child["action"]["ref"] == "default.note")
        .collect();
    assert_eq!(notes.len(), 1, "{children}");
    assert_eq!(notes[0]["parameters"], json!({"text": "********", "port": "80"}));
    // A key that is missing is an error there.
    let (_, _) = call(&server, &server.client, "DELETE", "/v1/keys/port", &Value::Null).await;
    let done = server.run("default.flow", &json!({})).await;
    assert_eq!(done["status"], "failed");
    let told = done["result"].to_string();
    assert!(
        told.contains(r#"The key \"port\" does not exist in the StackStorm datastore."#),
        "{told}"
    );
}

/// PKG-14: values of a pack's configuration.
#[tokio::test]
async fn configurations_take_values_from_the_datastore() {
    let files = [
        (
            "config.schema.yaml",
            "port: {type: string, default: '{{ st2kv.system.port }}'}\nlogin:\n  type: object\n  properties:\n    \
             pw: {type: string, secret: true, default: '{{ st2kv.system.pw }}'}\n    \
             color: {type: string, default: '{{ st2kv.user.color }}'}\n",
        ),
        (
            "actions/tell.yaml",
            "name: tell\nrunner_type: noop\nparameters:\n  port: {type: string, default: '{{ config_context.port }}'}\n  \
             pw: {type: string, default: '{{ config_context.login.pw }}'}\n  \
             color: {type: string, default: '{{ config_context.login.color }}'}\n",
        ),
    ];
    let server = with_files(&files).await;
    set(&server, "port", &json!({"value": "80"})).await;
    set(&server, "pw", &json!({"value": "hunter2", "secret": true})).await;
    set(&server, "color", &json!({"value": "blue", "scope": "user"})).await;
    let done = server.run("default.tell", &json!({})).await;
    assert_eq!(
        done["parameters"],
        json!({"port": "80", "pw": "********", "color": "blue"}),
        "{done}"
    );
    let path = format!(
        "/v1/executions/{}?show_secrets=true",
        done["id"].as_str().unwrap()
    );
    let (_, shown) = call(&server, &server.client, "GET", &path, &Value::Null).await;
    assert_eq!(shown["parameters"]["pw"], "hunter2");
}

/// Immutable parameters of aliases take keys, and may decrypt, whoever says them.
#[tokio::test]
async fn aliases_take_values_from_the_datastore() {
    let files = [
        (
            "actions/note.yaml",
            "name: note\nrunner_type: noop\nparameters:\n  text: {type: string}\n  port: {type: string}\n",
        ),
        (
            "aliases/note.yaml",
            "name: note\naction_ref: default.note\nformats: ['note it']\nimmutable_parameters:\n  \
             text: '{{ st2kv.system.pw | decrypt_kv }}'\n  port: '{{ st2kv.system.port }}'\n",
        ),
    ];
    let server = with_files(&files).await;
    set(&server, "port", &json!({"value": "80"})).await;
    set(&server, "pw", &json!({"value": "hunter2", "secret": true})).await;
    let said = json!({"name": "note", "format": "note it", "command": "note it", "user": "ana", "source_channel": "c"});
    let (status, told) = call(&server, &server.client, "POST", "/v1/aliasexecution", &said).await;
    assert_eq!(status, 201, "{told}");
    assert_eq!(
        told["execution"]["parameters"],
        json!({"text": "********", "port": "80"}),
        "{told}"
    );
}

/// KVS-10, TRG-16, TRG-17: rules hear of changes; RUL-4, RUL-25: and read keys themselves.
#[tokio::test]
async fn rules_hear_of_changes_and_read_keys() {
    let server = Server::new().await;
    set(&server, "limit", &json!({"value": "watched"})).await;
    set(&server, "pw", &json!({"value": "hunter2", "secret": true})).await;
    let rule = |event: &str, object: &str| {
        json!({
            "name": event, "pack": "trial", "enabled": true,
            "trigger": {"type": format!("core.st2.key_value_pair.{event}"), "parameters": {}},
            "criteria": {format!("trigger.{object}.name"): {"type": "eq", "pattern": "{{ st2kv.system.limit }}"}},
            "action": {"ref": "core.echo", "parameters": {
                "message": format!("{event} {{{{ trigger.{object}.value }}}} {{{{ st2kv.system.pw | decrypt_kv }}}}")}},
        })
    };
    for (event, object) in [
        ("create", "object"),
        ("update", "object"),
        ("value_change", "new_object"),
        ("delete", "object"),
    ] {
        let (status, told) = call(&server, &server.client, "POST", "/v1/rules", &rule(event, object)).await;
        assert_eq!(status, 201, "{told}");
    }
    set(&server, "watched", &json!({"value": "one"})).await;
    set(&server, "watched", &json!({"value": "one"})).await;
    set(&server, "watched", &json!({"value": "two"})).await;
    set(&server, "other", &json!({"value": "no rule wants it"})).await;
    assert_eq!(
        call(
            &server,
            &server.client,
            "DELETE",
            "/v1/keys/watched",
            &Value::Null
        )
        .await
        .0,
        204
    );
    let done = list_of(&server, "/api/v1/executions?action=core.echo&limit=50", 5).await;
    let mut told = Vec::new();
    for execution in &done {
        let id = execution["id"].as_str().unwrap();
        // What the rule decrypted is hidden.
        assert_eq!(server.ended(id).await["parameters"]["message"], "********");
        let path = format!("/v1/executions/{id}?show_secrets=true");
        let (_, shown) = call(&server, &server.client, "GET", &path, &Value::Null).await;
        told.push(shown["parameters"]["message"].as_str().unwrap().to_owned());
    }
    told.sort();
    assert_eq!(
        told,
        [
            "create one hunter2",
            "delete two hunter2",
            "update one hunter2",
            "update two hunter2",
            "value_change two hunter2"
        ]
    );
    let instances = list_of(&server, "/api/v1/triggerinstances?limit=50", 6).await;
    let change = instances
        .iter()
        .find(|one| one["trigger"] == "core.st2.key_value_pair.value_change")
        .unwrap();
    let payload = &change["payload"];
    assert_eq!(
        (&payload["old_object"]["value"], &payload["new_object"]["value"]),
        (&json!("one"), &json!("two"))
    );
    assert_eq!(
        payload["new_object"]["uid"],
        "key_value_pair:st2kv.system:watched"
    );
    let (status, explained) = call(
        &server,
        &server.client,
        "POST",
        "/v1/rules/test",
        &json!({"rule": "trial.create", "payload": {"object": {"name": "watched", "value": "x"}}}),
    )
    .await;
    assert_eq!(status, 200, "{explained}");
    assert!(!explained.to_string().contains("hunter2"), "{explained}");
    assert_eq!(
        explained["action"]["parameters"]["message"], "********",
        "{explained}"
    );
}
