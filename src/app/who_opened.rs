//! Who opened a vendor's book: what the audit log says of her stall, in plain words, for her own phone.
//! What was before her tenancy is not hers to see, and nothing of other stalls is.

use jiff::Timestamp;

use super::App;
use super::access::Actor;
use super::audit_log::AuditShown;
use super::audit_words::actor_words;
use super::error::{AppError, ErrorKind, Message};
use crate::domain::audit::Action;
use crate::domain::calendar::BusinessDate;
use crate::store::audit;

/// Entries that are looked through: months of an ordinary stall.
const ENTRIES_MAX: i64 = 500;

/// Somebody of the office, on one day, and what they did.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The day.
    pub date: BusinessDate,
    /// When they did it last on that day.
    pub at: Timestamp,
    /// As what: the board, an auditor.
    pub role: Message,
    /// Under which name.
    pub name: String,
    /// What they did.
    pub what: Message,
    /// How often on that day.
    pub times: usize,
    action: Action,
}

impl App {
    /// Returns who opened the book of a phone's stall or did something to the stall, the newest first;
    /// the same deed of one person on one day is told once.
    ///
    /// # Errors
    /// `not_a_phone` for whoever is no phone.
    pub async fn who_opened(&self, actor: &Actor) -> Result<Vec<Opened>, AppError> {
        let Some(own) = actor.stall() else {
            let message = Message::new("Máy này chưa ghép với sạp nào.", "This phone is paired with no stall.");
            return Err(AppError::new(ErrorKind::Forbidden, "not_a_phone", message));
        };
        let mut transaction = self.store.begin_read().await?;
        let stand = self.stand_in(&mut transaction, &own.market, own.code.as_str()).await?;
        let since = stand.since.starts_at();
        let rows = audit::of_stall(&mut transaction, own.market_id, own.stall, since, ENTRIES_MAX).await?;
        transaction.rollback().await?;
        let mut opened: Vec<Opened> = Vec::new();
        for row in rows {
            let date = BusinessDate::of_calendar(row.entry.recorded_at);
            let same = opened.iter_mut().rev().take_while(|known| known.date == date);
            let mut same = same.filter(|known| known.action == row.entry.action && known.name == row.entry.actor);
            if let Some(known) = same.next() {
                known.times = known.times.saturating_add(1);
                continue;
            }
            let (vi, en) = row.entry.action.in_words();
            let shown = AuditShown { market: None, row };
            opened.push(Opened {
                date,
                at: shown.row.entry.recorded_at,
                role: actor_words(&shown),
                name: shown.row.entry.actor.clone(),
                what: Message::new(vi, en),
                times: 1,
                action: shown.row.entry.action,
            });
        }
        Ok(opened)
    }
}
