//! The journal and the inbox: lists, details, corrections, decisions.

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
use crate::app::error::{AppError, Message};
use crate::app::resolve::ResolveAction;
use crate::app::todo::Assigned;
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::{ItemName, PostingName};
use crate::domain::inbox::Outcome;
use crate::domain::money::Dong;

#[derive(Deserialize)]
pub(super) struct ListQuery {
    date: Option<String>,
    stall: Option<String>,
    after: Option<String>,
    limit: Option<i64>,
}

pub(super) async fn list(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<ListQuery>,
) -> Answer {
    let listed = async {
        let date: Option<BusinessDate> = query.date.as_deref().map(|date| field("date", date)).transpose()?;
        let market = field("code", &code)?;
        let (wanted, part) = ((date, query.stall.as_deref()), (query.after.as_deref(), query.limit));
        web.app.postings_for(&actor, &market, wanted, part).await
    };
    let page = listed.await.map_err(told(&headers, &format!("/v1/markets/{code}/postings")))?;
    Ok(Json(page.to_json()).into_response())
}

pub(super) async fn one(State(web): State<Shared>, actor: Actor, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let found = async { web.app.posting_for(&actor, &field("posting", &id)?).await };
    Ok(Json(found.await.map_err(told(&headers, &format!("/v1/postings/{id}")))?).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CorrectionBody {
    reason: String,
    stall: Option<String>,
    amount: Option<i64>,
    line: Option<i64>,
}

pub(super) async fn correct(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((id, action)): Path<(String, String)>,
    Json(body): Json<CorrectionBody>,
) -> Answer {
    let missing = |name: &str| {
        let message = Message::new(format!("Thiếu {name}."), format!("{name} is missing."));
        AppError::field(name, "missing", message)
    };
    let corrected = async {
        let (who, actor) = (&actor, actor.name());
        let posting: PostingName = field("posting", &id)?;
        let amount = || body.amount.map(Dong::new).ok_or_else(|| missing("amount"));
        match action.as_str() {
            "reverse" => web.app.reverse(&posting, actor, &body.reason).await,
            "assign" => {
                let stall = body.stall.as_deref().ok_or_else(|| missing("stall"))?;
                match web.app.assign_by(&posting, who, &body.reason, stall).await? {
                    Assigned::Posted(made) => Ok(made),
                    Assigned::Proposed => return Ok(None),
                }
            }
            "cash-change" => web.app.cash_change(&posting, actor, &body.reason, amount()?).await,
            "exclude" => web.app.exclude(&posting, actor, &body.reason, amount()?).await,
            "refund" => {
                let line = body.line.ok_or_else(|| missing("line"))?;
                web.app.refund(&posting, actor, &body.reason, line).await
            }
            _ => Err(AppError::not_found(Message::new(
                "Chỉ có reverse, assign, cash-change, exclude, refund.",
                "There are reverse, assign, cash-change, exclude and refund.",
            ))),
        }
        .map(Some)
    };
    let made = corrected.await.map_err(told(&headers, &format!("/v1/postings/{id}/{action}")))?;
    let Some(made) = made else {
        let waits = serde_json::json!({"status": "proposed", "posting": id});
        return Ok((StatusCode::ACCEPTED, Json(waits)).into_response());
    };
    let shown = web.app.posting(&made).await.map_err(told(&headers, "/v1/postings"))?;
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

#[derive(Deserialize)]
pub(super) struct InboxQuery {
    outcome: Option<String>,
    market: Option<String>,
    after: Option<String>,
    limit: Option<i64>,
}

pub(super) async fn inbox(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Query(query): Query<InboxQuery>,
) -> Answer {
    let listed = async {
        let outcome: Outcome = field("outcome", query.outcome.as_deref().unwrap_or("quarantined"))?;
        let market = query.market.as_deref().map(|code| field("market", code)).transpose()?;
        web.app.held_items_for(&actor, outcome, market.as_ref(), query.after.as_deref(), query.limit).await
    };
    Ok(Json(listed.await.map_err(told(&headers, "/v1/inbox"))?.to_json()).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResolveBody {
    action: String,
    reason: String,
}

pub(super) async fn resolve(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<ResolveBody>,
) -> Answer {
    let resolved = async {
        let item: ItemName = field("item", &id)?;
        let action = match body.action.as_str() {
            "book" => ResolveAction::Book,
            "judge_again" => ResolveAction::JudgeAgain,
            "dismiss" => ResolveAction::Dismiss,
            _ => {
                let message = Message::new(
                    "action là book, judge_again hoặc dismiss.",
                    "action is book, judge_again or dismiss.",
                );
                return Err(AppError::field("action", "unknown_action", message));
            }
        };
        web.app.resolve(item, actor.name(), &body.reason, action).await
    };
    let items = resolved.await.map_err(told(&headers, &format!("/v1/inbox/{id}/resolve")))?;
    let data: Vec<_> = items
        .iter()
        .map(|item| json!({"id": item.item, "outcome": item.outcome.as_str(), "reason": item.reason, "posting": item.posting}))
        .collect();
    Ok(Json(json!({"data": data})).into_response())
}
