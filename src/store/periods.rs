//! What reports of a period read: kept totals, by key, never the journal.

use std::collections::{BTreeSet, HashMap};

use super::Store;
use super::active::{self, ActiveDate};
use super::bindings::stall;
use super::engine::{Row, Transaction, Value, binds};
use super::error::{Result, StoreError};
use super::{head, instant, markets, reports};
use crate::domain::calendar::{BusinessDate, vietnam_hour};
use crate::domain::daily_report::{Figure, ReportedMarket};
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketCode, MarketId, StallNumber};
use crate::domain::money::Dong;
use crate::domain::period::Period;
use crate::domain::period_report::MarketSums;
use crate::ledger::daily_report::StallDayTotal;
use crate::ledger::period_report::{ComparedRow, Counted, DORMANT_DAYS, DateHour, PeriodTotals, StallStep};
use crate::ledger::spread::{Measure, Spread};

/// Rows of one list: far above any market's stalls, or two years of days.
const ROWS_MAX: i64 = 200_000;
/// Markets of one comparison.
const MARKETS_MAX: i64 = 1_000;

fn span(market: MarketId, period: Period) -> Vec<Value<'static>> {
    binds![market.get(), period.first().to_string(), period.last().to_string()]
}

impl Store {
    /// Reads everything a period's report is made of, at one moment; `None` when there is no such
    /// market.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], or [`StoreError::Inconsistent`] for what cannot be decoded.
    pub async fn period_totals(&self, code: &MarketCode, period: Period) -> Result<Option<PeriodTotals>> {
        let mut transaction = self.begin_read().await?;
        let totals = match markets::find(&mut transaction, code, period.last()).await? {
            Some(market) => {
                let head = head::read(&mut transaction, market.id)
                    .await?
                    .ok_or_else(|| StoreError::Inconsistent(format!("market {code} has no head")))?;
                Some(PeriodTotals {
                    open_date: head.open_date,
                    days: days(&mut transaction, market.id, period).await?,
                    settled: settled(&mut transaction, market.id, period).await?,
                    active: active(&mut transaction, market.id, period).await?,
                    stall_days: stall_days(&mut transaction, market.id, period).await?,
                    stall_active: stall_active(&mut transaction, market.id, period).await?,
                    previous: sum(&mut transaction, market.id, period.previous()).await?,
                    stalls: reports::stalls(&mut transaction, market.id, period.last()).await?,
                    last_close: last_close(&mut transaction, market.id, period).await?,
                    market: ReportedMarket {
                        code: market.code,
                        name: market.name.to_string(),
                        ward: market.ward,
                        cutoff: market.cutoff,
                        demo: market.demo,
                    },
                })
            }
            None => None,
        };
        transaction.rollback().await?;
        Ok(totals)
    }

    /// Reads all markets as they are on a period's last day, without a figure.
    ///
    /// # Errors
    /// As [`Self::period_totals`].
    pub async fn markets_of(&self, period: Period) -> Result<Vec<ComparedRow>> {
        let mut transaction = self.begin_read().await?;
        let rows = all_markets(&mut transaction, period).await;
        transaction.rollback().await?;
        rows
    }
}

async fn days(transaction: &mut Transaction, market: MarketId, period: Period) -> Result<Vec<(BusinessDate, Figure)>> {
    const SQL: &str = "SELECT business_date, CAST(SUM(count) AS BIGINT) AS count, CAST(SUM(amount) AS BIGINT) AS amount \
        FROM hourly_totals WHERE market_id = $1 AND business_date >= $2 AND business_date <= $3 \
        GROUP BY business_date ORDER BY business_date";
    let rows = transaction.rows(SQL, span(market, period)).await?;
    rows.iter().map(|row| Ok((row.parse("business_date")?, reports::figure(row)?))).collect()
}

/// Counts a period's postings from the kept totals.
pub(crate) async fn postings(transaction: &mut Transaction, market: MarketId, period: Period) -> Result<i64> {
    const SQL: &str = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count FROM date_totals \
        WHERE market_id = $1 AND business_date >= $2 AND business_date <= $3";
    transaction.row(SQL, span(market, period)).await?.map_or(Ok(0), |row| row.int("count"))
}

/// Settle postings as the table of dates has them, for a check.
async fn settled(transaction: &mut Transaction, market: MarketId, period: Period) -> Result<i64> {
    const SQL: &str = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count FROM date_totals \
        WHERE market_id = $1 AND business_date >= $2 AND business_date <= $3 AND kind = 'settle'";
    transaction.row(SQL, span(market, period)).await?.map_or(Ok(0), |row| row.int("count"))
}

async fn active(transaction: &mut Transaction, market: MarketId, period: Period) -> Result<Vec<(BusinessDate, i64)>> {
    const SQL: &str = "SELECT business_date, COUNT(DISTINCT stall_number) AS count FROM daily_totals \
        WHERE market_id = $1 AND business_date >= $2 AND business_date <= $3 AND stall_number > 0 \
        AND kind IN ('settle', 'assign') AND count > 0 GROUP BY business_date ORDER BY business_date";
    let rows = transaction.rows(SQL, span(market, period)).await?;
    rows.iter().map(|row| Ok((row.parse("business_date")?, row.int("count")?))).collect()
}

async fn stall_days(transaction: &mut Transaction, market: MarketId, period: Period) -> Result<Vec<StallDayTotal>> {
    const SQL: &str = "SELECT stall_number, kind, CAST(SUM(count) AS BIGINT) AS count, \
        CAST(SUM(amount) AS BIGINT) AS amount FROM daily_totals \
        WHERE market_id = $1 AND business_date >= $2 AND business_date <= $3 \
        GROUP BY stall_number, kind ORDER BY stall_number, kind LIMIT $4";
    let mut values = span(market, period);
    values.extend(binds![ROWS_MAX]);
    let rows = transaction.rows(SQL, values).await?;
    rows.iter()
        .map(|row| {
            let number = row.int("stall_number")?;
            Ok(StallDayTotal {
                stall: if number == 0 { None } else { Some(stall(number)?) },
                kind: reports::stall_kind(&row.text("kind")?)?,
                figure: reports::figure(row)?,
                first_at: None,
                last_at: None,
            })
        })
        .collect()
}

async fn stall_active(
    transaction: &mut Transaction,
    market: MarketId,
    period: Period,
) -> Result<Vec<(StallNumber, i64)>> {
    const SQL: &str = "SELECT stall_number, COUNT(DISTINCT business_date) AS count FROM daily_totals \
        WHERE market_id = $1 AND business_date >= $2 AND business_date <= $3 AND stall_number > 0 \
        AND kind IN ('settle', 'assign') AND count > 0 GROUP BY stall_number ORDER BY stall_number LIMIT $4";
    let mut values = span(market, period);
    values.extend(binds![ROWS_MAX]);
    let rows = transaction.rows(SQL, values).await?;
    rows.iter().map(|row| Ok((stall(row.int("stall_number")?)?, row.int("count")?))).collect()
}

async fn sum(transaction: &mut Transaction, market: MarketId, period: Period) -> Result<Figure> {
    const SQL: &str = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count, \
        CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS amount FROM hourly_totals \
        WHERE market_id = $1 AND business_date >= $2 AND business_date <= $3";
    transaction.row(SQL, span(market, period)).await?.as_ref().map_or_else(|| Ok(Figure::default()), reports::figure)
}

async fn last_close(
    transaction: &mut Transaction,
    market: MarketId,
    period: Period,
) -> Result<Option<(BusinessDate, Hash)>> {
    const SQL: &str = "SELECT business_date, hash FROM day_closes \
        WHERE market_id = $1 AND business_date >= $2 AND business_date <= $3 ORDER BY business_date DESC LIMIT 1";
    let Some(row) = transaction.row(SQL, span(market, period)).await? else { return Ok(None) };
    let hash = Hash::from_slice(&row.bytes("hash")?)
        .map_err(|error| StoreError::Inconsistent(format!("day_closes.hash: {error}")))?;
    Ok(Some((row.parse("business_date")?, hash)))
}

/// Markets come first in each join, so that a market's totals are found by their key.
pub(super) async fn compared(transaction: &mut Transaction, period: Period) -> Result<Vec<ComparedRow>> {
    const SUMS: &str = "SELECT m.market_id, CAST(CASE WHEN t.business_date < h.open_date THEN 1 ELSE 0 END AS BIGINT) AS closed, \
        CAST(SUM(t.count) AS BIGINT) AS count, CAST(SUM(t.amount) AS BIGINT) AS amount, \
        COUNT(DISTINCT t.business_date) AS days FROM markets m \
        JOIN market_head h ON h.market_id = m.market_id \
        JOIN hourly_totals t ON t.market_id = m.market_id AND t.business_date >= $1 AND t.business_date <= $2 \
        WHERE m.market_id > 0 GROUP BY m.market_id, closed ORDER BY m.market_id, closed LIMIT $3";
    let mut rows = all_markets(transaction, period).await?;
    for (which, of) in [(0, period), (1, period.previous())] {
        let values = || binds![of.first().to_string(), of.last().to_string(), ROWS_MAX];
        for row in transaction.rows(SUMS, values()).await? {
            if let Some(sums) = place(&mut rows, &row, which)? {
                sums.figure = reports::figure(&row)?;
                sums.days = row.int("days")?;
            }
        }
    }
    let dates = active::dates(transaction, period.previous().first(), period.last()).await?;
    for (which, of) in [(0, period), (1, period.previous())] {
        let within = dates.iter().filter(|active| (of.first()..=of.last()).contains(&active.date));
        for ((market, closed), stalls) in active::stalls_of(within) {
            if let Some(sums) = sums_of(&mut rows, market, closed, which) {
                sums.active_stalls = stalls;
            }
        }
    }
    Ok(rows)
}

/// Reads all markets as they are on a period's last day, without a figure.
async fn all_markets(transaction: &mut Transaction, period: Period) -> Result<Vec<ComparedRow>> {
    const MARKETS: &str = "SELECT m.market_id, m.code, m.name, m.demo, h.open_date, \
        (SELECT p.ward FROM market_places p WHERE p.market_id = m.market_id AND p.valid_from <= $1 \
        ORDER BY p.valid_from DESC LIMIT 1) AS ward, \
        (SELECT COUNT(*) FROM stalls s WHERE s.market_id = m.market_id) AS registered FROM markets m \
        JOIN market_head h ON h.market_id = m.market_id WHERE m.market_id > 0 ORDER BY m.code LIMIT $2";
    let markets = transaction.rows(MARKETS, binds![period.last().to_string(), MARKETS_MAX]).await?;
    markets.iter().map(listed).collect()
}

fn listed(row: &Row) -> Result<ComparedRow> {
    Ok(ComparedRow {
        id: market_id(row)?,
        code: row.parse("code")?,
        name: row.text("name")?,
        ward: row.optional_text("ward")?.filter(|ward| !ward.is_empty()),
        demo: row.flag("demo")?,
        open_date: row.parse("open_date")?,
        registered_stalls: row.int("registered")?,
        closed: [MarketSums::default(); 2],
        provisional: [MarketSums::default(); 2],
        counted: Counted::default(),
    })
}

/// Returns where a row's sums belong: to which market, to closed days or open ones, and to which of the
/// two periods.
fn place<'r>(rows: &'r mut [ComparedRow], row: &Row, which: usize) -> Result<Option<&'r mut MarketSums>> {
    Ok(sums_of(rows, market_id(row)?, row.int("closed")? == 1, which))
}

fn sums_of(rows: &mut [ComparedRow], market: MarketId, closed: bool, which: usize) -> Option<&mut MarketSums> {
    let listed = rows.iter_mut().find(|listed| listed.id == market)?;
    if closed { listed.closed.get_mut(which) } else { listed.provisional.get_mut(which) }
}

fn market_id(row: &Row) -> Result<MarketId> {
    MarketId::new(row.int("market_id")?).map_err(|error| StoreError::Inconsistent(error.to_string()))
}

/// Stalls of all markets by how far they have come, for the city: see [`crate::ledger::period_report`].
pub(crate) async fn stall_steps(transaction: &mut Transaction, today: BusinessDate) -> Result<Vec<StallStep>> {
    const STALLS: &str = "SELECT s.market_id, s.stall_number, s.category, \
        CAST(CASE WHEN EXISTS (SELECT 1 FROM qr_print_cards c WHERE c.market_id = s.market_id \
            AND c.stall_number = s.stall_number) THEN 1 ELSE 0 END AS BIGINT) AS printed, \
        CAST(CASE WHEN EXISTS (SELECT 1 FROM balances b WHERE b.market_id = s.market_id \
            AND b.account = 'stall:' || CAST(s.stall_number AS TEXT) AND b.credits > 0) THEN 1 ELSE 0 END AS BIGINT) AS paid \
        FROM markets m JOIN stalls s ON s.market_id = m.market_id WHERE m.market_id > 0 \
        ORDER BY s.market_id, s.stall_number LIMIT $1";
    let since = today.plus_days(1 - DORMANT_DAYS);
    let mut last = HashMap::new();
    for active in active::dates(transaction, since, BusinessDate::END).await? {
        for stall in active.stalls {
            let known: &mut BusinessDate = last.entry((active.market.get(), stall)).or_insert(active.date);
            *known = active.date.max(*known);
        }
    }
    let rows = transaction.rows(STALLS, binds![ROWS_MAX]).await?;
    rows.iter()
        .map(|row| {
            Ok(StallStep {
                category: row.text("category")?,
                printed: row.flag("printed")?,
                paid: row.flag("paid")?,
                last_date: last.get(&(row.int("market_id")?, row.int("stall_number")?)).copied(),
            })
        })
        .collect()
}

/// One closed date's hour of all markets together, and at least how many stalls are behind it: those whose
/// first or last payment of the date lies in the hour.
pub(crate) async fn date_hours(transaction: &mut Transaction, period: Period) -> Result<Vec<DateHour>> {
    const SUMS: &str = "SELECT t.business_date, t.hour, CAST(SUM(t.count) AS BIGINT) AS count, \
        CAST(SUM(t.amount) AS BIGINT) AS amount FROM markets m \
        JOIN market_head h ON h.market_id = m.market_id \
        JOIN hourly_totals t ON t.market_id = m.market_id AND t.business_date >= $1 AND t.business_date <= $2 \
        WHERE m.market_id > 0 AND t.hour >= 0 AND t.business_date < h.open_date GROUP BY t.business_date, t.hour \
        ORDER BY t.business_date, t.hour LIMIT $3";
    const COUNTED: &str = "SELECT s.business_date, s.counts FROM markets m \
        JOIN day_spreads s ON s.market_id = m.market_id AND s.business_date >= $1 AND s.business_date <= $2 \
        WHERE m.market_id > 0 AND s.measure = 'hour' ORDER BY s.business_date, m.market_id LIMIT $3";
    // Dates closed before closes counted: by the ends of each stall's day, as kept totals have them.
    const OTHERS: &str = "SELECT d.business_date, t.first_at, t.last_at FROM markets m CROSS JOIN market_head h \
        CROSS JOIN date_totals d CROSS JOIN daily_totals t \
        WHERE m.market_id > 0 AND h.market_id = m.market_id AND d.market_id = m.market_id \
        AND d.business_date >= $1 AND d.business_date <= $2 AND d.business_date < h.open_date AND NOT EXISTS (SELECT 1 FROM day_spreads s \
            WHERE s.market_id = d.market_id AND s.business_date = d.business_date AND s.measure = 'hour') \
        AND t.market_id = d.market_id AND t.business_date = d.business_date AND t.stall_number > 0 \
        AND t.kind = 'settle' AND t.first_at IS NOT NULL AND t.last_at IS NOT NULL \
        GROUP BY d.business_date, t.market_id, t.stall_number, t.first_at, t.last_at \
        ORDER BY d.business_date, t.market_id, t.stall_number LIMIT $3";
    let values = || binds![period.first().to_string(), period.last().to_string(), ROWS_MAX];
    let mut stalls = HashMap::new();
    let mut found = |date: BusinessDate, hour: i64, count: i64| {
        let stalls: &mut i64 = stalls.entry((date, hour)).or_default();
        *stalls = stalls.saturating_add(count);
    };
    for row in transaction.rows(COUNTED, values()).await? {
        let (date, mut spread) = (row.parse("business_date")?, Spread::default());
        let counts = row.text("counts")?;
        spread
            .add_written(Measure::Hour, &counts)
            .ok_or_else(|| StoreError::Inconsistent(format!("day_spreads: counts {counts:?}")))?;
        spread.of(Measure::Hour).iter().for_each(|(hour, count)| found(date, *hour, *count));
    }
    for row in transaction.rows(OTHERS, values()).await? {
        let date = row.parse("business_date")?;
        let ends = [instant(row.int("first_at")?)?, instant(row.int("last_at")?)?].map(vietnam_hour);
        for hour in BTreeSet::from(ends) {
            found(date, hour, 1);
        }
    }
    let rows = transaction.rows(SUMS, values()).await?;
    rows.iter()
        .map(|row| {
            let (date, hour) = (row.parse("business_date")?, row.int("hour")?);
            Ok(DateHour {
                date,
                hour,
                figure: Figure { count: row.int("count")?, amount: Dong::new(row.int("amount")?) },
                stalls: stalls.get(&(date, hour)).copied().unwrap_or(0),
            })
        })
        .collect()
}

/// Each market's closed days of a period: payments, amount, stalls with a payment.
pub(crate) async fn market_days(
    transaction: &mut Transaction,
    period: Period,
) -> Result<Vec<(MarketId, BusinessDate, MarketSums)>> {
    const SQL: &str = "SELECT m.market_id, t.business_date, CAST(SUM(t.count) AS BIGINT) AS count, \
        CAST(SUM(t.amount) AS BIGINT) AS amount FROM markets m \
        JOIN market_head h ON h.market_id = m.market_id \
        JOIN hourly_totals t ON t.market_id = m.market_id AND t.business_date >= $1 AND t.business_date <= $2 \
        WHERE m.market_id > 0 AND t.business_date < h.open_date \
        GROUP BY m.market_id, t.business_date ORDER BY m.market_id, t.business_date LIMIT $3";
    let values = binds![period.first().to_string(), period.last().to_string(), ROWS_MAX];
    let rows = transaction.rows(SQL, values).await?;
    let active = active::dates(transaction, period.first(), period.last()).await?;
    let count = |active: &ActiveDate| i64::try_from(active.stalls.len()).unwrap_or(i64::MAX);
    let active: HashMap<_, _> = active.iter().map(|active| ((active.market, active.date), count(active))).collect();
    rows.iter()
        .map(|row| {
            let (market, date) = (market_id(row)?, row.parse("business_date")?);
            let active_stalls = active.get(&(market, date)).copied().unwrap_or_default();
            Ok((market, date, MarketSums { figure: reports::figure(row)?, active_stalls, days: 1 }))
        })
        .collect()
}

/// One close of the grid of closed days.
pub(crate) async fn closes(
    transaction: &mut Transaction,
    period: Period,
) -> Result<Vec<(MarketId, BusinessDate, jiff::Timestamp)>> {
    const SQL: &str = "SELECT m.market_id, d.business_date, d.closed_at FROM markets m \
        JOIN day_closes d ON d.market_id = m.market_id AND d.business_date >= $1 AND d.business_date <= $2 \
        WHERE m.market_id > 0 ORDER BY m.market_id, d.business_date LIMIT $3";
    let values = binds![period.first().to_string(), period.last().to_string(), ROWS_MAX];
    let rows = transaction.rows(SQL, values).await?;
    rows.iter().map(|row| Ok((market_id(row)?, row.parse("business_date")?, instant(row.int("closed_at")?)?))).collect()
}

impl Store {
    /// Reads how far all stalls have come.
    ///
    /// # Errors
    /// As [`Self::period_totals`].
    pub async fn stall_steps(&self, today: BusinessDate) -> Result<Vec<StallStep>> {
        let mut transaction = self.begin_read().await?;
        let steps = stall_steps(&mut transaction, today).await;
        transaction.rollback().await?;
        steps
    }

    /// Reads all markets' hours of a period, by date.
    ///
    /// # Errors
    /// As [`Self::period_totals`].
    pub async fn date_hours(&self, period: Period) -> Result<Vec<DateHour>> {
        let mut transaction = self.begin_read().await?;
        let hours = date_hours(&mut transaction, period).await;
        transaction.rollback().await?;
        hours
    }

    /// Reads each market's closed days of a period.
    ///
    /// # Errors
    /// As [`Self::period_totals`].
    pub async fn market_days(&self, period: Period) -> Result<Vec<(MarketId, BusinessDate, MarketSums)>> {
        let mut transaction = self.begin_read().await?;
        let days = market_days(&mut transaction, period).await;
        transaction.rollback().await?;
        days
    }

    /// Reads all markets' closes of a period.
    ///
    /// # Errors
    /// As [`Self::period_totals`].
    pub async fn closes_of_all(&self, period: Period) -> Result<Vec<(MarketId, BusinessDate, jiff::Timestamp)>> {
        let mut transaction = self.begin_read().await?;
        let closes = closes(&mut transaction, period).await;
        transaction.rollback().await?;
        closes
    }
}
