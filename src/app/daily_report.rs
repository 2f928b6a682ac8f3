//! The daily report of one market, and its forms: JSON, CSV, a table, a chart.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::error::{AppError, ErrorKind, Message};
use super::{App, no_market};
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::DailyReport;
use crate::domain::hash::Hash;
use crate::domain::ids::MarketCode;
use crate::domain::language::Language;
use crate::domain::money::Dong;
use crate::domain::words::{Voice, in_words_for_papers};
use crate::ledger::daily_report::{Check, Imbalance, ReportError, draw_up};
use crate::report::pdf::{daily, write};
use crate::report::{chart, csv, json, table};

pub use crate::report::day_words::DayWords;
pub use crate::report::pdf::official::PageForm;

impl App {
    /// Draws up the daily report of a market, open day or closed.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such market; [`ErrorKind::Integrity`] when the kept
    /// totals contradict each other: then there is no report, and the message names both figures.
    pub async fn daily_report(&self, market: &MarketCode, date: BusinessDate) -> Result<DailyReport, AppError> {
        // To the second, as people write it; the journal's range says exactly what was counted.
        let drawn_up_at = Timestamp::from_second(self.clock.now().as_second()).unwrap_or_default();
        let Some(totals) = self.store.day_totals(market, date).await? else {
            return Err(no_market(market));
        };
        let words = |amount: Dong| in_words_for_papers(amount, Voice::South);
        let report = draw_up(totals, words, drawn_up_at).map_err(|error| refusal(market, date, error))?;
        let reconciliation = self.day_reconciliation(market, date).await?;
        Ok(DailyReport { reconciliation, ..report })
    }
}

/// Returns the report as one line of JSON, the form of the published contract.
///
/// # Errors
/// [`ErrorKind::Internal`], which nothing in a report can cause.
pub fn to_json(report: &DailyReport) -> Result<String, AppError> {
    json::daily(report).map_err(AppError::internal)
}

/// Returns a hash of the report's figures: the same for as long as they are, whenever it is drawn up.
///
/// # Errors
/// [`ErrorKind::Internal`], which nothing in a report can cause.
pub fn figures_hash(report: &DailyReport) -> Result<Hash, AppError> {
    let figures = to_json(&DailyReport { drawn_up_at: Timestamp::UNIX_EPOCH, ..report.clone() })?;
    Ok(Hash(Sha256::digest(figures.as_bytes()).into()))
}

/// Returns the report as a CSV file: UTF-8 with a byte order mark, commas, CRLF.
///
/// # Errors
/// [`ErrorKind::Internal`], which nothing in a report can cause.
pub fn to_csv(report: &DailyReport) -> Result<String, AppError> {
    csv::daily(report).map_err(AppError::internal)
}

/// Returns the report as a PDF file, its JSON inside.
///
/// # Errors
/// [`ErrorKind::Internal`], which nothing in a report can cause.
pub fn to_pdf(report: &DailyReport, form: PageForm) -> Result<Vec<u8>, AppError> {
    let paper = daily::daily(report, to_json(report)?, form);
    write::pdf(&paper).map_err(AppError::internal)
}

/// Returns the report as tables of plain text for a terminal.
#[must_use]
pub fn to_table(report: &DailyReport, language: Language) -> String {
    table::daily(report, language)
}

/// Returns the day's hours as an SVG chart; `id` begins its identifiers and is unique on the page.
#[must_use]
pub fn hours_chart(report: &DailyReport, id: &str, language: Language) -> String {
    let (name, date) = (&report.market.name, report.business_date.vietnamese());
    let title = match language {
        Language::Vietnamese => format!("Số tiền theo giờ, {name}, ngày {date}"),
        Language::English => format!("Amount by hour, {name}, {}", report.business_date),
    };
    chart::hours(&report.hours, chart::Heading { id, title: &title, language })
}

pub(super) fn refusal(market: &MarketCode, date: BusinessDate, error: ReportError) -> AppError {
    let (vi, en) = match &error {
        ReportError::Imbalance(imbalance) => describe(imbalance),
        ReportError::Overflow => (
            "một tổng vượt quá số lớn nhất ghi được".to_owned(),
            "a sum exceeds the largest that can be kept".to_owned(),
        ),
        ReportError::NoSuchStall(stall) => (
            format!("có tổng của sạp số {} nhưng không có sạp ấy", stall.get()),
            format!("there are totals of stall number {} but no such stall", stall.get()),
        ),
    };
    let message = Message::new(
        format!(
            "Sổ chợ {market} ngày {} không khớp: {vi}. Không lập báo cáo. Hãy chạy: socho verify --market {market}.",
            date.vietnamese()
        ),
        format!(
            "The books of market {market} on {date} do not agree: {en}. No report is shown. Run: socho verify --market {market}."
        ),
    );
    AppError { cause: Some(Box::new(error)), ..AppError::new(ErrorKind::Integrity, "report_imbalance", message) }
}

/// Names both figures and the difference, in both languages.
fn describe(imbalance: &Imbalance) -> (String, String) {
    let (found, expected) = names(imbalance.check);
    let money = !matches!(imbalance.check, Check::PaymentsByStall | Check::PaymentsByHour | Check::JournalCount(_));
    let shown = |value: i64| if money { Dong::new(value).with_unit() } else { Dong::new(value).grouped() };
    let [one, other, difference] = [imbalance.found, imbalance.expected, imbalance.difference].map(shown);
    (
        format!("{} là {one}, {} là {other}, lệch {difference}", found.vi, expected.vi),
        format!("{} {one}, {} {other}, difference {difference}", found.en, expected.en),
    )
}

/// Names what was found and what it should be.
fn names(check: Check) -> (Message, Message) {
    let day_amount = || Message::new("tổng các bút toán trong ngày", "the day's postings come to");
    let day_count = || Message::new("số khoản theo ngày", "payments counted by date are");
    let movements =
        |side: &str, en: &str| Message::new(format!("lũy kế {side} cuối ngày"), format!("the closing {en} are"));
    match check {
        Check::Stalls => {
            (Message::new("tổng các sạp và tiền chờ xác định", "stalls and suspense come to"), day_amount())
        }
        Check::Hours => (Message::new("tổng theo giờ", "the hours come to"), day_amount()),
        Check::PaymentsByStall => (Message::new("số khoản theo sạp", "payments counted by stall are"), day_count()),
        Check::PaymentsByHour => (Message::new("số khoản theo giờ", "payments counted by hour are"), day_count()),
        Check::Sides => {
            (Message::new("bên Nợ trong ngày", "the day's debits are"), Message::new("bên Có", "its credits"))
        }
        Check::ClosingDebits => (
            Message::new("đầu ngày cộng phát sinh bên Nợ", "opening debits with the day's are"),
            movements("bên Nợ", "debits"),
        ),
        Check::ClosingCredits => (
            Message::new("đầu ngày cộng phát sinh bên Có", "opening credits with the day's are"),
            movements("bên Có", "credits"),
        ),
        Check::BalanceDebits => (
            Message::new("số dư Nợ các tài khoản", "the accounts' debits are"),
            Message::new("tổng phát sinh bên Nợ", "all movements' debits"),
        ),
        Check::BalanceCredits => (
            Message::new("số dư Có các tài khoản", "the accounts' credits are"),
            Message::new("tổng phát sinh bên Có", "all movements' credits"),
        ),
        Check::JournalCount(kind) => (
            Message::new(format!("số bút toán {kind} trong nhật ký"), format!("{kind} postings in the journal are")),
            Message::new("số đã cộng theo ngày", "those counted by date"),
        ),
        Check::JournalAmount(kind) => (
            Message::new(format!("bút toán {kind} trong nhật ký"), format!("{kind} postings in the journal come to")),
            Message::new("số đã cộng theo ngày", "the movements by date"),
        ),
    }
}
