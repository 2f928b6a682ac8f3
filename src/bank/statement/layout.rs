//! Layouts of banks' tables, as data: the words of each column's header, which sign a debit has,
//! what a blank date means. A ninth bank is a file in `layouts/` and a line in [`FILES`]; a bank
//! that is not here is described by a file of the same form with `--map`.
//!
//! Words are compared without marks, case and punctuation, whole words only. `=word` must be one
//! part of a header by itself (parts end at `/`, a line feed or a bracket); `^word` must begin the
//! text. Where two headers could be one column, the word that stands earlier in the list wins. A
//! bank's own words come before those that `any-bank.toml` lends to all.

use serde::Deserialize;

use super::limits::MAP_BYTES_MAX;
use super::refusal::{Limit, Refusal, Rule, Wanted};
use crate::domain::text::search_term;

/// The layouts that are known; `any-bank` comes last and lends its words to all others.
const FILES: [&str; 9] = [
    include_str!("layouts/vietcombank.toml"),
    include_str!("layouts/bidv.toml"),
    include_str!("layouts/vietinbank.toml"),
    include_str!("layouts/techcombank.toml"),
    include_str!("layouts/mb.toml"),
    include_str!("layouts/agribank.toml"),
    include_str!("layouts/acb.toml"),
    include_str!("layouts/sacombank.toml"),
    include_str!("layouts/any-bank.toml"),
];

/// Where the labels begin in [`Layout::lists`].
const LABEL_LISTS: usize = 14;

/// How a bank lays out its table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layout {
    /// The bank's name.
    pub(super) name: String,
    /// Words above the table that name the bank.
    #[serde(default)]
    pub(super) bank: Vec<String>,
    /// Which sign money out has in its columns.
    #[serde(default)]
    pub(super) debit_sign: DebitSign,
    /// What a blank date means.
    #[serde(default)]
    pub(super) blank_date: BlankDate,
    /// In which order a date's parts stand.
    #[serde(default)]
    pub(super) date_order: DateOrder,
    /// What groups thousands, where nothing in the file shows it.
    #[serde(default)]
    pub(super) thousands: Option<Thousands>,
    /// The account, for files that do not name it.
    #[serde(default)]
    pub(super) account: Option<String>,
    /// The columns' header words.
    #[serde(default)]
    pub(super) columns: Columns,
    /// Those of them that are this bank's own and not lent.
    #[serde(skip)]
    pub(super) own: Columns,
    /// The words of the block above the table and of rows that are no movement.
    #[serde(default)]
    pub(super) labels: Labels,
}

/// Which sign money out has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DebitSign {
    /// Whatever the amounts and balances show.
    #[default]
    Either,
    /// Above zero.
    Positive,
    /// Below zero.
    Negative,
}

/// What a blank date means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BlankDate {
    /// A fault.
    #[default]
    Refused,
    /// The same as in the row above.
    Repeats,
}

/// In which order a date's parts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DateOrder {
    /// `31/12/2026`, or the year first.
    #[default]
    #[serde(rename = "day-first")]
    DayFirst,
    /// `12/31/2026`, or the year first.
    #[serde(rename = "month-first")]
    MonthFirst,
    /// `31/12/26`, of this century; also as `day-first`.
    #[serde(rename = "day-first-short-year")]
    ShortYear,
}

/// What groups thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Thousands {
    /// `1.250.000`.
    Dot,
    /// `1,250,000`.
    Comma,
}

impl Thousands {
    /// Returns the separator.
    pub(super) fn separator(self) -> char {
        match self {
            Self::Dot => '.',
            Self::Comma => ',',
        }
    }
}

/// The header words of each column.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Columns {
    /// The booking date; what else is a date stands behind it in the list.
    pub(super) date: Vec<String>,
    /// The time of day, apart from the date.
    pub(super) time: Vec<String>,
    /// The bank's reference.
    pub(super) reference: Vec<String>,
    /// Money out.
    pub(super) debit: Vec<String>,
    /// Money in.
    pub(super) credit: Vec<String>,
    /// The amount, where one column has both directions.
    pub(super) amount: Vec<String>,
    /// The direction in words, beside such a column.
    pub(super) direction: Vec<String>,
    /// Fees, added to money out.
    pub(super) fee: Vec<String>,
    /// Tax, added to money out.
    pub(super) tax: Vec<String>,
    /// The balance after the line.
    pub(super) balance: Vec<String>,
    /// The transfer's text.
    pub(super) memo: Vec<String>,
    /// The other side's name, account and bank.
    pub(super) counterparty: Vec<String>,
    /// The row's number.
    pub(super) serial: Vec<String>,
}

/// Words around the table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Labels {
    /// Before the account number.
    pub(super) account: Vec<String>,
    /// What makes such a label another one: an old number, a holder's name.
    pub(super) not_account: Vec<String>,
    /// Before the opening balance.
    pub(super) opening: Vec<String>,
    /// Before the closing balance.
    pub(super) closing: Vec<String>,
    /// Before sums.
    pub(super) total: Vec<String>,
    /// Before the currency.
    pub(super) currency: Vec<String>,
    /// Before the dates that the file covers.
    pub(super) period: Vec<String>,
}

/// Returns the known layouts; those of banks first, `any-bank` last.
///
/// # Errors
/// When a file of `layouts/` is no layout, which a test rules out.
pub(super) fn known() -> Result<Vec<Layout>, Refusal> {
    let mut layouts = FILES.iter().map(|file| parse(file)).collect::<Result<Vec<_>, _>>()?;
    let Some(mut general) = layouts.pop() else { return Ok(layouts) };
    for layout in &mut layouts {
        layout.own = layout.columns.clone();
        layout.borrow_from(&general, Borrow::Added);
    }
    // Above a table nobody knows yet whose it is: there the words of all banks count.
    for layout in &mut layouts {
        for (all, own) in general.lists().into_iter().zip(layout.lists()).skip(LABEL_LISTS) {
            let missing: Vec<String> = own.iter().filter(|word| !all.contains(word)).cloned().collect();
            all.extend(missing);
        }
    }
    layouts.push(general);
    Ok(layouts)
}

/// Returns a layout that a person described; columns it does not name keep the words of any bank.
///
/// # Errors
/// When the text is no layout, naming the line and the key.
pub(super) fn described(text: &str) -> Result<Layout, Refusal> {
    if text.len() > MAP_BYTES_MAX {
        let most = u64::try_from(MAP_BYTES_MAX).unwrap_or(u64::MAX);
        return Err(Refusal::whole(Rule::Limit(Limit::MapBytes, most)));
    }
    let mut layout = parse(text)?;
    if let Some(general) = known()?.last() {
        layout.borrow_from(general, Borrow::Missing);
    }
    Ok(layout)
}

fn parse(text: &str) -> Result<Layout, Refusal> {
    let mut layout: Layout = toml::from_str(text).map_err(|error| {
        let line = error.span().and_then(|span| text.get(..span.start)).map(|head| head.lines().count().max(1));
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        Refusal::whole(Rule::Not(Wanted::Map, format!("{place}{}", error.message())))
    })?;
    for words in layout.lists() {
        for word in words.iter_mut() {
            *word = normal(word);
        }
        words.retain(|word| !matches!(word.as_str(), "" | "=" | "^"));
    }
    Ok(layout)
}

/// Returns a word as it is compared; its leading sign stays.
fn normal(word: &str) -> String {
    let sign = word.chars().next().filter(|c| matches!(c, '=' | '^'));
    format!("{}{}", sign.map(String::from).unwrap_or_default(), search_term(word))
}

impl Layout {
    fn lists(&mut self) -> [&mut Vec<String>; 21] {
        let (columns, labels) = (&mut self.columns, &mut self.labels);
        [
            &mut self.bank,
            &mut columns.date,
            &mut columns.time,
            &mut columns.reference,
            &mut columns.debit,
            &mut columns.credit,
            &mut columns.amount,
            &mut columns.direction,
            &mut columns.fee,
            &mut columns.tax,
            &mut columns.balance,
            &mut columns.memo,
            &mut columns.counterparty,
            &mut columns.serial,
            &mut labels.account,
            &mut labels.not_account,
            &mut labels.opening,
            &mut labels.closing,
            &mut labels.total,
            &mut labels.currency,
            &mut labels.period,
        ]
    }

    /// Takes words of any bank: those of lists that are missing here, or all of them behind its own.
    fn borrow_from(&mut self, general: &Self, borrow: Borrow) {
        let mut general = general.clone();
        for (own, lent) in self.lists().into_iter().zip(general.lists()).skip(1) {
            if own.is_empty() || borrow == Borrow::Added {
                let missing: Vec<String> = lent.iter().filter(|word| !own.contains(word)).cloned().collect();
                own.extend(missing);
            }
        }
    }
}

/// Which words a layout takes from `any-bank`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Borrow {
    /// Only the lists it does not have.
    Missing,
    /// All, behind its own.
    Added,
}

/// A header or label in the form in which words are looked for.
#[derive(Debug, Clone)]
pub(super) struct Phrase {
    /// The whole text with a blank at both ends.
    padded: String,
    /// Its parts.
    parts: Vec<String>,
}

impl Phrase {
    /// Returns a text's phrase.
    pub(super) fn new(text: &str) -> Self {
        let parts = text.split(['/', '\n', '(', ')', '[', ']', '|']).map(search_term).filter(|part| !part.is_empty());
        Self { padded: format!(" {} ", search_term(text)), parts: parts.collect() }
    }

    /// Tells whether there is no word in it.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Returns its parts as phrases of their own.
    pub(super) fn parts(&self) -> impl Iterator<Item = Self> + '_ {
        self.parts.iter().map(|part| Self { padded: format!(" {part} "), parts: vec![part.clone()] })
    }

    /// Returns the place in the list of the longest of its words that is here, and its length.
    pub(super) fn find(&self, words: &[String]) -> Option<(usize, usize)> {
        let found = words.iter().enumerate().filter(|(_, word)| self.holds(word));
        found.map(|(place, word)| (place, word.len())).max_by_key(|(place, length)| (*length, usize::MAX - *place))
    }

    /// Tells whether one of the words is here.
    pub(super) fn any(&self, words: &[String]) -> bool {
        words.iter().any(|word| self.holds(word))
    }

    fn holds(&self, word: &str) -> bool {
        if let Some(whole) = word.strip_prefix('=') {
            self.parts.iter().any(|part| part == whole) || self.padded.trim() == whole
        } else if let Some(start) = word.strip_prefix('^') {
            self.padded
                .strip_prefix(' ')
                .is_some_and(|text| text.strip_prefix(start).is_some_and(|rest| rest.starts_with(' ')))
        } else {
            self.padded.match_indices(word).any(|(at, _)| {
                let before = self.padded.get(..at).is_some_and(|head| head.ends_with(' '));
                before && self.padded.get(at.saturating_add(word.len())..).is_some_and(|rest| rest.starts_with(' '))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_layouts_is_one() {
        let layouts = known().unwrap();
        assert_eq!(layouts.len(), FILES.len());
        for layout in layouts {
            for (needed, words) in [
                ("date", &layout.columns.date),
                ("credit", &layout.columns.credit),
                ("account", &layout.labels.account),
            ] {
                assert!(!words.is_empty(), "{} has no {needed}", layout.name);
            }
        }
    }

    #[test]
    fn words_are_whole_words_parts_or_beginnings() {
        let words = |list: &[&str]| list.iter().map(|word| normal(word)).collect::<Vec<_>>();
        let header = Phrase::new("Nợ/\nDebit");
        assert!(header.any(&words(&["=Nợ"])) && header.any(&words(&["debit"])) && !header.any(&words(&["bit"])));
        assert!(!Phrase::new("STT\nNo.").any(&words(&["=nợ có"])));
        assert!(Phrase::new("Tài khoản: 12").any(&words(&["^tài khoản"])));
        assert!(!Phrase::new("Sao kê tài khoản").any(&words(&["^tài khoản"])));
    }
}
