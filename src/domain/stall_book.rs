//! A stall's own book: her days, what she disputes, the cash she writes down, and the revenue book
//! S1a-HKD of Thông tư 152/2025/TT-BTC (facts: a row a day is allowed; columns A date, B text, 1 amount).

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use uuid::Uuid;

use super::calendar::BusinessDate;
use super::ids::{IdError, PostingName, Seq, StallNumber};
use super::money::Dong;

/// Longest note of a dispute or a line of cash, in characters.
pub const NOTE_MAX: usize = 200;

/// What one kind of posting came to on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTotal {
    /// The book day.
    pub date: BusinessDate,
    /// Money and its reversals; otherwise what was taken out as not being sales.
    pub is_money: bool,
    /// How many.
    pub count: i64,
    /// How much, signed.
    pub amount: Dong,
}

/// One day of a stall's book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookDay {
    /// The book day.
    pub date: BusinessDate,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Payments, less those that were reversed.
    pub payments: i64,
    /// What the bank reported, less what was reversed.
    pub amount: Dong,
    /// What was taken out because it was not sales; zero or negative.
    pub adjusted: Dong,
    /// What she wrote down as cash.
    pub cash: Dong,
}

impl BookDay {
    /// Returns a day of which nothing is known yet.
    #[must_use]
    pub fn empty(date: BusinessDate) -> Self {
        let zero = Dong::default();
        Self { date, closed_at: None, payments: 0, amount: zero, adjusted: zero, cash: zero }
    }

    /// Returns what the transfers of the day were as sales; `None` beyond what can be counted.
    #[must_use]
    pub fn net(&self) -> Option<Dong> {
        self.amount.checked_add(self.adjusted)
    }
}

/// Why a vendor thinks that a payment is not right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeReason {
    /// Not her stall's money.
    NotMine,
    /// A debt, money of the family, sent by mistake.
    NotSales,
    /// Overpaid; she gave cash back.
    CashChange,
    /// Her bank app shows another amount.
    Amount,
    /// Something else.
    Other,
}

impl DisputeReason {
    /// All reasons, in the order they are offered.
    pub const ALL: [Self; 5] = [Self::NotMine, Self::NotSales, Self::CashChange, Self::Amount, Self::Other];

    /// Returns the word used in JSON and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotMine => "not_mine",
            Self::NotSales => "not_sales",
            Self::CashChange => "cash_change",
            Self::Amount => "amount",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for DisputeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DisputeReason {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or_else(|| IdError {
            what: "reason",
            text: text.chars().take(60).collect(),
            rule: "not_mine, not_sales, cash_change, amount or other",
        })
    }
}

/// A vendor's word that a payment is not right, and the office's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The posting.
    pub seq: Seq,
    /// Her stall.
    pub stall: StallNumber,
    /// Why.
    pub reason: DisputeReason,
    /// In her words.
    pub note: String,
    /// When she said so.
    pub raised_at: Timestamp,
    /// On which phone.
    pub raised_by: String,
    /// The office's answer.
    pub answer: Option<String>,
    /// When it answered.
    pub answered_at: Option<Timestamp>,
    /// Who answered.
    pub answered_by: Option<String>,
}

/// Cash that a vendor wrote down herself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CashLine {
    /// Its identifier.
    pub id: Uuid,
    /// The day it counts on.
    pub date: BusinessDate,
    /// How much.
    pub amount: Dong,
    /// What for.
    pub note: String,
    /// When it was written.
    pub recorded_at: Timestamp,
    /// On which phone.
    pub recorded_by: String,
    /// When she took it back; it stays to be seen.
    pub withdrawn_at: Option<Timestamp>,
}

/// One entry of a book, as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookEntry {
    /// The posting's name.
    pub posting: PostingName,
    /// Why it was made.
    pub kind: super::posting::PostingKind,
    /// What it did to the stall, signed.
    pub amount: Dong,
    /// The book day.
    pub date: BusinessDate,
    /// The bank's day.
    pub event_date: BusinessDate,
    /// The bank's time, when known to the second.
    pub event_at: Option<Timestamp>,
    /// It belongs to a day that was closed already.
    pub late: bool,
    /// Why a person made it.
    pub reason: Option<String>,
    /// What it corrects.
    pub concerns: Option<PostingName>,
    /// Who paid, as the bank told it: for the vendor concerned alone. Empty when it told nothing.
    pub payer: String,
}

/// A vendor's revenue book for the tax office, by her own hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevenueBook {
    /// The household or person in business.
    pub vendor: String,
    /// The market and its ward.
    pub place: String,
    /// The market's code.
    pub market: String,
    /// The stall.
    pub stall: String,
    /// What is sold.
    pub category: String,
    /// First day.
    pub from: BusinessDate,
    /// Last day.
    pub to: BusinessDate,
    /// The days with anything on them.
    pub days: Vec<BookDay>,
    /// Every entry, in the order it was written.
    pub entries: Vec<BookEntry>,
    /// Cash she wrote down, withdrawn lines too.
    pub cash: Vec<CashLine>,
    /// When it was drawn up.
    pub drawn_up_at: Timestamp,
    /// Whether it is demonstration data.
    pub demo: bool,
}
