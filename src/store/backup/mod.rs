//! Whole books, out and in. A backup of either engine is one plain SQLite file with the schema that
//! a market's own book has: an auditor opens it with any SQLite tool, `verify` reads it as it is, and
//! a market moves from its file to the city's PostgreSQL and back through it.
//!
//! | from | how | what it sees |
//! |---|---|---|
//! | SQLite | `VACUUM INTO`, on a connection of its own | the moment it began |
//! | PostgreSQL | every table in key order, in one `REPEATABLE READ` transaction | the moment it began |
//!
//! | into | how | when it is killed half-way |
//! |---|---|---|
//! | SQLite | `VACUUM INTO` a file of another name, migrated there, then renamed | the book is not there; `NAME.partial` is |
//! | PostgreSQL | one transaction, as the serving role, which may only add rows | the database is as empty as before |

pub(super) mod copy;
mod place;

use std::path::Path;
use std::time::Duration;

use super::engine::schema::{self, Table};
use super::engine::{EngineKind, Transaction, binds, file};
use super::error::{Result, StoreError, Trouble};
use super::{Store, engine};
use crate::domain::ids::MarketId;

pub use place::Overwrite;
pub(crate) use place::{Partial, PlaceError};

/// Hears how much has been copied: bytes from SQLite, rows from PostgreSQL.
pub(crate) type Told<'a> = &'a (dyn Fn(u64) + Send + Sync);

/// How often the growing file is measured for the listener.
const MEASURED_EVERY: Duration = Duration::from_millis(200);
/// Markets of one installation that are listed; more than a country has.
const MARKETS_MAX: i64 = 100_000;

/// One market of a book, as its head and its last link say.
#[derive(Debug, Clone)]
pub(crate) struct MarketState {
    pub(crate) market: MarketId,
    pub(crate) code: String,
    pub(crate) postings: i64,
    pub(crate) items: i64,
    pub(crate) batches: i64,
    pub(crate) last_seq: i64,
    pub(crate) hash: Vec<u8>,
    /// What does not agree; empty as it should be.
    pub(crate) faults: Vec<String>,
}

/// What is wrong with a file that should be a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Defect {
    /// SQLite cannot read it, or finds its structure broken: what it said.
    Damaged(String),
    /// It is a database, but no book.
    NotABook,
    /// A newer program made it: the newest migration it has, and the newest known here.
    Newer { found: i64, known: i64 },
}

/// Returns how much [`write`] will tell of at most.
pub(crate) async fn expected(store: &Store) -> Result<u64> {
    match store.kind() {
        EngineKind::Sqlite => file::size(&store.engine()).await,
        EngineKind::Postgres => expected_rows(store).await,
    }
}

/// Returns about how many rows a book has: what grows with it is the journal and the inbox.
pub(crate) async fn expected_rows(store: &Store) -> Result<u64> {
    const SQL: &str = "SELECT CAST(COALESCE(SUM(last_seq + 2 * last_item + last_batch), 0) AS BIGINT) AS journal \
        FROM market_head";
    let mut transaction = store.begin_read().await?;
    let row = transaction.row(SQL, binds![]).await?;
    transaction.rollback().await?;
    Ok(u64::try_from(row.map_or(Ok(0), |row| row.int("journal"))?).unwrap_or(0))
}

/// Copies one moment of the book into a file that exists and is empty, while the book is served.
///
/// # Errors
/// Whatever the store meets; the file is of no use then.
pub(crate) async fn write(store: &Store, path: &Path, told: Told<'_>) -> Result<()> {
    let source = store.engine();
    if source.kind() == EngineKind::Sqlite {
        return watched(path, told, file::copy_into(&source, path)).await;
    }
    let tables = schema::tables().await?;
    let target = file::create(path).await?;
    let (mut from, mut into) = (source.begin_read().await?, target.begin_write().await?);
    copy::everything(&mut from, &mut into, &tables, told).await?;
    from.rollback().await?;
    into.commit().await?;
    target.close().await;
    Ok(())
}

/// Waits for SQLite's own copying and tells how far the file has grown.
async fn watched(path: &Path, told: Told<'_>, mut copying: engine::Answer<'_, bool>) -> Result<()> {
    loop {
        tokio::select! {
            done = &mut copying => return done.map(|_| ()),
            () = tokio::time::sleep(MEASURED_EVERY) => {
                told(tokio::fs::metadata(path).await.map_or(0, |file| file.len()));
            }
        }
    }
}

/// Opens a backup for reading and looks whether it is whole and can be read here; SQLite's own check
/// reads the file once from end to end.
///
/// # Errors
/// Whatever the store meets besides: the file not being there is [`StoreError::File`].
pub(crate) async fn open(path: &Path) -> Result<std::result::Result<Store, Defect>> {
    let shown = path.to_string_lossy().into_owned();
    let mut magic = [0_u8; 16];
    let mut head = std::fs::File::open(path).map_err(|source| StoreError::File { path: shown.clone(), source })?;
    if std::io::Read::read_exact(&mut head, &mut magic).is_err() || &magic != b"SQLite format 3\0" {
        return Ok(Err(Defect::NotABook));
    }
    drop(head);
    match examined(path).await {
        Ok(Ok(engine)) => Ok(Ok(Store::read_only(format!("sqlite:{shown}"), engine))),
        Ok(Err(defect)) => Ok(Err(defect)),
        Err(error) if error.trouble().is_some_and(|trouble| trouble != Trouble::DiskFull) => {
            Ok(Err(Defect::Damaged(innermost(&error))))
        }
        Err(error) => Err(error),
    }
}

async fn examined(path: &Path) -> Result<std::result::Result<engine::Engine, Defect>> {
    let engine = file::open_read_only(path).await?;
    if let Some(found) = file::damage(&engine).await? {
        return Ok(Err(Defect::Damaged(found)));
    }
    let known = engine::newest_migration();
    match file::schema_version(&engine).await? {
        None => Ok(Err(Defect::NotABook)),
        Some(found) if found > known => Ok(Err(Defect::Newer { found, known })),
        Some(_) => Ok(Ok(engine)),
    }
}

/// Refuses a file that another program made, and leaves it as it is.
///
/// # Errors
/// [`StoreError::ForeignDatabase`].
pub(crate) async fn refuse_foreign(path: &Path) -> Result<()> {
    engine::probe::refuse_foreign_file(&path.to_string_lossy()).await
}

/// Tells whether a file is a book at rest, as a backup is: no book that was served lies so. Its header
/// says how SQLite journals it, 1 as it was made and 2 once it has a write-ahead log.
pub(crate) fn is_at_rest(path: &Path) -> bool {
    let mut header = [0_u8; 20];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut header));
    read.is_ok() && header.starts_with(b"SQLite format 3\0") && header.ends_with(&[1, 1])
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// Tells whether a file that [`open`] accepted has the schema of this program and not an older one.
pub(crate) async fn is_current(store: &Store) -> Result<bool> {
    Ok(file::schema_version(&store.engine()).await? == Some(engine::newest_migration()))
}

/// Looks at each market's head: its numbers against the rows that are there, its hash against the
/// last link of the chain. Cheap beside `verify`, which derives everything again.
pub(crate) async fn heads(store: &Store) -> Result<Vec<MarketState>> {
    const HEADS: &str = "SELECT h.market_id, m.code, h.last_seq, h.last_item, h.last_batch, h.last_hash, b.hash, \
        b.first_seq + b.posting_count - 1 AS end_seq, b.first_item + b.item_count - 1 AS end_item \
        FROM market_head h JOIN markets m ON m.market_id = h.market_id \
        LEFT JOIN batches b ON b.market_id = h.market_id AND b.batch_no = h.last_batch ORDER BY m.code LIMIT $1";
    let mut transaction = store.begin_read().await?;
    let mut found = Vec::new();
    for row in transaction.rows(HEADS, binds![MARKETS_MAX]).await? {
        let market = row.int("market_id")?;
        let mut state = MarketState {
            market: MarketId::new(market).map_err(|error| StoreError::Inconsistent(error.to_string()))?,
            code: row.text("code")?,
            postings: count(&mut transaction, "postings", market).await?,
            items: count(&mut transaction, "inbox", market).await?,
            batches: count(&mut transaction, "batches", market).await?,
            last_seq: row.int("last_seq")?,
            hash: row.bytes("last_hash")?,
            faults: Vec::new(),
        };
        for (what, head, there) in [
            ("last_seq", state.last_seq, state.postings),
            ("last_item", row.int("last_item")?, state.items),
            ("last_batch", row.int("last_batch")?, state.batches),
            ("last_seq", state.last_seq, row.optional_int("end_seq")?.unwrap_or(0)),
            ("last_item", row.int("last_item")?, row.optional_int("end_item")?.unwrap_or(0)),
        ] {
            if head != there {
                state.faults.push(format!("market_head: {what} is {head}, the journal has {there}"));
            }
        }
        if row.optional_bytes("hash")?.unwrap_or_else(|| vec![0; 32]) != state.hash {
            state.faults.push("market_head: last_hash is not the last batch's".to_owned());
        }
        found.push(state);
    }
    transaction.rollback().await?;
    Ok(found)
}

/// Returns the markets of a book as `verify` takes them.
pub(crate) fn listed(heads: &[MarketState]) -> Vec<(MarketId, String)> {
    heads.iter().map(|head| (head.market, head.code.clone())).collect()
}

async fn count(transaction: &mut Transaction, table: &'static str, market: i64) -> Result<i64> {
    let sql = match table {
        "postings" => "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM postings WHERE market_id = $1",
        "inbox" => "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM inbox WHERE market_id = $1",
        _ => "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM batches WHERE market_id = $1",
    };
    transaction.row(sql, binds![market]).await?.map_or(Ok(0), |row| row.int("count"))
}

/// Copies a backup into a file that exists and is empty.
pub(crate) async fn copy_file(backup: &Store, path: &Path, told: Told<'_>) -> Result<()> {
    watched(path, told, file::copy_into(&backup.engine(), path)).await
}

/// Copies a backup of the current schema into an open book that holds nothing yet, in one
/// transaction. Returns `false`, with nothing written, when it does hold something.
pub(crate) async fn load(backup: &Store, book: &Store, told: Told<'_>) -> Result<bool> {
    /// Whoever adds a market, an account or a source moves this row too, so none can be added from
    /// here on until the book is whole.
    const LOCK: &str = "UPDATE installation SET reference_version = reference_version WHERE id = $1";
    let tables = schema::tables().await?;
    let (mut from, mut into) = (backup.begin_read().await?, book.begin_write().await?);
    into.execute_exactly(1, LOCK, binds![1_i64]).await?;
    if !is_empty(&mut into, &tables).await? {
        into.rollback().await?;
        return Ok(false);
    }
    copy::everything(&mut from, &mut into, &tables, told).await?;
    from.rollback().await?;
    into.commit().await?;
    Ok(true)
}

/// Tells whether a book holds nothing but what its migrations put there.
async fn is_empty(transaction: &mut Transaction, tables: &[Table]) -> Result<bool> {
    for table in tables {
        let sql = format!("SELECT 1 AS one FROM {} LIMIT $1", copy::quoted(&table.name));
        let rows = transaction.rows(sql, binds![table.seeded.saturating_add(1)]).await?;
        if i64::try_from(rows.len()).is_ok_and(|rows| rows > table.seeded) {
            return Ok(false);
        }
    }
    Ok(true)
}
