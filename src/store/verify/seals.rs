//! Closed dates against the journal: the root and the figures of each, the chain of their
//! statements, the signatures, the keys, and the balances that were kept with them.
//!
//! What stays in memory grows with dates and with accounts that moved on them, not with postings: a
//! tree is kept as the roots of its complete subtrees.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::SideSums;
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketCode, MarketId};
use crate::domain::ledger_account::LedgerAccount;
use crate::domain::money::Dong;
use crate::domain::posting::PostingKind;
use crate::ledger::batch::Posting;
use crate::ledger::facts::Head;
use crate::ledger::seal::close::{self, SignedClose};
use crate::ledger::seal::figures::{self, DayFigures};
use crate::ledger::seal::key::{self, MarketKey};
use crate::ledger::seal::{leaf, merkle};
use crate::ledger::spread::Spread;
use crate::ledger::totals::{Deltas, Sides};
use crate::store::balances::{self, Balances};
use crate::store::engine::{Row, Transaction, binds};
use crate::store::error::{Result, StoreError};
use crate::store::{closes, keys, spreads};

/// Rows read at a time.
const CHUNK: i64 = 2_000;

/// A market's seals and what the journal says about them so far.
pub(super) struct Seals {
    market: MarketId,
    code: Option<MarketCode>,
    closes: Vec<SignedClose>,
    keys: Vec<MarketKey>,
    /// The chain's ends that closes name.
    ends: BTreeSet<Hash>,
    met: BTreeMap<Hash, i64>,
    trees: BTreeMap<BusinessDate, merkle::Growing>,
    weak: BTreeMap<BusinessDate, i64>,
    moved: BTreeMap<BusinessDate, Balances>,
    spreads: BTreeMap<BusinessDate, Spread>,
    /// The journal number of the first kept step; earlier ones may be missing, as a book that is
    /// older than its steps has none.
    first_step: Option<i64>,
    at_last_step: Balances,
}

impl Seals {
    /// Reads what was sealed.
    pub(super) async fn read(transaction: &mut Transaction, market: MarketId) -> Result<Self> {
        const CODE: &str = "SELECT code FROM markets WHERE market_id = $1";
        const STEP: &str = "SELECT seq FROM balance_steps WHERE market_id = $1 ORDER BY seq LIMIT 1";
        let code = transaction.row(CODE, binds![market.get()]).await?.map(|row| row.text("code")).transpose()?;
        let mut found: Vec<SignedClose> = Vec::new();
        loop {
            let after = found.last().map_or(BusinessDate::BEGINNING.previous(), |last| last.close.business_date);
            let next = closes::between(transaction, market, after, BusinessDate::END, CHUNK).await?;
            let Some(last) = next.last() else { break };
            // Its statement may be about another date than its row: that would be read for ever.
            if last.close.business_date <= after {
                return Err(StoreError::Inconsistent(format!(
                    "day_closes {}: its row is under another date",
                    last.close.business_date
                )));
            }
            found.extend(next);
        }
        let first_step = transaction.row(STEP, binds![market.get()]).await?.map(|row| row.int("seq")).transpose()?;
        Ok(Self {
            market,
            // The installation's own inbox has no code that a market could have, and no posting.
            code: code.and_then(|code| code.parse().ok()),
            keys: keys::all(transaction, market).await?,
            ends: found.iter().map(|closed| closed.close.journal_hash).collect(),
            closes: found,
            met: BTreeMap::new(),
            trees: BTreeMap::new(),
            weak: BTreeMap::new(),
            moved: BTreeMap::new(),
            spreads: BTreeMap::new(),
            first_step,
            at_last_step: Balances::new(),
        })
    }

    /// Takes in the next posting of the journal; `weak` when only a hash of its bytes identifies it.
    pub(super) fn posting(&mut self, posting: &Posting, weak: bool) -> Result<()> {
        let Some(code) = &self.code else { return Ok(()) };
        let date = posting.business_date;
        if self.closes.last().is_none_or(|last| date > last.close.business_date) {
            return Ok(());
        }
        let line = leaf::line(code, posting).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
        self.trees.entry(date).or_default().push(merkle::leaf(line.as_bytes()));
        if weak && posting.kind == PostingKind::Settle {
            let count = self.weak.entry(date).or_default();
            *count = count.saturating_add(1);
        }
        self.spreads.entry(date).or_default().add(posting);
        balances::move_by(self.moved.entry(date).or_default(), posting)
    }

    /// Returns the journal number of the first kept step.
    pub(super) fn first_step(&self) -> Option<i64> {
        self.first_step
    }

    /// Takes in the end of a batch that took the journal from `before` to `last`; `now` holds the
    /// balances there, `kept` the step's rows where there should be one.
    pub(super) fn batch_end(
        &mut self,
        (before, last): (i64, i64),
        hash: &[u8],
        now: &Balances,
        kept: Option<&[Row]>,
        findings: &mut Findings,
    ) -> Result<()> {
        if let Ok(hash) = Hash::from_slice(hash)
            && self.ends.contains(&hash)
        {
            self.met.insert(hash, last);
        }
        if !balances::passes_step(before, last) || self.first_step.is_none_or(|first| last < first) {
            return Ok(());
        }
        let kept = kept.unwrap_or_default().iter().map(account_sides).collect::<Result<BTreeMap<_, _>>>()?;
        let changed = now.iter().filter(|(account, sides)| self.at_last_step.get(*account) != Some(*sides));
        compare(&format!("balance_steps {last}"), &kept, &changed.map(|(a, s)| (a.clone(), *s)).collect(), findings);
        self.at_last_step.clone_from(now);
        Ok(())
    }

    /// Compares every close with what the journal gave.
    pub(super) async fn finish(
        &mut self,
        transaction: &mut Transaction,
        head: &Head,
        deltas: &Deltas,
        findings: &mut Findings,
    ) -> Result<()> {
        // Dates may have been closed while the journal was read; the next run looks at those.
        let last = closes::last(transaction, self.market).await?;
        let open_date = last.map_or(BusinessDate::BEGINNING, |last| last.close.business_date.next());
        if head.open_date != open_date {
            findings.differ(format!("market_head: open_date is {}, the closes say {open_date}", head.open_date));
        }
        if let Some(flaw) = self.code.as_ref().and_then(|code| key::flaw(code, &self.keys)) {
            findings.differ(format!("market_keys: {flaw}"));
        }
        self.columns(transaction, findings).await?;
        let derived = figures::by_date(deltas, SideSums::default())
            .map_err(|error| StoreError::Inconsistent(error.to_string()))?;
        let mut previous: Option<&SignedClose> = None;
        for closed in &self.closes {
            let day = match derived.range(..=closed.close.business_date).next_back() {
                Some((date, day)) if *date == closed.close.business_date => *day,
                Some((_, before)) => before.quiet_after(),
                None => DayFigures::default(),
            };
            self.close(closed, previous, &day, findings);
            previous = Some(closed);
        }
        self.kept_spreads(transaction, findings).await?;
        self.kept_balances(transaction, open_date, findings).await
    }

    /// Dates closed before spreads were kept have none; from the first one on, all that have a settlement
    /// do. Dates closed since the reading began are looked at by the next run.
    async fn kept_spreads(&mut self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        let derived = std::mem::take(&mut self.spreads);
        let kept = spreads::all(transaction, self.market).await?;
        let (Some(last), Some(first)) = (self.closes.last(), kept.keys().next()) else { return Ok(()) };
        let until = last.close.business_date;
        let dates: BTreeSet<&BusinessDate> =
            derived.range(first..).map(|(date, _)| date).chain(kept.keys()).filter(|date| **date <= until).collect();
        let none = Spread::default();
        for date in dates {
            if kept.get(date).unwrap_or(&none) != derived.get(date).unwrap_or(&none) {
                findings.differ(format!("day_spreads {date}: its counts are not what the journal gives"));
            }
        }
        Ok(())
    }

    fn close(
        &self,
        closed: &SignedClose,
        previous: Option<&SignedClose>,
        derived: &DayFigures,
        findings: &mut Findings,
    ) {
        let said = &closed.close;
        let date = said.business_date;
        let mut differ = |what: String| findings.differ(format!("day_closes {date}: {what}"));
        if close::hash(&closed.statement) != closed.hash {
            differ("hash is not the statement's".to_owned());
        }
        if said.previous != previous.map_or(Hash::ZERO, |previous| previous.hash) {
            differ("previous_hash is not the close before".to_owned());
        }
        if previous.is_some_and(|previous| previous.close.business_date.next() != date) {
            differ("the date before is not closed".to_owned());
        }
        if self.code.as_ref() != Some(&said.market) {
            differ(format!("the statement is of market {}", said.market));
        }
        let signer = self.keys.iter().find(|key| key.number == said.key);
        let verifies = |key: &MarketKey| key.public.verifies(closed.statement.as_bytes(), &closed.signature);
        if !signer.is_some_and(verifies) {
            differ(format!("the signature is not that of key {}", said.key));
        }
        let empty = merkle::Growing::default();
        let tree = self.trees.get(&date).unwrap_or(&empty);
        if (tree.root(), Ok(said.postings)) != (said.merkle_root, i64::try_from(tree.size())) {
            let (size, root) = (tree.size(), tree.root());
            differ(format!(
                "it seals {} postings under {}, the journal has {size} under {root}",
                said.postings, said.merkle_root
            ));
        }
        let nothing_yet = said.journal_hash == Hash::ZERO && said.journal_seq.get() == 0;
        if !nothing_yet && self.met.get(&said.journal_hash) != Some(&said.journal_seq.get()) {
            differ(format!("no batch ends at posting {} with the hash it names", said.journal_seq.get()));
        }
        let weak = self.weak.get(&date).copied().unwrap_or_default();
        if (DayFigures::said(said), said.weak) != (*derived, weak) {
            differ(format!(
                "{:?} with {} weak, the journal gives {derived:?} with {weak}",
                DayFigures::said(said),
                said.weak
            ));
        }
    }

    /// What the columns repeat of the signed statement, for auditors who read the table with SQL.
    async fn columns(&self, transaction: &mut Transaction, findings: &mut Findings) -> Result<()> {
        const SQL: &str = "SELECT business_date, closed_at, closed_by, early, count, amount, postings, first_seq, \
            last_seq, journal_seq, merkle_root, previous_hash, key_no FROM day_closes \
            WHERE market_id = $1 AND business_date = $2";
        for closed in &self.closes {
            let (said, date) = (&closed.close, closed.close.business_date.to_string());
            let row = transaction.row(SQL, binds![self.market.get(), date.as_str()]).await?;
            let Some(row) = row else {
                findings.differ(format!("day_closes {date}: its statement is about another date"));
                continue;
            };
            let seq = |column| row.optional_int(column).map(|seq| seq.map(crate::domain::ids::Seq::new));
            let agrees = row.int("closed_at")? == said.closed_at.as_microsecond()
                && row.text("closed_by")? == said.closed_by
                && row.flag("early")? == said.early
                && row.int("count")? == said.payments
                && row.int("amount")? == said.amount.whole()
                && row.int("postings")? == said.postings
                && seq("first_seq")? == said.first_seq
                && seq("last_seq")? == said.last_seq
                && seq("journal_seq")? == Some(said.journal_seq)
                && row.bytes("merkle_root")? == said.merkle_root.0
                && row.bytes("previous_hash")? == said.previous.0
                && row.int("key_no")? == said.key;
            if !agrees {
                findings.differ(format!("day_closes {date}: a column is not what the signed statement says"));
            }
        }
        Ok(())
    }

    /// `open_date` is the one after the last date closed now; dates closed since the reading began
    /// are looked at by the next run.
    async fn kept_balances(
        &mut self,
        transaction: &mut Transaction,
        open_date: BusinessDate,
        findings: &mut Findings,
    ) -> Result<()> {
        const SQL: &str = "SELECT account, business_date, debits, credits FROM day_balances WHERE market_id = $1 \
            AND (account, business_date) > ($2, $3) ORDER BY account, business_date LIMIT $4";
        let until = self.closes.last().map(|last| last.close.business_date);
        let mut running = Balances::new();
        let mut derived = BTreeMap::new();
        for (date, moved) in std::mem::take(&mut self.moved) {
            for (account, sides) in moved {
                let total = running.entry(account.clone()).or_default();
                *total =
                    Sides { debits: sum(total.debits, sides.debits)?, credits: sum(total.credits, sides.credits)? };
                derived.insert((account.to_string(), date), *total);
            }
        }
        let (mut account, mut date) = (String::new(), String::new());
        let mut kept = BTreeMap::new();
        loop {
            let values = binds![self.market.get(), account.as_str(), date.as_str(), CHUNK];
            let rows = transaction.rows(SQL, values).await?;
            let Some(last) = rows.last() else { break };
            (account, date) = (last.text("account")?, last.text("business_date")?);
            for row in &rows {
                let key = (row.text("account")?, row.parse::<BusinessDate>("business_date")?);
                let closed_since = until.is_none_or(|until| key.1 > until) && key.1 < open_date;
                if !closed_since {
                    kept.insert(key, sides(row)?);
                }
            }
        }
        compare("day_balances", &kept, &derived, findings);
        Ok(())
    }
}

fn sum(one: Dong, other: Dong) -> Result<Dong> {
    one.checked_add(other)
        .ok_or_else(|| StoreError::Inconsistent("a total exceeds what an account can hold".to_owned()))
}

/// Reads the balances that were kept as of a posting.
pub(super) async fn kept_step(transaction: &mut Transaction, market: MarketId, seq: i64) -> Result<Vec<Row>> {
    const SQL: &str = "SELECT account, debits, credits FROM balance_steps WHERE market_id = $1 AND seq = $2 \
        ORDER BY account";
    transaction.rows(SQL, binds![market.get(), seq]).await
}

fn account_sides(row: &Row) -> Result<(LedgerAccount, Sides)> {
    Ok((row.parse("account")?, sides(row)?))
}

fn sides(row: &Row) -> Result<Sides> {
    Ok(Sides { debits: Dong::new(row.int("debits")?), credits: Dong::new(row.int("credits")?) })
}

fn compare<K: Ord + std::fmt::Debug>(
    table: &str,
    kept: &BTreeMap<K, Sides>,
    derived: &BTreeMap<K, Sides>,
    findings: &mut Findings,
) {
    for (key, sides) in derived {
        if kept.get(key) != Some(sides) {
            findings.differ(format!("{table} {key:?}: {:?}, the journal gives {sides:?}", kept.get(key)));
        }
    }
    for (key, sides) in kept.iter().filter(|(key, _)| !derived.contains_key(key)) {
        findings.differ(format!("{table} {key:?}: {sides:?}, the journal gives nothing"));
    }
}
