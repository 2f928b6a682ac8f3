//! Sums: a provider that pays out in one row what it reported one by one, and a report of one sum
//! that the bank shows in its parts. First what shares a reference, then what stands in a row: an
//! unbroken run of a date's open credits, in order of time, that comes to exactly one open line.
//! Any choice of parts would come to any sum by chance; a run that is the only one does not.

use std::collections::{BTreeMap, HashMap};

use super::pairing::Table;
use crate::domain::calendar::BusinessDate;
use crate::domain::money::Dong;
use crate::domain::reconciliation::Why;
use crate::domain::settlement::BankRef;

/// Parts of a date that are looked through for runs: beyond it, chance makes any sum.
const PARTS_MAX: usize = 400;
/// Fewest parts of a run without a common reference: two amounts that come to a third are chance.
const RUN_MIN: usize = 3;

/// A whole or a part: its place in its list, its amount.
type Part = (usize, Dong);

/// Pairs sums that share a reference; before a reference is taken for one amount that differs.
pub(super) fn pair_by_reference(table: &mut Table<'_>) {
    for lines_are_parts in [false, true] {
        by_reference(table, lines_are_parts);
    }
}

/// Pairs sums that stand in a row.
pub(super) fn pair(table: &mut Table<'_>) {
    for lines_are_parts in [false, true] {
        by_run(table, lines_are_parts);
    }
}

fn join(table: &mut Table<'_>, parts: Vec<usize>, whole: usize, lines_are_parts: bool) {
    if lines_are_parts {
        table.join(parts, vec![whole], Why::Sum);
    } else {
        table.join(vec![whole], parts, Why::Sum);
    }
}

fn by_reference(table: &mut Table<'_>, lines_are_parts: bool) {
    type Key = (BusinessDate, BankRef);
    let mut lines: BTreeMap<Key, Vec<Part>> = BTreeMap::new();
    for (index, line) in table.open_lines() {
        if let Some(reference) = &line.reference {
            lines.entry((line.date, reference.clone())).or_default().push((index, line.amount));
        }
    }
    let mut credits: BTreeMap<Key, Vec<Part>> = BTreeMap::new();
    for (index, credit) in table.open_credits() {
        if let Some(reference) = &credit.reference {
            credits.entry((credit.told_date(), reference.clone())).or_default().push((index, credit.amount));
        }
    }
    let (parts, wholes) = if lines_are_parts { (lines, credits) } else { (credits, lines) };
    for (key, parts) in parts {
        let sum: Option<Dong> = parts.iter().map(|(_, amount)| *amount).sum();
        let [(whole, amount)] = wholes.get(&key).map(Vec::as_slice).unwrap_or_default() else { continue };
        if parts.len() > 1 && sum == Some(*amount) {
            join(table, parts.into_iter().map(|(index, _)| index).collect(), *whole, lines_are_parts);
        }
    }
}

fn by_run(table: &mut Table<'_>, lines_are_parts: bool) {
    let mut lines: BTreeMap<BusinessDate, Vec<(Option<jiff::Timestamp>, i64, Part)>> = BTreeMap::new();
    for (index, line) in table.open_lines() {
        lines.entry(line.date).or_default().push((line.at, line.number, (index, line.amount)));
    }
    let mut credits: BTreeMap<BusinessDate, Vec<(Option<jiff::Timestamp>, i64, Part)>> = BTreeMap::new();
    for (index, credit) in table.open_credits() {
        credits.entry(credit.told_date()).or_default().push((credit.told_at(), credit.item, (index, credit.amount)));
    }
    let (parts, wholes) = if lines_are_parts { (lines, credits) } else { (credits, lines) };
    for (date, mut parts) in parts {
        let Some(wholes) = wholes.get(&date).filter(|_| parts.len() <= PARTS_MAX) else { continue };
        parts.sort_unstable();
        let mut parts: Vec<Part> = parts.into_iter().map(|(_, _, part)| part).collect();
        for (_, _, (whole, amount)) in wholes {
            if let Some((from, to)) = only_run(&parts, *amount) {
                let run: Vec<usize> = parts.drain(from..to).map(|(index, _)| index).collect();
                join(table, run, *whole, lines_are_parts);
            }
        }
    }
}

/// Finds the one unbroken run that comes to `wanted`; none when there are several.
fn only_run(parts: &[Part], wanted: Dong) -> Option<(usize, usize)> {
    let mut sums: HashMap<Dong, usize> = HashMap::from([(Dong::ZERO, 0)]);
    let (mut sum, mut found) = (Dong::ZERO, None);
    for (end, (_, amount)) in (1_usize..).zip(parts) {
        sum = sum.checked_add(*amount)?;
        // Amounts are above zero, so each sum stands once.
        let start = sum.checked_sub(wanted).and_then(|before| sums.get(&before).copied());
        if let Some(start) = start.filter(|start| end.saturating_sub(*start) >= RUN_MIN) {
            if found.is_some() {
                return None;
            }
            found = Some((start, end));
        }
        sums.insert(sum, end);
    }
    found
}
