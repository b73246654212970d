//! Opening the database: options of the connections, migrations, the lock against a second server.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};

use super::error::store_error;
use crate::store::StoreError;

/// Embedded in the binary; files are never changed once released.
pub(super) static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long the writer waits for another program that holds the write lock (a shell, a backup tool).
const BUSY: Duration = Duration::from_secs(10);
/// Pages (of 4 KiB) that the writer keeps in memory: the ends of tables and indexes, where it writes.
const WRITER_CACHE_KIB: u32 = 8192;
/// The same for one reading connection.
const READER_CACHE_KIB: u32 = 2048;
/// A log that grew beyond this (a long backup held it) is cut when it starts over.
const LOG_KEEP_BYTES: u32 = 64 << 20;
/// Statements that the writer keeps prepared: a dozen kinds of rows in a dozen sizes, few of which are in use.
const WRITER_STATEMENTS: usize = 160;
/// The same for one reading connection.
const READER_STATEMENTS: usize = 24;
/// How long to wait for a predecessor to let go of the database.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The database file; it and its folder are made when missing. The log (`-wal`) and a lock file
    /// (`.lock`) appear beside it.
    pub path: PathBuf,
    /// At most so many reads at once, each on a connection of its own that is opened when needed.
    pub readers: usize,
    /// Only look: no writer, no migration, no lock. For offline tools beside a running server.
    pub read_only: bool,
    /// The database refuses to grow beyond so many pages of 4 KiB, as if the disk were full; `None`: no limit.
    pub max_pages: Option<u32>,
}

impl SqliteOptions {
    /// The usual options for this file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: 4,
            read_only: false,
            max_pages: None,
        }
    }

    /// The same, only for looking.
    #[must_use]
    pub fn read_only(path: impl Into<PathBuf>) -> Self {
        Self {
            read_only: true,
            ..Self::new(path)
        }
    }

    fn common(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .busy_timeout(BUSY)
            .foreign_keys(true)
            .serialized(false) // a connection is only ever used by its own thread
            .pragma("trusted_schema", "OFF")
            .disable_statement_logging()
    }

    /// The connection that writes. Checkpoints are taken by `checkpoint.rs`, not inside a commit.
    pub(super) async fn connect_writer(&self) -> Result<SqliteConnection, StoreError> {
        let mut options = self
            .common()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .statement_cache_capacity(WRITER_STATEMENTS)
            .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
            .pragma("wal_autocheckpoint", "0")
            .pragma("journal_size_limit", LOG_KEEP_BYTES.to_string());
        if let Some(pages) = self.max_pages {
            options = options.pragma("max_page_count", pages.to_string());
        }
        options.connect().await.map_err(|error| store_error(&error))
    }

    /// A connection that reads.
    pub(super) async fn connect_reader(&self) -> Result<SqliteConnection, StoreError> {
        self.common()
            .statement_cache_capacity(READER_STATEMENTS)
            .row_buffer_size(256)
            .pragma("cache_size", format!("-{READER_CACHE_KIB}"))
            .pragma("query_only", "ON")
            .connect()
            .await
            .map_err(|error| store_error(&error))
    }

    /// A connection for work beside the writer that is no plain read: checkpoints and backups.
    pub(super) async fn connect_helper(&self) -> Result<SqliteConnection, StoreError> {
        self.common()
            .synchronous(SqliteSynchronous::Full)
            .statement_cache_capacity(4)
            .pragma("cache_size", format!("-{READER_CACHE_KIB}"))
            .pragma("wal_autocheckpoint", "0")
            .connect()
            .await
            .map_err(|error| store_error(&error))
    }

    /// The log beside the database.
    pub(super) fn log_path(&self) -> PathBuf {
        beside(&self.path, "-wal")
    }

    /// Makes folder and file when missing, readable by nobody else, and takes the lock.
    pub(super) async fn prepare(&self) -> Result<File, StoreError> {
        let path = self.path.clone();
        let prepared = tokio::task::spawn_blocking(move || prepare_files(&path)).await;
        prepared.map_err(|error| StoreError::Database(error.to_string()))?
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn prepare_files(path: &Path) -> Result<File, StoreError> {
    let failed = |what: &str, error: std::io::Error| {
        StoreError::Database(format!("cannot {what} `{}`: {error}", path.display()))
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| failed("make the folder of", error))?;
    }
    let mut open = OpenOptions::new();
    open.create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600);
    let lock = open
        .open(beside(path, ".lock"))
        .map_err(|error| failed("make the lock file of", error))?;
    let begun = std::time::Instant::now();
    // A store that was just dropped lets go when its writer has ended, a moment later.
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Database(format!(
                    "`{}` is in use by another Sayso: stop it first, or give this one a data folder of its own",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", error)),
        }
    }
    // The log and its index take over the database's permissions.
    open.open(path).map_err(|error| failed("open", error))?;
    Ok(lock)
}

/// The newest version that this program knows.
pub(super) fn known_version() -> i64 {
    MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

/// The version of the database, 0 when it is new.
pub(super) async fn found_version(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| store_error(&error))?;
    if tables == 0 {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await
        .map_err(|error| store_error(&error))
}

/// Refuses a database of a newer Sayso and brings an older one up to date.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    refuse_newer(connection).await?;
    MIGRATOR
        .run_direct(None, connection, false)
        .await
        .map_err(|error| {
            StoreError::Database(format!("the database could not be brought up to date: {error}"))
        })
}

/// Refuses a database of a newer Sayso; gives its version.
pub(super) async fn refuse_newer(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let (found, known) = (found_version(connection).await?, known_version());
    if found > known {
        Err(StoreError::TooNew { found, known })
    } else {
        Ok(found)
    }
}
