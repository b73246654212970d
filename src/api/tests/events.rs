//! Rules, webhooks and events as clients meet them.

use serde_json::{Value, json};

use super::support::Server;

async fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let headers = [("content-type", "application/json")];
    let (status, _, told) = server.send(&server.client, "POST", path, &headers, body).await;
    (status.as_u16(), told)
}

async fn get(server: &Server, path: &str) -> Value {
    let (status, _, told) = server.send(&server.client, "GET", path, &[], "").await;
    assert_eq!(status, 200, "{path}: {told}");
    told
}

fn rule(name: &str, criteria: &Value) -> Value {
    json!({
        "name": name,
        "pack": "trial",
        "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "/hooks/disk/"}},
        "criteria": criteria,
        "action": {"ref": "core.echo", "parameters": {"message": "{{ trigger.body.host }} {{ rule.name }}"}},
    })
}

async fn make(server: &Server, rule: &Value) -> Value {
    let (status, made) = post(server, "/v1/rules", rule).await;
    assert_eq!(status, 201, "{made}");
    made
}

#[tokio::test]
async fn what_is_posted_makes_the_actions_of_matching_rules_run() {
    let server = Server::new().await;
    let critical = json!({"trigger.body.level": {"type": "equals", "pattern": "critical"}});
    let made = make(&server, &rule("full", &critical)).await;
    assert_eq!(
        (&made["ref"], &made["uid"], &made["type"]["ref"]),
        (
            &json!("trial.full"),
            &json!("rule:trial:full"),
            &json!("standard")
        )
    );
    let (status, told) = post(&server, "/v1/rules", &rule("full", &critical)).await;
    assert_eq!(status, 409, "{told}");

    let (status, told) = post(&server, "/v1/webhooks/nosuch", &json!({})).await;
    assert_eq!(
        (status, &told["faultstring"]),
        (404, &json!("Webhook nosuch not registered with st2"))
    );
    let event = json!({"level": "critical", "host": "web1 {{ 6 * 7 }}"});
    let path = "/v1/webhooks/hooks/disk";
    let (status, _, _) = server
        .send(&server.stranger(), "POST", path, &[], event.to_string())
        .await;
    assert_eq!(status, 401);
    assert_eq!(post(&server, path, &event).await, (202, event.clone()));
    assert_eq!(post(&server, path, &json!({"level": "low"})).await.0, 202);

    let instances = get(&server, "/v1/triggerinstances").await;
    let instances = instances.as_array().unwrap();
    assert_eq!(instances.len(), 2);
    assert!(instances.iter().all(|one| one["status"] == "processed"));
    assert_eq!(instances[1]["payload"]["body"], event);
    assert!(instances[1]["payload"]["headers"].get("X-Auth-Token").is_none());

    let enforced = get(&server, "/v1/ruleenforcements?rule_ref=trial.full").await;
    assert_eq!(enforced.as_array().unwrap().len(), 1, "{enforced}");
    assert_eq!(enforced[0]["trigger_instance_id"], instances[1]["id"]);
    let id = enforced[0]["execution_id"].as_str().unwrap();
    let done = server.ended(id).await;
    // What came from outside is never rendered.
    assert_eq!(done["parameters"]["message"], "web1 {{ 6 * 7 }} full", "{done}");
    assert_eq!(done["status"], "succeeded");
    assert_eq!(done["context"]["trigger_instance"]["id"], instances[1]["id"]);
    assert_eq!(done["context"]["rule"]["name"], "full");
    let found = get(&server, "/v1/executions?rule=trial.full").await;
    assert_eq!(found[0]["id"], id);
}

#[tokio::test]
async fn every_matching_rule_acts_once_and_the_backstop_only_for_the_rest() {
    let server = Server::new().await;
    make(&server, &rule("one", &json!({}))).await;
    make(
        &server,
        &rule("two", &json!({"trigger.body.n": {"type": "gt", "pattern": 5}})),
    )
    .await;
    let mut last = rule("last", &json!({}));
    last["type"] = json!({"ref": "backstop"});
    make(&server, &last).await;
    let mut wrong = rule("wrong", &json!({}));
    wrong["action"] = json!({"ref": "core.nosuch", "parameters": {}});
    make(&server, &wrong).await;

    let path = "/v1/webhooks/hooks/disk";
    let delivery = [("x-request-id", "7"), ("content-type", "application/json")];
    let body = json!({"n": 6, "host": "h"}).to_string();
    for _ in 0..3 {
        // The same delivery again is accepted, and does nothing.
        let (status, _, told) = server
            .send(&server.client, "POST", path, &delivery, body.clone())
            .await;
        assert_eq!(status, 202, "{told}");
    }
    let enforced = get(&server, "/v1/ruleenforcements/views?sort_asc=true").await;
    let told: Vec<_> = enforced
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["rule"]["ref"].as_str().unwrap(),
                one["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("trial.one", "succeeded"),
            ("trial.two", "succeeded"),
            ("trial.wrong", "failed")
        ]
    );
    let why = enforced[2]["failure_reason"].as_str().unwrap();
    assert!(why.contains("there is no action `core.nosuch`"), "{why}");
    assert_eq!(enforced[0]["trigger_instance"]["status"], "processed");
    assert_eq!(
        get(&server, "/v1/triggerinstances")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_rule_that_feeds_itself_is_stopped_and_told() {
    let server = Server::new().await;
    let again = json!({
        "name": "again", "pack": "trial", "enabled": true,
        "trigger": {"type": "core.st2.generic.actiontrigger", "parameters": {}},
        "criteria": {"trigger.action_name": {"type": "equals", "pattern": "noop"}},
        "action": {"ref": "core.noop", "parameters": {}},
    });
    make(&server, &again).await;
    server.run("core.noop", &json!({})).await;
    let mut events = server.state.engine().subscribe();
    let failed = loop {
        let found = get(&server, "/v1/ruleenforcements?sort_asc=true").await;
        let failed = found
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["status"] == "failed")
            .cloned();
        if let Some(failed) = failed {
            break failed;
        }
        // Events of the engine come while the rule feeds itself; the last may have gone by.
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), events.recv()).await;
    };
    let why = failed["failure_reason"].as_str().unwrap();
    assert!(why.starts_with("16 rules in a row led to this event"), "{why}");
    let runs = get(&server, "/v1/executions?rule=trial.again").await;
    assert_eq!(runs.as_array().unwrap().len(), 16);
}

#[tokio::test]
async fn a_rule_tells_why_it_matches_or_not() {
    let server = Server::new().await;
    make(
        &server,
        &rule(
            "full",
            &json!({"trigger.body.level": {"type": "equals", "pattern": "high"}}),
        ),
    )
    .await;
    let payload = json!({"body": {"level": "High", "host": "h"}});
    let (status, told) = post(
        &server,
        "/v1/rules/test",
        &json!({"rule": "trial.full", "payload": payload}),
    )
    .await;
    assert_eq!((status, &told["matched"]), (200, &json!(false)), "{told}");
    assert_eq!(told["criteria"][0]["value"], "High");
    assert!(
        told["criteria"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("iequals"),
        "{told}"
    );
    let payload = json!({"body": {"level": "high", "host": "h"}});
    let (_, told) = post(
        &server,
        "/v1/rules/test",
        &json!({"rule": "trial.full", "payload": payload}),
    )
    .await;
    assert_eq!(
        told["action"]["parameters"],
        json!({"message": "h full"}),
        "{told}"
    );
}

#[tokio::test]
async fn rules_are_changed_switched_off_and_removed() {
    let server = Server::new().await;
    let made = make(&server, &rule("full", &json!({}))).await;
    let path = "/v1/webhooks/hooks/disk";
    let event = json!({"host": "h"});
    let mut off = made.clone();
    off["enabled"] = json!(false);
    let (status, _, told) = server
        .send(
            &server.client,
            "PUT",
            "/v1/rules/trial.full",
            &[("content-type", "application/json")],
            off.to_string(),
        )
        .await;
    assert_eq!(
        (status.as_u16(), &told["enabled"]),
        (200, &json!(false)),
        "{told}"
    );
    assert_eq!(post(&server, path, &event).await.0, 404);
    let by_id = format!("/v1/rules/{}", made["id"].as_str().unwrap());
    assert_eq!(get(&server, &by_id).await["ref"], "trial.full");
    let (status, _, _) = server.send(&server.client, "DELETE", &by_id, &[], "").await;
    assert_eq!(status, 204);
    let (status, _, _) = server.send(&server.client, "GET", &by_id, &[], "").await;
    assert_eq!(status, 404);
    let mut bad = rule("bad", &json!({}));
    bad["trigger"]["type"] = json!("core.st2.webhok");
    let (status, told) = post(&server, "/v1/rules", &bad).await;
    assert_eq!(status, 400);
    assert!(
        told["faultstring"].as_str().unwrap().contains("core.st2.webhook"),
        "{told}"
    );
}

#[tokio::test]
async fn an_event_is_sent_again_with_the_id_of_the_first() {
    let server = Server::new().await;
    make(&server, &rule("full", &json!({}))).await;
    post(&server, "/v1/webhooks/hooks/disk", &json!({"host": "h"})).await;
    let first = get(&server, "/v1/triggerinstances").await[0].clone();
    let path = format!("/v1/triggerinstances/{}/re_emit", first["id"].as_str().unwrap());
    let (status, told) = post(&server, &path, &json!({})).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["payload"]["__context"]["original_id"], first["id"]);
    let enforced = get(&server, "/v1/ruleenforcements").await;
    assert_eq!(enforced.as_array().unwrap().len(), 2);
    let timers = get(&server, "/v1/timers").await;
    assert!(timers.is_array());
    let hooks = get(&server, "/v1/webhooks").await;
    assert_eq!(hooks[0]["parameters"]["url"], "/hooks/disk/");
}

#[tokio::test]
async fn trigger_types_and_triggers_are_made_changed_and_removed() {
    let server = Server::new().await;
    let put = async |path: &str, body: &Value| {
        let headers = [("content-type", "application/json")];
        let (status, _, told) = server
            .send(&server.client, "PUT", path, &headers, body.to_string())
            .await;
        (status.as_u16(), told)
    };
    let delete = async |path: &str| {
        let (status, _, told) = server.send(&server.client, "DELETE", path, &[], "").await;
        (status.as_u16(), told)
    };
    let kind = json!({"name": "shape_tt", "pack": "default", "payload_schema": {"type": "object"},
        "parameters_schema": {"type": "object", "properties": {"room": {"type": "string"}}}});
    let (status, made) = post(&server, "/v1/triggertypes", &kind).await;
    assert_eq!(
        (status, &made["ref"]),
        (201, &json!("default.shape_tt")),
        "{made}"
    );
    let (status, told) = post(&server, "/v1/triggertypes", &kind).await;
    assert_eq!((status, &told["conflict-id"]), (409, &made["id"]), "{told}");
    let (status, told) = put(
        "/v1/triggertypes/core.st2.webhook",
        &json!({"name": "st2.webhook"}),
    )
    .await;
    assert_eq!(status, 400, "{told}");

    // An event of a trigger by its name reaches the rules on the same type and parameters.
    let trigger = json!({"name": "kitchen", "pack": "default", "type": "default.shape_tt", "parameters": {"room": "k"}});
    let (status, told) = post(&server, "/v1/triggers", &trigger).await;
    assert_eq!((status, &told["ref"]), (201, &json!("default.kitchen")), "{told}");
    let mut rule = rule("in_the_kitchen", &json!({}));
    rule["trigger"] = json!({"type": "default.shape_tt", "parameters": {"room": "k"}});
    rule["action"] = json!({"ref": "core.noop"});
    make(&server, &rule).await;
    let sent = json!({"trigger": "default.kitchen", "payload": {}});
    assert_eq!(post(&server, "/v1/webhooks/st2", &sent).await.0, 202);
    let enforced = get(&server, "/v1/ruleenforcements").await;
    assert_eq!(enforced[0]["rule"]["ref"], "trial.in_the_kitchen", "{enforced}");

    let views = get(&server, "/v1/rules/views?pack=trial").await;
    assert_eq!(
        views[0]["action"]["description"].as_str().map(str::is_empty),
        Some(false)
    );
    // What a client was shown can be sent back.
    let (status, told) = put("/v1/rules/trial.in_the_kitchen", &views[0]).await;
    assert_eq!(status, 200, "{told}");

    let (status, told) = delete("/v1/triggertypes/default.shape_tt").await;
    let why = told["faultstring"].as_str().unwrap();
    assert!(status == 400 && why.contains("trial.in_the_kitchen"), "{told}");
    assert_eq!(delete("/v1/rules/trial.in_the_kitchen").await.0, 204);
    assert_eq!(delete("/v1/triggers/default.kitchen").await.0, 204);
    assert_eq!(delete("/v1/triggertypes/default.shape_tt").await.0, 204);
    assert_eq!(delete("/v1/triggertypes/default.shape_tt").await.0, 404);
}

#[tokio::test]
async fn a_trace_has_everything_that_followed() {
    let server = Server::new().await;
    let after = json!({
        "name": "after", "pack": "trial", "enabled": true,
        "trigger": {"type": "core.st2.generic.actiontrigger", "parameters": {}},
        "criteria": {"trigger.action_ref": {"type": "equals", "pattern": "core.echo"}},
        "action": {"ref": "core.noop", "parameters": {}},
    });
    make(&server, &after).await;
    make(&server, &rule("full", &json!({}))).await;
    let headers = [("st2-trace-tag", "disk-7"), ("content-type", "application/json")];
    let body = json!({"host": "h"}).to_string();
    let path = "/v1/webhooks/hooks/disk";
    let (status, _, _) = server.send(&server.client, "POST", path, &headers, body).await;
    assert_eq!(status, 202);
    let mut events = server.state.engine().subscribe();
    let trace = loop {
        let found = get(&server, "/v1/traces?trace_tag=disk-7").await;
        if found[0]["action_executions"]
            .as_array()
            .is_some_and(|all| all.len() == 2)
        {
            break found[0].clone();
        }
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), events.recv()).await;
    };
    let of = |list: &str, name: &str| -> Vec<Value> {
        let parts = trace[list].as_array().unwrap();
        parts.iter().map(|part| part[name].clone()).collect()
    };
    assert_eq!(of("rules", "ref"), ["trial.full", "trial.after"], "{trace}");
    assert_eq!(of("action_executions", "ref"), ["core.echo", "core.noop"]);
    let echo = &of("action_executions", "object_id")[0];
    assert_eq!(trace["trigger_instances"][1]["caused_by"]["id"], *echo);
    assert_eq!(trace["trigger_instances"][0]["caused_by"], json!({}));
    assert_eq!(trace["id"], trace["trigger_instances"][0]["object_id"]);
    // By the last execution in it, and by its rule; what nobody named is there as well.
    let last = of("action_executions", "object_id")[1]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        get(&server, &format!("/v1/traces/{last}")).await["id"],
        trace["id"]
    );
    let found = get(&server, "/v1/traces?rule=trial.after").await;
    assert_eq!(
        (found.as_array().unwrap().len(), &found[0]["id"]),
        (1, &trace["id"])
    );
    let plain = server.run("core.noop", &json!({})).await;
    let tag = format!("execution-{}", plain["id"].as_str().unwrap());
    let found = get(&server, &format!("/v1/traces?trace_tag={tag}")).await;
    assert_eq!(found[0]["id"], plain["id"]);
    assert_eq!(get(&server, "/v1/traces?limit=1").await[0]["id"], plain["id"]);

    let joining =
        |id: &Value| json!({"action": "core.noop", "context": {"trace_context": {"id_": id}}}).to_string();
    let headers = [("content-type", "application/json")];
    let post = |body| server.send(&server.client, "POST", "/v1/executions", &headers, body);
    assert_eq!(post(joining(&plain["id"])).await.0, 201);
    for unknown in [json!("0123456789abcdef01234567"), json!("no id")] {
        let (status, _, body) = post(joining(&unknown)).await;
        let told = body.to_string();
        assert!(
            status == 404 && told.contains("sayso trace list"),
            "{status} {told}"
        );
    }
}

#[tokio::test]
async fn a_schedule_runs_once_at_its_time_and_is_over() {
    let server = Server::new().await;
    tokio::spawn(server.state.events().clone().tick());
    let mut events = server.state.engine().subscribe();
    let asked = json!({"when": "in 1 second", "action": "core.noop"});
    let (status, made) = post(&server, "/v1/schedules", &asked).await;
    assert_eq!(
        (status, &made["user"]),
        (201, &json!(super::support::USER)),
        "{made}"
    );
    while get(&server, "/v1/schedules").await != json!([]) {
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), events.recv()).await;
    }
    let ran = get(&server, "/v1/executions?action=core.noop").await;
    assert_eq!(ran.as_array().unwrap().len(), 1, "{ran}");
    assert_eq!(ran[0]["context"]["schedule"]["number"], 1);
    let (status, told) = post(
        &server,
        "/v1/schedules",
        &json!({"when": "every weekdya", "action": "core.noop"}),
    )
    .await;
    let why = told["faultstring"].as_str().unwrap();
    assert!(status == 400 && why.contains("every weekday"), "{told}");
}

#[tokio::test]
async fn webhooks_take_forms_and_name_headers_as_rules_of_the_reference_do() {
    let server = Server::new().await;
    let rule = json!({
        "name": "headers",
        "pack": "trial",
        "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "forms"}},
        "criteria": {
            "trigger.headers['X-Github-Event']": {"type": "equals", "pattern": "push"},
            "trigger.headers_lower.x-github-event": {"type": "equals", "pattern": "push"},
        },
        "action": {"ref": "core.noop"},
    });
    let (status, made) = post(&server, "/v1/rules", &rule).await;
    assert_eq!(
        (status, &made["context"]["user"]),
        (201, &json!("testu")),
        "{made}"
    );
    let parts = "--b1\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\nv 1\r\n--b1\r\nContent-Disposition: form-data; \
                 name=\"k\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nv2\r\n--b1--\r\n";
    for (content_type, body, wanted) in [
        (
            "application/x-www-form-urlencoded",
            "k=v+1&k=v2&e=",
            json!({"k": ["v 1", "v2"], "e": [""]}),
        ),
        (
            "multipart/form-data; boundary=b1",
            parts,
            json!({"k": ["v 1", "v2"]}),
        ),
    ] {
        let headers = [("content-type", content_type), ("x-GitHub-event", "push")];
        let (status, _, told) = server
            .send(&server.client, "POST", "/v1/webhooks/forms", &headers, body)
            .await;
        assert_eq!((status.as_u16(), &told), (202, &wanted));
    }
    let headers = [("content-type", "multipart/form-data; boundary=b1")];
    let (status, _, told) = server
        .send(
            &server.client,
            "POST",
            "/v1/webhooks/forms",
            &headers,
            "--b1\r\nno header",
        )
        .await;
    assert_eq!(status.as_u16(), 400, "{told}");
    let ran = get(&server, "/v1/ruleenforcements?rule_ref=trial.headers").await;
    assert_eq!(ran.as_array().map(Vec::len), Some(2), "{ran}");
    let kinds = get(&server, "/v1/ruletypes").await;
    assert_eq!(kinds[1]["name"], "backstop");
    assert_eq!(get(&server, "/v1/ruletypes/standard").await, kinds[0]);
}
