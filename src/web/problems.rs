//! Pages of the catalogue of problems: where the `type` of every problem leads.

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse as _, Response};

use super::problem::{Answer, Tongue, told};
use crate::app::error::{AppError, Message};
use crate::app::problems::{ProblemEntry, catalogue};

#[derive(Template)]
#[template(path = "problems.html")]
struct Page {
    lang: &'static str,
    only: Option<String>,
    entries: Vec<ProblemEntry>,
}

pub(super) async fn all(headers: HeaderMap) -> Answer {
    render(&headers, None, catalogue()).map_err(told(&headers, "/problems"))
}

pub(super) async fn one(headers: HeaderMap, Path(code): Path<String>) -> Answer {
    let entries: Vec<_> = catalogue().into_iter().filter(|entry| entry.code == code).collect();
    if entries.is_empty() {
        let message = Message::new("Không có mã lỗi này.", "There is no such problem.");
        return Err(told(&headers, "/problems")(AppError::not_found(message)));
    }
    render(&headers, Some(code), entries).map_err(told(&headers, "/problems"))
}

fn render(headers: &HeaderMap, only: Option<String>, entries: Vec<ProblemEntry>) -> Result<Response, AppError> {
    let lang = if Tongue::of(headers) == Tongue::Vi { "vi" } else { "en" };
    let page = Page { lang, only, entries }.render().map_err(AppError::internal)?;
    let kept = [(header::CACHE_CONTROL, "max-age=3600"), (header::VARY, "Accept-Language, Cookie")];
    Ok((kept, Html(page)).into_response())
}
