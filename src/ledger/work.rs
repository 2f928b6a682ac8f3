//! What is asked of a market's writer. Each piece of work is judged whole; a batch is whatever
//! pieces arrived while the previous commit ran.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::account::{AccountNumber, BankAccount};
use crate::domain::ids::{DeliveryId, Seq, SourceId, StallNumber};
use crate::domain::inbox::Outcome;
use crate::domain::money::Dong;
use crate::domain::settlement::{NotMoney, Settlement};

use super::routing::Routed;

/// One piece of work for one market.
#[derive(Debug, Clone)]
pub enum Work {
    /// Items that a source reported.
    Deliver(Incoming),
    /// A correction by a person.
    Correct(Correction),
    /// A decision about a held item.
    Resolve(Resolution),
}

/// The items of one delivery that belong to one market.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The delivery they came in.
    pub delivery: DeliveryId,
    /// Who sent it.
    pub source: SourceId,
    /// The reference tables' version that routed them; another version means: route again.
    pub reference_version: i64,
    /// The items, in the order sent.
    pub items: Vec<IncomingItem>,
}

/// One item as it reaches the writer.
#[derive(Debug, Clone)]
pub struct IncomingItem {
    /// Its place in the delivery, from 1; 0 for a raw body that stands alone.
    pub part: i64,
    /// What it is.
    pub content: Content,
    /// The salt of its commitment.
    pub salt: [u8; 32],
    /// The body it came in, kept with the delivery's first item of this market.
    pub raw: Option<Vec<u8>>,
    /// The held item of this market that this one settles, when it is judged again.
    pub resolves: Option<i64>,
    /// Who had it judged again, or booked it from a statement.
    pub actor: Option<String>,
    /// What reconciling has compared it with already.
    pub compared: Option<Compared>,
}

/// What a statement's line was compared with before it is booked: of the credits up to an item none
/// is this line, but those that the dates alone could not decide about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The last item that was compared.
    pub up_to: i64,
    /// Items that may be this line all the same.
    pub undecided: Arc<BTreeSet<i64>>,
}

impl Compared {
    /// Tells whether an item was found to be other money.
    #[must_use]
    pub fn rules_out(&self, item: i64) -> bool {
        item <= self.up_to && !self.undecided.contains(&item)
    }
}

/// What an item is.
#[derive(Debug, Clone)]
pub enum Content {
    /// Money in.
    Credit {
        /// As reported.
        settlement: Settlement,
        /// Where it goes.
        routed: Routed,
    },
    /// Kept as ignored.
    Ignored {
        /// Why it is not money.
        why: NotMoney,
        /// As reported, when readable.
        settlement: Option<Settlement>,
    },
    /// Kept as received, for the reason given: rejected, stale, or the body of a delivery whose
    /// items belong to several markets.
    Kept {
        /// [`Outcome::Rejected`], [`Outcome::Stale`] or [`Outcome::Received`].
        outcome: Outcome,
        /// What is wrong with it.
        why: Option<String>,
    },
}

/// A correction: who, why, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Who makes it.
    pub actor: String,
    /// Why; never empty.
    pub reason: String,
    /// What it does.
    pub action: CorrectionAction,
}

/// What a correction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrectionAction {
    /// Reverses a posting in full.
    Reverse {
        /// The posting.
        posting: Seq,
    },
    /// Moves a settlement out of suspense to its stall.
    Assign {
        /// The settlement.
        posting: Seq,
        /// The stall.
        stall: StallNumber,
    },
    /// Overpaid, and `amount` handed back in cash.
    CashChange {
        /// The settlement, or the assignment that brought it to the stall.
        posting: Seq,
        /// How much was handed back.
        amount: Dong,
    },
    /// `amount` of a settlement was not a sale.
    Exclude {
        /// The settlement, or the assignment that brought it to the stall.
        posting: Seq,
        /// How much.
        amount: Dong,
    },
    /// The vendor gave money back in her own bank's app: a debit line of a statement says so.
    Refund {
        /// The settlement, or the assignment that brought it to the stall.
        posting: Seq,
        /// The debit line, by its number.
        line: i64,
        /// The line's amount.
        amount: Dong,
    },
}

impl CorrectionAction {
    /// Returns the posting it names.
    #[must_use]
    pub fn posting(self) -> Seq {
        match self {
            Self::Reverse { posting }
            | Self::Assign { posting, .. }
            | Self::CashChange { posting, .. }
            | Self::Exclude { posting, .. }
            | Self::Refund { posting, .. } => posting,
        }
    }
}

/// A decision about a held item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The item's number in this market's inbox.
    pub item: i64,
    /// Who decides.
    pub actor: String,
    /// Why; never empty.
    pub reason: String,
    /// What is decided.
    pub decision: Decision,
    /// The salt of the new row's commitment.
    pub salt: [u8; 32],
    /// The delivery that the decision's own row is filed under.
    pub delivery: DeliveryId,
}

/// What is decided about a held item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is money of its own: book it, under the next occurrence of its reference.
    Book {
        /// The listed account it belongs to.
        account: BankAccount,
    },
    /// It is no money of ours, or was booked elsewhere.
    Dismiss,
}

/// What became of one piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// The items' outcomes, in the order given.
    Judged(Vec<JudgedItem>),
    /// The posting that a correction made.
    Posted(Seq),
    /// The work was routed by reference tables that have changed since: route it again.
    RouteAgain,
    /// A correction or decision that the rules refuse; nothing was written.
    Refused(RuleBroken),
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedItem {
    /// Its number in the market's inbox.
    pub item: i64,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, where the outcome alone does not say it.
    pub reason: Option<String>,
    /// The posting it made, or the earlier one that it repeats.
    pub posting: Option<Seq>,
}

/// The rule that refuses a correction or a decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleBroken {
    /// There is no such posting.
    #[error("there is no posting {0:?}")]
    NoSuchPosting(Seq),
    /// It has been reversed.
    #[error("posting {0:?} has been reversed")]
    NotLive(Seq),
    /// A posting is reversed at most once.
    #[error("posting {posting:?} was reversed by {by:?}")]
    AlreadyReversed {
        /// The posting.
        posting: Seq,
        /// Its reversal.
        by: Seq,
    },
    /// A later posting rests on it: undo in reverse order.
    #[error("posting {by:?} rests on {posting:?}")]
    RestedOn {
        /// The posting.
        posting: Seq,
        /// The live posting that rests on it.
        by: Seq,
    },
    /// Only a settlement that lies in suspense can be assigned.
    #[error("posting {0:?} does not lie in suspense")]
    NotInSuspense(Seq),
    /// The posting brought no money to a stall.
    #[error("posting {0:?} brought no money to a stall")]
    NotAtStall(Seq),
    /// The stall is not of this market.
    #[error("stall {0:?} is not of this market")]
    NoSuchStall(StallNumber),
    /// More than is left of the posting.
    #[error("{asked} is more than the {left} left of posting {posting:?}")]
    MoreThanLeft {
        /// The posting.
        posting: Seq,
        /// What was asked.
        asked: Dong,
        /// What is left.
        left: Dong,
    },
    /// The line is a refund of another posting already.
    #[error("line {line} is recorded by {by:?}")]
    AlreadyRefunded {
        /// The line.
        line: i64,
        /// The live refund.
        by: Seq,
    },
    /// There is no such held item.
    #[error("there is no held item {0}")]
    NoSuchItem(i64),
    /// It was decided already.
    #[error("item {0} was resolved already")]
    AlreadyResolved(i64),
    /// A conflict or an unreadable item is never booked.
    #[error("an item held for {0:?} cannot be booked")]
    NeverBooked(String),
    /// The account is not one of this market's receiving accounts.
    #[error("account …{0} is not a receiving account of this market")]
    NotListed(String),
}

impl RuleBroken {
    /// Returns the refusal that the account is not listed; shows its last four characters alone.
    #[must_use]
    pub fn not_listed(number: &AccountNumber) -> Self {
        Self::NotListed(number.last_four().to_owned())
    }
}
