//! A vendor's revenue book as a workbook: form S1a-HKD of Thông tư 152/2025/TT-BTC, and behind it
//! every entry it was added up from. Columns A (date), B (text) and 1 (amount); the form lets a day
//! be one row.
//!
//! Transfers and the cash she wrote down are two parts with sums of their own, and the book says so:
//! nobody shall take the one for the other.

use jiff::civil::DateTime;
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};
use thiserror::Error;

use crate::domain::calendar::{BusinessDate, VIETNAM, vietnam_time};
use crate::domain::money::Dong;
use crate::domain::posting::PostingKind;
use crate::domain::stall_book::{BookDay, BookEntry, CashLine, RevenueBook};

/// Why no book was written.
#[derive(Debug, Error)]
pub enum BookError {
    /// The workbook could not be written.
    #[error("the workbook could not be written")]
    Workbook(#[from] XlsxError),
    /// The days do not add up to the entries.
    #[error("the days come to {days} and the entries to {entries}")]
    Differs {
        /// What the days come to.
        days: Dong,
        /// What the entries come to.
        entries: Dong,
    },
    /// A sum is larger than an account can hold.
    #[error("a sum exceeds what an account can hold")]
    Overflow,
}

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
    let nets = book.days.iter().map(BookDay::net).sum_all();
    let entries = book.entries.iter().map(|entry| Some(entry.amount)).sum_all();
    let (days, entries) = nets.zip(entries).ok_or(BookError::Overflow)?;
    if days != entries {
        return Err(BookError::Differs { days, entries });
    }
    let mut workbook = Workbook::new();
    workbook.set_properties(&properties(book)?);
    let looks = Looks::new();
    form(workbook.add_worksheet(), book, &looks, days)?;
    details(workbook.add_worksheet(), book, &looks)?;
    cash(workbook.add_worksheet(), book, &looks)?;
    Ok(workbook.save_to_buffer()?)
}

/// Adding up amounts that may be beyond counting.
trait SumAll {
    fn sum_all(self) -> Option<Dong>;
}

impl<I: Iterator<Item = Option<Dong>>> SumAll for I {
    fn sum_all(mut self) -> Option<Dong> {
        self.try_fold(Dong::default(), |sum, next| sum.checked_add(next?))
    }
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
fn form(sheet: &mut Worksheet, book: &RevenueBook, looks: &Looks, transfers: Dong) -> Result<(), BookError> {
    sheet.set_name("S1a-HKD")?;
    sheet.set_paper_size(9).set_margins(0.8, 0.6, 0.8, 0.8, 0.3, 0.3).set_print_fit_to_pages(1, 0);
    for (column, width) in [(0, 16.0), (1, 58.0), (2, 20.0)] {
        sheet.set_column_width(column, width)?;
    }
    let mut row = head(sheet, book, looks)?;
    sheet.set_repeat_rows(row.saturating_sub(2), row.saturating_sub(1))?;
    let mut line = |sheet: &mut Worksheet, cells: (Option<BusinessDate>, &str, Dong)| -> Result<(), XlsxError> {
        let (date, text, amount) = cells;
        sheet.write_string_with_format(row, 0, date.map(BusinessDate::vietnamese).unwrap_or_default(), &looks.date)?;
        let (text_look, amount_look) =
            if date.is_some() { (&looks.text, &looks.amount) } else { (&looks.sum, &looks.sum_amount) };
        sheet.write_string_with_format(row, 1, text, text_look)?;
        write_amount(sheet, (row, 2), amount, amount_look)?;
        row = row.saturating_add(1);
        Ok(())
    };
    for day in &book.days {
        day_lines(day, &book.entries, |cells| line(sheet, cells))?;
    }
    line(sheet, (None, "Cộng I – thu qua QR, chuyển khoản", transfers))?;
    for one in book.cash.iter().filter(|one| one.withdrawn_at.is_none()) {
        line(sheet, (Some(one.date), &cash_text(one), one.amount))?;
    }
    let cash: Option<Dong> = book.days.iter().map(|day| Some(day.cash)).sum_all();
    let cash = cash.ok_or(BookError::Overflow)?;
    line(sheet, (None, "Cộng II – tiền mặt do hộ kinh doanh tự ghi", cash))?;
    let all = transfers.checked_add(cash).ok_or(BookError::Overflow)?;
    line(sheet, (None, "Tổng cộng (I + II)", all))?;
    foot(sheet, book, looks, row)?;
    Ok(())
}

fn cash_text(line: &CashLine) -> String {
    if line.note.is_empty() {
        "Tiền mặt tự ghi".to_owned()
    } else {
        format!("Tiền mặt tự ghi: {}", line.note)
    }
}

/// A day's transfers in one line, and each thing taken out of them in one of its own.
fn day_lines(
    day: &BookDay,
    entries: &[BookEntry],
    mut line: impl FnMut((Option<BusinessDate>, &str, Dong)) -> Result<(), XlsxError>,
) -> Result<(), BookError> {
    let zero = Dong::default();
    if day.payments != 0 || day.amount != zero {
        let open = if day.closed_at.is_some() { "" } else { " – tạm tính, chưa khóa sổ" };
        let text = format!("Doanh thu QR, chuyển khoản ngày {} ({} lượt){open}", day.date.vietnamese(), day.payments);
        line((Some(day.date), &text, day.amount))?;
    }
    let mut named = zero;
    for entry in entries.iter().filter(|entry| entry.date == day.date) {
        if matches!(entry.kind, PostingKind::CashChange | PostingKind::Exclusion | PostingKind::Refund) {
            named = named.checked_add(entry.amount).ok_or(BookError::Overflow)?;
            line((Some(day.date), &adjustment(entry), entry.amount))?;
        }
    }
    // What is left are adjustments that were reversed.
    let rest = day.adjusted.checked_sub(named).ok_or(BookError::Overflow)?;
    if rest != zero {
        line((Some(day.date), "Đảo khoản trừ đã ghi", rest))?;
    }
    Ok(())
}

fn adjustment(entry: &BookEntry) -> String {
    let of = entry.concerns.as_ref().map(|concerns| format!(" của {concerns}")).unwrap_or_default();
    let why = entry.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{}{of} ({}){why}", kind(entry.kind), entry.posting)
}

fn kind(kind: PostingKind) -> &'static str {
    match kind {
        PostingKind::Settle => "Tiền vào",
        PostingKind::Assign => "Tiền được xác định là của sạp",
        PostingKind::Reversal => "Bút toán đảo",
        PostingKind::CashChange => "Trừ: thối tiền mặt",
        PostingKind::Exclusion => "Trừ: không phải tiền bán",
        PostingKind::Refund => "Trừ: hoàn tiền",
    }
}

/// The form's head; returns the first row of the table's body.
fn head(sheet: &mut Worksheet, book: &RevenueBook, looks: &Looks) -> Result<u32, XlsxError> {
    let demo = if book.demo { " – DỮ LIỆU MINH HỌA" } else { "" };
    sheet.write_string_with_format(0, 0, format!("HỘ, CÁ NHÂN KINH DOANH: {}{demo}", book.vendor), &looks.bold)?;
    sheet.write_string_with_format(1, 0, "Địa chỉ: ……………………………………………", &looks.plain)?;
    sheet.write_string_with_format(2, 0, "Mã số thuế: ………………………………………", &looks.plain)?;
    let law =
        "Mẫu số S1a-HKD (kèm theo Thông tư số 152/2025/TT-BTC ngày 31 tháng 12 năm 2025 của Bộ trưởng Bộ Tài chính)";
    sheet.merge_range(3, 1, 3, 2, law, &looks.form)?;
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
    let note = "Phần I chỉ gồm khoản thu qua QR/chuyển khoản mà ngân hàng báo có, không gồm tiền mặt. Khoản thối tiền mặt và khoản \
        không phải tiền bán được trừ ra kèm lý do. Phần II do hộ kinh doanh tự ghi và tự chịu trách nhiệm.";
    let row = after.saturating_add(1);
    sheet.merge_range(row, 0, row, 2, note, &looks.note)?;
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
