//! Receiving what a bank's sender reports: authenticate, read, route, have the market's writer
//! judge and book, and answer only after COMMIT.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tracing::Instrument as _;

use super::delivery_log::{Arriving, Evidence};
use super::error::{AppError, Message};
use super::explain_source::explained;
use super::manage_sources::{credentials, no_source, refusal_text};
use super::source_addresses::may_come_from;
use super::{App, TRACES};
use crate::bank::{self, Delivery, Refusal, Request, answer};
use crate::domain::identity::HeardId;
use crate::domain::ids::{DeliveryId, ItemName, MarketId, PostingName, Seq, SourceId, SourceName};
use crate::domain::inbox::Outcome;
use crate::domain::settlement::Item;
use crate::ledger::routing;
use crate::ledger::work::{Content, Done, Incoming, IncomingItem, JudgedItem, Work};
use crate::store::deliveries;
use crate::store::error::StoreError;
use crate::store::heard_requests::Sent;
use crate::store::routing::{Directory, Sender};

pub use super::reply::{ItemAnswer, Reply, ReplyStatus};

/// How often a delivery is routed again because the reference tables moved meanwhile.
const ROUTE_ATTEMPTS: u32 = 5;

/// One inbound request.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// The source's name, from the address.
    pub source: String,
    /// What follows it in the address, `""` or for example `/api/token_generate`.
    pub sub_path: String,
    /// The client's address; none for what was made on this machine.
    pub address: Option<IpAddr>,
    /// Header names and raw values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body's bytes, exactly as received.
    pub body: Vec<u8>,
}

impl App {
    /// Receives one request of a source.
    ///
    /// # Errors
    /// When the book cannot be written now: nothing was acknowledged, the sender tries again.
    pub async fn receive_settlement(&self, inbound: Inbound) -> Result<Reply, AppError> {
        let (source, arriving) = (inbound.source.clone(), self.arriving(&inbound));
        let traced = tracing::debug_span!(
            target: TRACES,
            "settlement.receive",
            source = tracing::field::Empty,
            bytes = arriving.bytes,
            answer = tracing::field::Empty,
            items = tracing::field::Empty,
        );
        let mut evidence = None;
        let reply = self.receive(inbound, &mut evidence).instrument(traced.clone()).await;
        if let Ok(reply) = &reply {
            traced.record("answer", reply.status.as_str());
            traced.record("items", reply.items.len());
        }
        self.meters.received(&source, self.clock.now(), &reply);
        // A source that is not there has no log: names are made up by the thousand.
        if let Some(sender) = self.directory.get().senders.get(&source) {
            traced.record("source", sender.name.as_str());
            let id = HeardId(self.ids.uuid()?);
            let sent = Sent { market: sender.allowance.market, source: sender.allowance.source };
            self.delivery_log.keep(sent, id, &arriving, &reply, evidence);
            self.write_heard_soon();
        }
        reply
    }

    fn arriving(&self, inbound: &Inbound) -> Arriving {
        Arriving {
            began: Instant::now(),
            at: self.clock.now(),
            address: inbound.address,
            sub_path: inbound.sub_path.clone(),
            bytes: inbound.body.len(),
        }
    }

    /// Receives a request; `evidence` is what the log keeps of one that is refused.
    async fn receive(&self, inbound: Inbound, evidence: &mut Option<Evidence>) -> Result<Reply, AppError> {
        let mut directory = self.directory.get();
        let Some(sender) = self.find_sender(&mut directory, &inbound.source).await? else {
            let error = no_source(&inbound.source);
            return Ok(reply(ReplyStatus::NoSuchSource, None, "not_found", error.message));
        };
        let request = Request { sub_path: &inbound.sub_path, headers: &inbound.headers, body: &inbound.body };
        let now = self.clock.now();
        let Some(sender) = self.held_to_networks(sender, &inbound).await? else {
            *evidence = Some(Evidence::of(&request, None));
            return Ok(reply(ReplyStatus::Elsewhere, None, "address_not_allowed", elsewhere(inbound.address)));
        };
        // Without a secret that opens nobody is authenticated, and every step of the request fails.
        let secrets = self.secrets_of(&sender, now);
        let mut received = match &secrets {
            Ok(secrets) => bank::receive(sender.dialect, &credentials(&sender, now, secrets), &request),
            Err(_) => Err(Refusal::Unauthenticated("its secret does not open")),
        };
        let mut secrets = secrets.unwrap_or_default();
        let mut sender = sender;
        if matches!(received, Err(Refusal::Unauthenticated(_))) {
            // Another process may have rotated the secret, or the key that seals it, since the directory
            // was read.
            directory = self.directory.refresh(&self.store).await?;
            if let Some(fresh) = directory.senders.get(&inbound.source) {
                sender = Arc::clone(fresh);
                secrets = self.secrets_of(&sender, now)?;
                received = bank::receive(sender.dialect, &credentials(&sender, now, &secrets), &request);
            }
        }
        match received {
            Ok(Delivery::TokenIssued { token, expires_in_s }) => {
                self.secret_signed(&sender, &secrets, &request, now);
                let body = Some(answer::token(&token, expires_in_s));
                Ok(reply(ReplyStatus::Accepted, body, "ok", Message::new("", "")))
            }
            Ok(Delivery::Items(items)) => {
                self.clock_alarms.in_time(sender.allowance.source);
                self.secret_signed(&sender, &secrets, &request, now);
                let judged = self.judge_items(&sender, directory, items, inbound.body).await?;
                if !judged.is_empty() && judged.iter().all(|item| item.outcome == Outcome::Duplicate) {
                    let says = "a delivery came again that was booked before";
                    self.tell_of_delivery(sender.name.as_str(), "delivery.replayed", says);
                }
                Ok(accepted(&sender, judged))
            }
            Err(refusal) => {
                let cause =
                    self.delivery_log.may_examine(request.body).then(|| explained(&sender, now, &secrets, &request));
                *evidence = Some(Evidence::of(&request, cause));
                self.refuse(&sender, &refusal, inbound.body).await
            }
        }
    }

    /// Returns the sender when the request comes from where it may send; another process may have
    /// changed that since the directory was read.
    async fn held_to_networks(&self, sender: Arc<Sender>, inbound: &Inbound) -> Result<Option<Arc<Sender>>, AppError> {
        if may_come_from(&sender, inbound.address) {
            return Ok(Some(sender));
        }
        let directory = self.directory.refresh(&self.store).await?;
        let fresh = directory.senders.get(&inbound.source).cloned();
        Ok(fresh.filter(|fresh| may_come_from(fresh, inbound.address)))
    }

    /// Answers a request as [`Self::receive_settlement`] does, but books nothing: the source's
    /// credentials are checked, the body is read and the answer is written. For the bench alone:
    /// what a server without a book would reach.
    ///
    /// # Errors
    /// When the system has no randomness for a name.
    pub fn answer_without_booking(&self, inbound: &Inbound) -> Result<Reply, AppError> {
        let directory = self.directory.get();
        let Some(sender) = directory.senders.get(&inbound.source) else {
            let error = no_source(&inbound.source);
            return Ok(reply(ReplyStatus::NoSuchSource, None, "not_found", error.message));
        };
        let request = Request { sub_path: &inbound.sub_path, headers: &inbound.headers, body: &inbound.body };
        let now = self.clock.now();
        match bank::receive(sender.dialect, &credentials(sender, now, &self.secrets_of(sender, now)?), &request) {
            Ok(Delivery::Items(items)) => {
                let judged = (1..).zip(&items).map(|(item, _)| {
                    let judged = JudgedItem { item, outcome: Outcome::Ignored, reason: None, posting: None };
                    self.answer_item(&directory, sender.allowance.market, &judged)
                });
                Ok(accepted(sender, judged.collect()))
            }
            Ok(Delivery::TokenIssued { .. }) | Err(_) => {
                let message = Message::new("Xác thực thiếu hoặc sai.", "Authentication failed.");
                Ok(reply(ReplyStatus::Unauthenticated, None, "signature_invalid", message))
            }
        }
    }

    /// Takes a body as if the source had sent it, without its signature: for whoever runs the
    /// program on the book's machine (`socho ingest`).
    ///
    /// # Errors
    /// `not_found` for the source; when the book cannot be written now.
    pub async fn ingest_body(&self, source: &SourceName, body: Vec<u8>) -> Result<Reply, AppError> {
        let sender = self.sender(source).await?;
        let headers = Vec::new();
        let request = Request { sub_path: "", headers: &headers, body: &body };
        match bank::read(sender.dialect, sender.local_as_utc, &request) {
            Ok(items) => {
                let judged = self.judge_items(&sender, self.directory.get(), items, body).await?;
                Ok(accepted(&sender, judged))
            }
            Err(refusal) => self.refuse(&sender, &refusal, body).await,
        }
    }

    async fn find_sender(&self, directory: &mut Arc<Directory>, name: &str) -> Result<Option<Arc<Sender>>, AppError> {
        if let Some(sender) = directory.senders.get(name) {
            return Ok(Some(Arc::clone(sender)));
        }
        *directory = self.directory.refresh(&self.store).await?;
        Ok(directory.senders.get(name).cloned())
    }

    async fn refuse(&self, sender: &Sender, refusal: &Refusal, body: Vec<u8>) -> Result<Reply, AppError> {
        let why = refusal_text(refusal);
        match refusal {
            Refusal::NoSuchPath => {
                let message = Message::new("Địa chỉ này không có.", "There is no such address.");
                Ok(reply(ReplyStatus::NoSuchSource, None, "not_found", message))
            }
            Refusal::Unauthenticated(_) => {
                let says = "a delivery with a wrong signature was refused";
                self.tell_of_delivery(sender.name.as_str(), "delivery.refused", says);
                let message = Message::new("Xác thực thiếu hoặc sai.", format!("Authentication failed: {why}."));
                let body = answer::unauthenticated(sender.dialect);
                Ok(reply(ReplyStatus::Unauthenticated, body, "signature_invalid", message))
            }
            Refusal::Stale { skew_s } => {
                let says = "a delivery came with a right signature and a stale time";
                self.tell_of_delivery(sender.name.as_str(), "delivery.stale", says);
                if self.clock_alarms.stale(sender.allowance.source, *skew_s) {
                    tracing::error!(source = sender.name.as_str(), skew_s, "app.clock_alarm");
                }
                self.keep(sender, Outcome::Stale, why.clone(), body).await?;
                let message = Message::new(
                    "Chữ ký đúng nhưng giờ ký lệch quá mức cho phép.",
                    format!("The signature is right, but {why}; check both clocks."),
                );
                Ok(reply(ReplyStatus::Stale, None, "timestamp_skew", message))
            }
            Refusal::Unreadable(_) => {
                self.keep(sender, Outcome::Rejected, why.clone(), body).await?;
                let message = Message::new(format!("Không đọc được: {why}."), format!("Cannot be read: {why}."));
                let body = answer::unreadable(sender.dialect, &why);
                Ok(reply(ReplyStatus::Unreadable, body, "validation_failed", message))
            }
        }
    }

    /// Keeps a body for a person to look at.
    async fn keep(&self, sender: &Sender, outcome: Outcome, why: String, body: Vec<u8>) -> Result<(), AppError> {
        let market = sender.allowance.market;
        for _ in 0..ROUTE_ATTEMPTS {
            let directory = self.directory.get();
            let content = Content::Kept { outcome, why: Some(why.clone()) };
            let incoming = Incoming {
                delivery: DeliveryId(self.ids.uuid()?),
                source: sender.allowance.source,
                reference_version: directory.version,
                items: vec![self.item(0, content, Some(body.clone()))?],
            };
            match self.writer.submit(market, vec![Work::Deliver(incoming)]).await?.pop() {
                Some(Done::RouteAgain) => {
                    self.directory.refresh(&self.store).await?;
                }
                _ => return Ok(()),
            }
        }
        Err(StoreError::Contended { attempts: ROUTE_ATTEMPTS }.into())
    }

    fn item(&self, part: i64, content: Content, raw: Option<Vec<u8>>) -> Result<IncomingItem, AppError> {
        Ok(IncomingItem { part, content, salt: self.ids.salt()?, raw, resolves: None, actor: None, compared: None })
    }

    /// Routes the items and has their markets judge them; again when routes moved meanwhile.
    pub(crate) async fn judge_items(
        &self,
        sender: &Sender,
        mut directory: Arc<Directory>,
        items: Vec<Item>,
        body: Vec<u8>,
    ) -> Result<Vec<ItemAnswer>, AppError> {
        for _ in 0..ROUTE_ATTEMPTS {
            let markets = self.route(sender, &directory, items.clone())?;
            let delivery = DeliveryId(self.ids.uuid()?);
            let judged = if markets.len() <= 1 {
                let groups = markets.into_iter().next();
                let Some((market, mut group)) = groups else { return Ok(Vec::new()) };
                if let Some(first) = group.first_mut() {
                    first.raw = Some(body.clone());
                }
                self.deliver(sender.allowance.source, &directory, delivery, market, group).await?
            } else {
                self.deliver_to_several(sender, &directory, delivery, markets, body.clone()).await?
            };
            match judged {
                Some(answers) => return Ok(answers),
                None => directory = self.directory.refresh(&self.store).await?,
            }
        }
        Err(StoreError::Contended { attempts: ROUTE_ATTEMPTS }.into())
    }

    /// Groups the items by the market that judges them.
    pub(super) fn route(
        &self,
        sender: &Sender,
        directory: &Directory,
        items: Vec<Item>,
    ) -> Result<BTreeMap<MarketId, Vec<IncomingItem>>, AppError> {
        let home = sender.allowance.market;
        let now = self.clock.now();
        let mut markets: BTreeMap<MarketId, Vec<IncomingItem>> = BTreeMap::new();
        for (part, item) in (1_i64..).zip(items) {
            let (market, content) = match item {
                Item::Credit(settlement) => {
                    let routed = routing::route(&settlement, &sender.allowance, &directory.routes, now);
                    (routed.market, Content::Credit { settlement, routed })
                }
                Item::Ignored { why, settlement } => {
                    let routed = settlement
                        .as_ref()
                        .map(|settlement| routing::route(settlement, &sender.allowance, &directory.routes, now).market);
                    (routed.unwrap_or(home), Content::Ignored { why, settlement })
                }
                Item::Rejected { why } => (home, Content::Kept { outcome: Outcome::Rejected, why: Some(why) }),
            };
            markets.entry(market).or_default().push(self.item(part, content, None)?);
        }
        Ok(markets)
    }

    /// Has one market judge its items; `None` when they must be routed again.
    pub(crate) async fn deliver(
        &self,
        source: SourceId,
        directory: &Directory,
        delivery: DeliveryId,
        market: MarketId,
        items: Vec<IncomingItem>,
    ) -> Result<Option<Vec<ItemAnswer>>, AppError> {
        let incoming = Incoming { delivery, source, reference_version: directory.version, items };
        let traced =
            tracing::debug_span!(target: TRACES, "market.commit", market = market.get(), items = incoming.items.len());
        match self.writer.submit(market, vec![Work::Deliver(incoming)]).instrument(traced).await?.pop() {
            Some(Done::Judged(judged)) => {
                Ok(Some(judged.iter().map(|item| self.answer_item(directory, market, item)).collect()))
            }
            Some(Done::RouteAgain) => Ok(None),
            Some(Done::Refused(rule)) => Err(super::correct::refused(&rule)),
            Some(Done::Posted(_)) | None => Err(AppError::internal("a delivery without an outcome")),
        }
    }

    /// A delivery for several markets: its body is recorded first, then each market judges its
    /// items in a transaction of its own; what a crash interrupts is judged at the next start.
    async fn deliver_to_several(
        &self,
        sender: &Sender,
        directory: &Directory,
        delivery: DeliveryId,
        markets: BTreeMap<MarketId, Vec<IncomingItem>>,
        body: Vec<u8>,
    ) -> Result<Option<Vec<ItemAnswer>>, AppError> {
        let home = sender.allowance.market;
        let count = markets.values().map(Vec::len).sum();
        deliveries::begin(&self.store, home, delivery, count).await?;
        let received = self.item(0, Content::Kept { outcome: Outcome::Received, why: None }, Some(body))?;
        let Some(kept) = self.deliver(sender.allowance.source, directory, delivery, home, vec![received]).await? else {
            deliveries::forget(&self.store, home, delivery).await?;
            return Ok(None);
        };
        let kept = kept.into_iter().next().map(|kept| kept.item);
        let mut answers: Vec<ItemAnswer> = Vec::new();
        for (market, items) in markets {
            match self.deliver(sender.allowance.source, directory, delivery, market, items).await? {
                Some(judged) => {
                    answers.extend(judged.into_iter().map(|item| ItemAnswer { body_in: kept.clone(), ..item }));
                }
                // What was judged before the routes moved is known by its identity when it comes again.
                None => return Ok(None),
            }
        }
        deliveries::finish(&self.store, home, delivery).await?;
        Ok(Some(answers))
    }

    /// Judges deliveries that a crash left without all outcomes.
    pub(crate) async fn finish_deliveries(&self) -> Result<(), AppError> {
        for unfinished in deliveries::unfinished(&self.store).await? {
            let directory = self.directory.refresh(&self.store).await?;
            let sender = directory.senders.values().find(|s| s.allowance.source == unfinished.source).cloned();
            if let (Some(sender), Some(body)) = (sender, unfinished.body) {
                let headers = Vec::new();
                let request = Request { sub_path: "", headers: &headers, body: &body };
                if let Ok(items) = bank::read(sender.dialect, sender.local_as_utc, &request) {
                    self.judge_items(&sender, directory, items, body).await?;
                }
            }
            deliveries::finish(&self.store, unfinished.market, unfinished.delivery).await?;
        }
        Ok(())
    }

    pub(crate) fn answer_item(&self, directory: &Directory, market: MarketId, item: &JudgedItem) -> ItemAnswer {
        let name = ItemName { market, item: item.item, recorded_at_ms: self.clock.now().as_millisecond() };
        let posting =
            |seq: Seq| directory.markets.get(&market).map(|code| PostingName { market: code.clone(), seq }.to_string());
        ItemAnswer {
            item: name.to_string(),
            outcome: item.outcome,
            reason: item.reason.clone(),
            posting: item.posting.and_then(posting),
            body_in: None,
        }
    }
}

/// Returns the answer to a delivery that was taken.
pub(super) fn accepted(sender: &Sender, items: Vec<ItemAnswer>) -> Reply {
    let first = items.first();
    let outcome = first.map_or(Outcome::Ignored, |item| item.outcome);
    let posting = first.and_then(|item| item.posting.as_deref());
    let receipt = first.map_or("", |item| item.item.as_str());
    let body = answer::success(sender.dialect, outcome, posting, receipt);
    Reply { items, ..reply(ReplyStatus::Accepted, Some(body), "ok", Message::new("", "")) }
}

fn reply(status: ReplyStatus, body: Option<String>, code: &'static str, message: Message) -> Reply {
    Reply { status, body, code, message, items: Vec::new() }
}

fn elsewhere(address: Option<IpAddr>) -> Message {
    let shown = address.map(|address| address.to_canonical().to_string()).unwrap_or_default();
    Message::new(
        format!(
            "Nguồn này không được gửi từ địa chỉ {shown}. Người vận hành thêm bằng: socho source addresses TÊN add …"
        ),
        format!("This source may not send from {shown}. The operator lists it: socho source addresses NAME add …"),
    )
}
