//! The daily report: JSON, CSV and a page that can be printed.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use serde::Deserialize;

use super::day_page::Screen;
use super::markets::field;
use super::pages::frame::Frame;
use super::problem::{Answer, told};
use super::{Shared, day_page};
use crate::app::daily_report::{PageForm, figures_hash, to_json};
use crate::app::error::{AppError, Message};
use crate::app::period_report::{FileForm, day_file};
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
    let made = async {
        let report = report(&web, &code, &date).await?;
        let mark = mark(&report)?;
        if unchanged(&headers, &mark) { Ok(not_modified(&mark)) } else { marked(json_answer(&report)?, &mark) }
    };
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
        if file == "close.pdf" {
            let form = page_form(query.form.as_deref())?;
            let record = web.app.closing_record(&report.market.code, report.business_date, form).await?;
            let name = format!("{}-{}-khoa-so.pdf", report.market.code, report.business_date);
            web.app.note_download(Some(&report.market.code), &name).await?;
            return Ok(download("application/pdf", &name, record));
        }
        let form = file_form(file.strip_prefix("report.").unwrap_or_default(), query.form.as_deref())?;
        let mark = mark(&report)?;
        if unchanged(&headers, &mark) {
            return Ok(not_modified(&mark));
        }
        if form == FileForm::Json {
            return marked(json_answer(&report)?, &mark);
        }
        let name = format!("{}-{}.{}", report.market.code, report.business_date, form.ending());
        web.app.note_download(Some(&report.market.code), &name).await?;
        // Laying out hundreds of rows takes a moment, which must not hold up webhooks.
        let made = tokio::task::spawn_blocking(move || day_file(&report, form));
        marked(download(media_type(form), &name, made.await.map_err(AppError::internal)??), &mark)
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

/// Reads the form of a file from its ending.
pub(super) fn file_form(ending: &str, page: Option<&str>) -> Result<FileForm, AppError> {
    match ending {
        "json" => Ok(FileForm::Json),
        "csv" => Ok(FileForm::Csv),
        "xlsx" => Ok(FileForm::Xlsx),
        "pdf" => Ok(FileForm::Pdf(page_form(page)?)),
        _ => {
            let message =
                Message::new("Chỉ có các dạng json, csv, xlsx và pdf.", "There are the forms json, csv, xlsx and pdf.");
            Err(AppError::not_found(message))
        }
    }
}

/// Returns a form's media type.
pub(super) fn media_type(form: FileForm) -> &'static str {
    match form {
        FileForm::Json => "application/json",
        FileForm::Csv => "text/csv; charset=utf-8",
        FileForm::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        FileForm::Pdf(_) => "application/pdf",
    }
}

/// Answers with a file to keep.
pub(super) fn download(kind: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (headers, bytes).into_response()
}

/// Returns the mark of a report's figures: weak, for the moment at which it is drawn up is no figure.
fn mark(report: &DailyReport) -> Result<String, AppError> {
    Ok(format!("W/\"{}\"", figures_hash(report)?))
}

/// Tells whether the caller holds these very figures (RFC 9110 §13.1.2).
fn unchanged(headers: &HeaderMap, mark: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let held = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    held.flat_map(|value| value.split(',')).any(|tag| tag.trim() == "*" || opaque(tag) == opaque(mark))
}

fn not_modified(mark: &str) -> Response {
    (StatusCode::NOT_MODIFIED, [(header::ETAG, mark.to_owned()), (header::CACHE_CONTROL, KEPT.to_owned())])
        .into_response()
}

/// A caller may keep a report, and asks each time whether it still holds.
const KEPT: &str = "private, no-cache";

fn marked(mut response: Response, mark: &str) -> Result<Response, AppError> {
    let value = HeaderValue::from_str(mark).map_err(AppError::internal)?;
    response.headers_mut().insert(header::ETAG, value);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(KEPT));
    Ok(response)
}

fn json_answer(report: &DailyReport) -> Result<Response, AppError> {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    Ok((headers, to_json(report)?).into_response())
}

pub(super) async fn page(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
) -> Answer {
    let page = async {
        let report = report(&web, &code, &date).await?;
        let screen = Screen { language: frame.language(), test_now: frame.test_now.as_deref(), csrf: &frame.csrf };
        day_page::render(&report, screen).map(|html| Html(html).into_response()).map_err(AppError::internal)
    };
    page.await.map_err(told(&headers, "/markets"))
}

pub(super) async fn stylesheet() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, day_page::STYLESHEET).into_response()
}
