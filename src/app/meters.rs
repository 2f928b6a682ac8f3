//! What the running program counts, in the text that Prometheus reads. Labels are bounded: routes and
//! outcomes are closed sets, sources and markets are configured ones up to a limit. No amount, no name
//! of a person and no account is a figure here.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::App;
use super::error::AppError;
use super::receive_settlement::{Reply, ReplyStatus};
use crate::domain::calendar::BusinessDate;
use crate::store::health::OpenDays;
use crate::store::meter::Meter;

/// Sources that have series of their own; the rest is counted together as `other`.
const SOURCES_MAX: usize = 1_000;
/// Markets that have series of their own, those open longest first.
const MARKETS_MAX: usize = 200;
/// What stands for a source that is not configured.
const UNKNOWN: &str = "-";
/// What became of an event that was sent to a subscriber.
const DELIVERED: &str = "delivered";
/// The same, when it has to be sent again.
const NOT_DELIVERED: &str = "failed";
/// Seconds of an answer: from a cached page to the time-outs of senders.
const SECONDS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySourceResult {
    source: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySourceOutcome {
    source: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySource {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByMarket {
    market: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    route: String,
    method: &'static str,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPart {
    part: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByDelivery {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
    engine: &'static str,
}

/// One answered request, as it is counted.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The route's pattern, never the path itself.
    pub route: &'a str,
    /// The method's name; what HTTP does not know is `other`.
    pub method: &'static str,
    /// The status.
    pub status: u16,
    /// `ingest`, `api` or `page`.
    pub part: &'static str,
    /// How long it took.
    pub took: Duration,
}

/// All figures of this process.
#[derive(Debug)]
pub(crate) struct Meters {
    registry: Registry,
    ingest: Family<BySourceResult, Counter>,
    items: Family<BySourceOutcome, Counter>,
    http: Family<ByRoute, Counter>,
    webhooks: Family<ByDelivery, Counter>,
    webhook_lag: Gauge,
    webhooks_failing: Gauge,
    http_seconds: Family<ByPart, Histogram>,
    build: Family<Build, Gauge>,
    queue: Gauge,
    last_seen: Family<BySource, Gauge>,
    clock_skew: Family<BySource, Gauge>,
    silent: Family<BySource, Gauge>,
    open_days: Family<ByMarket, Gauge>,
    open_days_longest: Gauge,
    soc: Family<ByResult, Gauge>,
    up: Gauge,
    memory: Gauge,
    files: Gauge,
    /// When each source was heard by this process, microseconds since 1970.
    heard: Mutex<HashMap<String, i64>>,
    /// One look at a time: figures that are read together are set together. Whether the book was asked
    /// who was heard before this process began.
    look: tokio::sync::Mutex<bool>,
}

impl Meters {
    /// Returns the figures of a program that just started.
    pub(crate) fn new(writer: &Meter) -> Self {
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        let mut meters = Self {
            registry: Registry::with_prefix("socho"),
            ingest: Family::default(),
            items: Family::default(),
            http: Family::default(),
            webhooks: Family::default(),
            webhook_lag: Gauge::default(),
            webhooks_failing: Gauge::default(),
            http_seconds: Family::new_with_constructor(seconds),
            build: Family::default(),
            queue: Gauge::default(),
            last_seen: Family::default(),
            clock_skew: Family::default(),
            silent: Family::default(),
            open_days: Family::default(),
            open_days_longest: Gauge::default(),
            soc: Family::default(),
            up: Gauge::default(),
            memory: Gauge::default(),
            files: Gauge::default(),
            heard: Mutex::default(),
            look: tokio::sync::Mutex::default(),
        };
        meters.register(writer);
        // From the start: an alarm compares them before the first event is sent.
        for result in [DELIVERED, NOT_DELIVERED] {
            meters.webhooks.get_or_create(&ByDelivery { result }).inc_by(0);
        }
        meters
    }

    fn register(&mut self, writer: &Meter) {
        let registry = &mut self.registry;
        registry.register("ingest_requests", "Webhook requests by source and result", self.ingest.clone());
        registry.register("ingest_items", "Settlements judged by source and outcome", self.items.clone());
        registry.register("http_requests", "Answers by route, method and status", self.http.clone());
        registry.register("http_request_seconds", "Seconds until an answer began", self.http_seconds.clone());
        registry.register("writer_queue_jobs", "Jobs that wait for the writer", self.queue.clone());
        registry.register("writer_batch_works", "Pieces of work in a batch", writer.batch_works.clone());
        registry.register("writer_commit_seconds", "Seconds of a batch's commit", writer.commit_seconds.clone());
        registry.register("writer_commit_failures", "Batches not committed", writer.commit_failures.clone());
        let seen = "When a source was last heard, seconds since 1970; 0 when never";
        registry.register("source_last_seen_timestamp_seconds", seen, self.last_seen.clone());
        let skew = "Seconds a source's clock is off once three deliveries in a row were";
        registry.register("source_clock_skew_seconds", skew, self.clock_skew.clone());
        let silent = "Seconds of a source's silence, once it is longer than usual for the hour; else 0";
        registry.register("source_silent_seconds", silent, self.silent.clone());
        registry.register("market_open_days", "Days with money that are not closed", self.open_days.clone());
        let longest = "The same of the market open longest";
        registry.register("market_open_days_longest", longest, self.open_days_longest.clone());
        registry.register("soc_events", "Security events sent to the collector and dropped", self.soc.clone());
        registry.register("webhook_deliveries", "Events sent to subscribers by result", self.webhooks.clone());
        let lag = "Postings that a subscriber has still to hear of, the most of any";
        registry.register("webhook_lag_postings", lag, self.webhook_lag.clone());
        let failing = "Subscriptions whose last try failed";
        registry.register("webhook_subscriptions_failing", failing, self.webhooks_failing.clone());
        registry.register("database_up", "1 when the book could be read for this answer", self.up.clone());
        registry.register("process_resident_memory_bytes", "Memory of this process", self.memory.clone());
        registry.register("process_open_files", "File handles of this process", self.files.clone());
        registry.register("build_info", "Version and engine", self.build.clone());
    }

    /// Counts a webhook request and what became of its items.
    pub(crate) fn received(&self, source: &str, at: Timestamp, reply: &Result<Reply, AppError>) {
        let (source, result) = match reply {
            Err(_) => (source, "unavailable"),
            Ok(reply) => match reply.status {
                ReplyStatus::Accepted => (source, "accepted"),
                ReplyStatus::Unauthenticated => (source, "signature_refused"),
                ReplyStatus::Elsewhere => (source, "address_refused"),
                ReplyStatus::Stale => (source, "stale"),
                ReplyStatus::Unreadable => (source, "unreadable"),
                ReplyStatus::NoSuchSource => (UNKNOWN, "no_such_source"),
            },
        };
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let known = heard.len() < SOURCES_MAX || heard.contains_key(source) || source == UNKNOWN;
        let source = if known { source } else { "other" };
        if result == "accepted" {
            heard.insert(source.to_owned(), at.as_microsecond());
        }
        drop(heard);
        self.ingest.get_or_create(&BySourceResult { source: source.to_owned(), result }).inc();
        for item in reply.iter().flat_map(|reply| &reply.items) {
            let labels = BySourceOutcome { source: source.to_owned(), outcome: item.outcome.as_str() };
            self.items.get_or_create(&labels).inc();
        }
    }

    /// Counts one event that was sent to a subscriber.
    pub(crate) fn delivered(&self, taken: bool) {
        let result = if taken { DELIVERED } else { NOT_DELIVERED };
        self.webhooks.get_or_create(&ByDelivery { result }).inc();
    }

    fn answered(&self, answered: &Answered<'_>) {
        let Answered { route, method, status, part, took } = *answered;
        self.http.get_or_create(&ByRoute { route: route.to_owned(), method, status: u32::from(status) }).inc();
        self.http_seconds.get_or_create(&ByPart { part }).observe(took.as_secs_f64());
    }

    fn show_open_days(&self, mut markets: Vec<OpenDays>, today: BusinessDate) {
        markets.sort_by(|one, other| (one.since, &one.market).cmp(&(other.since, &other.market)));
        self.open_days.clear();
        self.open_days_longest.set(markets.first().map_or(0, |market| days_open(market.since, today)));
        for market in markets.iter().take(MARKETS_MAX) {
            let labels = ByMarket { market: market.market.to_string() };
            self.open_days.get_or_create(&labels).set(days_open(market.since, today));
        }
    }
}

/// Returns how many book days lie from `since` to `today`, both counted.
pub(crate) fn days_open(since: BusinessDate, today: BusinessDate) -> i64 {
    let days = since.date().until(today.date()).map_or(0, |span| i64::from(span.get_days()));
    days.saturating_add(1).max(0)
}

impl App {
    /// Counts one answered request.
    pub fn answered(&self, answered: &Answered<'_>) {
        self.meters.answered(answered);
    }

    /// Returns all figures as `OpenMetrics` text. A book that cannot be read now is itself a figure
    /// (`socho_database_up 0`), never an error: an alarm must not be silent when it is needed.
    ///
    /// # Errors
    /// When the text cannot be written: a fault of the program.
    pub async fn metrics(&self) -> Result<String, AppError> {
        let meters = &self.meters;
        let mut asked = meters.look.lock().await;
        meters.queue.set(i64::try_from(self.writer.waiting()).unwrap_or(i64::MAX));
        let build = Build { version: env!("CARGO_PKG_VERSION"), engine: self.engine() };
        meters.build.get_or_create(&build).set(1);
        meters.memory.set(status_kib("VmRSS:").saturating_mul(1_024));
        meters
            .files
            .set(std::fs::read_dir("/proc/self/fd").map_or(0, |files| i64::try_from(files.count()).unwrap_or(0)));
        let (sent, dropped) = self.soc.counts().now();
        for (result, count) in [("sent", sent), ("dropped", dropped)] {
            meters.soc.get_or_create(&ByResult { result }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let readable = self.look_at_book(&mut asked).await;
        meters.up.set(i64::from(readable.is_ok()));
        let mut text = String::new();
        encode(&mut text, &meters.registry).map_err(AppError::internal)?;
        Ok(text)
    }

    async fn look_at_book(&self, asked: &mut bool) -> Result<(), AppError> {
        let meters = &self.meters;
        meters.show_open_days(self.store.open_days().await?, self.today());
        if !*asked {
            for seen in self.store.last_seen().await?.into_iter().take(SOURCES_MAX) {
                let at = seen.at.map_or(0, Timestamp::as_microsecond);
                let mut heard = meters.heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.entry(seen.source.to_string()).or_insert(at);
            }
            *asked = true;
        }
        let standing = self.store.webhooks_standing().await?;
        meters.webhook_lag.set(standing.lag);
        meters.webhooks_failing.set(standing.failing);
        for (source, at) in meters.heard.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let labels = BySource { source: source.clone() };
            meters.last_seen.get_or_create(&labels).set(at.div_euclid(1_000_000));
        }
        let (silent, now) = (self.silent_lately().await?, self.now());
        for sender in self.directory.get().senders.values().take(SOURCES_MAX) {
            let labels = BySource { source: sender.name.to_string() };
            let skew = self.clock_alarms.raised(sender.allowance.source).unwrap_or(0);
            meters.clock_skew.get_or_create(&labels).set(skew);
            let since = silent.iter().find(|one| one.source == sender.name).map(|one| one.since);
            meters.silent.get_or_create(&labels).set(since.map_or(0, |since| now.duration_since(since).as_secs()));
        }
        Ok(())
    }
}

/// Reads one field of what Linux says about this process, in KiB; 0 where it says nothing.
fn status_kib(field: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
