//! The name that a program gives a request so that it may send it again (`Idempotency-Key`,
//! draft-ietf-httpapi-idempotency-key-header).

use std::fmt;
use std::str::FromStr;

use super::ids::IdError;

/// Longest key, in characters: a UUID fits three times over, a body does not.
pub const KEY_MAX: usize = 128;

/// A program's own name for a request: 1 to 128 visible ASCII characters without `"`, `\` and `,`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Returns the key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = IdError;

    /// Reads a key as the header carries it: in double quotes as the draft writes it (a string of RFC
    /// 9651), or bare as most programs do.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let trimmed = text.trim_matches([' ', '\t']);
        let quoted = trimmed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let key = quoted.unwrap_or(trimmed);
        let allowed = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b',');
        if (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(allowed) {
            return Ok(Self(key.to_owned()));
        }
        let rule = "1 to 128 visible ASCII characters without a double quote, backslash or comma";
        Err(IdError { what: "idempotency key", text: text.chars().take(60).collect(), rule })
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_the_same_with_and_without_its_quotes_and_others_are_refused() {
        let key: IdempotencyKey = "\"8e03978e-40d5-43dd\"".parse().unwrap();
        assert_eq!(Ok(key), "8e03978e-40d5-43dd".parse());
        let long = "k".repeat(KEY_MAX);
        assert!(long.parse::<IdempotencyKey>().is_ok());
        for bad in ["", "\"\"", "a b", "a,b", "\"a", "a\\b", "chợ", "\u{7f}", &format!("{long}k")] {
            assert!(bad.parse::<IdempotencyKey>().is_err(), "{bad:?}");
        }
    }
}
