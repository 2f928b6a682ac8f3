//! Closed days for the city's platforms, what their fields mean, and a catalogue that says so.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::Shared;
use super::markets::field;
use super::problem::{Answer, told};
use crate::app::error::{AppError, Message};
use crate::app::feeds::{DaysWanted, Publisher, dictionary};

/// The media type of the catalogue.
const LINKED: &str = "application/ld+json";

#[derive(Deserialize)]
pub(super) struct DaysQuery {
    from: Option<String>,
    to: Option<String>,
    after: Option<String>,
    limit: Option<i64>,
    format: Option<String>,
}

pub(super) async fn days(State(web): State<Shared>, headers: HeaderMap, Query(query): Query<DaysQuery>) -> Answer {
    let read = async {
        let from = query.from.as_deref().map(|date| field("from", date)).transpose()?;
        let to = query.to.as_deref().map(|date| field("to", date)).transpose()?;
        let as_csv = match query.format.as_deref() {
            None | Some("json") => false,
            Some("csv") => true,
            Some(_) => {
                let message = Message::new("format là json hoặc csv.", "format is json or csv.");
                return Err(AppError::field("format", "unknown_form", message));
            }
        };
        let wanted = DaysWanted { from, to, after: query.after, limit: query.limit };
        let page = web.app.feed_days(wanted).await?;
        if !as_csv {
            return Ok(Json(page.to_json()).into_response());
        }
        let kind = (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present");
        let mut response = ([kind], page.to_csv()?).into_response();
        if let Some(next) = page.next().and_then(|next| HeaderValue::from_str(next).ok()) {
            response.headers_mut().insert(HeaderName::from_static("socho-next"), next);
        }
        Ok(response)
    };
    read.await.map_err(told(&headers, "/v1/feeds/days"))
}

pub(super) async fn words() -> Response {
    Json(dictionary()).into_response()
}

pub(super) async fn catalogue(State(web): State<Shared>, headers: HeaderMap) -> Answer {
    let publisher = Publisher { base: web.door.public_url.clone(), ..web.app.publisher().clone() };
    let catalogue = web.app.feed_catalogue(&publisher).await.map_err(told(&headers, "/v1/feeds/catalog"))?;
    Ok(([(header::CONTENT_TYPE, LINKED)], catalogue.to_string()).into_response())
}
