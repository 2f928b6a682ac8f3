//! What is kept of the findings while dates are compared one after another: the figures of all, the
//! numbers of the lines to book, the hash of what a person signs for, and the findings that are listed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::error::AppError;
use super::journal::bad_cursor;
use super::reconcile_view::ENTRIES_MAX;
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::Figure;
use crate::domain::hash::Hash;
use crate::domain::ids::{Seq, StallNumber};
use crate::domain::memo::{self, Choice};
use crate::domain::money::Dong;
use crate::domain::reconciliation::{AccountDay, Class, Coverage, Entry, Why};
use crate::domain::settlement::Direction;
use crate::ledger::reconcile::digest::Digest;
use crate::ledger::reconcile::findings::{AccountFacts, compare};

/// Which findings are listed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Listing {
    /// None: the figures alone.
    Nothing,
    /// The first of each class.
    FirstOfEach,
    /// So many from a place on.
    Page { matched: bool, after: Option<Place>, limit: usize },
}

/// A finding's place among all of them, by date and class; nothing in it tells an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    date: BusinessDate,
    class: Class,
    line: i64,
    posting: i64,
    item: i64,
}

impl Place {
    fn of(entry: &Entry) -> Self {
        let first = |numbers: &[i64]| numbers.first().copied().unwrap_or(0);
        Self {
            date: entry.date,
            class: entry.class,
            line: first(&entry.lines),
            posting: entry.postings.first().copied().map_or(0, Seq::get),
            item: first(&entry.items),
        }
    }

    /// Reads a page's cursor.
    pub(super) fn read(text: &str) -> Result<Self, AppError> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or_else(bad_cursor);
        let date = next()?.parse().map_err(|_| bad_cursor())?;
        let class = next()?;
        let class = Class::ALL.into_iter().find(|known| known.as_str() == class).ok_or_else(bad_cursor)?;
        let mut number = || next()?.parse().map_err(|_| bad_cursor());
        Ok(Self { date, class, line: number()?, posting: number()?, item: number()? })
    }

    fn in_words(self) -> String {
        let Self { date, class, line, posting, item } = self;
        format!("{date}.{}.{line}.{posting}.{item}", class.as_str())
    }
}

/// What comparing gave so far.
pub(super) struct Tally {
    listing: Listing,
    pub(super) days: Vec<AccountDay>,
    pub(super) entries: Vec<Entry>,
    pub(super) figures: BTreeMap<Class, Figure>,
    pub(super) missing: Vec<i64>,
    pub(super) bookable: Figure,
    pub(super) undecided: BTreeSet<i64>,
    hash: Digest,
    pub(super) digest: Hash,
    /// Where the list goes on.
    pub(super) next: Option<String>,
    more: bool,
}

impl Tally {
    pub(super) fn new(listing: Listing) -> Self {
        Self {
            listing,
            days: Vec::new(),
            entries: Vec::new(),
            figures: BTreeMap::new(),
            missing: Vec::new(),
            bookable: Figure::default(),
            undecided: BTreeSet::new(),
            hash: Digest::default(),
            digest: Hash::ZERO,
            next: None,
            more: false,
        }
    }

    /// Compares the next dates.
    pub(super) fn take(
        &mut self,
        accounts: BTreeMap<SettledAccount, AccountFacts>,
        dates: &[BusinessDate],
        stalls: &HashSet<StallNumber>,
    ) {
        let (mut days, mut entries) = (Vec::new(), Vec::new());
        for (settled, mut facts) in accounts {
            for line in facts.lines.iter_mut().filter(|line| line.direction == Direction::Credit) {
                if let Choice::One(stall) = memo::choose(&line.memo, |stall| stalls.contains(&stall)) {
                    line.code = Some(stall);
                }
            }
            let findings = compare(&settled, &facts, dates);
            drop(facts);
            let moved = |day: &AccountDay| day.coverage != Coverage::None || day.book.count > 0 || day.bank.count > 0;
            days.extend(findings.days.into_iter().filter(moved));
            entries.extend(findings.entries);
            self.undecided.extend(findings.undecided);
        }
        for day in &days {
            self.hash.day(day);
        }
        for entry in &entries {
            self.hash.entry(entry);
        }
        entries.sort_unstable_by_key(Place::of);
        for entry in entries {
            self.count(&entry);
            self.list(entry);
        }
        self.days.extend(days);
    }

    fn count(&mut self, entry: &Entry) {
        let amount = match entry.class {
            Class::AmountDiffers => entry.bank.checked_sub(entry.book).unwrap_or(Dong::ZERO),
            Class::MissingThere | Class::DuplicateReport => entry.book,
            Class::Matched | Class::MissingHere | Class::IgnoredDebit => entry.bank,
        };
        add(self.figures.entry(entry.class).or_default(), amount);
        if entry.class == Class::MissingHere && entry.why == Why::NotReported {
            self.missing.extend(&entry.lines);
            add(&mut self.bookable, entry.bank);
        }
    }

    fn list(&mut self, entry: Entry) {
        let listed = match self.listing {
            Listing::Nothing => false,
            Listing::FirstOfEach => {
                let count = self.figures.get(&entry.class).map_or(0, |figure| figure.count);
                usize::try_from(count).is_ok_and(|count| count <= ENTRIES_MAX)
            }
            Listing::Page { matched, after, limit } => {
                let wanted =
                    (matched || entry.class != Class::Matched) && after.is_none_or(|after| Place::of(&entry) > after);
                let room = self.entries.len() < limit;
                self.more |= wanted && !room;
                wanted && room
            }
        };
        if listed {
            self.entries.push(entry);
        }
    }

    /// Ends the comparison.
    pub(super) fn end(mut self) -> Self {
        self.digest = std::mem::take(&mut self.hash).finish();
        self.next = self.entries.last().filter(|_| self.more).map(|last| Place::of(last).in_words());
        if matches!(self.listing, Listing::FirstOfEach) {
            let shown = |class: Class| Class::ALL.iter().position(|known| *known == class);
            self.entries.sort_by_key(|entry| (shown(entry.class), Place::of(entry)));
        }
        self
    }
}

fn add(figure: &mut Figure, amount: Dong) {
    figure.count = figure.count.saturating_add(1);
    figure.amount = figure.amount.checked_add(amount).unwrap_or(figure.amount);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_as_it_was_written_and_nothing_else_is() {
        for class in Class::ALL {
            let place = Place { date: "2026-11-24".parse().expect("a date"), class, line: 7, posting: 0, item: 12 };
            assert_eq!(Place::read(&place.in_words()).ok(), Some(place));
        }
        for wrong in ["", "s5", "2026-11-24", "2026-11-24.matched.1.2", "2026-11-24.x.1.2.3", "24.matched.1.2.3"] {
            assert!(Place::read(wrong).is_err(), "{wrong}");
        }
    }
}
