//! Bank and book side by side: the lines of statements, the journal and the inbox of some dates,
//! compared by `ledger::reconcile`. Reads alone; booking and signing are use cases of their own.
//! Dates are read and compared some at a time (`reconcile_dates`), and of the findings only those are
//! kept that are listed: the longest statement needs the memory of its busiest date.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::App;
use super::error::{AppError, Message};
use super::journal::list_limit;
use super::reconcile_dates::{self, Asked, asked, chunks};
use super::reconcile_listing::{Listing, Place, Tally};
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::Figure;
use crate::domain::hash::Hash;
use crate::domain::ids::MarketCode;
use crate::domain::money::Dong;
use crate::domain::reconciliation::{
    AccountDay, Class, Coverage, DayReconciliation, Entry, SignState, Signature, StatementId,
};
use crate::domain::registration::Market;
use crate::ledger::work::Compared;
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
    /// The findings that are listed; the figures count all of them.
    pub entries: Vec<Entry>,
    /// Where the list goes on, if it does.
    pub next: Option<String>,
    /// How many findings each class has, and what they come to.
    pub(crate) figures: BTreeMap<Class, Figure>,
    /// The newest signature of each date.
    pub signatures: BTreeMap<BusinessDate, Signature>,
    /// Over all of it.
    pub digest: Hash,
    /// The journal's last number when it was read.
    pub journal_seq: i64,
    /// The lines that nobody reported, by number and in the order in which they are booked.
    pub(crate) missing: Vec<i64>,
    /// How many those are, and what they come to.
    pub bookable: Figure,
    pub(crate) last_item: i64,
    pub(crate) undecided: BTreeSet<i64>,
}

impl Reconciliation {
    /// Returns how many findings a class has and what they come to: of a difference in amounts the
    /// bank's less the book's.
    #[must_use]
    pub fn figure(&self, class: Class) -> Figure {
        self.figures.get(&class).copied().unwrap_or_default()
    }

    /// Returns what a line of this scope was compared with.
    pub(crate) fn compared(&self) -> Compared {
        Compared { up_to: self.last_item, undecided: Arc::new(self.undecided.clone()) }
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

    /// Returns what of the difference is only on another date here than there.
    fn other_date(&self) -> Dong {
        let covered = self.days.iter().filter(|day| day.coverage != Coverage::None);
        covered.map(|day| day.other_date).sum::<Option<Dong>>().unwrap_or(Dong::ZERO)
    }

    /// Returns how many findings bank and book differ by.
    #[must_use]
    pub fn differences(&self) -> i64 {
        let classes = self.figures.iter().filter(|(class, _)| class.is_difference());
        classes.map(|(_, figure)| figure.count).fold(0, i64::saturating_add)
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
            other_date: self.other_date(),
            missing_here: self.figure(Class::MissingHere),
            missing_there: self.figure(Class::MissingThere),
            amount_differs: self.figure(Class::AmountDiffers),
            doubtful: self.days.iter().map(|day| day.doubtful).sum(),
            signature: signature.filter(|_| covered > 0),
        }
    }
}

impl App {
    /// Compares bank and book, and lists the first findings of each class.
    ///
    /// # Errors
    /// `not_found` for the market or the statement.
    pub async fn reconcile(&self, market: &MarketCode, scope: Scope) -> Result<Reconciliation, AppError> {
        self.reconcile_listing(market, scope, Listing::FirstOfEach).await
    }

    /// Compares bank and book, and lists one page of the findings, by date and class; with the pairs that
    /// agree when `matched`.
    ///
    /// # Errors
    /// As [`App::reconcile`]; `limit_out_of_range`, `after_invalid`.
    pub async fn reconcile_page(
        &self,
        market: &MarketCode,
        scope: Scope,
        matched: bool,
        after: Option<&str>,
        limit: Option<i64>,
    ) -> Result<Reconciliation, AppError> {
        let limit = usize::try_from(list_limit(limit)?).unwrap_or(usize::MAX);
        let after = after.map(Place::read).transpose()?;
        self.reconcile_listing(market, scope, Listing::Page { matched, after, limit }).await
    }

    async fn reconcile_listing(
        &self,
        market: &MarketCode,
        scope: Scope,
        listing: Listing,
    ) -> Result<Reconciliation, AppError> {
        let market = self.market(market).await?;
        let mut transaction = self.store.begin_read().await?;
        let compared = compare(&mut transaction, &market, scope, listing).await;
        transaction.rollback().await?;
        compared
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
        let market = self.market(market).await?;
        let mut transaction = self.store.begin_read().await?;
        let found = day_reconciliation(&mut transaction, &market, date).await;
        transaction.rollback().await?;
        found
    }
}

/// As [`App::day_reconciliation`], within the caller's transaction.
pub(super) async fn day_reconciliation(
    transaction: &mut Transaction,
    market: &Market,
    date: BusinessDate,
) -> Result<DayReconciliation, AppError> {
    if statements::covered(transaction, market.id, date, date).await?.is_empty() {
        return Ok(DayReconciliation::default());
    }
    Ok(compare(transaction, market, Scope::Date(date), Listing::Nothing).await?.of_day(date))
}

async fn compare(
    transaction: &mut Transaction,
    market: &Market,
    scope: Scope,
    listing: Listing,
) -> Result<Reconciliation, AppError> {
    let Asked { accounts, dates } = asked(transaction, market, &scope).await?;
    let head = head::read(transaction, market.id).await?;
    let head = head.ok_or_else(|| AppError::internal("a market without a head"))?;
    let stalls = bindings::load(transaction, market.id).await?.stalls;
    let mut tally = Tally::new(listing);
    for chunk in chunks(&dates) {
        let read = reconcile_dates::read(transaction, market.id, accounts.as_ref(), &chunk, &stalls).await?;
        // The busiest dates take a second of thought, which must not hold up webhooks.
        let compared = tokio::task::spawn_blocking(move || {
            tally.take(read, &chunk);
            tally
        });
        tally = compared.await.map_err(AppError::internal)?;
    }
    let mut signatures = BTreeMap::new();
    for date in dates.keys() {
        if let Some(signed) = reconciliation::signed(transaction, market.id, *date).await? {
            signatures.insert(*date, signature(signed));
        }
    }
    let Tally { days, mut entries, figures, missing, bookable, undecided, digest, next, .. } = tally.end();
    tell_lines(transaction, market, &mut entries).await?;
    Ok(Reconciliation {
        market: market.clone(),
        scope,
        days,
        entries,
        next,
        figures,
        signatures,
        digest,
        journal_seq: head.last_seq,
        missing,
        bookable,
        last_item: head.last_item,
        undecided,
    })
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

/// Gives listed findings the texts of their lines.
async fn tell_lines(transaction: &mut Transaction, market: &Market, entries: &mut [Entry]) -> Result<(), AppError> {
    let firsts: BTreeSet<i64> = entries.iter().filter_map(|entry| entry.lines.first().copied()).collect();
    let numbers: Vec<i64> = firsts.into_iter().collect();
    let lines = statement_lines::of_numbers(transaction, market.id, &numbers).await?;
    let lines: BTreeMap<i64, _> = lines.into_iter().map(|line| (line.number, line)).collect();
    for entry in entries {
        if let Some(line) = entry.lines.first().and_then(|number| lines.get(number)) {
            entry.reference.clone_from(&line.bank_ref);
            entry.memo = line.whole_memo();
        }
    }
    Ok(())
}

/// The answer that there is no such statement.
pub(crate) fn no_statement(id: StatementId) -> AppError {
    AppError::not_found(Message::new(format!("Không có sao kê {id}."), format!("There is no statement {id}.")))
}
