//! What a market, or several beside each other, come to in a period. Figures of closed days and
//! provisional ones are apart wherever they stand, and no figure of fewer than five stalls leaves a
//! market.

use jiff::Timestamp;

use super::calendar::BusinessDate;
use super::daily_report::{CategoryFigures, DayStatus, Figure, ReportedMarket};
use super::hash::Hash;
use super::ids::{MarketCode, StallNumber};
use super::language::Language;
use super::money::Dong;
use super::period::Period;

/// Fewest stalls behind a figure that others than the market's own board may read (DESIGN §7).
pub const STALLS_MIN: i64 = 5;

/// A day of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodDay {
    /// The day.
    pub date: BusinessDate,
    /// Whether it is closed.
    pub status: DayStatus,
    /// Settle postings; their amount with reversals, signed.
    pub figure: Figure,
    /// Stalls with a payment.
    pub active_stalls: i64,
}

/// A stall's period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodStall {
    /// Its number.
    pub number: StallNumber,
    /// Its code.
    pub code: String,
    /// Who held it on the period's last day.
    pub vendor: Option<String>,
    /// What it sells.
    pub category: String,
    /// Days with a payment.
    pub days: i64,
    /// Settle and assign postings.
    pub payments: i64,
    /// Settle + assign + reversal, signed.
    pub amount: Dong,
    /// Cash-change, exclusion, refund and their reversals, signed.
    pub adjusted: Dong,
    /// Both together.
    pub net: Dong,
}

/// A market's period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodReport {
    /// The market.
    pub market: ReportedMarket,
    /// The days.
    pub period: Period,
    /// When the figures were read.
    pub drawn_up_at: Timestamp,
    /// Settle postings; their amount with reversals, signed.
    pub total: Figure,
    /// The total in words.
    pub amount_in_words: String,
    /// What of it lies on closed days.
    pub closed: Figure,
    /// The net movement of suspense, signed.
    pub suspense: Figure,
    /// The period before.
    pub previous: Figure,
    /// Every day of the period.
    pub days: Vec<PeriodDay>,
    /// Every stall with a posting.
    pub stalls: Vec<PeriodStall>,
    /// Their categories, the largest first.
    pub categories: Vec<CategoryFigures>,
    /// Stalls registered.
    pub registered_stalls: i64,
    /// The last close of the period: its date and its statement's hash.
    pub last_close: Option<(BusinessDate, Hash)>,
}

impl PeriodReport {
    /// Tells whether every day is closed.
    #[must_use]
    pub fn status(&self) -> DayStatus {
        let open = self.days.iter().any(|day| day.status == DayStatus::Open);
        if open { DayStatus::Open } else { DayStatus::Closed }
    }

    /// Returns how many days are closed.
    #[must_use]
    pub fn closed_days(&self) -> usize {
        self.days.iter().filter(|day| day.status == DayStatus::Closed).count()
    }

    /// Returns how many stalls had a payment.
    #[must_use]
    pub fn active_stalls(&self) -> usize {
        self.stalls.iter().filter(|stall| stall.payments > 0).count()
    }
}

/// Which figures a comparison shows: never both together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Of closed days.
    Closed,
    /// Of days that are still open.
    Provisional,
}

impl Standing {
    /// Returns the word used in addresses and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Provisional => "provisional",
        }
    }

    /// Returns the words that people read in a language.
    #[must_use]
    pub fn named(self, language: Language) -> &'static str {
        match self {
            Self::Closed => language.of(self.vietnamese(), "figures of closed days"),
            Self::Provisional => language.of(self.vietnamese(), "provisional figures"),
        }
    }

    /// Returns the words that Vietnamese papers use.
    #[must_use]
    pub fn vietnamese(self) -> &'static str {
        match self {
            Self::Closed => "số liệu đã khóa sổ",
            Self::Provisional => "số liệu tạm tính",
        }
    }
}

/// What a market comes to in a period, by days closed or open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MarketSums {
    /// Settle postings; their amount with reversals, signed.
    pub figure: Figure,
    /// Stalls with a payment.
    pub active_stalls: i64,
    /// Days with a posting.
    pub days: i64,
}

impl MarketSums {
    /// Tells whether others than the market's own board may read it: nothing, or enough stalls.
    #[must_use]
    pub fn is_open_to_others(self) -> bool {
        self == Self::default() || self.active_stalls >= STALLS_MIN
    }
}

/// What markets are compared by beside their sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measures {
    /// The middle payment, to two digits downwards; of closed days alone, and none while some of the
    /// period's dates were closed before payments were counted by amount.
    pub median: Option<Dong>,
    /// Within how many seconds nineteen of twenty payments were known here; none as with the middle.
    pub delay_s: Option<i64>,
    /// The hour with most payments, 0 ..= 23.
    pub peak_hour: Option<i64>,
    /// Stalls whose newest code was printed and read back.
    pub cards: i64,
}

/// One market of a comparison; `None` is a figure that fewer than five stalls are behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedMarket {
    /// Its code.
    pub code: MarketCode,
    /// Its name.
    pub name: String,
    /// The ward it lies in.
    pub ward: Option<String>,
    /// Demonstration data.
    pub demo: bool,
    /// Stalls registered.
    pub registered_stalls: i64,
    /// The first date that is not closed.
    pub open_date: BusinessDate,
    /// The period.
    pub sums: Option<MarketSums>,
    /// The period before; none as well when the difference would tell a hidden figure.
    pub previous: Option<MarketSums>,
    /// What else it is compared by; none where the sums are hidden.
    pub measures: Option<Measures>,
}

/// Markets beside each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketComparison {
    /// The days.
    pub period: Period,
    /// Which figures are shown.
    pub standing: Standing,
    /// When the figures were read.
    pub drawn_up_at: Timestamp,
    /// The markets, by code.
    pub markets: Vec<ComparedMarket>,
    /// All of them together; none when it would tell a hidden figure.
    pub total: Option<Figure>,
}
