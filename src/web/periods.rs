//! Reports of periods and comparisons of markets as files.

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::Shared;
use super::markets::field;
use super::problem::{Answer, told};
use super::reports::{download, file_form, media_type, page_form};
use crate::app::error::{AppError, Message};
use crate::app::period_report::{
    FileForm, MarketComparison, Period, Standing, comparison_file, no_period, period_file, period_of,
};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketCode;

/// A period as an address names it: `month=2026-11`, `reporting=2026-11` (15 to 14), `week=` with one of
/// its days, or `from=` and `to=`, both included.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct PeriodQuery {
    pub(super) month: Option<String>,
    pub(super) reporting: Option<String>,
    pub(super) week: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    /// `official` for the page form of official papers.
    pub(super) form: Option<String>,
    /// `closed` or `provisional`, for comparisons.
    pub(super) standing: Option<String>,
    /// Codes of markets, with commas between them.
    pub(super) markets: Option<String>,
}

/// Reads an asked-for period; the month of `today` when none is named.
pub(super) fn asked(query: &PeriodQuery, today: BusinessDate) -> Result<Period, AppError> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    if let Some(month) = given(&query.reporting) {
        return Period::reporting(&month).map_err(|error| no_period("reporting", &error));
    }
    if let Some(day) = given(&query.week) {
        return Ok(Period::week_of(field("week", &day)?));
    }
    match (given(&query.month), given(&query.from), given(&query.to)) {
        (Some(month), ..) => Period::month(&month).map_err(|error| no_period("month", &error)),
        (None, None, None) => Ok(Period::month_of(today)),
        (None, from, to) => {
            let from: Option<BusinessDate> = from.as_deref().map(|date| field("from", date)).transpose()?;
            let to: Option<BusinessDate> = to.as_deref().map(|date| field("to", date)).transpose()?;
            period_of(from.or(to).unwrap_or(today), to.or(from).unwrap_or(today))
        }
    }
}

/// Reads which figures are asked for: of closed days when nothing is said.
pub(super) fn standing(asked: Option<&str>) -> Result<Standing, AppError> {
    match asked {
        None | Some("" | "closed") => Ok(Standing::Closed),
        Some("provisional") => Ok(Standing::Provisional),
        Some(_) => {
            let message = Message::new("standing là closed hoặc provisional.", "standing is closed or provisional.");
            Err(AppError::field("standing", "unknown_standing", message))
        }
    }
}

/// Reads a list of markets.
pub(super) fn codes(list: Option<&str>) -> Result<Vec<MarketCode>, AppError> {
    let parts = list.unwrap_or_default().split(',').map(str::trim).filter(|code| !code.is_empty());
    parts.map(|code| field("markets", code)).collect()
}

pub(super) async fn period(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, file)): Path<(String, String)>,
    Query(query): Query<PeriodQuery>,
) -> Answer {
    let made = async {
        let form = file_form(file.strip_prefix("report.").unwrap_or_default(), query.form.as_deref())?;
        let period = asked(&query, web.app.today())?;
        let market: MarketCode = field("code", &code)?;
        let report = web.app.period_report(&market, period).await?;
        let name = format!("{code}-{}-{}.{}", period.first(), period.last(), form.ending());
        web.app.note_download(Some(&market), &name).await?;
        let made = tokio::task::spawn_blocking(move || period_file(&report, form));
        Ok(answer(form, &name, made.await.map_err(AppError::internal)??))
    };
    made.await.map_err(told(&headers, &format!("/v1/markets/{code}/periods/{file}")))
}

/// JSON is shown, everything else is kept.
fn answer(form: FileForm, name: &str, bytes: Vec<u8>) -> Response {
    if form == FileForm::Json {
        return ([(axum::http::header::CONTENT_TYPE, media_type(form))], bytes).into_response();
    }
    download(media_type(form), name, bytes)
}

pub(super) async fn vendors(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, file)): Path<(String, String)>,
    Query(query): Query<PeriodQuery>,
) -> Answer {
    let made = async {
        let market = field("code", &code)?;
        let listed = |ending: &str| format!("{code}-tieu-thuong.{ending}");
        match file.as_str() {
            "list.pdf" => {
                let pdf = web.app.vendors_pdf(&market, page_form(query.form.as_deref())?).await?;
                web.app.note_download(Some(&market), &listed("pdf")).await?;
                Ok(download("application/pdf", &listed("pdf"), pdf))
            }
            "list.xlsx" => {
                let kind = media_type(FileForm::Xlsx);
                let sheet = web.app.vendors_xlsx(&market).await?;
                web.app.note_download(Some(&market), &listed("xlsx")).await?;
                Ok(download(kind, &listed("xlsx"), sheet))
            }
            _ => Err(AppError::not_found(Message::new(
                "Chỉ có list.pdf và list.xlsx.",
                "There are list.pdf and list.xlsx.",
            ))),
        }
    };
    made.await.map_err(told(&headers, &format!("/v1/markets/{code}/vendors/{file}")))
}

async fn compared(web: &Shared, query: &PeriodQuery) -> Result<MarketComparison, AppError> {
    let period = asked(query, web.app.today())?;
    web.app.compare(period, standing(query.standing.as_deref())?, &codes(query.markets.as_deref())?).await
}

pub(super) async fn compare(State(web): State<Shared>, headers: HeaderMap, Query(query): Query<PeriodQuery>) -> Answer {
    let made = async {
        let bytes = comparison_file(&compared(&web, &query).await?, FileForm::Json)?;
        Ok(answer(FileForm::Json, "", bytes))
    };
    made.await.map_err(told(&headers, "/v1/reports/compare"))
}

pub(super) async fn compare_file(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(file): Path<String>,
    Query(query): Query<PeriodQuery>,
) -> Answer {
    let made = async {
        if file == "city.xlsx" {
            let book = web.app.city_workbook(asked(&query, web.app.today())?).await?;
            web.app.note_download(None, "thanh-pho.xlsx").await?;
            return Ok(download(media_type(FileForm::Xlsx), "thanh-pho.xlsx", book));
        }
        let form = file_form(file.strip_prefix("compare.").unwrap_or_default(), None)?;
        let compared = compared(&web, &query).await?;
        let name = format!("so-sanh-{}-{}.{}", compared.period.first(), compared.period.last(), form.ending());
        web.app.note_download(None, &name).await?;
        let made = tokio::task::spawn_blocking(move || comparison_file(&compared, form));
        Ok(answer(form, &name, made.await.map_err(AppError::internal)??))
    };
    made.await.map_err(told(&headers, &format!("/v1/reports/{file}")))
}
