//! The daily report as a page that a manager reads on a screen and prints on A4.
//!
//! On paper it follows the form of official papers (NĐ 30/2020/NĐ-CP, appendix I): the two heads,
//! the date line in italics, the margins, the signatures. Everything is on the page as text; the
//! chart has a table of the same figures beside it.

use askama::Template;

use crate::app::daily_report::{DayWords, hours_chart};
use crate::app::reconcile_view::{signed, verdict};
use crate::domain::daily_report::{DailyReport, DayStatus};
use crate::domain::language::Language;

#[derive(Template)]
#[template(path = "daily_report.html")]
struct Page<'a> {
    test_now: Option<&'a str>,
    demo: bool,
    market: &'a str,
    code: &'a str,
    iso_date: String,
    previous_date: String,
    next_date: String,
    closed: bool,
    words: &'a str,
    chart: String,
    hash: &'a str,
    day: DayWords,
    /// Bank and book in one sentence, and who signed.
    verdict: String,
    signed: String,
    agrees: bool,
}

/// The page's style sheet, linked as `/static/report.css`: the pages allow no inline style.
pub const STYLESHEET: &str = include_str!("pages/daily_report.css");

/// Returns the page in Vietnamese. In test mode it says so, with the clock's time `test_now`.
///
/// # Errors
/// Whatever the template meets; nothing in a report makes it fail.
pub fn render(report: &DailyReport, test_now: Option<&str>) -> Result<String, askama::Error> {
    let date = report.business_date;
    Page {
        test_now,
        demo: report.market.demo,
        market: &report.market.name,
        code: report.market.code.as_str(),
        iso_date: date.to_string(),
        previous_date: date.previous().to_string(),
        next_date: date.next().to_string(),
        closed: report.status == DayStatus::Closed,
        words: &report.amount_in_words,
        chart: hours_chart(report, "hours", Language::Vietnamese),
        hash: &report.ledger.hash,
        day: DayWords::of(report),
        verdict: verdict(&report.reconciliation).0,
        signed: signed(&report.reconciliation),
        agrees: report.reconciliation.agrees(),
    }
    .render()
}
