//! What an operator should know of the book's state: days that wait to be closed, senders that fell
//! silent, the newest batch.

use jiff::Timestamp;

use super::engine::{Row, binds, health};
use super::error::{Result, StoreError};
use super::{Store, instant, optional_instant};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketCode, SourceName};

pub use super::engine::health::{Durability, Schema};

/// Markets and sources that one look lists; a province has some hundreds.
const LIMIT: i64 = 10_000;

/// A market with money in days that are not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDays {
    /// The market.
    pub market: MarketCode,
    /// The earliest open date that money was booked on.
    pub since: BusinessDate,
}

/// When a source last reported anything that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastSeen {
    /// The source.
    pub source: SourceName,
    /// When; `None` when it never did.
    pub at: Option<Timestamp>,
}

impl Store {
    /// Returns the markets that have money in open days, with the earliest of them.
    ///
    /// # Errors
    /// Whatever the database meets.
    pub async fn open_days(&self) -> Result<Vec<OpenDays>> {
        const SQL: &str = "SELECT m.code, MIN(d.business_date) AS since FROM market_head h \
            JOIN markets m ON m.market_id = h.market_id \
            JOIN date_totals d ON d.market_id = h.market_id AND d.business_date >= h.open_date \
            WHERE h.market_id > $1 GROUP BY m.code ORDER BY m.code LIMIT $2";
        let read = |row: &Row| Ok(OpenDays { market: row.parse("code")?, since: row.parse("since")? });
        self.look(SQL, read).await
    }

    /// Returns every source with the instant at which it was last heard.
    ///
    /// # Errors
    /// Whatever the database meets.
    pub async fn last_seen(&self) -> Result<Vec<LastSeen>> {
        const SQL: &str = "SELECT s.name, MAX(t.last_at) AS at FROM sources s \
            LEFT JOIN source_totals t ON t.source_id = s.source_id \
            WHERE s.source_id > $1 GROUP BY s.name ORDER BY s.name LIMIT $2";
        let read =
            |row: &Row| Ok(LastSeen { source: row.parse("name")?, at: optional_instant(row.optional_int("at")?)? });
        self.look(SQL, read).await
    }

    /// Returns when the newest batch of all markets was recorded; `None` in an empty book.
    ///
    /// # Errors
    /// Whatever the database meets.
    pub async fn newest_batch(&self) -> Result<Option<Timestamp>> {
        const SQL: &str = "SELECT MAX(b.recorded_at) AS at FROM market_head h \
            JOIN batches b ON b.market_id = h.market_id AND b.batch_no = h.last_batch \
            WHERE h.market_id >= $1 LIMIT $2";
        let read = |row: &Row| row.optional_int("at")?.map(instant).transpose();
        Ok(self.look(SQL, read).await?.into_iter().next().flatten())
    }

    /// Returns what the database says about keeping what it confirmed.
    ///
    /// # Errors
    /// Whatever the database meets.
    pub async fn durability(&self) -> Result<Durability> {
        health::durability(&self.engine()).await
    }

    async fn look<T>(&self, sql: &'static str, read: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
        let mut transaction = self.begin_read().await?;
        let rows = transaction.rows(sql, binds![0_i64, LIMIT]).await?;
        transaction.rollback().await?;
        rows.iter().map(read).collect::<std::result::Result<_, StoreError>>()
    }
}
