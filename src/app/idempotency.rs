//! A request that may be sent again (`Idempotency-Key`): the same key and the same request get the
//! answer that was given, and the fact is there once.
//!
//! | what the key's row says | what the second request sees |
//! |---|---|
//! | another request | refused: `idempotency_mismatch` |
//! | answered | the stored answer |
//! | under way, within its lease | refused: `idempotency_in_flight` |
//! | broke off (a crash, a lost answer), asking again is harmless | it is carried out: the fact has an identity of its own and cannot be there twice |
//! | broke off, asking again could do it twice | refused: `idempotency_unknown`; a person or program looks first |
//! | given back after a fault of ours (5xx) | it is carried out |
//!
//! The claim is written before anything is done, the answer after: they are two transactions around the
//! fact's own, so that no use case knows of keys.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::App;
use super::access::{Actor, Place, Via};
use super::error::{AppError, ErrorKind, Message};
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::MarketId;
use crate::store::idempotency::{self as rows, Claim, Known, Slot};

/// How long an answer is kept: a day of tries, and some more for clocks that differ.
pub const KEPT: SignedDuration = SignedDuration::from_hours(26);
/// How long a request may be under way before it counts as broken off: longer than any request takes,
/// with its body sent slowly and every statement at its limit.
pub const LEASE: SignedDuration = SignedDuration::from_mins(5);
/// Largest answer that is kept, in bytes. What a request makes is described in far less.
pub const ANSWER_MAX: usize = 1 << 20;

/// What doing a thing twice does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twice {
    /// Nothing: the fact has an identity of its own, and the second time finds it.
    Harmless,
    /// It may be there twice.
    Doubles,
}

/// A request under a key.
#[derive(Debug)]
pub struct Keyed<'a> {
    /// Who asks: keys of one are nothing to another.
    pub actor: &'a Actor,
    /// What it concerns.
    pub place: &'a Place,
    /// The route's pattern: a key on another route is another key.
    pub route: &'a str,
    /// The key.
    pub key: IdempotencyKey,
    /// Everything that makes the request what it is: its path, its query, its body.
    pub parts: [&'a [u8]; 3],
    /// What doing it twice would do.
    pub twice: Twice,
}

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Its status.
    pub status: u16,
    /// Its media type.
    pub content_type: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What a request under a key does.
#[derive(Debug)]
pub enum Begun {
    /// It is carried out, and says afterwards how.
    Run(Ticket),
    /// It was carried out before: this was the answer.
    Answered(KeptAnswer),
}

/// The right to carry a request out.
#[derive(Debug)]
pub struct Ticket {
    slot: Slot,
    claim: [u8; 32],
    twice: Twice,
}

impl App {
    /// Claims a request's key.
    ///
    /// # Errors
    /// `idempotency_mismatch`, `idempotency_in_flight`, `idempotency_unknown`,
    /// `idempotency_answer_too_large`; when the book cannot be written now.
    pub async fn begin_keyed(&self, request: Keyed<'_>) -> Result<Begun, AppError> {
        let now = self.clock.now();
        let after = |span| now.checked_add(span).unwrap_or(Timestamp::MAX);
        let claim = Claim {
            id: self.ids.salt()?,
            fingerprint: fingerprint(request.parts),
            lease_until: after(LEASE),
            keep_until: after(KEPT),
        };
        let slot = Slot {
            market: self.market_keeping(request.place),
            actor: claimant(request.actor),
            route: request.route.to_owned(),
            key: request.key,
        };
        let twice = request.twice;
        let mut transaction = self.store.begin_write().await?;
        rows::prune(&mut transaction, slot.market, now).await?;
        if rows::claim(&mut transaction, &slot, &claim).await? {
            transaction.commit().await?;
            return Ok(Begun::Run(Ticket { slot, claim: claim.id, twice }));
        }
        let known = rows::find(&mut transaction, &slot).await?;
        let judged = known.as_ref().map_or(Ok(Next::InFlight), |known| judge(known, &claim, twice, now))?;
        let taken = match (&judged, &known) {
            (Next::TakeOver, Some(known)) => rows::take_over(&mut transaction, &slot, &known.claim, &claim).await?,
            _ => false,
        };
        transaction.commit().await?;
        match judged {
            Next::Answered(answer) => Ok(Begun::Answered(answer)),
            Next::TakeOver if taken => Ok(Begun::Run(Ticket { slot, claim: claim.id, twice })),
            Next::TakeOver | Next::InFlight => Err(in_flight()),
        }
    }

    /// Keeps what a request was answered. A fault of ours is not kept: the key is given back, or, where
    /// doing it again could do it twice, its fate stays unknown.
    ///
    /// # Errors
    /// When the book cannot be written now; the next request with this key finds it broken off then.
    pub async fn end_keyed(&self, ticket: &Ticket, answer: &KeptAnswer) -> Result<(), AppError> {
        let mut transaction = self.store.begin_write().await?;
        let Ticket { slot, claim, twice } = ticket;
        if answer.status < 500 {
            let kept = rows::Answer {
                status: i64::from(answer.status),
                content_type: answer.content_type.as_deref(),
                body: (answer.body.len() <= ANSWER_MAX).then(|| answer.body.clone()),
            };
            rows::answer(&mut transaction, slot, claim, kept).await?;
        } else {
            match twice {
                Twice::Harmless => rows::release(&mut transaction, slot, claim).await?,
                Twice::Doubles => rows::end_lease(&mut transaction, slot, claim, self.clock.now()).await?,
            }
        }
        Ok(transaction.commit().await?)
    }

    /// Returns the market whose rows keep a request's key.
    fn market_keeping(&self, place: &Place) -> MarketId {
        let code = match place {
            Place::Market(code) | Place::Within(code) | Place::Stall { market: code, .. } => code,
            Place::MarketNumber(id) => return *id,
            Place::Installation | Place::Own | Place::Unreadable => return MarketId::INSTALLATION,
        };
        let directory = self.directory.get();
        let found = directory.markets.iter().find(|(_, known)| *known == code).map(|(id, _)| *id);
        found.unwrap_or(MarketId::INSTALLATION)
    }
}

/// What becomes of a request whose key is taken.
enum Next {
    Answered(KeptAnswer),
    TakeOver,
    InFlight,
}

fn judge(known: &Known, claim: &Claim, twice: Twice, now: Timestamp) -> Result<Next, AppError> {
    if known.keep_until < now {
        return Ok(Next::TakeOver);
    }
    if known.fingerprint != claim.fingerprint {
        let message = Message::new(
            "Idempotency-Key này đã dùng cho một yêu cầu khác. Mỗi yêu cầu mới cần một khóa mới.",
            "This Idempotency-Key was used for another request. Each new request needs a key of its own.",
        );
        return Err(AppError::new(ErrorKind::Invalid, "idempotency_mismatch", message));
    }
    match (known.status.and_then(|status| u16::try_from(status).ok()), &known.answer) {
        (Some(status), Some(body)) => {
            let content_type = known.content_type.clone();
            Ok(Next::Answered(KeptAnswer { status, content_type, body: body.clone() }))
        }
        (Some(status), None) => {
            let message = Message::new(
                format!(
                    "Yêu cầu này đã được trả lời ({status}); câu trả lời quá dài nên không giữ lại. Hãy đọc lại dữ liệu."
                ),
                format!(
                    "This request was answered before ({status}); the answer was too long to keep. Read what is there."
                ),
            );
            Err(AppError::new(ErrorKind::Conflict, "idempotency_answer_too_large", message))
        }
        (None, _) if known.lease_until > now => Ok(Next::InFlight),
        (None, _) if twice == Twice::Harmless => Ok(Next::TakeOver),
        (None, _) => {
            let message = Message::new(
                "Yêu cầu trước với Idempotency-Key này bị ngắt giữa chừng: không rõ đã ghi sổ chưa. Hãy xem lại sổ, rồi nếu cần thì gửi với khóa mới.",
                "The request before with this Idempotency-Key broke off: whether it was booked is not known. Look first; then, if need be, send it under a new key.",
            );
            Err(AppError::new(ErrorKind::Conflict, "idempotency_unknown", message))
        }
    }
}

fn in_flight() -> AppError {
    let message = Message::new(
        "Yêu cầu cùng Idempotency-Key đang được xử lý. Hãy đợi ít giây rồi gửi lại.",
        "A request with this Idempotency-Key is under way. Wait some seconds, then send it again.",
    );
    AppError::new(ErrorKind::Conflict, "idempotency_in_flight", message)
}

/// Names who asks, across sessions: a person's key counts after they logged in anew.
fn claimant(actor: &Actor) -> String {
    match actor.via() {
        Via::Database => "operator".to_owned(),
        Via::Session { user, .. } => user.to_string(),
        Via::Device(device) => device.to_string(),
        Via::Key(key) => key.to_string(),
    }
}

fn fingerprint(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
