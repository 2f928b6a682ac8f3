//! The figures of a market's day and the checks that they agree. Each check compares figures that
//! came from different tables; a difference is an error, never a page.

use std::collections::BTreeMap;

use jiff::Timestamp;
use thiserror::Error;

use super::totals::{Sides, Tally};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{Seq, SourceName, StallNumber};
use crate::domain::money::Dong;

/// What was read of one day.
#[derive(Debug, Clone, Default)]
pub struct DayFacts {
    /// By stall (none = suspense): money, that is settle, assign and reversal.
    pub money: BTreeMap<Option<StallNumber>, StallMoney>,
    /// By stall: adjustments, that is cash-change, exclusion, refund and their reversals.
    pub adjusted: BTreeMap<StallNumber, Dong>,
    /// By hour; -1 where none is known.
    pub hours: BTreeMap<i64, Tally>,
    /// Settle postings by both dates.
    pub settled: Tally,
    /// Settle and reversal postings of settlements together: what the bank paid, net.
    pub reversed: Tally,
    /// Settle postings whose own day was closed.
    pub late: Tally,
    /// Settle postings of this day whose bank's day is another.
    pub moved_in: Tally,
    /// Settle postings of this bank's day that count on another.
    pub moved_out: Tally,
    /// Both sides before the day.
    pub opening: Sides,
    /// Both sides of the day's postings.
    pub movement: Sides,
    /// Both sides up to and including the day, read by itself.
    pub closing: Sides,
}

/// A stall's money of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StallMoney {
    /// Payments that ended at the stall: settlements and assignments.
    pub payments: i64,
    /// What they sum to, reversals taken off.
    pub amount: Dong,
    /// Settlements alone.
    pub settlements: i64,
    /// First arrival.
    pub first_at: Option<Timestamp>,
    /// Last arrival.
    pub last_at: Option<Timestamp>,
}

/// Two figures that should be one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{check}: {left} is not {right} (difference {difference})", difference = .left - .right)]
pub struct Imbalance {
    /// Which check.
    pub check: &'static str,
    /// The figure on its left.
    pub left: i128,
    /// The figure on its right.
    pub right: i128,
}

/// Returns the day's amount: settlements and their reversals, by stall and suspense.
///
/// # Errors
/// [`Imbalance`] naming the check and both figures.
pub fn check(facts: &DayFacts) -> Result<Dong, Imbalance> {
    let wide = |amount: Dong| i128::from(amount.whole());
    let equal = |check, left: i128, right: i128| {
        if left == right { Ok(()) } else { Err(Imbalance { check, left, right }) }
    };
    let by_stall: i128 = facts.money.values().map(|money| wide(money.amount)).sum();
    let by_hour: i128 = facts.hours.values().map(|tally| wide(tally.amount)).sum();
    let by_kind = wide(facts.settled.amount).saturating_add(wide(facts.reversed.amount));
    equal("stalls and suspense against hours", by_stall, by_hour)?;
    equal("stalls and suspense against settlements and reversals", by_stall, by_kind)?;
    let settlements: i128 = facts.money.values().map(|money| i128::from(money.settlements)).sum();
    let hours: i128 = facts.hours.values().map(|tally| i128::from(tally.count)).sum();
    equal("payments by stall against payments by date", settlements, i128::from(facts.settled.count))?;
    equal("payments by hour against payments by date", hours, i128::from(facts.settled.count))?;
    let moved = |before: Dong, movement: Dong| wide(before).saturating_add(wide(movement));
    let closing = facts.closing;
    equal(
        "opening and movement against closing, debits",
        moved(facts.opening.debits, facts.movement.debits),
        wide(closing.debits),
    )?;
    equal(
        "opening and movement against closing, credits",
        moved(facts.opening.credits, facts.movement.credits),
        wide(closing.credits),
    )?;
    equal("debits against credits", wide(closing.debits), wide(closing.credits))?;
    let whole = i64::try_from(by_stall).map_err(|_| Imbalance { check: "range", left: by_stall, right: 0 })?;
    Ok(Dong::new(whole))
}

/// Money of the day that lies in suspense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// The settlement.
    pub posting: Seq,
    /// How much.
    pub amount: Dong,
    /// When it arrived.
    pub event_at: Option<Timestamp>,
    /// Its memo with numbers and names hidden.
    pub memo_masked: String,
}

/// A source's day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDay {
    /// The source.
    pub source: SourceName,
    /// Items that posted.
    pub settlements: i64,
    /// Items that repeated earlier ones.
    pub duplicates: i64,
    /// Items held for a person.
    pub quarantined: i64,
    /// When it last reported.
    pub last_at: Option<Timestamp>,
}

/// Returns a memo with every run of four or more digits and every name hidden: enough to tell one
/// payment from another, not enough to know the payer.
#[must_use]
pub fn mask_memo(memo: &str) -> String {
    let shown: String = memo.chars().take(120).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = shown.split(' ').map(|word| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        if digits >= 4 {
            let tail: String = word.chars().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect();
            format!("…{tail}")
        } else if word.chars().count() > 2 && word.chars().all(|c| c.is_alphabetic() && c.is_uppercase()) {
            word.chars().take(1).chain(['*', '*']).collect()
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// One day beside another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versus {
    /// The other day.
    pub date: BusinessDate,
    /// Its payments.
    pub payments: i64,
    /// Its amount.
    pub amount: Dong,
}
