//! The only code that names SQLite or PostgreSQL: pools, transactions, binding and row access.
//!
//! Every other file of the store writes each statement once, in the shared subset: `$1`
//! placeholders, `ON CONFLICT`, `RETURNING`, CTEs, windows, `CAST(SUM(x) AS BIGINT)`, no date
//! functions. Both engines are always built, so neither can rot.

pub(crate) mod file;
pub(crate) mod health;
mod lane;
mod open;
pub(super) mod probe;
mod roles;
mod row;
pub(crate) mod schema;
mod scratch;
mod together;
mod value;
mod write_file;

use std::borrow::Cow;
use std::pin::Pin;
use std::time::Duration;

use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Postgres, Sqlite};

use super::error::{Result, StoreError};
use crate::domain::calendar::DateText;
pub use health::Pending;
pub(crate) use lane::Lane;
use lane::{LaneTransaction, Server};
pub use open::OpenOptions;
pub(crate) use open::{Guard, newest_migration};
pub(crate) use row::{InOrder, Row};
pub(crate) use scratch::{create_database, drop_database};
pub(crate) use together::Write;
pub(crate) use value::{Column, Rows, Value, binds};
use write_file::{FileTransaction, WriteFile};

/// How long a server may take over one statement before it is given up. A network can fall silent
/// without a farewell; nothing else would end the wait, and a market's lane would wait for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// The open database.
#[derive(Debug, Clone)]
pub(crate) enum Engine {
    /// One file: a single writing connection, so that writers queue instead of colliding, and a
    /// small pool of readers.
    Sqlite {
        /// The one connection that writes.
        write: WriteFile,
        /// Connections that only read.
        read: SqlitePool,
    },
    /// A server.
    Postgres(Server),
}

/// Which engine it is, for the two places that may know: pacing and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// What a statement will give. Boxed: the drivers' futures are too deep for the compiler to prove
/// `Send` through every caller.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// One database transaction. Dropping it without [`Self::commit`] rolls back.
pub(crate) enum Transaction {
    /// On SQLite, of a reader.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// On SQLite's one writing connection.
    File(FileTransaction),
    /// On PostgreSQL.
    Postgres(sqlx::Transaction<'static, Postgres>),
    /// On the connection that a lane keeps.
    Lane(LaneTransaction),
}

impl Engine {
    /// Returns which engine it is.
    pub(crate) fn kind(&self) -> EngineKind {
        match self {
            Self::Sqlite { .. } => EngineKind::Sqlite,
            Self::Postgres(_) => EngineKind::Postgres,
        }
    }

    /// Begins a transaction that may write. On SQLite it takes the write lock at once, so that it
    /// can never fail half-way for want of it.
    pub(crate) async fn begin_write(&self) -> Result<Transaction> {
        Ok(match self {
            Self::Sqlite { write, .. } => Transaction::File(write.begin().await?),
            Self::Postgres(server) => Transaction::Postgres(in_time(server.pool.begin()).await?),
        })
    }

    /// Begins a transaction that only reads, and sees one moment of the database throughout.
    pub(crate) async fn begin_read(&self) -> Result<Transaction> {
        Ok(match self {
            Self::Sqlite { read, .. } => Transaction::Sqlite(read.begin_with("BEGIN DEFERRED").await?),
            Self::Postgres(server) => {
                let begun = server.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
                Transaction::Postgres(in_time(begun).await?)
            }
        })
    }

    /// Folds SQLite's write-ahead log into the file and empties it, trying for as long as `patience`
    /// while readers are in the way; nothing on PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the log could not be emptied: the file cannot be trusted to
    /// take writes yet.
    pub(crate) async fn checkpoint(&self, patience: Duration) -> Result<()> {
        let Self::Sqlite { write, .. } = self else { return Ok(()) };
        if write.checkpoint(patience).await? { Ok(()) } else { Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)) }
    }

    /// Folds SQLite's write-ahead log into the file while the disk still has room for that, should it
    /// be short of it.
    pub(crate) async fn make_room(&self) -> Result<()> {
        match self {
            Self::Sqlite { write, .. } if write.is_cramped() => write.checkpoint(Duration::ZERO).await.map(|_| ()),
            Self::Sqlite { .. } | Self::Postgres(_) => Ok(()),
        }
    }

    /// Gives back memory that nothing needs at the moment.
    pub(crate) async fn shrink(&self) -> Result<()> {
        match self {
            Self::Sqlite { write, .. } => write.shrink().await,
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(server) => server.pool.close().await,
        }
    }
}

/// Waits for a server's answer, but not for ever.
fn in_time<'a, T, E: From<sqlx::Error>>(
    answer: impl Future<Output = std::result::Result<T, E>> + Send + 'a,
) -> Pin<Box<dyn Future<Output = std::result::Result<T, E>> + Send + 'a>> {
    let silent = |_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into());
    Box::pin(async move { tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(silent) })
}

/// Runs `$body` with `$query` bound to a prepared query of the transaction's own engine, or
/// `$direct` on the file.
macro_rules! on_engine {
    ($transaction:expr, $sql:expr, $values:expr, |$query:ident, $connection:ident| $body:expr, |$file:ident| $direct:expr) => {
        match $transaction {
            Transaction::File($file) => $direct,
            Transaction::Sqlite(inner) => {
                let $query = bind_sqlite($sql, $values);
                let $connection = &mut **inner;
                $body
            }
            Transaction::Postgres(inner) => {
                let $query = bind_postgres($sql, $values);
                let $connection = &mut **inner;
                in_time(async { $body }).await
            }
            Transaction::Lane(inner) => {
                let $query = bind_postgres($sql, $values);
                let $connection = inner.connection()?;
                in_time(async { $body }).await
            }
        }
    };
}

impl Transaction {
    /// Runs a statement and returns how many rows it touched.
    pub(crate) fn execute<'a>(
        &'a mut self,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value<'a>>,
    ) -> Answer<'a, u64> {
        let sql = sql.into();
        Box::pin(async move {
            on_engine!(
                self,
                sql,
                values,
                |query, connection| Ok(query.execute(connection).await?.rows_affected()),
                |file| { file.execute(sql, values) }
            )
        })
    }

    /// Runs a statement that must touch exactly `expected` rows.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] when it touched another number.
    pub(crate) async fn execute_exactly(
        &mut self,
        expected: usize,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value<'_>>,
    ) -> Result<()> {
        let sql = sql.into();
        let touched = self.execute(sql.clone(), values).await?;
        if u64::try_from(expected) == Ok(touched) {
            Ok(())
        } else {
            Err(StoreError::Inconsistent(format!("a statement touched {touched} rows instead of {expected}: {sql}")))
        }
    }

    /// Runs a query and returns its rows.
    pub(crate) fn rows<'a>(
        &'a mut self,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value<'a>>,
    ) -> Answer<'a, Vec<Row>> {
        let sql = sql.into();
        Box::pin(async move {
            on_engine!(
                self,
                sql,
                values,
                |query, connection| Ok(query.fetch_all(connection).await?.into_iter().map(Row::from).collect()),
                |file| Ok(file.rows(&sql, values)?.into_iter().map(Row::File).collect())
            )
        })
    }

    /// Runs a query over a batch whose answers are wanted in the query's order for each row of the
    /// batch, not over all of them: once for each row on SQLite's writing connection, and as a look-up
    /// beside each row on PostgreSQL ([`value::lateral`]).
    pub(crate) fn rows_of_each<'a>(&'a mut self, sql: &'static str, values: Vec<Value<'a>>) -> Answer<'a, Vec<Row>> {
        match self {
            Self::File(file) => {
                let found = file.rows_of_each(sql, values);
                Box::pin(async move { Ok(found?.into_iter().map(Row::File).collect()) })
            }
            Self::Postgres(_) | Self::Lane(_) => self.rows(value::lateral(sql), values),
            Self::Sqlite(_) => self.rows(sql, values),
        }
    }

    /// Runs a query that gives at most one row.
    pub(crate) fn row<'a>(
        &'a mut self,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value<'a>>,
    ) -> Answer<'a, Option<Row>> {
        let sql = sql.into();
        Box::pin(async move {
            on_engine!(
                self,
                sql,
                values,
                |query, connection| Ok(query.fetch_optional(connection).await?.map(Row::from)),
                |file| Ok(file.rows(&sql, values)?.into_iter().next().map(Row::File))
            )
        })
    }

    /// Commits.
    ///
    /// # Errors
    /// [`StoreError::CommitUnknown`] whatever the reason: once COMMIT was sent, only reading again
    /// tells whether it happened (DESIGN §4.8).
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(inner) => inner.commit().await,
            Self::File(inner) => inner.commit(),
            Self::Postgres(inner) => in_time(inner.commit()).await,
            Self::Lane(inner) => in_time(inner.commit()).await,
        }
        .map_err(StoreError::CommitUnknown)
    }

    /// Takes back everything and gives the connection back clean.
    pub(crate) async fn rollback(self) -> Result<()> {
        match self {
            Self::Sqlite(inner) => Ok(inner.rollback().await?),
            Self::File(inner) => inner.rollback(),
            Self::Postgres(inner) => Ok(in_time(inner.rollback()).await?),
            Self::Lane(inner) => Ok(in_time(inner.rollback()).await?),
        }
    }
}

/// Under which target statements are traced, without their values.
const STATEMENTS: &str = "socho::sql";

type SqliteQuery = sqlx::query::Query<'static, Sqlite, sqlx::sqlite::SqliteArguments>;
type PostgresQuery = sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments>;

/// Splits off the batch: it is always the last value bound, so that the numbers of the values
/// before it are the same on both engines.
fn split_rows(mut values: Vec<Value<'_>>) -> (Vec<Value<'_>>, Option<Rows<'_>>) {
    match values.pop() {
        Some(Value::Rows(rows)) => (values, Some(rows)),
        last => {
            values.extend(last);
            (values, None)
        }
    }
}

fn bind_sqlite(sql: Cow<'static, str>, values: Vec<Value<'_>>) -> SqliteQuery {
    let (mut values, rows) = split_rows(values);
    let mut text = sql;
    if let Some(rows) = rows {
        let (source, mut binds) = rows.into_sqlite(values.len().saturating_add(1));
        text = text.replace("{rows}", &source).into();
        values.append(&mut binds);
    }
    tracing::trace!(target: STATEMENTS, sql = %text);
    values.into_iter().fold(sqlx::query(AssertSqlSafe(text)), |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value.map(Cow::into_owned)),
        Value::Bytes(value) => query.bind(value.map(Cow::into_owned)),
        // A second batch cannot be: the last value alone may be one.
        Value::Rows(_) => query,
    })
}

fn bind_postgres(sql: Cow<'static, str>, values: Vec<Value<'_>>) -> PostgresQuery {
    let (values, rows) = split_rows(values);
    let mut text = sql;
    let mut columns = Vec::new();
    if let Some(rows) = rows {
        let (source, binds) = rows.into_postgres(values.len().saturating_add(1));
        text = text.replace("{rows}", &source).into();
        columns = binds;
    }
    tracing::trace!(target: STATEMENTS, sql = %text);
    bind_columns(bind_values(sqlx::query(AssertSqlSafe(text)), values), columns)
}

fn bind_values(query: PostgresQuery, values: Vec<Value<'_>>) -> PostgresQuery {
    values.into_iter().fold(query, |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value.as_deref()),
        Value::Rows(_) => query,
    })
}

fn bind_columns(query: PostgresQuery, columns: Vec<Column<'_>>) -> PostgresQuery {
    columns.into_iter().fold(query, |query, column| match column {
        Column::Ints(values) => query.bind(values),
        Column::Texts(values) => query.bind(values),
        Column::Dates(values) => query.bind(values.iter().map(DateText::as_str).collect::<Vec<_>>()),
        Column::Bytes(values) => query.bind(values.iter().map(Option::as_deref).collect::<Vec<_>>()),
    })
}
