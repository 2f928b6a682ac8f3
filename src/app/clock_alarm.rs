//! Whether a sender's clock and ours have drifted apart: one delivery whose signature is right and
//! whose time is not is an accident or a replay; three in a row are a clock.
//!
//! Kept in memory alone: after a restart the next three raise it again.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::domain::ids::SourceId;

/// Stale deliveries in a row that raise the alarm.
const RUN: u32 = 3;

/// Stale deliveries in a row: how many, and by how many seconds the last one was off.
#[derive(Debug, Clone, Copy)]
struct Run {
    length: u32,
    skew_s: i64,
}

/// Counts stale deliveries in a row, by source.
#[derive(Debug, Default)]
pub(crate) struct ClockAlarms(RwLock<HashMap<SourceId, Run>>);

impl ClockAlarms {
    /// Counts a stale delivery; `true` when it is the one that raises the alarm.
    pub(crate) fn stale(&self, source: SourceId, skew_s: i64) -> bool {
        let mut runs = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let run = runs.entry(source).or_insert(Run { length: 0, skew_s });
        *run = Run { length: run.length.saturating_add(1), skew_s };
        run.length == RUN
    }

    /// Ends the run of a source whose delivery came in time.
    pub(crate) fn in_time(&self, source: SourceId) {
        // Nearly always nothing runs: readers do not wait for one another.
        if self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(&source) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&source);
        }
    }

    /// Returns by how many seconds a source's clock is off, once its alarm is raised.
    pub(crate) fn raised(&self, source: SourceId) -> Option<i64> {
        let runs = self.0.read().unwrap_or_else(PoisonError::into_inner);
        runs.get(&source).filter(|run| run.length >= RUN).map(|run| run.skew_s)
    }
}
