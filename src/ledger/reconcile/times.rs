//! Pairing by amount and time: what happened in one second, in the minute that the line names, about the
//! minute; then for each amount both lists in order of time, and the earliest line with the earliest credit
//! it can be. That pairs as many as can be paired, where "the nearest first" may leave some alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::pairing::{Credit, Line, Table};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::StallNumber;
use crate::domain::money::Dong;
use crate::domain::reconciliation::Why;
use crate::ledger::identity::PAIRING_WINDOW;

/// What the memo codes of a line and a credit must be to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codes {
    /// Both name this stall.
    Same,
    /// Neither names one.
    Neither,
    /// They do not contradict: one of them, or both, may be silent.
    Compatible,
}

/// In this order: money that names a stall must not take the report of money that names none while
/// that one's own line is there, or it is booked for nobody in particular.
const CODES: [Codes; 3] = [Codes::Same, Codes::Neither, Codes::Compatible];

impl Codes {
    fn fit(self, code: Option<StallNumber>) -> bool {
        match self {
            Self::Same => code.is_some(),
            Self::Neither => code.is_none(),
            Self::Compatible => true,
        }
    }

    fn why(self, same: Why, otherwise: Why) -> Why {
        if self == Self::Same { same } else { otherwise }
    }
}

/// Lines and credits of one amount, of one code where it matters.
type Groups = BTreeMap<(Dong, Option<StallNumber>), (Vec<usize>, Vec<usize>)>;

/// How long before and after a line's time a credit's may lie.
type Reach = (SignedDuration, SignedDuration);

/// In this order: where some reports are missing, "the earliest first" alone would hand each line's report to
/// the line before it. First the same second, then the minute of a line that names no second: by these, texts
/// that were cut short are known too. Where clocks differ, what names the stall says more than how near it is.
const STAGES: [&[Reach]; 3] = [&[EXACT], &[MINUTE], &[ABOUT, FAR]];
const EXACT: Reach = (SignedDuration::ZERO, SignedDuration::ZERO);
const MINUTE: Reach = (SignedDuration::ZERO, SignedDuration::from_secs(59));
const ABOUT: Reach = (SignedDuration::from_secs(59), SignedDuration::from_secs(59));
const FAR: Reach = (PAIRING_WINDOW, PAIRING_WINDOW);

type TimeOf = fn(&Credit) -> Option<Timestamp>;
type DateOf = fn(&Credit) -> Option<BusinessDate>;

pub(super) fn pair(table: &mut Table<'_>) {
    let told: [(TimeOf, [Why; 2]); 2] = [
        (|credit| credit.at, [Why::AmountTimeCode, Why::AmountTime]),
        (Credit::claimed, [Why::AmountClaimed, Why::AmountClaimed]),
    ];
    for (stage, codes) in STAGES.into_iter().flat_map(|stage| CODES.map(|codes| (stage, codes))) {
        for reach in stage {
            for (time, [same, otherwise]) in told {
                by_time(table, codes, *reach, time, codes.why(same, otherwise));
            }
        }
    }
    let dates: [(DateOf, [Why; 2]); 3] = [
        (|credit| Some(credit.date).filter(|_| credit.claimed().is_none()), [Why::AmountDateCode, Why::AmountDate]),
        (Credit::claimed_date, [Why::AmountClaimed, Why::AmountClaimed]),
        (|credit| Some(credit.date), [Why::AmountDateCode, Why::AmountDate]),
    ];
    for codes in CODES {
        // When we heard of it says nothing of the bank's time, but most reports are prompt.
        for reach in STAGES.into_iter().flatten() {
            by_time(table, codes, *reach, Credit::recorded, codes.why(Why::AmountDateCode, Why::AmountDate));
        }
        for (date, [same, otherwise]) in dates {
            by_date(table, codes, date, codes.why(same, otherwise));
        }
    }
}

fn groups(
    table: &Table<'_>,
    codes: Codes,
    line_fits: impl Fn(&Line) -> bool,
    credit_fits: impl Fn(&Credit) -> bool,
) -> Groups {
    let mut groups = Groups::new();
    let key = |amount, code: Option<StallNumber>| (amount, code.filter(|_| codes == Codes::Same));
    if !table.open_credits().any(|(_, credit)| credit_fits(credit) && codes.fit(credit.code)) {
        return groups;
    }
    for (index, line) in table.open_lines().filter(|(_, line)| line_fits(line) && codes.fit(line.code)) {
        groups.entry(key(line.amount, line.code)).or_default().0.push(index);
    }
    for (index, credit) in table.open_credits().filter(|(_, credit)| credit_fits(credit) && codes.fit(credit.code)) {
        if let Some((_, credits)) = groups.get_mut(&key(credit.amount, credit.code)) {
            credits.push(index);
        }
    }
    groups
}

/// Both sides know the second: at most so far apart.
fn by_time(table: &mut Table<'_>, codes: Codes, (before, after): Reach, time_of: TimeOf, why: Why) {
    let groups = groups(table, codes, |line| line.at.is_some(), |credit| time_of(credit).is_some());
    for (_, (mut lines, mut credits)) in groups {
        let (all_lines, all_credits) = (table.lines, table.credits);
        lines.sort_by_key(|index| all_lines.get(*index).map(|line| (line.at, line.number)));
        credits.sort_by_key(|index| all_credits.get(*index).map(|credit| (time_of(credit), credit.item)));
        let mut taken: BTreeSet<usize> = BTreeSet::new();
        let mut first = 0;
        for index in lines {
            let Some((line, at)) = all_lines.get(index).and_then(|line| Some((line, line.at?))) else { continue };
            let early = |credit: &usize| {
                all_credits
                    .get(*credit)
                    .and_then(time_of)
                    .is_some_and(|time| time < at && at.duration_since(time) > before)
            };
            while credits.get(first).is_some_and(early) {
                first = first.saturating_add(1);
            }
            let near = credits.iter().skip(first).take_while(|credit| {
                let time = all_credits.get(**credit).and_then(time_of);
                time.is_some_and(|time| time <= at || time.duration_since(at) <= after)
            });
            let found = near.copied().find(|credit| {
                !taken.contains(credit) && all_credits.get(*credit).is_some_and(|credit| table.may_be(line, credit))
            });
            if let Some(credit) = found {
                taken.insert(credit);
                table.join(vec![index], vec![credit], why);
            }
            while credits.get(first).is_some_and(|credit| taken.contains(credit)) {
                first = first.saturating_add(1);
            }
        }
    }
}

/// A side knows only the date: the same date.
fn by_date(table: &mut Table<'_>, codes: Codes, date_of: DateOf, why: Why) {
    let groups = groups(table, codes, |_| true, |credit| date_of(credit).is_some());
    for (_, (lines, credits)) in groups {
        let (all_lines, all_credits) = (table.lines, table.credits);
        let mut waiting: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for index in credits.into_iter().rev() {
            if let Some(date) = all_credits.get(index).and_then(date_of) {
                waiting.entry(date).or_default().push(index);
            }
        }
        for index in lines {
            let Some(line) = all_lines.get(index) else { continue };
            let Some(queue) = waiting.get_mut(&line.date) else { continue };
            let fits = queue.iter().rposition(|credit| {
                let credit = all_credits.get(*credit);
                credit
                    .is_some_and(|credit| (line.at.is_none() || !hour_known(credit, why)) && table.may_be(line, credit))
            });
            if let Some(place) = fits {
                let credit = queue.remove(place);
                table.join(vec![index], vec![credit], why);
            }
        }
    }
}

/// Tells whether a credit's hour is known where it is paired by the date that its sender told, or by the one
/// that stands in the book. A date without an hour was kept as its beginning.
fn hour_known(credit: &Credit, why: Why) -> bool {
    let claimed = credit.claimed().filter(|_| why == Why::AmountClaimed);
    credit.at.is_some() || claimed.is_some_and(|at| at != BusinessDate::of_calendar(at).starts_at())
}
