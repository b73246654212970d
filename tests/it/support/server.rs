//! A server process: started, talked to, killed.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parking_lot::Mutex;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::process::Child;

use super::site::{BINARY, Site};
use super::{Chat, PATIENCE, eventually};

/// A running server. It is killed when dropped.
pub(crate) struct Server {
    child: Child,
    api: Api,
}

/// The API of a server. Cheap to clone; clones notice when the server is started again elsewhere.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    place: Arc<Mutex<Place>>,
    user: Option<String>,
}

#[derive(Clone, Default)]
struct Place {
    base: String,
    token: String,
}

/// An answer of the API.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// Fails unless it has this status; gives the body.
    #[track_caller]
    pub(crate) fn with(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }

    /// The sentence of a refusal.
    pub(crate) fn fault(&self) -> &str {
        self.body["faultstring"].as_str().unwrap_or_default()
    }
}

impl Server {
    /// Starts a server on the site and waits until it is ready.
    pub(super) async fn start(site: &Site) -> Self {
        let mut command = site.process(BINARY);
        command.args(site.serve_words());
        Self::started_by(site, command, Api::new()).await
    }

    /// Starts a server through a shell, `$0` and `$@` being the command: for limits that a shell can set.
    pub(crate) async fn start_in_shell(site: &Site, script: &str) -> Self {
        let mut command = site.process("sh");
        command.args(["-c", script, BINARY]).args(site.serve_words());
        Self::started_by(site, command, Api::new()).await
    }

    async fn started_by(site: &Site, mut command: tokio::process::Command, api: Api) -> Self {
        // What an earlier server left behind must not be taken for the new one's.
        let _ = std::fs::remove_file(site.data().join("listen.addr"));
        let mut child = command
            .stdout(Stdio::null())
            .stderr(site.log_file())
            .spawn()
            .expect("the server starts");
        let address = eventually("the server writes its address", async || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("the server ended with {status} before it was ready");
            }
            let text = std::fs::read_to_string(site.data().join("listen.addr")).unwrap_or_default();
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        })
        .await;
        let token = std::fs::read_to_string(site.data().join("admin.token")).expect("the token");
        *api.place.lock() = Place {
            base: format!("http://{address}"),
            token: token.trim().to_owned(),
        };
        eventually("the server is ready", async || {
            let answer = api.try_send(api.request(Method::GET, "/readyz")).await;
            answer.filter(|answer| answer.status == 200)
        })
        .await;
        Self { child, api }
    }

    /// Starts again after an end, with the same handles of the API.
    pub(crate) async fn again(site: &Site, api: Api) -> Self {
        let mut command = site.process(BINARY);
        command.args(site.serve_words());
        Self::started_by(site, command, api).await
    }

    /// Its API as the administrator.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// A conversation with it, listening already.
    pub(crate) async fn chat(&self, conversation: &str) -> Chat {
        Chat::open(self.api.clone(), conversation).await
    }

    /// A conversation of somebody else, with their own rights.
    pub(crate) async fn chat_as(&self, user: &str, conversation: &str) -> Chat {
        Chat::open(self.api.acting_as(user), conversation).await
    }

    /// Number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("a process number");
        kill(Pid::from_raw(pid), signal).expect("the signal is delivered");
    }

    /// `kill -9`: nothing is said, nothing is written any more.
    pub(crate) async fn kill(mut self) -> Api {
        self.child.kill().await.expect("it is killed");
        self.api.clone()
    }

    /// SIGTERM; gives how it ended.
    pub(crate) async fn stop(self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended().await
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .expect("the server ends in time")
            .expect("how it ended")
    }
}

impl Api {
    fn new() -> Self {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(PATIENCE)
            .build()
            .expect("an HTTP client");
        Self {
            http,
            place: Arc::default(),
            user: None,
        }
    }

    /// The same on behalf of somebody else.
    pub(crate) fn acting_as(&self, user: &str) -> Self {
        Self {
            user: Some(user.to_owned()),
            ..self.clone()
        }
    }

    /// Base of the address.
    pub(crate) fn base(&self) -> String {
        self.place.lock().base.clone()
    }

    /// The administrator's token.
    pub(crate) fn token(&self) -> String {
        self.place.lock().token.clone()
    }

    /// A request with the token; `path` from the root.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let Place { base, token } = self.place.lock().clone();
        let request = self
            .http
            .request(method, format!("{base}{path}"))
            .bearer_auth(token);
        match &self.user {
            Some(user) => request.header("X-Sayso-User", user),
            None => request,
        }
    }

    /// Sends; `None` when there was no answer.
    pub(crate) async fn try_send(&self, request: RequestBuilder) -> Option<Answer> {
        let response = request.timeout(PATIENCE).send().await.ok()?;
        let status = response.status().as_u16();
        let text = response.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Some(Answer { status, body })
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Asks for an execution.
    pub(crate) async fn run(&self, action: &str, parameters: Value) -> Answer {
        let body = json!({"action": action, "parameters": parameters});
        self.post("/api/v1/executions", &body).await
    }

    /// Asks for an execution, which must be accepted; gives its id.
    #[track_caller]
    pub(crate) fn started(&self, action: &str, parameters: Value) -> impl Future<Output = String> {
        let caller = std::panic::Location::caller();
        let api = self.clone();
        let action = action.to_owned();
        async move {
            let answer = api.run(&action, parameters).await;
            assert_eq!(answer.status, 201, "{caller}: {:#}", answer.body);
            answer.body["id"].as_str().expect("an id").to_owned()
        }
    }

    /// The execution as it is now.
    pub(crate) async fn execution(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/executions/{id}")).await.with(200)
    }

    /// Waits until the execution has one of these states.
    #[track_caller]
    pub(crate) fn becomes(&self, id: &str, states: &[&str]) -> impl Future<Output = Value> {
        eventually(format!("execution {id} is one of {states:?}"), async move || {
            let execution = self.execution(id).await;
            let state = execution["status"].as_str().unwrap_or_default().to_owned();
            states.contains(&state.as_str()).then_some(execution)
        })
    }

    /// Waits until the execution is over.
    #[track_caller]
    pub(crate) fn over(&self, id: &str) -> impl Future<Output = Value> {
        self.becomes(id, &["succeeded", "failed", "timeout", "abandoned", "canceled"])
    }

    /// Starts an execution and waits until it is over.
    pub(crate) async fn outcome(&self, action: &str, parameters: Value) -> Value {
        let id = self.started(action, parameters).await;
        self.over(&id).await
    }

    /// How long the server takes to accept and commit a `core.noop`.
    pub(crate) async fn pulse(&self) -> Duration {
        let started = std::time::Instant::now();
        self.run("core.noop", json!({})).await.with(201);
        started.elapsed()
    }
}
