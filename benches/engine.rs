//! How fast the engine takes requests, without HTTP: durable noops from many callers at once.
//!
//! Baseline in the same run: commits of one audit entry each through the same store from as many callers.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sayso::access::{Ask, Authority};
use sayso::engine::{Catalogue, Engine, EngineOptions, EngineParts, SecretKey, Submit};
use sayso::model::{Action, AuditDraft, Decision, Identity, JsonMap, Place};
use sayso::runners;
use sayso::store::sqlite::{SqliteOptions, SqliteStore};
use sayso::store::{Store, Write};

const CALLERS: usize = 128;
const TIME: Duration = Duration::from_secs(3);

struct One(BTreeMap<String, Arc<Action>>);

impl Catalogue for One {
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
        }
    }
    fn could(&self, _identity: &Identity, _action: &Action, _place: Option<&Place>) -> bool {
        true
    }
}

fn noop() -> Action {
    Action {
        reference: "core.noop".to_owned(),
        pack: "core".to_owned(),
        name: "noop".to_owned(),
        description: "Does nothing.".to_owned(),
        enabled: true,
        runner_type: "noop".to_owned(),
        entry_point: String::new(),
        parameters: JsonMap::new(),
        output_schema: JsonMap::new(),
        tags: serde_json::json!([]),
        notify: serde_json::json!({}),
        metadata_file: "actions/noop.yaml".to_owned(),
        idempotent: true,
        deadline_seconds: None,
        pack_dir: None,
        pack_version: "1.0.0".to_owned(),
        digest: "noop".to_owned(),
        entry_point_text: None,
    }
}

/// Runs the work for all callers and gives the seconds that it took.
async fn seconds_of<F>(work: impl Fn() -> F) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let started = Instant::now();
    let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(work())).collect();
    for caller in callers {
        caller.await.expect("no panic");
    }
    started.elapsed().as_secs_f64()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(
            SqliteStore::open(SqliteOptions::new(folder.path().join("sayso.db")))
                .await
                .expect("a store"),
        );
        let engine = Engine::start(EngineParts {
            options: EngineOptions::default(),
            store: Arc::clone(&store) as Arc<dyn Store>,
            catalogue: Arc::new(One(BTreeMap::from([("core.noop".to_owned(), Arc::new(noop()))]))),
            runners: runners::builtin(runners::RunnerOptions::default()),
            authority: Arc::new(Everybody),
            observers: Vec::new(),
            key: SecretKey::new([0; 32]),
            jinja: Arc::default(),
            evaluator: Arc::new(sayso::app::evaluator(sayso::expr::template::Limits::default())),
            api_url: String::new(),
            scratch: folder.path().to_path_buf(),
        })
        .await
        .expect("an engine");

        let count = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let seconds = seconds_of(|| {
            let (store, count) = (Arc::clone(&store), Arc::clone(&count));
            async move {
                let end = Instant::now() + TIME;
                while Instant::now() < end {
                    let draft = AuditDraft {
                        kind: "bench".to_owned(),
                        ..AuditDraft::default()
                    };
                    store.commit(vec![Write::Audit(draft)]).await.expect("a commit");
                    count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }
        })
        .await;
        let baseline = count.swap(0, std::sync::atomic::Ordering::Relaxed) as f64 / seconds;
        println!("baseline, one audit entry a commit:   {baseline:>9.0}/s");

        let seconds = seconds_of(|| {
            let (engine, count) = (engine.clone(), Arc::clone(&count));
            async move {
                let end = Instant::now() + TIME;
                while Instant::now() < end {
                    let request = Submit {
                        action: "core.noop".to_owned(),
                        identity: Identity {
                            user: "ana".to_owned(),
                            ..Identity::default()
                        },
                        ..Submit::default()
                    };
                    engine.submit(request).await.expect("accepted");
                    count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }
        })
        .await;
        let rate = count.load(std::sync::atomic::Ordering::Relaxed) as f64 / seconds;
        let stats = store.stats().await.expect("stats");
        println!(
            "durable noops accepted and ended:      {rate:>9.0}/s, {:.2} of the baseline",
            rate / baseline
        );
        println!(
            "{} transactions in {} commits, {} statements",
            stats.transactions, stats.commits, stats.statements
        );
    });
}
