//! The reference tables as routing needs them: which account belongs to which market when, and who
//! may report it. Kept in memory under the version of the reference tables; the market's writer
//! compares that version in its own transaction, so nothing is ever booked by stale routes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use super::engine::{Row, binds};
use super::error::{Result, StoreError};
use super::{Store, head, instant, optional_instant};
use crate::domain::account::AccountNumber;
use crate::domain::ids::{MarketCode, MarketId, SourceId, SourceName};
use crate::domain::settlement::Dialect;
use crate::domain::source_network::Network;
use crate::ledger::routing::{AccountRoute, Allowance, Routes};

/// Accounts that one process keeps routes of; a province has some ten thousand.
const ROUTES_LIMIT: i64 = 5_000_000;
/// Sources, and accounts on their lists, that one process keeps.
const SOURCES_LIMIT: i64 = 5_000_000;

/// A configured sender, with its secrets.
#[derive(Clone)]
pub struct Sender {
    /// Its public name.
    pub name: SourceName,
    /// How it speaks.
    pub dialect: Dialect,
    /// What it may report.
    pub allowance: Allowance,
    /// The seconds that a signed time may be off, both ways.
    pub tolerance_s: i64,
    /// It writes local time as if it were UTC.
    pub local_as_utc: bool,
    /// The secret in force, as it is kept: sealed.
    pub secret: String,
    /// Since when it is, in microseconds.
    pub secret_since: i64,
    /// The secret before it, sealed too, and until when (microseconds) it is taken too.
    pub previous: Option<(String, i64)>,
    /// The networks it may send from; anywhere when empty.
    pub networks: Vec<Network>,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("name", &self.name).field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

/// One moment of the reference tables.
#[derive(Debug, Default)]
pub struct Directory {
    /// The version of the reference tables at that moment.
    pub version: i64,
    /// All senders by name.
    pub senders: HashMap<String, Arc<Sender>>,
    /// All routes by account number.
    pub routes: Routes,
    /// All markets by number.
    pub markets: HashMap<MarketId, MarketCode>,
}

/// Keeps the newest directory that was read.
#[derive(Debug, Default)]
pub struct DirectoryCache {
    kept: RwLock<Arc<Directory>>,
}

impl DirectoryCache {
    /// Returns the directory as last read; empty before the first [`Self::refresh`].
    #[must_use]
    pub fn get(&self) -> Arc<Directory> {
        Arc::clone(&self.kept.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the directory anew if the reference tables have moved since, and returns it.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn refresh(&self, store: &Store) -> Result<Arc<Directory>> {
        let mut transaction = store.begin_read().await?;
        let version = head::reference_version(&mut transaction).await?;
        let known = self.get();
        if known.version == version && !known.senders.is_empty() {
            transaction.rollback().await?;
            return Ok(known);
        }
        let directory = Arc::new(load(&mut transaction, version).await?);
        transaction.rollback().await?;
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&directory);
        Ok(directory)
    }
}

async fn load(transaction: &mut super::engine::Transaction, version: i64) -> Result<Directory> {
    const MARKETS: &str = "SELECT market_id, code FROM markets WHERE market_id > $1 ORDER BY market_id LIMIT $2";
    const ROUTES: &str = "SELECT number, bin, market_id, valid_from, valid_to FROM account_routes \
        ORDER BY number, bin, valid_from LIMIT $1";
    const SOURCES: &str = "SELECT source_id, name, dialect, market_id, every_account, local_as_utc, tolerance_s, \
        secret, COALESCE(rotated_at, created_at) AS secret_since, secret_previous, previous_until, addresses FROM sources WHERE source_id > 0 ORDER BY source_id LIMIT $1";
    const LISTED: &str = "SELECT source_id, number FROM source_accounts ORDER BY source_id, number LIMIT $1";
    let mut directory = Directory { version, ..Directory::default() };
    for row in transaction.rows(MARKETS, binds![0_i64, ROUTES_LIMIT]).await? {
        directory.markets.insert(market(&row)?, row.parse("code")?);
    }
    for row in transaction.rows(ROUTES, binds![ROUTES_LIMIT]).await? {
        let route = AccountRoute {
            bin: row.parse("bin")?,
            market: market(&row)?,
            from: instant(row.int("valid_from")?)?,
            to: optional_instant(row.optional_int("valid_to")?)?,
        };
        directory.routes.entry(row.parse("number")?).or_default().push(route);
    }
    let mut listed: HashMap<i64, BTreeSet<AccountNumber>> = HashMap::new();
    for row in transaction.rows(LISTED, binds![SOURCES_LIMIT]).await? {
        listed.entry(row.int("source_id")?).or_default().insert(row.parse("number")?);
    }
    for row in transaction.rows(SOURCES, binds![SOURCES_LIMIT]).await? {
        let accounts = listed.remove(&row.int("source_id")?).unwrap_or_default();
        let sender = sender(&row, accounts)?;
        directory.senders.insert(sender.name.as_str().to_owned(), Arc::new(sender));
    }
    Ok(directory)
}

fn sender(row: &Row, accounts: BTreeSet<AccountNumber>) -> Result<Sender> {
    Ok(Sender {
        name: row.parse("name")?,
        dialect: row.parse("dialect")?,
        allowance: Allowance {
            source: SourceId::new(row.int("source_id")?),
            market: market(row)?,
            every_account: row.flag("every_account")?,
            accounts,
        },
        tolerance_s: row.int("tolerance_s")?,
        local_as_utc: row.flag("local_as_utc")?,
        secret: row.text("secret")?,
        secret_since: row.int("secret_since")?,
        networks: super::sources::networks_of(row)?,
        previous: row.optional_text("secret_previous")?.zip(row.optional_int("previous_until")?),
    })
}

fn market(row: &Row) -> Result<MarketId> {
    MarketId::new(row.int("market_id")?).map_err(|error| StoreError::Inconsistent(error.to_string()))
}
