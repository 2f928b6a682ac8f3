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
/// Rows of one list: three months of a thousand markets.
const ROWS_MAX: i64 = 200_000;

/// Keeps a date's spread. The caller's transaction closes the date.
pub(crate) async fn keep(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
    spread: &Spread,
) -> Result<()> {
    const SQL: &str = "INSERT INTO day_spreads (market_id, business_date, measure, counts) \
        SELECT h.market_id, $2, u.measure, u.counts FROM market_head h CROSS JOIN {rows} WHERE h.market_id = $1";
    let measures: Vec<Measure> = Measure::ALL.into_iter().filter(|measure| !spread.of(*measure).is_empty()).collect();
    if measures.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .with("measure", Column::texts(measures.iter().map(|measure| measure.as_str())))
        .with("counts", Column::texts(measures.iter().map(|measure| spread.written(*measure))));
    transaction.execute_exactly(measures.len(), SQL, binds![market.get(), date.to_string(), rows]).await
}

/// Reads a market's spreads by date, some rows at a time.
pub(crate) async fn all(transaction: &mut Transaction, market: MarketId) -> Result<BTreeMap<BusinessDate, Spread>> {
    const SQL: &str = "SELECT business_date, measure, counts FROM day_spreads WHERE market_id = $1 \
        AND (business_date, measure) > ($2, $3) ORDER BY business_date, measure LIMIT $4";
    let (mut date, mut word) = (String::new(), String::new());
    let mut spreads: BTreeMap<BusinessDate, Spread> = BTreeMap::new();
    loop {
        let values = binds![market.get(), date.as_str(), word.as_str(), CHUNK];
        let rows = transaction.rows(SQL, values).await?;
        let Some(last) = rows.last() else { return Ok(spreads) };
        (date, word) = (last.text("business_date")?, last.text("measure")?);
        for row in &rows {
            add(spreads.entry(row.parse("business_date")?).or_default(), row)?;
        }
    }
}

fn add(spread: &mut Spread, row: &Row) -> Result<()> {
    let counts = row.text("counts")?;
    let added = spread.add_written(measure(row)?, &counts);
    added.ok_or_else(|| StoreError::Inconsistent(format!("day_spreads: counts {counts:?}")))
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
    const SPREADS: &str = "SELECT m.market_id, s.measure, s.counts FROM markets m \
        JOIN day_spreads s ON s.market_id = m.market_id AND s.business_date >= $1 AND s.business_date <= $2 \
        WHERE m.market_id > 0 ORDER BY m.market_id, s.business_date, s.measure LIMIT $3";
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
        add(&mut markets.entry(row.int("market_id")?).or_default().spread, &row)?;
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
