//! Money whose stall nobody knows yet, and what one person proposed about it.

use jiff::Timestamp;

use super::bindings::stall;
use super::engine::{Transaction, binds};
use super::error::Result;
use super::{instant, micros, optional_instant, reports};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, Seq, StallNumber};
use crate::domain::money::Dong;
use crate::ledger::daily_report::still_in_suspense;

/// Rows of one list: more is a fault of the set-up, not a queue that anybody works through.
const ROWS_MAX: i64 = 500;

/// A settlement in suspense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Its number in the journal.
    pub(crate) seq: Seq,
    /// How much.
    pub(crate) amount: Dong,
    /// When it arrived, when that is known to the second.
    pub(crate) event_at: Option<Timestamp>,
    /// The book day.
    pub(crate) business_date: BusinessDate,
    /// The transfer's text; empty when it was redacted.
    pub(crate) memo: String,
}

/// Reads what lies in suspense of dates since `since`, the newest first. What was settled plainly, by a
/// posting that nothing rests on, is left out at once: the list would else be full of it.
pub(crate) async fn waiting(
    transaction: &mut Transaction,
    market: MarketId,
    since: BusinessDate,
) -> Result<Vec<Waiting>> {
    const SQL: &str = "SELECT p.seq, p.amount, p.event_at, p.business_date, COALESCE(t.memo, '') AS memo \
        FROM postings p LEFT JOIN inbox_texts t ON t.market_id = p.market_id AND t.item = p.item \
        WHERE p.market_id = $1 AND p.business_date >= $2 AND p.kind = 'settle' AND p.credit_account = 'suspense' \
        AND NOT EXISTS (SELECT 1 FROM postings a WHERE a.market_id = p.market_id AND a.concerns = p.seq \
            AND a.concerns IS NOT NULL AND NOT EXISTS (SELECT 1 FROM postings r WHERE r.market_id = a.market_id \
            AND r.concerns = a.seq AND r.concerns IS NOT NULL)) ORDER BY p.seq DESC LIMIT $3";
    let rows = transaction.rows(SQL, binds![market.get(), since.to_string(), ROWS_MAX]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        found.push(Waiting {
            seq: Seq::new(row.int("seq")?),
            amount: Dong::new(row.int("amount")?),
            event_at: optional_instant(row.optional_int("event_at")?)?,
            business_date: row.parse("business_date")?,
            memo: row.text("memo")?.lines().next().unwrap_or_default().to_owned(),
        });
    }
    let seqs: Vec<Seq> = found.iter().map(|posting| posting.seq).collect();
    let still = still_in_suspense(&seqs, &reports::concerning(transaction, market, &seqs).await?);
    found.retain(|posting| still.contains(&posting.seq));
    Ok(found)
}

/// What one person wishes to be done with a settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// The settlement.
    pub(crate) seq: Seq,
    /// The stall it is to go to.
    pub(crate) stall: StallNumber,
    /// Why.
    pub(crate) reason: String,
    /// By whom.
    pub(crate) by: String,
    /// When.
    pub(crate) at: Timestamp,
}

/// Reads all wishes of a market.
pub(crate) async fn proposals(transaction: &mut Transaction, market: MarketId) -> Result<Vec<Proposal>> {
    const SQL: &str = "SELECT posting_seq, stall_number, reason, proposed_by, proposed_at FROM assignment_proposals \
        WHERE market_id = $1 ORDER BY posting_seq LIMIT $2";
    let rows = transaction.rows(SQL, binds![market.get(), ROWS_MAX]).await?;
    rows.iter()
        .map(|row| {
            Ok(Proposal {
                seq: Seq::new(row.int("posting_seq")?),
                stall: stall(row.int("stall_number")?)?,
                reason: row.text("reason")?,
                by: row.text("proposed_by")?,
                at: instant(row.int("proposed_at")?)?,
            })
        })
        .collect()
}

/// Keeps a wish; a later one of anybody takes its place.
pub(crate) async fn propose(transaction: &mut Transaction, market: MarketId, wish: &Proposal) -> Result<()> {
    const SQL: &str = "INSERT INTO assignment_proposals (market_id, posting_seq, stall_number, reason, proposed_by, \
        proposed_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (market_id, posting_seq) DO UPDATE SET \
        stall_number = excluded.stall_number, reason = excluded.reason, proposed_by = excluded.proposed_by, \
        proposed_at = excluded.proposed_at";
    let values = binds![
        market.get(),
        wish.seq.get(),
        wish.stall.get(),
        wish.reason.as_str(),
        wish.by.as_str(),
        micros(wish.at),
    ];
    transaction.execute_exactly(1, SQL, values).await
}

/// Forgets a wish; `false` when there was none.
pub(crate) async fn withdraw(transaction: &mut Transaction, market: MarketId, seq: Seq) -> Result<bool> {
    const SQL: &str = "DELETE FROM assignment_proposals WHERE market_id = $1 AND posting_seq = $2";
    Ok(transaction.execute(SQL, binds![market.get(), seq.get()]).await? > 0)
}
