//! The clocks: the machine's, and one that tests and `--test-mode` set by hand.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

use crate::domain::calendar::Clock;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that shows the machine's time until it is set and then stands still: `serve --test-mode`,
/// and tests.
#[derive(Debug)]
pub struct SetClock {
    micros: AtomicI64,
}

/// Stands for "not set yet": before every instant that can be.
const RUNNING: i64 = i64::MIN;

impl SetClock {
    /// Returns a clock that shows the machine's time until it is set: `serve --test-mode`.
    #[must_use]
    pub fn running() -> Self {
        Self { micros: AtomicI64::new(RUNNING) }
    }

    /// Tells whether it stands still, because it was set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.micros.load(Ordering::SeqCst) != RUNNING
    }

    /// Returns a clock that shows `instant`.
    #[must_use]
    pub fn at(instant: Timestamp) -> Self {
        Self { micros: AtomicI64::new(instant.as_microsecond()) }
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, instant: Timestamp) {
        self.micros.store(instant.as_microsecond(), Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        match self.micros.load(Ordering::SeqCst) {
            RUNNING => SystemClock.now(),
            micros => Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }
}
