//! Held items read back as what they were: for decisions, and to be judged again.

use super::engine::{Row, Transaction, binds};
use super::error::Result;
use super::optional_instant;
use crate::domain::account::{AccountNumber, SettledAccount};
use crate::domain::ids::{MarketId, SourceId};
use crate::domain::inbox::{Outcome, reason};
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, Direction, EventId, EventTime, Settlement};
use crate::ledger::facts::HeldItem;

/// Reads one item, held or not; `None` when the market's inbox has no such number.
pub(crate) async fn find(transaction: &mut Transaction, market: MarketId, item: i64) -> Result<Option<HeldItem>> {
    const SQL: &str = "SELECT i.item, i.source_id, i.event_id, i.event_id_weak, i.direction, i.settled_account, \
        i.addressed, i.bank_hint, i.amount, i.reference, i.event_at, i.event_precision, i.claimed_at, i.event_date, \
        i.outcome, i.reason, i.earlier_item, i.claims_event, i.claims_reference, r.item AS resolved_by, \
        COALESCE(t.memo, '') AS memo, COALESCE(t.payer, '') AS payer \
        FROM inbox i LEFT JOIN inbox r ON r.market_id = i.market_id AND r.resolves = i.item \
        LEFT JOIN inbox_texts t ON t.market_id = i.market_id AND t.item = i.item \
        WHERE i.market_id = $1 AND i.item = $2";
    transaction.row(SQL, binds![market.get(), item]).await?.as_ref().map(held).transpose()
}

fn held(row: &Row) -> Result<HeldItem> {
    let outcome: Outcome = row.parse("outcome")?;
    let why = row.optional_text("reason")?;
    let pairs = why.as_deref() == Some(reason::POSSIBLE_DUPLICATE);
    Ok(HeldItem {
        item: row.int("item")?,
        outcome,
        paired_with: row.optional_int("earlier_item")?.filter(|_| pairs),
        reason: why,
        resolved: row.optional_int("resolved_by")?.is_some(),
        settlement: settlement(row)?,
        source: SourceId::new(row.int("source_id")?),
        settled: row.optional_text("settled_account")?.map(SettledAccount::from_stored),
        claims_event: row.flag("claims_event")?,
        claims_reference: row.flag("claims_reference")?,
    })
}

/// Rebuilds the settlement; `None` for what never was one (an unreadable body).
fn settlement(row: &Row) -> Result<Option<Settlement>> {
    let (Some(settled), Some(amount)) = (row.optional_text("settled_account")?, row.optional_int("amount")?) else {
        return Ok(None);
    };
    let number = settled.split('@').next().unwrap_or(&settled);
    let Ok(settled) = number.parse::<AccountNumber>() else { return Ok(None) };
    let event_id = match (row.optional_text("event_id")?, row.flag("event_id_weak")?) {
        (Some(id), false) => EventId::Given(id.into()),
        (Some(id), true) => EventId::Weak(id.into()),
        (None, _) => EventId::ByReference,
    };
    let claimed = optional_instant(row.optional_int("claimed_at")?)?;
    let event_time = match (row.text("event_precision")?.as_str(), optional_instant(row.optional_int("event_at")?)?) {
        ("day", _) => EventTime::On(row.parse("event_date")?),
        // What stood in for an impossible claim stays what it was: the instant it was received.
        ("second" | "none", Some(at)) => EventTime::At(at),
        _ => claimed.map_or(EventTime::Missing, EventTime::At),
    };
    let credit = row.text("direction")? == Direction::Credit.as_str();
    Ok(Some(Settlement {
        event_id,
        direction: if credit { Direction::Credit } else { Direction::Debit },
        amount: Dong::new(amount),
        settled,
        addressed: row.optional_text("addressed")?.and_then(|number| number.parse().ok()),
        bank_hint: row.optional_text("bank_hint")?.map(Into::into),
        reference: row.optional_text("reference")?.map(BankRef::from_stored),
        event_time,
        memo: row.text("memo")?,
        payer: row.text("payer")?,
    }))
}

/// Reads the raw body kept with an item, if it was kept there.
pub(crate) async fn raw(transaction: &mut Transaction, market: MarketId, item: i64) -> Result<Option<Vec<u8>>> {
    const SQL: &str = "SELECT raw FROM inbox_texts WHERE market_id = $1 AND item = $2";
    let row = transaction.row(SQL, binds![market.get(), item]).await?;
    Ok(row.map(|row| row.optional_bytes("raw")).transpose()?.flatten())
}
