//! Second factors of users: the secret that codes come from, and recovery codes for a lost phone.

use jiff::Timestamp;

use super::engine::{Column, Rows, Transaction, binds};
use super::error::Result;
use super::micros;
use crate::domain::identity::UserId;

/// Keeps a secret, from now on or not asked for yet; none takes the second factor away.
pub(crate) async fn set(
    transaction: &mut Transaction,
    user: UserId,
    secret: Option<&[u8]>,
    since: Option<Timestamp>,
) -> Result<()> {
    const SQL: &str = "UPDATE users SET totp_secret = $2, totp_since = $3 WHERE user_id = $1";
    let values = binds![user.0.as_bytes().to_vec(), secret.map(<[u8]>::to_vec), since.map(micros)];
    transaction.execute_exactly(1, SQL, values).await
}

/// Uses a time step's code up; `false` when it, or a later one, was used before.
pub(crate) async fn take_step(transaction: &mut Transaction, user: UserId, step: i64) -> Result<bool> {
    const SQL: &str = "UPDATE users SET totp_step = $2 WHERE user_id = $1 AND totp_step < $2";
    Ok(transaction.execute(SQL, binds![user.0.as_bytes().to_vec(), step]).await? == 1)
}

/// Puts new recovery codes in the place of the old ones.
pub(crate) async fn set_recovery(transaction: &mut Transaction, user: UserId, hashes: &[[u8; 32]]) -> Result<()> {
    const DROP: &str = "DELETE FROM recovery_codes WHERE user_id = $1";
    const ADD: &str = "INSERT INTO recovery_codes (user_id, code_hash) \
        SELECT $1, u.code_hash FROM {rows} WHERE u.code_hash IS NOT NULL";
    let user = user.0.as_bytes().to_vec();
    transaction.execute(DROP, binds![user.clone()]).await?;
    if hashes.is_empty() {
        return Ok(());
    }
    let rows = Rows::new().with("code_hash", Column::bytes(hashes.iter().map(|hash| hash.to_vec())));
    transaction.execute_exactly(hashes.len(), ADD, binds![user, rows]).await
}

/// Uses a recovery code up; `false` when it is not one, or was used before.
pub(crate) async fn take_recovery(
    transaction: &mut Transaction,
    user: UserId,
    hash: &[u8; 32],
    at: Timestamp,
) -> Result<bool> {
    const SQL: &str =
        "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL";
    Ok(transaction.execute(SQL, binds![user.0.as_bytes().to_vec(), hash.to_vec(), micros(at)]).await? == 1)
}
