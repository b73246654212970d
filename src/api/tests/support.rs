//! A whole server in a temporary folder: real store, engine, runners, content and router, no socket.

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::access::{AccessOptions, People, Policy, Principal, Tokens};
use crate::api::client::{Client, RawAnswer};
use crate::api::metrics::ExecutionCounter;
use crate::api::{ApiOptions, ApiParts, ApiState, router};
use crate::content::{Checks, Content, Options};
use crate::datastore::{Datastore, KeyObserver, Keys};
use crate::engine::{Catalogue, Engine, EngineOptions, EngineParts, KeySource, SecretKey};
use crate::expr::jinja::Jinja;
use crate::model::{Action, Id, JsonMap};
use crate::runners::{RunnerOptions, builtin};
use crate::store::Store;
use crate::store::sqlite::{SqliteOptions, SqliteStore};

pub(super) const TOKEN: &str = "the-administrators-token-in-tests";
pub(super) const USER: &str = "testu";

/// Files of the pack that the recorded calls are about.
const PACK: [(&str, &str); 4] = [
    (
        "pack.yaml",
        "name: default\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.org\ncontributors: [a]\n\
         python_versions: ['3']\n",
    ),
    (
        "actions/shape_act.yaml",
        "name: shape_act\nrunner_type: local-shell-cmd\nenabled: true\nentry_point: ''\ndescription: d2\n\
         parameters:\n  cmd: {type: string, default: 'echo {{x}}', immutable: true}\n  x: {type: integer, required: true}\n  \
         sec: {type: string, secret: true}\ntags: [{name: a, value: b}]\n",
    ),
    (
        "aliases/shape_alias.yaml",
        "name: shape_alias\naction_ref: core.local\ndescription: d\nformats:\n  - 'shape run {{cmd}} please'\n  \
         - {display: 'shape show {{x}}', representation: ['shape show {{x}}']}\nack: {format: Working, append_url: false}\n\
         result: {format: 'done {{execution.status}}', extra: {slack: {color: red}}}\n",
    ),
    (
        "aliases/acknowledged.yaml",
        "name: acknowledged\naction_ref: core.local\nformats: ['acknowledge {{cmd}}']\nack:\n  \
         format: 'runs {{ execution.parameters.cmd }} for {{ execution.context.api_user }}'\n  \
         extra: {slack: {color: '{{ actionalias.name }}', bad: '{{ nosuch }}'}}\n\
         immutable_parameters: {timeout: 7}\n",
    ),
];

struct Actions(Arc<Content>, Arc<crate::events::PolicyBook>);

impl Catalogue for Actions {
    fn policies(&self, action: &str) -> Option<Arc<[Arc<crate::policies::Policy>]>> {
        self.1.of(action)
    }
    fn policed(&self) -> Vec<String> {
        self.1.by_action().keys().cloned().collect()
    }
    fn action(&self, reference: &str) -> Option<Arc<Action>> {
        self.0.snapshot().action(reference).cloned()
    }
    fn nearest(&self, reference: &str) -> Option<String> {
        self.0.snapshot().nearest_action(reference).map(str::to_owned)
    }
    fn config(&self, pack: &str) -> Arc<JsonMap> {
        let snapshot = self.0.snapshot();
        snapshot
            .packs
            .get(pack)
            .map(|pack| Arc::clone(&pack.config))
            .unwrap_or_default()
    }
    fn config_schema(&self, pack: &str) -> Option<JsonMap> {
        self.0.snapshot().packs.get(pack)?.config_schema.clone()
    }
}

/// A running server.
pub(super) struct Server {
    pub(super) state: ApiState,
    pub(super) router: Router,
    pub(super) client: Client,
    pub(super) shutdown: CancellationToken,
    dir: TempDir,
}

impl Server {
    pub(super) async fn new() -> Self {
        Self::with(ApiOptions::default(), "").await
    }

    /// With these settings of the API and of `[access]`.
    pub(super) async fn with(options: ApiOptions, access: &str) -> Self {
        Self::with_chat(options, access, None).await
    }

    pub(super) async fn with_chat(options: ApiOptions, access: &str, chat: Option<Router>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let packs = dir.path().join("packs");
        for (file, text) in PACK {
            let path = packs.join("default").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let content = Arc::new(Content::load(
            Options {
                packs_dirs: vec![packs],
                ..Options::default()
            },
            Checks::default(),
        ));
        let errors: Vec<String> = content
            .snapshot()
            .errors()
            .filter(|problem| problem.file.contains("default"))
            .map(ToString::to_string)
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let store: Arc<dyn Store> = Arc::new(
            SqliteStore::open(SqliteOptions::new(dir.path().join("sayso.db")))
                .await
                .unwrap(),
        );
        let access: AccessOptions = toml::from_str(access).unwrap();
        let access = AccessOptions {
            token_user: USER.to_owned(),
            ..access
        };
        let policy = Arc::new(Policy::new(access).unwrap());
        let book = crate::events::RuleBook::load(Arc::clone(&content), Arc::clone(&store), Arc::default())
            .await
            .unwrap();
        let book = Arc::new(book);
        let own = Arc::new(crate::events::OwnEvents(Arc::clone(&book)));
        let key = SecretKey::new([7; 32]);
        let watchers: Vec<Arc<dyn KeyObserver>> = vec![Arc::clone(&own) as _];
        let open = policy.options().mode == crate::access::Mode::Open;
        let datastore = Datastore::load(Arc::clone(&store), key.clone(), watchers, open)
            .await
            .unwrap();
        let keys: Arc<dyn KeySource> = Arc::new(Keys(Arc::clone(&datastore)));
        let notices = crate::chat::notices::Notices::load(3, &*store).await.unwrap();
        let engine = Engine::start(EngineParts {
            options: EngineOptions::default(),
            store,
            catalogue: Arc::new(Actions(Arc::clone(&content), Arc::clone(book.policies()))),
            runners: builtin(RunnerOptions::default()),
            authority: Arc::clone(&policy) as Arc<dyn crate::access::Authority>,
            observers: vec![
                Arc::new(ExecutionCounter),
                own,
                Arc::new(crate::events::Notifications {
                    book: Arc::clone(&book),
                    jinja: Arc::default(),
                    keys: None,
                    conversations: notices,
                }),
            ],
            key,
            keys: Some(Arc::clone(&keys)),
            jinja: Arc::new(Jinja::default()),
            evaluator: Arc::new(crate::app::evaluator(crate::expr::template::Limits::default())),
            api_url: String::new(),
            scratch: dir.path().join("scratch"),
        })
        .await
        .unwrap();
        let mut tokens = Tokens::default();
        let identity = Arc::new(policy.identity(USER, "token"));
        tokens.add(
            TOKEN,
            Principal {
                identity,
                may_act_as_others: true,
            },
        );
        let shutdown = CancellationToken::new();
        let reloaded = Arc::clone(&content);
        let people = People::load(Arc::clone(&policy), Arc::clone(engine.store()))
            .await
            .unwrap();
        let events = events(engine.clone(), book, &policy, keys.of("sayso", true));
        tokio::spawn(events.clone().work());
        let (mut changes, looking) = (datastore.subscribe(), events.clone());
        tokio::spawn(async move {
            while changes.recv().await.is_ok() {
                looking.look();
            }
        });
        let sensors = crate::sensors::Sensors::load(crate::sensors::SensorParts {
            configuration: None,
            options: crate::sensors::SensorOptions::default(),
            content: Arc::clone(&content),
            events: events.clone(),
            store: Arc::clone(engine.store()),
            datastore: None,
            scratch: dir.path().join("scratch"),
            pace: crate::sensors::Pace::default(),
        })
        .await
        .unwrap();
        let state = ApiState::new(ApiParts {
            options,
            retention: crate::retention::Retention::new(
                crate::retention::RetentionOptions::default(),
                Arc::clone(engine.store()),
            ),
            engine,
            events,
            keys: datastore,
            sensors,
            content,
            policy,
            people,
            tokens,
            reload: Arc::new(move |_| {
                let report = reloaded.reload();
                async move { Ok(json!(report)) }.boxed()
            }),
            condition: None,
            chat,
            shutdown: shutdown.clone(),
        });
        state.set_ready();
        let router = router(&state);
        let client = Client::in_process(router.clone(), TOKEN).unwrap();
        Self {
            state,
            router,
            client,
            shutdown,
            dir,
        }
    }

    /// Events as after a restart: nothing in memory but what is stored.
    pub(super) async fn events_anew(&self) -> crate::events::Events {
        let state = &self.state;
        let book = Arc::clone(state.events().book());
        let policy = Arc::new(Policy::new(AccessOptions::default()).unwrap());
        let keys = Keys(Arc::clone(state.keys())).of("sayso", true);
        let events = events(state.engine().clone(), book, &policy, keys);
        events.load_windows().await.unwrap();
        events
    }

    /// The folder with the packs.
    pub(super) fn packs(&self) -> std::path::PathBuf {
        self.dir.path().join("packs")
    }

    /// A client without a token.
    pub(super) fn stranger(&self) -> Client {
        Client::in_process(self.router.clone(), "").unwrap()
    }

    /// Sends a request with these headers and gives status, headers and the body as JSON (or as text).
    pub(super) async fn send(
        &self,
        client: &Client,
        method: &str,
        path: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> (StatusCode, HeaderMap, Value) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let RawAnswer {
            status,
            headers,
            body,
        } = client.send_raw(method, path, map, body.into()).await.unwrap();
        let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
        (
            status,
            headers,
            serde_json::from_slice(&body).unwrap_or_else(|_| text()),
        )
    }

    /// Requests an execution and waits for its end.
    pub(super) async fn run(&self, action: &str, parameters: &Value) -> Value {
        let body = json!({"action": action, "parameters": parameters});
        let accepted = self.client.post("/api/v1/executions", Some(&body)).await.unwrap();
        self.ended(accepted["id"].as_str().unwrap()).await
    }

    /// The execution once it has ended.
    pub(super) async fn ended(&self, id: &str) -> Value {
        self.state.engine().wait(id.parse::<Id>().unwrap()).await.unwrap();
        self.client
            .get(&format!("/api/v1/executions/{id}"))
            .await
            .unwrap()
    }
}

fn events(
    engine: Engine,
    book: Arc<crate::events::RuleBook>,
    policy: &Arc<Policy>,
    keys: Arc<dyn crate::expr::jinja::KeyLookup>,
) -> crate::events::Events {
    let who = Arc::clone(policy);
    crate::events::Events::new(crate::events::EventParts {
        engine,
        book,
        identities: Arc::new(move |user: &str| who.identity(user, "rule")),
        system_user: "sayso".to_owned(),
        keys: Some(keys),
        jinja: Arc::default(),
        conversations: None,
        zone: "UTC".to_owned(),
        options: crate::events::EventOptions::default(),
    })
}
