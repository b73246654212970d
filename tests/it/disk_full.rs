//! No room on the disk: clear refusals, no corruption, work goes on when there is room again.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::server::{Answer, Api};
use crate::support::{Server, Site, assert_one_of, assert_says, eventually};

/// A file system of its own, as large as `size` says. Only administrators may make one.
struct Small(PathBuf);

impl Small {
    fn mounted(path: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&path).expect("the mount point");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "tmpfs"]);
        let done = mount.arg(&path).stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Takes all the room that is left.
fn fill(path: &Path) {
    let mut ballast = File::options()
        .append(true)
        .create(true)
        .open(path)
        .expect("the ballast");
    for size in [64 << 10, 4096, 512, 1] {
        while ballast.write_all(&vec![b'.'; size]).is_ok() {}
    }
}

/// A request that needs room: its parameters cannot be made smaller.
fn bulky(number: usize) -> Value {
    let noise = (0..4000).map(|at| format!("{:x}", (number * 7919 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    json!({"word": "red", "tags": {"noise": noise.collect::<String>()}})
}

/// Asks until the server refuses; gives the refusal and what was accepted before.
async fn until_refused(api: &Api, accepted: &mut Vec<String>) -> Answer {
    for number in 0..2000 {
        let answer = api.run("trial.typed", bulky(number)).await;
        if answer.status != 201 {
            return answer;
        }
        accepted.push(answer.body["id"].as_str().expect("an id").to_owned());
    }
    panic!("the disk did not get full");
}

async fn are_there(api: &Api, accepted: &[String]) {
    for id in accepted {
        assert_eq!(api.execution(id).await["status"], "succeeded", "{id}");
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_goes_on_when_there_is_room_again() {
    let site = Site::open();
    let place = site.path("small");
    let Some(_small) = Small::mounted(place.clone(), "12m") else {
        eprintln!("skipped: a file system cannot be mounted here (try as root)");
        return;
    };
    let site = site.with_data(place.join("data"));
    let server = site.serve().await;
    let api = server.api().clone();
    let chat = server.chat("full").await;
    let (started, go) = (site.path("started"), site.path("go"));
    let running = api
        .started("trial.gate", json!({"started": started, "go": go}))
        .await;
    eventually("the action is at work", async || started.exists().then_some(())).await;

    let ballast = place.join("ballast");
    let mut accepted = Vec::new();
    fill(&ballast);
    let refused = until_refused(&api, &mut accepted).await;
    assert_eq!(refused.status, 503, "{:#}", refused.body);
    assert_says(
        refused.fault(),
        &["the disk that holds the data folder is full", "make room"],
    );
    let said = chat.try_say("k1", "echo hello").await.expect("an answer");
    assert_eq!(said.status, 503, "{:#}", said.body);
    assert_says(said.fault(), &["disk", "full"]);
    // Reading goes on, and so does what runs; its end is written when that is possible.
    are_there(&api, &accepted).await;
    api.get("/api/v1/executions?limit=5").await.with(200);
    assert_eq!(api.get("/readyz").await.status, 200);
    std::fs::write(&go, "").expect("the gate opens");
    assert_eq!(api.execution(&running).await["status"], "running");

    std::fs::remove_file(&ballast).expect("there is room again");
    let answer = eventually("requests are taken again", async || {
        let answer = api.run("trial.typed", bulky(5000)).await;
        assert_one_of(&answer.status, &[201, 503]);
        (answer.status == 201).then_some(answer.body)
    })
    .await;
    accepted.push(answer["id"].as_str().expect("an id").to_owned());
    assert_eq!(api.over(&running).await["status"], "succeeded");
    // The same key: the message was not taken the first time, so now it is.
    let receipt = chat
        .try_say("k1", "echo hello")
        .await
        .expect("an answer")
        .with(202);
    assert_eq!(receipt["duplicate"], false);
    assert_eq!(chat.answer_to(&receipt).await["status"], "succeeded");
    are_there(&api, &accepted).await;
    let check = api.get("/api/v1/db/check").await.with(200);
    assert_eq!(check["ok"], true, "{check:#}");

    // Full once more, and killed in the middle of it.
    fill(&ballast);
    assert_eq!(until_refused(&api, &mut accepted).await.status, 503);
    let api = server.kill().await;
    std::fs::remove_file(&ballast).expect("there is room again");
    let server = Server::again(&site, api).await;
    are_there(server.api(), &accepted).await;
    assert!(server.stop().await.success());
    site.sayso(&["audit", "verify"]).await.ended(0);
    site.sayso(&["db", "check"]).await.ended(0);
}

/// Without privileges: a limit on the size of files, as quotas and some file systems have. The database has no way to
/// tell it from other failures, so the refusal is an internal error with an id.
#[tokio::test]
async fn a_limit_on_file_sizes_corrupts_nothing() {
    let site = Site::open();
    // In units of 512 bytes. The signal would end the process before it could refuse.
    let server = Server::start_in_shell(&site, "trap '' XFSZ; ulimit -f 4000; exec \"$0\" \"$@\"").await;
    let api = server.api().clone();
    let mut accepted = Vec::new();
    let refused = until_refused(&api, &mut accepted).await;
    assert_one_of(&refused.status, &[500, 503]);
    assert!(!refused.fault().is_empty(), "{:#}", refused.body);
    assert!(accepted.len() > 10, "only {} requests fitted", accepted.len());
    are_there(&api, &accepted).await;
    let api = server.kill().await;
    let server = Server::again(&site, api).await;
    are_there(server.api(), &accepted).await;
    accepted.push(server.api().started("trial.typed", bulky(1)).await);
    are_there(server.api(), &accepted).await;
    assert!(server.stop().await.success());
    site.sayso(&["audit", "verify"]).await.ended(0);
    site.sayso(&["db", "check"]).await.ended(0);
}
