//! A book as one plain SQLite file that nobody serves: made, read and checked without changing the
//! way it lies on the disk.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::open::{ACQUIRE_TIMEOUT, migration_error, migrations};
use super::write_file::WriteFile;
use super::{Answer, Engine};

/// Findings of SQLite's own check that are kept; one is enough to refuse a file.
const CHECK_FINDINGS: &str = "PRAGMA quick_check(1)";

/// How the connection that fills a copy is set up: whoever copies flushes once, at the end.
const COPY_PRAGMAS: [(&str, &str); 4] =
    [("synchronous", "OFF"), ("foreign_keys", "ON"), ("temp_store", "memory"), ("cache_size", "-65536")];

/// Page cache of a connection that reads from end to end: 8 MiB, as SQLite writes kibibytes.
const SCAN_CACHE: &str = "-8192";
/// Rows that may wait between SQLite's thread and the reader.
const SCAN_ROWS: usize = 1_024;

/// Opens a file for reading alone. It is not migrated, and its journal mode stays as it is. Without
/// a write-ahead log beside it the file is taken as unchanging, so that it may lie in a folder where
/// nothing can be written.
pub(crate) fn open_read_only(path: &Path) -> Answer<'_, Engine> {
    Box::pin(async move {
        let options = SqliteConnectOptions::new()
            .disable_statement_logging()
            .filename(path)
            .read_only(true)
            .immutable(!has_log(path))
            .pragma("cache_size", "-65536");
        let pool = || SqlitePoolOptions::new().max_connections(2).idle_timeout(None).max_lifetime(None);
        let read = pool().connect_with(options).await?;
        Ok(Engine::Sqlite { write: WriteFile::closed(ACQUIRE_TIMEOUT), read })
    })
}

/// Opens the book once more for reading it from end to end: on SQLite a connection of its own, whose
/// page cache is small because no page is met twice, and whose rows wait by the thousand rather than
/// by the fifty; a server's connections serve as they are.
pub(crate) fn scanner(engine: &Engine) -> Answer<'_, Engine> {
    Box::pin(async move {
        let Engine::Sqlite { read, .. } = engine else { return Ok(engine.clone()) };
        let options = (*read.connect_options()).clone().pragma("cache_size", SCAN_CACHE).row_buffer_size(SCAN_ROWS);
        let pool = || SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let read = pool().connect_with(options).await?;
        Ok(Engine::Sqlite { write: WriteFile::closed(ACQUIRE_TIMEOUT), read })
    })
}

/// Tells whether a write-ahead log lies beside the file.
pub(crate) fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

/// Makes the schema in a file that exists and is empty, for a book that is copied into it row by
/// row. Nothing is flushed on the way: whoever copies flushes the whole file once, at the end.
pub(crate) fn create(path: &Path) -> Answer<'_, Engine> {
    Box::pin(async move {
        let options = SqliteConnectOptions::new()
            .disable_statement_logging()
            .filename(path)
            .journal_mode(SqliteJournalMode::Delete)
            .synchronous(SqliteSynchronous::Off)
            .foreign_keys(true)
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-65536");
        let mut first = SqliteConnection::connect_with(&options).await?;
        migrations(false).run_direct(None, &mut first, false).await.map_err(migration_error)?;
        first.close().await?;
        let write = WriteFile::open(&path.to_string_lossy(), &COPY_PRAGMAS, ACQUIRE_TIMEOUT)?;
        let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        Ok(Engine::Sqlite { write, read: pool.connect_lazy_with(options) })
    })
}

/// Copies the moment of a SQLite book into a file that is missing or empty, tightly packed, while
/// others read and write the book. Returns `false` when the book is not a file.
///
/// It runs on a connection of its own. The write-ahead log cannot be emptied while it runs, as with
/// every reader.
pub(crate) fn copy_into<'a>(engine: &'a Engine, path: &'a Path) -> Answer<'a, bool> {
    Box::pin(async move {
        let Engine::Sqlite { read, .. } = engine else { return Ok(false) };
        let options = (*read.connect_options()).clone().pragma("query_only", "off").read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let target = path.to_string_lossy().into_owned();
        sqlx::query("VACUUM INTO $1").bind(target).execute(&mut connection).await?;
        connection.close().await?;
        Ok(true)
    })
}

/// Returns how many bytes a copy by [`copy_into`] will have at most; 0 when the book is not a file.
pub(crate) fn size(engine: &Engine) -> Answer<'_, u64> {
    Box::pin(async move {
        let Engine::Sqlite { read, .. } = engine else { return Ok(0) };
        let row = sqlx::query("SELECT page_count * page_size AS size FROM pragma_page_count, pragma_page_size")
            .fetch_one(read)
            .await?;
        Ok(u64::try_from(row.try_get::<i64, _>("size")?).unwrap_or(0))
    })
}

/// Runs SQLite's own check of the file's structure; what is wrong, or nothing.
pub(crate) fn damage(engine: &Engine) -> Answer<'_, Option<String>> {
    Box::pin(async move {
        let Engine::Sqlite { read, .. } = engine else { return Ok(None) };
        let found: String = sqlx::query(CHECK_FINDINGS).fetch_one(read).await?.try_get(0)?;
        Ok(Some(found).filter(|found| found != "ok"))
    })
}

/// Returns the newest migration of the file; `None` when it was never a book.
pub(crate) fn schema_version(engine: &Engine) -> Answer<'_, Option<i64>> {
    const KNOWN: &str = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('_sqlx_migrations', \
        'installation', 'market_head', 'postings')";
    const NEWEST: &str = "SELECT MAX(version) FROM _sqlx_migrations";
    Box::pin(async move {
        let Engine::Sqlite { read, .. } = engine else { return Ok(None) };
        if sqlx::query_scalar::<_, i64>(KNOWN).fetch_one(read).await? < 4 {
            return Ok(None);
        }
        Ok(sqlx::query_scalar(NEWEST).fetch_one(read).await?)
    })
}
