//! The webhook clinic for programs: what a source sent lately, one request step by step, and having it
//! judged again.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::ingest::status_of;
use super::markets::field;
use super::problem::{Answer, Tongue, told};
use super::visitor::own_address;
use crate::app::access::Actor;
use crate::app::deliveries::{DeliveryShown, steps};
use crate::app::delivery_log::Heard;
use crate::app::journal::Page;
use crate::app::receive_settlement::ItemAnswer;
use crate::domain::calendar::rfc3339;

#[derive(Deserialize)]
pub(super) struct ListQuery {
    outcome: Option<String>,
    after: Option<String>,
    limit: Option<i64>,
}

/// `GET /v1/sources/{name}/deliveries`.
pub(super) async fn list(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(query): Query<ListQuery>,
) -> Answer {
    let listed = async {
        let heard = web.app.deliveries(&actor, &field("name", &name)?, query.outcome.as_deref()).await?;
        let named: Vec<(String, _)> = heard.iter().map(|one| (one.id.to_string(), one)).collect();
        Page::of_list(&named, |(id, _)| id, |(_, one)| heard_json(one), query.after.as_deref(), query.limit)
    };
    let instance = format!("/v1/sources/{name}/deliveries");
    Ok(Json(listed.await.map_err(told(&headers, &instance))?.to_json()).into_response())
}

/// `GET /v1/sources/{name}/deliveries/{delivery}`.
pub(super) async fn one(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((name, delivery)): Path<(String, String)>,
) -> Answer {
    let base = own_address(&web, &headers);
    let found = async { web.app.delivery(&actor, &field("name", &name)?, field("delivery", &delivery)?, &base).await };
    let shown = found.await.map_err(told(&headers, &format!("/v1/sources/{name}/deliveries/{delivery}")))?;
    Ok(Json(detail_json(&shown, Tongue::of(&headers))).into_response())
}

/// `POST /v1/sources/{name}/deliveries/{delivery}/replay`.
pub(super) async fn replay(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((name, delivery)): Path<(String, String)>,
) -> Answer {
    let judged = async { web.app.replay_delivery(&actor, &field("name", &name)?, field("delivery", &delivery)?).await };
    let instance = format!("/v1/sources/{name}/deliveries/{delivery}/replay");
    let (id, reply) = judged.await.map_err(told(&headers, &instance))?;
    let data: Vec<Value> = reply.items.iter().map(item_json).collect();
    Ok(Json(json!({"id": id.to_string(), "replays": delivery, "data": data})).into_response())
}

/// Returns the status that a request was answered with.
pub(super) fn status(heard: &Heard) -> StatusCode {
    heard.status.map_or(StatusCode::SERVICE_UNAVAILABLE, status_of)
}

fn item_json(item: &ItemAnswer) -> Value {
    json!({"id": item.item, "outcome": item.outcome.as_str(), "reason": item.reason, "posting": item.posting})
}

fn heard_json(heard: &Heard) -> Value {
    let cause = heard.evidence.as_ref().and_then(|evidence| evidence.cause.as_ref());
    json!({
        "id": heard.id.to_string(), "at": rfc3339(heard.at), "address": heard.address.map(|a| a.to_canonical().to_string()),
        "path": heard.sub_path, "bytes": heard.bytes, "outcome": heard.outcome(), "status": status(heard).as_u16(),
        "ms": u64::try_from(heard.took.as_millis()).unwrap_or(u64::MAX), "item_count": heard.item_count,
        "items": heard.items.iter().map(item_json).collect::<Vec<_>>(), "cause": cause.map(|cause| &cause.cause),
        "replays": heard.replays.as_ref().map(|(id, _)| id.to_string()),
        "replayed_by": heard.replays.as_ref().map(|(_, by)| by),
    })
}

fn detail_json(shown: &DeliveryShown, tongue: Tongue) -> Value {
    let evidence = shown.heard.evidence.as_ref();
    let cause = evidence.and_then(|evidence| evidence.cause.as_ref());
    let headers = evidence.into_iter().flat_map(|evidence| &evidence.headers);
    let steps: Vec<Value> = steps(&shown.heard)
        .iter()
        .map(|step| json!({"step": step.name, "state": step.passed.as_str(), "says": tongue.choose(&step.says)}))
        .collect();
    json!({
        "delivery": heard_json(&shown.heard), "steps": steps,
        "explanation": cause.map(|cause| tongue.choose(&cause.message)),
        "headers": headers.map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>(),
        "body": shown.body.as_ref().map(|body| String::from_utf8_lossy(body)), "body_complete": shown.complete,
        "curl": shown.command,
    })
}
