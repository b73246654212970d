//! How fast the engine takes requests, without HTTP: durable noops from many callers at once.
//!
//! Baseline in the same run: commits of one audit entry each through the same store from as many callers.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "support/engine.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sayso::engine::Submit;
use sayso::model::{AuditDraft, Identity};
use sayso::store::{Store as _, Write};

use support::{action, engine_on, store_in};

const CALLERS: usize = 128;
const TIME: Duration = Duration::from_secs(3);

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
        let store = store_in(folder.path()).await;
        let engine = engine_on(&store, folder.path(), [action("noop", "noop", None)]).await;

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
