//! Pages for people: askama templates beside this file, one style sheet, no script.

pub(super) mod frame;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};

use self::frame::Frame;
use super::Shared;
use super::problem::{Answer, told};
use crate::app::access::{Actor, Role};
use crate::app::error::AppError;
use crate::app::manage_sources::SourceShown;
use crate::app::overview::hours_strip;
use crate::domain::daily_report::MarketOverview;
use crate::domain::money::Dong;

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
    // The running day of few stalls is not the city's to see.
    if actor.role() == Role::City {
        return Ok(Redirect::to("/city").into_response());
    }
    let page = async {
        let (today, language) = (web.app.today(), frame.language());
        let markets = web.app.overview_for(&actor).await?;
        let sources = web.app.sources_for(&actor).await?;
        let alarm = |source: SourceShown| source.clock_alarm_s.map(|skew_s| (source.name.to_string(), skew_s));
        let card = |market: MarketOverview| Card {
            chart: hours_strip(&market, &format!("hours-{}", market.code), language),
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
            frame,
            today: today.vietnamese(),
            markets: markets.into_iter().map(card).collect(),
            clock_alarms: sources.into_iter().filter_map(alarm).collect(),
        })
    };
    page.await.map_err(told(&headers, "/"))
}
