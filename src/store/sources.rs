//! Sources: the configured senders of settlements. Reference tables, one transaction a change.

use super::engine::{Column, Rows, Transaction, binds};
use super::error::{Result, StoreError};
use super::{head, micros};
use crate::domain::account::AccountNumber;
use crate::domain::ids::{MarketId, SourceId, SourceName};
use crate::domain::settlement::Dialect;
use jiff::Timestamp;

/// A new source.
#[derive(Clone)]
pub(crate) struct NewSource {
    pub(crate) name: SourceName,
    pub(crate) dialect: Dialect,
    pub(crate) market: MarketId,
    pub(crate) every_account: bool,
    pub(crate) accounts: Vec<AccountNumber>,
    pub(crate) local_as_utc: bool,
    pub(crate) tolerance_s: i64,
    /// As it is kept: sealed.
    pub(crate) secret: String,
}

/// Takes the next source's number; two processes take turns and never take the same.
pub(crate) async fn next(transaction: &mut Transaction) -> Result<SourceId> {
    const NEXT: &str = "SELECT COALESCE(MAX(source_id), 0) + 1 AS next FROM sources";
    head::touch_reference(transaction).await?;
    let next = transaction.row(NEXT, binds![]).await?;
    let next = next.ok_or_else(|| StoreError::Inconsistent("no next source".to_owned()))?;
    Ok(SourceId::new(next.int("next")?))
}

/// Adds a source under the number that [`next`] gave.
///
/// # Errors
/// [`StoreError::UniqueViolation`] when the name is taken.
pub(crate) async fn add(transaction: &mut Transaction, id: SourceId, source: &NewSource, at: Timestamp) -> Result<()> {
    const INSERT: &str = "INSERT INTO sources (source_id, name, dialect, market_id, every_account, local_as_utc, \
        tolerance_s, secret, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = binds![
        id.get(),
        source.name.as_str(),
        source.dialect.as_str(),
        source.market.get(),
        source.every_account,
        source.local_as_utc,
        source.tolerance_s,
        source.secret.as_str(),
        micros(at),
    ];
    transaction.execute_exactly(1, INSERT, values).await?;
    list(transaction, id.get(), &source.accounts, at).await
}

/// Puts accounts on a source's list; those already there stay.
pub(crate) async fn list(
    transaction: &mut Transaction,
    source: i64,
    accounts: &[AccountNumber],
    at: Timestamp,
) -> Result<()> {
    const SQL: &str = "INSERT INTO source_accounts (source_id, number, added_at) \
        SELECT $1, u.number, $2 FROM {rows} WHERE u.number IS NOT NULL ON CONFLICT (source_id, number) DO NOTHING";
    if accounts.is_empty() {
        return Ok(());
    }
    let rows = Rows::new().with("number", Column::texts(accounts.iter().map(AccountNumber::as_str)));
    transaction.execute(SQL, binds![source, micros(at), rows]).await.map(|_| ())
}

/// Takes accounts off a source's list.
pub(crate) async fn unlist(transaction: &mut Transaction, source: i64, accounts: &[AccountNumber]) -> Result<()> {
    const SQL: &str = "DELETE FROM source_accounts WHERE source_id = $1 AND number = $2";
    for account in accounts {
        transaction.execute(SQL, binds![source, account.as_str()]).await?;
    }
    Ok(())
}

/// Puts a new secret in force; the one before it stays good until `previous_until`.
pub(crate) async fn rotate(
    transaction: &mut Transaction,
    source: i64,
    secret: &str,
    previous_until: Timestamp,
    at: Timestamp,
) -> Result<()> {
    const SQL: &str = "UPDATE sources SET secret_previous = secret, secret = $2, previous_until = $3, rotated_at = $4 \
        WHERE source_id = $1";
    transaction.execute_exactly(1, SQL, binds![source, secret, micros(previous_until), micros(at)]).await
}
