//! Printed codes: the versions of each stall's code, and which of them was printed when.

use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::bindings::stall;
use super::engine::{Column, Rows, Transaction, binds};
use super::error::Result;
use super::micros;
use crate::domain::account::BankAccount;
use crate::domain::ids::{MarketId, StallNumber};

/// Most stalls of one market.
const LIMIT: i64 = 200_000;

/// A version of a stall's code. It never changes: another account is another version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssuedCode {
    /// Its version, from 1.
    pub(crate) version: i64,
    /// The account it pays into.
    pub(crate) account: BankAccount,
    /// What the code says.
    pub(crate) payload: String,
}

/// Reads each stall's newest code.
pub(crate) async fn newest(
    transaction: &mut Transaction,
    market: MarketId,
) -> Result<HashMap<StallNumber, IssuedCode>> {
    const SQL: &str = "SELECT q.stall_number, q.version, q.number, q.bin, q.payload FROM qr_codes q \
        WHERE q.market_id = $1 AND q.version = (SELECT MAX(n.version) FROM qr_codes n \
        WHERE n.market_id = q.market_id AND n.stall_number = q.stall_number) \
        ORDER BY q.stall_number LIMIT $2";
    let rows = transaction.rows(SQL, binds![market.get(), LIMIT]).await?;
    let mut codes = HashMap::with_capacity(rows.len());
    for row in &rows {
        let account = BankAccount { bin: row.parse("bin")?, number: row.parse("number")? };
        let code = IssuedCode { version: row.int("version")?, account, payload: row.text("payload")? };
        codes.insert(stall(row.int("stall_number")?)?, code);
    }
    Ok(codes)
}

/// Issues codes of these versions; another process that was faster is a unique violation.
pub(crate) async fn issue(
    transaction: &mut Transaction,
    market: MarketId,
    codes: &[(StallNumber, IssuedCode)],
    at: Timestamp,
) -> Result<()> {
    const SQL: &str = "INSERT INTO qr_codes (market_id, stall_number, version, number, bin, payload, issued_at) \
        SELECT h.market_id, u.stall_number, u.version, u.number, u.bin, u.payload, $2 \
        FROM market_head h, {rows} WHERE h.market_id = $1";
    let rows = Rows::new()
        .with("stall_number", Column::ints(codes.iter().map(|(stall, _)| stall.get())))
        .with("version", Column::ints(codes.iter().map(|(_, code)| code.version)))
        .with("number", Column::texts(codes.iter().map(|(_, code)| code.account.number.as_str())))
        .with("bin", Column::texts(codes.iter().map(|(_, code)| code.account.bin.as_str())))
        .with("payload", Column::texts(codes.iter().map(|(_, code)| code.payload.clone())));
    transaction.execute_exactly(codes.len(), SQL, binds![market.get(), micros(at), rows]).await
}

/// One print as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct PrintRow<'a> {
    /// Its identifier.
    pub(crate) id: Uuid,
    /// When.
    pub(crate) at: Timestamp,
    /// By whom.
    pub(crate) by: &'a str,
    /// On which cards.
    pub(crate) layout: &'a str,
    /// Which stalls' codes, in which version.
    pub(crate) cards: &'a [(StallNumber, i64)],
}

/// Keeps that cards were printed.
pub(crate) async fn log(transaction: &mut Transaction, market: MarketId, print: &PrintRow<'_>) -> Result<()> {
    const PRINT: &str = "INSERT INTO qr_prints (market_id, print_id, printed_at, printed_by, layout) \
        VALUES ($1, $2, $3, $4, $5)";
    const CARDS: &str = "INSERT INTO qr_print_cards (market_id, stall_number, version, print_id) \
        SELECT h.market_id, u.stall_number, u.version, $2 FROM market_head h, {rows} WHERE h.market_id = $1";
    let id = print.id.as_bytes().to_vec();
    let values = binds![market.get(), id.clone(), micros(print.at), print.by, print.layout];
    transaction.execute_exactly(1, PRINT, values).await?;
    let rows = Rows::new()
        .with("stall_number", Column::ints(print.cards.iter().map(|(stall, _)| stall.get())))
        .with("version", Column::ints(print.cards.iter().map(|(_, version)| *version)));
    transaction.execute_exactly(print.cards.len(), CARDS, binds![market.get(), id, rows]).await
}

/// Reads when each stall's card was last printed, and how often it was.
pub(crate) async fn printed(
    transaction: &mut Transaction,
    market: MarketId,
) -> Result<HashMap<StallNumber, (Timestamp, i64)>> {
    const SQL: &str = "SELECT c.stall_number, MAX(p.printed_at) AS printed_at, COUNT(*) AS count FROM qr_print_cards c \
        JOIN qr_prints p ON p.market_id = c.market_id AND p.print_id = c.print_id \
        WHERE c.market_id = $1 GROUP BY c.stall_number ORDER BY c.stall_number LIMIT $2";
    let rows = transaction.rows(SQL, binds![market.get(), LIMIT]).await?;
    rows.iter()
        .map(|row| {
            let at = super::instant(row.int("printed_at")?)?;
            Ok((stall(row.int("stall_number")?)?, (at, row.int("count")?)))
        })
        .collect()
}
