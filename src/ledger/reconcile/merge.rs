//! Which lines of a file are new. A line's identity within its account and date is reference,
//! direction, amount and running balance; without a balance only what exceeds the count of equal
//! lines counts as new. One account and one date at a time: dates do not depend on one another.

use std::collections::BTreeMap;

use crate::domain::money::Dong;
use crate::domain::reconciliation::Standing;
use crate::domain::settlement::{BankRef, Direction};

/// What makes two lines of one account and date equal, but for the balance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineKey {
    /// Money in or out.
    pub direction: Direction,
    /// How much.
    pub amount: Dong,
    /// The bank's reference.
    pub reference: Option<BankRef>,
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    /// What it is.
    pub key: LineKey,
    /// The balance after it.
    pub balance: Option<Dong>,
}

/// A line that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLine {
    /// Its number.
    pub number: i64,
    /// What it is.
    pub key: LineKey,
    /// The balance after it.
    pub balance: Option<Dong>,
    /// Whether it counts.
    pub standing: Standing,
}

/// How much of the date the file covers, and whether one before covered all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The file says that it covers the whole date.
    pub whole: bool,
    /// An earlier file said so.
    pub whole_before: bool,
}

/// What becomes of a line of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is this known line.
    Known(i64),
    /// It is this known line, whose balance it tells.
    Completes(i64),
    /// It is new.
    New,
    /// It may be a known line or another: for a person.
    Doubtful,
    /// The file tells of it a second time, on another sheet or in another message.
    Repeats,
}

/// Two files that both cover a date and do not agree: one of them lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// The file lacks a line that is known, by its number.
    Lacks(i64),
    /// The file has a line, by its place in the list, that the earlier one lacks.
    Adds(usize),
}

/// Merges a file's lines of one account and date with the known ones; a fate for each, in order.
///
/// # Errors
/// The first [`Contradiction`].
pub fn merge(known: &[KnownLine], new: &[NewLine], extent: Extent) -> Result<Vec<Fate>, Contradiction> {
    let mut groups: BTreeMap<&LineKey, Group> = BTreeMap::new();
    for line in known.iter().filter(|line| line.standing == Standing::Counted) {
        let group = groups.entry(&line.key).or_default();
        group.count = group.count.saturating_add(1);
        match line.balance {
            Some(balance) => group.balanced.entry(balance).or_default().push(line.number),
            None => group.plain.push(line.number),
        }
    }
    for group in groups.values_mut() {
        group.balanced.values_mut().for_each(|numbers| numbers.reverse());
        group.plain.reverse();
    }
    let mut fates: Vec<Option<Fate>> = vec![None; new.len()];
    // Balances first: they say exactly which line it is.
    for exact in [true, false] {
        for (line, fate) in new.iter().zip(&mut fates).filter(|(line, _)| line.balance.is_some() == exact) {
            // What no line is known of is new.
            *fate = Some(groups.get_mut(&line.key).map_or(Fate::New, |group| group.take(line, extent)));
        }
    }
    let fates: Vec<Fate> = fates.into_iter().flatten().collect();
    if extent.whole_before
        && let Some(added) = fates.iter().position(|fate| matches!(fate, Fate::New))
    {
        return Err(Contradiction::Adds(added));
    }
    let lacking = groups.values().filter_map(Group::first_left).min();
    match lacking.filter(|_| extent.whole) {
        Some(number) => Err(Contradiction::Lacks(number)),
        None => Ok(fates),
    }
}

/// Merges what the parts of one file, its sheets or messages, tell of one account and date. A workbook may hold a
/// sheet and its copy, a file of messages the morning and the whole day: what a part has been told of by a part
/// before it is the same line, as it would be in two files.
///
/// # Errors
/// The first [`Contradiction`]; its place counts the lines of all parts.
pub fn merge_parts(known: &[KnownLine], parts: &[&[NewLine]], extent: Extent) -> Result<Vec<Fate>, Contradiction> {
    if let [only] = parts {
        return merge(known, only, extent);
    }
    let apart = Extent { whole: false, whole_before: false };
    let (mut told, mut new, mut places) = (Vec::<KnownLine>::new(), Vec::<NewLine>::new(), Vec::<usize>::new());
    let mut fates: Vec<Fate> = Vec::new();
    for part in parts {
        // Lines of one part are never each other's repeats.
        let found = merge(&told, part, apart)?;
        for (line, fate) in part.iter().zip(found) {
            if fate == Fate::New {
                let (number, key) = (i64::try_from(fates.len()).unwrap_or(i64::MAX), line.key.clone());
                told.push(KnownLine { number, key, balance: line.balance, standing: Standing::Counted });
                new.push(line.clone());
                places.push(fates.len());
            }
            fates.push(if fate == Fate::Doubtful { fate } else { Fate::Repeats });
        }
    }
    let merged = merge(known, &new, extent).map_err(|contradiction| match contradiction {
        Contradiction::Adds(place) => Contradiction::Adds(places.get(place).copied().unwrap_or(place)),
        Contradiction::Lacks(_) => contradiction,
    })?;
    for (place, fate) in places.into_iter().zip(merged) {
        if let Some(one) = fates.get_mut(place) {
            *one = fate;
        }
    }
    Ok(fates)
}

/// The known lines of one key that the file has not named yet.
#[derive(Default)]
struct Group {
    balanced: BTreeMap<Dong, Vec<i64>>,
    plain: Vec<i64>,
    /// How many there were.
    count: usize,
}

impl Group {
    fn take(&mut self, line: &NewLine, extent: Extent) -> Fate {
        if let Some(balance) = line.balance {
            return match (self.balanced.get_mut(&balance).and_then(Vec::pop), self.plain.pop()) {
                (Some(number), plain) => {
                    self.plain.extend(plain);
                    Fate::Known(number)
                }
                (None, Some(number)) => Fate::Completes(number),
                (None, None) => Fate::New,
            };
        }
        let partly = !extent.whole && !extent.whole_before;
        if partly && self.count > 0 && line.key.reference.is_none() {
            return Fate::Doubtful;
        }
        let any = self.plain.pop().or_else(|| self.balanced.values_mut().find_map(Vec::pop));
        any.map_or(Fate::New, Fate::Known)
    }

    fn first_left(&self) -> Option<i64> {
        self.plain.iter().chain(self.balanced.values().flatten()).min().copied()
    }
}
