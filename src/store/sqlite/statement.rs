//! Statements that write many rows at once, in a few fixed sizes so that they stay prepared.

use std::sync::Arc;

use sqlx::Arguments;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};

use crate::model::Id;

/// Rows per statement, largest first: any number up to 64 is two or three statements, and all that are in use
/// fit the cache of prepared statements.
pub(super) const SIZES: [usize; 12] = [64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1];

/// Values for the placeholders of a statement, in order.
#[derive(Default)]
pub(super) struct Values {
    arguments: SqliteArguments,
    failed: Option<sqlx::error::BoxDynError>,
}

impl Values {
    pub(super) fn int(&mut self, value: impl Into<i64>) -> &mut Self {
        self.add(value.into())
    }

    /// A size; no stored thing comes near 2^63 bytes.
    pub(super) fn size(&mut self, value: usize) -> &mut Self {
        self.add(i64::try_from(value).unwrap_or(i64::MAX))
    }

    pub(super) fn optional_int(&mut self, value: Option<i64>) -> &mut Self {
        self.add(value)
    }

    pub(super) fn text(&mut self, value: &Arc<str>) -> &mut Self {
        self.add(Arc::clone(value))
    }

    pub(super) fn optional_text(&mut self, value: Option<&Arc<str>>) -> &mut Self {
        self.add(value.cloned())
    }

    pub(super) fn string(&mut self, value: &str) -> &mut Self {
        self.add(value.to_owned())
    }

    pub(super) fn id(&mut self, value: Id) -> &mut Self {
        self.add(value.bytes().to_vec())
    }

    pub(super) fn optional_id(&mut self, value: Option<Id>) -> &mut Self {
        self.add(value.map(|id| id.bytes().to_vec()))
    }

    pub(super) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.add(value.to_vec())
    }

    pub(super) fn null(&mut self) -> &mut Self {
        self.add(None::<i64>)
    }

    fn add<'t, T>(&mut self, value: T) -> &mut Self
    where
        T: sqlx::Encode<'t, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        if let Err(error) = self.arguments.add(value) {
            self.failed.get_or_insert(error);
        }
        self
    }

    pub(super) fn finish(self) -> Result<SqliteArguments, sqlx::Error> {
        match self.failed {
            None => Ok(self.arguments),
            Some(error) => Err(sqlx::Error::Encode(error)),
        }
    }
}

/// A statement over several rows: its text before, per row, and after, written out once per size.
pub(super) struct Rows {
    texts: [String; SIZES.len()],
}

impl Rows {
    pub(super) fn new(before: &str, row: &str, after: &str) -> Self {
        Self {
            texts: SIZES.map(|size| format!("{before}{}{after}", vec![row; size].join(","))),
        }
    }

    fn text(&'static self, rows: usize) -> &'static str {
        let place = SIZES
            .iter()
            .position(|size| *size == rows)
            .unwrap_or(SIZES.len() - 1);
        &self.texts[place]
    }
}

/// The largest size that fits.
fn chunk(left: usize) -> usize {
    SIZES.into_iter().find(|size| *size <= left).unwrap_or(1)
}

/// The writing connection, counting what it does.
pub(super) struct Connection {
    pub(super) inner: SqliteConnection,
    /// Statements so far.
    pub(super) statements: u64,
}

impl Connection {
    pub(super) const fn new(inner: SqliteConnection) -> Self {
        Self { inner, statements: 0 }
    }

    /// A statement without values. It is kept prepared, as these are few.
    pub(super) async fn run(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        self.statements += 1;
        sqlx::query(text).execute(&mut self.inner).await.map(|_| ())
    }

    /// A statement with values; gives the number of changed rows.
    pub(super) async fn run_with(&mut self, text: &'static str, values: Values) -> Result<u64, sqlx::Error> {
        self.statements += 1;
        let done = sqlx::query_with(text, values.finish()?)
            .execute(&mut self.inner)
            .await?;
        Ok(done.rows_affected())
    }

    /// All rows of a statement with values.
    pub(super) async fn fetch_with(
        &mut self,
        text: &'static str,
        values: Values,
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        self.statements += 1;
        sqlx::query_with(text, values.finish()?)
            .fetch_all(&mut self.inner)
            .await
    }

    /// A statement made for the occasion.
    #[cfg(test)]
    pub(super) async fn run_once(&mut self, text: String) -> Result<Option<SqliteRow>, sqlx::Error> {
        self.statements += 1;
        sqlx::query(sqlx::AssertSqlSafe(text))
            .fetch_optional(&mut self.inner)
            .await
    }

    /// Writes all items, in as few statements as the sizes allow; gives the number of changed rows.
    pub(super) async fn write<T: Sync>(
        &mut self,
        rows: &'static Rows,
        items: &[T],
        bind: impl Fn(&mut Values, &T),
    ) -> Result<u64, sqlx::Error> {
        let (mut changed, mut left) = (0, items);
        while !left.is_empty() {
            let (now, later) = left.split_at(chunk(left.len()));
            let mut values = Values::default();
            for item in now {
                bind(&mut values, item);
            }
            changed += self.run_with(rows.text(now.len()), values).await?;
            left = later;
        }
        Ok(changed)
    }

    /// Writes all items where writing one twice does no harm: the last one fills up the smallest size that
    /// holds all of them.
    pub(super) async fn write_padded<T: Sync>(
        &mut self,
        rows: &'static Rows,
        items: &[T],
        bind: impl Fn(&mut Values, &T),
    ) -> Result<(), sqlx::Error> {
        for now in items.chunks(SIZES[0]) {
            let mut values = Values::default();
            let size = padded(now.len());
            for item in now
                .iter()
                .chain(std::iter::repeat_n(&now[now.len() - 1], size - now.len()))
            {
                bind(&mut values, item);
            }
            self.run_with(rows.text(size), values).await?;
        }
        Ok(())
    }

    /// Reads the rows for all items of a statement that ends in `IN (…)`.
    pub(super) async fn look_up<T: Sync>(
        &mut self,
        rows: &'static Rows,
        items: &[T],
        bind: impl Fn(&mut Values, &T),
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut found = Vec::new();
        for now in items.chunks(SIZES[0]) {
            let mut values = Values::default();
            let size = padded(now.len());
            for item in now
                .iter()
                .chain(std::iter::repeat_n(&now[now.len() - 1], size - now.len()))
            {
                bind(&mut values, item);
            }
            self.statements += 1;
            found.extend(
                sqlx::query_with(rows.text(size), values.finish()?)
                    .fetch_all(&mut self.inner)
                    .await?,
            );
        }
        Ok(found)
    }
}

/// The smallest size that holds `count` rows, which is at most the largest.
fn padded(count: usize) -> usize {
    SIZES
        .into_iter()
        .rev()
        .find(|size| *size >= count)
        .unwrap_or(SIZES[0])
}
