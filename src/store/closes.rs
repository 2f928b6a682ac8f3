//! Closed dates: writing a close within the transaction that moved the market's fence, and reading
//! closes back.

use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::micros;
use crate::domain::calendar::BusinessDate;
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketId, Seq};
use crate::ledger::seal::close::{self, SignedClose};

/// Postings of one close that are named because nothing but a hash of their bytes identifies them.
const WEAK_MAX: i64 = 200;

macro_rules! close_sql {
    ($rest:literal) => {
        concat!("SELECT statement, hash, signature FROM day_closes WHERE market_id = $1 ", $rest)
    };
}

/// Reads the close of one date.
pub(crate) async fn find(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
) -> Result<Option<SignedClose>> {
    const SQL: &str = close_sql!("AND business_date = $2");
    transaction.row(SQL, binds![market.get(), date.to_string()]).await?.as_ref().map(read).transpose()
}

/// Reads the market's last close.
pub(crate) async fn last(transaction: &mut Transaction, market: MarketId) -> Result<Option<SignedClose>> {
    const SQL: &str = close_sql!("ORDER BY business_date DESC LIMIT 1");
    transaction.row(SQL, binds![market.get()]).await?.as_ref().map(read).transpose()
}

/// Reads the closes of dates after `after`, up to and with `up_to`, in order.
pub(crate) async fn between(
    transaction: &mut Transaction,
    market: MarketId,
    after: BusinessDate,
    up_to: BusinessDate,
    limit: i64,
) -> Result<Vec<SignedClose>> {
    const SQL: &str = close_sql!("AND business_date > $2 AND business_date <= $3 ORDER BY business_date LIMIT $4");
    let values = binds![market.get(), after.to_string(), up_to.to_string(), limit];
    transaction.rows(SQL, values).await?.iter().map(read).collect()
}

/// Reads a close's row; what its columns repeat is compared by `verify`.
fn read(row: &Row) -> Result<SignedClose> {
    let statement = row.text("statement")?;
    let close = close::read(&statement).map_err(|error| StoreError::Inconsistent(format!("day_closes: {error}")))?;
    let hash = Hash::from_slice(&row.bytes("hash")?)
        .map_err(|error| StoreError::Inconsistent(format!("day_closes {}: {error}", close.business_date)))?;
    Ok(SignedClose { close, statement, hash, signature: row.bytes("signature")? })
}

/// Writes a close. The caller's transaction has moved the fence and the open date.
pub(crate) async fn add(transaction: &mut Transaction, market: MarketId, closed: &SignedClose) -> Result<()> {
    const SQL: &str = "INSERT INTO day_closes (market_id, business_date, closed_at, closed_by, early, count, amount, \
        postings, first_seq, last_seq, journal_seq, merkle_root, previous_hash, hash, key_no, statement, signature) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    let close = &closed.close;
    let values = binds![
        market.get(),
        close.business_date.to_string(),
        micros(close.closed_at),
        close.closed_by.as_str(),
        close.early,
        close.payments,
        close.amount.whole(),
        close.postings,
        close.first_seq.map(Seq::get),
        close.last_seq.map(Seq::get),
        close.journal_seq.get(),
        close.merkle_root.0.to_vec(),
        close.previous.0.to_vec(),
        closed.hash.0.to_vec(),
        close.key,
        closed.statement.as_str(),
        closed.signature.as_slice(),
    ];
    transaction.execute_exactly(1, SQL, values).await
}

/// Reads the first date that has a posting.
pub(crate) async fn first_used(transaction: &mut Transaction, market: MarketId) -> Result<Option<BusinessDate>> {
    const SQL: &str = "SELECT business_date FROM date_totals WHERE market_id = $1 ORDER BY business_date LIMIT 1";
    transaction.row(SQL, binds![market.get()]).await?.map(|row| row.parse("business_date")).transpose()
}

/// Reads a date's settlements that nothing but a hash of their bytes identifies: the first
/// [`WEAK_MAX`], and how many there are.
pub(crate) async fn weak(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
) -> Result<(Vec<Seq>, i64)> {
    const ROWS: &str = "SELECT p.seq FROM postings p JOIN inbox i ON i.market_id = p.market_id AND i.item = p.item \
        WHERE p.market_id = $1 AND p.business_date = $2 AND p.kind = 'settle' AND i.event_id_weak = 1 \
        ORDER BY p.seq LIMIT $3";
    const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM postings p \
        JOIN inbox i ON i.market_id = p.market_id AND i.item = p.item \
        WHERE p.market_id = $1 AND p.business_date = $2 AND p.kind = 'settle' AND i.event_id_weak = 1";
    let rows = transaction.rows(ROWS, binds![market.get(), date.to_string(), WEAK_MAX]).await?;
    let named = rows.iter().map(|row| row.int("seq").map(Seq::new)).collect::<Result<Vec<_>>>()?;
    if i64::try_from(named.len()).is_ok_and(|length| length < WEAK_MAX) {
        let count = i64::try_from(named.len()).unwrap_or(i64::MAX);
        return Ok((named, count));
    }
    let row = transaction.row(COUNT, binds![market.get(), date.to_string()]).await?;
    Ok((named, row.map_or(Ok(0), |row| row.int("count"))?))
}

/// Counts the stalls that money came for on a date.
pub(crate) async fn active_stalls(transaction: &mut Transaction, market: MarketId, date: BusinessDate) -> Result<i64> {
    const SQL: &str = "SELECT COUNT(DISTINCT stall_number) AS active FROM daily_totals WHERE market_id = $1 \
        AND business_date = $2 AND stall_number > 0 AND kind IN ('settle', 'assign') AND count > 0";
    let row = transaction.row(SQL, binds![market.get(), date.to_string()]).await?;
    row.map_or(Ok(0), |row| row.int("active"))
}
