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
pub struct Findings<'a> {
    /// One for each date asked for.
    pub days: Vec<AccountDay>,
    /// Credits that are no other line's, though a line of the dates beside might be them: a missing
    /// line of the same amount is left to the writer's own pairing with these.
    pub undecided: BTreeSet<i64>,
    bench: Bench<'a>,
    paired: Paired,
    found: Vec<Found>,
}

impl Findings<'_> {
    /// Returns the findings of the dates asked for, in order, each made when it is asked for: there may be as
    /// many as lines. Those of a line come without its texts.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.found.iter().filter_map(|found| self.bench.told(found.of, &self.paired))
    }
}

/// Compares one account's lines with its credits, for the dates asked for.
#[must_use]
pub fn compare<'a>(settled: &'a SettledAccount, facts: &'a AccountFacts, dates: &[BusinessDate]) -> Findings<'a> {
    let asked: BTreeSet<BusinessDate> = dates.iter().copied().collect();
    let covers = |date: BusinessDate| facts.coverage.get(&date).copied().unwrap_or(Coverage::None);
    let counted = facts.lines.iter().filter(|line| line.standing == Standing::Counted);
    let (lines, debits): (Vec<&Line>, Vec<&Line>) = counted.partition(|line| line.direction == Direction::Credit);
    let paired = pairing::pair(&lines, &facts.credits, covers);
    let bench = Bench { settled, facts, lines, debits };
    let held = bench.held(&paired);
    let here = paired.lines.iter().zip(held).map(|(line, held)| Of::Here(*line, held));
    let there = paired.credits.iter().map(|credit| Of::There(*credit));
    let debits = (0..bench.debits.len()).map(Of::Debit);
    let repeats = (0..facts.reports.len()).map(Of::Repeat);
    let all = (0..paired.pairs.len()).map(Of::Pair).chain(here).chain(there).chain(debits).chain(repeats);
    let mut found: Vec<Found> =
        all.filter_map(|of| Found::of(of, &bench.told(of, &paired)?)).filter(|one| asked.contains(&one.date)).collect();
    found.sort_unstable_by_key(|one| (one.date, one.class, one.line, one.posting, one.item));
    found.shrink_to_fit();
    let moved = bench.moved(&paired);
    let days = asked.iter().map(|date| day(settled, facts, *date, covers(*date), &moved)).collect();
    Findings { days, undecided: undecided(facts, &paired), bench, paired, found }
}

/// What a finding is of, by places in the lists.
#[derive(Debug, Clone, Copy)]
enum Of {
    Pair(usize),
    /// A line that is missing here, and the report of it that waits for a person.
    Here(usize, Option<i64>),
    There(usize),
    Debit(usize),
    Repeat(usize),
}

/// A finding's place in their order: a line, a posting or an item stands in one alone.
struct Found {
    date: BusinessDate,
    class: Class,
    line: Option<i64>,
    posting: Option<Seq>,
    item: Option<i64>,
    of: Of,
}

impl Found {
    fn of(of: Of, entry: &Entry) -> Option<Self> {
        let (line, posting) = (entry.lines.first().copied(), entry.postings.first().copied());
        let item = entry.items.first().copied();
        Some(Self { date: entry.date, class: entry.class, line, posting, item, of })
    }
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
    /// Money in.
    lines: Vec<&'a Line>,
    /// Money out.
    debits: Vec<&'a Line>,
}

impl Bench<'_> {
    /// Makes a finding; none where there is nothing to tell.
    fn told(&self, of: Of, paired: &Paired) -> Option<Entry> {
        match of {
            Of::Pair(place) => self.pair(paired.pairs.get(place)?),
            Of::Here(place, held) => {
                let why = if held.is_some() { Why::Held } else { Why::NotReported };
                let entry = self.of_line(Class::MissingHere, why, self.lines.get(place)?);
                Some(Entry { items: held.into_iter().collect(), ..entry })
            }
            Of::There(place) => self.missing_there(self.facts.credits.get(place)?),
            Of::Debit(place) => {
                let line = self.debits.get(place)?;
                let refund = self.facts.refunds.get(&line.number).copied();
                let why = if refund.is_some() { Why::Refunded } else { Why::Debit };
                let entry = self.of_line(Class::IgnoredDebit, why, line);
                Some(Entry { postings: refund.into_iter().collect(), ..entry })
            }
            Of::Repeat(place) => self.repeated(self.facts.reports.get(place)?),
        }
    }

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

    fn members(&self, pair: &Pair) -> (Vec<&Line>, Vec<&Credit>) {
        let lines = pair.lines.iter().filter_map(|index| self.lines.get(*index).copied()).collect();
        (lines, pair.credits.iter().filter_map(|index| self.facts.credits.get(*index)).collect())
    }

    fn pair(&self, pair: &Pair) -> Option<Entry> {
        let (lines, credits) = self.members(pair);
        let (bank, book) = (sum(lines.iter().map(|line| line.amount)), live(&credits));
        let (class, why) = match (credits.iter().all(|credit| !credit.live), bank == book) {
            (true, _) => (Class::MissingHere, Why::Reversed),
            (false, true) => (Class::Matched, pair.why),
            (false, false) => (Class::AmountDiffers, pair.why),
        };
        Some(Entry {
            lines: lines.iter().map(|line| line.number).collect(),
            postings: credits.iter().map(|credit| credit.posting).collect(),
            items: credits.iter().map(|credit| credit.item).collect(),
            bank,
            book,
            ..self.of_line(class, why, lines.first()?)
        })
    }

    /// Returns what a date has at the bank and not in the book or the other way round, because the same money
    /// stands on another date there.
    fn moved(&self, paired: &Paired) -> BTreeMap<BusinessDate, Dong> {
        let mut moved: BTreeMap<BusinessDate, Dong> = BTreeMap::new();
        for pair in &paired.pairs {
            let (lines, credits) = self.members(pair);
            let (Some(first), Some(credit)) = (lines.first(), credits.first()) else { continue };
            if first.date == credit.date || credits.iter().all(|credit| !credit.live) {
                continue;
            }
            let (bank, book) = (sum(lines.iter().map(|line| line.amount)), live(&credits));
            for (date, amount) in [(first.date, Some(bank)), (credit.date, book.checked_neg())] {
                let moved = moved.entry(date).or_default();
                *moved = amount.and_then(|amount| moved.checked_add(amount)).unwrap_or(*moved);
            }
        }
        moved
    }

    /// Finds the reports that wait for a person of the lines that are missing here, in the order of these.
    fn held(&self, paired: &Paired) -> Vec<Option<i64>> {
        let mut held: Vec<&Report> =
            self.facts.reports.iter().filter(|report| report.outcome == Outcome::Quarantined).collect();
        let mut of = |line: &Line| {
            let found = held.iter().position(|report| is_report_of(line, report))?;
            Some(held.remove(found).item)
        };
        paired.lines.iter().map(|index| self.lines.get(*index).and_then(|line| of(line))).collect()
    }

    fn missing_there(&self, credit: &Credit) -> Option<Entry> {
        let covered = |date| match self.facts.coverage.get(&date).copied().unwrap_or(Coverage::None) {
            Coverage::Day => true,
            Coverage::Part(Some(until)) => credit.at.is_some_and(|at| at <= until),
            Coverage::Part(None) | Coverage::None => false,
        };
        if !credit.live || !covered(credit.date) {
            return None;
        }
        let why = if covered(credit.told_date()) { Why::NotOnStatement } else { Why::ClaimedElsewhere };
        Some(Entry {
            postings: vec![credit.posting],
            items: vec![credit.item],
            book: credit.amount,
            at: credit.at,
            reference: text(credit.reference.as_ref()),
            ..self.entry(Class::MissingThere, why, credit.date)
        })
    }

    fn repeated(&self, report: &Report) -> Option<Entry> {
        (report.outcome == Outcome::Duplicate).then(|| Entry {
            postings: report.posting.into_iter().collect(),
            items: vec![report.item],
            book: report.amount,
            at: report.at,
            reference: text(report.reference.as_ref()),
            ..self.entry(Class::DuplicateReport, Why::Repeated, report.date)
        })
    }
}

fn text(reference: Option<&BankRef>) -> String {
    reference.map(|reference| reference.as_str().to_owned()).unwrap_or_default()
}

fn sum(amounts: impl Iterator<Item = Dong>) -> Dong {
    amounts.sum::<Option<Dong>>().unwrap_or(Dong::ZERO)
}

fn live(credits: &[&Credit]) -> Dong {
    sum(credits.iter().filter(|credit| credit.live).map(|credit| credit.amount))
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
