//! The vendor's phone: her code, her money as it arrives, her book, her settings.
//!
//! Every page works without scripts; what the scripts add is hearing. Nothing here is inline: the
//! content security policy of these pages allows scripts from this server's own files alone.

mod assets;
mod book;
mod her;
mod look;
mod opened;
mod phones;
mod stream;
mod texts;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::markets::field;
use super::problem::{Answer, told};
use crate::app::App;
use crate::app::access::{Actor, Place, Right};
use crate::app::error::{AppError, Message};
use crate::app::listen::Listen;
use crate::app::qr_codes::{self, Correction};
use crate::app::stall_phone::PhoneHome;
use crate::app::words::{Voice, in_words};
use crate::domain::banks::shown_name;
use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::domain::masking;
use crate::domain::money::Dong;
use crate::domain::stall_book::BookEntry;
use her::Her;
use look::Look;
use texts::Texts;

pub(super) use assets::file;
pub(super) use book::{book, cash, dispute, dispute_form, revenue_book, withdraw_cash};
pub(super) use opened::opened;
pub(super) use phones::{add_phone, keep_settings, remove_phone, settings};

/// What a page of these may load: this server's own files, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Renders a page of the phone.
fn html(headers: &HeaderMap, page: &impl Template) -> Result<Response, AppError> {
    let text = page.render().map_err(AppError::internal)?;
    let mut response = assets::page(headers, "text/html; charset=utf-8", text);
    let said = response.headers_mut();
    said.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    said.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// What every page of the phone has around it.
struct Around {
    t: &'static Texts,
    look: Look,
    files: &'static str,
    test_now: Option<String>,
    /// Which of the bar's places it is; none where it is none of them.
    place: &'static str,
}

impl Around {
    fn of(web: &Shared, look: Look, place: &'static str) -> Self {
        Self { t: look.texts, look, files: assets::base(), test_now: web.test_now(), place }
    }
}

/// A payment as the first page shows it.
struct Last {
    amount: String,
    time: String,
}

#[derive(Template)]
#[template(path = "stall/home.html")]
struct Home {
    around: Around,
    stall: String,
    market: String,
    demo: bool,
    facts: String,
    texts: String,
    svg: Option<String>,
    asked: Option<String>,
    asked_words: String,
    amount: String,
    holder: String,
    bank: String,
    tail: String,
    last: Option<Last>,
    hides_totals: bool,
    today_amount: String,
    today_count: i64,
}

#[derive(Deserialize)]
pub(super) struct HomeQuery {
    amount: Option<String>,
}

/// `GET /stall`: the code, the last payment, today.
pub(super) async fn home(
    State(web): State<Shared>,
    headers: HeaderMap,
    her: Her,
    Query(query): Query<HomeQuery>,
) -> Answer {
    let page = async {
        let look = Look::of(&headers);
        let amount = query.amount.as_deref().filter(|text| !text.trim().is_empty()).map(typed_amount).transpose()?;
        let home = web.app.phone_home(&her.market, &her.stall).await?;
        let payload = home.stand.payload(amount)?;
        let title = amount.map_or_else(|| "VietQR".to_owned(), |amount| format!("VietQR {}", amount.with_unit()));
        let svg = payload.map(|payload| qr_codes::svg(&payload, Correction::Screen, &title)).transpose()?;
        let facts = facts(&web, &home, &her, look, amount);
        let account = home.stand.account.as_ref();
        html(
            &headers,
            &Home {
                around: Around::of(&web, look, "home"),
                stall: home.stand.code.to_string(),
                market: home.stand.market.name.to_string(),
                demo: home.stand.market.demo,
                facts,
                texts: serde_json::to_string(look.texts).map_err(AppError::internal)?,
                svg,
                asked: amount.map(Dong::with_unit),
                asked_words: amount.map_or_else(String::new, |amount| in_words(amount, spoken(look))),
                amount: amount.map(|amount| amount.to_string()).unwrap_or_default(),
                holder: account.map(|a| a.holder.clone()).unwrap_or_default(),
                bank: account.map(|a| shown_name(a.account.bin.as_str())).unwrap_or_default(),
                tail: account.map(|a| a.account.number.last_four().to_owned()).unwrap_or_default(),
                last: home.last.as_ref().map(|last| Last { amount: last.amount.with_unit(), time: time(last, look) }),
                hides_totals: her.hides_totals,
                today_amount: if her.hides_totals { String::new() } else { home.amount.with_unit() },
                today_count: if her.hides_totals { 0 } else { home.payments },
            },
        )
    };
    page.await.map_err(told(&headers, "/stall"))
}

/// Reads an amount as people type it: digits, with points or blanks between groups of three at most.
fn typed_amount(text: &str) -> Result<Dong, AppError> {
    let groups: Vec<&str> = text.trim().split(['.', ' ', '\u{a0}']).collect();
    let grouped = groups.iter().skip(1).all(|group| group.len() == 3);
    let digits = groups.concat();
    let amount: Dong = field("amount", if grouped { &digits } else { text })?;
    amount.qr_amount().map_err(|error| {
        let vi = "Số tiền từ 1 đến 9.999.999.999.999 đồng.";
        AppError::field("amount", "amount_out_of_range", Message::new(vi, format!("{error}.")))
    })
}

fn spoken(look: Look) -> Voice {
    if look.voice == "bac" { Voice::North } else { Voice::South }
}

fn time(entry: &BookEntry, look: Look) -> String {
    entry.event_at.map_or_else(|| look.texts.no_time.to_owned(), vietnam_time)
}

/// What the page's script is told: everything that the code, the words and the listening need.
fn facts(web: &Shared, home: &PhoneHome, her: &Her, look: Look, amount: Option<Dong>) -> String {
    let stand = &home.stand;
    let account = stand.account.as_ref();
    let last = home.last.as_ref().map(|last| {
        let age = last.event_at.map_or(0, |at| web.app.now().duration_since(at).as_secs().max(0));
        json!({
            "posting": last.posting.to_string(), "amount": last.amount.whole(), "age_s": age, "time": time(last, look),
            "payer_last_four": masking::last_four(&last.payer),
        })
    });
    let shown = |figure: i64| if her.hides_totals { 0 } else { figure };
    json!({
        "market": stand.market.code.as_str(), "stall": stand.code.as_str(), "memo": stand.memo(),
        "bin": account.map(|a| a.account.bin.as_str()), "account": account.map(|a| a.account.number.as_str()),
        "cursor": home.cursor, "date": home.date.to_string(), "day_amount": shown(home.amount.whole()),
        "day_count": shown(home.payments), "last": last, "voice": look.voice, "volume": look.volume,
        "amount": amount.map(Dong::whole), "files": assets::base(),
    })
    .to_string()
}

#[derive(Template)]
#[template(path = "stall/privacy.html")]
struct Privacy {
    around: Around,
    lines: [&'static str; 7],
}

/// `GET /stall/privacy`: who sees what, in plain words.
pub(super) async fn privacy(State(web): State<Shared>, headers: HeaderMap, _: Her) -> Answer {
    let look = Look::of(&headers);
    let t = look.texts;
    let lines = [t.sees_you, t.sees_helpers, t.sees_office, t.sees_city, t.sees_auditor, t.sees_tax, t.sees_money];
    let page = Privacy { around: Around::of(&web, look, ""), lines };
    html(&headers, &page).map_err(told(&headers, "/stall/privacy"))
}

/// `GET /stall/manifest.json`: what makes the page an app on her phone.
pub(super) async fn manifest() -> Response {
    let icon = |side: u16| {
        let size = format!("{side}x{side}");
        json!({ "src": format!("{}/icon-{side}.png", assets::base()), "sizes": size, "type": "image/png", "purpose": "any maskable" })
    };
    let manifest = json!({
        "name": "Sổ Chợ", "short_name": "Sổ Chợ", "lang": "vi", "id": "/stall", "start_url": "/stall", "scope": "/stall",
        "display": "standalone", "background_color": "#ffffff", "theme_color": "#0b3d2e", "icons": [icon(192), icon(512)],
    });
    ([(header::CONTENT_TYPE, "application/manifest+json")], manifest.to_string()).into_response()
}

/// `GET /stall/worker.js`: keeps the page for times without a connection.
pub(super) async fn worker(headers: HeaderMap) -> Response {
    let text = assets::worker(Look::of(&headers).texts.offline_never);
    let mut response = assets::page(&headers, "text/javascript; charset=utf-8", text);
    let said = response.headers_mut();
    said.insert("service-worker-allowed", HeaderValue::from_static("/stall"));
    said.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    said.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

#[derive(Deserialize)]
pub(super) struct StreamQuery {
    market: String,
    stall: Option<String>,
    after: Option<String>,
}

/// `GET /v1/stream`: news of a stall, or of a whole market.
pub(super) async fn listen(
    State(web): State<Shared>,
    actor: Actor,
    headers: HeaderMap,
    Query(query): Query<StreamQuery>,
) -> Answer {
    let heard = async {
        let market: crate::domain::ids::MarketCode = field("market", &query.market)?;
        let after = stream::after(&headers, query.after.as_deref())?;
        let named = query.stall.as_deref().filter(|stall| !stall.is_empty());
        let place = match named {
            Some(stall) => Place::Stall { market: market.clone(), stall: stall.to_owned() },
            None => Place::Market(market.clone()),
        };
        App::admit(&actor, Right::ListenStream, &place)?;
        let (stall, since) = match named {
            Some(stall) => {
                let stand = web.app.stand(&market, stall).await?;
                // A phone hears of its own tenant's days; the board of all.
                let since = if actor.stall().is_some() { stand.since } else { BusinessDate::BEGINNING };
                (Some(stand.number), since)
            }
            None => (None, BusinessDate::BEGINNING),
        };
        let wanted = Listen { market: &market, stall, after, since };
        web.app.listen_for(&actor, wanted, named.unwrap_or_default()).await.map(stream::answer)
    };
    heard.await.map_err(told(&headers, "/v1/stream"))
}
