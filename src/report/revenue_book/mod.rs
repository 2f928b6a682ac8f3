//! A vendor's revenue book: form S1a-HKD of Thông tư 152/2025/TT-BTC, as a workbook and on paper.
//! Columns A (date), B (text) and 1 (amount); the form lets a day be one row.
//!
//! Transfers and the cash she wrote down are two parts with sums of their own, and the book says so:
//! nobody shall take the one for the other.

mod pdf;
mod xlsx;

use rust_xlsxwriter::XlsxError;
use thiserror::Error;

use crate::domain::calendar::BusinessDate;
use crate::domain::money::Dong;
use crate::domain::posting::PostingKind;
use crate::domain::stall_book::{BookDay, BookEntry, CashLine, RevenueBook};

pub use pdf::paper;
pub use xlsx::xlsx;

/// Which form it is, as the form itself says.
const FORM: &str =
    "Mẫu số S1a-HKD (kèm theo Thông tư số 152/2025/TT-BTC ngày 31 tháng 12 năm 2025 của Bộ trưởng Bộ Tài chính)";
/// What the book holds, and what not.
const NOTE: &str = "Phần I chỉ gồm khoản thu qua QR/chuyển khoản mà ngân hàng báo có, không gồm tiền mặt. Khoản thối tiền \
    mặt và khoản không phải tiền bán được trừ ra kèm lý do. Phần II do hộ kinh doanh tự ghi và tự chịu trách nhiệm.";

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

/// A row of the form.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    /// Column A; none on rows that sum up.
    date: Option<BusinessDate>,
    /// Column B.
    text: String,
    /// Column 1.
    amount: Dong,
}

/// Adds amounts up, as far as they can be counted.
fn sum(amounts: impl IntoIterator<Item = Option<Dong>>) -> Result<Dong, BookError> {
    amounts.into_iter().try_fold(Dong::default(), |sum, next| sum.checked_add(next?)).ok_or(BookError::Overflow)
}

/// Returns the form's rows: transfers by day with what was taken out of them, cash, and the sums.
///
/// # Errors
/// [`BookError::Differs`] when the days do not add up to their entries, [`BookError::Overflow`].
fn lines(book: &RevenueBook) -> Result<Vec<Line>, BookError> {
    let days = sum(book.days.iter().map(BookDay::net))?;
    let entries = sum(book.entries.iter().map(|entry| Some(entry.amount)))?;
    if days != entries {
        return Err(BookError::Differs { days, entries });
    }
    let mut lines = Vec::new();
    for day in &book.days {
        day_lines(day, &book.entries, &mut lines)?;
    }
    let total = |text: &str, amount| Line { date: None, text: text.to_owned(), amount };
    lines.push(total("Cộng I – thu qua QR, chuyển khoản", days));
    for line in book.cash.iter().filter(|line| line.withdrawn_at.is_none()) {
        lines.push(Line { date: Some(line.date), text: cash_text(line), amount: line.amount });
    }
    let cash = sum(book.days.iter().map(|day| Some(day.cash)))?;
    lines.push(total("Cộng II – tiền mặt do hộ kinh doanh tự ghi", cash));
    lines.push(total("Tổng cộng (I + II)", sum([Some(days), Some(cash)])?));
    Ok(lines)
}

fn cash_text(line: &CashLine) -> String {
    if line.note.is_empty() {
        "Tiền mặt tự ghi".to_owned()
    } else {
        format!("Tiền mặt tự ghi: {}", line.note)
    }
}

/// A day's transfers in one row, and each thing taken out of them in one of its own.
fn day_lines(day: &BookDay, entries: &[BookEntry], lines: &mut Vec<Line>) -> Result<(), BookError> {
    let zero = Dong::default();
    let mut push = |text, amount| lines.push(Line { date: Some(day.date), text, amount });
    if day.payments != 0 || day.amount != zero {
        let open = if day.closed_at.is_some() { "" } else { " – tạm tính, chưa khóa sổ" };
        let (date, payments) = (day.date.vietnamese(), day.payments);
        push(format!("Doanh thu QR, chuyển khoản ngày {date} ({payments} lượt){open}"), day.amount);
    }
    let is_adjustment = |kind| matches!(kind, PostingKind::CashChange | PostingKind::Exclusion | PostingKind::Refund);
    let adjustments: Vec<&BookEntry> =
        entries.iter().filter(|entry| entry.date == day.date && is_adjustment(entry.kind)).collect();
    for entry in &adjustments {
        push(adjustment(entry), entry.amount);
    }
    // What is left are adjustments that were reversed.
    let named = sum(adjustments.iter().map(|entry| Some(entry.amount)))?;
    let rest = day.adjusted.checked_sub(named).ok_or(BookError::Overflow)?;
    if rest != zero {
        push("Đảo khoản trừ đã ghi".to_owned(), rest);
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
