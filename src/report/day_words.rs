//! The daily report in the words of people: what its page and its paper both say, made once.

use jiff::Timestamp;

use super::wording::{self, NOTHING, count, moment_in, share, weekday_in};
use crate::domain::calendar::{BusinessDate, VIETNAM, vietnam_time};
use crate::domain::daily_report::{
    CategoryFigures, Comparison, DailyReport, DaySeal, DayStatus, Figure, SideSums, SourceFigures, StallFigures,
    Unmatched,
};
use crate::domain::ids::{PostingName, Seq};
use crate::domain::language::Language;
use crate::domain::money::Dong;

/// A daily report in words and figures, row by row. Papers speak Vietnamese, pages what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayWords {
    /// The board, in capitals.
    pub authority: String,
    /// The place of the date line.
    pub place: String,
    /// The date line's date.
    pub drawn_up_date: String,
    /// The day of the week.
    pub weekday: &'static str,
    /// The day, `24/11/2026`.
    pub date: String,
    /// Open or closed, and since when.
    pub status: String,
    /// From when to when the book day reaches.
    pub span: String,
    /// When the figures were read.
    pub drawn_up: String,
    /// The total with its unit.
    pub amount: String,
    /// The total without.
    pub plain_amount: String,
    /// How many payments.
    pub payments: String,
    /// The mean of a payment.
    pub average: String,
    /// Stalls with money of those registered.
    pub active: String,
    /// Other days: name, amount, payments, difference, its share.
    pub comparisons: Vec<[String; 5]>,
    /// Hours: name, payments, amount.
    pub hours: Vec<[String; 3]>,
    /// Stalls: code, vendor, category, payments, amount, adjusted, net, first, last.
    pub stalls: Vec<[String; 9]>,
    /// Their sums: payments, amount, adjusted, net.
    pub stall_sums: [String; 4],
    /// Categories: name, stalls, payments, amount, adjusted, net.
    pub categories: Vec<[String; 6]>,
    /// What stands behind the total: name, count, amount.
    pub notes: Vec<[String; 3]>,
    /// Opening, movements, closing: name, debits, credits.
    pub balance: Vec<[String; 3]>,
    /// Money without a stall: posting, time, amount, masked memo.
    pub unmatched: Vec<[String; 4]>,
    /// How many more there are.
    pub unmatched_more: Option<String>,
    /// Sources: name, booked, amount, duplicates, held, last.
    pub sources: Vec<[String; 6]>,
    /// The day's postings in the journal.
    pub range: String,
    /// Who closed it, the root of its postings, the signed statement's hash.
    pub seal: Option<[String; 4]>,
}

impl DayWords {
    /// Writes a report in words. The heads that stand on papers alone stay Vietnamese.
    #[must_use]
    pub fn of(report: &DailyReport, language: Language) -> Self {
        let date = report.business_date;
        let average = report.amount.whole().checked_div(report.payments).map(Dong::new);
        Self {
            authority: wording::authority(&report.market.name),
            place: wording::place(report.market.ward.as_deref()),
            drawn_up_date: wording::official_date(BusinessDate::of_calendar(report.drawn_up_at)),
            weekday: weekday_in(date, language),
            date: date.vietnamese(),
            status: status(report, language),
            span: span(report, language),
            drawn_up: moment_in(report.drawn_up_at, language),
            amount: report.amount.with_unit(),
            plain_amount: report.amount.grouped(),
            payments: count(report.payments),
            average: average.map_or_else(|| NOTHING.to_owned(), Dong::with_unit),
            active: format!("{} / {}", report.active_stalls(), report.registered_stalls),
            comparisons: vec![
                comparison(language.of("Hôm trước", "The day before"), report.previous, language),
                comparison(language.of("Cùng thứ tuần trước", "A week before"), report.same_weekday, language),
            ],
            hours: hours(report, language),
            stalls: stalls(report, language),
            stall_sums: stall_sums(report),
            categories: categories(report, language),
            notes: notes(report, language),
            balance: balance(report, language),
            unmatched: unmatched(report, language),
            unmatched_more: unmatched_more(report),
            sources: sources(report, language),
            range: range(report, language),
            seal: report.seal.as_ref().map(|seal| sealed(seal, language)),
        }
    }
}

fn status(report: &DailyReport, language: Language) -> String {
    let provisional = language.of(
        "Tạm tính – chưa khóa sổ, số liệu còn thay đổi",
        "Provisional – the day is not closed and figures may change",
    );
    let closed = language.of("Đã khóa sổ", "Closed");
    match (report.status, &report.seal) {
        (DayStatus::Open, _) => provisional.to_owned(),
        (DayStatus::Closed, Some(seal)) => {
            let early = if seal.early { language.of(" (khóa sớm)", " (early)") } else { "" };
            format!("{closed} {} {}{early}", language.of("lúc", "at"), moment_in(seal.closed_at, language))
        }
        (DayStatus::Closed, None) => closed.to_owned(),
    }
}

/// Names who closed the day, the root of its postings and the signed statement's hash, and says how the
/// bank stood then; the last is empty where the close does not say so.
fn sealed(seal: &DaySeal, language: Language) -> [String; 4] {
    let bank = seal.bank.as_ref().map(|bank| wording::bank_at_close(bank, language)).unwrap_or_default();
    [seal.closed_by.clone(), seal.merkle_root.to_string(), seal.hash.to_string(), bank]
}

/// Says from when to when the book day reaches.
fn span(report: &DailyReport, language: Language) -> String {
    let (cutoff, date) = (report.market.cutoff, report.business_date);
    let (first, next) = (date.vietnamese(), date.next().vietnamese());
    match language {
        Language::Vietnamese => format!("từ {cutoff} ngày {first} đến trước {cutoff} ngày {next}"),
        Language::English => format!("from {cutoff} on {first} to before {cutoff} on {next}"),
    }
}

/// Name, the other day's amount and payments, and the difference with its share in per cent.
fn comparison(name: &str, other: Comparison, language: Language) -> [String; 5] {
    let signed = |text: String, value: i64| if value > 0 { format!("+{text}") } else { text };
    let difference = other.difference.amount;
    [
        format!("{name} ({} {})", weekday_in(other.business_date, language), other.business_date.vietnamese()),
        other.figure.amount.grouped(),
        count(other.figure.count),
        signed(difference.grouped(), difference.whole()),
        share(difference.whole(), other.figure.amount.whole()),
    ]
}

fn hours(report: &DailyReport, language: Language) -> Vec<[String; 3]> {
    let name = |hour: Option<i64>| match (hour, language) {
        (None, _) => language.of("Không rõ giờ", "Hour not known").to_owned(),
        (Some(hour), Language::Vietnamese) => format!("{hour} giờ"),
        (Some(hour), Language::English) => format!("{hour:02}:00"),
    };
    report.hours.iter().map(|hour| [name(hour.hour), count(hour.payments), hour.amount.grouped()]).collect()
}

fn stalls(report: &DailyReport, language: Language) -> Vec<[String; 9]> {
    let time = |at: Option<Timestamp>| at.map_or_else(|| NOTHING.to_owned(), vietnam_time);
    let stall = |stall: &StallFigures| {
        [
            stall.code.clone(),
            stall.vendor.clone().unwrap_or_else(|| NOTHING.to_owned()),
            said(&stall.category, language),
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

fn categories(report: &DailyReport, language: Language) -> Vec<[String; 6]> {
    let category = |category: &CategoryFigures| {
        [
            said(&category.category, language),
            count(category.stalls),
            count(category.payments),
            category.amount.grouped(),
            category.adjusted.grouped(),
            category.net.grouped(),
        ]
    };
    report.categories.iter().map(category).collect()
}

fn said(text: &str, language: Language) -> String {
    if text.is_empty() { language.of("Chưa phân loại", "Not said").to_owned() } else { text.to_owned() }
}

/// What stands behind the total, one line each: name, count, amount.
fn notes(report: &DailyReport, language: Language) -> Vec<[String; 3]> {
    let line = |vietnamese: &str, english: &str, figure: Figure| {
        [language.of(vietnamese, english).to_owned(), count(figure.count), figure.amount.grouped()]
    };
    let mut notes = vec![
        line("Bút toán đảo (đã trừ vào tổng)", "Reversals (taken off the total)", report.reversed),
        line(
            "Tiền chờ xác định sạp, tăng giảm trong ngày",
            "Money whose stall is not known, the day's change",
            report.suspense,
        ),
        line(
            "Còn chờ xác định sạp đến lúc lập biểu",
            "Still without a stall when this was drawn up",
            report.unmatched_total,
        ),
        line("Phát sinh trễ của ngày đã khóa sổ", "Late for days that were closed", report.late),
    ];
    for (day, figure) in &report.late_by_day {
        let (vi, en) =
            (format!("– phát sinh trễ của {}", day.vietnamese()), format!("– late for {}", day.vietnamese()));
        notes.push(line(&vi, &en, *figure));
    }
    notes.extend([
        line(
            "Khoản bị giữ lại chờ người xem xét (chưa ghi sổ)",
            "Held back for a person to look at (not booked)",
            report.quarantined,
        ),
        line(
            "Ghi vào ngày này, ngân hàng tính ngày khác",
            "Booked on this day, another day at the bank",
            report.moved_in,
        ),
        line("Ngân hàng tính ngày này, ghi vào ngày khác", "This day at the bank, booked on another", report.moved_out),
    ]);
    if report.from_statement().count > 0 {
        notes.push(line(
            "Ghi từ sao kê ngân hàng (nguồn không báo)",
            "Booked from the bank's statement (no source reported it)",
            report.from_statement(),
        ));
    }
    notes
}

/// Opening, the day's movements and closing, debits and credits apart.
fn balance(report: &DailyReport, language: Language) -> Vec<[String; 3]> {
    let less = |one: Dong, other: Dong| one.checked_sub(other).map_or_else(|| NOTHING.to_owned(), Dong::grouped);
    let line = |name: &str, sums: SideSums| [name.to_owned(), sums.debits.grouped(), sums.credits.grouped()];
    vec![
        line(language.of("Lũy kế đầu ngày", "At the day's beginning"), report.opening),
        [
            language.of("Phát sinh trong ngày", "Moved on the day").to_owned(),
            less(report.closing.debits, report.opening.debits),
            less(report.closing.credits, report.opening.credits),
        ],
        line(language.of("Lũy kế cuối ngày", "At the day's end"), report.closing),
    ]
}

fn unmatched(report: &DailyReport, language: Language) -> Vec<[String; 4]> {
    let posting = |posting: &Unmatched| {
        [
            name(report, posting.seq),
            posting.event_at.map_or_else(|| posting.event_date.vietnamese(), vietnam_time),
            posting.amount.grouped(),
            posting.memo_masked.clone().unwrap_or_else(|| language.of("(đã xóa)", "(redacted)").to_owned()),
        ]
    };
    report.unmatched.iter().map(posting).collect()
}

fn unmatched_more(report: &DailyReport) -> Option<String> {
    let listed = i64::try_from(report.unmatched.len()).unwrap_or(i64::MAX);
    let more = report.unmatched_total.count.saturating_sub(listed);
    (more > 0).then(|| count(more))
}

fn sources(report: &DailyReport, language: Language) -> Vec<[String; 6]> {
    let source = |source: &SourceFigures| {
        [
            source.source.to_string(),
            count(source.settlements),
            source.amount.grouped(),
            count(source.duplicates),
            count(source.quarantined),
            seconds(source.last_at, language),
        ]
    };
    report.sources.iter().map(source).collect()
}

fn seconds(at: Timestamp, language: Language) -> String {
    let (second, date) = (VIETNAM.to_datetime(at).second(), BusinessDate::of_calendar(at).vietnamese());
    format!("{}:{second:02}{}{date}", vietnam_time(at), language.of(" ngày ", ", "))
}

fn range(report: &DailyReport, language: Language) -> String {
    let Some((first, last)) = report.ledger.first_seq.zip(report.ledger.last_seq) else {
        return language.of("không có bút toán", "none").to_owned();
    };
    let (first, last) = (name(report, first), name(report, last));
    match language {
        Language::Vietnamese => format!("từ {first} đến {last}"),
        Language::English => format!("{first} to {last}"),
    }
}

fn name(report: &DailyReport, seq: Seq) -> String {
    PostingName { market: report.market.code.clone(), seq }.to_string()
}
