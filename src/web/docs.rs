//! `/docs`: the API's document to read and to try, with a vendored Swagger UI. The page's policy allows
//! this origin's own files and nothing inline.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse as _, Response};
use utoipa_swagger_ui::Config;

use super::pages::frame::Frame;
use super::pages::html;
use super::problem::{Answer, Tongue, told};
use crate::app::error::{AppError, Message};

/// What the page may load: its own script and style, the document, pictures that the style sheet holds.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// What is served of the vendored files; the rest of them is for other ways of building.
const FILES: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];
/// Our own script, which starts the vendored one.
const START: &str = include_str!("pages/docs.js");

/// How a stranger connects a bank; `tests/it/guide.rs` does as it says.
#[derive(Template)]
#[template(path = "integrate.html")]
struct Guide {
    frame: Frame,
}

pub(super) async fn page() -> Response {
    let headers = [(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, "max-age=300")];
    (headers, Html(include_str!("pages/docs.html"))).into_response()
}

pub(super) async fn file(headers: HeaderMap, Path(name): Path<String>) -> Answer {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let cached = [(header::CACHE_CONTROL, "max-age=86400")];
    if name == "integrate" {
        let page = html(&Guide { frame: Frame::bare(Tongue::of(&headers)) });
        return page.map_err(told(&headers, "/docs/integrate"));
    }
    if name == "start.js" {
        return Ok((cached, [(header::CONTENT_TYPE, SCRIPT)], START).into_response());
    }
    let missing = || AppError::not_found(Message::new("Địa chỉ này không có.", "There is no such address."));
    let found = if FILES.contains(&name.as_str()) {
        let read = utoipa_swagger_ui::serve(&name, Arc::new(Config::from("/openapi.json")));
        read.map_err(|error| AppError::internal(error.to_string()))
    } else {
        Ok(None)
    };
    let found = found.and_then(|found| found.ok_or_else(missing)).map_err(told(&headers, "/docs"))?;
    let kind = if name == "swagger-ui.css" { "text/css; charset=utf-8" } else { SCRIPT };
    Ok((cached, [(header::CONTENT_TYPE, kind)], found.bytes.into_owned()).into_response())
}
