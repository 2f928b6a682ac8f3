//! All that the register knows of one stall: its accounts, who holds it and held it, and what else is theirs.

use jiff::Timestamp;
use uuid::Uuid;

use super::engine::{Transaction, binds};
use super::error::{Result, StoreError};
use super::{instant, micros, optional_instant};
use crate::domain::account::{AccountKind, BankAccount};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, StallNumber};
use crate::domain::text::Name;

/// Accounts of one stall, live ones first; more are not read.
pub(crate) const ACCOUNTS_MAX: i64 = 50;
/// Tenancies of one stall, newest first.
pub(crate) const TENANCIES_MAX: i64 = 50;
/// Other stalls that are named.
pub(crate) const OTHERS_MAX: i64 = 100;

/// An account that brings a stall money, or did.
#[derive(Debug, Clone)]
pub(crate) struct AccountRow {
    pub(crate) id: Uuid,
    pub(crate) account: BankAccount,
    pub(crate) holder: String,
    pub(crate) kind: AccountKind,
    pub(crate) from: Timestamp,
    pub(crate) to: Option<Timestamp>,
    pub(crate) is_default: bool,
}

/// Reads a stall's accounts, live ones first, in the order in which its code takes them.
pub(crate) async fn accounts(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
) -> Result<Vec<AccountRow>> {
    const SQL: &str = "SELECT r.account_id, r.number, r.bin, r.holder_name, r.kind, a.valid_from, a.valid_to, \
        a.is_default FROM account_stalls a \
        JOIN receiving_accounts r ON r.market_id = a.market_id AND r.number = a.number AND r.bin = a.bin \
        WHERE a.market_id = $1 AND a.stall_number = $2 \
        ORDER BY CASE WHEN a.valid_to IS NULL THEN 0 ELSE 1 END, a.valid_from, r.number, r.bin LIMIT $3";
    let rows = transaction.rows(SQL, binds![market.get(), stall.get(), ACCOUNTS_MAX]).await?;
    rows.iter()
        .map(|row| {
            let id = Uuid::from_slice(&row.bytes("account_id")?);
            Ok(AccountRow {
                id: id.map_err(|error| StoreError::Inconsistent(error.to_string()))?,
                account: BankAccount { bin: row.parse("bin")?, number: row.parse("number")? },
                holder: row.text("holder_name")?,
                kind: row.parse("kind")?,
                from: instant(row.int("valid_from")?)?,
                to: optional_instant(row.optional_int("valid_to")?)?,
                is_default: row.flag("is_default")?,
            })
        })
        .collect()
}

/// Reads which other stalls the stall's live accounts serve, by the account.
pub(crate) async fn shared(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
) -> Result<Vec<(BankAccount, String)>> {
    const SQL: &str = "SELECT o.number, o.bin, s.code FROM account_stalls a \
        JOIN account_stalls o ON o.market_id = a.market_id AND o.number = a.number AND o.bin = a.bin \
        AND o.stall_number <> a.stall_number AND o.valid_to IS NULL \
        JOIN stalls s ON s.market_id = o.market_id AND s.stall_number = o.stall_number \
        WHERE a.market_id = $1 AND a.stall_number = $2 AND a.valid_to IS NULL \
        ORDER BY o.number, o.bin, s.sort_key, s.stall_number LIMIT $3";
    let rows = transaction.rows(SQL, binds![market.get(), stall.get(), OTHERS_MAX]).await?;
    rows.iter()
        .map(|row| Ok((BankAccount { bin: row.parse("bin")?, number: row.parse("number")? }, row.text("code")?)))
        .collect()
}

/// Reads who held a stall from when to before when, newest first.
pub(crate) async fn tenancies(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
) -> Result<Vec<(Name, BusinessDate, Option<BusinessDate>)>> {
    const SQL: &str = "SELECT v.name, t.valid_from, COALESCE(t.valid_to, '') AS valid_to FROM tenancies t \
        JOIN vendors v ON v.market_id = t.market_id AND v.vendor_id = t.vendor_id \
        WHERE t.market_id = $1 AND t.stall_number = $2 ORDER BY t.valid_from DESC LIMIT $3";
    let rows = transaction.rows(SQL, binds![market.get(), stall.get(), TENANCIES_MAX]).await?;
    rows.iter()
        .map(|row| {
            let to = if row.text("valid_to")?.is_empty() { None } else { Some(row.parse("valid_to")?) };
            Ok((row.parse("name")?, row.parse("valid_from")?, to))
        })
        .collect()
}

/// Reads which other stalls the stall's vendor holds on a date.
pub(crate) async fn others(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    on: BusinessDate,
) -> Result<Vec<String>> {
    const SQL: &str = "SELECT s.code FROM tenancies t \
        JOIN tenancies o ON o.market_id = t.market_id AND o.vendor_id = t.vendor_id \
        AND o.stall_number <> t.stall_number AND o.valid_from <= $3 AND (o.valid_to IS NULL OR o.valid_to > $3) \
        JOIN stalls s ON s.market_id = o.market_id AND s.stall_number = o.stall_number \
        WHERE t.market_id = $1 AND t.stall_number = $2 AND t.valid_from <= $3 \
        AND (t.valid_to IS NULL OR t.valid_to > $3) ORDER BY s.sort_key, s.stall_number LIMIT $4";
    let rows = transaction.rows(SQL, binds![market.get(), stall.get(), on.to_string(), OTHERS_MAX]).await?;
    rows.iter().map(|row| row.text("code")).collect()
}

/// Reads which version a stall's newest code has, and the account it pays into.
pub(crate) async fn newest_code(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
) -> Result<Option<(i64, BankAccount)>> {
    const SQL: &str = "SELECT version, number, bin FROM qr_codes WHERE market_id = $1 AND stall_number = $2 \
        ORDER BY version DESC LIMIT 1";
    let row = transaction.row(SQL, binds![market.get(), stall.get()]).await?;
    row.map(|row| Ok((row.int("version")?, BankAccount { bin: row.parse("bin")?, number: row.parse("number")? })))
        .transpose()
}

/// Ends from `at` on that an account brings a stall money; in the caller's transaction, past the fence.
/// Returns `false` when it does not any more.
pub(crate) async fn end_account(
    transaction: &mut Transaction,
    market: MarketId,
    (stall, account): (StallNumber, &BankAccount),
    at: Timestamp,
) -> Result<bool> {
    const SQL: &str = "UPDATE account_stalls SET valid_to = $5 WHERE market_id = $1 AND number = $2 AND bin = $3 \
        AND stall_number = $4 AND valid_to IS NULL AND valid_from < $5";
    let values = binds![market.get(), account.number.as_str(), account.bin.as_str(), stall.get(), micros(at)];
    Ok(transaction.execute(SQL, values).await? > 0)
}
