//! The bank's days against the book's: what the lines of statements and the credits of the journal
//! come to, in the words that pages, files and programs share. `ledger::reconcile` decides.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use uuid::Uuid;

use super::account::SettledAccount;
use super::calendar::BusinessDate;
use super::daily_report::Figure;
use super::ids::{IdError, MarketId, Seq};
use super::money::Dong;
use super::settlement::{BankRef, Direction};
pub use super::signed_day::{DayReconciliation, SignState, Signature};

/// What stands before a line's number in the name under which its money is booked.
const EVENT_PREFIX: &str = "line-";
/// Bits of a version-7 UUID behind the market's number.
const MARKET_BITS: u32 = 20;

macro_rules! market_name {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Returns the name that lies in `market`: its number takes the first twenty of the
            /// UUID's free bits, so that the name alone leads to its rows.
            #[must_use]
            pub fn new(market: MarketId, random: Uuid) -> Self {
                Self(with_market(market, random))
            }

            /// Wraps a name as the store keeps it.
            #[must_use]
            pub fn from_stored(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Returns the name's UUID.
            #[must_use]
            pub fn uuid(self) -> Uuid {
                self.0
            }

            /// Returns the market it lies in.
            ///
            /// # Errors
            /// When the bits are no market's number, which [`Self::new`] never makes.
            pub fn market(self) -> Result<MarketId, IdError> {
                market_of(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let uuid = text.strip_prefix($prefix).and_then(|uuid| Uuid::try_parse(uuid).ok());
                uuid.filter(|uuid| uuid.get_version_num() == 7).map(Self).ok_or_else(|| IdError {
                    what: $what,
                    text: text.chars().take(60).collect(),
                    rule: concat!($prefix, " and a version-7 UUID"),
                })
            }
        }
    };
}

market_name! {
    /// The name of a bank's statement as it was handed in: `stm_` and a version-7 UUID.
    StatementId, "stm_", "statement"
}
market_name! {
    /// The name of a signed reconciliation: `rec_` and a version-7 UUID.
    ReconciliationId, "rec_", "reconciliation"
}

fn with_market(market: MarketId, random: Uuid) -> Uuid {
    let number = u128::from(market.get().cast_unsigned()) & ((1 << MARKET_BITS) - 1);
    let cleared = random.as_u128() & !(0xFFF << 64) & !(0xFF << 54);
    Uuid::from_u128(cleared | ((number >> 8) << 64) | ((number & 0xFF) << 54))
}

fn market_of(uuid: Uuid) -> Result<MarketId, IdError> {
    let bits = uuid.as_u128();
    let number = (((bits >> 64) & 0xFFF) << 8) | ((bits >> 54) & 0xFF);
    MarketId::new(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Whether a line of a statement counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It is one of the account's lines.
    Counted,
    /// It may repeat a line that is known: a person decides, or a file that covers the whole date.
    Doubtful,
    /// It is a line that is known: a file that covers the whole date has decided so, or a person.
    Settled,
}

impl Standing {
    /// Returns the word the store keeps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Doubtful => "doubtful",
            Self::Settled => "settled",
        }
    }
}

impl FromStr for Standing {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        [Self::Counted, Self::Doubtful, Self::Settled]
            .into_iter()
            .find(|standing| standing.as_str() == text)
            .ok_or_else(|| IdError {
                what: "standing",
                text: text.chars().take(60).collect(),
                rule: "counted, doubtful or settled",
            })
    }
}

/// One line that the files of an account agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankLine {
    /// Its number in the market, from 1.
    pub number: i64,
    /// The real account.
    pub settled: SettledAccount,
    /// The bank's calendar date.
    pub booked_on: BusinessDate,
    /// When, where the file says it to the second.
    pub booked_at: Option<Timestamp>,
    /// The bank's reference in the spelling that decides.
    pub reference: Option<BankRef>,
    /// The bank's reference as written.
    pub bank_ref: String,
    /// Money in or out, by the holder's purse.
    pub direction: Direction,
    /// How much.
    pub amount: Dong,
    /// The account's balance after it, where a file gave one.
    pub balance: Option<Dong>,
    /// The transfer's text.
    pub memo: String,
    /// The payer's own reference.
    pub payer_ref: String,
    /// The other side as told. Sensitive: never logged.
    pub counterparty: String,
    /// Whether it counts.
    pub standing: Standing,
}

impl BankLine {
    /// Returns the name under which the line's money is booked, identity (a) of DESIGN §4.12.
    #[must_use]
    pub fn event_id(&self) -> String {
        event_id(self.number)
    }

    /// Returns everything that may carry a memo code.
    #[must_use]
    pub fn whole_memo(&self) -> String {
        whole_memo(&self.memo, &self.payer_ref).into_owned()
    }
}

/// Joins a transfer's text and the payer's own reference: either may carry a memo code.
#[must_use]
pub fn whole_memo<'a>(memo: &'a str, payer_ref: &str) -> Cow<'a, str> {
    if payer_ref.is_empty() { Cow::Borrowed(memo) } else { Cow::Owned(format!("{memo}\n{payer_ref}")) }
}

/// Returns the name under which a line's money is booked.
#[must_use]
pub fn event_id(line: i64) -> String {
    format!("{EVENT_PREFIX}{line}")
}

/// Returns the line whose money is booked under a name.
#[must_use]
pub fn line_of(event_id: &str) -> Option<i64> {
    event_id.strip_prefix(EVENT_PREFIX).and_then(|number| number.parse().ok())
}

/// What became of a line, of a credit, or of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Bank and book agree.
    Matched,
    /// The bank has it, the book does not (thiếu).
    MissingHere,
    /// The book has it, the bank does not (thừa).
    MissingThere,
    /// Both have it, with different amounts (lệch tiền).
    AmountDiffers,
    /// Money out of the account: never posted by itself.
    IgnoredDebit,
    /// A source reported again what is booked.
    DuplicateReport,
}

impl Class {
    /// All classes, in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::MissingHere,
        Self::MissingThere,
        Self::AmountDiffers,
        Self::Matched,
        Self::IgnoredDebit,
        Self::DuplicateReport,
    ];

    /// Returns the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::MissingHere => "missing_here",
            Self::MissingThere => "missing_there",
            Self::AmountDiffers => "amount_differs",
            Self::IgnoredDebit => "ignored_debit",
            Self::DuplicateReport => "duplicate_report",
        }
    }

    /// Tells whether bank and book differ by it.
    #[must_use]
    pub fn is_difference(self) -> bool {
        matches!(self, Self::MissingHere | Self::MissingThere | Self::AmountDiffers)
    }
}

/// Why something was classed as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The credit was booked from this very line.
    BookedFromStatement,
    /// The same reference and amount on the same date.
    Reference,
    /// The same reference and amount one date apart.
    ReferenceNextDate,
    /// The same reference on the date that the sender told and that was not believed.
    ReferenceClaimed,
    /// A part of one's reference stands in the other's reference or text; the amount is the same.
    ReferencePart,
    /// Amount, time and memo code agree.
    AmountTimeCode,
    /// Amount and time agree; at most ten minutes apart.
    AmountTime,
    /// Amount, date and memo code agree; one side knows no hour.
    AmountDateCode,
    /// Amount and date agree; one side knows no hour.
    AmountDate,
    /// The amount agrees, and the time or date that the sender told and that was not believed.
    AmountClaimed,
    /// The amount agrees and the dates follow one another; the bank does not have it on its own date.
    AmountNextDate,
    /// Several lines with one reference or in one row come to the credit, or credits to the line.
    Sum,
    /// Nobody reported it.
    NotReported,
    /// It was reported, and waits for a person.
    Held,
    /// It was booked and reversed since.
    Reversed,
    /// The bank's lines of the date do not hold it.
    NotOnStatement,
    /// The sender told another date than the book's, and no statement covers that one yet.
    ClaimedElsewhere,
    /// Money out.
    Debit,
    /// Money out, recorded as a refund.
    Refunded,
    /// The same event, reference or payment as one that is booked.
    Repeated,
}

impl Why {
    /// Returns the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BookedFromStatement => "booked_from_statement",
            Self::Reference => "reference",
            Self::ReferenceNextDate => "reference_next_date",
            Self::ReferenceClaimed => "reference_claimed",
            Self::ReferencePart => "reference_part",
            Self::AmountTimeCode => "amount_time_code",
            Self::AmountTime => "amount_time",
            Self::AmountDateCode => "amount_date_code",
            Self::AmountDate => "amount_date",
            Self::AmountClaimed => "amount_claimed",
            Self::AmountNextDate => "amount_next_date",
            Self::Sum => "sum",
            Self::NotReported => "not_reported",
            Self::Held => "held",
            Self::Reversed => "reversed",
            Self::NotOnStatement => "not_on_statement",
            Self::ClaimedElsewhere => "claimed_elsewhere",
            Self::Debit => "debit",
            Self::Refunded => "refunded",
            Self::Repeated => "repeated",
        }
    }
}

/// One finding: the lines and the credits it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub class: Class,
    /// Why.
    pub why: Why,
    /// The real account.
    pub settled: SettledAccount,
    /// The bank's date: the first line's, or the first credit's where there is no line.
    pub date: BusinessDate,
    /// The lines, by number.
    pub lines: Vec<i64>,
    /// The postings.
    pub postings: Vec<Seq>,
    /// The inbox items.
    pub items: Vec<i64>,
    /// What the bank has.
    pub bank: Dong,
    /// What the book has.
    pub book: Dong,
    /// The bank's reference, or the source's where there is no line.
    pub reference: String,
    /// When, to the second where that is known.
    pub at: Option<Timestamp>,
    /// The transfer's text, to be masked before it is shown.
    pub memo: String,
}

/// How much of an account's date the statements cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Nothing is known of it.
    None,
    /// A part: up to this instant, where lines have times.
    Part(Option<Timestamp>),
    /// All of it.
    Day,
}

impl Coverage {
    /// Returns the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Part(_) => "part",
            Self::Day => "day",
        }
    }
}

/// An account's date: bank and book side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountDay {
    /// The real account.
    pub settled: SettledAccount,
    /// The bank's date.
    pub date: BusinessDate,
    /// How much of it the statements cover.
    pub coverage: Coverage,
    /// The bank's credits.
    pub bank: Figure,
    /// The book's live credits with that date at the bank.
    pub book: Figure,
    /// `bank` less `book`.
    pub difference: Dong,
    /// Of the difference, what is only on another date here than there, signed.
    pub other_date: Dong,
    /// Lines that may repeat known ones and wait for a person.
    pub doubtful: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_market() {
        let random = Uuid::from_u128(0x0193_5a5a_5a5a_7fff_bfff_ffff_ffff_ffff);
        for number in [0, 1, 255, 256, 4_097, MarketId::MAX] {
            let market = MarketId::new(number).expect("a market");
            let name = StatementId::new(market, random);
            assert_eq!((name.market(), name.uuid().get_version_num()), (Ok(market), 7));
            assert_eq!(name.to_string().parse(), Ok(name));
        }
    }
}
