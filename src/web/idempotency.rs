//! `Idempotency-Key`: one layer before all handlers, behind the door. Which routes read it, and what
//! doing each of them twice would do.

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::problem::told;
use super::visitor::Visitor;
use super::{API_BODY_MAX, STATEMENT_BODY_MAX, Shared};
use crate::app::access::Place;
use crate::app::error::{AppError, ErrorKind, Message};
use crate::app::idempotency::{Begun, KeptAnswer, Keyed, Ticket, Twice};
use crate::domain::idempotency::{IdempotencyKey, KEY_MAX};

/// The request's header.
const KEY: &str = "idempotency-key";
/// What an answer carries that was given before.
const REPLAYED: &str = "idempotent-replayed";
/// Largest answer that is held in memory to be kept, in bytes: an import that names every bad cell.
const ANSWER_READ_MAX: usize = 32 << 20;

/// The routes that read the header, with what doing each twice does and why.
pub const KEYED: &[(&str, Twice, &str)] = &[
    ("/v1/markets", Twice::Harmless, "a market's code is taken once"),
    ("/v1/markets/{code}/stalls", Twice::Harmless, "a stall registered so already is found"),
    ("/v1/markets/{code}/stalls/import", Twice::Harmless, "rows registered so already are found"),
    ("/v1/markets/{code}/days/{date}/close", Twice::Harmless, "a day is closed once"),
    ("/v1/markets/{code}/statements", Twice::Harmless, "a file is known by its hash"),
    ("/v1/markets/{code}/statement-lines/{line}/accept", Twice::Harmless, "a line is decided once"),
    ("/v1/markets/{code}/statement-lines/{line}/repeat", Twice::Harmless, "a line is decided once"),
    ("/v1/markets/{code}/reconciliation/{date}/book", Twice::Harmless, "a line is booked under its number"),
    ("/v1/markets/{code}/reconciliation/{date}/sign", Twice::Harmless, "the same figures are signed for"),
    ("/v1/statements/{id}/book", Twice::Harmless, "a line is booked under its number"),
    ("/v1/postings/{id}/{action}", Twice::Doubles, "cash can be handed back twice of one payment"),
    ("/v1/postings/{id}/dispute/answer", Twice::Harmless, "a dispute is answered once"),
    ("/v1/inbox/{id}/resolve", Twice::Harmless, "an item is resolved once"),
    ("/v1/sources", Twice::Harmless, "a source's name is taken once"),
    ("/v1/sources/{name}/addresses", Twice::Harmless, "a network stands on the list once"),
    ("/v1/sources/{name}/deliveries/{delivery}/replay", Twice::Harmless, "a settlement has the bank's own identity"),
    ("/v1/sources/{name}/rotate", Twice::Doubles, "the secret before would be forgotten early"),
];

/// The routes that make facts and do not read it, and why.
pub const NOT_KEYED: &[(&str, &str)] = &[
    ("/v1/ingest/{source}", "a settlement has the bank's own identity"),
    ("/v1/ingest/{source}/", "a settlement has the bank's own identity"),
    ("/v1/ingest/{source}/{*rest}", "a settlement has the bank's own identity"),
    ("/v1/users", "the answer holds a password, which is kept nowhere"),
    ("/v1/users/{user}/{action}", "the answer may hold a password, which is kept nowhere"),
    ("/v1/markets/{code}/webhooks", "the answer holds a secret, which is kept nowhere"),
    ("/v1/markets/{code}/webhooks/{webhook}/rotate", "the answer holds a secret, which is kept nowhere"),
    ("/v1/markets/{code}/webhooks/{webhook}/replay", "what is sent again carries its own identity"),
    ("/v1/markets/{code}/webhooks/{webhook}/test", "it makes no fact"),
    ("/v1/keys", "the answer holds a key, which is kept nowhere"),
    ("/v1/markets/{code}/stalls/{stall}/pairing-codes", "the answer holds a code, which is kept nowhere"),
];

/// Carries a request out once for its key.
pub(super) async fn once(State(web): State<Shared>, request: Request, next: Next) -> Response {
    let Some((route, twice)) = keyed(&request) else { return next.run(request).await };
    let (asked, shown) = (request.headers().clone(), request.uri().path().to_owned());
    let key = match key_of(&asked) {
        Ok(key) => key,
        Err(error) => return told(&asked, &shown)(error).with_status(StatusCode::BAD_REQUEST).into_response(),
    };
    let (parts, body) = request.into_parts();
    let most = if route == "/v1/markets/{code}/statements" { STATEMENT_BODY_MAX } else { API_BODY_MAX };
    let bytes = match axum::body::to_bytes(body, most).await {
        Ok(bytes) => bytes,
        Err(error) => return unread(&error),
    };
    let begun = async {
        let actor = parts.extensions.get::<Visitor>().and_then(Visitor::actor).ok_or_else(not_here)?;
        let place = parts.extensions.get::<Place>().ok_or_else(not_here)?;
        let query = parts.uri.query().unwrap_or_default();
        let parts = [shown.as_bytes(), query.as_bytes(), bytes.as_ref()];
        web.app.begin_keyed(Keyed { actor, place, route, key, parts, twice }).await
    };
    match begun.await {
        Err(error) => told(&asked, &shown)(error).into_response(),
        Ok(Begun::Answered(answer)) => replayed(answer),
        Ok(Begun::Run(ticket)) => {
            let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
            kept(&web, &ticket, response).await
        }
    }
}

/// Returns the route of a request that carries a key where one is read.
fn keyed(request: &Request) -> Option<(&'static str, Twice)> {
    if *request.method() != Method::POST || !request.headers().contains_key(KEY) {
        return None;
    }
    let path = request.extensions().get::<MatchedPath>()?.as_str();
    KEYED.iter().find(|(route, ..)| *route == path).map(|(route, twice, _)| (*route, *twice))
}

fn key_of(headers: &HeaderMap) -> Result<IdempotencyKey, AppError> {
    let mut given = headers.get_all(KEY).iter();
    let only = given.next().filter(|_| given.next().is_none()).and_then(|value| value.to_str().ok());
    only.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let message = Message::new(
            format!(
                "Idempotency-Key phải có đúng một, dài 1 đến {KEY_MAX} ký tự ASCII nhìn thấy được, không có dấu ngoặc kép, \\ và dấu phẩy."
            ),
            format!(
                "There is one Idempotency-Key, of 1 to {KEY_MAX} visible ASCII characters without a double quote, backslash or comma."
            ),
        );
        AppError::new(ErrorKind::Invalid, "idempotency_key_invalid", message)
    })
}

/// Keeps an answer under its ticket and passes it on. What cannot be kept is no reason to take it back:
/// the fact is there, and the next request finds it.
async fn kept(web: &Shared, ticket: &Ticket, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, ANSWER_READ_MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let answer = KeptAnswer {
        status: parts.status.as_u16(),
        content_type: content_type.map(ToOwned::to_owned),
        body: bytes.to_vec(),
    };
    if let Err(error) = web.app.end_keyed(ticket, &answer).await {
        tracing::error!(code = error.code, cause = ?error.cause, "web.answer_not_kept");
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn replayed(answer: KeptAnswer) -> Response {
    let mut response = Body::from(answer.body).into_response();
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(kind) = answer.content_type.and_then(|kind| HeaderValue::from_str(&kind).ok()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// What the frame puts into words: a body that is too large, or too slow.
fn unread(error: &axum::Error) -> Response {
    let told = error.to_string();
    let slow = told.ends_with("the body came too slowly");
    (if slow { StatusCode::BAD_REQUEST } else { StatusCode::PAYLOAD_TOO_LARGE }, told).into_response()
}

fn not_here() -> AppError {
    AppError::internal("a keyed route behind a row that admits anybody")
}
