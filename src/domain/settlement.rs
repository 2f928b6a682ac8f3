//! A settlement: the bank's word that money moved on an account, as every foreign format is
//! reduced to it. `bank/` makes them, `ledger/` judges them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;

use super::account::AccountNumber;
use super::calendar::BusinessDate;
use super::ids::IdError;
use super::money::Dong;

/// The webhook formats that are understood; one file each in `bank/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// SePay with `Authorization: Apikey …`.
    SepayApikey,
    /// SePay with `X-SePay-Signature` over timestamp and raw body.
    SepayHmac,
    /// Casso's first webhook: `Secure-Token`, an array of items.
    CassoV1,
    /// Casso's second webhook: `X-Casso-Signature` over the sorted body.
    CassoV2,
    /// payOS: the signature is in the body.
    Payos,
    /// VietQR.vn: a token call, then a sync call.
    VietqrVn,
    /// Pay2S: a bearer token, an array of items.
    Pay2s,
    /// Standard Webhooks 1.0.0, symmetric (`whsec_`) or Ed25519 (`whpk_`).
    StandardWebhooks,
    /// Our own plain HMAC form.
    GenericHmac,
}

impl Dialect {
    /// All dialects, in the order they are documented.
    pub const ALL: [Self; 9] = [
        Self::SepayApikey,
        Self::SepayHmac,
        Self::CassoV1,
        Self::CassoV2,
        Self::Payos,
        Self::VietqrVn,
        Self::Pay2s,
        Self::StandardWebhooks,
        Self::GenericHmac,
    ];

    /// Returns the name used on the command line, in JSON and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SepayApikey => "sepay-apikey",
            Self::SepayHmac => "sepay-hmac",
            Self::CassoV1 => "casso-v1",
            Self::CassoV2 => "casso-v2",
            Self::Payos => "payos",
            Self::VietqrVn => "vietqr-vn",
            Self::Pay2s => "pay2s",
            Self::StandardWebhooks => "standard-webhooks",
            Self::GenericHmac => "generic-hmac",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dialect {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == text).ok_or_else(|| IdError {
            what: "dialect",
            text: text.chars().take(60).collect(),
            rule: "one of sepay-apikey, sepay-hmac, casso-v1, casso-v2, payos, vietqr-vn, pay2s, standard-webhooks, generic-hmac",
        })
    }
}

/// Which way the money moved on the settled account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Money in.
    Credit,
    /// Money out: kept as ignored, never posted.
    Debit,
}

impl Direction {
    /// Returns the word the store keeps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Debit => "debit",
        }
    }
}

/// When the bank says it happened, and how exactly it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventTime {
    /// To the second.
    At(Timestamp),
    /// The calendar day only (UTC+7): no hour in reports, no shift by the cut-off.
    On(BusinessDate),
    /// Not said: the time of recording takes its place.
    Missing,
}

/// The bank's reference after normalisation: NFKC, upper case, no white space, cut at `\`.
/// Texts that mean "none" (`-`, `0`, `NULL`, `N/A`, `NONREF`, `NOTPROVIDED`) never become one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BankRef(Arc<str>);

impl BankRef {
    /// Longest reference kept, in characters; longer ones are refused by the dialects.
    pub const MAX_LEN: usize = 100;

    /// Returns the normalised reference, or `None` when the text means that there is none
    /// (DESIGN §4.12 b).
    #[must_use]
    pub fn normalise(text: &str) -> Option<Self> {
        use unicode_normalization::UnicodeNormalization;
        let kept: String = if text.is_ascii() {
            text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect()
        } else {
            text.nfkc().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect()
        };
        let kept = kept.split('\\').next().unwrap_or_default();
        match kept {
            "" | "-" | "0" | "NULL" | "N/A" | "NONREF" | "NOTPROVIDED" => None,
            reference => Some(Self(reference.into())),
        }
    }

    /// Wraps a reference as the store keeps it.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text.into())
    }

    /// Returns the normalised text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The sender's own name for the event, identity (a) of DESIGN §4.12.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventId {
    /// The sender gave one.
    Given(Arc<str>),
    /// The dialect has none: identity (b) alone decides. Allowed only beside a reference.
    ByReference,
    /// Nothing at all: the SHA-256 of the item's bytes, in hex; weak, and listed at the close.
    Weak(Arc<str>),
}

impl EventId {
    /// Returns the text of identity (a), when the sender or the bytes gave one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Given(id) | Self::Weak(id) => Some(id),
            Self::ByReference => None,
        }
    }
}

/// Why an authenticated item is kept but never becomes money, whatever the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotMoney {
    /// Money out of the account.
    Debit,
    /// The provider's own test call (Casso id 0, payOS's registration body).
    TestCall,
    /// An event that says the payment did not happen (payOS code other than 00).
    Unpaid,
    /// An event of a type that reports no settlement.
    OtherEvent,
}

impl NotMoney {
    /// Returns the word kept as the item's reason.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::TestCall => "test_call",
            Self::Unpaid => "unpaid",
            Self::OtherEvent => "other_event",
        }
    }
}

/// One reported movement of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The sender's name for the event.
    pub event_id: EventId,
    /// Money in or out.
    pub direction: Direction,
    /// How much; 1 ..= 10¹² đồng.
    pub amount: Dong,
    /// The real bank account the money settled on.
    pub settled: AccountNumber,
    /// The virtual account that the payer addressed, when there is one.
    pub addressed: Option<AccountNumber>,
    /// The provider's name or code for the bank, to tell apart banks that share a number.
    pub bank_hint: Option<Arc<str>>,
    /// The bank's reference, normalised, when there is one.
    pub reference: Option<BankRef>,
    /// When the bank says it happened.
    pub event_time: EventTime,
    /// The transfer's text, as delivered; also what else may carry the memo code, after a newline.
    pub memo: String,
    /// The payer's name and account as told, or empty. Sensitive: never logged.
    pub payer: String,
}

/// What one item of a delivery turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Money in, to be judged.
    Credit(Settlement),
    /// Kept as `ignored`; what could be read of it, for the record.
    Ignored {
        /// Why it is not money.
        why: NotMoney,
        /// The movement as reported, when it was readable.
        settlement: Option<Settlement>,
    },
    /// A bad item among several: kept as `rejected`, the others go on.
    Rejected {
        /// What is wrong with it, naming the field and the rule.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_compared_in_one_spelling() {
        let normal = |text| BankRef::normalise(text).map(|r| r.as_str().to_owned());
        assert_eq!(normal(" ft2632\u{a0}8100 \\BNK").as_deref(), Some("FT26328100"));
        assert_eq!(normal("ＦＴ１"), normal("FT1"));
        for none in ["", " ", "-", "0", "null", "N/A", "NonRef", "NOT PROVIDED", "\\X"] {
            assert_eq!(normal(none), None, "{none:?}");
        }
    }
}
