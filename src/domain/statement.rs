//! A bank statement, as every bank's file is reduced to it: the bank's last word on which money
//! moved. `bank/statement/` makes them; what does not add up to the đồng never becomes one.

use std::sync::Arc;

use jiff::Timestamp;

use super::account::AccountNumber;
use super::calendar::BusinessDate;
use super::language::Language;
use super::money::Dong;
use super::settlement::{BankRef, Direction};

/// Where in a file something stands, so that a person finds it again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The sheet of a workbook; none in a file of text.
    pub sheet: Option<Arc<str>>,
    /// The sheet's row or the text's line, from 1.
    pub line: usize,
    /// The column, from 1, when one cell is meant.
    pub column: Option<usize>,
}

impl Place {
    /// Returns the place of a line of text.
    #[must_use]
    pub fn line(line: usize) -> Self {
        Self { sheet: None, line, column: None }
    }

    /// Returns the place of a cell in this line.
    #[must_use]
    pub fn at_column(&self, column: usize) -> Self {
        Self { column: Some(column), ..self.clone() }
    }

    /// Returns the place in words: `sheet "Sheet1", row 12, column D`, `dòng 7`.
    #[must_use]
    pub fn in_words(&self, language: Language) -> String {
        let line = self.line;
        let mut words = match &self.sheet {
            Some(sheet) => {
                let head = language.of("trang", "sheet");
                format!("{head} \"{sheet}\", {} {line}", language.of("hàng", "row"))
            }
            None => format!("{} {line}", language.of("dòng", "line")),
        };
        if let Some(column) = self.column {
            words.push_str(language.of(", cột ", ", column "));
            words.push_str(&column_letters(column));
        }
        words
    }
}

/// Returns a column's name as spreadsheets show it: 1 is `A`, 27 is `AA`.
fn column_letters(column: usize) -> String {
    let mut letters = Vec::new();
    let mut left = column;
    while left > 0 {
        let digit = left.saturating_sub(1) % 26;
        letters.push(u8::try_from(digit).map_or('?', |digit| char::from(b'A'.saturating_add(digit))));
        left = left.saturating_sub(1) / 26;
    }
    letters.into_iter().rev().collect()
}

/// When the bank booked a line, and how exactly it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BookedAt {
    /// To the second.
    At(Timestamp),
    /// The calendar day only (UTC+7).
    On(BusinessDate),
}

impl BookedAt {
    /// Returns the bank's calendar date (UTC+7), which is part of the line's identity.
    #[must_use]
    pub fn date(self) -> BusinessDate {
        match self {
            Self::At(instant) => BusinessDate::of_calendar(instant),
            Self::On(date) => date,
        }
    }
}

/// One movement on the account. Its identity is settled account, booking date, reference,
/// direction, amount and running balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// Where it stands in the file.
    pub place: Place,
    /// Money in or out, by the account holder's purse: a credit is money in.
    pub direction: Direction,
    /// How much; 1 ..= 10¹² đồng.
    pub amount: Dong,
    /// When the bank booked it.
    pub booked_at: BookedAt,
    /// The account's balance after it, where the file gives one.
    pub balance: Option<Dong>,
    /// What it says.
    pub texts: LineTexts,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Texts<'a> {
    /// The bank's reference as the file writes it; empty when there is none.
    pub bank_ref: &'a str,
    /// The transfer's text in NFC, runs of white space made one blank.
    pub memo: &'a str,
    /// The payer's own reference, which may hold a memo code; empty when there is none.
    pub payer_ref: &'a str,
    /// The other side's name, account and bank as told, or empty. Sensitive: never logged.
    pub counterparty: &'a str,
}

/// The texts of a line in one piece of memory: the longest file has a million of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineTexts {
    all: Box<str>,
    /// Where each but the last ends, in bytes.
    ends: [u32; 3],
}

impl LineTexts {
    /// Keeps texts, one behind the other.
    #[must_use]
    pub fn new(texts: Texts<'_>) -> Self {
        let Texts { bank_ref, memo, payer_ref, counterparty } = texts;
        let mut end = 0_usize;
        let ends = [bank_ref, memo, payer_ref].map(|text| {
            end = end.saturating_add(text.len());
            u32::try_from(end).unwrap_or(u32::MAX)
        });
        Self { all: [bank_ref, memo, payer_ref, counterparty].concat().into_boxed_str(), ends }
    }

    /// Returns the texts.
    #[must_use]
    pub fn read(&self) -> Texts<'_> {
        let [first, second, third] = self.ends.map(|end| usize::try_from(end).unwrap_or(usize::MAX));
        let piece = |from: usize, to: usize| self.all.get(from..to).unwrap_or_default();
        Texts {
            bank_ref: piece(0, first),
            memo: piece(first, second),
            payer_ref: piece(second, third),
            counterparty: piece(third, self.all.len()),
        }
    }
}

impl StatementLine {
    /// Returns the reference in the spelling that decides whether two are the same.
    #[must_use]
    pub fn reference(&self) -> Option<BankRef> {
        BankRef::normalise(self.texts.read().bank_ref)
    }

    /// Returns the amount with its sign: money in above zero.
    #[must_use]
    pub fn signed(&self) -> Dong {
        match self.direction {
            Direction::Credit => self.amount,
            Direction::Debit => self.amount.checked_neg().unwrap_or(self.amount),
        }
    }
}

/// What shows that a statement is whole, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// Every line's running balance follows from the line before.
    RunningBalance,
    /// Opening balance and lines make the closing balance.
    Balances,
    /// The file's own sums of debits and credits are those of the lines; there are no balances.
    Totals,
    /// Nothing: the file gives neither balances nor sums.
    Unproven,
}

impl Proof {
    /// Returns the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RunningBalance => "running_balance",
            Self::Balances => "balances",
            Self::Totals => "totals",
            Self::Unproven => "unproven",
        }
    }
}

/// An account's movements over a time, proven as far as the file allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The settled account.
    pub account: AccountNumber,
    /// The balance before the first line, stated or derived from the first running balance.
    pub opening: Option<Dong>,
    /// The balance after the last line.
    pub closing: Option<Dong>,
    /// The dates that the file says it covers, both included.
    pub period: Option<(BusinessDate, BusinessDate)>,
    /// What shows that it is whole.
    pub proof: Proof,
    /// The movements in the file's order.
    pub lines: Vec<StatementLine>,
}

impl Statement {
    /// Returns the sum of the lines in one direction; `None` beyond the range of an amount.
    #[must_use]
    pub fn total(&self, direction: Direction) -> Option<Dong> {
        self.lines.iter().filter(|line| line.direction == direction).map(|line| line.amount).sum()
    }
}

/// Something a person should know of a file that was read all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The header names debit and credit as the account holder's books do; the balances show it.
    ColumnsSwapped,
    /// The newest line stands first; the balances show it.
    NewestFirst,
    /// Neither balances nor sums: nothing shows that no line is missing.
    Unproven,
    /// Entries that are announced or pending, and so no settlements, were left out.
    NotBooked {
        /// How many.
        count: usize,
    },
    /// A batch whose parts carry no amounts is one line.
    UndividedBatch(Place),
    /// Two statements of one account do not join: something between them is not in the file.
    Gap {
        /// The closing balance of the earlier one.
        closing: Dong,
        /// The opening balance of the later one.
        opening: Dong,
    },
    /// The message's version is not one that is known; it was read by the rules of the known ones.
    UnknownVersion(String),
    /// The account's number is a number cell, which has lost leading zeros if it had any.
    AccountIsNumber(Place),
    /// No bank's layout fits; the header was read by words that any bank may use.
    GeneralLayout,
    /// The file is not UTF-8; it was read as Windows-1258.
    Windows1258,
    /// The file's own sum differs from that of the lines, though the balances prove the lines.
    TotalsDiffer {
        /// Which sum.
        direction: Direction,
        /// What the file says.
        stated: Dong,
        /// What the lines make.
        lines: Dong,
    },
}

/// What a file of a bank holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementFile {
    /// How it is written: a bank's layout, or `camt.053.001.08`, `MT940`.
    pub format: String,
    /// One for each account, and for each stretch of time that does not join the one before.
    pub statements: Vec<Statement>,
    /// What a person should know, in the order found.
    pub notes: Vec<Note>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_were_kept() {
        let many =
            Texts { bank_ref: "FT1", memo: "Cá lóc – SC22223Y", payer_ref: "", counterparty: "NGUYỄN V · 123" };
        for texts in [many, Texts { memo: "", payer_ref: "ĐƠN 7", ..many }, Texts::default()] {
            assert_eq!(LineTexts::new(texts).read(), texts);
        }
    }

    #[test]
    fn places_are_named_as_spreadsheets_name_them() {
        assert_eq!([1, 4, 26, 27, 52, 703].map(column_letters), ["A", "D", "Z", "AA", "AZ", "AAA"]);
        let place = Place { sheet: Some("Sheet1".into()), line: 12, column: Some(4) };
        assert_eq!(place.in_words(Language::English), "sheet \"Sheet1\", row 12, column D");
        assert_eq!(Place::line(7).in_words(Language::Vietnamese), "dòng 7");
    }
}
