//! Rates, percentiles and ratios, in whole numbers: no float decides whether a target is met.

use std::collections::BTreeMap;
use std::time::Duration;

/// What one kind of load gave, over all of its slices.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// Requests answered 2xx: each is a promise that is counted in the journal afterwards.
    pub acked: u64,
    /// Requests answered otherwise.
    pub refused: u64,
    /// The time the slices took together.
    pub elapsed: Duration,
    /// The latency of each acked request, in microseconds.
    pub micros: Vec<u64>,
    /// The processor time of the server's process meanwhile, the load's too when it is inside.
    pub cpu: Duration,
    /// Batches that were written meanwhile, by the items each held.
    pub batches: BTreeMap<u64, u64>,
}

impl Measured {
    /// Adds another slice of the same load.
    pub fn add(&mut self, mut other: Self) {
        self.acked += other.acked;
        self.refused += other.refused;
        self.elapsed += other.elapsed;
        self.cpu += other.cpu;
        self.micros.append(&mut other.micros);
        for (items, batches) in other.batches {
            *self.batches.entry(items).or_default() += batches;
        }
    }

    /// Returns the processor time of one acked request, in nanoseconds: what a busy machine does not
    /// distort as it does every rate.
    #[must_use]
    pub fn cpu_nanos(&self) -> u64 {
        u64::try_from(self.cpu.as_nanos() / u128::from(self.acked.max(1))).unwrap_or(u64::MAX)
    }

    /// Returns the mean size of the batches, in thousandths of an item.
    #[must_use]
    pub fn batch_mean(&self) -> u64 {
        let items = self.batches.iter().map(|(items, batches)| items * batches).sum();
        per_mille(items, self.batches.values().sum())
    }

    /// Returns how many batches held up to 1, 4, 16, 64, 256 and any number of items.
    #[must_use]
    pub fn batch_histogram(&self) -> Vec<(Option<u64>, u64)> {
        let mut lower = 0;
        let bounds = [Some(1), Some(4), Some(16), Some(64), Some(256), None];
        let within = bounds.map(|bound| {
            let upper = bound.unwrap_or(u64::MAX);
            let count = self.batches.range(lower + 1..=upper).map(|(_, batches)| *batches).sum();
            lower = upper.min(u64::MAX - 1);
            (bound, count)
        });
        within.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// Returns how many were acked in a second.
    #[must_use]
    pub fn per_s(&self) -> u64 {
        per_second(self.acked, self.elapsed)
    }

    /// Returns the median, the 99th percentile and the largest latency, in microseconds.
    #[must_use]
    pub fn latencies(&self) -> Latencies {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        Latencies {
            p50: percentile(&sorted, 500),
            p99: percentile(&sorted, 990),
            max: sorted.last().copied().unwrap_or(0),
        }
    }
}

/// Latencies in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latencies {
    /// Half were faster.
    pub p50: u64,
    /// One of a hundred was slower.
    pub p99: u64,
    /// The slowest.
    pub max: u64,
}

/// Returns the value that `per_mille` of the sorted values do not exceed; 0 of no value.
#[must_use]
pub fn percentile(sorted: &[u64], per_mille: usize) -> u64 {
    let rank = (sorted.len() * per_mille).div_ceil(1_000).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

/// Returns how many fit into a second.
#[must_use]
pub fn per_second(count: u64, elapsed: Duration) -> u64 {
    let micros = elapsed.as_micros().max(1);
    u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

/// Returns `part` in thousandths of `whole`.
#[must_use]
pub fn per_mille(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 1_000 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

/// Writes thousandths as a decimal: 1234 → `1.234`.
#[must_use]
pub fn decimal(thousandths: u64) -> String {
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let sorted: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&sorted, 500), percentile(&sorted, 990), percentile(&sorted, 1_000)), (50, 99, 100));
        assert_eq!((percentile(&[7], 990), percentile(&[], 500)), (7, 0));
    }

    #[test]
    fn figures_are_exact_in_whole_numbers() {
        assert_eq!(per_second(3, Duration::from_millis(1_500)), 2);
        assert_eq!(decimal(per_mille(1, 3)), "0.333");
        assert_eq!(decimal(12_034), "12.034");
    }
}
