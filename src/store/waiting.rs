//! What waits for its account to be listed.

use super::Store;
use super::engine::{Column, Rows, binds};
use super::error::Result;
use crate::domain::account::AccountNumber;
use crate::domain::ids::MarketId;

/// Items offered at once; more wait for the next change or a person.
const LIMIT: i64 = 10_000;

/// Returns the unresolved items of a market's inbox that name one of the accounts, oldest first.
pub(crate) async fn for_accounts(store: &Store, market: MarketId, numbers: &[AccountNumber]) -> Result<Vec<i64>> {
    const SQL: &str = "SELECT i.item FROM inbox i LEFT JOIN inbox r ON r.market_id = i.market_id AND r.resolves = i.item \
        WHERE i.market_id = $1 AND i.outcome = 'quarantined' AND i.reason = 'unlisted_account' AND r.item IS NULL \
        AND (i.addressed IN (SELECT u.number FROM {rows}) OR i.settled_account IN (SELECT u.number FROM {rows})) \
        ORDER BY i.item LIMIT $2";
    let rows = Rows::new().with("number", Column::texts(numbers.iter().map(AccountNumber::as_str)));
    let mut transaction = store.begin_read().await?;
    let found = transaction.rows(SQL, binds![market.get(), LIMIT, rows]).await?;
    transaction.rollback().await?;
    found.iter().map(|row| row.int("item")).collect()
}
