//! Reads of the audit log: filters, words, and the raw records that verification needs.

use std::fmt::Write as _;

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Executor};

use crate::model::{AuditEntry, Timestamp};
use crate::store::{AuditFilter, AuditRecord, AuditRecords, StoreError};

use super::error::{corrupt, store_error};
use super::memory::Memory;
use super::pool::ReadPool;
use super::read::{column, optional_id};
use super::statement::Values;

/// Entries that a search for words looks at, the nearest first: about a second's work.
pub(super) const SEARCHED: i64 = 200_000;
/// Kinds that a prefix may stand for and still be walked one by one.
const KINDS: usize = 32;
/// A longer word is looked for by us; `SQLite` refuses patterns of more than 50,000 bytes.
const PATTERN: usize = 1000;

/// Entries that pass the filter.
pub(super) async fn search(pool: &ReadPool, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
    let (above, below) = range(pool, filter).await?;
    let kinds = match &filter.kind {
        Some(kind) => kinds(pool, kind).await?,
        None => Vec::new(),
    };
    if filter.kind.is_some() && kinds.is_empty() {
        return Ok(Vec::new());
    }
    let words: Vec<String> = filter
        .words
        .iter()
        .filter(|word| !word.is_empty())
        .map(|word| as_stored(word))
        .collect();
    // SQLite ignores case only in ASCII; the other words are compared here.
    let (simple, other): (Vec<_>, Vec<_>) = words
        .into_iter()
        .partition(|word| word.is_ascii() && word.len() < PATTERN);
    let other: Vec<String> = other.into_iter().map(|word| word.to_lowercase()).collect();
    let composed = compose(filter, &kinds, above, below, &simple, !other.is_empty());

    let mut entries = Vec::new();
    let wanted = if filter.limit == 0 {
        usize::MAX
    } else {
        filter.limit as usize
    };
    let arguments = composed.1.finish().map_err(|error| store_error(&error))?;
    let mut lease = pool.lease().await?;
    {
        let query = sqlx::query_with(AssertSqlSafe(composed.0), arguments);
        let mut rows = lease.connection().fetch(query);
        while entries.len() < wanted {
            let Some(row) = rows.try_next().await.map_err(|error| store_error(&error))? else {
                break;
            };
            let text: &str = column(&row, 1)?;
            if !other.is_empty() {
                let text = text.to_lowercase();
                if !other.iter().all(|word| text.contains(word)) {
                    continue;
                }
            }
            entries.push(entry(&row, text)?);
        }
    }
    lease.done();
    Ok(entries)
}

fn entry(row: &SqliteRow, text: &str) -> Result<AuditEntry, StoreError> {
    let number = number(row)?;
    let draft = serde_json::from_str(text).map_err(|error| {
        corrupt(format_args!(
            "audit entry {number}: {error}; `sayso audit verify` tells more"
        ))
    })?;
    Ok(AuditEntry {
        number,
        draft,
        hash: hash(row, 2, number)?,
    })
}

fn number(row: &SqliteRow) -> Result<u64, StoreError> {
    u64::try_from(column::<i64>(row, 0)?).map_err(|_| corrupt("the number of an audit entry"))
}

fn hash(row: &SqliteRow, index: usize, number: u64) -> Result<[u8; 32], StoreError> {
    let hash: &[u8] = column(row, index)?;
    hash.try_into()
        .map_err(|_| corrupt(format_args!("the hash of audit entry {number}")))
}

/// The word as it occurs in the JSON text: quotes and backslashes are escaped there.
fn as_stored(word: &str) -> String {
    let quoted = serde_json::Value::from(word).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn compose(
    filter: &AuditFilter,
    kinds: &[String],
    above: i64,
    below: i64,
    words: &[String],
    more_words: bool,
) -> (String, Values) {
    let order = if filter.newest_first { "DESC" } else { "ASC" };
    let limit = if filter.limit == 0 {
        -1
    } else {
        i64::from(filter.limit)
    };
    let searching = more_words || !words.is_empty();
    // What one walk may look at.
    let walked = if searching { SEARCHED } else { limit };
    let (index, own) = if filter.execution.is_some() {
        ("INDEXED BY audit_execution", "execution")
    } else if filter.action.is_some() {
        ("INDEXED BY audit_action", "action")
    } else if filter.actor.is_some() {
        ("INDEXED BY audit_actor", "actor")
    } else if !kinds.is_empty() && kinds.len() <= KINDS {
        ("INDEXED BY audit_kind", "kind")
    } else {
        ("NOT INDEXED", "number")
    };
    let plus = |column: &str| if column == own { "" } else { "+" };
    let mut values = Values::default();
    let mut text = String::from("SELECT number, text, hash FROM (SELECT * FROM (");
    let arms: Vec<Option<&String>> = if own == "kind" {
        kinds.iter().map(Some).collect()
    } else {
        vec![None]
    };
    for (place, arm) in arms.iter().enumerate() {
        if place > 0 {
            text.push_str(" UNION ALL ");
        }
        let _ = write!(
            text,
            "SELECT * FROM (SELECT number, text, hash FROM audit {index} WHERE number > ? AND number < ?"
        );
        values.int(above).int(below);
        if let Some(kind) = arm {
            text.push_str(" AND kind = ?");
            values.string(kind);
        } else if !kinds.is_empty() {
            let _ = write!(text, " AND +kind IN ({})", vec!["?"; kinds.len()].join(","));
            for kind in kinds {
                values.string(kind);
            }
        }
        if let Some(execution) = filter.execution {
            let _ = write!(text, " AND {}execution = ?", plus("execution"));
            values.id(execution);
        }
        for (name, wanted) in [("action", &filter.action), ("actor", &filter.actor)] {
            if let Some(wanted) = wanted {
                let _ = write!(text, " AND {}{name} = ?", plus(name));
                values.string(wanted);
            }
        }
        for (time, operator) in [(filter.since, ">="), (filter.until, "<")] {
            if let Some(time) = time {
                let _ = write!(text, " AND at {operator} ?");
                values.int(time.micros());
            }
        }
        let _ = write!(text, " ORDER BY number {order} LIMIT ?)");
        values.int(walked);
    }
    let _ = write!(text, ") ORDER BY number {order} LIMIT ?)");
    values.int(walked);
    for (place, word) in words.iter().enumerate() {
        text.push_str(if place == 0 {
            " WHERE text LIKE ? ESCAPE '|'"
        } else {
            " AND text LIKE ? ESCAPE '|'"
        });
        let word = word.replace('|', "||").replace('%', "|%").replace('_', "|_");
        values.string(&format!("%{word}%"));
    }
    let _ = write!(text, " ORDER BY number {order} LIMIT ?");
    values.int(if more_words { -1 } else { limit });
    (text, values)
}

/// The kinds that the filter's kind stands for: itself, and those that continue it after a dot. Found by
/// jumping from kind to kind in the index, as there are few.
async fn kinds(pool: &ReadPool, kind: &str) -> Result<Vec<String>, StoreError> {
    let mut values = Values::default();
    // "/" follows "." in ASCII.
    values
        .string(kind)
        .string(&format!("{kind}."))
        .string(&format!("{kind}/"));
    let text = "WITH RECURSIVE found (kind) AS ( \
                    SELECT min(kind) FROM audit WHERE kind >= ?2 AND kind < ?3 \
                    UNION ALL \
                    SELECT (SELECT min(a.kind) FROM audit a WHERE a.kind > found.kind AND a.kind < ?3) \
                    FROM found WHERE found.kind IS NOT NULL) \
                SELECT kind FROM found WHERE kind IS NOT NULL \
                UNION SELECT ?1 WHERE EXISTS (SELECT 1 FROM audit WHERE kind = ?1)";
    let rows = pool.rows(text, values).await?;
    rows.iter().map(|row| column(row, 0)).collect()
}

/// Numbers between which the filter's numbers and times lie, both ends excluded.
async fn range(pool: &ReadPool, filter: &AuditFilter) -> Result<(i64, i64), StoreError> {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut above = filter.after.map_or(0, number);
    let mut below = filter.before.map_or(i64::MAX, number);
    if filter.since.is_none() && filter.until.is_none() {
        return Ok((above, below));
    }
    let mut lease = pool.lease().await?;
    let memory = Memory::load(lease.connection()).await?;
    lease.done();
    let (newest, disorder) = (number(memory.tail.number), memory.tail.disorder);
    if let Some(since) = filter.since {
        // An entry older than this cannot follow one of the time that is asked for.
        let bound = since.micros().saturating_sub(disorder);
        above = above.max(boundary(pool, newest, bound).await?.0);
    }
    if let Some(until) = filter.until {
        let bound = until.micros().saturating_add(disorder);
        below = below.min(boundary(pool, newest, bound).await?.1);
    }
    Ok((above, below))
}

/// Two neighbours: an entry older than `bound` (0: there is none) and one that is not (`MAX`: there is none).
/// By bisection: numbers follow times closely enough, see [`super::memory::Tail::disorder`].
async fn boundary(pool: &ReadPool, newest: i64, bound: i64) -> Result<(i64, i64), StoreError> {
    let (mut older, mut newer) = (0, newest + 1);
    while newer - older > 1 {
        let middle = older + (newer - older) / 2;
        let mut values = Values::default();
        values.int(middle).int(older);
        // Should an entry be missing, the one before it answers.
        let text =
            "SELECT number, at FROM audit WHERE number <= ? AND number > ? ORDER BY number DESC LIMIT 1";
        match pool.row(text, values).await? {
            Some(row) if column::<i64>(&row, 1)? < bound => older = middle,
            Some(row) => newer = column(&row, 0)?,
            None => older = middle,
        }
    }
    Ok((older, if newer > newest { i64::MAX } else { newer }))
}

/// Raw records for verification.
pub(super) async fn records(pool: &ReadPool, after: u64, limit: u32) -> Result<AuditRecords, StoreError> {
    // The anchor first: what is added meanwhile only makes the log longer.
    let mut lease = pool.lease().await?;
    let memory = Memory::load(lease.connection()).await?;
    lease.done();
    let mut values = Values::default();
    values.int(i64::try_from(after).unwrap_or(i64::MAX)).int(limit);
    let text = "SELECT number, text, hash, at, kind, actor, action, execution FROM audit \
                WHERE number > ? ORDER BY number LIMIT ?";
    let rows = pool.rows(text, values).await?;
    let record = |row: &SqliteRow| {
        Ok(AuditRecord {
            number: number(row)?,
            text: column(row, 1)?,
            hash: column(row, 2)?,
            timestamp: Timestamp::from_micros(column(row, 3)?),
            kind: column(row, 4)?,
            actor: column(row, 5)?,
            action: column(row, 6)?,
            execution: optional_id(row, 7)?,
        })
    };
    let tail = memory.tail;
    Ok(AuditRecords {
        anchor: (tail.number > 0).then_some((tail.number, tail.hash)),
        records: rows.iter().map(record).collect::<Result<_, StoreError>>()?,
    })
}
