//! Rules and roles made over the API, and the permission matrix through the real router.

use std::collections::BTreeSet;
use std::path::Path;

use http::StatusCode;
use serde_json::{Value, json};

use super::support::{Server, USER};
use crate::access::AccessFile;
use crate::access::policy::matrix;
use crate::api::ApiOptions;
use crate::api::client::{Client, ClientError};

const FILE: &str = "\
people:
  ana: {accounts: [\"slack:T1:U1\"]}
  bo: {}
  cy: {roles: [oncall]}
roles:
  oncall: {}
owners: [cy]
grants:
  - name: shell
    to: role:oncall
    run: core.noop
";

async fn server() -> Server {
    let server = Server::with(ApiOptions::default(), "").await;
    let policy = server.state.policy();
    let file = AccessFile::read("access.yaml", FILE, &policy.known()).unwrap();
    policy.set_file(Some(file));
    server
}

fn status(error: &ClientError) -> StatusCode {
    StatusCode::from_u16(error.status().unwrap()).unwrap()
}

async fn runs(client: &Client) -> Result<Value, ClientError> {
    client
        .post("/api/v1/executions", Some(&json!({"action": "core.noop"})))
        .await
}

#[tokio::test]
async fn a_grant_is_made_used_changed_and_taken_back() {
    let server = server().await;
    let (admin, bo) = (&server.client, server.client.acting_as("bo").unwrap());
    assert_eq!(status(&runs(&bo).await.unwrap_err()), StatusCode::FORBIDDEN);
    let body = json!({"to": ["bo"], "run": ["core.noop"], "name": "tries"});
    let made = admin.post("/api/v1/access/grants", Some(&body)).await.unwrap();
    assert_eq!(
        (&made["id"], &made["by"], &made["body"], &made["line"]),
        (&json!("g-1"), &json!(USER), &body, &json!("g-1"))
    );
    runs(&bo).await.unwrap();
    let checked = bo
        .post("/api/v1/access/check", Some(&json!({"action": "core.noop"})))
        .await
        .unwrap();
    let reason = checked["reason"].as_str().unwrap();
    assert!(
        reason.starts_with(&format!("grant g-1 `tries` made by {USER} on ")),
        "{reason}"
    );
    assert_eq!(checked["line"], "g-1");
    let all = admin.get("/api/v1/access/grants").await.unwrap();
    let lines: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["line"].as_str())
        .collect();
    assert_eq!(lines, ["access.yaml:9", "g-1"]);

    let path = "/api/v1/access/grants/g-1";
    let night = json!({"to": ["bo"], "run": ["core.noop"], "in": "#ops"});
    admin.put(path, Some(&night)).await.unwrap();
    let why = runs(&bo).await.unwrap_err().to_string();
    assert!(
        why.contains("grant g-1 made by") && why.contains("only in #ops"),
        "{why}"
    );
    admin.put(path, Some(&body)).await.unwrap();
    runs(&bo).await.unwrap();
    admin.delete(path, None).await.unwrap();
    assert_eq!(status(&runs(&bo).await.unwrap_err()), StatusCode::FORBIDDEN);
    for (method, told) in [
        ("get", "there is no grant g-1"),
        ("delete", "there is no grant g-1"),
    ] {
        let error = match method {
            "get" => admin.get(path).await,
            _ => admin.delete(path, None).await,
        };
        let error = error.unwrap_err();
        assert_eq!(status(&error), StatusCode::NOT_FOUND);
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[tokio::test]
async fn mistakes_and_strangers_are_refused_as_they_should() {
    let server = server().await;
    let admin = &server.client;
    let (bo, cy) = (admin.acting_as("bo").unwrap(), admin.acting_as("cy").unwrap());
    let path = "/api/v1/access/grants";
    let wrong = json!({"to": "role:onclal", "run": "core.noop"});
    let error = admin.post(path, Some(&wrong)).await.unwrap_err();
    assert_eq!(status(&error), StatusCode::BAD_REQUEST);
    let told = error.to_string();
    assert!(
        told.contains("there is no role `onclal`")
            && told.contains("did you mean `oncall`?")
            && told.contains('^'),
        "{told}"
    );
    let some = json!({"to": "ana", "run": "core.noop"});
    for (client, body, expected) in [
        (&bo, &some, StatusCode::FORBIDDEN),
        (
            &cy,
            &json!({"to": "cy", "run": "core.local"}),
            StatusCode::FORBIDDEN,
        ),
        (&cy, &some, StatusCode::CREATED),
        (&cy, &json!({"to": "cy", "run": "core.noop"}), StatusCode::CREATED),
    ] {
        let got = client
            .post(path, Some(body))
            .await
            .map_or_else(|error| status(&error), |_| StatusCode::CREATED);
        assert_eq!(got, expected, "{body}");
    }
    assert_eq!(status(&bo.get(path).await.unwrap_err()), StatusCode::FORBIDDEN);
    let file = admin
        .delete("/api/v1/access/grants/shell", None)
        .await
        .unwrap_err();
    assert_eq!(status(&file), StatusCode::CONFLICT);
    assert!(file.to_string().contains("stands in access.yaml:9"), "{file}");
}

#[tokio::test]
async fn roles_and_people_are_made_over_the_api() {
    let server = server().await;
    let (admin, bo) = (&server.client, server.client.acting_as("bo").unwrap());
    let person = json!({"name": "zoe", "email": ["zoe@example.org"]});
    let zoe = admin.post("/api/v1/people", Some(&person)).await.unwrap();
    assert_eq!((&zoe["name"], &zoe["active"]), (&json!("zoe"), &json!(true)));
    let role = json!({"name": "web", "members": ["bo", "zoe"]});
    let made = admin.post("/api/v1/access/roles", Some(&role)).await.unwrap();
    assert_eq!(made["people"], json!(["bo", "zoe"]));
    let grant = json!({"to": "role:web", "run": "core.noop"});
    admin.post("/api/v1/access/grants", Some(&grant)).await.unwrap();
    runs(&bo).await.unwrap();
    let members = json!({"members": ["zoe"]});
    admin
        .put("/api/v1/access/roles/web", Some(&members))
        .await
        .unwrap();
    assert!(runs(&bo).await.is_err());
    runs(&admin.acting_as("zoe").unwrap()).await.unwrap();
    let used = admin.delete("/api/v1/access/roles/web", None).await.unwrap_err();
    assert_eq!(status(&used), StatusCode::CONFLICT);
    let member = admin.delete("/api/v1/people/zoe", None).await.unwrap_err();
    assert!(member.to_string().contains("member of `web`"), "{member}");
    let near = admin.get("/api/v1/access/roles/wbe").await.unwrap_err();
    assert!(near.to_string().contains("did you mean `web`?"), "{near}");
    let listed = admin.get("/api/v1/access/roles").await.unwrap();
    assert_eq!(listed[0]["line"], "access.yaml:6");
    assert_eq!(listed[1]["by"], USER);
    assert!(bo.get("/api/v1/access/roles").await.is_err());
}

/// What is asked for while it still waits is judged by the rules as they are when it would start.
#[tokio::test]
async fn rights_that_are_taken_back_are_gone_for_what_waits_for_approval() {
    let server = server().await;
    let (admin, bo, cy) = (
        &server.client,
        server.client.acting_as("bo").unwrap(),
        server.client.acting_as("cy").unwrap(),
    );
    let body = json!({"to": ["bo"], "run": ["core.noop"], "approval": {"by": ["role:oncall"]}});
    admin.post("/api/v1/access/grants", Some(&body)).await.unwrap();
    let asked = runs(&bo).await.unwrap();
    assert_eq!(asked["status"], "pending");
    admin.delete("/api/v1/access/grants/g-1", None).await.unwrap();
    let id = asked["id"].as_str().unwrap();
    cy.post(
        &format!("/api/v1/approvals/{id}/vote"),
        Some(&json!({"vote": "approve"})),
    )
    .await
    .unwrap();
    let ended = server
        .state
        .engine()
        .wait(id.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let told = ended.result.as_ref().unwrap()["error"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        told.contains("is not allowed any more: no rule allows bo"),
        "{told}"
    );
}

/// Of two who have agreed one is deactivated before the second agrees: one is missing again.
#[tokio::test]
async fn a_vote_of_somebody_who_was_deactivated_does_not_count() {
    let server = server().await;
    let admin = &server.client;
    let acting = |name: &str| admin.acting_as(name).unwrap();
    let body = json!({
        "to": ["bo"], "run": ["core.noop"],
        "approval": {"by": ["ana", "role:oncall", USER], "count": 2},
    });
    admin.post("/api/v1/access/grants", Some(&body)).await.unwrap();
    let asked = runs(&acting("bo")).await.unwrap();
    let path = format!("/api/v1/approvals/{}/vote", asked["id"].as_str().unwrap());
    let yes = json!({"vote": "approve"});
    acting("cy").post(&path, Some(&yes)).await.unwrap();
    admin.post("/api/v1/people/cy/deactivate", None).await.unwrap();
    let then = acting("ana").post(&path, Some(&yes)).await.unwrap();
    assert_eq!(then["state"], "waiting", "{then}");
    assert_eq!(then["votes"].as_array().unwrap().len(), 1, "{then}");
    let done = admin.post(&path, Some(&yes)).await.unwrap();
    assert_eq!(done["state"], "approved", "{done}");
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// What a rule starts as the server needs the approval that its action asks for, and runs when it is there.
#[tokio::test]
async fn what_a_rule_starts_may_need_approval_and_runs_then() {
    use crate::engine::Submit;
    use crate::model::{Id, Identity, Origin, Status};
    let server = server().await;
    write(
        &server.packs(),
        "guard/pack.yaml",
        "ref: guard\nname: guard\ndescription: x\nversion: 1.0.0\nauthor: x\nemail: x@example.org\n",
    );
    write(
        &server.packs(),
        "guard/actions/run.yaml",
        "name: run\nrunner_type: noop\nenabled: true\napproval: {by: [role:oncall]}\n",
    );
    let _ = server.state.content().reload();
    let engine = server.state.engine();
    let request = |rule: bool| Submit {
        action: "guard.run".to_owned(),
        identity: Identity {
            user: "sayso".to_owned(),
            roles: vec!["admin".to_owned()],
            via: "rule".to_owned(),
            account: None,
        },
        origin: Origin {
            kind: "rule".to_owned(),
            ..Origin::default()
        },
        rule: rule.then(|| ("guard.rule".to_owned(), Id::new())),
        ..Submit::default()
    };
    let cy = server.client.acting_as("cy").unwrap();
    for (rule, expected) in [(true, Status::Succeeded), (false, Status::Failed)] {
        let asked = engine.submit(request(rule)).await.unwrap().execution;
        let path = format!("/api/v1/approvals/{}/vote", asked.id);
        cy.post(&path, Some(&json!({"vote": "approve"}))).await.unwrap();
        let ended = engine.wait(asked.id).await.unwrap().unwrap();
        assert_eq!(ended.status, expected, "{:?}", ended.result);
    }
}

/// Everything about breaking the glass over HTTP: who may, what is told, who looks at it, and that it is once.
#[tokio::test]
async fn broken_glass_is_looked_at_by_somebody_else_once() {
    let server = server().await;
    let admin = &server.client;
    let acting = |name: &str| admin.acting_as(name).unwrap();
    let body = json!({"to": ["bo", "cy"], "run": ["core.noop"], "approval": {"by": ["ana"]}});
    admin.post("/api/v1/access/grants", Some(&body)).await.unwrap();
    let run = json!({"action": "core.noop", "break_glass": "the site is down"});
    let stranger = acting("ana")
        .post("/api/v1/executions", Some(&run))
        .await
        .unwrap_err();
    assert_eq!(status(&stranger), StatusCode::FORBIDDEN);
    // An owner who breaks it does not look at it either.
    let broken = acting("cy").post("/api/v1/executions", Some(&run)).await.unwrap();
    assert_ne!(broken["status"], "pending");
    let path = format!("/api/v1/reviews/{}", broken["id"].as_str().unwrap());
    let note = json!({"note": "looked at it"});
    for name in ["cy", "Cy", "bo"] {
        let error = acting(name).post(&path, Some(&note)).await.unwrap_err();
        assert_eq!(status(&error), StatusCode::FORBIDDEN, "{name}: {error}");
    }
    assert_eq!(acting("bo").get("/api/v1/reviews").await.unwrap(), json!([]));
    let without = admin.post(&path, Some(&json!({}))).await.unwrap_err();
    assert_eq!(status(&without), StatusCode::BAD_REQUEST);
    assert_eq!(
        admin.get("/api/v1/reviews").await.unwrap()[0]["reason"],
        "the site is down"
    );
    admin.post(&path, Some(&note)).await.unwrap();
    let again = admin.post(&path, Some(&note)).await.unwrap_err();
    assert_eq!(status(&again), StatusCode::NOT_FOUND);
    let filter = crate::store::AuditFilter {
        kind: Some("access".to_owned()),
        ..crate::store::AuditFilter::default()
    };
    let kept = server.state.store().audit(filter).await.unwrap();
    let kinds: Vec<(&str, &str)> = kept
        .iter()
        .map(|entry| (entry.draft.kind.as_str(), entry.draft.actor.as_str()))
        .collect();
    assert!(
        kinds.contains(&("access.break_glass", "cy")) && kinds.contains(&("access.reviewed", USER)),
        "{kinds:?}"
    );
}

/// Whether a row can be asked over HTTP as it stands.
fn is_for_http(row: &Value) -> bool {
    let user = row["user"].as_str().unwrap();
    let extras = ["asks", "roles", "read_only"];
    !["root", "admin", "sayso", USER].contains(&user)
        && !user.contains(':')
        && !row["run"].as_str().unwrap().starts_with("sayso.")
        && extras.iter().all(|key| row.get(*key).is_none())
}

#[tokio::test]
async fn the_matrix_holds_over_http() {
    let (mut checked, mut run, mut wrong) = (0, 0, Vec::new());
    for suite in matrix::suites() {
        let server = Server::with(ApiOptions::default(), &suite.settings).await;
        let rows: Vec<&Value> = suite.rows.iter().filter(|row| is_for_http(row)).collect();
        let mut actions: BTreeSet<&str> = rows.iter().filter_map(|row| row["run"].as_str()).collect();
        actions.retain(|action| !action.starts_with("core."));
        for action in &actions {
            let (pack, name) = action.split_once('.').unwrap();
            write(
                &server.packs(),
                &format!("{pack}/pack.yaml"),
                &format!(
                    "ref: {pack}\nname: {pack}\ndescription: x\nversion: 1.0.0\nauthor: x\nemail: x@example.org\n"
                ),
            );
            let mut text = format!("name: {name}\nrunner_type: noop\nenabled: true\nparameters:\n");
            for parameter in [
                "env", "count", "force", "hosts", "options", "target", "password", "host", "port", "size",
            ] {
                text.push_str(&format!("  {parameter}: {{description: any}}\n"));
            }
            write(&server.packs(), &format!("{pack}/actions/{name}.yaml"), &text);
        }
        server
            .client
            .post("/api/v1/packs/reload", Some(&json!({})))
            .await
            .ok();
        let _ = server.state.content().reload();
        suite.put_into(server.state.policy());
        for row in rows {
            if row["run"].as_str().unwrap().starts_with("core.") {
                continue;
            }
            let wanted = row["reason"].as_str().unwrap();
            let mut body = json!({"user": row["user"], "action": row["run"]});
            for (key, from) in [
                ("alias", "alias"),
                ("parameters", "with"),
                ("at", "at"),
                ("place", "in"),
            ] {
                if let Some(value) = row.get(from) {
                    body[key] = value.clone();
                }
            }
            checked += 1;
            let told = server
                .client
                .post("/api/v1/access/check", Some(&body))
                .await
                .unwrap();
            let needs = told["needs"].as_array().map_or(0, Vec::len) as u64;
            let line = row["line"]
                .as_u64()
                .map(|line| format!("{}.yaml:{line}", suite.name));
            if told["allowed"] != row["allowed"]
                || !told["reason"].as_str().unwrap().contains(wanted)
                || told["line"].as_str() != line.as_deref()
                || needs != row["needs"].as_u64().unwrap_or(0)
            {
                wrong.push(format!("{row}\n  -> {told}"));
            }
            if ["in", "at", "alias"].iter().any(|key| row.get(*key).is_some()) {
                continue;
            }
            run += 1;
            let client = server.client.acting_as(row["user"].as_str().unwrap()).unwrap();
            let request = json!({"action": row["run"], "parameters": row.get("with").unwrap_or(&json!({}))});
            match client.post("/api/v1/executions", Some(&request)).await {
                Ok(view) => {
                    let waits = view["status"] == "pending";
                    if row["allowed"] == false || waits != (row["needs"].as_u64().unwrap_or(0) > 0) {
                        wrong.push(format!("{row}\n  ran: {}", view["status"]));
                    }
                }
                Err(error) => {
                    let told = error.to_string();
                    if row["allowed"] == true
                        || !told.contains(wanted)
                        || status(&error) != StatusCode::FORBIDDEN
                    {
                        wrong.push(format!("{row}\n  -> {told}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 200 && run > 80, "{checked} checked, {run} run");
}
