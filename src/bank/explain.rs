//! Why a request is not taken: the steps of its authentication, and what most likely went wrong. For the
//! engineer at the other end, who sees "401" and nothing else.
//!
//! It knows the secrets, so that what it says goes to whoever runs the installation and to nobody who
//! only sent a request.

use super::{Credentials, Delivery, Refusal, Request, receive};
use crate::domain::settlement::Dialect;

/// What became of a request, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation {
    /// It authenticates and can be read; so many items.
    Taken(usize),
    /// It authenticates, but its time is off by so many seconds: one of both clocks is wrong, or it
    /// waited somewhere.
    Skew(i64),
    /// It authenticates, but the body cannot be read: which field breaks which rule.
    Unreadable(String),
    /// The dialect has no such path.
    NoSuchPath,
    /// A header that authenticates is missing, doubled or not text.
    Header(&'static str),
    /// It would authenticate in another dialect: the source was set up as the wrong one.
    OtherDialect(Dialect),
    /// It would authenticate with another spelling of the body: somebody parsed it and wrote it anew
    /// between the signing and us.
    BodyChanged(Change),
    /// It would authenticate if the secret had no blanks around it.
    SecretBlanks,
    /// Headers and form are right: the secret is another, or other bytes were signed.
    WrongSecret,
}

/// How a body was changed after it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A line end was added at its end.
    LineEndAdded,
    /// A line end was taken from its end.
    LineEndRemoved,
    /// Blanks between the parts of the JSON were added.
    BlanksAdded,
    /// Blanks between the parts of the JSON were removed.
    BlanksRemoved,
}

/// Explains a request.
#[must_use]
pub fn explain(dialect: Dialect, credentials: &Credentials<'_>, request: &Request<'_>) -> Explanation {
    match receive(dialect, credentials, request) {
        Ok(Delivery::Items(items)) => Explanation::Taken(items.len()),
        Ok(Delivery::TokenIssued { .. }) => Explanation::Taken(0),
        Err(Refusal::Stale { skew_s }) => Explanation::Skew(skew_s),
        Err(Refusal::Unreadable(why)) => Explanation::Unreadable(why),
        Err(Refusal::NoSuchPath) => Explanation::NoSuchPath,
        Err(Refusal::Unauthenticated(why)) => unauthenticated(dialect, credentials, request, why),
    }
}

fn unauthenticated(
    dialect: Dialect,
    credentials: &Credentials<'_>,
    request: &Request<'_>,
    why: &'static str,
) -> Explanation {
    if let Some(meant) =
        Dialect::ALL.into_iter().find(|other| *other != dialect && passes(*other, credentials, request))
    {
        return Explanation::OtherDialect(meant);
    }
    if why.contains("header") || why.contains("is not of the form") {
        return Explanation::Header(why);
    }
    for (change, body) in spellings(request.body) {
        if passes(dialect, credentials, &Request { body: &body, ..*request }) {
            return Explanation::BodyChanged(change);
        }
    }
    let bare: Vec<String> = credentials.secrets.iter().map(|secret| secret.trim().to_owned()).collect();
    if bare != credentials.secrets && passes(dialect, &Credentials { secrets: &bare, ..*credentials }, request) {
        return Explanation::SecretBlanks;
    }
    Explanation::WrongSecret
}

/// Tells whether a request authenticates, whatever its time and its content.
fn passes(dialect: Dialect, credentials: &Credentials<'_>, request: &Request<'_>) -> bool {
    let said = receive(dialect, credentials, request);
    matches!(said, Ok(_) | Err(Refusal::Stale { .. } | Refusal::Unreadable(_)))
}

/// The body as it may have been signed, with what was done to it since.
fn spellings(body: &[u8]) -> Vec<(Change, Vec<u8>)> {
    let mut spellings = Vec::new();
    if let Some(bare) = body.strip_suffix(b"\r\n").or_else(|| body.strip_suffix(b"\n")) {
        spellings.push((Change::LineEndAdded, bare.to_vec()));
    }
    spellings.push((Change::LineEndRemoved, [body, b"\n"].concat()));
    if let Ok(text) = std::str::from_utf8(body) {
        let compact = respelled(text, "", "");
        if compact.as_bytes() != body {
            spellings.push((Change::BlanksAdded, compact.into_bytes()));
        }
        spellings.push((Change::BlanksRemoved, respelled(text, " ", " ").into_bytes()));
        spellings.push((Change::BlanksRemoved, respelled(text, " ", "").into_bytes()));
    }
    spellings
}

/// Writes JSON with other blanks between its parts, and what stands in its texts untouched.
fn respelled(text: &str, after_colon: &str, after_comma: &str) -> String {
    let (mut written, mut quoted, mut escaped) = (String::with_capacity(text.len()), false, false);
    for character in text.chars() {
        if quoted {
            written.push(character);
            quoted = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            ' ' | '\t' | '\r' | '\n' => {}
            _ => written.push(character),
        }
        match character {
            '"' => quoted = true,
            ':' => written.push_str(after_colon),
            ',' => written.push_str(after_comma),
            _ => {}
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::respelled;

    #[test]
    fn blanks_change_between_the_parts_and_never_inside_a_text() {
        let json = "{ \"a b\":1,\n\"c\\\" : , d\": [1, 2] }";
        assert_eq!(respelled(json, "", ""), "{\"a b\":1,\"c\\\" : , d\":[1,2]}");
        assert_eq!(respelled(json, " ", " "), "{\"a b\": 1, \"c\\\" : , d\": [1, 2]}");
    }
}
