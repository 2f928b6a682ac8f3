//! Bank accounts as banks and VietQR name them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::ids::IdError;

/// A bank's six-digit identification number at NAPAS, for example `970436`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BankBin(String);

impl BankBin {
    /// Returns the six digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BankBin {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError { what: "bank BIN", text: text.chars().take(60).collect(), rule: "six digits" })
        }
    }
}

impl fmt::Display for BankBin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account number: 1 to 19 letters or digits, upper case. Text, because leading zeros count and
/// virtual accounts carry letters (NAPAS QR part IV, tag 38.01.01).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountNumber(String);

impl AccountNumber {
    /// Returns the number's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last four characters, all that is shown to people who need not see more.
    #[must_use]
    pub fn last_four(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(4)..).unwrap_or(&self.0)
    }
}

impl FromStr for AccountNumber {
    type Err = IdError;

    /// Reads a number; white space around it is dropped and letters are raised.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let number = text.trim().to_ascii_uppercase();
        if (1..=19).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(number))
        } else {
            Err(IdError {
                what: "account number",
                text: text.chars().take(60).collect(),
                rule: "1 to 19 letters A-Z or digits, without blanks or dashes",
            })
        }
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the last four characters only: numbers must not reach a log in clear.
impl fmt::Debug for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountNumber(…{})", self.last_four())
    }
}

/// What kind of bank account a stall's QR pays into (DESIGN §4.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// The vendor's own account.
    Direct,
    /// A virtual account that a provider opened for one vendor.
    Virtual,
    /// The market's collecting account: the memo code decides among all the market's stalls.
    Collecting,
}

impl AccountKind {
    /// All kinds, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Virtual, Self::Collecting];

    /// Returns the word used on the command line, in JSON and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Virtual => "virtual",
            Self::Collecting => "collecting",
        }
    }
}

impl FromStr for AccountKind {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| IdError {
            what: "account kind",
            text: text.chars().take(60).collect(),
            rule: "direct, virtual or collecting",
        })
    }
}

/// A receiving account: the bank account a QR pays into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BankAccount {
    /// The bank.
    pub bin: BankBin,
    /// The number at that bank.
    pub number: AccountNumber,
}

/// The key of the real account that money settled on: the number, and `@BIN` behind it only when
/// two listed banks share that number. Identity, pairing and `bank:…` use it (DESIGN §4.9).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SettledAccount(Arc<str>);

impl SettledAccount {
    /// Returns the key of an account whose number only one listed bank uses.
    #[must_use]
    pub fn of_number(number: &AccountNumber) -> Self {
        Self(number.0.as_str().into())
    }

    /// Returns the key of an account whose number several listed banks share.
    #[must_use]
    pub fn shared(account: &BankAccount) -> Self {
        Self(format!("{}@{}", account.number, account.bin).into())
    }

    /// Wraps a key as the store keeps it.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text.into())
    }

    /// Returns the key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SettledAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<char> = self.0.chars().rev().take(4).collect();
        write!(f, "SettledAccount(…{})", shown.into_iter().rev().collect::<String>())
    }
}
