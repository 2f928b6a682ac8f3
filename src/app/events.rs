//! What happened in a market's book, for other programs: each posting as one CloudEvent 1.0, in the
//! order of the journal. The list that is asked for and the webhooks that are sent speak from here.
//!
//! An event's `id` is the posting's name, the same for ever: whoever gets one twice knows it again.
//! `sequence` is the posting's number in its market, without a gap: whoever misses one knows that too.
//!
//! A close is no event of this list. It has no number in the journal, so that a place in the list could
//! not say whether it was read; it would need a second order beside the first. Closed days are a feed of
//! their own (`/v1/feeds/days`), keyed by market and date.
//!
//! Nothing here says who paid, to which account, or what a person wrote: amount, stall and dates alone.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until};

use super::App;
use super::access::{Actor, Place, Right};
use super::error::{AppError, Message};
use super::journal::list_limit;
use crate::domain::calendar::rfc3339;
use crate::domain::ids::{MarketCode, PostingName, Seq};
use crate::domain::posting::PostingKind;
use crate::ledger::batch::Posting;
use crate::store::commits::rung;

/// How often a waiting reader looks for what other processes wrote.
const LOOK: Duration = Duration::from_secs(1);
/// Longest that a reader may wait, in seconds: shorter than proxies' patience.
pub const WAIT_MAX_S: i64 = 30;
/// Readers of one process that wait at once; whoever comes then is answered without waiting.
const WAITING_MAX: usize = 1_000;
/// Digits of `sequence`, so that texts sort as their numbers do.
const SEQUENCE_DIGITS: usize = 19;

/// The places of readers who wait.
#[derive(Debug)]
pub(crate) struct Waiting(Semaphore);

impl Default for Waiting {
    fn default() -> Self {
        Self(Semaphore::new(WAITING_MAX))
    }
}

/// Which events are asked for.
#[derive(Debug, Clone, Default)]
pub struct EventsWanted {
    /// The market; the actor's own when none is said.
    pub market: Option<MarketCode>,
    /// Behind this posting: its name or number.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<i64>,
    /// Seconds to wait for the first one when there is none.
    pub wait_s: Option<i64>,
}

/// A page of events.
#[derive(Debug, Clone)]
pub struct Events {
    /// The events, in journal order.
    pub events: Vec<Value>,
    /// Whether there were more at that moment.
    pub has_more: bool,
    /// Behind which posting the next page begins: that of the last event, or where this one began.
    pub next: i64,
    /// The number of the market's last posting at that moment.
    pub last_seq: i64,
}

impl Events {
    /// Returns the page as the API shows it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"data": self.events, "has_more": self.has_more, "next": self.next.to_string(), "last_seq": self.last_seq})
    }
}

impl App {
    /// Returns events behind a place in a market's journal; waits for the first one when asked to.
    ///
    /// # Errors
    /// `forbidden`, `not_found` for the market, `missing`, `after_invalid`,
    /// `limit_out_of_range`, `wait_out_of_range`.
    pub async fn events(&self, actor: &Actor, wanted: EventsWanted) -> Result<Events, AppError> {
        let code = wanted.market.or_else(|| actor.market().cloned()).ok_or_else(|| {
            let message = Message::new("Thiếu market: mã chợ.", "market is missing: the market's code.");
            AppError::field("market", "missing", message)
        })?;
        Self::admit(actor, Right::ReadEvents, &Place::Market(code.clone()))?;
        let market = self.market(&code).await?;
        let after = behind(&code, wanted.after.as_deref())?;
        let (limit, wait) = (list_limit(wanted.limit)?, wait(wanted.wait_s)?);
        // Before the first look, so that nothing written after it goes unheard.
        let mut bell = self.store.commits().bell(market.id);
        let mut closing = self.rooms.closing();
        let place = self.waiting.0.try_acquire().ok();
        let until = Instant::now() + if place.is_some() { wait } else { Duration::ZERO };
        loop {
            let told = self.store.told(market.id, after, limit).await?;
            let told = told.ok_or_else(|| AppError::internal("a market without a head"))?;
            if !told.postings.is_empty() || Instant::now() >= until || *closing.borrow_and_update() {
                let next = told.postings.last().map_or(after, |(last, _)| last.seq.get());
                let events = told.postings.iter().map(|(one, stall)| event(&code, one, stall.as_deref())).collect();
                return Ok(Events { events, has_more: next < told.last_seq, next, last_seq: told.last_seq });
            }
            tokio::select! {
                () = rung(&mut bell) => {}
                () = sleep(LOOK) => {}
                () = sleep_until(until) => {}
                _ = closing.changed() => {}
            }
        }
    }
}

/// Reads behind which posting to begin: `123` or `TAN-123`; at the beginning when nothing is said.
pub(super) fn behind(market: &MarketCode, after: Option<&str>) -> Result<i64, AppError> {
    let Some(text) = after.filter(|text| !text.is_empty()) else { return Ok(0) };
    let named = text.parse::<PostingName>().ok().filter(|name| name.market == *market).map(|name| name.seq.get());
    named.or_else(|| text.parse().ok()).filter(|seq| *seq >= 0).ok_or_else(|| {
        let message = Message::new(
            format!("after là số thứ tự hoặc tên bút toán của chợ {market}, ví dụ 123 hoặc {market}-123."),
            format!("after is the number or name of a posting of market {market}, for example 123 or {market}-123."),
        );
        AppError::field("after", "after_invalid", message)
    })
}

fn wait(seconds: Option<i64>) -> Result<Duration, AppError> {
    let seconds = seconds.unwrap_or(0);
    let allowed = u64::try_from(seconds).ok().filter(|_| seconds <= WAIT_MAX_S);
    allowed.map(Duration::from_secs).ok_or_else(|| {
        let message = Message::new(
            format!("wait phải từ 0 đến {WAIT_MAX_S} giây."),
            format!("wait must be 0 to {WAIT_MAX_S} s."),
        );
        AppError::field("wait", "wait_out_of_range", message)
    })
}

/// Returns the type of the event that a kind of posting is.
#[must_use]
pub fn event_type(kind: PostingKind) -> &'static str {
    match kind {
        PostingKind::Settle => "vn.socho.posting.settled",
        PostingKind::Assign => "vn.socho.posting.assigned",
        PostingKind::Reversal => "vn.socho.posting.reversed",
        PostingKind::CashChange => "vn.socho.posting.cash_changed",
        PostingKind::Exclusion => "vn.socho.posting.excluded",
        PostingKind::Refund => "vn.socho.posting.refunded",
    }
}

/// Returns where a market's events come from: with `id` it names an event once in the world of one
/// installation, whatever address that is reached by.
pub(super) fn source_of(market: &MarketCode) -> String {
    format!("/v1/markets/{market}")
}

/// Writes a posting as a CloudEvent.
pub(super) fn event(market: &MarketCode, posting: &Posting, stall: Option<&str>) -> Value {
    let name = |seq: Seq| PostingName { market: market.clone(), seq }.to_string();
    let id = name(posting.seq);
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| drop(event.insert(name.to_owned(), value));
    put("specversion", json!("1.0"));
    put("id", json!(id));
    put("source", json!(source_of(market)));
    put("type", json!(event_type(posting.kind)));
    put("time", json!(rfc3339(posting.recorded_at)));
    // Money whose stall is not known has no subject.
    if let Some(stall) = stall {
        put("subject", json!(format!("stalls/{stall}")));
    }
    put("sequence", json!(format!("{:0SEQUENCE_DIGITS$}", posting.seq.get())));
    put("datacontenttype", json!("application/json"));
    put(
        "data",
        json!({
            "posting": id, "seq": posting.seq.get(), "market": market.as_str(), "stall": stall,
            "kind": posting.kind.as_str(), "amount": posting.transfer.amount.whole(),
            "effect": posting.effect().whole(), "currency": "VND",
            "business_date": posting.business_date.to_string(), "event_date": posting.event_date.to_string(),
            "event_at": posting.event_at.map(rfc3339), "recorded_at": rfc3339(posting.recorded_at),
            "late": posting.late, "concerns": posting.concerns.map(name),
        }),
    );
    Value::Object(event)
}
