//! Closed days as the city's platforms read them: a market's sums of one date, never a person's, and
//! none that fewer than five stalls are behind.

use jiff::Timestamp;

use super::calendar::BusinessDate;
use super::daily_report::Figure;
use super::hash::Hash;
use super::ids::MarketCode;
use super::period_report::MarketSums;

/// The version of a row's form. A new field keeps it; a changed meaning raises it.
pub const SCHEMA_VERSION: &str = "1.0";

/// A closed day of a market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedDay {
    /// The market.
    pub market: MarketCode,
    /// Its name.
    pub name: String,
    /// The ward it lay in on that date.
    pub ward: Option<String>,
    /// Demonstration data.
    pub demo: bool,
    /// The date.
    pub date: BusinessDate,
    /// Settle postings; their amount with reversals, signed: as the close says.
    pub figure: Figure,
    /// Stalls with a payment.
    pub active_stalls: i64,
    /// When the date was closed.
    pub closed_at: Timestamp,
    /// The hash of the close's signed statement.
    pub close_hash: Hash,
    /// The root of the date's postings.
    pub merkle_root: Hash,
    /// The fingerprint of the key that signed.
    pub key_id: String,
}

impl FeedDay {
    /// Returns the row's key, the same for ever.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.market, self.date)
    }

    /// Returns what others than the market's own board may read of its figures: all or nothing, by the
    /// rule of the city's pages.
    #[must_use]
    pub fn shown(&self) -> Option<(Figure, i64)> {
        let days = i64::from(self.figure != Figure::default() || self.active_stalls != 0);
        let sums = MarketSums { figure: self.figure, active_stalls: self.active_stalls, days };
        sums.is_open_to_others().then_some((self.figure, self.active_stalls))
    }
}
