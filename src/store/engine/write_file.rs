//! SQLite's one writing connection, called directly.
//!
//! The pool's driver carries each statement to a thread of its own and back, and takes a batch as
//! one JSON text that SQLite reads again for every column; `benches/NOTES.md` has what that cost.
//! Here a batch is a prepared statement that is bound and stepped once a row, on the thread that
//! asks: the writer's lane has a thread to itself, every other write is short. The text of a
//! statement is the same as everywhere.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, Value as Cell, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::row::FileRow;
use super::split_rows;
use super::value::{BEGINS_WITH_ROWS, Rows, Value};
use crate::store::error::{Result, StoreError};

/// Prepared statements that are kept: each text of the store, some in several forms.
const STATEMENTS: usize = 500;
/// Length of the log below which the disk is not asked for its room, in bytes.
const LOG_UNMINDED: u64 = 1 << 20;
/// Pause before a lock that another process holds is asked for again.
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// The connection, of which only one transaction at a time has hold.
#[derive(Clone)]
pub(crate) struct WriteFile {
    open: Arc<Mutex<Option<OpenFile>>>,
    /// Where its write-ahead log lies; nowhere for a file that is only read.
    log: Option<Arc<Path>>,
    /// How long a transaction waits for its turn, or another process's.
    patience: Duration,
}

struct OpenFile {
    connection: Connection,
    texts: Texts,
}

/// The statements that are run once for each row of a batch as SQLite reads them, by the text they
/// were made of.
#[derive(Default)]
struct Texts(HashMap<Cow<'static, str>, String>);

impl Texts {
    fn of(&mut self, sql: Cow<'static, str>, rows: &Rows<'_>, first: usize) -> &str {
        self.0.entry(sql).or_insert_with_key(|sql| {
            let text = one_row_insert(sql, rows, first).or_else(|| one_row_lookup(sql, rows, first));
            numbered(&text.unwrap_or_else(|| sql.replace("{rows}", &rows.one_row(first))))
        })
    }
}

/// Returns an insert of a batch as SQLite takes one row of it fastest: `VALUES` instead of
/// `SELECT`, which makes SQLite keep a copy of every page it touches in case a later row fails.
/// `None` for a statement of another form. The market's head is there: the fence was passed first.
fn one_row_insert(sql: &str, rows: &Rows<'_>, first: usize) -> Option<String> {
    const SOURCE: &str = " FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1";
    let (insert, rest) = sql.split_once(" SELECT ")?;
    let (selected, conflict) = rest.split_once(SOURCE)?;
    let value = |expression: &str| match expression.split_once('.') {
        Some(("h", "market_id")) => Some("$1".to_owned()),
        Some(("u", name)) => rows.place(name).map(|place| format!("${}", first.saturating_add(place))),
        None if expression.starts_with('$') => Some(expression.to_owned()),
        Some(_) | None => None,
    };
    let values = selected.split(", ").map(value).collect::<Option<Vec<_>>>()?;
    Some(format!("{insert} VALUES ({}){conflict}", values.join(", ")))
}

/// Returns a query that begins with its batch as SQLite answers it fastest for one row: with the
/// row's values in place of a source of one row, which keeps SQLite from using an index's order.
/// `None` for a statement of another form.
fn one_row_lookup(sql: &str, rows: &Rows<'_>, first: usize) -> Option<String> {
    const COLUMN: &str = "u.";
    let (before, after) = sql.split_once(BEGINS_WITH_ROWS).filter(|(_, after)| !after.contains("{rows}"))?;
    let whole = format!("{before}FROM {after}");
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let (mut text, mut rest) = (String::with_capacity(whole.len()), whole.as_str());
    while let Some((between, from)) = rest.split_once(COLUMN) {
        text.push_str(between);
        if between.ends_with(is_word) {
            text.push_str(COLUMN);
            rest = from;
            continue;
        }
        let end = from.find(|c| !is_word(c)).unwrap_or(from.len());
        let (name, behind) = from.split_at_checked(end)?;
        text.push('$');
        text.push_str(&first.saturating_add(rows.place(name)?).to_string());
        rest = behind;
    }
    text.push_str(rest);
    Some(text)
}

impl fmt::Debug for WriteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WriteFile")
    }
}

impl WriteFile {
    /// Opens a file that is there, in the journal mode that it has, and sets the connection up.
    pub(super) fn open(path: &str, pragmas: &[(&str, &str)], patience: Duration) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Waiting is done here, without keeping a thread.
        connection.busy_timeout(Duration::ZERO).map_err(failed)?;
        for (name, value) in pragmas {
            connection.pragma_update(None, name, value).map_err(failed)?;
        }
        let open = OpenFile { connection, texts: Texts::default() };
        let log = Some(Arc::from(PathBuf::from(format!("{path}-wal"))));
        Ok(Self { open: Arc::new(Mutex::new(Some(open))), log, patience })
    }

    /// Returns what stands for the writing connection of a file that is only read.
    pub(super) fn closed(patience: Duration) -> Self {
        Self { open: Arc::new(Mutex::new(None)), log: None, patience }
    }

    /// Begins a transaction that has the write lock.
    pub(super) async fn begin(&self) -> Result<FileTransaction> {
        let file = self.turn().await?;
        let mut transaction = FileTransaction { file, open: false };
        if !connected(&mut transaction.file)?.connection.is_autocommit() {
            // What the one before could not take back.
            transaction.run("ROLLBACK").map_err(failed)?;
        }
        self.patiently(|| transaction.run("BEGIN IMMEDIATE")).await?;
        transaction.open = true;
        Ok(transaction)
    }

    /// Empties the write-ahead log; `false` when readers kept it from being emptied for that long.
    pub(super) async fn checkpoint(&self, patience: Duration) -> Result<bool> {
        let began = Instant::now();
        loop {
            let mut file = self.turn().await?;
            let connection = &connected(&mut file)?.connection;
            let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
            drop(file);
            match busy {
                Ok(0) => return Ok(true),
                Err(error) if !is_busy(&error) => return Err(failed(error)),
                Ok(_) | Err(_) if began.elapsed() >= patience => return Ok(false),
                Ok(_) | Err(_) => tokio::time::sleep(LOCK_PAUSE).await,
            }
        }
    }

    /// Tells whether the log should be folded into the file before it grows on: folding it makes the
    /// file longer by as much at most, and a disk that the log has filled has no room for that.
    pub(super) fn is_cramped(&self) -> bool {
        let Some(log) = &self.log else { return false };
        let length = std::fs::metadata(log).map_or(0, |log| log.len());
        if length < LOG_UNMINDED {
            return false;
        }
        let free = rustix::fs::statvfs(&**log).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        free.is_ok_and(|free| free < length.saturating_mul(2))
    }

    /// Gives back the memory that pages are kept in.
    pub(super) async fn shrink(&self) -> Result<()> {
        let mut file = self.turn().await?;
        connected(&mut file)?.connection.execute_batch("PRAGMA shrink_memory").map_err(failed)
    }

    /// Closes the connection once the transaction that has hold of it is over.
    pub(super) async fn close(&self) {
        drop(self.open.lock().await.take());
    }

    async fn turn(&self) -> Result<OwnedMutexGuard<Option<OpenFile>>> {
        let turn = tokio::time::timeout(self.patience, Arc::clone(&self.open).lock_owned()).await;
        turn.map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))
    }

    /// Tries again while another process has the lock.
    async fn patiently(&self, mut attempt: impl FnMut() -> rusqlite::Result<()>) -> Result<()> {
        let began = Instant::now();
        loop {
            match attempt() {
                Err(error) if is_busy(&error) && began.elapsed() < self.patience => {
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                done => return done.map_err(failed),
            }
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

fn connected(file: &mut Option<OpenFile>) -> Result<&mut OpenFile> {
    file.as_mut().ok_or(StoreError::Unavailable(sqlx::Error::PoolClosed))
}

/// A transaction that has hold of the connection. Dropping it without [`Self::commit`] rolls back.
pub(crate) struct FileTransaction {
    file: OwnedMutexGuard<Option<OpenFile>>,
    open: bool,
}

impl FileTransaction {
    /// Runs a statement; one with a batch once for each row. Returns how many rows it touched.
    pub(super) fn execute(&mut self, sql: Cow<'static, str>, values: Vec<Value<'_>>) -> Result<u64> {
        let file = connected(&mut self.file)?;
        let (values, rows) = split_rows(values);
        let Some(rows) = rows else {
            let mut statement = file.connection.prepare_cached(&numbered(&sql)).map_err(failed)?;
            bind_all(&mut statement, &values)?;
            return Ok(touched(statement.raw_execute().map_err(failed)?));
        };
        let first = values.len().saturating_add(1);
        let mut statement = file.connection.prepare_cached(file.texts.of(sql, &rows, first)).map_err(failed)?;
        bind_all(&mut statement, &values)?;
        let (mut all, varying) = (0, rows.varying());
        for row in 0..rows.len() {
            bind_row(&mut statement, first, &rows, (row, &varying))?;
            all += touched(statement.raw_execute().map_err(failed)?);
        }
        Ok(all)
    }

    /// Runs a query once for each row of its batch, and returns their answers one after the other.
    pub(super) fn rows_of_each(&mut self, sql: &'static str, values: Vec<Value<'_>>) -> Result<Vec<FileRow>> {
        let file = connected(&mut self.file)?;
        let (values, Some(rows)) = split_rows(values) else { return Ok(Vec::new()) };
        let first = values.len().saturating_add(1);
        let text = file.texts.of(Cow::Borrowed(sql), &rows, first);
        let mut statement = file.connection.prepare_cached(text).map_err(failed)?;
        bind_all(&mut statement, &values)?;
        let (mut found, varying) = (Vec::new(), rows.varying());
        for row in 0..rows.len() {
            bind_row(&mut statement, first, &rows, (row, &varying))?;
            collect(&mut statement, &mut found)?;
        }
        Ok(found)
    }

    /// Runs a query and returns its rows. A batch is one JSON text here: an answer is in one order
    /// over all of its rows.
    pub(super) fn rows(&mut self, sql: &str, values: Vec<Value<'_>>) -> Result<Vec<FileRow>> {
        let file = connected(&mut self.file)?;
        let (mut values, rows) = split_rows(values);
        let text = match rows {
            None => numbered(sql),
            Some(rows) => {
                let (source, mut binds) = rows.into_sqlite(values.len().saturating_add(1));
                values.append(&mut binds);
                numbered(&sql.replace("{rows}", &source))
            }
        };
        let mut statement = file.connection.prepare_cached(&text).map_err(failed)?;
        bind_all(&mut statement, &values)?;
        let mut found = Vec::new();
        collect(&mut statement, &mut found)?;
        Ok(found)
    }

    /// Commits.
    pub(super) fn commit(mut self) -> std::result::Result<(), sqlx::Error> {
        let committed = self.run("COMMIT");
        self.open = committed.is_err();
        committed.map_err(driver_error)
    }

    /// Takes back everything.
    pub(super) fn rollback(mut self) -> Result<()> {
        self.open = false;
        self.run("ROLLBACK").map_err(failed)
    }

    fn run(&mut self, sql: &str) -> rusqlite::Result<()> {
        // A connection that was closed has no transaction; what follows says so.
        let Some(file) = self.file.as_mut() else { return Ok(()) };
        file.connection.prepare_cached(sql)?.raw_execute().map(|_| ())
    }
}

impl Drop for FileTransaction {
    fn drop(&mut self) {
        let left_open = self.file.as_ref().is_some_and(|file| !file.connection.is_autocommit());
        if self.open && left_open {
            // Should this fail, the next transaction tries again before it begins.
            let _ = self.run("ROLLBACK");
        }
    }
}

/// Writes `$1` as `?1`: SQLite takes the first for a name, the second for a number.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

fn bind_all(statement: &mut Statement<'_>, values: &[Value<'_>]) -> Result<()> {
    for (parameter, value) in (1_usize..).zip(values) {
        statement.raw_bind_parameter(parameter, ToSqlOutput::Borrowed(value.as_cell())).map_err(failed)?;
    }
    Ok(())
}

/// Binds one row; what is the same in every row stays bound from the first one on.
fn bind_row(
    statement: &mut Statement<'_>,
    first: usize,
    rows: &Rows<'_>,
    (row, varying): (usize, &[bool]),
) -> Result<()> {
    let cells = (first..).zip(rows.cells(row)).zip(varying);
    for ((parameter, cell), _) in cells.filter(|(_, varies)| row == 0 || **varies) {
        statement.raw_bind_parameter(parameter, ToSqlOutput::Borrowed(cell)).map_err(failed)?;
    }
    Ok(())
}

/// Runs a bound query to its end.
fn collect(statement: &mut Statement<'_>, found: &mut Vec<FileRow>) -> Result<()> {
    let mut names: Option<Arc<[String]>> = None;
    let mut answer = statement.raw_query();
    while let Some(row) = answer.next().map_err(failed)? {
        let names = names.get_or_insert_with(|| row.as_ref().column_names().into_iter().map(str::to_owned).collect());
        let cells = (0..names.len()).map(|index| row.get::<_, Cell>(index)).collect::<rusqlite::Result<_>>();
        found.push(FileRow::new(Arc::clone(names), cells.map_err(failed)?));
    }
    Ok(())
}

fn touched(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

impl Value<'_> {
    fn as_cell(&self) -> ValueRef<'_> {
        match self {
            Self::Int(Some(number)) => ValueRef::Integer(*number),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(Some(bytes)) => ValueRef::Blob(bytes),
            // A second batch cannot be: the last value alone may be one.
            Self::Int(None) | Self::Text(None) | Self::Bytes(None) | Self::Rows(_) => ValueRef::Null,
        }
    }
}

impl Rows<'_> {
    /// Tells of each column whether its rows differ.
    fn varying(&self) -> Vec<bool> {
        self.columns().map(|column| !column.is_constant()).collect()
    }

    /// Returns the values of one row, column by column.
    fn cells(&self, row: usize) -> impl Iterator<Item = ValueRef<'_>> {
        use super::value::Column;
        self.columns().map(move |column| match column {
            Column::Ints(values) => values.get(row).copied().flatten().map_or(ValueRef::Null, ValueRef::Integer),
            Column::Texts(values) => {
                let text = values.get(row).and_then(Option::as_ref);
                text.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()))
            }
            Column::Dates(values) => {
                values.get(row).map_or(ValueRef::Null, |date| ValueRef::Text(date.as_str().as_bytes()))
            }
            Column::Bytes(values) => {
                values.get(row).and_then(Option::as_ref).map_or(ValueRef::Null, |bytes| ValueRef::Blob(bytes))
            }
        })
    }
}

fn failed(error: rusqlite::Error) -> StoreError {
    driver_error(error).into()
}

/// Tells of a failure as the pool's driver would, so that the store sorts both alike.
fn driver_error(error: rusqlite::Error) -> sqlx::Error {
    match error.sqlite_error() {
        Some(code) => {
            sqlx::Error::Database(Box::new(FileError { code: code.extended_code, message: error.to_string() }))
        }
        None => sqlx::Error::Encode(Box::new(error)),
    }
}

/// What SQLite refused, by its extended code.
#[derive(Debug)]
struct FileError {
    code: i32,
    message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(code: {}) {}", self.code, self.message)
    }
}

impl std::error::Error for FileError {}

impl sqlx::error::DatabaseError for FileError {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> sqlx::error::ErrorKind {
        use sqlx::error::ErrorKind;
        match self.code {
            1_555 | 2_067 | 2_579 => ErrorKind::UniqueViolation,
            787 => ErrorKind::ForeignKeyViolation,
            1_299 => ErrorKind::NotNullViolation,
            275 => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::engine::Column;

    fn rows() -> Rows<'static> {
        Rows::new().with("item", Column::ints([1_i64, 2])).with("memo", Column::texts(["a", "b"]))
    }

    #[test]
    fn an_insert_of_a_batch_becomes_values_of_one_row() {
        let sql = "INSERT INTO t (market_id, item, at, memo) SELECT h.market_id, u.item, $2, u.memo \
            FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1 ON CONFLICT (item) DO NOTHING";
        assert_eq!(
            one_row_insert(sql, &rows(), 3).as_deref(),
            Some("INSERT INTO t (market_id, item, at, memo) VALUES ($1, $3, $2, $4) ON CONFLICT (item) DO NOTHING")
        );
    }

    #[test]
    fn a_query_that_begins_with_its_batch_has_the_row_in_its_place() {
        let sql = "SELECT t.a FROM {rows} CROSS JOIN tu.menu t WHERE t.a = $1 AND t.memo = u.memo AND t.b = (u.item)";
        assert_eq!(
            one_row_lookup(sql, &rows(), 2).as_deref(),
            Some("SELECT t.a FROM tu.menu t WHERE t.a = $1 AND t.memo = $3 AND t.b = ($2)")
        );
    }

    #[test]
    fn a_statement_of_another_form_keeps_its_row_source() {
        let unknown = "INSERT INTO t (a) SELECT u.item + 1 FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1";
        for sql in [unknown, "UPDATE t SET a = u.item FROM {rows} WHERE b = $1", "SELECT u.item FROM {rows}"] {
            assert_eq!(one_row_insert(sql, &rows(), 2), None, "{sql}");
        }
        assert_eq!(one_row_lookup("SELECT u.item FROM {rows}", &rows(), 2), None);
        assert_eq!(one_row_lookup("SELECT a FROM {rows} CROSS JOIN t WHERE b = u.other", &rows(), 2), None);
        assert_eq!(rows().one_row(2), "(SELECT $2 AS item, $3 AS memo) AS u");
    }
}
