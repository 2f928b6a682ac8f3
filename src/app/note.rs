//! Writing the audit log. A use case says what it did in the transaction that does it; where that lies
//! out of reach (the market's writer, a file that was handed out), right after, in one of its own.
//!
//! An entry is the last thing in its transaction: see `store/audit.rs`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::App;
use super::access::Actor;
use super::acting::{acting, kind_of};
use super::error::AppError;
use crate::domain::account::BankAccount;
use crate::domain::audit::{Action, ActorKind, AuditEntry};
use crate::domain::hash::Hash;
use crate::domain::ids::{MarketCode, MarketId, StallNumber};
use crate::domain::masking;
use crate::store::engine::Transaction;
use crate::store::error::StoreError;
use crate::store::users::UserRow;
use crate::store::{Store, audit};

/// How long a reader waits for what is seen to be written down.
const SEEN_PATIENCE: Duration = Duration::from_millis(500);
/// How long the end of the program waits for the same.
const ENDING_PATIENCE: Duration = Duration::from_secs(2);
/// Entries of what was seen that may wait to be written down.
pub(super) const SEEN_MAX: usize = 1_000;
/// How often writing such an entry is tried, and the pause between: an hour in which a disk can be emptied.
const SEEN_ATTEMPTS: u32 = 3_600;
const SEEN_PAUSE: Duration = Duration::from_secs(1);
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

/// Writes to the log of a book that is not open as a program: one that was just restored.
pub(super) async fn note_outside(
    store: &Store,
    market: MarketId,
    note: Note,
    now: Timestamp,
) -> Result<(), StoreError> {
    append_apart(store, market, &[note.entry(now)]).await.map(drop)
}

impl Note {
    fn entry(self, now: Timestamp) -> AuditEntry {
        let note = self;
        let acting = acting();
        let who = note.by.or_else(|| {
            let actor = acting.actor.as_ref()?;
            Some(Who { kind: kind_of(actor), name: actor.name().to_owned(), role: actor.role().as_str() })
        });
        let who = who.unwrap_or_else(|| Who { kind: ActorKind::Nobody, name: "-".to_owned(), role: "-" });
        AuditEntry {
            recorded_at: now,
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
}

/// What was written to a log in a transaction that is still to be committed.
#[must_use = "a deed is told of once it is committed"]
pub(crate) struct Noted {
    market: MarketId,
    entries: Vec<(AuditEntry, (i64, Hash))>,
}

impl App {
    fn entry(&self, note: Note) -> AuditEntry {
        note.entry(self.clock.now())
    }

    /// Writes to a market's log in the transaction of what it tells of, as the last thing in it, and
    /// commits it. Whoever watches is told after: of what was done, and of nothing that was only tried.
    pub(crate) async fn commit_noted(
        &self,
        mut transaction: Transaction,
        market: MarketId,
        notes: impl IntoIterator<Item = Note>,
    ) -> Result<(), AppError> {
        let done = self.note(&mut transaction, market, notes).await?;
        transaction.commit().await?;
        self.tell_of_noted(&done);
        Ok(())
    }

    /// Writes to a market's log as [`Self::commit_noted`] does, for whoever has to look into what became
    /// of the commit, and then tells of it with [`Self::tell_of_noted`].
    pub(crate) async fn note(
        &self,
        transaction: &mut Transaction,
        market: MarketId,
        notes: impl IntoIterator<Item = Note>,
    ) -> Result<Noted, AppError> {
        let entries: Vec<AuditEntry> = notes.into_iter().map(|note| self.entry(note)).collect();
        let places = audit::append(transaction, market, &entries).await?;
        Ok(Noted { market, entries: entries.into_iter().zip(places).collect() })
    }

    /// Tells whoever watches what stands in the log by now.
    pub(crate) fn tell_of_noted(&self, noted: &Noted) {
        for (entry, place) in &noted.entries {
            self.tell_of(noted.market, entry, Some(*place));
        }
    }

    /// Writes down that somebody looked at what is a stall's, unless it was her own phone. A page does
    /// not wait long for it: see [`Self::note_seen`].
    ///
    /// # Errors
    /// `not_ready` when too many views wait to be written down: what cannot be remembered is not shown.
    pub(crate) async fn note_view(&self, actor: &Actor, market: MarketId, note: Note) -> Result<(), AppError> {
        if actor.stall().is_some() {
            return Ok(());
        }
        self.note_seen(market, note.by(actor)).await
    }

    /// Writes down that somebody takes a file of figures away: a market's, or one of the whole city.
    ///
    /// # Errors
    /// `not_found` for the market; `not_ready` as for [`Self::note_view`].
    pub async fn note_download(&self, market: Option<&MarketCode>, file: &str) -> Result<(), AppError> {
        let id = match market {
            Some(code) => self.market(code).await?.id,
            None => MarketId::INSTALLATION,
        };
        self.note_seen(id, Note::of(Action::ReportDownloaded, file)).await
    }

    /// Writes down what was seen or taken away. What is written can be read on a full disk and while
    /// somebody holds the book's lock, so a reader waits [`SEEN_PATIENCE`] at most; the entry is tried
    /// again until it stands, by a task of its own, and at most [`SEEN_MAX`] of them wait.
    async fn note_seen(&self, market: MarketId, note: Note) -> Result<(), AppError> {
        let Ok(place) = Arc::clone(&self.seen).try_acquire_owned() else {
            return Err(StoreError::QueueFull.into());
        };
        let (store, entry) = (Arc::clone(&self.store), self.entry(note));
        self.tell_of(market, &entry, None);
        let writing = tokio::spawn(async move {
            for _ in 0..SEEN_ATTEMPTS {
                match append_apart(&store, market, std::slice::from_ref(&entry)).await {
                    Ok(_) => return,
                    Err(error) => tracing::warn!(market = market.get(), cause = %error, "audit.note_seen"),
                }
                tokio::time::sleep(SEEN_PAUSE).await;
            }
            let (actor, action, object) = (entry.actor.as_str(), entry.action.as_str(), entry.object.as_str());
            tracing::error!(market = market.get(), actor, action, object, "audit.seen_not_written");
            drop(place);
        });
        // Longer than that it is written behind the reader's back.
        let _ = tokio::time::timeout(SEEN_PATIENCE, writing).await;
        Ok(())
    }

    /// Writes down what stands in the journal already, with actor and reason. It cannot be taken back, so
    /// a log that cannot be written now is no reason to say that it was not done.
    pub(crate) async fn note_done(&self, market: MarketId, note: Note) {
        if let Err(error) = self.note_apart(market, [note]).await {
            tracing::error!(market = market.get(), cause = ?error.cause, "audit.note_done");
        }
    }

    /// Waits a moment for what was seen last to be written down: the program ends.
    pub(crate) async fn end_noting(&self) {
        let all = u32::try_from(SEEN_MAX).unwrap_or(u32::MAX);
        if tokio::time::timeout(ENDING_PATIENCE, self.seen.acquire_many(all)).await.is_err() {
            tracing::error!("audit.seen_not_written_at_the_end");
        }
    }

    /// Writes to a market's log in a transaction of its own: what was seen or taken away, and what
    /// another transaction has done already.
    pub(crate) async fn note_apart(
        &self,
        market: MarketId,
        notes: impl IntoIterator<Item = Note>,
    ) -> Result<(), AppError> {
        self.commit_noted(self.store.begin_write().await?, market, notes).await
    }
}

async fn append_apart(store: &Store, market: MarketId, entries: &[AuditEntry]) -> Result<Vec<(i64, Hash)>, StoreError> {
    let mut transaction = store.begin_write().await?;
    let places = audit::append(&mut transaction, market, entries).await?;
    transaction.commit().await?;
    Ok(places)
}
