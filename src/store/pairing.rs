//! The credits that another source's report may be, listed by date: only dates that somebody asked
//! for are listed, so that a market with one source pays nothing for pairing.
//!
//! A date is listed in a transaction of its own that takes the fence first: whoever judged by an
//! older head, and so knew nothing of the list, is judged again. From then on every batch adds its
//! credits of listed dates.

use std::collections::{BTreeSet, HashSet};

use super::engine::{Column, Rows, Transaction, binds};
use super::error::Result;
use super::head;
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketId;
use crate::domain::inbox::Outcome;
use crate::domain::money::Dong;
use crate::ledger::batch::{Batch, JudgedRow};

/// Dates of one market that may be listed: more than any book has.
const DATES_MAX: i64 = 100_000;

/// Reads the listed dates of a market.
pub(crate) async fn dates(transaction: &mut Transaction, market: MarketId) -> Result<HashSet<BusinessDate>> {
    const SQL: &str = "SELECT event_date FROM pairing_dates WHERE market_id = $1 ORDER BY event_date LIMIT $2";
    let rows = transaction.rows(SQL, binds![market.get(), DATES_MAX]).await?;
    rows.iter().map(|row| row.parse("event_date")).collect()
}

/// Lists dates with every credit that the journal has of them. Belongs in a transaction of its own.
pub(crate) async fn list(
    transaction: &mut Transaction,
    market: MarketId,
    dates: &BTreeSet<BusinessDate>,
) -> Result<()> {
    const DATES: &str = "INSERT INTO pairing_dates (market_id, event_date) SELECT h.market_id, u.event_date \
        FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1";
    // The book days that a bank's day went into, then their postings: no index by the bank's day is
    // kept on the journal itself.
    const CREDITS: &str = "INSERT INTO pairing_credits (market_id, event_date, settled_account, amount, item) \
        SELECT i.market_id, i.event_date, i.settled_account, i.amount, i.item \
        FROM {rows} CROSS JOIN date_totals d CROSS JOIN postings p CROSS JOIN inbox i \
        WHERE d.market_id = $1 AND d.event_date = u.event_date AND d.kind = 'settle' \
        AND p.market_id = $1 AND p.business_date = d.business_date AND p.event_date = d.event_date \
        AND p.kind = 'settle' AND p.late = d.late AND i.market_id = $1 AND i.item = p.item \
        ON CONFLICT (market_id, event_date, settled_account, amount, item) DO NOTHING";
    head::take(transaction, market).await?;
    let listed = self::dates(transaction, market).await?;
    let missing: Vec<String> = dates.iter().filter(|date| !listed.contains(date)).map(ToString::to_string).collect();
    let rows = || Rows::new().with("event_date", Column::texts(missing.iter().map(String::as_str)));
    if !missing.is_empty() {
        transaction.execute_exactly(missing.len(), DATES, binds![market.get(), rows()]).await?;
        transaction.execute(CREDITS, binds![market.get(), rows()]).await?;
    }
    Ok(())
}

/// Adds a batch's credits of listed dates.
pub(crate) async fn add(
    transaction: &mut Transaction,
    batch: &Batch<'_>,
    listed: &HashSet<BusinessDate>,
) -> Result<()> {
    const SQL: &str = "INSERT INTO pairing_credits (market_id, event_date, settled_account, amount, item) \
        SELECT h.market_id, u.event_date, u.settled_account, u.amount, u.item \
        FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1";
    if listed.is_empty() {
        return Ok(());
    }
    let is_listed = |row: &&JudgedRow| {
        row.posting.is_some()
            && matches!(row.outcome, Outcome::Recorded | Outcome::Suspense)
            && listed.contains(&row.moment.event_date)
    };
    let credits: Vec<&JudgedRow> = batch.items.iter().filter(is_listed).collect();
    if credits.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .with("event_date", Column::dates(credits.iter().map(|i| i.moment.event_date)))
        .with(
            "settled_account",
            Column::texts(credits.iter().map(|i| i.settled.as_ref().map_or("", SettledAccount::as_str))),
        )
        .with("amount", Column::ints(credits.iter().map(|i| i.amount.map_or(0, Dong::whole))))
        .with("item", Column::ints(credits.iter().map(|i| i.item)));
    transaction.execute_exactly(credits.len(), SQL, binds![batch.market.get(), rows]).await
}
