//! Which stalls were paid on which dates, over all markets: of closed dates as their close counted them, of the
//! others by the kept totals. What the city reads spans all markets and a month or more, and the totals of every
//! stall would be a hundred thousand rows of it.

use std::collections::{BTreeSet, HashMap};

use super::engine::{Transaction, binds};
use super::error::{Result, StoreError};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketId;
use crate::ledger::spread::steps;

/// Dates of one answer: three months of a thousand markets.
const DATES_MAX: i64 = 100_000;
/// Stalls of dates that no close has counted: open ones, and those closed before closes counted.
const STALLS_MAX: i64 = 5_000_000;

/// A market's date with a payment.
#[derive(Debug, Clone)]
pub(crate) struct ActiveDate {
    /// The market.
    pub(crate) market: MarketId,
    /// The book day.
    pub(crate) date: BusinessDate,
    /// It is closed.
    pub(crate) closed: bool,
    /// The numbers of the stalls that were paid or given money, each once.
    pub(crate) stalls: Vec<i64>,
}

/// Reads the dates from `first` to `last` on which a stall was paid, of all markets.
///
/// # Errors
/// [`StoreError::Unavailable`], or [`StoreError::Inconsistent`] for what cannot be decoded.
pub(crate) async fn dates(
    transaction: &mut Transaction,
    first: BusinessDate,
    last: BusinessDate,
) -> Result<Vec<ActiveDate>> {
    const COUNTED: &str = "SELECT m.market_id, s.business_date, s.counts FROM markets m \
        JOIN day_spreads s ON s.market_id = m.market_id AND s.business_date >= $1 AND s.business_date <= $2 \
        WHERE m.market_id > 0 AND s.measure = 'stall' ORDER BY m.market_id, s.business_date LIMIT $3";
    // The dates first, so that those which were counted are passed over without looking at their stalls.
    const OTHERS: &str = "SELECT m.market_id, d.business_date, t.stall_number, \
        CAST(CASE WHEN d.business_date < h.open_date THEN 1 ELSE 0 END AS BIGINT) AS closed \
        FROM markets m CROSS JOIN market_head h CROSS JOIN date_totals d CROSS JOIN daily_totals t \
        WHERE m.market_id > 0 AND h.market_id = m.market_id AND d.market_id = m.market_id \
        AND d.business_date >= $1 AND d.business_date <= $2 AND NOT EXISTS (SELECT 1 FROM day_spreads s \
            WHERE s.market_id = d.market_id AND s.business_date = d.business_date AND s.measure = 'stall') \
        AND t.market_id = d.market_id AND t.business_date = d.business_date AND t.stall_number > 0 \
        AND t.kind IN ('settle', 'assign') AND t.count > 0 \
        GROUP BY m.market_id, d.business_date, h.open_date, t.stall_number \
        ORDER BY m.market_id, d.business_date, t.stall_number LIMIT $3";
    let span = |most: i64| binds![first.to_string(), last.to_string(), most];
    let market = |number: i64| MarketId::new(number).map_err(|error| StoreError::Inconsistent(error.to_string()));
    let mut found: Vec<ActiveDate> = Vec::new();
    for row in transaction.rows(COUNTED, span(DATES_MAX)).await? {
        let counts = row.text("counts")?;
        let stalls = steps(&counts).collect::<Option<Vec<i64>>>();
        let stalls = stalls.ok_or_else(|| StoreError::Inconsistent(format!("day_spreads: counts {counts:?}")))?;
        let market = market(row.int("market_id")?)?;
        found.push(ActiveDate { market, date: row.parse("business_date")?, closed: true, stalls });
    }
    for row in transaction.rows(OTHERS, span(STALLS_MAX)).await? {
        let (market, date) = (market(row.int("market_id")?)?, row.parse("business_date")?);
        let stall = row.int("stall_number")?;
        match found.last_mut().filter(|last| (last.market, last.date) == (market, date)) {
            Some(last) => last.stalls.push(stall),
            None => found.push(ActiveDate { market, date, closed: row.int("closed")? == 1, stalls: vec![stall] }),
        }
    }
    Ok(found)
}

/// Counts the stalls that were paid on any of the dates, by market, and closed dates apart from open ones.
pub(crate) fn stalls_of<'a>(dates: impl Iterator<Item = &'a ActiveDate>) -> HashMap<(MarketId, bool), i64> {
    let mut stalls: HashMap<(MarketId, bool), BTreeSet<i64>> = HashMap::new();
    for active in dates {
        stalls.entry((active.market, active.closed)).or_default().extend(&active.stalls);
    }
    stalls.into_iter().map(|(of, stalls)| (of, i64::try_from(stalls.len()).unwrap_or(i64::MAX))).collect()
}
