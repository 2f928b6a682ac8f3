//! Pages for people: askama templates beside this file, one style sheet, no script.

pub(super) mod frame;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use self::frame::Frame;
use super::Shared;
use super::markets::field;
use super::problem::{Answer, told};
use crate::app::access::Actor;
use crate::app::error::{AppError, Message};
use crate::app::manage_sources::SourceShown;
use crate::app::overview::hours_strip;
use crate::app::qr_codes::{self, Correction, check_tag};
use crate::domain::banks;
use crate::domain::daily_report::MarketOverview;
use crate::domain::ids::MarketCode;
use crate::domain::language::Language;
use crate::domain::money::Dong;
use crate::domain::registration::RegisteredStall;

/// Cards that one page of the print view holds at most; a market prints in parts beyond.
const CARDS_MAX: usize = 1_000;

pub(super) async fn stylesheet() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, include_str!("socho.css")).into_response()
}

pub(super) fn html(page: &impl Template) -> Result<Response, AppError> {
    page.render().map(|html| Html(html).into_response()).map_err(AppError::internal)
}

struct Card {
    code: String,
    name: String,
    ward: String,
    /// The market's own "today", which its cut-off decides.
    day: String,
    day_iso: String,
    payments: String,
    amount: String,
    active: i64,
    registered: i64,
    chart: String,
    demo: bool,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    today: String,
    markets: Vec<Card>,
    /// Sources whose clock is off: name and seconds.
    clock_alarms: Vec<(String, i64)>,
}

pub(super) async fn home(State(web): State<Shared>, actor: Actor, frame: Frame, headers: HeaderMap) -> Answer {
    if actor.stall().is_some() {
        return Ok(Redirect::to("/stall").into_response());
    }
    let page = async {
        let today = web.app.today();
        let markets = web.app.overview_for(&actor).await?;
        let sources = web.app.sources_for(&actor).await?;
        let alarm = |source: SourceShown| source.clock_alarm_s.map(|skew_s| (source.name.to_string(), skew_s));
        let card = |market: MarketOverview| Card {
            chart: hours_strip(&market, &format!("hours-{}", market.code), Language::Vietnamese),
            code: market.code.to_string(),
            name: market.name,
            ward: market.ward.unwrap_or_default(),
            day: market.business_date.vietnamese(),
            day_iso: market.business_date.to_string(),
            payments: Dong::new(market.payments).grouped(),
            amount: market.amount.with_unit(),
            active: market.active_stalls,
            registered: market.registered_stalls,
            demo: market.demo,
        };
        html(&Home {
            frame: frame.in_vietnamese(),
            today: today.vietnamese(),
            markets: markets.into_iter().map(card).collect(),
            clock_alarms: sources.into_iter().filter_map(alarm).collect(),
        })
    };
    page.await.map_err(told(&headers, "/"))
}

#[derive(Deserialize)]
pub(in crate::web) struct Search {
    q: Option<String>,
}

struct Line {
    stall: String,
    vendor: String,
    category: String,
    bank: String,
    tail: String,
    memo: String,
}

#[derive(Template)]
#[template(path = "market.html")]
struct MarketPage {
    frame: Frame,
    code: String,
    name: String,
    ward: String,
    demo: bool,
    today: String,
    q: String,
    stalls: Vec<Line>,
}

pub(super) async fn market(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(search): Query<Search>,
) -> Answer {
    let page = async {
        let code: MarketCode = field("code", &code)?;
        let market = web.app.market(&code).await?;
        let stalls = web.app.stalls(&code, search.q.as_deref()).await?;
        html(&MarketPage {
            frame: frame.in_vietnamese(),
            code: code.to_string(),
            today: web.app.book_day(&market).to_string(),
            name: market.name.to_string(),
            ward: market.ward.unwrap_or_default(),
            demo: market.demo,
            q: search.q.unwrap_or_default(),
            stalls: stalls.iter().map(line).collect(),
        })
    };
    page.await.map_err(told(&headers, "/markets"))
}

pub(super) fn bank_name(bin: &str) -> String {
    banks::by_bin(bin).map_or_else(|| bin.to_owned(), |bank| bank.short_name.to_owned())
}

fn line(stall: &RegisteredStall) -> Line {
    let account = stall.account.as_ref();
    Line {
        stall: stall.code.to_string(),
        vendor: stall.vendor.as_ref().map(|(_, name)| name.to_string()).unwrap_or_default(),
        category: stall.category.clone(),
        bank: account.map(|a| bank_name(a.account.bin.as_str())).unwrap_or_default(),
        tail: account.map(|a| a.account.number.last_four().to_owned()).unwrap_or_default(),
        memo: crate::app::words::MemoCode::of(stall.number).to_string(),
    }
}

#[derive(Deserialize)]
pub(in crate::web) struct PrintQuery {
    layout: Option<String>,
    stalls: Option<String>,
}

struct PrintCard {
    stall: String,
    svg: String,
    holder: String,
    bank: String,
    tail: String,
    tag: String,
    version: i64,
}

#[derive(Template)]
#[template(path = "print.html")]
struct PrintPage {
    frame: Frame,
    market: String,
    code: String,
    layout: String,
    sheets: Vec<Vec<PrintCard>>,
    printed: String,
    count: usize,
}

/// Cards to print: A4 with 1, 2, 4 or 8 to a page. Each code is decoded again before the page is
/// released.
pub(super) async fn print(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<PrintQuery>,
) -> Answer {
    let page = async {
        let code: MarketCode = field("code", &code)?;
        let market = web.app.market(&code).await?;
        let layout = query.layout.unwrap_or_else(|| "a6".to_owned());
        let per_sheet = match layout.as_str() {
            "a4" => 1,
            "a5" => 2,
            "a6" => 4,
            "a7" => 8,
            _ => {
                let message = Message::new("layout là a4, a5, a6 hoặc a7.", "layout is a4, a5, a6 or a7.");
                return Err(AppError::field("layout", "unknown_layout", message));
            }
        };
        let mut stalls = web.app.stalls(&code, None).await?;
        if let Some(wanted) = &query.stalls {
            let keys: Vec<String> = wanted.split(',').map(crate::domain::text::code_key).collect();
            stalls.retain(|stall| keys.contains(&stall.code.key()));
        }
        stalls.retain(|stall| stall.account.is_some());
        if stalls.len() > CARDS_MAX {
            let message = Message::new(
                format!("Mỗi lần in tối đa {CARDS_MAX} thẻ; hãy chọn sạp bằng ?stalls=…"),
                format!("At most {CARDS_MAX} cards are printed at once; choose stalls with ?stalls=…"),
            );
            return Err(AppError::field("stalls", "too_many_cards", message));
        }
        let of = code.clone();
        // Each code is drawn and decoded again: seconds of work, which must not hold up webhooks.
        let drawn = tokio::task::spawn_blocking(move || {
            stalls.iter().map(|stall| print_card(&of, stall)).collect::<Result<Vec<_>, _>>()
        });
        let mut cards = drawn.await.map_err(AppError::internal)??;
        let count = cards.len();
        let mut sheets = Vec::new();
        while !cards.is_empty() {
            let rest = cards.split_off(per_sheet.min(cards.len()));
            sheets.push(std::mem::replace(&mut cards, rest));
        }
        html(&PrintPage {
            frame: frame.in_vietnamese(),
            market: market.name.to_string(),
            code: code.to_string(),
            layout,
            sheets,
            printed: web.app.today().vietnamese(),
            count,
        })
    };
    page.await.map_err(told(&headers, "/markets"))
}

fn print_card(market: &MarketCode, stall: &RegisteredStall) -> Result<PrintCard, AppError> {
    let account = stall.account.as_ref().ok_or_else(|| AppError::internal("a card without an account"))?;
    let payload = crate::app::register::static_payload(&account.account, Some(stall.number))?;
    let title = format!("VietQR {market} {}", stall.code);
    Ok(PrintCard {
        stall: stall.code.to_string(),
        svg: qr_codes::svg(&payload, Correction::Print, &title)?,
        holder: account.holder.clone(),
        bank: bank_name(account.account.bin.as_str()),
        tail: account.account.number.last_four().to_owned(),
        version: stall.card_version,
        tag: check_tag(&payload, stall.card_version),
    })
}
