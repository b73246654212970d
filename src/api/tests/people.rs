//! People, rights, approvals before a run and reviews over the API.

use http::StatusCode;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::support::{Server, USER};
use crate::access::AccessFile;
use crate::api::ApiOptions;
use crate::model::{Id, Status};

const FILE: &str = "\
people:
  ana: {accounts: [\"slack:T1:U1\"]}
  bo: {roles: [dev]}
  cy: {roles: [oncall]}
roles:
  dev: {}
  oncall: {}
owners: [cy]
grants:
  - name: shell
    to: role:dev
    run: core.local
    when: 'cmd != \"rm\"'
    approval: {by: [role:oncall], within: 30m}
";

async fn server() -> Server {
    let server = Server::with(ApiOptions::default(), "").await;
    let policy = server.state.policy();
    let file = AccessFile::read("access.yaml", FILE, &policy.known()).unwrap();
    policy.set_file(Some(file));
    server
}

#[tokio::test]
async fn people_are_linked_and_deactivated() {
    let server = server().await;
    let admin = &server.client;
    let link = json!({"account": "slack:T1:U2"});
    let linked = admin
        .post("/api/v1/people/bo/accounts", Some(&link))
        .await
        .unwrap();
    assert_eq!(linked["accounts"]["slack:T1:U2"]["how"], "administrator");
    assert_eq!(linked["roles"], json!(["dev"]));
    let bo = admin.acting_as("bo").unwrap();
    let refused = bo
        .post("/api/v1/people/bo/accounts", Some(&link))
        .await
        .unwrap_err();
    assert_eq!(refused.status(), Some(StatusCode::FORBIDDEN.as_u16()));
    let all = admin.get("/api/v1/people").await.unwrap();
    let names: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert!(
        ["ana", "bo", "cy", USER].iter().all(|name| names.contains(name)),
        "{names:?}"
    );
    assert!(bo.get("/api/v1/people").await.is_err());
    assert_eq!(bo.get("/api/v1/people/bo").await.unwrap()["name"], "bo");

    admin.post("/api/v1/people/bo/deactivate", None).await.unwrap();
    let error = bo.get("/api/v1/people/bo").await.unwrap_err();
    assert!(error.to_string().contains("bo is deactivated"), "{error}");
    admin.post("/api/v1/people/bo/activate", None).await.unwrap();
    bo.post("/api/v1/accounts/unlink", Some(&link)).await.unwrap();
    assert!(
        bo.post(
            "/api/v1/accounts/unlink",
            Some(&json!({"account": "slack:T1:U1"}))
        )
        .await
        .is_err()
    );
}

#[tokio::test]
async fn rights_are_told_with_the_line_that_decides() {
    let server = server().await;
    let admin = &server.client;
    let ask =
        |user: &str, cmd: &str| json!({"user": user, "action": "core.local", "parameters": {"cmd": cmd}});
    let check = |body: Value| async move { admin.post("/api/v1/access/check", Some(&body)).await.unwrap() };
    let yes = check(ask("bo", "ls")).await;
    assert_eq!(
        (&yes["allowed"], &yes["line"]),
        (&json!(true), &json!("access.yaml:10"))
    );
    assert_eq!(yes["needs"][0]["source"], "grant `shell` (access.yaml:10)");
    let no = check(ask("bo", "rm")).await;
    assert_eq!(no["allowed"], false);
    assert!(
        no["reason"].as_str().unwrap().contains("only when cmd != \"rm\""),
        "{no}"
    );
    assert_eq!(check(ask("ana", "ls")).await["allowed"], false);
    let bo = admin.acting_as("bo").unwrap();
    let others = bo
        .post("/api/v1/access/check", Some(&ask("cy", "ls")))
        .await
        .unwrap_err();
    assert_eq!(others.status(), Some(StatusCode::FORBIDDEN.as_u16()));
    let who = admin
        .post("/api/v1/access/who-can", Some(&ask("", "ls")))
        .await
        .unwrap();
    let names: Vec<&str> = who
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["user"].as_str())
        .collect();
    assert_eq!(names, ["bo", USER]);
    let rules = admin.get("/api/v1/access").await.unwrap();
    assert_eq!(rules["rules"][0]["when"], "cmd != \"rm\"");
}

#[tokio::test]
async fn what_needs_approval_waits_and_glass_can_be_broken() {
    let server = server().await;
    let bo = server.client.acting_as("bo").unwrap();
    let cy = server.client.acting_as("cy").unwrap();
    let body = json!({"action": "core.local", "parameters": {"cmd": "echo hi"}});
    let asked = bo.post("/api/v1/executions", Some(&body)).await.unwrap();
    assert_eq!(asked["status"], "pending");
    let id = asked["id"].as_str().unwrap();
    let vote = json!({"vote": "approve"});
    let path = format!("/api/v1/approvals/{id}/vote");
    let own = bo.post(&path, Some(&vote)).await.unwrap_err();
    assert_eq!(own.status(), Some(StatusCode::FORBIDDEN.as_u16()));
    cy.post(&path, Some(&vote)).await.unwrap();
    let ended = server
        .state
        .engine()
        .wait(id.parse::<Id>().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (ended.status, ended.request.user.as_str()),
        (Status::Succeeded, "bo")
    );

    let mut broken = body.clone();
    broken["break_glass"] = "the site is down".into();
    let run = bo.post("/api/v1/executions", Some(&broken)).await.unwrap();
    let id = run["id"].as_str().unwrap();
    let open = cy.get("/api/v1/reviews").await.unwrap();
    assert_eq!(
        (&open[0]["id"], &open[0]["reason"]),
        (&json!(id), &json!("the site is down"))
    );
    let path = format!("/api/v1/reviews/{id}");
    let note = json!({"note": "fine"});
    assert!(bo.post(&path, Some(&note)).await.is_err());
    cy.post(&path, Some(&note)).await.unwrap();
    assert_eq!(cy.get("/api/v1/reviews").await.unwrap(), json!([]));
}
