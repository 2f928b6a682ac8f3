//! Markets: the installation's list of them, and each one's head and dated cut-offs.

use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::{Store, head};
use crate::domain::calendar::{BusinessDate, Cutoff};
use crate::domain::ids::{MarketCode, MarketId};
use crate::domain::registration::{Market, OfficePhone, OfficePhoneError};
use crate::domain::text;

/// Most markets that one list holds; Viet Nam has 8,500.
const LIMIT: i64 = 20_000;

/// A market's columns, with the place and cut-off in force on `$1`.
macro_rules! market_sql {
    ($rest:literal) => {
        concat!(
            "SELECT m.market_id, m.code, m.name, m.demo, m.office_phone, \
             (SELECT p.ward FROM market_places p WHERE p.market_id = m.market_id AND p.valid_from <= $1 \
              ORDER BY p.valid_from DESC LIMIT 1) AS ward, \
             (SELECT c.minutes FROM market_cutoffs c WHERE c.market_id = m.market_id AND c.from_date <= $1 \
              ORDER BY c.from_date DESC LIMIT 1) AS minutes FROM markets m ",
            $rest
        )
    };
}

/// Reads all markets as of a date, by code.
pub(crate) async fn all(transaction: &mut Transaction, on: BusinessDate) -> Result<Vec<Market>> {
    const SQL: &str = market_sql!("WHERE m.market_id > 0 ORDER BY m.code LIMIT $2");
    let rows = transaction.rows(SQL, binds![on.to_string(), LIMIT]).await?;
    rows.iter().map(market).collect()
}

/// Reads one market as of a date.
pub(crate) async fn find(transaction: &mut Transaction, code: &MarketCode, on: BusinessDate) -> Result<Option<Market>> {
    const SQL: &str = market_sql!("WHERE m.market_id > 0 AND m.code = $2");
    transaction.row(SQL, binds![on.to_string(), code.as_str()]).await?.as_ref().map(market).transpose()
}

fn market(row: &Row) -> Result<Market> {
    let wrong = |error: &dyn std::fmt::Display| StoreError::Inconsistent(error.to_string());
    Ok(Market {
        id: MarketId::new(row.int("market_id")?).map_err(|error| wrong(&error))?,
        code: row.parse("code")?,
        name: row.parse("name")?,
        ward: row.optional_text("ward")?,
        cutoff: Cutoff::from_minutes(row.optional_int("minutes")?.unwrap_or(0)).map_err(|error| wrong(&error))?,
        demo: row.flag("demo")?,
        office_phone: row
            .optional_text("office_phone")?
            .map(|text| text.parse().map_err(|error: OfficePhoneError| wrong(&error)))
            .transpose()?,
    })
}

/// Adds a market: first its reference rows, then, in a second transaction, its head. A process
/// that dies between the two leaves a market that the same call completes.
///
/// # Errors
/// [`StoreError::UniqueViolation`] when the code is taken.
pub(crate) async fn add(store: &Store, market: &Market, created_at: i64) -> Result<MarketId> {
    const TAKEN: &str = "SELECT m.market_id, h.market_id AS head FROM markets m \
        LEFT JOIN market_head h ON h.market_id = m.market_id WHERE m.code = $1";
    const NEXT: &str = "SELECT COALESCE(MAX(market_id), 0) + 1 AS next FROM markets";
    const INSERT: &str = "INSERT INTO markets (market_id, code, name, search_key, demo, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    const PLACE: &str = "INSERT INTO market_places (market_id, valid_from, ward) VALUES ($1, $2, $3)";
    let mut transaction = store.begin_write().await?;
    let taken = transaction.row(TAKEN, binds![market.code.as_str()]).await?;
    let id = match taken {
        Some(row) if row.optional_int("head")?.is_some() => return Err(StoreError::UniqueViolation),
        Some(row) => row.int("market_id")?,
        None => {
            let next = transaction.row(NEXT, binds![]).await?;
            let id = next.ok_or_else(|| StoreError::Inconsistent("no next market".to_owned()))?.int("next")?;
            let name = market.name.as_str();
            let values = binds![id, market.code.as_str(), name, text::search_key(name), market.demo, created_at];
            transaction.execute_exactly(1, INSERT, values).await?;
            if let Some(ward) = &market.ward {
                let values = binds![id, BusinessDate::BEGINNING.to_string(), ward.as_str()];
                transaction.execute_exactly(1, PLACE, values).await?;
            }
            head::touch_reference(&mut transaction).await?;
            id
        }
    };
    transaction.commit().await?;
    let id = MarketId::new(id).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
    let mut transaction = store.begin_write().await?;
    head::create(&mut transaction, id).await?;
    set_cutoff(&mut transaction, id, BusinessDate::BEGINNING, market.cutoff).await?;
    transaction.commit().await?;
    Ok(id)
}

/// Gives a market another name; in the caller's transaction.
pub(crate) async fn rename(transaction: &mut Transaction, market: MarketId, name: &text::Name) -> Result<()> {
    const SQL: &str = "UPDATE markets SET name = $2, search_key = $3 WHERE market_id = $1";
    let values = binds![market.get(), name.as_str(), text::search_key(name.as_str())];
    transaction.execute_exactly(1, SQL, values).await
}

/// Says where a market's office is called; in the caller's transaction.
pub(crate) async fn set_office_phone(
    transaction: &mut Transaction,
    market: MarketId,
    phone: Option<&OfficePhone>,
) -> Result<()> {
    const SQL: &str = "UPDATE markets SET office_phone = $2 WHERE market_id = $1";
    transaction.execute_exactly(1, SQL, binds![market.get(), phone.map(ToString::to_string)]).await
}

/// Says in which ward a market lies from a date on; in the caller's transaction.
pub(crate) async fn set_place(
    transaction: &mut Transaction,
    market: MarketId,
    from: BusinessDate,
    ward: &str,
) -> Result<()> {
    const SQL: &str = "INSERT INTO market_places (market_id, valid_from, ward) VALUES ($1, $2, $3) \
        ON CONFLICT (market_id, valid_from) DO UPDATE SET ward = excluded.ward";
    transaction.execute_exactly(1, SQL, binds![market.get(), from.to_string(), ward]).await
}

/// Puts a cut-off in force from a date on; in the caller's transaction, past the fence.
pub(crate) async fn set_cutoff(
    transaction: &mut Transaction,
    market: MarketId,
    from: BusinessDate,
    cutoff: Cutoff,
) -> Result<()> {
    const SQL: &str = "INSERT INTO market_cutoffs (market_id, from_date, minutes) VALUES ($1, $2, $3) \
        ON CONFLICT (market_id, from_date) DO UPDATE SET minutes = excluded.minutes";
    transaction.execute_exactly(1, SQL, binds![market.get(), from.to_string(), cutoff.minutes()]).await
}
