//! Which line is which credit: by identity first (DESIGN §4.12), then by amount, time and memo code,
//! each pair with its reason. An account at a time.
//!
//! | order | reason |
//! |---|---|
//! | 1 | booked from this very line |
//! | 2 | reference and amount, the same date; then dates that follow one another |
//! | 3 | a part of one's reference stands in the other's reference or text and in no third's, and the amount agrees |
//! | 4 | the reference agrees: rows of a batch that come to one credit, and the other way round; else one amount that differs |
//! | 5 | amount and second; then amount and minute, amount and time. Each with memo codes agreeing, both silent, not contradicting |
//! | 6 | amount and date where a side knows no hour, in the same three steps |
//! | 7 | amount, the dates following one another, where the bank lacks it on its own date |
//! | 8 | sums without a reference: an unbroken run of credits against one line, and the other way round |
//!
//! Wherever a date or a time is compared, what the sender told counts too where it was not believed: a
//! clock set back takes the day's payments for the future and books them at the time it knows, while the
//! sender was right; a sender in the wrong time zone tells of the future, while the clock was right.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use jiff::Timestamp;

use super::{parts, runs, times};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{Seq, SourceId, StallNumber};
use crate::domain::money::Dong;
use crate::domain::reconciliation::{Coverage, Standing, Why};
use crate::domain::settlement::{BankRef, Direction};
use crate::ledger::identity::same_shape;
pub use parts::evidence;

/// A line of a statement, as far as comparing needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub number: i64,
    /// Money in or out.
    pub direction: Direction,
    /// Whether it counts.
    pub standing: Standing,
    /// How much.
    pub amount: Dong,
    /// The bank's reference.
    pub reference: Option<BankRef>,
    /// When, to the second.
    pub at: Option<Timestamp>,
    /// The bank's date.
    pub date: BusinessDate,
    /// The stall that its text names.
    pub code: Option<StallNumber>,
    /// Of its texts, what may be a part of a reference: [`evidence`].
    pub memo: Box<str>,
}

/// A credit of the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    /// Its number in the inbox.
    pub item: i64,
    /// Its posting.
    pub posting: Seq,
    /// Who reported it.
    pub source: SourceId,
    /// The number of the line that it was booked from.
    pub own_line: Option<i64>,
    /// How much.
    pub amount: Dong,
    /// The reference.
    pub reference: Option<BankRef>,
    /// When, to the second.
    pub at: Option<Timestamp>,
    /// What is known instead where the bank's own time is not.
    pub unsure: Option<Box<Unsure>>,
    /// The bank's date; ours, where the sender told none that was believed.
    pub date: BusinessDate,
    /// The stall that its text names.
    pub code: Option<StallNumber>,
    /// Whether its posting has effect still.
    pub live: bool,
}

/// The times of a credit whose sender told none, or none that was believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsure {
    /// When it was recorded.
    pub recorded: Timestamp,
    /// What the sender told.
    pub claimed: Option<Timestamp>,
}

impl Credit {
    /// Returns the time that its sender told and that was not believed.
    #[must_use]
    pub fn claimed(&self) -> Option<Timestamp> {
        self.unsure.as_ref().and_then(|unsure| unsure.claimed)
    }

    /// Returns when it was recorded, where no better time is known.
    pub(super) fn recorded(&self) -> Option<Timestamp> {
        self.unsure.as_ref().map(|unsure| unsure.recorded)
    }

    /// Returns the date that its sender told and that was not believed.
    pub(super) fn claimed_date(&self) -> Option<BusinessDate> {
        self.claimed().map(BusinessDate::of_calendar)
    }

    /// Returns the date that its sender told, whether it was believed or not.
    pub(super) fn told_date(&self) -> BusinessDate {
        self.claimed_date().unwrap_or(self.date)
    }

    /// Returns the time that its sender told, whether it was believed or not.
    pub(super) fn told_at(&self) -> Option<Timestamp> {
        self.at.or_else(|| self.claimed())
    }
}

/// Lines and credits that are the same money, by their places in the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The lines.
    pub lines: Vec<usize>,
    /// The credits.
    pub credits: Vec<usize>,
    /// Why.
    pub why: Why,
}

/// What is paired, and what is left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paired {
    /// The pairs.
    pub pairs: Vec<Pair>,
    /// Lines without a credit.
    pub lines: Vec<usize>,
    /// Credits without a line.
    pub credits: Vec<usize>,
}

/// Pairs the credit lines and the credits of one account. `covers` tells how much of a date the account's
/// statements cover.
#[must_use]
pub fn pair(lines: &[&Line], credits: &[Credit], covers: impl Fn(BusinessDate) -> Coverage) -> Paired {
    let mut table = Table::new(lines, credits);
    table.by_key(|line| Some(line.number), own_line, Why::BookedFromStatement);
    table.by_key(
        |line| Some((line.date, line.reference.clone()?, line.amount)),
        |credit| Some((credit.date, credit.reference.clone()?, credit.amount)),
        Why::Reference,
    );
    table.by_key(
        |line| Some((line.date, line.reference.clone()?, line.amount)),
        |credit| Some((credit.claimed_date()?, credit.reference.clone()?, credit.amount)),
        Why::ReferenceClaimed,
    );
    table.note_agreement();
    for days in [1, -1] {
        table.by_key(
            |line| Some((line.date.plus_days(days), line.reference.clone()?, line.amount)),
            |credit| Some((credit.date, credit.reference.clone()?, credit.amount)),
            Why::ReferenceNextDate,
        );
    }
    parts::pair(&mut table);
    runs::pair_by_reference(&mut table);
    for (date, why) in DATES {
        table.by_key(
            |line| Some((line.date, line.reference.clone()?)),
            |credit| Some((date(credit)?, credit.reference.clone()?)),
            why,
        );
    }
    times::pair(&mut table);
    table.next_dates(covers);
    runs::pair(&mut table);
    table.finish()
}

type DateOf = fn(&Credit) -> Option<BusinessDate>;

/// The dates of a credit, and why a pair agrees by the reference on it.
const DATES: [(DateOf, Why); 2] =
    [(|credit| Some(credit.date), Why::Reference), (Credit::claimed_date, Why::ReferenceClaimed)];

/// Only money that was booked from a line has a line's name.
fn own_line(credit: &Credit) -> Option<i64> {
    credit.own_line.filter(|_| credit.source == SourceId::STATEMENT)
}

/// The lists with what is paired so far.
pub(super) struct Table<'a> {
    pub(super) lines: &'a [&'a Line],
    pub(super) credits: &'a [Credit],
    line_open: Vec<bool>,
    credit_open: Vec<bool>,
    pairs: Vec<Pair>,
    /// Sources whose references this statement has confirmed.
    agreeing: HashSet<SourceId>,
}

impl<'a> Table<'a> {
    fn new(lines: &'a [&'a Line], credits: &'a [Credit]) -> Self {
        Self {
            lines,
            credits,
            line_open: vec![true; lines.len()],
            credit_open: vec![true; credits.len()],
            pairs: Vec::new(),
            agreeing: HashSet::new(),
        }
    }

    pub(super) fn open_lines(&self) -> impl Iterator<Item = (usize, &'a Line)> + use<'a> {
        let (open, lines) = (self.line_open.clone(), self.lines);
        lines.iter().copied().enumerate().filter(move |(index, _)| open.get(*index) == Some(&true))
    }

    pub(super) fn open_credits(&self) -> impl Iterator<Item = (usize, &'a Credit)> + use<'a> {
        let (open, credits) = (self.credit_open.clone(), self.credits);
        credits.iter().enumerate().filter(move |(index, _)| open.get(*index) == Some(&true))
    }

    /// Tells whether a line may be a credit by their amounts alone: neither memo codes nor references
    /// that are known to agree contradict it.
    pub(super) fn may_be(&self, line: &Line, credit: &Credit) -> bool {
        let codes = line.code.zip(credit.code).is_none_or(|(one, other)| one == other);
        let other_money = line.reference.as_ref().zip(credit.reference.as_ref()).is_some_and(|(one, other)| {
            one != other && self.agreeing.contains(&credit.source) && same_shape(one.as_str(), other.as_str())
        });
        codes && !other_money
    }

    pub(super) fn join(&mut self, lines: Vec<usize>, credits: Vec<usize>, why: Why) {
        for (open, indexes) in [(&mut self.line_open, &lines), (&mut self.credit_open, &credits)] {
            for index in indexes {
                if let Some(open) = open.get_mut(*index) {
                    *open = false;
                }
            }
        }
        self.pairs.push(Pair { lines, credits, why });
    }

    /// Pairs one to one, in the order of the lists, what has the same key.
    fn by_key<K: Eq + std::hash::Hash>(
        &mut self,
        of_line: impl Fn(&Line) -> Option<K>,
        of_credit: impl Fn(&Credit) -> Option<K>,
        why: Why,
    ) {
        let mut waiting: HashMap<K, VecDeque<usize>> = HashMap::new();
        for (index, credit) in self.open_credits() {
            if let Some(key) = of_credit(credit) {
                waiting.entry(key).or_default().push_back(index);
            }
        }
        if waiting.is_empty() {
            return;
        }
        for (index, line) in self.open_lines() {
            let credit = of_line(line).and_then(|key| waiting.get_mut(&key)?.pop_front());
            if let Some(credit) = credit {
                self.join(vec![index], vec![credit], why);
            }
        }
    }

    fn note_agreement(&mut self) {
        let by_reference = |pair: &&Pair| matches!(pair.why, Why::Reference | Why::ReferenceClaimed);
        let confirmed = self.pairs.iter().filter(by_reference).flat_map(|pair| &pair.credits);
        self.agreeing = confirmed.filter_map(|index| self.credits.get(*index)).map(|credit| credit.source).collect();
    }

    /// Some banks book an evening's money on the next date. The credit's own date must be covered, so
    /// that it is known to be missing there.
    fn next_dates(&mut self, covers: impl Fn(BusinessDate) -> Coverage) {
        let mut waiting: BTreeMap<(Dong, BusinessDate), VecDeque<usize>> = BTreeMap::new();
        for (index, credit) in self.open_credits().filter(|(_, credit)| covers(credit.date) == Coverage::Day) {
            waiting.entry((credit.amount, credit.date.next())).or_default().push_back(index);
        }
        for (index, line) in self.open_lines().filter(|(_, line)| line.at.is_none()) {
            let Some(queue) = waiting.get_mut(&(line.amount, line.date)) else { continue };
            let fits = queue
                .iter()
                .position(|credit| self.credits.get(*credit).is_some_and(|credit| self.may_be(line, credit)));
            if let Some(credit) = fits.and_then(|place| queue.remove(place)) {
                self.join(vec![index], vec![credit], Why::AmountNextDate);
            }
        }
    }

    fn finish(self) -> Paired {
        let lines = self.open_lines().map(|(index, _)| index).collect();
        let credits = self.open_credits().map(|(index, _)| index).collect();
        Paired { pairs: self.pairs, lines, credits }
    }
}
