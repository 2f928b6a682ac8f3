//! The only place with SQL, and the only importer of sqlx.
//!
//! # How to add a query
//! 1. Write the statement once, as a `const` beside its binds, in the file of its table family:
//!    `$1` placeholders, columns named, `ORDER BY` total, `LIMIT` on every list; a batch of rows
//!    is one [`engine::Rows`] bound last and read where the text says `{rows}`.
//! 2. `market_id = $1` comes first wherever the table has it (DESIGN §4.4, CITUS.md).
//! 3. Read columns by name from [`engine::Row`] and build the domain type there.
//! 4. Tell a story about it in `tests/it/store_contract`: it runs on both engines.

mod active;
pub(crate) mod api_keys;
pub(crate) mod audit;
pub mod backup;
pub(crate) mod balances;
pub(crate) mod bindings;
pub(crate) mod closes;
pub(crate) mod commits;
pub(crate) mod deliveries;
pub(crate) mod devices;
pub(crate) mod engine;
pub mod error;
pub(crate) mod export;
mod facts;
pub(crate) mod feeds;
pub mod head;
pub mod health;
pub(crate) mod heard_requests;
pub(crate) mod held;
pub(crate) mod idempotency;
mod journal;
pub(crate) mod keys;
pub(crate) mod login_attempts;
pub(crate) mod markets;
pub mod measure;
pub mod meter;
mod overview;
mod pairing;
pub(crate) mod pairing_codes;
pub(crate) mod periods;
pub(crate) mod postings;
pub(crate) mod prints;
pub(crate) mod reconciliation;
pub(crate) mod redactions;
pub(crate) mod register;
pub(crate) mod reports;
pub mod routing;
pub(crate) mod second_factors;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod source_hours;
pub(crate) mod sources;
pub(crate) mod spreads;
pub(crate) mod stall_book;
pub(crate) mod stall_sheet;
pub(crate) mod standing;
pub(crate) mod statement_lines;
pub(crate) mod statements;
pub(crate) mod subject;
pub(crate) mod tail;
pub(crate) mod todo;
pub(crate) mod users;
pub(crate) mod verify;
pub(crate) mod waiting;
pub(crate) mod webhooks;
pub mod writer;
pub mod yardstick;

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;

use engine::{Engine, Transaction};
pub use engine::{EngineKind, OpenOptions, Pending};
use error::{Result, StoreError};

/// How long readers of other processes may keep a file that was opened anew from being trusted.
const REOPEN_PATIENCE: Duration = Duration::from_secs(5);

/// The open book: one SQLite file or one PostgreSQL database.
#[derive(Debug)]
pub struct Store {
    options: OpenOptions,
    engine: RwLock<Engine>,
    journal_guarded_by_roles: bool,
    commits: commits::Commits,
}

impl Store {
    /// Opens the database, makes it when it is a SQLite file that is missing, and migrates it.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`], [`StoreError::File`], [`StoreError::ForeignDatabase`],
    /// [`StoreError::NewerSchema`], [`StoreError::Migration`] or [`StoreError::Unavailable`].
    pub async fn open(options: OpenOptions) -> Result<Self> {
        let (engine, guard) = Engine::open(&options).await?;
        let journal_guarded_by_roles = guard == engine::Guard::Full;
        Ok(Self {
            options,
            engine: RwLock::new(engine),
            journal_guarded_by_roles,
            commits: commits::Commits::default(),
        })
    }

    /// Wraps a file that was opened for reading alone.
    fn read_only(url: String, engine: Engine) -> Self {
        let options = OpenOptions { url, migrate_url: None };
        Self {
            options,
            engine: RwLock::new(engine),
            journal_guarded_by_roles: true,
            commits: commits::Commits::default(),
        }
    }

    /// Opens the book once more for reading it from end to end; [`Self::end_scan`] closes it.
    pub(crate) async fn scanner(&self) -> Result<Self> {
        let engine = engine::file::scanner(&self.engine()).await?;
        let journal_guarded_by_roles = self.journal_guarded_by_roles;
        let options = self.options.clone();
        Ok(Self {
            options,
            engine: RwLock::new(engine),
            journal_guarded_by_roles,
            commits: commits::Commits::default(),
        })
    }

    /// Closes what [`Self::scanner`] opened.
    pub(crate) async fn end_scan(self) {
        if self.kind() == EngineKind::Sqlite {
            self.engine().close().await;
        }
    }

    /// Returns which engine holds the book.
    #[must_use]
    pub fn kind(&self) -> EngineKind {
        self.engine().kind()
    }

    /// Tells whether the database itself refuses this process changes to the journal by role; when
    /// not, only triggers guard it and `serve` says so at start.
    #[must_use]
    pub fn journal_guarded_by_roles(&self) -> bool {
        self.journal_guarded_by_roles
    }

    /// Returns who waits to hear of commits in this process.
    pub(crate) fn commits(&self) -> &commits::Commits {
        &self.commits
    }

    /// Begins a transaction that may write.
    pub(crate) async fn begin_write(&self) -> Result<Transaction> {
        self.engine().begin_write().await
    }

    /// As [`Self::begin_write`], with what a lane keeps between its batches.
    pub(crate) async fn begin_on(&self, lane: &mut engine::Lane) -> Result<Transaction> {
        self.engine().begin_on(lane).await
    }

    /// Begins a transaction that sees one moment of the database throughout.
    pub(crate) async fn begin_read(&self) -> Result<Transaction> {
        self.engine().begin_read().await
    }

    /// Closes every connection, opens the database anew and empties SQLite's write-ahead log, so
    /// that what is read afterwards is what the disk holds (DESIGN §4.8).
    ///
    /// # Errors
    /// As [`Store::open`], and when the log cannot be emptied.
    pub async fn reopen(&self) -> Result<()> {
        self.engine().close().await;
        let (engine, _) = Engine::open(&self.options).await?;
        engine.checkpoint(REOPEN_PATIENCE).await?;
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = engine;
        Ok(())
    }

    /// Folds SQLite's write-ahead log into the file and gives its memory back; nothing on PostgreSQL. For
    /// quiet moments: it tries once, for work may come meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when readers kept it from being emptied.
    pub async fn checkpoint(&self) -> Result<()> {
        let engine = self.engine();
        engine.shrink().await?;
        engine.checkpoint(Duration::ZERO).await
    }

    /// Folds the write-ahead log into the file when the disk grows short of room for it; nothing on
    /// PostgreSQL.
    ///
    /// # Errors
    /// Whatever the file meets; nothing was lost then.
    pub async fn make_room(&self) -> Result<()> {
        self.engine().make_room().await
    }

    /// Closes every connection; the store is of no use afterwards.
    pub async fn close(&self) {
        self.engine().close().await;
    }

    fn engine(&self) -> Engine {
        self.engine.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns an instant as it is stored: microseconds since 1970-01-01T00:00Z.
pub(crate) fn micros(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

/// Reads an instant as it is stored.
pub(crate) fn instant(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros)
        .map_err(|error| StoreError::Inconsistent(format!("instant {micros} µs: {error}")))
}

/// Reads an instant that may be missing.
pub(crate) fn optional_instant(micros: Option<i64>) -> Result<Option<Timestamp>> {
    micros.map(instant).transpose()
}
