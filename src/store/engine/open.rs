//! Opening a database: addresses, connection settings, migrations.

use std::borrow::Cow;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, SqlSafeStr as _};

use super::{Answer, Engine, Server, WriteFile, probe, roles};
use crate::store::error::{Result, StoreError};

/// Readers beside SQLite's one writer: pages and reports; more would only fight for two cores.
const SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL: one per busy market's writer and a few readers.
const POSTGRES_CONNECTIONS: u32 = 24;
/// Memory for the writing connection's pages: 64 MiB, as SQLite says it. It goes back when nothing is
/// written for a while.
const CACHE: &str = "-65536";
/// Memory for a reader's pages: 4 MiB. The system keeps the file's pages anyway.
const READER_CACHE: &str = "-4096";
/// How the writing connection is set up.
const WRITER_PRAGMAS: [(&str, &str); 5] = [
    // A power cut took 160 acked commits with NORMAL and none with FULL.
    ("synchronous", "FULL"),
    ("foreign_keys", "ON"),
    // Pages of the write-ahead log before SQLite folds it in, about 128 MiB: a checkpoint costs
    // more than the commits it serves when it comes often.
    ("wal_autocheckpoint", "32000"),
    ("temp_store", "memory"),
    ("cache_size", CACHE),
];
/// How long a connection may be waited for before the caller hears "unavailable".
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server may take to answer a login when the book is opened: a busy machine needs seconds,
/// and one that never answers is said to be out of reach.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(15);

/// The migrations of both engines, under the same numbers: (number, name, SQLite, PostgreSQL).
pub(super) const MIGRATIONS: &[(i64, &str, &str, &str)] = &[
    (
        1,
        "foundation",
        include_str!("../../../migrations/sqlite/0001_foundation.sql"),
        include_str!("../../../migrations/postgres/0001_foundation.sql"),
    ),
    (
        2,
        "append only",
        include_str!("../../../migrations/sqlite/0002_append_only.sql"),
        include_str!("../../../migrations/postgres/0002_append_only.sql"),
    ),
    (
        3,
        "seal",
        include_str!("../../../migrations/sqlite/0003_seal.sql"),
        include_str!("../../../migrations/postgres/0003_seal.sql"),
    ),
    (
        4,
        "inbox cost",
        include_str!("../../../migrations/sqlite/0004_inbox_cost.sql"),
        include_str!("../../../migrations/postgres/0004_inbox_cost.sql"),
    ),
    (
        5,
        "identity",
        include_str!("../../../migrations/sqlite/0005_identity.sql"),
        include_str!("../../../migrations/postgres/0005_identity.sql"),
    ),
    (
        6,
        "statements",
        include_str!("../../../migrations/sqlite/0006_statements.sql"),
        include_str!("../../../migrations/postgres/0006_statements.sql"),
    ),
    (
        7,
        "paper",
        include_str!("../../../migrations/sqlite/0007_paper.sql"),
        include_str!("../../../migrations/postgres/0007_paper.sql"),
    ),
    (
        8,
        "phone",
        include_str!("../../../migrations/sqlite/0008_phone.sql"),
        include_str!("../../../migrations/postgres/0008_phone.sql"),
    ),
    (
        9,
        "audit",
        include_str!("../../../migrations/sqlite/0009_audit.sql"),
        include_str!("../../../migrations/postgres/0009_audit.sql"),
    ),
    (
        10,
        "clinic",
        include_str!("../../../migrations/sqlite/0010_clinic.sql"),
        include_str!("../../../migrations/postgres/0010_clinic.sql"),
    ),
    (
        11,
        "outgoing",
        include_str!("../../../migrations/sqlite/0011_outgoing.sql"),
        include_str!("../../../migrations/postgres/0011_outgoing.sql"),
    ),
    (
        12,
        "statement files",
        include_str!("../../../migrations/sqlite/0012_statement_files.sql"),
        include_str!("../../../migrations/postgres/0012_statement_files.sql"),
    ),
    (
        13,
        "board",
        include_str!("../../../migrations/sqlite/0013_board.sql"),
        include_str!("../../../migrations/postgres/0013_board.sql"),
    ),
    (
        14,
        "figures",
        include_str!("../../../migrations/sqlite/0014_figures.sql"),
        include_str!("../../../migrations/postgres/0014_figures.sql"),
    ),
    (
        15,
        "claimed",
        include_str!("../../../migrations/sqlite/0015_claimed.sql"),
        include_str!("../../../migrations/postgres/0015_claimed.sql"),
    ),
    (
        16,
        "statement pieces",
        include_str!("../../../migrations/sqlite/0016_statement_pieces.sql"),
        include_str!("../../../migrations/postgres/0016_statement_pieces.sql"),
    ),
    (
        17,
        "spreads",
        include_str!("../../../migrations/sqlite/0017_spreads.sql"),
        include_str!("../../../migrations/postgres/0017_spreads.sql"),
    ),
    (
        18,
        "heard requests",
        include_str!("../../../migrations/sqlite/0018_heard_requests.sql"),
        include_str!("../../../migrations/postgres/0018_heard_requests.sql"),
    ),
];

/// Where the database is and how to open it.
#[derive(Clone)]
pub struct OpenOptions {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// A PostgreSQL login that may make roles and tables, when the serving one may not.
    pub migrate_url: Option<String>,
}

impl std::fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenOptions").field("url", &without_password(&self.url)).finish_non_exhaustive()
    }
}

/// Returns an address fit for messages: everything up to an `@` of a server's address is hidden.
pub(super) fn without_password(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.to_owned();
    }
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => url.to_owned(),
    }
}

/// What opening found out that the operator should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// The journal is guarded as designed.
    Full,
    /// The login may not use the roles: only triggers guard the journal.
    TriggersOnly,
}

impl Engine {
    /// Opens the database, creating a SQLite file that is missing, and migrates it.
    pub(crate) fn open(options: &OpenOptions) -> Answer<'_, (Self, Guard)> {
        Box::pin(async move {
            if let Some(path) = options.url.strip_prefix("sqlite:") {
                return Ok((open_sqlite(path).await?, Guard::Full));
            }
            if is_postgres(&options.url) {
                return open_postgres(options).await;
            }
            Err(bad_url(&options.url, "it begins with sqlite: or postgres://"))
        })
    }
}

pub(super) fn bad_url(url: &str, rule: &str) -> StoreError {
    StoreError::BadUrl { url: without_password(url), rule: rule.to_owned() }
}

/// Tells whether an address is a server's.
pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Returns the path of a SQLite address, given behind its `sqlite:`.
pub(super) fn sqlite_path(path: &str) -> Result<&str> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.starts_with(':') {
        return Err(bad_url(&format!("sqlite:{path}"), "sqlite: is followed by the path of a file"));
    }
    Ok(path)
}

async fn open_sqlite(path: &str) -> Result<Engine> {
    let path = sqlite_path(path)?;
    probe::refuse_foreign_file(path).await?;
    create_private(path).map_err(|source| StoreError::File { path: path.to_owned(), source })?;
    let options = SqliteConnectOptions::new()
        .disable_statement_logging()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(ACQUIRE_TIMEOUT)
        .statement_cache_capacity(500)
        .pragma("temp_store", "memory")
        .pragma("cache_size", READER_CACHE);
    let mut first = SqliteConnection::connect_with(&options).await?;
    migrations(false).run_direct(None, &mut first, false).await.map_err(migration_error)?;
    first.close().await?;
    let write = WriteFile::open(path, &WRITER_PRAGMAS, ACQUIRE_TIMEOUT)?;
    let pool = SqlitePoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT).idle_timeout(None).max_lifetime(None);
    let pool = pool.after_release(|connection, _| Box::pin(has_left_its_transaction(connection)));
    let read = pool.max_connections(SQLITE_READERS).connect_with(options.pragma("query_only", "on")).await?;
    Ok(Engine::Sqlite { write, read })
}

/// Tells whether a connection may be used again. SQLite takes a transaction back by itself when its
/// disk is full or fails; the driver's own ROLLBACK is refused then, and it believes for ever that
/// it is amid a transaction and begins no other. Such a connection is replaced.
async fn has_left_its_transaction(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    if connection.is_in_transaction() {
        // It may have a ROLLBACK still to come: a ping comes after it.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// Creates the file readable by its owner alone: it holds secrets and payers' names.
pub(super) fn create_private(path: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map(|_| ())
}

async fn open_postgres(options: &OpenOptions) -> Result<(Engine, Guard)> {
    let parse = |url: &str| PgConnectOptions::from_str(url).map_err(|error| bad_url(url, &error.to_string()));
    let login = parse(&options.url)?.disable_statement_logging();
    let migrator_login = match &options.migrate_url {
        Some(url) => parse(url)?,
        None => login.clone(),
    };
    migrate_postgres(&migrator_login).await?;
    let mut probe = connect(&login).await?;
    let serves = probe.execute("SET ROLE socho_serve").await.is_ok();
    probe.close().await?;
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if serves {
                    connection.execute("SET ROLE socho_serve").await?;
                }
                // An ack is a promise, and a lock held by another must end as "try again".
                connection.execute("SET synchronous_commit = on").await?;
                connection.execute("SET lock_timeout = '5s'").await?;
                // A plan that was made while a table was empty reads all of it for each look-up once
                // it is not: 1,000 settlements a second became 100. Planning anew costs far less.
                connection.execute("SET plan_cache_mode = force_custom_plan").await?;
                // A process that sleeps or is cut off amid a transaction keeps its market's fence
                // locked; the server ends it, so that its successor goes on.
                connection.execute("SET idle_in_transaction_session_timeout = '10s'").await.map(|_| ())
            })
        })
        // A connection that does not answer is dropped: it would keep its place for ever otherwise.
        .after_release(|connection, _| {
            Box::pin(async move {
                let answered = tokio::time::timeout(ACQUIRE_TIMEOUT, connection.ping()).await;
                answered.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
            })
        })
        .connect_with(login)
        .await?;
    Ok((Engine::Postgres(Server::of(pool).await?), if serves { Guard::Full } else { Guard::TriggersOnly }))
}

/// Connects to a server; one that takes the connection and says nothing is given up after
/// [`LOGIN_TIMEOUT`].
pub(super) async fn connect(login: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let silent = |_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
    tokio::time::timeout(LOGIN_TIMEOUT, PgConnection::connect_with(login)).await.unwrap_or_else(silent)
}

/// Migrates under the owner's role where the login may use it, else under the login itself. One
/// process at a time: roles and grants are rows that two sessions cannot change at once.
async fn migrate_postgres(login: &PgConnectOptions) -> Result<()> {
    const LOCK: &str = "SELECT pg_advisory_lock(7340932)";
    let mut connection = connect(login).await?;
    connection.execute(LOCK).await?;
    probe::refuse_foreign_tables(&mut connection, login).await?;
    let owned = roles::prepare(&mut connection).await.is_ok();
    if owned {
        connection.execute("SET ROLE socho_owner").await?;
    }
    migrations(true).run_direct(None, &mut connection, false).await.map_err(migration_error)?;
    if owned {
        roles::grant(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}

pub(super) fn migrations(postgres: bool) -> Migrator {
    let migration = |(number, name, sqlite, pg): &(i64, &'static str, &'static str, &'static str)| {
        let text = if postgres { *pg } else { *sqlite };
        Migration::new(*number, Cow::Borrowed(*name), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect())
}

/// Returns the number of the newest migration this program has.
pub(crate) fn newest_migration() -> i64 {
    MIGRATIONS.last().map_or(0, |(number, ..)| *number)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the driver's enum is not closed")]
pub(super) fn migration_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(found) => StoreError::NewerSchema { found, known: newest_migration() },
        MigrateError::Execute(error) => error.into(),
        other => StoreError::Migration(other),
    }
}
