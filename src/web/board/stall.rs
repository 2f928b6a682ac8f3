//! One stall: who holds it, what is sold there, which accounts bring it money, and the end of a tenancy.

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
use crate::app::stall_sheet::{StallAccount, StallSheet, Tenancy};
use crate::domain::account::AccountKind;
use crate::domain::banks;
use crate::domain::calendar::BusinessDate;
use crate::domain::goods::GOODS;
use crate::domain::language::Language;
use crate::domain::memo::MemoCode;

/// An account as the page shows it.
struct AccountLine {
    id: String,
    bank: String,
    tail: String,
    holder: String,
    /// What is to be said of it: on the card, shared, default, since when.
    notes: Vec<String>,
    may_end: bool,
}

#[derive(Template)]
#[template(path = "board_stall.html")]
struct Page {
    frame: Frame,
    board: Board,
    stall: String,
    vendor: String,
    category: String,
    memo: String,
    version: i64,
    saved: bool,
    accounts: Vec<AccountLine>,
    /// Accounts of the past: bank, tail, when they ended.
    ended: Vec<[String; 3]>,
    other_stalls: Vec<String>,
    /// Who held it, from when to when.
    tenancies: Vec<(String, String)>,
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
        let sheet = web.app.stall_sheet(&code, &stall).await?;
        html(&shown(frame, board, &sheet, query.saved.is_some()))
    };
    page.await.map_err(told(&headers, "/markets"))
}

fn shown(frame: Frame, board: Board, sheet: &StallSheet, saved: bool) -> Page {
    let language = frame.language();
    let several = sheet.live().count() > 1;
    let line = |one: &StallAccount| AccountLine {
        id: one.id.to_string(),
        bank: banks::shown_name(one.account.bin.as_str()),
        tail: one.account.number.last_four().to_owned(),
        holder: one.holder.clone(),
        notes: account_notes(one, several, language),
        may_end: several,
    };
    let past = |one: &StallAccount| {
        let until = one.to.map(|at| BusinessDate::of_calendar(at).vietnamese()).unwrap_or_default();
        [banks::shown_name(one.account.bin.as_str()), one.account.number.last_four().to_owned(), until]
    };
    let tenancy = |one: &Tenancy| {
        let first =
            one.first.map_or_else(|| language.of("từ đầu", "the beginning").to_owned(), BusinessDate::vietnamese);
        let last = one.last.map_or_else(|| language.of("nay", "now").to_owned(), BusinessDate::vietnamese);
        (one.vendor.to_string(), format!("{first} – {last}"))
    };
    Page {
        stall: sheet.code.to_string(),
        vendor: sheet.vendor.as_ref().map(ToString::to_string).unwrap_or_default(),
        category: sheet.category.clone(),
        memo: MemoCode::of(sheet.number).to_string(),
        version: sheet.card_version,
        saved,
        accounts: sheet.live().map(line).collect(),
        ended: sheet.accounts.iter().filter(|one| one.to.is_some()).map(past).collect(),
        other_stalls: sheet.other_stalls.clone(),
        tenancies: sheet.tenancies.iter().map(tenancy).collect(),
        categories: &GOODS,
        frame,
        board,
    }
}

fn account_notes(one: &StallAccount, several: bool, language: Language) -> Vec<String> {
    let mut notes = Vec::new();
    if one.on_card && several {
        notes.push(language.of("thẻ QR trả vào đây", "the QR card pays into it").to_owned());
    }
    match one.kind {
        AccountKind::Direct => {}
        AccountKind::Virtual => notes.push(language.of("tài khoản ảo", "virtual account").to_owned()),
        AccountKind::Collecting => notes.push(language.of("tài khoản thu hộ", "collecting account").to_owned()),
    }
    if !one.shared_with.is_empty() {
        let stalls = one.shared_with.join(", ");
        notes.push(format!("{} {stalls}", language.of("dùng chung với sạp", "shared with stall")));
        let by_memo = if one.is_default {
            language.of("không rõ mã thì ghi cho sạp này", "without a code, money is this stall's")
        } else {
            language.of("chỉ ghi khi nội dung có mã của sạp", "booked here only if the text has the stall's code")
        };
        notes.push(by_memo.to_owned());
    }
    if let Some(from) = one.from {
        let date = BusinessDate::of_calendar(from).vietnamese();
        notes.push(format!("{} {date}", language.of("từ", "since")));
    }
    notes
}

/// What a person changed.
#[derive(Deserialize)]
pub(in crate::web) struct StallForm {
    category: Option<String>,
    vendor: Option<String>,
    /// An account that is the stall's no more, by the identifier that the page gave.
    account: Option<String>,
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
        let end_tenancy = form.ends == "yes";
        let change = StallChange { category: form.category, vendor_name, end_account: form.account, end_tenancy };
        web.app.change_stall(&code, &stall, change).await?;
        let stall: String = form_urlencoded::byte_serialize(stall.as_bytes()).collect();
        Ok(done(&format!("/markets/{code}/stalls/{}?saved=1", stall.replace('+', "%20"))))
    };
    changed.await.map_err(told(&headers, "/markets"))
}
