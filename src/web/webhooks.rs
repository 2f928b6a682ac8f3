//! Subscriptions of other programs to a market's events.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Shared;
use super::markets::field;
use super::problem::{Answer, told};
use crate::app::access::Actor;
use crate::app::error::{AppError, Message};
use crate::app::webhooks::WebhookShown;

/// Hours for which events are signed with the secret before too, unless it is said.
const OVERLAP_HOURS: u32 = 24;
/// Most hours of that.
const OVERLAP_HOURS_MAX: u32 = 720;

pub(super) async fn list(State(web): State<Shared>, headers: HeaderMap, Path(code): Path<String>) -> Answer {
    let listed = async { web.app.webhooks(&field("code", &code)?).await };
    let webhooks = listed.await.map_err(told(&headers, &format!("/v1/markets/{code}/webhooks")))?;
    let data: Vec<Value> = webhooks.iter().map(WebhookShown::to_json).collect();
    Ok(Json(json!({"data": data, "has_more": false, "next": null})).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWebhook {
    /// Where events go: `https://…`.
    #[schema(example = "https://example.vn/socho")]
    url: String,
    /// Begin behind this posting; now when nothing is said.
    after: Option<String>,
}

pub(super) async fn add(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(code): Path<String>,
    Json(new): Json<NewWebhook>,
) -> Answer {
    let added = async {
        let url = field("url", &new.url)?;
        web.app.add_webhook(&field("code", &code)?, url, new.after.as_deref(), actor.name()).await
    };
    let (webhook, secret) = added.await.map_err(told(&headers, &format!("/v1/markets/{code}/webhooks")))?;
    Ok((StatusCode::CREATED, Json(json!({"webhook": webhook.to_json(), "secret": secret}))).into_response())
}

pub(super) async fn one(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, webhook)): Path<(String, String)>,
) -> Answer {
    let found = async { web.app.webhook(&field("code", &code)?, field("webhook", &webhook)?).await };
    let found = found.await.map_err(told(&headers, &format!("/v1/markets/{code}/webhooks/{webhook}")))?;
    Ok(Json(found.to_json()).into_response())
}

pub(super) async fn remove(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, webhook)): Path<(String, String)>,
) -> Answer {
    let removed = async { web.app.remove_webhook(&field("code", &code)?, field("webhook", &webhook)?).await };
    removed.await.map_err(told(&headers, &format!("/v1/markets/{code}/webhooks/{webhook}")))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookRotation {
    /// Hours for which events are signed with the secret before too; 24 when nothing is said.
    overlap_hours: Option<u32>,
}

pub(super) async fn rotate(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, webhook)): Path<(String, String)>,
    body: Option<Json<WebhookRotation>>,
) -> Answer {
    let rotated = async {
        let hours = body.and_then(|Json(body)| body.overlap_hours).unwrap_or(OVERLAP_HOURS);
        if hours > OVERLAP_HOURS_MAX {
            let message = Message::new("overlap_hours phải từ 0 đến 720.", "overlap_hours must be 0 to 720.");
            return Err(AppError::field("overlap_hours", "overlap_out_of_range", message));
        }
        let overlap = SignedDuration::from_hours(i64::from(hours));
        web.app.rotate_webhook(&field("code", &code)?, field("webhook", &webhook)?, overlap).await
    };
    let instance = format!("/v1/markets/{code}/webhooks/{webhook}/rotate");
    let (webhook, secret) = rotated.await.map_err(told(&headers, &instance))?;
    Ok(Json(json!({"webhook": webhook.to_json(), "secret": secret})).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    /// Deliver again what comes behind this posting; where the subscription stands when nothing is said.
    after: Option<String>,
}

pub(super) async fn replay(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, webhook)): Path<(String, String)>,
    body: Option<Json<Replay>>,
) -> Answer {
    let replayed = async {
        let after = body.and_then(|Json(body)| body.after);
        web.app.replay_webhook(&field("code", &code)?, field("webhook", &webhook)?, after.as_deref()).await
    };
    let instance = format!("/v1/markets/{code}/webhooks/{webhook}/replay");
    Ok(Json(replayed.await.map_err(told(&headers, &instance))?.to_json()).into_response())
}

pub(super) async fn test(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, webhook)): Path<(String, String)>,
) -> Answer {
    let tried = async { web.app.test_webhook(&field("code", &code)?, field("webhook", &webhook)?).await };
    let instance = format!("/v1/markets/{code}/webhooks/{webhook}/test");
    Ok(Json(tried.await.map_err(told(&headers, &instance))?.to_json()).into_response())
}
