//! Statements as they are shown: what was handed in, and what it did.

use serde_json::{Value, json};

use super::App;
use super::correct::checked_reason;
use super::error::{AppError, ErrorKind, Message};
use super::journal::{bad_cursor, list_limit};
use super::note::Note;
use super::reconcile::{Scope, no_statement};
use super::reconcile_dates::asked;
use crate::domain::audit::Action;
use crate::domain::calendar::{BusinessDate, rfc3339};
use crate::domain::ids::MarketCode;
use crate::domain::language::Language;
use crate::domain::money::Dong;
use crate::domain::reconciliation::{BankLine, Standing, StatementId};
use crate::store::statements::{self, Day, Kept, Part};
use crate::store::{head, statement_lines};

/// Lines that wait for a person and are listed at once.
const DOUBTFUL_MAX: i64 = 200;

/// What a person says of a doubtful line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineDecision {
    /// It is money of its own: it counts.
    Accept,
    /// It is a line that is known already.
    Repeat,
}

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

    /// Returns what a person should know of it.
    #[must_use]
    pub fn notes(&self, language: Language) -> Vec<String> {
        let notes: Vec<Value> = serde_json::from_str(&self.kept.notes).unwrap_or_default();
        let message = language.of("message_vi", "message");
        notes.iter().filter_map(|note| note.get(message)?.as_str().map(str::to_owned)).collect()
    }

    /// Returns how many lines it brought, knew, and left for a person.
    #[must_use]
    pub fn counts(&self) -> (i64, i64, i64) {
        let sum = |of: fn(&Day) -> i64| self.days.iter().map(of).sum();
        (sum(|day| day.added), sum(|day| day.known), sum(|day| day.doubtful))
    }

    /// Returns the first and the last date it is about.
    #[must_use]
    pub fn span(&self) -> Option<(BusinessDate, BusinessDate)> {
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

    /// Returns a page of a market's statements, the newest first, from behind `after` on; and where the
    /// list goes on.
    ///
    /// # Errors
    /// `not_found` for the market, `limit_out_of_range`, `after_invalid`.
    pub async fn statements(
        &self,
        code: &MarketCode,
        after: Option<&str>,
        limit: Option<i64>,
    ) -> Result<(Vec<StatementShown>, Option<String>), AppError> {
        let (market, limit) = (self.market(code).await?.id, list_limit(limit)?);
        let mut transaction = self.store.begin_read().await?;
        let after = match after {
            None => None,
            Some(after) => {
                let id = after.parse().map_err(|_| bad_cursor())?;
                Some(statements::find(&mut transaction, market, id).await?.ok_or_else(bad_cursor)?)
            }
        };
        let mut found = statements::list(&mut transaction, market, after.as_ref(), limit.saturating_add(1)).await?;
        let more = i64::try_from(found.len()).is_ok_and(|length| length > limit);
        if more {
            found.pop();
        }
        let next = found.last().filter(|_| more).map(|last| last.id.to_string());
        let mut shown = Vec::with_capacity(found.len());
        for kept in found {
            let parts = statements::parts(&mut transaction, market, kept.id).await?;
            let days = statements::days_of(&mut transaction, market, kept.id).await?;
            shown.push(StatementShown { market: code.clone(), kept, parts, days });
        }
        transaction.rollback().await?;
        Ok((shown, next))
    }

    /// Returns the lines of a scope's dates that may repeat known ones and wait for a person, the first of
    /// them.
    ///
    /// # Errors
    /// As [`App::reconcile`].
    pub async fn doubtful_lines(&self, code: &MarketCode, scope: &Scope) -> Result<Vec<BankLine>, AppError> {
        let market = self.market(code).await?;
        let mut transaction = self.store.begin_read().await?;
        let asked = asked(&mut transaction, &market, scope).await?;
        let mut lines = match (asked.dates.keys().next(), asked.dates.keys().next_back()) {
            (Some(from), Some(to)) => {
                statement_lines::doubtful(&mut transaction, market.id, (*from, *to), DOUBTFUL_MAX).await?
            }
            _ => Vec::new(),
        };
        transaction.rollback().await?;
        lines.retain(|line| asked.accounts.as_ref().is_none_or(|accounts| accounts.contains(&line.settled)));
        Ok(lines)
    }

    /// Decides about a doubtful line: it is money of its own, or a line that is known. Returns its date.
    ///
    /// # Errors
    /// `not_found`, `reason_missing`, `not_doubtful`.
    pub async fn decide_line(
        &self,
        code: &MarketCode,
        line: i64,
        decision: LineDecision,
        actor: &str,
        why: &str,
    ) -> Result<BusinessDate, AppError> {
        let (market, why) = (self.market(code).await?.id, checked_reason(why)?);
        let standing = match decision {
            LineDecision::Accept => Standing::Counted,
            LineDecision::Repeat => Standing::Settled,
        };
        let mut transaction = self.store.begin_write().await?;
        head::take(&mut transaction, market).await?;
        let decided = statement_lines::decide(&mut transaction, market, line, standing, (actor, &why)).await?;
        let found = statement_lines::find(&mut transaction, market, line).await?;
        let Some(found) = found else {
            transaction.rollback().await?;
            let (vi, en) = (format!("Không có dòng sao kê số {line}."), format!("There is no line number {line}."));
            return Err(AppError::not_found(Message::new(vi, en)));
        };
        if decided {
            let action = match decision {
                LineDecision::Accept => Action::LineAccepted,
                LineDecision::Repeat => Action::LineRepeated,
            };
            let note = Note::of(action, format!("line {line}")).named(actor).because(&why);
            self.commit_noted(transaction, market, [note]).await?;
            return Ok(found.booked_on);
        }
        transaction.rollback().await?;
        let message = Message::new(
            format!("Dòng sao kê số {line} không chờ người quyết định."),
            format!("Line number {line} does not wait for a person."),
        );
        Err(AppError::new(ErrorKind::Conflict, "not_doubtful", message))
    }
}
