//! What was added to a market's journal behind a place in it: what phones and screens are told.

use std::collections::HashMap;

use jiff::Timestamp;

use super::bindings::stall;
use super::engine::{Column, Row, Rows, binds};
use super::error::Result;
use super::{Store, micros, optional_instant, postings};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, StallNumber};
use crate::ledger::batch::Posting;

/// Postings that are read at once; a busier market is read in several steps.
pub(crate) const TAIL_MAX: i64 = 512;

/// Phones that ended within some minutes and are read at once.
const ENDED_MAX: i64 = 5_000;

/// The end of a market's journal.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    /// The number of the last posting there is.
    pub(crate) last_seq: i64,
    /// The first date that is not closed.
    pub(crate) open_date: BusinessDate,
    /// When a phone of the market was last taken off its stall.
    pub(crate) last_ended: Option<Timestamp>,
    /// The postings behind the place asked for with who paid, in journal order, at most [`TAIL_MAX`].
    pub(crate) postings: Vec<(Posting, String)>,
}

/// Postings behind a place in a market's journal, as others are told of them.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// The number of the last posting there is.
    pub(crate) last_seq: i64,
    /// The postings in journal order, each with its stall's printed code.
    pub(crate) postings: Vec<(Posting, Option<String>)>,
}

impl Store {
    /// Reads what was added behind `after`, with the head at the same moment, in one statement;
    /// `None` when there is no such market.
    pub(crate) async fn tail(&self, market: MarketId, after: i64) -> Result<Option<Tail>> {
        const SQL: &str = "SELECT h.last_seq, h.open_date, (SELECT MAX(d.ended_at) FROM devices d WHERE d.market_id = h.market_id \
            AND d.ended_at IS NOT NULL) AS last_ended, p.seq, p.kind, p.debit_account, p.credit_account, p.amount, \
            p.business_date, p.event_date, p.event_at, p.recorded_at, p.late, p.stall_number, p.item, p.concerns, \
            p.reason, p.actor, COALESCE(t.payer, '') AS payer FROM market_head h \
            LEFT JOIN postings p ON p.market_id = h.market_id AND p.seq > $2 \
            LEFT JOIN inbox_texts t ON t.market_id = p.market_id AND t.item = p.item \
            WHERE h.market_id = $1 ORDER BY p.seq LIMIT $3";
        let mut transaction = self.begin_read().await?;
        let rows = transaction.rows(SQL, binds![market.get(), after, TAIL_MAX]).await?;
        transaction.rollback().await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let written = |row: &&Row| row.optional_int("seq").is_ok_and(|seq| seq.is_some());
        Ok(Some(Tail {
            last_seq: first.int("last_seq")?,
            open_date: first.parse("open_date")?,
            last_ended: optional_instant(first.optional_int("last_ended")?)?,
            postings: rows
                .iter()
                .filter(written)
                .map(|row| Ok((postings::posting(row)?, row.text("payer")?)))
                .collect::<Result<_>>()?,
        }))
    }

    /// Reads who paid, by the item of the inbox that says so; none of what was redacted.
    pub(crate) async fn payers(&self, market: MarketId, items: &[i64]) -> Result<HashMap<i64, String>> {
        const SQL: &str = "SELECT t.item, t.payer FROM {rows} CROSS JOIN inbox_texts t \
            WHERE t.market_id = $1 AND t.item = u.item ORDER BY t.item";
        if items.is_empty() {
            return Ok(HashMap::new());
        }
        let listed = Rows::new().with("item", Column::ints(items.iter().copied()));
        let mut transaction = self.begin_read().await?;
        let rows = transaction.rows(SQL, binds![market.get(), listed]).await?;
        transaction.rollback().await?;
        rows.iter().map(|row| Ok((row.int("item")?, row.text("payer")?))).collect()
    }

    /// Reads what was added behind `after` as [`Self::tail`] does, each posting with its stall's printed
    /// code, at most `limit`.
    pub(crate) async fn told(&self, market: MarketId, after: i64, limit: i64) -> Result<Option<Told>> {
        const SQL: &str = "SELECT h.last_seq, s.code, p.seq, p.kind, p.debit_account, p.credit_account, p.amount, \
            p.business_date, p.event_date, p.event_at, p.recorded_at, p.late, p.stall_number, p.item, p.concerns, \
            p.reason, p.actor FROM market_head h \
            LEFT JOIN postings p ON p.market_id = h.market_id AND p.seq > $2 AND p.seq <= h.last_seq \
            LEFT JOIN stalls s ON s.market_id = p.market_id AND s.stall_number = p.stall_number \
            WHERE h.market_id = $1 ORDER BY p.seq LIMIT $3";
        let mut transaction = self.begin_read().await?;
        let rows = transaction.rows(SQL, binds![market.get(), after, limit]).await?;
        transaction.rollback().await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let written = |row: &&Row| row.optional_int("seq").is_ok_and(|seq| seq.is_some());
        let one = |row: &Row| Ok((postings::posting(row)?, row.optional_text("code")?));
        Ok(Some(Told {
            last_seq: first.int("last_seq")?,
            postings: rows.iter().filter(written).map(one).collect::<Result<_>>()?,
        }))
    }

    /// Reads which stalls of a market had a phone taken off since an instant.
    pub(crate) async fn stalls_with_ended_phones(
        &self,
        market: MarketId,
        since: Timestamp,
    ) -> Result<Vec<StallNumber>> {
        const SQL: &str = "SELECT stall_number FROM devices WHERE market_id = $1 AND ended_at IS NOT NULL \
            AND ended_at >= $2 ORDER BY ended_at, device_id LIMIT $3";
        let mut transaction = self.begin_read().await?;
        let rows = transaction.rows(SQL, binds![market.get(), micros(since), ENDED_MAX]).await?;
        transaction.rollback().await?;
        rows.iter().map(|row| stall(row.int("stall_number")?)).collect()
    }

    /// Reads a stall's printed code.
    pub(crate) async fn stall_code(&self, market: MarketId, stall: StallNumber) -> Result<Option<String>> {
        const SQL: &str = "SELECT code FROM stalls WHERE market_id = $1 AND stall_number = $2";
        let mut transaction = self.begin_read().await?;
        let row = transaction.row(SQL, binds![market.get(), stall.get()]).await?;
        transaction.rollback().await?;
        row.map(|row| row.text("code")).transpose()
    }
}
