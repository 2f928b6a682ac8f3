//! Standard Webhooks 1.0.0: HMAC-SHA256 (`v1`, secret `whsec_…`) or Ed25519 (`v1a`, public key
//! `whpk_…`) over `<id>.<timestamp>.<raw body>`. The `svix-` headers are an older spelling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::body::{self, Object};
use super::sepay::headers;
use super::{Credentials, Delivery, Refusal, Request, SignedRequest, amount, signature, time};
use crate::domain::account::AccountNumber;
use crate::domain::calendar::rfc3339;
use crate::domain::settlement::{BankRef, Direction, EventId, EventTime, Item, NotMoney, Settlement};

/// The one event type that reports a movement of money.
const MOVEMENT: &str = "bank.transaction";

pub(super) fn receive(credentials: &Credentials<'_>, request: &Request<'_>) -> Result<Delivery, Refusal> {
    let id = header(request, "id")?;
    let timestamp = header(request, "timestamp")?;
    let given = header(request, "signature")?;
    let signed_s = signature::unix_seconds(timestamp)?;
    let message = [id.as_bytes(), b".", timestamp.as_bytes(), b".", request.body];
    if !signature::any(credentials, |secret| fits(secret, &message, given)) {
        return Err(Refusal::Unauthenticated("no signature in webhook-signature fits id, time and body"));
    }
    signature::in_window(credentials, signed_s)?;
    read(request).map(body::delivery)
}

fn header<'a>(request: &Request<'a>, name: &str) -> Result<&'a str, Refusal> {
    match signature::header(request, &format!("webhook-{name}"))? {
        Some(value) => Ok(value),
        None => signature::required(request, &format!("svix-{name}")),
    }
}

/// Any signature of a known version may fit; others are skipped.
fn fits(secret: &str, message: &[&[u8]], given: &str) -> bool {
    given.split_ascii_whitespace().fold(false, |found, signature| {
        let fits = match (signature.split_once(','), secret.strip_prefix("whpk_")) {
            (Some(("v1", mac)), None) => symmetric(secret, message, mac),
            (Some(("v1a", signature)), Some(public)) => asymmetric(public, message, signature),
            _ => false,
        };
        fits | found
    })
}

fn symmetric(secret: &str, message: &[&[u8]], given: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).unwrap_or_default();
    !key.is_empty() && signature::same(STANDARD.encode(signature::sha256(&key, message)).as_bytes(), given.as_bytes())
}

fn asymmetric(public: &str, message: &[&[u8]], given: &str) -> bool {
    let key = STANDARD.decode(public).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
    let key = key.and_then(|key| VerifyingKey::from_bytes(&key).ok());
    let signature = STANDARD.decode(given).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
    key.zip(signature).is_some_and(|(key, signature)| key.verify_strict(&message.concat(), &signature).is_ok())
}

pub(super) fn read(request: &Request<'_>) -> Result<Vec<Item>, Refusal> {
    let object = body::object(request.body)?;
    let kind = object.get("type").and_then(Value::as_str);
    match kind {
        None => return Err(Refusal::Unreadable("type is missing".to_owned())),
        Some(MOVEMENT) => {}
        Some(_) => return Ok(vec![Item::Ignored { why: NotMoney::OtherEvent, settlement: None }]),
    }
    let Some(Value::Object(data)) = object.get("data") else {
        return Err(Refusal::Unreadable("data must be an object".to_owned()));
    };
    // A body that comes without its headers (a file, a stale one judged again) has its own id.
    let id = match header(request, "id") {
        Ok(id) => id.to_owned(),
        Err(_) => body::id(data, "id").map_err(Refusal::Unreadable)?.unwrap_or_default(),
    };
    if id.is_empty() || id.len() > 200 {
        return Err(Refusal::Unreadable("webhook-id must have 1 to 200 bytes".to_owned()));
    }
    body::single(item(data, &id))
}

fn item(data: &Object, id: &str) -> Result<Item, String> {
    let settlement = |direction| {
        Ok::<_, String>(Settlement {
            event_id: EventId::Given(id.into()),
            direction,
            amount: amount::credit(data.get("amount").ok_or("amount is missing")?)
                .map_err(|why| format!("amount: {why}"))?,
            settled: body::account(data, "account")?,
            addressed: body::optional_account(data, &["virtual_account"])?,
            bank_hint: body::hint(data, &["bank", "bank_bin"]),
            reference: body::reference(data, &["bank_ref"])?,
            event_time: time::instant("booked_at", data.get("booked_at"))?,
            memo: body::memo(&[body::text(data, "memo")]),
            payer: body::payer(&[body::text(data, "payer")]),
        })
    };
    match body::text(data, "direction") {
        "credit" => settlement(Direction::Credit).map(Item::Credit),
        "debit" => Ok(Item::Ignored { why: NotMoney::Debit, settlement: settlement(Direction::Debit).ok() }),
        _ => Err("direction must be credit or debit".to_owned()),
    }
}

/// Writes an event's time as RFC 3339.
pub(super) fn written_time(event_time: EventTime) -> Option<String> {
    match event_time {
        EventTime::At(at) => Some(rfc3339(at)),
        EventTime::On(date) => Some(rfc3339(date.starts_at())),
        EventTime::Missing => None,
    }
}

pub(super) fn sign(secret: &str, settlement: &Settlement, now: Timestamp) -> Option<SignedRequest> {
    let EventId::Given(id) = &settlement.event_id else { return None };
    let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    let body = json!({"type": MOVEMENT, "timestamp": rfc3339(now), "data": {
        "id": &**id, "account": settlement.settled.as_str(),
        "virtual_account": settlement.addressed.as_ref().map(AccountNumber::as_str),
        "bank_ref": settlement.reference.as_ref().map(BankRef::as_str), "direction": settlement.direction.as_str(),
        "amount": settlement.amount.whole(), "memo": settlement.memo, "booked_at": written_time(settlement.event_time),
        "bank": settlement.bank_hint.as_deref(), "payer": settlement.payer,
    }})
    .to_string();
    let timestamp = now.as_second().to_string();
    let mac = signature::sha256(&key, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body.as_bytes()]);
    let authentication = [
        ("webhook-id", id.to_string()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", format!("v1,{}", STANDARD.encode(mac))),
    ];
    Some(SignedRequest { sub_path: "", headers: headers(&authentication), body })
}
