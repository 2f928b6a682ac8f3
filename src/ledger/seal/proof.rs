//! Evidence for one posting: its line, the path to its date's root, the signed close and the keys.
//! Whoever has the market's public key checks it with nothing else at hand.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::close::{self, DayClose, SignedClose};
use super::key::{self, MarketKey, PublicKey};
use super::{leaf, merkle};
use crate::domain::hash::Hash;
use crate::domain::ids::MarketCode;
use crate::ledger::batch::Posting;

/// What a proof file says it is.
const FORMAT: &str = "socho-proof-v1";
/// Longest path in a proof: a tree of 2⁶³ leaves.
const PATH_MAX: usize = 63;

/// A proof as it is written: JSON with the signed texts inside, letter for letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// `socho-proof-v1`.
    format: String,
    /// The posting's name, for people.
    posting: String,
    /// The posting's line: the leaf.
    leaf: String,
    /// The leaf's place among the date's postings, from 0.
    index: u64,
    /// The siblings up to the root, each 64 hex digits.
    path: Vec<String>,
    /// The close's statement.
    close: String,
    /// The signature over it, 64 bytes in base64.
    signature: String,
    /// The market's keys, each announced and endorsed.
    keys: Vec<PublishedKey>,
}

/// A key as it is published: in proofs, exports and under `/.well-known/socho-keys.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedKey {
    /// The text that announces the key.
    statement: String,
    /// The signature over it of the key before, or of the first key itself; base64.
    endorsement: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Announcement {
    v: u8,
    market: String,
    key: i64,
    public_key: String,
    created_at: String,
}

impl PublishedKey {
    /// Returns a key as it is published.
    #[must_use]
    pub fn of(key: &MarketKey) -> Self {
        Self { statement: key.statement.clone(), endorsement: base64(&key.endorsement) }
    }

    /// Reads a published key and the market it is of; its endorsement is not checked here.
    ///
    /// # Errors
    /// [`Flaw::Unreadable`].
    pub fn read(&self) -> Result<(MarketCode, MarketKey), Flaw> {
        let read: Announcement = serde_json::from_str(&self.statement).map_err(unreadable)?;
        if read.v != 1 {
            return Err(Flaw::Unreadable(format!("key announcement version {}", read.v)));
        }
        let key = MarketKey {
            number: read.key,
            public: read.public_key.parse().map_err(unreadable)?,
            created_at: read.created_at.parse().map_err(unreadable)?,
            statement: self.statement.clone(),
            endorsement: from_base64(&self.endorsement)?,
        };
        Ok((read.market.parse().map_err(unreadable)?, key))
    }
}

/// What is wrong with evidence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Flaw {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Its parts are about different things.
    #[error("its parts do not belong together: {0}")]
    Mixed(String),
    /// The keys do not lead from the trusted one to the one that signed.
    #[error("the keys: {0}")]
    Keys(String),
    /// The signature is not the key's.
    #[error("the signature over the close of {0} is not the key's")]
    Signature(String),
    /// What it holds is not what was sealed.
    #[error("{0}")]
    Differs(String),
    /// The posting is not among those that the close covers.
    #[error("the posting's line and path do not lead to the root {root} that was signed")]
    Root {
        /// The root in the signed statement.
        root: Hash,
    },
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn unreadable(error: impl ToString) -> Flaw {
    Flaw::Unreadable(error.to_string())
}

/// What a sound proof shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The posting.
    pub posting: Posting,
    /// The close that covers it.
    pub close: DayClose,
    /// The fingerprint of the key that signed it.
    pub fingerprint: String,
}

/// A posting's place among its date's postings.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The posting's line.
    pub line: &'a str,
    /// Its index, from 0.
    pub index: usize,
    /// The hashes of all the date's lines, in journal order.
    pub leaves: &'a [Hash],
}

/// Makes the proof of a posting. `None` when the date has no such place.
#[must_use]
pub fn make(name: &str, place: Place<'_>, closed: &SignedClose, keys: &[MarketKey]) -> Option<Proof> {
    let path = merkle::path(place.leaves, place.index)?;
    Some(Proof {
        format: FORMAT.to_owned(),
        posting: name.to_owned(),
        leaf: place.line.to_owned(),
        index: u64::try_from(place.index).ok()?,
        path: path.iter().map(ToString::to_string).collect(),
        close: closed.statement.clone(),
        signature: base64(&closed.signature),
        keys: keys.iter().map(PublishedKey::of).collect(),
    })
}

/// Checks a proof against a key that the reader trusts.
///
/// # Errors
/// [`Flaw`]: the first thing that is wrong.
pub fn check(proof: &Proof, trusted: &PublicKey) -> Result<Shown, Flaw> {
    if proof.format != FORMAT || proof.path.len() > PATH_MAX {
        return Err(Flaw::Unreadable(format!("it is no {FORMAT}")));
    }
    let closed = signed(&proof.close, &proof.signature)?;
    let market = &closed.close.market;
    let keys = proof.keys.iter().map(|key| key_of(market, key)).collect::<Result<Vec<_>, _>>()?;
    let signer = check_signature(&closed, &keys, trusted)?;
    let (of, posting) = leaf::read(&proof.leaf).map_err(unreadable)?;
    let name = format!("{of}-{}", posting.seq.get());
    if of != *market || posting.business_date != closed.close.business_date || name != proof.posting {
        let (date, signed_for) = (posting.business_date, closed.close.business_date);
        return Err(Flaw::Mixed(format!("{name} of {date}, a close of {market} on {signed_for}, {}", proof.posting)));
    }
    let path: Vec<Hash> = proof.path.iter().map(|hash| hash.parse().map_err(unreadable)).collect::<Result<_, _>>()?;
    let size = u64::try_from(closed.close.postings).unwrap_or_default();
    let root = merkle::root_by_path(merkle::leaf(proof.leaf.as_bytes()), proof.index, size, &path);
    if root != Some(closed.close.merkle_root) {
        return Err(Flaw::Root { root: closed.close.merkle_root });
    }
    Ok(Shown { posting, close: closed.close, fingerprint: signer.fingerprint() })
}

/// Reads a close from its published parts; its signature is not checked here.
///
/// # Errors
/// [`Flaw::Unreadable`].
pub fn signed(statement: &str, signature: &str) -> Result<SignedClose, Flaw> {
    Ok(SignedClose {
        close: close::read(statement).map_err(unreadable)?,
        hash: close::hash(statement),
        statement: statement.to_owned(),
        signature: from_base64(signature)?,
    })
}

/// Reads a published key that must be one of this market's.
///
/// # Errors
/// [`Flaw::Unreadable`], or [`Flaw::Mixed`] when it is another market's.
pub fn key_of(market: &MarketCode, key: &PublishedKey) -> Result<MarketKey, Flaw> {
    let (of, key) = key.read()?;
    if of == *market { Ok(key) } else { Err(Flaw::Mixed(format!("a key of {of} in evidence of {market}"))) }
}

/// Checks that a close was signed by a key of the market to which the trusted key leads: the
/// trusted one itself or one endorsed after it.
///
/// # Errors
/// [`Flaw::Keys`] or [`Flaw::Signature`].
pub fn check_signature(closed: &SignedClose, keys: &[MarketKey], trusted: &PublicKey) -> Result<PublicKey, Flaw> {
    let close = &closed.close;
    if let Some(flaw) = key::flaw(&close.market, keys) {
        return Err(Flaw::Keys(flaw));
    }
    let known = keys.iter().find(|key| key.public == *trusted);
    let known = known.ok_or_else(|| Flaw::Keys(format!("none is the trusted key {}", trusted.fingerprint())))?;
    let signer = keys.iter().find(|key| key.number == close.key);
    let signer = signer.ok_or_else(|| Flaw::Keys(format!("key {} is missing", close.key)))?;
    // A key vouches for those after it; what an earlier key signed must be checked with that key.
    if signer.number < known.number {
        let (older, newer) = (signer.number, known.number);
        return Err(Flaw::Keys(format!("key {older} signed, and the trusted key {newer} does not vouch for it")));
    }
    if signer.public.verifies(closed.statement.as_bytes(), &closed.signature) {
        Ok(signer.public)
    } else {
        Err(Flaw::Signature(close.business_date.to_string()))
    }
}

/// Writes bytes in base64, as proofs and exports do.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn from_base64(text: &str) -> Result<Vec<u8>, Flaw> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).map_err(unreadable)
}
