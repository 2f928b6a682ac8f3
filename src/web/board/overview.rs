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
use super::texts::ago;
use super::{Board, day_of, open};
use crate::app::access::Actor;
use crate::app::daily_report::{DayWords, hours_chart};
use crate::domain::calendar::{BusinessDate, vietnam_time};
use crate::domain::daily_report::DayStatus;
use crate::domain::language::Language;
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
        let language = frame.language();
        let words = DayWords::of(&report);
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
            hours: hours_in(words.hours, language),
            sources,
            quiet,
            quiet_more,
        })
    };
    page.await.map_err(told(&headers, "/markets"))
}

/// Names the hours in the page's language.
fn hours_in(rows: Vec<[String; 3]>, language: Language) -> Vec<[String; 3]> {
    let named = |[hour, payments, amount]: [String; 3]| {
        let hour = match (language, hour.strip_suffix(" giờ")) {
            (Language::Vietnamese, _) => hour,
            (Language::English, Some(hour)) => format!("{hour}:00"),
            (Language::English, None) => "Not known".to_owned(),
        };
        [hour, payments, amount]
    };
    rows.into_iter().map(named).collect()
}

fn days_between(first: BusinessDate, last: BusinessDate) -> i64 {
    if first > last {
        0
    } else {
        crate::app::period_report::period_of(first, last).map_or(i64::MAX, crate::domain::period::Period::days)
    }
}
