//! The home page's figures: each market's own day, which the hour and its cut-off decide.

use jiff::Timestamp;

use super::daily_report::{ReportError, in_order, total};
use crate::domain::calendar::{BusinessDate, Cutoff};
use crate::domain::daily_report::{DayStatus, Figure, HourFigures, MarketOverview};
use crate::domain::ids::{MarketCode, MarketId};

/// A market of the list.
#[derive(Debug, Clone)]
pub struct ListedMarket {
    /// Its internal number.
    pub id: MarketId,
    /// Its code.
    pub code: MarketCode,
    /// Its name.
    pub name: String,
    /// The ward it lies in, when that is known.
    pub ward: Option<String>,
    /// Demonstration data.
    pub demo: bool,
    /// The first date that is not closed.
    pub open_date: BusinessDate,
}

/// Everything the home page is made of, each list for all markets.
#[derive(Debug, Clone)]
pub struct OverviewRows {
    /// The markets, by code.
    pub markets: Vec<ListedMarket>,
    /// Their cut-offs, each with the date from which it holds, earliest first.
    pub cutoffs: Vec<(MarketId, BusinessDate, Cutoff)>,
    /// How many stalls each has.
    pub registered: Vec<(MarketId, i64)>,
    /// Hours of the dates asked for.
    pub hours: Vec<(MarketId, BusinessDate, HourFigures)>,
    /// Stalls with a payment on the dates asked for.
    pub active: Vec<(MarketId, BusinessDate, i64)>,
}

/// Which day of each market is shown.
#[derive(Debug, Clone, Copy)]
pub enum Shown {
    /// The book day that each market's cut-off gives the instant: its own "today".
    Today(Timestamp),
    /// One date for all.
    Date(BusinessDate),
}

impl Shown {
    /// Returns the dates that any market may show.
    #[must_use]
    pub fn dates(self) -> [BusinessDate; 2] {
        match self {
            // A cut-off is less than a day.
            Self::Today(now) => {
                let calendar = BusinessDate::of_calendar(now);
                [calendar.previous(), calendar]
            }
            Self::Date(date) => [date, date],
        }
    }

    fn date(self, market: MarketId, cutoffs: &[(MarketId, BusinessDate, Cutoff)]) -> BusinessDate {
        match self {
            Self::Date(date) => date,
            Self::Today(now) => {
                let calendar = BusinessDate::of_calendar(now);
                let in_force = cutoffs.iter().rev().find(|(of, from, _)| *of == market && *from <= calendar);
                BusinessDate::of(now, in_force.map(|(.., cutoff)| *cutoff).unwrap_or_default())
            }
        }
    }
}

/// Puts each market's figures together.
///
/// # Errors
/// [`ReportError::Overflow`] when a sum leaves the range of an `i64`.
pub fn markets(rows: &OverviewRows, shown: Shown) -> Result<Vec<MarketOverview>, ReportError> {
    let overview = |market: &ListedMarket| {
        let business_date = shown.date(market.id, &rows.cutoffs);
        let its = |id: MarketId, date: BusinessDate| id == market.id && date == business_date;
        let hours = rows.hours.iter().filter(|(id, date, _)| its(*id, *date)).map(|(.., hour)| *hour).collect();
        let hours = in_order(hours);
        let day = total(hours.iter().map(|hour| Figure { count: hour.payments, amount: hour.amount }))?;
        let active = rows.active.iter().find(|(id, date, _)| its(*id, *date));
        let registered = rows.registered.iter().find(|(id, _)| *id == market.id);
        Ok(MarketOverview {
            code: market.code.clone(),
            name: market.name.clone(),
            ward: market.ward.clone(),
            demo: market.demo,
            business_date,
            status: if market.open_date > business_date { DayStatus::Closed } else { DayStatus::Open },
            payments: day.count,
            amount: day.amount,
            active_stalls: active.map_or(0, |(.., count)| *count),
            registered_stalls: registered.map_or(0, |(_, count)| *count),
            hours,
        })
    };
    rows.markets.iter().map(overview).collect()
}
