//! A small engine in a temporary folder.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::access::{Ask, Authority};
use crate::engine::{Catalogue, Engine, EngineOptions, EngineParts, SecretKey, Submit};
use crate::expr::template::{Evaluator, Limits, Surroundings};
use crate::expr::value::{Date, DateTime};
use crate::model::{Action, Decision, Id, Identity, JsonMap, Need, Place};
use crate::policies::Policy;
use crate::runners::{self, Job, Outcome, Runner, RunnerSpec, Runners};
use crate::store::Store;
use crate::store::sqlite::{SqliteOptions, SqliteStore};

/// Actions by reference.
#[derive(Default)]
pub(super) struct Actions {
    pub(super) actions: Mutex<BTreeMap<String, Arc<Action>>>,
    pub(super) policies: Mutex<BTreeMap<String, Arc<[Arc<Policy>]>>>,
}

impl Catalogue for Actions {
    fn action(&self, reference: &str) -> Option<Arc<Action>> {
        self.actions.lock().get(reference).cloned()
    }
    fn nearest(&self, reference: &str) -> Option<String> {
        self.actions
            .lock()
            .keys()
            .find(|known| strsim::levenshtein(known, reference) <= 2)
            .cloned()
    }
    fn config(&self, _pack: &str) -> Arc<JsonMap> {
        Arc::default()
    }
    fn policies(&self, action: &str) -> Option<Arc<[Arc<Policy>]>> {
        self.policies.lock().get(action).cloned()
    }
    fn policed(&self) -> Vec<String> {
        self.policies.lock().keys().cloned().collect()
    }
}

/// Everybody may, except `mallory`.
pub(super) struct AllButMallory;

impl Authority for AllButMallory {
    fn decide(&self, ask: &Ask<'_>) -> Decision {
        let allowed = ask.identity.user != "mallory";
        let reason = if allowed {
            "everybody may"
        } else {
            "mallory may nothing"
        };
        Decision {
            allowed,
            reason: reason.to_owned(),
            needs: needs(&ask.action.name),
            ..Decision::default()
        }
    }
    fn could(&self, identity: &Identity, _action: &Action, _place: Option<&Place>) -> bool {
        identity.is_admin()
    }
}

/// Approvals that actions need, by the beginning of their names.
fn needs(action: &str) -> Vec<Need> {
    let by: &[&str] = match action {
        _ if action.starts_with("guarded") => &["bo"],
        _ if action.starts_with("twice") => &["bo", "cy"],
        _ => &[],
    };
    by.iter()
        .map(|by| Need {
            terms: json!({"by": by, "within": "30m"}).as_object().unwrap().clone(),
            source: format!("the test ({by})"),
        })
        .collect()
}

/// A runner that holds its jobs until the test lets them go, and tells how many it holds.
pub(super) struct Gate {
    spec: RunnerSpec,
    open: tokio::sync::watch::Sender<bool>,
    pub(super) holding: tokio::sync::watch::Sender<usize>,
    pub(super) started: Mutex<Vec<String>>,
    pub(super) panics: AtomicBool,
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        let spec = RunnerSpec {
            name: "gate",
            description: "Holds its jobs.",
            package: "gate",
            module: "gate",
            parameters: JsonMap::new(),
            output_key: None,
            pure: false,
        };
        Arc::new(Self {
            spec,
            open: tokio::sync::watch::Sender::new(false),
            holding: tokio::sync::watch::Sender::new(0),
            started: Mutex::default(),
            panics: false.into(),
        })
    }

    pub(super) fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits until so many jobs are held.
    pub(super) async fn held(&self, count: usize) {
        self.holding
            .subscribe()
            .wait_for(|held| *held == count)
            .await
            .unwrap();
    }
}

impl Runner for Gate {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }
    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            assert!(!self.panics.load(Ordering::Relaxed), "as the test wants it");
            self.started.lock().push(job.user.clone());
            self.holding.send_modify(|held| *held += 1);
            let mut open = self.open.subscribe();
            let status = tokio::select! {
                _ = open.wait_for(|open| *open) => crate::model::Status::Succeeded,
                () = job.cancel.cancelled() => crate::model::Status::Canceled,
            };
            self.holding.send_modify(|held| *held -= 1);
            Outcome::new(status, json!({"parameters": job.parameters}))
        })
    }
}

/// Expressions see a clock that stands still.
struct Still;

impl Surroundings for Still {
    fn now(&self) -> DateTime {
        DateTime::utc(Date::new(2026, 11, 22).unwrap(), 0)
    }

    fn random(&self) -> u64 {
        4
    }
}

/// An engine and all its parts.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) store: Arc<SqliteStore>,
    pub(super) engine: Engine,
    pub(super) gate: Arc<Gate>,
    pub(super) actions: Arc<Actions>,
}

#[allow(clippy::needless_pass_by_value)] // so that tests can write json!(…) in place
pub(in crate::engine) fn action(name: &str, runner: &str, parameters: Value) -> Action {
    Action {
        reference: format!("demo.{name}"),
        pack: "demo".to_owned(),
        name: name.to_owned(),
        description: String::new(),
        enabled: true,
        runner_type: runner.to_owned(),
        entry_point: String::new(),
        parameters: parameters.as_object().unwrap().clone(),
        output_schema: JsonMap::new(),
        tags: json!([]),
        notify: json!({}),
        metadata_file: format!("actions/{name}.yaml"),
        idempotent: name.starts_with("again"),
        read_only: false,
        approval: None,
        deadline_seconds: name.starts_with("brief").then_some(1),
        pack_dir: None,
        pack_version: "1.0.0".to_owned(),
        digest: format!("digest-{name}"),
        entry_point_text: None,
    }
}

impl World {
    pub(super) async fn new(options: EngineOptions) -> Self {
        Self::on(tempfile::tempdir().unwrap(), options).await
    }

    /// Starts on a folder that may have been used before.
    pub(super) async fn on(folder: TempDir, options: EngineOptions) -> Self {
        Self::with(folder, options, |store| store, None).await
    }

    /// The same, with something between engine and store, and one more runner: its actions are `demo.again_mark`, which
    /// may run again after a crash.
    pub(super) async fn with(
        folder: TempDir,
        options: EngineOptions,
        between: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
        marks: Option<Arc<dyn Runner>>,
    ) -> Self {
        let store = Arc::new(
            SqliteStore::open(SqliteOptions::new(folder.path().join("sayso.db")))
                .await
                .unwrap(),
        );
        let gate = Gate::new();
        let actions = Arc::new(Actions::default());
        super::policies::put(&actions, super::policies::STANDING);
        for action in [
            action("noop", "noop", json!({})),
            action("shell", "local-shell-cmd", json!({})),
            action(
                "hold",
                "gate",
                json!({"n": {"type": "integer"}, "pin": {"type": "string", "secret": true}}),
            ),
            action("again", "gate", json!({})),
            action("question", "inquirer", json!({})),
            action("brief", "gate", json!({})),
            action("ask", "inquirer", json!({})),
            action("approve", "approval", json!({})),
            Action {
                reference: "core.approve".to_owned(),
                ..action("core_approve", "approval", json!({}))
            },
            action(
                "guarded",
                "gate",
                json!({"pin": {"type": "string", "secret": true}}),
            ),
            action("twice", "gate", json!({})),
            action("one", "gate", json!({"n": {"type": "integer"}})),
            action("few", "gate", json!({})),
            action(
                "per_pin",
                "gate",
                json!({"pin": {"type": "string", "secret": true}}),
            ),
            action("flaky", "local-shell-cmd", json!({})),
            action("brief_again", "gate", json!({})),
        ] {
            actions
                .actions
                .lock()
                .insert(action.reference.clone(), Arc::new(action));
        }
        for (name, text) in super::flows::ALL {
            let mut flow = action(name, "orquesta", super::flows::parameters(name));
            flow.entry_point = format!("workflows/{name}.yaml");
            flow.entry_point_text = Some((*text).into());
            actions
                .actions
                .lock()
                .insert(flow.reference.clone(), Arc::new(flow));
        }
        for (name, text) in super::chains::ALL {
            let parameters = json!({"n": {"type": "integer", "default": 3}});
            let mut chain = action(name, "action-chain", parameters);
            chain.entry_point = format!("chains/{name}.yaml");
            chain.entry_point_text = Some((*text).into());
            actions
                .actions
                .lock()
                .insert(chain.reference.clone(), Arc::new(chain));
        }
        let mut runners: Runners = runners::builtin(runners::RunnerOptions::default());
        runners.add(gate.clone());
        if let Some(marks) = marks {
            let parameters = json!({"mark": {"type": "string"}, "fails": {"type": "integer"}});
            let mark = action("again_mark", marks.spec().name, parameters);
            actions
                .actions
                .lock()
                .insert(mark.reference.clone(), Arc::new(mark));
            runners.add(marks);
        }
        let engine = Engine::start(EngineParts {
            options,
            store: between(Arc::clone(&store) as Arc<dyn Store>),
            catalogue: Arc::clone(&actions) as Arc<dyn Catalogue>,
            runners,
            authority: Arc::new(AllButMallory),
            observers: Vec::new(),
            key: SecretKey::new([3; 32]),
            keys: None,
            jinja: Arc::default(),
            evaluator: Arc::new(Evaluator::new(Limits::default(), Arc::new(Still))),
            api_url: "http://127.0.0.1:9101/api/v1".to_owned(),
            scratch: folder.path().join("scratch"),
        })
        .await
        .unwrap();
        Self {
            folder,
            store,
            engine,
            gate,
            actions,
        }
    }

    /// Stops as a power cut would: nothing is drained; what was committed stays.
    pub(super) async fn crash(self) -> TempDir {
        let Self {
            folder,
            store,
            engine,
            ..
        } = self;
        drop(engine);
        store.close().await;
        folder
    }

    #[allow(clippy::needless_pass_by_value)] // as above
    pub(super) fn ask(&self, user: &str, action: &str, parameters: Value) -> Submit {
        Submit {
            action: format!("demo.{action}"),
            parameters: parameters.as_object().unwrap().clone(),
            identity: Identity {
                user: user.to_owned(),
                via: "test".to_owned(),
                ..Identity::default()
            },
            ..Submit::default()
        }
    }

    pub(super) async fn submit(&self, user: &str, action: &str, parameters: Value) -> Id {
        self.engine
            .submit(self.ask(user, action, parameters))
            .await
            .unwrap()
            .execution
            .id
    }
}
