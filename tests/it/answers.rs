//! What waits for people: over a `kill -9`, and decided by several of them.

use reqwest::Method;
use serde_json::json;

use crate::support::{Server, Site, assert_says, eventually};

#[tokio::test]
async fn a_question_is_answered_after_a_crash() {
    let site = Site::open();
    let server = site.serve().await;
    let schema = json!({"type": "object", "properties": {"env": {"type": "string", "required": true}}});
    let asked = server
        .api()
        .started("core.ask", json!({"schema": schema, "route": "ops"}))
        .await;
    let brief = server
        .api()
        .started(
            "core.approve",
            json!({"title": "t", "by": ["bo"], "within": "2s"}),
        )
        .await;
    for id in [&asked, &brief] {
        server.api().becomes(id, &["pending"]).await;
    }
    let api = server.kill().await;
    let server = Server::again(&site, api).await;
    let api = server.api().acting_as("bo");
    let waiting = api.get("/api/v1/inquiries").await.with(200);
    assert_eq!(
        (&waiting[0]["id"], &waiting[0]["route"]),
        (&json!(asked), &json!("ops"))
    );
    let respond = |body: serde_json::Value| {
        let request = api.request(Method::PUT, &format!("/api/v1/inquiries/{asked}"));
        api.send(request.json(&body))
    };
    let refused = respond(json!({"response": {}})).await;
    assert_eq!(refused.status, 400);
    assert_says(
        refused.fault(),
        &["did not pass schema validation", "'env' is a required property"],
    );
    respond(json!({"response": {"env": "prod"}})).await.with(200);
    let execution = api.execution(&asked).await;
    assert_eq!(execution["status"], "succeeded");
    assert_eq!(execution["result"]["response"], json!({"env": "prod"}));
    // The other one's time went on while nobody was there.
    let over = server.api().over(&brief).await;
    assert_eq!(over["status"], "timeout", "{over:#}");
    assert_says(
        over["result"]["error"].as_str().unwrap_or_default(),
        &["not approved within 2s: 0 of 1 approvals were given"],
    );
}

#[tokio::test]
async fn two_people_approve_on_the_command_line() {
    let site = Site::closed()
        .set("access.groups.oncall", "bo,cy")
        .set("access.admins", "ana");
    let server = site.serve().await;
    let terms = json!({
        "title": "Say it in prod", "action": "core.echo", "parameters": {"message": "hi"}, "by": ["group:oncall"], "count": 2,
    });
    let id = server.api().acting_as("ana").started("core.approve", terms).await;
    eventually("it waits", async || {
        let list = site
            .sayso(&["approval", "list", "--as", "bo", "--mine"])
            .await
            .ended(0);
        list.out.contains("Say it in prod").then_some(())
    })
    .await;
    let shown = site.sayso(&["approval", "get", &id]).await.ended(0);
    assert_says(
        &shown.out,
        &["action: core.echo", "message: hi", "asked: group:oncall"],
    );
    let own = site
        .sayso(&["approval", "approve", &id, "--as", "ana"])
        .await
        .ended(2);
    assert_says(&own.err, &["you asked for this yourself"]);
    let first = site
        .sayso(&["approval", "approve", &id, "looks", "good", "--as", "bo"])
        .await
        .ended(0);
    assert_says(&first.out, &["waiting: 1 of 2 approvals"]);

    // What bo said is still there after a crash, and bo cannot say it twice.
    let api = server.kill().await;
    let server = Server::again(&site, api).await;
    let again = site
        .sayso(&["approval", "approve", &id, "--as", "bo"])
        .await
        .ended(2);
    assert_says(&again.err, &["you have approved this already"]);
    let second = site
        .sayso(&["approval", "approve", &id, "--as", "cy"])
        .await
        .ended(0);
    assert_says(&second.out, &["approved: 2 of 2 approvals"]);
    assert_eq!(server.api().over(&id).await["status"], "succeeded");
    let log = site
        .sayso(&["audit", "search", "approval", "--json"])
        .await
        .ended(0);
    assert_says(&log.out, &["approval.refused", "approval.approved", "looks good"]);

    let denied = server
        .api()
        .acting_as("ana")
        .started("core.approve", json!({"title": "t", "by": ["bo"]}))
        .await;
    server.api().becomes(&denied, &["pending"]).await;
    let bare = site.sayso(&["approval", "deny", &denied, "--as", "bo"]).await;
    assert_eq!(bare.status, Some(2), "{bare:?}");
    site.sayso(&["approval", "delegate", &denied, "di", "--as", "bo"])
        .await
        .ended(0);
    let no = site
        .sayso(&["approval", "deny", &denied, "not", "today", "--as", "di"])
        .await
        .ended(0);
    assert_says(&no.out, &["denied"]);
    assert_eq!(server.api().over(&denied).await["status"], "failed");

    let asked = server.api().acting_as("ana").started("core.ask", json!({})).await;
    server.api().becomes(&asked, &["pending"]).await;
    let bare = site.sayso(&["inquiry", "respond", &asked]).await.ended(2);
    assert_says(&bare.err, &["the answer is missing", "continue=…"]);
    let wrong = site
        .sayso(&["inquiry", "respond", &asked, "--response", "{}"])
        .await
        .ended(2);
    assert_says(
        &wrong.err,
        &["'continue' is a required property", "sayso inquiry get"],
    );
    site.sayso(&["inquiry", "respond", &asked, "continue=true"])
        .await
        .ended(0);
    assert_eq!(
        server.api().over(&asked).await["result"]["response"],
        json!({"continue": true})
    );
}
