//! People who may log in. Reference facts, one transaction a change.

use jiff::Timestamp;
use uuid::Uuid;

use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::{instant, micros, optional_instant};
use crate::domain::identity::{UserId, UserName};
use crate::domain::ids::{MarketCode, MarketId};
use crate::domain::rights::Role;

/// Most users that one list holds: a board of twenty for each market of the country.
const LIMIT: i64 = 200_000;

/// A user's columns; `m` is the market of a manager.
macro_rules! user_sql {
    ($rest:literal) => {
        concat!(
            "SELECT u.user_id, u.name, u.full_name, u.role, u.market_id, m.code AS market_code, u.password_hash, \
             u.must_change, u.totp_secret, u.totp_since, u.totp_step, u.created_at, u.created_by, u.last_login_at, \
             u.disabled_at FROM users u LEFT JOIN markets m ON m.market_id = u.market_id ",
            $rest
        )
    };
}

/// A user as it is kept.
#[derive(Clone)]
pub(crate) struct UserRow {
    pub(crate) id: UserId,
    pub(crate) name: UserName,
    pub(crate) full_name: String,
    pub(crate) role: Role,
    /// A manager's market.
    pub(crate) market: Option<(MarketId, MarketCode)>,
    pub(crate) password_hash: String,
    pub(crate) must_change: bool,
    pub(crate) totp: Totp,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) last_login_at: Option<Timestamp>,
    pub(crate) disabled_at: Option<Timestamp>,
}

/// A user's second factor: a secret that is asked for once it is confirmed.
#[derive(Clone, Default)]
pub(crate) struct Totp {
    /// As it is kept: sealed.
    pub(crate) secret: Option<Vec<u8>>,
    pub(crate) since: Option<Timestamp>,
    /// The last time step whose code was taken: no code counts twice.
    pub(crate) step: i64,
}

/// Reads a user's columns.
pub(super) fn user(row: &Row) -> Result<UserRow> {
    let market = match (row.optional_int("market_id")?, row.optional_text("market_code")?) {
        (Some(id), Some(code)) => {
            let wrong = |error: crate::domain::ids::IdError| StoreError::Inconsistent(error.to_string());
            Some((MarketId::new(id).map_err(wrong)?, code.parse().map_err(wrong)?))
        }
        _ => None,
    };
    Ok(UserRow {
        id: UserId(uuid(&row.bytes("user_id")?)?),
        name: row.parse("name")?,
        full_name: row.text("full_name")?,
        role: row.parse("role")?,
        market,
        password_hash: row.text("password_hash")?,
        must_change: row.flag("must_change")?,
        totp: Totp {
            secret: row.optional_bytes("totp_secret")?,
            since: optional_instant(row.optional_int("totp_since")?)?,
            step: row.int("totp_step")?,
        },
        created_at: instant(row.int("created_at")?)?,
        created_by: row.text("created_by")?,
        last_login_at: optional_instant(row.optional_int("last_login_at")?)?,
        disabled_at: optional_instant(row.optional_int("disabled_at")?)?,
    })
}

/// Reads an identifier as it is stored.
pub(super) fn uuid(bytes: &[u8]) -> Result<Uuid> {
    Uuid::from_slice(bytes).map_err(|error| StoreError::Inconsistent(error.to_string()))
}

/// Adds a user.
///
/// # Errors
/// [`StoreError::UniqueViolation`] when the name is taken.
pub(crate) async fn add(transaction: &mut Transaction, user: &UserRow) -> Result<()> {
    const SQL: &str = "INSERT INTO users (user_id, name, full_name, role, market_id, password_hash, must_change, \
        totp_step, created_at, created_by, password_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $8)";
    let values = binds![
        user.id.0.as_bytes().to_vec(),
        user.name.as_str(),
        user.full_name.as_str(),
        user.role.as_str(),
        user.market.as_ref().map(|(id, _)| id.get()),
        user.password_hash.as_str(),
        user.must_change,
        micros(user.created_at),
        user.created_by.as_str(),
    ];
    transaction.execute_exactly(1, SQL, values).await
}

/// Finds a user by name.
pub(crate) async fn find(transaction: &mut Transaction, name: &UserName) -> Result<Option<UserRow>> {
    const SQL: &str = user_sql!("WHERE u.name = $1");
    transaction.row(SQL, binds![name.as_str()]).await?.as_ref().map(user).transpose()
}

/// Finds a user by identifier.
pub(crate) async fn by_id(transaction: &mut Transaction, id: UserId) -> Result<Option<UserRow>> {
    const SQL: &str = user_sql!("WHERE u.user_id = $1");
    transaction.row(SQL, binds![id.0.as_bytes().to_vec()]).await?.as_ref().map(user).transpose()
}

/// Reads all users, or those of one market, by name.
pub(crate) async fn all(transaction: &mut Transaction, market: Option<MarketId>) -> Result<Vec<UserRow>> {
    const ALL: &str = user_sql!("ORDER BY u.name LIMIT $1");
    const OF: &str = user_sql!("WHERE u.market_id = $2 ORDER BY u.name LIMIT $1");
    let rows = match market {
        None => transaction.rows(ALL, binds![LIMIT]).await?,
        Some(market) => transaction.rows(OF, binds![LIMIT, market.get()]).await?,
    };
    rows.iter().map(user).collect()
}

/// Tells whether a user or a key of a machine was ever made: from then on nobody is let in unasked.
pub(crate) async fn any(transaction: &mut Transaction) -> Result<bool> {
    const SQL: &str = "SELECT 1 AS found FROM users UNION ALL SELECT 1 AS found FROM api_keys LIMIT 1";
    Ok(transaction.row(SQL, binds![]).await?.is_some())
}

/// Puts a new password in force.
pub(crate) async fn set_password(
    transaction: &mut Transaction,
    id: UserId,
    hash: &str,
    must_change: bool,
    at: Timestamp,
) -> Result<()> {
    const SQL: &str = "UPDATE users SET password_hash = $2, must_change = $3, password_at = $4 WHERE user_id = $1";
    let id = id.0.as_bytes().to_vec();
    transaction.execute_exactly(1, SQL, binds![id, hash, must_change, micros(at)]).await
}

/// Notes that a user logged in.
pub(crate) async fn logged_in(transaction: &mut Transaction, id: UserId, at: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE users SET last_login_at = $2 WHERE user_id = $1";
    transaction.execute_exactly(1, SQL, binds![id.0.as_bytes().to_vec(), micros(at)]).await
}

/// Shuts a user out, or lets them in again.
pub(crate) async fn set_disabled(transaction: &mut Transaction, id: UserId, at: Option<Timestamp>) -> Result<()> {
    const SQL: &str = "UPDATE users SET disabled_at = $2 WHERE user_id = $1";
    transaction.execute_exactly(1, SQL, binds![id.0.as_bytes().to_vec(), at.map(micros)]).await
}

/// Gives a user another role; a manager's has a market.
pub(crate) async fn set_role(
    transaction: &mut Transaction,
    id: UserId,
    role: Role,
    market: Option<MarketId>,
) -> Result<()> {
    const SQL: &str = "UPDATE users SET role = $2, market_id = $3 WHERE user_id = $1";
    let id = id.0.as_bytes().to_vec();
    transaction.execute_exactly(1, SQL, binds![id, role.as_str(), market.map(MarketId::get)]).await
}
