//! Closing a day, its close, proofs, public keys and balances.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Shared;
use super::markets::field;
use super::problem::{Answer, told};
use crate::app::access::Actor;
use crate::app::balances::AsOf;
use crate::app::close_day::CloseDay;
use crate::app::error::{AppError, Message};
use crate::app::seal_view::{close_json, keys_json};
use crate::domain::ids::Seq;

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CloseBody {
    #[serde(default)]
    early: bool,
}

pub(super) async fn close(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
    body: Option<Json<CloseBody>>,
) -> Answer {
    let early = body.is_some_and(|Json(body)| body.early);
    let closed = async {
        let (market, date) = (field("code", &code)?, field("date", &date)?);
        web.app.close_day(CloseDay { market, date, early, actor: actor.name().to_owned() }).await
    };
    let closed = closed.await.map_err(told(&headers, &format!("/v1/markets/{code}/days/{date}/close")))?;
    let shown: Vec<_> = closed.iter().map(close_json).collect();
    Ok((StatusCode::CREATED, Json(json!({"closed": shown}))).into_response())
}

pub(super) async fn one(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
) -> Answer {
    let found = async { web.app.close_for(&actor, &field("code", &code)?, field("date", &date)?).await };
    let found = found.await.map_err(told(&headers, &format!("/v1/markets/{code}/days/{date}/close")))?;
    Ok(Json(found.to_json()).into_response())
}

pub(super) async fn proof(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    let made = async { web.app.prove_for(&actor, &field("posting", &id)?).await };
    Ok(Json(made.await.map_err(told(&headers, &format!("/v1/postings/{id}/proof")))?).into_response())
}

pub(super) async fn keys(State(web): State<Shared>, headers: HeaderMap) -> Answer {
    let markets = web.app.published_keys(None).await.map_err(told(&headers, "/.well-known/socho-keys.json"))?;
    Ok(Json(keys_json(&markets)).into_response())
}

#[derive(Deserialize)]
pub(super) struct BalancesQuery {
    seq: Option<i64>,
    date: Option<String>,
}

pub(super) async fn balances(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<BalancesQuery>,
) -> Answer {
    let found = async {
        let as_of = match (query.seq, query.date.as_deref()) {
            (None, None) => AsOf::Now,
            (Some(seq), None) => AsOf::Posting(Seq::new(seq)),
            (None, Some(date)) => AsOf::Date(field("date", date)?),
            (Some(_), Some(_)) => {
                let message = Message::new("Chọn seq hoặc date, không cả hai.", "Give seq or date, not both.");
                return Err(AppError::field("seq", "seq_and_date", message));
            }
        };
        web.app.balances(&field("code", &code)?, as_of).await
    };
    let found = found.await.map_err(told(&headers, &format!("/v1/markets/{code}/balances")))?;
    Ok(Json(found.to_json()).into_response())
}
