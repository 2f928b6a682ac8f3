//! Statements of banks as they were handed in: the file with its hash, what it says of each account,
//! and what it did for each date. Its lines: `statement_lines`.

use jiff::Timestamp;
use uuid::Uuid;

use super::engine::{Column, Row, Rows, Transaction, binds};
use super::error::{Result, StoreError};
use super::{instant, micros};
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::hash::Hash;
use crate::domain::ids::MarketId;
use crate::domain::money::Dong;
use crate::domain::reconciliation::StatementId;

/// Accounts that one file may hold, and days that one may cover.
const PARTS_MAX: i64 = 100_000;
/// Bytes of a file in one piece: an engine copies a row several times on its way.
const PIECE_BYTES: usize = 1 << 20;

/// A file as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) id: StatementId,
    pub(crate) sha256: Hash,
    pub(crate) file_name: String,
    pub(crate) format: String,
    pub(crate) byte_count: i64,
    /// What a person should know of it, as JSON.
    pub(crate) notes: String,
    pub(crate) uploaded_at: Timestamp,
    pub(crate) uploaded_by: String,
}

/// What a file says of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) settled: SettledAccount,
    pub(crate) bin: Option<String>,
    pub(crate) opening: Option<Dong>,
    pub(crate) closing: Option<Dong>,
    pub(crate) from: BusinessDate,
    pub(crate) to: BusinessDate,
    pub(crate) proof: String,
    pub(crate) lines: i64,
    pub(crate) credits: Dong,
    pub(crate) debits: Dong,
}

/// What a file did for one account on one date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day {
    pub(crate) settled: SettledAccount,
    pub(crate) date: BusinessDate,
    pub(crate) whole: bool,
    pub(crate) covered: bool,
    pub(crate) last_at: Option<Timestamp>,
    pub(crate) lines: i64,
    pub(crate) added: i64,
    pub(crate) known: i64,
    pub(crate) doubtful: i64,
}

const KEPT: &str = "SELECT statement_id, sha256, file_name, format, byte_count, notes, uploaded_at, uploaded_by \
    FROM statements WHERE market_id = $1";

/// Reads one file's row.
pub(crate) async fn find(transaction: &mut Transaction, market: MarketId, id: StatementId) -> Result<Option<Kept>> {
    let sql = format!("{KEPT} AND statement_id = $2");
    let row = transaction.row(sql, binds![market.get(), id.uuid().as_bytes().as_slice()]).await?;
    row.as_ref().map(kept).transpose()
}

/// Reads the file that has this hash, when the market has it.
pub(crate) async fn by_hash(transaction: &mut Transaction, market: MarketId, hash: Hash) -> Result<Option<Kept>> {
    let sql = format!("{KEPT} AND sha256 = $2");
    let row = transaction.row(sql, binds![market.get(), hash.0.to_vec()]).await?;
    row.as_ref().map(kept).transpose()
}

/// Reads a market's files, the newest first, from behind one of them on.
pub(crate) async fn list(
    transaction: &mut Transaction,
    market: MarketId,
    after: Option<&Kept>,
    limit: i64,
) -> Result<Vec<Kept>> {
    let sql = format!(
        "{KEPT} AND (uploaded_at, statement_id) < ($2, $3) ORDER BY uploaded_at DESC, statement_id DESC LIMIT $4"
    );
    let (at, id) =
        after.map_or((i64::MAX, Vec::new()), |kept| (micros(kept.uploaded_at), kept.id.uuid().as_bytes().to_vec()));
    transaction.rows(sql, binds![market.get(), at, id, limit]).await?.iter().map(kept).collect()
}

fn kept(row: &Row) -> Result<Kept> {
    let wrong = |error: String| StoreError::Inconsistent(format!("statements: {error}"));
    let id = Uuid::from_slice(&row.bytes("statement_id")?).map_err(|error| wrong(error.to_string()))?;
    Ok(Kept {
        id: StatementId::from_stored(id),
        sha256: Hash::from_slice(&row.bytes("sha256")?).map_err(|error| wrong(error.to_string()))?,
        file_name: row.text("file_name")?,
        format: row.text("format")?,
        byte_count: row.int("byte_count")?,
        notes: row.text("notes")?,
        uploaded_at: instant(row.int("uploaded_at")?)?,
        uploaded_by: row.text("uploaded_by")?,
    })
}

/// Keeps what is known of a file.
///
/// # Errors
/// [`StoreError::UniqueViolation`] when another process has just kept it.
pub(crate) async fn add(transaction: &mut Transaction, market: MarketId, new: &Kept) -> Result<()> {
    const SQL: &str = "INSERT INTO statements (market_id, statement_id, sha256, file_name, format, byte_count, notes, \
        uploaded_at, uploaded_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let id = new.id.uuid();
    let values = binds![
        market.get(),
        id.as_bytes().as_slice(),
        new.sha256.0.to_vec(),
        new.file_name.as_str(),
        new.format.as_str(),
        new.byte_count,
        new.notes.as_str(),
        micros(new.uploaded_at),
        new.uploaded_by.as_str(),
    ];
    transaction.execute_exactly(1, SQL, values).await
}

/// Keeps a file's bytes, in pieces that are numbered from 1.
pub(crate) async fn add_file(
    transaction: &mut Transaction,
    market: MarketId,
    id: StatementId,
    raw: &[u8],
) -> Result<()> {
    const FILE: &str = "INSERT INTO statement_files (market_id, statement_id, piece, raw) VALUES ($1, $2, $3, $4)";
    let uuid = id.uuid();
    for (number, piece) in (1_i64..).zip(raw.chunks(PIECE_BYTES)) {
        let values = binds![market.get(), uuid.as_bytes().as_slice(), number, piece];
        transaction.execute_exactly(1, FILE, values).await?;
    }
    Ok(())
}

/// Keeps what a file says of its accounts.
pub(crate) async fn add_parts(
    transaction: &mut Transaction,
    market: MarketId,
    id: StatementId,
    parts: &[Part],
) -> Result<()> {
    const SQL: &str = "INSERT INTO statement_parts (market_id, statement_id, part, settled_account, bin, opening, \
        closing, from_date, to_date, proof, line_count, credits, debits) SELECT h.market_id, $2, u.part, \
        u.settled_account, u.bin, u.opening, u.closing, u.from_date, u.to_date, u.proof, u.line_count, u.credits, \
        u.debits FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1";
    let uuid = id.uuid();
    let rows = Rows::new()
        .with("part", Column::ints((1_i64..).zip(parts).map(|(number, _)| number)))
        .with("settled_account", Column::texts(parts.iter().map(|part| part.settled.as_str())))
        .with("bin", Column::optional_texts(parts.iter().map(|part| part.bin.as_deref())))
        .with("opening", Column::ints(parts.iter().map(|part| part.opening.map(Dong::whole))))
        .with("closing", Column::ints(parts.iter().map(|part| part.closing.map(Dong::whole))))
        .with("from_date", Column::texts(parts.iter().map(|part| part.from.to_string())))
        .with("to_date", Column::texts(parts.iter().map(|part| part.to.to_string())))
        .with("proof", Column::texts(parts.iter().map(|part| part.proof.as_str())))
        .with("line_count", Column::ints(parts.iter().map(|part| part.lines)))
        .with("credits", Column::ints(parts.iter().map(|part| part.credits.whole())))
        .with("debits", Column::ints(parts.iter().map(|part| part.debits.whole())));
    let values = binds![market.get(), uuid.as_bytes().as_slice(), rows];
    transaction.execute_exactly(parts.len(), SQL, values).await
}

/// Reads what a file says of its accounts.
pub(crate) async fn parts(transaction: &mut Transaction, market: MarketId, id: StatementId) -> Result<Vec<Part>> {
    const SQL: &str = "SELECT settled_account, bin, opening, closing, from_date, to_date, proof, line_count, credits, \
        debits FROM statement_parts WHERE market_id = $1 AND statement_id = $2 ORDER BY part LIMIT $3";
    let uuid = id.uuid();
    let rows = transaction.rows(SQL, binds![market.get(), uuid.as_bytes().as_slice(), PARTS_MAX]).await?;
    rows.iter()
        .map(|row| {
            Ok(Part {
                settled: SettledAccount::from_stored(row.text("settled_account")?),
                bin: row.optional_text("bin")?,
                opening: row.optional_int("opening")?.map(Dong::new),
                closing: row.optional_int("closing")?.map(Dong::new),
                from: row.parse("from_date")?,
                to: row.parse("to_date")?,
                proof: row.text("proof")?,
                lines: row.int("line_count")?,
                credits: Dong::new(row.int("credits")?),
                debits: Dong::new(row.int("debits")?),
            })
        })
        .collect()
}

/// Keeps what a file did for its dates.
pub(crate) async fn add_days(
    transaction: &mut Transaction,
    market: MarketId,
    id: StatementId,
    days: &[Day],
) -> Result<()> {
    const SQL: &str = "INSERT INTO statement_days (market_id, booked_on, settled_account, statement_id, whole, covered, \
        last_at, line_count, added, known, doubtful) SELECT h.market_id, u.booked_on, u.settled_account, $2, u.whole, \
        u.covered, u.last_at, u.line_count, u.added, u.known, u.doubtful \
        FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1";
    let uuid = id.uuid();
    let rows = Rows::new()
        .with("booked_on", Column::texts(days.iter().map(|day| day.date.to_string())))
        .with("settled_account", Column::texts(days.iter().map(|day| day.settled.as_str())))
        .with("whole", Column::ints(days.iter().map(|day| i64::from(day.whole))))
        .with("covered", Column::ints(days.iter().map(|day| i64::from(day.covered))))
        .with("last_at", Column::ints(days.iter().map(|day| day.last_at.map(micros))))
        .with("line_count", Column::ints(days.iter().map(|day| day.lines)))
        .with("added", Column::ints(days.iter().map(|day| day.added)))
        .with("known", Column::ints(days.iter().map(|day| day.known)))
        .with("doubtful", Column::ints(days.iter().map(|day| day.doubtful)));
    let values = binds![market.get(), uuid.as_bytes().as_slice(), rows];
    transaction.execute_exactly(days.len(), SQL, values).await
}

/// Reads what a file did for its dates.
pub(crate) async fn days_of(transaction: &mut Transaction, market: MarketId, id: StatementId) -> Result<Vec<Day>> {
    const SQL: &str = "SELECT settled_account, booked_on, whole, covered, last_at, line_count, added, known, doubtful \
        FROM statement_days WHERE market_id = $1 AND statement_id = $2 ORDER BY booked_on, settled_account LIMIT $3";
    let uuid = id.uuid();
    let rows = transaction.rows(SQL, binds![market.get(), uuid.as_bytes().as_slice(), PARTS_MAX]).await?;
    rows.iter().map(day).collect()
}

/// Reads what files together cover of the accounts' dates: one row an account and date.
pub(crate) async fn covered(
    transaction: &mut Transaction,
    market: MarketId,
    from: BusinessDate,
    to: BusinessDate,
) -> Result<Vec<Day>> {
    const SQL: &str = "SELECT settled_account, booked_on, MAX(whole) AS whole, MAX(covered) AS covered, \
        MAX(last_at) AS last_at, CAST(SUM(line_count) AS BIGINT) AS line_count, CAST(SUM(added) AS BIGINT) AS added, \
        CAST(SUM(known) AS BIGINT) AS known, CAST(SUM(doubtful) AS BIGINT) AS doubtful FROM statement_days \
        WHERE market_id = $1 AND booked_on >= $2 AND booked_on <= $3 GROUP BY settled_account, booked_on \
        ORDER BY booked_on, settled_account LIMIT $4";
    let values = binds![market.get(), from.to_string(), to.to_string(), PARTS_MAX];
    transaction.rows(SQL, values).await?.iter().map(day).collect()
}

fn day(row: &Row) -> Result<Day> {
    Ok(Day {
        settled: SettledAccount::from_stored(row.text("settled_account")?),
        date: row.parse("booked_on")?,
        whole: row.flag("whole")?,
        covered: row.flag("covered")?,
        last_at: super::optional_instant(row.optional_int("last_at")?)?,
        lines: row.int("line_count")?,
        added: row.int("added")?,
        known: row.int("known")?,
        doubtful: row.int("doubtful")?,
    })
}
