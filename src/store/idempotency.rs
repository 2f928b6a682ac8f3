//! Keys of requests that may be sent again, and what they were answered.
//!
//! A key is claimed in a transaction of its own before anything is done, and answered in another one
//! after. Between the two only its lease tells a request that is under way from one that broke off.

use jiff::Timestamp;

use super::engine::{Row, Transaction, Value, binds};
use super::error::Result;
use super::{instant, micros};
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::MarketId;

/// Rows beyond their time that one claim takes away, so that none waits for a large clean-up.
const PRUNED: i64 = 64;

/// Where a key counts.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) market: MarketId,
    pub(crate) actor: String,
    pub(crate) route: String,
    pub(crate) key: IdempotencyKey,
}

impl Slot {
    /// Returns what a statement is bound to: where the key counts, and after that the rest.
    fn binds<'a>(&'a self, rest: Vec<Value<'a>>) -> Vec<Value<'a>> {
        let mut values = binds![self.market.get(), self.actor.as_str(), self.route.as_str(), self.key.as_str()];
        values.extend(rest);
        values
    }
}

/// A request that claims a key.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// What tells this request from another one with the same key.
    pub(crate) id: [u8; 32],
    /// The hash of what is asked.
    pub(crate) fingerprint: [u8; 32],
    pub(crate) lease_until: Timestamp,
    pub(crate) keep_until: Timestamp,
}

/// What is known of a key.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) claim: Vec<u8>,
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) lease_until: Timestamp,
    pub(crate) keep_until: Timestamp,
    /// The status of the answer; none while nothing was answered.
    pub(crate) status: Option<i64>,
    pub(crate) content_type: Option<String>,
    /// The body; none where it was too large to keep.
    pub(crate) answer: Option<Vec<u8>>,
}

/// What was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer<'a> {
    pub(crate) status: i64,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) body: Option<Vec<u8>>,
}

/// Claims a key that nobody holds; `false` when somebody does.
pub(crate) async fn claim(transaction: &mut Transaction, slot: &Slot, claim: &Claim) -> Result<bool> {
    const SQL: &str = "INSERT INTO idempotency_keys (market_id, actor, route, idempotency_key, fingerprint, claim, \
        lease_until, keep_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
        ON CONFLICT (market_id, actor, route, idempotency_key) DO NOTHING";
    let values =
        binds![claim.fingerprint.as_slice(), claim.id.as_slice(), micros(claim.lease_until), micros(claim.keep_until),];
    Ok(transaction.execute(SQL, slot.binds(values)).await? == 1)
}

/// Reads what is known of a key; `None` when nobody holds it.
pub(crate) async fn find(transaction: &mut Transaction, slot: &Slot) -> Result<Option<Known>> {
    const SQL: &str = "SELECT fingerprint, claim, lease_until, keep_until, status, content_type, answer \
        FROM idempotency_keys WHERE market_id = $1 AND actor = $2 AND route = $3 AND idempotency_key = $4";
    transaction.row(SQL, slot.binds(binds![])).await?.as_ref().map(known).transpose()
}

fn known(row: &Row) -> Result<Known> {
    Ok(Known {
        claim: row.bytes("claim")?,
        fingerprint: row.bytes("fingerprint")?,
        lease_until: instant(row.int("lease_until")?)?,
        keep_until: instant(row.int("keep_until")?)?,
        status: row.optional_int("status")?,
        content_type: row.optional_text("content_type")?,
        answer: row.optional_bytes("answer")?,
    })
}

/// Takes a key over from another claim, whose answer and hash are forgotten; `false` when somebody was
/// faster.
pub(crate) async fn take_over(transaction: &mut Transaction, slot: &Slot, from: &[u8], claim: &Claim) -> Result<bool> {
    const SQL: &str = "UPDATE idempotency_keys SET fingerprint = $6, claim = $7, lease_until = $8, keep_until = $9, \
        status = NULL, content_type = NULL, answer = NULL \
        WHERE market_id = $1 AND actor = $2 AND route = $3 AND idempotency_key = $4 AND claim = $5";
    let values = binds![
        from,
        claim.fingerprint.as_slice(),
        claim.id.as_slice(),
        micros(claim.lease_until),
        micros(claim.keep_until),
    ];
    Ok(transaction.execute(SQL, slot.binds(values)).await? == 1)
}

/// Keeps what was answered; `false` when the claim has been taken over meanwhile.
pub(crate) async fn answer(
    transaction: &mut Transaction,
    slot: &Slot,
    claim: &[u8],
    answer: Answer<'_>,
) -> Result<bool> {
    const SQL: &str = "UPDATE idempotency_keys SET status = $6, content_type = $7, answer = $8 \
        WHERE market_id = $1 AND actor = $2 AND route = $3 AND idempotency_key = $4 AND claim = $5";
    let values = binds![claim, answer.status, answer.content_type, answer.body,];
    Ok(transaction.execute(SQL, slot.binds(values)).await? == 1)
}

/// Ends a claim's lease without an answer: what became of it is not known.
pub(crate) async fn end_lease(transaction: &mut Transaction, slot: &Slot, claim: &[u8], at: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE idempotency_keys SET lease_until = $6 \
        WHERE market_id = $1 AND actor = $2 AND route = $3 AND idempotency_key = $4 AND claim = $5";
    transaction.execute(SQL, slot.binds(binds![claim, micros(at)])).await.map(|_| ())
}

/// Gives a key back: nothing was done under it.
pub(crate) async fn release(transaction: &mut Transaction, slot: &Slot, claim: &[u8]) -> Result<()> {
    const SQL: &str = "DELETE FROM idempotency_keys WHERE market_id = $1 AND actor = $2 AND route = $3 \
        AND idempotency_key = $4 AND claim = $5";
    transaction.execute(SQL, slot.binds(binds![claim])).await.map(|_| ())
}

/// Takes away a few rows of a market whose time is over, those that ended first.
pub(crate) async fn prune(transaction: &mut Transaction, market: MarketId, now: Timestamp) -> Result<()> {
    const ENDED: &str = "SELECT actor, route, idempotency_key, claim FROM idempotency_keys \
        WHERE market_id = $1 AND keep_until < $2 ORDER BY keep_until, actor, route, idempotency_key LIMIT $3";
    for row in transaction.rows(ENDED, binds![market.get(), micros(now), PRUNED]).await? {
        let (actor, route) = (row.text("actor")?, row.text("route")?);
        let slot = Slot { market, actor, route, key: row.parse("idempotency_key")? };
        release(transaction, &slot, &row.bytes("claim")?).await?;
    }
    Ok(())
}
