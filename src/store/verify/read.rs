//! Reading the journal from its first batch to its end, a slice at a time: whole batches, some
//! thousand rows together, and what the rows rest on elsewhere in the journal.

use std::collections::HashMap;

use super::digest::{Digest, Digesting, Link, Piece};
use super::pairings::{Pairings, Report};
use super::{PIECE, seals};
use crate::domain::ids::{MarketId, Seq};
use crate::domain::posting::PostingKind;
use crate::ledger::batch::Posting;
use crate::ledger::facts::KnownPosting;
use crate::store::engine::{Row, Transaction, binds};
use crate::store::error::{Result, StoreError};
use crate::store::{balances, postings};

/// Postings and items of the batches that one slice reads; one larger batch is read alone.
const SLICE_ROWS: i64 = 8_192;
/// Batches that one slice reads at most.
const SLICE_BATCHES: i64 = 1_024;
/// More rows than any batch has: a batch that says more does not say the truth.
const BATCH_ROWS_MAX: i64 = 1_000_000;

/// What the postings of a slice cover.
const POSTINGS: &str = "SELECT seq, batch_no, kind, debit_account, credit_account, amount, business_date, event_date, \
    event_at, recorded_at, late, stall_number, item, concerns, reason, actor FROM postings \
    WHERE market_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4";
/// What the items of a slice cover.
const ITEMS: &str = "SELECT item, batch_no, delivery_id, part, source_id, event_id, event_id_weak, direction, \
    settled_account, addressed, bank_hint, amount, reference, occurrence, event_at, event_precision, claimed_at, \
    event_date, business_date, memo_code, outcome, reason, actor, posting_seq, earlier_item, resolves, claims_event, \
    claims_reference, recorded_at, commitment FROM inbox \
    WHERE market_id = $1 AND item > $2 AND item <= $3 ORDER BY item LIMIT $4";
/// The texts of a piece's items.
const TEXTS: &str = "SELECT item, salt, raw, memo, payer FROM inbox_texts \
    WHERE market_id = $1 AND item > $2 AND item <= $3 ORDER BY item";

/// Where the reading is.
pub(super) struct Reader {
    market: MarketId,
    first_step: Option<i64>,
    digesting: Digesting,
    pairings: Pairings,
    batch: i64,
    seq: i64,
    item: i64,
}

impl Reader {
    pub(super) fn new(market: MarketId, first_step: Option<i64>, digesting: Digesting) -> Self {
        let pairings = Pairings::new(market);
        Self { market, first_step, digesting, pairings, batch: 0, seq: 0, item: 0 }
    }

    /// Returns how many postings were read.
    pub(super) fn postings(&self) -> i64 {
        self.seq
    }

    /// Reads the next slice; `false` when the journal ends with it as this transaction sees it.
    pub(super) async fn slice(&mut self, transaction: &mut Transaction) -> Result<bool> {
        match self.batches(transaction).await {
            Err(StoreError::Inconsistent(what)) => {
                self.digesting.send(Piece::Fault(what)).await?;
                Ok(false)
            }
            other => other,
        }
    }

    async fn batches(&mut self, transaction: &mut Transaction) -> Result<bool> {
        const SQL: &str = "SELECT batch_no, first_seq, posting_count, first_item, item_count, recorded_at, \
            previous_hash, hash FROM batches WHERE market_id = $1 AND batch_no > $2 ORDER BY batch_no LIMIT $3";
        let rows = transaction.rows(SQL, binds![self.market.get(), self.batch, SLICE_BATCHES]).await?;
        let mut more = i64::try_from(rows.len()) == Ok(SLICE_BATCHES);
        let (mut links, mut covered) = (Vec::new(), 0_i64);
        let (mut seq, mut item) = (self.seq, self.item);
        for row in &rows {
            let mut link = link(row)?;
            for count in [&mut link.postings, &mut link.items] {
                if !(0..=BATCH_ROWS_MAX).contains(count) {
                    let what = format!("batch {}: it cannot have {count} rows", link.number);
                    self.digesting.send(Piece::Fault(what)).await?;
                    *count = 0;
                }
            }
            covered += link.postings + link.items;
            if covered > SLICE_ROWS && !links.is_empty() {
                more = true;
                break;
            }
            if balances::passes_step(seq, seq + link.postings)
                && self.first_step.is_some_and(|first| seq + link.postings >= first)
            {
                link.step = Some(seals::kept_step(transaction, self.market, seq + link.postings).await?);
            }
            (seq, item) = (seq + link.postings, item + link.items);
            self.batch = link.number;
            links.push(link);
        }
        if links.is_empty() {
            return Ok(false);
        }
        self.digesting.send(Piece::Links(links)).await?;
        self.items(transaction, item).await?;
        self.postings_up_to(transaction, seq).await?;
        self.digesting.send(Piece::End).await?;
        (self.seq, self.item) = (seq, item);
        Ok(more)
    }

    async fn items(&mut self, transaction: &mut Transaction, end: i64) -> Result<()> {
        let mut last = self.item;
        loop {
            let rows = transaction.rows(ITEMS, binds![self.market.get(), last, end, PIECE]).await?;
            let Some(row) = rows.last() else { return Ok(()) };
            let before = std::mem::replace(&mut last, row.int("item")?);
            let texts = transaction.rows(TEXTS, binds![self.market.get(), before, last]).await?;
            let reports = rows.iter().filter_map(|row| Report::of(row).transpose()).collect::<Result<Vec<_>>>()?;
            let full = i64::try_from(rows.len()) == Ok(PIECE);
            self.digesting.send(Piece::Items { rows, texts }).await?;
            self.pairings.take(transaction, &reports).await?;
            if !full {
                return Ok(());
            }
        }
    }

    async fn postings_up_to(&mut self, transaction: &mut Transaction, end: i64) -> Result<()> {
        let mut last = self.seq;
        loop {
            let rows = transaction.rows(POSTINGS, binds![self.market.get(), last, end, PIECE]).await?;
            let Some(row) = rows.last() else { return Ok(()) };
            last = row.int("seq")?;
            let mut roots = HashMap::new();
            for row in &rows {
                if row.text("kind")? == PostingKind::Reversal.as_str()
                    && let Ok(posting) = postings::posting(row)
                {
                    roots.insert(posting.seq, root(transaction, self.market, &posting).await?);
                }
            }
            let full = i64::try_from(rows.len()) == Ok(PIECE);
            self.digesting.send(Piece::Postings { rows, roots }).await?;
            if !full {
                return Ok(());
            }
        }
    }

    /// Waits for the digest of everything that was read.
    pub(super) async fn finish(self) -> Result<(Digest, Pairings)> {
        Ok((self.digesting.finish().await?, self.pairings))
    }
}

/// Returns what a chain of reversals began with. Corrections are a person's work and few.
async fn root(transaction: &mut Transaction, market: MarketId, posting: &Posting) -> Result<KnownPosting> {
    let mut root = known(posting);
    while root.kind == PostingKind::Reversal {
        let Some(earlier): Option<Seq> = root.concerns.filter(|seq| *seq < root.seq) else { break };
        let Some(posting) = postings::find(transaction, market, earlier).await? else { break };
        root = known(&posting);
    }
    Ok(root)
}

/// Returns what others need to know of a posting.
pub(super) fn known(posting: &Posting) -> KnownPosting {
    KnownPosting {
        seq: posting.seq,
        kind: posting.kind,
        transfer: posting.transfer.clone(),
        concerns: posting.concerns,
        event_at: posting.event_at,
    }
}

fn link(row: &Row) -> Result<Link> {
    Ok(Link {
        number: row.int("batch_no")?,
        first_seq: row.int("first_seq")?,
        postings: row.int("posting_count")?,
        first_item: row.int("first_item")?,
        items: row.int("item_count")?,
        recorded_at: row.int("recorded_at")?,
        previous_hash: row.bytes("previous_hash")?,
        hash: row.bytes("hash")?,
        step: None,
    })
}
