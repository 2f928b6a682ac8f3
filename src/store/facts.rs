//! Reading the facts of a batch: the holders of its identities, the credits it may pair with, the
//! postings and held items it names. Set-based: one statement each, whatever the batch's size.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::bindings::stall;
use super::engine::{Column, Row, Rows, Transaction, binds};
use super::error::{Result, StoreError};
use super::{held, instant, optional_instant, pairing};
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{MarketId, Seq, SourceId};
use crate::domain::ledger_account::LedgerAccount;
use crate::domain::money::Dong;
use crate::domain::posting::{PostingKind, Transfer};
use crate::domain::settlement::{BankRef, Settlement};
use crate::ledger::facts::{Bindings, Claim, Facts, Head, HeldItem, KnownPosting};
use crate::ledger::routing;
use crate::ledger::work::{Content, CorrectionAction, Incoming, Work};

/// What the writer keeps between batches of a market.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// The bindings, as of the head version they were kept for.
    pub(crate) bindings: Arc<Bindings>,
    /// The sources that have reported to this market: with one alone there is nothing to pair.
    pub(crate) sources: Arc<HashSet<SourceId>>,
    /// The sources whose references another source has confirmed.
    pub(crate) agreeing: Arc<HashSet<SourceId>>,
    /// The dates whose credits are listed for pairing.
    pub(crate) listed: Arc<HashSet<BusinessDate>>,
}

/// What was found for a batch.
pub(crate) enum Found {
    /// All that it may depend on.
    Facts(Box<Facts>),
    /// Dates whose credits must be listed first ([`pairing::list`]), for another source may have
    /// reported the same money.
    Unlisted(BTreeSet<BusinessDate>),
}

/// Reads everything that `works` may depend on.
pub(crate) async fn read(
    transaction: &mut Transaction,
    market: MarketId,
    head: Head,
    kept: &Kept,
    works: &[Work],
    recorded_at: Timestamp,
) -> Result<Found> {
    let reporting = works.iter().filter_map(|work| match work {
        Work::Deliver(incoming) => Some(&incoming.source),
        Work::Correct(_) | Work::Resolve(_) => None,
    });
    // With one source alone there is nothing to pair, and no key to look for.
    let several = reporting.chain(kept.sources.iter()).collect::<HashSet<_>>().len() > 1;
    let mut waiting: HashMap<i64, HeldItem> = HashMap::new();
    for id in named_items(works) {
        waiting.extend(held::find(transaction, market, id).await?.map(|item| (id, item)));
    }
    let mut wanted = Wanted { several, ..Wanted::default() };
    for work in works {
        wanted.add(work, recorded_at);
    }
    for item in waiting.values() {
        if let (Some(settlement), Some(settled)) = (&item.settlement, &item.settled) {
            wanted.settlement(item.source, settlement, settled, recorded_at);
        }
    }
    wanted.put_in_order();
    let mut facts = Facts {
        market,
        head,
        recorded_at,
        bindings: Arc::clone(&kept.bindings),
        several,
        events: HashMap::new(),
        references: HashMap::with_capacity(wanted.references.len()),
        credits: HashMap::new(),
        pairings: HashSet::new(),
        agreeing: (*kept.agreeing).clone(),
        whole_days: HashSet::new(),
        refunds: HashMap::new(),
        postings: BTreeMap::new(),
        held: HashMap::new(),
    };
    let unlisted: BTreeSet<BusinessDate> =
        wanted.credits.iter().map(|(date, ..)| *date).filter(|date| !kept.listed.contains(date)).collect();
    if !unlisted.is_empty() {
        return Ok(Found::Unlisted(unlisted));
    }
    events(transaction, &mut facts, &wanted).await?;
    references(transaction, &mut facts, &wanted).await?;
    credits(transaction, &mut facts, &wanted).await?;
    pairings(transaction, &mut facts).await?;
    whole_days(transaction, &mut facts, works).await?;
    refunds(transaction, &mut facts, &mut wanted).await?;
    postings(transaction, &mut facts, &wanted.postings).await?;
    facts.held = waiting;
    Ok(Found::Facts(Box::new(facts)))
}

/// Returns the held items that works name.
fn named_items(works: &[Work]) -> BTreeSet<i64> {
    let mut named = BTreeSet::new();
    for work in works {
        match work {
            Work::Deliver(incoming) => named.extend(incoming.items.iter().filter_map(|item| item.resolves)),
            Work::Resolve(resolution) => named.extend([resolution.item]),
            Work::Correct(_) => {}
        }
    }
    named
}

/// The keys a batch asks for, as its works have them.
#[derive(Default)]
struct Wanted<'w> {
    events: Vec<(i64, &'w str)>,
    references: Vec<(BusinessDate, &'w BankRef, &'w SettledAccount)>,
    credits: Vec<(BusinessDate, &'w SettledAccount, i64)>,
    postings: BTreeSet<Seq>,
    /// Debit lines of statements.
    lines: BTreeSet<i64>,
    /// Several sources report to this market.
    several: bool,
}

impl<'w> Wanted<'w> {
    /// Has each key once, in the order of its index.
    fn put_in_order(&mut self) {
        fn once<K: Ord>(keys: &mut Vec<K>) {
            keys.sort_unstable();
            keys.dedup();
        }
        once(&mut self.events);
        once(&mut self.references);
        once(&mut self.credits);
    }

    fn add(&mut self, work: &'w Work, recorded_at: Timestamp) {
        match work {
            Work::Deliver(incoming) => self.incoming(incoming, recorded_at),
            Work::Correct(correction) => {
                self.postings.insert(correction.action.posting());
                if let CorrectionAction::Refund { line, .. } = correction.action {
                    self.lines.insert(line);
                }
            }
            // The item was read already, with what it reports.
            Work::Resolve(_) => {}
        }
    }

    fn incoming(&mut self, incoming: &'w Incoming, recorded_at: Timestamp) {
        for item in &incoming.items {
            match &item.content {
                Content::Credit { settlement, routed } => {
                    self.settlement(incoming.source, settlement, &routed.settled, recorded_at);
                }
                Content::Ignored { settlement: Some(settlement), .. } => self.event(incoming.source, settlement),
                Content::Ignored { settlement: None, .. } | Content::Kept { .. } => {}
            }
        }
    }

    fn event(&mut self, source: SourceId, settlement: &'w Settlement) {
        self.events.extend(settlement.event_id.text().map(|id| (source.get(), id)));
    }

    fn settlement(&mut self, source: SourceId, settlement: &'w Settlement, settled: &'w SettledAccount, at: Timestamp) {
        self.event(source, settlement);
        let date = routing::moment(settlement.event_time, at).event_date;
        self.references.extend(settlement.reference.as_ref().map(|reference| (date, reference, settled)));
        if self.several {
            let near = [date.previous(), date, date.next()];
            self.credits.extend(near.map(|date| (date, settled, settlement.amount.whole())));
        }
    }
}

/// The columns of a claim. A held item that a person booked answers with that posting. CROSS JOIN
/// keeps SQLite from scanning the inbox for the batch: it goes from the batch into the index. Each is
/// ordered as its index is, so that nothing is sorted for every row of a batch.
macro_rules! claim_sql {
    ($from:literal, $rest:literal) => {
        concat!(
            "SELECT i.item, i.source_id, i.event_id, i.settled_account, i.amount, i.event_at, i.claimed_at, i.event_date, \
             i.reference, i.occurrence, i.memo_code, i.outcome, i.earlier_item, \
             i.recorded_at, COALESCE(i.posting_seq, r.posting_seq) AS posting_seq \
             FROM {rows} CROSS JOIN ",
            $from,
            " LEFT JOIN inbox r ON r.market_id = i.market_id AND r.resolves = i.item ",
            $rest
        )
    };
}

fn claim(row: &Row) -> Result<Claim> {
    let item = row.int("item")?;
    let outcome = row.parse("outcome")?;
    let earlier = row.optional_int("earlier_item")?;
    let is_report = outcome == crate::domain::inbox::Outcome::Duplicate;
    Ok(Claim {
        item,
        credit: earlier.filter(|_| is_report).unwrap_or(item),
        source: SourceId::new(row.int("source_id")?),
        event_id: row.optional_text("event_id")?.map(Arc::from),
        settled: SettledAccount::from_stored(row.optional_text("settled_account")?.unwrap_or_default()),
        amount: Dong::new(row.optional_int("amount")?.unwrap_or_default()),
        at: optional_instant(row.optional_int("event_at")?)?,
        claimed: optional_instant(row.optional_int("claimed_at")?)?,
        event_date: row.parse("event_date")?,
        reference: row.optional_text("reference")?.map(BankRef::from_stored),
        occurrence: row.int("occurrence")?,
        memo_code: row.optional_int("memo_code")?.map(stall).transpose()?,
        outcome,
        posting: row.optional_int("posting_seq")?.map(Seq::new),
        recorded_at: instant(row.int("recorded_at")?)?,
    })
}

async fn events(transaction: &mut Transaction, facts: &mut Facts, wanted: &Wanted<'_>) -> Result<()> {
    const SQL: &str = claim_sql!(
        "inbox i",
        "WHERE i.market_id = $1 AND i.source_id = u.source_id AND i.event_id = u.event_id \
         AND i.claims_event = 1 ORDER BY i.source_id, i.event_id"
    );
    if wanted.events.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .with("source_id", Column::ints(wanted.events.iter().map(|(source, _)| *source)))
        .with("event_id", Column::texts(wanted.events.iter().map(|(_, id)| *id)));
    for row in transaction.rows_of_each(SQL, binds![facts.market.get(), rows]).await? {
        let claim = Arc::new(claim(&row)?);
        if let Some(id) = claim.event_id.clone() {
            facts.events.entry(claim.source).or_default().insert(id, claim);
        }
    }
    Ok(())
}

async fn references(transaction: &mut Transaction, facts: &mut Facts, wanted: &Wanted<'_>) -> Result<()> {
    const SQL: &str = claim_sql!(
        "inbox i",
        "WHERE i.market_id = $1 AND i.event_date = u.event_date AND i.reference = u.reference \
         AND i.settled_account = u.settled_account AND i.claims_reference = 1 \
         ORDER BY i.event_date, i.reference, i.settled_account, i.occurrence"
    );
    if wanted.references.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .with("event_date", Column::dates(wanted.references.iter().map(|(date, ..)| *date)))
        .with("reference", Column::texts(wanted.references.iter().map(|(_, reference, _)| reference.as_str())))
        .with("settled_account", Column::texts(wanted.references.iter().map(|(.., account)| account.as_str())));
    for row in transaction.rows_of_each(SQL, binds![facts.market.get(), rows]).await? {
        let claim = Arc::new(claim(&row)?);
        if let Some(reference) = claim.reference.clone() {
            let key = (claim.settled.clone(), claim.event_date, reference);
            facts.references.entry(key).or_default().push(claim);
        }
    }
    Ok(())
}

async fn credits(transaction: &mut Transaction, facts: &mut Facts, wanted: &Wanted<'_>) -> Result<()> {
    const SQL: &str = claim_sql!(
        "pairing_credits c CROSS JOIN inbox i",
        "WHERE c.market_id = $1 AND c.event_date = u.event_date AND c.settled_account = u.settled_account \
         AND c.amount = u.amount AND i.market_id = $1 AND i.item = c.item \
         ORDER BY c.event_date, c.settled_account, c.amount, c.item"
    );
    if wanted.credits.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .with("event_date", Column::dates(wanted.credits.iter().map(|(date, ..)| *date)))
        .with("settled_account", Column::texts(wanted.credits.iter().map(|(_, account, _)| account.as_str())))
        .with("amount", Column::ints(wanted.credits.iter().map(|(.., amount)| *amount)));
    for row in transaction.rows_of_each(SQL, binds![facts.market.get(), rows]).await? {
        let claim = Arc::new(claim(&row)?);
        facts.credits.entry((claim.settled.clone(), claim.amount)).or_default().push(claim);
    }
    Ok(())
}

async fn pairings(transaction: &mut Transaction, facts: &mut Facts) -> Result<()> {
    const SQL: &str = "SELECT p.credit_item, p.source_id FROM {rows} CROSS JOIN pairings p \
        WHERE p.market_id = $1 AND p.credit_item = u.credit_item ORDER BY p.credit_item, p.source_id";
    let claims = facts.credits.values().flatten().chain(facts.references.values().flatten());
    let credits: BTreeSet<i64> = claims.map(|claim| claim.credit).collect();
    if credits.is_empty() {
        return Ok(());
    }
    let rows = Rows::new().with("credit_item", Column::ints(credits));
    for row in transaction.rows_of_each(SQL, binds![facts.market.get(), rows]).await? {
        facts.pairings.insert((row.int("credit_item")?, SourceId::new(row.int("source_id")?)));
    }
    Ok(())
}

/// Reads which of the accounts' dates a statement holds wholly; only where money of a statement is
/// among what is paired.
async fn whole_days(transaction: &mut Transaction, facts: &mut Facts, works: &[Work]) -> Result<()> {
    const SQL: &str = "SELECT d.settled_account, d.booked_on FROM {rows} CROSS JOIN statement_days d \
        WHERE d.market_id = $1 AND d.booked_on = u.booked_on AND d.settled_account = u.settled_account \
        AND d.covered = 1 ORDER BY d.booked_on, d.settled_account";
    let by_statement = |work: &Work| matches!(work, Work::Deliver(incoming) if incoming.source == SourceId::STATEMENT);
    let every = works.iter().any(by_statement);
    let credits = facts.credits.values().flatten();
    let days: BTreeSet<(BusinessDate, SettledAccount)> = credits
        .filter(|credit| every || credit.source == SourceId::STATEMENT)
        .flat_map(|credit| {
            let claimed = credit.claimed.map(BusinessDate::of_calendar);
            [Some(credit.event_date), claimed].into_iter().flatten().map(|date| (date, credit.settled.clone()))
        })
        .collect();
    if days.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .with("booked_on", Column::dates(days.iter().map(|(date, _)| *date)))
        .with("settled_account", Column::texts(days.iter().map(|(_, account)| account.as_str())));
    for row in transaction.rows_of_each(SQL, binds![facts.market.get(), rows]).await? {
        let settled = SettledAccount::from_stored(row.text("settled_account")?);
        facts.whole_days.insert((settled, row.parse("booked_on")?));
    }
    Ok(())
}

/// Reads the refunds that were recorded of the lines named, and has their postings read.
async fn refunds(transaction: &mut Transaction, facts: &mut Facts, wanted: &mut Wanted<'_>) -> Result<()> {
    const SQL: &str = "SELECT f.line, f.seq FROM {rows} CROSS JOIN statement_refunds f \
        WHERE f.market_id = $1 AND f.line = u.line ORDER BY f.line, f.seq";
    if wanted.lines.is_empty() {
        return Ok(());
    }
    let rows = Rows::new().with("line", Column::ints(wanted.lines.iter().copied()));
    for row in transaction.rows_of_each(SQL, binds![facts.market.get(), rows]).await? {
        let seq = Seq::new(row.int("seq")?);
        facts.refunds.entry(row.int("line")?).or_default().push(seq);
        wanted.postings.insert(seq);
    }
    Ok(())
}

/// Reads the named postings, what they rest on and what rests on them, level by level: chains are
/// short, and corrections are rare.
async fn postings(transaction: &mut Transaction, facts: &mut Facts, named: &BTreeSet<Seq>) -> Result<()> {
    const NAMED: &str = "SELECT p.seq, p.kind, p.debit_account, p.credit_account, p.amount, p.concerns, p.event_at \
        FROM {rows} CROSS JOIN postings p WHERE p.market_id = $1 AND p.seq = u.seq ORDER BY p.seq";
    const CONCERNING: &str = "SELECT p.seq, p.kind, p.debit_account, p.credit_account, p.amount, p.concerns, p.event_at \
        FROM {rows} CROSS JOIN postings p WHERE p.market_id = $1 AND p.concerns = u.seq ORDER BY p.seq";
    let mut asked: BTreeSet<Seq> = BTreeSet::new();
    let mut next = named.clone();
    while !next.is_empty() {
        let rows = Rows::new().with("seq", Column::ints(next.iter().map(|seq| seq.get())));
        asked.append(&mut next);
        let mut found = transaction.rows_of_each(NAMED, binds![facts.market.get(), rows.clone()]).await?;
        found.append(&mut transaction.rows_of_each(CONCERNING, binds![facts.market.get(), rows]).await?);
        for row in found {
            let posting = known_posting(&row)?;
            next.extend(posting.concerns.into_iter().chain([posting.seq]).filter(|seq| !asked.contains(seq)));
            facts.postings.insert(posting.seq, posting);
        }
    }
    Ok(())
}

fn known_posting(row: &Row) -> Result<KnownPosting> {
    Ok(KnownPosting {
        seq: Seq::new(row.int("seq")?),
        kind: row.parse::<PostingKind>("kind")?,
        transfer: transfer(row)?,
        concerns: row.optional_int("concerns")?.map(Seq::new),
        event_at: optional_instant(row.optional_int("event_at")?)?,
    })
}

/// Reads the balanced part of a posting's row.
pub(crate) fn transfer(row: &Row) -> Result<Transfer> {
    let amount = Dong::new(row.int("amount")?);
    if amount <= Dong::ZERO {
        return Err(StoreError::Inconsistent(format!("a posting of {amount} đồng")));
    }
    Ok(Transfer {
        debit: row.parse::<LedgerAccount>("debit_account")?,
        credit: row.parse::<LedgerAccount>("credit_account")?,
        amount,
    })
}

/// Reads what the writer keeps between batches.
pub(crate) async fn kept(transaction: &mut Transaction, market: MarketId) -> Result<Kept> {
    const SOURCES: &str = "SELECT source_id FROM source_totals WHERE market_id = $1 GROUP BY source_id ORDER BY source_id \
        LIMIT 10000";
    const AGREEING: &str =
        "SELECT source_id FROM reference_agreements WHERE market_id = $1 ORDER BY source_id LIMIT 10000";
    let bindings = Arc::new(super::bindings::load(transaction, market).await?);
    let ids = |rows: Vec<Row>| rows.iter().map(|row| row.int("source_id").map(SourceId::new)).collect::<Result<_>>();
    let sources = ids(transaction.rows(SOURCES, binds![market.get()]).await?)?;
    let agreeing = ids(transaction.rows(AGREEING, binds![market.get()]).await?)?;
    let listed = Arc::new(pairing::dates(transaction, market).await?);
    Ok(Kept { bindings, sources: Arc::new(sources), agreeing: Arc::new(agreeing), listed })
}
