//! What each posting adds to the kept totals. The writer folds a batch's additions before it
//! writes; `verify` folds the whole journal the same way and compares.

use std::collections::BTreeMap;

use thiserror::Error;

use super::batch::{JudgedRow, Posting};
use super::facts::KnownPosting;
use crate::domain::calendar::{BusinessDate, vietnam_hour};
use crate::domain::ids::{SourceId, StallNumber};
use crate::domain::inbox::Outcome;
use crate::domain::ledger_account::LedgerAccount;
use crate::domain::money::Dong;
use crate::domain::posting::{PostingKind, Transfer};

/// The hour under which money without a known hour is counted.
pub const NO_HOUR: i64 = -1;

/// A sum left the range of an `i64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a total exceeds what an account can hold")]
pub struct TotalsOverflow;

/// Debits and credits of an account, never only the net.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sides {
    /// Σ of the amounts on the debit side.
    pub debits: Dong,
    /// Σ of the amounts on the credit side.
    pub credits: Dong,
}

/// A count and the sum that goes with it; both may be negative on suspense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many.
    pub count: i64,
    /// How much.
    pub amount: Dong,
}

/// A stall's day by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StallDay {
    /// Signed count and amount.
    pub tally: Tally,
    /// First arrival known to the second, in microseconds.
    pub first_at: Option<i64>,
    /// Last arrival known to the second, in microseconds.
    pub last_at: Option<i64>,
}

/// The kinds by which a stall's day is totalled: a reversal of an adjustment is kept apart from
/// one of money, so that `amount` stays what the bank paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TotalsKind {
    /// Under its own kind.
    Of(PostingKind),
    /// Reversal of a cash-change, exclusion or refund.
    AdjustmentReversal,
}

impl TotalsKind {
    /// Returns the word the store keeps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Of(kind) => kind.as_str(),
            Self::AdjustmentReversal => "adjustment_reversal",
        }
    }
}

/// Key of a stall's day: the book day, the stall (none = suspense) and the kind.
pub type StallDayKey = (BusinessDate, Option<StallNumber>, TotalsKind);
/// Key of a date's movements: book day, bank's day, kind, late.
pub type DateKey = (BusinessDate, BusinessDate, PostingKind, bool);
/// Key of a source's day: book day, source, outcome.
pub type SourceKey = (BusinessDate, SourceId, Outcome);

/// Key of what a source let us hear: the source, the calendar date in Vietnam, the hour.
pub type HeardKey = (SourceId, BusinessDate, i64);

/// Folded additions to every kept total, in the order of their keys: two writers that touch the
/// same rows touch them in the same order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deltas {
    /// By ledger account.
    pub balances: BTreeMap<LedgerAccount, Sides>,
    /// By book day, stall and kind.
    pub stall_days: BTreeMap<StallDayKey, StallDay>,
    /// By book day and hour.
    pub hours: BTreeMap<(BusinessDate, i64), Tally>,
    /// By book day, bank's day, kind and lateness: count and both sides.
    pub dates: BTreeMap<DateKey, (i64, Sides)>,
    /// By source, and by the date and hour in which we heard of it: count, and the last recording in
    /// microseconds.
    pub heard: BTreeMap<HeardKey, (i64, i64)>,
    /// By book day, source and outcome; with the last recording in microseconds.
    pub sources: BTreeMap<SourceKey, (Tally, i64)>,
}

impl Deltas {
    /// Adds what a posting does. `root` is what its chain of reversals began with: itself, unless
    /// it is a reversal.
    ///
    /// # Errors
    /// [`TotalsOverflow`] when a sum leaves the range of an `i64`.
    pub fn add_posting(&mut self, posting: &Posting, root: &KnownPosting) -> Result<(), TotalsOverflow> {
        let amount = posting.transfer.amount;
        let debit = self.balances.entry(posting.transfer.debit.clone()).or_default();
        debit.debits = add(debit.debits, amount)?;
        let credit = self.balances.entry(posting.transfer.credit.clone()).or_default();
        credit.credits = add(credit.credits, amount)?;
        let key = (posting.business_date, posting.event_date, posting.kind, posting.late);
        let (count, sides) = self.dates.entry(key).or_default();
        *count = count.saturating_add(1);
        sides.debits = add(sides.debits, amount)?;
        sides.credits = add(sides.credits, amount)?;
        self.add_stall_days(posting, root)?;
        self.add_hour(posting, root)
    }

    fn add_stall_days(&mut self, posting: &Posting, root: &KnownPosting) -> Result<(), TotalsOverflow> {
        let money = matches!(root.kind, PostingKind::Settle | PostingKind::Assign);
        let kind = match posting.kind {
            PostingKind::Reversal if !money => TotalsKind::AdjustmentReversal,
            PostingKind::Settle
            | PostingKind::Assign
            | PostingKind::Reversal
            | PostingKind::CashChange
            | PostingKind::Exclusion
            | PostingKind::Refund => TotalsKind::Of(posting.kind),
        };
        let forward = posting.transfer.debit == root.transfer.debit;
        for (stall, effect) in effects(root) {
            let sign = if forward { effect } else { effect.opposite() };
            let day = self.stall_days.entry((posting.business_date, stall, kind)).or_default();
            // An adjustment counts as one; money counts the way it moved.
            let counted = if matches!(kind, TotalsKind::Of(_)) && !money { Effect::Adds } else { sign };
            day.tally.count = counted.count(day.tally.count);
            day.tally.amount = sign.apply(day.tally.amount, posting.transfer.amount)?;
            let arrival = posting.event_at.filter(|_| sign == Effect::Adds && money && posting.kind == root.kind);
            if let Some(at) = arrival.map(jiff::Timestamp::as_microsecond) {
                day.first_at = Some(day.first_at.map_or(at, |first| first.min(at)));
                day.last_at = Some(day.last_at.map_or(at, |last| last.max(at)));
            }
        }
        Ok(())
    }

    /// A settlement counts in the hour it happened, its reversal in the hour it was recorded.
    fn add_hour(&mut self, posting: &Posting, root: &KnownPosting) -> Result<(), TotalsOverflow> {
        if root.kind != PostingKind::Settle {
            return Ok(());
        }
        let reversal = posting.kind == PostingKind::Reversal;
        let hour = match (reversal, posting.event_at) {
            (true, _) => vietnam_hour(posting.recorded_at),
            (false, Some(at)) => vietnam_hour(at),
            (false, None) => NO_HOUR,
        };
        let tally = self.hours.entry((posting.business_date, hour)).or_default();
        if !reversal {
            tally.count = tally.count.saturating_add(1);
        }
        let forward = posting.transfer.debit == root.transfer.debit;
        let sign = if forward { Effect::Adds } else { Effect::Takes };
        tally.amount = sign.apply(tally.amount, posting.transfer.amount)?;
        Ok(())
    }

    /// Counts a judged item under its source and outcome.
    ///
    /// # Errors
    /// [`TotalsOverflow`] when a sum leaves the range of an `i64`.
    pub fn add_item(&mut self, row: &JudgedRow, recorded_at_us: i64) -> Result<(), TotalsOverflow> {
        self.add_report((row.business_date, row.source, row.outcome), row.amount, recorded_at_us)
    }

    /// As [`Self::add_item`], of what counts alone.
    ///
    /// # Errors
    /// [`TotalsOverflow`] when a sum leaves the range of an `i64`.
    pub fn add_report(
        &mut self,
        key: SourceKey,
        amount: Option<Dong>,
        recorded_at_us: i64,
    ) -> Result<(), TotalsOverflow> {
        let (tally, last_at) = self.sources.entry(key).or_default();
        tally.count = tally.count.saturating_add(1);
        tally.amount = add(tally.amount, amount.unwrap_or(Dong::ZERO))?;
        *last_at = (*last_at).max(recorded_at_us);
        let heard_at = jiff::Timestamp::from_microsecond(recorded_at_us).unwrap_or_default();
        let hour = (key.1, BusinessDate::of_calendar(heard_at), vietnam_hour(heard_at));
        let (count, last_at) = self.heard.entry(hour).or_default();
        *count = count.saturating_add(1);
        *last_at = (*last_at).max(recorded_at_us);
        Ok(())
    }
}

/// Returns what a posting's chain of reversals began with, told from its two accounts alone: each
/// kind joins another pair of them, and a reversal has the same pair the other way round. Enough for
/// [`Deltas::add_posting`] where the earlier posting is not at hand.
#[must_use]
pub fn root_by_accounts(posting: &Posting) -> KnownPosting {
    use LedgerAccount::{Bank, CashChange, Excluded, Refunded, Stall, Suspense};
    let Transfer { debit, credit, amount } = posting.transfer.clone();
    let (kind, forward) = match (&debit, &credit) {
        (Bank(_), Stall(_) | Suspense) => (PostingKind::Settle, true),
        (Stall(_) | Suspense, Bank(_)) => (PostingKind::Settle, false),
        (Suspense, Stall(_)) => (PostingKind::Assign, true),
        (Stall(_), Suspense) => (PostingKind::Assign, false),
        (Stall(_), CashChange(_)) => (PostingKind::CashChange, true),
        (CashChange(_), Stall(_)) => (PostingKind::CashChange, false),
        (Stall(_), Excluded(_)) => (PostingKind::Exclusion, true),
        (Excluded(_), Stall(_)) => (PostingKind::Exclusion, false),
        (Refunded(_), Bank(_)) => (PostingKind::Refund, true),
        (Bank(_), Refunded(_)) => (PostingKind::Refund, false),
        // No rule makes such a posting; it is its own root.
        _ => (posting.kind, true),
    };
    let transfer =
        if forward { Transfer { debit, credit, amount } } else { Transfer { debit: credit, credit: debit, amount } };
    KnownPosting { seq: posting.seq, kind, transfer, concerns: posting.concerns, event_at: posting.event_at }
}

/// What a posting's root does to the stalls it touches; suspense is the stall `None`.
fn effects(root: &KnownPosting) -> impl Iterator<Item = (Option<StallNumber>, Effect)> + use<> {
    let stall = root.transfer.credit.stall().or_else(|| root.transfer.debit.stall());
    let (first, second) = match root.kind {
        PostingKind::Settle => ((stall, Effect::Adds), None),
        PostingKind::Assign => ((None, Effect::Takes), Some((stall, Effect::Adds))),
        // A reversal is never a root; were it one, it would concern its own stall.
        PostingKind::CashChange | PostingKind::Exclusion | PostingKind::Refund | PostingKind::Reversal => {
            ((stall, Effect::Takes), None)
        }
    };
    std::iter::once(first).chain(second)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Adds,
    Takes,
}

impl Effect {
    fn opposite(self) -> Self {
        match self {
            Self::Adds => Self::Takes,
            Self::Takes => Self::Adds,
        }
    }

    fn count(self, count: i64) -> i64 {
        match self {
            Self::Adds => count.saturating_add(1),
            Self::Takes => count.saturating_sub(1),
        }
    }

    fn apply(self, sum: Dong, amount: Dong) -> Result<Dong, TotalsOverflow> {
        match self {
            Self::Adds => sum.checked_add(amount),
            Self::Takes => sum.checked_sub(amount),
        }
        .ok_or(TotalsOverflow)
    }
}

fn add(sum: Dong, amount: Dong) -> Result<Dong, TotalsOverflow> {
    sum.checked_add(amount).ok_or(TotalsOverflow)
}
