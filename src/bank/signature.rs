//! Authentication: headers, HMACs and tokens, all compared in constant time over raw bytes.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

use super::{Credentials, Refusal, Request};

/// Returns a header's value; `None` when it is missing. Two headers of one name that decide about
/// authentication are an attack or a broken proxy, never a sender.
///
/// # Errors
/// [`Refusal::Unauthenticated`] when the header stands there twice or is not text.
pub(super) fn header<'a>(request: &Request<'a>, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut found = request.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    let first = found.next();
    if found.next().is_some() {
        return Err(Refusal::Unauthenticated("a header that authenticates stands there twice"));
    }
    let text = first.map(|(_, value)| std::str::from_utf8(value)).transpose();
    text.map(|value| value.map(str::trim)).map_err(|_| Refusal::Unauthenticated("a header is not text"))
}

/// Returns a header that must be there.
pub(super) fn required<'a>(request: &Request<'a>, name: &str) -> Result<&'a str, Refusal> {
    header(request, name)?.ok_or(Refusal::Unauthenticated("a header that authenticates is missing"))
}

/// Tells whether `given` is one of the live secrets, in constant time whatever their lengths.
pub(super) fn is_secret(credentials: &Credentials<'_>, given: &str) -> bool {
    any(credentials, |secret| same(secret.as_bytes(), given.as_bytes()))
}

/// Tells whether any live secret passes; all are tried, so that time does not tell which one.
pub(super) fn any(credentials: &Credentials<'_>, passes: impl Fn(&str) -> bool) -> bool {
    credentials.secrets.iter().filter(|secret| !secret.is_empty()).fold(false, |found, secret| passes(secret) | found)
}

/// Compares in constant time; both are hashed first, so that a length does not show either.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    bool::from(Sha256::digest(one).ct_eq(&Sha256::digest(other)))
}

/// Returns HMAC-SHA256 over the parts, one after another.
pub(super) fn sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// Returns HMAC-SHA512 over the parts, one after another.
pub(super) fn sha512(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha512>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// Writes bytes in lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads a signed time of whole seconds.
pub(super) fn unix_seconds(text: &str) -> Result<i64, Refusal> {
    let plain = !text.is_empty() && text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = if plain { text.parse().ok() } else { None };
    seconds.ok_or(Refusal::Unauthenticated("the signed time is not a number of seconds"))
}

/// Checks a signed time against the window; call it only after the signature held.
pub(super) fn in_window(credentials: &Credentials<'_>, signed_s: i64) -> Result<(), Refusal> {
    let skew_s = signed_s.saturating_sub(credentials.now.as_second());
    if skew_s.saturating_abs() <= credentials.tolerance_s { Ok(()) } else { Err(Refusal::Stale { skew_s }) }
}
