//! The register of one market: stalls, vendors, tenancies, receiving accounts and who is bound to
//! which. Read whole before a change, written set-based past the fence.

use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::bindings::stall;
use super::engine::{Column, Rows, Transaction, binds};
use super::error::{Result, StoreError};
use super::{head, micros};
use crate::domain::account::BankAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketCode, MarketId, StallNumber, VendorId};
use crate::domain::registration::{RegisteredAccount, RegisteredStall};
use crate::domain::text::{self, Name};

/// Most stalls of one market.
const LIMIT: i64 = 200_000;

/// A market's register at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Register {
    /// Stalls by the key of their code.
    pub(crate) stalls: HashMap<String, RegisteredStall>,
    /// Receiving accounts.
    pub(crate) accounts: HashMap<BankAccount, RegisteredAccount>,
    /// Vendors' names.
    pub(crate) vendors: HashMap<VendorId, Name>,
    /// Live bindings of account to stall.
    pub(crate) bound: Vec<(BankAccount, StallNumber)>,
}

/// Reads a market's register, as of a date for tenancies; `None` when there is no such market.
pub(crate) async fn read(
    transaction: &mut Transaction,
    market: MarketId,
    on: BusinessDate,
) -> Result<Option<Register>> {
    const VENDORS: &str = "SELECT vendor_id, name FROM vendors WHERE market_id = $1 ORDER BY vendor_id LIMIT $2";
    const STALLS: &str = "SELECT s.stall_number, s.code, s.category, t.vendor_id, \
        (SELECT COALESCE(MAX(q.version), 0) FROM qr_codes q WHERE q.market_id = s.market_id \
        AND q.stall_number = s.stall_number) AS card_version FROM stalls s \
        LEFT JOIN tenancies t ON t.market_id = s.market_id AND t.stall_number = s.stall_number \
        AND t.valid_from <= $2 AND (t.valid_to IS NULL OR t.valid_to > $2) \
        WHERE s.market_id = $1 ORDER BY s.sort_key, s.stall_number LIMIT $3";
    const ACCOUNTS: &str = "SELECT number, bin, holder_name, kind, vendor_id FROM receiving_accounts \
        WHERE market_id = $1 ORDER BY number, bin LIMIT $2";
    const BOUND: &str = "SELECT number, bin, stall_number FROM account_stalls WHERE market_id = $1 AND valid_to IS NULL \
        ORDER BY valid_from, number, bin, stall_number LIMIT $2";
    if head::read(transaction, market).await?.is_none() {
        return Ok(None);
    }
    let mut register = Register::default();
    for row in transaction.rows(VENDORS, binds![market.get(), LIMIT]).await? {
        register.vendors.insert(vendor(&row.bytes("vendor_id")?)?, row.parse("name")?);
    }
    for row in transaction.rows(ACCOUNTS, binds![market.get(), LIMIT]).await? {
        let account = BankAccount { bin: row.parse("bin")?, number: row.parse("number")? };
        let vendor = row.optional_bytes("vendor_id")?.map(|bytes| vendor(&bytes)).transpose()?;
        let holder = row.text("holder_name")?;
        let registered = RegisteredAccount { account: account.clone(), kind: row.parse("kind")?, holder, vendor };
        register.accounts.insert(account, registered);
    }
    let mut first_account: HashMap<StallNumber, BankAccount> = HashMap::new();
    for row in transaction.rows(BOUND, binds![market.get(), LIMIT]).await? {
        let account = BankAccount { bin: row.parse("bin")?, number: row.parse("number")? };
        let stall = stall(row.int("stall_number")?)?;
        first_account.entry(stall).or_insert_with(|| account.clone());
        register.bound.push((account, stall));
    }
    for row in transaction.rows(STALLS, binds![market.get(), on.to_string(), LIMIT]).await? {
        let number = stall(row.int("stall_number")?)?;
        let vendor = row.optional_bytes("vendor_id")?.map(|bytes| vendor(&bytes)).transpose()?;
        let named = vendor.and_then(|id| register.vendors.get(&id).map(|name| (id, name.clone())));
        let account = first_account.get(&number).and_then(|account| register.accounts.get(account)).cloned();
        let code: crate::domain::registration::StallCode = row.parse("code")?;
        let category = row.text("category")?;
        let card_version = row.int("card_version")?;
        let stall = RegisteredStall { number, code, category, vendor: named, account, card_version };
        register.stalls.insert(stall.code.key(), stall);
    }
    Ok(Some(register))
}

fn vendor(bytes: &[u8]) -> Result<VendorId> {
    Uuid::from_slice(bytes).map(VendorId).map_err(|error| StoreError::Inconsistent(error.to_string()))
}

/// New rows of a register, decided in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Additions {
    /// Stalls, each with the vendor who sells there.
    pub(crate) stalls: Vec<(RegisteredStall, VendorId)>,
    /// Vendors.
    pub(crate) vendors: Vec<(VendorId, Name)>,
    /// Receiving accounts, each with an identifier of its own.
    pub(crate) accounts: Vec<(RegisteredAccount, Uuid)>,
    /// Stalls that are let anew, each with the vendor who sells there from a date on.
    pub(crate) let_anew: Vec<(StallNumber, VendorId, BusinessDate)>,
    /// Bindings of account to stall.
    pub(crate) bound: Vec<NewBinding>,
    /// Printed codes: stall, account, payload. Each gets the stall's next version.
    pub(crate) codes: Vec<(StallNumber, BankAccount, String)>,
}

/// An account that serves a stall from now on.
#[derive(Debug, Clone)]
pub(crate) struct NewBinding {
    /// The account.
    pub(crate) account: BankAccount,
    /// The stall.
    pub(crate) stall: StallNumber,
    /// Since when, in microseconds; 0 for all of the account's past, when no memo named the stall.
    pub(crate) from: i64,
    /// Whether the stall gets what no memo code decides.
    pub(crate) is_default: bool,
}

/// Takes `count` stall numbers and lists new accounts as this market's, in the installation's own
/// transaction. Returns the first number.
///
/// # Errors
/// [`StoreError::UniqueViolation`] when another market lists one of the accounts meanwhile.
pub(crate) async fn reserve(
    transaction: &mut Transaction,
    market: MarketId,
    count: usize,
    accounts: &[BankAccount],
) -> Result<i64> {
    const TAKE: &str = "UPDATE installation SET next_stall_number = next_stall_number + $2, \
        reference_version = reference_version + 1 WHERE id = $1 RETURNING next_stall_number";
    const NUMBERS: &str = "INSERT INTO stall_numbers (stall_number, market_id) \
        SELECT u.stall_number, u.market_id FROM {rows} WHERE u.market_id = $1";
    const ROUTES: &str = "INSERT INTO account_routes (number, bin, valid_from, valid_to, market_id) \
        SELECT u.number, u.bin, 0, NULL, u.market_id FROM {rows} WHERE u.market_id = $1";
    let taken = i64::try_from(count).unwrap_or(i64::MAX);
    let row = transaction.row(TAKE, binds![1_i64, taken]).await?;
    let next = row.ok_or_else(|| StoreError::Inconsistent("the installation's row is missing".to_owned()))?;
    let first = next.int("next_stall_number")? - taken;
    if count > 0 {
        let rows = Rows::new()
            .with("stall_number", Column::ints(first..first + taken))
            .with("market_id", Column::ints((0..count).map(|_| market.get())));
        transaction.execute_exactly(count, NUMBERS, binds![market.get(), rows]).await?;
    }
    if !accounts.is_empty() {
        let rows = Rows::new()
            .with("number", Column::texts(accounts.iter().map(|a| a.number.as_str())))
            .with("bin", Column::texts(accounts.iter().map(|a| a.bin.as_str())))
            .with("market_id", Column::ints(accounts.iter().map(|_| market.get())));
        transaction.execute_exactly(accounts.len(), ROUTES, binds![market.get(), rows]).await?;
    }
    Ok(first)
}

/// Tells which market holds each of the accounts now, for those that one holds.
pub(crate) async fn holders(
    transaction: &mut Transaction,
    accounts: &[BankAccount],
) -> Result<HashMap<BankAccount, (MarketId, MarketCode)>> {
    const SQL: &str = "SELECT r.number, r.bin, r.market_id, m.code FROM {rows} CROSS JOIN account_routes r \
        JOIN markets m ON m.market_id = r.market_id \
        WHERE r.number = u.number AND r.bin = u.bin AND r.valid_to IS NULL AND r.valid_from >= $1 \
        ORDER BY r.number, r.bin";
    let rows = Rows::new()
        .with("number", Column::texts(accounts.iter().map(|a| a.number.as_str())))
        .with("bin", Column::texts(accounts.iter().map(|a| a.bin.as_str())));
    let mut holders = HashMap::new();
    for row in transaction.rows(SQL, binds![0_i64, rows]).await? {
        let market = MarketId::new(row.int("market_id")?).map_err(|e| StoreError::Inconsistent(e.to_string()))?;
        let account = BankAccount { bin: row.parse("bin")?, number: row.parse("number")? };
        holders.insert(account, (market, row.parse("code")?));
    }
    Ok(holders)
}

/// What an addition was planned by.
#[derive(Clone, Copy)]
pub(crate) struct PlannedBy<'a> {
    /// The register as it was read.
    pub(crate) register: &'a Register,
    /// The date as of which it was read.
    pub(crate) on: BusinessDate,
}

/// Writes new rows of a register, past the fence. Returns `false` when the register is not the one
/// that the addition was planned by any more. That payments moved the fence meanwhile is no matter.
pub(crate) async fn add(
    transaction: &mut Transaction,
    market: MarketId,
    planned_by: PlannedBy<'_>,
    new: &Additions,
    at: Timestamp,
) -> Result<bool> {
    head::take(transaction, market).await?;
    if read(transaction, market, planned_by.on).await?.as_ref() != Some(planned_by.register) {
        return Ok(false);
    }
    add_people(transaction, market, new, at).await?;
    add_accounts(transaction, market, new, at).await?;
    Ok(true)
}

async fn add_people(transaction: &mut Transaction, market: MarketId, new: &Additions, at: Timestamp) -> Result<()> {
    const VENDORS: &str = "INSERT INTO vendors (market_id, vendor_id, name, search_key, sort_key, created_at) \
        SELECT h.market_id, u.vendor_id, u.name, u.search_key, u.sort_key, $2 FROM market_head h, {rows} \
        WHERE h.market_id = $1";
    const STALLS: &str = "INSERT INTO stalls (market_id, stall_number, code, code_key, sort_key, category, created_at) \
        SELECT h.market_id, u.stall_number, u.code, u.code_key, u.sort_key, u.category, $2 FROM market_head h, {rows} \
        WHERE h.market_id = $1";
    const TENANCIES: &str = "INSERT INTO tenancies (market_id, stall_number, valid_from, valid_to, vendor_id) \
        SELECT h.market_id, u.stall_number, u.valid_from, NULL, u.vendor_id FROM market_head h, {rows} WHERE h.market_id = $1";
    if !new.vendors.is_empty() {
        let names = || new.vendors.iter().map(|(_, name)| name.as_str());
        let rows = Rows::new()
            .with("vendor_id", Column::bytes(new.vendors.iter().map(|(id, _)| id.0.as_bytes().to_vec())))
            .with("name", Column::texts(names()))
            .with("search_key", Column::texts(names().map(text::search_key)))
            .with("sort_key", Column::texts(names().map(text::person_sort_key)));
        transaction.execute_exactly(new.vendors.len(), VENDORS, binds![market.get(), micros(at), rows]).await?;
    }
    if !new.stalls.is_empty() {
        let stalls = || new.stalls.iter().map(|(stall, _)| stall);
        let rows = Rows::new()
            .with("stall_number", Column::ints(stalls().map(|s| s.number.get())))
            .with("code", Column::texts(stalls().map(|s| s.code.as_str())))
            .with("code_key", Column::texts(stalls().map(|s| s.code.key())))
            .with("sort_key", Column::texts(stalls().map(|s| text::code_sort_key(s.code.as_str()))))
            .with("category", Column::texts(stalls().map(|s| s.category.clone())));
        transaction.execute_exactly(new.stalls.len(), STALLS, binds![market.get(), micros(at), rows]).await?;
        let rows = Rows::new()
            .with("stall_number", Column::ints(stalls().map(|s| s.number.get())))
            .with("valid_from", Column::texts(stalls().map(|_| BusinessDate::BEGINNING.to_string())))
            .with("vendor_id", Column::bytes(new.stalls.iter().map(|(_, id)| id.0.as_bytes().to_vec())));
        transaction.execute_exactly(new.stalls.len(), TENANCIES, binds![market.get(), rows]).await?;
    }
    if !new.let_anew.is_empty() {
        let rows = Rows::new()
            .with("stall_number", Column::ints(new.let_anew.iter().map(|(stall, ..)| stall.get())))
            .with("valid_from", Column::texts(new.let_anew.iter().map(|(.., from)| from.to_string())))
            .with("vendor_id", Column::bytes(new.let_anew.iter().map(|(_, id, _)| id.0.as_bytes().to_vec())));
        transaction.execute_exactly(new.let_anew.len(), TENANCIES, binds![market.get(), rows]).await?;
    }
    Ok(())
}

async fn add_accounts(transaction: &mut Transaction, market: MarketId, new: &Additions, at: Timestamp) -> Result<()> {
    const ACCOUNTS: &str = "INSERT INTO receiving_accounts (market_id, number, bin, account_id, holder_name, kind, \
        vendor_id, created_at) SELECT h.market_id, u.number, u.bin, u.account_id, u.holder_name, u.kind, u.vendor_id, $2 \
        FROM market_head h, {rows} WHERE h.market_id = $1";
    const BOUND: &str = "INSERT INTO account_stalls (market_id, number, bin, stall_number, valid_from, valid_to, \
        is_default) SELECT h.market_id, u.number, u.bin, u.stall_number, u.valid_from, NULL, u.is_default \
        FROM market_head h, {rows} WHERE h.market_id = $1";
    const CODES: &str = "INSERT INTO qr_codes (market_id, stall_number, version, number, bin, payload, issued_at) \
        SELECT h.market_id, u.stall_number, (SELECT COALESCE(MAX(q.version), 0) + 1 FROM qr_codes q \
        WHERE q.market_id = h.market_id AND q.stall_number = u.stall_number), u.number, u.bin, u.payload, $2 \
        FROM market_head h, {rows} WHERE h.market_id = $1";
    if !new.accounts.is_empty() {
        let accounts = || new.accounts.iter().map(|(account, _)| account);
        let rows = Rows::new()
            .with("number", Column::texts(accounts().map(|a| a.account.number.as_str())))
            .with("bin", Column::texts(accounts().map(|a| a.account.bin.as_str())))
            .with("account_id", Column::bytes(new.accounts.iter().map(|(_, id)| id.as_bytes().to_vec())))
            .with("holder_name", Column::texts(accounts().map(|a| a.holder.clone())))
            .with("kind", Column::texts(accounts().map(|a| a.kind.as_str())))
            .with("vendor_id", Column::optional_bytes(accounts().map(|a| a.vendor.map(|v| v.0.as_bytes().to_vec()))));
        transaction.execute_exactly(new.accounts.len(), ACCOUNTS, binds![market.get(), micros(at), rows]).await?;
    }
    if !new.bound.is_empty() {
        let rows = Rows::new()
            .with("number", Column::texts(new.bound.iter().map(|b| b.account.number.as_str())))
            .with("bin", Column::texts(new.bound.iter().map(|b| b.account.bin.as_str())))
            .with("stall_number", Column::ints(new.bound.iter().map(|b| b.stall.get())))
            .with("valid_from", Column::ints(new.bound.iter().map(|b| b.from)))
            .with("is_default", Column::ints(new.bound.iter().map(|b| i64::from(b.is_default))));
        transaction.execute_exactly(new.bound.len(), BOUND, binds![market.get(), rows]).await?;
    }
    if !new.codes.is_empty() {
        let rows = Rows::new()
            .with("stall_number", Column::ints(new.codes.iter().map(|(stall, ..)| stall.get())))
            .with("number", Column::texts(new.codes.iter().map(|(_, a, _)| a.number.as_str())))
            .with("bin", Column::texts(new.codes.iter().map(|(_, a, _)| a.bin.as_str())))
            .with("payload", Column::texts(new.codes.iter().map(|(.., payload)| payload.clone())));
        transaction.execute_exactly(new.codes.len(), CODES, binds![market.get(), micros(at), rows]).await?;
    }
    Ok(())
}

/// Says what is sold at a stall; in the caller's transaction, past the fence.
pub(crate) async fn set_category(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    category: &str,
) -> Result<()> {
    const SQL: &str = "UPDATE stalls SET category = $3 WHERE market_id = $1 AND stall_number = $2";
    transaction.execute_exactly(1, SQL, binds![market.get(), stall.get(), category]).await
}

/// Corrects a vendor's name; in the caller's transaction, past the fence.
pub(crate) async fn rename_vendor(
    transaction: &mut Transaction,
    market: MarketId,
    vendor: VendorId,
    name: &Name,
) -> Result<()> {
    const SQL: &str =
        "UPDATE vendors SET name = $3, search_key = $4, sort_key = $5 WHERE market_id = $1 AND vendor_id = $2";
    let (id, name) = (vendor.0.as_bytes().to_vec(), name.as_str());
    let values = binds![market.get(), id, name, text::search_key(name), text::person_sort_key(name)];
    transaction.execute_exactly(1, SQL, values).await
}

/// Ends a stall's tenancy with the day before `date`, and what its accounts bring it from `at` on;
/// in the caller's transaction, past the fence. Returns `false` when the tenancy began on `date`
/// itself: it lasts a day at least.
pub(crate) async fn end_tenancy(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    date: BusinessDate,
    at: Timestamp,
) -> Result<bool> {
    const TENANCY: &str = "UPDATE tenancies SET valid_to = $3 WHERE market_id = $1 AND stall_number = $2 \
        AND valid_to IS NULL AND valid_from < $3";
    const BOUND: &str = "UPDATE account_stalls SET valid_to = $3 WHERE market_id = $1 AND stall_number = $2 \
        AND valid_to IS NULL";
    if transaction.execute(TENANCY, binds![market.get(), stall.get(), date.to_string()]).await? == 0 {
        return Ok(false);
    }
    transaction.execute(BOUND, binds![market.get(), stall.get(), micros(at)]).await?;
    Ok(true)
}
