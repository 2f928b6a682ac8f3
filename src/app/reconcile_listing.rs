//! What is kept of the findings while dates are compared one after another: the figures of all, the
//! numbers of the lines to book, the hash of what a person signs for, and the findings that are listed.

use std::collections::{BTreeMap, BTreeSet};

use super::error::AppError;
use super::journal::bad_cursor;
use super::reconcile_view::ENTRIES_MAX;
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::Figure;
use crate::domain::hash::Hash;
use crate::domain::ids::Seq;
use crate::domain::money::Dong;
use crate::domain::reconciliation::{AccountDay, Class, Coverage, Entry, Why};
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
    /// How many of each class are listed.
    listed: BTreeMap<Class, usize>,
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
            listed: BTreeMap::new(),
            hash: Digest::default(),
            digest: Hash::ZERO,
            next: None,
            more: false,
        }
    }

    /// Compares the next dates. Of the findings, which may be as many as the lines, only those that are listed
    /// stay in memory.
    pub(super) fn take(&mut self, accounts: BTreeMap<SettledAccount, AccountFacts>, dates: &[BusinessDate]) {
        let moved = |day: &AccountDay| day.coverage != Coverage::None || day.book.count > 0 || day.bank.count > 0;
        let mut listed: BTreeMap<Option<Class>, BTreeMap<Place, Entry>> = BTreeMap::new();
        let mut missing: Vec<(BusinessDate, i64)> = Vec::new();
        for (settled, facts) in accounts {
            let findings = compare(&settled, &facts, dates);
            for day in findings.days.iter().filter(|day| moved(day)) {
                self.hash.day(day);
            }
            for entry in findings.entries() {
                self.hash.entry(&entry);
                self.count(&entry, &mut missing);
                self.list(entry, &mut listed);
            }
            self.undecided.extend(&findings.undecided);
            self.days.extend(findings.days.into_iter().filter(moved));
        }
        self.hash.end_dates();
        missing.sort_unstable();
        self.missing.extend(missing.into_iter().map(|(_, line)| line));
        for (class, entries) in listed {
            if let Some(class) = class {
                let count = self.listed.entry(class).or_default();
                *count = count.saturating_add(entries.len());
            }
            self.entries.extend(entries.into_values());
        }
    }

    fn count(&mut self, entry: &Entry, missing: &mut Vec<(BusinessDate, i64)>) {
        let amount = match entry.class {
            Class::AmountDiffers => entry.bank.checked_sub(entry.book).unwrap_or(Dong::ZERO),
            Class::MissingThere | Class::DuplicateReport => entry.book,
            Class::Matched | Class::MissingHere | Class::IgnoredDebit => entry.bank,
        };
        add(self.figures.entry(entry.class).or_default(), amount);
        if entry.class == Class::MissingHere && entry.why == Why::NotReported {
            missing.extend(entry.lines.iter().map(|line| (entry.date, *line)));
            add(&mut self.bookable, entry.bank);
        }
    }

    /// Puts a finding on the list of these dates: on that of its class, or on the page.
    fn list(&mut self, entry: Entry, listed: &mut BTreeMap<Option<Class>, BTreeMap<Place, Entry>>) {
        let (list, room) = match self.listing {
            Listing::Nothing => return,
            Listing::FirstOfEach => {
                let before = self.listed.get(&entry.class).copied().unwrap_or(0);
                (Some(entry.class), ENTRIES_MAX.saturating_sub(before))
            }
            Listing::Page { matched, after, limit } => {
                let passed = after.is_some_and(|after| Place::of(&entry) <= after);
                if passed || (entry.class == Class::Matched && !matched) {
                    return;
                }
                (None, limit.saturating_sub(self.entries.len()))
            }
        };
        let list = listed.entry(list).or_default();
        list.insert(Place::of(&entry), entry);
        if list.len() > room {
            list.pop_last();
            self.more |= matches!(self.listing, Listing::Page { .. });
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
