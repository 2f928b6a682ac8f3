//! The daily report: JSON, CSV and a page that can be printed.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse as _, Response};
use serde::Deserialize;

use super::markets::field;
use super::problem::{Answer, told};
use super::{Shared, day_page};
use crate::app::daily_report::{PageForm, to_csv, to_json, to_pdf};
use crate::app::error::{AppError, Message};
use crate::domain::calendar::rfc3339;
use crate::domain::daily_report::DailyReport;

async fn report(web: &Shared, code: &str, date: &str) -> Result<DailyReport, AppError> {
    web.app.daily_report(&field("code", code)?, field("date", date)?).await
}

pub(super) async fn json(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
) -> Answer {
    let instance = format!("/v1/markets/{code}/days/{date}");
    let made = async { json_answer(&report(&web, &code, &date).await?) };
    made.await.map_err(told(&headers, &instance))
}

pub(super) async fn file(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, date, file)): Path<(String, String, String)>,
    Query(query): Query<FileQuery>,
) -> Answer {
    let instance = format!("/v1/markets/{code}/days/{date}/{file}");
    let made = async {
        let report = report(&web, &code, &date).await?;
        match file.as_str() {
            "report.json" => json_answer(&report),
            "report.csv" => csv_answer(&report),
            "report.pdf" => {
                let form = page_form(query.form.as_deref())?;
                let name = format!("{}-{}.pdf", report.market.code, report.business_date);
                // Laying out hundreds of rows takes a moment, which must not hold up webhooks.
                let pdf = tokio::task::spawn_blocking(move || to_pdf(&report, form));
                Ok(download("application/pdf", &name, pdf.await.map_err(AppError::internal)??))
            }
            _ => {
                let message = Message::new(
                    "Chỉ có report.json, report.csv và report.pdf.",
                    "There are report.json, report.csv and report.pdf.",
                );
                Err(AppError::not_found(message))
            }
        }
    };
    made.await.map_err(told(&headers, &instance))
}

#[derive(Deserialize)]
pub(super) struct FileQuery {
    /// `official` for the page form of official papers.
    form: Option<String>,
}

/// Reads which page form is asked for.
pub(super) fn page_form(asked: Option<&str>) -> Result<PageForm, AppError> {
    match asked {
        None | Some("house") => Ok(PageForm::House),
        Some("official") => Ok(PageForm::Official),
        Some(_) => {
            let message = Message::new("form là house hoặc official.", "form is house or official.");
            Err(AppError::field("form", "unknown_form", message))
        }
    }
}

/// Answers with a file to keep.
pub(super) fn download(kind: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (headers, bytes).into_response()
}

fn json_answer(report: &DailyReport) -> Result<Response, AppError> {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    Ok((headers, to_json(report)?).into_response())
}

fn csv_answer(report: &DailyReport) -> Result<Response, AppError> {
    let name = format!("attachment; filename=\"{}-{}.csv\"", report.market.code, report.business_date);
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, to_csv(report)?).into_response())
}

pub(super) async fn page(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
) -> Answer {
    let page = async {
        let report = report(&web, &code, &date).await?;
        let test_now = web.test_clock.as_ref().map(|_| rfc3339(web.app.now()));
        day_page::render(&report, test_now.as_deref())
            .map(|html| Html(html).into_response())
            .map_err(AppError::internal)
    };
    page.await.map_err(told(&headers, "/markets"))
}

pub(super) async fn stylesheet() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, day_page::STYLESHEET).into_response()
}
