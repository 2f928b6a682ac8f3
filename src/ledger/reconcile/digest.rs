//! What a person signs for, as one hash: when any of it changes, the signature is of something else.

use sha2::{Digest as _, Sha256};

use crate::domain::hash::Hash;
use crate::domain::reconciliation::{AccountDay, Coverage, Entry};

/// Returns the hash of the covered accounts' sums and of every difference.
#[must_use]
pub fn digest(days: &[AccountDay], entries: &[Entry]) -> Hash {
    let mut hash = Sha256::new();
    for day in days.iter().filter(|day| day.coverage != Coverage::None) {
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
        hash.update(line.as_bytes());
    }
    for entry in entries.iter().filter(|entry| entry.class.is_difference()) {
        let line = format!(
            "{} {} {:?} {:?} {} {}\n",
            entry.class.as_str(),
            entry.settled.as_str(),
            entry.lines,
            entry.postings,
            entry.bank.whole(),
            entry.book.whole()
        );
        hash.update(line.as_bytes());
    }
    Hash(hash.finalize().into())
}
