//! A posting: one balanced fact. One account is debited, one is credited, by the same amount, so
//! the books balance by construction.

use std::fmt;
use std::str::FromStr;

use super::ids::{IdError, Seq};
use super::ledger_account::LedgerAccount;
use super::money::Dong;

/// Why a posting was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PostingKind {
    /// Money the bank says arrived.
    Settle,
    /// Money out of suspense to the stall it belongs to.
    Assign,
    /// The contra posting of another one, in full.
    Reversal,
    /// Overpaid, and handed back in cash.
    CashChange,
    /// Not sales.
    Exclusion,
    /// A bank debit that a person paired with its credit.
    Refund,
}

impl PostingKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Settle, Self::Assign, Self::Reversal, Self::CashChange, Self::Exclusion, Self::Refund];

    /// Returns the word used in JSON and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::Assign => "assign",
            Self::Reversal => "reversal",
            Self::CashChange => "cash_change",
            Self::Exclusion => "exclusion",
            Self::Refund => "refund",
        }
    }
}

impl fmt::Display for PostingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PostingKind {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| IdError {
            what: "posting kind",
            text: text.chars().take(60).collect(),
            rule: "settle, assign, reversal, cash_change, exclusion or refund",
        })
    }
}

/// The three things that make a posting balanced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The account that is debited.
    pub debit: LedgerAccount,
    /// The account that is credited.
    pub credit: LedgerAccount,
    /// How much; greater than zero.
    pub amount: Dong,
}

impl Transfer {
    /// Returns the contra transfer: same amount, sides exchanged.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { debit: self.credit.clone(), credit: self.debit.clone(), amount: self.amount }
    }
}

/// Points from a correction to the posting it corrects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Concerns(pub Seq);
