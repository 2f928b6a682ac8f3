//! Re-deriving everything from the journal: the chain link by link, the commitments to texts, the
//! balance of each posting with the item it was made of, and every kept total. Streams batch by
//! batch; what stays in memory is the totals themselves.

mod seals;
mod totals;

use std::collections::{BTreeMap, BTreeSet};

use self::seals::Seals;
use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::{head, instant, optional_instant, postings};
use crate::domain::account::SettledAccount;
use crate::domain::ids::{DeliveryId, MarketId, Seq, SourceId};
use crate::domain::inbox::{Outcome, reason};
use crate::domain::ledger_account::LedgerAccount;
use crate::domain::money::Dong;
use crate::domain::posting::PostingKind;
use crate::domain::settlement::{BankRef, Direction};
use crate::ledger::batch::{Batch, ItemText, JudgedRow, Posting};
use crate::ledger::chain;
use crate::ledger::facts::{EventMoment, Head, KnownPosting, Precision};
use crate::ledger::totals::Deltas;

/// Rows read at a time.
const CHUNK: i64 = 2_000;
/// Differences reported for one market; one is enough to stop trusting it.
const DIFFERENCES_MAX: usize = 100;

/// What was found in one market.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    pub(crate) postings: i64,
    pub(crate) items: i64,
    pub(crate) batches: i64,
    pub(crate) differences: Vec<String>,
}

impl Findings {
    fn differ(&mut self, what: impl Into<String>) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(what.into());
        }
    }
}

/// Verifies one market within the caller's read transaction.
pub(crate) async fn market(transaction: &mut Transaction, market: MarketId) -> Result<Findings> {
    let mut findings = Findings::default();
    let Some(head) = head::read(transaction, market).await? else {
        findings.differ("market_head: the row is missing");
        return Ok(findings);
    };
    let seals = match Seals::read(transaction, market).await {
        Ok(seals) => seals,
        Err(StoreError::Inconsistent(what)) => {
            findings.differ(what);
            return Ok(findings);
        }
        Err(error) => return Err(error),
    };
    let mut walk =
        Walk { market, deltas: Deltas::default(), pairings: BTreeMap::new(), agreeing: BTreeSet::new(), seals };
    match walk.batches(transaction, &head, &mut findings).await {
        Ok(()) => {}
        // A row that cannot be read back is a difference like any other.
        Err(StoreError::Inconsistent(what)) => findings.differ(what),
        Err(error) => return Err(error),
    }
    match walk.totals(transaction, &mut findings).await {
        Ok(()) => {}
        Err(StoreError::Inconsistent(what)) => findings.differ(what),
        Err(error) => return Err(error),
    }
    match walk.seals.finish(transaction, &head, &walk.deltas, &mut findings).await {
        Ok(()) => {}
        Err(StoreError::Inconsistent(what)) => findings.differ(what),
        Err(error) => return Err(error),
    }
    Ok(findings)
}

struct Walk {
    market: MarketId,
    deltas: Deltas,
    pairings: BTreeMap<(i64, i64), i64>,
    agreeing: BTreeSet<i64>,
    seals: Seals,
}

/// A batch's own row.
struct Link {
    number: i64,
    first_seq: i64,
    postings: i64,
    first_item: i64,
    items: i64,
    recorded_at: i64,
    previous_hash: Vec<u8>,
    hash: Vec<u8>,
}

impl Walk {
    async fn batches(&mut self, transaction: &mut Transaction, head: &Head, findings: &mut Findings) -> Result<()> {
        const SQL: &str = "SELECT batch_no, first_seq, posting_count, first_item, item_count, recorded_at, previous_hash, \
            hash FROM batches WHERE market_id = $1 AND batch_no > $2 ORDER BY batch_no LIMIT $3";
        let (mut last, mut seq, mut item, mut hash) = (0, 0, 0, vec![0_u8; 32]);
        loop {
            let rows = transaction.rows(SQL, binds![self.market.get(), last, CHUNK]).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let link = link(&row)?;
                if link.number != last + 1 || link.first_seq != seq + 1 || link.first_item != item + 1 {
                    findings.differ(format!("batch {}: numbers do not follow on", link.number));
                }
                if link.previous_hash != hash {
                    findings.differ(format!("batch {}: previous_hash is not the hash of batch {last}", link.number));
                }
                self.batch(transaction, &link, findings).await?;
                (last, hash) = (link.number, link.hash.clone());
                seq += link.postings;
                item += link.items;
            }
        }
        (findings.batches, findings.postings, findings.items) = (last, seq, item);
        for (what, kept, found) in [
            ("last_batch", head.last_batch, last),
            ("last_seq", head.last_seq, seq),
            ("last_item", head.last_item, item),
        ] {
            if kept != found {
                findings.differ(format!("market_head: {what} is {kept}, the journal has {found}"));
            }
        }
        if head.last_hash != hash {
            findings.differ(format!("market_head: last_hash is not the hash of batch {last}"));
        }
        self.counts(transaction, seq, item, findings).await
    }

    /// Rows that no batch covers.
    async fn counts(&self, transaction: &mut Transaction, seq: i64, item: i64, findings: &mut Findings) -> Result<()> {
        const POSTINGS: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM postings WHERE market_id = $1";
        const ITEMS: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM inbox WHERE market_id = $1";
        const TEXTS: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM inbox_texts WHERE market_id = $1";
        for (what, sql, covered) in [("postings", POSTINGS, seq), ("inbox", ITEMS, item), ("inbox_texts", TEXTS, item)]
        {
            let row = transaction.row(sql, binds![self.market.get()]).await?;
            let count = row.map_or(Ok(0), |row| row.int("count"))?;
            if count != covered {
                findings.differ(format!("{what}: {count} rows, the chain covers {covered}"));
            }
        }
        Ok(())
    }

    async fn batch(&mut self, transaction: &mut Transaction, link: &Link, findings: &mut Findings) -> Result<()> {
        let postings = self.read_postings(transaction, link, findings).await?;
        let items = self.read_items(transaction, link, findings).await?;
        Self::check_made_of(&postings, &items, findings);
        let weak: BTreeSet<i64> = items.iter().filter(|item| item.event_id_weak).map(|item| item.item).collect();
        for posting in &postings {
            let root = self.root(transaction, posting).await?;
            self.deltas.add_posting(posting, &root).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
            self.seals.posting(posting, posting.item.is_some_and(|item| weak.contains(&item)))?;
        }
        let range = (link.first_seq - 1, link.first_seq + link.postings - 1);
        self.seals.batch_end(transaction, range, &link.hash, &self.deltas.balances, findings).await?;
        for item in &items {
            self.deltas
                .add_item(item, link.recorded_at)
                .map_err(|error| StoreError::Inconsistent(error.to_string()))?;
            self.pair(transaction, item).await?;
        }
        let batch = Batch {
            market: self.market,
            number: link.number,
            recorded_at: instant(link.recorded_at)?,
            postings,
            items,
            texts: Vec::new(),
            pairings: Vec::new(),
            released: Vec::new(),
            agreeing: BTreeSet::new(),
            deltas: Deltas::default(),
            previous_hash: link.previous_hash.clone(),
            next_head: blank_head(),
        };
        if chain::hash(&batch).as_slice() != link.hash {
            findings.differ(format!(
                "batch {} (postings {} to {}): the rows do not give the recorded hash",
                link.number,
                link.first_seq,
                link.first_seq + link.postings - 1
            ));
        }
        Ok(())
    }

    async fn read_postings(
        &self,
        transaction: &mut Transaction,
        link: &Link,
        findings: &mut Findings,
    ) -> Result<Vec<Posting>> {
        const SQL: &str = "SELECT seq, batch_no, kind, debit_account, credit_account, amount, business_date, event_date, \
            event_at, recorded_at, late, stall_number, item, concerns, reason, actor FROM postings \
            WHERE market_id = $1 AND seq >= $2 AND seq < $3 ORDER BY seq";
        let end = link.first_seq + link.postings;
        let rows = transaction.rows(SQL, binds![self.market.get(), link.first_seq, end]).await?;
        if rows.len() != usize::try_from(link.postings).unwrap_or(0) {
            findings.differ(format!("batch {}: {} postings are there of {}", link.number, rows.len(), link.postings));
        }
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            if row.int("batch_no")? != link.number || row.int("recorded_at")? != link.recorded_at {
                findings.differ(format!("posting {}: batch_no or recorded_at is not its batch's", row.int("seq")?));
            }
            found.push(postings::posting(&row)?);
        }
        Ok(found)
    }

    async fn read_items(
        &self,
        transaction: &mut Transaction,
        link: &Link,
        findings: &mut Findings,
    ) -> Result<Vec<JudgedRow>> {
        const SQL: &str = "SELECT i.item, i.batch_no, i.delivery_id, i.part, i.source_id, i.event_id, i.event_id_weak, \
            i.direction, i.settled_account, i.addressed, i.bank_hint, i.amount, i.reference, i.occurrence, i.event_at, \
            i.event_precision, i.claimed_at, i.event_date, i.business_date, i.memo_code, i.outcome, i.reason, i.actor, \
            i.posting_seq, i.earlier_item, i.resolves, i.claims_event, i.claims_reference, i.recorded_at, i.commitment, \
            t.salt, t.raw, t.memo, t.payer FROM inbox i \
            LEFT JOIN inbox_texts t ON t.market_id = i.market_id AND t.item = i.item \
            WHERE i.market_id = $1 AND i.item >= $2 AND i.item < $3 ORDER BY i.item";
        let end = link.first_item + link.items;
        let rows = transaction.rows(SQL, binds![self.market.get(), link.first_item, end]).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let item = judged_row(&row)?;
            if row.int("batch_no")? != link.number || row.int("recorded_at")? != link.recorded_at {
                findings.differ(format!("item {}: batch_no or recorded_at is not its batch's", item.item));
            }
            match text_of(&row, item.item)? {
                Some(text) if chain::commitment(&text) == item.commitment => {}
                Some(_) => findings.differ(format!("item {}: its text is not what was committed to", item.item)),
                None => findings.differ(format!("item {}: its text is missing without a redaction", item.item)),
            }
            found.push(item);
        }
        Ok(found)
    }

    /// Each settlement stands on exactly one item that says the same.
    fn check_made_of(postings: &[Posting], items: &[JudgedRow], findings: &mut Findings) {
        for posting in postings.iter().filter(|posting| posting.kind == PostingKind::Settle) {
            let item = items.iter().find(|item| Some(item.item) == posting.item);
            let agrees = item.is_some_and(|item| {
                item.posting == Some(posting.seq)
                    && matches!(item.outcome, Outcome::Recorded | Outcome::Suspense)
                    && item.amount == Some(posting.transfer.amount)
                    && item.settled.clone().map(LedgerAccount::Bank) == Some(posting.transfer.debit.clone())
            });
            if !agrees {
                findings.differ(format!("posting {}: no item of its batch says the same", posting.seq.get()));
            }
        }
        for item in items.iter().filter(|item| matches!(item.outcome, Outcome::Recorded | Outcome::Suspense)) {
            if !postings.iter().any(|posting| posting.item == Some(item.item) && Some(posting.seq) == item.posting) {
                findings.differ(format!("item {}: its posting is not in its batch", item.item));
            }
        }
    }

    async fn root(&self, transaction: &mut Transaction, posting: &Posting) -> Result<KnownPosting> {
        let mut root = known(posting);
        while root.kind == PostingKind::Reversal {
            let Some(earlier) = root.concerns.filter(|seq| *seq < root.seq) else { break };
            let Some(posting) = postings::find(transaction, self.market, earlier).await? else { break };
            root = known(&posting);
        }
        Ok(root)
    }

    /// Derives which reports were recognised as earlier credits, and what was released again.
    async fn pair(&mut self, transaction: &mut Transaction, item: &JudgedRow) -> Result<()> {
        const EARLIER: &str =
            "SELECT source_id, outcome, reason, earlier_item FROM inbox WHERE market_id = $1 AND item = $2";
        let why = item.reason.as_deref().unwrap_or_default();
        let paired = match item.outcome {
            Outcome::Duplicate => why == reason::PAIRED || why == reason::SAME_REFERENCE,
            Outcome::Quarantined => why == reason::POSSIBLE_DUPLICATE,
            Outcome::Recorded
            | Outcome::Suspense
            | Outcome::Ignored
            | Outcome::Rejected
            | Outcome::Stale
            | Outcome::Dismissed
            | Outcome::Received => false,
        };
        let Some(earlier) = item.earlier_item else { return Ok(()) };
        let row = transaction.row(EARLIER, binds![self.market.get(), earlier]).await?;
        let Some(row) = row else { return Ok(()) };
        let earlier_source = row.int("source_id")?;
        let is_report = row.text("outcome")? == Outcome::Duplicate.as_str();
        let credit = row.optional_int("earlier_item")?.filter(|_| is_report).unwrap_or(earlier);
        let key = (credit, item.source.get());
        if paired && earlier_source != item.source.get() && !self.pairings.contains_key(&key) {
            self.pairings.insert(key, item.item);
            if why == reason::SAME_REFERENCE {
                self.agreeing.extend([item.source.get(), earlier_source]);
            }
        }
        let booked = item.resolves == Some(earlier) && matches!(item.outcome, Outcome::Recorded | Outcome::Suspense);
        if booked
            && row.optional_text("reason")?.as_deref() == Some(reason::POSSIBLE_DUPLICATE)
            && let Some(credit) = row.optional_int("earlier_item")?
        {
            self.pairings.remove(&(credit, earlier_source));
        }
        Ok(())
    }
}

fn known(posting: &Posting) -> KnownPosting {
    KnownPosting {
        seq: posting.seq,
        kind: posting.kind,
        transfer: posting.transfer.clone(),
        concerns: posting.concerns,
        event_at: posting.event_at,
    }
}

fn blank_head() -> Head {
    Head {
        version: 0,
        last_seq: 0,
        last_item: 0,
        last_batch: 0,
        last_hash: Vec::new(),
        open_date: crate::domain::calendar::BusinessDate::BEGINNING,
        reference_version: 0,
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
    })
}

fn text_of(row: &Row, item: i64) -> Result<Option<ItemText>> {
    let Some(salt) = row.optional_bytes("salt")? else { return Ok(None) };
    let salt =
        salt.try_into().map_err(|_| StoreError::Inconsistent(format!("item {item}: a salt of another length")))?;
    Ok(Some(ItemText {
        item,
        salt,
        raw: row.optional_bytes("raw")?,
        memo: row.optional_text("memo")?.unwrap_or_default(),
        payer: row.optional_text("payer")?.unwrap_or_default(),
    }))
}

/// Reads an item as the chain covers it.
pub(super) fn judged_row(row: &Row) -> Result<JudgedRow> {
    let item = row.int("item")?;
    let wrong = |what: &str| StoreError::Inconsistent(format!("item {item}: {what} cannot be read"));
    let precision = match row.text("event_precision")?.as_str() {
        "second" => Precision::Second,
        "day" => Precision::Day,
        "none" => Precision::Recorded,
        _ => return Err(wrong("event_precision")),
    };
    let direction = match row.text("direction")?.as_str() {
        "credit" => Some(Direction::Credit),
        "debit" => Some(Direction::Debit),
        "none" => None,
        _ => return Err(wrong("direction")),
    };
    let addressed = row.optional_text("addressed")?.map(|number| number.parse()).transpose();
    Ok(JudgedRow {
        item,
        delivery: DeliveryId(uuid::Uuid::from_slice(&row.bytes("delivery_id")?).map_err(|_| wrong("delivery_id"))?),
        part: row.int("part")?,
        source: SourceId::new(row.int("source_id")?),
        event_id: row.optional_text("event_id")?,
        event_id_weak: row.flag("event_id_weak")?,
        direction,
        settled: row.optional_text("settled_account")?.map(SettledAccount::from_stored),
        addressed: addressed.map_err(|_: crate::domain::ids::IdError| wrong("addressed"))?,
        bank_hint: row.optional_text("bank_hint")?,
        amount: row.optional_int("amount")?.map(Dong::new),
        reference: row.optional_text("reference")?.map(BankRef::from_stored),
        occurrence: row.int("occurrence")?,
        moment: EventMoment {
            at: optional_instant(row.optional_int("event_at")?)?,
            precision,
            claimed: optional_instant(row.optional_int("claimed_at")?)?,
            event_date: row.parse("event_date")?,
        },
        business_date: row.parse("business_date")?,
        memo_code: row.optional_int("memo_code")?.map(super::bindings::stall).transpose()?,
        outcome: row.parse("outcome")?,
        reason: row.optional_text("reason")?,
        actor: row.optional_text("actor")?,
        posting: row.optional_int("posting_seq")?.map(Seq::new),
        earlier_item: row.optional_int("earlier_item")?,
        resolves: row.optional_int("resolves")?,
        claims_event: row.flag("claims_event")?,
        claims_reference: row.flag("claims_reference")?,
        commitment: row.bytes("commitment")?.try_into().map_err(|_| wrong("commitment"))?,
    })
}
