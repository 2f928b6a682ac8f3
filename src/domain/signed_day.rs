//! A day's reconciliation as its report and its close show it, and who signed for it.

use std::str::FromStr;

use jiff::Timestamp;

use super::daily_report::Figure;
use super::hash::Hash;
use super::ids::IdError;
use super::money::Dong;
use super::reconciliation::ReconciliationId;

/// Whether a person has signed for a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignState {
    /// No statement covers any account of the date.
    #[default]
    NoStatement,
    /// Nobody has signed.
    Unsigned,
    /// Signed, and as it was then.
    Signed,
    /// Signed, and something has changed since.
    Changed,
}

impl SignState {
    /// Returns the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoStatement => "no_statement",
            Self::Unsigned => "unsigned",
            Self::Signed => "signed",
            Self::Changed => "changed_since",
        }
    }
}

impl FromStr for SignState {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        [Self::NoStatement, Self::Unsigned, Self::Signed, Self::Changed]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| IdError {
                what: "state of a reconciliation",
                text: text.chars().take(60).collect(),
                rule: "no_statement, unsigned, signed or changed_since",
            })
    }
}

/// Who signed for a date, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The signed reconciliation's name.
    pub id: ReconciliationId,
    /// When.
    pub signed_at: Timestamp,
    /// Who.
    pub signed_by: String,
    /// What the signer says of the difference; empty where there is none.
    pub note: String,
    /// Bank less book, as it was then.
    pub difference: Dong,
    /// Over all that was signed for.
    pub digest: Hash,
}

impl Signature {
    /// Tells whether exactly this was signed for.
    #[must_use]
    pub fn is_of(&self, digest: Hash) -> bool {
        self.digest.eq(&digest)
    }
}

/// What the report and the close of a day show of its reconciliation, by the bank's date.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayReconciliation {
    /// Whether a person has signed.
    pub state: SignState,
    /// Accounts that statements cover, wholly or in part.
    pub covered: usize,
    /// Accounts with money in the book that no statement covers.
    pub uncovered: usize,
    /// What those have in the book.
    pub uncovered_money: Figure,
    /// The bank's credits of the covered accounts.
    pub bank: Figure,
    /// The book's.
    pub book: Figure,
    /// Bank less book.
    pub difference: Dong,
    /// Of the difference, what is only on another date here than there, signed.
    pub other_date: Dong,
    /// The bank has it, the book does not.
    pub missing_here: Figure,
    /// The book has it, the bank does not.
    pub missing_there: Figure,
    /// Both have it with different amounts; bank less book.
    pub amount_differs: Figure,
    /// Lines that may repeat known ones and wait for a person.
    pub doubtful: i64,
    /// The newest signature.
    pub signature: Option<Signature>,
}

impl DayReconciliation {
    /// Tells whether bank and book agree in every line that is covered.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.state != SignState::NoStatement
            && self.difference == Dong::ZERO
            && [self.missing_here, self.missing_there, self.amount_differs].iter().all(|figure| figure.count == 0)
    }

    /// Returns what of the difference is neither a finding nor on another date: what no statement covers yet.
    #[must_use]
    pub fn beyond(&self) -> Dong {
        let here = [self.missing_here.amount, self.amount_differs.amount, self.other_date].into_iter();
        let named = here.sum::<Option<Dong>>().and_then(|here| here.checked_sub(self.missing_there.amount));
        named.and_then(|named| self.difference.checked_sub(named)).unwrap_or(Dong::ZERO)
    }
}
