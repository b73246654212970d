//! A pack in a temporary folder, and everything that its sensors need.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::access::{AccessOptions, Policy};
use crate::content::{Checks, Content, Options};
use crate::engine::{Catalogue, Engine, EngineOptions, EngineParts, SecretKey};
use crate::events::{EventParts, Events, RuleBook};
use crate::expr::jinja::Jinja;
use crate::model::{Action, JsonMap, TriggerInstance};
use crate::runners::{RunnerOptions, builtin};
use crate::sensors::{Pace, SensorOptions, SensorParts, Sensors, State, Status};
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{InstanceFilter, Page, SortOrder, Store};

/// How long a test waits for what is to happen; far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until `look` sees something.
pub(super) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for this: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

struct Actions(Arc<Content>);

impl Catalogue for Actions {
    fn action(&self, reference: &str) -> Option<Arc<Action>> {
        self.0.snapshot().action(reference).cloned()
    }
    fn nearest(&self, _reference: &str) -> Option<String> {
        None
    }
    fn config(&self, _pack: &str) -> Arc<JsonMap> {
        Arc::default()
    }
}

pub(super) struct World {
    pub(super) dir: TempDir,
    pub(super) content: Arc<Content>,
    pub(super) store: Arc<dyn Store>,
    pub(super) events: Events,
    pub(super) sensors: Sensors,
    pub(super) options: SensorOptions,
}

impl World {
    /// A world with the pack `trial`, and sensors that wait shortly before they are started again.
    pub(super) async fn new(files: &[(&str, &str)]) -> Self {
        Self::with(files, SensorOptions::default()).await
    }

    pub(super) async fn with(files: &[(&str, &str)], options: SensorOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let about = "name: trial\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.org\n";
        write(&dir.path().join("packs/trial/pack.yaml"), about);
        write(&dir.path().join("configs/trial.yaml"), "colour: red\n");
        for (file, text) in files {
            write(&dir.path().join("packs/trial").join(file), text);
        }
        let content = Arc::new(Content::load(
            Options {
                builtin: true,
                packs_dirs: vec![dir.path().join("packs")],
                configs_dir: Some(dir.path().join("configs")),
                ..Options::default()
            },
            Checks::default(),
        ));
        let problems: Vec<String> = content.snapshot().errors().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "{problems:#?}");
        let store: Arc<dyn Store> = Arc::new(
            SqliteStore::open(SqliteOptions::new(dir.path().join("sayso.db")))
                .await
                .unwrap(),
        );
        let access: AccessOptions = toml::from_str("mode = \"open\"").unwrap();
        let policy = Arc::new(Policy::new(access).unwrap());
        let book = RuleBook::load(Arc::clone(&content), Arc::clone(&store), Arc::default())
            .await
            .unwrap();
        let engine = Engine::start(EngineParts {
            options: EngineOptions::default(),
            store: Arc::clone(&store),
            catalogue: Arc::new(Actions(Arc::clone(&content))),
            runners: builtin(RunnerOptions::default()),
            authority: Arc::clone(&policy) as Arc<dyn crate::access::Authority>,
            observers: Vec::new(),
            key: SecretKey::new([7; 32]),
            keys: None,
            jinja: Arc::new(Jinja::default()),
            evaluator: Arc::new(crate::app::evaluator(crate::expr::template::Limits::default())),
            api_url: String::new(),
            scratch: dir.path().join("scratch"),
        })
        .await
        .unwrap();
        let events = Events::new(EventParts {
            engine,
            book: Arc::new(book),
            identities: Arc::new(move |user: &str| policy.identity(user, "rule")),
            system_user: "sayso".to_owned(),
            options: crate::events::EventOptions::default(),
            keys: None,
            jinja: Arc::default(),
            conversations: None,
            zone: "UTC".to_owned(),
        });
        let sensors = load(&dir, &content, &store, &events, &options).await;
        Self {
            dir,
            content,
            store,
            events,
            sensors,
            options,
        }
    }

    /// Stops the sensors and begins anew with what the store holds.
    pub(super) async fn restart(&mut self) {
        self.sensors.stop().await;
        self.sensors = load(&self.dir, &self.content, &self.store, &self.events, &self.options).await;
        self.sensors.start();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file of the pack; it is in force after [`World::reload`].
    pub(super) fn write(&self, file: &str, text: &str) {
        write(&self.dir.path().join("packs/trial").join(file), text);
    }

    pub(super) async fn reload(&self) {
        let content = Arc::clone(&self.content);
        tokio::task::spawn_blocking(move || content.reload())
            .await
            .unwrap();
    }

    /// Makes a rule that does nothing on a trigger.
    pub(super) async fn rule(&self, name: &str, kind: &str, parameters: Json) {
        let rule = json!({
            "name": name, "pack": "trial", "enabled": true,
            "trigger": {"type": kind, "parameters": parameters},
            "action": {"ref": "core.noop", "parameters": {}},
        });
        let book = self.events.book();
        let rule = book.read(&rule, "UTC").unwrap();
        book.create(rule, "ana").await.unwrap();
    }

    pub(super) fn status(&self, sensor: &str) -> Status {
        self.sensors
            .get(&format!("trial.{sensor}"))
            .unwrap_or_else(|| panic!("there is no sensor {sensor}"))
            .status
    }

    /// Waits until a sensor is in a state; gives what is known of it then.
    pub(super) async fn becomes(&self, sensor: &str, state: State) -> Status {
        eventually(&format!("{sensor} is {state:?}"), async || {
            let status = self.status(sensor);
            (status.state == state).then_some(status)
        })
        .await
    }

    /// The payloads of the events of a type, oldest first.
    pub(super) async fn payloads(&self, kind: &str) -> Vec<Json> {
        let mut all = self.instances(kind).await;
        all.sort_by_key(|instance| instance.id);
        all.iter().map(|instance| (*instance.payload).clone()).collect()
    }

    pub(super) async fn instances(&self, kind: &str) -> Vec<TriggerInstance> {
        let page = Page {
            order: SortOrder::default(),
            after: None,
            offset: 0,
            limit: None,
            count: false,
        };
        let all = self
            .store
            .instances(InstanceFilter::default(), page)
            .await
            .unwrap();
        all.items
            .into_iter()
            .filter(|instance| instance.detail.type_ref == kind)
            .collect()
    }

    /// Waits until so many events of a type are stored, and gives their payloads.
    pub(super) async fn stored(&self, kind: &str, count: usize) -> Vec<Json> {
        eventually(&format!("{count} events of {kind}"), async || {
            let payloads = self.payloads(kind).await;
            (payloads.len() >= count).then_some(payloads)
        })
        .await
    }

    /// Waits until a file holds a text.
    pub(super) async fn says(&self, file: &str, text: &str) -> String {
        let path = self.path(file);
        eventually(&format!("{file} says {text}"), async || {
            let found = std::fs::read_to_string(&path).ok()?;
            found.contains(text).then_some(found)
        })
        .await
    }
}

async fn load(
    dir: &TempDir,
    content: &Arc<Content>,
    store: &Arc<dyn Store>,
    events: &Events,
    options: &SensorOptions,
) -> Sensors {
    Sensors::load(SensorParts {
        configuration: None,
        options: options.clone(),
        content: Arc::clone(content),
        events: events.clone(),
        store: Arc::clone(store),
        datastore: None,
        scratch: dir.path().join("scratch"),
        pace: Pace {
            first: Duration::from_millis(20),
            longest: Duration::from_millis(200),
            healthy: Duration::from_secs(60),
        },
    })
    .await
    .unwrap()
}

pub(super) fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    // In place of the old file: that may be running.
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::rename(&new, path).unwrap();
}

/// Metadata of a sensor of the pack `trial` with a trigger type `happened`.
pub(super) fn about(class_name: &str, file: &str) -> String {
    format!(
        "class_name: {class_name}\nentry_point: {file}\npoll_interval: 7\ntrigger_types:\n  - name: happened\n    \
         payload_schema: {{type: object, properties: {{n: {{type: integer}}}}}}\n"
    )
}

/// Whether there is a process with this number that has not ended.
pub(super) fn lives(pid: u32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = text
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next());
    state.is_some_and(|state| state != 'Z')
}
