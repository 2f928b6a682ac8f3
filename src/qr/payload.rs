//! The VietQR payload: built and read back to the byte (EMVCo merchant-presented mode; NAPAS "QR
//! switching, part IV" v1.5.2).
//!
//! Reading is stricter than public packages are: a payload decides where money goes, so a tag that
//! stands twice, another currency or a fraction of a đồng is refused, with its place.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::crc::checksum;
use super::tlv::{self, Object};
use crate::domain::account::BankBin;
use crate::domain::ids::IdError;
use crate::domain::money::Dong;

/// NAPAS's application identifier in tag 38.
const NAPAS: &str = "A000000727";
/// Longest memo that banking apps carry (tag 62.08).
pub const MEMO_MAX: usize = 25;
/// Longest payload that is read; a QR of version 40 holds no more.
const PAYLOAD_MAX: usize = 2_953;

/// The NAPAS service in tag 38.02.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Transfer to an account.
    ToAccount,
    /// Transfer to a card.
    ToCard,
    /// Payment to a merchant: 38.01.01 is a merchant's number, no account.
    Merchant,
    /// Cash from a machine.
    Cash,
}

impl Service {
    /// All services.
    pub const ALL: [Self; 4] = [Self::ToAccount, Self::ToCard, Self::Merchant, Self::Cash];

    /// Returns the word in the payload.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ToAccount => "QRIBFTTA",
            Self::ToCard => "QRIBFTTC",
            Self::Merchant => "QRPUSH",
            Self::Cash => "QRCASH",
        }
    }
}

impl FromStr for Service {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL.into_iter().find(|service| service.as_str() == text).ok_or_else(|| IdError {
            what: "service",
            text: text.chars().take(20).collect(),
            rule: "QRIBFTTA, QRIBFTTC, QRPUSH or QRCASH",
        })
    }
}

/// A VietQR code's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VietQr {
    bin: BankBin,
    account: String,
    service: Service,
    amount: Option<Dong>,
    memo: Option<String>,
    /// Static codes are paid many times; dynamic ones name an amount.
    dynamic: bool,
    merchant_name: Option<String>,
}

/// Where a payload breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at byte {offset}: {rule}")]
pub struct QrError {
    /// The byte at which the reading stopped, from 0.
    pub offset: usize,
    /// The rule.
    pub rule: QrRule,
}

/// The rules a payload can break.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QrRule {
    /// Nothing there.
    #[error("the payload is empty")]
    Empty,
    /// Too long for a QR code.
    #[error("the payload is longer than a QR code can hold")]
    TooLong,
    /// A character outside printable ASCII.
    #[error("a character outside printable ASCII")]
    NotAscii,
    /// The text ends inside an object's head.
    #[error("the text ends inside an object")]
    Truncated,
    /// ID or length is not two digits.
    #[error("an object begins with two digits of ID and two of length")]
    NotAnObject,
    /// A length of 00.
    #[error("an object with an empty value")]
    EmptyValue,
    /// A value longer than what is left.
    #[error("the declared length runs past the end")]
    Overrun,
    /// An ID twice in one template.
    #[error("an object stands there twice")]
    Duplicate,
    /// Tag 00 must come first and say 01.
    #[error("the first object must be 000201")]
    Format,
    /// Tag 63 must come last.
    #[error("the last object must be the checksum, tag 63")]
    NoChecksum,
    /// The checksum is another.
    #[error("the checksum is {found}, computed {computed}")]
    Checksum {
        /// What the payload says.
        found: String,
        /// What it should say.
        computed: String,
    },
    /// A tag that must be there is missing.
    #[error("tag {0} is missing")]
    Missing(&'static str),
    /// A tag's value is not what it must be.
    #[error("tag {tag} must be {rule}")]
    Value {
        /// The tag.
        tag: &'static str,
        /// What it must be.
        rule: &'static str,
    },
}

fn value(tag: &'static str, rule: &'static str) -> QrRule {
    QrRule::Value { tag, rule }
}

impl VietQr {
    /// Returns the content of a code that pays into an account or to a card.
    ///
    /// `account` has 1 to 19 letters or digits; a card has 16 or 19 digits. An amount makes the
    /// code dynamic. The memo has 1 to 25 printable ASCII characters; an empty one is none.
    ///
    /// # Errors
    /// The rule that the input breaks; the offset is 0.
    pub fn new(
        bin: BankBin,
        account: &str,
        service: Service,
        amount: Option<Dong>,
        memo: Option<&str>,
    ) -> Result<Self, QrError> {
        let refuse = |rule| QrError { offset: 0, rule };
        check_account(account, service).map_err(refuse)?;
        if let Some(amount) = amount {
            amount.qr_amount().map_err(|_| refuse(value("54", "1 to 9,999,999,999,999 whole đồng")))?;
        }
        let memo = memo.filter(|memo| !memo.is_empty());
        if let Some(memo) = memo {
            check_memo(memo).map_err(refuse)?;
        }
        let memo = memo.map(str::to_owned);
        let account = account.to_owned();
        Ok(Self { bin, account, service, amount, memo, dynamic: amount.is_some(), merchant_name: None })
    }

    /// Returns the bank.
    #[must_use]
    pub fn bin(&self) -> &BankBin {
        &self.bin
    }

    /// Returns the account, card or, for `QRPUSH`, merchant number.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns the service.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service
    }

    /// Returns the amount; `None` when the payer types it.
    #[must_use]
    pub fn amount(&self) -> Option<Dong> {
        self.amount
    }

    /// Returns the memo.
    #[must_use]
    pub fn memo(&self) -> Option<&str> {
        self.memo.as_deref()
    }

    /// Tells whether the code is meant for one payment (tag 01 = 12).
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        self.dynamic
    }

    /// Returns the merchant's name, when the payload carries one (tag 59).
    #[must_use]
    pub fn merchant_name(&self) -> Option<&str> {
        self.merchant_name.as_deref()
    }
}

impl fmt::Display for VietQr {
    /// Writes the payload, in the order all common generators use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut beneficiary = String::new();
        tlv::push(&mut beneficiary, "00", self.bin.as_str());
        tlv::push(&mut beneficiary, "01", &self.account);
        let mut napas = String::new();
        tlv::push(&mut napas, "00", NAPAS);
        tlv::push(&mut napas, "01", &beneficiary);
        tlv::push(&mut napas, "02", self.service.as_str());
        let mut payload = String::new();
        tlv::push(&mut payload, "00", "01");
        tlv::push(&mut payload, "01", if self.dynamic { "12" } else { "11" });
        tlv::push(&mut payload, "38", &napas);
        tlv::push(&mut payload, "53", "704");
        tlv::push(&mut payload, "54", &self.amount.map(|amount| amount.to_string()).unwrap_or_default());
        tlv::push(&mut payload, "58", "VN");
        if let Some(memo) = &self.memo {
            let mut additional = String::new();
            tlv::push(&mut additional, "08", memo);
            tlv::push(&mut payload, "62", &additional);
        }
        payload.push_str("6304");
        write!(f, "{payload}{:04X}", checksum(payload.as_bytes()))
    }
}

impl FromStr for VietQr {
    type Err = QrError;

    /// Reads a payload. Unknown tags are skipped but count in the checksum; the checksum may be in
    /// lower case; the amount may carry a fraction of zeros.
    fn from_str(payload: &str) -> Result<Self, QrError> {
        check_text(payload)?;
        let objects = tlv::split(payload, 0)?;
        check_frame(payload, &objects)?;
        let root = |id: &str| objects.iter().find(|object| object.id == id);
        let end = payload.len();
        let missing = |tag| QrError { offset: end, rule: QrRule::Missing(tag) };

        let (bin, account, service) = read_napas(root("38").ok_or(missing("38"))?)?;
        let currency = root("53").ok_or(missing("53"))?;
        expect(currency, "704", "53", "704, the đồng")?;
        let country = root("58").ok_or(missing("58"))?;
        expect(country, "VN", "58", "VN")?;
        let amount = root("54").map(read_amount).transpose()?;
        let dynamic = match root("01").map(|object| (object.value, object)) {
            None | Some(("11", _)) => false,
            Some(("12", _)) => true,
            Some((_, object)) => {
                return Err(QrError { offset: object.value_at(), rule: value("01", "11 or 12") });
            }
        };
        let memo = root("62").map(read_memo).transpose()?.flatten();
        let merchant_name = root("59").map(|object| object.value.to_owned());
        Ok(Self { bin, account, service, amount, memo, dynamic, merchant_name })
    }
}

fn check_text(payload: &str) -> Result<(), QrError> {
    if payload.is_empty() {
        return Err(QrError { offset: 0, rule: QrRule::Empty });
    }
    if payload.len() > PAYLOAD_MAX {
        return Err(QrError { offset: PAYLOAD_MAX, rule: QrRule::TooLong });
    }
    match payload.bytes().position(|b| !(0x20..0x7F).contains(&b)) {
        Some(offset) => Err(QrError { offset, rule: QrRule::NotAscii }),
        None => Ok(()),
    }
}

/// Tag 00 first and 01, tag 63 last, with the right checksum over all that stands before it.
fn check_frame(payload: &str, objects: &[Object<'_>]) -> Result<(), QrError> {
    let format = objects.first().filter(|object| object.id == "00" && object.value == "01");
    if format.is_none() {
        return Err(QrError { offset: 0, rule: QrRule::Format });
    }
    let last = objects.last().filter(|object| object.id == "63" && object.value.len() == 4);
    let crc = last.ok_or(QrError { offset: payload.len(), rule: QrRule::NoChecksum })?;
    let covered = payload.get(..crc.value_at()).unwrap_or_default();
    let computed = format!("{:04X}", checksum(covered.as_bytes()));
    if crc.value.eq_ignore_ascii_case(&computed) {
        return Ok(());
    }
    let rule = QrRule::Checksum { found: crc.value.to_owned(), computed };
    Err(QrError { offset: crc.value_at(), rule })
}

fn expect(object: &Object<'_>, wanted: &str, tag: &'static str, rule: &'static str) -> Result<(), QrError> {
    if object.value == wanted { Ok(()) } else { Err(QrError { offset: object.value_at(), rule: value(tag, rule) }) }
}

fn read_napas(template: &Object<'_>) -> Result<(BankBin, String, Service), QrError> {
    let parts = tlv::split(template.value, template.value_at())?;
    let part = |id: &str, tag| {
        let missing = QrError { offset: template.value_at(), rule: QrRule::Missing(tag) };
        parts.iter().find(|object| object.id == id).ok_or(missing)
    };
    expect(part("00", "38.00")?, NAPAS, "38.00", "A000000727, NAPAS")?;
    let beneficiary = part("01", "38.01")?;
    let service = part("02", "38.02")?;
    let refuse = |object: &Object<'_>, rule| QrError { offset: object.value_at(), rule };
    let service_kind: Service = service
        .value
        .parse()
        .map_err(|_: IdError| refuse(service, value("38.02", "QRIBFTTA, QRIBFTTC, QRPUSH or QRCASH")))?;
    let inner = tlv::split(beneficiary.value, beneficiary.value_at())?;
    let find = |id: &str, tag| {
        let missing = QrError { offset: beneficiary.value_at(), rule: QrRule::Missing(tag) };
        inner.iter().find(|object| object.id == id).ok_or(missing)
    };
    let bin = find("00", "38.01.00")?;
    let account = find("01", "38.01.01")?;
    let bank = bin.value.parse().map_err(|_: IdError| refuse(bin, value("38.01.00", "a BIN of six digits")))?;
    check_account(account.value, service_kind).map_err(|rule| refuse(account, rule))?;
    Ok((bank, account.value.to_owned(), service_kind))
}

fn check_account(account: &str, service: Service) -> Result<(), QrRule> {
    let plain = (1..=19).contains(&account.len()) && account.bytes().all(|b| b.is_ascii_alphanumeric());
    if !plain {
        return Err(value("38.01.01", "an account of 1 to 19 letters or digits"));
    }
    let is_card = matches!(account.len(), 16 | 19) && account.bytes().all(|b| b.is_ascii_digit());
    if service == Service::ToCard && !is_card {
        return Err(value("38.01.01", "a card number of 16 or 19 digits for QRIBFTTC"));
    }
    Ok(())
}

fn read_amount(object: &Object<'_>) -> Result<Dong, QrError> {
    let refuse = || QrError { offset: object.value_at(), rule: value("54", "1 to 9,999,999,999,999 whole đồng") };
    let (whole, fraction) = object.value.split_once('.').unwrap_or((object.value, ""));
    let digits = !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit());
    if object.value.len() > 13 || !digits || fraction.bytes().any(|b| b != b'0') {
        return Err(refuse());
    }
    let amount: Dong = whole.parse().map_err(|_| refuse())?;
    amount.qr_amount().map_err(|_| refuse())
}

fn check_memo(memo: &str) -> Result<(), QrRule> {
    let printable = memo.bytes().all(|b| (0x20..0x7F).contains(&b));
    if printable && memo.len() <= MEMO_MAX {
        Ok(())
    } else {
        Err(value("62.08", "a memo of 1 to 25 printable ASCII characters"))
    }
}

fn read_memo(template: &Object<'_>) -> Result<Option<String>, QrError> {
    let parts = tlv::split(template.value, template.value_at())?;
    Ok(parts.iter().find(|object| object.id == "08").map(|object| object.value.to_owned()))
}
