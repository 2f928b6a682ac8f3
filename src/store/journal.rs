//! Writing one judged batch of one market: all hot SQL of a posting.
//!
//! Round trips of a batch on PostgreSQL, in order, whatever its size: begin · head, unless the lane remembers it ·
//! (facts: see `facts.rs`) · fence · batch, inbox, texts, postings and totals together · commit. Pairings only when
//! there are any, and credits that may be paired only of listed dates. One market's keys only, so that the same
//! text runs on a cluster; the fence comes before every other write, so that two processes cannot both go on.

use std::collections::HashSet;

use super::engine::{Column, Rows, Transaction, Write, binds};
use super::error::Result;
use super::micros;
use super::{balances, head, pairing};
use crate::domain::account::{AccountNumber, SettledAccount};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{Seq, StallNumber};
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, Direction};
use crate::ledger::batch::{Batch, Pairing};

/// Writes a batch. Returns `false` when the fence was lost: roll back, read again, judge again.
///
/// `listed` are the dates whose credits another source's report may be.
pub(crate) async fn write(
    transaction: &mut Transaction,
    batch: &Batch<'_>,
    read_version: i64,
    listed: &HashSet<BusinessDate>,
) -> Result<bool> {
    if !head::advance(transaction, batch.market, read_version, &batch.next_head).await? {
        return Ok(false);
    }
    let rows = [inserted_items(batch), inserted_texts(batch), inserted_postings(batch)];
    let totals = [
        added_balances(batch),
        added_stall_days(batch),
        added_hours(batch),
        added_dates(batch),
        added_sources(batch),
        added_heard(batch),
    ];
    let writes = std::iter::once(inserted_batch(batch)).chain(rows.into_iter().chain(totals).flatten());
    transaction.execute_together(writes.collect()).await?;
    insert_pairings(transaction, batch).await?;
    insert_refunds(transaction, batch).await?;
    pairing::add(transaction, batch, listed).await?;
    balances::keep_step(transaction, batch).await?;
    Ok(true)
}

fn inserted_batch<'b>(batch: &'b Batch<'_>) -> Write<'b> {
    const SQL: &str = "INSERT INTO batches (market_id, batch_no, first_seq, posting_count, first_item, item_count, \
        recorded_at, previous_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let postings = i64::try_from(batch.postings.len()).unwrap_or(i64::MAX);
    let items = i64::try_from(batch.items.len()).unwrap_or(i64::MAX);
    let values = binds![
        batch.market.get(),
        batch.number,
        batch.next_head.last_seq - postings + 1,
        postings,
        batch.next_head.last_item - items + 1,
        items,
        micros(batch.recorded_at),
        batch.previous_hash.as_slice(),
        batch.next_head.last_hash.as_slice(),
    ];
    Write::one(SQL, values)
}

fn inserted_items<'b>(batch: &'b Batch<'_>) -> Option<Write<'b>> {
    const SQL: &str = "INSERT INTO inbox (market_id, item, batch_no, delivery_id, part, source_id, event_id, \
        event_id_weak, direction, settled_account, addressed, bank_hint, amount, reference, occurrence, event_at, \
        event_precision, claimed_at, event_date, business_date, memo_code, outcome, reason, actor, posting_seq, \
        earlier_item, resolves, claims_event, claims_reference, recorded_at, commitment) \
        SELECT h.market_id, u.item, $2, u.delivery_id, u.part, u.source_id, u.event_id, u.event_id_weak, u.direction, \
        u.settled_account, u.addressed, u.bank_hint, u.amount, u.reference, u.occurrence, u.event_at, \
        u.event_precision, u.claimed_at, u.event_date, u.business_date, u.memo_code, u.outcome, u.reason, u.actor, \
        u.posting_seq, u.earlier_item, u.resolves, u.claims_event, u.claims_reference, $3, u.commitment \
        FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1";
    let items = || batch.items.iter();
    let rows = Rows::new()
        .with("item", Column::ints(items().map(|i| i.item)))
        .with("delivery_id", Column::bytes(items().map(|i| i.delivery.0.as_bytes().as_slice())))
        .with("part", Column::ints(items().map(|i| i.part)))
        .with("source_id", Column::ints(items().map(|i| i.source.get())))
        .with("event_id", Column::optional_texts(items().map(|i| i.event_id.as_deref())))
        .with("event_id_weak", Column::ints(items().map(|i| i64::from(i.event_id_weak))))
        .with("direction", Column::texts(items().map(|i| i.direction.map_or("none", Direction::as_str))))
        .with(
            "settled_account",
            Column::optional_texts(items().map(|i| i.settled.as_ref().map(SettledAccount::as_str))),
        )
        .with("addressed", Column::optional_texts(items().map(|i| i.addressed.as_ref().map(AccountNumber::as_str))))
        .with("bank_hint", Column::optional_texts(items().map(|i| i.bank_hint.as_deref())))
        .with("amount", Column::ints(items().map(|i| i.amount.map(Dong::whole))))
        .with("reference", Column::optional_texts(items().map(|i| i.reference.as_ref().map(BankRef::as_str))))
        .with("occurrence", Column::ints(items().map(|i| i.occurrence)))
        .with("event_at", Column::ints(items().map(|i| i.moment.at.map(micros))))
        .with("event_precision", Column::texts(items().map(|i| i.moment.precision.as_str())))
        .with("claimed_at", Column::ints(items().map(|i| i.moment.claimed.map(micros))))
        .with("event_date", Column::dates(items().map(|i| i.moment.event_date)))
        .with("business_date", Column::dates(items().map(|i| i.business_date)))
        .with("memo_code", Column::ints(items().map(|i| i.memo_code.map(StallNumber::get))))
        .with("outcome", Column::texts(items().map(|i| i.outcome.as_str())))
        .with("reason", Column::optional_texts(items().map(|i| i.reason.as_deref())))
        .with("actor", Column::optional_texts(items().map(|i| i.actor.as_deref())))
        .with("posting_seq", Column::ints(items().map(|i| i.posting.map(Seq::get))))
        .with("earlier_item", Column::ints(items().map(|i| i.earlier_item)))
        .with("resolves", Column::ints(items().map(|i| i.resolves)))
        .with("claims_event", Column::ints(items().map(|i| i64::from(i.claims_event))))
        .with("claims_reference", Column::ints(items().map(|i| i64::from(i.claims_reference))))
        .with("commitment", Column::bytes(items().map(|i| i.commitment.as_slice())));
    Write::each(SQL, binds![batch.market.get(), batch.number, micros(batch.recorded_at)], rows)
}

fn inserted_texts<'b>(batch: &'b Batch<'_>) -> Option<Write<'b>> {
    const SQL: &str = "INSERT INTO inbox_texts (market_id, item, salt, raw, memo, payer) \
        SELECT h.market_id, u.item, u.salt, u.raw, u.memo, u.payer \
        FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1";
    let texts = || batch.texts.iter();
    let rows = Rows::new()
        .with("item", Column::ints(texts().map(|t| t.item)))
        .with("salt", Column::bytes(texts().map(|t| t.salt.as_slice())))
        .with("raw", Column::optional_bytes(texts().map(|t| t.raw)))
        .with("memo", Column::texts(texts().map(|t| &*t.memo)))
        .with("payer", Column::texts(texts().map(|t| &*t.payer)));
    Write::each(SQL, binds![batch.market.get()], rows)
}

fn inserted_postings<'b>(batch: &'b Batch<'_>) -> Option<Write<'b>> {
    const SQL: &str = "INSERT INTO postings (market_id, seq, batch_no, kind, debit_account, credit_account, amount, \
        business_date, event_date, event_at, recorded_at, late, stall_number, item, concerns, reason, actor) \
        SELECT h.market_id, u.seq, $2, u.kind, u.debit_account, u.credit_account, u.amount, u.business_date, \
        u.event_date, u.event_at, $3, u.late, u.stall_number, u.item, u.concerns, u.reason, u.actor \
        FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1";
    let postings = || batch.postings.iter();
    let rows = Rows::new()
        .with("seq", Column::ints(postings().map(|p| p.seq.get())))
        .with("kind", Column::texts(postings().map(|p| p.kind.as_str())))
        .with("debit_account", Column::texts(postings().map(|p| p.transfer.debit.to_string())))
        .with("credit_account", Column::texts(postings().map(|p| p.transfer.credit.to_string())))
        .with("amount", Column::ints(postings().map(|p| p.transfer.amount.whole())))
        .with("business_date", Column::dates(postings().map(|p| p.business_date)))
        .with("event_date", Column::dates(postings().map(|p| p.event_date)))
        .with("event_at", Column::ints(postings().map(|p| p.event_at.map(micros))))
        .with("late", Column::ints(postings().map(|p| i64::from(p.late))))
        .with("stall_number", Column::ints(postings().map(|p| p.stall.map(StallNumber::get))))
        .with("item", Column::ints(postings().map(|p| p.item)))
        .with("concerns", Column::ints(postings().map(|p| p.concerns.map(Seq::get))))
        .with("reason", Column::optional_texts(postings().map(|p| p.reason.as_deref())))
        .with("actor", Column::optional_texts(postings().map(|p| p.actor.as_deref())));
    Write::each(SQL, binds![batch.market.get(), batch.number, micros(batch.recorded_at)], rows)
}

async fn insert_pairings(transaction: &mut Transaction, batch: &Batch<'_>) -> Result<()> {
    const DELETE: &str = "DELETE FROM pairings WHERE market_id = $1 AND credit_item = $2 AND source_id = $3";
    const INSERT: &str = "INSERT INTO pairings (market_id, credit_item, source_id, item) \
        SELECT h.market_id, u.credit_item, u.source_id, u.item \
        FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1";
    const AGREE: &str = "INSERT INTO reference_agreements (market_id, source_id) \
        SELECT h.market_id, u.source_id FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1 \
        ON CONFLICT (market_id, source_id) DO NOTHING";
    for Pairing { credit, source, .. } in &batch.released {
        transaction.execute_exactly(1, DELETE, binds![batch.market.get(), *credit, source.get()]).await?;
    }
    if batch.pairings.is_empty() {
        return Ok(());
    }
    if !batch.agreeing.is_empty() {
        let rows = Rows::new().with("source_id", Column::ints(batch.agreeing.iter().map(|source| source.get())));
        transaction.execute(AGREE, binds![batch.market.get(), rows]).await?;
    }
    let rows = Rows::new()
        .with("credit_item", Column::ints(batch.pairings.iter().map(|p| p.credit)))
        .with("source_id", Column::ints(batch.pairings.iter().map(|p| p.source.get())))
        .with("item", Column::ints(batch.pairings.iter().map(|p| p.item)));
    transaction.execute_exactly(batch.pairings.len(), INSERT, binds![batch.market.get(), rows]).await
}

async fn insert_refunds(transaction: &mut Transaction, batch: &Batch<'_>) -> Result<()> {
    const SQL: &str = "INSERT INTO statement_refunds (market_id, line, seq) \
        SELECT h.market_id, u.line, u.seq FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1";
    if batch.refunds.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .with("line", Column::ints(batch.refunds.iter().map(|(line, _)| *line)))
        .with("seq", Column::ints(batch.refunds.iter().map(|(_, seq)| seq.get())));
    transaction.execute_exactly(batch.refunds.len(), SQL, binds![batch.market.get(), rows]).await
}

fn added_balances<'b>(batch: &'b Batch<'_>) -> Option<Write<'b>> {
    const SQL: &str = "INSERT INTO balances (market_id, account, debits, credits) \
        SELECT h.market_id, u.account, u.debits, u.credits FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1 \
        ON CONFLICT (market_id, account) DO UPDATE SET debits = balances.debits + excluded.debits, \
        credits = balances.credits + excluded.credits";
    let balances = &batch.deltas.balances;
    let rows = Rows::new()
        .with("account", Column::texts(balances.keys().map(ToString::to_string)))
        .with("debits", Column::ints(balances.values().map(|s| s.debits.whole())))
        .with("credits", Column::ints(balances.values().map(|s| s.credits.whole())));
    Write::each(SQL, binds![batch.market.get()], rows)
}

fn added_stall_days<'b>(batch: &'b Batch<'_>) -> Option<Write<'b>> {
    // The engines spell the smaller of two values differently; CASE is common to both.
    const SQL: &str = "INSERT INTO daily_totals (market_id, business_date, stall_number, kind, count, amount, \
        first_at, last_at) SELECT h.market_id, u.business_date, u.stall_number, u.kind, u.count, u.amount, \
        u.first_at, u.last_at FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1 \
        ON CONFLICT (market_id, business_date, stall_number, kind) DO UPDATE SET \
        count = daily_totals.count + excluded.count, amount = daily_totals.amount + excluded.amount, \
        first_at = CASE WHEN daily_totals.first_at <= excluded.first_at OR excluded.first_at IS NULL \
            THEN daily_totals.first_at ELSE excluded.first_at END, \
        last_at = CASE WHEN daily_totals.last_at >= excluded.last_at OR excluded.last_at IS NULL \
            THEN daily_totals.last_at ELSE excluded.last_at END";
    let days = &batch.deltas.stall_days;
    let rows = Rows::new()
        .with("business_date", Column::dates(days.keys().map(|(date, _, _)| *date)))
        .with("stall_number", Column::ints(days.keys().map(|(_, stall, _)| stall.map_or(0, StallNumber::get))))
        .with("kind", Column::texts(days.keys().map(|(_, _, kind)| kind.as_str())))
        .with("count", Column::ints(days.values().map(|d| d.tally.count)))
        .with("amount", Column::ints(days.values().map(|d| d.tally.amount.whole())))
        .with("first_at", Column::ints(days.values().map(|d| d.first_at)))
        .with("last_at", Column::ints(days.values().map(|d| d.last_at)));
    Write::each(SQL, binds![batch.market.get()], rows)
}

fn added_hours<'b>(batch: &'b Batch<'_>) -> Option<Write<'b>> {
    const SQL: &str = "INSERT INTO hourly_totals (market_id, business_date, hour, count, amount) \
        SELECT h.market_id, u.business_date, u.hour, u.count, u.amount FROM {rows} CROSS JOIN market_head h \
        WHERE h.market_id = $1 ON CONFLICT (market_id, business_date, hour) DO UPDATE SET \
        count = hourly_totals.count + excluded.count, amount = hourly_totals.amount + excluded.amount";
    let hours = &batch.deltas.hours;
    let rows = Rows::new()
        .with("business_date", Column::dates(hours.keys().map(|(date, _)| *date)))
        .with("hour", Column::ints(hours.keys().map(|(_, hour)| *hour)))
        .with("count", Column::ints(hours.values().map(|t| t.count)))
        .with("amount", Column::ints(hours.values().map(|t| t.amount.whole())));
    Write::each(SQL, binds![batch.market.get()], rows)
}

fn added_dates<'b>(batch: &'b Batch<'_>) -> Option<Write<'b>> {
    const SQL: &str = "INSERT INTO date_totals (market_id, business_date, event_date, kind, late, count, debits, \
        credits) SELECT h.market_id, u.business_date, u.event_date, u.kind, u.late, u.count, u.debits, u.credits \
        FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1 \
        ON CONFLICT (market_id, business_date, event_date, kind, late) DO UPDATE SET \
        count = date_totals.count + excluded.count, debits = date_totals.debits + excluded.debits, \
        credits = date_totals.credits + excluded.credits";
    let dates = &batch.deltas.dates;
    let rows = Rows::new()
        .with("business_date", Column::dates(dates.keys().map(|(date, ..)| *date)))
        .with("event_date", Column::dates(dates.keys().map(|(_, date, ..)| *date)))
        .with("kind", Column::texts(dates.keys().map(|(_, _, kind, _)| kind.as_str())))
        .with("late", Column::ints(dates.keys().map(|(.., late)| i64::from(*late))))
        .with("count", Column::ints(dates.values().map(|(count, _)| *count)))
        .with("debits", Column::ints(dates.values().map(|(_, sides)| sides.debits.whole())))
        .with("credits", Column::ints(dates.values().map(|(_, sides)| sides.credits.whole())));
    Write::each(SQL, binds![batch.market.get()], rows)
}

fn added_sources<'b>(batch: &'b Batch<'_>) -> Option<Write<'b>> {
    const SQL: &str = "INSERT INTO source_totals (market_id, business_date, source_id, outcome, count, amount, \
        last_at) SELECT h.market_id, u.business_date, u.source_id, u.outcome, u.count, u.amount, u.last_at \
        FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1 \
        ON CONFLICT (market_id, business_date, source_id, outcome) DO UPDATE SET \
        count = source_totals.count + excluded.count, amount = source_totals.amount + excluded.amount, \
        last_at = CASE WHEN source_totals.last_at >= excluded.last_at THEN source_totals.last_at \
            ELSE excluded.last_at END";
    let sources = &batch.deltas.sources;
    let rows = Rows::new()
        .with("business_date", Column::dates(sources.keys().map(|(date, ..)| *date)))
        .with("source_id", Column::ints(sources.keys().map(|(_, source, _)| source.get())))
        .with("outcome", Column::texts(sources.keys().map(|(.., outcome)| outcome.as_str())))
        .with("count", Column::ints(sources.values().map(|(tally, _)| tally.count)))
        .with("amount", Column::ints(sources.values().map(|(tally, _)| tally.amount.whole())))
        .with("last_at", Column::ints(sources.values().map(|(_, last_at)| *last_at)));
    Write::each(SQL, binds![batch.market.get()], rows)
}

fn added_heard<'b>(batch: &'b Batch<'_>) -> Option<Write<'b>> {
    const SQL: &str = "INSERT INTO source_hours (market_id, source_id, heard_on, hour, count, last_at) \
        SELECT h.market_id, u.source_id, u.heard_on, u.hour, u.count, u.last_at \
        FROM {rows} CROSS JOIN market_head h WHERE h.market_id = $1 \
        ON CONFLICT (market_id, source_id, heard_on, hour) DO UPDATE SET count = source_hours.count + excluded.count, \
        last_at = CASE WHEN source_hours.last_at >= excluded.last_at THEN source_hours.last_at \
            ELSE excluded.last_at END";
    let heard = &batch.deltas.heard;
    let rows = Rows::new()
        .with("source_id", Column::ints(heard.keys().map(|(source, ..)| source.get())))
        .with("heard_on", Column::dates(heard.keys().map(|(_, date, _)| *date)))
        .with("hour", Column::ints(heard.keys().map(|(.., hour)| *hour)))
        .with("count", Column::ints(heard.values().map(|(count, _)| *count)))
        .with("last_at", Column::ints(heard.values().map(|(_, last_at)| *last_at)));
    Write::each(SQL, binds![batch.market.get()], rows)
}
