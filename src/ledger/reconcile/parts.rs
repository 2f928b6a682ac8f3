//! Pairing by a part of a reference: banks, providers and apps write one reference in several ways, and
//! in the text too. A part is evidence where it stands with one line and one credit of the amount, about
//! the date. What stands with several is a date, a branch or an account: by it, the equal prices of a
//! morning would be paired as they come, whatever stalls they name.

use std::collections::{BTreeSet, HashMap};

use super::pairing::{Credit, Line, Table};
use crate::domain::calendar::BusinessDate;
use crate::domain::money::Dong;
use crate::domain::reconciliation::Why;

/// Shortest part of a reference that is evidence, in characters.
const PART_MIN: usize = 6;
/// Lines or credits of one amount that a part may stand with in all: a number that a bank counts anew
/// every day stands with one a date. Beyond it, it is no one's.
const HOLDERS_MAX: usize = 64;

/// Who has one part, all of one amount.
#[derive(Default)]
struct Holders {
    lines: Vec<usize>,
    credits: Vec<usize>,
}

pub(super) fn pair(table: &mut Table<'_>) {
    let mut places: HashMap<(Dong, &str), usize> = HashMap::new();
    let mut holders: Vec<Holders> = Vec::new();
    for (index, credit) in table.open_credits() {
        let own: BTreeSet<&str> = credit.reference.iter().flat_map(|reference| parts(reference.as_str())).collect();
        for part in own {
            let place = *places.entry((credit.amount, part)).or_insert(holders.len());
            if place == holders.len() {
                holders.push(Holders::default());
            }
            holders.get_mut(place).into_iter().for_each(|held| held.credits.push(index));
        }
    }
    if holders.is_empty() {
        return;
    }
    for (index, line) in table.open_lines() {
        let own = line.reference.iter().flat_map(|reference| parts(reference.as_str()));
        let dates = written(line.date);
        let named: BTreeSet<&str> =
            own.chain(parts(&line.memo)).filter(|part| !dates.iter().any(|date| date == part)).collect();
        for place in named.into_iter().filter_map(|part| places.get(&(line.amount, part))) {
            holders.get_mut(*place).into_iter().for_each(|held| held.lines.push(index));
        }
    }
    drop(places);
    let mut found: Vec<(usize, usize)> = Vec::new();
    for held in holders.iter().filter(|held| held.lines.len().max(held.credits.len()) <= HOLDERS_MAX) {
        for line in &held.lines {
            let Some(credit) = only(&held.credits, |credit| near(table, *line, credit)) else { continue };
            if only(&held.lines, |line| near(table, line, credit)) == Some(*line) {
                found.push((*line, credit));
            }
        }
    }
    found.sort_unstable();
    let mut taken: (BTreeSet<usize>, BTreeSet<usize>) = (BTreeSet::new(), BTreeSet::new());
    for (line, credit) in found {
        if !taken.0.contains(&line) && !taken.1.contains(&credit) {
            taken.0.insert(line);
            taken.1.insert(credit);
            table.join(vec![line], vec![credit], Why::ReferencePart);
        }
    }
}

/// Returns the one that fits; none when several do.
fn only(places: &[usize], fits: impl Fn(usize) -> bool) -> Option<usize> {
    let mut fitting = places.iter().copied().filter(|place| fits(*place));
    fitting.next().filter(|_| fitting.next().is_none())
}

/// Returns what of a line's texts may be a part of a reference; all else of a long memo is forgotten.
#[must_use]
pub fn evidence(memo: &str) -> Box<str> {
    parts(&memo.to_uppercase()).collect::<Vec<_>>().join(" ").into_boxed_str()
}

/// Tells whether a credit lies about the date of a line: by its own date, or by the one its sender told.
fn near(table: &Table<'_>, line: usize, credit: usize) -> bool {
    let about = |line: &&Line, credit: &Credit| {
        let dates = line.date.previous()..=line.date.next();
        [credit.date, credit.told_date()].iter().any(|date| dates.contains(date))
    };
    table.lines.get(line).zip(table.credits.get(credit)).is_some_and(|(line, credit)| about(line, credit))
}

/// The parts of a text that can be a bank's reference: letters and digits in a row, with at least
/// four digits.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let digits = |part: &str| part.bytes().filter(u8::is_ascii_digit).count();
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(move |part| part.len() >= PART_MIN && digits(part) >= 4)
}

/// The ways to write a date in a row of digits: many banks' references carry it.
fn written(date: BusinessDate) -> [String; 4] {
    let long = date.to_string().replace('-', "");
    let vietnamese = date.vietnamese().replace('/', "");
    let short = long.get(2..).unwrap_or_default().to_owned();
    let (day, year) = vietnamese.split_at_checked(4).unwrap_or_default();
    [short, format!("{day}{}", year.get(2..).unwrap_or_default()), long, vietnamese]
}
