//! How closed dates' settlements spread by amount and delay: written with the close, read as sums of a
//! period.

use std::collections::BTreeMap;

use super::Store;
use super::engine::{Column, Row, Rows, Transaction, binds};
use super::error::{Result, StoreError};
use super::periods::compared;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketId;
use crate::domain::period::Period;
use crate::ledger::period_report::{ComparedRow, Counted};
use crate::ledger::spread::{Measure, Spread};

/// Rows read at a time.
const CHUNK: i64 = 2_000;
/// Rows of one list: two hundred steps of a thousand markets.
const ROWS_MAX: i64 = 200_000;

/// Keeps a date's spread. The caller's transaction closes the date.
pub(crate) async fn keep(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
    spread: &Spread,
) -> Result<()> {
    const SQL: &str = "INSERT INTO day_spreads (market_id, business_date, measure, step, count) \
        SELECT h.market_id, $2, u.measure, u.step, u.count FROM market_head h CROSS JOIN {rows} WHERE h.market_id = $1";
    if spread.0.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .with("measure", Column::texts(spread.0.keys().map(|(measure, _)| measure.as_str())))
        .with("step", Column::ints(spread.0.keys().map(|(_, step)| *step)))
        .with("count", Column::ints(spread.0.values().copied()));
    transaction.execute_exactly(spread.0.len(), SQL, binds![market.get(), date.to_string(), rows]).await
}

/// Reads a market's spreads by date, some rows at a time.
pub(crate) async fn all(transaction: &mut Transaction, market: MarketId) -> Result<BTreeMap<BusinessDate, Spread>> {
    const SQL: &str = "SELECT business_date, measure, step, count FROM day_spreads WHERE market_id = $1 \
        AND (business_date, measure, step) > ($2, $3, $4) ORDER BY business_date, measure, step LIMIT $5";
    let (mut date, mut word, mut step) = (String::new(), String::new(), i64::MIN);
    let mut spreads: BTreeMap<BusinessDate, Spread> = BTreeMap::new();
    loop {
        let values = binds![market.get(), date.as_str(), word.as_str(), step, CHUNK];
        let rows = transaction.rows(SQL, values).await?;
        let Some(last) = rows.last() else { return Ok(spreads) };
        (date, word, step) = (last.text("business_date")?, last.text("measure")?, last.int("step")?);
        for row in &rows {
            let spread = spreads.entry(row.parse("business_date")?).or_default();
            spread.0.insert((measure(row)?, row.int("step")?), row.int("count")?);
        }
    }
}

fn measure(row: &Row) -> Result<Measure> {
    match row.text("measure")?.as_str() {
        "amount" => Ok(Measure::Amount),
        "delay" => Ok(Measure::Delay),
        other => Err(StoreError::Inconsistent(format!("day_spreads: measure {other:?}"))),
    }
}

/// Markets come first in each join, so that a market's rows are found by their key.
async fn counted(transaction: &mut Transaction, period: Period) -> Result<BTreeMap<i64, Counted>> {
    const SPREADS: &str = "SELECT m.market_id, s.measure, s.step, CAST(SUM(s.count) AS BIGINT) AS count FROM markets m \
        JOIN day_spreads s ON s.market_id = m.market_id AND s.business_date >= $1 AND s.business_date <= $2 \
        WHERE m.market_id > 0 GROUP BY m.market_id, s.measure, s.step ORDER BY m.market_id, s.measure, s.step LIMIT $3";
    const HOURS: &str = "SELECT m.market_id, CAST(CASE WHEN t.business_date < h.open_date THEN 1 ELSE 0 END AS BIGINT) AS closed, \
        t.hour, CAST(SUM(t.count) AS BIGINT) AS count FROM markets m JOIN market_head h ON h.market_id = m.market_id \
        JOIN hourly_totals t ON t.market_id = m.market_id AND t.business_date >= $1 AND t.business_date <= $2 \
        WHERE m.market_id > 0 AND t.hour >= 0 GROUP BY m.market_id, closed, t.hour \
        ORDER BY m.market_id, closed, t.hour LIMIT $3";
    const CARDS: &str = "SELECT m.market_id, COUNT(*) AS count FROM markets m JOIN qr_codes c ON c.market_id = m.market_id \
        WHERE m.market_id > 0 AND NOT EXISTS (SELECT 1 FROM qr_codes n WHERE n.market_id = c.market_id \
            AND n.stall_number = c.stall_number AND n.version > c.version) \
        AND EXISTS (SELECT 1 FROM qr_print_cards p WHERE p.market_id = c.market_id \
            AND p.stall_number = c.stall_number AND p.version = c.version) \
        GROUP BY m.market_id ORDER BY m.market_id LIMIT $1";
    let mut markets: BTreeMap<i64, Counted> = BTreeMap::new();
    let values = || binds![period.first().to_string(), period.last().to_string(), ROWS_MAX];
    for row in transaction.rows(SPREADS, values()).await? {
        let found = markets.entry(row.int("market_id")?).or_default();
        let steps = match measure(&row)? {
            Measure::Amount => &mut found.amounts,
            Measure::Delay => &mut found.delays,
        };
        steps.insert(row.int("step")?, row.int("count")?);
    }
    for row in transaction.rows(HOURS, values()).await? {
        let found = markets.entry(row.int("market_id")?).or_default();
        let hours = if row.int("closed")? == 1 { &mut found.closed_hours } else { &mut found.open_hours };
        hours.insert(row.int("hour")?, row.int("count")?);
    }
    for row in transaction.rows(CARDS, binds![ROWS_MAX]).await? {
        markets.entry(row.int("market_id")?).or_default().cards = row.int("count")?;
    }
    Ok(markets)
}

impl Store {
    /// Reads all markets' sums of a period, and what else they are compared by, at one moment.
    ///
    /// # Errors
    /// As [`Self::period_totals`].
    pub async fn compared_whole(&self, period: Period) -> Result<Vec<ComparedRow>> {
        let mut transaction = self.begin_read().await?;
        let mut rows = compared(&mut transaction, period).await?;
        let mut found = counted(&mut transaction, period).await?;
        transaction.rollback().await?;
        for row in &mut rows {
            row.counted = found.remove(&row.id.get()).unwrap_or_default();
        }
        Ok(rows)
    }
}
