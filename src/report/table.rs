//! The daily report for the terminal: the day's sums, then one table each for stalls, categories,
//! hours, unmatched settlements and sources.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, Table};
use jiff::Timestamp;

use crate::domain::calendar::{rfc3339, vietnam_time};
use crate::domain::daily_report::{Comparison, DailyReport, DayStatus, Figure};
use crate::domain::ids::PostingName;
use crate::domain::language::Language;
use crate::domain::money::Dong;

/// Returns the report as tables of plain text, without colour and without a limit of width.
#[must_use]
pub fn daily(report: &DailyReport, language: Language) -> String {
    let mut out = heading(report, language);
    let _ = writeln!(out, "{}", sums(report, language));
    for (title, table) in [
        (language.of("Theo sạp", "By stall"), stalls(report, language)),
        (language.of("Theo ngành hàng", "By category"), categories(report, language)),
        (language.of("Theo giờ", "By hour"), hours(report, language)),
        (language.of("Chưa rõ sạp", "Unmatched"), unmatched(report, language)),
        (language.of("Nguồn báo", "Sources"), sources(report, language)),
    ] {
        if !table.is_empty() {
            let _ = write!(out, "\n{title}\n{table}\n");
        }
    }
    out
}

fn heading(report: &DailyReport, language: Language) -> String {
    let (name, code, date) = (&report.market.name, &report.market.code, report.business_date);
    let status = match report.status {
        DayStatus::Open => language.of("tạm tính", "open, provisional"),
        DayStatus::Closed => language.of("đã khóa sổ", "closed"),
    };
    let cutoff = report.market.cutoff;
    let drawn_up = rfc3339(report.drawn_up_at);
    match language {
        Language::Vietnamese => format!(
            "{name} ({code}) · ngày {} · {status}\nGiờ Việt Nam (UTC+7), ngày sổ bắt đầu lúc {cutoff} · lập lúc {drawn_up}\n",
            date.vietnamese()
        ),
        Language::English => format!(
            "{name} ({code}) · {date} · {status}\nVietnam time (UTC+7), the book day begins at {cutoff} · drawn up {drawn_up}\n"
        ),
    }
}

fn sums(report: &DailyReport, language: Language) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let total = Figure { count: report.payments, amount: report.amount };
    for (label, figure) in [
        (language.of("Tổng cộng", "Total"), total),
        (language.of("Đã đảo", "Reversed"), report.reversed),
        (language.of("Chờ xác định sạp (trong ngày)", "Suspense (net)"), report.suspense),
        (language.of("Phát sinh trễ của ngày đã khóa", "Late, of closed dates"), report.late),
        (language.of("Chờ người xem xét", "Quarantined"), report.quarantined),
        (language.of("Ngày ngân hàng khác, ghi vào ngày này", "Moved in"), report.moved_in),
        (language.of("Ngày ngân hàng này, ghi vào ngày khác", "Moved out"), report.moved_out),
    ] {
        table.add_row([Cell::new(label), right(figure.count), right(figure.amount.with_unit())]);
    }
    for (day, figure) in &report.late_by_day {
        let label = match language {
            Language::Vietnamese => format!("  phát sinh trễ của {}", day.vietnamese()),
            Language::English => format!("  late, of {day}"),
        };
        table.add_row([Cell::new(label), right(figure.count), right(figure.amount.with_unit())]);
    }
    for (label, other) in [
        (language.of("So với hôm trước", "Versus the day before"), report.previous),
        (language.of("So với cùng thứ tuần trước", "Versus the same weekday"), report.same_weekday),
    ] {
        table.add_row([Cell::new(versus(label, other)), right(signed(other.difference.count)), right(change(other))]);
    }
    for (label, sums) in [
        (language.of("Lũy kế đầu ngày, Nợ = Có", "Opening, debits = credits"), report.opening),
        (language.of("Lũy kế cuối ngày, Nợ = Có", "Closing, debits = credits"), report.closing),
    ] {
        table.add_row([Cell::new(label), right(""), right(sums.credits.with_unit())]);
    }
    table.add_row([Cell::new(language.of("Bằng chữ", "In words")), right(""), Cell::new(&report.amount_in_words)]);
    table
}

fn versus(label: &str, other: Comparison) -> String {
    format!("{label} ({})", other.business_date.vietnamese())
}

fn change(other: Comparison) -> String {
    let amount = other.difference.amount;
    if amount > Dong::ZERO { format!("+{}", amount.with_unit()) } else { amount.with_unit() }
}

fn signed(count: i64) -> String {
    if count > 0 { format!("+{count}") } else { count.to_string() }
}

fn stalls(report: &DailyReport, language: Language) -> Table {
    let mut table = with_header(
        language,
        &["Sạp", "Tiểu thương", "Lượt", "Số tiền", "Điều chỉnh", "Còn lại", "Đầu", "Cuối"],
        &["Stall", "Vendor", "Payments", "Amount", "Adjusted", "Net", "First", "Last"],
    );
    for stall in &report.stalls {
        table.add_row([
            Cell::new(printable(&stall.code)),
            Cell::new(printable(stall.vendor.as_deref().unwrap_or("–"))),
            right(stall.payments),
            right(stall.amount.grouped()),
            right(stall.adjusted.grouped()),
            right(stall.net.grouped()),
            right(time(stall.first_at)),
            right(time(stall.last_at)),
        ]);
    }
    table
}

fn categories(report: &DailyReport, language: Language) -> Table {
    let mut table = with_header(
        language,
        &["Ngành hàng", "Sạp", "Lượt", "Số tiền", "Còn lại"],
        &["Category", "Stalls", "Payments", "Amount", "Net"],
    );
    for category in &report.categories {
        let name = if category.category.is_empty() { "–" } else { category.category.as_str() };
        table.add_row([
            Cell::new(printable(name)),
            right(category.stalls),
            right(category.payments),
            right(category.amount.grouped()),
            right(category.net.grouped()),
        ]);
    }
    table
}

fn hours(report: &DailyReport, language: Language) -> Table {
    let mut table = with_header(language, &["Giờ", "Lượt", "Số tiền"], &["Hour", "Payments", "Amount"]);
    for hour in &report.hours {
        let name = hour.hour.map_or_else(|| language.of("không rõ", "not known").to_owned(), |hour| hour.to_string());
        table.add_row([right(name), right(hour.payments), right(hour.amount.grouped())]);
    }
    table
}

fn unmatched(report: &DailyReport, language: Language) -> Table {
    let mut table = with_header(
        language,
        &["Bút toán", "Giờ", "Số tiền", "Nội dung (đã che)"],
        &["Posting", "At", "Amount", "Memo (masked)"],
    );
    for posting in &report.unmatched {
        let name = PostingName { market: report.market.code.clone(), seq: posting.seq };
        table.add_row([
            Cell::new(name),
            right(posting.event_at.map_or_else(|| posting.event_date.vietnamese(), vietnam_time)),
            right(posting.amount.grouped()),
            Cell::new(printable(posting.memo_masked.as_deref().unwrap_or("–"))),
        ]);
    }
    table
}

fn sources(report: &DailyReport, language: Language) -> Table {
    let mut table = with_header(
        language,
        &["Nguồn", "Đã ghi", "Số tiền", "Trùng", "Giữ lại", "Lần cuối"],
        &["Source", "Booked", "Amount", "Duplicates", "Quarantined", "Last"],
    );
    for source in &report.sources {
        table.add_row([
            Cell::new(source.source.as_str()),
            right(source.settlements),
            right(source.amount.grouped()),
            right(source.duplicates),
            right(source.quarantined),
            right(rfc3339(source.last_at)),
        ]);
    }
    table
}

fn with_header(language: Language, vietnamese: &[&str], english: &[&str]) -> Table {
    let mut table = Table::new();
    let words = match language {
        Language::Vietnamese => vietnamese,
        Language::English => english,
    };
    table.load_style(UTF8_FULL_CONDENSED).set_header(words.iter().copied());
    table
}

fn right(content: impl ToString) -> Cell {
    Cell::new(content).set_alignment(CellAlignment::Right)
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "–".to_owned(), vietnam_time)
}

/// What came from outside must not steer the terminal: control characters become blanks.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
