//! Inquiries and approvals over the API: who may answer, what does not fit, what changes.

use std::time::Duration;

use http::StatusCode;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::support::{Server, USER};
use crate::api::ApiOptions;
use crate::api::client::Client;
use crate::engine::Event;
use crate::model::Status;
use crate::store::AuditFilter;

const ACCESS: &str = "mode = \"closed\"\n[groups]\noncall = [\"bo\", \"cy\"]\nsecurity = [\"di\"]\n\
                      [[allow]]\nwho = \"ana\"\nactions = \"core.*\"\n";

async fn server() -> Server {
    Server::with(ApiOptions::default(), ACCESS).await
}

fn person(server: &Server, name: &str) -> Client {
    server.client.acting_as(name).unwrap()
}

/// Somebody asks; gives the id once it waits.
async fn asks(server: &Server, client: &Client, action: &str, parameters: Value) -> String {
    let mut events = server.state.engine().subscribe();
    let body = json!({"action": action, "parameters": parameters});
    let accepted = client.post("/api/v1/executions", Some(&body)).await.unwrap();
    let id = accepted["id"].as_str().unwrap().to_owned();
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), events.recv()).await;
        if let Event::Execution { execution, .. } = event.expect("it waits").unwrap()
            && execution.id.to_string() == id
        {
            assert!(!execution.status.is_completed(), "{:?}", execution.result);
            if execution.status == Status::Pending {
                return id;
            }
        }
    }
}

/// Status and sentence of a refusal, or `200` and the answer.
async fn call(
    server: &Server,
    client: &Client,
    method: &str,
    path: &str,
    body: Value,
) -> (StatusCode, Value) {
    let headers = [("content-type", "application/json")];
    let bytes = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let (status, _, value) = server
        .send(client, method, &format!("/api/v1{path}"), &headers, bytes)
        .await;
    (status, value)
}

async fn vote(server: &Server, who: &str, id: &str, body: Value) -> (StatusCode, Value) {
    let client = person(server, who);
    call(server, &client, "POST", &format!("/approvals/{id}/vote"), body).await
}

fn fault(answer: &(StatusCode, Value)) -> (u16, &str) {
    (
        answer.0.as_u16(),
        answer.1["faultstring"].as_str().unwrap_or_default(),
    )
}

async fn kinds(server: &Server, id: &str) -> Vec<(String, String)> {
    let filter = AuditFilter {
        execution: Some(id.parse().unwrap()),
        ..AuditFilter::default()
    };
    let entries = server.state.store().audit(filter).await.unwrap();
    entries
        .into_iter()
        .map(|entry| (entry.draft.kind, entry.draft.actor))
        .filter(|(kind, _)| !kind.starts_with("execution."))
        .collect()
}

#[tokio::test]
async fn users_and_roles_decide_who_answers() {
    let server = server().await;
    let ana = person(&server, "ana");
    let put = async |who: &str, id: &str, response: Value| {
        let client = person(&server, who);
        call(
            &server,
            &client,
            "PUT",
            &format!("/inquiries/{id}"),
            json!({"response": response}),
        )
        .await
    };
    let yes = json!({"continue": true});
    let named = asks(
        &server,
        &ana,
        "core.ask",
        json!({"users": ["bo", "eve"], "roles": ["oncall"]}),
    )
    .await;
    for who in ["ana", "cy", "eve", USER] {
        assert_eq!(
            fault(&put(who, &named, yes.clone()).await),
            (
                403,
                &*format!("User \"{who}\" does not have permission to respond to inquiry \"{named}\".")
            )
        );
    }
    assert_eq!(put("bo", &named, yes.clone()).await.0, 200);
    let told = kinds(&server, &named).await;
    assert_eq!(told.len(), 5);
    assert_eq!(told[4], ("inquiry.answered".to_owned(), "bo".to_owned()));

    // Where nobody is named, whoever may ask may answer.
    let open = asks(&server, &ana, "core.ask", json!({})).await;
    assert_eq!(put("eve", &open, yes.clone()).await.0, 403);
    assert_eq!(
        fault(&put("ana", &open, json!({})).await)
            .1
            .lines()
            .next()
            .unwrap(),
        format!(
            "Response for inquiry \"{open}\" did not pass schema validation. 'continue' is a required property"
        )
    );
    assert_eq!(
        put("ana", &open, yes.clone()).await,
        (StatusCode::OK, json!({"id": open, "response": yes}))
    );

    // What is no inquiry, and what is none any more.
    let noop = server.run("core.noop", &json!({})).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let get = async |id: &str| call(&server, &ana, "GET", &format!("/inquiries/{id}"), Value::Null).await;
    assert_eq!(
        fault(&get(&noop).await),
        (400, &*format!("Action execution \"{noop}\" is not an inquiry."))
    );
    assert_eq!(
        fault(&get(&open).await),
        (
            400,
            &*format!("Inquiry \"{open}\" has already been responded to.")
        )
    );
    assert_eq!(get("nonsense").await.0, 404);
    let gone = asks(&server, &ana, "core.ask", json!({})).await;
    server
        .client
        .delete(&format!("/api/v1/executions/{gone}"), None)
        .await
        .unwrap();
    assert_eq!(
        fault(&put("ana", &gone, yes).await),
        (
            400,
            &*format!("Inquiry \"{gone}\" was canceled and cannot be responded to.")
        )
    );
    let (_, body) = call(&server, &ana, "PUT", &format!("/inquiries/{gone}"), json!({})).await;
    assert_eq!(body["faultstring"], "'response' is a required property");
}

#[tokio::test]
async fn a_secret_answer_is_sealed_and_shown_to_nobody() {
    let server = server().await;
    let ana = person(&server, "ana");
    let schema = json!({"type": "object", "properties": {
        "pin": {"type": "string", "secret": true, "required": true}, "env": {"type": "string", "default": "staging"}}});
    let id = asks(&server, &ana, "core.ask", json!({"schema": schema})).await;
    let path = format!("/inquiries/{id}");
    let wrong = call(&server, &ana, "PUT", &path, json!({"response": {"pin": 123_456}})).await;
    assert!(!wrong.1.to_string().contains("123456"), "{}", wrong.1);
    let (_, answered) = call(
        &server,
        &ana,
        "PUT",
        &path,
        json!({"response": {"pin": "hunter2"}}),
    )
    .await;
    assert_eq!(answered["response"], json!({"pin": "********", "env": "staging"}));
    let shown = ana.get(&format!("/api/v1/executions/{id}")).await.unwrap();
    assert_eq!(
        shown["result"]["response"],
        json!({"pin": "********", "env": "staging"})
    );
    let stored = server
        .state
        .engine()
        .execution(id.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(!stored.result.as_ref().unwrap().to_string().contains("hunter2"));
    let opened = server.state.engine().shown(&stored, true).result.unwrap();
    assert_eq!(opened["response"]["pin"], "hunter2");
    let filter = AuditFilter {
        execution: Some(stored.id),
        ..AuditFilter::default()
    };
    let entries = server.state.store().audit(filter).await.unwrap();
    assert!(!format!("{entries:?}").contains("hunter2"));
}

#[tokio::test]
async fn the_right_people_approve_and_everything_is_on_record() {
    let server = server().await;
    let ana = person(&server, "ana");
    let terms = json!({
        "title": "Echo in prod", "reason": "because", "action": "core.echo", "parameters": {"message": "hi"},
        "by": ["group:oncall", "ana"], "per_group": {"security": 1}, "count": 2,
    });
    let id = asks(&server, &ana, "core.approve", terms).await;
    let approve = || json!({"vote": "approve"});
    assert_eq!(
        fault(&vote(&server, "ana", &id, approve()).await),
        (
            403,
            "you asked for this yourself: somebody else has to approve it"
        )
    );
    // The administrator's token makes nobody an approver.
    assert_eq!(
        fault(&vote(&server, USER, &id, approve()).await),
        (
            403,
            &*format!("{USER} may not decide about this; those who may: group:oncall, ana, group:security")
        )
    );
    assert_eq!(
        fault(&vote(&server, "bo", &id, json!({"vote": "maybe"})).await).0,
        400
    );
    assert_eq!(
        fault(&vote(&server, "bo", &id, json!({"vote": "deny"})).await),
        (400, "say why: a no needs a reason")
    );
    let (status, one) = vote(&server, "bo", &id, json!({"vote": "approve", "reason": "fine"})).await;
    assert_eq!(
        (status, &one["state"], &one["given"], &one["needed"]),
        (StatusCode::OK, &json!("waiting"), &json!(1), &json!(2))
    );
    assert_eq!(one["missing"], json!({"security": 1}));
    assert_eq!(one["groups"]["oncall"], json!(["bo", "cy"]));
    assert_eq!(
        fault(&vote(&server, "bo", &id, approve()).await),
        (409, "you have approved this already")
    );
    let mine = async |who: &str| {
        let list = person(&server, who)
            .get("/api/v1/approvals?mine=true")
            .await
            .unwrap();
        list.as_array().unwrap().len()
    };
    assert_eq!(
        (mine("di").await, mine("ana").await, mine("eve").await),
        (1, 0, 0)
    );
    let (status, _) = vote(&server, "cy", &id, approve()).await;
    assert_eq!(
        status,
        StatusCode::OK,
        "one of the group more than needed does no harm"
    );
    let (_, done) = vote(&server, "di", &id, approve()).await;
    assert_eq!(
        (&done["state"], &done["status"]),
        (&json!("approved"), &json!("succeeded"))
    );
    assert_eq!(
        fault(&vote(&server, "di", &id, approve()).await),
        (409, "it is approved already")
    );
    let told: Vec<String> = kinds(&server, &id)
        .await
        .into_iter()
        .map(|(kind, actor)| format!("{kind} {actor}"))
        .collect();
    assert_eq!(
        told,
        [
            "approval.refused ana",
            &format!("approval.refused {USER}"),
            "approval.approved bo",
            "approval.approved cy",
            "approval.approved di",
        ]
    );
    assert_eq!(server.client.get("/api/v1/approvals").await.unwrap(), json!([]));
    let all = server.client.get("/api/v1/approvals?all=1").await.unwrap();
    assert_eq!(all[0]["id"], id);
}

#[tokio::test]
async fn a_no_ends_it_with_its_reason() {
    let server = server().await;
    let ana = person(&server, "ana");
    let id = asks(
        &server,
        &ana,
        "core.approve",
        json!({"title": "t", "by": ["group:oncall"], "count": 2}),
    )
    .await;
    vote(&server, "bo", &id, json!({"vote": "approve"})).await;
    let (_, denied) = vote(
        &server,
        "cy",
        &id,
        json!({"vote": "deny", "reason": "not on friday"}),
    )
    .await;
    assert_eq!(
        (&denied["state"], &denied["status"]),
        (&json!("denied"), &json!("failed"))
    );
    let execution = ana.get(&format!("/api/v1/executions/{id}")).await.unwrap();
    assert_eq!(execution["result"]["error"], "denied by cy: not on friday");
    assert_eq!(execution["result"]["votes"][0]["user"], "bo");
}

#[tokio::test]
async fn a_change_is_seen_before_it_is_approved() {
    let server = server().await;
    let ana = person(&server, "ana");
    let terms = json!({"title": "t", "by": ["bo", "cy"], "count": 2, "parameters": {"env": "staging"}});
    let id = asks(&server, &ana, "core.approve", terms).await;
    let path = format!("/approvals/{id}");
    vote(&server, "bo", &id, json!({"vote": "approve"})).await;
    let bo = person(&server, "bo");
    let refused = call(&server, &bo, "PUT", &path, json!({"parameters": {}})).await;
    assert_eq!(fault(&refused), (403, "only those who asked may change it: ana"));
    let same = call(
        &server,
        &ana,
        "PUT",
        &path,
        json!({"parameters": {"env": "staging"}}),
    )
    .await;
    assert_eq!(fault(&same).0, 400);
    let (status, changed) = call(
        &server,
        &ana,
        "PUT",
        &path,
        json!({"parameters": {"env": "prod"}}),
    )
    .await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!((&changed["given"], &changed["votes"]), (&json!(0), &json!([])));
    assert_eq!(
        changed["voided"][0]["diff"],
        json!([{"path": "parameters.env", "before": "staging", "after": "prod"}])
    );
    let fingerprint = changed["fingerprint"].as_str().unwrap();
    let blind = vote(&server, "cy", &id, json!({"vote": "approve"})).await;
    assert_eq!(fault(&blind).0, 409);
    assert!(
        fault(&blind).1.ends_with(&fingerprint[..8]),
        "{}",
        fault(&blind).1
    );
    for who in ["cy", "bo"] {
        let (status, _) = vote(
            &server,
            who,
            &id,
            json!({"vote": "approve", "fingerprint": fingerprint}),
        )
        .await;
        assert_eq!(status, StatusCode::OK);
    }
    let ended = server.ended(&id).await;
    assert_eq!(ended["status"], "succeeded");
    assert_eq!(ended["result"]["subject"]["parameters"], json!({"env": "prod"}));
}

#[tokio::test]
async fn another_version_of_the_action_voids_what_was_said() {
    let server = server().await;
    let file = server.packs().join("default/actions/shape_act.yaml");
    let ana = person(&server, "ana");
    let terms = json!({"title": "t", "by": ["bo", "cy"], "count": 2, "action": "default.shape_act", "parameters": {"x": 1}});
    let id = asks(&server, &ana, "core.approve", terms).await;
    vote(&server, "bo", &id, json!({"vote": "approve"})).await;
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("description: d2", "description: d3")).unwrap();
    server.client.post("/api/v1/reload", None).await.unwrap();
    let refused = vote(&server, "cy", &id, json!({"vote": "approve"})).await;
    assert_eq!(fault(&refused).0, 409);
    assert!(
        fault(&refused).1.contains("(digest, definition.description)"),
        "{}",
        fault(&refused).1
    );
    let now = ana.get(&format!("/api/v1/approvals/{id}")).await.unwrap();
    assert_eq!(
        (&now["given"], &now["voided"][0]["votes"][0]["user"]),
        (&json!(0), &json!("bo"))
    );
    assert_eq!(kinds(&server, &id).await.last().unwrap().0, "approval.voided");
}

#[tokio::test]
async fn nobody_approves_through_somebody_else() {
    let server = server().await;
    // The administrator asks on behalf of bo: neither of them may approve.
    let body = json!({"action": "core.approve", "user": "bo", "parameters": {"title": "t", "by": ["bo", USER, "cy"]}});
    let mut events = server.state.engine().subscribe();
    let accepted = server
        .client
        .post("/api/v1/executions", Some(&body))
        .await
        .unwrap();
    let id = accepted["id"].as_str().unwrap().to_owned();
    while !matches!(events.recv().await.unwrap(), Event::Execution { execution, .. } if execution.status == Status::Pending)
    {
    }
    for who in ["bo", "Bo", USER] {
        assert_eq!(
            fault(&vote(&server, who, &id, json!({"vote": "approve"})).await).0,
            403,
            "{who}"
        );
    }
    // Delegation: from who has the right, to somebody else than the requester.
    let delegate = async |who: &str, to: &str| {
        let client = person(&server, who);
        call(
            &server,
            &client,
            "POST",
            &format!("/approvals/{id}/delegate"),
            json!({"to": to}),
        )
        .await
    };
    assert_eq!(fault(&delegate("cy", "bo").await).0, 403);
    assert_eq!(fault(&delegate("eve", "di").await).0, 403);
    let (status, given) = delegate("cy", "eve").await;
    assert_eq!(
        (status, &given["delegations"][0]["to"]),
        (StatusCode::OK, &json!("eve"))
    );
    let (_, done) = vote(&server, "eve", &id, json!({"vote": "approve"})).await;
    assert_eq!(
        (&done["state"], &done["votes"][0]["on_behalf_of"]),
        (&json!("approved"), &json!(["cy"]))
    );
    let unknown = vote(
        &server,
        "cy",
        "59541ab18f9c6d000000beef",
        json!({"vote": "approve"}),
    )
    .await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
    let noop = server.run("core.noop", &json!({})).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        fault(&vote(&server, "cy", &noop, json!({"vote": "approve"})).await),
        (400, &*format!("Action execution \"{noop}\" is not an approval."))
    );
}
