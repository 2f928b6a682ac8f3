//! The delivery log beyond this process: what was heard is written down after its answer, so that another
//! process on the same book, or this one after a restart, tells the same.
//!
//! Nobody waits for it, and nothing of the book rests on it. A task writes what a source's ring holds that
//! is not written yet, and rests the longer the more there was: under a rush a few hundred rows a second.
//! What cannot be written now is written with what comes next.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::App;
use super::delivery_log::{BODIES_PER_SOURCE_MAX, DeliveryLog, Evidence, Heard, KEPT_PER_SOURCE};
use super::error::{AppError, Message};
use super::explain_source::Explained;
use super::receive_settlement::{ItemAnswer, ReplyStatus};
use crate::domain::identity::HeardId;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::heard_requests::{self, HeardRow, Room, Sent};

/// For how long a request stays in the log: long enough for both sides to look into a bad week.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Refused requests of a source that are written down at once, the newest: a stranger's flood is not to
/// fill the disk's queue too.
const REFUSED_AT_ONCE: usize = 10;
/// How long requests are gathered before they are written down.
const GATHERED: Duration = Duration::from_millis(200);
/// How long the writer rests after each request it wrote.
const REST_EACH: Duration = Duration::from_millis(4);
/// How long it rests at least.
const REST_MIN: Duration = Duration::from_secs(1);

impl App {
    /// Has what was heard written down soon, by a task of its own.
    pub(crate) fn write_heard_soon(&self) {
        if !self.delivery_log.begins_writing() {
            return;
        }
        let (store, log, clock) = (Arc::clone(&self.store), Arc::clone(&self.delivery_log), Arc::clone(&self.clock));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(GATHERED).await;
                let written = write(&store, &log, clock.now()).await;
                match &written {
                    Ok(_) if log.writes_again() => {
                        tracing::info!("app.heard_requests.written_again");
                    }
                    Err(error) if log.cannot_write() => {
                        tracing::warn!(cause = %error, "app.heard_requests.not_written");
                    }
                    Ok(_) | Err(_) => {}
                }
                let count = u32::try_from(*written.as_ref().unwrap_or(&0)).unwrap_or(u32::MAX);
                tokio::time::sleep(REST_EACH.saturating_mul(count).max(REST_MIN)).await;
                log.ends_writing();
                // What came meanwhile; after a failure the next request begins it again.
                if written.is_err() || !log.is_behind() || !log.begins_writing() {
                    return;
                }
            }
        });
    }

    /// Writes down what was heard and is not written yet: before somebody reads it elsewhere, and at the end.
    ///
    /// # Errors
    /// Whatever the store meets.
    pub async fn write_heard(&self) -> Result<(), AppError> {
        write(&self.store, &self.delivery_log, self.clock.now()).await?;
        Ok(())
    }

    /// Returns what was heard of a source lately by every process on this book, the newest first.
    pub(crate) async fn heard_of(&self, of: Sent) -> Result<Vec<Arc<Heard>>, AppError> {
        let limit = i64::try_from(KEPT_PER_SOURCE).unwrap_or(i64::MAX);
        let mut transaction = self.store.begin_read().await?;
        let mut rows = Vec::new();
        for taken in [true, false] {
            rows.extend(heard_requests::list(&mut transaction, of, taken, limit).await?);
        }
        transaction.rollback().await?;
        // What this process heard itself it knows best.
        let mut all = self.delivery_log.of(of.source);
        let own: HashSet<HeardId> = all.iter().map(|(_, heard)| heard.id).collect();
        let since = self.clock.now().checked_sub(KEPT_FOR).unwrap_or(Timestamp::MIN);
        let others = rows.into_iter().filter(|row| !own.contains(&row.id) && row.at >= since);
        all.extend(others.filter_map(|row| Some((row.place, Arc::new(read(row)?)))));
        all.sort_by_key(|(place, heard)| std::cmp::Reverse((heard.at, *place)));
        let (mut taken, mut refused) = (0_usize, 0_usize);
        all.retain(|(_, heard)| {
            let count = if heard.is_taken() { &mut taken } else { &mut refused };
            *count = count.saturating_add(1);
            *count <= KEPT_PER_SOURCE
        });
        Ok(all.into_iter().map(|(_, heard)| heard).collect())
    }
}

/// Writes what is not written yet; returns how many requests that were.
async fn write(store: &Store, log: &DeliveryLog, now: Timestamp) -> Result<usize, StoreError> {
    let _one_at_a_time = log.writing.lock().await;
    let (fresh, up_to) = log.unwritten();
    if fresh.is_empty() {
        log.written(up_to);
        return Ok(0);
    }
    let room = Room {
        requests: i64::try_from(KEPT_PER_SOURCE).unwrap_or(i64::MAX),
        bytes: i64::try_from(BODIES_PER_SOURCE_MAX).unwrap_or(i64::MAX),
        since: now.checked_sub(KEPT_FOR).unwrap_or(Timestamp::MIN),
    };
    let mut transaction = store.begin_write().await?;
    let mut count = 0_usize;
    for (of, taken, requests) in fresh {
        let rows: Vec<HeardRow> = requests.iter().map(|(place, heard)| row(*place, heard)).collect();
        heard_requests::add(&mut transaction, of, taken, &rows).await?;
        heard_requests::make_room(&mut transaction, of, taken, room).await?;
        count = count.saturating_add(rows.len());
    }
    transaction.commit().await?;
    log.written(up_to);
    Ok(count)
}

fn row(place: i64, heard: &Heard) -> HeardRow {
    let evidence = heard.evidence.as_ref();
    let cause = evidence.and_then(|evidence| evidence.cause.as_ref());
    let item = |item: &ItemAnswer| {
        json!({
            "item": item.item, "outcome": item.outcome.as_str(), "reason": item.reason, "posting": item.posting,
            "body_in": item.body_in,
        })
    };
    let request = json!({
        "address": heard.address.map(|address| address.to_string()), "path": heard.sub_path, "bytes": heard.bytes,
        "took_us": u64::try_from(heard.took.as_micros()).unwrap_or(u64::MAX),
        "status": heard.status.map(ReplyStatus::as_str), "items": heard.items.iter().map(item).collect::<Vec<_>>(),
        "item_count": heard.item_count, "headers": evidence.map(|evidence| &evidence.headers),
        "cause": cause.map(|cause| json!([cause.cause, cause.message.vi, cause.message.en])),
        "replays": heard.replays.as_ref().map(|(id, by)| json!([id.to_string(), by])),
    });
    let body = evidence.map(|evidence| evidence.body.clone());
    HeardRow { id: heard.id, at: heard.at, place, request: request.to_string(), body }
}

/// Reads a request that was written down, by this program or one of another version; `None` for what
/// cannot be read.
fn read(row: HeardRow) -> Option<Heard> {
    let said: Value = serde_json::from_str(&row.request).ok()?;
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let size = |value: &Value| value.as_u64().and_then(|value| usize::try_from(value).ok());
    let item = |value: &Value| {
        Some(ItemAnswer {
            item: text(value.get("item")?)?,
            outcome: value.get("outcome")?.as_str()?.parse().ok()?,
            reason: value.get("reason").and_then(text),
            posting: value.get("posting").and_then(text),
            body_in: value.get("body_in").and_then(text),
        })
    };
    let pair = |value: &Value| Some((text(value.get(0)?)?, text(value.get(1)?)?));
    let cause = said.get("cause").and_then(|cause| {
        let message = Message::new(text(cause.get(1)?)?, text(cause.get(2)?)?);
        Some(Explained { cause: text(cause.get(0)?)?.into(), message })
    });
    let headers = said.get("headers").and_then(Value::as_array);
    let evidence = headers.map(|headers| Evidence {
        headers: headers.iter().filter_map(pair).collect(),
        body: row.body.unwrap_or_default(),
        cause,
    });
    let replays = said.get("replays").and_then(pair);
    Some(Heard {
        id: row.id,
        at: row.at,
        address: said.get("address").and_then(Value::as_str).and_then(|text| text.parse::<IpAddr>().ok()),
        sub_path: said.get("path").and_then(text)?,
        bytes: said.get("bytes").and_then(size)?,
        took: Duration::from_micros(said.get("took_us").and_then(Value::as_u64)?),
        status: said.get("status").and_then(Value::as_str).and_then(ReplyStatus::read),
        items: said.get("items").and_then(Value::as_array)?.iter().filter_map(item).collect(),
        item_count: said.get("item_count").and_then(size)?,
        evidence,
        replays: replays.and_then(|(id, by)| Some((id.parse().ok()?, by))),
    })
}

impl DeliveryLog {
    /// Returns what is not written down yet, source by source, and the number of the last of it.
    fn unwritten(&self) -> (Vec<Unwritten>, i64) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = Vec::new();
        for (source, ring) in &kept.rings {
            let of = Sent { market: ring.market, source: *source };
            for (taken, line, most) in [(true, &ring.taken, KEPT_PER_SOURCE), (false, &ring.refused, REFUSED_AT_ONCE)] {
                let new = line.iter().rev().take_while(|(place, _)| *place > kept.written).take(most).cloned();
                let new: Vec<(i64, Arc<Heard>)> = new.collect();
                if !new.is_empty() {
                    fresh.push((of, taken, new));
                }
            }
        }
        (fresh, kept.count)
    }

    /// Tells whether something was heard that is not written down.
    fn is_behind(&self) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.count > kept.written
    }

    fn written(&self, up_to: i64) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).written = up_to;
    }
}

/// A source's requests that were taken, or refused, with their numbers.
type Unwritten = (Sent, bool, Vec<(i64, Arc<Heard>)>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::inbox::Outcome;

    #[test]
    fn what_is_written_down_is_read_back_as_it_was() {
        let item = ItemAnswer {
            item: "evt_1".to_owned(),
            outcome: Outcome::Quarantined,
            reason: Some("unlisted_account".to_owned()),
            posting: None,
            body_in: Some("evt_0".to_owned()),
        };
        let cause = Explained { cause: "header".into(), message: Message::new("thiếu", "missing") };
        let evidence = Evidence {
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            body: vec![0, 255, 10],
            cause: Some(cause),
        };
        let heard = Heard {
            id: HeardId(uuid::Uuid::from_u128(7)),
            at: Timestamp::UNIX_EPOCH,
            address: "2001:db8::7".parse().ok(),
            sub_path: "/bank".to_owned(),
            bytes: 3,
            took: Duration::from_micros(1_234),
            status: Some(ReplyStatus::Unauthenticated),
            items: vec![item],
            item_count: 12,
            evidence: Some(evidence),
            replays: Some((HeardId(uuid::Uuid::nil()), "sang".to_owned())),
        };
        let again = read(row(5, &heard)).unwrap();
        assert_eq!(format!("{heard:?}"), format!("{again:?}"));
        let away = Heard { status: None, evidence: None, replays: None, address: None, items: Vec::new(), ..heard };
        assert_eq!(format!("{:?}", read(row(6, &away)).unwrap()), format!("{away:?}"));
        let other = HeardRow { request: "[]".to_owned(), ..row(5, &away) };
        assert!(read(other).is_none());
    }
}
