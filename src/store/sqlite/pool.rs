//! A few connections that only read, opened when needed.
//!
//! Not sqlx's own pool: that one keeps timers and a task, and its waits end early under a paused test clock.

use parking_lot::Mutex;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Executor};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::store::StoreError;

use super::connect::SqliteOptions;
use super::error::store_error;
use super::statement::Values;

/// The connections and who may use them.
pub(super) struct ReadPool {
    options: SqliteOptions,
    idle: Mutex<Vec<SqliteConnection>>,
    turns: Semaphore,
}

/// A connection for one read. Given back only after the read came to its end: a read that failed or whose
/// caller went away takes the connection with it.
pub(super) struct Lease<'a> {
    pool: &'a ReadPool,
    connection: SqliteConnection,
    _turn: SemaphorePermit<'a>,
}

impl ReadPool {
    pub(super) fn new(options: SqliteOptions) -> Self {
        let turns = Semaphore::new(options.readers.max(1));
        Self {
            options,
            idle: Mutex::default(),
            turns,
        }
    }

    pub(super) async fn lease(&self) -> Result<Lease<'_>, StoreError> {
        let turn = self.turns.acquire().await.map_err(|_| StoreError::Closed)?;
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.options.connect_reader().await?,
        };
        Ok(Lease {
            pool: self,
            connection,
            _turn: turn,
        })
    }

    /// All rows of a fixed statement.
    pub(super) async fn rows(
        &self,
        text: &'static str,
        values: Values,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let arguments = values.finish().map_err(|error| store_error(&error))?;
        let mut lease = self.lease().await?;
        let rows = lease.fetch(sqlx::query_with(text, arguments)).await?;
        lease.done();
        Ok(rows)
    }

    /// All rows of a composed statement.
    pub(super) async fn composed(&self, text: String, values: Values) -> Result<Vec<SqliteRow>, StoreError> {
        let arguments = values.finish().map_err(|error| store_error(&error))?;
        let mut lease = self.lease().await?;
        let rows = lease
            .fetch(sqlx::query_with(AssertSqlSafe(text), arguments))
            .await?;
        lease.done();
        Ok(rows)
    }

    /// The only row of a fixed statement.
    pub(super) async fn row(
        &self,
        text: &'static str,
        values: Values,
    ) -> Result<Option<SqliteRow>, StoreError> {
        Ok(self.rows(text, values).await?.pop())
    }

    /// Lets no more reads begin and closes what is idle.
    pub(super) async fn close(&self) {
        self.turns.close();
        let idle = std::mem::take(&mut *self.idle.lock());
        for connection in idle {
            let _ = sqlx::Connection::close(connection).await; // it only read
        }
    }
}

impl Lease<'_> {
    pub(super) const fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    async fn fetch(
        &mut self,
        query: sqlx::query::Query<'_, sqlx::Sqlite, SqliteArguments>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        self.connection
            .fetch_all(query)
            .await
            .map_err(|error| store_error(&error))
    }

    pub(super) fn done(self) {
        if !self.pool.turns.is_closed() {
            self.pool.idle.lock().push(self.connection);
        }
    }
}
