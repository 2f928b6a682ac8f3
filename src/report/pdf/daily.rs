//! The daily report on paper.

use super::bars::Bar;
use super::flow::Flow;
use super::lines::Type;
use super::official::{Heads, PageForm, foot};
use super::paper::{Align, Attachment, Ink, Look, Paper, Title};
use super::table::{Column, Row, Table};
use crate::domain::daily_report::{DailyReport, DayStatus};
use crate::domain::drawing::Length;
use crate::domain::language::Language;
use crate::report::chart::{self, Unit};
use crate::report::day_words::DayWords;

/// Returns the report as a paper in Vietnamese; `json` are the same figures for programs, which travel
/// inside it.
#[must_use]
pub fn daily(report: &DailyReport, json: String, form: PageForm) -> Paper {
    let words = DayWords::of(report, Language::Vietnamese);
    let (market, code, date) = (&report.market.name, &report.market.code, report.business_date);
    let title = Title {
        title: format!("Báo cáo ngày {} – {market}", words.date),
        subject: format!("Tiền nhận qua mã QR, {market} ({code}), ngày {}: {}", words.date, words.status),
        author: words.authority.clone(),
        language: "vi",
        drawn_up_at: report.drawn_up_at,
    };
    let heads = Heads {
        authority: &words.authority,
        place: &words.place,
        date: &words.drawn_up_date,
        name: "BÁO CÁO TIỀN NHẬN QUA MÃ QR",
        about: &format!("{market} ({code}) – {}, ngày {}", words.weekday, words.date),
    };
    let mut flow = Flow::begin(form, title, &heads);
    if report.market.demo {
        flow.demonstration();
    }
    head(&mut flow, report, &words);
    sections(&mut flow, report, &words);
    flow.together(&|flow| {
        proof(flow, report, &words);
        flow.signatures(&[
            ("NGƯỜI LẬP BIỂU", "(Ký, ghi rõ họ tên)"),
            ("TRƯỞNG BAN QUẢN LÝ CHỢ", "(Ký, ghi rõ họ tên, đóng dấu)"),
        ]);
    });
    let root = report.seal.as_ref().map(|seal| format!("Gốc bút toán: {}", seal.merkle_root));
    let mut paper = flow.finish(&foot(short_status(report.status), root));
    paper.attachments.push(Attachment {
        name: format!("{code}-{date}.json"),
        media_type: "application/json",
        description: "Cùng số liệu, cho chương trình đọc".to_owned(),
        bytes: json.into_bytes(),
    });
    paper
}

/// Says in a word whether figures stand.
#[must_use]
pub fn short_status(status: DayStatus) -> &'static str {
    match status {
        DayStatus::Open => "TẠM TÍNH – chưa khóa sổ",
        DayStatus::Closed => "ĐÃ KHÓA SỔ",
    }
}

fn head(flow: &mut Flow, report: &DailyReport, words: &DayWords) {
    let look = match report.status {
        DayStatus::Closed => Look::of(flow.form.bold()),
        DayStatus::Open => Look::of(flow.form.bold()).in_ink(Ink(140, 60, 0)),
    };
    flow.paragraph(&words.status, look);
    flow.note(&format!("Ngày sổ {}. Số liệu lấy lúc {}.", words.span, words.drawn_up));
    flow.gap(Length::mm(3));
    flow.paragraph("Tổng số tiền", Look::of(flow.form.plain()).in_ink(Ink::QUIET));
    let big = Type { size: flow.form.bold().size.scaled(22, 10), ..flow.form.bold() };
    flow.paragraph(&words.amount, Look::of(big));
    flow.paragraph(&format!("Bằng chữ: {}.", report.amount_in_words), Look::of(flow.form.italic()));
    flow.paragraph(
        &format!(
            "Số lượt: {} · Trung bình mỗi lượt: {} · Sạp có tiền vào / sạp đăng ký: {}",
            words.payments, words.average, words.active
        ),
        Look::of(flow.form.plain()),
    );
}

fn rows<const N: usize>(rows: &[[String; N]]) -> Vec<Row> {
    rows.iter().map(|cells| Row::of(cells.to_vec())).collect()
}

fn sections(flow: &mut Flow, report: &DailyReport, words: &DayWords) {
    flow.heading(2, "1. So sánh", Align::Left);
    let columns = vec![
        Column::words("So với", 1),
        Column::figures("Số tiền"),
        Column::figures("Lượt"),
        Column::figures("Chênh lệch"),
        Column::figures("Tỷ lệ"),
    ];
    let summary = "So sánh với hôm trước và cùng thứ tuần trước".to_owned();
    flow.table(&Table { summary, columns, rows: rows(&words.comparisons) });
    hours(flow, report, words);
    flow.heading(2, "3. Theo ngành hàng", Align::Left);
    let columns = vec![
        Column::words("Ngành hàng", 1),
        Column::figures("Sạp"),
        Column::figures("Lượt"),
        Column::figures("Số tiền"),
        Column::figures("Điều chỉnh"),
        Column::figures("Còn lại"),
    ];
    some(flow, "Số tiền theo ngành hàng", columns, rows(&words.categories));
    stalls(flow, words);
    flow.heading(2, "5. Đối chiếu", Align::Left);
    let columns = vec![Column::words("Khoản mục", 1), Column::figures("Số khoản"), Column::figures("Số tiền")];
    some(flow, "Những gì đứng sau tổng số", columns, rows(&words.notes));
    let columns = vec![Column::words("Lũy kế", 1), Column::figures("Nợ"), Column::figures("Có")];
    some(flow, "Lũy kế đầu ngày, phát sinh và cuối ngày", columns, rows(&words.balance));
    flow.heading(2, "6. Khoản chưa rõ sạp", Align::Left);
    let columns = vec![
        Column::code("Bút toán"),
        Column::figures("Lúc"),
        Column::figures("Số tiền"),
        Column::words("Nội dung (đã che tên và số)", 1),
    ];
    some(flow, "Khoản tiền chưa rõ của sạp nào", columns, rows(&words.unmatched));
    if let Some(more) = &words.unmatched_more {
        flow.note(&format!("Và {more} khoản nữa."));
    }
    flow.heading(2, "7. Nguồn báo", Align::Left);
    let columns = vec![
        Column::words("Nguồn", 1),
        Column::figures("Đã ghi"),
        Column::figures("Số tiền"),
        Column::figures("Trùng"),
        Column::figures("Giữ lại"),
        Column::figures("Lần cuối"),
    ];
    some(flow, "Từng nguồn báo đã báo gì", columns, rows(&words.sources));
}

fn some(flow: &mut Flow, summary: &str, columns: Vec<Column>, rows: Vec<Row>) {
    if rows.is_empty() {
        flow.paragraph("Không có.", Look::of(flow.form.plain()));
    } else {
        flow.table(&Table { summary: summary.to_owned(), columns, rows });
    }
}

fn hours(flow: &mut Flow, report: &DailyReport, words: &DayWords) {
    flow.heading(2, "2. Theo giờ", Align::Left);
    let columns = chart::columns(&report.hours);
    let largest = columns.iter().map(|column| column.amount.whole()).max().unwrap_or_default();
    let unit = Unit::of(largest.max(0));
    let language = Language::Vietnamese;
    let bars: Vec<Bar> = columns
        .iter()
        .map(|column| Bar {
            label: column.hour.map_or_else(|| "?".to_owned(), |hour| hour.to_string()),
            figure: unit.short(column.amount.whole(), language),
            value: column.amount.whole(),
        })
        .collect();
    flow.bars(&bars, unit.caption(language), &chart::description(&report.hours, language));
    let columns = vec![Column::code("Giờ"), Column::figures("Lượt"), Column::figures("Số tiền")];
    let mut rows = rows(&words.hours);
    if !rows.is_empty() {
        rows.push(Row::sum(vec!["Cộng".to_owned(), words.payments.clone(), words.plain_amount.clone()]));
    }
    some(flow, "Số tiền theo giờ", columns, rows);
}

fn stalls(flow: &mut Flow, words: &DayWords) {
    flow.heading(2, "4. Theo sạp", Align::Left);
    let columns = vec![
        Column::code("Sạp"),
        Column::words("Tiểu thương", 3),
        Column::words("Ngành hàng", 1),
        Column::figures("Lượt"),
        Column::figures("Số tiền"),
        Column::figures("Điều chỉnh"),
        Column::figures("Còn lại"),
        Column::figures("Đầu"),
        Column::figures("Cuối"),
    ];
    let mut rows = rows(&words.stalls);
    if !rows.is_empty() {
        let [payments, amount, adjusted, net] = words.stall_sums.clone();
        let blank = String::new;
        rows.push(Row::sum(vec![
            "Cộng".to_owned(),
            blank(),
            blank(),
            payments,
            amount,
            adjusted,
            net,
            blank(),
            blank(),
        ]));
    }
    some(flow, "Số tiền theo sạp", columns, rows);
    flow.note(
        "Đơn vị tính trong các bảng: đồng. Điều chỉnh: thối tiền mặt, khoản không phải bán hàng, hoàn tiền. \
         Tiền chờ xác định sạp không nằm trong bảng này.",
    );
}

fn proof(flow: &mut Flow, report: &DailyReport, words: &DayWords) {
    flow.gap(Length::mm(3));
    if let Some([by, root, statement, bank]) = &words.seal {
        if !bank.is_empty() {
            flow.note(&format!("Đối soát khi khóa sổ: {bank}."));
        }
        flow.note(&format!(
            "Người khóa sổ: {by}. Gốc của các bút toán trong ngày: {root}. Mã biên bản đã ký: {statement}."
        ));
    }
    flow.note(&format!("Bút toán {}. Mã chuỗi sổ khi lập biểu: {}.", words.range, report.ledger.hash));
}
