//! How often sources let us hear of them, by hour.

use std::collections::BTreeMap;

use super::engine::{Row, Transaction, binds};
use super::error::Result;
use super::instant;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, SourceId};
use crate::ledger::silence::Heard;

/// Hours of all sources of a market that are read: nine weeks of some hundred sources.
const ROWS_MAX: i64 = 200_000;

/// What is known of one source in a market.
#[derive(Debug, Clone)]
pub(crate) struct SourceHours {
    pub(crate) heard: Heard,
    pub(crate) first: BusinessDate,
    pub(crate) last_at: jiff::Timestamp,
}

/// Reads what a market heard of its sources since a date, and when it first and last heard of each.
pub(crate) async fn since(
    transaction: &mut Transaction,
    market: MarketId,
    from: BusinessDate,
) -> Result<BTreeMap<SourceId, SourceHours>> {
    const SPANS: &str = "SELECT source_id, MIN(heard_on) AS first, MAX(last_at) AS last_at FROM source_hours \
        WHERE market_id = $1 AND source_id > 0 GROUP BY source_id ORDER BY source_id LIMIT $2";
    const HOURS: &str = "SELECT source_id, heard_on, hour, count FROM source_hours \
        WHERE market_id = $1 AND source_id > 0 AND heard_on >= $2 ORDER BY source_id, heard_on, hour LIMIT $3";
    let spans = transaction.rows(SPANS, binds![market.get(), ROWS_MAX]).await?;
    let hours = transaction.rows(HOURS, binds![market.get(), from.to_string(), ROWS_MAX]).await?;
    hours_of(&spans, &hours)
}

/// Reads the same of all markets together: one look at the whole installation, which no market's work
/// waits for.
pub(crate) async fn everywhere(
    transaction: &mut Transaction,
    from: BusinessDate,
) -> Result<BTreeMap<SourceId, SourceHours>> {
    const SPANS: &str = "SELECT source_id, MIN(heard_on) AS first, MAX(last_at) AS last_at FROM source_hours \
        WHERE market_id >= $1 AND source_id > 0 GROUP BY source_id ORDER BY source_id LIMIT $2";
    const HOURS: &str = "SELECT source_id, heard_on, hour, CAST(SUM(count) AS BIGINT) AS count FROM source_hours \
        WHERE market_id >= $1 AND source_id > 0 AND heard_on >= $2 GROUP BY source_id, heard_on, hour \
        ORDER BY source_id, heard_on, hour LIMIT $3";
    let spans = transaction.rows(SPANS, binds![0_i64, ROWS_MAX]).await?;
    let hours = transaction.rows(HOURS, binds![0_i64, from.to_string(), ROWS_MAX]).await?;
    hours_of(&spans, &hours)
}

fn hours_of(spans: &[Row], hours: &[Row]) -> Result<BTreeMap<SourceId, SourceHours>> {
    let mut sources = BTreeMap::new();
    for row in spans {
        let hours =
            SourceHours { heard: Heard::new(), first: row.parse("first")?, last_at: instant(row.int("last_at")?)? };
        sources.insert(SourceId::new(row.int("source_id")?), hours);
    }
    for row in hours {
        if let Some(source) = sources.get_mut(&SourceId::new(row.int("source_id")?)) {
            source.heard.insert((row.parse("heard_on")?, row.int("hour")?), row.int("count")?);
        }
    }
    Ok(sources)
}
