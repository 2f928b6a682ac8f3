//! The audit log: appended in its market's own order, never changed.
//!
//! Appending moves the market's `audit_head` first, which holds every other process back until this
//! transaction ends: so no two rows stand behind one. It comes last in its transaction, after whatever
//! else that locks, or two of them could wait for each other.

use jiff::Timestamp;

use super::bindings::stall;
use super::engine::{Column, Row, Rows, Transaction, binds};
use super::error::{Result, StoreError};
use super::{instant, micros};
use crate::domain::audit::{Action, AuditEntry, AuditRow};
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketId, StallNumber};
use crate::ledger::audit_chain::AuditFields;

/// Rows that one statement appends.
const TOGETHER: usize = 512;

/// A row's columns, read from `a`.
macro_rules! audit_sql {
    ($rest:literal) => {
        concat!(
            "SELECT a.market_id, a.seq, a.recorded_at, a.actor_kind, a.actor, a.role, a.action, a.object_kind, a.object, \
             a.stall_number, a.value_before, a.value_after, a.reason, a.request_id, a.hash ",
            $rest
        )
    };
}

/// Where a market's log ends: the last entry's place and hash.
pub(crate) type Head = (MarketId, i64, Hash);

/// Appends entries to a market's log, in their order; returns each one's place and hash.
pub(crate) async fn append(
    transaction: &mut Transaction,
    market: MarketId,
    entries: &[AuditEntry],
) -> Result<Vec<(i64, Hash)>> {
    const END: &str = "UPDATE audit_head SET last_hash = $2 WHERE market_id = $1";
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
    let (last, mut previous) = take(transaction, market, count).await?;
    let first = last.saturating_sub(count).saturating_add(1);
    let mut rows: Vec<(i64, &AuditEntry, [u8; 32])> = Vec::with_capacity(entries.len());
    for (seq, entry) in (first..).zip(entries) {
        let hash = AuditFields::of(market.get(), seq, entry).hash(&previous);
        previous = hash.to_vec();
        rows.push((seq, entry, hash));
    }
    for part in rows.chunks(TOGETHER) {
        insert(transaction, market, part).await?;
    }
    transaction.execute_exactly(1, END, binds![market.get(), previous]).await?;
    Ok(rows.into_iter().map(|(seq, _, hash)| (seq, Hash(hash))).collect())
}

/// Reads where the logs of these markets end, by market; one without an entry has no end.
pub(crate) async fn heads(transaction: &mut Transaction, markets: &[MarketId]) -> Result<Vec<Head>> {
    const SQL: &str = "SELECT h.market_id, h.last_seq, h.last_hash FROM {rows} CROSS JOIN audit_head h \
        WHERE h.market_id = u.market_id AND h.last_seq > $1 ORDER BY h.market_id LIMIT $2";
    let limit = i64::try_from(markets.len()).unwrap_or(i64::MAX);
    let wanted = Rows::new().with("market_id", Column::ints(markets.iter().map(|market| market.get())));
    let wrong = |error: String| StoreError::Inconsistent(format!("audit_head: {error}"));
    let head = |row: &Row| {
        let market = MarketId::new(row.int("market_id")?).map_err(|error| wrong(error.to_string()))?;
        let hash = Hash::from_slice(&row.bytes("last_hash")?).map_err(|error| wrong(error.to_string()))?;
        Ok((market, row.int("last_seq")?, hash))
    };
    if markets.is_empty() {
        return Ok(Vec::new());
    }
    transaction.rows(SQL, binds![0_i64, limit, wanted]).await?.iter().map(head).collect()
}

/// Reads the hash of one entry as it lies there; none when it is not there.
pub(crate) async fn hash_at(transaction: &mut Transaction, market: MarketId, seq: i64) -> Result<Option<Vec<u8>>> {
    const SQL: &str = "SELECT hash FROM audit_log WHERE market_id = $1 AND seq = $2";
    transaction.row(SQL, binds![market.get(), seq]).await?.map(|row| row.bytes("hash")).transpose()
}

/// Takes the next places of a market's log; returns the last of them and the hash before the first.
async fn take(transaction: &mut Transaction, market: MarketId, count: i64) -> Result<(i64, Vec<u8>)> {
    const TAKE: &str =
        "UPDATE audit_head SET last_seq = last_seq + $2 WHERE market_id = $1 RETURNING last_seq, last_hash";
    const BEGIN: &str = "INSERT INTO audit_head (market_id, last_seq, last_hash) VALUES ($1, 0, $2) \
        ON CONFLICT (market_id) DO NOTHING";
    let mut taken = transaction.row(TAKE, binds![market.get(), count]).await?;
    if taken.is_none() {
        transaction.execute(BEGIN, binds![market.get(), vec![0_u8; 32]]).await?;
        taken = transaction.row(TAKE, binds![market.get(), count]).await?;
    }
    let row = taken.ok_or_else(|| StoreError::Inconsistent("audit_head: the row is missing".to_owned()))?;
    Ok((row.int("last_seq")?, row.bytes("last_hash")?))
}

async fn insert(transaction: &mut Transaction, market: MarketId, rows: &[(i64, &AuditEntry, [u8; 32])]) -> Result<()> {
    const SQL: &str = "INSERT INTO audit_log (market_id, seq, recorded_at, actor_kind, actor, role, action, object_kind, \
        object, stall_number, value_before, value_after, reason, request_id, hash) \
        SELECT h.market_id, u.seq, u.recorded_at, u.actor_kind, u.actor, u.role, u.action, u.object_kind, u.object, \
        u.stall_number, u.value_before, u.value_after, u.reason, u.request_id, u.hash \
        FROM audit_head h, {rows} WHERE h.market_id = $1";
    let entries = || rows.iter().map(|(_, entry, _)| *entry);
    let batch = Rows::new()
        .with("seq", Column::ints(rows.iter().map(|(seq, ..)| *seq)))
        .with("recorded_at", Column::ints(entries().map(|entry| micros(entry.recorded_at))))
        .with("actor_kind", Column::texts(entries().map(|entry| entry.actor_kind.as_str())))
        .with("actor", Column::texts(entries().map(|entry| entry.actor.as_str())))
        .with("role", Column::texts(entries().map(|entry| entry.role.as_str())))
        .with("action", Column::texts(entries().map(|entry| entry.action.as_str())))
        .with("object_kind", Column::texts(entries().map(|entry| entry.action.object().as_str())))
        .with("object", Column::texts(entries().map(|entry| entry.object.as_str())))
        .with("stall_number", Column::ints(entries().map(|entry| entry.stall.map(StallNumber::get))))
        .with("value_before", Column::optional_texts(entries().map(|entry| entry.before.as_deref())))
        .with("value_after", Column::optional_texts(entries().map(|entry| entry.after.as_deref())))
        .with("reason", Column::optional_texts(entries().map(|entry| entry.reason.as_deref())))
        .with("request_id", Column::optional_texts(entries().map(|entry| entry.request_id.as_deref())))
        .with("hash", Column::bytes(rows.iter().map(|(.., hash)| hash.to_vec())));
    transaction.execute_exactly(rows.len(), SQL, binds![market.get(), batch]).await
}

/// Which rows are wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Of this actor.
    pub(crate) actor: Option<String>,
    /// This action.
    pub(crate) action: Option<Action>,
    /// To this object.
    pub(crate) object: Option<String>,
    /// From this instant on.
    pub(crate) from: Option<Timestamp>,
    /// Before this instant.
    pub(crate) to: Option<Timestamp>,
}

/// Where a list goes on: behind this instant, market and place.
pub(crate) type Behind = (i64, i64, i64);

/// Reads rows of these markets, the newest first.
pub(crate) async fn newest(
    transaction: &mut Transaction,
    markets: &[MarketId],
    filter: &Filter,
    behind: Option<Behind>,
    limit: i64,
) -> Result<Vec<AuditRow>> {
    const SQL: &str = audit_sql!(
        "FROM {rows} CROSS JOIN audit_log a WHERE a.market_id = u.market_id \
         AND a.recorded_at >= $1 AND a.recorded_at < $2 AND ($3 = '' OR a.actor = $3) AND ($4 = '' OR a.action = $4) \
         AND ($5 = '' OR a.object = $5) AND (a.recorded_at, a.market_id, a.seq) < ($6, $7, $8) \
         ORDER BY a.recorded_at DESC, a.market_id DESC, a.seq DESC LIMIT $9"
    );
    if markets.is_empty() {
        return Ok(Vec::new());
    }
    let (at, market, seq) = behind.unwrap_or((i64::MAX, i64::MAX, i64::MAX));
    let values = binds![
        filter.from.map_or(i64::MIN, micros),
        filter.to.map_or(i64::MAX, micros),
        filter.actor.as_deref().unwrap_or_default(),
        filter.action.map_or("", Action::as_str),
        filter.object.as_deref().unwrap_or_default(),
        at,
        market,
        seq,
        limit,
        Rows::new().with("market_id", Column::ints(markets.iter().map(|market| market.get()))),
    ];
    transaction.rows(SQL, values).await?.iter().map(audit_row).collect()
}

/// Reads rows of one market in their order.
pub(crate) async fn in_order(
    transaction: &mut Transaction,
    market: MarketId,
    after: i64,
    limit: i64,
) -> Result<Vec<AuditRow>> {
    const SQL: &str = audit_sql!("FROM audit_log a WHERE a.market_id = $1 AND a.seq > $2 ORDER BY a.seq LIMIT $3");
    transaction.rows(SQL, binds![market.get(), after, limit]).await?.iter().map(audit_row).collect()
}

/// Reads what concerns a stall and was done by others than its own phones since an instant, the newest
/// first.
pub(crate) async fn of_stall(
    transaction: &mut Transaction,
    market: MarketId,
    number: StallNumber,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<AuditRow>> {
    const SQL: &str = audit_sql!(
        "FROM audit_log a WHERE a.market_id = $1 AND a.stall_number = $2 AND a.recorded_at >= $3 \
         AND a.actor_kind <> 'phone' AND a.actor_kind <> 'nobody' ORDER BY a.seq DESC LIMIT $4"
    );
    let values = binds![market.get(), number.get(), micros(since), limit];
    transaction.rows(SQL, values).await?.iter().map(audit_row).collect()
}

fn audit_row(row: &Row) -> Result<AuditRow> {
    let wrong = |error: crate::domain::ids::IdError| StoreError::Inconsistent(error.to_string());
    let entry = AuditEntry {
        recorded_at: instant(row.int("recorded_at")?)?,
        actor_kind: row.parse("actor_kind")?,
        actor: row.text("actor")?,
        role: row.text("role")?,
        action: row.parse("action")?,
        object: row.text("object")?,
        stall: row.optional_int("stall_number")?.map(stall).transpose()?,
        before: row.optional_text("value_before")?,
        after: row.optional_text("value_after")?,
        reason: row.optional_text("reason")?,
        request_id: row.optional_text("request_id")?,
    };
    let hash = Hash::from_slice(&row.bytes("hash")?).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
    Ok(AuditRow { market: MarketId::new(row.int("market_id")?).map_err(wrong)?, seq: row.int("seq")?, entry, hash })
}
