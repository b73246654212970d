//! Executions from request to end, as clients see them.

use http::StatusCode;
use serde_json::{Value, json};

use super::support::{Server, TOKEN};
use crate::api::client::Client;

fn ids(list: &Value) -> Vec<String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn lists_are_paged_by_offset_and_by_key() {
    let server = Server::new().await;
    let mut all = Vec::new();
    for _ in 0..7 {
        all.push(
            server.run("core.noop", &json!({})).await["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    all.reverse();
    let client = &server.client;
    let (_, headers, page) = server
        .send(client, "GET", "/v1/executions?limit=3&offset=2", &[], "")
        .await;
    assert_eq!(ids(&page), all[2..5]);
    assert_eq!(
        (&headers["x-total-count"], &headers["x-limit"]),
        (&"7".parse().unwrap(), &"3".parse().unwrap())
    );
    let path = format!("/v1/executions?limit=3&after={}", all[4]);
    let (_, headers, page) = server.send(client, "GET", &path, &[], "").await;
    assert_eq!(ids(&page), all[5..]);
    assert!(!headers.contains_key("x-total-count"), "counting is not for free");
    let (_, headers, page) = server
        .send(client, "GET", "/v1/executions?limit=-1", &[], "")
        .await;
    assert_eq!(ids(&page), all);
    assert!(!headers.contains_key("x-limit"));
    let oldest_first = client.get("/v1/executions?sort_asc=true&limit=2").await.unwrap();
    assert_eq!(ids(&oldest_first), [all[6].clone(), all[5].clone()]);
}

#[tokio::test]
async fn long_lists_are_whole() {
    let server = Server::new().await;
    for _ in 0..450 {
        server
            .client
            .post("/v1/executions", Some(&json!({"action": "core.noop"})))
            .await
            .unwrap();
    }
    let all = server.client.get("/v1/executions?limit=1000").await.unwrap();
    let mut seen = ids(&all);
    assert_eq!(seen.len(), 450);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first");
    seen.dedup();
    assert_eq!(seen.len(), 450);
    assert!(all[449]["result"].is_object());
    let some = server
        .client
        .get("/v1/executions?limit=449&offset=1&exclude_attributes=result")
        .await
        .unwrap();
    assert_eq!(some.as_array().unwrap().len(), 449);
    assert!(some[0].get("result").is_none());
}

#[tokio::test]
async fn filters_leave_what_was_asked_for() {
    let server = Server::new().await;
    let noop = server.run("core.noop", &json!({})).await;
    let good = server.run("core.local", &json!({"cmd": "true"})).await;
    let bad = server.run("core.local", &json!({"cmd": "exit 3"})).await;
    let id = |execution: &Value| execution["id"].as_str().unwrap().to_owned();
    let after = noop["end_timestamp"].as_str().unwrap();
    for (query, expected) in [
        ("status=failed".to_owned(), vec![&bad]),
        ("status=failed,succeeded".to_owned(), vec![&bad, &good, &noop]),
        ("status=nosuch".to_owned(), vec![]),
        ("action=core.local".to_owned(), vec![&bad, &good]),
        (
            "action=core.local,core.noop&status=succeeded".to_owned(),
            vec![&good, &noop],
        ),
        ("runner=noop".to_owned(), vec![&noop]),
        ("user=nobody".to_owned(), vec![]),
        ("parent=nonsense".to_owned(), vec![]),
        // What `execution list` of the reference's client asks for.
        ("parent=null".to_owned(), vec![&bad, &good, &noop]),
        (
            "parent=null&rule=null&trigger=null&trigger_type=null&trigger_instance=null".to_owned(),
            vec![&bad, &good, &noop],
        ),
        (format!("parent={}", noop["id"].as_str().unwrap()), vec![]),
        ("trigger_type=core.st2.webhook".to_owned(), vec![]),
        (format!("timestamp_gt={after}"), vec![&good, &bad]),
        (format!("timestamp_lt={after}"), vec![&noop]),
        (
            format!("timestamp={}", noop["start_timestamp"].as_str().unwrap()),
            vec![&noop],
        ),
    ] {
        let list = server
            .client
            .get(&format!("/v1/executions?{query}"))
            .await
            .unwrap();
        assert_eq!(
            ids(&list),
            expected.into_iter().map(id).collect::<Vec<_>>(),
            "{query}"
        );
    }
    let filters = server
        .client
        .get("/v1/executions/views/filters?types=action,status")
        .await
        .unwrap();
    assert_eq!(
        filters,
        json!({"action": ["core.local", "core.noop"], "status": ["failed", "succeeded"]})
    );
}

#[tokio::test]
async fn parts_of_executions_can_be_asked_for() {
    let server = Server::new().await;
    let done = server
        .run("core.local", &json!({"cmd": "echo out; echo err 1>&2"}))
        .await;
    let id = done["id"].as_str().unwrap();
    let part = server
        .client
        .get(&format!(
            "/v1/executions/{id}?include_attributes=action.ref,context.user,status"
        ))
        .await
        .unwrap();
    assert_eq!(
        part,
        json!({"action": {"ref": "core.local"}, "status": "succeeded", "context": {"user": "testu"}, "id": id})
    );
    let small = server
        .client
        .get(&format!("/v1/executions/{id}?max_result_size=10"))
        .await
        .unwrap();
    assert!(small.get("result").is_none());
    assert_eq!(small["result_size"], done["result_size"]);
    let last = server
        .client
        .get("/v1/executions/last?exclude_attributes=action,runner")
        .await
        .unwrap();
    assert_eq!(last["id"], id);
    assert!(last.get("action").is_none());
    for (query, expected) in [
        ("", "out\nerr\n"),
        ("?output_type=stderr", "err\n"),
        ("?output_type=output", ""),
    ] {
        let (_, _, text) = server
            .send(
                &server.client,
                "GET",
                &format!("/v1/executions/last/output{query}"),
                &[],
                "",
            )
            .await;
        let mut lines: Vec<&str> = text.as_str().unwrap().lines().collect();
        lines.sort_unstable_by_key(|line| *line != "out");
        assert_eq!(lines.join("\n"), expected.trim_end());
    }
    let (_, headers, _) = server
        .send(
            &server.client,
            "GET",
            &format!("/v1/executions/{id}/result?compress=true&pretty_format=1"),
            &[],
            "",
        )
        .await;
    assert_eq!(headers["content-type"], "application/x-gzip");
    assert!(
        headers["content-disposition"]
            .to_str()
            .unwrap()
            .ends_with("_result.json.gz")
    );
}

#[tokio::test]
async fn cancelling_stops_the_work_and_says_what_it_cannot() {
    let server = Server::new().await;
    let body = json!({"action": "core.local", "parameters": {"cmd": "sleep 600", "timeout": 700}});
    let accepted = server.client.post("/v1/executions", Some(&body)).await.unwrap();
    let id = accepted["id"].as_str().unwrap();
    let path = format!("/v1/executions/{id}");
    let asked = server.client.delete(&path, None).await.unwrap();
    assert!(
        ["canceling", "canceled"].contains(&asked["status"].as_str().unwrap()),
        "{asked}"
    );
    assert_eq!(asked["context"]["cancelled_by"], "testu");
    let ended = server.ended(id).await;
    assert_eq!(ended["status"], "canceled");
    let again = server.client.delete(&path, None).await.unwrap();
    assert_eq!(again["status"], "canceled");

    let done = server.run("core.noop", &json!({})).await;
    let path = format!("/v1/executions/{}", done["id"].as_str().unwrap());
    let told = server.client.delete(&path, None).await.unwrap();
    assert_eq!(
        told,
        json!({"faultstring": "Action cannot be canceled. State = succeeded."})
    );
    for (status, words) in [
        ("canceled", "already in completed state"),
        ("succeeded", "already in completed state"),
        ("pausing", "not supported by the \"noop\" runner"),
        ("bogus", "'bogus' is not one of ['requested', 'scheduled'"),
    ] {
        let refused = server
            .client
            .put(&path, Some(&json!({"status": status})))
            .await
            .unwrap_err();
        assert_eq!(refused.status(), Some(400));
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

#[tokio::test]
async fn a_delayed_execution_waits_and_can_be_canceled_by_status() {
    let server = Server::new().await;
    let body = json!({"action": "core.noop", "delay": 3_600_000});
    let accepted = server.client.post("/v1/executions", Some(&body)).await.unwrap();
    let path = format!("/v1/executions/{}", accepted["id"].as_str().unwrap());
    assert_eq!(server.client.get(&path).await.unwrap()["status"], "delayed");
    let refused = server
        .client
        .put(&path, Some(&json!({"status": "succeeded"})))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("cannot be set by hand"), "{refused}");
    let canceled = server
        .client
        .put(&path, Some(&json!({"status": "canceling"})))
        .await
        .unwrap();
    assert_eq!(canceled["status"], "canceled");
}

#[tokio::test]
async fn running_again_keeps_or_replaces_parameters() {
    let server = Server::new().await;
    let first = server
        .run("core.local", &json!({"cmd": "echo one", "timeout": 30}))
        .await;
    let path = format!("/v1/executions/{}/re_run", first["id"].as_str().unwrap());
    let again = server
        .client
        .post(&path, Some(&json!({"parameters": {"cmd": "echo two"}})))
        .await
        .unwrap();
    assert_eq!(again["parameters"], json!({"timeout": 30, "cmd": "echo two"}));
    assert_eq!(again["context"]["re-run"], json!({"ref": first["id"]}));
    let bare = server
        .client
        .post(
            &format!("{path}?no_merge=true"),
            Some(&json!({"parameters": {"cmd": "echo three"}})),
        )
        .await
        .unwrap();
    assert_eq!(bare["parameters"], json!({"cmd": "echo three"}));
    for (body, words) in [
        (
            json!({"tasks": ["a"], "parameters": {"b": 1}}),
            "Parameters override is not supported",
        ),
        (
            json!({"tasks": ["a"], "reset": ["b"]}),
            "does not match the tasks to rerun",
        ),
        (json!({"tasks": "a"}), "is not of type 'array'"),
    ] {
        let refused = server.client.post(&path, Some(&body)).await.unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

#[tokio::test]
async fn aliases_start_what_was_said_and_acknowledge_it() {
    let server = Server::new().await;
    let body = json!({"command": "ACKNOWLEDGE  uptime", "user": "bo", "source_channel": "#ops"});
    let answer = server
        .client
        .post("/v1/aliasexecution/match_and_execute", Some(&body))
        .await
        .unwrap();
    let result = &answer["results"][0];
    assert_eq!(result["message"], "runs uptime for bo");
    let failed = result["extra"].as_str().unwrap();
    assert!(
        failed.starts_with("Cannot render \"extra\" in field \"ack\" for alias. "),
        "{failed}"
    );
    assert_eq!(
        result["execution"]["parameters"],
        json!({"cmd": "uptime", "timeout": 7})
    );
    assert_eq!(
        result["execution"]["context"]["action_alias_ref"]["name"],
        "acknowledged"
    );
    assert!(
        result["execution"]["liveaction"].get("notify").is_none(),
        "no route, no notification"
    );

    for (body, status, words) in [
        (
            json!({"name": "default.shape_alias", "format": "nosuch", "command": "x"}),
            400,
            "is not available on the alias",
        ),
        (
            json!({"name": "nosuch", "format": "x", "command": "x"}),
            404,
            "\"nosuch\"",
        ),
        (
            json!({"name": "acknowledged", "format": "acknowledge {{cmd}}", "command": "acknowledge x timeout=9"}),
            400,
            "Immutable arguments cannot be overriden: timeout",
        ),
    ] {
        let mut body = body;
        body["source_channel"] = json!("#ops");
        let refused = server
            .client
            .post("/v1/aliasexecution", Some(&body))
            .await
            .unwrap_err();
        assert_eq!(refused.status(), Some(status), "{refused}");
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

#[tokio::test]
async fn what_people_type_is_never_a_template() {
    let server = Server::new().await;
    let body = json!({"command": "shape run echo {{ context.user }} please", "source_channel": "#ops"});
    let answer = server
        .client
        .post("/v1/aliasexecution/match_and_execute", Some(&body))
        .await
        .unwrap();
    assert_eq!(
        answer["results"][0]["execution"]["parameters"],
        json!({"cmd": "echo {{ context.user }}"})
    );
}

#[tokio::test]
async fn the_same_over_a_socket_until_the_server_stops() {
    let server = Server::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(crate::api::serve(
        listener,
        server.router.clone(),
        10,
        server.shutdown.clone(),
    ));
    let client = Client::remote(&format!("http://{address}"), TOKEN).unwrap();
    let accepted = client
        .post("/api/v1/executions", Some(&json!({"action": "core.noop"})))
        .await
        .unwrap();
    assert_eq!(accepted["status"], "requested");
    let events = client.events("/stream/v1/stream").await.unwrap();
    server.shutdown.cancel();
    // The stream ends, so the connection does, so the server does.
    let rest = futures_util::StreamExt::count(events).await;
    assert_eq!(rest, 0);
    serving.await.unwrap().unwrap();
    assert_eq!(
        server.send(&server.stranger(), "GET", "/readyz", &[], "").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
}
