//! What the pages of a market's board and of the city ask beside the reports.

use std::collections::HashMap;

use jiff::Timestamp;

use super::App;
use super::error::AppError;
use super::manage_sources::SourceShown;
use super::period_report::{Cell, Grid, Standing, comparison_grid, measures_grid};
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::{DayStatus, Figure};
use crate::domain::ids::{MarketCode, MarketId, StallNumber};
use crate::domain::language::Language;
use crate::domain::period::Period;
use crate::domain::period_report::{ComparedMarket, MarketComparison, MarketSums};
use crate::ledger::period_report::{funnel, weekday_hours};
use crate::report::chart::Heading;
use crate::report::day_chart::{self, DayBar};
use crate::report::dot_plot::{Dot, ranked};
use crate::report::period::{comparison_cover, hour_span, share_of, tenths_a_stall};
use crate::report::wording::span;
use crate::report::xlsx::workbook;
use crate::store::{closes, head, prints};

pub use crate::ledger::period_report::{ACTIVE_DAYS, DORMANT_DAYS, Steps};

/// How far all stalls have come, and those of each category that has enough of them; a category of
/// none is what the small ones come to together.
#[derive(Debug, Clone)]
pub struct Funnel {
    /// All stalls of all markets.
    pub all: Steps,
    /// By category.
    pub categories: Vec<(Option<String>, Steps)>,
}

/// A market's days as the city sees them.
#[derive(Debug, Clone)]
pub struct CityMarket {
    /// Its code.
    pub code: MarketCode,
    /// Its name.
    pub name: String,
    /// Each date: none while it is open or without a payment, none within it for one that is not told.
    pub days: Vec<(BusinessDate, Option<Option<MarketSums>>)>,
}

impl CityMarket {
    /// Returns its payments for each active stall by day, in tenths, as a small SVG picture; `most` is
    /// what the highest bar stands for.
    #[must_use]
    pub fn chart(&self, most: i64, language: Language) -> String {
        let title = format!("{}, {}", language.of("Lượt mỗi sạp theo ngày", "Payments a stall by day"), self.name);
        let id = format!("days-{}", self.code);
        let bar = |(date, sums): &(BusinessDate, Option<Option<MarketSums>>)| DayBar {
            date: *date,
            status: DayStatus::Closed,
            value: sums.flatten().and_then(tenths_a_stall),
        };
        let heading = Heading { id: &id, title: &title, language };
        day_chart::small(&self.days.iter().map(bar).collect::<Vec<_>>(), most, heading)
    }

    /// Returns its highest payments for each active stall of a day, in tenths.
    #[must_use]
    pub fn most(&self) -> i64 {
        self.days.iter().filter_map(|(_, sums)| sums.flatten().and_then(tenths_a_stall)).max().unwrap_or_default()
    }
}

/// By what markets are ranked: figures that a large market does not win by its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metric {
    /// Payments for each stall with money.
    #[default]
    PaymentsAStall,
    /// Stalls with money of those registered.
    StallsWithMoney,
    /// The middle payment.
    Median,
    /// The hour with most payments.
    PeakHour,
    /// Within how many seconds nineteen of twenty payments were known.
    Delay,
    /// Stalls whose printed card was read back, of those registered.
    CheckedCards,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::PaymentsAStall, Self::StallsWithMoney, Self::Median, Self::PeakHour, Self::Delay, Self::CheckedCards];

    /// Returns its word in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaymentsAStall => "payments",
            Self::StallsWithMoney => "share",
            Self::Median => "median",
            Self::PeakHour => "hour",
            Self::Delay => "delay",
            Self::CheckedCards => "cards",
        }
    }

    /// Returns its name.
    #[must_use]
    pub fn named(self, language: Language) -> &'static str {
        match self {
            Self::PaymentsAStall => language.of("Lượt mỗi sạp có tiền vào", "Payments for each stall with money"),
            Self::StallsWithMoney => language.of("Tỷ lệ sạp có tiền vào", "Share of stalls with money"),
            Self::Median => language.of("Trung vị một lượt", "Median payment"),
            Self::PeakHour => language.of("Giờ cao điểm", "Peak hour"),
            Self::Delay => language.of("Độ trễ báo p95", "Delay until known, p95"),
            Self::CheckedCards => language.of("Tỷ lệ thẻ đã kiểm", "Share of checked cards"),
        }
    }

    /// Returns a market's value, of a unit that all markets share, and the value as people write it;
    /// none where there is nothing to tell.
    fn of(self, market: &ComparedMarket, language: Language) -> Option<(i64, String)> {
        let tenths = |value: i64, unit: &str| (value, format!("{},{}{unit}", value / 10, value % 10));
        let (sums, told) = (market.sums?, market.measures?);
        match self {
            Self::PaymentsAStall => tenths_a_stall(sums).map(|value| tenths(value, "")),
            Self::StallsWithMoney => {
                share_of(sums.active_stalls, market.registered_stalls).map(|value| tenths(value, "\u{a0}%"))
            }
            Self::CheckedCards => share_of(told.cards, market.registered_stalls).map(|value| tenths(value, "\u{a0}%")),
            Self::Median => told.median.map(|amount| (amount.whole(), amount.with_unit())),
            Self::PeakHour => told.peak_hour.map(|hour| (hour, hour_span(hour))),
            Self::Delay => told.delay_s.map(|seconds| (seconds, format!("≤\u{a0}{}", span(seconds, language)))),
        }
    }
}

/// Returns compared markets as ranked dots; one that is not told has none.
#[must_use]
pub fn comparison_dots(compared: &MarketComparison, metric: Metric, language: Language) -> String {
    let dot = |market: &ComparedMarket| {
        let value = metric.of(market, language);
        let shown = match (market.sums, &value) {
            (None, _) => language.of("< 5 sạp", "< 5 stalls").to_owned(),
            (Some(_), None) => "–".to_owned(),
            (Some(_), Some((_, shown))) => shown.clone(),
        };
        Dot { name: market.name.clone(), value: value.map(|(value, _)| value), shown }
    };
    let title = format!("{}, {}", metric.named(language), compared.period.named(language));
    ranked(compared.markets.iter().map(dot).collect(), Heading { id: "dots", title: &title, language })
}

/// A market's closed dates.
#[derive(Debug, Clone)]
pub struct ClosedDates {
    /// Its code.
    pub code: MarketCode,
    /// Its name.
    pub name: String,
    /// Each date of the period and when it was closed; none while it is open.
    pub dates: Vec<(BusinessDate, Option<Timestamp>)>,
    /// The first date that is not closed.
    pub open_date: BusinessDate,
}

impl App {
    /// Returns the first date of a market that has a posting and is not closed; none when there is none.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn open_date(&self, code: &MarketCode) -> Result<Option<BusinessDate>, AppError> {
        let market = self.market(code).await?;
        let mut transaction = self.store.begin_read().await?;
        let head = head::read(&mut transaction, market.id).await?;
        let first = closes::first_used(&mut transaction, market.id).await?;
        transaction.rollback().await?;
        Ok(head.zip(first).map(|(head, first)| head.open_date.max(first)))
    }

    /// Returns the sources that report for a market alone.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn sources_of(&self, code: &MarketCode) -> Result<Vec<SourceShown>, AppError> {
        let mut sources = self.sources().await?;
        sources.retain(|source| source.market.as_ref() == Some(code));
        Ok(sources)
    }

    /// Returns when each stall's card was last printed, and how often.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn printed(&self, code: &MarketCode) -> Result<HashMap<StallNumber, (Timestamp, i64)>, AppError> {
        let market = self.market(code).await?;
        let mut transaction = self.store.begin_read().await?;
        let printed = prints::printed(&mut transaction, market.id).await?;
        transaction.rollback().await?;
        Ok(printed)
    }

    /// Returns how far the city's stalls have come: registered, printed, paid, active, dormant.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn funnel(&self) -> Result<Funnel, AppError> {
        let today = self.today();
        let (all, categories) = funnel(&self.store.stall_steps(today).await?, today);
        Ok(Funnel { all, categories })
    }

    /// Returns payments by weekday (0 for Monday) and hour of all markets; none for a cell that fewer
    /// than five stalls may be behind.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn weekday_hours(
        &self,
        period: Period,
    ) -> Result<std::collections::BTreeMap<(i8, i64), Option<Figure>>, AppError> {
        Ok(weekday_hours(&self.store.date_hours(period).await?))
    }

    /// Returns each market's closed days of a period; none for a day that fewer than five stalls are
    /// behind.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn city_days(&self, period: Period) -> Result<Vec<CityMarket>, AppError> {
        let rows = self.store.markets_of(period).await?;
        let days: HashMap<(MarketId, BusinessDate), MarketSums> = self
            .store
            .market_days(period)
            .await?
            .into_iter()
            .map(|(market, date, sums)| ((market, date), sums))
            .collect();
        let market = |row: crate::ledger::period_report::ComparedRow| CityMarket {
            days: period
                .each()
                .map(|date| {
                    let sums = days.get(&(row.id, date)).copied();
                    (date, sums.map(|sums| Some(sums).filter(|sums| sums.is_open_to_others())))
                })
                .collect(),
            code: row.code,
            name: row.name,
        };
        Ok(rows.into_iter().map(market).collect())
    }

    /// Returns the city's workbook: markets side by side, and a sheet for each market's closed days.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn city_workbook(&self, period: Period) -> Result<Vec<u8>, AppError> {
        let compared = self.compare(period, Standing::Closed, &[]).await?;
        let mut grids = vec![comparison_grid(&compared), measures_grid(&compared)];
        for market in self.city_days(period).await? {
            let row = |(date, sums): &(BusinessDate, Option<Option<MarketSums>>)| {
                let told = |cell: fn(MarketSums) -> Cell| match sums {
                    None => Cell::Unknown,
                    Some(None) => Cell::Hidden,
                    Some(Some(sums)) => cell(*sums),
                };
                vec![
                    Cell::Date(*date),
                    told(|sums| Cell::Count(sums.active_stalls)),
                    told(|sums| Cell::Count(sums.figure.count)),
                    told(|sums| Cell::Money(sums.figure.amount)),
                ]
            };
            let heads = ["Ngày đã khóa sổ", "Sạp có tiền vào", "Lượt", "Số tiền"];
            let name = format!("{} – {}", market.code, market.name);
            grids.push(Grid::new(&name, &heads, market.days.iter().map(row).collect(), &[]));
        }
        workbook(&comparison_cover(&compared), &grids).map_err(AppError::internal)
    }

    /// Returns which dates of a period each market has closed.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn closed_dates(&self, period: Period) -> Result<Vec<ClosedDates>, AppError> {
        let rows = self.store.markets_of(period).await?;
        let closes: HashMap<(MarketId, BusinessDate), Timestamp> = self
            .store
            .closes_of_all(period)
            .await?
            .into_iter()
            .map(|(market, date, at)| ((market, date), at))
            .collect();
        let market = |row: crate::ledger::period_report::ComparedRow| ClosedDates {
            dates: period.each().map(|date| (date, closes.get(&(row.id, date)).copied())).collect(),
            code: row.code,
            name: row.name,
            open_date: row.open_date,
        };
        Ok(rows.into_iter().map(market).collect())
    }
}
