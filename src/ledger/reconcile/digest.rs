//! What a person signs for, as one hash: when any of it changes, the signature is of something else.

use sha2::{Digest as _, Sha256};

use crate::domain::hash::Hash;
use crate::domain::reconciliation::{AccountDay, Coverage, Entry};

/// The hash of the covered accounts' sums and of every difference. Of a date: its accounts' days first,
/// then the differences, both account by account.
#[derive(Debug, Clone, Default)]
pub struct Digest {
    hash: Sha256,
    /// Differences that wait for the days of all accounts.
    differences: Vec<u8>,
}

impl Digest {
    /// Takes in an account's date.
    pub fn day(&mut self, day: &AccountDay) {
        if day.coverage == Coverage::None {
            return;
        }
        let line = format!(
            "{} {} {} {} {} {} {} {}\n",
            day.settled.as_str(),
            day.date,
            day.coverage.as_str(),
            day.bank.count,
            day.bank.amount.whole(),
            day.book.count,
            day.book.amount.whole(),
            day.doubtful
        );
        self.hash.update(line.as_bytes());
    }

    /// Takes in a finding; it counts behind the days of the dates that are taken in now.
    pub fn entry(&mut self, entry: &Entry) {
        if !entry.class.is_difference() {
            return;
        }
        let line = format!(
            "{} {} {:?} {:?} {} {}\n",
            entry.class.as_str(),
            entry.settled.as_str(),
            entry.lines,
            entry.postings,
            entry.bank.whole(),
            entry.book.whole()
        );
        self.differences.extend_from_slice(line.as_bytes());
    }

    /// Ends some dates.
    pub fn end_dates(&mut self) {
        self.hash.update(std::mem::take(&mut self.differences));
    }

    /// Ends it.
    #[must_use]
    pub fn finish(mut self) -> Hash {
        self.end_dates();
        Hash(self.hash.finalize().into())
    }
}
