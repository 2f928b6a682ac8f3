//! Texts that were removed because their time was over: a record says which, chained like the journal.
//!
//! The journal's chain covers a salted commitment to an item's texts (raw body, memo, payer), not the
//! texts. Text and salt go together: the commitment stays, and nobody can try names against it. A text
//! that is missing without a record is a finding of `verify`, and so is a record whose text is there.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::domain::hash::Hash;
use crate::domain::ids::MarketId;

/// The format of the bytes that are hashed; a new one gets a new number.
const FORMAT: &str = "socho redaction v1";

/// One record: the texts of items `first` to `last` of a market's inbox are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redaction {
    /// The market.
    pub market: MarketId,
    /// Its number there, from 1.
    pub number: i64,
    /// The first item.
    pub first: i64,
    /// The last item.
    pub last: i64,
    /// Texts recorded before this instant were to go.
    pub before: Timestamp,
    /// When they went.
    pub at: Timestamp,
    /// By whose hand.
    pub actor: String,
    /// The hash of the record before; zeros for a market's first.
    pub previous: Hash,
}

impl Redaction {
    /// Returns the record's hash: the next link of its chain. Every field has its length before it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let numbers = [
            self.market.get(),
            self.number,
            self.first,
            self.last,
            self.before.as_microsecond(),
            self.at.as_microsecond(),
        ];
        let mut bytes = Vec::with_capacity(256);
        let mut put = |field: &[u8]| {
            bytes.extend_from_slice(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(field);
        };
        put(FORMAT.as_bytes());
        put(&self.previous.0);
        for number in numbers {
            put(&number.to_be_bytes());
        }
        put(self.actor.as_bytes());
        Hash(Sha256::digest(bytes).into())
    }
}

/// Numbers that follow each other, kept as first and last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    /// Puts ranges in order; such that touch become one.
    #[must_use]
    pub fn of(ranges: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let mut sorted: Vec<(i64, i64)> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        sorted.sort_unstable();
        let mut merged = Self::default();
        for (first, last) in sorted {
            match merged.0.last_mut() {
                Some(open) if first <= open.1.saturating_add(1) => open.1 = open.1.max(last),
                _ => merged.0.push((first, last)),
            }
        }
        merged
    }

    /// Adds a number above all there are.
    pub fn push(&mut self, number: i64) {
        match self.0.last_mut() {
            Some(open) if number == open.1.saturating_add(1) => open.1 = number,
            _ => self.0.push((number, number)),
        }
    }

    /// Returns how many numbers there are.
    #[must_use]
    pub fn count(&self) -> i64 {
        self.0.iter().fold(0, |sum, (first, last)| sum.saturating_add(last.saturating_sub(*first).saturating_add(1)))
    }

    /// Returns the ranges in order.
    pub fn iter(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.iter().copied()
    }

    /// Returns the first number that is here and not there.
    #[must_use]
    pub fn first_outside(&self, other: &Self) -> Option<i64> {
        self.0.iter().find_map(|(first, last)| {
            let holding = other.0.iter().find(|(from, to)| from <= first && first <= to);
            match holding {
                Some((_, to)) if to >= last => None,
                Some((_, to)) => Some(to.saturating_add(1)),
                None => Some(*first),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one_and_what_lies_outside_is_named() {
        let mut pushed = Ranges::default();
        for number in [1, 2, 3, 7, 8] {
            pushed.push(number);
        }
        assert_eq!(pushed, Ranges::of([(7, 8), (1, 2), (3, 3), (9, 8)]));
        assert_eq!(pushed.count(), 5);
        for (other, outside) in [
            (vec![(1, 9)], None),
            (vec![(1, 3), (7, 8)], None),
            (vec![(1, 2), (7, 8)], Some(3)),
            (vec![(1, 3)], Some(7)),
        ] {
            assert_eq!(pushed.first_outside(&Ranges::of(other)), outside);
        }
    }

    #[test]
    fn every_field_changes_the_hash() {
        let at = |micros| Timestamp::from_microsecond(micros).unwrap();
        let record = Redaction {
            market: MarketId::new(1).unwrap(),
            number: 1,
            first: 1,
            last: 9,
            before: at(5),
            at: at(6),
            actor: "lan".to_owned(),
            previous: Hash([0; 32]),
        };
        let others = [
            Redaction { market: MarketId::new(2).unwrap(), ..record.clone() },
            Redaction { number: 2, ..record.clone() },
            Redaction { first: 2, ..record.clone() },
            Redaction { last: 8, ..record.clone() },
            Redaction { before: at(4), ..record.clone() },
            Redaction { at: at(7), ..record.clone() },
            Redaction { actor: "lam".to_owned(), ..record.clone() },
            Redaction { previous: Hash([1; 32]), ..record.clone() },
        ];
        for other in others {
            assert_ne!(other.hash(), record.hash(), "{other:?}");
        }
    }
}
