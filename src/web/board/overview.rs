//! M1: the day so far, what waits, and whether the sources are heard.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use axum::response::Redirect;
use serde::Deserialize;

use super::super::Shared;
use super::super::pages::frame::Frame;
use super::super::pages::html;
use super::super::problem::{Answer, told};
use super::texts::ago;
use super::{Board, day_of, done, may, open};
use crate::app::access::{Actor, Right};
use crate::app::change_market::{MarketChange, office_phone as read_office_phone};
use crate::app::daily_report::{DayWords, hours_chart};
use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::domain::daily_report::DayStatus;
use crate::domain::money::Dong;

/// Stalls that are named whose phones hear nothing; the rest is counted.
const QUIET_NAMED: usize = 24;

struct SourceLine {
    name: String,
    told: String,
    silent: bool,
    skew_s: Option<i64>,
}

#[derive(Template)]
#[template(path = "board_overview.html")]
struct Page {
    frame: Frame,
    board: Board,
    date: String,
    at: String,
    status: &'static str,
    amount: String,
    payments: String,
    active: String,
    todo: usize,
    open_days: i64,
    open_since: String,
    chart: String,
    hours: Vec<[String; 3]>,
    sources: Vec<SourceLine>,
    /// Stalls at work whose phones hear nothing, as many as are named, and how many more there are.
    quiet: Vec<String>,
    quiet_more: usize,
    /// The office's telephone number as it stands, and whether it may be changed here.
    office_phone: String,
    may_change: bool,
    saved: bool,
}

#[derive(Deserialize)]
pub(in crate::web) struct Search {
    q: Option<String>,
    saved: Option<String>,
}

pub(in crate::web) async fn page(
    State(web): State<Shared>,
    actor: Actor,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(search): Query<Search>,
) -> Answer {
    // Where the list of stalls once was.
    if let Some(q) = search.q {
        let q: String = form_urlencoded::byte_serialize(q.as_bytes()).collect();
        return Ok(Redirect::to(&format!("/markets/{code}/stalls?q={q}")).into_response());
    }
    let page = async {
        let (market, code, board) = open(&web, &code, "overview").await?;
        let today = day_of(&web, &market);
        let report = web.app.daily_report(&code, today).await?;
        let todo = web.app.todo(&code, &actor).await?;
        let language = frame.language();
        let words = DayWords::of(&report, language);
        let now = web.app.now();
        let silent = web.app.silent_now(Some(&code)).await?;
        let mut sources = Vec::new();
        for source in web.app.sources_of(&code).await? {
            let seen = report.sources.iter().find(|figures| figures.source == source.name);
            let quiet_s = seen.map(|figures| now.as_second().saturating_sub(figures.last_at.as_second()));
            sources.push(SourceLine {
                name: source.name.to_string(),
                told: match quiet_s {
                    Some(seconds) => ago(seconds, language),
                    None => language.of("hôm nay chưa báo khoản nào", "nothing reported today").to_owned(),
                },
                silent: silent.iter().any(|one| one.source == source.name),
                skew_s: source.clock_alarm_s,
            });
        }
        let mut quiet: Vec<String> = web.app.quiet_phones(&code).await?.iter().map(ToString::to_string).collect();
        let quiet_more = quiet.len().saturating_sub(QUIET_NAMED);
        quiet.truncate(QUIET_NAMED);
        let open_date = web.app.open_date(&code).await?.unwrap_or(today);
        html(&Page {
            frame,
            board,
            date: today.vietnamese(),
            at: vietnam_time(now),
            status: match report.status {
                DayStatus::Open => language.of("tạm tính", "provisional"),
                DayStatus::Closed => language.of("đã khóa sổ", "closed"),
            },
            amount: report.amount.with_unit(),
            payments: Dong::new(report.payments).grouped(),
            active: words.active,
            todo: todo.waiting.len().saturating_add(todo.held.len()),
            open_days: days_between(open_date, today),
            open_since: open_date.vietnamese(),
            chart: hours_chart(&report, "hours", language),
            hours: words.hours,
            sources,
            quiet,
            quiet_more,
            office_phone: market.office_phone.as_ref().map(ToString::to_string).unwrap_or_default(),
            may_change: may(&actor, Right::ChangeMarkets),
            saved: search.saved.is_some(),
        })
    };
    page.await.map_err(told(&headers, "/markets"))
}

/// The office's telephone number as it was typed; empty takes it away.
#[derive(Deserialize)]
pub(in crate::web) struct OfficePhoneForm {
    #[serde(default)]
    office_phone: String,
}

/// `POST /markets/{code}/office-phone`: what vendors' phones call.
pub(in crate::web) async fn office_phone(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path(code): Path<String>,
    Form(form): Form<OfficePhoneForm>,
) -> Answer {
    let changed = async {
        let (_, code, _) = open(&web, &code, "overview").await?;
        let office_phone = Some(read_office_phone(&form.office_phone)?);
        web.app.change_market(&code, MarketChange { office_phone, ..MarketChange::default() }).await?;
        Ok(done(&format!("/markets/{code}?saved=phone")))
    };
    changed.await.map_err(told(&headers, "/markets"))
}

fn days_between(first: BusinessDate, last: BusinessDate) -> i64 {
    if first > last {
        0
    } else {
        crate::app::period_report::period_of(first, last).map_or(i64::MAX, crate::domain::period::Period::days)
    }
}
