//! What an export reads: a contiguous part of a market's chain that covers every posting and item of
//! a month, in the order of its numbers.

use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::verify::judged_row;
use super::{instant, micros, postings};
use crate::domain::calendar::BusinessDate;
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketId, Seq, SourceId, SourceName};
use crate::ledger::batch::{JudgedRow, Posting};
use crate::ledger::chain::Link;

/// Rows read at a time.
const CHUNK: i64 = 2_000;

macro_rules! link_sql {
    ($rest:literal) => {
        concat!(
            "SELECT batch_no, first_seq, posting_count, first_item, item_count, recorded_at, previous_hash, hash \
             FROM batches WHERE market_id = $1 ",
            $rest
        )
    };
}

/// Reads one link.
pub(crate) async fn link(transaction: &mut Transaction, market: MarketId, number: i64) -> Result<Option<Link>> {
    const SQL: &str = link_sql!("AND batch_no = $2");
    transaction.row(SQL, binds![market.get(), number]).await?.as_ref().map(read_link).transpose()
}

/// Reads the next links after `after`, up to and with `up_to`.
pub(crate) async fn links(
    transaction: &mut Transaction,
    market: MarketId,
    after: i64,
    up_to: i64,
) -> Result<Vec<Link>> {
    const SQL: &str = link_sql!("AND batch_no > $2 AND batch_no <= $3 ORDER BY batch_no LIMIT $4");
    transaction.rows(SQL, binds![market.get(), after, up_to, CHUNK]).await?.iter().map(read_link).collect()
}

fn read_link(row: &Row) -> Result<Link> {
    let hash = |column: &str| {
        let bytes = row.bytes(column)?;
        Hash::from_slice(&bytes).map_err(|error| StoreError::Inconsistent(format!("batches.{column}: {error}")))
    };
    Ok(Link {
        number: row.int("batch_no")?,
        first_seq: row.int("first_seq")?,
        postings: row.int("posting_count")?,
        first_item: row.int("first_item")?,
        items: row.int("item_count")?,
        recorded_at: instant(row.int("recorded_at")?)?,
        previous: hash("previous_hash")?,
        hash: hash("hash")?,
    })
}

/// Returns the range of batches that holds every posting and item of the dates `from` to `to`, and
/// the chain's end at `ends`, the last close of them. `None` when there is nothing.
pub(crate) async fn range(
    transaction: &mut Transaction,
    market: MarketId,
    (from, to): (BusinessDate, BusinessDate),
    ends: Option<Hash>,
) -> Result<Option<(i64, i64)>> {
    const POSTINGS: &str = "SELECT MIN(batch_no) AS first, MAX(batch_no) AS last FROM postings \
        WHERE market_id = $1 AND business_date >= $2 AND business_date <= $3";
    const LAST: &str = "SELECT batch_no FROM batches WHERE market_id = $1 ORDER BY batch_no DESC LIMIT 1";
    const ENDS: &str =
        "SELECT batch_no FROM batches WHERE market_id = $1 AND batch_no >= $2 AND hash = $3 ORDER BY batch_no LIMIT 1";
    let Some(newest) = transaction.row(LAST, binds![market.get()]).await? else { return Ok(None) };
    let newest = newest.int("batch_no")?;
    let values = binds![market.get(), from.to_string(), to.to_string()];
    let row = transaction.row(POSTINGS, values).await?;
    let (first, last) = match &row {
        Some(row) => (row.optional_int("first")?, row.optional_int("last")?),
        None => (None, None),
    };
    // An item is recorded after its day began, or up to ten minutes before by another's clock.
    let began = micros(from.starts_at()) - 15 * 60 * 1_000_000;
    let recorded = first_recorded(transaction, market, newest, began).await?;
    let Some(first) = first.into_iter().chain(recorded).min() else { return Ok(None) };
    let sealed = match ends {
        Some(hash) => transaction.row(ENDS, binds![market.get(), first, hash.0.to_vec()]).await?,
        None => None,
    };
    let sealed = sealed.map(|row| row.int("batch_no")).transpose()?;
    Ok(last.into_iter().chain(sealed).max().map(|last| (first, last.max(first))))
}

/// Finds the first batch recorded at `micros` or later, by halving: batches are numbered in the
/// order in which they were recorded. A clock that was set back only makes the answer earlier or
/// later by what it was set; the postings themselves are found by their date.
async fn first_recorded(
    transaction: &mut Transaction,
    market: MarketId,
    newest: i64,
    micros: i64,
) -> Result<Option<i64>> {
    const SQL: &str = "SELECT recorded_at FROM batches WHERE market_id = $1 AND batch_no = $2";
    let (mut low, mut high) = (1, newest + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let row = transaction.row(SQL, binds![market.get(), middle]).await?;
        let recorded = row.map(|row| row.int("recorded_at")).transpose()?.unwrap_or(i64::MAX);
        if recorded < micros {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(Some(low).filter(|first| *first <= newest))
}

/// Reads the next postings after `after`, up to and with `up_to`.
pub(crate) async fn journal(
    transaction: &mut Transaction,
    market: MarketId,
    after: i64,
    up_to: i64,
) -> Result<Vec<Posting>> {
    let filter = postings::Filter { date: None, stall: None, after, limit: CHUNK };
    let mut found = postings::list(transaction, market, filter).await?;
    found.retain(|posting| posting.seq <= Seq::new(up_to));
    Ok(found)
}

/// Reads the next items after `after`, up to and with `up_to`.
pub(crate) async fn items(
    transaction: &mut Transaction,
    market: MarketId,
    after: i64,
    up_to: i64,
) -> Result<Vec<JudgedRow>> {
    const SQL: &str = "SELECT i.item, i.delivery_id, i.part, i.source_id, i.event_id, i.event_id_weak, i.direction, \
        i.settled_account, i.addressed, i.bank_hint, i.amount, i.reference, i.occurrence, i.event_at, \
        i.event_precision, i.claimed_at, i.event_date, i.business_date, i.memo_code, i.outcome, i.reason, i.actor, \
        i.posting_seq, i.earlier_item, i.resolves, i.claims_event, i.claims_reference, i.commitment FROM inbox i \
        WHERE i.market_id = $1 AND i.item > $2 AND i.item <= $3 ORDER BY i.item LIMIT $4";
    transaction.rows(SQL, binds![market.get(), after, up_to, CHUNK]).await?.iter().map(judged_row).collect()
}

/// Reads the names of the sources that reported to a market.
pub(crate) async fn sources(transaction: &mut Transaction, market: MarketId) -> Result<Vec<(SourceId, SourceName)>> {
    const SQL: &str = "SELECT s.source_id, s.name FROM sources s WHERE EXISTS (SELECT 1 FROM source_totals t \
        WHERE t.market_id = $1 AND t.source_id = s.source_id) ORDER BY s.source_id LIMIT 10000";
    let rows = transaction.rows(SQL, binds![market.get()]).await?;
    rows.iter().map(|row| Ok((SourceId::new(row.int("source_id")?), row.parse("name")?))).collect()
}
