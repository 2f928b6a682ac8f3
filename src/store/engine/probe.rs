//! What is asked of a database before it is opened as a book, and what its owner does after rows
//! were brought in by the million.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use super::file::has_log;
use super::open::{OpenOptions, bad_url, connect, is_postgres, sqlite_path, without_password};
use super::{Answer, schema};
use crate::store::error::{Result, StoreError};

/// Tables that a refusal names; more would say no more.
const SHOWN_TABLES: i64 = 4;

impl OpenOptions {
    /// Returns the address without a password, for messages.
    #[must_use]
    pub fn shown(&self) -> String {
        without_password(&self.url)
    }

    /// Returns the file of a SQLite book; `None` for a server's.
    ///
    /// # Errors
    /// [`crate::store::error::StoreError::BadUrl`] when it is neither.
    pub fn file(&self) -> Result<Option<PathBuf>> {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => Ok(Some(PathBuf::from(sqlite_path(path)?))),
            None if is_postgres(&self.url) => Ok(None),
            None => Err(bad_url(&self.url, "it begins with sqlite: or postgres://")),
        }
    }

    /// Tells whether a server's database holds markets or sources already, whatever its schema;
    /// changes nothing.
    pub(crate) fn holds_markets(&self) -> Answer<'_, bool> {
        const MADE: &str =
            "SELECT to_regclass('public.markets') IS NOT NULL AND to_regclass('public.sources') IS NOT NULL";
        const HELD: &str = "SELECT EXISTS (SELECT FROM markets WHERE market_id <> 0) OR EXISTS (SELECT FROM sources WHERE source_id > 0)";
        Box::pin(async move {
            let mut connection = connect(&login(&self.url)?).await?;
            // A login that may not use the role asks as itself.
            let _ = connection.execute("SET ROLE socho_serve").await;
            let held = sqlx::query_scalar::<_, bool>(MADE).fetch_one(&mut connection).await?
                && sqlx::query_scalar::<_, bool>(HELD).fetch_one(&mut connection).await?;
            connection.close().await?;
            Ok(held)
        })
    }

    /// Has a server look at its tables once, so that its plans fit what was just loaded. Where the
    /// login may not, the server does so by itself within minutes.
    pub(crate) async fn refresh_statistics(&self) {
        let url = self.migrate_url.as_ref().unwrap_or(&self.url);
        let Ok(login) = login(url) else { return };
        let Ok(mut connection) = connect(&login).await else { return };
        let _ = connection.execute("SET ROLE socho_owner").await;
        let _ = connection.execute("ANALYZE").await;
        let _ = connection.close().await;
    }
}

fn login(url: &str) -> Result<PgConnectOptions> {
    let login = PgConnectOptions::from_str(url).map_err(|error| bad_url(url, &error.to_string()))?;
    Ok(login.disable_statement_logging())
}

/// Refuses a SQLite file that another program made: it has tables, and not this program's first
/// migration. The file is not written to; only where an unfinished log lies beside it does SQLite keep
/// its index of that log there. A file that is missing, empty or cannot be read so passes: opening it
/// says what is wrong.
pub(in crate::store) async fn refuse_foreign_file(path: &str) -> Result<()> {
    if !std::fs::metadata(path).is_ok_and(|file| file.len() > 0) {
        return Ok(());
    }
    let tables = foreign_tables_of_file(Path::new(path)).await.unwrap_or_default();
    if tables.is_empty() { Ok(()) } else { Err(StoreError::ForeignDatabase { place: path.to_owned(), tables }) }
}

async fn foreign_tables_of_file(path: &Path) -> sqlx::Result<Vec<String>> {
    // A file in which nothing was made yet but the list of migrations is a book that was cut off.
    const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') \
        AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let mut connection = as_it_lies(path).await?;
    let mut tables: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(&mut connection).await?;
    if tables.iter().any(|table| table == MIGRATIONS) {
        let made: Vec<String> = sqlx::query_scalar(FIRST_MIGRATION).fetch_all(&mut connection).await?;
        if made.iter().any(|name| name == FOUNDATION) || (made.is_empty() && tables.len() == 1) {
            tables.clear();
        }
    }
    connection.close().await?;
    tables.truncate(usize::try_from(SHOWN_TABLES).unwrap_or(usize::MAX));
    Ok(tables)
}

/// Opens a file to be looked at, and leaves it as it lies.
pub(super) async fn as_it_lies(path: &Path) -> sqlx::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .disable_statement_logging()
        .filename(path)
        .read_only(true)
        // Without a log the file is all there is; with one SQLite has to see both.
        .immutable(!has_log(path));
    SqliteConnection::connect_with(&options).await
}

/// The driver's list of migrations.
const MIGRATIONS: &str = "_sqlx_migrations";
/// What a book's first migration is called there; other programs use the same driver.
const FOUNDATION: &str = "foundation";
const FIRST_MIGRATION: &str = "SELECT description FROM _sqlx_migrations ORDER BY version LIMIT 1";

/// Refuses a server's database in which tables of another program stand where a book's would. Other
/// tables in the schema are left alone: many programs may share a database, if their names differ.
pub(super) async fn refuse_foreign_tables(connection: &mut PgConnection, login: &PgConnectOptions) -> Result<()> {
    const KNOWN: &str = "SELECT to_regclass('public._sqlx_migrations') IS NOT NULL";
    const TAKEN: &str = "SELECT relname::text FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace \
        WHERE nspname = 'public' AND relname = ANY($1) ORDER BY relname LIMIT $2";
    let mut ours: Vec<String> = Vec::new();
    if sqlx::query_scalar(KNOWN).fetch_one(&mut *connection).await? {
        // A login that may not read the list cannot migrate by it either, and is told so then.
        let Ok(made) = sqlx::query_scalar::<_, String>(FIRST_MIGRATION).fetch_all(&mut *connection).await else {
            return Ok(());
        };
        if made.iter().any(|name| name == FOUNDATION) {
            return Ok(());
        }
        if !made.is_empty() {
            ours.push(MIGRATIONS.to_owned());
        }
    }
    ours.extend(schema::tables().await?.into_iter().map(|table| table.name));
    let taken: Vec<String> = sqlx::query_scalar(TAKEN).bind(ours).bind(SHOWN_TABLES).fetch_all(connection).await?;
    if taken.is_empty() {
        return Ok(());
    }
    let database = login.get_database().unwrap_or_default();
    let place = format!("postgres://{}:{}/{database}", login.get_host(), login.get_port());
    Err(StoreError::ForeignDatabase { place, tables: taken })
}
