//! Care of the database: sizes and counts, integrity, backup.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::model::Status;
use crate::store::{StoreError, StoreStats};

use super::connect::{SqliteOptions, found_version};
use super::encode::state_from_code;
use super::error::{corrupt, store_error};
use super::memory::{Cell, Memory, OutboxCell};
use super::pool::ReadPool;
use super::read::column;

/// Complaints of one kind that are listed.
const COMPLAINTS: usize = 100;

/// Sizes and counts; the writer's tally is added by the caller.
pub(super) async fn stats(pool: &ReadPool, options: &SqliteOptions) -> Result<StoreStats, StoreError> {
    let mut lease = pool.lease().await?;
    let memory = Memory::load(lease.connection()).await?;
    let schema_version = found_version(lease.connection()).await?;
    lease.done();
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    Ok(StoreStats {
        kind: "sqlite",
        schema_version,
        bytes: size(&options.path),
        wal_bytes: size(&options.log_path()),
        executions: memory.count(|_| true),
        unfinished: memory.count(|cell| !cell.status.is_completed()),
        audit_entries: memory.tail.number,
        ..StoreStats::default()
    })
}

/// `SQLite`'s own checks and ours, on one snapshot, on a connection of their own.
pub(super) async fn check(options: &SqliteOptions) -> Result<Vec<String>, StoreError> {
    let mut connection = options.connect_reader().await?;
    sqlx::query("BEGIN")
        .execute(&mut connection)
        .await
        .map_err(|error| store_error(&error))?;
    let mut complaints = Vec::new();
    for row in rows(&mut connection, "PRAGMA integrity_check(100)").await? {
        let complaint: String = column(&row, 0)?;
        if complaint != "ok" {
            complaints.push(complaint);
        }
    }
    for row in rows(&mut connection, "PRAGMA foreign_key_check")
        .await?
        .iter()
        .take(COMPLAINTS)
    {
        let (table, parent): (String, String) = (column(row, 0)?, column(row, 2)?);
        complaints.push(format!(
            "a row of `{table}` belongs to a row of `{parent}` that is not there"
        ));
    }
    invariants(&mut connection, &mut complaints).await?;
    match Memory::load(&mut connection).await {
        Ok(memory) => {
            counts(&mut connection, &memory, &mut complaints).await?;
            audit(&mut connection, &memory, &mut complaints).await?;
        }
        Err(error) => complaints.push(error.to_string()),
    }
    Ok(complaints)
}

async fn rows(connection: &mut SqliteConnection, text: &'static str) -> Result<Vec<SqliteRow>, StoreError> {
    sqlx::query(text)
        .fetch_all(connection)
        .await
        .map_err(|error| store_error(&error))
}

/// Statements that give one row per violation, with what is wrong.
async fn invariants(
    connection: &mut SqliteConnection,
    complaints: &mut Vec<String>,
) -> Result<(), StoreError> {
    const CHECKS: [(&str, &str); 4] = [
        (
            "has an id that is not 12 bytes long",
            "SELECT number FROM executions WHERE length(id) <> 12 LIMIT 100",
        ),
        (
            "lacks its request",
            "SELECT number FROM executions e WHERE request IS NULL AND NOT EXISTS \
             (SELECT 1 FROM bodies b WHERE b.execution = e.id AND b.part = 0) LIMIT 100",
        ),
        (
            "lacks its result",
            "SELECT number FROM executions e WHERE result IS NULL AND result_size > 0 AND NOT EXISTS \
             (SELECT 1 FROM bodies b WHERE b.execution = e.id AND b.part = 1) LIMIT 100",
        ),
        (
            "is completed and has no end, or has an end and is not completed",
            "SELECT number FROM executions WHERE (status >= 16) <> (ended IS NOT NULL) LIMIT 100",
        ),
    ];
    for (wrong, text) in CHECKS {
        for row in rows(connection, text).await? {
            complaints.push(format!(
                "the execution in row {} {wrong}",
                column::<i64>(&row, 0)?
            ));
        }
    }
    Ok(())
}

/// The kept counts against real ones.
async fn counts(
    connection: &mut SqliteConnection,
    memory: &Memory,
    complaints: &mut Vec<String>,
) -> Result<(), StoreError> {
    let text = "SELECT status, parent IS NULL, builtin, count(*) FROM executions GROUP BY 1, 2, 3";
    let mut real = BTreeMap::new();
    for row in rows(connection, text).await? {
        let code = column::<u8>(&row, 0)?;
        match Status::from_code(code) {
            None => complaints.push(format!("executions have the unknown status {code}")),
            Some(status) => {
                let cell = Cell {
                    status,
                    top: column(&row, 1)?,
                    builtin: column(&row, 2)?,
                };
                real.insert(cell, column::<i64>(&row, 3)?);
            }
        }
    }
    let kept: BTreeMap<_, _> = memory
        .cells
        .clone()
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .collect();
    if kept != real {
        complaints.push("the kept counts of executions are not the real ones".to_owned());
    }
    let mut real = std::collections::HashMap::new();
    for row in rows(
        connection,
        "SELECT gateway, state, count(*) FROM outbox GROUP BY 1, 2",
    )
    .await?
    {
        let state = state_from_code(column(&row, 1)?).ok_or_else(|| corrupt("the state of a message"))?;
        real.insert(
            OutboxCell::new(&column::<String>(&row, 0)?.into(), state),
            column::<i64>(&row, 2)?,
        );
    }
    let mut kept = memory.outbox.clone();
    kept.retain(|_, count| *count != 0);
    if kept != real {
        complaints.push("the kept counts of outbound messages are not the real ones".to_owned());
    }
    Ok(())
}

/// Length and end of the audit log; `audit verify` looks at every entry.
async fn audit(
    connection: &mut SqliteConnection,
    memory: &Memory,
    complaints: &mut Vec<String>,
) -> Result<(), StoreError> {
    let text = "SELECT count(*), coalesce(max(number), 0) FROM audit";
    if let Some(row) = rows(connection, text).await?.first() {
        let (count, newest): (i64, i64) = (column(row, 0)?, column(row, 1)?);
        let expected = i64::try_from(memory.tail.number).unwrap_or(i64::MAX);
        if count != expected || newest != expected {
            complaints.push(format!(
                "the audit log should have entries 1 to {expected}: it has {count}, the newest is {newest}"
            ));
        }
    }
    let hash = sqlx::query("SELECT hash FROM audit ORDER BY number DESC LIMIT 1")
        .fetch_optional(connection)
        .await
        .map_err(|error| store_error(&error))?;
    if let Some(row) = hash {
        let hash: Vec<u8> = row.try_get(0).map_err(|error| store_error(&error))?;
        if hash != memory.tail.hash {
            complaints.push("the newest audit entry's hash is not the one kept apart".to_owned());
        }
    }
    Ok(())
}

/// A consistent copy, complete or not there at all, while commits go on.
pub(super) async fn backup(options: &SqliteOptions, target: &Path) -> Result<(), StoreError> {
    let occupied = || {
        StoreError::Database(format!(
            "`{}` exists already: name a file that does not, nothing was written",
            target.display()
        ))
    };
    if target.symlink_metadata().is_ok() {
        return Err(occupied());
    }
    let mut part = target.as_os_str().to_owned();
    part.push(".part");
    let part = Unfinished(PathBuf::from(part));
    let name = part
        .0
        .to_str()
        .ok_or_else(|| StoreError::Database(format!("the name `{}` is no valid UTF-8", target.display())))?;
    let create = std::fs::OpenOptions::new();
    restricted(create, &part.0).map_err(|error| failed(target, &error))?;
    let mut connection = options.connect_helper().await?;
    sqlx::query("VACUUM INTO ?")
        .bind(name)
        .execute(&mut connection)
        .await
        .map_err(|error| store_error(&error))?;
    let _ = sqlx::Connection::close(connection).await; // it only read
    let target = target.to_owned();
    let moved = tokio::task::spawn_blocking(move || {
        std::fs::File::open(&part.0)?.sync_all()?;
        // Unlike a rename, a link never replaces what appeared there in the meantime. Not every file system
        // knows links.
        match std::fs::hard_link(&part.0, &target) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists && !target.exists() => {
                std::fs::rename(&part.0, &target)?;
            }
            linked => linked?,
        }
        drop(part);
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        std::fs::File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
    })
    .await
    .map_err(|error| StoreError::Database(error.to_string()))?;
    match moved {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(StoreError::Database(
            "the target appeared while the backup was written: it was left alone".to_owned(),
        )),
        Err(error) if error.kind() == ErrorKind::StorageFull => Err(StoreError::DiskFull),
        Err(error) => Err(StoreError::Database(format!(
            "the backup could not be put in place: {error}"
        ))),
    }
}

/// An empty file that only we may read; an empty file is a valid target of `VACUUM INTO`.
fn restricted(mut options: std::fs::OpenOptions, path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map(|_| ())
}

fn failed(target: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Database(format!("cannot write the backup `{}`: {error}", target.display()))
}

/// A file that goes away again.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // nothing depends on it
    }
}
