//! Logins: what a browser's cookie stands for. The database knows hashes of the cookies alone.

use jiff::Timestamp;

use super::engine::{Row, Transaction, binds};
use super::error::Result;
use super::users::{UserRow, user, uuid};
use super::{instant, micros};
use crate::domain::identity::{SessionId, UserId};

/// Sessions of one user that are listed.
const LISTED_MAX: i64 = 100;

/// What a session still has to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing: it is logged in.
    Open,
    /// The password was right; the second factor is missing.
    SecondFactor,
}

impl Stage {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::SecondFactor => "second_factor",
        }
    }
}

/// A session as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) stage: Stage,
    pub(crate) created_at: Timestamp,
    pub(crate) last_seen_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) address: String,
    pub(crate) agent: String,
}

/// The hashes under which a new session is found again.
pub(crate) struct SessionHashes {
    pub(crate) token: [u8; 32],
    pub(crate) browser: [u8; 32],
}

fn session(row: &Row) -> Result<SessionRow> {
    let stage = if row.text("stage")? == Stage::Open.as_str() { Stage::Open } else { Stage::SecondFactor };
    Ok(SessionRow {
        id: SessionId(uuid(&row.bytes("session_id")?)?),
        user: UserId(uuid(&row.bytes("user_id")?)?),
        stage,
        created_at: instant(row.int("session_created_at")?)?,
        last_seen_at: instant(row.int("last_seen_at")?)?,
        expires_at: instant(row.int("expires_at")?)?,
        address: row.text("address")?,
        agent: row.text("agent")?,
    })
}

/// Adds a session.
pub(crate) async fn add(transaction: &mut Transaction, new: &SessionRow, hashes: &SessionHashes) -> Result<()> {
    const SQL: &str = "INSERT INTO sessions (session_id, token_hash, browser_hash, user_id, stage, created_at, \
        last_seen_at, expires_at, address, agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = binds![
        new.id.0.as_bytes().to_vec(),
        hashes.token.to_vec(),
        hashes.browser.to_vec(),
        new.user.0.as_bytes().to_vec(),
        new.stage.as_str(),
        micros(new.created_at),
        micros(new.last_seen_at),
        micros(new.expires_at),
        new.address.as_str(),
        new.agent.as_str(),
    ];
    transaction.execute_exactly(1, SQL, values).await
}

/// Finds the live session behind a cookie, with its user as they are now.
pub(crate) async fn live(
    transaction: &mut Transaction,
    token_hash: &[u8; 32],
    at: Timestamp,
) -> Result<Option<(SessionRow, UserRow)>> {
    const SQL: &str = "SELECT s.session_id, s.stage, s.created_at AS session_created_at, s.last_seen_at, s.expires_at, \
        s.address, s.agent, u.user_id, u.name, u.full_name, u.role, u.market_id, m.code AS market_code, \
        u.password_hash, u.must_change, u.totp_secret, u.totp_since, u.totp_step, u.created_at, u.created_by, \
        u.last_login_at, u.disabled_at FROM sessions s JOIN users u ON u.user_id = s.user_id \
        LEFT JOIN markets m ON m.market_id = u.market_id \
        WHERE s.token_hash = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND u.disabled_at IS NULL";
    let found = transaction.row(SQL, binds![token_hash.to_vec(), micros(at)]).await?;
    found.map(|row| Ok((session(&row)?, user(&row)?))).transpose()
}

/// Finds whose browser a browser's cookie says it is, whether its session still lives or not.
pub(crate) async fn user_of_browser(transaction: &mut Transaction, browser_hash: &[u8; 32]) -> Result<Option<UserId>> {
    const SQL: &str = "SELECT user_id FROM sessions WHERE browser_hash = $1 AND stage = $2";
    let found = transaction.row(SQL, binds![browser_hash.to_vec(), Stage::Open.as_str()]).await?;
    found.map(|row| Ok(UserId(uuid(&row.bytes("user_id")?)?))).transpose()
}

/// Notes that a session was used, and until when it lives now.
pub(crate) async fn touch(
    transaction: &mut Transaction,
    id: SessionId,
    at: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    const SQL: &str = "UPDATE sessions SET last_seen_at = $2, expires_at = $3 WHERE session_id = $1";
    let values = binds![id.0.as_bytes().to_vec(), micros(at), micros(expires_at)];
    transaction.execute(SQL, values).await.map(|_| ())
}

/// Ends one session of a user; `false` when it is not there or ended already.
pub(crate) async fn end(
    transaction: &mut Transaction,
    user: UserId,
    id: SessionId,
    at: Timestamp,
    by: &str,
) -> Result<bool> {
    const SQL: &str = "UPDATE sessions SET ended_at = $3, ended_by = $4 \
        WHERE session_id = $1 AND user_id = $2 AND ended_at IS NULL";
    let values = binds![id.0.as_bytes().to_vec(), user.0.as_bytes().to_vec(), micros(at), by];
    Ok(transaction.execute(SQL, values).await? == 1)
}

/// Ends all sessions of a user; returns how many.
pub(crate) async fn end_all(transaction: &mut Transaction, user: UserId, at: Timestamp, by: &str) -> Result<u64> {
    const SQL: &str = "UPDATE sessions SET ended_at = $2, ended_by = $3 WHERE user_id = $1 AND ended_at IS NULL";
    transaction.execute(SQL, binds![user.0.as_bytes().to_vec(), micros(at), by]).await
}

/// Reads a user's live sessions, the newest first.
pub(crate) async fn of_user(transaction: &mut Transaction, user: UserId, at: Timestamp) -> Result<Vec<SessionRow>> {
    const SQL: &str = "SELECT session_id, user_id, stage, created_at AS session_created_at, last_seen_at, expires_at, \
        address, agent FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 \
        ORDER BY session_id DESC LIMIT $3";
    let rows = transaction.rows(SQL, binds![user.0.as_bytes().to_vec(), micros(at), LISTED_MAX]).await?;
    rows.iter().map(session).collect()
}

/// Removes every session: a book that was restored does not know which ended since.
pub(crate) async fn clear(transaction: &mut Transaction) -> Result<()> {
    const SQL: &str = "DELETE FROM sessions WHERE created_at >= $1";
    transaction.execute(SQL, binds![0_i64]).await.map(|_| ())
}

/// Removes what ran out before an instant: with it goes what its browser was known by.
pub(crate) async fn prune(transaction: &mut Transaction, before: Timestamp) -> Result<u64> {
    const SQL: &str = "DELETE FROM sessions WHERE expires_at < $1";
    transaction.execute(SQL, binds![micros(before)]).await
}
