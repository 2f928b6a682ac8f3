//! What reconciling reads of the book, and what people signed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::engine::{Row, Transaction, binds};
use super::error::{Result, StoreError};
use super::{instant, micros, optional_instant};
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::Figure;
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketId, Seq, SourceId};
use crate::domain::money::Dong;
use crate::domain::reconciliation::{ReconciliationId, line_of};
use crate::domain::settlement::BankRef;
use crate::ledger::reconcile::findings::Report;
use crate::ledger::reconcile::pairing::{Credit, Unsure};

/// Items that are read at once.
const READ_TOGETHER: i64 = 4_000;
/// Book days that the dates at the bank may have gone into: years.
const DAYS_MAX: i64 = 10_000;
/// How deep reversals of reversals are followed; the rules allow three.
const REVERSAL_DEPTH: usize = 8;

/// What comparing needs of a credit.
macro_rules! credit_sql {
    ($from:literal) => {
        concat!(
            "SELECT p.seq AS posting_seq, i.item, i.source_id, \
             CASE WHEN i.source_id = 0 THEN i.event_id END AS own_name, i.settled_account, i.amount, i.event_at, \
             i.claimed_at, i.event_date, i.event_precision, i.reference, i.memo_code, r.seq AS reversed_by FROM ",
            $from
        )
    };
}

/// Reads the credits with a posting whose date at the bank lies in a span, by account and in the order
/// of their items: the date that stands in the book, or the one that their sender told and that was not
/// believed. A page at a time, so that no answer is whole in memory.
pub(crate) async fn credits(
    transaction: &mut Transaction,
    market: MarketId,
    account: Option<&SettledAccount>,
    (from, to): (BusinessDate, BusinessDate),
) -> Result<BTreeMap<SettledAccount, Vec<Credit>>> {
    // The book days that the bank's days went into, then their postings: no index by the bank's day is
    // kept on the journal itself.
    const DAYS: &str = "SELECT DISTINCT business_date FROM date_totals WHERE market_id = $1 AND event_date >= $2 \
        AND event_date <= $3 AND kind = 'settle' ORDER BY business_date LIMIT $4";
    let values = binds![market.get(), from.to_string(), to.to_string(), DAYS_MAX];
    let mut found: BTreeMap<SettledAccount, Vec<Credit>> = BTreeMap::new();
    for row in transaction.rows(DAYS, values).await? {
        let day = row.text("business_date")?;
        credits_of_day(transaction, market, account, (from, to), &day, &mut found).await?;
    }
    told_credits(transaction, market, account, (from, to), &mut found).await?;
    for credits in found.values_mut() {
        credits.sort_unstable_by_key(|credit| credit.item);
    }
    Ok(found)
}

/// Reads the credits that lie on another date in the book, though their sender told one of these.
async fn told_credits(
    transaction: &mut Transaction,
    market: MarketId,
    account: Option<&SettledAccount>,
    (from, to): (BusinessDate, BusinessDate),
    found: &mut BTreeMap<SettledAccount, Vec<Credit>>,
) -> Result<()> {
    const SQL: &str = credit_sql!(
        "inbox i CROSS JOIN postings p \
         LEFT JOIN postings r ON r.market_id = p.market_id AND r.concerns = p.seq AND r.kind = 'reversal' \
         WHERE i.market_id = $1 AND (i.claimed_at, i.item) > ($2, $3) AND i.claimed_at < $4 \
         AND p.market_id = $1 AND p.seq = i.posting_seq AND p.item = i.item AND p.kind = 'settle' \
         AND (p.event_date < $5 OR p.event_date > $6) AND (CAST($7 AS TEXT) IS NULL OR i.settled_account = $7) \
         ORDER BY i.claimed_at, i.item LIMIT $8"
    );
    let only = account.map(SettledAccount::as_str);
    let end = micros(to.next().starts_at());
    let mut last = (micros(from.starts_at()), i64::MIN);
    loop {
        let dates = (from.to_string(), to.to_string());
        let values = binds![market.get(), last.0, last.1, end, dates.0, dates.1, only, READ_TOGETHER];
        let rows = transaction.rows(SQL, values).await?;
        for row in &rows {
            let (settled, credit) = found_credit(transaction, market, row).await?;
            last = (row.int("claimed_at")?, credit.item);
            found.entry(settled).or_default().push(credit);
        }
        if i64::try_from(rows.len()) != Ok(READ_TOGETHER) {
            return Ok(());
        }
    }
}

async fn credits_of_day(
    transaction: &mut Transaction,
    market: MarketId,
    account: Option<&SettledAccount>,
    (from, to): (BusinessDate, BusinessDate),
    day: &str,
    found: &mut BTreeMap<SettledAccount, Vec<Credit>>,
) -> Result<()> {
    const SQL: &str = credit_sql!(
        "postings p CROSS JOIN inbox i \
         LEFT JOIN postings r ON r.market_id = p.market_id AND r.concerns = p.seq AND r.kind = 'reversal' \
         WHERE p.market_id = $1 AND p.business_date = $2 AND p.seq > $3 AND p.event_date >= $4 AND p.event_date <= $5 \
         AND p.kind = 'settle' AND i.market_id = $1 AND i.item = p.item \
         AND (CAST($6 AS TEXT) IS NULL OR i.settled_account = $6) ORDER BY p.seq LIMIT $7"
    );
    let (only, mut last) = (account.map(SettledAccount::as_str), i64::MIN);
    loop {
        let values = binds![market.get(), day, last, from.to_string(), to.to_string(), only, READ_TOGETHER];
        let rows = transaction.rows(SQL, values).await?;
        for row in &rows {
            let (settled, credit) = found_credit(transaction, market, row).await?;
            last = credit.posting.get();
            found.entry(settled).or_default().push(credit);
        }
        if i64::try_from(rows.len()) != Ok(READ_TOGETHER) {
            return Ok(());
        }
    }
}

async fn found_credit(transaction: &mut Transaction, market: MarketId, row: &Row) -> Result<(SettledAccount, Credit)> {
    let live = match row.optional_int("reversed_by")? {
        None => true,
        // What a reversal takes away its own reversal gives back.
        Some(reversal) => !is_live(transaction, market, Seq::new(reversal)).await?,
    };
    Ok((SettledAccount::from_stored(row.text("settled_account")?), credit(row, live)?))
}

fn credit(row: &Row, live: bool) -> Result<Credit> {
    // A time of ours that stands in for a missing one tells nothing about the bank's.
    let own = row.text("event_precision")? == "second";
    let at = optional_instant(row.optional_int("event_at")?)?;
    let claimed = optional_instant(row.optional_int("claimed_at")?)?;
    let unsure = at.filter(|_| !own).map(|recorded| Box::new(Unsure { recorded, claimed }));
    Ok(Credit {
        item: row.int("item")?,
        posting: Seq::new(row.int("posting_seq")?),
        source: SourceId::new(row.int("source_id")?),
        own_line: row.optional_text("own_name")?.as_deref().and_then(line_of),
        amount: Dong::new(row.int("amount")?),
        reference: row.optional_text("reference")?.map(BankRef::from_stored),
        at: at.filter(|_| own),
        unsure,
        date: row.parse("event_date")?,
        code: row.optional_int("memo_code")?.map(super::bindings::stall).transpose()?,
        live,
    })
}

/// Tells whether a posting still has effect.
pub(crate) async fn is_live(transaction: &mut Transaction, market: MarketId, posting: Seq) -> Result<bool> {
    const SQL: &str = "SELECT seq FROM postings WHERE market_id = $1 AND concerns = $2 AND kind = 'reversal'";
    let (mut seq, mut live) = (posting, true);
    for _ in 0..REVERSAL_DEPTH {
        let Some(row) = transaction.row(SQL, binds![market.get(), seq.get()]).await? else { break };
        (seq, live) = (Seq::new(row.int("seq")?), !live);
    }
    Ok(live)
}

/// Reads the reports without a posting of their own that nobody has decided, by account and in the
/// order of their items; a page at a time.
pub(crate) async fn reports(
    transaction: &mut Transaction,
    market: MarketId,
    (from, to): (BusinessDate, BusinessDate),
) -> Result<BTreeMap<SettledAccount, Vec<Report>>> {
    const SQL: &str = "SELECT i.item, i.outcome, i.settled_account, i.amount, i.event_at, i.event_date, i.reference, \
        i.posting_seq FROM inbox i LEFT JOIN inbox r ON r.market_id = i.market_id AND r.resolves = i.item \
        WHERE i.market_id = $1 AND i.event_date >= $2 AND i.event_date <= $3 AND i.settled_account IS NOT NULL \
        AND (i.event_date, i.settled_account, i.item) > ($2, $4, $5) \
        AND (i.outcome = 'duplicate' OR i.outcome = 'quarantined') AND r.item IS NULL \
        ORDER BY i.event_date, i.settled_account, i.item LIMIT $6";
    let mut found: BTreeMap<SettledAccount, Vec<Report>> = BTreeMap::new();
    let mut last = (from.to_string(), String::new(), i64::MIN);
    loop {
        let (date, settled, item) = last.clone();
        let values = binds![market.get(), date, to.to_string(), settled, item, READ_TOGETHER];
        let rows = transaction.rows(SQL, values).await?;
        for row in &rows {
            last = (row.text("event_date")?, row.text("settled_account")?, row.int("item")?);
            let Some(amount) = row.optional_int("amount")? else { continue };
            let report = Report {
                item: row.int("item")?,
                outcome: row.parse("outcome")?,
                posting: row.optional_int("posting_seq")?.map(Seq::new),
                amount: Dong::new(amount),
                reference: row.optional_text("reference")?.map(BankRef::from_stored),
                at: optional_instant(row.optional_int("event_at")?)?,
                date: row.parse("event_date")?,
            };
            found.entry(SettledAccount::from_stored(last.1.clone())).or_default().push(report);
        }
        if i64::try_from(rows.len()) != Ok(READ_TOGETHER) {
            break;
        }
    }
    for reports in found.values_mut() {
        reports.sort_unstable_by_key(|report| report.item);
    }
    Ok(found)
}

/// What a person signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) id: ReconciliationId,
    pub(crate) date: BusinessDate,
    pub(crate) at: Timestamp,
    pub(crate) by: String,
    pub(crate) note: String,
    /// Accounts that statements covered.
    pub(crate) accounts: i64,
    /// Accounts with money in the book that no statement covered.
    pub(crate) uncovered: i64,
    pub(crate) bank: Figure,
    pub(crate) book: Figure,
    /// Findings by which bank and book differed.
    pub(crate) open: i64,
    pub(crate) journal_seq: i64,
    /// Over all that was signed for: whether it still is so.
    pub(crate) digest: Hash,
}

/// Keeps a signature.
pub(crate) async fn sign(transaction: &mut Transaction, market: MarketId, signed: &Signed) -> Result<()> {
    const SQL: &str = "INSERT INTO reconciliations (market_id, event_date, reconciliation_id, signed_at, signed_by, \
        note, accounts, uncovered, bank_count, bank_amount, book_count, book_amount, open_count, journal_seq, digest) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let uuid = signed.id.uuid();
    let values = binds![
        market.get(),
        signed.date.to_string(),
        uuid.as_bytes().as_slice(),
        micros(signed.at),
        signed.by.as_str(),
        signed.note.as_str(),
        signed.accounts,
        signed.uncovered,
        signed.bank.count,
        signed.bank.amount.whole(),
        signed.book.count,
        signed.book.amount.whole(),
        signed.open,
        signed.journal_seq,
        signed.digest.0.to_vec(),
    ];
    transaction.execute_exactly(1, SQL, values).await
}

/// Reads the newest signature for a date.
pub(crate) async fn signed(
    transaction: &mut Transaction,
    market: MarketId,
    date: BusinessDate,
) -> Result<Option<Signed>> {
    const SQL: &str = "SELECT event_date, reconciliation_id, signed_at, signed_by, note, accounts, uncovered, bank_count, \
        bank_amount, book_count, book_amount, open_count, journal_seq, digest FROM reconciliations \
        WHERE market_id = $1 AND event_date = $2 ORDER BY signed_at DESC, journal_seq DESC, reconciliation_id DESC LIMIT 1";
    let Some(row) = transaction.row(SQL, binds![market.get(), date.to_string()]).await? else { return Ok(None) };
    let wrong = |error: String| StoreError::Inconsistent(format!("reconciliations: {error}"));
    let id = Uuid::from_slice(&row.bytes("reconciliation_id")?).map_err(|error| wrong(error.to_string()))?;
    let figure = |count, amount| -> Result<Figure> {
        Ok(Figure { count: row.int(count)?, amount: Dong::new(row.int(amount)?) })
    };
    Ok(Some(Signed {
        id: ReconciliationId::from_stored(id),
        date: row.parse("event_date")?,
        at: instant(row.int("signed_at")?)?,
        by: row.text("signed_by")?,
        note: row.text("note")?,
        accounts: row.int("accounts")?,
        uncovered: row.int("uncovered")?,
        bank: figure("bank_count", "bank_amount")?,
        book: figure("book_count", "book_amount")?,
        open: row.int("open_count")?,
        journal_seq: row.int("journal_seq")?,
        digest: Hash::from_slice(&row.bytes("digest")?).map_err(|error| wrong(error.to_string()))?,
    }))
}
