//! An engine over a store in a folder, with the actions that a bench names.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sayso::access::{Ask, Authority};
use sayso::engine::{Catalogue, Engine, EngineOptions, EngineParts, SecretKey};
use sayso::model::{Action, Decision, Identity, JsonMap, Place};
use sayso::runners;
use sayso::store::Store;
use sayso::store::sqlite::{SqliteOptions, SqliteStore};

struct Actions(BTreeMap<String, Arc<Action>>);

impl Catalogue for Actions {
    fn action(&self, reference: &str) -> Option<Arc<Action>> {
        self.0.get(reference).cloned()
    }
    fn nearest(&self, _reference: &str) -> Option<String> {
        None
    }
    fn config(&self, _pack: &str) -> Arc<JsonMap> {
        Arc::default()
    }
}

struct Everybody;

impl Authority for Everybody {
    fn decide(&self, _ask: &Ask<'_>) -> Decision {
        Decision {
            allowed: true,
            reason: "open".to_owned(),
            line: None,
            needs: Vec::new(),
        }
    }
    fn could(&self, _identity: &Identity, _action: &Action, _place: Option<&Place>) -> bool {
        true
    }
}

/// An action of the pack `core`; workflows bring their text.
pub(crate) fn action(name: &str, runner: &str, text: Option<&str>) -> Action {
    Action {
        reference: format!("core.{name}"),
        pack: "core".to_owned(),
        name: name.to_owned(),
        description: String::new(),
        enabled: true,
        runner_type: runner.to_owned(),
        entry_point: String::new(),
        parameters: JsonMap::new(),
        output_schema: JsonMap::new(),
        tags: serde_json::json!([]),
        notify: serde_json::json!({}),
        metadata_file: format!("actions/{name}.yaml"),
        idempotent: true,
        read_only: false,
        approval: None,
        deadline_seconds: None,
        pack_dir: None,
        pack_version: "1.0.0".to_owned(),
        digest: name.to_owned(),
        entry_point_text: text.map(Into::into),
    }
}

/// A store in the folder.
pub(crate) async fn store_in(folder: &Path) -> Arc<SqliteStore> {
    let options = SqliteOptions::new(folder.join("sayso.db"));
    Arc::new(SqliteStore::open(options).await.expect("a store"))
}

/// An engine on the store, with these actions.
pub(crate) async fn engine_on(
    store: &Arc<SqliteStore>,
    folder: &Path,
    actions: impl IntoIterator<Item = Action>,
) -> Engine {
    let actions = actions
        .into_iter()
        .map(|action| (action.reference.clone(), Arc::new(action)));
    Engine::start(EngineParts {
        options: EngineOptions::default(),
        store: Arc::clone(store) as Arc<dyn Store>,
        catalogue: Arc::new(Actions(actions.collect())),
        runners: runners::builtin(runners::RunnerOptions::default()),
        authority: Arc::new(Everybody),
        observers: Vec::new(),
        key: SecretKey::new([0; 32]),
        keys: None,
        jinja: Arc::default(),
        evaluator: Arc::new(sayso::app::evaluator(sayso::expr::template::Limits::default())),
        api_url: String::new(),
        scratch: folder.to_path_buf(),
    })
    .await
    .expect("an engine")
}
