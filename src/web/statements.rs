//! Statements of banks and reconciliations: the API.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Multipart, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Shared;
use super::markets::{PageQuery, field};
use super::problem::{Answer, told};
use crate::app::access::Actor;
use crate::app::error::{AppError, ErrorKind, Message};
use crate::app::keep_statement::HandIn;
use crate::app::reconcile::{Reconciliation, Scope};
use crate::app::reconcile_view::verdict;
use crate::app::sign_reconciliation::CloseChecklist;
use crate::app::statement_view::LineDecision;
use crate::domain::ids::MarketCode;
use crate::domain::reconciliation::StatementId;

#[derive(Deserialize, Default)]
pub(super) struct UploadQuery {
    file_name: Option<String>,
    #[serde(alias = "bin")]
    bank: Option<String>,
    #[serde(default)]
    whole: bool,
}

/// Reads a file to hand in: the body itself, or the fields of a form.
pub(super) async fn hand_in(
    market: MarketCode,
    query: UploadQuery,
    request: Request,
    actor: &Actor,
) -> Result<HandIn, AppError> {
    let unreadable = |error: String| {
        let message = Message::new(format!("Không đọc được tệp gửi lên: {error}."), format!("The upload: {error}."));
        AppError::new(ErrorKind::Invalid, "upload_unreadable", message)
    };
    let mut new = HandIn {
        market,
        bytes: Vec::new(),
        file_name: query.file_name.unwrap_or_default(),
        map: None,
        bank: query.bank,
        whole: query.whole,
        actor: actor.name().to_owned(),
    };
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") {
        let body = Bytes::from_request(request, &()).await.map_err(|error| unreadable(error.body_text()))?;
        return Ok(HandIn { bytes: body.to_vec(), ..new });
    }
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| unreadable(error.body_text()))?;
    while let Some(part) = form.next_field().await.map_err(|error| unreadable(error.body_text()))? {
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(str::to_owned);
        let bytes = part.bytes().await.map_err(|error| unreadable(error.body_text()))?;
        let text = || String::from_utf8_lossy(&bytes).trim().to_owned();
        match name.as_str() {
            "file" => (new.bytes, new.file_name) = (bytes.to_vec(), file_name.unwrap_or_default()),
            "map" if !bytes.is_empty() => new.map = Some(text()),
            "bank" | "bin" if !bytes.is_empty() => new.bank = Some(text()),
            "whole" => new.whole = !bytes.is_empty(),
            _ => {}
        }
    }
    Ok(new)
}

pub(super) async fn upload(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Answer {
    let kept = async {
        let kept = web.app.keep_statement(hand_in(field("code", &code)?, query, request, &actor).await?).await?;
        Ok((kept.already, web.app.statement(kept.id).await?))
    };
    let (already, shown) = kept.await.map_err(told(&headers, &format!("/v1/markets/{code}/statements")))?;
    let mut body = shown.to_json();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("already_known".to_owned(), already.into());
    }
    Ok((if already { StatusCode::OK } else { StatusCode::CREATED }, Json(body)).into_response())
}

pub(super) async fn list(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer {
    let listed = async { web.app.statements(&field("code", &code)?, query.after.as_deref(), query.limit).await };
    let (listed, next) = listed.await.map_err(told(&headers, &format!("/v1/markets/{code}/statements")))?;
    let data: Vec<_> = listed.iter().map(crate::app::statement_view::StatementShown::to_json).collect();
    Ok(Json(json!({"data": data, "has_more": next.is_some(), "next": next})).into_response())
}

pub(super) async fn one(State(web): State<Shared>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let found = async { web.app.statement(field("statement", &id)?).await };
    Ok(Json(found.await.map_err(told(&headers, &format!("/v1/statements/{id}")))?.to_json()).into_response())
}

#[derive(Deserialize)]
pub(super) struct ReconciliationQuery {
    date: Option<String>,
    #[serde(default)]
    matched: bool,
    after: Option<String>,
    limit: Option<i64>,
}

/// Compares; with a cursor or a limit one page of the findings, else the first of each class.
async fn compared(
    web: &Shared,
    market: &MarketCode,
    scope: Scope,
    query: &ReconciliationQuery,
) -> Result<Reconciliation, AppError> {
    if query.after.is_none() && query.limit.is_none() {
        return web.app.reconcile(market, scope).await;
    }
    web.app.reconcile_page(market, scope, query.matched, query.after.as_deref(), query.limit).await
}

pub(super) async fn of_statement(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<ReconciliationQuery>,
) -> Answer {
    let found = async {
        let id: StatementId = field("statement", &id)?;
        let date = query.date.as_deref().map(|date| field("date", date)).transpose()?;
        let market = web.app.market_of_statement(id).await?;
        compared(&web, &market, Scope::Statement(id, date), &query).await
    };
    let found = found.await.map_err(told(&headers, &format!("/v1/statements/{id}/reconciliation")))?;
    Ok(Json(found.to_json(query.matched)).into_response())
}

pub(super) async fn of_date(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<ReconciliationQuery>,
) -> Answer {
    let found = async {
        let date = query.date.as_deref().map(|date| field("date", date)).transpose()?;
        let scope = Scope::Date(date.unwrap_or_else(|| web.app.today()));
        compared(&web, &field("code", &code)?, scope, &query).await
    };
    let found = found.await.map_err(told(&headers, &format!("/v1/markets/{code}/reconciliation")))?;
    Ok(Json(found.to_json(query.matched)).into_response())
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BookBody {
    date: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn book_statement(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Option<Json<BookBody>>,
) -> Answer {
    let body = body.map(|Json(body)| body).unwrap_or_default();
    let booked = async {
        let id: StatementId = field("statement", &id)?;
        let date = body.date.as_deref().map(|date| field("date", date)).transpose()?;
        let market = web.app.market_of_statement(id).await?;
        web.app.book_missing(&market, Scope::Statement(id, date), actor.name(), body.dry_run).await
    };
    let booked = booked.await.map_err(told(&headers, &format!("/v1/statements/{id}/book")))?;
    Ok(Json(booked.to_json()).into_response())
}

pub(super) async fn book_date(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
    body: Option<Json<BookBody>>,
) -> Answer {
    let dry_run = body.is_some_and(|Json(body)| body.dry_run);
    let booked = async {
        web.app.book_missing(&field("code", &code)?, Scope::Date(field("date", &date)?), actor.name(), dry_run).await
    };
    let booked = booked.await.map_err(told(&headers, &format!("/v1/markets/{code}/reconciliation/{date}/book")))?;
    Ok(Json(booked.to_json()).into_response())
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignBody {
    #[serde(default)]
    note: String,
    digest: Option<String>,
}

pub(super) async fn sign(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
    body: Option<Json<SignBody>>,
) -> Answer {
    let body = body.map(|Json(body)| body).unwrap_or_default();
    let signed = async {
        let (market, date): (MarketCode, _) = (field("code", &code)?, field("date", &date)?);
        web.app.sign_reconciliation(&market, date, actor.name(), &body.note, body.digest.as_deref()).await?;
        web.app.reconcile(&market, Scope::Date(date)).await
    };
    let signed = signed.await.map_err(told(&headers, &format!("/v1/markets/{code}/reconciliation/{date}/sign")))?;
    Ok((StatusCode::CREATED, Json(signed.to_json(false))).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AcceptBody {
    reason: String,
}

pub(super) async fn accept(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, line)): Path<(String, i64)>,
    Json(body): Json<AcceptBody>,
) -> Answer {
    decided(&web, &actor, &headers, (&code, line), LineDecision::Accept, &body.reason).await
}

pub(super) async fn repeat(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path((code, line)): Path<(String, i64)>,
    Json(body): Json<AcceptBody>,
) -> Answer {
    decided(&web, &actor, &headers, (&code, line), LineDecision::Repeat, &body.reason).await
}

async fn decided(
    web: &Shared,
    actor: &Actor,
    headers: &HeaderMap,
    (code, line): (&str, i64),
    decision: LineDecision,
    reason: &str,
) -> Answer {
    let decided = async { web.app.decide_line(&field("code", code)?, line, decision, actor.name(), reason).await };
    let (word, standing) = match decision {
        LineDecision::Accept => ("accept", "counted"),
        LineDecision::Repeat => ("repeat", "settled"),
    };
    decided.await.map_err(told(headers, &format!("/v1/markets/{code}/statement-lines/{line}/{word}")))?;
    Ok(Json(json!({"line": line, "standing": standing})).into_response())
}

pub(super) async fn checklist(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
) -> Answer {
    let found = async { web.app.close_checklist(&field("code", &code)?, field("date", &date)?).await };
    let found = found.await.map_err(told(&headers, &format!("/v1/markets/{code}/days/{date}/checklist")))?;
    Ok(Json(checklist_json(&found)).into_response())
}

fn checklist_json(found: &CloseChecklist) -> serde_json::Value {
    let day = &found.reconciliation;
    let silent: Vec<_> = found
        .silent
        .iter()
        .map(|one| json!({"source": one.source.as_str(), "minutes": one.minutes, "missed": one.missed}))
        .collect();
    json!({
        "clear": found.is_clear(), "currency": "VND",
        "unmatched": {"count": found.unmatched.count, "amount": found.unmatched.amount.whole()},
        "held": {"count": found.held.count, "amount": found.held.amount.whole()},
        "reconciliation": day.state.as_str(), "agrees": day.agrees(), "difference": day.difference.whole(),
        "verdict": verdict(day).0, "silent": silent,
    })
}
