//! Pairing by amount and time: for each amount both lists in order of time, and the earliest line
//! with the earliest credit it can be. That pairs as many as can be paired, where "the nearest
//! first" may leave some alone.

use std::collections::{BTreeMap, BTreeSet};

use super::pairing::{Credit, Line, Table};
use crate::domain::ids::StallNumber;
use crate::domain::money::Dong;
use crate::domain::reconciliation::Why;
use crate::ledger::identity::PAIRING_WINDOW;

/// Lines and credits of one amount, of one code where it matters.
type Groups = BTreeMap<(Dong, Option<StallNumber>), (Vec<usize>, Vec<usize>)>;

pub(super) fn pair(table: &mut Table<'_>) {
    for (same_code, why_time, why_date) in
        [(true, Why::AmountTimeCode, Why::AmountDateCode), (false, Why::AmountTime, Why::AmountDate)]
    {
        by_time(table, same_code, why_time);
        by_date(table, same_code, why_date);
    }
}

fn groups(
    table: &Table<'_>,
    same_code: bool,
    line_fits: impl Fn(&Line) -> bool,
    credit_fits: impl Fn(&Credit) -> bool,
) -> Groups {
    let mut groups = Groups::new();
    let coded = |code: Option<StallNumber>| !same_code || code.is_some();
    let key = |amount, code: Option<StallNumber>| (amount, code.filter(|_| same_code));
    for (index, line) in table.open_lines().filter(|(_, line)| line_fits(line) && coded(line.code)) {
        groups.entry(key(line.amount, line.code)).or_default().0.push(index);
    }
    for (index, credit) in table.open_credits().filter(|(_, credit)| credit_fits(credit) && coded(credit.code)) {
        if let Some((_, credits)) = groups.get_mut(&key(credit.amount, credit.code)) {
            credits.push(index);
        }
    }
    groups
}

/// Both sides know the second: at most ten minutes apart.
fn by_time(table: &mut Table<'_>, same_code: bool, why: Why) {
    let groups = groups(table, same_code, |line| line.at.is_some(), |credit| credit.at.is_some());
    for (_, (mut lines, mut credits)) in groups {
        let (all_lines, all_credits) = (table.lines, table.credits);
        lines.sort_by_key(|index| all_lines.get(*index).map(|line| (line.at, line.number)));
        credits.sort_by_key(|index| all_credits.get(*index).map(|credit| (credit.at, credit.item)));
        let mut taken: BTreeSet<usize> = BTreeSet::new();
        let mut first = 0;
        for index in lines {
            let Some((line, at)) = all_lines.get(index).and_then(|line| Some((line, line.at?))) else { continue };
            let early = |credit: &usize| {
                all_credits
                    .get(*credit)
                    .and_then(|credit| credit.at)
                    .is_some_and(|time| time < at && at.duration_since(time) > PAIRING_WINDOW)
            };
            while credits.get(first).is_some_and(early) {
                first = first.saturating_add(1);
            }
            let near = credits.iter().skip(first).take_while(|credit| {
                let time = all_credits.get(**credit).and_then(|credit| credit.at);
                time.is_some_and(|time| time <= at || time.duration_since(at) <= PAIRING_WINDOW)
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
fn by_date(table: &mut Table<'_>, same_code: bool, why: Why) {
    let groups = groups(table, same_code, |_| true, |_| true);
    for (_, (lines, credits)) in groups {
        let (all_lines, all_credits) = (table.lines, table.credits);
        let mut waiting: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for index in credits.into_iter().rev() {
            if let Some(credit) = all_credits.get(index) {
                waiting.entry(credit.date).or_default().push(index);
            }
        }
        for index in lines {
            let Some(line) = all_lines.get(index) else { continue };
            let Some(queue) = waiting.get_mut(&line.date) else { continue };
            let fits = queue.iter().rposition(|credit| {
                let credit = all_credits.get(*credit);
                credit.is_some_and(|credit| (line.at.is_none() || credit.at.is_none()) && table.may_be(line, credit))
            });
            if let Some(place) = fits {
                let credit = queue.remove(place);
                table.join(vec![index], vec![credit], why);
            }
        }
    }
}
