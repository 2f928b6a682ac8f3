//! Removing texts whose time is over, a few hundred at a time, each time with its chained record.

use jiff::Timestamp;

use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::{instant, micros};
use crate::domain::hash::Hash;
use crate::domain::ids::MarketId;
use crate::domain::inbox::Outcome;
use crate::ledger::redaction::{Ranges, Redaction};

/// Texts that one step looks at, so that the file's one writer waits a few milliseconds.
pub(crate) const STEP: i64 = 500;
/// Records of one market that are read: a step each night for centuries.
const RECORDS_MAX: i64 = 200_000;

/// What one step found: items whose texts may go, and behind which item the next step begins.
#[derive(Debug)]
pub(crate) struct Expired {
    pub(crate) items: Ranges,
    /// `None` when there is nothing behind.
    pub(crate) next: Option<i64>,
    /// Items whose texts stay, because they wait for a person.
    pub(crate) kept: i64,
}

/// Reads which texts behind an item were recorded before an instant. What still waits for a person
/// keeps its text: nobody could decide about it otherwise.
pub(crate) async fn expired(
    transaction: &mut Transaction,
    market: MarketId,
    after: i64,
    before: Timestamp,
) -> Result<Expired> {
    const SQL: &str = "SELECT t.item, i.outcome, r.item AS resolved_by FROM inbox_texts t \
        JOIN inbox i ON i.market_id = t.market_id AND i.item = t.item \
        LEFT JOIN inbox r ON r.market_id = i.market_id AND r.resolves = i.item \
        WHERE t.market_id = $1 AND t.item > $2 AND i.recorded_at < $3 ORDER BY t.item LIMIT $4";
    let rows = transaction.rows(SQL, binds![market.get(), after, micros(before), STEP]).await?;
    let (mut items, mut next, mut kept) = (Ranges::default(), None, 0_i64);
    for row in &rows {
        let (item, outcome): (i64, Outcome) = (row.int("item")?, row.parse("outcome")?);
        let held = matches!(outcome, Outcome::Quarantined | Outcome::Stale | Outcome::Rejected);
        if held && row.optional_int("resolved_by")?.is_none() {
            kept = kept.saturating_add(1);
        } else {
            items.push(item);
        }
        next = Some(item);
    }
    let full = i64::try_from(rows.len()) == Ok(STEP);
    Ok(Expired { items, next: next.filter(|_| full), kept })
}

/// Reads a market's records, in order, each with the hash that is kept of it.
pub(crate) async fn all(transaction: &mut Transaction, market: MarketId) -> Result<Vec<(Redaction, Hash)>> {
    const SQL: &str = "SELECT market_id, redaction_no, first_item, last_item, recorded_before, recorded_at, actor, \
        previous_hash, hash FROM redactions WHERE market_id = $1 ORDER BY redaction_no LIMIT $2";
    transaction.rows(SQL, binds![market.get(), RECORDS_MAX]).await?.iter().map(record).collect()
}

/// Reads the last number of a market's records and its hash.
async fn last(transaction: &mut Transaction, market: MarketId) -> Result<(i64, Hash)> {
    const SQL: &str =
        "SELECT redaction_no, hash FROM redactions WHERE market_id = $1 ORDER BY redaction_no DESC LIMIT 1";
    match transaction.row(SQL, binds![market.get()]).await? {
        Some(row) => Ok((row.int("redaction_no")?, hash(&row, "hash")?)),
        None => Ok((0, Hash([0; 32]))),
    }
}

/// Removes the texts of items and writes the records, in the caller's transaction.
///
/// # Errors
/// [`StoreError::UniqueViolation`] when another process redacts the same market.
pub(crate) async fn redact(
    transaction: &mut Transaction,
    market: MarketId,
    items: &Ranges,
    (before, at, actor): (Timestamp, Timestamp, &str),
) -> Result<()> {
    const RECORD: &str = "INSERT INTO redactions (market_id, redaction_no, first_item, last_item, recorded_before, \
        recorded_at, actor, previous_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    const TEXTS: &str = "DELETE FROM inbox_texts WHERE market_id = $1 AND item >= $2 AND item <= $3";
    let (mut number, mut previous) = last(transaction, market).await?;
    for (first, last) in items.iter() {
        number = number.saturating_add(1);
        let actor = actor.to_owned();
        let record = Redaction { market, number, first, last, before, at, actor, previous };
        let values = binds![
            market.get(),
            number,
            first,
            last,
            micros(before),
            micros(at),
            record.actor.as_str(),
            record.previous.0.to_vec(),
            record.hash().0.to_vec(),
        ];
        transaction.execute_exactly(1, RECORD, values).await?;
        let texts = usize::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(usize::MAX);
        transaction.execute_exactly(texts, TEXTS, binds![market.get(), first, last]).await?;
        previous = record.hash();
    }
    Ok(())
}

fn record(row: &Row) -> Result<(Redaction, Hash)> {
    let wrong = |error: crate::domain::ids::IdError| StoreError::Inconsistent(format!("redactions: {error}"));
    let redaction = Redaction {
        market: MarketId::new(row.int("market_id")?).map_err(wrong)?,
        number: row.int("redaction_no")?,
        first: row.int("first_item")?,
        last: row.int("last_item")?,
        before: instant(row.int("recorded_before")?)?,
        at: instant(row.int("recorded_at")?)?,
        actor: row.text("actor")?,
        previous: hash(row, "previous_hash")?,
    };
    Ok((redaction, hash(row, "hash")?))
}

fn hash(row: &Row, column: &str) -> Result<Hash> {
    Hash::from_slice(&row.bytes(column)?)
        .map_err(|error| StoreError::Inconsistent(format!("redactions.{column}: {error}")))
}
