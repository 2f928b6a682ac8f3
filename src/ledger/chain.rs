//! The hash chain: each batch's hash covers the previous hash, every field of its postings and
//! one leaf for every judged item (DESIGN §4.17).
//!
//! Every field is written with its length before it, so that no two different batches share bytes.
//! Personal text is covered by a salted commitment only: it can be redacted without breaking the
//! chain.

use std::fmt;
use std::io::Write as _;

use sha2::{Digest as _, Sha256};

use super::batch::{Batch, ItemText, JudgedRow, Posting};
use crate::domain::settlement::Direction;

/// The format of the bytes that are hashed; a new one gets a new number.
const FORMAT: &[u8] = b"socho batch v1";

/// Bytes that a leaf usually takes; a longer one makes its own room.
const LEAF: usize = 1_024;

/// Length-prefixed fields. They are gathered and hashed at once: a hash that is fed a few bytes at
/// a time took most of a settlement's hashing.
struct Fields(Vec<u8>);

impl Fields {
    fn new(format: &[u8]) -> Self {
        let mut fields = Self(Vec::with_capacity(LEAF));
        fields.bytes(format);
        fields
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Writes what would be shown, without making a text of it first.
    fn shown(&mut self, value: impl fmt::Display) {
        let start = self.0.len();
        self.bytes(&[]);
        let text = self.0.len();
        // Writing to memory cannot fail.
        let _ = write!(self.0, "{value}");
        let length = u64::try_from(self.0.len().saturating_sub(text)).unwrap_or(u64::MAX);
        if let Some(prefix) = self.0.get_mut(start..text) {
            prefix.copy_from_slice(&length.to_be_bytes());
        }
    }

    fn int(&mut self, number: i64) {
        self.0.push(8);
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    fn flag(&mut self, flag: bool) {
        self.0.extend_from_slice(&[1, u8::from(flag)]);
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn finish(self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

/// Returns the salted commitment to an item's texts.
#[must_use]
pub fn commitment(text: &ItemText) -> [u8; 32] {
    let mut fields = Fields::new(b"socho text v1");
    fields.bytes(&text.salt);
    fields.optional(text.raw.as_deref(), Fields::bytes);
    fields.text(&text.memo);
    fields.text(&text.payer);
    fields.finish()
}

/// Returns the hash of a batch: the next link of its market's chain.
#[must_use]
pub fn hash(batch: &Batch) -> [u8; 32] {
    let mut fields = Fields::new(FORMAT);
    fields.bytes(&batch.previous_hash);
    fields.int(batch.market.get());
    fields.int(batch.number);
    fields.int(batch.recorded_at.as_microsecond());
    fields.int(i64::try_from(batch.postings.len()).unwrap_or(i64::MAX));
    for posting in &batch.postings {
        fields.bytes(&posting_leaf(posting));
    }
    fields.int(i64::try_from(batch.items.len()).unwrap_or(i64::MAX));
    for item in &batch.items {
        fields.bytes(&item_leaf(item));
    }
    fields.finish()
}

/// Returns the hash of one posting: every field it has in the journal.
#[must_use]
pub fn posting_leaf(posting: &Posting) -> [u8; 32] {
    let mut fields = Fields::new(b"socho posting v1");
    fields.int(posting.seq.get());
    fields.text(posting.kind.as_str());
    fields.shown(&posting.transfer.debit);
    fields.shown(&posting.transfer.credit);
    fields.int(posting.transfer.amount.whole());
    fields.shown(posting.business_date);
    fields.shown(posting.event_date);
    fields.optional(posting.event_at, |f, at| f.int(at.as_microsecond()));
    fields.int(posting.recorded_at.as_microsecond());
    fields.flag(posting.late);
    fields.optional(posting.stall, |f, stall| f.int(stall.get()));
    fields.optional(posting.item, Fields::int);
    fields.optional(posting.concerns, |f, seq| f.int(seq.get()));
    fields.optional(posting.reason.as_deref(), Fields::text);
    fields.optional(posting.actor.as_deref(), Fields::text);
    fields.finish()
}

/// Returns the hash of one judged item: every field it has in the inbox.
fn item_leaf(row: &JudgedRow) -> [u8; 32] {
    let mut fields = Fields::new(b"socho item v1");
    fields.int(row.item);
    fields.bytes(row.delivery.0.as_bytes());
    fields.int(row.part);
    fields.int(row.source.get());
    fields.optional(row.event_id.as_deref(), Fields::text);
    fields.flag(row.event_id_weak);
    fields.text(row.direction.map_or("none", Direction::as_str));
    fields.optional(row.settled.as_ref(), |f, account| f.text(account.as_str()));
    fields.optional(row.addressed.as_ref(), |f, account| f.text(account.as_str()));
    fields.optional(row.bank_hint.as_deref(), Fields::text);
    fields.optional(row.amount, |f, amount| f.int(amount.whole()));
    fields.optional(row.reference.as_ref(), |f, reference| f.text(reference.as_str()));
    fields.int(row.occurrence);
    fields.optional(row.moment.at, |f, at| f.int(at.as_microsecond()));
    fields.text(row.moment.precision.as_str());
    fields.optional(row.moment.claimed, |f, at| f.int(at.as_microsecond()));
    fields.shown(row.moment.event_date);
    fields.shown(row.business_date);
    fields.optional(row.memo_code, |f, stall| f.int(stall.get()));
    fields.text(row.outcome.as_str());
    fields.optional(row.reason.as_deref(), Fields::text);
    fields.optional(row.actor.as_deref(), Fields::text);
    fields.optional(row.posting, |f, seq| f.int(seq.get()));
    fields.optional(row.earlier_item, Fields::int);
    fields.optional(row.resolves, Fields::int);
    fields.flag(row.claims_event);
    fields.flag(row.claims_reference);
    fields.bytes(&row.commitment);
    fields.finish()
}
