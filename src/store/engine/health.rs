//! What is asked of a database about its own state, without changing anything in it.

use std::path::Path;
use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::open::{MIGRATIONS, OpenOptions, bad_url, newest_migration};
use super::probe::as_it_lies;
use super::{Answer, Engine};
use crate::store::error::Result;

/// How far a database's schema is, compared with this program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// The newest migration that was applied; `None` where there is no book yet.
    pub found: Option<i64>,
    /// The newest one this program has.
    pub known: i64,
}

/// What decides whether a confirmed write survives a power cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    /// Settings by name, as the database says them, with the value that a book needs.
    pub settings: Vec<(String, String, &'static str)>,
    /// The database's own clock, microseconds since 1970; `None` where it has none of its own.
    pub clock: Option<i64>,
}

/// Reads only; neither migrates nor makes anything.
const NEWEST: &str = "SELECT MAX(version) FROM _sqlx_migrations WHERE success";

/// A migration that a book has still to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its number.
    pub number: i64,
    /// Its name.
    pub name: &'static str,
    /// What it does, as its file begins by saying.
    pub does: String,
}

impl OpenOptions {
    /// Returns what a schema has still to take, in order.
    #[must_use]
    pub fn pending(found: Option<i64>) -> Vec<Pending> {
        let behind = MIGRATIONS.iter().filter(|(number, ..)| found.is_none_or(|found| *number > found));
        let said = |sql: &str| {
            let head = sql.lines().map_while(|line| line.strip_prefix("--")).map(str::trim);
            head.collect::<Vec<_>>().join(" ")
        };
        behind.map(|(number, name, sqlite, _)| Pending { number: *number, name, does: said(sqlite) }).collect()
    }

    /// Returns how far the schema is, without opening the database as a book: opening would migrate it.
    ///
    /// # Errors
    /// [`crate::store::error::StoreError::BadUrl`], or when the database cannot be read.
    #[must_use]
    pub fn schema(&self) -> Answer<'_, Schema> {
        Box::pin(async move {
            let found = match self.file()? {
                Some(path) => newest_in_file(&path).await?,
                None => newest_on_server(&self.url).await?,
            };
            Ok(Schema { found, known: newest_migration() })
        })
    }
}

async fn newest_in_file(path: &Path) -> Result<Option<i64>> {
    const MADE: &str = "SELECT COUNT(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    if !path.exists() {
        return Ok(None);
    }
    let mut connection = as_it_lies(path).await?;
    let made: i64 = sqlx::query_scalar(MADE).fetch_one(&mut connection).await?;
    let found = if made == 0 { None } else { sqlx::query_scalar(NEWEST).fetch_one(&mut connection).await? };
    connection.close().await?;
    Ok(found)
}

async fn newest_on_server(url: &str) -> Result<Option<i64>> {
    const MADE: &str = "SELECT to_regclass('public._sqlx_migrations') IS NOT NULL";
    let login = PgConnectOptions::from_str(url).map_err(|error| bad_url(url, &error.to_string()))?;
    let mut connection = PgConnection::connect_with(&login.disable_statement_logging()).await?;
    let made: bool = sqlx::query_scalar(MADE).fetch_one(&mut connection).await?;
    let found = if made { sqlx::query_scalar(NEWEST).fetch_one(&mut connection).await? } else { None };
    connection.close().await?;
    Ok(found)
}

/// Returns what the database says about keeping what it confirmed.
pub(crate) fn durability(engine: &Engine) -> Answer<'_, Durability> {
    // SQLite's journal mode is the file's; how it is flushed is a connection's, set when it opens.
    const MODE: &str = "PRAGMA journal_mode";
    const SETTINGS: &str = "SELECT name, setting FROM pg_settings \
        WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name";
    const CLOCK: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";
    Box::pin(async move {
        Ok(match engine {
            Engine::Sqlite { read, .. } => {
                let mode: String = sqlx::query_scalar(MODE).fetch_one(read).await?;
                Durability { settings: vec![("journal_mode".to_owned(), mode, "wal")], clock: None }
            }
            Engine::Postgres(server) => {
                let pool = &server.pool;
                let mut settings = Vec::new();
                for row in sqlx::query(SETTINGS).fetch_all(pool).await? {
                    settings.push((row.try_get("name")?, row.try_get("setting")?, "on"));
                }
                Durability { settings, clock: Some(sqlx::query_scalar(CLOCK).fetch_one(pool).await?) }
            }
        })
    })
}
