//! What became of one item that a source reported.

use std::fmt;
use std::str::FromStr;

use super::ids::IdError;

/// The outcome of one judged item. Never changed: a later outcome is a later row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Posted to a stall.
    Recorded,
    /// Posted to suspense: its stall is not known.
    Suspense,
    /// The same money as an earlier item; nothing posted.
    Duplicate,
    /// Not money: a debit, a test call, an unpaid event.
    Ignored,
    /// Held for a person: unlisted account, conflict, reused reference, possible duplicate.
    Quarantined,
    /// Unreadable, from an authenticated sender; kept as received.
    Rejected,
    /// The signature was right, its time was not; kept as received.
    Stale,
    /// A held item that a person, or the normal path elsewhere, closed without a posting.
    Dismissed,
    /// The raw body of a delivery whose items belong to several markets.
    Received,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 9] = [
        Self::Recorded,
        Self::Suspense,
        Self::Duplicate,
        Self::Ignored,
        Self::Quarantined,
        Self::Rejected,
        Self::Stale,
        Self::Dismissed,
        Self::Received,
    ];

    /// Returns the word used in JSON and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Suspense => "suspense",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Quarantined => "quarantined",
            Self::Rejected => "rejected",
            Self::Stale => "stale",
            Self::Dismissed => "dismissed",
            Self::Received => "received",
        }
    }

    /// Tells whether a person may still decide about an item with this outcome.
    #[must_use]
    pub fn is_held(self) -> bool {
        matches!(self, Self::Quarantined | Self::Rejected | Self::Stale)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Outcome {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text).ok_or_else(|| IdError {
            what: "outcome",
            text: text.chars().take(60).collect(),
            rule: "recorded, suspense, duplicate, ignored, quarantined, rejected, stale, dismissed or received",
        })
    }
}

/// Why an item is quarantined or went to suspense; the stable words kept with it.
pub mod reason {
    /// No listed account has this number at the event's time, or the source may not report it.
    pub const UNLISTED_ACCOUNT: &str = "unlisted_account";
    /// Several listed banks share the number and the provider's bank name does not decide.
    pub const AMBIGUOUS_BANK: &str = "ambiguous_bank";
    /// The same event or reference was reported before with another account, direction or amount.
    pub const CONFLICT: &str = "conflict";
    /// The same source used the reference before under another event id.
    pub const REUSED_REFERENCE: &str = "reused_reference";
    /// Another source reported the same amount on the account within the pairing window.
    pub const POSSIBLE_DUPLICATE: &str = "possible_duplicate";
    /// The source sent the same event before.
    pub const SAME_EVENT: &str = "same_event";
    /// The same reference and amount were reported before.
    pub const SAME_REFERENCE: &str = "same_reference";
    /// Paired with another source's report by amount and time, and reference or memo code agree.
    pub const PAIRED: &str = "paired";
    /// Booked because a bank's statement told of it; kept as the reason of the posting.
    pub const FROM_STATEMENT: &str = "from_statement";
    /// No stall is bound to the account at the event's time.
    pub const NO_STALL: &str = "no_stall";
    /// The account serves several stalls and the memo names none of them.
    pub const NO_CODE: &str = "no_code";
    /// The memo names several of the account's stalls.
    pub const AMBIGUOUS_CODE: &str = "ambiguous_code";
    /// The account has since been listed in another market, which judged the item.
    pub const JUDGED_ELSEWHERE: &str = "judged_elsewhere";
}
