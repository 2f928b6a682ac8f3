//! One-time codes that pair a phone with a stall. The database knows their hashes alone.

use jiff::Timestamp;

use super::bindings::stall;
use super::engine::{Transaction, binds};
use super::error::Result;
use super::users::uuid;
use super::{instant, micros};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, StallNumber, VendorId};
use crate::domain::registration::StallCode;
use crate::domain::text::Name;

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is printed on the stall's card.
    Card,
    /// A phone, or the manager, shows it to another phone.
    Helper,
}

impl Purpose {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Helper => "helper",
        }
    }
}

/// A code to write down.
pub(crate) struct NewCode {
    pub(crate) market: MarketId,
    pub(crate) stall: StallNumber,
    pub(crate) vendor: VendorId,
    pub(crate) purpose: Purpose,
    pub(crate) hides_totals: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) expires_at: Timestamp,
}

/// A code that was found, with whose stall it opens.
pub(crate) struct CodeRow {
    pub(crate) stall: StallNumber,
    pub(crate) stall_code: StallCode,
    pub(crate) vendor: VendorId,
    pub(crate) vendor_name: Name,
    pub(crate) hides_totals: bool,
    pub(crate) created_by: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) is_used: bool,
    /// Whether another took its place.
    pub(crate) is_ended: bool,
}

/// Adds a code.
pub(crate) async fn add(transaction: &mut Transaction, new: &NewCode, code_hash: &[u8; 32]) -> Result<()> {
    const SQL: &str = "INSERT INTO pairing_codes (market_id, code_hash, stall_number, vendor_id, purpose, \
        hides_totals, created_at, created_by, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = binds![
        new.market.get(),
        code_hash.to_vec(),
        new.stall.get(),
        new.vendor.0.as_bytes().to_vec(),
        new.purpose.as_str(),
        new.hides_totals,
        micros(new.created_at),
        new.created_by.as_str(),
        micros(new.expires_at),
    ];
    transaction.execute_exactly(1, SQL, values).await
}

/// Finds a code whose vendor has the stall on this date, whatever became of it.
pub(crate) async fn find(
    transaction: &mut Transaction,
    market: MarketId,
    code_hash: &[u8; 32],
    on: BusinessDate,
) -> Result<Option<CodeRow>> {
    const SQL: &str = "SELECT c.stall_number, s.code AS stall_code, c.vendor_id, v.name AS vendor_name, \
        c.hides_totals, c.created_by, c.expires_at, c.used_at, c.ended_at FROM pairing_codes c \
        JOIN stalls s ON s.market_id = c.market_id AND s.stall_number = c.stall_number \
        JOIN vendors v ON v.market_id = c.market_id AND v.vendor_id = c.vendor_id \
        JOIN tenancies t ON t.market_id = c.market_id AND t.stall_number = c.stall_number \
        AND t.vendor_id = c.vendor_id AND t.valid_from <= $3 AND (t.valid_to IS NULL OR t.valid_to > $3) \
        WHERE c.market_id = $1 AND c.code_hash = $2";
    let values = binds![market.get(), code_hash.to_vec(), on.to_string()];
    let Some(row) = transaction.row(SQL, values).await? else { return Ok(None) };
    Ok(Some(CodeRow {
        stall: stall(row.int("stall_number")?)?,
        stall_code: row.parse("stall_code")?,
        vendor: VendorId(uuid(&row.bytes("vendor_id")?)?),
        vendor_name: row.parse("vendor_name")?,
        hides_totals: row.flag("hides_totals")?,
        created_by: row.text("created_by")?,
        expires_at: instant(row.int("expires_at")?)?,
        is_used: row.optional_int("used_at")?.is_some(),
        is_ended: row.optional_int("ended_at")?.is_some(),
    }))
}

/// Uses a code up; `false` when somebody else was faster, or its time is over.
pub(crate) async fn take(
    transaction: &mut Transaction,
    market: MarketId,
    code_hash: &[u8; 32],
    at: Timestamp,
) -> Result<bool> {
    const SQL: &str = "UPDATE pairing_codes SET used_at = $3 WHERE market_id = $1 AND code_hash = $2 \
        AND used_at IS NULL AND ended_at IS NULL AND expires_at > $3";
    Ok(transaction.execute(SQL, binds![market.get(), code_hash.to_vec(), micros(at)]).await? == 1)
}

/// Ends a stall's codes of one purpose that nobody used; another takes their place.
pub(crate) async fn end(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    purpose: Purpose,
    at: Timestamp,
    by: &str,
) -> Result<u64> {
    const SQL: &str = "UPDATE pairing_codes SET ended_at = $4, ended_by = $5 WHERE market_id = $1 \
        AND stall_number = $2 AND purpose = $3 AND used_at IS NULL AND ended_at IS NULL";
    transaction.execute(SQL, binds![market.get(), stall.get(), purpose.as_str(), micros(at), by]).await
}

/// Removes a stall's codes that are over since before an instant.
pub(crate) async fn prune(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    before: Timestamp,
) -> Result<()> {
    const SQL: &str = "DELETE FROM pairing_codes WHERE market_id = $1 AND stall_number = $2 AND expires_at < $3";
    transaction.execute(SQL, binds![market.get(), stall.get(), micros(before)]).await.map(|_| ())
}
