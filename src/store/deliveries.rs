//! The work list of deliveries whose items belong to several markets.

use uuid::Uuid;

use super::Store;
use super::engine::binds;
use super::error::{Result, StoreError};
use crate::domain::ids::{DeliveryId, MarketId, SourceId};

/// Unfinished deliveries that one start takes up; the rest waits for the next.
const LIMIT: i64 = 10_000;

/// A delivery that a crash left without all outcomes.
#[derive(Debug, Clone)]
pub(crate) struct Unfinished {
    pub(crate) market: MarketId,
    pub(crate) delivery: DeliveryId,
    pub(crate) source: SourceId,
    /// The body; `None` when it was not recorded before the crash, so that nothing was acknowledged.
    pub(crate) body: Option<Vec<u8>>,
}

/// Puts a delivery on the list, before its body is recorded.
pub(crate) async fn begin(store: &Store, market: MarketId, delivery: DeliveryId, items: usize) -> Result<()> {
    const SQL: &str =
        "INSERT INTO deliveries (market_id, delivery_id, item_count, state) VALUES ($1, $2, $3, 'received')";
    let items = i64::try_from(items).unwrap_or(i64::MAX);
    change(store, SQL, binds![market.get(), delivery.0.as_bytes().as_slice(), items]).await
}

/// Marks a delivery as judged.
pub(crate) async fn finish(store: &Store, market: MarketId, delivery: DeliveryId) -> Result<()> {
    const SQL: &str = "UPDATE deliveries SET state = 'judged' WHERE market_id = $1 AND delivery_id = $2";
    change(store, SQL, binds![market.get(), delivery.0.as_bytes().as_slice()]).await
}

/// Marks a delivery as judged whose body was never recorded: it is routed anew under another name.
pub(crate) async fn forget(store: &Store, market: MarketId, delivery: DeliveryId) -> Result<()> {
    finish(store, market, delivery).await
}

async fn change(store: &Store, sql: &'static str, values: Vec<super::engine::Value<'_>>) -> Result<()> {
    let mut transaction = store.begin_write().await?;
    transaction.execute_exactly(1, sql, values).await?;
    transaction.commit().await
}

/// Reads what is on the list, with the bodies that were recorded.
pub(crate) async fn unfinished(store: &Store) -> Result<Vec<Unfinished>> {
    const SQL: &str = "SELECT d.market_id, d.delivery_id, i.source_id, t.raw FROM deliveries d \
        LEFT JOIN inbox i ON i.market_id = d.market_id AND i.delivery_id = d.delivery_id AND i.outcome = 'received' \
        LEFT JOIN inbox_texts t ON t.market_id = i.market_id AND t.item = i.item \
        WHERE d.state = 'received' ORDER BY d.market_id, d.delivery_id LIMIT $1";
    let mut transaction = store.begin_read().await?;
    let rows = transaction.rows(SQL, binds![LIMIT]).await?;
    transaction.rollback().await?;
    let wrong = |error: String| StoreError::Inconsistent(error);
    rows.iter()
        .map(|row| {
            let delivery = Uuid::from_slice(&row.bytes("delivery_id")?).map_err(|error| wrong(error.to_string()))?;
            Ok(Unfinished {
                market: MarketId::new(row.int("market_id")?).map_err(|error| wrong(error.to_string()))?,
                delivery: DeliveryId(delivery),
                source: SourceId::new(row.optional_int("source_id")?.unwrap_or_default()),
                body: row.optional_bytes("raw")?,
            })
        })
        .collect()
}
