//! Reading the journal and the inbox: lists in the order of their numbers, one posting by name.

use super::bindings::stall;
use super::engine::{Row, Transaction, binds};
use super::error::Result;
use super::facts::transfer;
use super::{instant, optional_instant};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, Seq, StallNumber};
use crate::domain::inbox::Outcome;
use crate::domain::money::Dong;
use crate::ledger::batch::Posting;

/// A posting's columns.
macro_rules! posting_sql {
    ($rest:literal) => {
        concat!(
            "SELECT p.seq, p.kind, p.debit_account, p.credit_account, p.amount, p.business_date, p.event_date, \
             p.event_at, p.recorded_at, p.late, p.stall_number, p.item, p.concerns, p.reason, p.actor FROM postings p ",
            $rest
        )
    };
}

/// Reads one posting.
pub(crate) async fn find(transaction: &mut Transaction, market: MarketId, seq: Seq) -> Result<Option<Posting>> {
    const SQL: &str = posting_sql!("WHERE p.market_id = $1 AND p.seq = $2");
    transaction.row(SQL, binds![market.get(), seq.get()]).await?.as_ref().map(posting).transpose()
}

/// What a list of postings is narrowed to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter {
    /// One book day.
    pub(crate) date: Option<BusinessDate>,
    /// One stall.
    pub(crate) stall: Option<StallNumber>,
    /// Behind this number.
    pub(crate) after: i64,
    /// At most so many.
    pub(crate) limit: i64,
}

/// Reads postings in journal order.
pub(crate) async fn list(transaction: &mut Transaction, market: MarketId, filter: Filter) -> Result<Vec<Posting>> {
    const DAY: &str = posting_sql!(
        "WHERE p.market_id = $1 AND p.business_date = $2 AND p.seq > $3 \
         AND (CAST($4 AS BIGINT) IS NULL OR p.stall_number = $4) ORDER BY p.seq LIMIT $5"
    );
    const ALL: &str = posting_sql!(
        "WHERE p.market_id = $1 AND p.seq > $2 AND (CAST($3 AS BIGINT) IS NULL OR p.stall_number = $3) \
         ORDER BY p.seq LIMIT $4"
    );
    let stall = filter.stall.map(StallNumber::get);
    let rows = match filter.date {
        Some(date) => {
            let values = binds![market.get(), date.to_string(), filter.after, stall, filter.limit];
            transaction.rows(DAY, values).await?
        }
        None => transaction.rows(ALL, binds![market.get(), filter.after, stall, filter.limit]).await?,
    };
    rows.iter().map(posting).collect()
}

/// Reads a posting's row.
pub(crate) fn posting(row: &Row) -> Result<Posting> {
    Ok(Posting {
        seq: Seq::new(row.int("seq")?),
        kind: row.parse("kind")?,
        transfer: transfer(row)?,
        business_date: row.parse("business_date")?,
        event_date: row.parse("event_date")?,
        event_at: optional_instant(row.optional_int("event_at")?)?,
        recorded_at: instant(row.int("recorded_at")?)?,
        late: row.flag("late")?,
        stall: row.optional_int("stall_number")?.map(stall).transpose()?,
        item: row.optional_int("item")?,
        concerns: row.optional_int("concerns")?.map(Seq::new),
        reason: row.optional_text("reason")?,
        actor: row.optional_text("actor")?,
    })
}

/// One item of the inbox, as lists show it: without its texts.
#[derive(Debug, Clone)]
pub(crate) struct InboxRow {
    pub(crate) market: MarketId,
    pub(crate) item: i64,
    pub(crate) source: String,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<String>,
    pub(crate) amount: Option<Dong>,
    pub(crate) account: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) event_at: Option<jiff::Timestamp>,
    pub(crate) recorded_at: jiff::Timestamp,
    pub(crate) resolved: bool,
}

/// Items of one outcome that nobody has decided yet, narrowed further.
macro_rules! held_sql {
    ($further:literal) => {
        concat!(
            "SELECT i.item, s.name, i.outcome, i.reason, i.amount, i.settled_account, i.reference, i.event_at, \
             i.recorded_at, r.item AS resolved_by FROM inbox i JOIN sources s ON s.source_id = i.source_id \
             LEFT JOIN inbox r ON r.market_id = i.market_id AND r.resolves = i.item \
             WHERE i.market_id = $1 AND i.outcome = $2 ",
            $further,
            "AND +i.item > $3 AND r.item IS NULL ORDER BY +i.item LIMIT $4"
        )
    };
}

/// Reads held items of one outcome of a market that nobody has decided yet, oldest first.
pub(crate) async fn held(
    transaction: &mut Transaction,
    market: MarketId,
    outcome: Outcome,
    after: i64,
    limit: i64,
) -> Result<Vec<InboxRow>> {
    const ANY: &str = held_sql!("");
    // Repeats the partial index's own condition and names its column, so that SQLite may use it; and what lies in
    // the inbox's key stands behind a sign (see the text), or SQLite would walk the whole inbox by that key for the
    // few that are held.
    const HELD: &str = held_sql!(
        "AND (i.outcome = 'quarantined' OR i.outcome = 'stale' OR i.outcome = 'rejected') AND i.business_date > '' "
    );
    let is_held = matches!(outcome, Outcome::Quarantined | Outcome::Stale | Outcome::Rejected);
    let sql = if is_held { HELD } else { ANY };
    let rows = transaction.rows(sql, binds![market.get(), outcome.as_str(), after, limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(InboxRow {
                market,
                item: row.int("item")?,
                source: row.text("name")?,
                outcome: row.parse("outcome")?,
                reason: row.optional_text("reason")?,
                amount: row.optional_int("amount")?.map(Dong::new),
                account: row.optional_text("settled_account")?,
                reference: row.optional_text("reference")?,
                event_at: optional_instant(row.optional_int("event_at")?)?,
                recorded_at: instant(row.int("recorded_at")?)?,
                resolved: row.optional_int("resolved_by")?.is_some(),
            })
        })
        .collect()
}
