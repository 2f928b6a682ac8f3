//! What sources sent lately, as every process on this book may read it. See `app/delivery_log.rs`: nothing
//! of the book rests on these rows, and they go by number, bytes and age.

use jiff::Timestamp;

use super::engine::{Row, Transaction, binds};
use super::error::Result;
use super::users::uuid;
use super::{instant, micros};
use crate::domain::identity::HeardId;
use crate::domain::ids::{MarketId, SourceId};

/// Whose requests: a source, and the market that it reports to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sent {
    pub(crate) market: MarketId,
    pub(crate) source: SourceId,
}

/// One request as it is written down.
#[derive(Debug, Clone)]
pub(crate) struct HeardRow {
    pub(crate) id: HeardId,
    pub(crate) at: Timestamp,
    /// Its number among those of its process.
    pub(crate) place: i64,
    /// What is known of it, as JSON.
    pub(crate) request: String,
    pub(crate) body: Option<Vec<u8>>,
}

/// What may stay of a source's requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) requests: i64,
    pub(crate) bytes: i64,
    /// Older ones go.
    pub(crate) since: Timestamp,
}

/// Writes down requests of one source that were taken, or refused.
pub(crate) async fn add(transaction: &mut Transaction, of: Sent, taken: bool, rows: &[HeardRow]) -> Result<()> {
    const SQL: &str = "INSERT INTO heard_requests (market_id, source_id, taken, heard_at, place, heard_id, request, body) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
        ON CONFLICT (market_id, source_id, taken, heard_at, place, heard_id) DO NOTHING";
    for row in rows {
        let values = binds![
            of.market.get(),
            of.source.get(),
            i64::from(taken),
            micros(row.at),
            row.place,
            row.id.0.as_bytes().as_slice(),
            row.request.as_str(),
            row.body.clone(),
        ];
        transaction.execute(SQL, values).await?;
    }
    Ok(())
}

/// Removes what has no room: the oldest.
pub(crate) async fn make_room(transaction: &mut Transaction, of: Sent, taken: bool, room: Room) -> Result<()> {
    const FIRST_TO_GO: &str = "SELECT heard_at, place, heard_id FROM (\
          SELECT heard_at, place, heard_id, ROW_NUMBER() OVER latest AS number, \
            CAST(SUM(COALESCE(LENGTH(body), 0)) OVER latest AS BIGINT) AS bytes \
          FROM heard_requests WHERE market_id = $1 AND source_id = $2 AND taken = $3 \
          WINDOW latest AS (ORDER BY heard_at DESC, place DESC, heard_id DESC)) AS kept \
        WHERE number > $4 OR bytes > $5 OR heard_at < $6 \
        ORDER BY heard_at DESC, place DESC, heard_id DESC LIMIT 1";
    const GO: &str = "DELETE FROM heard_requests WHERE market_id = $1 AND source_id = $2 AND taken = $3 \
        AND (heard_at, place, heard_id) <= ($4, $5, $6)";
    let (market, source, taken) = (of.market.get(), of.source.get(), i64::from(taken));
    let values = binds![market, source, taken, room.requests, room.bytes, micros(room.since)];
    let Some(row) = transaction.row(FIRST_TO_GO, values).await? else { return Ok(()) };
    let (at, place, id) = (row.int("heard_at")?, row.int("place")?, row.bytes("heard_id")?);
    transaction.execute(GO, binds![market, source, taken, at, place, id]).await.map(|_| ())
}

/// Removes whatever of a market's sources was heard before an instant.
pub(crate) async fn forget(transaction: &mut Transaction, market: MarketId, before: Timestamp) -> Result<()> {
    const SQL: &str = "DELETE FROM heard_requests WHERE market_id = $1 AND heard_at < $2";
    transaction.execute(SQL, binds![market.get(), micros(before)]).await.map(|_| ())
}

/// Reads a source's requests that were taken, or refused, the newest first.
pub(crate) async fn list(transaction: &mut Transaction, of: Sent, taken: bool, limit: i64) -> Result<Vec<HeardRow>> {
    const SQL: &str = "SELECT heard_at, place, heard_id, request, body FROM heard_requests \
        WHERE market_id = $1 AND source_id = $2 AND taken = $3 \
        ORDER BY heard_at DESC, place DESC, heard_id DESC LIMIT $4";
    let values = binds![of.market.get(), of.source.get(), i64::from(taken), limit];
    transaction.rows(SQL, values).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<HeardRow> {
    Ok(HeardRow {
        id: HeardId(uuid(&row.bytes("heard_id")?)?),
        at: instant(row.int("heard_at")?)?,
        place: row.int("place")?,
        request: row.text("request")?,
        body: row.optional_bytes("body")?,
    })
}
