//! Phones of a stall and the one-time codes that pair them. A phone is its vendor's: both hold only
//! while she has the stall.

use jiff::Timestamp;

use super::bindings::stall;
use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::users::uuid;
use super::{instant, micros};
use crate::domain::calendar::BusinessDate;
use crate::domain::identity::DeviceId;
use crate::domain::ids::{MarketCode, MarketId, StallNumber, VendorId};
use crate::domain::registration::StallCode;

/// Phones of one stall that are listed.
const LISTED_MAX: i64 = 200;
/// Stalls of a market at work; the largest of the country has some thousands.
const STALLS_MAX: i64 = 10_000;

/// A phone as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct DeviceRow {
    pub(crate) id: DeviceId,
    pub(crate) market: MarketId,
    pub(crate) stall: StallNumber,
    pub(crate) vendor: VendorId,
    pub(crate) name: String,
    pub(crate) hides_totals: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) last_seen_at: Timestamp,
}

/// A phone that asks, with its stall's code and its market's as they are now.
pub(crate) struct DeviceAtStall {
    pub(crate) device: DeviceRow,
    pub(crate) key_hash: Vec<u8>,
    pub(crate) stall: StallCode,
    pub(crate) market: MarketCode,
}

fn device(row: &Row) -> Result<DeviceRow> {
    let wrong = |error: crate::domain::ids::IdError| StoreError::Inconsistent(error.to_string());
    Ok(DeviceRow {
        id: DeviceId(uuid(&row.bytes("device_id")?)?),
        market: MarketId::new(row.int("market_id")?).map_err(wrong)?,
        stall: stall(row.int("stall_number")?)?,
        vendor: VendorId(uuid(&row.bytes("vendor_id")?)?),
        name: row.text("name")?,
        hides_totals: row.flag("hides_totals")?,
        created_at: instant(row.int("created_at")?)?,
        created_by: row.text("created_by")?,
        last_seen_at: instant(row.int("last_seen_at")?)?,
    })
}

/// Finds a phone that was not revoked and whose vendor has the stall on this date.
pub(crate) async fn live(
    transaction: &mut Transaction,
    market: MarketId,
    id: DeviceId,
    on: BusinessDate,
) -> Result<Option<DeviceAtStall>> {
    const SQL: &str = "SELECT d.market_id, d.device_id, d.stall_number, d.vendor_id, d.name, d.key_hash, \
        d.hides_totals, d.created_at, d.created_by, d.last_seen_at, s.code AS stall_code, m.code AS market_code \
        FROM devices d JOIN stalls s ON s.market_id = d.market_id AND s.stall_number = d.stall_number \
        JOIN tenancies t ON t.market_id = d.market_id AND t.stall_number = d.stall_number \
        AND t.vendor_id = d.vendor_id AND t.valid_from <= $3 AND (t.valid_to IS NULL OR t.valid_to > $3) \
        JOIN markets m ON m.market_id = d.market_id \
        WHERE d.market_id = $1 AND d.device_id = $2 AND d.ended_at IS NULL";
    let values = binds![market.get(), id.0.as_bytes().to_vec(), on.to_string()];
    let Some(row) = transaction.row(SQL, values).await? else { return Ok(None) };
    Ok(Some(DeviceAtStall {
        device: device(&row)?,
        key_hash: row.bytes("key_hash")?,
        stall: row.parse("stall_code")?,
        market: row.parse("market_code")?,
    }))
}

/// Adds a phone.
pub(crate) async fn add(transaction: &mut Transaction, new: &DeviceRow, key_hash: &[u8; 32]) -> Result<()> {
    const SQL: &str = "INSERT INTO devices (market_id, device_id, stall_number, vendor_id, name, key_hash, \
        hides_totals, created_at, created_by, last_seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8)";
    let values = binds![
        new.market.get(),
        new.id.0.as_bytes().to_vec(),
        new.stall.get(),
        new.vendor.0.as_bytes().to_vec(),
        new.name.as_str(),
        key_hash.to_vec(),
        new.hides_totals,
        micros(new.created_at),
        new.created_by.as_str(),
    ];
    transaction.execute_exactly(1, SQL, values).await
}

/// Reads a stall's phones of a vendor that were not revoked, the oldest first.
pub(crate) async fn of_stall(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    vendor: VendorId,
) -> Result<Vec<DeviceRow>> {
    const SQL: &str = "SELECT market_id, device_id, stall_number, vendor_id, name, hides_totals, created_at, \
        created_by, last_seen_at FROM devices WHERE market_id = $1 AND stall_number = $2 AND vendor_id = $3 \
        AND ended_at IS NULL ORDER BY device_id LIMIT $4";
    let values = binds![market.get(), stall.get(), vendor.0.as_bytes().to_vec(), LISTED_MAX];
    transaction.rows(SQL, values).await?.iter().map(device).collect()
}

/// Reads the stalls that took money since a book day and whose vendor has a phone, by code.
pub(crate) async fn at_work(
    transaction: &mut Transaction,
    market: MarketId,
    since: BusinessDate,
    on: BusinessDate,
) -> Result<Vec<(StallNumber, StallCode)>> {
    const SQL: &str = "SELECT s.stall_number, s.code FROM stalls s JOIN (SELECT DISTINCT stall_number FROM daily_totals \
        WHERE market_id = $1 AND business_date >= $2 AND (kind = 'settle' OR kind = 'assign')) d \
        ON d.stall_number = s.stall_number WHERE s.market_id = $1 AND EXISTS (SELECT 1 FROM devices p JOIN tenancies t \
        ON t.market_id = p.market_id AND t.stall_number = p.stall_number AND t.vendor_id = p.vendor_id \
        AND t.valid_from <= $3 AND (t.valid_to IS NULL OR t.valid_to > $3) \
        WHERE p.market_id = $1 AND p.stall_number = s.stall_number AND p.ended_at IS NULL) \
        ORDER BY s.code, s.stall_number LIMIT $4";
    let values = binds![market.get(), since.to_string(), on.to_string(), STALLS_MAX];
    let rows = transaction.rows(SQL, values).await?;
    rows.iter().map(|row| Ok((stall(row.int("stall_number")?)?, row.parse("code")?))).collect()
}

/// Notes that a phone was there.
pub(crate) async fn touch(transaction: &mut Transaction, market: MarketId, id: DeviceId, at: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE devices SET last_seen_at = $3 WHERE market_id = $1 AND device_id = $2";
    transaction.execute(SQL, binds![market.get(), id.0.as_bytes().to_vec(), micros(at)]).await.map(|_| ())
}

/// Ends one phone; `false` when it is not there, of another stall, or ended already.
pub(crate) async fn end(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    id: DeviceId,
    at: Timestamp,
    by: &str,
) -> Result<bool> {
    const SQL: &str = "UPDATE devices SET ended_at = $4, ended_by = $5 WHERE market_id = $1 AND device_id = $2 \
        AND stall_number = $3 AND ended_at IS NULL";
    let values = binds![market.get(), id.0.as_bytes().to_vec(), stall.get(), micros(at), by];
    Ok(transaction.execute(SQL, values).await? == 1)
}

/// Ends all phones of a stall; returns how many.
pub(crate) async fn end_all(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    at: Timestamp,
    by: &str,
) -> Result<u64> {
    const SQL: &str = "UPDATE devices SET ended_at = $3, ended_by = $4 WHERE market_id = $1 AND stall_number = $2 \
        AND ended_at IS NULL";
    transaction.execute(SQL, binds![market.get(), stall.get(), micros(at), by]).await
}

/// Gives a phone another name; `false` when it is not there, of another stall, or ended.
pub(crate) async fn rename(
    transaction: &mut Transaction,
    market: MarketId,
    stall: StallNumber,
    id: DeviceId,
    name: &str,
) -> Result<bool> {
    const SQL: &str = "UPDATE devices SET name = $4 WHERE market_id = $1 AND device_id = $2 AND stall_number = $3 \
        AND ended_at IS NULL";
    let values = binds![market.get(), id.0.as_bytes().to_vec(), stall.get(), name];
    Ok(transaction.execute(SQL, values).await? == 1)
}

/// Holds a stall for this transaction: two phones that pair at once must take turns.
pub(crate) async fn hold_stall(transaction: &mut Transaction, market: MarketId, stall: StallNumber) -> Result<()> {
    const SQL: &str = "UPDATE stalls SET created_at = created_at WHERE market_id = $1 AND stall_number = $2";
    transaction.execute_exactly(1, SQL, binds![market.get(), stall.get()]).await
}
