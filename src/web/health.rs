//! Whether the program lives and can serve, and what it is.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::problem::{Answer, told};
use crate::app::error::{AppError, Message};
use crate::domain::calendar::rfc3339;

pub(super) async fn live() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(web): State<Shared>, headers: HeaderMap) -> Answer {
    web.app.ready().await.map_err(told(&headers, "/readyz"))?;
    Ok("ok\n".into_response())
}

pub(super) async fn version(State(web): State<Shared>) -> Json<serde_json::Value> {
    let now = web.test_clock.as_ref().map(|_| rfc3339(web.app.now()));
    Json(json!({
        "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION"), "engine": web.app.engine(),
        "test_mode": web.test_clock.is_some(), "now": now,
    }))
}

#[derive(Deserialize)]
pub(super) struct SetClock {
    now: String,
}

/// Moves the clock, in test mode alone.
pub(super) async fn set_clock(State(web): State<Shared>, headers: HeaderMap, Json(wanted): Json<SetClock>) -> Answer {
    let problem = || told(&headers, "/test/clock");
    let Some(clock) = &web.test_clock else {
        let message = Message::new("Chỉ có trong chế độ thử (--test-mode).", "Only in test mode (--test-mode).");
        return Err(problem()(AppError::not_found(message)));
    };
    let instant: Timestamp = wanted.now.parse().map_err(|_| {
        let message = Message::new("now phải là thời điểm RFC 3339.", "now must be an RFC 3339 instant.");
        problem()(AppError::field("now", "not_an_instant", message))
    })?;
    clock.set(instant);
    Ok(Json(json!({"now": rfc3339(web.app.now())})).into_response())
}
