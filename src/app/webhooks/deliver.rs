//! Delivering a market's postings to its subscribers: each at least once, in the order of the journal,
//! one after another for each subscriber.
//!
//! One supervisor a process finds the subscriptions that have something to hear, woken by the bell that
//! rings after each commit, and gives each a task of its own. A task takes its subscription (see
//! [`crate::store::webhooks`]), reads the journal behind its place, sends one event after another and
//! writes its place down, once a second while it goes on. What was sent since is sent again after a
//! crash; nothing is passed over.
//!
//! Whether another process has died is told by that process's own rows standing still for a lease's
//! time of this machine's clock, so that clocks that differ, or stand still in test mode, do no harm.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::call::{CallFailed, Line, Message};
use super::{Secrets, Webhooks, signed};
use crate::app::App;
use crate::app::error::AppError;
use crate::app::events::event;
use crate::domain::identity::WebhookId;
use crate::domain::webhook::{Tried, retry_after};
use crate::ledger::batch::Posting;
use crate::store::commits::rung;
use crate::store::webhooks::{self, Attempt, WebhookRow};

/// How long the supervisor rests after a bell: commits of a busy market come every few milliseconds.
const REST: Duration = Duration::from_millis(20);
/// Subscriptions that are delivered to at once by one process.
const TASKS_MAX: usize = 64;
/// Postings that are read at once.
const PAGE: i64 = 100;
/// Events after which a task gives its place to others.
const TURN: usize = 1_000;
/// How often a task writes its place down while it goes on.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// When a row was first seen as it is.
#[derive(Debug, Clone, Copy)]
struct Seen {
    beat: i64,
    at: Instant,
    /// How long it was then until it is due again.
    wait: Duration,
}

impl App {
    /// Delivers until the process stops.
    pub async fn deliver_webhooks(self: Arc<Self>) {
        let mut closing = self.rooms.closing();
        let mut tasks: JoinSet<()> = JoinSet::new();
        let mut busy: HashMap<tokio::task::Id, WebhookId> = HashMap::new();
        let mut seen: HashMap<WebhookId, Seen> = HashMap::new();
        let mut any = true;
        loop {
            match self.store.due_webhooks().await {
                Ok((mut rows, there)) => {
                    any = there;
                    seen.retain(|id, _| rows.iter().any(|row| row.id == *id));
                    fastrand::shuffle(&mut rows);
                    for row in rows {
                        let id = row.id;
                        let free = busy.len() < TASKS_MAX && !busy.values().any(|known| *known == id);
                        if free && is_due(&self.webhooks, &row, &mut seen, self.now()) {
                            let task = tasks.spawn(attend(Arc::clone(&self), row));
                            busy.insert(task.id(), id);
                        }
                    }
                }
                Err(error) => tracing::warn!(cause = %error, "app.webhooks.look"),
            }
            tokio::select! {
                () = self.store.commits().any(), if any => sleep(REST).await,
                () = self.webhooks.woken.notified() => {}
                Some(ended) = tasks.join_next_with_id() => {
                    busy.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
                }
                () = sleep(self.webhooks.pace.look) => {}
                () = stopped(&mut closing) => break,
            }
        }
        // Each writes down how far it came.
        while tasks.join_next().await.is_some() {}
    }
}

async fn stopped(closing: &mut watch::Receiver<bool>) {
    // Nobody who could say otherwise is left when it fails.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Tells whether a subscription may be tried now by this process.
fn is_due(webhooks: &Webhooks, row: &WebhookRow, seen: &mut HashMap<WebhookId, Seen>, now: Timestamp) -> bool {
    let wait = row.retry_at.map_or(Duration::ZERO, |at| at.duration_since(now).try_into().unwrap_or_default());
    let fresh = Seen { beat: row.beat, at: Instant::now(), wait };
    let known = seen.entry(row.id).or_insert(fresh);
    if known.beat != row.beat {
        *known = fresh;
    }
    let held = row.holder.as_ref().is_some_and(|holder| *holder != webhooks.holder);
    if held && known.at.elapsed() < webhooks.pace.lease {
        return false;
    }
    wait.is_zero() || known.at.elapsed() >= known.wait
}

async fn attend(app: Arc<App>, row: WebhookRow) {
    let id = row.id;
    match deliver(&app, row).await {
        Ok(()) => {
            if app.webhooks.unable.is_over(id) {
                tracing::info!(webhook = %id, "app.webhooks.delivers_again");
            }
        }
        Err(error) => {
            if app.webhooks.unable.is_new(id, error.code) {
                tracing::warn!(webhook = %id, code = error.code, cause = ?error.cause, "app.webhooks.deliver");
            }
            // Whatever it is, it is not gone at once.
            sleep(app.webhooks.pace.look).await;
        }
    }
}

/// Delivers what a subscription has not heard of, as far as it goes.
async fn deliver(app: &App, mut row: WebhookRow) -> Result<(), AppError> {
    // Before it is taken: without the key it is nobody's, and no try is counted.
    let secrets = app.live_secrets(&row)?;
    let mut transaction = app.store.begin_write().await?;
    if !webhooks::take(&mut transaction, &row, &app.webhooks.holder).await? {
        return Ok(transaction.rollback().await?);
    }
    transaction.commit().await?;
    row.beat = row.beat.saturating_add(1);
    row.holder = Some(app.webhooks.holder.clone());
    let url = row.url.clone();
    let line = app.webhooks.caller.line(&url);
    let mut turn = Turn { app, line, row, secrets, run: None, tried: Vec::new(), kept: Instant::now() };
    // Before the first look, so that nothing written after it goes unheard.
    let mut bell = app.store.commits().bell(turn.row.market);
    let mut closing = app.rooms.closing();
    let mut sent = 0;
    while sent < TURN && !*closing.borrow() {
        let told = app.store.told(turn.row.market, turn.row.delivered_seq, PAGE).await?;
        let postings = told.map(|told| told.postings).unwrap_or_default();
        if postings.is_empty() {
            if lingers(&mut bell, turn.kept + turn.every(), &mut closing).await {
                continue;
            }
            break;
        }
        for (posting, stall) in &postings {
            let done = tokio::select! {
                done = turn.send(posting, stall.as_deref()) => done?,
                () = stopped(&mut closing) => Next::Stop,
            };
            match done {
                Next::Go => sent = sent.saturating_add(1),
                Next::Stop => return turn.keep(false).await.map(drop),
                // Somebody else goes on from here: a replay, or another process.
                Next::Lost => return Ok(()),
            }
        }
    }
    turn.keep(false).await.map(drop)
}

/// Waits a moment for more: a busy market's places are written down once a second, not once a commit.
async fn lingers(bell: &mut watch::Receiver<()>, until: Instant, closing: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = rung(bell) => true,
        () = sleep_until(until) => false,
        () = stopped(closing) => false,
    }
}

/// How a turn goes on.
enum Next {
    Go,
    Stop,
    Lost,
}

/// Deliveries in a row that were taken.
struct Run {
    first: i64,
    last: i64,
    at: Timestamp,
    began: Instant,
    status: u16,
}

/// One task's turn with a subscription.
struct Turn<'a> {
    app: &'a App,
    line: Line<'a>,
    row: WebhookRow,
    secrets: Secrets,
    run: Option<Run>,
    tried: Vec<Attempt>,
    kept: Instant,
}

impl Turn<'_> {
    /// How often its place is written down: often enough for others to see that it lives.
    fn every(&self) -> Duration {
        KEEP_EVERY.min(self.app.webhooks.pace.lease / 3)
    }

    async fn send(&mut self, posting: &Posting, stall: Option<&str>) -> Result<Next, AppError> {
        let seq = posting.seq.get();
        if seq != self.row.delivered_seq.saturating_add(1) {
            return Err(AppError::internal(format!("posting {seq} follows {} in the journal", self.row.delivered_seq)));
        }
        let (now, began) = (self.app.now(), Instant::now());
        let event = event(&self.row.code, posting, stall);
        let id = event.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
        let message = signed(&self.secrets, id, &event, now);
        let Some(answered) = self.answer(&message).await? else { return Ok(Next::Lost) };
        self.app.meters.delivered(answered.is_ok());
        match answered {
            Ok(status) => {
                self.row.delivered_seq = seq;
                self.row.delivered_at = Some(now);
                (self.row.failures, self.row.failing_since, self.row.retry_at) = (0, None, None);
                match &mut self.run {
                    Some(run) => (run.last, run.status) = (seq, status),
                    None => self.run = Some(Run { first: seq, last: seq, at: now, began, status }),
                }
                if self.kept.elapsed() < self.every() || self.keep(true).await? { Ok(Next::Go) } else { Ok(Next::Lost) }
            }
            Err(failure) => {
                self.note(seq, &failure, now, began);
                Ok(Next::Stop)
            }
        }
    }

    /// Sends, and shows other processes meanwhile that this one lives; `None` when another has taken over.
    async fn answer(&mut self, message: &Message) -> Result<Option<Result<u16, CallFailed>>, AppError> {
        let Self { app, line, row, .. } = self;
        let mut call = std::pin::pin!(line.send(message));
        loop {
            tokio::select! {
                answered = &mut call => return Ok(Some(answered)),
                () = sleep(app.webhooks.pace.lease / 3) => {}
            }
            let mut transaction = app.store.begin_write().await?;
            if !webhooks::keep(&mut transaction, row, &[]).await? {
                transaction.rollback().await?;
                return Ok(None);
            }
            transaction.commit().await?;
            row.beat = row.beat.saturating_add(1);
        }
    }

    /// Notes a failure: when it is tried again, or that nobody wants it any more.
    fn note(&mut self, seq: i64, failure: &CallFailed, now: Timestamp, began: Instant) {
        self.end_run();
        let row = &mut self.row;
        row.failures = row.failures.saturating_add(1);
        row.failing_since.get_or_insert(now);
        row.retry_at = now.checked_add(retry_after(row.failures, fastrand::u8(..))).ok();
        if failure.outcome == Tried::Gone {
            (row.disabled_at, row.disabled_why) = (Some(now), Some("gone".to_owned()));
        }
        let (outcome, failures) = (failure.outcome.as_str(), row.failures);
        tracing::warn!(webhook = %row.id, market = %row.code, seq, outcome, failures, "app.webhooks.not_delivered");
        let (status, detail) = (failure.status, failure.detail.as_str());
        self.push((seq, seq), (now, began), failure.outcome, status, detail);
    }

    fn push(
        &mut self,
        seqs: (i64, i64),
        time: (Timestamp, Instant),
        outcome: Tried,
        status: Option<u16>,
        detail: &str,
    ) {
        self.row.attempts = self.row.attempts.saturating_add(1);
        self.tried.push(Attempt {
            number: self.row.attempts,
            first_seq: seqs.0,
            last_seq: seqs.1,
            at: time.0,
            took_ms: i64::try_from(time.1.elapsed().as_millis()).unwrap_or(i64::MAX),
            outcome,
            status: status.map(i64::from),
            detail: detail.chars().take(DETAIL_MAX).collect(),
        });
    }

    fn end_run(&mut self) {
        if let Some(Run { first, last, at, began, status }) = self.run.take() {
            self.push((first, last), (at, began), Tried::Delivered, Some(status), &status.to_string());
        }
    }

    /// Writes down how far it came, and goes on holding the subscription or not; `false` when it is no
    /// longer this task's.
    async fn keep(&mut self, hold: bool) -> Result<bool, AppError> {
        self.end_run();
        self.row.holder = hold.then(|| self.app.webhooks.holder.clone());
        let mut transaction = self.app.store.begin_write().await?;
        if !webhooks::keep(&mut transaction, &self.row, &self.tried).await? {
            transaction.rollback().await?;
            return Ok(false);
        }
        transaction.commit().await?;
        self.row.beat = self.row.beat.saturating_add(1);
        self.tried.clear();
        self.kept = Instant::now();
        Ok(true)
    }
}

/// Characters of what was seen that are kept.
const DETAIL_MAX: usize = 200;
