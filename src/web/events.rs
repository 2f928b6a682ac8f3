//! `GET /v1/events`: the journal's postings as CloudEvents 1.0, in order, for programs that ask.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::IntoResponse as _;
use serde::Deserialize;

use super::Shared;
use super::markets::field;
use super::problem::{Answer, told};
use crate::app::access::Actor;
use crate::app::events::EventsWanted;

/// The media type of several events as one array (CloudEvents 1.0, JSON batch format).
const BATCH: &str = "application/cloudevents-batch+json";

#[derive(Deserialize)]
pub(super) struct EventsQuery {
    market: Option<String>,
    after: Option<String>,
    limit: Option<i64>,
    wait: Option<i64>,
}

pub(super) async fn list(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Answer {
    let listed = async {
        let market = query.market.as_deref().map(|code| field("market", code)).transpose()?;
        let wanted = EventsWanted { market, after: query.after, limit: query.limit, wait_s: query.wait };
        web.app.events(&actor, wanted).await
    };
    let events = listed.await.map_err(told(&headers, "/v1/events"))?;
    if !wants_batch(&headers) {
        return Ok(Json(events.to_json()).into_response());
    }
    let mut response = Json(&events.events).into_response();
    let place = [("socho-next", events.next), ("socho-last-seq", events.last_seq)];
    for (name, seq) in place {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(seq));
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(BATCH));
    Ok(response)
}

/// Tells whether the bare array is asked for.
fn wants_batch(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains(BATCH))
}
