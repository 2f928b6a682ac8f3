//! Secrets as they lie in the database: encrypted under a key that is not there (XChaCha20-Poly1305), and
//! bound to the row they belong to, so that one that is moved elsewhere does not open.
//!
//! A sealed secret is text: `sealed1:<fingerprint of the key>:<nonce and ciphertext, base64>`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::hash::{Hash, from_hex};

/// What every sealed secret begins with; another form gets another number.
pub const PREFIX: &str = "sealed1:";
/// Bytes of a nonce: so many that random ones never meet.
pub const NONCE: usize = 24;

/// A key that seals secrets. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretsKey([u8; 32]);

impl fmt::Debug for SecretsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretsKey({})", self.fingerprint())
    }
}

/// Why a secret cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealError {
    /// The text is no key.
    #[error("a key has 32 bytes, written as 64 hex digits or in base64")]
    NotAKey,
    /// Another key sealed it.
    #[error("it was sealed with the key {wanted}, this one is {held}")]
    OtherKey {
        /// The fingerprint that it names.
        wanted: String,
        /// The fingerprint of the key at hand.
        held: String,
    },
    /// It is not what was sealed, or not where it was sealed for.
    #[error("it was changed, or belongs to another row")]
    Broken,
}

impl SecretsKey {
    /// Returns the key of these bytes.
    #[must_use]
    pub fn of(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads a key: 64 hex digits or base64.
    ///
    /// # Errors
    /// [`SealError::NotAKey`].
    pub fn read(text: &str) -> Result<Self, SealError> {
        let text = text.trim();
        let standard = base64::engine::general_purpose::STANDARD.decode(text).ok();
        let bytes = from_hex(text).or(standard).or_else(|| BASE64.decode(text).ok());
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(SealError::NotAKey)
    }

    /// Returns the key as its file holds it.
    #[must_use]
    pub fn written(&self) -> String {
        Hash(self.0).to_string()
    }

    /// Returns by what the key is known: eight hex digits that tell nothing of it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::new().chain_update(b"socho secrets key v1").chain_update(self.0).finalize();
        Hash(digest.into()).to_string().chars().take(8).collect()
    }

    /// Seals a secret for a place, such as `sources:12`, under a nonce that was never used.
    ///
    /// # Errors
    /// [`SealError::Broken`] beyond what the cipher takes, which no secret is.
    pub fn seal(&self, place: &str, secret: &[u8], nonce: [u8; NONCE]) -> Result<String, SealError> {
        let payload = Payload { msg: secret, aad: place.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Broken)?;
        let bytes: Vec<u8> = nonce.into_iter().chain(sealed).collect();
        Ok(format!("{PREFIX}{}:{}", self.fingerprint(), BASE64.encode(bytes)))
    }

    /// Opens a sealed secret at its place.
    ///
    /// # Errors
    /// [`SealError::OtherKey`], [`SealError::Broken`].
    pub fn open(&self, place: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        let (wanted, bytes) = parts(sealed).ok_or(SealError::Broken)?;
        let held = self.fingerprint();
        if wanted != held {
            return Err(SealError::OtherKey { wanted: wanted.to_owned(), held });
        }
        let bytes = BASE64.decode(bytes).map_err(|_| SealError::Broken)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(SealError::Broken)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Broken)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }
}

fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(PREFIX)?.split_once(':')
}

/// Returns the fingerprint of the key that sealed a text; none when the text is not sealed.
#[must_use]
pub fn sealed_with(text: &str) -> Option<&str> {
    parts(text).map(|(fingerprint, _)| fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "sources:12";

    fn key(byte: u8) -> SecretsKey {
        SecretsKey::of([byte; 32])
    }

    #[test]
    fn a_sealed_secret_opens_at_its_place_under_its_key_and_nowhere_else() {
        let sealed = key(1).seal(PLACE, b"whsec_abc", [7; NONCE]).unwrap();
        assert!(sealed.starts_with(PREFIX) && !sealed.contains("whsec"), "{sealed}");
        assert_eq!(key(1).open(PLACE, &sealed).unwrap(), b"whsec_abc");
        assert_eq!(key(1).open("sources:13", &sealed), Err(SealError::Broken));
        assert!(matches!(key(2).open(PLACE, &sealed), Err(SealError::OtherKey { .. })));
        assert_eq!(sealed_with(&sealed), Some(key(1).fingerprint().as_str()));
        assert_eq!(sealed_with("a plain secret"), None);
    }

    #[test]
    fn one_changed_character_of_a_sealed_secret_is_seen() {
        let sealed = key(1).seal(PLACE, b"whsec_abc", [7; NONCE]).unwrap();
        for place in 0..sealed.len() {
            let mut changed: Vec<char> = sealed.chars().collect();
            changed[place] = if changed[place] == 'A' { 'B' } else { 'A' };
            let changed: String = changed.into_iter().collect();
            assert!(key(1).open(PLACE, &changed).is_err(), "{changed}");
        }
        assert!(key(1).open(PLACE, "").is_err() && key(1).open(PLACE, "sealed1::").is_err());
    }

    #[test]
    fn a_key_reads_back_and_is_never_shown() {
        let written = key(9).written();
        assert_eq!(SecretsKey::read(&format!("{written}\n")), Ok(key(9)));
        assert_eq!(SecretsKey::read("CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="), Ok(key(9)));
        for bad in ["", "09", &written[..62], "not a key at all"] {
            assert_eq!(SecretsKey::read(bad), Err(SealError::NotAKey), "{bad:?}");
        }
        let shown = format!("{:?}", key(9));
        assert!(!shown.contains(&written) && shown.contains(&key(9).fingerprint()), "{shown}");
    }
}
