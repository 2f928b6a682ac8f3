//! Re-deriving everything from the journal: the chain link by link, the commitments to texts, the
//! balance of each posting with the item it was made of, every kept total, the seals.
//!
//! # Order
//! 1. [`read`]: slices of some thousand rows, each in a read transaction of its own, so that SQLite's
//!    write-ahead log can be folded while a large book is verified and PostgreSQL can clean up. The
//!    journal only grows, so a slice read later is a continuation whatever was written meanwhile.
//! 2. [`digest`]: on a thread of its own, each row is hashed as it lies there and folded.
//! 3. The transaction whose slice reaches the journal's end also reads the head, the kept totals and
//!    the seals: they are compared at one moment, with exactly the journal that was folded.
//! 4. [`pairings`], [`listed`], [`audit`] and the files of [`statements`]: in slices again.
//!
//! # What is in memory
//! Four pieces of [`PIECE`] rows, one slice's leaves, and the totals by date: what grows is the number
//! of dates times stalls, of ledger accounts, and of reports that a person released; never the number
//! of postings.

mod audit;
mod digest;
mod listed;
mod pairings;
mod read;
mod redactions;
mod seals;
mod statements;
mod totals;

use std::sync::Arc;

use self::digest::Digest;
use self::pairings::Pairings;
use self::read::Reader;
use self::seals::Seals;
use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::{Store, head, optional_instant};
use crate::domain::account::SettledAccount;
use crate::domain::ids::{DeliveryId, MarketCode, MarketId, Seq, SourceId};
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, Direction};
use crate::ledger::batch::JudgedRow;
use crate::ledger::facts::{EventMoment, Head, Precision};
use crate::ledger::redaction::Ranges;
use crate::ledger::totals::Deltas;

/// Differences reported for one market; one is enough to stop trusting it.
const DIFFERENCES_MAX: usize = 100;
/// Rows of a table that are read and handed on at a time; with their bodies some hundred kilobytes.
const PIECE: i64 = 256;

/// Hears how many postings of a market have been read.
pub(crate) type Told<'a> = &'a (dyn Fn(i64) + Send + Sync);

/// What was found in one market.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    pub(crate) postings: i64,
    pub(crate) items: i64,
    pub(crate) batches: i64,
    /// Texts that were removed because their time was over.
    pub(crate) redacted: i64,
    /// Items whose text is missing.
    missing: Ranges,
    pub(crate) differences: Vec<String>,
    /// The lowest posting that differs, or the first of the lowest batch whose hash does.
    pub(crate) lowest: Option<i64>,
}

impl Findings {
    fn differ(&mut self, what: impl Into<String>) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(what.into());
        }
    }

    fn differ_at(&mut self, seq: i64, what: impl Into<String>) {
        self.lowest = Some(self.lowest.map_or(seq, |lowest| lowest.min(seq)));
        self.differ(what);
    }

    /// A row that cannot be read back is a difference like any other.
    fn take(&mut self, outcome: Result<()>) -> Result<()> {
        match outcome {
            Err(StoreError::Inconsistent(what)) => {
                self.differ(what);
                Ok(())
            }
            other => other,
        }
    }
}

/// Verifies one market, while it is served.
///
/// # Errors
/// Whatever the store meets; a difference is no error.
pub(crate) async fn market(store: &Store, market: MarketId, told: Told<'_>) -> Result<Findings> {
    match whole(store, market, told).await {
        // A head that cannot be read: nothing of this market can be told, of the others all.
        Err(StoreError::Inconsistent(what)) => Ok(Findings { differences: vec![what], ..Findings::default() }),
        other => other,
    }
}

async fn whole(store: &Store, market: MarketId, told: Told<'_>) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut transaction = store.begin_read().await?;
    if head::read(&mut transaction, market).await?.is_none() {
        findings.differ("market_head: the row is missing");
        return Ok(findings);
    }
    let spelling = spelling(&mut transaction, market, &mut findings).await;
    findings.take(spelling)?;
    let seals = match Seals::read(&mut transaction, market).await {
        Ok(seals) => seals,
        Err(StoreError::Inconsistent(what)) => {
            findings.differ(what);
            return Ok(findings);
        }
        Err(error) => return Err(error),
    };
    let gone = redactions::read(&mut transaction, market, &mut findings).await;
    let gone = told_or(gone, &mut findings)?;
    let mut reader = Reader::new(market, seals.first_step(), Digest::start(market, seals));
    while reader.slice(&mut transaction).await? {
        told(reader.postings());
        transaction.rollback().await?;
        transaction = store.begin_read().await?;
    }
    // The head of the very moment in which the journal ended where the reader did.
    let head = head::read(&mut transaction, market).await?;
    let (digest, pairings) = reader.finish().await?;
    let mut walk = Walk { market, deltas: digest.deltas, pairings, seals: digest.seals };
    let misspelt = std::mem::replace(&mut findings, digest.findings).differences;
    // What the chain of redactions is like was told before the journal was read.
    let by_now = redactions::read(&mut transaction, market, &mut Findings::default()).await;
    let by_now = told_or(by_now, &mut findings)?;
    let missing = std::mem::take(&mut findings.missing);
    redactions::compare(&missing, &gone, &by_now, &mut findings);
    findings.differences.splice(0..0, misspelt);
    match head {
        Some(head) => walk.against(&mut transaction, &head, &digest.hash, &mut findings).await?,
        None => findings.differ("market_head: the row is missing"),
    }
    transaction.rollback().await?;
    walk.pairings.every_row(store, &mut findings).await?;
    walk.listed_rows(store, &mut findings).await?;
    statements::files(store, market, &mut findings).await?;
    audit::chain(store, market, &mut findings).await?;
    told(findings.postings);
    Ok(findings)
}

/// Ranges that cannot be read are a difference, and none.
fn told_or(read: Result<Ranges>, findings: &mut Findings) -> Result<Ranges> {
    match read {
        Err(StoreError::Inconsistent(what)) => {
            findings.differ(what);
            Ok(Ranges::default())
        }
        other => other,
    }
}

/// A market's code names its postings for ever and is signed with every close: it has one spelling.
async fn spelling(transaction: &mut Transaction, market: MarketId, findings: &mut Findings) -> Result<()> {
    const SQL: &str = "SELECT code FROM markets WHERE market_id = $1";
    let Some(row) = transaction.row(SQL, binds![market.get()]).await? else {
        findings.differ("markets: the row is missing");
        return Ok(());
    };
    let code = row.text("code")?;
    let is_right = if market == MarketId::INSTALLATION {
        code == "-"
    } else {
        code.parse::<MarketCode>().is_ok_and(|parsed| parsed.as_str() == code)
    };
    if !is_right {
        findings.differ(format!("markets: {code:?} is no code as it is written"));
    }
    Ok(())
}

/// Returns how many postings these markets have by their heads; what a run may expect.
pub(crate) async fn postings(store: &Store, markets: impl IntoIterator<Item = MarketId>) -> Result<i64> {
    let mut transaction = store.begin_read().await?;
    let mut postings = 0_i64;
    for market in markets {
        postings += match head::read(&mut transaction, market).await {
            Ok(head) => head.map_or(0, |head| head.last_seq),
            // The run itself says what is wrong with it.
            Err(StoreError::Inconsistent(_)) => 0,
            Err(error) => return Err(error),
        };
    }
    transaction.rollback().await?;
    Ok(postings)
}

/// What the whole journal gave.
struct Walk {
    market: MarketId,
    deltas: Deltas,
    pairings: Pairings,
    seals: Seals,
}

impl Walk {
    /// Compares everything that is kept with what the journal gave, at one moment.
    async fn against(
        &mut self,
        transaction: &mut Transaction,
        head: &Head,
        hash: &[u8],
        findings: &mut Findings,
    ) -> Result<()> {
        let (last, seq, item) = (findings.batches, findings.postings, findings.items);
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
        let uncovered = self.uncovered(transaction, seq, item, findings).await;
        findings.take(uncovered)?;
        let totals = self.totals(transaction, findings).await;
        findings.take(totals)?;
        let pairings = self.pairings.against(transaction, findings).await;
        findings.take(pairings)?;
        let listed = self.listed_dates(transaction, findings).await;
        findings.take(listed)?;
        let seals = self.seals.finish(transaction, head, &self.deltas, findings).await;
        findings.take(seals)
    }

    /// Rows that no batch covers: before the first number or behind the last. Those between are
    /// counted batch by batch.
    async fn uncovered(
        &self,
        transaction: &mut Transaction,
        seq: i64,
        item: i64,
        findings: &mut Findings,
    ) -> Result<()> {
        const POSTINGS: [&str; 2] = [
            "SELECT seq AS number FROM postings WHERE market_id = $1 AND seq < 1 AND seq < $2 ORDER BY seq LIMIT 1",
            "SELECT seq AS number FROM postings WHERE market_id = $1 AND seq > $2 ORDER BY seq LIMIT 1",
        ];
        const ITEMS: [&str; 2] = [
            "SELECT item AS number FROM inbox WHERE market_id = $1 AND item < 1 AND item < $2 ORDER BY item LIMIT 1",
            "SELECT item AS number FROM inbox WHERE market_id = $1 AND item > $2 ORDER BY item LIMIT 1",
        ];
        const TEXTS: [&str; 2] = [
            "SELECT item AS number FROM inbox_texts WHERE market_id = $1 AND item < 1 AND item < $2 ORDER BY item LIMIT 1",
            "SELECT item AS number FROM inbox_texts WHERE market_id = $1 AND item > $2 ORDER BY item LIMIT 1",
        ];
        for (table, statements, last) in
            [("postings", POSTINGS, seq), ("inbox", ITEMS, item), ("inbox_texts", TEXTS, item)]
        {
            for (sql, bound) in statements.into_iter().zip([1, last]) {
                if let Some(row) = transaction.row(sql, binds![self.market.get(), bound]).await? {
                    let number = row.int("number")?;
                    findings.differ(format!("{table}: row {number} is there, the chain covers 1 to {last}"));
                }
            }
        }
        Ok(())
    }
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
        event_id: row.optional_text("event_id")?.map(Arc::from),
        event_id_weak: row.flag("event_id_weak")?,
        direction,
        settled: row.optional_text("settled_account")?.map(SettledAccount::from_stored),
        addressed: addressed.map_err(|_: crate::domain::ids::IdError| wrong("addressed"))?,
        bank_hint: row.optional_text("bank_hint")?.map(Into::into),
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
