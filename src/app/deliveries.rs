//! The webhook clinic: what a source sent lately, the steps that each request passed, and having one that
//! was taken judged again.

use std::sync::Arc;

use super::App;
use super::access::{Actor, Place, Right};
use super::delivery_log::Heard;
use super::error::{AppError, ErrorKind, Message};
use super::manage_sources::{SourceShown, no_source};
use super::note::Note;
use super::receive_settlement::{ItemAnswer, Reply, ReplyStatus};
use crate::bank::shell;
use crate::domain::audit::Action;
use crate::domain::identity::HeardId;
use crate::domain::ids::{ItemName, SourceName};
use crate::store::heard_requests::Sent;
use crate::store::held;

/// How far a request came at one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// It passed.
    Yes,
    /// It was stopped here.
    No,
    /// It never came this far.
    NotReached,
}

impl Passed {
    /// Returns the word that programs read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "passed",
            Self::No => "failed",
            Self::NotReached => "not_reached",
        }
    }
}

/// One step of a request's way.
#[derive(Debug, Clone)]
pub struct Step {
    /// A stable word.
    pub name: &'static str,
    /// The same for people.
    pub says: Message,
    /// How far the request came.
    pub passed: Passed,
}

/// The steps, in their order.
const STEPS: [(&str, &str, &str); 7] = [
    ("address", "Địa chỉ gửi được phép", "The client's address is allowed"),
    ("path", "Đường dẫn đúng", "The path is one of the dialect's"),
    ("headers", "Đủ đầu yêu cầu xác thực", "The headers that authenticate are there"),
    ("signature", "Chữ ký khớp với khóa", "The signature fits a live secret"),
    ("time", "Giờ ký trong mức cho phép", "The signed time is within the tolerance"),
    ("body", "Nội dung đọc được", "The body can be read"),
    ("judged", "Đã ghi nhận vào sổ", "It was judged and is durable"),
];

/// Returns how far a request came, step by step.
#[must_use]
pub fn steps(heard: &Heard) -> Vec<Step> {
    let cause = heard.evidence.as_ref().and_then(|evidence| evidence.cause.as_ref());
    let stopped = match heard.status {
        Some(ReplyStatus::Accepted) => None,
        Some(ReplyStatus::Elsewhere) => Some("address"),
        Some(ReplyStatus::NoSuchSource) => Some("path"),
        Some(ReplyStatus::Unauthenticated) if cause.is_some_and(|cause| cause.cause == "header") => Some("headers"),
        Some(ReplyStatus::Unauthenticated) => Some("signature"),
        Some(ReplyStatus::Stale) => Some("time"),
        Some(ReplyStatus::Unreadable) => Some("body"),
        None => Some("judged"),
    };
    let mut passed = Passed::Yes;
    let step = |(name, vi, en): &(&'static str, &str, &str)| {
        if passed == Passed::No {
            passed = Passed::NotReached;
        } else if stopped == Some(*name) {
            passed = Passed::No;
        }
        Step { name, says: Message::new(*vi, *en), passed }
    };
    STEPS.iter().map(step).collect()
}

/// One request as a person or program that may see it does.
#[derive(Debug, Clone)]
pub struct DeliveryShown {
    /// The request.
    pub heard: Arc<Heard>,
    /// Its body, where it is still there and the actor may see it.
    pub body: Option<Vec<u8>>,
    /// Whether that is all of it.
    pub complete: bool,
    /// The command that sends it again, signed anew; where the body is all there.
    pub command: Option<String>,
}

impl App {
    /// Returns one source, where it is in the actor's scope.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn source_for(&self, actor: &Actor, name: &SourceName) -> Result<SourceShown, AppError> {
        let mut sources = self.sources_for(actor).await?.into_iter();
        sources.find(|source| source.name == *name).ok_or_else(|| no_source(name.as_str()))
    }

    /// Returns what was heard of a source lately by every process on this book, the newest first: all,
    /// those of one outcome, or with `refused` all that were.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn deliveries(
        &self,
        actor: &Actor,
        name: &SourceName,
        outcome: Option<&str>,
    ) -> Result<Vec<Arc<Heard>>, AppError> {
        self.source_for(actor, name).await?;
        let allowance = self.sender(name).await?.allowance.clone();
        let mut heard = self.heard_of(Sent { market: allowance.market, source: allowance.source }).await?;
        heard.retain(|one| match outcome {
            None => true,
            Some("refused") => !one.is_taken(),
            Some(outcome) => one.outcome() == outcome || one.items.iter().any(|item| item.outcome.as_str() == outcome),
        });
        Ok(heard)
    }

    /// Returns one request with its body, for those who may see bodies. `base` is the address under
    /// which this server is reached.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delivery(
        &self,
        actor: &Actor,
        name: &SourceName,
        id: HeardId,
        base: &str,
    ) -> Result<DeliveryShown, AppError> {
        let mut all = self.deliveries(actor, name, None).await?.into_iter();
        let heard = all.find(|one| one.id == id).ok_or_else(no_delivery)?;
        if !actor.has(Right::ReadDeliveryBodies) {
            return Ok(DeliveryShown { heard, body: None, complete: false, command: None });
        }
        let body = match &heard.evidence {
            Some(evidence) => Some(evidence.body.clone()),
            None => self.kept_body(&heard.items).await?,
        };
        let sender = self.sender(name).await?;
        if body.is_some() {
            let seen = serde_json::json!({ "delivery": id.to_string() });
            let view = Note::of(Action::DeliveryRead, name).after(seen);
            self.note_view(actor, sender.allowance.market, view).await?;
        }
        let complete = body.as_ref().is_some_and(|body| body.len() == heard.bytes);
        let dialect = sender.dialect;
        let address = format!("{base}/v1/ingest/{name}");
        let command = body.as_deref().filter(|_| complete);
        let command = command.map(|body| shell::command(dialect, &address, &heard.sub_path, body));
        Ok(DeliveryShown { heard, body, complete, command })
    }

    /// Has a request that was taken judged again by the normal path: what is known by its identity is a
    /// duplicate again, and what waited for an account that is listed by now is booked.
    ///
    /// # Errors
    /// `not_found`, `delivery_not_taken`, `delivery_without_body`; when the book cannot be written now.
    pub async fn replay_delivery(
        &self,
        actor: &Actor,
        name: &SourceName,
        id: HeardId,
    ) -> Result<(HeardId, Reply), AppError> {
        Self::admit(actor, Right::WriteSources, &Place::Installation)?;
        let mut all = self.deliveries(actor, name, None).await?.into_iter();
        let heard = all.find(|one| one.id == id).ok_or_else(no_delivery)?;
        if !heard.is_taken() {
            let message = Message::new(
                "Yêu cầu này bị từ chối nên không xét lại được: để bên gửi sửa rồi gửi lại. Mục trễ giờ hoặc không đọc được nằm ở hàng chờ xử lý.",
                "This request was refused and cannot be judged again: the sender mends it and sends it anew. What was stale or unreadable waits in the inbox.",
            );
            return Err(AppError::new(ErrorKind::Conflict, "delivery_not_taken", message));
        }
        let body = self.kept_body(&heard.items).await?.ok_or_else(|| {
            let message = Message::new(
                "Nội dung của yêu cầu này không còn: đã được xóa, hoặc chỉ là yêu cầu lấy token.",
                "The body of this request is not there: it was redacted, or it only asked for a token.",
            );
            AppError::new(ErrorKind::Conflict, "delivery_without_body", message)
        })?;
        let (began, at, bytes) = (std::time::Instant::now(), self.clock.now(), body.len());
        let reply = self.ingest_body(name, body).await?;
        let again = Heard {
            id: HeardId(self.ids.uuid()?),
            at,
            address: None,
            bytes,
            took: began.elapsed(),
            status: Some(reply.status),
            item_count: reply.items.len(),
            items: reply.items.iter().take(super::delivery_log::ITEMS_NAMED).cloned().collect(),
            evidence: None,
            replays: Some((heard.id, actor.name().to_owned())),
            sub_path: heard.sub_path.clone(),
        };
        let id = again.id;
        let sender = self.sender(name).await?;
        let outcomes: Vec<&str> = again.items.iter().map(|item| item.outcome.as_str()).collect();
        let done = serde_json::json!({ "delivery": heard.id.to_string(), "outcomes": outcomes });
        let note = Note::of(Action::DeliveryJudgedAgain, name).by(actor).after(done);
        self.note_done(sender.allowance.market, note).await;
        self.delivery_log.push(Sent { market: sender.allowance.market, source: sender.allowance.source }, again);
        self.write_heard_soon();
        Ok((id, reply))
    }

    /// Reads the body that the book keeps with one of a delivery's items.
    async fn kept_body(&self, items: &[ItemAnswer]) -> Result<Option<Vec<u8>>, AppError> {
        let mut transaction = self.store.begin_read().await?;
        let mut found = None;
        let mut names: Vec<ItemName> = Vec::new();
        for item in items {
            names.extend(item.body_in.as_ref().and_then(|name| name.parse::<ItemName>().ok()));
            names.extend(item.item.parse::<ItemName>());
        }
        for item in names {
            found = held::raw(&mut transaction, item.market, item.item).await?;
            if found.is_some() {
                break;
            }
        }
        transaction.rollback().await?;
        Ok(found)
    }
}

fn no_delivery() -> AppError {
    AppError::not_found(Message::new(
        "Không có yêu cầu này trong nhật ký: nhật ký giữ các yêu cầu mới nhất, trong bảy ngày.",
        "The log has no such request: it keeps the latest ones, of seven days.",
    ))
}
