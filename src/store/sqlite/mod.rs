//! The store in one `SQLite` file: a grouping writer, readers that never wait for it.
//!
//! A transaction takes this way: `encode` makes rows of it in the caller's task; the `writer` takes
//! whatever waits; `plan` decides in memory who is refused and what remains to be written; `group` writes
//! it with many-row statements in one database transaction. `list`, `read` and `audit` read through
//! `pool`. `checkpoint` keeps the log short without making commits wait.

mod admin;
mod audit;
mod body;
mod checkpoint;
mod connect;
mod encode;
mod error;
mod events;
mod group;
mod list;
mod memory;
mod plan;
mod pool;
mod read;
mod retain;
mod statement;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::model::{
    AuditEntry, Enforcement, Execution, Id, InboxClaim, OutboxMessage, OutputChunk, OutputStream, Timestamp,
    TriggerInstance,
};

use super::{
    AuditFilter, AuditRecords, CommitError, EnforcementFilter, ExecutionFilter, ExecutionPage, Expired,
    InstanceFilter, JournalEntry, Kept, Listed, OutboxCounts, Page, Store, StoreError, StoreStats,
    Transaction,
};

pub use connect::SqliteOptions;

use encode::encode;
use memory::Memory;
use pool::ReadPool;
use statement::Connection;
use writer::{Job, Pending, Tally, Writer};

/// Transactions that may wait for the writer; more callers wait for a place.
const QUEUE: usize = 1024;
/// KiB of transactions that may wait.
const QUEUE_KIB: u32 = 64 << 10;
/// Transactions from this size on are made into rows (and compressed) beside the async workers.
const HEAVY: usize = 256 << 10;

/// Durable state in one `SQLite` file.
pub struct SqliteStore {
    options: SqliteOptions,
    jobs: Option<mpsc::Sender<Job>>,
    room: Arc<Semaphore>,
    tally: Arc<Tally>,
    pool: ReadPool,
}

impl SqliteStore {
    /// Opens the database, makes it when missing, brings it up to date, and starts the writer on the current
    /// tokio runtime.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] for a database of a newer Sayso; [`StoreError::Database`] when the file cannot
    /// be opened or another Sayso uses it; [`StoreError::Corrupt`] when it is no sound database.
    pub async fn open(options: SqliteOptions) -> Result<Self, StoreError> {
        let tally = Arc::new(Tally::default());
        let mut store = Self {
            pool: ReadPool::new(options.clone()),
            jobs: None,
            room: Arc::new(Semaphore::new(QUEUE_KIB as usize)),
            tally: Arc::clone(&tally),
            options: options.clone(),
        };
        if options.read_only {
            let mut connection = options.connect_reader().await?;
            let (found, known) = (
                connect::refuse_newer(&mut connection).await?,
                connect::known_version(),
            );
            if found < known {
                return Err(StoreError::Database(format!(
                    "the database is at version {found}, this Sayso needs {known}: start the server once to bring it up to date"
                )));
            }
            return Ok(store);
        }
        let lock = options.prepare().await?;
        let mut connection = options.connect_writer().await?;
        connect::migrate(&mut connection).await?;
        let memory = Memory::for_writer(&mut connection).await?;
        let (sender, receiver) = mpsc::channel(QUEUE);
        let writer = Writer::new(
            options,
            Connection::new(connection),
            memory,
            receiver,
            tally,
            lock,
        );
        tokio::spawn(writer.run());
        store.jobs = Some(sender);
        Ok(store)
    }

    fn jobs(&self) -> Result<&mpsc::Sender<Job>, StoreError> {
        self.jobs
            .as_ref()
            .ok_or_else(|| StoreError::Database("the database was opened for reading only".to_owned()))
    }

    /// A caller that goes away after its transaction entered the queue has it committed all the same.
    async fn submit(&self, transaction: Transaction) -> Result<(), CommitError> {
        let jobs = self.jobs()?;
        if transaction.is_empty() {
            return Ok(());
        }
        let encoded = if is_heavy(&transaction) {
            let encoded = tokio::task::spawn_blocking(move || encode(transaction)).await;
            encoded.map_err(|error| StoreError::Database(error.to_string()))??
        } else {
            encode(transaction)?
        };
        let share = u32::try_from(encoded.bytes >> 10)
            .unwrap_or(u32::MAX)
            .clamp(1, QUEUE_KIB);
        let share = Arc::clone(&self.room)
            .acquire_many_owned(share)
            .await
            .map_err(|_| StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let pending = Pending {
            encoded,
            answer,
            _share: share,
        };
        jobs.send(Job::Commit(pending))
            .await
            .map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    async fn forget(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let (answer, answered) = oneshot::channel();
            self.jobs()?
                .send(Job::Forget { before, answer })
                .await
                .map_err(|_| StoreError::Closed)?;
            let some = answered.await.map_err(|_| StoreError::Closed)??;
            all += some;
            if some < u64::from(writer::FORGET) {
                return Ok(all);
            }
        }
    }
}

/// Whether making rows of it takes longer than an async worker should be kept from other tasks.
fn is_heavy(transaction: &Transaction) -> bool {
    let size = |write: &super::Write| match write {
        super::Write::Insert(execution) | super::Write::Transition(execution) => {
            usize::try_from(execution.result_size).unwrap_or(usize::MAX)
        }
        super::Write::Output(chunks) => chunks.iter().map(|chunk| chunk.text.len()).sum(),
        _ => 0,
    };
    transaction.iter().map(size).fold(0, usize::saturating_add) >= HEAVY
}

impl Store for SqliteStore {
    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<(), CommitError>> {
        Box::pin(self.submit(transaction))
    }

    fn execution(&self, id: Id) -> BoxFuture<'_, Result<Option<Execution>, StoreError>> {
        Box::pin(read::one(&self.pool, id))
    }

    fn executions(
        &self,
        filter: ExecutionFilter,
        page: Page,
    ) -> BoxFuture<'_, Result<ExecutionPage, StoreError>> {
        Box::pin(async move { list::page(&self.pool, &filter, &page).await })
    }

    fn unfinished(&self) -> BoxFuture<'_, Result<Vec<Execution>, StoreError>> {
        Box::pin(read::unfinished(&self.pool))
    }

    fn newest_execution(&self) -> BoxFuture<'_, Result<Option<Id>, StoreError>> {
        Box::pin(read::newest(&self.pool))
    }

    fn output(
        &self,
        execution: Id,
        from: u32,
        limit: u32,
        stream: Option<OutputStream>,
    ) -> BoxFuture<'_, Result<Vec<OutputChunk>, StoreError>> {
        Box::pin(read::output(&self.pool, execution, from, limit, stream))
    }

    fn definition(&self, digest: String) -> BoxFuture<'_, Result<Option<Value>, StoreError>> {
        Box::pin(async move { read::definition(&self.pool, &digest).await })
    }

    fn definition_digests(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(read::definition_digests(&self.pool))
    }

    fn journal(
        &self,
        execution: Id,
        from: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<JournalEntry>, StoreError>> {
        Box::pin(read::journal(&self.pool, execution, from, limit))
    }

    fn instance(&self, id: Id) -> BoxFuture<'_, Result<Option<TriggerInstance>, StoreError>> {
        Box::pin(events::instance(&self.pool, id))
    }

    fn instances(
        &self,
        filter: InstanceFilter,
        page: Page,
    ) -> BoxFuture<'_, Result<Listed<TriggerInstance>, StoreError>> {
        Box::pin(async move { events::instances(&self.pool, &filter, &page).await })
    }

    fn enforcement(&self, id: Id) -> BoxFuture<'_, Result<Option<Enforcement>, StoreError>> {
        Box::pin(events::enforcement(&self.pool, id))
    }

    fn enforcements(
        &self,
        filter: EnforcementFilter,
        page: Page,
    ) -> BoxFuture<'_, Result<Listed<Enforcement>, StoreError>> {
        Box::pin(async move { events::enforcements(&self.pool, &filter, &page).await })
    }

    fn claim(&self, key: String) -> BoxFuture<'_, Result<Option<InboxClaim>, StoreError>> {
        Box::pin(async move { read::claim(&self.pool, &key).await })
    }

    fn outbox_pending(&self, limit: u32) -> BoxFuture<'_, Result<Vec<OutboxMessage>, StoreError>> {
        Box::pin(read::outbox_pending(&self.pool, limit))
    }

    fn outbox_conversation(
        &self,
        gateway: String,
        conversation: String,
        after: Option<Id>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<OutboxMessage>, StoreError>> {
        Box::pin(
            async move { read::outbox_conversation(&self.pool, &gateway, &conversation, after, limit).await },
        )
    }

    fn outbox_card(&self, card: String) -> BoxFuture<'_, Result<Vec<OutboxMessage>, StoreError>> {
        Box::pin(async move { read::outbox_card(&self.pool, &card).await })
    }

    fn outbox_cards(&self, prefix: String) -> BoxFuture<'_, Result<Vec<OutboxMessage>, StoreError>> {
        Box::pin(async move { read::outbox_cards(&self.pool, &prefix).await })
    }

    fn outbox_counts(&self) -> BoxFuture<'_, Result<OutboxCounts, StoreError>> {
        Box::pin(async move {
            let mut lease = self.pool.lease().await?;
            let memory = Memory::load(lease.connection()).await?;
            lease.done();
            Ok(memory.outbox_counts())
        })
    }

    fn setting(&self, key: String) -> BoxFuture<'_, Result<Option<Value>, StoreError>> {
        Box::pin(async move { read::setting(&self.pool, &key).await })
    }

    fn settings(&self, prefix: String) -> BoxFuture<'_, Result<Vec<(String, Value)>, StoreError>> {
        Box::pin(async move { read::settings(&self.pool, &prefix).await })
    }

    fn audit(&self, filter: AuditFilter) -> BoxFuture<'_, Result<Vec<AuditEntry>, StoreError>> {
        Box::pin(async move { audit::search(&self.pool, &filter).await })
    }

    fn audit_records(&self, after: u64, limit: u32) -> BoxFuture<'_, Result<AuditRecords, StoreError>> {
        Box::pin(audit::records(&self.pool, after, limit))
    }

    fn stats(&self) -> BoxFuture<'_, Result<StoreStats, StoreError>> {
        Box::pin(async move {
            let mut stats = admin::stats(&self.pool, &self.options).await?;
            stats.transactions = self.tally.transactions.load(Ordering::Relaxed);
            stats.commits = self.tally.commits.load(Ordering::Relaxed);
            stats.statements = self.tally.statements.load(Ordering::Relaxed);
            Ok(stats)
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(admin::check(&self.options))
    }

    fn backup<'a>(&'a self, target: &'a Path) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(admin::backup(&self.options, target))
    }

    fn forget_claims(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.forget(before))
    }

    fn expired(
        &self,
        kind: Kept,
        before: Timestamp,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Expired>, StoreError>> {
        Box::pin(retain::expired(&self.pool, kind, before, limit))
    }

    fn delete(&self, kind: Kept, rows: Vec<Expired>) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let numbers = rows.iter().map(|row| row.number).collect();
            let (answer, answered) = oneshot::channel();
            let job = Job::Delete {
                kind,
                numbers,
                answer,
            };
            self.jobs()?.send(job).await.map_err(|_| StoreError::Closed)?;
            answered.await.map_err(|_| StoreError::Closed)?
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // Readers first: a read in progress would keep the log from being emptied.
            self.pool.close().await;
            if let Some(jobs) = &self.jobs {
                let (answer, answered) = oneshot::channel();
                if jobs.send(Job::Close { answer }).await.is_ok() {
                    let _ = answered.await; // an error means that the writer has ended, which is the aim
                }
            }
        })
    }
}
