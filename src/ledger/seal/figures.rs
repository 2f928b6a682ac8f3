//! The figures of a date that its close states, added up from the changes that the date's postings
//! make: for whoever checks a close against the journal.

use std::collections::BTreeMap;

use super::close::DayClose;
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::{Figure, SideSums};
use crate::domain::money::Dong;
use crate::domain::posting::PostingKind;
use crate::ledger::totals::{Deltas, TotalsKind, TotalsOverflow};

/// The figures of one date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayFigures {
    /// Settle postings.
    pub payments: i64,
    /// Settle + reversal, signed.
    pub amount: Dong,
    /// Reversals, signed.
    pub reversed: Figure,
    /// The net movement of suspense, signed.
    pub suspense: Figure,
    /// Settle postings whose own date was closed already.
    pub late: Figure,
    /// Both sides of all earlier dates.
    pub opening: SideSums,
    /// Both sides up to the date.
    pub closing: SideSums,
}

impl DayFigures {
    /// Returns the figures that a close states.
    #[must_use]
    pub fn said(close: &DayClose) -> Self {
        let DayClose { payments, amount, reversed, suspense, late, opening, closing, .. } = *close;
        Self { payments, amount, reversed, suspense, late, opening, closing }
    }

    /// Returns the figures of a date without a posting that follows this one.
    #[must_use]
    pub fn quiet_after(&self) -> Self {
        Self { opening: self.closing, closing: self.closing, ..Self::default() }
    }
}

/// Adds up the figures of every date with a posting; `before` is what earlier dates come to.
///
/// # Errors
/// [`TotalsOverflow`] when a sum leaves the range of an `i64`.
pub fn by_date(deltas: &Deltas, before: SideSums) -> Result<BTreeMap<BusinessDate, DayFigures>, TotalsOverflow> {
    let mut found: BTreeMap<BusinessDate, DayFigures> = BTreeMap::new();
    for ((date, _, kind, late), (count, sides)) in &deltas.dates {
        let day = found.entry(*date).or_default();
        day.closing = add_sides(day.closing, SideSums { debits: sides.debits, credits: sides.credits })?;
        match kind {
            PostingKind::Settle => {
                day.payments = day.payments.saturating_add(*count);
                if *late {
                    day.late.count = day.late.count.saturating_add(*count);
                    day.late.amount = sum(day.late.amount, sides.credits)?;
                }
            }
            PostingKind::Reversal => day.reversed.count = day.reversed.count.saturating_add(*count),
            PostingKind::Assign | PostingKind::CashChange | PostingKind::Exclusion | PostingKind::Refund => {}
        }
    }
    for ((date, _), tally) in &deltas.hours {
        let day = found.entry(*date).or_default();
        day.amount = sum(day.amount, tally.amount)?;
    }
    for ((date, stall, kind), tally) in deltas.stall_days.iter().map(|(key, day)| (key, day.tally)) {
        let day = found.entry(*date).or_default();
        if *kind == TotalsKind::Of(PostingKind::Reversal) {
            day.reversed.amount = sum(day.reversed.amount, tally.amount)?;
        }
        if stall.is_none() {
            day.suspense.count = day.suspense.count.saturating_add(tally.count);
            day.suspense.amount = sum(day.suspense.amount, tally.amount)?;
        }
    }
    let mut before = before;
    for day in found.values_mut() {
        day.opening = before;
        day.closing = add_sides(before, day.closing)?;
        before = day.closing;
    }
    Ok(found)
}

fn add_sides(one: SideSums, other: SideSums) -> Result<SideSums, TotalsOverflow> {
    Ok(SideSums { debits: sum(one.debits, other.debits)?, credits: sum(one.credits, other.credits)? })
}

fn sum(one: Dong, other: Dong) -> Result<Dong, TotalsOverflow> {
    one.checked_add(other).ok_or(TotalsOverflow)
}
