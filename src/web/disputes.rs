//! What vendors say is not right, for the market's office: the list and its answers. What must change
//! in the book is a correction of its own.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Shared;
use super::markets::field;
use super::pages::frame::Frame;
use super::pages::html;
use super::problem::{Answer, told};
use crate::app::access::Actor;
use crate::app::stall_book::{OpenDispute, dispute_json};
use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::domain::stall_book::DisputeReason;

#[derive(Deserialize)]
pub(super) struct ListQuery {
    after: Option<String>,
    limit: Option<i64>,
}

/// `GET /v1/markets/{code}/disputes`.
pub(super) async fn list(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<ListQuery>,
) -> Answer {
    let listed = async {
        let (open, next) = web.app.open_disputes(&field("code", &code)?, query.after.as_deref(), query.limit).await?;
        let data: Vec<_> = open.iter().map(dispute_json).collect();
        Ok(Json(json!({ "data": data, "has_more": next.is_some(), "next": next })).into_response())
    };
    listed.await.map_err(told(&headers, &format!("/v1/markets/{code}/disputes")))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerBody {
    answer: String,
}

/// `POST /v1/postings/{id}/dispute/answer`.
pub(super) async fn answer(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<AnswerBody>,
) -> Answer {
    let done = async { web.app.answer_dispute(&field("posting", &id)?, &body.answer, actor.name()).await };
    done.await.map_err(told(&headers, &format!("/v1/postings/{id}/dispute/answer")))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A dispute as the office reads it.
struct Shown {
    posting: String,
    stall: String,
    amount: String,
    raised: String,
    reason: &'static str,
    note: String,
}

#[derive(Template)]
#[template(path = "disputes.html")]
struct Page {
    frame: Frame,
    code: String,
    market: String,
    disputes: Vec<Shown>,
    more: bool,
}

/// `GET /markets/{code}/disputes`.
pub(super) async fn page(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
) -> Answer {
    let page = async {
        let market = web.app.market(&field("code", &code)?).await?;
        let (open, next) = web.app.open_disputes(&market.code, None, None).await?;
        let disputes = open.iter().map(|open| shown(&frame, open)).collect();
        let (code, name) = (market.code.to_string(), market.name.to_string());
        html(&Page { disputes, frame, code, market: name, more: next.is_some() })
    };
    page.await.map_err(told(&headers, "/markets"))
}

fn shown(frame: &Frame, open: &OpenDispute) -> Shown {
    let dispute = &open.dispute;
    Shown {
        posting: open.posting.to_string(),
        stall: open.stall.clone(),
        amount: open.amount.with_unit(),
        raised: format!(
            "{} {}",
            BusinessDate::of_calendar(dispute.raised_at).vietnamese(),
            vietnam_time(dispute.raised_at)
        ),
        reason: match dispute.reason {
            DisputeReason::NotMine => frame.say("Không phải tiền của sạp", "Not the stall's money"),
            DisputeReason::NotSales => frame.say("Không phải tiền bán", "Not sales"),
            DisputeReason::CashChange => frame.say("Đã thối tiền mặt", "Cash was handed back"),
            DisputeReason::Amount => frame.say("Số tiền khác app ngân hàng", "Another amount in the bank app"),
            DisputeReason::Other => frame.say("Chuyện khác", "Something else"),
        },
        note: dispute.note.clone(),
    }
}

#[derive(Deserialize)]
pub(super) struct AnswerForm {
    posting: String,
    answer: String,
}

/// `POST /markets/{code}/disputes`.
pub(super) async fn answer_form(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Path(code): Path<String>,
    Form(form): Form<AnswerForm>,
) -> Answer {
    let done = async {
        let posting: crate::domain::ids::PostingName = field("posting", &form.posting)?;
        let market: crate::domain::ids::MarketCode = field("code", &code)?;
        // The door admitted to this market alone.
        web.app.answer_dispute_of(&market, &posting, &form.answer, actor.name()).await?;
        Ok(see(&format!("/markets/{market}/disputes")))
    };
    done.await.map_err(told(&headers, "/markets"))
}

fn see(place: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}
