//! Folding what was read, on a thread of its own: the hash of each row as it lies in its table, the
//! links, what each posting was made of, and the totals. One row is taken in one go and then dropped.

use std::collections::{HashMap, HashSet};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Findings;
use super::read::known;
use super::seals::Seals;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, Seq, SourceId};
use crate::domain::inbox::Outcome;
use crate::domain::money::Dong;
use crate::domain::posting::{PostingKind, Transfer};
use crate::ledger::batch::Posting;
use crate::ledger::chain::{self, ItemFields, PostingFields};
use crate::ledger::facts::KnownPosting;
use crate::ledger::totals::Deltas;
use crate::store::bindings::stall;
use crate::store::engine::{InOrder, Row};
use crate::store::error::{Result, StoreError};
use crate::store::{instant, optional_instant};

/// Pieces that wait: the reader is at most so far ahead.
const PIECES_WAITING: usize = 2;

/// A batch's own row.
pub(super) struct Link {
    pub(super) number: i64,
    pub(super) first_seq: i64,
    pub(super) postings: i64,
    pub(super) first_item: i64,
    pub(super) items: i64,
    pub(super) recorded_at: i64,
    pub(super) previous_hash: Vec<u8>,
    pub(super) hash: Vec<u8>,
    /// The balances that are kept as of its end, where they should be.
    pub(super) step: Option<Vec<Row>>,
}

/// What the reader hands over, for each slice in this order: its links, their items, their postings,
/// its end.
pub(super) enum Piece {
    Links(Vec<Link>),
    Items { rows: Vec<Row>, texts: Vec<Row> },
    Postings { rows: Vec<Row>, roots: HashMap<Seq, KnownPosting> },
    End,
    Fault(String),
}

/// The way to the digest's thread.
pub(super) struct Digesting {
    pieces: mpsc::Sender<Piece>,
    thread: JoinHandle<Digest>,
}

impl Digesting {
    pub(super) async fn send(&self, piece: Piece) -> Result<()> {
        self.pieces.send(piece).await.map_err(|_| stopped())
    }

    pub(super) async fn finish(self) -> Result<Digest> {
        drop(self.pieces);
        self.thread.await.map_err(|_| stopped())
    }
}

fn stopped() -> StoreError {
    StoreError::Inconsistent("the verification itself stopped".to_owned())
}

/// What the journal gave so far.
pub(super) struct Digest {
    market: MarketId,
    pub(super) deltas: Deltas,
    pub(super) seals: Seals,
    pub(super) findings: Findings,
    /// The last batch's hash.
    pub(super) hash: Vec<u8>,
    slice: Slice,
    date: BusinessDate,
    date_text: String,
}

/// The slice at hand.
#[derive(Default)]
struct Slice {
    links: std::collections::VecDeque<Link>,
    /// Items with their leaves, in their order.
    items: Vec<(i64, [u8; 32])>,
    /// Those that say they made a posting.
    money: HashMap<i64, Money>,
    /// Those that only a hash of their bytes identifies.
    weak: HashSet<i64>,
    /// Postings of the first link, with their leaves.
    postings: Vec<(i64, [u8; 32])>,
}

/// An item that says it made a posting.
struct Money {
    posting: Option<i64>,
    amount: Option<i64>,
    settled: Option<String>,
    found: bool,
}

impl Digest {
    pub(super) fn start(market: MarketId, seals: Seals) -> Digesting {
        let mut digest = Self {
            market,
            deltas: Deltas::default(),
            seals,
            findings: Findings::default(),
            hash: vec![0; 32],
            slice: Slice::default(),
            date: BusinessDate::BEGINNING,
            date_text: String::new(),
        };
        let (pieces, mut queue) = mpsc::channel(PIECES_WAITING);
        let thread = tokio::task::spawn_blocking(move || {
            while let Some(piece) = queue.blocking_recv() {
                digest.take(piece);
            }
            digest
        });
        Digesting { pieces, thread }
    }

    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Links(links) => self.slice = Slice { links: links.into(), ..Slice::default() },
            Piece::Items { rows, texts } => self.items(&rows, &texts),
            Piece::Postings { rows, roots } => {
                for row in &rows {
                    if let Err(error) = self.posting(row, &roots) {
                        let seq = row.int("seq").unwrap_or_default();
                        self.findings.differ_at(seq, format!("posting {seq}: {}", said(error)));
                    }
                }
            }
            Piece::End => {
                while let Some(link) = self.slice.links.pop_front() {
                    self.end(&link);
                }
            }
            Piece::Fault(what) => self.findings.differ(what),
        }
    }

    fn items(&mut self, rows: &[Row], texts: &[Row]) {
        let mut texts = texts.iter().peekable();
        for row in rows {
            let item = row.int("item").unwrap_or_default();
            while texts.next_if(|text| text.int("item").is_ok_and(|text| text < item)).is_some() {}
            let text = texts.next_if(|text| text.int("item").is_ok_and(|text| text == item));
            if let Err(error) = self.item(row, text) {
                self.findings.differ(format!("item {item}: {}", said(error)));
            }
        }
    }

    fn item(&mut self, row: &Row, text: Option<&Row>) -> Result<()> {
        let mut row = row.in_order();
        let (item, batch_no) = (row.int()?, row.int()?);
        let mut fields = item_fields(item, &mut row)?;
        let recorded_at = row.int()?;
        fields.commitment = row.bytes()?;
        self.slice.items.push((item, fields.leaf()));
        let link = self.link_of(|link| link.items, self.findings.items, item);
        if link.is_none_or(|(number, at)| number != batch_no || at != recorded_at) {
            self.findings.differ(format!("item {item}: batch_no or recorded_at is not its batch's"));
        }
        match text.map(commitment_of).transpose()? {
            Some(committed) if committed == fields.commitment => {}
            Some(_) => self.findings.differ(format!("item {item}: its text is not what was committed to")),
            None => self.findings.missing.push(item),
        }
        let outcome: Outcome = parsed(fields.outcome)?;
        if fields.event_id_weak {
            self.slice.weak.insert(item);
        }
        if matches!(outcome, Outcome::Recorded | Outcome::Suspense) {
            let settled = fields.settled.map(str::to_owned);
            let money = Money { posting: fields.posting, amount: fields.amount, settled, found: false };
            self.slice.money.insert(item, money);
        }
        let key = (self.date(fields.business_date)?, SourceId::new(fields.source), outcome);
        let counted = self.deltas.add_report(key, fields.amount.map(Dong::new), recorded_at);
        counted.map_err(|error| StoreError::Inconsistent(error.to_string()))
    }

    fn posting(&mut self, row: &Row, roots: &HashMap<Seq, KnownPosting>) -> Result<()> {
        let mut row = row.in_order();
        let (seq, batch_no) = (row.int()?, row.int()?);
        let fields = posting_fields(seq, &mut row)?;
        while self.slice.links.front().is_some_and(|link| seq > self.findings.postings + link.postings) {
            if let Some(link) = self.slice.links.pop_front() {
                self.end(&link);
            }
        }
        let link = self.slice.links.front().map(|link| (link.number, link.recorded_at));
        if link.is_none_or(|(number, at)| number != batch_no || at != fields.recorded_at) {
            self.findings.differ_at(seq, format!("posting {seq}: batch_no or recorded_at is not its batch's"));
        }
        self.slice.postings.push((seq, fields.leaf()));
        let posting = Posting {
            seq: Seq::new(seq),
            kind: parsed(fields.kind)?,
            transfer: transfer(&fields)?,
            business_date: self.date(fields.business_date)?,
            event_date: self.date(fields.event_date)?,
            event_at: optional_instant(fields.event_at)?,
            recorded_at: instant(fields.recorded_at)?,
            late: fields.late,
            stall: fields.stall.map(stall).transpose()?,
            item: fields.item,
            concerns: fields.concerns.map(Seq::new),
            reason: fields.reason.map(str::to_owned),
            actor: fields.actor.map(str::to_owned),
        };
        self.made_of(&posting, fields.debit);
        self.seals.posting(&posting, posting.item.is_some_and(|item| self.slice.weak.contains(&item)))?;
        let root = roots.get(&posting.seq).cloned().unwrap_or_else(|| known(&posting));
        self.deltas.add_posting(&posting, &root).map_err(|error| StoreError::Inconsistent(error.to_string()))
    }

    /// Each settlement stands on exactly one item of its batch that says the same.
    fn made_of(&mut self, posting: &Posting, debit: &str) {
        let seq = posting.seq.get();
        let link = self.slice.links.front();
        let within =
            |item: i64| link.is_some_and(|link| item > self.findings.items && item <= self.findings.items + link.items);
        let money = posting.item.filter(|item| within(*item)).and_then(|item| self.slice.money.get_mut(&item));
        let agrees = money.is_some_and(|money| {
            let points_back = money.posting == Some(seq);
            money.found |= points_back;
            points_back
                && money.amount == Some(posting.transfer.amount.whole())
                && money.settled.as_deref() == debit.strip_prefix("bank:")
        });
        if posting.kind == PostingKind::Settle && !agrees {
            self.findings.differ_at(seq, format!("posting {seq}: no item of its batch says the same"));
        }
    }

    /// Ends a batch: everything of it was taken.
    fn end(&mut self, link: &Link) {
        let (batches, seq, item) = (self.findings.batches, self.findings.postings, self.findings.items);
        let number = link.number;
        if number != batches + 1 || link.first_seq != seq + 1 || link.first_item != item + 1 {
            self.findings.differ_at(seq + 1, format!("batch {number}: numbers do not follow on"));
        }
        if link.previous_hash != self.hash {
            let what = format!("batch {number}: previous_hash is not the hash of batch {batches}");
            self.findings.differ_at(seq + 1, what);
        }
        let postings: Vec<[u8; 32]> = self.slice.postings.drain(..).map(|(_, leaf)| leaf).collect();
        let end = self.slice.items.partition_point(|(found, _)| *found <= item + link.items);
        let items: Vec<(i64, [u8; 32])> = self.slice.items.drain(..end).collect();
        for (what, there, said) in [("postings", postings.len(), link.postings), ("items", items.len(), link.items)] {
            if i64::try_from(there) != Ok(said) {
                self.findings.differ_at(seq + 1, format!("batch {number}: {there} {what} are there of {said}"));
            }
        }
        for (item, _) in &items {
            if self.slice.money.remove(item).is_some_and(|money| !money.found) {
                self.findings.differ(format!("item {item}: its posting is not in its batch"));
            }
        }
        let items: Vec<[u8; 32]> = items.into_iter().map(|(_, leaf)| leaf).collect();
        let named = (self.market.get(), number, link.recorded_at);
        if chain::hash_of_leaves(&link.previous_hash, named, &postings, &items).as_slice() != link.hash {
            let (first, last) = (link.first_seq, link.first_seq.saturating_add(link.postings).saturating_sub(1));
            let what = format!("batch {number} (postings {first} to {last}): the rows do not give the recorded hash");
            match self.findings.lowest {
                // A posting of this batch that differs by itself says more.
                Some(lowest) if lowest > seq => self.findings.differ(what),
                Some(_) | None => self.findings.differ_at(seq + 1, what),
            }
        }
        let last = seq + link.postings;
        let seal = self.seals.batch_end(
            (seq, last),
            &link.hash,
            &self.deltas.balances,
            link.step.as_deref(),
            &mut self.findings,
        );
        if let Err(error) = seal {
            self.findings.differ(said(error));
        }
        self.hash.clone_from(&link.hash);
        self.findings.batches = number;
        self.findings.postings = last;
        self.findings.items = item + link.items;
    }

    /// Finds the batch of a row by its number: the batch's number and when it was recorded.
    fn link_of(&self, count: impl Fn(&Link) -> i64, before: i64, number: i64) -> Option<(i64, i64)> {
        let mut end = before;
        self.slice.links.iter().find_map(|link| {
            end += count(link);
            (number <= end).then_some((link.number, link.recorded_at))
        })
    }

    /// Reads a date; most rows have the date of the row before.
    fn date(&mut self, text: &str) -> Result<BusinessDate> {
        if text != self.date_text {
            self.date = parsed(text)?;
            text.clone_into(&mut self.date_text);
        }
        Ok(self.date)
    }
}

fn parsed<T: std::str::FromStr>(text: &str) -> Result<T>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| StoreError::Inconsistent(error.to_string()))
}

fn transfer(fields: &PostingFields<'_, &str, &str>) -> Result<Transfer> {
    let amount = Dong::new(fields.amount);
    if amount <= Dong::ZERO {
        return Err(StoreError::Inconsistent(format!("a posting of {amount} đồng")));
    }
    Ok(Transfer { debit: parsed(fields.debit)?, credit: parsed(fields.credit)?, amount })
}

/// Says what cannot be read, without the words around it.
fn said(error: StoreError) -> String {
    let StoreError::Inconsistent(what) = error else { return error.to_string() };
    what
}

/// Reads what an item's leaf covers, between its `batch_no` and its `recorded_at`.
fn item_fields<'r>(item: i64, row: &mut InOrder<'r>) -> Result<ItemFields<'r, &'r str>> {
    Ok(ItemFields {
        item,
        delivery: row.bytes()?,
        part: row.int()?,
        source: row.int()?,
        event_id: row.optional_text()?,
        event_id_weak: row.flag()?,
        direction: row.text()?,
        settled: row.optional_text()?,
        addressed: row.optional_text()?,
        bank_hint: row.optional_text()?,
        amount: row.optional_int()?,
        reference: row.optional_text()?,
        occurrence: row.int()?,
        event_at: row.optional_int()?,
        event_precision: row.text()?,
        claimed_at: row.optional_int()?,
        event_date: row.text()?,
        business_date: row.text()?,
        memo_code: row.optional_int()?,
        outcome: row.text()?,
        reason: row.optional_text()?,
        actor: row.optional_text()?,
        posting: row.optional_int()?,
        earlier_item: row.optional_int()?,
        resolves: row.optional_int()?,
        claims_event: row.flag()?,
        claims_reference: row.flag()?,
        commitment: &[],
    })
}

/// Reads what a posting's leaf covers, behind its `batch_no`.
fn posting_fields<'r>(seq: i64, row: &mut InOrder<'r>) -> Result<PostingFields<'r, &'r str, &'r str>> {
    Ok(PostingFields {
        seq,
        kind: row.text()?,
        debit: row.text()?,
        credit: row.text()?,
        amount: row.int()?,
        business_date: row.text()?,
        event_date: row.text()?,
        event_at: row.optional_int()?,
        recorded_at: row.int()?,
        late: row.flag()?,
        stall: row.optional_int()?,
        item: row.optional_int()?,
        concerns: row.optional_int()?,
        reason: row.optional_text()?,
        actor: row.optional_text()?,
    })
}

/// Returns the commitment to a row of texts.
fn commitment_of(row: &Row) -> Result<[u8; 32]> {
    let mut row = row.in_order();
    row.int()?;
    let (salt, raw) = (row.bytes()?, row.optional_bytes()?);
    if salt.len() != 32 {
        return Err(StoreError::Inconsistent("a salt of another length".to_owned()));
    }
    Ok(chain::commitment_of(salt, raw, row.text()?, row.text()?))
}
