//! Moves the log into the database without making commits wait.
//!
//! `SQLite`'s own automatic checkpoint runs inside a commit, which then waits for thousands of page writes.
//! Here a second connection copies the bulk of the log while commits go on. As the log can only start over
//! when all of it is copied, the writer itself copies the last few pages once little is left.

use sqlx::sqlite::SqliteConnection;
use sqlx::{Executor, Row};
use tokio::task::JoinHandle;

use super::connect::SqliteOptions;
use super::statement::Connection;

/// Commits between two looks at the log.
const LOOK_EVERY: u32 = 16;
/// Pages (4 KiB) in the log from which copying begins.
const START: i64 = 4096;
/// Pages that the writer may copy itself: a few milliseconds.
const LITTLE: i64 = 256;
/// Rounds in the background after which the writer takes over whatever is left.
const ROUNDS: u32 = 6;

/// Progress of the current checkpoint.
pub(super) struct Checkpointer {
    options: SqliteOptions,
    commits: u32,
    rounds: u32,
    idle: Option<SqliteConnection>,
    running: Option<JoinHandle<Option<SqliteConnection>>>,
}

/// The log, in pages.
struct Log {
    pages: i64,
    copied: i64,
}

impl Checkpointer {
    pub(super) const fn new(options: SqliteOptions) -> Self {
        Self {
            options,
            commits: 0,
            rounds: 0,
            idle: None,
            running: None,
        }
    }

    /// Called after each commit. Never waits for the background connection.
    pub(super) async fn after_commit(&mut self, writer: &mut Connection) {
        if let Some(running) = self.running.take_if(|running| running.is_finished()) {
            self.idle = running.await.ok().flatten();
            self.commits = LOOK_EVERY; // see at once what is left
        }
        self.commits += 1;
        if self.running.is_some() || self.commits < LOOK_EVERY {
            return;
        }
        self.commits = 0;
        let Some(log) = run(&mut writer.inner, "PRAGMA wal_checkpoint(NOOP)").await else {
            return;
        };
        let left = log.pages - log.copied;
        if self.rounds == 0 && log.pages < START {
            return;
        }
        if self.rounds > 0 && (left <= LITTLE || self.rounds >= ROUNDS) {
            run(&mut writer.inner, "PRAGMA wal_checkpoint(PASSIVE)").await;
            self.rounds = 0;
            return;
        }
        if left == 0 {
            return; // all is copied; a long read keeps the log from starting over
        }
        self.rounds += 1;
        let (idle, options) = (self.idle.take(), self.options.clone());
        self.running = Some(tokio::spawn(async move {
            let mut connection = match idle {
                Some(connection) => connection,
                None => options.connect_helper().await.ok()?,
            };
            run(&mut connection, "PRAGMA wal_checkpoint(PASSIVE)").await?;
            Some(connection)
        }));
    }

    /// Copies everything and empties the log, as far as readers let it.
    pub(super) async fn finish(&mut self, writer: &mut Connection) {
        if let Some(running) = self.running.take() {
            self.idle = running.await.ok().flatten();
        }
        self.idle = None;
        run(&mut writer.inner, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    }
}

/// Runs a checkpoint. That it cannot work now (busy, no room) only means that it is tried again later.
async fn run(connection: &mut SqliteConnection, pragma: &'static str) -> Option<Log> {
    match connection.fetch_one(pragma).await {
        Ok(row) => Some(Log {
            pages: row.try_get(1).ok()?,
            copied: row.try_get(2).ok()?,
        }),
        Err(error) => {
            tracing::warn!(%error, "a checkpoint of the database failed and will be tried again");
            None
        }
    }
}
