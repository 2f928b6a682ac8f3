//! A market's signing keys: Ed25519 (RFC 8032), kept in the forms that `openssl` reads.
//!
//! A key is known by its number within the market, 1, 2, 3 …; each later key is endorsed by the
//! one before it, so that whoever trusts the first trusts them all.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::domain::calendar::rfc3339;
use crate::domain::hash::from_hex;
use crate::domain::ids::MarketCode;

/// What precedes the 32 bytes of a public key in DER (RFC 8410 §4, `SubjectPublicKeyInfo`).
const PUBLIC_DER: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What precedes the 32 bytes of a private key in DER (RFC 8410 §7, `OneAsymmetricKey` version 1).
const PRIVATE_DER: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not one of the forms of a public key.
    #[error("a public key is 32 bytes in base64 or hex, or a PEM block \"PUBLIC KEY\" of Ed25519")]
    Public,
    /// Not one of the forms of a private key.
    #[error("a private key is 32 bytes in base64, or a PEM block \"PRIVATE KEY\" of Ed25519")]
    Private,
}

/// A public key: whoever has it can check what the market signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a key's 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Public`] when they are no point of the curve.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::Public)?;
        VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| KeyError::Public)
    }

    /// Returns the key's 32 bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Tells whether `signature` is this key's over exactly these bytes; weak keys and malleable
    /// signatures are refused.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }

    /// Returns the short name by which people compare keys: the first 16 hex digits of the SHA-256
    /// of its bytes.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        crate::domain::hash::Hash(Sha256::digest(self.bytes()).into()).to_string().chars().take(16).collect()
    }

    /// Returns the key as `openssl` reads it.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem("PUBLIC KEY", &PUBLIC_DER, &self.bytes())
    }
}

impl fmt::Display for PublicKey {
    /// Writes the 32 bytes in base64.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = from_pem("PUBLIC KEY", &PUBLIC_DER, text).or_else(|| plain(text)).ok_or(KeyError::Public)?;
        Self::from_bytes(&bytes)
    }
}

/// A private key. It is never stored in the database and never shown.
pub struct PrivateKey(ed25519_dalek::SigningKey);

impl PrivateKey {
    /// Makes a key of 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Returns the public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs bytes; the same bytes always give the same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// Returns the key as `openssl` reads it, for the key file alone.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem("PRIVATE KEY", &PRIVATE_DER, self.0.as_bytes())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public().fingerprint())
    }
}

impl FromStr for PrivateKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = from_pem("PRIVATE KEY", &PRIVATE_DER, text).or_else(|| plain(text)).ok_or(KeyError::Private)?;
        let seed: [u8; 32] = bytes.try_into().map_err(|_| KeyError::Private)?;
        Ok(Self::from_seed(&seed))
    }
}

fn plain(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    if text.len() == 64 { from_hex(text) } else { STANDARD.decode(text).ok() }
}

fn pem(label: &str, prefix: &[u8], key: &[u8]) -> String {
    let body = STANDARD.encode([prefix, key].concat());
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

fn from_pem(label: &str, prefix: &[u8], text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()?.strip_prefix(prefix).map(<[u8]>::to_vec)
}

/// A market's key as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketKey {
    /// Its number within the market, from 1.
    pub number: i64,
    /// The key.
    pub public: PublicKey,
    /// When it was made.
    pub created_at: Timestamp,
    /// What was signed to make it the market's key: [`announcement`].
    pub statement: String,
    /// The signature of the key before it over that statement; the first key's own.
    pub endorsement: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Announcement<'a> {
    v: u8,
    market: &'a str,
    key: i64,
    public_key: String,
    created_at: String,
}

/// Returns the text that announces a key: the key before it signs exactly these bytes.
///
/// # Errors
/// When it cannot be written as JSON, which no value here causes.
pub fn announcement(
    market: &MarketCode,
    number: i64,
    public: &PublicKey,
    created_at: Timestamp,
) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Announcement {
        v: 1,
        market: market.as_str(),
        key: number,
        public_key: public.to_string(),
        created_at: rfc3339(created_at),
    })
}

/// Says what is wrong with a market's keys as published; they are given in the order of their
/// numbers. `None` when each is announced by its own text and endorsed by the one before.
#[must_use]
pub fn flaw(market: &MarketCode, keys: &[MarketKey]) -> Option<String> {
    let mut endorser = keys.first().map(|key| key.public)?;
    for (number, key) in (1_i64..).zip(keys) {
        let expected = announcement(market, key.number, &key.public, key.created_at).ok();
        if key.number != number {
            return Some(format!("key {number} of {market} is missing"));
        }
        if expected.as_deref() != Some(key.statement.as_str()) {
            return Some(format!("key {number} of {market}: its statement is about another key"));
        }
        if !endorser.verifies(key.statement.as_bytes(), &key.endorsement) {
            return Some(format!("key {number} of {market}: it is not endorsed by the key before it"));
        }
        endorser = key.public;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_from_the_forms_of_openssl() {
        // RFC 8032 §7.1, test 1; RFC 8410 §10 shows the same framing.
        let seed = from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let key = PrivateKey::from_seed(seed.as_slice().try_into().unwrap());
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(crate::domain::hash::Hash(key.public().bytes()).to_string(), public);
        assert_eq!(public.parse(), Ok(key.public()));
        assert_eq!(key.public().to_pem().parse(), Ok(key.public()));
        assert_eq!(key.public().to_string().parse(), Ok(key.public()));
        let again: PrivateKey = key.to_pem().parse().unwrap();
        assert_eq!(again.public(), key.public());
        assert!(key.public().verifies(b"a day", &key.sign(b"a day")));
        assert!(!key.public().verifies(b"a daY", &key.sign(b"a day")));
        assert!(!format!("{key:?}").contains("9d61"));
        for bad in ["", "short", &key.to_pem()] {
            assert!(bad.parse::<PublicKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_that_nobody_endorsed_is_found() {
        let market: MarketCode = "TAN".parse().unwrap();
        let keys: Vec<PrivateKey> = (1..=3).map(|seed| PrivateKey::from_seed(&[seed; 32])).collect();
        let made = |number: i64, key: &PrivateKey, by: &PrivateKey| {
            let statement = announcement(&market, number, &key.public(), Timestamp::UNIX_EPOCH).unwrap();
            let endorsement = by.sign(statement.as_bytes()).to_vec();
            MarketKey { number, public: key.public(), created_at: Timestamp::UNIX_EPOCH, statement, endorsement }
        };
        let good = [made(1, &keys[0], &keys[0]), made(2, &keys[1], &keys[0]), made(3, &keys[2], &keys[1])];
        assert_eq!(flaw(&market, &good), None);
        let bad = [good[0].clone(), made(2, &keys[1], &keys[1])];
        assert!(flaw(&market, &bad).unwrap().contains("not endorsed"));
        assert!(flaw(&market, &good[1..]).unwrap().contains("missing"));
        let mut other = good.clone();
        other[2].public = keys[0].public();
        assert!(flaw(&market, &other).unwrap().contains("another key"));
    }
}
