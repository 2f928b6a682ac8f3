//! Subscriptions of other programs to a market's events.
//!
//! There is no table of events to send. The journal is durable, ordered and without a gap, and a
//! subscription's `delivered_seq` is a place in it: what lies behind that place is what is still to be
//! delivered. So a posting is to be delivered from the very COMMIT that books it, none can be lost
//! between two writes, and booking costs nothing more for however many subscribers (reliability P18).
//!
//! Every change of a row moves its `beat`, and whoever delivers goes on only from the beat that it
//! saw: a second process, a replay or a rotation in between makes the older one stop. What it had sent
//! meanwhile is sent again, under the same event ids.

use jiff::Timestamp;

use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::users::uuid;
use super::{Store, instant, micros, optional_instant};
use crate::domain::identity::WebhookId;
use crate::domain::ids::{MarketCode, MarketId};
use crate::domain::webhook::{Tried, WebhookUrl};

/// Tries of a subscription that are kept.
pub(crate) const ATTEMPTS_KEPT: i64 = 50;
/// Subscriptions that one look finds; the rest is found by the next.
const DUE_MAX: i64 = 1_000;
/// Subscriptions that one list holds.
const LISTED_MAX: i64 = 1_000;

/// A subscription's columns, with its market's code and the number of its last posting.
macro_rules! webhook_sql {
    ($rest:literal) => {
        concat!(
            "SELECT w.market_id, m.code, w.webhook_id, w.url, w.secret, w.secret_previous, w.previous_until, \
             w.delivered_seq, w.holder, w.beat, w.attempts, w.failures, w.failing_since, w.retry_at, w.delivered_at, \
             w.disabled_at, w.disabled_why, w.created_at, w.created_by, h.last_seq FROM webhooks w \
             JOIN markets m ON m.market_id = w.market_id JOIN market_head h ON h.market_id = w.market_id ",
            $rest
        )
    };
}

/// A subscription as it is kept.
#[derive(Clone)]
pub(crate) struct WebhookRow {
    pub(crate) market: MarketId,
    pub(crate) code: MarketCode,
    pub(crate) id: WebhookId,
    pub(crate) url: WebhookUrl,
    pub(crate) secret: String,
    /// The secret before, and until when events are signed with it too.
    pub(crate) previous: Option<(String, Timestamp)>,
    pub(crate) delivered_seq: i64,
    pub(crate) holder: Option<Vec<u8>>,
    pub(crate) beat: i64,
    pub(crate) attempts: i64,
    pub(crate) failures: i64,
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) delivered_at: Option<Timestamp>,
    pub(crate) disabled_at: Option<Timestamp>,
    pub(crate) disabled_why: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    /// The number of the market's last posting.
    pub(crate) last_seq: i64,
}

/// One try that is kept, or several of one outcome in a row.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) number: i64,
    pub(crate) first_seq: i64,
    pub(crate) last_seq: i64,
    pub(crate) at: Timestamp,
    pub(crate) took_ms: i64,
    pub(crate) outcome: Tried,
    pub(crate) status: Option<i64>,
    pub(crate) detail: String,
}

/// How all subscriptions together stand.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    /// The most postings that a subscription has still to hear of.
    pub(crate) lag: i64,
    /// Subscriptions whose last try failed.
    pub(crate) failing: i64,
    /// The instant since which one of them has been failing longest.
    pub(crate) since: Option<Timestamp>,
}

fn webhook(row: &Row) -> Result<WebhookRow> {
    let wrong = |error: crate::domain::ids::IdError| StoreError::Inconsistent(format!("webhooks: {error}"));
    let previous = row.optional_text("secret_previous")?.zip(optional_instant(row.optional_int("previous_until")?)?);
    Ok(WebhookRow {
        market: MarketId::new(row.int("market_id")?).map_err(wrong)?,
        code: row.parse("code")?,
        id: WebhookId(uuid(&row.bytes("webhook_id")?)?),
        url: row.parse("url")?,
        secret: row.text("secret")?,
        previous,
        delivered_seq: row.int("delivered_seq")?,
        holder: row.optional_bytes("holder")?,
        beat: row.int("beat")?,
        attempts: row.int("attempts")?,
        failures: row.int("failures")?,
        failing_since: optional_instant(row.optional_int("failing_since")?)?,
        retry_at: optional_instant(row.optional_int("retry_at")?)?,
        delivered_at: optional_instant(row.optional_int("delivered_at")?)?,
        disabled_at: optional_instant(row.optional_int("disabled_at")?)?,
        disabled_why: row.optional_text("disabled_why")?,
        created_at: instant(row.int("created_at")?)?,
        created_by: row.text("created_by")?,
        last_seq: row.int("last_seq")?,
    })
}

/// Adds a subscription.
pub(crate) async fn add(transaction: &mut Transaction, new: &WebhookRow) -> Result<()> {
    const SQL: &str = "INSERT INTO webhooks (market_id, webhook_id, url, secret, delivered_seq, beat, attempts, failures, \
        created_at, created_by) VALUES ($1, $2, $3, $4, $5, 0, 0, 0, $6, $7)";
    let values = binds![
        new.market.get(),
        bytes(new.id),
        new.url.as_str(),
        new.secret.as_str(),
        new.delivered_seq,
        micros(new.created_at),
        new.created_by.as_str(),
    ];
    transaction.execute_exactly(1, SQL, values).await
}

/// Puts a new secret in force; the one before is signed with too until `previous_until`.
pub(crate) async fn rotate(
    transaction: &mut Transaction,
    market: MarketId,
    id: WebhookId,
    secret: &str,
    previous_until: Timestamp,
) -> Result<()> {
    const SQL: &str = "UPDATE webhooks SET secret_previous = secret, secret = $3, previous_until = $4, beat = beat + 1, \
        holder = NULL WHERE market_id = $1 AND webhook_id = $2";
    transaction.execute_exactly(1, SQL, binds![market.get(), bytes(id), secret, micros(previous_until)]).await
}

/// Reads a market's subscriptions, the oldest first.
pub(crate) async fn of_market(transaction: &mut Transaction, market: MarketId) -> Result<Vec<WebhookRow>> {
    const SQL: &str = webhook_sql!("WHERE w.market_id = $1 ORDER BY w.webhook_id LIMIT $2");
    transaction.rows(SQL, binds![market.get(), LISTED_MAX]).await?.iter().map(webhook).collect()
}

/// Reads one subscription.
pub(crate) async fn find(transaction: &mut Transaction, market: MarketId, id: WebhookId) -> Result<Option<WebhookRow>> {
    const SQL: &str = webhook_sql!("WHERE w.market_id = $1 AND w.webhook_id = $2");
    transaction.row(SQL, binds![market.get(), bytes(id)]).await?.as_ref().map(webhook).transpose()
}

/// Removes a subscription and its tries; `false` when it is not there.
pub(crate) async fn remove(transaction: &mut Transaction, market: MarketId, id: WebhookId) -> Result<bool> {
    const ATTEMPTS: &str = "DELETE FROM webhook_attempts WHERE market_id = $1 AND webhook_id = $2";
    const ROW: &str = "DELETE FROM webhooks WHERE market_id = $1 AND webhook_id = $2";
    transaction.execute(ATTEMPTS, binds![market.get(), bytes(id)]).await?;
    Ok(transaction.execute(ROW, binds![market.get(), bytes(id)]).await? == 1)
}

/// Moves a subscription to another place in the journal and lets it begin anew.
pub(crate) async fn replay(transaction: &mut Transaction, market: MarketId, id: WebhookId, after: i64) -> Result<()> {
    const SQL: &str = "UPDATE webhooks SET delivered_seq = $3, beat = beat + 1, holder = NULL, failures = 0, \
        failing_since = NULL, retry_at = NULL, disabled_at = NULL, disabled_why = NULL \
        WHERE market_id = $1 AND webhook_id = $2";
    transaction.execute_exactly(1, SQL, binds![market.get(), bytes(id), after]).await
}

/// Stops every subscription of a book that was just made of a backup: its journal may go on otherwise
/// than the one that subscribers know, under the same names.
pub(crate) async fn disable_restored(transaction: &mut Transaction, at: Timestamp) -> Result<u64> {
    const SQL: &str = "UPDATE webhooks SET disabled_at = $2, disabled_why = 'restored', holder = NULL, beat = beat + 1 \
        WHERE market_id > $1 AND disabled_at IS NULL";
    transaction.execute(SQL, binds![0_i64, micros(at)]).await
}

/// Takes a subscription for this process, from the beat that was seen; `false` when another was faster.
pub(crate) async fn take(transaction: &mut Transaction, row: &WebhookRow, holder: &[u8]) -> Result<bool> {
    const SQL: &str = "UPDATE webhooks SET holder = $3, beat = beat + 1 \
        WHERE market_id = $1 AND webhook_id = $2 AND beat = $4 AND disabled_at IS NULL";
    Ok(transaction.execute(SQL, binds![row.market.get(), bytes(row.id), holder, row.beat]).await? == 1)
}

/// Writes down how far a subscription came and what was tried, from the beat that `row` was read or
/// written at; `false` when it is no longer this process's to write.
pub(crate) async fn keep(transaction: &mut Transaction, row: &WebhookRow, tried: &[Attempt]) -> Result<bool> {
    const SQL: &str = "UPDATE webhooks SET beat = beat + 1, delivered_seq = $4, holder = $5, attempts = $6, failures = $7, \
        failing_since = $8, retry_at = $9, delivered_at = $10, disabled_at = $11, disabled_why = $12 \
        WHERE market_id = $1 AND webhook_id = $2 AND beat = $3";
    const ATTEMPT: &str = "INSERT INTO webhook_attempts (market_id, webhook_id, attempt, first_seq, last_seq, at, \
        took_ms, outcome, status, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    const OLD: &str = "DELETE FROM webhook_attempts WHERE market_id = $1 AND webhook_id = $2 AND attempt <= $3";
    let values = binds![
        row.market.get(),
        bytes(row.id),
        row.beat,
        row.delivered_seq,
        row.holder.clone(),
        row.attempts,
        row.failures,
        row.failing_since.map(micros),
        row.retry_at.map(micros),
        row.delivered_at.map(micros),
        row.disabled_at.map(micros),
        row.disabled_why.as_deref(),
    ];
    if transaction.execute(SQL, values).await? != 1 {
        return Ok(false);
    }
    for attempt in tried {
        let values = binds![
            row.market.get(),
            bytes(row.id),
            attempt.number,
            attempt.first_seq,
            attempt.last_seq,
            micros(attempt.at),
            attempt.took_ms,
            attempt.outcome.as_str(),
            attempt.status,
            attempt.detail.as_str(),
        ];
        transaction.execute_exactly(1, ATTEMPT, values).await?;
    }
    let old = row.attempts.saturating_sub(ATTEMPTS_KEPT);
    if !tried.is_empty() && old > 0 {
        transaction.execute(OLD, binds![row.market.get(), bytes(row.id), old]).await?;
    }
    Ok(true)
}

/// Reads a subscription's last tries, the newest first.
pub(crate) async fn attempts(
    transaction: &mut Transaction,
    market: MarketId,
    id: WebhookId,
    limit: i64,
) -> Result<Vec<Attempt>> {
    const SQL: &str = "SELECT attempt, first_seq, last_seq, at, took_ms, outcome, status, detail FROM webhook_attempts \
        WHERE market_id = $1 AND webhook_id = $2 ORDER BY attempt DESC LIMIT $3";
    let read = |row: &Row| {
        Ok(Attempt {
            number: row.int("attempt")?,
            first_seq: row.int("first_seq")?,
            last_seq: row.int("last_seq")?,
            at: instant(row.int("at")?)?,
            took_ms: row.int("took_ms")?,
            outcome: row.parse("outcome")?,
            status: row.optional_int("status")?,
            detail: row.text("detail")?,
        })
    };
    transaction.rows(SQL, binds![market.get(), bytes(id), limit]).await?.iter().map(read).collect()
}

impl Store {
    /// Reads the subscriptions that have something to hear, of all markets, and whether there are any
    /// subscriptions at all.
    pub(crate) async fn due_webhooks(&self) -> Result<(Vec<WebhookRow>, bool)> {
        const SQL: &str = webhook_sql!(
            "WHERE w.market_id > $1 AND w.disabled_at IS NULL AND w.delivered_seq < h.last_seq \
             ORDER BY w.market_id, w.webhook_id LIMIT $2"
        );
        const ANY: &str = "SELECT market_id FROM webhooks WHERE market_id > $1 ORDER BY market_id, webhook_id LIMIT 1";
        let mut transaction = self.begin_read().await?;
        let any = transaction.row(ANY, binds![0_i64]).await?.is_some();
        let rows = if any { transaction.rows(SQL, binds![0_i64, DUE_MAX]).await? } else { Vec::new() };
        transaction.rollback().await?;
        Ok((rows.iter().map(webhook).collect::<Result<_>>()?, any))
    }

    /// Reads how all subscriptions together stand.
    pub(crate) async fn webhooks_standing(&self) -> Result<Standing> {
        const SQL: &str = "SELECT MAX(h.last_seq - w.delivered_seq) AS lag, CAST(COUNT(w.failing_since) AS BIGINT) AS failing, \
            MIN(w.failing_since) AS since FROM webhooks w JOIN market_head h ON h.market_id = w.market_id \
            WHERE w.market_id > $1 AND w.disabled_at IS NULL";
        let mut transaction = self.begin_read().await?;
        let row = transaction.row(SQL, binds![0_i64]).await?;
        transaction.rollback().await?;
        let Some(row) = row else { return Ok(Standing::default()) };
        Ok(Standing {
            lag: row.optional_int("lag")?.unwrap_or(0),
            failing: row.int("failing")?,
            since: optional_instant(row.optional_int("since")?)?,
        })
    }
}

fn bytes(id: WebhookId) -> Vec<u8> {
    id.0.as_bytes().to_vec()
}
