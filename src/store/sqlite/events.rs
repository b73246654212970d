//! Reads of trigger instances and enforcements.

use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::sqlite::SqliteRow;

use crate::model::{Enforcement, Id, Timestamp, TriggerInstance};
use crate::store::{EnforcementFilter, InstanceFilter, Listed, Page, SortOrder, StoreError};

use super::body::Raw;
use super::encode::{instance_code, instance_from_code};
use super::error::corrupt;
use super::pool::ReadPool;
use super::read::{column, id, optional_id};
use super::statement::Values;

/// Rows that are walked to count; beyond it the count says "at least so many".
const COUNTED: i64 = 100_000;

const INSTANCE: &str = "id, trigger, status, occurred, size, payload, detail";
const ENFORCEMENT: &str = "id, rule, instance, execution, enforced, failure, held_back";

pub(super) async fn instance(pool: &ReadPool, id: Id) -> Result<Option<TriggerInstance>, StoreError> {
    let mut values = Values::default();
    values.id(id);
    let text = format!("SELECT {INSTANCE} FROM instances WHERE id = ?");
    let rows = pool.composed(text, values).await?;
    rows.first().map(instance_of).transpose()
}

pub(super) async fn enforcement(pool: &ReadPool, id: Id) -> Result<Option<Enforcement>, StoreError> {
    let mut values = Values::default();
    values.id(id);
    let text = format!("SELECT {ENFORCEMENT} FROM enforcements WHERE id = ?");
    let rows = pool.composed(text, values).await?;
    rows.first().map(enforcement_of).transpose()
}

/// A list in the making: its conditions and their values.
#[derive(Default)]
struct Conditions {
    text: String,
    values: Values,
}

impl Conditions {
    fn and(&mut self, condition: &str, value: impl FnOnce(&mut Values)) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
        value(&mut self.values);
    }

    fn times(&mut self, column: &str, after: Option<Timestamp>, before: Option<Timestamp>) {
        for (time, sign) in [(after, '>'), (before, '<')] {
            if let Some(time) = time {
                self.and(&format!("+{column} {sign} ?"), |values| {
                    values.int(time.micros());
                });
            }
        }
    }

    async fn list<T>(
        build: impl Fn() -> Self,
        pool: &ReadPool,
        (table, columns): (&str, &str),
        page: &Page,
        read: impl Fn(&SqliteRow) -> Result<T, StoreError>,
    ) -> Result<Listed<T>, StoreError> {
        let total = if page.count {
            let Self { text, mut values } = build();
            values.int(COUNTED);
            let text = format!("SELECT count(*) FROM (SELECT 1 FROM {table} WHERE TRUE{text} LIMIT ?)");
            let rows = pool.composed(text, values).await?;
            let count: i64 = rows.first().map_or(Ok(0), |row| column(row, 0))?;
            u64::try_from(count).ok()
        } else {
            None
        };
        let mut conditions = build();
        let (order, sign) = match page.order {
            SortOrder::Descending => ("DESC", '<'),
            SortOrder::Ascending => ("ASC", '>'),
        };
        if let Some(after) = page.after {
            conditions.and(&format!("id {sign} ?"), |values| {
                values.id(after);
            });
        }
        let Self { text, mut values } = conditions;
        let mut query = format!("SELECT {columns} FROM {table} WHERE TRUE{text} ORDER BY id {order}");
        let _ = write!(query, " LIMIT ? OFFSET ?"); // cannot fail
        values
            .int(page.limit.map_or(-1, i64::from))
            .int(i64::try_from(page.offset).unwrap_or(i64::MAX));
        let rows = pool.composed(query, values).await?;
        let items = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed { items, total })
    }
}

pub(super) async fn instances(
    pool: &ReadPool,
    filter: &InstanceFilter,
    page: &Page,
) -> Result<Listed<TriggerInstance>, StoreError> {
    let build = || {
        let mut conditions = Conditions::default();
        match &filter.triggers[..] {
            [] => {}
            [trigger] => conditions.and("trigger = ?", |values| {
                values.string(trigger);
            }),
            several => {
                let list = serde_json::json!(several).to_string();
                conditions.and("trigger IN (SELECT value FROM json_each(?))", |values| {
                    values.string(&list);
                });
            }
        }
        if !filter.status.is_empty() {
            // The few that are not over have an index of their own.
            if filter.status.iter().all(|status| !status.is_final()) {
                conditions.and("status < 2", |_| {});
            }
            let codes: Vec<String> = filter
                .status
                .iter()
                .map(|status| instance_code(*status).to_string())
                .collect();
            conditions.and(&format!("+status IN ({})", codes.join(",")), |_| {});
        }
        conditions.times("occurred", filter.after, filter.before);
        conditions
    };
    Conditions::list(build, pool, ("instances", INSTANCE), page, instance_of).await
}

pub(super) async fn enforcements(
    pool: &ReadPool,
    filter: &EnforcementFilter,
    page: &Page,
) -> Result<Listed<Enforcement>, StoreError> {
    let build = || {
        let mut conditions = Conditions::default();
        if let Some(instance) = filter.instance {
            conditions.and("instance = ?", |values| {
                values.id(instance);
            });
        }
        if let Some(execution) = filter.execution {
            conditions.and("execution = ?", |values| {
                values.id(execution);
            });
        }
        if let Some(rule) = &filter.rule {
            conditions.and("rule = ?", |values| {
                values.string(rule);
            });
        }
        conditions.times("enforced", filter.after, filter.before);
        conditions
    };
    Conditions::list(build, pool, ("enforcements", ENFORCEMENT), page, enforcement_of).await
}

fn instance_of(row: &SqliteRow) -> Result<TriggerInstance, StoreError> {
    let payload = column::<Raw>(row, 5)?.unpack(column(row, 4)?, "the payload of a trigger instance")?;
    let bad = |error: serde_json::Error| corrupt(format_args!("a trigger instance: {error}"));
    Ok(TriggerInstance {
        id: id(row, 0)?,
        trigger: column(row, 1)?,
        payload: Arc::new(serde_json::from_str(&payload).map_err(bad)?),
        occurrence_time: Timestamp::from_micros(column(row, 3)?),
        status: instance_from_code(column(row, 2)?)
            .ok_or_else(|| corrupt("the status of a trigger instance"))?,
        detail: serde_json::from_str(column(row, 6)?).map_err(bad)?,
    })
}

fn enforcement_of(row: &SqliteRow) -> Result<Enforcement, StoreError> {
    Ok(Enforcement {
        id: id(row, 0)?,
        rule: column(row, 1)?,
        instance: id(row, 2)?,
        execution: optional_id(row, 3)?,
        enforced_at: Timestamp::from_micros(column(row, 4)?),
        failure: column(row, 5)?,
        held_back: column::<Option<&str>>(row, 6)?
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| corrupt(format_args!("an enforcement: {error}")))?,
    })
}
