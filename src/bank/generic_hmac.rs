//! Our own plain form: `X-Signature: sha256=<hex>` over the raw body. No time is signed.

use serde_json::json;

use super::body::{self, Object};
use super::sepay::headers;
use super::standard_webhooks::written_time;
use super::{Credentials, Delivery, Refusal, Request, SignedRequest, amount, signature, time};
use crate::domain::account::AccountNumber;
use crate::domain::settlement::{BankRef, Direction, EventId, Item, NotMoney, Settlement};

pub(super) fn receive(credentials: &Credentials<'_>, request: &Request<'_>) -> Result<Delivery, Refusal> {
    let given = signature::required(request, "X-Signature")?;
    let passes = |secret: &str| signature::same(hmac(secret, request.body).as_bytes(), given.as_bytes());
    if !signature::any(credentials, passes) {
        return Err(Refusal::Unauthenticated("X-Signature does not fit the body"));
    }
    read(request).map(body::delivery)
}

fn hmac(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", signature::hex(&signature::sha256(secret.as_bytes(), &[body])))
}

pub(super) fn read(request: &Request<'_>) -> Result<Vec<Item>, Refusal> {
    let object = body::object(request.body)?;
    let named = signature::header(request, "X-Event-Id")?.filter(|id| !id.is_empty() && id.len() <= 200);
    body::single(item(&object, named))
}

fn item(object: &Object, named: Option<&str>) -> Result<Item, String> {
    let settlement = |direction| {
        let event_id = match (body::id(object, "event_id")?, named) {
            (Some(id), _) => EventId::Given(id.into()),
            (None, Some(id)) => EventId::Given(id.into()),
            (None, None) => body::weak(object),
        };
        Ok::<_, String>(Settlement {
            event_id,
            direction,
            amount: amount::credit(object.get("amount").ok_or("amount is missing")?)
                .map_err(|why| format!("amount: {why}"))?,
            settled: body::account(object, "account")?,
            addressed: body::optional_account(object, &["virtual_account"])?,
            bank_hint: body::hint(object, &["bank", "bank_bin"]),
            reference: body::reference(object, &["bank_ref"])?,
            event_time: time::instant("event_at", object.get("event_at"))?,
            memo: body::memo(&[body::text(object, "memo")]),
            payer: body::payer(&[body::text(object, "payer")]),
        })
    };
    match body::text(object, "direction") {
        "in" => settlement(Direction::Credit).map(Item::Credit),
        "out" => Ok(Item::Ignored { why: NotMoney::Debit, settlement: settlement(Direction::Debit).ok() }),
        _ => Err("direction must be in or out".to_owned()),
    }
}

pub(super) fn sign(secret: &str, settlement: &Settlement) -> SignedRequest {
    let id = match &settlement.event_id {
        EventId::Given(id) => Some(&**id),
        EventId::Weak(_) | EventId::ByReference => None,
    };
    let body = json!({
        "event_id": id, "account": settlement.settled.as_str(),
        "virtual_account": settlement.addressed.as_ref().map(AccountNumber::as_str),
        "bank_ref": settlement.reference.as_ref().map(BankRef::as_str),
        "direction": if settlement.direction == Direction::Credit { "in" } else { "out" },
        "amount": settlement.amount.whole(), "memo": settlement.memo, "event_at": written_time(settlement.event_time),
        "bank": settlement.bank_hint.as_deref(), "payer": settlement.payer,
    })
    .to_string();
    let signature = hmac(secret, body.as_bytes());
    SignedRequest { sub_path: "", headers: headers(&[("X-Signature", signature)]), body }
}
