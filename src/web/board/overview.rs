//! M1: the day so far, what waits, and whether the sources are heard.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use axum::response::Redirect;
use serde::Deserialize;

use super::super::Shared;
use super::super::pages::frame::Frame;
use super::super::pages::html;
use super::super::problem::{Answer, told};
use super::{Board, ago, day_of, open};
use crate::app::access::Actor;
use crate::app::daily_report::{DayWords, hours_chart};
use crate::domain::calendar::{BusinessDate, vietnam_hour, vietnam_time};
use crate::domain::daily_report::DayStatus;
use crate::domain::language::Language;
use crate::domain::money::Dong;

/// After so long without a word a source counts as silent by day, in seconds.
const SILENT_S: i64 = 15 * 60;
/// The hours in which a market sells.
const SELLING: std::ops::Range<i64> = 5..19;

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
}

#[derive(Deserialize)]
pub(in crate::web) struct Search {
    q: Option<String>,
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
        let words = DayWords::of(&report);
        let now = web.app.now();
        let selling = SELLING.contains(&vietnam_hour(now));
        let mut sources = Vec::new();
        for source in web.app.sources_of(&code).await? {
            let seen = report.sources.iter().find(|figures| figures.source == source.name);
            let quiet_s = seen.map(|figures| now.as_second().saturating_sub(figures.last_at.as_second()));
            sources.push(SourceLine {
                name: source.name.to_string(),
                told: quiet_s.map_or_else(|| "hôm nay chưa báo khoản nào".to_owned(), ago),
                silent: selling && quiet_s.is_none_or(|quiet_s| quiet_s > SILENT_S),
                skew_s: source.clock_alarm_s,
            });
        }
        let open_date = web.app.open_date(&code).await?.unwrap_or(today);
        html(&Page {
            frame: frame.in_vietnamese(),
            board,
            date: today.vietnamese(),
            at: vietnam_time(now),
            status: if report.status == DayStatus::Open { "tạm tính" } else { "đã khóa sổ" },
            amount: report.amount.with_unit(),
            payments: Dong::new(report.payments).grouped(),
            active: words.active,
            todo: todo.waiting.len().saturating_add(todo.held.len()),
            open_days: days_between(open_date, today),
            open_since: open_date.vietnamese(),
            chart: hours_chart(&report, "hours", Language::Vietnamese),
            hours: words.hours,
            sources,
        })
    };
    page.await.map_err(told(&headers, "/markets"))
}

fn days_between(first: BusinessDate, last: BusinessDate) -> i64 {
    if first > last {
        0
    } else {
        crate::app::period_report::period_of(first, last).map_or(i64::MAX, crate::app::period_report::Period::days)
    }
}
