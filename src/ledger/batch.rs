//! What a judged batch writes: rows that are final, and changes of kept totals, folded so that
//! each touched row is written once.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::facts::{EventMoment, Head};
use super::totals::Deltas;
use super::work::IncomingItem;
use crate::domain::account::{AccountNumber, SettledAccount};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{DeliveryId, MarketId, Seq, SourceId, StallNumber};
use crate::domain::inbox::Outcome;
use crate::domain::ledger_account::LedgerAccount;
use crate::domain::money::Dong;
use crate::domain::posting::{PostingKind, Transfer};
use crate::domain::settlement::{BankRef, Direction, Settlement};

/// A posting as it stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Its number in the market's journal.
    pub seq: Seq,
    /// Why it was made.
    pub kind: PostingKind,
    /// Its sides and amount.
    pub transfer: Transfer,
    /// The book day it counts on.
    pub business_date: BusinessDate,
    /// The bank's calendar day; for a correction the book day.
    pub event_date: BusinessDate,
    /// When the money arrived, when that is known to the second.
    pub event_at: Option<Timestamp>,
    /// When we recorded it.
    pub recorded_at: Timestamp,
    /// Its own book day was closed already.
    pub late: bool,
    /// The stall it concerns; none while the money lies in suspense.
    pub stall: Option<StallNumber>,
    /// The inbox item it was made of.
    pub item: Option<i64>,
    /// The posting it corrects or rests on.
    pub concerns: Option<Seq>,
    /// Why a person made it.
    pub reason: Option<String>,
    /// Who made it.
    pub actor: Option<String>,
}

impl Posting {
    /// Returns what the posting did to its stall, or to suspense: negative when it took money away
    /// again.
    #[must_use]
    pub fn effect(&self) -> Dong {
        let transfer = &self.transfer;
        let away = matches!(
            (&transfer.debit, &transfer.credit),
            (LedgerAccount::Stall(_), _) | (LedgerAccount::Suspense, LedgerAccount::Bank(_))
        );
        if away { Dong::new(transfer.amount.whole().saturating_neg()) } else { transfer.amount }
    }
}

/// One judged item as it stands in the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedRow {
    /// Its number in the market's inbox.
    pub item: i64,
    /// The delivery it came in.
    pub delivery: DeliveryId,
    /// Its place in that delivery.
    pub part: i64,
    /// Who reported it.
    pub source: SourceId,
    /// The sender's name for it.
    pub event_id: Option<Arc<str>>,
    /// Whether that name is only a hash of its bytes.
    pub event_id_weak: bool,
    /// Which way the money moved.
    pub direction: Option<Direction>,
    /// The real account.
    pub settled: Option<SettledAccount>,
    /// The virtual account, when there is one.
    pub addressed: Option<AccountNumber>,
    /// The provider's name for the bank.
    pub bank_hint: Option<Arc<str>>,
    /// How much.
    pub amount: Option<Dong>,
    /// The bank's reference.
    pub reference: Option<BankRef>,
    /// Which occurrence of that reference it is.
    pub occurrence: i64,
    /// When it happened.
    pub moment: EventMoment,
    /// The book day it counts on.
    pub business_date: BusinessDate,
    /// The stall its memo names.
    pub memo_code: Option<StallNumber>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<String>,
    /// The person who decided, when one did.
    pub actor: Option<String>,
    /// The posting it made, or the earlier one that it repeats.
    pub posting: Option<Seq>,
    /// The earlier item it repeats, contradicts or may repeat.
    pub earlier_item: Option<i64>,
    /// The held item that this row settles.
    pub resolves: Option<i64>,
    /// It holds its event id for ever.
    pub claims_event: bool,
    /// It holds its reference for ever.
    pub claims_reference: bool,
    /// The salted commitment to its texts.
    pub commitment: [u8; 32],
}

/// The personal and raw text of one item, kept apart from the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemText<'w> {
    /// The item's number in the market's inbox.
    pub item: i64,
    /// The commitment's salt.
    pub salt: [u8; 32],
    /// The body as received, on one item of the delivery.
    pub raw: Option<&'w [u8]>,
    /// The transfer's text.
    pub memo: Cow<'w, str>,
    /// The payer as told.
    pub payer: Cow<'w, str>,
}

impl<'w> ItemText<'w> {
    /// Returns the texts that an item came with, under its number in the inbox.
    #[must_use]
    pub fn of(number: i64, item: &'w IncomingItem, settlement: Option<&'w Settlement>) -> Self {
        Self {
            item: number,
            salt: item.salt,
            raw: item.raw.as_deref(),
            memo: settlement.map_or("", |said| &said.memo).into(),
            payer: settlement.map_or("", |said| &said.payer).into(),
        }
    }
}

/// One recognised report of a credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pairing {
    /// The credit's item.
    pub credit: i64,
    /// The source whose report was recognised as it.
    pub source: SourceId,
    /// That report's item.
    pub item: i64,
}

/// A judged batch, ready to be written in one database transaction. Its texts are those of the work it was
/// judged of.
#[derive(Debug, Clone)]
pub struct Batch<'w> {
    /// The market.
    pub market: MarketId,
    /// Its number.
    pub number: i64,
    /// When it is recorded.
    pub recorded_at: Timestamp,
    /// The postings, in journal order.
    pub postings: Vec<Posting>,
    /// The judged items, in inbox order.
    pub items: Vec<JudgedRow>,
    /// Their texts.
    pub texts: Vec<ItemText<'w>>,
    /// The reports recognised as earlier credits.
    pub pairings: Vec<Pairing>,
    /// Pairings that end, because a person booked the report as money of its own.
    pub released: Vec<Pairing>,
    /// Sources whose references were confirmed by one another.
    pub agreeing: BTreeSet<SourceId>,
    /// Debit lines of statements with the refunds that record them.
    pub refunds: Vec<(i64, Seq)>,
    /// The changes of kept totals.
    pub deltas: Deltas,
    /// The previous batch's hash.
    pub previous_hash: Vec<u8>,
    /// The head after the batch.
    pub next_head: Head,
}

impl Batch<'_> {
    /// Tells whether there is anything to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.postings.is_empty() && self.items.is_empty()
    }
}
