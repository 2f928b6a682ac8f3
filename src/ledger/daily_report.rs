//! The daily report's figures and the checks that they must pass. Kept totals come from several
//! tables that are written apart; a figure is shown only when the tables agree on it.
//!
//! | check | one figure | the other |
//! |---|---|---|
//! | stalls | Σ stalls + suspense (`daily_totals`) | settled (`date_totals`) + reversed |
//! | hours | Σ hours (`hourly_totals`) | the same |
//! | payments | settle count of `date_totals` | of `daily_totals`, and of `hourly_totals` |
//! | sides | the date's debits | the date's credits |
//! | closing | opening + movements, debits and credits apart | Σ up to the date, read by itself |
//! | balances | closing + what is booked later | `balances`, debits and credits apart |
//! | journal | the date's postings by kind (`postings`) | the date's movements by kind |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use thiserror::Error;

use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::{
    CategoryFigures, Comparison, DailyReport, DaySeal, DayStatus, Figure, HourFigures, LedgerRange, ReportedMarket,
    SideSums, SourceFigures, StallFigures, Unmatched,
};
use crate::domain::ids::{Seq, StallNumber};
use crate::domain::money::Dong;
use crate::domain::posting::PostingKind;
use crate::domain::reconciliation::DayReconciliation;

/// One row of `daily_totals`: what postings of one kind did to a stall, or to suspense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StallDayTotal {
    /// The stall; none = suspense.
    pub stall: Option<StallNumber>,
    /// The kind.
    pub kind: StallKind,
    /// Signed count and amount.
    pub figure: Figure,
    /// First arrival.
    pub first_at: Option<Timestamp>,
    /// Last arrival.
    pub last_at: Option<Timestamp>,
}

/// The kinds of `daily_totals`, as far as the report tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StallKind {
    /// Money the bank says arrived.
    Settle,
    /// Money out of suspense.
    Assign,
    /// Either of them undone, or done again.
    Reversal,
    /// Cash-change, exclusion, refund, and their reversals.
    Adjustment,
}

/// A stall as it stood on the date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StallOnDate {
    /// Its number.
    pub number: StallNumber,
    /// Its code.
    pub code: String,
    /// Its category; empty when nobody said.
    pub category: String,
    /// Who held it.
    pub vendor: Option<String>,
}

/// One row of `date_totals` of the date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateTotal {
    /// The bank's calendar day.
    pub event_date: BusinessDate,
    /// The kind.
    pub kind: PostingKind,
    /// Its own date was closed already.
    pub late: bool,
    /// How many postings.
    pub count: i64,
    /// Both sides.
    pub sides: SideSums,
}

/// Everything the report is made of, read at one moment.
#[derive(Debug, Clone)]
pub struct DayTotals {
    /// The market.
    pub market: ReportedMarket,
    /// The book day.
    pub business_date: BusinessDate,
    /// The first date that is not closed.
    pub open_date: BusinessDate,
    /// The close that covers the date.
    pub seal: Option<DaySeal>,
    /// The date's `daily_totals`.
    pub stall_days: Vec<StallDayTotal>,
    /// All the market's stalls, in the order of their codes.
    pub stalls: Vec<StallOnDate>,
    /// The date's `hourly_totals`.
    pub hours: Vec<HourFigures>,
    /// The date's `date_totals`.
    pub dates: Vec<DateTotal>,
    /// Settle postings of this calendar day at the bank that are booked on another date.
    pub moved_out: Figure,
    /// Σ `date_totals` before the date.
    pub before: SideSums,
    /// Σ `date_totals` up to the date.
    pub up_to: SideSums,
    /// Σ `date_totals` after the date.
    pub after: SideSums,
    /// Σ `balances`.
    pub balances: SideSums,
    /// The date's postings by kind, unless there are too many to add up for a report.
    pub journal: Option<BTreeMap<PostingKind, Figure>>,
    /// What lies in suspense.
    pub unmatched: Vec<Unmatched>,
    /// All of what lies in suspense.
    pub unmatched_total: Figure,
    /// Items of the date that wait for a person.
    pub quarantined: Figure,
    /// What each source reported.
    pub sources: Vec<SourceFigures>,
    /// Payments and amount of the day before.
    pub previous: Figure,
    /// Payments and amount of the same weekday one week earlier.
    pub same_weekday: Figure,
    /// The journal's range.
    pub ledger: LedgerRange,
}

impl DayTotals {
    /// Adds each stall's totals up, in the order of their codes.
    ///
    /// # Errors
    /// [`ReportError::Overflow`], [`ReportError::NoSuchStall`].
    pub(super) fn stall_figures(days: &[StallDayTotal], registered: &[StallOnDate]) -> Result<Vec<StallFigures>> {
        stalls(days, registered)
    }
}

/// What is compared; the words for it are the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Σ stalls + suspense against the day's amount.
    Stalls,
    /// Σ hours against the day's amount.
    Hours,
    /// Payments counted by stall against those counted by date.
    PaymentsByStall,
    /// Payments counted by hour against those counted by date.
    PaymentsByHour,
    /// The date's debits against its credits.
    Sides,
    /// Opening and movements against closing, on the debit side.
    ClosingDebits,
    /// Opening and movements against closing, on the credit side.
    ClosingCredits,
    /// All movements against the accounts' balances, on the debit side.
    BalanceDebits,
    /// All movements against the accounts' balances, on the credit side.
    BalanceCredits,
    /// How many postings of a kind the journal holds against those counted by date.
    JournalCount(PostingKind),
    /// What the journal's postings of a kind come to against the movements by date.
    JournalAmount(PostingKind),
}

/// Two figures that must be equal and are not: the books need `verify`, and no report is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imbalance {
    /// What was compared.
    pub check: Check,
    /// The figure under test: a count of postings or an amount in đồng.
    pub found: i64,
    /// What it should be by the other table.
    pub expected: i64,
    /// `found − expected`.
    pub difference: i64,
}

impl fmt::Display for Imbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, found, expected, difference } = self;
        write!(f, "{check:?}: {found} against {expected}, difference {difference}")
    }
}

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReportError {
    /// The tables contradict each other.
    #[error("the kept totals do not agree: {0}")]
    Imbalance(Imbalance),
    /// A sum left the range of an `i64`.
    #[error("a sum of the report exceeds what an account can hold")]
    Overflow,
    /// Totals of a stall that is not registered.
    #[error("there are totals of stall number {} but no such stall", .0.get())]
    NoSuchStall(StallNumber),
}

type Result<T> = std::result::Result<T, ReportError>;

/// Makes the report, or says which figures contradict each other. `words` spells an amount and
/// `drawn_up_at` is when the totals were read.
///
/// # Errors
/// [`ReportError`]; the first check that fails is named.
pub fn draw_up(totals: DayTotals, words: impl Fn(Dong) -> String, drawn_up_at: Timestamp) -> Result<DailyReport> {
    let settled = settled(&totals.dates)?;
    let reversals = sum_stall_days(&totals.stall_days, |day| day.kind == StallKind::Reversal)?;
    let amount = add(settled.amount, reversals.amount)?;
    let suspense = sum_stall_days(&totals.stall_days, |day| day.stall.is_none())?;
    let stalls = stalls(&totals.stall_days, &totals.stalls)?;
    check_all(&totals, &stalls, suspense, Figure { count: settled.count, amount })?;
    let reversed_count = total(totals.dates.iter().filter(|t| t.kind == PostingKind::Reversal).map(date_figure))?.count;
    let settles = || totals.dates.iter().filter(|total| total.kind == PostingKind::Settle);
    let status = if totals.open_date > totals.business_date { DayStatus::Closed } else { DayStatus::Open };
    let day = Figure { count: settled.count, amount };
    Ok(DailyReport {
        status,
        seal: totals.seal.filter(|_| status == DayStatus::Closed),
        drawn_up_at,
        payments: settled.count,
        amount,
        amount_in_words: words(amount),
        reversed: Figure { count: reversed_count, amount: reversals.amount },
        suspense,
        late: total(settles().filter(|t| t.late).map(date_figure))?,
        late_by_day: late_by_day(&totals.dates)?,
        quarantined: totals.quarantined,
        moved_in: total(settles().filter(|t| t.event_date != totals.business_date).map(date_figure))?,
        moved_out: totals.moved_out,
        opening: totals.before,
        closing: totals.up_to,
        categories: categories_of(&stalls)?,
        stalls,
        registered_stalls: i64::try_from(totals.stalls.len()).unwrap_or(i64::MAX),
        hours: in_order(totals.hours),
        unmatched: totals.unmatched,
        unmatched_total: totals.unmatched_total,
        sources: totals.sources,
        previous: compare(day, totals.business_date.previous(), totals.previous)?,
        same_weekday: compare(day, totals.business_date.plus_days(-7), totals.same_weekday)?,
        ledger: totals.ledger,
        reconciliation: DayReconciliation::default(),
        market: totals.market,
        business_date: totals.business_date,
    })
}

/// Tells which settlements in suspense are still there: not reversed, and not assigned by an
/// assignment that stands. `concerning` holds every posting that concerns one of them, and every
/// posting that concerns one of those, and so on.
#[must_use]
pub fn still_in_suspense(settled: &[Seq], concerning: &[(Seq, PostingKind, Seq)]) -> BTreeSet<Seq> {
    let mut about: BTreeMap<Seq, Vec<(Seq, PostingKind)>> = BTreeMap::new();
    for (seq, kind, concerns) in concerning {
        about.entry(*concerns).or_default().push((*seq, *kind));
    }
    let waits = |settlement: &&Seq| {
        let assignments = about.get(settlement).into_iter().flatten().filter(|(_, kind)| *kind == PostingKind::Assign);
        stands(**settlement, &about) && !assignments.into_iter().any(|(seq, _)| stands(*seq, &about))
    };
    settled.iter().filter(waits).copied().collect()
}

/// A posting stands unless a reversal of it stands. Reversals have higher numbers than what they
/// reverse and there is at most one of each, so that the walk ends.
fn stands(posting: Seq, about: &BTreeMap<Seq, Vec<(Seq, PostingKind)>>) -> bool {
    let mut stands = true;
    let mut current = posting;
    let reversal_of = |seq: Seq| {
        let about = about.get(&seq).into_iter().flatten();
        about.filter(|(by, kind)| *kind == PostingKind::Reversal && *by > seq).map(|(by, _)| *by).next()
    };
    while let Some(reversal) = reversal_of(current) {
        stands = !stands;
        current = reversal;
    }
    stands
}

fn check_all(totals: &DayTotals, stalls: &[StallFigures], suspense: Figure, day: Figure) -> Result<()> {
    let by_stall = total(stalls.iter().map(|s| Figure { count: s.payments, amount: s.amount }))?;
    equal_amounts(Check::Stalls, add(by_stall.amount, suspense.amount)?, day.amount)?;
    let by_hour = total(totals.hours.iter().map(|h| Figure { count: h.payments, amount: h.amount }))?;
    equal_amounts(Check::Hours, by_hour.amount, day.amount)?;
    let settled_at_stalls = sum_stall_days(&totals.stall_days, |day| day.kind == StallKind::Settle)?;
    equal(Check::PaymentsByStall, settled_at_stalls.count, day.count)?;
    equal(Check::PaymentsByHour, by_hour.count, day.count)?;
    let moved = sides(totals.dates.iter().map(|total| total.sides))?;
    equal_amounts(Check::Sides, moved.debits, moved.credits)?;
    let closing = sides([totals.before, moved].into_iter())?;
    equal_amounts(Check::ClosingDebits, closing.debits, totals.up_to.debits)?;
    equal_amounts(Check::ClosingCredits, closing.credits, totals.up_to.credits)?;
    let all = sides([totals.up_to, totals.after].into_iter())?;
    equal_amounts(Check::BalanceDebits, totals.balances.debits, all.debits)?;
    equal_amounts(Check::BalanceCredits, totals.balances.credits, all.credits)?;
    check_journal(totals)
}

/// The date's journal against its kept movements, kind by kind.
fn check_journal(totals: &DayTotals) -> Result<()> {
    let Some(journal) = &totals.journal else { return Ok(()) };
    for kind in PostingKind::ALL {
        let kept = total(totals.dates.iter().filter(|total| total.kind == kind).map(date_figure))?;
        let found = journal.get(&kind).copied().unwrap_or_default();
        equal(Check::JournalCount(kind), found.count, kept.count)?;
        equal_amounts(Check::JournalAmount(kind), found.amount, kept.amount)?;
    }
    Ok(())
}

fn equal(check: Check, found: i64, expected: i64) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let difference = found.saturating_sub(expected);
    Err(ReportError::Imbalance(Imbalance { check, found, expected, difference }))
}

fn equal_amounts(check: Check, found: Dong, expected: Dong) -> Result<()> {
    equal(check, found.whole(), expected.whole())
}

fn settled(dates: &[DateTotal]) -> Result<Figure> {
    total(dates.iter().filter(|total| total.kind == PostingKind::Settle).map(date_figure))
}

fn late_by_day(dates: &[DateTotal]) -> Result<Vec<(BusinessDate, Figure)>> {
    let late = || dates.iter().filter(|total| total.kind == PostingKind::Settle && total.late);
    let days: BTreeSet<BusinessDate> = late().map(|total| total.event_date).collect();
    let of = |day| total(late().filter(|total| total.event_date == day).map(date_figure));
    days.into_iter().map(|day| Ok((day, of(day)?))).collect()
}

/// The credit side; that the debit side is equal is a check of its own.
fn date_figure(total: &DateTotal) -> Figure {
    Figure { count: total.count, amount: total.sides.credits }
}

fn sum_stall_days(days: &[StallDayTotal], wanted: impl Fn(&StallDayTotal) -> bool) -> Result<Figure> {
    total(days.iter().filter(|day| wanted(day)).map(|day| day.figure))
}

fn stalls(days: &[StallDayTotal], registered: &[StallOnDate]) -> Result<Vec<StallFigures>> {
    let mut by_stall: BTreeMap<StallNumber, Vec<&StallDayTotal>> = BTreeMap::new();
    for day in days {
        if let Some(stall) = day.stall {
            by_stall.entry(stall).or_default().push(day);
        }
    }
    let mut figures = Vec::with_capacity(by_stall.len());
    for stall in registered {
        if let Some(days) = by_stall.remove(&stall.number) {
            figures.push(stall_figures(stall, &days)?);
        }
    }
    match by_stall.keys().next() {
        Some(unknown) => Err(ReportError::NoSuchStall(*unknown)),
        None => Ok(figures),
    }
}

fn stall_figures(stall: &StallOnDate, days: &[&StallDayTotal]) -> Result<StallFigures> {
    let of = |wanted: fn(StallKind) -> bool| total(days.iter().filter(|day| wanted(day.kind)).map(|day| day.figure));
    let arrived = of(|kind| matches!(kind, StallKind::Settle | StallKind::Assign))?;
    let amount = of(|kind| kind != StallKind::Adjustment)?.amount;
    let adjusted = of(|kind| kind == StallKind::Adjustment)?.amount;
    Ok(StallFigures {
        number: stall.number,
        code: stall.code.clone(),
        vendor: stall.vendor.clone(),
        category: stall.category.clone(),
        payments: arrived.count,
        amount,
        adjusted,
        net: add(amount, adjusted)?,
        first_at: days.iter().filter_map(|day| day.first_at).min(),
        last_at: days.iter().filter_map(|day| day.last_at).max(),
    })
}

/// Puts stalls of one category together, the largest first.
pub(super) fn categories_of(stalls: &[StallFigures]) -> Result<Vec<CategoryFigures>> {
    let mut by_name: BTreeMap<&str, CategoryFigures> = BTreeMap::new();
    for stall in stalls {
        let sum = by_name.entry(&stall.category).or_insert_with(|| CategoryFigures {
            category: stall.category.clone(),
            stalls: 0,
            payments: 0,
            amount: Dong::ZERO,
            adjusted: Dong::ZERO,
            net: Dong::ZERO,
        });
        sum.stalls = sum.stalls.saturating_add(i64::from(stall.payments > 0));
        sum.payments = sum.payments.saturating_add(stall.payments);
        sum.amount = add(sum.amount, stall.amount)?;
        sum.adjusted = add(sum.adjusted, stall.adjusted)?;
        sum.net = add(sum.net, stall.net)?;
    }
    let mut all: Vec<CategoryFigures> = by_name.into_values().collect();
    all.sort_by(|one, other| other.amount.cmp(&one.amount).then_with(|| one.category.cmp(&other.category)));
    Ok(all)
}

/// Puts the hours in order, the unknown one last, without those in which nothing happened.
#[must_use]
pub fn in_order(hours: Vec<HourFigures>) -> Vec<HourFigures> {
    let mut kept: Vec<HourFigures> =
        hours.into_iter().filter(|hour| hour.payments != 0 || hour.amount != Dong::ZERO).collect();
    kept.sort_by_key(|hour| hour.hour.unwrap_or(i64::MAX));
    kept
}

fn compare(day: Figure, business_date: BusinessDate, figure: Figure) -> Result<Comparison> {
    let difference = Figure {
        count: day.count.saturating_sub(figure.count),
        amount: day.amount.checked_sub(figure.amount).ok_or(ReportError::Overflow)?,
    };
    Ok(Comparison { business_date, figure, difference })
}

pub(super) fn total(figures: impl Iterator<Item = Figure>) -> Result<Figure> {
    let mut sum = Figure::default();
    for figure in figures {
        sum.count = sum.count.checked_add(figure.count).ok_or(ReportError::Overflow)?;
        sum.amount = add(sum.amount, figure.amount)?;
    }
    Ok(sum)
}

fn sides(sums: impl Iterator<Item = SideSums>) -> Result<SideSums> {
    let mut sum = SideSums::default();
    for one in sums {
        sum.debits = add(sum.debits, one.debits)?;
        sum.credits = add(sum.credits, one.credits)?;
    }
    Ok(sum)
}

fn add(one: Dong, other: Dong) -> Result<Dong> {
    one.checked_add(other).ok_or(ReportError::Overflow)
}
