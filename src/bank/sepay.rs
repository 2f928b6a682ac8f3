//! SePay's bank-account webhook, with an API key or an HMAC over timestamp and raw body.
//!
//! The body is the same for both: one movement. Its `accountNumber` is the linked account; a
//! virtual account stands in `subAccount`. The dashboard sends it as JSON or as a form.

use jiff::Timestamp;
use serde_json::json;

use super::body::{self, Object};
use super::{Credentials, Delivery, Refusal, Request, SignedRequest, amount, form, signature, time};
use crate::domain::account::AccountNumber;
use crate::domain::calendar::VIETNAM;
use crate::domain::settlement::{BankRef, Direction, EventTime, Item, NotMoney, Settlement};

/// `Authorization: Apikey <KEY>`; nothing is signed, so nothing limits its time.
pub(super) fn receive_apikey(credentials: &Credentials<'_>, request: &Request<'_>) -> Result<Delivery, Refusal> {
    let given = signature::required(request, "Authorization")?.strip_prefix("Apikey ");
    let given = given.ok_or(Refusal::Unauthenticated("Authorization is not of the form Apikey KEY"))?;
    if !signature::is_secret(credentials, given) {
        return Err(Refusal::Unauthenticated("the API key is not one of the live ones"));
    }
    read(request).map(body::delivery)
}

/// `X-SePay-Signature: sha256=<hex>` over `<timestamp>.<raw body>`; the key is the secret's text.
pub(super) fn receive_hmac(credentials: &Credentials<'_>, request: &Request<'_>) -> Result<Delivery, Refusal> {
    let timestamp = signature::required(request, "X-SePay-Timestamp")?;
    let given = signature::required(request, "X-SePay-Signature")?;
    let signed_s = signature::unix_seconds(timestamp)?;
    let passes = |secret: &str| signature::same(hmac(secret, timestamp, request.body).as_bytes(), given.as_bytes());
    if !signature::any(credentials, passes) {
        return Err(Refusal::Unauthenticated("X-SePay-Signature does not fit the body and the time"));
    }
    signature::in_window(credentials, signed_s)?;
    read(request).map(body::delivery)
}

fn hmac(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mac = signature::sha256(secret.as_bytes(), &[timestamp.as_bytes(), b".", body]);
    format!("sha256={}", signature::hex(&mac))
}

/// Reads the body.
pub(super) fn read(request: &Request<'_>) -> Result<Vec<Item>, Refusal> {
    let object = match form::object(request.body) {
        Some(form) => form,
        None => body::object(request.body)?,
    };
    body::single(item(&object))
}

fn item(object: &Object) -> Result<Item, String> {
    let settlement = |direction| settlement(object, direction);
    match body::text(object, "transferType").to_ascii_lowercase().as_str() {
        "in" => settlement(Direction::Credit).map(Item::Credit),
        "out" => Ok(Item::Ignored { why: NotMoney::Debit, settlement: settlement(Direction::Debit).ok() }),
        _ => Err("transferType must be in or out".to_owned()),
    }
}

fn settlement(object: &Object, direction: Direction) -> Result<Settlement, String> {
    let amount = object.get("transferAmount").ok_or("transferAmount is missing")?;
    Ok(Settlement {
        event_id: body::event_id(object, "id")?,
        direction,
        amount: amount::credit(amount).map_err(|why| format!("transferAmount: {why}"))?,
        settled: body::account(object, "accountNumber")?,
        addressed: body::optional_account(object, &["subAccount"])?,
        bank_hint: body::hint(object, &["gateway"]),
        reference: body::reference(object, &["referenceCode"])?,
        event_time: time::local("transactionDate", object.get("transactionDate"))?,
        memo: body::memo(&[
            body::text(object, "content"),
            body::text(object, "code"),
            body::text(object, "description"),
        ]),
        payer: String::new(),
    })
}

fn written(settlement: &Settlement) -> String {
    let id = settlement.event_id.text();
    json!({
        "gateway": settlement.bank_hint.as_deref(), "transactionDate": local(settlement.event_time),
        "accountNumber": settlement.settled.as_str(),
        "subAccount": settlement.addressed.as_ref().map(AccountNumber::as_str), "code": null, "content": settlement.memo,
        "transferType": if settlement.direction == Direction::Credit { "in" } else { "out" },
        "description": format!("BankAPINotify {}", settlement.memo), "transferAmount": settlement.amount.whole(),
        "referenceCode": settlement.reference.as_ref().map(BankRef::as_str), "accumulated": 0, "id": id,
    })
    .to_string()
}

/// Writes an event's time as Vietnamese providers do: local, without a zone.
pub(super) fn local(event_time: EventTime) -> Option<String> {
    match event_time {
        EventTime::At(at) => Some(VIETNAM.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string()),
        EventTime::On(date) => Some(date.to_string()),
        EventTime::Missing => None,
    }
}

/// Returns the headers every JSON sender sends, with those that authenticate.
pub(super) fn headers(authentication: &[(&str, String)]) -> Vec<(String, String)> {
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    let authentication = authentication.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    std::iter::once(json).chain(authentication).collect()
}

pub(super) fn sign_apikey(secret: &str, settlement: &Settlement) -> SignedRequest {
    SignedRequest {
        sub_path: "",
        headers: headers(&[("Authorization", format!("Apikey {secret}"))]),
        body: written(settlement),
    }
}

pub(super) fn sign_hmac(secret: &str, settlement: &Settlement, now: Timestamp) -> SignedRequest {
    let (body, timestamp) = (written(settlement), now.as_second().to_string());
    let signature = hmac(secret, &timestamp, body.as_bytes());
    SignedRequest {
        sub_path: "",
        headers: headers(&[("X-SePay-Timestamp", timestamp), ("X-SePay-Signature", signature)]),
        body,
    }
}
