//! The chart of accounts of one market (DESIGN §4.3).

use std::fmt;
use std::str::FromStr;

use super::account::SettledAccount;
use super::ids::{IdError, StallNumber};

/// One account of a market's ledger, written as auditors read it: `stall:12`, `bank:0071000888888`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerAccount {
    /// `bank:<settled account>`: what the bank says arrived; debited by a settlement.
    Bank(SettledAccount),
    /// `stall:<number>`: what is a stall's; credited by a settlement.
    Stall(StallNumber),
    /// `suspense`: money whose stall is not known yet.
    Suspense,
    /// `cash-change:<stall>`: overpaid, and handed back in cash (thối tiền mặt).
    CashChange(StallNumber),
    /// `excluded:<stall>`: not sales: a debt repaid, money between relatives.
    Excluded(StallNumber),
    /// `refunded:<stall>`: a bank debit that a person paired with its credit.
    Refunded(StallNumber),
}

impl LedgerAccount {
    /// Returns the stall this account belongs to, if any.
    #[must_use]
    pub fn stall(&self) -> Option<StallNumber> {
        match self {
            Self::Bank(_) | Self::Suspense => None,
            Self::Stall(stall) | Self::CashChange(stall) | Self::Excluded(stall) | Self::Refunded(stall) => {
                Some(*stall)
            }
        }
    }
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bank(account) => write!(f, "bank:{}", account.as_str()),
            Self::Stall(stall) => write!(f, "stall:{}", stall.get()),
            Self::Suspense => f.write_str("suspense"),
            Self::CashChange(stall) => write!(f, "cash-change:{}", stall.get()),
            Self::Excluded(stall) => write!(f, "excluded:{}", stall.get()),
            Self::Refunded(stall) => write!(f, "refunded:{}", stall.get()),
        }
    }
}

impl FromStr for LedgerAccount {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError {
            what: "ledger account",
            text: text.chars().take(60).collect(),
            rule: "bank:…, stall:N, suspense, cash-change:N, excluded:N or refunded:N",
        };
        if text == "suspense" {
            return Ok(Self::Suspense);
        }
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        let stall = || rest.parse().map_err(|_| wrong()).and_then(StallNumber::new);
        match kind {
            "bank" if !rest.is_empty() => Ok(Self::Bank(SettledAccount::from_stored(rest.to_owned()))),
            "stall" => Ok(Self::Stall(stall()?)),
            "cash-change" => Ok(Self::CashChange(stall()?)),
            "excluded" => Ok(Self::Excluded(stall()?)),
            "refunded" => Ok(Self::Refunded(stall()?)),
            _ => Err(wrong()),
        }
    }
}
