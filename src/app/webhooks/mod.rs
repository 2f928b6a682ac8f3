//! Subscriptions of other programs: who wants a market's events at which address. How they are
//! delivered stands in [`deliver`], how a server is called in [`call`].

mod call;
pub mod deliver;
mod sign;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::App;
use super::error::{AppError, ErrorKind, Message};
use super::events::{behind, source_of};
use super::note::Note;
use crate::domain::audit::Action;
use crate::domain::calendar::rfc3339;
use crate::domain::identity::WebhookId;
use crate::domain::ids::{MarketCode, PostingName, Seq};
use crate::domain::networks::Reach;
use crate::domain::registration::Market;
use crate::domain::webhook::{FAILING_AFTER, Tried, WebhookUrl};
use crate::store::secrets::webhook_place;
use crate::store::webhooks::{self, ATTEMPTS_KEPT, Attempt, WebhookRow};

pub use call::{Addresses, Names, SystemNames};

/// Subscriptions of one market: the city's platforms, the bank, the accountants, and room.
const PER_MARKET_MAX: usize = 20;
/// The type of the event that tries a subscription out.
const TEST_TYPE: &str = "vn.socho.webhook.test";

/// How patient deliveries are.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long a server may take to answer.
    pub answer: Duration,
    /// How long a process may be silent before another takes its subscription; while it waits for an
    /// answer it is heard of three times as often.
    pub lease: Duration,
    /// How often it is looked for what other processes wrote, and for what is due again.
    pub look: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { answer: Duration::from_secs(10), lease: Duration::from_secs(10), look: Duration::from_secs(1) }
    }
}

/// Subscriptions that cannot be delivered to by a fault of ours (a secret that does not open, a database
/// that is away), and why: the log is told once, and again when that changes.
#[derive(Debug, Default)]
struct Unable(Mutex<HashMap<WebhookId, &'static str>>);

impl Unable {
    /// Notes why nothing could be delivered; tells whether that is news.
    fn is_new(&self, id: WebhookId, code: &'static str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, code) != Some(code)
    }

    /// Notes that it can be delivered to, or is gone; tells whether that is news.
    fn is_over(&self, id: WebhookId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id).is_some()
    }
}

/// What this process needs to deliver.
pub(crate) struct Webhooks {
    caller: call::Caller,
    pace: Pace,
    /// Names this process among those that deliver.
    holder: Vec<u8>,
    woken: Notify,
    unable: Unable,
}

impl Webhooks {
    pub(crate) fn new(reach: Reach, names: Arc<dyn Names>, pace: Pace) -> Self {
        let holder = fastrand::u128(..).to_be_bytes().to_vec();
        let caller = call::Caller::new(reach, names, pace.answer);
        Self { caller, pace, holder, woken: Notify::new(), unable: Unable::default() }
    }
}

impl Default for Webhooks {
    fn default() -> Self {
        Self::new(Reach::default(), Arc::new(SystemNames), Pace::default())
    }
}

/// How a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookState {
    /// Everything was delivered, or is being delivered.
    Active,
    /// The last try failed, less than a day ago for the first time.
    Retrying,
    /// Tries have failed for a day; it is tried hourly.
    Failing,
    /// Nothing is tried until somebody lets it begin again.
    Disabled,
}

impl WebhookState {
    /// Returns the word that is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retrying => "retrying",
            Self::Failing => "failing",
            Self::Disabled => "disabled",
        }
    }
}

/// A subscription as it is shown: without its secrets.
#[derive(Clone)]
pub struct WebhookShown {
    /// Its name.
    pub id: WebhookId,
    /// Where events go.
    pub url: String,
    /// How it stands.
    pub state: WebhookState,
    /// Postings of the market that it has not heard of.
    pub lag: i64,
    row: WebhookRow,
    attempts: Vec<Attempt>,
}

impl WebhookShown {
    fn of(row: WebhookRow, attempts: Vec<Attempt>, now: Timestamp) -> Self {
        let state = match (row.disabled_at, row.failing_since) {
            (Some(_), _) => WebhookState::Disabled,
            (None, None) => WebhookState::Active,
            (None, Some(since)) if now.duration_since(since) >= FAILING_AFTER => WebhookState::Failing,
            (None, Some(_)) => WebhookState::Retrying,
        };
        let lag = row.last_seq.saturating_sub(row.delivered_seq).max(0);
        Self { id: row.id, url: row.url.to_string(), state, lag, row, attempts }
    }

    /// Returns it as the API shows it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let row = &self.row;
        let live = row.previous.as_ref().map(|(_, until)| rfc3339(*until));
        json!({
            "id": self.id.to_string(), "market": row.code.as_str(), "url": self.url, "state": self.state.as_str(),
            "delivered_seq": row.delivered_seq, "last_seq": row.last_seq, "lag": self.lag, "failures": row.failures,
            "failing_since": row.failing_since.map(rfc3339), "retry_at": row.retry_at.map(rfc3339),
            "delivered_at": row.delivered_at.map(rfc3339), "disabled_at": row.disabled_at.map(rfc3339),
            "disabled_reason": row.disabled_why, "previous_secret_until": live,
            "created_at": rfc3339(row.created_at), "created_by": row.created_by,
            "attempts": self.attempts.iter().map(|attempt| attempt_json(&row.code, attempt)).collect::<Vec<_>>(),
        })
    }

    /// Returns what the last try came to, in a few words.
    #[must_use]
    pub fn last_tried(&self) -> String {
        self.attempts.first().map(|last| format!("{} {}", last.outcome.as_str(), last.detail)).unwrap_or_default()
    }
}

fn attempt_json(market: &MarketCode, attempt: &Attempt) -> Value {
    let name = |seq| PostingName { market: market.clone(), seq: Seq::new(seq) }.to_string();
    json!({
        "first": name(attempt.first_seq), "last": name(attempt.last_seq), "at": rfc3339(attempt.at),
        "took_ms": attempt.took_ms, "outcome": attempt.outcome.as_str(), "status": attempt.status,
        "detail": attempt.detail,
    })
}

/// What trying a subscription out came to.
#[derive(Debug, Clone)]
pub struct WebhookTest {
    /// The event's id.
    pub event: String,
    /// Whether it was taken.
    pub delivered: bool,
    /// What it came to.
    pub outcome: &'static str,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// What was seen.
    pub detail: String,
    /// How long it took.
    pub took_ms: i64,
}

impl WebhookTest {
    /// Returns it as the API shows it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "event": self.event, "delivered": self.delivered, "outcome": self.outcome, "status": self.status,
            "detail": self.detail, "took_ms": self.took_ms,
        })
    }
}

impl App {
    /// Returns the same program, delivering elsewhere, by others' names or at another pace.
    #[must_use]
    pub fn with_webhooks(self, reach: Reach, names: Arc<dyn Names>, pace: Pace) -> Self {
        Self { webhooks: Webhooks::new(reach, names, pace), ..self }
    }

    /// Subscribes an address to a market's events: from now on, or behind a posting. Returns it with
    /// its secret, which is told this once.
    ///
    /// # Errors
    /// `not_found` for the market, `webhook_address_refused`, `too_many_webhooks`, `after_invalid`.
    pub async fn add_webhook(
        &self,
        market: &MarketCode,
        url: WebhookUrl,
        after: Option<&str>,
        by: &str,
    ) -> Result<(WebhookShown, String), AppError> {
        let market = self.market(market).await?;
        let after = after.map(|after| behind(&market.code, Some(after))).transpose()?;
        self.allowed(&url).await?;
        let secret = sign::secret_of(&self.ids.salt()?);
        let id = WebhookId(self.ids.uuid()?);
        let mut transaction = self.store.begin_write().await?;
        if webhooks::of_market(&mut transaction, market.id).await?.len() >= PER_MARKET_MAX {
            let message = Message::new(
                format!("Chợ {} đã có {PER_MARKET_MAX} nơi nhận. Bỏ bớt một nơi trước.", market.code),
                format!("Market {} has {PER_MARKET_MAX} webhooks already. Remove one first.", market.code),
            );
            return Err(AppError::new(ErrorKind::Conflict, "too_many_webhooks", message));
        }
        let head = crate::store::head::read(&mut transaction, market.id).await?;
        let head = head.ok_or_else(|| AppError::internal("a market without a head"))?;
        let row = WebhookRow {
            market: market.id,
            code: market.code.clone(),
            id,
            url,
            secret: self.seal(&mut transaction, &webhook_place(market.id, id), secret.as_bytes()).await?,
            previous: None,
            delivered_seq: within(&market, after.unwrap_or(head.last_seq), head.last_seq)?,
            holder: None,
            beat: 0,
            attempts: 0,
            failures: 0,
            failing_since: None,
            retry_at: None,
            delivered_at: None,
            disabled_at: None,
            disabled_why: None,
            created_at: self.clock.now(),
            created_by: by.to_owned(),
            last_seq: head.last_seq,
        };
        webhooks::add(&mut transaction, &row).await?;
        let said = json!({ "host": row.url.authority(), "delivered_seq": row.delivered_seq });
        let note = Note::of(Action::WebhookAdded, id).after(said);
        self.commit_noted(transaction, market.id, [note]).await?;
        self.webhooks.woken.notify_one();
        Ok((WebhookShown::of(row, Vec::new(), self.now()), secret))
    }

    /// Returns a market's subscriptions, each with its last try.
    ///
    /// # Errors
    /// `not_found` for the market.
    pub async fn webhooks(&self, market: &MarketCode) -> Result<Vec<WebhookShown>, AppError> {
        let (market, now) = (self.market(market).await?, self.now());
        let mut transaction = self.store.begin_read().await?;
        let mut shown = Vec::new();
        for row in webhooks::of_market(&mut transaction, market.id).await? {
            let last = webhooks::attempts(&mut transaction, market.id, row.id, 1).await?;
            shown.push(WebhookShown::of(row, last, now));
        }
        transaction.rollback().await?;
        Ok(shown)
    }

    /// Returns one subscription with all tries that are kept.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn webhook(&self, market: &MarketCode, id: WebhookId) -> Result<WebhookShown, AppError> {
        let market = self.market(market).await?;
        let mut transaction = self.store.begin_read().await?;
        let row = webhooks::find(&mut transaction, market.id, id).await?.ok_or_else(|| no_webhook(id))?;
        let attempts = webhooks::attempts(&mut transaction, market.id, id, ATTEMPTS_KEPT).await?;
        transaction.rollback().await?;
        Ok(WebhookShown::of(row, attempts, self.now()))
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn remove_webhook(&self, market: &MarketCode, id: WebhookId) -> Result<(), AppError> {
        let market = self.market(market).await?;
        let mut transaction = self.store.begin_write().await?;
        let row = webhooks::find(&mut transaction, market.id, id).await?.ok_or_else(|| no_webhook(id))?;
        if !webhooks::remove(&mut transaction, market.id, id).await? {
            return Err(no_webhook(id));
        }
        self.webhooks.unable.is_over(id);
        let said = json!({ "host": row.url.authority(), "delivered_seq": row.delivered_seq });
        let note = Note::of(Action::WebhookRemoved, id).before(said);
        self.commit_noted(transaction, market.id, [note]).await
    }

    /// Puts a new secret in force; events are signed with the one before too for `overlap` more.
    /// Returns the new one, which is told this once.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn rotate_webhook(
        &self,
        market: &MarketCode,
        id: WebhookId,
        overlap: SignedDuration,
    ) -> Result<(WebhookShown, String), AppError> {
        let market = self.market(market).await?;
        let secret = sign::secret_of(&self.ids.salt()?);
        let now = self.clock.now();
        let mut transaction = self.store.begin_write().await?;
        webhooks::find(&mut transaction, market.id, id).await?.ok_or_else(|| no_webhook(id))?;
        let until = now.checked_add(overlap).unwrap_or(now);
        let sealed = self.seal(&mut transaction, &webhook_place(market.id, id), secret.as_bytes()).await?;
        webhooks::rotate(&mut transaction, market.id, id, &sealed, until).await?;
        let note = Note::of(Action::WebhookRotated, id).after(json!({ "previous_secret_until": rfc3339(until) }));
        self.commit_noted(transaction, market.id, [note]).await?;
        Ok((self.webhook(&market.code, id).await?, secret))
    }

    /// Delivers again what comes behind a posting; without one, goes on where the subscription stands.
    /// One that was disabled begins again.
    ///
    /// # Errors
    /// `not_found`, `after_invalid`.
    pub async fn replay_webhook(
        &self,
        market: &MarketCode,
        id: WebhookId,
        after: Option<&str>,
    ) -> Result<WebhookShown, AppError> {
        let market = self.market(market).await?;
        let after = after.map(|after| behind(&market.code, Some(after))).transpose()?;
        let mut transaction = self.store.begin_write().await?;
        let row = webhooks::find(&mut transaction, market.id, id).await?.ok_or_else(|| no_webhook(id))?;
        let after = within(&market, after.unwrap_or(row.delivered_seq), row.last_seq)?;
        webhooks::replay(&mut transaction, market.id, id, after).await?;
        let note = Note::of(Action::WebhookReplayed, id).before(json!({ "delivered_seq": row.delivered_seq }));
        self.commit_noted(transaction, market.id, [note.after(json!({ "delivered_seq": after }))]).await?;
        self.webhooks.woken.notify_one();
        self.webhook(&market.code, id).await
    }

    /// Sends a subscription one event that is no posting, at once, and tells what came of it.
    ///
    /// # Errors
    /// `not_found`. A refusal is no error but the answer.
    pub async fn test_webhook(&self, market: &MarketCode, id: WebhookId) -> Result<WebhookTest, AppError> {
        let row = self.webhook(market, id).await?.row;
        let (now, event) = (self.now(), format!("test-{}", self.ids.uuid()?));
        let body = json!({
            "specversion": "1.0", "id": event, "source": source_of(&row.code), "type": TEST_TYPE, "time": rfc3339(now),
            "datacontenttype": "application/json", "data": {"market": row.code.as_str(), "webhook": id.to_string()},
        });
        let message = signed(&self.live_secrets(&row)?, &event, &body, now);
        let began = tokio::time::Instant::now();
        let answered = self.webhooks.caller.line(&row.url).send(&message).await;
        let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        Ok(match answered {
            Ok(status) => WebhookTest {
                event,
                delivered: true,
                outcome: Tried::Delivered.as_str(),
                status: Some(status),
                detail: status.to_string(),
                took_ms,
            },
            Err(failure) => WebhookTest {
                event,
                delivered: false,
                outcome: failure.outcome.as_str(),
                status: failure.status,
                detail: failure.detail,
                took_ms,
            },
        })
    }

    /// Opens what a subscription's events are signed with.
    fn live_secrets(&self, row: &WebhookRow) -> Result<Secrets, AppError> {
        let place = webhook_place(row.market, row.id);
        let current = self.unseal_text(&place, &row.secret)?;
        let previous = match &row.previous {
            Some((kept, until)) => Some((self.unseal_text(&place, kept)?, *until)),
            None => None,
        };
        Ok(Secrets { current, previous })
    }

    /// Refuses an address that would never be called. A name that nobody knows at the moment may be
    /// known later; what it stands for is checked again at every call.
    async fn allowed(&self, url: &WebhookUrl) -> Result<(), AppError> {
        match self.webhooks.caller.checked(url).await {
            Err(failure) if failure.outcome == Tried::AddressRefused => {
                let message = Message::new(
                    format!(
                        "Không được gửi tới địa chỉ này: {}. Mạng nội bộ phải được khai trong webhook_networks.",
                        failure.detail
                    ),
                    format!(
                        "Nothing is sent to this address: {}. A private network has to be named in webhook_networks.",
                        failure.detail
                    ),
                );
                Err(AppError::field("url", "webhook_address_refused", message))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// What a subscription's events are signed with, opened.
struct Secrets {
    current: String,
    /// The one before, and until when.
    previous: Option<(String, Timestamp)>,
}

/// Writes and signs one event for a subscription.
fn signed(secrets: &Secrets, id: &str, event: &Value, now: Timestamp) -> call::Message {
    let body = event.to_string();
    let previous = secrets.previous.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret.as_str());
    let secrets: Vec<&str> = std::iter::once(secrets.current.as_str()).chain(previous).collect();
    let timestamp = now.as_second();
    let signature = sign::signature(&secrets, id, timestamp, body.as_bytes());
    call::Message { id: id.to_owned(), timestamp, signature, body: Bytes::from(body) }
}

fn within(market: &Market, after: i64, last_seq: i64) -> Result<i64, AppError> {
    if after <= last_seq {
        return Ok(after);
    }
    let code = &market.code;
    let message = Message::new(
        format!("Chợ {code} mới có đến bút toán {code}-{last_seq}."),
        format!("The last posting of market {code} is {code}-{last_seq}."),
    );
    Err(AppError::field("after", "after_invalid", message))
}

fn no_webhook(id: WebhookId) -> AppError {
    AppError::not_found(Message::new(
        format!("Không có nơi nhận {id}. Xem danh sách: socho webhook list --market MÃ."),
        format!("There is no webhook {id}. See the list: socho webhook list --market CODE."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_delivered_is_told_once_and_again_when_that_changes() {
        let (unable, id, other) =
            (Unable::default(), WebhookId(uuid::Uuid::from_u128(1)), WebhookId(uuid::Uuid::nil()));
        assert!(!unable.is_over(id));
        assert!(unable.is_new(id, "secret_broken") && !unable.is_new(id, "secret_broken"));
        assert!(unable.is_new(other, "secret_broken"));
        assert!(unable.is_new(id, "not_ready") && !unable.is_new(id, "not_ready"));
        assert!(unable.is_over(id) && !unable.is_over(id) && unable.is_new(id, "not_ready"));
    }
}
