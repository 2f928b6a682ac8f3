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

impl Measure {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Amount, Self::Delay];
}

/// How often each step was met.
pub type Counts = BTreeMap<i64, i64>;

/// How a date's settlements spread.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spread {
    amounts: Counts,
    delays: Counts,
}

impl Spread {
    /// Counts a posting, if it is a settlement.
    pub fn add(&mut self, posting: &Posting) {
        if posting.kind != PostingKind::Settle {
            return;
        }
        self.count(Measure::Amount, two_digits(posting.transfer.amount.whole()), 1);
        if let Some(at) = posting.event_at {
            // A second that has begun counts as a whole one.
            let delay = posting.recorded_at.duration_since(at);
            let begun = delay.as_secs().saturating_add(i64::from(delay.subsec_nanos() > 0));
            self.count(Measure::Delay, delay_step(begun), 1);
        }
    }

    fn count(&mut self, measure: Measure, step: i64, times: i64) {
        let counts = match measure {
            Measure::Amount => &mut self.amounts,
            Measure::Delay => &mut self.delays,
        };
        let count = counts.entry(step).or_default();
        *count = count.saturating_add(times);
    }

    /// Returns a measure's counts.
    #[must_use]
    pub fn of(&self, measure: Measure) -> &Counts {
        match measure {
            Measure::Amount => &self.amounts,
            Measure::Delay => &self.delays,
        }
    }

    /// Writes a measure's counts as they are kept: `50000:12 54000:3`.
    #[must_use]
    pub fn written(&self, measure: Measure) -> String {
        let count = |(step, count): (&i64, &i64)| format!("{step}:{count}");
        self.of(measure).iter().map(count).collect::<Vec<_>>().join(" ")
    }

    /// Adds counts as they are kept; none when they are not written so.
    #[must_use]
    pub fn add_written(&mut self, measure: Measure, counts: &str) -> Option<()> {
        for count in counts.split(' ') {
            let (step, times) = count.split_once(':')?;
            self.count(measure, step.parse().ok()?, times.parse().ok()?);
        }
        Some(())
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
pub fn reached(counts: &Counts, share: i64, of: i64) -> Option<i64> {
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
    fn counts_are_read_as_they_were_written_and_add_up() {
        let mut spread = Spread::default();
        for (step, times) in [(54_000, 3), (9, 1)] {
            spread.count(Measure::Amount, step, times);
        }
        assert_eq!(spread.written(Measure::Amount), "9:1 54000:3");
        let mut twice = spread.clone();
        assert_eq!(twice.add_written(Measure::Amount, "9:1 54000:3"), Some(()));
        assert_eq!(twice.written(Measure::Amount), "9:2 54000:6");
        for flawed in ["", "9", "9:x", "9:1  54000:3"] {
            assert_eq!(twice.add_written(Measure::Amount, flawed), None, "{flawed:?}");
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
