//! What can go wrong in the store, by what the caller can do about it.

use thiserror::Error;

/// Why the store did not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot write now: nothing was done, try again.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// COMMIT was sent and its answer is not known: it may or may not have happened.
    #[error("the database did not say whether the commit happened")]
    CommitUnknown(#[source] sqlx::Error),
    /// A unique key refused a row. The statement that can raise it says what it means.
    #[error("a row with this key exists already")]
    UniqueViolation,
    /// Another writer was faster too often.
    #[error("other writers moved the market's head {attempts} times in a row")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// The writer's queue is full.
    #[error("the writer's queue is full")]
    QueueFull,
    /// What is stored contradicts itself or cannot be decoded.
    #[error("the store is inconsistent: {0}")]
    Inconsistent(String),
    /// The database was made by a newer program.
    #[error("the database has schema {found}, this program knows up to {known}")]
    NewerSchema {
        /// The newest migration the database has.
        found: i64,
        /// The newest migration this program has.
        known: i64,
    },
    /// The database has no schema yet, or an older one, and this command does not migrate.
    #[error("the database's schema could not be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// The `--db` value is not a database address this program understands.
    #[error("database address {url:?} is not valid: {rule}")]
    BadUrl {
        /// The address, without a password.
        url: String,
        /// The rule it breaks.
        rule: String,
    },
    /// The database is another program's; nothing in it was changed.
    #[error("{place} holds tables of another program: {}", tables.join(", "))]
    ForeignDatabase {
        /// The file, or the address without a password.
        place: String,
        /// Some of the tables that are not a book's, or stand where a book's would.
        tables: Vec<String>,
    },
    /// The SQLite file cannot be opened or created.
    #[error("cannot open the database file {path:?}")]
    File {
        /// The path as given.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A statement was refused: a fault of this program.
    #[error("a statement was refused")]
    Statement(#[source] sqlx::Error),
}

/// The store's result.
pub type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    /// Tells whether trying again later can help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::CommitUnknown(_) | Self::Contended { .. } | Self::QueueFull)
    }
}

impl StoreError {
    /// Tells whether SQLite's file itself failed, so that nothing may be read or acked before it
    /// was opened anew. A full disk is no such failure: reading goes on and writing comes back.
    pub(crate) fn is_file_failure(&self) -> bool {
        let (Self::Unavailable(error) | Self::CommitUnknown(error) | Self::Statement(error)) = self else {
            return false;
        };
        let code = error.as_database_error().and_then(|database| database.code().map(std::borrow::Cow::into_owned));
        match code.filter(|code| code.len() < 5).and_then(|code| code.parse::<i64>().ok()) {
            Some(number) => matches!(number & 0xff, 10 | 11 | 14 | 26),
            None => matches!(error, sqlx::Error::WorkerCrashed),
        }
    }
}

/// What a database says of itself when it cannot be opened or read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The file is no SQLite database.
    NotADatabase,
    /// The SQLite file is damaged.
    Damaged,
    /// The server does not know the login or its password.
    LoginRefused,
    /// The server has no such database.
    NoSuchDatabase,
    /// The disk has no room left: nothing of the statement was written.
    DiskFull,
}

impl StoreError {
    /// Returns what the database says of itself, when the cause is that and no fault of ours.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            let database = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
            if let Some(code) = database.and_then(sqlx::error::DatabaseError::code) {
                return trouble_of(&code);
            }
            cause = error.source();
        }
        None
    }
}

/// Reads SQLite's primary code (corrupt 11, full 13, not a database 26) or PostgreSQL's state (28
/// login, 3D000 database, 53100 disk).
fn trouble_of(code: &str) -> Option<Trouble> {
    match code.parse::<i64>() {
        Ok(number) if code.len() < 5 => match number & 0xff {
            11 => Some(Trouble::Damaged),
            13 => Some(Trouble::DiskFull),
            26 => Some(Trouble::NotADatabase),
            _ => None,
        },
        Ok(_) | Err(_) if code.starts_with("28") => Some(Trouble::LoginRefused),
        Ok(_) | Err(_) if code == "53100" => Some(Trouble::DiskFull),
        Ok(_) | Err(_) if code == "3D000" => Some(Trouble::NoSuchDatabase),
        Ok(_) | Err(_) => None,
    }
}

impl From<sqlx::Error> for StoreError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the driver's enum is not closed")]
    /// Sorts by kind: what the driver, the file or the network refused is [`Self::Unavailable`].
    fn from(error: sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        match &error {
            sqlx::Error::Database(database) if database.kind() == ErrorKind::UniqueViolation => Self::UniqueViolation,
            sqlx::Error::Database(database) if is_passing(database.as_ref()) => Self::Unavailable(error),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Self::Unavailable(error),
            _ => Self::Statement(error),
        }
    }
}

/// Tells whether a database's refusal is about the moment and not about the statement.
///
/// SQLite's extended codes carry the primary one in the low byte: busy 5, locked 6, read-only 8,
/// interrupted 9, I/O 10, full 13, cannot open 14. PostgreSQL's classes: 08 connection, 53
/// resources, 57 operator, 58 system, 40 serialisation, 25006 read-only, 25P03 a transaction left
/// idle too long, 55P03 a lock not had in time.
fn is_passing(error: &dyn sqlx::error::DatabaseError) -> bool {
    let Some(code) = error.code() else { return false };
    match code.parse::<i64>() {
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 5 | 6 | 8 | 9 | 10 | 13 | 14),
        Ok(_) | Err(_) => {
            ["08", "53", "57", "58", "40", "25006", "25P03", "55P03"].iter().any(|class| code.starts_with(class))
        }
    }
}
