//! One stall: who holds it, what is sold there, and the end of a tenancy.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use serde::Deserialize;

use super::super::Shared;
use super::super::markets::field;
use super::super::pages::frame::Frame;
use super::super::pages::html;
use super::super::problem::{Answer, told};
use super::{Board, done, open};
use crate::app::change_stall::StallChange;
use crate::app::stall_view::StallOrder;
use crate::domain::banks;
use crate::domain::goods::GOODS;
use crate::domain::memo::MemoCode;
use crate::domain::registration::RegisteredStall;
use crate::domain::text::code_key;

#[derive(Template)]
#[template(path = "board_stall.html")]
struct Page {
    frame: Frame,
    board: Board,
    stall: String,
    vendor: String,
    category: String,
    bank: String,
    tail: String,
    holder: String,
    memo: String,
    version: i64,
    saved: bool,
    categories: &'static [&'static str],
}

#[derive(Deserialize)]
pub(in crate::web) struct StallQuery {
    saved: Option<String>,
}

/// `GET /markets/{code}/stalls/{stall}`.
pub(in crate::web) async fn page(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Path((code, stall)): Path<(String, String)>,
    Query(query): Query<StallQuery>,
) -> Answer {
    let page = async {
        let (_, code, board) = open(&web, &code, "stalls").await?;
        let stalls = web.app.stalls_in(&code, None, StallOrder::Code).await?;
        let key = code_key(&stall);
        let Some(found) = stalls.iter().find(|one| one.code.key() == key) else {
            // Says the same as everything else that looks for a stall.
            web.app.stand(&code, &stall).await?;
            return Ok(done(&format!("/markets/{code}/stalls")));
        };
        html(&shown(frame, board, found, query.saved.is_some()))
    };
    page.await.map_err(told(&headers, "/markets"))
}

fn shown(frame: Frame, board: Board, found: &RegisteredStall, saved: bool) -> Page {
    let account = found.account.as_ref();
    Page {
        frame,
        board,
        stall: found.code.to_string(),
        vendor: found.vendor.as_ref().map(|(_, name)| name.to_string()).unwrap_or_default(),
        category: found.category.clone(),
        bank: account.map(|one| banks::shown_name(one.account.bin.as_str())).unwrap_or_default(),
        tail: account.map(|one| one.account.number.last_four().to_owned()).unwrap_or_default(),
        holder: account.map(|one| one.holder.clone()).unwrap_or_default(),
        memo: MemoCode::of(found.number).to_string(),
        version: found.card_version,
        saved,
        categories: &GOODS,
    }
}

/// What a person changed.
#[derive(Deserialize)]
pub(in crate::web) struct StallForm {
    category: Option<String>,
    vendor: Option<String>,
    #[serde(default)]
    ends: String,
}

/// `POST /markets/{code}/stalls/{stall}`.
pub(in crate::web) async fn change(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, stall)): Path<(String, String)>,
    Form(form): Form<StallForm>,
) -> Answer {
    let changed = async {
        let (_, code, _) = open(&web, &code, "stalls").await?;
        let vendor_name = form.vendor.as_deref().map(|name| field("vendor", name)).transpose()?;
        let change = StallChange { category: form.category, vendor_name, end_tenancy: form.ends == "yes" };
        web.app.change_stall(&code, &stall, change).await?;
        let stall: String = form_urlencoded::byte_serialize(stall.as_bytes()).collect();
        Ok(done(&format!("/markets/{code}/stalls/{}?saved=1", stall.replace('+', "%20"))))
    };
    changed.await.map_err(told(&headers, "/markets"))
}
