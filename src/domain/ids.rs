//! Identifiers. Each has a type of its own, so that one can never be passed for another.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use uuid::Uuid;

/// Why a text is not an identifier of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} {text:?} is not valid: {rule}")]
pub struct IdError {
    /// What was being read, for example `market code`.
    pub what: &'static str,
    /// The text as given.
    pub text: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl IdError {
    fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        Self { what, text: text.chars().take(60).collect(), rule }
    }
}

/// A market's internal number; first column of every key of market data (DESIGN §4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarketId(i64);

impl MarketId {
    /// The reserved market that keeps what belongs to no market: quarantine of unlisted accounts.
    pub const INSTALLATION: Self = Self(0);
    /// Largest market number: event names keep 20 bits for it.
    pub const MAX: i64 = (1 << 20) - 1;

    /// Returns the market with this number, 0 ..= [`Self::MAX`].
    ///
    /// # Errors
    /// When the number is outside that range.
    pub fn new(number: i64) -> Result<Self, IdError> {
        if (0..=Self::MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(IdError::new("market number", &number.to_string(), "0 to 1,048,575"))
        }
    }

    /// Returns the number as it is stored.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

/// A market's public code, for example `TAN`: 2 to 8 upper-case ASCII letters or digits, a letter
/// first. Codes never change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarketCode(String);

impl MarketCode {
    /// Returns the code's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MarketCode {
    type Err = IdError;

    /// Reads a code; lower-case letters are raised.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let code = text.to_ascii_uppercase();
        let long_enough = (2..=8).contains(&code.len());
        let letter_first = code.bytes().next().is_some_and(|b| b.is_ascii_uppercase());
        if long_enough && letter_first && code.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(code))
        } else {
            Err(IdError::new("market code", text, "2 to 8 letters A-Z or digits, a letter first"))
        }
    }
}

impl fmt::Display for MarketCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A stall's number, unique in the whole installation; the memo code is made from it (DESIGN §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StallNumber(i64);

impl StallNumber {
    /// Largest number that five symbols of base 31 can carry: 31⁵ − 1.
    pub const MAX: i64 = 28_629_150;
    /// The first number.
    pub const FIRST: Self = Self(1);

    /// Returns the stall number, 1 ..= [`Self::MAX`].
    ///
    /// # Errors
    /// When the number is outside that range.
    pub fn new(number: i64) -> Result<Self, IdError> {
        if (1..=Self::MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(IdError::new("stall number", &number.to_string(), "1 to 28,629,150"))
        }
    }

    /// Returns the number as it is stored.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

/// A configured sender's internal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(i64);

impl SourceId {
    /// The statements of banks: what only they tell of is booked under this number.
    pub const STATEMENT: Self = Self(0);

    /// Wraps the number the store gave the source.
    #[must_use]
    pub fn new(number: i64) -> Self {
        Self(number)
    }

    /// Returns the number as it is stored.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

/// A source's public name, part of its address: 1 to 40 of `a-z 0-9 - _`, a letter or digit first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceName(String);

impl SourceName {
    /// The name of the statements of banks among the sources.
    pub const OF_STATEMENTS: &str = "bank-statement";

    /// Returns the name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SourceName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        let starts_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if starts_well && text.len() <= 40 && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::new("source name", text, "1 to 40 of a-z, 0-9, '-' and '_', a letter or digit first"))
        }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A posting's place in its market's journal: 1, 2, 3 … without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(i64);

impl Seq {
    /// Wraps a journal number.
    #[must_use]
    pub fn new(number: i64) -> Self {
        Self(number)
    }

    /// Returns the number as it is stored.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

/// The name of a posting everywhere a person or a program names it: `TAN-123`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PostingName {
    /// The market's code.
    pub market: MarketCode,
    /// The journal number within that market.
    pub seq: Seq,
}

impl fmt::Display for PostingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.market, self.seq.0)
    }
}

impl FromStr for PostingName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::new("posting", text, "a market code, '-' and a journal number, for example TAN-123");
        let (code, seq) = text.rsplit_once('-').ok_or_else(wrong)?;
        let plain =
            !seq.is_empty() && seq.len() <= 18 && !seq.starts_with('0') && seq.bytes().all(|b| b.is_ascii_digit());
        let number = if plain { seq.parse().map_err(|_| wrong())? } else { return Err(wrong()) };
        Ok(Self { market: code.parse().map_err(|_| wrong())?, seq: Seq(number) })
    }
}

/// The name of one judged inbox item: `evt_` and a version-7 UUID (RFC 9562).
///
/// The UUID's time is when the item was recorded and its 74 free bits hold the market and the
/// item's number in that market's inbox, so the name needs neither a column nor an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ItemName {
    /// The market whose inbox holds the item.
    pub market: MarketId,
    /// The item's number in that inbox, 1, 2, 3 …
    pub item: i64,
    /// When it was recorded, in milliseconds since 1970-01-01T00:00Z.
    pub recorded_at_ms: i64,
}

const ITEM_BITS: u32 = 54;

impl ItemName {
    fn to_uuid(self) -> Uuid {
        let millis = self.recorded_at_ms.max(0).cast_unsigned() & 0xFFFF_FFFF_FFFF;
        let free = (u128::from(self.market.0.cast_unsigned()) << ITEM_BITS) | u128::from(self.item.cast_unsigned());
        let high = (free >> 62) & 0xFFF;
        let low = free & ((1 << 62) - 1);
        Uuid::from_u128((u128::from(millis) << 80) | (7 << 76) | (high << 64) | (0b10 << 62) | low)
    }
}

impl fmt::Display for ItemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "evt_{}", self.to_uuid())
    }
}

impl FromStr for ItemName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::new("inbox item", text, "evt_ and a version-7 UUID");
        let uuid = text.strip_prefix("evt_").and_then(|u| Uuid::try_parse(u).ok()).ok_or_else(wrong)?;
        let bits = uuid.as_u128();
        if (bits >> 76) & 0xF != 7 || (bits >> 62) & 0b11 != 0b10 {
            return Err(wrong());
        }
        let free = (((bits >> 64) & 0xFFF) << 62) | (bits & ((1 << 62) - 1));
        let number = |value: u128| i64::try_from(value).map_err(|_| wrong());
        Ok(Self {
            market: MarketId::new(number(free >> ITEM_BITS)?)?,
            item: number(free & ((1 << ITEM_BITS) - 1))?,
            recorded_at_ms: number(bits >> 80)?,
        })
    }
}

/// A vendor's identifier, shown as `vnd_` and a version-7 UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VendorId(pub Uuid);

impl fmt::Display for VendorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vnd_{}", self.0)
    }
}

impl FromStr for VendorId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.strip_prefix("vnd_")
            .and_then(|u| Uuid::try_parse(u).ok())
            .map(Self)
            .ok_or_else(|| IdError::new("vendor", text, "vnd_ and a UUID"))
    }
}

/// The identifier of one received delivery: a version-7 UUID, made when its bytes arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub Uuid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_name_reads_back_to_its_market_and_number() {
        for (market, item) in [(0, 1), (1, 1), (12, 9_999_999), (MarketId::MAX, (1 << ITEM_BITS) - 1)] {
            let name = ItemName { market: MarketId(market), item, recorded_at_ms: 1_795_483_200_000 };
            assert_eq!(name.to_string().parse(), Ok(name));
            assert_eq!(name.to_uuid().get_version_num(), 7);
        }
    }

    #[test]
    fn a_posting_name_has_one_spelling() {
        assert_eq!("tan-123".parse::<PostingName>().map(|n| n.to_string()), Ok("TAN-123".to_owned()));
        for bad in ["TAN", "TAN-", "TAN-0", "TAN-012", "-1", "TAN-1x", "TAN--1"] {
            assert!(bad.parse::<PostingName>().is_err(), "{bad}");
        }
    }
}
