//! A bot in a temporary folder and a platform that people talk on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::access::{AccessOptions, AllowRule, Mode, People, Policy};
use crate::chat::Asks;
use crate::chat::card::Style;
use crate::chat::cards::{Cards, Owners};
use crate::chat::gateway::{
    Capabilities, Dialect, Gateway, Inbound, Limits, Markup, Receipt, Rendered, SendError, Sent,
};
use crate::chat::identities::LinkedIdentities;
use crate::chat::{BuiltinRunner, ChatOptions, Clock, ContentShelf, Hub, HubParts, OutboxOptions, Patience};
use crate::content::{self, Checks, Content};
use crate::datastore::{Datastore, Keys};
use crate::engine::{Catalogue, Engine, EngineOptions, EngineParts, SecretKey};
use crate::events::{EventParts, Events, RuleBook};
use crate::expr::jinja::Jinja;
use crate::model::{Action, Id, Identity, JsonMap, OutputStream, Place, Status, Timestamp};
use crate::runners::{self, Job, Outcome, Runner, RunnerSpec};
use crate::store::Store;
use crate::store::sqlite::{SqliteOptions, SqliteStore};

/// A test that waits longer than this has failed.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// Waits for something that must come.
pub(super) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come"))
}

struct Actions(Arc<Content>);

impl Catalogue for Actions {
    fn action(&self, reference: &str) -> Option<Arc<Action>> {
        self.0.snapshot().action(reference).cloned()
    }
    fn nearest(&self, reference: &str) -> Option<String> {
        self.0.snapshot().nearest_action(reference).map(str::to_owned)
    }
    fn config(&self, _: &str) -> Arc<JsonMap> {
        Arc::default()
    }
    fn alias_approval(&self, alias: &str) -> Option<JsonMap> {
        self.0.snapshot().aliases.get(alias)?.approval.clone()
    }
}

/// A runner whose jobs do what the test says: they end with what is sent to them.
pub(super) struct Puppet {
    spec: RunnerSpec,
    jobs: mpsc::UnboundedSender<Job>,
    outcomes: tokio::sync::Mutex<mpsc::UnboundedReceiver<Outcome>>,
}

impl Runner for Puppet {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }
    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let cancel = job.cancel.clone();
            self.jobs.send(job).unwrap();
            let mut outcomes = self.outcomes.lock().await;
            tokio::select! {
                outcome = outcomes.recv() => outcome.unwrap(),
                () = cancel.cancelled() => Outcome::new(Status::Canceled, json!({"error": "canceled"})),
            }
        })
    }
}

/// A platform: keeps what was posted, and refuses what the test plans.
pub(super) struct Platform {
    name: String,
    pub(super) can: Mutex<Capabilities>,
    posted: mpsc::UnboundedSender<Rendered>,
    inbox: tokio::sync::Mutex<mpsc::UnboundedReceiver<Rendered>>,
    pub(super) plan: Mutex<VecDeque<SendError>>,
    pub(super) tries: AtomicUsize,
}

impl Platform {
    pub(super) fn new(name: &str) -> Arc<Self> {
        let (posted, inbox) = mpsc::unbounded_channel();
        Arc::new(Self {
            name: name.to_owned(),
            can: Mutex::new(Capabilities {
                limits: Limits {
                    text: 4000,
                    file: 1 << 20,
                    lines: 20,
                    post_interval: Duration::ZERO,
                    edit_interval: Duration::ZERO,
                    edits: None,
                    in_flight: 4,
                },
                can_edit: true,
                can_thread: false,
                files: true,
                markup: Markup::Plain,
                can_recall: false,
                hears_silence: false,
            }),
            posted,
            inbox: tokio::sync::Mutex::new(inbox),
            plan: Mutex::default(),
            tries: AtomicUsize::new(0),
        })
    }

    /// The next message that was posted.
    pub(super) async fn next(&self) -> Rendered {
        soon("a message", async {
            self.inbox.lock().await.recv().await.unwrap()
        })
        .await
    }

    /// The next final answer; what comes before it is read over.
    pub(super) async fn until_final(&self) -> Rendered {
        loop {
            let message = self.next().await;
            if message.is_final {
                return message;
            }
        }
    }

    /// The next message that is no passing progress.
    pub(super) async fn text(&self) -> String {
        loop {
            let message = self.next().await;
            if message.id.is_some() {
                return message.text;
            }
        }
    }

    /// Nothing was posted that nobody read.
    pub(super) async fn assert_quiet(&self) {
        if let Ok(message) = self.inbox.lock().await.try_recv() {
            panic!("nobody expected: {}", message.card.text(Style::Plain));
        }
    }
}

impl Gateway for Platform {
    fn name(&self) -> &str {
        &self.name
    }
    fn capabilities(&self) -> Capabilities {
        *self.can.lock()
    }
    fn send(&self, message: Rendered) -> BoxFuture<'_, Result<Sent, SendError>> {
        self.tries.fetch_add(1, Ordering::Relaxed);
        let answer = match self.plan.lock().pop_front() {
            Some(error) => Err(error),
            None => {
                let new = || format!("{}/{}", message.place.conversation, Id::new());
                let message_ref = message.edit.clone().unwrap_or_else(new);
                self.posted.send(message).unwrap();
                Ok(Sent { message_ref })
            }
        };
        Box::pin(std::future::ready(answer))
    }
}

/// The whole bot.
pub(super) struct Bot {
    pub(super) people: Arc<People>,
    pub(super) folder: TempDir,
    pub(super) store: Arc<SqliteStore>,
    pub(super) engine: Engine,
    pub(super) hub: Hub,
    pub(super) platform: Arc<Platform>,
    jobs: tokio::sync::Mutex<mpsc::UnboundedReceiver<Job>>,
    pub(super) outcomes: mpsc::UnboundedSender<Outcome>,
}

pub(super) fn patience() -> OutboxOptions {
    OutboxOptions {
        patience: Patience {
            give_up: Duration::from_secs(3600),
            first_retry: Duration::from_millis(20),
            longest_retry: Duration::from_millis(50),
        },
        fallback: Duration::from_secs(60),
    }
}

pub(super) fn write(path: std::path::PathBuf, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Pack `t`: aliases for everything that conversations need.
pub(super) fn pack(root: &std::path::Path) {
    let pack = root.join("packs/t");
    write(
        pack.join("pack.yaml"),
        "ref: t\nname: t\ndescription: For tests.\nversion: 1.0.0\nauthor: ana\nemail: a@b.co\n",
    );
    let action = |name: &str, more: &str| {
        let text = format!(
            "name: {name}\nrunner_type: puppet\nenabled: true\nentry_point: ''\ndescription: Does {name}.\n{more}"
        );
        write(pack.join(format!("actions/{name}.yaml")), &text);
    };
    action(
        "deploy",
        "parameters:\n  app:\n    type: string\n    required: true\n  count:\n    type: integer\n  env:\n    type: string\n  who:\n    type: string\n",
    );
    action("quiet", "parameters: {}\n");
    action("resting", "parameters: {}\n");
    write(
        pack.join("actions/resting.yaml"),
        "name: resting\nrunner_type: puppet\nenabled: false\nentry_point: ''\nparameters: {}\n",
    );
    action(
        "ticket",
        "parameters:\n  key:\n    type: string\n    required: true\n",
    );
    let alias = |name: &str, text: &str| {
        write(
            pack.join(format!("aliases/{name}.yaml")),
            &format!("name: {name}\n{text}"),
        )
    };
    alias(
        "deploy",
        "action_ref: t.deploy\ndescription: Deploy an app.\nformats:\n  - 'deploy {{app}} to {{env=staging}}'\nack:\n  format: 'Deploying {{ execution.parameters.app }}.'\n  append_url: false\n",
    );
    alias(
        "ship",
        "action_ref: t.deploy\ndescription: Ship it.\nformats:\n  - 'ship {{app}}'\nimmutable_parameters:\n  who: '{{ api_user }}'\nresult:\n  format: 'shipped{~}to {{ execution.parameters.env }}\n\n    ```\n\n    {{ execution.result.stdout }}\n\n    ```'\n",
    );
    alias(
        "quiet",
        "action_ref: t.quiet\nformats:\n  - 'be quiet'\nack:\n  enabled: false\nresult:\n  enabled: false\n",
    );
    write(
        pack.join("actions/flow.yaml"),
        "name: flow\nrunner_type: orquesta\nenabled: true\nentry_point: workflows/flow.yaml\nparameters: {}\n",
    );
    write(
        pack.join("actions/workflows/flow.yaml"),
        "version: 1.0\ntasks:\n  first:\n    action: t.quiet\n    next:\n      - when: <% succeeded() %>\n        do: second\n  second:\n    action: t.quiet\n",
    );
    alias("flow", "action_ref: t.flow\nformats:\n  - 'flow now'\n");
    alias("resting", "action_ref: t.resting\nformats:\n  - 'switched off'\n");
    alias(
        "one",
        "action_ref: t.quiet\nformats:\n  - display: 'go one'\n    representation: ['go (?P<x>one|two)']\n",
    );
    alias(
        "two",
        "action_ref: t.quiet\nformats:\n  - display: 'go two'\n    representation: ['go (?P<y>two|three)']\n",
    );
    alias(
        "ticket",
        "action_ref: t.ticket\nformats:\n  - display: 'fix ABC-1'\n    representation: ['(?:\\b|^)fix (?P<key>[A-Z]+-\\d+)(?:\\b|$)']\n    match_multiple: true\nack:\n  enabled: false\n",
    );
}

impl Bot {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        pack(folder.path());
        Self::on(folder, Platform::new("fake")).await
    }

    /// Starts on a folder that may have been used before.
    pub(super) async fn on(folder: TempDir, platform: Arc<Platform>) -> Self {
        Self::with(folder, platform, None).await
    }

    /// The same with a clock of the test's for chat.
    pub(super) async fn timed(folder: TempDir, platform: Arc<Platform>, clock: Clock) -> Self {
        Self::with(folder, platform, Some(clock)).await
    }

    async fn with(folder: TempDir, platform: Arc<Platform>, clock: Option<Clock>) -> Self {
        let store = SqliteStore::open(SqliteOptions::new(folder.path().join("sayso.db")))
            .await
            .unwrap();
        let store = Arc::new(store);
        let options = content::Options {
            packs_dirs: vec![folder.path().join("packs")],
            ..content::Options::default()
        };
        let checks = Checks::new(std::collections::BTreeMap::default(), |_| Vec::new());
        let content = Arc::new(Content::load(options, checks));
        let snapshot = content.snapshot();
        let problems: Vec<_> = snapshot.errors().collect();
        assert!(problems.is_empty(), "{problems:?}");
        let rule = |who: &str, actions: &str| AllowRule {
            who: vec![who.to_owned()],
            actions: vec![actions.to_owned()],
            ..AllowRule::default()
        };
        let policy = Policy::new(AccessOptions {
            mode: Mode::Closed,
            admins: vec!["ana".to_owned()],
            allow: vec![rule("bo", "t.*"), rule("bo", "chatops.*")],
            ..AccessOptions::default()
        });
        let policy = Arc::new(policy.unwrap());
        let (jobs, received) = mpsc::unbounded_channel();
        let (outcomes, planned) = mpsc::unbounded_channel();
        let builtin = Arc::new(BuiltinRunner::new());
        let mut runners = runners::builtin(runners::RunnerOptions::default());
        runners.add(Arc::clone(&builtin) as Arc<dyn Runner>);
        runners.add(Arc::new(Puppet {
            spec: RunnerSpec {
                name: "puppet",
                description: "Does what the test says.",
                package: "puppet",
                module: "puppet",
                parameters: JsonMap::new(),
                output_key: None,
                pure: false,
            },
            jobs,
            outcomes: tokio::sync::Mutex::new(planned),
        }));
        let people = People::load(Arc::clone(&policy), Arc::clone(&store) as _)
            .await
            .unwrap();
        let datastore = Datastore::load(
            Arc::clone(&store) as _,
            SecretKey::new([3; 32]),
            Vec::new(),
            false,
        )
        .await
        .unwrap();
        let engine = Engine::start(EngineParts {
            options: EngineOptions::default(),
            store: Arc::clone(&store) as Arc<dyn Store>,
            catalogue: Arc::new(Actions(Arc::clone(&content))),
            runners,
            authority: Arc::clone(&policy) as _,
            observers: vec![
                Arc::new(Cards),
                Arc::new(Asks),
                Arc::new(Owners(Arc::clone(&people))),
            ],
            key: SecretKey::new([3; 32]),
            keys: Some(Arc::new(Keys(Arc::clone(&datastore)))),
            jinja: Arc::new(Jinja::default()),
            evaluator: Arc::new(crate::app::evaluator(crate::expr::template::Limits::default())),
            api_url: String::new(),
            scratch: folder.path().join("scratch"),
        })
        .await
        .unwrap();
        let book = RuleBook::load(
            Arc::clone(&content),
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::default(),
        );
        let who = Arc::clone(&policy);
        builtin.give_events(Events::new(EventParts {
            engine: engine.clone(),
            book: Arc::new(book.await.unwrap()),
            identities: Arc::new(move |user: &str| who.identity(user, "rule")),
            system_user: "sayso".to_owned(),
            options: crate::events::EventOptions::default(),
            keys: None,
            jinja: Arc::default(),
            conversations: None,
            zone: "UTC".to_owned(),
        }));
        let hub = Hub::start(HubParts {
            engine: engine.clone(),
            shelf: Arc::new(ContentShelf::new(content)),
            authority: policy,
            people: Some(Arc::clone(&people)),
            conversations: crate::chat::conversations::Conversations::load(Arc::clone(&store) as _)
                .await
                .unwrap(),
            keys: Some(datastore),
            identities: Arc::new(LinkedIdentities::new(Arc::clone(&people))),
            builtin,
            options: ChatOptions {
                outbox: patience(),
                ..ChatOptions::default()
            },
            clock,
        });
        hub.attach(Arc::clone(&platform) as Arc<dyn Gateway>);
        Self {
            folder,
            store,
            people,
            engine,
            hub,
            platform,
            jobs: tokio::sync::Mutex::new(received),
            outcomes,
        }
    }

    pub(super) fn message(&self, who: &str, text: &str) -> Inbound {
        Inbound {
            key: format!("fake:{}", Id::new()),
            place: Place {
                gateway: "fake".to_owned(),
                conversation: "C1".to_owned(),
                thread: None,
                name: Some("#ops".to_owned()),
            },
            dialect: Dialect::Slack,
            account: format!("fake:{who}"),
            display_name: who.to_owned(),
            email: None,
            identity: Some(self.hub.named(who, "fake")),
            text: text.to_owned(),
            is_direct: true,
            mentions_bot: false,
            bot: None,
            edited: false,
            reply_to: None,
            picked: None,
            private: false,
            reply: None,
            received: Timestamp::now(),
        }
    }

    /// Somebody says something; the receipt is there when everything is committed.
    pub(super) async fn says(&self, who: &str, text: &str) -> Receipt {
        let message = self.message(who, text);
        soon("the receipt", self.hub.receive(message)).await.unwrap()
    }

    /// Somebody says something and reads the next message.
    pub(super) async fn asks(&self, who: &str, text: &str) -> String {
        self.says(who, text).await;
        self.platform.text().await
    }

    /// The next job that a puppet was given.
    pub(super) async fn job(&self) -> Job {
        soon("a job", async { self.jobs.lock().await.recv().await.unwrap() }).await
    }

    /// Ends the job at hand.
    pub(super) fn ends(&self, status: Status, result: Value) {
        self.outcomes.send(Outcome::new(status, result)).unwrap();
    }

    pub(super) async fn writes(job: &Job, text: &str) {
        job.output.write(OutputStream::Stdout, text.to_owned()).await;
    }

    /// Stops everything; nothing may be left unread.
    pub(super) async fn stop(self) -> TempDir {
        self.platform.assert_quiet().await;
        self.hub.shutdown().await;
        self.engine.drain().await;
        self.store.close().await;
        self.folder
    }

    pub(super) fn identity(&self, user: &str) -> Arc<Identity> {
        Arc::new(self.hub.named(user, "test"))
    }
}
