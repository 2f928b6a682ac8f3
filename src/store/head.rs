//! A market's head: the fence that every judging, posting and binding write passes (DESIGN §4.6),
//! and the version of the installation's reference tables.

use super::engine::{Transaction, binds};
use super::error::{Result, StoreError};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketId;
pub use crate::ledger::facts::Head;

/// How often a write is judged again after losing the fence before the caller hears of it.
pub const FENCE_ATTEMPTS: u32 = 20;

/// Reads a market's head; `None` when there is no such market.
pub(crate) async fn read(transaction: &mut Transaction, market: MarketId) -> Result<Option<Head>> {
    const SQL: &str = "SELECT h.version, h.last_seq, h.last_item, h.last_batch, h.last_hash, h.open_date, \
        i.reference_version FROM market_head h, installation i WHERE h.market_id = $1 AND i.id = 1";
    let Some(row) = transaction.row(SQL, binds![market.get()]).await? else { return Ok(None) };
    Ok(Some(Head {
        version: row.int("version")?,
        last_seq: row.int("last_seq")?,
        last_item: row.int("last_item")?,
        last_batch: row.int("last_batch")?,
        last_hash: row.bytes("last_hash")?,
        open_date: row.parse("open_date")?,
        reference_version: row.int("reference_version")?,
    }))
}

/// Moves the fence first and reads the head behind it: for whoever must read more before deciding,
/// such as a close. Between a plain [`read`] and [`pass`] a busy writer always moves the fence, and
/// such a write would lose for as long as payments come. What was taken goes back with a rollback.
pub(crate) async fn take(transaction: &mut Transaction, market: MarketId) -> Result<Option<Head>> {
    const SQL: &str = "UPDATE market_head SET version = version + 1 WHERE market_id = $1";
    transaction.execute(SQL, binds![market.get()]).await?;
    read(transaction, market).await
}

/// Moves the fence for a write that appends nothing to the journal: a binding, a cut-off.
///
/// Returns `false` when another writer was faster since `read_version`: roll back, read again and
/// decide again.
pub(crate) async fn pass(transaction: &mut Transaction, market: MarketId, read_version: i64) -> Result<bool> {
    const SQL: &str = "UPDATE market_head SET version = version + 1 WHERE market_id = $1 AND version = $2";
    Ok(transaction.execute(SQL, binds![market.get(), read_version]).await? == 1)
}

/// Moves the fence and the head for a batch of the journal; `next` is the head after it. Returns
/// `false` on a lost race, as [`pass`] does, and when a reference table changed since the batch was judged: the
/// head it was judged by may have been remembered, and the fence does not tell of those tables.
pub(crate) async fn advance(
    transaction: &mut Transaction,
    market: MarketId,
    read_version: i64,
    next: &Head,
) -> Result<bool> {
    const SQL: &str = "UPDATE market_head SET version = version + 1, last_seq = $3, last_item = $4, \
        last_batch = $5, last_hash = $6 WHERE market_id = $1 AND version = $2 \
        AND EXISTS (SELECT 1 FROM installation i WHERE i.id = 1 AND i.reference_version = $7)";
    let values = binds![
        market.get(),
        read_version,
        next.last_seq,
        next.last_item,
        next.last_batch,
        next.last_hash.as_slice(),
        next.reference_version,
    ];
    Ok(transaction.execute(SQL, values).await? == 1)
}

/// Moves the fence and the first open date: everything before `open_date` is closed from here on.
/// Returns `false` on a lost race, as [`pass`] does.
pub(crate) async fn open_from(
    transaction: &mut Transaction,
    market: MarketId,
    read_version: i64,
    open_date: BusinessDate,
) -> Result<bool> {
    const SQL: &str =
        "UPDATE market_head SET version = version + 1, open_date = $3 WHERE market_id = $1 AND version = $2";
    Ok(transaction.execute(SQL, binds![market.get(), read_version, open_date.to_string()]).await? == 1)
}

/// Makes the head of a new market: nothing posted, every date open.
pub(crate) async fn create(transaction: &mut Transaction, market: MarketId) -> Result<()> {
    const SQL: &str = "INSERT INTO market_head (market_id, version, last_seq, last_item, last_batch, last_hash, \
        open_date) VALUES ($1, 0, 0, 0, 0, $2, $3)";
    let values = binds![market.get(), vec![0_u8; 32], BusinessDate::BEGINNING.to_string()];
    transaction.execute_exactly(1, SQL, values).await
}

/// Tells every process that a reference table changed, so that none routes by what it remembers.
/// Belongs in the transaction of the change itself.
///
/// # Errors
/// [`StoreError::Inconsistent`] when the installation's row is missing.
pub(crate) async fn touch_reference(transaction: &mut Transaction) -> Result<()> {
    const SQL: &str = "UPDATE installation SET reference_version = reference_version + 1 WHERE id = $1";
    transaction.execute_exactly(1, SQL, binds![1_i64]).await
}

/// Reads the version of the reference tables.
pub(crate) async fn reference_version(transaction: &mut Transaction) -> Result<i64> {
    const SQL: &str = "SELECT reference_version FROM installation WHERE id = $1";
    transaction
        .row(SQL, binds![1_i64])
        .await?
        .ok_or_else(|| StoreError::Inconsistent("the installation's row is missing".to_owned()))?
        .int("reference_version")
}
