//! Bank and book side by side: the lines of statements, the journal and the inbox of some dates,
//! compared by `ledger::reconcile`. Reads alone; booking and signing are use cases of their own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::App;
use super::error::{AppError, Message};
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::Figure;
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketCode, StallNumber};
use crate::domain::memo::{self, Choice};
use crate::domain::money::Dong;
use crate::domain::reconciliation::{
    AccountDay, BankLine, Class, Coverage, DayReconciliation, Entry, SignState, Signature, StatementId,
};
use crate::domain::registration::Market;
use crate::domain::settlement::Direction;
use crate::ledger::reconcile::digest::digest;
use crate::ledger::reconcile::findings::{AccountFacts, Findings, compare};
use crate::store::engine::Transaction;
use crate::store::reconciliation::{self, Signed};
use crate::store::{bindings, head, statement_lines, statements};

/// Which dates and accounts are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every account of a date.
    Date(BusinessDate),
    /// The accounts and dates of a statement, or of one of its dates.
    Statement(StatementId, Option<BusinessDate>),
}

/// Bank and book side by side.
#[derive(Debug, Clone)]
pub struct Reconciliation {
    /// The market.
    pub market: Market,
    /// What was asked for.
    pub scope: Scope,
    /// Each account's dates.
    pub days: Vec<AccountDay>,
    /// The findings, by account and date.
    pub entries: Vec<Entry>,
    /// The newest signature of each date.
    pub signatures: BTreeMap<BusinessDate, Signature>,
    /// Over all of it.
    pub digest: Hash,
    /// The journal's last number when it was read.
    pub journal_seq: i64,
    pub(crate) last_item: i64,
    pub(crate) lines: HashMap<i64, BankLine>,
    pub(crate) undecided: BTreeMap<SettledAccount, BTreeSet<i64>>,
}

impl Reconciliation {
    /// Returns how many findings a class has and what they come to: of a difference in amounts the
    /// bank's less the book's.
    #[must_use]
    pub fn figure(&self, class: Class) -> Figure {
        let mut figure = Figure::default();
        for entry in self.entries.iter().filter(|entry| entry.class == class) {
            let amount = match class {
                Class::AmountDiffers => entry.bank.checked_sub(entry.book).unwrap_or(Dong::ZERO),
                Class::MissingThere | Class::DuplicateReport => entry.book,
                Class::Matched | Class::MissingHere | Class::IgnoredDebit => entry.bank,
            };
            figure.count = figure.count.saturating_add(1);
            figure.amount = figure.amount.checked_add(amount).unwrap_or(figure.amount);
        }
        figure
    }

    /// Returns the sums of the days that statements cover: bank, book, and the difference.
    #[must_use]
    pub fn sums(&self) -> (Figure, Figure, Dong) {
        let covered = || self.days.iter().filter(|day| day.coverage != Coverage::None);
        let add = |figures: &mut dyn Iterator<Item = Figure>| {
            figures.fold(Figure::default(), |sum, figure| Figure {
                count: sum.count.saturating_add(figure.count),
                amount: sum.amount.checked_add(figure.amount).unwrap_or(sum.amount),
            })
        };
        let (bank, book) = (add(&mut covered().map(|day| day.bank)), add(&mut covered().map(|day| day.book)));
        let difference = bank.amount.checked_sub(book.amount).unwrap_or(Dong::ZERO);
        (bank, book, difference)
    }

    /// Returns how many findings bank and book differ by.
    #[must_use]
    pub fn differences(&self) -> usize {
        self.entries.iter().filter(|entry| entry.class.is_difference()).count()
    }

    /// Returns how many accounts are covered, how many with money are not, and what those have.
    #[must_use]
    pub fn coverage(&self) -> (usize, usize, Figure) {
        let of = |covered: bool| {
            let days = self.days.iter().filter(move |day| (day.coverage != Coverage::None) == covered);
            days.map(|day| &day.settled).collect::<BTreeSet<_>>().len()
        };
        let mut figure = Figure::default();
        for day in self.days.iter().filter(|day| day.coverage == Coverage::None) {
            figure.count = figure.count.saturating_add(day.book.count);
            figure.amount = figure.amount.checked_add(day.book.amount).unwrap_or(figure.amount);
        }
        (of(true), of(false), figure)
    }

    /// Returns what the report and the close show of a date.
    #[must_use]
    pub fn of_day(&self, date: BusinessDate) -> DayReconciliation {
        self.summed(self.signatures.get(&date).cloned())
    }

    /// Returns the same of everything that was compared; nobody signs for more than a date.
    #[must_use]
    pub fn whole(&self) -> DayReconciliation {
        self.summed(None)
    }

    fn summed(&self, signature: Option<Signature>) -> DayReconciliation {
        let (bank, book, difference) = self.sums();
        let (covered, uncovered, uncovered_money) = self.coverage();
        DayReconciliation {
            state: match &signature {
                _ if covered == 0 => SignState::NoStatement,
                None => SignState::Unsigned,
                Some(signature) if signature.is_of(self.digest) => SignState::Signed,
                Some(_) => SignState::Changed,
            },
            covered,
            uncovered,
            uncovered_money,
            bank,
            book,
            difference,
            missing_here: self.figure(Class::MissingHere),
            missing_there: self.figure(Class::MissingThere),
            amount_differs: self.figure(Class::AmountDiffers),
            doubtful: self.days.iter().map(|day| day.doubtful).sum(),
            signature: signature.filter(|_| covered > 0),
        }
    }
}

impl App {
    /// Compares bank and book.
    ///
    /// # Errors
    /// `not_found` for the market or the statement.
    pub async fn reconcile(&self, market: &MarketCode, scope: Scope) -> Result<Reconciliation, AppError> {
        let market = self.market(market).await?;
        let mut transaction = self.store.begin_read().await?;
        let (accounts, dates) = asked(&mut transaction, &market, &scope).await?;
        let read = read(&mut transaction, &market, accounts.as_ref(), &dates).await?;
        let mut signatures = BTreeMap::new();
        for date in &dates {
            if let Some(signed) = reconciliation::signed(&mut transaction, market.id, *date).await? {
                signatures.insert(*date, signature(signed));
            }
        }
        transaction.rollback().await?;
        // The largest files take a second of thought, which must not hold up webhooks.
        let compared = tokio::task::spawn_blocking(move || read.compare(&dates)).await.map_err(AppError::internal)?;
        let Compared { days, entries, undecided, lines, last_item, journal_seq } = compared;
        let digest = digest(&days, &entries);
        Ok(Reconciliation {
            market,
            scope,
            days,
            entries,
            signatures,
            digest,
            journal_seq,
            last_item,
            lines,
            undecided,
        })
    }

    /// Returns what a day's report and close show of its reconciliation; nothing is read of the inbox
    /// while no statement covers the date.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn day_reconciliation(
        &self,
        market: &MarketCode,
        date: BusinessDate,
    ) -> Result<DayReconciliation, AppError> {
        let id = self.market(market).await?.id;
        let mut transaction = self.store.begin_read().await?;
        let covered = statements::covered(&mut transaction, id, date, date).await?;
        transaction.rollback().await?;
        if covered.is_empty() {
            return Ok(DayReconciliation::default());
        }
        Ok(self.reconcile(market, Scope::Date(date)).await?.of_day(date))
    }
}

fn signature(signed: Signed) -> Signature {
    Signature {
        id: signed.id,
        signed_at: signed.at,
        signed_by: signed.by,
        note: signed.note,
        difference: signed.bank.amount.checked_sub(signed.book.amount).unwrap_or(Dong::ZERO),
        digest: signed.digest,
    }
}

/// Returns the accounts and dates of a scope; no accounts: all of them.
async fn asked(
    transaction: &mut Transaction,
    market: &Market,
    scope: &Scope,
) -> Result<(Option<BTreeSet<SettledAccount>>, Vec<BusinessDate>), AppError> {
    let (id, only) = match scope {
        Scope::Date(date) => return Ok((None, vec![*date])),
        Scope::Statement(id, only) => (*id, *only),
    };
    if statements::find(transaction, market.id, id).await?.is_none() {
        return Err(no_statement(id));
    }
    let days = statements::days_of(transaction, market.id, id).await?;
    let accounts = days.iter().map(|day| day.settled.clone()).collect();
    let dates: BTreeSet<BusinessDate> = match only {
        Some(date) => BTreeSet::from([date]),
        None => days.iter().map(|day| day.date).collect(),
    };
    Ok((Some(accounts), dates.into_iter().collect()))
}

/// The answer that there is no such statement.
pub(crate) fn no_statement(id: StatementId) -> AppError {
    AppError::not_found(Message::new(format!("Không có sao kê {id}."), format!("There is no statement {id}.")))
}

/// Everything that was read, by account.
struct Read {
    accounts: BTreeMap<SettledAccount, AccountFacts>,
    last_item: i64,
    journal_seq: i64,
}

async fn read(
    transaction: &mut Transaction,
    market: &Market,
    only: Option<&BTreeSet<SettledAccount>>,
    dates: &[BusinessDate],
) -> Result<Read, AppError> {
    let mut read = Read { accounts: BTreeMap::new(), last_item: 0, journal_seq: 0 };
    let head = head::read(transaction, market.id).await?;
    let head = head.ok_or_else(|| AppError::internal("a market without a head"))?;
    (read.last_item, read.journal_seq) = (head.last_item, head.last_seq);
    let (Some(first), Some(last)) = (dates.iter().min(), dates.iter().max()) else { return Ok(read) };
    // The dates beside: banks and providers differ about midnight.
    let span = (first.previous(), last.next());
    let one = only.and_then(|accounts| accounts.first().filter(|_| accounts.len() == 1));
    let wanted = |account: &SettledAccount| only.is_none_or(|accounts| accounts.contains(account));
    let stalls = bindings::load(transaction, market.id).await?.stalls;
    let known = &mut read.accounts;
    for day in statements::covered(transaction, market.id, span.0, span.1).await? {
        let coverage = if day.covered { Coverage::Day } else { Coverage::Part(day.last_at) };
        if wanted(&day.settled) {
            known.entry(day.settled).or_default().coverage.insert(day.date, coverage);
        }
    }
    let refunds = statement_lines::refunds(transaction, market.id, span).await?;
    for line in statement_lines::of_days(transaction, market.id, one, span).await? {
        if !wanted(&line.settled) {
            continue;
        }
        let facts = known.entry(line.settled.clone()).or_default();
        if let Choice::One(stall) = choose(&line, &stalls) {
            facts.codes.insert(line.number, stall);
        }
        for refund in refunds.get(&line.number).into_iter().flatten() {
            if reconciliation::is_live(transaction, market.id, *refund).await? {
                facts.refunds.insert(line.number, *refund);
            }
        }
        facts.lines.push(line);
    }
    for (account, credit) in reconciliation::credits(transaction, market.id, one, span).await? {
        if wanted(&account) {
            known.entry(account).or_default().credits.push(credit);
        }
    }
    for (account, report) in reconciliation::reports(transaction, market.id, span).await? {
        if wanted(&account) {
            known.entry(account).or_default().reports.push(report);
        }
    }
    Ok(read)
}

fn choose(line: &BankLine, stalls: &std::collections::HashSet<StallNumber>) -> Choice {
    if line.direction == Direction::Debit {
        return Choice::None;
    }
    memo::choose(&line.whole_memo(), |stall| stalls.contains(&stall))
}

/// What comparing gave.
struct Compared {
    days: Vec<AccountDay>,
    entries: Vec<Entry>,
    undecided: BTreeMap<SettledAccount, BTreeSet<i64>>,
    lines: HashMap<i64, BankLine>,
    last_item: i64,
    journal_seq: i64,
}

impl Read {
    fn compare(self, dates: &[BusinessDate]) -> Compared {
        let Self { accounts, last_item, journal_seq } = self;
        let (mut days, mut entries, mut undecided) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut lines = HashMap::new();
        for (settled, facts) in accounts {
            let findings: Findings = compare(&settled, &facts, dates);
            let moved = |day: &AccountDay| day.coverage != Coverage::None || day.book.count > 0 || day.bank.count > 0;
            days.extend(findings.days.into_iter().filter(moved));
            entries.extend(findings.entries);
            undecided.insert(settled, findings.undecided);
            lines.extend(facts.lines.into_iter().map(|line| (line.number, line)));
        }
        Compared { days, entries, undecided, lines, last_item, journal_seq }
    }
}
