//! VietQR.vn calls twice: for a token with our user name and password, then with the token and one
//! movement.
//!
//! The token is stateless, so that any process can check what another handed out: its end and an
//! HMAC of that under the secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::body::{self, Object};
use super::sepay::headers;
use super::{Credentials, Delivery, Refusal, Request, SignedRequest, amount, signature, time};
use crate::domain::calendar::VIETNAM;
use crate::domain::settlement::{BankRef, Direction, EventId, EventTime, Item, NotMoney, Settlement};

/// Seconds for which a token is good; VietQR.vn asks anew for each delivery.
const TOKEN_LIFE_S: i64 = 300;
const TOKEN_PATH: &str = "/api/token_generate";
const SYNC_PATH: &str = "/bank/api/transaction-sync";

pub(super) fn receive(credentials: &Credentials<'_>, request: &Request<'_>) -> Result<Delivery, Refusal> {
    match request.sub_path.trim_end_matches('/') {
        TOKEN_PATH => {
            let token = issue(credentials, request)?;
            Ok(Delivery::TokenIssued { token, expires_in_s: TOKEN_LIFE_S })
        }
        SYNC_PATH => {
            authenticate(credentials, request)?;
            read(credentials.local_as_utc, request).map(body::delivery)
        }
        _ => Err(Refusal::NoSuchPath),
    }
}

fn issue(credentials: &Credentials<'_>, request: &Request<'_>) -> Result<String, Refusal> {
    let wrong = Refusal::Unauthenticated("user name or password is wrong");
    let given = signature::required(request, "Authorization")?.strip_prefix("Basic ").ok_or(wrong.clone())?;
    let given = STANDARD.decode(given.trim()).map_err(|_| wrong.clone())?;
    let mut token = None;
    for secret in credentials.secrets.iter().filter(|secret| !secret.is_empty()) {
        if signature::same(secret.as_bytes(), &given) {
            token = Some(token_of(secret, credentials.now.as_second().saturating_add(TOKEN_LIFE_S)));
        }
    }
    token.ok_or(wrong)
}

fn token_of(secret: &str, ends_s: i64) -> String {
    let mac = signature::sha256(secret.as_bytes(), &[b"socho token ", ends_s.to_string().as_bytes()]);
    format!("{ends_s}.{}", signature::hex(&mac))
}

fn authenticate(credentials: &Credentials<'_>, request: &Request<'_>) -> Result<(), Refusal> {
    let wrong = Refusal::Unauthenticated("the bearer token is wrong or its time is over");
    let given = signature::required(request, "Authorization")?.strip_prefix("Bearer ").ok_or(wrong.clone())?.trim();
    let (ends, _) = given.split_once('.').ok_or(wrong.clone())?;
    let ends_s = signature::unix_seconds(ends).map_err(|_| wrong.clone())?;
    let genuine =
        signature::any(credentials, |secret| signature::same(token_of(secret, ends_s).as_bytes(), given.as_bytes()));
    if genuine && credentials.now.as_second() <= ends_s { Ok(()) } else { Err(wrong) }
}

pub(super) fn read(local_as_utc: bool, request: &Request<'_>) -> Result<Vec<Item>, Refusal> {
    let object = body::object(request.body)?;
    body::single(item(&object, local_as_utc))
}

fn item(object: &Object, local_as_utc: bool) -> Result<Item, String> {
    match body::first_text(object, &["transType", "transtype"]) {
        "C" | "c" => settlement(object, local_as_utc, Direction::Credit).map(Item::Credit),
        "D" | "d" => {
            let settlement = settlement(object, local_as_utc, Direction::Debit).ok();
            Ok(Item::Ignored { why: NotMoney::Debit, settlement })
        }
        _ => Err("transType must be C or D".to_owned()),
    }
}

fn settlement(object: &Object, local_as_utc: bool, direction: Direction) -> Result<Settlement, String> {
    let reference = body::reference(object, &["referencenumber", "referenceNumber"])?;
    // The transaction id repeats in the provider's own samples: it is a name only where nothing else is.
    let event_id = match &reference {
        Some(_) => EventId::ByReference,
        None => match body::id(object, "transactionid")? {
            Some(id) => EventId::Given(id.into()),
            None => body::event_id(object, "transactionId")?,
        },
    };
    let event_time = time::epoch("transactiontime", body::first(object, &["transactiontime", "transactionTime"]))?;
    let amount = object.get("amount").ok_or("amount is missing")?;
    Ok(Settlement {
        event_id,
        direction,
        amount: amount::credit(amount).map_err(|why| format!("amount: {why}"))?,
        settled: body::optional_account(object, &["bankaccount", "bankAccount"])?.ok_or("bankaccount is missing")?,
        addressed: None,
        bank_hint: None,
        reference,
        event_time: if local_as_utc { seven_hours_back(event_time) } else { event_time },
        memo: body::memo(&[body::text(object, "content")]),
        payer: String::new(),
    })
}

/// Undoes a clock that was read as if Vietnam's local time were UTC.
fn seven_hours_back(event_time: EventTime) -> EventTime {
    match event_time {
        EventTime::At(at) => {
            let shift = SignedDuration::from_secs(i64::from(VIETNAM.seconds()));
            EventTime::At(at.checked_sub(shift).unwrap_or(at))
        }
        EventTime::On(_) | EventTime::Missing => event_time,
    }
}

pub(super) fn sign(secret: &str, settlement: &Settlement, now: Timestamp) -> Option<SignedRequest> {
    let time = match settlement.event_time {
        EventTime::At(at) => Some(at.as_millisecond()),
        EventTime::On(date) => Some(date.starts_at().as_millisecond()),
        EventTime::Missing => None,
    };
    let id = settlement.event_id.text().unwrap_or_default();
    // What VietQR.vn cannot say cannot be written for it.
    if settlement.addressed.is_some() {
        return None;
    }
    let body = json!({
        "transactionid": id, "transactiontime": time,
        "referencenumber": settlement.reference.as_ref().map(BankRef::as_str), "amount": settlement.amount.whole(),
        "content": settlement.memo, "bankaccount": settlement.settled.as_str(),
        "transType": if settlement.direction == Direction::Credit { "C" } else { "D" }, "orderId": "",
        "terminalCode": "", "subTerminalCode": "", "serviceCode": "", "urlLink": "", "sign": "",
    });
    let token = token_of(secret, now.as_second().saturating_add(TOKEN_LIFE_S));
    Some(SignedRequest {
        sub_path: SYNC_PATH,
        headers: headers(&[("Authorization", format!("Bearer {token}"))]),
        body: body.to_string(),
    })
}
