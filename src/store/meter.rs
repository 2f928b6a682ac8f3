//! What the writer counts about itself: how large its batches are and how long they take.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

/// Works in a batch: doubling up to the writer's own limit of 512.
const WORKS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
/// Seconds that a commit takes: from a fast disk's to the patience of the busiest sender.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The writer's own figures. Clones count together.
#[derive(Debug, Clone)]
pub struct Meter {
    /// Pieces of work in each batch.
    pub batch_works: Histogram,
    /// Seconds from reading the head to COMMIT's answer.
    pub commit_seconds: Histogram,
    /// Batches that could not be committed.
    pub commit_failures: Counter,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            batch_works: Histogram::new(WORKS),
            commit_seconds: Histogram::new(SECONDS),
            commit_failures: Counter::default(),
        }
    }
}

impl Meter {
    /// Counts one batch.
    pub(crate) fn batch(&self, works: usize, took: Duration, committed: bool) {
        self.batch_works.observe(u32::try_from(works).map_or(f64::MAX, f64::from));
        self.commit_seconds.observe(took.as_secs_f64());
        if !committed {
            self.commit_failures.inc();
        }
    }
}
