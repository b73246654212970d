//! What the runners say of themselves, and the jobs that their tests use.

use std::path::PathBuf;
use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::model::{Action, OutputStream, Status};

/// How long a test waits for something that should happen at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A job of the action `examples.test` with these parameters; its output is dropped.
pub(super) fn job(parameters: Value) -> Job {
    Job {
        execution: Id::new(),
        action: Arc::new(action(json!({}))),
        parameters: schema(parameters),
        context: JsonMap::new(),
        user: "ana".to_owned(),
        scratch: PathBuf::from("/nonexistent/scratch"),
        cancel: CancellationToken::new(),
        output: OutputSink::discard(),
    }
}

/// An action with these parameter schemas.
pub(super) fn action(parameters: Value) -> Action {
    Action {
        reference: "examples.test".to_owned(),
        pack: "examples".to_owned(),
        name: "test".to_owned(),
        description: String::new(),
        enabled: true,
        runner_type: String::new(),
        entry_point: String::new(),
        parameters: schema(parameters),
        output_schema: JsonMap::new(),
        tags: json!([]),
        notify: json!({}),
        metadata_file: "actions/test.yaml".to_owned(),
        idempotent: false,
        read_only: false,
        approval: None,
        deadline_seconds: None,
        pack_dir: None,
        pack_version: "1.0.0".to_owned(),
        digest: String::new(),
        entry_point_text: None,
    }
}

/// Waits until the condition holds.
pub(super) async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// True while there is a process with this number, a zombie included.
pub(super) fn lives(pid: &str) -> bool {
    assert!(
        !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()),
        "not a process number: {pid:?}"
    );
    PathBuf::from(format!("/proc/{pid}")).exists()
}

/// Output of a running job, as it comes.
pub(super) struct Follower {
    receiver: mpsc::Receiver<OutputWrite>,
}

impl Follower {
    pub(super) fn of(job: &mut Job) -> Self {
        let (sink, receiver) = OutputSink::channel(1000);
        job.output = sink;
        Self { receiver }
    }

    /// The next piece; panics when none comes.
    pub(super) async fn next(&mut self) -> OutputWrite {
        let piece = tokio::time::timeout(PATIENCE, self.receiver.recv()).await;
        piece.expect("output in time").expect("output before the end")
    }

    /// Everything until the job is over.
    pub(super) async fn rest(&mut self) -> Vec<OutputWrite> {
        let mut pieces = Vec::new();
        while let Some(piece) = self.receiver.recv().await {
            pieces.push(piece);
        }
        pieces
    }
}

pub(super) fn joined(pieces: &[OutputWrite], stream: OutputStream) -> String {
    pieces
        .iter()
        .filter(|piece| piece.stream == stream)
        .map(|piece| piece.text.as_str())
        .collect()
}

#[test]
fn specs_agree_with_the_reference() {
    let recorded: JsonMap =
        serde_json::from_str(include_str!("../../tests/data/runners/specs.json")).unwrap();
    let runners = builtin(RunnerOptions::default());
    // One is ours alone.
    let theirs = runners.specs().filter(|spec| spec.name != APPROVAL);
    assert_eq!(theirs.count(), recorded.len());
    for (name, expected) in recorded {
        let spec = runners.get(&name).unwrap().spec();
        assert_eq!(spec.package, expected["runner_package"]);
        assert_eq!(spec.module, expected["runner_module"]);
        assert_eq!(json!(spec.output_key), expected["output_key"]);
        let shown = spec.to_api();
        assert_eq!(
            json!(shown.as_object().unwrap().keys().collect::<Vec<_>>()),
            expected["keys"],
            "{name}"
        );
        let mut parameters = shown["runner_parameters"].clone();
        for (parameter, schema) in parameters.as_object_mut().unwrap() {
            let description = schema.as_object_mut().unwrap().shift_remove("description");
            assert!(
                description.is_some_and(|text| text.as_str().is_some_and(|text| text.len() > 10)),
                "{parameter}"
            );
        }
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(
            names(&parameters),
            names(&expected["parameters"]),
            "order of the parameters of {name}"
        );
        assert_eq!(parameters, expected["parameters"], "{name}");
    }
}

#[tokio::test]
async fn noop_succeeds() {
    let outcome = NoopRunner::default().run(job(json!({ "anything": 1 }))).await;
    assert_eq!(outcome.status, Status::Succeeded);
    assert_eq!(
        outcome.result.to_string(),
        r#"{"failed":false,"succeeded":true,"return_code":0}"#
    );
    assert!(NoopRunner::default().spec().pure);
}

#[tokio::test]
async fn an_announcement_carries_the_parameters_of_the_action() {
    let runner = AnnouncementRunner::default();
    let outcome = runner
        .run(job(
            json!({ "message": "hi", "experimental": true, "route": "ops.alerts" }),
        ))
        .await;
    let payload = json!({ "message": "hi" });
    assert_eq!(outcome.status, Status::Succeeded);
    assert_eq!(outcome.result, payload);
    assert_eq!(
        outcome.announcements,
        [Announcement {
            route: "ops.alerts".to_owned(),
            payload
        }]
    );

    let outcome = runner
        .run(job(json!({ "experimental": true, "route": null })))
        .await;
    assert_eq!(outcome.announcements[0].route, "general");
}

#[tokio::test]
async fn an_announcement_needs_the_flag_and_a_route() {
    let long = "r".repeat(256);
    for (parameters, expected) in [
        (json!({}), "Experimental flag is missing for action examples.test"),
        (json!({ "experimental": false }), "Experimental flag is missing"),
        (json!({ "experimental": 1 }), "Experimental flag is missing"),
        (json!({ "experimental": true, "route": "" }), "\"route\""),
        (json!({ "experimental": true, "route": long }), "\"route\""),
    ] {
        let outcome = AnnouncementRunner::default().run(job(parameters)).await;
        assert_eq!(outcome.status, Status::Failed);
        assert!(
            outcome.result["error"].as_str().unwrap().contains(expected),
            "{}",
            outcome.result
        );
        assert_eq!(outcome.announcements, []);
    }
}
