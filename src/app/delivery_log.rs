//! What each source sent lately and what became of it: the webhook clinic's memory.
//!
//! It is apart from the book. What was taken is in the journal and the inbox, and is not kept twice: the
//! log names its items. What was refused is kept here alone, within limits that a stranger cannot stretch.
//! This file holds what this process heard, in memory; `heard_requests.rs` writes it down after the answer
//! for the other processes on the same book, so that a refused request waits for nothing of it.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::error::AppError;
use super::explain_source::Explained;
use super::receive_settlement::{ItemAnswer, Reply, ReplyStatus};
use crate::bank::Request;
use crate::domain::identity::HeardId;
use crate::domain::ids::{MarketId, SourceId};
use crate::store::heard_requests::Sent;

/// Requests of one source that are kept, of those taken and of those refused each: a flood of refused
/// ones never pushes out what was taken.
pub const KEPT_PER_SOURCE: usize = 200;
/// Sources whose requests are kept; of any more nothing is.
pub const SOURCES_KEPT: usize = 256;
/// Bytes kept of a refused body: what a person looks at, and what a copied command can carry.
pub const BODY_KEPT_MAX: usize = 16 << 10;
/// Bytes of refused bodies kept of one source together.
pub const BODIES_PER_SOURCE_MAX: usize = 512 << 10;
/// Bytes of refused bodies kept of all sources together.
pub const BODIES_MAX: usize = 8 << 20;
/// Headers kept of a refused request, and characters of each value.
pub const HEADERS_KEPT: usize = 40;
/// Longest header value and path that is kept, in characters.
pub const TEXT_KEPT_MAX: usize = 200;
/// Items that are named of one taken request; the book has them all.
pub const ITEMS_NAMED: usize = 10;
/// Refused requests that are looked into within a second. Each costs some twenty signatures, which
/// nobody who is not known may have us compute at will.
pub const EXAMINED_PER_SECOND: u32 = 5;
/// Largest refused body that is looked into, in bytes.
pub const EXAMINED_MAX: usize = 64 << 10;

/// Headers whose values are kept: none of them opens anything. Of all others the name alone is.
const SHOWN_HEADERS: [&str; 12] = [
    "accept",
    "content-length",
    "content-type",
    "date",
    "user-agent",
    "webhook-id",
    "webhook-timestamp",
    "x-event-id",
    "x-request-id",
    "x-sepay-timestamp",
    "traceparent",
    "transfer-encoding",
];
/// What stands for a value that is not kept.
pub const HIDDEN: &str = "…";

/// A request that was heard.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Its name.
    pub id: HeardId,
    /// When.
    pub at: Timestamp,
    /// From where; none for a body that was handed in on the book's machine.
    pub address: Option<IpAddr>,
    /// What followed the source's own path.
    pub sub_path: String,
    /// The body's size.
    pub bytes: usize,
    /// Until it was answered.
    pub took: Duration,
    /// How it was answered; none when the book could not be written.
    pub status: Option<ReplyStatus>,
    /// What became of its items, the first few; the others are counted.
    pub items: Vec<ItemAnswer>,
    /// How many items it had.
    pub item_count: usize,
    /// What was kept of it because it was refused.
    pub evidence: Option<Evidence>,
    /// The request that it repeats, and who had it judged again.
    pub replays: Option<(HeardId, String)>,
}

/// What is kept of a refused request.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Names and values of its headers; a value that could open something is hidden.
    pub headers: Vec<(String, String)>,
    /// Its body, or the beginning of it.
    pub body: Vec<u8>,
    /// What went wrong; none when nobody looked into it.
    pub cause: Option<Explained>,
}

/// What is known of a request before it is answered.
#[derive(Debug)]
pub(crate) struct Arriving {
    pub(crate) began: Instant,
    pub(crate) at: Timestamp,
    pub(crate) address: Option<IpAddr>,
    pub(crate) sub_path: String,
    pub(crate) bytes: usize,
}

impl Heard {
    /// Returns what became of it, in one word: the outcome of its first item, or why it was refused.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self.status {
            None => "unavailable",
            Some(ReplyStatus::Accepted) => self.items.first().map_or("answered", |item| item.outcome.as_str()),
            Some(ReplyStatus::Unauthenticated) => "unauthenticated",
            Some(ReplyStatus::Elsewhere) => "elsewhere",
            Some(ReplyStatus::Stale) => "stale",
            Some(ReplyStatus::Unreadable) => "rejected",
            Some(ReplyStatus::NoSuchSource) => "no_such_path",
        }
    }

    /// Tells whether it was taken.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.status == Some(ReplyStatus::Accepted)
    }
}

impl Evidence {
    /// Keeps what may be kept of a refused request.
    pub(crate) fn of(request: &Request<'_>, cause: Option<Explained>) -> Self {
        let header = |(name, value): &(String, Vec<u8>)| {
            let name = name.to_ascii_lowercase();
            let shown = SHOWN_HEADERS.contains(&name.as_str());
            let value = if shown { short(&String::from_utf8_lossy(value)) } else { HIDDEN.to_owned() };
            (short(&name), value)
        };
        Self {
            headers: request.headers.iter().take(HEADERS_KEPT).map(header).collect(),
            body: request.body.get(..BODY_KEPT_MAX).unwrap_or(request.body).to_vec(),
            cause,
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_KEPT_MAX).collect()
}

/// All requests that are kept.
#[derive(Debug)]
pub(crate) struct DeliveryLog {
    pub(super) kept: Mutex<Kept>,
    /// The second in which refused requests were looked into last, and how many were.
    examined: Mutex<(Instant, u32)>,
    /// Held by whoever writes down what is kept.
    pub(super) writing: tokio::sync::Mutex<()>,
    /// Whether a task that writes is under way, or rests.
    begun: AtomicBool,
    /// Whether the last try to write failed: the log is told once.
    failed: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) rings: HashMap<SourceId, Ring>,
    bytes: usize,
    /// Requests kept so far: their order, where a clock stands still or is set.
    pub(super) count: i64,
    /// Up to which of them they are written down.
    pub(super) written: i64,
}

#[derive(Debug)]
pub(super) struct Ring {
    pub(super) market: MarketId,
    pub(super) taken: VecDeque<(i64, Arc<Heard>)>,
    pub(super) refused: VecDeque<(i64, Arc<Heard>)>,
    bytes: usize,
}

impl Default for DeliveryLog {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            examined: Mutex::new((Instant::now(), 0)),
            writing: tokio::sync::Mutex::default(),
            begun: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        }
    }
}

impl DeliveryLog {
    /// Tells whether another refused request may be looked into now.
    pub(crate) fn may_examine(&self, body: &[u8]) -> bool {
        if body.len() > EXAMINED_MAX {
            return false;
        }
        let mut examined = self.examined.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = &mut *examined;
        if since.elapsed() >= Duration::from_secs(1) {
            (*since, *count) = (Instant::now(), 0);
        }
        *count = count.saturating_add(1);
        *count <= EXAMINED_PER_SECOND
    }

    /// Tells whether a task that writes has to be begun: none is under way.
    pub(super) fn begins_writing(&self) -> bool {
        !self.begun.swap(true, Ordering::AcqRel)
    }

    pub(super) fn ends_writing(&self) {
        self.begun.store(false, Ordering::Release);
    }

    /// Notes that what is kept could not be written; tells whether that is news.
    pub(super) fn cannot_write(&self) -> bool {
        !self.failed.swap(true, Ordering::AcqRel)
    }

    /// Notes that it could; tells whether that is news.
    pub(super) fn writes_again(&self) -> bool {
        self.failed.swap(false, Ordering::AcqRel)
    }

    /// Keeps a request that was answered.
    pub(crate) fn keep(
        &self,
        of: Sent,
        id: HeardId,
        arriving: &Arriving,
        reply: &Result<Reply, AppError>,
        evidence: Option<Evidence>,
    ) {
        let items = reply.as_ref().map_or(&[][..], |reply| reply.items.as_slice());
        self.push(
            of,
            Heard {
                id,
                at: arriving.at,
                address: arriving.address,
                sub_path: short(&arriving.sub_path),
                bytes: arriving.bytes,
                took: arriving.began.elapsed(),
                status: reply.as_ref().ok().map(|reply| reply.status),
                items: items.iter().take(ITEMS_NAMED).cloned().collect(),
                item_count: items.len(),
                evidence,
                replays: None,
            },
        );
    }

    /// Puts a request at the end of its source's ring; what was there longest goes.
    pub(crate) fn push(&self, of: Sent, heard: Heard) {
        let heard = Arc::new(heard);
        let size = heard.evidence.as_ref().map_or(0, |evidence| evidence.body.len());
        let mut gone = Vec::new();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { rings, bytes, count, .. } = &mut *kept;
        if rings.len() >= SOURCES_KEPT && !rings.contains_key(&of.source) {
            return;
        }
        let ring = rings.entry(of.source).or_insert_with(|| Ring {
            market: of.market,
            taken: VecDeque::new(),
            refused: VecDeque::new(),
            bytes: 0,
        });
        let line = if heard.is_taken() { &mut ring.taken } else { &mut ring.refused };
        *count = count.saturating_add(1);
        line.push_back((*count, heard));
        if line.len() > KEPT_PER_SOURCE {
            gone.extend(line.pop_front().map(|(_, oldest)| oldest));
        }
        ring.bytes = ring.bytes.saturating_add(size);
        *bytes = bytes.saturating_add(size);
        let freed = |gone: &[Arc<Heard>]| -> usize {
            gone.iter().filter_map(|one| one.evidence.as_ref()).map(|evidence| evidence.body.len()).sum()
        };
        while ring.bytes.saturating_sub(freed(&gone)) > BODIES_PER_SOURCE_MAX
            || bytes.saturating_sub(freed(&gone)) > BODIES_MAX
        {
            // Its own source gives way: a flood at one address costs the others nothing.
            let Some((_, oldest)) = ring.refused.pop_front() else { break };
            gone.push(oldest);
        }
        let freed = freed(&gone);
        ring.bytes = ring.bytes.saturating_sub(freed);
        *bytes = bytes.saturating_sub(freed);
        drop(kept);
        // Memory is given back outside the lock.
        drop(gone);
    }

    /// Returns what is kept of a source, with the order in which it was.
    pub(super) fn of(&self, source: SourceId) -> Vec<(i64, Arc<Heard>)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let ring = kept.rings.get(&source);
        ring.iter().flat_map(|ring| ring.taken.iter().chain(&ring.refused)).cloned().collect()
    }

    /// Returns how many bytes of bodies are kept.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(source: SourceId) -> Sent {
        Sent { market: MarketId::INSTALLATION, source }
    }

    fn heard(number: u128, status: ReplyStatus, body: usize) -> Heard {
        let evidence = Evidence { headers: Vec::new(), body: vec![0; body], cause: None };
        Heard {
            id: HeardId(uuid::Uuid::from_u128(number)),
            at: Timestamp::UNIX_EPOCH,
            address: None,
            sub_path: String::new(),
            bytes: body,
            took: Duration::ZERO,
            status: Some(status),
            items: Vec::new(),
            item_count: 0,
            evidence: (status != ReplyStatus::Accepted).then_some(evidence),
            replays: None,
        }
    }

    #[test]
    fn a_flood_of_refused_requests_stays_within_its_limits_and_hides_nothing_that_was_taken() {
        let (log, quiet) = (DeliveryLog::default(), SourceId::new(7));
        log.push(sent(quiet), heard(1, ReplyStatus::Unauthenticated, BODY_KEPT_MAX));
        for number in 0..20_000 {
            let source = SourceId::new(10 + i64::try_from(number % 40).unwrap_or(0));
            if number < 40 {
                log.push(sent(source), heard(2, ReplyStatus::Accepted, 0));
            }
            log.push(sent(source), heard(number, ReplyStatus::Unauthenticated, BODY_KEPT_MAX));
        }
        assert!(log.bytes() <= BODIES_MAX);
        assert_eq!(log.of(quiet).len(), 1);
        for source in 10..50 {
            let kept = log.of(SourceId::new(source));
            assert!(kept.len() <= KEPT_PER_SOURCE * 2);
            assert!(kept.iter().any(|(_, one)| one.is_taken()));
        }
        for source in 1_000..2_000 {
            log.push(sent(SourceId::new(source)), heard(3, ReplyStatus::Accepted, 0));
        }
        assert!(log.of(SourceId::new(1_999)).is_empty());
    }

    #[test]
    fn what_could_open_something_is_never_kept() {
        let headers = [
            ("Authorization", "Apikey secret"),
            ("X-Signature", "secret"),
            ("Cookie", "secret"),
            ("Secure-Token", "secret"),
            ("X-New-Fangled", "secret"),
            ("Content-Type", "application/json"),
        ];
        let headers: Vec<(String, Vec<u8>)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        let body = vec![b'x'; BODY_KEPT_MAX * 2];
        let evidence = Evidence::of(&Request { sub_path: "", headers: &headers, body: &body }, None);
        assert_eq!(evidence.body.len(), BODY_KEPT_MAX);
        assert_eq!(evidence.headers.len(), 6);
        assert!(evidence.headers.iter().all(|(_, value)| !value.contains("secret")));
        assert_eq!(evidence.headers[5].1, "application/json");
    }

    #[test]
    fn no_more_than_a_few_refused_requests_a_second_are_looked_into() {
        let log = DeliveryLog::default();
        let examined = (0..1_000).filter(|_| log.may_examine(b"{}")).count();
        // The second may turn while the loop runs.
        assert!(examined <= 2 * usize::try_from(EXAMINED_PER_SECOND).unwrap_or(0));
        assert!(!log.may_examine(&vec![0; EXAMINED_MAX + 1]));
    }
}
