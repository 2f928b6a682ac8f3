//! Whole Vietnamese đồng. There is no smaller unit (ISO 4217 exponent 0) and no float anywhere.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use thiserror::Error;

/// The largest amount one settlement may carry: 10¹² đồng (DESIGN §4.1).
pub const SETTLEMENT_MAX: i64 = 1_000_000_000_000;

/// The largest amount a VietQR payload can carry: 13 digits (NAPAS QR part IV, tag 54).
pub const QR_AMOUNT_MAX: i64 = 9_999_999_999_999;

/// An amount in whole đồng, positive, zero or negative, always within an `i64`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Dong(Decimal);

/// Why a text or a number is not an amount in whole đồng.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DongError {
    /// The text is not a plain decimal number: separators, signs in odd places, letters.
    #[error("amount {0:?} is not a plain number of đồng (no separators, no unit)")]
    NotANumber(String),
    /// The number has a fraction other than zero; the đồng has no smaller unit.
    #[error("amount {0} has a fraction; the đồng has none")]
    Fraction(String),
    /// The number does not fit the range that the place allows.
    #[error("amount {amount} is outside {min}..={max} đồng")]
    OutOfRange {
        /// The amount as given.
        amount: String,
        /// The smallest amount allowed here.
        min: i64,
        /// The largest amount allowed here.
        max: i64,
    },
}

impl Dong {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Returns the amount of `whole` đồng.
    #[must_use]
    pub fn new(whole: i64) -> Self {
        Self(Decimal::from(whole))
    }

    /// Returns the amount as an integer number of đồng, the form in which it is stored.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        clippy::expect_used,
        reason = "every constructor keeps the value within an i64 and at scale 0"
    )]
    pub fn whole(self) -> i64 {
        self.0.to_i64().expect("a Dong is a whole number within an i64")
    }

    /// Adds; `None` when the sum leaves the range of an `i64`.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.whole().checked_add(other.whole()).map(Self::new)
    }

    /// Subtracts; `None` when the difference leaves the range of an `i64`.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.whole().checked_sub(other.whole()).map(Self::new)
    }

    /// Returns the amount with the other sign; `None` only for the smallest `i64`.
    #[must_use]
    pub fn checked_neg(self) -> Option<Self> {
        self.whole().checked_neg().map(Self::new)
    }

    /// Returns the amount if it may be one settlement: 1 ..= 10¹² đồng.
    ///
    /// # Errors
    /// [`DongError::OutOfRange`] otherwise.
    pub fn settlement(self) -> Result<Self, DongError> {
        self.within(1, SETTLEMENT_MAX)
    }

    /// Returns the amount if a VietQR payload can carry it: 1 ..= 9,999,999,999,999 đồng.
    ///
    /// # Errors
    /// [`DongError::OutOfRange`] otherwise.
    pub fn qr_amount(self) -> Result<Self, DongError> {
        self.within(1, QR_AMOUNT_MAX)
    }

    fn within(self, min: i64, max: i64) -> Result<Self, DongError> {
        if (min..=max).contains(&self.whole()) {
            Ok(self)
        } else {
            Err(DongError::OutOfRange { amount: self.to_string(), min, max })
        }
    }

    /// Returns the amount as Vietnamese readers write it, without a unit: `1.250.000`.
    #[must_use]
    pub fn grouped(self) -> String {
        let digits = self.0.abs().to_string();
        let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
        if self.0.is_sign_negative() && !self.0.is_zero() {
            out.push('-');
        }
        for (position, digit) in digits.chars().enumerate() {
            let left = digits.len().saturating_sub(position);
            if position > 0 && left.is_multiple_of(3) {
                out.push('.');
            }
            out.push(digit);
        }
        out
    }

    /// Returns the amount as it is shown on pages: `1.250.000 ₫` with a no-break space.
    #[must_use]
    pub fn with_unit(self) -> String {
        format!("{}\u{a0}₫", self.grouped())
    }
}

impl fmt::Display for Dong {
    /// Plain digits, no separator: `1250000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Dong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dong({})", self.0)
    }
}

impl TryFrom<Decimal> for Dong {
    type Error = DongError;

    /// Accepts a whole number; `35000.00` is whole, `35000.5` is not.
    fn try_from(value: Decimal) -> Result<Self, DongError> {
        if !value.fract().is_zero() {
            return Err(DongError::Fraction(value.to_string()));
        }
        value.trunc().to_i64().map(Self::new).ok_or_else(|| DongError::OutOfRange {
            amount: value.to_string(),
            min: i64::MIN,
            max: i64::MAX,
        })
    }
}

impl FromStr for Dong {
    type Err = DongError;

    /// Reads plain digits with an optional leading `-` and a fraction of one or two zeros.
    ///
    /// `35000`, `-5` and `35000.00` are read; `35.000`, `35,000`, `+5`, `1e3` and ` 5` are not,
    /// because a separator's meaning differs by country and must never be guessed.
    fn from_str(text: &str) -> Result<Self, DongError> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) || fraction.len() > 2 {
            return Err(DongError::NotANumber(text.to_owned()));
        }
        if fraction.bytes().any(|b| b != b'0') {
            return Err(DongError::Fraction(text.to_owned()));
        }
        let sign = if unsigned.len() == text.len() { "" } else { "-" };
        format!("{sign}{whole}").parse().map(Self::new).map_err(|_| DongError::OutOfRange {
            amount: text.to_owned(),
            min: i64::MIN,
            max: i64::MAX,
        })
    }
}

/// Adds amounts; `None` as soon as the running sum leaves the range of an `i64`.
impl Sum<Dong> for Option<Dong> {
    fn sum<I: Iterator<Item = Dong>>(mut amounts: I) -> Self {
        amounts.try_fold(Dong::ZERO, Dong::checked_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_digits_by_three_with_dots() {
        let shown: Vec<String> =
            [0, 5, 999, 1_000, 35_000, 1_250_000, -1_250_000].map(|n| Dong::new(n).grouped()).into();
        assert_eq!(shown, ["0", "5", "999", "1.000", "35.000", "1.250.000", "-1.250.000"]);
    }

    #[test]
    fn reads_only_plain_whole_numbers() {
        assert_eq!("35000.00".parse(), Ok(Dong::new(35_000)));
        assert_eq!("-5".parse(), Ok(Dong::new(-5)));
        for bad in ["", "-", "35,000", "1.5", "+5", "1e3", " 5", "5 ", "5.", ".5", "1.2.3", "35.000", "1.000.000", "٣"]
        {
            assert!(bad.parse::<Dong>().is_err(), "{bad:?} must not be read");
        }
        assert!("9223372036854775808".parse::<Dong>().is_err());
    }

    #[test]
    fn sums_stop_at_the_edge_instead_of_wrapping() {
        let sum: Option<Dong> = [Dong::new(i64::MAX), Dong::new(1)].into_iter().sum();
        assert_eq!(sum, None);
    }
}
