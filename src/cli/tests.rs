//! Whole commands against a modelled server: what is sent, what is printed, with which exit status.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::api::client::{Client, ClientError};

/// What the modelled server knows and was asked.
#[derive(Default)]
struct Model {
    /// How the next execution ends.
    status: Mutex<String>,
    /// Looks at the execution before it has ended.
    looks: Mutex<u32>,
    /// Everything that was asked: method, path with query, body, token.
    asked: Mutex<Vec<String>>,
    stopped: Mutex<bool>,
}

const ID: &str = "6744d2fb0123456789abcdef";

fn execution(status: &str) -> Value {
    json!({
        "id": ID, "action": {"ref": "core.local", "parameters": {}}, "context": {"user": "ana"},
        "parameters": {"cmd": "date"}, "status": status, "start_timestamp": "2026-11-22T13:00:27.617648Z",
        "end_timestamp": "2026-11-22T13:00:28.617648Z", "elapsed_seconds": 1.0,
        "result": {"stdout": "one\ntwo", "return_code": 0}
    })
}

fn refused(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"faultstring": text}))).into_response()
}

fn router(model: Arc<Model>) -> Router {
    let note = |model: &Model, text: String| model.asked.lock().push(text);
    Router::new()
        .route("/readyz", get(|| async { Json(json!({"status": "ready"})) }))
        .route(
            "/api/v1/actions/views/overview/{reference}",
            get(|Path(reference): Path<String>| async move {
                if reference != "core.local" {
                    return refused(StatusCode::NOT_FOUND, "Resource with a reference or id \"x\" not found");
                }
                Json(json!({"ref": "core.local", "description": "Runs a command.", "runner_type": "local-shell-cmd",
                    "enabled": true, "parameters": {
                        "timeout": {"type": "integer", "default": 60, "description": "Seconds"},
                        "cmd": {"type": "string", "required": true, "description": "Command"},
                        "sudo": {"type": "boolean", "immutable": true},
                        "pin": {"type": "string", "secret": true, "default": "1234"},
                        "level": {"type": "string", "enum": ["low", "high"]}}}))
                .into_response()
            }),
        )
        .route(
            "/api/v1/executions",
            post({
                move |State(model): State<Arc<Model>>, headers: HeaderMap, Json(body): Json<Value>| async move {
                    let token = headers.get("authorization").map_or("-", |token| token.to_str().unwrap());
                    note(&model, format!("POST {body} {token}"));
                    if body["parameters"]["cmd"] == json!("forbidden") {
                        return refused(StatusCode::FORBIDDEN, "not allowed: no rule lets ana run core.local");
                    }
                    (StatusCode::CREATED, Json(execution("requested"))).into_response()
                }
            })
            .get(move |State(model): State<Arc<Model>>, uri: axum::http::Uri| async move {
                note(&model, format!("GET {uri}"));
                Json(json!([execution("succeeded"), execution("failed")]))
            }),
        )
        .route(
            "/api/v1/executions/{id}",
            get(
                |State(model): State<Arc<Model>>, Path(id): Path<String>, Query(query): Query<Value>| async move {
                    if id == "nowhere" {
                        return refused(StatusCode::NOT_FOUND, "not found");
                    }
                    let mut looks = model.looks.lock();
                    let status = if *looks > 0 { "running".to_owned() } else { model.status.lock().clone() };
                    if query["include_attributes"] == json!("status") {
                        *looks = looks.saturating_sub(1);
                    }
                    Json(execution(&status)).into_response()
                },
            )
            .delete(
                move |State(model): State<Arc<Model>>, Path(id): Path<String>, uri: axum::http::Uri| async move {
                    if id == "nowhere" {
                        return refused(StatusCode::NOT_FOUND, "not found");
                    }
                    if uri.query().is_some() {
                        note(&model, format!("DELETE {uri}"));
                    }
                    Json(execution("canceling")).into_response()
                },
            )
            .put(
                move |State(model): State<Arc<Model>>, uri: axum::http::Uri, Json(body): Json<Value>| async move {
                    note(&model, format!("PUT {uri} {body}"));
                    Json(execution(body["status"].as_str().unwrap())).into_response()
                },
            ),
        )
        .route(
            "/api/v1/executions/{id}/output",
            get(|headers: HeaderMap| async move {
                if headers.get("accept").is_some_and(|accept| accept == "text/event-stream") {
                    let events = "event: st2.execution.output__create\ndata: {\"data\": \"one\\n\"}\n\n\
                                  event: st2.execution.output__create\ndata: {\"data\": \"two\\n\"}\n\n\
                                  event: EOF\ndata: ''\n\n";
                    return ([("content-type", "text/event-stream")], events).into_response();
                }
                "one\ntwo\n".into_response()
            }),
        )
        .route(
            "/api/v1/executions/{id}/re_run",
            post(move |State(model): State<Arc<Model>>, uri: axum::http::Uri, Json(body): Json<Value>| async move {
                note(&model, format!("POST {uri} {body}"));
                (StatusCode::CREATED, Json(execution("requested")))
            }),
        )
        .route(
            "/api/v1/executions/{id}/children",
            get(|| async { Json(json!([execution("failed")])) }),
        )
        .route(
            "/api/v1/actions",
            get(|| async { Json(json!([{"ref": "core.noop", "pack": "core", "description": "Does nothing."}])) }),
        )
        .route(
            "/api/v1/reload",
            post(|| async { Json(json!({"added": ["action core.x"], "changed": [], "kept": ["alias core.y"], "problems": [{"severity": "error", "file": "core/aliases/y.yaml", "line": 3, "column": 1, "message": "no name", "hint": "", "text": "x: 1"}]})) }),
        )
        .with_state(model)
}

/// An application that is nothing but the modelled server.
struct Fake(Arc<Model>);

struct FakeRunning(Arc<Model>);

impl Host for Fake {
    fn checks(&self) -> crate::content::Checks {
        crate::content::Checks::default()
    }

    fn start(&self, start: Start) -> BoxFuture<'_, anyhow::Result<Box<dyn Running>>> {
        Box::pin(async move {
            anyhow::ensure!(start.loaded.settings.log.level != "off", "the database is broken");
            Ok(Box::new(FakeRunning(Arc::clone(&self.0))) as Box<dyn Running>)
        })
    }
}

impl Running for FakeRunning {
    fn client(&self) -> Result<Client, ClientError> {
        Client::in_process(router(Arc::clone(&self.0)), "inside")
    }

    fn serve(&self, listener: TcpListener) -> BoxFuture<'static, std::io::Result<()>> {
        let router = router(Arc::clone(&self.0));
        Box::pin(async move { axum::serve(listener, router).await })
    }

    fn reload(&self) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async { Ok("3 actions".to_owned()) })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        *self.0.stopped.lock() = true;
        Box::pin(async {})
    }
}

pub(super) struct Shell {
    pub(super) folder: tempfile::TempDir,
    model: Arc<Model>,
    pub(super) variables: Vec<(String, String)>,
    width: Option<u16>,
}

pub(super) struct Told {
    pub(super) status: u8,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

pub(super) fn shell(ends: &str) -> Shell {
    let model = Arc::new(Model::default());
    ends.clone_into(&mut model.status.lock());
    *model.looks.lock() = 2;
    Shell {
        folder: tempfile::tempdir().unwrap(),
        model,
        variables: Vec::new(),
        width: None,
    }
}

impl Shell {
    pub(super) async fn run(&self, arguments: &[&str]) -> Told {
        let (out, stdout, stderr) = Output::captured(self.width);
        let home = self.folder.path().canonicalize().unwrap();
        let mut variables: BTreeMap<String, String> = self.variables.iter().cloned().collect();
        variables.insert("HOME".to_owned(), home.display().to_string());
        let sources = Sources {
            variables,
            directory: home,
            ..Sources::default()
        };
        let arguments = std::iter::once("sayso")
            .chain(arguments.iter().copied())
            .map(OsString::from);
        let status = Box::pin(run_with(arguments, sources, out, &Fake(Arc::clone(&self.model)))).await;
        Told {
            status,
            stdout: stdout.text(),
            stderr: stderr.text(),
        }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.model.asked.lock())
    }

    pub(super) async fn listening(&mut self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = router(Arc::clone(&self.model));
        tokio::spawn(async move { axum::serve(listener, router).await });
        self.variables.push(("SAYSO_SERVER".to_owned(), url.clone()));
        url
    }
}

#[tokio::test]
async fn the_exit_status_says_how_the_execution_ended() {
    for (status, exit) in [
        ("succeeded", 0),
        ("failed", 1),
        ("timeout", 3),
        ("canceled", 4),
        ("abandoned", 5),
    ] {
        let shell = shell(status);
        let told = shell.run(&["run", "core.local", "date"]).await;
        assert_eq!(told.status, exit, "{status}: {}", told.stderr);
        assert!(
            told.stdout.contains(&format!("status: {status}\n")),
            "{}",
            told.stdout
        );
        assert!(
            *shell.model.stopped.lock(),
            "the embedded application was stopped"
        );
    }
}

#[tokio::test]
async fn a_result_for_people_reads_as_yaml() {
    let told = shell("succeeded").run(&["run", "core.local", "cmd=date"]).await;
    assert_eq!(
        told.stdout,
        "id: 6744d2fb0123456789abcdef\n\
         action.ref: core.local\n\
         context.user: ana\n\
         parameters:\n  cmd: date\n\
         status: succeeded\n\
         start_timestamp: \"2026-11-22T13:00:27.617648Z\"\n\
         end_timestamp: \"2026-11-22T13:00:28.617648Z\"\n\
         elapsed_seconds: 1.0\n\
         result:\n  stdout: |-\n    one\n    two\n  return_code: 0\n"
    );
    assert_eq!(told.stderr, "");
}

#[tokio::test]
async fn for_programs_the_execution_is_the_apis() {
    let shell = shell("failed");
    let told = shell.run(&["run", "core.local", "cmd=date", "-o", "json"]).await;
    assert_eq!(
        serde_json::from_str::<Value>(&told.stdout).unwrap(),
        execution("failed")
    );
    assert_eq!(told.status, 1);
    let told = shell
        .run(&[
            "run",
            "core.local",
            "cmd=date",
            "-j",
            "--attr",
            "status,result.stdout",
        ])
        .await;
    assert_eq!(
        serde_json::from_str::<Value>(&told.stdout).unwrap(),
        json!({"status": "failed", "result.stdout": "one\ntwo"})
    );
}

#[tokio::test]
async fn words_become_the_request() {
    let mut shell = shell("succeeded");
    shell.listening().await;
    shell.variables.push(("SAYSO_TOKEN".to_owned(), "T".to_owned()));
    shell.variables.push(("GREETING".to_owned(), "hi".to_owned()));
    let told = shell
        .run(&[
            "run",
            "core.local",
            "timeout=5",
            "-u",
            "bo",
            "--trace-tag",
            "t",
            "--delay",
            "10",
            "--async",
            "ls",
            "x",
        ])
        .await;
    assert_eq!(
        (told.status, told.stdout.as_str()),
        (0, "6744d2fb0123456789abcdef requested\n"),
        "{}",
        told.stderr
    );
    assert_eq!(
        shell.asked(),
        [
            "POST {\"action\":\"core.local\",\"parameters\":{\"timeout\":5,\"cmd\":\"ls x\"},\"user\":\"bo\",\
          \"delay\":10,\"context\":{\"trace_context\":{\"trace_tag\":\"t\"}}} Bearer T"
        ]
    );
    shell
        .run(&[
            "action",
            "execute",
            "core.local",
            "-e",
            "--async",
            "--",
            "uname",
            "-a",
        ])
        .await;
    let asked = shell.asked().join("");
    assert!(
        asked.contains("\"cmd\":\"uname -a\"") && asked.contains("\"GREETING\":\"hi\""),
        "{asked}"
    );
    assert!(
        !asked.contains("SAYSO_TOKEN"),
        "our own secrets are not passed on"
    );
}

#[tokio::test]
async fn refusals_are_told_on_standard_error_with_status_2() {
    let rows: &[(&[&str], &str)] = &[
        (
            &["run", "core.local", "forbidden"],
            "error: not allowed: no rule lets ana run core.local\n",
        ),
        (
            &["run", "core.nosuch"],
            "error: there is no action `core.nosuch`\n\
             hint: `sayso action list` lists all actions\n",
        ),
        (
            &["run", "core.local", "timeout=soon"],
            "error: the parameter `timeout` must be a whole number, `soon` is not\n\
             hint: `sayso action get core.local` shows the action's parameters\n",
        ),
        (
            &["execution", "get", "nowhere"],
            "error: there is no execution nowhere\nhint: `sayso execution list` lists the newest\n",
        ),
        (
            &["execution", "list", "--status", "succeded"],
            "error: `succeded` is no status: one of requested, scheduled, delayed, running, succeeded, failed, timeout, \
             abandoned, canceling, canceled, pending, pausing, paused, resuming\n",
        ),
        (
            &["--set", "engine.concurency=1", "config", "path"],
            "error: flag --set: there is no setting `engine.concurency`\n    hint: did you mean `engine.concurrency`?\n",
        ),
        (
            &["--set", "x", "config", "path"],
            "error: --set x has no value\nhint: write it as key=value, such as --set engine.concurrency=8\n",
        ),
        (
            &["reload", "-o", "toml"],
            "error: toml is a format of `sayso config show` only\nhint: use -o json or -o yaml\n",
        ),
        (
            &["--set", "log.level=off", "reload"],
            "error: cannot start: the database is broken\nhint: `sayso doctor` checks the installation\n",
        ),
    ];
    for (arguments, stderr) in rows {
        let told = shell("succeeded").run(arguments).await;
        assert_eq!(
            (told.status, told.stdout.as_str(), told.stderr.as_str()),
            (2, "", *stderr),
            "{arguments:?}"
        );
    }
    let told = shell("succeeded").run(&["exectuion", "list"]).await;
    assert_eq!(told.status, 2);
    assert!(told.stderr.contains("execution"), "{}", told.stderr);
    let told = shell("succeeded").run(&["--help"]).await;
    assert_eq!((told.status, told.stderr.as_str()), (0, ""));
    assert!(told.stdout.contains("sayso doctor"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let mut shell = shell("succeeded");
    shell
        .variables
        .push(("SAYSO_SERVER".to_owned(), "http://127.0.0.1:1".to_owned()));
    let told = shell.run(&["action", "list"]).await;
    assert_eq!(told.status, 2);
    assert!(
        told.stderr
            .starts_with("error: cannot reach the server at http://127.0.0.1:1: "),
        "{}",
        told.stderr
    );
    assert!(told.stderr.contains("\nhint: "), "{}", told.stderr);
}

#[tokio::test]
async fn lists_are_tables_json_or_yaml() {
    let mut shell = shell("succeeded");
    shell.listening().await;
    let told = shell
        .run(&[
            "execution",
            "list",
            "-n",
            "2",
            "--status",
            "failed",
            "--action",
            "core.local",
        ])
        .await;
    assert_eq!(
        told.stdout,
        "ID                        ACTION.REF  CONTEXT.USER  STATUS     START_TIMESTAMP              END_TIMESTAMP\n\
         6744d2fb0123456789abcdef  core.local  ana           succeeded  2026-11-22T13:00:27.617648Z  \
         2026-11-22T13:00:28.617648Z\n\
         6744d2fb0123456789abcdef  core.local  ana           failed     2026-11-22T13:00:27.617648Z  \
         2026-11-22T13:00:28.617648Z\n"
    );
    assert_eq!(
        shell.asked(),
        [
            "GET /api/v1/executions?limit=2&action=core.local&status=failed&top_level=true\
          &include_attributes=id%2Caction%2Ccontext%2Cstatus%2Cstart_timestamp%2Cend_timestamp"
        ]
    );
    let told = shell
        .run(&["execution", "list", "-a", "id,result.stdout", "-o", "yaml"])
        .await;
    assert_eq!(
        told.stdout,
        "- id: 6744d2fb0123456789abcdef\n  result.stdout: |-\n    one\n    two\n".repeat(2)
    );
    assert!(shell.asked()[0].ends_with("include_attributes=id%2Cresult"));
    let told = shell.run(&["action", "list", "-j"]).await;
    assert_eq!(
        serde_json::from_str::<Value>(&told.stdout).unwrap()[0]["ref"],
        json!("core.noop")
    );
    let told = shell.run(&["execution", "children", ID, "-a", "status"]).await;
    assert_eq!(told.stdout, "STATUS\nfailed\n");
}

#[tokio::test]
async fn output_is_followed_or_read() {
    let mut shell = shell("failed");
    shell.listening().await;
    *shell.model.looks.lock() = 0;
    let told = shell.run(&["run", "core.local", "date", "--tail"]).await;
    assert_eq!((told.status, told.stdout.as_str()), (1, "one\ntwo\n"));
    assert_eq!(told.stderr, "6744d2fb0123456789abcdef failed\n");
    let told = shell.run(&["execution", "tail"]).await;
    assert_eq!(
        (told.status, told.stdout.as_str()),
        (1, "one\ntwo\n"),
        "{}",
        told.stderr
    );
    let told = shell.run(&["execution", "output", ID]).await;
    assert_eq!((told.status, told.stdout.as_str()), (0, "one\ntwo\n"));
    let told = shell.run(&["execution", "get", ID, "-k", "result.stdout"]).await;
    assert_eq!(told.stdout, "one\ntwo\n");
}

#[tokio::test]
async fn executions_are_canceled_and_repeated() {
    let mut shell = shell("succeeded");
    shell.listening().await;
    let told = shell.run(&["execution", "cancel", ID, "nowhere"]).await;
    assert_eq!(
        (told.status, told.stdout.as_str()),
        (2, "6744d2fb0123456789abcdef canceling\n")
    );
    assert!(
        told.stderr.contains("there is no execution nowhere"),
        "{}",
        told.stderr
    );
    let told = shell
        .run(&[
            "execution",
            "re-run",
            "last",
            "timeout=9",
            "--no-merge",
            "--async",
        ])
        .await;
    assert_eq!(told.status, 0, "{}", told.stderr);
    assert_eq!(
        shell.asked(),
        [format!(
            "POST /api/v1/executions/{ID}/re_run?no_merge=true {{\"parameters\":{{\"timeout\":9}}}}"
        )]
    );
}

#[tokio::test]
async fn workflows_are_paused_resumed_canceled_and_continued() {
    let mut shell = shell("succeeded");
    shell.listening().await;
    let path = format!("/api/v1/executions/{ID}");
    for (words, status, stdout, asked) in [
        (
            &["pause", ID][..],
            0,
            format!("{ID} pausing\n"),
            vec![format!("PUT {path} {{\"status\":\"pausing\"}}")],
        ),
        (
            &["resume", ID],
            0,
            format!("{ID} resuming\n"),
            vec![format!("PUT {path} {{\"status\":\"resuming\"}}")],
        ),
        (
            &["cancel", "--now", ID],
            0,
            format!("{ID} canceling\n"),
            vec![format!("DELETE {path}?now=true")],
        ),
        // The modelled execution is of core.local, which has no tasks.
        (&["re-run", ID, "--tasks", "a,b"], 2, String::new(), vec![]),
        (
            &["re-run", ID, "--tasks", "a", "--reset", "b"],
            2,
            String::new(),
            vec![],
        ),
        (&["re-run", ID, "--tasks", "a", "cmd=x"], 2, String::new(), vec![]),
        (&["re-run", ID, "--reset", "a"], 2, String::new(), vec![]),
        (&["get", ID, "--svg"], 2, String::new(), vec![]),
        (&["get", ID, "--graph"], 2, String::new(), vec![]),
    ] {
        let words: Vec<&str> = std::iter::once("execution")
            .chain(words.iter().copied())
            .collect();
        let told = shell.run(&words).await;
        assert_eq!(
            (told.status, &told.stdout),
            (status, &stdout),
            "{words:?}\n{}",
            told.stderr
        );
        assert_eq!(shell.asked(), asked, "{words:?}");
    }
}

#[tokio::test]
async fn an_actions_help_shows_its_parameters() {
    let told = shell("succeeded")
        .run(&["run", "core.local", "--help-action"])
        .await;
    assert_eq!(
        told.stdout,
        "core.local\n  Runs a command.\n  runner: local-shell-cmd\n\n\
         PARAMETER  TYPE     REQUIRED  DEFAULT  DESCRIPTION\n\
         cmd        string   yes                Command\n\
         level      string                      (one of low, high)\n\
         pin        string                      (secret)\n\
         timeout    integer            60       Seconds\n"
    );
    let get = shell("succeeded").run(&["action", "get", "core.local"]).await;
    assert_eq!(get.stdout, told.stdout);
}

#[tokio::test]
async fn a_command_waits_for_a_folder_and_finds_the_server_on_it() {
    let mut shell = shell("succeeded");
    let url = shell.listening().await;
    shell.variables.clear();
    let data = shell.folder.path().join("data");
    let dir = datadir::DataDir::open(&data).unwrap();
    std::fs::write(data.join("admin.token"), "tokentokentokentoken\n").unwrap();
    let lock = dir.lock().unwrap();
    dir.set_listen_address(url.trim_start_matches("http://")).unwrap();
    let flags = ["--data-dir", "data", "run", "core.local", "date", "--async"];
    assert_eq!(shell.run(&flags).await.status, 0);
    assert!(
        shell.asked()[0].ends_with("Bearer tokentokentokentoken"),
        "the token comes from the folder"
    );

    // Another server does not get the folder's token.
    let other = shell.listening().await;
    shell.variables.clear();
    shell
        .run(&[
            "--data-dir",
            "data",
            "--server",
            &other,
            "run",
            "core.local",
            "date",
            "--async",
        ])
        .await;
    assert!(shell.asked()[0].ends_with(" -"));

    // Without the lock the address is a leftover: the command starts everything itself.
    drop(lock);
    assert_eq!(shell.run(&flags).await.status, 0);
    assert!(shell.asked()[0].ends_with("Bearer inside"));
    assert_eq!(dir.listen_address(), None);
}

#[tokio::test]
async fn settings_are_shown_with_their_origin() {
    let mut shell = shell("succeeded");
    std::fs::write(
        shell.folder.path().join("sayso.toml"),
        "[engine]\nconcurrency = 5\n",
    )
    .unwrap();
    shell
        .variables
        .push(("SAYSO_TOKEN".to_owned(), "geheim".to_owned()));
    shell.variables.push(("SAYSO_LOGG".to_owned(), "x".to_owned()));
    let home = shell.folder.path().canonicalize().unwrap().display().to_string();
    let told = shell
        .run(&["config", "show", "--changed", "--set", "log.format=json"])
        .await;
    assert_eq!(
        told.stdout.replace(&home, "~"),
        "KEY                 VALUE       SOURCE\n\
         engine.concurrency  5           ~/sayso.toml:2\n\
         log.format          \"json\"      flag --set\n\
         client.token        \"********\"  variable SAYSO_TOKEN\n"
    );
    assert_eq!(
        told.stderr,
        "warning: the variable SAYSO_LOGG sets nothing: did you mean SAYSO_LOG?\n"
    );
    let told = shell.run(&["config", "show", "-o", "toml"]).await;
    assert!(
        told.stdout.contains("\n[engine]\nconcurrency = 5 # "),
        "{}",
        told.stdout
    );
    assert!(!told.stdout.contains("geheim"));
    std::fs::write(shell.folder.path().join("sayso.toml"), &told.stdout).unwrap();
    let again = shell.run(&["config", "show", "-o", "json"]).await;
    assert_eq!(
        again.status, 0,
        "what it prints is a settings file: {}",
        again.stderr
    );
    let all: Value = serde_json::from_str(&again.stdout).unwrap();
    let concurrency = all
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["key"] == "engine.concurrency")
        .unwrap();
    assert_eq!(concurrency["value"], json!("5"));
    let told = shell.run(&["config", "path"]).await;
    assert_eq!(told.stdout.replace(&home, "~"), "~/sayso.toml\n");
    let told = shell.run(&["config", "default"]).await;
    assert_eq!(told.stdout, crate::settings::default_toml());
}

#[tokio::test]
async fn reloading_says_what_was_read() {
    let mut shell = shell("succeeded");
    shell.listening().await;
    let told = shell.run(&["reload"]).await;
    assert_eq!(
        told.stdout,
        "added: action core.x\nkept as it was, because its file is broken now: alias core.y\n"
    );
    assert_eq!(
        told.stderr,
        "error: core/aliases/y.yaml:3:1: no name\n    x: 1\n    ^\n"
    );
}

#[tokio::test]
async fn completions_need_nothing() {
    for name in ["bash", "zsh", "fish"] {
        let told = shell("succeeded").run(&["completions", name]).await;
        assert_eq!((told.status, told.stderr.as_str()), (0, ""));
        assert!(
            told.stdout.contains("sayso") && told.stdout.contains("execution"),
            "{name}"
        );
    }
}

#[test]
fn the_commands_are_sound() {
    Cli::command().debug_assert();
}

#[test]
fn a_closed_pipe_is_no_error() {
    let error = CliError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
    assert_eq!((error.status, error.message.as_str()), (0, ""));
}

/// The reference of docs/command-line.md, made from the definitions of the commands.
fn reference() -> String {
    let mut text = String::new();
    let mut root = Cli::command();
    root.build();
    let hidden = ["help", "version"];
    let flags = |command: &clap::Command, global: bool| {
        let mut text = String::new();
        for argument in command.get_arguments() {
            if argument.is_global_set() != global || hidden.contains(&argument.get_id().as_str()) {
                continue;
            }
            let values: Vec<String> = argument
                .get_value_names()
                .unwrap_or_default()
                .iter()
                .map(ToString::to_string)
                .collect();
            let takes = if argument.get_action().takes_values() {
                values.join(" ")
            } else {
                String::new()
            };
            let name = match (argument.get_short(), argument.get_long()) {
                (Some(short), Some(long)) => format!("-{short}, --{long} {takes}"),
                (None, Some(long)) => format!("--{long} {takes}"),
                (Some(short), None) => format!("-{short} {takes}"),
                (None, None) => takes,
            };
            let about = argument.get_help().map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!(
                "| `{}` | {} |\n",
                name.trim(),
                about.replace('|', "\\|")
            ));
        }
        if text.is_empty() {
            text
        } else {
            format!("\n| argument | meaning |\n| --- | --- |\n{text}")
        }
    };
    let about = |command: &clap::Command| command.get_about().map(ToString::to_string).unwrap_or_default();
    text.push_str(&format!("### Everywhere\n{}", flags(&root, true)));
    let mut commands: Vec<(String, clap::Command)> = Vec::new();
    for command in root.get_subcommands() {
        if command.has_subcommands() {
            for inner in command
                .get_subcommands()
                .filter(|inner| inner.get_name() != "help")
            {
                commands.push((
                    format!("sayso {} {}", command.get_name(), inner.get_name()),
                    inner.clone(),
                ));
            }
        } else {
            commands.push((format!("sayso {}", command.get_name()), command.clone()));
        }
    }
    for (name, command) in commands {
        text.push_str(&format!(
            "\n### `{name}`\n\n{}.\n{}",
            about(&command),
            flags(&command, false)
        ));
        if let Some(more) = command.get_after_help() {
            text.push_str(&format!("\n```text\n{}\n```\n", more.to_string().trim_end()));
        }
    }
    text
}

#[test]
fn the_documentation_has_every_command_and_flag() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/command-line.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- commands: begin -->\n", "<!-- commands: end -->");
    let from = text.find(begin).expect("the marker of the beginning") + begin.len();
    let to = text.find(end).expect("the marker of the end");
    let wanted = format!("\n{}\n", reference());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{}{wanted}{}", &text[..from], &text[to..])).unwrap();
        return;
    }
    assert_eq!(
        &text[from..to],
        wanted,
        "run the test with UPDATE_DOCS=1 to write the reference anew"
    );
}

fn write(root: &std::path::Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

const PACK: &[(&str, &str)] = &[
    (
        "web/pack.yaml",
        "ref: web\nname: web\ndescription: Web servers.\nversion: 1.0.0\nauthor: ana\nemail: ana@example.org\n",
    ),
    (
        "web/actions/deploy.yaml",
        "name: deploy\nrunner_type: noop\ndescription: Deploys.\nparameters:\n  app:\n    type: string\n    description: What.\n  env:\n    type: string\n    description: Where.\n",
    ),
    (
        "web/aliases/deploy.yaml",
        "name: deploy\naction_ref: web.deploy\nformats:\n  - deploy {{ app }} to {{ env=test }}\n",
    ),
];

#[tokio::test]
async fn packs_are_linted_without_a_server() {
    let shell = shell("succeeded");
    write(shell.folder.path(), PACK);
    let told = shell.run(&["pack", "lint", "web"]).await;
    // Relative paths count from the folder that the test runs in, so give the whole one.
    assert_eq!(told.status, 1, "{}", told.stdout);
    let pack = shell.folder.path().join("web").display().to_string();
    let told = shell.run(&["pack", "lint", &pack]).await;
    assert_eq!(
        (told.status, told.stdout.as_str()),
        (0, "web: no errors, no warnings (1 action, 1 alias)\n")
    );
    write(shell.folder.path(), &[("web/actions/broken.yaml", "name: [\n")]);
    let told = shell.run(&["pack", "lint", &pack, "--json"]).await;
    let report: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(
        (told.status, &report["ok"], &report["pack"]),
        (1, &json!(false), &json!("web"))
    );
    assert_eq!(report["errors"][0]["file"], json!("web/actions/broken.yaml"));
    let told = shell.run(&["pack", "lint", &pack]).await;
    assert!(
        told.stdout.starts_with("error: web/actions/broken.yaml:"),
        "{}",
        told.stdout
    );
    assert!(told.stdout.contains("\nweb: 1 error, "), "{}", told.stdout);
}

#[tokio::test]
async fn the_examples_of_a_pack_are_run() {
    let shell = shell("succeeded");
    write(shell.folder.path(), PACK);
    let pack = shell.folder.path().join("web").display().to_string();
    let missing = shell.run(&["alias", "test", &pack]).await;
    assert_eq!(missing.status, 2);
    assert!(
        missing.stderr.contains("tests/aliases.yaml"),
        "{}",
        missing.stderr
    );

    let good = "- message: deploy web to prod\n  alias: deploy\n  parameters: {app: web, env: prod}\n\
                - message: dance\n  alias: none\n- message: deploys web\n  alias: none\n";
    write(shell.folder.path(), &[("web/tests/aliases.yaml", good)]);
    let told = shell.run(&["alias", "test", &pack]).await;
    assert_eq!(
        (told.status, told.stdout.as_str()),
        (0, "3 examples, 3 as expected, 0 not\n"),
        "{}",
        told.stderr
    );

    let bad = "- message: deploy web to prod\n  alias: web.deploy\n  parameters: {app: db}\n\
               - {message: dance, alias: deploy}\n- {message: deploy web to prod, alias: none}\n";
    write(shell.folder.path(), &[("web/tests/aliases.yaml", bad)]);
    let told = shell.run(&["alias", "test", &pack]).await;
    assert_eq!(told.status, 1);
    assert_eq!(
        told.stdout.replace(&pack, "web"),
        "web/tests/aliases.yaml:1: \"deploy web to prod\": app is \"web\", not \"db\"\n\
         web/tests/aliases.yaml:4: \"dance\": matches nothing, not deploy\n\
         web/tests/aliases.yaml:5: \"deploy web to prod\": matches web.deploy, not nothing\n\
         3 examples, 0 as expected, 3 not\n"
    );
    for (wrong, what) in [
        ("message: x\n", "must be a list"),
        ("- {mesage: x, alias: none}\n", "has no `mesage`"),
        ("- {message: x}\n", "does not say which alias"),
        ("- [\n", "aliases.yaml:"),
    ] {
        write(shell.folder.path(), &[("web/tests/aliases.yaml", wrong)]);
        let told = shell.run(&["alias", "test", &pack]).await;
        assert_eq!(told.status, 2, "{wrong}");
        assert!(told.stderr.contains(what), "{wrong}: {}", told.stderr);
    }
}

#[tokio::test]
async fn tests_of_workflows_lie_in_their_packs() {
    let shell = shell("succeeded");
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/packs/examples");
    let told = shell.run(&["pack", "test", examples]).await;
    assert_eq!(told.status, 0, "{}{}", told.stdout, told.stderr);
    assert!(told.stdout.contains("6 passed, 0 failed"), "{}", told.stdout);
    let told = shell.run(&["pack", "test", "nosuch"]).await;
    assert_eq!(told.status, 2);
    assert!(
        told.stderr.contains("name the folder of a pack"),
        "{}",
        told.stderr
    );

    let flow = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/packs/examples/actions/workflows/restart_all.yaml"
    );
    let told = shell
        .run(&["workflow", "dry-run", flow, "--input", "environment=prod"])
        .await;
    assert_eq!(told.status, 0, "{}", told.stderr);
    assert!(told.stdout.contains("prod"), "{}", told.stdout);
    let told = shell
        .run(&["workflow", "dry-run", flow, "--fail", "restart_api"])
        .await;
    assert_eq!(told.status, 1, "{}", told.stdout);
}

#[tokio::test]
async fn messages_are_matched_and_explained_from_files() {
    let shell = shell("succeeded");
    write(shell.folder.path(), PACK);
    let told = shell
        .run(&[
            "--packs-dir",
            ".",
            "alias",
            "match",
            "deploy",
            "web",
            "to",
            "prod",
        ])
        .await;
    assert_eq!(
        (told.status, told.stdout.as_str()),
        (
            0,
            "matches web.deploy (deploy {{ app }} to {{ env=test }})\nruns web.deploy\n  app = \"web\"\n  env = \"prod\"\n"
        ),
        "{}",
        told.stderr
    );
    let told = shell.run(&["alias", "match", "no such sentence at all"]).await;
    assert_eq!(told.status, 1);
    assert!(told.stdout.starts_with("matches nothing"), "{}", told.stdout);
    let told = shell
        .run(&[
            "alias",
            "explain",
            "--format",
            "deploy {{ app }}",
            "deploy web",
            "-j",
        ])
        .await;
    let explanation: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(explanation["verdict"]["kind"], json!("matched"));
    let told = shell
        .run(&[
            "alias",
            "explain",
            "--format",
            "deploy {{ app }}",
            "deploy",
            "web",
        ])
        .await;
    assert!(
        told.stdout.contains("given.format") && told.stdout.contains("yes"),
        "{}",
        told.stdout
    );
    let told = shell
        .run(&["alias", "explain", "--format", "deploy ({{ app }}", "deploy"])
        .await;
    assert_eq!(told.status, 2, "{}", told.stdout);
}

/// A database in the data folder with a few entries in its audit log.
async fn with_audit(shell: &Shell) {
    use crate::store::sqlite::{SqliteOptions, SqliteStore};
    use crate::store::{Store as _, Write};
    let data = shell.folder.path().join("data");
    datadir::DataDir::open(&data).unwrap();
    let store = SqliteStore::open(SqliteOptions::new(data.join("sayso.db")))
        .await
        .unwrap();
    let entry = |second: i64, kind: &str, actor: &str, reason: &str| {
        Write::Audit(crate::model::AuditDraft {
            timestamp: crate::model::Timestamp::from_micros(1_795_000_000_000_000 + second * 1_000_000),
            kind: kind.to_owned(),
            actor: actor.to_owned(),
            action: Some("core.local".to_owned()),
            detail: json!({"reason": reason}),
            ..crate::model::AuditDraft::default()
        })
    };
    let entries = vec![
        entry(0, "execution.requested", "ana", ""),
        entry(1, "execution.failed", "ana", "disk full"),
        entry(2, "access.denied", "bo", "no rule"),
    ];
    store.commit(entries).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn the_audit_log_is_read_from_the_data_folder() {
    let shell = shell("succeeded");
    let nothing = shell.run(&["audit", "tail", "--data-dir", "data"]).await;
    assert_eq!(nothing.status, 2);
    assert!(
        nothing.stderr.contains("there is no database in"),
        "{}",
        nothing.stderr
    );
    with_audit(&shell).await;
    let told = shell
        .run(&["audit", "tail", "-n", "2", "--data-dir", "data"])
        .await;
    assert_eq!(
        told.stdout,
        "NUMBER  TIME                         KIND              WHO  ABOUT       WHAT\n\
         2       2026-11-18T11:06:41.000000Z  execution.failed  ana  core.local  disk full\n\
         3       2026-11-18T11:06:42.000000Z  access.denied     bo   core.local  no rule\n",
        "{}",
        told.stderr
    );
    let told = shell
        .run(&[
            "audit",
            "search",
            "disk",
            "--actor",
            "ana",
            "--data-dir",
            "data",
            "-j",
        ])
        .await;
    let found: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(
        (found.as_array().unwrap().len(), &found[0]["number"]),
        (1, &json!(2))
    );
    let told = shell
        .run(&["audit", "search", "--since", "soon", "--data-dir", "data"])
        .await;
    assert!(
        told.status == 2 && told.stderr.contains("`soon` is no time"),
        "{}",
        told.stderr
    );
    let told = shell.run(&["audit", "summary", "--data-dir", "data"]).await;
    assert!(told.stdout.contains("bo  "), "{}", told.stdout);
    let told = shell.run(&["audit", "verify", "--data-dir", "data"]).await;
    assert_eq!(told.status, 0);
    assert!(
        told.stdout.starts_with("3 entries, the chain is intact\n"),
        "{}",
        told.stdout
    );
}

#[tokio::test]
async fn the_database_is_looked_after() {
    let shell = shell("succeeded");
    with_audit(&shell).await;
    let told = shell.run(&["db", "check", "--data-dir", "data"]).await;
    assert_eq!(
        (told.status, told.stdout.as_str()),
        (0, "the database is sound\n")
    );
    let told = shell.run(&["db", "stats", "--data-dir", "data", "-j"]).await;
    let stats: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(
        (&stats["audit_entries"], &stats["commits"]),
        (&json!(3), &Value::Null)
    );
    let target = shell.folder.path().join("copy.db").display().to_string();
    let told = shell.run(&["db", "backup", &target, "--data-dir", "data"]).await;
    assert_eq!(told.status, 0, "{}", told.stderr);
    let again = shell.run(&["db", "backup", &target, "--data-dir", "data"]).await;
    assert!(
        again.status == 2 && again.stderr.contains("exists already"),
        "{}",
        again.stderr
    );
    std::fs::create_dir(shell.folder.path().join("restored")).unwrap();
    std::fs::copy(&target, shell.folder.path().join("restored/sayso.db")).unwrap();
    let told = shell.run(&["audit", "verify", "--data-dir", "restored"]).await;
    assert!(
        told.stdout.starts_with("3 entries"),
        "{}{}",
        told.stdout,
        told.stderr
    );
}
