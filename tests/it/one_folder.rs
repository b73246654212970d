//! A data folder belongs to one process at a time.

use serde_json::json;

use crate::support::{Server, Site, assert_says};

#[tokio::test]
async fn the_second_server_refuses_and_names_the_first() {
    let site = Site::open();
    let server = site.serve().await;
    let pid = server.pid().to_string();
    let second = site.sayso(&["serve", "--listen", "127.0.0.1:0"]).await.ended(2);
    assert_says(
        &second.err,
        &[
            "another sayso",
            &format!("process {pid}"),
            "works on",
            &format!("kill {pid}"),
        ],
    );
    assert_eq!(second.out, "");
    // The first one does not suffer, and clients still find it.
    assert_eq!(server.api().run("core.noop", json!({})).await.status, 201);
    let address = std::fs::read_to_string(site.data().join("listen.addr")).expect("the address");
    assert_eq!(format!("http://{}", address.trim()), server.api().base());

    let api = server.kill().await;
    let server = Server::again(&site, api).await;
    assert_ne!(server.pid().to_string(), pid);
    assert_eq!(server.api().run("core.noop", json!({})).await.status, 201);
}

#[tokio::test]
async fn commands_without_a_server_start_one_inside() {
    let site = Site::open();
    let first = site
        .sayso(&["run", "core.noop", "-o", "json"])
        .await
        .ended(0)
        .json();
    let server = site.serve().await;
    let second = site
        .sayso(&["run", "core.noop", "-o", "json"])
        .await
        .ended(0)
        .json();
    assert!(first["id"].as_str() < second["id"].as_str());
    let seen = server.api().execution(first["id"].as_str().expect("an id")).await;
    assert_eq!(seen["status"], "succeeded");
    // After a crash the address that was left behind misleads nobody.
    server.kill().await;
    assert!(site.data().join("listen.addr").exists());
    site.sayso(&["run", "core.noop"]).await.ended(0);
}

#[tokio::test]
async fn secrets_of_the_folder_are_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::open();
    let server = site.serve().await;
    for (name, mode) in [("", 0o700), ("admin.token", 0o600), ("secret.key", 0o600)] {
        let path = site.data().join(name);
        let found = std::fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777;
        assert_eq!(found, mode, "{}", path.display());
    }
    let token = server.api().token();
    assert!(token.len() >= 32 && !site.log().contains(&token));
    let stranger = reqwest::Client::new().get(format!("{}/api/v1/executions", server.api().base()));
    assert_eq!(stranger.send().await.expect("an answer").status(), 401);
}
