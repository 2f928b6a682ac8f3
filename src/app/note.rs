//! Writing the audit log. A use case says what it did in the transaction that does it; where that lies
//! out of reach (the market's writer, a file that was handed out), right after, in one of its own.
//!
//! An entry is the last thing in its transaction: see `store/audit.rs`.

use serde_json::Value;

use super::App;
use super::access::Actor;
use super::acting::{acting, kind_of};
use super::error::AppError;
use crate::domain::account::BankAccount;
use crate::domain::audit::{Action, ActorKind, AuditEntry};
use crate::domain::ids::{MarketCode, MarketId, StallNumber};
use crate::domain::masking;
use crate::store::audit;
use crate::store::engine::Transaction;
use crate::store::users::UserRow;

/// Characters of an object's or an actor's name that are kept.
const NAME_MAX: usize = 200;

/// What a use case tells the audit log.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    action: Action,
    object: String,
    stall: Option<StallNumber>,
    before: Option<Value>,
    after: Option<Value>,
    reason: Option<String>,
    by: Option<Who>,
}

/// Who did it, where that is not whoever this task acts for.
#[derive(Debug, Clone)]
struct Who {
    kind: ActorKind,
    name: String,
    role: &'static str,
}

impl Note {
    /// Tells what was done to what.
    pub(crate) fn of(action: Action, object: impl std::fmt::Display) -> Self {
        let object = object.to_string();
        Self { action, object, stall: None, before: None, after: None, reason: None, by: None }
    }

    /// Says whose stall it concerns.
    pub(crate) fn at_stall(self, stall: impl Into<Option<StallNumber>>) -> Self {
        Self { stall: stall.into(), ..self }
    }

    /// Says what stood there before.
    pub(crate) fn before(self, before: Value) -> Self {
        Self { before: Some(before), ..self }
    }

    /// Says what stands there now.
    pub(crate) fn after(self, after: Value) -> Self {
        Self { after: Some(after), ..self }
    }

    /// Says why, in a person's words; names and numbers are masked, as in a transfer's text.
    pub(crate) fn because(self, reason: &str) -> Self {
        Self { reason: Some(masking::memo(reason)).filter(|reason| !reason.is_empty()), ..self }
    }

    /// Says who did it.
    pub(crate) fn by(self, actor: &Actor) -> Self {
        let by = Who { kind: kind_of(actor), name: actor.name().to_owned(), role: actor.role().as_str() };
        Self { by: Some(by), ..self }
    }

    /// Says that a person did it, who is not in a session yet or not any more.
    pub(crate) fn by_user(self, user: &UserRow) -> Self {
        let by = Who { kind: ActorKind::User, name: user.name.to_string(), role: user.role.as_str() };
        Self { by: Some(by), ..self }
    }

    /// Says the name under which the book records who did it.
    pub(crate) fn named(self, name: &str) -> Self {
        let actor = acting().actor;
        let (kind, role) = actor.as_ref().map_or((ActorKind::Nobody, "-"), |a| (kind_of(a), a.role().as_str()));
        Self { by: Some(Who { kind, name: name.to_owned(), role }), ..self }
    }
}

/// Returns where it stands what concerns a user: a manager's market, else the whole city's place.
pub(crate) fn home_of(user: &UserRow) -> MarketId {
    user.market.as_ref().map_or(MarketId::INSTALLATION, |(id, _)| *id)
}

/// Returns an account as the log names it: the bank and the last four characters.
pub(crate) fn masked_account(account: &BankAccount) -> String {
    format!("{} …{}", account.bin, account.number.last_four())
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
}

impl App {
    fn entry(&self, note: Note) -> AuditEntry {
        let acting = acting();
        let who = note.by.or_else(|| {
            let actor = acting.actor.as_ref()?;
            Some(Who { kind: kind_of(actor), name: actor.name().to_owned(), role: actor.role().as_str() })
        });
        let who = who.unwrap_or_else(|| Who { kind: ActorKind::Nobody, name: "-".to_owned(), role: "-" });
        AuditEntry {
            recorded_at: self.clock.now(),
            actor_kind: who.kind,
            actor: short(&who.name),
            role: who.role.to_owned(),
            action: note.action,
            object: short(&note.object),
            stall: note.stall,
            before: note.before.map(|value| value.to_string()),
            after: note.after.map(|value| value.to_string()),
            reason: note.reason,
            request_id: acting.request_id,
        }
    }

    /// Writes to a market's log in the transaction of what it tells of, as the last thing in it.
    pub(crate) async fn note(
        &self,
        transaction: &mut Transaction,
        market: MarketId,
        notes: impl IntoIterator<Item = Note>,
    ) -> Result<(), AppError> {
        let entries: Vec<AuditEntry> = notes.into_iter().map(|note| self.entry(note)).collect();
        Ok(audit::append(transaction, market, &entries).await?)
    }

    /// Writes down that somebody looked at what is a stall's, unless it was her own phone. What cannot be
    /// written down is not shown.
    pub(crate) async fn note_view(&self, actor: &Actor, market: MarketId, note: Note) -> Result<(), AppError> {
        if actor.stall().is_some() {
            return Ok(());
        }
        self.note_apart(market, [note.by(actor)]).await
    }

    /// Writes down that somebody takes a file of figures away: a market's, or one of the whole city.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn note_download(&self, market: Option<&MarketCode>, file: &str) -> Result<(), AppError> {
        let id = match market {
            Some(code) => self.market(code).await?.id,
            None => MarketId::INSTALLATION,
        };
        self.note_apart(id, [Note::of(Action::ReportDownloaded, file)]).await
    }

    /// Writes down what stands in the journal already, with actor and reason. It cannot be taken back, so
    /// a log that cannot be written now is no reason to say that it was not done.
    pub(crate) async fn note_done(&self, market: MarketId, note: Note) {
        if let Err(error) = self.note_apart(market, [note]).await {
            tracing::error!(market = market.get(), cause = ?error.cause, "audit.note_done");
        }
    }

    /// Writes to a market's log in a transaction of its own: what was seen or taken away, and what
    /// another transaction has done already.
    pub(crate) async fn note_apart(
        &self,
        market: MarketId,
        notes: impl IntoIterator<Item = Note>,
    ) -> Result<(), AppError> {
        let entries: Vec<AuditEntry> = notes.into_iter().map(|note| self.entry(note)).collect();
        let mut transaction = self.store.begin_write().await?;
        audit::append(&mut transaction, market, &entries).await?;
        Ok(transaction.commit().await?)
    }
}
