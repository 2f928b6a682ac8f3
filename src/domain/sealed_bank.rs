//! What a close says of the bank: bank and book by the bank's date, as they stood when the date was
//! closed, and who had signed for them.

use jiff::Timestamp;

use super::daily_report::Figure;
use super::money::Dong;
use super::reconciliation::{DayReconciliation, SignState};

/// Bank and book at the moment of a close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBank {
    /// Whether a person had signed, and for exactly this.
    pub state: SignState,
    /// Accounts that statements covered, wholly or in part.
    pub accounts: i64,
    /// Accounts with money in the book that no statement covered.
    pub uncovered: i64,
    /// The bank's credits of the covered accounts.
    pub bank: Figure,
    /// The book's.
    pub book: Figure,
    /// Bank less book.
    pub difference: Dong,
    /// Findings by which they differed.
    pub open: i64,
    /// Lines that might repeat known ones and waited for a person.
    pub doubtful: i64,
    /// Who had signed last.
    pub signed_by: Option<String>,
    /// When.
    pub signed_at: Option<Timestamp>,
}

impl SealedBank {
    /// Returns what a close says of a day's reconciliation.
    #[must_use]
    pub fn of(day: &DayReconciliation) -> Self {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let open = [day.missing_here, day.missing_there, day.amount_differs];
        Self {
            state: day.state,
            accounts: count(day.covered),
            uncovered: count(day.uncovered),
            bank: day.bank,
            book: day.book,
            difference: day.difference,
            open: open.iter().map(|figure| figure.count).fold(0, i64::saturating_add),
            doubtful: day.doubtful,
            signed_by: day.signature.as_ref().map(|signature| signature.signed_by.clone()),
            // To the second, as a close writes every instant.
            signed_at: day
                .signature
                .as_ref()
                .and_then(|signature| Timestamp::from_second(signature.signed_at.as_second()).ok()),
        }
    }

    /// Tells whether bank and book agreed in every line that was covered.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.state != SignState::NoStatement && self.difference == Dong::ZERO && self.open == 0
    }
}
