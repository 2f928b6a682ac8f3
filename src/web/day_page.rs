//! The daily report as a page that a manager reads on a screen and prints on A4.
//!
//! On paper it follows the form of official papers (NĐ 30/2020/NĐ-CP, appendix I): the two heads,
//! the date line in italics, the margins, the signatures. Everything is on the page as text; the
//! chart has a table of the same figures beside it.

use askama::Template;
use jiff::Timestamp;
use jiff::civil::Weekday;

use crate::app::daily_report::hours_chart;
use crate::app::reconcile_view::verdict;
use crate::domain::calendar::{BusinessDate, VIETNAM, vietnam_time};
use crate::domain::daily_report::{
    CategoryFigures, Comparison, DailyReport, DaySeal, DayStatus, Figure, SideSums, SourceFigures, StallFigures,
    Unmatched,
};
use crate::domain::ids::{PostingName, Seq};
use crate::domain::language::Language;
use crate::domain::money::Dong;
use crate::domain::reconciliation::SignState;

/// The source of what only statements told of.
const STATEMENT_SOURCE: &str = "bank-statement";
/// What stands where nothing is known.
const NOTHING: &str = "–";

#[derive(Template)]
#[template(path = "daily_report.html")]
struct Page<'a> {
    test_now: Option<&'a str>,
    demo: bool,
    market: &'a str,
    code: &'a str,
    authority: String,
    place: String,
    drawn_up_date: String,
    weekday: &'static str,
    date: String,
    iso_date: String,
    previous_date: String,
    next_date: String,
    closed: bool,
    status: String,
    span: String,
    drawn_up: String,
    amount: String,
    plain_amount: String,
    words: &'a str,
    payments: String,
    average: String,
    active: String,
    comparisons: Vec<[String; 5]>,
    chart: String,
    hours: Vec<[String; 3]>,
    stalls: Vec<[String; 9]>,
    stall_sums: [String; 4],
    categories: Vec<[String; 6]>,
    notes: Vec<[String; 3]>,
    balance: Vec<[String; 3]>,
    unmatched: Vec<[String; 4]>,
    unmatched_more: Option<String>,
    sources: Vec<[String; 6]>,
    range: String,
    hash: &'a str,
    seal: Option<[String; 3]>,
    /// Bank and book in one sentence, and who signed.
    verdict: String,
    signed: String,
    agrees: bool,
}

/// The page's style sheet, linked as `/static/report.css`: the pages allow no inline style.
pub const STYLESHEET: &str = include_str!("pages/daily_report.css");

/// Returns the page in Vietnamese. In test mode it says so, with the clock's time `test_now`.
///
/// # Errors
/// Whatever the template meets; nothing in a report makes it fail.
pub fn render(report: &DailyReport, test_now: Option<&str>) -> Result<String, askama::Error> {
    let date = report.business_date;
    let average = report.amount.whole().checked_div(report.payments).map(Dong::new);
    Page {
        test_now,
        demo: report.market.demo,
        market: &report.market.name,
        code: report.market.code.as_str(),
        authority: format!("Ban quản lý {}", with_small_first(&report.market.name)).to_uppercase(),
        place: place(report.market.ward.as_deref()),
        drawn_up_date: official_date(BusinessDate::of_calendar(report.drawn_up_at)),
        weekday: weekday(date),
        date: date.vietnamese(),
        iso_date: date.to_string(),
        previous_date: date.previous().to_string(),
        next_date: date.next().to_string(),
        closed: report.status == DayStatus::Closed,
        status: status(report),
        span: span(report),
        drawn_up: moment(report.drawn_up_at),
        amount: report.amount.with_unit(),
        plain_amount: report.amount.grouped(),
        words: &report.amount_in_words,
        payments: count(report.payments),
        average: average.map_or_else(|| NOTHING.to_owned(), Dong::with_unit),
        active: format!("{} / {}", report.active_stalls(), report.registered_stalls),
        comparisons: vec![
            comparison("Hôm trước", report.previous),
            comparison("Cùng thứ tuần trước", report.same_weekday),
        ],
        chart: hours_chart(report, "hours", Language::Vietnamese),
        hours: hours(report),
        stalls: stalls(report),
        stall_sums: stall_sums(report),
        categories: categories(report),
        notes: notes(report),
        balance: balance(report),
        unmatched: unmatched(report),
        unmatched_more: unmatched_more(report),
        sources: sources(report),
        range: range(report),
        hash: &report.ledger.hash,
        seal: report.seal.as_ref().map(sealed),
        verdict: verdict(&report.reconciliation).0,
        signed: signed(report),
        agrees: report.reconciliation.agrees(),
    }
    .render()
}

/// Writes a name behind other words: `Chợ Tân An` → `chợ Tân An`.
fn with_small_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

/// Names the place of the date line. A place is named without its kind, but one named by a number
/// in full (NĐ 30/2020/NĐ-CP, appendix I, II.4); dots to write on when it is not known.
fn place(ward: Option<&str>) -> String {
    let Some(ward) = ward else { return "…………………".to_owned() };
    let kinds = ["Phường ", "phường ", "Xã ", "xã ", "Thị trấn ", "thị trấn "];
    let short = kinds.iter().find_map(|kind| ward.strip_prefix(kind));
    let plain = short.filter(|name| !name.starts_with(|c: char| c.is_ascii_digit()));
    plain.unwrap_or(ward).to_owned()
}

/// Writes a date as papers do: days below 10 and months below 3 take a leading zero.
fn official_date(date: BusinessDate) -> String {
    let (day, month, year) = (date.date().day(), date.date().month(), date.date().year());
    let month = if month < 3 { format!("0{month}") } else { month.to_string() };
    format!("ngày {day:02} tháng {month} năm {year}")
}

fn weekday(date: BusinessDate) -> &'static str {
    match date.date().weekday() {
        Weekday::Monday => "Thứ Hai",
        Weekday::Tuesday => "Thứ Ba",
        Weekday::Wednesday => "Thứ Tư",
        Weekday::Thursday => "Thứ Năm",
        Weekday::Friday => "Thứ Sáu",
        Weekday::Saturday => "Thứ Bảy",
        Weekday::Sunday => "Chủ nhật",
    }
}

fn moment(at: Timestamp) -> String {
    format!("{} ngày {}", vietnam_time(at), BusinessDate::of_calendar(at).vietnamese())
}

fn status(report: &DailyReport) -> String {
    match (report.status, &report.seal) {
        (DayStatus::Open, _) => "Tạm tính – chưa khóa sổ, số liệu còn thay đổi".to_owned(),
        (DayStatus::Closed, Some(seal)) => {
            let early = if seal.early { " (khóa sớm)" } else { "" };
            format!("Đã khóa sổ lúc {}{early}", moment(seal.closed_at))
        }
        (DayStatus::Closed, None) => "Đã khóa sổ".to_owned(),
    }
}

/// Names who closed the day, the root of its postings and the signed statement's hash.
fn sealed(seal: &DaySeal) -> [String; 3] {
    [seal.closed_by.clone(), seal.merkle_root.to_string(), seal.hash.to_string()]
}

/// Says who signed the day's reconciliation.
fn signed(report: &DailyReport) -> String {
    let day = &report.reconciliation;
    match (&day.signature, day.state) {
        (Some(signature), SignState::Changed) => {
            format!("{} đã ký lúc {}; số liệu có thay đổi sau đó.", signature.signed_by, moment(signature.signed_at))
        }
        (Some(signature), _) => {
            let note = if signature.note.is_empty() { String::new() } else { format!(" Ghi chú: {}", signature.note) };
            format!("{} đã ký đối soát lúc {}.{note}", signature.signed_by, moment(signature.signed_at))
        }
        (None, SignState::NoStatement) => String::new(),
        (None, _) => "Chưa ký đối soát.".to_owned(),
    }
}

/// Says from when to when the book day reaches.
fn span(report: &DailyReport) -> String {
    let (cutoff, date) = (report.market.cutoff, report.business_date);
    format!("từ {cutoff} ngày {} đến trước {cutoff} ngày {}", date.vietnamese(), date.next().vietnamese())
}

fn count(count: i64) -> String {
    Dong::new(count).grouped()
}

/// Name, the other day's amount and payments, and the difference with its share in per cent.
fn comparison(name: &str, other: Comparison) -> [String; 5] {
    let signed = |text: String, value: i64| if value > 0 { format!("+{text}") } else { text };
    let difference = other.difference.amount;
    [
        format!("{name} ({} {})", weekday(other.business_date), other.business_date.vietnamese()),
        other.figure.amount.grouped(),
        count(other.figure.count),
        signed(difference.grouped(), difference.whole()),
        share(difference.whole(), other.figure.amount.whole()),
    ]
}

/// Writes a part of a positive whole in per cent with one decimal, half away from zero: `+12,5 %`.
fn share(part: i64, of: i64) -> String {
    if of <= 0 {
        return NOTHING.to_owned();
    }
    let (part, of) = (i128::from(part), i128::from(of));
    let tenths = (part.abs() * 1_000 + of / 2) / of;
    let sign = match part.signum() {
        1 => "+",
        -1 => "-",
        _ => "",
    };
    format!("{sign}{},{}\u{a0}%", tenths / 10, tenths % 10)
}

fn hours(report: &DailyReport) -> Vec<[String; 3]> {
    let name = |hour: Option<i64>| hour.map_or_else(|| "Không rõ giờ".to_owned(), |hour| format!("{hour} giờ"));
    report.hours.iter().map(|hour| [name(hour.hour), count(hour.payments), hour.amount.grouped()]).collect()
}

fn stalls(report: &DailyReport) -> Vec<[String; 9]> {
    let time = |at: Option<Timestamp>| at.map_or_else(|| NOTHING.to_owned(), vietnam_time);
    let stall = |stall: &StallFigures| {
        [
            stall.code.clone(),
            stall.vendor.clone().unwrap_or_else(|| NOTHING.to_owned()),
            said(&stall.category),
            count(stall.payments),
            stall.amount.grouped(),
            stall.adjusted.grouped(),
            stall.net.grouped(),
            time(stall.first_at),
            time(stall.last_at),
        ]
    };
    report.stalls.iter().map(stall).collect()
}

/// Payments, amount, adjusted and net of all stalls. A report holds no sum that could overflow:
/// its checks added the amounts already.
fn stall_sums(report: &DailyReport) -> [String; 4] {
    let sum = |amounts: Option<Dong>| amounts.map_or_else(|| NOTHING.to_owned(), Dong::grouped);
    [
        count(report.stalls.iter().map(|stall| stall.payments).sum()),
        sum(report.stalls.iter().map(|stall| stall.amount).sum()),
        sum(report.stalls.iter().map(|stall| stall.adjusted).sum()),
        sum(report.stalls.iter().map(|stall| stall.net).sum()),
    ]
}

fn categories(report: &DailyReport) -> Vec<[String; 6]> {
    let category = |category: &CategoryFigures| {
        [
            said(&category.category),
            count(category.stalls),
            count(category.payments),
            category.amount.grouped(),
            category.adjusted.grouped(),
            category.net.grouped(),
        ]
    };
    report.categories.iter().map(category).collect()
}

fn said(text: &str) -> String {
    if text.is_empty() { "Chưa phân loại".to_owned() } else { text.to_owned() }
}

/// What stands behind the total, one line each: name, count, amount.
fn notes(report: &DailyReport) -> Vec<[String; 3]> {
    let line = |name: &str, figure: Figure| [name.to_owned(), count(figure.count), figure.amount.grouped()];
    let mut notes = vec![
        line("Bút toán đảo (đã trừ vào tổng)", report.reversed),
        line("Tiền chờ xác định sạp, tăng giảm trong ngày", report.suspense),
        line("Còn chờ xác định sạp đến lúc lập biểu", report.unmatched_total),
        line("Phát sinh trễ của ngày đã khóa sổ", report.late),
    ];
    for (day, figure) in &report.late_by_day {
        notes.push(line(&format!("– phát sinh trễ của {}", day.vietnamese()), *figure));
    }
    notes.extend([
        line("Khoản bị giữ lại chờ người xem xét (chưa ghi sổ)", report.quarantined),
        line("Ghi vào ngày này, ngân hàng tính ngày khác", report.moved_in),
        line("Ngân hàng tính ngày này, ghi vào ngày khác", report.moved_out),
    ]);
    let statement = report.sources.iter().find(|source| source.source.as_str() == STATEMENT_SOURCE);
    if let Some(source) = statement {
        let figure = Figure { count: source.settlements, amount: source.amount };
        notes.push(line("Ghi từ sao kê ngân hàng (nguồn không báo)", figure));
    }
    notes
}

/// Opening, the day's movements and closing, debits and credits apart.
fn balance(report: &DailyReport) -> Vec<[String; 3]> {
    let less = |one: Dong, other: Dong| one.checked_sub(other).map_or_else(|| NOTHING.to_owned(), Dong::grouped);
    let line = |name: &str, sums: SideSums| [name.to_owned(), sums.debits.grouped(), sums.credits.grouped()];
    vec![
        line("Lũy kế đầu ngày", report.opening),
        [
            "Phát sinh trong ngày".to_owned(),
            less(report.closing.debits, report.opening.debits),
            less(report.closing.credits, report.opening.credits),
        ],
        line("Lũy kế cuối ngày", report.closing),
    ]
}

fn unmatched(report: &DailyReport) -> Vec<[String; 4]> {
    let posting = |posting: &Unmatched| {
        [
            name(report, posting.seq),
            posting.event_at.map_or_else(|| posting.event_date.vietnamese(), vietnam_time),
            posting.amount.grouped(),
            posting.memo_masked.clone().unwrap_or_else(|| "(đã xóa)".to_owned()),
        ]
    };
    report.unmatched.iter().map(posting).collect()
}

fn unmatched_more(report: &DailyReport) -> Option<String> {
    let listed = i64::try_from(report.unmatched.len()).unwrap_or(i64::MAX);
    let more = report.unmatched_total.count.saturating_sub(listed);
    (more > 0).then(|| count(more))
}

fn sources(report: &DailyReport) -> Vec<[String; 6]> {
    let source = |source: &SourceFigures| {
        [
            source.source.to_string(),
            count(source.settlements),
            source.amount.grouped(),
            count(source.duplicates),
            count(source.quarantined),
            seconds(source.last_at),
        ]
    };
    report.sources.iter().map(source).collect()
}

fn seconds(at: Timestamp) -> String {
    let second = VIETNAM.to_datetime(at).second();
    format!("{}:{second:02} ngày {}", vietnam_time(at), BusinessDate::of_calendar(at).vietnamese())
}

fn range(report: &DailyReport) -> String {
    match (report.ledger.first_seq, report.ledger.last_seq) {
        (Some(first), Some(last)) => format!("từ {} đến {}", name(report, first), name(report, last)),
        _ => "không có bút toán".to_owned(),
    }
}

fn name(report: &DailyReport, seq: Seq) -> String {
    PostingName { market: report.market.code.clone(), seq }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_line_is_written_as_official_papers_write_it() {
        let written = |text: &str| official_date(text.parse().expect("a date"));
        assert_eq!(written("2026-06-03"), "ngày 03 tháng 6 năm 2026");
        assert_eq!(written("2026-02-24"), "ngày 24 tháng 02 năm 2026");
        assert_eq!(written("2026-11-24"), "ngày 24 tháng 11 năm 2026");
        assert_eq!(place(Some("Phường Ninh Kiều")), "Ninh Kiều");
        assert_eq!(place(Some("xã Cờ Đỏ")), "Cờ Đỏ");
        assert_eq!(place(Some("Phường 1")), "Phường 1");
        assert_eq!(place(Some("Cái Răng")), "Cái Răng");
    }

    #[test]
    fn shares_are_rounded_to_a_tenth_of_a_per_cent() {
        let shown = [(125, 1_000), (-1, 3), (0, 5), (1, 0), (i64::MAX, 1)].map(|(part, of)| share(part, of));
        let expected = ["+12,5\u{a0}%", "-33,3\u{a0}%", "0,0\u{a0}%", "–", "+922337203685477580700,0\u{a0}%"];
        assert_eq!(shown, expected);
    }
}
