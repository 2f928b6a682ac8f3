//! Closed days for the city's platforms: the data-sharing platform, the warehouse, the operations
//! centre. A closed day never changes, so a reader keeps what it has by `key` and reads on.

use serde_json::{Value, json};

use super::App;
use super::error::{AppError, Message};
use super::journal::list_limit;
use super::period_report::period_of;
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::feed::FeedDay;
use crate::domain::ids::MarketCode;
use crate::report::feed;

pub use crate::report::feed::{Extent, Publisher, dictionary};

/// Days that are read when no beginning is said.
const DAYS_DEFAULT: i64 = 31;

/// Which days are asked for.
#[derive(Debug, Clone, Default)]
pub struct DaysWanted {
    /// From this date on; a month before `to` when nothing is said.
    pub from: Option<BusinessDate>,
    /// Up to and with this date; yesterday when nothing is said.
    pub to: Option<BusinessDate>,
    /// Behind this row's key.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<i64>,
}

/// A page of closed days.
#[derive(Debug, Clone)]
pub struct DaysPage {
    days: Vec<FeedDay>,
    next: Option<String>,
    whole_before: Option<BusinessDate>,
}

impl DaysPage {
    /// Returns the page as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "schema_version": crate::domain::feed::SCHEMA_VERSION,
            "data": self.days.iter().map(feed::row).collect::<Vec<_>>(), "has_more": self.next.is_some(),
            "next": self.next, "whole_before": self.whole_before.map(|date| date.to_string()),
        })
    }

    /// Returns the page as CSV.
    ///
    /// # Errors
    /// A fault of the program.
    pub fn to_csv(&self) -> Result<String, AppError> {
        feed::csv(&self.days).map_err(AppError::internal)
    }

    /// Returns where the next page begins, if there is one.
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

impl App {
    /// Returns closed days of all markets, by date and market.
    ///
    /// # Errors
    /// `period_invalid`, `after_invalid`, `limit_out_of_range`.
    pub async fn feed_days(&self, wanted: DaysWanted) -> Result<DaysPage, AppError> {
        let to = wanted.to.unwrap_or_else(|| self.today().previous());
        let from = wanted.from.unwrap_or_else(|| to.plus_days(-DAYS_DEFAULT));
        let (period, limit) = (period_of(from, to)?, list_limit(wanted.limit)?);
        let after = wanted.after.as_deref().map(place).transpose()?;
        let behind = after.as_ref().map_or((from.previous(), None), |(market, date)| (*date, Some(market)));
        let mut days = self.store.closed_days(period, behind, limit.saturating_add(1)).await?;
        let more = i64::try_from(days.len()).is_ok_and(|length| length > limit);
        if more {
            days.pop();
        }
        let next = days.last().filter(|_| more).map(FeedDay::key);
        Ok(DaysPage { days, next, whole_before: self.store.whole_before().await? })
    }

    /// Returns the catalogue that describes the feed.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn feed_catalogue(&self, publisher: &Publisher) -> Result<Value, AppError> {
        let extent = self.store.closed_extent().await?;
        let closed = extent.map(|extent| (extent.first.to_string(), extent.last.to_string(), rfc3339(extent.modified)));
        Ok(feed::catalogue(publisher, &Extent { closed }))
    }
}

/// Reads a row's key: `TAN/2026-11-24`.
fn place(key: &str) -> Result<(MarketCode, BusinessDate), AppError> {
    let parts = key.split_once('/').and_then(|(market, date)| Some((market.parse().ok()?, date.parse().ok()?)));
    parts.ok_or_else(|| {
        let message = Message::new(
            "after là key của dòng cuối trang trước, ví dụ TAN/2026-11-24.",
            "after is the key of the last row of the page before, for example TAN/2026-11-24.",
        );
        AppError::field("after", "after_invalid", message)
    })
}
