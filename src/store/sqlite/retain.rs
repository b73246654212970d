//! Finding and deleting what is old enough, a few rows at a time.

use crate::model::{Status, Timestamp};
use crate::store::{Expired, Kept, StoreError};

use super::encode::state_from_code;
use super::memory::{Cell, Memory, OutboxCell, first_id};
use super::pool::ReadPool;
use super::read::{column, id};
use super::statement::{Connection, Values};

/// Runners whose executions are questions.
const ASKING: &str = "('inquirer', 'approval')";

/// Deletes named values that go with rows: what an event of the engine was caused by, and which requests joined a trace.
/// Their keys go on with the row's id, so the key's own index finds them.
macro_rules! named_after {
    ($prefix:literal, $table:literal, $over:literal) => {
        concat!(
            "DELETE FROM settings WHERE key IN (SELECT s.key FROM json_each(?) AS j CROSS JOIN ",
            $table,
            " AS t ON t.number = j.value AND t.",
            $over,
            " CROSS JOIN settings AS s ON s.key > '",
            $prefix,
            "' || lower(hex(t.id)) || '.' AND s.key < '",
            $prefix,
            "' || lower(hex(t.id)) || '/')"
        )
    };
}

/// The oldest that may go, at most `limit`. Ids sort by time, so only old rows are walked.
pub(super) async fn expired(
    pool: &ReadPool,
    kind: Kept,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<Expired>, StoreError> {
    // Children stay as long as the workflow that they are part of is at work.
    let ended = "e.id < ?1 AND e.status >= 16 AND e.ended < ?2 AND NOT EXISTS (SELECT 1 FROM executions AS p WHERE p.id = e.parent AND p.status < 16)";
    let text = match kind {
        Kept::Executions => format!(
            "SELECT e.id, e.number FROM executions AS e WHERE {ended} AND e.runner NOT IN {ASKING} ORDER BY e.id LIMIT ?3"
        ),
        Kept::Inquiries => format!(
            "SELECT e.id, e.number FROM executions AS e WHERE {ended} AND e.runner IN {ASKING} ORDER BY e.id LIMIT ?3"
        ),
        Kept::Output | Kept::Journals => {
            let table = if kind == Kept::Output { "outputs" } else { "journals" };
            // From one execution to the next by the table's key, however many rows each has.
            format!(
                "WITH RECURSIVE o (id) AS (SELECT min(execution) FROM {table} UNION ALL \
                 SELECT (SELECT min(execution) FROM {table} WHERE execution > o.id) FROM o WHERE o.id < ?1) \
                 SELECT e.id, e.number FROM o CROSS JOIN executions AS e ON e.id = o.id WHERE {ended} LIMIT ?3"
            )
        }
        Kept::Instances => "SELECT id, number FROM instances WHERE id < ?1 AND status >= 2 AND occurred < ?2 ORDER BY id LIMIT ?3".to_owned(),
        Kept::Enforcements => "SELECT id, number FROM enforcements WHERE id < ?1 AND enforced < ?2 ORDER BY id LIMIT ?3".to_owned(),
        Kept::Outbox => "SELECT id, number FROM outbox WHERE id < ?1 AND state <> 0 AND created < ?2 ORDER BY id LIMIT ?3".to_owned(),
    };
    let mut values = Values::default();
    values
        .bytes(&first_id(before.micros()))
        .int(before.micros())
        .int(limit);
    let rows = pool.composed(text, values).await?;
    rows.iter()
        .map(|row| {
            Ok(Expired {
                id: id(row, 0)?,
                number: column(row, 1)?,
            })
        })
        .collect()
}

/// Deletes rows by their numbers, in one database transaction, with the counts that change.
pub(super) async fn delete(
    connection: &mut Connection,
    memory: &mut Memory,
    kind: Kept,
    numbers: &[i64],
) -> Result<u64, sqlx::Error> {
    let list = serde_json::to_string(numbers).unwrap_or_default();
    let with = || {
        let mut values = Values::default();
        values.string(&list);
        values
    };
    connection.run("BEGIN IMMEDIATE").await?;
    let named: &[&'static str] = match kind {
        Kept::Executions | Kept::Inquiries => &[
            named_after!("caused.", "executions", "status >= 16"),
            named_after!("trace.", "executions", "status >= 16"),
        ],
        Kept::Instances => &[named_after!("trace.", "instances", "status >= 2")],
        _ => &[],
    };
    for text in named {
        connection.run_with(text, with()).await?;
    }
    let mut after = memory.clone();
    let mut changed = Vec::new();
    let done = match kind {
        Kept::Executions | Kept::Inquiries => {
            let rows = connection
                .fetch_with(
                    "SELECT status, parent IS NULL, builtin, count(*) FROM executions \
                     WHERE number IN (SELECT value FROM json_each(?)) AND status >= 16 GROUP BY 1, 2, 3",
                    with(),
                )
                .await?;
            for row in rows {
                use sqlx::Row as _;
                let Some(status) = Status::from_code(row.try_get::<u8, _>(0)?) else {
                    continue;
                };
                let cell = Cell {
                    status,
                    top: row.try_get(1)?,
                    builtin: row.try_get(2)?,
                };
                let count = after.cells.entry(cell).or_default();
                *count -= row.try_get::<i64, _>(3)?;
                changed.push((cell.key(), *count));
            }
            connection
                .run_with(
                    "DELETE FROM executions WHERE number IN (SELECT value FROM json_each(?)) AND status >= 16",
                    with(),
                )
                .await?
        }
        Kept::Output => {
            connection
                .run_with(
                    "DELETE FROM outputs WHERE execution IN \
                     (SELECT id FROM executions WHERE number IN (SELECT value FROM json_each(?)) AND status >= 16)",
                    with(),
                )
                .await?
        }
        Kept::Journals => {
            connection
                .run_with(
                    "DELETE FROM journals WHERE execution IN \
                     (SELECT id FROM executions WHERE number IN (SELECT value FROM json_each(?)) AND status >= 16)",
                    with(),
                )
                .await?
        }
        Kept::Instances => {
            connection
                .run_with(
                    "DELETE FROM instances WHERE number IN (SELECT value FROM json_each(?)) AND status >= 2",
                    with(),
                )
                .await?
        }
        Kept::Enforcements => {
            connection
                .run_with(
                    "DELETE FROM enforcements WHERE number IN (SELECT value FROM json_each(?))",
                    with(),
                )
                .await?
        }
        Kept::Outbox => {
            let rows = connection
                .fetch_with(
                    "SELECT gateway, state, count(*) FROM outbox \
                     WHERE number IN (SELECT value FROM json_each(?)) AND state <> 0 GROUP BY 1, 2",
                    with(),
                )
                .await?;
            for row in rows {
                use sqlx::Row as _;
                let Some(state) = state_from_code(row.try_get(1)?) else {
                    continue;
                };
                let gateway: String = row.try_get(0)?;
                let cell = OutboxCell::new(&gateway.into(), state);
                let key = cell.key();
                let count = after.outbox.entry(cell).or_default();
                *count -= row.try_get::<i64, _>(2)?;
                changed.push((key, *count));
            }
            connection
                .run_with(
                    "DELETE FROM outbox WHERE number IN (SELECT value FROM json_each(?)) AND state <> 0",
                    with(),
                )
                .await?
        }
    };
    for (key, count) in changed {
        let mut values = Values::default();
        values.string(&key).int(count);
        let text = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        connection.run_with(text, values).await?;
    }
    connection.run("COMMIT").await?;
    *memory = after;
    Ok(done)
}
