//! Retention: what is old enough is archived and deleted, a few rows at a time, so that nobody waits for it (GCR).
//!
//! The audit log is never touched. Only what has ended goes; what a workflow at work is made of stays with it.

mod archive;
mod options;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::model::{AuditDraft, Id, Timestamp};
use crate::store::{CommitError, Kept, Store, StoreError, Write};

pub use options::RetentionOptions;

/// Named values of tags that somebody chose: their keys end with a line of their own, the id of what they stand on.
const TRACE_TAG: &str = "trace-tag.";
/// Rows that a dry run counts of a kind, at most.
const COUNTED: u32 = 100_000;

/// Deletes what is old. Cheap to clone.
#[derive(Clone)]
pub struct Retention {
    shared: Arc<Shared>,
}

struct Shared {
    options: RetentionOptions,
    store: Arc<dyn Store>,
    last: parking_lot::Mutex<Option<Report>>,
    /// One run at a time.
    turn: tokio::sync::Mutex<()>,
}

/// What a run did, or a dry run would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// When it began.
    pub at: Timestamp,
    /// Nothing was deleted.
    pub dry_run: bool,
    /// By kind.
    pub kinds: Vec<Done>,
}

/// What became of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// `executions`, `output` …
    pub kind: &'static str,
    /// Days that it is kept; 0: for ever.
    pub days: u32,
    /// Deleted: executions, instances …; of output and journals the executions to which they belonged.
    pub count: u64,
    /// There are more than were counted.
    pub more: bool,
}

impl Retention {
    /// With these settings.
    #[must_use]
    pub fn new(options: RetentionOptions, store: Arc<dyn Store>) -> Self {
        Self {
            shared: Arc::new(Shared {
                options,
                store,
                last: parking_lot::Mutex::default(),
                turn: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &RetentionOptions {
        &self.shared.options
    }

    /// What the last run did.
    #[must_use]
    pub fn last(&self) -> Option<Report> {
        self.shared.last.lock().clone()
    }

    /// Runs now and then until the server stops.
    pub async fn work(self, shutdown: CancellationToken) {
        let period = Duration::from_secs(u64::from(self.shared.options.every_minutes) * 60);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(period) => {}
            }
            let run = tokio::select! {
                () = shutdown.cancelled() => return,
                run = self.run(Timestamp::now(), false, "retention") => run,
            };
            match run {
                Ok(_) | Err(StoreError::Closed) => {}
                Err(error) => tracing::error!(%error, "old rows cannot be deleted; trying again later"),
            }
        }
    }

    /// Deletes what is old, or (`dry_run`) counts it. Runs wait for one another.
    ///
    /// # Errors
    /// When the store or the archive cannot be written; what was deleted by then was archived before.
    pub async fn run(&self, now: Timestamp, dry_run: bool, by: &str) -> Result<Report, StoreError> {
        let shared = &self.shared;
        let _turn = shared.turn.lock().await;
        let mut report = Report {
            at: now,
            dry_run,
            kinds: Vec::new(),
        };
        for kind in Kept::ALL {
            let days = shared.options.days(kind);
            let mut done = Done {
                kind: kind.as_str(),
                days,
                count: 0,
                more: false,
            };
            if days > 0 {
                let before = now.plus_millis(-i64::from(days) * 24 * 3_600_000);
                if dry_run {
                    let found = shared.store.expired(kind, before, COUNTED).await?;
                    done.count = found.len() as u64;
                    done.more = found.len() == COUNTED as usize;
                } else {
                    done.count = self.delete(kind, before, now).await?;
                }
            }
            report.kinds.push(done);
        }
        if !dry_run {
            self.forget_tags(now).await?;
            self.note(&report, by).await?;
            *shared.last.lock() = Some(report.clone());
        }
        Ok(report)
    }

    async fn delete(&self, kind: Kept, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let shared = &self.shared;
        let batch = shared.options.batch.max(1);
        let pause = Duration::from_millis(u64::from(shared.options.pause_ms));
        let mut all = 0;
        loop {
            let found = shared.store.expired(kind, before, batch).await?;
            if found.is_empty() {
                return Ok(all);
            }
            if let Some(folder) = &shared.options.archive {
                archive::keep(folder, &*shared.store, kind, &found, now).await?;
            }
            let (count, full) = (found.len() as u64, found.len() == batch as usize);
            let deleted = shared.store.delete(kind, found).await?;
            all += count;
            // What cannot be deleted would be found again for ever.
            if !full || deleted == 0 {
                return Ok(all);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Tags of traces go with the last of what they stand on.
    async fn forget_tags(&self, now: Timestamp) -> Result<(), StoreError> {
        let shared = &self.shared;
        let days = [Kept::Executions, Kept::Inquiries, Kept::Instances].map(|kind| shared.options.days(kind));
        // What is kept for ever keeps its tag.
        let Some(days) = days.into_iter().min().filter(|days| *days > 0) else {
            return Ok(());
        };
        let before = now.plus_millis(-i64::from(days) * 24 * 3_600_000);
        let mut gone = Vec::new();
        for (key, _) in shared.store.settings(TRACE_TAG.to_owned()).await? {
            let Some(root) = key.rsplit('\n').next().and_then(|root| root.parse::<Id>().ok()) else {
                continue;
            };
            if root.made() >= before
                || shared.store.execution(root).await?.is_some()
                || shared.store.instance(root).await?.is_some()
            {
                continue;
            }
            gone.push(Write::Setting { key, value: None });
        }
        for batch in gone.chunks(shared.options.batch.max(1) as usize) {
            commit(&*shared.store, batch.to_vec()).await?;
        }
        Ok(())
    }

    /// A run that deleted something is in the audit log.
    async fn note(&self, report: &Report, by: &str) -> Result<(), StoreError> {
        let deleted: serde_json::Map<String, serde_json::Value> = report
            .kinds
            .iter()
            .filter(|done| done.count > 0)
            .map(|done| (done.kind.to_owned(), done.count.into()))
            .collect();
        if deleted.is_empty() {
            return Ok(());
        }
        tracing::info!(deleted = %serde_json::Value::Object(deleted.clone()), "old rows were deleted");
        let draft = AuditDraft {
            timestamp: Timestamp::now(),
            kind: "retention.deleted".to_owned(),
            actor: by.to_owned(),
            detail: deleted.into(),
            ..AuditDraft::default()
        };
        commit(&*self.shared.store, vec![Write::Audit(draft)]).await
    }
}

async fn commit(store: &dyn Store, writes: Vec<Write>) -> Result<(), StoreError> {
    store.commit(writes).await.map_err(|error| match error {
        CommitError::Store(error) => error,
        other => StoreError::Database(other.to_string()),
    })
}
