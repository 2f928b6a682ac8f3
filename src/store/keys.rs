//! Markets' public keys, in the order of their numbers. The private ones never enter the database.

use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::{instant, micros};
use crate::domain::ids::MarketId;
use crate::ledger::seal::key::{MarketKey, PublicKey};

/// Keys of one market that are read: a rotation every day for twenty years.
const KEYS_MAX: i64 = 8_000;

/// Reads a market's keys.
pub(crate) async fn all(transaction: &mut Transaction, market: MarketId) -> Result<Vec<MarketKey>> {
    const SQL: &str = "SELECT key_no, public_key, created_at, statement, endorsement FROM market_keys \
        WHERE market_id = $1 ORDER BY key_no LIMIT $2";
    transaction.rows(SQL, binds![market.get(), KEYS_MAX]).await?.iter().map(read).collect()
}

/// Adds a market's next key.
///
/// # Errors
/// [`StoreError::UniqueViolation`] when another process added one under this number.
pub(crate) async fn add(transaction: &mut Transaction, market: MarketId, key: &MarketKey) -> Result<()> {
    const SQL: &str = "INSERT INTO market_keys (market_id, key_no, public_key, created_at, statement, endorsement) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    let values = binds![
        market.get(),
        key.number,
        key.public.bytes().to_vec(),
        micros(key.created_at),
        key.statement.as_str(),
        key.endorsement.as_slice(),
    ];
    transaction.execute_exactly(1, SQL, values).await
}

fn read(row: &Row) -> Result<MarketKey> {
    let number = row.int("key_no")?;
    let public = PublicKey::from_bytes(&row.bytes("public_key")?)
        .map_err(|error| StoreError::Inconsistent(format!("market_keys {number}: {error}")))?;
    Ok(MarketKey {
        number,
        public,
        created_at: instant(row.int("created_at")?)?,
        statement: row.text("statement")?,
        endorsement: row.bytes("endorsement")?,
    })
}
