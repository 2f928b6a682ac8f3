//! Sources: the configured senders of settlements. Reference tables, one transaction a change.

use std::collections::HashMap;

use super::engine::{Column, Row, Rows, Transaction, binds};
use super::error::{Result, StoreError};
use super::{head, micros, optional_instant};
use crate::domain::account::AccountNumber;
use crate::domain::ids::{MarketId, SourceId, SourceName};
use crate::domain::settlement::Dialect;
use crate::domain::source_network::Network;
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
    pub(crate) networks: Vec<Network>,
}

/// When a source's live secrets signed last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    pub(crate) source: SourceId,
    /// Since when its secret is in force, in microseconds: which secret is meant.
    pub(crate) secret_since: i64,
    pub(crate) secret_at: Option<Timestamp>,
    pub(crate) previous_at: Option<Timestamp>,
}

impl Use {
    /// Returns what is known of secrets that have not signed yet.
    pub(crate) fn of(source: SourceId, secret_since: i64) -> Self {
        Self { source, secret_since, secret_at: None, previous_at: None }
    }
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
        tolerance_s, secret, created_at, addresses) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let networks = Network::written(&source.networks);
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
        networks.as_str(),
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
    const SQL: &str = "UPDATE sources SET secret_previous = secret, secret = $2, previous_until = $3, rotated_at = $4, \
        previous_used_at = secret_used_at, secret_used_at = NULL \
        WHERE source_id = $1";
    transaction.execute_exactly(1, SQL, binds![source, secret, micros(previous_until), micros(at)]).await
}

/// Writes down when a source's secrets signed last, unless a newer secret is in force meanwhile; what
/// another process wrote and is later stays.
pub(crate) async fn used(transaction: &mut Transaction, seen: &Use) -> Result<()> {
    const SQL: &str = "UPDATE sources SET \
        secret_used_at = CASE WHEN secret_used_at >= $3 THEN secret_used_at ELSE COALESCE($3, secret_used_at) END, \
        previous_used_at = CASE WHEN previous_used_at >= $4 THEN previous_used_at \
        ELSE COALESCE($4, previous_used_at) END \
        WHERE source_id = $1 AND COALESCE(rotated_at, created_at) = $2";
    let values = binds![seen.source.get(), seen.secret_since, seen.secret_at.map(micros), seen.previous_at.map(micros)];
    transaction.execute(SQL, values).await.map(|_| ())
}

/// Sources whose uses are read at once; an installation has some dozens.
const USES_LIMIT: i64 = 10_000;

/// Reads when the secrets of all sources signed last.
pub(crate) async fn uses(transaction: &mut Transaction) -> Result<HashMap<SourceId, Use>> {
    const SQL: &str = "SELECT source_id, COALESCE(rotated_at, created_at) AS secret_since, secret_used_at, \
        previous_used_at FROM sources WHERE source_id > 0 ORDER BY source_id LIMIT $1";
    let rows = transaction.rows(SQL, binds![USES_LIMIT]).await?;
    rows.iter()
        .map(|row| {
            let source = SourceId::new(row.int("source_id")?);
            let secret_at = optional_instant(row.optional_int("secret_used_at")?)?;
            let previous_at = optional_instant(row.optional_int("previous_used_at")?)?;
            Ok((source, Use { secret_at, previous_at, ..Use::of(source, row.int("secret_since")?) }))
        })
        .collect()
}

/// Reads the networks that a row's source may send from.
pub(super) fn networks_of(row: &Row) -> Result<Vec<Network>> {
    Network::list(&row.text("addresses")?).map_err(|error| StoreError::Inconsistent(error.to_string()))
}

/// Reads the networks that a source may send from.
///
/// # Errors
/// [`StoreError::Inconsistent`] when there is no such source.
pub(crate) async fn networks(transaction: &mut Transaction, source: SourceId) -> Result<Vec<Network>> {
    const SQL: &str = "SELECT addresses FROM sources WHERE source_id = $1";
    let row = transaction.row(SQL, binds![source.get()]).await?;
    networks_of(&row.ok_or_else(|| StoreError::Inconsistent("a source is gone".to_owned()))?)
}

/// Sets the networks that a source may send from.
pub(crate) async fn set_networks(transaction: &mut Transaction, source: SourceId, networks: &[Network]) -> Result<()> {
    const SQL: &str = "UPDATE sources SET addresses = $2 WHERE source_id = $1";
    let written = Network::written(networks);
    transaction.execute_exactly(1, SQL, binds![source.get(), written.as_str()]).await
}
