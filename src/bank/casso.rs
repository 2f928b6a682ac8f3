//! Casso's two webhooks. The first sends a secure token and a list of items; the second one item,
//! signed over the whole body re-serialised with sorted keys, not over the bytes that arrive.
//!
//! There is no direction field: a negative amount is money out.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::body::{self, Object};
use super::javascript::{self, Form};
use super::sepay::{headers, local};
use super::{Credentials, Delivery, Refusal, Request, SignedRequest, amount, signature, time};
use crate::domain::account::AccountNumber;
use crate::domain::money::Dong;
use crate::domain::settlement::{BankRef, Direction, Item, NotMoney, Settlement};

/// What the console's test call carries as bank reference.
const TEST_REFERENCE: &str = "MA_GIAO_DICH_THU_NGHIEM";

/// `Secure-Token: <token>`.
pub(super) fn receive_v1(credentials: &Credentials<'_>, request: &Request<'_>) -> Result<Delivery, Refusal> {
    if !signature::is_secret(credentials, signature::required(request, "Secure-Token")?) {
        return Err(Refusal::Unauthenticated("Secure-Token is not one of the live ones"));
    }
    read_v1(request).map(body::delivery)
}

/// `X-Casso-Signature: t=<milliseconds>,v1=<hex>`: HMAC-SHA512 over `t.<sorted JSON>`.
pub(super) fn receive_v2(credentials: &Credentials<'_>, request: &Request<'_>) -> Result<Delivery, Refusal> {
    let (stamp, given) = signature_v2(signature::required(request, "X-Casso-Signature")?)
        .ok_or(Refusal::Unauthenticated("X-Casso-Signature is not of the form t=…,v1=…"))?;
    let signed_ms = signature::unix_seconds(stamp)?;
    let no_signature = |_| Refusal::Unauthenticated("what cannot be read cannot have been signed");
    let value = Value::Object(body::object(request.body).map_err(no_signature)?);
    let forms = [Form::JavaScript, Form::Php].map(|form| javascript::stringify(&value, form));
    let passes = |secret: &str| {
        forms.iter().fold(false, |found, json| {
            let mac = signature::sha512(secret.as_bytes(), &[stamp.as_bytes(), b".", json.as_bytes()]);
            signature::same(signature::hex(&mac).as_bytes(), given.as_bytes()) | found
        })
    };
    if !signature::any(credentials, passes) {
        return Err(Refusal::Unauthenticated("X-Casso-Signature does not fit the body and the time"));
    }
    signature::in_window(credentials, signed_ms.div_euclid(1_000))?;
    read_v2(request).map(body::delivery)
}

fn signature_v2(header: &str) -> Option<(&str, &str)> {
    let (mut stamp, mut mac) = (None, None);
    for part in header.split(',') {
        let slot = match part.trim().split_once('=')? {
            ("t", value) => (&mut stamp, value),
            ("v1", value) => (&mut mac, value),
            _ => continue,
        };
        if slot.0.replace(slot.1).is_some() {
            return None;
        }
    }
    stamp.zip(mac)
}

/// Reads the first webhook's body.
pub(super) fn read_v1(request: &Request<'_>) -> Result<Vec<Item>, Refusal> {
    let object = body::object(request.body)?;
    if reports_error(&object) {
        return Ok(vec![Item::Ignored { why: NotMoney::OtherEvent, settlement: None }]);
    }
    body::list("data", object.get("data"), |item| {
        read_item(item, |direction, amount| {
            Ok(Settlement {
                event_id: body::event_id(item, "id")?,
                direction,
                amount,
                settled: match body::optional_account(item, &["bank_sub_acc_id", "subAccId"])? {
                    Some(account) => account,
                    None => return Err("bank_sub_acc_id is missing".to_owned()),
                },
                addressed: body::optional_account(item, &["virtual_account", "virtualAccount"])?,
                bank_hint: body::hint(item, &["bank_abbr", "bank_name", "bankAbbreviation", "bankName"]),
                reference: body::reference(item, &["tid"])?,
                event_time: time::local("when", item.get("when"))?,
                memo: body::memo(&[body::text(item, "description")]),
                payer: body::payer(&[
                    body::first_text(item, &["corresponsive_name", "corresponsiveName"]),
                    body::first_text(item, &["corresponsive_account", "corresponsiveAccount"]),
                ]),
            })
        })
    })
}

/// Reads the second webhook's body.
pub(super) fn read_v2(request: &Request<'_>) -> Result<Vec<Item>, Refusal> {
    let object = body::object(request.body)?;
    if reports_error(&object) {
        return Ok(vec![Item::Ignored { why: NotMoney::OtherEvent, settlement: None }]);
    }
    let Some(Value::Object(item)) = object.get("data") else {
        return Err(Refusal::Unreadable("data must be an object".to_owned()));
    };
    body::single(read_item(item, |direction, amount| {
        Ok(Settlement {
            event_id: body::event_id(item, "id")?,
            direction,
            amount,
            settled: body::account(item, "accountNumber")?,
            addressed: body::optional_account(item, &["virtualAccountNumber"])?,
            bank_hint: body::hint(item, &["bankAbbreviation", "bankName"]),
            reference: body::reference(item, &["reference"])?,
            event_time: time::local("transactionDateTime", item.get("transactionDateTime"))?,
            memo: body::memo(&[body::text(item, "description")]),
            payer: body::payer(&[body::text(item, "counterAccountName"), body::text(item, "counterAccountNumber")]),
        })
    }))
}

/// A call that reports a fault of Casso's own reports no money.
fn reports_error(object: &Object) -> bool {
    match object.get("error") {
        None | Some(Value::Null) => false,
        Some(Value::Number(number)) => amount::whole_text(number.as_str()).as_deref() != Ok("0"),
        Some(Value::String(text)) => text != "0",
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => true,
    }
}

fn read_item(
    item: &Object,
    settlement: impl Fn(Direction, Dong) -> Result<Settlement, String>,
) -> Result<Item, String> {
    let amount =
        amount::read(item.get("amount").ok_or("amount is missing")?).map_err(|why| format!("amount: {why}"))?;
    let is_test = body::id(item, "id")?.as_deref() == Some("0")
        || ["tid", "reference"].iter().any(|field| body::text(item, field) == TEST_REFERENCE);
    if is_test {
        return Ok(Item::Ignored { why: NotMoney::TestCall, settlement: None });
    }
    if amount < Dong::ZERO {
        let out = amount.checked_neg().ok_or("amount is out of range")?;
        let settlement = out.settlement().ok().and_then(|out| settlement(Direction::Debit, out).ok());
        return Ok(Item::Ignored { why: NotMoney::Debit, settlement });
    }
    let amount = amount.settlement().map_err(|error| format!("amount: {error}"))?;
    settlement(Direction::Credit, amount).map(Item::Credit)
}

fn signed_amount(settlement: &Settlement) -> i64 {
    let amount = settlement.amount.whole();
    if settlement.direction == Direction::Credit { amount } else { -amount }
}

fn written_id(settlement: &Settlement) -> Value {
    settlement.event_id.text().into()
}

pub(super) fn sign_v1(secret: &str, settlement: &Settlement) -> SignedRequest {
    let body = json!({"error": 0, "data": [{
        "id": written_id(settlement), "tid": settlement.reference.as_ref().map(BankRef::as_str),
        "description": settlement.memo, "amount": signed_amount(settlement), "cusum_balance": 0,
        "when": local(settlement.event_time), "bank_sub_acc_id": settlement.settled.as_str(),
        "subAccId": settlement.settled.as_str(), "bank_name": settlement.bank_hint.as_deref(),
        "virtual_account": settlement.addressed.as_ref().map(AccountNumber::as_str), "corresponsive_name": settlement.payer,
    }]});
    SignedRequest { sub_path: "", headers: headers(&[("Secure-Token", secret.to_owned())]), body: body.to_string() }
}

pub(super) fn sign_v2(secret: &str, settlement: &Settlement, now: Timestamp) -> SignedRequest {
    let body = json!({"error": 0, "data": {
        "id": written_id(settlement), "reference": settlement.reference.as_ref().map(BankRef::as_str),
        "description": settlement.memo, "amount": signed_amount(settlement), "runningBalance": 0,
        "transactionDateTime": local(settlement.event_time), "accountNumber": settlement.settled.as_str(),
        "bankName": settlement.bank_hint.as_deref(), "bankAbbreviation": "",
        "virtualAccountNumber": settlement.addressed.as_ref().map_or("", |a| a.as_str()), "virtualAccountName": "",
        "counterAccountName": settlement.payer, "counterAccountNumber": "", "counterAccountBankId": "",
        "counterAccountBankName": "",
    }});
    let stamp = now.as_millisecond().to_string();
    let json = javascript::stringify(&body, Form::JavaScript);
    let mac = signature::sha512(secret.as_bytes(), &[stamp.as_bytes(), b".", json.as_bytes()]);
    let signature = format!("t={stamp},v1={}", signature::hex(&mac));
    SignedRequest { sub_path: "", headers: headers(&[("X-Casso-Signature", signature)]), body: body.to_string() }
}
