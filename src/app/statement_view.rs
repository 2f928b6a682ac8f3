//! Statements as they are shown: what was handed in, and what it did.

use serde_json::{Value, json};

use super::App;
use super::correct::checked_reason;
use super::error::{AppError, ErrorKind, Message};
use super::journal::list_limit;
use super::note::Note;
use super::reconcile::no_statement;
use crate::domain::audit::Action;
use crate::domain::calendar::rfc3339;
use crate::domain::ids::MarketCode;
use crate::domain::money::Dong;
use crate::domain::reconciliation::StatementId;
use crate::store::statements::{self, Day, Kept, Part};
use crate::store::{head, statement_lines};

/// A statement with its accounts and dates.
#[derive(Debug, Clone)]
pub struct StatementShown {
    /// The market.
    pub market: MarketCode,
    pub(crate) kept: Kept,
    pub(crate) parts: Vec<Part>,
    pub(crate) days: Vec<Day>,
}

impl StatementShown {
    /// Returns its name.
    #[must_use]
    pub fn id(&self) -> StatementId {
        self.kept.id
    }

    /// Returns the file's name.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.kept.file_name
    }

    /// Returns the file's layout or message type.
    #[must_use]
    pub fn format(&self) -> &str {
        &self.kept.format
    }

    /// Returns when it was handed in, and by whom.
    #[must_use]
    pub fn uploaded(&self) -> (jiff::Timestamp, &str) {
        (self.kept.uploaded_at, &self.kept.uploaded_by)
    }

    /// Returns what a person should know of it, in Vietnamese.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let notes: Vec<Value> = serde_json::from_str(&self.kept.notes).unwrap_or_default();
        notes.iter().filter_map(|note| note.get("message_vi")?.as_str().map(str::to_owned)).collect()
    }

    /// Returns how many lines it brought, knew, and left for a person.
    #[must_use]
    pub fn counts(&self) -> (i64, i64, i64) {
        let sum = |of: fn(&Day) -> i64| self.days.iter().map(of).sum();
        (sum(|day| day.added), sum(|day| day.known), sum(|day| day.doubtful))
    }

    /// Returns the first and the last date it is about.
    #[must_use]
    pub fn span(&self) -> Option<(crate::domain::calendar::BusinessDate, crate::domain::calendar::BusinessDate)> {
        let dates = || self.days.iter().map(|day| day.date);
        dates().min().zip(dates().max())
    }

    /// Returns it as the API shows it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let notes: Value = serde_json::from_str(&self.kept.notes).unwrap_or_default();
        let part = |part: &Part| {
            json!({
                "account": part.settled.as_str(), "bin": part.bin, "opening": part.opening.map(Dong::whole),
                "closing": part.closing.map(Dong::whole), "from": part.from.to_string(), "to": part.to.to_string(),
                "proof": part.proof, "lines": part.lines, "credits": part.credits.whole(),
                "debits": part.debits.whole(),
            })
        };
        let day = |day: &Day| {
            json!({
                "account": day.settled.as_str(), "date": day.date.to_string(),
                "coverage": if day.covered { "day" } else { "part" }, "lines": day.lines, "added": day.added,
                "known": day.known, "doubtful": day.doubtful,
            })
        };
        let (added, known, doubtful) = self.counts();
        json!({
            "id": self.kept.id.to_string(), "market": self.market.as_str(), "currency": "VND",
            "file_name": self.kept.file_name, "format": self.kept.format, "sha256": self.kept.sha256.to_string(),
            "bytes": self.kept.byte_count, "uploaded_at": rfc3339(self.kept.uploaded_at),
            "uploaded_by": self.kept.uploaded_by, "added": added, "known": known, "doubtful": doubtful,
            "statements": self.parts.iter().map(part).collect::<Vec<_>>(),
            "days": self.days.iter().map(day).collect::<Vec<_>>(), "notes": notes,
        })
    }
}

impl App {
    /// Returns the market that a statement's name leads to.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn market_of_statement(&self, id: StatementId) -> Result<MarketCode, AppError> {
        let market = id.market().map_err(|_| no_statement(id))?;
        let directory = self.directory.refresh(&self.store).await?;
        directory.markets.get(&market).cloned().ok_or_else(|| no_statement(id))
    }

    /// Returns one statement.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn statement(&self, id: StatementId) -> Result<StatementShown, AppError> {
        let code = self.market_of_statement(id).await?;
        let market = self.market(&code).await?.id;
        let mut transaction = self.store.begin_read().await?;
        let kept = statements::find(&mut transaction, market, id).await?.ok_or_else(|| no_statement(id))?;
        let parts = statements::parts(&mut transaction, market, id).await?;
        let days = statements::days_of(&mut transaction, market, id).await?;
        transaction.rollback().await?;
        Ok(StatementShown { market: code, kept, parts, days })
    }

    /// Returns a market's statements, the newest first.
    ///
    /// # Errors
    /// `not_found` for the market, a bad limit.
    pub async fn statements(&self, code: &MarketCode, limit: Option<i64>) -> Result<Vec<StatementShown>, AppError> {
        let (market, limit) = (self.market(code).await?.id, list_limit(limit)?);
        let mut transaction = self.store.begin_read().await?;
        let mut shown = Vec::new();
        for kept in statements::list(&mut transaction, market, limit).await? {
            let parts = statements::parts(&mut transaction, market, kept.id).await?;
            let days = statements::days_of(&mut transaction, market, kept.id).await?;
            shown.push(StatementShown { market: code.clone(), kept, parts, days });
        }
        transaction.rollback().await?;
        Ok(shown)
    }

    /// Counts a doubtful line, because a person says that it is money of its own.
    ///
    /// # Errors
    /// `not_found`, `reason_missing`, `not_doubtful`.
    pub async fn accept_line(&self, code: &MarketCode, line: i64, actor: &str, why: &str) -> Result<(), AppError> {
        let (market, why) = (self.market(code).await?.id, checked_reason(why)?);
        let mut transaction = self.store.begin_write().await?;
        head::take(&mut transaction, market).await?;
        if statement_lines::accept(&mut transaction, market, line, actor, &why).await? {
            let note = Note::of(Action::LineAccepted, format!("line {line}")).named(actor).because(&why);
            self.note(&mut transaction, market, [note]).await?;
            return Ok(transaction.commit().await?);
        }
        let known = statement_lines::find(&mut transaction, market, line).await?.is_some();
        transaction.rollback().await?;
        if !known {
            let (vi, en) = (format!("Không có dòng sao kê số {line}."), format!("There is no line number {line}."));
            return Err(AppError::not_found(Message::new(vi, en)));
        }
        let message = Message::new(
            format!("Dòng sao kê số {line} không chờ người quyết định."),
            format!("Line number {line} does not wait for a person."),
        );
        Err(AppError::new(ErrorKind::Conflict, "not_doubtful", message))
    }
}
