//! Writes one group: reads what its guards need, decides, writes the rows, commits.

use std::sync::LazyLock;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::model::{Id, Status};
use crate::store::CommitError;

use super::body::Stored;
use super::encode::{Encoded, instance_code, state_code, state_from_code};
use super::memory::{AUDIT, Cell, Memory, OutboxCell, SKEW};
use super::plan::{Found, Known, Needs, Origin, Plan, Slot};
use super::statement::{Connection, Rows, Values};

/// Where a group failed; nothing of it was written.
#[derive(Debug)]
pub(super) struct Failure {
    /// Before anything of the transactions was looked at: they would all fail the same way.
    pub(super) at_begin: bool,
    /// Why.
    pub(super) error: sqlx::Error,
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self {
            at_begin: false,
            error,
        }
    }
}

/// Writes the group in one database transaction. After an error the caller rolls back.
pub(super) async fn write(
    connection: &mut Connection,
    memory: &mut Memory,
    group: &[&Encoded],
) -> Result<Vec<Result<(), CommitError>>, Failure> {
    connection.run("BEGIN IMMEDIATE").await.map_err(|error| Failure {
        at_begin: true,
        error,
    })?;
    let needs = Needs::of(group);
    let found = look_up(connection, &needs).await?;
    let (plan, answers) = Plan::new(group, &found, memory);
    if needs.leave_doubt(&answers) {
        return Err(sqlx::Error::Protocol("the group has to be decided one by one".to_owned()).into());
    }
    if plan.is_empty() {
        connection.run("ROLLBACK").await?;
        return Ok(answers);
    }
    executions(connection, &plan).await?;
    messages(connection, &plan).await?;
    events(connection, &plan).await?;
    rest(connection, &plan).await?;
    meta(connection, &plan, memory).await?;
    connection.run("COMMIT").await?;
    *memory = plan.after;
    Ok(answers)
}

async fn look_up(connection: &mut Connection, needs: &Needs<'_>) -> Result<Found, sqlx::Error> {
    static EXECUTIONS: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "SELECT id, number, revision, status, parent IS NULL, builtin, result IS NULL AND result_size > 0 \
             FROM executions WHERE id IN (",
            "?",
            ")",
        )
    });
    static CLAIMS: LazyLock<Rows> =
        LazyLock::new(|| Rows::new("SELECT document FROM claims WHERE key IN (", "?", ")"));
    static MESSAGES: LazyLock<Rows> =
        LazyLock::new(|| Rows::new("SELECT id, gateway, state FROM outbox WHERE id IN (", "?", ")"));

    let mut found = Found::default();
    if !needs.executions.is_empty() {
        let rows = connection
            .look_up(&EXECUTIONS, &needs.executions, |values, id| {
                values.id(*id);
            })
            .await?;
        for row in rows {
            let (id, known) = known(&row)?;
            found.executions.insert(id, known);
        }
    }
    if !needs.claims.is_empty() {
        let rows = connection
            .look_up(&CLAIMS, &needs.claims, |values, key| {
                values.text(key);
            })
            .await?;
        for row in rows {
            let document: String = row.try_get(0)?;
            let claim: crate::model::InboxClaim =
                serde_json::from_str(&document).map_err(|error| sqlx::Error::Decode(error.into()))?;
            found.claims.insert(claim.key.clone(), claim);
        }
    }
    if !needs.messages.is_empty() {
        let rows = connection
            .look_up(&MESSAGES, &needs.messages, |values, id| {
                values.id(*id);
            })
            .await?;
        for row in rows {
            let state = state_from_code(row.try_get(2)?).ok_or_else(|| undecodable("state of a message"))?;
            let gateway: String = row.try_get(1)?;
            found
                .messages
                .insert(id(&row, 0)?, OutboxCell::new(&gateway.into(), state));
        }
    }
    Ok(found)
}

fn known(row: &SqliteRow) -> Result<(Id, Known), sqlx::Error> {
    let status = Status::from_code(row.try_get(3)?).ok_or_else(|| undecodable("status"))?;
    let cell = Cell {
        status,
        top: row.try_get(4)?,
        builtin: row.try_get(5)?,
    };
    let known = Known {
        number: row.try_get(1)?,
        revision: row.try_get(2)?,
        cell,
        apart: row.try_get(6)?,
    };
    Ok((id(row, 0)?, known))
}

fn id(row: &SqliteRow, column: usize) -> Result<Id, sqlx::Error> {
    Id::from_bytes(row.try_get(column)?).ok_or_else(|| undecodable("id"))
}

fn undecodable(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(what.into())
}

fn stored<'v>(values: &'v mut Values, stored: Option<&Stored>) -> &'v mut Values {
    match stored {
        None => values.null(),
        Some(Stored::Plain(text)) => values.text(text),
        Some(Stored::Packed(bytes)) => values.bytes(bytes),
    }
}

async fn executions(connection: &mut Connection, plan: &Plan<'_>) -> Result<(), sqlx::Error> {
    static INSERT: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "INSERT INTO executions (id, revision, status, started, ended, action, runner, user, parent, rule, \
             trigger_instance, not_before, builtin, gateway, conversation, result_size, request_size, progress, \
             request, result) VALUES ",
            "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            "",
        )
    });
    // A result of NULL size is no new result: the stored one stays.
    static UPDATE: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "UPDATE executions SET revision = v.column2, status = v.column3, ended = v.column4, \
             progress = v.column5, result_size = coalesce(v.column6, result_size), \
             result = CASE WHEN v.column6 IS NULL THEN result ELSE v.column7 END FROM (VALUES ",
            "(?,?,?,?,?,?,?)",
            ") AS v WHERE number = v.column1",
        )
    });
    static BODIES: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "INSERT INTO bodies (execution, part, size, data) VALUES ",
            "(?,?,?,?)",
            " ON CONFLICT (execution, part) DO UPDATE SET size = excluded.size, data = excluded.data",
        )
    });
    let (mut inserts, mut updates, mut bodies, mut obsolete) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for slot in &plan.slots {
        let id = slot.step.id;
        match &slot.origin {
            Origin::New(fixed) => {
                inserts.push((slot, *fixed));
                if fixed.request.inline().is_none() {
                    bodies.push((id, 0, &fixed.request));
                }
            }
            Origin::Stored(known) => updates.push((slot, known.number)),
        }
        if let Some(result) = slot.result {
            if result.inline().is_none() {
                bodies.push((id, 1, result));
            } else if matches!(&slot.origin, Origin::Stored(known) if known.apart) {
                obsolete.push(id);
            }
        }
    }
    connection
        .write(&INSERT, &inserts, |values, (slot, fixed): &(&Slot<'_>, _)| {
            let step = slot.step;
            let (gateway, conversation) = fixed.place.as_ref().map(|(a, b)| (a, b)).unzip();
            values
                .id(step.id)
                .int(step.revision)
                .int(step.status.code())
                .int(fixed.started);
            values
                .optional_int(step.ended)
                .text(&fixed.action)
                .text(&fixed.runner)
                .text(&fixed.user);
            values
                .optional_id(fixed.parent)
                .optional_text(fixed.rule.as_ref());
            values
                .optional_id(fixed.trigger_instance)
                .optional_int(fixed.not_before);
            values
                .int(fixed.builtin)
                .optional_text(gateway)
                .optional_text(conversation);
            values
                .size(slot.result.map_or(0, |result| result.size))
                .size(fixed.request.size);
            stored(values.text(&step.progress), fixed.request.inline());
            stored(values, slot.result.and_then(|result| result.inline()));
        })
        .await?;
    let changed = connection
        .write(&UPDATE, &updates, |values, (slot, number): &(&Slot<'_>, i64)| {
            let step = slot.step;
            values
                .int(*number)
                .int(step.revision)
                .int(step.status.code())
                .optional_int(step.ended);
            values.text(&step.progress);
            match slot.result {
                None => values.null().null(),
                Some(result) => stored(values.size(result.size), result.inline()),
            };
        })
        .await?;
    if usize::try_from(changed) != Ok(updates.len()) {
        return Err(sqlx::Error::Protocol(format!(
            "{changed} of {} executions were updated",
            updates.len()
        )));
    }
    connection
        .write(&BODIES, &bodies, |values, (id, part, body)| {
            stored(values.id(*id).int(*part).size(body.size), Some(&body.stored));
        })
        .await?;
    for id in obsolete {
        let mut values = Values::default();
        values.id(id);
        connection
            .run_with("DELETE FROM bodies WHERE execution = ? AND part = 1", values)
            .await?;
    }
    Ok(())
}

async fn messages(connection: &mut Connection, plan: &Plan<'_>) -> Result<(), sqlx::Error> {
    static INSERT: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "INSERT INTO outbox (id, gateway, conversation, state, attempts, next_attempt, created, card, \
             execution, message_ref, error, place, body) VALUES ",
            "(?,?,?,?,?,?,?,?,?,?,?,?,?)",
            "",
        )
    });
    static UPDATE: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "UPDATE outbox SET state = v.column2, attempts = v.column3, next_attempt = v.column4, \
             message_ref = v.column5, error = v.column6 FROM (VALUES ",
            "(?,?,?,?,?,?)",
            ") AS v WHERE id = v.column1",
        )
    });
    static CLAIMS: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "INSERT INTO claims (key, received, document) VALUES ",
            "(?,?,?)",
            "",
        )
    });
    connection
        .write(&CLAIMS, &plan.claims, |values, row| {
            values
                .text(&row.key)
                .int(row.claim.received.micros())
                .text(&row.document);
        })
        .await?;
    connection
        .write(&INSERT, &plan.messages, |values, message| {
            let (row, step) = (message.row, message.step);
            values
                .id(row.id)
                .text(&row.gateway)
                .text(&row.conversation)
                .int(state_code(step.state));
            values.int(step.attempts).int(step.next_attempt).int(row.created);
            values.optional_text(row.card.as_ref()).optional_id(row.execution);
            values
                .optional_text(step.message_ref.as_ref())
                .optional_text(step.error.as_ref());
            values.text(&row.place).text(&row.body);
        })
        .await?;
    let updates: Vec<_> = plan.message_updates.values().collect();
    connection
        .write(&UPDATE, &updates, |values, step| {
            values
                .id(step.id)
                .int(state_code(step.state))
                .int(step.attempts)
                .int(step.next_attempt);
            values
                .optional_text(step.message_ref.as_ref())
                .optional_text(step.error.as_ref());
        })
        .await?;
    Ok(())
}

async fn events(connection: &mut Connection, plan: &Plan<'_>) -> Result<(), sqlx::Error> {
    static INSTANCES: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "INSERT INTO instances (id, trigger, status, occurred, size, payload, detail) VALUES ",
            "(?,?,?,?,?,?,?)",
            "",
        )
    });
    static STATUSES: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "UPDATE instances SET status = v.column2 FROM (VALUES ",
            "(?,?)",
            ") AS v WHERE id = v.column1",
        )
    });
    static ENFORCEMENTS: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "INSERT INTO enforcements (id, rule, instance, execution, enforced, failure, held_back) VALUES ",
            "(?,?,?,?,?,?,?)",
            "",
        )
    });
    connection
        .write(&INSTANCES, &plan.instances, |values, (row, status)| {
            values
                .id(row.id)
                .text(&row.trigger)
                .int(instance_code(*status))
                .int(row.occurred)
                .size(row.size);
            stored(values, Some(&row.payload)).text(&row.detail);
        })
        .await?;
    let updates: Vec<_> = plan.instance_updates.iter().collect();
    connection
        .write(&STATUSES, &updates, |values, (id, status)| {
            values.id(**id).int(instance_code(**status));
        })
        .await?;
    connection
        .write(&ENFORCEMENTS, &plan.enforcements, |values, row| {
            values.id(row.id).string(&row.rule).id(row.instance);
            values.optional_id(row.execution).int(row.enforced_at.micros());
            match &row.failure {
                Some(failure) => values.string(failure),
                None => values.null(),
            };
            // A few short texts: writing them cannot fail.
            let held_back = row
                .held_back
                .as_ref()
                .map(|held| serde_json::to_string(held).unwrap_or_default());
            match held_back {
                Some(held_back) => values.string(&held_back),
                None => values.null(),
            };
        })
        .await?;
    Ok(())
}

async fn rest(connection: &mut Connection, plan: &Plan<'_>) -> Result<(), sqlx::Error> {
    // A chunk that is written again after a crash replaces the first.
    static OUTPUTS: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "INSERT OR REPLACE INTO outputs (execution, number, at, stream, size, data) VALUES ",
            "(?,?,?,?,?,?)",
            "",
        )
    });
    static AUDIT: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "INSERT INTO audit (number, at, kind, actor, action, execution, hash, text) VALUES ",
            "(?,?,?,?,?,?,?,?)",
            "",
        )
    });
    static DEFINITIONS: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "INSERT OR IGNORE INTO definitions (digest, size, document) VALUES ",
            "(?,?,?)",
            "",
        )
    });
    static JOURNAL: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "INSERT INTO journals (execution, number, data, whole) VALUES ",
            "(?,?,?,?)",
            "",
        )
    });
    static SETTINGS: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "INSERT OR REPLACE INTO settings (key, value) VALUES ",
            "(?,?)",
            "",
        )
    });
    static UNSET: LazyLock<Rows> =
        LazyLock::new(|| Rows::new("DELETE FROM settings WHERE key IN (", "?", ")"));

    connection
        .write(&AUDIT, &plan.audit, |values, entry| {
            let row = entry.row;
            values
                .int(number(entry.number))
                .int(row.at)
                .text(&row.kind)
                .text(&row.actor);
            values
                .optional_text(row.action.as_ref())
                .optional_id(row.execution);
            values.bytes(&entry.hash).text(&row.text);
        })
        .await?;
    connection
        .write(&OUTPUTS, &plan.outputs, |values, row| {
            values
                .id(row.execution)
                .int(row.number)
                .int(row.at)
                .int(row.stream)
                .size(row.size);
            stored(values, Some(&row.data));
        })
        .await?;
    connection
        .write(
            &DEFINITIONS,
            &plan.definitions,
            |values, (digest, size, document)| {
                stored(values.text(digest).size(*size), Some(document));
            },
        )
        .await?;
    connection
        .write(&JOURNAL, &plan.journal, |values, entry| {
            values
                .id(entry.execution)
                .int(number(entry.number))
                .bytes(&entry.data)
                .int(entry.whole);
        })
        .await?;
    let (mut set, mut unset) = (Vec::new(), Vec::new());
    for (key, value) in &plan.settings {
        match value {
            Some(value) => set.push((*key, *value)),
            None => unset.push(*key),
        }
    }
    connection
        .write(&SETTINGS, &set, |values, (key, value)| {
            values.text(key).text(value);
        })
        .await?;
    connection
        .write(&UNSET, &unset, |values, key| {
            values.text(key);
        })
        .await?;
    Ok(())
}

enum MetaValue {
    Number(i64),
    Bytes(Vec<u8>),
}

/// Writes what changed in the writer's memory.
async fn meta(connection: &mut Connection, plan: &Plan<'_>, before: &Memory) -> Result<(), sqlx::Error> {
    static META: LazyLock<Rows> = LazyLock::new(|| {
        Rows::new(
            "INSERT INTO meta (key, value) VALUES ",
            "(?,?)",
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
    });
    let after = &plan.after;
    let mut rows = Vec::new();
    if after.tail != before.tail {
        rows.push((AUDIT.to_owned(), MetaValue::Bytes(after.tail.to_bytes())));
    }
    if after.skew != before.skew {
        rows.push((SKEW.to_owned(), MetaValue::Number(after.skew)));
    }
    for cell in &plan.cells {
        rows.push((
            cell.key(),
            MetaValue::Number(after.cells.get(cell).copied().unwrap_or(0)),
        ));
    }
    for cell in &plan.outbox_cells {
        rows.push((
            cell.key(),
            MetaValue::Number(after.outbox.get(cell).copied().unwrap_or(0)),
        ));
    }
    connection
        .write_padded(&META, &rows, |values, (key, value)| {
            match value {
                MetaValue::Number(number) => values.string(key).int(*number),
                MetaValue::Bytes(bytes) => values.string(key).bytes(bytes),
            };
        })
        .await
}

/// Entry numbers stay far below 2^63.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
