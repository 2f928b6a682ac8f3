//! Other people's formats in: webhook dialects (and, later, statements). Pure: bytes, secrets and
//! the time go in, settlements or a refusal come out. Called by `app` alone.

use jiff::Timestamp;

use crate::domain::settlement::Item;

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

/// What an authenticated request holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Settlements and other items, in the order sent; `several` when the sender's format is a
    /// list, where one bad item must not refuse its neighbours.
    Items(Vec<Item>),
    /// VietQR.vn's token call: answer with a bearer token that [`issue_token`] made.
    TokenIssued {
        /// The token to hand out.
        token: String,
        /// Its life in seconds.
        expires_in_s: i64,
    },
}

/// Why a request is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Authentication missing or wrong: 401, nothing is stored.
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
