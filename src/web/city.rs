//! What the city reads in the morning: sums by market and nothing of single stalls. Closed figures and
//! provisional ones never stand together.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use serde::Deserialize;

use super::Shared;
use super::board::reports::Shown;
use super::board::texts::word;
use super::pages::frame::Frame;
use super::pages::html;
use super::periods::{PeriodQuery, asked, codes, standing};
use super::problem::{Answer, told};
use crate::app::board::{ACTIVE_DAYS, DORMANT_DAYS, Metric, Steps, comparison_dots};
use crate::app::period_report::{Period, Standing, comparison_grid, measures_grid, period_of};
use crate::domain::calendar::vietnam_time;
use crate::domain::language::Language;
use crate::domain::money::Dong;

/// Days of the small pictures.
const DAYS: i64 = 28;
const WEEKDAYS: [(&str, &str); 7] =
    [("T2", "Mon"), ("T3", "Tue"), ("T4", "Wed"), ("T5", "Thu"), ("T6", "Fri"), ("T7", "Sat"), ("CN", "Sun")];

struct Small {
    code: String,
    name: String,
    ward: String,
    demo: bool,
    chart: String,
    a_stall: String,
    share: String,
    change: String,
    closed: String,
}

#[derive(Template)]
#[template(path = "city.html")]
struct CityPage {
    frame: Frame,
    tab: &'static str,
    named: String,
    same: bool,
    markets: Vec<Small>,
}

#[derive(Deserialize)]
pub(super) struct CityQuery {
    #[serde(default)]
    scale: String,
}

fn last_days(web: &Shared) -> Result<Period, crate::app::error::AppError> {
    let today = web.app.today();
    period_of(today.plus_days(-DAYS), today.previous())
}

/// C1: every market small, for each active stall, all with one scale or each with its own.
pub(super) async fn markets(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Query(query): Query<CityQuery>,
) -> Answer {
    let page = async {
        let period = last_days(&web)?;
        let same = query.scale != "own";
        let days = web.app.city_days(period).await?;
        let compared = web.app.compare(period, Standing::Closed, &[]).await?;
        let grid = comparison_grid(&compared);
        let language = frame.language();
        let most = days.iter().map(crate::app::board::CityMarket::most).max().unwrap_or_default();
        let mut markets = Vec::new();
        for ((market, row), shown) in days.iter().zip(&compared.markets).zip(&grid.rows) {
            let cell = |column: usize| shown.get(column).map(|cell| word(cell.shown(), language)).unwrap_or_default();
            markets.push(Small {
                code: market.code.to_string(),
                name: market.name.clone(),
                ward: row.ward.clone().unwrap_or_default(),
                demo: row.demo,
                chart: market.chart(if same { most } else { market.most() }, language),
                share: cell(5),
                a_stall: cell(8),
                change: cell(9),
                closed: row.open_date.previous().vietnamese(),
            });
        }
        html(&CityPage { frame, tab: "markets", named: period.named(language), same, markets })
    };
    page.await.map_err(told(&headers, "/city"))
}

#[derive(Template)]
#[template(path = "city_compare.html")]
struct ComparePage {
    frame: Frame,
    tab: &'static str,
    named: String,
    closed: bool,
    standing: &'static str,
    total: Option<String>,
    from: String,
    to: String,
    choices: Vec<(String, String, bool)>,
    query: String,
    /// By what they are ranked: its word, its name, and whether it is the one shown.
    metrics: Vec<(&'static str, &'static str, bool)>,
    dots: String,
    grid: Shown,
    measures: Shown,
}

#[derive(Deserialize)]
pub(super) struct MetricQuery {
    metric: Option<String>,
}

/// C2: chosen markets side by side.
pub(super) async fn compare(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Query(query): Query<PeriodQuery>,
    Query(ranked): Query<MetricQuery>,
) -> Answer {
    let page = async {
        let period = asked(&query, web.app.today())?;
        let word = ranked.metric.unwrap_or_default();
        let metric = Metric::ALL.into_iter().find(|metric| metric.as_str() == word).unwrap_or_default();
        let language = frame.language();
        let standing = standing(query.standing.as_deref())?;
        let chosen = codes(query.markets.as_deref())?;
        let compared = web.app.compare(period, standing, &chosen).await?;
        let choices = web.app.markets().await?;
        let choices = choices
            .into_iter()
            .map(|market| (market.code.to_string(), market.name.to_string(), chosen.contains(&market.code)))
            .collect();
        let list = query.markets.clone().unwrap_or_default();
        html(&ComparePage {
            tab: "compare",
            named: period.named(language),
            closed: standing == Standing::Closed,
            standing: standing.named(language),
            total: compared.total.map(|total| {
                let (count, payments) = (Dong::new(total.count).grouped(), language.of("lượt", "payments"));
                format!("{count} {payments} · {}", total.amount.with_unit())
            }),
            from: period.first().to_string(),
            to: period.last().to_string(),
            choices,
            query: format!(
                "from={}&to={}&standing={}&markets={list}",
                period.first(),
                period.last(),
                standing.as_str()
            ),
            metrics: Metric::ALL.map(|one| (one.as_str(), one.named(language), one == metric)).to_vec(),
            dots: comparison_dots(&compared, metric, language),
            grid: Shown::of(&comparison_grid(&compared), language),
            measures: Shown::of(&measures_grid(&compared), language),
            frame,
        })
    };
    page.await.map_err(told(&headers, "/city/compare"))
}

#[derive(Template)]
#[template(path = "city_funnel.html")]
struct FunnelPage {
    frame: Frame,
    tab: &'static str,
    steps: Vec<(String, i64, String, i64)>,
    categories: Vec<(String, Vec<String>)>,
}

/// C3: from registered to active, and who fell silent.
pub(super) async fn funnel(State(web): State<Shared>, frame: Frame, headers: HeaderMap) -> Answer {
    let page = async {
        let funnel = web.app.funnel().await?;
        let language = frame.language();
        let names = [
            language.of("Đăng ký", "Registered").to_owned(),
            language.of("Đã in QR", "QR printed").to_owned(),
            language.of("Đã có khoản đầu tiên", "Had a first payment").to_owned(),
            match language {
                Language::Vietnamese => format!("Dùng trong {ACTIVE_DAYS} ngày"),
                Language::English => format!("Active in {ACTIVE_DAYS} days"),
            },
            match language {
                Language::Vietnamese => format!("Ngưng {DORMANT_DAYS} ngày"),
                Language::English => format!("Dormant for {DORMANT_DAYS} days"),
            },
        ];
        let registered = funnel.all.first().copied().unwrap_or_default().max(1);
        let step = |(name, count): (String, i64)| {
            let hundredths = count.saturating_mul(100).checked_div(registered).unwrap_or_default();
            (name, count, few(count), hundredths)
        };
        let line = |(category, steps): (Option<String>, Steps)| {
            let name = category.unwrap_or_else(|| {
                language.of("Các ngành ít sạp, gộp lại", "Goods of few stalls, together").to_owned()
            });
            let name = if name.is_empty() { language.of("Chưa phân loại", "Not said").to_owned() } else { name };
            (name, steps.map(few).to_vec())
        };
        html(&FunnelPage {
            frame,
            tab: "funnel",
            steps: names.into_iter().zip(funnel.all).map(step).collect(),
            categories: funnel.categories.into_iter().map(line).collect(),
        })
    };
    page.await.map_err(told(&headers, "/city/funnel"))
}

/// Writes a number of stalls; fewer than five are not told, and none is nothing to tell.
fn few(count: i64) -> String {
    if (1..crate::app::period_report::STALLS_MIN).contains(&count) {
        "< 5".to_owned()
    } else {
        Dong::new(count).grouped()
    }
}

#[derive(Template)]
#[template(path = "city_hours.html")]
struct HoursPage {
    frame: Frame,
    tab: &'static str,
    named: String,
    hours: Vec<i64>,
    rows: Vec<(&'static str, Vec<(String, i64)>)>,
}

/// C4: weekday by hour, figures visible and not colour alone.
pub(super) async fn hours(State(web): State<Shared>, frame: Frame, headers: HeaderMap) -> Answer {
    let page = async {
        let period = last_days(&web)?;
        let cells = web.app.weekday_hours(period).await?;
        let language = frame.language();
        let most = cells.values().flatten().map(|figure| figure.count).max().unwrap_or_default().max(1);
        let hours: Vec<i64> = (0..24).filter(|hour| cells.keys().any(|(_, found)| found == hour)).collect();
        let cell = |weekday: i8, hour: i64| match cells.get(&(weekday, hour)) {
            None => ("·".to_owned(), 0),
            Some(None) => ("< 5".to_owned(), 0),
            Some(Some(figure)) => {
                let shade = figure.count.saturating_mul(5).saturating_sub(1).checked_div(most).unwrap_or_default() + 1;
                (Dong::new(figure.count).grouped(), shade.clamp(1, 5))
            }
        };
        let row = |(weekday, (vi, en)): (i8, (&'static str, &'static str))| {
            (language.of(vi, en), hours.iter().map(|hour| cell(weekday, *hour)).collect())
        };
        let rows = (0_i8..).zip(WEEKDAYS).map(row).collect();
        html(&HoursPage { frame, tab: "hours", named: period.named(language), hours: hours.clone(), rows })
    };
    page.await.map_err(told(&headers, "/city/hours"))
}

/// A market's code, its name, and of each day: the sign, what it means, and the date of its close.
type ClosesRow = (String, String, Vec<(&'static str, String, String)>);

#[derive(Template)]
#[template(path = "city_closes.html")]
struct ClosesPage {
    frame: Frame,
    tab: &'static str,
    named: String,
    month: String,
    days: Vec<i8>,
    rows: Vec<ClosesRow>,
}

/// C5: which market has closed which day.
pub(super) async fn closes(
    State(web): State<Shared>,
    frame: Frame,
    headers: HeaderMap,
    Query(query): Query<PeriodQuery>,
) -> Answer {
    let page = async {
        let today = web.app.today();
        let language = frame.language();
        let month = query.month.as_deref().filter(|month| !month.is_empty());
        let period = match month {
            Some(month) => {
                Period::month(month).map_err(|error| crate::app::period_report::no_period("month", &error))?
            }
            None => Period::month_of(today),
        };
        let rows = web.app.closed_dates(period).await?.into_iter().map(|market| {
            let cell = |(date, closed): &(crate::domain::calendar::BusinessDate, Option<jiff::Timestamp>)| match closed
            {
                Some(at) => (
                    "✓",
                    format!("{}: {} {}", date.vietnamese(), language.of("khóa lúc", "closed at"), vietnam_time(*at)),
                    date.to_string(),
                ),
                None if *date < market.open_date => (
                    "✓",
                    format!("{}: {}", date.vietnamese(), language.of("khóa cùng ngày sau", "closed with a later day")),
                    String::new(),
                ),
                None if *date < today => (
                    language.of("chưa", "open"),
                    format!("{}: {}", date.vietnamese(), language.of("chưa khóa sổ", "not closed")),
                    String::new(),
                ),
                None => ("", format!("{}: {}", date.vietnamese(), language.of("chưa đến", "to come")), String::new()),
            };
            (market.code.to_string(), market.name.clone(), market.dates.iter().map(cell).collect())
        });
        html(&ClosesPage {
            frame,
            tab: "closes",
            named: period.named(language),
            month: period.first().to_string().chars().take(7).collect(),
            days: period.each().map(|date| date.date().day()).collect(),
            rows: rows.collect(),
        })
    };
    page.await.map_err(told(&headers, "/city/closes"))
}
