//! The home page: every market's day at a glance.

use super::App;
use super::error::AppError;
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::MarketOverview;
use crate::domain::language::Language;
use crate::ledger::overview::{Shown, markets};
use crate::report::chart;

impl App {
    /// Returns every market's payments, amount, active stalls and hours, by code: of `date`, or
    /// without one of each market's own "today", which its cut-off decides.
    ///
    /// These are running figures without the daily report's cross-checks.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn overview(&self, date: Option<BusinessDate>) -> Result<Vec<MarketOverview>, AppError> {
        let shown = date.map_or_else(|| Shown::Today(self.clock.now()), Shown::Date);
        let rows = self.store.overview(shown.dates()).await?;
        markets(&rows, shown).map_err(AppError::internal)
    }
}

/// Returns a market's hours as a small SVG chart; `id` begins its identifiers and is unique on the
/// page.
#[must_use]
pub fn hours_strip(market: &MarketOverview, id: &str, language: Language) -> String {
    let date = market.business_date;
    let title = match language {
        Language::Vietnamese => format!("Số tiền theo giờ, {}, ngày {}", market.name, date.vietnamese()),
        Language::English => format!("Amount by hour, {}, {date}", market.name),
    };
    chart::small(&market.hours, chart::Heading { id, title: &title, language })
}
