//! Keys of machines: reference facts. The database knows their hashes alone.

use jiff::Timestamp;

use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::users::uuid;
use super::{instant, micros, optional_instant};
use crate::domain::identity::KeyId;
use crate::domain::ids::{IdError, MarketCode, MarketId};
use crate::domain::rights::{Right, Role};

/// Keys that one list holds.
const LISTED_MAX: i64 = 10_000;

/// A key's columns; `m` is the market it is bound to.
macro_rules! key_sql {
    ($rest:literal) => {
        concat!(
            "SELECT k.key_id, k.prefix, k.name, k.role, k.rights, k.market_id, m.code AS market_code, k.created_at, \
             k.created_by, k.expires_at, k.last_used_at, k.ended_at FROM api_keys k \
             LEFT JOIN markets m ON m.market_id = k.market_id ",
            $rest
        )
    };
}

/// A key as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    /// Its first characters, by which a person knows it again.
    pub(crate) prefix: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) rights: Vec<Right>,
    pub(crate) market: Option<(MarketId, MarketCode)>,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
}

fn key(row: &Row) -> Result<KeyRow> {
    let wrong = |error: IdError| StoreError::Inconsistent(error.to_string());
    let market = match (row.optional_int("market_id")?, row.optional_text("market_code")?) {
        (None, _) => None,
        (Some(id), Some(code)) => Some((MarketId::new(id).map_err(wrong)?, code.parse().map_err(wrong)?)),
        // A key of a lost market must not become one of all.
        (Some(id), None) => return Err(StoreError::Inconsistent(format!("api_keys: market {id} is missing"))),
    };
    let rights = row.text("rights")?;
    Ok(KeyRow {
        id: KeyId(uuid(&row.bytes("key_id")?)?),
        prefix: row.text("prefix")?,
        name: row.text("name")?,
        role: row.parse("role")?,
        rights: rights.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>().map_err(wrong)?,
        market,
        created_at: instant(row.int("created_at")?)?,
        created_by: row.text("created_by")?,
        expires_at: optional_instant(row.optional_int("expires_at")?)?,
        last_used_at: optional_instant(row.optional_int("last_used_at")?)?,
        ended_at: optional_instant(row.optional_int("ended_at")?)?,
    })
}

/// Adds a key.
pub(crate) async fn add(transaction: &mut Transaction, new: &KeyRow, key_hash: &[u8; 32]) -> Result<()> {
    const SQL: &str = "INSERT INTO api_keys (key_id, key_hash, prefix, name, role, rights, market_id, created_at, \
        created_by, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let rights: Vec<&str> = new.rights.iter().map(|right| right.as_str()).collect();
    let values = binds![
        new.id.0.as_bytes().to_vec(),
        key_hash.to_vec(),
        new.prefix.as_str(),
        new.name.as_str(),
        new.role.as_str(),
        rights.join(" "),
        new.market.as_ref().map(|(id, _)| id.get()),
        micros(new.created_at),
        new.created_by.as_str(),
        new.expires_at.map(micros),
    ];
    transaction.execute_exactly(1, SQL, values).await
}

/// Finds the key behind a hash that is good at this moment.
pub(crate) async fn live(transaction: &mut Transaction, key_hash: &[u8; 32], at: Timestamp) -> Result<Option<KeyRow>> {
    const SQL: &str =
        key_sql!("WHERE k.key_hash = $1 AND k.ended_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)");
    transaction.row(SQL, binds![key_hash.to_vec(), micros(at)]).await?.as_ref().map(key).transpose()
}

/// Reads all keys, the newest first.
pub(crate) async fn all(transaction: &mut Transaction) -> Result<Vec<KeyRow>> {
    const SQL: &str = key_sql!("ORDER BY k.key_id DESC LIMIT $1");
    transaction.rows(SQL, binds![LISTED_MAX]).await?.iter().map(key).collect()
}

/// Notes that a key was used.
pub(crate) async fn touch(transaction: &mut Transaction, id: KeyId, at: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE api_keys SET last_used_at = $2 WHERE key_id = $1";
    transaction.execute(SQL, binds![id.0.as_bytes().to_vec(), micros(at)]).await.map(|_| ())
}

/// Ends a key; `false` when it is not there or ended already.
pub(crate) async fn end(transaction: &mut Transaction, id: KeyId, at: Timestamp, by: &str) -> Result<bool> {
    const SQL: &str = "UPDATE api_keys SET ended_at = $2, ended_by = $3 WHERE key_id = $1 AND ended_at IS NULL";
    Ok(transaction.execute(SQL, binds![id.0.as_bytes().to_vec(), micros(at), by]).await? == 1)
}
