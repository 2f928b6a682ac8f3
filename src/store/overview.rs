//! What the home page reads: a few statements for all markets together. Markets come first in each
//! join, so that a market's totals are found by their key and the text runs on a cluster
//! (CITUS.md).

use super::engine::{Row, binds};
use super::error::{Result, StoreError};
use super::{Store, reports};
use crate::domain::calendar::{BusinessDate, Cutoff};
use crate::domain::ids::MarketId;
use crate::ledger::overview::{ListedMarket, OverviewRows};

/// Markets on one home page; more are looked for by name.
const MARKETS_MAX: i64 = 1_000;
/// Rows of any one statement: hours of as many markets on two dates.
const ROWS_MAX: i64 = 50_000;

impl Store {
    /// Reads every market's figures of one or two dates, at one moment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], or [`StoreError::Inconsistent`] for what cannot be decoded.
    pub async fn overview(&self, dates: [BusinessDate; 2]) -> Result<OverviewRows> {
        const MARKETS: &str = "SELECT m.market_id, m.code, m.name, m.demo, h.open_date, \
            (SELECT p.ward FROM market_places p WHERE p.market_id = m.market_id AND p.valid_from <= $1 \
            ORDER BY p.valid_from DESC LIMIT 1) AS ward FROM markets m \
            JOIN market_head h ON h.market_id = m.market_id WHERE m.market_id > 0 ORDER BY m.code LIMIT $2";
        const CUTOFFS: &str = "SELECT m.market_id, c.from_date, c.minutes FROM markets m \
            JOIN market_cutoffs c ON c.market_id = m.market_id WHERE m.market_id > 0 \
            ORDER BY m.market_id, c.from_date LIMIT $1";
        const STALLS: &str = "SELECT m.market_id, COUNT(*) AS count FROM markets m \
            JOIN stalls s ON s.market_id = m.market_id WHERE m.market_id > 0 \
            GROUP BY m.market_id ORDER BY m.market_id LIMIT $1";
        const HOURS: &str = "SELECT m.market_id, t.business_date, t.hour, t.count, t.amount FROM markets m \
            JOIN hourly_totals t ON t.market_id = m.market_id AND t.business_date IN ($1, $2) \
            WHERE m.market_id > 0 ORDER BY m.market_id, t.business_date, t.hour LIMIT $3";
        const ACTIVE: &str = "SELECT m.market_id, t.business_date, COUNT(DISTINCT t.stall_number) AS count \
            FROM markets m JOIN daily_totals t ON t.market_id = m.market_id AND t.business_date IN ($1, $2) \
            WHERE m.market_id > 0 AND t.stall_number > 0 AND t.kind IN ('settle', 'assign') AND t.count > 0 \
            GROUP BY m.market_id, t.business_date ORDER BY m.market_id, t.business_date LIMIT $3";
        let [one, other] = dates.map(|date| date.to_string());
        let two_dates = || binds![one.as_str(), other.as_str(), ROWS_MAX];
        let mut transaction = self.begin_read().await?;
        let markets = transaction.rows(MARKETS, binds![other.as_str(), MARKETS_MAX]).await?;
        let cutoffs = transaction.rows(CUTOFFS, binds![ROWS_MAX]).await?;
        let stalls = transaction.rows(STALLS, binds![ROWS_MAX]).await?;
        let hours = transaction.rows(HOURS, two_dates()).await?;
        let active = transaction.rows(ACTIVE, two_dates()).await?;
        transaction.rollback().await?;
        Ok(OverviewRows {
            markets: markets.iter().map(listed).collect::<Result<_>>()?,
            cutoffs: cutoffs.iter().map(cutoff).collect::<Result<_>>()?,
            registered: stalls.iter().map(|row| Ok((market(row)?, row.int("count")?))).collect::<Result<_>>()?,
            hours: each(&hours, reports::hour)?,
            active: each(&active, |row| row.int("count"))?,
        })
    }
}

fn listed(row: &Row) -> Result<ListedMarket> {
    Ok(ListedMarket {
        id: market(row)?,
        code: row.parse("code")?,
        name: row.text("name")?,
        ward: row.optional_text("ward")?.filter(|ward| !ward.is_empty()),
        demo: row.flag("demo")?,
        open_date: row.parse("open_date")?,
    })
}

fn cutoff(row: &Row) -> Result<(MarketId, BusinessDate, Cutoff)> {
    let minutes = Cutoff::from_minutes(row.int("minutes")?);
    let cutoff = minutes.map_err(|error| StoreError::Inconsistent(error.to_string()))?;
    Ok((market(row)?, row.parse("from_date")?, cutoff))
}

fn each<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T>) -> Result<Vec<(MarketId, BusinessDate, T)>> {
    rows.iter().map(|row| Ok((market(row)?, row.parse("business_date")?, read(row)?))).collect()
}

fn market(row: &Row) -> Result<MarketId> {
    MarketId::new(row.int("market_id")?).map_err(|error| StoreError::Inconsistent(error.to_string()))
}
