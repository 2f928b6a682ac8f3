//! A market's period and markets beside each other: read, checked, and as files.

use jiff::Timestamp;

use super::daily_report::{PageForm, refusal, to_json};
use super::error::{AppError, ErrorKind, Message};
use super::{App, no_market};
use crate::domain::banks;
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::DailyReport;
use crate::domain::ids::MarketCode;
use crate::domain::language::Language;
use crate::domain::memo::MemoCode;
use crate::domain::money::Dong;
use crate::domain::registration::Market;
use crate::domain::words::{Voice, in_words_for_papers};
use crate::ledger::period_report as ledger;
use crate::report::chart::Heading;
use crate::report::day_chart::{self, DayBar};
use crate::report::pdf::paper::Paper;
use crate::report::pdf::{period as paper, records, write};
use crate::report::xlsx::{Cover, workbook};
use crate::report::{csv, period};

pub use crate::domain::period::{Period, PeriodError};
pub use crate::domain::period_report::{MarketComparison, Measures, PeriodReport, STALLS_MIN, Standing};
pub use crate::report::grid::{Cell, Grid};
pub use crate::report::pdf::records::ListedVendor;

/// Fewest and most markets that are compared by choice.
const COMPARED: std::ops::RangeInclusive<usize> = 2..=12;

/// Says why something is not a period.
#[must_use]
pub fn no_period(field: &str, error: &PeriodError) -> AppError {
    let vi = match error {
        PeriodError::Backwards => "Kỳ báo cáo kết thúc trước khi bắt đầu.".to_owned(),
        PeriodError::TooLong => format!("Kỳ báo cáo dài hơn {} ngày.", crate::domain::period::DAYS_MAX),
        PeriodError::Month(text) => format!("{text:?} không phải là tháng viết như 2026-11."),
    };
    let en = format!("This cannot be reported on: {error}.");
    AppError::field(field, "period_invalid", Message::new(vi, en))
}

/// Reads a period of two dates; without an end it ends with its beginning.
///
/// # Errors
/// `period_invalid`.
pub fn period_of(from: BusinessDate, to: BusinessDate) -> Result<Period, AppError> {
    Period::range(from, to).map_err(|error| no_period("to", &error))
}

impl App {
    fn to_the_second(&self) -> Timestamp {
        Timestamp::from_second(self.now().as_second()).unwrap_or_default()
    }

    /// Draws up the report of a market's period, from kept totals alone.
    ///
    /// # Errors
    /// `not_found` for the market; [`ErrorKind::Integrity`] when the kept totals contradict each other.
    pub async fn period_report(&self, market: &MarketCode, period: Period) -> Result<PeriodReport, AppError> {
        let Some(totals) = self.store.period_totals(market, period).await? else { return Err(no_market(market)) };
        let words = |amount: Dong| in_words_for_papers(amount, Voice::South);
        ledger::draw_up(totals, period, words, self.to_the_second())
            .map_err(|error| refusal(market, period.last(), error))
    }

    /// Puts markets beside each other, all of them when none is named. Sums alone, and none that fewer
    /// than five stalls are behind.
    ///
    /// # Errors
    /// `not_found` for a market; `markets_compared` for one alone or too many.
    pub async fn compare(
        &self,
        period: Period,
        standing: Standing,
        markets: &[MarketCode],
    ) -> Result<MarketComparison, AppError> {
        let mut rows = self.store.compared_whole(period).await?;
        if let Some(code) = ledger::unknown(markets, &rows) {
            return Err(no_market(code));
        }
        if !markets.is_empty() {
            if !COMPARED.contains(&markets.len()) {
                let (least, most) = (COMPARED.start(), COMPARED.end());
                let message = Message::new(
                    format!("Chọn từ {least} đến {most} chợ để so sánh."),
                    format!("Choose {least} to {most} markets to compare."),
                );
                return Err(AppError::field("markets", "markets_compared", message));
            }
            rows.retain(|row| markets.contains(&row.code));
        }
        let compared = ledger::compare(rows, period, standing, self.to_the_second()).map_err(AppError::internal)?;
        // Totals of markets chosen freely tell a hidden one: three pairs tell each of three.
        let hides = !markets.is_empty() && compared.markets.iter().any(|market| market.sums.is_none());
        Ok(MarketComparison { total: compared.total.filter(|_| !hides), ..compared })
    }

    /// Returns the record of a closed day as a PDF file, what was signed inside.
    ///
    /// # Errors
    /// `not_found` for the market; `day_open` while there is nothing to record.
    pub async fn closing_record(
        &self,
        market: &MarketCode,
        date: BusinessDate,
        form: PageForm,
    ) -> Result<Vec<u8>, AppError> {
        let report = self.daily_report(market, date).await?;
        let signed = self.day_close(market, date).await?;
        let (Some(seal), Some(signed)) = (&report.seal, signed) else {
            let message = Message::new(
                format!("Ngày {} của chợ {market} chưa khóa sổ nên chưa có biên bản.", date.vietnamese()),
                format!("Market {market} is not closed for {date}: there is no record yet."),
            );
            return Err(AppError::new(ErrorKind::NotFound, "day_open", message));
        };
        let paper = records::closing(&report, seal, signed.statement, form);
        pdf_of(paper).await
    }

    /// Returns a market's stalls as its list of vendors names them.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn listed_vendors(&self, market: &MarketCode) -> Result<(Market, Vec<ListedVendor>), AppError> {
        let found = self.market(market).await?;
        let stalls = self.stalls(market, None).await?;
        let listed = stalls.into_iter().map(|stall| {
            let account = stall.account.as_ref().map(|account| &account.account);
            let bin = account.map(|account| account.bin.as_str()).unwrap_or_default();
            ListedVendor {
                stall: stall.code.to_string(),
                vendor: stall.vendor.as_ref().map(|(_, name)| name.to_string()).unwrap_or_default(),
                category: stall.category.clone(),
                bank: banks::shown_name(bin),
                last_four: account.map(|account| account.number.last_four().to_owned()).unwrap_or_default(),
                memo: MemoCode::of(stall.number).to_string(),
                version: stall.card_version,
            }
        });
        Ok((found, listed.collect()))
    }

    /// Returns the list of vendors as a PDF file.
    ///
    /// # Errors
    /// As [`App::listed_vendors`].
    pub async fn vendors_pdf(&self, market: &MarketCode, form: PageForm) -> Result<Vec<u8>, AppError> {
        let (market, listed) = self.listed_vendors(market).await?;
        let (name, code) = (market.name.to_string(), market.code.to_string());
        let at = self.to_the_second();
        // Laying out hundreds of rows takes a moment, which must not hold up webhooks.
        let laid_out = tokio::task::spawn_blocking(move || {
            let list = records::ListOf { market: &name, code: &code, ward: market.ward.as_deref(), at };
            records::vendors(&list, &listed, form)
        });
        pdf_of(laid_out.await.map_err(AppError::internal)?).await
    }

    /// Returns the list of vendors as a workbook.
    ///
    /// # Errors
    /// As [`App::listed_vendors`].
    pub async fn vendors_xlsx(&self, market: &MarketCode) -> Result<Vec<u8>, AppError> {
        let (market, listed) = self.listed_vendors(market).await?;
        let title = format!("Danh sách tiểu thương – {}", market.name);
        let lines = vec![title.clone(), "Số tài khoản chỉ ghi bốn số cuối.".to_owned()];
        let cover = Cover { title, author: market.name.to_string(), lines, drawn_up_at: self.to_the_second() };
        workbook(&cover, &[records::vendors_grid(&listed)]).map_err(AppError::internal)
    }
}

/// Makes a file of a paper, beside what serves.
async fn pdf_of(paper: Paper) -> Result<Vec<u8>, AppError> {
    let made = tokio::task::spawn_blocking(move || write::pdf(&paper));
    made.await.map_err(AppError::internal)?.map_err(AppError::internal)
}

/// Returns a day as a workbook.
///
/// # Errors
/// [`ErrorKind::Internal`], which nothing in a report can cause.
pub fn day_xlsx(report: &DailyReport) -> Result<Vec<u8>, AppError> {
    let words = crate::report::day_words::DayWords::of(report, Language::Vietnamese);
    let (market, code) = (&report.market.name, &report.market.code);
    let demo = if report.market.demo { " · Dữ liệu minh họa" } else { "" };
    let title = format!("{market} ({code}) – ngày {}{demo}", words.date);
    let lines = vec![
        title.clone(),
        format!("{} · Giờ Việt Nam (UTC+7) · lấy số liệu lúc {}", words.status, words.drawn_up),
        format!("Tổng: {} · Bằng chữ: {}.", words.amount, report.amount_in_words),
    ];
    let cover = Cover { title, author: words.authority.clone(), lines, drawn_up_at: report.drawn_up_at };
    workbook(&cover, &period::day_grids(report)).map_err(AppError::internal)
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    /// One line of JSON.
    Json,
    /// Comma-separated values.
    Csv,
    /// A workbook.
    Xlsx,
    /// A paper.
    Pdf(PageForm),
}

impl FileForm {
    /// Returns the ending of such a file's name.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Pdf(_) => "pdf",
        }
    }
}

/// Returns a period as a file.
///
/// # Errors
/// [`ErrorKind::Internal`], which nothing in a report can cause.
pub fn period_file(report: &PeriodReport, form: FileForm) -> Result<Vec<u8>, AppError> {
    match form {
        FileForm::Json => Ok(period::json(report).to_string().into_bytes()),
        FileForm::Csv => {
            let stalls = period::grids(report).into_iter().nth(1);
            let stalls = stalls.ok_or_else(|| AppError::internal("a period without its table of stalls"))?;
            csv::grid(&stalls).map(String::into_bytes).map_err(AppError::internal)
        }
        FileForm::Xlsx => workbook(&period::cover(report), &period::grids(report)).map_err(AppError::internal),
        FileForm::Pdf(form) => write::pdf(&paper::period(report, form)).map_err(AppError::internal),
    }
}

/// Returns a day as a file.
///
/// # Errors
/// [`ErrorKind::Internal`], which nothing in a report can cause.
pub fn day_file(report: &DailyReport, form: FileForm) -> Result<Vec<u8>, AppError> {
    match form {
        FileForm::Json => to_json(report).map(String::into_bytes),
        FileForm::Csv => super::daily_report::to_csv(report).map(String::into_bytes),
        FileForm::Xlsx => day_xlsx(report),
        FileForm::Pdf(form) => super::daily_report::to_pdf(report, form),
    }
}

/// Returns a comparison as a file.
///
/// # Errors
/// [`ErrorKind::Internal`], which nothing in a comparison can cause.
pub fn comparison_file(compared: &MarketComparison, form: FileForm) -> Result<Vec<u8>, AppError> {
    match form {
        FileForm::Json => Ok(period::comparison_json(compared).to_string().into_bytes()),
        FileForm::Csv => {
            csv::grid(&period::comparison_whole(compared)).map(String::into_bytes).map_err(AppError::internal)
        }
        FileForm::Xlsx => {
            let grids = [period::comparison(compared), period::measures(compared)];
            workbook(&period::comparison_cover(compared), &grids).map_err(AppError::internal)
        }
        FileForm::Pdf(_) => write::pdf(&paper::compared(compared)).map_err(AppError::internal),
    }
}

/// Returns a period's tables, for pages and the terminal.
#[must_use]
pub fn period_grids(report: &PeriodReport) -> Vec<Grid> {
    period::grids(report)
}

/// Returns a period's days as an SVG picture.
#[must_use]
pub fn period_days_chart(report: &PeriodReport, language: Language) -> String {
    let title = language.of("Số tiền theo ngày", "Amount by day");
    let title = format!("{title}, {}, {}", report.market.name, report.period.named(language));
    let heading = Heading { id: "days", title: &title, language };
    let bar = |day: &crate::domain::period_report::PeriodDay| DayBar {
        date: day.date,
        status: day.status,
        value: Some(day.figure.amount.whole()),
    };
    day_chart::days(&report.days.iter().map(bar).collect::<Vec<_>>(), heading)
}

/// Returns a comparison's table, for pages and the terminal.
#[must_use]
pub fn comparison_grid(compared: &MarketComparison) -> Grid {
    period::comparison(compared)
}

/// Returns what markets are compared by beside sums, for pages and the terminal.
#[must_use]
pub fn measures_grid(compared: &MarketComparison) -> Grid {
    period::measures(compared)
}

/// Says whether a period's figures stand.
#[must_use]
pub fn standing_of(report: &PeriodReport, language: Language) -> String {
    period::standing(report, language)
}
