//! A close as whoever asks may see it. The city sees no figure that fewer than five stalls are behind, nor
//! the signed statement: its running sums would tell a hidden day by the difference of two others.

use serde_json::{Value, json};

use super::access::{Actor, Role};
use super::error::{AppError, Message};
use super::seal_view::signed_close_json;
use super::{App, no_market};
use crate::domain::calendar::BusinessDate;
use crate::domain::ids::MarketCode;
use crate::domain::period_report::STALLS_MIN;
use crate::ledger::seal::close::SignedClose;
use crate::ledger::seal::key::MarketKey;
use crate::store::{closes, keys, markets};

/// What of a close may be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// All of it.
    Whole,
    /// The day's own sums and the seal.
    SumsAlone,
    /// The seal alone: fewer than five stalls are behind the sums.
    SealAlone,
}

/// A close as somebody may see it, with the key that signed it.
#[derive(Debug, Clone)]
pub struct ShownClose {
    /// The close; the page shows what [`ShownClose::seen`] lets it.
    pub signed: SignedClose,
    /// The market's name.
    pub market_name: String,
    /// The key that signed, when it is there.
    pub key: Option<MarketKey>,
    /// What of it may be seen.
    pub seen: Seen,
}

/// Fields of the API's answer that only those who may see all of a close are told.
const WHOLE_ALONE: [&str; 7] = ["weak", "postings", "first_seq", "last_seq", "journal_seq", "statement", "bank"];
/// Fields that five stalls must be behind.
const SUMS: [&str; 2] = ["payments", "amount"];

impl ShownClose {
    /// Tells whether everything of it may be seen.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.seen == Seen::Whole
    }

    /// Returns it as the API shows it: `null` for what may not be seen.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut shown = signed_close_json(&self.signed);
        if let Some(fields) = shown.as_object_mut().filter(|_| !self.is_whole()) {
            let sums: &[&str] = if self.seen == Seen::SealAlone { &SUMS } else { &[] };
            for name in WHOLE_ALONE.iter().chain(sums) {
                fields.insert((*name).to_owned(), Value::Null);
            }
            fields.insert("suppressed".to_owned(), json!(self.seen == Seen::SealAlone));
        }
        shown
    }

    /// Returns what was signed, letter for letter.
    ///
    /// # Errors
    /// `not_found` for whoever may not see all of it.
    pub fn statement(&self) -> Result<&str, AppError> {
        if self.is_whole() { Ok(&self.signed.statement) } else { Err(not_for_the_city()) }
    }
}

fn not_for_the_city() -> AppError {
    AppError::not_found(Message::new(
        "Biên bản đã ký có số lũy kế nên không hiển thị cho thành phố; ban quản lý chợ và kiểm toán giữ.",
        "The signed statement holds running sums and is not shown to the city; the market's board and the auditor have it.",
    ))
}

impl App {
    /// Returns the close that sealed a date as an actor may see it.
    ///
    /// # Errors
    /// `not_found` for the market, or a date that is not closed by itself.
    pub async fn close_for(
        &self,
        actor: &Actor,
        code: &MarketCode,
        date: BusinessDate,
    ) -> Result<ShownClose, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let market = markets::find(&mut transaction, code, self.today()).await?.ok_or_else(|| no_market(code))?;
        let found = closes::find(&mut transaction, market.id, date).await?;
        let signed = found.ok_or_else(|| {
            let (vi, en) = (format!("Ngày {date} chưa khóa sổ."), format!("{date} is not closed."));
            AppError::not_found(Message::new(vi, en))
        })?;
        let seen = if actor.role() != Role::City {
            Seen::Whole
        } else if signed.close.postings == 0
            || closes::active_stalls(&mut transaction, market.id, date).await? >= STALLS_MIN
        {
            Seen::SumsAlone
        } else {
            Seen::SealAlone
        };
        let keys = keys::all(&mut transaction, market.id).await?;
        transaction.rollback().await?;
        let key = keys.into_iter().find(|key| key.number == signed.close.key);
        Ok(ShownClose { signed, market_name: market.name.to_string(), key, seen })
    }
}
