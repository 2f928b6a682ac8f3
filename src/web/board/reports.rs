//! M8: any period with the one before beside it, as a picture, as tables, and to take away.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;

use super::super::Shared;
use super::super::pages::frame::Frame;
use super::super::pages::html;
use super::super::periods::{PeriodQuery, asked};
use super::super::problem::{Answer, told};
use super::texts::word;
use super::{Board, day_of, open};
use crate::app::period_report::{Grid, period_days_chart, period_grids, standing_of};
use crate::domain::daily_report::DayStatus;
use crate::domain::language::Language;
use crate::domain::money::Dong;

/// A table of figures as a page shows it.
pub(in crate::web) struct Shown {
    pub(in crate::web) name: String,
    /// Heads, and whether their column holds figures.
    pub(in crate::web) heads: Vec<(String, bool)>,
    pub(in crate::web) rows: Vec<Vec<(String, bool)>>,
    pub(in crate::web) sums: Vec<(String, bool)>,
}

impl Shown {
    pub(in crate::web) fn of(grid: &Grid, language: Language) -> Self {
        let figures: Vec<bool> = (0..grid.heads.len()).map(|column| grid.is_figures(column)).collect();
        let with = |texts: Vec<String>| {
            texts.into_iter().map(|text| word(text, language)).zip(figures.iter().copied()).collect::<Vec<_>>()
        };
        let shown = |cells: &Vec<crate::app::period_report::Cell>| {
            with(cells.iter().map(crate::app::period_report::Cell::shown).collect())
        };
        Self {
            name: word(grid.name.clone(), language),
            heads: with(grid.heads.clone()),
            rows: grid.rows.iter().map(shown).collect(),
            sums: grid.sums().map(|sums| shown(&sums)).unwrap_or_default(),
        }
    }
}

#[derive(Template)]
#[template(path = "board_reports.html")]
struct Page {
    frame: Frame,
    board: Board,
    named: String,
    standing: String,
    closed: bool,
    amount: String,
    words: String,
    payments: String,
    active: String,
    previous_named: String,
    previous: String,
    previous_payments: String,
    /// The period in addresses of files.
    query: String,
    from: String,
    to: String,
    this_month: String,
    this_day: String,
    chart: String,
    grids: Vec<Shown>,
}

pub(in crate::web) async fn page(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<PeriodQuery>,
) -> Answer {
    let page = async {
        let (market, code, board) = open(&web, &code, "reports").await?;
        let today = day_of(&web, &market);
        let period = asked(&query, today)?;
        let report = web.app.period_report(&code, period).await?;
        let language = frame.language();
        html(&Page {
            frame,
            board,
            named: period.named(language),
            standing: standing_of(&report, language),
            closed: report.status() == DayStatus::Closed,
            amount: report.total.amount.with_unit(),
            payments: Dong::new(report.total.count).grouped(),
            active: format!("{} / {}", report.active_stalls(), report.registered_stalls),
            previous_named: period.previous().named(language),
            previous: report.previous.amount.with_unit(),
            previous_payments: Dong::new(report.previous.count).grouped(),
            query: format!("from={}&to={}", period.first(), period.last()),
            from: period.first().to_string(),
            to: period.last().to_string(),
            this_month: today.to_string().chars().take(7).collect(),
            this_day: today.to_string(),
            chart: period_days_chart(&report, language),
            grids: period_grids(&report).iter().map(|grid| Shown::of(grid, language)).collect(),
            words: report.amount_in_words,
        })
    };
    page.await.map_err(told(&headers, "/markets"))
}
