//! How a date's settlements spread by amount and by delay: counted once, when the date is closed, so that a
//! middle value of a month is read from some hundred counts a day and never from the journal.

use std::collections::BTreeMap;

use super::batch::Posting;
use crate::domain::posting::PostingKind;

/// Seconds up to which delays are told apart; longer ones by whole days.
const DELAYS: [i64; 20] =
    [1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400];
const DAY_S: i64 = 86_400;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// The amount, to its first two digits: the step is the least amount that has them.
    Amount,
    /// From the bank's time to ours: the step is how many seconds it took at most. A settlement whose
    /// own time is not known to the second is not counted.
    Delay,
}

impl Measure {
    /// Returns the word that the table holds.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::Delay => "delay",
        }
    }
}

/// How often each step of each measure was met.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spread(pub BTreeMap<(Measure, i64), i64>);

impl Spread {
    /// Counts a posting, if it is a settlement.
    pub fn add(&mut self, posting: &Posting) {
        if posting.kind != PostingKind::Settle {
            return;
        }
        self.count(Measure::Amount, two_digits(posting.transfer.amount.whole()));
        if let Some(at) = posting.event_at {
            // A second that has begun counts as a whole one.
            let delay = posting.recorded_at.duration_since(at);
            let begun = delay.as_secs().saturating_add(i64::from(delay.subsec_nanos() > 0));
            self.count(Measure::Delay, delay_step(begun));
        }
    }

    fn count(&mut self, measure: Measure, step: i64) {
        let count = self.0.entry((measure, step)).or_default();
        *count = count.saturating_add(1);
    }
}

/// Returns the least amount with the same first two digits and as many behind them.
fn two_digits(amount: i64) -> i64 {
    let mut unit = 1_i64;
    while amount.checked_div(unit).is_some_and(|rest| rest >= 100) {
        unit = unit.saturating_mul(10);
    }
    amount.saturating_sub(amount.checked_rem(unit).unwrap_or_default())
}

fn delay_step(seconds: i64) -> i64 {
    let known = DELAYS.into_iter().find(|step| seconds <= *step);
    known.unwrap_or_else(|| {
        let days = seconds.saturating_add(DAY_S).saturating_sub(1).checked_div(DAY_S).unwrap_or_default();
        days.saturating_mul(DAY_S)
    })
}

/// Returns the first step by which `share` of `of` equal parts of everything counted are reached: 1 of 2
/// for the middle, 95 of 100. None when nothing was counted.
#[must_use]
pub fn reached(counts: &BTreeMap<i64, i64>, share: i64, of: i64) -> Option<i64> {
    let all = counts.values().copied().fold(0_i64, i64::saturating_add);
    let mut so_far = 0_i64;
    counts.iter().find_map(|(step, count)| {
        so_far = so_far.saturating_add(*count);
        (so_far.saturating_mul(of) >= all.saturating_mul(share)).then_some(*step)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_apart_by_two_digits_and_delays_by_steps() {
        let amounts =
            [(7, 7), (99, 99), (100, 100), (12_345, 12_000), (50_000, 50_000), (999_999_999_999, 990_000_000_000)];
        for (amount, step) in amounts {
            assert_eq!(two_digits(amount), step, "{amount}");
        }
        for (seconds, step) in [(-5, 1), (0, 1), (2, 2), (4, 5), (61, 90), (86_400, 86_400), (86_401, 172_800)] {
            assert_eq!(delay_step(seconds), step, "{seconds}");
        }
    }

    #[test]
    fn the_middle_and_nineteen_of_twenty_are_read_from_counts() {
        assert_eq!(reached(&BTreeMap::new(), 1, 2), None);
        let counts = BTreeMap::from([(10_000, 5), (20_000, 4), (900_000, 1)]);
        assert_eq!(reached(&counts, 1, 2), Some(10_000));
        assert_eq!(reached(&counts, 95, 100), Some(900_000));
        assert_eq!(reached(&BTreeMap::from([(1, 19), (60, 1)]), 95, 100), Some(1));
    }
}
