//! Closes and keys as the API and the command line show them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::close_day::ClosedDay;
use super::error::{AppError, ErrorKind, Message};
use super::reconcile_view::verdict;
use super::signing_keys::MarketKeys;
use crate::domain::calendar::rfc3339;
use crate::domain::ids::{MarketCode, Seq};
use crate::ledger::seal::close::SignedClose;
use crate::ledger::seal::key::{KeyError, MarketKey, PublicKey};
use crate::ledger::seal::proof::PublishedKey;
use crate::report::json::sealed_bank_json;

/// Returns a date that was just closed.
#[must_use]
pub fn close_json(day: &ClosedDay) -> Value {
    let mut shown = signed_close_json(&day.signed);
    let names: Vec<String> = day.weak.iter().map(ToString::to_string).collect();
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("weak_postings".to_owned(), names.into());
        let bank = &day.reconciliation;
        let reconciliation = json!({
            "status": bank.state.as_str(), "agrees": bank.agrees(), "difference": bank.difference.whole(),
            "verdict": verdict(bank).1, "signed_by": bank.signature.as_ref().map(|one| one.signed_by.as_str()),
        });
        fields.insert("reconciliation".to_owned(), reconciliation);
    }
    shown
}

/// Returns a close: its main figures by name, and the signed text letter for letter.
#[must_use]
pub fn signed_close_json(signed: &SignedClose) -> Value {
    let close = &signed.close;
    json!({
        "market": close.market.as_str(), "business_date": close.business_date.to_string(), "status": "closed",
        "closed_at": rfc3339(close.closed_at), "closed_by": close.closed_by, "early": close.early,
        "currency": "VND", "payments": close.payments, "amount": close.amount.whole(), "weak": close.weak,
        "postings": close.postings, "first_seq": close.first_seq.map(Seq::get),
        "last_seq": close.last_seq.map(Seq::get), "journal_seq": close.journal_seq.get(),
        "merkle_root": close.merkle_root.to_string(), "previous": close.previous.to_string(),
        "hash": signed.hash.to_string(), "key": close.key, "statement": signed.statement,
        "signature": STANDARD.encode(&signed.signature),
        "bank": close.bank.as_ref().and_then(|bank| sealed_bank_json(bank).ok()),
    })
}

/// Returns one key with its announcement.
#[must_use]
pub fn key_json(market: &MarketCode, key: &MarketKey) -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.public.fingerprint(),
        "x": URL_SAFE_NO_PAD.encode(key.public.bytes()), "market": market.as_str(), "number": key.number,
        "created_at": rfc3339(key.created_at), "public_key": key.public.to_string(), "pem": key.public.to_pem(),
        "published": PublishedKey::of(key),
    })
}

/// Returns all keys as a JSON Web Key Set (RFC 7517, RFC 8037) with our own fields beside.
#[must_use]
pub fn keys_json(markets: &[MarketKeys]) -> Value {
    let keys: Vec<Value> =
        markets.iter().flat_map(|market| market.keys.iter().map(|key| key_json(&market.market, key))).collect();
    json!({ "keys": keys })
}

/// Reads a public key as people hand it over: base64, hex, or PEM.
///
/// # Errors
/// `key_invalid`.
pub fn public_key(text: &str) -> Result<PublicKey, AppError> {
    text.parse().map_err(|error: KeyError| {
        let vi = "Khóa công khai không đúng: cần 32 byte base64 hoặc hex, hoặc tệp PEM của Ed25519.";
        AppError::new(ErrorKind::Invalid, "key_invalid", Message::new(vi, format!("The key is not valid: {error}.")))
    })
}
