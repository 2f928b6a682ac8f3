//! What the law on personal data asks of a book: texts about payers go when their time is over, and a
//! vendor is told what is held about her. The journal itself stays for ten years: amounts, references
//! and dates are accounts, and nothing here touches them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::App;
use super::audit_log::{AuditShown, NO_MARKET};
use super::audit_words::actor_words;
use super::error::{AppError, ErrorKind, Message};
use super::heard_requests::KEPT_FOR;
use super::note::Note;
use crate::domain::audit::{Action, AuditRow};
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::ids::{MarketCode, MarketId};
use crate::store::error::StoreError;
use crate::store::{audit, head, heard_requests, redactions};

/// Months for which texts about payers are kept unless it is said: as long as logs may be asked for.
pub const MONTHS_DEFAULT: i64 = 24;
/// Fewest days that a text is kept: statements of the month before are still compared.
const DAYS_MIN: i64 = 62;
/// Entries of the audit log that one person's file tells of: ten years of a stall that is looked at daily.
const OPENED_MAX: i64 = 100_000;

/// What became of a market's texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// The market; none is the installation's own inbox.
    pub market: Option<MarketCode>,
    /// Texts that went, or would.
    pub texts: i64,
    /// Texts that stay because a person has still to decide about them.
    pub kept: i64,
}

impl Purged {
    /// Returns it as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"market": self.market.as_ref().map(MarketCode::as_str), "texts": self.texts, "kept": self.kept})
    }
}

/// Returns the date before which texts go when they are kept for so many months.
#[must_use]
pub fn before_of(today: BusinessDate, months: i64) -> BusinessDate {
    today.plus_days(months.saturating_mul(-3_045) / 100)
}

impl App {
    /// Removes texts about payers (raw body, memo, name) that were recorded before a date, a few hundred
    /// at a time while the book is served; only counts them when it is a trial. Texts of days that are
    /// not closed stay, and of items that wait for a person.
    ///
    /// # Errors
    /// `not_found` for the market, `purge_too_young`, `purge_busy` when two purge one market at once.
    pub async fn purge_texts(
        &self,
        only: Option<&MarketCode>,
        before: BusinessDate,
        actor: &str,
        trial: bool,
    ) -> Result<Vec<Purged>, AppError> {
        let youngest = self.today().plus_days(-DAYS_MIN);
        if before > youngest {
            let message = Message::new(
                format!("Chỉ xóa được phần trước ngày {}: chưa đủ {DAYS_MIN} ngày.", youngest.vietnamese()),
                format!("Only texts from before {youngest} can go: they are kept for {DAYS_MIN} days at least."),
            );
            return Err(AppError::field("before", "purge_too_young", message));
        }
        let markets: Vec<(MarketId, Option<MarketCode>)> = if let Some(code) = only {
            vec![(self.market(code).await?.id, Some(code.clone()))]
        } else {
            let all = self.markets().await?.into_iter().map(|market| (market.id, Some(market.code)));
            std::iter::once((MarketId::INSTALLATION, None)).chain(all).collect()
        };
        let mut purged = Vec::with_capacity(markets.len());
        for (id, code) in markets {
            purged.push(self.purge_market(id, code, before, actor, trial).await?);
        }
        Ok(purged)
    }

    async fn purge_market(
        &self,
        id: MarketId,
        market: Option<MarketCode>,
        before: BusinessDate,
        actor: &str,
        trial: bool,
    ) -> Result<Purged, AppError> {
        let mut purged = Purged { market, texts: 0, kept: 0 };
        let mut after = Some(0);
        while let Some(from) = after {
            let mut transaction = if trial { self.store.begin_read().await? } else { self.store.begin_write().await? };
            let Some(head) = head::read(&mut transaction, id).await? else { break };
            // The installation's own inbox has no days that are closed.
            let before = if id == MarketId::INSTALLATION { before } else { before.min(head.open_date) };
            let found = redactions::expired(&mut transaction, id, from, before.starts_at()).await?;
            purged.texts = purged.texts.saturating_add(found.items.count());
            purged.kept = purged.kept.saturating_add(found.kept);
            after = found.next;
            if trial {
                transaction.rollback().await?;
                continue;
            }
            // Of a source that has fallen silent nobody else takes away what it sent last.
            let since = self.clock.now().checked_sub(KEPT_FOR).unwrap_or(Timestamp::MIN);
            heard_requests::forget(&mut transaction, id, since).await?;
            let how = (before.starts_at(), self.clock.now(), actor);
            match redactions::redact(&mut transaction, id, &found.items, how).await {
                Ok(()) => {}
                Err(StoreError::UniqueViolation) => return Err(busy()),
                Err(error) => return Err(error.into()),
            }
            // Once, with the last step: what a purge that was cut off removed stands in its own records.
            let note = (after.is_none() && purged.texts > 0).then(|| {
                let market = purged.market.as_ref().map_or(NO_MARKET, MarketCode::as_str);
                let said = json!({"texts": purged.texts, "kept": purged.kept, "before": before.to_string()});
                Note::of(Action::TextsPurged, market).named(actor).after(said)
            });
            self.commit_noted(transaction, id, note).await?;
            // Whoever books money takes turns with the steps.
            tokio::task::yield_now().await;
        }
        Ok(purged)
    }

    /// Returns all that is held about a stall and its vendors, for the person concerned: registration,
    /// accounts, phones, disputes, lines of cash, postings with the texts that are still there, and who of
    /// the office opened the book or changed something. That it was written out is itself told there.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn subject_access(&self, market: &MarketCode, stall: &str) -> Result<Value, AppError> {
        let found = self.market(market).await?;
        let registered = self.stalls(market, None).await?;
        let stall = super::journal::find_stall(&registered, stall)?;
        let note = Note::of(Action::SubjectTold, &stall.code).at_stall(stall.number);
        self.note_apart(found.id, [note]).await?;
        let mut transaction = self.store.begin_read().await?;
        let held = crate::store::subject::of_stall(&mut transaction, found.id, stall.number).await?;
        let opened = audit::of_stall(&mut transaction, found.id, stall.number, Timestamp::MIN, OPENED_MAX).await?;
        transaction.rollback().await?;
        let mut told = json!({
            "about": {"market": market.as_str(), "stall": stall.code.as_str(), "stall_number": stall.number.get()},
            "drawn_up_at": rfc3339(self.now()),
            "note": {
                "vi": "Toàn bộ dữ liệu hệ thống giữ về sạp này và người bán. Số tiền, tham chiếu giữ 10 năm theo Luật Kế toán; nội dung chuyển khoản xóa theo thời hạn trong docs/privacy.md.",
                "en": "All that is held about this stall and its vendors. Amounts and references are kept for 10 years (accounting law); texts of transfers go after the time named in docs/privacy.md.",
            },
            "category": stall.category, "currency": "VND",
        });
        if let Some(fields) = told.as_object_mut() {
            fields.extend(held);
            fields.insert("opened_by".to_owned(), opened.into_iter().map(opened_json).collect());
        }
        Ok(told)
    }
}

/// Returns who did something with a stall's book, as its people are told.
fn opened_json(row: AuditRow) -> Value {
    let shown = AuditShown { market: None, row };
    let (entry, role) = (&shown.row.entry, actor_words(&shown));
    let (vi, en) = entry.action.in_words();
    json!({
        "at": rfc3339(entry.recorded_at), "name": entry.actor, "role": {"vi": role.vi, "en": role.en},
        "action": entry.action.as_str(), "what": {"vi": vi, "en": en}, "object": entry.object,
        "reason": entry.reason,
    })
}

fn busy() -> AppError {
    let message = Message::new(
        "Một lệnh khác đang xóa nội dung của chợ này. Hãy chạy lại sau.",
        "Another command is removing this market's texts. Run it again later.",
    );
    AppError::new(ErrorKind::Conflict, "purge_busy", message)
}
