//! A person signs for a date: bank and book agree, or differ for the reason that the signer states.
//! And what stands in the way of a close, for whoever is about to close.

use super::App;
use super::correct::REASON_MAX;
use super::error::{AppError, ErrorKind, Message};
use super::note::Note;
use super::reconcile::Scope;
use crate::domain::audit::Action;
use crate::domain::calendar::BusinessDate;
use crate::domain::daily_report::Figure;
use crate::domain::ids::MarketCode;
use crate::domain::reconciliation::{DayReconciliation, ReconciliationId, SignState};
use crate::store::reconciliation::{self, Signed};

/// What stands between a date and its close.
#[derive(Debug, Clone)]
pub struct CloseChecklist {
    /// Settlements whose stall is not known.
    pub unmatched: Figure,
    /// Items that wait for a person.
    pub held: Figure,
    /// Bank and book by the bank's date.
    pub reconciliation: DayReconciliation,
    /// Sources that should have been heard of and are not, with the minutes since.
    pub silent: Vec<super::silent_sources::Silent>,
}

impl CloseChecklist {
    /// Tells whether nothing is left to do.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.unmatched.count == 0
            && self.held.count == 0
            && self.reconciliation.state == SignState::Signed
            && self.silent.is_empty()
    }
}

impl App {
    /// Signs for a date of a market, as bank and book stand now.
    ///
    /// # Errors
    /// `no_statement` when none covers any account of the date; `note_missing` when bank and book
    /// differ and the signer does not say why; `changed_meanwhile` when `seen` is given and is not the
    /// digest of what is signed.
    pub async fn sign_reconciliation(
        &self,
        market: &MarketCode,
        date: BusinessDate,
        actor: &str,
        note: &str,
        seen: Option<&str>,
    ) -> Result<DayReconciliation, AppError> {
        let found = self.reconcile(market, Scope::Date(date)).await?;
        let day = found.of_day(date);
        if day.state == SignState::NoStatement {
            let message = Message::new(
                format!("Chưa có sao kê nào của ngày {}. Hãy nộp sao kê trước.", date.vietnamese()),
                format!("There is no statement for {date}. Hand one in first."),
            );
            return Err(AppError::new(ErrorKind::Conflict, "no_statement", message));
        }
        if seen.is_some_and(|seen| seen != found.digest.to_string()) {
            let message = Message::new(
                "Số liệu đã thay đổi sau khi trang được mở. Hãy xem lại rồi ký.",
                "The figures have changed since the page was opened. Look again, then sign.",
            );
            return Err(AppError::new(ErrorKind::Conflict, "changed_meanwhile", message));
        }
        let note = note.trim();
        let length = note.chars().count();
        if length > REASON_MAX || note.contains('\0') || (length == 0 && !day.agrees()) {
            let message = Message::new(
                format!("Ngân hàng và sổ còn lệch: cần ghi lý do, từ 1 đến {REASON_MAX} ký tự."),
                format!("Bank and book differ: a note of 1 to {REASON_MAX} characters must say why."),
            );
            return Err(AppError::field("note", "note_missing", message));
        }
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let signed = Signed {
            id: ReconciliationId::new(found.market.id, self.ids.uuid()?),
            date,
            at: self.now(),
            by: actor.to_owned(),
            note: note.to_owned(),
            accounts: count(day.covered),
            uncovered: count(day.uncovered),
            bank: day.bank,
            book: day.book,
            open: found.differences(),
            journal_seq: found.journal_seq,
            digest: found.digest,
        };
        let mut transaction = self.store.begin_write().await?;
        reconciliation::sign(&mut transaction, found.market.id, &signed).await?;
        let said = serde_json::json!({
            "bank": signed.bank.amount.whole(), "book": signed.book.amount.whole(), "open": signed.open,
        });
        let entry = Note::of(Action::ReconciliationSigned, date).named(actor).because(note).after(said);
        self.commit_noted(transaction, found.market.id, [entry]).await?;
        self.day_reconciliation(market, date).await
    }

    /// Returns what stands between a date and its close.
    ///
    /// # Errors
    /// As [`App::daily_report`].
    pub async fn close_checklist(&self, market: &MarketCode, date: BusinessDate) -> Result<CloseChecklist, AppError> {
        let report = self.daily_report(market, date).await?;
        Ok(CloseChecklist {
            unmatched: report.unmatched_total,
            held: report.quarantined,
            reconciliation: report.reconciliation,
            silent: self.silent_now(Some(market)).await?,
        })
    }
}
