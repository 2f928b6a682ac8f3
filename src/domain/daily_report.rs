//! The daily report of one market: the figures that the pages, the files and the command line all
//! show. `ledger::daily_report` makes it and refuses to when its figures contradict each other;
//! `report` turns it into text.
//!
//! | figure | by posting kind, on the posting's business date |
//! |---|---|
//! | `payments` | settle postings |
//! | `amount` | settle + reversal, signed |
//! | a stall's `amount` | settle + assign + reversal, signed |
//! | a stall's `adjusted` | cash-change + exclusion + refund and their reversals, signed |
//! | `suspense` | net movement of suspense; less than zero on a day of assigning |

use jiff::Timestamp;

use super::calendar::{BusinessDate, Cutoff};
use super::hash::Hash;
use super::ids::{MarketCode, Seq, SourceName, StallNumber};
use super::money::Dong;
use super::reconciliation::DayReconciliation;
use super::sealed_bank::SealedBank;

/// A count and the sum that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figure {
    /// How many.
    pub count: i64,
    /// How much; signed where the field says so.
    pub amount: Dong,
}

/// Debits and credits, never only the net.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SideSums {
    /// Σ of the debit side.
    pub debits: Dong,
    /// Σ of the credit side.
    pub credits: Dong,
}

/// The market as the report's head names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedMarket {
    /// Its code, `TAN`.
    pub code: MarketCode,
    /// Its name, `Chợ Tân An`.
    pub name: String,
    /// The ward it lay in on the date, when that is known.
    pub ward: Option<String>,
    /// When its book day breaks.
    pub cutoff: Cutoff,
    /// Demonstration data: no real money behind the figures.
    pub demo: bool,
}

/// Whether the figures may still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayStatus {
    /// Not closed: provisional.
    Open,
    /// Closed; what comes for this date goes to the open date.
    Closed,
}

impl DayStatus {
    /// Returns the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// The close that covers a date, as far as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaySeal {
    /// When the day was closed.
    pub closed_at: Timestamp,
    /// By whom.
    pub closed_by: String,
    /// Before it had ended.
    pub early: bool,
    /// The hash of the signed statement.
    pub hash: Hash,
    /// The root of the date's postings.
    pub merkle_root: Hash,
    /// The number of the market's key that signed.
    pub key: i64,
    /// What the close says of the bank; none when it is another date's, or from before closes said so.
    pub bank: Option<SealedBank>,
}

/// One stall's day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StallFigures {
    /// The stall's number.
    pub number: StallNumber,
    /// The stall's code as printed, `B12`.
    pub code: String,
    /// Who held it on the date, when anybody did.
    pub vendor: Option<String>,
    /// What it sells; empty when nobody said.
    pub category: String,
    /// Settle and assign postings.
    pub payments: i64,
    /// Settle + assign + reversal, signed.
    pub amount: Dong,
    /// Cash-change, exclusion, refund and their reversals, signed: less than zero as a rule.
    pub adjusted: Dong,
    /// `amount` and `adjusted` together.
    pub net: Dong,
    /// The first arrival known to the second.
    pub first_at: Option<Timestamp>,
    /// The last arrival known to the second.
    pub last_at: Option<Timestamp>,
}

/// One hour of the day in Vietnam.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourFigures {
    /// 0 ..= 23; `None` for money of which only the day is known.
    pub hour: Option<i64>,
    /// Settle postings.
    pub payments: i64,
    /// Settle, and reversals in the hour in which they were recorded, signed.
    pub amount: Dong,
}

/// One category of goods: its stalls' figures together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryFigures {
    /// The category; empty when nobody said.
    pub category: String,
    /// Stalls with a payment.
    pub stalls: i64,
    /// Settle and assign postings.
    pub payments: i64,
    /// Settle + assign + reversal, signed.
    pub amount: Dong,
    /// Cash-change, exclusion, refund and their reversals, signed.
    pub adjusted: Dong,
    /// `amount` and `adjusted` together.
    pub net: Dong,
}

/// A settlement of the date whose stall is still not known when the report is drawn up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// Its number in the journal.
    pub seq: Seq,
    /// How much.
    pub amount: Dong,
    /// When it arrived, when that is known to the second.
    pub event_at: Option<Timestamp>,
    /// The bank's calendar day.
    pub event_date: BusinessDate,
    /// The transfer's text with numbers and names masked; `None` when it was redacted.
    pub memo_masked: Option<String>,
}

/// What one source reported for the date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFigures {
    /// The source.
    pub source: SourceName,
    /// Items posted, to a stall or to suspense.
    pub settlements: i64,
    /// What they come to.
    pub amount: Dong,
    /// Items that repeat earlier ones.
    pub duplicates: i64,
    /// Items held for a person when they came; some may be settled since.
    pub quarantined: i64,
    /// When its last item was recorded.
    pub last_at: Timestamp,
}

/// Another day of the same market, to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// The other day.
    pub business_date: BusinessDate,
    /// Its payments and its amount.
    pub figure: Figure,
    /// This day's less the other's.
    pub difference: Figure,
}

/// Where the date's postings lie in the journal, and the chain's end when the report was drawn up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRange {
    /// The date's first posting. Postings of other dates may lie between first and last.
    pub first_seq: Option<Seq>,
    /// The date's last posting.
    pub last_seq: Option<Seq>,
    /// SHA-256 of the market's last batch, in hex: it covers every posting up to that moment, of
    /// this date and of all others. Zeros before the market's first batch.
    pub hash: String,
}

/// The daily report of one market. Its cross-checks have held: see `ledger::daily_report`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyReport {
    /// The market.
    pub market: ReportedMarket,
    /// The book day.
    pub business_date: BusinessDate,
    /// Whether the day is closed.
    pub status: DayStatus,
    /// The seal, when the day is closed.
    pub seal: Option<DaySeal>,
    /// When the figures were read, all at one moment.
    pub drawn_up_at: Timestamp,
    /// Settle postings.
    pub payments: i64,
    /// Settle + reversal, signed.
    pub amount: Dong,
    /// `amount` in Vietnamese words, the first letter a capital.
    pub amount_in_words: String,
    /// Reversal postings, and what they did to `amount`: less than zero when money was taken back.
    pub reversed: Figure,
    /// The net movement of suspense, signed.
    pub suspense: Figure,
    /// Settle postings whose own date was closed already.
    pub late: Figure,
    /// The same by the bank's calendar day, in order.
    pub late_by_day: Vec<(BusinessDate, Figure)>,
    /// Items of the date that wait for a person.
    pub quarantined: Figure,
    /// Settle postings of this date with another calendar day at the bank.
    pub moved_in: Figure,
    /// Settle postings of this calendar day at the bank that are booked on another date.
    pub moved_out: Figure,
    /// Both sides of all postings of earlier dates.
    pub opening: SideSums,
    /// Both sides of all postings up to this date.
    pub closing: SideSums,
    /// Every stall with a posting on the date, in the order of their codes.
    pub stalls: Vec<StallFigures>,
    /// Stalls registered in the market.
    pub registered_stalls: i64,
    /// The hours with a posting, in order, the unknown hour last.
    pub hours: Vec<HourFigures>,
    /// The categories of those stalls, the largest first.
    pub categories: Vec<CategoryFigures>,
    /// Settlements still in suspense, in journal order, at most [`Self::UNMATCHED_MAX`].
    pub unmatched: Vec<Unmatched>,
    /// All settlements still in suspense.
    pub unmatched_total: Figure,
    /// What each source reported, by name.
    pub sources: Vec<SourceFigures>,
    /// The day before.
    pub previous: Comparison,
    /// The same weekday one week earlier.
    pub same_weekday: Comparison,
    /// The journal's range.
    pub ledger: LedgerRange,
    /// Bank and book by the bank's date; set by whoever compares them.
    pub reconciliation: DayReconciliation,
}

impl DailyReport {
    /// Most unmatched settlements listed one by one: more are a fault of the set-up, not a list
    /// that anybody works through on paper.
    pub const UNMATCHED_MAX: usize = 500;

    /// Returns what only the bank's statement told of.
    #[must_use]
    pub fn from_statement(&self) -> Figure {
        let statement = self.sources.iter().find(|source| source.source.as_str() == SourceName::OF_STATEMENTS);
        statement.map_or_else(Figure::default, |source| Figure { count: source.settlements, amount: source.amount })
    }

    /// Returns how many stalls had a payment.
    #[must_use]
    pub fn active_stalls(&self) -> usize {
        self.stalls.iter().filter(|stall| stall.payments > 0).count()
    }
}

/// One market's line on the home page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketOverview {
    /// Its code.
    pub code: MarketCode,
    /// Its name.
    pub name: String,
    /// The ward it lies in, when that is known.
    pub ward: Option<String>,
    /// Demonstration data: no real money behind the figures.
    pub demo: bool,
    /// The book day shown: its own "today".
    pub business_date: BusinessDate,
    /// Whether that day is closed.
    pub status: DayStatus,
    /// Settle postings.
    pub payments: i64,
    /// Settle + reversal, signed.
    pub amount: Dong,
    /// Stalls with a payment.
    pub active_stalls: i64,
    /// Stalls registered.
    pub registered_stalls: i64,
    /// The hours with a posting, in order, the unknown hour last.
    pub hours: Vec<HourFigures>,
}
