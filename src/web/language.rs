//! The language that a person chose in a page's footer: kept by the browser, before what it speaks itself.

use axum::Form;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::visitor::{cookie, keep};

const COOKIE: &str = "__Host-socho-language";
/// How long a browser keeps it, in seconds: a year.
const KEPT_S: i64 = 31_536_000;

/// Returns what a person chose before.
pub(super) fn chosen(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE).filter(|language| ["vi", "en"].contains(language))
}

#[derive(Deserialize)]
pub(super) struct Choice {
    to: String,
}

/// `POST /language`: keeps the choice and goes back to the page whose footer it was.
pub(super) async fn choose(headers: HeaderMap, Form(choice): Form<Choice>) -> Response {
    let mut response = Redirect::to(&back(&headers)).into_response();
    keep(&mut response, COOKIE, if choice.to == "en" { "en" } else { "vi" }, KEPT_S);
    response
}

/// Returns the path of the page that a form stood on; our own pages alone send one.
fn back(headers: &HeaderMap) -> String {
    let referer = headers.get(header::REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = referer.parse::<Uri>().ok().and_then(|uri| uri.path_and_query().map(ToString::to_string));
    path.filter(|path| path.starts_with('/') && !path.starts_with("//")).unwrap_or_else(|| "/".to_owned())
}
