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

/// A clock that stands still until it is set: `serve --test-mode --clock …`, and tests.
#[derive(Debug)]
pub struct SetClock {
    micros: AtomicI64,
}

impl SetClock {
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
        Timestamp::from_microsecond(self.micros.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
