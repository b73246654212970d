//! The one task that writes: takes whatever waits, commits it as one group, answers.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::model::{Id, Timestamp};
use crate::store::{CommitError, Kept, StoreError};

use super::checkpoint::Checkpointer;
use super::connect::SqliteOptions;
use super::encode::{Encoded, Row};
use super::error::{is_double, is_full, store_error};
use super::group::{self, Failure};
use super::memory::Memory;
use super::retain;
use super::statement::{Connection, Values};

/// Transactions in one group: beyond this the gain is small and the first in line waits long.
const GROUP: usize = 512;
/// Bytes in one group.
const GROUP_BYTES: usize = 8 << 20;
/// Claims forgotten at once, so that commits need not wait for long.
pub(super) const FORGET: u32 = 2000;
/// A group of so many does not wait for more: while it is being written, the next one gathers on the other core.
const ENOUGH: usize = 48;
/// How often the writer lets other tasks go first while they bring more work.
const PATIENCE: usize = 3;

/// What the writer is asked to do.
pub(super) enum Job {
    Commit(Pending),
    /// Forgets some claims; gives how many. Fewer than [`FORGET`]: these were the last.
    Forget {
        before: Timestamp,
        answer: oneshot::Sender<Result<u64, StoreError>>,
    },
    /// Deletes some rows; gives how many.
    Delete {
        kind: Kept,
        numbers: Vec<i64>,
        answer: oneshot::Sender<Result<u64, StoreError>>,
    },
    Close {
        answer: oneshot::Sender<()>,
    },
    #[cfg(test)]
    Execute {
        text: String,
        answer: oneshot::Sender<Result<(), StoreError>>,
    },
}

/// A transaction that waits.
pub(super) struct Pending {
    pub(super) encoded: Encoded,
    pub(super) answer: oneshot::Sender<Result<(), CommitError>>,
    /// Its share of the memory that may wait.
    pub(super) _share: OwnedSemaphorePermit,
}

/// What the writer has done, for `stats`.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) transactions: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) statements: AtomicU64,
}

/// The task's state.
pub(super) struct Writer {
    options: SqliteOptions,
    connection: Connection,
    memory: Memory,
    checkpointer: Checkpointer,
    jobs: mpsc::Receiver<Job>,
    tally: Arc<Tally>,
    /// Held until the last write is done.
    _lock: File,
}

impl Writer {
    pub(super) fn new(
        options: SqliteOptions,
        connection: Connection,
        memory: Memory,
        jobs: mpsc::Receiver<Job>,
        tally: Arc<Tally>,
        lock: File,
    ) -> Self {
        let checkpointer = Checkpointer::new(options.clone());
        Self {
            options,
            connection,
            memory,
            checkpointer,
            jobs,
            tally,
            _lock: lock,
        }
    }

    /// Works until it is told to close or every handle is gone.
    pub(super) async fn run(mut self) {
        let mut closing = Vec::new();
        let mut group = Vec::with_capacity(64);
        while let Some(job) = self.jobs.recv().await {
            let mut next = Some(job);
            while let Some(job) = next.take() {
                if let Job::Commit(first) = job {
                    group.push(first);
                    next = self.collect(&mut group).await;
                    self.commit(&mut group).await;
                } else if let Some(answer) = self.other(job).await {
                    closing.push(answer);
                    self.jobs.close(); // what waits is still done
                }
            }
        }
        self.checkpointer.finish(&mut self.connection).await;
        let Self {
            connection, _lock, ..
        } = self;
        if let Err(error) = sqlx::Connection::close(connection.inner).await {
            tracing::warn!(%error, "closing the database failed");
        }
        drop(_lock);
        for answer in closing {
            let _ = answer.send(());
        }
    }

    /// Adds what waits to the group; gives the first job that is no commit.
    async fn collect(&mut self, group: &mut Vec<Pending>) -> Option<Job> {
        let mut bytes: usize = group.iter().map(|pending| pending.encoded.bytes).sum();
        let mut patience = PATIENCE;
        let mut counted = group.len();
        while group.len() < GROUP && bytes < GROUP_BYTES {
            match self.jobs.try_recv() {
                Ok(Job::Commit(pending)) => {
                    bytes += pending.encoded.bytes;
                    group.push(pending);
                }
                Ok(other) => return Some(other),
                Err(_) if patience > 0 && group.len() < ENOUGH => {
                    // Tasks that are ready to run may be about to commit, too: let them, as long as
                    // each round brings some.
                    patience = if group.len() > counted {
                        patience
                    } else {
                        patience - 1
                    };
                    counted = group.len();
                    tokio::task::yield_now().await;
                }
                Err(_) => break,
            }
        }
        None
    }

    /// Commits the group and answers everyone in it.
    async fn commit(&mut self, group: &mut Vec<Pending>) {
        let encoded: Vec<&Encoded> = group.iter().map(|pending| &pending.encoded).collect();
        let answers = match self.try_write(&encoded).await {
            Ok(answers) => answers,
            Err(failure) => self.one_by_one(&encoded, failure).await,
        };
        let committed = answers.iter().filter(|answer| answer.is_ok()).count();
        self.tally
            .transactions
            .fetch_add(committed as u64, Ordering::Relaxed);
        self.tally
            .statements
            .store(self.connection.statements, Ordering::Relaxed);
        for (pending, answer) in group.drain(..).zip(answers) {
            let _ = pending.answer.send(answer); // whoever asked may have gone; it is committed all the same
        }
        self.checkpointer.after_commit(&mut self.connection).await;
    }

    async fn try_write(&mut self, group: &[&Encoded]) -> Result<Vec<Result<(), CommitError>>, Failure> {
        match group::write(&mut self.connection, &mut self.memory, group).await {
            Ok(answers) => {
                if answers.iter().any(Result::is_ok) {
                    self.tally.commits.fetch_add(1, Ordering::Relaxed);
                }
                Ok(answers)
            }
            Err(failure) => {
                self.recover(&failure.error).await;
                Err(failure)
            }
        }
    }

    /// After the group failed: each transaction alone, so that one bad apple does not fail the others.
    async fn one_by_one(&mut self, group: &[&Encoded], failure: Failure) -> Vec<Result<(), CommitError>> {
        let mut answers = Vec::with_capacity(group.len());
        // What stopped the group would stop each of its transactions, too.
        let mut stopped = Some(failure).filter(|failure| failure.at_begin || group.len() == 1);
        for encoded in group {
            if stopped.is_none() {
                match self.try_write(&[encoded]).await {
                    Ok(mut answer) => {
                        answers.push(answer.pop().unwrap_or(Ok(())));
                        continue;
                    }
                    Err(failure) if failure.at_begin || is_full(&failure.error) => stopped = Some(failure),
                    Err(failure) => {
                        answers.push(Err(self.explain(encoded, &failure.error).await));
                        continue;
                    }
                }
            }
            if let Some(failure) = &stopped {
                answers.push(Err(self.explain(encoded, &failure.error).await));
            }
        }
        answers
    }

    /// Ends whatever was begun and reads back what is true.
    async fn recover(&mut self, error: &sqlx::Error) {
        tracing::debug!(%error, "a group of transactions failed and is rolled back");
        // Fails when SQLite rolled back already.
        let _ = self.connection.run("ROLLBACK").await;
        let mut loaded = Memory::for_writer(&mut self.connection.inner).await;
        if loaded.is_err() {
            // The connection itself may be the trouble.
            if let Ok(connection) = self.options.connect_writer().await {
                self.connection.inner = connection;
                loaded = Memory::for_writer(&mut self.connection.inner).await;
            }
        }
        match loaded {
            Ok(memory) => self.memory = memory,
            Err(error) => tracing::error!(%error, "the database cannot be read"),
        }
    }

    /// What a failed transaction's owner gets to know.
    async fn explain(&mut self, encoded: &Encoded, error: &sqlx::Error) -> CommitError {
        if is_double(error) {
            let inserts = encoded.writes.iter().filter_map(|write| match write {
                Row::Insert(_, step) => Some(step.id),
                _ => None,
            });
            for id in inserts {
                if self.exists(id).await {
                    return CommitError::Conflict(id);
                }
            }
            // Messages and definitions make way for each other, so what is left is a step of a journal.
            let journaled = encoded.writes.iter().find_map(|write| match write {
                Row::Journal(entry) => Some(entry.execution),
                _ => None,
            });
            if let Some(id) = journaled {
                return CommitError::Conflict(id);
            }
        }
        CommitError::Store(store_error(error))
    }

    async fn exists(&mut self, id: Id) -> bool {
        let found: Result<i64, _> = sqlx::query_scalar("SELECT count(*) FROM executions WHERE id = ?")
            .bind(id.bytes().to_vec())
            .fetch_one(&mut self.connection.inner)
            .await;
        found.is_ok_and(|found| found > 0)
    }

    /// Jobs that are no commits; gives the answer to a request to close.
    async fn other(&mut self, job: Job) -> Option<oneshot::Sender<()>> {
        match job {
            Job::Commit(pending) => self.commit(&mut vec![pending]).await,
            Job::Forget { before, answer } => {
                let mut values = Values::default();
                values.int(before.micros());
                values.int(FORGET);
                let text = "DELETE FROM claims WHERE key IN \
                            (SELECT key FROM claims WHERE received < ? ORDER BY received LIMIT ?)";
                let done = self.connection.run_with(text, values).await;
                let _ = answer.send(done.map_err(|error| store_error(&error)));
            }
            Job::Delete {
                kind,
                numbers,
                answer,
            } => {
                let done = retain::delete(&mut self.connection, &mut self.memory, kind, &numbers).await;
                if let Err(error) = &done {
                    self.recover(error).await;
                }
                let _ = answer.send(done.map_err(|error| store_error(&error)));
                self.checkpointer.after_commit(&mut self.connection).await;
            }
            Job::Close { answer } => return Some(answer),
            #[cfg(test)]
            Job::Execute { text, answer } => {
                let done = self.connection.run_once(text).await.map(|_| ());
                let _ = answer.send(done.map_err(|error| store_error(&error)));
            }
        }
        None
    }
}
