//! The daily report: JSON, CSV and a page that can be printed.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse as _};

use super::Shared;
use super::markets::field;
use super::problem::{Answer, told};
use crate::app::daily_report::{DailyReport, hour_chart, time_cell};
use crate::app::error::{AppError, Message};
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::money::Dong;

async fn report(web: &Shared, code: &str, date: &str) -> Result<DailyReport, AppError> {
    web.app.daily_report(&field("code", code)?, field("date", date)?).await
}

pub(super) async fn json(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
) -> Answer {
    let instance = format!("/v1/markets/{code}/days/{date}");
    let report = report(&web, &code, &date).await.map_err(told(&headers, &instance))?;
    Ok(Json(report.to_json()).into_response())
}

pub(super) async fn file(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, date, file)): Path<(String, String, String)>,
) -> Answer {
    let problem = || told(&headers, &format!("/v1/markets/{code}/days/{date}/{file}"));
    let made = report(&web, &code, &date).await.map_err(problem())?;
    match file.as_str() {
        "report.json" => Ok(Json(made.to_json()).into_response()),
        "report.csv" => {
            let name = format!("attachment; filename=\"{code}-{date}.csv\"");
            let headers =
                [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
            Ok((headers, made.to_csv().map_err(problem())?).into_response())
        }
        _ => {
            let message = Message::new("Chỉ có report.json và report.csv.", "There are report.json and report.csv.");
            Err(problem()(AppError::not_found(message)))
        }
    }
}

#[derive(Template)]
#[template(path = "day.html")]
struct Page<'a> {
    lang: &'a str,
    test_now: Option<String>,
    report: &'a DailyReport,
    chart: String,
    headline: Vec<(&'static str, String)>,
    stalls: Vec<[String; 8]>,
    hours: Vec<[String; 3]>,
    categories: Vec<[String; 3]>,
    unmatched: Vec<[String; 4]>,
    sources: Vec<[String; 5]>,
    versus: Vec<[String; 3]>,
    previous: String,
    next: String,
    made_at: String,
    date_line: String,
}

pub(super) async fn page(
    State(web): State<Shared>,
    headers: HeaderMap,
    Path((code, date)): Path<(String, String)>,
) -> Answer {
    let problem = || told(&headers, "/markets");
    let report = report(&web, &code, &date).await.map_err(problem())?;
    let hours: Vec<(i64, Dong)> = report.facts.hours.iter().map(|(hour, tally)| (*hour, tally.amount)).collect();
    let title = format!("Doanh thu theo giờ, {}, {}", report.market.name, report.date.vietnamese());
    let page = Page {
        lang: "vi",
        test_now: web.test_clock.as_ref().map(|_| rfc3339(web.app.now())),
        chart: hour_chart(&title, &hours),
        headline: report.headline(),
        stalls: stalls(&report),
        hours: report
            .hour_rows()
            .into_iter()
            .map(|(hour, count, amount)| [hour, count.to_string(), amount.grouped()])
            .collect(),
        categories: report
            .categories
            .iter()
            .map(|(name, tally)| [name.clone(), tally.count.to_string(), tally.amount.grouped()])
            .collect(),
        unmatched: report
            .unmatched
            .iter()
            .map(|u| {
                let name = format!("{}-{}", report.market.code, u.posting.get());
                [name, time_cell(u.event_at), u.amount.grouped(), u.memo_masked.clone()]
            })
            .collect(),
        sources: report
            .sources
            .iter()
            .map(|s| {
                let counts = [s.settlements, s.duplicates, s.quarantined].map(|count| count.to_string());
                let [settlements, duplicates, quarantined] = counts;
                [s.source.to_string(), settlements, duplicates, quarantined, time_cell(s.last_at)]
            })
            .collect(),
        versus: report
            .versus
            .iter()
            .map(|v| [v.date.vietnamese(), v.payments.to_string(), v.amount.grouped()])
            .collect(),
        previous: report.date.previous().to_string(),
        next: report.date.next().to_string(),
        made_at: rfc3339(report.made_at),
        date_line: date_line(report.made_at),
        report: &report,
    };
    let html = page.render().map_err(|error| problem()(AppError::internal(error)))?;
    Ok(Html(html).into_response())
}

fn stalls(report: &DailyReport) -> Vec<[String; 8]> {
    let row = |line: &crate::app::daily_report::StallLine| {
        [
            line.stall.clone(),
            line.vendor.clone(),
            line.payments.to_string(),
            line.amount.grouped(),
            line.adjusted.grouped(),
            line.net.grouped(),
            time_cell(line.first_at),
            time_cell(line.last_at),
        ]
    };
    report.stalls.iter().map(row).collect()
}

/// Writes the date as official papers do: days below 10 and months below 3 with a leading zero
/// (NĐ 30/2020/NĐ-CP).
fn date_line(at: jiff::Timestamp) -> String {
    let date = BusinessDate::of_calendar(at).date();
    let month = if date.month() < 3 { format!("{:02}", date.month()) } else { date.month().to_string() };
    format!("Cần Thơ, ngày {:02} tháng {month} năm {}", date.day(), date.year())
}
