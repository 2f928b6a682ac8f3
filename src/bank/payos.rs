//! payOS: the signature stands in the body and covers `data` alone, its keys sorted and joined as
//! `key=value&…`, values as JavaScript writes them. There is no time in it: only identity protects.

use serde_json::{Value, json};

use super::body::{self, Object};
use super::javascript::{self, Form};
use super::sepay::{headers, local};
use super::{Credentials, Delivery, Refusal, Request, SignedRequest, amount, signature, time};
use crate::domain::settlement::{BankRef, Direction, EventId, Item, NotMoney, Settlement};

pub(super) fn receive(credentials: &Credentials<'_>, request: &Request<'_>) -> Result<Delivery, Refusal> {
    let unsigned = Refusal::Unauthenticated("what cannot be read cannot have been signed");
    let object = body::object(request.body).map_err(|_| unsigned.clone())?;
    let Some(Value::Object(data)) = object.get("data") else { return Err(unsigned) };
    let given = object.get("signature").and_then(Value::as_str);
    let given = given.ok_or(Refusal::Unauthenticated("signature is missing"))?;
    let message = message(data);
    let passes = |secret: &str| {
        let mac = signature::sha256(secret.as_bytes(), &[message.as_bytes()]);
        signature::same(signature::hex(&mac).as_bytes(), given.as_bytes())
    };
    if !signature::any(credentials, passes) {
        return Err(Refusal::Unauthenticated("signature does not fit data"));
    }
    read(request).map(body::delivery)
}

/// Returns the text that is signed.
fn message(data: &Object) -> String {
    let mut fields: Vec<(&String, &Value)> = data.iter().collect();
    fields.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    let written = fields.into_iter().map(|(key, value)| format!("{key}={}", text(value)));
    written.collect::<Vec<_>>().join("&")
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text == "null" || text == "undefined" => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => javascript::number(number.as_str()).unwrap_or_else(|| "Infinity".to_owned()),
        // The sender sorts the keys of an array's elements.
        Value::Array(_) => javascript::stringify(value, Form::JavaScript),
        Value::Object(_) => "[object Object]".to_owned(),
    }
}

pub(super) fn read(request: &Request<'_>) -> Result<Vec<Item>, Refusal> {
    let object = body::object(request.body)?;
    let Some(Value::Object(data)) = object.get("data") else {
        return Err(Refusal::Unreadable("data must be an object".to_owned()));
    };
    let paid = body::text(&object, "code") == "00"
        && object.get("success").is_none_or(|success| success == &Value::Bool(true))
        && matches!(body::text(data, "code"), "00" | "");
    if !paid {
        return Ok(vec![Item::Ignored { why: NotMoney::Unpaid, settlement: None }]);
    }
    if is_registration(data) {
        return Ok(vec![Item::Ignored { why: NotMoney::TestCall, settlement: None }]);
    }
    body::single(settlement(data).map(Item::Credit))
}

/// Registering the webhook's address makes payOS send this body; nobody paid it.
fn is_registration(data: &Object) -> bool {
    body::id(data, "orderCode").ok().flatten().as_deref() == Some("123")
        && body::text(data, "description") == "VQRIO123"
        && body::text(data, "reference") == "TF230204212323"
}

fn settlement(data: &Object) -> Result<Settlement, String> {
    let reference = body::reference(data, &["reference"])?;
    let currency = body::text(data, "currency");
    if !matches!(currency, "" | "VND") {
        return Err("currency must be VND".to_owned());
    }
    Ok(Settlement {
        event_id: if reference.is_some() { EventId::ByReference } else { body::weak(data) },
        direction: Direction::Credit,
        amount: amount::credit(data.get("amount").ok_or("amount is missing")?)
            .map_err(|why| format!("amount: {why}"))?,
        settled: body::account(data, "accountNumber")?,
        addressed: body::optional_account(data, &["virtualAccountNumber"])?,
        bank_hint: None,
        reference,
        event_time: time::local("transactionDateTime", data.get("transactionDateTime"))?,
        memo: body::memo(&[body::text(data, "description")]),
        payer: body::payer(&[body::text(data, "counterAccountName"), body::text(data, "counterAccountNumber")]),
    })
}

pub(super) fn sign(secret: &str, settlement: &Settlement) -> SignedRequest {
    let data = json!({
        "orderCode": 1, "amount": settlement.amount.whole(), "description": settlement.memo,
        "accountNumber": settlement.settled.as_str(),
        "reference": settlement.reference.as_ref().map(BankRef::as_str),
        "transactionDateTime": local(settlement.event_time), "currency": "VND", "paymentLinkId": "", "code": "00",
        "desc": "success", "counterAccountName": settlement.payer,
        "virtualAccountNumber": settlement.addressed.as_ref().map_or("", |a| a.as_str()),
    });
    let message = data.as_object().map(message).unwrap_or_default();
    let mac = signature::sha256(secret.as_bytes(), &[message.as_bytes()]);
    let body =
        json!({"code": "00", "desc": "success", "success": true, "data": data, "signature": signature::hex(&mac)});
    SignedRequest { sub_path: "", headers: headers(&[]), body: body.to_string() }
}
