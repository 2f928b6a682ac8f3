//! Closed days of all markets, in the order of dates: what the city's platforms read.

use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::{Store, instant, reports};
use crate::domain::calendar::BusinessDate;
use crate::domain::feed::FeedDay;
use crate::domain::hash::Hash;
use crate::domain::ids::MarketCode;
use crate::domain::period::Period;
use crate::ledger::seal::key::PublicKey;

/// The first and last closed date, when a date was closed for the last time, and the first date that
/// some market has not closed.
#[derive(Debug, Clone)]
pub(crate) struct ClosedExtent {
    pub(crate) first: BusinessDate,
    pub(crate) last: BusinessDate,
    pub(crate) modified: jiff::Timestamp,
}

impl Store {
    /// Reads closed days of a period behind a date and market of it. Markets come first in the join, so
    /// that a market's closes are found by their key.
    pub(crate) async fn closed_days(
        &self,
        period: Period,
        after: (BusinessDate, Option<&MarketCode>),
        limit: i64,
    ) -> Result<Vec<FeedDay>> {
        const SQL: &str = "SELECT m.code, m.name, m.demo, c.business_date, c.count, c.amount, c.closed_at, c.hash, \
            c.merkle_root, k.public_key, \
            (SELECT p.ward FROM market_places p WHERE p.market_id = m.market_id AND p.valid_from <= c.business_date \
            ORDER BY p.valid_from DESC LIMIT 1) AS ward, \
            (SELECT COUNT(DISTINCT t.stall_number) FROM daily_totals t WHERE t.market_id = c.market_id \
            AND t.business_date = c.business_date AND t.stall_number > 0 AND t.kind IN ('settle', 'assign') \
            AND t.count > 0) AS active FROM markets m \
            JOIN day_closes c ON c.market_id = m.market_id AND c.business_date >= $1 AND c.business_date <= $2 \
            JOIN market_keys k ON k.market_id = c.market_id AND k.key_no = c.key_no \
            WHERE m.market_id > 0 AND (c.business_date > $3 OR (c.business_date = $3 AND m.code > $4)) \
            ORDER BY c.business_date, m.code LIMIT $5";
        let (date, market) = (after.0.to_string(), after.1.map_or("", MarketCode::as_str));
        let values = binds![period.first().to_string(), period.last().to_string(), date, market, limit];
        let mut transaction = self.begin_read().await?;
        let rows = transaction.rows(SQL, values).await?;
        transaction.rollback().await?;
        rows.iter().map(day).collect()
    }

    /// Reads how far closed days reach; none before the first close.
    pub(crate) async fn closed_extent(&self) -> Result<Option<ClosedExtent>> {
        const SQL: &str = "SELECT MIN(business_date) AS first, MAX(business_date) AS last, MAX(closed_at) AS modified \
            FROM day_closes WHERE market_id > $1";
        let mut transaction = self.begin_read().await?;
        let row = transaction.row(SQL, binds![0_i64]).await?;
        transaction.rollback().await?;
        let Some(row) = row.filter(|row| row.optional_text("first").is_ok_and(|first| first.is_some())) else {
            return Ok(None);
        };
        Ok(Some(ClosedExtent {
            first: row.parse("first")?,
            last: row.parse("last")?,
            modified: instant(row.int("modified")?)?,
        }))
    }

    /// Reads the first date that some market has not closed: dates before it are whole.
    pub(crate) async fn whole_before(&self) -> Result<Option<BusinessDate>> {
        const SQL: &str = "SELECT MIN(h.open_date) AS open_date FROM market_head h WHERE h.market_id > $1";
        let mut transaction: Transaction = self.begin_read().await?;
        let row = transaction.row(SQL, binds![0_i64]).await?;
        transaction.rollback().await?;
        let date = row.map(|row| row.optional_text("open_date")).transpose()?.flatten();
        date.map(|date| date.parse().map_err(|error| StoreError::Inconsistent(format!("open_date: {error}"))))
            .transpose()
    }
}

fn day(row: &Row) -> Result<FeedDay> {
    let hash = |column: &str| {
        Hash::from_slice(&row.bytes(column)?)
            .map_err(|error| StoreError::Inconsistent(format!("day_closes.{column}: {error}")))
    };
    let key = PublicKey::from_bytes(&row.bytes("public_key")?)
        .map_err(|error| StoreError::Inconsistent(format!("market_keys: {error}")))?;
    Ok(FeedDay {
        market: row.parse("code")?,
        name: row.text("name")?,
        ward: row.optional_text("ward")?.filter(|ward| !ward.is_empty()),
        demo: row.flag("demo")?,
        date: row.parse("business_date")?,
        figure: reports::figure(row)?,
        active_stalls: row.int("active")?,
        closed_at: instant(row.int("closed_at")?)?,
        close_hash: hash("hash")?,
        merkle_root: hash("merkle_root")?,
        key_id: key.fingerprint(),
    })
}
