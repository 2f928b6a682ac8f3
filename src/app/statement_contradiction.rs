//! Two files that both cover a date and do not agree: which line which of them lacks, in words.

use super::error::{AppError, ErrorKind, Message};
use crate::domain::calendar::BusinessDate;
use crate::domain::language::Language;
use crate::domain::money::Dong;
use crate::domain::reconciliation::BankLine;
use crate::domain::statement::StatementLine;
use crate::ledger::reconcile::merge::Contradiction;

/// Says it; `known` is the line that the file lacks, `lines` are the file's own of the date.
pub(super) fn contradicts(
    contradiction: &Contradiction,
    known: Option<&BankLine>,
    lines: &[(usize, &mut StatementLine)],
    date: BusinessDate,
) -> AppError {
    let said = |amount: Dong, reference: &str| {
        let reference = if reference.is_empty() { String::new() } else { format!(" ({reference})") };
        format!("{}{reference}", amount.with_unit())
    };
    let day = date.vietnamese();
    let message = match *contradiction {
        Contradiction::Lacks(number) => {
            let shown = known.map(|line| said(line.amount, &line.bank_ref)).unwrap_or_default();
            Message::new(
                format!(
                    "Sao kê này nói là đủ ngày {day} nhưng thiếu dòng {shown} đã có trong sao kê trước (dòng số {number}). Một trong hai tệp sai; không ghi gì."
                ),
                format!(
                    "This statement says it covers {date} but lacks {shown}, which an earlier one holds (line number {number}). One of the two is wrong; nothing was kept."
                ),
            )
        }
        Contradiction::Adds(place) => {
            let line = lines.get(place).map(|(_, line)| line);
            let shown = line.map(|line| said(line.amount, line.texts.read().bank_ref)).unwrap_or_default();
            let at = |language| line.map(|line| line.place.in_words(language)).unwrap_or_default();
            Message::new(
                format!(
                    "{}: dòng {shown} ngày {day} không có trong sao kê trước, vốn đủ cả ngày. Một trong hai tệp sai; không ghi gì.",
                    at(Language::Vietnamese)
                ),
                format!(
                    "{}: {shown} on {date} is not in an earlier statement that covers the whole date. One of the two is wrong; nothing was kept.",
                    at(Language::English)
                ),
            )
        }
    };
    AppError::new(ErrorKind::Conflict, "statement_contradicts", message)
}
