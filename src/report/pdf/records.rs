//! The record of a close (biên bản khóa sổ) and the list of vendors on paper.

use jiff::Timestamp;

use super::flow::Flow;
use super::official::{Heads, PageForm, foot};
use super::paper::{Align, Attachment, Look, Paper, Title};
use super::table::{Column, Row, Table};
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::{DailyReport, DaySeal};
use crate::domain::language::Language;
use crate::report::day_words::DayWords;
use crate::report::grid::{Cell, Grid};
use crate::report::wording::{authority, bank_at_close, moment, official_date, place};

/// Returns the record of a closed day; `statement` is what the market's key signed, letter for letter.
#[must_use]
pub fn closing(report: &DailyReport, seal: &DaySeal, statement: String, form: PageForm) -> Paper {
    let words = DayWords::of(report, Language::Vietnamese);
    let (market, code) = (&report.market.name, &report.market.code);
    let title = Title {
        title: format!("Biên bản khóa sổ ngày {} – {market}", words.date),
        subject: format!("Khóa sổ ngày {} của {market} ({code})", words.date),
        author: words.authority.clone(),
        language: "vi",
        drawn_up_at: seal.closed_at,
    };
    let heads = Heads {
        authority: &words.authority,
        place: &words.place,
        date: &official_date(BusinessDate::of_calendar(seal.closed_at)),
        name: "BIÊN BẢN KHÓA SỔ",
        about: &format!("{market} ({code}) – {}, ngày {}", words.weekday, words.date),
    };
    let mut flow = Flow::begin(form, title, &heads);
    if report.market.demo {
        flow.demonstration();
    }
    let plain = Look::of(flow.form.plain());
    let early = if seal.early { " Khóa trước khi hết ngày sổ." } else { "" };
    flow.paragraph(
        &format!(
            "Lúc {}, {} khóa sổ tiền nhận qua mã QR của {market}, ngày sổ {}.{early}",
            moment(seal.closed_at),
            seal.closed_by,
            words.span
        ),
        plain,
    );
    flow.paragraph(
        &format!("Tổng số tiền: {}. Bằng chữ: {}.", words.amount, report.amount_in_words),
        Look::of(flow.form.bold()),
    );
    flow.paragraph(
        &format!(
            "Số lượt: {}. Sạp có tiền vào / sạp đăng ký: {}. Bút toán {}.",
            words.payments, words.active, words.range
        ),
        plain,
    );
    flow.heading(2, "Đối chiếu", Align::Left);
    let columns = vec![Column::words("Khoản mục", 1), Column::figures("Số khoản"), Column::figures("Số tiền")];
    let rows = words.notes.iter().map(|cells| Row::of(cells.to_vec())).collect();
    flow.table(&Table { summary: "Những gì đứng sau tổng số".to_owned(), columns, rows });
    let columns = vec![Column::words("Lũy kế", 1), Column::figures("Nợ"), Column::figures("Có")];
    let rows = words.balance.iter().map(|cells| Row::of(cells.to_vec())).collect();
    flow.table(&Table { summary: "Lũy kế đầu ngày, phát sinh và cuối ngày".to_owned(), columns, rows });
    if let Some(bank) = &seal.bank {
        flow.paragraph(
            &format!("Đối soát với ngân hàng khi khóa sổ: {}.", bank_at_close(bank, Language::Vietnamese)),
            plain,
        );
    }
    flow.together(&|flow| {
        proof(flow, seal);
        flow.signatures(&[
            ("NGƯỜI KHÓA SỔ", "(Ký, ghi rõ họ tên)"),
            ("TRƯỞNG BAN QUẢN LÝ CHỢ", "(Ký, ghi rõ họ tên, đóng dấu)"),
        ]);
    });
    let mut paper = flow.finish(&foot("ĐÃ KHÓA SỔ", Some(format!("Gốc bút toán: {}", seal.merkle_root))));
    paper.attachments.push(Attachment {
        name: format!("{code}-{}-close.json", report.business_date),
        media_type: "application/json",
        description: "Biên bản đã ký, từng chữ".to_owned(),
        bytes: statement.into_bytes(),
    });
    paper
}

fn proof(flow: &mut Flow, seal: &DaySeal) {
    let plain = Look::of(flow.form.plain());
    flow.heading(2, "Chứng thực", Align::Left);
    flow.paragraph(&format!("Gốc của các bút toán trong ngày: {}", seal.merkle_root), plain);
    flow.paragraph(&format!("Mã biên bản đã ký bằng khóa số {} của chợ: {}", seal.key, seal.hash), plain);
    flow.note(
        "Ngày đã khóa không mở lại; khoản đến sau ghi vào ngày đang mở và đánh dấu phát sinh trễ. Nội dung được ký nằm \
         trong tệp đính kèm của văn bản này; kiểm tra bằng lệnh: socho verify.",
    );
}

/// A stall of the list of vendors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedVendor {
    /// The stall's code.
    pub stall: String,
    /// Who sells there.
    pub vendor: String,
    /// What is sold there.
    pub category: String,
    /// The bank.
    pub bank: String,
    /// The account's last four characters.
    pub last_four: String,
    /// The code in the transfer's text.
    pub memo: String,
    /// The version of its card.
    pub version: i64,
}

/// Returns the list of vendors as a table.
#[must_use]
pub fn vendors_grid(vendors: &[ListedVendor]) -> Grid {
    let row = |(number, vendor): (i64, &ListedVendor)| {
        let tail = if vendor.last_four.is_empty() { String::new() } else { format!("…{}", vendor.last_four) };
        vec![
            Cell::Count(number),
            Cell::text(&vendor.stall),
            Cell::text(&vendor.vendor),
            Cell::text(&vendor.category),
            Cell::text(&vendor.bank),
            Cell::text(tail),
            Cell::text(&vendor.memo),
            Cell::Count(vendor.version),
        ]
    };
    let heads = ["STT", "Sạp", "Tiểu thương", "Ngành hàng", "Ngân hàng", "TK", "Mã", "Thẻ"];
    Grid::new("Danh sách tiểu thương", &heads, (1_i64..).zip(vendors).map(row).collect(), &[])
}

/// A market as its list names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOf<'a> {
    /// Its name.
    pub market: &'a str,
    /// Its code.
    pub code: &'a str,
    /// The ward it lies in.
    pub ward: Option<&'a str>,
    /// When the list was read.
    pub at: Timestamp,
}

/// Returns the list of vendors as a paper.
#[must_use]
pub fn vendors(list: &ListOf<'_>, vendors: &[ListedVendor], form: PageForm) -> Paper {
    let authority = authority(list.market);
    let date = official_date(BusinessDate::of_calendar(list.at));
    let title = Title {
        title: format!("Danh sách tiểu thương – {}", list.market),
        subject: format!("{} sạp của {}", vendors.len(), list.market),
        author: authority.clone(),
        language: "vi",
        drawn_up_at: list.at,
    };
    let heads = Heads {
        authority: &authority,
        place: &place(list.ward),
        date: &date,
        name: "DANH SÁCH TIỂU THƯƠNG NHẬN TIỀN QUA MÃ QR",
        about: &format!("{} ({}) – {} sạp", list.market, list.code, vendors.len()),
    };
    let mut flow = Flow::begin(form, title, &heads);
    flow.note("Số tài khoản chỉ ghi bốn số cuối.");
    let signed = |flow: &mut Flow| {
        flow.signatures(&[
            ("NGƯỜI LẬP", "(Ký, ghi rõ họ tên)"),
            ("TRƯỞNG BAN QUẢN LÝ CHỢ", "(Ký, ghi rõ họ tên, đóng dấu)"),
        ]);
    };
    flow.leave_room_for(&signed);
    flow.grid(&vendors_grid(vendors));
    signed(&mut flow);
    flow.finish(&foot(&format!("lấy lúc {}", moment(list.at)), None))
}
