//! The hash chain: each batch's hash covers the previous hash, every field of its postings and
//! one leaf for every judged item (DESIGN §4.17).
//!
//! Every field is written with its length before it, so that no two different batches share bytes.
//! Personal text is covered by a salted commitment only: it can be redacted without breaking the
//! chain.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::batch::{Batch, ItemText, JudgedRow, Posting};
use crate::domain::account::{AccountNumber, SettledAccount};
use crate::domain::hash::Hash;
use crate::domain::ids::{Seq, StallNumber};
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, Direction};

/// The format of the bytes that are hashed; a new one gets a new number.
const FORMAT: &[u8] = b"socho batch v1";

/// One batch of the journal: which postings and items it covers, and its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub number: i64,
    /// Its first posting's number, or the number the next posting would have had.
    pub first_seq: i64,
    /// How many postings.
    pub postings: i64,
    /// Its first item's number.
    pub first_item: i64,
    /// How many items.
    pub items: i64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The hash of the batch before.
    pub previous: Hash,
    /// Its hash.
    pub hash: Hash,
}

/// Bytes that a leaf usually takes; a longer one makes its own room.
const LEAF: usize = 1_024;

/// Length-prefixed fields. They are gathered and hashed at once: a hash that is fed a few bytes at
/// a time took most of a settlement's hashing.
pub(super) struct Fields(Vec<u8>);

impl Fields {
    pub(super) fn new(format: &[u8]) -> Self {
        let mut fields = Self(Vec::with_capacity(LEAF));
        fields.bytes(format);
        fields
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Writes what something reads as, without making a text of its own of it.
    fn shown(&mut self, shown: impl fmt::Display) {
        use std::io::Write as _;
        let length_at = self.0.len();
        self.0.extend_from_slice(&[0; 8]);
        // Writing to memory cannot fail.
        let _ = write!(self.0, "{shown}");
        let length = self.0.len().saturating_sub(length_at).saturating_sub(8);
        let length = u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes();
        if let Some(place) = self.0.get_mut(length_at..).and_then(|rest| rest.first_chunk_mut()) {
            *place = length;
        }
    }

    pub(super) fn int(&mut self, number: i64) {
        self.0.push(8);
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.0.extend_from_slice(&[1, u8::from(flag)]);
    }

    pub(super) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(super) fn finish(self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

/// Returns the salted commitment to an item's texts.
#[must_use]
pub fn commitment(text: &ItemText<'_>) -> [u8; 32] {
    commitment_of(&text.salt, text.raw, &text.memo, &text.payer)
}

/// As [`commitment`], of the parts as the store keeps them.
#[must_use]
pub fn commitment_of(salt: &[u8], raw: Option<&[u8]>, memo: &str, payer: &str) -> [u8; 32] {
    let mut fields = Fields::new(b"socho text v1");
    fields.bytes(salt);
    fields.optional(raw, Fields::bytes);
    fields.text(memo);
    fields.text(payer);
    fields.finish()
}

/// Returns the hash of a batch: the next link of its market's chain.
#[must_use]
pub fn hash(batch: &Batch<'_>) -> [u8; 32] {
    let postings: Vec<_> = batch.postings.iter().map(posting_leaf).collect();
    let items: Vec<_> = batch.items.iter().map(item_leaf).collect();
    hash_of_leaves(
        &batch.previous_hash,
        (batch.market.get(), batch.number, batch.recorded_at.as_microsecond()),
        &postings,
        &items,
    )
}

/// As [`hash`], of the leaves of a batch's postings and items in their order; `(market, number,
/// recorded_at)` name the batch.
#[must_use]
pub fn hash_of_leaves(
    previous: &[u8],
    (market, number, recorded_at_us): (i64, i64, i64),
    postings: &[[u8; 32]],
    items: &[[u8; 32]],
) -> [u8; 32] {
    let mut fields = Fields::new(FORMAT);
    fields.bytes(previous);
    fields.int(market);
    fields.int(number);
    fields.int(recorded_at_us);
    for leaves in [postings, items] {
        fields.int(i64::try_from(leaves.len()).unwrap_or(i64::MAX));
        for leaf in leaves {
            fields.bytes(leaf);
        }
    }
    fields.finish()
}

/// The fields of a posting that its leaf covers, in the store's own words: whoever hashes a row as it
/// lies there misses nothing that reading it into types would smooth over.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "they are the columns of `postings`, and `Posting` describes them")]
pub struct PostingFields<'a, A, D> {
    pub seq: i64,
    pub kind: &'a str,
    pub debit: A,
    pub credit: A,
    pub amount: i64,
    pub business_date: D,
    pub event_date: D,
    pub event_at: Option<i64>,
    pub recorded_at: i64,
    pub late: bool,
    pub stall: Option<i64>,
    pub item: Option<i64>,
    pub concerns: Option<i64>,
    pub reason: Option<&'a str>,
    pub actor: Option<&'a str>,
}

impl<A: fmt::Display, D: fmt::Display> PostingFields<'_, A, D> {
    /// Returns the posting's leaf.
    #[must_use]
    pub fn leaf(&self) -> [u8; 32] {
        let mut fields = Fields::new(b"socho posting v1");
        fields.int(self.seq);
        fields.text(self.kind);
        fields.shown(&self.debit);
        fields.shown(&self.credit);
        fields.int(self.amount);
        fields.shown(&self.business_date);
        fields.shown(&self.event_date);
        fields.optional(self.event_at, Fields::int);
        fields.int(self.recorded_at);
        fields.flag(self.late);
        fields.optional(self.stall, Fields::int);
        fields.optional(self.item, Fields::int);
        fields.optional(self.concerns, Fields::int);
        fields.optional(self.reason, Fields::text);
        fields.optional(self.actor, Fields::text);
        fields.finish()
    }
}

/// Returns the hash of one posting: every field it has in the journal.
#[must_use]
pub fn posting_leaf(posting: &Posting) -> [u8; 32] {
    let fields = PostingFields {
        seq: posting.seq.get(),
        kind: posting.kind.as_str(),
        debit: &posting.transfer.debit,
        credit: &posting.transfer.credit,
        amount: posting.transfer.amount.whole(),
        business_date: posting.business_date,
        event_date: posting.event_date,
        event_at: posting.event_at.map(Timestamp::as_microsecond),
        recorded_at: posting.recorded_at.as_microsecond(),
        late: posting.late,
        stall: posting.stall.map(StallNumber::get),
        item: posting.item,
        concerns: posting.concerns.map(Seq::get),
        reason: posting.reason.as_deref(),
        actor: posting.actor.as_deref(),
    };
    fields.leaf()
}

/// The fields of a judged item that its leaf covers, in the store's own words.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "they are the columns of `inbox`, and `JudgedRow` describes them")]
pub struct ItemFields<'a, D> {
    pub item: i64,
    pub delivery: &'a [u8],
    pub part: i64,
    pub source: i64,
    pub event_id: Option<&'a str>,
    pub event_id_weak: bool,
    pub direction: &'a str,
    pub settled: Option<&'a str>,
    pub addressed: Option<&'a str>,
    pub bank_hint: Option<&'a str>,
    pub amount: Option<i64>,
    pub reference: Option<&'a str>,
    pub occurrence: i64,
    pub event_at: Option<i64>,
    pub event_precision: &'a str,
    pub claimed_at: Option<i64>,
    pub event_date: D,
    pub business_date: D,
    pub memo_code: Option<i64>,
    pub outcome: &'a str,
    pub reason: Option<&'a str>,
    pub actor: Option<&'a str>,
    pub posting: Option<i64>,
    pub earlier_item: Option<i64>,
    pub resolves: Option<i64>,
    pub claims_event: bool,
    pub claims_reference: bool,
    pub commitment: &'a [u8],
}

impl<D: fmt::Display> ItemFields<'_, D> {
    /// Returns the item's leaf.
    #[must_use]
    pub fn leaf(&self) -> [u8; 32] {
        let mut fields = Fields::new(b"socho item v1");
        fields.int(self.item);
        fields.bytes(self.delivery);
        fields.int(self.part);
        fields.int(self.source);
        fields.optional(self.event_id, Fields::text);
        fields.flag(self.event_id_weak);
        fields.text(self.direction);
        fields.optional(self.settled, Fields::text);
        fields.optional(self.addressed, Fields::text);
        fields.optional(self.bank_hint, Fields::text);
        fields.optional(self.amount, Fields::int);
        fields.optional(self.reference, Fields::text);
        fields.int(self.occurrence);
        fields.optional(self.event_at, Fields::int);
        fields.text(self.event_precision);
        fields.optional(self.claimed_at, Fields::int);
        fields.shown(&self.event_date);
        fields.shown(&self.business_date);
        fields.optional(self.memo_code, Fields::int);
        fields.text(self.outcome);
        fields.optional(self.reason, Fields::text);
        fields.optional(self.actor, Fields::text);
        fields.optional(self.posting, Fields::int);
        fields.optional(self.earlier_item, Fields::int);
        fields.optional(self.resolves, Fields::int);
        fields.flag(self.claims_event);
        fields.flag(self.claims_reference);
        fields.bytes(self.commitment);
        fields.finish()
    }
}

/// Returns the hash of one judged item: every field it has in the inbox.
fn item_leaf(row: &JudgedRow) -> [u8; 32] {
    let fields = ItemFields {
        item: row.item,
        delivery: row.delivery.0.as_bytes(),
        part: row.part,
        source: row.source.get(),
        event_id: row.event_id.as_deref(),
        event_id_weak: row.event_id_weak,
        direction: row.direction.map_or("none", Direction::as_str),
        settled: row.settled.as_ref().map(SettledAccount::as_str),
        addressed: row.addressed.as_ref().map(AccountNumber::as_str),
        bank_hint: row.bank_hint.as_deref(),
        amount: row.amount.map(Dong::whole),
        reference: row.reference.as_ref().map(BankRef::as_str),
        occurrence: row.occurrence,
        event_at: row.moment.at.map(Timestamp::as_microsecond),
        event_precision: row.moment.precision.as_str(),
        claimed_at: row.moment.claimed.map(Timestamp::as_microsecond),
        event_date: row.moment.event_date,
        business_date: row.business_date,
        memo_code: row.memo_code.map(StallNumber::get),
        outcome: row.outcome.as_str(),
        reason: row.reason.as_deref(),
        actor: row.actor.as_deref(),
        posting: row.posting.map(Seq::get),
        earlier_item: row.earlier_item,
        resolves: row.resolves,
        claims_event: row.claims_event,
        claims_reference: row.claims_reference,
        commitment: &row.commitment,
    };
    fields.leaf()
}
