//! Registration: who sells where and which account receives the money.

use thiserror::Error;

use super::account::{AccountKind, BankAccount};
use super::calendar::Cutoff;
use super::ids::{MarketCode, MarketId, StallNumber, VendorId};
use super::text::{self, Name};

/// Longest printed stall code, in characters.
const STALL_CODE_MAX: usize = 24;
/// Longest telephone number with what people write between its digits, in characters.
const OFFICE_PHONE_MAX: usize = 24;

/// A market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Market {
    /// Its internal number.
    pub id: MarketId,
    /// Its public code; never changes.
    pub code: MarketCode,
    /// Its name.
    pub name: Name,
    /// The ward it lies in now, when that is known.
    pub ward: Option<String>,
    /// The time at which its book day breaks now.
    pub cutoff: Cutoff,
    /// Whether it is demonstration data.
    pub demo: bool,
    /// Where its office is called, when that is known.
    pub office_phone: Option<OfficePhone>,
}

/// A telephone number as people write and dial it: `0292 3 820 000`, `+84 292 3820000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficePhone(String);

/// Why a text is not a telephone number.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a telephone number: 3 to 15 digits, with blanks, points or dashes and one + before them")]
pub struct OfficePhoneError(String);

impl OfficePhone {
    /// Returns what a telephone dials: digits, and the plus before them.
    #[must_use]
    pub fn dialled(&self) -> String {
        self.0.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect()
    }
}

impl std::fmt::Display for OfficePhone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for OfficePhone {
    type Err = OfficePhoneError;

    fn from_str(typed: &str) -> Result<Self, OfficePhoneError> {
        let text = typed.trim();
        let rest = text.strip_prefix('+').unwrap_or(text);
        let digits = rest.chars().filter(char::is_ascii_digit).count();
        let plain = rest.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '.' | '-'));
        if plain && (3..=15).contains(&digits) && text.chars().count() <= OFFICE_PHONE_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(OfficePhoneError(typed.chars().take(40).collect()))
        }
    }
}

/// A stall's code as it is printed, for example `NL1-B07`; two codes that differ only in case,
/// marks, blanks or dashes are the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StallCode(String);

/// Why a text is not a stall code.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "stall code {0:?} must have 1 to {STALL_CODE_MAX} characters, among them a letter or a digit and none of / \\ % ? # < > \" &"
)]
pub struct StallCodeError(String);

impl StallCode {
    /// Returns the code's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the form that decides whether two codes are the same.
    #[must_use]
    pub fn key(&self) -> String {
        text::code_key(&self.0)
    }
}

impl std::fmt::Display for StallCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for StallCode {
    type Err = StallCodeError;

    fn from_str(typed: &str) -> Result<Self, StallCodeError> {
        let refuse = || StallCodeError(typed.chars().take(40).collect());
        let name = Name::new(typed).map_err(|_| refuse())?;
        let code = name.as_str();
        // A code stands in addresses: a slash or a percent sign would break them.
        let safe = !code.chars().any(|c| matches!(c, '/' | '\\' | '%' | '?' | '#' | '<' | '>' | '"' | '&'));
        if safe && code.chars().count() <= STALL_CODE_MAX && !text::code_key(code).is_empty() {
            Ok(Self(code.to_owned()))
        } else {
            Err(refuse())
        }
    }
}

/// What is asked for: a stall, its vendor and the account that receives. A collecting account
/// needs no stall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The stall.
    pub stall: Option<StallCode>,
    /// The vendor.
    pub vendor: Name,
    /// What is sold there.
    pub category: String,
    /// The account.
    pub account: BankAccount,
    /// Whose account it is.
    pub kind: AccountKind,
    /// The holder's name as bank apps show it.
    pub holder: String,
}

/// A stall as it stands in the register, with its vendor and its first receiving account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredStall {
    /// Its number in the installation.
    pub number: StallNumber,
    /// Its printed code.
    pub code: StallCode,
    /// What is sold there.
    pub category: String,
    /// Who sells there now.
    pub vendor: Option<(VendorId, Name)>,
    /// The account its QR pays into.
    pub account: Option<RegisteredAccount>,
    /// The version of its printed card, from 1; 0 before the first.
    pub card_version: i64,
}

/// A receiving account as it stands in the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredAccount {
    /// The account.
    pub account: BankAccount,
    /// Whose account it is.
    pub kind: AccountKind,
    /// The holder's name as bank apps show it.
    pub holder: String,
    /// Its vendor; none for a collecting account.
    pub vendor: Option<VendorId>,
}
