//! The daily report as a page that a manager reads on a screen and prints on A4.
//!
//! On paper it follows the form of official papers (NĐ 30/2020/NĐ-CP, appendix I): the two heads,
//! the date line in italics, the margins, the signatures. Everything is on the page as text; the
//! chart has a table of the same figures beside it.

use askama::Template;

use crate::app::daily_report::{DayWords, hours_chart};
use crate::app::reconcile_view::{signed, signed_in_english, verdict};
use crate::domain::daily_report::{DailyReport, DayStatus};
use crate::domain::language::Language;

#[derive(Template)]
#[template(path = "daily_report.html")]
struct Page<'a> {
    test_now: Option<&'a str>,
    /// What the form that changes the language carries; empty where nobody may.
    csrf: &'a str,
    language: Language,
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

impl Page<'_> {
    fn lang(&self) -> &'static str {
        match self.language {
            Language::Vietnamese => "vi",
            Language::English => "en",
        }
    }

    fn say<'t>(&self, vi: &'t str, en: &'t str) -> &'t str {
        self.language.of(vi, en)
    }
}

/// What is around the report on a screen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Screen<'a> {
    /// The language; the heads of official papers stay Vietnamese.
    pub language: Language,
    /// In test mode, the clock's time.
    pub test_now: Option<&'a str>,
    /// What the form that changes the language carries; empty for none.
    pub csrf: &'a str,
}

/// Returns the page.
///
/// # Errors
/// Whatever the template meets; nothing in a report makes it fail.
pub fn render(report: &DailyReport, screen: Screen<'_>) -> Result<String, askama::Error> {
    let (date, bank, language) = (report.business_date, &report.reconciliation, screen.language);
    let (vietnamese, english) = verdict(bank);
    Page {
        test_now: screen.test_now,
        csrf: screen.csrf,
        language,
        demo: report.market.demo,
        market: &report.market.name,
        code: report.market.code.as_str(),
        iso_date: date.to_string(),
        previous_date: date.previous().to_string(),
        next_date: date.next().to_string(),
        closed: report.status == DayStatus::Closed,
        words: &report.amount_in_words,
        chart: hours_chart(report, "hours", language),
        hash: &report.ledger.hash,
        day: DayWords::of(report, language),
        verdict: language.of(&vietnamese, &english).to_owned(),
        signed: match language {
            Language::Vietnamese => signed(bank),
            Language::English => signed_in_english(bank),
        },
        agrees: bank.agrees(),
    }
    .render()
}
