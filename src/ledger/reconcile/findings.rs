//! What the pairs and what is left of them mean: findings, and each account's date with both sums.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::pairing::{self, Credit, Line, Pair, Paired};
use crate::domain::account::SettledAccount;
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::Figure;
use crate::domain::ids::Seq;
use crate::domain::inbox::Outcome;
use crate::domain::money::Dong;
use crate::domain::reconciliation::{AccountDay, Class, Coverage, Entry, Standing, Why};
use crate::domain::settlement::{BankRef, Direction};
use crate::ledger::identity::PAIRING_WINDOW;

/// A report that made no posting: a duplicate, a held item, a debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its number in the inbox.
    pub item: i64,
    /// What became of it.
    pub outcome: Outcome,
    /// The posting it repeats.
    pub posting: Option<Seq>,
    /// How much.
    pub amount: Dong,
    /// The reference.
    pub reference: Option<BankRef>,
    /// When, to the second.
    pub at: Option<Timestamp>,
    /// The bank's date.
    pub date: BusinessDate,
}

/// Everything that is known of one account over some dates and the dates beside them.
#[derive(Debug, Clone, Default)]
pub struct AccountFacts {
    /// The lines, doubtful ones too, by their numbers.
    pub lines: Vec<Line>,
    /// The credits with a posting.
    pub credits: Vec<Credit>,
    /// Reports without one.
    pub reports: Vec<Report>,
    /// The live refund of a debit line.
    pub refunds: HashMap<i64, Seq>,
    /// How much of each date is covered.
    pub coverage: BTreeMap<BusinessDate, Coverage>,
}

/// An account's dates: the findings, and bank and book side by side.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// One for each date asked for.
    pub days: Vec<AccountDay>,
    /// The findings of those dates; those of a line without its texts.
    pub entries: Vec<Entry>,
    /// Credits that are no other line's, though a line of the dates beside might be them: a missing
    /// line of the same amount is left to the writer's own pairing with these.
    pub undecided: BTreeSet<i64>,
}

/// Compares one account's lines with its credits, for the dates asked for.
#[must_use]
pub fn compare(settled: &SettledAccount, facts: &AccountFacts, dates: &[BusinessDate]) -> Findings {
    let asked: BTreeSet<BusinessDate> = dates.iter().copied().collect();
    let covers = |date: BusinessDate| facts.coverage.get(&date).copied().unwrap_or(Coverage::None);
    let counted = facts.lines.iter().filter(|line| line.standing == Standing::Counted);
    let (lines, debit_lines): (Vec<&Line>, Vec<&Line>) = counted.partition(|line| line.direction == Direction::Credit);
    let paired = pairing::pair(&lines, &facts.credits, covers);
    let mut bench = Bench { settled, facts, asked: &asked, lines: &lines, entries: Vec::new(), moved: BTreeMap::new() };
    for pair in &paired.pairs {
        bench.pair(pair);
    }
    bench.missing_here(&paired);
    bench.missing_there(&paired, covers);
    bench.debits(&debit_lines);
    bench.repeats();
    let undecided = undecided(facts, &paired);
    let Bench { mut entries, moved, .. } = bench;
    entries.sort_by(|one, other| {
        (one.date, one.class, &one.lines, &one.postings, &one.items).cmp(&(
            other.date,
            other.class,
            &other.lines,
            &other.postings,
            &other.items,
        ))
    });
    let days = asked.iter().map(|date| day(settled, facts, *date, covers(*date), &moved)).collect();
    Findings { days, entries, undecided }
}

/// Near midnight a bank's date and a provider's may differ: such credits are not settled by the dates.
fn undecided(facts: &AccountFacts, paired: &Paired) -> BTreeSet<i64> {
    let near_midnight = |credit: &&Credit| {
        let Some(at) = credit.at else { return true };
        let (start, end) = (credit.date.starts_at(), credit.date.next().starts_at());
        at.duration_since(start).as_hours() < NEAR_MIDNIGHT_HOURS
            || end.duration_since(at).as_hours() < NEAR_MIDNIGHT_HOURS
    };
    let open = paired.credits.iter().filter_map(|index| facts.credits.get(*index));
    open.filter(near_midnight).map(|credit| credit.item).collect()
}

/// Hours around midnight in which the dates of a bank and of a provider may differ.
const NEAR_MIDNIGHT_HOURS: i64 = 2;

struct Bench<'a> {
    settled: &'a SettledAccount,
    facts: &'a AccountFacts,
    asked: &'a BTreeSet<BusinessDate>,
    lines: &'a [&'a Line],
    entries: Vec<Entry>,
    /// What a date has at the bank and not in the book or the other way round, because the same money
    /// stands on another date there.
    moved: BTreeMap<BusinessDate, Dong>,
}

impl Bench<'_> {
    fn entry(&self, class: Class, why: Why, date: BusinessDate) -> Entry {
        Entry {
            class,
            why,
            settled: self.settled.clone(),
            date,
            lines: Vec::new(),
            postings: Vec::new(),
            items: Vec::new(),
            bank: Dong::ZERO,
            book: Dong::ZERO,
            reference: String::new(),
            at: None,
            memo: String::new(),
        }
    }

    fn of_line(&self, class: Class, why: Why, line: &Line) -> Entry {
        Entry { lines: vec![line.number], bank: line.amount, at: line.at, ..self.entry(class, why, line.date) }
    }

    fn push(&mut self, entry: Entry) {
        if self.asked.contains(&entry.date) {
            self.entries.push(entry);
        }
    }

    fn pair(&mut self, pair: &Pair) {
        let lines: Vec<&Line> = pair.lines.iter().filter_map(|index| self.lines.get(*index).copied()).collect();
        let credits: Vec<&Credit> = pair.credits.iter().filter_map(|index| self.facts.credits.get(*index)).collect();
        let (Some(first), Some(credit)) = (lines.first(), credits.first()) else { return };
        let bank = lines.iter().map(|line| line.amount).sum::<Option<Dong>>().unwrap_or(Dong::ZERO);
        let live = credits.iter().filter(|credit| credit.live).map(|credit| credit.amount);
        let book = live.sum::<Option<Dong>>().unwrap_or(Dong::ZERO);
        let (class, why) = match (credits.iter().all(|credit| !credit.live), bank == book) {
            (true, _) => (Class::MissingHere, Why::Reversed),
            (false, true) => (Class::Matched, pair.why),
            (false, false) => (Class::AmountDiffers, pair.why),
        };
        let mut entry = self.of_line(class, why, first);
        entry.lines = lines.iter().map(|line| line.number).collect();
        entry.postings = credits.iter().map(|credit| credit.posting).collect();
        entry.items = credits.iter().map(|credit| credit.item).collect();
        (entry.bank, entry.book) = (bank, book);
        if first.date != credit.date && class != Class::MissingHere {
            for (date, amount) in [(first.date, Some(bank)), (credit.date, book.checked_neg())] {
                let moved = self.moved.entry(date).or_default();
                *moved = amount.and_then(|amount| moved.checked_add(amount)).unwrap_or(*moved);
            }
        }
        self.push(entry);
    }

    fn missing_here(&mut self, paired: &Paired) {
        let mut held: Vec<&Report> =
            self.facts.reports.iter().filter(|report| report.outcome == Outcome::Quarantined).collect();
        for line in paired.lines.iter().filter_map(|index| self.lines.get(*index).copied()) {
            let found = held.iter().position(|report| is_report_of(line, report));
            let report = found.map(|place| held.remove(place));
            let why = if report.is_some() { Why::Held } else { Why::NotReported };
            let mut entry = self.of_line(Class::MissingHere, why, line);
            entry.items = report.map(|report| report.item).into_iter().collect();
            self.push(entry);
        }
    }

    fn missing_there(&mut self, paired: &Paired, covers: impl Fn(BusinessDate) -> Coverage) {
        for credit in paired.credits.iter().filter_map(|index| self.facts.credits.get(*index)) {
            let covered = |date| match covers(date) {
                Coverage::Day => true,
                Coverage::Part(Some(until)) => credit.at.is_some_and(|at| at <= until),
                Coverage::Part(None) | Coverage::None => false,
            };
            if !credit.live || !covered(credit.date) {
                continue;
            }
            let why = if covered(credit.told_date()) { Why::NotOnStatement } else { Why::ClaimedElsewhere };
            let mut entry = self.entry(Class::MissingThere, why, credit.date);
            entry.postings = vec![credit.posting];
            entry.items = vec![credit.item];
            entry.book = credit.amount;
            entry.at = credit.at;
            entry.reference =
                credit.reference.as_ref().map(|reference| reference.as_str().to_owned()).unwrap_or_default();
            self.push(entry);
        }
    }

    fn debits(&mut self, lines: &[&Line]) {
        for line in lines {
            let refund = self.facts.refunds.get(&line.number).copied();
            let why = if refund.is_some() { Why::Refunded } else { Why::Debit };
            let mut entry = self.of_line(Class::IgnoredDebit, why, line);
            entry.postings = refund.into_iter().collect();
            self.push(entry);
        }
    }

    fn repeats(&mut self) {
        let duplicates = self.facts.reports.iter().filter(|report| report.outcome == Outcome::Duplicate);
        for report in duplicates {
            let mut entry = self.entry(Class::DuplicateReport, Why::Repeated, report.date);
            entry.postings = report.posting.into_iter().collect();
            entry.items = vec![report.item];
            entry.book = report.amount;
            entry.at = report.at;
            entry.reference =
                report.reference.as_ref().map(|reference| reference.as_str().to_owned()).unwrap_or_default();
            self.push(entry);
        }
    }
}

/// Tells whether a held report can be of a line: the reference, or the amount at about the same time.
fn is_report_of(line: &Line, report: &Report) -> bool {
    let reference = line.reference.is_some() && line.reference == report.reference && line.date == report.date;
    let near = match (line.at, report.at) {
        (Some(one), Some(other)) => one.duration_since(other).abs() <= PAIRING_WINDOW,
        _ => line.date == report.date,
    };
    reference || (line.amount == report.amount && near)
}

fn day(
    settled: &SettledAccount,
    facts: &AccountFacts,
    date: BusinessDate,
    coverage: Coverage,
    moved: &BTreeMap<BusinessDate, Dong>,
) -> AccountDay {
    let mut bank = Figure::default();
    let mut doubtful = 0_i64;
    for line in facts.lines.iter().filter(|line| line.date == date) {
        match (line.standing, line.direction) {
            (Standing::Counted, Direction::Credit) => add(&mut bank, line.amount),
            (Standing::Doubtful, _) => doubtful = doubtful.saturating_add(1),
            (Standing::Counted, Direction::Debit) | (Standing::Settled, _) => {}
        }
    }
    let mut book = Figure::default();
    for credit in facts.credits.iter().filter(|credit| credit.live && credit.date == date) {
        add(&mut book, credit.amount);
    }
    AccountDay {
        settled: settled.clone(),
        date,
        coverage,
        difference: bank.amount.checked_sub(book.amount).unwrap_or(Dong::ZERO),
        other_date: moved.get(&date).copied().unwrap_or(Dong::ZERO),
        bank,
        book,
        doubtful,
    }
}

fn add(figure: &mut Figure, amount: Dong) {
    figure.count = figure.count.saturating_add(1);
    figure.amount = figure.amount.checked_add(amount).unwrap_or(figure.amount);
}
