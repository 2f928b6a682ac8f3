//! Reading foreign JSON: one place for its limits and for what a field may be.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::signature::hex;
use super::{Delivery, ITEMS_MAX, Refusal};
use crate::domain::account::AccountNumber;
use crate::domain::settlement::{BankRef, EventId, Item};

/// Longest event id or reference, in bytes: a longer one is refused, for cutting it could make two
/// payments one.
const ID_MAX: usize = 200;
/// Characters of memo and payer that are kept; banks cut theirs at about 210.
const TEXT_MAX: usize = 1_000;

/// An object of the body.
pub(super) type Object = Map<String, Value>;

/// Reads a body that must be one JSON object.
pub(super) fn object(body: &[u8]) -> Result<Object, Refusal> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match serde_json::from_slice(&whole_characters(body)) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Err(Refusal::Unreadable("the body must be a JSON object".to_owned()))
        }
        Err(error) => {
            Err(Refusal::Unreadable(format!("the body is not JSON: line {}, column {}", error.line(), error.column())))
        }
    }
}

/// Writes U+FFFD where half a character is escaped (`\ud83d` alone), as JavaScript does when it
/// writes UTF-8: a bank that cuts a memo inside an emoji must not cost the payment.
fn whole_characters(body: &[u8]) -> Cow<'_, [u8]> {
    let mut whole = Vec::new();
    let mut kept = 0;
    let mut place = 0;
    while let Some(next) = body.get(place..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        let escape = place.saturating_add(next);
        place = escape.saturating_add(2);
        let Some(unit) = escaped_unit(body, escape) else { continue };
        place = escape.saturating_add(6);
        match unit {
            0xD800..=0xDBFF if matches!(escaped_unit(body, place), Some(0xDC00..=0xDFFF)) => {
                place = place.saturating_add(6);
            }
            0xD800..=0xDFFF => {
                whole.extend_from_slice(body.get(kept..escape).unwrap_or_default());
                whole.extend_from_slice(b"\\ufffd");
                kept = place;
            }
            _ => {}
        }
    }
    if kept == 0 {
        return Cow::Borrowed(body);
    }
    whole.extend_from_slice(body.get(kept..).unwrap_or_default());
    Cow::Owned(whole)
}

/// Reads the UTF-16 unit of an escape `\uXXXX` that stands at this place.
fn escaped_unit(body: &[u8], place: usize) -> Option<u16> {
    let digits = body.get(place..place.checked_add(6)?)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

/// Reads a list of items: a bad one among several is rejected alone, a single bad one refuses the
/// delivery.
pub(super) fn list(
    field: &str,
    value: Option<&Value>,
    read: impl Fn(&Object) -> Result<Item, String>,
) -> Result<Vec<Item>, Refusal> {
    let Some(Value::Array(values)) = value else {
        return Err(Refusal::Unreadable(format!("{field} must be a list")));
    };
    if values.len() > ITEMS_MAX {
        return Err(Refusal::Unreadable(format!(
            "{field} holds {} items; at most {ITEMS_MAX} are taken",
            values.len()
        )));
    }
    let read_one = |value: &Value| match value {
        Value::Object(object) => read(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(format!("{field} must hold objects"))
        }
    };
    let items: Vec<Result<Item, String>> = values.iter().map(read_one).collect();
    match items.as_slice() {
        [Err(why)] => Err(Refusal::Unreadable(why.clone())),
        _ => Ok(items.into_iter().map(|item| item.unwrap_or_else(|why| Item::Rejected { why })).collect()),
    }
}

/// Wraps the reading of a single item as a delivery.
pub(super) fn single(item: Result<Item, String>) -> Result<Vec<Item>, Refusal> {
    item.map(|item| vec![item]).map_err(Refusal::Unreadable)
}

/// Returns the items as a delivery.
pub(super) fn delivery(items: Vec<Item>) -> Delivery {
    Delivery::Items(items)
}

/// Returns a text field's value, or nothing when it is missing, null or not a text.
pub(super) fn text<'a>(object: &'a Object, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the first of several spellings of a field that is there.
pub(super) fn first<'a>(object: &'a Object, fields: &[&str]) -> Option<&'a Value> {
    fields.iter().find_map(|field| object.get(*field)).filter(|value| !value.is_null())
}

/// Returns the first non-empty text among several spellings of a field.
pub(super) fn first_text<'a>(object: &'a Object, fields: &[&str]) -> &'a str {
    fields.iter().map(|field| text(object, field)).find(|text| !text.is_empty()).unwrap_or_default()
}

/// Reads an id that is a text or a whole number; `None` when it is missing or empty.
pub(super) fn id(object: &Object, field: &str) -> Result<Option<String>, String> {
    let id = match object.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => super::amount::whole_text(number.as_str())
            .map_err(|_| format!("{field} must be a whole number or a text"))?,
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            return Err(format!("{field} must be a whole number or a text"));
        }
    };
    bounded(field, id).map(|id| Some(id).filter(|id| !id.is_empty()))
}

/// Returns the sender's event id, or the hash of the item's bytes when there is none.
pub(super) fn event_id(object: &Object, field: &str) -> Result<EventId, String> {
    Ok(id(object, field)?.map_or_else(|| weak(object), |id| EventId::Given(id.into())))
}

/// Returns the weak identity of an item that has no name of its own.
pub(super) fn weak(object: &Object) -> EventId {
    EventId::Weak(hex(&Sha256::digest(Value::Object(object.clone()).to_string())).into())
}

/// Reads the bank's reference.
pub(super) fn reference(object: &Object, fields: &[&str]) -> Result<Option<BankRef>, String> {
    for field in fields {
        if let Some(reference) = id(object, field)? {
            return Ok(BankRef::normalise(&reference));
        }
    }
    Ok(None)
}

/// Reads an account number that must be there.
pub(super) fn account(object: &Object, field: &'static str) -> Result<AccountNumber, String> {
    optional_account(object, &[field])?.ok_or_else(|| format!("{field} is missing"))
}

/// Reads an account number under the first of several spellings; empty means none.
pub(super) fn optional_account(object: &Object, fields: &[&str]) -> Result<Option<AccountNumber>, String> {
    match fields.iter().find_map(|field| id(object, field).transpose().map(|id| (field, id))) {
        None => Ok(None),
        Some((field, number)) => {
            number?.parse().map(Some).map_err(|error: crate::domain::ids::IdError| format!("{field}: {error}"))
        }
    }
}

/// Joins the texts that may carry the memo code, each once, one a line. A line break inside a text
/// becomes a blank: banks break lines anywhere, in the middle of a code too.
pub(super) fn memo(parts: &[&str]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for part in parts.iter().map(|part| part.trim().replace(['\r', '\n'], " ")).filter(|part| !part.is_empty()) {
        if !lines.iter().any(|line| line.contains(&part)) {
            lines.push(part);
        }
    }
    clip(&lines.join("\n"))
}

/// Joins what is told of the payer.
pub(super) fn payer(parts: &[&str]) -> String {
    clip(&parts.iter().copied().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · "))
}

/// Keeps the head of a text; what does not decide about money may be cut. NUL, which PostgreSQL
/// cannot store, becomes the sign for it.
fn clip(text: &str) -> String {
    text.chars().take(TEXT_MAX).map(|c| if c == '\0' { '␀' } else { c }).collect()
}

fn bounded(field: &str, text: String) -> Result<String, String> {
    if text.len() > ID_MAX || text.contains('\0') {
        Err(format!("{field} is longer than {ID_MAX} bytes or holds NUL"))
    } else {
        Ok(text)
    }
}

/// Returns the provider's name for the bank, when it gives one.
pub(super) fn hint(object: &Object, fields: &[&str]) -> Option<Arc<str>> {
    let hint = first_text(object, fields).trim();
    (!hint.is_empty()).then(|| clip(hint).into())
}
