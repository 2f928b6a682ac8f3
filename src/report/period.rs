//! A period's report and a comparison of markets as tables, and those in every form.

use serde_json::{Value, json};

use super::grid::{Cell, Grid};
use super::wording::{authority, count, moment};
use super::xlsx::Cover;
use crate::domain::calendar::rfc3339;
use crate::domain::daily_report::{DailyReport, DayStatus, Figure};
use crate::domain::language::Language;
use crate::domain::money::Dong;
use crate::domain::period_report::{ComparedMarket, MarketComparison, MarketSums, PeriodReport};

/// Says whether a period's figures stand.
#[must_use]
pub fn standing(report: &PeriodReport, language: Language) -> String {
    let (closed, days) = (report.closed_days(), report.days.len());
    match (report.status(), language) {
        (DayStatus::Closed, _) => language.of("ĐÃ KHÓA SỔ cả kỳ", "CLOSED, the whole period").to_owned(),
        (DayStatus::Open, Language::Vietnamese) => format!("TẠM TÍNH – đã khóa sổ {closed}/{days} ngày"),
        (DayStatus::Open, Language::English) => format!("PROVISIONAL – {closed} of {days} days are closed"),
    }
}

/// Returns what stands above a market's tables.
#[must_use]
pub fn cover(report: &PeriodReport) -> Cover {
    let market = &report.market;
    let demo = if market.demo { " · Dữ liệu minh họa" } else { "" };
    Cover {
        title: format!("{} ({}) – {}", market.name, market.code, report.period.vietnamese()),
        author: authority(&market.name),
        lines: vec![
            format!("{} ({}) – {}{demo}", market.name, market.code, report.period.vietnamese()),
            format!(
                "{} · Giờ Việt Nam (UTC+7) · lấy số liệu lúc {}",
                standing(report, Language::Vietnamese),
                moment(report.drawn_up_at)
            ),
            format!("Tổng: {} · Bằng chữ: {}.", report.total.amount.with_unit(), report.amount_in_words),
        ],
        drawn_up_at: report.drawn_up_at,
    }
}

fn money(amount: Dong) -> Cell {
    Cell::Money(amount)
}

/// Returns a market's period as tables: days, stalls, categories.
#[must_use]
pub fn grids(report: &PeriodReport) -> Vec<Grid> {
    let days = report.days.iter().map(|day| {
        let status = match day.status {
            DayStatus::Closed => "đã khóa",
            DayStatus::Open => "tạm tính",
        };
        vec![
            Cell::Date(day.date),
            Cell::text(super::wording::weekday(day.date)),
            Cell::text(status),
            Cell::Count(day.active_stalls),
            Cell::Count(day.figure.count),
            money(day.figure.amount),
        ]
    });
    let stalls = report.stalls.iter().map(|stall| {
        vec![
            Cell::text(&stall.code),
            Cell::text(stall.vendor.clone().unwrap_or_default()),
            Cell::text(&stall.category),
            Cell::Count(stall.days),
            Cell::Count(stall.payments),
            money(stall.amount),
            money(stall.adjusted),
            money(stall.net),
        ]
    });
    let categories = report.categories.iter().map(|category| {
        let name = if category.category.is_empty() { "Chưa phân loại" } else { &category.category };
        vec![
            Cell::text(name),
            Cell::Count(category.stalls),
            Cell::Count(category.payments),
            money(category.amount),
            money(category.adjusted),
            money(category.net),
        ]
    });
    vec![
        Grid::new("Theo ngày", &["Ngày", "Thứ", "Sổ", "Sạp có tiền vào", "Lượt", "Số tiền"], days.collect(), &[4, 5]),
        Grid::new(
            "Theo sạp",
            &["Sạp", "Tiểu thương", "Ngành hàng", "Số ngày", "Lượt", "Số tiền", "Điều chỉnh", "Còn lại"],
            stalls.collect(),
            &[4, 5, 6, 7],
        ),
        Grid::new(
            "Theo ngành hàng",
            &["Ngành hàng", "Sạp", "Lượt", "Số tiền", "Điều chỉnh", "Còn lại"],
            categories.collect(),
            &[1, 2, 3, 4, 5],
        ),
    ]
}

/// Returns a day as tables, for a workbook.
#[must_use]
pub fn day_grids(report: &DailyReport) -> Vec<Grid> {
    let time = |at: Option<jiff::Timestamp>| at.map_or(Cell::Unknown, Cell::Time);
    let stalls = report.stalls.iter().map(|stall| {
        vec![
            Cell::text(&stall.code),
            Cell::text(stall.vendor.clone().unwrap_or_default()),
            Cell::text(&stall.category),
            Cell::Count(stall.payments),
            money(stall.amount),
            money(stall.adjusted),
            money(stall.net),
            time(stall.first_at),
            time(stall.last_at),
        ]
    });
    let hours = report.hours.iter().map(|hour| {
        let name = hour.hour.map_or_else(|| "Không rõ giờ".to_owned(), |hour| format!("{hour} giờ"));
        vec![Cell::text(name), Cell::Count(hour.payments), money(hour.amount)]
    });
    let figure = |name: &str, figure: Figure| vec![Cell::text(name), Cell::Count(figure.count), money(figure.amount)];
    let total = Figure { count: report.payments, amount: report.amount };
    let sums = vec![
        figure("Tổng cộng", total),
        figure("Bút toán đảo (đã trừ vào tổng)", report.reversed),
        figure("Tiền chờ xác định sạp, tăng giảm trong ngày", report.suspense),
        figure("Còn chờ xác định sạp", report.unmatched_total),
        figure("Phát sinh trễ của ngày đã khóa sổ", report.late),
        figure("Bị giữ lại chờ người xem xét (chưa ghi sổ)", report.quarantined),
    ];
    vec![
        Grid::new("Tổng hợp", &["Khoản mục", "Số khoản", "Số tiền"], sums, &[]),
        Grid::new(
            "Theo sạp",
            &["Sạp", "Tiểu thương", "Ngành hàng", "Lượt", "Số tiền", "Điều chỉnh", "Còn lại", "Đầu", "Cuối"],
            stalls.collect(),
            &[3, 4, 5, 6],
        ),
        Grid::new("Theo giờ", &["Giờ", "Lượt", "Số tiền"], hours.collect(), &[1, 2]),
    ]
}

/// Returns a period as JSON, the form of the contract.
#[must_use]
pub fn json(report: &PeriodReport) -> Value {
    let figure = |figure: Figure| json!({"count": figure.count, "amount": figure.amount.whole()});
    let days: Vec<Value> = report
        .days
        .iter()
        .map(|day| {
            json!({
                "business_date": day.date.to_string(), "status": day.status.as_str(), "payments": day.figure.count,
                "amount": day.figure.amount.whole(), "active_stalls": day.active_stalls,
            })
        })
        .collect();
    let stalls: Vec<Value> = report
        .stalls
        .iter()
        .map(|stall| {
            json!({
                "stall": stall.code, "vendor": stall.vendor, "category": stall.category, "days": stall.days,
                "payments": stall.payments, "amount": stall.amount.whole(), "adjusted": stall.adjusted.whole(),
                "net": stall.net.whole(),
            })
        })
        .collect();
    json!({
        "market": {"code": report.market.code.as_str(), "name": report.market.name},
        "from": report.period.first().to_string(), "to": report.period.last().to_string(),
        "status": report.status().as_str(), "currency": "VND", "time_zone": "Asia/Ho_Chi_Minh",
        "drawn_up_at": rfc3339(report.drawn_up_at), "payments": report.total.count,
        "amount": report.total.amount.whole(), "amount_in_words": report.amount_in_words,
        "closed": figure(report.closed), "suspense": figure(report.suspense), "previous": figure(report.previous),
        "days": days, "stalls": stalls, "registered_stalls": report.registered_stalls,
        "last_close": report.last_close.map(|(date, hash)| json!({"business_date": date.to_string(), "hash": hash.to_string()})),
    })
}

/// Returns the payments of an active stall, in tenths; nothing without one.
#[must_use]
pub fn tenths_a_stall(sums: MarketSums) -> Option<i64> {
    sums.figure.count.saturating_mul(10).checked_div(sums.active_stalls)
}

/// The change of an amount, in thousandths.
#[must_use]
pub fn change(now: Dong, before: Dong) -> Cell {
    let (now, before) = (now.whole(), before.whole());
    if before <= 0 {
        return Cell::Unknown;
    }
    let product = (i128::from(now) - i128::from(before)) * 1_000 / i128::from(before);
    i64::try_from(product).map_or(Cell::Unknown, Cell::Share)
}

/// Returns what stands above a comparison.
#[must_use]
pub fn comparison_cover(compared: &MarketComparison) -> Cover {
    let title = format!("So sánh các chợ – {} – {}", compared.period.vietnamese(), compared.standing.vietnamese());
    Cover {
        lines: vec![
            title.clone(),
            format!("Giờ Việt Nam (UTC+7) · lấy số liệu lúc {}", moment(compared.drawn_up_at)),
            "Số liệu của dưới 5 sạp không hiển thị. Chỉ có số gộp theo chợ, không có số của từng sạp.".to_owned(),
            "Trung vị lấy hai chữ số đầu. Trễ báo p95: 95/100 lượt được ghi sổ trong chừng ấy lâu sau khi tiền về. Hai số \
             này chỉ có ở ngày đã khóa sổ. Thẻ đã kiểm: mã đang dùng đã in và đọc lại được."
                .to_owned(),
        ],
        title,
        author: "Sổ Chợ".to_owned(),
        drawn_up_at: compared.drawn_up_at,
    }
}

/// Returns a comparison as one table.
#[must_use]
pub fn comparison(compared: &MarketComparison) -> Grid {
    let row = |market: &ComparedMarket| {
        let told = |cell: fn(MarketSums) -> Cell| market.sums.map_or(Cell::Hidden, cell);
        let share = |sums: MarketSums| {
            share_of(sums.active_stalls, market.registered_stalls).map_or(Cell::Unknown, Cell::Share)
        };
        vec![
            Cell::text(market.code.as_str()),
            Cell::text(&market.name),
            Cell::text(market.ward.clone().unwrap_or_default()),
            Cell::Count(market.registered_stalls),
            told(|sums| Cell::Count(sums.active_stalls)),
            market.sums.map_or(Cell::Hidden, share),
            told(|sums| Cell::Count(sums.figure.count)),
            told(|sums| money(sums.figure.amount)),
            told(|sums| {
                tenths_a_stall(sums)
                    .map_or(Cell::Unknown, |tenths| Cell::text(format!("{},{}", tenths / 10, tenths % 10)))
            }),
            market
                .sums
                .zip(market.previous)
                .map_or(Cell::Unknown, |(now, before)| change(now.figure.amount, before.figure.amount)),
        ]
    };
    let heads = [
        "Mã",
        "Chợ",
        "Phường/xã",
        "Sạp đăng ký",
        "Sạp có tiền vào",
        "Tỷ lệ",
        "Lượt",
        "Số tiền",
        "Lượt/sạp",
        "So kỳ trước",
    ];
    let summed: &[usize] = if compared.total.is_some() { &[3, 6, 7] } else { &[] };
    Grid::new("So sánh chợ", &heads, compared.markets.iter().map(row).collect(), summed)
}

/// Returns what markets are compared by beside sums, as one table.
#[must_use]
pub fn measures(compared: &MarketComparison) -> Grid {
    let row = |market: &ComparedMarket| {
        let mut cells = vec![Cell::text(market.code.as_str()), Cell::text(&market.name)];
        cells.extend(measured(market));
        cells
    };
    let heads: Vec<&str> = ["Mã", "Chợ"].into_iter().chain(MEASURES).collect();
    Grid::new("Trung vị, giờ, độ trễ, thẻ", &heads, compared.markets.iter().map(row).collect(), &[])
}

/// Returns a comparison as one wide table, for files of one table.
#[must_use]
pub fn comparison_whole(compared: &MarketComparison) -> Grid {
    let mut grid = comparison(compared);
    // Files for programs have seconds.
    grid.heads.extend(MEASURES.map(|head| if head == DELAY { format!("{DELAY} (giây)") } else { head.to_owned() }));
    for (row, market) in grid.rows.iter_mut().zip(&compared.markets) {
        row.extend(measured(market));
    }
    grid
}

/// What stands above the delay.
const DELAY: &str = "Trễ báo p95";
/// What stands above [`measured`].
const MEASURES: [&str; 5] = ["Trung vị một lượt", "Giờ cao điểm", DELAY, "Sạp có thẻ đã kiểm", "Tỷ lệ thẻ đã kiểm"];

fn measured(market: &ComparedMarket) -> [Cell; 5] {
    let Some(told) = market.measures else { return [const { Cell::Hidden }; 5] };
    [
        told.median.map_or(Cell::Unknown, money),
        told.peak_hour.map_or(Cell::Unknown, |hour| Cell::text(hour_span(hour))),
        told.delay_s.map_or(Cell::Unknown, Cell::Span),
        Cell::Count(told.cards),
        share_of(told.cards, market.registered_stalls).map_or(Cell::Unknown, Cell::Share),
    ]
}

/// Returns a part of stalls, in thousandths; nothing without a stall.
#[must_use]
pub fn share_of(stalls: i64, registered: i64) -> Option<i64> {
    stalls.saturating_mul(1_000).checked_div(registered)
}

/// Writes an hour of the day: `06:00–07:00`.
#[must_use]
pub fn hour_span(hour: i64) -> String {
    format!("{hour:02}:00–{:02}:00", hour.saturating_add(1))
}

/// Returns a comparison as JSON: aggregates alone, `null` where fewer than five stalls are behind.
#[must_use]
pub fn comparison_json(compared: &MarketComparison) -> Value {
    let sums = |sums: Option<MarketSums>| {
        sums.map(|sums| json!({
        "payments": sums.figure.count, "amount": sums.figure.amount.whole(), "active_stalls": sums.active_stalls,
        "days": sums.days,
    }))
    };
    let markets: Vec<Value> = compared
        .markets
        .iter()
        .map(|market| {
            json!({
                "code": market.code.as_str(), "name": market.name, "ward": market.ward, "demo": market.demo,
                "registered_stalls": market.registered_stalls, "open_date": market.open_date.to_string(),
                "suppressed": market.sums.is_none(), "figures": sums(market.sums), "previous": sums(market.previous),
                "measures": market.measures.map(|told| json!({
                    "median_amount": told.median.map(Dong::whole), "peak_hour": told.peak_hour,
                    "delay_p95_s": told.delay_s, "cards_checked": told.cards,
                })),
            })
        })
        .collect();
    json!({
        "from": compared.period.first().to_string(), "to": compared.period.last().to_string(),
        "standing": compared.standing.as_str(), "currency": "VND", "time_zone": "Asia/Ho_Chi_Minh",
        "drawn_up_at": rfc3339(compared.drawn_up_at), "stalls_min": crate::domain::period_report::STALLS_MIN,
        "markets": markets,
        "total": compared.total.map(|total| json!({"payments": total.count, "amount": total.amount.whole()})),
    })
}

/// Says a figure in short: `812 lượt, 42.350.000 ₫`.
#[must_use]
pub fn figure_in_words(figure: Figure) -> String {
    format!("{} lượt, {}", count(figure.count), figure.amount.with_unit())
}
