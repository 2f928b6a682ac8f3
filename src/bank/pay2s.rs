//! Pay2S: a bearer token and a list of movements. Its checksum's formula is not published.

use serde_json::json;

use super::body::{self, Object};
use super::sepay::{headers, local};
use super::{Credentials, Delivery, Refusal, Request, SignedRequest, amount, signature, time};
use crate::domain::account::AccountNumber;
use crate::domain::settlement::{BankRef, Direction, Item, NotMoney, Settlement};

pub(super) fn receive(credentials: &Credentials<'_>, request: &Request<'_>) -> Result<Delivery, Refusal> {
    let given = signature::required(request, "Authorization")?.strip_prefix("Bearer ");
    let given = given.ok_or(Refusal::Unauthenticated("Authorization is not of the form Bearer TOKEN"))?;
    if !signature::is_secret(credentials, given) {
        return Err(Refusal::Unauthenticated("the bearer token is not one of the live ones"));
    }
    read(request).map(body::delivery)
}

pub(super) fn read(request: &Request<'_>) -> Result<Vec<Item>, Refusal> {
    let object = body::object(request.body)?;
    body::list("transactions", object.get("transactions"), item)
}

fn item(object: &Object) -> Result<Item, String> {
    match body::text(object, "transferType").to_ascii_uppercase().as_str() {
        "IN" => settlement(object, Direction::Credit).map(Item::Credit),
        "OUT" => Ok(Item::Ignored { why: NotMoney::Debit, settlement: settlement(object, Direction::Debit).ok() }),
        _ => Err("transferType must be IN or OUT".to_owned()),
    }
}

fn settlement(object: &Object, direction: Direction) -> Result<Settlement, String> {
    let amount = object.get("transferAmount").ok_or("transferAmount is missing")?;
    Ok(Settlement {
        event_id: body::event_id(object, "id")?,
        direction,
        amount: amount::credit(amount).map_err(|why| format!("transferAmount: {why}"))?,
        settled: body::account(object, "accountNumber")?,
        addressed: body::optional_account(object, &["subAccount", "virtualAccount"])?,
        bank_hint: body::hint(object, &["gateway"]),
        reference: body::reference(object, &["transactionNumber"])?,
        event_time: time::local("transactionDate", object.get("transactionDate"))?,
        memo: body::memo(&[body::text(object, "content")]),
        payer: String::new(),
    })
}

pub(super) fn sign(secret: &str, settlement: &Settlement) -> SignedRequest {
    let id = settlement.event_id.text();
    let body = json!({"transactions": [{
        "id": id, "gateway": settlement.bank_hint.as_deref(), "transactionDate": local(settlement.event_time),
        "transactionNumber": settlement.reference.as_ref().map(BankRef::as_str),
        "accountNumber": settlement.settled.as_str(),
        "subAccount": settlement.addressed.as_ref().map(AccountNumber::as_str), "content": settlement.memo,
        "transferType": if settlement.direction == Direction::Credit { "IN" } else { "OUT" },
        "transferAmount": settlement.amount.whole(), "checksum": "",
    }]});
    SignedRequest {
        sub_path: "",
        headers: headers(&[("Authorization", format!("Bearer {secret}"))]),
        body: body.to_string(),
    }
}
