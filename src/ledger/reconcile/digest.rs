//! What a person signs for, as one hash: when any of it changes, the signature is of something else.

use sha2::{Digest as _, Sha256};

use crate::domain::hash::Hash;
use crate::domain::reconciliation::{AccountDay, Coverage, Entry};

/// The hash of the covered accounts' sums and of every difference. Of a date: its accounts' days first,
/// then the differences, both account by account.
#[derive(Debug, Clone, Default)]
pub struct Digest(Sha256);

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
        self.0.update(line.as_bytes());
    }

    /// Takes in a finding.
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
        self.0.update(line.as_bytes());
    }

    /// Ends it.
    #[must_use]
    pub fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}
