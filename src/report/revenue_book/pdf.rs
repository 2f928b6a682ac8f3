//! The revenue book on paper: the form as it is handed in, and behind it every entry.

use super::{BookError, FORM, Line, NOTE, kind, lines};
use crate::domain::calendar::{BusinessDate, VIETNAM, vietnam_time};
use crate::domain::drawing::Length;
use crate::domain::money::Dong;
use crate::domain::stall_book::RevenueBook;
use crate::report::pdf::flow::{Flow, Foot, Form};
use crate::report::pdf::paper::{Align, Look, Paper, Title};
use crate::report::pdf::table::{Column, Row, Table};

/// Returns the book as a paper.
///
/// # Errors
/// [`BookError`], among them days that do not add up to their entries.
pub fn paper(book: &RevenueBook) -> Result<Paper, BookError> {
    let lines = lines(book)?;
    let span = format!("từ ngày {} đến ngày {}", book.from.vietnamese(), book.to.vietnamese());
    let title = Title {
        title: format!("Sổ doanh thu S1a-HKD – {}", book.vendor),
        subject: format!("Sạp {}, {}, {span}", book.stall, book.place),
        author: book.vendor.clone(),
        language: "vi",
        drawn_up_at: book.drawn_up_at,
    };
    let mut flow = Flow::new(title, Form::OFFICIAL);
    head(&mut flow, book, &span);
    let rows = lines.iter().map(row).collect();
    let columns =
        vec![Column::code("A. Ngày, tháng ghi sổ"), Column::words("B. Diễn giải", 1), Column::figures("1. Số tiền")];
    let drawn = VIETNAM.to_datetime(book.drawn_up_at).date();
    let date = format!("Ngày {:02} tháng {:02} năm {}", drawn.day(), drawn.month(), drawn.year());
    let signed = |flow: &mut Flow| {
        flow.gap(Length::mm(3));
        flow.note(NOTE);
        flow.paragraph(&date, Look::of(flow.form.italic()).aligned(Align::Right));
        flow.signatures(&[("", ""), ("NGƯỜI ĐẠI DIỆN HỘ KINH DOANH", "(Ký, ghi rõ họ tên)")]);
    };
    flow.leave_room_for(&signed);
    flow.table(&Table { summary: "Doanh thu theo ngày".to_owned(), columns, rows });
    flow.together(&signed);
    details(&mut flow, book);
    let foot = format!("Sổ doanh thu S1a-HKD · Sạp {}, {}", book.stall, book.place);
    let second = "Giờ Việt Nam (UTC+7, Asia/Ho_Chi_Minh). Chủ hộ tự tải và tự nộp.".to_owned();
    Ok(flow.finish(&Foot { first: foot, second, page: "Trang" }))
}

fn head(flow: &mut Flow, book: &RevenueBook, span: &str) {
    let (plain, bold) = (flow.form.plain(), flow.form.bold());
    flow.beside(&[
        vec![
            ("HỘ, CÁ NHÂN KINH DOANH".to_owned(), bold),
            (book.vendor.clone(), bold),
            ("Địa chỉ: …………………………".to_owned(), plain),
            ("Mã số thuế: ……………………".to_owned(), plain),
        ],
        vec![(FORM.to_owned(), flow.form.italic())],
    ]);
    flow.gap(Length::mm(5));
    flow.heading(1, "SỔ DOANH THU BÁN HÀNG HÓA, DỊCH VỤ", Align::Middle);
    if book.demo {
        flow.demonstration();
    }
    for line in [
        format!("Địa điểm kinh doanh: Sạp {}, {}", book.stall, book.place),
        format!("Kỳ kê khai: {span}"),
        "Đơn vị tính: đồng".to_owned(),
    ] {
        flow.paragraph(&line, Look::of(plain));
    }
    flow.gap(Length::mm(3));
}

fn row(line: &Line) -> Row {
    let date = line.date.map(BusinessDate::vietnamese).unwrap_or_default();
    let cells = vec![date, line.text.clone(), line.amount.grouped()];
    if line.date.is_some() { Row::of(cells) } else { Row::sum(cells) }
}

/// Every entry that the form was added up from.
fn details(flow: &mut Flow, book: &RevenueBook) {
    if book.entries.is_empty() {
        return;
    }
    flow.turn();
    flow.heading(2, "Chi tiết từng khoản", Align::Left);
    let rows = book.entries.iter().map(|entry| {
        let why: Vec<String> =
            [entry.concerns.as_ref().map(ToString::to_string), entry.reason.clone()].into_iter().flatten().collect();
        let what = if why.is_empty() {
            kind(entry.kind).to_owned()
        } else {
            format!("{} ({})", kind(entry.kind), why.join(": "))
        };
        Row::of(vec![
            entry.posting.to_string(),
            entry.date.vietnamese(),
            entry.event_at.map(vietnam_time).unwrap_or_default(),
            what,
            entry.amount.grouped(),
        ])
    });
    let mut rows: Vec<Row> = rows.collect();
    let all: Option<Dong> = book.entries.iter().map(|entry| entry.amount).sum();
    let sum = all.map(Dong::grouped).unwrap_or_default();
    rows.push(Row::sum(vec![String::new(), String::new(), String::new(), "Cộng".to_owned(), sum]));
    let columns = vec![
        Column::code("Bút toán"),
        Column::code("Ngày sổ"),
        Column::code("Giờ"),
        Column::words("Nội dung", 1),
        Column::figures("Số tiền"),
    ];
    flow.table(&Table { summary: "Từng khoản tiền của sạp".to_owned(), columns, rows });
}
