//! Which stall a credit belongs to: the account decides, the memo code only where the account
//! serves several stalls (DESIGN §4.11).

use jiff::Timestamp;

use super::facts::Bindings;
use crate::domain::account::{AccountKind, BankAccount};
use crate::domain::ids::StallNumber;
use crate::domain::inbox::reason;
use crate::domain::memo::{self, Choice};

/// Where a credit goes, and what its memo said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    /// The stall, or why none is known: the money goes to suspense.
    pub stall: Result<StallNumber, &'static str>,
    /// The one stall of this market that the memo names, whether or not it decided.
    pub memo_code: Option<StallNumber>,
}

/// Finds the stall of a credit on `account` at an instant.
#[must_use]
pub fn find(bindings: &Bindings, account: &BankAccount, memo: &str, at: Timestamp) -> Destination {
    let named_here = match memo::choose(memo, |stall| bindings.stalls.contains(&stall)) {
        Choice::One(stall) => Some(stall),
        Choice::None | Choice::Ambiguous => None,
    };
    let Some(binding) = bindings.accounts.get(account) else {
        return Destination { stall: Err(reason::NO_STALL), memo_code: named_here };
    };
    let serves: Vec<_> =
        binding.stalls.iter().filter(|stall| stall.from <= at && stall.to.is_none_or(|to| at < to)).collect();
    let default = serves.iter().find(|stall| stall.is_default).map(|stall| stall.stall);
    let choice = match (binding.kind, serves.as_slice()) {
        (AccountKind::Collecting, _) => memo::choose(memo, |stall| bindings.stalls.contains(&stall)),
        (AccountKind::Direct | AccountKind::Virtual, []) => {
            return Destination { stall: Err(reason::NO_STALL), memo_code: named_here };
        }
        // The account decides; a foreign code is only noted.
        (AccountKind::Direct | AccountKind::Virtual, [only]) => Choice::One(only.stall),
        (AccountKind::Direct | AccountKind::Virtual, several) => {
            memo::choose(memo, |stall| several.iter().any(|bound| bound.stall == stall))
        }
    };
    let stall = match choice {
        Choice::One(stall) => Ok(stall),
        Choice::Ambiguous => Err(reason::AMBIGUOUS_CODE),
        Choice::None => default.ok_or(reason::NO_CODE),
    };
    Destination { stall, memo_code: named_here }
}
