//! A judged item as a line of JSON: every field that the hash chain covers, and of the texts that
//! people wrote only the salted commitment.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::account::SettledAccount;
use crate::domain::hash::Hash;
use crate::domain::ids::{DeliveryId, Seq, SourceId, StallNumber};
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, Direction};
use crate::ledger::batch::JudgedRow;
use crate::ledger::facts::{EventMoment, Precision};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    item: i64,
    delivery: Uuid,
    part: i64,
    source: i64,
    event_id: Option<String>,
    event_id_weak: bool,
    direction: Option<String>,
    settled_account: Option<String>,
    addressed: Option<String>,
    bank_hint: Option<String>,
    amount: Option<i64>,
    reference: Option<String>,
    occurrence: i64,
    event_at_us: Option<i64>,
    event_precision: String,
    claimed_at_us: Option<i64>,
    event_date: String,
    business_date: String,
    memo_code: Option<i64>,
    outcome: String,
    reason: Option<String>,
    actor: Option<String>,
    posting: Option<i64>,
    earlier_item: Option<i64>,
    resolves: Option<i64>,
    claims_event: bool,
    claims_reference: bool,
    commitment: String,
}

/// Writes an item as its line, without a line end.
///
/// # Errors
/// When it cannot be written as JSON, which no item causes.
pub fn line(row: &JudgedRow) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Line {
        item: row.item,
        delivery: row.delivery.0,
        part: row.part,
        source: row.source.get(),
        event_id: row.event_id.as_deref().map(str::to_owned),
        event_id_weak: row.event_id_weak,
        direction: row.direction.map(|direction| direction.as_str().to_owned()),
        settled_account: row.settled.as_ref().map(|account| account.as_str().to_owned()),
        addressed: row.addressed.as_ref().map(|account| account.as_str().to_owned()),
        bank_hint: row.bank_hint.as_deref().map(str::to_owned),
        amount: row.amount.map(Dong::whole),
        reference: row.reference.as_ref().map(|reference| reference.as_str().to_owned()),
        occurrence: row.occurrence,
        event_at_us: row.moment.at.map(Timestamp::as_microsecond),
        event_precision: row.moment.precision.as_str().to_owned(),
        claimed_at_us: row.moment.claimed.map(Timestamp::as_microsecond),
        event_date: row.moment.event_date.to_string(),
        business_date: row.business_date.to_string(),
        memo_code: row.memo_code.map(StallNumber::get),
        outcome: row.outcome.as_str().to_owned(),
        reason: row.reason.clone(),
        actor: row.actor.clone(),
        posting: row.posting.map(Seq::get),
        earlier_item: row.earlier_item,
        resolves: row.resolves,
        claims_event: row.claims_event,
        claims_reference: row.claims_reference,
        commitment: Hash(row.commitment).to_string(),
    })
}

/// Reads an item's line.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<JudgedRow, String> {
    let line: Line = serde_json::from_str(text).map_err(text_of)?;
    let direction = match line.direction.as_deref() {
        None => None,
        Some("credit") => Some(Direction::Credit),
        Some("debit") => Some(Direction::Debit),
        Some(other) => return Err(format!("direction {other:?}")),
    };
    let precision = [Precision::Second, Precision::Day, Precision::Recorded]
        .into_iter()
        .find(|precision| precision.as_str() == line.event_precision)
        .ok_or_else(|| format!("event_precision {:?}", line.event_precision))?;
    let instant = |us: Option<i64>| us.map(Timestamp::from_microsecond).transpose().map_err(text_of);
    let commitment: Hash = line.commitment.parse().map_err(text_of)?;
    Ok(JudgedRow {
        item: line.item,
        delivery: DeliveryId(line.delivery),
        part: line.part,
        source: SourceId::new(line.source),
        event_id: line.event_id.map(Arc::from),
        event_id_weak: line.event_id_weak,
        direction,
        settled: line.settled_account.map(SettledAccount::from_stored),
        addressed: line.addressed.map(|account| account.parse()).transpose().map_err(text_of)?,
        bank_hint: line.bank_hint.map(Into::into),
        amount: line.amount.map(Dong::new),
        reference: line.reference.map(BankRef::from_stored),
        occurrence: line.occurrence,
        moment: EventMoment {
            at: instant(line.event_at_us)?,
            precision,
            claimed: instant(line.claimed_at_us)?,
            event_date: line.event_date.parse().map_err(text_of)?,
        },
        business_date: line.business_date.parse().map_err(text_of)?,
        memo_code: line.memo_code.map(StallNumber::new).transpose().map_err(text_of)?,
        outcome: line.outcome.parse().map_err(text_of)?,
        reason: line.reason,
        actor: line.actor,
        posting: line.posting.map(Seq::new),
        earlier_item: line.earlier_item,
        resolves: line.resolves,
        claims_event: line.claims_event,
        claims_reference: line.claims_reference,
        commitment: commitment.0,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn text_of(error: impl ToString) -> String {
    error.to_string()
}
