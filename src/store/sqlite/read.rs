//! Reads of single things: executions, output, definitions, claims, messages, settings.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::model::{
    Execution, Id, InboxClaim, OutboxMessage, OutputChunk, OutputStream, Progress, Request, Status, Timestamp,
};
use crate::store::{JournalEntry, StoreError};

use super::body::Raw;
use super::encode::{state_from_code, stream_code, stream_from_code};
use super::error::{corrupt, store_error};
use super::pool::ReadPool;
use super::statement::Values;

/// Columns that [`execution`] expects, of a table called `e`.
pub(super) const EXECUTION: &str =
    "e.id, e.revision, e.status, e.started, e.ended, e.progress, e.result_size, e.request_size, e.request";

pub(super) fn column<'r, T>(row: &'r SqliteRow, index: usize) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(index).map_err(|error| store_error(&error))
}

pub(super) fn id(row: &SqliteRow, index: usize) -> Result<Id, StoreError> {
    Id::from_bytes(column(row, index)?).ok_or_else(|| corrupt("an id"))
}

pub(super) fn optional_id(row: &SqliteRow, index: usize) -> Result<Option<Id>, StoreError> {
    match column::<Option<&[u8]>>(row, index)? {
        None => Ok(None),
        Some(bytes) => Id::from_bytes(bytes).map(Some).ok_or_else(|| corrupt("an id")),
    }
}

fn time(row: &SqliteRow, index: usize) -> Result<Timestamp, StoreError> {
    Ok(Timestamp::from_micros(column(row, index)?))
}

fn size(row: &SqliteRow, index: usize) -> Result<u64, StoreError> {
    u64::try_from(column::<i64>(row, index)?).map_err(|_| corrupt("a size"))
}

fn json<T: DeserializeOwned>(text: &str, what: impl std::fmt::Display) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(format_args!("{what}: {error}")))
}

/// An execution without its result.
async fn execution(pool: &ReadPool, row: &SqliteRow) -> Result<Execution, StoreError> {
    let id = id(row, 0)?;
    let status = column::<u8>(row, 2)?;
    let request = match column(row, 8)? {
        Raw::Missing => body(pool, id, 0).await?,
        raw => raw.unpack(column(row, 7)?, "the request of an execution")?,
    };
    Ok(Execution {
        id,
        revision: column(row, 1)?,
        status: Status::from_code(status)
            .ok_or_else(|| corrupt(format_args!("status {status} of execution {id}")))?,
        request: Arc::new(json::<Request>(
            &request,
            format_args!("the request of execution {id}"),
        )?),
        start: time(row, 3)?,
        end: column::<Option<i64>>(row, 4)?.map(Timestamp::from_micros),
        progress: json::<Progress>(column(row, 5)?, format_args!("the progress of execution {id}"))?,
        result: None,
        result_size: size(row, 6)?,
    })
}

/// Executions without their results.
pub(super) async fn executions(pool: &ReadPool, rows: Vec<SqliteRow>) -> Result<Vec<Execution>, StoreError> {
    let mut executions = Vec::with_capacity(rows.len());
    for row in rows {
        executions.push(execution(pool, &row).await?);
    }
    Ok(executions)
}

/// A request or result that is kept apart.
async fn body(pool: &ReadPool, id: Id, part: i64) -> Result<String, StoreError> {
    let mut values = Values::default();
    values.id(id).int(part);
    let row = pool
        .row(
            "SELECT size, data FROM bodies WHERE execution = ? AND part = ?",
            values,
        )
        .await?;
    let what = if part == 0 { "request" } else { "result" };
    let row = row.ok_or_else(|| corrupt(format_args!("the {what} of execution {id} is missing")))?;
    column::<Raw>(&row, 1)?.unpack(column(&row, 0)?, &format!("the {what} of execution {id}"))
}

/// One execution with its result.
pub(super) async fn one(pool: &ReadPool, id: Id) -> Result<Option<Execution>, StoreError> {
    let mut values = Values::default();
    values.id(id);
    let text = "SELECT e.id, e.revision, e.status, e.started, e.ended, e.progress, e.result_size, \
                e.request_size, e.request, e.result FROM executions e WHERE e.id = ?";
    let Some(row) = pool.row(text, values).await? else {
        return Ok(None);
    };
    let mut found = execution(pool, &row).await?;
    let result = match column(&row, 9)? {
        Raw::Missing if found.result_size == 0 => None,
        Raw::Missing => Some(body(pool, id, 1).await?),
        raw => Some(raw.unpack(column(&row, 6)?, &format!("the result of execution {id}"))?),
    };
    if let Some(result) = result {
        found.result = Some(Arc::new(json(
            &result,
            format_args!("the result of execution {id}"),
        )?));
    }
    Ok(Some(found))
}

/// All that are not completed, oldest first.
pub(super) async fn unfinished(pool: &ReadPool) -> Result<Vec<Execution>, StoreError> {
    let text = format!(
        "SELECT {EXECUTION} FROM executions e INDEXED BY executions_status \
         WHERE e.status <> 16 AND e.status < 16 ORDER BY e.id"
    );
    let rows = pool.composed(text, Values::default()).await?;
    executions(pool, rows).await
}

pub(super) async fn newest(pool: &ReadPool) -> Result<Option<Id>, StoreError> {
    let row = pool
        .row("SELECT max(id) FROM executions", Values::default())
        .await?;
    row.map_or(Ok(None), |row| optional_id(&row, 0))
}

pub(super) async fn output(
    pool: &ReadPool,
    execution: Id,
    from: u32,
    limit: u32,
    stream: Option<OutputStream>,
) -> Result<Vec<OutputChunk>, StoreError> {
    let mut values = Values::default();
    values
        .id(execution)
        .int(from)
        .int(stream.map_or(-1, |stream| i64::from(stream_code(stream))))
        .int(limit);
    let text = "SELECT number, at, stream, size, data FROM outputs \
                WHERE execution = ?1 AND number >= ?2 AND (?3 < 0 OR stream = ?3) ORDER BY number LIMIT ?4";
    let rows = pool.rows(text, values).await?;
    let chunk = |row: &SqliteRow| {
        Ok(OutputChunk {
            execution,
            number: column(row, 0)?,
            timestamp: time(row, 1)?,
            stream: stream_from_code(column(row, 2)?).ok_or_else(|| corrupt("the stream of output"))?,
            text: column::<Raw>(row, 4)?.unpack(column(row, 3)?, "output")?,
        })
    };
    rows.iter().map(chunk).collect()
}

pub(super) async fn definition(
    pool: &ReadPool,
    digest: &str,
) -> Result<Option<serde_json::Value>, StoreError> {
    let mut values = Values::default();
    values.string(digest);
    let row = pool
        .row("SELECT size, document FROM definitions WHERE digest = ?", values)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let text = column::<Raw>(&row, 1)?.unpack(column(&row, 0)?, "a definition")?;
    json(&text, "a definition").map(Some)
}

pub(super) async fn definition_digests(pool: &ReadPool) -> Result<Vec<String>, StoreError> {
    let rows = pool
        .rows(
            "SELECT digest FROM definitions ORDER BY digest",
            Values::default(),
        )
        .await?;
    rows.iter().map(|row| column(row, 0)).collect()
}

pub(super) async fn journal(
    pool: &ReadPool,
    execution: Id,
    from: u64,
    limit: u32,
) -> Result<Vec<JournalEntry>, StoreError> {
    let mut values = Values::default();
    values
        .id(execution)
        .int(i64::try_from(from).unwrap_or(i64::MAX))
        .id(execution)
        .int(limit);
    let text = "SELECT number, data, whole FROM journals WHERE execution = ? AND number >= max(?, coalesce(\
                (SELECT max(number) FROM journals WHERE execution = ? AND whole = 1), 0)) ORDER BY number LIMIT ?";
    let rows = pool.rows(text, values).await?;
    let entry = |row: &SqliteRow| {
        Ok(JournalEntry {
            execution,
            number: u64::try_from(column::<i64>(row, 0)?)
                .map_err(|_| corrupt("the number of a journal entry"))?,
            data: column::<Vec<u8>>(row, 1)?.into(),
            whole: column::<i64>(row, 2)? != 0,
        })
    };
    rows.iter().map(entry).collect()
}

pub(super) async fn claim(pool: &ReadPool, key: &str) -> Result<Option<InboxClaim>, StoreError> {
    let mut values = Values::default();
    values.string(key);
    let row = pool
        .row("SELECT document FROM claims WHERE key = ?", values)
        .await?;
    row.map(|row| json(column(&row, 0)?, "a claim")).transpose()
}

const MESSAGE: &str =
    "id, state, attempts, next_attempt, created, card, execution, message_ref, error, place, body";

fn message(row: &SqliteRow) -> Result<OutboxMessage, StoreError> {
    Ok(OutboxMessage {
        id: id(row, 0)?,
        state: state_from_code(column(row, 1)?).ok_or_else(|| corrupt("the state of a message"))?,
        attempts: column(row, 2)?,
        next_attempt: time(row, 3)?,
        created: time(row, 4)?,
        card: column(row, 5)?,
        execution: optional_id(row, 6)?,
        message_ref: column(row, 7)?,
        error: column(row, 8)?,
        place: json(column(row, 9)?, "the place of a message")?,
        body: json(column(row, 10)?, "the body of a message")?,
    })
}

async fn messages(pool: &ReadPool, rest: &str, values: Values) -> Result<Vec<OutboxMessage>, StoreError> {
    let rows = pool
        .composed(format!("SELECT {MESSAGE} FROM outbox {rest}"), values)
        .await?;
    rows.iter().map(message).collect()
}

pub(super) async fn outbox_pending(pool: &ReadPool, limit: u32) -> Result<Vec<OutboxMessage>, StoreError> {
    let mut values = Values::default();
    values.int(limit);
    messages(
        pool,
        "INDEXED BY outbox_pending WHERE state = 0 ORDER BY id LIMIT ?",
        values,
    )
    .await
}

pub(super) async fn outbox_conversation(
    pool: &ReadPool,
    gateway: &str,
    conversation: &str,
    after: Option<Id>,
    limit: u32,
) -> Result<Vec<OutboxMessage>, StoreError> {
    let mut values = Values::default();
    values.string(gateway).string(conversation);
    values
        .bytes(after.as_ref().map_or(&[], |id| id.bytes()))
        .int(limit);
    let rest = "WHERE gateway = ? AND conversation = ? AND id > ? ORDER BY id LIMIT ?";
    messages(pool, rest, values).await
}

pub(super) async fn outbox_card(pool: &ReadPool, card: &str) -> Result<Vec<OutboxMessage>, StoreError> {
    let mut values = Values::default();
    values.string(card);
    messages(pool, "WHERE card = ? ORDER BY id", values).await
}

pub(super) async fn outbox_cards(pool: &ReadPool, prefix: &str) -> Result<Vec<OutboxMessage>, StoreError> {
    let mut values = Values::default();
    // The greatest character ends the range; keys are made of ids and plain words.
    values.string(prefix).string(&format!("{prefix}\u{10ffff}"));
    messages(pool, "WHERE card >= ? AND card < ? ORDER BY id", values).await
}

pub(super) async fn setting(pool: &ReadPool, key: &str) -> Result<Option<serde_json::Value>, StoreError> {
    let mut values = Values::default();
    values.string(key);
    let row = pool
        .row("SELECT value FROM settings WHERE key = ?", values)
        .await?;
    row.map(|row| json(column(&row, 0)?, format_args!("setting `{key}`")))
        .transpose()
}

pub(super) async fn settings(
    pool: &ReadPool,
    prefix: &str,
) -> Result<Vec<(String, serde_json::Value)>, StoreError> {
    let mut values = Values::default();
    values.string(prefix);
    let text = "SELECT key, value FROM settings \
                WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 ORDER BY key";
    let rows = pool.rows(text, values).await?;
    let pair = |row: &SqliteRow| {
        let key: String = column(row, 0)?;
        let value = json(column(row, 1)?, format_args!("setting `{key}`"))?;
        Ok((key, value))
    };
    rows.iter().map(pair).collect()
}
