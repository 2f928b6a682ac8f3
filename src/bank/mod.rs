//! Other people's formats in: webhook dialects, statements, files of rows. Pure: bytes, secrets and the time go in,
//! settlements or a refusal come out. Called by `app` alone.
//!
//! The order is the same for every dialect: authenticate over the raw bytes, check the signed time
//! where the dialect signs one, and only then read the body.
//!
//! # How to add a dialect
//! 1. A variant in [`Dialect`] with its name.
//! 2. One file here with `receive` (and `sign`, so that tests and the demo can speak it).
//! 3. Its arms in [`receive`], [`sign`] and [`answer::success`].
//! 4. Its signed samples in `fixtures/webhooks.json`.

pub mod amount;
pub mod answer;
mod body;
mod casso;
pub mod explain;
pub(crate) mod file;
mod form;
mod generic_hmac;
mod javascript;
mod pay2s;
mod payos;
mod sepay;
pub mod shell;
mod signature;
mod standard_webhooks;
pub mod statement;
mod time;
mod vietqr_vn;

use std::fmt;

use jiff::Timestamp;

use crate::domain::settlement::{Dialect, Item, Settlement};

/// Items that one delivery may hold; real ones hold a handful.
pub const ITEMS_MAX: usize = 500;

/// One inbound request, as received. Header names are compared without regard to case.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What follows the source's own path, `""` or for example `/bank/api/transaction-sync`.
    pub sub_path: &'a str,
    /// Header names and raw values, in the order received.
    pub headers: &'a [(String, Vec<u8>)],
    /// The body's bytes, exactly as received.
    pub body: &'a [u8],
}

/// What the installation knows about the sender.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// One or two live secrets, in the form that the dialect's documentation gives them.
    pub secrets: &'a [String],
    /// How far a signed time may be from ours, both ways, in seconds.
    pub tolerance_s: i64,
    /// Whether the sender writes Vietnam's local time as if it were UTC (VietQR.vn's seven hours).
    pub local_as_utc: bool,
    /// Our present time.
    pub now: Timestamp,
}

impl fmt::Debug for Credentials<'_> {
    /// Secrets never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("now", &self.now).finish_non_exhaustive()
    }
}

/// What an authenticated request holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Settlements and other items, in the order sent.
    Items(Vec<Item>),
    /// VietQR.vn's token call: hand out this bearer token.
    TokenIssued {
        /// The token.
        token: String,
        /// Its life in seconds.
        expires_in_s: i64,
    },
}

/// Why a request is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The dialect has no such sub-path: 404.
    NoSuchPath,
    /// Authentication missing or wrong: 401, nothing is stored. Says which step failed.
    Unauthenticated(&'static str),
    /// The signature is right but its time is not: 401, kept as `stale`.
    Stale {
        /// The signed time minus ours, in seconds.
        skew_s: i64,
    },
    /// Authenticated, but the envelope or its single item cannot be read: 400, kept as `rejected`.
    /// Names the field and the rule.
    Unreadable(String),
}

/// Authenticates and reads one request.
///
/// # Errors
/// The [`Refusal`] that says what to answer and whether to keep the body.
pub fn receive(dialect: Dialect, credentials: &Credentials<'_>, request: &Request<'_>) -> Result<Delivery, Refusal> {
    if dialect != Dialect::VietqrVn && !matches!(request.sub_path, "" | "/") {
        return Err(Refusal::NoSuchPath);
    }
    match dialect {
        Dialect::SepayApikey => sepay::receive_apikey(credentials, request),
        Dialect::SepayHmac => sepay::receive_hmac(credentials, request),
        Dialect::CassoV1 => casso::receive_v1(credentials, request),
        Dialect::CassoV2 => casso::receive_v2(credentials, request),
        Dialect::Payos => payos::receive(credentials, request),
        Dialect::VietqrVn => vietqr_vn::receive(credentials, request),
        Dialect::Pay2s => pay2s::receive(credentials, request),
        Dialect::StandardWebhooks => standard_webhooks::receive(credentials, request),
        Dialect::GenericHmac => generic_hmac::receive(credentials, request),
    }
}

/// Reads a body that was authenticated when it arrived: a stale one that a person has judged.
///
/// # Errors
/// [`Refusal::Unreadable`].
pub fn read(dialect: Dialect, local_as_utc: bool, request: &Request<'_>) -> Result<Vec<Item>, Refusal> {
    match dialect {
        Dialect::SepayApikey | Dialect::SepayHmac => sepay::read(request),
        Dialect::CassoV1 => casso::read_v1(request),
        Dialect::CassoV2 => casso::read_v2(request),
        Dialect::Payos => payos::read(request),
        Dialect::VietqrVn => vietqr_vn::read(local_as_utc, request),
        Dialect::Pay2s => pay2s::read(request),
        Dialect::StandardWebhooks => standard_webhooks::read(request),
        Dialect::GenericHmac => generic_hmac::read(request),
    }
}

/// A request that a sender of the dialect would send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// What follows the source's own path.
    pub sub_path: &'static str,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// Writes a settlement as a sender of the dialect would, signed at `now`: for `source test`, the
/// demo and the bench. `None` where only a public key is known, or the settlement has no event id
/// where the dialect needs one.
#[must_use]
pub fn sign(dialect: Dialect, secret: &str, settlement: &Settlement, now: Timestamp) -> Option<SignedRequest> {
    match dialect {
        Dialect::SepayApikey => Some(sepay::sign_apikey(secret, settlement)),
        Dialect::SepayHmac => Some(sepay::sign_hmac(secret, settlement, now)),
        Dialect::CassoV1 => Some(casso::sign_v1(secret, settlement)),
        Dialect::CassoV2 => Some(casso::sign_v2(secret, settlement, now)),
        Dialect::Payos => Some(payos::sign(secret, settlement)),
        Dialect::VietqrVn => vietqr_vn::sign(secret, settlement, now),
        Dialect::Pay2s => Some(pay2s::sign(secret, settlement)),
        Dialect::StandardWebhooks => standard_webhooks::sign(secret, settlement, now),
        Dialect::GenericHmac => Some(generic_hmac::sign(secret, settlement)),
    }
}
