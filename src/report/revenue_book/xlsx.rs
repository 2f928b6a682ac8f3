//! The revenue book as a workbook: the form, every entry behind it, and the cash she wrote down.

use jiff::civil::DateTime;
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};

use super::{BookError, FORM, Line, NOTE, kind, lines};
use crate::domain::calendar::{BusinessDate, VIETNAM, vietnam_time};
use crate::domain::money::Dong;
use crate::domain::stall_book::RevenueBook;

/// The looks of cells.
struct Looks {
    plain: Format,
    bold: Format,
    title: Format,
    form: Format,
    head: Format,
    text: Format,
    date: Format,
    amount: Format,
    sum: Format,
    sum_amount: Format,
    note: Format,
}

impl Looks {
    fn new() -> Self {
        let base = Format::new().set_font_name("Times New Roman").set_font_size(13);
        let cell = base.clone().set_border(FormatBorder::Thin).set_text_wrap().set_align(FormatAlign::Top);
        let middle = |format: Format| format.set_align(FormatAlign::Center).set_align(FormatAlign::VerticalCenter);
        let amount = cell.clone().set_num_format("#,##0;[Red]-#,##0;0").set_align(FormatAlign::Right);
        Self {
            bold: base.clone().set_bold(),
            title: middle(base.clone().set_bold().set_font_size(15)),
            form: middle(base.clone().set_font_size(11).set_text_wrap()),
            head: middle(cell.clone().set_bold()),
            date: cell.clone().set_align(FormatAlign::Center),
            sum: cell.clone().set_bold(),
            sum_amount: amount.clone().set_bold(),
            note: base.clone().set_italic().set_font_size(12).set_text_wrap().set_align(FormatAlign::Top),
            text: cell,
            amount,
            plain: base,
        }
    }
}

/// Returns the book as a workbook; the same book gives the same bytes.
///
/// # Errors
/// [`BookError`], among them days that do not add up to their entries.
pub fn xlsx(book: &RevenueBook) -> Result<Vec<u8>, BookError> {
    let lines = lines(book)?;
    let mut workbook = Workbook::new();
    workbook.set_properties(&properties(book)?);
    let looks = Looks::new();
    form(workbook.add_worksheet(), book, &lines, &looks)?;
    details(workbook.add_worksheet(), book, &looks)?;
    cash(workbook.add_worksheet(), book, &looks)?;
    Ok(workbook.save_to_buffer()?)
}

fn properties(book: &RevenueBook) -> Result<DocProperties, XlsxError> {
    let at: DateTime = VIETNAM.to_datetime(book.drawn_up_at);
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    let day = ExcelDateTime::from_ymd(u16::try_from(at.year()).unwrap_or_default(), part(at.month()), part(at.day()))?;
    let moment = day.and_hms(u16::from(part(at.hour())), part(at.minute()), f64::from(at.second()))?;
    Ok(DocProperties::new().set_title("Sổ doanh thu S1a-HKD").set_author(&book.vendor).set_creation_datetime(&moment))
}

/// Writes whole đồng as a number, exactly: all of them lie far below 2⁵³.
fn write_amount(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    amount: Dong,
    look: &Format,
) -> Result<(), XlsxError> {
    let number: f64 = amount.whole().to_string().parse().unwrap_or_default();
    sheet.write_number_with_format(row, column, number, look)?;
    Ok(())
}

/// The form itself.
fn form(sheet: &mut Worksheet, book: &RevenueBook, lines: &[Line], looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name("S1a-HKD")?;
    sheet.set_paper_size(9).set_margins(0.8, 0.6, 0.8, 0.8, 0.3, 0.3).set_print_fit_to_pages(1, 0);
    for (column, width) in [(0, 16.0), (1, 58.0), (2, 20.0)] {
        sheet.set_column_width(column, width)?;
    }
    let mut row = head(sheet, book, looks)?;
    sheet.set_repeat_rows(row.saturating_sub(2), row.saturating_sub(1))?;
    for line in lines {
        let date = line.date.map(BusinessDate::vietnamese).unwrap_or_default();
        let (text, amount) =
            if line.date.is_some() { (&looks.text, &looks.amount) } else { (&looks.sum, &looks.sum_amount) };
        sheet.write_string_with_format(row, 0, date, &looks.date)?;
        sheet.write_string_with_format(row, 1, &line.text, text)?;
        write_amount(sheet, (row, 2), line.amount, amount)?;
        row = row.saturating_add(1);
    }
    foot(sheet, book, looks, row)
}

/// The form's head; returns the first row of the table's body.
fn head(sheet: &mut Worksheet, book: &RevenueBook, looks: &Looks) -> Result<u32, XlsxError> {
    let demo = if book.demo { " – DỮ LIỆU MINH HỌA" } else { "" };
    sheet.write_string_with_format(0, 0, format!("HỘ, CÁ NHÂN KINH DOANH: {}{demo}", book.vendor), &looks.bold)?;
    sheet.write_string_with_format(1, 0, "Địa chỉ: ……………………………………………", &looks.plain)?;
    sheet.write_string_with_format(2, 0, "Mã số thuế: ………………………………………", &looks.plain)?;
    sheet.merge_range(3, 1, 3, 2, FORM, &looks.form)?;
    sheet.set_row_height(3, 32)?;
    sheet.merge_range(5, 0, 5, 2, "SỔ DOANH THU BÁN HÀNG HÓA, DỊCH VỤ", &looks.title)?;
    let place = format!("Địa điểm kinh doanh: Sạp {}, {}", book.stall, book.place);
    sheet.write_string_with_format(6, 0, place, &looks.plain)?;
    let span = format!("Kỳ kê khai: từ ngày {} đến ngày {}", book.from.vietnamese(), book.to.vietnamese());
    sheet.write_string_with_format(7, 0, span, &looks.plain)?;
    sheet.write_string_with_format(8, 0, "Đơn vị tính: đồng", &looks.plain)?;
    for (column, (name, letter)) in (0..).zip([("Ngày, tháng ghi sổ", "A"), ("Diễn giải", "B"), ("Số tiền", "1")])
    {
        sheet.write_string_with_format(9, column, name, &looks.head)?;
        sheet.write_string_with_format(10, column, letter, &looks.head)?;
    }
    Ok(11)
}

fn foot(sheet: &mut Worksheet, book: &RevenueBook, looks: &Looks, after: u32) -> Result<(), XlsxError> {
    let row = after.saturating_add(1);
    sheet.merge_range(row, 0, row, 2, NOTE, &looks.note)?;
    sheet.set_row_height(row, 54)?;
    let drawn = VIETNAM.to_datetime(book.drawn_up_at).date();
    let at = format!("Ngày {:02} tháng {:02} năm {}", drawn.day(), drawn.month(), drawn.year());
    let sign = Format::new().set_font_name("Times New Roman").set_font_size(13).set_align(FormatAlign::Center);
    for (step, text) in
        (2..).zip([at.as_str(), "NGƯỜI ĐẠI DIỆN HỘ KINH DOANH/CÁ NHÂN KINH DOANH", "(Ký, ghi rõ họ tên)"])
    {
        let row = row.saturating_add(step);
        sheet.merge_range(row, 1, row, 2, text, &sign)?;
    }
    Ok(())
}

/// Every entry that the form was added up from.
fn details(sheet: &mut Worksheet, book: &RevenueBook, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name("Chi tiết")?;
    let columns = [
        ("Bút toán", 14.0),
        ("Ngày sổ", 13.0),
        ("Ngày ngân hàng", 16.0),
        ("Giờ", 8.0),
        ("Nội dung", 34.0),
        ("Liên quan", 14.0),
        ("Lý do", 40.0),
        ("Số tiền", 18.0),
    ];
    for (column, (name, width)) in (0..).zip(columns) {
        sheet.set_column_width(column, width)?;
        sheet.write_string_with_format(0, column, name, &looks.head)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    for (row, entry) in (1..).zip(&book.entries) {
        let texts = [
            entry.posting.to_string(),
            entry.date.vietnamese(),
            entry.event_date.vietnamese(),
            entry.event_at.map(vietnam_time).unwrap_or_default(),
            kind(entry.kind).to_owned(),
            entry.concerns.as_ref().map(ToString::to_string).unwrap_or_default(),
            entry.reason.clone().unwrap_or_default(),
        ];
        for (column, text) in (0..).zip(texts) {
            sheet.write_string_with_format(row, column, text, &looks.text)?;
        }
        write_amount(sheet, (row, 7), entry.amount, &looks.amount)?;
    }
    Ok(())
}

/// The cash she wrote down, what she took back too.
fn cash(sheet: &mut Worksheet, book: &RevenueBook, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name("Tiền mặt tự ghi")?;
    for (column, (name, width)) in
        (0..).zip([("Ngày", 13.0), ("Ghi chú", 50.0), ("Trạng thái", 16.0), ("Số tiền", 18.0)])
    {
        sheet.set_column_width(column, width)?;
        sheet.write_string_with_format(0, column, name, &looks.head)?;
    }
    for (row, line) in (1..).zip(&book.cash) {
        sheet.write_string_with_format(row, 0, line.date.vietnamese(), &looks.date)?;
        sheet.write_string_with_format(row, 1, &line.note, &looks.text)?;
        let state = if line.withdrawn_at.is_some() { "đã bỏ, không tính" } else { "tính" };
        sheet.write_string_with_format(row, 2, state, &looks.text)?;
        write_amount(sheet, (row, 3), line.amount, &looks.amount)?;
    }
    Ok(())
}
