//! Failed logins, counted by what they concern, so that guessing stays slow across restarts.

use jiff::Timestamp;

use super::engine::{Transaction, binds};
use super::error::{Result, StoreError};
use super::{instant, micros};

/// What is known of a subject's failures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failures {
    pub(crate) count: i64,
    pub(crate) blocked_until: Timestamp,
}

/// Counts a failure of a subject, before the attempt is judged: two at once must not both be the
/// first. One whose last failure was before `since` begins anew. Returns what is known with it.
pub(crate) async fn count(
    transaction: &mut Transaction,
    subject: &str,
    since: Timestamp,
    at: Timestamp,
) -> Result<Failures> {
    const SQL: &str = "INSERT INTO login_attempts (subject, failures, last_at, blocked_until) VALUES ($1, 1, $3, 0) \
        ON CONFLICT (subject) DO UPDATE SET last_at = excluded.last_at, \
        failures = CASE WHEN login_attempts.last_at < $2 THEN 1 ELSE login_attempts.failures + 1 END \
        RETURNING failures, blocked_until";
    let row = transaction.row(SQL, binds![subject, micros(since), micros(at)]).await?;
    let row = row.ok_or_else(|| StoreError::Inconsistent("a failed login was not counted".to_owned()))?;
    Ok(Failures { count: row.int("failures")?, blocked_until: instant(row.int("blocked_until")?)? })
}

/// Says until when a subject has to wait.
pub(crate) async fn block(transaction: &mut Transaction, subject: &str, until: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE login_attempts SET blocked_until = $2 WHERE subject = $1";
    transaction.execute_exactly(1, SQL, binds![subject, micros(until)]).await
}

/// Takes one failure back: the attempt was a good one.
pub(crate) async fn uncount(transaction: &mut Transaction, subject: &str) -> Result<()> {
    const SQL: &str = "UPDATE login_attempts SET failures = failures - 1, blocked_until = 0 WHERE subject = $1";
    transaction.execute(SQL, binds![subject]).await.map(|_| ())
}

/// Forgets a subject's failures.
pub(crate) async fn forget(transaction: &mut Transaction, subject: &str) -> Result<()> {
    const SQL: &str = "DELETE FROM login_attempts WHERE subject = $1";
    transaction.execute(SQL, binds![subject]).await.map(|_| ())
}

/// Forgets what failed last before an instant.
pub(crate) async fn prune(transaction: &mut Transaction, before: Timestamp) -> Result<()> {
    const SQL: &str = "DELETE FROM login_attempts WHERE last_at < $1";
    transaction.execute(SQL, binds![micros(before)]).await.map(|_| ())
}
